#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/audit-rows.h"
#include "cli/view.h"
#include "ledger/ledger-chain.h"

#define LEDGER_PATH "/var/lib/carve/ledger.db"

static const struct cmd_opt audit_opts[] = {
	{"since", OPT_TEXT, offsetof(struct audit_wish, since), .arg = "WHEN",
	 .help = "held, waiting or refused not before: 7d, 2025-11-24"},
	{"until", OPT_TEXT, offsetof(struct audit_wish, until), .arg = "WHEN",
	 .help = "asked for before"},
	{"user", OPT_TEXT, offsetof(struct audit_wish, user), .arg = "NAME",
	 .help = "by this user"},
	{"class", OPT_TEXT, offsetof(struct audit_wish, class_name), .arg = "NAME",
	 .help = "of this class"},
	{"format", OPT_TEXT, offsetof(struct audit_wish, format), .arg = "FORMAT",
	 .help = "table (default), csv or json"},
	{"file", OPT_TEXT, offsetof(struct audit_wish, file), .arg = "LEDGER",
	 .help = "verify, head: of this file"},
	{"head", OPT_LIST, offsetof(struct audit_wish, heads), .arg = "HEAD",
	 .help = "verify: this head must be in the chain"},
	CLI_TABLE,
};

static const struct column columns[] = {
	{"requested_s", "REQUESTED", COLUMN_WHEN, "when it was asked for"},
	{"user", "USER", COLUMN_TEXT, "by whom"},
	{"class", "CLASS", COLUMN_TEXT, "what was asked for"},
	{"decision", "DECISION", COLUMN_TEXT, "granted, refused, denied, waiting or not-granted"},
	{"rule", "RULE", COLUMN_TEXT, "the rule of the policy that decided"},
	{"answered_by", "ANSWER", COLUMN_TEXT, "who approved or denied it"},
	{"profile", "PROFILE", COLUMN_TEXT, "the profile that was received"},
	{"id", "ID", COLUMN_NUMBER, "number of the lease, or of the event of a refusal"},
	{"reason", "REASON", COLUMN_TEXT, "what for"},
	{"fields", "FIELDS", COLUMN_PAIRS, "its free fields", .extra = true},
	{"kind", "KIND", COLUMN_TEXT, "lease or refusal", .extra = true},
	{"uid", "UID", COLUMN_NUMBER, "number of the user", .extra = true},
	{"team", "TEAM", COLUMN_TEXT, "the team it counts for", .extra = true},
	{"answered_s", "ANSWERED", COLUMN_WHEN, "when that was", .extra = true},
	{"answer", "SAID", COLUMN_TEXT, "what was said to it", .extra = true},
	{"gpu_uuid", "GPU-UUID", COLUMN_TEXT, "UUID of the GPU", .extra = true},
	{"start", "AT", COLUMN_NUMBER, "first unit of the instance", .extra = true},
	{"uuid", "UUID", COLUMN_TEXT, "UUID of its MIG device", .extra = true},
	{"granted_s", "GRANTED", COLUMN_WHEN, "from when", .extra = true},
	{"ended_s", "ENDED", COLUMN_WHEN, "to when", .extra = true},
	{"ended_by", "BY", COLUMN_TEXT, "who ended it", .extra = true},
	{"why", "WHY", COLUMN_TEXT, "why it ended, or was refused", .extra = true},
};

/* ---- rows ---- */

struct listing {
	const struct audit_wish *wish;
	json_t *rows; /* for what is shown as a whole */
	bool began;
};

static int print_csv(const json_t *rows, void *arg, struct err *err)
{
	struct listing *listing = arg;
	bool heading = !listing->began && !listing->wish->common.no_heading;

	listing->began = true;
	return view_csv(&listing->wish->common, columns, ARRAY_SIZE(columns), heading, rows, err);
}

static int collect(const json_t *rows, void *arg, struct err *err)
{
	struct listing *listing = arg;

	return json_array_extend(listing->rows, (json_t *)rows)
		       ? fail(err, ERR_NOMEM, "no memory for all rows; --format csv takes none")
		       : 0;
}

static int list(const struct audit_wish *wish, struct err *err)
{
	struct listing listing = {.wish = wish};
	cleanup(json_decref) json_t *answer = NULL;
	enum view_format format;
	int r = view_format(&wish->common, wish->format, &format, err);

	if (r)
		return r;
	if (format == FORMAT_CSV)
		return audit_rows(wish, print_csv, &listing, err);
	listing.rows = json_array();
	answer = json_pack("{s:o}", "rows", listing.rows);
	if (!answer)
		return fail(err, ERR_NOMEM, "no memory for rows");
	r = audit_rows(wish, collect, &listing, err);
	if (r)
		return r;
	return format == FORMAT_JSON ? ask_print_json(answer, err)
				     : view_print(&wish->common, columns, ARRAY_SIZE(columns),
						  listing.rows, err);
}

