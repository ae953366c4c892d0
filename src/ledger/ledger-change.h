/*
 * ledger-change.h - changes of the layout: what was asked, each step, what is wanted since
 *
 * A change has a row for each GPU it concerns, with the layout it began from
 * and the one it leads to (as carve-layout(5) writes them, with starts), and a
 * row for each step. A step is "doing" before the driver hears of it.
 */
#pragma once

#include "ledger/ledger.h"

#define CHANGE_WORDS	 8192 /* all GPUs' */
#define CHANGE_GPU_WORDS 512  /* one GPU's */

/* state, its name, has it ended */
#define CHANGE_STATES(X)                                                                       \
	X(WAITING, "waiting", false)	    /* for its time or for holders; nothing was done */   \
	X(RUNNING, "running", false)	    /* on its way */                                      \
	X(RESET, "needs-reset", false)	    /* a MIG mode is accepted and not yet in force */     \
	X(UNDOING, "undoing", false)	    /* on its way back */                                 \
	X(DONE, "done", true)		    /* read back: it is so */                             \
	X(CANCELLED, "cancelled", true)	    /* given up before anything was done */               \
	X(UNDONE, "undone", true)	    /* the layout it began from is there again */         \
	X(DIRTY, "dirty", true)		    /* neither; `why` says what stands */

enum change_state {
#define X(state, name, ended) CHANGE_##state,
	CHANGE_STATES(X)
#undef X
	CHANGE_STATE_COUNT
};

const char *change_state_name(enum change_state state);
bool change_state_ended(enum change_state state);

struct ledger_change {
	int64_t id; /* given by ledger_change_add() */
	uid_t uid;
	char user[LEDGER_NAME];
	char wish[CHANGE_WORDS]; /* as words */
	char reason[LEDGER_REASON];
	enum change_state state;
	bool wait;  /* for holders */
	bool adopt; /* strangers are taken over */
	bool at_once; /* also when the policy has no window open */
	bool drains;  /* who is in its way is told to leave */
	bool has_until; /* the layout before it comes back then */
	int64_t until_s;
	bool has_returns; /* it brings back the layout before that change */
	int64_t returns;
	bool has_not_before, has_began, has_ended;
	int64_t not_before_s, asked_s, began_s, ended_s;
	char why[LEDGER_TEXT]; /* what it waits for, or why it ended so */
};

struct ledger_change_gpu {
	int64_t id, change;
	char gpu[LEDGER_UUID];
	char wish[CHANGE_GPU_WORDS];			 /* "3g,2x1g" */
	char was[CHANGE_GPU_WORDS], goal[CHANGE_GPU_WORDS]; /* "" until it began */
};

#define STEP_KINDS(X)           \
	X(CREATE, "create")     \
	X(DESTROY, "destroy")   \
	X(MIG_ON, "enable-mig") \
	X(MIG_OFF, "disable-mig")

enum step_kind {
#define X(kind, name) STEP_##kind,
	STEP_KINDS(X)
#undef X
	STEP_KIND_COUNT
};

#define STEP_STATES(X)                                              \
	X(PLANNED, "planned")                                       \
	X(DOING, "doing")   /* the driver may have heard of it */   \
	X(DONE, "done")	    /* read back */                         \
	X(FAILED, "failed") /* why says how */                      \
	X(UNDONE, "undone") /* taken back, or not to be done now */

enum step_state {
#define X(state, name) STEP_STATE_##state,
	STEP_STATES(X)
#undef X
	STEP_STATE_COUNT
};

const char *step_kind_name(enum step_kind kind);
const char *step_state_name(enum step_state state);

struct ledger_change_step {
	int64_t id, change;
	unsigned n; /* from 1, in the order they were planned */
	char gpu[LEDGER_UUID];
	enum step_kind kind;
	bool back;	/* on the way back */
	bool has_place; /* CREATE, DESTROY */
	unsigned profile_id, start;
	char profile[33];
	bool laid; /* the instance is, or was, part of an applied layout */
	bool has_instance;
	int64_t instance;
	enum step_state state;
	bool has_began, has_ended;
	int64_t began_s, ended_s;
	char why[LEDGER_TEXT];
};

int ledger_change_add(struct ledger *ledger, struct ledger_change *change, struct err *err);
int ledger_change_update(struct ledger *ledger, const struct ledger_change *change,
			 struct err *err);
int ledger_change_gpu_add(struct ledger *ledger, struct ledger_change_gpu *gpu, struct err *err);
int ledger_change_gpu_update(struct ledger *ledger, const struct ledger_change_gpu *gpu,
			     struct err *err);
int ledger_change_step_add(struct ledger *ledger, struct ledger_change_step *step,
			   struct err *err);
int ledger_change_step_update(struct ledger *ledger, const struct ledger_change_step *step,
			      struct err *err);

/* Oldest first. id: only that one; < 0: all, or those that are live; limit: so many; 0: all. */
int ledger_changes(struct ledger *ledger, int64_t id, bool live, size_t limit,
		   void (*fn)(const struct ledger_change *change, void *arg), void *arg,
		   struct err *err);
int ledger_change_gpus(struct ledger *ledger, int64_t change,
		       void (*fn)(const struct ledger_change_gpu *gpu, void *arg), void *arg,
		       struct err *err);
int ledger_change_steps(struct ledger *ledger, int64_t change,
			void (*fn)(const struct ledger_change_step *step, void *arg), void *arg,
			struct err *err);

/* ---- what is wanted since ---- */

/* The MIG mode that the last change of a GPU led to; its instances are those that are `laid`. */
struct ledger_wanted {
	char gpu[LEDGER_UUID];
	bool mig;
	int64_t change, since_s;
};

int ledger_wanted_put(struct ledger *ledger, const struct ledger_wanted *wanted, struct err *err);
int ledger_wanted(struct ledger *ledger, void (*fn)(const struct ledger_wanted *wanted, void *arg),
		  void *arg, struct err *err);

/* ---- layouts with a name ---- */

struct ledger_layout {
	char name[LEDGER_NAME];
	char words[CHANGE_WORDS]; /* GPUs by UUID */
	char user[LEDGER_NAME];	  /* who saved it */
	int64_t saved_s;
};

int ledger_layout_put(struct ledger *ledger, const struct ledger_layout *layout, struct err *err);
/* NOT_FOUND */
int ledger_layout_delete(struct ledger *ledger, const char *name, struct err *err);
/* By name; name NULL: all. */
int ledger_layouts(struct ledger *ledger, const char *name,
		   void (*fn)(const struct ledger_layout *layout, void *arg), void *arg,
		   struct err *err);
