/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation in the daemon: what attests this host, what it found of others, and the enclaves
 * here.
 *
 * Every host is a verifier of its own: it asks the others over the control channel and believes
 * nobody's result but its own where jobs of class S are placed. A host that publishes another
 * platform measurement than the one that was attested has lost its class at once, and is asked
 * anew. docs/design/tee.md. The loop's thread. */
#ifndef FOG_DAEMON_TEE_H
#define FOG_DAEMON_TEE_H

#include <sys/queue.h>
#include <sys/stat.h>

#include "controlplane/daemon/host.h"
#include "controlplane/tee/attester.h"
#include "controlplane/tee/ear.h"

#define FOG_HOST_TEE_LOOK_S       5.0  /* between looks at whom to ask */
#define FOG_HOST_TEE_MONITOR_S    30.0 /* between looks at our own programs, besides inotify's */
#define FOG_HOST_TEE_RECHECK_S    60   /* verdicts of before another collateral live so long */
#define FOG_HOST_TEE_ASKS_MAX     4    /* questions to others at once */
#define FOG_HOST_TEE_RETRY_MIN_MS 2000
#define FOG_HOST_TEE_RETRY_MAX_MS 300000
#define FOG_HOST_TEE_PEERS_MAX    FOG_DIRECTORY_HOSTS_MAX      /* more are not asked */
#define FOG_HOST_TEE_SLOTS        (2 * FOG_HOST_TEE_PEERS_MAX) /* of their table; a power of two */

/* What we know of another host. */
struct fog_tee_peer {
	struct fog_host *host;
	enum {
		FOG_TEE_SLOT_EMPTY = 0,
		FOG_TEE_SLOT_LIVE,
		FOG_TEE_SLOT_LEFT, /* somebody was here: the search goes on */
	} slot;
	u8 node[32];
	bool known; /* ear is of its last answer */
	bool asking;
	u8 platform[32]; /* it told when it was asked */
	struct fog_tee_ear ear;
	u8 before[32]; /* evidence of the result before, of the same programs: a receipt may name it
			*/
	u64 next_ms, wait_ms; /* monotonic: when it is asked (again) */
	/* The last evidence of ours that it found good. */
	u8 given[32];
	u32 given_kind;             /* enum fog_tee_kind; NONE: there is none */
	char *token;                /* the result as we signed it, when it is good; NULL */
	char why[FOG_TEE_WHY_SIZE]; /* why there is no answer; or the verdict */
};

struct fog_enclaves;
struct fog_tee_talk;

struct fog_host_tee {
	struct fog_tee_attester *attester;
	bool ready;      /* the provider works and has recorded the platform */
	char about[256]; /* the provider, or why there is none */
	struct fog_tee_policy policy;
	char policy_why[FOG_TEE_WHY_SIZE]; /* what is wrong with a policy that was not taken */
	struct fog_tee_makers *makers;
	/* NULL: none is named, or none could be read yet: collateral_why, and nobody is attested */
	struct fog_tee_collateral *collateral;
	u64 collateral_stamp;                  /* of the directory, as it was read */
	char collateral_why[FOG_TEE_WHY_SIZE]; /* what is wrong with one that was not taken */
	u32 component_count;
	struct fog_tee_component component[FOG_TEE_COMPONENTS_MAX];
	struct ev_stat watch[FOG_TEE_COMPONENTS_MAX]; /* of the files that may change */
	struct stat seen[FOG_TEE_COMPONENTS_MAX];     /* as they were when they were hashed */
	char path[FOG_TEE_COMPONENTS_MAX][512];
	u8 platform[32];
	u64 changes; /* of the platform since the start */
	struct ev_timer look, monitor;
	u32 asks;              /* questions under way */
	u64 attested, refused; /* verdicts since the start */
	u32 peer_count;
	struct fog_tee_peer
		*peer; /* [FOG_HOST_TEE_SLOTS], by node id; entries stay where they are */
	LIST_HEAD(, fog_tee_talk) talks;
	struct fog_enclaves *enclaves;
	const char *enclave_store; /* where the last run's files were: "tmpfs", "disk"; "none" */
};

/* Needs directory, peering, gateway. 0 or -errno with why. */
int fog_host_tee_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_tee_stop(struct fog_host *h);
void fog_host_tee_reload(struct fog_host *h);
/* Opens what attests this host anew; enclaves go on. 0 or -errno. */
int fog_host_tee_restart(struct fog_host *h);
/* Kind, vendor and platform into our descriptor. */
void fog_host_tee_descriptor(const struct fog_host *h, struct fog_descriptor *d);
/* A host appeared, changed or left. */
void fog_host_tee_directory(struct fog_host *h, const struct fog_descriptor *d, bool gone);
/* The result that makes it fit for class S now; NULL. */
const struct fog_tee_ear *fog_host_attested(const struct fog_host *h, const u8 node[32]);
/* What a host claims as its TEE vendor ("amd-sev-snp", "tpm", ..) is what this host found when it
 * attested it; of ourselves, what attests us. host: struct fog_host. */
bool fog_host_tee_shown(void *host, const u8 node[32], const char *vendor);
/* The last result, good or not, and a sentence about the last try; NULL: there is none. */
const struct fog_tee_ear *fog_host_tee_last(const struct fog_host *h, const u8 node[32],
					    const char **why);
/* Does this digest name evidence that we checked of `node` and that holds? For proofs of execution.
 */
bool fog_host_attested_by(const struct fog_host *h, const u8 node[32], const u8 evidence[32]);
/* Evidence by which `verifier` knows us: digest and kind. False: none. */
bool fog_host_evidence_for(const struct fog_host *h, const u8 verifier[32], u8 digest[32],
			   u32 *kind);

/* SHA-256 of a file; one that has not changed since it was last asked for is not read again. 0 or
 * -errno. */
int fog_host_file_hash(const char *path, u8 out[32]);

/* ---- between the files of daemon/ ----------------------------------------------------------- */

/* tee_talk.c: a question and its verdict. ear NULL: there is none, why says so; token: the result,
 * signed. Called once. */
typedef void fog_tee_verdict_fn(void *ctx, const struct fog_tee_ear *ear, const char *token,
				const char *why);
/* Ask a host (as its descriptor says), about itself or its enclave. 0 or -errno. */
int fog_tee_ask(struct fog_host *h, const struct fog_descriptor *d, const char *enclave,
		fog_tee_verdict_fn *done, void *ctx);
/* Have a host ask us about our enclave. */
int fog_tee_be_asked(struct fog_host *h, const struct fog_descriptor *d, const char *enclave,
		     fog_tee_verdict_fn *done, void *ctx);
/* Answers others; again whenever peering has been started. */
void fog_tee_talks_serve(struct fog_host *h);
/* Ends the talks: no verdict comes any more. Before peering stops, after the attester has. */
void fog_tee_talks_stop(struct fog_host *h);
/* tee.c: a verdict of ours about a host; evidence we gave to one. */
void fog_host_tee_verdict(struct fog_host *h, const u8 node[32], const struct fog_tee_ear *ear,
			  const char *why);
void fog_host_tee_given(struct fog_host *h, const u8 verifier[32], const u8 evidence[32], u32 kind);

#endif
