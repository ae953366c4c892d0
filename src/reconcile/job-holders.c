#include "reconcile/job-holders.h"

#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/openers.h"
#include "base/text.h"

#define MOST_NAMED 3

/* The node of a GPU instance, if the driver tells which it is. */
static bool instance_node(const struct isolate_roots *roots, unsigned minor, unsigned gi,
			  struct open_file *ret)
{
	struct driver_majors majors = {.has_caps = false};
	struct err ignored = ERR_INIT;
	unsigned gi_cap, ci_cap;

	if (driver_majors(roots, &majors, &ignored) || !majors.has_caps ||
	    driver_caps(roots, minor, gi, 0, &gi_cap, &ci_cap, &ignored))
		return false;
	*ret = open_file_by_number("its capability node", makedev(majors.caps, gi_cap));
	return true;
}

/* A process that has both nodes open is one. */
static bool is_told(const struct openers *openers, size_t i)
{
	return i > 0 && openers->items[i - 1].pid == openers->items[i].pid;
}

static void add_openers(const struct openers *openers, struct text *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < openers->n; i++) {
		const struct opener *opener = &openers->items[i];
		char name[256];

		if (opener->pid == getpid() || is_told(openers, i))
			continue;
		if (n++ < MOST_NAMED)
			text_addf(ret, "%s%s", ret->len ? ", " : "",
				  opener_format(name, sizeof(name), opener));
	}
	if (n > MOST_NAMED)
		text_addf(ret, " and %zu more", n - MOST_NAMED);
}

void job_name_holders(const struct isolate_roots *roots, unsigned minor, bool has_gi, unsigned gi,
		      char *ret, size_t size)
{
	cleanup(openers_done) struct openers openers = {0};
	cleanup(text_done) struct text text = TEXT_INIT;
	struct open_file files[2] = {
		open_file_by_number("the GPU's node", makedev(DRIVER_GPU_MAJOR, minor))};
	struct err ignored = ERR_INIT;
	size_t n = 1;

	if (has_gi && instance_node(roots, minor, gi, &files[1]))
		n = 2;
	if (!openers_find(roots->proc, files, n, OPENER_FD, &openers, &ignored))
		add_openers(&openers, &text);
	snprintf(ret, size, "%s", text_str(&text));
}
