/* What is made for a lease's processes: control groups, and descriptions for containers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/proc.h"
#include "isolate/cdi.h"
#include "policy/policy-grant.h"
#include "reconcile/steward-isolate-part.h"

const struct group_host *steward_group_host(const struct steward *steward)
{
	return steward->isolation ? &steward->isolation->groups : NULL;
}

bool steward_has_groups(const struct steward *steward)
{
	enum isolation_mode mode = policy_isolation(steward->policy)->mode;

	return steward->isolation && steward->isolation->groups.kind != GROUP_NONE &&
	       (mode == ISOLATION_AUTO || mode == ISOLATION_CGROUP);
}

unsigned steward_lease_processes(const struct steward *steward, int64_t lease)
{
	const struct steward_isolation *isolation = steward->isolation;
	unsigned n = 0;

	for (size_t i = 0; isolation && i < isolation->n_places; i++)
		if (isolation->places[i].row.lease == lease &&
		    isolation->places[i].row.kind == PLACE_GROUP)
			n += group_count(isolation->places[i].row.path);
	return n;
}

bool steward_holds_bundle(const struct steward *steward, int64_t lease, const char **ret_why)
{
	const struct steward_isolation *isolation = steward->isolation;
	bool holds = false;

	if (ret_why)
		*ret_why = "";
	for (size_t i = 0; isolation && i < isolation->n_places; i++) {
		const struct isolate_place *place = &isolation->places[i];

		if (place->row.lease != lease || place->row.kind != PLACE_GROUP)
			continue;
		holds = place->limited;
		if (ret_why)
			*ret_why = place->why_unlimited;
		if (!holds)
			break;
	}
	return holds;
}

const char *steward_description(const struct steward *steward, int64_t lease)
{
	const struct steward_isolation *isolation = steward->isolation;

	for (size_t i = 0; isolation && i < isolation->n_places; i++)
		if (isolation->places[i].row.lease == lease &&
		    isolation->places[i].row.kind == PLACE_CDI)
			return isolation->places[i].row.path;
	return "";
}

/* ---- in the ledger first ---- */

static int add_write(struct steward *steward, void *arg, struct err *err)
{
	return ledger_place_add(steward->ledger, arg, err);
}

static int forget_write(struct steward *steward, void *arg, struct err *err)
{
	return ledger_place_forget(steward->ledger, ((struct ledger_place *)arg)->path, err);
}

static int add_place(struct steward *steward, const struct ledger_place *row, struct err *err)
{
	struct steward_isolation *isolation = steward->isolation;
	struct ledger_place copy = *row;
	int r;

	if (array_reserve(&isolation->places, &isolation->cap_places, isolation->n_places,
			  sizeof(*isolation->places)))
		return fail(err, ERR_NOMEM, "no memory for a control group");
	r = steward_transact(steward, add_write, &copy, err);
	if (r)
		return r;
	isolation->places[isolation->n_places++] = (struct isolate_place){.row = copy};
	steward_saved(steward);
	return 0;
}

/* ---- what is over ---- */

/* Not there any more. Returns false when it is to be tried again. */
static bool remove_place(struct steward *steward, struct isolate_place *place)
{
	struct ledger_place row = place->row;
	struct err err = ERR_INIT;
	int r = row.kind == PLACE_GROUP ? group_remove(row.path, &err) : cdi_remove(row.path, &err);

	return !r && !steward_transact(steward, forget_write, &row, &err);
}

static struct isolate_place *find_place(struct steward_isolation *isolation, const char *path)
{
	for (size_t i = 0; i < isolation->n_places; i++)
		if (!strcmp(isolation->places[i].row.path, path))
			return &isolation->places[i];
	return NULL;
}

static const struct steward_lease *living(const struct steward *steward, int64_t lease)
{
	const struct steward_lease *at = steward_lease_at(steward, lease);

	return at && (at->row.state == LEASE_GRANTING || at->row.state == LEASE_ACTIVE) ? at
											 : NULL;
}

static void tell_failed(struct steward *steward, struct isolate_place *place, const char *what)
{
	const struct steward_lease *lease = steward_lease_at(steward, place->row.lease);

	if (place->told)
		return;
	place->told = true;
	steward_note(steward, EVENT_CLOSE_FAILED,
		     &(struct about){.lease = lease ? &lease->row : NULL},
		     steward->isolation->now_s, "lease %" PRId64 ": %s", place->row.lease, what);
}

/* From now on no process in there opens a device of the driver. */
static void deny(struct steward *steward, struct isolate_place *place)
{
	struct steward_isolation *isolation = steward->isolation;
	const struct isolate_roots roots = {isolation->host.dev, isolation->host.proc};
	struct driver_majors majors;
	struct device_rules rules;
	struct err err = ERR_INIT;

	if (place->denied)
		return;
	if (driver_majors(&roots, &majors, &err)) {
		tell_failed(steward, place, err.text);
		return;
	}
	rules = device_rules_none(&majors);
	if (group_set_devices(&isolation->groups, place->row.path, &rules, &err) &&
	    err.code != ERR_NOT_FOUND) {
		tell_failed(steward, place, err.text);
		return;
	}
	place->denied = true;
}

