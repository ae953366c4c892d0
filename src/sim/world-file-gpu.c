#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "sim/world-file-part.h"

/* ---- instances ---- */

static int unknown_profile(const struct yaml_node *node, const struct board *board, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *names[64], *near;
	size_t n = 0;

	for (; n < board->n_profiles && n < ARRAY_SIZE(names); n++) {
		names[n] = board->profiles[n].name;
		text_addf(&list, "%s%s", n ? ", " : "", names[n]);
	}
	near = text_nearest(node->text, names, n);
	yaml_node_fail(node, err, "%s has no profile '%.40s'", board->id, node->text);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "it has %s", text_str(&list));
}

/* "1c", "whole", or a full name. */
static const struct ci_profile *find_ci(const struct profile *profile, const char *word)
{
	for (size_t i = 0; i < profile->n_cis; i++) {
		const struct ci_profile *ci = &profile->cis[i];
		char shape[8];

		snprintf(shape, sizeof(shape), "%uc", ci->slices);
		if (!strcmp(word, ci->name) || !strcmp(word, shape))
			return ci;
	}
	return strcmp(word, "whole") ? NULL : profile_whole_ci(profile);
}

static int read_ci(const struct yaml_node *node, struct plan_instance *instance, struct err *err)
{
	const struct ci_profile *ci;

	if (node->kind != YAML_SCALAR)
		return yaml_node_fail(node, err, "a compute instance is one word");
	if (instance->n_cis == PLAN_MAX_CIS)
		return yaml_node_fail(node, err, "an instance has at most %d compute instances",
				      PLAN_MAX_CIS);
	ci = find_ci(instance->profile, node->text);
	if (!ci)
		return yaml_node_fail(node, err, "%s has no compute instance '%.40s'",
				      instance->profile->name, node->text);
	instance->cis[instance->n_cis++] = ci;
	return 0;
}

static int read_compute(const struct yaml_node *node, struct plan_instance *instance,
			struct err *err)
{
	const struct ci_profile *whole = profile_whole_ci(instance->profile);

	if (!node) {
		instance->cis[0] = whole;
		instance->n_cis = whole ? 1 : 0;
		return 0;
	}
	if (node->kind == YAML_SCALAR && !strcmp(node->text, "none"))
		return 0;
	if (node->kind == YAML_SCALAR)
		return read_ci(node, instance, err);
	if (node->kind != YAML_LIST)
		return yaml_node_fail(node, err, "'compute' is a list such as [1c, 2c], or none");
	for (const struct yaml_node *child = node->first; child; child = child->next) {
		int r = read_ci(child, instance, err);

		if (r)
			return r;
	}
	return 0;
}

struct instance_wish {
	const struct yaml_node *profile, *compute;
	bool has_start;
	int64_t start;
};

static const struct yaml_field instance_fields[] = {
	{"profile", YAML_NODE, offsetof(struct instance_wish, profile), .required = true},
	{"start", YAML_NUMBER, offsetof(struct instance_wish, start),
	 offsetof(struct instance_wish, has_start), 0, 15},
	{"compute", YAML_NODE, offsetof(struct instance_wish, compute)},
};

static int read_instance(const struct yaml_node *node, const struct board *board,
			 struct plan_instance *ret, struct err *err)
{
	struct instance_wish wish = {0};
	int r = yaml_node_read(node, "an instance", instance_fields, ARRAY_SIZE(instance_fields),
			       &wish, err);

	if (r)
		return r;
	ret->profile = board_profile_by_name(board, wish.profile->text);
	if (!ret->profile)
		return unknown_profile(wish.profile, board, err);
	if (wish.has_start && !(ret->profile->starts >> wish.start & 1))
		return yaml_node_fail(yaml_node_get(node, "start"), err,
				      "%s cannot start at memory slice %lld", ret->profile->name,
				      (long long)wish.start);
	ret->has_start = wish.has_start;
	ret->start = (uint8_t)wish.start;
	return read_compute(wish.compute, ret, err);
}

/* ---- GPUs ---- */

struct gpu_wish {
	const struct yaml_node *board, *instances;
	const char *name, *uuid, *serial, *pci;
	bool has_count, has_numa, has_minor, mig, flip, passthrough;
	int64_t count, numa, minor;
};

static const struct yaml_field gpu_fields[] = {
	{"board", YAML_NODE, offsetof(struct gpu_wish, board), .required = true},
	{"count", YAML_NUMBER, offsetof(struct gpu_wish, count),
	 offsetof(struct gpu_wish, has_count), 1, PLAN_MAX_GPUS},
	{"name", YAML_TEXT, offsetof(struct gpu_wish, name)},
	{"uuid", YAML_TEXT, offsetof(struct gpu_wish, uuid)},
	{"serial", YAML_TEXT, offsetof(struct gpu_wish, serial)},
	{"pci", YAML_TEXT, offsetof(struct gpu_wish, pci)},
	{"numa", YAML_NUMBER, offsetof(struct gpu_wish, numa), offsetof(struct gpu_wish, has_numa),
	 -1, 63},
	{"minor", YAML_NUMBER, offsetof(struct gpu_wish, minor),
	 offsetof(struct gpu_wish, has_minor), 0, 31},
	{"mig", YAML_BOOL, offsetof(struct gpu_wish, mig)},
	{"flip", YAML_BOOL, offsetof(struct gpu_wish, flip)},
	{"passthrough", YAML_BOOL, offsetof(struct gpu_wish, passthrough)},
	{"instances", YAML_NODE, offsetof(struct gpu_wish, instances)},
};

