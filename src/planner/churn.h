/*
 * churn.h - requests that come and go, and what a rule makes of them
 *
 * A trace is a list of requests: when, for which profile, for how long. It is
 * generated (a mix of profiles at a load) or read from a file by whoever has
 * one. Replaying it on a fleet that starts empty tells how much of what was
 * asked for could be given; who finds no room is refused and gone. Time has no
 * unit here: it is compared and added only.
 *
 * Load is the capacity asked for over the capacity there is, both in slots (the
 * memory slices of the board).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "planner/fleet.h"
#include "planner/rule.h"

#define CHURN_MAX_REQUESTS 20000000 /* of one generated trace */

#define CHURN_KINDS 6 /* base and double-memory profiles of the largest boards */

/* name, as typed, probabilities of 1g, 1g double memory, 2g, 3g, 4g, 7g */
#define MIX_TABLE(X)                                                                               \
	X(UNIFORM, "uniform", {1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6})              \
	X(SKEW_SMALL, "skew-small", {0.30, 0.25, 0.20, 0.10, 0.10, 0.05})                          \
	X(SKEW_BIG, "skew-big", {0.05, 0.10, 0.10, 0.20, 0.25, 0.30})                              \
	X(BIMODAL, "bimodal", {0.30, 0.15, 0.05, 0.05, 0.15, 0.30})

enum mix {
#define X(name, typed, ...) MIX_##name,
	MIX_TABLE(X)
#undef X
		MIX_COUNT
};

const char *mix_name(enum mix mix);

struct request {
	int64_t at, duration;
	uint8_t profile; /* index into board->profiles */
};

struct trace {
	struct request *requests; /* ascending by time */
	size_t n, cap;
};

void trace_done(struct trace *trace);

static inline void cleanup_trace_done(struct trace *trace)
{
	trace_done(trace);
}

/* At the end. Returns 0, or -1 when memory ran out. */
int trace_add(struct trace *trace, const struct request *request);

struct churn_wish {
	enum mix mix;
	double load;
	double horizon; /* requests are made until they ask for so many times the capacity */
	uint32_t n_gpus;
	uint32_t key; /* of the random numbers */
};

/*
 * One request per time slot. Profiles of the mix that the board does not have
 * are left out. A duration is uniform on 1..2 load T, where T slots of requests
 * of mean size fill the fleet.
 * err: NOMEM, TOO_LARGE, INVALID when the load is so small that nothing would last a slot
 */
int churn_trace(const struct board *board, const struct churn_wish *wish, struct trace *ret,
		struct err *err);

/* A rule, or one with help: relocations, or everything moved at will. */
struct scheduler {
	enum rule rule;
	unsigned max_moves; /* per blocked request; 0: none */
	bool repack;	    /* accept what the closed form accepts; the rule is not used */
};

/* "cap", "cap+1" (one move per blocked request), "repack". err: INVALID, with "did you mean" */
int scheduler_parse(const char *typed, struct scheduler *ret, struct err *err);
const char *scheduler_format(const struct scheduler *scheduler, char *buf, size_t len);

struct tally {
	uint64_t requests, accepted;
	uint64_t slots, slots_accepted;
	uint64_t moves;
	/* GPUs in use after each request, and the fewest that would do; summed over `samples`. */
	uint64_t samples, used, least;
};

void tally_add(struct tally *sum, const struct tally *one);

/*
 * Replay a trace. The first third of it (by requests) is left out of samples.
 *   fleet  empty; left as it is after the last request. Not used when repacking
 *   err    NOMEM, UNSUPPORTED when repacking a board without closed form
 */
int churn_replay(struct fleet *fleet, const struct board *board, const struct trace *trace,
		 const struct scheduler *scheduler, struct tally *ret, struct err *err);
