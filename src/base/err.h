/*
 * err.h - what goes wrong, in one sentence
 *
 * A function that can fail for several reasons returns 0 or a negative code
 * and leaves one sentence in a struct err on its caller's stack. Nothing is
 * allocated and nothing needs freeing. The sentence names the object first,
 * quotes what was typed and gives the reason; the hint says what would help,
 * and the rule names the policy rule that decided, if one did. It is printed
 * once, at the edge.
 *
 * ERR_TABLE is the only list of codes: the enum, the names in JSON and logs,
 * the exit statuses, the HTTP statuses and carve-errors(7) are made from it.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

/* code, name in JSON and logs, exit status, HTTP status, worth trying again, what it means */
#define ERR_TABLE(X)                                                                              \
	X(INVALID, "invalid", 2, 400, false, "what was asked for is malformed")                   \
	X(NOT_FOUND, "not-found", 3, 404, false, "no such thing")                                 \
	X(NO_ROOM, "no-room", 4, 409, true, "nothing free now; waiting would help")               \
	X(REFUSED, "refused", 5, 403, false, "a rule of the policy says no")                      \
	X(STALE, "stale", 6, 409, true, "the world changed meanwhile")                            \
	X(BUSY, "busy", 7, 409, true, "in use by something that is not ours to stop")             \
	X(DENIED, "denied", 8, 403, false, "not yours, or not privileged enough")                 \
	X(UNAVAILABLE, "unavailable", 9, 503, true, "the daemon or the driver does not answer")   \
	X(UNSUPPORTED, "unsupported", 10, 501, false, "this host or board cannot do it")          \
	X(IO, "io", 11, 500, false, "a file or a socket failed")                                  \
	X(NOMEM, "no-memory", 12, 503, true, "out of memory")                                     \
	X(DRIVER, "driver", 13, 502, false, "the driver refused or answered nonsense")            \
	X(DISK_FULL, "disk-full", 14, 507, true, "the ledger cannot be written")                  \
	X(TOO_LARGE, "too-large", 15, 413, false, "longer or deeper than the published limit")    \
	X(TIMEOUT, "timeout", 16, 504, true, "no answer in time")                                 \
	X(IMPOSSIBLE, "impossible", 17, 409, false, "no GPU here could ever hold it")             \
	X(ROLLED_BACK, "rolled-back", 18, 502, true, "failed half-way; the start was restored")   \
	X(DIRTY, "dirty", 19, 502, false, "failed half-way; the text says what stands now")       \
	X(ALTERED, "altered", 20, 500, false, "the record of events does not fit its hashes")     \
	X(ALREADY_SO, "already-so", 21, 409, false, "nothing had to be done: it is so already")    \
	X(INTERNAL, "internal", 70, 500, false, "a bug in carve")

enum err_code {
	ERR_NONE = 0,
#define X(code, name, exit_status, http_status, retry, meaning) ERR_##code,
	ERR_TABLE(X)
#undef X
	ERR_COUNT
};

struct err {
	enum err_code code;
	char text[512]; /* one sentence: what and why */
	char hint[384]; /* what would help; "" when nothing is known */
	char rule[64];  /* the policy rule that decided; "" when none did */
};

#define ERR_INIT                  \
	(struct err)              \
	{                         \
		.code = ERR_NONE, \
	}

/* Fill in err (never NULL) and return -code. Clears hint and rule. */
int fail(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Add what would help. Returns -err->code, so `return fail_hint(...)` works. */
int fail_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Name the rule that decided. Returns -err->code. */
int fail_rule(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put context in front of the sentence: "GPU 3: " + text. Returns -err->code. */
int fail_in(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All accept any value; an unknown one reads as "internal". */
const char *err_name(enum err_code code);
const char *err_meaning(enum err_code code);
int err_exit_status(enum err_code code);
int err_http_status(enum err_code code);
bool err_retry(enum err_code code);

/* The code with that JSON name, or ERR_INTERNAL. */
enum err_code err_by_name(const char *name);
