/*
 * file.h - whole files, bounded and durable
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Read all of a file.
 *
 *   limit    more than this many bytes is TOO_LARGE
 *   ret      out: the bytes and a final NUL, freed by the caller
 *   ret_len  out: without the NUL; may be NULL
 *   err      NOT_FOUND, DENIED, IO, TOO_LARGE, NOMEM
 */
int file_read(const char *path, size_t limit, char **ret, size_t *ret_len, struct err *err);

/*
 * May anybody on this machine change what it says? Its mode and that of its folder are
 * looked at; a sticky folder (/tmp) protects what others put there.
 *   err  DENIED: yes, with the command that mends it; INVALID: no regular file; NOT_FOUND, IO
 */
int file_check_guarded(const char *path, struct err *err);

/* Replace a file at once: written beside it, synced, renamed, folder synced. */
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode,
		      struct err *err);

/* mkdir -p; existing folders are fine. */
int file_mkdirs(const char *path, mode_t mode, struct err *err);

/* What an errno of a file operation means: NOT_FOUND, DENIED, DISK_FULL, NOMEM, else IO. */
enum err_code file_err_code(int error);
