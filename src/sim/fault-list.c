#include "sim/fault-list.h"

#include <stdio.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "base/text.h"
#include "sim/fault-words.h"

#define NS_PER_S 1000000000

static const char *const kind_names[] = {
	[WORLD_FAULT_CALL] = "call",
	[WORLD_FAULT_LOST] = "lost",
	[WORLD_FAULT_BUSY] = "busy",
	[WORLD_FAULT_SLOW] = "slow",
};

static bool is_armed(const struct world_fault *fault, int64_t now_ns)
{
	bool is_used_up =
		fault->kind == WORLD_FAULT_CALL && fault->times && fault->struck >= fault->times;

	return fault->id && !is_used_up && now_ns < fault->until_ns;
}

static const char *fail_name(const struct world_fault *fault, char *buf, size_t size)
{
	if (!fault_code_name(fault->fail, buf, size))
		snprintf(buf, size, "%d", fault->fail);
	return buf;
}

/* "nvmlDeviceGetCount_v2 fails in-use after its work, skips 2, 1 left" */
static void describe_call(const struct world_fault *fault, struct text *ret)
{
	char code[40];

	text_add(ret, fault->call);
	if (fault->hang_ms)
		text_addf(ret, " hangs %.3g s", fault->hang_ms / 1000.0);
	if (fault->kill)
		text_add(ret, " kills");
	else if (fault->fail)
		text_addf(ret, " fails %s", fail_name(fault, code, sizeof(code)));
	else if (fault->wrong)
		text_add(ret, " lies");
	if (fault->after)
		text_add(ret, " after its work");
	if (fault->seen < fault->skip)
		text_addf(ret, ", skips %llu", (unsigned long long)(fault->skip - fault->seen));
	if (fault->chance < 1)
		text_addf(ret, ", %g%% of calls", fault->chance * 100);
	if (fault->times)
		text_addf(ret, ", %llu left", (unsigned long long)(fault->times - fault->struck));
}

static void describe(const struct world_fault *fault, int64_t now_ns, struct text *ret)
{
	if (fault->kind == WORLD_FAULT_CALL)
		describe_call(fault, ret);
	if (fault->kind == WORLD_FAULT_SLOW)
		text_addf(ret, "x %g", fault->factor);
	if (fault->kind != WORLD_FAULT_CALL && fault->until_ns != WORLD_FOREVER)
		text_addf(ret, "%sfor %lld s", ret->len ? ", " : "",
			  (long long)((fault->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S));
}

static void add_row(struct table *table, const struct world_fault *fault, int64_t now_ns)
{
	cleanup(text_done) struct text what = TEXT_INIT;

	describe(fault, now_ns, &what);
	table_row(table);
	table_cell(table, "%u", fault->id);
	table_cell(table, "%s", kind_names[fault->kind]);
	if (fault->has_gpu && fault->has_gi)
		table_cell(table, "GPU %u GI %u", fault->gpu, fault->gi);
	else if (fault->has_gpu)
		table_cell(table, "GPU %u", fault->gpu);
	else
		table_cell(table, "all");
	table_cell(table, "%llu", (unsigned long long)fault->struck);
	table_cell(table, "%s", text_str(&what));
}

static int print_table(const struct world_state *state, struct err *err)
{
	static const struct table_column columns[] = {
		{"ID", true}, {"KIND", false}, {"WHERE", false}, {"STRUCK", true}, {"WHAT", false},
	};
	cleanup(table_free) struct table *table = table_new(columns, ARRAY_SIZE(columns));
	int64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++)
		if (is_armed(&state->faults[i], now_ns))
			add_row(table, &state->faults[i], now_ns);
	return table_print(table, err);
}

static json_t *fault_json(const struct world_fault *fault)
{
	bool is_call = fault->kind == WORLD_FAULT_CALL;

	return json_pack(
		"{s:i, s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:b, s:I, s:I, s:f, s:o, s:I, s:I}",
		"id", (int)fault->id, "kind", kind_names[fault->kind], "gpu",
		fault->has_gpu ? json_integer(fault->gpu) : json_null(), "gi",
		fault->has_gi ? json_integer(fault->gi) : json_null(), "call",
		is_call ? json_string(fault->call) : json_null(), "fail",
		is_call && fault->fail ? json_integer(fault->fail) : json_null(), "hang_ms",
		(json_int_t)fault->hang_ms, "kill", fault->kill, "wrong", fault->wrong, "after",
		fault->after, "skip", (json_int_t)fault->skip, "times", (json_int_t)fault->times,
		"chance", fault->chance, "factor",
		fault->kind == WORLD_FAULT_SLOW ? json_real(fault->factor) : json_null(), "seen",
		(json_int_t)fault->seen, "struck", (json_int_t)fault->struck);
}

static int print_json(const struct world_state *state, struct err *err)
{
	json_t *list = json_array();
	int64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++)
		if (is_armed(&state->faults[i], now_ns))
			json_array_append_new(list, fault_json(&state->faults[i]));
	return json_print(json_pack("{s:o}", "faults", list), err);
}

int fault_list_print(const struct world_state *state, bool json, struct err *err)
{
	return json ? print_json(state, err) : print_table(state, err);
}
