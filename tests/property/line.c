/*
 * Random policies and random events against books that are kept in the plainest
 * way: no quota is exceeded, in instances, slices and slice-hours; no two leases
 * share a unit of a GPU; a team that asks for a slice it is guaranteed has it
 * within the notice, unless another team has its share first; and nobody waits longer than the bound of carve-policy(5).
 *
 * usage: property-line [POLICIES EVENTS]
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "planner/line.h"

#define HOUR	 3600
#define MAX_TIME (6 * HOUR)
#define N_USERS	 6
#define N_GPUS	 2
#define MAX_LIVE 60
#define MAX_PAST 2000
#define PAST_S	 (32 * 24 * HOUR) /* older than every period, and faded */
#define MARGIN_S 1

static unsigned n_policies = 150, n_events = 300;
static unsigned n_granted, n_reclaimed, n_refused, n_bounded;
static uint64_t seed = 20261125;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- a site ---- */

static const char *const classes[] = {"small", "medium", "large", "full"};
static const char *const users[N_USERS] = {"u0", "u1", "u2", "u3", "u4", "u5"};

struct site {
	struct policy *policy;
	bool has_quotas, has_guarantees;
	int highest; /* priority */
};

static unsigned write_priority(struct text *text)
{
	unsigned priority = draw(3) ? 0 : draw(4);

	text_addf(text, ", priority: %u", priority);
	return priority;
}

static void write_limits(struct text *text, const char *key, struct site *site)
{
	unsigned kind = draw(12);

	if (kind > 3)
		return;
	site->has_quotas = true;
	text_addf(text, ", %s: {", key);
	if (kind == 0)
		text_addf(text, "instances: %u", 1 + draw(5));
	else if (kind == 1)
		text_addf(text, "slices: %u", 5 + draw(5));
	else if (kind == 2)
		text_addf(text, "slice_hours: %u, per: day", 10 + draw(60));
	else
		text_addf(text, "slices: %u, slice_hours: %u, per: week", 6 + draw(5),
			  50 + draw(300));
	text_add(text, "}");
}

static void make_site(struct site *site)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	static const char *const profiles[] = {"1g", "2g", "[3g, 2g]", "full"};
	bool plain = !draw(4);
	unsigned class_most = 0, team_most = 0;
	struct err err = ERR_INIT;

	*site = (struct site){0};
	text_add(&text, "version: 1\nclasses:\n");
	for (unsigned c = 0; c < ARRAY_SIZE(classes); c++) {
		unsigned priority;

		text_addf(&text, "  %s: {profiles: %s, time: 1h, max_time: 6h", classes[c],
			  profiles[c]);
		priority = write_priority(&text);
		class_most = priority > class_most ? priority : class_most;
		text_add(&text, "}\n");
	}
	text_add(&text, "teams:\n");
	for (unsigned t = 0; t < 3; t++) {
		unsigned priority;

		text_addf(&text, "  t%u: {users: [u%u, u%u], share: %u", t, 2 * t, 2 * t + 1,
			  1 + draw(3));
		priority = write_priority(&text);
		team_most = priority > team_most ? priority : team_most;
		if (!plain) {
			write_limits(&text, "quota", site);
			write_limits(&text, "per_user", site);
		}
		if (!plain && draw(2)) {
			/* Three times two leaves room: a slice can always be cleared. */
			site->has_guarantees = true;
			text_addf(&text, ", guarantee: {slices: %u, borrow: %s}", 1 + draw(2),
				  draw(2)   ? "true"
				  : draw(2) ? "false"
					    : "1");
		}
		text_add(&text, "}\n");
	}
	text_addf(&text, "queue: {age: %uh}\n", 1 + draw(5));
	if (draw(2))
		text_addf(&text, "reclaim: {notice: %um}\n", 5 + draw(60));
	if (draw(2))
		text_addf(&text, "fairness: {half_life: %uh}\n", 1 + draw(48));
	site->highest = (int)(class_most + team_most);
	/* A guarantee of more than a quota allows is a mistake of the file. */
	if (policy_parse(text_str(&text), text.len, "p", &site->policy, &err)) {
		if (!strstr(err.text, "is guaranteed"))
			fail_msg("%s\n%s", err.text, text_str(&text));
		make_site(site);
	}
}

