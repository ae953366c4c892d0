#include "cli/layout-plan.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/ruler.h"
#include "cli/view.h"

#define RULER_WIDTH 72

static const struct column step_columns[] = {
	{"step", "STEP", COLUMN_NUMBER, "its number on its GPU"},
	{"gpu", "GPU", COLUMN_NUMBER, "index of the GPU"},
	{"do", "DO", COLUMN_TEXT, "destroy, create, enable-mig or disable-mig"},
	{"profile", "PROFILE", COLUMN_TEXT, "the profile"},
	{"start", "AT", COLUMN_NUMBER, "its first placement unit"},
	{"time_s", "SECONDS", COLUMN_FACTOR, "how long the driver works on it"},
	{"lease", "LEASE", COLUMN_NUMBER, "the lease that it takes the instance from"},
	{"user", "USER", COLUMN_TEXT, "who holds it"},
	{"pids", "PIDS", COLUMN_LIST, "the processes on it"},
	{"ends_s", "WAITS", COLUMN_LEFT, "time until the lease ends"},
};

/* ---- making the plan ---- */

struct plan {
	const struct present *present;
	json_t *gpus, *steps, *waits;
	uint64_t longest_ms;
	bool measured;
};

void layout_words(const struct wish_gpu *gpu, struct text *ret)
{
	if (gpu->given)
		wish_write_gpu(gpu, ret);
}

static void set_words(json_t *object, const char *key, const struct wish_gpu *gpu)
{
	cleanup(text_done) struct text words = TEXT_INIT;

	layout_words(gpu, &words);
	json_object_set_new(object, key, gpu->given ? json_string(text_str(&words)) : json_null());
}

static struct wish_gpu wish_of(const struct layout *layout)
{
	struct wish_gpu wish = {.given = true, .mig = true, .n = layout->n};

	for (unsigned i = 0; i < layout->n; i++)
		wish.at[i] = (struct wish_item){
			&layout->board->profiles[layout->at[i].profile],
			.has_start = true,
			.start = layout->at[i].start,
		};
	return wish;
}

static json_t *or_null(const json_t *value)
{
	return value ? json_incref((json_t *)value) : json_null();
}

static json_t *seconds(uint64_t ms)
{
	return json_real((double)ms / 1000);
}

static void add_step(struct plan *plan, size_t i, size_t number, const struct change_step *step)
{
	const struct present_gpu *gpu = &plan->present->gpus[i];
	const json_t *holder = step->create ? NULL : gpu->instances[step->instance];
	json_t *row = json_pack("{s:I, s:I, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "step",
				(json_int_t)number, "gpu",
				(json_int_t)plan->present->server.gpus[i].index, "do",
				step->create ? "create" : "destroy", "profile", step->profile->name,
				"start", step->start, "time_s", seconds(step->ms), "lease",
				or_null(json_object_get(holder, "lease")), "user",
				or_null(json_object_get(holder, "user")), "pids",
				holder ? json_incref(gpu->pids[step->instance]) : json_array(),
				"ends_s", or_null(json_object_get(holder, "ends_s")));

	json_array_append_new(plan->steps, row);
	if (!step->create && gpu->gpu.at[step->instance].use == CHANGE_BUSY)
		json_array_append(plan->waits, row);
}

/* The driver's time for it is not known. */
static void add_mode_step(struct plan *plan, size_t i, size_t number, bool enable)
{
	json_array_append_new(plan->steps,
			      json_pack("{s:I, s:I, s:s, s:n, s:n, s:n, s:n, s:n, s:[], s:n}",
					"step", (json_int_t)number, "gpu",
					(json_int_t)plan->present->server.gpus[i].index, "do",
					enable ? "enable-mig" : "disable-mig", "profile", "start",
					"time_s", "lease", "user", "pids", "ends_s"));
}

