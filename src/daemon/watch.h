/*
 * watch.h - who has ended
 *
 * Watches processes by pidfd, each for one lease. A process that had ended
 * before it was watched, or whose pid belongs to another by now, is told like
 * one that ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct watch;

int watch_new(struct watch **ret, struct err *err);
void watch_free(struct watch *watch);

/* Readable when watch_next() has something to tell. */
int watch_fd(const struct watch *watch);

/* In place of what was watched for this lease before. */
void watch_add(struct watch *watch, int64_t lease, pid_t pid, uint64_t pid_start);
void watch_remove(struct watch *watch, int64_t lease);

/*
 * A lease whose process has ended; it is no longer watched. false: none. To be
 * called now and then also when nothing is readable, for processes that the
 * system gave no file for.
 */
bool watch_next(struct watch *watch, int64_t *ret_lease);