/* ---- the books ---- */

enum state { WAITS, HELD };

struct lease {
	int64_t id;
	enum state state;
	size_t team;
	unsigned user;
	const struct policy_class *class_;
	int64_t since_s, time_s, begins_s, ends_s, was_ends_s, for_;
	unsigned gpu, start;
	const struct profile *profile;
	int64_t bound_s; /* it is served by then; INT64_MAX: there is no bound */
};

struct spell {
	size_t team;
	unsigned user, slices;
	int64_t from_s, to_s;
};

/* A slice that a team is owed, while it holds so many. */
struct debt {
	bool owed;
	uint32_t held;
	int64_t since_s;
};

struct books {
	const struct site *site;
	int64_t now_s, last_id;
	struct lease live[MAX_LIVE];
	size_t n;
	struct spell past[MAX_PAST];
	size_t n_past;
	struct debt debts[3]; /* of each team */
};

static const struct board *board_of(unsigned gpu)
{
	return board_by_id(gpu ? "a30-24gb" : "h100-sxm5-80gb");
}

static void forget_past(struct books *books)
{
	size_t kept = 0;

	for (size_t i = 0; i < books->n_past; i++)
		if (books->past[i].to_s > books->now_s - PAST_S)
			books->past[kept++] = books->past[i];
	assert_true(kept < MAX_PAST);
	books->n_past = kept;
}

static void end(struct books *books, size_t i)
{
	const struct lease *lease = &books->live[i];

	if (lease->state == HELD && books->now_s > lease->begins_s) {
		if (books->n_past == MAX_PAST)
			forget_past(books);
		books->past[books->n_past++] =
			(struct spell){lease->team, lease->user, lease->profile->compute_slices,
				       lease->begins_s, books->now_s};
	}
	memmove(&books->live[i], &books->live[i + 1], (--books->n - i) * sizeof(*lease));
}

static int64_t cut(int64_t from_s, int64_t to_s, int64_t begin_s, int64_t end_s)
{
	from_s = from_s > begin_s ? from_s : begin_s;
	to_s = to_s < end_s ? to_s : end_s;
	return to_s > from_s ? to_s - from_s : 0;
}

/* Slice-seconds of a team or (by_user) a user in a time; live ones count when asked for. */
static int64_t used(const struct books *books, size_t who, bool by_user, bool live, int64_t begin_s,
		    int64_t end_s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < books->n_past; i++) {
		const struct spell *spell = &books->past[i];

		if ((by_user ? spell->user : spell->team) == who)
			sum += spell->slices * cut(spell->from_s, spell->to_s, begin_s, end_s);
	}
	for (size_t i = 0; live && i < books->n; i++) {
		const struct lease *lease = &books->live[i];

		if (lease->state == HELD && (by_user ? lease->user : lease->team) == who)
			sum += lease->profile->compute_slices *
			       cut(lease->begins_s, lease->ends_s, begin_s, end_s);
	}
	return sum;
}

static void sum_up(const struct books *books, size_t who, bool by_user, uint32_t *ret_instances,
		   uint32_t *ret_slices)
{
	*ret_instances = *ret_slices = 0;
	for (size_t i = 0; i < books->n; i++) {
		const struct lease *lease = &books->live[i];

		if (lease->state != HELD || (by_user ? lease->user : lease->team) != who)
			continue;
		++*ret_instances;
		*ret_slices += lease->profile->compute_slices;
	}
}

/* ---- the line of a moment ---- */

static void fill_in_use(const struct books *books, size_t who, bool by_user, struct line_sum *sum)
{
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		int64_t begin_s, end_s;

		policy_period_around(per, books->now_s, &begin_s, &end_s);
		sum->ended_s[per] = used(books, who, by_user, false, begin_s, end_s);
	}
	for (size_t i = 0; i < books->n_past; i++) {
		const struct spell *spell = &books->past[i];

		if ((by_user ? spell->user : spell->team) == who)
			sum->past +=
				policy_past_fade(books->site->policy,
						 policy_past_of(books->site->policy, spell->slices,
								spell->to_s - spell->from_s),
						 books->now_s - spell->to_s);
	}
}

