#include "sim-world-reference.h"

#include <string.h>

/* ---- the memory as a row of letters: '.' free, else taken ---- */

struct row {
	char units[REF_UNITS + 1];
	unsigned slices; /* compute slices taken */
};

static struct row draw(const struct ref_gpu *gpu)
{
	struct row row = {.slices = 0};

	memset(row.units, '.', gpu->board->units);
	for (unsigned g = 0; g < REF_GIS; g++) {
		const struct ref_gi *gi = &gpu->gis[g];

		if (!gi->profile)
			continue;
		memset(row.units + gi->start, (int)('a' + g), gi->profile->size);
		row.slices += gi->profile->compute_slices;
	}
	return row;
}

static bool put(struct row *row, const struct profile *profile, unsigned start)
{
	if (start >= REF_UNITS || !(profile->starts & (1u << start)))
		return false;
	for (unsigned u = start; u < start + profile->size; u++) {
		if (row->units[u] != '.')
			return false;
	}
	memset(row->units + start, '#', profile->size);
	row->slices += profile->compute_slices;
	return true;
}

/* ---- which may be together ---- */

static bool ends(const char *name, const char *end)
{
	return strlen(name) >= strlen(end) && !strcmp(name + strlen(name) - strlen(end), end);
}

static bool media_clash(const char *a, const char *b)
{
	bool a_all = ends(a, "+me.all"), b_all = ends(b, "+me.all");

	if (a_all || b_all)
		return !(a_all && ends(b, "-me")) && !(b_all && ends(a, "-me"));
	return ends(a, "+me") && ends(b, "+me");
}

static bool may_join(const struct ref_gpu *gpu, const struct profile *profile, unsigned extra)
{
	unsigned same = extra;

	for (unsigned g = 0; g < REF_GIS; g++) {
		const struct profile *other = gpu->gis[g].profile;

		if (!other)
			continue;
		same += !strcmp(other->name, profile->name);
		if (gpu->flaw != FLAW_MEDIA && media_clash(other->name, profile->name))
			return false;
	}
	return gpu->flaw == FLAW_MEDIA || same < profile->max_instances;
}

static bool could_put(const struct ref_gpu *gpu, const struct row *row,
		      const struct profile *profile, unsigned start)
{
	struct row after = *row;

	return put(&after, profile, start) && after.slices <= gpu->board->compute_slices &&
	       may_join(gpu, profile, 0);
}

/* ---- where it goes ---- */

/* The plain profiles: N_SLICE without a revision. */
static bool is_base(const struct profile *profile)
{
	return profile->constant <= NVML_GI_PROFILE_6_SLICE;
}

static unsigned pairs_left(const struct ref_gpu *gpu, const struct row *row)
{
	unsigned n = 0;

	if (gpu->flaw == FLAW_CHOICES)
		return 0;
	for (size_t p = 0; p < gpu->board->n_profiles; p++) {
		for (unsigned u = 0; u < REF_UNITS; u++) {
			struct row copy = *row;

			n += is_base(&gpu->board->profiles[p]) &&
			     put(&copy, &gpu->board->profiles[p], u);
		}
	}
	return n;
}

static int choose(const struct ref_gpu *gpu, const struct profile *profile)
{
	struct row row = draw(gpu);
	int best = -1, most = -1;

	/* From above, so that the lowest of equals is the last to be taken. */
	for (int start = REF_UNITS - 1; start >= 0; start--) {
		struct row after = row;
		int left;

		if (!could_put(gpu, &row, profile, (unsigned)start))
			continue;
		put(&after, profile, (unsigned)start);
		left = (int)pairs_left(gpu, &after);
		if (left > most || (left == most && gpu->flaw != FLAW_TIES)) {
			best = start;
			most = left;
		}
	}
	return best;
}

/* Down the tree of halves, from the whole to the node that is the instance. */
static unsigned walk(const struct ref_gpu *gpu, unsigned start, unsigned size)
{
	unsigned node = 0, left = 0, width = gpu->board->units;

	while (width > size) {
		bool right = start >= left + width / 2;
		bool exchanged = !node && gpu->flip && gpu->flaw != FLAW_FLIP;

		width /= 2;
		left += right ? width : 0;
		node = 2 * node + 1 + (right != exchanged);
	}
	return node;
}

nvmlReturn_t ref_gi_create(struct ref_gpu *gpu, const struct profile *profile, int start,
			   unsigned *ret_gi)
{
	struct row row = draw(gpu);

	if (start != -1 && !(start >= 0 && start < REF_UNITS && (profile->starts & (1 << start))))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (start == -1)
		start = choose(gpu, profile);
	if (start == -1 || !could_put(gpu, &row, profile, (unsigned)start))
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	*ret_gi = walk(gpu, (unsigned)start, profile->size);
	memset(&gpu->gis[*ret_gi], 0, sizeof(gpu->gis[0]));
	gpu->gis[*ret_gi].profile = profile;
	gpu->gis[*ret_gi].start = (unsigned)start;
	return NVML_SUCCESS;
}

