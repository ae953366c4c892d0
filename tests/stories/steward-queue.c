/*
 * Who gets what, when, and what he is told meanwhile; and what happens when
 * somebody else was faster, a GPU fails or is away.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "steward-steps.h"

#define HOUR 3600

static const char *library;

#define CLASSES                                                                                    \
	"version: 1\nname: queue\nclasses:\n"                                                      \
	"  small: {profiles: 1g, time: 1h, max_time: 12h}\n"                                       \
	"  medium: {profiles: 2g, time: 4h, max_time: 12h}\n"                                      \
	"  full: {profiles: full, time: 2h, max_time: 12h}\n"

static const char two_teams[] = CLASSES "teams:\n"
					"  vision: {users: [ann, bob]}\n"
					"  language: {users: [cem, dee]}\n";
static const char three_teams[] = CLASSES "teams:\n"
					  "  vision: {users: [ann, bob]}\n"
					  "  language: {users: cem}\n"
					  "  guests: {users: dee}\n";
static const char one_each[] =
	CLASSES "teams:\n"
		"  all: {users: [ann, bob, cem, dee], per_user: {instances: 1}}\n";

static void begin(struct host *host, size_t n, const char *policy)
{
	static const char *const boards_[] = {"a30-24gb", "a30-24gb"};

	host_init(host, library, boards_, n);
	host_reset(host, policy);
	host_up(host);
	host_settle(host);
}

static void end(struct host *host)
{
	host_agree(host);
	host_done(host);
}

static int64_t gets(struct host *host, const char *who, const char *class_, int64_t time_s)
{
	int64_t lease = host_ask(host, who, &(struct host_ask){.class_ = class_, .time_s = time_s});

	if (!lease)
		fail_msg("%s gets no %s: %s", who, class_, host->err.text);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ACTIVE);
	return lease;
}

static int64_t waits(struct host *host, const char *who, const char *class_, int64_t time_s)
{
	int64_t lease = host_ask(
		host, who, &(struct host_ask){.class_ = class_, .time_s = time_s, .wait = true});

	if (!lease)
		fail_msg("%s may not wait for %s: %s", who, class_, host->err.text);
	assert_int_equal(host_state(host, lease), LEASE_QUEUED);
	return lease;
}

static void gets_none(struct host *host, const char *who, const char *class_)
{
	if (host_ask(host, who, &(struct host_ask){.class_ = class_}))
		fail_msg("%s gets a %s", who, class_);
	assert_int_equal(host->err.code, ERR_NO_ROOM);
}

static const struct steward_lease *lease_of(const struct host *host, int64_t id)
{
	const struct steward_lease *lease = steward_lease_at(&host->steward, id);

	assert_non_null(lease);
	return lease;
}

/* ---- the queue ---- */

static void test_the_big_one_is_served(void **state)
{
	struct host host;
	int64_t first, big;

	(void)state;
	begin(&host, 1, two_teams);
	first = gets(&host, "ann", "small", HOUR);
	big = waits(&host, "cem", "full", 0);
	/* For some minutes whoever fits may go first ... */
	host.now_s += STEWARD_HOLD_S / 2;
	gets(&host, "bob", "small", HOUR / 2);
	/* ... then no more. */
	host.now_s += STEWARD_HOLD_S;
	gets_none(&host, "bob", "small");
	gets_none(&host, "dee", "small");
	assert_non_null(strstr(host.err.hint, "--wait"));
	host.now_s = lease_of(&host, first)->row.ends_s;
	host_settle(&host);
	assert_int_equal(host_state(&host, big), LEASE_ACTIVE);
	end(&host);
}

/* The hold is for its place only: the other GPU is everybody's. */
static void test_what_is_not_held_is_given(void **state)
{
	struct host host;

	(void)state;
	begin(&host, 2, two_teams);
	gets(&host, "ann", "small", HOUR);
	gets(&host, "cem", "full", 4 * HOUR);
	waits(&host, "dee", "full", 0);
	host.now_s += STEWARD_HOLD_S + 1;
	gets_none(&host, "bob", "small");
	host_release(&host, "cem", 2);
	host_settle(&host);
	gets(&host, "bob", "small", HOUR);
	end(&host);
}

