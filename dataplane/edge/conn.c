/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/conn.h"

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "dataplane/edge/conn_internal.h"

/* Vectors of stream data offered for one datagram; a chunk end may split it. */
#define VEC_MAX 4
/* Calls into ngtcp2 that may go into one datagram: one per stream that still fits. */
#define FRAMES_MAX 64

/* ---- paths -------------------------------------------------------------------------------- */

/* A path is known to QUIC as an address made of its serial; the other end is constant. */
struct path_address {
	struct sockaddr_in6 local;
	struct sockaddr_in6 remote;
	ngtcp2_path path;
};

static void address_make(struct sockaddr_in6 *a, u64 serial)
{
	memset(a, 0, sizeof(*a));
	a->sin6_family = AF_INET6;
	a->sin6_port = htons(1);
	a->sin6_addr.s6_addr[0] = 0xfd;
	fog_store_u64(&a->sin6_addr.s6_addr[8], serial);
}

static void path_make(struct path_address *p, bool server, u64 serial)
{
	address_make(&p->local, server ? 0 : serial);
	address_make(&p->remote, server ? serial : 0);
	memset(&p->path, 0, sizeof(p->path));
	p->path.local.addr = (ngtcp2_sockaddr *)&p->local;
	p->path.local.addrlen = sizeof(p->local);
	p->path.remote.addr = (ngtcp2_sockaddr *)&p->remote;
	p->path.remote.addrlen = sizeof(p->remote);
}

static u64 path_serial(const ngtcp2_path *path)
{
	const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)path->remote.addr;

	return fog_load_u64(&a->sin6_addr.s6_addr[8]);
}

/* ---- ends --------------------------------------------------------------------------------- */

void fog_conn_mark(struct fog_conn *c)
{
	if (c->marked || c->state == FOG_CONN_CLOSED)
		return;
	c->marked = true;
	c->ops->dirty(c);
}

/* Start the end; the first reason stays. */
static void end(struct fog_conn *c, bool tell_peer, const char *why)
{
	if (c->failed)
		return;
	c->failed = true;
	c->lingering = tell_peer;
	snprintf(c->why, sizeof(c->why), "%s", why);
	fog_conn_mark(c);
}

static void end_by_library(struct fog_conn *c, int rv)
{
	const char *why = ngtcp2_strerror(rv);
	ngtcp2_connection_close_error peer;

	switch (rv) {
	case NGTCP2_ERR_DRAINING:
		ngtcp2_conn_get_connection_close_error(c->quic, &peer);
		end(c, false, peer.error_code == 0 ? "closed by the peer" : "refused by the peer");
		return;
	case NGTCP2_ERR_IDLE_CLOSE:
		end(c, false, "idle");
		return;
	case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
		end(c, false, "handshake timeout");
		return;
	case NGTCP2_ERR_DROP_CONN:
	case NGTCP2_ERR_RETRY:
	case NGTCP2_ERR_CLOSING:
		end(c, false, why);
		return;
	case NGTCP2_ERR_CRYPTO:
		ngtcp2_connection_close_error_set_transport_error_tls_alert(
			&c->error, ngtcp2_conn_get_tls_alert(c->quic), NULL, 0);
		end(c, true, c->tls.pin_refused ? "peer's key is not the pinned one" : why);
		return;
	default:
		ngtcp2_connection_close_error_set_transport_error_liberr(&c->error, rv, NULL, 0);
		end(c, true, why);
	}
}

void fog_conn_close(struct fog_conn *c, u64 code, const char *why)
{
	if (c->failed)
		return;
	ngtcp2_connection_close_error_set_application_error(&c->error, code, NULL, 0);
	end(c, true, why);
}

static void close_write(struct fog_conn *c)
{
	u8 data[FOG_CONN_DATAGRAM_MAX];
	ngtcp2_path_storage ps;

	if (c->ops->room(c) == 0)
		return;
	ngtcp2_path_storage_zero(&ps);
	ngtcp2_ssize n = ngtcp2_conn_write_connection_close(c->quic, &ps.path, NULL, data,
							    sizeof(data), &c->error, c->now);
	if (n > 0)
		c->ops->send(c, c->path, data, (size_t)n);
}

