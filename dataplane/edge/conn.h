/* SPDX-License-Identifier: BSD-3-Clause */
/* One QUIC connection over circuit datagrams, client or server end, on ngtcp2. No sockets and no
 * clock: datagrams go out through ops->send, time comes in as CLOCK_MONOTONIC nanoseconds.
 *
 * Paths. A path is one circuit, named by a serial number that is never used twice. The client moves
 * a connection to a new circuit with fog_conn_migrate(); the server follows, as QUIC's connection
 * migration does (RFC 9000 section 9): it answers on the path of the newest packet, after a path
 * challenge, with congestion control started afresh. Connections are found by connection id, so a
 * circuit may die without its connections.
 *
 * Calls never nest: ops and stream callbacks may open, write, consume and reset streams and close
 * the connection; what follows from that happens in the next fog_conn_pump(). A connection is freed
 * only by fog_conn_free(), never by itself. One thread. */
#ifndef FOG_EDGE_CONN_H
#define FOG_EDGE_CONN_H

#include <netinet/in.h>

#include <ngtcp2/ngtcp2.h>

#include "crypto/types.h"
#include "dataplane/abi/wire.h"
#include "dataplane/edge/buf.h"
#include "dataplane/edge/tls.h"

#define FOG_CONN_DATAGRAM_MAX FOG_MSG_PAYLOAD_MAX
#define FOG_CONN_CID_SIZE     16
/* Datagrams written in one pump before others get their turn. */
#define FOG_CONN_BURST 64
/* Streams a peer may have open; it waits for more (QUIC flow control). */
#define FOG_CONN_STREAMS_MAX 128
/* Flow control: what a peer may send ahead of the reader. Starts small and grows while the reader
 * keeps up, so that a slow reader never holds the maximum. 8 MiB a round trip of 50 ms = 1.3
 * Gbit/s. */
#define FOG_CONN_STREAM_WINDOW_START (256 * 1024)
#define FOG_CONN_STREAM_WINDOW_MAX   (8 * 1024 * 1024)
#define FOG_CONN_WINDOW_START        (1024 * 1024)
#define FOG_CONN_WINDOW_MAX          (24 * 1024 * 1024)
/* Unacknowledged and unsent bytes of a stream; past it fog_stream_space() is 0. */
#define FOG_STREAM_TX_MAX (8 * 1024 * 1024)
/* Of these, not yet sent once. */
#define FOG_STREAM_UNSENT_MAX (512 * 1024)
/* Every datagram costs a whole cell, so acknowledge less often than QUIC's default of 2. */
#define FOG_CONN_ACK_EVERY 8

#define FOG_CONN_IDLE_NS        180000000000ull /* no packet for this long: connection is gone */
#define FOG_CONN_KEEPALIVE_NS   4000000000ull   /* while streams are open, or it is held */
#define FOG_CONN_HANDSHAKE_NS   10000000000ull
#define FOG_CONN_INITIAL_RTT_NS 100000000ull /* before the first sample; three hops and back */

/* Application error codes on streams and in CONNECTION_CLOSE. */
enum fog_conn_code {
	FOG_CODE_NONE = 0,
	FOG_CODE_PROTOCOL = 1,  /* malformed header line */
	FOG_CODE_CANCELLED = 2, /* the local user went away */
	FOG_CODE_BROKEN = 3,    /* the target's connection broke */
	FOG_CODE_RESOURCE = 4,  /* a limit was reached */
	FOG_CODE_SHUTDOWN = 5,  /* the process stops */
};

struct fog_conn;
struct fog_stream;

struct fog_conn_ops {
	/* Datagrams that may be sent now; 0 holds everything back until fog_conn_mark(). */
	unsigned (*room)(struct fog_conn *c);
	void (*send)(struct fog_conn *c, u64 path, const u8 *data, size_t size);
	/* Handshake done, peer proved its key (client), streams may be opened. */
	void (*ready)(struct fog_conn *c);
	/* The end, once; all streams got their reset first. `why` is for people. */
	void (*closed)(struct fog_conn *c, const char *why);
	/* Server: the peer opened a stream; take it with fog_stream_bind() or it is reset. */
	void (*accepted)(struct fog_conn *c, struct fog_stream *s);
	/* The peer allows more streams. */
	void (*streams_left)(struct fog_conn *c);
	/* Server: connection ids of this connection come and go. -ENOSPC refuses. */
	int (*cid_add)(struct fog_conn *c, const ngtcp2_cid *cid);
	void (*cid_remove)(struct fog_conn *c, const ngtcp2_cid *cid);
	/* The connection wants a pump soon. */
	void (*dirty)(struct fog_conn *c);
};

struct fog_stream_ops {
	void (*readable)(struct fog_stream *s); /* more in s->rx, or fin reached */
	void (*writable)(
		struct fog_stream *s); /* space after there was none; or all acknowledged */
	/* The peer reset or stopped it, or the connection ended. No callback follows; the stream is
	 * gone when this returns. */
	void (*aborted)(struct fog_stream *s, u64 code);
};

