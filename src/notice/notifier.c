#include "notice/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "notice/notice-fill.h"
#include "notice/notice-send.h"

#define STACK_BYTES (512u << 10) /* TLS is not ours to measure */
#define FORGET_S    (2 * NOTICE_HOUR_S)
#define IDLE_S	    60

static const int64_t again_s[] = {5, 30, 120, 600, 3600};
#define MAX_TRIES 28 /* some 24 hours */

static void (*const senders[])(struct notice_message *message, const atomic_bool *stopping) = {
	[NOTICE_TERMINAL] = notice_terminal,
	[NOTICE_MAIL] = notice_mail,
	[NOTICE_WEBHOOK] = notice_webhook,
};
_Static_assert(ARRAY_SIZE(senders) == NOTICE_WAY_COUNT, "each way has a sender");

enum lane_state { LANE_FREE, LANE_BUSY, LANE_DONE };

/* A way, its thread, and the one notice that is under way. */
struct lane {
	struct notifier *notifier;
	enum notice_way way;
	bool started, ended;
	enum lane_state state; /* under the lock */
	pthread_cond_t wake;
	struct notice_message message; /* the thread's while BUSY, else the main thread's */
	struct notifier_counts counts;
	int64_t next_s; /* nothing is due before */
};

struct notifier {
	struct ledger *ledger;
	int fd;
	atomic_bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned running;
	char host[65];
	unsigned dropped;
	int64_t forget_s;
	struct lane lanes[NOTICE_WAY_COUNT];
};

/* ---- the threads ---- */

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct notifier *notifier = lane->notifier;
	const uint64_t one = 1;

	pthread_mutex_lock(&notifier->lock);
	while (!atomic_load(&notifier->stopping)) {
		if (lane->state != LANE_BUSY) {
			pthread_cond_wait(&lane->wake, &notifier->lock);
			continue;
		}
		pthread_mutex_unlock(&notifier->lock);
		senders[lane->way](&lane->message, &notifier->stopping);
		pthread_mutex_lock(&notifier->lock);
		lane->state = LANE_DONE;
		while (write(notifier->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	notifier->running--;
	pthread_cond_signal(&notifier->ended);
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

/* With the lock held. Without a thread the notice waits for a later try. */
static bool start_lane(struct lane *lane)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int r;

	if (lane->started)
		return true;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	r = pthread_create(&thread, &attr, lane_main, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	lane->started = !r;
	lane->notifier->running += !r;
	return !r;
}

/* ---- life ---- */

int notifier_new(struct ledger *ledger, struct notifier **ret, struct err *err)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (!notifier)
		return fail(err, ERR_NOMEM, "no memory for notices");
	notifier->ledger = ledger;
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->ended, NULL);
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++) {
		notifier->lanes[way].notifier = notifier;
		notifier->lanes[way].way = way;
		pthread_cond_init(&notifier->lanes[way].wake, NULL);
	}
	if (gethostname(notifier->host, sizeof(notifier->host) - 1) || !notifier->host[0])
		strcpy(notifier->host, "localhost");
	notifier->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (notifier->fd < 0) {
		int r = fail(err, ERR_IO, "eventfd: %s", strerror(errno));

		notifier_free(notifier);
		return r;
	}
	*ret = notifier;
	return 0;
}

bool notifier_stop(struct notifier *notifier, unsigned seconds)
{
	struct timespec until;
	bool stopped;

	if (!notifier)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&notifier->lock);
	atomic_store(&notifier->stopping, true);
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++)
		pthread_cond_signal(&notifier->lanes[way].wake);
	while (notifier->running &&
	       pthread_cond_timedwait(&notifier->ended, &notifier->lock, &until) == 0)
		;
	stopped = !notifier->running;
	pthread_mutex_unlock(&notifier->lock);
	return stopped;
}

void notifier_free(struct notifier *notifier)
{
	if (!notifier)
		return;
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++)
		pthread_cond_destroy(&notifier->lanes[way].wake);
	pthread_cond_destroy(&notifier->ended);
	pthread_mutex_destroy(&notifier->lock);
	if (notifier->fd >= 0)
		close(notifier->fd);
	free(notifier);
}

int notifier_fd(const struct notifier *notifier)
{
	return notifier->fd;
}

/* ---- what became of one ---- */

static void settle(struct lane *lane, int64_t now_s)
{
	struct ledger_notice *notice = &lane->message.notice;
	const struct err *why = &lane->message.err;
	size_t last = ARRAY_SIZE(again_s) - 1;
	size_t at = (size_t)notice->tries < last ? (size_t)notice->tries : last;

	lane->counts.trouble = *why;
	notice->tries++;
	notice->next_s = now_s + again_s[at];
	notice->state = !why->code ? NOTICE_SENT
			: notice->tries < MAX_TRIES ? NOTICE_WAITING
						    : NOTICE_FAILED;
	lane->counts.sent += notice->state == NOTICE_SENT;
	lane->counts.failed += notice->state == NOTICE_FAILED;
	if (why->code && notice->tries == 1)
		log_warning("notice %lld: %s; it is tried again", (long long)notice->id, why->text);
	if (notice->state == NOTICE_FAILED)
		log_warning("notice %lld is given up: %s", (long long)notice->id, why->text);
}

static int write_down(struct notifier *notifier, const struct ledger_notice *notice,
		      struct err *err)
{
	int r = ledger_begin(notifier->ledger, err);

