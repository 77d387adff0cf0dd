/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile clients: those that take their time, that send too much, that leave; requests made to be
 * read in two ways; every JSON text of the public suites. Whatever they do, the next one is served.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/gateway/gateway_private.h"
#include "tests/unit/controlplane/gateway/clients.h"

#define LARGE    (8u << 20)
#define SLOW     300
#define TEXT_MAX (1 << 20)

static struct ev_loop *loop;
static struct fog_gateway *gw;
static char dir[64], path[96];

static int echo(struct fog_exchange *x)
{
	const json_t *body = fog_exchange_body(x);

	return fog_exchange_json(x, 200, body != NULL ? json_deep_copy(body) : json_object());
}

static int large(struct fog_exchange *x)
{
	static char bytes[LARGE];

	return fog_exchange_bytes(x, 200, "application/octet-stream", bytes, sizeof(bytes));
}

static const struct fog_route routes[] = {
	{"GET", "/large", large},
	{"POST", "/echo", echo},
	{"GET", "/echo", echo},
};

static void serve(void (*client)(void))
{
	snprintf(dir, sizeof(dir), "/tmp/fog-patience-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	int fd = fog_unix_listen(path, 512);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_new(&gw, loop), 0);
	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), NULL);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_listen(gw, fd), 0);
	clients_serve(loop, client);
	fog_gateway_free(gw);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

