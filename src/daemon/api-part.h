/*
 * api-part.h - what the files that answer requests share; only for api*.c
 */
#pragma once

#include "daemon/api.h"

/* One request while it is answered. */
struct api_asking {
	struct api *api;
	const struct api_request *request;
	const struct api_wish *wish;
	struct api_wait *wait;
	int64_t now_s;
	struct api_answer *ret;
	struct err *err;
};

/* The answer; NULL json is NOMEM. Returns what a handler returns. */
int api_reply(struct api_asking *asking, int status, json_t *take_json);

/* The UUID of a GPU named by its index or UUID; the name itself when there is no such GPU. */
const char *api_gpu_uuid(const struct steward *steward, const char *name);

/*
 * The free fields of a request, as the steward wants them.
 *   ret  out: room for POLICY_MAX_FIELDS; texts live in the body
 *   err  INVALID, TOO_LARGE
 */
int api_read_fields(const struct api_wish *wish, struct policy_field *ret, size_t *ret_n,
		    struct err *err);

/* What the policy in force makes hard to share, or strands, on the GPUs there are. */
void api_add_shape_notes(const struct steward *steward, json_t *list);

/* Several leases for one job: {leases: [...]}. */
int api_post_together(struct api_asking *asking, const struct steward_wish *want);

/* The lease as it stands now, ended ones too. */
int api_reply_lease(struct api_asking *asking, int status, int64_t id);

/* Handlers return 0 with an answer, or a negative code with asking->err. */
#define X(route, method, path, handler, who) int handler(struct api_asking *asking);
API_ROUTES(X)
#undef X
