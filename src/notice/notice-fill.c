#include "notice/notice-fill.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "ledger/ledger-chain.h"

#define MAX_SENTENCE 1000

struct filling {
	struct ledger *ledger;
	const struct policy *policy;
	const struct ledger_event *event;
	const char *host;
	int64_t event_id;
	char sentence[MAX_SENTENCE];
	unsigned *dropped;
};

/* ---- the sentence ---- */

static void take_ends(const struct ledger_lease *lease, const struct ledger_instance *instance,
		      void *arg)
{
	(void)instance;
	if (lease->has_ends)
		clock_format(arg, 32, lease->ends_s);
}

static int write_sentence(struct filling *filling, const char *template, struct err *err)
{
	const struct ledger_event *event = filling->event;
	struct ledger_lease_filter filter = LEASE_FILTER_ALL;
	cleanup(text_done) struct text text = TEXT_INIT;
	char ends[32] = "", lease[24] = "";
	const char *const values[TEMPLATE_NAME_COUNT] = {
		[TEMPLATE_USER] = event->user,	     [TEMPLATE_TEAM] = event->team,
		[TEMPLATE_CLASS] = event->class_name, [TEMPLATE_LEASE] = lease,
		[TEMPLATE_PROFILE] = event->profile, [TEMPLATE_GPU] = event->gpu,
		[TEMPLATE_ENDS] = ends,		     [TEMPLATE_BY] = event->by,
		[TEMPLATE_RULE] = event->rule,	     [TEMPLATE_TEXT] = event->text,
		[TEMPLATE_HOST] = filling->host,
	};
	int r = 0;

	filter.id = event->lease;
	if (event->has_lease) {
		snprintf(lease, sizeof(lease), "%" PRId64, event->lease);
		r = ledger_leases(filling->ledger, &filter, take_ends, ends, err);
	}
	if (r)
		return r;
	template_fill(template, values, &text);
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory for a notice");
	text_printable(filling->sentence, sizeof(filling->sentence), text_str(&text));
	return 0;
}

