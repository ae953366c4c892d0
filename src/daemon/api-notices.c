/* How telling people goes. */
#include "daemon/api-json.h"
#include "daemon/api-notices.h"
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
