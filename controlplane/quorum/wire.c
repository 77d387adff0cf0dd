/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/quorum/wire.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/merkle/merkle.h"

#define VOTE_LABEL "fog vote 1"

void fog_vote_signed(const struct fog_vote *v, const u8 chain[32], u8 out[FOG_VOTE_SIGNED_SIZE])
{
	_Static_assert(sizeof(VOTE_LABEL) + 32 + 8 + 8 + 1 + 32 == FOG_VOTE_SIGNED_SIZE, "layout");
	u8 *p = out + sizeof(VOTE_LABEL);

	memcpy(out, VOTE_LABEL, sizeof(VOTE_LABEL));
	memcpy(p, chain, 32);
	fog_store_u64(p + 32, v->epoch);
	fog_store_u64(p + 40, v->view);
	p[48] = v->kind;
	memcpy(p + 49, v->hash, 32);
}

void fog_vote_encode(const struct fog_vote *v, u8 out[FOG_VOTE_SIZE])
{
	out[0] = v->kind;
	out[1] = v->voter;
	fog_store_u64(out + 2, v->epoch);
	fog_store_u64(out + 10, v->view);
	memcpy(out + 18, v->hash, 32);
	memcpy(out + 50, v->signature, 64);
}

static bool kind_good(u8 kind, const u8 hash[32])
{
	return kind >= FOG_VOTE_NOTARIZE && kind < FOG_VOTE_KINDS &&
	       fog_is_zero(hash, 32) == (kind == FOG_VOTE_NULLIFY);
}

int fog_vote_decode(struct fog_vote *v, const u8 data[FOG_VOTE_SIZE])
{
	v->kind = data[0];
	v->voter = data[1];
	v->epoch = fog_load_u64(data + 2);
	v->view = fog_load_u64(data + 10);
	memcpy(v->hash, data + 18, 32);
	memcpy(v->signature, data + 50, 64);
	return kind_good(v->kind, v->hash) && v->voter < FOG_VALIDATORS_MAX ? 0 : -EBADMSG;
}

void fog_certificate_vote(const struct fog_certificate *c, u32 index, struct fog_vote *out)
{
	out->kind = c->kind;
	out->voter = (u8)index;
	out->epoch = c->epoch;
	out->view = c->view;
	memcpy(out->hash, c->hash, 32);
	memcpy(out->signature, c->signature[index], 64);
}

bool fog_votes_contradict(const struct fog_vote *a, const struct fog_vote *b)
{
	if (a->voter != b->voter || a->epoch != b->epoch || a->view != b->view)
		return false;
	if (a->kind == b->kind)
		return memcmp(a->hash, b->hash, 32) != 0;
	return (a->kind == FOG_VOTE_NULLIFY && b->kind == FOG_VOTE_FINALIZE) ||
	       (a->kind == FOG_VOTE_FINALIZE && b->kind == FOG_VOTE_NULLIFY);
}

u32 fog_certificate_encode(const struct fog_certificate *c, u8 out[FOG_CERTIFICATE_SIZE_MAX])
{
	u8 *p = out + FOG_CERTIFICATE_SIZE_MIN;

	out[0] = c->kind;
	fog_store_u64(out + 1, c->epoch);
	fog_store_u64(out + 9, c->view);
	memcpy(out + 17, c->hash, 32);
	fog_store_u64(out + 49, c->mask);
	for (u64 m = c->mask; m != 0; m &= m - 1, p += 64)
		memcpy(p, c->signature[__builtin_ctzll(m)], 64);
	return (u32)(p - out);
}

int fog_certificate_decode(struct fog_certificate *c, const u8 *data, u32 len)
{
	if (len < FOG_CERTIFICATE_SIZE_MIN)
		return -EBADMSG;
	c->kind = data[0];
	c->epoch = fog_load_u64(data + 1);
	c->view = fog_load_u64(data + 9);
	memcpy(c->hash, data + 17, 32);
	c->mask = fog_load_u64(data + 49);
	u32 need = FOG_CERTIFICATE_SIZE_MIN + 64 * (u32)__builtin_popcountll(c->mask);
	if (len < need || !kind_good(c->kind, c->hash))
		return -EBADMSG;
	const u8 *p = data + FOG_CERTIFICATE_SIZE_MIN;
	for (u64 m = c->mask; m != 0; m &= m - 1, p += 64)
		memcpy(c->signature[__builtin_ctzll(m)], p, 64);
	return (int)need;
}

