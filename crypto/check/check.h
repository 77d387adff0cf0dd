/* SPDX-License-Identifier: BSD-3-Clause */
/* Mixed proofs checked together: what one process hands to another, or does itself, as a list of
 * (kind, payload). Those of one kind run in full lanes and, where the kind has it, as one equation
 * that is halved until the guilty are found; the answer of each is that of a check alone. Payloads
 * may be any bytes. A checker belongs to one thread. */
#ifndef FOG_CRYPTO_CHECK_H
#define FOG_CRYPTO_CHECK_H

#include "crypto/check/kind.h"
#include "crypto/zk/statement.h"

#define FOG_CHECK_BATCH_MAX 256 /* items that share one equation */

struct fog_check {
	const u8 *payload;
	u32 len;
	u16 kind; /* enum fog_check_kind */
	u16 pad;
};

/* Working memory: generators, scratch, batch tables. Aligned to 64; zero pages are touched when
 * their kind first comes. About 3 MiB, depending on the CPU path. */
struct fog_checker;
size_t fog_checker_size(void);
struct fog_checker *fog_checker_init(void *memory);

/* result[i] = 0 valid, -EBADMSG false, -EINVAL (the payload is not of its kind's form), or
 * -EOPNOTSUPP (unknown kind), for any count. The first range proof costs 50 ms more. */
void fog_check_many(struct fog_checker *c, const struct fog_check *item, unsigned count,
		    i32 *result);

/* "ed25519"; NULL for a number that is no kind. */
const char *fog_check_kind_name(u16 kind);
/* What one item costs in a batch, ns on the fastest path of a Zen 4 core: for fair shares, not for
 * promises. Any payload. */
u32 fog_check_cost_ns(u16 kind, const u8 *payload, u32 len);

/* ---- payloads ----------------------------------------------------------------------------- */

/* Each writes one payload of its kind. Returns its length, or -ENOSPC (cap), -EMSGSIZE (more than
 * FOG_CHECK_PAYLOAD_MAX or a context longer than FOG_CHECK_CONTEXT_MAX), -EINVAL. */
int fog_check_put_ed25519(u8 *out, size_t cap, const u8 key[32], const u8 signature[64],
			  const void *message, size_t len);
int fog_check_put_vrf(u8 *out, size_t cap, u8 suite, enum fog_check_vrf_form form, const u8 key[32],
		      const u8 *proof, const void *alpha, size_t len);
int fog_check_put_range(u8 *out, size_t cap, unsigned bits, unsigned count, const void *context,
			size_t context_len, const u8 (*commitment)[32], const u8 *proof,
			size_t proof_len);
int fog_check_put_sigma(u8 *out, size_t cap, const struct fog_sigma *branch, unsigned branches,
			const void *context, size_t context_len, const u8 *proof, size_t proof_len);
int fog_check_put_statement(u8 *out, size_t cap, const struct fog_statement *s, const void *context,
			    size_t context_len, const u8 (*commitment)[32], const u8 *proof,
			    size_t proof_len);
int fog_check_put_inclusion(u8 *out, size_t cap, const u8 root[32], u64 size, u64 index,
			    const u8 leaf_hash[32], const u8 (*hash)[32], unsigned count);
int fog_check_put_consistency(u8 *out, size_t cap, const u8 old_root[32], u64 old_size,
			      const u8 new_root[32], u64 new_size, const u8 (*hash)[32],
			      unsigned count);

/* Starts the transcript a range, sigma or statement proof is made on. */
void fog_check_transcript(struct fog_merlin *t, enum fog_check_kind kind, const void *context,
			  size_t context_len);

#endif
