#include "steward-steps.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

struct steps steps;
const char **steps_list;

void steps_begin(enum step_act act, unsigned strike, bool after, enum err_code code)
{
	steps = (struct steps){
		.act = act, .strike = strike, .times = 1, .after = after, .code = code};
}

void steps_end(void)
{
	steps.act = STEP_COUNT;
}

/*
 * Killed after a step is killed before the next, but for who was told of it: after those
 * that change something for good it is worth its time.
 */
static bool is_minor(const char *what)
{
	return steps.act == STEP_KILL && steps.after && !steps_changes(what) &&
	       strcmp(what, "sync") != 0;
}

/* Is this step struck, now? */
static bool strikes(const char *what, bool after)
{
	bool first = steps.taken == steps.strike;

	if (steps.act == STEP_FAIL && !first && !after && steps.taken > steps.strike)
		return steps.taken < steps.strike + steps.times;
	if (!first || steps.after != after || is_minor(what))
		return false;
	if (steps.act == STEP_KILL)
		raise(SIGKILL);
	return true;
}

static void step(const char *what)
{
	if (is_minor(what))
		return;
	steps.taken++;
	if (!steps.struck)
		steps.what = what;
	if (steps_list)
		steps_list[steps.taken] = what;
}

/* ---- the backend ---- */

static struct {
	struct backend backend;
	struct backend *inner;
} counted;

static int struck_call(const char *call, struct err *err)
{
	steps.struck = true;
	return fail(err, steps.code, "%s was made to fail", call);
}

#define INNER (counted.inner)
#define CALL(name, ...)                                                                            \
	({                                                                                         \
		int call_r = 0;                                                                    \
		bool counts = steps.act != STEP_FULL;                                              \
		if (counts)                                                                        \
			step(#name);                                                               \
		if (counts && strikes(#name, false) && steps.act == STEP_FAIL)                     \
			call_r = struck_call(#name, err);                                          \
		else                                                                               \
			call_r = INNER->ops->name(INNER, __VA_ARGS__);                             \
		if (!call_r && counts && strikes(#name, true) && steps.act == STEP_FAIL)           \
			call_r = struck_call(#name, err);                                          \
		call_r;                                                                            \
	})

static int counted_driver(struct backend *backend, struct backend_driver *ret, struct err *err)
{
	(void)backend;
	return INNER->ops->driver(INNER, ret, err);
}

static int counted_gpus(struct backend *backend, struct backend_gpu *ret, size_t *ret_n,
			struct err *err)
{
	(void)backend;
	return CALL(gpus, ret, ret_n, err);
}

static int counted_instances(struct backend *backend, const char *gpu, struct backend_instance *ret,
			     size_t *ret_n, struct err *err)
{
	(void)backend;
	return CALL(instances, gpu, ret, ret_n, err);
}

static int counted_processes(struct backend *backend, const char *gpu, struct backend_process **ret,
			     size_t *ret_n, struct err *err)
{
	(void)backend;
	return CALL(processes, gpu, ret, ret_n, err);
}

static int counted_set_mig(struct backend *backend, const char *gpu, bool on, bool *ret_pending,
			   struct err *err)
{
	(void)backend;
	return CALL(set_mig, gpu, on, ret_pending, err);
}

static int counted_gi_create(struct backend *backend, const char *gpu, unsigned profile_id,
			     unsigned start, unsigned size, unsigned *ret_gi, struct err *err)
{
	(void)backend;
	return CALL(gi_create, gpu, profile_id, start, size, ret_gi, err);
}

static int counted_gi_destroy(struct backend *backend, const char *gpu, unsigned gi,
			      unsigned profile_id, unsigned start, struct err *err)
{
	(void)backend;
	return CALL(gi_destroy, gpu, gi, profile_id, start, err);
}

static int counted_ci_create(struct backend *backend, const char *gpu, unsigned gi,
			     unsigned ci_profile_id, unsigned *ret_ci, struct err *err)
{
	(void)backend;
	return CALL(ci_create, gpu, gi, ci_profile_id, ret_ci, err);
}

static int counted_ci_destroy(struct backend *backend, const char *gpu, unsigned gi,
			      unsigned profile_id, unsigned start, unsigned ci, struct err *err)
{
	(void)backend;
	return CALL(ci_destroy, gpu, gi, profile_id, start, ci, err);
}

bool steps_changes(const char *call)
{
	static const char *const calls[] = {"gi_create", "gi_destroy", "ci_create", "ci_destroy",
					    "set_mig"};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i], call))
			return true;
	return false;
}

void steps_watch_backend(struct backend *inner, struct backend **ret)
{
	/* The calls the steward's jobs make; the others would crash at once. */
	static const struct backend_ops ops = {
		.driver = counted_driver,
		.gpus = counted_gpus,
		.instances = counted_instances,
		.processes = counted_processes,
		.set_mig = counted_set_mig,
		.gi_create = counted_gi_create,
		.gi_destroy = counted_gi_destroy,
		.ci_create = counted_ci_create,
		.ci_destroy = counted_ci_destroy,
	};

	counted.backend.ops = &ops;
	counted.inner = inner;
	*ret = &counted.backend;
}

/* ---- the ledger ---- */

struct counted_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct counted_file *)file)->real;
}

#define REAL(file, call, ...) real_of(file)->pMethods->call(real_of(file), ##__VA_ARGS__)

/* A write of the ledger; full: can the disk be full there? */
static bool write_begins(const char *what, bool full)
{
	if (steps.act == STEP_FULL && !full)
		return true;
	if (steps.act != STEP_FAIL)
		step(what);
	if (steps.act == STEP_FULL && steps.strike && steps.taken >= steps.strike) {
		steps.struck = true;
		return false;
	}
	if (steps.act == STEP_KILL)
		strikes(what, false);
	return true;
}

static void write_ends(const char *what)
{
	if (steps.act == STEP_KILL)
		strikes(what, true);
}

static int counted_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	int code;

	if (!write_begins("write", true))
		return SQLITE_FULL;
	code = REAL(file, xWrite, bytes, n, at);
	write_ends("write");
	return code;
}

