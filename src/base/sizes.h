/*
 * sizes.h - amounts and durations as people write them
 *
 * Sizes are bytes: "6GiB", "512M", "1.5 GB", "4096". K M G T are powers of
 * 1024 with and without "iB", powers of 1000 with "B" (SI). Durations are
 * seconds: "90s", "15m", "4h", "2d", "1w", "2y" (365 days each), "1h30m"; a bare number is seconds.
 * Parsing is strict: anything else, overflow and negative numbers are INVALID.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

int size_parse(const char *s, uint64_t *ret_bytes, struct err *err);
int duration_parse(const char *s, int64_t *ret_seconds, struct err *err);

/* A whole number in [min, max], decimal only; what names it in the error. */
int number_parse(const char *s, const char *what, int64_t min, int64_t max, int64_t *ret,
		 struct err *err);

/* A share: "60%" or "0.6" gives 0.6; outside 0..1 is INVALID. */
int share_parse(const char *s, double *ret, struct err *err);

/* "39.5 GiB", "512 MiB": two or three significant figures. Returns buf. */
char *size_format(char *buf, size_t len, uint64_t bytes);

/* "4h", "1h 30m", "2d 3h", "45s": the two largest units. Returns buf. */
char *duration_format(char *buf, size_t len, int64_t seconds);
