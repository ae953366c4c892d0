/*
 * node.h - who may open a device node
 *
 * A node is closed to everybody but its owner (root), the members of one group
 * if the policy names one, and the users on a list: its mode and a POSIX ACL,
 * set in one step and read back. What it was before is a value that the caller
 * keeps somewhere safe and can put back.
 *
 * Only character devices are touched, never through a symbolic link. The
 * folder is taken to be root's, as /dev is: who may write there may do worse.
 * Nothing here opens a device, so nothing waits for a driver.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define NODE_ACL_TEXT  256
#define NODE_MAX_USERS 16

/* What is there, or was. */
struct node_state {
	dev_t rdev; /* which device: a node made anew may be another's */
	uid_t uid;
	gid_t gid;
	mode_t mode;		 /* permission bits */
	char acl[NODE_ACL_TEXT]; /* short text form with numbers; "": the mode says all */
};

/* Who shall get in beside the owner. */
struct node_access {
	bool write; /* users and group may write too */
	bool has_group;
	gid_t group;
	size_t n_users;
	uid_t users[NODE_MAX_USERS]; /* each once */
};

/* err: NOT_FOUND; INVALID no character device; TOO_LARGE an ACL too long to remember; IO */
int node_read(const char *path, struct node_state *ret, struct err *err);

/* NODE_MAX_USERS are the most; more are ignored. */
void node_access_add(struct node_access *access, uid_t uid);

/*
 * Let these in and nobody else.
 *
 *   rdev         what the node must be; STALE otherwise
 *   ret_changed  out: it was not so before; may be NULL
 *   err          those of node_read(); UNSUPPORTED the file system has no ACLs; DENIED;
 *                IO also when what was read back is not what was written
 */
int node_close(const char *path, dev_t rdev, const struct node_access *access, bool *ret_changed,
	       struct err *err);

/* Make it what it was. err: as above */
int node_put_back(const char *path, const struct node_state *before, struct err *err);
