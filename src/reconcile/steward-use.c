/*
 * steward-use.c - what teams and people have used lately
 *
 * Two sums for each: the slice-seconds of ended leases in the present day, week and
 * month, for quotas in slice-hours; and, for the order of the queue, the slices they held
 * lately on average, where what is older counts less: a lease of s slices held for t adds
 * s x (1 - 2^(-t / half-life)), and that halves with each half-life after its end. Both
 * are read from the ledger once, and kept as leases end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ledger/ledger-spells.h"
#include "policy/policy-grant.h"
#include "reconcile/steward-use.h"

#define HALF_LIVES 12 /* what is older than so many does not matter */

struct use_entry {
	bool is_team;
	char team[LEDGER_NAME];
	uid_t uid;
	int64_t ended_s[POLICY_PERIODS];
	double past;
};

struct use {
	struct use_entry *entries; /* sorted */
	size_t n, cap;
	int64_t at_s; /* past is as of then, and these are the periods around it: */
	int64_t begin_s[POLICY_PERIODS], end_s[POLICY_PERIODS];
	unsigned policy_load;
	const struct policy *policy;
};

static int compare_entries(const void *a, const void *b)
{
	const struct use_entry *x = a, *y = b;

	if (x->is_team != y->is_team)
		return x->is_team ? -1 : 1;
	if (x->is_team)
		return strcmp(x->team, y->team);
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static const struct use_entry *find(const struct use *use, const char *team, uid_t uid)
{
	struct use_entry key = {.is_team = team, .uid = uid};

	if (team)
		snprintf(key.team, sizeof(key.team), "%s", team);
	return use->n ? bsearch(&key, use->entries, use->n, sizeof(key), compare_entries) : NULL;
}

/* NULL: no memory; it then counts for less than it is until the next start. */
static struct use_entry *find_or_add(struct use *use, const char *team, uid_t uid)
{
	struct use_entry *found = (struct use_entry *)(uintptr_t)find(use, team, uid);
	struct use_entry key = {.is_team = team, .uid = uid};
	size_t at = 0;

	if (found)
		return found;
	if (team)
		snprintf(key.team, sizeof(key.team), "%s", team);
	if (array_reserve(&use->entries, &use->cap, use->n, sizeof(*use->entries)))
		return NULL;
	while (at < use->n && compare_entries(&use->entries[at], &key) < 0)
		at++;
	memmove(&use->entries[at + 1], &use->entries[at], (use->n - at) * sizeof(key));
	use->entries[at] = key;
	use->n++;
	return &use->entries[at];
}

static void add(struct use *use, struct use_entry *entry, const struct ledger_spell *spell)
{
	if (!entry)
		return;
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		int64_t from_s =
			spell->from_s > use->begin_s[per] ? spell->from_s : use->begin_s[per];

		if (spell->to_s > from_s)
			entry->ended_s[per] += spell->slices * (spell->to_s - from_s);
	}
	entry->past += policy_past_fade(
		use->policy,
		policy_past_of(use->policy, spell->slices, spell->to_s - spell->from_s),
		use->at_s - spell->to_s);
}

static void add_spell(const struct ledger_spell *spell, void *arg)
{
	struct use *use = arg;

	add(use, find_or_add(use, spell->team, 0), spell);
	add(use, find_or_add(use, NULL, spell->uid), spell);
}

static void read_ledger(const struct steward *steward, struct use *use, int64_t now_s)
{
	int64_t since_s;
	struct err ignored = ERR_INIT;

	use->n = 0;
	use->at_s = now_s;
	use->policy_load = steward->policy_load;
	use->policy = steward->policy;
	since_s = now_s - HALF_LIVES * policy_half_life_s(steward->policy);
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		policy_period_around(per, now_s, &use->begin_s[per], &use->end_s[per]);
		since_s = use->begin_s[per] < since_s ? use->begin_s[per] : since_s;
	}
	/* A ledger that cannot be read stops other things than this one. */
	ledger_spells(steward->ledger, since_s, add_spell, use, &ignored);
}

static void let_time_pass(struct use *use, int64_t now_s)
{
	for (size_t i = 0; i < use->n; i++)
		use->entries[i].past =
			policy_past_fade(use->policy, use->entries[i].past, now_s - use->at_s);
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		if (now_s < use->end_s[per])
			continue;
		policy_period_around(per, now_s, &use->begin_s[per], &use->end_s[per]);
		for (size_t i = 0; i < use->n; i++)
			use->entries[i].ended_s[per] = 0;
	}
	use->at_s = now_s;
}

static const struct use *use_at(const struct steward *steward, int64_t now_s)
{
	struct use *use = steward->use;

	if (use->policy_load != steward->policy_load || now_s < use->at_s)
		read_ledger(steward, use, now_s); /* another policy, or a clock set back */
	else if (now_s > use->at_s)
		let_time_pass(use, now_s);
	return use;
}

