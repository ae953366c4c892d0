/*
 * size-services.h - carve size for inference services
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "facts/board.h"

struct size_services {
	const char *services, *table; /* files (service-file.h) */
	double share;		      /* of a latency goal that a measurement may have */
	bool json;
};

/* An answer for each board by itself, printed. err: of service-file.h, serve.h, pack.h */
int size_services(const struct size_services *wish, const struct board *const *on, size_t n,
		  struct err *err);
