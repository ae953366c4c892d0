/* In which order waiting requests are tried. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy-part.h"

/* Where a waiter stands. */
struct standing {
	bool guaranteed;
	int rank;
	double load;   /* slices its team has and turns it had, for the team's share */
	double person; /* the same of the person; 0 without fairness */
	int64_t team_since, lease;
	size_t team, waiter;
	uid_t uid;
};

struct team_turns {
	bool waits;
	int rank; /* of the turns counted */
	double turns;
	uint32_t guaranteed; /* slices of its waiters within its guarantee */
	int64_t since;	     /* the lease of its first waiter */
};

size_t policy_team_index(const struct policy *policy, const char *name)
{
	const struct policy_team *team = team_by_name(policy, name);

	return team ? (size_t)(team - policy->teams) : policy->n_teams;
}

int policy_rank(const struct policy *policy, const struct policy_waiter *waiter, int64_t now_s)
{
	int64_t waited_s = now_s > waiter->since_s ? now_s - waiter->since_s : 0;
	int64_t climbed = waited_s / policy->age_s;
	int team = waiter->team < policy->n_teams ? policy->teams[waiter->team].priority : 0;

	return waiter->priority + team + (climbed < 1000000 ? (int)climbed : 1000000);
}

static int compare_numbers(double x, double y)
{
	return x < y ? -1 : x > y;
}

static int compare_ids(int64_t x, int64_t y)
{
	return x < y ? -1 : x > y;
}

/* A person's requests of one rank side by side, first come first. */
static int by_person(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->team != y->team)
		return x->team < y->team ? -1 : 1;
	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return compare_ids(x->lease, y->lease);
}

/* A team's requests in the order of its turns. */
static int by_team(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int order = compare_numbers(x->person, y->person);

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return order ? order : compare_ids(x->lease, y->lease);
}

static int by_load(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int order = compare_numbers(x->load, y->load);

	if (x->guaranteed != y->guaranteed)
		return x->guaranteed ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	order = order ? order : compare_ids(x->team_since, y->team_since);
	return order ? order : compare_ids(x->lease, y->lease);
}

static double team_share(const struct policy *policy, size_t team)
{
	return team < policy->n_teams ? policy->teams[team].share : 1;
}

static uint32_t guarantee_of(const struct policy *policy, size_t team)
{
	return team < policy->n_teams ? policy->teams[team].guarantee : 0;
}

static void count_persons(const struct policy_waiter *waiters, size_t n, struct standing *standings)
{
	double turns = 0;

	qsort(standings, n, sizeof(*standings), by_person);
	for (size_t i = 0; i < n; i++) {
		const struct standing *before = i ? &standings[i - 1] : NULL;
		struct standing *standing = &standings[i];

		if (!before || before->rank != standing->rank || before->team != standing->team ||
		    before->uid != standing->uid)
			turns = 0;
		standing->person = waiters[standing->waiter].load + turns++;
	}
}

/*
 * A team's j-th waiter of a rank would be tried with j turns behind it. Taking the least
 * loaded team again and again, counting its turns, is the same as sorting all waiters of the
 * rank by that load, because it only grows within a team.
 */
static void count_turns(const struct policy *policy, const struct policy_load *loads,
			const struct policy_waiter *waiters, struct team_turns *teams, size_t n,
			struct standing *standings)
{
	for (size_t i = 0; i < n; i++) {
		struct standing *standing = &standings[i];
		const struct policy_load *load = &loads[standing->team];
		struct team_turns *team = &teams[standing->team];
		uint32_t slices;

		if (team->rank != standing->rank)
			team->turns = 0;
		team->rank = standing->rank;
		standing->load = (load->held + load->past + team->turns) /
				 team_share(policy, standing->team);
		standing->team_since = team->since;
		team->turns++;
		slices = waiters[standing->waiter].slices;
		standing->guaranteed = slices && load->held + team->guaranteed + slices <=
							 guarantee_of(policy, standing->team);
		team->guaranteed += standing->guaranteed ? slices : 0;
	}
}

static void stand(const struct policy *policy, const struct policy_waiter *waiters, size_t n,
		  int64_t now_s, struct team_turns *teams, struct standing *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct team_turns *team = &teams[waiters[i].team];

		if (!team->waits)
			team->since = waiters[i].lease;
		team->waits = true;
		ret[i] = (struct standing){
			.rank = policy_rank(policy, &waiters[i], now_s),
			.lease = waiters[i].lease,
			.team = waiters[i].team,
			.uid = waiters[i].uid,
			.waiter = i,
		};
	}
}

void policy_queue_order(const struct policy *policy, const struct policy_load *loads,
			const struct policy_waiter *waiters, size_t n_waiters, int64_t now_s,
			size_t *ret_order)
{
	struct team_turns teams[POLICY_MAX_TEAMS + 1] = {0};
	cleanup(free) struct standing *standings = calloc(n_waiters, sizeof(*standings));

	for (size_t i = 0; i < n_waiters; i++)
		ret_order[i] = i;
	if (!standings)
		return;
	stand(policy, waiters, n_waiters, now_s, teams, standings);
	if (policy->half_life_s)
		count_persons(waiters, n_waiters, standings);
	qsort(standings, n_waiters, sizeof(*standings), by_team);
	count_turns(policy, loads, waiters, teams, n_waiters, standings);
	qsort(standings, n_waiters, sizeof(*standings), by_load);
	for (size_t i = 0; i < n_waiters; i++)
		ret_order[i] = standings[i].waiter;
}
