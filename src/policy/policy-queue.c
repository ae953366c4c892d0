/* In which order waiting requests are tried. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy-part.h"

/* Where a waiter stands: lower loads first, then whose team has waited longest. */
struct standing {
	double load; /* slices held and turns had, for the team's share */
	int64_t team_since, lease;
	size_t waiter;
};

struct team_load {
	double held, turns;
	bool waits;
	int64_t since; /* the lease of its first waiter */
};

static int compare_standings(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;

	if (x->load < y->load || x->load > y->load)
		return x->load < y->load ? -1 : 1;
	if (x->team_since != y->team_since)
		return x->team_since < y->team_since ? -1 : 1;
	return x->lease < y->lease ? -1 : x->lease > y->lease;
}

/* A team that has left the file has one place for all such, after the others. */
static size_t team_index(const struct policy *policy, const char *name)
{
	const struct policy_team *team = team_by_name(policy, name);

	return team ? (size_t)(team - policy->teams) : policy->n_teams;
}

static double team_share(const struct policy *policy, size_t team)
{
	return team < policy->n_teams ? policy->teams[team].share : 1;
}

/*
 * A team's j-th waiter would be tried with j turns behind it. Taking the least
 * loaded team again and again, counting its turns, is the same as sorting all
 * waiters by that load, because it only grows within a team.
 */
static void rank(const struct policy *policy, struct team_load *teams,
		 const struct policy_waiter *waiters, size_t n, struct standing *ret)
{
	for (size_t i = 0; i < n; i++) {
		size_t index = team_index(policy, waiters[i].team);
		struct team_load *team = &teams[index];

		if (!team->waits)
			team->since = waiters[i].lease;
		team->waits = true;
		ret[i] = (struct standing){
			.load = (team->held + team->turns) / team_share(policy, index),
			.team_since = team->since,
			.lease = waiters[i].lease,
			.waiter = i,
		};
		team->turns++;
	}
}

void policy_queue_order(const struct policy *policy, const struct policy_holding *holdings,
			size_t n_holdings, const struct policy_waiter *waiters, size_t n_waiters,
			size_t *ret_order)
{
	struct team_load teams[POLICY_MAX_TEAMS + 1] = {0};
	cleanup(free) struct standing *standings = calloc(n_waiters, sizeof(*standings));

	for (size_t i = 0; i < n_waiters; i++)
		ret_order[i] = i;
	if (!standings)
		return;
	for (size_t i = 0; i < n_holdings; i++)
		teams[team_index(policy, holdings[i].team)].held += holdings[i].slices;
	rank(policy, teams, waiters, n_waiters, standings);
	qsort(standings, n_waiters, sizeof(*standings), compare_standings);
	for (size_t i = 0; i < n_waiters; i++)
		ret_order[i] = standings[i].waiter;
}
