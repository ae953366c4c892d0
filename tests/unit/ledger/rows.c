/* What is written is what is read, and only what was asked for. */
#include "ledger-test.h"

#include <sqlite3.h>

#include "base/array.h"
#include "ledger/ledger-db.h"

struct found {
	size_t n;
	struct ledger_gpu gpu;
	struct ledger_instance instance;
	bool has_instance;
	struct ledger_lease lease;
	char ids[128]; /* "1 2 5" */
};

static void note_id(struct found *found, int64_t id)
{
	size_t len = strlen(found->ids);

	snprintf(found->ids + len, sizeof(found->ids) - len, "%s%lld", len ? " " : "",
		 (long long)id);
	found->n++;
}

static void take_gpu(const struct ledger_gpu *gpu, void *arg)
{
	struct found *found = arg;

	found->n++;
	memcpy(&found->gpu, gpu, sizeof(*gpu));
}

static void take_instance(const struct ledger_instance *instance, void *arg)
{
	struct found *found = arg;

	memcpy(&found->instance, instance, sizeof(*instance));
	note_id(found, instance->id);
}

static void take_lease(const struct ledger_lease *lease, const struct ledger_instance *instance,
		       void *arg)
{
	struct found *found = arg;

	memcpy(&found->lease, lease, sizeof(*lease));
	found->has_instance = instance != NULL;
	if (instance)
		memcpy(&found->instance, instance, sizeof(*instance));
	note_id(found, lease->id);
}

static void test_gpu(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_gpu gpu = sample_gpu(), bare;
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_gpus(ledger, take_gpu, &found, &err));
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.gpu, &gpu, sizeof(gpu));

	/* Seen again: all is new but when it was first seen. */
	memset(&bare, 0, sizeof(bare));
	strcpy(bare.uuid, GPU_UUID);
	bare.first_seen_s = bare.last_seen_s = 9000;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_gpu_seen(ledger, &bare, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_gpus(ledger, take_gpu, &found, &err));
	bare.first_seen_s = gpu.first_seen_s;
	assert_int_equal(found.n, 2);
	assert_memory_equal(&found.gpu, &bare, sizeof(bare));
}

static void test_instance(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_instance instance = sample_instance();
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_instance_add(ledger, &instance, &err));
	assert_int_equal(instance.id, 1);
	assert_works(ledger_instances(ledger, take_instance, &found, &err));
	assert_memory_equal(&found.instance, &instance, sizeof(instance));

	instance.has_gi = instance.has_ci = instance.has_gone = instance.adopted = false;
	instance.gi = instance.ci = 0;
	instance.gone_s = 0;
	memset(instance.mig_uuid, 0, sizeof(instance.mig_uuid));
	memset(instance.why, 0, sizeof(instance.why));
	for (unsigned i = 0; i < INSTANCE_STATE_COUNT; i++) {
		bool live = i != INSTANCE_GONE;

		instance.state = i;
		found = (struct found){0};
		assert_works(ledger_instance_update(ledger, &instance, &err));
		assert_works(ledger_instances(ledger, take_instance, &found, &err));
		assert_int_equal(found.n, live);
		if (live)
			assert_memory_equal(&found.instance, &instance, sizeof(instance));
	}
	assert_works(ledger_commit(ledger, &err));
}

static void test_lease(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_instance instance = sample_instance();
	struct ledger_lease lease = sample_lease();
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_instance_add(ledger, &instance, &err));
	lease.has_instance = true;
	lease.instance = instance.id;
	assert_works(ledger_lease_add(ledger, &lease, &err));
	assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, take_lease, &found, &err));
	assert_memory_equal(&found.lease, &lease, sizeof(lease));
	assert_memory_equal(&found.instance, &instance, sizeof(instance));

	memset(&lease, 0, sizeof(lease));
	lease.id = 1;
	strcpy(lease.user, "ben");
	strcpy(lease.team, "t");
	strcpy(lease.class_name, "c");
	for (unsigned i = 0; i < LEASE_STATE_COUNT; i++) {
		lease.state = i;
		lease.approval = i == LEASE_REQUESTED ? APPROVAL_WAITING : i % APPROVAL_COUNT;
		if (i != LEASE_REQUESTED && lease.approval == APPROVAL_WAITING)
			lease.approval = APPROVAL_NONE;
		assert_works(ledger_lease_update(ledger, &lease, &err));
		assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, take_lease, &found, &err));
		assert_memory_equal(&found.lease, &lease, sizeof(lease));
		assert_false(found.has_instance);
	}
	assert_works(ledger_commit(ledger, &err));
}