/* What the class says of the host's CPUs and memory. A host may be unable to; that is told. */
static void limit(struct steward *steward, struct isolate_place *place,
		  const struct steward_lease *lease, const struct steward_instance *instance)
{
	struct err err = ERR_INIT;
	const struct policy_class *class_ =
		policy_class_find(steward->policy, lease->row.class_name, &err);
	struct policy_bundle bundle;

	if (!class_ || !policy_bundle_of(class_, instance->row.slices, &bundle))
		return;
	place->limited = !group_set_limits(&steward->isolation->groups, place->row.path,
					   bundle.has_cpus ? bundle.cpus : 0,
					   bundle.has_memory ? bundle.memory_bytes : 0, &err);
	snprintf(place->why_unlimited, sizeof(place->why_unlimited), "%.255s",
		 place->limited ? "" : err.text);
}

/* The devices of a lease and of those that were granted in one with it. */
static size_t numbers_of(const struct steward *steward, const struct steward_lease *lease,
			 struct device_numbers *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < steward->n_leases && n < DEVICE_MAX_LEASES; i++) {
		const struct steward_lease *other = steward->leases[i];
		const struct steward_instance *instance =
			other->row.has_instance ? steward_instance_at(steward, other->row.instance)
						: NULL;
		bool is_part = other == lease ||
			       (lease->row.has_together && other->row.has_together &&
				other->row.together == lease->row.together);

		if (is_part && living(steward, other->row.id) && instance &&
		    instance->access.has_numbers)
			ret[n++] = instance->access.numbers;
	}
	return n;
}

/* An instance may have been made again elsewhere on its GPU; one of several may be over. */
static void follow_numbers(struct steward *steward, struct isolate_place *place,
			   const struct steward_lease *lease)
{
	struct device_numbers numbers[DEVICE_MAX_LEASES];
	struct device_rules rules;
	struct err err = ERR_INIT;
	size_t n = place->row.kind == PLACE_GROUP ? numbers_of(steward, lease, numbers) : 0;
	const struct steward_instance *instance =
		lease->row.has_instance ? steward_instance_at(steward, lease->row.instance) : NULL;

	if (!n || !instance)
		return;
	rules = device_rules_for(numbers, n);
	if (place->set && device_rules_same(&place->rules, &rules))
		return;
	if (group_set_devices(&steward->isolation->groups, place->row.path, &rules, &err)) {
		if (err.code != ERR_NOT_FOUND)
			tell_failed(steward, place, err.text);
		return;
	}
	limit(steward, place, lease, instance);
	place->rules = rules;
	place->set = true;
}

void steward_places_follow(struct steward *steward)
{
	struct steward_isolation *isolation = steward->isolation;

	/* What is saved on the way comes back here. */
	if (isolation->following)
		return;
	isolation->following = true;
	for (size_t i = 0; i < isolation->n_places;) {
		struct isolate_place *place = &isolation->places[i];
		const struct steward_lease *lease = living(steward, place->row.lease);

		if (lease) {
			follow_numbers(steward, place, lease);
		} else {
			if (place->row.kind == PLACE_GROUP)
				deny(steward, place);
			if (remove_place(steward, place)) {
				*place = isolation->places[--isolation->n_places];
				steward_saved(steward);
				continue;
			}
		}
		i++;
	}
	isolation->following = false;
}

void steward_places_tidy(struct steward *steward)
{
	struct steward_isolation *isolation = steward->isolation;

	for (size_t i = 0; isolation && i < isolation->n_places;) {
		if (isolation->places[i].row.kind != PLACE_GROUP ||
		    !remove_place(steward, &isolation->places[i])) {
			i++;
			continue;
		}
		isolation->places[i] = isolation->places[--isolation->n_places];
		steward_saved(steward);
		i = 0; /* what is saved may have removed others */
	}
}

/* ---- what is asked for ---- */

/* The lease, when this person may use it and it is there to be used. */
static struct steward_lease *usable(struct steward *steward, const struct policy_person *person,
				    int64_t id, struct steward_instance **ret, struct err *err)
{
	struct steward_lease *lease = steward_own_lease(steward, person, id, err);

	if (!lease)
		return NULL;
	*ret = steward_instance_of(steward, lease);
	if (lease->row.state != LEASE_ACTIVE || !*ret) {
		fail(err, ERR_STALE, "lease %" PRId64 " is %s", id,
		     lease_state_name(lease->row.state));
		return NULL;
	}
	if (steward->isolation && (*ret)->access.result == CLOSURE_UNKNOWN &&
	    steward_isolates(steward, (*ret)->gpu)) {
		fail(err, ERR_UNAVAILABLE, "lease %" PRId64 ": its device nodes are looked at", id);
		return NULL;
	}
	if (!steward->isolation || !(*ret)->access.has_numbers) {
		fail(err, ERR_UNSUPPORTED, "lease %" PRId64 ": its device nodes are not known%s%s",
		     id, (*ret)->access.why[0] ? ": " : "", (*ret)->access.why);
		return NULL;
	}
	return lease;
}

