#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"
#include "cli/signals.h"

struct lease_cmd_wish {
	struct cli_wish common;
	const char *reason;
	bool has_time, wait, cdi;
	const char *env_file;
	int64_t time_s;
	struct cmd_list fields;
	const char *project;
	int64_t count, gpus;
};

static const struct cmd_opt lease_opts[] = {
	{"reason", OPT_TEXT, offsetof(struct lease_cmd_wish, reason), .arg = "TEXT",
	 .help = "what for"},
	{"time", OPT_DURATION, offsetof(struct lease_cmd_wish, time_s),
	 offsetof(struct lease_cmd_wish, has_time), .arg = "TIME",
	 .help = "how long, like 4h (default: that of the class)"},
	{"wait", OPT_FLAG, offsetof(struct lease_cmd_wish, wait),
	 .help = "wait in the queue when there is no room"},
	{"field", OPT_LIST, offsetof(struct lease_cmd_wish, fields), .arg = "NAME=VALUE",
	 .help = "a field that the policy asks for; may be given again"},
	{"project", OPT_TEXT, offsetof(struct lease_cmd_wish, project), .arg = "VALUE",
	 .help = "short for --field project=VALUE"},
	{"count", OPT_NUMBER, offsetof(struct lease_cmd_wish, count), .min = 1, .max = 64,
	 .arg = "N", .help = "so many at once, or none; the class must allow it"},
	{"gpus", OPT_NUMBER, offsetof(struct lease_cmd_wish, gpus), .min = 1, .max = 64,
	 .arg = "N", .help = "so many whole GPUs, instead of CLASS"},
	{"cdi", OPT_FLAG, offsetof(struct lease_cmd_wish, cdi),
	 .help = "describe the device for podman and docker"},
	{"env-file", OPT_TEXT, offsetof(struct lease_cmd_wish, env_file), .arg = "FILE",
	 .help = "write the variables there, as EnvironmentFile= of systemd reads them"},
	CLI_JSON,
};

struct variables {
	const char *device, *cdi; /* cdi: NULL when none was asked for */
	int64_t lease;
};

static void write_variables(const struct variables *variables, const char *before, FILE *file)
{
	fprintf(file, "%sCUDA_VISIBLE_DEVICES=%s\n", before, variables->device);
	if (variables->cdi)
		fprintf(file, "%sCARVE_CDI=%s\n", before, variables->cdi);
}

/* A shell can read all of it: but for the exports, comments. */
static void print_for_shell(const json_t *lease, const struct variables *variables)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	struct lease_bundle bundle;

	lease_describe(lease, &text);
	printf("# %s\n", text_str(&text));
	write_variables(variables, "export ", stdout);
	lease_read_bundle(lease, &bundle);
	if (bundle.cpus[0])
		printf("export CARVE_CPUS=%s\n", bundle.cpus);
	if (bundle.memory[0])
		printf("export CARVE_MEMORY=%s\n", bundle.memory);
	printf("# give it back: carve release %" PRId64 "\n", variables->lease);
}

/* Nothing to use yet: for a shell that reads it, only a comment. */
static int print_waiting(const json_t *lease)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	lease_describe(lease, &text);
	printf("# %s\n", text_str(&text));
	printf("# withdraw it: carve release %" PRId64 "\n", lease_id(lease));
	return 0;
}

/* One variable names them all, in the order they were granted. */
static int print_all(const json_t *leases, struct err *err)
{
	cleanup(text_done) struct text uuids = TEXT_INIT, ids = TEXT_INIT;
	const json_t *lease;
	size_t i;

	json_array_foreach(leases, i, lease) {
		cleanup(text_done) struct text text = TEXT_INIT;
		const char *uuid;
		int r = lease_device(lease, &uuid, err);

		if (r)
			return r;
		lease_describe(lease, &text);
		printf("# %s\n", text_str(&text));
		text_addf(&uuids, "%s%s", i ? "," : "", uuid);
		text_addf(&ids, " %" PRId64, lease_id(lease));
	}
	printf("export CUDA_VISIBLE_DEVICES=%s\n", text_str(&uuids));
	printf("# give them back:");
	printf(" for id in%s; do carve release $id; done\n", text_str(&ids));
	return 0;
}

