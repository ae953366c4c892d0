#include "../tap.h"

#include <math.h>
#include <string.h>

#include "base/array.h"
#include "sim/model.h"
#include "sim/service.h"

static const struct model_speed rows[] = {
	{"m", "g", "p", 1, 100, "test"},  /* 10 ms */
	{"m", "g", "p", 8, 400, "test"},  /* 20 ms */
	{"m", "g", "p", 32, 800, "test"}, /* 40 ms */
};
static const struct model_run run = {rows, ARRAY_SIZE(rows)};

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 + 1e-6 * fabs(b);
}

static void between_batches_lies_a_line(void **state)
{
	(void)state;
	assert_true(near(model_batch_s(&run, 1), 0.010));
	assert_true(near(model_batch_s(&run, 8), 0.020));
	assert_true(near(model_batch_s(&run, 20), 0.030));
	assert_true(near(model_batch_s(&run, 32), 0.040));
	assert_int_equal(model_max_batch(&run), 32);
}

static struct service play(double rate, unsigned batch, unsigned burst, double seconds,
			   double step_s)
{
	struct service service;
	struct err err = ERR_INIT;

	service_init(&service, &run, rate, batch, burst, 1);
	for (double t = step_s; t <= seconds; t += step_s)
		assert_int_equal(0, service_advance(&service, t, &err));
	service_done(&service);
	return service;
}

static void a_quiet_service_answers_at_once(void **state)
{
	struct service service = play(1, 1, 1, 1000, 1000);

	(void)state;
	assert_in_range(service.n_arrived, 900, 1100);
	assert_true(service_percentile_s(&service, 0.5) < 0.0103);
	assert_true(service_percentile_s(&service, 0.5) >= 0.01 - 1e-9);
}

static void overload_queues_and_serves_what_it_can(void **state)
{
	struct service service = play(200, 1, 1, 100, 100);

	(void)state;
	/* One at a time is 100 a second, whatever arrives. */
	assert_in_range(service.n_served, 9900, 10001);
	assert_true(service.n > 8000);
	assert_true(service_percentile_s(&service, 0.99) > 30);
}

static void batches_carry_more(void **state)
{
	struct service service = play(700, 32, 1, 100, 100);

	(void)state;
	assert_true(service.n < 200);
	assert_true(service_percentile_s(&service, 0.99) < 0.2);
	assert_true(service.n_batches < service.n_served / 8);
}

static void the_length_of_steps_changes_nothing(void **state)
{
	struct service one = play(300, 8, 4, 64, 64), many = play(300, 8, 4, 64, 0.125);

	(void)state;
	assert_int_equal(one.n_served, many.n_served);
	assert_int_equal(one.n_arrived, many.n_arrived);
	assert_memory_equal(one.buckets, many.buckets, sizeof(one.buckets));
}

static void the_queue_has_an_end(void **state)
{
	struct service service = play(100000, 1, 1000, 20, 20);

	(void)state;
	assert_true(service.n <= SERVICE_MAX_QUEUE);
	assert_true(service.n_turned_away > 0);
	assert_int_equal(service.n_arrived, service.n_served + service.n + service.n_turned_away);
}

static void figures_are_found_by_model_board_and_profile(void **state)
{
	const struct board *a100 = board_by_id("a100-sxm4-80gb"),
			   *h100 = board_by_id("h100-sxm5-80gb");
	const struct profile *small = board_profile_by_name(a100, "1g.10gb");
	const struct profile *big = board_profile_by_name(h100, "3g.40gb");
	const struct profile *doubled = board_profile_by_name(a100, "1g.20gb");
	struct model_run found;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(0, model_find("resnet50", a100, small, &found, &err));
	assert_int_equal(found.n, 3);
	assert_true(near(1 / model_batch_s(&found, 1), 196.762));
	assert_int_equal(0, model_find("resnet50", a100, big, &found, &err));
	assert_int_equal(model_find("resnet50", h100, big, &found, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.text, "resnet50 was not measured on h100-sxm5-80gb");
	assert_int_equal(model_find("resnet50", a100, doubled, &found, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.text, "resnet50 was not measured on 1g.20gb of a100-sxm4-80gb");
	assert_int_equal(model_find("resnet5", a100, small, &found, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.hint, "did you mean 'resnet50'?");
	assert_int_equal(model_find("llama", a100, small, &found, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.hint, "measured: bert, "));
}

static void every_row_makes_sense(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_model_speeds; i++) {
		bool first = !i || strcmp(model_speeds[i].model, model_speeds[i - 1].model) ||
			     strcmp(model_speeds[i].profile, model_speeds[i - 1].profile);

		/* Every series begins with single requests, so that a queue of one can be served. */
		if (first)
			assert_int_equal(model_speeds[i].batch, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(between_batches_lies_a_line),
		cmocka_unit_test(a_quiet_service_answers_at_once),
		cmocka_unit_test(overload_queues_and_serves_what_it_can),
		cmocka_unit_test(batches_carry_more),
		cmocka_unit_test(the_length_of_steps_changes_nothing),
		cmocka_unit_test(the_queue_has_an_end),
		cmocka_unit_test(figures_are_found_by_model_board_and_profile),
		cmocka_unit_test(every_row_makes_sense),
	};

	return tap_run(tests);
}
