/* What was recorded is said again, to whoever asks the same; others hear what was expected. */
#include "backend-test.h"

#include "base/file.h"

static const char *const two[] = {A100, A30};

static char folder[64], path[96];

static void begin_files(void)
{
	snprintf(folder, sizeof(folder), "/tmp/carve-record-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/recording", folder);
}

static void end_files(void)
{
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

/* All that a story heard. */
struct heard {
	struct backend_driver driver;
	struct backend_event event;
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	struct backend_instance before[BACKEND_MAX_INSTANCES], after[BACKEND_MAX_INSTANCES];
	size_t n_gpus, n_profiles, n_before, n_after, n_processes;
	unsigned gi, ci, second;
	bool pending;
	struct backend_process process;
	struct err no_room, stale; /* last: compared as texts */
};

/* Every operation, two of them refused. */
static void tell_story(struct backend *backend, struct heard *heard)
{
	const struct backend_ops *ops = backend->ops;
	struct backend_process *processes;
	const char *a100, *a30;
	struct err err = ERR_INIT;

	memset(heard, 0, sizeof(*heard));
	assert_works(ops->driver(backend, &heard->driver, &err));
	assert_works(ops->gpus(backend, heard->gpus, &heard->n_gpus, &err));
	a100 = heard->gpus[0].uuid;
	a30 = heard->gpus[1].uuid;
	assert_works(ops->wait_event(backend, 0, &heard->event, &err));
	assert_works(ops->profiles(backend, a30, heard->profiles, &heard->n_profiles, &err));
	assert_works(ops->set_mig(backend, a30, false, &heard->pending, &err));
	assert_works(ops->gi_create(backend, a100, P3G, 0, 4, &heard->gi, &err));
	assert_works(ops->ci_create(backend, a100, heard->gi, C3, &heard->ci, &err));
	assert_int_equal(ops->gi_create(backend, a100, P3G, 0, 4, &heard->second, &heard->no_room),
			 -ERR_NO_ROOM);
	assert_works(ops->instances(backend, a100, heard->before, &heard->n_before, &err));
	assert_works(ops->processes(backend, a100, &processes, &heard->n_processes, &err));
	if (heard->n_processes)
		heard->process = processes[0];
	free(processes);
	assert_int_equal(ops->gi_destroy(backend, a100, heard->gi, P1G, 0, &heard->stale),
			 -ERR_STALE);
	assert_works(ops->ci_destroy(backend, a100, heard->gi, P3G, 0, heard->ci, &err));
	assert_works(ops->gi_destroy(backend, a100, heard->gi, P3G, 0, &err));
	assert_works(ops->instances(backend, a100, heard->after, &heard->n_after, &err));
}

static void record_story(struct heard *heard)
{
	struct err err = ERR_INIT;

	begin_files();
	begin_backend(two, 2, true);
	assert_works(backend_record_open(steal(test_backend), path, &test_backend, &err));
	tell_story(test_backend, heard);
	end_backend();
}

static void test_said_again(void **state)
{
	static struct heard first, second;
	struct backend *replay = NULL;
	struct backend_driver driver;
	struct err err = ERR_INIT;

	(void)state;
	record_story(&first);
	assert_int_equal(first.n_before, 1);
	assert_int_equal(first.before[0].n_cis, 1);
	assert_int_equal(first.n_after, 0);
	assert_works(backend_replay_open(path, &replay, &err));
	tell_story(replay, &second);
	assert_memory_equal(&first, &second, offsetof(struct heard, no_room));
	assert_string_equal(first.no_room.text, second.no_room.text);
	assert_string_equal(first.stale.text, second.stale.text);
	assert_fails(replay->ops->driver(replay, &driver, &err), ERR_STALE, "is at its end");
	backend_close(replay);
	end_files();
}

/* Other threads, another order: only the order of each GPU's calls counts. */
static void test_order_of_each_gpu(void **state)
{
	static struct heard first;
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	struct backend *replay = NULL;
	struct backend_event event;
	struct err err = ERR_INIT;
	unsigned gi = 99;
	bool pending;
	size_t n;

	(void)state;
	record_story(&first);
	assert_works(backend_replay_open(path, &replay, &err));
	assert_works(replay->ops->gi_create(replay, first.gpus[0].uuid, P3G, 0, 4, &gi, &err));
	assert_int_equal(gi, first.gi);
	assert_works(replay->ops->wait_event(replay, 0, &event, &err));
	assert_fails(replay->ops->set_mig(replay, first.gpus[1].uuid, false, &pending, &err),
		     ERR_STALE, "expected was profiles {\"gpu\":\"GPU-");
	assert_works(replay->ops->profiles(replay, first.gpus[1].uuid, profiles, &n, &err));
	assert_works(replay->ops->set_mig(replay, first.gpus[1].uuid, false, &pending, &err));
	backend_close(replay);
	end_files();
}

static void test_other_arguments(void **state)
{
	static struct heard first;
	struct backend *replay = NULL;
	struct err err = ERR_INIT;
	unsigned gi = 99;

	(void)state;
	record_story(&first);
	assert_works(backend_replay_open(path, &replay, &err));
	assert_fails(replay->ops->gi_create(replay, first.gpus[0].uuid, P3G, 4, 4, &gi, &err),
		     ERR_STALE, "\"start\":0,");
	assert_non_null(strstr(err.text, "\"start\":4,"));
	assert_non_null(strstr(err.text, "line 7"));
	assert_int_equal(gi, 99);
	assert_fails(replay->ops->gi_create(replay, "GPU-of-nobody", P3G, 0, 4, &gi, &err),
		     ERR_STALE, "is at its end");
	backend_close(replay);
	end_files();
}

#define HEAD	    "{\"recording\":1,\"carve\":\"0\"}\n"
#define EVENT(rest) HEAD "{\"call\":\"wait_event\",\"ask\":{\"timeout_ms\":5}," rest "}\n"

static void test_bad_recordings(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "line 1: column"},
		{"hello\n", "line 1: column 5"},
		{"{}\n", "no recording"},
		{"{\"recording\":2}\n", "version 2, this carve knows 1"},
		{HEAD "\n", "line 2: column"},
		{HEAD "[]\n", "no such call"},
		{HEAD "{\"call\":\"reboot\",\"ask\":{},\"answer\":{}}\n", "no such call"},
		{HEAD "{\"call\":\"driver\",\"call\":\"gpus\"}\n", "duplicate"},
		{HEAD "{\"call\":\"gpus\",\"ask\":{}}\n", "answer or error"},
		{HEAD "{\"call\":\"gpus\",\"ask\":{},\"answer\":{}}\n", "'gpus' is missing"},
		{HEAD "{\"call\":\"gpus\",\"ask\":{},\"answer\":{\"gpus\":7}}\n", "at most 32"},
		{HEAD "{\"call\":\"gpus\",\"ask\":{},\"answer\":{\"gpus\":[7]}}\n",
		 "'index' is missing"},
		{HEAD "{\"call\":\"gpus\",\"ask\":{\"x\":1},\"answer\":{\"gpus\":[]}}\n",
		 "more than belongs"},
		{EVENT("\"error\":{\"code\":\"tired\",\"text\":\"\",\"hint\":\"\"}"), "'tired'"},
		{EVENT("\"error\":{\"code\":\"ok\",\"text\":\"\",\"hint\":\"\"}"), "'ok'"},
		{EVENT("\"error\":{\"code\":\"busy\"}"), "code, text and hint"},
		{EVENT("\"answer\":{\"kind\":\"party\"}"), "'kind' is not"},
		{EVENT("\"answer\":{\"kind\":\"mig\",\"gpu\":\"a\",\"xid\":0,\"gi\":4294967296,"
		       "\"ci\":0}"),
		 "'gi' is not"},
	};
	struct backend *replay = NULL;
	struct err err = ERR_INIT;

	(void)state;
	begin_files();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_works(
			file_write_atomic(path, cases[i].text, strlen(cases[i].text), 0600, &err));
		assert_fails(backend_replay_open(path, &replay, &err), ERR_INVALID, cases[i].words);
		assert_non_null(strstr(err.text, path));
		assert_null(replay);
	}
	unlink(path);
	assert_fails(backend_replay_open(path, &replay, &err), ERR_NOT_FOUND, path);
	end_files();
}