static void finish(struct fog_conn *c)
{
	if (c->lingering)
		close_write(c);
	c->lingering = false;
	c->state = FOG_CONN_CLOSED;
	for (struct fog_stream *s = c->streams, *next; s != NULL; s = next) {
		next = s->next;
		fog_stream_abort(s, FOG_CODE_BROKEN);
	}
	c->ops->closed(c, c->why);
}

/* ---- callbacks of ngtcp2 ------------------------------------------------------------------ */

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct fog_conn *)ref->user_data)->quic;
}

static void cb_rand(uint8_t *dest, size_t size, const ngtcp2_rand_ctx *ctx)
{
	fog_random_bytes(dest, size);
}

static int cb_handshake_completed(ngtcp2_conn *quic, void *user)
{
	struct fog_conn *c = user;

	if (!fog_tls_alpn_agreed(&c->tls))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	c->state = FOG_CONN_READY;
	c->tell_ready = true;
	return 0;
}

static int cb_new_cid(ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t size, void *user)
{
	struct fog_conn *c = user;

	cid->datalen = size;
	fog_random_bytes(cid->data, size);
	if (!c->server)
		fog_random_bytes(token, NGTCP2_STATELESS_RESET_TOKENLEN);
	else if (ngtcp2_crypto_generate_stateless_reset_token(token, c->reset_key,
							      sizeof(c->reset_key), cid) != 0)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return c->ops->cid_add(c, cid) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int cb_remove_cid(ngtcp2_conn *quic, const ngtcp2_cid *cid, void *user)
{
	struct fog_conn *c = user;

	c->ops->cid_remove(c, cid);
	return 0;
}

static int cb_stream_open(ngtcp2_conn *quic, int64_t id, void *user)
{
	struct fog_conn *c = user;
	struct fog_stream *s = fog_stream_new(c, id);

	if (s == NULL)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	ngtcp2_conn_set_stream_user_data(quic, id, s);
	c->ops->accepted(c, s);
	if (s->ops == NULL)
		fog_stream_abort(s, FOG_CODE_RESOURCE);
	return 0;
}

static int cb_stream_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
			  const uint8_t *data, size_t size, void *user, void *stream)
{
	if (stream == NULL)
		return 0;
	return fog_stream_received(stream, data, size, flags & NGTCP2_STREAM_DATA_FLAG_FIN);
}

static int cb_acked(ngtcp2_conn *quic, int64_t id, uint64_t offset, uint64_t size, void *user,
		    void *stream)
{
	if (stream != NULL)
		fog_stream_acked(stream, size);
	return 0;
}

static int cb_stream_close(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t code, void *user,
			   void *stream)
{
	struct fog_conn *c = user;

	if (c->server && !ngtcp2_conn_is_local_stream(quic, id))
		ngtcp2_conn_extend_max_streams_bidi(quic, 1);
	if (stream != NULL)
		fog_stream_closed(stream, flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET,
				  code);
	return 0;
}

static int cb_stream_reset(ngtcp2_conn *quic, int64_t id, uint64_t final_size, uint64_t code,
			   void *user, void *stream)
{
	if (stream != NULL)
		fog_stream_abort(stream, code);
	return 0;
}

static int cb_streams_left(ngtcp2_conn *quic, uint64_t max, void *user)
{
	struct fog_conn *c = user;

	c->tell_streams = true;
	return 0;
}

static int cb_stream_window(ngtcp2_conn *quic, int64_t id, uint64_t max, void *user, void *stream)
{
	if (stream != NULL)
		fog_stream_queue(stream);
	return 0;
}

