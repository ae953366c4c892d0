#include "policy/policy-template.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const names[] = {
#define X(name, typed, meaning) typed,
	TEMPLATE_NAMES(X)
#undef X
};

/* A piece of a template: literal bytes, or a name. */
struct piece {
	const char *s;
	size_t len;
	bool is_name;
};

/* The next piece; false: the end, or a brace that is alone (s then points to it). */
static bool next_piece(const char **s, struct piece *ret)
{
	const char *at = *s;

	if (!*at)
		return false;
	if ((at[0] == '{' || at[0] == '}') && at[1] == at[0]) {
		*ret = (struct piece){at, 1, false};
		*s = at + 2;
		return true;
	}
	if (*at == '{') {
		size_t len = strcspn(at + 1, "{}");

		if (at[1 + len] != '}')
			return false;
		*ret = (struct piece){at + 1, len, true};
		*s = at + len + 2;
		return true;
	}
	*ret = (struct piece){at, strcspn(at, "{}"), false};
	*s = at + ret->len;
	return ret->len > 0;
}

static int find_name(const struct piece *piece)
{
	for (int i = 0; i < TEMPLATE_NAME_COUNT; i++)
		if (strlen(names[i]) == piece->len && !memcmp(names[i], piece->s, piece->len))
			return i;
	return -1;
}

static int unknown_name(const struct piece *piece, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	char typed[40];
	const char *near;

	snprintf(typed, sizeof(typed), "%.*s", piece->len < 39 ? (int)piece->len : 39, piece->s);
	fail(err, ERR_INVALID, "there is nothing to fill in for '{%s}'", typed);
	near = text_nearest(typed, names, TEMPLATE_NAME_COUNT);
	if (near)
		return fail_hint(err, "did you mean '{%s}'?", near);
	for (int i = 0; i < TEMPLATE_NAME_COUNT; i++)
		text_addf(&list, "%s{%s}", i ? " " : "", names[i]);
	return fail_hint(err, "there are: %s", text_str(&list));
}

int template_check(const char *template, struct err *err)
{
	struct piece piece;

	if (strlen(template) > TEMPLATE_MAX)
		return fail(err, ERR_INVALID, "a template has at most %d bytes", TEMPLATE_MAX);
	while (next_piece(&template, &piece))
		if (piece.is_name && find_name(&piece) < 0)
			return unknown_name(&piece, err);
	if (!*template)
		return 0;
	fail(err, ERR_INVALID, "a '%c' stands alone", *template);
	return fail_hint(err, "write {user} for something to fill in, {{ and }} for braces");
}

void template_fill(const char *template, const char *const values[TEMPLATE_NAME_COUNT],
		   struct text *ret)
{
	struct piece piece;

	while (next_piece(&template, &piece)) {
		int name = piece.is_name ? find_name(&piece) : -1;
		const char *value = name >= 0 ? values[name] : NULL;

		if (name >= 0)
			text_add(ret, value && *value ? value : "-");
		else
			text_add_bytes(ret, piece.s, piece.len);
	}
}
