#include "ledger/ledger-change.h"

#include "base/array.h"
#include "ledger/ledger-row.h"
#include "ledger/ledger-schema.h"

const char ledger_change_step_sql[] =
	"ALTER TABLE instance ADD COLUMN laid INTEGER NOT NULL DEFAULT 0 CHECK(laid IN (0, 1));"
	"ALTER TABLE instance ADD COLUMN last_gi INTEGER"
	"  CHECK(last_gi BETWEEN 0 AND 4294967295);"

	"CREATE TABLE change("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  uid INTEGER NOT NULL CHECK(uid BETWEEN 0 AND 4294967295),"
	"  user TEXT NOT NULL,"
	"  wish TEXT NOT NULL,"
	"  reason TEXT,"
	"  state TEXT NOT NULL CHECK(state IN ('waiting', 'running', 'needs-reset', 'undoing',"
	"    'done', 'cancelled', 'undone', 'dirty')),"
	"  wait INTEGER NOT NULL CHECK(wait IN (0, 1)),"
	"  adopt INTEGER NOT NULL CHECK(adopt IN (0, 1)),"
	"  not_before_s INTEGER,"
	"  asked_s INTEGER NOT NULL,"
	"  began_s INTEGER, ended_s INTEGER,"
	"  why TEXT"
	") STRICT;"
	"CREATE INDEX change_live ON change(id)"
	"  WHERE state IN ('waiting', 'running', 'needs-reset', 'undoing');"

	"CREATE TABLE change_gpu("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  change INTEGER NOT NULL REFERENCES change(id),"
	"  gpu TEXT NOT NULL,"
	"  wish TEXT NOT NULL,"
	"  was TEXT, goal TEXT,"
	"  UNIQUE(change, gpu)"
	") STRICT;"

	"CREATE TABLE change_step("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  change INTEGER NOT NULL REFERENCES change(id),"
	"  n INTEGER NOT NULL CHECK(n > 0),"
	"  gpu TEXT NOT NULL,"
	"  kind TEXT NOT NULL"
	"    CHECK(kind IN ('create', 'destroy', 'enable-mig', 'disable-mig')),"
	"  back INTEGER NOT NULL CHECK(back IN (0, 1)),"
	"  profile_id INTEGER, profile TEXT, start INTEGER,"
	"  laid INTEGER NOT NULL CHECK(laid IN (0, 1)),"
	"  instance INTEGER REFERENCES instance(id),"
	"  state TEXT NOT NULL"
	"    CHECK(state IN ('planned', 'doing', 'done', 'failed', 'undone')),"
	"  began_s INTEGER, ended_s INTEGER,"
	"  why TEXT,"
	"  UNIQUE(change, n)"
	") STRICT;"

	"CREATE TABLE wanted("
	"  gpu TEXT NOT NULL PRIMARY KEY,"
	"  mig INTEGER NOT NULL CHECK(mig IN (0, 1)),"
	"  change INTEGER NOT NULL REFERENCES change(id),"
	"  since_s INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE layout("
	"  name TEXT NOT NULL PRIMARY KEY,"
	"  words TEXT NOT NULL,"
	"  user TEXT NOT NULL,"
	"  saved_s INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;";

static const char *const change_words[] = {
#define X(state, name, ended) name,
	CHANGE_STATES(X)
#undef X
};

static const char *const step_kind_words[] = {
#define X(kind, name) name,
	STEP_KINDS(X)
#undef X
};

static const char *const step_words[] = {
#define X(state, name) name,
	STEP_STATES(X)
#undef X
};

const char *change_state_name(enum change_state state)
{
	return (unsigned)state < ARRAY_SIZE(change_words) ? change_words[state] : "?";
}

bool change_state_ended(enum change_state state)
{
	return state >= CHANGE_DONE;
}

const char *step_kind_name(enum step_kind kind)
{
	return (unsigned)kind < ARRAY_SIZE(step_kind_words) ? step_kind_words[kind] : "?";
}

const char *step_state_name(enum step_state state)
{
	return (unsigned)state < ARRAY_SIZE(step_words) ? step_words[state] : "?";
}

