/*
 * Another manager decides about MIG here: carve looks and changes nothing. What
 * was promised stays promised and is finished once the other one is gone.
 */
#include <stdio.h>
#include <string.h>

#include "reconcile/steward-part.h"

void steward_set_observing(struct steward *steward, const char *why, const char *hint,
			   int64_t now_s)
{
	if (!strncmp(steward->observing, why, sizeof(steward->observing) - 1))
		return;
	snprintf(steward->observing, sizeof(steward->observing), "%s", why);
	snprintf(steward->observing_hint, sizeof(steward->observing_hint), "%s", hint);
	if (*why)
		steward_tell(steward, EVENT_OBSERVING, "carved", now_s, "%s", steward->observing);
	else
		steward_tell(steward, EVENT_ACTING, "carved", now_s,
			     "no other manager decides about MIG here any more");
}

int steward_may_act(const struct steward *steward, struct err *err)
{
	if (!*steward->observing)
		return 0;
	fail(err, ERR_UNSUPPORTED, "%s; carve only observes", steward->observing);
	return fail_hint(err, "%s", steward->observing_hint);
}
