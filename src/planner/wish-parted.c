/*
 * A wish from a mig-parted file, as strict as the original. Entries count in
 * the order of the file. Two things are told that it keeps to itself: a device
 * filter that is no number, and a subsystem id, which is not known here.
 */
#include "planner/wish-part.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/sizes.h"

#define NVIDIA 0x10deu

struct entry {
	const struct yaml_node *filter, *devices, *instances;
	bool enabled;
};

static const struct yaml_field entry_fields[] = {
	{"device-filter", YAML_NODE, offsetof(struct entry, filter)},
	{"devices", YAML_NODE, offsetof(struct entry, devices), .required = true},
	{"mig-enabled", YAML_BOOL, offsetof(struct entry, enabled), .required = true},
	{"mig-devices", YAML_NODE, offsetof(struct entry, instances)},
};

/* ---- device-filter ---- */

/* "0x233010DE" or decimal, up to end. */
static bool read_id(const char *text, char end, uint32_t *ret, const char **ret_end)
{
	int base = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2) ? 16 : 10;
	char *stop;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &stop, base);
	if (!isdigit((unsigned char)text[0]) || errno || value > UINT32_MAX ||
	    (*stop && *stop != end))
		return false;
	*ret = (uint32_t)value;
	*ret_end = stop;
	return true;
}

static bool has_id(const struct board *board, uint32_t id)
{
	for (size_t i = 0; board && i < board->n_pci_device_ids; i++)
		if (((uint32_t)board->pci_device_ids[i] << 16 | NVIDIA) == id)
			return true;
	return false;
}

/* The GPUs that pass, as bits; without a draft only whether it is a filter. */
static int read_filter(const struct yaml_node *node, const struct wish_draft *draft,
		       uint32_t *ret_passed, bool *ret_unsure, struct err *err)
{
	uint32_t id, subsystem;
	const char *end;

	if (node->kind != YAML_SCALAR || !read_id(node->text, ':', &id, &end) ||
	    (*end && !read_id(end + 1, '\0', &subsystem, &end))) {
		yaml_node_fail(node, err, "'%.40s' is no device filter", node->text);
		return fail_hint(err, "write it like \"0x233010DE\": PCI device id and vendor id");
	}
	for (size_t i = 0; draft && i < draft->server->n; i++) {
		if (!has_id(draft->server->gpus[i].board, id))
			continue;
		if (strchr(node->text, ':'))
			*ret_unsure = true;
		else
			*ret_passed |= 1u << i;
	}
	return 0;
}

static int read_filters(const struct yaml_node *filter, const struct wish_draft *draft,
			uint32_t *ret, struct err *err)
{
	bool unsure = false;
	int r = 0;

	*ret = filter ? 0 : UINT32_MAX;
	if (filter && filter->kind != YAML_LIST)
		r = read_filter(filter, draft, ret, &unsure, err);
	else if (filter)
		for (const struct yaml_node *node = filter->first; node && !r; node = node->next)
			r = read_filter(node, draft, ret, &unsure, err);
	if (r || !unsure || *ret)
		return r;
	yaml_node_fail(filter, err, "subsystem ids of GPUs are not known here");
	return fail_hint(err, "the filter without \":0x...\" means all of that device id");
}

/* ---- devices ---- */

static int read_devices(const struct yaml_node *node, const struct wish_draft *draft, uint32_t *ret,
			struct err *err)
{
	*ret = 0;
	if (node->kind == YAML_SCALAR && !strcmp(node->text, "all")) {
		for (size_t i = 0; draft && i < draft->server->n; i++)
			if (draft->server->gpus[i].board)
				*ret |= 1u << i;
		return 0;
	}
	if (node->kind != YAML_LIST) {
		yaml_node_fail(node, err, "'devices' is neither \"all\" nor a list of indices");
		return fail_hint(err, "write it like devices: [0, 1]");
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		int64_t index;

		if (item->kind != YAML_SCALAR || !item->plain)
			return yaml_node_fail(item, err, "a device must be a plain index");
		if (number_parse(item->text, "device", 0, INT32_MAX, &index, err))
			return yaml_node_fail_in(item, err);
		/* Indices that this server has not are no mistake: files are shared. */
		for (size_t i = 0; draft && i < draft->server->n; i++)
			if (draft->server->gpus[i].index == (unsigned)index)
				*ret |= 1u << i;
	}
	return 0;
}

/* ---- mig-devices ---- */

/* A profile is called [Cc.]Gg.Mgb[+a,b|-a,b]. */
static bool is_attribute(const char *text, size_t len)
{
	if (!len || isdigit((unsigned char)text[0]) || text[0] == '.' || text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '.')
			return false;
	return true;
}

static bool are_attributes(const char *text)
{
	if (*text && *text != '+' && *text != '-')
		return false;
	while (*text) {
		size_t len = strcspn(++text, ",");

		if (!is_attribute(text, len))
			return false;
		text += len;
	}
	return true;
}

/* Digits, then the text that must follow; moves behind them. */
static bool skip_number(const char **at, const char *then, unsigned *ret)
{
	size_t n = strspn(*at, "0123456789");

	if (!n || n > 4 || strncmp(*at + n, then, strlen(then)) != 0)
		return false;
	*ret = (unsigned)strtoul(*at, NULL, 10);
	*at += n + strlen(then);
	return true;
}

