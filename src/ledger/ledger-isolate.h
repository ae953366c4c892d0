/*
 * ledger-isolate.h - what isolation has touched and must put right again
 *
 * A node is remembered with what it was before it is changed, a file or a
 * control group before it is made; either is forgotten after it was put back
 * or removed.
 */
#pragma once

#include "ledger/ledger.h"

#define LEDGER_NODE_PATH  160
#define LEDGER_PLACE_PATH 512

struct ledger_node {
	char path[LEDGER_NODE_PATH]; /* the key */
	char gpu[LEDGER_UUID];
	uint64_t device; /* dev_t */
	unsigned uid, gid, mode;
	char acl[256]; /* "": none */
};

/* Insert, or replace the one of that path. */
int ledger_node_put(struct ledger *ledger, const struct ledger_node *node, struct err *err);
int ledger_node_forget(struct ledger *ledger, const char *path, struct err *err);
int ledger_nodes(struct ledger *ledger, void (*fn)(const void *node, void *arg), void *arg,
		 struct err *err);

#define PLACE_KINDS(X)         \
	X(GROUP, "cgroup")     \
	X(CDI, "cdi")

enum place_kind {
#define X(kind, name) PLACE_##kind,
	PLACE_KINDS(X)
#undef X
		PLACE_KIND_COUNT
};

/* Made for a lease. */
struct ledger_place {
	char path[LEDGER_PLACE_PATH]; /* the key */
	int64_t lease;
	enum place_kind kind;
};

int ledger_place_add(struct ledger *ledger, const struct ledger_place *place, struct err *err);
int ledger_place_forget(struct ledger *ledger, const char *path, struct err *err);
int ledger_places(struct ledger *ledger, void (*fn)(const void *place, void *arg), void *arg,
		  struct err *err);

/* Its step of the schema. */
extern const char ledger_isolate_step[];
