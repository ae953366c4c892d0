/* Terms, names of GPUs, and the two brought together. */
#include "planner/wish-part.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_BOARDS 128
#define MAX_NAMES  64

int wish_fail_in(const struct wish_term *where, struct err *err)
{
	if (where->node)
		return yaml_node_fail_in(where->node, err);
	return fail_in(err, "'%.80s', character %zu: ", where->word, where->at + 1);
}

/* ---- reading ---- */

/* A number at the beginning of a text; how many digits it has, 0 when it is none. */
static size_t digits(const char *text, size_t len, unsigned *ret)
{
	size_t n = 0;

	*ret = 0;
	while (n < len && n < 9 && isdigit((unsigned char)text[n]))
		*ret = *ret * 10 + (unsigned)(text[n++] - '0');
	return n < len && isdigit((unsigned char)text[n]) ? 0 : n;
}

static int bad_term(const struct wish_term *term, const char *text, size_t len, struct err *err)
{
	fail(err, ERR_INVALID, "'%.*s' is not an instance", (int)(len < 40 ? len : 40), text);
	wish_fail_in(term, err);
	return fail_hint(err, "write it like 3g, 2x1g, 1g.20gb, or 3g@4 for a certain start");
}

static int read_term(const char *text, size_t len, struct wish_term *term, struct err *err)
{
	const char *at = memchr(text, '@', len);
	size_t name = at ? (size_t)(at - text) : len, n;
	size_t times = digits(text, name, &term->count);

	if (times && times < name && text[times] == 'x')
		times++;
	else
		times = term->count = 0;
	if (at) {
		n = digits(at + 1, len - name - 1, &term->start);
		if (!n || n != len - name - 1 || times)
			return bad_term(term, text, len, err);
		term->has_start = true;
	}
	if (name == times || name - times >= sizeof(term->name) || (times && !term->count))
		return bad_term(term, text, len, err);
	for (size_t i = times; i < name; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(".+-", text[i]))
			return bad_term(term, text, len, err);
	memcpy(term->name, text + times, name - times);
	term->count = times ? term->count : 1;
	return 0;
}

int wish_read_terms(const char *text, size_t len, const struct wish_term *where,
		    struct wish_terms *terms, struct err *err)
{
	if (len == 5 && !memcmp(text, "empty", 5))
		return 0;
	for (size_t i = 0; i <= len;) {
		const char *comma = memchr(text + i, ',', len - i);
		size_t n = comma ? (size_t)(comma - text) - i : len - i, blanks = 0;
		struct wish_term *term = &terms->at[terms->n];
		int r;

		while (blanks < n && text[i + blanks] == ' ')
			blanks++;
		if (terms->n == WISH_MAX_TERMS) {
			fail(err, ERR_INVALID, "more than %u different instances", WISH_MAX_TERMS);
			return wish_fail_in(where, err);
		}
		*term = (struct wish_term){
			.node = where->node,
			.word = where->word,
			.at = where->at + i + blanks,
		};
		r = read_term(text + i + blanks, n - blanks, term, err);
		if (r)
			return r;
		terms->n++;
		i += n + 1;
	}
	return 0;
}

/* ---- which GPUs ---- */

static int unknown_gpu(const char *name, struct err *err)
{
	const char *ids[MAX_BOARDS];
	size_t n = board_ids(ids, MAX_BOARDS);
	const char *near = text_nearest(name, ids, n);

	fail(err, ERR_INVALID, "'%.80s' is no GPU", name);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "a GPU is named by its index (gpu0), its UUID or its board, or: all");
}

static int select_index(unsigned index, const struct wish_server *server, uint32_t *ret,
			struct err *err)
{
	for (size_t i = 0; server && i < server->n; i++)
		if (server->gpus[i].index == index)
			*ret |= 1u << i;
	if (!server || *ret)
		return 0;
	fail(err, ERR_NOT_FOUND, "there is no GPU %u", index);
	return fail_hint(err, "carve gpus lists them");
}

static int select_uuid(const char *uuid, const struct wish_server *server, uint32_t *ret,
		       struct err *err)
{
	for (size_t i = 0; server && i < server->n; i++)
		if (server->gpus[i].uuid && !strcasecmp(server->gpus[i].uuid, uuid))
			*ret |= 1u << i;
	if (!server || *ret)
		return 0;
	fail(err, ERR_NOT_FOUND, "there is no '%.60s' here", uuid);
	return fail_hint(err, "carve gpus --columns index,uuid lists them");
}

