/* SPDX-License-Identifier: BSD-3-Clause */
/* Webhooks against a listener that answers as it is told, on 127.0.0.1. */
#include "controlplane/jobs/hooks.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/state.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#define WAIT_ROUNDS 2000 /* of 10 ms: no notice takes longer here */
#define REQUEST_MAX 4096

static struct {
	struct fog_store *store;
	struct fog_hooks *hooks;
	u64 now;
	int listener;
	int port;
	u32 taken;
	char last[REQUEST_MAX];
} t;

static char *loopback[] = {(char[]){"127.0.0.0/8"}};

static void start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	char why[FOG_STORE_WHY_SIZE];

	memset(&t, 0, sizeof(t));
	fog_log_set_level(FOG_LOG_ERROR);
	t.now = 1000000;
	t.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(bind(t.listener, (struct sockaddr *)&at, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(t.listener, 16), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(t.listener, (struct sockaddr *)&at, &len), 0);
	t.port = ntohs(at.sin_port);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&t.store, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_db_migrate(t.store, why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_hooks_new(&t.hooks, t.store), 0);
	fog_hooks_allow(t.hooks, loopback, 1);
}

static void stop(void)
{
	fog_hooks_free(t.hooks);
	fog_store_close(t.store);
	if (t.listener >= 0)
		close(t.listener);
}

static void notice(const char *body)
{
	struct fog_stmt *q = fog_stmt(t.store, "INSERT INTO hook(url, body, tries, next_ms)"
					       " VALUES(?, ?, 0, 0)");
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/told", t.port);
	fog_bind_text(q, url);
	fog_bind_text(q, body);
	CU_ASSERT_EQUAL_FATAL(fog_stmt_run(q), 0);
}

static i64 number(const char *sql)
{
	struct fog_stmt *q = fog_stmt(t.store, sql);
	i64 v = -1;

	if (fog_stmt_step(q) == 1) {
		v = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return v;
}

/* Takes one request if there is one, and gives this answer. */
static void answer(const char *status)
{
	char text[128];
	struct pollfd p;
	size_t used = 0;
	int fd = accept(t.listener, NULL, NULL);

	if (fd < 0)
		return;
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	/* The body follows the head; it ends with a brace. */
	while (used < sizeof(t.last) - 1 && poll(&p, 1, 20) >= 0) {
		(void)fog_hooks_tick(t.hooks, t.now);
		ssize_t n =
			p.revents != 0 ? read(fd, t.last + used, sizeof(t.last) - 1 - used) : -1;
		if (n == 0)
			break;
		used += n > 0 ? (size_t)n : 0;
		t.last[used] = '\0';
		if (used > 0 && t.last[used - 1] == '}')
			break;
	}
	int len = snprintf(text, sizeof(text),
			   "HTTP/1.1 %s\r\nContent-Length: 0\r\n"
			   "Connection: close\r\n\r\n",
			   status);
	(void)send(fd, text, (size_t)len, MSG_NOSIGNAL); /* it may have gone */
	close(fd);
	t.taken++;
}

/* Until nothing is on its way. */
static void settle(const char *status)
{
	for (u32 i = 0; i < WAIT_ROUNDS && fog_hooks_tick(t.hooks, t.now); i++) {
		struct pollfd p = {.fd = t.listener, .events = POLLIN};
		if (t.listener >= 0 && poll(&p, 1, 10) > 0)
			answer(status);
		else if (t.listener < 0)
			(void)poll(NULL, 0, 10);
	}
	CU_ASSERT_FALSE(fog_hooks_tick(t.hooks, t.now));
}

static void test_life_cycle(void)
{
	start();
	CU_ASSERT_FALSE(fog_hooks_tick(t.hooks, t.now));
	notice("{\"state\":\"running\"}");
	CU_ASSERT_TRUE(fog_hooks_tick(t.hooks, t.now));
	settle("204 No Content");
	CU_ASSERT_EQUAL(t.taken, 1);
	CU_ASSERT_EQUAL(strncmp(t.last, "POST /told HTTP/1.1\r\n", 21), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.last, "Content-Type: application/json\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.last, "\r\n\r\n{\"state\":\"running\"}"));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook"), 0);
	stop();
}

/* Not taken: once more after a while that doubles, at last not any more. */
static void test_retries(void)
{
	start();
	notice("{}");
	for (u32 tries = 1; tries < FOG_JOBS_HOOK_TRIES; tries++) {
		settle(tries % 2 == 0 ? "500 Oops" : "302 Elsewhere");
		CU_ASSERT_EQUAL(t.taken, tries);
		CU_ASSERT_EQUAL(number("SELECT tries FROM hook"), tries);
		u64 next = (u64)number("SELECT next_ms FROM hook");
		CU_ASSERT_EQUAL(next, t.now + (1000u << tries));
		t.now = next - 1;
		CU_ASSERT_FALSE(fog_hooks_tick(t.hooks, t.now));
		t.now = next;
		CU_ASSERT_TRUE(fog_hooks_tick(t.hooks, t.now));
	}
	settle("500 Oops");
	CU_ASSERT_EQUAL(t.taken, FOG_JOBS_HOOK_TRIES);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook"), 0);
	stop();
}

/* Nobody listens, or what is told of is no web address: postponed, and no other notice waits. */
static void test_bad_arguments(void)
{
	start();
	close(t.listener);
	t.listener = -1;
	notice("{}");
	struct fog_stmt *q = fog_stmt(t.store, "INSERT INTO hook(url, body, tries, next_ms)"
					       " VALUES('file:///etc/passwd', '{}', 0, 0)");
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	CU_ASSERT_TRUE(fog_hooks_tick(t.hooks, t.now));
	settle("");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook WHERE tries = 1"), 2);
	stop();
	fog_hooks_free(NULL);
}

/* More than fit at once: all are told, in a while; a crash tells again what was not taken. */
static void test_many(void)
{
	start();
	for (u32 i = 0; i < 3 * FOG_HOOKS_ACTIVE_MAX; i++)
		notice("{}");
	CU_ASSERT_TRUE(fog_hooks_tick(t.hooks, t.now));
	fog_hooks_free(t.hooks); /* with transfers under way */
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook"), 3 * FOG_HOOKS_ACTIVE_MAX);
	CU_ASSERT_EQUAL_FATAL(fog_hooks_new(&t.hooks, t.store), 0);
	fog_hooks_allow(t.hooks, loopback, 1);
	settle("200 OK");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook"), 0);
	CU_ASSERT_TRUE(t.taken >= 3 * FOG_HOOKS_ACTIVE_MAX);
	stop();
}

/* What only this host reaches is not a user's to reach, whatever name it has. */
static void test_private_address(void)
{
	start();
	fog_hooks_allow(t.hooks, NULL, 0);
	notice("{}");
	for (u32 i = 0; i < WAIT_ROUNDS && fog_hooks_tick(t.hooks, t.now); i++)
		(void)poll(NULL, 0, 10);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM hook"), 0); /* not tried again */
	struct pollfd p = {.fd = t.listener, .events = POLLIN};
	CU_ASSERT_EQUAL(poll(&p, 1, 0), 0);
	notice("{}");
	CU_ASSERT_EQUAL(number("UPDATE hook SET ours = 1 RETURNING id") > 0, true);
	settle("200 OK");
	CU_ASSERT_EQUAL(t.taken, 1); /* the operator's own is */
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/hooks", FOG_TEST(test_private_address), FOG_TEST(test_life_cycle),
	      FOG_TEST(test_retries), FOG_TEST(test_bad_arguments), FOG_TEST(test_many))
