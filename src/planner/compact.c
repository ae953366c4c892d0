#include "planner/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "geometry/size.h"
#include "planner/ilp.h"

#define NODES_MAX 20000
#define N_MAX	  RULE_MAX_PROFILES

/* ---- groups ---- */

void compact_groups_done(struct compact_groups *groups)
{
	free(groups->at);
	*groups = (struct compact_groups){.n = 0};
}

int compact_group_fleet(const struct rules *rules, const struct fleet *fleet,
			struct compact_groups *ret)
{
	cleanup(compact_groups_done) struct compact_groups groups = {.n = 0};
	cleanup(free) uint32_t *next = NULL; /* group after this one of the same state */
	uint32_t first[RULE_MAX_STATES];
	size_t cap = 0;

	memset(first, 0xff, sizeof(first));
	for (uint32_t gpu = 0; gpu < fleet_n_gpus(fleet); gpu++) {
		const struct layout *layout = fleet_layout(fleet, gpu);
		uint32_t *at = &first[rules_state(rules, layout)];

		while (*at != UINT32_MAX && !layout_equal(&groups.at[*at].layout, layout))
			at = &next[*at];
		if (*at != UINT32_MAX) {
			groups.at[*at].n++;
			continue;
		}
		*at = (uint32_t)groups.n;
		if (array_reserve(&groups.at, &groups.cap, groups.n, sizeof(*groups.at)) ||
		    array_reserve(&next, &cap, groups.n, sizeof(*next)))
			return -1;
		next[groups.n] = UINT32_MAX;
		groups.at[groups.n++] = (struct compact_group){*layout, 1};
	}
	*ret = groups;
	groups = (struct compact_groups){.n = 0};
	return 0;
}

/* ---- the program ---- */

struct counts {
	uint8_t of[N_MAX];
};

/* A column of the program: keeping, or receiving. */
struct keep {
	struct compact_keep keep;
	unsigned column, state;
	struct counts evicted;
};

struct receive {
	struct compact_receive receive;
	unsigned column;
};

struct program {
	const struct rules *rules;
	const struct compact_groups *groups;
	uint32_t running[N_MAX];
	uint64_t n_gpus, used, target;
	struct layout example[RULE_MAX_STATES]; /* of the states that occur: board is set */
	struct ilp *ilp;
	unsigned group_row, profile_row;
	unsigned state_row[RULE_MAX_STATES];
	struct keep *keeps;
	struct receive *receives;
	size_t n_keeps, cap_keeps, n_receives, cap_receives;
	bool failed;
};

static void count_running(struct program *program)
{
	for (size_t g = 0; g < program->groups->n; g++) {
		const struct compact_group *group = &program->groups->at[g];

		program->n_gpus += group->n;
		program->used += group->layout.n ? group->n : 0;
		for (unsigned i = 0; i < group->layout.n; i++)
			program->running[group->layout.at[i].profile] += group->n;
	}
}

/* What a GPU of the layout keeps, and what it loses. */
static struct layout split(const struct layout *layout, unsigned kept, struct counts *ret_evicted)
{
	struct layout left;

	layout_init(&left, layout->board);
	*ret_evicted = (struct counts){{0}};
	for (unsigned i = 0; i < layout->n; i++) {
		const struct place *place = &layout->at[i];

		if (kept >> i & 1u)
			layout_take(&left, &layout->board->profiles[place->profile], place->start);
		else
			ret_evicted->of[place->profile]++;
	}
	return left;
}

/* Does the group have a column with the same outcome already? */
static bool is_known(const struct program *program, size_t first, const struct keep *keep)
{
	for (size_t i = first; i < program->n_keeps; i++)
		if (program->keeps[i].state == keep->state &&
		    !memcmp(&program->keeps[i].evicted, &keep->evicted, sizeof(keep->evicted)))
			return true;
	return false;
}