static const ngtcp2_callbacks callbacks = {
	.client_initial = ngtcp2_crypto_client_initial_cb,
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
	.handshake_completed = cb_handshake_completed,
	.encrypt = ngtcp2_crypto_encrypt_cb,
	.decrypt = ngtcp2_crypto_decrypt_cb,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = cb_stream_data,
	.acked_stream_data_offset = cb_acked,
	.stream_open = cb_stream_open,
	.stream_close = cb_stream_close,
	.recv_retry = ngtcp2_crypto_recv_retry_cb,
	.extend_max_local_streams_bidi = cb_streams_left,
	.rand = cb_rand,
	.get_new_connection_id = cb_new_cid,
	.remove_connection_id = cb_remove_cid,
	.update_key = ngtcp2_crypto_update_key_cb,
	.stream_reset = cb_stream_reset,
	.extend_max_stream_data = cb_stream_window,
	.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- life --------------------------------------------------------------------------------- */

static void settings_make(ngtcp2_settings *s, ngtcp2_transport_params *p, bool server, u64 now)
{
	ngtcp2_settings_default(s);
	s->cc_algo = NGTCP2_CC_ALGO_CUBIC;
	s->initial_ts = now;
	s->initial_rtt = FOG_CONN_INITIAL_RTT_NS;
	s->max_tx_udp_payload_size = FOG_CONN_DATAGRAM_MAX;
	s->no_tx_udp_payload_size_shaping = 1;
	s->no_pmtud = 1;
	s->ack_thresh = FOG_CONN_ACK_EVERY;
	s->max_window = FOG_CONN_WINDOW_MAX;
	s->max_stream_window = FOG_CONN_STREAM_WINDOW_MAX;
	s->handshake_timeout = FOG_CONN_HANDSHAKE_NS;

	ngtcp2_transport_params_default(p);
	p->initial_max_streams_bidi = server ? FOG_CONN_STREAMS_MAX : 0;
	p->initial_max_stream_data_bidi_local = FOG_CONN_STREAM_WINDOW_START;
	p->initial_max_stream_data_bidi_remote = FOG_CONN_STREAM_WINDOW_START;
	p->initial_max_data = FOG_CONN_WINDOW_START;
	p->max_idle_timeout = FOG_CONN_IDLE_NS;
	p->max_udp_payload_size = FOG_CONN_DATAGRAM_MAX;
	p->active_connection_id_limit = 7;
}

static struct fog_conn *conn_new(const struct fog_conn_ops *ops, void *user, bool server,
				 struct fog_budget *budget, u64 path, u64 now)
{
	struct fog_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->state = FOG_CONN_HANDSHAKE;
	c->server = server;
	c->ops = ops;
	c->user = user;
	c->budget = budget;
	c->path = path;
	c->now = now;
	c->received_ns = now;
	c->tls.ref.get_conn = get_conn;
	c->tls.ref.user_data = c;
	ngtcp2_connection_close_error_default(&c->error);
	return c;
}

static void cid_draw(ngtcp2_cid *cid)
{
	cid->datalen = FOG_CONN_CID_SIZE;
	fog_random_bytes(cid->data, cid->datalen);
}

int fog_conn_client(struct fog_conn **out, const struct fog_conn_ops *ops, void *user,
		    const struct fog_tls *tls, const u8 pin[FOG_TLS_KEY_SIZE],
		    struct fog_budget *budget, u64 path, u64 now)
{
	struct fog_conn *c = conn_new(ops, user, false, budget, path, now);
	ngtcp2_settings settings;
	ngtcp2_transport_params params;
	struct path_address address;
	ngtcp2_cid dcid, scid;

	if (c == NULL)
		return -ENOMEM;
	int rc = fog_tls_client(&c->tls, tls, pin);
	if (rc != 0)
		goto err_conn;
	cid_draw(&dcid);
	cid_draw(&scid);
	settings_make(&settings, &params, false, now);
	path_make(&address, false, path);
	rc = -ENOMEM;
	if (ngtcp2_conn_client_new(&c->quic, &dcid, &scid, &address.path, NGTCP2_PROTO_VER_V1,
				   &callbacks, &settings, &params, NULL, c) != 0)
		goto err_tls;
	ngtcp2_conn_set_tls_native_handle(c->quic, c->tls.session);
	*out = c;
	fog_conn_mark(c);
	return 0;
err_tls:
	fog_tls_session_free(&c->tls);
err_conn:
	free(c);
	return rc;
}

int fog_conn_server(struct fog_conn **out, const struct fog_conn_ops *ops, void *user,
		    const struct fog_tls *tls, const ngtcp2_pkt_hd *initial, const u8 reset_key[32],
		    struct fog_budget *budget, u64 path, u64 now)
{
	struct fog_conn *c = conn_new(ops, user, true, budget, path, now);
	ngtcp2_settings settings;
	ngtcp2_transport_params params;
	struct path_address address;
	ngtcp2_cid scid;

	if (c == NULL)
		return -ENOMEM;
	memcpy(c->reset_key, reset_key, sizeof(c->reset_key));
	int rc = fog_tls_server(&c->tls, tls);
	if (rc != 0)
		goto err_conn;
	cid_draw(&scid);
	settings_make(&settings, &params, true, now);
	params.original_dcid = initial->dcid;
	rc = -ENOMEM;
	if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, c->reset_key,
							 sizeof(c->reset_key), &scid) != 0)
		goto err_tls;
	params.stateless_reset_token_present = 1;
	path_make(&address, true, path);
	if (ngtcp2_conn_server_new(&c->quic, &initial->scid, &scid, &address.path, initial->version,
				   &callbacks, &settings, &params, NULL, c) != 0)
		goto err_tls;
	ngtcp2_conn_set_tls_native_handle(c->quic, c->tls.session);
	rc = ops->cid_add(c, &scid);
	if (rc == 0)
		rc = ops->cid_add(c, &initial->dcid);
	if (rc != 0)
		goto err_quic;
	*out = c;
	return 0;
