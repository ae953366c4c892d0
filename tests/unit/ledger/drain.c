/* Drains are kept until they are taken back, and none is twice. */
#include "ledger-test.h"

#include "ledger/ledger-drain.h"

static struct ledger_drain sample_drain(void)
{
	struct ledger_drain drain;

	memset(&drain, 0, sizeof(drain));
	strcpy(drain.gpu, GPU_UUID);
	drain.has_place = drain.has_deadline = drain.has_warned = drain.has_drained = true;
	drain.start = 4;
	drain.size = 2;
	strcpy(drain.profile, "2g.20gb");
	drain.uid = 1000;
	strcpy(drain.user, "ann");
	strcpy(drain.reason, "new fans");
	drain.since_s = 1700000000;
	drain.deadline_s = 1700007200;
	drain.warned_s = 1700003600;
	drain.drained_s = 1700007201;
	return drain;
}

struct found {
	size_t n;
	struct ledger_drain last;
};

static void take(const struct ledger_drain *drain, void *arg)
{
	struct found *found = arg;

	found->n++;
	memcpy(&found->last, drain, sizeof(*drain));
}

static struct found read_all(struct ledger *ledger)
{
	struct found found = {0};
	struct err err = ERR_INIT;

	assert_works(ledger_drains(ledger, take, &found, &err));
	return found;
}

static void what_is_written_is_read(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_drain drain = sample_drain(), whole;
	struct err err = ERR_INIT;
	struct found found;

	(void)state;
	memset(&whole, 0, sizeof(whole));
	strcpy(whole.gpu, GPU_UUID);
	strcpy(whole.user, "root");
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_drain_add(ledger, &drain, &err));
	assert_works(ledger_commit(ledger, &err));
	found = read_all(ledger);
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.last, &drain, sizeof(drain));
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_drain_add(ledger, &whole, &err));
	drain.has_deadline = false;
	drain.deadline_s = 0;
	assert_works(ledger_drain_update(ledger, &drain, &err));
	assert_works(ledger_commit(ledger, &err));
	found = read_all(ledger);
	assert_int_equal(found.n, 2);
	assert_memory_equal(&found.last, &whole, sizeof(whole));
}

static void none_is_twice(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_drain drain = sample_drain(), again = sample_drain();
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_drain_add(ledger, &drain, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_begin(ledger, &err));
	assert_fails(ledger_drain_add(ledger, &again, &err), ERR_INTERNAL, "UNIQUE");
	ledger_rollback(ledger);
	/* ... but again when it was taken back. */
	drain.has_ended = true;
	drain.ended_s = 1700008000;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_drain_update(ledger, &drain, &err));
	assert_works(ledger_drain_add(ledger, &again, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_int_equal(read_all(ledger).n, 1);
	assert_int_equal(read_all(ledger).last.id, again.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(none_is_twice),
	};

	return tap_run(tests);
}