static json_t *number_if(bool known, int64_t value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* The body of a webhook, in ASCII. */
static int write_body(const struct filling *filling, char *ret, size_t size, struct err *err)
{
	const struct ledger_event *event = filling->event;
	cleanup(free) char *body = NULL;
	json_t *json = json_pack(
		"{s:s, s:I, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "host", filling->host,
		"event", (json_int_t)filling->event_id, "kind", event->kind, "time_s",
		(json_int_t)event->time_s, "user", text_or_null(event->user), "team",
		text_or_null(event->team), "class", text_or_null(event->class_name), "lease",
		number_if(event->has_lease, event->lease), "by", text_or_null(event->by), "rule",
		text_or_null(event->rule), "text", filling->sentence);

	body = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(json);
	if (!body)
		return fail(err, ERR_NOMEM, "no memory for a notice");
	if (snprintf(ret, size, "%s", body) >= (int)size) /* only by very many escapes */
		snprintf(ret, size, "{\"event\":%" PRId64 ",\"kind\":\"%s\"}", filling->event_id,
			 event->kind);
	return 0;
}

/* ---- rows ---- */

/* One more in the digest of somebody who was told enough for now. */
static int add_to_digest(struct filling *filling, struct ledger_notice *notice, struct err *err)
{
	struct ledger_notice digest;
	bool found;
	int r = ledger_notice_digest(filling->ledger, notice->way, notice->recipient, &digest,
				     &found, err);

	if (r)
		return r;
	if (found) {
		digest.n++;
		return ledger_notice_update(filling->ledger, &digest, err);
	}
	snprintf(notice->kind, sizeof(notice->kind), "digest");
	notice->text[0] = '\0';
	notice->next_s += NOTICE_HOUR_S;
	return ledger_notice_add(filling->ledger, notice, err);
}

static int add_row(struct filling *filling, struct ledger_notice *notice, struct err *err)
{
	const struct policy_notices *notices = policy_notices(filling->policy);
	int64_t waiting, told = 0;
	bool is_person = strcmp(notice->way, notice_way_name(NOTICE_WEBHOOK)) != 0;
	int r = ledger_notices_waiting(filling->ledger, notice->way, &waiting, err);

	if (!r && waiting >= NOTICE_MAX_WAITING) {
		++*filling->dropped;
		return 0;
	}
	if (!r && is_person)
		r = ledger_notices_since(filling->ledger, notice->way, notice->recipient,
					 notice->time_s - NOTICE_HOUR_S, &told, err);
	if (r)
		return r;
	return told >= notices->per_hour ? add_to_digest(filling, notice, err)
					 : ledger_notice_add(filling->ledger, notice, err);
}

static int add(struct filling *filling, enum notice_way way, const char *recipient, struct err *err)
{
	const struct ledger_event *event = filling->event;
	struct ledger_notice notice = {.event = filling->event_id,
				       .time_s = event->time_s,
				       .has_uid = event->has_uid,
				       .uid = event->uid,
				       .n = 1,
				       .next_s = event->time_s};

	snprintf(notice.kind, sizeof(notice.kind), "%s", event->kind);
	snprintf(notice.way, sizeof(notice.way), "%s", notice_way_name(way));
	snprintf(notice.recipient, sizeof(notice.recipient), "%s", recipient);
	snprintf(notice.text, sizeof(notice.text), "%s", filling->sentence);
	if (way == NOTICE_WEBHOOK && write_body(filling, notice.text, sizeof(notice.text), err))
		return -(int)err->code;
	return add_row(filling, &notice, err);
}

/* A name that a header of a mail may hold. */
static bool is_mailable(const char *name)
{
	size_t len = strlen(name);

	return len && *name != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
		       len;
}

static int mail_holder(struct filling *filling, struct err *err)
{
	const char *domain = policy_notices(filling->policy)->mail_domain;
	char address[LEDGER_RECIPIENT];

	if (!is_mailable(filling->event->user)) {
		++*filling->dropped;
		return 0;
	}
	snprintf(address, sizeof(address), "%s%s%s", filling->event->user, domain ? "@" : "",
		 domain ? domain : "");
	return add(filling, NOTICE_MAIL, address, err);
}

static int mail_admins(struct filling *filling, struct err *err)
{
	const char *addresses[NOTICES_MAX_ADMINS];
	size_t n = policy_notice_admins(filling->policy, addresses);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = add(filling, NOTICE_MAIL, addresses[i], err);
	return r;
}

int notice_fill(struct ledger *ledger, const struct policy *policy,
		const struct ledger_event *event, const char *host, unsigned *ret_dropped,
		struct err *err)
{
	const struct notice_about about = {event->kind, event->user, event->team,
					   event->class_name};
	struct filling filling = {.ledger = ledger,
				  .policy = policy,
				  .event = event,
				  .host = host,
				  .dropped = ret_dropped};
	unsigned holder, admins;
	struct ledger_head head;
	int r;

	policy_notice_ways(policy, &about, &holder, &admins);
	if (!holder && !admins)
		return 0;
	r = ledger_head(ledger, &head, err);
	filling.event_id = r ? 0 : head.id;
	r = r ? r : write_sentence(&filling, policy_notice_template(policy, event->kind), err);
	if (!r && (holder & 1u << NOTICE_TERMINAL) && event->has_uid)
		r = add(&filling, NOTICE_TERMINAL, event->user, err);
	if (!r && (holder & 1u << NOTICE_MAIL))
		r = mail_holder(&filling, err);
	if (!r && (admins & 1u << NOTICE_MAIL))
		r = mail_admins(&filling, err);
	if (!r && ((holder | admins) & 1u << NOTICE_WEBHOOK))
		r = add(&filling, NOTICE_WEBHOOK, "webhook", err);
	return r;
}

char *notice_text(char *buf, size_t size, const struct ledger_notice *notice)
{
	if (notice->text[0])
		snprintf(buf, size, "%s", notice->text);
	else
		snprintf(buf, size, "%" PRId64 " further notice%s in the last hour: carve log",
			 notice->n, notice->n == 1 ? "" : "s");
	return buf;
}
