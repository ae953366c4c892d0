/*
 * backend.h - the one door to GPUs
 *
 * A backend does as it is told and answers what it read. It knows no leases,
 * no plans and no policy. One implementation loads NVML (backend_nvml_open),
 * one writes down everything another one says (backend_record_open), one says
 * again what was written down (backend_replay_open).
 *
 * All calls may be made from several threads at once. They may be slow:
 * creating and destroying take tenths of a second, a lost GPU may take longer.
 * GPUs are named by UUID; an index may change when one falls off the bus.
 *
 * Errors, for every call that has an err: NVML's "in use" is BUSY, insufficient
 * resources NO_ROOM, no permission DENIED, not supported UNSUPPORTED, not found
 * NOT_FOUND, GPU lost or driver not loaded UNAVAILABLE, time-out TIMEOUT,
 * insufficient memory NOMEM, everything else DRIVER. The text names the call
 * and NVML's own word for the error. Nothing is changed on failure (but DIRTY).
 *
 * What the driver answers is input like any other: counts are bounded, texts
 * are cut and made printable, an answer that makes no sense is DRIVER.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"

#define BACKEND_MAX_GPUS      32
#define BACKEND_MAX_INSTANCES 16 /* GPU instances of one GPU */
#define BACKEND_MAX_CIS	      8
#define BACKEND_MAX_PROFILES  18
#define BACKEND_MAX_PROCESSES 4096
#define BACKEND_UUID	      96
#define BACKEND_NONE	      0xffffffffu /* instance id: none, the whole GPU */

struct backend_driver {
	char driver[80]; /* "550.163.01" */
	char nvml[80];	 /* "12.550.163.01" */
	bool has_cuda;
	unsigned cuda_major, cuda_minor;
	char missing[512]; /* calls this library does not have, with blanks between; "" */
};

struct backend_gpu {
	unsigned index; /* NVML's, now */
	char uuid[BACKEND_UUID]; /* "" when it was lost before we ever saw it */
	char name[96];
	char pci[32]; /* "0000:07:00.0" */
	char serial[32]; /* "" when the board has none or it may not be read */
	bool has_minor;
	unsigned minor; /* of /dev/nvidiaN */
	uint16_t pci_device_id;
	bool lost; /* fallen off the bus: what follows is not known */
	bool mig_capable, mig, mig_pending;
	bool has_memory; /* the whole GPU; needs a privilege while MIG is on */
	uint64_t memory_bytes, memory_used_bytes;
	const struct board *board; /* NULL: not in the catalogue */
};

/* What the live driver offers; outranks the catalogue. */
struct backend_profile {
	unsigned constant, id;
	unsigned slices, instances, sm;
	uint64_t memory_mib;
	unsigned size;	 /* of a placement, in units; 0: the driver may not be asked */
	uint16_t starts; /* bit u: may start at unit u */
};

/*
 * Listing instances needs a privilege. Without it we see who is there by the
 * MIG devices, but not where: profile_id and start are BACKEND_NONE, size is 0,
 * and an instance without compute instances is not seen at all.
 */
struct backend_ci {
	unsigned id, profile_id;
	unsigned start, slices;	 /* compute slices inside the instance */
	char uuid[BACKEND_UUID]; /* "MIG-..." */
};

struct backend_instance {
	unsigned gi, profile_id, start, size;
	bool has_memory;
	uint64_t memory_bytes, memory_used_bytes;
	unsigned n_cis;
	struct backend_ci cis[BACKEND_MAX_CIS];
};

struct backend_process {
	uint32_t pid;
	unsigned gi, ci; /* BACKEND_NONE: the whole GPU */
	bool graphics;
	bool has_memory;
	uint64_t memory_bytes;
};

enum backend_event_kind { BACKEND_EVENT_NONE, BACKEND_EVENT_MIG, BACKEND_EVENT_XID, BACKEND_EVENT_OTHER };

