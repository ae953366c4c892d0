/*
 * cleanup.h - leaving the scope lets go
 *
 *	cleanup(free) char *name = NULL;
 *	cleanup(fclose) FILE *file = NULL;
 *	...
 *	*ret = steal(name);
 *
 * DEFINE_CLEANUP(fn, type) makes cleanup(fn) usable for variables of that
 * pointer type; fn must accept NULL.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(cleanup_##fn)))

#define DEFINE_CLEANUP(fn, type)                       \
	static inline void cleanup_##fn(type *p)       \
	{                                              \
		if (*p)                                \
			fn(*p);                        \
	}                                              \
	struct cleanup_semicolon_##fn

/* Hand over what a cleanup variable holds; the variable no longer owns it. */
#define steal(p)                          \
	({                                \
		__auto_type steal_p = (p); \
		(p) = NULL;               \
		steal_p;                  \
	})

static inline void cleanup_free(void *p)
{
	void **pp = p;

	free(*pp);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* For file descriptors; -1 is "none". */
static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int steal_fd(int *fd)
{
	int n = *fd;

	*fd = -1;
	return n;
}
