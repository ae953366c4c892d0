#include "geometry/layout.h"

#include <stdio.h>
#include <string.h>

#define CELL_MIN 4

const char *profile_shape(const struct profile *profile, char *buf, size_t len)
{
	size_t head = strcspn(profile->name, ".");
	const char *tail = strpbrk(profile->name, "+-");

	if (profile->flags & PROFILE_DOUBLE)
		snprintf(buf, len, "%s", profile->name);
	else
		snprintf(buf, len, "%.*s%s", (int)head, profile->name, tail ? tail : "");
	return buf;
}

void layout_format(const struct layout *layout, struct text *ret)
{
	for (unsigned i = 0; i < layout->n; i++) {
		const struct place *place = &layout->at[i];
		char shape[32];

		profile_shape(&layout->board->profiles[place->profile], shape, sizeof(shape));
		text_addf(ret, "%s%s@%u", i ? " " : "", shape, place->start);
	}
	if (!layout->n)
		text_add(ret, "empty");
}

/* ---- the ruler ---- */

static void add_blanks(struct text *ret, size_t n)
{
	text_addf(ret, "%*s", (int)n, "");
}

/* Take characters away at the end until the rest needs no more columns than that. */
static void cut_to(char *words, size_t columns)
{
	size_t len = strlen(words);

	while (text_width(words) > columns) {
		do
			len--;
		while (len > 0 && ((unsigned char)words[len] & 0xc0) == 0x80);
		words[len] = '\0';
	}
}

static void draw_instance(const char *label, size_t columns, struct text *ret)
{
	char words[256];

	text_printable(words, sizeof(words), label);
	cut_to(words, columns - 2);
	text_addf(ret, "[%s", words);
	add_blanks(ret, columns - 2 - text_width(words));
	text_add(ret, "]");
}

static void draw_free(size_t columns, struct text *ret)
{
	add_blanks(ret, (columns - 1) / 2);
	text_add(ret, ".");
	add_blanks(ret, columns / 2);
}

void layout_draw(const struct layout *layout, unsigned cell,
		 const char *(*label)(const struct place *place, void *arg), void *arg,
		 struct text *ret)
{
	unsigned unit = 0, i = 0;

	cell = cell < CELL_MIN ? CELL_MIN : cell;
	while (unit < layout->board->units) {
		const struct place *place = &layout->at[i];
		const struct profile *profile;
		char shape[32];

		if (i == layout->n || place->start > unit) {
			draw_free(cell, ret);
			unit++;
			continue;
		}
		profile = &layout->board->profiles[place->profile];
		profile_shape(profile, shape, sizeof(shape));
		draw_instance(label ? label(place, arg) : shape, (size_t)cell * profile->size, ret);
		unit += profile->size;
		i++;
	}
}
