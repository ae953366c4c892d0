/* What a change finds on a GPU, and the steps from there. */
#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_END_S (10 * 365 * 86400LL) /* nobody knows when: later than any lease */

void steward_change_server(const struct steward *steward, struct wish_server *ret)
{
	*ret = (struct wish_server){.n = steward->n_gpus};
	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];

		ret->gpus[i] = (struct wish_host){
			.index = gpu->info.index,
			.uuid = gpu->info.uuid,
			.board = gpu->there && gpu->info.mig_capable ? gpu->info.board : NULL,
		};
	}
}

int change_read_words(const struct board *board, const char *words, struct wish_gpu *ret,
		      struct err *err)
{
	const struct wish_server one = {.n = 1, .gpus = {{0, NULL, board}}};
	char word[CHANGE_GPU_WORDS + 8], *list[] = {word};
	struct wish wish;
	int r;

	snprintf(word, sizeof(word), "0=%s", words);
	r = wish_from_words(list, 1, &one, &wish, err);
	if (!r)
		*ret = wish.gpus[0];
	return r;
}

/* ---- who is on it ---- */

static void add_process(const struct observed_process *process, struct text *ret)
{
	text_addf(ret, "%spid %u", ret->len ? ", " : "", process->pid);
	if (process->has_user)
		text_addf(ret, " (%s of %s)", process->name, process->user);
}

static void add_processes(const struct steward_gpu *gpu, unsigned gi, struct text *ret)
{
	size_t told = 0;

	for (size_t i = 0; gpu->seen && i < gpu->seen->n_processes && told < 3; i++)
		if (gi == BACKEND_NONE || gpu->seen->processes[i].gi == gi) {
			add_process(&gpu->seen->processes[i], ret);
			told++;
		}
}

static void look_at_lease(const struct steward *steward, const struct steward_instance *instance,
			  struct change_instance *ret, char *who, size_t size)
{
	const struct steward_lease *lease = steward_lease_at(steward, instance->lease);

	ret->use = CHANGE_BUSY;
	ret->wait_s = lease && lease->row.has_ends ? lease->row.ends_s - steward->survey_s
						   : NO_END_S;
	if (ret->wait_s < 0)
		ret->wait_s = 0;
	snprintf(who, size, "lease %" PRId64 " of %s", instance->lease,
		 lease ? lease->row.user : "nobody");
}

static void look_at_processes(const struct steward_gpu *gpu, unsigned gi,
			      struct change_instance *ret, char *who, size_t size)
{
	cleanup(text_done) struct text users = TEXT_INIT;

	add_processes(gpu, gi, &users);
	if (!users.len)
		return;
	if (ret->use == CHANGE_IDLE)
		ret->use = CHANGE_BUSY;
	snprintf(who + strlen(who), size - strlen(who), "%s%.100s", who[0] ? ", " : "",
		 text_str(&users));
}

/* ---- ours ---- */

static bool is_wanted(const struct wish_gpu *keep, const struct ledger_instance *row)
{
	for (size_t i = 0; keep && keep->mig && i < keep->n; i++)
		if (keep->at[i].profile->id == row->profile_id && keep->at[i].has_start &&
		    keep->at[i].start == row->start)
			return true;
	return false;
}

static bool is_stuck(const struct steward_instance *instance)
{
	return instance->row.state == INSTANCE_DESTROYING && instance->tries >= STUCK_TRIES;
}

static void judge(const struct steward *steward, const struct steward_instance *instance,
		  enum ground_view view, struct change_instance *ret, char *who, size_t size)
{
	const struct steward_gpu *gpu = &steward->gpus[instance->gpu];
	const struct steward_guard *guard = steward->guard;

	ret->use = CHANGE_IDLE;
	if (is_stuck(instance)) {
		ret->use = CHANGE_PINNED;
		snprintf(who, size, "cannot be removed");
	} else if (view == GROUND_BEGUN) {
		ret->use = instance->lease ? CHANGE_PINNED : CHANGE_IDLE;
		snprintf(who, size, instance->lease ? "leased" : "");
	} else if (guard && guard->protects &&
		   guard->protects(guard->arg, steward, instance, who, size)) {
		ret->use = CHANGE_PINNED;
	} else {
		if (instance->lease)
			look_at_lease(steward, instance, ret, who, size);
		if (instance->row.has_gi)
			look_at_processes(gpu, instance->row.gi, ret, who, size);
	}
}

