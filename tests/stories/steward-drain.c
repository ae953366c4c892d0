/*
 * What is to be left becomes empty: nothing new comes, holders are told and wait
 * for or end at the deadline, processes stay; for days, over restarts, and when
 * the steward is killed at every step of it.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reconcile/steward-drain.h"
#include "steward-steps.h"

#define HOUR	   3600
#define DAY	   86400
#define MOST_STEPS 5000

static const char *library;
static unsigned stride = 1;

#define SITE                                                                                       \
	"version: 1\nname: drain\nclasses:\n"                                                      \
	"  small: {profiles: 1g, time: 1h, max_time: 10d, warm: 2}\n"                              \
	"  medium: {profiles: 2g, time: 4h, max_time: 10d}\n"                                      \
	"  full: {profiles: full, time: 2h, max_time: 10d}\n"                                      \
	"teams: {all: {users: [ann, bob, cem, dee]}}\n"

static const char site[] = SITE "changes: {notice: 1h}\n";
static const char strict[] =
	SITE "changes: {protect: {classes: medium}, deadline: 2h, notice: 30m}\n";

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

static const struct ledger_instance *place_of(const struct host *host, int64_t id)
{
	const struct steward_lease *lease = steward_lease_at(&host->steward, id);

	assert_true(lease && lease->row.has_instance);
	return &steward_instance_at(&host->steward, lease->row.instance)->row;
}

static size_t gpu_of(const struct host *host, int64_t lease)
{
	for (size_t i = 0; i < host->steward.n_gpus; i++)
		if (!strcmp(host->steward.gpus[i].info.uuid, place_of(host, lease)->gpu))
			return i;
	return STEWARD_NO_GPU;
}

static struct ledger_drain drain(struct host *host, const struct steward_drain_wish *wish)
{
	struct ledger_drain ret;
	struct err err = ERR_INIT;

	if (steward_drain_begin(&host->steward, host_person("dee"), wish, host->now_s, &ret, &err))
		fail_msg("no drain: %s", err.text);
	return ret;
}

static struct ledger_drain drain_gpu(struct host *host, const char *gpu, int64_t left_s)
{
	return drain(host, &(struct steward_drain_wish){
				   .gpu = gpu,
				   .reason = "new fans",
				   .deadline = left_s < 0 ? DRAIN_WAITS : DRAIN_UNTIL,
				   .deadline_s = host->now_s + left_s,
			   });
}

static void undrain(struct host *host, int64_t id)
{
	struct ledger_drain ret;
	struct err err = ERR_INIT;

	if (steward_drain_end(&host->steward, host_person("dee"), id, host->now_s, &ret, &err))
		fail_msg("not taken back: %s", err.text);
}

/* ---- events ---- */

struct counting {
	const char *kind, *rule;
	unsigned n;
	char text[LEDGER_TEXT];
};

static void count(const struct ledger_event *event, void *arg)
{
	struct counting *counting = arg;

	if (strcmp(event->kind, counting->kind) != 0 ||
	    (counting->rule && (!event->rule || strcmp(event->rule, counting->rule) != 0)))
		return;
	counting->n++;
	snprintf(counting->text, sizeof(counting->text), "%s", event->text);
}

/* lease 0: any */
static unsigned events(struct host *host, int64_t lease, const char *kind, const char *rule)
{
	struct ledger_event_filter filter = EVENT_FILTER_ALL;
	struct counting counting = {.kind = kind, .rule = rule};
	struct err err = ERR_INIT;

	filter.lease = lease ? lease : -1;
	if (ledger_events(host->ledger, &filter, count, &counting, &err))
		fail_msg("%s", err.text);
	return counting.n;
}

static unsigned instances_on(const struct host *host, size_t gpu)
{
	unsigned n = 0;

	for (size_t i = 0; i < host->steward.n_instances; i++)
		n += host->steward.instances[i]->gpu == gpu;
	return n;
}