static int read_identity(const struct yaml_node *node, struct plan_gpu *gpu, struct err *err)
{
	const struct yaml_node *uuid = yaml_node_get(node, "uuid"),
			       *pci = yaml_node_get(node, "pci");
	int r = plan_read_word(node, "name", gpu->name, sizeof(gpu->name), err);

	r = r ? r : plan_read_word(node, "serial", gpu->serial, sizeof(gpu->serial), err);
	if (r)
		return r;
	if (uuid && !is_gpu_uuid(uuid->text))
		return yaml_node_fail(uuid, err,
				      "'%.60s' is not GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
				      uuid->text);
	if (uuid)
		snprintf(gpu->uuid, sizeof(gpu->uuid), "%s", uuid->text);
	gpu->has_pci = pci != NULL;
	if (pci && !plan_parse_pci(pci->text, &gpu->domain, &gpu->bus, &gpu->device))
		return yaml_node_fail(pci, err,
				      "'%.40s' is not a PCI address such as \"0000:c1:00.0\"",
				      pci->text);
	return 0;
}

static int read_instances(const struct yaml_node *list, struct plan_gpu *gpu, struct err *err)
{
	if (!list)
		return 0;
	if (list->kind != YAML_LIST)
		return yaml_node_fail(list, err, "'instances' must be a list");
	if (!gpu->mig)
		return yaml_node_fail(list, err,
				      "a GPU without MIG has no instances; write 'mig: true'");
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int r;

		if (gpu->n_instances == PLAN_MAX_INSTANCES)
			return yaml_node_fail(node, err, "a GPU has at most %d instances",
					      PLAN_MAX_INSTANCES);
		r = read_instance(node, gpu->board, &gpu->instances[gpu->n_instances++], err);
		if (r)
			return r;
	}
	return 0;
}

static int read_gpu_wish(const struct yaml_node *node, struct gpu_wish *wish, struct err *err)
{
	static const char *const unique[] = {"uuid", "serial", "pci", "minor"};
	int r;

	wish->count = 1;
	r = yaml_node_read(node, "a GPU", gpu_fields, ARRAY_SIZE(gpu_fields), wish, err);
	for (size_t i = 0; !r && wish->count > 1 && i < ARRAY_SIZE(unique); i++)
		if (yaml_node_get(node, unique[i]))
			r = yaml_node_fail(yaml_node_get(node, unique[i]), err,
					   "'%s' belongs to one GPU, but 'count' is %lld",
					   unique[i], (long long)wish->count);
	return r;
}

int plan_read_gpu(const struct yaml_node *node, struct world_plan *plan, struct err *err)
{
	struct gpu_wish wish = {0};
	struct plan_gpu gpu = {0};
	int r = read_gpu_wish(node, &wish, err);

	if (r)
		return r;
	gpu.board = plan_board(wish.board->text, err);
	if (!gpu.board)
		return yaml_node_fail_in(wish.board, err);
	gpu.mig = wish.mig;
	gpu.flip = wish.flip;
	gpu.passthrough = wish.passthrough;
	gpu.has_numa = wish.has_numa;
	gpu.numa = (int8_t)wish.numa;
	gpu.has_minor = wish.has_minor;
	gpu.minor = (uint8_t)wish.minor;
	r = read_identity(node, &gpu, err);
	r = r ? r : read_instances(wish.instances, &gpu, err);
	for (int64_t i = 0; !r && i < wish.count; i++) {
		struct plan_gpu *place = plan_add_gpu(plan, err);

		if (!place)
			return yaml_node_fail_in(node, err);
		*place = gpu;
	}
	return r;
}

static bool same_identity(const struct plan_gpu *a, const struct plan_gpu *b, const char **ret_what)
{
	if (a->uuid[0] && !strcasecmp(a->uuid, b->uuid))
		*ret_what = "UUID";
	else if (a->serial[0] && !strcmp(a->serial, b->serial))
		*ret_what = "serial number";
	else if (a->has_minor && b->has_minor && a->minor == b->minor)
		*ret_what = "minor number";
	else if (a->has_pci && b->has_pci && a->domain == b->domain && a->bus == b->bus &&
		 a->device == b->device)
		*ret_what = "PCI address";
	else
		return false;
	return true;
}

int plan_refuse_twins(const struct yaml_node *list, const struct world_plan *plan, struct err *err)
{
	const char *what;

	for (size_t i = 0; i < plan->n_gpus; i++)
		for (size_t j = 0; j < i; j++)
			if (same_identity(&plan->gpus[i], &plan->gpus[j], &what))
				return yaml_node_fail(list, err,
						      "GPU %zu and GPU %zu have the same %s", j, i,
						      what);
	return 0;
}
