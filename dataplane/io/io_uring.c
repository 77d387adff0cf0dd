/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP over io_uring. Receive: one multishot recvmsg with a ring of provided buffers, large enough
 * for what UDP_GRO joins; a buffer is lent out as several frames and goes back when all are
 * released. Send: frames of a burst to one neighbour become one sendmsg with UDP_SEGMENT. One
 * system call a turn submits the sends of the last turn and collects what has come.
 *
 * By option a kernel thread polls for submissions (no system call, one more core), and sends go
 * without a copy out of registered memory: a buffer is free when the kernel says so. */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dataplane/io/io_udp.h"

#define RX_BUFFERS     256 /* power of two; all lent: the socket's own buffer holds the rest */
#define NAME_SIZE      32  /* room for sockaddr_in6, keeps the payload aligned */
#define CONTROL_SIZE   64
#define RX_OVERHEAD    (sizeof(struct io_uring_recvmsg_out) + NAME_SIZE + CONTROL_SIZE)
#define RX_SIZE        (RX_OVERHEAD + 65536)
#define TX_BUFFERS     512 /* in flight; more: tx_reserve() gives less, TX_FULL */
#define SQ_ENTRIES     1024
#define GROUP_ID       1
#define SQPOLL_IDLE_MS 2 /* then the kernel thread sleeps until it is woken */

enum tag { TAG_RX = 1, TAG_WAKE = 2, TAG_TX = 3 }; /* low byte of user_data; TX: slot above */

struct tx_send {
	struct msghdr msg;
	struct iovec iov[FOG_UDP_SEGMENTS_MAX];
	u16 buffer[FOG_UDP_SEGMENTS_MAX];
	u32 count;
	bool zero_copy;
	bool again; /* once more, with a copy */
	struct sockaddr_in6 to;
	_Alignas(8) u8 control[FOG_UDP_CONTROL_SIZE];
};

/* A received buffer that waits for its turn. */
struct rx_done {
	u16 buffer;
	int length;
};

/* What is left of a received buffer. */
struct rx_cursor {
	u8 *payload;
	u32 left;
	u32 segment;
	u16 buffer;
	struct fog_address peer;
};

struct fog_io {
	struct io_uring ring;
	bool ring_ready;
	bool enabled; /* by the thread that uses it */
	int fd;
	int family;
	bool gso;
	bool sqpoll;
	bool zero_copy;
	u64 refused; /* datagrams the kernel would not send */
	bool rx_armed;
	bool wake_armed;
	struct msghdr rx_msg; /* template of the multishot receive */
	struct io_uring_buf_ring *buf_ring;
	u8 *rx_memory;
	u32 rx_users[RX_BUFFERS]; /* frames lent, plus one while the cursor is on it */
	struct rx_done rx_queue[RX_BUFFERS];
	u32 rx_head, rx_tail; /* of rx_queue, counting on */
	struct rx_cursor cursor;
	u8 *tx_memory;
	u16 tx_free[TX_BUFFERS];
	u32 tx_free_count;
	struct tx_send *sends; /* TX_BUFFERS: at worst one each */
	u16 send_free[TX_BUFFERS];
	u32 send_free_count;
};

#define BUF_RING_SIZE (RX_BUFFERS * sizeof(struct io_uring_buf))

static u8 *rx_buffer(const struct fog_io *io, u32 i)
{
	return io->rx_memory + (size_t)i * RX_SIZE;
}

static void give_buffer(struct fog_io *io, u32 i)
{
	io_uring_buf_ring_add(io->buf_ring, rx_buffer(io, i), RX_SIZE, (u16)i,
			      io_uring_buf_ring_mask(RX_BUFFERS), 0);
	io_uring_buf_ring_advance(io->buf_ring, 1);
}