	if (r)
		return r;
	r = ledger_notice_update(notifier->ledger, notice, err);
	if (!r)
		return ledger_commit(notifier->ledger, err);
	ledger_rollback(notifier->ledger);
	return r;
}

/* A way takes no other before what became of the last is written: it would be told again. */
static void take_back(struct lane *lane, int64_t now_s)
{
	struct notifier *notifier = lane->notifier;
	struct ledger_notice before = lane->message.notice;
	struct notifier_counts counts = lane->counts;
	struct err err = ERR_INIT;

	settle(lane, now_s);
	if (write_down(notifier, &lane->message.notice, &err)) {
		lane->message.notice = before;
		lane->counts = counts;
		return;
	}
	lane->state = LANE_FREE;
	lane->next_s = 0;
}

/* ---- handing out ---- */

static void address(struct notice_message *message, const struct policy *policy, const char *host)
{
	const struct policy_notices *notices = policy_notices(policy);

	snprintf(message->host, sizeof(message->host), "%s", host);
	snprintf(message->command, sizeof(message->command), "%s",
		 notices->mail_command ? notices->mail_command : "");
	snprintf(message->from, sizeof(message->from), "%s",
		 notices->mail_from ? notices->mail_from : "");
	snprintf(message->url, sizeof(message->url), "%s",
		 notices->webhook_url ? notices->webhook_url : "");
	snprintf(message->secret, sizeof(message->secret), "%s",
		 notices->webhook_secret ? notices->webhook_secret : "");
}

/* Does the policy in force still know that way? What waits for it then waits on. */
static bool is_open(const struct policy *policy, enum notice_way way)
{
	const struct policy_notices *notices = policy_notices(policy);

	return way == NOTICE_WEBHOOK ? notices->webhook_url != NULL
	       : way == NOTICE_MAIL  ? notices->mail_command != NULL
				     : true;
}

/* When to look again, since nothing is due now. */
static void rest(struct lane *lane, int64_t now_s)
{
	struct err err = ERR_INIT;
	int64_t next_s;

	lane->next_s = now_s + IDLE_S;
	if (!ledger_notice_next(lane->notifier->ledger, notice_way_name(lane->way), &next_s, &err) &&
	    next_s < lane->next_s)
		lane->next_s = next_s > now_s ? next_s : now_s + 1;
}

static void hand_out(struct lane *lane, const struct policy *policy, int64_t now_s)
{
	struct notifier *notifier = lane->notifier;
	struct err err = ERR_INIT;
	bool found = false;

	if (!is_open(policy, lane->way)) {
		lane->counts.trouble = ERR_INIT;
		rest(lane, now_s);
		return;
	}
	if (ledger_notice_due(notifier->ledger, notice_way_name(lane->way), now_s,
			      &lane->message.notice, &found, &err) ||
	    !found || !start_lane(lane)) {
		rest(lane, now_s);
		return;
	}
	lane->message.err = ERR_INIT;
	address(&lane->message, policy, notifier->host);
	lane->state = LANE_BUSY;
	pthread_cond_signal(&lane->wake);
}

static void forget(struct notifier *notifier, int64_t now_s)
{
	struct err err = ERR_INIT;

	if (now_s < notifier->forget_s && notifier->forget_s <= now_s + NOTICE_HOUR_S)
		return;
	notifier->forget_s = now_s + NOTICE_HOUR_S;
	if (ledger_begin(notifier->ledger, &err))
		return;
	if (ledger_notices_forget(notifier->ledger, now_s - FORGET_S, &err))
		ledger_rollback(notifier->ledger);
	else
		ledger_commit(notifier->ledger, &err);
}

int64_t notifier_run(struct notifier *notifier, const struct policy *policy, int64_t now_s)
{
	int64_t next_s = now_s + IDLE_S;
	uint64_t n;

	(void)!read(notifier->fd, &n, sizeof(n));
	pthread_mutex_lock(&notifier->lock);
	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++) {
		struct lane *lane = &notifier->lanes[way];

		if (lane->state == LANE_DONE)
			take_back(lane, now_s);
		if (lane->state == LANE_FREE &&
		    (now_s >= lane->next_s || lane->next_s > now_s + IDLE_S))
			hand_out(lane, policy, now_s);
		if (lane->state == LANE_FREE && lane->next_s < next_s)
			next_s = lane->next_s;
		if (lane->state == LANE_DONE) /* and could not be written down */
			next_s = now_s + 1;
	}
	pthread_mutex_unlock(&notifier->lock);
	forget(notifier, now_s);
	return next_s;
}

int notifier_note(struct notifier *notifier, const struct policy *policy,
		  const struct ledger_event *event, struct err *err)
{
	int r = notice_fill(notifier->ledger, policy, event, notifier->host, &notifier->dropped,
			    err);

	for (unsigned way = 0; way < NOTICE_WAY_COUNT; way++)
		notifier->lanes[way].next_s = 0;
	return r;
}

void notifier_counts(struct notifier *notifier, enum notice_way way, struct notifier_counts *ret)
{
	struct err err = ERR_INIT;

	*ret = notifier->lanes[way].counts;
	ledger_notices_waiting(notifier->ledger, notice_way_name(way), &ret->waiting, &err);
}

uint64_t notifier_dropped(const struct notifier *notifier)
{
	return notifier->dropped;
}
