/*
 * cgroup-unit.h - what a process belongs to, by the names of its control groups
 *
 * systemd, container engines, Kubernetes and Slurm put what they start into
 * groups whose paths name it. That name is what an administrator can act on
 * ("stop ollama.service"), where a pid says nothing. Read from /proc/PID/cgroup
 * under v1, v2 and both together; when lines disagree the most particular one
 * counts: a batch job, then a pod, a container, a unit.
 *
 * A name is what somebody chose to call a group, never proof of who did.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum cgroup_kind {
	CGROUP_UNKNOWN, /* could not be read */
	CGROUP_NONE,	/* in the root, or in groups that name nothing known */
	CGROUP_UNIT,	/* name: "ollama.service", "session-3.scope" */
	CGROUP_CONTAINER, /* engine: docker podman containerd cri-o lxc nspawn, "" unknown; name: its id */
	CGROUP_POD,   /* Kubernetes; pod: its UID, name: the container's id or "" */
	CGROUP_SLURM, /* name: "123.0", "123.batch", or "123" when no step is named */
};

struct cgroup_unit {
	enum cgroup_kind kind;
	char engine[16];
	char pod[40];
	char name[128]; /* safe to print */
	char user[16];	/* units of a user's own manager: the uid, else "" */
};

/* From the text of a cgroup file. Pure; any text is fine. */
void cgroup_unit_parse(const char *text, struct cgroup_unit *ret);

/* proc: where /proc is mounted. A process that is gone is CGROUP_UNKNOWN. */
void cgroup_unit_read(const char *proc, pid_t pid, struct cgroup_unit *ret);

/*
 * In words: "ollama.service", "docker container 0123456789ab", "pod UID",
 * "Slurm job 123.0"; "" when unknown or none. Returns buf.
 */
char *cgroup_unit_format(char *buf, size_t size, const struct cgroup_unit *unit);