static struct io_uring_sqe *get_sqe(struct fog_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	if (sqe == NULL) {
		io_uring_submit(&io->ring);
		sqe = io_uring_get_sqe(&io->ring);
	}
	return sqe;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void uring_close(struct fog_io *io)
{
	if (io->ring_ready)
		io_uring_queue_exit(&io->ring);
	if (io->fd >= 0)
		close(io->fd);
	if (io->buf_ring != NULL)
		munmap(io->buf_ring, BUF_RING_SIZE);
	if (io->rx_memory != NULL)
		munmap(io->rx_memory, (size_t)RX_BUFFERS * RX_SIZE);
	if (io->tx_memory != NULL)
		munmap(io->tx_memory, (size_t)TX_BUFFERS * FOG_DGRAM_SIZE);
	free(io->sends);
	free(io);
}

static int setup_ring(struct fog_io *io)
{
	/* Disabled: the thread that enables it is the one that may use it. */
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * SQ_ENTRIES,
	};

	if (io->sqpoll) {
		p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SQPOLL |
			  IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
		p.sq_thread_idle = SQPOLL_IDLE_MS;
	}
	int rc = io_uring_queue_init_params(SQ_ENTRIES, &io->ring, &p);
	if (rc == -EINVAL && !io->sqpoll) { /* before Linux 6.1 */
		memset(&p, 0, sizeof(p));
		p.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
		p.cq_entries = 4 * SQ_ENTRIES;
		rc = io_uring_queue_init_params(SQ_ENTRIES, &io->ring, &p);
	}
	if (rc < 0)
		return rc;
	io->ring_ready = true;
	struct io_uring_buf_reg reg = {
		.ring_addr = (u64)(uintptr_t)io->buf_ring,
		.ring_entries = RX_BUFFERS,
		.bgid = GROUP_ID,
	};
	return io_uring_register_buf_ring(&io->ring, &reg, 0);
}

/* Registered once: the kernel need not pin the pages at every send. */
static int register_memory(struct fog_io *io)
{
	const struct iovec all = {io->tx_memory, (size_t)TX_BUFFERS * FOG_DGRAM_SIZE};

	return io_uring_register_buffers(&io->ring, &all, 1);
}

static int uring_open(struct fog_io **out, const struct fog_io_open *o)
{
	struct fog_io_settings none = {0}, *s = o->arg != NULL ? o->arg : &none;
	int rc = -ENOMEM;

	*out = NULL;
	struct fog_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	io->fd = -1;
	io->sqpoll = s->sqpoll;
	io->zero_copy = s->zero_copy;
	io->buf_ring = map(BUF_RING_SIZE);
	io->rx_memory = map((size_t)RX_BUFFERS * RX_SIZE);
	io->tx_memory = map((size_t)TX_BUFFERS * FOG_DGRAM_SIZE);
	io->sends = calloc(TX_BUFFERS, sizeof(io->sends[0]));
	if (io->buf_ring == NULL || io->rx_memory == NULL || io->tx_memory == NULL ||
	    io->sends == NULL)
		goto err;
	rc = setup_ring(io);
	if (rc == 0 && io->zero_copy)
		rc = register_memory(io);
	if (rc < 0) {
		snprintf(s->why, sizeof(s->why), "io_uring%s%s: %s",
			 io->sqpoll ? " with a polling kernel thread" : "",
			 io->zero_copy ? " with registered memory (RLIMIT_MEMLOCK)" : "",
			 strerror(-rc));
		goto err;
	}
	io_uring_buf_ring_init(io->buf_ring);
	for (u32 i = 0; i < RX_BUFFERS; i++)
		give_buffer(io, i);
	rc = fog_udp_open(o, &io->fd, &io->family);
	if (rc < 0)
		goto err;
	(void)fog_udp_enable_gro(io->fd);
	io->gso = fog_udp_has_gso(io->fd);
	io->rx_msg.msg_namelen = NAME_SIZE;
	io->rx_msg.msg_controllen = CONTROL_SIZE;
	for (u32 i = 0; i < TX_BUFFERS; i++) {
		io->tx_free[io->tx_free_count++] = (u16)i;
		io->send_free[io->send_free_count++] = (u16)i;
	}
	*out = io;
	return 0;
err:
	uring_close(io);
	return rc;
}