struct fog_stream {
	struct fog_conn *conn;
	i64 id;
	const struct fog_stream_ops *ops; /* NULL = nobody listens any more */
	void *user;
	struct fog_buf rx; /* in order, not yet consumed */
	struct fog_buf tx; /* from the first unacknowledged byte */
	u64 bytes_rx, bytes_tx;
	bool fin_received; /* rx ends the stream */
	bool fin_queued;   /* tx ends the stream */
	bool fin_sent;
	bool gone;                      /* closed in QUIC; only the rest of rx is left */
	bool sending;                   /* on conn->sending */
	bool starved;                   /* fog_stream_space() was 0: writable is owed */
	bool told;                      /* on conn->news */
	struct fog_stream *next, *prev; /* conn->streams */
	struct fog_stream *send_next;   /* conn->sending, round robin */
	struct fog_stream *news_next;   /* conn->news: readable is owed */
};

enum fog_conn_state {
	FOG_CONN_HANDSHAKE = 1,
	FOG_CONN_READY = 2,
	FOG_CONN_CLOSED = 3, /* only fog_conn_free() is left */
};

struct fog_conn {
	u8 state;
	bool server;
	bool failed;    /* ending; the next pump finishes it */
	bool marked;    /* dirty was called since the last pump */
	bool held;      /* by its owner: kept alive without streams, too */
	bool keepalive; /* on, because streams are open or it is held */
	bool lingering; /* a CONNECTION_CLOSE is to be written */
	const struct fog_conn_ops *ops;
	void *user;
	ngtcp2_conn *quic;
	struct fog_tls_session tls;
	u64 path;        /* serial; client: the circuit in use; server: of the newest packet */
	u64 now;         /* of the call in progress */
	u64 received_ns; /* last packet that was accepted */
	u64 bytes_rx, bytes_tx;
	u32 streams_count;
	struct fog_budget *budget;
	struct fog_stream *streams;
	struct fog_stream *sending, *sending_last;
	struct fog_stream *news, *news_last;
	bool tell_ready, tell_streams;
	ngtcp2_connection_close_error error;
	u8 reset_key[32];
	char why[128];
};

/* Client end on circuit `path`; pin: the terminus' key. 0 or -errno. */
int fog_conn_client(struct fog_conn **out, const struct fog_conn_ops *ops, void *user,
		    const struct fog_tls *tls, const u8 pin[FOG_TLS_KEY_SIZE],
		    struct fog_budget *budget, u64 path, u64 now);
/* Server end from a first packet that ngtcp2_accept() took; feed the packet afterwards.
 * reset_key: for stateless reset tokens. */
int fog_conn_server(struct fog_conn **out, const struct fog_conn_ops *ops, void *user,
		    const struct fog_tls *tls, const ngtcp2_pkt_hd *initial, const u8 reset_key[32],
		    struct fog_budget *budget, u64 path, u64 now);
/* Reset callbacks are not called. */
void fog_conn_free(struct fog_conn *c);

/* A datagram arrived on circuit `path`. Bad ones are dropped inside, fatal ones close. */
void fog_conn_receive(struct fog_conn *c, u64 path, const u8 *data, size_t size, u64 now);
/* Write what is due, fire timers that are due. */
void fog_conn_pump(struct fog_conn *c, u64 now);
/* When fog_conn_pump() is due by itself; UINT64_MAX when never. */
u64 fog_conn_deadline(const struct fog_conn *c);
void fog_conn_mark(struct fog_conn *c);

/* Client: go on over another circuit. */
void fog_conn_migrate(struct fog_conn *c, u64 path, u64 now);
/* Probe timeouts in a row without an answer: how dead the path looks. */
unsigned fog_conn_unanswered(const struct fog_conn *c);

/* Orderly end: the peer is told with the next pump; closed is called in it. */
void fog_conn_close(struct fog_conn *c, u64 code, const char *why);

/* Open a bidirectional stream. -EAGAIN: the peer's limit (streams_left follows); -ENOTCONN;
 * -ENOMEM. */
int fog_stream_open(struct fog_conn *c, struct fog_stream **out, const struct fog_stream_ops *ops,
		    void *user);
void fog_stream_bind(struct fog_stream *s, const struct fog_stream_ops *ops, void *user);

/* Bytes that may be written now: 0 is back-pressure, `writable` follows. */
size_t fog_stream_space(struct fog_stream *s);
/* All or nothing, even past fog_stream_space(). -EPIPE after finish, -ENOBUFS, -ENOMEM. */
int fog_stream_write(struct fog_stream *s, const void *data, size_t size);
/* Zero-copy form: room in s->tx (fog_buf_reserve()), then the bytes put there. */
void fog_stream_wrote(struct fog_stream *s, size_t size);
void fog_stream_finish(struct fog_stream *s);

/* Take bytes off s->rx and let the peer send as many more. */
void fog_stream_consume(struct fog_stream *s, size_t size);
/* All received, and the end too. */
bool fog_stream_ended(const struct fog_stream *s);

/* Let go: no callbacks any more. What was finished is still delivered; a direction that has not
 * ended is reset. */
void fog_stream_release(struct fog_stream *s, u64 code);

#endif
