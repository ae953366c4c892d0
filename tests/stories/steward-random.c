/*
 * A server at random: people, processes, strangers, GPUs that fall off the bus,
 * resets and reboots, other policies, clocks that jump, drivers that fail, and
 * a daemon that is killed now and then, with its jobs done in any order. When
 * it comes to rest everything must agree, each time.
 *
 * Seeds are numbered; the first argument after the library tells one again.
 */
#include "steward-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "reconcile/steward-change.h"
#include "steward-steps.h"

#define SEEDS  60
#define ROUNDS 12
#define ACTS   30 /* in a round, between two rests */
#define CLASSES                                                                                    \
	"classes:\n"                                                                               \
	"  small: {profiles: 1g, time: 1h, max_time: 12h, warm: 2}\n"                              \
	"  medium: {profiles: 2g, time: 30m, max_time: 12h, warm: 1}\n"                            \
	"  large: {profiles: [3g, 2g], time: 2h, max_time: 12h}\n"
#define QUEUE "queue: {max: 12, max_per_user: 6}\n"

static const char *const policies[] = {
	"version: 1\nname: wide\n" CLASSES "  full: {profiles: full, time: 1h, max_time: 12h}\n"
	"teams:\n  vision: {users: [ann, bob]}\n  language: {users: [cem, dee]}\n" QUEUE,
	"version: 1\nname: narrow\n" CLASSES
	"teams:\n  vision: {users: [ann, bob], quota: {slices: 5}}\n"
	"  language: {users: [cem, dee], per_user: {instances: 2}}\n" QUEUE,
	"version: 1\nname: part\n" CLASSES "  full: {profiles: full, time: 1h, max_time: 12h}\n"
	"teams:\n  all: {users: [ann, bob, cem, dee]}\ngpus: {except: 1}\n" QUEUE,
	"version: 1\nname: shares\n" CLASSES "  full: {profiles: full, time: 1h, max_time: 12h}\n"
	"teams:\n  vision: {users: [ann, bob], guarantee: {slices: 5, borrow: 4},\n"
	"           quota: {slice_hours: 60, per: day}}\n"
	"  language: {users: [cem, dee], priority: 1, guarantee: {slices: 2}}\n"
	"reclaim: {notice: 5m}\nfairness: {half_life: 2h}\n" QUEUE,
};
static const char *const names[] = {"ann", "bob", "cem", "dee"};
static const char *library;
static uint64_t dice;

/* 0 .. n-1 (xorshift64*) */
static unsigned roll(unsigned n)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return (unsigned)(dice * UINT64_C(2685821657736338717) >> 33) % n;
}

/* ---- what can happen ---- */

static const struct steward_lease *any_lease(struct host *host)
{
	size_t n = host->steward.n_leases;

	return n ? host->steward.leases[roll((unsigned)n)] : NULL;
}

static void act_ask(struct host *host)
{
	static const char *const classes[] = {"small", "small", "medium", "large", "full"};
	struct host_ask ask = {
		.class_ = classes[roll(ARRAY_SIZE(classes))], .wait = roll(2), .hold = !roll(3)};
	size_t slot = roll(HOST_SLEEPERS);

	if (ask.hold && host->sleepers[slot])
		ask.pid = host->sleepers[slot];
	host_ask(host, names[roll(ARRAY_SIZE(names))], &ask);
}

static void act_release(struct host *host)
{
	const struct steward_lease *lease = any_lease(host);
	const char *who = names[roll(ARRAY_SIZE(names))];
	int64_t id = lease ? lease->row.id : 77777;
	bool own = lease && !strcmp(lease->row.user, who);
	struct err err = ERR_INIT;

	if (!own && steward_release(&host->steward, host_person(who), id,
				    &(struct steward_release){0}, host->now_s, &err) == 0)
		fail_msg("%s released what belongs to somebody else", who);
	if (lease)
		host_release(host, lease->row.user, id);
}

static void act_renew(struct host *host)
{
	const struct steward_lease *lease = any_lease(host);

	if (lease)
		host_renew(host, lease->row.user, lease->row.id, 600 + roll(7200));
}

