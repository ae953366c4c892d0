#include "policy/policy-notices.h"

#include <string.h>

#include "base/array.h"
#include "policy/policy-read.h"

#define MAX_PER_HOUR 1000
#define MAX_ADDRESS  200

static const struct {
	const char *name, *template;
} kinds[] = {
#define X(name, template) {name, template},
	NOTICE_KINDS(X)
#undef X
};

static const char *const ways[] = {
#define X(way, name) name,
	NOTICE_WAYS(X)
#undef X
};

const char *notice_way_name(enum notice_way way)
{
	return ways[way];
}

const struct policy_notices *policy_notices(const struct policy *policy)
{
	return &policy->notices;
}

/* ---- who is told ---- */

static unsigned ways_of(const struct notice_rule *rule)
{
	unsigned mask = 0;

	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++)
		if (words_have(rule->by, ways[way]))
			mask |= 1u << way;
	return mask;
}

static bool is_about(const struct yaml_node *list, const char *word)
{
	return !list || (word && words_have(list, word));
}

static bool is_quiet(const struct policy_notices *notices, const struct notice_about *about)
{
	return (about->user && words_have(notices->quiet_users, about->user)) ||
	       (about->team && words_have(notices->quiet_teams, about->team));
}

void policy_notice_ways(const struct policy *policy, const struct notice_about *about,
			unsigned *ret_holder, unsigned *ret_admins)
{
	const struct policy_notices *notices = &policy->notices;

	*ret_holder = *ret_admins = 0;
	for (size_t i = 0; i < notices->n_rules; i++) {
		const struct notice_rule *rule = &notices->rules[i];

		if (words_have(rule->on, about->kind) && is_about(rule->teams, about->team) &&
		    is_about(rule->classes, about->class_name))
			*(rule->to_admins ? ret_admins : ret_holder) |= ways_of(rule);
	}
	if (!about->user || is_quiet(notices, about))
		*ret_holder = 0;
}

const char *policy_notice_template(const struct policy *policy, const char *kind)
{
	const struct yaml_node *own = policy->notices.templates
					      ? yaml_node_get(policy->notices.templates, kind)
					      : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, kind))
			return own ? own->text : kinds[i].template;
	return NULL;
}

size_t policy_notice_admins(const struct policy *policy, const char **ret)
{
	size_t n = 0;

	WORDS_EACH(word, policy->notices.mail_admins)
		ret[n++] = word->text;
	return n;
}

/* ---- words ---- */

static int check_kind_name(const struct yaml_node *node, const char *typed, bool is_key,
			   struct err *err)
{
	const char *names[ARRAY_SIZE(kinds)];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		names[i] = kinds[i].name;
		if (!strcmp(names[i], typed))
			return 0;
	}
	if (is_key)
		yaml_node_fail_key(node, err, "nobody can be told of '%.40s'", typed);
	else
		yaml_node_fail(node, err, "nobody can be told of '%.40s'", typed);
	return fail_near(err, typed, names, ARRAY_SIZE(names), "carve-notices(5) lists what there is");
}

static int check_kind(const struct yaml_node *word, struct err *err)
{
	return check_kind_name(word, word->text, false, err);
}

static int check_way(const struct yaml_node *word, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i], word->text))
			return 0;
	yaml_node_fail(word, err, "'%.40s' is no way to tell somebody", word->text);
	return fail_near(err, word->text, ways, ARRAY_SIZE(ways), "terminal, mail or webhook");
}

/* What goes into a header of a mail: nothing that could be more than an address. */
static int check_address(const struct yaml_node *word, struct err *err)
{
	size_t len = strlen(word->text);

	if (len && len <= MAX_ADDRESS && word->text[0] != '-' &&
	    strspn(word->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "._+-@") == len)
		return 0;
	yaml_node_fail(word, err, "'%.64s' is no address of mail", word->text);
	return fail_hint(err, "letters, digits and . _ + - @, at most %d of them", MAX_ADDRESS);
}

static int check_path(const struct yaml_node *node, struct err *err)
{
	if (!node || (node->text[0] == '/' && strlen(node->text) < NOTICES_PATH))
		return text_check(node, NOTICES_PATH, err);
	return yaml_node_fail(node, err, "'%s' must be a whole path: /...", node->key);
}

/* ---- rules ---- */

struct rule_wish {
	const struct yaml_node *on, *by, *teams, *classes;
	const char *to;
};