static void test_no_place_for_one_who_may_not(void **state)
{
	struct host host;
	int64_t all, first, second;

	(void)state;
	begin(&host, 1, one_each);
	all = gets(&host, "cem", "full", 0);
	first = waits(&host, "ann", "medium", 0);
	second = waits(&host, "ann", "medium", 0);
	host_release(&host, "cem", all);
	host_settle(&host);
	assert_int_equal(host_state(&host, first), LEASE_ACTIVE);
	host.now_s += STEWARD_HOLD_S + 1;
	gets(&host, "dee", "medium", 0);
	assert_int_equal(host_state(&host, second), LEASE_QUEUED);
	end(&host);
}

static void expect_place(const struct host *host, int64_t id, unsigned position, int64_t when_s)
{
	const struct steward_lease *lease = lease_of(host, id);

	if (lease->position != position || !lease->has_estimate || lease->estimate_s != when_s)
		fail_msg("lease %" PRId64 ": place %u in %" PRId64
			 " s, expected place %u in %" PRId64 " s",
			 id, lease->position, lease->estimate_s - host->now_s, position,
			 when_s - host->now_s);
}

/* It comes to hold at that time, give or take the seconds it takes to make room. */
static void expect_served(struct host *host, int64_t id, int64_t when_s)
{
	host->now_s = when_s - 1;
	host_settle(host);
	host_settle(host);
	assert_int_equal(host_state(host, id), LEASE_ACTIVE);
	assert_in_range(lease_of(host, id)->row.granted_s, when_s, when_s + 10);
}

/* Teams alternate; nobody ends before his time; then all comes as it was said. */
static void test_places_and_estimates_are_true(void **state)
{
	struct host host;
	int64_t ann, bob, cem, dee, ends_s;

	(void)state;
	begin(&host, 1, three_teams);
	dee = gets(&host, "dee", "full", 2 * HOUR);
	ends_s = lease_of(&host, dee)->row.ends_s;
	ann = waits(&host, "ann", "full", HOUR);
	cem = waits(&host, "cem", "full", 3 * HOUR);
	bob = waits(&host, "bob", "full", HOUR);
	expect_place(&host, ann, 1, ends_s);
	expect_place(&host, cem, 2, ends_s + HOUR);
	expect_place(&host, bob, 3, ends_s + 4 * HOUR);
	expect_served(&host, ann, ends_s);
	expect_place(&host, cem, 1, lease_of(&host, ann)->row.ends_s);
	expect_served(&host, cem, lease_of(&host, ann)->row.ends_s);
	expect_place(&host, bob, 1, lease_of(&host, cem)->row.ends_s);
	expect_served(&host, bob, lease_of(&host, cem)->row.ends_s);
	end(&host);
}

static void test_who_waits_is_told_why(void **state)
{
	struct host host;
	char time[32], want[160];
	int64_t soon;

	(void)state;
	begin(&host, 1, two_teams);
	gets(&host, "bob", "medium", 3 * HOUR);
	soon = gets(&host, "ann", "small", 2 * HOUR);
	gets_none(&host, "cem", "medium");
	clock_format(time, sizeof(time), lease_of(&host, soon)->row.ends_s);
	snprintf(want, sizeof(want),
		 "1 of class small is free; the next medium frees at %s when lease %" PRId64
		 " of ann ends; --wait queues",
		 time + strlen("2026-01-01 "), soon);
	assert_string_equal(host.err.hint, want);
	end(&host);
}

