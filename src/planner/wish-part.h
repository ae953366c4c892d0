/*
 * wish-part.h - what the readers of wish.h share
 *
 * A term is "2x1g" or "3g@4" as it was written. It is read first and looked up
 * on a board afterwards: one text may be meant for several models.
 */
#pragma once

#include "base/yaml-doc.h"
#include "planner/wish.h"

#define WISH_MAX_TERMS 32
#define WISH_NAME_MAX  32

struct wish_term {
	unsigned count;
	char name[WISH_NAME_MAX];
	bool exact_name; /* only the full name will do: "3g.40gb" */
	bool has_start;
	unsigned start;
	const struct yaml_node *node; /* where it stands, or: */
	const char *word;	      /* the whole word, and */
	size_t at;		      /* where in it */
};

struct wish_terms {
	size_t n;
	struct wish_term at[WISH_MAX_TERMS];
};

/* What names a GPU, the most exact last. */
enum wish_rank { WISH_RANK_NONE, WISH_RANK_ALL, WISH_RANK_BOARD, WISH_RANK_GPU };

/* A wish while it is read: who was named how exactly. */
struct wish_draft {
	const struct wish_server *server;
	struct wish wish;
	enum wish_rank rank[WISH_MAX_GPUS];
	bool later_wins; /* mig-parted: in the order of the file */
};

/*
 * "3g,2x1g,1g@6", also "empty": adds to the terms.
 *   text, len  in word from `at`, or the text of node
 */
int wish_read_terms(const char *text, size_t len, const struct wish_term *where,
		    struct wish_terms *terms, struct err *err);

/*
 * The GPUs that a name means, as bits.
 *   server  NULL: only whether it could name one
 */
int wish_select(const char *name, const struct wish_server *server, uint32_t *ret,
		enum wish_rank *ret_rank, struct err *err);

/*
 * Give the terms to some GPUs.
 *   whose   bits
 *   where   for what is wrong with naming them again
 */
int wish_give(struct wish_draft *draft, uint32_t whose, enum wish_rank rank, bool mig,
	      const struct wish_terms *terms, const struct wish_term *where, struct err *err);

/* Put the place of a term in front of an error. Returns -err->code. */
int wish_fail_in(const struct wish_term *where, struct err *err);

/* Find the chosen layout among the named ones. */
int wish_choose(const struct yaml_node *map, const char *chosen, const struct yaml_node **ret,
		struct err *err);

/* The two kinds of file. chosen may be NULL. */
int wish_read_ours(const struct yaml_node *root, const char *chosen, struct wish_draft *draft,
		   struct err *err);
int wish_read_parted(const struct yaml_node *root, const char *chosen, struct wish_draft *draft,
		     struct err *err);
