#include "isolate/program.h"

#include <assert.h>

static void add_rule(struct device_rules *rules, struct device_rule rule)
{
	assert(rules->n < DEVICE_MAX_RULES);
	rules->at[rules->n++] = rule;
}

struct device_rules device_rules_none(const struct driver_majors *majors)
{
	struct device_rules rules = {0};

	add_rule(&rules, (struct device_rule){.major = DRIVER_GPU_MAJOR, .any_minor = true});
	if (majors->has_caps)
		add_rule(&rules, (struct device_rule){.major = majors->caps, .any_minor = true});
	if (majors->has_uvm)
		add_rule(&rules, (struct device_rule){.major = majors->uvm, .any_minor = true});
	return rules;
}

struct device_rules device_rules_for(const struct device_numbers *numbers, size_t n)
{
	const struct driver_majors *majors = &numbers[0].majors;
	struct device_rules rules = {0};

	for (size_t i = 0; i < n; i++)
		add_rule(&rules,
			 (struct device_rule){DRIVER_GPU_MAJOR, false, numbers[i].gpu, true});
	add_rule(&rules, (struct device_rule){DRIVER_GPU_MAJOR, false, DRIVER_CTL_MINOR, true});
	add_rule(&rules, (struct device_rule){.major = DRIVER_GPU_MAJOR, .any_minor = true});
	if (!majors->has_caps)
		return rules;
	for (size_t i = 0; i < n; i++) {
		add_rule(&rules, (struct device_rule){majors->caps, false, numbers[i].gi_cap, true});
		add_rule(&rules, (struct device_rule){majors->caps, false, numbers[i].ci_cap, true});
	}
	add_rule(&rules, (struct device_rule){.major = majors->caps, .any_minor = true});
	return rules;
}

bool device_rules_same(const struct device_rules *a, const struct device_rules *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->at[i].major != b->at[i].major || a->at[i].minor != b->at[i].minor ||
		    a->at[i].any_minor != b->at[i].any_minor || a->at[i].allow != b->at[i].allow)
			return false;
	return a->n == b->n;
}

/* ---- instructions ---- */

enum { R0, R1, R2, R3, R4 }; /* R0 is the answer, R1 comes in with struct bpf_cgroup_dev_ctx */

#define LOAD(to, member)                                                       \
	((struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,                  \
			   .dst_reg = (to),                                    \
			   .src_reg = R1,                                      \
			   .off = offsetof(struct bpf_cgroup_dev_ctx, member)})
#define AND(reg, value) ((struct bpf_insn){BPF_ALU | BPF_AND | BPF_K, (reg), 0, 0, (value)})
#define SET(reg, value) ((struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_K, (reg), 0, 0, (value)})
#define UNLESS(reg, value, skip) \
	((struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, (reg), 0, (skip), (value)})
#define EXIT ((struct bpf_insn){.code = BPF_JMP | BPF_EXIT})

size_t program_assemble(const struct device_rules *rules, struct bpf_insn *ret)
{
	const short per_rule_any = 3, per_rule = 4;
	size_t n = 0;
	short all = 0;

	for (size_t i = 0; i < rules->n; i++)
		all = (short)(all + (rules->at[i].any_minor ? per_rule_any : per_rule));
	ret[n++] = LOAD(R2, access_type);
	ret[n++] = AND(R2, 0xffff); /* the kind; what is to be done with it is in the upper half */
	ret[n++] = LOAD(R3, major);
	ret[n++] = LOAD(R4, minor);
	ret[n++] = UNLESS(R2, BPF_DEVCG_DEV_CHAR, all);
	for (size_t i = 0; i < rules->n; i++) {
		const struct device_rule *rule = &rules->at[i];

		ret[n++] = UNLESS(R3, (int)rule->major, (short)(rule->any_minor ? 2 : 3));
		if (!rule->any_minor)
			ret[n++] = UNLESS(R4, (int)rule->minor, 2);
		ret[n++] = SET(R0, rule->allow);
		ret[n++] = EXIT;
	}
	ret[n++] = SET(R0, 1);
	ret[n++] = EXIT;
	assert(n <= PROGRAM_MAX);
	return n;
}
