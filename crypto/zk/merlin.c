/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/merlin.h"

#include "crypto/hash/keccak.h"
#include "crypto/mem.h"

/* STROBE 1.0.2, section 6: 1600 - 2 * 128 bits, less two bytes of padding. */
#define RATE 166

enum {
	FLAG_I = 1,
	FLAG_A = 2,
	FLAG_C = 4,
	FLAG_M = 16,
	FLAG_K = 32,
};

#define OP_AD      FLAG_A
#define OP_META_AD (FLAG_M | FLAG_A)
#define OP_PRF     (FLAG_I | FLAG_A | FLAG_C)
#define OP_KEY     (FLAG_A | FLAG_C)

_Static_assert(sizeof(struct fog_merlin) == 208, "the struct has no hole that a copy would leak");

static inline u8 *bytes(struct fog_merlin *t)
{
	return (u8 *)t->lane;
}

static void strobe_run(struct fog_merlin *t)
{
	u8 *b = bytes(t);

	b[t->pos] ^= t->pos_begin;
	b[t->pos + 1] ^= 0x04;
	b[RATE + 1] ^= 0x80;
	fog_keccak_permute(t->lane);
	t->pos = 0;
	t->pos_begin = 0;
}

static void strobe_absorb(struct fog_merlin *t, const void *data, size_t len)
{
	const u8 *p = data;
	u8 *b = bytes(t);

	for (size_t i = 0; i < len; i++) {
		b[t->pos++] ^= p[i];
		if (t->pos == RATE)
			strobe_run(t);
	}
}

static void strobe_overwrite(struct fog_merlin *t, const void *data, size_t len)
{
	const u8 *p = data;
	u8 *b = bytes(t);

	for (size_t i = 0; i < len; i++) {
		b[t->pos++] = p[i];
		if (t->pos == RATE)
			strobe_run(t);
	}
}

static void strobe_squeeze(struct fog_merlin *t, u8 *out, size_t len)
{
	u8 *b = bytes(t);

	for (size_t i = 0; i < len; i++) {
		out[i] = b[t->pos];
		b[t->pos++] = 0;
		if (t->pos == RATE)
			strobe_run(t);
	}
}

static void strobe_begin(struct fog_merlin *t, u8 flags)
{
	u8 head[2] = {t->pos_begin, flags};

	t->pos_begin = t->pos + 1;
	t->flags = flags;
	strobe_absorb(t, head, sizeof(head));
	if ((flags & (FLAG_C | FLAG_K)) != 0 && t->pos != 0)
		strobe_run(t);
}

/* Label and length, as one meta-AD operation in two pieces. */
static void frame(struct fog_merlin *t, const char *label, size_t len)
{
	u8 length[4];

	FOG_ASSERT(len <= FOG_MERLIN_LEN_MAX);
	fog_store_u32(length, (u32)len);
	strobe_begin(t, OP_META_AD);
	strobe_absorb(t, label, strlen(label));
	strobe_absorb(t, length, sizeof(length));
}

void fog_merlin_init(struct fog_merlin *t, const char *label)
{
	static const u8 head[18] = {1,   RATE + 2, 1,   0,   1,   96,  'S', 'T', 'R',
				    'O', 'B',      'E', 'v', '1', '.', '0', '.', '2'};
	static const char protocol[] = "Merlin v1.0";

	memset(t, 0, sizeof(*t));
	memcpy(t->lane, head, sizeof(head));
	fog_keccak_permute(t->lane);
	strobe_begin(t, OP_META_AD);
	strobe_absorb(t, protocol, sizeof(protocol) - 1);
	fog_merlin_append(t, "dom-sep", label, strlen(label));
}

void fog_merlin_append(struct fog_merlin *t, const char *label, const void *msg, size_t len)
{
	frame(t, label, len);
	strobe_begin(t, OP_AD);
	strobe_absorb(t, msg, len);
}

void fog_merlin_append_u64(struct fog_merlin *t, const char *label, u64 value)
{
	u8 text[8];

	fog_store_u64(text, value);
	fog_merlin_append(t, label, text, sizeof(text));
}

void fog_merlin_challenge(struct fog_merlin *t, const char *label, u8 *out, size_t len)
{
	frame(t, label, len);
	strobe_begin(t, OP_PRF);
	strobe_squeeze(t, out, len);
}

void fog_merlin_rng_fork(struct fog_merlin_rng *r, const struct fog_merlin *t)
{
	r->strobe = *t;
}

void fog_merlin_rng_key(struct fog_merlin_rng *r, const char *label, const void *secret, size_t len)
{
	frame(&r->strobe, label, len);
	strobe_begin(&r->strobe, OP_KEY);
	strobe_overwrite(&r->strobe, secret, len);
}

void fog_merlin_rng_finish(struct fog_merlin_rng *r, const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	strobe_begin(&r->strobe, OP_META_AD);
	strobe_absorb(&r->strobe, "rng", 3);
	strobe_begin(&r->strobe, OP_KEY);
	strobe_overwrite(&r->strobe, random, FOG_MERLIN_RANDOM_SIZE);
}

void fog_merlin_rng_bytes(struct fog_merlin_rng *r, u8 *out, size_t len)
{
	frame(&r->strobe, "", len);
	strobe_begin(&r->strobe, OP_PRF);
	strobe_squeeze(&r->strobe, out, len);
}

void fog_merlin_wipe(struct fog_merlin *t)
{
	fog_wipe(t, sizeof(*t));
}

void fog_merlin_rng_wipe(struct fog_merlin_rng *r)
{
	fog_wipe(r, sizeof(*r));
}
