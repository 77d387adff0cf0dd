/* SPDX-License-Identifier: BSD-3-Clause */
/* Between conn.c and stream.c only. */
#ifndef FOG_EDGE_CONN_INTERNAL_H
#define FOG_EDGE_CONN_INTERNAL_H

#include "dataplane/edge/conn.h"

/* The stream joins the connection. NULL: no memory. */
struct fog_stream *fog_stream_new(struct fog_conn *c, i64 id);
void fog_stream_free(struct fog_stream *s);

/* Round robin of streams with something to send. */
void fog_stream_queue(struct fog_stream *s);
void fog_stream_unqueue(struct fog_stream *s);
/* Streams whose owner must hear of new bytes or the end. */
void fog_stream_tell(struct fog_stream *s);
void fog_stream_tell_all(struct fog_conn *c);

/* What QUIC reports. */
int fog_stream_received(struct fog_stream *s, const u8 *data, size_t size, bool fin);
void fog_stream_acked(struct fog_stream *s, u64 size);
void fog_stream_closed(struct fog_stream *s, bool by_error, u64 code);
/* The owner hears the end, and the stream is cut both ways. */
void fog_stream_abort(struct fog_stream *s, u64 code);

#endif