/* ---- receive ------------------------------------------------------------------------------ */

static void arm_rx(struct fog_io *io)
{
	struct io_uring_sqe *sqe = get_sqe(io);

	if (sqe == NULL)
		return; /* the next turn will */
	io_uring_prep_recvmsg_multishot(sqe, io->fd, &io->rx_msg, MSG_TRUNC);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP_ID;
	io_uring_sqe_set_data64(sqe, TAG_RX);
	io->rx_armed = true;
}

static void drop_user(struct fog_io *io, u32 buffer)
{
	FOG_ASSERT(io->rx_users[buffer] > 0);
	if (--io->rx_users[buffer] == 0)
		give_buffer(io, buffer);
}

static void start_cursor(struct fog_io *io, const struct rx_done *d)
{
	u32 buffer = d->buffer;
	struct io_uring_recvmsg_out *m =
		io_uring_recvmsg_validate(rx_buffer(io, buffer), d->length, &io->rx_msg);
	struct rx_cursor *c = &io->cursor;

	io->rx_users[buffer] = 1;
	if (m == NULL) {
		drop_user(io, buffer);
		return;
	}
	struct msghdr control = {
		.msg_control = (u8 *)io_uring_recvmsg_name(m) + NAME_SIZE,
		.msg_controllen = FOG_MIN(m->controllen, CONTROL_SIZE),
	};
	fog_udp_from_sockaddr(io_uring_recvmsg_name(m), FOG_MIN(m->namelen, NAME_SIZE), &c->peer);
	c->payload = io_uring_recvmsg_payload(m, &io->rx_msg);
	c->left = io_uring_recvmsg_payload_length(m, d->length, &io->rx_msg);
	c->segment = fog_udp_segment(&control, c->left);
	c->buffer = (u16)buffer;
	if (c->left == 0) {
		/* An empty datagram is one too: it is counted as of a wrong length. */
		c->left = 1;
		c->segment = 1;
	}
}

static void next_frame(struct fog_io *io, struct fog_frame *f)
{
	struct rx_cursor *c = &io->cursor;
	u32 length = FOG_MIN(c->left, c->segment);

	*f = (struct fog_frame){.data = c->payload,
				.handle = c->buffer,
				.length = FOG_MIN(length, (u32)FOG_FRAME_MAX),
				.peer = c->peer};
	io->rx_users[c->buffer]++;
	c->payload += length;
	c->left -= length;
	if (c->left == 0)
		drop_user(io, c->buffer);
}

static void finish_send(struct fog_io *io, u32 i)
{
	struct tx_send *s = &io->sends[i];

	for (u32 k = 0; k < s->count; k++)
		io->tx_free[io->tx_free_count++] = s->buffer[k];
	io->send_free[io->send_free_count++] = (u16)i;
}

static void send_start(struct fog_io *io, u32 i)
{
	struct tx_send *s = &io->sends[i];
	/* Not before it is known that this goes out: a place taken is a place submitted. */
	struct io_uring_sqe *sqe = s->msg.msg_namelen != 0 ? get_sqe(io) : NULL;

	s->msg.msg_name = &s->to;
	s->msg.msg_iov = s->iov;
	s->msg.msg_iovlen = s->count;
	s->msg.msg_control = s->count > 1 ? s->control : NULL;
	s->msg.msg_controllen = s->count > 1 ? fog_udp_write_segment(s->control) : 0;
	if (sqe == NULL) {
		io->refused += s->count; /* no room, or an address this socket cannot reach */
		finish_send(io, i);
		return;
	}
	s->zero_copy = io->zero_copy && !s->again;
	s->again = false;
	if (s->zero_copy) {
		io_uring_prep_sendmsg_zc(sqe, io->fd, &s->msg, 0);
		sqe->ioprio |= IORING_RECVSEND_FIXED_BUF;
	} else {
		io_uring_prep_sendmsg(sqe, io->fd, &s->msg, 0);
	}
	io_uring_sqe_set_data64(sqe, (u64)i << 8 | TAG_TX);
}

