#include "steward-host.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "ledger/ledger-chain.h"
#include "base/proc.h"
#include "steward-steps.h"

/* Jobs pause for the driver before they try again; here time is a number, and nobody pauses. */
int nanosleep(const struct timespec *wanted, struct timespec *ret_left)
{
	(void)wanted;
	(void)ret_left;
	return 0;
}

#define REST_ROUNDS 150
#define START_S	    1790000000

static const struct policy_person people[] = {
	{.uid = 1001, .name = "ann"},
	{.uid = 1002, .name = "bob"},
	{.uid = 1003, .name = "cem"},
	{.uid = 1004, .name = "dee"},
};

const struct policy_person *host_person(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		if (!strcmp(people[i].name, name))
			return &people[i];
	fail_msg("nobody is called %s", name);
	return NULL;
}

/* ---- the book ---- */

static struct promise *promise_of(struct host *host, int64_t lease)
{
	for (size_t i = 0; i < host->book->n; i++)
		if (host->book->promises[i].lease == lease)
			return &host->book->promises[i];
	return NULL;
}

static void mark(struct host *host, int64_t lease, enum promise_state state)
{
	struct promise *promise = promise_of(host, lease);

	if (promise && promise->state < state)
		promise->state = state;
}

/* ---- hooks ---- */

static void submit(void *arg, size_t worker, struct job *take_job)
{
	struct host *host = arg;

	assert_true(host->n_jobs < ARRAY_SIZE(host->jobs));
	if (host->eager)
		job_run(take_job, host->backend);
	host->jobs[host->n_jobs++] = (struct host_job){worker, take_job, host->eager};
}

static void changed(void *arg, int64_t lease)
{
	(void)arg;
	(void)lease;
}

static void unwatch(void *arg, int64_t lease)
{
	struct host *host = arg;
	size_t kept = 0;

	for (size_t i = 0; i < host->n_watches; i++)
		if (host->watches[i].lease != lease)
			host->watches[kept++] = host->watches[i];
	host->n_watches = kept;
}

static void watch(void *arg, int64_t lease, pid_t pid, uint64_t pid_start)
{
	struct host *host = arg;

	unwatch(host, lease);
	assert_true(host->n_watches < ARRAY_SIZE(host->watches));
	host->watches[host->n_watches++] = (struct host_watch){lease, pid, pid_start};
}

static const struct policy_person *person(void *arg, uid_t uid)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		if (people[i].uid == uid)
			return &people[i];
	return NULL;
}

static bool lives(pid_t pid, uint64_t start)
{
	const struct world_process process = {.pid = (uint32_t)pid, .start_time = start};

	return world_process_lives(&process);
}

/* As the daemon does before each tick: tell of holders that are gone. */
static void hear_of_holders(struct host *host)
{
	for (size_t i = 0; i < host->n_watches;) {
		struct host_watch watch_ = host->watches[i];

		if (lives(watch_.pid, watch_.pid_start)) {
			i++;
			continue;
		}
		unwatch(host, watch_.lease);
		steward_holder_gone(&host->steward, watch_.lease, host->now_s);
		i = 0;
	}
}

/* ---- life ---- */

void host_init(struct host *host, const char *library, const char *const *boards_, size_t n)
{
	struct world_spec spec = {.seed = 1, .n_gpus = n};
	struct err err = ERR_INIT;

	*host = (struct host){.now_s = START_S};
	snprintf(host->folder, sizeof(host->folder), "/tmp/carve-steward-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	assert_int_equal(chmod(host->folder, 0755), 0);
	snprintf(host->ledger_path, sizeof(host->ledger_path), "%s/ledger.db", host->folder);
	for (size_t i = 0; i < n; i++) {
		spec.gpus[i].board = board_by_id(boards_[i]);
		spec.gpus[i].mig = true;
		assert_non_null(spec.gpus[i].board);
	}
	setenv("CARVE_SIM", host->folder, 1);
	if (world_create(host->folder, &spec, &err) ||
	    world_open(host->folder, &host->world, &err) ||
	    backend_nvml_open(library, &host->nvml, &err))
		fail_msg("%s", err.text);
	steps_watch_backend(host->nvml, &host->backend);
	host->fresh = malloc(sizeof(*host->fresh));
	assert_non_null(host->fresh);
	*host->fresh = *world_read(host->world);
	world_done(host->world);
	host->book = mmap(NULL, sizeof(*host->book), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(host->book, MAP_FAILED);
}

static void remove_ledger(struct host *host)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
	char name[128];

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", host->ledger_path, endings[i]);
		unlink(name);
	}
}