/* The important one goes first; but who has waited for longer than that is worth goes before it. */
static void test_the_important_one_does_not_starve_the_other(void **state)
{
	static const char ranks[] = CLASSES "teams:\n"
					    "  vision: {users: [ann, bob]}\n"
					    "  clinic: {users: [cem, dee], priority: 1}\n"
					    "queue: {age: 3h}\n";
	struct host host;
	int64_t all, ann, cem, dee, ends_s;

	(void)state;
	begin(&host, 1, ranks);
	all = gets(&host, "bob", "full", 12 * HOUR);
	ends_s = lease_of(&host, all)->row.ends_s;
	ann = waits(&host, "ann", "full", HOUR);
	cem = waits(&host, "cem", "full", 4 * HOUR);
	expect_place(&host, cem, 1, ends_s);
	expect_place(&host, ann, 2, ends_s + 4 * HOUR);
	host.now_s += 7 * HOUR;
	dee = waits(&host, "dee", "full", HOUR);
	expect_place(&host, cem, 1, ends_s);
	expect_place(&host, ann, 2, ends_s + 4 * HOUR);
	expect_place(&host, dee, 3, ends_s + 5 * HOUR);
	expect_served(&host, cem, ends_s);
	expect_served(&host, ann, lease_of(&host, cem)->row.ends_s);
	expect_served(&host, dee, lease_of(&host, ann)->row.ends_s);
	end(&host);
}

/* ---- what was used ---- */

static void is_refused(struct host *host, const char *who, const char *class_, int64_t time_s,
		       const char *rule)
{
	if (host_ask(host, who,
		     &(struct host_ask){.class_ = class_, .time_s = time_s, .wait = true}))
		fail_msg("%s gets a %s for %d s", who, class_, (int)time_s);
	assert_string_equal(host->err.rule, rule);
}

/* Six slice-hours a day; a restart forgets nothing, and what is given back early is there again. */
static void test_slice_hours_are_counted(void **state)
{
	static const char hours[] =
		CLASSES "teams:\n"
			"  vision: {users: [ann, bob], quota: {slice_hours: 6, per: day}}\n"
			"  others: {users: [cem, dee]}\n";
	static const char rule[] = "teams.vision.quota.slice_hours";
	struct host host;
	int64_t first, all, later, midnight_s;

	(void)state;
	begin(&host, 1, hours);
	midnight_s = host.now_s - host.now_s % (24 * HOUR) + 24 * HOUR;
	is_refused(&host, "ann", "full", 2 * HOUR, rule);
	assert_non_null(strstr(host.err.hint, "6 slice-hours are left: ask for 1h 30m or less"));
	first = gets(&host, "ann", "medium", 2 * HOUR);
	is_refused(&host, "bob", "medium", HOUR + 60, rule);
	host.now_s += HOUR;
	host_release(&host, "ann", first); /* two slice-hours, and what looking took */
	host_settle(&host);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	is_refused(&host, "bob", "full", HOUR + 60, rule);
	all = gets(&host, "bob", "full", HOUR - 60);
	assert_int_equal(host_renew(&host, "bob", all, HOUR + 60), -ERR_REFUSED);
	assert_string_equal(host.err.rule, rule);
	host_release(&host, "bob", all);
	host_settle(&host);
	/* Who waits when the others use it up waits for the next day. */
	all = gets(&host, "cem", "full", 2 * HOUR);
	later = waits(&host, "ann", "full", HOUR - 300);
	first = waits(&host, "bob", "medium", 2 * HOUR - 1200);
	host_release(&host, "cem", all);
	host_settle(&host);
	assert_int_equal(host_state(&host, later), LEASE_ACTIVE);
	expect_place(&host, first, 1, midnight_s);
	host.now_s = midnight_s - 2;
	host_settle(&host);
	assert_int_equal(host_state(&host, first), LEASE_ACTIVE);
	end(&host);
}