struct backend_event {
	enum backend_event_kind kind;
	char gpu[BACKEND_UUID]; /* "" when it can no longer tell: any may be meant */
	uint64_t xid;
	unsigned gi, ci; /* BACKEND_NONE: not attributed */
};

struct backend;

struct backend_ops {
	void (*close)(struct backend *backend);
	int (*driver)(struct backend *backend, struct backend_driver *ret, struct err *err);

	/* All GPUs in NVML's order. ret has room for BACKEND_MAX_GPUS. */
	int (*gpus)(struct backend *backend, struct backend_gpu *ret, size_t *ret_n, struct err *err);

	/* The profiles the driver offers. ret has room for BACKEND_MAX_PROFILES. */
	int (*profiles)(struct backend *backend, const char *gpu, struct backend_profile *ret,
			size_t *ret_n, struct err *err);

	/*
	 * The GPU instances with their compute instances, ascending by start. MIG off: none.
	 * ret has room for BACKEND_MAX_INSTANCES. STALE: it changed each time it was read.
	 */
	int (*instances)(struct backend *backend, const char *gpu, struct backend_instance *ret,
			 size_t *ret_n, struct err *err);

	/* Who runs on the GPU; ret is freed by the caller. */
	int (*processes)(struct backend *backend, const char *gpu, struct backend_process **ret,
			 size_t *ret_n, struct err *err);

	/* ret_pending: accepted, but in force only after a GPU reset or reboot. */
	int (*set_mig)(struct backend *backend, const char *gpu, bool on, bool *ret_pending,
		       struct err *err);

	/*
	 * Exactly there, never elsewhere. NO_ROOM also when the place is taken. DIRTY, here and
	 * in ci_create: one was made, could not be read, and could not be taken back.
	 */
	int (*gi_create)(struct backend *backend, const char *gpu, unsigned profile_id,
			 unsigned start, unsigned size, unsigned *ret_gi, struct err *err);

	/*
	 * Only if the instance is still of that profile at that start: else STALE.
	 * NOT_FOUND: it is not there (any more).
	 */
	int (*gi_destroy)(struct backend *backend, const char *gpu, unsigned gi,
			  unsigned profile_id, unsigned start, struct err *err);

	/* One that takes the profile's own slices, where the driver puts it. */
	int (*ci_create)(struct backend *backend, const char *gpu, unsigned gi,
			 unsigned ci_profile_id, unsigned *ret_ci, struct err *err);

	/* Only if the GPU instance is of that profile at that start: else STALE. */
	int (*ci_destroy)(struct backend *backend, const char *gpu, unsigned gi,
			  unsigned profile_id, unsigned start, unsigned ci, struct err *err);

	/*
	 * Block until something happens on some GPU or the time is over (kind NONE).
	 * One thread only. UNSUPPORTED: this driver has no events.
	 */
	int (*wait_event)(struct backend *backend, unsigned timeout_ms, struct backend_event *ret,
			  struct err *err);
};

/* Implementations put this first into their own struct. */
struct backend {
	const struct backend_ops *ops;
};

/*
 * NVML by dlopen.
 *
 *   library  a path or a soname; NULL: "libnvidia-ml.so.1"
 *   err      UNAVAILABLE: no library, no driver, with the reason
 * Calls the library lacks are tolerated: what needs them is UNSUPPORTED, and
 * driver() tells which are missing.
 */
int backend_nvml_open(const char *library, struct backend **ret, struct err *err);

/*
 * Write down every call and its answer as lines of JSON.
 *
 *   take_inner  the backend that answers; closed with this one, also on failure
 */
int backend_record_open(struct backend *take_inner, const char *path, struct backend **ret,
			struct err *err);

/*
 * Answer from a recording: each call must come with the same arguments and in
 * the same order per GPU; anything else is STALE and says what was expected.
 */
int backend_replay_open(const char *path, struct backend **ret, struct err *err);

/* NULL is fine. */
static inline void backend_close(struct backend *backend)
{
	if (backend)
		backend->ops->close(backend);
}