static void add_keeps(struct program *program, size_t g)
{
	const struct layout *layout = &program->groups->at[g].layout;
	size_t first = program->n_keeps;

	for (unsigned kept = 0; kept < 1u << layout->n; kept++) {
		struct keep keep = {.keep = {.group = g, .kept = (uint16_t)kept}};
		struct layout left = split(layout, kept, &keep.evicted);
		unsigned n_evicted = layout->n - (unsigned)__builtin_popcount(kept);

		keep.state = rules_state(program->rules, &left);
		if (is_known(program, first, &keep))
			continue;
		program->example[keep.state] = left;
		keep.column = ilp_column(program->ilp, n_evicted, program->groups->at[g].n);
		if (array_reserve(&program->keeps, &program->cap_keeps, program->n_keeps,
				  sizeof(keep)))
			program->failed = true;
		else
			program->keeps[program->n_keeps++] = keep;
	}
}

/* ---- what a state can receive ---- */

#define MAXIMAL_MAX 256

struct maximal {
	size_t n;
	struct counts at[MAXIMAL_MAX];
};

static bool covers(const struct counts *a, const struct counts *b)
{
	for (size_t i = 0; i < N_MAX; i++)
		if (a->of[i] < b->of[i])
			return false;
	return true;
}

static void offer(struct maximal *maximal, const struct counts *counts)
{
	size_t n = 0;

	for (size_t i = 0; i < maximal->n; i++)
		if (covers(&maximal->at[i], counts))
			return;
	for (size_t i = 0; i < maximal->n; i++)
		if (!covers(counts, &maximal->at[i]))
			maximal->at[n++] = maximal->at[i];
	if (n < MAXIMAL_MAX)
		maximal->at[n++] = *counts;
	maximal->n = n;
}

/* Everything that adds to the layout at this unit or beyond; profiles that run only. */
static void find_maximal(const struct program *program, struct layout *layout, unsigned unit,
			 struct counts *counts, struct maximal *ret)
{
	const struct board *board = layout->board;
	bool more = false;

	for (; unit < board->units; unit++)
		for (size_t i = 0; i < board->n_profiles; i++) {
			if (!program->running[i] || !layout_take(layout, &board->profiles[i], unit))
				continue;
			more = true;
			counts->of[i]++;
			find_maximal(program, layout, unit + board->profiles[i].size, counts, ret);
			counts->of[i]--;
			layout_give(layout, &board->profiles[i], unit);
		}
	if (!more)
		offer(ret, counts);
}

static void add_receives(struct program *program, unsigned state)
{
	struct layout layout = program->example[state];
	struct maximal maximal = {.n = 0};
	struct counts none = {{0}};

	find_maximal(program, &layout, 0, &none, &maximal);
	for (size_t i = 0; i < maximal.n; i++) {
		struct receive receive = {.receive = {.state = (uint16_t)state}};

		memcpy(receive.receive.counts, maximal.at[i].of, N_MAX);
		receive.column = ilp_column(program->ilp, 0, (int64_t)program->n_gpus);
		if (array_reserve(&program->receives, &program->cap_receives, program->n_receives,
				  sizeof(receive)))
			program->failed = true;
		else
			program->receives[program->n_receives++] = receive;
	}
}

/* ---- rows ---- */

static void add_rows(struct program *program)
{
	struct ilp *ilp = program->ilp;
	int64_t n_empty = (int64_t)(program->n_gpus - program->target);

	for (size_t g = 0; g < program->groups->n; g++) {
		unsigned row = ilp_row(ilp, program->groups->at[g].n, program->groups->at[g].n);

		program->group_row = g ? program->group_row : row;
	}
	for (size_t i = 0; i < N_MAX; i++) {
		unsigned row = ilp_row(ilp, 0, ILP_INFINITE);

		program->profile_row = i ? program->profile_row : row;
	}
	for (unsigned s = 0; s < program->rules->n_states; s++)
		if (program->example[s].board)
			/* What is kept receives; of what keeps nothing, the rest is freed. */
			program->state_row[s] =
				s ? ilp_row(ilp, 0, 0) : ilp_row(ilp, n_empty, ILP_INFINITE);
}