static void test_recorded_refusal(void **state)
{
	static const char text[] =
		EVENT("\"error\":{\"code\":\"invalid\",\"text\":\"no\",\"hint\":\"try\"}");
	struct backend *replay = NULL;
	struct backend_event event;
	struct err err = ERR_INIT;

	(void)state;
	begin_files();
	assert_works(file_write_atomic(path, text, strlen(text), 0600, &err));
	assert_works(backend_replay_open(path, &replay, &err));
	assert_fails(replay->ops->wait_event(replay, 5, &event, &err), ERR_INVALID, "no");
	assert_string_equal(err.hint, "try");
	backend_close(replay);
	end_files();
}

/* A recording that cannot be written ends; the backend goes on. */
static void test_full_disk(void **state)
{
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	begin_backend(two, 2, true);
	assert_works(backend_record_open(steal(test_backend), "/dev/full", &test_backend, &err));
	assert_works(test_backend->ops->gpus(test_backend, gpus, &n, &err));
	assert_int_equal(n, 2);
	assert_fails(
		backend_record_open(steal(test_backend), "/nowhere/at/all", &test_backend, &err),
		ERR_NOT_FOUND, "/nowhere/at/all");
	end_backend(); /* the inner one is closed all the same */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_again),	 cmocka_unit_test(test_order_of_each_gpu),
		cmocka_unit_test(test_other_arguments),	 cmocka_unit_test(test_bad_recordings),
		cmocka_unit_test(test_recorded_refusal), cmocka_unit_test(test_full_disk),
	};

	test_library = argc > 1 ? argv[1] : NULL;
	return tap_run(tests);
}
