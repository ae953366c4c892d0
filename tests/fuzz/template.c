/*
 * Any bytes as a template: a mistake has printable words, and whatever is accepted is filled in:
 * what is filled in is never looked at again, and nothing else of it changes.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy-template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const values[TEMPLATE_NAME_COUNT] = {
		[TEMPLATE_USER] = "{class}", [TEMPLATE_TEXT] = "}{", [TEMPLATE_LEASE] = ""};
	cleanup(free) char *template = strndup((const char *)bytes, size);
	cleanup(text_done) struct text text = TEXT_INIT;
	struct err err = ERR_INIT;

	if (template_check(template, &err)) {
		assert(err.code == ERR_INVALID && err.text[0]);
		return 0;
	}
	assert(strlen(template) <= TEMPLATE_MAX);
	template_fill(template, values, &text);
	assert(!text_failed(&text) && text.len <= 2 * TEMPLATE_MAX);
	if (!strpbrk(template, "{}"))
		assert(!strcmp(template, text_str(&text)));
	return 0;
}
