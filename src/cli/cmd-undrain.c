#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/drain.h"
#include "cli/view.h"

struct undrain_wish {
	struct cli_wish common;
};

static const struct cmd_opt undrain_opts[] = {CLI_JSON};

static bool is_gpu(const json_t *drain, const char *name)
{
	const json_t *index = json_object_get(drain, "gpu_index");
	const char *uuid = json_string_value(json_object_get(drain, "gpu_uuid"));
	char number[32];

	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(index));
	return (uuid && !strcasecmp(uuid, name)) ||
	       (json_is_integer(index) && !strcasecmp(number, name));
}

static bool has_lease(const json_t *drain, json_int_t id)
{
	const json_t *lease;
	size_t i;

	json_array_foreach(json_object_get(drain, "leases"), i, lease)
		if (json_integer_value(json_object_get(lease, "id")) == id)
			return true;
	return false;
}

/* Is it that what was typed? Of an instance only its start counts: its drain outlives it. */
static bool is_meant(const json_t *drain, const json_t *target)
{
	const json_t *lease = json_object_get(target, "lease");
	const json_t *start = json_object_get(drain, "start");
	const json_t *wanted = json_object_get(target, "start");

	if (lease)
		return json_is_integer(start) && has_lease(drain, json_integer_value(lease));
	return is_gpu(drain, json_string_value(json_object_get(target, "gpu"))) &&
	       (wanted ? json_equal(start, wanted) : !json_is_integer(start));
}

static int find(const struct undrain_wish *wish, const char *typed, json_int_t *ret,
		struct err *err)
{
	cleanup(json_decref) json_t *target = NULL;
	cleanup(json_decref) json_t *answer = NULL;
	const json_t *drain;
	size_t i;
	int r = drain_target(typed, &target, err);

	r = r ? r : ask(&wish->common, "GET", "/v1/drains", NULL, &answer, err);
	if (r)
		return r;
	json_array_foreach(json_object_get(answer, "drains"), i, drain) {
		if (!is_meant(drain, target))
			continue;
		*ret = json_integer_value(json_object_get(drain, "id"));
		return 0;
	}
	fail(err, ERR_NOT_FOUND, "'%.80s' is not drained", typed);
	return fail_hint(err, "'carve drain' lists what is");
}

static int undrain_run(struct cmd_call *call, struct err *err)
{
	const struct undrain_wish *wish = call->wish;
	cleanup(json_decref) json_t *drain = NULL;
	cleanup(text_done) struct text what = TEXT_INIT;
	char path[64];
	json_int_t id = 0;
	int r = find(wish, call->args[0], &id, err);

	if (r)
		return r;
	snprintf(path, sizeof(path), "/v1/drains/%" JSON_INTEGER_FORMAT, id);
	r = ask(&wish->common, "DELETE", path, NULL, &drain, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(drain, err);
	view_add(drain, "", "profile", COLUMN_TEXT, "", 0, &what);
	view_add(drain, " at ", "start", COLUMN_NUMBER, " on ", 0, &what);
	view_add(drain, "GPU ", "gpu_index", COLUMN_NUMBER, "", 0, &what);
	printf("%s may be used again\n", text_str(&what));
	return 0;
}

const struct cmd cmd_undrain = {
	.name = "undrain",
	.synopsis = "GPU | GPU/INSTANCE | leaseID",
	.summary = "Take a drain back",
	CMD_OPTS(undrain_opts),
	.wish_size = sizeof(struct undrain_wish),
	.min_args = 1,
	.max_args = 1,
	.run = undrain_run,
};
