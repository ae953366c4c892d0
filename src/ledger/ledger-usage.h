/*
 * ledger-usage.h - how long instances were held, added up
 *
 * One pass over the leases of a time, cut at its borders; what is still held
 * counts until now. An instance counts from the grant until nothing ran on it
 * any more. Sums are by key and by what was held, so that whoever asks can
 * weigh them.
 */
#pragma once

#include "ledger/ledger.h"

#define USAGE_KEYS(X)         \
	X(TEAM, "team")       \
	X(USER, "user")       \
	X(CLASS, "class")     \
	X(PROFILE, "profile") \
	X(PROJECT, "project") \
	X(GPU, "gpu")

enum usage_key {
#define X(key, name) USAGE_##key,
	USAGE_KEYS(X)
#undef X
		USAGE_KEY_COUNT
};

const char *usage_key_name(enum usage_key key);

struct ledger_usage {
	const char *key;   /* NULL: not known */
	const char *board; /* an id of the catalogue; NULL: not known */
	unsigned profile_id;
	const char *profile;
	unsigned slices;
	int64_t n_leases, held_s;
};

/*
 * Call fn for each key and what was held, keys in order, NULL first. [since_s, until_s), until_s
 * not after now.
 */
int ledger_usage(struct ledger *ledger, enum usage_key by, int64_t since_s, int64_t until_s,
		 void (*fn)(const struct ledger_usage *usage, void *arg), void *arg,
		 struct err *err);
