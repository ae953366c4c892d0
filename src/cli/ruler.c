#include "cli/ruler.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "cli/view.h"
#include "geometry/layout.h"

#define CELL_MAX       9
#define NAME_MAX_BYTES 64

/* How the states of an instance look that are not somebody's. */
static const struct {
	const char *state, *sign;
} signs[] = {
	{"free", "-"}, {"stranger", "?"}, {"stuck", "!"}, {"creating", "~"}, {"destroying", "~"},
};

struct ruler {
	const struct board *board;
	const json_t *instances;
	char label[NAME_MAX_BYTES + 32];
};

static const char *text_at(const json_t *instance, const char *key)
{
	const char *text = json_string_value(json_object_get(instance, key));

	return text ? text : "";
}

static json_int_t number_at(const json_t *instance, const char *key)
{
	const json_t *value = json_object_get(instance, key);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static const char *word_for(const json_t *instance)
{
	const char *state = text_at(instance, "state");

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (!strcmp(state, signs[i].state))
			return signs[i].sign;
	return text_at(instance, "user");
}

static const json_t *instance_at(const struct ruler *ruler, unsigned start)
{
	const json_t *instance;
	size_t i;

	json_array_foreach(ruler->instances, i, instance)
		if (number_at(instance, "start") == start)
			return instance;
	return NULL;
}

static const char *label(const struct place *place, void *arg)
{
	struct ruler *ruler = arg;
	char shape[16], name[NAME_MAX_BYTES];

	profile_shape(&ruler->board->profiles[place->profile], shape, sizeof(shape));
	text_printable(name, sizeof(name), word_for(instance_at(ruler, place->start)));
	snprintf(ruler->label, sizeof(ruler->label), "%s %s", shape, name);
	return ruler->label;
}

/* Once per window: several compute instances in one stand there as one. */
static bool take_all(const struct ruler *ruler, struct layout *layout)
{
	const json_t *instance;
	size_t i;

	json_array_foreach(ruler->instances, i, instance) {
		json_int_t id = number_at(instance, "profile_id"),
			   start = number_at(instance, "start");
		const struct profile *profile =
			id < 0 ? NULL : board_profile_by_id(ruler->board, (unsigned)id);

		if (!profile || start < 0 || start >= ruler->board->units)
			return false;
		if (!layout_has(layout, profile, (unsigned)start) &&
		    !layout_take(layout, profile, (unsigned)start))
			return false;
	}
	return true;
}

static bool cannot(struct text *ret, const char *why)
{
	text_add(ret, why);
	return false;
}

bool ruler_draw(const json_t *gpu, unsigned width, struct text *ret)
{
	struct ruler ruler = {.board = board_by_id(text_at(gpu, "board")),
			      .instances = json_object_get(gpu, "instances")};
	struct layout layout;
	unsigned cell;

	if (strcmp(text_at(gpu, "mig"), "on"))
		return cannot(ret, "MIG is off");
	if (!ruler.board)
		return cannot(ret, "not drawn: this board is not in the catalogue");
	layout_init(&layout, ruler.board);
	if (!take_all(&ruler, &layout))
		return cannot(ret, "not drawn: its instances are not what the catalogue allows");
	cell = width / ruler.board->units;
	layout_draw(&layout, cell < CELL_MAX ? cell : CELL_MAX, label, &ruler, ret);
	return true;
}

void ruler_fits(const json_t *gpu, struct text *ret)
{
	const struct board *board = board_by_id(text_at(gpu, "board"));
	json_t *shapes = json_object(), *count;
	const char *name;

	json_object_foreach(json_object_get(gpu, "free"), name, count) {
		const struct profile *profile = board ? board_profile_by_name(board, name) : NULL;
		char shape[32];

		json_object_set(shapes,
				profile ? profile_shape(profile, shape, sizeof(shape)) : name,
				count);
	}
	view_value(COLUMN_COUNTS, shapes, 0, ret);
	json_decref(shapes);
}
