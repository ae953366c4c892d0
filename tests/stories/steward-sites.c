/*
 * The policies of examples/sites, each lived for two months
 *
 * First a day as the site's pages tell it: what is granted, what waits, what is
 * refused and by which rule. Then sixty days in which everybody asks for anything
 * at any time: nobody holds more than his rules say, who is refused is told a
 * rule or that there is no room, and everything that was promised is kept.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"

#define DAY_S  86400
#define HOUR_S 3600
#define MONDAY 1790553600 /* 2026-09-28, 00:00 UTC; the clock begins a week before */

static const char *library, *folder;
static unsigned days = 60;

enum act { ASKS, WAITS, RENEWS, RELEASES };

/* At that hour of the first days; expect: a state, "refused" for want of room, or the rule. */
struct scene {
	double hour;
	const char *who;
	enum act act;
	const char *class_;
	double hours; /* 0: the class's own time */
	const char *expect;
};

#define MAX_SCENES 40

struct site {
	const char *file;
	const char *boards[8];
	const char *group[4];	   /* of ann, bob, cem and dee; NULL: in none */
	struct policy_field field; /* given with each request */
	struct {
		const char *class_; /* NULL: of all together */
		unsigned n;
	} most[6]; /* that one person may hold */
	struct scene scenes[MAX_SCENES];
};

