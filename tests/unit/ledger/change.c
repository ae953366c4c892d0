/* Changes, their GPUs and steps, and layouts with names: what is written is what is read. */
#include "ledger-test.h"

#include "ledger/ledger-change.h"

struct found {
	size_t n;
	struct ledger_change change;
	struct ledger_change_gpu gpu;
	struct ledger_change_step step;
	struct ledger_wanted wanted;
	struct ledger_layout layout;
};

#define TAKE(name, type)                                                                           \
	static void take_##name(const struct type *row, void *arg)                                 \
	{                                                                                          \
		struct found *found = arg;                                                         \
                                                                                                   \
		found->name = *row;                                                                \
		found->n++;                                                                        \
	}
TAKE(change, ledger_change)
TAKE(gpu, ledger_change_gpu)
TAKE(step, ledger_change_step)
TAKE(wanted, ledger_wanted)
TAKE(layout, ledger_layout)

static struct ledger_change sample_change(void)
{
	return (struct ledger_change){
		.uid = 4294967295u,
		.user = "root",
		.wish = "gpu0=3g,2g@4",
		.reason = "the night shift",
		.state = CHANGE_WAITING,
		.wait = true,
		.has_not_before = true,
		.not_before_s = 5000000000,
		.asked_s = 7,
	};
}

static void test_changes(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_change first = sample_change(), second = sample_change();
	struct err err = ERR_INIT;
	struct found found = {0};

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_change_add(ledger, &first, &err));
	assert_works(ledger_change_add(ledger, &second, &err));
	first.state = CHANGE_DIRTY;
	first.has_began = first.has_ended = true;
	first.began_s = 8;
	first.ended_s = 9;
	snprintf(first.why, sizeof(first.why), "what stands");
	assert_works(ledger_change_update(ledger, &first, &err));
	assert_works(ledger_commit(ledger, &err));

	assert_works(ledger_changes(ledger, first.id, false, 0, take_change, &found, &err));
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.change, &first, sizeof(first));
	found.n = 0;
	assert_works(ledger_changes(ledger, -1, true, 0, take_change, &found, &err));
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.change, &second, sizeof(second));
	found.n = 0;
	assert_works(ledger_changes(ledger, -1, false, 0, take_change, &found, &err));
	assert_int_equal(found.n, 2);
	found.n = 0;
	assert_works(ledger_changes(ledger, -1, false, 1, take_change, &found, &err));
	assert_int_equal(found.n, 1);
	assert_int_equal(found.change.id, second.id);
}

static void test_parts_and_steps(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_change change = sample_change();
	struct ledger_instance instance = sample_instance();
	struct ledger_change_gpu gpu = {.gpu = GPU_UUID, .wish = "3g,2g"};
	struct ledger_change_step step = {
		.n = 1,
		.gpu = GPU_UUID,
		.kind = STEP_CREATE,
		.has_place = true,
		.profile_id = 9,
		.start = 4,
		.profile = "3g.40gb",
	};
	struct err err = ERR_INIT;
	struct found found = {0};

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_change_add(ledger, &change, &err));
	assert_works(ledger_instance_add(ledger, &instance, &err));
	gpu.change = step.change = change.id;
	assert_works(ledger_change_gpu_add(ledger, &gpu, &err));
	assert_works(ledger_change_step_add(ledger, &step, &err));
	snprintf(gpu.was, sizeof(gpu.was), "empty");
	snprintf(gpu.goal, sizeof(gpu.goal), "3g@0,2g@4");
	step.state = STEP_STATE_FAILED;
	step.back = step.has_instance = step.has_began = step.has_ended = true;
	step.instance = instance.id;
	step.began_s = 3;
	step.ended_s = 4;
	snprintf(step.why, sizeof(step.why), "no room");
	assert_works(ledger_change_gpu_update(ledger, &gpu, &err));
	assert_works(ledger_change_step_update(ledger, &step, &err));
	assert_works(ledger_commit(ledger, &err));

	assert_works(ledger_change_gpus(ledger, change.id, take_gpu, &found, &err));
	assert_works(ledger_change_steps(ledger, change.id, take_step, &found, &err));
	assert_int_equal(found.n, 2);
	assert_memory_equal(&found.gpu, &gpu, sizeof(gpu));
	assert_memory_equal(&found.step, &step, sizeof(step));

	/* Two steps of one number would be one too many. */
	assert_works(ledger_begin(ledger, &err));
	assert_fails(ledger_change_step_add(ledger, &step, &err), ERR_INTERNAL, "UNIQUE");
	ledger_rollback(ledger);
}

static void test_wanted_and_layouts(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_change change = sample_change();
	struct ledger_wanted wanted = {.gpu = GPU_UUID, .mig = true, .since_s = 5};
	struct ledger_layout night = {.name = "night", .words = "gpu0=7g", .user = "root"};
	struct err err = ERR_INIT;
	struct found found = {0};

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_change_add(ledger, &change, &err));
	wanted.change = change.id;
	assert_works(ledger_wanted_put(ledger, &wanted, &err));
	wanted.mig = false;
	assert_works(ledger_wanted_put(ledger, &wanted, &err));
	assert_works(ledger_layout_put(ledger, &night, &err));
	snprintf(night.words, sizeof(night.words), "gpu0=7x1g");
	assert_works(ledger_layout_put(ledger, &night, &err));
	assert_works(ledger_commit(ledger, &err));

	assert_works(ledger_wanted(ledger, take_wanted, &found, &err));
	assert_works(ledger_layouts(ledger, NULL, take_layout, &found, &err));
	assert_int_equal(found.n, 2);
	assert_memory_equal(&found.wanted, &wanted, sizeof(wanted));
	assert_memory_equal(&found.layout, &night, sizeof(night));
	found.n = 0;
	assert_works(ledger_layouts(ledger, "day", take_layout, &found, &err));
	assert_int_equal(found.n, 0);

	assert_works(ledger_begin(ledger, &err));
	assert_fails(ledger_layout_delete(ledger, "day", &err), ERR_NOT_FOUND, "'day'");
	assert_works(ledger_layout_delete(ledger, "night", &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_layouts(ledger, NULL, take_layout, &found, &err));
	assert_int_equal(found.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_parts_and_steps),
		cmocka_unit_test(test_wanted_and_layouts),
	};

	return tap_run(tests);
}
