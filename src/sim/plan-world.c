#include "sim/plan-world.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "sim/tool-world.h"

#define NS_PER_S 1000000000

static void gpu_spec(const struct plan_gpu *gpu, struct world_gpu_spec *ret)
{
	*ret = (struct world_gpu_spec){
		.board = gpu->board,
		.name = gpu->name,
		.uuid = gpu->uuid,
		.serial = gpu->serial,
		.has_pci = gpu->has_pci,
		.has_numa = gpu->has_numa,
		.has_minor = gpu->has_minor,
		.domain = gpu->domain,
		.bus = gpu->bus,
		.device = gpu->device,
		.numa = gpu->numa,
		.minor = gpu->minor,
		.mig = gpu->mig,
		.flip = gpu->flip,
		.passthrough = gpu->passthrough,
	};
}

void plan_spec(const struct world_plan *plan, struct world_spec *ret)
{
	*ret = (struct world_spec){
		.driver = plan->driver[0] ? plan->driver : WORLD_DRIVER,
		.seed = plan->has_seed ? (uint64_t)plan->seed : 1,
		.latency = plan->has_latency ? plan->latency : 1,
		.linger_ms = (uint32_t)plan->linger_ms,
		.fixed_order = plan->fixed_order,
		.n_gpus = plan->n_gpus,
	};
	for (size_t i = 0; i < plan->n_gpus; i++)
		gpu_spec(&plan->gpus[i], &ret->gpus[i]);
}

/* ---- instances ---- */

static int build_instance(const struct plan_instance *instance, struct world_state *state,
			  unsigned gpu, uint8_t *ret_gi, uint8_t *ret_cis, struct err *err)
{
	int start = instance->has_start ? instance->start : WORLD_ANYWHERE;
	unsigned gi, ci;
	int r;

	r = tool_code(world_gi_create(state, gpu, instance->profile->id, start, &gi), err, "%s",
		      instance->profile->name);
	if (r)
		return r;
	*ret_gi = (uint8_t)gi;
	for (unsigned i = 0; i < instance->n_cis; i++) {
		r = tool_code(
			world_ci_create(state, gpu, gi, instance->cis[i]->id, WORLD_ANYWHERE, &ci),
			err, "compute instance %s", instance->cis[i]->name);
		if (r)
			return r;
		ret_cis[i] = (uint8_t)ci;
	}
	return 0;
}

int plan_build(const struct world_plan *plan, struct world_state *state, struct plan_ids *ret_ids,
	       struct err *err)
{
	struct plan_ids ids = {0};

	for (unsigned i = 0; i < plan->n_gpus; i++) {
		const struct plan_gpu *gpu = &plan->gpus[i];

		for (unsigned j = 0; j < gpu->n_instances; j++)
			if (build_instance(&gpu->instances[j], state, i, &ids.gi[i][j],
					   ids.ci[i][j], err))
				return fail_in(err, "GPU %u, instance %u of its list: ", i, j);
	}
	if (ret_ids)
		*ret_ids = ids;
	return 0;
}

/* ---- faults ---- */

static uint32_t or_none(bool has, uint8_t id)
{
	return has ? id : WORLD_NONE;
}

static const enum world_fault_kind world_kinds[] = {
	[FAULT_CALL] = WORLD_FAULT_CALL,
	[FAULT_LOST] = WORLD_FAULT_LOST,
	[FAULT_BUSY] = WORLD_FAULT_BUSY,
	[FAULT_SLOW] = WORLD_FAULT_SLOW,
};

static int arm(const struct plan_fault *fault, struct world_state *state, uint32_t *ret_id,
	       struct err *err)
{
	struct world_fault armed = {
		.kind = (uint8_t)world_kinds[fault->kind],
		.has_gpu = fault->has_gpu,
		.has_gi = fault->has_gi,
		.after = fault->after,
		.kill = fault->kill,
		.wrong = fault->wrong,
		.gpu = fault->gpu,
		.gi = fault->gi,
		.fail = fault->has_fail ? fault->fail : 0,
		.hang_ms = fault->hang_s < UINT32_MAX / 1000 ? (uint32_t)(fault->hang_s * 1000)
							     : UINT32_MAX,
		.skip = (uint64_t)fault->skip,
		.times = (uint64_t)fault->times,
		.chance = fault->chance,
		.factor = fault->factor,
		.until_ns = fault->for_s ? clock_monotonic_ns() + fault->for_s * NS_PER_S
					 : WORLD_FOREVER,
	};

	snprintf(armed.call, sizeof(armed.call), "%s", fault->call);
	return tool_code(world_fault_add(state, &armed, ret_id), err, "the fault");
}

/* An XID of an instance that is not there would look like one of nobody's doing. */
static int check_instance(const struct plan_fault *fault, const struct world_gpu *gpu,
			  struct err *err)
{
	if (!fault->has_gi)
		return 0;
	if (!gpu->gis[fault->gi].exists)
		return fail(err, ERR_NOT_FOUND, "GPU %u has no GPU instance %u", fault->gpu,
			    fault->gi);
	if (fault->has_ci && !gpu->gis[fault->gi].cis[fault->ci].exists)
		return fail(err, ERR_NOT_FOUND,
			    "GPU %u, GPU instance %u has no compute instance %u", fault->gpu,
			    fault->gi, fault->ci);
	return 0;
}

int plan_fault_arm(const struct plan_fault *fault, struct world_state *state, uint32_t *ret_id,
		   struct err *err)
{
	if (fault->has_gpu && fault->gpu >= state->n_gpus)
		return fail(err, ERR_NOT_FOUND, "there is no GPU %u: the world has %u", fault->gpu,
			    state->n_gpus);
	*ret_id = 0;
	switch (fault->kind) {
	case FAULT_XID:
		if (check_instance(fault, &state->gpus[fault->gpu], err))
			return -(int)err->code;
		world_event(state, fault->gpu, NVML_EVENT_XID, (uint64_t)fault->xid,
			    or_none(fault->has_gi, fault->gi), or_none(fault->has_ci, fault->ci));
		return 0;
	case FAULT_ECC:
		world_ecc(state, fault->gpu, (uint64_t)fault->corrected,
			  (uint64_t)fault->uncorrected);
		return 0;
	case FAULT_CALL:
	case FAULT_LOST:
	case FAULT_BUSY:
	case FAULT_SLOW:
		break;
	}
	return arm(fault, state, ret_id, err);
}
