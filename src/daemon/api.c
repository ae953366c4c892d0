#include "daemon/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/api-json.h"
#include "daemon/api-notices.h"
#include "daemon/api-part.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-rules.h"

json_t *api_error(const struct err *err)
{
	return json_pack("{s:{s:s, s:s, s:o, s:o, s:b}}", "error", "code", err_name(err->code),
			 "text", err->text, "hint", api_text(err->hint), "rule",
			 api_text(err->rule), "retry", err_retry(err->code));
}

int api_reply(struct api_asking *asking, int status, json_t *take_json)
{
	if (!take_json)
		return fail(asking->err, ERR_NOMEM, "no memory for an answer");
	asking->ret->status = status;
	asking->ret->json = take_json;
	return 0;
}

/* ---- the picture ---- */

static json_t *gpu_list(const struct steward *steward)
{
	json_t *list = json_array();

	for (size_t i = 0; i < steward->n_gpus; i++)
		json_array_append_new(list, api_gpu(steward, i));
	return list;
}

int api_get_gpus(struct api_asking *asking)
{
	return api_reply(asking, 200, json_pack("{s:o}", "gpus", gpu_list(asking->api->steward)));
}

int api_get_classes(struct api_asking *asking)
{
	const struct steward *steward = asking->api->steward;
	json_t *list = json_array();

	for (size_t i = 0; i < policy_n_classes(steward->policy); i++)
		json_array_append_new(list, api_class(steward, policy_class_at(steward->policy, i),
						      asking->request->person, asking->now_s));
	return api_reply(asking, 200, json_pack("{s:o}", "classes", list));
}

static bool is_after(const json_t *a, const json_t *b)
{
	return json_integer_value(json_object_get(a, "position")) >
	       json_integer_value(json_object_get(b, "position"));
}

static void insert_by_place(json_t *list, json_t *take_lease)
{
	size_t at = json_array_size(list);

	while (at && is_after(json_array_get(list, at - 1), take_lease))
		at--;
	json_array_insert_new(list, at, take_lease);
}

static void add_leases(const struct steward *steward, json_t *leases, json_t *queue)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct steward_lease *lease = steward->leases[i];

		if (lease->row.state == LEASE_QUEUED)
			insert_by_place(queue, api_live_lease(steward, lease));
		else if (lease->row.state != LEASE_ENDED)
			json_array_append_new(leases, api_live_lease(steward, lease));
	}
}

/* Moves that an admin may have done; of those who wait, the first few are enough. */
static void add_proposals(const struct steward *steward, int64_t now_s, json_t *list)
{
	unsigned n = 0;

	for (size_t i = 0; i < steward->n_leases && n < 8; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;
		cleanup(text_done) struct text text = TEXT_INIT;

		if (row->state != LEASE_QUEUED)
			continue;
		n++;
		if (steward_propose_for(steward, row, now_s, &text))
			json_array_append_new(list, json_sprintf("lease %" PRId64 " of %s waits; %s",
								 row->id, row->user,
								 text_str(&text)));
	}
}

static json_t *return_note(const struct steward *steward, size_t gpu)
{
	char time[32];

	return json_sprintf("GPU %u: its layout is there until %s",
			    steward->gpus[gpu].info.index,
			    clock_format(time, sizeof(time),
					 steward_return_of(steward, gpu)->row.not_before_s));
}

/* What an admin should read. */
static json_t *notes(const struct api *api, int64_t now_s)
{
	const struct steward *steward = api->steward;
	json_t *list = json_array();

	if (api->driver.missing[0])
		json_array_append_new(
			list, json_sprintf("the driver's library lacks: %s", api->driver.missing));
	if (*steward->observing)
		json_array_append_new(list, json_sprintf("%s; carve only observes", steward->observing));
	if (steward->survey_trouble.code)
		json_array_append_new(list, json_sprintf("the GPUs cannot be looked at: %s",
							 steward->survey_trouble.text));
	if (steward->unwritable)
		json_array_append_new(list, json_sprintf("the ledger cannot be written: %s",
							 steward->unwritable_why.text));
	for (size_t i = 0; i < steward->n_drains; i++)
		json_array_append_new(list, api_drain_note(steward, &steward->drains[i].row));
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (steward_return_of(steward, i))
			json_array_append_new(list, return_note(steward, i));
	api_add_isolation_notes(steward, list);
	api_add_notice_notes(api, list);
	api_add_shape_notes(steward, list);
	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];

		if (gpu->there && gpu->managed && gpu->info.mig_capable && !gpu->info.mig)
			json_array_append_new(list,
					      json_sprintf("GPU %u: MIG is off, so it is not used",
							   gpu->info.index));
		if (gpu->n_strangers)
			json_array_append_new(
				list,
				json_sprintf("GPU %u: %zu instance%s not made by carve, left alone",
					     gpu->info.index, gpu->n_strangers,
					     gpu->n_strangers == 1 ? "" : "s"));
	}
	add_proposals(steward, now_s, list);
	return list;
}

