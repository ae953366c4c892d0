#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/lease.h"
#include "cli/signals.h"
#include "cli/view.h"

#define EXIT_CANNOT_RUN 126
#define EXIT_NO_COMMAND 127
#define GRACE_S		30
#define LOOK_AGAIN_S	30 /* when the daemon does not answer */
#define LAST_CALL_S	10 /* patience for giving back: somebody waits for our exit */

struct run_wish {
	struct cli_wish common;
	const char *class_name, *reason;
	bool has_time, wait, quiet, cdi;
	int64_t time_s;
	struct cmd_list fields;
	const char *project;
};

static const struct cmd_opt run_opts[] = {
	{"class", OPT_TEXT, offsetof(struct run_wish, class_name), .arg = "CLASS",
	 .help = "what to ask for: carve classes", .required = true},
	{"reason", OPT_TEXT, offsetof(struct run_wish, reason), .arg = "TEXT", .help = "what for"},
	{"time", OPT_DURATION, offsetof(struct run_wish, time_s),
	 offsetof(struct run_wish, has_time), .arg = "TIME",
	 .help = "how long; CMD is then ended in time"},
	{"wait", OPT_FLAG, offsetof(struct run_wish, wait),
	 .help = "wait in the queue when there is no room"},
	{"field", OPT_LIST, offsetof(struct run_wish, fields), .arg = "NAME=VALUE",
	 .help = "a field that the policy asks for; may be given again"},
	{"project", OPT_TEXT, offsetof(struct run_wish, project), .arg = "VALUE",
	 .help = "short for --field project=VALUE"},
	{"cdi", OPT_FLAG, offsetof(struct run_wish, cdi),
	 .help = "describe the device for podman and docker: $CARVE_CDI"},
	{"quiet", OPT_FLAG, offsetof(struct run_wish, quiet),
	 .help = "do not name the lease on standard error"},
};

struct run {
	struct client *client;
	int64_t lease;
};

/*
 * The lease's end has come: was it renewed? A daemon that does not answer
 * gives the instance to nobody else, so that there is time to ask again.
 */
static int64_t look_again(void *arg, int64_t now_s)
{
	struct run *run = arg;
	cleanup(json_decref) json_t *lease = NULL;
	struct err err = ERR_INIT;
	int r;

	client_set_patience(run->client, LAST_CALL_S);
	r = lease_read(run->client, run->lease, &lease, &err);
	if (r == -ERR_UNAVAILABLE || r == -ERR_TIMEOUT)
		return now_s + LOOK_AGAIN_S;
	return json_integer_value(json_object_get(lease, "ends_s"));
}

static void tell(const json_t *lease)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	lease_describe(lease, &text);
	fprintf(stderr, "carve: %s\n", text_str(&text));
}

/* exit_status < 0: CMD never ran. Whatever happens here, CMD's exit status is what counts. */
static void give_back(struct run *run, int exit_status)
{
	cleanup(json_decref) json_t *lease = NULL;
	struct err err = ERR_INIT;
	char text[sizeof(err.text)];

	client_set_patience(run->client, LAST_CALL_S);
	if (!lease_give_back(run->client, run->lease, exit_status, NULL, &lease, &err))
		return;
	text_printable(text, sizeof(text), err.text);
	fprintf(stderr,
		"carve: lease %" PRId64 " could not be given back; carved will see that the "
		"command is gone (%s)\n",
		run->lease, text);
}

/* What a shell makes of the end that waitpid() tells. */
static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What CMD is to find; this process goes first, so that CMD is born where it belongs. */
static int prepare(struct run *run, const struct signals *signals, bool cdi, json_t **ret,
		   const char **ret_cdi, struct err *err)
{
	int r = lease_attach(run->client, run->lease, 0, 0, signals->stop_fd, ret, err);

	if (r || !cdi)
		return r;
	json_decref(steal(*ret));
	return lease_describe_device(run->client, run->lease, ret, ret_cdi, err);
}

static int run_on(struct run *run, const struct signals *signals, const json_t *lease,
		  struct cmd_call *call, struct err *err)
{
	const struct run_wish *wish = call->wish;
	const json_t *end = json_object_get(lease, "ends_s");
	/* As the policy calls it; an alias may have been typed. */
	const char *class_name = json_string_value(json_object_get(lease, "class"));
	const struct child_limit limit = {wish->has_time && json_is_integer(end),
					  json_integer_value(end), GRACE_S, look_again, run};
	struct lease_bundle bundle;
	cleanup(json_decref) json_t *now = NULL;
	const char *cdi = NULL;
	char number[24];
	struct child_variable variables[] = {
		{"CUDA_VISIBLE_DEVICES", NULL},
		{"CARVE_LEASE", number},
		{"CARVE_CLASS", class_name ? class_name : wish->class_name},
		{NULL, NULL}, {NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
	size_t n = 3;
	int status = 0;
	int r = lease_device(lease, &variables[0].value, err);

	r = r ? r : prepare(run, signals, wish->cdi, &now, &cdi, err);
	if (r) {
		give_back(run, -1);
		return r;
	}
	snprintf(number, sizeof(number), "%" PRId64, run->lease);
	if (cdi)
		variables[n++] = (struct child_variable){"CARVE_CDI", cdi};
	lease_read_bundle(lease, &bundle);
	if (bundle.cpus[0])
		variables[n++] = (struct child_variable){"CARVE_CPUS", bundle.cpus};
	if (bundle.memory[0])
		variables[n] = (struct child_variable){"CARVE_MEMORY", bundle.memory};
	r = child_run(call->args, variables, signals, &limit, &status, err);
	if (r) {
		call->exit_status = r == -ERR_NOT_FOUND ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN;
		give_back(run, call->exit_status);
		return r;
	}
	give_back(run, shell_status(status));
	if (WIFSIGNALED(status))
		signals_die(WTERMSIG(status));
	call->exit_status = WEXITSTATUS(status);
	return 0;
}

static int run_run(struct cmd_call *call, struct err *err)
{
	const struct run_wish *wish = call->wish;
	const struct lease_wish asked = {
		.class_name = wish->class_name,
		.reason = wish->reason,
		.has_time = wish->has_time,
		.time_s = wish->time_s,
		.wait = wish->wait,
		.hold_caller = true,
		.fields = &wish->fields,
		.project = wish->project,
	};
	cleanup(client_close) struct client *client = NULL;
	cleanup(signals_close) struct signals signals = SIGNALS_NONE;
	cleanup(json_decref) json_t *lease = NULL;
	struct run run;
	int r = client_open(wish->common.socket, &client, err);

	r = r ? r : signals_open(&signals, err);
	r = r ? r : lease_obtain(client, &asked, &signals, &lease, err);
	if (r)
		return r;
	if (!wish->quiet)
		tell(lease);
	run = (struct run){client, lease_id(lease)};
	return run_on(&run, &signals, lease, call, err);
}

const struct cmd cmd_run = {
	.name = "run",
	.synopsis = "--class CLASS --reason TEXT [--time TIME] [--wait] [--cdi] [--] CMD...",
	.summary = "Ask for an instance, run a command on it, give it back",
	CMD_OPTS(run_opts),
	.wish_size = sizeof(struct run_wish),
	.min_args = 1,
	.max_args = -1,
	.own_args = true,
	.run = run_run,
};
