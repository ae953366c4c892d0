#include "ledger/ledger-reclaim.h"

#include "base/array.h"
#include "ledger/ledger-row.h"
#include "ledger/ledger-schema.h"

const char ledger_reclaim_step_sql[] = "CREATE TABLE reclaim("
				       "  lease INTEGER PRIMARY KEY REFERENCES lease(id),"
				       "  for_lease INTEGER NOT NULL,"
				       "  team TEXT NOT NULL,"
				       "  noticed_s INTEGER NOT NULL,"
				       "  ends_s INTEGER NOT NULL,"
				       "  was_ends_s INTEGER NOT NULL,"
				       "  withdrawn_s INTEGER"
				       ") STRICT;";

/* clang-format off */
static const struct column reclaim_columns[] = {
	COLUMN(ledger_reclaim, lease),
	COLUMN(ledger_reclaim, for_lease),
	COLUMN(ledger_reclaim, team),
	COLUMN(ledger_reclaim, noticed_s),
	COLUMN(ledger_reclaim, ends_s),
	COLUMN(ledger_reclaim, was_ends_s),
	COLUMN(ledger_reclaim, withdrawn_s, HAS(ledger_reclaim, has_withdrawn)),
};
/* clang-format on */

static const struct ledger_table reclaim_table = TABLE(reclaim_columns, "reclaim", "reclaim");

int ledger_reclaim_put(struct ledger *ledger, const struct ledger_reclaim *reclaim, struct err *err)
{
	return ledger_row_put(ledger, &reclaim_table, reclaim, NULL, err);
}

struct telling {
	void (*fn)(const struct ledger_reclaim *reclaim, void *arg);
	void *arg;
};

static void tell(const void *row, void *arg)
{
	const struct telling *telling = arg;

	telling->fn(row, telling->arg);
}

int ledger_reclaims(struct ledger *ledger,
		    void (*fn)(const struct ledger_reclaim *reclaim, void *arg), void *arg,
		    struct err *err)
{
	struct telling telling = {fn, arg};
	struct ledger_reclaim row;

	return ledger_rows(ledger, &reclaim_table,
			   "WHERE withdrawn_s IS NULL AND lease IN"
			   " (SELECT id FROM lease WHERE state <> 'ended') ORDER BY lease",
			   NULL, 0, &row, sizeof(row), tell, &telling, err);
}
