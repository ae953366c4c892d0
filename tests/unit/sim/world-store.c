#include "world-test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define MS INT64_C(1000000)

static char dir[64];
static const char *const ids[] = {"a100-sxm4-80gb", "h100-sxm5-80gb"};

static int fresh_dir(void **unused)
{
	(void)unused;
	snprintf(dir, sizeof(dir), "/tmp/carve-world-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int remove_dir(void **unused)
{
	static const char *const names[] = {"mig/config", "mig/monitor", "state"};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	rmdir(path_of("mig"));
	return rmdir(dir); /* fails when something was left behind */
}

static void create(void)
{
	struct world_spec spec = spec_of(ids, 2);
	struct err err = ERR_INIT;

	if (world_create(dir, &spec, &err))
		fail_msg("%s", err.text);
}

static struct world *open_world(void)
{
	struct world *world = NULL;
	struct err err = ERR_INIT;

	if (world_open(dir, &world, &err))
		fail_msg("%s", err.text);
	return world;
}

static struct world *new_world(void)
{
	create();
	return open_world();
}

static void remove_world(struct world *world)
{
	struct err err = ERR_INIT;

	if (world_remove(world, &err))
		fail_msg("%s", err.text);
	world_close(world);
}

static void a_change_is_seen_when_it_is_committed(void **unused)
{
	struct world *mine = new_world(), *other = open_world();
	const struct world_state *now;
	unsigned gi = 99;

	(void)unused;
	assert_int_equal(world_gi_create(world_change(mine), 0, 19, -1, &gi), NVML_SUCCESS);
	world_abandon(mine);
	assert_false(world_read(other)->gpus[0].gis[gi].exists);
	world_done(other);
	assert_int_equal(world_gi_create(world_change(mine), 0, 19, -1, &gi), NVML_SUCCESS);
	world_commit(mine);
	assert_true(world_read(other)->gpus[0].gis[gi].exists);
	world_done(other);
	assert_int_equal(world_gi_destroy(world_change(other), 0, gi), NVML_SUCCESS);
	world_commit(other);
	now = world_read(mine);
	assert_false(now->gpus[0].gis[gi].exists);
	assert_sound(now);
	world_done(mine);
	world_close(other);
	remove_world(mine);
}

static void there_is_one_world_in_a_folder(void **unused)
{
	struct world_spec spec = spec_of(ids, 2);
	struct world *world = NULL, *other;
	struct err err = ERR_INIT;

	(void)unused;
	assert_int_equal(world_open(dir, &world, &err), -ERR_NOT_FOUND);
	assert_int_equal(world_open("/nowhere/at/all", &world, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.text, "no world in '/nowhere/at/all'");
	assert_int_equal(world_create("/nowhere/at/all", &spec, &err), -ERR_NOT_FOUND);
	spec.n_gpus = 0;
	assert_int_equal(world_create(dir, &spec, &err), -ERR_INVALID);
	spec.n_gpus = 2;
	world = new_world();
	assert_int_equal(world_create(dir, &spec, &err), -ERR_STALE);
	assert_int_equal(access(path_of("state"), F_OK), 0);
	assert_string_equal(world_dir(world), dir);

	/* The one who still has it open sees it end; a new one is another. */
	other = open_world();
	assert_false(world_is_gone(other));
	remove_world(world);
	assert_true(world_is_gone(other));
	world_wait_event(other, 0, -1); /* does not sleep for ever */
	create();
	assert_true(world_is_gone(other));
	assert_int_equal(world_remove(other, &err), 0); /* not the new one */
	assert_int_equal(access(path_of("state"), F_OK), 0);
	world_close(other);
	remove_world(open_world());
}

static void rights_are_files_that_open(void **unused)
{
	struct world *world = new_world();
	struct stat stat_config, stat_monitor, stat_state;

	(void)unused;
	assert_int_equal(stat(path_of("mig/config"), &stat_config), 0);
	assert_int_equal(stat(path_of("mig/monitor"), &stat_monitor), 0);
	assert_int_equal(stat(path_of("state"), &stat_state), 0);
	assert_int_equal(stat_config.st_mode & 0777, 0400);
	assert_int_equal(stat_monitor.st_mode & 0777, 0444);
	assert_int_equal(stat_state.st_mode & 0777, 0666);
	assert_true(world_may_config(world));
	assert_true(world_may_monitor(world));
	unlink(path_of("mig/config"));
	assert_false(world_may_config(world));
	assert_true(world_may_monitor(world));
	remove_world(world);
}

static void the_default_folder_is_the_one_named(void **unused)
{
	char found[256], expected[64];

	(void)unused;
	setenv("CARVE_SIM", "/some/where", 1);
	world_default_dir(found, sizeof(found));
	assert_string_equal(found, "/some/where");
	setenv("CARVE_SIM", "", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/4711", 1);
	world_default_dir(found, sizeof(found));
	assert_string_equal(found, geteuid() ? "/run/user/4711/carve-sim" : "/run/carve-sim");
	unsetenv("CARVE_SIM");
	unsetenv("XDG_RUNTIME_DIR");
	world_default_dir(found, sizeof(found));
	snprintf(expected, sizeof(expected), "/tmp/carve-sim-%u", (unsigned)geteuid());
	assert_string_equal(found, geteuid() ? expected : "/run/carve-sim");
}

/* ---- files that are not what they should be ---- */

#define IN_FILE(field)	offsetof(struct world_file, field)
#define IN_STATE(field) (offsetof(struct world_file, copies) + offsetof(struct world_state, field))

static const struct {
	const char *story;
	size_t at;
	uint64_t value;
	unsigned size;
	int code;
	const char *text; /* after "world in 'DIR' " */
} damages[] = {
	{"magic", IN_FILE(magic), 0x41, 1, -ERR_INVALID, NULL},
	{"layout", IN_FILE(layout), 77, 4, -ERR_INVALID, "was made by another version"},
	{"boards", IN_FILE(boards), 77, 8, -ERR_INVALID, "was made by another version"},
	{"boot", IN_FILE(boot_id), '-', 1, -ERR_STALE, "is from before this machine was started"},
	{"current", IN_FILE(current), 2, 4, -ERR_INVALID, "is damaged"},
	{"no GPU", IN_STATE(n_gpus), 0, 4, -ERR_INVALID, "is damaged: it has 0 GPUs"},
	{"GPUs", IN_STATE(n_gpus), 0x7fffffff, 4, -ERR_INVALID, NULL},
	{"board", IN_STATE(gpus[1].board), 0xffff, 2, -ERR_INVALID,
	 "is damaged: GPU 1: it is of no known board"},
	{"truth", IN_STATE(gpus[0].mig), 77, 1, -ERR_INVALID,
	 "is damaged: GPU 0: something is neither true nor false"},
	{"profile", IN_STATE(gpus[0].gis[7].exists), 0xff01, 2, -ERR_INVALID,
	 "is damaged: GPU 0: GPU instance 7: it has no such profile"},
	{"processes", IN_STATE(n_processes), 1u << 31, 4, -ERR_INVALID, NULL},
};

static void write_at(size_t at, const void *bytes, size_t len)
{
	int fd = open(path_of("state"), O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, len, (off_t)at), len);
	close(fd);
}

static void damaged_files_are_refused(void **unused)
{
	char text[256];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct world *world = new_world(), *second = NULL;
		struct err err = ERR_INIT;
		char before[8];

		memcpy(before, (const char *)world->file + damages[i].at, sizeof(before));
		write_at(damages[i].at, &damages[i].value, damages[i].size);
		if (world_open(dir, &second, &err) != damages[i].code)
			fail_msg("%s: %s", damages[i].story, err.text);
		snprintf(text, sizeof(text), "the world in '%s' %s", dir,
			 damages[i].text ? damages[i].text : "");
		if (damages[i].text)
			assert_string_equal(err.text, text);
		write_at(damages[i].at, before, sizeof(before));
		remove_world(world);
	}
}

static void files_of_another_size_are_refused(void **unused)
{
	struct world *world;
	struct err err = ERR_INIT;

	(void)unused;
	create();
	for (off_t size = 0; size < 5000; size += 999) {
		assert_int_equal(truncate(path_of("state"), size), 0);
		assert_int_equal(world_open(dir, &world, &err), -ERR_INVALID);
	}
	unlink(path_of("state"));
	assert_int_equal(mkfifo(path_of("state"), 0600), 0);
	assert_int_equal(world_open(dir, &world, &err), -ERR_INVALID);
	unlink(path_of("state"));
	assert_int_equal(symlink("/etc/passwd", path_of("state")), 0);
	assert_true(world_open(dir, &world, &err) < 0);
}

static void a_world_of_no_use_gives_way(void **unused)
{
	struct world *old = new_world(), *world = NULL;
	struct err err = ERR_INIT;

	(void)unused;
	old->file->boot_id[0] = '-';
	assert_int_equal(world_open(dir, &world, &err), -ERR_STALE);
	assert_string_equal(err.hint, "a new one can be made in its place");
	world_close(old);
	create();

	/* So does one whose end was interrupted. */
	old = open_world();
	old->file->gone = 1;
	assert_int_equal(world_open(dir, &world, &err), -ERR_STALE);
	world_close(old);
	create();
	remove_world(open_world());
}

/* ---- clients that are killed ---- */

/* A change that would be seen if half of it were: both numbers are always equal. */
static void change_both(struct world_state *state, unsigned *seed)
{
	unsigned gi;

	state->gpus[0].energy_mj++;
	world_gi_create(state, (unsigned)rand_r(seed) % 2, 19, -1, &gi);
	world_gi_destroy(state, (unsigned)rand_r(seed) % 2, (unsigned)rand_r(seed) % 15);
	state->gpus[1].energy_mj++;
}

static void live_badly(unsigned seed)
{
	struct world *world = open_world();

	for (;;) {
		struct world_state *state = world_change(world);

		switch (rand_r(&seed) % 8) {
		case 0: /* half a change, and a copy full of nonsense */
			memset(state, 0xa5, sizeof(*state));
			if (rand_r(&seed) % 4 == 0)
				kill(getpid(), SIGKILL);
			world_abandon(world);
			break;
		case 1:
			world_abandon(world);
			world_read(world);
			if (rand_r(&seed) % 4 == 0)
				kill(getpid(), SIGKILL);
			world_done(world);
			break;
		default:
			change_both(state, &seed);
			world_commit(world);
		}
	}
}

static pid_t start_client(unsigned seed)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		live_badly(seed);
	return pid;
}

static void killed_clients_leave_a_whole_state(void **unused)
{
	struct world *world = new_world();
	unsigned seed = 20260101;
	pid_t clients[3];
	double changes;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = start_client((unsigned)rand_r(&seed));
	for (unsigned round = 0; round < 300; round++) {
		pid_t *client = &clients[round % ARRAY_SIZE(clients)];
		struct timespec nap = {.tv_nsec = rand_r(&seed) % 2000000};
		const struct world_state *state;

		nanosleep(&nap, NULL);
		kill(*client, SIGKILL);
		waitpid(*client, NULL, 0);
		state = world_read(world);
		assert_sound(state);
		assert_true(state->gpus[0].energy_mj == state->gpus[1].energy_mj);
		world_done(world);
		*client = start_client((unsigned)rand_r(&seed));
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		kill(clients[i], SIGKILL);
		waitpid(clients[i], NULL, 0);
	}
	changes = world_read(world)->gpus[0].energy_mj;
	world_done(world);
	assert_true(changes > 1000); /* they did something */
	remove_world(world);
}

/* ---- events ---- */

static void an_event_wakes_other_processes(void **unused)
{
	struct world *world = new_world();
	const struct world_state *state;
	int64_t begin, took;
	pid_t child;
	unsigned gi;

	(void)unused;
	begin = clock_monotonic_ns();
	world_wait_event(world, 0, 20 * MS);
	assert_true(clock_monotonic_ns() - begin >= 20 * MS);
	world_wait_event(world, 0, 0);

	child = fork();
	if (!child) {
		struct timespec nap = {.tv_nsec = 50 * MS};

		nanosleep(&nap, NULL);
		if (world_gi_create(world_change(world), 0, 19, -1, &gi))
			_exit(1);
		world_commit(world);
		_exit(0);
	}
	begin = clock_monotonic_ns();
	world_wait_event(world, 0, -1);
	took = clock_monotonic_ns() - begin;
	state = world_read(world);
	assert_int_equal(state->events_raised, 1);
	assert_int_equal(world_event_at(state, 1)->type, NVML_EVENT_MIG_CONFIG);
	world_done(world);
	assert_in_range(took / MS, 20, 900); /* woken, not by the look around after a second */
	waitpid(child, NULL, 0);
	world_wait_event(world, 0, -1); /* it was raised already */
	remove_world(world);
}

static void nothing(int signal)
{
	(void)signal;
}

static void a_signal_ends_the_wait(void **unused)
{
	struct sigaction action = {.sa_handler = nothing};
	struct world *world = new_world();
	pid_t parent = getpid(), child;
	int64_t begin = clock_monotonic_ns();

	(void)unused;
	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (!child) {
		poll(NULL, 0, 100);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	world_wait_event(world, 0, 30000 * MS);
	assert_in_range((clock_monotonic_ns() - begin) / MS, 0, 10000);
	waitpid(child, NULL, 0);
	remove_world(world);
}

/* ---- threads ---- */

struct worker {
	struct world *world;
	unsigned seed;
	uint64_t seen;
	bool sound;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (unsigned i = 0; i < 300; i++) {
		const struct world_state *state;
		struct err err = ERR_INIT;

		change_both(world_change(worker->world), &worker->seed);
		world_commit(worker->world);
		state = world_read(worker->world);
		worker->sound = worker->sound && !world_check(state, &err);
		world_done(worker->world);
		world_wait_event(worker->world, worker->seen, MS / 100);
		world_has_call_faults(worker->world);
	}
	return NULL;
}

static void threads_share_a_world(void **unused)
{
	struct world *world = new_world();
	struct worker workers[4];
	pthread_t threads[4];

	(void)unused;
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){.world = world, .seed = i, .sound = true};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(workers[i].sound);
	}
	assert_true(world_read(world)->gpus[0].energy_mj == 1200);
	world_done(world);
	remove_world(world);
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, fresh_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_change_is_seen_when_it_is_committed),
		world_test(there_is_one_world_in_a_folder),
		world_test(rights_are_files_that_open),
		cmocka_unit_test(the_default_folder_is_the_one_named),
		world_test(damaged_files_are_refused),
		world_test(files_of_another_size_are_refused),
		world_test(a_world_of_no_use_gives_way),
		world_test(killed_clients_leave_a_whole_state),
		world_test(an_event_wakes_other_processes),
		world_test(a_signal_ends_the_wait),
		world_test(threads_share_a_world),
	};

	return tap_run(tests);
}
