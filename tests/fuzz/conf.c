/*
 * Any bytes as a configuration file of another program, or as what the kernel
 * says of a process's control groups. Nothing is refused; what is found lies
 * inside the text, fits its buffer and can harm no terminal.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup-unit.h"
#include "base/text.h"
#include "check/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_word(const char *word, size_t size)
{
	assert(memchr(word, '\0', size));
	for (const char *c = word; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void fuzz_values(const char *text)
{
	static const char *const keys[] = {"accept-nvidia-visible-devices-envvar-when-unprivileged",
					   "nvidia-container-cli.no-cgroups", "LSF_MANAGE_MIG"};
	char value[8];

	for (size_t i = 0; i < 3; i++) {
		if (conf_toml(text, keys[i], value, sizeof(value)))
			check_word(value, sizeof(value));
		if (conf_assignment(text, keys[i], value, sizeof(value)))
			check_word(value, sizeof(value));
	}
	if (conf_dpkg_version(text, "nvidia-container-toolkit", value, sizeof(value)))
		check_word(value, sizeof(value));
}

static void fuzz_slurm(const char *text)
{
	struct slurm_line lines[4];
	size_t n = conf_slurm(text, lines, 4), lines_there = 1;

	for (const char *c = text; *c; c++)
		lines_there += *c == '\n';
	for (size_t i = 0; i < n && i < 4; i++) {
		assert(lines[i].line >= 1 && lines[i].line <= lines_there);
		assert(!i || lines[i].line >= lines[i - 1].line);
		check_word(lines[i].word, sizeof(lines[i].word));
	}
}

static void fuzz_names(const char *text)
{
	const char *at = text, *before = text;
	struct cgroup_unit unit;
	char mig[41], words[64];

	while (conf_next_mig(&at, mig)) {
		assert(at > before && strlen(mig) == 40 && !memcmp(at - 40, mig, 40));
		before = at;
	}
	cgroup_unit_parse(text, &unit);
	check_word(unit.name, sizeof(unit.name));
	check_word(unit.pod, sizeof(unit.pod));
	check_word(cgroup_unit_format(words, sizeof(words), &unit), sizeof(words));
	conf_has_profile(text);
}

/* Versions have an order: any two halves of the text. */
static void fuzz_versions(const char *text, size_t size)
{
	const char *other = text + size / 2;
	int order = conf_version_compare(text, other);

	assert(conf_version_compare(other, text) == -order);
	assert(!conf_version_compare(text, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	fuzz_values(text);
	fuzz_slurm(text);
	fuzz_names(text);
	fuzz_versions(text, strlen(text));
	free(text);
	return 0;
}