static const struct yaml_field rule_fields[] = {
	{"on", YAML_NODE, AT(rule_wish, on), .required = true},
	{"by", YAML_NODE, AT(rule_wish, by), .required = true},
	{"to", YAML_TEXT, AT(rule_wish, to)},
	{"teams", YAML_NODE, AT(rule_wish, teams)},
	{"classes", YAML_NODE, AT(rule_wish, classes)},
};

static int check_team(const struct policy *policy, const struct yaml_node *list, struct err *err)
{
	WORDS_EACH(word, list)
		if (!team_by_name(policy, word->text)) {
			yaml_node_fail(word, err, "there is no team '%.40s'", word->text);
			return fail_hint(err, "see 'teams:'");
		}
	return 0;
}

static int check_class(const struct policy *policy, const struct yaml_node *list, struct err *err)
{
	WORDS_EACH(word, list) {
		const struct policy_class *class_ = class_by_word(policy, word->text);

		if (!class_ || strcmp(class_->name, word->text) != 0) {
			yaml_node_fail(word, err, "there is no class '%.40s'", word->text);
			return fail_hint(err, "see 'classes:'; aliases do not count here");
		}
	}
	return 0;
}

static int check_rule(const struct policy *policy, const struct yaml_node *map,
		      const struct notice_rule *rule, struct err *err)
{
	int r = words_check(rule->on, ARRAY_SIZE(kinds), check_kind, err);

	r = r ? r : words_check(rule->by, ARRAY_SIZE(ways), check_way, err);
	r = r ? r : words_check(rule->teams, POLICY_MAX_TEAMS, word_check_name, err);
	r = r ? r : words_check(rule->classes, POLICY_MAX_CLASSES, word_check_name, err);
	r = r ? r : check_team(policy, rule->teams, err);
	r = r ? r : check_class(policy, rule->classes, err);
	if (!r && rule->to_admins && words_have(rule->by, "terminal")) {
		yaml_node_fail(map, err, "a terminal is the holder's; admins have none here");
		return fail_hint(err, "tell admins by mail or webhook");
	}
	return r;
}

static int read_rule(const struct policy *policy, const struct yaml_node *map,
		     struct notice_rule *ret, struct err *err)
{
	static const char *const whom[] = {"holder", "admins"};
	struct rule_wish wish = {NULL};
	int to, r = map_read(map, "a notice", "{on: granted, by: terminal}", rule_fields,
			     ARRAY_SIZE(rule_fields), &wish, err);

	if (r)
		return r;
	to = word_read(map, "to", wish.to, whom, ARRAY_SIZE(whom), err);
	if (to < 0)
		return to;
	*ret = (struct notice_rule){wish.on, wish.by, wish.teams, wish.classes, to == 1};
	return check_rule(policy, map, ret, err);
}

static int read_rules(const struct policy *policy, const struct yaml_node *list,
		      struct policy_notices *ret, struct err *err)
{
	if (!list)
		return 0;
	if (list->kind != YAML_LIST || !list->n) {
		yaml_node_fail(list, err, "'send' must be a list of notices");
		return fail_hint(err, "for example: send: [{on: granted, by: terminal}]");
	}
	if (list->n > NOTICES_MAX_RULES)
		return yaml_node_fail(list, err, "'send' has %zu notices; at most %d are possible",
				      list->n, NOTICES_MAX_RULES);
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int r = read_rule(policy, node, &ret->rules[ret->n_rules], err);

		if (r)
			return r;
		ret->n_rules++;
	}
	return 0;
}

/* ---- the ways ---- */

static int read_mail(const struct yaml_node *map, struct policy_notices *ret, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"command", YAML_TEXT, AT(policy_notices, mail_command)},
		{"from", YAML_TEXT, AT(policy_notices, mail_from)},
		{"domain", YAML_TEXT, AT(policy_notices, mail_domain)},
		{"admins", YAML_NODE, AT(policy_notices, mail_admins)},
	};
	static const char *const addresses[] = {"from", "domain"};
	int r = map_read(map, "'mail'", "mail: {domain: example.org}", fields, ARRAY_SIZE(fields),
			 ret, err);

	r = r ? r : check_path(yaml_node_get(map, "command"), err);
	r = r ? r : words_check(ret->mail_admins, NOTICES_MAX_ADMINS, check_address, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(addresses); i++) {
		const struct yaml_node *node = yaml_node_get(map, addresses[i]);

		r = node ? check_address(node, err) : 0;
	}
	return r;
}

