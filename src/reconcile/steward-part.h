/*
 * steward-part.h - what the files of the steward share; only for steward*.c
 */
#pragma once

#include "base/cleanup.h"
#include "reconcile/steward-isolate.h"
#include "reconcile/steward.h"

#define STUCK_TRIES   5 /* so many failed removals are told as "stuck" */
#define GRANT_TRIES   3 /* places tried for one lease */
#define RESTORE_TRIES 3 /* further ones to make an instance again for a lease that lost it */

/* An event that waits to be written. */
struct steward_note {
	enum event_kind kind;
	int64_t time_s;
	int64_t lease; /* 0: none */
	bool has_uid, has_place;
	uid_t uid;
	char user[LEDGER_NAME], team[LEDGER_NAME], class_name[LEDGER_NAME];
	char gpu[LEDGER_UUID], profile[33], mig_uuid[LEDGER_UUID];
	unsigned start;
	char by[LEDGER_NAME], rule[64], text[LEDGER_REASON];
};

/* What a note is about; NULL and "" for nothing. */
struct about {
	const struct ledger_lease *lease;
	const struct ledger_instance *instance;
	const char *by, *rule;
};

/* Remember an event; it is written with the next flush. */
void steward_note(struct steward *steward, enum event_kind kind, const struct about *about,
		  int64_t now_s, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "3g.40gb at 0 on GPU 0". Returns buf. */
char *steward_where(const struct steward *steward, const struct ledger_instance *instance,
		    char *buf, size_t size);

/*
 * One transaction: all that is unsaved, what `write` writes (NULL: nothing more),
 * and what it notes. On failure nothing is written, its notes are forgotten, and
 * `unwritable` is set; on success call steward_saved() once memory says the same.
 */
typedef int steward_write_fn(struct steward *steward, void *arg, struct err *err);
int steward_transact(struct steward *steward, steward_write_fn *write, void *arg, struct err *err);

/*
 * Make durable what changed, then hand out the jobs that wait for it. On
 * failure everything is kept for the next try and `unwritable` is set. Ended
 * leases and gone instances leave the memory here and nowhere else: hold no
 * pointer to one across this.
 */
int steward_flush(struct steward *steward, struct err *err);

/* The same when nobody waits for the answer. */
void steward_settle(struct steward *steward);

/* Only the notes from that one on, inside a transaction. */
int steward_save_notes(struct steward *steward, size_t from, struct err *err);

/* After a transaction: nothing is unsaved, and the jobs that waited for it are handed out. */
void steward_saved(struct steward *steward);

/* Instead, when it cannot be written: this is told until a flush succeeds. Returns -err->code. */
int steward_not_saved(struct steward *steward, const struct err *err);

/* Take this job when the flush has succeeded. */
void steward_later(struct steward *steward, size_t worker, struct job *take_job);

/* A job for an instance's promise; marks it. */
void steward_instance_job(struct steward *steward, struct steward_instance *instance,
			  enum job_kind kind, bool resume);

struct steward_lease *steward_lease_find(struct steward *steward, int64_t id);
struct steward_instance *steward_instance_find(struct steward *steward, int64_t id);
struct steward_instance *steward_instance_of(struct steward *steward,
					     const struct steward_lease *lease);

/* Append; take_x is freed on failure. */
int steward_add_lease(struct steward *steward, struct steward_lease *take_lease, struct err *err);
int steward_add_instance(struct steward *steward, struct steward_instance *take_instance,
			 struct err *err);

/* ENDED leases and GONE instances that are written leave the memory. */
void steward_forget(struct steward *steward);

/* Is it in the server and alive, as far as the last survey told? */
bool steward_has_gpu(const struct steward *steward, size_t gpu);

/* Which GPU, profile and index this row means now. */
void steward_bind(struct steward *steward, struct steward_instance *instance);

/* Present, nobody's, and nothing runs on it, as far as one could see. */
bool steward_is_free(const struct steward *steward, const struct steward_instance *instance);

/* steward-lease.c */
/* The lease, if this person may act on it; NULL: NOT_FOUND, STALE (ended), DENIED. */
struct steward_lease *steward_own_lease(struct steward *steward,
					const struct policy_person *person, int64_t id,
					struct err *err);
struct ending {
	enum event_kind kind; /* EVENT_EXPIRED, _RELEASED, _REVOKED, _DENIED, or _ENDING */
	const char *by, *rule;
};

/* A lease or a request is over; why is kept. */
void steward_end_lease_as(struct steward *steward, struct steward_lease *lease,
			  const struct ending *ending, int64_t now_s, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for a reason that has no kind of its own. */
void steward_end_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		       const char *by, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void steward_close_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s);

/* Give a lease a place; writes and hands out the jobs. The lease may be new (id 0). */
int steward_grant(struct steward *steward, struct steward_lease *lease, const struct choice *choice,
		  const char *rule, int64_t now_s, struct err *err);

/* steward-move.c */
/* May the active lease on that instance be moved, as far as the last look tells? */
bool steward_is_movable(const struct steward *steward, const struct steward_gpu *gpu,
			const struct steward_lease *lease, const struct steward_instance *instance);
/* choose_place(), and if the policy says so choose_by_moving(). */
bool steward_place(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		   const struct policy_terms *terms, const struct choose_hold *hold,
		   struct choice *ret);
/* Must it not be made yet, because its units are about to be left? Notes for what. */
bool steward_waits(const struct steward *steward, struct steward_instance *instance);
/* Carry the moves that are under way on by what was seen. */
void steward_check_moves(struct steward *steward, int64_t now_s);

/* steward-queue.c */
void steward_serve_queue(struct steward *steward, int64_t now_s);
/* The picture in which the next is found. 0, or -1 when memory ran out. */
int steward_line(const struct steward *steward, int64_t now_s, struct line *ret);
/* The place kept for one who has waited too long; false: none. */
bool steward_hold(struct steward *steward, struct line *line, int64_t now_s,
		  struct choose_hold *ret);
/* The outlook that is being worked out counts no more. */
void steward_forget_future(struct steward *steward);
/* The same for looking only; not for this lease. */
bool steward_hold_for(const struct steward *steward, int64_t now_s, int64_t lease,
		      struct choose_hold *ret);

/* Is it known when it ends? */
bool steward_ends(const struct steward *steward, const struct steward_lease *lease);

/* When it ends, or would if it began now. */
int64_t steward_lease_ends_s(const struct ledger_lease *row, int64_t now_s);

/* steward-grants.c */
/* Free fields as a JSON object of texts. err: TOO_LARGE */
int steward_write_fields(const struct policy_wish *wish, char *ret, size_t size, struct err *err);
/* Warn whose lease ends soon. */
void steward_warn(struct steward *steward, int64_t now_s);

/* steward-reserve.c */
int steward_load_reservations(struct steward *steward, struct err *err);

/* steward-approve.c */
/*
 * A new request waits for somebody's approval by terms->approval; writes. REFUSED when it is
 * tied to a process that does not wait.
 */
int steward_ask_approval(struct steward *steward, struct steward_lease *lease,
			 const struct policy_terms *terms, bool wait, int64_t now_s,
			 struct err *err);
/* A queued one that needs an approval by now leaves the queue for it: true. */
bool steward_needs_approval(struct steward *steward, struct steward_lease *lease,
			    const struct policy_terms *terms, int64_t now_s);
/* Requests that nobody answered in time, that no longer need it, or that nobody could approve. */
void steward_check_requests(struct steward *steward, int64_t now_s);

/* steward-ask.c: may anything be promised now? */
int steward_ready(struct steward *steward, struct err *err);
/* Keep the event of a refusal, unless he has had many. Returns -err->code. */
int steward_refuse(struct steward *steward, const struct ledger_lease *row, int64_t now_s,
		   const struct err *err);
/* The limits of the queue. */
int steward_may_queue(const struct steward *steward, uid_t uid, struct err *err);
/* steward-queue.c: ask again, as if it were asked now by one who has these. */
int steward_admit_again(const struct steward *steward, const struct steward_lease *lease,
			const struct policy_holding *holdings, size_t n, struct policy_terms *ret,
			struct err *err);

/* steward-gpu.c */
void steward_reconcile_gpu(struct steward *steward, size_t gpu, int64_t now_s);
/* A newer look than the one we have, begun at that tick; and what follows from it. */
void steward_accept_look(struct steward_gpu *gpu, struct observed_gpu **take_seen, uint64_t tick);
void steward_act_on_look(struct steward *steward, size_t index, int64_t now_s);

/* steward-job.c: the lease's instance is there and open to it */
void steward_begin_lease(struct steward *steward, struct steward_lease *lease,
			 struct steward_instance *instance, int64_t now_s);

/* steward-retain.c: what is due of it */
void steward_retain(struct steward *steward, int64_t now_s);

/* steward-survey.c */
void steward_survey_done(struct steward *steward, struct job *job, int64_t now_s);
