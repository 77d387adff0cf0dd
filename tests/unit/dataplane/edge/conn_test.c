/* SPDX-License-Identifier: BSD-3-Clause */
/* Client and server ends of QUIC connections over an in-memory network with virtual time: delay,
 * loss, reordering, circuits that die. */
#include <errno.h>

#include "crypto/random/random.h"
#include "dataplane/edge/conn.h"
#include "tests/unit/fog_test.h"

#define NET_PACKETS 20000
#define MS          1000000ull
#define SECOND      1000000000ull

struct packet {
	u64 due;
	u64 path;
	bool to_server;
	u16 size;
	u8 data[FOG_CONN_DATAGRAM_MAX];
};

struct end {
	struct fog_conn *conn;
	bool ready, closed;
	char why[128];
	unsigned accepted, cids, streams_left;
	bool refuse_streams;
};

/* One stream's bulk transfer: a known byte sequence. */
struct transfer {
	struct fog_stream *stream;
	u64 total, sent, received;
	u64 seed;
	bool finished, aborted, slow;
	u64 abort_code;
	u64 errors;
};

static struct {
	u64 now;
	struct fog_rng rng;
	struct packet *packet[NET_PACKETS];
	unsigned count;
	u64 delay, jitter;
	u32 loss_permille;
	u64 dead_path; /* nothing passes here, either way */
	unsigned room;
	u64 lost, delivered, overflow;
	struct end client, server;
	struct fog_tls tls[2];
	struct fog_budget budget;
	u8 seed[2][32];
	struct transfer up, down;
} net;

static u8 pattern(u64 seed, u64 offset)
{
	u64 x = (offset / 8 + seed) * 0x9e3779b97f4a7c15ull;

	return (u8)((x ^ x >> 29) >> (offset % 8 * 8));
}

/* ---- network ------------------------------------------------------------------------------ */

static unsigned net_room(struct fog_conn *c)
{
	return net.room;
}

static void net_send(struct fog_conn *c, u64 path, const u8 *data, size_t size)
{
	struct packet *p;

	CU_ASSERT_FATAL(size <= FOG_CONN_DATAGRAM_MAX);
	if (path == net.dead_path || fog_rng_below(&net.rng, 1000) < net.loss_permille) {
		net.lost++;
		return;
	}
	if (net.count == NET_PACKETS) {
		net.overflow++;
		return;
	}
	p = malloc(sizeof(*p));
	p->due = net.now + net.delay + (net.jitter != 0 ? fog_rng_below(&net.rng, net.jitter) : 0);
	p->path = path;
	p->to_server = !c->server;
	p->size = (u16)size;
	memcpy(p->data, data, size);
	net.packet[net.count++] = p;
}

static void end_ready(struct fog_conn *c)
{
	((struct end *)c->user)->ready = true;
}

