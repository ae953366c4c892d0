/*
 * Layouts that change: told undisturbed, killed before and after every step,
 * and with every call to the driver failing. A change ends done, undone, or
 * dirty and saying so, and what the ledger says of it is what is there.
 */
#include "steward-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "reconcile/steward-change.h"
#include "steward-steps.h"

#define MOST_STEPS 5000

static const char policy[] = "version: 1\nname: change\nclasses:\n"
			     "  small: {profiles: 1g, time: 1h, max_time: 12h}\n"
			     "  medium: {profiles: 2g, time: 12h, max_time: 12h}\n"
			     "  full: {profiles: full, time: 1h, max_time: 12h}\n"
			     "teams:\n  all: {users: [ann, bob, cem, dee]}\n";
static const char *const boards_[] = {"a30-24gb", "h100-pcie-80gb"};

static const char *library;
static unsigned stride = 1; /* 7: killed at every seventh step */

/* ---- acts ---- */

static int64_t apply(struct host *host, const char *text, bool wait)
{
	char copy[256], *words[8];
	struct wish_server server;
	struct wish wish;
	size_t n = 0;
	int64_t id = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[n++] = word;
	steward_change_server(&host->steward, &server);
	host->err = ERR_INIT;
	if (wish_from_words(words, n, &server, &wish, &host->err) ||
	    steward_change_start(&host->steward, host_person("ann"),
				 &(struct steward_change_ask){.wish = &wish, .wait = wait},
				 host->now_s, &id, &host->err))
		return -1;
	return id;
}

/* ---- what the ledger says of the changes ---- */

struct expected {
	struct host *host;
	const struct ledger_change *change;
	char words[BACKEND_MAX_GPUS][CHANGE_GPU_WORDS];
	bool known[BACKEND_MAX_GPUS];
	size_t n_dirty, n_undone, n_done;
	struct err *err;
};

static void expect_gpu(const struct ledger_change_gpu *row, void *arg)
{
	struct expected *expected = arg;
	const struct steward *steward = &expected->host->steward;
	const char *words = expected->change->state == CHANGE_DONE ? row->goal : row->was;

	for (size_t i = 0; i < steward->n_gpus; i++) {
		if (strcmp(steward->gpus[i].info.uuid, row->gpu) != 0)
			continue;
		expected->known[i] = expected->change->state != CHANGE_DIRTY;
		memcpy(expected->words[i], words, sizeof(expected->words[i]));
	}
}

static void expect(const struct ledger_change *row, void *arg)
{
	struct expected *expected = arg;

	if (!change_state_ended(row->state))
		fail(expected->err, ERR_INTERNAL, "change %d is %s (%s)", (int)row->id,
		     change_state_name(row->state), row->why);
	if (row->state == CHANGE_DIRTY && !strstr(row->why, " stands at "))
		fail(expected->err, ERR_INTERNAL, "change %d is dirty and says '%s'", (int)row->id,
		     row->why);
	expected->n_dirty += row->state == CHANGE_DIRTY;
	expected->n_undone += row->state == CHANGE_UNDONE;
	expected->n_done += row->state == CHANGE_DONE;
	if (!row->has_began)
		return;
	expected->change = row;
	ledger_change_gpus(expected->host->ledger, row->id, expect_gpu, expected, expected->err);
}

/* Every change has ended, and the last of each GPU says what is there. */
static int check_changes(struct host *host, struct expected *ret, struct err *err)
{
	*ret = (struct expected){.host = host, .err = err};
	if (ledger_changes(host->ledger, -1, false, 0, expect, ret, err) || err->code)
		return -(int)err->code;
	for (size_t i = 0; i < host->steward.n_gpus; i++) {
		cleanup(text_done) struct text now = TEXT_INIT;
		struct wish_gpu present;

		if (!ret->known[i])
			continue;
		if (!steward_change_present(&host->steward, i, &present))
			return fail(err, ERR_INTERNAL, "GPU %zu cannot be told", i);
		wish_write_gpu(&present, &now);
		if (strcmp(text_str(&now), ret->words[i]) != 0)
			return fail(err, ERR_INTERNAL, "GPU %zu is %s, said to be %s", i,
				    text_str(&now), ret->words[i]);
	}
	return 0;
}

