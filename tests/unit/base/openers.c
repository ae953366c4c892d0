#include "base/openers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

#include "../tap.h"

static char tree[] = "/tmp/openers.XXXXXX";

static int make_tree(void **unused)
{
	(void)unused;
	return mkdtemp(tree) ? 0 : -1;
}

static int drop_tree(void **unused)
{
	char command[64];

	(void)unused;
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	return system(command);
}

static const char *in_tree(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", tree, name);
	return path;
}

static void put(const char *name, const char *text)
{
	cleanup(fclose) FILE *file = fopen(in_tree(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void folder(const char *name)
{
	assert_int_equal(mkdir(in_tree(name), 0755), 0);
}

static struct open_file the_file(const char *name)
{
	struct err err = ERR_INIT;
	struct open_file file;

	assert_int_equal(open_file_by_path(in_tree(name), &file, &err), 0);
	return file;
}

static const struct opener *of_pid(const struct openers *openers, pid_t pid)
{
	for (size_t i = 0; i < openers->n; i++)
		if (openers->items[i].pid == pid)
			return &openers->items[i];
	return NULL;
}

/* A child that has done what the mode says, and waits to be ended. */
static pid_t start(const char *path, char mode)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int fd = open(path, O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "hold er");
		if (fd < 0 ||
		    (mode != 'f' && mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED))
			_exit(1);
		if (mode == 'm')
			close(fd);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* By descriptor, by mapping alone, by both; and nobody when they are gone. */
static void finds_real_processes(void **unused)
{
	static const unsigned hows[] = {OPENER_FD, OPENER_MAP, OPENER_FD | OPENER_MAP};
	cleanup(openers_done) struct openers found = {.items = NULL}, later = {.items = NULL};
	struct err err = ERR_INIT;
	struct open_file file;
	uint64_t started;
	pid_t pids[3];

	(void)unused;
	put("data", "0123456789");
	file = the_file("data");
	for (unsigned i = 0; i < 3; i++)
		pids[i] = start(in_tree("data"), "fmb"[i]);
	assert_int_equal(openers_find("/proc", &file, 1, OPENER_FD | OPENER_MAP, &found, &err), 0);
	assert_int_equal(found.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct opener *one = of_pid(&found, pids[i]);

		assert_non_null(one);
		assert_int_equal(one->how, hows[i]);
		assert_string_equal(one->command, "hold er");
		assert_true(one->has_uid);
		assert_int_equal(one->uid, getuid());
		assert_true(proc_start_time(pids[i], &started));
		assert_int_equal(one->start_time, started);
		assert_int_equal(one->file, 0);
	}
	assert_true(found.n_processes >= 3);
	for (unsigned i = 0; i < 3; i++)
		stop(pids[i]);
	assert_int_equal(openers_find("/proc", &file, 1, OPENER_FD | OPENER_MAP, &later, &err), 0);
	assert_int_equal(later.n, 0);
}

/* A device is its number: another node of it, in another place, is the same. */
static void finds_a_device_by_its_number(void **unused)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct open_file files[2] = {open_file_by_number("nothing", makedev(511, 77)),
				     open_file_by_number("zero", makedev(1, 5))};
	struct err err = ERR_INIT;
	pid_t pid = start("/dev/zero", 'b');

	(void)unused;
	assert_int_equal(openers_find("/proc", files, 2, OPENER_FD | OPENER_MAP, &found, &err), 0);
	assert_non_null(of_pid(&found, pid));
	assert_int_equal(of_pid(&found, pid)->file, 1);
	assert_true(of_pid(&found, pid)->how & OPENER_FD);
	stop(pid);
}

/* The mapping of a device says neither number nor anything but a path. */
static void finds_the_mapping_of_a_device(void **unused)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct err err = ERR_INIT;
	struct open_file file;
	struct stat st;

	(void)unused;
	folder("made");
	folder("made/1");
	folder("made/1/root");
	folder("made/1/root/dev");
	put("made/1/stat", "1 (a) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 0\n");
	put("made/1/maps", "7f00-7f01 rw-s 00000000 00:05 4711                       /dev/zero\n");
	assert_int_equal(symlink("/dev/zero", in_tree("made/1/root/dev/zero")), 0);
	assert_int_equal(stat("/dev/zero", &st), 0);
	file = open_file_by_number("/dev/zero", st.st_rdev);
	assert_int_equal(openers_find(in_tree("made"), &file, 1, OPENER_MAP, &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.items[0].how, OPENER_MAP);
	assert_false(found.hidden);
	assert_true(found.contained); /* no thread of a kernel is shown there */
}

static void reads_a_made_up_tree(void **unused)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct err err = ERR_INIT;
	struct open_file file;
	char words[256];

	(void)unused;
	put("gpu", "");
	file = the_file("gpu");
	folder("p");
	folder("p/1");
	put("p/1/stat", "1 (init) S 0 0 0 0 0 4194560 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n");
	folder("p/1/fd");
	folder("p/77");
	put("p/77/stat", "77 (a) b) S 1 0 0 0 0 4194560 0 0 0 0 0 0 0 0 0 0 0 0 4242 0\n");
	put("p/77/status", "Name:\ta) b\nUmask:\t0022\nUid:\t987654\t0\t0\t0\n");
	put("p/77/cgroup", "0::/system.slice/ollama.service\n");
	folder("p/77/fd");
	assert_int_equal(symlink(in_tree("gpu"), in_tree("p/77/fd/9")), 0);
	assert_int_equal(symlink(in_tree("gpu"), in_tree("p/77/fd/10")), 0);
	assert_int_equal(symlink(in_tree("gone"), in_tree("p/77/fd/11")), 0);
	folder("p/78"); /* vanished: nothing in it any more */
	folder("p/79"); /* a zombie */
	put("p/79/stat", "79 (z) Z 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n");
	folder("p/80"); /* a thread of the kernel */
	put("p/80/stat", "80 (kworker) I 2 0 0 0 0 2129984 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n");
	assert_int_equal(openers_find(in_tree("p"), &file, 1, OPENER_FD | OPENER_MAP, &found, &err),
			 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.n_processes, 2);
	assert_true(openers_complete(&found));
	found.contained = true;
	assert_false(openers_complete(&found));
	assert_string_equal(opener_format(words, sizeof(words), &found.items[0]),
			    "a) b (pid 77, uid 987654, ollama.service)");
	assert_int_equal(found.items[0].start_time, 4242);
}

static void a_hidden_proc_is_not_taken_for_an_empty_one(void **unused)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct err err = ERR_INIT;
	struct open_file file;

	(void)unused;
	put("f", "");
	file = the_file("f");
	folder("h");
	assert_int_equal(openers_find(in_tree("h"), &file, 1, OPENER_FD, &found, &err), 0);
	assert_int_equal(found.n, 0);
	assert_true(found.hidden);
	assert_false(openers_complete(&found));
	assert_int_equal(openers_find(in_tree("nowhere"), &file, 1, OPENER_FD, &found, &err),
			 -ERR_NOT_FOUND);
}

