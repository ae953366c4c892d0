/*
 * api.h - what the daemon answers (carve-api(7))
 *
 * A request is parsed and checked before anything else is looked at; then it
 * is answered from the steward, in the main thread, without waiting for the
 * driver. This module knows nothing of sockets: http.c brings the request and
 * takes the answer away.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "daemon/api-routes.h"
#include "reconcile/steward.h"

#define API_MAX_BODY   65536
#define API_MAX_PARAMS 16
#define API_MAX_ROWS   1000
#define API_MAX_NAME   97 /* of the word in a path, with its NUL */

struct notifier;

struct api {
	struct steward *steward;
	struct notifier *notifier; /* NULL: nobody is told */
	struct backend_driver driver;
	const char *policy_path;
	int64_t policy_loaded_s;
	struct err policy_error; /* code NONE: the newest file is in force */
	/* Read the policy file again; by: who wants it. */
	int (*reload)(void *arg, const char *by, struct err *err);
	void *arg;
};

struct api_param {
	const char *key, *value; /* decoded */
};

struct api_request {
	const char *method, *path; /* path without the query, decoded */
	size_t n_params;
	struct api_param params[API_MAX_PARAMS];
	const char *body;
	size_t body_len;

	const struct policy_person *person; /* who asks */
	bool has_pid;
	pid_t pid;
	uint64_t pid_start;
};

struct api_answer {
	int status;
	json_t *json; /* owned by the caller */
	/* Not yet: ask again when this lease (or the change of that key) has changed, or then. */
	bool wait;
	int64_t lease, until_s;
};

/* A request that is waited for remembers where it began. */
struct api_wait {
	bool began;
	int64_t until_s;
	unsigned position;
};

/* Always gives an answer; errors are answers too. */
void api_answer(struct api *api, const struct api_request *request, struct api_wait *wait,
		int64_t now_s, struct api_answer *ret);

/* The answer for an error. NULL: no memory. */
json_t *api_error(const struct err *err);

/* ---- parsing; pure ---- */

enum api_route {
#define X(route, method, path, handler, who) ROUTE_##route,
	API_ROUTES(X)
#undef X
	ROUTE_COUNT
};

/* Everything that any request can say; what it did not say is as in the defaults. */
struct api_wish {
	enum api_route route;
	int64_t id; /* the number in the path */
	char name[API_MAX_NAME]; /* the word in the path */
	/* query */
	bool all, waiting_approval;
	const char *user, *class_name, *gpu, *state, *kind, *by;
	int64_t lease, since_s, until_s, before, after, limit, wait_s;
	/* body */
	json_t *body; /* owned: texts below live in it */
	const char *reason, *hold;
	bool wait, has_time, has_exit;
	int64_t time_s, exit_status;
	const char *text, *path, *old, *old_path; /* of policies */
	bool weekly, has_until, has_not_before;
	int64_t not_before_s;
	const char *team, *title;
	int64_t instances, begins_s, ends_s, last_s;
	bool has_count, has_gpus;
	int64_t count, gpus;
	const json_t *fields; /* free fields of a request */
	const char *profile;
	bool has_start, has_deadline, no_deadline, dry_run;
	int64_t start, deadline_s;
	bool has_pid, has_pid_start, if_possible;
	int64_t pid, pid_start;
	const char *layout, *saved;
	bool adopt, any_order, at_once, when_open, drain;
};

/*
 * err: NOT_FOUND no such path; UNSUPPORTED this method is not for it; INVALID with the
 * field or the place; TOO_LARGE
 */
int api_parse(const struct api_request *request, struct api_wish *ret, struct err *err);
void api_wish_done(struct api_wish *wish);

static inline void cleanup_api_wish_done(struct api_wish *wish)
{
	api_wish_done(wish);
}
