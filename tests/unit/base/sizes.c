#include "../tap.h"

#include "base/sizes.h"

static void test_sizes(void **state)
{
	static const struct {
		const char *in;
		uint64_t bytes;
	} good[] = { { "0", 0 },	      { "4096", 4096 },	      { "6GiB", 6ull << 30 },
		     { "6 gib", 6ull << 30 }, { "1.5G", 3ull << 29 }, { "1GB", 1000000000 },
		     { "512M", 512ull << 20 } };
	static const char *const bad[] = { "", "-1", "GiB", "6 apples", "1e99T", "nan", "0x10", "inf", " 6" };
	uint64_t bytes;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(size_parse(good[i].in, &bytes, &err), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(size_parse(bad[i], &bytes, &err), -ERR_INVALID);
}

static void test_durations(void **state)
{
	static const struct {
		const char *in;
		int64_t seconds;
	} good[] = { { "90", 90 }, { "15m", 900 }, { "1h30m", 5400 }, { "2d", 172800 }, { "1w", 604800 }, { "2y", 63072000 }, { "0s", 0 }, { "1h 5m", 3900 } };
	static const char *const bad[] = { "", "-4h", "4x", "h", "30m1h", "1h30", "5h5h", "1e30d", "99999w" };
	int64_t seconds;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(duration_parse(good[i].in, &seconds, &err), 0);
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(duration_parse(bad[i], &seconds, &err), -ERR_INVALID);
}

static void test_shares_and_numbers(void **state)
{
	int64_t number;
	double share;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(share_parse("60%", &share, &err), 0);
	assert_float_equal(share, 0.6, 1e-9);
	assert_int_equal(share_parse("0.25", &share, &err), 0);
	assert_int_equal(share_parse("160%", &share, &err), -ERR_INVALID);
	assert_int_equal(share_parse("a lot", &share, &err), -ERR_INVALID);
	assert_int_equal(number_parse("12", "count", 0, 16, &number, &err), 0);
	assert_int_equal(number, 12);
	assert_int_equal(number_parse("17", "count", 0, 16, &number, &err), -ERR_INVALID);
	assert_int_equal(number_parse("1x", "count", 0, 16, &number, &err), -ERR_INVALID);
	assert_int_equal(number_parse(" 1", "count", 0, 16, &number, &err), -ERR_INVALID);
}

static void test_formats(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(size_format(buf, sizeof(buf), 0), "0 B");
	assert_string_equal(size_format(buf, sizeof(buf), 6ull << 30), "6 GiB");
	assert_string_equal(size_format(buf, sizeof(buf), 39ull * 1024 * 1024 * 1024 + (1ull << 29)), "39.5 GiB");
	assert_string_equal(duration_format(buf, sizeof(buf), 5400), "1h 30m");
	assert_string_equal(duration_format(buf, sizeof(buf), 14400), "4h");
	assert_string_equal(duration_format(buf, sizeof(buf), 0), "0s");
	assert_string_equal(duration_format(buf, sizeof(buf), -61), "-1m 1s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_shares_and_numbers),
		cmocka_unit_test(test_formats),
	};

	return tap_run(tests);
}