static const struct site sites[] = {
	{"alliance-narval",
	 {"a100-sxm4-40gb", "a100-sxm4-40gb"},
	 {"rrg", "def", "def", NULL},
	 .scenes = {{9, "ann", ASKS, "a100-3g", 0, "active"},
		    {9, "bob", ASKS, "a100-5gb", 0, "active"},
		    {9, "cem", ASKS, "half", 168, "active"},
		    {9, "cem", ASKS, "a100-1g", 169, "classes.a100-1g.max_time"},
		    {9, "dee", ASKS, "a100-1g", 0, "teams"},
		    {9, "ann", ASKS, "a100", 0, "refused"},
		    {10, "ann", WAITS, "a100", 0, "queued"},
		    {14, "ann", WAITS, "a100-2g", 0, "active"}}},
	{"alliance-fir",
	 {"h100-sxm5-80gb", "h100-sxm5-80gb"},
	 {"rrg", "def", "def", "def"},
	 .field = {"account", "def-ann"},
	 .scenes = {{9, "ann", ASKS, "h100-3g", 0, "active"},
		    {9, "bob", ASKS, "h100-20gb", 0, "active"},
		    {9, "cem", ASKS, "h100-1g", 0, "active"},
		    {9, "dee", ASKS, "h100-10gb", 0, "active"},
		    {9, "dee", ASKS, "h100", 0, "active"},
		    {9, "ann", ASKS, "h100", 0, "refused"}}},
	{"csc-mahti",
	 {"a100-sxm4-40gb", "a100-sxm4-40gb", "a100-sxm4-40gb"},
	 {"course", "course", "projects", NULL},
	 .most = {{"slice", 1}},
	 /* 21 slices, 14 of them the course's from 8 to 17 */
	 .scenes = {{6, "cem", ASKS, "slice", 37, "classes.slice.max_time"},
		    {6, "cem", ASKS, "slice", 0, "active"},
		    {6, "cem", ASKS, "slice", 0, "classes.slice.limits.per_user"},
		    {6, "cem", ASKS, "gpu", 1, "active"},
		    {6, "dee", ASKS, "slice", 0, "teams"},
		    {9, "ann", ASKS, "slice", 0, "active"},
		    {9, "bob", ASKS, "slice", 0, "active"},
		    {9, "ann", ASKS, "gpu", 0, "teams.course.classes"},
		    {9, "cem", ASKS, "gpu", 0, "reservations.deep-learning"},
		    {18, "cem", ASKS, "gpu", 0, "active"}}},
	{"csc-roihu",
	 {"gh200-96gb", "gh200-96gb"},
	 {"projects", "projects", "projects", NULL},
	 .most = {{"gpuinteractive", 1}},
	 .scenes = {{9, "ann", ASKS, "gpuinteractive", 0, "active"},
		    {9, "ann", ASKS, "gpuinteractive", 0, "classes.gpuinteractive.limits.per_user"},
		    {9, "bob", ASKS, "gpuinteractive", 13, "classes.gpuinteractive.max_time"},
		    {9, "cem", ASKS, "gpu", 0, "active"},
		    {9, "dee", ASKS, "gpuinteractive", 0, "teams"},
		    {12, "ann", ASKS, "gpuinteractive", 0, "active"}}},
	{"curc-alpine",
	 {"a100-sxm4-40gb", "h200-nvl-141gb", "rtx-pro-6000-blackwell-server", "h200-nvl-141gb",
	  "h200-nvl-141gb"},
	 {"alpine", "alpine", "alpine", "alpine"},
	 .most = {{"testing", 1},
		  {"h200-3g", 4},
		  {"h200-2g", 6},
		  {"h200-2g-long", 2},
		  {"rtx-2g", 4},
		  {"rtx-1g", 7}},
	 .scenes = {{9, "ann", ASKS, "testing", 0, "active"},
		    {9, "ann", ASKS, "testing", 0, "classes.testing.limits.per_user"},
		    {9, "ann", ASKS, "h200-3g", 0, "active"},
		    {9, "ann", ASKS, "h200-2g-long", 0, "active"},
		    {9, "ann", ASKS, "h200-2g-long", 0, "active"},
		    {9, "ann", ASKS, "h200-2g-long", 0, "classes.h200-2g-long.limits.per_user"},
		    {9, "bob", ASKS, "testing", 2, "classes.testing.max_time"},
		    {9, "bob", ASKS, "rtx-1g", 0, "active"},
		    {9, "bob", ASKS, "rtx-2g", 0, "active"},
		    {9, "bob", ASKS, "rtx-2g", 0, "refused"}}},
	{"nhr-goettingen",
	 {"a100-sxm4-40gb", "a100-sxm4-40gb"},
	 {"nhr-projects", "nhr-projects", "nhr-projects", NULL},
	 .most = {{"slice", 1}, {"slice-large", 1}},
	 .scenes = {{9, "ann", ASKS, "slice", 0, "active"},
		    {9, "ann", ASKS, "slice", 0, "classes.slice.limits.per_user"},
		    {9, "bob", ASKS, "slice-large", 0, "active"},
		    {9, "cem", ASKS, "slice-large", 13, "classes.slice-large.max_time"},
		    {9, "cem", ASKS, "card", 0, "active"},
		    {9, "dee", ASKS, "slice", 0, "teams"}}},
	{"imec-gpulab",
	 {"a100-sxm4-80gb", "a100-sxm4-80gb"},
	 {"students", "research", "students", NULL},
	 .most = {{"session", 2}},
	 .scenes = {{9, "ann", ASKS, "session", 0, "active"},
		    {9, "ann", ASKS, "session", 0, "teams.students.per_user.instances"},
		    {9, "ann", ASKS, "job", 0, "teams.students.classes"},
		    {9, "bob", ASKS, "session", 73, "classes.session.max_time"},
		    {9, "bob", ASKS, "session", 0, "active"},
		    {9, "bob", ASKS, "session", 0, "active"},
		    {9, "bob", ASKS, "session", 0, "classes.session.limits.per_user"},
		    {10, "bob", RENEWS, "session", 24, "active"},
		    {11, "bob", RENEWS, "session", 24, "active"},
		    {12, "bob", RENEWS, "session", 24, "classes.session.renew.times"},
		    {12, "bob", WAITS, "card", 25, "requested"},
		    {12, "bob", ASKS, "card", 0, "active"}}},
	{"uva-gpu-mig",
	 {"a100-sxm4-80gb", "a100-sxm4-80gb", "a100-sxm4-80gb"},
	 {"rc", NULL, NULL, NULL},
	 .most = {{NULL, 14}},
	 .scenes = {{9, "bob", ASKS, "gpu-mig", 0, "active"},
		    {9, "bob", ASKS, "gpu-mig", 73, "classes.gpu-mig.max_time"},
		    {9, "cem", ASKS, "gpu-mig", 72, "active"},
		    {9, "dee", ASKS, "large", 0, "not-found"}}},
};