/* Nobody may move what others run: they would find devices gone. */
static int may_move(const struct policy_person *person, const struct steward_lease *lease,
		    pid_t pid, struct err *err)
{
	if (person->uid == 0 || proc_is_only(pid, person->uid) ||
	    proc_is_only(pid, lease->row.uid))
		return 0;
	fail(err, ERR_DENIED, "process %d is not a process of %s", (int)pid, lease->row.user);
	return fail_hint(err, "a process that changed its user takes root to be attached");
}

/* The group below this process's own that the lease already has, if any. */
static struct isolate_place *place_below(struct steward_isolation *isolation, int64_t lease,
					 const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t parent = slash ? (size_t)(slash - path) : 0;

	for (size_t i = 0; i < isolation->n_places; i++) {
		const struct ledger_place *row = &isolation->places[i].row;

		if (row->lease == lease && row->kind == PLACE_GROUP &&
		    !strncmp(row->path, path, parent + 1) &&
		    !strchr(row->path + parent + 1, '/') && access(row->path, F_OK) == 0)
			return &isolation->places[i];
	}
	return NULL;
}

/* The host does not let us: some go on without (api-isolate.c), so it is told. */
static int has_no_group(struct steward *steward, const struct steward_lease *lease,
			struct err *err)
{
	err->code = ERR_UNSUPPORTED;
	steward_note(steward, EVENT_CLOSE_FAILED, &(struct about){.lease = &lease->row},
		     steward->isolation->now_s, "%s", err->text);
	steward_settle(steward);
	return -(int)err->code;
}

static int make_group(struct steward *steward, struct steward_lease *lease, const char *path,
		      struct isolate_place **ret, struct err *err)
{
	struct ledger_place row = {.lease = lease->row.id, .kind = PLACE_GROUP};
	struct steward_isolation *isolation = steward->isolation;
	int r;

	snprintf(row.path, sizeof(row.path), "%s", path);
	r = add_place(steward, &row, err);
	if (r)
		return r;
	/* That it is not there is no harm: it is forgotten with the lease. */
	if (group_make(path, err))
		return has_no_group(steward, lease, err);
	*ret = find_place(isolation, path);
	return *ret ? 0 : fail(err, ERR_STALE, "control group '%s' is gone", path);
}

static int lacks_groups(const struct steward *steward, struct err *err)
{
	const struct group_host *host = steward_group_host(steward);

	if (host && host->kind == GROUP_NONE) {
		fail(err, ERR_UNSUPPORTED, "processes have no control groups of their own here: %s",
		     host->why.text);
		return fail_hint(err, "the device nodes are open to the holder alone all the same");
	}
	fail(err, ERR_UNSUPPORTED, "processes have no control groups of their own here");
	return fail_rule(err, "isolation.mode");
}

int steward_attach(struct steward *steward, const struct policy_person *person, int64_t id,
		   pid_t pid, uint64_t pid_start, struct err *err)
{
	struct steward_isolation *isolation = steward->isolation;
	struct steward_instance *instance;
	struct steward_lease *lease = usable(steward, person, id, &instance, err);
	struct isolate_place *place;
	char path[GROUP_PATH];
	int r;

	if (!lease)
		return -(int)err->code;
	if (!steward_has_groups(steward))
		return lacks_groups(steward, err);
	r = may_move(person, lease, pid, err);
	r = r ? r : group_path_for(&isolation->groups, pid, id, path, err);
	if (r)
		return r;
	place = place_below(isolation, id, path);
	if (!place)
		r = make_group(steward, lease, path, &place, err);
	if (r)
		return r;
	follow_numbers(steward, place, lease);
	if (!place->set)
		return fail(err, ERR_UNSUPPORTED, "control group '%s': its devices cannot be set",
			    place->row.path);
	r = group_take(&isolation->groups, place->row.path, pid, pid_start, err);
	return r == 0 || r == -ERR_STALE ? r : has_no_group(steward, lease, err);
}

int steward_describe(struct steward *steward, const struct policy_person *person, int64_t id,
		     char *ret_path, struct err *err)
{
	struct steward_instance *instance;
	struct steward_lease *lease = usable(steward, person, id, &instance, err);
	struct ledger_place row = {.lease = id, .kind = PLACE_CDI};
	int r = 0;

	if (!lease)
		return -(int)err->code;
	snprintf(row.path, sizeof(row.path), "%s", steward_description(steward, id));
	if (!row.path[0]) {
		r = cdi_path(steward->isolation->host.cdi, id, row.path, err);
		r = r ? r : add_place(steward, &row, err);
	}
	r = r ? r
	      : cdi_write(row.path, steward->isolation->host.dev, id, instance->row.mig_uuid,
			  &instance->access.numbers, err);
	if (!r)
		snprintf(ret_path, CDI_PATH, "%s", row.path);
	return r;
}
