#include "daemon/api.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/sizes.h"
#include "base/text.h"
#include "ledger/ledger.h"

#define MAX_WAIT_S 60
#define MAX_TIME_S (366 * 86400)
#define MAX_MOMENT_S 253402300799 /* the end of the year 9999 */

/* ---- where it goes ---- */

static const struct {
	const char *method, *path;
	enum api_route route;
} routes[] = {
#define X(route, method, path, handler, who) {method, path, ROUTE_##route},
	API_ROUTES(X)
#undef X
};

/* Each reads its part of a path and returns what follows; NULL: it is none. */
static const char *read_id(const char *path, int64_t *ret_id)
{
	int64_t id = 0;

	if (*path < '1' || *path > '9')
		return NULL;
	for (; *path >= '0' && *path <= '9'; path++) {
		if (id > (INT64_MAX - 9) / 10)
			return NULL;
		id = id * 10 + (*path - '0');
	}
	*ret_id = id;
	return path;
}

static const char *read_name(const char *path, char *ret)
{
	size_t len = strcspn(path, "/");

	if (!len || len >= API_MAX_NAME || !text_is_utf8(path, len))
		return NULL;
	memcpy(ret, path, len);
	ret[len] = '\0';
	return path + len;
}

static bool path_matches(const char *pattern, const char *path, struct api_wish *ret)
{
	for (; *pattern && path; pattern++) {
		if (*pattern == '#')
			path = read_id(path, &ret->id);
		else if (*pattern == '*')
			path = read_name(path, ret->name);
		else if (*pattern != *path++)
			return false;
	}
	return path && *path == '\0';
}

static int find_route(const struct api_request *request, struct api_wish *ret, struct err *err)
{
	char path[64];
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!path_matches(routes[i].path, request->path, ret))
			continue;
		found = true;
		if (strcmp(routes[i].method, request->method) != 0)
			continue;
		ret->route = routes[i].route;
		return 0;
	}
	text_printable(path, sizeof(path), request->path);
	if (found)
		return fail(err, ERR_UNSUPPORTED, "'%s' does not take this method", path);
	fail(err, ERR_NOT_FOUND, "there is nothing at '%s'", path);
	return fail_hint(err, "carve-api(7) lists what there is");
}

/* ---- fields of queries and bodies ---- */

enum field_kind { FIELD_TEXT, FIELD_FLAG, FIELD_NUMBER, FIELD_OBJECT };

struct field {
	const char *key;
	enum field_kind kind;
	size_t at, has_at; /* has_at 0: no flag */
	int64_t min, max;
	uint64_t routes; /* bit r: route r takes it */
};

#define ON(route) (UINT64_C(1) << (route))
#define AT(field) offsetof(struct api_wish, field)

static const struct field params[] = {
	{"all", FIELD_FLAG, AT(all), .routes = ON(ROUTE_LEASES) | ON(ROUTE_CHANGES)},
	{"waiting_approval", FIELD_FLAG, AT(waiting_approval), .routes = ON(ROUTE_LEASES)},
	{"user", FIELD_TEXT, AT(user), .max = 64, .routes = ON(ROUTE_LEASES) | ON(ROUTE_EVENTS) | ON(ROUTE_AUDIT)},
	{"class", FIELD_TEXT, AT(class_name), .max = 64,
	 .routes = ON(ROUTE_LEASES) | ON(ROUTE_AUDIT)},
	{"kind", FIELD_TEXT, AT(kind), .max = 16, .routes = ON(ROUTE_AUDIT)},
	{"by", FIELD_TEXT, AT(by), .max = 16, .routes = ON(ROUTE_USAGE)},
	{"gpu", FIELD_TEXT, AT(gpu), .max = 96, .routes = ON(ROUTE_EVENTS)},
	{"lease", FIELD_NUMBER, AT(lease), 0, 1, INT64_MAX, ON(ROUTE_EVENTS)},
	{"since_s", FIELD_NUMBER, AT(since_s), 0, 0, INT64_MAX,
	 ON(ROUTE_LEASES) | ON(ROUTE_EVENTS) | ON(ROUTE_AUDIT) | ON(ROUTE_USAGE)},
	{"until_s", FIELD_NUMBER, AT(until_s), 0, 0, INT64_MAX, ON(ROUTE_AUDIT) | ON(ROUTE_USAGE)},
	{"before", FIELD_NUMBER, AT(before), 0, 1, INT64_MAX, ON(ROUTE_LEASES)},
	{"after", FIELD_NUMBER, AT(after), 0, 0, INT64_MAX,
	 ON(ROUTE_EVENTS) | ON(ROUTE_AUDIT) | ON(ROUTE_CHANGE)},
	{"limit", FIELD_NUMBER, AT(limit), 0, 1, API_MAX_ROWS,
	 ON(ROUTE_LEASES) | ON(ROUTE_EVENTS) | ON(ROUTE_AUDIT) | ON(ROUTE_CHANGES)},
	{"wait_s", FIELD_NUMBER, AT(wait_s), 0, 0, MAX_WAIT_S, ON(ROUTE_LEASE) | ON(ROUTE_CHANGE)},
	{"state", FIELD_TEXT, AT(state), .max = 16, .routes = ON(ROUTE_LEASE) | ON(ROUTE_CHANGE)},
};

