#include "ledger/ledger-reserve.h"

#include "base/array.h"
#include "ledger/ledger-row.h"

static const struct column columns[] = {
	COLUMN(ledger_reservation, id),
	COLUMN(ledger_reservation, name),
	COLUMN(ledger_reservation, team),
	NAMED(ledger_reservation, "class", class_name),
	COLUMN(ledger_reservation, instances),
	COLUMN(ledger_reservation, days),
	COLUMN(ledger_reservation, begins_s),
	COLUMN(ledger_reservation, ends_s),
	COLUMN(ledger_reservation, until_s, HAS(ledger_reservation, has_until)),
	COLUMN(ledger_reservation, maker),
	COLUMN(ledger_reservation, reason),
	COLUMN(ledger_reservation, made_s),
	COLUMN(ledger_reservation, gone_s, HAS(ledger_reservation, has_gone)),
};

static const struct ledger_table reservation_table = TABLE(columns, "reservation", "reservation");

int ledger_reservation_add(struct ledger *ledger, struct ledger_reservation *reservation,
			   struct err *err)
{
	return ledger_row_add(ledger, &reservation_table, reservation, &reservation->id, err);
}

int ledger_reservation_update(struct ledger *ledger, const struct ledger_reservation *reservation,
			      struct err *err)
{
	return ledger_row_update(ledger, &reservation_table, reservation, reservation->id, err);
}

struct reading {
	void (*fn)(const struct ledger_reservation *reservation, void *arg);
	void *arg;
};

static void read_one(const void *row, void *arg)
{
	const struct reading *reading = arg;

	reading->fn(row, reading->arg);
}

int ledger_reservations(struct ledger *ledger,
			void (*fn)(const struct ledger_reservation *reservation, void *arg),
			void *arg, struct err *err)
{
	struct ledger_reservation row;
	struct reading reading = {fn, arg};

	return ledger_rows(ledger, &reservation_table, "WHERE gone_s IS NULL ORDER BY id", NULL, 0,
			   &row, sizeof(row), read_one, &reading, err);
}
