#include "sim/world-file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/sizes.h"
#include "base/text.h"
#include "sim/world-file-part.h"

struct world_plan *plan_new(void)
{
	return calloc(1, sizeof(struct world_plan));
}

/* ---- words ---- */

const struct board *plan_board(const char *id, struct err *err)
{
	const struct board *board = board_by_id(id);
	const char *ids[64], *near;
	size_t n;

	if (board)
		return board;
	n = board_ids(ids, ARRAY_SIZE(ids));
	near = text_nearest(id, ids, n < ARRAY_SIZE(ids) ? n : ARRAY_SIZE(ids));
	fail(err, ERR_INVALID, "there is no board '%.80s'", id);
	if (near)
		fail_hint(err, "did you mean '%s'?", near);
	else
		fail_hint(err, "carve-sim boards lists them");
	return NULL;
}

static bool hex_field(const char **s, size_t min, size_t max, char end, uint32_t *ret)
{
	size_t n = strspn(*s, "0123456789abcdefABCDEF");

	if (n < min || n > max || (*s)[n] != end)
		return false;
	*ret = (uint32_t)strtoul(*s, NULL, 16);
	*s += n + (end != '\0');
	return true;
}

bool plan_parse_pci(const char *s, uint32_t *ret_domain, uint8_t *ret_bus, uint8_t *ret_device)
{
	uint32_t domain, bus, device, function;

	if (!hex_field(&s, 4, 8, ':', &domain) || !hex_field(&s, 2, 2, ':', &bus) ||
	    !hex_field(&s, 2, 2, '.', &device) || !hex_field(&s, 1, 1, '\0', &function))
		return false;
	if (device > 31 || function != 0)
		return false;
	*ret_domain = domain;
	*ret_bus = (uint8_t)bus;
	*ret_device = (uint8_t)device;
	return true;
}

int plan_read_word(const struct yaml_node *map, const char *key, char *ret, size_t size,
		   struct err *err)
{
	const struct yaml_node *node = yaml_node_get(map, key);
	char printable[128];

	if (!node)
		return 0;
	if (!node->text[0] || strlen(node->text) >= size)
		return yaml_node_fail(node, err, "'%s' must have 1 to %zu characters", key,
				      size - 1);
	text_printable(printable, sizeof(printable), node->text);
	if (strcmp(printable, node->text) != 0)
		return yaml_node_fail(node, err, "'%s' has characters that cannot be printed", key);
	snprintf(ret, size, "%s", node->text);
	return 0;
}

/* ---- the list of boards on the command line ---- */

struct plan_gpu *plan_add_gpu(struct world_plan *plan, struct err *err)
{
	if (plan->n_gpus == PLAN_MAX_GPUS) {
		fail(err, ERR_TOO_LARGE, "a world has at most %d GPUs", PLAN_MAX_GPUS);
		return NULL;
	}
	return &plan->gpus[plan->n_gpus++];
}

static int add_boards(struct world_plan *plan, const char *id, int64_t count, struct err *err)
{
	const struct board *board = plan_board(id, err);

	if (!board)
		return -(int)err->code;
	for (int64_t i = 0; i < count; i++) {
		struct plan_gpu *gpu = plan_add_gpu(plan, err);

		if (!gpu)
			return -(int)err->code;
		gpu->board = board;
	}
	return 0;
}

int plan_add_boards(struct world_plan *plan, const char *list, struct err *err)
{
	for (const char *s = list;;) {
		char word[80], *colon;
		size_t len = strcspn(s, ",");
		int64_t count = 1;
		int r = 0;

		snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)),
			 s);
		colon = strchr(word, ':');
		if (colon) {
			*colon = '\0';
			r = number_parse(colon + 1, "the number of boards", 1, PLAN_MAX_GPUS,
					 &count, err);
		}
		r = r ? r : add_boards(plan, word, count, err);
		if (r || !s[len])
			return r;
		s += len + 1;
	}
}

/* ---- the file ---- */

struct file_wish {
	const char *driver;
	bool has_seed, has_latency, fixed_order;
	int64_t seed, linger_ms;
	double latency;
	const struct yaml_node *gpus, *processes, *faults;
};

static const struct yaml_field file_fields[] = {
	{"driver", YAML_TEXT, offsetof(struct file_wish, driver)},
	{"seed", YAML_NUMBER, offsetof(struct file_wish, seed),
	 offsetof(struct file_wish, has_seed), 0, INT64_MAX},
	{"latency", YAML_FACTOR, offsetof(struct file_wish, latency),
	 offsetof(struct file_wish, has_latency)},
	{"linger-ms", YAML_NUMBER, offsetof(struct file_wish, linger_ms), 0, 0, PLAN_MAX_LINGER_MS},
	{"fixed-order", YAML_BOOL, offsetof(struct file_wish, fixed_order)},
	{"gpus", YAML_NODE, offsetof(struct file_wish, gpus), .required = true},
	{"processes", YAML_NODE, offsetof(struct file_wish, processes)},
	{"faults", YAML_NODE, offsetof(struct file_wish, faults)},
};

static int read_list(const struct yaml_node *list, const char *what, struct world_plan *plan,
		     int (*read)(const struct yaml_node *, struct world_plan *, struct err *),
		     struct err *err)
{
	if (!list)
		return 0;
	if (list->kind != YAML_LIST)
		return yaml_node_fail(list, err, "'%s' must be a list", what);
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int r = read(node, plan, err);

		if (r)
			return r;
	}
	return 0;
}

bool plan_is_driver_version(const char *s)
{
	size_t digits = strspn(s, "0123456789"), rest = strspn(s, "0123456789.");

	return digits >= 3 && digits <= 4 && s[rest] == '\0' && rest < 24 && s[rest - 1] != '.' &&
	       !strstr(s, "..") && strchr(s, '.');
}

static int read_file(const struct yaml_node *root, struct world_plan *plan, struct err *err)
{
	struct file_wish wish = {0};
	int r = yaml_node_read(root, "a world", file_fields, ARRAY_SIZE(file_fields), &wish, err);

	if (r)
		return r;
	if (wish.driver && !plan_is_driver_version(wish.driver))
		return yaml_node_fail(yaml_node_get(root, "driver"), err,
				      "'%.40s' is not a driver version such as 550.163.01",
				      wish.driver);
	snprintf(plan->driver, sizeof(plan->driver), "%s", wish.driver ? wish.driver : "");
	plan->has_seed = wish.has_seed;
	plan->seed = wish.seed;
	plan->has_latency = wish.has_latency;
	plan->latency = wish.latency;
	plan->linger_ms = wish.linger_ms;
	plan->fixed_order = wish.fixed_order;
	r = read_list(wish.gpus, "gpus", plan, plan_read_gpu, err);
	r = r ? r : plan_refuse_twins(wish.gpus, plan, err);
	r = r ? r : read_list(wish.processes, "processes", plan, plan_read_process, err);
	return r ? r : read_list(wish.faults, "faults", plan, plan_read_fault, err);
}

int plan_parse(struct world_plan *plan, const char *bytes, size_t len, const char *name,
	       struct err *err)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
	int r = yaml_doc_parse(bytes, len, name, &doc, err);

	return r ? r : read_file(yaml_doc_root(doc), plan, err);
}

int plan_load(struct world_plan *plan, const char *path, struct err *err)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
	int r = yaml_doc_load(path, &doc, err);

	return r ? r : read_file(yaml_doc_root(doc), plan, err);
}
