/* The backend that fails when told to: it fails exactly then, and before or after the work. */
#include "backend-test.h"

#include "backend-fault.h"

static void begin_fault(void)
{
	begin_backend(one_a100, 1, true);
	test_backend = backend_fault_open(test_backend);
}

static size_t count_instances(void)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct err err = ERR_INIT;
	size_t n = 99;

	assert_works(CALL(instances, found, &n));
	return n;
}

static void arm(const struct backend_fault_plan *plan)
{
	backend_fault_arm(test_backend, plan);
}

static void test_before_and_after(void **state)
{
	struct backend_fault_plan plan = {.call = 1, .code = ERR_BUSY};
	struct err err = ERR_INIT;
	unsigned gi = 99;

	(void)state;
	begin_fault();
	arm(&plan);
	assert_fails(CALL(gi_create, P1G, 0, 1, &gi), ERR_BUSY, "gi_create: made to fail");
	assert_string_equal(backend_fault_struck(test_backend), "gi_create");
	assert_int_equal(count_instances(), 0);
	plan.after = true;
	arm(&plan);
	assert_fails(CALL(gi_create, P1G, 0, 1, &gi), ERR_BUSY, "after it was done");
	assert_int_equal(count_instances(), 1);
	assert_int_equal(gi, 99); /* nobody was told */
	end_backend();
}

static void test_counting(void **state)
{
	const struct backend_fault_plan second = {.call = 2, .code = ERR_TIMEOUT, .changes = true};
	const struct backend_fault_plan twice = {.call = 1, .times = 2, .code = ERR_DRIVER};
	const struct backend_fault_plan none = {0};
	struct backend_event event;
	struct err err = ERR_INIT;
	unsigned gi;

	(void)state;
	begin_fault();
	arm(&second);
	assert_int_equal(count_instances(), 0); /* does not count */
	assert_works(CALL(gi_create, P1G, 0, 1, &gi));
	assert_fails(CALL(gi_create, P1G, 1, 1, &gi), ERR_TIMEOUT, "made to fail");
	assert_works(CALL(gi_create, P1G, 1, 1, &gi));
	assert_int_equal(backend_fault_calls(test_backend), 3);

	arm(&twice);
	assert_works(test_backend->ops->wait_event(test_backend, 0, &event, &err));
	assert_fails(CALL(gi_destroy, gi, P1G, 1), ERR_DRIVER, "gi_destroy");
	assert_fails(CALL(gi_destroy, gi, P1G, 1), ERR_DRIVER, "gi_destroy");
	assert_works(CALL(gi_destroy, gi, P1G, 1));

	arm(&none);
	assert_int_equal(count_instances(), 1);
	assert_int_equal(backend_fault_calls(test_backend), 1);
	assert_string_equal(backend_fault_struck(test_backend), "");
	end_backend();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_and_after),
		cmocka_unit_test(test_counting),
	};

	test_library = argc > 1 ? argv[1] : NULL;
	return tap_run(tests);
}
