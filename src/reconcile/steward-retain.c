/* The past is kept for as long as the policy says, and given up a little at a time. */
#include "ledger/ledger-retain.h"

#include "policy/policy-retention.h"
#include "reconcile/steward-part.h"

#define CUT_EVERY_S 86400
#define SWEEP_ROWS  200 /* of each kind at a tick: some milliseconds */

struct retaining {
	int64_t now_s;
	bool cut;
	int64_t n_swept;
};

static int retain_write(struct steward *steward, void *arg, struct err *err)
{
	const struct policy_retention *keep = policy_retention(steward->policy);
	struct retaining *retaining = arg;
	bool did;
	int r = 0;

	if (retaining->cut && keep->events_s)
		r = ledger_cut(steward->ledger, retaining->now_s - keep->events_s,
			       retaining->now_s, &did, err);
	return r ? r
		 : ledger_sweep(steward->ledger,
				keep->leases_s ? retaining->now_s - keep->leases_s : INT64_MIN,
				SWEEP_ROWS, &retaining->n_swept, err);
}

void steward_retain(struct steward *steward, int64_t now_s)
{
	struct retaining retaining = {.now_s = now_s};
	struct err err = ERR_INIT;

	if (steward->unwritable)
		return;
	retaining.cut = now_s >= steward->cut_again_s || steward->cut_again_s > now_s + CUT_EVERY_S;
	if (!retaining.cut && !steward->sweeping)
		return;
	if (steward_transact(steward, retain_write, &retaining, &err))
		return;
	steward_saved(steward);
	if (retaining.cut)
		steward->cut_again_s = now_s + CUT_EVERY_S;
	steward->sweeping = retaining.n_swept > 0;
}
