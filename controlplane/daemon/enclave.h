/* SPDX-License-Identifier: BSD-3-Clause */
/* Enclaves of this host: a program that is measured when it is launched, attested by another host,
 * and given secrets that only it opens.
 *
 *	initializing -> created -> measured -> attested <-> running
 *	                              ^            |
 *	                              `-- lapse ---'	expired, or the platform changed
 *	any -> terminated, error
 *
 * created: the spool and the key are there. measured: the launch is in the register. attested:
 * another host has checked a quote with the key in it, not longer ago than its result says.
 * Secrets are opened only by an attested enclave, live in locked memory and are seen by its program
 * as files of /input, in memory that goes with the run (executor/vault.h). Terminating wipes both.
 * Nothing of an enclave outlives this process, however it ends: the programs it runs are killed,
 * their memory is gone, and after a restart it is listed as terminated.
 *
 * docs/design/tee.md. The loop's thread. */
#ifndef FOG_DAEMON_ENCLAVE_H
#define FOG_DAEMON_ENCLAVE_H

#include "controlplane/daemon/tee.h"

#define FOG_ENCLAVES_KEPT       64 /* that have ended, for those who look; the oldest goes */
#define FOG_ENCLAVE_MEMORY_MIN  64 /* MiB */
#define FOG_ENCLAVE_MEMORY_MAX  16384
#define FOG_ENCLAVE_MEMORY      512
#define FOG_ENCLAVE_CPU_MAX     32
#define FOG_ENCLAVE_CODE_MAX    (4u << 20)
#define FOG_ENCLAVE_SECRETS_MAX 16
#define FOG_ENCLAVE_ARGS_MAX    64
#define FOG_ENCLAVE_OUTPUT_MAX  (1u << 20) /* bytes of stdout and of stderr each */
#define FOG_ENCLAVE_WALL_S      60
#define FOG_ENCLAVE_WALL_S_MAX  3600
#define FOG_ENCLAVE_ANSWER_S    20  /* a run that takes longer goes on behind the answer */
#define FOG_ENCLAVE_ATTEST_S    300 /* default patience with the verifier; at least 30 */

int fog_enclaves_start(struct fog_host *h);
void fog_enclaves_stop(struct fog_host *h);
/* Looks whose attestation is over. */
void fog_enclaves_tick(struct fog_host *h);
/* What is in the quote of this one. False: there is none, or it has ended. */
bool fog_enclave_launch(struct fog_host *h, const char *id, struct fog_tee_launch *out);
/* How many there are, and what they take. */
struct fog_enclaves_load {
	u32 active, active_max;
	u64 memory_mb, memory_mb_max;
	u64 attestations; /* that were good, since the start */
	u64 runs;
	const char *store; /* "tmpfs", "disk", "none": where the files of the last run were */
};
void fog_enclaves_load(const struct fog_host *h, struct fog_enclaves_load *out);
/* New references, of those that are the caller's. One: NULL when there is none of this id. */
json_t *fog_enclaves_json(struct fog_exchange *x);
json_t *fog_enclave_json(struct fog_exchange *x, const char *id);

/* Operations of POST /v1/fog/tee/runtime; each answers x, now or later. The body has passed the
 * check of its route. */
int fog_enclave_create(struct fog_exchange *x);
int fog_enclave_attest(struct fog_exchange *x);
int fog_enclave_deploy(struct fog_exchange *x);
int fog_enclave_execute(struct fog_exchange *x);
int fog_enclave_terminate(struct fog_exchange *x);

#endif
