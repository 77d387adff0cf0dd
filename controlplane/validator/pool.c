/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/validator/pool.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define BUCKETS (2 * FOG_POOL_COUNT_MAX) /* a power of two */
#define NONE    (~0u)

struct entry {
	u8 id[32];
	u8 *data;
	u32 len;
	u32 chain;      /* next of the same bucket */
	u32 prev, next; /* in order of arrival; `next` also links free ones */
	u64 since_ms;
	u64 mark; /* of the pick that left it out */
};

struct fog_pool {
	u32 bucket[BUCKETS];
	struct entry entry[FOG_POOL_COUNT_MAX];
	u32 first, last, free;
	u32 count;
	u64 bytes, mark;
};

int fog_pool_new(struct fog_pool **out)
{
	struct fog_pool *p = malloc(sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	memset(p->bucket, 0xff, sizeof(p->bucket));
	for (u32 i = 0; i < FOG_POOL_COUNT_MAX; i++)
		p->entry[i].next = i + 1 < FOG_POOL_COUNT_MAX ? i + 1 : NONE;
	p->first = p->last = NONE;
	p->free = 0;
	p->count = 0;
	p->bytes = p->mark = 0;
	*out = p;
	return 0;
}

void fog_pool_free(struct fog_pool *p)
{
	if (p == NULL)
		return;
	for (u32 i = p->first; i != NONE; i = p->entry[i].next)
		free(p->entry[i].data);
	free(p);
}

void fog_pool_id(const void *tx, u32 len, u8 id[32])
{
	fog_hash_sha256(id, tx, len);
}

static u32 *bucket_of(struct fog_pool *p, const u8 id[32])
{
	return &p->bucket[fog_load_u32(id) % BUCKETS];
}

static u32 find(const struct fog_pool *p, const u8 id[32])
{
	u32 i = p->bucket[fog_load_u32(id) % BUCKETS];

	while (i != NONE && memcmp(p->entry[i].id, id, 32) != 0)
		i = p->entry[i].chain;
	return i;
}

bool fog_pool_has(const struct fog_pool *p, const u8 id[32])
{
	return find(p, id) != NONE;
}

int fog_pool_add(struct fog_pool *p, const u8 id[32], const void *tx, u32 len, u64 now_ms)
{
	if (find(p, id) != NONE)
		return -EEXIST;
	if (p->free == NONE || p->bytes + len > FOG_POOL_BYTES_MAX)
		return -EAGAIN;
	u8 *data = malloc(len + 1);
	if (data == NULL)
		return -ENOMEM;
	u32 i = p->free, *bucket = bucket_of(p, id);
	struct entry *e = &p->entry[i];
	p->free = e->next;
	memcpy(data, tx, len);
	*e = (struct entry){.data = data,
			    .len = len,
			    .chain = *bucket,
			    .prev = p->last,
			    .next = NONE,
			    .since_ms = now_ms};
	memcpy(e->id, id, 32);
	*bucket = i;
	if (p->last != NONE)
		p->entry[p->last].next = i;
	else
		p->first = i;
	p->last = i;
	p->count++;
	p->bytes += len;
	return 0;
}

static void entry_drop(struct fog_pool *p, u32 i)
{
	struct entry *e = &p->entry[i];
	u32 *at = bucket_of(p, e->id);

	while (*at != i)
		at = &p->entry[*at].chain;
	*at = e->chain;
	if (e->prev != NONE)
		p->entry[e->prev].next = e->next;
	else
		p->first = e->next;
	if (e->next != NONE)
		p->entry[e->next].prev = e->prev;
	else
		p->last = e->prev;
	free(e->data);
	p->count--;
	p->bytes -= e->len;
	e->next = p->free;
	p->free = i;
}

void fog_pool_remove(struct fog_pool *p, const u8 id[32])
{
	u32 i = find(p, id);

	if (i != NONE)
		entry_drop(p, i);
}

u32 fog_pool_count(const struct fog_pool *p)
{
	return p->count;
}

u64 fog_pool_bytes(const struct fog_pool *p)
{
	return p->bytes;
}

u32 fog_pool_pick(struct fog_pool *p, struct fog_block *const *except, u32 count,
		  struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX])
{
	u64 bytes = 0;
	u32 n = 0;
	u8 id[32];

	p->mark++;
	for (u32 i = 0; i < count; i++)
		for (u32 k = 0; k < except[i]->header.tx_count; k++) {
			fog_pool_id(except[i]->tx[k].data, except[i]->tx[k].len, id);
			u32 at = find(p, id);
			if (at != NONE)
				p->entry[at].mark = p->mark;
		}
	for (u32 i = p->first; i != NONE && n < FOG_APP_BLOCK_TX_MAX; i = p->entry[i].next) {
		const struct entry *e = &p->entry[i];
		if (e->mark == p->mark)
			continue;
		bytes += e->len;
		if (bytes > FOG_APP_BLOCK_BYTES_MAX)
			break;
		out[n++] = (struct fog_app_bytes){e->data, e->len};
	}
	return n;
}

void fog_pool_known(const struct fog_pool *p, const struct fog_block *b, bool *known)
{
	u8 id[32];

	for (u32 i = 0; i < b->header.tx_count; i++) {
		fog_pool_id(b->tx[i].data, b->tx[i].len, id);
		known[i] = find(p, id) != NONE;
	}
}

void fog_pool_expire(struct fog_pool *p, u64 now_ms)
{
	/* In order of arrival, so the first young one ends it. */
	while (p->first != NONE && p->entry[p->first].since_ms + FOG_POOL_AGE_MS < now_ms)
		entry_drop(p, p->first);
}
