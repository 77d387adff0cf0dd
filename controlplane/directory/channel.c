/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "crypto/noise/noise.h"
#include "crypto/random/random.h"

#define HEADER_SIZE 2
#define FRAME_MAX   65535
#define READ_BUDGET (256 * 1024) /* bytes taken in one callback */

enum state {
	CHANNEL_CONNECTING = 1, /* initiator: TCP */
	CHANNEL_WAIT_1,         /* responder: message 1 */
	CHANNEL_WAIT_2,         /* initiator: message 2 */
	CHANNEL_OPEN,
	CHANNEL_ENDED,
};

struct fog_channel {
	struct ev_loop *loop;
	struct ev_io rx, tx;
	struct ev_timer timer;
	struct fog_channel_events events;
	void *ctx;
	const struct fog_identity *id;
	int fd;
	enum state state;
	u32 depth;
	bool closed;

	u8 remote_pk[32];
	struct fog_noise noise;
	struct fog_noise_result keys;
	u64 tx_counter, rx_counter;

	u32 in_used;
	u32 out_used, out_done, out_cap;
	u8 *out;
	u8 in[HEADER_SIZE + FRAME_MAX];
};

static void channel_free(struct fog_channel *ch)
{
	fog_noise_wipe(&ch->noise);
	fog_noise_result_wipe(&ch->keys);
	close(ch->fd);
	free(ch->out);
	free(ch);
}

static void watchers_stop(struct fog_channel *ch)
{
	ev_io_stop(ch->loop, &ch->rx);
	ev_io_stop(ch->loop, &ch->tx);
	ev_timer_stop(ch->loop, &ch->timer);
}

static void leave(struct fog_channel *ch)
{
	if (--ch->depth == 0 && ch->closed)
		channel_free(ch);
}

static void channel_end(struct fog_channel *ch, int error)
{
	if (ch->closed || ch->state == CHANNEL_ENDED)
		return;
	watchers_stop(ch);
	ch->state = CHANNEL_ENDED;
	ch->events.end(ch->ctx, ch, error);
}

static bool alive(const struct fog_channel *ch)
{
	return !ch->closed && ch->state != CHANNEL_ENDED;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_channel *ch = w->data;

	ch->depth++;
	channel_end(ch, -ETIMEDOUT);
	leave(ch);
}

