/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/framed.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_loop.h"
#include "tests/unit/fog_test.h"

static struct ev_loop *loop;

/* What one side saw. */
struct side {
	struct fog_framed *s;
	u32 frames, json, data, drains, ends;
	u64 bytes;
	u8 sum;
	int error;
	u32 close_at; /* close from inside this frame */
};

static void on_frame(void *ctx, struct fog_framed *s, enum fog_framed_type type, const u8 *payload,
		     u32 len)
{
	struct side *x = ctx;

	CU_ASSERT_EQUAL(x->ends, 0);
	x->frames++;
	x->json += type == FOG_FRAMED_JSON;
	x->data += type == FOG_FRAMED_DATA;
	x->bytes += len;
	for (u32 i = 0; i < len; i++)
		x->sum += payload[i];
	if (x->frames == x->close_at) {
		fog_framed_close(s);
		x->s = NULL;
	}
}

static void on_drain(void *ctx, struct fog_framed *s)
{
	((struct side *)ctx)->drains++;
}

static void on_end(void *ctx, struct fog_framed *s, int error)
{
	struct side *x = ctx;

	x->ends++;
	x->error = error;
}

static const struct fog_framed_events events = {on_frame, on_drain, on_end};

static void start(struct side *a, int *raw)
{
	int fds[2];

	loop = ev_loop_new(EVFLAG_AUTO);
	memset(a, 0, sizeof(*a));
	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(fog_framed_new(&a->s, loop, fds[0], &events, a), 0);
	*raw = fds[1];
}

static void stop(struct side *a)
{
	fog_framed_close(a->s);
	ev_loop_destroy(loop);
}

