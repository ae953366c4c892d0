/*
 * steward-isolate-part.h - what steward-isolate.c and steward-place.c share
 */
#pragma once

#include "ledger/ledger-isolate.h"
#include "reconcile/steward-part.h"

/* The nodes of one GPU. */
struct isolate_gpu {
	bool job;	       /* one is under way */
	struct closure *last;  /* as it came back; NULL: none has yet */
	int64_t due_s;	       /* to be carried out again */
	bool nothing;	       /* the last time there were no nodes */
	bool trouble;	       /* and it was told */
	char why[256];	       /* nodes that could not be closed or put back; "" */
};

/* A group or a file that was made for a lease. */
struct isolate_place {
	struct ledger_place row;
	bool set;		       /* group: holds its processes to these */
	struct device_rules rules;
	bool denied;		       /* group: they have no device any more */
	bool told;		       /* that it could not be */
	bool limited;		       /* group: its CPUs and memory are those of the bundle */
	char why_unlimited[256];
};

struct steward_isolation {
	struct isolate_host host;
	struct group_host groups;
	int64_t now_s;
	bool following; /* what places are for */
	struct isolate_gpu gpus[BACKEND_MAX_GPUS]; /* as those of the steward */
	struct ledger_node *nodes;		   /* what nodes were before they were touched */
	size_t n_nodes, cap_nodes;
	struct isolate_place *places;
	size_t n_places, cap_places;
};

/* steward-place.c: deny what is over, remove what is empty, follow what has new numbers. */
void steward_places_follow(struct steward *steward);
