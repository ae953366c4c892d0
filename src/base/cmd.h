/*
 * cmd.h - a program made of commands
 *
 * One command is one file cmd-NAME.c and one row of its program's table. Its
 * options are a table too: they are parsed, checked and written into the
 * command's wish struct before run() is called, so that a command never sees
 * argv. Help, the usage line and "did you mean" are made from the same tables.
 *
 * A command prints its answer to standard output and leaves what went wrong in
 * err; cmd_main() prints that once. Words: a wish is what the options asked
 * for. Every program defines cmd_program, which tells its name and the options
 * that all its commands have.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/err.h"

enum cmd_opt_kind {
	OPT_FLAG,     /* bool */
	OPT_TEXT,     /* const char *, NULL when not given */
	OPT_SIZE,     /* uint64_t, bytes */
	OPT_SHARE,    /* double, 0..1 */
	OPT_FACTOR,   /* double, 0 or more */
	OPT_DURATION, /* int64_t, seconds */
	OPT_NUMBER,   /* int64_t in [min, max] */
	OPT_LIST,     /* struct cmd_list; may be given again */
};

#define CMD_LIST_MAX 8

struct cmd_list {
	size_t n;
	const char *at[CMD_LIST_MAX];
};

struct cmd_opt {
	const char *name; /* without the dashes */
	enum cmd_opt_kind kind;
	size_t at;     /* offset in the wish */
	size_t has_at; /* offset of a bool that tells it was given; 0: none, so never the first */
	int64_t min, max; /* OPT_NUMBER */
	const char *arg;  /* "FILE"; NULL for flags */
	const char *help; /* one line */
	bool required;
	char letter; /* 'f' for -f; 0: none. -h is --help everywhere */
};

struct cmd_call {
	const struct cmd *cmd;
	void *wish; /* the command's own wish, of cmd->wish_size bytes */
	char **args;
	int n_args;
	int exit_status; /* a command may set it; else 0 or that of the error */
};

struct cmd {
	const char *name;
	const char *synopsis; /* after the name: "[--gpus LIST] [--mig]" */
	const char *summary;  /* one line */
	const struct cmd_opt *opts;
	size_t n_opts;
	const void *defaults; /* a wish to start from; NULL: zeros */
	size_t wish_size;
	int min_args, max_args; /* max_args -1: any number */
	bool own_args;		/* the first argument ends the options: CMD [args] */
	bool hidden;		/* not for people: neither listed nor suggested */
	void (*more_help)(const struct cmd *cmd); /* printed after the options; NULL: nothing */
	int (*run)(struct cmd_call *call, struct err *err);
};

#define CMD_OPTS(table) .opts = (table), .n_opts = ARRAY_SIZE(table)

struct cmd_program {
	const char *name;    /* "carve-sim" */
	const char *summary; /* after the name in the list of commands */
	bool page_each;	     /* every command has a manual page of its own: carve-NAME(1) */
	/* What all commands have besides --help, written to the beginning of every wish. */
	const struct cmd_opt *opts;
	size_t n_opts;
};

extern const struct cmd_program cmd_program; /* defined by the program, not by this module */

/*
 * All of main(): help, version, or the command that argv[1] names.
 * Returns the exit status; mistakes are printed.
 */
int cmd_program_main(const struct cmd *const *cmds, size_t n, int argc, char **argv);

/*
 * Parse what follows the command's name and run it.
 *
 *   argv, argc  the command's name and its arguments
 * Returns the exit status; mistakes are printed.
 */
int cmd_main(const struct cmd *cmd, int argc, char **argv);

/* The command with that name, or NULL with "did you mean" in err. */
const struct cmd *cmd_find(const struct cmd *const *cmds, size_t n, const char *name,
			   struct err *err);

/* The i-th option of a command: its own, the program's, --help; NULL past the end. */
const struct cmd_opt *cmd_opt_at(const struct cmd *cmd, size_t i);

/* "usage: carve-sim NAME ..." with the options, to standard output. */
void cmd_help(const struct cmd *cmd);

/* The list of commands, to standard output. */
void cmd_list(const struct cmd *const *cmds, size_t n);

/* "carve-sim: text", the hint and the rule, to standard error. Returns the exit status. */
int cmd_complain(const struct err *err);

/*
 * Parse into call->wish without running anything.
 *   ret_help  out: --help was asked for; the rest is then not looked at
 *   err       INVALID with a hint
 */
int cmd_parse(const struct cmd *cmd, int argc, char **argv, struct cmd_call *call, bool *ret_help,
	      struct err *err);

/* A factor, 0..1000000, as OPT_FACTOR takes it. err: INVALID */
int cmd_factor(const char *s, double *ret, struct err *err);

/*
 * Find a row of a command's words ("add", "list"): the index in words, or -1
 * with "did you mean" in err.
 */
int cmd_word(const char *typed, const char *what, const char *const *words, size_t n,
	     struct err *err);
