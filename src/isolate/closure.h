/*
 * closure.h - the device nodes of one GPU: who gets in, all at once
 *
 * A closure says what shall be: the instances that are ours on a GPU and whom
 * each is open to, and what every node was before it was first touched. It is
 * carried out in a worker thread, again and again: what is so already is left
 * alone, what somebody else changed (udev, the driver's tools) is put right.
 *
 * A node is changed only when what it was before is in the closure, so that it
 * is safely remembered: what is not is read and handed back as fresh. A node
 * that is remembered and no longer ours is made what it was.
 *
 * The GPU's own node opens to every holder on it. It is left as it was while
 * an instance lies on the GPU that carve did not make: its users need it.
 */
#pragma once

#include "isolate/node.h"
#include "isolate/program.h"

#define CLOSURE_MAX	  NODE_MAX_USERS /* instances on a GPU */
#define CLOSURE_MAX_NODES (2 * CLOSURE_MAX + 1)
#define CLOSURE_PATH	  160

enum closure_result {
	CLOSURE_UNKNOWN, /* not tried yet, or first it must be remembered what was */
	CLOSURE_DONE,	 /* read back */
	CLOSURE_NOTHING, /* there are no nodes */
	CLOSURE_CANNOT,	 /* this host keeps no ACLs for nodes */
	CLOSURE_FAILED,
};

struct closure_instance {
	int64_t instance, lease; /* the caller's; lease 0: nobody's */
	unsigned gi, ci;
	bool has_uid;
	uid_t uid; /* whom it is open to */
	/* out */
	enum closure_result result;
	bool changed; /* its capability nodes were not so before */
	struct device_numbers numbers; /* DONE, CANNOT */
	char why[256];		       /* NOTHING, CANNOT, FAILED */
};

struct closure_node {
	char path[CLOSURE_PATH];
	struct node_state before;
	bool put_back; /* out: is what it was, or is gone; it need not be remembered */
};

struct closure {
	unsigned gpu_minor;
	bool close_gpu;
	char group[64]; /* gets in everywhere; "": none */
	size_t n;
	struct closure_instance at[CLOSURE_MAX];
	size_t n_known;
	struct closure_node known[CLOSURE_MAX_NODES];
	/* out */
	enum closure_result gpu; /* its own node; DONE also when it shall be left alone */
	size_t n_fresh;
	struct closure_node fresh[CLOSURE_MAX_NODES];
	unsigned n_failed; /* nodes that could not be put back */
	char why[256];	   /* the first of them, or the GPU's own node */
};

/* Fills in what is marked out. */
void closure_apply(struct closure *closure, const struct isolate_roots *roots);

/* Is the same wanted? What came out is not looked at. */
bool closure_same(const struct closure *a, const struct closure *b);