/* Whatever happened: events and leases tell the same, and nothing was changed afterwards. */
static void check_chain(struct host *host)
{
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	if (ledger_verify(host->ledger, NULL, 0, &verdict, &err))
		fail_msg("%s", err.text);
}

void host_done(struct host *host)
{
	struct err err = ERR_INIT;

	if (host->up)
		check_chain(host);
	host_down(host);
	host_end_sleepers(host);
	remove_ledger(host);
	backend_close(host->nvml);
	if (world_remove(host->world, &err))
		fail_msg("%s", err.text);
	world_close(host->world);
	munmap(host->book, sizeof(*host->book));
	free(host->fresh);
	unsetenv("CARVE_SIM");
	assert_int_equal(rmdir(host->folder), 0);
}

void host_reset(struct host *host, const char *policy)
{
	assert_false(host->up);
	host_end_sleepers(host);
	remove_ledger(host);
	*world_change(host->world) = *host->fresh;
	world_commit(host->world);
	*host->book = (struct book){.now_s = START_S};
	host->policy = policy;
	host->now_s = host->latest_s = START_S;
	host->n_strangers = 0;
	host->taken = host->may_fail = host->gpus_vanish = host->policies_change = false;
}

int host_try_up(struct host *host, struct err *err)
{
	const struct steward_hooks hooks = {host, submit, changed, watch, unwatch, person};
	struct policy *policy = NULL;
	int r;

	if (host->book->now_s > host->now_s)
		host->now_s = host->book->now_s;
	r = ledger_open(host->ledger_path, &host->ledger, err);
	if (!r)
		r = policy_parse(host->policy, strlen(host->policy), "test", &policy, err);
	if (!r)
		r = steward_init(&host->steward, host->ledger, policy, &hooks, host->now_s, err);
	if (r) {
		ledger_close(host->ledger);
		host->ledger = NULL;
		return r;
	}
	host->up = true;
	hear_of_holders(host);
	steward_look(&host->steward);
	return 0;
}

void host_up(struct host *host)
{
	struct err err = ERR_INIT;

	if (host_try_up(host, &err))
		fail_msg("%s", err.text);
}

void host_down(struct host *host)
{
	if (!host->up)
		return;
	for (size_t i = 0; i < host->n_jobs; i++)
		job_free(host->jobs[i].job);
	host->n_jobs = host->n_watches = 0;
	steward_done_with(&host->steward);
	ledger_close(host->ledger);
	host->ledger = NULL;
	host->up = false;
}

/* ---- jobs ---- */

void host_run(struct host *host, size_t n)
{
	size_t worker = host->jobs[n].worker;

	for (size_t i = 0; i <= n; i++) {
		if (host->jobs[i].worker != worker || host->jobs[i].ran)
			continue;
		job_run(host->jobs[i].job, host->backend);
		host->jobs[i].ran = true;
		return;
	}
}

void host_deliver(struct host *host, size_t n)
{
	struct job *job = host->jobs[n].job;

	host->n_jobs--;
	memmove(&host->jobs[n], &host->jobs[n + 1], (host->n_jobs - n) * sizeof(host->jobs[0]));
	steward_done(&host->steward, job, host->now_s);
}

void host_run_all(struct host *host)
{
	while (host->n_jobs) {
		if (!host->jobs[0].ran)
			host_run(host, 0);
		host_deliver(host, 0);
	}
}

void host_pass(struct host *host)
{
	host->book->now_s = ++host->now_s;
	hear_of_holders(host);
	steward_tick(&host->steward, host->now_s);
	steward_look(&host->steward);
	host_run_all(host);
}

