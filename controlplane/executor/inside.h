/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a sandbox: the job's init (first process of its pid namespace) and the steps from
 *there to the job's program. Init stays, outlives the program by nothing, and dies with the
 *monitor.
 *
 *	monitor --GO--> init: namespaces furnished, user changed, capabilities dropped, seccomp
 *	                  `-fork-> job: Landlock, rlimits --READY--> monitor; exec
 *	init --EXITED--> monitor, once the job's first process ended; then init exits and with it
 *all FAILED instead of READY or after it (exec) says which step failed.
 *
 * Messages are one datagram each on a SOCK_SEQPACKET pair; end of file on it means the other is
 *dead. */
#ifndef FOG_EXECUTOR_INSIDE_H
#define FOG_EXECUTOR_INSIDE_H

#include "controlplane/executor/engine.h"

#define FOG_INSIDE_ID 1000 /* user and group the job sees itself as, in a user namespace */

enum fog_inside_type {
	FOG_INSIDE_GO = 1, /* to init: maps are written, control groups entered */
	FOG_INSIDE_SIGNAL, /* to init: value is SIGTERM (to the job) or SIGKILL (to everything) */
	FOG_INSIDE_READY,  /* from the job: facts */
	FOG_INSIDE_FAILED, /* from either: text; value is an errno or 0 */
	FOG_INSIDE_EXITED, /* from init: value is the job's wait status */
};

struct fog_inside_message {
	u32 type;
	i32 value;
	struct fog_executor_sandbox facts;
	char text[FOG_EXECUTOR_ERROR_MAX + 1];
};

struct fog_inside {
	const struct fog_job *job;
	int socket_fd;
	bool namespaces; /* mount, pid, net, ipc, uts */
	bool user;       /* a user namespace */
	uid_t uid;       /* to become; ids of our own user namespace */
	gid_t gid;
	struct fog_executor_sandbox facts; /* begins as what the monitor knows */
};

/* Runs in the cloned child and does not return. */
__attribute__((noreturn)) void fog_inside_main(struct fog_inside *in);

#endif
