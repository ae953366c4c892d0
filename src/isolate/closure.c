#include "isolate/closure.h"

#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

#define NSS_BUFFER 65536

/* One round. */
struct round {
	struct closure *closure;
	const struct isolate_roots *roots;
	struct driver_majors majors;
	bool has_group;
	gid_t group;
	bool wanted[CLOSURE_MAX_NODES]; /* of the known ones: is it ours to keep closed? */
	enum closure_result gpu;	/* how it went with the GPU's own node */
	char gpu_why[256];
};

/* One node of an instance, or of the GPU. */
struct target {
	char path[CLOSURE_PATH];
	dev_t rdev;
};

static struct target target(const struct round *round, unsigned major_number,
			    unsigned minor_number,
			    const char *format, ...) __attribute__((format(printf, 4, 5)));

static struct target target(const struct round *round, unsigned major_number,
			    unsigned minor_number,
			    const char *format, ...)
{
	struct target ret = {.rdev = makedev(major_number, minor_number)};
	size_t len = (size_t)snprintf(ret.path, sizeof(ret.path), "%s/", round->roots->dev);
	va_list args;

	va_start(args, format);
	if (len < sizeof(ret.path))
		vsnprintf(ret.path + len, sizeof(ret.path) - len, format, args);
	va_end(args);
	return ret;
}

/* ---- the group of the policy ---- */

static int find_group(struct round *round, struct err *err)
{
	cleanup(free) char *buffer = NULL;
	struct group group, *found = NULL;

	if (!round->closure->group[0])
		return 0;
	buffer = malloc(NSS_BUFFER);
	if (!buffer)
		return fail(err, ERR_NOMEM, "no memory for a group");
	if (getgrnam_r(round->closure->group, &group, buffer, NSS_BUFFER, &found) || !found)
		return fail(err, ERR_NOT_FOUND, "isolation: there is no group '%s' on this host",
			    round->closure->group);
	round->has_group = true;
	round->group = found->gr_gid;
	return 0;
}

/* ---- one node ---- */

static struct closure_node *known(struct round *round, const char *path)
{
	struct closure *closure = round->closure;

	for (size_t i = 0; i < closure->n_known; i++)
		if (!strcmp(closure->known[i].path, path)) {
			round->wanted[i] = true;
			return &closure->known[i];
		}
	return NULL;
}

static enum closure_result outcome(const struct err *err, char *why)
{
	snprintf(why, 256, "%.255s", err->text);
	return err->code == ERR_NOT_FOUND     ? CLOSURE_NOTHING
	       : err->code == ERR_UNSUPPORTED ? CLOSURE_CANNOT
					      : CLOSURE_FAILED;
}

/* What it is now will be what it was before. */
static enum closure_result remember(struct round *round, const struct target *node, char *why)
{
	struct closure *closure = round->closure;
	struct closure_node *fresh = &closure->fresh[closure->n_fresh];
	struct err err = ERR_INIT;

	if (node_read(node->path, &fresh->before, &err))
		return outcome(&err, why);
	if (fresh->before.rdev != node->rdev) {
		snprintf(why, 256, "'%.120s' is not the device it should be", node->path);
		return CLOSURE_FAILED;
	}
	snprintf(fresh->path, sizeof(fresh->path), "%s", node->path);
	closure->n_fresh++;
	return CLOSURE_UNKNOWN;
}

static enum closure_result close_node(struct round *round, const struct target *node,
				      struct node_access *access, bool *ret_changed, char *why)
{
	const struct closure_node *before = known(round, node->path);
	struct err err = ERR_INIT;

	/* What is remembered of another device says nothing about this one. */
	if (!before || before->before.rdev != node->rdev)
		return remember(round, node, why);
	access->has_group = round->has_group;
	access->group = round->group;
	if (node_close(node->path, node->rdev, access, ret_changed, &err))
		return outcome(&err, why);
	return CLOSURE_DONE;
}

/* ---- the GPU ---- */

static void close_gpu(struct round *round)
{
	const struct closure *closure = round->closure;
	struct target node = target(round, DRIVER_GPU_MAJOR, closure->gpu_minor, "nvidia%u",
				    closure->gpu_minor);
	struct node_access access = {.write = true};

	round->gpu = CLOSURE_DONE;
	if (!closure->close_gpu)
		return;
	for (size_t i = 0; i < closure->n; i++)
		if (closure->at[i].has_uid)
			node_access_add(&access, closure->at[i].uid);
	round->gpu = close_node(round, &node, &access, NULL, round->gpu_why);
}

/* ---- an instance ---- */

/* The worse of two; what is not known yet is worse than done. */
static enum closure_result worse(enum closure_result a, enum closure_result b)
{
	static const int rank[] = {[CLOSURE_DONE] = 0,
				   [CLOSURE_UNKNOWN] = 1,
				   [CLOSURE_NOTHING] = 2,
				   [CLOSURE_CANNOT] = 3,
				   [CLOSURE_FAILED] = 4};

