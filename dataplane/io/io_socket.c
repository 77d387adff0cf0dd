/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP by recvmmsg and sendmmsg: slower than io_uring, but allowed everywhere. */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/io/io_udp.h"

#define BURST FOG_IO_BURST_MAX /* frames lent at once, either way */

struct fog_io {
	int fd;
	int family;
	u64 refused; /* datagrams the kernel would not send */
	bool rx_lent;
	bool tx_lent;
	struct mmsghdr rx_msg[BURST];
	struct iovec rx_iov[BURST];
	struct sockaddr_in6 rx_name[BURST];
	u8 rx_data[BURST][FOG_FRAME_MAX];
	struct mmsghdr tx_msg[BURST];
	struct iovec tx_iov[BURST];
	struct sockaddr_in6 tx_name[BURST];
	u8 tx_data[BURST][FOG_DGRAM_SIZE];
};

static int socket_open(struct fog_io **out, const struct fog_io_open *o)
{
	*out = NULL;
	struct fog_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	int rc = fog_udp_open(o, &io->fd, &io->family);
	if (rc < 0) {
		free(io);
		return rc;
	}
	for (u32 i = 0; i < BURST; i++) {
		io->rx_iov[i] = (struct iovec){io->rx_data[i], FOG_FRAME_MAX};
		io->tx_iov[i] = (struct iovec){io->tx_data[i], FOG_DGRAM_SIZE};
	}
	*out = io;
	return 0;
}

static void socket_close(struct fog_io *io)
{
	close(io->fd);
	free(io);
}

static unsigned socket_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	(void)now_ns;
	FOG_ASSERT(!io->rx_lent);
	max = FOG_MIN(max, (unsigned)BURST);
	for (unsigned i = 0; i < max; i++)
		io->rx_msg[i].msg_hdr = (struct msghdr){
			.msg_name = &io->rx_name[i],
			.msg_namelen = sizeof(io->rx_name[i]),
			.msg_iov = &io->rx_iov[i],
			.msg_iovlen = 1,
		};
	int n = recvmmsg(io->fd, io->rx_msg, max, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0; /* nothing there, or an error of the network that concerns one datagram */
	for (int i = 0; i < n; i++) {
		frames[i] = (struct fog_frame){
			.data = io->rx_data[i], .handle = (u32)i, .length = io->rx_msg[i].msg_len};
		fog_udp_from_sockaddr(&io->rx_name[i], io->rx_msg[i].msg_hdr.msg_namelen,
				      &frames[i].peer);
	}
	io->rx_lent = true;
	return (unsigned)n;
}

static void socket_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	(void)frames;
	(void)count;
	io->rx_lent = false;
}

static unsigned socket_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	unsigned n = FOG_MIN(want, (unsigned)BURST);

	FOG_ASSERT(!io->tx_lent);
	for (unsigned i = 0; i < n; i++)
		frames[i] = (struct fog_frame){.data = io->tx_data[i], .handle = i};
	io->tx_lent = n > 0;
	return n;
}

static void socket_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			     unsigned count)
{
	unsigned n = 0;

	(void)now_ns;
	io->tx_lent = false;
	for (unsigned i = 0; i < count; i++) {
		if (frames[i].length == 0)
			continue;
		socklen_t length =
			fog_udp_to_sockaddr(&frames[i].peer, io->family, &io->tx_name[n]);
		if (length == 0) {
			io->refused++;
			continue;
		}
		io->tx_iov[n] = (struct iovec){frames[i].data, frames[i].length};
		io->tx_msg[n].msg_hdr = (struct msghdr){
			.msg_name = &io->tx_name[n],
			.msg_namelen = length,
			.msg_iov = &io->tx_iov[n],
			.msg_iovlen = 1,
		};
		n++;
	}
	for (unsigned sent = 0; sent < n;) {
		int rc = sendmmsg(io->fd, io->tx_msg + sent, n - sent, MSG_DONTWAIT);
		/* A datagram the kernel refuses is lost, as in a network; the others go on. */
		io->refused += rc <= 0;
		sent += rc > 0 ? (unsigned)rc : 1;
	}
}

static int socket_wait(struct fog_io *io, u64 timeout_ns, int wake_fd)
{
	struct pollfd p[2] = {{.fd = io->fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / 1000000000ull),
		.tv_nsec = (long)(timeout_ns % 1000000000ull),
	};

	return ppoll(p, 2, &ts, NULL) < 0 && errno != EINTR ? -errno : 0;
}

static void socket_drops(struct fog_io *io, u64 *drops)
{
	drops[FOG_DROP_RX_FULL] = fog_udp_missed(io->fd);
	drops[FOG_DROP_TX_DEVICE] = io->refused;
}

int fog_socket_fd(const struct fog_io *io)
{
	return io->fd;
}

const struct fog_io_ops fog_io_socket = {
	.name = "socket",
	.open = socket_open,
	.rx = socket_rx,
	.release = socket_release,
	.tx_reserve = socket_tx_reserve,
	.tx_submit = socket_tx_submit,
	.wait = socket_wait,
	.drops = socket_drops,
	.close = socket_close,
};
