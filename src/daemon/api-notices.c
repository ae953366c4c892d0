/* How telling people goes. */
#include "daemon/api-json.h"
#include "daemon/api-notices.h"
#include "ledger/ledger-notice.h"
#include "notice/notifier.h"

json_t *api_notices(const struct api *api)
{
	json_t *json;

	if (!api->notifier)
		return json_null();
	json = json_pack("{s:I}", "dropped", (json_int_t)notifier_dropped(api->notifier));
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++) {
		struct notifier_counts counts;

		notifier_counts(api->notifier, way, &counts);
		json_object_set_new(
			json, notice_way_name(way),
			json_pack("{s:I, s:I, s:I, s:o}", "sent", (json_int_t)counts.sent, "failed",
				  (json_int_t)counts.failed, "waiting", (json_int_t)counts.waiting,
				  "error", api_text(counts.trouble.code ? counts.trouble.text : NULL)));
	}
	return json;
}

json_t *api_add_lease_notice(const struct api *api, json_t *take_lease)
{
	json_int_t id = json_integer_value(json_object_get(take_lease, "id"));
	struct ledger_lease_notice notice;
	struct err ignored = ERR_INIT;
	bool found = false;

	if (take_lease)
		ledger_lease_notice(api->steward->ledger, id, &notice, &found, &ignored);
	if (take_lease)
		json_object_set_new(take_lease, "notice",
				    found ? json_pack("{s:s, s:I, s:o}", "kind", notice.kind, "time_s",
						      (json_int_t)notice.time_s, "text",
						      api_text(notice.text))
					  : json_null());
	return take_lease;
}

void api_add_notice_notes(const struct api *api, json_t *list)
{
	for (unsigned way = 0; api->notifier && way < NOTICE_WAY_COUNT; way++) {
		struct notifier_counts counts;

		notifier_counts(api->notifier, way, &counts);
		if (counts.trouble.code)
			json_array_append_new(list, json_sprintf("notices by %s: %s",
								 notice_way_name(way),
								 counts.trouble.text));
	}
}
