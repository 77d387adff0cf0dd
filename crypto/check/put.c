/* SPDX-License-Identifier: BSD-3-Clause */
/* The submitter's side: payloads of the kinds. */
#include "crypto/check/bytes.h"
#include "crypto/check/check.h"
#include "crypto/vrf/vrf.h"

#include <errno.h>

static struct fog_writer writer(u8 *out, size_t cap)
{
	return (struct fog_writer){.at = out, .left = cap};
}

static int written(const struct fog_writer *w, size_t total)
{
	if (total > FOG_CHECK_PAYLOAD_MAX)
		return -EMSGSIZE;
	return w->bad ? -ENOSPC : (int)w->done;
}

int fog_check_put_ed25519(u8 *out, size_t cap, const u8 key[32], const u8 signature[64],
			  const void *message, size_t len)
{
	struct fog_writer w = writer(out, cap);

	fog_write(&w, key, FOG_SIGN_PUBLIC_SIZE);
	fog_write(&w, signature, FOG_SIGN_SIZE);
	fog_write(&w, message, len);
	return written(&w, FOG_SIGN_PUBLIC_SIZE + FOG_SIGN_SIZE + len);
}

int fog_check_put_vrf(u8 *out, size_t cap, u8 suite, enum fog_check_vrf_form form, const u8 key[32],
		      const u8 *proof, const void *alpha, size_t len)
{
	struct fog_writer w = writer(out, cap);
	bool batch = form == FOG_CHECK_VRF_BATCH;

	if (!batch && form != FOG_CHECK_VRF_PLAIN)
		return -EINVAL;
	fog_write_u8(&w, suite);
	fog_write_u8(&w, (u8)form);
	fog_write(&w, key, FOG_SIGN_PUBLIC_SIZE);
	fog_write(&w, proof, batch ? FOG_VRF_BATCH_PROOF_SIZE : FOG_VRF_PROOF_SIZE);
	fog_write(&w, alpha, len);
	return written(&w, w.done + (w.bad ? len : 0));
}

int fog_check_put_range(u8 *out, size_t cap, unsigned bits, unsigned count, const void *context,
			size_t context_len, const u8 (*commitment)[32], const u8 *proof,
			size_t proof_len)
{
	struct fog_writer w = writer(out, cap);

	if (context_len > FOG_CHECK_CONTEXT_MAX)
		return -EMSGSIZE;
	if (bits > UINT8_MAX || count > UINT8_MAX)
		return -EINVAL;
	fog_write_u8(&w, (u8)bits);
	fog_write_u8(&w, (u8)count);
	fog_write_u16(&w, (u16)context_len);
	fog_write(&w, context, context_len);
	fog_write(&w, commitment, (size_t)count * FOG_RISTRETTO_SIZE);
	fog_write(&w, proof, proof_len);
	return written(&w, proof_len);
}

static void sigma_write(struct fog_writer *w, const struct fog_sigma *s)
{
	u8 text[FOG_RISTRETTO_SIZE];

	fog_write_u8(w, s->secrets);
	fog_write_u8(w, s->equations);
	fog_write_u8(w, s->points);
	fog_write_u8(w, s->terms);
	fog_write(w, s->target, s->equations);
	for (unsigned i = 0; i < s->terms; i++) {
		fog_write_u8(w, s->term[i].equation);
		fog_write_u8(w, s->term[i].secret);
		fog_write_u8(w, s->term[i].point);
	}
	for (unsigned i = 0; i < s->points; i++) {
		fog_ristretto_encode(text, &s->point[i]);
		fog_write(w, text, sizeof(text));
	}
}

int fog_check_put_sigma(u8 *out, size_t cap, const struct fog_sigma *branch, unsigned branches,
			const void *context, size_t context_len, const u8 *proof, size_t proof_len)
{
	struct fog_writer w = writer(out, FOG_MIN(cap, (size_t)FOG_CHECK_PAYLOAD_MAX));

	if (context_len > FOG_CHECK_CONTEXT_MAX)
		return -EMSGSIZE;
	if (branches == 0 || branches > FOG_SIGMA_BRANCHES_MAX)
		return -EINVAL;
	fog_write_u8(&w, (u8)branches);
	fog_write_u8(&w, 0);
	fog_write_u16(&w, (u16)context_len);
	fog_write(&w, context, context_len);
	for (unsigned i = 0; i < branches; i++)
		sigma_write(&w, &branch[i]);
	fog_write(&w, proof, proof_len);
	return written(&w, proof_len);
}

int fog_check_put_statement(u8 *out, size_t cap, const struct fog_statement *s, const void *context,
			    size_t context_len, const u8 (*commitment)[32], const u8 *proof,
			    size_t proof_len)
{
	struct fog_writer w = writer(out, FOG_MIN(cap, (size_t)FOG_CHECK_PAYLOAD_MAX));
	u8 text[FOG_STATEMENT_ENCODED_MAX];
	int len = fog_statement_encode(s, text, sizeof(text));

	if (context_len > FOG_CHECK_CONTEXT_MAX)
		return -EMSGSIZE;
	if (len < 0 || fog_statement_fault(s) != NULL)
		return -EINVAL;
	fog_write_u16(&w, (u16)context_len);
	fog_write(&w, context, context_len);
	fog_write_u16(&w, (u16)len);
	fog_write(&w, text, (size_t)len);
	fog_write(&w, commitment, (size_t)s->attributes * FOG_RISTRETTO_SIZE);
	fog_write(&w, proof, proof_len);
	return written(&w, w.done);
}

int fog_check_put_inclusion(u8 *out, size_t cap, const u8 root[32], u64 size, u64 index,
			    const u8 leaf_hash[32], const u8 (*hash)[32], unsigned count)
{
	struct fog_writer w = writer(out, cap);

	fog_write(&w, root, 32);
	fog_write_u64(&w, size);
	fog_write_u64(&w, index);
	fog_write(&w, leaf_hash, 32);
	fog_write(&w, hash, (size_t)count * 32);
	return written(&w, (size_t)count * 32);
}

int fog_check_put_consistency(u8 *out, size_t cap, const u8 old_root[32], u64 old_size,
			      const u8 new_root[32], u64 new_size, const u8 (*hash)[32],
			      unsigned count)
{
	struct fog_writer w = writer(out, cap);

	fog_write(&w, old_root, 32);
	fog_write_u64(&w, old_size);
	fog_write(&w, new_root, 32);
	fog_write_u64(&w, new_size);
	fog_write(&w, hash, (size_t)count * 32);
	return written(&w, (size_t)count * 32);
}

void fog_check_transcript(struct fog_merlin *t, enum fog_check_kind kind, const void *context,
			  size_t context_len)
{
	const char *label = kind == FOG_CHECK_RANGE   ? FOG_CHECK_RANGE_LABEL
			    : kind == FOG_CHECK_SIGMA ? FOG_CHECK_SIGMA_LABEL
						      : FOG_CHECK_STATEMENT_LABEL;

	fog_merlin_init(t, label);
	fog_merlin_append(t, "context", context, context_len);
}