/* ---- headers -------------------------------------------------------------------------------- */

/* Both directions of one layout. */
#define HEADER_FIELDS(N8, N32, N64, BYTES) \
	BYTES(chain, 32)                   \
	N64(epoch)                         \
	N64(height)                        \
	N64(view)                          \
	N64(time_ms)                       \
	N8(proposer)                       \
	N8(last)                           \
	N64(voters)                        \
	N64(state_height)                  \
	BYTES(state_root, 32)              \
	BYTES(parent, 32)                  \
	BYTES(tx_root, 32)                 \
	BYTES(evidence_root, 32)           \
	BYTES(validators, 32)              \
	BYTES(next, 32)                    \
	BYTES(vrf, FOG_VRF_SIZE)           \
	BYTES(randomness, 32)              \
	N32(tx_count)                      \
	N32(tx_bytes)                      \
	N32(evidence_count)

#define SIZE_8(f)        +1
#define SIZE_32(f)       +4
#define SIZE_64(f)       +8
#define SIZE_BYTES(f, n) +(n)
_Static_assert(0 HEADER_FIELDS(SIZE_8, SIZE_32, SIZE_64, SIZE_BYTES) == FOG_HEADER_SIZE, "layout");

#define PUT_8(f)        *p++ = h->f;
#define PUT_32(f)       fog_store_u32(p, h->f), p += 4;
#define PUT_64(f)       fog_store_u64(p, h->f), p += 8;
#define PUT_BYTES(f, n) memcpy(p, h->f, n), p += (n);
void fog_header_encode(const struct fog_header *h, u8 out[FOG_HEADER_SIZE])
{
	u8 *p = out;

	HEADER_FIELDS(PUT_8, PUT_32, PUT_64, PUT_BYTES)
}

#define GET_8(f)        h->f = *p++;
#define GET_32(f)       h->f = fog_load_u32(p), p += 4;
#define GET_64(f)       h->f = fog_load_u64(p), p += 8;
#define GET_BYTES(f, n) memcpy(h->f, p, n), p += (n);
int fog_header_decode(struct fog_header *h, const u8 data[FOG_HEADER_SIZE])
{
	const u8 *p = data;

	HEADER_FIELDS(GET_8, GET_32, GET_64, GET_BYTES)
	if (h->last > 1 || h->proposer >= FOG_VALIDATORS_MAX ||
	    h->tx_count > FOG_APP_BLOCK_TX_MAX || h->evidence_count > FOG_APP_EVIDENCE_MAX ||
	    h->tx_bytes > FOG_APP_BLOCK_BYTES_MAX + 4 * FOG_APP_BLOCK_TX_MAX)
		return -EBADMSG;
	return 0;
}

void fog_header_hash(const struct fog_header *h, u8 out[32])
{
	u8 bytes[FOG_HEADER_SIZE];

	fog_header_encode(h, bytes);
	fog_hash_sha256(out, bytes, sizeof(bytes));
}

/* ---- blocks --------------------------------------------------------------------------------- */

static struct fog_block *block_new(u32 len, u32 tx_count, u32 evidence_count)
{
	struct fog_block *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->references = 1;
	b->len = len;
	b->bytes = malloc(len);
	b->tx = calloc(tx_count + 1, sizeof(*b->tx));
	b->evidence = calloc(evidence_count + 1, sizeof(*b->evidence));
	if (b->bytes == NULL || b->tx == NULL || b->evidence == NULL) {
		fog_block_unref(b);
		return NULL;
	}
	return b;
}

static int tx_root(const struct fog_app_bytes *tx, u32 count, u8 out[32])
{
	u8(*leaf)[32] = malloc(32 * (size_t)(count + 1));

	if (leaf == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++)
		fog_merkle_leaf(leaf[i], tx[i].data, tx[i].len);
	fog_merkle_root(out, (const u8(*)[32])leaf, count);
	free(leaf);
	return 0;
}

