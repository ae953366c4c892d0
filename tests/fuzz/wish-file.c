/*
 * Any bytes as a layout file, ours or mig-parted's: a mistake has printable
 * words; what is accepted can be written in every form and read again, and a plan
 * towards it is made or refused.
 */
#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_printable(const char *s)
{
	char printable[1024];

	text_printable(printable, sizeof(printable), s);
	assert(!strcmp(s, printable));
}

static void check_form(enum wish_form form, const struct wish_server *server,
		       const struct wish *wish)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	struct wish again;
	struct err err = ERR_INIT;

	wish_write(form, server, wish, "x", &text);
	assert(!text_failed(&text));
	if (form == WISH_WORDS)
		return;
	assert(!wish_parse(text_str(&text), text.len, "fuzz", NULL, server, &again, &err));
	for (size_t i = 0; i < server->n; i++) {
		assert(again.gpus[i].given == wish->gpus[i].given);
		assert(again.gpus[i].mig == wish->gpus[i].mig);
		assert(again.gpus[i].n == wish->gpus[i].n);
	}
}

static void check_plan(const struct wish_host *host, const struct wish_gpu *wish)
{
	struct change_gpu gpu = {.board = host->board};
	struct change change;
	struct err err = ERR_INIT;

	if (!wish->given || !wish->mig || !host->board)
		return;
	if (change_make(&gpu, wish, &change, &err))
		assert(err.code == ERR_IMPOSSIBLE);
	else
		assert(change.n == wish->n && change.cost.created == wish->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct wish_server server = {
		.n = 4,
		.gpus = {{0, "GPU-aa", board_by_id("a100-sxm4-80gb")},
			 {1, "GPU-bb", board_by_id("h100-sxm5-80gb")},
			 {2, NULL, board_by_id("rtx-pro-6000-blackwell-server")},
			 {5, "GPU-dd", NULL}},
	};
	static const char *const names[] = {NULL, "day", "all-balanced"};
	struct err err = ERR_INIT;
	struct wish wish;

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		if (wish_parse((const char *)bytes, size, "fuzz", names[k], &server, &wish, &err)) {
			check_printable(err.text);
			continue;
		}
		for (size_t form = 0; form < WISH_FORM_COUNT; form++)
			check_form((enum wish_form)form, &server, &wish);
		for (size_t i = 0; i < server.n; i++)
			check_plan(&server.gpus[i], &wish.gpus[i]);
	}
	return 0;
}
