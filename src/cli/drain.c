#include "cli/drain.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sizes.h"
#include "cli/ask.h"

#define NAME_SIZE 97

static int no_target(const char *typed, struct err *err)
{
	fail(err, ERR_INVALID, "'%.80s' is neither a GPU nor an instance", typed);
	return fail_hint(err, "write it like gpu0, gpu0/3g@4 or lease12");
}

/* "4", "3g@4" */
static int read_place(const char *place, const char *typed, json_t *target, struct err *err)
{
	const char *at = strchr(place, '@');
	struct err ignored = ERR_INIT;
	int64_t start;

	if (number_parse(at ? at + 1 : place, "unit", 0, 255, &start, &ignored) || at == place)
		return no_target(typed, err);
	json_object_set_new(target, "start", json_integer(start));
	if (at)
		json_object_set_new(target, "profile", json_stringn(place, (size_t)(at - place)));
	return 0;
}

int drain_target(const char *typed, json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *target = json_object();
	const char *slash = strchr(typed, '/');
	size_t len = slash ? (size_t)(slash - typed) : strlen(typed);
	struct err ignored = ERR_INIT;
	char name[NAME_SIZE];
	int64_t number;
	int r = 0;

	if (!strncmp(typed, "lease", 5) &&
	    !number_parse(typed + 5, "lease", 1, INT64_MAX, &number, &ignored)) {
		json_object_set_new(target, "lease", json_integer(number));
		*ret = steal(target);
		return 0;
	}
	if (!len || len >= sizeof(name))
		return no_target(typed, err);
	memcpy(name, typed, len);
	name[len] = '\0';
	/* "gpu0" is how layouts call what the daemon calls 0. */
	if (!strncmp(name, "gpu", 3) && name[3] >= '0' && name[3] <= '9')
		memmove(name, name + 3, strlen(name + 3) + 1);
	if (number_parse(name, "GPU", 0, 255, &number, &ignored) && strncasecmp(name, "GPU-", 4))
		return no_target(typed, err);
	json_object_set_new(target, "gpu", json_string(name));
	if (slash)
		r = read_place(slash + 1, typed, target, err);
	if (!r && !json_object_get(target, "gpu"))
		return no_target(typed, err);
	*ret = r ? NULL : steal(target);
	return r;
}
