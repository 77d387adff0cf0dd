/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/sim/fogbed_net.h"

#define FRAME_HEADER 5
#define RETRY_NS     (200 * TB_MS)
#define SILENCE_NS   (1500 * TB_MS)
#define TROUBLE_NS   (30 * TB_S)
#define HOPS         3
/* Paths of server ends: top bit | host | restarts of its data plane | handle. */
#define END_PATH (1ull << 63)

static const u8 reset_key[32] = {1};

/* ---- streams -------------------------------------------------------------------------------- */

static struct fb_stream *stream_new(struct fb *fb, u32 host, u32 target, u32 number, bool opener)
{
	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		struct fb_stream *s = &fb->stream[i];
		if (s->used)
			continue;
		*s = (struct fb_stream){.used = true,
					.fb = fb,
					.host = host,
					.target = target,
					.number = number,
					.opener = opener};
		return s;
	}
	FOG_UNREACHABLE();
}

static struct fb_stream *stream_find(struct fb *fb, u32 host, u32 number)
{
	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		struct fb_stream *s = &fb->stream[i];
		if (s->used && !s->gone && s->host == host && s->number == number)
			return s;
	}
	return NULL;
}

static void stream_end(struct fb_stream *s)
{
	struct fb_host *h = &s->fb->host[s->host];

	if (!s->gone && h->control_alive) {
		if (s->open)
			fog_jobs_stream_closed(h->jobs, s->number, fb_unix_ms(s->fb));
		else
			fog_jobs_stream_failed(h->jobs, s->number, "reset", fb_unix_ms(s->fb));
	}
	s->used = false;
}

static void stream_readable(struct fog_stream *q)
{
	struct fb_stream *s = q->user;
	struct fb_host *h = &s->fb->host[s->host];
	u8 header[FRAME_HEADER];

	while (!s->gone && fog_buf_copy(&q->rx, header, sizeof(header)) == sizeof(header)) {
		u32 len = fog_load_u32(header);
		FOG_ASSERT(len <= FOG_JOB_MESSAGE_MAX);
		if (q->rx.size < FRAME_HEADER + (u64)len)
			break;
		u8 *frame = malloc(FRAME_HEADER + len);
		FOG_ASSERT(frame != NULL);
		fog_buf_copy(&q->rx, frame, FRAME_HEADER + len);
		fog_stream_consume(q, FRAME_HEADER + len);
		u64 now = fb_unix_ms(s->fb);
		if (header[4] == 1)
			fog_jobs_stream_json(h->jobs, s->number, frame + FRAME_HEADER, len, now);
		else
			fog_jobs_stream_data(h->jobs, s->number, frame + FRAME_HEADER, len, now);
		free(frame);
	}
	if (fog_stream_ended(q)) {
		fog_stream_release(q, FOG_CODE_NONE);
		stream_end(s);
	}
}

static void stream_writable(struct fog_stream *q)
{
}

static void stream_aborted(struct fog_stream *q, u64 code)
{
	struct fb_stream *s = q->user;

	s->fb->resets++;
	stream_end(s);
}

static const struct fog_stream_ops stream_ops = {stream_readable, stream_writable, stream_aborted};

void fb_net_send(struct fb *fb, u32 host, u32 number, u8 type, const void *data, u32 len)
{
	struct fb_stream *s = stream_find(fb, host, number);
	u8 header[FRAME_HEADER];

	if (s == NULL || s->quic == NULL)
		return;
	fog_store_u32(header, len);
	header[4] = type;
	if (fog_stream_write(s->quic, header, sizeof(header)) == 0) {
		int rc = fog_stream_write(s->quic, data, len);
		FOG_ASSERT(rc == 0);
	}
}

void fb_net_close(struct fb *fb, u32 host, u32 number)
{
	struct fb_stream *s = stream_find(fb, host, number);

	if (s == NULL)
		return;
	s->gone = true;
	if (s->quic == NULL) {
		s->used = false;
		return;
	}
	fog_stream_finish(s->quic);
}

