#include "policy/policy-diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-refusal.h"

const char *policy_effect_name(enum policy_effect_kind kind)
{
	static const char *const names[] = {
#define X(kind, name, meaning) [POLICY_EFFECT_##kind] = name,
		POLICY_EFFECTS(X)
#undef X
	};

	return (unsigned)kind < POLICY_EFFECT_COUNT ? names[kind] : "unknown";
}

void policy_diff_done(struct policy_diff *diff)
{
	free(diff->changes);
	free(diff->effects);
	*diff = (struct policy_diff){0};
}

/* ---- the files ---- */

static bool same_node(const struct yaml_node *a, const struct yaml_node *b)
{
	const struct yaml_node *x, *y;

	if (a->kind != b->kind || a->n != b->n || !a->key != !b->key ||
	    (a->key && strcmp(a->key, b->key) != 0) || strcmp(a->text, b->text) != 0)
		return false;
	for (x = a->first, y = b->first; x && y; x = x->next, y = y->next)
		if (!same_node(x, y))
			return false;
	return !x && !y;
}

static int add_change(struct policy_diff *diff, const char *parent, const char *key,
		      const char *what)
{
	struct policy_change *change;

	if (array_reserve(&diff->changes, &diff->cap_changes, diff->n_changes,
			  sizeof(*diff->changes)))
		return -1;
	change = &diff->changes[diff->n_changes++];
	change->what = what;
	snprintf(change->key, sizeof(change->key), "%s%s%s", parent ? parent : "",
		 parent ? "." : "", key);
	return 0;
}

/* Maps of names are compared name by name. */
static bool has_names(const char *key)
{
	return !strcmp(key, "classes") || !strcmp(key, "teams") || !strcmp(key, "fields") ||
	       !strcmp(key, "reservations");
}

static int compare_maps(const struct yaml_node *old, const struct yaml_node *new_,
			const char *parent, struct policy_diff *diff)
{
	int r = 0;

	for (const struct yaml_node *node = old->first; !r && node; node = node->next) {
		const struct yaml_node *other = yaml_node_get(new_, node->key);

		if (!other)
			r = add_change(diff, parent, node->key, "removed");
		else if (!parent && has_names(node->key) && node->kind == YAML_MAP &&
			 other->kind == YAML_MAP)
			r = compare_maps(node, other, node->key, diff);
		else if (!same_node(node, other))
			r = add_change(diff, parent, node->key, "changed");
	}
	for (const struct yaml_node *node = new_->first; !r && node; node = node->next)
		if (!yaml_node_get(old, node->key))
			r = add_change(diff, parent, node->key, "added");
	return r;
}

/* ---- what it means ---- */

/* One policy's view of what there is. */
struct view {
	const struct policy *policy;
	const struct board *const *boards;
	size_t n_boards_here;
	const struct policy_subject *subjects;
	size_t n;
};

