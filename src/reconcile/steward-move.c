/*
 * steward-move.c - leases that are moved so that a blocked request fits
 *
 * A move is an instance that names its mover, the lease that is to have it instead of
 * its own. It is promised together with the place of the one who asked; made like any
 * other; then the GPU of the old instance is looked at once more. If nothing uses
 * that, the lease changes over and the old instance goes; else the new one does. The
 * instance of the one who asked waits for the units it needs (steward_waits()).
 */
#include <inttypes.h>
#include <stdio.h>

#include "policy/policy-changes.h"
#include "policy/policy-placement.h"
#include "reconcile/steward-isolate.h"
#include "reconcile/steward-part.h"

/* ---- which may be moved ---- */

static const struct steward_instance *destination(const struct steward *steward, int64_t lease)
{
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->row.has_mover && steward->instances[i]->row.mover == lease)
			return steward->instances[i];
	return NULL;
}

/* Was the instance itself given to somebody who would not learn of another? */
static bool is_tied(const struct steward *steward, const struct ledger_lease *row)
{
	return row->pid_holds || steward_lease_processes(steward, row->id) ||
	       steward_description(steward, row->id)[0];
}

bool steward_is_movable(const struct steward *steward, const struct steward_gpu *gpu,
			const struct steward_lease *lease, const struct steward_instance *instance)
{
	struct err ignored = ERR_INIT;
	const struct policy_class *class_;

	if (lease->row.state != LEASE_ACTIVE || is_tied(steward, &lease->row) ||
	    instance->row.state != INSTANCE_PRESENT || instance->job || !instance->row.has_gi ||
	    instance->row.laid || instance->change ||
	    !observed_is_idle(gpu->seen, instance->row.gi) || destination(steward, lease->row.id) ||
	    policy_is_protected(policy_changes(steward->policy), lease->row.class_name,
				lease->row.team))
		return false;
	class_ = policy_class_find(steward->policy, lease->row.class_name, &ignored);
	return class_ && class_->movable;
}

/* ---- places ---- */

bool steward_place(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		   const struct policy_terms *terms, const struct choose_hold *hold,
		   struct choice *ret)
{
	const struct policy_placement *placement = policy_placement(steward->policy);

	return choose_place(gpus, n, terms->class_, terms->slices_left, hold, ret) ||
	       (placement->moves_done &&
		choose_by_moving(gpus, n, terms->class_, terms->slices_left, hold,
				 placement->max_moves, ret));
}

static void say_move(const struct steward *steward, const struct choose_move *move,
		     struct text *ret)
{
	const struct steward_instance *from = steward_instance_at(steward, move->from);
	const struct steward_lease *lease = from ? steward_lease_at(steward, from->lease) : NULL;
	char where[160];

	if (!lease)
		return;
	text_addf(ret, "lease %" PRId64 " of %s from %s to %u on GPU %u", lease->row.id,
		  lease->row.user, steward_where(steward, &from->row, where, sizeof(where)),
		  move->start, steward->gpus[move->gpu].info.index);
}

bool steward_propose(const struct steward *steward, const struct policy_class *class_,
		     uint32_t max_slices, int64_t lease, int64_t now_s, struct text *ret)
{
	const struct policy_placement *placement = policy_placement(steward->policy);
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	struct choose_hold hold = {0};
	struct choice choice;
	size_t n;

	if (!placement->max_moves || placement->moves_done)
		return false;
	n = steward_view(steward, now_s, gpus);
	steward_hold_for(steward, now_s, lease, &hold);
	if (!choose_by_moving(gpus, n, class_, max_slices, &hold, placement->max_moves, &choice))
		return false;
	text_add(ret, "it would fit after moving ");
	for (size_t i = 0; i < choice.n_moves; i++) {
		text_add(ret, i ? " and " : "");
		say_move(steward, &choice.moves[i], ret);
	}
	return true;
}

bool steward_propose_for(const struct steward *steward, const struct ledger_lease *row,
			 int64_t now_s, struct text *ret)
{
	struct err ignored = ERR_INIT;
	const struct policy_class *class_ =
		policy_class_find(steward->policy, row->class_name, &ignored);

	return class_ && steward_propose(steward, class_, POLICY_UNLIMITED, row->id, now_s, ret);
}

/* ---- waiting for units ---- */

static bool is_in_the_way(const struct steward_instance *instance,
			  const struct steward_instance *other)
{
	return other != instance && other->gpu == instance->gpu && other->profile &&
	       other->row.state != INSTANCE_GONE &&
	       profile_window(other->profile, other->row.start) &
		       profile_window(instance->profile, instance->row.start);
}

