#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* What may stand where no option does: words, or a command that prints them. */
static const struct {
	const char *command, *words;
} arguments[] = {
	{"lease", "$(carve classes --columns name --no-heading 2>/dev/null)"},
	{"release", "$(carve leases --columns id --no-heading 2>/dev/null)"},
	{"renew", "$(carve leases --columns id --no-heading 2>/dev/null)"},
	{"profiles", "$(carve boards --columns id --no-heading 2>/dev/null)"},
	{"layout", "show export plan assert"},
	{"policy", "check reload"},
	{"completion", "bash"},
};

/* The same behind an option. */
static const struct {
	const char *option, *words;
} values[] = {
	{"--class", "$(carve classes --columns name --no-heading 2>/dev/null)"},
	{"--lease", "$(carve leases --all --columns id --no-heading 2>/dev/null)"},
	{"--gpu", "$(carve gpus --columns index --no-heading 2>/dev/null)"},
};

static const char *arguments_of(const struct cmd *cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
		if (!strcmp(arguments[i].command, cmd->name))
			return arguments[i].words;
	return "";
}

static void print_names(void)
{
	for (size_t i = 0; i < n_cli_cmds; i++)
		printf("%s ", cli_cmds[i]->name);
	printf("help version");
}

static void print_command(const struct cmd *cmd)
{
	printf("\t%s) words=\"%s", cmd->name, arguments_of(cmd));
	for (size_t i = 0; cmd_opt_at(cmd, i); i++)
		printf(" --%s", cmd_opt_at(cmd, i)->name);
	printf("\" ;;\n");
}

static int completion_run(struct cmd_call *call, struct err *err)
{
	static const char *const shells[] = {"bash"};

	if (cmd_word(call->args[0], "shell carve knows", shells, ARRAY_SIZE(shells), err) < 0)
		return -ERR_INVALID;
	printf("_carve() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal words=\"\" list one\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n_cli_cmds; i++)
		print_command(cli_cmds[i]);
	printf("\thelp) words=\"");
	print_names();
	printf("\" ;;\n\tesac\n\tcase $before in\n");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		printf("\t%s) words=\"%s\" ;;\n", values[i].option, values[i].words);
	printf("\tesac\n\t[ \"$COMP_CWORD\" -gt 1 ] || words=\"");
	print_names();
	/* Not by compgen -W, which would expand what the daemon's names contain. */
	printf("\"\n\tread -r -d '' -a list <<<\"$words\"\n"
	       "\tfor one in \"${list[@]}\"; do\n"
	       "\t\t[[ $one != \"$word\"* ]] || COMPREPLY+=(\"$one\")\n"
	       "\tdone\n"
	       "}\n"
	       "complete -o default -F _carve carve\n");
	return 0;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.synopsis = "bash",
	.summary = "Completion for a shell",
	.wish_size = sizeof(struct cli_wish),
	.min_args = 1,
	.max_args = 1,
	.run = completion_run,
};
