#include "base/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sizes.h"
#include "base/text.h"

#define N_OPTS_MAX 32
#define N_CMDS_MAX 64

static const struct cmd_opt help_opt = {"help", OPT_FLAG, .help = "print this"};

const struct cmd_opt *cmd_opt_at(const struct cmd *cmd, size_t i)
{
	if (i < cmd->n_opts)
		return &cmd->opts[i];
	i -= cmd->n_opts;
	if (i < cmd_program.n_opts)
		return &cmd_program.opts[i];
	return i == cmd_program.n_opts ? &help_opt : NULL;
}

int cmd_factor(const char *s, double *ret, struct err *err)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(s, &end);
	if (!*s || *end || errno || !isfinite(value) || value < 0 || value > 1e6)
		return fail(err, ERR_INVALID, "'%s' is not a factor between 0 and 1000000", s);
	*ret = value;
	return 0;
}

static int list_add(struct cmd_list *list, const char *arg, struct err *err)
{
	if (list->n == CMD_LIST_MAX)
		return fail(err, ERR_INVALID, "given more than %d times", CMD_LIST_MAX);
	list->at[list->n++] = arg;
	return 0;
}

static int opt_store(const struct cmd_opt *opt, const char *arg, char *wish, struct err *err)
{
	void *at = wish + opt->at;
	int r = 0;

	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		break;
	case OPT_TEXT:
		*(const char **)at = arg;
		break;
	case OPT_SIZE:
		r = size_parse(arg, at, err);
		break;
	case OPT_SHARE:
		r = share_parse(arg, at, err);
		break;
	case OPT_FACTOR:
		r = cmd_factor(arg, at, err);
		break;
	case OPT_DURATION:
		r = duration_parse(arg, at, err);
		break;
	case OPT_LIST:
		r = list_add(at, arg, err);
		break;
	case OPT_NUMBER:
		return number_parse(arg, opt->name, opt->min, opt->max, at, err);
	}
	return r ? fail_in(err, "--%s: ", opt->name) : 0;
}

static int unknown_option(const struct cmd *cmd, const char *typed, struct err *err)
{
	const char *names[N_OPTS_MAX], *near;
	char name[64];
	size_t n = 0;

	for (const struct cmd_opt *opt; n < N_OPTS_MAX && (opt = cmd_opt_at(cmd, n)); n++)
		names[n] = opt->name;
	snprintf(name, sizeof(name), "%s", typed + strspn(typed, "-"));
	name[strcspn(name, "=")] = '\0';
	near = strlen(name) > 2 ? text_nearest(name, names, n) : NULL;
	fail(err, ERR_INVALID, "%s has no option '%.80s'", cmd->name, typed);
	if (near)
		return fail_hint(err, "did you mean --%s?", near);
	return fail_hint(err, "%s %s --help lists them", cmd_program.name, cmd->name);
}

static void long_options(const struct cmd *cmd, struct option *options)
{
	size_t n = 0;

	for (const struct cmd_opt *opt; n < N_OPTS_MAX && (opt = cmd_opt_at(cmd, n)); n++)
		options[n] = (struct option){
			.name = opt->name,
			.has_arg = opt->kind == OPT_FLAG ? no_argument : required_argument,
			.val = (int)n + 256,
		};
	options[n] = (struct option){0};
}

/* "+:hf:c:": what getopt_long() wants to know about letters. */
static void short_options(const struct cmd *cmd, char *ret)
{
	ret += sprintf(ret, "%s:h", cmd->own_args ? "+" : "");
	for (size_t i = 0; i < N_OPTS_MAX && cmd_opt_at(cmd, i); i++) {
		const struct cmd_opt *opt = cmd_opt_at(cmd, i);

		if (opt->letter)
			ret += sprintf(ret, "%c%s", opt->letter, opt->kind == OPT_FLAG ? "" : ":");
	}
}

