#include "cli/catalogue.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define N_IDS_MAX 128

static json_t *known(bool has, uint64_t value)
{
	return has ? json_integer((json_int_t)value) : json_null();
}

static json_t *known_mib(bool has, uint64_t mib)
{
	return known(has, mib << 20);
}

static json_t *starts_of(const struct profile *profile)
{
	json_t *starts = json_array();

	for (int unit = 0; unit < 16; unit++)
		if (profile->starts >> unit & 1)
			json_array_append_new(starts, json_integer(unit));
	return starts;
}

json_t *catalogue_board(const struct board *board)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:i, s:i, s:i, s:b, s:s?, s:s}", "id",
			 board->id, "product", board->product, "architecture", board->architecture,
			 "memory_bytes", known_mib(board->has_memory, board->memory_mib), "sm",
			 known(board->has_sm, board->sm), "compute_slices", board->compute_slices,
			 "units", board->units, "max_instances", board->max_instances, "profiles",
			 (int)board->n_profiles, "resetless_mig", board->resetless_mig,
			 "min_driver", board->min_driver, "confidence",
			 confidence_name(board->confidence));
}

json_t *catalogue_profile(const struct board *board, const struct profile *profile)
{
	const struct engines *engines = &profile->engines;

	return json_pack(
		"{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, "
		"s:s, s:s?, s:s?}",
		"board", board->id, "name", profile->name, "profile_id", profile->id,
		"compute_slices", profile->compute_slices, "memory_slices", profile->memory_slices,
		"size", profile->size, "max_instances", profile->max_instances, "starts",
		starts_of(profile), "memory_bytes",
		known_mib(profile->has_memory, profile->memory_mib), "sm",
		known(profile->has_sm, profile->sm), "copy", engines->copy, "decoders",
		engines->decoders, "encoders", engines->encoders, "jpeg", engines->jpeg, "ofa",
		engines->ofa, "confidence", confidence_name(profile->confidence), "requires_driver",
		profile->requires_driver, "source", profile->source);
}

static int unknown_board(const char *typed, struct err *err)
{
	cleanup(text_done) struct text like = TEXT_INIT;
	const char *ids[N_IDS_MAX], *near;
	size_t n = board_ids(ids, N_IDS_MAX);

	for (size_t i = 0; i < n; i++)
		if (strcasestr(ids[i], typed))
			text_addf(&like, "%s%s", like.len ? ", " : "", ids[i]);
	near = text_nearest(typed, ids, n);
	fail(err, ERR_NOT_FOUND, "no board is called '%.80s'", typed);
	if (like.len)
		return fail_hint(err, "there are: %s", text_str(&like));
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "carve boards lists them");
}

int catalogue_find(const char *typed, const struct board **ret, struct err *err)
{
	*ret = board_by_id(typed);
	return *ret ? 0 : unknown_board(typed, err);
}