void host_settle(struct host *host)
{
	const char *unrest = NULL;
	unsigned calm = 0;

	/* Twice, since what one look finds may be dealt with after the next. */
	for (unsigned round = 0; calm < 2 && round < REST_ROUNDS; round++) {
		host_pass(host);
		unrest = host_unrest(host);
		calm = unrest ? 0 : calm + 1;
	}
	if (unrest)
		fail_msg("does not come to rest: %s", unrest);
}

/* ---- people ---- */

int64_t host_ask(struct host *host, const char *who, const struct host_ask *ask)
{
	const struct steward_lease *lease = NULL;
	bool starved = steps.act == STEP_FULL && steps.struck;
	struct steward_wish wish = {
		.wish = {.class_name = ask->class_,
			 .reason = "to see what happens",
			 .fields = &ask->field,
			 .n_fields = ask->field.name != NULL,
			 .has_time = ask->time_s != 0,
			 .time_s = ask->time_s},
		.wait = ask->wait,
		.hold = ask->hold,
		.has_pid = ask->pid != 0,
		.pid = ask->pid,
	};

	if (ask->pid && !proc_start_time(ask->pid, &wish.pid_start))
		fail_msg("process %d is not there", ask->pid);
	host->err = ERR_INIT;
	if (steward_request(&host->steward, host_person(who), &wish, host->now_s, &lease,
			    &host->err))
		return 0;
	if (starved)
		fail_msg("full from write %u on: lease %d was promised", steps.strike,
			 (int)lease->row.id);
	assert_true(host->book->n < ARRAY_SIZE(host->book->promises));
	host->book->promises[host->book->n] =
		(struct promise){.lease = lease->row.id, .state = PROMISE_LIVES};
	host->book->n++;
	return lease->row.id;
}

int host_release(struct host *host, const char *who, int64_t lease)
{
	int r;

	host->err = ERR_INIT;
	mark(host, lease, PROMISE_LEAVES);
	r = steward_release(&host->steward, host_person(who), lease,
			    &(struct steward_release){.reason = "done"}, host->now_s, &host->err);
	if (!r)
		mark(host, lease, PROMISE_OVER);
	return r;
}

int host_renew(struct host *host, const char *who, int64_t lease, int64_t time_s)
{
	host->err = ERR_INIT;
	return steward_renew(&host->steward, host_person(who), lease, time_s, host->now_s,
			     &host->err);
}

void host_set_policy(struct host *host, const char *text)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(text, strlen(text), "test", &policy, &err))
		fail_msg("%s", err.text);
	host->policy = text;
	steward_set_policy(&host->steward, policy, "root", host->now_s);
}

enum lease_state host_state(const struct host *host, int64_t id)
{
	const struct steward_lease *lease = steward_lease_at(&host->steward, id);

	return lease ? lease->row.state : LEASE_ENDED;
}

/* ---- processes ---- */

/* Without the files it was born with: the ledger's lock is one of them. done is the last to go. */
static void sleep_for_ever(int done)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(done, 0);
	close_range(1, ~0u, 0);
	close(0);
	for (;;)
		pause();
}

size_t host_sleeper(struct host *host)
{
	size_t slot = 0;
	int ends[2];
	char none;
	pid_t pid;

	while (slot < HOST_SLEEPERS && host->sleepers[slot])
		slot++;
	assert_true(slot < HOST_SLEEPERS);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		sleep_for_ever(ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &none, 1), 0);
	close(ends[0]);
	host->sleepers[slot] = pid;
	return slot;
}

bool host_occupy(struct host *host, size_t slot, int64_t id)
{
	const struct steward_lease *lease = steward_lease_at(&host->steward, id);
	const struct steward_instance *instance =
		lease && lease->row.has_instance
			? steward_instance_at(&host->steward, lease->row.instance)
			: NULL;
	struct world_process process = {.pid = (uint32_t)host->sleepers[slot],
					.memory_bytes = 1 << 20};
	struct world_state *next;
	nvmlReturn_t code = NVML_ERROR_NOT_FOUND;

	if (!instance || !instance->row.has_gi)
		return false;
	next = world_change(host->world);
	for (unsigned g = 0; g < next->n_gpus; g++) {
		if (strcmp(next->gpus[g].uuid, instance->row.gpu) != 0)
			continue;
		process.gpu = (uint8_t)g;
		process.gi = instance->row.gi;
		process.ci = instance->row.ci;
		code = world_process_add(next, &process);
	}
	if (code)
		world_abandon(host->world);
	else
		world_commit(host->world);
	return !code;
}

