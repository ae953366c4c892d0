/* From events to what people are told: once each, bounded, in the same transaction. */
#include "../ledger/ledger-test.h"

#include "base/array.h"
#include "notice/notice-fill.h"
#include "policy/policy.h"

static const char yaml[] =
	"version: 1\nclasses: {small: {profiles: 1g}}\nteams: {everyone: {}}\n"
	"notices:\n  per_hour: 2\n  mail: {domain: x.org, admins: [root, boss]}\n"
	"  webhook: {url: 'http://x', secret_file: /k}\n"
	"  send:\n"
	"    - {on: granted, by: [terminal, mail, webhook]}\n"
	"    - {on: granted, by: webhook, to: admins}\n"
	"    - {on: stuck, by: mail, to: admins}\n";

static struct policy *load(void)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void write_event(struct ledger *ledger, const struct policy *policy, const char *kind,
			const char *user, int64_t time_s, unsigned *dropped)
{
	const struct ledger_event event = {.time_s = time_s,
					   .kind = kind,
					   .has_uid = user != NULL,
					   .uid = 7,
					   .user = user,
					   .class_name = "small",
					   .text = "\xc3\xbc\n"};
	struct err err = ERR_INIT;

	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(notice_fill(ledger, policy, &event, "host", dropped, &err));
	assert_works(ledger_commit(ledger, &err));
}

static int64_t waiting(struct ledger *ledger, enum notice_way way)
{
	struct err err = ERR_INIT;
	int64_t n;

	assert_works(ledger_notices_waiting(ledger, notice_way_name(way), &n, &err));
	return n;
}

/* The next one that waits is taken for sent. */
static struct ledger_notice next(struct ledger *ledger, enum notice_way way, int64_t now_s)
{
	struct ledger_notice notice;
	struct err err = ERR_INIT;
	bool found;

	assert_works(ledger_notice_due(ledger, notice_way_name(way), now_s, &notice, &found, &err));
	assert_true(found);
	notice.state = NOTICE_SENT;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_notice_update(ledger, &notice, &err));
	assert_works(ledger_commit(ledger, &err));
	notice.state = NOTICE_WAITING;
	return notice;
}

static void test_rows(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	cleanup(policy_free) struct policy *policy = load();
	struct ledger_notice mail, line, hook;
	unsigned dropped = 0;

	(void)state;
	write_event(ledger, policy, "granted", "ann", 100, &dropped);
	write_event(ledger, policy, "created", "ann", 100, &dropped);
	mail = next(ledger, NOTICE_MAIL, 100);
	assert_string_equal(mail.recipient, "ann@x.org");
	assert_string_equal(mail.text, "lease -: your small is ready until -: \xc3\xbc ");
	line = next(ledger, NOTICE_TERMINAL, 100);
	assert_string_equal(line.recipient, "ann");
	assert_int_equal(line.uid, 7);
	hook = next(ledger, NOTICE_WEBHOOK, 100);
	assert_non_null(strstr(hook.text, "\"event\":1,\"kind\":\"granted\",\"time_s\":100,"));
	assert_non_null(strstr(hook.text, "\\u00FC"));
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++)
		assert_int_equal(waiting(ledger, way), 0); /* the webhook is told once */

	write_event(ledger, policy, "stuck", NULL, 100, &dropped);
	assert_string_equal(next(ledger, NOTICE_MAIL, 100).recipient, "root");
	assert_string_equal(next(ledger, NOTICE_MAIL, 100).recipient, "boss");
	write_event(ledger, policy, "granted", "a b\nTo: all", 100, &dropped);
	assert_int_equal(waiting(ledger, NOTICE_MAIL), 0); /* no header of a mail */
	assert_int_equal(dropped, 1);
}

static void test_flood(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	cleanup(policy_free) struct policy *policy = load();
	struct ledger_notice notice;
	struct err err = ERR_INIT;
	unsigned dropped = 0;
	char text[200];
	bool found;

	(void)state;
	for (int i = 0; i < 10; i++)
		write_event(ledger, policy, "granted", "ann", 1000 + i, &dropped);
	write_event(ledger, policy, "granted", "bob", 1010, &dropped); /* another person */
	assert_int_equal(waiting(ledger, NOTICE_MAIL), 2 + 1 + 1);
	assert_int_equal(waiting(ledger, NOTICE_WEBHOOK), 11);
	next(ledger, NOTICE_MAIL, 1010);
	next(ledger, NOTICE_MAIL, 1010);
	assert_string_equal(next(ledger, NOTICE_MAIL, 1010).recipient, "bob@x.org");
	assert_works(ledger_notice_due(ledger, "mail", 2000, &notice, &found, &err));
	assert_false(found); /* not before the hour is over */
	notice = next(ledger, NOTICE_MAIL, 1002 + NOTICE_HOUR_S);
	assert_string_equal(notice_text(text, sizeof(text), &notice),
			    "8 further notices in the last hour: carve log");
	write_event(ledger, policy, "granted", "ann", 1100 + NOTICE_HOUR_S, &dropped);
	assert_string_equal(next(ledger, NOTICE_MAIL, 1100 + NOTICE_HOUR_S).kind, "granted");
	assert_int_equal(dropped, 0);
}

static void test_bounded(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	cleanup(policy_free) struct policy *policy = load();
	struct err err = ERR_INIT;
	unsigned dropped = 0;
	int64_t left;

	(void)state;
	for (int i = 0; i < NOTICE_MAX_WAITING + 5; i++)
		write_event(ledger, policy, "granted", "ann", 1000, &dropped);
	assert_int_equal(waiting(ledger, NOTICE_WEBHOOK), NOTICE_MAX_WAITING);
	assert_int_equal(dropped, 5);
	/* What is settled is forgotten, what waits is not. */
	next(ledger, NOTICE_WEBHOOK, 1000);
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_notices_forget(ledger, 5000, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_notices_since(ledger, "webhook", "webhook", 0, &left, &err));
	assert_int_equal(left, NOTICE_MAX_WAITING - 1);
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_notices_forget(ledger, 1001 + 7 * 86400, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_int_equal(waiting(ledger, NOTICE_WEBHOOK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_bounded),
	};

	return tap_run(tests);
}
