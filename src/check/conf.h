/*
 * conf.h - what other programs' configuration files say, as far as we ask
 *
 * Pure readers of text. They do not judge whether a file is in order: what they
 * do not understand they pass over, as its owner's program may have a reason
 * for it. Any bytes are fine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The value of a key in a TOML file: "accept-x" before the first table,
 * "nvidia-container-cli.no-cgroups" in one. Quotes and comments are taken off.
 * The last one counts. false: it is not there.
 */
bool conf_toml(const char *text, const char *key, char *buf, size_t size);

/* The same in a file of KEY=VALUE lines, as shells and lsf.conf have them. */
bool conf_assignment(const char *text, const char *key, char *buf, size_t size);

/*
 * What in a gres.conf or slurm.conf depends on the layout of MIG instances.
 * Slurm reads keys without regard to case and joins lines that end in '\'.
 */
enum slurm_kind {
	SLURM_TYPE,	  /* a type with a profile's name: gpu:1g.10gb */
	SLURM_CAP,	  /* a capability node: File=/dev/nvidia-caps/nvidia-cap21 */
	SLURM_AUTODETECT, /* AutoDetect=nvml: what slurmd found when it started */
};

struct slurm_line {
	enum slurm_kind kind;
	unsigned line; /* from 1: where the (joined) line begins */
	char word[48]; /* that says it, printable */
};

/* ret has room for max; returns how many there are, also those without room. */
size_t conf_slurm(const char *text, struct slurm_line *ret, size_t max);

/* The version of an installed package in /var/lib/dpkg/status. false: not installed. */
bool conf_dpkg_version(const char *text, const char *package, char *buf, size_t size);

/*
 * The names of MIG devices in any text: "MIG-" and a UUID.
 *   at   in: where to go on; out: behind the name
 *   ret  room for 41
 */
bool conf_next_mig(const char **at, char *ret);

/* Does s have a profile's name in it: "1g.10gb", "h100_1g.10gb", "1c.3g.40gb"? */
bool conf_has_profile(const char *s);

/*
 * Versions by their numbers: "550.163.01" < "570", "1.16.1-1" < "1.16.2". What
 * is not a digit separates. <0, 0, >0; a missing number is 0.
 */
int conf_version_compare(const char *a, const char *b);
