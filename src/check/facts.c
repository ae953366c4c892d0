#include "check/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "check/probe.h"

/* What facts borrow, behind them in one piece. */
struct found {
	struct facts facts;
	struct policy *policy;
};

void facts_free(struct facts *facts)
{
	struct found *found = (struct found *)facts;

	if (!facts)
		return;
	free(facts->cdi_migs);
	policy_free(found->policy);
	free(found);
}

int facts_probe(const struct facts_wish *wish, struct facts **ret, struct err *err)
{
	cleanup(tree_close) struct tree tree = {.fd = -1};
	struct backend *backend = NULL;
	struct found *found = calloc(1, sizeof(*found));
	int r;

	if (!found)
		return fail(err, ERR_NOMEM, "no memory to look at this host");
	r = tree_open(wish->root, &tree, err);
	if (r) {
		free(found);
		return r;
	}
	found->facts.now_s = wish->now_s;
	found->facts.carved = SEEN_UNKNOWN;
	if (!backend_nvml_open(wish->library, &backend, &found->facts.driver_error))
		probe_driver(backend, &found->facts);
	probe_machine(&tree, &found->facts);
	probe_nodes(&tree, &found->facts);
	probe_clients(&tree, backend, &found->facts);
	probe_containers(&tree, &found->facts);
	managers_probe(&tree, &found->facts.managers);
	probe_schedulers(&tree, &found->facts);
	probe_policy(&tree, wish->policy, &found->policy, &found->facts);
	backend_close(backend);
	*ret = &found->facts;
	return 0;
}