/* ---- the chain ---- */

static int read_heads(const struct audit_wish *wish, struct ledger_head *ret, struct err *err)
{
	for (size_t i = 0; i < wish->heads.n; i++)
		if (ledger_head_parse(wish->heads.at[i], &ret[i], err))
			return fail_in(err, "--head: ");
	return 0;
}

static void print_verdict(const char *path, const struct ledger_verdict *verdict, size_t n_heads)
{
	if (!verdict->first) {
		printf("%s: there are no events yet\n", path);
		return;
	}
	printf("%s: intact from event %" PRId64 " to %" PRId64 "; %" PRId64
	       " grant%s agree with their leases\n",
	       path, verdict->first, verdict->last, verdict->leases,
	       verdict->leases == 1 ? "" : "s");
	if (verdict->cut)
		printf("events up to %" PRId64 " were given up by the policy's retention\n",
		       verdict->cut);
	if (n_heads)
		printf("%zu kept head%s in the chain\n", n_heads, n_heads == 1 ? " is" : "s are");
	else
		printf("that the newest events are still there only a head that was kept "
		       "elsewhere can tell\n");
}

static int print_verdict_json(const char *path, const struct ledger_verdict *verdict,
			      struct err *err)
{
	cleanup(json_decref) json_t *answer = json_pack(
		"{s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "path", path, "intact", 1, "first",
		(json_int_t)verdict->first, "last", (json_int_t)verdict->last, "cut",
		(json_int_t)verdict->cut, "grants", (json_int_t)verdict->leases, "hash",
		verdict->head.hash);

	return answer ? ask_print_json(answer, err)
		      : fail(err, ERR_INVALID, "the path must be UTF-8");
}

static int open_ledger(const char *path, struct ledger **ret, struct err *err)
{
	int r = ledger_open_reader(path, ret, err);

	if (r == -ERR_DENIED)
		return fail_hint(err, "the ledger is root's; --file names a copy");
	return r == -ERR_NOT_FOUND ? fail_hint(err, "--file names the ledger") : r;
}

static int verify(const struct audit_wish *wish, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	const char *path = wish->file ? wish->file : LEDGER_PATH;
	struct ledger_head heads[CMD_LIST_MAX];
	struct ledger_verdict verdict;
	int r = read_heads(wish, heads, err);

	r = r ? r : open_ledger(path, &ledger, err);
	r = r ? r : ledger_verify(ledger, heads, wish->heads.n, &verdict, err);
	if (r)
		return r;
	if (wish->common.json)
		return print_verdict_json(path, &verdict, err);
	print_verdict(path, &verdict, wish->heads.n);
	return 0;
}

static int head_of_file(const char *path, struct ledger_head *ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	int r = open_ledger(path, &ledger, err);

	return r ? r : ledger_head(ledger, ret, err);
}

static int head_of_daemon(const struct cli_wish *wish, struct ledger_head *ret, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	const char *hash;
	int r = ask(wish, "GET", "/v1/audit/head", NULL, &answer, err);

	if (r)
		return r;
	hash = json_string_value(json_object_get(answer, "hash"));
	ret->id = json_integer_value(json_object_get(answer, "event"));
	snprintf(ret->hash, sizeof(ret->hash), "%s", hash ? hash : "");
	return 0;
}

static int head(const struct audit_wish *wish, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	char text[LEDGER_HEAD_TEXT];
	struct ledger_head head;
	int r = wish->file ? head_of_file(wish->file, &head, err)
			   : head_of_daemon(&wish->common, &head, err);

	if (r)
		return r;
	if (!wish->common.json) {
		printf("%s\n", ledger_head_format(text, sizeof(text), &head));
		return 0;
	}
	answer = json_pack("{s:I, s:s}", "event", (json_int_t)head.id, "hash", head.hash);
	return ask_print_json(answer, err);
}

/* ---- which ---- */

static int audit_run(struct cmd_call *call, struct err *err)
{
	static int (*const runs[])(const struct audit_wish *wish, struct err *err) = {verify, head};
	static const char *const verbs[] = {"verify", "head"};
	int verb;

	if (!call->n_args)
		return list(call->wish, err);
	verb = cmd_word(call->args[0], "verb of carve audit", verbs, ARRAY_SIZE(verbs), err);
	return verb < 0 ? -ERR_INVALID : runs[verb](call->wish, err);
}

static void audit_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", columns, ARRAY_SIZE(columns));
}

const struct cmd cmd_audit = {
	.name = "audit",
	.synopsis = "[--since WHEN] [--until WHEN] [--format FORMAT] | verify | head",
	.summary = "Who received what, when and why, and whether the record is intact",
	CMD_OPTS(audit_opts),
	.wish_size = sizeof(struct audit_wish),
	.max_args = 1,
	.more_help = audit_help,
	.run = audit_run,
};
