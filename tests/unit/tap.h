/*
 * tap.h - what every unit test includes: cmocka, with TAP as its output
 *
 *	int main(void)
 *	{
 *		const struct CMUnitTest tests[] = { cmocka_unit_test(...), };
 *		return tap_run(tests);
 *	}
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#undef fail /* base/err.h has its own; use fail_msg() in tests */
#undef fail_msg
#define fail_msg(...)                                      \
	do {                                               \
		print_error(__VA_ARGS__);                  \
		print_error("\n");                         \
		_fail(__FILE__, __LINE__);                 \
	} while (0)

#define tap_run(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))