/* Which option getopt_long() found; NULL: none of ours. */
static const struct cmd_opt *found_option(const struct cmd *cmd, int found, size_t *ret_i)
{
	const struct cmd_opt *opt;

	for (*ret_i = 0; *ret_i < N_OPTS_MAX && (opt = cmd_opt_at(cmd, *ret_i)); ++*ret_i)
		if (found == (int)*ret_i + 256 || (opt->letter && found == opt->letter))
			return opt;
	return NULL;
}

static int check_args(const struct cmd *cmd, const struct cmd_call *call, const bool *given,
		      struct err *err)
{
	for (size_t i = 0; i < cmd->n_opts; i++)
		if (cmd->opts[i].required && !given[i])
			return fail(err, ERR_INVALID, "%s needs --%s %s", cmd->name,
				    cmd->opts[i].name, cmd->opts[i].arg ? cmd->opts[i].arg : "");
	if (call->n_args < cmd->min_args)
		fail(err, ERR_INVALID, "%s needs more: %s %s %s", cmd->name, cmd_program.name,
		     cmd->name, cmd->synopsis);
	else if (cmd->max_args >= 0 && call->n_args > cmd->max_args)
		fail(err, ERR_INVALID, "%s does not take '%.80s'", cmd->name,
		     call->args[cmd->max_args]);
	else
		return 0;
	return fail_hint(err, "%s %s --help explains", cmd_program.name, cmd->name);
}

int cmd_parse(const struct cmd *cmd, int argc, char **argv, struct cmd_call *call, bool *ret_help,
	      struct err *err)
{
	struct option options[N_OPTS_MAX + 1];
	char letters[2 * N_OPTS_MAX + 4];
	bool given[N_OPTS_MAX] = {false};
	int found;

	long_options(cmd, options);
	short_options(cmd, letters);
	*ret_help = false;
	optind = 0; /* glibc: start over */
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		size_t i;
		const struct cmd_opt *opt = found_option(cmd, found, &i);
		int r;

		if (found == 'h' || opt == &help_opt) {
			*ret_help = true;
			return 0;
		}
		if (found == ':')
			return fail(err, ERR_INVALID, "%s needs a value", argv[optind - 1]);
		if (!opt)
			return unknown_option(cmd, argv[optind - 1], err);
		r = opt_store(opt, optarg, call->wish, err);
		if (r)
			return r;
		given[i] = true;
		if (opt->has_at)
			*(bool *)((char *)call->wish + opt->has_at) = true;
	}
	call->cmd = cmd;
	call->args = argv + optind;
	call->n_args = argc - optind;
	return check_args(cmd, call, given, err);
}

/* What came from elsewhere, indented under the program's name. */
static void complain_more(const char *before, const char *s)
{
	char text[sizeof(((struct err *)0)->text)];

	if (!s[0])
		return;
	text_printable(text, sizeof(text), s);
	fprintf(stderr, "%*s%s%s\n", (int)strlen(cmd_program.name) + 2, "", before, text);
}

int cmd_complain(const struct err *err)
{
	char text[sizeof(err->text)];

	text_printable(text, sizeof(text), err->text);
	fprintf(stderr, "%s: %s\n", cmd_program.name, text);
	complain_more("", err->hint);
	complain_more("rule: ", err->rule);
	return err_exit_status(err->code);
}

int cmd_main(const struct cmd *cmd, int argc, char **argv)
{
	cleanup(free) void *wish = calloc(1, cmd->wish_size);
	struct cmd_call call = {.cmd = cmd, .wish = wish};
	struct err err = ERR_INIT;
	bool help;
	int r, status;

	if (!wish)
		return err_exit_status(ERR_NOMEM);
	if (cmd->defaults)
		memcpy(wish, cmd->defaults, cmd->wish_size);
	r = cmd_parse(cmd, argc, argv, &call, &help, &err);
	if (!r && help) {
		cmd_help(cmd);
		return 0;
	}
	if (!r)
		r = cmd->run(&call, &err);
	if (!r && fflush(stdout))
		r = fail(&err, ERR_IO, "standard output: %s", strerror(errno));
	status = r ? cmd_complain(&err) : 0;
	return call.exit_status ? call.exit_status : status;
}

