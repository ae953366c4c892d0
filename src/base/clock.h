/*
 * clock.h - what time it is
 *
 * Seconds of the Unix clock for everything people see and the ledger keeps,
 * nanoseconds of the monotonic clock for intervals. Pure code takes the time
 * as an argument and never asks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int64_t clock_now_s(void);
int64_t clock_monotonic_ns(void);

/* "2026-11-24 16:40", local time. Returns buf. */
char *clock_format(char *buf, size_t len, int64_t unix_s);

/* How many seconds east of UTC the clocks on the wall of this host are at a moment. */
int64_t clock_offset_s(int64_t unix_s);

/* "2026-11-24T15:40:00Z", UTC. Returns buf. */
char *clock_format_iso(char *buf, size_t len, int64_t unix_s);