static void add_gpu(struct plan *plan, size_t i, const struct wish_gpu *wish,
		    const struct change *change)
{
	const struct present_gpu *gpu = &plan->present->gpus[i];
	const struct wish_host *host = &plan->present->server.gpus[i];
	cleanup(text_done) struct text why = TEXT_INIT;
	struct wish_gpu goal = wish_of(&change->goal);
	json_t *words, *row;

	goal.mig = wish->mig;
	if (gpu->mig != wish->mig && !change->n)
		text_add(&why, "MIG mode is what differs");
	else
		change_why(&gpu->gpu, wish, change, &why);
	words = json_pack("{s:I, s:s?, s:s}", "index", (json_int_t)host->index, "uuid", host->uuid,
			  "board", host->board->id);
	set_words(words, "now", &plan->present->now.gpus[i]);
	set_words(words, "wish", wish);
	set_words(words, "goal", &goal);
	row = json_pack("{s:i, s:i, s:i, s:b, s:b, s:o, s:b, s:s}", "destroyed",
			(int)change->cost.destroyed, "created", (int)change->cost.created, "kept",
			__builtin_popcount(change->kept), "mode_changes", gpu->mig != wish->mig,
			"needs_reset", gpu->mig != wish->mig && !host->board->resetless_mig,
			"time_s", seconds(change->cost.ms), "measured", change->measured, "why",
			text_str(&why));
	json_object_update_new(words, row);
	json_array_append_new(plan->gpus, words);
}

static int can_change(const struct present_gpu *gpu, struct err *err)
{
	const char *state = json_string_value(json_object_get(gpu->json, "state"));

	if (json_is_false(json_object_get(gpu->json, "managed")))
		return fail(err, ERR_REFUSED, "the policy leaves it alone");
	if (state && strcmp(state, "ok") != 0)
		return fail(err, ERR_UNAVAILABLE, "its state is '%.40s'", state);
	if (!gpu->readable)
		return fail(err, ERR_UNSUPPORTED,
			    "it cannot MIG, or has what the catalogue does not");
	return 0;
}

static int plan_gpu(struct plan *plan, size_t i, const struct wish_gpu *wish, struct err *err)
{
	const struct present_gpu *gpu = &plan->present->gpus[i];
	struct change change;
	size_t number = 0;
	int r = can_change(gpu, err);

	r = r ? r : change_make(&gpu->gpu, wish, &change, err);
	if (r)
		return fail_in(err, "GPU %u: ", plan->present->server.gpus[i].index);
	if (wish->mig && !gpu->mig)
		add_mode_step(plan, i, ++number, true);
	for (size_t k = 0; k < change.n; k++)
		add_step(plan, i, ++number, &change.steps[k]);
	if (!wish->mig && gpu->mig)
		add_mode_step(plan, i, ++number, false);
	add_gpu(plan, i, wish, &change);
	plan->measured &= change.measured;
	if (change.cost.ms > plan->longest_ms)
		plan->longest_ms = change.cost.ms;
	return 0;
}

/* Equal GPUs exchange what is wished for them. */
static int exchange(const struct present *present, struct wish *wish, struct err *err)
{
	struct change_gpu gpus[WISH_MAX_GPUS];
	struct wish_gpu before[WISH_MAX_GPUS];
	size_t of[WISH_MAX_GPUS];
	int r;

	memcpy(before, wish->gpus, sizeof(before));
	for (size_t i = 0; i < present->server.n; i++) {
		gpus[i] = present->gpus[i].gpu;
		/* A GPU that cannot be changed is left to plan_gpu(), which says why. */
		if (can_change(&present->gpus[i], err))
			before[i].given = false;
	}
	r = change_assign(gpus, before, present->server.n, of, err);
	if (r)
		return r;
	for (size_t i = 0; i < present->server.n; i++)
		if (before[i].given)
			wish->gpus[i] = before[of[i]];
	return 0;
}

int layout_plan(const struct present *present, struct wish *wish, bool any_order, json_t **ret,
		struct err *err)
{
	struct plan plan = {.present = present, .measured = true};
	cleanup(json_decref) json_t *answer =
		json_pack("{s:[], s:[], s:[]}", "gpus", "steps", "waits");
	int r = any_order ? exchange(present, wish, err) : 0;

	if (!answer)
		return fail(err, ERR_NOMEM, "no memory for a plan");
	plan.gpus = json_object_get(answer, "gpus");
	plan.steps = json_object_get(answer, "steps");
	plan.waits = json_object_get(answer, "waits");
	for (size_t i = 0; i < present->server.n && !r; i++)
		if (wish->gpus[i].given)
			r = plan_gpu(&plan, i, &wish->gpus[i], err);
	if (r)
		return r;
	json_object_set_new(answer, "time_s", seconds(plan.longest_ms));
	json_object_set_new(answer, "measured", json_boolean(plan.measured));
	*ret = steal(answer);
	return 0;
}

/* ---- for people ---- */

