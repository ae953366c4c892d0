/*
 * Random policies and months of random requests against a reference that keeps
 * its own books: no quota is exceeded, every refusal names the rule that is
 * true, what a refusal offers instead is granted, and the queue is in the order
 * that taking turns one by one would give.
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/policy.h"

#define POLICIES    2000
#define EVENTS	    200
#define MAX_CLASSES 4
#define MAX_TEAMS   4
#define MAX_USERS   6
#define MAX_HELD    64
#define ANY	    999 /* no limit */

/* ---- chance ---- */

static uint64_t seed = 20261124;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- a site, as the reference knows it ---- */

struct limits {
	unsigned instances, slices;
};

struct site {
	unsigned n_classes, n_teams;
	unsigned takes[MAX_CLASSES]; /* slices */
	unsigned hours[MAX_CLASSES]; /* at most */
	bool restricted[MAX_CLASSES], allows[MAX_CLASSES][MAX_TEAMS];
	struct limits quota[MAX_TEAMS], per_user[MAX_TEAMS];
	unsigned share[MAX_TEAMS];
	bool lists[MAX_TEAMS], listed[MAX_TEAMS][MAX_CLASSES]; /* its "classes" */
	bool member[MAX_TEAMS][MAX_USERS];
	bool everyone; /* the last team */
};

static struct limits random_limits(unsigned most)
{
	return (struct limits){draw(2) ? draw(most) : ANY, draw(2) ? draw(2 * most) : ANY};
}

static struct site random_site(void)
{
	static const unsigned slices[] = {1, 2, 3, 7};
	struct site site = {.n_classes = 1 + draw(MAX_CLASSES),
			    .n_teams = 1 + draw(MAX_TEAMS),
			    .everyone = draw(2)};

	for (unsigned c = 0; c < site.n_classes; c++) {
		site.takes[c] = slices[draw(ARRAY_SIZE(slices))];
		site.hours[c] = 1 + draw(8);
		site.restricted[c] = !draw(3);
		for (unsigned t = 0; t < site.n_teams; t++)
			site.allows[c][t] = t == 0 || draw(2); /* names somebody */
	}
	for (unsigned t = 0; t < site.n_teams; t++) {
		site.quota[t] = random_limits(10);
		site.per_user[t] = random_limits(5);
		site.share[t] = 1 + draw(4);
		site.lists[t] = !draw(3);
		for (unsigned c = 0; c < site.n_classes; c++)
			site.listed[t][c] = c == 0 || draw(2);
		for (unsigned u = 0; u < MAX_USERS; u++)
			site.member[t][u] = u == t || !draw(3);
	}
	return site;
}

/* ---- the same as a file ---- */

static void write_names(struct text *text, const char *key, char letter, const bool *picked,
			unsigned n)
{
	const char *comma = "";

	text_addf(text, "%s: [", key);
	for (unsigned i = 0; i < n; i++) {
		if (!picked[i])
			continue;
		text_addf(text, "%s%c%u", comma, letter, i);
		comma = ", ";
	}
	text_add(text, "]");
}

static void write_limits(struct text *text, const char *key, const struct limits *limits)
{
	text_addf(text, ", %s: {", key);
	if (limits->instances != ANY)
		text_addf(text, "instances: %u%s", limits->instances,
			  limits->slices != ANY ? ", " : "");
	if (limits->slices != ANY)
		text_addf(text, "slices: %u", limits->slices);
	text_add(text, "}");
}

static void write_team(struct text *text, const struct site *site, unsigned t)
{
	bool everyone = site->everyone && t + 1 == site->n_teams;

	text_addf(text, everyone ? "  everyone: {" : "  t%u: {", t);
	text_addf(text, "share: %u", site->share[t]);
	write_limits(text, "quota", &site->quota[t]);
	write_limits(text, "per_user", &site->per_user[t]);
	if (site->lists[t])
		text_add(text, ", ");
	if (site->lists[t])
		write_names(text, "classes", 'c', site->listed[t], site->n_classes);
	if (!everyone)
		text_add(text, ", ");
	if (!everyone)
		write_names(text, "users", 'u', site->member[t], MAX_USERS);
	text_add(text, "}\n");
}

static const char *team_name(const struct site *site, unsigned t, char buf[16])
{
	if (site->everyone && t + 1 == site->n_teams)
		return "everyone";
	snprintf(buf, 16, "t%u", t);
	return buf;
}

static void write_class(struct text *text, const struct site *site, unsigned c)
{
	const char *comma = "";

	text_addf(text, "  c%u: {profiles: %ug, time: 30m, max_time: %uh", c, site->takes[c],
		  site->hours[c]);
	if (site->restricted[c]) {
		text_add(text, ", allow: {teams: [");
		for (unsigned t = 0; t < site->n_teams; t++) {
			char name[16];

			if (!site->allows[c][t])
				continue;
			text_addf(text, "%s%s", comma, team_name(site, t, name));
			comma = ", ";
		}
		text_add(text, "]}");
	}
	text_add(text, "}\n");
}

