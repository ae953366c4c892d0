#include <string.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"

struct gpus_wish {
	struct cli_wish common;
	bool instances;
};

static const struct cmd_opt gpus_opts[] = {
	{"instances", OPT_FLAG, offsetof(struct gpus_wish, instances),
	 .help = "a line for each instance instead"},
	CLI_TABLE,
};

static const struct column gpu_columns[] = {
	{"index", "GPU", COLUMN_NUMBER, "its index"},
	{"name", "NAME", COLUMN_TEXT, "its name, as NVML tells it"},
	{"board", "BOARD", COLUMN_TEXT, "its model: carve boards", .extra = true},
	{"mig", "MIG", COLUMN_TEXT, "on, off or unsupported"},
	{"state", "STATE", COLUMN_TEXT, "ok, draining, drained, lost or unknown-board"},
	{"managed", "MANAGED", COLUMN_FLAG, "no: the policy leaves it alone", .extra = true},
	{"memory_bytes", "MEMORY", COLUMN_SIZE, "its memory"},
	{"memory_used_bytes", "USED", COLUMN_SIZE, "how much of it is in use"},
	{"instances", "INST", COLUMN_LENGTH, "how many instances it has"},
	{"free", "FREE", COLUMN_COUNTS, "how many more of each profile fit now, each alone"},
	{"uuid", "UUID", COLUMN_TEXT, "its UUID", .extra = true},
	{"pci", "PCI", COLUMN_TEXT, "its PCI address", .extra = true},
	{"minor", "MINOR", COLUMN_NUMBER, "the number in /dev/nvidiaN", .extra = true},
	{"mig_pending", "PENDING", COLUMN_FLAG, "MIG mode changes at the next reset",
	 .extra = true},
	{"confidence", "KNOWN", COLUMN_TEXT, "how sure the catalogue is about it", .extra = true},
	{"units", "UNITS", COLUMN_NUMBER, "placement units", .extra = true},
	{"note", "NOTE", COLUMN_TEXT, "what is wrong with it", .extra = true},
	{"observed_s", "OBSERVED", COLUMN_WHEN, "when it was last looked at", .extra = true},
	{"leave", "LEAVE", COLUMN_LEFT, "time until leases there end, while it is drained",
	 .at = "drain.deadline_s", .extra = true},
};

static const struct column instance_columns[] = {
	{"gpu", "GPU", COLUMN_NUMBER, "index of its GPU"},
	{"profile", "PROFILE", COLUMN_TEXT, "its profile"},
	{"start", "AT", COLUMN_NUMBER, "its first placement unit"},
	{"size", "SIZE", COLUMN_NUMBER, "how many units it covers", .extra = true},
	{"state", "STATE", COLUMN_TEXT,
	 "leased, draining, free, creating, destroying, stuck or stranger"},
	{"memory_bytes", "MEMORY", COLUMN_SIZE, "its memory"},
	{"memory_used_bytes", "USED", COLUMN_SIZE, "how much of it is in use"},
	{"processes", "PROCS", COLUMN_LENGTH, "how many processes run on it"},
	{"lease", "LEASE", COLUMN_NUMBER, "the lease it serves"},
	{"user", "USER", COLUMN_TEXT, "who holds it"},
	{"class", "CLASS", COLUMN_TEXT, "as what", .extra = true},
	{"left", "LEFT", COLUMN_LEFT, "time until the lease ends", .at = "ends_s"},
	{"uuid", "UUID", COLUMN_TEXT, "UUID of its MIG device", .extra = true},
	{"gi", "GI", COLUMN_NUMBER, "GPU instance id", .extra = true},
	{"ci", "CI", COLUMN_NUMBER, "compute instance id", .extra = true},
	{"slices", "SLICES", COLUMN_NUMBER, "compute slices", .extra = true},
	{"profile_id", "ID", COLUMN_NUMBER, "profile id", .extra = true},
	{"nodes", "NODES", COLUMN_TEXT, "closed to all but its holder, or why not: carve-gpus(1)",
	 .extra = true},
	{"note", "NOTE", COLUMN_TEXT, "why it is stuck", .extra = true},
	{"leave", "LEAVE", COLUMN_LEFT, "time until its lease is ended, while it is drained",
	 .at = "drain.deadline_s", .extra = true},
};

/* What is drained says so where it else says that all is well. */
static void show_drain(json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	json_t *drain = json_object_get(json_object_get(row, "drain"), "state");

	if (drain && state && (!strcmp(state, "ok") || !strcmp(state, "leased")))
		json_object_set(row, "state", drain);
}

/* All instances in one list, each told its GPU. */
static json_t *instances_of(const json_t *gpus)
{
	json_t *list = json_array();
	const json_t *gpu;
	size_t i;

	json_array_foreach(gpus, i, gpu) {
		json_t *instance;
		size_t k;

		json_array_foreach(json_object_get(gpu, "instances"), k, instance) {
			json_t *row = json_copy(instance);

			json_object_set(row, "gpu", json_object_get(gpu, "index"));
			show_drain(row);
			json_array_append_new(list, row);
		}
	}
	return list;
}

static int gpus_run(struct cmd_call *call, struct err *err)
{
	const struct gpus_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(json_decref) json_t *instances = NULL;
	json_t *gpu;
	size_t i;
	int r = ask(&wish->common, "GET", "/v1/gpus", NULL, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	json_array_foreach(json_object_get(answer, "gpus"), i, gpu)
		show_drain(gpu);
	if (!wish->instances)
		return view_print(&wish->common, gpu_columns, ARRAY_SIZE(gpu_columns),
				  json_object_get(answer, "gpus"), err);
	instances = instances_of(json_object_get(answer, "gpus"));
	return view_print(&wish->common, instance_columns, ARRAY_SIZE(instance_columns), instances,
			  err);
}

static void gpus_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", gpu_columns, ARRAY_SIZE(gpu_columns));
	view_help("columns with --instances:", instance_columns, ARRAY_SIZE(instance_columns));
}

const struct cmd cmd_gpus = {
	.name = "gpus",
	.synopsis = "[--instances]",
	.summary = "The GPUs of this server, or their instances",
	CMD_OPTS(gpus_opts),
	.wish_size = sizeof(struct gpus_wish),
	.more_help = gpus_help,
	.run = gpus_run,
};
