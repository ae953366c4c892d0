#include "policy/policy.h"

#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/policy-read.h"

/* ---- words ---- */

const struct yaml_node *words_first(const struct yaml_node *list)
{
	return list && list->kind == YAML_LIST ? list->first : list;
}

const struct yaml_node *words_next(const struct yaml_node *list, const struct yaml_node *word)
{
	return list->kind == YAML_LIST ? word->next : NULL;
}

bool words_have(const struct yaml_node *list, const char *s)
{
	WORDS_EACH(word, list)
		if (!strcmp(word->text, s))
			return true;
	return false;
}

void words_format(const struct yaml_node *list, size_t max, struct text *ret)
{
	size_t n = 0;

	WORDS_EACH(word, list) {
		if (n == max) {
			text_add(ret, ", ...");
			return;
		}
		text_addf(ret, "%s%s", n ? ", " : "", word->text);
		n++;
	}
}

bool word_is_index(const char *s, unsigned *ret)
{
	size_t len = strlen(s);

	if (!len || len > 4 || strspn(s, "0123456789") != len)
		return false;
	*ret = (unsigned)atoi(s);
	return true;
}

/* ---- what the file says ---- */

const char *policy_name(const struct policy *policy)
{
	return policy->name;
}

size_t policy_n_classes(const struct policy *policy)
{
	return policy->n_classes;
}

const struct policy_class *policy_class_at(const struct policy *policy, size_t i)
{
	return &policy->classes[i];
}

size_t policy_n_teams(const struct policy *policy)
{
	return policy->n_teams;
}

const struct policy_team *policy_team_at(const struct policy *policy, size_t i)
{
	return &policy->teams[i];
}

int64_t policy_age_s(const struct policy *policy)
{
	return policy->age_s;
}

unsigned policy_queue_max(const struct policy *policy)
{
	return policy->queue_max;
}

unsigned policy_queue_max_per_user(const struct policy *policy)
{
	return policy->queue_max_per_user;
}

const struct policy_class *class_by_word(const struct policy *policy, const char *word)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		if (!strcmp(policy->classes[i].name, word) ||
		    words_have(policy->classes[i].match->aliases, word))
			return &policy->classes[i];
	return NULL;
}

size_t class_words(const struct policy *policy, const char **ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_classes; i++) {
		if (n < max)
			ret[n++] = policy->classes[i].name;
		WORDS_EACH(alias, policy->classes[i].match->aliases)
			if (n < max)
				ret[n++] = alias->text;
	}
	return n;
}

const struct policy_class *policy_class_find(const struct policy *policy, const char *name,
					     struct err *err)
{
	const struct policy_class *class_ = class_by_word(policy, name);
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *words[POLICY_CLASS_WORDS], *near;
	char printable[POLICY_WORD];

	if (class_)
		return class_;
	text_printable(printable, sizeof(printable), name);
	near = text_nearest(printable, words, class_words(policy, words, ARRAY_SIZE(words)));
	fail(err, ERR_NOT_FOUND, "there is no class '%s'", printable);
	if (near) {
		fail_hint(err, "did you mean '%s'?", near);
		return NULL;
	}
	for (size_t i = 0; i < policy->n_classes; i++)
		text_addf(&list, "%s%s", i ? ", " : "", policy->classes[i].name);
	fail_hint(err, "there are: %s", text_str(&list));
	return NULL;
}

static bool gpus_name(const struct yaml_node *list, unsigned index, const char *uuid,
		      const char *board_id)
{
	WORDS_EACH(word, list) {
		unsigned n;

		if (word_is_index(word->text, &n) ? n == index
		    : is_gpu_uuid(word->text)	  ? uuid && !strcasecmp(uuid, word->text)
						  : board_id && !strcmp(board_id, word->text))
			return true;
	}
	return false;
}

bool policy_manages_gpu(const struct policy *policy, unsigned index, const char *uuid,
			const char *board_id)
{
	const struct policy_gpus *gpus = &policy->gpus;

	if (gpus->use && !gpus_name(gpus->use, index, uuid, board_id))
		return false;
	return !gpus_name(gpus->except, index, uuid, board_id);
}

unsigned policy_reason_min(const struct policy *policy)
{
	return policy->reason_min;
}

/* ---- people ---- */

bool members_have(const struct policy_members *members, const struct policy_person *person,
		  const struct policy_team *team)
{
	if (words_have(members->users, person->name) ||
	    words_have(members->services, person->name))
		return true;
	for (size_t i = 0; i < person->n_groups; i++)
		if (words_have(members->groups, person->groups[i]))
			return true;
	return team && words_have(members->teams, team->name);
}

static void format_kind(const char *what, const struct yaml_node *list, size_t max,
			struct text *ret)
{
	if (!list)
		return;
	text_addf(ret, "%s%s ", ret->len ? "; " : "", what);
	words_format(list, max, ret);
}

void members_format(const struct policy_members *members, size_t max, struct text *ret)
{
	format_kind("team", members->teams, max, ret);
	format_kind("group", members->groups, max, ret);
	format_kind("user", members->users, max, ret);
	format_kind("service", members->services, max, ret);
}

bool policy_is_admin(const struct policy *policy, const struct policy_person *person)
{
	return person->uid == 0 || members_have(&policy->admins, person, NULL);
}

const struct policy_team *policy_team_of(const struct policy *policy,
					 const struct policy_person *person)
{
	for (size_t i = 0; i < policy->n_teams; i++) {
		const struct policy_team *team = &policy->teams[i];

		if (team->match->is_everyone || members_have(&team->match->members, person, NULL))
			return team;
	}
	return NULL;
}

bool policy_is_service(const struct policy_team *team, const char *user)
{
	return team && words_have(team->match->members.services, user);
}

const struct policy_team *team_by_name(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_teams; i++)
		if (!strcmp(policy->teams[i].name, name))
			return &policy->teams[i];
	return NULL;
}

bool team_may_use(const struct policy *policy, const struct policy_team *team,
		  const struct policy_class *class_)
{
	WORDS_EACH(word, team->match->classes)
		if (class_by_word(policy, word->text) == class_)
			return true;
	return !team->match->classes;
}