/* ---- a site ---- */

#define PEOPLE 4

static void open_site(const struct site *site, struct host *host, char **ret_text)
{
	static const char *const names[PEOPLE] = {"ann", "bob", "cem", "dee"};
	static struct policy_person crowd[PEOPLE];
	struct err err = ERR_INIT;
	char path[512];
	size_t n = 0;

	for (size_t i = 0; i < PEOPLE; i++)
		crowd[i] = (struct policy_person){.uid = 1001 + (uid_t)i,
						  .name = names[i],
						  .groups = &site->group[i],
						  .n_groups = site->group[i] != NULL};
	host_people(crowd, PEOPLE);
	snprintf(path, sizeof(path), "%s/%s.yaml", folder, site->file);
	if (file_read(path, 1 << 20, ret_text, NULL, &err))
		fail_msg("%s", err.text);
	while (site->boards[n])
		n++;
	host_init(host, library, site->boards, n);
	host_reset(host, *ret_text);
	host->policies_change = true; /* what waits for an approval may run out */
	host_up(host);
	host_settle(host);
}

static void agree(struct host *host)
{
	struct err err = ERR_INIT;

	if (host_check(host, &err))
		fail_msg("%s", err.text);
}

/* Ticks on the way: what is due at some time happens then, not at the end. */
static void pass_until(struct host *host, int64_t when_s)
{
	while (host->now_s + HOUR_S < when_s) {
		host->now_s += HOUR_S;
		host_settle(host);
	}
	if (host->now_s < when_s)
		host->now_s = when_s;
	host_settle(host);
}

static const struct steward_lease *lease_of(struct host *host, const char *who, const char *class_)
{
	for (size_t i = host->steward.n_leases; i-- > 0;) {
		const struct steward_lease *lease = host->steward.leases[i];

		if (lease->row.state != LEASE_ENDED && !strcmp(lease->row.user, who) &&
		    (!class_ || !strcmp(lease->row.class_name, class_)))
			return lease;
	}
	return NULL;
}

/* ---- the day its pages tell ---- */

static const char *told(const struct host *host, int r)
{
	if (!r)
		return "active";
	if (host->err.rule[0])
		return host->err.rule;
	return host->err.code == ERR_NO_ROOM ? "refused" : err_name(host->err.code);
}

static const char *asks(struct host *host, const struct site *site, const struct scene *scene)
{
	int64_t id = host_ask(host, scene->who,
			      &(struct host_ask){.class_ = scene->class_,
						 .time_s = (int64_t)(scene->hours * HOUR_S),
						 .wait = scene->act == WAITS,
						 .field = site->field});

	if (!id)
		return told(host, -1);
	host_settle(host);
	return lease_state_name(host_state(host, id));
}

static const char *play(struct host *host, const struct site *site, const struct scene *scene)
{
	const struct steward_lease *lease;

	if (scene->act == ASKS || scene->act == WAITS)
		return asks(host, site, scene);
	lease = lease_of(host, scene->who, scene->class_);
	if (!lease)
		return "nothing";
	return told(host, scene->act == RELEASES
				  ? host_release(host, scene->who, lease->row.id)
				  : host_renew(host, scene->who, lease->row.id,
					       (int64_t)(scene->hours * HOUR_S)));
}

static void tell_the_day(struct host *host, const struct site *site)
{
	for (const struct scene *scene = site->scenes; scene->who; scene++) {
		const char *said;

		pass_until(host, MONDAY + (int64_t)(scene->hour * HOUR_S));
		said = play(host, site, scene);
		if (strcmp(said, scene->expect) != 0)
			fail_msg("%s, %g h (%" PRId64 " s): %s and %s: %s, not %s (%s)", site->file, scene->hour, host->now_s - MONDAY,
				 scene->who, scene->class_, said, scene->expect, host->err.text);
		agree(host);
	}
}

