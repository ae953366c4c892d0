#include "cli/present.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"

/* Nobody knows when: later than any lease. */
#define NO_END_S (10 * 365 * 86400LL)

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool number_at(const json_t *object, const char *key, int64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	*ret = json_integer_value(value);
	return json_is_integer(value);
}

/* ---- who holds an instance ---- */

static const struct {
	const char *state;
	enum change_use use;
	const char *who;
} states[] = {
	{"free", CHANGE_IDLE, "nobody's"},
	{"leased", CHANGE_BUSY, "leased"},
	{"stranger", CHANGE_PINNED, "not made by carve"},
	{"stuck", CHANGE_PINNED, "stuck"},
	{"creating", CHANGE_PINNED, "being created"},
	{"destroying", CHANGE_PINNED, "being removed"},
};

static void read_holder(const json_t *json, const json_t *pids, char *who, size_t len,
			struct change_instance *ret)
{
	const char *state = text_at(json, "state");
	int64_t lease, ends_s, now_s = clock_now_s();
	char user[40];

	/* A state of a later version: better left alone. */
	ret->use = CHANGE_PINNED;
	snprintf(who, len, "of unknown state");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].state, state)) {
			ret->use = states[i].use;
			snprintf(who, len, "%s", states[i].who);
		}
	if (ret->use == CHANGE_IDLE && json_array_size(pids)) {
		ret->use = CHANGE_BUSY;
		snprintf(who, len, "in use without a lease");
	}
	if (ret->use == CHANGE_BUSY && number_at(json, "lease", &lease)) {
		text_printable(user, sizeof(user), text_at(json, "user"));
		snprintf(who, len, "lease %lld of %s", (long long)lease, user);
		ret->wait_s = number_at(json, "ends_s", &ends_s) ? ends_s - now_s : NO_END_S;
	}
	if (json_is_true(json_object_get(json, "protected"))) {
		ret->use = CHANGE_PINNED;
		snprintf(who + strlen(who), len - strlen(who), ", protected by changes.protect");
	}
	if (ret->wait_s < 0 || ret->wait_s > NO_END_S)
		ret->wait_s = ret->wait_s < 0 ? 0 : NO_END_S;
	ret->who = who;
}

static void add_pids(const json_t *json, json_t *pids)
{
	const json_t *process;
	size_t i;

	json_array_foreach(json_object_get(json, "processes"), i, process)
		json_array_append(pids, json_object_get(process, "pid"));
}

/* ---- GPUs ---- */

/* Several compute instances in one window are one instance here. */
static size_t find_window(const struct change_gpu *gpu, const struct profile *profile,
			  int64_t start)
{
	size_t i = 0;

	while (i < gpu->n && (gpu->at[i].profile != profile || gpu->at[i].start != (uint64_t)start))
		i++;
	return i;
}

static bool read_instance(const json_t *json, struct present_gpu *ret, struct layout *layout)
{
	struct change_gpu *gpu = &ret->gpu;
	const struct profile *profile;
	int64_t id, start;
	size_t i;

	if (!number_at(json, "profile_id", &id) || !number_at(json, "start", &start) || id < 0 ||
	    id > UINT8_MAX || start < 0 || start >= LAYOUT_MAX)
		return false;
	profile = board_profile_by_id(gpu->board, (unsigned)id);
	if (!profile)
		return false;
	i = find_window(gpu, profile, start);
	if (i == gpu->n) {
		if (!layout_take(layout, profile, (unsigned)start))
			return false;
		gpu->at[gpu->n++] =
			(struct change_instance){.profile = profile, .start = (unsigned)start};
		ret->instances[i] = json;
		ret->pids[i] = json_array();
	}
	add_pids(json, ret->pids[i]);
	read_holder(json, ret->pids[i], ret->who[i], sizeof(ret->who[i]), &gpu->at[i]);
	return true;
}

static void read_gpu(const json_t *json, struct present_gpu *ret, struct wish_host *host,
		     struct wish_gpu *now)
{
	const json_t *instance;
	struct layout layout;
	int64_t index;
	size_t i;

	ret->json = json;
	host->index = number_at(json, "index", &index) && index >= 0 ? (unsigned)index : 0;
	host->uuid = json_string_value(json_object_get(json, "uuid"));
	host->board = ret->gpu.board = board_by_id(text_at(json, "board"));
	ret->mig = !strcmp(text_at(json, "mig"), "on");
	ret->readable = host->board && strcmp(text_at(json, "mig"), "unsupported") != 0;
	layout_init(&layout, host->board);
	json_array_foreach(json_object_get(json, "instances"), i, instance)
		ret->readable = ret->readable && read_instance(instance, ret, &layout);
	if (!ret->readable)
		return;
	now->given = true;
	now->mig = ret->mig;
	for (; now->n < layout.n; now->n++)
		now->at[now->n] = (struct wish_item){
			&host->board->profiles[layout.at[now->n].profile],
			.has_start = true,
			.start = layout.at[now->n].start,
		};
}

int present_ask(const struct cli_wish *wish, struct present **ret, struct err *err)
{
	cleanup(present_free) struct present *present = calloc(1, sizeof(*present));
	const json_t *gpus, *gpu;
	size_t i;
	int r;

	if (!present)
		return fail(err, ERR_NOMEM, "no memory for the GPUs");
	r = ask(wish, "GET", "/v1/gpus", NULL, &present->answer, err);
	if (r)
		return r;
	gpus = json_object_get(present->answer, "gpus");
	if (json_array_size(gpus) > WISH_MAX_GPUS)
		return fail(err, ERR_TOO_LARGE, "layouts are for at most %u GPUs, not %zu",
			    WISH_MAX_GPUS, json_array_size(gpus));
	json_array_foreach(gpus, i, gpu) {
		read_gpu(gpu, &present->gpus[i], &present->server.gpus[i], &present->now.gpus[i]);
		present->server.n++;
	}
	*ret = steal(present);
	return 0;
}

void present_adopt(struct present *present)
{
	for (size_t i = 0; i < present->server.n; i++) {
		struct present_gpu *gpu = &present->gpus[i];

		for (size_t k = 0; k < gpu->gpu.n; k++)
			if (!strcmp(text_at(gpu->instances[k], "state"), "stranger"))
				gpu->gpu.at[k].use = json_array_size(gpu->pids[k]) ? CHANGE_BUSY
										   : CHANGE_IDLE;
	}
}

void present_free(struct present *present)
{
	if (!present)
		return;
	for (size_t i = 0; i < WISH_MAX_GPUS; i++)
		for (size_t k = 0; k < LAYOUT_MAX; k++)
			json_decref(present->gpus[i].pids[k]);
	json_decref(present->answer);
	free(present);
}