/* ---- stories ---- */

static void test_nothing_new_comes(void **state)
{
	struct host host;
	int64_t ann, waits;
	struct ledger_drain whole;

	(void)state;
	begin(&host, 2, site);
	ann = gets(&host, "ann", "small", DAY);
	assert_int_equal(gpu_of(&host, ann), 0);
	whole = drain_gpu(&host, "0", -1);
	assert_int_equal(gpu_of(&host, gets(&host, "bob", "small", HOUR)), 1);
	assert_int_equal(gpu_of(&host, gets(&host, "bob", "small", HOUR)), 1);
	assert_int_equal(gpu_of(&host, gets(&host, "bob", "medium", HOUR)), 1);
	/* There is room, but not to be had: that is no room, and one may wait for it. */
	assert_int_equal(host_ask(&host, "cem", &(struct host_ask){.class_ = "small"}), 0);
	assert_int_equal(host.err.code, ERR_NO_ROOM);
	waits = host_ask(&host, "cem", &(struct host_ask){.class_ = "medium", .wait = true});
	host_settle(&host);
	assert_int_equal(host_state(&host, waits), LEASE_QUEUED);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	undrain(&host, whole.id);
	host_settle(&host);
	assert_int_equal(gpu_of(&host, waits), 0);
	assert_int_equal(events(&host, 0, "drain", NULL), 1);
	assert_int_equal(events(&host, 0, "undrained", NULL), 1);
	end(&host);
}

/* Estimates are worked out between two other things to do. */
static void foresee(struct host *host)
{
	while (steward_foresee(&host->steward))
		;
}

/* No estimate for those whose only hope is what is drained. */
static void test_estimates_know(void **state)
{
	struct host host;
	int64_t ann, waits;
	struct ledger_drain whole;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "full", HOUR);
	waits = host_ask(&host, "bob", &(struct host_ask){.class_ = "small", .wait = true});
	host_settle(&host);
	foresee(&host);
	assert_true(steward_lease_at(&host.steward, waits)->has_estimate);
	whole = drain_gpu(&host, "0", -1);
	foresee(&host);
	assert_false(steward_lease_at(&host.steward, waits)->has_estimate);
	host_release(&host, "ann", ann);
	host_settle(&host);
	assert_int_equal(host_state(&host, waits), LEASE_QUEUED);
	assert_int_equal(instances_on(&host, 0), 0);
	undrain(&host, whole.id);
	host_settle(&host);
	assert_int_equal(host_state(&host, waits), LEASE_ACTIVE);
	end(&host);
}

static void test_the_deadline(void **state)
{
	struct host host;
	int64_t ann, bob, left;
	size_t slot;

	(void)state;
	begin(&host, 1, site);
	slot = host_sleeper(&host);
	ann = gets(&host, "ann", "small", 5 * DAY);
	bob = gets(&host, "bob", "small", 5 * DAY);
	left = gets(&host, "cem", "small", HOUR);
	assert_true(host_occupy(&host, slot, ann));
	host_settle(&host);
	drain_gpu(&host, "0", 2 * DAY);
	assert_int_equal(events(&host, ann, "drain-notice", "drained"), 1);
	assert_int_equal(events(&host, bob, "drain-notice", "drained"), 1);
	/* An hour before they are told once more, and those who left are not. */
	host.now_s += 2 * DAY - HOUR - 10;
	host_settle(&host);
	assert_int_equal(events(&host, ann, "drain-notice", NULL), 1);
	host.now_s += 10;
	host_settle(&host);
	assert_int_equal(events(&host, ann, "drain-notice", NULL), 2);
	assert_int_equal(events(&host, left, "drain-notice", NULL), 1);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	host.now_s += HOUR;
	host_settle(&host);
	assert_int_equal(host_state(&host, bob), LEASE_ENDED);
	assert_int_equal(events(&host, bob, "ending", "drained"), 1);
	/* ann's process is not ours to stop: named, and waited for. */
	assert_int_equal(host_state(&host, ann), LEASE_ENDING);
	assert_int_equal(instances_on(&host, 0), 1);
	assert_int_equal(host_users(&host, place_of(&host, ann)->gpu,
				    place_of(&host, ann)->profile_id,
				    place_of(&host, ann)->start),
			 1);
	assert_int_equal(events(&host, 0, "drained", NULL), 0);
	host_end_sleeper(&host, slot);
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	assert_int_equal(instances_on(&host, 0), 0);
	assert_int_equal(events(&host, 0, "drained", NULL), 1);
	assert_true(host.steward.drains[0].row.has_drained);
	end(&host);
}