void fb_net_drop_host(struct fb *fb, u32 host)
{
	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		struct fb_stream *s = &fb->stream[i];
		if (!s->used || s->host != host)
			continue;
		if (s->quic != NULL)
			fog_stream_release(s->quic, FOG_CODE_BROKEN);
		s->used = false;
	}
}

/* ---- connections ---------------------------------------------------------------------------- */

static unsigned conn_room(struct fog_conn *c)
{
	return 64;
}

static void client_send(struct fog_conn *c, u64 path, const u8 *data, size_t size)
{
	struct fb_tunnel *t = c->user;

	if (t->line != NULL && t->serial == path && t->line->built && !t->line->closed)
		tb_send(&t->fb->tb, t->line, data, (u32)size);
}

static void server_send(struct fog_conn *c, u64 path, const u8 *data, size_t size)
{
	struct fb_server *s = c->user;
	struct fb *fb = s->fb;

	if ((path >> 32 & 0xffff) == (fb->host[s->host].restarts & 0xffff) &&
	    fb->tb.host[s->host].alive)
		tb_reply(&fb->tb, s->host, (u32)path, data, (u32)size);
}

static void streams_start(struct fb_tunnel *t)
{
	struct fb *fb = t->fb;

	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		struct fb_stream *s = &fb->stream[i];
		if (!s->used || !s->opener || s->quic != NULL || s->host != t->from ||
		    s->target != t->to)
			continue;
		if (fog_stream_open(t->conn, &s->quic, &stream_ops, s) != 0) {
			s->quic = NULL;
			return;
		}
		s->open = true;
		fog_jobs_stream_opened(fb->host[s->host].jobs, s->number, NULL, fb_unix_ms(fb));
	}
}

static void conn_ready(struct fog_conn *c)
{
	if (!c->server)
		streams_start(c->user);
}

static void conn_closed(struct fog_conn *c, const char *why)
{
}

static void conn_accepted(struct fog_conn *c, struct fog_stream *q)
{
	struct fb_server *server = c->user;
	struct fb *fb = server->fb;
	struct fb_host *h = &fb->host[server->host];
	u32 number = h->control_alive ? fog_jobs_stream_accepted(h->jobs, fb_unix_ms(fb)) : 0;

	if (number == 0)
		return;
	struct fb_stream *s = stream_new(fb, server->host, 0, number, false);
	s->quic = q;
	s->open = true;
	fog_stream_bind(q, &stream_ops, s);
}

static int server_cid_add(struct fog_conn *c, const ngtcp2_cid *cid)
{
	struct fb_server *s = c->user;

	if (s->cid_count == FB_CIDS_MAX)
		return -ENOSPC;
	s->cid[s->cid_count++] = *cid;
	return 0;
}

static void server_cid_remove(struct fog_conn *c, const ngtcp2_cid *cid)
{
	struct fb_server *s = c->user;

	for (u32 i = 0; i < s->cid_count; i++)
		if (ngtcp2_cid_eq(&s->cid[i], cid))
			s->cid[i--] = s->cid[--s->cid_count];
}

static int client_cid_add(struct fog_conn *c, const ngtcp2_cid *cid)
{
	return 0;
}

static void client_cid_remove(struct fog_conn *c, const ngtcp2_cid *cid)
{
}

static void conn_dirty(struct fog_conn *c)
{
}

static const struct fog_conn_ops client_ops = {
	.room = conn_room,
	.send = client_send,
	.ready = conn_ready,
	.closed = conn_closed,
	.accepted = conn_accepted,
	.streams_left = conn_ready,
	.cid_add = client_cid_add,
	.cid_remove = client_cid_remove,
	.dirty = conn_dirty,
};