struct fog_block *fog_block_make(struct fog_header *h, const struct fog_app_bytes *tx, u32 tx_count,
				 const struct fog_evidence *evidence, u32 evidence_count)
{
	u32 tx_bytes = 0, evidence_bytes = 2 * FOG_VOTE_SIZE * evidence_count;

	for (u32 i = 0; i < tx_count; i++)
		tx_bytes += 4 + tx[i].len;
	u32 len = FOG_HEADER_SIZE + evidence_bytes + tx_bytes;
	struct fog_block *b = block_new(len, tx_count, evidence_count);
	if (b == NULL)
		return NULL;
	u8 *p = b->bytes + FOG_HEADER_SIZE;
	for (u32 i = 0; i < evidence_count; i++) {
		b->evidence[i] = evidence[i];
		for (u32 k = 0; k < 2; k++, p += FOG_VOTE_SIZE)
			fog_vote_encode(&evidence[i].vote[k], p);
	}
	for (u32 i = 0; i < tx_count; i++) {
		fog_store_u32(p, tx[i].len);
		memcpy(p + 4, tx[i].data, tx[i].len);
		b->tx[i] = (struct fog_app_bytes){p + 4, tx[i].len};
		p += 4 + tx[i].len;
	}
	h->tx_count = tx_count;
	h->tx_bytes = tx_bytes;
	h->evidence_count = evidence_count;
	fog_hash_sha256(h->evidence_root, b->bytes + FOG_HEADER_SIZE, evidence_bytes);
	if (tx_root(b->tx, tx_count, h->tx_root) != 0) {
		fog_block_unref(b);
		return NULL;
	}
	b->header = *h;
	fog_header_encode(h, b->bytes);
	fog_hash_sha256(b->hash, b->bytes, FOG_HEADER_SIZE);
	return b;
}

static int contents_read(struct fog_block *b)
{
	const u8 *p = b->bytes + FOG_HEADER_SIZE, *end = b->bytes + b->len;
	u32 evidence_bytes = 2 * FOG_VOTE_SIZE * b->header.evidence_count;
	u8 root[32];

	fog_hash_sha256(root, p, evidence_bytes);
	if (memcmp(root, b->header.evidence_root, 32) != 0)
		return -EBADMSG;
	for (u32 i = 0; i < b->header.evidence_count; i++)
		for (u32 k = 0; k < 2; k++, p += FOG_VOTE_SIZE)
			if (fog_vote_decode(&b->evidence[i].vote[k], p) != 0)
				return -EBADMSG;
	for (u32 i = 0; i < b->header.tx_count; i++) {
		if (end - p < 4)
			return -EBADMSG;
		u32 n = fog_load_u32(p);
		p += 4;
		if (n > FOG_APP_TX_MAX || (u64)(end - p) < n)
			return -EBADMSG;
		b->tx[i] = (struct fog_app_bytes){p, n};
		p += n;
	}
	if (p != end)
		return -EBADMSG;
	int rc = tx_root(b->tx, b->header.tx_count, root);
	if (rc == 0 && memcmp(root, b->header.tx_root, 32) != 0)
		rc = -EBADMSG;
	return rc;
}

int fog_block_decode(struct fog_block **out, const u8 *data, u32 len)
{
	struct fog_header h;

	if (len < FOG_HEADER_SIZE || len > FOG_BLOCK_SIZE_MAX || fog_header_decode(&h, data) != 0 ||
	    len != FOG_HEADER_SIZE + 2 * FOG_VOTE_SIZE * h.evidence_count + h.tx_bytes)
		return -EBADMSG;
	struct fog_block *b = block_new(len, h.tx_count, h.evidence_count);
	if (b == NULL)
		return -ENOMEM;
	memcpy(b->bytes, data, len);
	b->header = h;
	fog_hash_sha256(b->hash, b->bytes, FOG_HEADER_SIZE);
	int rc = contents_read(b);
	if (rc != 0) {
		fog_block_unref(b);
		return rc;
	}
	*out = b;
	return 0;
}

struct fog_block *fog_block_ref(struct fog_block *b)
{
	b->references++;
	return b;
}

void fog_block_unref(struct fog_block *b)
{
	if (b == NULL || --b->references != 0)
		return;
	free(b->bytes);
	free(b->tx);
	free(b->evidence);
	free(b);
}
