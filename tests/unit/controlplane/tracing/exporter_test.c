/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter against a collector of this file, that answers as a script says. */
#include "controlplane/tracing/exporter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "tests/unit/fog_test.h"

static struct ev_loop *loop;
static struct fog_exporter *exporter;
static int listener;
static char url[64];
static pthread_t thread;
static const char *script; /* a status a request: '2' 200, '4' 400, '5' 503; the last one stays */
static atomic_uint requests, spans;

static const char *reply_of(char c)
{
	return c == '2'   ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	       : c == '4' ? "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
			  : "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
}

/* Reads one request; the number of spans in it, -1 at the end of the connection. */
static int request_read(int fd)
{
	static char text[4 << 20];
	size_t used = 0, wanted = 0;

	for (;;) {
		ssize_t n = recv(fd, text + used, sizeof(text) - 1 - used, 0);
		if (n <= 0)
			return -1;
		used += (size_t)n;
		text[used] = '\0';
		char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
		if (end == NULL)
			continue;
		CU_ASSERT_PTR_NOT_NULL_FATAL(length);
		wanted = (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
		if (strstr(text, "Expect: 100-continue") != NULL && used < wanted)
			(void)!write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		if (used < wanted)
			continue;
		int count = 0;
		for (char *p = end; (p = strstr(p, "\"spanId\"")) != NULL; p++)
			count++;
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "Content-Type: application/json"));
		return count;
	}
}

static void *collector(void *arg)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		int count = request_read(fd);
		u32 number = atomic_load(&requests);
		char c = script[FOG_MIN(number, (u32)strlen(script) - 1)];
		if (count >= 0) {
			const char *reply = reply_of(c);
			(void)!write(fd, reply, strlen(reply));
			atomic_fetch_add(&spans, c == '2' ? (u32)count : 0);
			atomic_fetch_add(&requests, 1);
		}
		close(fd);
	}
	return NULL;
}

static void start(const char *answers)
{
	const struct fog_otlp_resource resource = {.name = "ash", .instance = "ab"};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);

	fog_log_set_level(FOG_LOG_ERROR);
	script = answers;
	requests = spans = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&sa, &len);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/traces", ntohs(sa.sin_port));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, collector, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(fog_exporter_new(&exporter, loop, url, &resource), 0);
	fog_trace_ratio_set(1);
}

static void stop(void)
{
	fog_exporter_free(exporter);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	ev_loop_destroy(loop);
	fog_trace_ratio_set(0);
}

static void spans_end(u32 count)
{
	struct fog_trace t;
	struct fog_span span = {.trace = &t, .name = "x", .kind = FOG_SPAN_INTERNAL};

	for (u32 i = 0; i < count; i++) {
		fog_trace_begin(&t);
		fog_span_end(&span);
	}
}

static struct fog_exporter_counts counts(void)
{
	struct fog_exporter_counts c;

	fog_exporter_counts(exporter, &c);
	return c;
}

static void run_until_empty(void)
{
	u64 end_ms = fog_monotonic_ms() + 60000;

	while (counts().queued != 0 && fog_monotonic_ms() < end_ms)
		ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(counts().queued, 0);
}

static void test_life_cycle(void)
{
	start("2");
	run_until_empty();
	spans_end(3);
	CU_ASSERT_EQUAL(counts().queued, 3);
	run_until_empty();
	CU_ASSERT(counts().spans == 3 && counts().dropped == 0 && counts().failed == 0);
	CU_ASSERT(requests == 1 && spans == 3);
	/* More than a batch goes at once, in several. */
	spans_end(2 * FOG_EXPORTER_BATCH_MAX + 1);
	run_until_empty();
	CU_ASSERT(requests == 4 && spans == 3 + 2 * FOG_EXPORTER_BATCH_MAX + 1);
	stop();
}

/* Unavailable: again, the same spans, once. */
static void test_again(void)
{
	start("52");
	spans_end(2);
	run_until_empty();
	CU_ASSERT(counts().spans == 2 && counts().failed == 1 && counts().dropped == 0);
	CU_ASSERT(requests == 2 && spans == 2);
	stop();
}

static void test_refused(void)
{
	start("4");
	spans_end(2);
	run_until_empty();
	CU_ASSERT(counts().spans == 0 && counts().failed == 1 && counts().dropped == 2);
	stop();
}

static void test_full(void)
{
	start("2");
	spans_end(FOG_EXPORTER_QUEUE_MAX + 7);
	CU_ASSERT(counts().queued == FOG_EXPORTER_QUEUE_MAX && counts().dropped == 7);
	run_until_empty();
	CU_ASSERT_EQUAL(spans, FOG_EXPORTER_QUEUE_MAX);
	stop();
}

/* What is left at the end still goes out. */
static void test_goodbye(void)
{
	start("2");
	spans_end(5);
	stop();
	CU_ASSERT_EQUAL(spans, 5);
}

FOG_TEST_MAIN("controlplane/tracing/exporter", FOG_TEST(test_life_cycle), FOG_TEST(test_again),
	      FOG_TEST(test_refused), FOG_TEST(test_full), FOG_TEST(test_goodbye))
