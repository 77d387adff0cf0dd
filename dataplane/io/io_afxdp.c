/* SPDX-License-Identifier: BSD-3-Clause */
/* AF_XDP: the frames of one queue of an interface, past the kernel's network stack, with a UDP
 * socket beside it on the same port.
 *
 *	interface --XDP program--> AF_XDP socket   datagrams of the links (ebpf/fog_xdp.bpf.c)
 *	                |
 *	                +--kernel--> UDP socket    whatever is passed: no program, no lease, ..
 *
 * So this works, slower, when nobody has attached the program, and goes on when the control plane
 * that did is gone. ARP, ND and routing stay with the kernel: a peer whose next hop it does not
 *know is sent to through the UDP socket, which makes the kernel find out; afterwards frames are
 *written here. Once a second one datagram of a path goes through the socket again, so that the
 *kernel keeps the neighbour alive and a changed route is seen.
 *
 * Privileges: CAP_NET_RAW until open returns. Steering needs none here: the control plane puts our
 * sockets into its map. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include "dataplane/io/io_udp.h"
#include "dataplane/io/path.h"
#include "dataplane/io/route.h"

#define FRAME_SIZE    2048 /* of the kernel's two choices the one that fits */
#define RING          2048 /* entries of each of the four rings */
#define RX_FRAMES     4096 /* fill and receive ring, and what is lent */
#define TX_FRAMES     2048
#define TX_PAYLOAD    64 /* offset: headers end where the payload's cache line begins */
#define TX_KICKS      8  /* calls to send what one burst put into the ring */
#define BUSY_TRIES    50
#define BUSY_PAUSE_NS 20000000
#define SOCKET_FLAG   0x80000000u /* in a handle: lent by the UDP socket */
#define SOCKET_NS     1000000ull  /* look at it at least so often under load */
#define PATH_NS       1000000000ull
#define RETRY_NS      20000000ull /* for a path the kernel does not know yet */

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* Linux 6.18; frames one call may send in copy mode */
#endif

struct fog_io {
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons done, rx;
	u8 *memory;              /* RX_FRAMES, then TX_FRAMES */
	u32 rx_spare[RX_FRAMES]; /* neither with the kernel nor lent */
	u32 rx_spare_count;
	u32 tx_free[TX_FRAMES];
	u32 tx_free_count;
	bool zero_copy;
	u32 ifindex;
	int route_fd;
	struct fog_frame_self self;
	struct fog_io *socket;
	u64 socket_next_ns;
	u32 socket_lent;
	u64 lost[FOG_DROP_COUNT];
	struct fog_paths paths;
};

#define MEMORY_SIZE ((size_t)(RX_FRAMES + TX_FRAMES) * FRAME_SIZE)

static int fail(struct fog_io_settings *s, int rc, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%.120s %.200s: %.100s", what, s->device, strerror(-rc));
	return rc;
}

static void afxdp_close(struct fog_io *io)
{
	if (io->xsk != NULL)
		xsk_socket__delete(io->xsk);
	if (io->umem != NULL)
		(void)xsk_umem__delete(io->umem);
	if (io->memory != NULL)
		munmap(io->memory, MEMORY_SIZE);
	if (io->route_fd >= 0)
		close(io->route_fd);
	if (io->socket != NULL)
		fog_io_socket.close(io->socket);
	free(io);
}

/* Give the spare receive frames to the kernel, as far as its ring has room: it takes frames out
 * some time before it says so. */
static void refill(struct fog_io *io)
{
	u32 at, n;

	if (io->rx_spare_count == 0)
		return;
	n = xsk_prod_nb_free(&io->fill, io->rx_spare_count);
	n = xsk_ring_prod__reserve(&io->fill, FOG_MIN(n, io->rx_spare_count), &at);
	for (u32 i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&io->fill, at + i) =
			(u64)io->rx_spare[--io->rx_spare_count] * FRAME_SIZE;
	xsk_ring_prod__submit(&io->fill, n);
}

