/* MIG mode, and what stands in the way of changing it. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "check/judge-part.h"

static bool is_pending(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && gpu->info.mig != gpu->info.mig_pending;
}

static bool is_off(const struct fact_gpu *gpu)
{
	return gpu_is_not_ready(gpu) && !gpu->info.mig && !gpu->info.mig_pending;
}

static bool is_on(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && gpu->info.mig && gpu->info.mig_pending;
}

static bool is_left_alone(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && gpu->left_alone && !gpu->info.mig;
}

void judge_mode(const struct facts *facts, struct answer *ret)
{
	if (no_driver(facts, ret))
		return;
	if (!gpus_that(facts, gpu_is_capable).bits)
		answer_add(ret, VERDICT_PASS, "no GPU here has one");
	answer_gpus(ret, VERDICT_PASS, facts, gpus_that(facts, is_on), "on");
	answer_gpus(ret, VERDICT_PASS, facts, gpus_that(facts, is_left_alone),
		    "off, and not managed");
	answer_gpus(ret, VERDICT_WARN, facts, gpus_that(facts, is_off),
		    "off: nothing can be cut yet");
	answer_gpus(ret, VERDICT_FAIL, facts, gpus_that(facts, is_pending),
		    "changes at the next reset");
	if (gpus_that(facts, is_pending).bits)
		answer_fix(ret,
			   "nvidia-smi --gpu-reset -i GPU, while nobody uses the GPU, or reboot");
}

static bool keeps_mode(const struct fact_gpu *gpu)
{
	return is_on(gpu) && gpu->info.board && !gpu->info.board->resetless_mig;
}

static bool forgets_mode(const struct fact_gpu *gpu)
{
	return is_on(gpu) && gpu->info.board && gpu->info.board->resetless_mig;
}

static bool may_forget_mode(const struct fact_gpu *gpu)
{
	return is_on(gpu) && !gpu->info.board;
}

void judge_persistence(const struct facts *facts, struct answer *ret)
{
	if (no_driver(facts, ret))
		return;
	if (!gpus_that(facts, is_on).bits)
		answer_add(ret, VERDICT_PASS, "it is on nowhere");
	answer_gpus(ret, VERDICT_PASS, facts, gpus_that(facts, keeps_mode),
		    "kept by the board; instances are not");
	answer_gpus(ret, VERDICT_UNKNOWN, facts, gpus_that(facts, may_forget_mode),
		    "the board is not in carve's catalogue");
	if (facts->carved_enabled == SEEN_YES)
		answer_gpus(ret, VERDICT_UNKNOWN, facts, gpus_that(facts, forgets_mode),
			    "kept by the driver, and off again after a reboot; carved turns it on "
			    "where a layout was "
			    "applied by carve");
	else
		answer_gpus(ret, VERDICT_WARN, facts, gpus_that(facts, forgets_mode),
			    "kept by the driver, and off again after a reboot");
}

/* ---- who is on them ---- */

static void name_clients(const struct facts *facts, struct gpu_set set, struct answer *ret)
{
	unsigned shown = 0, more = 0;

	for (size_t i = 0; i < facts->n_clients; i++) {
		const struct fact_client *client = &facts->clients[i];
		struct gpu_set one = {UINT64_C(1) << client->gpu};

		if (!(set.bits & one.bits) || client->is_carved)
			continue;
		if (shown++ < 6)
			answer_gpus(ret, VERDICT_WARN, facts, one, "%s", client->text);
		else
			more++;
	}
	if (more + facts->n_clients_more)
		answer_add(ret, VERDICT_WARN, "and %zu more", more + facts->n_clients_more);
}

void judge_clients(const struct facts *facts, struct answer *ret)
{
	struct gpu_set set = gpus_that(facts, gpu_is_not_ready);

	if (no_driver(facts, ret))
		return;
	if (!set.bits) {
		answer_add(ret, VERDICT_PASS, "no MIG mode is to be changed");
		return;
	}
	name_clients(facts, set, ret);
	if (facts->clients_complete)
		answer_gpus(ret, VERDICT_PASS, facts, set, "nobody");
	else if (facts->n_unread)
		answer_add(ret, VERDICT_UNKNOWN,
			   "%u process%s may not be looked into by this account", facts->n_unread,
			   facts->n_unread == 1 ? "" : "es");
	else if (facts->contained)
		answer_add(ret, VERDICT_UNKNOWN, "this /proc shows a container's processes only");
	else
		answer_add(ret, VERDICT_UNKNOWN, "not all processes could be looked at");
	if (ret->verdict == VERDICT_UNKNOWN && facts->contained)
		answer_fix(ret, "run carve check on the host, or with its files and --root");
	else if (ret->verdict == VERDICT_UNKNOWN && !facts->as_root)
		answer_fix(ret, "run carve check as root");
}

void judge_nvidia_drm(const struct facts *facts, struct answer *ret)
{
	struct gpu_set set = gpus_that(facts, gpu_needs_reset);

	if (no_driver(facts, ret))
		return;
	if (!set.bits)
		answer_add(ret, VERDICT_PASS, "no GPU here needs a reset");
	else if (facts->nvidia_drm == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "/proc/modules cannot be read");
	else if (facts->nvidia_drm == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "nvidia_drm is not loaded");
	else
		answer_gpus(ret, VERDICT_WARN, facts, set,
			    "a change of MIG mode needs a reset, which nvidia_drm blocks");
}

void judge_fabric_manager(const struct facts *facts, struct answer *ret)
{
	enum seen runs = facts->processes.at[PROCESS_FABRIC_MANAGER];

	if (facts->nvswitch == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "there are no NVSwitches");
	else if (facts->nvswitch == SEEN_UNKNOWN || runs == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "%s",
			   facts->nvswitch == SEEN_YES ? "not all processes are shown"
						       : "/dev cannot be read");
	else if (runs == SEEN_YES)
		answer_add(ret, VERDICT_PASS, "it runs (process %d)",
			   (int)facts->processes.pid[PROCESS_FABRIC_MANAGER]);
	else
		answer_add(ret, VERDICT_WARN,
			   "NVSwitches, and no fabric manager: whole GPUs do not work");
}