/* Steward_tick() tells when to come again: not later than what is due. */
static void test_is_on_time(void **state)
{
	struct host host;
	int64_t deadline_s;

	(void)state;
	begin(&host, 1, site);
	gets(&host, "ann", "small", 5 * DAY);
	deadline_s = drain_gpu(&host, "0", HOUR + 3).deadline_s;
	host.now_s = deadline_s - HOUR - 2;
	assert_int_equal(steward_tick(&host.steward, host.now_s), deadline_s - HOUR);
	host_run_all(&host);
	host.now_s = deadline_s - 2;
	steward_tick(&host.steward, host.now_s);
	host_run_all(&host);
	assert_int_equal(steward_tick(&host.steward, host.now_s), deadline_s);
	end(&host);
}

static void test_waits_for_days(void **state)
{
	struct host host;
	struct ledger_drain whole;
	int64_t ann, free_;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "small", 3 * DAY);
	free_ = gets(&host, "bob", "small", HOUR);
	host_release(&host, "bob", free_);
	host_settle(&host);
	assert_int_equal(instances_on(&host, 0), 2); /* kept warm */
	whole = drain_gpu(&host, "0", -1);
	host_settle(&host);
	assert_int_equal(instances_on(&host, 0), 1);
	/* To its end, but not longer. */
	assert_int_equal(host_renew(&host, "ann", ann, 4 * DAY), -ERR_REFUSED);
	assert_string_equal(host.err.rule, "drained");
	assert_non_null(strstr(host.err.text, "GPU 0 is to be left: new fans"));
	assert_int_equal(host_renew(&host, "ann", ann, 2 * DAY), 0);
	for (unsigned day = 0; day < 4; day++) {
		host.now_s += DAY / 2;
		host_down(&host);
		host_up(&host);
		host_settle(&host);
		assert_int_equal(host_state(&host, ann), day < 3 ? LEASE_ACTIVE : LEASE_ENDED);
	}
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(instances_on(&host, 0), 0);
	assert_int_equal(events(&host, ann, "drain-notice", NULL), 1);
	assert_int_equal(events(&host, 0, "drained", NULL), 1);
	assert_int_equal(host_ask(&host, "cem", &(struct host_ask){.class_ = "full"}), 0);
	undrain(&host, whole.id);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	assert_int_equal(host.steward.n_drains, 0);
	gets(&host, "cem", "full", HOUR);
	end(&host);
}

/* Only the place: its units stay empty, the others do not. */
static void test_one_instance(void **state)
{
	struct host host;
	struct ledger_drain place;
	int64_t ann;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "medium", DAY);
	place = drain(&host, &(struct steward_drain_wish){
				     .lease = ann, .reason = "", .deadline = DRAIN_UNTIL});
	assert_true(place.has_place && place.size == 2);
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	assert_int_equal(instances_on(&host, 0), 0);
	gets(&host, "bob", "medium", HOUR);
	assert_int_equal(host_ask(&host, "cem", &(struct host_ask){.class_ = "small"}), 0);
	assert_int_equal(host.err.code, ERR_NO_ROOM);
	undrain(&host, place.id);
	gets(&host, "cem", "medium", HOUR);
	end(&host);
}