static struct policy *policy_of(const struct site *site)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	text_add(&text, "version: 1\nclasses:\n");
	for (unsigned c = 0; c < site->n_classes; c++)
		write_class(&text, site, c);
	text_add(&text, "teams:\n");
	for (unsigned t = 0; t < site->n_teams; t++)
		write_team(&text, site, t);
	if (policy_parse(text_str(&text), text.len, "p", &policy, &err))
		fail_msg("%s\n%s", err.text, text_str(&text));
	return policy;
}

/* ---- the reference's books ---- */

struct books {
	const struct site *site;
	const struct policy *policy;
	struct policy_holding held[MAX_HELD];
	unsigned team[MAX_HELD]; /* of each */
	size_t n;
};

static const char *const users[MAX_USERS] = {"u0", "u1", "u2", "u3", "u4", "u5"};
static const char *const classes[MAX_CLASSES] = {"c0", "c1", "c2", "c3"};

static int team_of(const struct site *site, unsigned user)
{
	for (unsigned t = 0; t < site->n_teams; t++)
		if ((site->everyone && t + 1 == site->n_teams) || site->member[t][user])
			return (int)t;
	return -1;
}

static struct limits held_by_team(const struct books *books, unsigned team)
{
	struct limits held = {0};

	for (size_t i = 0; i < books->n; i++) {
		held.instances += books->team[i] == team;
		held.slices += books->team[i] == team ? books->held[i].slices : 0;
	}
	return held;
}

static struct limits held_by_user(const struct books *books, unsigned user)
{
	struct limits held = {0};

	for (size_t i = 0; i < books->n; i++) {
		held.instances += books->held[i].uid == user;
		held.slices += books->held[i].uid == user ? books->held[i].slices : 0;
	}
	return held;
}

static const char *over(const struct limits *limits, struct limits held, unsigned takes)
{
	if (held.instances + 1 > limits->instances)
		return "instances";
	return held.slices + takes > limits->slices ? "slices" : NULL;
}

/* The rule that must decide; "" and false: granted. */
static bool refuses(const struct books *books, unsigned user, unsigned c, unsigned minutes,
		    char ret_rule[64])
{
	const struct site *site = books->site;
	int t = team_of(site, user);
	const char *what;
	char name[16];

	*ret_rule = '\0';
	if (t < 0)
		snprintf(ret_rule, 64, "teams");
	else if (site->lists[t] && !site->listed[t][c])
		snprintf(ret_rule, 64, "teams.%s.classes", team_name(site, (unsigned)t, name));
	else if (site->restricted[c] && !site->allows[c][t])
		snprintf(ret_rule, 64, "classes.c%u.allow", c);
	else if (minutes > site->hours[c] * 60)
		snprintf(ret_rule, 64, "classes.c%u.max_time", c);
	else if ((what = over(&site->per_user[t], held_by_user(books, user), site->takes[c])))
		snprintf(ret_rule, 64, "teams.%s.per_user.%s", team_name(site, (unsigned)t, name),
			 what);
	else if ((what = over(&site->quota[t], held_by_team(books, (unsigned)t), site->takes[c])))
		snprintf(ret_rule, 64, "teams.%s.quota.%s", team_name(site, (unsigned)t, name),
			 what);
	return *ret_rule;
}

/* ---- one request ---- */

static int ask(const struct books *books, unsigned user, unsigned c, unsigned minutes,
	       struct policy_terms *ret, struct err *err)
{
	const struct policy_person person = {.uid = user, .name = users[user]};
	const struct policy_wish wish = {.class_name = classes[c],
					 .reason = "",
					 .has_time = true,
					 .time_s = (int64_t)minutes * 60};
	const struct board *here[] = {board_by_id("h100-sxm5-80gb")};

	return policy_admit(books->policy, &person, &wish, here, 1, books->held, books->n, ret,
			    err);
}

/* "...; you may ask for c0, c2": exactly the other classes that would be granted. */
static void check_offer(const struct books *books, unsigned user, unsigned c, const char *hint)
{
	const char *offer = strstr(hint, "you may ask for ");

	if (team_of(books->site, user) < 0)
		return;
	for (unsigned other = 0; other < books->site->n_classes; other++) {
		char rule[64];
		bool granted = !refuses(books, user, other, 1, rule);

		if (granted != (offer && strstr(offer, classes[other])) && other != c)
			fail_msg("'%s': but c%u would be %s", hint, other,
				 granted ? "granted" : "refused");
	}
}