static void act_process_begins(struct host *host)
{
	const struct steward_lease *lease = any_lease(host);
	size_t slot = roll(HOST_SLEEPERS);

	if (!host->sleepers[slot])
		slot = host_sleeper(host);
	if (lease && lease->row.state == LEASE_ACTIVE)
		host_occupy(host, slot, lease->row.id);
}

static void act_process_ends(struct host *host)
{
	size_t slot = roll(HOST_SLEEPERS);

	if (host->sleepers[slot])
		host_end_sleeper(host, slot);
}

static void act_all_processes_end(struct host *host)
{
	for (size_t slot = 0; slot < HOST_SLEEPERS; slot++)
		if (host->sleepers[slot])
			host_end_sleeper(host, slot);
	host->gpus_vanish = false;
}

/* Of profiles that no class has: theirs and ours cannot be mistaken for each other. */
static void act_stranger_comes(struct host *host)
{
	static const char *const profiles[] = {"1g.5gb+me", "4g.20gb", "1g.6gb+me", "2g.12gb+me"};
	unsigned gpu = roll(host->fresh->n_gpus);
	const struct profile *profile = board_profile_by_name(world_board(&host->fresh->gpus[gpu]),
							      profiles[roll(ARRAY_SIZE(profiles))]);

	if (profile)
		host_stranger_comes(host, gpu, profile->id, WORLD_ANYWHERE);
}

static void act_stranger_goes(struct host *host)
{
	if (host->n_strangers)
		host_stranger_goes(host, roll((unsigned)host->n_strangers));
}

static void act_taken_away(struct host *host)
{
	const struct steward_lease *lease = any_lease(host);

	if (lease && lease->row.state == LEASE_ACTIVE)
		host_take_away(host, lease->row.id);
}

static void act_gpu_lost(struct host *host)
{
	const struct world_fault fault = {.kind = WORLD_FAULT_LOST,
					  .has_gpu = true,
					  .gpu = (uint8_t)roll(host->fresh->n_gpus)};

	host->gpus_vanish = true;
	if (world_fault_add(world_change(host->world), &fault, NULL))
		world_abandon(host->world);
	else
		world_commit(host->world);
}

static void act_good_weather(struct host *host)
{
	world_fault_clear(world_change(host->world), 0);
	world_commit(host->world);
}

static void act_driver_fails(struct host *host)
{
	static const int codes[] = {NVML_ERROR_UNKNOWN, NVML_ERROR_TIMEOUT, NVML_ERROR_NOT_FOUND};
	static const char *const calls[] = {
		"*",
		"nvmlDeviceCreateGpuInstanceWithPlacement",
		"nvmlGpuInstanceDestroy",
		"nvmlGpuInstanceCreateComputeInstance",
		"nvmlComputeInstanceDestroy",
	};
	unsigned call = roll(ARRAY_SIZE(calls));
	struct world_fault fault = {
		.kind = WORLD_FAULT_CALL,
		.fail = codes[roll(ARRAY_SIZE(codes))],
		.after = roll(2),
		.chance = call ? 0.3 : 0.01,
	};

	if (call && !roll(4)) { /* it says that it has done it */
		fault.fail = 0;
		fault.after = false;
		fault.wrong = true;
	}
	snprintf(fault.call, sizeof(fault.call), "%s", calls[call]);
	if (world_fault_add(world_change(host->world), &fault, NULL))
		world_abandon(host->world);
	else
		world_commit(host->world);
}

static void act_reset(struct host *host)
{
	unsigned gpu = roll(host->fresh->n_gpus);
	struct world_state *next = world_change(host->world);
	nvmlReturn_t ignored;

	if (!roll(4))
		world_set_mig(next, gpu, roll(3), &ignored);
	if (world_reset(next, gpu))
		world_abandon(host->world);
	else
		world_commit(host->world);
	host_forget_strangers(host);
}

static void act_reboot(struct host *host)
{
	world_reboot(world_change(host->world));
	world_commit(host->world);
	host_forget_strangers(host);
	host_down(host);
	host_up(host);
}

static void act_killed(struct host *host)
{
	host_down(host);
	host_up(host);
}

