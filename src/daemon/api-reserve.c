/* Places that are kept for a team. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "reconcile/steward-reserve.h"

static json_t *reservation_json(const struct steward *steward,
				const struct steward_reservation *reservation, int64_t now_s)
{
	const struct policy_reservation *when = &reservation->when;
	cleanup(text_done) struct text text = TEXT_INIT;
	struct steward_reserved next = {0};
	bool on = steward_reserved(steward, reservation, now_s, &next);

	policy_reservation_format(when, &text);
	return json_pack("{s:o, s:s, s:s, s:s, s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:s, s:o, s:o}",
			 "id", api_number(reservation->id, reservation->id), "name", when->name,
			 "team", when->team, "class", when->class_name, "instances",
			 (int)when->instances, "when", text_str(&text), "weekly", when->days != 0,
			 "begins_s", api_number(on, next.begins_s), "ends_s",
			 api_number(on, next.ends_s), "taken", api_number(on, next.taken),
			 "missing", api_number(on, next.missing), "rule", reservation->rule, "by",
			 api_text(reservation->maker), "reason", api_text(reservation->reason));
}

int api_get_reservations(struct api_asking *asking)
{
	const struct steward *steward = asking->api->steward;
	json_t *list = json_array();

	for (size_t i = 0; i < steward_n_reservations(steward); i++) {
		struct steward_reservation reservation;

		steward_reservation_at(steward, i, &reservation);
		json_array_append_new(list,
				      reservation_json(steward, &reservation, asking->now_s));
	}
	return api_reply(asking, 200, json_pack("{s:o}", "reservations", list));
}

static int reply_reservation(struct api_asking *asking, int64_t id)
{
	const struct steward *steward = asking->api->steward;

	for (size_t i = 0; i < steward_n_reservations(steward); i++) {
		struct steward_reservation reservation;

		steward_reservation_at(steward, i, &reservation);
		if (reservation.id == id)
			return api_reply(asking, 201,
					 reservation_json(steward, &reservation, asking->now_s));
	}
	return fail(asking->err, ERR_INTERNAL, "a reservation was lost");
}

int api_post_reservation(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	struct ledger_reservation row = {
		.instances = (unsigned)wish->instances,
		.days = wish->weekly,
		.begins_s = wish->begins_s,
		.ends_s = wish->ends_s,
		.has_until = wish->has_until,
		.until_s = wish->last_s,
	};
	int64_t id;
	int r;

	if (wish->has_until && !wish->weekly)
		return fail(asking->err, ERR_INVALID, "'until_s' goes with 'weekly'");
	text_printable(row.name, sizeof(row.name), wish->title ? wish->title : wish->team);
	text_printable(row.team, sizeof(row.team), wish->team);
	text_printable(row.class_name, sizeof(row.class_name), wish->class_name);
	text_printable(row.reason, sizeof(row.reason), wish->reason ? wish->reason : "");
	r = steward_reserve(asking->api->steward, asking->request->person, &row, asking->now_s, &id,
			    asking->err);
	return r ? r : reply_reservation(asking, id);
}

int api_delete_reservation(struct api_asking *asking)
{
	int r = steward_unreserve(asking->api->steward, asking->request->person, asking->wish->id,
				  asking->now_s, asking->err);

	return r ? r : api_get_reservations(asking);
}
