/*
 * Changes of the layout under a policy: in windows only, around those that are
 * protected, after those in the way were told to leave; and layouts for a time,
 * after which the one before comes back. Days of it, over restarts, and killed
 * at every step.
 */
#include "steward-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-rules.h"
#include "steward-steps.h"

#define HOUR	   3600
#define DAY	   86400
#define MOST_STEPS 5000

static const char *library;
static unsigned stride = 1;

#define SITE                                                                                       \
	"version: 1\nname: rules\nclasses:\n"                                                      \
	"  small: {profiles: 1g, time: 1h, max_time: 10d}\n"                                       \
	"  medium: {profiles: 2g, time: 4h, max_time: 10d}\n"                                      \
	"teams: {all: {users: [ann, bob, cem, dee]}}\n"

static const char weekend[] = SITE "changes: {windows: [{days: sat, from: 06:00, to: 18:00}]}\n";
static const char protecting[] = SITE "changes: {protect: {classes: medium}}\n";
static const char draining[] = SITE "changes: {deadline: 4h, notice: 1h}\n";

static void begin(struct host *host, const char *policy)
{
	static const char *const boards_[] = {"a30-24gb"};

	host_init(host, library, boards_, 1);
	host_reset(host, policy);
	host_up(host);
	host_settle(host);
}

static void end(struct host *host)
{
	host_agree(host);
	host_done(host);
}

static void restart(struct host *host)
{
	host_down(host);
	host_up(host);
	host_settle(host);
}

static int64_t gets(struct host *host, const char *who, const char *class_, int64_t time_s)
{
	int64_t lease = host_ask(host, who, &(struct host_ask){.class_ = class_, .time_s = time_s});

	if (!lease)
		fail_msg("%s gets no %s: %s", who, class_, host->err.text);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ACTIVE);
	return lease;
}

/* Returns the change, or a negative code. */
static int64_t ask(struct host *host, const char *word, struct steward_change_ask wanted)
{
	char copy[64], *words[] = {copy};
	struct wish_server server;
	struct wish wish;
	int64_t id = 0;
	int r;

	snprintf(copy, sizeof(copy), "%s", word);
	steward_change_server(&host->steward, &server);
	host->err = ERR_INIT;
	assert_int_equal(wish_from_words(words, 1, &server, &wish, &host->err), 0);
	wanted.wish = &wish;
	r = steward_change_start(&host->steward, host_person("dee"), &wanted, host->now_s, &id,
				 &host->err);
	return r ? r : id;
}

static int64_t applied(struct host *host, const char *word, struct steward_change_ask wanted)
{
	int64_t id = ask(host, word, wanted);

	if (id <= 0)
		fail_msg("%s: %s", word, host->err.text);
	return id;
}

static void expect_layout(const struct host *host, const char *words)
{
	cleanup(text_done) struct text now = TEXT_INIT;
	struct wish_gpu present;

	assert_true(steward_change_present(&host->steward, 0, &present));
	wish_write_gpu(&present, &now);
	assert_string_equal(text_str(&now), words);
}

struct counting {
	const char *kind;
	unsigned n;
};

static void count(const struct ledger_event *event, void *arg)
{
	struct counting *counting = arg;

	counting->n += !strcmp(event->kind, counting->kind);
}

static unsigned events(struct host *host, int64_t lease, const char *kind)
{
	struct ledger_event_filter filter = EVENT_FILTER_ALL;
	struct counting counting = {.kind = kind};
	struct err err = ERR_INIT;

	filter.lease = lease ? lease : -1;
	if (ledger_events(host->ledger, &filter, count, &counting, &err))
		fail_msg("%s", err.text);
	return counting.n;
}

static const struct steward_change *waiting(const struct host *host, int64_t id)
{
	const struct steward_change *change = steward_change_find(&host->steward, id);

	assert_true(change && change->row.state == CHANGE_WAITING);
	return change;
}

/* ---- windows ---- */

/* It begins on a Monday, 2026-09-21 14:13. */
static void test_only_in_windows(void **state)
{
	struct host host;
	int64_t id;

	(void)state;
	begin(&host, weekend);
	assert_int_equal(ask(&host, "gpu0=2g", (struct steward_change_ask){0}), -ERR_REFUSED);
	assert_string_equal(host.err.rule, "changes.windows");
	assert_string_equal(host.err.hint, "the next one begins at 2026-09-26 06:00; --when-open "
					   "waits for it, --now --reason TEXT does not");
	assert_int_equal(
		ask(&host, "gpu0=2g", (struct steward_change_ask){.at_once = true, .reason = ""}),
		-ERR_REFUSED);
	applied(&host, "gpu0=2g",
		(struct steward_change_ask){.at_once = true,
					    .reason = "the fans",
					    .has_until = true,
					    .until_s = host.now_s + HOUR});
	host_settle(&host);
	expect_layout(&host, "2g@0");
	host.now_s += HOUR; /* no window is open, and none was needed to begin with */
	host_settle(&host);
	expect_layout(&host, "empty");
	assert_int_equal(events(&host, 0, "overridden"), 1);
	id = applied(&host, "gpu0=4x1g", (struct steward_change_ask){.when_open = true});
	for (unsigned day = 21; day < 26; day++) {
		restart(&host);
		assert_non_null(strstr(waiting(&host, id)->row.why, "2026-09-26 06:00"));
		host.now_s += DAY;
	}
	/* Saturday 14:13; what is asked now is done now. */
	host_settle(&host);
	assert_null(steward_change_find(&host.steward, id));
	expect_layout(&host, "1g@0,1g@1,1g@2,1g@3");
	applied(&host, "gpu0=2g", (struct steward_change_ask){0});
	host_settle(&host);
	expect_layout(&host, "2g@0");
	end(&host);
}

