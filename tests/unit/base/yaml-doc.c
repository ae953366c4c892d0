#include "../tap.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/yaml-doc.h"

static int parse(const char *s, struct yaml_doc **ret, struct err *err)
{
	return yaml_doc_parse(s, strlen(s), "f", ret, err);
}

static void a_tree_knows_its_places(void **state)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
	struct err err = ERR_INIT;
	const struct yaml_node *list;

	(void)state;
	assert_int_equal(0, parse("a: 1\nb:\n  - x\n  - {c: 'y'}\n", &doc, &err));
	assert_int_equal(yaml_doc_root(doc)->kind, YAML_MAP);
	assert_int_equal(yaml_doc_root(doc)->n, 2);
	list = yaml_node_get(yaml_doc_root(doc), "b");
	assert_int_equal(list->kind, YAML_LIST);
	assert_string_equal(list->first->text, "x");
	assert_int_equal(list->first->line, 3);
	assert_int_equal(list->first->column, 5);
	assert_string_equal(yaml_node_get(list->last, "c")->text, "y");
	assert_false(yaml_node_get(list->last, "c")->plain);
	assert_null(yaml_node_get(yaml_doc_root(doc), "c"));
}

static void what_has_no_use_is_refused(void **state)
{
	static const struct {
		const char *yaml, *says;
		enum err_code code;
	} cases[] = {
		{"", "f:1:1: the file is empty", ERR_INVALID},
		{"a: 1\na: 2\n", "f:2:1: 'a' is given twice (first in line 1)", ERR_INVALID},
		{"a: &x 1\n", "f:1:4: anchors (&name) are not supported", ERR_INVALID},
		{"a: *x\n", "f:1:4: aliases (*name) are not supported", ERR_INVALID},
		{"a: !t 1\n", "f:1:4: tags (!name) are not supported", ERR_INVALID},
		{"{[1]: 2}\n", "f:1:2: a key must be a plain word", ERR_INVALID},
		{"a: 1\n---\nb: 1\n", "f:2:1: one document only", ERR_INVALID},
		{"a: \"\\0\"\n", "f:1:4: a NUL character in a text", ERR_INVALID},
		{"a: [1\n", "f:2:1: did not find expected ',' or ']'", ERR_INVALID},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "f:1:17: nested too deeply", ERR_TOO_LARGE},
		{"a: \xff\n", "f: byte 3: invalid leading UTF-8 octet", ERR_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct yaml_doc *doc = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(parse(cases[i].yaml, &doc, &err), -(int)cases[i].code);
		assert_string_equal(err.text, cases[i].says);
		assert_null(doc);
	}
}

static void long_input_is_bounded(void **state)
{
	cleanup(text_done) struct text many = TEXT_INIT;
	struct yaml_doc *doc = NULL;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < YAML_MAX_NODES; i++)
		text_add(&many, "- 1\n");
	assert_int_equal(parse(text_str(&many), &doc, &err), -ERR_TOO_LARGE);
	while (many.len <= YAML_MAX_BYTES)
		text_add(&many, "# a comment that does nothing but be long\n");
	assert_int_equal(parse(text_str(&many), &doc, &err), -ERR_TOO_LARGE);
}

struct wish {
	const char *name;
	bool on, has_n;
	int64_t n, wait_s;
	uint64_t size_bytes;
	double share, factor;
	const struct yaml_node *rest;
};

static const struct yaml_field fields[] = {
	{"name", YAML_TEXT, offsetof(struct wish, name), .required = true},
	{"on", YAML_BOOL, offsetof(struct wish, on)},
	{"n", YAML_NUMBER, offsetof(struct wish, n), offsetof(struct wish, has_n), 1, 9},
	{"wait", YAML_DURATION, offsetof(struct wish, wait_s)},
	{"size", YAML_SIZE, offsetof(struct wish, size_bytes)},
	{"share", YAML_SHARE, offsetof(struct wish, share)},
	{"factor", YAML_FACTOR, offsetof(struct wish, factor)},
	{"rest", YAML_NODE, offsetof(struct wish, rest)},
};

static int read_wish(const char *s, struct yaml_doc **doc, struct wish *wish, struct err *err)
{
	int r = parse(s, doc, err);

	return r ? r
		 : yaml_node_read(yaml_doc_root(*doc), "a wish", fields, ARRAY_SIZE(fields), wish,
				  err);
}

static void a_table_fills_a_struct(void **state)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
	struct wish wish = {.factor = 7};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(0, read_wish("name: x\non: yes\nwait: 2m\nsize: 1GiB\nshare: 50%\n"
				      "rest: [1]\n",
				      &doc, &wish, &err));
	assert_string_equal(wish.name, "x");
	assert_true(wish.on);
	assert_false(wish.has_n);
	assert_int_equal(wish.wait_s, 120);
	assert_int_equal(wish.size_bytes, 1ull << 30);
	assert_true(wish.share > 0.49 && wish.share < 0.51);
	assert_true(wish.factor > 6.9);
	assert_int_equal(wish.rest->n, 1);
}

static void mistakes_have_a_place_and_a_hint(void **state)
{
	static const struct {
		const char *yaml, *says, *hint;
	} cases[] = {
		{"on: true\n", "f:1:1: a wish needs 'name'", ""},
		{"name: x\nshar: 1\n", "f:2:1: a wish has no 'shar'", "did you mean 'share'?"},
		{"name: x\nn: 10\n", NULL, NULL},
		{"name: x\non: maybe\n", "f:2:5: 'maybe' is neither true nor false", ""},
		{"name: [x]\n", "f:1:7: 'name' must be a single value", ""},
		{"name: x\nfactor: -1\n", "f:2:9: '-1' is not a number of 0 or more", ""},
		{"name: x\n\"\\e[31m\":\n  - 1\n", "f:2:1: a wish has no '?[31m'", NULL},
		{"name: x\non: \"\\e[31m\"\n", "f:2:5: '?[31m' is neither true nor false", ""},
		{"- x\n", "f:1:1: a wish must be written as \"key: value\" lines", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
		struct wish wish = {0};
		struct err err = ERR_INIT;

		assert_int_equal(read_wish(cases[i].yaml, &doc, &wish, &err), -ERR_INVALID);
		if (cases[i].says)
			assert_string_equal(err.text, cases[i].says);
		else
			assert_non_null(strstr(err.text, "f:2:4: "));
		if (cases[i].hint)
			assert_string_equal(err.hint, cases[i].hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_knows_its_places),
		cmocka_unit_test(what_has_no_use_is_refused),
		cmocka_unit_test(long_input_is_bounded),
		cmocka_unit_test(a_table_fills_a_struct),
		cmocka_unit_test(mistakes_have_a_place_and_a_hint),
	};

	return tap_run(tests);
}
