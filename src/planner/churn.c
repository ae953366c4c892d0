#include "planner/churn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "geometry/size.h"
#include "planner/mersenne.h"
#include "planner/relocate.h"

static const struct {
	const char *name;
	double weights[CHURN_KINDS];
} mixes[MIX_COUNT] = {
#define X(name, typed, ...) {typed, __VA_ARGS__},
	MIX_TABLE(X)
#undef X
};

const char *mix_name(enum mix mix)
{
	return mixes[mix].name;
}

/* ---- traces ---- */

void trace_done(struct trace *trace)
{
	free(trace->requests);
	*trace = (struct trace){.n = 0};
}

int trace_add(struct trace *trace, const struct request *request)
{
	if (array_reserve(&trace->requests, &trace->cap, trace->n, sizeof(*request)))
		return -1;
	trace->requests[trace->n++] = *request;
	return 0;
}

/* ---- generated ones ---- */

struct generator {
	unsigned n;
	uint8_t profiles[CHURN_KINDS];
	double upto[CHURN_KINDS]; /* cumulated weights */
	double mean_slots;
};

/* The profile of each weight: one-slice profiles plain and with double memory, then 2, 3, 4, 7. */
static bool kind_is(const struct profile *profile, unsigned kind)
{
	static const uint8_t slices[CHURN_KINDS] = {1, 1, 2, 3, 4, 7};

	return family_has(FAMILY_DOUBLE, profile) && profile->compute_slices == slices[kind] &&
	       !(profile->flags & PROFILE_DOUBLE) == (kind != 1);
}

static void generator_init(struct generator *generator, const struct board *board, enum mix mix)
{
	double total = 0, slots = 0;

	*generator = (struct generator){.n = 0};
	for (unsigned kind = 0; kind < CHURN_KINDS; kind++)
		for (size_t i = 0; i < board->n_profiles; i++) {
			if (!kind_is(&board->profiles[i], kind))
				continue;
			total += mixes[mix].weights[kind];
			slots += mixes[mix].weights[kind] * board->profiles[i].memory_slices;
			generator->profiles[generator->n] = (uint8_t)i;
			generator->upto[generator->n++] = total;
		}
	generator->mean_slots = slots / total;
}

static uint8_t draw_profile(const struct generator *generator, struct mersenne *random)
{
	double x = mersenne_real(random) * generator->upto[generator->n - 1];
	unsigned i = 0;

	while (i + 1 < generator->n && generator->upto[i] <= x)
		i++;
	return generator->profiles[i];
}

int churn_trace(const struct board *board, const struct churn_wish *wish, struct trace *ret,
		struct err *err)
{
	double capacity = (double)board->memory_slices * wish->n_gpus, slots = 0;
	struct trace trace = {.n = 0};
	struct generator generator;
	struct mersenne random;
	double longest;

	generator_init(&generator, board, wish->mix);
	longest = floor(2 * wish->load * round(capacity / generator.mean_slots));
	if (!(longest >= 1 && longest <= UINT32_MAX))
		return fail(err, ERR_INVALID, "load %g on %u GPUs: nothing would last a time slot",
			    wish->load, wish->n_gpus);
	if (wish->horizon * capacity / generator.mean_slots > CHURN_MAX_REQUESTS)
		return fail(err, ERR_TOO_LARGE, "horizon %g on %u GPUs: more than %d requests",
			    wish->horizon, wish->n_gpus, CHURN_MAX_REQUESTS);
	mersenne_seed(&random, wish->key);
	while (slots < wish->horizon * capacity) {
		struct request request = {.at = (int64_t)trace.n};

		request.profile = draw_profile(&generator, &random);
		request.duration = mersenne_below(&random, (uint32_t)longest) + INT64_C(1);
		slots += board->profiles[request.profile].memory_slices;
		if (trace_add(&trace, &request)) {
			trace_done(&trace);
			return fail(err, ERR_NOMEM, "no memory for a trace");
		}
	}
	*ret = trace;
	return 0;
}

/* ---- schedulers ---- */

const char *scheduler_format(const struct scheduler *scheduler, char *buf, size_t len)
{
	if (scheduler->repack)
		snprintf(buf, len, "repack");
	else if (scheduler->max_moves)
		snprintf(buf, len, "%s+%u", rule_name(scheduler->rule), scheduler->max_moves);
	else
		snprintf(buf, len, "%s", rule_name(scheduler->rule));
	return buf;
}

int scheduler_parse(const char *typed, struct scheduler *ret, struct err *err)
{
	static const char *const names[] = {
#define X(name, typed, meaning) typed,
		RULE_TABLE(X)
#undef X
			"cap+1",
		"cap+2", "cap+3", "repack"};
	struct scheduler scheduler = {.repack = !strcmp(typed, "repack")};
	size_t len = strcspn(typed, "+");
	const char *near = text_nearest(typed, names, ARRAY_SIZE(names));
	bool found = scheduler.repack;

	for (enum rule rule = 0; rule < RULE_COUNT && !found; rule++) {
		found = len == strlen(rule_name(rule)) && !strncmp(typed, rule_name(rule), len);
		scheduler.rule = rule;
	}
	if (found && typed[len]) {
		found = typed[len + 1] >= '1' && typed[len + 1] <= '0' + RELOCATE_MAX &&
			!typed[len + 2];
		scheduler.max_moves = (unsigned)(typed[len + 1] - '0');
	}
	if (found) {
		*ret = scheduler;
		return 0;
	}
	fail(err, ERR_INVALID, "'%.40s' is not a rule", typed);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "one of: ff, rr, bf, wf, mfi, cap; each also with +1, +2 or +3 moves "
			      "for a blocked request; repack");
}

