/*
 * program.h - which devices a control group may use, as a program for the kernel
 *
 * Rules are tried in order, the first that fits decides; what none fits is
 * allowed. They speak of character devices alone: block devices are no business
 * of ours. The kernel asks the program at each open() and mknod(); what is open
 * already stays open.
 *
 * The program is a few dozen instructions of BPF, put together here from the
 * table of rules (linux/bpf.h), without a compiler and without a library.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "isolate/driver.h"

#define DEVICE_MAX_LEASES 64 /* that a job may hold together */
#define DEVICE_MAX_RULES  (3 * DEVICE_MAX_LEASES + 3)
#define PROGRAM_MAX	  (4 * DEVICE_MAX_RULES + 7) /* instructions */

struct device_rule {
	unsigned major;
	bool any_minor;
	unsigned minor;
	bool allow;
};

struct device_rules {
	size_t n;
	struct device_rule at[DEVICE_MAX_RULES];
};

/* The numbers of what a lease may use. */
struct device_numbers {
	struct driver_majors majors;
	unsigned gpu, gi_cap, ci_cap; /* minors */
};

/*
 * Of the driver's devices those of these leases, nvidiactl and unified memory; all others'.
 *   n  at least 1, at most DEVICE_MAX_LEASES
 */
struct device_rules device_rules_for(const struct device_numbers *numbers, size_t n);

bool device_rules_same(const struct device_rules *a, const struct device_rules *b);

/* Of the driver's devices none. */
struct device_rules device_rules_none(const struct driver_majors *majors);

/* Returns the number of instructions; ret has room for PROGRAM_MAX. */
size_t program_assemble(const struct device_rules *rules, struct bpf_insn *ret);
