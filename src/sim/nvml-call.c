#include "sim/nvml-part.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/nvml-rules.h"

/* ---- faults ---- */

static void fault_strike(const struct world_fault *fault)
{
	struct timespec left = {
		.tv_sec = fault->hang_ms / 1000,
		.tv_nsec = (long)(fault->hang_ms % 1000) * 1000000,
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
	if (fault->kill)
		kill(getpid(), SIGKILL);
}

/* What a caller is told who was struck; `code` when the fault only made it late. */
static nvmlReturn_t fault_code(const struct world_fault *fault, nvmlReturn_t code)
{
	if (fault->fail)
		return (nvmlReturn_t)fault->fail;
	return fault->wrong ? NVML_SUCCESS : code;
}

/* Returns true when the call may go on; a fault that strikes afterwards is kept. */
static bool meet_fault(struct call *call)
{
	const struct world_fault *fault;
	struct world_fault met = {.id = 0};
	uint32_t gpu = call->at.kind ? call->at.gpu : WORLD_NONE;

	if (!world_has_call_faults(call->world))
		return true;
	fault = world_fault_strike(world_change(call->world), call->name, gpu);
	if (fault)
		met = *fault;
	world_commit(call->world);
	if (!fault || met.after) {
		call->fault = met;
		return true;
	}
	fault_strike(&met);
	call->code = fault_code(&met, NVML_SUCCESS);
	return !met.fail && !met.wrong;
}

/* ---- what a handle stands for ---- */

static nvmlReturn_t find(const struct world_state *state, const struct target *at, struct call *ret)
{
	const struct world_gpu *gpu = &state->gpus[at->gpu];
	const struct world_gi *gi = at->kind == TARGET_GPU ? NULL : &gpu->gis[at->gi];
	const struct world_ci *ci = gi && at->kind != TARGET_GI ? &gi->cis[at->ci] : NULL;
	bool exists = at->gpu < state->n_gpus && (!gi || gi->exists) && (!ci || ci->exists);
	uint32_t generation = ci ? ci->generation : gi ? gi->generation : gpu->generation;

	if (!exists || generation != at->generation)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret->gpu = gpu;
	ret->gi = gi;
	ret->ci = ci;
	return gpu->lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

nvmlReturn_t target_check(const struct world_state *state, const struct target *target)
{
	struct call unused;

	return find(state, target, &unused);
}

void *call_handle(const struct call *call, const struct world_state *state, enum target_kind kind,
		  unsigned gpu, unsigned gi, unsigned ci)
{
	const struct world_gpu *g = &state->gpus[gpu];
	struct target target = {.kind = (uint8_t)kind, .gpu = (uint8_t)gpu};

	target.generation = g->generation;
	if (kind != TARGET_GPU) {
		target.gi = (uint8_t)gi;
		target.generation = g->gis[gi].generation;
	}
	if (kind != TARGET_GPU && kind != TARGET_GI) {
		target.ci = (uint8_t)ci;
		target.generation = g->gis[gi].cis[ci].generation;
	}
	return handle_of(call->session->handles, &target);
}

/* ---- the rules ---- */

static nvmlReturn_t check_rules(const struct call *call)
{
	const struct world_gpu *gpu = call->gpu;
	unsigned rules = call->rules;
	bool part = call_is_mig(call);

	if (rules & RULE_CONFIG && !world_may_config(call->world))
		return NVML_ERROR_NO_PERMISSION;
	if ((rules & RULE_WHOLE && part) || (rules & RULE_PART && !part))
		return NVML_ERROR_INVALID_ARGUMENT;
	if ((rules & RULE_PHYSICAL && part) ||
	    (rules & RULE_DIVISIBLE && !world_gpu_has_mig(gpu)) ||
	    (rules & RULE_MIG_ON && !gpu->mig) || (rules & RULE_MIG_OFF && gpu->mig))
		return NVML_ERROR_NOT_SUPPORTED;
	if (rules & RULE_MONITOR && gpu->mig && !part && !world_may_monitor(call->world))
		return NVML_ERROR_NO_PERMISSION;
	return NVML_SUCCESS;
}

/* ---- a call ---- */

void call_unlock(struct call *call)
{
	if (call->now)
		world_done(call->world);
	call->now = NULL;
	call->gpu = NULL;
	call->gi = NULL;
	call->ci = NULL;
}

bool call_look(struct call *call)
{
	call->code = NVML_ERROR_DRIVER_NOT_LOADED;
	if (world_is_gone(call->world))
		return false;
	call->now = world_read(call->world);
	if (call->rules & RULE_REAP &&
	    world_has_dead(call->now, call->at.kind ? call->at.gpu : WORLD_NONE)) {
		call_unlock(call);
		world_reap(world_change(call->world));
		world_commit(call->world);
		call->now = world_read(call->world);
	}
	call->code = call->at.kind ? find(call->now, &call->at, call) : NVML_SUCCESS;
	if (!call->code && call->rules)
		call->code = check_rules(call);
	return !call->code;
}

bool call_begin_in(struct call *call, const char *name, struct session *take_session)
{
	*call = (struct call){.name = name, .session = take_session, .world = take_session->world};
	return meet_fault(call);
}

bool call_begin(struct call *call, const char *name, unsigned rules, unsigned kinds,
		const void *handle)
{
	*call = (struct call){.name = name, .rules = rules, .session = session_get()};
	if (!call->session) {
		call->code = NVML_ERROR_UNINITIALIZED;
		return false;
	}
	call->world = call->session->world;
	if (kinds)
		handle_target(call->session->handles, handle, &call->at);
	if (!meet_fault(call))
		return false;
	if (kinds && !(kinds & KIND(call->at.kind))) {
		call->code = NVML_ERROR_INVALID_ARGUMENT;
		return false;
	}
	return call_look(call);
}

nvmlReturn_t call_end(struct call *call, nvmlReturn_t code)
{
	if (!call->session)
		return code;
	call_unlock(call);
	session_put(call->session);
	if (!call->fault.id)
		return code;
	fault_strike(&call->fault);
	return fault_code(&call->fault, code);
}

/* ---- work ---- */

static nvmlReturn_t act(struct call *call, struct work *work, bool for_good)
{
	struct world_state *next = world_change(call->world);
	nvmlReturn_t code = target_check(next, &work->at);

	if (world_has_dead(next, work->at.gpu))
		world_reap(next); /* who died is in nobody's way */
	if (!code)
		code = work->act(next, work);
	if (!code && for_good && work->makes == TARGET_GI)
		work->handle = call_handle(call, next, TARGET_GI, work->at.gpu, work->id, 0);
	if (!code && for_good && work->makes == TARGET_CI)
		work->handle =
			call_handle(call, next, TARGET_CI, work->at.gpu, work->at.gi, work->id);
	if (code || !for_good)
		world_abandon(call->world);
	else
		world_commit(call->world);
	return code;
}

nvmlReturn_t work_do(struct call *call, struct work *work)
{
	nvmlReturn_t code = NVML_SUCCESS;
	bool slow;

	work->at = call->at;
	slow = !work->instant &&
	       world_latency_ns(call->now, work->at.gpu, work->kind, work->slices) > 0;
	call_unlock(call);
	if (slow)
		code = act(call, work, false);
	if (code)
		return code;
	if (slow && !work->quick)
		world_work(call->world, work->at.gpu, work->kind, work->slices);
	if (world_is_gone(call->world))
		return NVML_ERROR_DRIVER_NOT_LOADED;
	return act(call, work, true);
}

/* ---- small change ---- */

nvmlReturn_t give_text(char *buf, unsigned length, const char *text)
{
	size_t size = strlen(text) + 1;

	if (!buf)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (size > length)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(buf, text, size);
	return NVML_SUCCESS;
}

bool give_count(unsigned *count, const void *array, unsigned needed, nvmlReturn_t *ret_code)
{
	unsigned room;

	*ret_code = NVML_ERROR_INVALID_ARGUMENT;
	if (!count)
		return false;
	room = array ? *count : 0;
	*count = needed;
	*ret_code = needed > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
	return needed <= room;
}
