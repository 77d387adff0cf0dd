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

#include "crypto/types.h"

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
/* Start connecting to a unix stream socket; unix sockets connect at once or fail. Returns the fd
 * (non-blocking) or -errno. */
int fog_unix_connect(const char *path);

#endif