/* Strangers stay where they are: none is taken over. */
static void act_layout(struct host *host)
{
	static char words[][24] = {
		"gpu0=2g,1g,1g", "gpu0=4g",	   "gpu0=empty",   "gpu0=off",
		"gpu0=2g@2",	 "gpu1=3g,2g,1g",  "gpu1=7x1g",	   "gpu1=3g@4,1g@0",
		"gpu1=off",	 "gpu1=2g,2g,2g",  "gpu2=2g,2g",   "gpu2=1g@3",
		"all=1g",	 "gpu0,gpu2=2x1g", "all=2g,1g",
	};
	char *word = words[roll(ARRAY_SIZE(words))];
	struct steward_change_ask ask = {.wait = !roll(3), .any_order = roll(2)};
	struct wish_server server;
	struct wish wish;
	int64_t id;

	steward_change_server(&host->steward, &server);
	host->err = ERR_INIT;
	if (wish_from_words(&word, 1, &server, &wish, &host->err))
		return; /* a GPU is away */
	ask.wish = &wish;
	steward_change_start(&host->steward, host_person(names[roll(ARRAY_SIZE(names))]), &ask,
			     host->now_s, &id, &host->err);
}

static void act_layout_cancelled(struct host *host)
{
	size_t n = host->steward.n_changes;

	if (n)
		steward_change_cancel(&host->steward, host_person("ann"),
				      host->steward.changes[roll((unsigned)n)]->row.id, host->now_s,
				      &host->err);
}

static void act_policy(struct host *host)
{
	host_set_policy(host, policies[roll(ARRAY_SIZE(policies))]);
}

static void act_time_passes(struct host *host)
{
	host->now_s += roll(900);
}

static void act_clock_jumps(struct host *host)
{
	if (host->latest_s < host->now_s)
		host->latest_s = host->now_s;
	host->now_s += (int64_t)roll(7200) - 3600;
	host->book->now_s = host->now_s;
}

static void act_tick(struct host *host)
{
	steward_tick(&host->steward, host->now_s);
}

static void act_job_runs(struct host *host)
{
	if (host->n_jobs)
		host_run(host, roll((unsigned)host->n_jobs));
}

/* Its worker's results come back in order. */
static void act_job_returns(struct host *host)
{
	size_t n = host->n_jobs ? roll((unsigned)host->n_jobs) : 0;

	for (size_t i = 0; i < host->n_jobs; i++)
		if (host->jobs[i].worker == host->jobs[n].worker) {
			if (host->jobs[i].ran)
				host_deliver(host, i);
			return;
		}
}

static const struct {
	void (*act)(struct host *host);
	unsigned weight;
} acts[] = {
	{act_ask, 30},		 {act_release, 12},
	{act_renew, 4},		 {act_process_begins, 12},
	{act_process_ends, 8},	 {act_all_processes_end, 1},
	{act_stranger_comes, 4}, {act_stranger_goes, 4},
	{act_taken_away, 2},	 {act_gpu_lost, 1},
	{act_good_weather, 4},	 {act_driver_fails, 2},
	{act_reset, 1},		 {act_reboot, 1},
	{act_killed, 2},	 {act_policy, 2},
	{act_time_passes, 4},	 {act_clock_jumps, 1},
	{act_tick, 20},		 {act_job_runs, 60},
	{act_job_returns, 60},	 {act_layout, 5},
	{act_layout_cancelled, 1},
};

static void act(struct host *host)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		sum += acts[i].weight;
	at = roll(sum);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		if (at < acts[i].weight) {
			acts[i].act(host);
			return;
		}
		at -= acts[i].weight;
	}
}

/* ---- seeds ---- */

static void begin(struct host *host)
{
	static const char *const boards_[] = {"a30-24gb", "a100-sxm4-40gb", "a30-24gb"};

	host_init(host, library, boards_, ARRAY_SIZE(boards_));
}

static unsigned only_seed;

static unsigned happened[EVENT_KIND_COUNT];

static void count_event(const struct ledger_event *event, void *arg)
{
	(void)arg;
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
		happened[kind] += !strcmp(event->kind, event_kind_name(kind));
}

