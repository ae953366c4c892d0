/*
 * A writer is killed at any moment, again and again. Each transaction adds one
 * instance, one lease and one event, and the writer tells over a pipe how many
 * it has committed. Whoever opens the ledger then finds complete transactions
 * only, and none that was told is missing.
 */
#include "ledger-test.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

#define ROUNDS	 300
#define LIMIT_NS (4 * INT64_C(1000000000))

static int write_one(struct ledger *ledger, struct err *err)
{
	struct ledger_instance instance = sample_instance();
	struct ledger_lease lease = sample_lease();
	struct ledger_event event = sample_event();
	int r = ledger_begin(ledger, err);

	instance.state = INSTANCE_GONE;
	if (!r)
		r = ledger_instance_add(ledger, &instance, err);
	lease.has_instance = true;
	lease.instance = instance.id;
	if (!r)
		r = ledger_lease_add(ledger, &lease, err);
	event.lease = lease.id;
	if (!r)
		r = ledger_event_add(ledger, &event, err);
	return r ? r : ledger_commit(ledger, err);
}

static void write_until_killed(const char *path, int out)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	if (ledger_open(path, &ledger, &err))
		_exit(3);
	while (!write_one(ledger, &err) && write(out, "x", 1) == 1)
		;
	_exit(4);
}

/*
 * How many transactions it told before it died. Every other one is left alone
 * until it told its first, so that not all die while they open the ledger.
 */
static int kill_a_writer(const char *path, int round)
{
	const struct timespec pause = {0, 100000 + 37000L * (round % 200)};
	char told[4096];
	int ends[2], status, n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(ends[0]);
		write_until_killed(path, ends[1]);
	}
	close(ends[1]);
	if (round % 2)
		n += (int)read(ends[0], told, 1);
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while ((got = read(ends[0], told, sizeof(told))) > 0)
		n += (int)got;
	close(ends[0]);
	return n;
}

struct tally {
	int leases, events;
	int64_t last_lease;
};

static void tally_lease(const struct ledger_lease *lease, const struct ledger_instance *instance,
			void *arg)
{
	struct tally *tally = arg;

	assert_non_null(instance);
	assert_int_equal(lease->instance, instance->id);
	tally->leases++;
	tally->last_lease = lease->id;
}

static void tally_event(const struct ledger_event *event, void *arg)
{
	struct tally *tally = arg;

	assert_true(event->lease <= tally->last_lease);
	tally->events++;
}

static int count_whole(const char *path)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	struct tally tally = {0};

	assert_works(ledger_open(path, &ledger, &err));
	assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, tally_lease, &tally, &err));
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, tally_event, &tally, &err));
	assert_int_equal(tally.leases, tally.events);
	return tally.leases;
}

static void test_killed_writers(void **state)
{
	int64_t until_ns = clock_monotonic_ns() + LIMIT_NS;
	int whole = 0, told_all = 0, rounds = 0;
	struct place place;

	(void)state;
	place_init(&place);
	ledger_close(open_sample(place.path));
	for (; rounds < ROUNDS && clock_monotonic_ns() < until_ns; rounds++) {
		int told = kill_a_writer(place.path, rounds);
		int now = count_whole(place.path);

		assert_true(now >= whole + told);
		assert_true(now <= whole + told + 1);
		whole = now;
		told_all += told;
	}
	print_message("# %d writers killed, %d transactions told, %d found\n", rounds, told_all,
		      whole);
	assert_true(rounds >= 20 && whole > 0);
	place_done(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_writers)};

	return tap_run(tests);
}
