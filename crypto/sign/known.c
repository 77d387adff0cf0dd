/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/known.h"

#include "crypto/curve/curve.h"
#include "crypto/curve/known.h"

#include <errno.h>

#define BATCH 64 /* items between list and answer: a multiple of the lanes */

struct fog_sign_known {
	unsigned capacity, count;
	u64 clock;
	u64 used[FOG_SIGN_KNOWN_MAX]; /* the clock when the key was last met */
	u8 pk[FOG_SIGN_KNOWN_MAX][FOG_SIGN_PUBLIC_SIZE];
	_Alignas(64) struct fog_known_table base;
	struct fog_known_table key[]; /* of -A */
};

size_t fog_sign_known_size(unsigned keys)
{
	FOG_ASSERT(keys >= 1 && keys <= FOG_SIGN_KNOWN_MAX);
	return sizeof(struct fog_sign_known) + keys * sizeof(struct fog_known_table);
}

struct fog_sign_known *fog_sign_known_init(void *memory, unsigned keys)
{
	struct fog_sign_known *k = memory;
	struct fog_ge_ext base;

	FOG_ASSERT((uintptr_t)memory % 64 == 0);
	FOG_ASSERT(keys >= 1 && keys <= FOG_SIGN_KNOWN_MAX);
	k->capacity = keys;
	k->count = 0;
	k->clock = 0;
	fog_ge_ext_from_niels(&base, &fog_ge_base_multiple[0]);
	fog_known_table_init(&k->base, &base);
	return k;
}

/* The set is small and its keys are hashes: looking at eight bytes of each is a search. */
static unsigned find(const struct fog_sign_known *k, const u8 pk[FOG_SIGN_PUBLIC_SIZE])
{
	u64 head = fog_load_u64(pk);
	unsigned i = 0;

	while (i < k->count &&
	       (fog_load_u64(k->pk[i]) != head || memcmp(k->pk[i], pk, FOG_SIGN_PUBLIC_SIZE) != 0))
		i++;
	return i;
}

bool fog_sign_known_has(const struct fog_sign_known *k, const u8 pk[FOG_SIGN_PUBLIC_SIZE])
{
	return find(k, pk) < k->count;
}

static unsigned place_for_new(struct fog_sign_known *k)
{
	unsigned oldest = 0;

	if (k->count < k->capacity)
		return k->count++;
	for (unsigned i = 1; i < k->count; i++)
		if (k->used[i] < k->used[oldest])
			oldest = i;
	return oldest;
}

int fog_sign_known_add(struct fog_sign_known *k, const u8 pk[FOG_SIGN_PUBLIC_SIZE])
{
	struct fog_ge_affine a;
	struct fog_ge_niels n;
	struct fog_ge_ext p;

	if (fog_sign_known_has(k, pk))
		return 0;
	if (fog_ge_is_small_order(pk) || fog_ge_from_bytes(&a, pk) != 0)
		return -EBADMSG;
	unsigned place = place_for_new(k);
	memcpy(k->pk[place], pk, FOG_SIGN_PUBLIC_SIZE);
	k->used[place] = ++k->clock;
	fog_ge_niels_from_affine(&n, &a);
	fog_ge_niels_negate(&n, 1);
	fog_ge_ext_from_niels(&p, &n);
	fog_known_table_init(&k->key[place], &p);
	return 0;
}

/* Those with tables, as far as the bytes tell that they may be good. */
struct batch {
	unsigned count;
	unsigned place[BATCH]; /* in the caller's list */
	const struct fog_sign_item *item[BATCH];
	const u8 *encoding[BATCH]; /* of R */
	struct fog_ge_niels r[BATCH];
	struct fog_sc k[BATCH];
	struct fog_known_check check[BATCH];
	bool good[BATCH], decoded[BATCH];
};

static void batch_answer(struct fog_sign_known *k, struct batch *b, int *result)
{
	if (b->count == 0)
		return;
	fog_curve->decode_many(b->r, b->decoded, b->encoding, b->count);
	fog_curve->challenge_many(b->k, b->item, b->count);
	for (unsigned i = 0; i < b->count; i++) {
		b->check[i].r = b->r[i];
		b->check[i].k = b->k[i];
		fog_sc_load(&b->check[i].s, b->item[i]->sig + FOG_POINT_SIZE);
	}
	fog_curve->known_many(b->good, &k->base, b->check, b->count);
	for (unsigned i = 0; i < b->count; i++)
		result[b->place[i]] = b->decoded[i] && b->good[i] ? 0 : -EBADMSG;
	b->count = 0;
}

static void ordinary(const struct fog_sign_item *item, const unsigned *place, unsigned count,
		     int *result)
{
	struct fog_sign_item rest[BATCH];
	int answer[BATCH];

	for (unsigned i = 0; i < count; i++)
		rest[i] = item[place[i]];
	if (count != 0)
		fog_sign_verify_many(rest, count, answer);
	for (unsigned i = 0; i < count; i++)
		result[place[i]] = answer[i];
}

void fog_sign_known_verify(struct fog_sign_known *k, const struct fog_sign_item *item,
			   unsigned count, int *result)
{
	unsigned strangers = 0, stranger[BATCH];
	struct batch b;

	b.count = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned key = find(k, item[i].pk);

		result[i] = -EBADMSG;
		if (key == k->count) {
			stranger[strangers++] = i;
			if (strangers == BATCH) {
				ordinary(item, stranger, strangers, result);
				strangers = 0;
			}
			continue;
		}
		k->used[key] = ++k->clock;
		if (!fog_sc_is_canonical(item[i].sig + FOG_POINT_SIZE) ||
		    fog_ge_is_small_order(item[i].sig))
			continue;
		b.place[b.count] = i;
		b.item[b.count] = &item[i];
		b.encoding[b.count] = item[i].sig;
		b.check[b.count++].key = &k->key[key];
		if (b.count == BATCH)
			batch_answer(k, &b, result);
	}
	batch_answer(k, &b, result);
	ordinary(item, stranger, strangers, result);
}