static int add_effect(struct policy_diff *diff, enum policy_effect_kind kind,
		      const struct policy_subject *subject, const char *rule, const char *text)
{
	struct policy_effect *effect;

	if (array_reserve(&diff->effects, &diff->cap_effects, diff->n_effects,
			  sizeof(*diff->effects)))
		return -1;
	effect = &diff->effects[diff->n_effects++];
	*effect = (struct policy_effect){.kind = kind, .lease = subject->holding.lease};
	snprintf(effect->team, sizeof(effect->team), "%s", subject->holding.team);
	snprintf(effect->user, sizeof(effect->user), "%s", subject->holding.user);
	snprintf(effect->rule, sizeof(effect->rule), "%s", rule);
	snprintf(effect->text, sizeof(effect->text), "%s", text);
	return 0;
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

static enum policy_effect_kind kind_of(const struct err *err)
{
	if (err->code == ERR_NOT_FOUND)
		return POLICY_EFFECT_CLASS_GONE;
	if (ends_in(err->rule, ".max_time"))
		return POLICY_EFFECT_TOO_LONG;
	if (!strcmp(err->rule, "teams") || ends_in(err->rule, ".allow") ||
	    ends_in(err->rule, ".classes"))
		return POLICY_EFFECT_NO_ACCESS;
	return POLICY_EFFECT_REFUSED;
}

/* As if it were asked for now, by one who holds nothing. */
static int judge_asking(const struct view *view, const struct policy_subject *subject,
			struct policy_diff *diff)
{
	const struct policy_wish wish = {.class_name = subject->holding.class_name,
					 .checked = true,
					 .reason = subject->reason,
					 .has_time = true,
					 .time_s = subject->time_s};
	struct policy_terms terms;
	struct err err = ERR_INIT;
	char text[sizeof(err.text)];

	if (policy_admit(view->policy, subject->person, &wish, view->boards, view->n_boards_here, NULL,
			 0, &terms, &err)) {
		snprintf(text, sizeof(text), "%s: %.440s",
			 subject->waits ? "leaves the queue" : "ends at its time, and is not "
							       "given again",
			 err.text);
		return add_effect(diff, kind_of(&err), subject,
				  err.rule[0] ? err.rule : "classes", text);
	}
	if (!subject->waits || !terms.approval[0] || subject->approved)
		return 0;
	return add_effect(diff, POLICY_EFFECT_APPROVAL, subject, terms.approval,
			  "waits until somebody approves it");
}

static int judge(const struct view *view, const struct policy_subject *subject,
		 struct policy_diff *diff)
{
	const struct policy_team *team = policy_team_of(view->policy, subject->person);
	char text[200];
	int r = judge_asking(view, subject, diff);

	if (!r && subject->has_gpu &&
	    !policy_manages_gpu(view->policy, subject->gpu_index, subject->gpu_uuid,
				subject->gpu_board)) {
		snprintf(text, sizeof(text), "goes on, but GPU %u is no longer managed",
			 subject->gpu_index);
		r = add_effect(diff, POLICY_EFFECT_NOT_MANAGED, subject, "gpus", text);
	}
	if (!r && team && strcmp(team->name, subject->holding.team) != 0) {
		snprintf(text, sizeof(text), "counts for team %s; the next one for team %s",
			 subject->holding.team, team->name);
		r = add_effect(diff, POLICY_EFFECT_OTHER_TEAM, subject, "teams", text);
	}
	return r;
}

/* ---- quotas ---- */

static int check_quota(const struct view *view, const struct policy_team *team,
		       const struct policy_subject *first, bool per_user, struct policy_diff *diff)
{
	const struct policy_quota *quota = per_user ? &team->per_user : &team->quota;
	struct policy_quota held = {0};
	struct policy_subject about = *first;
	bool by_slices;
	char text[240], rule[80];

	for (size_t i = 0; i < view->n; i++) {
		const struct policy_holding *holding = &view->subjects[i].holding;

		if (view->subjects[i].waits || strcmp(holding->team, team->name) != 0 ||
		    (per_user && holding->uid != first->holding.uid))
			continue;
		held.instances++;
		held.slices = add_capped(held.slices, holding->slices);
	}
	by_slices = held.slices > quota->slices;
	if (!by_slices && held.instances <= quota->instances)
		return 0;
	snprintf(text, sizeof(text), "%s %s holds %u of %u %s: nothing more until leases end",
		 per_user ? "user" : "team", per_user ? first->holding.user : team->name,
		 by_slices ? held.slices : held.instances,
		 by_slices ? quota->slices : quota->instances, by_slices ? "slices" : "instances");
	snprintf(rule, sizeof(rule), "teams.%s.%s.%s", team->name, per_user ? "per_user" : "quota",
		 by_slices ? "slices" : "instances");
	about.holding.lease = 0;
	if (!per_user)
		about.holding.user = "";
	return add_effect(diff, POLICY_EFFECT_OVER_QUOTA, &about, rule, text);
}

/* Is it the first lease of its team, or of its person in the team? */
static bool is_first(const struct view *view, size_t at, bool per_user)
{
	const struct policy_holding *holding = &view->subjects[at].holding;

	for (size_t i = 0; i < at; i++) {
		const struct policy_holding *other = &view->subjects[i].holding;

		if (!view->subjects[i].waits && !strcmp(other->team, holding->team) &&
		    (!per_user || other->uid == holding->uid))
			return false;
	}
	return true;
}

static int judge_all(const struct view *view, struct policy_diff *diff)
{
	int r = 0;

	for (size_t i = 0; !r && i < view->n; i++)
		r = judge(view, &view->subjects[i], diff);
	for (size_t i = 0; !r && i < view->n; i++) {
		const struct policy_subject *subject = &view->subjects[i];
		const struct policy_team *team = team_by_name(view->policy, subject->holding.team);

		if (subject->waits || !team)
			continue;
		if (is_first(view, i, false))
			r = check_quota(view, team, subject, false, diff);
		if (!r && is_first(view, i, true))
			r = check_quota(view, team, subject, true, diff);
	}
	return r;
}

/* ---- only what is new ---- */

static bool is_known(const struct policy_diff *before, const struct policy_effect *effect)
{
	for (size_t i = 0; i < before->n_effects; i++) {
		const struct policy_effect *other = &before->effects[i];

		if (other->kind == effect->kind && other->lease == effect->lease &&
		    !strcmp(other->team, effect->team) && !strcmp(other->user, effect->user))
			return true;
	}
	return false;
}

int policy_diff(const struct policy *old, const struct policy *new_,
		const struct board *const *boards_here, size_t n_boards_here,
		const struct policy_subject *subjects, size_t n, struct policy_diff *ret)
{
	cleanup(policy_diff_done) struct policy_diff before = {0}, after = {0};
	size_t kept = 0;
	int r;

	r = compare_maps(yaml_doc_root(old->doc), yaml_doc_root(new_->doc), NULL, &after);
	r = r ? r : judge_all(&(struct view){old, boards_here, n_boards_here, subjects, n}, &before);
	r = r ? r : judge_all(&(struct view){new_, boards_here, n_boards_here, subjects, n}, &after);
	for (size_t i = 0; i < after.n_effects; i++)
		if (!is_known(&before, &after.effects[i]))
			after.effects[kept++] = after.effects[i];
	after.n_effects = kept;
	if (r)
		return r;
	*ret = after;
	after = (struct policy_diff){0};
	return 0;
}
