/*
 * steward-change-part.h - what the files of the changes share; only for steward*.c
 */
#pragma once

#include "base/cleanup.h"
#include "base/text.h"
#include "reconcile/steward-change.h"
#include "reconcile/steward-part.h"

/* ---- steward-change.c: the changes as a whole ---- */

/* Those that have not ended, from the ledger. */
int steward_changes_load(struct steward *steward, struct err *err);
void steward_changes_free(struct steward *steward);

/* What is wanted of a GPU that is seen, from the ledger. */
void steward_change_recall(struct steward *steward, size_t gpu);

/* Whatever can go on does. Writes with the next flush; jobs go out with it. */
void steward_changes_advance(struct steward *steward, int64_t now_s);

/* Is one at work, so that a tick a second is due? */
bool steward_changes_hurry(const struct steward *steward);

/* A job for an instance failed. true: a change takes care of it, not the lease's rules. */
bool steward_change_heard(struct steward *steward, struct steward_instance *instance,
			  const struct err *err);
/* A job for a GPU's MIG mode is done. */
void steward_change_mode_done(struct steward *steward, size_t gpu, const struct job *job,
			      int64_t now_s);

/* For steward-write.c: all that is unsaved; and that it is saved now. */
bool steward_changes_unsaved(const struct steward *steward);
int steward_changes_save(struct steward *steward, struct err *err);
void steward_changes_saved(struct steward *steward);

/* One that has not ended; NULL. */
struct steward_change *change_find(const struct steward *steward, int64_t id);

bool change_is_due(const struct steward_change *change, int64_t now_s);

/* Does it hold that GPU: has it begun, or would it if nobody was in its way? */
bool change_holds(const struct steward_change *change, const char *gpu, int64_t now_s);

/* An event about it: what was wished, and why it stands as it does. */
void change_tell(struct steward *steward, const struct steward_change *change,
		 enum event_kind kind, int64_t now_s);
void change_set_state(struct steward *steward, struct steward_change *change,
		      enum change_state state, int64_t now_s);
void change_set_why(struct steward *steward, struct steward_change *change, const char *why);

/* From running to undoing. */
void change_turn_back(struct steward *steward, struct steward_change *change, const char *why,
		      int64_t now_s);

/* ---- steward-change-ledger.c ---- */

struct steward_change *change_new(size_t n_parts); /* NULL: no memory */
void change_free(struct steward_change *change);
DEFINE_CLEANUP(change_free, struct steward_change *);
int change_keep(struct steward *steward, struct steward_change *take_change, struct err *err);

/* ---- steward-change-begin.c ---- */

/* Which GPU a part is about now, and what its words mean there. */
int change_know(const struct steward *steward, struct steward_change_part *part, struct err *err);

struct change_plans;
void change_plans_free(struct change_plans *plans);
DEFINE_CLEANUP(change_plans_free, struct change_plans *);

/* The plans of all its GPUs; sets the goals. err: with the GPU in front */
int change_plan_all(const struct steward *steward, struct steward_change *change,
		    struct change_plans **ret, struct err *err);

void change_set_words(char *ret, size_t size, const struct wish_gpu *gpu);

/* Another that must end first; NULL: none. */
const struct steward_change *change_earlier(const struct steward *steward,
					    const struct steward_change *change, int64_t now_s);

/* One that waits begins, goes on waiting, or is given up. */
void change_try_begin(struct steward *steward, struct steward_change *change, int64_t now_s);

/* Nothing was done yet, and nothing will be. */
void change_give_up(struct steward *steward, struct steward_change *change, const char *why,
		    int64_t now_s);

/* ---- steward-change-plan.c: from what is there to where it is to go ---- */

struct change_ground {
	struct change_gpu gpu;
	const struct steward_instance *instances[LAYOUT_MAX]; /* NULL: a stranger */
	unsigned gis[LAYOUT_MAX];
	char who[LAYOUT_MAX][160];
};

enum ground_view {
	GROUND_ASKED,  /* leases and processes are holders, what is protected stays */
	GROUND_ADOPT,  /* the same, and strangers are as ours */
	GROUND_BEGUN, /* all was asked for already; what is leased stays */
};

/* How it is. keep: instances that are to be made at places of it do not count as there yet. */
int change_look(const struct steward *steward, size_t gpu, enum ground_view view,
		const struct wish_gpu *keep, struct change_ground *ret, struct err *err);

/* Can a change be made there at all? */
int change_can(const struct steward *steward, size_t gpu, struct err *err);

/* Is nothing of the GPU on its way, but what is wanted by keep? */
bool change_is_settled(const struct steward *steward, size_t gpu, const struct wish_gpu *keep);

struct change_plan {
	struct change change;
	bool mode;   /* its MIG mode is to be set; to on before, to off after the steps */
	bool resets; /* because it is another now, and not only pending */
};

int change_plan(const struct steward *steward, size_t gpu, enum ground_view view,
		const struct wish_gpu *wish, struct change_plan *ret, struct change_ground *ground,
		struct err *err);

struct change_plans {
	struct change_plan plan[BACKEND_MAX_GPUS];
	struct change_ground ground[BACKEND_MAX_GPUS];
	size_t n_steps;
	bool settled;
	struct text blockers;
};

/* Whom it would take something from: "lease 9 of cleo holds 3g.40gb at 0 (pid 12 of cleo)". */
void change_blockers(const struct steward *steward, size_t gpu, const struct change_plan *plan,
		     const struct change_ground *ground, struct text *ret);

/* The goal of a plan, exact. */
struct wish_gpu change_goal(const struct wish_gpu *wish, const struct change_plan *plan);

/* One GPU's words on a board; err: INVALID */
int change_read_words(const struct board *board, const char *words, struct wish_gpu *ret,
		      struct err *err);

/* ---- steward-change-step.c: one GPU of a change ---- */

enum part_news { PART_WAITS, PART_MOVED, PART_THERE, PART_FAILED };

/* The next thing to do for it, if it can be done now. */
enum part_news change_part_advance(struct steward *steward, struct steward_change *change,
				   struct steward_change_part *part, int64_t now_s);

/* Append the steps of a plan. */
int change_add_steps(struct steward_change *change, const struct steward_change_part *part,
		     const struct change_plan *plan, const struct change_ground *ground, bool back,
		     struct err *err);

/* It goes neither forth nor back: what is half made is not to be made any more. */
void change_abandon_steps(struct steward *steward, struct steward_change *change, int64_t now_s);

/* Those of that state that are on the way forth get another. */
void change_set_steps(struct steward_change *change, enum step_state from, enum step_state to,
		      int64_t now_s);

void change_set_step(struct steward_change_step *step, enum step_state state, int64_t now_s);

/* It has ended: read back, or not. why: where the job left none. */
enum part_news change_step_done(struct steward_change_step *step, int64_t now_s);
enum part_news change_step_failed(struct steward_change_part *part,
				  struct steward_change_step *step, enum err_code code,
				  const char *why, int64_t now_s);

/* ---- steward-change-do.c ---- */

enum part_news change_begin_step(struct steward *steward, struct steward_change *change,
				 struct steward_change_part *part, struct steward_change_step *step,
				 int64_t now_s);

/* Have the MIG mode set; not again for a while. */
void change_mode_job(struct steward *steward, struct steward_change_part *part, bool on,
		     int64_t now_s);
