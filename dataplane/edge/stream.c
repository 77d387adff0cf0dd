/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of a connection: buffers, back-pressure, ends. See conn.h. */
#include <errno.h>

#include "dataplane/edge/conn_internal.h"

struct fog_stream *fog_stream_new(struct fog_conn *c, i64 id)
{
	struct fog_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->conn = c;
	s->id = id;
	fog_buf_init(&s->rx, c->budget);
	fog_buf_init(&s->tx, c->budget);
	s->next = c->streams;
	if (s->next != NULL)
		s->next->prev = s;
	c->streams = s;
	c->streams_count++;
	return s;
}

static void untell(struct fog_stream *s)
{
	struct fog_conn *c = s->conn;
	struct fog_stream **at = &c->news;
	struct fog_stream *before = NULL;

	if (!s->told)
		return;
	while (*at != s) {
		before = *at;
		at = &before->news_next;
	}
	*at = s->news_next;
	if (c->news_last == s)
		c->news_last = before;
	s->told = false;
}

void fog_stream_free(struct fog_stream *s)
{
	struct fog_conn *c = s->conn;

	FOG_ASSERT(s->ops == NULL);
	fog_stream_unqueue(s);
	untell(s);
	fog_buf_clear(&s->rx);
	fog_buf_clear(&s->tx);
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		c->streams = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	c->streams_count--;
	free(s);
}

void fog_stream_queue(struct fog_stream *s)
{
	struct fog_conn *c = s->conn;

	if (s->sending || s->gone)
		return;
	if (s->tx.unread == 0 && (!s->fin_queued || s->fin_sent))
		return;
	s->sending = true;
	s->send_next = NULL;
	if (c->sending == NULL)
		c->sending = s;
	else
		c->sending_last->send_next = s;
	c->sending_last = s;
	fog_conn_mark(c);
}

void fog_stream_unqueue(struct fog_stream *s)
{
	struct fog_conn *c = s->conn;
	struct fog_stream **at = &c->sending;
	struct fog_stream *before = NULL;

	if (!s->sending)
		return;
	while (*at != s) {
		before = *at;
		at = &before->send_next;
	}
	*at = s->send_next;
	if (c->sending_last == s)
		c->sending_last = before;
	s->sending = false;
}

void fog_stream_tell(struct fog_stream *s)
{
	struct fog_conn *c = s->conn;

	if (s->told || s->ops == NULL)
		return;
	s->told = true;
	s->news_next = NULL;
	if (c->news == NULL)
		c->news = s;
	else
		c->news_last->news_next = s;
	c->news_last = s;
	fog_conn_mark(c);
}

void fog_stream_tell_all(struct fog_conn *c)
{
	/* A stream that is told again meanwhile goes to the end: bounded by this count. */
	for (u32 left = c->streams_count; left != 0 && c->news != NULL; left--) {
		struct fog_stream *s = c->news;

		untell(s);
		if (s->ops != NULL)
			s->ops->readable(s);
	}
}

/* Let the peer send `size` more. */
static void credit(struct fog_stream *s, size_t size)
{
	struct fog_conn *c = s->conn;

	if (size == 0 || c->failed)
		return;
	ngtcp2_conn_extend_max_offset(c->quic, size);
	if (!s->gone && !s->fin_received)
		ngtcp2_conn_extend_max_stream_offset(c->quic, s->id, size);
	fog_conn_mark(c);
}

int fog_stream_received(struct fog_stream *s, const u8 *data, size_t size, bool fin)
{
	if (s->ops == NULL) {
		credit(s, size);
		s->fin_received |= fin;
		return 0;
	}
	int rc = fog_buf_append(&s->rx, data, size);
	if (rc != 0) {
		credit(s, size);
		fog_stream_abort(s, FOG_CODE_RESOURCE);
		return 0;
	}
	s->bytes_rx += size;
	s->fin_received |= fin;
	fog_stream_tell(s);
	return 0;
}

void fog_stream_acked(struct fog_stream *s, u64 size)
{
	FOG_ASSERT(size <= s->tx.size - s->tx.unread);
	fog_buf_drop(&s->tx, size);
	if (s->starved && s->ops != NULL && fog_stream_space(s) != 0)
		s->ops->writable(s);
}