static const struct fog_conn_ops server_ops = {
	.room = conn_room,
	.send = server_send,
	.ready = conn_ready,
	.closed = conn_closed,
	.accepted = conn_accepted,
	.streams_left = conn_ready,
	.cid_add = server_cid_add,
	.cid_remove = server_cid_remove,
	.dirty = conn_dirty,
};

/* ---- tunnels -------------------------------------------------------------------------------- */

void fb_net_open(struct fb *fb, u32 from, u32 to, u32 number)
{
	struct fb_tunnel *t = &fb->tunnel[from * FB_HOSTS_MAX + to];

	stream_new(fb, from, to, number, true);
	if (!t->used)
		*t = (struct fb_tunnel){.used = true, .from = from, .to = to, .fb = fb};
	if (t->conn != NULL && t->conn->state == FOG_CONN_READY)
		streams_start(t);
}

static void line_open(struct fb_tunnel *t)
{
	struct fb *fb = t->fb;
	u32 path[HOPS];

	t->retry_ns = fb->tb.now + RETRY_NS;
	if (!fb->tb.host[t->from].alive)
		return;
	for (u32 i = 0; i < HOPS - 1; i++) {
		bool taken;
		do {
			path[i] = (u32)fog_rng_below(&fb->rng, fb->tb.hosts);
			taken = path[i] == t->from || path[i] == t->to ||
				(i == 1 && path[1] == path[0]);
		} while (taken);
	}
	path[HOPS - 1] = t->to;
	t->line = tb_open(&fb->tb, t->from, path, HOPS);
	if (t->line != NULL)
		t->line->tag = 1 + t->from * FB_HOSTS_MAX + t->to;
	t->serial = 0;
}

static void line_drop(struct fb_tunnel *t)
{
	if (!t->line->closed)
		tb_close(&t->fb->tb, t->line);
	tb_forget(t->line);
	t->line = NULL;
}

static void line_built(struct fb_tunnel *t)
{
	struct fb *fb = t->fb;

	t->serial = ++fb->serial;
	t->built_ns = fb->tb.now;
	if (t->conn != NULL) {
		fb->rebuilt++;
		fog_conn_migrate(t->conn, t->serial, fb->tb.now);
		return;
	}
	int rc =
		fog_conn_client(&t->conn, &client_ops, t, &fb->host[t->from].tls,
				fb->host[t->to].tls.public_key, &fb->budget, t->serial, fb->tb.now);
	FOG_ASSERT(rc == 0);
}

/* Streams that wait for a connection that ended before it was ready. */
static void streams_fail(struct fb_tunnel *t)
{
	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		struct fb_stream *s = &t->fb->stream[i];
		if (s->used && s->opener && s->quic == NULL && s->host == t->from &&
		    s->target == t->to)
			stream_end(s);
	}
}

/* In use, and nothing comes back. */
static bool line_silent(const struct fb_tunnel *t)
{
	return t->line != NULL && t->serial != 0 && t->conn != NULL &&
	       fog_conn_unanswered(t->conn) >= 3 &&
	       t->fb->tb.now > FOG_MAX(t->built_ns, t->conn->received_ns) + SILENCE_NS;
}

