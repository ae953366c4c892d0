/* What goes with a lease besides its place: free fields, the warning before its end. */
#include "reconcile/steward-part.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "policy/policy-grant.h"

static void add_quoted(struct text *text, const char *s)
{
	text_add(text, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_add(text, "\\");
		text_add_bytes(text, s, 1);
	}
	text_add(text, "\"");
}

int steward_write_fields(const struct policy_wish *wish, char *ret, size_t size, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	*ret = '\0';
	for (size_t i = 0; i < wish->n_fields; i++) {
		text_add(&text, i ? ", " : "{");
		add_quoted(&text, wish->fields[i].name);
		text_add(&text, ": ");
		add_quoted(&text, wish->fields[i].value);
	}
	if (wish->n_fields)
		text_add(&text, "}");
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory for the fields of a request");
	if (text.len >= size)
		return fail(err, ERR_TOO_LARGE, "the fields are longer than %zu bytes together",
			    size - 1);
	memcpy(ret, text_str(&text), text.len + 1);
	return 0;
}

static void warn(struct steward *steward, struct steward_lease *lease, int64_t now_s)
{
	const struct steward_instance *instance = steward_instance_of(steward, lease);
	char rule[64];
	const struct about about = {.lease = &lease->row,
				    .instance = instance ? &instance->row : NULL,
				    .by = "carved",
				    .rule = policy_warn_rule(steward->policy, lease->row.class_name,
							     rule, sizeof(rule))};
	char time[32];

	lease->row.has_warned = true;
	lease->row.warned_s = now_s;
	lease->dirty = true;
	steward_note(steward, EVENT_EXPIRING, &about, now_s, "ends at %s",
		     clock_format(time, sizeof(time), lease->row.ends_s));
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

void steward_warn(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		const struct ledger_lease *row = &lease->row;
		int64_t warn_s;

		if (row->state != LEASE_ACTIVE || row->has_warned)
			continue;
		warn_s = policy_warn_s(steward->policy, row->class_name, row->time_s);
		if (warn_s && row->ends_s - warn_s <= now_s)
			warn(steward, lease, now_s);
	}
}
