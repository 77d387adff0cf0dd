/* SPDX-License-Identifier: BSD-3-Clause */
/* The event loop is libev, used directly: every module takes the struct ev_loop * of its owner and
 * embeds its watchers. One thread runs it and everything of the control plane; nothing in a
 * callback may block (SQLite writes are accepted). Time comes from here, so that pure code can take
 * it as a parameter. */
#ifndef FOG_CORE_LOOP_H
#define FOG_CORE_LOOP_H

/* libev's own macros want these quiet. */
#define EV_MULTIPLICITY 1
#include <ev.h>

#include <sys/socket.h>

#include "configs/address.h"

/* Unix time in milliseconds as of this loop iteration: for what is stored, signed or shown. */
static inline u64 fog_loop_now_ms(struct ev_loop *loop)
{
	return (u64)(ev_now(loop) * 1000.0);
}

/* CLOCK_MONOTONIC: for time-outs, ages and the data plane's lease. Never stored or sent. */
u64 fog_monotonic_ns(void);
static inline u64 fog_monotonic_ms(void)
{
	return fog_monotonic_ns() / 1000000;
}

/* 0 or -errno: close-on-exec and non-blocking. */
int fog_fd_prepare(int fd);

/* Listen on a unix stream socket at `path` with mode 0600, replacing a dead socket file. Returns
 * the fd (non-blocking), -EADDRINUSE when somebody answers there, or -errno. */
int fog_unix_listen(const char *path, int backlog);

/* Listen on a TCP address. The fd (non-blocking, close-on-exec) or -errno. */
int fog_tcp_listen(const struct fog_address *at, int backlog);

/* Accepting on a listening socket, one connection a call so that others get their turn. When the
 * process runs out of descriptors or memory it pauses for FOG_ACCEPT_PAUSE_MS instead of spinning.
 */
struct fog_listener {
	struct ev_loop *loop;
	struct ev_io io;
	struct ev_timer pause;
	const char *name; /* for the log */
	/* The accepted socket, non-blocking, now the callee's. address: of whom connects; of no use
	 * on unix sockets. */
	void (*accepted)(void *ctx, int fd, const struct sockaddr_storage *address);
	void *ctx;
};

#define FOG_ACCEPT_PAUSE_MS 1000

/* Takes `fd`. name must outlive the listener. */
void fog_listener_start(struct fog_listener *l, struct ev_loop *loop, int fd, const char *name,
			void (*accepted)(void *ctx, int fd, const struct sockaddr_storage *address),
			void *ctx);
/* Closes the socket. Fine when never started (zeroed). */
void fog_listener_stop(struct fog_listener *l);

/* SIGKILL to whoever listens on the unix socket at `path` (type: SOCK_STREAM or SOCK_SEQPACKET);
 * never to another process, even if it ends meanwhile. 0, or -errno: -ECONNREFUSED or -ENOENT:
 * nobody listens there. */
int fog_unix_kill(const char *path, int type);

/* Start connecting to a unix stream socket; unix sockets connect at once or fail. Returns the fd
 * (non-blocking) or -errno. */
int fog_unix_connect(const char *path);

#endif