static json_t *policy_json(const struct api *api)
{
	return json_pack("{s:s, s:o, s:I, s:o}", "path", api->policy_path, "name",
			 api_text(policy_name(api->steward->policy)), "loaded_s",
			 (json_int_t)api->policy_loaded_s, "error",
			 api_text(api->policy_error.code ? api->policy_error.text : NULL));
}

int api_get_status(struct api_asking *asking)
{
	const struct api *api = asking->api;
	json_t *leases = json_array(), *queue = json_array();

	add_leases(api->steward, leases, queue);
	return api_reply(asking, 200,
		      json_pack("{s:I, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "time_s",
				(json_int_t)asking->now_s, "version", CARVE_VERSION, "driver",
				api_text(api->driver.driver), "nvml", api_text(api->driver.nvml),
				"policy", policy_json(api), "ledger_writable",
				!api->steward->unwritable, "observing",
				api_text(api->steward->observing), "gpus", gpu_list(api->steward), "leases",
				leases, "queue", queue, "notices", api_notices(api), "notes",
				notes(api, asking->now_s)));
}

/* ---- leases ---- */

struct listing {
	const struct steward *steward;
	json_t *list;
	bool waiting_approval; /* only those */
};

static void list_lease(const struct ledger_lease *row, const struct ledger_instance *instance,
		       void *arg)
{
	struct listing *listing = arg;
	const struct steward_lease *live = steward_lease_at(listing->steward, row->id);

	if (listing->waiting_approval && row->state != LEASE_REQUESTED)
		return;

	json_array_append_new(listing->list,
			      live ? api_live_lease(listing->steward, live)
				   : api_lease(listing->steward, row, instance, NULL));
}

int api_get_leases(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	struct ledger_lease_filter filter = LEASE_FILTER_ALL;
	struct listing listing = {asking->api->steward, json_array(), wish->waiting_approval};
	int r;

	filter.live = !wish->all;
	filter.user = wish->user;
	filter.class_name = wish->class_name;
	filter.since_s = wish->since_s;
	filter.before_id = wish->before;
	filter.limit = (size_t)wish->limit;
	r = ledger_leases(asking->api->steward->ledger, &filter, list_lease, &listing, asking->err);
	if (r) {
		json_decref(listing.list);
		return r;
	}
	return api_reply(asking, 200, json_pack("{s:o}", "leases", listing.list));
}

int api_reply_lease(struct api_asking *asking, int status, int64_t id)
{
	const struct steward *steward = asking->api->steward;
	const struct steward_lease *live = steward_lease_at(steward, id);
	struct ledger_lease_filter filter = LEASE_FILTER_ALL;
	struct listing listing = {.steward = steward};
	json_t *json;
	int r;

	if (live)
		return api_reply(asking, status, api_live_lease(steward, live));
	filter.id = id;
	listing.list = json_array();
	r = ledger_leases(steward->ledger, &filter, list_lease, &listing, asking->err);
	json = json_incref(json_array_get(listing.list, 0));
	json_decref(listing.list);
	if (r)
		return r;
	return json ? api_reply(asking, status, json)
		    : fail(asking->err, ERR_NOT_FOUND, "there is no lease %" PRId64, id);
}

/* The answer that is waited for has not come yet. */
static bool is_still(struct api_asking *asking, const struct steward_lease *lease)
{
	struct api_wait *wait = asking->wait;

	if (!wait->began) {
		wait->began = true;
		wait->until_s = asking->now_s + asking->wish->wait_s;
		wait->position = lease->position;
	}
	return !strcmp(lease_state_name(lease->row.state), asking->wish->state) &&
	       lease->position == wait->position && asking->now_s < wait->until_s;
}

int api_get_lease(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct steward_lease *live = steward_lease_at(asking->api->steward, wish->id);

	if (wish->wait_s > 0 && wish->state && live && is_still(asking, live)) {
		asking->ret->wait = true;
		asking->ret->lease = wish->id;
		asking->ret->until_s = asking->wait->until_s;
		return 0;
	}
	return api_reply_lease(asking, 200, wish->id);
}

