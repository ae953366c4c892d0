#include "base/json.h"

#include <stdio.h>

/* DEL is the one control character that jansson lets through in ASCII. */
static int write_escaped(const char *bytes, size_t len, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < len; i++)
		if ((bytes[i] == 0x7f ? printf("\\u007f") : putchar(bytes[i])) < 0)
			return -1;
	return 0;
}

int json_print(json_t *take_json, struct err *err)
{
	int r;

	if (!take_json)
		return fail(err, ERR_NOMEM, "no memory for the answer");
	r = json_dump_callback(take_json, write_escaped, NULL,
			       JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
	json_decref(take_json);
	printf("\n");
	return r ? fail(err, ERR_IO, "cannot print the answer") : 0;
}

json_t *json_known(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : json_null();
}
