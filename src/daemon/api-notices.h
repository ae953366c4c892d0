/*
 * api-notices.h - what the status tells about notices
 */
#pragma once

#include <jansson.h>

#include "daemon/api.h"

/* For each way what was sent and what was not; null without a notifier. */
json_t *api_notices(const struct api *api);

/* A line for each way that does not work. */
void api_add_notice_notes(const struct api *api, json_t *list);
