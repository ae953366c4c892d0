#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/check-report.h"
#include "cli/cli.h"

struct check_wish {
	struct cli_wish common;
	const char *only, *root, *policy, *library;
};

static const struct check_wish defaults = {.root = "/"};

static const struct cmd_opt check_opts[] = {
	{"only", OPT_TEXT, offsetof(struct check_wish, only), .arg = "NAME,...",
	 .help = "these checks, or these groups of them"},
	{"policy", OPT_TEXT, offsetof(struct check_wish, policy), .arg = "FILE",
	 .help = "the policy (default: /etc/carve/policy.yaml)"},
	{"root", OPT_TEXT, offsetof(struct check_wish, root), .arg = "DIR",
	 .help = "where the host's files are, in a container (default: /)"},
	{"library", OPT_TEXT, offsetof(struct check_wish, library), .arg = "FILE",
	 .help = "NVML (default: libnvidia-ml.so.1)"},
	CLI_JSON,
};

/* ---- which ---- */

static bool choose_group(const char *name, bool *asked)
{
	bool found = false;

	for (unsigned i = 0; i < CHECK_COUNT; i++)
		if (!strcmp(name, check_group_name(check_rules[i].group)))
			found = asked[i] = true;
	return found;
}

static int choose(const char *only, bool *asked, struct err *err)
{
	char name[64];

	if (!only) {
		memset(asked, true, CHECK_COUNT * sizeof(*asked));
		return 0;
	}
	for (const char *at = only;; at++) {
		size_t len = strcspn(at, ",");
		enum check_id id;

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		if (!choose_group(name, asked)) {
			id = check_rule_by_name(name, err);
			if (id == CHECK_COUNT)
				return fail_in(err, "--only: ");
			asked[id] = true;
		}
		at += len;
		if (!*at)
			return 0;
	}
}

/* ---- what only the daemon knows ---- */

static unsigned count_strangers(const json_t *status)
{
	const json_t *gpu, *instance;
	unsigned n = 0;
	size_t i, k;

	json_array_foreach(json_object_get(status, "gpus"), i, gpu) {
		json_array_foreach(json_object_get(gpu, "instances"), k, instance) {
			const char *state = json_string_value(json_object_get(instance, "state"));

			n += state && !strcmp(state, "stranger");
		}
	}
	return n;
}

static void ask_carved(const struct cli_wish *wish, struct facts *facts)
{
	cleanup(json_decref) json_t *status = NULL;
	const json_t *policy;
	const char *version, *path, *error;

	if (ask(wish, "GET", "/v1/status", NULL, &status, &facts->carved_error)) {
		facts->carved = SEEN_NO;
		return;
	}
	policy = json_object_get(status, "policy");
	version = json_string_value(json_object_get(status, "version"));
	path = json_string_value(json_object_get(policy, "path"));
	error = json_string_value(json_object_get(policy, "error"));
	facts->carved = SEEN_YES;
	snprintf(facts->carved_policy_path, sizeof(facts->carved_policy_path), "%s",
		 path ? path : "");
	facts->carved_loaded_s = json_integer_value(json_object_get(policy, "loaded_s"));
	facts->carved_strangers = count_strangers(status);
	facts->carved_policy_refused = error;
	if (error)
		fail(&facts->carved_error, ERR_INVALID, "%s", error);
	snprintf(facts->carved_text, sizeof(facts->carved_text),
		 "carved %.20s answers, policy %.120s", version ? version : "",
		 path ? path : "unknown");
}

static int check_run(struct cmd_call *call, struct err *err)
{
	const struct check_wish *wish = call->wish;
	const struct facts_wish look = {wish->root, wish->policy, wish->library, clock_now_s()};
	cleanup(facts_free) struct facts *facts = NULL;
	cleanup(json_decref) json_t *json = NULL;
	static struct check_report report;
	int r = choose(wish->only, report.asked, err);

	r = r ? r : facts_probe(&look, &facts, err);
	if (r)
		return r;
	ask_carved(&wish->common, facts);
	for (unsigned i = 0; i < CHECK_COUNT; i++)
		if (report.asked[i])
			check_rule_judge((enum check_id)i, facts, &report.answers[i]);
	call->exit_status = verdict_exit_status(check_report_worst(&report));
	if (!wish->common.json)
		return check_report_print(&report, err);
	json = check_report_json(&report);
	return json ? ask_print_json(json, err) : fail(err, ERR_NOMEM, "no memory for the report");
}

static void check_help(const struct cmd *cmd)
{
	enum check_group group = CHECK_GROUP_COUNT;

	(void)cmd;
	printf("\nchecks:\n");
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		if (check_rules[i].group != group)
			printf("  group %s: %s\n", check_group_name(check_rules[i].group),
			       check_group_title(check_rules[i].group));
		group = check_rules[i].group;
		printf("    %-15s %s\n", check_rules[i].name, check_rules[i].asks);
	}
}

const struct cmd cmd_check = {
	.name = "check",
	.synopsis = "[--only NAME,...] [--policy FILE] [--root DIR]",
	.summary = "Whether this host is fit for sharing its GPUs, and what is missing",
	CMD_OPTS(check_opts),
	.defaults = &defaults,
	.wish_size = sizeof(struct check_wish),
	.more_help = check_help,
	.run = check_run,
};
