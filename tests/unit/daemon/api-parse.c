#include "../tap.h"

#include <string.h>

#include "base/array.h"
#include "daemon/api.h"

static int parse(const char *method, const char *path, const char *body, struct api_wish *ret,
		 struct err *err)
{
	struct api_request request = {
		.method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0};

	*err = ERR_INIT;
	return api_parse(&request, ret, err);
}

/* request, what is wrong with it */
static const struct {
	const char *method, *path, *body;
	enum err_code code;
	const char *text;
} refused[] = {
	{"GET", "/", NULL, ERR_NOT_FOUND, "there is nothing at '/'"},
	{"GET", "/v1/status/", NULL, ERR_NOT_FOUND, "there is nothing at '/v1/status/'"},
	{"GET", "/v1/leases/0", NULL, ERR_NOT_FOUND, "there is nothing"},
	{"GET", "/v1/leases/-1", NULL, ERR_NOT_FOUND, "there is nothing"},
	{"GET", "/v1/leases/99999999999999999999", NULL, ERR_NOT_FOUND, "there is nothing"},
	{"GET", "/v1/\033[31m", NULL, ERR_NOT_FOUND, "there is nothing at '/v1/?[31m'"},
	{"PUT", "/v1/leases", NULL, ERR_UNSUPPORTED, "does not take this method"},
	{"POST", "/v1/leases", NULL, ERR_INVALID, "'class' is missing"},
	{"POST", "/v1/leases", "{}", ERR_INVALID, "'class' is missing"},
	{"POST", "/v1/leases", "[]", ERR_INVALID, "not a JSON object"},
	{"POST", "/v1/leases", "{\"class\": \"a\"", ERR_INVALID, "body:1:"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"class\": \"b\"}", ERR_INVALID, "duplicate"},
	{"POST", "/v1/leases", "{\"class\": 7}", ERR_INVALID, "'class' is not a text"},
	{"POST", "/v1/leases", "{\"class\": \"a\\u0000b\"}", ERR_INVALID, "body:1:"},
	{"POST", "/v1/leases", "{\"class\": \"\xff\"}", ERR_INVALID, "body:1:"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"uid\": 0}", ERR_INVALID, "'uid' is not known"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"tim_s\": 1}", ERR_INVALID, "'tim_s' is not known"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"time_s\": 0}", ERR_INVALID, "not in the range"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"time_s\": 1.5}", ERR_INVALID, "a whole number"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"wait\": \"yes\"}", ERR_INVALID, "true or false"},
	{"POST", "/v1/leases", "{\"class\": \"a\", \"hold\": \"root\"}", ERR_INVALID, "'hold'"},
	{"POST", "/v1/leases/7/renew", "{}", ERR_INVALID, "'time_s' is missing"},
	{"GET", "/v1/status", "{}", ERR_INVALID, "takes no body"},
	{"POST", "/v1/drains", NULL, ERR_INVALID, "either 'gpu' or 'lease'"},
	{"POST", "/v1/drains", "{\"gpu\": \"0\", \"lease\": 1}", ERR_INVALID, "either 'gpu' or"},
	{"POST", "/v1/drains", "{\"gpu\": \"0\", \"profile\": \"3g\"}", ERR_INVALID, "needs 'start'"},
	{"POST", "/v1/drains", "{\"lease\": 1, \"start\": 0}", ERR_INVALID, "'start' needs 'gpu'"},
	{"POST", "/v1/drains", "{\"gpu\": \"0\", \"deadline_s\": 1, \"no_deadline\": true}",
	 ERR_INVALID, "exclude each other"},
	{"POST", "/v1/changes/7", "{}", ERR_INVALID, "'not_before_s' is missing"},
	{"POST", "/v1/layout", "{\"layout\": \"gpu0=3g\", \"now\": true, \"when_open\": true}",
	 ERR_INVALID, "exclude each other"},
	{"DELETE", "/v1/drains", NULL, ERR_UNSUPPORTED, "does not take this method"},
	{"POST", "/v1/layout", "{}", ERR_INVALID, "either 'layout' or 'saved'"},
	{"POST", "/v1/layout", "{\"layout\": \"gpu0=7g\", \"saved\": \"a\"}", ERR_INVALID, "either"},
	{"POST", "/v1/layout", "{\"layout\": \"gpu0=\\u001b[31m\"}", ERR_INVALID, "letters and signs"},
	{"POST", "/v1/layout", "{\"layout\": [\"gpu0=7g\"]}", ERR_INVALID, "'layout' is not a text"},
	{"GET", "/v1/changes/x", NULL, ERR_NOT_FOUND, "there is nothing"},
	{"POST", "/v1/layouts/a/b", NULL, ERR_NOT_FOUND, "there is nothing"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct api_wish wish;
		struct err err;
		int r = parse(refused[i].method, refused[i].path, refused[i].body, &wish, &err);

		if (r != -(int)refused[i].code || !strstr(err.text, refused[i].text))
			print_message("# %s %s %s: got \"%s\"\n", refused[i].method, refused[i].path,
				      refused[i].body ? refused[i].body : "", err.text);
		assert_int_equal(r, -(int)refused[i].code);
		assert_non_null(strstr(err.text, refused[i].text));
		api_wish_done(&wish);
	}
}

