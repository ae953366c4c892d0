/*
 * Jobs against a backend of one GPU with one place, whose answers are told in
 * advance. Calls are letters: l looks, G and C create the GPU instance and the
 * compute instance, g and c destroy them.
 */
#include "../tap.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "reconcile/job.h"

#define GPU	"GPU-1"
#define PROFILE 19
#define START	4

enum { NOTHING, GI, GI_AND_CI };

/* How a call goes: the error, and whether it does its work all the same. */
struct outcome {
	enum err_code code;
	bool does;
	unsigned times; /* the first so many calls; 0: all */
};

struct row {
	const char *story;
	enum job_kind kind;
	bool resume;
	int there;
	struct outcome gi_create, ci_create, gi_destroy, ci_destroy;
	unsigned blind; /* bit n: look n fails */

	enum err_code code;
	bool left;
	int there_after;
	const char *calls;
};

#define NOT(what)                                                                                  \
	{                                                                                          \
		ERR_##what, false, 0                                                               \
	}
#define NOT_AT_FIRST(n, what)                                                                      \
	{                                                                                          \
		ERR_##what, false, n                                                               \
	}
#define BUT_DONE(what)                                                                             \
	{                                                                                          \
		ERR_##what, true, 0                                                                \
	}
#define A_LIE                                                                                      \
	{                                                                                          \
		ERR_NONE, false, 99                                                                \
	} /* done, it says */

static const struct row rows[] = {
	{"a promise is kept", JOB_CREATE, .there_after = GI_AND_CI, .calls = "GCl"},
	{"after a crash, nothing was done", JOB_CREATE, true, NOTHING, .there_after = GI_AND_CI,
	 .calls = "lGCl"},
	{"after a crash, half was done", JOB_CREATE, true, GI, .there_after = GI_AND_CI,
	 .calls = "lCl"},
	{"after a crash, all was done", JOB_CREATE, true, GI_AND_CI, .there_after = GI_AND_CI,
	 .calls = "ll"},
	{"after a crash, it cannot be seen", JOB_CREATE, true, GI, .blind = 1, .code = ERR_DRIVER,
	 .left = true, .there_after = GI, .calls = "l"},
	{"refused", JOB_CREATE, .gi_create = NOT(NO_ROOM), .code = ERR_NO_ROOM, .calls = "Gl"},
	{"refused, since somebody has just that", JOB_CREATE, false, GI_AND_CI,
	 .gi_create = NOT(NO_ROOM), .code = ERR_NO_ROOM, .there_after = GI_AND_CI, .calls = "Gl"},
	{"too late an answer, nothing done", JOB_CREATE, .gi_create = NOT(TIMEOUT),
	 .code = ERR_TIMEOUT, .calls = "Gl"},
	{"too late an answer, but done", JOB_CREATE, .gi_create = BUT_DONE(TIMEOUT),
	 .there_after = GI_AND_CI, .calls = "GlCl"},
	{"too late an answer, and who knows", JOB_CREATE, .gi_create = BUT_DONE(TIMEOUT),
	 .blind = 1, .code = ERR_TIMEOUT, .left = true, .there_after = GI, .calls = "Gl"},
	{"no compute instance: the rest goes", JOB_CREATE, .ci_create = NOT(DRIVER),
	 .code = ERR_DRIVER, .calls = "GCllgl"},
	{"no compute instance, and the rest stays", JOB_CREATE, .ci_create = NOT(DRIVER),
	 .gi_destroy = NOT(DRIVER), .code = ERR_DRIVER, .left = true, .there_after = GI,
	 .calls = "GCllgl"},
	{"a compute instance after all", JOB_CREATE, .ci_create = BUT_DONE(TIMEOUT),
	 .there_after = GI_AND_CI, .calls = "GCl"},
	{"done, it says", JOB_CREATE, .gi_create = A_LIE, .code = ERR_DRIVER, .calls = "GCll"},
	{"what cannot be read back goes", JOB_CREATE, .blind = 1, .code = ERR_DRIVER,
	 .calls = "GCllcgl"},

	{"an end", JOB_DESTROY, false, GI_AND_CI, .calls = "lcgl"},
	{"the end of what is not there", JOB_DESTROY, .calls = "l"},
	{"the end of a half", JOB_DESTROY, false, GI, .calls = "lgl"},
	{"in use for a moment longer", JOB_DESTROY, false, GI_AND_CI,
	 .gi_destroy = NOT_AT_FIRST(2, BUSY), .calls = "lcgggl"},
	{"in use", JOB_DESTROY, false, GI_AND_CI, .ci_destroy = NOT(BUSY), .code = ERR_BUSY,
	 .there_after = GI_AND_CI, .calls = "lcl"},
	{"somebody was faster", JOB_DESTROY, false, GI_AND_CI, .ci_destroy = BUT_DONE(NOT_FOUND),
	 .gi_destroy = BUT_DONE(NOT_FOUND), .calls = "lcgl"},
	{"failed, but gone", JOB_DESTROY, false, GI_AND_CI, .gi_destroy = BUT_DONE(DRIVER),
	 .calls = "lcgl"},
	{"gone, it says", JOB_DESTROY, false, GI_AND_CI, .gi_destroy = A_LIE, .code = ERR_DRIVER,
	 .there_after = GI, .calls = "lcgl"},
	{"what cannot be seen is not touched", JOB_DESTROY, false, GI_AND_CI, .blind = 1,
	 .code = ERR_DRIVER, .there_after = GI_AND_CI, .calls = "l"},
	{"whether it is gone cannot be seen", JOB_DESTROY, false, GI_AND_CI, .blind = 2,
	 .code = ERR_DRIVER, .calls = "lcgl"},
};

