/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/directory/channel.h"
#include "crypto/mem.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_loop.h"
#include "tests/unit/fog_test.h"

static struct ev_loop *loop;
static struct fog_identity client_id, server_id;

struct side {
	struct fog_channel *ch;
	u32 ready, messages, drained, ends;
	u64 bytes;
	u32 last_len;
	int error;
	u8 remote[32];
	bool close_in_message, close_in_ready;
};

static void on_ready(void *ctx, struct fog_channel *ch, const u8 remote_pk[32])
{
	struct side *s = ctx;

	s->ready++;
	memcpy(s->remote, remote_pk, 32);
	if (s->close_in_ready) {
		fog_channel_close(ch);
		s->ch = NULL;
	}
}

static void on_message(void *ctx, struct fog_channel *ch, const u8 *data, u32 len)
{
	struct side *s = ctx;

	s->messages++;
	s->bytes += len;
	s->last_len = len;
	if (s->close_in_message) {
		fog_channel_close(ch);
		s->ch = NULL;
	}
}

static void on_drained(void *ctx, struct fog_channel *ch)
{
	((struct side *)ctx)->drained++;
}

static void on_end(void *ctx, struct fog_channel *ch, int error)
{
	struct side *s = ctx;

	s->ends++;
	s->error = error;
}

static const struct fog_channel_events events = {on_ready, on_message, on_drained, on_end};

/* A TCP listener on a free port of the loopback. */
static int listener(struct fog_address *at)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	CU_ASSERT_EQUAL(fog_address_parse("127.0.0.1:1", at), 0);
	at->port = ntohs(sa.sin_port);
	return fd;
}

static void start(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	test_identity(&client_id, 1);
	test_identity(&server_id, 2);
}

/* Connect a to b through TCP; `server` only where it is wanted. */
static void pair(struct side *a, struct side *b, const u8 expected_pk[32])
{
	struct fog_address at;
	int fd = listener(&at);

	CU_ASSERT_EQUAL_FATAL(
		fog_channel_connect(&a->ch, loop, &at, expected_pk, &client_id, &events, a), 0);
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CU_ASSERT_FATAL(conn >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_channel_accept(&b->ch, loop, conn, &server_id, &events, b), 0);
	close(fd);
}

static void stop(struct side *a, struct side *b)
{
	fog_channel_close(a->ch);
	fog_channel_close(b->ch);
	ev_loop_destroy(loop);
}

