#include <jansson.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/sizes.h"
#include "base/table.h"
#include "base/text.h"
#include "facts/board.h"
#include "sim/cmds.h"

struct boards_wish {
	struct cmd_wish common;
	bool json;
};

static const struct cmd_opt boards_opts[] = {
	{"json", OPT_FLAG, offsetof(struct boards_wish, json), .help = "print JSON"},
};

/* A profile can be simulated when something stands for its memory and SMs. */
static bool is_complete(const struct profile *profile)
{
	return profile_sim_memory_mib(profile) && profile_sim_sm(profile) && profile->starts;
}

bool board_is_complete(const struct board *board)
{
	size_t complete = 0;

	for (size_t i = 0; i < board->n_profiles; i++)
		complete += is_complete(&board->profiles[i]);
	return board->has_memory && complete > 0;
}

/* ---- for programs ---- */

static json_t *profile_json(const struct profile *profile)
{
	json_t *starts = json_array();

	for (unsigned start = 0; start < 16; start++)
		if (profile->starts >> start & 1)
			json_array_append_new(starts, json_integer(start));
	return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o, s:b, s:o, s:b, s:s, s:s}", "name",
			 profile->name, "profile_id", profile->id, "compute_slices",
			 profile->compute_slices, "max_instances", profile->max_instances, "starts",
			 starts, "memory_mib", json_known(profile_sim_memory_mib(profile)),
			 "memory_derived", !profile->has_memory, "sm",
			 json_known(profile_sim_sm(profile)), "sm_derived", !profile->has_sm,
			 "confidence", confidence_name(profile->confidence), "source",
			 profile->source ? profile->source : "");
}

static json_t *board_json(const struct board *board)
{
	json_t *profiles = json_array();

	for (size_t i = 0; i < board->n_profiles; i++)
		json_array_append_new(profiles, profile_json(&board->profiles[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:i, s:b, s:s, s:b, s:o}", "id", board->id,
			 "product", board->product, "architecture", board->architecture,
			 "memory_mib",
			 board->has_memory ? json_integer(board->memory_mib) : json_null(),
			 "max_instances", board->max_instances, "resetless_mig",
			 board->resetless_mig, "confidence", confidence_name(board->confidence),
			 "usable", board_is_complete(board), "profiles", profiles);
}

static int print_json(struct err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n_boards; i++)
		json_array_append_new(list, board_json(&boards[i]));
	return json_print(json_pack("{s:o}", "boards", list), err);
}

/* ---- for people ---- */

/* Names in the order of the table; "*" marks figures that are derived. */
static void profile_names(const struct board *board, struct text *ret)
{
	for (size_t i = 0; i < board->n_profiles; i++) {
		const struct profile *profile = &board->profiles[i];

		if (is_complete(profile))
			text_addf(ret, "%s%s%s", ret->len ? " " : "", profile->name,
				  profile->has_memory && profile->has_sm ? "" : "*");
	}
}

static void board_row(struct table *table, const struct board *board)
{
	cleanup(text_done) struct text names = TEXT_INIT;

	profile_names(board, &names);
	table_row(table);
	table_cell(table, "%s", board->id);
	if (board->has_memory)
		table_cell(table, "%u", board->memory_mib);
	else
		table_cell(table, "-");
	table_cell(table, "%u", board->max_instances);
	table_cell(table, "%s", confidence_name(board->confidence));
	table_cell(table, "%s",
		   board_is_complete(board) ? text_str(&names) : "(too little is known)");
}

static int print_table(struct err *err)
{
	static const struct table_column columns[] = {
		{"BOARD", false}, {"MIB", true},       {"INSTANCES", true},
		{"KNOWN", false}, {"PROFILES", false},
	};
	cleanup(table_free) struct table *table = table_new(columns, ARRAY_SIZE(columns));
	int r;

	for (size_t i = 0; i < n_boards; i++)
		board_row(table, &boards[i]);
	r = table_print(table, err);
	if (!r)
		printf("\n* its memory or SM count is derived for the simulator and no hardware "
		       "figure\n");
	return r;
}

static int boards_run(struct cmd_call *call, struct err *err)
{
	const struct boards_wish *wish = call->wish;

	return wish->json ? print_json(err) : print_table(err);
}

const struct cmd cmd_boards = {
	.name = "boards",
	.synopsis = "[--json]",
	.summary = "The boards a world can hold, and how sure their figures are",
	CMD_OPTS(boards_opts),
	.wish_size = sizeof(struct boards_wish),
	.run = boards_run,
};