const struct cmd *cmd_find(const struct cmd *const *cmds, size_t n, const char *name,
			   struct err *err)
{
	const char *names[N_CMDS_MAX], *near;
	size_t n_names = 0;

	for (size_t i = 0; i < n && n_names < N_CMDS_MAX; i++) {
		if (!strcmp(cmds[i]->name, name))
			return cmds[i];
		if (!cmds[i]->hidden)
			names[n_names++] = cmds[i]->name;
	}
	near = text_nearest(name, names, n_names);
	fail(err, ERR_INVALID, "there is no command '%.80s'", name);
	if (near)
		fail_hint(err, "did you mean '%s'?", near);
	else
		fail_hint(err, "%s help lists them", cmd_program.name);
	return NULL;
}

int cmd_word(const char *typed, const char *what, const char *const *words, size_t n,
	     struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *near = text_nearest(typed, words, n);

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(words[i], typed))
			return (int)i;
		text_addf(&list, "%s%s", i ? ", " : "", words[i]);
	}
	fail(err, ERR_INVALID, "'%.80s' is not a %s", typed, what);
	if (near)
		fail_hint(err, "did you mean '%s'?", near);
	else
		fail_hint(err, "one of: %s", text_str(&list));
	return -1;
}

void cmd_help(const struct cmd *cmd)
{
	printf("usage: %s %s %s\n\n%s.\n", cmd_program.name, cmd->name, cmd->synopsis,
	       cmd->summary);
	printf("\noptions:\n");
	for (size_t i = 0; cmd_opt_at(cmd, i); i++) {
		const struct cmd_opt *opt = cmd_opt_at(cmd, i);
		char left[64];
		int n = snprintf(left, sizeof(left), "--%s%s%s", opt->name, opt->arg ? " " : "",
				 opt->arg ? opt->arg : "");

		if (opt->letter && n > 0 && (size_t)n < sizeof(left))
			snprintf(left + n, sizeof(left) - (size_t)n, ", -%c", opt->letter);
		printf("  %-22s %s\n", left, opt->help);
	}
	if (cmd->more_help)
		cmd->more_help(cmd);
	printf("\nThe manual: man %s%s%s\n", cmd_program.name, cmd_program.page_each ? "-" : "",
	       cmd_program.page_each ? cmd->name : "");
}

void cmd_list(const struct cmd *const *cmds, size_t n)
{
	const char *name = cmd_program.name;

	printf("%s - %s\n\nusage: %s COMMAND [options] [arguments]\n\n", name, cmd_program.summary,
	       name);
	for (size_t i = 0; i < n; i++)
		if (!cmds[i]->hidden)
			printf("  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	printf("\n%s COMMAND --help tells more, man %s all.\n", name, name);
}

static int help_main(const struct cmd *const *cmds, size_t n, const char *name)
{
	struct err err = ERR_INIT;
	const struct cmd *cmd = name ? cmd_find(cmds, n, name, &err) : NULL;

	if (name && !cmd)
		return cmd_complain(&err);
	if (cmd)
		cmd_help(cmd);
	else
		cmd_list(cmds, n);
	return 0;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

int cmd_program_main(const struct cmd *const *cmds, size_t n, int argc, char **argv)
{
	struct err err = ERR_INIT;
	const struct cmd *cmd;

	if (argc < 2) {
		cmd_list(cmds, n);
		return err_exit_status(ERR_INVALID);
	}
	if (is_one_of(argv[1], "help", "--help", "-h"))
		return help_main(cmds, n, argv[2]);
	if (is_one_of(argv[1], "version", "--version", "-V")) {
		printf("%s %s\n", cmd_program.name, CARVE_VERSION);
		return 0;
	}
	cmd = cmd_find(cmds, n, argv[1], &err);
	return cmd ? cmd_main(cmd, argc - 1, argv + 1) : cmd_complain(&err);
}
