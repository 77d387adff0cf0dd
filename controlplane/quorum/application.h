/* SPDX-License-Identifier: BSD-3-Clause */
/* What the quorum agrees on the order of, and what it knows of it: nothing but these functions over
 * opaque bytes. An application (controlplane/ledger) is a deterministic state machine: the same
 * blocks give the same root on every host, CPU path and run. No clocks, no randomness, no floating
 * point, no iteration in memory order.
 *
 *	client tx -> check -> pool -> select (proposer) -> accept (everybody) -> agreement
 *	                                                                            |
 *	                    root, changes, verdicts  <- execute, in order of height <+
 *
 * Blocks are executed once final, never undone. Proposing runs a few blocks ahead of execution, so
 * a header carries the root of an ancestor (state_height, state_root), not that of its parent; what
 * select() and accept() see may be behind what the block builds on. A transaction that turns out
 * wrong in execute() is refused there, deterministically, and changes nothing.
 *
 * One thread. Every call returns within milliseconds for a block of FOG_APP_BLOCK_BYTES_MAX. */
#ifndef FOG_QUORUM_APPLICATION_H
#define FOG_QUORUM_APPLICATION_H

#include "crypto/types.h"

#define FOG_APP_HASH_SIZE       32
#define FOG_APP_TX_MAX          (64u * 1024)       /* bytes of one transaction; more: -EMSGSIZE */
#define FOG_APP_BLOCK_TX_MAX    8192u              /* transactions of one block */
#define FOG_APP_BLOCK_BYTES_MAX (2u * 1024 * 1024) /* of all transactions of one block */
#define FOG_APP_EVIDENCE_MAX    16u                /* of one block */
#define FOG_APP_CHANGES_MAX     64u                /* validator changes of one block */
#define FOG_APP_CHUNK_MAX       (1024u * 1024)     /* bytes of one chunk of a snapshot */
#define FOG_APP_CHUNKS_MAX      65536u
#define FOG_APP_WHY_SIZE        160
#define FOG_APP_ATTRIBUTE_SIZE  32 /* with the terminating zero; longer names are cut by genesis */

struct fog_app_bytes {
	const u8 *data;
	u32 len;
};

/* One validator signed two things of which an honest one signs at most one, in this epoch or one of
 * the FOG_QUORUM_EVIDENCE_EPOCHS before. Proven before the application sees it. The same offence of
 * a validator in an epoch may come again in later epochs: it must be punished once. */
struct fog_app_evidence {
	u8 node_id[32];
	u64 epoch, view;
	u64 weight; /* the offender's in that epoch */
};

struct fog_app_block {
	u64 height; /* 1, 2, 3 .. without gaps */
	u64 epoch;
	u64 view;
	u64 time_ms; /* Unix; grows with height; agreed on, so use it as the clock */
	/* The last block of its epoch: carries nothing, and changes of validators must wait for
	 * the next block. */
	bool last;
	u8 hash[32];
	u8 proposer[32]; /* node id */
	/* A value nobody could foretell or choose when the parent was made; see beacon in
	 * docs/design/quorum.md for what a proposer can bias. */
	u8 randomness[32];
	const struct fog_app_bytes *tx; /* in order */
	u32 tx_count;
	const struct fog_app_evidence *evidence;
	u32 evidence_count;
	/* Validators whose votes for the parent were seen by the proposer, for rewards. */
	const u8 (*voters)[32];
	u32 voter_count;
};

/* The set of validators changes with the next epoch that begins after this block is executed: the
 * one with this node id gets this weight, 0 = leaves. Weights are capped so that no operator, AS,
 * country, power region or TEE vendor can reach a third (controlplane/quorum/validators.h). */
struct fog_app_validator {
	u8 node_id[32];    /* Ed25519, votes are signed with it */
	u8 control_pk[32]; /* X25519, how others reach it */
	u8 address[16];    /* IPv6 or IPv4-mapped */
	u16 port;          /* of quorum.listen */
	u64 weight;
	u32 as; /* 0 = unknown */
	char operator_name[FOG_APP_ATTRIBUTE_SIZE];
	char country[FOG_APP_ATTRIBUTE_SIZE];
	char power_region[FOG_APP_ATTRIBUTE_SIZE];
	char tee_vendor[FOG_APP_ATTRIBUTE_SIZE]; /* "" = none */
};

