/*
 * privilege.h - the daemon keeps the few capabilities it needs, a child none
 *
 * carved starts as root: the driver divides GPUs for nobody else. What root could
 * do beyond that is given up once, before any thread and any client. A program that
 * is run from then on has no capability at all, whoever it runs as (SECBIT_NOROOT).
 */
#pragma once

#include "base/err.h"

/* capability, what for; the manual lists them (carved(8)) */
#define PRIVILEGES(X)                                                                      \
	X(CAP_SYS_ADMIN, "the driver asks for it; device programs of control groups")      \
	X(CAP_DAC_OVERRIDE, "control groups and terminals of users, files of the driver")  \
	X(CAP_CHOWN, "the group of device nodes")                                          \
	X(CAP_FOWNER, "the mode of device nodes that are not root's")                      \
	X(CAP_SYS_PTRACE, "what other people's processes have open")

/* Of these it keeps what it has. For good. err: DENIED, INTERNAL (it did not stay so) */
int privilege_drop(struct err *err);