/* As an ordinary user root's processes cannot be read; they are counted. */
static void says_whom_it_could_not_read(void **unused)
{
	int status;
	pid_t pid;

	(void)unused;
	if (getuid())
		skip();
	pid = fork();
	if (!pid) {
		cleanup(openers_done) struct openers found = {.items = NULL};
		struct open_file file = open_file_by_number("null", makedev(1, 3));
		struct err err = ERR_INIT;

		if (setgid(65534) || setuid(65534) ||
		    openers_find("/proc", &file, 1, OPENER_FD, &found, &err))
			_exit(1);
		_exit(found.n_unread && !openers_complete(&found) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A process with thousands of descriptors, and the file behind the last of them. */
static void looks_behind_thousands_of_descriptors(void **unused)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct rlimit limit;
	struct err err = ERR_INIT;
	struct open_file file;
	int last = -1, n = 0, fds[4000];

	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	put("many", "");
	file = the_file("many");
	while (n < 4000 && (fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	close(fds[--n]);
	last = open(in_tree("many"), O_RDONLY);
	assert_true(last >= 0);
	/* Not more than is left must be needed to look: one folder, one file. */
	close(fds[--n]);
	close(fds[--n]);
	close(fds[--n]);
	assert_int_equal(openers_find("/proc", &file, 1, OPENER_FD, &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.items[0].pid, getpid());
	close(last);
	while (n)
		close(fds[--n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_real_processes),
		cmocka_unit_test(finds_a_device_by_its_number),
		cmocka_unit_test(finds_the_mapping_of_a_device),
		cmocka_unit_test(reads_a_made_up_tree),
		cmocka_unit_test(a_hidden_proc_is_not_taken_for_an_empty_one),
		cmocka_unit_test(says_whom_it_could_not_read),
		cmocka_unit_test(looks_behind_thousands_of_descriptors),
	};

	return (cmocka_set_message_output(CM_OUTPUT_TAP),
		cmocka_run_group_tests(tests, make_tree, drop_tree));
}
