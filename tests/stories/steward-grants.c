/*
 * The life of a lease by the rules of its class: asked for, approved or not,
 * warned, renewed, over; and what the ledger tells of it.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "steward-steps.h"

#define HOUR 3600
#define DAY  86400

static const char *library;

#define TEAMS                                                                                      \
	"teams:\n  vision: {users: [ann, bob]}\n  language: {users: [cem, dee]}\n"

static const char rules[] =
	"version: 1\nname: grants\nadmins: {users: dee}\napprovers: {users: bob}\n"
	"fields: {project: {required: yes, classes: medium}}\n"
	"classes:\n"
	"  small: {profiles: 1g, time: 1h, max_time: 12h, warn: 10m,\n"
	"          renew: {times: 1, not_while_others_wait: yes}}\n"
	"  medium: {profiles: 2g, time: 4h}\n"
	"  full: {profiles: full, time: 2h, max_time: 4d, approval: {over_time: 1d, expire: 2d}}\n"
	TEAMS;

static const char rules_less[] =
	"version: 1\nname: less\nclasses:\n"
	"  small: {profiles: 1g, time: 1h, max_time: 12h}\n"
	"  full: {profiles: full, time: 2h, max_time: 4d}\n" TEAMS;

static const char rules_more[] =
	"version: 1\nname: more\nadmins: {users: dee}\nclasses:\n"
	"  small: {profiles: 1g, time: 1h, max_time: 12h}\n"
	"  full: {profiles: full, time: 2h, max_time: 4d, approval: required}\n" TEAMS;

static void begin(struct host *host)
{
	static const char *const boards_[] = {"a30-24gb"};

	host_init(host, library, boards_, 1);
	host_reset(host, rules);
	host_up(host);
	host_settle(host);
}

static void end(struct host *host)
{
	host_agree(host);
	host_done(host);
}

static int64_t asks(struct host *host, const char *who, const char *class_, int64_t time_s)
{
	int64_t lease = host_ask(
		host, who, &(struct host_ask){.class_ = class_, .time_s = time_s, .wait = true});

	if (!lease)
		fail_msg("%s may not ask for %s: %s", who, class_, host->err.text);
	host_settle(host);
	return lease;
}

static void later(struct host *host, int64_t seconds)
{
	host->now_s += seconds;
	host_settle(host);
}

static int answer(struct host *host, const char *who, int64_t lease, bool approve,
		  const char *reason)
{
	int r;

	host->err = ERR_INIT;
	r = steward_answer(&host->steward, host_person(who), lease, approve, reason, host->now_s,
			   &host->err);
	host_settle(host);
	return r;
}

/* ---- what the ledger tells ---- */

static void add_kind(const struct ledger_event *event, void *arg)
{
	if (strcmp(event->kind, "created") != 0 && strcmp(event->kind, "destroyed") != 0)
		text_addf(arg, "%s ", event->kind);
}

static void expect_life(struct host *host, int64_t lease, const char *kinds)
{
	struct ledger_event_filter filter = EVENT_FILTER_ALL;
	cleanup(text_done) struct text text = TEXT_INIT;
	struct err err = ERR_INIT;

	filter.lease = lease;
	assert_int_equal(ledger_events(host->ledger, &filter, add_kind, &text, &err), 0);
	assert_string_equal(text_str(&text), kinds);
}

struct last {
	const char *kind;
	char by[LEDGER_NAME], rule[64], text[LEDGER_TEXT];
};

static void keep_last(const struct ledger_event *event, void *arg)
{
	struct last *last = arg;

	if (strcmp(event->kind, last->kind) != 0)
		return;
	snprintf(last->by, sizeof(last->by), "%s", event->by ? event->by : "");
	snprintf(last->rule, sizeof(last->rule), "%s", event->rule ? event->rule : "");
	snprintf(last->text, sizeof(last->text), "%s", event->text ? event->text : "");
}

static void expect_event(struct host *host, int64_t lease, const char *kind, const char *by,
			 const char *rule, const char *words)
{
	struct ledger_event_filter filter = EVENT_FILTER_ALL;
	struct last last = {.kind = kind};
	struct err err = ERR_INIT;

	filter.lease = lease;
	assert_int_equal(ledger_events(host->ledger, &filter, keep_last, &last, &err), 0);
	assert_string_equal(last.by, by);
	assert_string_equal(last.rule, rule);
	if (!strstr(last.text, words))
		fail_msg("%s says '%s', not '%s'", kind, last.text, words);
}

static const struct ledger_lease *row(struct host *host, int64_t lease)
{
	const struct steward_lease *found = steward_lease_at(&host->steward, lease);

	assert_non_null(found);
	return &found->row;
}

/* ---- approvals ---- */

