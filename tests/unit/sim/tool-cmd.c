#include "../tap.h"

#include <stdbool.h>
#include <string.h>

#include "base/array.h"
#include "sim/cmd.h"

struct wish {
	struct cmd_wish common;
	const char *name;
	bool loud, has_n;
	int64_t n, for_s;
	uint64_t memory_bytes;
	double share, factor;
};

static const struct cmd_opt opts[] = {
	{"name", OPT_TEXT, offsetof(struct wish, name), .arg = "NAME", .help = "a name"},
	{"loud", OPT_FLAG, offsetof(struct wish, loud), .help = "louder"},
	{"n", OPT_NUMBER, offsetof(struct wish, n), offsetof(struct wish, has_n), 1, 9, "N",
	 "so many"},
	{"memory", OPT_SIZE, offsetof(struct wish, memory_bytes), .arg = "SIZE", .help = "memory"},
	{"share", OPT_SHARE, offsetof(struct wish, share), .arg = "SHARE", .help = "share"},
	{"for", OPT_DURATION, offsetof(struct wish, for_s), .arg = "TIME", .help = "time",
	 .required = true},
	{"latency", OPT_FACTOR, offsetof(struct wish, factor), .arg = "F", .help = "factor"},
};

static const struct cmd cmd = {
	.name = "do",
	.synopsis = "--for TIME [THING]",
	.summary = "Do it",
	CMD_OPTS(opts),
	.wish_size = sizeof(struct wish),
	.max_args = 1,
};

static int parse(const struct cmd *command, const char *const *words, struct wish *wish,
		 struct cmd_call *call, struct err *err)
{
	static char *argv[16]; /* call->args stays in it */
	int argc = 0;
	bool help;

	while (words[argc])
		argc++;
	memcpy(argv, words, sizeof(*argv) * (size_t)(argc + 1));
	*call = (struct cmd_call){.wish = wish};
	return cmd_parse(command, argc, argv, call, &help, err);
}

static void options_fill_the_wish(void **state)
{
	const char *argv[] = {"do",	 "--name=x", "--loud", "--n", "3",     "--memory", "6GiB",
			      "--share", "60%",	     "--for",  "30s", "thing", NULL};
	struct wish wish = {.factor = 1};
	struct cmd_call call;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(0, parse(&cmd, argv, &wish, &call, &err));
	assert_string_equal(wish.name, "x");
	assert_true(wish.loud && wish.has_n);
	assert_int_equal(wish.n, 3);
	assert_int_equal(wish.memory_bytes, 6ull << 30);
	assert_int_equal(wish.for_s, 30);
	assert_true(wish.share > 0.59 && wish.share < 0.61 && wish.factor > 0.9);
	assert_int_equal(call.n_args, 1);
	assert_string_equal(call.args[0], "thing");
}

static void mistakes_are_explained(void **state)
{
	static const struct {
		const char *argv[6];
		const char *says, *hint;
	} cases[] = {
		{{"do", "--nmae", "x"}, "do has no option '--nmae'", "did you mean --name?"},
		{{"do", "--zzzzzz"},
		 "do has no option '--zzzzzz'",
		 "carve-sim do --help lists them"},
		{{"do", "-q"}, "do has no option '-q'", "carve-sim do --help lists them"},
		{{"do", "--name"}, "--name needs a value", ""},
		{{"do"}, "do needs --for TIME", ""},
		{{"do", "--for", "1s", "a", "b"},
		 "do does not take 'b'",
		 "carve-sim do --help explains"},
		{{"do", "--latency", "-1", "--for", "1s"},
		 "--latency: '-1' is not a factor between 0 "
		 "and 1000000",
		 ""},
		{{"do", "--latency", "nan", "--for", "1s"},
		 "--latency: 'nan' is not a factor between "
		 "0 and 1000000",
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wish wish = {0};
		struct cmd_call call;
		struct err err = ERR_INIT;

		assert_int_equal(parse(&cmd, cases[i].argv, &wish, &call, &err), -ERR_INVALID);
		assert_string_equal(err.text, cases[i].says);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void a_command_line_of_its_own_is_left_alone(void **state)
{
	const char *argv[] = {"run", "--loud", "ls", "--name", "-l", NULL};
	const char *dashed[] = {"run", "--", "--loud", NULL};
	const struct cmd run = {.name = "run",
				.synopsis = "CMD",
				CMD_OPTS(opts),
				.min_args = 1,
				.max_args = -1,
				.own_args = true};
	struct cmd_opt first[2] = {opts[0], opts[1]};
	struct cmd own = run;
	struct wish wish = {0};
	struct cmd_call call;
	struct err err = ERR_INIT;

	(void)state;
	own.opts = first;
	own.n_opts = 2;
	assert_int_equal(0, parse(&own, argv, &wish, &call, &err));
	assert_true(wish.loud);
	assert_null(wish.name);
	assert_int_equal(call.n_args, 3);
	assert_string_equal(call.args[0], "ls");
	wish.loud = false;
	assert_int_equal(0, parse(&own, dashed, &wish, &call, &err));
	assert_false(wish.loud);
	assert_string_equal(call.args[0], "--loud");
}

static void words_are_found_or_suggested(void **state)
{
	static const char *const words[] = {"add", "list", "clear"};
	const struct cmd *cmds[] = {&cmd};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(1, cmd_word("list", "verb", words, 3, &err));
	assert_int_equal(-1, cmd_word("claer", "verb", words, 3, &err));
	assert_string_equal(err.text, "'claer' is not a verb");
	assert_string_equal(err.hint, "did you mean 'clear'?");
	assert_int_equal(-1, cmd_word("qqqqqqqqq", "verb", words, 3, &err));
	assert_string_equal(err.hint, "one of: add, list, clear");
	assert_ptr_equal(cmd_find(cmds, 1, "do", &err), &cmd);
	assert_null(cmd_find(cmds, 1, "undo", &err));
	assert_string_equal(err.text, "there is no command 'undo'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_fill_the_wish),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(a_command_line_of_its_own_is_left_alone),
		cmocka_unit_test(words_are_found_or_suggested),
	};

	return tap_run(tests);
}
