#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/view.h"

struct profiles_wish {
	struct cli_wish common;
};

static const struct cmd_opt profiles_opts[] = {CLI_TABLE};

static const struct column profile_columns[] = {
	{"board", "BOARD", COLUMN_TEXT, "the board"},
	{"name", "PROFILE", COLUMN_TEXT, "its name"},
	{"profile_id", "ID", COLUMN_NUMBER, "its id, as NVML and nvidia-smi use it"},
	{"sm", "SMS", COLUMN_NUMBER, "streaming multiprocessors"},
	{"memory_bytes", "MEMORY", COLUMN_SIZE, "memory"},
	{"copy", "CE", COLUMN_NUMBER, "copy engines"},
	{"decoders", "DEC", COLUMN_NUMBER, "video decoders"},
	{"encoders", "ENC", COLUMN_NUMBER, "video encoders", .extra = true},
	{"jpeg", "JPG", COLUMN_NUMBER, "JPEG decoders"},
	{"ofa", "OFA", COLUMN_NUMBER, "optical flow engines"},
	{"max_instances", "MOST", COLUMN_NUMBER, "how many fit on an empty GPU"},
	{"starts", "STARTS", COLUMN_LIST, "the units at which one may start"},
	{"size", "SIZE", COLUMN_NUMBER, "how many units it covers", .extra = true},
	{"compute_slices", "SLICES", COLUMN_NUMBER, "compute slices", .extra = true},
	{"memory_slices", "MEM-SLICES", COLUMN_NUMBER, "memory slices", .extra = true},
	{"confidence", "KNOWN", COLUMN_TEXT, "documented, observed or derived", .extra = true},
	{"requires_driver", "DRIVER", COLUMN_TEXT, "the first driver for it", .extra = true},
	{"source", "SOURCE", COLUMN_TEXT, "where the figures were seen", .extra = true},
};

static void add_board(json_t *rows, const struct board *board)
{
	for (size_t i = 0; i < board->n_profiles; i++)
		json_array_append_new(rows, catalogue_profile(board, &board->profiles[i]));
}

static int profiles_run(struct cmd_call *call, struct err *err)
{
	const struct profiles_wish *wish = call->wish;
	const struct board *board = NULL;
	json_t *rows = json_array();
	cleanup(json_decref) json_t *answer = json_pack("{s:o}", "profiles", rows);
	int r = call->n_args ? catalogue_find(call->args[0], &board, err) : 0;

	if (r)
		return r;
	for (size_t i = 0; i < n_boards; i++)
		if (!board || board == &boards[i])
			add_board(rows, &boards[i]);
	if (wish->common.json)
		return ask_print_json(answer, err);
	/* The first column says what is known already when one board was named. */
	return view_print(&wish->common, profile_columns + (board && !wish->common.columns),
			  ARRAY_SIZE(profile_columns) - (board && !wish->common.columns), rows,
			  err);
}

static void profiles_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", profile_columns, ARRAY_SIZE(profile_columns));
}

const struct cmd cmd_profiles = {
	.name = "profiles",
	.synopsis = "[BOARD]",
	.summary = "The MIG profiles of a GPU model",
	CMD_OPTS(profiles_opts),
	.wish_size = sizeof(struct profiles_wish),
	.max_args = 1,
	.more_help = profiles_help,
	.run = profiles_run,
};
