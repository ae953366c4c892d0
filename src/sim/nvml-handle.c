#include "sim/nvml-part.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/array.h"

#define HANDLE_BYTES 4096
#define MAX_HANDLES  16384u

/* Everything that can have a handle has a place; at most one handle of each place lives. */
#define PLACES_PER_CI  3u /* compute instance, MIG device, alias */
#define PLACES_PER_GI  (1u + WORLD_MAX_CIS * PLACES_PER_CI)
#define PLACES_PER_GPU (1u + WORLD_MAX_GIS * PLACES_PER_GI)
#define PLACES	       (WORLD_MAX_GPUS * PLACES_PER_GPU)

_Static_assert(PLACES < MAX_HANDLES / 2, "stale handles must outnumber live ones");

struct handles {
	char *memory; /* MAX_HANDLES * HANDLE_BYTES, reserved, never written */
	pthread_mutex_t lock;
	unsigned n, last;
	uint16_t newest[PLACES]; /* handle number + 1 */
	_Atomic uint64_t targets[MAX_HANDLES];
};

struct handles *handles_new(void)
{
	struct handles *handles = calloc(1, sizeof(*handles));

	if (!handles)
		return NULL;
	handles->memory = mmap(NULL, (size_t)MAX_HANDLES * HANDLE_BYTES, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (handles->memory == MAP_FAILED) {
		free(handles);
		return NULL;
	}
	pthread_mutex_init(&handles->lock, NULL);
	return handles;
}

void handles_free(struct handles *handles)
{
	if (!handles)
		return;
	munmap(handles->memory, (size_t)MAX_HANDLES * HANDLE_BYTES);
	pthread_mutex_destroy(&handles->lock);
	free(handles);
}

static uint64_t pack(const struct target *target)
{
	return target->kind | (uint64_t)target->gpu << 8 | (uint64_t)target->gi << 16 |
	       (uint64_t)target->ci << 24 | (uint64_t)target->generation << 32;
}

static struct target unpack(uint64_t packed)
{
	return (struct target){
		.kind = (uint8_t)packed,
		.gpu = (uint8_t)(packed >> 8),
		.gi = (uint8_t)(packed >> 16),
		.ci = (uint8_t)(packed >> 24),
		.generation = (uint32_t)(packed >> 32),
	};
}

static unsigned place_of(const struct target *target)
{
	unsigned place = target->gpu * PLACES_PER_GPU;

	if (target->kind == TARGET_GPU)
		return place;
	place += 1 + target->gi * PLACES_PER_GI;
	if (target->kind == TARGET_GI)
		return place;
	return place + 1 + target->ci * PLACES_PER_CI + (target->kind - (unsigned)TARGET_CI);
}

/*
 * A number for one more handle. When all are used the oldest stale ones serve
 * again; the newest of a place may still be good and never does.
 */
static unsigned next_number(struct handles *handles)
{
	if (handles->n < MAX_HANDLES)
		return handles->last = handles->n++;
	for (;;) {
		struct target old;

		handles->last = (handles->last + 1) % MAX_HANDLES;
		old = unpack(handles->targets[handles->last]);
		if (handles->newest[place_of(&old)] != handles->last + 1)
			return handles->last;
	}
}

void *handle_of(struct handles *handles, const struct target *target)
{
	uint64_t packed = pack(target);
	uint16_t *newest = &handles->newest[place_of(target)];
	unsigned number;

	pthread_mutex_lock(&handles->lock);
	if (!*newest || handles->targets[*newest - 1u] != packed) {
		number = next_number(handles);
		handles->targets[number] = packed;
		*newest = (uint16_t)(number + 1);
	}
	number = *newest - 1u;
	pthread_mutex_unlock(&handles->lock);
	return handles->memory + (size_t)number * HANDLE_BYTES;
}

bool handle_target(const struct handles *handles, const void *handle, struct target *ret)
{
	uintptr_t at = (uintptr_t)handle - (uintptr_t)handles->memory;
	struct target target;

	if (at % HANDLE_BYTES || at / HANDLE_BYTES >= MAX_HANDLES)
		return false;
	target = unpack(handles->targets[at / HANDLE_BYTES]);
	if (target.kind == TARGET_NONE)
		return false;
	*ret = target;
	return true;
}