static void test_the_policy_decides(void **state)
{
	struct host host;
	struct ledger_drain whole;
	int64_t ann, bob;

	(void)state;
	begin(&host, 1, strict);
	ann = gets(&host, "ann", "medium", DAY);
	bob = gets(&host, "bob", "small", DAY);
	whole = drain(&host, &(struct steward_drain_wish){.gpu = "0", .reason = ""});
	assert_true(whole.has_deadline && whole.deadline_s == host.now_s + 2 * HOUR);
	assert_int_equal(events(&host, ann, "drain-notice", "changes.protect"), 1);
	assert_int_equal(host_renew(&host, "ann", ann, 2 * DAY), 0);
	host.now_s += 2 * HOUR;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	assert_int_equal(host_state(&host, bob), LEASE_ENDED);
	/* Not protected any more: the deadline is over. */
	host_set_policy(&host, site);
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	end(&host);
}

static void test_another_deadline(void **state)
{
	struct host host;
	struct ledger_drain first, second;
	int64_t ann;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "small", 5 * DAY);
	first = drain_gpu(&host, "0", 10 * HOUR);
	host.now_s += HOUR;
	second = drain_gpu(&host, host.steward.gpus[0].info.uuid, 20 * HOUR);
	assert_int_equal(second.id, first.id);
	assert_int_equal(second.since_s, first.since_s);
	assert_int_equal(host.steward.n_drains, 1);
	assert_int_equal(events(&host, ann, "drain-notice", NULL), 2);
	assert_int_equal(host_renew(&host, "ann", ann, 21 * HOUR), -ERR_REFUSED);
	host.now_s += 11 * HOUR;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	host.now_s += 9 * HOUR;
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ENDED);
	end(&host);
}

static void test_only_tried(void **state)
{
	struct host host;
	struct ledger_drain tried;
	int64_t ann;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "small", DAY);
	tried = drain(&host, &(struct steward_drain_wish){.gpu = "0",
							  .has_start = true,
							  .start = place_of(&host, ann)->start,
							  .profile = "1g",
							  .reason = "why not",
							  .deadline = DRAIN_UNTIL,
							  .dry_run = true});
	assert_int_equal(tried.id, 0);
	assert_string_equal(tried.profile, "1g.6gb");
	assert_int_equal(host.steward.n_drains, 0);
	host_settle(&host);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	assert_int_equal(events(&host, 0, "drain", NULL), 0);
	end(&host);
}

static void refused(struct host *host, const struct steward_drain_wish *wish, enum err_code code,
		    const char *text)
{
	struct ledger_drain ret;
	struct err err = ERR_INIT;

	assert_int_equal(steward_drain_begin(&host->steward, host_person("dee"), wish, host->now_s,
					     &ret, &err),
			 -(int)code);
	assert_string_equal(err.text, text);
}

static void test_what_is_not_there(void **state)
{
	struct host host;
	struct err err = ERR_INIT;
	struct ledger_drain ret;
	int64_t ann, waits;

	(void)state;
	begin(&host, 1, site);
	ann = gets(&host, "ann", "full", DAY);
	waits = host_ask(&host, "bob", &(struct host_ask){.class_ = "small", .wait = true});
	refused(&host, &(struct steward_drain_wish){.gpu = "1", .reason = ""}, ERR_NOT_FOUND,
		"there is no GPU '1'");
	refused(&host, &(struct steward_drain_wish){.gpu = "\033[31m", .reason = ""}, ERR_NOT_FOUND,
		"there is no GPU '?[31m'");
	refused(&host,
		&(struct steward_drain_wish){
			.gpu = "0", .has_start = true, .start = 3, .reason = ""},
		ERR_NOT_FOUND, "no instance on GPU 0 begins at 3");
	refused(&host,
		&(struct steward_drain_wish){
			.gpu = "0", .has_start = true, .profile = "2g", .reason = ""},
		ERR_NOT_FOUND, "4g.24gb at 0 on GPU 0 is no 2g");
	refused(&host, &(struct steward_drain_wish){.lease = 77, .reason = ""}, ERR_NOT_FOUND,
		"there is no lease 77 that has not ended");
	refused(&host, &(struct steward_drain_wish){.lease = waits, .reason = ""}, ERR_STALE,
		"lease 2 is queued and has no instance");
	assert_int_equal(steward_drain_end(&host.steward, host_person("dee"), 1, host.now_s, &ret,
					   &err),
			 -ERR_NOT_FOUND);
	assert_int_equal(host_state(&host, ann), LEASE_ACTIVE);
	end(&host);
}