/* The kernel's word on a send. */
static void note_result(struct fog_io *io, u32 i, int result)
{
	struct tx_send *s = &io->sends[i];

	if (result >= 0)
		return;
	if (s->zero_copy) {
		/* No room for one more notification, or not on this kernel or device: copy. */
		if (result == -EOPNOTSUPP || result == -EINVAL)
			io->zero_copy = false;
		s->again = true;
		return;
	}
	io->refused += s->count;
	/* A device that cannot segment, or a path that is too narrow: one by one from now on. The
	 * burst is lost, as a network may lose it. */
	if (s->count > 1 &&
	    (result == -EIO || result == -EINVAL || result == -EMSGSIZE || result == -EOPNOTSUPP))
		io->gso = false;
}

static void take_sent(struct fog_io *io, u32 i, const struct io_uring_cqe *cqe)
{
	/* Without a copy two come: the result, and that the memory is free. */
	if (!(cqe->flags & IORING_CQE_F_NOTIF))
		note_result(io, i, cqe->res);
	if (cqe->flags & IORING_CQE_F_MORE)
		return;
	if (io->sends[i].again)
		send_start(io, i);
	else
		finish_send(io, i);
}

/* Take all completions: finished sends must not wait behind what was received, or a backlog there
 * would leave no buffers to send with. */
static void take_completions(struct fog_io *io)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	io_uring_for_each_cqe(&io->ring, head, cqe)
	{
		u64 data = io_uring_cqe_get_data64(cqe);
		seen++;
		switch (data & 0xff) {
		case TAG_TX:
			take_sent(io, (u32)(data >> 8), cqe);
			break;
		case TAG_WAKE:
			io->wake_armed = false;
			break;
		default:
			if (!(cqe->flags & IORING_CQE_F_MORE))
				io->rx_armed = false;
			/* At most as many as there are buffers. */
			if (cqe->res >= 0 && (cqe->flags & IORING_CQE_F_BUFFER))
				io->rx_queue[io->rx_head++ % RX_BUFFERS] = (struct rx_done){
					.buffer = (u16)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
					.length = cqe->res};
			break;
		}
	}
	io_uring_cq_advance(&io->ring, seen);
}

/* A received buffer under the cursor. False: none is left. */
static bool next_buffer(struct fog_io *io)
{
	if (io->rx_head == io->rx_tail)
		take_completions(io);
	while (io->cursor.left == 0 && io->rx_tail != io->rx_head)
		start_cursor(io, &io->rx_queue[io->rx_tail++ % RX_BUFFERS]);
	return io->cursor.left > 0;
}

static void enable(struct fog_io *io)
{
	/* liburing 2.3 declares io_uring_enable_rings() but does not export it. */
	long rc = syscall(__NR_io_uring_register, io->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS,
			  NULL, 0);
	FOG_ASSERT(rc == 0);
	io->enabled = true;
}

static unsigned uring_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	unsigned n = 0;
	bool entered = false;

	(void)now_ns;
	if (!io->enabled)
		enable(io);
	while (n < max) {
		if (io->cursor.left > 0 || next_buffer(io)) {
			next_frame(io, &frames[n++]);
			continue;
		}
		if (!io->rx_armed)
			arm_rx(io);
		if (entered)
			break;
		/* Send what waits, run what the kernel deferred, look once more. */
		if (io->sqpoll)
			(void)io_uring_submit(&io->ring);
		else
			(void)io_uring_submit_and_get_events(&io->ring);
		entered = true;
	}
	/* A full batch found without the kernel: the sends of the last turn still have to go. */
	if (!entered && io_uring_sq_ready(&io->ring) > 0)
		(void)io_uring_submit(&io->ring);
	return n;
}

static void uring_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		drop_user(io, frames[i].handle);
}

/* ---- send --------------------------------------------------------------------------------- */

