/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/framed.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes taken from the socket in one callback, so that one stream cannot hold the loop. */
#define READ_BUDGET (256 * 1024)
#define READ_CHUNK  (16 * 1024)

struct fog_framed {
	struct ev_loop *loop;
	struct ev_io rx, tx;
	struct ev_timer idle;
	struct fog_framed_events events;
	void *ctx;
	int fd;
	u32 idle_ms;

	u8 *in; /* the frame being received: header, then payload */
	u32 in_cap, in_used;

	u8 *out; /* bytes [out_done, out_used) wait for the socket */
	u32 out_cap, out_used, out_done;

	u32 depth;      /* callbacks in progress */
	bool closed;    /* close() came during a callback */
	bool ended;     /* end() was called */
	bool broken;    /* end() was called with an error */
	bool finishing; /* half-close when the queue is empty */
	bool finished;
	bool paused;
	bool starved; /* a send got -EAGAIN: owe a drain() */
};

static void stream_free(struct fog_framed *s)
{
	close(s->fd);
	free(s->in);
	free(s->out);
	free(s);
}

static void watchers_stop(struct fog_framed *s)
{
	ev_io_stop(s->loop, &s->rx);
	ev_io_stop(s->loop, &s->tx);
	ev_timer_stop(s->loop, &s->idle);
}

static void enter(struct fog_framed *s)
{
	s->depth++;
}

/* False when the stream is gone. */
static bool leave(struct fog_framed *s)
{
	FOG_ASSERT(s->depth > 0);
	if (--s->depth == 0 && s->closed) {
		stream_free(s);
		return false;
	}
	return true;
}

static void stream_end(struct fog_framed *s, int error)
{
	if (s->closed || s->broken || (s->ended && error == 0))
		return;
	ev_io_stop(s->loop, &s->rx);
	if (error != 0) {
		watchers_stop(s);
		s->broken = true;
	}
	bool first = !s->ended;
	s->ended = true;
	/* After the orderly end an error is silent: sends return -EPIPE. */
	if (first)
		s->events.end(s->ctx, s, error);
}

static void idle_restart(struct fog_framed *s)
{
	if (s->idle_ms == 0 || s->broken)
		return;
	s->idle.repeat = s->idle_ms / 1000.0;
	ev_timer_again(s->loop, &s->idle);
}

static void on_idle(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_framed *s = w->data;

	enter(s);
	stream_end(s, -ETIMEDOUT);
	leave(s);
}

static u32 frame_limit(u8 type)
{
	return type == FOG_FRAMED_JSON ? FOG_FRAMED_JSON_MAX : FOG_FRAMED_DATA_MAX;
}

static bool header_valid(const u8 *h)
{
	u32 len = fog_load_u32(h);

	return (h[4] == FOG_FRAMED_JSON || h[4] == FOG_FRAMED_DATA) && len != 0 &&
	       len <= frame_limit(h[4]);
}

/* Room for `need` bytes of one frame. */
static int in_reserve(struct fog_framed *s, u32 need)
{
	if (need <= s->in_cap)
		return 0;
	u8 *p = realloc(s->in, need);
	if (p == NULL)
		return -ENOMEM;
	s->in = p;
	s->in_cap = need;
	return 0;
}

/* Take bytes into the current frame; deliver it when it is whole. 0 or -errno. */
static int input(struct fog_framed *s, const u8 *data, u32 len)
{
	while (len != 0 && !s->closed && !s->broken) {
		u32 want = FOG_FRAMED_HEADER_SIZE;
		if (s->in_used >= FOG_FRAMED_HEADER_SIZE)
			want += fog_load_u32(s->in);
		u32 n = FOG_MIN(len, want - s->in_used);
		if (in_reserve(s, FOG_MAX(want, 4096u)) != 0)
			return -ENOMEM;
		memcpy(s->in + s->in_used, data, n);
		s->in_used += n;
		data += n;
		len -= n;
		if (s->in_used == FOG_FRAMED_HEADER_SIZE) {
			if (!header_valid(s->in))
				return -EPROTO;
			continue;
		}
		if (s->in_used < FOG_FRAMED_HEADER_SIZE || s->in_used < want)
			continue;
		s->in_used = 0;
		s->events.frame(s->ctx, s, s->in[4], s->in + FOG_FRAMED_HEADER_SIZE,
				want - FOG_FRAMED_HEADER_SIZE);
	}
	return 0;
}

/* One read. > 0: go on; 0: nothing more now (or ended). */
static int read_some(struct fog_framed *s)
{
	u8 chunk[READ_CHUNK];
	ssize_t n = read(s->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		stream_end(s, -errno);
		return 0;
	}
	if (n == 0) {
		stream_end(s, s->in_used != 0 ? -EPROTO : 0);
		return 0;
	}
	idle_restart(s);
	int rc = input(s, chunk, (u32)n);
	if (rc != 0) {
		stream_end(s, rc);
		return 0;
	}
	return (int)n;
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_framed *s = w->data;
	int budget = READ_BUDGET;

	enter(s);
	while (budget > 0 && !s->closed && !s->ended && !s->paused) {
		int n = read_some(s);
		if (n == 0)
			break;
		budget -= n;
	}
	leave(s);
}

