/*
 * check-report.h - what carve check found, for people and for programs
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "check/rules.h"

struct check_report {
	bool asked[CHECK_COUNT]; /* the others were left out by --only */
	struct answer answers[CHECK_COUNT];
};

enum verdict check_report_worst(const struct check_report *report);

/* Of the minimum rules: how many are met; SIZE_MAX when not all were asked. */
size_t check_report_met(const struct check_report *report);

/* 80 columns; colours where the terminal has them. err: NOMEM */
int check_report_print(const struct check_report *report, struct err *err);

/* NULL without memory. */
json_t *check_report_json(const struct check_report *report);
