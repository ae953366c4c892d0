/*
 * policy-changes.h - the key "changes:": when layouts may change, whom no change touches, and
 * how long those may stay who are asked to leave
 *
 * Windows are told in wall clock time. Everything here is given the time and
 * the zone: a function that tells how many seconds east of UTC the clocks on
 * the wall are at a moment (clock_offset_s() for this host's). A moment is in
 * a window when the clock on the wall then shows a time of it; so where clocks
 * are put forward a window may be shorter, and where they are put back longer.
 * A window over midnight belongs to the day on which it begins.
 */
#pragma once

#include "policy/policy.h"

#define POLICY_MAX_WINDOWS 16

/* What a refusal is explained by. */
#define CHANGES_WINDOWS_RULE "changes.windows"
#define CHANGES_PROTECT_RULE "changes.protect"

struct yaml_node;

struct policy_window {
	unsigned days; /* bit tm_wday: it begins on these */
	int64_t from_s, to_s; /* of its day; to_s beyond 86400 is on the next; from_s < to_s */
};

struct policy_changes {
	size_t n_windows; /* 0: at any time */
	struct policy_window windows[POLICY_MAX_WINDOWS];
	const struct yaml_node *classes, *teams; /* private: that are protected */
	bool has_deadline;
	int64_t deadline_s; /* how long a drain lets holders stay; else for as long as they hold */
	int64_t notice_s;   /* how long before the deadline they are warned once more */
};

const struct policy_changes *policy_changes(const struct policy *policy);

/* Seconds east of UTC at a moment. */
typedef int64_t policy_zone(int64_t unix_s);

/*
 * May a layout change at that moment?
 *   ret_next_s  out: when not, the first moment after it at which it may
 */
bool policy_change_allowed(const struct policy_changes *changes, policy_zone *zone, int64_t now_s,
			   int64_t *ret_next_s);

/* The same as a refusal: err REFUSED with the rule, and when the next window begins. */
int policy_change_check(const struct policy_changes *changes, policy_zone *zone, int64_t now_s,
			struct err *err);

/* Is a lease of that class and team ("": none) not to be touched by any change? */
bool policy_is_protected(const struct policy_changes *changes, const char *class_name,
			 const char *team);

/* "sat, sun", "tue 22:00-06:00", "always". */
void policy_windows_format(const struct policy_changes *changes, struct text *ret);

/* Read the key's map, when classes and teams are read. err: INVALID with its place. */
int policy_read_changes(const struct yaml_node *map, const struct policy *policy,
			struct policy_changes *ret, struct err *err);
