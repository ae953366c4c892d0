#include "base/cgroup-unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/array.h"

#include "../tap.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID_ "8f7a2c1e_1111_2222_3333_444455556666"
#define UIDD "8f7a2c1e-1111-2222-3333-444455556666"

/* What stands in the file, what it means, in words. */
static const struct {
	const char *text;
	enum cgroup_kind kind;
	const char *words;
} rows[] = {
	{"", CGROUP_NONE, ""},
	{"0::/\n", CGROUP_NONE, ""},
	{"0::/system.slice\n", CGROUP_NONE, ""},
	{"0::/system.slice/ollama.service\n", CGROUP_UNIT, "ollama.service"},
	{"0::/system.slice/ollama.service", CGROUP_UNIT, "ollama.service"},
	{"0::/system.slice/system-getty.slice/getty@tty1.service\n", CGROUP_UNIT,
	 "getty@tty1.service"},
	{"0::/system.slice/run.service/worker/3\n", CGROUP_UNIT, "run.service"},
	{"0::/user.slice/user-1000.slice/session-3.scope\n", CGROUP_UNIT, "session-3.scope"},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service\n",
	 CGROUP_UNIT, "jupyter.service of uid 1000"},
	{"0::/init.scope\n", CGROUP_UNIT, "init.scope"},
	{"0::/system.slice/docker-" ID ".scope\n", CGROUP_CONTAINER,
	 "docker container 0123456789ab"},
	{"0::/system.slice/docker-" ID ".scope/system.slice/sshd.service\n", CGROUP_CONTAINER,
	 "docker container 0123456789ab"},
	{"12:devices:/docker/" ID "\n1:name=systemd:/docker/" ID
	 "\n0::/system.slice/containerd.service\n",
	 CGROUP_CONTAINER, "docker container 0123456789ab"},
	{"0::/machine.slice/libpod-" ID ".scope/container\n", CGROUP_CONTAINER,
	 "podman container 0123456789ab"},
	{"0::/machine.slice/libpod-conmon-" ID ".scope\n", CGROUP_UNIT,
	 "libpod-conmon-" ID ".scope"},
	{"0::/user.slice/user-7.slice/user@7.service/user.slice/libpod-" ID ".scope/container\n",
	 CGROUP_CONTAINER, "podman container 0123456789ab"},
	{"0::/lxc.payload.web/system.slice/x.service\n", CGROUP_CONTAINER, "lxc container web"},
	{"4:memory:/lxc/web\n", CGROUP_CONTAINER, "lxc container web"},
	{"0::/machine.slice/systemd-nspawn@box.service/payload\n", CGROUP_CONTAINER,
	 "nspawn container box"},
	{"0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt\n", CGROUP_UNIT,
	 "machine-qemu\\x2d1\\x2dvm.scope"},
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" ID ".scope\n",
	 CGROUP_POD, "pod " UIDD},
	{"0::/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope\n", CGROUP_POD,
	 "pod " UIDD},
	{"11:cpu,cpuacct:/kubepods/besteffort/pod" UIDD "/" ID "\n", CGROUP_POD, "pod " UIDD},
	{"0::/system.slice/slurmstepd.scope/job_123/step_0/user/task_0\n", CGROUP_SLURM,
	 "Slurm job 123.0"},
	{"9:name=systemd:/system.slice/slurmd.service\n5:devices:/slurm/uid_1000/job_77/step_batch/"
	 "task_0\n",
	 CGROUP_SLURM, "Slurm job 77.batch"},
	{"5:devices:/slurm_n1/uid_1000/job_77\n", CGROUP_SLURM, "Slurm job 77"},
	{"0::/system.slice/slurmd.service\n", CGROUP_UNIT, "slurmd.service"},
	{"0::/home/job_5/step_1\n", CGROUP_NONE, ""},
	{"nonsense\n::\n:\n5:cpu\n\n", CGROUP_NONE, ""},
	{"0::/system.slice/a\033[31m.service\n", CGROUP_UNIT, "a?[31m.service"},
};

static void names_what_a_path_names(void **unused)
{
	char words[256];
	struct cgroup_unit unit;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cgroup_unit_parse(rows[i].text, &unit);
		cgroup_unit_format(words, sizeof(words), &unit);
		if (unit.kind != rows[i].kind || strcmp(words, rows[i].words))
			fail_msg("row %zu: kind %d, '%s'", i, (int)unit.kind, words);
	}
}

static void knows_a_pod_and_its_container(void **unused)
{
	struct cgroup_unit unit;

	(void)unused;
	cgroup_unit_parse("0::/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope\n",
			  &unit);
	assert_string_equal(unit.pod, UIDD);
	assert_string_equal(unit.name, ID);
	assert_string_equal(unit.engine, "cri-o");
}

static void a_name_without_end_is_cut(void **unused)
{
	char text[6000] = "0::/", words[200];
	struct cgroup_unit unit;

	(void)unused;
	memset(text + 4, 'x', 5000);
	strcat(text, ".service\n");
	cgroup_unit_parse(text, &unit);
	assert_int_equal(unit.kind, CGROUP_UNIT);
	assert_true(strlen(cgroup_unit_format(words, sizeof(words), &unit)) < sizeof(unit.name));
}

static void who_is_gone_is_not_known(void **unused)
{
	struct cgroup_unit unit;

	(void)unused;
	cgroup_unit_read("/proc", 0, &unit);
	assert_int_equal(unit.kind, CGROUP_UNKNOWN);
	cgroup_unit_read("/nonexistent", getpid(), &unit);
	assert_int_equal(unit.kind, CGROUP_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_a_path_names),
		cmocka_unit_test(knows_a_pod_and_its_container),
		cmocka_unit_test(a_name_without_end_is_cut),
		cmocka_unit_test(who_is_gone_is_not_known),
	};

	return tap_run(tests);
}
