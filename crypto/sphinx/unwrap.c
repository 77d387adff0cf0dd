/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's side: columns over the jobs, so that public-key work and hashes run in lanes. */
#include "crypto/sphinx/internal.h"

#include "crypto/curve/curve.h"
#include "crypto/curve/x25519.h"
#include "crypto/hash/hmac_many.h"
#include "crypto/mem.h"

#include <errno.h>

#define BATCH FOG_SPHINX_BATCH_MAX

void fog_sphinx_tags(const struct fog_sphinx_geometry *g, struct fog_sphinx_job *job,
		     unsigned count)
{
	const u8 *element[BATCH] = {NULL};
	u8 tag[BATCH][32];

	FOG_ASSERT(count <= BATCH);
	for (unsigned i = 0; i < count; i++) {
		element[i] = job[i].packet + SPHINX_ELEMENT_AT;
		if (g->element != 32)
			fog_portable_tag(tag[i], element[i], g->element);
	}
	if (g->element == 32)
		fog_curve->tag_many(tag, element, count);
	for (unsigned i = 0; i < count; i++) {
		memcpy(job[i].replay, tag[i], sizeof(tag[i]));
		job[i].result = fog_load_u16(job[i].packet) == 0 ? 0 : -EPROTO;
	}
}

/* The rows still alive, packed: row n is job index[n]. */
struct rows {
	unsigned count;
	u8 index[BATCH];
	const void *secret[BATCH];
	const u8 *element[BATCH];
	u8 scalar[BATCH][32];
	u8 point[BATCH][32];
	u8 shared[BATCH][32];
	int result[BATCH];
	struct sphinx_keys keys[BATCH];
};

static void rows_load(struct rows *r, const struct fog_sphinx_job *job, unsigned count)
{
	r->count = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned n = r->count;
		if (job[i].result != 0)
			continue;
		r->index[n] = (u8)i;
		r->secret[n] = job[i].secret;
		r->element[n] = job[i].packet + SPHINX_ELEMENT_AT;
		r->count++;
	}
}

static void rows_multiply(struct rows *r)
{
	for (unsigned n = 0; n < r->count; n++) {
		memcpy(r->scalar[n], r->secret[n], 32);
		memcpy(r->point[n], r->element[n], 32);
	}
	fog_x25519_many(r->shared, (const u8(*)[32])r->scalar, (const u8(*)[32])r->point, r->result,
			r->count);
}

static void rows_derive(const struct fog_sphinx_geometry *g, struct rows *r,
			struct fog_sphinx_job *job)
{
	if (g->kem != FOG_SPHINX_NIKE)
		g->kem->open_many(r->shared, r->result, r->secret, r->element, r->count);
	else
		rows_multiply(r);
	for (unsigned n = 0; n < r->count; n++)
		if (r->result[n] != 0)
			job[r->index[n]].result = -EKEYREJECTED;
	sphinx_keys_derive(r->keys, (const u8(*)[32])r->shared, r->count);
}

static void rows_authenticate(const struct fog_sphinx_geometry *g, struct rows *r,
			      struct fog_sphinx_job *job)
{
	const size_t mac_at = g->header - FOG_SPHINX_MAC_SIZE;
	const u8 *key[BATCH], *text[BATCH];
	u8 mac[BATCH][32];

	for (unsigned n = 0; n < r->count; n++) {
		key[n] = r->keys[n].mac;
		text[n] = job[r->index[n]].packet;
	}
	fog_hmac_sha256_many(mac, key, text, mac_at, r->count);
	for (unsigned n = 0; n < r->count; n++) {
		struct fog_sphinx_job *j = &job[r->index[n]];
		if (!fog_equal(mac[n], j->packet + mac_at, sizeof(mac[n])) && j->result == 0)
			j->result = -EBADMSG;
	}
}

/* Takes this hop's block off the routing information and its layer off the payload. */
static void peel(const struct fog_sphinx_geometry *g, const struct sphinx_keys *k,
		 struct fog_sphinx_job *j)
{
	u8 routing[SPHINX_ROUTING_MAX];
	u8 *payload = j->packet + g->header, *packet_routing = j->packet + sphinx_routing_at(g);

	memcpy(routing, packet_routing, g->routing);
	memset(routing + g->routing, 0, g->block);
	sphinx_stream(k, routing, routing, g->routing + g->block);
	j->result = fog_sphinx_commands_parse(&j->commands, routing, FOG_SPHINX_COMMANDS);
	if (j->result != 0)
		goto out_wipe;
	sphinx_layer(sphinx_iv(k), k->layer + 16, false, payload, g->packet - g->header);
	if (j->commands.has_next) {
		memcpy(packet_routing, routing + g->block, g->routing);
		memcpy(payload - FOG_SPHINX_MAC_SIZE, j->commands.next_mac, FOG_SPHINX_MAC_SIZE);
		if (g->kem != FOG_SPHINX_NIKE)
			memcpy(j->packet + SPHINX_ELEMENT_AT, routing + FOG_SPHINX_COMMANDS,
			       g->element);
	} else if (!j->commands.has_surb && !fog_is_zero(payload, FOG_SPHINX_TAG_SIZE)) {
		j->result = -EILSEQ;
	}
out_wipe:
	fog_wipe(routing, g->routing + g->block);
}

/* Blinds the group elements of what goes on. The element had no low order, so neither has this. */
static void rows_blind(struct rows *r, struct fog_sphinx_job *job)
{
	unsigned count = 0;

	for (unsigned n = 0; n < r->count; n++) {
		struct fog_sphinx_job *j = &job[r->index[n]];
		if (j->result != 0 || !j->commands.has_next)
			continue;
		sphinx_blind_scalar(r->scalar[count], &r->keys[n]);
		memcpy(r->point[count], r->point[n], 32);
		r->index[count++] = r->index[n];
	}
	fog_x25519_many(r->shared, (const u8(*)[32])r->scalar, (const u8(*)[32])r->point, r->result,
			count);
	for (unsigned n = 0; n < count; n++)
		memcpy(job[r->index[n]].packet + SPHINX_ELEMENT_AT, r->shared[n], 32);
}

void fog_sphinx_unwrap_many(const struct fog_sphinx_geometry *g, struct fog_sphinx_job *job,
			    unsigned count)
{
	struct rows r;

	FOG_ASSERT(count <= BATCH);
	rows_load(&r, job, count);
	rows_derive(g, &r, job);
	rows_authenticate(g, &r, job);
	for (unsigned n = 0; n < r.count; n++)
		if (job[r.index[n]].result == 0)
			peel(g, &r.keys[n], &job[r.index[n]]);
	if (g->kem == FOG_SPHINX_NIKE)
		rows_blind(&r, job);
	fog_wipe(&r, sizeof(r));
}