static void same_text(const char *a, const char *b)
{
	assert_true(!a == !b);
	if (a)
		assert_string_equal(a, b);
}

/* The struct has no char arrays, so it cannot be compared as bytes. */
static void check_event(const struct ledger_event *event, void *arg)
{
	const struct ledger_event *want = (*(const struct ledger_event **)arg)++;

	assert_int_equal(event->time_s, want->time_s);
	assert_int_equal(event->has_uid, want->has_uid);
	assert_int_equal(event->has_lease, want->has_lease);
	assert_int_equal(event->has_start, want->has_start);
	assert_int_equal(event->uid, want->uid);
	assert_int_equal(event->lease, want->lease);
	assert_int_equal(event->start, want->start);
	same_text(event->kind, want->kind);
	same_text(event->user, want->user);
	same_text(event->team, want->team);
	same_text(event->class_name, want->class_name);
	same_text(event->gpu, want->gpu);
	same_text(event->profile, want->profile);
	same_text(event->mig_uuid, want->mig_uuid);
	same_text(event->by, want->by);
	same_text(event->rule, want->rule);
	same_text(event->text, want->text);
}

static void test_event(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_event events[] = {sample_event(), {.time_s = 78, .kind = "started"}};
	const struct ledger_event *next = events;
	struct ledger_lease lease = sample_lease();
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_lease_add(ledger, &lease, &err));
	assert_works(ledger_event_add(ledger, &events[0], &err));
	assert_works(ledger_event_add(ledger, &events[1], &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, check_event, &next, &err));
	assert_ptr_equal(next, events + 2);
}

/* ---- filters ---- */

static void add_lease(struct ledger *ledger, uid_t uid, const char *user, const char *team,
		      const char *class_name, enum lease_state state, int64_t ended_s)
{
	struct ledger_lease lease = {
		.uid = uid, .state = state, .has_ended = ended_s > 0, .ended_s = ended_s};
	struct err err = ERR_INIT;

	strcpy(lease.user, user);
	strcpy(lease.team, team);
	strcpy(lease.class_name, class_name);
	assert_works(ledger_lease_add(ledger, &lease, &err));
}

#define ANY .id = -1, .uid = -1, .since_s = -1

