#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/view.h"

struct boards_wish {
	struct cli_wish common;
};

static const struct cmd_opt boards_opts[] = {CLI_TABLE};

static const struct column board_columns[] = {
	{"id", "BOARD", COLUMN_TEXT, "its name here"},
	{"memory_bytes", "MEMORY", COLUMN_SIZE, "memory of the whole GPU"},
	{"sm", "SMS", COLUMN_NUMBER, "streaming multiprocessors"},
	{"compute_slices", "SLICES", COLUMN_NUMBER, "compute slices"},
	{"units", "UNITS", COLUMN_NUMBER, "placement units"},
	{"max_instances", "MOST", COLUMN_NUMBER, "how many instances at most"},
	{"profiles", "PROFILES", COLUMN_NUMBER, "how many profiles it has"},
	{"confidence", "KNOWN", COLUMN_TEXT, "documented, observed or derived"},
	{"architecture", "ARCHITECTURE", COLUMN_TEXT, "its architecture", .extra = true},
	{"product", "PRODUCT", COLUMN_TEXT, "its name, as NVML tells it", .extra = true},
	{"resetless_mig", "RESETLESS", COLUMN_FLAG, "MIG mode changes without a GPU reset",
	 .extra = true},
	{"min_driver", "DRIVER", COLUMN_TEXT, "the first driver for it", .extra = true},
};

static int boards_run(struct cmd_call *call, struct err *err)
{
	const struct boards_wish *wish = call->wish;
	json_t *rows = json_array();
	cleanup(json_decref) json_t *answer = json_pack("{s:o}", "boards", rows);

	for (size_t i = 0; i < n_boards; i++)
		json_array_append_new(rows, catalogue_board(&boards[i]));
	if (wish->common.json)
		return ask_print_json(answer, err);
	return view_print(&wish->common, board_columns, ARRAY_SIZE(board_columns), rows, err);
}

static void boards_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", board_columns, ARRAY_SIZE(board_columns));
}

const struct cmd cmd_boards = {
	.name = "boards",
	.synopsis = "",
	.summary = "The GPU models that carve knows",
	CMD_OPTS(boards_opts),
	.wish_size = sizeof(struct boards_wish),
	.more_help = boards_help,
	.run = boards_run,
};
