/* SPDX-License-Identifier: BSD-3-Clause */
/* The opening line of a local stream socket (SOCK_STREAM), read to its end exactly: the bytes
 * behind it belong to the stream. */
#ifndef FOG_EDGE_SOCK_H
#define FOG_EDGE_SOCK_H

#include "dataplane/edge/message.h"

struct fog_sock_line {
	u32 used;
	char text[FOG_HEADER_LINE_MAX + 1];
};

/* 1: whole, `used` bytes without the newline; 0: not yet; -errno: never will be (-ECONNRESET: end,
 * -EPROTO: too long). A byte a read(2): about a hundred, once a stream. */
int fog_sock_line_read(int fd, struct fog_sock_line *l);

/* A short line into a fresh socket: all or -errno. */
int fog_sock_line_write(int fd, const char *line, size_t size);

/* A listening unix socket with mode 0600 in place of a stale one; -EADDRINUSE when somebody answers
 * there. Returns the fd or -errno. */
int fog_sock_listen(const char *path);
/* A connected, non-blocking unix socket or -errno. */
int fog_sock_connect(const char *path);

#endif
