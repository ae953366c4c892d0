/*
 * Places kept for a team: before, while and after a reservation is on. The GPU
 * is an A30: four places for a small one.
 */
#include "steward-host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconcile/steward-reserve.h"
#include "steward-steps.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define TUESDAY 1790064000 /* 2026-09-22 08:00 UTC */

static const char *library;

#define HEAD                                                                                       \
	"version: 1\nname: reserve\nadmins: {users: dee}\nwarn: 0\nclasses:\n"                     \
	"  small: {profiles: 1g, time: 1h, max_time: 30d}\n"                                       \
	"  half: {profiles: 2g, time: 1h, max_time: 30d}\n"                                        \
	"teams:\n  staff: {users: [ann, bob]}\n  students: {users: [cem, dee]}\n"

static const char course[] = HEAD
	"reservations:\n  course: {team: students, class: small, instances: 3, days: tue,\n"
	"           from: \"10:00\", to: \"12:00\"}\n";
static const char none[] = HEAD;

static void begin(struct host *host, const char *policy)
{
	static const char *const boards_[] = {"a30-24gb"};

	host_init(host, library, boards_, 1);
	host_reset(host, policy);
	host->now_s = TUESDAY;
	host_up(host);
	host_settle(host);
}

static void end(struct host *host)
{
	host_agree(host);
	host_done(host);
}

static void at(struct host *host, int64_t since_tuesday_8h)
{
	host->now_s = TUESDAY + since_tuesday_8h;
	host_settle(host);
}

static int64_t gets(struct host *host, const char *who, const char *class_, int64_t time_s)
{
	int64_t lease = host_ask(host, who, &(struct host_ask){.class_ = class_, .time_s = time_s});

	if (!lease)
		fail_msg("%s gets no %s: %s", who, class_, host->err.text);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ACTIVE);
	return lease;
}

static void gets_none(struct host *host, const char *who, const char *class_, int64_t time_s,
		      enum err_code code, const char *text, const char *hint)
{
	if (host_ask(host, who, &(struct host_ask){.class_ = class_, .time_s = time_s}))
		fail_msg("%s gets a %s", who, class_);
	assert_int_equal(host->err.code, code);
	assert_string_equal(host->err.text, text);
	assert_string_equal(host->err.hint, hint);
	assert_string_equal(host->err.rule, "reservations.course");
}

static const struct ledger_lease *row(struct host *host, int64_t lease)
{
	const struct steward_lease *found = steward_lease_at(&host->steward, lease);

	assert_non_null(found);
	return &found->row;
}

/* It is 08:00; the course begins at 10:00 and takes three of the four places. */
static void test_before_it_begins(void **state)
{
	struct host host;

	(void)state;
	begin(&host, course);
	gets(&host, "ann", "small", 5 * HOUR); /* the fourth */
	gets_none(&host, "bob", "small", 5 * HOUR, ERR_NO_ROOM,
		  "none of class small is free for 5h: reservation 'course' of team students "
		  "begins at 2026-09-22 10:00",
		  "1h 58m fits; --wait queues");
	gets_none(&host, "bob", "half", 3 * HOUR, ERR_NO_ROOM,
		  "none of class half is free for 3h: reservation 'course' of team students "
		  "begins at 2026-09-22 10:00",
		  "1h 58m fits; --wait queues");
	gets(&host, "bob", "small", HOUR + 58 * MINUTE);
	gets(&host, "bob", "half", HOUR);
	at(&host, 2 * HOUR);
	end(&host);
}

static void test_while_it_is_on(void **state)
{
	struct host host;
	int64_t first;

	(void)state;
	begin(&host, course);
	at(&host, 2 * HOUR + MINUTE);
	gets(&host, "ann", "small", 3 * HOUR); /* the fourth */
	gets_none(&host, "bob", "small", HOUR, ERR_NO_ROOM,
		  "none of class small is free for 1h: reservation 'course' of team students "
		  "is until 2026-09-22 12:00",
		  "--wait queues");
	first = gets(&host, "cem", "small", 0);
	assert_string_equal(row(&host, first)->rule, "reservations.course");
	gets_none(&host, "dee", "small", 3 * HOUR, ERR_REFUSED,
		  "only places of reservation 'course' are free, and they are given back at "
		  "2026-09-22 12:00",
		  "ask for 1h 58m or less");
	gets(&host, "dee", "small", HOUR + 30 * MINUTE);
	/* With no time of his own he has it until the end. */
	at(&host, 3 * HOUR + 30 * MINUTE);
	first = gets(&host, "dee", "small", 0);
	assert_in_range(row(&host, first)->ends_s, TUESDAY + 4 * HOUR - 10,
			TUESDAY + 4 * HOUR + 10);
	/* Over, and all returns. */
	at(&host, 4 * HOUR + MINUTE);
	assert_int_equal(host_state(&host, first), LEASE_ENDED);
	for (int i = 0; i < 3; i++)
		gets(&host, "bob", "small", 5 * HOUR);
	end(&host);
}

