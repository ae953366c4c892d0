/*
 * ledger-chain.h - events that cannot be changed unnoticed
 *
 * Every event has a hash over its own columns and the hash of the event before
 * it (table chain; carve-audit(1) tells the bytes, so that others can verify
 * it). Whoever changes, removes or inserts an event changes all hashes from
 * there on; a head, the number and hash of the newest event, kept elsewhere
 * then no longer fits.
 *
 * Old events are given up by a cut: an event of kind "cut" that tells up to
 * which one, and what that one's hash was. It is part of the chain itself, and
 * from there on the chain is verified.
 */
#pragma once

#include "ledger/ledger.h"

#define LEDGER_HASH 65 /* SHA-256 in hexadecimal, with its NUL */

struct ledger_head {
	int64_t id; /* 0: no events yet */
	char hash[LEDGER_HASH];
};

/* Of the newest event. */
int ledger_head(struct ledger *ledger, struct ledger_head *ret, struct err *err);

/*
 * "812:9f86d081..." as ledger_head_format() writes it.
 *   err  INVALID with a hint
 */
int ledger_head_parse(const char *typed, struct ledger_head *ret, struct err *err);

#define LEDGER_HEAD_TEXT 96
char *ledger_head_format(char *buf, size_t size, const struct ledger_head *head);

struct ledger_verdict {
	int64_t first, last;	 /* events that fit, from and to; 0: there are none */
	int64_t cut;		 /* events up to this one were given up; 0: none */
	int64_t leases;		 /* whose events tell the same as they do */
	struct ledger_head head; /* where the chain ends */
};

/*
 * Read the whole chain, as it is at one moment, and compare.
 *
 *   kept  heads from earlier times, that must still be in the chain
 *   err   ALTERED: the first thing that does not fit; NOT_FOUND: a kept head is older than
 *         the last cut, so it cannot be told; reading errors
 * What an honest ledger cannot show: that its newest events were taken away together with
 * their hashes and the counter of events, or that the file was replaced as a whole and
 * the chain made anew. Only a kept head tells that.
 */
int ledger_verify(struct ledger *ledger, const struct ledger_head *kept, size_t n_kept,
		  struct ledger_verdict *ret, struct err *err);

/* ---- for the ledger itself ---- */

/* Give an event that was just written its hash. Inside a transaction. */
int ledger_chain_add(struct ledger *ledger, int64_t event, struct err *err);

/* The sentence of a cut. */
#define LEDGER_CUT_TEXT 192
char *ledger_cut_format(char *buf, size_t size, const struct ledger_head *upto);
