/*
 * notice-send.h - the ways by which people are told; each for one notice
 *
 * These calls take their time, at most NOTICE_PATIENCE_S, and are made by
 * threads of their own (notifier.h). They share nothing: all they need is in
 * the message. *stopping is looked at several times a second.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"
#include "ledger/ledger-notice.h"
#include "policy/policy-notices.h"

#define NOTICE_PATIENCE_S 30

struct notice_message {
	struct ledger_notice notice;
	char host[65];
	char command[NOTICES_PATH], from[NOTICES_PATH]; /* mail */
	char url[NOTICES_PATH], secret[NOTICES_PATH];	/* webhook; secret: a file */
	/* the answer */
	struct err err; /* code NONE: it was told */
	bool hopeless;	/* trying again would not help */
};

/*
 * Run the command with -t -i, the mail on its standard input; killed with all its children when
 * it takes too long. It worked when it exits with 0.
 *   err  NOT_FOUND, DENIED, IO, TIMEOUT
 */
void notice_mail(struct notice_message *message, const atomic_bool *stopping);

/*
 * POST the text, signed: "X-Carve-Signature: sha256=" and the HMAC-SHA256 of the body in
 * hexadecimal, "X-Carve-Notice:" and the number of the notice. Answers 2xx are good.
 *   err  what cURL says as IO or UNAVAILABLE; UNSUPPORTED: there is no libcurl
 */
void notice_webhook(struct notice_message *message, const atomic_bool *stopping);

/*
 * Write a line to every terminal of the holder that takes messages (mesg y). To be told on no
 * terminal is no failure.
 */
void notice_terminal(struct notice_message *message, const atomic_bool *stopping);

/*
 * The same with everything named.
 *   utmp, dev  the file of who is logged in, and the folder of terminals
 * Returns on how many it was written.
 */
unsigned notice_terminal_write(const char *utmp, const char *dev, const char *user, uid_t uid,
			       const char *text);
