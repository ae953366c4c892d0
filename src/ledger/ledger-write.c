#include "ledger/ledger-chain.h"
#include "ledger/ledger-row.h"

int ledger_gpu_seen(struct ledger *ledger, const struct ledger_gpu *gpu, struct err *err)
{
	return ledger_row_put(ledger, &gpu_table, gpu, "first_seen_s", err);
}

int ledger_instance_add(struct ledger *ledger, struct ledger_instance *instance, struct err *err)
{
	return ledger_row_add(ledger, &instance_table, instance, &instance->id, err);
}

int ledger_instance_update(struct ledger *ledger, const struct ledger_instance *instance,
			   struct err *err)
{
	return ledger_row_update(ledger, &instance_table, instance, instance->id, err);
}

int ledger_lease_add(struct ledger *ledger, struct ledger_lease *lease, struct err *err)
{
	return ledger_row_add(ledger, &lease_table, lease, &lease->id, err);
}

int ledger_lease_update(struct ledger *ledger, const struct ledger_lease *lease, struct err *err)
{
	return ledger_row_update(ledger, &lease_table, lease, lease->id, err);
}

int ledger_event_add(struct ledger *ledger, const struct ledger_event *event, struct err *err)
{
	int64_t id;
	int r = ledger_row_add(ledger, &event_table, event, &id, err);

	return r ? r : ledger_chain_add(ledger, id, err);
}
