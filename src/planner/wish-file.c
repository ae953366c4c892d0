/* A wish from a file of ours. */
#include "planner/wish-part.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"

#define MAX_LAYOUTS 64

struct entry {
	const struct yaml_node *gpus, *instances;
	bool mig, has_mig;
};

static const struct yaml_field entry_fields[] = {
	{"gpus", YAML_NODE, offsetof(struct entry, gpus), .required = true},
	{"mig", YAML_BOOL, offsetof(struct entry, mig), offsetof(struct entry, has_mig)},
	{"instances", YAML_NODE, offsetof(struct entry, instances)},
};

/* ---- lists, or one word alone ---- */

static const struct yaml_node *first_of(const struct yaml_node *list)
{
	return list->kind == YAML_LIST ? list->first : list;
}

static const struct yaml_node *next_of(const struct yaml_node *list, const struct yaml_node *node)
{
	return list->kind == YAML_LIST ? node->next : NULL;
}

static int check_scalar(const struct yaml_node *node, const char *example, struct err *err)
{
	if (node->kind == YAML_SCALAR)
		return 0;
	yaml_node_fail(node, err, "a word or a list of words must stand here");
	return fail_hint(err, "write it like %s", example);
}

static int read_instances(const struct yaml_node *list, struct wish_terms *terms, struct err *err)
{
	for (const struct yaml_node *node = first_of(list); node; node = next_of(list, node)) {
		const struct wish_term where = {.node = node};
		int r = check_scalar(node, "instances: [3g, 2x1g]", err);

		r = r ? r : wish_read_terms(node->text, strlen(node->text), &where, terms, err);
		if (r)
			return r;
	}
	return 0;
}

/* draft NULL: only look whether it could be right. */
static int read_gpus(const struct yaml_node *list, struct wish_draft *draft, bool mig,
		     const struct wish_terms *terms, struct err *err)
{
	if (list->kind == YAML_LIST && !list->n)
		return yaml_node_fail(list, err, "no GPU is named");
	for (const struct yaml_node *node = first_of(list); node; node = next_of(list, node)) {
		const struct wish_term where = {.node = node};
		enum wish_rank rank;
		uint32_t whose;
		int r = check_scalar(node, "gpus: [0, 1]", err);

		if (r)
			return r;
		if (wish_select(node->text, draft ? draft->server : NULL, &whose, &rank, err))
			return wish_fail_in(&where, err);
		r = draft ? wish_give(draft, whose, rank, mig, terms, &where, err) : 0;
		if (r)
			return r;
	}
	return 0;
}

static int read_entry(const struct yaml_node *map, struct wish_draft *draft, struct err *err)
{
	struct entry entry = {.mig = true};
	struct wish_terms terms = {.n = 0};
	int r = yaml_node_read(map, "an entry of a layout", entry_fields, ARRAY_SIZE(entry_fields),
			       &entry, err);

	if (r)
		return r;
	if (entry.mig && !entry.instances) {
		yaml_node_fail(map, err, "'instances' is missing");
		return fail_hint(err, "instances: empty says that there shall be none");
	}
	r = entry.instances ? read_instances(entry.instances, &terms, err) : 0;
	if (!r && !entry.mig && terms.n)
		return yaml_node_fail_key(entry.instances, err,
					  "there are no instances when MIG is off");
	return r ? r : read_gpus(entry.gpus, draft, entry.mig, &terms, err);
}

int wish_choose(const struct yaml_node *map, const char *chosen, const struct yaml_node **ret,
		struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *names[MAX_LAYOUTS], *near;
	size_t n = 0;

	*ret = chosen ? yaml_node_get(map, chosen) : map->first;
	if (*ret && (chosen || map->n == 1))
		return 0;
	for (const struct yaml_node *node = map->first; node && n < MAX_LAYOUTS;
	     node = node->next) {
		names[n] = node->key;
		text_add(&list, n++ ? ", " : "");
		text_add_printable(&list, node->key);
	}
	if (!chosen) {
		yaml_node_fail_key(map, err, "which of the %zu layouts?", map->n);
		return fail_hint(err, "--config is one of: %.300s", text_str(&list));
	}
	near = text_nearest(chosen, names, n);
	fail(err, ERR_NOT_FOUND, "'%.80s' has no layout '%.80s'", map->name, chosen);
	if (near)
		return fail_hint(err, "did you mean '%.80s'?", near);
	return fail_hint(err, "it has: %.300s", text_str(&list));
}

struct ours {
	int64_t version;
	const struct yaml_node *layouts;
};

static const struct yaml_field our_fields[] = {
	{"version", YAML_NUMBER, offsetof(struct ours, version), 0, 1, 1, true},
	{"layouts", YAML_NODE, offsetof(struct ours, layouts), .required = true},
};

int wish_read_ours(const struct yaml_node *root, const char *chosen, struct wish_draft *draft,
		   struct err *err)
{
	struct ours ours = {.version = 0};
	const struct yaml_node *mine;
	int r = yaml_node_read(root, "a layout file", our_fields, ARRAY_SIZE(our_fields), &ours,
			       err);

	if (r)
		return r;
	if (ours.layouts->kind != YAML_MAP || !ours.layouts->n)
		return yaml_node_fail(ours.layouts, err,
				      "'layouts' must have at least one \"NAME:\"");
	r = wish_choose(ours.layouts, chosen, &mine, err);
	if (r)
		return r;
	for (const struct yaml_node *layout = ours.layouts->first; layout; layout = layout->next) {
		if (layout->kind != YAML_LIST || !layout->n)
			return yaml_node_fail(layout, err, "'%.40s' must be a list of entries",
					      layout->key);
		for (const struct yaml_node *node = layout->first; node; node = node->next) {
			r = read_entry(node, layout == mine ? draft : NULL, err);
			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- either kind ---- */

static bool is_parted(const struct yaml_node *root)
{
	const struct yaml_node *version = yaml_node_get(root, "version");

	return yaml_node_get(root, "mig-configs") || (version && !strcmp(version->text, "v1"));
}

int wish_parse(const char *bytes, size_t len, const char *name, const char *chosen,
	       const struct wish_server *server, struct wish *ret, struct err *err)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = NULL;
	struct wish_draft draft = {.server = server};
	const struct yaml_node *root;
	int r = yaml_doc_parse(bytes, len, name, &doc, err);

	if (r)
		return r;
	root = yaml_doc_root(doc);
	r = is_parted(root) ? wish_read_parted(root, chosen, &draft, err)
			    : wish_read_ours(root, chosen, &draft, err);
	if (r)
		return r;
	for (size_t i = 0; i < server->n; i++)
		if (draft.wish.gpus[i].given) {
			*ret = draft.wish;
			return 0;
		}
	return fail(err, ERR_NOT_FOUND, "nothing in '%.80s' is about a GPU of this server",
		    root->name);
}

int wish_load(const char *path, const char *chosen, const struct wish_server *server,
	      struct wish *ret, struct err *err)
{
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, YAML_MAX_BYTES, &bytes, &len, err);

	return r ? r : wish_parse(bytes, len, path, chosen, server, ret, err);
}