static void make_line(const struct books *books, struct line *line)
{
	line_init(line, books->site->policy, books->now_s);
	line->n_gpus = N_GPUS;
	for (unsigned g = 0; g < N_GPUS; g++)
		line->gpus[g] = (struct choose_gpu){.usable = true, .board = board_of(g)};
	for (size_t i = 0; i < books->n; i++) {
		const struct lease *lease = &books->live[i];
		struct choose_gpu *gpu = &line->gpus[lease->gpu];

		if (lease->state == WAITS) {
			line_add_waiter(line, &(struct line_waiter){
						      .lease = lease->id,
						      .team = lease->team,
						      .uid = lease->user,
						      .class_ = lease->class_,
						      .since_s = lease->since_s,
						      .time_s = lease->time_s,
					      });
			continue;
		}
		line_add_holder(line, &(struct line_holder){
					      .lease = lease->id,
					      .team = lease->team,
					      .uid = lease->user,
					      .class_ = lease->class_,
					      .slices = lease->profile->compute_slices,
					      .begins_s = lease->begins_s,
					      .has_ends = true,
					      .ends_s = lease->ends_s,
					      .reclaimed_for = lease->for_,
					      .was_ends_s = lease->was_ends_s,
				      });
		gpu->at[gpu->n++] = (struct choose_instance){
			.id = lease->id,
			.profile = lease->profile,
			.start = lease->start,
			.use = CHOOSE_HELD,
			.has_ends = true,
			.ends_s = lease->ends_s,
			.lease = lease->id,
		};
	}
	assert_int_equal(line_begin(line), 0);
	for (size_t t = 0; t < policy_n_teams(books->site->policy); t++)
		fill_in_use(books, t, false, &line->teams[t]);
	for (size_t u = 0; u < line->n_users; u++)
		fill_in_use(books, line->users[u].uid, true, &line->users[u]);
}

static struct lease *lease_of(struct books *books, int64_t id)
{
	for (size_t i = 0; i < books->n; i++)
		if (books->live[i].id == id)
			return &books->live[i];
	fail_msg("there is no lease %lld", (long long)id);
	return NULL;
}

static void reclaim(struct books *books, struct line *line)
{
	int64_t leases[LAYOUT_MAX], id;
	size_t n, waiter;

	while (line_withdraw(line, &id)) {
		lease_of(books, id)->for_ = 0;
		lease_of(books, id)->ends_s = lease_of(books, id)->was_ends_s;
	}
	while ((n = line_reclaim(line, &waiter, leases)))
		for (size_t i = 0; i < n; i++) {
			struct lease *lease = lease_of(books, leases[i]);

			lease->for_ = line->waiters[waiter].lease;
			lease->was_ends_s = lease->ends_s;
			lease->ends_s = books->now_s + policy_notice_s(books->site->policy);
			line_end_early(line, leases[i], lease->for_, lease->ends_s);
			n_reclaimed++;
		}
}

/* A share was given: this team's debt is paid, and it may cost the others one notice more. */
static void restart_debts(struct books *books, size_t team)
{
	uint32_t instances, slices;

	sum_up(books, team, false, &instances, &slices);
	if (slices > policy_team_at(books->site->policy, team)->guarantee)
		return;
	for (size_t t = 0; t < ARRAY_SIZE(books->debts); t++)
		books->debts[t].since_s = books->now_s;
}

static void pass(struct books *books)
{
	cleanup(line_done) struct line line = {0};
	struct choice choice;
	size_t waiter;

	make_line(books, &line);
	reclaim(books, &line);
	while (line_next(&line, &waiter, &choice)) {
		struct lease *lease = lease_of(books, line.waiters[waiter].lease);

		lease->state = HELD;
		lease->gpu = (unsigned)choice.gpu;
		lease->start = choice.start;
		lease->profile = choice.profile;
		lease->begins_s = books->now_s;
		lease->ends_s = books->now_s + lease->time_s;
		n_granted++;
		line_grant(&line, waiter, &choice);
		restart_debts(books, lease->team);
	}
}

/* ---- what must hold ---- */

