/* What happens in a world: processes and faults. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/fault-words.h"
#include "sim/world-file-part.h"

/* ---- processes ---- */

struct process_wish {
	const char *name;
	bool has_instance;
	int64_t gpu, instance, compute, at_s, for_s;
	uint64_t memory_bytes;
	double busy;
};

static const struct yaml_field process_fields[] = {
	{"name", YAML_TEXT, offsetof(struct process_wish, name)},
	{"gpu", YAML_NUMBER, offsetof(struct process_wish, gpu), 0, 0, PLAN_MAX_GPUS - 1, true},
	{"instance", YAML_NUMBER, offsetof(struct process_wish, instance),
	 offsetof(struct process_wish, has_instance), 0, PLAN_MAX_INSTANCES - 1},
	{"compute", YAML_NUMBER, offsetof(struct process_wish, compute), 0, 0, PLAN_MAX_CIS - 1},
	{"at", YAML_DURATION, offsetof(struct process_wish, at_s)},
	{"for", YAML_DURATION, offsetof(struct process_wish, for_s), .required = true},
	{"memory", YAML_SIZE, offsetof(struct process_wish, memory_bytes), .required = true},
	{"busy", YAML_SHARE, offsetof(struct process_wish, busy)},
};

static int check_process(const struct yaml_node *node, const struct world_plan *plan,
			 const struct process_wish *wish, struct err *err)
{
	const struct plan_gpu *gpu;

	if ((size_t)wish->gpu >= plan->n_gpus)
		return yaml_node_fail(yaml_node_get(node, "gpu"), err,
				      "there is no GPU %lld: the world has %zu",
				      (long long)wish->gpu, plan->n_gpus);
	gpu = &plan->gpus[wish->gpu];
	if (!wish->has_instance && gpu->mig)
		return yaml_node_fail(node, err, "GPU %lld has MIG on: a process needs 'instance'",
				      (long long)wish->gpu);
	if (!wish->has_instance)
		return 0;
	if ((size_t)wish->instance >= gpu->n_instances)
		return yaml_node_fail(yaml_node_get(node, "instance"), err,
				      "GPU %lld has no instance %lld: its list has %zu",
				      (long long)wish->gpu, (long long)wish->instance,
				      gpu->n_instances);
	if (wish->compute >= gpu->instances[wish->instance].n_cis)
		return yaml_node_fail(
			node, err, "instance %lld of GPU %lld has no compute instance %lld",
			(long long)wish->instance, (long long)wish->gpu, (long long)wish->compute);
	return 0;
}

int plan_read_process(const struct yaml_node *node, struct world_plan *plan, struct err *err)
{
	struct process_wish wish = {.busy = 1};
	struct plan_process *process = &plan->processes[plan->n_processes];
	int r;

	if (plan->n_processes == PLAN_MAX_PROCESSES)
		return yaml_node_fail(node, err, "a world file has at most %d processes",
				      PLAN_MAX_PROCESSES);
	r = yaml_node_read(node, "a process", process_fields, ARRAY_SIZE(process_fields), &wish,
			   err);

	r = r ? r : check_process(node, plan, &wish, err);
	if (r)
		return r;
	*process = (struct plan_process){
		.name = "load",
		.gpu = (uint8_t)wish.gpu,
		.has_instance = wish.has_instance,
		.instance = (uint8_t)wish.instance,
		.compute = (uint8_t)wish.compute,
		.at_s = wish.at_s,
		.for_s = wish.for_s,
		.memory_bytes = wish.memory_bytes,
		.busy = wish.busy,
	};
	r = plan_read_word(node, "name", process->name, sizeof(process->name), err);
	if (!r)
		plan->n_processes++;
	return r;
}

/* ---- faults ---- */

struct fault_wish {
	const struct yaml_node *call, *fail, *ecc;
	bool has_xid, has_gpu, has_gi, has_ci, lost, busy, kill, wrong, after, has_slow;
	int64_t xid, gpu, gi, ci, corrected, uncorrected, hang_s, skip, times, for_s;
	double chance, slow;
};

#define FIELD(name, type, member)                                                                  \
	{                                                                                          \
		name, type, offsetof(struct fault_wish, member)                                    \
	}
#define NUMBER_FIELD(name, member, lo, hi)                                                         \
	{                                                                                          \
		name, YAML_NUMBER, offsetof(struct fault_wish, member), 0, lo, hi                  \
	}