int steward_use_init(struct steward *steward)
{
	steward->use = calloc(1, sizeof(*steward->use));
	return steward->use ? 0 : -1;
}

void steward_use_done(struct steward *steward)
{
	if (steward->use)
		free(steward->use->entries);
	free(steward->use);
	steward->use = NULL;
}

void steward_use_ended(struct steward *steward, const struct ledger_lease *row,
		       const struct ledger_instance *instance)
{
	struct use *use = steward->use;
	const struct ledger_spell spell = {
		.team = row->team,
		.uid = row->uid,
		.slices = instance->slices,
		.from_s = row->granted_s,
		.to_s = row->ended_s,
	};

	if (!row->has_granted || spell.to_s <= spell.from_s)
		return;
	use_at(steward, row->ended_s); /* in the ledger it still lives */
	add_spell(&spell, use);
}

void steward_use_of(const struct steward *steward, const char *team, uid_t uid, int64_t now_s,
		    struct steward_used *ret)
{
	const struct use_entry *entry = find(use_at(steward, now_s), team, uid);

	*ret = (struct steward_used){0};
	if (!entry)
		return;
	memcpy(ret->ended_s, entry->ended_s, sizeof(ret->ended_s));
	ret->past = entry->past;
}

/* ---- quotas ---- */

static bool is_of(const struct ledger_lease *row, const char *team, uid_t uid)
{
	return team ? !strcmp(row->team, team) : row->uid == uid;
}

/* What lives, of a team or (NULL) of a person. except: until now_s only, as if it ended. */
static struct policy_spell *live_spells(const struct steward *steward, const char *team, uid_t uid,
					int64_t except, int64_t now_s, size_t *ret_n)
{
	struct policy_spell *spells = calloc(steward->n_leases + 1, sizeof(*spells));

	*ret_n = 0;
	for (size_t i = 0; spells && i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;
		const struct steward_instance *instance =
			row->has_instance ? steward_instance_at(steward, row->instance) : NULL;
		int64_t to_s = steward_lease_ends_s(row, now_s);

		/* One that was given notice may have its old end again. */
		if (row->state == LEASE_ACTIVE && steward->leases[i]->reclaim.lease)
			to_s = steward->leases[i]->reclaim.was_ends_s;
		if (!instance || row->state < LEASE_GRANTING || row->state == LEASE_ENDED ||
		    !is_of(row, team, uid))
			continue;
		if (row->id == except || to_s < now_s)
			to_s = now_s;
		spells[(*ret_n)++] = (struct policy_spell){
			.slices = instance->row.slices,
			.from_s = row->has_granted ? row->granted_s : now_s,
			.to_s = to_s,
		};
	}
	return spells;
}

static struct policy_spell *use_now(const struct steward *steward, const char *team, uid_t uid,
				    int64_t except, int64_t now_s, struct policy_use *ret)
{
	struct policy_spell *spells;
	struct steward_used used;

	steward_use_of(steward, team, uid, now_s, &used);
	*ret = (struct policy_use){0};
	memcpy(ret->ended_s, used.ended_s, sizeof(ret->ended_s));
	spells = live_spells(steward, team, uid, except, now_s, &ret->n);
	ret->spells = spells;
	return spells;
}

int steward_check_hours(const struct steward *steward, uid_t uid, int64_t except,
			const struct policy_hours_wish *wish, uint32_t *ret_slices, struct err *err)
{
	cleanup(free) struct policy_spell *of_team = NULL, *of_person = NULL;
	struct policy_use team_use, person_use;

	*ret_slices = POLICY_UNLIMITED;
	if (!wish->team || (!wish->team->hours.has && !wish->team->hours_per_user.has))
		return 0;
	of_team = use_now(steward, wish->team->name, 0, except, wish->now_s, &team_use);
	of_person = use_now(steward, NULL, uid, except, wish->now_s, &person_use);
	if (!of_team || !of_person)
		return fail(err, ERR_NOMEM, "no memory for %zu leases", steward->n_leases);
	return policy_check_hours(wish, &team_use, &person_use, ret_slices, err);
}

int steward_bound_hours(const struct steward *steward, uid_t uid, const char *user, int64_t now_s,
			struct policy_terms *terms, struct err *err)
{
	const struct board *here[BACKEND_MAX_GPUS];
	const struct policy_hours_wish wish = {
		.team = terms->team,
		.class_name = terms->class_->name,
		.service = policy_is_service(terms->team, user),
		.slices = policy_least_slices(terms->class_, here, steward_boards(steward, here)),
		.now_s = now_s,
		.time_s = terms->time_s,
	};
	uint32_t slices;
	int r = steward_check_hours(steward, uid, 0, &wish, &slices, err);

	if (!r && slices < terms->slices_left)
		terms->slices_left = slices;
	return r;
}
