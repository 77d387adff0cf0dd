/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/terminus.h"

#include <errno.h>

#include "crypto/mem.h"
#include "dataplane/edge/edge.h"
#include "dataplane/edge/service.h"

#define SHORT_PACKET_MIN 41 /* smaller ones get no stateless reset (RFC 9000, 10.3) */

struct fog_server {
	struct fog_carrier carrier; /* first: a connection's user is its carrier */
	struct fog_cid_entry cid[FOG_SERVER_CIDS_MAX];
	struct fog_server *next, *prev;
};

/* ---- circuits ----------------------------------------------------------------------------- */

static struct fog_end **handle_bucket(struct fog_terminus *t, u32 handle)
{
	u64 h = (handle ^ t->hash_key) * 0x9e3779b97f4a7c15ull;

	return &t->handles[h >> 52];
}

_Static_assert(FOG_TABLE_SIZE == 1 << 12, "the hash keeps 12 bits");

static struct fog_end *end_find(struct fog_terminus *t, u32 handle)
{
	struct fog_end *end = *handle_bucket(t, handle);

	while (end != NULL && end->handle != handle)
		end = end->next;
	return end;
}

static struct fog_end *end_new(struct fog_terminus *t, u32 handle)
{
	struct fog_end **bucket = handle_bucket(t, handle);

	if (t->ends_count == FOG_ENDS_MAX)
		return NULL;
	struct fog_end *end = calloc(1, sizeof(*end));
	if (end == NULL)
		return NULL;
	do {
		t->place = (t->place + 1) % FOG_ENDS_MAX;
		if (t->place == 0)
			t->round++;
	} while (t->ends[t->place] != NULL);
	end->handle = handle;
	end->serial = t->round * FOG_ENDS_MAX + t->place;
	end->created_ns = fog_edge_now();
	end->next = *bucket;
	*bucket = end;
	t->ends[t->place] = end;
	t->ends_count++;
	return end;
}

static void end_free(struct fog_terminus *t, struct fog_end *end)
{
	struct fog_end **at = handle_bucket(t, end->handle);

	while (*at != end)
		at = &(*at)->next;
	*at = end->next;
	t->ends[end->serial % FOG_ENDS_MAX] = NULL;
	t->ends_count--;
	free(end);
}

static void end_send(struct fog_edge *e, struct fog_end *end, const u8 *data, size_t size)
{
	end->bytes_tx += size;
	(void)fog_edge_ring_push(&e->ring, FOG_EDGE_DATAGRAM, false, end->handle, 0, data, size);
}

static void close_push(struct fog_edge *e, u32 handle, u8 reason)
{
	(void)fog_edge_ring_push(&e->ring, FOG_EDGE_CLOSE, true, handle, reason, NULL, 0);
}

/* ---- connection ids ----------------------------------------------------------------------- */

/* The first id of a connection is chosen by the client, so the hash is keyed. */
static struct fog_cid_entry **cid_bucket(struct fog_terminus *t, const u8 *data, size_t size)
{
	u64 h = t->hash_key ^ size;

