/*
 * Any bytes as a world file: a mistake has a place and printable words, and
 * whatever is accepted can be tried on a world, which afterwards holds every
 * invariant whether its rules said yes or no.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "sim/plan-world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_printable(const char *s)
{
	char printable[1024];

	text_printable(printable, sizeof(printable), s);
	assert(!strcmp(s, printable));
}

static void check_error(const struct err *err)
{
	assert(err->code == ERR_INVALID || err->code == ERR_TOO_LARGE);
	assert(!strncmp(err->text, "fuzz:", 5));
	check_printable(err->text);
	check_printable(err->hint);
}

static void try_world(const struct world_plan *plan)
{
	cleanup(free) struct world_state *state = calloc(1, sizeof(*state));
	struct err err = ERR_INIT;
	struct world_spec spec;
	uint32_t id;

	assert(state);
	plan_spec(plan, &spec);
	if (world_state_init(state, &spec, &err)) {
		check_printable(err.text);
		return;
	}
	if (plan_build(plan, state, NULL, &err))
		check_printable(err.text);
	for (size_t i = 0; i < plan->n_faults; i++)
		if (plan_fault_arm(&plan->faults[i], state, &id, &err))
			check_printable(err.text);
	assert(!world_check(state, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	cleanup(free) struct world_plan *plan = plan_new();
	struct err err = ERR_INIT;

	assert(plan);
	if (plan_parse(plan, (const char *)bytes, size, "fuzz", &err))
		check_error(&err);
	else
		try_world(plan);
	return 0;
}
