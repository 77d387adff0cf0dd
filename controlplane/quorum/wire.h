/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of what validators sign, store and send: votes, certificates, headers, blocks, proposals.
 * Everything is little-endian and has one encoding only. Decoders take a peer's bytes: they check
 * lengths and shape, not signatures. Pure; any thread.
 *
 *	vote		kind u8 | voter u8 | epoch u64 | view u64 | hash 32 | signature 64
 *	certificate	kind u8 | epoch u64 | view u64 | hash 32 | mask u64 | signature 64 each
 *	block		header FOG_HEADER_SIZE | evidence: 2 votes each | tx: length u32, bytes each
 *	proposal	vote | certificates u16 | certificate each | block
 *
 * A signature is Ed25519 over "fog vote 1" 0 | chain 32 | epoch | view | kind | hash. */
#ifndef FOG_QUORUM_WIRE_H
#define FOG_QUORUM_WIRE_H

#include "controlplane/quorum/validators.h"

#define FOG_VOTE_SIZE            114
#define FOG_VOTE_SIGNED_SIZE     92
#define FOG_CERTIFICATE_SIZE_MIN 57
#define FOG_CERTIFICATE_SIZE_MAX (57 + 64 * FOG_VALIDATORS_MAX)
#define FOG_HEADER_SIZE          398
#define FOG_VRF_SIZE             80
#define FOG_BLOCK_SIZE_MAX                                                                       \
	(FOG_HEADER_SIZE + 2 * FOG_VOTE_SIZE * FOG_APP_EVIDENCE_MAX + 4 * FOG_APP_BLOCK_TX_MAX + \
	 FOG_APP_BLOCK_BYTES_MAX)
/* Views that may fail one after the other within one proposal's proof. More mean that no
 * proposal of the chain can be made: hours of nothing but time-outs. */
#define FOG_PROPOSAL_GAP_MAX 1024

enum fog_vote_kind {
	FOG_VOTE_NOTARIZE = 1, /* this block is fine, the first I have seen in this view */
	FOG_VOTE_NULLIFY,      /* I have given this view up; hash is zero */
	FOG_VOTE_FINALIZE,     /* I saw it notarized and have not given the view up */
	FOG_VOTE_KINDS,
};

struct fog_vote {
	u8 kind, voter;
	u64 epoch, view;
	u8 hash[32];
	u8 signature[64];
};

struct fog_certificate {
	u8 kind;
	u64 epoch, view;
	u8 hash[32];
	u64 mask;
	u8 signature[FOG_VALIDATORS_MAX][64]; /* by index; only those of the mask mean something */
};

struct fog_header {
	u8 chain[32]; /* digest of genesis: nothing passes from one chain to another */
	u64 epoch, height, view, time_ms;
	u8 proposer; /* index in the epoch's set */
	u8 last;     /* 1: the last block of its epoch */
	u64 voters;  /* who signed the certificate of the parent, as the proposer had it */
	u64 state_height;
	u8 state_root[32]; /* of the application after block state_height */
	u8 parent[32];
	u8 tx_root[32];       /* RFC 6962 over the transactions */
	u8 evidence_root[32]; /* SHA-256 of the evidence's bytes */
	u8 validators[32];    /* hash of this epoch's set .. */
	u8 next[32];          /* .. and of the next one's in a last block, else zero */
	u8 vrf[FOG_VRF_SIZE]; /* proposer's proof over the parent's randomness */
	u8 randomness[32];
	u32 tx_count;
	u32 tx_bytes; /* with the lengths */
	u32 evidence_count;
};

/* Two votes of one validator that contradict each other. */
struct fog_evidence {
	struct fog_vote vote[2];
};

/* A block in memory, shared. */
struct fog_block {
	u32 references;
	struct fog_header header;
	u8 hash[32];
	u8 *bytes; /* whole encoding; transactions point into it */
	u32 len;
	struct fog_evidence *evidence;
	struct fog_app_bytes *tx;
};

/* What is signed. */
void fog_vote_signed(const struct fog_vote *v, const u8 chain[32], u8 out[FOG_VOTE_SIGNED_SIZE]);
void fog_vote_encode(const struct fog_vote *v, u8 out[FOG_VOTE_SIZE]);
/* 0 or -EBADMSG. */
int fog_vote_decode(struct fog_vote *v, const u8 data[FOG_VOTE_SIZE]);
/* Vote `index` of a certificate. */
void fog_certificate_vote(const struct fog_certificate *c, u32 index, struct fog_vote *out);
/* The two votes contradict each other: an honest validator signs at most one of them. */
bool fog_votes_contradict(const struct fog_vote *a, const struct fog_vote *b);

/* Returns the size. */
u32 fog_certificate_encode(const struct fog_certificate *c, u8 out[FOG_CERTIFICATE_SIZE_MAX]);
/* Bytes taken from the front of data, or -EBADMSG. */
int fog_certificate_decode(struct fog_certificate *c, const u8 *data, u32 len);

void fog_header_encode(const struct fog_header *h, u8 out[FOG_HEADER_SIZE]);
int fog_header_decode(struct fog_header *h, const u8 data[FOG_HEADER_SIZE]);
void fog_header_hash(const struct fog_header *h, u8 out[32]);

/* A new block from header and contents: fills in roots and counts of `h`. NULL: no memory. One
 * reference is the caller's. */
struct fog_block *fog_block_make(struct fog_header *h, const struct fog_app_bytes *tx, u32 tx_count,
				 const struct fog_evidence *evidence, u32 evidence_count);
/* The bytes are copied and must be all of the block; roots are checked. 0, -EBADMSG, -ENOMEM. */
int fog_block_decode(struct fog_block **out, const u8 *data, u32 len);
struct fog_block *fog_block_ref(struct fog_block *b);
/* NULL is fine. */
void fog_block_unref(struct fog_block *b);

#endif