static const struct field fields[] = {
	{"class", FIELD_TEXT, AT(class_name), .max = 64, .routes = ON(ROUTE_REQUEST)},
	{"reason", FIELD_TEXT, AT(reason), .max = LEDGER_REASON - 1,
	 .routes = ON(ROUTE_REQUEST) | ON(ROUTE_RELEASE) | ON(ROUTE_APPROVE) | ON(ROUTE_DENY) |
		   ON(ROUTE_DRAIN) | ON(ROUTE_APPLY)},
	{"text", FIELD_TEXT, AT(text), .max = API_MAX_BODY, .routes = ON(ROUTE_POLICY_DIFF)},
	{"path", FIELD_TEXT, AT(path), .max = 255, .routes = ON(ROUTE_POLICY_DIFF)},
	{"old", FIELD_TEXT, AT(old), .max = API_MAX_BODY, .routes = ON(ROUTE_POLICY_DIFF)},
	{"old_path", FIELD_TEXT, AT(old_path), .max = 255, .routes = ON(ROUTE_POLICY_DIFF)},
	{"class", FIELD_TEXT, AT(class_name), .max = 64, .routes = ON(ROUTE_RESERVE)},
	{"reason", FIELD_TEXT, AT(reason), .max = LEDGER_NOTE - 1, .routes = ON(ROUTE_RESERVE)},
	{"name", FIELD_TEXT, AT(title), .max = LEDGER_NAME - 1, .routes = ON(ROUTE_RESERVE)},
	{"team", FIELD_TEXT, AT(team), .max = LEDGER_NAME - 1, .routes = ON(ROUTE_RESERVE)},
	{"instances", FIELD_NUMBER, AT(instances), 0, 1, 100000, ON(ROUTE_RESERVE)},
	{"begins_s", FIELD_NUMBER, AT(begins_s), 0, 0, MAX_MOMENT_S, ON(ROUTE_RESERVE)},
	{"ends_s", FIELD_NUMBER, AT(ends_s), 0, 0, MAX_MOMENT_S, ON(ROUTE_RESERVE)},
	{"until_s", FIELD_NUMBER, AT(last_s), AT(has_until), 0, MAX_MOMENT_S, ON(ROUTE_RESERVE)},
	{"weekly", FIELD_FLAG, AT(weekly), .routes = ON(ROUTE_RESERVE)},
	{"count", FIELD_NUMBER, AT(count), AT(has_count), 1, STEWARD_TOGETHER, ON(ROUTE_REQUEST)},
	{"gpus", FIELD_NUMBER, AT(gpus), AT(has_gpus), 1, STEWARD_TOGETHER, ON(ROUTE_REQUEST)},
	{"fields", FIELD_OBJECT, AT(fields), .routes = ON(ROUTE_REQUEST)},
	{"time_s", FIELD_NUMBER, AT(time_s), AT(has_time), 1, MAX_TIME_S,
	 ON(ROUTE_REQUEST) | ON(ROUTE_RENEW)},
	{"wait", FIELD_FLAG, AT(wait), .routes = ON(ROUTE_REQUEST) | ON(ROUTE_APPLY)},
	{"layout", FIELD_TEXT, AT(layout), .max = CHANGE_WORDS - 1, .routes = ON(ROUTE_APPLY)},
	{"saved", FIELD_TEXT, AT(saved), .max = LEDGER_NAME - 1, .routes = ON(ROUTE_APPLY)},
	{"adopt", FIELD_FLAG, AT(adopt), .routes = ON(ROUTE_APPLY)},
	{"any_order", FIELD_FLAG, AT(any_order), .routes = ON(ROUTE_APPLY)},
	{"now", FIELD_FLAG, AT(at_once), .routes = ON(ROUTE_APPLY)},
	{"when_open", FIELD_FLAG, AT(when_open), .routes = ON(ROUTE_APPLY)},
	{"drain", FIELD_FLAG, AT(drain), .routes = ON(ROUTE_APPLY)},
	{"until_s", FIELD_NUMBER, AT(until_s), AT(has_until), 1, INT64_MAX, ON(ROUTE_APPLY)},
	{"not_before_s", FIELD_NUMBER, AT(not_before_s), AT(has_not_before), 1, INT64_MAX,
	 ON(ROUTE_MOVE)},
	{"hold", FIELD_TEXT, AT(hold), .max = 16, .routes = ON(ROUTE_REQUEST)},
	{"pid", FIELD_NUMBER, AT(pid), AT(has_pid), 1, INT32_MAX, ON(ROUTE_ATTACH)},
	{"pid_start", FIELD_NUMBER, AT(pid_start), AT(has_pid_start), 0, INT64_MAX,
	 ON(ROUTE_ATTACH)},
	{"if_possible", FIELD_FLAG, AT(if_possible), .routes = ON(ROUTE_ATTACH)},
	{"exit_status", FIELD_NUMBER, AT(exit_status), AT(has_exit), 0, 255, ON(ROUTE_RELEASE)},
	{"gpu", FIELD_TEXT, AT(gpu), .max = 96, .routes = ON(ROUTE_DRAIN)},
	{"start", FIELD_NUMBER, AT(start), AT(has_start), 0, 255, ON(ROUTE_DRAIN)},
	{"profile", FIELD_TEXT, AT(profile), .max = 32, .routes = ON(ROUTE_DRAIN)},
	{"lease", FIELD_NUMBER, AT(lease), 0, 1, INT64_MAX, ON(ROUTE_DRAIN)},
	{"deadline_s", FIELD_NUMBER, AT(deadline_s), AT(has_deadline), 0, INT64_MAX,
	 ON(ROUTE_DRAIN)},
	{"no_deadline", FIELD_FLAG, AT(no_deadline), .routes = ON(ROUTE_DRAIN)},
	{"dry_run", FIELD_FLAG, AT(dry_run), .routes = ON(ROUTE_DRAIN)},
};

