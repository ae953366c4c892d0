#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "check/judge-part.h"

char *gpu_set_format(char *buf, size_t size, const struct facts *facts, struct gpu_set set)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	unsigned n = 0, last = 0, ranged = false;

	GPU_SET_EACH(i, set)
	{
		unsigned index = facts->gpus[i].info.index;

		if (n && index == last + 1) {
			ranged = true;
		} else {
			if (ranged)
				text_addf(&text, "-%u", last);
			text_addf(&text, "%s%u", n ? ", " : "", index);
			ranged = false;
		}
		last = index;
		n++;
	}
	if (ranged)
		text_addf(&text, "-%u", last);
	snprintf(buf, size, "GPU%s %s", n == 1 ? "" : "s", text_str(&text));
	return buf;
}

struct gpu_set gpus_that(const struct facts *facts, bool (*test)(const struct fact_gpu *gpu))
{
	struct gpu_set set = {0};

	for (size_t i = 0; i < facts->n_gpus; i++)
		if (test(&facts->gpus[i]))
			gpu_set_add(&set, i);
	return set;
}

void answer_gpus(struct answer *answer, enum verdict verdict, const struct facts *facts,
		 struct gpu_set set, const char *format, ...)
{
	char names[200], sentence[300];
	va_list args;

	if (!set.bits)
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	answer_add(answer, verdict, "%s: %s", gpu_set_format(names, sizeof(names), facts, set),
		   sentence);
}

bool gpu_is_capable(const struct fact_gpu *gpu)
{
	return !gpu->info.lost && gpu->info.mig_capable;
}

bool gpu_is_not_ready(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && !gpu->left_alone &&
	       (!gpu->info.mig || !gpu->info.mig_pending);
}

bool gpu_needs_reset(const struct fact_gpu *gpu)
{
	return gpu_is_not_ready(gpu) && !(gpu->info.board && gpu->info.board->resetless_mig);
}
