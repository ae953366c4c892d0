#include "backend/call-json.h"

#include <string.h>

#include "backend/form.h"
#include "base/array.h"

static const char *const event_words[] = {"none", "mig", "xid", "other"};

/* clang-format off */
#define MEMBER(row, f)     (((struct row *)0)->f)
#define AT(row, f)         .name = #f, .at = offsetof(struct row, f), .size = sizeof(MEMBER(row, f))
#define HAS(row, flag)     .has_at = offsetof(struct row, flag)
#define FIELD(row, f, ...)                       \
	{ AT(row, f),                            \
	  .kind = _Generic(MEMBER(row, f),       \
		bool: FIELD_BOOL,                \
		char *: FIELD_CHARS,             \
		const struct board *: FIELD_BOARD, \
		default: FIELD_NUMBER),          \
	  ##__VA_ARGS__ }
#define LIST(row, f, list_kind, number, form, most) \
	{ AT(row, f),                            \
	  .kind = list_kind,                     \
	  .item = &(form),                       \
	  .max = (most),                         \
	  .n_at = offsetof(struct row, number),  \
	  .n_size = sizeof(MEMBER(row, number)) }
#define FORM(row, list) { sizeof(struct row), ARRAY_SIZE(list), list }

static const struct field driver_fields[] = {
	FIELD(backend_driver, driver),
	FIELD(backend_driver, nvml),
	FIELD(backend_driver, cuda_major, HAS(backend_driver, has_cuda)),
	FIELD(backend_driver, cuda_minor, HAS(backend_driver, has_cuda)),
	FIELD(backend_driver, missing),
};

static const struct field gpu_fields[] = {
	FIELD(backend_gpu, index),
	FIELD(backend_gpu, uuid),
	FIELD(backend_gpu, name),
	FIELD(backend_gpu, pci),
	FIELD(backend_gpu, serial),
	FIELD(backend_gpu, minor, HAS(backend_gpu, has_minor)),
	FIELD(backend_gpu, pci_device_id),
	FIELD(backend_gpu, lost),
	FIELD(backend_gpu, mig_capable),
	FIELD(backend_gpu, mig),
	FIELD(backend_gpu, mig_pending),
	FIELD(backend_gpu, memory_bytes, HAS(backend_gpu, has_memory)),
	FIELD(backend_gpu, memory_used_bytes, HAS(backend_gpu, has_memory)),
	FIELD(backend_gpu, board),
};

static const struct field profile_fields[] = {
	FIELD(backend_profile, constant),
	FIELD(backend_profile, id),
	FIELD(backend_profile, slices),
	FIELD(backend_profile, instances),
	FIELD(backend_profile, sm),
	FIELD(backend_profile, memory_mib),
	FIELD(backend_profile, size),
	FIELD(backend_profile, starts),
};

static const struct field ci_fields[] = {
	FIELD(backend_ci, id),
	FIELD(backend_ci, profile_id),
	FIELD(backend_ci, start),
	FIELD(backend_ci, slices),
	FIELD(backend_ci, uuid),
};

static const struct form ci_form = FORM(backend_ci, ci_fields);

static const struct field instance_fields[] = {
	FIELD(backend_instance, gi),
	FIELD(backend_instance, profile_id),
	FIELD(backend_instance, start),
	FIELD(backend_instance, size),
	FIELD(backend_instance, memory_bytes, HAS(backend_instance, has_memory)),
	FIELD(backend_instance, memory_used_bytes, HAS(backend_instance, has_memory)),
	LIST(backend_instance, cis, FIELD_LIST, n_cis, ci_form, BACKEND_MAX_CIS),
};

static const struct field process_fields[] = {
	FIELD(backend_process, pid),
	FIELD(backend_process, gi),
	FIELD(backend_process, ci),
	FIELD(backend_process, graphics),
	FIELD(backend_process, memory_bytes, HAS(backend_process, has_memory)),
};

static const struct field event_fields[] = {
	{ AT(backend_event, kind), .kind = FIELD_WORD, .words = event_words,
	  .n_words = ARRAY_SIZE(event_words) },
	FIELD(backend_event, gpu),
	FIELD(backend_event, xid),
	FIELD(backend_event, gi),
	FIELD(backend_event, ci),
};

static const struct form gpu_form = FORM(backend_gpu, gpu_fields);
static const struct form profile_form = FORM(backend_profile, profile_fields);
static const struct form instance_form = FORM(backend_instance, instance_fields);
static const struct form process_form = FORM(backend_process, process_fields);

/* What each operation asks. */
#define ASK(f) FIELD(backend_ask, f)
static const struct field ask_gpu[] = { ASK(gpu) };
static const struct field ask_set_mig[] = { ASK(gpu), ASK(on) };
static const struct field ask_gi_create[] = { ASK(gpu), ASK(profile_id), ASK(start), ASK(size) };
static const struct field ask_gi_destroy[] = { ASK(gpu), ASK(gi), ASK(profile_id), ASK(start) };
static const struct field ask_ci_create[] = { ASK(gpu), ASK(gi), ASK(ci_profile_id) };
static const struct field ask_ci_destroy[] = { ASK(gpu), ASK(gi), ASK(profile_id), ASK(start),
					       ASK(ci) };
static const struct field ask_wait_event[] = { ASK(timeout_ms) };

/* What each answers: fields of the whole answer, or of the struct that starts at `from`. */
#define ANSWER(f, ...) FIELD(backend_answer, f, ##__VA_ARGS__)
static const struct field answer_gpus[] = {
	LIST(backend_answer, gpus, FIELD_LIST, n, gpu_form, BACKEND_MAX_GPUS),
};
static const struct field answer_profiles[] = {
	LIST(backend_answer, profiles, FIELD_LIST, n, profile_form, BACKEND_MAX_PROFILES),
};
static const struct field answer_instances[] = {
	LIST(backend_answer, instances, FIELD_LIST, n, instance_form, BACKEND_MAX_INSTANCES),
};
static const struct field answer_processes[] = {
	LIST(backend_answer, processes, FIELD_HEAP, n, process_form, BACKEND_MAX_PROCESSES),
};
static const struct field answer_pending[] = { ANSWER(pending) };
static const struct field answer_id[] = { ANSWER(id) };

#define OF(list)   { 0, ARRAY_SIZE(list), list }
#define NOTHING    { 0, 0, NULL }
static const struct {
	struct form ask, answer;
	size_t from;
} ops[BACKEND_OP_COUNT] = {
	[BACKEND_OP_driver] = { NOTHING, OF(driver_fields),
				offsetof(struct backend_answer, driver) },
	[BACKEND_OP_gpus] = { NOTHING, OF(answer_gpus), 0 },
	[BACKEND_OP_profiles] = { OF(ask_gpu), OF(answer_profiles), 0 },
	[BACKEND_OP_instances] = { OF(ask_gpu), OF(answer_instances), 0 },
	[BACKEND_OP_processes] = { OF(ask_gpu), OF(answer_processes), 0 },
	[BACKEND_OP_set_mig] = { OF(ask_set_mig), OF(answer_pending), 0 },
	[BACKEND_OP_gi_create] = { OF(ask_gi_create), OF(answer_id), 0 },
	[BACKEND_OP_gi_destroy] = { OF(ask_gi_destroy), NOTHING, 0 },
	[BACKEND_OP_ci_create] = { OF(ask_ci_create), OF(answer_id), 0 },
	[BACKEND_OP_ci_destroy] = { OF(ask_ci_destroy), NOTHING, 0 },
	[BACKEND_OP_wait_event] = { OF(ask_wait_event), OF(event_fields),
				    offsetof(struct backend_answer, event) },
};
/* clang-format on */

enum backend_op backend_op_by_name(const char *name)
{
	unsigned op = 0;

	while (op < BACKEND_OP_COUNT && (!name || strcmp(backend_op_name(op), name) != 0))
		op++;
	return op;
}

json_t *call_ask_json(const struct backend_call *call)
{
	return form_write(&ops[call->op].ask, (const char *)&call->ask);
}

json_t *call_answer_json(const struct backend_call *call)
{
	return form_write(&ops[call->op].answer, (const char *)&call->answer + ops[call->op].from);
}

int call_ask_read(enum backend_op op, const json_t *json, struct backend_ask *ret, struct err *err)
{
	struct backend_ask ask = {0};
	int r = form_read(&ops[op].ask, json, (char *)&ask, err);

	if (!r)
		*ret = ask;
	return r;
}

int call_answer_read(struct backend_call *call, const json_t *json, struct err *err)
{
	return form_read(&ops[call->op].answer, json, (char *)&call->answer + ops[call->op].from,
			 err);
}