static void half_close(struct fog_framed *s)
{
	if (!s->finishing || s->finished || s->out_done != s->out_used)
		return;
	s->finished = true;
	shutdown(s->fd, SHUT_WR);
}

/* Send what the socket takes. 0 or -errno. */
static int flush(struct fog_framed *s)
{
	while (s->out_done < s->out_used) {
		ssize_t n =
			send(s->fd, s->out + s->out_done, s->out_used - s->out_done, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			ev_io_start(s->loop, &s->tx);
			return 0;
		}
		if (n < 0)
			return -errno;
		s->out_done += (u32)n;
		idle_restart(s);
	}
	s->out_done = s->out_used = 0;
	ev_io_stop(s->loop, &s->tx);
	half_close(s);
	return 0;
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_framed *s = w->data;

	enter(s);
	int rc = flush(s);
	if (rc != 0) {
		stream_end(s, rc);
	} else if (s->starved && fog_framed_queued(s) < FOG_FRAMED_QUEUE_MAX / 2) {
		s->starved = false;
		if (s->events.drain != NULL)
			s->events.drain(s->ctx, s);
	}
	leave(s);
}

int fog_framed_new(struct fog_framed **out, struct ev_loop *loop, int fd,
		   const struct fog_framed_events *events, void *ctx)
{
	FOG_ASSERT(events->frame != NULL);
	FOG_ASSERT(events->end != NULL);
	struct fog_framed *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->fd = fd;
	s->events = *events;
	s->ctx = ctx;
	ev_io_init(&s->rx, on_readable, fd, EV_READ);
	ev_io_init(&s->tx, on_writable, fd, EV_WRITE);
	ev_init(&s->idle, on_idle);
	s->rx.data = s->tx.data = s->idle.data = s;
	ev_io_start(loop, &s->rx);
	*out = s;
	return 0;
}

void fog_framed_close(struct fog_framed *s)
{
	if (s == NULL)
		return;
	FOG_ASSERT(!s->closed);
	watchers_stop(s);
	s->closed = true;
	if (s->depth == 0)
		stream_free(s);
}

/* Make room for `need` more bytes at the end of the queue. */
static int out_reserve(struct fog_framed *s, u32 need)
{
	if (s->out_done != 0) {
		memmove(s->out, s->out + s->out_done, s->out_used - s->out_done);
		s->out_used -= s->out_done;
		s->out_done = 0;
	}
	if (s->out_used + need <= s->out_cap)
		return 0;
	u32 cap = FOG_MAX(s->out_cap * 2, s->out_used + need);
	u8 *p = realloc(s->out, cap);
	if (p == NULL)
		return -ENOMEM;
	s->out = p;
	s->out_cap = cap;
	return 0;
}

int fog_framed_send(struct fog_framed *s, enum fog_framed_type type, const void *payload, u32 len)
{
	FOG_ASSERT(type == FOG_FRAMED_JSON || type == FOG_FRAMED_DATA);
	if (s->finishing || s->broken || s->closed)
		return -EPIPE;
	if (len == 0 || len > frame_limit((u8)type))
		return -EMSGSIZE;
	if (fog_framed_queued(s) + FOG_FRAMED_HEADER_SIZE + len > FOG_FRAMED_QUEUE_MAX) {
		s->starved = true;
		return -EAGAIN;
	}
	if (out_reserve(s, FOG_FRAMED_HEADER_SIZE + len) != 0)
		return -ENOMEM;
	u8 *p = s->out + s->out_used;
	fog_store_u32(p, len);
	p[4] = (u8)type;
	memcpy(p + FOG_FRAMED_HEADER_SIZE, payload, len);
	s->out_used += FOG_FRAMED_HEADER_SIZE + len;
	/* The socket is tried from the loop, never here: no callback from inside a send. */
	ev_io_start(s->loop, &s->tx);
	return 0;
}

int fog_framed_send_json(struct fog_framed *s, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		return -EINVAL;
	size_t len = strlen(text);
	int rc = len > FOG_FRAMED_JSON_MAX ? -EMSGSIZE
					   : fog_framed_send(s, FOG_FRAMED_JSON, text, (u32)len);
	free(text);
	return rc;
}

void fog_framed_finish(struct fog_framed *s)
{
	if (s->finishing || s->broken)
		return;
	s->finishing = true;
	half_close(s);
}

void fog_framed_pause(struct fog_framed *s, bool paused)
{
	s->paused = paused;
	if (paused || s->ended || s->closed)
		ev_io_stop(s->loop, &s->rx);
	else
		ev_io_start(s->loop, &s->rx);
}

void fog_framed_set_idle(struct fog_framed *s, u32 idle_ms)
{
	s->idle_ms = idle_ms;
	if (idle_ms == 0)
		ev_timer_stop(s->loop, &s->idle);
	else
		idle_restart(s);
}

u32 fog_framed_queued(const struct fog_framed *s)
{
	return s->out_used - s->out_done;
}