static void in_order(struct host *host, const char *when, unsigned step, struct expected *ret)
{
	struct err err = ERR_INIT;

	host_settle(host);
	if (host_check(host, &err) || check_changes(host, ret, &err))
		fail_msg("%s step %u (%s): %s", when, step, steps.what ? steps.what : "-",
			 err.text);
}

/* ---- the tale ---- */

static struct {
	int64_t waits;
	bool kept, cold, stays, refused, waited;
} told;

static const char *uuid_at(struct host *host, size_t gpu, const char *profile, unsigned start)
{
	for (size_t i = 0; i < host->steward.n_instances; i++) {
		const struct steward_instance *instance = host->steward.instances[i];

		if (instance->gpu == gpu && !strcmp(instance->row.profile, profile) &&
		    instance->row.start == start && instance->row.state == INSTANCE_PRESENT)
			return instance->row.mig_uuid;
	}
	return "";
}

/* From empty; a lease on what was laid; around the lease; mode off and on; in use. */
static void tell_change(struct host *host, void (*rest)(struct host *))
{
	char before[LEDGER_UUID];
	int64_t ann, bob;

	memset(&told, 0, sizeof(told));
	rest(host);
	apply(host, "gpu0=2g@0,2g@2 gpu1=3g@4,2g@0", false);
	rest(host);
	ann = host_ask(host, "ann", &(struct host_ask){.class_ = "medium"});
	rest(host);
	snprintf(before, sizeof(before), "%s", uuid_at(host, 1, "3g.40gb", 4));
	apply(host, "gpu0=2g,1g,1g gpu1=3g,4x1g", false);
	rest(host);
	told.kept = before[0] && !strcmp(before, uuid_at(host, 1, "3g.40gb", 4));
	apply(host, "gpu1=off", false);
	rest(host);
	told.cold = host->steward.n_gpus == 2 && !host->steward.gpus[1].info.mig;
	apply(host, "gpu1=7g", false);
	rest(host);
	told.refused = apply(host, "gpu0=4g", false) == -1 && host->err.code == ERR_BUSY;
	told.waits = apply(host, "gpu0=4g", true);
	rest(host);
	bob = host_ask(host, "bob", &(struct host_ask){.class_ = "small"});
	told.waited = !bob; /* the GPU that waits is closed */
	host_release(host, "ann", ann);
	rest(host);
	bob = host_ask(host, "bob", &(struct host_ask){.class_ = "full"});
	rest(host);
	host_release(host, "bob", bob);
	rest(host);
	told.stays = uuid_at(host, 0, "4g.24gb", 0)[0] && uuid_at(host, 1, "7g.80gb", 0)[0];
}

static void start(struct host *host)
{
	host_reset(host, policy);
}

static void test_the_tale(void **state)
{
	struct expected found;
	struct host host;

	(void)state;
	host_init(&host, library, boards_, ARRAY_SIZE(boards_));
	start(&host);
	host.eager = true;
	host_up(&host);
	tell_change(&host, host_settle);
	in_order(&host, "the tale,", 0, &found);
	assert_true(told.kept);
	assert_true(told.cold);
	assert_true(told.refused);
	assert_true(told.waits > 0);
	assert_true(told.waited);
	assert_true(told.stays);
	assert_int_equal(found.n_done, 5);
	assert_int_equal(found.n_undone + found.n_dirty, 0);
	host_done(&host);
}

/* ---- killed ---- */

static void tell_it(struct host *host)
{
	tell_change(host, host_settle);
}

/* The lease of a killed tale may stand in a waiting change's way. */
static void release_all(struct host *host)
{
	while (host->steward.n_leases) {
		const struct ledger_lease *row = &host->steward.leases[0]->row;

		host_release(host, row->user, row->id);
		host_settle(host);
	}
}

