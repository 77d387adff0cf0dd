/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/splice.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct splice {
	struct ev_loop *loop;
	struct fog_stream *stream;
	int fd;
	struct ev_io read_io;
	struct ev_io write_io;
	bool in_done;  /* the socket's end was read and told to the stream */
	bool out_done; /* the stream's end was told to the socket */
};

void fog_splice_reset_fd(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void splice_free(struct splice *p)
{
	ev_io_stop(p->loop, &p->read_io);
	ev_io_stop(p->loop, &p->write_io);
	free(p);
}

static void break_socket(struct splice *p)
{
	fog_splice_reset_fd(p->fd);
	splice_free(p);
}

static void break_both(struct splice *p)
{
	fog_stream_release(p->stream, FOG_CODE_BROKEN);
	break_socket(p);
}

/* True when both directions ended: the splice is gone. */
static bool finished(struct splice *p)
{
	if (!p->in_done || !p->out_done)
		return false;
	fog_stream_release(p->stream, FOG_CODE_NONE);
	close(p->fd);
	splice_free(p);
	return true;
}

/* Stream to socket. */
static void drain(struct splice *p)
{
	const u8 *data;
	size_t size;

	while ((size = fog_buf_peek(&p->stream->rx, &data)) != 0) {
		ssize_t n = send(p->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			ev_io_start(p->loop, &p->write_io);
			return;
		}
		if (n < 0) {
			break_both(p);
			return;
		}
		fog_stream_consume(p->stream, (size_t)n);
	}
	ev_io_stop(p->loop, &p->write_io);
	if (fog_stream_ended(p->stream) && !p->out_done) {
		p->out_done = true;
		shutdown(p->fd, SHUT_WR);
		finished(p);
	}
}

/* Socket to stream. */
static void fill(struct splice *p)
{
	for (size_t total = 0; total < FOG_SPLICE_READ_MAX;) {
		size_t space = fog_stream_space(p->stream);
		size_t room;
		u8 *to;

		if (space == 0) { /* `writable` comes */
			ev_io_stop(p->loop, &p->read_io);
			return;
		}
		if (fog_buf_reserve(&p->stream->tx, &to, &room) != 0) {
			break_both(p); /* the process' budget is used up */
			return;
		}
		ssize_t n = recv(p->fd, to, FOG_MIN(space, room), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			break_both(p);
			return;
		}
		if (n == 0) {
			ev_io_stop(p->loop, &p->read_io);
			p->in_done = true;
			fog_stream_finish(p->stream);
			finished(p);
			return;
		}
		fog_stream_wrote(p->stream, (size_t)n);
		total += (size_t)n;
	}
}

static void on_read(struct ev_loop *loop, struct ev_io *w, int events)
{
	fill(w->data);
}

static void on_write(struct ev_loop *loop, struct ev_io *w, int events)
{
	drain(w->data);
}

static void stream_readable(struct fog_stream *s)
{
	struct splice *p = s->user;

	if (!ev_is_active(&p->write_io))
		drain(p);
}

static void stream_writable(struct fog_stream *s)
{
	struct splice *p = s->user;

	if (!p->in_done)
		ev_io_start(p->loop, &p->read_io);
}

static void stream_aborted(struct fog_stream *s, u64 code)
{
	break_socket(s->user);
}

static const struct fog_stream_ops ops = {stream_readable, stream_writable, stream_aborted};

int fog_splice(struct ev_loop *loop, struct fog_stream *stream, int fd)
{
	struct splice *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		fog_stream_release(stream, FOG_CODE_RESOURCE);
		fog_splice_reset_fd(fd);
		return -ENOMEM;
	}
	p->loop = loop;
	p->stream = stream;
	p->fd = fd;
	ev_io_init(&p->read_io, on_read, fd, EV_READ);
	ev_io_init(&p->write_io, on_write, fd, EV_WRITE);
	p->read_io.data = p;
	p->write_io.data = p;
	fog_stream_bind(stream, &ops, p);
	ev_io_start(loop, &p->read_io);
	drain(p); /* bytes may wait already */
	return 0;
}
