#include "sim/tool-world.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/sizes.h"
#include "sim/world-file.h"

static int open_place(const struct place *place, struct world **ret, struct err *err)
{
	int r = world_open(place->dir, ret, err);

	if (r == -ERR_NOT_FOUND)
		return fail_hint(err, "carve-sim up --gpus BOARD makes one, --dir names another");
	return r;
}

int tool_world_exists(const struct place *place, struct err *err)
{
	cleanup(world_close) struct world *world = NULL;

	return open_place(place, &world, err);
}

int tool_world_open(const char *dir, struct place *ret_place, struct world **ret, struct err *err)
{
	struct place place;
	int r = place_find(dir, &place, err);

	r = r ? r : open_place(&place, ret, err);
	if (!r && ret_place)
		*ret_place = place;
	return r;
}

int tool_world_copy(struct world *world, struct world_state **ret, struct err *err)
{
	struct world_state *copy = malloc(sizeof(*copy));
	bool has_dead;

	if (!copy)
		return fail(err, ERR_NOMEM, "no memory for a copy of the world");
	has_dead = world_has_dead(world_read(world), WORLD_NONE);
	world_done(world);
	if (has_dead) {
		world_reap(world_change(world));
		world_commit(world);
	}
	*copy = *world_read(world);
	world_done(world);
	*ret = copy;
	return 0;
}

/* ---- the GPU that was meant ---- */

static bool is_at(const struct world_gpu *gpu, const char *word)
{
	uint32_t domain;
	uint8_t bus, device;

	return plan_parse_pci(word, &domain, &bus, &device) && gpu->domain == domain &&
	       gpu->bus == bus && gpu->device == device;
}

static bool is_called(const struct world_gpu *gpu, const char *word)
{
	size_t len = strlen(word);

	return (len > strlen("GPU-") && !strncasecmp(gpu->uuid, word, len)) || is_at(gpu, word);
}

int tool_gpu(const struct world_state *state, const char *word, unsigned *ret, struct err *err)
{
	unsigned found = 0, gpu = 0;

	if (*word && word[strspn(word, "0123456789")] == '\0') {
		int64_t index;

		if (number_parse(word, "a GPU", 0, state->n_gpus - 1, &index, err))
			return fail(err, ERR_NOT_FOUND, "there is no GPU %.20s: the world has %u",
				    word, state->n_gpus);
		*ret = (unsigned)index;
		return 0;
	}
	for (unsigned i = 0; i < state->n_gpus; i++) {
		if (!is_called(&state->gpus[i], word))
			continue;
		gpu = i;
		found++;
	}
	if (found > 1)
		return fail(err, ERR_INVALID, "'%.80s' begins the UUIDs of %u GPUs", word, found);
	if (!found) {
		fail(err, ERR_NOT_FOUND, "there is no GPU '%.80s'", word);
		return fail_hint(err, "a GPU is an index, a UUID or a PCI address; carve-sim show "
				      "lists them");
	}
	*ret = gpu;
	return 0;
}

/* ---- what the rules answer ---- */

static const struct {
	nvmlReturn_t code;
	const char *text;
} texts[] = {
#define X(name, number, text) {NVML_##name, text},
	NVML_RETURN_TABLE(X)
#undef X
};

static const struct {
	nvmlReturn_t code;
	enum err_code as;
} kinds[] = {
	{NVML_ERROR_INVALID_ARGUMENT, ERR_INVALID},
	{NVML_ERROR_NOT_SUPPORTED, ERR_UNSUPPORTED},
	{NVML_ERROR_NO_PERMISSION, ERR_DENIED},
	{NVML_ERROR_NOT_FOUND, ERR_NOT_FOUND},
	{NVML_ERROR_IN_USE, ERR_BUSY},
	{NVML_ERROR_MEMORY, ERR_NO_ROOM},
	{NVML_ERROR_INSUFFICIENT_RESOURCES, ERR_NO_ROOM},
};

const char *tool_code_text(nvmlReturn_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "Unknown Error";
}

static enum err_code kind_of(nvmlReturn_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].code == code)
			return kinds[i].as;
	return ERR_DRIVER;
}

int tool_code(nvmlReturn_t code, struct err *err, const char *format, ...)
{
	char what[256];
	va_list args;

	if (code == NVML_SUCCESS)
		return 0;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return fail(err, kind_of(code), "%s: %s", what, tool_code_text(code));
}
