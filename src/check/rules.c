#include "check/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

const struct check_rule check_rules[CHECK_COUNT] = {
#define X(id, group, typed, asks, fix, source)                                                     \
	{typed, asks, fix, source, CHECK_GROUP_##group, judge_##id},
	CHECK_TABLE(X)
#undef X
};

const enum check_id minimum_rules[N_MINIMUM_RULES] = {CHECK_classes, CHECK_tested, CHECK_monitoring,
						      CHECK_full,    CHECK_idle,   CHECK_review};

static const struct {
	const char *name;
	int exit_status;
} verdicts[VERDICT_COUNT] = {
	[VERDICT_PASS] = {"pass", 0},
	[VERDICT_UNKNOWN] = {"unknown", 30},
	[VERDICT_WARN] = {"warn", 31},
	[VERDICT_FAIL] = {"fail", 32},
};

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].name;
}

int verdict_exit_status(enum verdict verdict)
{
	return verdicts[verdict].exit_status;
}

static const struct {
	const char *name, *title;
} groups[CHECK_GROUP_COUNT] = {
	[CHECK_GROUP_GPU] = {"gpu", "GPUs and driver"},
	[CHECK_GROUP_RESET] = {"mode", "MIG mode, and changing it"},
	[CHECK_GROUP_CONTAINER] = {"containers", "Containers"},
	[CHECK_GROUP_NODE] = {"nodes", "Device nodes"},
	[CHECK_GROUP_MANAGER] = {"managers", "Other managers of MIG"},
	[CHECK_GROUP_SCHEDULER] = {"schedulers", "Schedulers"},
	[CHECK_GROUP_RULES] = {"rules", "Rules of use"},
	[CHECK_GROUP_DAEMON] = {"daemon", "carve itself"},
};

const char *check_group_name(enum check_group group)
{
	return groups[group].name;
}

const char *check_group_title(enum check_group group)
{
	return groups[group].title;
}

enum check_id check_rule_by_name(const char *name, struct err *err)
{
	const char *words[CHECK_COUNT + CHECK_GROUP_COUNT], *near;

	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		words[i] = check_rules[i].name;
		if (!strcmp(name, words[i]))
			return (enum check_id)i;
	}
	for (unsigned i = 0; i < CHECK_GROUP_COUNT; i++)
		words[CHECK_COUNT + i] = groups[i].name;
	near = text_nearest(name, words, ARRAY_SIZE(words));
	fail(err, ERR_INVALID, "there is no check '%.40s'", name);
	if (near)
		fail_hint(err, "did you mean '%s'?", near);
	else
		fail_hint(err, "see 'carve check --help'");
	return CHECK_COUNT;
}

void answer_add(struct answer *answer, enum verdict verdict, const char *format, ...)
{
	size_t used;
	va_list args;
	char raw[512];

	if (verdict > answer->verdict && answer->verdict == VERDICT_PASS)
		*answer->reason = '\0';
	else if (verdict == VERDICT_PASS && answer->verdict > VERDICT_PASS)
		return;
	if (verdict > answer->verdict)
		answer->verdict = verdict;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	used = strlen(answer->reason);
	snprintf(answer->reason + used, sizeof(answer->reason) - used, "%s", used ? "; " : "");
	used = strlen(answer->reason);
	text_printable(answer->reason + used, sizeof(answer->reason) - used, raw);
}

void answer_fix(struct answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(answer->fix, sizeof(answer->fix), format, args);
	va_end(args);
}

void check_rule_judge(enum check_id id, const struct facts *facts, struct answer *ret)
{
	*ret = (struct answer){.verdict = VERDICT_PASS};
	check_rules[id].judge(facts, ret);
	if (!*ret->source && check_rules[id].source)
		snprintf(ret->source, sizeof(ret->source), "%s", check_rules[id].source);
	if (ret->verdict == VERDICT_PASS || ret->borrowed)
		*ret->fix = '\0';
	else if (ret->verdict > VERDICT_UNKNOWN && !*ret->fix && check_rules[id].fix)
		snprintf(ret->fix, sizeof(ret->fix), "%s", check_rules[id].fix);
}