static const struct column change_columns[] = {
	COLUMN(ledger_change, id),
	COLUMN(ledger_change, uid),
	NAMED(ledger_change, "user", user),
	COLUMN(ledger_change, wish),
	COLUMN(ledger_change, reason),
	WORD(ledger_change, state, change_words),
	COLUMN(ledger_change, wait),
	COLUMN(ledger_change, adopt),
	COLUMN(ledger_change, at_once),
	COLUMN(ledger_change, drains),
	COLUMN(ledger_change, until_s, HAS(ledger_change, has_until)),
	COLUMN(ledger_change, returns, HAS(ledger_change, has_returns)),
	COLUMN(ledger_change, not_before_s, HAS(ledger_change, has_not_before)),
	COLUMN(ledger_change, asked_s),
	COLUMN(ledger_change, began_s, HAS(ledger_change, has_began)),
	COLUMN(ledger_change, ended_s, HAS(ledger_change, has_ended)),
	COLUMN(ledger_change, why),
};

static const struct column change_gpu_columns[] = {
	COLUMN(ledger_change_gpu, id),	 COLUMN(ledger_change_gpu, change),
	COLUMN(ledger_change_gpu, gpu),	 COLUMN(ledger_change_gpu, wish),
	COLUMN(ledger_change_gpu, was),	 COLUMN(ledger_change_gpu, goal),
};

static const struct column change_step_columns[] = {
	COLUMN(ledger_change_step, id),
	COLUMN(ledger_change_step, change),
	COLUMN(ledger_change_step, n),
	COLUMN(ledger_change_step, gpu),
	WORD(ledger_change_step, kind, step_kind_words),
	COLUMN(ledger_change_step, back),
	COLUMN(ledger_change_step, profile_id, HAS(ledger_change_step, has_place)),
	COLUMN(ledger_change_step, profile),
	COLUMN(ledger_change_step, start, HAS(ledger_change_step, has_place)),
	COLUMN(ledger_change_step, laid),
	COLUMN(ledger_change_step, instance, HAS(ledger_change_step, has_instance)),
	WORD(ledger_change_step, state, step_words),
	COLUMN(ledger_change_step, began_s, HAS(ledger_change_step, has_began)),
	COLUMN(ledger_change_step, ended_s, HAS(ledger_change_step, has_ended)),
	COLUMN(ledger_change_step, why),
};

static const struct column wanted_columns[] = {
	COLUMN(ledger_wanted, gpu),
	COLUMN(ledger_wanted, mig),
	COLUMN(ledger_wanted, change),
	COLUMN(ledger_wanted, since_s),
};

static const struct column layout_columns[] = {
	COLUMN(ledger_layout, name),
	COLUMN(ledger_layout, words),
	NAMED(ledger_layout, "user", user),
	COLUMN(ledger_layout, saved_s),
};

static const struct ledger_table change_table = TABLE(change_columns, "change", "change");
static const struct ledger_table change_gpu_table =
	TABLE(change_gpu_columns, "change_gpu", "GPU of a change");
static const struct ledger_table change_step_table =
	TABLE(change_step_columns, "change_step", "step");
static const struct ledger_table wanted_table = TABLE(wanted_columns, "wanted", "wanted layout");
static const struct ledger_table layout_table = TABLE(layout_columns, "layout", "layout");

/* ---- writing ---- */

int ledger_change_add(struct ledger *ledger, struct ledger_change *change, struct err *err)
{
	return ledger_row_add(ledger, &change_table, change, &change->id, err);
}

int ledger_change_update(struct ledger *ledger, const struct ledger_change *change, struct err *err)
{
	return ledger_row_update(ledger, &change_table, change, change->id, err);
}

int ledger_change_gpu_add(struct ledger *ledger, struct ledger_change_gpu *gpu, struct err *err)
{
	return ledger_row_add(ledger, &change_gpu_table, gpu, &gpu->id, err);
}

int ledger_change_gpu_update(struct ledger *ledger, const struct ledger_change_gpu *gpu,
			     struct err *err)
{
	return ledger_row_update(ledger, &change_gpu_table, gpu, gpu->id, err);
}

int ledger_change_step_add(struct ledger *ledger, struct ledger_change_step *step, struct err *err)
{
	return ledger_row_add(ledger, &change_step_table, step, &step->id, err);
}

int ledger_change_step_update(struct ledger *ledger, const struct ledger_change_step *step,
			      struct err *err)
{
	return ledger_row_update(ledger, &change_step_table, step, step->id, err);
}

int ledger_wanted_put(struct ledger *ledger, const struct ledger_wanted *wanted, struct err *err)
{
	return ledger_row_put(ledger, &wanted_table, wanted, NULL, err);
}

int ledger_layout_put(struct ledger *ledger, const struct ledger_layout *layout, struct err *err)
{
	return ledger_row_put(ledger, &layout_table, layout, NULL, err);
}

