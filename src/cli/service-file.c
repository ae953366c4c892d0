#include "cli/service-file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/csv.h"
#include "cli/stands-for.h"

#define MAX_BYTES  (16u << 20)
#define MAX_NUMBER 1e9

static int read_number(const char *typed, const char *what, double *ret, struct err *err)
{
	char *end;

	errno = 0;
	*ret = strtod(typed, &end);
	if (!*typed || *end || errno || !(*ret > 0) || *ret > MAX_NUMBER)
		return fail(err, ERR_INVALID, "%s '%.40s' is not a number above 0, up to %g", what,
			    typed, MAX_NUMBER);
	return 0;
}

static int read_name(const char *typed, const char *what, char *ret, struct err *err)
{
	if (!*typed || strlen(typed) >= SERVICE_NAME)
		return fail(err, ERR_INVALID, "%s '%.60s' is %s", what, typed,
			    *typed ? "too long" : "no name");
	snprintf(ret, SERVICE_NAME, "%s", typed);
	return 0;
}

/* ---- services ---- */

static int read_service(const char *const *fields, void *arg, struct err *err)
{
	struct service_file *file = arg;
	size_t at = file->n;
	double rate;
	int r;

	if (at == SERVE_MAX_SERVICES)
		return fail(err, ERR_TOO_LARGE, "more than %d services", SERVE_MAX_SERVICES);
	r = read_name(fields[0], "service", file->at[at].name, err);
	for (size_t i = 0; !r && i < at; i++)
		if (!strcmp(file->at[i].name, file->at[at].name))
			r = fail(err, ERR_INVALID, "service '%s' is there twice",
				 file->at[at].name);
	if (!r)
		r = read_name(fields[1], "model", file->at[at].model, err);
	if (!r)
		r = read_number(fields[2], "rate", &rate, err);
	if (!r)
		r = read_number(fields[3], "latency_ms", &file->at[at].latency_ms, err);
	if (r)
		return r;
	file->services[file->n++] =
		(struct serve_service){.rate_milli = (uint64_t)ceil(1000 * rate - 1e-6)};
	return 0;
}

int service_file_load(const char *path, struct service_file *ret, struct err *err)
{
	static const char *const columns[] = {"service", "model", "rate", "latency_ms"};
	int r;

	*ret = (struct service_file){.n = 0};
	r = csv_each(path, MAX_BYTES, columns, ARRAY_SIZE(columns), read_service, ret, err);
	if (!r && !ret->n)
		return fail(err, ERR_INVALID, "%s: no services", path);
	return r;
}

/* ---- measurements ---- */

struct measures {
	struct service_file *file;
	const struct board *board;
	double share;
	bool known[SERVE_MAX_SERVICES]; /* its model is in the table */
};

static int read_measure(const char *const *fields, void *arg, struct err *err)
{
	struct measures *measures = arg;
	struct service_file *file = measures->file;
	const struct profile *profile;
	double rate, latency_ms;
	int r = stands_for(fields[1], measures->board, NULL, &profile, err);

	if (!r)
		r = read_number(fields[2], "rate", &rate, err);
	if (!r)
		r = read_number(fields[3], "latency_ms", &latency_ms, err);
	for (size_t s = 0; !r && s < file->n; s++) {
		uint64_t *each =
			&file->services[s].each_milli[profile_index(measures->board, profile)];
		uint64_t milli = (uint64_t)floor(1000 * rate + 1e-6);

		if (strcmp(fields[0], file->at[s].model) != 0)
			continue;
		measures->known[s] = true;
		if (latency_ms < measures->share * file->at[s].latency_ms && milli > *each)
			*each = milli;
	}
	return r;
}

static bool has_any(const struct serve_service *service)
{
	for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
		if (service->each_milli[p])
			return true;
	return false;
}

static int check_measures(const struct measures *measures, const char *path, struct err *err)
{
	const struct service_file *file = measures->file;

	for (size_t s = 0; s < file->n; s++) {
		if (!measures->known[s])
			return fail(err, ERR_NOT_FOUND, "service '%s': %s has no model '%s'",
				    file->at[s].name, path, file->at[s].model);
		if (!has_any(&file->services[s]))
			return fail(err, ERR_IMPOSSIBLE,
				    "service '%s': nothing measured of '%s' is faster than %g ms",
				    file->at[s].name, file->at[s].model,
				    measures->share * file->at[s].latency_ms);
	}
	return 0;
}

int service_file_measure(struct service_file *file, const char *path, const struct board *board,
			 double share, struct err *err)
{
	static const char *const columns[] = {"model", "profile", "rate", "latency_ms"};
	struct measures measures = {.file = file, .board = board, .share = share};
	int r;

	for (size_t s = 0; s < file->n; s++)
		memset(file->services[s].each_milli, 0, sizeof(file->services[s].each_milli));
	r = csv_each(path, MAX_BYTES, columns, ARRAY_SIZE(columns), read_measure, &measures, err);
	return r ? r : check_measures(&measures, path, err);
}