static int umem_make(struct fog_io *io)
{
	const struct xsk_umem_config c = {
		.fill_size = RX_FRAMES,
		.comp_size = RING,
		.frame_size = FRAME_SIZE,
	};

	io->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (io->memory == MAP_FAILED) {
		io->memory = NULL;
		return -ENOMEM;
	}
	return xsk_umem__create(&io->umem, io->memory, MEMORY_SIZE, &io->fill, &io->done, &c);
}

/* A predecessor's queue is given back some time after it ended. */
static int xsk_try(struct fog_io *io, const char *device, u32 queue,
		   const struct xsk_socket_config *c)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
	int rc = -EBUSY;

	for (unsigned i = 0; rc == -EBUSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		rc = xsk_socket__create(&io->xsk, device, queue, io->umem, &io->rx, &io->tx, c);
	}
	return rc;
}

static int xsk_make(struct fog_io *io, const char *device, u32 queue)
{
	struct xsk_socket_config c = {
		.rx_size = RING,
		.tx_size = RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | XDP_ZEROCOPY,
	};
	const int budget = 256;

	int rc = xsk_try(io, device, queue, &c);
	io->zero_copy = rc == 0;
	if (rc != 0 && rc != -EBUSY && rc != -EPERM) {
		c.bind_flags = XDP_USE_NEED_WAKEUP | XDP_COPY;
		rc = xsk_try(io, device, queue, &c);
	}
	if (rc != 0)
		io->xsk = NULL;
	else if (!io->zero_copy) /* older kernels send 32 a call */
		(void)setsockopt(xsk_socket__fd(io->xsk), SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget,
				 sizeof(budget));
	return rc;
}

static int own_mac(const char *device, u8 mac[FOG_MAC_SIZE])
{
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", device);
	int rc = ioctl(fd, SIOCGIFHWADDR, &r) < 0 ? -errno : 0;
	close(fd);
	if (rc == 0)
		memcpy(mac, r.ifr_hwaddr.sa_data, FOG_MAC_SIZE);
	return rc;
}

static int setup(struct fog_io *io, const struct fog_io_open *o, struct fog_io_settings *s)
{
	int rc = fog_io_socket.open(&io->socket, o);
	if (rc < 0)
		return rc == -EADDRINUSE ? rc : fail(s, rc, "UDP socket beside");
	io->self.address = *o->listen;
	io->ifindex = if_nametoindex(s->device);
	if (io->ifindex == 0)
		return fail(s, -ENODEV, "dataplane.device: no interface");
	rc = own_mac(s->device, io->self.mac);
	if (rc < 0)
		return fail(s, rc, "MAC address of");
	io->route_fd = fog_route_open();
	if (io->route_fd < 0)
		return fail(s, io->route_fd, "rtnetlink beside");
	rc = umem_make(io);
	if (rc < 0)
		return fail(s, rc, "packet memory (CAP_NET_RAW, RLIMIT_MEMLOCK) for");
	rc = xsk_make(io, s->device, o->worker);
	if (rc < 0) {
		snprintf(s->why, sizeof(s->why), "AF_XDP socket on queue %u of %.64s: %s%s",
			 o->worker, s->device, strerror(-rc),
			 rc == -EINVAL ? " (has it as many queues as there are workers?)" : "");
		return rc;
	}
	while (io->rx_spare_count < RX_FRAMES) {
		io->rx_spare[io->rx_spare_count] = io->rx_spare_count;
		io->rx_spare_count++;
	}
	refill(io);
	while (io->tx_free_count < TX_FRAMES) {
		io->tx_free[io->tx_free_count] = RX_FRAMES + io->tx_free_count;
		io->tx_free_count++;
	}
	return 0;
}

static int afxdp_open(struct fog_io **out, const struct fog_io_open *o)
{
	static struct fog_io_settings none;
	struct fog_io_settings *s = o->arg != NULL ? o->arg : &none;

	*out = NULL;
	struct fog_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	io->route_fd = -1;
	int rc = setup(io, o, s);
	if (rc < 0) {
		afxdp_close(io);
		return rc;
	}
	*out = io;
	return 0;
}

