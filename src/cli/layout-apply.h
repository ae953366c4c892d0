/*
 * layout-apply.h - having the daemon change the layout, and watching it
 */
#pragma once

#include "cli/cli.h"
#include "planner/wish.h"

struct apply_wish {
	const char *layout; /* words with blanks between, or: */
	const char *saved;  /* the name of a layout */
	const char *reason; /* or NULL */
	bool wait, adopt;
	bool now, when_open, drain; /* as POST /v1/layout has them */
	int64_t until_s;	    /* 0: for ever */
};

/*
 * Ask for a change and wait until it has ended, telling on standard error how it goes.
 * A signal ends the waiting, not the change.
 *
 *   ret_already  out: it is so already
 *   err  what the daemon answered; ROLLED_BACK, DIRTY; STALE: it was cancelled; BUSY: it
 *        waits for a reset, which nobody here can do
 */
int layout_apply(const struct cli_wish *common, const struct apply_wish *wish, bool *ret_already,
		 struct err *err);

/* The changes that have not ended, or all of them; their columns for --help. */
int layout_changes(const struct cli_wish *common, bool all, struct err *err);
void layout_changes_help(void);

int layout_cancel(const struct cli_wish *common, const char *id, struct err *err);

/* A change that waits for its time has another. */
int layout_extend(const struct cli_wish *common, const char *id, const char *time, struct err *err);

/* Layouts with a name. */
int layout_save(const struct cli_wish *common, const char *name, struct err *err);
int layout_forget(const struct cli_wish *common, const char *name, struct err *err);
int layout_saved(const struct cli_wish *common, struct err *err);
/* The words of one, for wish_from_words(); freed by the caller. err: NOT_FOUND */
int layout_saved_words(const struct cli_wish *common, const char *name, char **ret,
		       struct err *err);
