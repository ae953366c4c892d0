#include "steward-tale.h"

#include <string.h>

#define CLASSES                                                                                    \
	"version: 1\nname: tale\nclasses:\n"                                                       \
	"  small: {profiles: 1g, time: 1h, max_time: 12h, warm: 1}\n"                              \
	"  full: {profiles: full, time: 2h, max_time: 12h}\n"
#define TEAMS                                                                                      \
	"teams:\n"                                                                                 \
	"  vision: {users: [ann, bob]}\n"                                                          \
	"  language: {users: [cem, dee]}\n"

const char tale_policy[] = CLASSES "  medium: {profiles: 2g, time: 4h, max_time: 12h}\n" TEAMS;
static const char without_medium[] = CLASSES TEAMS;

/* What each scene came to. */
static struct {
	enum lease_state process_left, queue_waits, queue_served, medium_waits, medium_left;
	bool reused, removed, restored, expired, late_served;
} told;

static const struct steward_lease *lease_of(const struct host *host, int64_t lease)
{
	return steward_lease_at(&host->steward, lease);
}

static int64_t instance_of(const struct host *host, int64_t lease)
{
	const struct steward_lease *found = lease_of(host, lease);

	return found && found->row.has_instance ? found->row.instance : 0;
}

/* A process runs on past the end of its lease; another lease ends with its holder. */
static void scene_processes(struct host *host, void (*rest)(struct host *), int64_t ann,
			    int64_t *ret_bob)
{
	*ret_bob = host_ask(
		host, "bob",
		&(struct host_ask){.class_ = "medium", .hold = true, .pid = host->sleepers[1]});
	rest(host);
	host_occupy(host, 0, ann);
	host_renew(host, "ann", ann, 7200);
	host_release(host, "ann", ann);
	rest(host);
	told.process_left = host_state(host, ann);
}

/* cem has the second GPU, dee waits for it. */
static int64_t scene_queue(struct host *host, void (*rest)(struct host *))
{
	int64_t cem = host_ask(host, "cem", &(struct host_ask){.class_ = "full", .wait = true});
	int64_t dee = host_ask(host, "dee", &(struct host_ask){.class_ = "full", .wait = true});

	rest(host);
	told.queue_waits = host_state(host, dee);
	host_release(host, "cem", cem);
	rest(host);
	told.queue_served = host_state(host, dee);
	return dee;
}

/* What is kept warm is taken again. */
static void scene_warm(struct host *host, void (*rest)(struct host *))
{
	int64_t first = host_ask(host, "bob", &(struct host_ask){.class_ = "small"}), second, kept;

	rest(host);
	kept = instance_of(host, first);
	host_release(host, "bob", first);
	rest(host);
	second = host_ask(host, "ann", &(struct host_ask){.class_ = "small"});
	told.reused = kept && instance_of(host, second) == kept;
	host_release(host, "ann", second);
	rest(host);
}

/* All that runs ends; the free instance makes room for a whole GPU. */
static int64_t scene_room(struct host *host, void (*rest)(struct host *))
{
	size_t before;
	int64_t full;

	host_end_sleeper(host, 0);
	host_end_sleeper(host, 1);
	rest(host);
	before = host->steward.n_instances;
	full = host_ask(host, "ann", &(struct host_ask){.class_ = "full"});
	rest(host);
	told.removed = before == 2 && host->steward.n_instances == 2 &&
		       host_state(host, full) == LEASE_ACTIVE;
	return full;
}

/* Both GPUs are full. Two wait; the policy forgets the class of one. */
static int64_t scene_policy(struct host *host, void (*rest)(struct host *))
{
	int64_t medium =
		host_ask(host, "bob", &(struct host_ask){.class_ = "medium", .wait = true});
	int64_t small =
		host_ask(host, "cem",
			 &(struct host_ask){.class_ = "small", .time_s = 6 * 3600, .wait = true});

	rest(host);
	told.medium_waits = host_state(host, medium);
	host_set_policy(host, without_medium);
	rest(host);
	told.medium_left = host_state(host, medium);
	return small;
}

static void scene_vanishing(struct host *host, void (*rest)(struct host *), int64_t lease)
{
	int64_t before = instance_of(host, lease);

	told.restored = host_take_away(host, lease);
	rest(host);
	told.restored &= before && instance_of(host, lease) == before &&
			 host_state(host, lease) == LEASE_ACTIVE;
}

void tale_tell(struct host *host, void (*rest)(struct host *))
{
	int64_t ann, bob, dee, full, small;

	memset(&told, 0, sizeof(told));
	rest(host);
	ann = host_ask(host, "ann", &(struct host_ask){.class_ = "small"});
	rest(host);
	scene_processes(host, rest, ann, &bob);
	dee = scene_queue(host, rest);
	scene_warm(host, rest);
	full = scene_room(host, rest);
	small = scene_policy(host, rest);
	host->now_s += 2 * 3600;
	rest(host);
	told.expired =
		host_state(host, full) == LEASE_ENDED && host_state(host, dee) == LEASE_ENDED;
	told.late_served = host_state(host, small) == LEASE_ACTIVE;
	scene_vanishing(host, rest, small);
	host_release(host, "cem", small);
	rest(host);
}

void tale_was_told(struct host *host)
{
	(void)host;
	assert_int_equal(told.process_left, LEASE_ENDING);
	assert_int_equal(told.queue_waits, LEASE_QUEUED);
	assert_int_equal(told.queue_served, LEASE_ACTIVE);
	assert_true(told.reused);
	assert_true(told.removed);
	assert_int_equal(told.medium_waits, LEASE_QUEUED);
	assert_int_equal(told.medium_left, LEASE_ENDED);
	assert_true(told.expired);
	assert_true(told.late_served);
	assert_true(told.restored);
}

void tale_works(struct host *host)
{
	int64_t lease;

	/* A GPU that failed rests for a while, and who holds all may hold it to the end. */
	host->now_s += 12 * 3600;
	host_settle(host);
	lease = host_ask(host, "ann", &(struct host_ask){.class_ = "small"});
	if (!lease)
		fail_msg("nothing is granted any more: %s", host->err.text);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ACTIVE);
	if (host_release(host, "ann", lease))
		fail_msg("nothing can be released any more: %s", host->err.text);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ENDED);
}
