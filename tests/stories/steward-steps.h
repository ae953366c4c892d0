/*
 * steward-steps.h - everything the steward does to the outside, counted
 *
 * A step is a call to the backend or a write of the ledger. One of them can be
 * struck, before or after it does its work: the process is killed there, or
 * the call answers an error, or the disk is full from there on.
 *
 * The ledger is reached through SQLite's file layer. Nothing is synced for
 * real: a killed process loses nothing of what it has written.
 */
#pragma once

#include <stdbool.h>

#include "backend/backend.h"

enum step_act { STEP_COUNT, STEP_KILL, STEP_FAIL, STEP_FULL };

struct steps {
	enum step_act act;
	unsigned strike; /* the step that is struck, from 1 */
	unsigned times;	 /* FAIL: so many calls, this one first */
	bool after;	 /* it does its work first */
	enum err_code code;
	unsigned taken;
	bool struck;
	const char *what; /* the struck call, or the last one */
};

extern struct steps steps;
extern const char **steps_list; /* not NULL: [n] becomes the name of step n */

/* Count from 1 again. Of FAIL one call is struck; steps.times can be set to more. */
void steps_begin(enum step_act act, unsigned strike, bool after, enum err_code code);
void steps_end(void);

/* From now on all ledgers of this process are counted. */
void steps_watch_ledgers(void);

/* A backend whose calls are counted; inner is the caller's. */
void steps_watch_backend(struct backend *inner, struct backend **ret);

/* Does that call change a GPU? Then failing after it is not the same as failing before. */
bool steps_changes(const char *call);
