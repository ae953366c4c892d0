#include "cli/size-answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "base/cleanup.h"

static json_t *layout_json(const struct pack_group *group)
{
	json_t *instances = json_array();

	for (unsigned i = 0; i < group->layout.n; i++) {
		const struct place *place = &group->layout.at[i];

		json_array_append_new(instances,
				      json_pack("{s:s, s:i}", "profile",
						group->layout.board->profiles[place->profile].name,
						"start", place->start));
	}
	return json_pack("{s:I, s:o}", "gpus", (json_int_t)group->n, "instances", instances);
}

/* The certificate: what is needed of the facet that decides, and what a GPU has. */
static json_t *bound_json(const struct pack *pack)
{
	if (!pack->n_gpus)
		return json_null();
	return json_pack("{s:s, s:I, s:I}", "what", facet_meaning(pack->bound.facet), "needed",
			 (json_int_t)pack->bound.needed, "per_gpu",
			 (json_int_t)pack->bound.per_gpu);
}

json_t *size_answer_json(const struct board *board, const struct pack *pack)
{
	json_t *layouts = json_array();

	for (size_t i = 0; i < pack->n; i++)
		json_array_append_new(layouts, layout_json(&pack->groups[i]));
	return json_pack("{s:s, s:I, s:o, s:o}", "board", board->id, "gpus",
			 (json_int_t)pack->n_gpus, "bound", bound_json(pack), "layouts", layouts);
}

void size_answer_print(const struct board *board, const struct pack *pack)
{
	int width = snprintf(NULL, 0, "%" PRIu64, pack->n_gpus);

	printf("%s: %" PRIu64 " GPU%s\n", board->id, pack->n_gpus, pack->n_gpus == 1 ? "" : "s");
	for (size_t i = 0; i < pack->n; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		layout_format(&pack->groups[i].layout, &text);
		printf("  %*" PRIu64 " x  %s\n", width, pack->groups[i].n, text_str(&text));
	}
}