/* Who is not its parent cannot reap it; a zombie counts as ended everywhere. */
static void end_process(pid_t pid)
{
	cleanup(close) int fd = pidfd_open(pid, 0);
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	kill(pid, SIGKILL);
	if (fd >= 0)
		poll(&ready, 1, -1);
	waitpid(pid, NULL, WNOHANG);
}

void host_end_sleeper(struct host *host, size_t slot)
{
	pid_t pid = host->sleepers[slot];

	for (size_t i = 0; i < host->n_watches; i++)
		if (host->watches[i].pid == pid)
			mark(host, host->watches[i].lease, PROMISE_LEAVES);
	end_process(pid);
	host->sleepers[slot] = 0;
	if (host->up)
		hear_of_holders(host);
}

void host_end_sleepers(struct host *host)
{
	for (size_t i = 0; i < HOST_SLEEPERS; i++) {
		if (host->sleepers[i])
			end_process(host->sleepers[i]);
		host->sleepers[i] = 0;
	}
	world_reap(world_change(host->world));
	world_commit(host->world);
}

/* ---- behind carve's back ---- */

bool host_stranger_comes(struct host *host, unsigned gpu, unsigned profile_id, int start)
{
	struct world_state *next = world_change(host->world);
	unsigned gi;

	if (host->n_strangers == ARRAY_SIZE(host->strangers) ||
	    world_gi_create(next, gpu, profile_id, start, &gi)) {
		world_abandon(host->world);
		return false;
	}
	host->strangers[host->n_strangers++] =
		(struct host_stranger){gpu, gi, next->gpus[gpu].gis[gi].generation};
	world_commit(host->world);
	return true;
}

void host_stranger_goes(struct host *host, size_t n)
{
	struct host_stranger *stranger = &host->strangers[n];
	struct world_state *next = world_change(host->world);

	if (world_gi_destroy(next, stranger->gpu, stranger->gi)) {
		world_abandon(host->world);
		return;
	}
	world_commit(host->world);
	*stranger = host->strangers[--host->n_strangers];
}

void host_forget_strangers(struct host *host)
{
	const struct world_state *state = world_read(host->world);
	size_t kept = 0;

	for (size_t i = 0; i < host->n_strangers; i++) {
		struct host_stranger stranger = host->strangers[i];
		const struct world_gi *gi = &state->gpus[stranger.gpu].gis[stranger.gi];

		if (gi->exists && gi->generation == stranger.generation)
			host->strangers[kept++] = stranger;
	}
	host->n_strangers = kept;
	world_done(host->world);
}

bool host_take_away(struct host *host, int64_t id)
{
	const struct steward_lease *lease = steward_lease_at(&host->steward, id);
	const struct steward_instance *instance =
		lease && lease->row.has_instance
			? steward_instance_at(&host->steward, lease->row.instance)
			: NULL;
	struct world_state *next = world_change(host->world);
	nvmlReturn_t code = NVML_ERROR_NOT_FOUND;

	for (unsigned g = 0; instance && instance->row.has_gi && g < next->n_gpus; g++) {
		if (strcmp(next->gpus[g].uuid, instance->row.gpu) != 0)
			continue;
		code = world_ci_destroy(next, g, instance->row.gi, instance->row.ci);
		if (!code)
			code = world_gi_destroy(next, g, instance->row.gi);
	}
	if (code)
		world_abandon(host->world);
	else
		world_commit(host->world);
	host->taken |= !code;
	return !code;
}

bool host_told_until_killed(struct host *host, void (*tale)(struct host *host), unsigned step,
			    bool after)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		steps_begin(STEP_KILL, step, after, ERR_NONE);
		host_up(host);
		tale(host);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return false;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("step %u: the child ended with status 0x%x", step, (unsigned)status);
	return true;
}

void host_agree(struct host *host)
{
	struct err err = ERR_INIT;

	host_settle(host);
	if (host_check(host, &err))
		fail_msg("%s", err.text);
}