static void test_life_cycle(void)
{
	static u8 big[FOG_CHANNEL_MESSAGE_MAX + 1];
	struct side a = {0}, b = {0};

	start();
	pair(&a, &b, server_id.control_pk);
	CU_ASSERT_EQUAL(fog_channel_send(a.ch, "x", 1), -EPIPE);
	RUN_UNTIL(a.ready == 1 && b.ready == 1);
	CU_ASSERT_EQUAL(memcmp(a.remote, server_id.control_pk, 32), 0);
	CU_ASSERT_EQUAL(memcmp(b.remote, client_id.control_pk, 32), 0);
	CU_ASSERT_EQUAL(fog_channel_send(a.ch, "hello", 5), 0);
	RUN_UNTIL(b.messages == 1);
	CU_ASSERT_EQUAL(b.last_len, 5);
	for (u32 len = 1; len <= FOG_CHANNEL_MESSAGE_MAX; len = len * 7 + 1)
		CU_ASSERT_EQUAL(fog_channel_send(b.ch, big, len), 0);
	CU_ASSERT_EQUAL(fog_channel_send(b.ch, big, FOG_CHANNEL_MESSAGE_MAX), 0);
	CU_ASSERT_EQUAL(fog_channel_send(b.ch, big, FOG_CHANNEL_MESSAGE_MAX + 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(fog_channel_send(b.ch, big, 0), -EMSGSIZE);
	RUN_UNTIL(a.last_len == FOG_CHANNEL_MESSAGE_MAX);
	CU_ASSERT(b.drained >= 1);
	fog_channel_close(b.ch);
	b.ch = NULL;
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(a.error, 0);
	CU_ASSERT_EQUAL(fog_channel_send(a.ch, "x", 1), -EPIPE);
	stop(&a, &b);
	fog_channel_close(NULL);
}

/* The connecting side must get whom it asked for. */
static void test_wrong_key(void)
{
	struct side a = {0}, b = {0};

	start();
	pair(&a, &b, client_id.control_pk);
	RUN_UNTIL(b.ends == 1);
	CU_ASSERT_EQUAL(b.error, -EBADMSG);
	CU_ASSERT_EQUAL(b.ready, 0);
	fog_channel_close(b.ch);
	b.ch = NULL;
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(a.ready, 0);
	stop(&a, &b);
}

static void test_refused_and_unreachable(void)
{
	struct side a = {0}, b = {0};
	struct fog_address at;

	start();
	close(listener(&at));
	CU_ASSERT_EQUAL(fog_channel_connect(&a.ch, loop, &at, server_id.control_pk, &client_id,
					    &events, &a),
			0);
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(a.error, -ECONNREFUSED);
	stop(&a, &b);
}

/* The accepting side against raw bytes. */
static void test_bad_frames(void)
{
	static const struct {
		u8 bytes[160];
		u32 len;
		bool hang_up;
		int error;
	} cases[] = {
		{{0, 0}, 2, false, -EPROTO},         /* 0: empty frame */
		{{1, 0, 7}, 3, false, -EMSGSIZE},    /* 1: too short for message 1 */
		{{96, 0}, 98, false, -EBADMSG},      /* 2: message 1 of zeros */
		{{95, 0}, 97, false, -EMSGSIZE},     /* 3 */
		{{0xff, 0xff, 1}, 3, true, -EPROTO}, /* 4: cut */
		{{5}, 1, true, -EPROTO},             /* 5: cut in the length */
		{{0}, 0, true, 0},                   /* 6: nothing */
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct side b = {0}, none = {0};
		struct fog_address at;
		start();
		int fd = listener(&at), raw = socket(AF_INET, SOCK_STREAM, 0);
		struct sockaddr_in sa = {.sin_family = AF_INET,
					 .sin_port = htons(at.port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		CU_ASSERT_EQUAL(connect(raw, (struct sockaddr *)&sa, sizeof(sa)), 0);
		int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		CU_ASSERT_EQUAL(fog_channel_accept(&b.ch, loop, conn, &server_id, &events, &b), 0);
		if (cases[i].len != 0)
			CU_ASSERT_EQUAL(send(raw, cases[i].bytes, cases[i].len, 0), cases[i].len);
		if (cases[i].hang_up)
			shutdown(raw, SHUT_WR);
		RUN_UNTIL(b.ends == 1);
		if (b.error != cases[i].error)
			printf("case %u: %d\n", i, b.error);
		CU_ASSERT_EQUAL(b.error, cases[i].error);
		CU_ASSERT_EQUAL(b.messages, 0);
		close(raw);
		close(fd);
		stop(&none, &b);
	}
}

/* A proxy between two channels that changes one byte of the n-th frame client -> server. */
static void relay(int from, int to, u32 alter_frame, u32 alter_byte)
{
	static u8 buf[2 + 65535];
	u32 used = 0, frame = 0;

	for (;;) {
		ssize_t n = recv(from, buf + used, sizeof(buf) - used, MSG_DONTWAIT);
		if (n <= 0)
			return;
		used += (u32)n;
		while (used >= 2 && used >= 2u + fog_load_u16(buf)) {
			u32 len = 2u + fog_load_u16(buf);
			if (frame++ == alter_frame)
				buf[2 + alter_byte % (len - 2)] ^= 0x40;
			(void)!send(to, buf, len, MSG_NOSIGNAL);
			memmove(buf, buf + len, used - len);
			used -= len;
		}
	}
}

static void test_altered_on_the_way(void)
{
	for (u32 byte = 0; byte < 60; byte += 7) {
		struct side a = {0}, b = {0};
		struct fog_address at;
		int fds[2];
		start();
		int fd = listener(&at);
		CU_ASSERT_EQUAL(fog_channel_connect(&a.ch, loop, &at, server_id.control_pk,
						    &client_id, &events, &a),
				0);
		int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		CU_ASSERT_EQUAL(fog_channel_accept(&b.ch, loop, fds[0], &server_id, &events, &b),
				0);
		for (int i = 0; i < 200 && a.ready == 0; i++) {
			ev_run(loop, EVRUN_NOWAIT);
			relay(conn, fds[1], 99, 0);
			relay(fds[1], conn, 99, 0);
			usleep(200);
		}
		CU_ASSERT_EQUAL_FATAL(a.ready, 1);
		static u8 message[64];
		CU_ASSERT_EQUAL(fog_channel_send(a.ch, message, sizeof(message)), 0);
		for (int i = 0; i < 200 && b.ends == 0; i++) {
			ev_run(loop, EVRUN_NOWAIT);
			relay(conn, fds[1], 0, byte);
			usleep(200);
		}
		CU_ASSERT_EQUAL(b.ends, 1);
		CU_ASSERT_EQUAL(b.error, -EBADMSG);
		CU_ASSERT_EQUAL(b.messages, 0);
		close(conn);
		close(fds[1]);
		close(fd);
		stop(&a, &b);
	}
}

static void test_full_queue_and_close_inside(void)
{
	static u8 big[60000];
	struct side a = {0}, b = {0};
	int rc;
	u64 sent = 0;

	start();
	pair(&a, &b, server_id.control_pk);
	RUN_UNTIL(a.ready == 1 && b.ready == 1);
	while ((rc = fog_channel_send(a.ch, big, sizeof(big))) == 0)
		sent += sizeof(big);
	CU_ASSERT_EQUAL(rc, -EAGAIN);
	CU_ASSERT(sent > FOG_CHANNEL_QUEUE_MAX / 2);
	RUN_UNTIL(b.bytes == sent);
	CU_ASSERT_EQUAL(fog_channel_queued(a.ch), 0);
	b.close_in_message = true;
	CU_ASSERT_EQUAL(fog_channel_send(a.ch, "1", 1), 0);
	CU_ASSERT_EQUAL(fog_channel_send(a.ch, "2", 1), 0);
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(b.ends, 0);
	CU_ASSERT_PTR_NULL(b.ch);
	stop(&a, &b);

	a = b = (struct side){0};
	start();
	pair(&a, &b, server_id.control_pk);
	b.close_in_ready = true;
	RUN_UNTIL(a.ends == 1);
	stop(&a, &b);
}

/* Somebody who connects and says nothing is let go. */
static void test_silence(void)
{
	struct side b = {0}, none = {0};
	struct fog_address at;

	start();
	int fd = listener(&at), fds[2];
	CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	CU_ASSERT_EQUAL(fog_channel_accept(&b.ch, loop, fds[0], &server_id, &events, &b), 0);
	RUN_UNTIL(b.ends == 1);
	CU_ASSERT_EQUAL(b.error, -ETIMEDOUT);
	close(fds[1]);
	close(fd);
	stop(&none, &b);
}

FOG_TEST_MAIN("controlplane/directory/channel", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_frames), FOG_TEST(test_wrong_key),
	      FOG_TEST(test_refused_and_unreachable), FOG_TEST(test_altered_on_the_way),
	      FOG_TEST(test_full_queue_and_close_inside), FOG_TEST(test_silence))
