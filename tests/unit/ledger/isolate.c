/* Nodes and places are kept as they were written, by their path. */
#include "ledger-test.h"

#include "ledger/ledger-isolate.h"

struct found {
	size_t n;
	struct ledger_node node;
	struct ledger_place place;
};

static void take_node(const void *row, void *arg)
{
	struct found *found = arg;

	found->node = *(const struct ledger_node *)row;
	found->n++;
}

static void take_place(const void *row, void *arg)
{
	struct found *found = arg;

	found->place = *(const struct ledger_place *)row;
	found->n++;
}

static void nodes(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_node node = {.path = "/dev/nvidia0",
				   .gpu = "GPU-1",
				   .device = UINT64_C(195) << 8 | 3,
				   .gid = 44,
				   .mode = 0660};
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ledger_node_put(ledger, &node, &err), -ERR_INTERNAL);
	assert_int_equal(ledger_begin(ledger, &err), 0);
	assert_int_equal(ledger_node_put(ledger, &node, &err), 0);
	snprintf(node.acl, sizeof(node.acl), "u::rw-,g::---,o::---");
	assert_int_equal(ledger_node_put(ledger, &node, &err), 0);
	assert_int_equal(ledger_commit(ledger, &err), 0);
	assert_int_equal(ledger_nodes(ledger, take_node, &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.node, &node, sizeof(node));
	assert_int_equal(ledger_begin(ledger, &err), 0);
	assert_int_equal(ledger_node_forget(ledger, "/dev/nvidia1", &err), 0);
	assert_int_equal(ledger_node_forget(ledger, "/dev/nvidia0", &err), 0);
	assert_int_equal(ledger_commit(ledger, &err), 0);
	assert_int_equal(ledger_nodes(ledger, take_node, &found, &err), 0);
	assert_int_equal(found.n, 1);
}

static void places(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_place place = {.lease = 12, .kind = PLACE_CDI};
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)state;
	memset(place.path, 'x', sizeof(place.path) - 1);
	assert_int_equal(ledger_begin(ledger, &err), 0);
	assert_int_equal(ledger_place_add(ledger, &place, &err), 0);
	assert_int_equal(ledger_commit(ledger, &err), 0);
	assert_int_equal(ledger_places(ledger, take_place, &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.place, &place, sizeof(place));
	assert_int_equal(ledger_begin(ledger, &err), 0);
	assert_int_equal(ledger_place_forget(ledger, place.path, &err), 0);
	assert_int_equal(ledger_commit(ledger, &err), 0);
	assert_int_equal(ledger_places(ledger, take_place, &found, &err), 0);
	assert_int_equal(found.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(places),
	};

	return tap_run(tests);
}