/* ---- killed at every step ---- */

static bool *acknowledged; /* shared with the child */

/* ann's process lives on when the child is killed; the others' leases are without. */
static void tale(struct host *host)
{
	int64_t ann, warm;

	host_settle(host);
	ann = host_ask(host, "ann", &(struct host_ask){.class_ = "small", .time_s = 5 * DAY});
	host_ask(host, "bob", &(struct host_ask){.class_ = "small", .time_s = 5 * DAY});
	warm = host_ask(host, "cem", &(struct host_ask){.class_ = "small"});
	host_settle(host);
	host_occupy(host, 0, ann);
	host_release(host, "cem", warm);
	host_settle(host);
	drain_gpu(host, "0", DAY);
	*acknowledged = true;
	host_settle(host);
	host->now_s += DAY - HOUR;
	host_settle(host);
	host->now_s += HOUR;
	host_settle(host);
}

static void find_it_again(struct host *host, unsigned step)
{
	host_up(host);
	host_agree(host);
	if (*acknowledged && host->steward.n_drains != 1)
		fail_msg("step %u: the drain is forgotten", step);
	if (!host->steward.n_drains) /* it was never begun: then now */
		drain_gpu(host, "0", DAY);
	host->now_s += DAY;
	host_agree(host);
	for (size_t i = 0; i < host->steward.n_leases; i++)
		if (host->steward.leases[i]->row.state != LEASE_ENDING)
			fail_msg("step %u: a lease outlives the deadline", step);
	host_end_sleepers(host);
	host_agree(host);
	if (host->steward.n_leases || host->steward.n_instances)
		fail_msg("step %u: something is left", step);
	assert_true(host->steward.drains[0].row.has_drained);
	if (events(host, 0, "drained", NULL) != 1)
		fail_msg("step %u: drained %u times", step, events(host, 0, "drained", NULL));
	host_down(host);
}

static void kill_at_every_step(bool after)
{
	static const char *const boards_[] = {"a30-24gb"};
	struct host host;
	bool killed = true;
	unsigned step = 1, every = (after ? 2 : 9) * stride; /* before: many only read */

	host_init(&host, library, boards_, 1);
	for (; killed; step += every) {
		assert_true(step < MOST_STEPS);
		host_reset(&host, site);
		host.eager = true;
		host_sleeper(&host);
		*acknowledged = false;
		killed = host_told_until_killed(&host, tale, step, after);
		find_it_again(&host, step);
	}
	print_message("# killed %s each of %u steps, by %u\n", after ? "after" : "before", step - 1,
		      every);
	assert_true(step > 25);
	host_done(&host);
}

static void test_killed(void **state)
{
	(void)state;
	acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(acknowledged, MAP_FAILED);
	kill_at_every_step(false);
	kill_at_every_step(true);
	munmap(acknowledged, sizeof(*acknowledged));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_new_comes), cmocka_unit_test(test_estimates_know),
		cmocka_unit_test(test_the_deadline),	  cmocka_unit_test(test_is_on_time),
		cmocka_unit_test(test_waits_for_days),	  cmocka_unit_test(test_one_instance),
		cmocka_unit_test(test_the_policy_decides), cmocka_unit_test(test_another_deadline),
		cmocka_unit_test(test_only_tried),	  cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_killed),
	};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