/* ret_name: without "Cc." */
static bool read_name(const char *text, unsigned *ret_c, unsigned *ret_g, const char **ret_name)
{
	bool part = skip_number(&text, "c.", ret_c);
	unsigned gb;

	*ret_name = text;
	if (!skip_number(&text, "g.", ret_g) || !skip_number(&text, "gb", &gb))
		return false;
	if (!part)
		*ret_c = *ret_g;
	return *ret_c && *ret_c <= *ret_g && are_attributes(text);
}

static int refuse_part(const struct yaml_node *node, const char *whole, struct err *err)
{
	fail(err, ERR_UNSUPPORTED, "'%.60s' is a part of a GPU instance", node->key);
	fail_in(err, "%s:%u:%u: ", node->name, node->key_line, node->key_column);
	return fail_hint(err, "carve fills a GPU instance with one compute instance: %.60s", whole);
}

static int read_count(const struct yaml_node *node, bool mine, struct wish_terms *terms,
		      struct err *err)
{
	struct wish_term term = {.node = node, .exact_name = true};
	const char *name;
	unsigned c = 0, g = 0;
	int64_t count;

	if (!read_name(node->key, &c, &g, &name)) {
		yaml_node_fail_key(node, err, "'%.60s' is not a MIG profile", node->key);
		return fail_hint(err, "write it like 1g.10gb, 1g.10gb+me or 1c.3g.40gb");
	}
	if (node->kind != YAML_SCALAR || !node->plain)
		return yaml_node_fail(node, err, "how many of %.60s?", node->key);
	if (number_parse(node->text, "count", 0, INT32_MAX, &count, err))
		return yaml_node_fail_in(node, err);
	if (!mine || !count)
		return 0;
	if (c != g)
		return refuse_part(node, name, err);
	if (terms->n == WISH_MAX_TERMS || strlen(name) >= sizeof(term.name))
		return yaml_node_fail_key(node, err, "too many different profiles");
	snprintf(term.name, sizeof(term.name), "%s", name);
	term.count = count > LAYOUT_MAX ? LAYOUT_MAX + 1 : (unsigned)count;
	terms->at[terms->n++] = term;
	return 0;
}

/* Of the original: there are counts, and not all of them 0, or the map is empty. */
static int read_counts(const struct yaml_node *map, bool mine, struct wish_terms *terms,
		       struct err *err)
{
	bool any = !map->n;

	if (map->kind != YAML_MAP)
		return yaml_node_fail(map, err, "'mig-devices' must be {\"PROFILE\": COUNT, ...}");
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		int r = read_count(node, mine, terms, err);

		if (r)
			return r;
		any |= strspn(node->text, "0") != strlen(node->text);
	}
	return any ? 0 : yaml_node_fail_key(map, err, "all counts are 0");
}

/* draft NULL: only look whether it could be right. */
static int read_entry(const struct yaml_node *map, struct wish_draft *draft, struct err *err)
{
	const struct wish_term where = {.node = map};
	struct wish_terms terms = {.n = 0};
	struct entry entry = {.enabled = false};
	uint32_t passed, named;
	int r = yaml_node_read(map, "an entry of mig-configs", entry_fields,
			       ARRAY_SIZE(entry_fields), &entry, err);

	r = r ? r : read_filters(entry.filter, draft, &passed, err);
	r = r ? r : read_devices(entry.devices, draft, &named, err);
	if (r)
		return r;
	if (entry.enabled && !entry.instances)
		return yaml_node_fail(map, err, "'mig-devices' is missing");
	if (entry.instances)
		r = read_counts(entry.instances, draft != NULL, &terms, err);
	if (!r && !entry.enabled && entry.instances && entry.instances->n)
		return yaml_node_fail_key(entry.instances, err,
					  "there are no instances when MIG is off");
	if (r || !draft)
		return r;
	return wish_give(draft, passed & named, WISH_RANK_GPU, entry.enabled, &terms, &where, err);
}

struct parted {
	const char *version;
	const struct yaml_node *configs;
};

static const struct yaml_field parted_fields[] = {
	{"version", YAML_TEXT, offsetof(struct parted, version), .required = true},
	{"mig-configs", YAML_NODE, offsetof(struct parted, configs), .required = true},
};

int wish_read_parted(const struct yaml_node *root, const char *chosen, struct wish_draft *draft,
		     struct err *err)
{
	struct parted parted = {.version = ""};
	const struct yaml_node *mine;
	int r = yaml_node_read(root, "a mig-parted file", parted_fields, ARRAY_SIZE(parted_fields),
			       &parted, err);

	if (r)
		return r;
	if (strcmp(parted.version, "v1") != 0) {
		yaml_node_fail(yaml_node_get(root, "version"), err, "version '%.40s' is not known",
			       parted.version);
		return fail_hint(err, "mig-parted has: version: v1");
	}
	if (parted.configs->kind != YAML_MAP || !parted.configs->n)
		return yaml_node_fail(parted.configs, err,
				      "'mig-configs' must have at least one \"NAME:\"");
	r = wish_choose(parted.configs, chosen, &mine, err);
	draft->later_wins = true;
	for (const struct yaml_node *config = parted.configs->first; config && !r;
	     config = config->next) {
		if (config->kind != YAML_LIST || !config->n)
			return yaml_node_fail(config, err, "'%.40s' must be a list of entries",
					      config->key);
		for (const struct yaml_node *node = config->first; node && !r; node = node->next)
			r = read_entry(node, config == mine ? draft : NULL, err);
	}
	return r;
}