	for (size_t i = 0; i < size; i++) {
		h = (h ^ data[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return &t->cids[h >> 52];
}

static struct fog_server *server_find(struct fog_terminus *t, const u8 *cid, size_t size)
{
	for (struct fog_cid_entry *c = *cid_bucket(t, cid, size); c != NULL; c = c->next) {
		if (c->cid.datalen == size && memcmp(c->cid.data, cid, size) == 0)
			return c->server;
	}
	return NULL;
}

static void cid_unlink(struct fog_terminus *t, struct fog_cid_entry *entry)
{
	struct fog_cid_entry **at = cid_bucket(t, entry->cid.data, entry->cid.datalen);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry->server = NULL;
}

static int conn_cid_add(struct fog_conn *c, const ngtcp2_cid *cid)
{
	struct fog_server *s = c->user;
	struct fog_terminus *t = &s->carrier.edge->terminus;
	struct fog_cid_entry **bucket = cid_bucket(t, cid->data, cid->datalen);

	if (server_find(t, cid->data, cid->datalen) != NULL)
		return -EEXIST;
	for (unsigned i = 0; i < FOG_SERVER_CIDS_MAX; i++) {
		if (s->cid[i].server != NULL)
			continue;
		s->cid[i].cid = *cid;
		s->cid[i].server = s;
		s->cid[i].next = *bucket;
		*bucket = &s->cid[i];
		return 0;
	}
	return -ENOSPC;
}

static void conn_cid_remove(struct fog_conn *c, const ngtcp2_cid *cid)
{
	struct fog_server *s = c->user;

	for (unsigned i = 0; i < FOG_SERVER_CIDS_MAX; i++) {
		if (s->cid[i].server != NULL && ngtcp2_cid_eq(&s->cid[i].cid, cid))
			cid_unlink(&s->carrier.edge->terminus, &s->cid[i]);
	}
}

/* ---- connections -------------------------------------------------------------------------- */

static void server_free(struct fog_server *s)
{
	struct fog_terminus *t = &s->carrier.edge->terminus;

	fog_carrier_clear(&s->carrier);
	for (unsigned i = 0; i < FOG_SERVER_CIDS_MAX; i++) {
		if (s->cid[i].server != NULL)
			cid_unlink(t, &s->cid[i]);
	}
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		t->servers = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	t->conns_count--;
	free(s);
}

static void carrier_closed(struct fog_carrier *c)
{
	server_free((struct fog_server *)c);
}

static void conn_send(struct fog_conn *c, u64 path, const u8 *data, size_t size)
{
	struct fog_server *s = c->user;
	struct fog_edge *e = s->carrier.edge;
	struct fog_end *end = e->terminus.ends[path % FOG_ENDS_MAX];

	/* The circuit may be gone while its connection lives: lost like any datagram. */
	if (end != NULL && end->serial == path)
		end_send(e, end, data, size);
}

static void conn_ready(struct fog_conn *c)
{
}

static void conn_closed(struct fog_conn *c, const char *why)
{
}

static void conn_accepted(struct fog_conn *c, struct fog_stream *s)
{
	struct fog_server *server = c->user;

	fog_service_accept(server->carrier.edge, s);
}

static void conn_streams_left(struct fog_conn *c)
{
}

static const struct fog_conn_ops conn_ops = {
	.room = fog_carrier_room,
	.send = conn_send,
	.ready = conn_ready,
	.closed = conn_closed,
	.accepted = conn_accepted,
	.streams_left = conn_streams_left,
	.cid_add = conn_cid_add,
	.cid_remove = conn_cid_remove,
	.dirty = fog_carrier_dirty,
};

static struct fog_server *server_new(struct fog_edge *e, const ngtcp2_pkt_hd *initial,
				     struct fog_end *end)
{
	struct fog_terminus *t = &e->terminus;

	if (t->conns_count == FOG_SERVERS_MAX || end->servers == FOG_END_SERVERS_MAX || e->stopping)
		return NULL;
	struct fog_server *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	fog_carrier_init(&s->carrier, e, carrier_closed);
	s->next = t->servers;
	if (s->next != NULL)
		s->next->prev = s;
	t->servers = s;
	t->conns_count++;
	if (fog_conn_server(&s->carrier.conn, &conn_ops, &s->carrier, &e->tls, initial,
			    e->reset_key, &e->budget, end->serial, fog_edge_now()) != 0) {
		server_free(s);
		return NULL;
	}
	end->servers++;
	return s;
}

/* A packet of a connection we do not know, perhaps because we were started anew: tell its client,
 * so that it need not wait for its idle timeout. */
static void reset_send(struct fog_edge *e, struct fog_end *end, const u8 *cid, size_t size)
{
	struct fog_terminus *t = &e->terminus;
	u64 second = fog_edge_now() / 1000000000u;
	u8 random[NGTCP2_MIN_STATELESS_RESET_RANDLEN];
	u8 token[NGTCP2_STATELESS_RESET_TOKENLEN];
	u8 packet[64];
	ngtcp2_cid id;

	if (second != t->resets_second) {
		t->resets_second = second;
		t->resets = 0;
	}
	if (size < SHORT_PACKET_MIN || t->resets++ >= FOG_RESETS_PER_S)
		return;
	ngtcp2_cid_init(&id, cid, FOG_CONN_CID_SIZE);
	if (ngtcp2_crypto_generate_stateless_reset_token(token, e->reset_key, sizeof(e->reset_key),
							 &id) != 0)
		return;
	fog_random_bytes(random, sizeof(random));
	ngtcp2_ssize n = ngtcp2_pkt_write_stateless_reset(packet, sizeof(packet), token, random,
							  sizeof(random));
	if (n > 0)
		end_send(e, end, packet, (size_t)n);
}

static void datagram(struct fog_edge *e, struct fog_end *end, const u8 *data, size_t size)
{
	struct fog_terminus *t = &e->terminus;
	ngtcp2_version_cid id;
	ngtcp2_pkt_hd initial;

	end->bytes_rx += size;
	if (ngtcp2_pkt_decode_version_cid(&id, data, size, FOG_CONN_CID_SIZE) != 0) {
		t->dropped++;
		return;
	}
	struct fog_server *s = server_find(t, id.dcid, id.dcidlen);
	if (s == NULL) {
		if (ngtcp2_accept(&initial, data, size) == 0 &&
		    initial.version == NGTCP2_PROTO_VER_V1)
			s = server_new(e, &initial, end);
		else if ((data[0] & 0x80) == 0)
			reset_send(e, end, id.dcid, size);
	}
	if (s == NULL) {
		t->dropped++;
		return;
	}
	fog_conn_receive(s->carrier.conn, end->serial, data, size, fog_edge_now());
}

void fog_terminus_receive(struct fog_edge *e, const struct fog_edge_slot *slot)
{
	struct fog_terminus *t = &e->terminus;
	struct fog_end *end = end_find(t, slot->handle);

	switch (slot->kind) {
	case FOG_EDGE_CLOSE:
		if (end != NULL)
			end_free(t, end);
		return;
	case FOG_EDGE_DATAGRAM:
		if (slot->length == 0 || slot->length > FOG_MSG_PAYLOAD_MAX)
			break;
		if (end == NULL)
			end = end_new(t, slot->handle);
		if (end == NULL) {
			close_push(e, slot->handle, FOG_REASON_RESOURCE);
			break;
		}
		datagram(e, end, slot->data, slot->length);
		return;
	}
	t->dropped++;
}

void fog_terminus_lost(struct fog_edge *e)
{
	for (unsigned i = 0; i < FOG_ENDS_MAX; i++) {
		if (e->terminus.ends[i] != NULL)
			end_free(&e->terminus, e->terminus.ends[i]);
	}
}

void fog_terminus_wake(struct fog_edge *e)
{
	for (struct fog_server *s = e->terminus.servers; s != NULL; s = s->next)
		fog_carrier_dirty(s->carrier.conn);
}

bool fog_terminus_close(struct fog_edge *e, u32 handle)
{
	struct fog_end *end = end_find(&e->terminus, handle);

	if (end == NULL)
		return false;
	close_push(e, handle, FOG_REASON_REQUESTED);
	end_free(&e->terminus, end);
	return true;
}

u32 fog_terminus_streams(const struct fog_edge *e, const struct fog_end *end)
{
	u32 streams = 0;

	for (const struct fog_server *s = e->terminus.servers; s != NULL; s = s->next) {
		if (s->carrier.conn->path == end->serial)
			streams += s->carrier.conn->streams_count;
	}
	return streams;
}

void fog_terminus_init(struct fog_edge *e)
{
	fog_random_bytes(&e->terminus.hash_key, sizeof(e->terminus.hash_key));
	e->terminus.round = 1; /* serial 0 is nobody's */
}

void fog_terminus_stop(struct fog_edge *e)
{
	for (struct fog_server *s = e->terminus.servers; s != NULL; s = s->next)
		fog_conn_close(s->carrier.conn, FOG_CODE_SHUTDOWN, "shutting down");
}

void fog_terminus_free(struct fog_edge *e)
{
	struct fog_terminus *t = &e->terminus;

	while (t->servers != NULL)
		server_free(t->servers);
	for (unsigned i = 0; i < FOG_ENDS_MAX; i++) {
		if (t->ends[i] == NULL)
			continue;
		close_push(e, t->ends[i]->handle, FOG_REASON_REQUESTED);
		end_free(t, t->ends[i]);
	}
}
