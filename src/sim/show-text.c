/*
 * Three columns: what it is (a tree), memory, share of its time.
 *
 *	GPU 0   NVIDIA A100-SXM4-80GB, MIG on
 *		GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f  0000:07:00.0
 *		41 C, 132 of 400 W                       6 GiB of 80 GiB     26%
 *	  GI 2  3g.40gb at 0                             6 GiB of 39.2 GiB   60%
 *	   CI 0 MIG-41b35f9c-1b52-5a5e-9a8e-1b0c3a3ad9b5                     60%
 *	        4711 carve-sim                           6 GiB               60%
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "sim/show.h"

#define WHAT_COLUMNS 50

struct row {
	char what[160];
	char memory[64];
	double busy; /* below 0: none */
};

static void print_row(const struct row *row)
{
	char what[160], busy[16] = "";
	int pad;

	text_printable(what, sizeof(what), row->what);
	if (row->busy >= 0)
		snprintf(busy, sizeof(busy), "%.0f%%", row->busy * 100);
	pad = WHAT_COLUMNS - (int)text_width(what);
	if (!row->memory[0] && !busy[0])
		printf("%s\n", what);
	else
		printf("%s%*s %-22s %5s\n", what, pad > 0 ? pad : 0, "", row->memory, busy);
}

static void fill_memory(struct row *row, const struct world_state *state, unsigned gpu, uint32_t gi)
{
	struct world_memory memory;
	char used[24], total[24];

	world_memory(state, gpu, gi, &memory);
	snprintf(row->memory, sizeof(row->memory), "%s of %s",
		 size_format(used, sizeof(used), memory.used_bytes),
		 size_format(total, sizeof(total), memory.total_bytes));
}

static void show_processes(const struct world_state *state, unsigned gpu, uint32_t gi, uint32_t ci)
{
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];
		struct row row = {.busy = process->busy};

		if (process->gpu != gpu || process->gi != gi || process->ci != ci)
			continue;
		snprintf(row.what, sizeof(row.what), "        pid %u %s", process->pid,
			 process->name);
		size_format(row.memory, sizeof(row.memory), process->memory_bytes);
		print_row(&row);
	}
}

static void show_ci(const struct world_state *state, unsigned index, unsigned gi, unsigned ci)
{
	const struct world_gpu *gpu = &state->gpus[index];
	const struct world_gi *found = &gpu->gis[gi];
	const struct ci_profile *profile = world_ci_profile(gpu, found, &found->cis[ci]);
	struct row row = {.busy = world_busy(state, index, gi, ci)};
	char uuid[48];

	world_mig_uuid(gpu, gi, ci, uuid, sizeof(uuid));
	snprintf(row.what, sizeof(row.what), "   CI %u %s", ci, uuid);
	if (!profile->whole)
		snprintf(row.memory, sizeof(row.memory), "%s", profile->name);
	print_row(&row);
	show_processes(state, index, gi, ci);
}

static void show_gi(const struct world_state *state, unsigned index, unsigned gi)
{
	const struct world_gpu *gpu = &state->gpus[index];
	const struct world_gi *found = &gpu->gis[gi];
	struct row row = {.busy = world_busy(state, index, gi, WORLD_NONE)};

	snprintf(row.what, sizeof(row.what), "  GI %-2u %s at %u", gi,
		 world_gi_profile(gpu, found)->name, found->start);
	fill_memory(&row, state, index, gi);
	print_row(&row);
	for (unsigned ci = 0; ci < WORLD_MAX_CIS; ci++)
		if (found->cis[ci].exists)
			show_ci(state, index, gi, ci);
}

static const char *mig_text(const struct world_gpu *gpu)
{
	if (gpu->lost)
		return "fallen off the bus";
	if (gpu->mig == gpu->mig_pending)
		return gpu->mig ? "MIG on" : "MIG off";
	return gpu->mig ? "MIG on, off after a reset" : "MIG off, on after a reset";
}

static void show_gpu(const struct world_state *state, unsigned index)
{
	const struct world_gpu *gpu = &state->gpus[index];
	struct world_health health;
	struct row row = {.busy = -1};

	snprintf(row.what, sizeof(row.what), "GPU %-3u %s, %s", index, gpu->name, mig_text(gpu));
	print_row(&row);
	snprintf(row.what, sizeof(row.what), "        %s  %04x:%02x:%02x.0", gpu->uuid, gpu->domain,
		 gpu->bus, gpu->device);
	print_row(&row);
	world_health(state, index, clock_monotonic_ns(), &health);
	snprintf(row.what, sizeof(row.what), "        %.0f C, %u of %u W", health.temperature_c,
		 health.power_mw / 1000, health.limit_mw / 1000);
	fill_memory(&row, state, index, WORLD_NONE);
	row.busy = health.busy;
	print_row(&row);
	show_processes(state, index, WORLD_NONE, WORLD_NONE);
	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		if (gpu->gis[gi].exists)
			show_gi(state, index, gi);
}

static unsigned count_faults(const struct world_state *state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_MAX_FAULTS; i++)
		n += state->faults[i].id != 0;
	return n;
}

void show_text(const struct world_state *state, const char *dir)
{
	unsigned n_faults = count_faults(state);

	printf("%s: driver %s, delays x %g", dir, state->driver, state->latency);
	if (n_faults)
		printf(", %u fault%s armed", n_faults, n_faults == 1 ? "" : "s");
	printf("\n");
	for (unsigned i = 0; i < state->n_gpus; i++) {
		printf("\n");
		show_gpu(state, i);
	}
}
