#include "cli/policy-diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/view.h"

#define MAX_BYTES 60000 /* the daemon's limit of a request is 64 KiB */

static int add_file(json_t *body, const char *key, const char *path_key, const char *path,
		    struct err *err)
{
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, MAX_BYTES, &bytes, &len, err);

	if (r)
		return r;
	if (json_object_set_new(body, key, json_stringn(bytes, len)) ||
	    json_object_set_new(body, path_key, json_string(path)))
		return fail(err, ERR_INVALID, "'%s' and its path must be UTF-8", path);
	return 0;
}

static void print_changes(const json_t *changes)
{
	const json_t *row;
	size_t i;

	json_array_foreach(changes, i, row) {
		cleanup(text_done) struct text text = TEXT_INIT;

		view_add(row, "", "change", COLUMN_TEXT, "  ", 0, &text);
		view_add(row, "", "key", COLUMN_TEXT, "", 0, &text);
		printf("%s\n", text_str(&text));
	}
	if (!json_array_size(changes))
		printf("the files say the same\n");
}

/* "lease 12 of bob (small): what becomes of it", and the rule below. */
static void print_effects(const json_t *effects)
{
	const json_t *row;
	size_t i;

	json_array_foreach(effects, i, row) {
		cleanup(text_done) struct text text = TEXT_INIT;

		if (json_is_integer(json_object_get(row, "lease"))) {
			view_add(row, "lease ", "lease", COLUMN_NUMBER, "", 0, &text);
			view_add(row, " of ", "user", COLUMN_TEXT, "", 0, &text);
			view_add(row, " (", "class", COLUMN_TEXT, "): ", 0, &text);
		}
		view_add(row, "", "text", COLUMN_TEXT, "", 0, &text);
		view_add(row, "\n       rule: ", "rule", COLUMN_TEXT, "", 0, &text);
		printf("%s\n", text_str(&text));
	}
	if (!json_array_size(effects))
		printf("no lease and no request is touched\n");
}

int policy_diff_print(const struct cli_wish *wish, const char *old, const char *new_,
		      struct err *err)
{
	cleanup(json_decref) json_t *body = json_object(), *answer = NULL;
	int r = add_file(body, "text", "path", new_, err);

	r = r || !old ? r : add_file(body, "old", "old_path", old, err);
	r = r ? r : ask(wish, "POST", "/v1/policy/diff", body, &answer, err);
	if (r)
		return r;
	if (wish->json)
		return ask_print_json(answer, err);
	print_changes(json_object_get(answer, "changes"));
	printf("\n");
	print_effects(json_object_get(answer, "effects"));
	return 0;
}
