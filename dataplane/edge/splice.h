/* SPDX-License-Identifier: BSD-3-Clause */
/* Joins a stream and a local socket, both ways, with back-pressure: the socket is read only while
 * the stream has space, the stream's peer gets credit only for what the socket took. Each direction
 * ends by itself (half-close); an error on one side resets the other. Frees itself. */
#ifndef FOG_EDGE_SPLICE_H
#define FOG_EDGE_SPLICE_H

#include <ev.h>

#include "dataplane/edge/conn.h"

/* Read from a socket in one turn of the loop. */
#define FOG_SPLICE_READ_MAX (128 * 1024)

/* Takes the stream and the non-blocking socket. 0, or -ENOMEM with both closed. */
int fog_splice(struct ev_loop *loop, struct fog_stream *stream, int fd);

/* Cut a socket so that its peer sees a reset, not an end. */
void fog_splice_reset_fd(int fd);

#endif