static int read_webhook(const struct yaml_node *map, struct policy_notices *ret, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"url", YAML_TEXT, AT(policy_notices, webhook_url), .required = true},
		{"secret_file", YAML_TEXT, AT(policy_notices, webhook_secret), .required = true},
	};
	int r = map_read(map, "'webhook'", "webhook: {url: https://..., secret_file: /...}", fields,
			 ARRAY_SIZE(fields), ret, err);
	const struct yaml_node *url = r ? NULL : yaml_node_get(map, "url");

	r = r ? r : text_check(url, NOTICES_PATH - 1, err);
	if (!r && strncmp(url->text, "https://", 8) != 0 && strncmp(url->text, "http://", 7) != 0)
		r = yaml_node_fail(url, err, "'url' must begin with https:// or http://");
	return r ? r : check_path(yaml_node_get(map, "secret_file"), err);
}

static int check_templates(const struct yaml_node *map, struct err *err)
{
	if (!map)
		return 0;
	if (map->kind != YAML_MAP)
		return yaml_node_fail(map, err, "'templates' must be written as \"KIND: TEXT\" lines");
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		int r = check_kind_name(node, node->key, true, err);

		r = r || node->kind == YAML_SCALAR
			    ? r
			    : yaml_node_fail(node, err, "'%.40s' must be a text", node->key);
		r = r ? r : text_check(node, TEMPLATE_MAX, err);
		if (!r && template_check(node->text, err))
			r = yaml_node_fail_in(node, err);
		if (r)
			return r;
	}
	return 0;
}

/* ---- the whole ---- */

struct notices_wish {
	const struct yaml_node *send, *quiet, *mail, *webhook, *templates;
	int64_t per_hour;
};

static const struct yaml_field notices_fields[] = {
	{"send", YAML_NODE, AT(notices_wish, send)},
	{"quiet", YAML_NODE, AT(notices_wish, quiet)},
	{"per_hour", YAML_NUMBER, AT(notices_wish, per_hour), .min = 1, .max = MAX_PER_HOUR},
	{"mail", YAML_NODE, AT(notices_wish, mail)},
	{"webhook", YAML_NODE, AT(notices_wish, webhook)},
	{"templates", YAML_NODE, AT(notices_wish, templates)},
};

static int read_quiet(const struct policy *policy, const struct yaml_node *map,
		      struct policy_notices *ret, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"users", YAML_NODE, AT(policy_notices, quiet_users)},
		{"teams", YAML_NODE, AT(policy_notices, quiet_teams)},
	};
	int r = map_read(map, "'quiet'", "quiet: {users: [ann]}", fields, ARRAY_SIZE(fields), ret,
			 err);

	r = r ? r : words_check(ret->quiet_users, YAML_MAX_NODES, word_check_person, err);
	r = r ? r : words_check(ret->quiet_teams, POLICY_MAX_TEAMS, word_check_name, err);
	return r ? r : check_team(policy, ret->quiet_teams, err);
}

/* A rule that could never be kept is a mistake. */
static int check_ways(const struct policy_notices *notices, struct err *err)
{
	for (size_t i = 0; i < notices->n_rules; i++) {
		const struct notice_rule *rule = &notices->rules[i];

		if (words_have(rule->by, "webhook") && !notices->webhook_url)
			return yaml_node_fail(rule->by, err, "there is no 'webhook' to tell by");
		if (rule->to_admins && words_have(rule->by, "mail") && !notices->mail_admins)
			return yaml_node_fail(rule->by, err,
					      "no addresses of admins: 'mail' has no 'admins'");
	}
	return 0;
}

int policy_read_notices(const struct policy *policy, const struct yaml_node *map,
			struct policy_notices *ret, struct err *err)
{
	struct notices_wish wish = {.per_hour = 20};
	struct policy_notices notices = {.mail_command = "/usr/sbin/sendmail",
					 .mail_from = "carve"};
	int r = map_read(map, "'notices'", "notices: {send: [{on: granted, by: terminal}]}",
			 notices_fields, ARRAY_SIZE(notices_fields), &wish, err);

	r = r || !wish.quiet ? r : read_quiet(policy, wish.quiet, &notices, err);
	r = r || !wish.mail ? r : read_mail(wish.mail, &notices, err);
	r = r || !wish.webhook ? r : read_webhook(wish.webhook, &notices, err);
	r = r ? r : check_templates(wish.templates, err);
	r = r ? r : read_rules(policy, wish.send, &notices, err);
	r = r ? r : check_ways(&notices, err);
	if (r)
		return r;
	notices.templates = wish.templates;
	notices.per_hour = (unsigned)wish.per_hour;
	*ret = notices;
	return 0;
}