int wish_select(const char *name, const struct wish_server *server, uint32_t *ret,
		enum wish_rank *ret_rank, struct err *err)
{
	const char *number = strncmp(name, "gpu", 3) ? name : name + 3;
	const struct board *board = board_by_id(name);
	unsigned index;

	*ret = 0;
	if (*number && digits(number, strlen(number), &index) == strlen(number)) {
		*ret_rank = WISH_RANK_GPU;
		return select_index(index, server, ret, err);
	}
	if (!strncasecmp(name, "GPU-", 4)) {
		*ret_rank = WISH_RANK_GPU;
		return select_uuid(name, server, ret, err);
	}
	if (!board && strcmp(name, "all") != 0)
		return unknown_gpu(name, err);
	*ret_rank = board ? WISH_RANK_BOARD : WISH_RANK_ALL;
	for (size_t i = 0; server && i < server->n; i++)
		if (board ? server->gpus[i].board == board : server->gpus[i].board != NULL)
			*ret |= 1u << i;
	return 0;
}

/* ---- terms on a board ---- */

static int unknown_profile(const struct wish_term *term, const struct wish_host *host,
			   struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	char shapes[MAX_NAMES][32];
	const char *names[MAX_NAMES], *near;
	size_t n = 0;

	for (; n < host->board->n_profiles && n < MAX_NAMES; n++) {
		const struct profile *profile = &host->board->profiles[n];

		names[n] = term->exact_name ? profile->name
					    : profile_shape(profile, shapes[n], sizeof(shapes[n]));
		text_addf(&list, "%s%s", n ? ", " : "", names[n]);
	}
	near = text_nearest(term->name, names, n);
	fail(err, ERR_INVALID, "GPU %u (%s) has no profile '%s'", host->index, host->board->id,
	     term->name);
	wish_fail_in(term, err);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "it has: %s", text_str(&list));
}

static int bad_start(const struct wish_term *term, const struct profile *profile, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;

	for (unsigned u = 0; u < LAYOUT_MAX; u++)
		if (profile->starts >> u & 1)
			text_addf(&list, "%s%u", list.len ? ", " : "", u);
	fail(err, ERR_INVALID, "%s cannot start at %u", profile->name, term->start);
	wish_fail_in(term, err);
	return fail_hint(err, "it may start at: %s", text_str(&list));
}

static const struct profile *find_profile(const struct wish_term *term, const struct board *board)
{
	const struct profile *profile = board_profile_by_name(board, term->name);

	return profile && term->exact_name && strcmp(profile->name, term->name) != 0 ? NULL
										     : profile;
}

static int add_term(const struct wish_term *term, const struct wish_host *host,
		    struct wish_gpu *gpu, struct err *err)
{
	const struct profile *profile;

	if (!host->board) {
		fail(err, ERR_UNSUPPORTED, "GPU %u is of no board that carve knows", host->index);
		return wish_fail_in(term, err);
	}
	profile = find_profile(term, host->board);
	if (!profile)
		return unknown_profile(term, host, err);
	if (term->has_start && (term->start >= LAYOUT_MAX || !(profile->starts >> term->start & 1)))
		return bad_start(term, profile, err);
	if (term->count > LAYOUT_MAX - gpu->n) {
		fail(err, ERR_INVALID, "more than %u instances for GPU %u", LAYOUT_MAX,
		     host->index);
		wish_fail_in(term, err);
		return fail_hint(err, "a %s holds %u of %s", host->board->id,
				 profile->max_instances, profile->name);
	}
	for (unsigned i = 0; i < term->count; i++)
		gpu->at[gpu->n++] =
			(struct wish_item){profile, term->has_start, (uint8_t)term->start};
	return 0;
}

int wish_give(struct wish_draft *draft, uint32_t whose, enum wish_rank rank, bool mig,
	      const struct wish_terms *terms, const struct wish_term *where, struct err *err)
{
	for (size_t i = 0; i < draft->server->n; i++) {
		const struct wish_host *host = &draft->server->gpus[i];
		struct wish_gpu gpu = {.given = true, .mig = mig};

		if (!(whose >> i & 1))
			continue;
		if (draft->rank[i] == rank && !draft->later_wins) {
			fail(err, ERR_INVALID, "GPU %u is given twice", host->index);
			return wish_fail_in(where, err);
		}
		for (size_t k = 0; k < terms->n; k++) {
			int r = add_term(&terms->at[k], host, &gpu, err);

			if (r)
				return r;
		}
		if (draft->rank[i] > rank)
			continue;
		draft->rank[i] = rank;
		draft->wish.gpus[i] = gpu;
	}
	return 0;
}
