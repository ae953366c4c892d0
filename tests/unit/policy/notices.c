/* Who is told what by which way, in which words; and every mistake of the key. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-notices.h"

#define BASE                                                                  \
	"version: 1\nclasses: {small: {profiles: 1g}, full: {profiles: full}}\n" \
	"teams: {vision: {users: ann}, everyone: {}}\n"

static int parse(const char *tail, struct policy **ret, struct err *err)
{
	char yaml[2000];
	int len = snprintf(yaml, sizeof(yaml), BASE "%s\n", tail);

	assert_true(len < (int)sizeof(yaml));
	return policy_parse(yaml, (size_t)len, "p.yaml", ret, err);
}

#define T (1u << NOTICE_TERMINAL)
#define M (1u << NOTICE_MAIL)
#define W (1u << NOTICE_WEBHOOK)

static void who_is_told(void **state)
{
	static const char yaml[] =
		"notices:\n"
		"  send:\n"
		"    - {on: [granted, expiring], by: terminal}\n"
		"    - {on: expiring, by: [terminal, mail], teams: vision}\n"
		"    - {on: approval-needed, by: [mail, webhook], to: admins, classes: full}\n"
		"    - {on: gpu-lost, by: webhook, to: admins}\n"
		"    - {on: revoked, by: webhook}\n"
		"  quiet: {users: bob}\n"
		"  mail: {admins: [root, gpu@example.org]}\n"
		"  webhook: {url: 'https://x/y', secret_file: /etc/key}\n";
	static const struct {
		struct notice_about about;
		unsigned holder, admins;
	} cases[] = {
		{{"granted", "ann", "vision", "small"}, T, 0},
		{{"granted", "bob", "everyone", "small"}, 0, 0}, /* wants quiet */
		{{"expiring", "ann", "vision", "small"}, T | M, 0},
		{{"expiring", "cem", "everyone", "small"}, T, 0},
		{{"approval-needed", "cem", "everyone", "full"}, 0, M | W},
		{{"approval-needed", "bob", "everyone", "full"}, 0, M | W}, /* of no matter there */
		{{"approval-needed", "cem", "everyone", "small"}, 0, 0},
		{{"gpu-lost", NULL, NULL, NULL}, 0, W},
		{{"revoked", "ann", "vision", "small"}, W, 0},
		{{"revoked", NULL, NULL, NULL}, 0, 0}, /* nobody's */
		{{"created", "ann", "vision", "small"}, 0, 0},
	};
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (parse(yaml, &policy, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned holder, admins;

		policy_notice_ways(policy, &cases[i].about, &holder, &admins);
		if (holder != cases[i].holder || admins != cases[i].admins)
			fail_msg("%s of %s: %x %x", cases[i].about.kind, cases[i].about.user,
				 holder, admins);
	}
}

static void words(void **state)
{
	static const char *const values[TEMPLATE_NAME_COUNT] = {
		[TEMPLATE_USER] = "ann", [TEMPLATE_LEASE] = "12", [TEMPLATE_TEXT] = "{user}"};
	static const struct {
		const char *template, *filled;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"{user}", "ann"},
		{"lease {lease} of {user}.", "lease 12 of ann."},
		{"{{{user}}}", "{ann}"},
		{"{{user}}", "{user}"},
		{"{ends} {text}", "- {user}"}, /* what is filled in is not looked at again */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(text_done) struct text text = TEXT_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(template_check(cases[i].template, &err), 0);
		template_fill(cases[i].template, values, &text);
		assert_string_equal(text_str(&text), cases[i].filled);
	}
}

static void templates(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (parse("notices: {templates: {granted: 'have {class}'}}", &policy, &err))
		fail_msg("%s", err.text);
	assert_string_equal(policy_notice_template(policy, "granted"), "have {class}");
	assert_null(policy_notice_template(policy, "created"));
#define X(kind, template)                                                      \
	assert_int_equal(template_check(template, &err), 0);                   \
	assert_non_null(policy_notice_template(policy, kind));
	NOTICE_KINDS(X)
#undef X
}

#define N "notices: {send: [{"