static void test_an_approved_request_is_served(void **state)
{
	struct host host;
	int64_t lease, other;

	(void)state;
	begin(&host);
	lease = asks(&host, "cem", "full", 2 * DAY);
	assert_int_equal(host_state(&host, lease), LEASE_REQUESTED);
	/* It holds nothing and takes nobody's turn. */
	other = asks(&host, "ann", "full", HOUR);
	assert_int_equal(host_state(&host, other), LEASE_ACTIVE);
	assert_int_equal(answer(&host, "ann", lease, true, "why not"), -ERR_DENIED);
	assert_int_equal(answer(&host, "cem", lease, true, "please"), -ERR_DENIED);
	assert_int_equal(answer(&host, "bob", lease, true, " "), -ERR_INVALID);
	assert_int_equal(answer(&host, "bob", 99, true, "x"), -ERR_NOT_FOUND);
	assert_int_equal(answer(&host, "bob", lease, true, "the deadline"), 0);
	assert_int_equal(host_state(&host, lease), LEASE_QUEUED);
	assert_int_equal(answer(&host, "bob", lease, false, "no"), -ERR_STALE);
	/* It is remembered over a crash. */
	host_down(&host);
	host_up(&host);
	later(&host, HOUR);
	assert_int_equal(host_state(&host, other), LEASE_ENDED);
	assert_int_equal(host_state(&host, lease), LEASE_ACTIVE);
	assert_string_equal(row(&host, lease)->approver, "bob");
	assert_string_equal(row(&host, lease)->approval_reason, "the deadline");
	expect_event(&host, lease, "approved", "bob", "classes.full.approval.over_time",
		     "the deadline");
	expect_event(&host, lease, "granted", "", "classes.full", "for 2d");
	expect_life(&host, lease, "requested approval-needed approved queued granted ");
	end(&host);
}

static void test_a_denied_request_is_over(void **state)
{
	struct host host;
	int64_t lease, held;

	(void)state;
	begin(&host);
	lease = asks(&host, "bob", "full", 2 * DAY);
	assert_int_equal(answer(&host, "bob", lease, true, "mine"), -ERR_DENIED);
	assert_string_equal(host.err.text, "nobody answers a request of his own");
	assert_int_equal(answer(&host, "dee", lease, false, "a medium will do"), 0);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	expect_event(&host, lease, "denied", "dee", "classes.full.approval.over_time",
		     "denied by dee: a medium will do");
	/* Nothing else was on the way, so the GPU is free. */
	held = asks(&host, "ann", "full", HOUR);
	assert_int_equal(host_state(&host, held), LEASE_ACTIVE);
	end(&host);
}

static void test_nobody_answers(void **state)
{
	struct host host;
	int64_t lease, withdrawn;

	(void)state;
	begin(&host);
	lease = asks(&host, "cem", "full", 2 * DAY);
	withdrawn = asks(&host, "cem", "full", 3 * DAY);
	assert_int_equal(host_release(&host, "cem", withdrawn), 0);
	expect_life(&host, withdrawn, "requested approval-needed released ended ");
	later(&host, 2 * DAY - 60);
	assert_int_equal(host_state(&host, lease), LEASE_REQUESTED);
	later(&host, 120);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	expect_event(&host, lease, "denied", "carved", "classes.full.approval.expire",
		     "nobody answered within 2d");
	end(&host);
}

/* Another policy: what needed an approval does not, and the other way round. */
static void test_another_policy_changes_who_must_ask(void **state)
{
	struct host host;
	int64_t lease, held, later_one;

	(void)state;
	begin(&host);
	lease = asks(&host, "cem", "full", 2 * DAY);
	host_set_policy(&host, rules_less);
	later(&host, 10);
	assert_int_equal(host_state(&host, lease), LEASE_ACTIVE);
	held = lease;
	later_one = asks(&host, "ann", "full", HOUR);
	assert_int_equal(host_state(&host, later_one), LEASE_QUEUED);
	host_set_policy(&host, rules_more);
	assert_int_equal(host_state(&host, held), LEASE_ACTIVE);
	assert_int_equal(host_state(&host, later_one), LEASE_REQUESTED);
	assert_int_equal(answer(&host, "dee", later_one, true, "fine"), 0);
	host_release(&host, "cem", held);
	later(&host, 10);
	assert_int_equal(host_state(&host, later_one), LEASE_ACTIVE);
	end(&host);
}

