/* Device programs, run by a machine of our own that knows the few instructions they use. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "isolate/program.h"

enum { OPEN_CHAR = BPF_DEVCG_ACC_READ << 16 | BPF_DEVCG_DEV_CHAR,
       MAKE_CHAR = BPF_DEVCG_ACC_MKNOD << 16 | BPF_DEVCG_DEV_CHAR,
       OPEN_BLOCK = BPF_DEVCG_ACC_WRITE << 16 | BPF_DEVCG_DEV_BLOCK };

/* One step; returns where to go on, or -1 at the end. */
static int step(const struct bpf_insn *insn, int at, const unsigned char *context, uint64_t *reg)
{
	uint32_t word;

	switch (insn->code) {
	case BPF_LDX | BPF_MEM | BPF_W:
		assert_int_equal(insn->src_reg, BPF_REG_1);
		memcpy(&word, context + insn->off, sizeof(word));
		reg[insn->dst_reg] = word;
		return at + 1;
	case BPF_ALU | BPF_AND | BPF_K:
		reg[insn->dst_reg] = (uint32_t)reg[insn->dst_reg] & (uint32_t)insn->imm;
		return at + 1;
	case BPF_ALU64 | BPF_MOV | BPF_K:
		reg[insn->dst_reg] = (uint64_t)insn->imm;
		return at + 1;
	case BPF_JMP | BPF_JNE | BPF_K:
		return at + 1 + (reg[insn->dst_reg] != (uint64_t)insn->imm ? insn->off : 0);
	case BPF_JMP | BPF_EXIT:
		return -1;
	default:
		fail_msg("instruction %d: code %#x", at, insn->code);
		return -1;
	}
}

static bool allows(const struct device_rules *rules, uint32_t type, unsigned major, unsigned minor)
{
	const struct bpf_cgroup_dev_ctx context = {type, major, minor};
	struct bpf_insn program[PROGRAM_MAX];
	uint64_t reg[11] = {0};
	size_t n = program_assemble(rules, program);

	assert_in_range(n, 1, PROGRAM_MAX);
	for (int at = 0; at >= 0;) {
		assert_in_range(at, 0, n - 1);
		at = step(&program[at], at, (const unsigned char *)&context, reg);
	}
	return reg[0];
}

static const struct device_numbers numbers = {
	.majors = {true, true, 236, 511}, .gpu = 3, .gi_cap = 417, .ci_cap = 418};

static void lease_has_its_own(void **state)
{
	const struct device_rules rules = device_rules_for(&numbers, 1);
	static const struct {
		const char *what;
		uint32_t type;
		unsigned major, minor;
		bool allowed;
	} rows[] = {
		{"its GPU", OPEN_CHAR, 195, 3, true},
		{"another GPU", OPEN_CHAR, 195, 2, false},
		{"a GPU with a large number", OPEN_CHAR, 195, 3 + 256, false},
		{"nvidiactl", OPEN_CHAR, 195, 255, true},
		{"nvidia-modeset", OPEN_CHAR, 195, 254, false},
		{"its GPU instance", OPEN_CHAR, 236, 417, true},
		{"its compute instance", OPEN_CHAR, 236, 418, true},
		{"another compute instance", OPEN_CHAR, 236, 419, false},
		{"the right to divide GPUs", OPEN_CHAR, 236, 1, false},
		{"the right to watch all", OPEN_CHAR, 236, 2, false},
		{"making a node of another instance", MAKE_CHAR, 236, 426, false},
		{"unified memory", OPEN_CHAR, 511, 0, true},
		{"null", OPEN_CHAR, 1, 3, true},
		{"a terminal", OPEN_CHAR, 136, 417, true},
		{"a disk with the same numbers", OPEN_BLOCK, 195, 2, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (allows(&rules, rows[i].type, rows[i].major, rows[i].minor) != rows[i].allowed)
			fail_msg("%s: %sallowed", rows[i].what, rows[i].allowed ? "not " : "");
}

/* As many as a job may hold: each its own, and the program still fits. */
static void leases_together(void **state)
{
	struct device_numbers all[DEVICE_MAX_LEASES];
	struct device_rules rules;

	(void)state;
	for (unsigned i = 0; i < DEVICE_MAX_LEASES; i++)
		all[i] = (struct device_numbers){.majors = numbers.majors,
						 .gpu = i % 16,
						 .gi_cap = 3 + 9 * i,
						 .ci_cap = 4 + 9 * i};
	rules = device_rules_for(all, DEVICE_MAX_LEASES);
	for (unsigned i = 0; i < DEVICE_MAX_LEASES; i++) {
		assert_true(allows(&rules, OPEN_CHAR, 236, 3 + 9 * i));
		assert_true(allows(&rules, OPEN_CHAR, 236, 4 + 9 * i));
		assert_false(allows(&rules, OPEN_CHAR, 236, 5 + 9 * i));
	}
	assert_true(allows(&rules, OPEN_CHAR, 195, 15));
	assert_false(allows(&rules, OPEN_CHAR, 195, 16));
	assert_true(allows(&rules, OPEN_BLOCK, 195, 16));
}

static void nothing_is_left(void **state)
{
	const struct device_rules rules = device_rules_none(&numbers.majors);

	(void)state;
	for (unsigned minor = 0; minor < 512; minor++) {
		assert_false(allows(&rules, OPEN_CHAR, 195, minor));
		assert_false(allows(&rules, OPEN_CHAR, 236, minor));
		assert_false(allows(&rules, OPEN_CHAR, 511, minor));
	}
	assert_true(allows(&rules, OPEN_CHAR, 1, 3));
	assert_true(allows(&rules, OPEN_CHAR, 5, 0));
}

static void without_capabilities(void **state)
{
	const struct device_numbers few = {.gpu = 0};
	const struct device_rules rules = device_rules_for(&few, 1);

	(void)state;
	assert_true(allows(&rules, OPEN_CHAR, 195, 0));
	assert_false(allows(&rules, OPEN_CHAR, 195, 1));
	assert_true(allows(&rules, OPEN_CHAR, 0, 0)); /* no rule speaks of a major that is not known */
}

static void no_rules(void **state)
{
	const struct device_rules rules = {0};

	(void)state;
	assert_true(allows(&rules, OPEN_CHAR, 195, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lease_has_its_own),
		cmocka_unit_test(leases_together),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(without_capabilities),
		cmocka_unit_test(no_rules),
	};

	return tap_run(tests);
}
