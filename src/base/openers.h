/*
 * openers.h - which processes have a file open
 *
 * Answers "who keeps it busy" for any file, device nodes above all: every
 * process of /proc, its descriptors, its mappings. A device node is the same
 * wherever it stands (a container has nodes of its own), so devices are known
 * by their number; other files by the file system and inode they are.
 *
 * Nothing found is not proof: an account that is not root may not look into
 * other people's processes, /proc can hide them (hidepid), and a container's
 * shows none from outside. All three are told. The answer is true of no single moment, since processes
 * come and go while it is made: pid and start time together name one of them,
 * whoever acts on it looks again (base/proc.h, pidfd). The caller's own process
 * is listed like every other.
 *
 * Cost: one statx() a descriptor, one line read a mapping; a millisecond for
 * some hundred descriptors. At most OPENERS_MAX_LOOKS of both together, then it
 * stops and says so. Not for the daemon's main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroup-unit.h"
#include "base/err.h"

#define OPENERS_MAX_LOOKS 2000000u
#define OPENERS_MAX	  1024u /* records */

/* A file to look for. */
struct open_file {
	const char *path; /* borrowed; what it is called */
	bool is_device;	  /* a character device: known by rdev, wherever it is */
	dev_t rdev;
	bool has_inode; /* dev and ino are known */
	dev_t dev;
	ino_t ino;
};

/* Symbolic links are followed. err: NOT_FOUND, DENIED, IO */
int open_file_by_path(const char *path, struct open_file *ret, struct err *err);

/* A character device by its number, whether or not this host has a node; path only names it. */
struct open_file open_file_by_number(const char *path, dev_t rdev);

/* How a process holds a file; a set. */
enum {
	OPENER_FD = 1,	/* an open descriptor */
	OPENER_MAP = 2, /* a mapping, which outlives the descriptor */
};

struct opener {
	pid_t pid;
	uint64_t start_time; /* base/proc.h */
	bool has_uid;
	uid_t uid;	  /* the real one */
	char command[32]; /* the process's name, safe to print; "" when unknown */
	struct cgroup_unit unit;
	size_t file;  /* index in files[] */
	unsigned how; /* OPENER_FD | OPENER_MAP */
};

struct openers {
	struct opener *items; /* one a process and file, by pid, then file */
	size_t n;
	unsigned n_processes; /* looked at, unread ones included; threads of the kernel are not */
	unsigned n_unread;    /* of these: not allowed to look */
	bool hidden;	      /* /proc does not show all processes (hidepid) */
	bool contained;	      /* /proc is of a container: who runs outside is not shown */
	bool cut;	      /* stopped at a bound; there may be more */
};

/*
 *   proc  where /proc is mounted: "/proc", or a made-up tree
 *   how   what to look for; OPENER_FD alone is several times cheaper
 *   ret   out: ended with openers_done()
 *   err   NOT_FOUND, DENIED, IO: proc cannot be listed; NOMEM
 */
int openers_find(const char *proc, const struct open_file *files, size_t n_files, unsigned how,
		 struct openers *ret, struct err *err);

/* NULL and zeroed are fine. */
void openers_done(struct openers *openers);

static inline void cleanup_openers_done(struct openers *openers)
{
	openers_done(openers);
}

/* true when nobody was overlooked: not having found one means there is none. */
bool openers_complete(const struct openers *openers);

/*
 * "python3 (pid 4242, alice, ollama.service)"; what is unknown is left out. The
 * user's name is asked of the system, which may take its time. Returns buf.
 */
char *opener_format(char *buf, size_t size, const struct opener *opener);