/* ---- replay ---- */

void tally_add(struct tally *sum, const struct tally *one)
{
	sum->requests += one->requests;
	sum->accepted += one->accepted;
	sum->slots += one->slots;
	sum->slots_accepted += one->slots_accepted;
	sum->moves += one->moves;
	sum->samples += one->samples;
	sum->used += one->used;
	sum->least += one->least;
}

struct end {
	int64_t at;
	uint32_t spot; /* index of the request */
};

struct replay {
	struct fleet *fleet;
	const struct board *board;
	const struct scheduler *scheduler;
	struct end *ends; /* a heap, the earliest first */
	size_t n_ends;
	struct fleet_place *places; /* by spot */
	uint32_t running[RULE_MAX_PROFILES];
	uint32_t n_gpus;
};

static void push_end(struct replay *replay, struct end end)
{
	struct end *ends = replay->ends;
	size_t i = replay->n_ends++;

	for (; i && ends[(i - 1) / 2].at > end.at; i = (i - 1) / 2)
		ends[i] = ends[(i - 1) / 2];
	ends[i] = end;
}

static struct end pop_end(struct replay *replay)
{
	struct end *ends = replay->ends, first = ends[0], last = ends[--replay->n_ends];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < replay->n_ends; i = child) {
		if (child + 1 < replay->n_ends && ends[child + 1].at < ends[child].at)
			child++;
		if (ends[child].at >= last.at)
			break;
		ends[i] = ends[child];
	}
	ends[i] = last;
	return first;
}

static void end_until(struct replay *replay, int64_t now)
{
	while (replay->n_ends && replay->ends[0].at <= now) {
		const struct fleet_place *place = &replay->places[pop_end(replay).spot];

		replay->running[place->profile]--;
		if (!replay->scheduler->repack)
			fleet_give(replay->fleet, place);
	}
}

static int place_by_moving(struct replay *replay, uint8_t profile, uint32_t spot,
			   struct tally *tally)
{
	struct relocation relocation;
	int r = relocate(replay->fleet, replay->board, profile, replay->scheduler->max_moves, spot,
			 &relocation);

	if (r <= 0)
		return r;
	replay->places[spot] = relocation.place;
	for (unsigned i = 0; i < relocation.n_moves; i++)
		replay->places[relocation.moves[i].spot] = relocation.moves[i].to;
	tally->moves += relocation.n_moves;
	return 1;
}

static uint64_t least_gpus(const struct replay *replay)
{
	uint64_t least = UINT64_MAX;

	size_minimum(replay->board, replay->running, &least, NULL);
	return least;
}

/* 1 when placed, 0 when refused, -1 without memory. */
static int place_request(struct replay *replay, uint8_t profile, uint32_t spot, struct tally *tally)
{
	struct fleet_place *place = &replay->places[spot];

	if (replay->scheduler->repack) {
		bool fits;

		replay->running[profile]++;
		fits = least_gpus(replay) <= replay->n_gpus;
		replay->running[profile]--;
		place->profile = profile;
		return fits;
	}
	if (fleet_find(replay->fleet, replay->scheduler->rule, profile, place)) {
		fleet_take(replay->fleet, place, spot);
		return 1;
	}
	return replay->scheduler->max_moves ? place_by_moving(replay, profile, spot, tally) : 0;
}

static int treat(struct replay *replay, const struct request *request, uint32_t spot,
		 struct tally *tally)
{
	unsigned slots = replay->board->profiles[request->profile].memory_slices;
	int placed;

	end_until(replay, request->at);
	placed = place_request(replay, request->profile, spot, tally);
	if (placed < 0)
		return -1;
	tally->requests++;
	tally->slots += slots;
	if (!placed)
		return 0;
	tally->accepted++;
	tally->slots_accepted += slots;
	replay->running[request->profile]++;
	push_end(replay, (struct end){request->at + request->duration, spot});
	return 0;
}

static void sample(const struct replay *replay, struct tally *tally)
{
	uint64_t least = least_gpus(replay);

	if (least == UINT64_MAX)
		return;
	tally->samples++;
	tally->least += least;
	tally->used += replay->scheduler->repack ? least : fleet_n_used(replay->fleet);
}

static int replay_all(struct replay *replay, const struct trace *trace, struct tally *tally)
{
	for (size_t i = 0; i < trace->n; i++) {
		if (treat(replay, &trace->requests[i], (uint32_t)i, tally))
			return -1;
		if (i >= trace->n / 3)
			sample(replay, tally);
	}
	return 0;
}

int churn_replay(struct fleet *fleet, const struct board *board, const struct trace *trace,
		 const struct scheduler *scheduler, struct tally *ret, struct err *err)
{
	cleanup(free) struct end *ends = calloc(trace->n + 1, sizeof(*ends));
	cleanup(free) struct fleet_place *places = calloc(trace->n + 1, sizeof(*places));
	struct replay replay = {.fleet = fleet,
				.board = board,
				.scheduler = scheduler,
				.ends = ends,
				.places = places,
				.n_gpus = fleet_n_gpus(fleet)};
	struct tally tally = {.requests = 0};

	if (scheduler->repack && least_gpus(&replay) == UINT64_MAX)
		return fail(err, ERR_UNSUPPORTED, "%s: no closed form for repack", board->id);
	if (!ends || !places || replay_all(&replay, trace, &tally))
		return fail(err, ERR_NOMEM, "no memory to replay a trace");
	*ret = tally;
	return 0;
}