static void raw_send(int fd, const void *data, size_t len)
{
	CU_ASSERT_EQUAL(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void test_life_cycle(void)
{
	struct side a, b = {0};
	int raw;

	start(&a, &raw);
	CU_ASSERT_EQUAL(fog_framed_new(&b.s, loop, raw, &events, &b), 0);
	json_t *v = json_pack("{s:s}", "op", "x");
	CU_ASSERT_EQUAL(fog_framed_send_json(a.s, v), 0);
	json_decref(v);
	CU_ASSERT_EQUAL(fog_framed_send(a.s, FOG_FRAMED_DATA, "abc", 3), 0);
	RUN_UNTIL(b.frames == 2);
	CU_ASSERT_EQUAL(b.json, 1);
	CU_ASSERT_EQUAL(b.bytes, 10 + 3);
	/* Half-close: a ends, b may still answer. */
	fog_framed_finish(a.s);
	CU_ASSERT_EQUAL(fog_framed_send(a.s, FOG_FRAMED_DATA, "x", 1), -EPIPE);
	RUN_UNTIL(b.ends == 1);
	CU_ASSERT_EQUAL(b.error, 0);
	CU_ASSERT_EQUAL(fog_framed_send(b.s, FOG_FRAMED_DATA, "late", 4), 0);
	RUN_UNTIL(a.bytes == 4);
	fog_framed_close(b.s);
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(a.error, 0);
	stop(&a);
	fog_framed_close(NULL);
}

static void test_bad_frames(void)
{
	static const struct {
		u8 bytes[8];
		u32 len;
		int error;
	} cases[] = {
		{{0, 0, 0, 0, 1}, 5, -EPROTO},             /* 0: empty */
		{{1, 0, 0, 0, 0}, 5, -EPROTO},             /* 1: type 0 */
		{{1, 0, 0, 0, 3}, 5, -EPROTO},             /* 2: type 3 */
		{{1, 0, 4, 0, 1}, 5, -EPROTO},             /* 3: JSON of 256 KiB + 1 */
		{{1, 0, 1, 0, 2}, 5, -EPROTO},             /* 4: data of 64 KiB + 1 */
		{{0xff, 0xff, 0xff, 0xff, 1}, 5, -EPROTO}, /* 5: length would wrap */
		{{1, 0}, 2, -EPROTO},                      /* 6: cut in the header */
		{{3, 0, 0, 0, 1, '{'}, 6, -EPROTO},        /* 7: cut in the payload */
		{{1, 0, 0, 0, 1, '1'}, 6, 0},              /* 8: one whole frame, then the end */
		{{0}, 0, 0},                               /* 9: the end at once */
	};
	struct side a;
	int raw;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		start(&a, &raw);
		if (cases[i].len != 0)
			raw_send(raw, cases[i].bytes, cases[i].len);
		shutdown(raw, SHUT_WR);
		RUN_UNTIL(a.ends == 1);
		if (a.error != cases[i].error)
			printf("case %u: %d\n", i, a.error);
		CU_ASSERT_EQUAL(a.error, cases[i].error);
		CU_ASSERT_EQUAL(a.frames, i == 8 ? 1 : 0);
		CU_ASSERT_EQUAL(fog_framed_send(a.s, FOG_FRAMED_DATA, "x", 1),
				cases[i].error != 0 ? -EPIPE : 0);
		close(raw);
		stop(&a);
	}
}

/* Frames of every size, cut at random places. */
static void test_split_frames(void)
{
	const char *given = getenv("FOG_SEED");
	u64 seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	struct fog_rng rng;
	static u8 wire[1 << 20];
	struct side a;
	u32 used = 0, frames = 0;
	u64 bytes = 0;
	u8 sum = 0;
	int raw;

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	while (used < sizeof(wire) / 2) {
		u32 max = fog_rng_below(&rng, 4) == 0 ? FOG_FRAMED_DATA_MAX : 64;
		u32 len = (u32)fog_rng_below(&rng, max) + 1;
		fog_store_u32(wire + used, len);
		wire[used + 4] = FOG_FRAMED_DATA;
		for (u32 i = 0; i < len; i++)
			sum += wire[used + 5 + i] = (u8)fog_rng_u64(&rng);
		used += 5 + len;
		bytes += len;
		frames++;
	}
	start(&a, &raw);
	for (u32 done = 0; done < used;) {
		u32 n = (u32)fog_rng_below(&rng, 3000) + 1;
		ssize_t sent = send(raw, wire + done, FOG_MIN(n, used - done), MSG_NOSIGNAL);
		if (sent > 0)
			done += (u32)sent;
		ev_run(loop, EVRUN_NOWAIT);
	}
	RUN_UNTIL(a.frames == frames);
	CU_ASSERT_EQUAL(a.bytes, bytes);
	CU_ASSERT_EQUAL(a.sum, sum);
	close(raw);
	stop(&a);
}

static void test_full_queue(void)
{
	static u8 chunk[FOG_FRAMED_DATA_MAX + 1];
	static u8 sink[65536];
	struct side a;
	int raw, rc;
	u64 accepted = 0, received = 0;

	start(&a, &raw);
	CU_ASSERT_EQUAL(fog_framed_send(a.s, FOG_FRAMED_DATA, chunk, sizeof(chunk)), -EMSGSIZE);
	CU_ASSERT_EQUAL(fog_framed_send(a.s, FOG_FRAMED_DATA, chunk, 0), -EMSGSIZE);
	while ((rc = fog_framed_send(a.s, FOG_FRAMED_DATA, chunk, FOG_FRAMED_DATA_MAX)) == 0)
		accepted += FOG_FRAMED_DATA_MAX + 5;
	CU_ASSERT_EQUAL(rc, -EAGAIN);
	CU_ASSERT(fog_framed_queued(a.s) <= FOG_FRAMED_QUEUE_MAX);
	fog_framed_finish(a.s);
	for (;;) {
		ssize_t n = recv(raw, sink, sizeof(sink), 0);
		if (n == 0)
			break;
		if (n > 0)
			received += (u64)n;
		else
			ev_run(loop, EVRUN_ONCE);
	}
	CU_ASSERT_EQUAL(received, accepted);
	CU_ASSERT_EQUAL(a.drains, 1);
	close(raw);
	stop(&a);
}

static void test_idle_pause_and_close_inside(void)
{
	static const u8 two[] = {1, 0, 0, 0, 1, '1', 1, 0, 0, 0, 1, '2'};
	struct side a;
	int raw;

	start(&a, &raw);
	fog_framed_set_idle(a.s, 20);
	RUN_UNTIL(a.ends == 1);
	CU_ASSERT_EQUAL(a.error, -ETIMEDOUT);
	close(raw);
	stop(&a);

	start(&a, &raw);
	fog_framed_pause(a.s, true);
	raw_send(raw, two, sizeof(two));
	for (int i = 0; i < 5; i++)
		ev_run(loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(a.frames, 0);
	fog_framed_pause(a.s, false);
	RUN_UNTIL(a.frames == 2);
	close(raw);
	RUN_UNTIL(a.ends == 1);
	stop(&a);

	start(&a, &raw);
	a.close_at = 1;
	raw_send(raw, two, sizeof(two));
	RUN_UNTIL(a.frames == 1);
	ev_run(loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(a.frames, 1);
	CU_ASSERT_PTR_NULL(a.s);
	CU_ASSERT_EQUAL(a.ends, 0);
	close(raw);
	stop(&a);
}

/* ---- edge.sock and jobs.sock ---------------------------------------------------------------- */

struct opened {
	u32 calls;
	int rc, fd;
	char error[128];
};

static void on_opened(void *ctx, int rc, int fd, const char *error, const json_t *answer)
{
	struct opened *o = ctx;

	o->calls++;
	o->rc = rc;
	o->fd = fd;
	snprintf(o->error, sizeof(o->error), "%s", error);
}

static int admit_rc;
static int accepted_fd;

static int on_admit(void *ctx, char error[128])
{
	if (admit_rc != 0)
		snprintf(error, 128, "too many streams");
	return admit_rc;
}

static void on_accepted(void *ctx, int fd)
{
	accepted_fd = fd;
}

static const struct fog_acceptor_events acceptor_events = {on_admit, on_accepted};

/* The acceptor is spoken to by a hand-made edge. */
static void accept_case(const char *path, const char *line, const char *answer)
{
	char have[256] = "";
	int fd = fog_unix_connect(path);

	CU_ASSERT_FATAL(fd >= 0);
	accepted_fd = -1;
	/* In two parts, with stream bytes right behind the line. */
	raw_send(fd, line, 3);
	ev_run(loop, EVRUN_NOWAIT);
	raw_send(fd, line + 3, strlen(line) - 3);
	for (int i = 0; i < 10; i++)
		ev_run(loop, EVRUN_NOWAIT);
	ssize_t n = recv(fd, have, sizeof(have) - 1, 0);
	have[n > 0 ? n : 0] = '\0';
	CU_ASSERT_STRING_EQUAL(have, answer);
	if (accepted_fd >= 0) {
		char rest[8] = "";
		CU_ASSERT_EQUAL(recv(accepted_fd, rest, sizeof(rest), 0), 3);
		CU_ASSERT_STRING_EQUAL(rest, "abc");
		close(accepted_fd);
	}
	close(fd);
}

static void test_acceptor(void)
{
	char dir[] = "/tmp/fog-stream-test-XXXXXX", path[64], longer[2048];
	struct fog_acceptor *acceptor, *other;

	loop = ev_loop_new(EVFLAG_AUTO);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/jobs.sock", dir);
	CU_ASSERT_EQUAL_FATAL(
		fog_acceptor_start(&acceptor, loop, path, "job", &acceptor_events, NULL), 0);
	CU_ASSERT_EQUAL(fog_acceptor_start(&other, loop, path, "job", &acceptor_events, NULL),
			-EADDRINUSE);
	ev_run(loop, EVRUN_NOWAIT);
	admit_rc = 0;
	accept_case(path, "{\"op\":\"accept\",\"service\":\"job\"}\nabc", "{\"ok\":true}\n");
	accept_case(
		path, "{\"op\":\"accept\",\"service\":\"tcp\"}\n",
		"{\"ok\":false,\"error\":\"wants {\\\"op\\\":\\\"accept\\\",\\\"service\\\":..} of "
		"a service here\"}\n");
	accept_case(
		path, "not json\n",
		"{\"ok\":false,\"error\":\"wants {\\\"op\\\":\\\"accept\\\",\\\"service\\\":..} of "
		"a service here\"}\n");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	accept_case(path, longer, "");
	admit_rc = -EAGAIN;
	accept_case(path, "{\"op\":\"accept\",\"service\":\"job\"}\n",
		    "{\"ok\":false,\"error\":\"too many streams\"}\n");
	fog_acceptor_stop(acceptor);
	fog_acceptor_stop(NULL);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

/* One opening against an edge that answers `answer` (NULL: hangs up). */
static void open_case(const char *path, const char *answer, int rc, const char *error)
{
	struct fog_opening *o;
	struct opened got = {0};
	char line[256] = "";
	int listener = fog_unix_listen(path, 4);

	CU_ASSERT_FATAL(listener >= 0);
	CU_ASSERT_EQUAL(fog_opening_start(&o, loop, path, "job", "ab", 100, on_opened, &got), 0);
	int fd = accept(listener, NULL, NULL);
	CU_ASSERT_FATAL(fd >= 0);
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
	CU_ASSERT(n > 0);
	CU_ASSERT_STRING_EQUAL(line, "{\"op\":\"open\",\"service\":\"job\",\"target\":\"ab\"}\n");
	if (answer == NULL)
		close(fd);
	else
		raw_send(fd, answer, strlen(answer));
	RUN_UNTIL(got.calls == 1);
	CU_ASSERT_EQUAL(got.rc, rc);
	CU_ASSERT_STRING_EQUAL(got.error, error);
	CU_ASSERT_EQUAL(got.fd >= 0, rc == 0);
	if (got.fd >= 0)
		close(got.fd);
	if (answer != NULL)
		close(fd);
	close(listener);
	unlink(path);
}

static void test_opening(void)
{
	char dir[] = "/tmp/fog-stream-test-XXXXXX", path[64];
	struct fog_opening *o;
	struct opened got = {0};

	loop = ev_loop_new(EVFLAG_AUTO);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/edge.sock", dir);
	CU_ASSERT_EQUAL(fog_opening_start(&o, loop, path, "job", "ab", 100, on_opened, &got), 0);
	CU_ASSERT_EQUAL(got.calls, 0);
	RUN_UNTIL(got.calls == 1);
	CU_ASSERT_EQUAL(got.rc, -ENOENT);
	open_case(path, "{\"ok\":true,\"path\":[],\"circuit\":1}\n", 0, "");
	open_case(path, "{\"ok\":false,\"error\":\"no route\"}\n", -ECONNREFUSED, "no route");
	open_case(path, "{\"ok\":false,\"error\":\"need 3\",\"code\":\"no route\"}\n",
		  -EHOSTUNREACH, "need 3");
	open_case(path, "{\"okay\":true}\n", -EPROTO,
		  "fog-edge answered something else than {\"ok\":..}");
	open_case(path, "x\n", -EPROTO, "fog-edge answered something else than {\"ok\":..}");
	open_case(path, "", -ETIMEDOUT, "no answer through the circuit in time");
	open_case(path, NULL, -ECONNRESET, "fog-edge closed the connection");
	CU_ASSERT_EQUAL(fog_opening_start(&o, loop, path, "job", "ab", 100, on_opened, &got), 0);
	fog_opening_cancel(o);
	ev_run(loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(got.calls, 1);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

FOG_TEST_MAIN("controlplane/core/framed", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_frames),
	      FOG_TEST(test_split_frames), FOG_TEST(test_full_queue),
	      FOG_TEST(test_idle_pause_and_close_inside), FOG_TEST(test_acceptor),
	      FOG_TEST(test_opening))
