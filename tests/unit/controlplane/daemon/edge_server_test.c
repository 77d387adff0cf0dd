/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/edge_server.h"
#include "tests/unit/fog_test.h"

#define KEY_HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HELLO   "{\"op\":\"hello\",\"version\":1,\"quic_pk\":\"" KEY_HEX "\"}\n"

static struct ev_loop *loop;
static struct fog_edge_server *server;
static char dir[64], path[96];
static u32 hellos, gones, circuits, routes;
static u32 route_size; /* bytes of padding in an answer */

static void on_hello(void *ctx, const u8 quic_pk[32])
{
	hellos++;
	CU_ASSERT_EQUAL(quic_pk[0], 0x01);
}

static void on_gone(void *ctx)
{
	gones++;
}

static json_t *on_config(void *ctx)
{
	return json_pack("{s:i}", "hops", 3);
}

static json_t *on_route(void *ctx, const json_t *request)
{
	routes++;
	char *padding = calloc(1, route_size + 1);
	memset(padding, 'x', route_size);
	json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", padding);
	free(padding);
	return answer;
}

static void on_circuit(void *ctx, const json_t *event)
{
	circuits++;
}

static const struct fog_edge_hooks hooks = {.hello = on_hello,
					    .gone = on_gone,
					    .config = on_config,
					    .route = on_route,
					    .circuit = on_circuit};