static void test_lease_filters(void **state)
{
	static const struct {
		const char *what;
		struct ledger_lease_filter filter;
		const char *ids;
	} cases[] = {
		{"all, newest last", {ANY}, "1 2 3 4"},
		{"live", {ANY, .live = true}, "2 3"},
		{"by id", {.id = 3, .uid = -1, .since_s = -1}, "3"},
		{"by uid", {.id = -1, .uid = 10, .since_s = -1}, "1 3"},
		{"by user", {ANY, .user = "ben"}, "2 4"},
		{"by team", {ANY, .team = "red"}, "1 2"},
		{"by class", {ANY, .class_name = "full"}, "4"},
		{"not ended before", {.id = -1, .uid = -1, .since_s = 200}, "2 3 4"},
		{"the newest two", {ANY, .limit = 2}, "3 4"},
		{"the newest of a user", {ANY, .user = "ann", .limit = 1}, "3"},
		{"the newest before one", {ANY, .before_id = 4, .limit = 2}, "2 3"},
		{"live ones of a team, limited",
		 {ANY, .live = true, .team = "red", .limit = 9},
		 "2"},
		{"nobody", {ANY, .user = "' OR 1=1 --"}, ""},
	};
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	add_lease(ledger, 10, "ann", "red", "small", LEASE_ENDED, 100);
	add_lease(ledger, 11, "ben", "red", "small", LEASE_ACTIVE, 0);
	add_lease(ledger, 10, "ann", "blue", "small", LEASE_QUEUED, 0);
	add_lease(ledger, 11, "ben", "blue", "full", LEASE_ENDED, 200);
	assert_works(ledger_commit(ledger, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct found found = {0};

		assert_works(ledger_leases(ledger, &cases[i].filter, take_lease, &found, &err));
		if (strcmp(found.ids, cases[i].ids) != 0)
			fail_msg("%s: wanted '%s', got '%s'", cases[i].what, cases[i].ids,
				 found.ids);
	}
}

static void take_event(const struct ledger_event *event, void *arg)
{
	note_id(arg, event->id);
}

static void test_event_filters(void **state)
{
	static const struct {
		const char *what;
		struct ledger_event_filter filter;
		const char *ids;
	} cases[] = {
		{"all, oldest first", {NULL, NULL, -1, -1, -1, 0}, "1 2 3 4"},
		{"by user", {"ann", NULL, -1, -1, -1, 0}, "1 3"},
		{"by GPU", {NULL, "GPU-b", -1, -1, -1, 0}, "2 3"},
		{"by lease", {NULL, NULL, 1, -1, -1, 0}, "4"},
		{"since", {NULL, NULL, -1, 20, -1, 0}, "2 3 4"},
		{"after an id", {NULL, NULL, -1, -1, 3, 0}, "4"},
		{"the newest two", {NULL, NULL, -1, -1, -1, 2}, "3 4"},
		{"all at once", {"ann", "GPU-b", -1, 10, 1, 5}, "3"},
	};
	const struct ledger_event events[] = {
		{.time_s = 10, .kind = "k", .user = "ann", .gpu = "GPU-a"},
		{.time_s = 20, .kind = "k", .user = "ben", .gpu = "GPU-b"},
		{.time_s = 30, .kind = "k", .user = "ann", .gpu = "GPU-b"},
		{.time_s = 40, .kind = "k", .has_lease = true, .lease = 1},
	};
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	add_lease(ledger, 10, "ann", "red", "small", LEASE_QUEUED, 0);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		assert_works(ledger_event_add(ledger, &events[i], &err));
	assert_works(ledger_commit(ledger, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct found found = {0};

		assert_works(ledger_events(ledger, &cases[i].filter, take_event, &found, &err));
		if (strcmp(found.ids, cases[i].ids) != 0)
			fail_msg("%s: wanted '%s', got '%s'", cases[i].what, cases[i].ids,
				 found.ids);
	}
}

/* ---- transactions, refusals, hostile texts ---- */

static size_t count_leases(struct ledger *ledger)
{
	struct found found = {0};
	struct err err = ERR_INIT;

	assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, take_lease, &found, &err));
	return found.n;
}

static void test_transactions(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_lease lease = sample_lease();
	struct err err = ERR_INIT;

	(void)state;
	assert_fails(ledger_lease_add(ledger, &lease, &err), ERR_INTERNAL, "outside a transaction");
	assert_fails(ledger_commit(ledger, &err), ERR_INTERNAL, "outside a transaction");

	assert_works(ledger_begin(ledger, &err));
	assert_fails(ledger_begin(ledger, &err), ERR_INTERNAL, "within a transaction");
	assert_works(ledger_lease_add(ledger, &lease, &err));
	assert_int_equal(count_leases(ledger), 1);
	ledger_rollback(ledger);
	assert_int_equal(count_leases(ledger), 0);

	/* One write fails: nothing of the transaction stays. */
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_lease_add(ledger, &lease, &err));
	lease.id = 99;
	assert_fails(ledger_lease_update(ledger, &lease, &err), ERR_NOT_FOUND, "lease 99");
	assert_fails(ledger_commit(ledger, &err), ERR_NOT_FOUND, "lease 99");
	assert_int_equal(count_leases(ledger), 0);
	assert_works(ledger_probe(ledger, &err));
}

static void no_state(struct ledger_lease *lease)
{
	lease->state = LEASE_STATE_COUNT;
}

static void no_user(struct ledger_lease *lease)
{
	lease->user[0] = '\0';
}

static void negative_time(struct ledger_lease *lease)
{
	lease->time_s = -1;
}

static void strange_instance(struct ledger_lease *lease)
{
	lease->has_instance = true;
	lease->instance = 4711;
}

static void huge_pid_start(struct ledger_lease *lease)
{
	lease->pid_start = UINT64_MAX;
}