#define MAX_FIELDS 64
_Static_assert(ARRAY_SIZE(params) <= MAX_FIELDS && ARRAY_SIZE(fields) <= MAX_FIELDS,
	       "room for the names of one route's fields");
_Static_assert(ROUTE_COUNT <= 64, "a bit for each route");

static const struct field *find_field(const struct field *table, size_t n, const char *key,
				      enum api_route route, struct err *err)
{
	const char *names[MAX_FIELDS], *near;
	char shown[48];
	size_t n_names = 0;

	for (size_t i = 0; i < n; i++) {
		if (!(table[i].routes & ON(route)))
			continue;
		if (!strcmp(table[i].key, key))
			return &table[i];
		names[n_names++] = table[i].key;
	}
	text_printable(shown, sizeof(shown), key);
	fail(err, ERR_INVALID, "'%s' is not known here", shown);
	near = text_nearest(key, names, n_names);
	if (near)
		fail_hint(err, "did you mean '%s'?", near);
	return NULL;
}

static int store_text(const struct field *field, const char *text, size_t len, void *at,
		      struct err *err)
{
	if (len > (size_t)field->max)
		return fail(err, ERR_TOO_LARGE, "'%s' is longer than %d bytes", field->key,
			    (int)field->max);
	if (strlen(text) != len || !text_is_utf8(text, len))
		return fail(err, ERR_INVALID, "'%s' is not UTF-8 text", field->key);
	*(const char **)at = text;
	return 0;
}