static void start(void)
{
	hellos = gones = circuits = routes = route_size = 0;
	snprintf(dir, sizeof(dir), "/tmp/fog-edge-server-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	fog_log_set_level(FOG_LOG_WARNING);
	CU_ASSERT_EQUAL_FATAL(fog_edge_server_start(&server, loop, path, &hooks, NULL), 0);
}

static void stop(void)
{
	fog_edge_server_stop(server);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

static void turn(void)
{
	for (int i = 0; i < 6; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

static int edge_connect(void)
{
	int fd = fog_unix_connect(path);

	CU_ASSERT_FATAL(fd >= 0);
	turn();
	return fd;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	CU_ASSERT_EQUAL(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
	turn();
}

/* What came; "closed" after a hang-up. */
static const char *heard(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return "closed";
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_life_cycle(void)
{
	start();
	CU_ASSERT(!fog_edge_server_connected(server));
	int fd = edge_connect();
	say(fd, HELLO);
	CU_ASSERT_EQUAL(hellos, 1);
	CU_ASSERT(fog_edge_server_connected(server));
	CU_ASSERT(fog_edge_server_since_ms(server) > 0);
	CU_ASSERT_STRING_EQUAL(heard(fd), "{\"hops\":3,\"op\":\"config\"}\n");
	say(fd, "{\"op\":\"route\",\"id\":7,\"purpose\":\"exit\"}\n{\"op\":\"route\",\"id\":8}\n");
	CU_ASSERT_EQUAL(routes, 2);
	CU_ASSERT_STRING_EQUAL(heard(fd),
			       "{\"ok\":false,\"error\":\"\",\"op\":\"route\",\"id\":7}\n"
			       "{\"ok\":false,\"error\":\"\",\"op\":\"route\",\"id\":8}\n");
	say(fd, "{\"op\":\"circuit\",\"event\":\"built\"}\n");
	CU_ASSERT_EQUAL(circuits, 1);
	fog_edge_server_reconfigure(server);
	turn();
	CU_ASSERT_STRING_EQUAL(heard(fd), "{\"hops\":3,\"op\":\"config\"}\n");
	close(fd);
	turn();
	CU_ASSERT_EQUAL(gones, 1);
	CU_ASSERT(!fog_edge_server_connected(server));
	CU_ASSERT_EQUAL(fog_edge_server_since_ms(server), 0);
	stop();
	fog_edge_server_stop(NULL);
}

static void test_bad_lines(void)
{
	static const char *const cases[] = {
		"x\n",
		"\n",
		"[]\n",
		"7\n",
		"{}\n",
		"{\"op\":7}\n",
		"{\"op\":\"hello\"}\n",
		"{\"op\":\"hello\",\"version\":2,\"quic_pk\":\"" KEY_HEX "\"}\n",
		"{\"op\":\"hello\",\"version\":1}\n",
		"{\"op\":\"hello\",\"version\":1,\"quic_pk\":\"00\"}\n",
		"{\"op\":\"hello\",\"version\":1,\"quic_pk\":7}\n",
		"{\"op\":\"hello\",\"version\":1,\"version\":1,\"quic_pk\":\"" KEY_HEX "\"}\n",
		"{\"op\":\"route\",\"id\":1}\n", /* before hello */
		HELLO "{\"op\":\"route\"}\n",
		HELLO "{\"op\":\"route\",\"id\":\"1\"}\n",
		HELLO "{\"op\":\"dance\"}\n",
		HELLO "{\"op\":\"circuits\",\"id\":1}\n{\"op\":\"close\"}\n\xff\n",
	};

	start();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int fd = edge_connect();
		say(fd, cases[i]);
		const char *got = heard(fd);
		if (strcmp(got, "closed") != 0)
			got = heard(fd);
		if (strcmp(got, "closed") != 0)
			printf("case %u\n", i);
		CU_ASSERT_STRING_EQUAL(got, "closed");
		CU_ASSERT(!fog_edge_server_connected(server));
		close(fd);
	}
	CU_ASSERT_EQUAL(hellos, gones);
	CU_ASSERT_EQUAL(circuits, 0);
	stop();
}

static void test_long_and_cut_lines(void)
{
	static char big[FOG_EDGE_LINE_MAX + 1];

	start();
	memset(big, ' ', sizeof(big));
	int fd = edge_connect();
	for (u32 done = 0; done < FOG_EDGE_LINE_MAX;) {
		ssize_t n = send(fd, big, FOG_EDGE_LINE_MAX - done, MSG_NOSIGNAL);
		if (n > 0)
			done += (u32)n;
		turn();
	}
	CU_ASSERT_STRING_EQUAL(heard(fd), "closed");
	close(fd);
	/* Byte by byte is as good as at once. */
	fd = edge_connect();
	for (const char *p = HELLO; *p != '\0'; p++)
		CU_ASSERT_EQUAL(send(fd, p, 1, MSG_NOSIGNAL), 1);
	turn();
	for (const char *p = "{\"op\":\"route\",\"id\":1}\n"; *p != '\0'; p++) {
		CU_ASSERT_EQUAL(send(fd, p, 1, MSG_NOSIGNAL), 1);
		turn();
	}
	CU_ASSERT_EQUAL(routes, 1);
	close(fd);
	turn();
	stop();
}

static void test_newer_replaces_older(void)
{
	start();
	int a = edge_connect(), b = edge_connect();
	say(a, HELLO);
	CU_ASSERT_PTR_NOT_NULL(strstr(heard(a), "config"));
	say(b, HELLO);
	CU_ASSERT_STRING_EQUAL(heard(a), "closed");
	CU_ASSERT_PTR_NOT_NULL(strstr(heard(b), "config"));
	CU_ASSERT(fog_edge_server_connected(server));
	CU_ASSERT_EQUAL(hellos, 2);
	CU_ASSERT_EQUAL(gones, 1);
	/* More connections than there are places. */
	int more[FOG_EDGE_CONNECTIONS_MAX + 2];
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(more); i++)
		more[i] = edge_connect();
	CU_ASSERT_STRING_EQUAL(heard(more[FOG_ARRAY_COUNT(more) - 1]), "closed");
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(more); i++)
		close(more[i]);
	turn();
	CU_ASSERT(fog_edge_server_connected(server));
	close(a);
	close(b);
	stop();
	CU_ASSERT_EQUAL(gones, 2);
}

/* ---- requests of ours ----------------------------------------------------------------------- */

struct answer {
	u32 calls;
	int rc;
	bool ok;
};

static void on_answer(void *ctx, int rc, const json_t *m)
{
	struct answer *a = ctx;

	a->calls++;
	a->rc = rc;
	a->ok = json_is_true(json_object_get(m, "ok"));
}

static void test_requests(void)
{
	struct answer a = {0}, b = {0}, all = {0};

	start();
	CU_ASSERT_EQUAL(fog_edge_server_request(server, "circuits", NULL, on_answer, &a),
			-ENOTCONN);
	int fd = edge_connect();
	say(fd, HELLO);
	heard(fd);
	CU_ASSERT_EQUAL(fog_edge_server_request(server, "circuits", NULL, on_answer, &a), 0);
	CU_ASSERT_EQUAL(fog_edge_server_request(server, "close", json_pack("{s:i}", "handle", 5),
						on_answer, &b),
			0);
	turn();
	CU_ASSERT_STRING_EQUAL(heard(fd), "{\"id\":1,\"op\":\"circuits\"}\n"
					  "{\"handle\":5,\"id\":2,\"op\":\"close\"}\n");
	say(fd, "{\"op\":\"close\",\"id\":2,\"ok\":true}\n{\"op\":\"circuits\",\"id\":99}\n");
	CU_ASSERT_EQUAL(b.calls, 1);
	CU_ASSERT(b.ok);
	CU_ASSERT_EQUAL(a.calls, 0);
	/* A second answer is nobody's. */
	say(fd, "{\"op\":\"close\",\"id\":2,\"ok\":true}\n");
	CU_ASSERT_EQUAL(b.calls, 1);
	u32 more = 0;
	while (fog_edge_server_request(server, "circuits", NULL, on_answer, &all) == 0)
		more++;
	CU_ASSERT_EQUAL(more, FOG_EDGE_REQUESTS_MAX - 1);
	close(fd);
	turn();
	CU_ASSERT_EQUAL(a.calls, 1);
	CU_ASSERT_EQUAL(a.rc, -ECONNRESET);
	CU_ASSERT_EQUAL(all.calls, more);
	stop();
}

static void on_give_up(struct ev_loop *l, struct ev_timer *w, int revents)
{
	ev_break(l, EVBREAK_ALL);
}

static void test_silent_edge(void)
{
	struct answer a = {0};
	struct ev_timer give_up;

	start();
	int fd = edge_connect();
	say(fd, HELLO);
	CU_ASSERT_EQUAL(fog_edge_server_request(server, "circuits", NULL, on_answer, &a), 0);
	ev_timer_init(&give_up, on_give_up, 6.0, 0.0);
	ev_timer_start(loop, &give_up);
	while (a.calls == 0 && ev_is_active(&give_up))
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &give_up);
	CU_ASSERT_EQUAL(a.calls, 1);
	CU_ASSERT_EQUAL(a.rc, -ETIMEDOUT);
	CU_ASSERT(fog_edge_server_connected(server));
	/* One that asks and never reads is cut off, not waited for. */
	route_size = 60000;
	for (int i = 0; i < 200 && fog_edge_server_connected(server); i++) {
		static const char ask[] = "{\"op\":\"route\",\"id\":1}\n";
		(void)!send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		turn();
	}
	CU_ASSERT(!fog_edge_server_connected(server));
	close(fd);
	stop();
}

FOG_TEST_MAIN("controlplane/daemon/edge_server", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_lines), FOG_TEST(test_long_and_cut_lines),
	      FOG_TEST(test_newer_replaces_older), FOG_TEST(test_requests),
	      FOG_TEST(test_silent_edge))
