/* SPDX-License-Identifier: BSD-3-Clause */
/* A spool that nobody else sees and that does not outlive its starter: a tmpfs in a mount namespace
 * of fog-exec's own, for jobs that hold secrets.
 *
 *	starter                          fog-exec --vault BYTES --spool DIR, lifeline as its input
 *	socketpair, spawn, wait     ->   namespace, tmpfs on DIR, go there
 *	directory by /proc/PID/cwd  <-   {pid, in memory?}
 *	spool DIR/job, prepare, input
 *	"go"                        ->   run DIR/job as any spool
 *	                            <-   "started"
 *	poll, output; close              write the result, end
 *
 * When the lifeline breaks, by close or by death of the starter, fog-exec kills the job and ends;
 * the memory goes with the last process and descriptor. Where no tmpfs may be mounted (neither by
 * privilege nor in a user namespace), DIR stays as it is, on a disk: then fog-exec stays until the
 * lifeline breaks, also after the job, fills what there is with zeros and removes it. */
#ifndef FOG_EXECUTOR_VAULT_H
#define FOG_EXECUTOR_VAULT_H

#include <sys/types.h>

#include "crypto/types.h"

#define FOG_VAULT_SPOOL      "job"         /* in the vault's directory */
#define FOG_VAULT_SLACK      (64ull << 20) /* on top of what a job may write: kernels, archives */
#define FOG_VAULT_TIMEOUT_MS 10000         /* an answer of fog-exec that takes longer is an error */
#define FOG_VAULT_PATH_SIZE  64

/* ---- the starter's half; one thread --------------------------------------------------------- */

struct fog_vault {
	int lifeline; /* -1: closed */
	int dir_fd;
	bool in_memory;
	char spool[FOG_VAULT_PATH_SIZE]; /* for fog_executor_*() in this process */
};

/* dir exists, empty, mode 0700. 0, or -errno: nothing runs. About 10 ms. */
int fog_vault_open(struct fog_vault *v, const char *fog_exec_path, const char *dir, u64 bytes);
/* Once the spool is prepared and its input written. -EBUSY, -EIO: fog-exec says why on its stderr.
 */
int fog_vault_start(struct fog_vault *v);
/* Ends what runs, at once; safe twice. In memory dir is empty and may be removed then; on a disk
 * fog-exec removes it, and only when it was killed (fog_vault_is_lost() before the close) does it
 * stay: fog_vault_erase(). */
void fog_vault_close(struct fog_vault *v);

/* ---- fog-exec's half ------------------------------------------------------------------------ */

/* A tmpfs on dir where that may be, and go there. 0 or -errno. in_memory says which. */
int fog_vault_enter(const char *dir, u64 bytes, bool *in_memory);
/* Tell the starter, and wait for "go". -ECANCELED: it has ended. */
int fog_vault_wait(int lifeline, bool in_memory);
/* rc: 0 or -errno of the start. */
void fog_vault_tell(int lifeline, int rc);
/* Has the starter ended, or closed? */
bool fog_vault_is_lost(int lifeline);
/* Until then. */
void fog_vault_outlast(int lifeline);

/* ---- either's: what is on a disk ------------------------------------------------------------- */

/* Zeros over all data below a directory that nobody else writes in, then everything in it is
 * removed. Holes cost nothing; of what lies deeper than FOG_TREE_DEPTH_MAX or is more than
 * FOG_TREE_ENTRIES_MAX, which no job may leave, the rest is only removed. Takes as long as the disk
 * does. */
void fog_vault_wipe(int dir_fd);
/* Wipes a directory and removes it. One that is not there is fine. */
void fog_vault_erase(const char *dir);

#endif