static int store_number(const struct field *field, int64_t value, struct api_wish *wish,
			struct err *err)
{
	if (value < field->min || value > field->max)
		return fail(err, ERR_INVALID, "'%s' is not in the range %lld to %lld", field->key,
			    (long long)field->min, (long long)field->max);
	*(int64_t *)((char *)wish + field->at) = value;
	if (field->has_at)
		*(bool *)((char *)wish + field->has_at) = true;
	return 0;
}

static int read_param(const struct api_param *param, struct api_wish *wish, struct err *err)
{
	const struct field *field =
		find_field(params, ARRAY_SIZE(params), param->key, wish->route, err);
	const char *value = param->value ? param->value : "";
	char shown[40]; /* what does not print is no number, and what is no number is quoted */
	int64_t number;
	int r;

	if (!field)
		return -ERR_INVALID;
	switch (field->kind) {
	case FIELD_TEXT:
		return store_text(field, value, strlen(value), (char *)wish + field->at, err);
	case FIELD_FLAG:
		*(bool *)((char *)wish + field->at) =
			strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
		return 0;
	case FIELD_OBJECT:
		return fail(err, ERR_INVALID, "'%s' is an object, for the body", field->key);
	case FIELD_NUMBER:
		if (strlen(value) >= sizeof(shown))
			return fail(err, ERR_INVALID, "'%s' is not a whole number", field->key);
		text_printable(shown, sizeof(shown), value);
		r = number_parse(shown, field->key, field->min, field->max, &number, err);
		return r ? r : store_number(field, number, wish, err);
	}
	return 0;
}

static int read_member(const char *key, const json_t *value, struct api_wish *wish, struct err *err)
{
	const struct field *field = find_field(fields, ARRAY_SIZE(fields), key, wish->route, err);
	static const char *const wanted[] = {[FIELD_TEXT] = "a text",
					     [FIELD_FLAG] = "true or false",
					     [FIELD_NUMBER] = "a whole number",
					     [FIELD_OBJECT] = "an object"};

	if (!field)
		return -ERR_INVALID;
	if (json_is_null(value))
		return 0;
	if (field->kind == FIELD_TEXT && json_is_string(value))
		return store_text(field, json_string_value(value), json_string_length(value),
				  (char *)wish + field->at, err);
	if (field->kind == FIELD_NUMBER && json_is_integer(value))
		return store_number(field, json_integer_value(value), wish, err);
	if (field->kind == FIELD_OBJECT && json_is_object(value)) {
		*(const json_t **)((char *)wish + field->at) = value;
		return 0;
	}
	if (field->kind != FIELD_FLAG || !json_is_boolean(value))
		return fail(err, ERR_INVALID, "'%s' is not %s", field->key, wanted[field->kind]);
	*(bool *)((char *)wish + field->at) = json_is_true(value);
	return 0;
}

static bool takes_body(enum api_route route)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].routes & ON(route))
			return true;
	return false;
}

static int read_body(const struct api_request *request, struct api_wish *wish, struct err *err)
{
	json_error_t where;
	const char *key;
	json_t *value;
	int r = 0;

	if (request->body_len > API_MAX_BODY)
		return fail(err, ERR_TOO_LARGE, "the body is longer than %d bytes", API_MAX_BODY);
	if (!request->body_len)
		return 0;
	if (!takes_body(wish->route))
		return fail(err, ERR_INVALID, "this request takes no body");
	/* jansson bounds the depth itself (2048); bodies this short cannot cost much. */
	wish->body = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &where);
	if (!wish->body) {
		char text[JSON_ERROR_TEXT_LENGTH];

		text_printable(text, sizeof(text), where.text);
		return fail(err, ERR_INVALID, "body:%d:%d: %s", where.line, where.column, text);
	}
	if (!json_is_object(wish->body))
		return fail(err, ERR_INVALID, "the body is not a JSON object");
	json_object_foreach(wish->body, key, value) {
		r = read_member(key, value, wish, err);
		if (r)
			break;
	}
	return r;
}