/* Who had much lately lets the others go first, though nobody holds anything now. */
static void test_the_past_counts_and_fades(void **state)
{
	static const char fair[] = CLASSES "teams:\n"
					   "  vision: {users: [ann, bob]}\n"
					   "  language: {users: cem}\n"
					   "  guests: {users: dee}\n"
					   "fairness: {half_life: 6h}\n";
	struct host host;
	int64_t all, ann, bob, cem;

	(void)state;
	begin(&host, 1, fair);
	all = gets(&host, "ann", "full", 12 * HOUR);
	host.now_s += 6 * HOUR;
	host_release(&host, "ann", all);
	host_settle(&host);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	all = gets(&host, "dee", "full", 12 * HOUR);
	ann = waits(&host, "ann", "full", HOUR);
	bob = waits(&host, "bob", "full", HOUR);
	cem = waits(&host, "cem", "full", HOUR);
	assert_int_equal(lease_of(&host, cem)->position, 1);
	assert_int_equal(lease_of(&host, bob)->position, 2);
	assert_int_equal(lease_of(&host, ann)->position, 3);
	host_release(&host, "dee", all);
	host_settle(&host);
	assert_int_equal(host_state(&host, cem), LEASE_ACTIVE);
	end(&host);
}

/* A service works for its whole team: what each member may have does not bind it. */
static void test_a_service_is_no_person(void **state)
{
	struct host host;

	(void)state;
	begin(&host, 1,
	      CLASSES "teams:\n"
		      "  lab: {users: ann, services: bob, quota: {slices: 3},\n"
		      "        per_user: {instances: 1, slice_hours: 1, per: day}}\n");
	gets(&host, "ann", "small", HOUR);
	is_refused(&host, "ann", "small", HOUR, "teams.lab.per_user.instances");
	gets(&host, "bob", "small", 2 * HOUR);
	gets(&host, "bob", "small", 2 * HOUR);
	is_refused(&host, "bob", "small", HOUR, "teams.lab.quota.slices");
	end(&host);
}

/* ---- guaranteed shares ---- */

#define SHARES                                                                                     \
	"  vision: {users: [ann, bob], guarantee: {slices: 2}}\n"                                  \
	"  language: {users: cem, priority: 1}\n"                                                  \
	"  guests: {users: dee}\n"                                                                 \
	"reclaim: {notice: 30m}\n"

struct told {
	const char *kind;
	int64_t lease;
	unsigned n;
	char rule[64];
};

static void count_event(const struct ledger_event *event, void *arg)
{
	struct told *told = arg;

	if (strcmp(event->kind, told->kind) != 0 || event->lease != told->lease)
		return;
	told->n++;
	snprintf(told->rule, sizeof(told->rule), "%s", event->rule ? event->rule : "");
}

static unsigned times_told(struct host *host, int64_t lease, const char *kind, const char *rule)
{
	struct told told = {.kind = kind, .lease = lease};
	struct err err = ERR_INIT;

	if (ledger_events(host->ledger, &EVENT_FILTER_ALL, count_event, &told, &err))
		fail_msg("%s", err.text);
	if (told.n)
		assert_string_equal(told.rule, rule);
	return told.n;
}

/* What is idle is borrowed; when the owner comes, the newest of the lowest priority is told and goes. */
static void test_what_is_borrowed_is_given_back(void **state)
{
	static const char rule[] = "teams.vision.guarantee";
	struct host host;
	int64_t dee, cem, ann, told_s;

	(void)state;
	begin(&host, 1, CLASSES "teams:\n" SHARES);
	dee = gets(&host, "dee", "medium", 10 * HOUR);
	cem = gets(&host, "cem", "medium", 10 * HOUR);
	told_s = host.now_s;
	ann = waits(&host, "ann", "medium", HOUR);
	host_settle(&host);
	assert_int_equal(times_told(&host, cem, "reclaim-notice", rule), 0);
	assert_int_equal(times_told(&host, dee, "reclaim-notice", rule), 1);
	assert_in_range(lease_of(&host, dee)->row.ends_s, told_s + 1800, told_s + 1810);
	expect_place(&host, ann, 1, lease_of(&host, dee)->row.ends_s);
	assert_int_equal(host_renew(&host, "dee", dee, HOUR), -ERR_REFUSED);
	assert_string_equal(host.err.rule, rule);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	assert_int_equal(host_renew(&host, "dee", dee, HOUR), -ERR_REFUSED);
	expect_served(&host, ann, lease_of(&host, dee)->row.ends_s);
	assert_int_equal(host_state(&host, dee), LEASE_ENDED);
	assert_int_equal(times_told(&host, dee, "reclaimed", rule), 1);
	assert_int_equal(host_state(&host, cem), LEASE_ACTIVE);
	/* More than its share is no reason to send anybody away. */
	waits(&host, "bob", "small", HOUR);
	host_settle(&host);
	assert_int_equal(times_told(&host, cem, "reclaim-notice", rule), 0);
	end(&host);
}

