/* SPDX-License-Identifier: BSD-3-Clause */
/* An OCI bundle from an untrusted archive: unpacked by a confined process, its configuration
 * replaced by ours.
 *
 * Of the bundle's config.json only process.args, process.env, process.cwd and root.path are taken.
 * Namespaces, mounts, capabilities, identities, limits and the system call filter are those of
 * every job of ours: what a bundle asks for cannot widen them. */
#ifndef FOG_EXECUTOR_BUNDLE_H
#define FOG_EXECUTOR_BUNDLE_H

#include <jansson.h>

#include "controlplane/executor/engine.h"

#define FOG_BUNDLE_CONFIG_MAX (1u << 20) /* bytes of config.json */
#define FOG_BUNDLE_UNPACK_S   60         /* CPU seconds of unpacking; a bundle is input, of MiBs */

/* Unpack the plain tar input/name below SPOOL/engine/bundle as uid:gid, by a process that can write
 * nowhere else and make no system call a job could not. Sparse files aside, what is written is at
 * most what the archive holds. Errors as below; job->error says which. */
int fog_bundle_unpack(struct fog_job *job, const char *name, u32 uid, u32 gid);

/* Unpack a plain tar archive into dir as uid:gid, confined likewise. -EBADMSG: tar refuses it. The
 * rest is not the archive's fault: -ENOSPC, there is no room for all of it; -ETIME, UNPACK_S were
 * over; -ECHILD, tar could not be run or was killed; or what fork says. */
int fog_unpack(int archive, int dir, u32 uid, u32 gid);

/* Our configuration for the unpacked bundle; *config is a new reference. -EINVAL with job->error:
 * no config.json, not JSON, no program to run, a root.path that leads out. spool_path: absolute. */
int fog_bundle_config(struct fog_job *job, const char *spool_path, u32 uid, u32 gid,
		      json_t **config);

#endif
