/* SPDX-License-Identifier: BSD-3-Clause */
/* The job's file tree: a small tmpfs root holding read-only views of the host's system directories,
 * the spool's input/, work/ and checkpoint/, a few device nodes and private /proc, /tmp and
 * /dev/shm. Called by the job's init in its own mount and pid namespaces. */
#ifndef FOG_EXECUTOR_ROOTFS_H
#define FOG_EXECUTOR_ROOTFS_H

#include "controlplane/executor/engine.h"

#define FOG_ROOTFS_DIRS 7
#define FOG_ROOTFS_ETC  2
#define FOG_ROOTFS_DEVS 5
#define FOG_ROOTFS_LINK 64

/* Detached copies of host mounts; -1 where the host has none. */
struct fog_rootfs {
	int dir_fd[FOG_ROOTFS_DIRS];
	char dir_link[FOG_ROOTFS_DIRS][FOG_ROOTFS_LINK]; /* /bin -> usr/bin is copied as a link */
	int etc_fd[FOG_ROOTFS_ETC];
	int dev_fd[FOG_ROOTFS_DEVS];
	int kvm_fd;
	int device_fd[FOG_ACCELERATOR_DEVICES_MAX];
	int engine_fd;
	int input_fd;
	int checkpoint_fd;
	int work_fd;
};

/* Take hold of everything from the host, the current directory being the spool. Called before the
 * process changes its user, who may not be allowed to walk there. *what names a step that failed.
 */
int fog_rootfs_open(struct fog_rootfs *r, const struct fog_executor_spec *spec,
		    const struct fog_launch *launch, const char **what);

/* Build the tree, make it the root, let go of the host's. The current directory becomes /work. uid:
 * who owns the private directories. *proc: whether /proc could be mounted. Closes what open took.
 */
int fog_rootfs_enter(struct fog_rootfs *r, const struct fog_executor_spec *spec, uid_t uid,
		     bool *proc, const char **what);

#endif
