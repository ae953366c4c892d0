/* Which profiles of a board serve a class. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy-part.h"

bool profile_is_whole_gpu(const struct board *board, const struct profile *profile)
{
	return profile->size == board->units && profile->compute_slices == board->compute_slices;
}

static const struct profile *whole_gpu(const struct board *board)
{
	for (size_t i = 0; i < board->n_profiles; i++)
		if (!(board->profiles[i].flags & ~PROFILE_P2P) &&
		    profile_is_whole_gpu(board, &board->profiles[i]))
			return &board->profiles[i];
	return NULL;
}

const struct profile *profile_by_word(const struct board *board, const char *word)
{
	return strcmp(word, "full") ? board_profile_by_name(board, word) : whole_gpu(board);
}

static size_t by_words(const struct yaml_node *list, const struct board *board,
		       const struct profile **ret)
{
	size_t n = 0;

	WORDS_EACH(word, list) {
		const struct profile *profile = profile_by_word(board, word->text);
		size_t i = 0;

		if (!profile)
			continue;
		while (i < n && ret[i] != profile)
			i++;
		ret[i] = profile; /* a name and a shape may mean the same one */
		n += i == n;
	}
	return n;
}

/* ---- which driver ---- */

/* "R525", "550.163.01"; 0: none. */
static unsigned driver_branch(const char *version)
{
	if (!version)
		return 0;
	version += *version == 'R';
	return *version >= '0' && *version <= '9' ? (unsigned)strtoul(version, NULL, 10) : 0;
}

static unsigned least_driver(const struct policy_class_match *match, const struct board *board,
			     const struct profile *profile)
{
	unsigned least = driver_branch(profile->requires_driver);

	for (const struct yaml_node *node = match->drivers ? match->drivers->first : NULL; node;
	     node = node->next)
		if (profile_by_word(board, node->key) == profile &&
		    driver_branch(node->text) > least)
			least = driver_branch(node->text);
	return least;
}

/* Does it need a later driver than the one in use? */
static bool is_late(const struct policy_class_match *match, const struct board *board,
		    const struct profile *profile)
{
	return match->driver && least_driver(match, board, profile) > match->driver;
}

/* ---- what serves ---- */

static bool is_enough(const struct policy_class_match *match, const struct profile *profile)
{
	if (profile->flags & ~(PROFILE_DOUBLE | PROFILE_P2P))
		return false;
	if (match->has_memory &&
	    (!profile->has_memory || (uint64_t)profile->memory_mib << 20 < match->memory_bytes))
		return false;
	return !match->has_slices || profile->compute_slices >= match->slices;
}

/* All that are enough and take least of the GPU, those with fewer slices first. */
static size_t by_least(const struct policy_class_match *match, const struct board *board,
		       const struct profile **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < board->n_profiles; i++) {
		const struct profile *profile = &board->profiles[i];
		size_t at;

		if (!is_enough(match, profile) || is_late(match, board, profile) ||
		    (n && profile->size > ret[0]->size))
			continue;
		if (n && profile->size < ret[0]->size)
			n = 0;
		for (at = n; at && ret[at - 1]->compute_slices > profile->compute_slices; at--)
			ret[at] = ret[at - 1];
		ret[at] = profile;
		n++;
	}
	return n;
}

void policy_set_driver(struct policy *policy, const char *version)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		policy->class_matches[i].driver = driver_branch(version);
}

static size_t without_late_ones(const struct policy_class_match *match, const struct board *board,
				const struct profile **profiles, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_late(match, board, profiles[i]))
			profiles[kept++] = profiles[i];
	return kept;
}

size_t policy_class_profiles(const struct policy_class *class_, const struct board *board,
			     const struct profile **ret)
{
	const struct policy_class_match *match = class_->match;
	size_t n = match->profiles ? by_words(match->profiles, board, ret)
		   : match->boards ? by_words(yaml_node_get(match->boards, board->id), board, ret)
				   : by_least(match, board, ret);

	return without_late_ones(match, board, ret, n);
}