/* Rules of the quorum that the application wants from the next epoch on. They are taken when the
 * members of that epoch can live by them, and tried again at every later epoch. */
struct fog_app_rules {
	u32 profile; /* enum fog_profile of controlplane/quorum/validators.h; 0 = as it is */
	u64 epoch_ms;
};

struct fog_app_result {
	u8 root[FOG_APP_HASH_SIZE]; /* Merkle root of the state after the block */
	/* Verdict of each transaction: 0 applied, else -errno. Room for tx_count, the caller's. */
	i32 *verdict;
	/* Room for FOG_APP_CHANGES_MAX, the caller's. */
	struct fog_app_validator *change;
	u32 change_count;
	struct fog_app_rules rules; /* after this block, whether they have changed or not */
};

/* Of the state after a block, for hosts that come late. */
struct fog_app_snapshot {
	u64 height;
	u32 chunk_count;            /* 1 .. FOG_APP_CHUNKS_MAX */
	u8 root[FOG_APP_HASH_SIZE]; /* the state root after `height`; restore checks it */
	u8 digest[32];              /* over all chunks: SHA-256 of the SHA-256 of each, in order */
};

struct fog_application {
	void *context;

	/* The last executed height and the root after it; 0 and the root of genesis at the start. A
	 * new application is at genesis: after a restart the quorum restores the snapshot of the
	 * epoch's begin, that it keeps, and executes the blocks since. */
	void (*info)(void *context, u64 *height, u8 root[FOG_APP_HASH_SIZE]);

	/* May these enter the pool? Full checks against the current state, signatures in a batch.
	 * result[i]: 0 or -errno; why[i] says it to the client. Also called again after each block
	 * for what still waits, with recheck true: signatures are known to be good. */
	void (*check)(void *context, const struct fog_app_bytes *tx, u32 count, bool recheck,
		      u64 now_ms, int *result, char (*why)[FOG_APP_WHY_SIZE]);

	/* Which of these candidates (in order of arrival) shall be proposed: keep[i]. Must be
	 * quick: the pool has already bounded count and bytes. */
	void (*select)(void *context, const struct fog_app_bytes *tx, u32 count, u64 time_ms,
		       bool *keep);

	/* Is a block of these worth a vote? What any host must answer alike whatever its state:
	 * well formed, signatures good. known[i]: check() found it good before. 0 or -errno. */
	int (*accept)(void *context, const struct fog_app_bytes *tx, u32 count, const bool *known);

	/* Execute a final block. 0, or -errno: this host cannot go on (disk full);
	 * it stops voting and says why. */
	int (*execute)(void *context, const struct fog_app_block *block,
		       struct fog_app_result *result);

	/* Make a snapshot of the current state and keep it readable until the next call. */
	int (*snapshot_make)(void *context, struct fog_app_snapshot *out);
	/* One chunk of it into out[FOG_APP_CHUNK_MAX]. -ENOENT: another snapshot or no such. */
	int (*snapshot_read)(void *context, u64 height, u32 chunk, u8 *out, u32 *len);
	/* Replace the state: begin, every chunk in order, end. The old state stays until end() has
	 * returned 0, that checks root and digest; -EBADMSG: the chunks are not what was announced.
	 * Chunks are a peer's bytes. */
	int (*restore_begin)(void *context, const struct fog_app_snapshot *what);
	int (*restore_chunk)(void *context, u32 chunk, const u8 *data, u32 len);
	int (*restore_end)(void *context);

	/* Answer a question about the current state with a proof that fogctl checks against `root`
	 * by itself. path, data, answer and proof are the application's own. *answer and *proof are
	 * allocated; the caller frees. 0, -ENOENT (and a proof of absence), -EINVAL. *height: after
	 * which block. */
	int (*query)(void *context, const char *path, struct fog_app_bytes data, u8 **answer,
		     u32 *answer_len, u8 **proof, u32 *proof_len, u64 *height,
		     u8 root[FOG_APP_HASH_SIZE]);
};

#endif