static void kill_at_every_step(bool after)
{
	struct expected found;
	struct host host;
	unsigned step = 1, undone = 0;
	bool killed = true;

	host_init(&host, library, boards_, ARRAY_SIZE(boards_));
	for (unsigned at = 1; killed; at += stride) {
		step = at;
		assert_true(step < MOST_STEPS);
		start(&host);
		host.eager = true;
		killed = host_told_until_killed(&host, tell_it, step, after);
		host_up(&host);
		host_settle(&host);
		release_all(&host);
		in_order(&host, after ? "killed after" : "killed before", step, &found);
		if (found.n_dirty)
			fail_msg("killed at step %u: dirty", step);
		undone += found.n_undone > 0;
		host_down(&host);
	}
	print_message("# killed %s each of %u steps, by %u; undone %u times\n",
		      after ? "after" : "before", step - 1, stride, undone);
	assert_true(step > 100);
	host_done(&host);
}

static void test_killed_before(void **state)
{
	(void)state;
	kill_at_every_step(false);
}

static void test_killed_after(void **state)
{
	(void)state;
	kill_at_every_step(true);
}

/* ---- failing ---- */

static size_t count_calls(struct host *host, const char **ret)
{
	size_t n;

	start(host);
	steps_list = ret;
	steps_begin(STEP_FAIL, 0, false, ERR_NONE);
	host_up(host);
	tell_change(host, host_settle);
	steps_end();
	n = steps.taken;
	steps_list = NULL;
	host_down(host);
	return n;
}

static void fail_from(struct host *host, unsigned step, unsigned times, bool after,
		      enum err_code code, struct expected *ret)
{
	start(host);
	host->may_fail = true;
	steps_begin(STEP_FAIL, step, after, code);
	steps.times = times;
	host_up(host);
	tell_change(host, host_settle);
	release_all(host);
	in_order(host, after ? "failed after" : "failed before", step, ret);
	steps_end();
	host_down(host);
}

/*
 * One call: forth fails, back works. Many in a row: back fails as well, and the
 * change says what stands. STALE is nothing's own meaning here; any code will do.
 */
static void fail_every_call(unsigned times, bool after)
{
	static const enum err_code codes[] = {ERR_TIMEOUT, ERR_DRIVER};
	const char *calls[MOST_STEPS] = {NULL};
	unsigned undone = 0, dirty = 0, n_failed = 0;
	struct expected found;
	struct host host;
	unsigned by = stride / 16 + 1; /* such a tale needs no process of its own */
	size_t n;

	host_init(&host, library, boards_, ARRAY_SIZE(boards_));
	n = count_calls(&host, calls);
	for (unsigned step = 1; step <= n; step += times > 1 ? 3 * by : by) {
		if (!steps_changes(calls[step]))
			continue;
		fail_from(&host, step, times, after, codes[step % ARRAY_SIZE(codes)], &found);
		n_failed++;
		undone += found.n_undone > 0;
		dirty += found.n_dirty > 0;
	}
	print_message("# %u of %zu calls failed, %u in a row: undone %u times, dirty %u\n",
		      n_failed, n, times, undone, dirty);
	if (by == 1 && times == 1 && !after)
		assert_true(undone > n_failed / 2 && !dirty);
	if (by == 1 && times > 9)
		assert_true(dirty > 0);
	host_done(&host);
}

static void test_calls_that_fail(void **state)
{
	(void)state;
	fail_every_call(1, false);
}

static void test_calls_that_fail_after_all(void **state)
{
	(void)state;
	fail_every_call(1, true);
}

static void test_many_that_fail(void **state)
{
	(void)state;
	fail_every_call(40, false);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_tale),
		cmocka_unit_test(test_killed_before),
		cmocka_unit_test(test_killed_after),
		cmocka_unit_test(test_calls_that_fail),
		cmocka_unit_test(test_calls_that_fail_after_all),
		cmocka_unit_test(test_many_that_fail),
	};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
