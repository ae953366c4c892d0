#include "policy/policy-read.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

#define MAX_NEAR 1024 /* words that "did you mean" looks through */

int map_read(const struct yaml_node *map, const char *what, const char *example,
	     const struct yaml_field *fields, size_t n_fields, void *into, struct err *err)
{
	int r = yaml_node_read(map, what, fields, n_fields, into, err);

	return r && map->kind != YAML_MAP ? fail_hint(err, "for example: %s", example) : r;
}

int fail_near(struct err *err, const char *typed, const char *const *words, size_t n,
	      const char *otherwise)
{
	const char *near = text_nearest(typed, words, n);

	return near ? fail_hint(err, "did you mean '%s'?", near) : fail_hint(err, "%s", otherwise);
}

int words_check(const struct yaml_node *list, size_t max,
		int (*check)(const struct yaml_node *word, struct err *err), struct err *err)
{
	if (!list)
		return 0;
	if (list->kind == YAML_MAP || (list->kind == YAML_LIST && !list->n))
		return yaml_node_fail(list, err, "'%s' must be a word or a list of words",
				      list->key);
	if (list->n > max)
		return yaml_node_fail(list, err, "'%s' has %zu words; at most %zu are possible",
				      list->key, list->n, max);
	WORDS_EACH(word, list) {
		int r;

		if (word->kind != YAML_SCALAR || !word->text[0])
			return yaml_node_fail(word, err, "'%s' must be a word or a list of words",
					      list->key);
		r = check ? check(word, err) : 0;
		if (r)
			return r;
	}
	return 0;
}

int text_check(const struct yaml_node *node, size_t max, struct err *err)
{
	char printable[POLICY_WORD * 4];

	if (!node)
		return 0;
	if (strlen(node->text) > max)
		return yaml_node_fail(node, err, "'%s' is longer than %zu bytes", node->key, max);
	text_printable(printable, sizeof(printable), node->text);
	if (strcmp(printable, node->text) != 0)
		return yaml_node_fail(node, err, "'%s' has characters that cannot be printed",
				      node->key);
	return 0;
}

int word_read(const struct yaml_node *map, const char *key, const char *typed,
	      const char *const *words, size_t n, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;

	for (size_t i = 0; i < n; i++) {
		if (!typed || !strcmp(typed, words[i]))
			return (int)i;
		text_addf(&list, "%s%s", i ? ", " : "one of: ", words[i]);
	}
	yaml_node_fail(yaml_node_get(map, key), err, "'%.40s' is no '%s'", typed, key);
	return fail_near(err, typed, words, n, text_str(&list));
}

int text_check_word(const struct yaml_node *word, size_t max, struct err *err)
{
	char printable[POLICY_WORD * 4];

	if (strlen(word->text) > max)
		return yaml_node_fail(word, err, "'%.20s...' is longer than %zu bytes", word->text,
				      max);
	text_printable(printable, sizeof(printable), word->text);
	if (strcmp(printable, word->text) != 0)
		return yaml_node_fail(word, err, "'%s' has characters that cannot be printed",
				      printable);
	return 0;
}

/* ---- names ---- */

int word_check_person(const struct yaml_node *word, struct err *err)
{
	char printable[POLICY_WORD + 2];
	const char *s = word->text;

	if (*s == '@' || *s == '%') {
		yaml_node_fail(word, err, "'%.64s' is no name of a user or group", s);
		return fail_hint(err, "groups have a key of their own: groups: [NAME]");
	}
	if (strlen(s) > POLICY_WORD)
		return yaml_node_fail(word, err, "'%.20s...' is longer than %d bytes", s,
				      POLICY_WORD);
	text_printable(printable, sizeof(printable), s);
	if (strcmp(printable, s) != 0 || strpbrk(s, ":,/") || *s == '-' || *s == ' ')
		return yaml_node_fail(word, err, "'%s' is no name of a user or group", s);
	return 0;
}

static bool is_name(const char *s)
{
	size_t len = strlen(s);

	return *s >= 'a' && *s <= 'z' && len < POLICY_NAME &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int hint_name(struct err *err)
{
	return fail_hint(err,
			 "lower-case letters, digits and '-', a letter first, at most %d "
			 "characters",
			 POLICY_NAME - 1);
}

int word_check_name(const struct yaml_node *word, struct err *err)
{
	if (is_name(word->text))
		return 0;
	yaml_node_fail(word, err, "'%.40s' cannot be a name", word->text);
	return hint_name(err);
}

int key_check_name(const struct yaml_node *node, const char *what, struct err *err)
{
	if (is_name(node->key))
		return 0;
	yaml_node_fail_key(node, err, "a %s cannot be called '%.40s'", what, node->key);
	return hint_name(err);
}

/* ---- boards and profiles ---- */

static int fail_near_board(struct err *err, const char *typed)
{
	const char *ids[64];
	size_t n = board_ids(ids, ARRAY_SIZE(ids));

	return fail_near(err, typed, ids, n < ARRAY_SIZE(ids) ? n : ARRAY_SIZE(ids),
			 "'carve boards' lists them");
}

int word_check_gpu(const struct yaml_node *word, struct err *err)
{
	unsigned index;

	if (word_is_index(word->text, &index) || is_gpu_uuid(word->text) ||
	    board_by_id(word->text))
		return 0;
	yaml_node_fail(word, err, "'%.64s' is neither an index, a UUID (GPU-...) nor a board",
		       word->text);
	return fail_near_board(err, word->text);
}

const struct board *key_check_board(const struct yaml_node *node, struct err *err)
{
	const struct board *board = board_by_id(node->key);

	if (board)
		return board;
	yaml_node_fail_key(node, err, "there is no board '%.64s'", node->key);
	fail_near_board(err, node->key);
	return NULL;
}

static size_t add_profile_names(const struct board *board, const char **ret, size_t n)
{
	for (size_t i = 0; i < board->n_profiles && n < MAX_NEAR; i++)
		ret[n++] = board->profiles[i].name;
	return n;
}

int word_check_profile(const struct yaml_node *word, struct err *err)
{
	const char *names[MAX_NEAR];
	size_t n = 0;

	for (size_t i = 0; i < n_boards; i++) {
		if (profile_by_word(&boards[i], word->text))
			return 0;
		n = add_profile_names(&boards[i], names, n);
	}
	yaml_node_fail(word, err, "no board that carve knows has a profile '%.64s'", word->text);
	return fail_near(err, word->text, names, n,
			 "a name (1g.10gb), a shape (1g) or 'full'; 'carve profiles' lists them");
}

static int check_profile_of(const struct yaml_node *word, const struct board *board,
			    struct err *err)
{
	const char *names[MAX_NEAR];

	if (profile_by_word(board, word->text))
		return 0;
	yaml_node_fail(word, err, "%s has no profile '%.64s'", board->id, word->text);
	return fail_near(err, word->text, names, add_profile_names(board, names, 0),
			 "'carve profiles' lists them");
}

int words_check_profiles_of(const struct yaml_node *list, const struct board *board,
			    struct err *err)
{
	int r = words_check(list, POLICY_MAX_WORDS, NULL, err);

	if (r)
		return r;
	WORDS_EACH(word, list) {
		r = check_profile_of(word, board, err);
		if (r)
			return r;
	}
	return 0;
}
