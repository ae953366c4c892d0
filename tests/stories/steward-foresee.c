/*
 * Everybody who waits is told when he will be served. On random servers with
 * random policies, where every lease lasts to its end and nobody else comes, it
 * then happens at that second, and to nobody who was told nothing.
 *
 * Seeds are numbered; the first argument after the library tells one again.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/policy-hours.h"
#include "steward-steps.h"

#define SEEDS 20
#define ASKS  40

static const char *const names[] = {"ann", "bob", "cem", "dee"};
static const char *const classes[] = {"small", "medium", "large", "full"};
static const char *library;
static unsigned only_seed, n_told, n_untold;
static uint64_t dice;

/* 0 .. n-1 (xorshift64*) */
static unsigned roll(unsigned n)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return (unsigned)(dice * UINT64_C(2685821657736338717) >> 33) % n;
}

/* ---- a site ---- */

static void write_class(struct text *text, const char *name, const char *profiles)
{
	text_addf(text, "  %s: {profiles: %s, max_time: 3d, warm: %u, priority: %u}\n", name,
		  profiles, roll(3) ? 0 : roll(3), roll(3) ? 0 : roll(4));
}

static void write_team(struct text *text, const char *name, const char *users)
{
	text_addf(text, "  %s: {users: %s, share: %u, priority: %u", name, users, 1 + roll(3),
		  roll(3) ? 0 : roll(4));
	if (!roll(3))
		text_addf(text, ", quota: {slices: %u}", 4 + roll(8));
	else if (!roll(3))
		text_addf(text, ", quota: {slice_hours: %u, per: day}", 20 + roll(100));
	if (!roll(3))
		text_addf(text, ", per_user: {instances: %u}", 1 + roll(4));
	else if (!roll(3))
		text_addf(text, ", per_user: {slice_hours: %u, per: week}", 40 + roll(200));
	if (!roll(3))
		text_addf(text, ", guarantee: {slices: %u, borrow: %s}", 1 + roll(3),
			  roll(3)   ? "true"
			  : roll(2) ? "false"
				    : "1");
	text_add(text, "}\n");
}

static void write_site(struct text *text)
{
	text_add(text, "version: 1\nclasses:\n");
	write_class(text, "small", "1g");
	write_class(text, "medium", "2g");
	write_class(text, "large", roll(2) ? "[3g, 2g]" : "3g");
	write_class(text, "full", "full");
	text_add(text, "teams:\n");
	write_team(text, "vision", roll(2) ? "ann" : "[ann, bob]");
	write_team(text, "language", "[bob, cem]");
	write_team(text, "guests", "dee");
	text_addf(text, "queue: {max_per_user: 50, age: %uh}\n", 1 + roll(12));
	if (!roll(2))
		text_addf(text, "reclaim: {notice: %um}\n", 5 + roll(200));
	if (!roll(3))
		text_addf(text, "fairness: {half_life: %uh}\n", 1 + roll(100));
}

/* ---- what happens ---- */

/* All that is to be done in this second. */
static void second(struct host *host)
{
	for (unsigned i = 0; i < 5; i++) {
		steward_tick(&host->steward, host->now_s);
		steward_look(&host->steward);
		host_run_all(host);
	}
}

static void ask_around(struct host *host)
{
	for (unsigned i = 0; i < ASKS; i++) {
		struct host_ask ask = {
			.class_ = classes[roll(ARRAY_SIZE(classes))],
			/* No two end in the same second: who is first would be chance. */
			.time_s = 3600 * (1 + roll(20)) + 41 * i,
			.wait = true,
		};

		host_ask(host, names[roll(ARRAY_SIZE(names))], &ask);
		second(host);
		host->now_s += roll(3) ? 1 : roll(1500);
		second(host);
	}
}

struct told {
	int64_t lease, when_s;
	bool has_when;
	unsigned position;
};

static size_t note_what_is_told(struct host *host, struct told ret[ASKS])
{
	size_t n = 0;

	/* The outlook under way may be one of a moment ago: then there is another. */
	for (unsigned i = 0; i < 2; i++) {
		while (steward_foresee(&host->steward))
			;
		second(host);
	}
	while (steward_foresee(&host->steward))
		;
	for (size_t i = 0; i < host->steward.n_leases; i++) {
		const struct steward_lease *lease = host->steward.leases[i];

		if (lease->row.state != LEASE_QUEUED)
			continue;
		ret[n++] = (struct told){lease->row.id, lease->estimate_s, lease->has_estimate,
					 lease->position};
	}
	return n;
}

