/*
 * jail-part.h - the parts of a view, and what they are made with
 *
 * Only for jail-*.c. Functions that return int give 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "sim/jail-mount.h"

#define JAIL_CAPABILITIES "/proc/driver/nvidia/capabilities"

/* Note a part that could not be made. */
void jail_missing(struct jail_mount *mount, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A path in buf, which has PATH_MAX bytes; returns buf. */
const char *jail_path(char *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

int jail_put_bytes(const char *path, const char *bytes, size_t len, mode_t mode);
int jail_put_text(const char *path, const struct text *text, mode_t mode);
int jail_touch(const char *path);

int jail_tmpfs(const char *at, unsigned long flags);
int jail_bind(const char *from, const char *onto);
void jail_move(struct jail_mount *mount, const char *from, const char *onto);

/* /dev; real_driver: this host has one, so its major number must not be used. */
void jail_make_dev(struct jail_mount *mount, const struct view *view, bool real_driver);

/* Give or take one capability node below dev. */
int jail_put_cap(const struct jail_mount *mount, const char *dev, unsigned cap);
void jail_drop_node(const char *path);

/* DIR/view/devices and modules; decides the major numbers. */
int jail_write_lists(struct jail_mount *mount, bool *ret_real_driver);

/* /proc, with what jail_write_lists() wrote. */
void jail_make_proc(struct jail_mount *mount, const struct view *view);

/* A file below JAIL_CAPABILITIES. */
int jail_put_capability(const char *folder, const char *name, unsigned cap);
