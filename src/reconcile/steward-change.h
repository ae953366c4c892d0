/*
 * steward-change.h - from one layout to another, by the daemon
 *
 * A change is what an admin (or the daemon itself: a temporary layout that
 * ends) wants of some GPUs. It is written down with all its steps, done step by
 * step, each GPU on its own, and read back; when a step fails everything goes
 * back to where it began. waiting -> running -> done; running -> undoing ->
 * undone, or dirty when the way back fails too, and `why` says what stands.
 *
 * A step is "doing" in the ledger, together with the promise about its
 * instance, before the driver hears of it. After a crash or a reboot the next
 * start goes on where the ledger says; whatever else the world did meanwhile
 * is planned anew from what is there to the goal (or back).
 *
 * Only what is ours and free may go. A lease is waited for (`wait`) or the
 * change is refused (BUSY); a stranger stays unless `adopt`. While a change
 * holds a GPU nothing new is placed there.
 *
 * What a change made or kept is `laid`: it stays although nobody has it, may be
 * leased but not removed to make room, and is made again when it vanished,
 * MIG mode too: that is how a layout comes back after a reboot.
 *
 * To make a change:
 *
 *	struct wish_server server;
 *	struct wish wish;
 *	steward_change_server(steward, &server);
 *	wish_from_words(words, n, &server, &wish, &err);
 *	steward_change_start(steward, person, &(struct steward_change_ask){
 *		.wish = &wish, .reason = "one 3g until Friday"}, now_s, &id, &err);
 *
 * and steward_change_find(steward, id) until it is NULL (it has ended; the
 * ledger has it for ever). hooks.changed is called with steward_change_key(id)
 * for each of its steps.
 *
 * A policy of changes sets steward->guard (below): what no plan may touch, and
 * when a change may begin. It is asked again before anything is done, and each
 * second while a change waits.
 */
#pragma once

#include "ledger/ledger-change.h"
#include "planner/change.h"
#include "planner/wish.h"
#include "reconcile/steward.h"

struct steward_change_part {
	struct ledger_change_gpu row;
	bool written, dirty;
	size_t gpu; /* index; STEWARD_NO_GPU: not in this server now */
	bool known; /* its words are read: wish, was, goal (the latter two once it began) */
	struct wish_gpu wish, was, goal;
	bool there;	 /* it is as it should be */
	bool failed;	 /* trouble says why */
	unsigned tries;	 /* on the way back */
	unsigned rounds; /* planned so often */
	int64_t again_s; /* not before */
	int64_t stalled_s; /* cannot go on since; 0: it goes on */
	struct err trouble;
};

struct steward_change_step {
	struct ledger_change_step row;
	bool written, dirty;
	bool told; /* MIG: the driver took it; what is read tells whether it is in force */
};

struct steward_change {
	struct ledger_change row;
	bool dirty;
	size_t n_parts;
	struct steward_change_part *parts;
	size_t n_steps, cap_steps;
	struct steward_change_step *steps;
};

/* What hooks.changed is told of a change. */
static inline int64_t steward_change_key(int64_t id)
{
	return -id;
}

struct steward_guard {
	void *arg;
	/*
	 * Must this instance of ours stay, whatever is asked? why: to be filled in, "class big
	 * is protected". NULL: nothing must.
	 */
	bool (*protects)(void *arg, const struct steward *steward,
			 const struct steward_instance *instance, char *why, size_t size);
	/*
	 * When may this change begin? now_s or earlier: now. why: "the window opens at ...".
	 * row->id is 0 when it is only about to be asked for. NULL: at once.
	 */
	int64_t (*not_before)(void *arg, const struct steward *steward,
			      const struct ledger_change *row, int64_t now_s, char *why,
			      size_t size);
};

/* GPUs in the steward's order: wish.gpus[i] is about steward->gpus[i]. */
void steward_change_server(const struct steward *steward, struct wish_server *ret);

struct steward_change_ask {
	const struct wish *wish;
	const char *reason;
	bool wait;	/* for holders, and for the changes before it */
	bool adopt;	/* take over what carve did not make on these GPUs */
	bool any_order; /* equal GPUs may exchange what is wished */
	bool has_not_before;
	int64_t not_before_s;
	bool at_once;	/* also when the policy has no window open; then with a reason */
	bool when_open; /* else it waits for one, instead of being refused */
	bool drain;	/* who is in its way is told to leave (steward-rules.h); means wait */
	bool has_until; /* then the layout before it comes back, drained first */
	int64_t until_s;
	int64_t returns; /* it is such a return of that change; 0: of none */
};

/*
 * Begin a change, or have it wait.
 *
 *   person  who asks; NULL: the daemon
 *   ret_id  out: its number; 0: it is so already, and is wanted from now on
 *   err     those of change_make() and of a GPU that cannot be changed, with the GPU in front;
 *           BUSY: in use, and by whom, or another change is under way; REFUSED by the guard;
 *           those of writing; UNAVAILABLE before the first survey
 */
int steward_change_start(struct steward *steward, const struct policy_person *person,
			 const struct steward_change_ask *ask, int64_t now_s, int64_t *ret_id,
			 struct err *err);

/*
 * Give it up: one that waits at once, one that runs by going back.
 *   err  NOT_FOUND; STALE: it has ended, or is on its way back already
 */
int steward_change_cancel(struct steward *steward, const struct policy_person *person, int64_t id,
			  int64_t now_s, struct err *err);

/* NULL: no such change that has not ended. */
const struct steward_change *steward_change_find(const struct steward *steward, int64_t id);

/* The change that holds this GPU now, so that nothing may be placed there; NULL: none. */
const struct steward_change *steward_change_on(const struct steward *steward, size_t gpu,
					       int64_t now_s);

/* Keep a layout under its name, in place of what had it; forget it (NOT_FOUND). */
int steward_layout_save(struct steward *steward, const struct ledger_layout *layout,
			struct err *err);
int steward_layout_forget(struct steward *steward, const char *name, struct err *err);

/* What is there now, as a wish with starts. false: something there cannot be written as one. */
bool steward_change_present(const struct steward *steward, size_t gpu, struct wish_gpu *ret);