/* Served otherwise meanwhile: who was told to go may stay. */
static void test_a_notice_is_withdrawn(void **state)
{
	static const char rule[] = "teams.vision.guarantee";
	struct host host;
	int64_t dee, cem, ann, ends_s;

	(void)state;
	begin(&host, 1, CLASSES "teams:\n" SHARES);
	dee = gets(&host, "dee", "medium", 10 * HOUR);
	cem = gets(&host, "cem", "medium", 10 * HOUR);
	ends_s = lease_of(&host, dee)->row.ends_s;
	ann = waits(&host, "ann", "medium", HOUR);
	host_settle(&host);
	assert_int_equal(times_told(&host, dee, "reclaim-notice", rule), 1);
	host_release(&host, "cem", cem);
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	assert_int_equal(times_told(&host, dee, "reclaim-notice", rule), 2);
	assert_int_equal(lease_of(&host, dee)->row.ends_s, ends_s);
	assert_int_equal(host_renew(&host, "dee", dee, 11 * HOUR), 0);
	end(&host);
}

/* What is not lent stays free for its owner. */
static void test_what_is_not_lent_waits_for_its_owner(void **state)
{
	struct host host;

	(void)state;
	begin(&host, 1,
	      CLASSES "teams:\n"
		      "  vision: {users: ann, guarantee: {slices: 2, borrow: false}}\n"
		      "  others: {users: [bob, cem, dee]}\n");
	gets(&host, "bob", "medium", HOUR);
	gets_none(&host, "cem", "small");
	waits(&host, "cem", "small", HOUR);
	host.now_s += STEWARD_HOLD_S + 1;
	gets(&host, "ann", "medium", HOUR);
	end(&host);
}

/* ---- somebody else, and the driver ---- */

/* The place that was chosen is taken before the job gets to it. */
static void test_somebody_was_faster(void **state)
{
	const struct board *board = board_by_id("a30-24gb");
	const struct steward_instance *instance;
	struct host host;
	int64_t lease;

	(void)state;
	begin(&host, 1, two_teams);
	lease = host_ask(&host, "ann", &(struct host_ask){.class_ = "small"});
	assert_int_not_equal(lease, 0);
	instance = steward_instance_at(&host.steward, lease_of(&host, lease)->row.instance);
	assert_true(host_stranger_comes(&host, 0, board_profile_by_name(board, "1g.6gb+me")->id,
					(int)instance->row.start));
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ACTIVE);
	end(&host);
}

static void driver_fails(struct host *host, const char *call, uint64_t times)
{
	struct world_fault fault = {
		.kind = WORLD_FAULT_CALL, .fail = NVML_ERROR_UNKNOWN, .times = times};

	snprintf(fault.call, sizeof(fault.call), "%s", call);
	assert_int_equal(world_fault_add(world_change(host->world), &fault, NULL), NVML_SUCCESS);
	world_commit(host->world);
}

static void test_another_gpu_is_tried(void **state)
{
	struct host host;
	int64_t lease;

	(void)state;
	begin(&host, 2, two_teams);
	driver_fails(&host, "nvmlDeviceCreateGpuInstanceWithPlacement", 1);
	lease = gets(&host, "ann", "full", 0);
	assert_int_equal(
		steward_instance_at(&host.steward, lease_of(&host, lease)->row.instance)->gpu, 1);
	/* The one that failed rests, even when the clock is set back. */
	gets_none(&host, "bob", "full");
	host.now_s -= HOUR;
	host_settle(&host);
	gets(&host, "bob", "full", 0);
	end(&host);
}

