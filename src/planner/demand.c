#include "planner/demand.h"

#include <stdlib.h>

#include "base/cleanup.h"

struct step {
	int64_t at_s;
	int by; /* 1: one more, -1: one less */
};

/* At the same moment one leaves before another comes. */
static int compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->at_s != y->at_s)
		return x->at_s < y->at_s ? -1 : 1;
	return x->by - y->by;
}

struct span {
	int64_t from_s, until_s;
};

static size_t list_steps(const struct demand_stay *stays, size_t n, size_t kind, struct span span,
			 struct step *ret)
{
	size_t n_steps = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t from_s = stays[i].from_s, until_s = stays[i].until_s;

		from_s = from_s < span.from_s ? span.from_s : from_s;
		until_s = until_s > span.until_s ? span.until_s : until_s;
		if (stays[i].kind != kind || from_s >= until_s)
			continue;
		ret[n_steps++] = (struct step){from_s, 1};
		ret[n_steps++] = (struct step){until_s, -1};
	}
	qsort(ret, n_steps, sizeof(*ret), compare_steps);
	return n_steps;
}

/* held_s[l]: how long l were wanted. */
static struct demand_level level_of(const struct step *steps, size_t n, struct span span,
				    double share, int64_t *held_s)
{
	struct demand_level level = {0};
	int64_t at_s = span.from_s, enough_s = 0;
	uint32_t now = 0;

	for (size_t i = 0; i < n; i++) {
		held_s[now] += steps[i].at_s - at_s;
		at_s = steps[i].at_s;
		now = steps[i].by > 0 ? now + 1 : now - 1;
		level.peak = now > level.peak ? now : level.peak;
	}
	held_s[now] += span.until_s - at_s;
	for (; level.wanted < level.peak; level.wanted++) {
		enough_s += held_s[level.wanted];
		if ((double)enough_s >= share * (double)(span.until_s - span.from_s))
			break;
	}
	return level;
}

int demand_levels(const struct demand_stay *stays, size_t n, int64_t from_s, int64_t until_s,
		  double share, struct demand_level *ret, size_t n_kinds)
{
	cleanup(free) struct step *steps = calloc(2 * n + 1, sizeof(*steps));
	const struct span span = {from_s, until_s > from_s ? until_s : from_s};

	if (!steps)
		return -1;
	for (size_t kind = 0; kind < n_kinds; kind++) {
		cleanup(free) int64_t *held_s = calloc(n + 1, sizeof(*held_s));
		size_t n_steps;

		if (!held_s)
			return -1;
		n_steps = list_steps(stays, n, kind, span, steps);
		ret[kind] = level_of(steps, n_steps, span, share, held_s);
	}
	return 0;
}
