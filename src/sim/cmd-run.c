#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "sim/cmds.h"
#include "sim/jail.h"
#include "sim/place.h"
#include "sim/tool-world.h"

#define EXIT_CANNOT_RUN 126
#define EXIT_NO_COMMAND 127

struct run_wish {
	struct cmd_wish common;
	bool no_jail;
};

static const struct cmd_opt run_opts[] = {
	{"no-jail", OPT_FLAG, offsetof(struct run_wish, no_jail),
	 .help = "leave /dev, /proc and /sys alone"},
};

/* Each line of what is missing, once, and on we go. */
static void tell_missing(const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		fprintf(stderr, "carve-sim: %.*s\n", (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

static int enter_world(const struct run_wish *wish, struct err *err)
{
	cleanup(text_done) struct text missing = TEXT_INIT;
	struct place place;
	int r = place_find(wish->common.dir, &place, err);

	r = r ? r : tool_world_exists(&place, err);
	r = r ? r : place_enter(&place, err);
	if (r || wish->no_jail)
		return r;
	r = jail_enter(place.dir, &missing, err);
	tell_missing(text_str(&missing));
	return r;
}

/* Does not return when it succeeds. */
static int become(char **argv, struct cmd_call *call, struct err *err)
{
	execvp(argv[0], argv);
	call->exit_status = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN;
	return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_DENIED, "cannot run '%.200s': %s",
		    argv[0], strerror(errno));
}

static int run_run(struct cmd_call *call, struct err *err)
{
	int r = enter_world(call->wish, err);

	return r ? r : become(call->args, call, err);
}

const struct cmd cmd_run = {
	.name = "run",
	.synopsis = "[--no-jail] [--] CMD...",
	.summary = "Run a command that sees the world",
	CMD_OPTS(run_opts),
	.wish_size = sizeof(struct run_wish),
	.min_args = 1,
	.max_args = -1,
	.own_args = true,
	.run = run_run,
};

static int shell_run(struct cmd_call *call, struct err *err)
{
	const struct passwd *user = getpwuid(getuid());
	const char *shell = getenv("SHELL");
	char *argv[] = {NULL, NULL};
	int r = enter_world(call->wish, err);

	if (!shell || !shell[0])
		shell = user && user->pw_shell[0] ? user->pw_shell : "/bin/sh";
	argv[0] = strdup(shell);
	if (!r && !argv[0])
		r = fail(err, ERR_NOMEM, "no memory");
	r = r ? r : become(argv, call, err);
	free(argv[0]);
	return r;
}

const struct cmd cmd_shell = {
	.name = "shell",
	.synopsis = "[--no-jail]",
	.summary = "Your shell, seeing the world",
	CMD_OPTS(run_opts),
	.wish_size = sizeof(struct run_wish),
	.run = shell_run,
};

/* For a shell: in single quotes, those inside as '\''. */
static void print_export(const char *name)
{
	const char *value = getenv(name);

	printf("export %s='", name);
	for (; value && *value; value++) {
		if (*value == '\'')
			printf("'\\''");
		else
			putchar(*value);
	}
	printf("'\n");
}

static int env_run(struct cmd_call *call, struct err *err)
{
	const struct run_wish wish = {.common = *(struct cmd_wish *)call->wish, .no_jail = true};
	int r = enter_world(&wish, err);

	if (r)
		return r;
	print_export("CARVE_SIM");
	print_export("LD_LIBRARY_PATH");
	print_export("PATH");
	return 0;
}

const struct cmd cmd_env = {
	.name = "env",
	.synopsis = "",
	.summary = "Lines that make a shell see the world: eval \"$(carve-sim env)\"",
	.wish_size = sizeof(struct cmd_wish),
	.run = env_run,
};
