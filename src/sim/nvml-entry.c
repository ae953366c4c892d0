/* The exported functions, from the tables. */
#include "sim/nvml-part.h"

#include "sim/nvml-exports.h"
#include "sim/nvml-rules.h"

static const uint16_t rules[N_CALLS] = {
#define X(name, its_rules) [CALL_##name] = (its_rules),
	NVML_RULES(X)
#undef X
};

#define ENTER(name, params, kinds, handle, ...)                                                    \
	nvmlReturn_t nvml##name params                                                             \
	{                                                                                          \
		struct call call;                                                                  \
		bool go = call_begin(&call, "nvml" #name, rules[CALL_##name], kinds, handle);      \
                                                                                                   \
		return call_end(&call, go ? do_##name(&call __VA_ARGS__) : call.code);             \
	}

#define SYS(name, params, args) ENTER(name, params, 0, NULL, NVML_COMMA_ALL args)
#define ON(kinds, name, params, args)                                                              \
	ENTER(name, params, kinds, NVML_FIRST args, NVML_COMMA_REST args)
#define DEV(name, params, args) ON(KINDS_DEVICES, name, params, args)
#define GI(name, params, args)	ON(KIND(TARGET_GI), name, params, args)
#define CI(name, params, args)	ON(KIND(TARGET_CI), name, params, args)

NVML_CALLS(SYS, DEV, GI, CI)

/* Their arguments are of no interest: nothing is read, nothing written. */
#define X(name)                                                                                    \
	nvmlReturn_t nvml##name(void);                                                             \
	nvmlReturn_t nvml##name(void)                                                              \
	{                                                                                          \
		struct call call;                                                                  \
		bool go = call_begin(&call, "nvml" #name, 0, 0, NULL);                             \
                                                                                                   \
		return call_end(&call, go ? NVML_ERROR_NOT_SUPPORTED : call.code);                 \
	}
NVML_NOT_SUPPORTED(X)
#undef X