/* Who is still there when the window closes makes the change wait for the next. */
static void test_a_window_that_closes(void **state)
{
	struct host host;
	int64_t id, ann;

	(void)state;
	begin(&host, weekend);
	ann = gets(&host, "ann", "medium", 6 * DAY);
	id = applied(&host, "gpu0=4x1g",
		     (struct steward_change_ask){.when_open = true, .wait = true});
	host.now_s += 5 * DAY;
	host_settle(&host);
	assert_non_null(strstr(waiting(&host, id)->row.why, "of ann"));
	host.now_s += 4 * HOUR;
	host_settle(&host);
	assert_non_null(strstr(waiting(&host, id)->row.why, "2026-10-03 06:00"));
	host_release(&host, "ann", ann);
	host_settle(&host);
	/* Until then the GPU is everybody's. */
	gets(&host, "bob", "small", HOUR);
	host.now_s += 7 * DAY - 4 * HOUR;
	host_settle(&host);
	expect_layout(&host, "1g@0,1g@1,1g@2,1g@3");
	end(&host);
}

/* ---- protected ---- */

static void test_protected_stay(void **state)
{
	struct host host;

	(void)state;
	begin(&host, protecting);
	gets(&host, "ann", "medium", DAY);
	assert_true(ask(&host, "gpu0=4x1g", (struct steward_change_ask){.drain = true}) < 0);
	if (!strstr(host.err.text, "lease 1 of ann, protected by changes.protect"))
		fail_msg("%s", host.err.text);
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 0);
	/* What leaves it alone is done. */
	applied(&host, "gpu0=2g,1g,1g", (struct steward_change_ask){.drain = true});
	host_settle(&host);
	expect_layout(&host, "2g@0,1g@2,1g@3");
	end(&host);
}

/* ---- drains ---- */

static void test_who_is_in_the_way(void **state)
{
	struct host host;
	int64_t id, ann, bob;

	(void)state;
	begin(&host, draining);
	ann = gets(&host, "ann", "medium", 5 * DAY);
	bob = gets(&host, "bob", "small", 5 * DAY);
	assert_int_equal(ask(&host, "gpu0=3x1g,1g", (struct steward_change_ask){0}), -ERR_BUSY);
	id = applied(&host, "gpu0=4x1g", (struct steward_change_ask){.drain = true});
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(events(&host, ann, "drain-notice"), 1);
	assert_int_equal(events(&host, bob, "drain-notice"), 0);
	assert_int_equal(host_renew(&host, "ann", ann, 6 * DAY), -ERR_REFUSED);
	restart(&host);
	host.now_s += 3 * HOUR;
	host_settle(&host);
	assert_int_equal(events(&host, ann, "drain-notice"), 2);
	waiting(&host, id);
	host.now_s += HOUR;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	assert_int_equal(host_state(&host, bob), LEASE_ACTIVE);
	assert_null(steward_change_find(&host.steward, id));
	expect_layout(&host, "1g@0,1g@1,1g@2,1g@3");
	assert_int_equal(host.steward.n_drains, 0);
	end(&host);
}

/* A change that is given up drains no more. */
static void test_given_up(void **state)
{
	struct host host;
	struct err err = ERR_INIT;
	int64_t id, ann;

	(void)state;
	begin(&host, draining);
	ann = gets(&host, "ann", "medium", 5 * DAY);
	id = applied(&host, "gpu0=4x1g", (struct steward_change_ask){.drain = true});
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(steward_change_cancel(&host.steward, host_person("dee"), id, host.now_s,
					       &err),
			 0);
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 0);
	host.now_s += DAY;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	end(&host);
}

/* ---- for a time ---- */

static void test_until(void **state)
{
	struct host host;
	int64_t ann, until_s, back;

	(void)state;
	begin(&host, draining);
	applied(&host, "gpu0=4x1g", (struct steward_change_ask){0});
	host_settle(&host);
	until_s = host.now_s + 2 * DAY;
	applied(&host, "gpu0=2g,2g",
		(struct steward_change_ask){
			.has_until = true, .until_s = until_s, .reason = "the course"});
	host_settle(&host);
	expect_layout(&host, "2g@0,2g@2");
	restart(&host);
	assert_non_null(steward_return_of(&host.steward, 0));
	back = steward_return_of(&host.steward, 0)->row.id;
	assert_int_equal(waiting(&host, back)->row.not_before_s, until_s);
	/* The GPU is everybody's until then. */
	ann = gets(&host, "ann", "medium", 5 * DAY);
	/* So long before that there is time to leave until then. */
	host.now_s = until_s - 4 * HOUR - 30;
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 0);
	host.now_s += 30;
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(host.steward.drains[0].row.deadline_s, until_s);
	restart(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	host.now_s = until_s;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	expect_layout(&host, "1g@0,1g@1,1g@2,1g@3");
	assert_int_equal(host.steward.n_drains + host.steward.n_changes + host.steward.n_returns, 0);
	restart(&host);
	assert_null(steward_return_of(&host.steward, 0));
	end(&host);
}

