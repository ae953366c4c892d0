#include "ledger/ledger-isolate.h"

#include "base/array.h"
#include "ledger/ledger-row.h"

const char ledger_isolate_step[] =
	"CREATE TABLE node("
	"  path TEXT NOT NULL PRIMARY KEY,"
	"  gpu TEXT NOT NULL,"
	"  device INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL, gid INTEGER NOT NULL,"
	"  mode INTEGER NOT NULL CHECK(mode BETWEEN 0 AND 4095),"
	"  acl TEXT"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE place("
	"  path TEXT NOT NULL PRIMARY KEY,"
	"  lease INTEGER NOT NULL,"
	"  kind TEXT NOT NULL CHECK(kind IN ('cgroup', 'cdi'))"
	") STRICT, WITHOUT ROWID;";

static const char *const kinds[] = {
#define X(kind, name) name,
	PLACE_KINDS(X)
#undef X
};

static const struct column node_columns[] = {
	COLUMN(ledger_node, path), COLUMN(ledger_node, gpu),  COLUMN(ledger_node, device),
	COLUMN(ledger_node, uid),  COLUMN(ledger_node, gid),  COLUMN(ledger_node, mode),
	COLUMN(ledger_node, acl),
};

static const struct column place_columns[] = {
	COLUMN(ledger_place, path),
	COLUMN(ledger_place, lease),
	WORD(ledger_place, kind, kinds),
};

static const struct ledger_table node_table = TABLE(node_columns, "node", "device node");
static const struct ledger_table place_table = TABLE(place_columns, "place", "place of a lease");

int ledger_node_put(struct ledger *ledger, const struct ledger_node *node, struct err *err)
{
	return ledger_row_put(ledger, &node_table, node, NULL, err);
}

static int forget(struct ledger *ledger, const struct ledger_table *table, const char *path,
		  struct err *err)
{
	return ledger_rows_delete(ledger, table, "WHERE path = ?1",
				  &(struct ledger_value){.text = path}, 1, NULL, err);
}

int ledger_node_forget(struct ledger *ledger, const char *path, struct err *err)
{
	return forget(ledger, &node_table, path, err);
}

int ledger_nodes(struct ledger *ledger, void (*fn)(const void *node, void *arg), void *arg,
		 struct err *err)
{
	struct ledger_node row;

	return ledger_rows(ledger, &node_table, "ORDER BY path", NULL, 0, &row, sizeof(row), fn,
			   arg, err);
}

int ledger_place_add(struct ledger *ledger, const struct ledger_place *place, struct err *err)
{
	return ledger_row_add(ledger, &place_table, place, NULL, err);
}

int ledger_place_forget(struct ledger *ledger, const char *path, struct err *err)
{
	return forget(ledger, &place_table, path, err);
}

int ledger_places(struct ledger *ledger, void (*fn)(const void *place, void *arg), void *arg,
		  struct err *err)
{
	struct ledger_place row;

	return ledger_rows(ledger, &place_table, "ORDER BY lease, path", NULL, 0, &row, sizeof(row),
			   fn, arg, err);
}