static void check_granted(const struct host *host, struct told *told, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		const struct steward_lease *lease = steward_lease_at(&host->steward, told[i].lease);

		if (!told[i].lease || (lease && lease->row.state == LEASE_QUEUED))
			continue;
		if (!lease || !told[i].has_when || lease->row.granted_s != told[i].when_s)
			fail_msg("seed %u: lease %" PRId64 " at place %u was served at %" PRId64
				 ", told was %" PRId64,
				 seed, told[i].lease, told[i].position, host->now_s,
				 told[i].has_when ? told[i].when_s : -1);
		told[i].lease = 0;
		n_told++;
	}
}

/* The next time at which who waits is looked at with other eyes. */
static int64_t next_climb(const struct host *host, const struct ledger_lease *row)
{
	int64_t age_s = policy_age_s(host->steward.policy), climbs_s = row->requested_s + age_s;

	if (row->requested_s + STEWARD_HOLD_S > host->now_s)
		return row->requested_s + STEWARD_HOLD_S;
	while (climbs_s <= host->now_s)
		climbs_s += age_s;
	return climbs_s;
}

/* false: nothing ends any more; or two end in the same second, and who is served is chance. */
static bool next_second(struct host *host, bool *ret_tie)
{
	int64_t end_s = INT64_MAX, next_s, begin_s, turn_s;

	for (size_t i = 0; i < host->steward.n_leases; i++) {
		const struct ledger_lease *row = &host->steward.leases[i]->row;

		if (row->state != LEASE_ACTIVE || row->ends_s > end_s)
			continue;
		*ret_tie = row->ends_s == end_s;
		end_s = row->ends_s;
	}
	for (size_t i = 0; end_s == INT64_MAX && i < host->steward.n_leases; i++) {
		const struct steward_lease *lease = host->steward.leases[i];

		/* When all has ended there are quotas that begin anew. */
		if (lease->has_estimate && lease->estimate_s > host->now_s)
			end_s = lease->estimate_s;
	}
	if (end_s == INT64_MAX || *ret_tie)
		return false;
	policy_period_around(POLICY_DAY, host->now_s, &begin_s, &turn_s);
	next_s = turn_s < end_s ? turn_s : end_s; /* quotas in slice-hours begin anew */
	for (size_t i = 0; i < host->steward.n_leases; i++) {
		const struct ledger_lease *row = &host->steward.leases[i]->row;

		if (row->state == LEASE_QUEUED && next_climb(host, row) < next_s)
			next_s = next_climb(host, row);
	}
	host->now_s = next_s;
	return true;
}

static void live(struct host *host, unsigned seed)
{
	cleanup(text_done) struct text site = TEXT_INIT;
	struct told told[ASKS];
	bool tie = false;
	size_t n;

	dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	write_site(&site);
	if (only_seed)
		print_message("%s", text_str(&site));
	host_reset(host, text_str(&site));
	host_up(host);
	second(host);
	ask_around(host);
	n = note_what_is_told(host, told);
	while (next_second(host, &tie)) {
		second(host);
		check_granted(host, told, n, seed);
	}
	for (size_t i = 0; !tie && i < n; i++) {
		if (told[i].lease && told[i].has_when)
			fail_msg("seed %u: lease %" PRId64 " was never served", seed,
				 told[i].lease);
		n_untold += told[i].lease != 0;
	}
	host_down(host);
}

static void test_it_comes_as_it_was_told(void **state)
{
	static const char *const boards_[] = {"a30-24gb", "a100-sxm4-40gb"};
	struct host host;

	(void)state;
	host_init(&host, library, boards_, ARRAY_SIZE(boards_));
	for (unsigned seed = only_seed ? only_seed : 1; seed <= (only_seed ? only_seed : SEEDS);
	     seed++)
		live(&host, seed);
	print_message("# %u were told when, and so it was; %u were told nothing\n", n_told,
		      n_untold);
	if (!only_seed)
		assert_true(n_told > 10 * SEEDS);
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_as_it_was_told),
	};

	library = argc > 1 ? argv[1] : NULL;
	steps_watch_ledgers(); /* which need not reach the disk */
	only_seed = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	return tap_run(tests);
}