/* Who waits is served when it is over, and not before. */
static void test_who_waits_is_served_after(void **state)
{
	struct host host;
	int64_t waiting;

	(void)state;
	begin(&host, course);
	at(&host, 2 * HOUR + MINUTE);
	gets(&host, "ann", "small", 4 * HOUR);
	waiting = host_ask(&host, "bob", &(struct host_ask){.class_ = "small", .wait = true});
	host_settle(&host);
	assert_int_equal(host_state(&host, waiting), LEASE_QUEUED);
	at(&host, 4 * HOUR - MINUTE);
	assert_int_equal(host_state(&host, waiting), LEASE_QUEUED);
	at(&host, 4 * HOUR + MINUTE);
	assert_int_equal(host_state(&host, waiting), LEASE_ACTIVE);
	end(&host);
}

/* A lease of weeks would run into the next ones as well. */
static void test_every_week(void **state)
{
	struct host host;

	(void)state;
	begin(&host, course);
	at(&host, 5 * HOUR);
	gets(&host, "ann", "small", 20 * DAY);
	gets_none(&host, "bob", "small", 20 * DAY, ERR_NO_ROOM,
		  "none of class small is free for 20d: reservation 'course' of team students "
		  "begins at 2026-09-29 10:00",
		  "6d 20h fits; --wait queues");
	gets(&host, "bob", "small", 6 * DAY);
	/* Whoever belongs to the team may run into it: his counts as one of its places. */
	gets(&host, "cem", "small", 6 * DAY + 22 * HOUR);
	end(&host);
}

static void test_renewing_ends_before_it(void **state)
{
	struct host host;
	int64_t lease, second;

	(void)state;
	begin(&host, course);
	lease = gets(&host, "ann", "small", HOUR);
	second = gets(&host, "bob", "small", HOUR);
	assert_int_equal(host_renew(&host, "ann", lease, 4 * HOUR), 0); /* the fourth */
	assert_int_equal(host_renew(&host, "bob", second, HOUR + 50 * MINUTE), 0);
	assert_int_equal(host_renew(&host, "bob", second, 3 * HOUR), -ERR_REFUSED);
	assert_string_equal(host.err.text, "reservation 'course' of team students needs the place "
					   "from 2026-09-22 10:00 on");
	assert_string_equal(host.err.rule, "reservations.course");
	end(&host);
}

static void reserve(struct host *host, const char *class_name, unsigned instances,
		    int64_t begins_s, int64_t ends_s, bool weekly, int64_t *ret_id)
{
	struct ledger_reservation wish = {.instances = instances,
					  .begins_s = begins_s,
					  .ends_s = ends_s,
					  .days = weekly};

	snprintf(wish.name, sizeof(wish.name), "exam");
	snprintf(wish.team, sizeof(wish.team), "students");
	snprintf(wish.class_name, sizeof(wish.class_name), "%s", class_name);
	host->err = ERR_INIT;
	steward_reserve(&host->steward, host_person("dee"), &wish, host->now_s, ret_id,
			&host->err);
}

static void test_made_and_taken_back(void **state)
{
	struct steward_reservation reservation;
	struct steward_reserved reserved;
	struct host host;
	int64_t id, ignored;

	(void)state;
	begin(&host, none);
	reserve(&host, "big", 1, TUESDAY + HOUR, TUESDAY + 2 * HOUR, false, &ignored);
	assert_int_equal(host.err.code, ERR_NOT_FOUND);
	reserve(&host, "small", 1, TUESDAY + 2 * HOUR, TUESDAY + HOUR, false, &ignored);
	assert_int_equal(host.err.code, ERR_INVALID);
	reserve(&host, "small", 1, TUESDAY - 2 * HOUR, TUESDAY - HOUR, false, &ignored);
	assert_int_equal(host.err.code, ERR_INVALID);

	/* What runs already stays; the reservation is short of it. */
	gets(&host, "ann", "small", 5 * HOUR);
	gets(&host, "ann", "small", 5 * HOUR);
	reserve(&host, "small", 3, TUESDAY + HOUR, TUESDAY + 2 * HOUR, true, &id);
	assert_int_equal(host.err.code, 0);
	host_down(&host);
	host_up(&host);
	host_settle(&host);
	assert_int_equal(steward_n_reservations(&host.steward), 1);
	steward_reservation_at(&host.steward, 0, &reservation);
	assert_true(steward_reserved(&host.steward, &reservation, host.now_s, &reserved));
	assert_int_equal(reserved.begins_s, TUESDAY + HOUR);
	assert_int_equal(reserved.missing, 1);
	assert_int_equal(reserved.taken, 0);
	assert_int_equal(host_ask(&host, "bob", &(struct host_ask){.class_ = "small",
								   .time_s = 2 * HOUR}),
			 0);
	assert_string_equal(host.err.rule, "reservation.1");

	assert_int_equal(steward_unreserve(&host.steward, host_person("dee"), 7, host.now_s,
					   &host.err),
			 -ERR_NOT_FOUND);
	assert_int_equal(steward_unreserve(&host.steward, host_person("dee"), id, host.now_s,
					   &host.err),
			 0);
	gets(&host, "bob", "small", 2 * HOUR);
	host_down(&host);
	host_up(&host);
	assert_int_equal(steward_n_reservations(&host.steward), 0);
	end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_it_begins),
		cmocka_unit_test(test_while_it_is_on),
		cmocka_unit_test(test_who_waits_is_served_after),
		cmocka_unit_test(test_every_week),
		cmocka_unit_test(test_renewing_ends_before_it),
		cmocka_unit_test(test_made_and_taken_back),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	library = argc > 1 ? argv[1] : NULL;
	steps_watch_ledgers();
	return tap_run(tests);
}
