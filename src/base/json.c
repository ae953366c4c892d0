#include "base/json.h"

#include <stdio.h>

int json_print(json_t *take_json, struct err *err)
{
	int r;

	if (!take_json)
		return fail(err, ERR_NOMEM, "no memory for the answer");
	r = json_dumpf(take_json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(take_json);
	printf("\n");
	return r ? fail(err, ERR_IO, "cannot print the answer") : 0;
}

json_t *json_known(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : json_null();
}