static void near_misses_get_a_suggestion(void **state)
{
	struct api_wish wish;
	struct err err;

	(void)state;
	parse("POST", "/v1/leases", "{\"class\": \"a\", \"reson\": \"x\"}", &wish, &err);
	assert_string_equal(err.hint, "did you mean 'reason'?");
	api_wish_done(&wish);
}

static void a_whole_request_is_read(void **state)
{
	struct api_wish wish;
	struct err err;

	(void)state;
	assert_int_equal(0, parse("POST", "/v1/leases",
				  "{\"class\": \"small\", \"reason\": \"t\", \"time_s\": 60, "
				  "\"wait\": true, \"hold\": \"caller\"}",
				  &wish, &err));
	assert_int_equal(wish.route, ROUTE_REQUEST);
	assert_string_equal(wish.class_name, "small");
	assert_string_equal(wish.hold, "caller");
	assert_true(wish.wait && wish.has_time && wish.time_s == 60);
	api_wish_done(&wish);
	assert_int_equal(0, parse("DELETE", "/v1/leases/12", "{\"exit_status\": 143}", &wish, &err));
	assert_true(wish.route == ROUTE_RELEASE && wish.id == 12 && wish.exit_status == 143);
	api_wish_done(&wish);
}

static void queries_are_as_strict(void **state)
{
	struct api_request request = {.method = "GET", .path = "/v1/events", .n_params = 2};
	struct api_wish wish;
	struct err err = ERR_INIT;

	(void)state;
	request.params[0] = (struct api_param){"user", "ann"};
	request.params[1] = (struct api_param){"limit", "10"};
	assert_int_equal(0, api_parse(&request, &wish, &err));
	assert_true(!strcmp(wish.user, "ann") && wish.limit == 10 && wish.since_s == -1);
	request.params[1] = (struct api_param){"limit", "1001"};
	assert_int_equal(-ERR_INVALID, api_parse(&request, &wish, &err));
	request.params[1] = (struct api_param){"limt", "1"};
	assert_int_equal(-ERR_INVALID, api_parse(&request, &wish, &err));
	assert_string_equal(err.hint, "did you mean 'limit'?");
	request.params[1] = (struct api_param){"limit", NULL};
	assert_int_equal(-ERR_INVALID, api_parse(&request, &wish, &err));
}

static void large_texts_are_refused(void **state)
{
	static char body[API_MAX_BODY + 2];
	struct api_wish wish;
	struct err err;

	(void)state;
	memset(body, 'x', 700);
	memcpy(body, "{\"class\":\"a\",\"reason\":\"", 23);
	memcpy(body + 700, "\"}", 3);
	assert_int_equal(-ERR_TOO_LARGE, parse("POST", "/v1/leases", body, &wish, &err));
	api_wish_done(&wish);
	memset(body, '[', sizeof(body) - 1);
	assert_int_equal(-ERR_TOO_LARGE, parse("POST", "/v1/leases", body, &wish, &err));
	body[API_MAX_BODY] = '\0';
	assert_int_equal(-ERR_INVALID, parse("POST", "/v1/leases", body, &wish, &err));
	api_wish_done(&wish);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(near_misses_get_a_suggestion),
		cmocka_unit_test(a_whole_request_is_read),
		cmocka_unit_test(queries_are_as_strict),
		cmocka_unit_test(large_texts_are_refused),
	};

	return tap_run(tests);
}