err_quic:
	ngtcp2_conn_del(c->quic);
err_tls:
	fog_tls_session_free(&c->tls);
err_conn:
	free(c);
	return rc;
}

void fog_conn_free(struct fog_conn *c)
{
	c->failed = true;
	c->marked = true; /* nobody is called any more */
	for (struct fog_stream *s = c->streams, *next; s != NULL; s = next) {
		next = s->next;
		s->ops = NULL;
		fog_stream_free(s);
	}
	ngtcp2_conn_del(c->quic);
	fog_tls_session_free(&c->tls);
	fog_wipe(c, sizeof(*c));
	free(c);
}

/* ---- in and out --------------------------------------------------------------------------- */

void fog_conn_receive(struct fog_conn *c, u64 path, const u8 *data, size_t size, u64 now)
{
	struct path_address address;
	ngtcp2_pkt_info info = {0};
	const ngtcp2_path *from;

	if (c->failed)
		return;
	c->now = now;
	/* The client knows where its packets come from better than QUIC does: a circuit is the
	 * tunnel of one connection. */
	if (c->server) {
		path_make(&address, true, path);
		from = &address.path;
	} else {
		from = ngtcp2_conn_get_path(c->quic);
	}
	c->bytes_rx += size;
	c->received_ns = now;
	int rv = ngtcp2_conn_read_pkt(c->quic, from, &info, data, size, now);
	if (rv != 0)
		end_by_library(c, rv);
	else if (c->server)
		c->path = path_serial(ngtcp2_conn_get_path(c->quic));
	fog_conn_mark(c);
}

/* The next bytes of a stream as vectors, at most one datagram's worth. */
static size_t stream_vectors(const struct fog_stream *s, ngtcp2_vec *v, bool *fin)
{
	const struct fog_buf_chunk *chunk = s->tx.cursor;
	u32 offset = s->tx.cursor_offset;
	size_t count = 0;
	size_t total = 0;

	while (chunk != NULL && count < VEC_MAX && total < FOG_CONN_DATAGRAM_MAX) {
		size_t n = FOG_MIN((size_t)(chunk->end - offset), FOG_CONN_DATAGRAM_MAX - total);

		if (n != 0) {
			v[count].base = (u8 *)chunk->data + offset;
			v[count++].len = n;
			total += n;
		}
		chunk = chunk->next;
		offset = chunk != NULL ? chunk->start : 0;
	}
	*fin = s->fin_queued && total == s->tx.unread;
	return count;
}

/* What ngtcp2 took of a stream. */
static void stream_taken(struct fog_stream *s, size_t size, bool fin)
{
	fog_buf_cursor_advance(&s->tx, size);
	if (fin && s->tx.unread == 0)
		s->fin_sent = true;
	fog_stream_unqueue(s);
	fog_stream_queue(s); /* to the end, when there is more */
	if (s->starved && s->ops != NULL && fog_stream_space(s) != 0)
		s->ops->writable(s);
}

