/* What a policy allows, but perhaps does not mean. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy-part.h"

#define MAX_REPEATED 20 /* people named in two teams that are shown */

/* ---- the same person in two teams ---- */

struct mention {
	const char *what, *word;
	size_t team;
};

static int compare_mentions(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;
	int order = strcmp(x->what, y->what);

	order = order ? order : strcmp(x->word, y->word);
	return order ? order : x->team < y->team ? -1 : x->team > y->team;
}

static size_t list_mentions(const struct policy *policy, struct mention *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_teams; i++) {
		const struct policy_members *members = &policy->teams[i].match->members;

		WORDS_EACH(word, members->users) {
			if (ret)
				ret[n] = (struct mention){"user", word->text, i};
			n++;
		}
		WORDS_EACH(word, members->groups) {
			if (ret)
				ret[n] = (struct mention){"group", word->text, i};
			n++;
		}
	}
	return n;
}

static void note_repeated(const struct policy *policy, struct text *ret)
{
	size_t n = list_mentions(policy, NULL), shown = 0;
	cleanup(free) struct mention *mentions = calloc(n + 1, sizeof(*mentions));

	if (!mentions)
		return;
	list_mentions(policy, mentions);
	qsort(mentions, n, sizeof(*mentions), compare_mentions);
	for (size_t i = 1; i < n && shown < MAX_REPEATED; i++) {
		const struct mention *a = &mentions[i - 1], *b = &mentions[i];

		if (strcmp(a->what, b->what) != 0 || strcmp(a->word, b->word) != 0 ||
		    a->team == b->team)
			continue;
		text_addf(ret, "%s '%s' is in team %s, which counts, and in team %s\n", a->what,
			  a->word, policy->teams[a->team].name, policy->teams[b->team].name);
		shown++;
	}
}

/* ---- classes ---- */

/* Does it give nothing but whole GPUs, wherever it is served? */
static bool gives_whole_gpus(const struct policy_class *class_)
{
	for (size_t i = 0; i < n_boards; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = policy_class_profiles(class_, &boards[i], profiles);

		for (size_t k = 0; k < n; k++)
			if (!profile_is_whole_gpu(&boards[i], profiles[k]))
				return false;
	}
	return true;
}

static bool somebody_may_use(const struct policy *policy, const struct policy_class *class_)
{
	for (size_t i = 0; i < policy->n_teams; i++)
		if (team_may_use(policy, &policy->teams[i], class_))
			return true;
	return false;
}

static void note_class(const struct policy *policy, const struct policy_class *class_,
		       struct text *ret)
{
	const struct policy_members *allow = &class_->match->allow;

	if (!somebody_may_use(policy, class_))
		text_addf(ret, "class '%s': no team may ask for it\n", class_->name);
	if (!class_->restricted && gives_whole_gpus(class_))
		text_addf(ret, "class '%s': whole GPUs for everybody; 'allow' would restrict it\n",
			  class_->name);
	WORDS_EACH(word, allow->teams)
		if (!team_may_use(policy, team_by_name(policy, word->text), class_))
			text_addf(ret, "class '%s' allows team %s, whose 'classes' leave it out\n",
				  class_->name, word->text);
}

/* Moving takes two: a placement that moves, and a class that may be moved. */
static void note_moves(const struct policy *policy, struct text *ret)
{
	const struct policy_class *movable = NULL;

	for (size_t i = 0; i < policy->n_classes && !movable; i++)
		movable = policy->classes[i].movable ? &policy->classes[i] : NULL;
	if (policy->placement.max_moves && !movable)
		text_add(ret, "'placement.relocate' moves nothing: no class is 'movable'\n");
	if (!policy->placement.max_moves && movable)
		text_addf(ret, "class '%s' is movable, but 'placement' has no 'relocate'\n",
			  movable->name);
}

void policy_notes(const struct policy *policy, struct text *ret)
{
	note_repeated(policy, ret);
	for (size_t i = 0; i < policy->n_classes; i++)
		note_class(policy, &policy->classes[i], ret);
	note_moves(policy, ret);
}
