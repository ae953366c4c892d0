/* A wish as text. GPUs of equal texts share an entry of a file. */
#include "planner/wish.h"

#include <string.h>

#include "base/cleanup.h"

/* How many from there on are the same, wherever they lie. */
static size_t count_equal(const struct wish_gpu *gpu, size_t first)
{
	size_t n = 1;

	while (first + n < gpu->n && !gpu->at[first].has_start && !gpu->at[first + n].has_start &&
	       gpu->at[first + n].profile == gpu->at[first].profile)
		n++;
	return n;
}

void wish_write_gpu(const struct wish_gpu *gpu, struct text *ret)
{
	if (!gpu->mig)
		text_add(ret, "off");
	else if (!gpu->n)
		text_add(ret, "empty");
	for (size_t i = 0, n; i < gpu->n; i += n) {
		char shape[32];

		n = count_equal(gpu, i);
		text_add(ret, i ? "," : "");
		if (n > 1)
			text_addf(ret, "%zux", n);
		text_add(ret, profile_shape(gpu->at[i].profile, shape, sizeof(shape)));
		if (gpu->at[i].has_start)
			text_addf(ret, "@%u", gpu->at[i].start);
	}
}

static void add_yaml(const struct wish_gpu *gpu, struct text *ret)
{
	if (!gpu->mig) {
		text_add(ret, "      mig: off\n");
		return;
	}
	text_add(ret, "      instances: ");
	if (!gpu->n)
		text_add(ret, "empty\n");
	for (size_t i = 0; i < gpu->n; i++) {
		text_addf(ret, "%s%s", i ? ", " : "[", gpu->at[i].profile->name);
		if (gpu->at[i].has_start)
			text_addf(ret, "@%u", gpu->at[i].start);
	}
	if (gpu->n)
		text_add(ret, "]\n");
}

static void add_parted(const struct wish_gpu *gpu, struct text *ret)
{
	text_addf(ret, "      mig-enabled: %s\n      mig-devices:%s\n", gpu->mig ? "true" : "false",
		  gpu->n ? "" : " {}");
	for (size_t i = 0; i < gpu->n; i++) {
		unsigned count = 0;
		bool seen = false;

		for (size_t k = 0; k < gpu->n; k++) {
			count += gpu->at[k].profile == gpu->at[i].profile;
			seen |= k < i && gpu->at[k].profile == gpu->at[i].profile;
		}
		if (!seen)
			text_addf(ret, "        \"%s\": %u\n", gpu->at[i].profile->name, count);
	}
}

static const struct file_form {
	const char *top, *list; /* list: before the indices */
	void (*add)(const struct wish_gpu *gpu, struct text *ret);
} file_forms[] = {
	[WISH_YAML] = {"version: 1\nlayouts:\n", "gpus", add_yaml},
	[WISH_MIG_PARTED] = {"version: v1\nmig-configs:\n", "devices", add_parted},
};

/* One entry for the GPUs from first on that read the same; they are marked done. */
static void add_entry(const struct file_form *form, const struct wish_server *server,
		      const struct wish *wish, size_t first, uint32_t *done, struct text *ret)
{
	cleanup(text_done) struct text mine = TEXT_INIT;

	form->add(&wish->gpus[first], &mine);
	text_addf(ret, "    - %s: [", form->list);
	for (size_t i = first; i < server->n; i++) {
		cleanup(text_done) struct text theirs = TEXT_INIT;

		if (!wish->gpus[i].given || *done >> i & 1)
			continue;
		form->add(&wish->gpus[i], &theirs);
		if (strcmp(text_str(&mine), text_str(&theirs)) != 0)
			continue;
		*done |= 1u << i;
		text_addf(ret, "%s%u", i > first ? ", " : "", server->gpus[i].index);
	}
	text_addf(ret, "]\n%s", text_str(&mine));
}

static void write_words(const struct wish_server *server, const struct wish *wish, struct text *ret)
{
	for (size_t i = 0; i < server->n; i++) {
		if (!wish->gpus[i].given)
			continue;
		text_addf(ret, "gpu%u=", server->gpus[i].index);
		wish_write_gpu(&wish->gpus[i], ret);
		text_add(ret, "\n");
	}
}

void wish_write(enum wish_form form, const struct wish_server *server, const struct wish *wish,
		const char *name, struct text *ret)
{
	uint32_t done = 0;

	if (form == WISH_WORDS) {
		write_words(server, wish, ret);
		return;
	}
	text_addf(ret, "%s  %s:\n", file_forms[form].top, name);
	for (size_t i = 0; i < server->n; i++)
		if (wish->gpus[i].given && !(done >> i & 1))
			add_entry(&file_forms[form], server, wish, i, &done, ret);
}