static void grant(struct books *books, unsigned user, unsigned c, int64_t ends_s)
{
	unsigned team = (unsigned)team_of(books->site, user);

	books->team[books->n] = team;
	books->held[books->n] = (struct policy_holding){
		.lease = (int64_t)draw(100000),
		.uid = user,
		.user = users[user],
		.team = policy_team_at(books->policy, team)->name,
		.class_name = classes[c],
		.slices = books->site->takes[c],
		.ends_s = ends_s,
	};
	books->n++;
}

static void release(struct books *books, size_t i)
{
	books->n--;
	books->held[i] = books->held[books->n];
	books->team[i] = books->team[books->n];
}

static void request(struct books *books)
{
	unsigned user = draw(MAX_USERS), c = draw(books->site->n_classes);
	unsigned minutes = 1 + draw(9 * 60);
	struct policy_terms terms = {0};
	struct err err = ERR_INIT;
	char rule[64];
	bool refused = refuses(books, user, c, minutes, rule);

	if (ask(books, user, c, minutes, &terms, &err) != (refused ? -ERR_REFUSED : 0))
		fail_msg("%s and %s: expected rule '%s', got '%s' (%s)", users[user], classes[c],
			 rule, err.rule, err.text);
	if (!refused) {
		assert_true(terms.slices_left >= books->site->takes[c]);
		grant(books, user, c, draw(100000));
		return;
	}
	assert_string_equal(err.rule, rule);
	if (strncmp(rule, "classes.", 8) != 0 || !strstr(rule, ".max_time"))
		check_offer(books, user, c, err.hint);
}

static void check_quotas(const struct books *books)
{
	for (unsigned t = 0; t < books->site->n_teams; t++) {
		struct limits held = held_by_team(books, t);

		assert_true(held.instances <= books->site->quota[t].instances);
		assert_true(held.slices <= books->site->quota[t].slices);
	}
}

static void quotas_hold_and_refusals_are_true(void **state)
{
	(void)state;
	for (unsigned i = 0; i < POLICIES; i++) {
		struct site site = random_site();
		cleanup(policy_free) struct policy *policy = policy_of(&site);
		struct books books = {.site = &site, .policy = policy};

		for (unsigned event = 0; event < EVENTS; event++) {
			if (books.n == MAX_HELD || (books.n && !draw(4)))
				release(&books, draw((unsigned)books.n));
			else
				request(&books);
			check_quotas(&books);
		}
	}
}

/* ---- the queue ---- */

struct turn {
	double held;
	unsigned turns;
};

/* Who is next, turn by turn: the least loaded team with the oldest first request. */
static size_t next_turn(const struct site *site, const struct policy_waiter *waiters,
			const unsigned *teams, const bool *tried, size_t n,
			const struct turn *turns)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++) {
		unsigned t = teams[i];
		double load = (turns[t].held + turns[t].turns) / site->share[t], best_load;
		size_t first = 0, best_first = 0;

		if (tried[i])
			continue;
		if (best == n) {
			best = i;
			continue;
		}
		if (t == teams[best])
			continue;
		best_load = (turns[teams[best]].held + turns[teams[best]].turns) /
			    site->share[teams[best]];
		while (teams[first] != t)
			first++;
		while (teams[best_first] != teams[best])
			best_first++;
		if (load < best_load ||
		    (load <= best_load && waiters[first].lease < waiters[best_first].lease))
			best = i;
	}
	return best;
}

static void the_queue_takes_turns(void **state)
{
	(void)state;
	for (unsigned round = 0; round < POLICIES; round++) {
		struct site site = random_site();
		cleanup(policy_free) struct policy *policy = policy_of(&site);
		struct books books = {.site = &site, .policy = policy};
		struct turn turns[MAX_TEAMS] = {0};
		struct policy_load loads[MAX_TEAMS + 1] = {0};
		struct policy_waiter waiters[40];
		unsigned teams[40];
		bool tried[40] = {0};
		size_t order[40], n = draw(40);

		for (unsigned i = draw(20); i; i--) {
			unsigned user = draw(MAX_USERS);

			if (team_of(&site, user) >= 0)
				grant(&books, user, draw(site.n_classes), 0);
		}
		for (unsigned t = 0; t < site.n_teams; t++)
			turns[t].held = loads[t].held = held_by_team(&books, t).slices;
		for (size_t i = 0; i < n; i++) {
			teams[i] = draw(site.n_teams);
			waiters[i] = (struct policy_waiter){
				.lease = (int64_t)(10 * i),
				.team = teams[i],
			};
		}
		policy_queue_order(policy, loads, waiters, n, 0, order);
		for (size_t i = 0; i < n; i++) {
			size_t want = next_turn(&site, waiters, teams, tried, n, turns);

			assert_int_equal(order[i], want);
			tried[want] = true;
			turns[teams[want]].turns++;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_hold_and_refusals_are_true),
		cmocka_unit_test(the_queue_takes_turns),
	};

	return tap_run(tests);
}
