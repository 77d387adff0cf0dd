/* SPDX-License-Identifier: BSD-3-Clause */
/* The edge of the data plane: how datagrams come in and go out. One object per worker; one thread
 * uses it. Nothing above this knows sockets, rings of the kernel, or that the network is simulated.
 *
 *	rx: frames are lent by the back end until release
 *	tx: buffers are lent by tx_reserve until tx_submit takes them back
 */
#ifndef FOG_IO_H
#define FOG_IO_H

#include "dataplane/abi/wire.h"
#include "dataplane/worker/dp.h"

struct fog_io; /* each back end defines its own */

struct fog_frame {
	u8 *data;   /* rx: length bytes, at most FOG_FRAME_MAX; tx: room for FOG_DGRAM_SIZE */
	u32 handle; /* the back end's */
	u32 length; /* rx: as received (a longer one than FOG_FRAME_MAX reads FOG_FRAME_MAX) */
	struct fog_address peer;
};

/* Room of a receive buffer: one byte more than any datagram we take, to see longer ones. */
#define FOG_FRAME_MAX (FOG_DGRAM_SIZE + 16)

#define FOG_IO_BURST_MAX  64 /* frames one call moves, either way */
#define FOG_IO_DEVICE_MAX 256
#define FOG_IO_ARGS_MAX   24 /* more: the configuration is refused */
#define FOG_IO_ARG_SIZE   160
#define FOG_IO_WHY_SIZE   512

/* What the operator may say about a back end: struct fog_dp_config.io_arg of all that are not
 * simulated; NULL = all zero. */
struct fog_io_settings {
	char device[FOG_IO_DEVICE_MAX]; /* af_xdp: interface; dpdk: port or device arguments */
	char args[FOG_IO_ARGS_MAX][FOG_IO_ARG_SIZE]; /* dpdk: arguments of the EAL */
	u32 arg_count;
	u32 prefix_bits; /* dpdk: neighbours with these first bits of our address are on the link;
			  * of the 128, 0 = all are */
	u8 gateway[16];  /* dpdk: next hop to the others; all zero = none */
	bool sqpoll;     /* io_uring: a kernel thread submits */
	bool zero_copy;  /* io_uring: send without copying, from registered memory */
	bool busy_poll;  /* dpdk: never sleep */
	char why[FOG_IO_WHY_SIZE]; /* filled by a failing open: one line for people */
};

struct fog_io_open {
	void *arg; /* struct fog_dp_config.io_arg */
	u32 worker;
	u32 workers;
	struct fog_address *listen; /* with port 0, worker 0's open fills in the one it got */
};

struct fog_io_ops {
	const char *name; /* at most 15 bytes */
	/* 0 or -errno. Called for worker 0 first. */
	int (*open)(struct fog_io **io, const struct fog_io_open *open);
	/* Up to max frames that are there now; never blocks. */
	unsigned (*rx)(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max);
	void (*release)(struct fog_io *io, const struct fog_frame *frames, unsigned count);
	/* Up to `want` buffers to fill; fewer when too many are in flight. */
	unsigned (*tx_reserve)(struct fog_io *io, struct fog_frame *frames, unsigned want);
	/* Send FOG_DGRAM_SIZE bytes of each to its peer; length 0 gives a buffer back unused. Best
	 * effort, as a network is. */
	void (*tx_submit)(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			  unsigned count);
	/* Block until a frame is there, wake_fd is readable, or the time is over. wake_fd is left
	 * readable. 0 or -errno. NULL: the back end only works polled. */
	int (*wait)(struct fog_io *io, u64 timeout_ns, int wake_fd);
	/* Store what the back end itself lost since open in its own rows of
	 * drops[FOG_DROP_COUNT]; touches no other row. NULL: it loses nothing unseen. */
	void (*drops)(struct fog_io *io, u64 *drops);
	/* A link with this neighbour begins (on) or ends at this worker: a device with rules for
	 * flows brings its datagrams here. Only a hint. NULL: the back end has no such rules. */
	void (*neighbour)(struct fog_io *io, const struct fog_address *peer, bool on);
	/* Socket that XDP may steer this worker's datagrams to, or -1. NULL: none. */
	int (*steer_fd)(const struct fog_io *io);
	/* One word or two on how it really runs, such as "copy, need-wakeup". NULL: nothing. */
	const char *(*detail)(const struct fog_io *io);
	void (*close)(struct fog_io *io);
};

extern const struct fog_io_ops fog_io_uring;  /* io_uring: multishot receive, batched sends */
extern const struct fog_io_ops fog_io_socket; /* recvmmsg, sendmmsg: where io_uring is forbidden */
extern const struct fog_io_ops fog_io_afxdp;  /* AF_XDP beside a socket */
extern const struct fog_io_ops fog_io_dpdk;   /* any ethdev of DPDK, where built in */

/* "socket", "io_uring" (also "uring"), "af_xdp", "dpdk"; "auto": io_uring if this kernel and
 * sandbox allow it, else socket. NULL: this build has no such. */
const struct fog_io_ops *fog_io_find(const char *name);

static inline bool fog_address_equal(const struct fog_address *a, const struct fog_address *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

#endif
