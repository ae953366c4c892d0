#include "reconcile/observe.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

static void name_process(struct observed_process *process)
{
	char path[32], buf[1024], comm[32] = "";
	struct passwd pw, *found = NULL;
	struct stat st;
	cleanup(fclose) FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%u", process->pid);
	if (stat(path, &st))
		return;
	process->has_user = true;
	if (getpwuid_r(st.st_uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(process->user, sizeof(process->user), "%.32s", found->pw_name);
	else
		snprintf(process->user, sizeof(process->user), "%u", st.st_uid);
	snprintf(path, sizeof(path), "/proc/%u/comm", process->pid);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	text_printable(process->name, sizeof(process->name), comm);
}

/* Hidden from us (no privilege, or a driver without lists) is not the same as none. */
static int observe_processes(struct backend *backend, struct observed_gpu *gpu, struct err *err)
{
	cleanup(free) struct backend_process *list = NULL;
	struct err hidden = ERR_INIT;
	size_t n = 0;

	if (backend->ops->processes(backend, gpu->uuid, &list, &n, &hidden))
		return 0;
	gpu->has_processes = true;
	gpu->processes = calloc(n ? n : 1, sizeof(*gpu->processes));
	if (!gpu->processes)
		return fail(err, ERR_NOMEM, "no memory for %zu processes", n);
	for (size_t i = 0; i < n; i++) {
		gpu->processes[i] = (struct observed_process){
			.pid = list[i].pid,
			.gi = list[i].gi,
			.ci = list[i].ci,
			.has_memory = list[i].has_memory,
			.memory_bytes = list[i].memory_bytes,
		};
		name_process(&gpu->processes[i]);
	}
	gpu->n_processes = n;
	return 0;
}

/* Without the privilege one sees who is there, but not where; ours would seem to be gone. */
static int check_places(const struct observed_gpu *gpu, struct err *err)
{
	for (size_t i = 0; i < gpu->n_instances; i++)
		if (gpu->instances[i].start == BACKEND_NONE)
			return fail(err, ERR_DENIED,
				    "GPU '%s': where its instances lie may not be read", gpu->uuid);
	return 0;
}

int observe_gpu(struct backend *backend, const char *uuid, struct observed_gpu **ret,
		struct err *err)
{
	cleanup(observed_gpu_free) struct observed_gpu *gpu = calloc(1, sizeof(*gpu));
	int r;

	if (!gpu)
		return fail(err, ERR_NOMEM, "no memory for a GPU");
	snprintf(gpu->uuid, sizeof(gpu->uuid), "%s", uuid);
	r = backend->ops->instances(backend, uuid, gpu->instances, &gpu->n_instances, err);
	if (r)
		return r;
	r = check_places(gpu, err);
	if (!r)
		r = observe_processes(backend, gpu, err);
	if (r)
		return r;
	gpu->when_s = clock_now_s();
	*ret = steal(gpu);
	return 0;
}

void observed_gpu_free(struct observed_gpu *gpu)
{
	if (!gpu)
		return;
	free(gpu->processes);
	free(gpu);
}

const struct backend_instance *observed_at(const struct observed_gpu *gpu, unsigned profile_id,
					   unsigned start)
{
	for (size_t i = 0; gpu && i < gpu->n_instances; i++)
		if (gpu->instances[i].profile_id == profile_id && gpu->instances[i].start == start)
			return &gpu->instances[i];
	return NULL;
}

size_t observed_users(const struct observed_gpu *gpu, unsigned gi)
{
	size_t n = 0;

	for (size_t i = 0; gpu && i < gpu->n_processes; i++)
		n += gpu->processes[i].gi == gi;
	return n;
}

bool observed_is_idle(const struct observed_gpu *gpu, unsigned gi)
{
	return gpu && gpu->has_processes && !observed_users(gpu, gi);
}