static void test_longer_or_for_ever(void **state)
{
	struct host host;
	struct err err = ERR_INIT;
	int64_t until_s, back;

	(void)state;
	begin(&host, draining);
	until_s = host.now_s + DAY;
	applied(&host, "gpu0=2g",
		(struct steward_change_ask){.has_until = true, .until_s = until_s});
	host_settle(&host);
	back = steward_return_of(&host.steward, 0)->row.id;
	assert_int_equal(ask(&host, "gpu0=4x1g", (struct steward_change_ask){0}), -ERR_BUSY);
	assert_non_null(strstr(host.err.text, "the layout of GPU 0 is temporary"));
	gets(&host, "ann", "medium", 5 * DAY);
	host.now_s = until_s - HOUR;
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(steward_change_move(&host.steward, host_person("dee"), back,
					     until_s + DAY, host.now_s, &err),
			 0);
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 0);
	restart(&host);
	host.now_s = until_s + HOUR;
	host_settle(&host);
	expect_layout(&host, "2g@0");
	assert_int_equal(steward_change_cancel(&host.steward, host_person("dee"), back, host.now_s,
					       &err),
			 0);
	restart(&host);
	host.now_s += 2 * DAY;
	host_settle(&host);
	expect_layout(&host, "2g@0");
	assert_int_equal(steward_change_move(&host.steward, host_person("dee"), back, host.now_s,
					     host.now_s, &err),
			 -ERR_NOT_FOUND);
	assert_int_equal(ask(&host, "gpu0=4x1g",
			     (struct steward_change_ask){.has_until = true,
							 .until_s = host.now_s}),
			 -ERR_INVALID);
	end(&host);
}

/* ---- killed at every step ---- */

static void tale(struct host *host)
{
	host_settle(host);
	ask(host, "gpu0=2g,1g", (struct steward_change_ask){0});
	host_settle(host);
	ask(host, "gpu0=4x1g",
	    (struct steward_change_ask){.has_until = true, .until_s = host->now_s + DAY});
	host_settle(host);
	host_ask(host, "ann", &(struct host_ask){.class_ = "small", .time_s = 5 * DAY});
	host_settle(host);
	host->now_s += DAY - 4 * HOUR;
	host_settle(host);
	host->now_s += 4 * HOUR;
	host_settle(host);
}

struct asked {
	bool temporary;
	unsigned returns, unended;
};

static void look_at(const struct ledger_change *row, void *arg)
{
	struct asked *asked = arg;

	asked->temporary |= row->has_until;
	asked->returns += row->has_returns;
	asked->unended += !change_state_ended(row->state);
}

/* Whoever was asked for a layout for a day has the one before two days later. */
static void find_it_again(struct host *host, unsigned step)
{
	struct asked asked = {0};
	struct err err = ERR_INIT;

	host_up(host);
	host_agree(host);
	host->now_s += DAY;
	host_agree(host);
	host->now_s += DAY;
	host_agree(host);
	if (ledger_changes(host->ledger, -1, false, 0, look_at, &asked, &err))
		fail_msg("%s", err.text);
	if (asked.returns != asked.temporary || asked.unended)
		fail_msg("step %u: %u returns, %u under way", step, asked.returns, asked.unended);
	if (asked.temporary)
		expect_layout(host, "2g@0,1g@2");
	assert_int_equal(host->steward.n_drains + host->steward.n_changes, 0);
	host_down(host);
}

static void test_killed(void **state)
{
	static const char *const boards_[] = {"a30-24gb"};
	struct host host;

	(void)state;
	host_init(&host, library, boards_, 1);
	for (unsigned after = 0; after < 2; after++) {
		unsigned step = 1, every = (after ? 2 : 15) * stride;
		bool killed = true;

		for (; killed; step += every) {
			assert_true(step < MOST_STEPS);
			host_reset(&host, draining);
			host.eager = true;
			killed = host_told_until_killed(&host, tale, step, after);
			find_it_again(&host, step);
		}
		print_message("# killed %s each of %u steps, by %u\n", after ? "after" : "before",
			      step - 1, every);
		assert_true(step > 50);
	}
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_in_windows),	  cmocka_unit_test(test_a_window_that_closes),
		cmocka_unit_test(test_protected_stay),	  cmocka_unit_test(test_who_is_in_the_way),
		cmocka_unit_test(test_given_up),	  cmocka_unit_test(test_until),
		cmocka_unit_test(test_longer_or_for_ever), cmocka_unit_test(test_killed),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