#define HAS_FIELD(name, type, member, lo, hi)                                                      \
	{                                                                                          \
		name, type, offsetof(struct fault_wish, member),                                   \
			offsetof(struct fault_wish, has_##member), lo, hi                          \
	}

static const struct yaml_field fault_fields[] = {
	FIELD("call", YAML_NODE, call),
	FIELD("fail", YAML_NODE, fail),
	FIELD("kill", YAML_BOOL, kill),
	FIELD("wrong", YAML_BOOL, wrong),
	FIELD("after", YAML_BOOL, after),
	FIELD("hang", YAML_DURATION, hang_s),
	NUMBER_FIELD("skip", skip, 0, 1000000),
	NUMBER_FIELD("times", times, 0, 1000000),
	FIELD("chance", YAML_SHARE, chance),
	HAS_FIELD("xid", YAML_NUMBER, xid, 1, 999),
	FIELD("ecc", YAML_NODE, ecc),
	HAS_FIELD("gpu", YAML_NUMBER, gpu, 0, PLAN_MAX_GPUS - 1),
	HAS_FIELD("gi", YAML_NUMBER, gi, 0, 14),
	HAS_FIELD("ci", YAML_NUMBER, ci, 0, 7),
	FIELD("lost", YAML_BOOL, lost),
	FIELD("busy", YAML_BOOL, busy),
	FIELD("for", YAML_DURATION, for_s),
	HAS_FIELD("slow", YAML_FACTOR, slow, 0, 0),
};

static const struct yaml_field ecc_fields[] = {
	NUMBER_FIELD("corrected", corrected, 0, 1000000),
	NUMBER_FIELD("uncorrected", uncorrected, 0, 1000000),
};

static int fault_kind(const struct yaml_node *node, const struct fault_wish *wish,
		      enum plan_fault_kind *ret, struct err *err)
{
	const bool is[] = {
		[FAULT_CALL] = wish->call, [FAULT_XID] = wish->has_xid,
		[FAULT_ECC] = wish->ecc,   [FAULT_LOST] = wish->lost,
		[FAULT_BUSY] = wish->busy, [FAULT_SLOW] = wish->has_slow,
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(is); i++) {
		if (is[i])
			*ret = (enum plan_fault_kind)i;
		n += is[i];
	}
	if (n != 1)
		return yaml_node_fail(node, err,
				      "a fault is one of: call, xid, ecc, lost, busy, slow");
	return 0;
}

static int fault_call(const struct yaml_node *node, const struct fault_wish *wish,
		      struct plan_fault *fault, struct err *err)
{
	int r;

	if (!wish->fail && !wish->kill && !wish->wrong && !wish->hang_s)
		return yaml_node_fail(node, err, "a call needs 'fail', 'hang', 'kill' or 'wrong'");
	r = plan_read_word(node, "call", fault->call, sizeof(fault->call), err);
	if (r)
		return r;
	if (fault_call_check(fault->call, err))
		return yaml_node_fail_in(wish->call, err);
	if (!wish->fail)
		return 0;
	fault->has_fail = true;
	r = fault_code_parse(wish->fail->text, &fault->fail, err);
	return r ? yaml_node_fail_in(wish->fail, err) : 0;
}

static int check_fault_gpu(const struct yaml_node *node, const struct world_plan *plan,
			   const struct plan_fault *fault, struct err *err)
{
	bool needed = fault->kind != FAULT_CALL && fault->kind != FAULT_SLOW;

	if (needed && !fault->has_gpu)
		return yaml_node_fail(node, err, "this fault needs 'gpu'");
	if (fault->has_gpu && fault->gpu >= plan->n_gpus)
		return yaml_node_fail(yaml_node_get(node, "gpu"), err,
				      "there is no GPU %u: the world has %zu", fault->gpu,
				      plan->n_gpus);
	return 0;
}

int plan_read_fault(const struct yaml_node *node, struct world_plan *plan, struct err *err)
{
	struct fault_wish wish = {.times = 1, .chance = 1};
	struct plan_fault fault = {0};
	int r = yaml_node_read(node, "a fault", fault_fields, ARRAY_SIZE(fault_fields), &wish, err);

	if (!r && wish.ecc)
		r = yaml_node_read(wish.ecc, "ecc", ecc_fields, ARRAY_SIZE(ecc_fields), &wish, err);
	r = r ? r : fault_kind(node, &wish, &fault.kind, err);
	if (r)
		return r;
	if (plan->n_faults == PLAN_MAX_FAULTS)
		return yaml_node_fail(node, err, "a world file has at most %d faults",
				      PLAN_MAX_FAULTS);
	fault = (struct plan_fault){
		.kind = fault.kind,
		.has_gpu = wish.has_gpu,
		.has_gi = wish.has_gi,
		.has_ci = wish.has_ci,
		.gpu = (uint8_t)wish.gpu,
		.gi = (uint8_t)wish.gi,
		.ci = (uint8_t)wish.ci,
		.kill = wish.kill,
		.wrong = wish.wrong,
		.after = wish.after,
		.hang_s = wish.hang_s,
		.skip = wish.skip,
		.times = wish.times,
		.chance = wish.chance,
		.xid = wish.xid,
		.corrected = wish.corrected,
		.uncorrected = wish.uncorrected,
		.for_s = wish.for_s,
		.factor = wish.slow,
	};
	if (fault.kind == FAULT_CALL)
		r = fault_call(node, &wish, &fault, err);
	r = r ? r : check_fault_gpu(node, plan, &fault, err);
	if (!r)
		plan->faults[plan->n_faults++] = fault;
	return r;
}
