/* Several leases for one job: all or none. */
#include "reconcile/steward-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy-grant.h"

static int find_class(const struct steward *steward, const char *name,
		      const struct policy_class **ret, struct err *err)
{
	const struct board *here[BACKEND_MAX_GPUS];
	size_t n = steward_boards(steward, here);

	*ret = name ? policy_class_find(steward->policy, name, err)
		    : policy_whole_gpus(steward->policy, here, n);
	if (*ret)
		return 0;
	if (name)
		return -(int)err->code;
	fail(err, ERR_REFUSED, "no class of the policy gives whole GPUs of this server");
	fail_hint(err, "several GPUs for one job must be whole ones: instances cannot exchange data "
		       "with each other; ask for one instance of a class");
	return fail_rule(err, "classes");
}

/* Would he still be let in if he had these already? */
static int admit_all(const struct steward *steward, const struct policy_person *person,
		     const struct policy_wish *wish, unsigned count, struct policy_terms *ret,
		     struct err *err)
{
	const struct board *here[BACKEND_MAX_GPUS];
	size_t n_here = steward_boards(steward, here), n;
	cleanup(free) struct policy_holding *holdings = steward_holdings(steward, &n);
	struct policy_holding *more;
	int r = 0;

	more = holdings ? realloc(holdings, (n + count) * sizeof(*holdings)) : NULL;
	if (!more)
		return fail(err, ERR_NOMEM, "no memory for %zu leases", n);
	holdings = more;
	for (unsigned i = 0; !r && i < count; i++) {
		r = policy_admit(steward->policy, person, wish, here, n_here, holdings, n + i, ret,
				 err);
		if (!r)
			holdings[n + i] = (struct policy_holding){
				.uid = person->uid,
				.user = person->name,
				.team = ret->team->name,
				.class_name = ret->class_->name,
				.slices = policy_least_slices(ret->class_, here, n_here),
			};
	}
	return r;
}

static int check_room(const struct steward *steward, const struct policy_terms *terms,
		      unsigned count, int64_t now_s, struct err *err)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	size_t n = steward_view(steward, now_s, gpus);
	unsigned there = choose_count(gpus, n, terms->class_, terms->slices_left);

	if (there >= count)
		return 0;
	fail(err, ERR_NO_ROOM, "%u of class %s are wanted at once, and %u %s free now", count,
	     terms->class_->name, there, there == 1 ? "is" : "are");
	return fail_hint(err, "several cannot wait in the queue together; ask for fewer, or later");
}

static int check(struct steward *steward, const struct policy_person *person,
		 const struct steward_wish *wish, const struct policy_class *class_,
		 unsigned count, int64_t now_s, struct err *err)
{
	struct policy_terms terms;
	int r = policy_check_count(steward->policy, class_, count, err);

	r = r ? r : admit_all(steward, person, &wish->wish, count, &terms, err);
	if (r || count == 1)
		return r;
	if (terms.approval[0]) {
		fail(err, ERR_REFUSED, "class '%s' is given after an approval, one at a time",
		     class_->name);
		fail_hint(err, "ask for each by itself");
		return fail_rule(err, "%s", terms.approval);
	}
	if (wish->wait)
		return fail(err, ERR_UNSUPPORTED, "several cannot wait in the queue together");
	return check_room(steward, &terms, count, now_s, err);
}

/* What was granted already is given back when one of the others cannot be. */
static void take_back(struct steward *steward, const int64_t *ids, unsigned n, int64_t now_s)
{
	for (unsigned i = 0; i < n; i++) {
		struct steward_lease *lease = steward_lease_find(steward, ids[i]);

		if (lease)
			steward_end_lease(steward, lease, now_s, "carved",
					  "another of the same request could not be granted");
	}
	steward_settle(steward);
}

static int join(struct steward *steward, const int64_t *ids, unsigned n, struct err *err)
{
	for (unsigned i = 0; i < n; i++) {
		struct steward_lease *lease = steward_lease_find(steward, ids[i]);

		if (!lease)
			continue;
		lease->row.has_together = true;
		lease->row.together = ids[0];
		lease->dirty = true;
	}
	return steward_flush(steward, err);
}

static int request_each(struct steward *steward, const struct policy_person *person,
			const struct steward_wish *wish, unsigned count, int64_t now_s,
			int64_t *ret_ids, struct err *err)
{
	for (unsigned i = 0; i < count; i++) {
		const struct steward_lease *lease;
		int r = steward_request(steward, person, wish, now_s, &lease, err);

		if (r) {
			take_back(steward, ret_ids, i, now_s);
			return r;
		}
		ret_ids[i] = lease->row.id;
	}
	return count > 1 ? join(steward, ret_ids, count, err) : 0;
}

int steward_request_together(struct steward *steward, const struct policy_person *person,
			     const struct steward_wish *wish, unsigned count, int64_t now_s,
			     int64_t *ret_ids, struct err *err)
{
	const struct policy_team *team = policy_team_of(steward->policy, person);
	struct ledger_lease row = {.uid = person->uid};
	struct steward_wish each = *wish;
	const struct policy_class *class_;
	int r = steward_ready(steward, err);

	r = r ? r : find_class(steward, wish->wish.class_name, &class_, err);
	if (!r) {
		each.wish.class_name = class_->name;
		r = check(steward, person, &each, class_, count, now_s, err);
	}
	if (!r)
		return request_each(steward, person, &each, count, now_s, ret_ids, err);
	if (err->code != ERR_NO_ROOM && err->code != ERR_REFUSED && err->code != ERR_IMPOSSIBLE)
		return r;
	snprintf(row.user, sizeof(row.user), "%s", person->name);
	snprintf(row.team, sizeof(row.team), "%s", team ? team->name : "");
	snprintf(row.class_name, sizeof(row.class_name), "%s",
		 each.wish.class_name ? each.wish.class_name : "");
	return steward_refuse(steward, &row, now_s, err);
}