/* Fill one datagram. Its size, 0 when nothing may be sent now, or a fatal ngtcp2 error. */
static ngtcp2_ssize datagram_write(struct fog_conn *c, ngtcp2_path_storage *ps, u8 *data)
{
	for (unsigned frames = 0;; frames++) {
		struct fog_stream *s = NULL;
		ngtcp2_vec v[VEC_MAX];
		ngtcp2_ssize taken = -1;
		size_t count = 0;
		bool fin = false;

		if (frames < FRAMES_MAX && ngtcp2_conn_get_max_data_left(c->quic) != 0)
			s = c->sending;
		if (s != NULL)
			count = stream_vectors(s, v, &fin);
		u32 flags = s != NULL ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
		ngtcp2_ssize n = ngtcp2_conn_writev_stream(
			c->quic, &ps->path, NULL, data, FOG_CONN_DATAGRAM_MAX, &taken,
			flags | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0), s != NULL ? s->id : -1, v,
			count, c->now);
		if (s != NULL && taken >= 0)
			stream_taken(s, (size_t)taken, fin);
		switch (n) {
		case NGTCP2_ERR_WRITE_MORE:
			break;
		case NGTCP2_ERR_STREAM_DATA_BLOCKED:
			fog_stream_unqueue(s);
			break;
		case NGTCP2_ERR_STREAM_SHUT_WR:
		case NGTCP2_ERR_STREAM_NOT_FOUND:
			fog_stream_abort(s, FOG_CODE_BROKEN);
			break;
		default:
			return n;
		}
	}
}

static void datagrams_write(struct fog_conn *c)
{
	u8 data[FOG_CONN_DATAGRAM_MAX];
	ngtcp2_path_storage ps;
	unsigned room = FOG_MIN(c->ops->room(c), FOG_CONN_BURST);

	ngtcp2_path_storage_zero(&ps);
	for (unsigned i = 0; i < room; i++) {
		ngtcp2_ssize n = datagram_write(c, &ps, data);

		if (n < 0) {
			end_by_library(c, (int)n);
			return;
		}
		if (n == 0) {
			ngtcp2_conn_update_pkt_tx_time(c->quic, c->now);
			return;
		}
		u64 path = c->server ? path_serial(&ps.path) : c->path;
		c->bytes_tx += (u64)n;
		c->ops->send(c, path, data, (size_t)n);
	}
	ngtcp2_conn_update_pkt_tx_time(c->quic, c->now);
	if (room == FOG_CONN_BURST)
		fog_conn_mark(c);
}

/* Only a client with open streams, or that holds it, keeps the connection alive. */
static void keepalive_update(struct fog_conn *c)
{
	bool want = !c->server && (c->streams_count != 0 || c->held);

	if (want == c->keepalive)
		return;
	c->keepalive = want;
	ngtcp2_conn_set_keep_alive_timeout(c->quic, want ? FOG_CONN_KEEPALIVE_NS : 0);
}

static void tell(struct fog_conn *c)
{
	if (c->tell_ready) {
		c->tell_ready = false;
		c->ops->ready(c);
	}
	if (c->tell_streams) {
		c->tell_streams = false;
		c->ops->streams_left(c);
	}
	fog_stream_tell_all(c);
}

void fog_conn_pump(struct fog_conn *c, u64 now)
{
	if (c->state == FOG_CONN_CLOSED)
		return;
	c->now = now;
	c->marked = false;
	if (!c->failed && ngtcp2_conn_get_expiry(c->quic) <= now) {
		int rv = ngtcp2_conn_handle_expiry(c->quic, now);

		if (rv != 0)
			end_by_library(c, rv);
	}
	tell(c);
	if (!c->failed) {
		keepalive_update(c);
		datagrams_write(c);
	}
	if (c->failed)
		finish(c);
}

u64 fog_conn_deadline(const struct fog_conn *c)
{
	if (c->state == FOG_CONN_CLOSED)
		return UINT64_MAX;
	return c->failed ? 0 : ngtcp2_conn_get_expiry(c->quic);
}

void fog_conn_migrate(struct fog_conn *c, u64 path, u64 now)
{
	struct path_address address;

	FOG_ASSERT(!c->server);
	c->path = path;
	if (c->failed)
		return;
	c->now = now;
	path_make(&address, false, path);
	/* Refused before the handshake is confirmed, or when the peer has given no spare connection
	 * id. Then the probes of the old path simply travel over the new circuit. */
	(void)ngtcp2_conn_initiate_immediate_migration(c->quic, &address.path, now);
	fog_conn_mark(c);
}

unsigned fog_conn_unanswered(const struct fog_conn *c)
{
	ngtcp2_conn_stat stat;

	if (c->failed)
		return 0;
	ngtcp2_conn_get_conn_stat(c->quic, &stat);
	return (unsigned)stat.pto_count;
}