static int check_args(const struct cmd_call *call, struct err *err)
{
	const struct lease_cmd_wish *wish = call->wish;

	if (wish->gpus && (call->n_args || wish->count))
		return fail(err, ERR_INVALID, "--gpus stands alone, without CLASS and --count");
	if (!wish->gpus && !call->n_args) {
		fail(err, ERR_INVALID, "lease needs a CLASS, or --gpus N");
		return fail_hint(err, "carve classes lists them");
	}
	if (wish->wait && (wish->count || wish->gpus))
		return fail(err, ERR_INVALID, "several cannot wait in the queue together");
	if ((wish->cdi || wish->env_file) && (wish->count || wish->gpus))
		return fail(err, ERR_INVALID, "--cdi and --env-file are for one instance");
	return 0;
}

static int write_env_file(const char *path, const struct variables *variables, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	text_addf(&text, "CARVE_LEASE=%" PRId64 "\nCUDA_VISIBLE_DEVICES=%s\n", variables->lease,
		  variables->device);
	if (variables->cdi)
		text_addf(&text, "CARVE_CDI=%s\n", variables->cdi);
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory for '%s'", path);
	return file_write_atomic(path, text_str(&text), text.len, 0644, err);
}

static int hand_out(struct client *client, const struct lease_cmd_wish *wish, const json_t *lease,
		    struct err *err)
{
	cleanup(json_decref) json_t *described = NULL;
	struct variables variables = {.lease = lease_id(lease)};
	int r = lease_device(lease, &variables.device, err);

	if (!r && wish->cdi)
		r = lease_describe_device(client, variables.lease, &described, &variables.cdi,
					  err);
	if (!r && wish->env_file)
		r = write_env_file(wish->env_file, &variables, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(described ? described : lease, err);
	print_for_shell(lease, &variables);
	return 0;
}

/* Who cannot be told of his lease should not hold it. */
static void give_back(struct client *client, const json_t *lease)
{
	cleanup(json_decref) json_t *over = NULL;
	struct err ignored = ERR_INIT;

	lease_give_back(client, lease_id(lease), -1, "carve lease failed", &over, &ignored);
}

static int lease_run(struct cmd_call *call, struct err *err)
{
	const struct lease_cmd_wish *wish = call->wish;
	const struct lease_wish asked = {
		.class_name = call->n_args ? call->args[0] : NULL,
		.count = wish->count,
		.gpus = wish->gpus,
		.reason = wish->reason,
		.has_time = wish->has_time,
		.time_s = wish->time_s,
		.wait = wish->wait,
		.fields = &wish->fields,
		.project = wish->project,
	};
	cleanup(client_close) struct client *client = NULL;
	cleanup(signals_close) struct signals signals = SIGNALS_NONE;
	cleanup(json_decref) json_t *lease = NULL;
	int r = check_args(call, err);

	r = r ? r : client_open(wish->common.socket, &client, err);
	r = r ? r : signals_open(&signals, err);
	if (!r && (wish->count || wish->gpus)) {
		r = lease_obtain_all(client, &asked, &signals, &lease, err);
		return r			 ? r
		       : wish->common.json ? ask_print_json(lease, err)
					   : print_all(json_object_get(lease, "leases"), err);
	}
	r = r ? r : lease_obtain(client, &asked, &signals, &lease, err);
	if (r)
		return r;
	if (lease_waits(lease)) {
		call->exit_status = err_exit_status(ERR_NO_ROOM);
		return wish->common.json ? ask_print_json(lease, err) : print_waiting(lease);
	}
	r = hand_out(client, wish, lease, err);
	if (r)
		give_back(client, lease);
	return r;
}

const struct cmd cmd_lease = {
	.name = "lease",
	.synopsis = "CLASS|--gpus N --reason TEXT [--time TIME] [--wait] [--count N] [--cdi]",
	.summary = "Ask for an instance",
	CMD_OPTS(lease_opts),
	.wish_size = sizeof(struct lease_cmd_wish),
	.max_args = 1,
	.run = lease_run,
};
