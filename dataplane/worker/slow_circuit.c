/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuit handshakes: ntor-v3 as server. Those that wait share the lanes of X25519: first the
 * static secrets of all, then, of those that turn out to be genuine, key and ephemeral secret. */
#include <errno.h>

#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "crypto/ntor/ntor.h"
#include "dataplane/worker/slow.h"

#define BACKWARD_FIRST_MAX 32767

_Static_assert(sizeof(((struct fog_slow_created *)0)->keys) == FOG_NTOR_CIRCUIT_KEYS, "");

struct handshakes {
	unsigned count;
	const struct fog_slow_msg *m[FOG_SLOW_BURST];
	int status[FOG_SLOW_BURST];
	struct fog_ntor_server server[FOG_SLOW_BURST];
	u32 backward_first[FOG_SLOW_BURST];
	/* rows of X25519: one a handshake first, then two */
	u8 scalar[2 * FOG_SLOW_BURST][32], point[2 * FOG_SLOW_BURST][32];
	u8 product[2 * FOG_SLOW_BURST][32];
	int result[2 * FOG_SLOW_BURST];
};

static void multiply(struct handshakes *h, unsigned rows)
{
	fog_x25519_many(h->product, (const u8(*)[32])h->scalar, (const u8(*)[32])h->point,
			h->result, rows);
}

static int read_one(const struct fog_slow *s, struct handshakes *h, unsigned i)
{
	const struct fog_slow_msg *m = h->m[i];
	u8 text[sizeof(struct fog_circuit_params)];
	struct fog_circuit_params params;
	size_t text_len;

	int rc = fog_ntor_server_read(&h->server[i], m->key,
				      h->result[i] == 0 ? h->product[i] : NULL, s->onion_pk, NULL,
				      0, m->skin, m->length, text, sizeof(text), &text_len);
	if (rc < 0)
		return rc;
	if (text_len != sizeof(params))
		return -EBADMSG;
	memcpy(&params, text, sizeof(params));
	if (params.version != 1 || params.backward_first == 0 ||
	    params.backward_first > BACKWARD_FIRST_MAX || !fog_is_zero(params.zero, 3))
		return -EBADMSG;
	h->backward_first[i] = params.backward_first;
	return 0;
}

static void read_all(struct fog_slow *s, struct handshakes *h)
{
	for (unsigned i = 0; i < h->count; i++) {
		const u8 *key = fog_ntor_skin_key(h->m[i]->skin, h->m[i]->length);
		memcpy(h->scalar[i], s->onion_sk, 32);
		memset(h->point[i], 0, 32); /* too short: as if of low order */
		if (key != NULL)
			memcpy(h->point[i], key, 32);
	}
	multiply(h, h->count);
	for (unsigned i = 0; i < h->count; i++)
		h->status[i] = read_one(s, h, i);
}

static void answer(struct fog_slow *s, u32 worker, struct handshakes *h, unsigned i, unsigned row)
{
	const struct fog_slow_msg *m = h->m[i];
	struct fog_slow_msg *out = fog_slow_result(s, worker);
	struct fog_slow_created *c = &out->created;
	size_t len;

	out->type = FOG_SLOW_CREATED;
	out->link = m->link;
	out->circuit = m->circuit;
	out->serial = m->serial;
	memset(c, 0, sizeof(*c));
	if (h->status[i] == 0)
		h->status[i] = fog_ntor_server_write(
			&h->server[i], NULL, 0, h->product[row],
			h->result[row + 1] == 0 ? h->product[row + 1] : NULL, c->body.skin,
			sizeof(c->body.skin), &len, c->keys, sizeof(c->keys));
	c->status = h->status[i];
	if (c->status == 0) {
		c->body.length = (u16)len;
		c->backward_first = h->backward_first[i];
		u64 v = atomic_load_explicit(&s->handshakes_circuit, memory_order_relaxed);
		atomic_store_explicit(&s->handshakes_circuit, v + 1, memory_order_relaxed);
	}
	fog_slow_publish(s, worker);
}

void fog_slow_circuits(struct fog_slow *s, u32 worker, unsigned count)
{
	static const u8 base[32] = {9};
	struct handshakes h = {.count = count};
	unsigned rows = 0;

	FOG_ASSERT(count <= FOG_SLOW_BURST);
	for (unsigned i = 0; i < count; i++)
		h.m[i] = fog_ring_peek(&s->request[worker], i);
	read_all(s, &h);
	for (unsigned i = 0; i < count; i++) {
		if (h.status[i] != 0)
			continue;
		fog_rng_bytes(&s->rng, h.scalar[rows], 32);
		memcpy(h.scalar[rows + 1], h.scalar[rows], 32);
		memcpy(h.point[rows++], base, 32);
		memcpy(h.point[rows++], h.server[i].client_pk, 32);
	}
	multiply(&h, rows);
	rows = 0;
	for (unsigned i = 0; i < count; i++) {
		bool good = h.status[i] == 0;
		answer(s, worker, &h, i, rows);
		rows += good ? 2 : 0;
	}
	fog_wipe(&h, sizeof(h));
}
