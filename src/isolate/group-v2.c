/* Programs of cgroup v2, by the system call itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "isolate/group.h"

#define MAX_PROGRAMS 64 /* the kernel allows no more in one group */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int load(const struct device_rules *rules, int *ret_fd, struct err *err)
{
	struct bpf_insn program[PROGRAM_MAX] = {0};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)program_assemble(rules, program),
		.insns = pointer(program),
		.license = pointer("Apache-2.0"),
	};

	memcpy(attr.prog_name, "carve_lease", sizeof("carve_lease"));
	*ret_fd = bpf(BPF_PROG_LOAD, &attr);
	if (*ret_fd >= 0)
		return 0;
	fail(err, errno == EPERM || errno == ENOSYS || errno == EINVAL ? ERR_UNSUPPORTED : ERR_IO,
	     "the kernel takes no device program for control groups: %s", strerror(errno));
	if (errno == EPERM)
		return fail_hint(err, "in a container it takes CAP_BPF or CAP_SYS_ADMIN");
	return -(int)err->code;
}

int group_v2_probe(struct err *err)
{
	const struct device_rules nothing = {0};
	cleanup(close) int fd = -1;

	return load(&nothing, &fd, err);
}

/* The programs that this group itself has. */
static int list(int group, uint32_t *ret_ids, uint32_t *ret_n)
{
	union bpf_attr attr = {.query = {.target_fd = (uint32_t)group,
					 .attach_type = BPF_CGROUP_DEVICE,
					 .prog_ids = pointer(ret_ids),
					 .prog_cnt = MAX_PROGRAMS}};

	if (bpf(BPF_PROG_QUERY, &attr))
		return -errno;
	*ret_n = attr.query.prog_cnt;
	return 0;
}

static int attach(int group, int program)
{
	union bpf_attr attr = {.target_fd = (uint32_t)group,
			       .attach_bpf_fd = (uint32_t)program,
			       .attach_type = BPF_CGROUP_DEVICE,
			       .attach_flags = BPF_F_ALLOW_MULTI};

	return bpf(BPF_PROG_ATTACH, &attr) ? -errno : 0;
}

static int detach(int group, uint32_t id)
{
	union bpf_attr find = {.prog_id = id};
	cleanup(close) int program = bpf(BPF_PROG_GET_FD_BY_ID, &find);
	union bpf_attr attr = {.target_fd = (uint32_t)group,
			       .attach_bpf_fd = (uint32_t)program,
			       .attach_type = BPF_CGROUP_DEVICE};

	if (program < 0)
		return errno == ENOENT ? 0 : -errno;
	return bpf(BPF_PROG_DETACH, &attr) ? -errno : 0;
}

static int id_of(int program, uint32_t *ret)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)program,
					.info_len = sizeof(info),
					.info = pointer(&info)}};

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		return -errno;
	*ret = info.id;
	return 0;
}

/* Every program of a group must allow: while there are two, less is allowed, never more. */
static int replace(int group, int program)
{
	uint32_t before[MAX_PROGRAMS], after[MAX_PROGRAMS], n_before, n_after, id = 0;
	int r = list(group, before, &n_before);

	r = r ? r : id_of(program, &id);
	r = r ? r : attach(group, program);
	for (uint32_t i = 0; !r && i < n_before; i++)
		r = detach(group, before[i]);
	r = r ? r : list(group, after, &n_after);
	return r ? r : n_after == 1 && after[0] == id ? 0 : -EAGAIN;
}

int group_v2_set(const char *path, const struct device_rules *rules, struct err *err)
{
	cleanup(close) int group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup(close) int program = -1;
	int r;

	if (group < 0)
		return group_fail(path, "cannot be opened", errno, err);
	r = load(rules, &program, err);
	if (r)
		return r;
	r = replace(group, program);
	if (r == -EAGAIN)
		return fail(err, ERR_STALE,
			    "control group '%s': its device program did not stay as it was set",
			    path);
	return r ? group_fail(path, "its device program cannot be set", -r, err) : 0;
}