static void fill_rows(struct program *program)
{
	struct ilp *ilp = program->ilp;

	for (size_t i = 0; i < program->n_keeps; i++) {
		const struct keep *keep = &program->keeps[i];

		ilp_entry(ilp, program->group_row + (unsigned)keep->keep.group, keep->column, 1);
		ilp_entry(ilp, program->state_row[keep->state], keep->column, 1);
		for (unsigned p = 0; p < N_MAX; p++)
			ilp_entry(ilp, program->profile_row + p, keep->column,
				  -(int64_t)keep->evicted.of[p]);
	}
	for (size_t i = 0; i < program->n_receives; i++) {
		const struct receive *receive = &program->receives[i];

		ilp_entry(ilp, program->state_row[receive->receive.state], receive->column, -1);
		for (unsigned p = 0; p < N_MAX; p++)
			ilp_entry(ilp, program->profile_row + p, receive->column,
				  receive->receive.counts[p]);
	}
}

/* ---- the answer ---- */

void compact_answer_done(struct compact_answer *answer)
{
	free(answer->keeps);
	free(answer->receives);
	*answer = (struct compact_answer){.moves = 0};
}

static int read_answer(const struct program *program, const struct ilp_result *result,
		       struct compact_answer *ret)
{
	struct compact_answer answer = {.used = program->used,
					.target = program->target,
					.moves = (uint64_t)result->cost,
					.proven = result->proven,
					.bound = (uint64_t)result->bound};

	for (size_t i = 0; i < N_MAX; i++)
		answer.running += program->running[i];
	answer.keeps = calloc(program->n_keeps + 1, sizeof(*answer.keeps));
	answer.receives = calloc(program->n_receives + 1, sizeof(*answer.receives));
	if (!answer.keeps || !answer.receives) {
		compact_answer_done(&answer);
		return -1;
	}
	for (size_t i = 0; i < program->n_keeps; i++) {
		struct compact_keep keep = program->keeps[i].keep;

		keep.n = (uint32_t)result->values[program->keeps[i].column];
		if (keep.n)
			answer.keeps[answer.n_keeps++] = keep;
	}
	for (size_t i = 0; i < program->n_receives; i++) {
		struct compact_receive receive = program->receives[i].receive;

		receive.n = (uint32_t)result->values[program->receives[i].column];
		if (receive.n)
			answer.receives[answer.n_receives++] = receive;
	}
	*ret = answer;
	return 0;
}

static int solve(struct program *program, struct compact_answer *ret, struct err *err)
{
	struct ilp_result result;
	int r;

	for (size_t g = 0; g < program->groups->n; g++)
		add_keeps(program, g);
	for (unsigned s = 0; s < program->rules->n_states; s++)
		if (program->example[s].board)
			add_receives(program, s);
	add_rows(program);
	fill_rows(program);
	if (program->failed)
		return fail(err, ERR_NOMEM, "no memory to compact a fleet");
	r = ilp_solve(program->ilp, NODES_MAX, &result, err);
	if (r)
		return r;
	if (!result.found)
		return fail(err, ERR_TIMEOUT, "no way was found in %llu steps of search",
			    (unsigned long long)result.nodes);
	return read_answer(program, &result, ret)
		       ? fail(err, ERR_NOMEM, "no memory to compact a fleet")
		       : 0;
}

int compact_solve(const struct rules *rules, const struct compact_groups *groups,
		  struct compact_answer *ret, struct err *err)
{
	cleanup(free) struct program *program = calloc(1, sizeof(*program));
	cleanup(ilp_free) struct ilp *ilp = ilp_new();
	int r;

	if (!program || !ilp)
		return fail(err, ERR_NOMEM, "no memory to compact a fleet");
	program->rules = rules;
	program->groups = groups;
	program->ilp = ilp;
	count_running(program);
	if (!size_minimum(rules->board, program->running, &program->target, NULL))
		return fail(err, ERR_UNSUPPORTED, "%s: no formula for what runs", rules->board->id);
	r = solve(program, ret, err);
	free(program->keeps);
	free(program->receives);
	return r;
}