static void all_happened(void)
{
	static const enum event_kind wanted[] = {
		EVENT_REQUESTED, EVENT_REFUSED,	      EVENT_QUEUED,   EVENT_GRANTED,
		EVENT_RENEWED,	 EVENT_ENDING,	      EVENT_ENDED,    EVENT_FAILED,
		EVENT_CREATED,	 EVENT_DESTROYED,     EVENT_LOST,     EVENT_RESTORED,
		EVENT_STRANGER,	 EVENT_STRANGER_GONE, EVENT_GPU_SEEN, EVENT_GPU_LOST,
		EVENT_POLICY,	 EVENT_CHANGE_BEGAN,  EVENT_CHANGE_DONE, EVENT_CHANGE_UNDONE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!happened[wanted[i]])
			fail_msg("nothing was ever %s", event_kind_name(wanted[i]));
	print_message("# %u leases granted, %u instances restored, %u GPUs lost\n",
		      happened[EVENT_GRANTED], happened[EVENT_RESTORED], happened[EVENT_GPU_LOST]);
}

static void live(struct host *host, unsigned seed)
{
	struct err err = ERR_INIT;

	dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	host_reset(host, policies[0]);
	host->may_fail = host->policies_change = true;
	host_up(host);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < ACTS; i++)
			act(host);
		act_good_weather(host);
		host_settle(host);
		if (host_check(host, &err))
			fail_msg("seed %u, round %u: %s", seed, round, err.text);
	}
	if (ledger_events(host->ledger, &EVENT_FILTER_ALL, count_event, NULL, &err))
		fail_msg("%s", err.text);
	host_down(host);
}

static void test_at_random(void **state)
{
	struct host host;

	(void)state;
	begin(&host);
	if (only_seed)
		live(&host, only_seed);
	for (unsigned seed = 1; !only_seed && seed <= SEEDS; seed++)
		live(&host, seed);
	print_message("# %d seeds, %d acts each\n", SEEDS, ROUNDS * ACTS);
	if (!only_seed)
		all_happened();
	host_done(&host);
}

/* ---- is the check worth anything? ---- */

static void break_instance_lost(struct host *host)
{
	assert_true(host_take_away(host, host->steward.leases[0]->row.id));
}

static void break_instance_leaks(struct host *host)
{
	assert_true(host_stranger_comes(
		host, 0, board_profile_by_name(board_by_id("a30-24gb"), "1g")->id, WORLD_ANYWHERE));
	host->n_strangers = 0;
}

static void break_stranger_gone(struct host *host)
{
	host->strangers[host->n_strangers++] = (struct host_stranger){1, 9, 12345};
}

static void break_memory(struct host *host)
{
	host->steward.leases[0]->row.ends_s += 1;
}

static void break_link(struct host *host)
{
	host->steward.instances[0]->lease = 4711;
}

static void break_promise(struct host *host)
{
	host->book->promises[host->book->n++] =
		(struct promise){.lease = 4711, .state = PROMISE_LIVES};
}

static void break_end(struct host *host)
{
	host->book->promises[0].state = PROMISE_OVER;
}

static void test_the_check_notices(void **state)
{
	static void (*const breaks[])(struct host *) = {
		break_instance_lost, break_instance_leaks, break_stranger_gone, break_memory,
		break_link,	     break_promise,	   break_end,
	};
	struct host host;

	(void)state;
	begin(&host);
	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		struct err err = ERR_INIT;

		host_reset(&host, policies[0]);
		host_up(&host);
		host_settle(&host);
		assert_int_not_equal(host_ask(&host, "ann", &(struct host_ask){.class_ = "small"}),
				     0);
		host_settle(&host);
		if (host_check(&host, &err))
			fail_msg("%s", err.text);
		breaks[i](&host);
		if (!host_check(&host, &err))
			fail_msg("break %zu went unnoticed", i);
		host_down(&host);
	}
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_check_notices),
		cmocka_unit_test(test_at_random),
	};

	library = argc > 1 ? argv[1] : NULL;
	steps_watch_ledgers(); /* which need not reach the disk */
	only_seed = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	return tap_run(tests);
}