static void end_closed(struct fog_conn *c, const char *why)
{
	struct end *e = c->user;

	CU_ASSERT_FALSE(e->closed);
	e->closed = true;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

static void end_streams_left(struct fog_conn *c)
{
	((struct end *)c->user)->streams_left++;
}

static int end_cid_add(struct fog_conn *c, const ngtcp2_cid *cid)
{
	((struct end *)c->user)->cids++;
	return 0;
}

static void end_cid_remove(struct fog_conn *c, const ngtcp2_cid *cid)
{
	((struct end *)c->user)->cids--;
}

static void end_dirty(struct fog_conn *c)
{
}

/* ---- transfers ---------------------------------------------------------------------------- */

static void feed(struct transfer *t)
{
	while (t->sent < t->total) {
		size_t n = FOG_MIN(fog_stream_space(t->stream), (size_t)(t->total - t->sent));
		u8 data[4096];

		n = FOG_MIN(n, sizeof(data));
		if (n == 0)
			return;
		for (size_t i = 0; i < n; i++)
			data[i] = pattern(t->seed, t->sent + i);
		CU_ASSERT_EQUAL_FATAL(fog_stream_write(t->stream, data, n), 0);
		t->sent += n;
	}
	fog_stream_finish(t->stream);
}

static void take(struct transfer *t, size_t max)
{
	const u8 *data;
	size_t n;

	while (max != 0 && (n = fog_buf_peek(&t->stream->rx, &data)) != 0) {
		n = FOG_MIN(n, max);
		for (size_t i = 0; i < n; i++)
			t->errors += data[i] != pattern(t->seed, t->received + i);
		t->received += n;
		max -= n;
		fog_stream_consume(t->stream, n);
	}
	if (fog_stream_ended(t->stream))
		t->finished = true;
}

static void up_writable(struct fog_stream *s)
{
	feed(s->user);
}

static void stream_nothing(struct fog_stream *s)
{
}

static void down_readable(struct fog_stream *s)
{
	struct transfer *t = s->user;

	if (!t->slow)
		take(t, SIZE_MAX);
}

static void stream_aborted(struct fog_stream *s, u64 code)
{
	struct transfer *t = s->user;

	t->aborted = true;
	t->abort_code = code;
	t->stream = NULL;
}

static const struct fog_stream_ops sender_ops = {stream_nothing, up_writable, stream_aborted};
static const struct fog_stream_ops receiver_ops = {down_readable, stream_nothing, stream_aborted};

/* The server takes the first stream as receiver of what the client sends. */
static void end_accepted(struct fog_conn *c, struct fog_stream *s)
{
	struct end *e = c->user;

	if (e->refuse_streams)
		return;
	if (e->accepted++ == 0) {
		net.down.stream = s;
		fog_stream_bind(s, &receiver_ops, &net.down);
	}
}

static const struct fog_conn_ops ops = {
	.room = net_room,
	.send = net_send,
	.ready = end_ready,
	.closed = end_closed,
	.accepted = end_accepted,
	.streams_left = end_streams_left,
	.cid_add = end_cid_add,
	.cid_remove = end_cid_remove,
	.dirty = end_dirty,
};

/* ---- the run ------------------------------------------------------------------------------ */

static void server_packet(const struct packet *p)
{
	static const u8 reset_key[32] = {7};
	ngtcp2_pkt_hd hd;

	if (net.server.conn == NULL) {
		if (ngtcp2_accept(&hd, p->data, p->size) != 0)
			return;
		CU_ASSERT_EQUAL_FATAL(fog_conn_server(&net.server.conn, &ops, &net.server,
						      &net.tls[0], &hd, reset_key, &net.budget,
						      p->path, net.now),
				      0);
	}
	fog_conn_receive(net.server.conn, p->path, p->data, p->size, net.now);
}

/* Deliver what is due, then let both ends work, then step to the next event. */
static void step(void)
{
	u64 next = net.now + 100 * MS;

	for (unsigned i = 0; i < net.count;) {
		struct packet *p = net.packet[i];

		if (p->due > net.now) {
			i++;
			continue;
		}
		net.packet[i] = net.packet[--net.count];
		if (p->path != net.dead_path) {
			net.delivered++;
			if (p->to_server)
				server_packet(p);
			else if (p->path == net.client.conn->path)
				fog_conn_receive(net.client.conn, p->path, p->data, p->size,
						 net.now);
		}
		free(p);
	}
	for (unsigned k = 0; k < 2; k++) {
		struct fog_conn *c = k == 0 ? net.client.conn : net.server.conn;

		for (unsigned n = 0; c != NULL && n < 50; n++) {
			if (!c->marked && fog_conn_deadline(c) > net.now)
				break;
			fog_conn_pump(c, net.now);
		}
		if (c != NULL)
			next = FOG_MIN(next, FOG_MAX(fog_conn_deadline(c), net.now + 10000));
	}
	for (unsigned i = 0; i < net.count; i++)
		next = FOG_MIN(next, net.packet[i]->due);
	net.now = FOG_MAX(next, net.now + 10000);
}

static u64 seed(void)
{
	static u64 value;

	if (value == 0) {
		const char *text = getenv("FOG_SEED");

		fog_random_bytes(&value, sizeof(value));
		value = text != NULL ? strtoull(text, NULL, 0) : value >> 32 | 1;
		printf("seed %llu ", (unsigned long long)value);
	}
	return value;
}

static void net_open(bool wrong_pin)
{
	memset(&net, 0, sizeof(net));
	net.now = SECOND;
	net.room = UINT32_MAX;
	net.delay = 25 * MS;
	net.budget.size_max = 256 << 20;
	fog_rng_init_u64(&net.rng, seed());
	fog_rng_bytes(&net.rng, net.seed, sizeof(net.seed));
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(fog_tls_init(&net.tls[i], net.seed[i]), 0);
	CU_ASSERT_EQUAL_FATAL(fog_conn_client(&net.client.conn, &ops, &net.client, &net.tls[1],
					      net.tls[wrong_pin].public_key, &net.budget, 1,
					      net.now),
			      0);
}

static void net_close(void)
{
	for (unsigned i = 0; i < net.count; i++)
		free(net.packet[i]);
	if (net.client.conn != NULL)
		fog_conn_free(net.client.conn);
	if (net.server.conn != NULL)
		fog_conn_free(net.server.conn);
	fog_tls_free(&net.tls[0]);
	fog_tls_free(&net.tls[1]);
	CU_ASSERT_EQUAL(net.budget.size, 0);
}

static void run_until(const bool *flag, u64 limit)
{
	u64 end = net.now + limit;

	while (!*flag && net.now < end)
		step();
}

static void run_for(u64 time)
{
	bool never = false;

	run_until(&never, time);
}

static void upload_start(u64 total)
{
	run_until(&net.client.ready, 20 * SECOND);
	CU_ASSERT_TRUE_FATAL(net.client.ready);
	net.up.total = net.down.total = total;
	net.up.seed = net.down.seed = seed();
	CU_ASSERT_EQUAL_FATAL(
		fog_stream_open(net.client.conn, &net.up.stream, &sender_ops, &net.up), 0);
	feed(&net.up);
}

static void upload_check(void)
{
	CU_ASSERT_TRUE(net.down.finished);
	CU_ASSERT_EQUAL(net.down.received, net.down.total);
	CU_ASSERT_EQUAL(net.down.errors, 0);
	CU_ASSERT_FALSE(net.down.aborted);
	CU_ASSERT_FALSE(net.client.closed);
	CU_ASSERT_FALSE(net.server.closed);
}

static void test_life_cycle(void)
{
	net_open(false);
	upload_start(100000);
	run_until(&net.down.finished, 10 * SECOND);
	upload_check();
	CU_ASSERT_EQUAL(memcmp(net.client.conn->tls.pin, net.tls[0].public_key, 32), 0);
	/* half-close: the other direction still works */
	u8 text[] = "answer";
	CU_ASSERT_EQUAL(fog_stream_write(net.down.stream, text, sizeof(text)), 0);
	fog_stream_finish(net.down.stream);
	CU_ASSERT_EQUAL(fog_stream_write(net.down.stream, text, 1), -EPIPE);
	run_for(SECOND);
	const u8 *data;
	CU_ASSERT_EQUAL_FATAL(fog_buf_peek(&net.up.stream->rx, &data), sizeof(text));
	CU_ASSERT_EQUAL(memcmp(data, text, sizeof(text)), 0);
	CU_ASSERT_FALSE(fog_stream_ended(net.up.stream));
	fog_stream_consume(net.up.stream, sizeof(text));
	CU_ASSERT_TRUE(fog_stream_ended(net.up.stream));
	fog_stream_release(net.up.stream, 0);
	fog_stream_release(net.down.stream, 0);
	run_for(SECOND);
	CU_ASSERT_EQUAL(net.client.conn->streams_count, 0);
	CU_ASSERT_EQUAL(net.server.conn->streams_count, 0);
	fog_conn_close(net.client.conn, FOG_CODE_NONE, "done");
	run_for(SECOND);
	CU_ASSERT_TRUE(net.client.closed);
	CU_ASSERT_STRING_EQUAL(net.client.why, "done");
	CU_ASSERT_TRUE(net.server.closed);
	CU_ASSERT_STRING_EQUAL(net.server.why, "closed by the peer");
	net_close();
}

static void test_bad_arguments(void)
{
	struct fog_stream *s;
	u8 junk[FOG_CONN_DATAGRAM_MAX] = {0};

	net_open(false);
	CU_ASSERT_EQUAL(fog_stream_open(net.client.conn, &s, &sender_ops, &net.up), -ENOTCONN);
	run_until(&net.client.ready, 10 * SECOND);
	CU_ASSERT_TRUE_FATAL(net.client.ready);
	/* Packets that are none: every length, random content. */
	for (unsigned i = 1; i < sizeof(junk); i += 7) {
		fog_rng_bytes(&net.rng, junk, i);
		fog_conn_receive(net.client.conn, 1, junk, i, net.now);
		fog_conn_receive(net.server.conn, 1, junk, i, net.now);
	}
	CU_ASSERT_EQUAL(fog_stream_open(net.client.conn, &s, &sender_ops, &net.up), 0);
	for (unsigned i = 1; i < FOG_CONN_STREAMS_MAX; i++)
		CU_ASSERT_EQUAL(fog_stream_open(net.client.conn, &s, &sender_ops, &net.up), 0);
	CU_ASSERT_EQUAL(fog_stream_open(net.client.conn, &s, &sender_ops, &net.up), -EAGAIN);
	run_for(SECOND);
	CU_ASSERT_FALSE(net.client.closed);
	fog_conn_close(net.client.conn, 0, "first");
	fog_conn_close(net.client.conn, 0, "second");
	CU_ASSERT_EQUAL(fog_stream_open(net.client.conn, &s, &sender_ops, &net.up), -ENOTCONN);
	run_for(SECOND);
	CU_ASSERT_STRING_EQUAL(net.client.why, "first");
	net_close();
}

static void test_pin_refused(void)
{
	net_open(true);
	run_until(&net.client.closed, 20 * SECOND);
	CU_ASSERT_TRUE(net.client.closed);
	CU_ASSERT_FALSE(net.client.ready);
	CU_ASSERT_STRING_EQUAL(net.client.why, "peer's key is not the pinned one");
	run_for(SECOND);
	CU_ASSERT_TRUE(net.server.closed);
	CU_ASSERT_FALSE(net.server.ready);
	net_close();
}

static void test_lossy(void)
{
	net_open(false);
	net.loss_permille = 20;
	net.jitter = 10 * MS;
	upload_start(5000000);
	run_until(&net.down.finished, 300 * SECOND);
	upload_check();
	CU_ASSERT(net.lost > 20);
	net_close();
}

/* 50 ms there and back must not throttle: windows and buffers grow with the bandwidth. */
static void test_long_pipe(void)
{
	net_open(false);
	upload_start(40000000);
	u64 start = net.now;
	run_until(&net.down.finished, 60 * SECOND);
	upload_check();
	printf("%.0f MB/s at 50 ms; ", 40e9 / (double)(net.now - start));
	CU_ASSERT(net.now - start < 4 * SECOND);
	net_close();
}

/* The circuit dies in the middle; two more die after it; one dies silently first. */
static void test_circuit_switch(void)
{
	net_open(false);
	net.loss_permille = 5;
	net.jitter = 3 * MS;
	upload_start(12000000); /* far more than is under way at the last death */
	for (u64 path = 1; path <= 3; path++) {
		u64 goal = path * 1200000;

		while (net.down.received < goal && net.now < 600 * SECOND)
			step();
		CU_ASSERT_EQUAL(net.server.conn->path, path);
		net.dead_path = path;
		run_for(2 * SECOND); /* the outage */
		CU_ASSERT(fog_conn_unanswered(net.client.conn) >= 2);
		fog_conn_migrate(net.client.conn, path + 1, net.now);
		u64 before = net.down.received, limit = net.now + 2 * SECOND;
		while (net.down.received == before && net.now < limit)
			step(); /* the first packets may be lost, too */
		CU_ASSERT(net.down.received > before);
		CU_ASSERT_EQUAL(net.server.conn->path, path + 1);
	}
	run_until(&net.down.finished, 300 * SECOND);
	upload_check();
	net_close();
}

/* The client only receives when its circuit dies: the server must find the new one by itself. */
static void test_switch_download(void)
{
	static struct transfer t;

	net_open(false);
	memset(&t, 0, sizeof(t));
	net.server.refuse_streams = false;
	run_until(&net.client.ready, 10 * SECOND);
	t.total = 5000000;
	t.seed = 5;
	struct transfer in = {.total = t.total, .seed = 5};
	CU_ASSERT_EQUAL_FATAL(fog_stream_open(net.client.conn, &in.stream, &receiver_ops, &in), 0);
	fog_stream_write(in.stream, "x", 1);
	fog_stream_finish(in.stream);
	while (net.down.stream == NULL)
		step();
	t.stream = net.down.stream;
	fog_stream_bind(t.stream, &sender_ops, &t);
	feed(&t);
	while (in.received < 2000000 && net.now < 100 * SECOND)
		step();
	CU_ASSERT(in.received >= 2000000);
	net.dead_path = 1;
	run_for(3 * SECOND);
	u64 before = in.received;
	fog_conn_migrate(net.client.conn, 2, net.now);
	run_for(400 * MS);
	CU_ASSERT(in.received > before);
	run_until(&in.finished, 100 * SECOND);
	CU_ASSERT_EQUAL(in.received, in.total);
	CU_ASSERT_EQUAL(in.errors, 0);
	CU_ASSERT_EQUAL(net.server.conn->path, 2);
	net_close();
}

/* A reader that does not read stops the sender; buffers stay within the window. */
static void test_back_pressure(void)
{
	net_open(false);
	net.down.slow = true;
	upload_start(50000000);
	run_for(20 * SECOND);
	CU_ASSERT_EQUAL(fog_stream_space(net.up.stream), 0);
	CU_ASSERT(net.up.sent < FOG_CONN_STREAM_WINDOW_START + FOG_STREAM_UNSENT_MAX + 100000);
	CU_ASSERT(net.down.stream->rx.size <= FOG_CONN_STREAM_WINDOW_START);
	u64 before = net.up.sent;
	for (unsigned i = 0; i < 100; i++) {
		take(&net.down, 10000);
		run_for(20 * MS);
	}
	CU_ASSERT(net.up.sent > before + 500000);
	net.down.slow = false;
	take(&net.down, SIZE_MAX);
	run_until(&net.down.finished, 60 * SECOND);
	upload_check();
	net_close();
}

/* The way out is full: nothing is lost, everything waits. */
static void test_held_back(void)
{
	net_open(false);
	upload_start(300000);
	net.room = 0;
	run_for(100 * MS);
	u64 delivered = net.delivered;
	run_for(SECOND);
	CU_ASSERT_EQUAL(net.delivered, delivered);
	CU_ASSERT_FALSE(net.down.finished);
	net.room = 3;
	fog_conn_mark(net.client.conn);
	fog_conn_mark(net.server.conn);
	while (!net.down.finished && net.now < 60 * SECOND) {
		fog_conn_mark(net.client.conn);
		fog_conn_mark(net.server.conn);
		step();
	}
	upload_check();
	CU_ASSERT_EQUAL(net.lost, 0);
	net_close();
}

static void test_resets(void)
{
	/* by the receiver */
	net_open(false);
	upload_start(10000000);
	while (net.down.received < 100000)
		step();
	fog_stream_release(net.down.stream, FOG_CODE_BROKEN);
	run_for(SECOND);
	CU_ASSERT_TRUE(net.up.aborted);
	CU_ASSERT_EQUAL(net.up.abort_code, FOG_CODE_BROKEN);
	CU_ASSERT_EQUAL(net.client.conn->streams_count, 0);
	net_close();
	/* by the sender */
	net_open(false);
	upload_start(10000000);
	while (net.down.received < 100000)
		step();
	fog_stream_release(net.up.stream, FOG_CODE_CANCELLED);
	run_for(SECOND);
	CU_ASSERT_TRUE(net.down.aborted);
	CU_ASSERT_EQUAL(net.down.abort_code, FOG_CODE_CANCELLED);
	CU_ASSERT_EQUAL(net.server.conn->streams_count, 0);
	net_close();
	/* nobody takes it */
	net_open(false);
	net.server.refuse_streams = true;
	upload_start(1000);
	run_for(SECOND);
	CU_ASSERT_TRUE(net.up.aborted);
	CU_ASSERT_EQUAL(net.up.abort_code, FOG_CODE_RESOURCE);
	net_close();
}

/* A budget that is too small aborts streams, not the process. */
static void test_budget(void)
{
	net_open(false);
	net.down.slow = true;
	net.budget.size_max = 40 * sizeof(struct fog_buf_chunk);
	upload_start(10000000);
	run_for(10 * SECOND);
	CU_ASSERT(net.budget.size <= net.budget.size_max);
	CU_ASSERT_FALSE(net.client.closed);
	if (net.down.stream != NULL) {
		net.down.slow = false;
		take(&net.down, SIZE_MAX);
		run_for(SECOND);
		CU_ASSERT(net.down.received > 10000);
	} else {
		CU_ASSERT_EQUAL(net.down.abort_code, FOG_CODE_RESOURCE);
	}
	net_close();
}

static void test_idle(void)
{
	net_open(false);
	upload_start(1000);
	run_until(&net.down.finished, 10 * SECOND);
	/* a stream is open: kept alive */
	run_for(FOG_CONN_IDLE_NS + 20 * SECOND);
	CU_ASSERT_FALSE(net.client.closed);
	CU_ASSERT_FALSE(net.server.closed);
	fog_stream_release(net.up.stream, 0);
	fog_stream_release(net.down.stream, 0);
	run_for(FOG_CONN_IDLE_NS + 20 * SECOND);
	CU_ASSERT_TRUE(net.client.closed);
	CU_ASSERT_STRING_EQUAL(net.client.why, "idle");
	CU_ASSERT_TRUE(net.server.closed);
	net_close();
}

static void test_silent_server(void)
{
	net_open(false);
	net.dead_path = 1;
	run_until(&net.client.closed, 60 * SECOND);
	CU_ASSERT_TRUE(net.client.closed);
	CU_ASSERT_STRING_EQUAL(net.client.why, "handshake timeout");
	net_close();
}

FOG_TEST_MAIN("dataplane/edge/conn", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_pin_refused), FOG_TEST(test_lossy), FOG_TEST(test_long_pipe),
	      FOG_TEST(test_circuit_switch), FOG_TEST(test_switch_download),
	      FOG_TEST(test_back_pressure), FOG_TEST(test_held_back), FOG_TEST(test_resets),
	      FOG_TEST(test_budget), FOG_TEST(test_idle), FOG_TEST(test_silent_server))