static int counted_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code;

	write_begins("truncate", false);
	code = REAL(file, xTruncate, size);
	write_ends("truncate");
	return code;
}

static int counted_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	write_begins("sync", false);
	write_ends("sync");
	return SQLITE_OK;
}

static int counted_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	int code;

	(void)vfs;
	(void)sync;
	write_begins("delete", false);
	code = real_vfs->xDelete(real_vfs, name, 0);
	write_ends("delete");
	return code;
}

static int passed_close(sqlite3_file *file)
{
	return REAL(file, xClose);
}

static int passed_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	return REAL(file, xRead, bytes, n, at);
}

static int passed_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return REAL(file, xFileSize, ret);
}

static int passed_lock(sqlite3_file *file, int level)
{
	return REAL(file, xLock, level);
}

static int passed_unlock(sqlite3_file *file, int level)
{
	return REAL(file, xUnlock, level);
}

static int passed_reserved(sqlite3_file *file, int *ret)
{
	return REAL(file, xCheckReservedLock, ret);
}

static int passed_control(sqlite3_file *file, int what, void *arg)
{
	return REAL(file, xFileControl, what, arg);
}

static int passed_sector(sqlite3_file *file)
{
	return REAL(file, xSectorSize);
}

static int passed_device(sqlite3_file *file)
{
	return REAL(file, xDeviceCharacteristics);
}

static int passed_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return REAL(file, xShmMap, page, size, extend, ret);
}

static int passed_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	return REAL(file, xShmLock, at, n, flags);
}

static void passed_shm_barrier(sqlite3_file *file)
{
	REAL(file, xShmBarrier);
}

static int passed_shm_unmap(sqlite3_file *file, int remove)
{
	return REAL(file, xShmUnmap, remove);
}

static const sqlite3_io_methods counted_methods = {
	.iVersion = 2,
	.xClose = passed_close,
	.xRead = passed_read,
	.xWrite = counted_write,
	.xTruncate = counted_truncate,
	.xSync = counted_sync,
	.xFileSize = passed_size,
	.xLock = passed_lock,
	.xUnlock = passed_unlock,
	.xCheckReservedLock = passed_reserved,
	.xFileControl = passed_control,
	.xSectorSize = passed_sector,
	.xDeviceCharacteristics = passed_device,
	.xShmMap = passed_shm_map,
	.xShmLock = passed_shm_lock,
	.xShmBarrier = passed_shm_barrier,
	.xShmUnmap = passed_shm_unmap,
};

static int counted_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
	struct counted_file *counted_file = (struct counted_file *)file;
	int code;

	(void)vfs;
	counted_file->real = (sqlite3_file *)(counted_file + 1);
	code = real_vfs->xOpen(real_vfs, name, counted_file->real, flags, ret);
	file->pMethods = counted_file->real->pMethods ? &counted_methods : NULL;
	return code;
}

void steps_watch_ledgers(void)
{
	static sqlite3_vfs vfs;

	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "counted";
	vfs.szOsFile = (int)sizeof(struct counted_file) + real_vfs->szOsFile;
	vfs.xOpen = counted_open;
	vfs.xDelete = counted_delete;
	sqlite3_vfs_register(&vfs, 1);
}
