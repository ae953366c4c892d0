/*
 * Any bytes as a policy file: a mistake has a place and printable words, and
 * whatever is accepted answers every question without contradicting itself.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/policy-changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_printable(const char *s)
{
	char printable[1024];

	text_printable(printable, sizeof(printable), s);
	assert(!strcmp(s, printable));
}

static void check_error(const struct err *err)
{
	assert(err->code == ERR_INVALID || err->code == ERR_TOO_LARGE);
	assert(!strncmp(err->text, "fuzz", 4) || err->text[0] == '\'');
	check_printable(err->text);
	check_printable(err->hint);
}

static void check_class(const struct policy *policy, const struct policy_class *class_)
{
	struct err err = ERR_INIT;

	assert(class_->time_s >= 60 && class_->time_s <= class_->max_time_s);
	assert(policy_class_find(policy, class_->name, &err) == class_);
	for (size_t i = 0; i < n_boards; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = policy_class_profiles(class_, &boards[i], profiles);

		assert(n <= boards[i].n_profiles);
		for (size_t k = 0; k < n; k++)
			assert(board_profile_by_name(&boards[i], profiles[k]->name) == profiles[k]);
	}
}

static void check_verdict(const struct policy *policy, const struct policy_class *class_)
{
	static const char *const groups[] = {"vision", "training"};
	const struct policy_person ann = {7, "ann", groups, ARRAY_SIZE(groups)};
	const struct policy_team *team = policy_team_of(policy, &ann);
	const struct policy_holding held[] = {
		{1, 7, "ann", team ? team->name : "x", "small", 1, 1000},
		{2, 8, "bob", team ? team->name : "x", "small", 3, 2000},
	};
	const struct policy_wish wish = {.class_name = class_->name, .reason = "a good reason"};
	const struct board *here[] = {&boards[0], &boards[n_boards / 2]};
	struct policy_terms terms = {0};
	struct err err = ERR_INIT;

	if (!policy_admit(policy, &ann, &wish, here, 2, held, 2, &terms, &err)) {
		assert(terms.class_ == class_ && terms.team == team && team);
		assert(terms.time_s == class_->time_s && terms.slices_left && terms.rule[0]);
		return;
	}
	assert(err.code == ERR_REFUSED || err.code == ERR_IMPOSSIBLE);
	assert(err.rule[0] && err.text[0]);
	check_printable(err.text);
	check_printable(err.hint);
}

static void check_queue(const struct policy *policy)
{
	struct policy_load loads[POLICY_MAX_TEAMS + 1] = {{1, 0.5}, {0, 3}};
	struct policy_waiter waiters[16];
	size_t order[16];
	unsigned seen = 0;

	for (size_t i = 0; i < 16; i++)
		waiters[i] = (struct policy_waiter){
			.lease = (int64_t)i,
			.team = i % (policy_n_teams(policy) + 1),
			.uid = i % 3,
			.load = (double)(i % 5),
			.since_s = (int64_t)i * 100000,
			.slices = (uint32_t)i % 4,
			.priority = policy_class_at(policy, i % policy_n_classes(policy))->priority,
		};
	policy_queue_order(policy, loads, waiters, 16, 2000000, order);
	for (size_t i = 0; i < 16; i++)
		seen |= 1u << order[i];
	assert(seen == 0xffff);
}

/* Half an hour is put on every 1000000 s, and taken off as often. */
static int64_t odd_zone(int64_t unix_s)
{
	return unix_s / 1000000 % 2 * 1800;
}

/* What is told to be the next moment is allowed, and the one before is not. */
static void check_changes(const struct policy *policy)
{
	const struct policy_changes *changes = policy_changes(policy);

	for (int64_t now_s = 1764000000; now_s < 1764000000 + 8 * 86400; now_s += 40000) {
		int64_t next_s = 0, ignored_s;

		if (policy_change_allowed(changes, odd_zone, now_s, &next_s))
			continue;
		assert(next_s > now_s && next_s < now_s + 15 * 86400);
		assert(policy_change_allowed(changes, odd_zone, next_s, &ignored_s));
		assert(!policy_change_allowed(changes, odd_zone, next_s - 1, &ignored_s));
		assert(ignored_s == next_s);
	}
}

static void check_words(const struct policy *policy)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	const struct board *here[] = {&boards[0], &boards[0], &boards[n_boards - 1]};

	policy_describe(policy, here, ARRAY_SIZE(here), &text);
	policy_notes(policy, &text);
	assert(text.len && text_is_utf8(text_str(&text), text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse((const char *)bytes, size, "fuzz", &policy, &err)) {
		check_error(&err);
		return 0;
	}
	assert(policy_n_classes(policy) && policy_n_teams(policy));
	for (size_t i = 0; i < policy_n_classes(policy); i++) {
		check_class(policy, policy_class_at(policy, i));
		check_verdict(policy, policy_class_at(policy, i));
	}
	check_queue(policy);
	check_changes(policy);
	check_words(policy);
	return 0;
}
