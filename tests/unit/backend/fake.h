/*
 * fake.h - an NVML library that answers whatever a test wants
 *
 * One GPU in MIG mode with one profile, one instance of it and one compute
 * instance. The test changes what is answered and sees whether the backend
 * believes it. Half of NVML's names are missing from it.
 */
#pragma once

struct fake_answers {
	unsigned gpus, device_null;
	unsigned slices, instances;		   /* of the profile */
	unsigned places, place_start, place_size;  /* where it may be */
	unsigned n_gis, gi, profile, start, size;  /* the GPU instance */
	unsigned n_cis, ci, ci_start, ci_size;	   /* the compute instance */
	unsigned max_migs, n_migs, mig_gi, mig_ci; /* the MIG device */
	unsigned processes, processes_more;	   /* more: needs more room each time it is asked */
	unsigned long long memory_used, event_types;
	char text, uuid; /* what texts are filled with, to the last byte; 0: something sensible */
};

#define FAKE_PROFILE 9

#define FAKE_SENSIBLE                                                                              \
	((struct fake_answers){.gpus = 1,                                                          \
			       .slices = 3,                                                        \
			       .instances = 2,                                                     \
			       .places = 2,                                                        \
			       .place_start = 0,                                                   \
			       .place_size = 4,                                                    \
			       .n_gis = 1,                                                         \
			       .gi = 2,                                                            \
			       .profile = FAKE_PROFILE,                                            \
			       .start = 4,                                                         \
			       .size = 4,                                                          \
			       .n_cis = 1,                                                         \
			       .ci = 0,                                                            \
			       .ci_start = 0,                                                      \
			       .ci_size = 3,                                                       \
			       .max_migs = 7,                                                      \
			       .n_migs = 1,                                                        \
			       .mig_gi = 2,                                                        \
			       .mig_ci = 0,                                                        \
			       .processes = 1,                                                     \
			       .memory_used = 1 << 30,                                             \
			       .event_types = 0x108})

#define FAKE_GPU "GPU-fa4e"
#define FAKE_MIG "MIG-fa4e"