int api_post_lease(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	struct policy_field fields[POLICY_MAX_FIELDS];
	struct steward_wish want = {
		.wish = {.class_name = wish->class_name,
			 .fields = fields,
			 .reason = wish->reason ? wish->reason : "",
			 .has_time = wish->has_time,
			 .time_s = wish->time_s},
		.wait = wish->wait,
		.hold = wish->hold && !strcmp(wish->hold, "caller"),
		.has_pid = asking->request->has_pid,
		.pid = asking->request->pid,
		.pid_start = asking->request->pid_start,
	};
	const struct steward_lease *lease;
	int r;

	if (want.hold && !want.has_pid)
		return fail(asking->err, ERR_INVALID,
			    "the calling process is not known, so the lease cannot be tied to it");
	r = api_read_fields(wish, fields, &want.wish.n_fields, asking->err);
	if (r)
		return r;
	if (wish->has_gpus || wish->has_count)
		return api_post_together(asking, &want);
	r = steward_request(asking->api->steward, asking->request->person, &want, asking->now_s,
			    &lease, asking->err);
	if (r)
		return r;
	return api_reply(asking, lease->row.state <= LEASE_QUEUED ? 202 : 201,
		      api_live_lease(asking->api->steward, lease));
}

int api_delete_lease(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct steward_release how = {.has_exit = wish->has_exit,
					    .exit_status = (int)wish->exit_status,
					    .reason = wish->reason};
	int r = steward_release(asking->api->steward, asking->request->person, wish->id, &how,
				asking->now_s, asking->err);

	return r ? r : api_reply_lease(asking, 200, wish->id);
}

int api_post_renew(struct api_asking *asking)
{
	int r = steward_renew(asking->api->steward, asking->request->person, asking->wish->id,
			      asking->wish->time_s, asking->now_s, asking->err);

	return r ? r : api_reply_lease(asking, 200, asking->wish->id);
}

/* ---- events ---- */

static void list_event(const struct ledger_event *event, void *arg)
{
	struct listing *listing = arg;

	json_array_append_new(listing->list, api_event(listing->steward, event));
}

const char *api_gpu_uuid(const struct steward *steward, const char *name)
{
	for (size_t i = 0; name && i < steward->n_gpus; i++) {
		char index[16];

		snprintf(index, sizeof(index), "%u", steward->gpus[i].info.index);
		if (!strcmp(index, name))
			return steward->gpus[i].info.uuid;
	}
	return name;
}

int api_get_events(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	struct ledger_event_filter filter = EVENT_FILTER_ALL;
	struct listing listing = {asking->api->steward, json_array(), false};
	int r;

	filter.user = wish->user;
	filter.gpu = api_gpu_uuid(asking->api->steward, wish->gpu);
	filter.lease = wish->lease;
	filter.since_s = wish->since_s;
	filter.after_id = wish->after;
	filter.limit = (size_t)wish->limit;
	r = ledger_events(asking->api->steward->ledger, &filter, list_event, &listing, asking->err);
	if (r) {
		json_decref(listing.list);
		return r;
	}
	return api_reply(asking, 200, json_pack("{s:o}", "events", listing.list));
}

/* ---- the policy ---- */

int api_post_reload(struct api_asking *asking)
{
	struct api *api = asking->api;
	int r;

	r = api->reload(api->arg, asking->request->person->name, asking->err);
	return r ? r : api_reply(asking, 200, json_pack("{s:o}", "policy", policy_json(api)));
}

/* ---- who may ask, and whom ---- */

enum asker { ANYBODY, ADMIN };

static const struct {
	int (*answer)(struct api_asking *asking);
	enum asker who;
} handlers[] = {
#define X(route, method, path, handler, who) [ROUTE_##route] = {handler, who},
	API_ROUTES(X)
#undef X
};

static int handle(struct api_asking *asking)
{
	enum api_route route = asking->wish->route;

	if (handlers[route].who == ADMIN &&
	    !policy_is_admin(asking->api->steward->policy, asking->request->person)) {
		fail(asking->err, ERR_DENIED, "%s %s is for admins only, and %s is none",
		     asking->request->method, asking->request->path, asking->request->person->name);
		return fail_hint(asking->err, "the policy's \"admins\" says who is one");
	}
	return handlers[route].answer(asking);
}

void api_answer(struct api *api, const struct api_request *request, struct api_wait *wait,
		int64_t now_s, struct api_answer *ret)
{
	cleanup(api_wish_done) struct api_wish wish = {0};
	struct err err = ERR_INIT;
	struct api_asking asking = {api, request, &wish, wait, now_s, ret, &err};

	*ret = (struct api_answer){0};
	if (!api_parse(request, &wish, &err) && !handle(&asking))
		return;
	ret->status = err_http_status(err.code);
	ret->json = api_error(&err);
}