static void check_places(const struct books *books)
{
	uint16_t taken[N_GPUS] = {0};

	for (size_t i = 0; i < books->n; i++) {
		const struct lease *lease = &books->live[i];
		uint16_t window;

		if (lease->state != HELD)
			continue;
		window = profile_window(lease->profile, lease->start);
		if (taken[lease->gpu] & window)
			fail_msg("two leases on one place of GPU %u", lease->gpu);
		taken[lease->gpu] |= window;
	}
}

static void check_limits(const struct books *books, size_t who, bool by_user,
			 const struct policy_quota *quota, const struct policy_hours *hours)
{
	uint32_t instances, slices;

	sum_up(books, who, by_user, &instances, &slices);
	assert_true(instances <= quota->instances);
	assert_true(slices <= quota->slices);
	for (int64_t at_s = books->now_s; hours->has && at_s <= books->now_s + MAX_TIME;) {
		int64_t begin_s, end_s;

		policy_period_around(hours->per, at_s, &begin_s, &end_s);
		assert_true(used(books, who, by_user, true, begin_s, end_s) <= hours->slice_s);
		at_s = end_s;
	}
}

static bool is_limited(const struct policy_team *team)
{
	return team->quota.instances != POLICY_UNLIMITED ||
	       team->quota.slices != POLICY_UNLIMITED ||
	       team->per_user.instances != POLICY_UNLIMITED ||
	       team->per_user.slices != POLICY_UNLIMITED || team->hours.has ||
	       team->hours_per_user.has;
}

/* Does one of the team wait for a slice that it is guaranteed, and none for more of it? */
static bool is_owed(const struct books *books, size_t t, uint32_t *ret_held)
{
	static const uint32_t least[] = {1, 2, 2, 4};
	const struct policy_team *team = policy_team_at(books->site->policy, t);
	uint32_t instances;
	bool owed = false;

	sum_up(books, t, false, &instances, ret_held);
	if (is_limited(team) || *ret_held + 1 > team->guarantee)
		return false;
	for (size_t i = 0; i < books->n; i++) {
		const struct lease *lease = &books->live[i];
		size_t c = (size_t)(lease->class_ - policy_class_at(books->site->policy, 0));

		if (lease->state != WAITS || lease->team != t)
			continue;
		if (c && *ret_held + least[c] <= team->guarantee)
			return false;
		owed |= !c;
	}
	return owed;
}

static void check_shares(struct books *books)
{
	for (size_t t = 0; t < policy_n_teams(books->site->policy); t++) {
		struct debt *debt = &books->debts[t];
		uint32_t held;

		if (!is_owed(books, t, &held) || held > debt->held || !debt->owed)
			*debt = (struct debt){is_owed(books, t, &held), held, books->now_s};
		if (debt->owed &&
		    books->now_s - debt->since_s > policy_notice_s(books->site->policy) + MARGIN_S)
			fail_msg("team %s has not had its guaranteed slice within the notice",
				 policy_team_at(books->site->policy, t)->name);
	}
}

static void check(struct books *books)
{
	check_places(books);
	for (size_t t = 0; t < policy_n_teams(books->site->policy); t++) {
		const struct policy_team *team = policy_team_at(books->site->policy, t);

		check_limits(books, t, false, &team->quota, &team->hours);
		for (unsigned u = 2 * (unsigned)t; u < 2 * t + 2; u++)
			check_limits(books, u, true, &team->per_user, &team->hours_per_user);
	}
	check_shares(books);
	for (size_t i = 0; i < books->n; i++)
		if (books->live[i].state == WAITS && books->now_s > books->live[i].bound_s)
			fail_msg("lease %lld waits longer than the bound",
				 (long long)books->live[i].id);
}

static void settle(struct books *books)
{
	for (size_t i = books->n; i-- > 0;)
		if (books->live[i].state == HELD && books->live[i].ends_s <= books->now_s)
			end(books, i);
	pass(books);
	check(books);
}

/* ---- what happens ---- */

static void let_time_pass(struct books *books, int64_t until_s)
{
	while (books->now_s < until_s) {
		int64_t next_s = until_s;

		for (size_t i = 0; i < books->n; i++)
			if (books->live[i].state == HELD && books->live[i].ends_s < next_s)
				next_s = books->live[i].ends_s;
		books->now_s = next_s;
		settle(books);
	}
}