/* ---- receive ----------------------------------------------------------------------------- */

static unsigned rx_xsk(struct fog_io *io, struct fog_frame *frames, unsigned max)
{
	u32 at, spare = io->rx_spare_count;
	u8 mac[FOG_MAC_SIZE];
	unsigned count = 0;

	u32 n = xsk_ring_cons__peek(&io->rx, FOG_MIN(max, (unsigned)FOG_IO_BURST_MAX), &at);
	for (u32 i = 0; i < n; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&io->rx, at + i);
		u8 *frame = xsk_umem__get_data(io->memory, d->addr);
		u32 index = (u32)(d->addr / FRAME_SIZE);
		if (fog_frame_parse(&io->self, frame, d->len, &frames[count], mac) ==
		    FOG_FRAME_DGRAM)
			frames[count++].handle = index;
		else
			io->rx_spare[io->rx_spare_count++] = index;
	}
	xsk_ring_cons__release(&io->rx, n);
	io->lost[FOG_DROP_RX_FRAME] += io->rx_spare_count - spare;
	refill(io);
	return count;
}

static unsigned afxdp_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	unsigned n = rx_xsk(io, frames, max);

	if (xsk_ring_prod__needs_wakeup(&io->fill))
		(void)recvfrom(xsk_socket__fd(io->xsk), NULL, 0, MSG_DONTWAIT, NULL, NULL);
	if (n == max || (n != 0 && now_ns < io->socket_next_ns))
		return n;
	io->socket_next_ns = now_ns + SOCKET_NS;
	unsigned more = fog_io_socket.rx(io->socket, now_ns, frames + n, max - n);
	for (unsigned i = 0; i < more; i++)
		frames[n + i].handle |= SOCKET_FLAG;
	io->socket_lent = more;
	return n + more;
}

static void afxdp_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if ((frames[i].handle & SOCKET_FLAG) == 0)
			io->rx_spare[io->rx_spare_count++] = frames[i].handle;
		else if (--io->socket_lent == 0)
			fog_io_socket.release(io->socket, &frames[i], 1);
	}
	refill(io);
}

/* ---- send -------------------------------------------------------------------------------- */

static void take_done(struct fog_io *io)
{
	u32 at;
	u32 n = xsk_ring_cons__peek(&io->done, RING, &at);

	for (u32 i = 0; i < n; i++)
		io->tx_free[io->tx_free_count++] =
			(u32)(*xsk_ring_cons__comp_addr(&io->done, at + i) / FRAME_SIZE);
	if (n > 0)
		xsk_ring_cons__release(&io->done, n);
}

static unsigned afxdp_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	take_done(io);
	unsigned n = FOG_MIN(want, io->tx_free_count);
	for (unsigned i = 0; i < n; i++) {
		u32 index = io->tx_free[--io->tx_free_count];
		frames[i] = (struct fog_frame){.data = io->memory + (size_t)index * FRAME_SIZE +
						       TX_PAYLOAD,
					       .handle = index};
	}
	return n;
}

static void send_by_socket(struct fog_io *io, u64 now_ns, const struct fog_frame *f)
{
	struct fog_frame copy;

	if (fog_io_socket.tx_reserve(io->socket, &copy, 1) == 0)
		return;
	memcpy(copy.data, f->data, f->length);
	copy.length = f->length;
	copy.peer = f->peer;
	fog_io_socket.tx_submit(io->socket, now_ns, &copy, 1);
}

/* True: the path's headers may be used for this frame. */
static bool path_ready(struct fog_io *io, u64 now_ns, struct fog_path *path)
{
	u8 mac[FOG_MAC_SIZE];

	if (now_ns < path->until_ns)
		return path->header_size != 0;
	int rc = fog_route_resolve(io->route_fd, io->ifindex, path->peer.ip, mac);
	path->header_size =
		rc == 0 ? (u8)fog_frame_header(&io->self, mac, &path->peer, path->header) : 0;
	path->until_ns = now_ns + (rc == -EAGAIN ? RETRY_NS : PATH_NS);
	return false; /* this one goes through the kernel */
}