static void lose_gpu(struct host *host, uint8_t gpu)
{
	const struct world_fault fault = {.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = gpu};

	assert_int_equal(world_fault_add(world_change(host->world), &fault, NULL), NVML_SUCCESS);
	world_commit(host->world);
}

static void gpus_come_back(struct host *host)
{
	assert_true(world_fault_clear(world_change(host->world), 0));
	world_commit(host->world);
}

/* The daemon starts anew, with a library that has never seen the GPUs. */
static void start_anew(struct host *host)
{
	struct err err = ERR_INIT;

	host_down(host);
	backend_close(host->nvml);
	if (backend_nvml_open(library, &host->nvml, &err))
		fail_msg("%s", err.text);
	steps_watch_backend(host->nvml, &host->backend);
	host_up(host);
}

static void test_a_gpu_that_is_away_at_the_start(void **state)
{
	struct host host;
	int64_t on_it;

	(void)state;
	begin(&host, 2, two_teams);
	on_it = gets(&host, "ann", "full", 0);
	lose_gpu(&host, 0);
	start_anew(&host);
	host_settle(&host);
	assert_int_equal(host_state(&host, on_it), LEASE_ACTIVE);
	gets(&host, "bob", "full", 0); /* on the other; the ledger can be written */
	gpus_come_back(&host);
	host_settle(&host);
	assert_int_equal(host_state(&host, on_it), LEASE_ACTIVE);
	end(&host);
}

static void test_released_while_its_gpu_is_away(void **state)
{
	struct host host;
	int64_t lease;

	(void)state;
	begin(&host, 2, two_teams);
	lease = gets(&host, "ann", "full", 0);
	lose_gpu(&host, 0);
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ACTIVE);
	host_release(&host, "ann", lease);
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	gpus_come_back(&host);
	end(&host);
}

/* The holder ended while the daemon was down, but something it began goes on. */
static void test_a_holder_that_ended_meanwhile(void **state)
{
	struct host host;
	size_t holder, child;
	int64_t lease;

	(void)state;
	begin(&host, 1, two_teams);
	holder = host_sleeper(&host);
	child = host_sleeper(&host);
	lease = host_ask(
		&host, "ann",
		&(struct host_ask){.class_ = "small", .hold = true, .pid = host.sleepers[holder]});
	host_settle(&host);
	assert_true(host_occupy(&host, child, lease));
	host_down(&host);
	host_end_sleeper(&host, holder);
	start_anew(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ENDING);
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ENDING);
	host_end_sleeper(&host, child);
	host_settle(&host);
	assert_int_equal(host_state(&host, lease), LEASE_ENDED);
	end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_big_one_is_served),
		cmocka_unit_test(test_what_is_not_held_is_given),
		cmocka_unit_test(test_no_place_for_one_who_may_not),
		cmocka_unit_test(test_places_and_estimates_are_true),
		cmocka_unit_test(test_the_important_one_does_not_starve_the_other),
		cmocka_unit_test(test_who_waits_is_told_why),
		cmocka_unit_test(test_slice_hours_are_counted),
		cmocka_unit_test(test_the_past_counts_and_fades),
		cmocka_unit_test(test_a_service_is_no_person),
		cmocka_unit_test(test_what_is_borrowed_is_given_back),
		cmocka_unit_test(test_a_notice_is_withdrawn),
		cmocka_unit_test(test_what_is_not_lent_waits_for_its_owner),
		cmocka_unit_test(test_somebody_was_faster),
		cmocka_unit_test(test_another_gpu_is_tried),
		cmocka_unit_test(test_a_gpu_that_is_away_at_the_start),
		cmocka_unit_test(test_released_while_its_gpu_is_away),
		cmocka_unit_test(test_a_holder_that_ended_meanwhile),
	};

	setenv("TZ", "UTC", 1);
	library = argc > 1 ? argv[1] : NULL;
	steps_watch_ledgers();
	return tap_run(tests);
}
