/*
 * probe.h - the parts of facts_probe(), one for each place that is looked at
 */
#pragma once

#include "check/facts.h"

#define PROBE_POLICY "etc/carve/policy.yaml"

void probe_driver(struct backend *backend, struct facts *facts);
void probe_machine(const struct tree *tree, struct facts *facts);
void probe_nodes(const struct tree *tree, struct facts *facts);
void probe_clients(const struct tree *tree, struct backend *backend, struct facts *facts);
void probe_containers(const struct tree *tree, struct facts *facts);
void probe_schedulers(const struct tree *tree, struct facts *facts);

/* The policy is the caller's: facts only borrow it. */
void probe_policy(const struct tree *tree, const char *path, struct policy **ret,
		  struct facts *facts);