static int add(struct change_ground *ground, const struct profile *profile, unsigned start,
	       const struct steward_instance *instance, unsigned gi, struct err *err)
{
	size_t i = ground->gpu.n;

	if (!profile)
		return fail(err, ERR_UNSUPPORTED, "it has an instance that the catalogue does not");
	if (i == LAYOUT_MAX)
		return fail(err, ERR_INVALID, "it has more instances than there is room for");
	ground->gpu.at[i] = (struct change_instance){.profile = profile, .start = start};
	ground->gpu.at[i].who = ground->who[i];
	ground->instances[i] = instance;
	ground->gis[i] = gi;
	ground->gpu.n++;
	return 0;
}

/* What is on its way out and will be gone when the change begins takes no part. */
static bool takes_part(const struct steward_instance *instance, const struct wish_gpu *keep)
{
	enum instance_state state = instance->row.state;

	if (state == INSTANCE_GONE || (state == INSTANCE_DESTROYING && !is_stuck(instance)))
		return false;
	return state != INSTANCE_CREATING || !is_wanted(keep, &instance->row);
}

static int look_at_ours(const struct steward *steward, size_t index, enum ground_view view,
			const struct wish_gpu *keep, struct change_ground *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];
		size_t at = ret->gpu.n;

		if (instance->gpu != index || !takes_part(instance, keep))
			continue;
		r = add(ret, instance->profile, instance->row.start, instance,
			instance->row.has_gi ? instance->row.gi : BACKEND_NONE, err);
		if (!r)
			judge(steward, instance, view, &ret->gpu.at[at], ret->who[at],
			      sizeof(ret->who[at]));
	}
	return r;
}

/* ---- strangers ---- */

/* One that a lease could have as it is: a single compute instance that takes all of it. */
static bool can_adopt(const struct backend_instance *seen, const struct profile *profile)
{
	return profile && seen->n_cis == 1 && seen->cis[0].slices == profile->compute_slices;
}

static int look_at_strangers(const struct steward *steward, size_t index, enum ground_view view,
			     struct change_ground *ret, struct err *err)
{
	const struct steward_gpu *gpu = &steward->gpus[index];
	int r = 0;

	for (size_t i = 0; !r && i < gpu->seen->n_instances; i++) {
		const struct backend_instance *seen = &gpu->seen->instances[i];
		const struct profile *profile =
			board_profile_by_id(gpu->info.board, seen->profile_id);
		bool ours = view == GROUND_ADOPT && can_adopt(seen, profile);
		size_t at = ret->gpu.n;

		if (steward_instance_on(steward, index, seen->profile_id, seen->start))
			continue;
		r = add(ret, profile, seen->start, NULL, seen->gi, err);
		if (r)
			break;
		ret->gpu.at[at].use = ours ? CHANGE_IDLE : CHANGE_PINNED;
		if (ours)
			look_at_processes(gpu, seen->gi, &ret->gpu.at[at], ret->who[at],
					  sizeof(ret->who[at]));
		else
			snprintf(ret->who[at], sizeof(ret->who[at]), "not made by carve%s",
				 view == GROUND_ADOPT ? ", and divided further" : "");
	}
	return r;
}

/* ---- a GPU ---- */

int change_can(const struct steward *steward, size_t index, struct err *err)
{
	const struct steward_gpu *gpu = &steward->gpus[index];

	if (index == STEWARD_NO_GPU || !gpu->there || gpu->info.lost)
		return fail(err, ERR_UNAVAILABLE, "it does not answer");
	if (gpu->has_trouble)
		return fail(err, ERR_UNAVAILABLE, "%.400s", gpu->trouble.text);
	if (!gpu->seen)
		return fail(err, ERR_UNAVAILABLE, "it was not looked at yet");
	if (!gpu->managed)
		return fail(err, ERR_REFUSED, "the policy leaves it alone");
	if (!gpu->info.board || !gpu->info.mig_capable)
		return fail(err, ERR_UNSUPPORTED, "it cannot MIG, or the catalogue does not know it");
	return 0;
}

bool change_is_settled(const struct steward *steward, size_t index, const struct wish_gpu *keep)
{
	if (steward->gpus[index].jobs)
		return false;
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu != index)
			continue;
		if (instance->row.has_mover)
			return false;
		if (instance->row.state == INSTANCE_DESTROYING && !is_stuck(instance) &&
		    !is_wanted(keep, &instance->row))
			return false;
	}
	return true;
}