/* ---- what must be there ---- */

static int check_hold(const struct api_wish *wish, struct err *err)
{
	if (!wish->hold || !strcmp(wish->hold, "none") || !strcmp(wish->hold, "caller"))
		return 0;
	return fail(err, ERR_INVALID, "'hold' is neither \"none\" nor \"caller\"");
}

static int check_drain(const struct api_wish *wish, struct err *err)
{
	if (!wish->gpu == (wish->lease < 0))
		return fail(err, ERR_INVALID, "either 'gpu' or 'lease' must say what is meant");
	if (wish->profile && !wish->has_start)
		return fail(err, ERR_INVALID, "'profile' needs 'start'");
	if (wish->has_start && !wish->gpu)
		return fail(err, ERR_INVALID, "'start' needs 'gpu'");
	if (wish->no_deadline && wish->has_deadline)
		return fail(err, ERR_INVALID, "'deadline_s' and 'no_deadline' exclude each other");
	return 0;
}

static int check_apply(const struct api_wish *wish, struct err *err)
{
	if (!wish->layout == !wish->saved)
		return fail(err, ERR_INVALID, "either 'layout' or 'saved' must be given");
	if (wish->at_once && wish->when_open)
		return fail(err, ERR_INVALID, "'now' and 'when_open' exclude each other");
	for (const char *c = wish->layout; c && *c; c++)
		if (*c < ' ' || *c > '~') /* words are quoted in what is said of them */
			return fail(err, ERR_INVALID, "'layout' is more than letters and signs");
	return 0;
}

static int check_wish(const struct api_wish *wish, struct err *err)
{
	if (wish->route == ROUTE_MOVE && !wish->has_not_before)
		return fail(err, ERR_INVALID, "'not_before_s' is missing");
	if (wish->route == ROUTE_APPLY)
		return check_apply(wish, err);
	if (wish->route == ROUTE_REQUEST && !wish->has_gpus &&
	    (!wish->class_name || !wish->class_name[0]))
		return fail(err, ERR_INVALID, "'class' is missing");
	if (wish->route == ROUTE_REQUEST && wish->has_gpus &&
	    (wish->class_name || wish->has_count))
		return fail(err, ERR_INVALID, "'gpus' stands alone, without 'class' and 'count'");
	if (wish->route == ROUTE_POLICY_DIFF && !wish->text)
		return fail(err, ERR_INVALID, "'text' is missing");
	if (wish->route == ROUTE_RESERVE &&
	    (!wish->class_name || !wish->team || !wish->instances || !wish->begins_s ||
	     !wish->ends_s))
		return fail(err, ERR_INVALID,
			    "'class', 'team', 'instances', 'begins_s' and 'ends_s' are needed");
	if (wish->route == ROUTE_RENEW && !wish->has_time)
		return fail(err, ERR_INVALID, "'time_s' is missing");
	return wish->route == ROUTE_DRAIN ? check_drain(wish, err) : check_hold(wish, err);
}

int api_parse(const struct api_request *request, struct api_wish *ret, struct err *err)
{
	int r;

	*ret = (struct api_wish){
		.lease = -1, .since_s = -1, .until_s = -1, .after = -1, .limit = API_MAX_ROWS};
	r = find_route(request, ret, err);
	for (size_t i = 0; !r && i < request->n_params; i++)
		r = read_param(&request->params[i], ret, err);
	if (!r)
		r = read_body(request, ret, err);
	return r ? r : check_wish(ret, err);
}

void api_wish_done(struct api_wish *wish)
{
	json_decref(wish->body);
	wish->body = NULL;
}
