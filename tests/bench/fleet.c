/*
 * bench-fleet - what decisions about whole fleets cost
 *
 * Prints a line a figure: what, value, unit and note, separated by tabs.
 * scripts/bench shows them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/err.h"
#include "planner/churn.h"
#include "planner/compact.h"
#include "planner/mersenne.h"

#define N_DECISIONS 1000000
#define N_PROFILES  4096

static void row(const char *what, double value, const char *unit, const char *note)
{
	printf("%s\t%.3g\t%s\t%s\n", what, value, unit, note);
}

static double seconds_since(int64_t start_ns)
{
	return (double)(clock_monotonic_ns() - start_ns) / 1e9;
}

/* A fleet after churn; its last requests are what is decided. */
static struct fleet *make_fleet(const struct rules *rules, uint32_t n_gpus, double load,
				const char *rule, struct trace *ret_trace)
{
	struct churn_wish wish = {
		.mix = MIX_UNIFORM, .load = load, .horizon = 4, .n_gpus = n_gpus, .key = 1};
	struct fleet *fleet = fleet_new(rules, n_gpus);
	struct scheduler scheduler;
	struct err err = ERR_INIT;
	struct tally tally;

	if (!fleet || scheduler_parse(rule, &scheduler, &err) ||
	    churn_trace(rules->board, &wish, ret_trace, &err) ||
	    churn_replay(fleet, rules->board, ret_trace, &scheduler, &tally, &err))
		exit(1);
	return fleet;
}

static void bench_decision(const struct rules *rules, uint32_t n_gpus)
{
	struct trace trace;
	struct fleet *fleet = make_fleet(rules, n_gpus, 0.9, "cap", &trace);
	uint8_t profiles[N_PROFILES];
	struct mersenne random;
	char what[64];
	int64_t start_ns;
	size_t n = 0;

	mersenne_seed(&random, 1);
	for (size_t i = 0; i < N_PROFILES; i++)
		profiles[i] = trace.requests[mersenne_below(&random, (uint32_t)trace.n)].profile;
	start_ns = clock_monotonic_ns();
	for (size_t i = 0; i < N_DECISIONS; i++) {
		struct fleet_place place;

		/* Taken and given back: what one decision writes is part of its cost. */
		if (!fleet_find(fleet, RULE_CAP, profiles[i % N_PROFILES], &place))
			continue;
		fleet_take(fleet, &place, 0);
		fleet_give(fleet, &place);
		n++;
	}
	snprintf(what, sizeof(what), "placement by cap, %u GPUs", n_gpus);
	row(what, seconds_since(start_ns) / N_DECISIONS * 1e9, "ns",
	    n ? "found, taken and given back; load 0.9" : "nothing found");
	fleet_free(fleet);
	trace_done(&trace);
}

static void bench_compaction(const struct rules *rules, const char *rule)
{
	struct trace trace;
	struct fleet *fleet = make_fleet(rules, 100000, 0.6, rule, &trace);
	struct compact_groups groups;
	struct compact_answer answer;
	struct err err = ERR_INIT;
	char what[64], note[128];
	int64_t start_ns = clock_monotonic_ns();

	if (compact_group_fleet(rules, fleet, &groups) ||
	    compact_solve(rules, &groups, &answer, &err))
		exit(1);
	snprintf(what, sizeof(what), "compaction of 100000 GPUs after %s", rule);
	snprintf(note, sizeof(note), "%llu moves free %llu GPUs, %s; %zu layouts",
		 (unsigned long long)answer.moves,
		 (unsigned long long)(answer.used - answer.target),
		 answer.proven ? "proven least" : "not proven", groups.n);
	row(what, seconds_since(start_ns) * 1e3, "ms", note);
	compact_answer_done(&answer);
	compact_groups_done(&groups);
	fleet_free(fleet);
	trace_done(&trace);
}

static void bench_churn(const struct rules *rules)
{
	static const char *const names[] = {"ff",  "rr",    "bf",    "wf",    "mfi",
					    "cap", "cap+1", "cap+2", "repack"};
	int64_t start_ns = clock_monotonic_ns();
	struct err err = ERR_INIT;

	for (enum mix mix = 0; mix < MIX_COUNT; mix++)
		for (uint32_t run = 0; run < 20; run++) {
			struct churn_wish wish = {.mix = mix,
						  .load = 1,
						  .horizon = 8,
						  .n_gpus = 100,
						  .key = 100003 + run};
			struct trace trace;

			if (churn_trace(rules->board, &wish, &trace, &err))
				exit(1);
			for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
				struct fleet *fleet = fleet_new(rules, 100);
				struct scheduler scheduler;
				struct tally tally;

				if (scheduler_parse(names[i], &scheduler, &err) ||
				    churn_replay(fleet, rules->board, &trace, &scheduler, &tally,
						 &err))
					exit(1);
				fleet_free(fleet);
			}
			trace_done(&trace);
		}
	row("churn: 4 mixes, 20 seeds, 9 rules, 100 GPUs", seconds_since(start_ns), "s",
	    "carve simulate");
}

int main(void)
{
	struct rules *rules;
	int64_t start_ns = clock_monotonic_ns();

	rules = rules_new(board_by_id("h100-sxm5-80gb"));
	row("tables of the rules of a board", seconds_since(start_ns) * 1e3, "ms", "once");
	bench_decision(rules, 8);
	bench_decision(rules, 1000);
	bench_decision(rules, 100000);
	bench_compaction(rules, "ff");
	bench_compaction(rules, "cap");
	bench_churn(rules);
	rules_free(rules);
	return 0;
}