/* Put all queued frames on the wire, as far as the device takes them now. */
static void kick(struct fog_io *io)
{
	int fd = xsk_socket__fd(io->xsk);

	for (unsigned i = 0; i < TX_KICKS && xsk_ring_prod__needs_wakeup(&io->tx); i++) {
		if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			return;
		/* EAGAIN: so many a call, more wait; the rest: later, or lost with the device. */
		if (errno != EAGAIN)
			return;
	}
}

static void afxdp_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			    unsigned count)
{
	u32 at, used = 0;

	u32 room = xsk_ring_prod__reserve(&io->tx, count, &at);
	FOG_ASSERT(room == count); /* as many places as frames */
	for (unsigned i = 0; i < count; i++) {
		const struct fog_frame *f = &frames[i];
		struct fog_path *path = NULL;
		if (f->length != 0) {
			path = fog_path_find(&io->paths, &f->peer);
			if (!path_ready(io, now_ns, path)) {
				send_by_socket(io, now_ns, f);
				path = NULL;
			}
		}
		if (path == NULL) {
			io->tx_free[io->tx_free_count++] = f->handle;
			continue;
		}
		u8 *frame = f->data - path->header_size;
		memcpy(frame, path->header, path->header_size);
		if (path->header_size == FOG_FRAME_HEADER6)
			fog_frame_udp6_checksum(frame);
		*xsk_ring_prod__tx_desc(&io->tx, at + used++) = (struct xdp_desc){
			.addr = (u64)(frame - io->memory), .len = path->header_size + f->length};
	}
	io->tx.cached_prod -= count - used; /* what was reserved for the others */
	if (used == 0)
		return;
	xsk_ring_prod__submit(&io->tx, used);
	kick(io);
}

/* ---- idle -------------------------------------------------------------------------------- */

static int afxdp_wait(struct fog_io *io, u64 timeout_ns, int wake_fd)
{
	struct pollfd p[3] = {{.fd = xsk_socket__fd(io->xsk), .events = POLLIN},
			      {.fd = fog_socket_fd(io->socket), .events = POLLIN},
			      {.fd = wake_fd, .events = POLLIN}};
	const struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / 1000000000ull),
		.tv_nsec = (long)(timeout_ns % 1000000000ull),
	};

	return ppoll(p, 3, &ts, NULL) < 0 && errno != EINTR ? -errno : 0;
}

static void afxdp_drops(struct fog_io *io, u64 *drops)
{
	struct xdp_statistics s = {0};
	socklen_t size = sizeof(s);

	fog_io_socket.drops(io->socket, drops);
	if (getsockopt(xsk_socket__fd(io->xsk), SOL_XDP, XDP_STATISTICS, &s, &size) == 0) {
		drops[FOG_DROP_RX_FULL] += s.rx_dropped + s.rx_ring_full;
		drops[FOG_DROP_TX_DEVICE] += s.tx_invalid_descs;
	}
	drops[FOG_DROP_RX_FRAME] = io->lost[FOG_DROP_RX_FRAME];
}

static int afxdp_steer_fd(const struct fog_io *io)
{
	return xsk_socket__fd(io->xsk);
}

static const char *afxdp_detail(const struct fog_io *io)
{
	return io->zero_copy ? "zerocopy" : "copy";
}

const struct fog_io_ops fog_io_afxdp = {
	.name = "af_xdp",
	.open = afxdp_open,
	.rx = afxdp_rx,
	.release = afxdp_release,
	.tx_reserve = afxdp_tx_reserve,
	.tx_submit = afxdp_tx_submit,
	.wait = afxdp_wait,
	.drops = afxdp_drops,
	.steer_fd = afxdp_steer_fd,
	.detail = afxdp_detail,
	.close = afxdp_close,
};