static unsigned uring_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	if (io->tx_free_count < want)
		take_completions(io);
	unsigned n = FOG_MIN(want, io->tx_free_count);

	for (unsigned i = 0; i < n; i++) {
		u32 b = io->tx_free[--io->tx_free_count];
		frames[i] = (struct fog_frame){.data = io->tx_memory + (size_t)b * FOG_DGRAM_SIZE,
					       .handle = b};
	}
	return n;
}

static u32 send_new(struct fog_io *io, const struct fog_address *to)
{
	FOG_ASSERT(io->send_free_count > 0); /* as many as buffers */
	u32 i = io->send_free[--io->send_free_count];
	struct tx_send *s = &io->sends[i];

	s->count = 0;
	s->again = false;
	s->msg = (struct msghdr){.msg_namelen = fog_udp_to_sockaddr(to, io->family, &s->to)};
	return i;
}

#define OPEN_MAX 16 /* neighbours one burst is sorted by; more start anew */

static void uring_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			    unsigned count)
{
	struct {
		struct fog_address to;
		u32 send;
	} open[OPEN_MAX];
	unsigned open_count = 0, k;

	(void)now_ns;
	for (unsigned i = 0; i < count; i++) {
		const struct fog_frame *f = &frames[i];
		if (f->length == 0) {
			io->tx_free[io->tx_free_count++] = (u16)f->handle;
			continue;
		}
		for (k = 0; k < open_count && !fog_address_equal(&open[k].to, &f->peer); k++)
			;
		const u32 limit = io->gso ? FOG_UDP_SEGMENTS_MAX : 1;
		if (k < open_count && io->sends[open[k].send].count >= limit) {
			send_start(io, open[k].send);
			open[k].send = send_new(io, &f->peer);
		} else if (k == open_count) {
			if (open_count == OPEN_MAX) {
				k = i % OPEN_MAX;
				send_start(io, open[k].send);
			} else {
				open_count++;
			}
			open[k].to = f->peer;
			open[k].send = send_new(io, &f->peer);
		}
		struct tx_send *s = &io->sends[open[k].send];
		s->buffer[s->count] = (u16)f->handle;
		s->iov[s->count++] = (struct iovec){.iov_base = f->data, .iov_len = f->length};
	}
	for (k = 0; k < open_count; k++)
		send_start(io, open[k].send);
}

/* ---- idle --------------------------------------------------------------------------------- */

static int uring_wait(struct fog_io *io, u64 timeout_ns, int wake_fd)
{
	struct __kernel_timespec ts = {
		.tv_sec = (i64)(timeout_ns / 1000000000ull),
		.tv_nsec = (i64)(timeout_ns % 1000000000ull),
	};
	struct io_uring_cqe *cqe;

	if (!io->enabled)
		enable(io);
	if (io->cursor.left > 0 || io->rx_head != io->rx_tail)
		return 0;
	if (!io->rx_armed)
		arm_rx(io);
	if (!io->wake_armed) {
		struct io_uring_sqe *sqe = get_sqe(io);
		if (sqe == NULL)
			return -EBUSY;
		io_uring_prep_poll_add(sqe, wake_fd, POLLIN);
		io_uring_sqe_set_data64(sqe, TAG_WAKE);
		io->wake_armed = true;
	}
	int rc = io_uring_submit_and_wait_timeout(&io->ring, &cqe, 1, &ts, NULL);
	return rc < 0 && rc != -ETIME && rc != -EINTR ? rc : 0;
}

static void uring_drops(struct fog_io *io, u64 *drops)
{
	drops[FOG_DROP_RX_FULL] = fog_udp_missed(io->fd);
	drops[FOG_DROP_TX_DEVICE] = io->refused;
}

static const char *uring_detail(const struct fog_io *io)
{
	return io->sqpoll ? "sqpoll" : io->zero_copy ? "zc" : "";
}

const struct fog_io_ops fog_io_uring = {
	.name = "io_uring",
	.open = uring_open,
	.rx = uring_rx,
	.release = uring_release,
	.tx_reserve = uring_tx_reserve,
	.tx_submit = uring_tx_submit,
	.wait = uring_wait,
	.drops = uring_drops,
	.detail = uring_detail,
	.close = uring_close,
};