int change_look(const struct steward *steward, size_t index, enum ground_view view,
		const struct wish_gpu *keep, struct change_ground *ret, struct err *err)
{
	const struct steward_gpu *gpu = &steward->gpus[index];
	int r = change_can(steward, index, err);

	if (r)
		return r;
	*ret = (struct change_ground){.gpu.board = gpu->info.board};
	if (!gpu->info.mig)
		return 0;
	r = look_at_ours(steward, index, view, keep, ret, err);
	return r ? r : look_at_strangers(steward, index, view, ret, err);
}

int change_plan(const struct steward *steward, size_t index, enum ground_view view,
		const struct wish_gpu *wish, struct change_plan *ret, struct change_ground *ground,
		struct err *err)
{
	const struct backend_gpu *info;
	int r = change_look(steward, index, view, view == GROUND_BEGUN ? wish : NULL, ground, err);

	if (r)
		return r;
	*ret = (struct change_plan){.mode = false};
	info = &steward->gpus[index].info;
	ret->resets = info->mig != wish->mig;
	ret->mode = ret->resets || info->mig_pending != wish->mig;
	return change_make(&ground->gpu, wish, &ret->change, err);
}

struct wish_gpu change_goal(const struct wish_gpu *wish, const struct change_plan *plan)
{
	const struct layout *layout = &plan->change.goal;
	struct wish_gpu goal = {.given = true, .mig = wish->mig, .n = layout->n};

	for (unsigned i = 0; i < layout->n; i++)
		goal.at[i] = (struct wish_item){
			&layout->board->profiles[layout->at[i].profile],
			.has_start = true,
			.start = layout->at[i].start,
		};
	return goal;
}

bool steward_change_present(const struct steward *steward, size_t index, struct wish_gpu *ret)
{
	struct change_ground ground;
	struct err ignored = ERR_INIT;
	struct wish_gpu now = {.given = true};
	struct layout layout;

	if (change_look(steward, index, GROUND_BEGUN, NULL, &ground, &ignored))
		return false;
	now.mig = steward->gpus[index].info.mig;
	layout_init(&layout, ground.gpu.board);
	for (size_t i = 0; i < ground.gpu.n; i++)
		if (!layout_take(&layout, ground.gpu.at[i].profile, ground.gpu.at[i].start))
			return false;
	for (; now.n < layout.n; now.n++)
		now.at[now.n] = (struct wish_item){
			&layout.board->profiles[layout.at[now.n].profile],
			.has_start = true,
			.start = layout.at[now.n].start,
		};
	*ret = now;
	return true;
}

/* ---- who is in the way ---- */

static void add_blocker(const struct steward *steward, size_t index, const char *what,
			const char *who, struct text *ret)
{
	text_addf(ret, "%s%s on GPU %u is in use: %s", ret->len ? "; " : "", what,
		  steward->gpus[index].info.index, who);
}

/* The mode of a GPU that anything runs on cannot be changed. */
static void block_mode(const struct steward *steward, size_t index,
		       const struct change_ground *ground, struct text *ret)
{
	cleanup(text_done) struct text users = TEXT_INIT;

	for (size_t i = 0; i < ground->gpu.n; i++)
		if (ground->gpu.at[i].use == CHANGE_BUSY)
			return; /* told already: it is one that goes */
	add_processes(&steward->gpus[index], BACKEND_NONE, &users);
	if (users.len)
		text_addf(ret, "%sGPU %u is in use, so its MIG mode stays: %s", ret->len ? "; " : "",
			  steward->gpus[index].info.index, text_str(&users));
}

void change_blockers(const struct steward *steward, size_t index, const struct change_plan *plan,
		     const struct change_ground *ground, struct text *ret)
{
	for (size_t i = 0; i < plan->change.n; i++) {
		const struct change_step *step = &plan->change.steps[i];
		char what[64];

		if (step->create || ground->gpu.at[step->instance].use != CHANGE_BUSY)
			continue;
		snprintf(what, sizeof(what), "%s at %u", step->profile->name, step->start);
		add_blocker(steward, index, what, ground->who[step->instance], ret);
	}
	if (plan->resets)
		block_mode(steward, index, ground, ret);
}
