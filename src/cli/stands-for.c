#include "cli/stands-for.h"

#include "base/text.h"

#define NAMES_MAX (POLICY_MAX_PROFILES + POLICY_MAX_CLASSES)

static int unknown_profile(const char *typed, const struct board *board,
			   const struct policy *policy, struct err *err)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0;

	for (size_t i = 0; i < board->n_profiles && n < NAMES_MAX; i++)
		names[n++] = board->profiles[i].name;
	for (size_t i = 0; policy && i < policy_n_classes(policy) && n < NAMES_MAX; i++)
		names[n++] = policy_class_at(policy, i)->name;
	near = text_nearest(typed, names, n);
	fail(err, ERR_NOT_FOUND, "'%.60s' is no profile of %s%s", typed, board->id,
	     policy ? " and no class" : "");
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "carve profiles %s lists them%s", board->id,
			 policy ? "" : "; classes need --policy FILE");
}

int stands_for(const char *typed, const struct board *board, const struct policy *policy,
	       const struct profile **ret, struct err *err)
{
	const struct profile *best[POLICY_MAX_PROFILES];
	const struct policy_class *class_ = NULL;
	struct err ignored = ERR_INIT;

	*ret = board_profile_by_name(board, typed);
	if (*ret)
		return 0;
	if (policy)
		class_ = policy_class_find(policy, typed, &ignored);
	if (!class_)
		return unknown_profile(typed, board, policy, err);
	if (!policy_class_profiles(class_, board, best))
		return fail(err, ERR_NOT_FOUND, "%s has no profile for class '%s'", board->id,
			    class_->name);
	*ret = best[0];
	return 0;
}