static void touch(struct fog_channel *ch)
{
	/* The handshake's deadline does not move. */
	if (ch->state != CHANNEL_OPEN)
		return;
	ch->timer.repeat = FOG_CHANNEL_IDLE_MS / 1000.0;
	ev_timer_again(ch->loop, &ch->timer);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Room for one frame of `len` bytes at the end of the queue; its header is written. NULL: no
 * memory. */
static u8 *frame_begin(struct fog_channel *ch, u32 len)
{
	u32 need = HEADER_SIZE + len;

	if (ch->out_done != 0) {
		memmove(ch->out, ch->out + ch->out_done, ch->out_used - ch->out_done);
		ch->out_used -= ch->out_done;
		ch->out_done = 0;
	}
	if (ch->out_used + need > ch->out_cap) {
		u32 cap = FOG_MAX(2 * ch->out_cap, ch->out_used + need);
		u8 *p = realloc(ch->out, cap);
		if (p == NULL)
			return NULL;
		ch->out = p;
		ch->out_cap = cap;
	}
	fog_store_u16(ch->out + ch->out_used, (u16)len);
	return ch->out + ch->out_used + HEADER_SIZE;
}

static void frame_commit(struct fog_channel *ch, u32 len)
{
	ch->out_used += HEADER_SIZE + len;
	ev_io_start(ch->loop, &ch->tx);
}

static int flush(struct fog_channel *ch)
{
	while (ch->out_done < ch->out_used) {
		ssize_t n = send(ch->fd, ch->out + ch->out_done, ch->out_used - ch->out_done,
				 MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return -errno;
		ch->out_done += (u32)n;
		touch(ch);
	}
	ch->out_done = ch->out_used = 0;
	ev_io_stop(ch->loop, &ch->tx);
	return 0;
}

int fog_channel_send(struct fog_channel *ch, const void *data, u32 len)
{
	if (ch->closed || ch->state != CHANNEL_OPEN)
		return -EPIPE;
	if (len == 0 || len > FOG_CHANNEL_MESSAGE_MAX)
		return -EMSGSIZE;
	if (fog_channel_queued(ch) + len > FOG_CHANNEL_QUEUE_MAX)
		return -EAGAIN;
	u8 *p = frame_begin(ch, len + FOG_NOISE_TAG_SIZE);
	if (p == NULL)
		return -ENOMEM;
	int rc = fog_noise_seal(ch->keys.send, ch->tx_counter, NULL, 0, data, len, p);
	if (rc != 0)
		return rc;
	ch->tx_counter++;
	frame_commit(ch, len + FOG_NOISE_TAG_SIZE);
	return 0;
}

u32 fog_channel_queued(const struct fog_channel *ch)
{
	return ch->out_used - ch->out_done;
}

/* ---- handshake ------------------------------------------------------------------------------ */

static int message1_send(struct fog_channel *ch)
{
	u8 ephemeral[32];
	size_t len;
	u8 *p = frame_begin(ch, FOG_NOISE_MSG1_OVERHEAD);

	if (p == NULL)
		return -ENOMEM;
	fog_random_bytes(ephemeral, sizeof(ephemeral));
	int rc = fog_noise_initiator_start(&ch->noise, ch->id->control_sk, ch->remote_pk, ephemeral,
					   (const u8 *)FOG_CHANNEL_PROLOGUE,
					   strlen(FOG_CHANNEL_PROLOGUE), NULL, 0, p,
					   FOG_NOISE_MSG1_OVERHEAD, &len);
	fog_wipe(ephemeral, sizeof(ephemeral));
	if (rc != 0)
		return rc;
	frame_commit(ch, (u32)len);
	ch->state = CHANNEL_WAIT_2;
	return 0;
}

static int message1_take(struct fog_channel *ch, const u8 *msg, u32 len)
{
	u8 ephemeral[32], none[1];
	size_t out_len, payload_len;
	int rc = fog_noise_responder_read(
		&ch->noise, ch->id->control_sk, (const u8 *)FOG_CHANNEL_PROLOGUE,
		strlen(FOG_CHANNEL_PROLOGUE), msg, len, ch->remote_pk, none, 0, &payload_len);

	if (rc != 0)
		return rc;
	u8 *p = frame_begin(ch, FOG_NOISE_MSG2_OVERHEAD);
	if (p == NULL)
		return -ENOMEM;
	fog_random_bytes(ephemeral, sizeof(ephemeral));
	rc = fog_noise_responder_write(&ch->noise, ephemeral, NULL, 0, p, FOG_NOISE_MSG2_OVERHEAD,
				       &out_len, &ch->keys);
	fog_wipe(ephemeral, sizeof(ephemeral));
	if (rc == 0)
		frame_commit(ch, (u32)out_len);
	return rc;
}

static int message2_take(struct fog_channel *ch, const u8 *msg, u32 len)
{
	u8 none[1];
	size_t payload_len;

	return fog_noise_initiator_finish(&ch->noise, msg, len, none, 0, &payload_len, &ch->keys);
}

static void channel_open(struct fog_channel *ch)
{
	ch->state = CHANNEL_OPEN;
	touch(ch);
	ch->events.ready(ch->ctx, ch, ch->remote_pk);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int frame_take(struct fog_channel *ch, u8 *frame, u32 len)
{
	int rc;

	switch (ch->state) {
	case CHANNEL_WAIT_1:
		rc = message1_take(ch, frame, len);
		break;
	case CHANNEL_WAIT_2:
		rc = message2_take(ch, frame, len);
		break;
	case CHANNEL_OPEN:
		if (len <= FOG_NOISE_TAG_SIZE)
			return -EPROTO;
		rc = fog_noise_open(ch->keys.recv, ch->rx_counter, NULL, 0, frame, len, frame);
		if (rc != 0)
			return rc;
		ch->rx_counter++;
		ch->events.message(ch->ctx, ch, frame, len - FOG_NOISE_TAG_SIZE);
		return 0;
	default:
		return -EPROTO;
	}
	if (rc == 0)
		channel_open(ch);
	return rc;
}

/* Deliver every whole frame of the buffer. */
static int frames_take(struct fog_channel *ch)
{
	u32 done = 0;
	int rc = 0;

	while (rc == 0 && alive(ch) && ch->in_used - done >= HEADER_SIZE) {
		u32 len = fog_load_u16(ch->in + done);
		if (len == 0)
			return -EPROTO;
		if (ch->in_used - done < HEADER_SIZE + len)
			break;
		rc = frame_take(ch, ch->in + done + HEADER_SIZE, len);
		done += HEADER_SIZE + len;
	}
	memmove(ch->in, ch->in + done, ch->in_used - done);
	ch->in_used -= done;
	return rc;
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_channel *ch = w->data;
	u32 budget = READ_BUDGET;

	ch->depth++;
	while (budget > 0 && alive(ch)) {
		/* Never 0: a full buffer holds a whole frame, and frames_take() takes those. */
		u32 room = FOG_MIN((u32)sizeof(ch->in) - ch->in_used, budget);
		ssize_t n = recv(ch->fd, ch->in + ch->in_used, room, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			int rc = n < 0 ? -errno : 0;
			channel_end(ch, rc == 0 && ch->in_used != 0 ? -EPROTO : rc);
			break;
		}
		budget -= (u32)n;
		ch->in_used += (u32)n;
		touch(ch);
		int rc = frames_take(ch);
		if (rc != 0)
			channel_end(ch, rc);
	}
	leave(ch);
}

static int connected(struct fog_channel *ch)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	if (error != 0)
		return -error;
	ev_io_start(ch->loop, &ch->rx);
	return message1_send(ch);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_channel *ch = w->data;
	int rc = 0;

	ch->depth++;
	if (ch->state == CHANNEL_CONNECTING)
		rc = connected(ch);
	if (rc == 0)
		rc = flush(ch);
	if (rc != 0)
		channel_end(ch, rc);
	else if (ch->state == CHANNEL_OPEN && ch->out_used == 0 && ch->events.drained != NULL)
		ch->events.drained(ch->ctx, ch);
	leave(ch);
}

/* ---- life ----------------------------------------------------------------------------------- */

static struct fog_channel *channel_new(struct ev_loop *loop, int fd, enum state state,
				       const struct fog_identity *id,
				       const struct fog_channel_events *events, void *ctx)
{
	struct fog_channel *ch = calloc(1, sizeof(*ch));
	int one = 1;

	if (ch == NULL)
		return NULL;
	ch->loop = loop;
	ch->fd = fd;
	ch->state = state;
	ch->id = id;
	ch->events = *events;
	ch->ctx = ctx;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ev_io_init(&ch->rx, on_readable, fd, EV_READ);
	ev_io_init(&ch->tx, on_writable, fd, EV_WRITE);
	ev_timer_init(&ch->timer, on_timer, FOG_CHANNEL_HANDSHAKE_MS / 1000.0, 0.0);
	ch->rx.data = ch->tx.data = ch->timer.data = ch;
	ev_timer_start(loop, &ch->timer);
	return ch;
}

/* IPv4 goes over an IPv4 socket, so that a host without IPv6 works. */
static int tcp_connect(const struct fog_address *to)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	char text[FOG_ADDRESS_TEXT_SIZE];
	bool is_v6 = fog_address_format(to, text)[0] == '[';
	struct sockaddr *sa = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;

	memcpy(&v6.sin6_addr, to->ip, 16);
	memcpy(&v4.sin_addr, to->ip + 12, 4);
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, sa, is_v6 ? sizeof(v6) : sizeof(v4)) != 0 && errno != EINPROGRESS) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int fog_channel_connect(struct fog_channel **out, struct ev_loop *loop,
			const struct fog_address *to, const u8 remote_pk[32],
			const struct fog_identity *id, const struct fog_channel_events *events,
			void *ctx)
{
	int fd = tcp_connect(to);

	if (fd < 0)
		return fd;
	struct fog_channel *ch = channel_new(loop, fd, CHANNEL_CONNECTING, id, events, ctx);
	if (ch == NULL) {
		close(fd);
		return -ENOMEM;
	}
	memcpy(ch->remote_pk, remote_pk, 32);
	ev_io_start(loop, &ch->tx);
	*out = ch;
	return 0;
}

int fog_channel_accept(struct fog_channel **out, struct ev_loop *loop, int fd,
		       const struct fog_identity *id, const struct fog_channel_events *events,
		       void *ctx)
{
	struct fog_channel *ch = channel_new(loop, fd, CHANNEL_WAIT_1, id, events, ctx);

	if (ch == NULL)
		return -ENOMEM;
	ev_io_start(loop, &ch->rx);
	*out = ch;
	return 0;
}

void fog_channel_close(struct fog_channel *ch)
{
	if (ch == NULL)
		return;
	FOG_ASSERT(!ch->closed);
	watchers_stop(ch);
	ch->closed = true;
	if (ch->depth == 0)
		channel_free(ch);
}