/* A command that waits for an approval ends: so does its request. */
static void test_who_waits_for_an_approval_may_die(void **state)
{
	struct host host;
	size_t holder;
	int64_t lease;

	(void)state;
	begin(&host);
	holder = host_sleeper(&host);
	lease = host_ask(&host, "cem",
			 &(struct host_ask){.class_ = "full",
					    .time_s = 2 * DAY,
					    .hold = true,
					    .pid = host.sleepers[holder]});
	assert_int_equal(lease, 0);
	assert_string_equal(host.err.rule, "classes.full.approval.over_time");
	lease = host_ask(&host, "cem",
			 &(struct host_ask){.class_ = "full",
					    .time_s = 2 * DAY,
					    .hold = true,
					    .wait = true,
					    .pid = host.sleepers[holder]});
	assert_int_equal(host_state(&host, lease), LEASE_REQUESTED);
	host_end_sleeper(&host, holder);
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	end(&host);
}

/* ---- fields, warnings, renewals ---- */

static void test_fields_are_kept(void **state)
{
	struct host host;
	int64_t lease;

	(void)state;
	begin(&host);
	assert_int_equal(host_ask(&host, "ann", &(struct host_ask){.class_ = "medium"}), 0);
	assert_string_equal(host.err.rule, "fields.project.required");
	lease = host_ask(&host, "ann",
			 &(struct host_ask){.class_ = "medium", .field = {"project", "a \"b\" \\"}});
	assert_int_not_equal(lease, 0);
	host_settle(&host);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	assert_string_equal(row(&host, lease)->fields, "{\"project\": \"a \\\"b\\\" \\\\\"}");
	end(&host);
}

static void test_a_lease_is_warned_renewed_and_over(void **state)
{
	struct host host;
	int64_t lease, waiting, full;

	(void)state;
	begin(&host);
	lease = asks(&host, "ann", "small", HOUR);
	later(&host, 45 * 60);
	assert_false(row(&host, lease)->has_warned);
	later(&host, 6 * 60);
	assert_true(row(&host, lease)->has_warned);
	expect_event(&host, lease, "expiring", "carved", "classes.small.warn", "ends at ");
	later(&host, 60);
	expect_life(&host, lease, "requested granted expiring "); /* told once */

	full = asks(&host, "cem", "full", HOUR);
	assert_int_equal(host_state(&host, full), LEASE_QUEUED);
	waiting = host_renew(&host, "ann", lease, 2 * HOUR);
	assert_int_equal(waiting, 0); /* who waits, waits for another class */
	assert_false(row(&host, lease)->has_warned);
	assert_int_equal(row(&host, lease)->renewals, 1);
	assert_int_equal(host_renew(&host, "ann", lease, HOUR), 0); /* shorter is no renewal */
	assert_int_equal(host_renew(&host, "ann", lease, 2 * HOUR), -ERR_REFUSED);
	assert_string_equal(host.err.rule, "classes.small.renew.times");
	later(&host, 51 * 60);
	later(&host, 10 * 60);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	expect_life(&host, lease,
		    "requested granted expiring renewed renewed expiring expired ended ");
	end(&host);
}

static void test_others_go_first(void **state)
{
	struct host host;
	int64_t lease, all[4], waiting;

	(void)state;
	begin(&host);
	lease = asks(&host, "ann", "small", HOUR);
	for (size_t i = 0; i < 3; i++)
		all[i] = asks(&host, "bob", "small", 3 * HOUR);
	waiting = asks(&host, "cem", "small", HOUR);
	assert_int_equal(host_state(&host, waiting), LEASE_QUEUED);
	assert_int_equal(host_renew(&host, "ann", lease, 2 * HOUR), -ERR_REFUSED);
	assert_string_equal(host.err.rule, "classes.small.renew.not_while_others_wait");
	host_release(&host, "bob", all[0]);
	later(&host, 10);
	assert_int_equal(host_state(&host, waiting), LEASE_ACTIVE);
	assert_int_equal(host_renew(&host, "ann", lease, 2 * HOUR), 0);
	end(&host);
}

static void test_an_admin_revokes(void **state)
{
	struct host host;
	int64_t lease;

	(void)state;
	begin(&host);
	lease = asks(&host, "ann", "small", HOUR);
	assert_int_equal(host_release(&host, "cem", lease), -ERR_DENIED);
	assert_int_equal(host_release(&host, "dee", lease), 0);
	later(&host, 10);
	expect_life(&host, lease, "requested granted revoked ended ");
	end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_approved_request_is_served),
		cmocka_unit_test(test_a_denied_request_is_over),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_another_policy_changes_who_must_ask),
		cmocka_unit_test(test_who_waits_for_an_approval_may_die),
		cmocka_unit_test(test_fields_are_kept),
		cmocka_unit_test(test_a_lease_is_warned_renewed_and_over),
		cmocka_unit_test(test_others_go_first),
		cmocka_unit_test(test_an_admin_revokes),
	};

	library = argc > 1 ? argv[1] : NULL;
	steps_watch_ledgers();
	return tap_run(tests);
}