int ledger_layout_delete(struct ledger *ledger, const char *name, struct err *err)
{
	const struct ledger_value value = {.text = name};
	size_t n = 0;
	int r = ledger_rows_delete(ledger, &layout_table, "WHERE name = ?1", &value, 1, &n, err);

	return r || n ? r : fail(err, ERR_NOT_FOUND, "no layout '%.40s' was saved", name);
}

/* ---- reading ---- */

struct reader {
	union {
		void (*change)(const struct ledger_change *change, void *arg);
		void (*gpu)(const struct ledger_change_gpu *gpu, void *arg);
		void (*step)(const struct ledger_change_step *step, void *arg);
		void (*wanted)(const struct ledger_wanted *wanted, void *arg);
		void (*layout)(const struct ledger_layout *layout, void *arg);
	} fn;
	void *arg;
};

static void read_change(const void *row, void *arg)
{
	const struct reader *reader = arg;

	reader->fn.change(row, reader->arg);
}

static void read_gpu(const void *row, void *arg)
{
	const struct reader *reader = arg;

	reader->fn.gpu(row, reader->arg);
}

static void read_step(const void *row, void *arg)
{
	const struct reader *reader = arg;

	reader->fn.step(row, reader->arg);
}

static void read_wanted(const void *row, void *arg)
{
	const struct reader *reader = arg;

	reader->fn.wanted(row, reader->arg);
}

static void read_layout(const void *row, void *arg)
{
	const struct reader *reader = arg;

	reader->fn.layout(row, reader->arg);
}

int ledger_changes(struct ledger *ledger, int64_t id, bool live, size_t limit,
		   void (*fn)(const struct ledger_change *change, void *arg), void *arg,
		   struct err *err)
{
	static const char all[] = "WHERE id IN (SELECT id FROM change ORDER BY id DESC LIMIT ?1)"
				  " ORDER BY id";
	static const char only_live[] =
		"WHERE state IN ('waiting', 'running', 'needs-reset', 'undoing')"
		" ORDER BY id LIMIT ?1";
	const struct ledger_value value = {
		.number = id >= 0 ? id : limit ? (int64_t)limit : -1};
	const char *tail = id >= 0 ? "WHERE id = ?1" : live ? only_live : all;
	struct reader reader = {{.change = fn}, arg};
	struct ledger_change row;

	return ledger_rows(ledger, &change_table, tail, &value, 1, &row, sizeof(row), read_change,
			   &reader, err);
}

int ledger_change_gpus(struct ledger *ledger, int64_t change,
		       void (*fn)(const struct ledger_change_gpu *gpu, void *arg), void *arg,
		       struct err *err)
{
	const struct ledger_value value = {.number = change};
	struct reader reader = {{.gpu = fn}, arg};
	struct ledger_change_gpu row;

	return ledger_rows(ledger, &change_gpu_table, "WHERE change = ?1 ORDER BY id", &value, 1,
			   &row, sizeof(row), read_gpu, &reader, err);
}

int ledger_change_steps(struct ledger *ledger, int64_t change,
			void (*fn)(const struct ledger_change_step *step, void *arg), void *arg,
			struct err *err)
{
	const struct ledger_value value = {.number = change};
	struct reader reader = {{.step = fn}, arg};
	struct ledger_change_step row;

	return ledger_rows(ledger, &change_step_table, "WHERE change = ?1 ORDER BY n", &value, 1,
			   &row, sizeof(row), read_step, &reader, err);
}

int ledger_wanted(struct ledger *ledger, void (*fn)(const struct ledger_wanted *wanted, void *arg),
		  void *arg, struct err *err)
{
	struct reader reader = {{.wanted = fn}, arg};
	struct ledger_wanted row;

	return ledger_rows(ledger, &wanted_table, "ORDER BY gpu", NULL, 0, &row, sizeof(row),
			   read_wanted, &reader, err);
}

int ledger_layouts(struct ledger *ledger, const char *name,
		   void (*fn)(const struct ledger_layout *layout, void *arg), void *arg,
		   struct err *err)
{
	const struct ledger_value value = {.text = name};
	struct reader reader = {{.layout = fn}, arg};
	struct ledger_layout row;

	return ledger_rows(ledger, &layout_table, name ? "WHERE name = ?1" : "ORDER BY name",
			   &value, name ? 1 : 0, &row, sizeof(row), read_layout, &reader, err);
}