	return rank[a] > rank[b] ? a : b;
}

static void close_cap(struct round *round, struct closure_instance *instance, unsigned cap)
{
	struct target node =
		target(round, round->majors.caps, cap, "nvidia-caps/nvidia-cap%u", cap);
	struct node_access access = {0};
	bool changed = false;

	if (instance->has_uid)
		node_access_add(&access, instance->uid);
	instance->result = worse(instance->result,
				 close_node(round, &node, &access, &changed, instance->why));
	instance->changed |= changed;
}

static void close_instance(struct round *round, struct closure_instance *instance)
{
	struct device_numbers *numbers = &instance->numbers;
	unsigned gpu = round->closure->gpu_minor;
	struct err err = ERR_INIT;

	*numbers = (struct device_numbers){.majors = round->majors, .gpu = gpu};
	if (!round->majors.has_caps) {
		instance->result = CLOSURE_NOTHING;
		snprintf(instance->why, sizeof(instance->why),
			 "the driver has no capability nodes on this host");
		return;
	}
	if (driver_caps(round->roots, gpu, instance->gi, instance->ci, &numbers->gi_cap,
			&numbers->ci_cap, &err)) {
		instance->result = outcome(&err, instance->why);
		return;
	}
	instance->result = round->gpu;
	snprintf(instance->why, sizeof(instance->why), "%s", round->gpu_why);
	driver_let_modify(round->roots, gpu, instance->gi, instance->ci, false);
	close_cap(round, instance, numbers->gi_cap);
	close_cap(round, instance, numbers->ci_cap);
}

/* ---- what is ours no longer ---- */

static void put_back(struct round *round, struct closure_node *node)
{
	struct closure *closure = round->closure;
	struct err err = ERR_INIT;
	int r = node_put_back(node->path, &node->before, &err);

	/* Gone, or another device by now: nothing of ours is left on it. */
	node->put_back = !r || err.code == ERR_NOT_FOUND || err.code == ERR_STALE ||
			 err.code == ERR_INVALID;
	if (node->put_back || closure->n_failed++)
		return;
	snprintf(closure->why, sizeof(closure->why), "%.255s", err.text);
}

static void reset(struct closure *closure)
{
	closure->n_fresh = closure->n_failed = 0;
	closure->gpu = CLOSURE_UNKNOWN;
	closure->why[0] = '\0';
	for (size_t i = 0; i < closure->n; i++) {
		closure->at[i].result = CLOSURE_UNKNOWN;
		closure->at[i].changed = false;
		closure->at[i].why[0] = '\0';
	}
	for (size_t i = 0; i < closure->n_known; i++)
		closure->known[i].put_back = false;
}

static void fail_all(struct closure *closure, const struct err *err)
{
	for (size_t i = 0; i < closure->n; i++) {
		closure->at[i].result = CLOSURE_FAILED;
		snprintf(closure->at[i].why, sizeof(closure->at[i].why), "%.255s", err->text);
	}
	closure->n_failed++;
	snprintf(closure->why, sizeof(closure->why), "%.255s", err->text);
}

void closure_apply(struct closure *closure, const struct isolate_roots *roots)
{
	struct round round = {.closure = closure, .roots = roots};
	struct err err = ERR_INIT;

	reset(closure);
	if (find_group(&round, &err) || driver_majors(roots, &round.majors, &err)) {
		fail_all(closure, &err);
		return;
	}
	close_gpu(&round);
	closure->gpu = round.gpu;
	for (size_t i = 0; i < closure->n; i++)
		close_instance(&round, &closure->at[i]);
	/* Which nodes an instance has may not be known just now: then nothing is ours no longer. */
	for (size_t i = 0; i < closure->n; i++)
		if (closure->at[i].result == CLOSURE_FAILED)
			return;
	for (size_t i = 0; i < closure->n_known; i++)
		if (!round.wanted[i])
			put_back(&round, &closure->known[i]);
	if (round.gpu == CLOSURE_FAILED && !closure->n_failed++)
		snprintf(closure->why, sizeof(closure->why), "%s", round.gpu_why);
}

/* ---- comparing ---- */

static bool same_instance(const struct closure_instance *a, const struct closure_instance *b)
{
	return a->instance == b->instance && a->lease == b->lease && a->gi == b->gi &&
	       a->ci == b->ci && a->has_uid == b->has_uid && (!a->has_uid || a->uid == b->uid);
}

bool closure_same(const struct closure *a, const struct closure *b)
{
	if (a->gpu_minor != b->gpu_minor || a->close_gpu != b->close_gpu || a->n != b->n ||
	    a->n_known != b->n_known || strcmp(a->group, b->group) != 0)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_instance(&a->at[i], &b->at[i]))
			return false;
	for (size_t i = 0; i < a->n_known; i++)
		if (strcmp(a->known[i].path, b->known[i].path) != 0 ||
		    a->known[i].before.rdev != b->known[i].before.rdev)
			return false;
	return true;
}