static void mistakes(void **state)
{
	static const struct {
		const char *tail, *text, *hint;
	} cases[] = {
		{"notices: on", "p.yaml:4:10: 'notices' must be written as \"key: value\" lines",
		 "for example: notices: {send: [{on: granted, by: terminal}]}"},
		{"notices: {send: {on: granted}}", "p.yaml:4:17: 'send' must be a list of notices",
		 "for example: send: [{on: granted, by: terminal}]"},
		{N "on: grated, by: mail}]}", "p.yaml:4:23: nobody can be told of 'grated'",
		 "did you mean 'granted'?"},
		{N "on: stranger, by: mail}]}", "p.yaml:4:23: nobody can be told of 'stranger'",
		 "carve-notices(5) lists what there is"},
		{N "on: granted, by: post}]}", "p.yaml:4:36: 'post' is no way to tell somebody",
		 "terminal, mail or webhook"},
		{N "on: granted}]}", "p.yaml:4:18: a notice needs 'by'", ""},
		{N "on: granted, by: mail, to: all}]}", "p.yaml:4:46: 'all' is no 'to'",
		 "one of: holder, admins"},
		{N "on: granted, by: mail, teams: [visions]}]}",
		 "p.yaml:4:50: there is no team 'visions'", "see 'teams:'"},
		{N "on: granted, by: mail, classes: smal}]}",
		 "p.yaml:4:51: there is no class 'smal'", "see 'classes:'; aliases do not count here"},
		{N "on: granted, by: webhook}]}", "p.yaml:4:36: there is no 'webhook' to tell by", ""},
		{N "on: stuck, by: mail, to: admins}]}",
		 "p.yaml:4:34: no addresses of admins: 'mail' has no 'admins'", ""},
		{N "on: stuck, by: terminal, to: admins}]}",
		 "p.yaml:4:18: a terminal is the holder's; admins have none here",
		 "tell admins by mail or webhook"},
		{"notices: {mail: {command: sendmail}}",
		 "p.yaml:4:27: 'command' must be a whole path: /...", ""},
		{"notices: {mail: {admins: ['a b']}}", "p.yaml:4:27: 'a b' is no address of mail",
		 "letters, digits and . _ + - @, at most 200 of them"},
		{"notices: {mail: {from: '-t'}}", "p.yaml:4:24: '-t' is no address of mail",
		 "letters, digits and . _ + - @, at most 200 of them"},
		{"notices: {webhook: {url: 'ftp://x', secret_file: /k}}",
		 "p.yaml:4:26: 'url' must begin with https:// or http://", ""},
		{"notices: {webhook: {url: 'http://x'}}", "p.yaml:4:20: 'webhook' needs 'secret_file'",
		 ""},
		{"notices: {quiet: {teams: [red]}}", "p.yaml:4:27: there is no team 'red'",
		 "see 'teams:'"},
		{"notices: {per_hour: 0}", "p.yaml:4:21: per_hour 0 is not between 1 and 1000", ""},
		{"notices: {templates: {granted: '{usr}'}}",
		 "p.yaml:4:32: there is nothing to fill in for '{usr}'", "did you mean '{user}'?"},
		{"notices: {templates: {granted: 'a } b'}}", "p.yaml:4:32: a '}' stands alone",
		 "write {user} for something to fill in, {{ and }} for braces"},
		{"notices: {templates: {granted: '{user'}}", "p.yaml:4:32: a '{' stands alone",
		 "write {user} for something to fill in, {{ and }} for braces"},
		{"notices: {templates: {gone: x}}", "p.yaml:4:23: nobody can be told of 'gone'",
		 "carve-notices(5) lists what there is"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;

		if (parse(cases[i].tail, &policy, &err) != -ERR_INVALID)
			fail_msg("not a mistake: %s", cases[i].tail);
		if (strcmp(err.text, cases[i].text) || strcmp(err.hint, cases[i].hint))
			fail_msg("%s:\n  '%s' ('%s')\nnot\n  '%s' ('%s')", cases[i].tail, err.text,
				 err.hint, cases[i].text, cases[i].hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_told),
		cmocka_unit_test(words),
		cmocka_unit_test(templates),
		cmocka_unit_test(mistakes),
	};

	return tap_run(tests);
}
