#include "cli/size-services.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/service-file.h"
#include "cli/size-answer.h"

/* Thousandths of a request a second that a service's instances serve together. */
static uint64_t served_milli(const struct serve_service *service, const uint32_t *instances)
{
	uint64_t sum = 0;

	for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
		sum += service->each_milli[p] * instances[p];
	return sum;
}

static json_t *instances_json(const struct board *board, const uint32_t *instances)
{
	json_t *counts = json_object();

	for (size_t p = 0; p < board->n_profiles; p++)
		if (instances[p])
			json_object_set_new(counts, board->profiles[p].name,
					    json_integer(instances[p]));
	return counts;
}

static json_t *services_json(const struct board *board, const struct service_file *file,
			     const struct serve_answer *answer)
{
	json_t *services = json_array();

	for (size_t s = 0; s < file->n; s++) {
		const struct serve_service *service = &file->services[s];

		json_array_append_new(
			services,
			json_pack("{s:s, s:s, s:f, s:f, s:o}", "service", file->at[s].name, "model",
				  file->at[s].model, "rate", (double)service->rate_milli / 1000,
				  "served",
				  (double)served_milli(service, answer->instances[s]) / 1000,
				  "instances", instances_json(board, answer->instances[s])));
	}
	return services;
}

static void print_services(const struct board *board, const struct service_file *file,
			   const struct serve_answer *answer)
{
	for (size_t s = 0; s < file->n; s++) {
		const struct serve_service *service = &file->services[s];
		char name[SERVICE_NAME];

		text_printable(name, sizeof(name), file->at[s].name);
		printf("  %s: %.6g of %.6g a second by", name,
		       (double)served_milli(service, answer->instances[s]) / 1000,
		       (double)service->rate_milli / 1000);
		for (size_t p = 0; p < board->n_profiles; p++) {
			char shape[32];

			if (answer->instances[s][p])
				printf(" %ux%s", answer->instances[s][p],
				       profile_shape(&board->profiles[p], shape, sizeof(shape)));
		}
		printf("\n");
	}
}

/* Why one GPU fewer would not do. */
static void print_bound(const struct serve_answer *answer)
{
	uint64_t fewer = answer->n_gpus - 1;

	if (!answer->proven)
		printf("  fewer might do, but not fewer than %.0f: too many ways to try all\n",
		       ceil(answer->relaxed - 1e-9));
	else if (answer->relaxed > (double)fewer)
		printf("  %" PRIu64 " would not do: %.2f at least, could instances be divided\n",
		       fewer, answer->relaxed);
	else
		printf("  %" PRIu64 " would not do: of all ways to serve none fit together\n",
		       fewer);
}

/* The closed form's bound is for the instances chosen, not for the services. */
static json_t *answer_json(const struct board *board, const struct service_file *file,
			   const struct serve_answer *answer, const struct pack *pack)
{
	json_t *json = size_answer_json(board, pack);

	json_object_set_new(json, "bound", json_null());
	json_object_set_new(json, "proven", json_boolean(answer->proven));
	json_object_set_new(json, "relaxed", json_real(round(1e6 * answer->relaxed) / 1e6));
	json_object_set_new(json, "services", services_json(board, file, answer));
	return json;
}

static int size_board(const struct size_services *wish, struct service_file *file,
		      const struct board *board, json_t *answers, struct err *err)
{
	cleanup(pack_done) struct pack pack = {.n = 0};
	struct serve_answer answer;
	int r = service_file_measure(file, wish->table, board, wish->share, err);

	if (!r)
		r = serve_solve(board, file->services, file->n, &answer, err);
	if (!r)
		r = pack_demand(board, answer.wanted, &pack, err);
	if (r)
		return r;
	json_array_append_new(answers, answer_json(board, file, &answer, &pack));
	if (wish->json)
		return 0;
	size_answer_print(board, &pack);
	print_services(board, file, &answer);
	print_bound(&answer);
	return 0;
}

int size_services(const struct size_services *wish, const struct board *const *on, size_t n,
		  struct err *err)
{
	json_t *answers = json_array();
	cleanup(json_decref) json_t *answer = json_pack("{s:o}", "boards", answers);
	cleanup(free) struct service_file *file = calloc(1, sizeof(*file));
	int r = file ? service_file_load(wish->services, file, err)
		     : fail(err, ERR_NOMEM, "no memory for services");

	for (size_t i = 0; !r && i < n; i++)
		r = size_board(wish, file, on[i], answers, err);
	return !r && wish->json ? ask_print_json(answer, err) : r;
}