static void tunnel_step(struct fb_tunnel *t)
{
	struct fb *fb = t->fb;

	if (t->line != NULL && t->line->closed)
		line_drop(t);
	if (line_silent(t))
		line_drop(t);
	if (t->line == NULL && fb->tb.now >= t->retry_ns)
		line_open(t);
	if (t->line != NULL && t->line->built && t->serial == 0)
		line_built(t);
	if (t->conn == NULL)
		return;
	/* As fog-edge does: no new circuit helped, so the far end has forgotten us. */
	if (fog_conn_unanswered(t->conn) >= 3 && fb->tb.now > t->conn->received_ns + TROUBLE_NS)
		fog_conn_close(t->conn, FOG_CODE_BROKEN, "no answer over any circuit");
	if (fog_conn_deadline(t->conn) <= fb->tb.now || t->conn->marked)
		fog_conn_pump(t->conn, fb->tb.now);
	if (t->conn->state == FOG_CONN_CLOSED) {
		fog_conn_free(t->conn);
		t->conn = NULL;
		t->serial = 0;
		if (t->line != NULL)
			line_drop(t);
		streams_fail(t);
	}
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static struct fb_server *server_find(struct fb *fb, u32 host, const u8 *dcid, size_t size)
{
	for (u32 i = 0; i < FB_SERVERS_MAX; i++) {
		struct fb_server *s = &fb->server[i];
		for (u32 k = 0; s->used && s->host == host && k < s->cid_count; k++)
			if (s->cid[k].datalen == size && memcmp(s->cid[k].data, dcid, size) == 0)
				return s;
	}
	return NULL;
}

static struct fb_server *server_new(struct fb *fb, u32 host, const ngtcp2_pkt_hd *hd, u64 path)
{
	for (u32 i = 0; i < FB_SERVERS_MAX; i++) {
		struct fb_server *s = &fb->server[i];
		if (s->used)
			continue;
		*s = (struct fb_server){.used = true, .host = host, .fb = fb};
		int rc = fog_conn_server(&s->conn, &server_ops, s, &fb->host[host].tls, hd,
					 reset_key, &fb->budget, path, fb->tb.now);
		FOG_ASSERT(rc == 0);
		return s;
	}
	return NULL;
}

void fb_net_datagram(struct tb *tb, struct tb_host *host, struct tb_circuit *circuit, u32 handle,
		     const u8 *data, u32 length)
{
	struct fb *fb = tb->arg;
	ngtcp2_version_cid id;
	ngtcp2_pkt_hd hd;

	if (circuit != NULL) {
		struct fb_tunnel *t = circuit->tag != 0 ? &fb->tunnel[circuit->tag - 1] : NULL;
		if (t != NULL && t->line == circuit && t->conn != NULL && t->serial != 0)
			fog_conn_receive(t->conn, t->serial, data, length, tb->now);
		return;
	}
	u64 path = END_PATH | (u64)host->index << 48 |
		   (u64)(fb->host[host->index].restarts & 0xffff) << 32 | handle;
	if (ngtcp2_pkt_decode_version_cid(&id, data, length, FOG_CONN_CID_SIZE) != 0)
		return;
	struct fb_server *s = server_find(fb, host->index, id.dcid, id.dcidlen);
	if (s == NULL && ngtcp2_accept(&hd, data, length) == 0)
		s = server_new(fb, host->index, &hd, path);
	if (s != NULL)
		fog_conn_receive(s->conn, path, data, length, tb->now);
}

void fb_net_step(struct fb *fb)
{
	for (u32 i = 0; i < FB_TUNNELS_MAX; i++)
		if (fb->tunnel[i].used)
			tunnel_step(&fb->tunnel[i]);
	for (u32 i = 0; i < FB_SERVERS_MAX; i++) {
		struct fb_server *s = &fb->server[i];
		if (!s->used)
			continue;
		if (fog_conn_deadline(s->conn) <= fb->tb.now || s->conn->marked)
			fog_conn_pump(s->conn, fb->tb.now);
		if (s->conn->state == FOG_CONN_CLOSED) {
			fog_conn_free(s->conn);
			s->used = false;
		}
	}
}

void fb_net_free(struct fb *fb)
{
	for (u32 i = 0; i < fb->tb.hosts; i++)
		fb_net_drop_host(fb, i);
	for (u32 i = 0; i < FB_TUNNELS_MAX; i++)
		if (fb->tunnel[i].conn != NULL)
			fog_conn_free(fb->tunnel[i].conn);
	for (u32 i = 0; i < FB_SERVERS_MAX; i++)
		if (fb->server[i].used)
			fog_conn_free(fb->server[i].conn);
}