nvmlReturn_t ref_gi_destroy(struct ref_gpu *gpu, unsigned gi)
{
	if (gi >= REF_GIS || !gpu->gis[gi].profile)
		return NVML_ERROR_NOT_FOUND;
	for (unsigned c = 0; c < REF_CIS; c++) {
		if (gpu->gis[gi].cis[c])
			return NVML_ERROR_IN_USE;
	}
	gpu->gis[gi].profile = NULL;
	return NVML_SUCCESS;
}

/* The longest way to add more of it, by trying every start and leaving it out. */
static unsigned most_from(const struct ref_gpu *gpu, const struct row *row,
			  const struct profile *profile, unsigned start, unsigned added)
{
	struct row with = *row;
	unsigned most, put_in = 0;

	if (start == REF_UNITS)
		return 0;
	most = most_from(gpu, row, profile, start + 1, added);
	if (put(&with, profile, start) && with.slices <= gpu->board->compute_slices &&
	    may_join(gpu, profile, added))
		put_in = 1 + most_from(gpu, &with, profile, start + 1, added + 1);
	return put_in > most ? put_in : most;
}

unsigned ref_gi_remaining(const struct ref_gpu *gpu, const struct profile *profile)
{
	struct row row = draw(gpu);

	if (gpu->flaw == FLAW_GREEDY_ROOM)
		return (unsigned)__builtin_popcount(profile->starts);
	return most_from(gpu, &row, profile, 0, 0);
}

/* ---- compute instances ---- */

static void draw_cis(const struct ref_gi *gi, char row[REF_CIS + 1])
{
	memset(row, '.', REF_CIS);
	row[REF_CIS] = '\0';
	for (unsigned c = 0; c < REF_CIS; c++) {
		if (gi->cis[c])
			memset(row + gi->ci_starts[c], '#', gi->cis[c]->slices);
	}
}

static unsigned count_cis(const struct ref_gi *gi, const struct ci_profile *profile)
{
	unsigned n = 0;

	for (unsigned c = 0; c < REF_CIS; c++)
		n += gi->cis[c] && (!profile || gi->cis[c] == profile);
	return n;
}

static bool ci_fits(const char *row, const struct ci_profile *profile, unsigned start)
{
	if (start >= REF_CIS || !(profile->starts & (1u << start)))
		return false;
	for (unsigned s = start; s < start + profile->slices; s++) {
		if (row[s] != '.')
			return false;
	}
	return true;
}

nvmlReturn_t ref_ci_create(struct ref_gpu *gpu, unsigned gi, const struct ci_profile *profile,
			   int start, unsigned *ret_ci)
{
	struct ref_gi *at = &gpu->gis[gi];
	char row[REF_CIS + 1];
	unsigned id = 0;

	if (start != -1 && !(start >= 0 && start < REF_CIS && (profile->starts & (1 << start))))
		return NVML_ERROR_INVALID_ARGUMENT;
	draw_cis(at, row);
	for (int s = REF_CIS - 1; start == -1 && s >= 0; s--) {
		/* the lowest: nothing below it fits */
		bool lower = false;

		for (int k = 0; k < s; k++)
			lower = lower || ci_fits(row, profile, (unsigned)k);
		if (!lower && ci_fits(row, profile, (unsigned)s))
			start = s;
	}
	if (start == -1 || !ci_fits(row, profile, (unsigned)start) ||
	    count_cis(at, NULL) == REF_CIS || count_cis(at, profile) >= profile->max_instances)
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	while (at->cis[id])
		id++;
	if (gpu->flaw == FLAW_CI_IDS)
		id = (unsigned)start;
	at->cis[id] = profile;
	at->ci_starts[id] = (unsigned)start;
	*ret_ci = id;
	return NVML_SUCCESS;
}

nvmlReturn_t ref_ci_destroy(struct ref_gpu *gpu, unsigned gi, unsigned ci)
{
	if (gi >= REF_GIS || !gpu->gis[gi].profile || ci >= REF_CIS || !gpu->gis[gi].cis[ci])
		return NVML_ERROR_NOT_FOUND;
	gpu->gis[gi].cis[ci] = NULL;
	return NVML_SUCCESS;
}

unsigned ref_ci_remaining(const struct ref_gpu *gpu, unsigned gi, const struct ci_profile *profile)
{
	struct ref_gpu copy = *gpu;
	unsigned n = 0, id;

	copy.flaw = FLAW_NONE;
	while (!ref_ci_create(&copy, gi, profile, -1, &id))
		n++;
	return n;
}
