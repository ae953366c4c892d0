/*
 * Any bytes as a table: a trace of requests, services, or what was measured of
 * their models. A mistake has its place; whatever is accepted is in order, is
 * replayed, and is served.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/service-file.h"
#include "cli/trace-file.h"
#include "planner/churn.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char services[] = "service,model,rate,latency_ms\na,m,10,100\nb,n,7,50\n";
static const char measures[] = "model,profile,rate,latency_ms\nm,1g,3,20\nm,2g,7,20\nn,1g,1,9\n";

/* The bytes as a file, whose path is written to ret_path. */
static int make_file(const void *bytes, size_t size, char *ret_path, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	snprintf(ret_path, len, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_error(const struct err *err, const char *path)
{
	assert(err->code == ERR_INVALID || err->code == ERR_NOT_FOUND ||
	       err->code == ERR_TOO_LARGE || err->code == ERR_IMPOSSIBLE);
	assert(!strncmp(err->text, path, strlen(path)) || !strncmp(err->text, "service", 7) ||
	       err->code == ERR_TOO_LARGE);
}

static void fuzz_trace(const struct board *board, const char *path)
{
	cleanup(trace_done) struct trace trace = {.n = 0};
	cleanup(rules_free) struct rules *rules = NULL;
	cleanup(fleet_free) struct fleet *fleet = NULL;
	struct scheduler scheduler = {.rule = RULE_CAP, .max_moves = 1};
	struct err err = ERR_INIT;
	struct tally tally;

	if (trace_file_load(path, board, NULL, &trace, &err)) {
		check_error(&err, path);
		return;
	}
	assert(trace.n);
	for (size_t i = 0; i < trace.n; i++) {
		assert(trace.requests[i].duration > 0 && trace.requests[i].at >= 0);
		assert(!i || trace.requests[i].at >= trace.requests[i - 1].at);
		assert(trace.requests[i].profile < board->n_profiles);
	}
	rules = rules_new(board);
	fleet = fleet_new(rules, 3);
	assert(!churn_replay(fleet, board, &trace, &scheduler, &tally, &err));
	assert(tally.requests == trace.n && tally.accepted <= tally.requests);
}

static void fuzz_services(const struct board *board, const char *services_path,
			  const char *measures_path)
{
	static struct service_file file;
	struct serve_answer answer;
	struct err err = ERR_INIT;

	if (service_file_load(services_path, &file, &err)) {
		check_error(&err, services_path);
		return;
	}
	if (service_file_measure(&file, measures_path, board, 0.45, &err)) {
		check_error(&err, measures_path);
		return;
	}
	if (serve_solve(board, file.services, file.n, &answer, &err)) {
		assert(err.code == ERR_TOO_LARGE || err.code == ERR_UNSUPPORTED);
		return;
	}
	assert(answer.relaxed <= (double)answer.n_gpus + 1e-6);
	for (size_t s = 0; s < file.n; s++) {
		uint64_t rate = 0;

		for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
			rate += answer.instances[s][p] * file.services[s].each_milli[p];
		assert(rate >= file.services[s].rate_milli);
	}
}

/* The first byte says what the rest is, and for which board. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char path[64], other[64];
	const struct board *board;
	int fd, other_fd;

	if (!size)
		return 0;
	board = &boards[bytes[0] / 3 % n_boards];
	fd = make_file(bytes + 1, size - 1, path, sizeof(path));
	if (bytes[0] % 3 == 0)
		fuzz_trace(board, path);
	if (bytes[0] % 3 == 1) {
		other_fd = make_file(measures, sizeof(measures) - 1, other, sizeof(other));
		fuzz_services(board, path, other);
		close(other_fd);
	}
	if (bytes[0] % 3 == 2) {
		other_fd = make_file(services, sizeof(services) - 1, other, sizeof(other));
		fuzz_services(board, other, path);
		close(other_fd);
	}
	close(fd);
	return 0;
}
