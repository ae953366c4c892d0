/* What the driver itself says. */
#include "check/probe.h"

void probe_driver(struct backend *backend, struct facts *facts)
{
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err ignored = ERR_INIT;

	if (backend->ops->driver(backend, &facts->driver, &facts->driver_error) ||
	    backend->ops->gpus(backend, gpus, &facts->n_gpus, &facts->driver_error))
		return;
	facts->has_driver = true;
	for (size_t i = 0; i < facts->n_gpus; i++) {
		struct fact_gpu *gpu = &facts->gpus[i];

		gpu->info = gpus[i];
		if (!gpus[i].lost && gpus[i].mig)
			gpu->has_instances = !backend->ops->instances(
				backend, gpus[i].uuid, gpu->instances, &gpu->n_instances, &ignored);
		else
			gpu->has_instances = !gpus[i].lost;
	}
}
