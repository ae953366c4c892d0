#include "facts/board.h"

#include <ctype.h>
#include <string.h>

#include "base/array.h"

const char *confidence_name(enum confidence confidence)
{
	static const char *const names[] = {
		[CONFIDENCE_DERIVED] = "derived",
		[CONFIDENCE_OBSERVED] = "observed",
		[CONFIDENCE_DOCUMENTED] = "documented",
	};

	return (size_t)confidence < ARRAY_SIZE(names) ? names[confidence] : "?";
}

/* ---- boards ---- */

const struct board *board_by_id(const char *id)
{
	for (size_t i = 0; i < n_boards; i++)
		if (!strcmp(boards[i].id, id))
			return &boards[i];
	return NULL;
}

static bool has_pci_id(const struct board *board, uint16_t pci_device_id)
{
	for (size_t i = 0; i < board->n_pci_device_ids; i++)
		if (board->pci_device_ids[i] == pci_device_id)
			return true;
	return false;
}

/* Drivers differ by some hundred MiB in the total they report for one board. */
static bool memory_near(const struct board *board, uint32_t memory_mib)
{
	uint64_t a = board->memory_mib, b = memory_mib;
	uint64_t apart = a > b ? a - b : b - a;

	return !board->has_memory || !memory_mib || apart * 100 <= a * 4;
}

static const struct board *by_product(const char *product)
{
	for (size_t i = 0; i < n_boards; i++)
		if (!strcmp(boards[i].product, product))
			return &boards[i];
	return NULL;
}

const struct board *board_identify(const char *product, uint16_t pci_device_id, uint32_t memory_mib)
{
	const struct board *board = product ? by_product(product) : NULL;

	/* gen-boards.py refuses a PCI id on two boards, so the first is the only one. */
	for (size_t i = 0; !board && i < n_boards; i++)
		if (has_pci_id(&boards[i], pci_device_id) && memory_near(&boards[i], memory_mib))
			board = &boards[i];
	return board;
}

size_t board_ids(const char **ret, size_t max)
{
	size_t n = n_boards < max ? n_boards : max;

	for (size_t i = 0; i < n; i++)
		ret[i] = boards[i].id;
	return n;
}

/* ---- profiles ---- */

const struct profile *board_profile_by_id(const struct board *board, unsigned profile_id)
{
	for (size_t i = 0; i < board->n_profiles; i++)
		if (board->profiles[i].id == profile_id)
			return &board->profiles[i];
	return NULL;
}

const struct profile *board_profile_by_constant(const struct board *board, unsigned constant)
{
	for (size_t i = 0; i < board->n_profiles; i++)
		if (board->profiles[i].constant == constant)
			return &board->profiles[i];
	return NULL;
}

/* Is shape the name without its memory: "1g+me" of "1g.10gb+me"? */
static bool has_shape(const struct profile *profile, const char *shape)
{
	size_t head = strcspn(profile->name, ".");
	const char *tail = strstr(profile->name, "gb") + 2;

	return !strncmp(shape, profile->name, head) && !strcmp(shape + head, tail);
}

/* The only profile of that shape with (or without) double memory. */
static const struct profile *by_shape(const struct board *board, const char *shape, bool doubled)
{
	const struct profile *found = NULL;

	for (size_t i = 0; i < board->n_profiles; i++) {
		const struct profile *profile = &board->profiles[i];

		if (!!(profile->flags & PROFILE_DOUBLE) != doubled || !has_shape(profile, shape))
			continue;
		if (found)
			return NULL;
		found = profile;
	}
	return found;
}

const struct profile *board_profile_by_name(const struct board *board, const char *name)
{
	const struct profile *plain;

	if (!strncmp(name, "MIG ", 4))
		name += 4;
	for (size_t i = 0; i < board->n_profiles; i++)
		if (!strcmp(board->profiles[i].name, name))
			return &board->profiles[i];
	plain = by_shape(board, name, false);
	return plain ? plain : by_shape(board, name, true);
}

/* ---- compute instances ---- */

const struct ci_profile *profile_whole_ci(const struct profile *profile)
{
	for (size_t i = 0; i < profile->n_cis; i++)
		if (profile->cis[i].whole)
			return &profile->cis[i];
	return NULL;
}

const struct ci_profile *profile_ci_by_id(const struct profile *profile, unsigned ci_profile_id)
{
	for (size_t i = 0; i < profile->n_cis; i++)
		if (profile->cis[i].id == ci_profile_id)
			return &profile->cis[i];
	return NULL;
}

/* ---- what the simulator shows ---- */

uint32_t profile_sim_memory_mib(const struct profile *profile)
{
	return profile->has_memory ? profile->memory_mib : profile->suggested_memory_mib;
}

uint16_t profile_sim_sm(const struct profile *profile)
{
	return profile->has_sm ? profile->sm : profile->suggested_sm;
}

bool is_gpu_uuid(const char *s)
{
	static const char pattern[] = "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(s) != sizeof(pattern) - 1)
		return false;
	for (size_t i = 0; pattern[i]; i++)
		if (pattern[i] == 'x' ? !isxdigit((unsigned char)s[i]) : pattern[i] != s[i])
			return false;
	return true;
}