/* ---- sixty days ---- */

static uint64_t seed = 7;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void anybody_asks(struct host *host, const struct site *site, unsigned *granted)
{
	static const char *const names[PEOPLE] = {"ann", "bob", "cem", "dee"};
	const struct policy *policy = host->steward.policy;
	size_t class_ = roll((unsigned)policy_n_classes(policy));
	const struct policy_class *wanted = policy_class_at(policy, class_);
	int64_t id = host_ask(host, names[roll(PEOPLE)],
			      &(struct host_ask){.class_ = wanted->name,
						 .time_s = HOUR_S * (1 + (int64_t)roll(30)),
						 .wait = roll(2) == 0,
						 .field = site->field});

	if (!id && !host->err.rule[0] && host->err.code != ERR_NO_ROOM &&
	    host->err.code != ERR_IMPOSSIBLE)
		fail_msg("%s: a refusal without a rule: %s", site->file, host->err.text);
	if (!id && !host->err.text[0])
		fail_msg("%s: a refusal without a reason", site->file);
	host_settle(host);
	granted[class_] += id && host_state(host, id) == LEASE_ACTIVE;
}

static void anybody_leaves(struct host *host)
{
	const struct steward_lease *lease;

	if (!host->steward.n_leases)
		return;
	lease = host->steward.leases[roll((unsigned)host->steward.n_leases)];
	if (lease->row.state < LEASE_ENDING)
		host_release(host, lease->row.user, lease->row.id);
	host_settle(host);
}

/* What the pages say of one person holds at every moment. */
static void check_limits(struct host *host, const struct site *site)
{
	const struct steward *steward = &host->steward;

	for (size_t m = 0; m < ARRAY_SIZE(site->most) && site->most[m].n; m++) {
		const char *class_ = site->most[m].class_;
		unsigned held[PEOPLE] = {0};

		for (size_t i = 0; i < steward->n_leases; i++) {
			const struct ledger_lease *row = &steward->leases[i]->row;

			if (row->has_instance && (!class_ || !strcmp(row->class_name, class_)))
				held[row->uid - 1001]++;
		}
		for (size_t p = 0; p < PEOPLE; p++)
			if (held[p] > site->most[m].n)
				fail_msg("%s: %u of %s held, %u allowed", site->file, held[p],
					 class_ ? class_ : "all", site->most[m].n);
	}
}

static void live(struct host *host, const struct site *site)
{
	unsigned granted[POLICY_MAX_CLASSES] = {0};

	for (unsigned day = 1; day <= days; day++) {
		for (unsigned i = 0; i < 6; i++) {
			pass_until(host, host->now_s + (int64_t)roll(2 * DAY_S / 6));
			if (roll(3))
				anybody_asks(host, site, granted);
			else
				anybody_leaves(host);
			check_limits(host, site);
		}
		if (day % 10 == 0) {
			agree(host);
			host_down(host);
			host_up(host);
			host_settle(host);
		}
	}
	for (size_t i = 0; i < policy_n_classes(host->steward.policy); i++)
		if (!granted[i])
			fail_msg("%s: nobody ever got %s", site->file,
				 policy_class_at(host->steward.policy, i)->name);
}

static void a_site_lives(void **state)
{
	const struct site *site = *state;
	cleanup(free) char *text = NULL;
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	open_site(site, host, &text);
	tell_the_day(host, site);
	live(host, site);
	agree(host);
	host_done(host);
	free(host);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ARRAY_SIZE(sites)];

	setenv("TZ", "UTC", 1);
	tzset();
	if (argc < 3)
		return 2;
	library = argv[1];
	folder = argv[2];
	if (argc > 3)
		days = (unsigned)atoi(argv[3]);
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		tests[i] = (struct CMUnitTest){.name = sites[i].file,
					       .test_func = a_site_lives,
					       .initial_state = (void *)&sites[i]};
	return tap_run(tests);
}
