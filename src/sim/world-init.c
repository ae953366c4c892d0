#include "sim/world-part.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "sim/sha1.h"

int64_t (*world_clock_ns)(void) = clock_monotonic_ns;

/* Sebastiano Vigna's splitmix64: every seed, 0 too, gives a good sequence. */
uint64_t world_draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t world_next_generation(struct world_state *state)
{
	return ++state->generations;
}

/* A text the user chose: printable, and it must fit. NULL and "" are none. */
static int take_text(char *buf, size_t size, const char *text, const char *what, unsigned gpu,
		     struct err *err)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size)
		return fail(err, ERR_INVALID, "GPU %u: its %s has more than %zu characters", gpu,
			    what, size - 1);
	for (size_t i = 0; i < len; i++) {
		if (!isprint((unsigned char)text[i]))
			return fail(err, ERR_INVALID, "GPU %u: its %s is not printable", gpu, what);
	}
	memcpy(buf, text ? text : "", len + 1);
	return 0;
}

/*
 * The number that a board's UUIDs are made from. A board with a UUID of the
 * user's has the same MIG UUIDs wherever it is.
 */
static uint64_t board_number(const struct world_gpu *gpu, uint64_t *seed)
{
	uint64_t drawn = world_draw(seed), number;
	uint8_t digest[SHA1_SIZE];

	if (!gpu->uuid[0])
		return drawn;
	sha1_digest(gpu->uuid, strlen(gpu->uuid), digest);
	memcpy(&number, digest, sizeof(number));
	return number;
}

static int init_identity(struct world_gpu *gpu, const struct world_gpu_spec *spec, unsigned index,
			 uint64_t *seed, struct err *err)
{
	const char *name = spec->name && spec->name[0] ? spec->name : spec->board->product;
	int r = take_text(gpu->name, sizeof(gpu->name), name, "name", index, err);

	r = r ? r : take_text(gpu->uuid, sizeof(gpu->uuid), spec->uuid, "UUID", index, err);
	r = r ? r
	      : take_text(gpu->serial, sizeof(gpu->serial), spec->serial, "serial number", index,
			  err);
	if (r < 0)
		return r;
	gpu->board_number = board_number(gpu, seed);
	if (!gpu->uuid[0])
		world_gpu_uuid(gpu, gpu->uuid, sizeof(gpu->uuid));
	if (!gpu->serial[0]) /* 13 digits, as on real boards */
		snprintf(gpu->serial, sizeof(gpu->serial), "165%010llu",
			 (unsigned long long)(world_draw(seed) % 10000000000));
	return 0;
}

/* Without an address of its own it comes after the one before it; PCI knows 256 buses a domain. */
static void init_address(struct world_gpu *gpu, const struct world_gpu_spec *spec, unsigned index,
			 const struct world_gpu *before)
{
	unsigned bus = 0x07 + 0x0f * index;

	if (spec->has_pci) {
		gpu->domain = spec->domain;
		gpu->bus = spec->bus;
		gpu->device = spec->device;
		return;
	}
	gpu->domain = before ? before->domain : 0;
	if (before && before->bus >= bus)
		bus = before->bus + 1u;
	if (bus > 0xff) {
		gpu->domain++;
		bus = 1;
	}
	gpu->bus = (uint8_t)bus;
}

static uint64_t address(const struct world_gpu *gpu)
{
	return (uint64_t)gpu->domain << 16 | (uint64_t)gpu->bus << 8 | gpu->device;
}

/* NVML numbers GPUs by their address. */
static int check_order(const struct world_gpu *gpu, const struct world_gpu *before, unsigned index,
		       struct err *err)
{
	if (!before || address(before) < address(gpu))
		return 0;
	fail(err, ERR_INVALID,
	     "GPU %u: its PCI address %04x:%02x:%02x.0 is not above that of GPU %u", index,
	     gpu->domain, gpu->bus, gpu->device, index - 1);
	return fail_hint(err, "GPUs are numbered by their PCI address");
}