/* On its way out, as far as one can see. */
static bool will_go(const struct steward *steward, const struct steward_gpu *gpu,
		    const struct steward_instance *instance)
{
	if (instance->row.state == INSTANCE_DESTROYING)
		return instance->tries < STUCK_TRIES &&
		       !(instance->row.has_gi && observed_users(gpu->seen, instance->row.gi));
	return instance->lease && destination(steward, instance->lease);
}

bool steward_waits(const struct steward *steward, struct steward_instance *instance)
{
	const struct steward_gpu *gpu = &steward->gpus[instance->gpu];

	if (!instance->profile)
		return false;
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *other = steward->instances[i];
		char where[160];

		if (!is_in_the_way(instance, other) || !will_go(steward, gpu, other))
			continue;
		snprintf(instance->note, sizeof(instance->note), "waits until %s is gone",
			 steward_where(steward, &other->row, where, sizeof(where)));
		return true;
	}
	return false;
}

/* ---- from promise to end ---- */

static void stay(struct steward *steward, struct steward_instance *to,
		 const struct steward_lease *lease, const char *why, int64_t now_s)
{
	to->row.has_mover = false;
	to->dirty = true;
	if (lease)
		steward_note(steward, EVENT_NOT_MOVED,
			     &(struct about){.lease = &lease->row,
					     .instance = &to->row,
					     .rule = PLACEMENT_MOVE_RULE},
			     now_s, "lease %" PRId64 " stays where it is: %s", lease->row.id, why);
	if (to->row.state == INSTANCE_GONE || to->row.state == INSTANCE_DESTROYING || to->row.laid)
		return;
	to->row.state = INSTANCE_DESTROYING;
	snprintf(to->row.why, sizeof(to->row.why), "nothing moved here: %s", why);
	steward_instance_job(steward, to, JOB_DESTROY, false);
}

static void change_over(struct steward *steward, struct steward_lease *lease,
			struct steward_instance *from, struct steward_instance *to, int64_t now_s)
{
	const struct about about = {.lease = &lease->row,
				    .instance = &to->row,
				    .by = "carved",
				    .rule = PLACEMENT_MOVE_RULE};
	char old[160], new[160];

	steward_note(steward, EVENT_MOVED, &about, now_s, "from %s to %s, so that another fits",
		     steward_where(steward, &from->row, old, sizeof(old)),
		     steward_where(steward, &to->row, new, sizeof(new)));
	lease->row.instance = to->row.id;
	lease->dirty = true;
	to->row.has_mover = false;
	to->lease = lease->row.id;
	to->dirty = true;
	from->lease = 0;
	from->row.state = INSTANCE_DESTROYING;
	from->dirty = true;
	snprintf(from->row.why, sizeof(from->row.why), "lease %" PRId64 " moved away",
		 lease->row.id);
	steward_instance_job(steward, from, JOB_DESTROY, false);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

/* The new one is there. Is the old one still idle, now? */
static void try_change_over(struct steward *steward, struct steward_lease *lease,
			    struct steward_instance *from, struct steward_instance *to,
			    int64_t now_s)
{
	const struct steward_gpu *gpu;

	if (!steward_has_gpu(steward, from->gpu) || from->job ||
	    from->row.state != INSTANCE_PRESENT)
		return; /* when it is back, or made again, or given up */
	gpu = &steward->gpus[from->gpu];
	if (!to->look_tick) {
		to->look_tick = ++steward->tick;
		steward_later(steward, from->gpu, job_new(JOB_LOOK, from->row.gpu));
		return;
	}
	if (gpu->has_trouble || !gpu->seen || gpu->seen_tick < to->look_tick)
		return;
	if (observed_is_idle(gpu->seen, from->row.gi))
		change_over(steward, lease, from, to, now_s);
	else
		stay(steward, to, lease, "its instance is in use again", now_s);
}

static void check_move(struct steward *steward, struct steward_instance *to, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, to->row.mover);
	struct steward_instance *from = lease ? steward_instance_of(steward, lease) : NULL;

	if (to->job)
		return;
	if (!from || lease->row.state != LEASE_ACTIVE)
		stay(steward, to, NULL, "the lease is over", now_s);
	else if (to->row.state == INSTANCE_GONE || to->row.state == INSTANCE_DESTROYING)
		stay(steward, to, lease, "the new instance could not be made", now_s);
	else if (to->row.state == INSTANCE_PRESENT)
		try_change_over(steward, lease, from, to, now_s);
}

void steward_check_moves(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->row.has_mover)
			check_move(steward, steward->instances[i], now_s);
}
