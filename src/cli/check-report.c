#include "cli/check-report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/terminal.h"

#define WIDTH 80
#define LEFT  26 /* where sentences begin */

enum verdict check_report_worst(const struct check_report *report)
{
	enum verdict worst = VERDICT_PASS;

	for (unsigned i = 0; i < CHECK_COUNT; i++)
		if (report->asked[i] && report->answers[i].verdict > worst)
			worst = report->answers[i].verdict;
	return worst;
}

size_t check_report_met(const struct check_report *report)
{
	size_t met = 0;

	for (unsigned i = 0; i < N_MINIMUM_RULES; i++) {
		if (!report->asked[minimum_rules[i]])
			return SIZE_MAX;
		met += report->answers[minimum_rules[i]].verdict == VERDICT_PASS;
	}
	return met;
}

static size_t count(const struct check_report *report, enum verdict verdict)
{
	size_t n = 0;

	for (unsigned i = 0; i < CHECK_COUNT; i++)
		n += report->asked[i] && report->answers[i].verdict == verdict;
	return n;
}

/* ---- for people ---- */

/* Words from a column on, broken before the edge. */
static void add_wrapped(struct text *text, const char *s, size_t column)
{
	size_t at = column;

	for (;;) {
		size_t len, width;

		s += strspn(s, " ");
		len = strcspn(s, " ");
		if (!len)
			break;
		width = len; /* nearly everything here is ASCII; else a line ends early */
		if (at > column && at + 1 + width > WIDTH) {
			text_addf(text, "\n%*s", (int)column, "");
			at = column;
		}
		text_addf(text, "%s%.*s", at > column ? " " : "", (int)len, s);
		at += width + (at > column);
		s += len;
	}
	text_add(text, "\n");
}

static const char *colour_of(enum verdict verdict)
{
	static const char *const colours[VERDICT_COUNT] = {
		[VERDICT_PASS] = "\033[32m",
		[VERDICT_UNKNOWN] = "\033[36m",
		[VERDICT_WARN] = "\033[33m",
		[VERDICT_FAIL] = "\033[31m",
	};

	return colours[verdict];
}

static void add_row(struct text *text, enum check_id id, const struct answer *answer, bool colours)
{
	text_addf(text, "  %s%-7s%s %-15s ", colours ? colour_of(answer->verdict) : "",
		  verdict_name(answer->verdict), colours ? "\033[m" : "", check_rules[id].name);
	add_wrapped(text, answer->reason, LEFT);
	if (*answer->fix) {
		text_addf(text, "%*s", LEFT, "fix: ");
		add_wrapped(text, answer->fix, LEFT);
	}
	if (answer->verdict > VERDICT_UNKNOWN && !answer->borrowed) {
		text_addf(text, "%*s", LEFT, "see: ");
		add_wrapped(text, answer->source, LEFT);
	}
}

static void add_summary(const struct check_report *report, struct text *text)
{
	cleanup(text_done) struct text line = TEXT_INIT;
	size_t met = check_report_met(report);

	for (unsigned i = VERDICT_COUNT; i-- > 0;)
		text_addf(&line, "%s%zu %s", line.len ? ", " : "", count(report, (enum verdict)i),
			  verdict_name((enum verdict)i));
	if (met != SIZE_MAX)
		text_addf(&line, "; minimum rules of use: %zu of %d", met, N_MINIMUM_RULES);
	for (unsigned i = 0, n = 0; met != SIZE_MAX && i < N_MINIMUM_RULES; i++)
		if (report->answers[minimum_rules[i]].verdict != VERDICT_PASS)
			text_addf(&line, "%s%s",
				  n++ ? ", " : ", missing: ", check_rules[minimum_rules[i]].name);
	add_wrapped(text, text_str(&line), 0);
}

int check_report_print(const struct check_report *report, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	enum check_group group = CHECK_GROUP_COUNT;
	bool colours = terminal_colours(STDOUT_FILENO);

	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		if (!report->asked[i])
			continue;
		if (check_rules[i].group != group) {
			text_addf(&text, "%s%s\n", text.len ? "\n" : "",
				  check_group_title(check_rules[i].group));
			group = check_rules[i].group;
		}
		add_row(&text, (enum check_id)i, &report->answers[i], colours);
	}
	text_add(&text, "\n");
	add_summary(report, &text);
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory for the report");
	fputs(text_str(&text), stdout);
	return 0;
}

/* ---- for programs ---- */

static json_t *known_text(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static json_t *row_json(enum check_id id, const struct answer *answer)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "check", check_rules[id].name,
			 "group", check_group_name(check_rules[id].group), "asks",
			 check_rules[id].asks, "verdict", verdict_name(answer->verdict), "reason",
			 known_text(answer->reason), "fix", known_text(answer->fix), "source",
			 known_text(answer->source));
}

static json_t *minimum_json(const struct check_report *report)
{
	size_t met = check_report_met(report);
	json_t *missing = json_array();

	if (met == SIZE_MAX) {
		json_decref(missing);
		return json_null();
	}
	for (unsigned i = 0; i < N_MINIMUM_RULES; i++)
		if (report->answers[minimum_rules[i]].verdict != VERDICT_PASS)
			json_array_append_new(missing,
					      json_string(check_rules[minimum_rules[i]].name));
	return json_pack("{s:I, s:i, s:o}", "met", (json_int_t)met, "of", N_MINIMUM_RULES,
			 "missing", missing);
}

json_t *check_report_json(const struct check_report *report)
{
	enum verdict worst = check_report_worst(report);
	json_t *rows = json_array(), *counts = json_object();

	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		json_object_set_new(counts, verdict_name((enum verdict)i),
				    json_integer((json_int_t)count(report, (enum verdict)i)));
	for (unsigned i = 0; i < CHECK_COUNT; i++)
		if (report->asked[i])
			json_array_append_new(rows,
					      row_json((enum check_id)i, &report->answers[i]));
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "worst", verdict_name(worst), "exit_status",
			 verdict_exit_status(worst), "counts", counts, "minimum_rules",
			 minimum_json(report), "checks", rows);
}