/* All that comes until the end; returns how many answers there were. */
static unsigned answers_take(int fd, char *text, size_t size)
{
	size_t used = 0;
	unsigned count = 0;
	ssize_t n;

	while (used < size - 1 && (n = recv(fd, text + used, size - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	for (const char *p = text; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
		count++;
	return count;
}

/* The status of the only answer to these bytes, after which we say no more; 0: none. */
static unsigned ask(const void *request, size_t len)
{
	static char text[1 << 16];
	int fd = client_dial(path);

	client_put(fd, request, len);
	shutdown(fd, SHUT_WR);
	unsigned count = answers_take(fd, text, sizeof(text));
	close(fd);
	return count != 0 ? (unsigned)strtoul(strchr(text, ' '), NULL, 10) : 0;
}

static void still_served(void)
{
	static const char request[] = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

	CU_ASSERT_EQUAL(ask(request, sizeof(request) - 1), 200);
}

/* ---- who does not take what it asked for ---------------------------------------------------- */

static void untaken_client(void)
{
	static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
	enum { FIT = FOG_GATEWAY_ANSWERS_MAX / LARGE };
	int fds[FIT];
	char head[13] = "";

	for (int i = 0; i < FIT; i++) {
		fds[i] = client_dial(path);
		client_put(fds[i], request, sizeof(request) - 1);
		CU_ASSERT_EQUAL(recv(fds[i], head, 12, MSG_WAITALL), 12);
		CU_ASSERT_STRING_EQUAL(head, "HTTP/1.1 200");
	}
	CU_ASSERT_EQUAL(ask(request, sizeof(request) - 1), 503);
	still_served();
	for (int i = 0; i < FIT; i++)
		close(fds[i]);
	unsigned status = 503;
	for (int tries = 0; status == 503 && tries < 1000; tries++)
		status = ask(request, sizeof(request) - 1);
	CU_ASSERT_EQUAL(status, 200);
}

static void test_untaken(void)
{
	serve(untaken_client);
}

/* ---- who takes their time ------------------------------------------------------------------- */

static void slow_client(void)
{
	static const char head[] = "GET /echo HTTP/1.1\r\nHost: x\r\nX-";
	static const char body[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
	static char flood[200000], text[4096];
	int fds[SLOW];

	for (int i = 0; i < SLOW; i++) {
		fds[i] = client_dial(path);
		if (i % 3 == 1)
			client_put(fds[i], head, sizeof(head) - 1);
		if (i % 3 == 2)
			client_put(fds[i], body, sizeof(body) - 1);
	}
	still_served();
	/* A byte now and then holds no place: each is told 408, or is just cut. */
	for (int i = 0; i < SLOW; i++) {
		client_put(fds[i], "x", 1);
		(void)answers_take(fds[i], text, sizeof(text));
		CU_ASSERT(i % 3 == 0 || strstr(text, " 408 ") != NULL);
		close(fds[i]);
	}
	CU_ASSERT(gw->counts.impatient >= SLOW * 2 / 3);
	/* Headers without an end. */
	memset(flood, 'a', sizeof(flood));
	memcpy(flood, head, sizeof(head) - 1);
	unsigned status = ask(flood, sizeof(flood));
	CU_ASSERT(status == 431 || status == 413 || status == 400);
	for (size_t i = sizeof(head) - 1; i + 8 < sizeof(flood); i += 8)
		memcpy(flood + i, "\r\nX-A: b", 8);
	status = ask(flood, sizeof(flood));
	CU_ASSERT(status == 431 || status == 413 || status == 400);
	still_served();
}

static void less_patient(void)
{
	gw->head_ms = gw->body_ms = 4000;
	slow_client();
}

static void test_slow_clients(void)
{
	serve(less_patient);
}

/* ---- what can be read in two ways ----------------------------------------------------------- */

#define HEAD "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define MORE "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

static const char *const smuggles[] = {
	HEAD "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" MORE,
	HEAD "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" MORE,
	HEAD "Content-Length: +2\r\n\r\n{}" MORE,
	HEAD "Content-Length: -2\r\n\r\n{}" MORE,
	HEAD "Content-Length: 0x2\r\n\r\n{}" MORE,
	HEAD "Content-Length: 2 2\r\n\r\n{}" MORE,
	HEAD "Content-Length: 2,2\r\n\r\n{}" MORE,
	HEAD "Content-Length: 99999999999999999999\r\n\r\n{}" MORE,
	HEAD "Content-Length : 2\r\n\r\n{}" MORE,
	HEAD "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n" MORE,
	HEAD "Transfer-Encoding: chunked\r\n\r\n2 x\r\n{}\r\n0\r\n\r\n" MORE,
};

/* None of these may be answered as two requests: the second may be the first one's body. */
static void smuggle_client(void)
{
	static char text[1 << 16];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(smuggles); i++) {
		int fd = client_dial(path);
		client_put(fd, smuggles[i], strlen(smuggles[i]));
		shutdown(fd, SHUT_WR);
		(void)answers_take(fd, text, sizeof(text));
		close(fd);
		if (strstr(text, "smuggled") != NULL)
			printf("case %u: %s\n", i, text);
		CU_ASSERT(strstr(text, "smuggled") == NULL);
	}
	still_served();
}

static void test_smuggling(void)
{
	serve(smuggle_client);
}

/* ---- corpora -------------------------------------------------------------------------------- */

static char text_of[TEXT_MAX];

static size_t file_read(const char *folder, const char *name)
{
	char where[512];

	snprintf(where, sizeof(where), FOG_SOURCE_ROOT "/tests/vectors/%s/%s", folder, name);
	FILE *f = fopen(where, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(text_of, 1, sizeof(text_of) - 1, f);
	fclose(f);
	text_of[n] = '\0';
	return n;
}

static void each_file(const char *folder, const char *ending, void (*fn)(const char *name))
{
	char where[512];
	unsigned count = 0;

	snprintf(where, sizeof(where), FOG_SOURCE_ROOT "/tests/vectors/%s", folder);
	DIR *d = opendir(where);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name);
		if (len > strlen(ending) && strcmp(e->d_name + len - strlen(ending), ending) == 0) {
			fn(e->d_name);
			count++;
		}
	}
	closedir(d);
	CU_ASSERT(count > 5);
}

/* Members named twice and U+0000 are good JSON that we refuse. */
static bool refused_good(const char *name)
{
	return strstr(name, "duplicated_key") != NULL || strstr(name, "escaped_null") != NULL ||
	       strcmp(name, "y_string_null_escape.json") == 0;
}

static void json_case(const char *name)
{
	static char request[TEXT_MAX + 512];
	size_t len = file_read("json", name);

	int head = snprintf(request, sizeof(request),
			    HEAD "Connection: close\r\nContent-Length: %zu\r\n\r\n", len);
	memcpy(request + head, text_of, len);
	unsigned status = ask(request, (size_t)head + len);
	bool good = name[0] == 'y'   ? status == (refused_good(name) ? 400 : 200)
		    : name[0] == 'n' ? status == (len == 0 ? 200 : 400)
				     : status == 200 || status == 400;
	if (!good)
		printf("%s: %u\n", name, status);
	CU_ASSERT(good);
}

static void json_client(void)
{
	each_file("json", ".json", json_case);
	still_served();
}

static void test_json_suite(void)
{
	serve(json_client);
}

/* The bytes of an ```http block: lines end with CR LF, escapes are as in C. */
static size_t block_bytes(const char *from, const char *to, char *out)
{
	size_t n = 0;

	for (const char *p = from; p < to; p++) {
		if (*p == '\\' && p + 1 < to && strchr("rntf", p[1]) != NULL) {
			out[n++] = "\r\n\t\f"[strchr("rntf", *++p) - "rntf"];
			if (*p == 'n' && p + 1 < to && p[1] == '\n')
				p++;
		} else if (*p == '\n') {
			out[n++] = '\r';
			out[n++] = '\n';
		} else {
			out[n++] = *p;
		}
	}
	return n;
}

/* Many of them are cut requests, so nothing is waited for: sent, closed, and the next one. */
static void llhttp_case(const char *name)
{
	static char bytes[1 << 16];
	unsigned blocks = 0;

	file_read("llhttp", name);
	for (const char *p = text_of; (p = strstr(p, "```http\n")) != NULL; blocks++) {
		p += strlen("```http\n");
		const char *end = strstr(p, "\n```");
		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		int fd = client_dial(path);
		client_put(fd, bytes, block_bytes(p, end, bytes));
		close(fd);
		p = end;
	}
	CU_ASSERT(blocks != 0);
	still_served();
}

static void llhttp_client(void)
{
	each_file("llhttp", ".md", llhttp_case);
}

static void test_llhttp_corpus(void)
{
	serve(llhttp_client);
}

FOG_TEST_MAIN("controlplane/gateway/patience", FOG_TEST(test_untaken), FOG_TEST(test_slow_clients),
	      FOG_TEST(test_smuggling), FOG_TEST(test_json_suite), FOG_TEST(test_llhttp_corpus))
