/*
 * backend-fault.h - a backend that lets another one do the work, and fails when told to
 *
 * Calls are counted from 1 since backend_fault_arm(). wait_event is never
 * counted: when it returns depends on time, and a story must be the same each
 * time it is told.
 */
#pragma once

#include "backend/backend.h"

struct backend_fault_plan {
	unsigned call;	    /* the number of the call that fails; 0: none, only count */
	unsigned times;	    /* and so many in all; 0 is 1 */
	enum err_code code; /* what it fails with */
	bool after;	    /* it does its work first; only the answer is lost */
	bool changes;	    /* count only calls that change a GPU */
};

/* take_inner is closed with this one. Aborts without memory: this is for tests. */
struct backend *backend_fault_open(struct backend *take_inner);

/* From any thread. */
void backend_fault_arm(struct backend *fault, const struct backend_fault_plan *plan);

/* How many calls were counted since it was armed. */
unsigned backend_fault_calls(struct backend *fault);

/* The operation that failed ("gi_create"), the last if several; "" when none did. */
const char *backend_fault_struck(struct backend *fault);