static void zero_pid(struct ledger_lease *lease)
{
	lease->pid = 0;
}

static void test_impossible_rows(void **state)
{
	static void (*const spoil[])(struct ledger_lease * lease) = {
		no_state, no_user, negative_time, strange_instance, huge_pid_start, zero_pid,
	};
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_instance twice = sample_instance();
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		struct ledger_lease lease = sample_lease();

		spoil[i](&lease);
		assert_works(ledger_begin(ledger, &err));
		assert_fails(ledger_lease_add(ledger, &lease, &err), ERR_INTERNAL, "ledger");
		ledger_rollback(ledger);
	}
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_instance_add(ledger, &twice, &err));
	assert_fails(ledger_instance_add(ledger, &twice, &err), ERR_INTERNAL, "UNIQUE");
	ledger_rollback(ledger);
	assert_int_equal(count_leases(ledger), 0);
}

static void test_events_stay(void **state)
{
	static const char *const attempts[] = {
		"UPDATE event SET user = 'ben'",
		"UPDATE event SET id = 7",
		"DELETE FROM event",
		"DELETE FROM event WHERE id = 1",
		"REPLACE INTO event(id, time_s, kind) VALUES(1, 0, 'x')",
		"INSERT INTO event(id, time_s, kind) VALUES(1, 0, 'x') ON CONFLICT DO UPDATE SET "
		"kind = 'y'",
	};
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct ledger_event event = {.time_s = 1, .kind = "granted", .user = "ann"};
	const struct ledger_event *want = &event;
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(ledger_commit(ledger, &err));
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		char *said = NULL;

		assert_int_not_equal(sqlite3_exec(ledger->db, attempts[i], NULL, NULL, &said),
				     SQLITE_OK);
		assert_string_equal(said, "events are append-only");
		sqlite3_free(said);
	}
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, check_event, &want, &err));
	assert_ptr_equal(want, &event + 1);
}

static void take_text(const struct ledger_event *event, void *arg)
{
	snprintf(arg, 1024, "%s", event->text);
}

static void test_hostile_texts(void **state)
{
	static const struct {
		const char *text, *stored;
	} cases[] = {
		{"'); DROP TABLE event; --", "'); DROP TABLE event; --"},
		{"\x1b[2Jhello\x07", "?[2Jhello?"},
		{"two\nlines\tand a tab", "two lines and a tab"},
		{"broken \xff\xc3, utf-8", "broken ??, utf-8"},
		{"right \xe2\x80\xae to left", "right ? to left"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"%s%n", "%s%n"},
	};
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	struct err err = ERR_INIT;
	char got[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ledger_event event = {.kind = "k", .text = cases[i].text};

		assert_works(ledger_begin(ledger, &err));
		assert_works(ledger_event_add(ledger, &event, &err));
		assert_works(ledger_commit(ledger, &err));
		assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, take_text, got, &err));
		assert_string_equal(got, cases[i].stored);
	}
}

/* 40 times "é" and a letter in front: the cut at 32 bytes would split one. */
static void test_cut_between_characters(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	char user[100] = "x", want[40] = "x";
	struct ledger_event event = {.kind = "k", .user = user};
	struct ledger_event stored = {.kind = "k", .user = want};
	const struct ledger_event *next = &stored;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(user, "\xc3\xa9");
	for (int i = 0; i < 15; i++)
		strcat(want, "\xc3\xa9");
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, check_event, &next, &err));
	assert_ptr_equal(next, &stored + 1);
}

static void ask_again(const struct ledger_event *event, void *arg)
{
	struct ledger *ledger = arg;
	struct found found = {0};
	struct err err = ERR_INIT;

	(void)event;
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, take_event, &found, &err));
	assert_int_equal(found.n, 2);
}

static void test_questions_within_questions(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	const struct ledger_event event = {.kind = "k"};
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, ask_again, ledger, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gpu),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_lease_filters),
		cmocka_unit_test(test_event_filters),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_impossible_rows),
		cmocka_unit_test(test_events_stay),
		cmocka_unit_test(test_hostile_texts),
		cmocka_unit_test(test_cut_between_characters),
		cmocka_unit_test(test_questions_within_questions),
	};

	return tap_run(tests);
}
