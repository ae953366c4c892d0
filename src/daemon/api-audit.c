/* What was asked for, granted and refused; and where the chain of events stands. */
#include <inttypes.h>
#include <string.h>

#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "ledger/ledger-audit.h"
#include "ledger/ledger-chain.h"

/* What became of it. */
static const char *decision(const struct ledger_audit *row)
{
	if (row->refused)
		return "refused";
	if (row->lease.has_granted)
		return "granted";
	if (row->was_denied)
		return "denied";
	return row->lease.state < LEASE_ENDING ? "waiting" : "not-granted";
}

static json_t *audit_json(const struct ledger_audit *row)
{
	const struct ledger_lease *lease = &row->lease;
	const struct ledger_instance *at = row->has_instance ? &row->instance : NULL;

	return json_pack(
		"{s:s, s:I, s:s, s:I, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o}",
		"kind", row->refused ? "refusal" : "lease", "id", (json_int_t)lease->id, "user",
		lease->user, "uid", (json_int_t)lease->uid, "team", api_text(lease->team), "class",
		lease->class_name, "reason", api_text(lease->reason), "fields", api_fields(lease), "decision", decision(row),
		"rule", api_text(lease->rule), "answered_by", api_text(row->approved_by),
		"answered_s", api_number(row->has_approved, row->approved_s), "answer",
		api_text(row->answer), "profile", api_text(at ? at->profile : NULL), "gpu_uuid",
		api_text(at ? at->gpu : NULL), "start", api_number(at, at ? at->start : 0), "uuid",
		api_text(at ? at->mig_uuid : NULL), "requested_s", json_integer(lease->requested_s),
		"granted_s", api_number(lease->has_granted, lease->granted_s), "ended_s",
		api_number(lease->has_ended, lease->ended_s), "ended_by", api_text(row->ended_by),
		"why", api_text(lease->why_ended));
}

static void list_row(const struct ledger_audit *row, void *arg)
{
	json_array_append_new(arg, audit_json(row));
}

int api_get_audit(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct ledger_audit_filter filter = {
		.refused = wish->kind && !strcmp(wish->kind, "refusal"),
		.since_s = wish->since_s < 0 ? INT64_MIN : wish->since_s,
		.until_s = wish->until_s < 0 ? INT64_MAX : wish->until_s,
		.user = wish->user,
		.class_name = wish->class_name,
		.after = wish->after < 0 ? 0 : wish->after,
		.limit = wish->limit,
	};
	json_t *rows;
	int r;

	if (!wish->kind || (!filter.refused && strcmp(wish->kind, "lease") != 0))
		return fail(asking->err, ERR_INVALID, "'kind' is neither \"lease\" nor \"refusal\"");
	rows = json_array();
	r = ledger_audit(asking->api->steward->ledger, &filter, list_row, rows, asking->err);
	if (r) {
		json_decref(rows);
		return r;
	}
	return api_reply(asking, 200, json_pack("{s:o}", "rows", rows));
}

int api_get_audit_head(struct api_asking *asking)
{
	struct ledger_head head;
	int r = ledger_head(asking->api->steward->ledger, &head, asking->err);

	return r ? r
		 : api_reply(asking, 200,
			     json_pack("{s:I, s:s}", "event", (json_int_t)head.id, "hash",
				       head.hash));
}