/* ---- the backend ---- */

static struct {
	struct backend backend;
	const struct row *row;
	int there;
	unsigned looks, made[256];
	char calls[64];
} fake;

/* Nobody pauses here. */
int nanosleep(const struct timespec *wanted, struct timespec *ret_left)
{
	(void)wanted;
	(void)ret_left;
	return 0;
}

/* Says how the call goes; does its work (leaves there_after) when it should. */
static int call(char letter, const struct outcome *outcome, int there_after, struct err *err)
{
	bool struck = (outcome->code || outcome->times) &&
		      (!outcome->times || fake.made[(unsigned char)letter]++ < outcome->times);
	size_t len = strlen(fake.calls);

	assert_true(len + 1 < sizeof(fake.calls));
	fake.calls[len] = letter;
	if (!struck || outcome->does)
		fake.there = there_after;
	return struck && outcome->code ? fail(err, outcome->code, "as told") : 0;
}

static int instances(struct backend *backend, const char *gpu, struct backend_instance *ret,
		     size_t *ret_n, struct err *err)
{
	static const struct outcome seen = {.code = ERR_NONE}, unseen = NOT(DRIVER);
	bool blind = fake.row->blind >> fake.looks++ & 1;

	(void)backend;
	assert_string_equal(gpu, GPU);
	if (call('l', blind ? &unseen : &seen, fake.there, err))
		return -(int)err->code;
	*ret_n = fake.there != NOTHING;
	ret[0] = (struct backend_instance){
		.gi = 7, .profile_id = PROFILE, .start = START, .size = 1};
	ret[0].n_cis = fake.there == GI_AND_CI;
	snprintf(ret[0].cis[0].uuid, sizeof(ret[0].cis[0].uuid), "MIG-7");
	return 0;
}

static int processes(struct backend *backend, const char *gpu, struct backend_process **ret,
		     size_t *ret_n, struct err *err)
{
	(void)backend;
	(void)gpu;
	(void)err;
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

static int gi_create(struct backend *backend, const char *gpu, unsigned profile_id, unsigned start,
		     unsigned size, unsigned *ret_gi, struct err *err)
{
	(void)backend;
	assert_string_equal(gpu, GPU);
	assert_true(profile_id == PROFILE && start == START && size == 1);
	*ret_gi = 7;
	return call('G', &fake.row->gi_create, GI, err);
}

/* There is none without a GPU instance, whatever the table says. */
static int ci_create(struct backend *backend, const char *gpu, unsigned gi, unsigned ci_profile_id,
		     unsigned *ret_ci, struct err *err)
{
	(void)backend;
	(void)gpu;
	assert_true(gi == 7 && ci_profile_id == 3);
	*ret_ci = 0;
	return call('C', &fake.row->ci_create, fake.there == GI ? GI_AND_CI : NOTHING, err);
}

static int gi_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		      unsigned start, struct err *err)
{
	(void)backend;
	(void)gpu;
	assert_true(gi == 7 && profile_id == PROFILE && start == START);
	assert_int_not_equal(fake.there, GI_AND_CI);
	return call('g', &fake.row->gi_destroy, NOTHING, err);
}

static int ci_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		      unsigned start, unsigned ci, struct err *err)
{
	(void)backend;
	(void)gpu;
	assert_true(gi == 7 && profile_id == PROFILE && start == START && ci == 0);
	return call('c', &fake.row->ci_destroy, GI, err);
}

static const struct backend_ops ops = {
	.instances = instances,
	.processes = processes,
	.gi_create = gi_create,
	.gi_destroy = gi_destroy,
	.ci_create = ci_create,
	.ci_destroy = ci_destroy,
};

/* ---- the rows ---- */

static struct job *new_job(const struct row *row)
{
	struct job *job = job_new(row->kind, GPU);

	assert_non_null(job);
	job->profile_id = PROFILE;
	job->ci_profile_id = 3;
	job->start = START;
	job->size = 1;
	job->resume = row->resume;
	return job;
}

static void check_row(const struct row *row, const struct job *job)
{
	if (job->result != -(int)row->code || (row->code && job->err.code != row->code))
		fail_msg("%s: %s, expected %s", row->story,
			 job->result ? job->err.text : "it works", err_name(row->code));
	if (strcmp(fake.calls, row->calls) != 0)
		fail_msg("%s: %s, expected %s", row->story, fake.calls, row->calls);
	if (fake.there != row->there_after || job->left != row->left)
		fail_msg("%s: %d there, expected %d; %s", row->story, fake.there, row->there_after,
			 job->left ? "left" : "not left");
	if (!job->result && row->kind == JOB_CREATE &&
	    (job->gi != 7 || strcmp(job->mig_uuid, "MIG-7") != 0))
		fail_msg("%s: GPU instance %u is '%s'", row->story, job->gi, job->mig_uuid);
	if (job->after && (job->after->n_instances != 0) != (fake.there != NOTHING))
		fail_msg("%s: what was read last is not what is there", row->story);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job *job = new_job(&rows[i]);

		memset(&fake, 0, sizeof(fake));
		fake.backend.ops = &ops;
		fake.row = &rows[i];
		fake.there = rows[i].there;
		job_run(job, &fake.backend);
		check_row(&rows[i], job);
		job_free(job);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return tap_run(tests);
}