static int check_twins(const struct world_state *state, unsigned index, struct err *err)
{
	const struct world_gpu *gpu = &state->gpus[index];

	for (unsigned i = 0; i < index; i++) {
		const struct world_gpu *other = &state->gpus[i];

		if (!strcasecmp(gpu->uuid, other->uuid))
			return fail(err, ERR_INVALID, "GPU %u: its UUID is also that of GPU %u",
				    index, i);
		if (!strcmp(gpu->serial, other->serial))
			return fail(err, ERR_INVALID,
				    "GPU %u: its serial number is also that of GPU %u", index, i);
	}
	return 0;
}

static int init_gpu(struct world_state *state, const struct world_spec *spec, unsigned index,
		    uint64_t *seed, struct err *err)
{
	const struct world_gpu_spec *wish = &spec->gpus[index];
	struct world_gpu *gpu = &state->gpus[index];
	const struct world_gpu *before = index ? gpu - 1 : NULL;
	int r;

	if (wish->board < boards || wish->board >= boards + n_boards)
		return fail(err, ERR_INVALID, "GPU %u: no such board", index);
	gpu->board = (uint16_t)(wish->board - boards);
	gpu->pci_device_id = wish->board->n_pci_device_ids ? wish->board->pci_device_ids[0] : 0;
	gpu->flip = wish->flip;
	gpu->passthrough = wish->passthrough;
	gpu->mig = gpu->mig_pending = wish->mig && world_gpu_has_mig(gpu);
	/* Two sockets, and half of the boards at each. */
	gpu->numa = (int8_t)(wish->has_numa ? wish->numa : (int)(2 * index / spec->n_gpus));
	gpu->generation = world_next_generation(state);
	init_address(gpu, wish, index, before);
	world_settle_cold(gpu);
	r = init_identity(gpu, wish, index, seed, err);
	r = r ? r : check_order(gpu, before, index, err);
	return r ? r : check_twins(state, index, err);
}

/* The capability nodes of the driver know 32 minor numbers. */
static int init_minors(struct world_state *state, const struct world_spec *spec, struct err *err)
{
	uint32_t taken = 0;

	for (unsigned i = 0; i < spec->n_gpus; i++) {
		unsigned minor = spec->gpus[i].minor;

		if (!spec->gpus[i].has_minor)
			continue;
		if (minor > 31)
			return fail(err, ERR_INVALID, "GPU %u: its minor number is not in 0..31",
				    i);
		if (taken >> minor & 1)
			return fail(err, ERR_INVALID, "GPU %u: minor number %u is taken twice", i,
				    minor);
		taken |= 1u << minor;
	}
	for (unsigned i = 0; i < spec->n_gpus; i++) {
		unsigned minor = spec->gpus[i].minor;

		if (!spec->gpus[i].has_minor)
			minor = (unsigned)__builtin_ctz(~taken);
		taken |= 1u << minor;
		state->gpus[i].minor = (uint8_t)minor;
	}
	return 0;
}

int world_state_init(struct world_state *state, const struct world_spec *spec, struct err *err)
{
	const char *driver = spec->driver && spec->driver[0] ? spec->driver : WORLD_DRIVER;
	uint64_t seed = spec->seed;
	int r = 0;

	if (!spec->n_gpus || spec->n_gpus > WORLD_MAX_GPUS)
		return fail(err, ERR_INVALID, "a world has 1 to %d GPUs", WORLD_MAX_GPUS);
	if (strlen(driver) >= sizeof(state->driver))
		return fail(err, ERR_INVALID, "the driver's version is too long");
	if (!isfinite(spec->latency) || spec->latency < 0)
		return fail(err, ERR_INVALID, "the factor of the delays is not a number above 0");
	memset(state, 0, sizeof(*state));
	memcpy(state->driver, driver, strlen(driver) + 1);
	state->seed = spec->seed;
	state->dice = ~spec->seed;
	state->latency = spec->latency;
	state->linger_ms = spec->linger_ms;
	state->fixed_order = spec->fixed_order;
	state->booted_ns = world_clock_ns();
	for (unsigned i = 0; !r && i < spec->n_gpus; i++)
		r = init_gpu(state, spec, i, &seed, err);
	state->n_gpus = (uint32_t)spec->n_gpus;
	return r ? r : init_minors(state, spec, err);
}