/*
 * Nobody who comes later than that is put before it, and everybody who came before holds
 * a place for at most MAX_TIME, one after the other at worst. Where quotas and guarantees
 * keep somebody out, others than those in line decide.
 */
static int64_t bound_of(const struct books *books, const struct lease *lease)
{
	const struct policy_team *team = policy_team_at(books->site->policy, lease->team);
	int own = lease->class_->priority + team->priority;
	int64_t later_s = (books->site->highest - own + 1) * policy_age_s(books->site->policy);

	if (books->site->has_quotas || books->site->has_guarantees)
		return INT64_MAX;
	n_bounded++;
	/* At most MAX_LIVE are in line or hold at any time; as many may come until then. */
	return books->now_s + LINE_HOLD_S + later_s + (MAX_LIVE + 1) * (int64_t)MAX_TIME;
}

static void ask(struct books *books)
{
	unsigned user = draw(N_USERS);
	const char *class_name = classes[draw(draw(2) ? 4 : 2)];
	const struct policy_person person = {.uid = user, .name = users[user]};
	const struct policy_wish wish = {.class_name = class_name,
					 .reason = "",
					 .has_time = true,
					 .time_s = draw(2) ? MAX_TIME
							   : 60 * (1 + draw(MAX_TIME / 60))};
	const struct board *here[] = {board_of(0), board_of(1)};
	struct policy_holding holdings[MAX_LIVE];
	struct policy_terms terms;
	struct err err = ERR_INIT;
	struct lease *lease;
	size_t n = 0;

	if (books->n == MAX_LIVE)
		return;
	for (size_t i = 0; i < books->n; i++)
		if (books->live[i].state == HELD)
			holdings[n++] = (struct policy_holding){
				.lease = books->live[i].id,
				.uid = books->live[i].user,
				.user = users[books->live[i].user],
				.team = policy_team_at(books->site->policy, books->live[i].team)
						->name,
				.class_name = books->live[i].class_->name,
				.slices = books->live[i].profile->compute_slices,
				.ends_s = books->live[i].ends_s,
			};
	if (policy_admit(books->site->policy, &person, &wish, here, 2, holdings, n, &terms, &err)) {
		n_refused++;
		assert_true(strstr(err.rule, ".instances") || strstr(err.rule, ".slices"));
		return;
	}
	lease = &books->live[books->n++];
	*lease = (struct lease){
		.id = ++books->last_id,
		.team = user / 2,
		.user = user,
		.class_ = terms.class_,
		.since_s = books->now_s,
		.time_s = terms.time_s,
	};
	lease->bound_s = bound_of(books, lease);
	settle(books);
}

static void live(struct books *books)
{
	for (unsigned i = 0; i < n_events; i++) {
		unsigned what = draw(10);

		if (what < 5) {
			ask(books);
		} else if (what < 6 && books->n) {
			end(books, draw((unsigned)books->n));
			settle(books);
		} else {
			let_time_pass(books, books->now_s + draw(draw(4) ? 600 : 2 * HOUR));
		}
	}
}

static void all_rules_hold(void **state)
{
	struct books *books = malloc(sizeof(*books));

	(void)state;
	assert_non_null(books);
	for (unsigned i = 0; i < n_policies; i++) {
		struct site site;

		make_site(&site);
		*books = (struct books){.site = &site, .now_s = 1790000000};
		live(books);
		policy_free(site.policy);
	}
	print_message("# %u policies, %u events each: %u granted, %u given notice, %u refused, %u "
		      "with a bound\n",
		      n_policies, n_events, n_granted, n_reclaimed, n_refused, n_bounded);
	if (n_policies >= 100)
		assert_true(n_granted && n_reclaimed && n_refused && n_bounded);
	free(books);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rules_hold),
	};

	if (argc == 3) {
		n_policies = (unsigned)atoi(argv[1]);
		n_events = (unsigned)atoi(argv[2]);
	}
	setenv("TZ", "UTC", 1);
	return tap_run(tests);
}
