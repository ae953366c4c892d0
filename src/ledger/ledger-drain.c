#include "ledger/ledger-drain.h"

#include "base/array.h"
#include "ledger/ledger-row.h"
#include "ledger/ledger-schema.h"

const char ledger_drain_step_sql[] =
	"CREATE TABLE drain("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  gpu TEXT NOT NULL,"
	"  start INTEGER CHECK(start BETWEEN 0 AND 4294967295),"
	"  size INTEGER CHECK((size IS NULL) = (start IS NULL) AND size > 0),"
	"  profile TEXT,"
	"  uid INTEGER NOT NULL CHECK(uid BETWEEN 0 AND 4294967295),"
	"  user TEXT NOT NULL,"
	"  reason TEXT,"
	"  change INTEGER REFERENCES change(id),"
	"  since_s INTEGER NOT NULL,"
	"  deadline_s INTEGER, warned_s INTEGER, drained_s INTEGER, ended_s INTEGER"
	") STRICT;"
	"CREATE UNIQUE INDEX drain_live ON drain(gpu, ifnull(start, -1), ifnull(size, -1))"
	"  WHERE ended_s IS NULL;"

	"ALTER TABLE change ADD COLUMN at_once INTEGER NOT NULL DEFAULT 0"
	"  CHECK(at_once IN (0, 1));"
	"ALTER TABLE change ADD COLUMN drains INTEGER NOT NULL DEFAULT 0 CHECK(drains IN (0, 1));"
	"ALTER TABLE change ADD COLUMN until_s INTEGER;"
	"ALTER TABLE change ADD COLUMN returns INTEGER REFERENCES change(id);";

/* clang-format off */
static const struct column drain_columns[] = {
	COLUMN(ledger_drain, id),
	COLUMN(ledger_drain, gpu),
	COLUMN(ledger_drain, start, HAS(ledger_drain, has_place)),
	COLUMN(ledger_drain, size, HAS(ledger_drain, has_place)),
	COLUMN(ledger_drain, profile),
	COLUMN(ledger_drain, uid),
	COLUMN(ledger_drain, user),
	COLUMN(ledger_drain, reason),
	COLUMN(ledger_drain, change, HAS(ledger_drain, has_change)),
	COLUMN(ledger_drain, since_s),
	COLUMN(ledger_drain, deadline_s, HAS(ledger_drain, has_deadline)),
	COLUMN(ledger_drain, warned_s, HAS(ledger_drain, has_warned)),
	COLUMN(ledger_drain, drained_s, HAS(ledger_drain, has_drained)),
	COLUMN(ledger_drain, ended_s, HAS(ledger_drain, has_ended)),
};
/* clang-format on */

static const struct ledger_table drain_table = TABLE(drain_columns, "drain", "drain");

int ledger_drain_add(struct ledger *ledger, struct ledger_drain *drain, struct err *err)
{
	return ledger_row_add(ledger, &drain_table, drain, &drain->id, err);
}

int ledger_drain_update(struct ledger *ledger, const struct ledger_drain *drain, struct err *err)
{
	return ledger_row_update(ledger, &drain_table, drain, drain->id, err);
}

struct telling {
	void (*fn)(const struct ledger_drain *drain, void *arg);
	void *arg;
};

static void tell(const void *row, void *arg)
{
	const struct telling *telling = arg;

	telling->fn(row, telling->arg);
}

int ledger_drains(struct ledger *ledger, void (*fn)(const struct ledger_drain *drain, void *arg),
		  void *arg, struct err *err)
{
	struct telling telling = {fn, arg};
	struct ledger_drain row;

	return ledger_rows(ledger, &drain_table, "WHERE ended_s IS NULL ORDER BY id", NULL, 0, &row,
			   sizeof(row), tell, &telling, err);
}