static void cut(struct fog_stream *s, u64 code)
{
	fog_stream_unqueue(s);
	if (!s->gone && !s->conn->failed)
		ngtcp2_conn_shutdown_stream(s->conn->quic, s->id, code);
	fog_conn_mark(s->conn);
}

void fog_stream_abort(struct fog_stream *s, u64 code)
{
	const struct fog_stream_ops *ops = s->ops;

	s->ops = NULL;
	credit(s, s->rx.size);
	fog_buf_clear(&s->rx);
	cut(s, code);
	if (ops != NULL)
		ops->aborted(s, code);
}

void fog_stream_closed(struct fog_stream *s, bool by_error, u64 code)
{
	bool clean = !by_error && s->fin_received && s->fin_sent;

	s->gone = true;
	fog_stream_unqueue(s);
	if (!clean)
		fog_stream_abort(s, code);
	fog_buf_clear(&s->tx);
	if (s->ops == NULL)
		fog_stream_free(s);
}

int fog_stream_open(struct fog_conn *c, struct fog_stream **out, const struct fog_stream_ops *ops,
		    void *user)
{
	i64 id;

	if (c->failed || c->state != FOG_CONN_READY)
		return -ENOTCONN;
	if (ngtcp2_conn_get_streams_bidi_left(c->quic) == 0)
		return -EAGAIN;
	struct fog_stream *s = fog_stream_new(c, -1);
	if (s == NULL)
		return -ENOMEM;
	int rv = ngtcp2_conn_open_bidi_stream(c->quic, &id, s);
	if (rv != 0) {
		fog_stream_free(s);
		return rv == NGTCP2_ERR_NOMEM ? -ENOMEM : -EAGAIN;
	}
	s->id = id;
	fog_stream_bind(s, ops, user);
	*out = s;
	return 0;
}

void fog_stream_bind(struct fog_stream *s, const struct fog_stream_ops *ops, void *user)
{
	s->ops = ops;
	s->user = user;
	fog_conn_mark(s->conn);
}

size_t fog_stream_space(struct fog_stream *s)
{
	size_t space = 0;

	if (!s->fin_queued && s->tx.size < FOG_STREAM_TX_MAX &&
	    s->tx.unread < FOG_STREAM_UNSENT_MAX)
		space = FOG_MIN(FOG_STREAM_TX_MAX - s->tx.size,
				FOG_STREAM_UNSENT_MAX - s->tx.unread);
	/* The last quarter of the budget is for what peers send: they were promised it. A stream
	 * without anything under way still gets a chunk, or nothing would ever wake it. */
	if (s->tx.size != 0 && s->tx.budget->size > s->tx.budget->size_max / 4 * 3)
		space = 0;
	s->starved = space == 0;
	return space;
}

void fog_stream_wrote(struct fog_stream *s, size_t size)
{
	fog_buf_commit(&s->tx, size);
	s->bytes_tx += size;
	fog_stream_queue(s);
}

int fog_stream_write(struct fog_stream *s, const void *data, size_t size)
{
	if (s->fin_queued || s->gone)
		return -EPIPE;
	int rc = fog_buf_append(&s->tx, data, size);
	if (rc != 0)
		return rc;
	s->bytes_tx += size;
	fog_stream_queue(s);
	return 0;
}

void fog_stream_finish(struct fog_stream *s)
{
	if (s->fin_queued)
		return;
	s->fin_queued = true;
	fog_stream_queue(s);
}

void fog_stream_consume(struct fog_stream *s, size_t size)
{
	fog_buf_drop(&s->rx, size);
	credit(s, size);
}

bool fog_stream_ended(const struct fog_stream *s)
{
	return s->fin_received && s->rx.size == 0;
}

void fog_stream_release(struct fog_stream *s, u64 code)
{
	s->ops = NULL;
	s->user = NULL;
	credit(s, s->rx.size);
	fog_buf_clear(&s->rx);
	if (s->gone) {
		fog_stream_free(s);
		return;
	}
	if (!s->fin_queued) {
		cut(s, code);
	} else if (!s->fin_received && !s->conn->failed) {
		ngtcp2_conn_shutdown_stream_read(s->conn->quic, s->id, code);
		fog_conn_mark(s->conn);
	}
}
