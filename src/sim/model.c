#include "sim/model.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

/* What the publications call a board; the form factor is not told. */
static const struct {
	const char *gpu;
	const char *boards[3];
} measured_gpus[] = {
	{"A100-40GB", {"a100-sxm4-40gb", "a100-pcie-40gb"}},
	{"A100-80GB", {"a100-sxm4-80gb", "a100-pcie-80gb"}},
};

static const char *gpu_of_board(const struct board *board)
{
	for (size_t i = 0; i < ARRAY_SIZE(measured_gpus); i++)
		for (size_t j = 0; measured_gpus[i].boards[j]; j++)
			if (!strcmp(measured_gpus[i].boards[j], board->id))
				return measured_gpus[i].gpu;
	return NULL;
}

static bool same_shape(const struct board *board, const char *name, const struct profile *wanted)
{
	const struct profile *profile = board_profile_by_name(board, name);

	return profile && profile->compute_slices == wanted->compute_slices &&
	       profile->memory_slices == wanted->memory_slices;
}

static int unknown_model(const char *model, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *names[64], *near;
	size_t n = 0;

	for (size_t i = 0; i < n_model_speeds && n < ARRAY_SIZE(names); i++) {
		if (i && !strcmp(model_speeds[i].model, model_speeds[i - 1].model))
			continue;
		text_addf(&list, "%s%s", n ? ", " : "", model_speeds[i].model);
		names[n++] = model_speeds[i].model;
	}
	near = text_nearest(model, names, n);
	fail(err, ERR_NOT_FOUND, "there are no measurements of a model '%.80s'", model);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "measured: %s", text_str(&list));
}

static int no_figures(const char *model, bool has_model, const struct board *board,
		      const struct profile *profile, struct err *err)
{
	if (!has_model)
		return unknown_model(model, err);
	if (profile)
		fail(err, ERR_NOT_FOUND, "%s was not measured on %s of %s", model, profile->name,
		     board->id);
	else
		fail(err, ERR_NOT_FOUND, "%s was not measured on %s", model, board->id);
	return fail_hint(err, "--gpu-model BOARD takes the figures of another board");
}

int model_find(const char *model, const struct board *board, const struct profile *profile,
	       struct model_run *ret, struct err *err)
{
	const char *gpu = gpu_of_board(board);
	struct model_run run = {0};
	bool has_model = false, has_gpu = false;

	for (size_t i = 0; i < n_model_speeds; i++) {
		const struct model_speed *row = &model_speeds[i];

		if (strcmp(row->model, model) != 0)
			continue;
		has_model = true;
		if (!gpu || strcmp(row->gpu, gpu) != 0)
			continue;
		has_gpu = true;
		if (!same_shape(board, row->profile, profile))
			continue;
		run.rows = run.rows ? run.rows : row;
		run.n++;
	}
	if (!run.n)
		return no_figures(model, has_model, board, has_gpu ? profile : NULL, err);
	*ret = run;
	return 0;
}

unsigned model_max_batch(const struct model_run *run)
{
	return run->rows[run->n - 1].batch;
}

static double row_s(const struct model_speed *row)
{
	return row->batch / row->per_s;
}

double model_batch_s(const struct model_run *run, unsigned batch)
{
	const struct model_speed *low = run->rows, *high;

	for (size_t i = 0; i < run->n && run->rows[i].batch <= batch; i++)
		low = &run->rows[i];
	if (low->batch == batch || low == &run->rows[run->n - 1])
		return row_s(low);
	high = low + 1;
	return row_s(low) + (row_s(high) - row_s(low)) * (batch - low->batch) /
				    (double)(high->batch - low->batch);
}