static const char *string_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t integer_at(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Without blanks at its end. */
static void print_ruler(const char *head, const struct text *ruler)
{
	size_t len = ruler->len;

	while (len && text_str(ruler)[len - 1] == ' ')
		len--;
	printf("%s%.*s\n", head, (int)len, text_str(ruler));
}

static void draw_goal(const json_t *row, const struct present_gpu *gpu, struct text *ret)
{
	const struct wish_server one = {.n = 1, .gpus = {{0, NULL, gpu->gpu.board}}};
	cleanup(text_done) struct text word = TEXT_INIT;
	struct err ignored = ERR_INIT;
	struct wish wish;
	struct layout layout;
	char *words[1];

	text_addf(&word, "0=%s", string_at(row, "goal"));
	words[0] = word.s;
	layout_init(&layout, gpu->gpu.board);
	if (!wish_from_words(words, 1, &one, &wish, &ignored) && wish.gpus[0].mig)
		for (size_t i = 0; i < wish.gpus[0].n; i++)
			layout_take(&layout, wish.gpus[0].at[i].profile, wish.gpus[0].at[i].start);
	if (!strcmp(string_at(row, "goal"), "off"))
		text_add(ret, "MIG is off");
	else
		layout_draw(&layout, RULER_WIDTH / gpu->gpu.board->units, NULL, NULL, ret);
}

static void print_gpu(const json_t *row, const struct present_gpu *gpu)
{
	cleanup(text_done) struct text head = TEXT_INIT;
	cleanup(text_done) struct text now = TEXT_INIT;
	cleanup(text_done) struct text then = TEXT_INIT;

	view_add(gpu->json, "GPU ", "index", COLUMN_NUMBER, "", 0, &head);
	view_add(gpu->json, "  ", "name", COLUMN_TEXT, "", 0, &head);
	ruler_draw(gpu->json, RULER_WIDTH, &now);
	draw_goal(row, gpu, &then);
	printf("%s\n", text_str(&head));
	print_ruler("now   ", &now);
	print_ruler("then  ", &then);
	printf("%lld destroyed, %lld created, %lld kept: %s\n",
	       (long long)integer_at(row, "destroyed"), (long long)integer_at(row, "created"),
	       (long long)integer_at(row, "kept"), string_at(row, "why"));
	if (json_is_true(json_object_get(row, "needs_reset")))
		printf("the change of MIG mode needs a reset of this GPU\n");
	printf("\n");
}

static void print_wait(const json_t *step, int64_t now_s)
{
	cleanup(text_done) struct text line = TEXT_INIT;
	cleanup(text_done) struct text left = TEXT_INIT;
	const json_t *pids = json_object_get(step, "pids");

	view_add(step, "waits for lease ", "lease", COLUMN_NUMBER, "", now_s, &line);
	view_add(step, " of ", "user", COLUMN_TEXT, "", now_s, &line);
	if (!line.len)
		text_add(&line, "waits");
	if (json_array_size(pids))
		view_add(step, line.len > 5 ? ", processes " : " for processes ", "pids",
			 COLUMN_LIST, "", now_s, &line);
	view_value(COLUMN_LEFT, json_object_get(step, "ends_s"), now_s, &left);
	if (left.len)
		text_addf(&line,
			  strcmp(text_str(&left), "over") ? ": ends in %s" : ": its time is %s",
			  text_str(&left));
	printf("%s\n", text_str(&line));
}

static void print_end(const json_t *plan)
{
	const json_t *step;
	size_t i;

	printf("\n");
	json_array_foreach(json_object_get(plan, "waits"), i, step)
		print_wait(step, clock_now_s());
	printf("about %.2g s of the driver's work%s\n",
	       json_number_value(json_object_get(plan, "time_s")),
	       json_is_true(json_object_get(plan, "measured"))
		       ? ""
		       : ", taking this board to be as slow as H100");
}

int layout_plan_print(const struct cli_wish *wish, const struct present *present,
		      const json_t *plan, struct err *err)
{
	const json_t *row;
	size_t i;
	int r;

	json_array_foreach(json_object_get(plan, "gpus"), i, row)
		for (size_t k = 0; k < present->server.n; k++)
			if (present->server.gpus[k].index == integer_at(row, "index"))
				print_gpu(row, &present->gpus[k]);
	if (!json_array_size(json_object_get(plan, "steps"))) {
		printf("nothing to do\n");
		return 0;
	}
	r = view_print(wish, step_columns, ARRAY_SIZE(step_columns), json_object_get(plan, "steps"),
		       err);
	if (!r)
		print_end(plan);
	return r;
}

void layout_plan_help(void)
{
	view_help("columns of plan:", step_columns, ARRAY_SIZE(step_columns));
}
