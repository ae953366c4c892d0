/*
 * world-file-part.h - the parts of a world file, each read into the plan
 *
 * Only for world-file*.c. A part's errors are INVALID and have a place.
 */
#pragma once

#include "base/yaml-doc.h"
#include "sim/world-file.h"

/* One more GPU, zeroed; NULL and TOO_LARGE when there are too many. */
struct plan_gpu *plan_add_gpu(struct world_plan *plan, struct err *err);

int plan_read_gpu(const struct yaml_node *node, struct world_plan *plan, struct err *err);
int plan_read_process(const struct yaml_node *node, struct world_plan *plan, struct err *err);
int plan_read_fault(const struct yaml_node *node, struct world_plan *plan, struct err *err);

/* No two GPUs may have the same UUID, serial number, minor number or address. */
int plan_refuse_twins(const struct yaml_node *list, const struct world_plan *plan, struct err *err);

/* A text of the user's that clients will show: short and printable. Absent: left as it is. */
int plan_read_word(const struct yaml_node *map, const char *key, char *ret, size_t size,
		   struct err *err);
