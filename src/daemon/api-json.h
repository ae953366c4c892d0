/*
 * api-json.h - the objects of carve-api(7)
 *
 * All return a new object, NULL when memory ran out.
 */
#pragma once

#include <jansson.h>

#include "daemon/api.h"
#include "ledger/ledger-drain.h"

json_t *api_gpu(const struct steward *steward, size_t gpu);
json_t *api_class(const struct steward *steward, const struct policy_class *class_,
		  const struct policy_person *person, int64_t now_s);

/* live: the same lease in memory, for place and estimate; NULL when it has ended */
json_t *api_lease(const struct steward *steward, const struct ledger_lease *lease,
		  const struct ledger_instance *instance, const struct steward_lease *live);
json_t *api_live_lease(const struct steward *steward, const struct steward_lease *lease);
json_t *api_event(const struct steward *steward, const struct ledger_event *event);

/*
 * Add to a LEASE what goes with it besides its place: fields, approval, renewals, bundle.
 *   take_json  may be NULL (no memory)
 */
json_t *api_add_grants(json_t *take_json, const struct steward *steward,
		       const struct ledger_lease *lease, const struct ledger_instance *instance);
/* api-isolate.c: what became of an instance's device nodes; NULL: not known */
const char *api_nodes_word(const struct steward *steward, const struct steward_instance *instance);
json_t *api_isolation(const struct steward *steward, const struct ledger_lease *lease,
		      const struct steward_instance *instance);
void api_add_isolation_notes(const struct steward *steward, json_t *list);

/* api-drain.c. {id, state, user, reason, since_s, deadline_s}; null for NULL */
json_t *api_drain_brief(const struct ledger_drain *drain);
/* For the admins: "GPU 0 is drained by root: new fans; leases end at ..." */
json_t *api_drain_note(const struct steward *steward, const struct ledger_drain *drain);

/* The free fields of a lease: an object of texts. */
json_t *api_fields(const struct ledger_lease *row);

/* null for "" and NULL */
json_t *api_text(const char *text);
/* null when not known */
json_t *api_number(bool known, int64_t value);
