/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of raw sockets against a gateway in another thread: every byte of theirs is ours to get
 * wrong. */
#include "controlplane/gateway/websocket.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/controlplane/gateway/clients.h"

static struct ev_loop *loop;
static struct fog_gateway *gw;
static char dir[64], path[96];
static atomic_uint opened, closed, dropped;
static char blob[FOG_WEBSOCKET_QUEUE_MAX / 4];

/* ---- server --------------------------------------------------------------------------------- */

static void on_opened(struct fog_websocket *ws)
{
	CU_ASSERT_PTR_EQUAL(fog_websocket_ctx(ws), &loop);
	fog_websocket_set_user(ws, &opened);
	atomic_fetch_add(&opened, 1);
	CU_ASSERT_EQUAL(fog_websocket_send(ws, "hello", 5), 0);
}

/* "flood": more than a queue takes; "bye": closed by us; anything else comes back. */
static void on_message(struct fog_websocket *ws, const char *text, size_t len)
{
	CU_ASSERT_EQUAL(text[len], '\0');
	if (strcmp(text, "flood") == 0) {
		for (int i = 0; i < 100; i++)
			(void)fog_websocket_send(ws, blob, sizeof(blob));
		CU_ASSERT(fog_websocket_queued(ws) <= FOG_WEBSOCKET_QUEUE_MAX);
		atomic_store(&dropped, (unsigned)fog_websocket_dropped(ws));
	} else if (strcmp(text, "bye") == 0) {
		fog_websocket_close(ws, 1008, "as you wish");
		CU_ASSERT_EQUAL(fog_websocket_send(ws, "x", 1), -EPIPE);
	} else if (strcmp(text, "json") == 0) {
		CU_ASSERT_EQUAL(fog_websocket_send_json(ws, json_pack("{s:i}", "a", 1)), 0);
		CU_ASSERT_EQUAL(fog_websocket_send_json(ws, NULL), -ENOMEM);
	} else {
		CU_ASSERT_EQUAL(fog_websocket_send(ws, text, len), 0);
	}
}

static void on_closed(struct fog_websocket *ws)
{
	CU_ASSERT_PTR_EQUAL(fog_websocket_user(ws), &opened);
	CU_ASSERT_EQUAL(fog_websocket_send(ws, "x", 1), -EPIPE);
	fog_websocket_close(ws, 1000, "");
	atomic_fetch_add(&closed, 1);
}

static const struct fog_websocket_handlers handlers = {
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
};

static int ws_get(struct fog_exchange *x)
{
	return fog_exchange_websocket(x, &handlers, &loop);
}

static int plain_get(struct fog_exchange *x)
{
	return fog_exchange_json(x, 200, json_object());
}

static const struct fog_route routes[] = {
	{"GET", "/ws", ws_get},
	{"GET", "/plain", plain_get},
};

/* Run `client` in a thread while the loop serves. */
static void serve(void (*client)(void))
{
	snprintf(dir, sizeof(dir), "/tmp/fog-websocket-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	opened = closed = 0;
	int fd = fog_unix_listen(path, 512);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_new(&gw, loop), 0);
	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), NULL);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_listen(gw, fd), 0);
	clients_serve(loop, client);
	fog_gateway_free(gw);
	CU_ASSERT_EQUAL(opened, closed);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

/* ---- client --------------------------------------------------------------------------------- */

static bool take(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static void head_read(int fd, char *head, size_t size)
{
	size_t used = 0;

	while (used < size - 1 && take(fd, head + used, 1)) {
		head[++used] = '\0';
		if (used >= 4 && memcmp(head + used - 4, "\r\n\r\n", 4) == 0)
			return;
	}
}

#define UPGRADE                                                              \
	"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n" \
	"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"                \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* A frame with a mask; len up to 2^32. */
static void frame_put(int fd, u8 first, const void *data, size_t len)
{
	static const u8 mask[4] = {0x12, 0x34, 0x56, 0x78};
	u8 *frame = malloc(len + 14);
	size_t n = 2;

	frame[0] = first;
	if (len < 126) {
		frame[1] = (u8)(0x80 | len);
	} else {
		frame[1] = 0x80 | 127;
		for (int i = 0; i < 8; i++)
			frame[n++] = (u8)((u64)len >> (56 - 8 * i));
	}
	memcpy(frame + n, mask, 4);
	n += 4;
	for (size_t i = 0; i < len; i++)
		frame[n + i] = ((const u8 *)data)[i] ^ mask[i % 4];
	client_put(fd, frame, n + len);
	free(frame);
}

/* The next frame's first byte, its payload in `data`; 0: the end. */
static u8 frame_take(int fd, char *data, size_t size, size_t *len)
{
	u8 head[2], wide[8];

	*len = 0;
	if (!take(fd, head, 2))
		return 0;
	CU_ASSERT_EQUAL(head[1] & 0x80, 0);
	size_t bytes = head[1] == 127 ? 8 : head[1] == 126 ? 2 : 0;
	*len = bytes != 0 ? 0 : head[1];
	if (bytes != 0 && !take(fd, wide, bytes))
		return 0;
	for (size_t i = 0; i < bytes; i++)
		*len = *len << 8 | wide[i];
	CU_ASSERT_FATAL(*len < size);
	if (*len != 0 && !take(fd, data, *len))
		return 0;
	data[*len] = '\0';
	return head[0];
}

static void text_expect(int fd, const char *text)
{
	char data[256];
	size_t len;

	CU_ASSERT_EQUAL(frame_take(fd, data, sizeof(data), &len), 0x81);
	CU_ASSERT_STRING_EQUAL(data, text);
}

/* A close with this code (0: none), then the end. */
static void close_expect(int fd, unsigned code)
{
	static char data[1 << 17];
	size_t len;
	u8 first;

	do
		first = frame_take(fd, data, sizeof(data), &len);
	while (first == 0x81 || first == 0x8a);
	CU_ASSERT_EQUAL(first, 0x88);
	CU_ASSERT_EQUAL(len != 0 ? ((u8)data[0] << 8 | (u8)data[1]) : 0, code);
	close(fd);
}

static int upgraded(void)
{
	char head[1024] = "";
	int fd = client_dial(path);

	client_put(fd, UPGRADE, strlen(UPGRADE));
	head_read(fd, head, sizeof(head));
	CU_ASSERT_PTR_NOT_NULL(strstr(head, "HTTP/1.1 101 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(head, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(head, "X-Request-Id: "));
	text_expect(fd, "hello");
	return fd;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void life_cycle_client(void)
{
	char data[64];
	size_t len;
	int fd = upgraded();

	frame_put(fd, 0x81, "echo", 4);
	text_expect(fd, "echo");
	frame_put(fd, 0x01, "in ", 3);
	frame_put(fd, 0x89, "ping", 4);
	frame_put(fd, 0x00, "", 0);
	frame_put(fd, 0x80, "parts", 5);
	CU_ASSERT_EQUAL(frame_take(fd, data, sizeof(data), &len), 0x8a);
	CU_ASSERT_STRING_EQUAL(data, "ping");
	text_expect(fd, "in parts");
	frame_put(fd, 0x81, "json", 4);
	text_expect(fd, "{\"a\":1}");
	frame_put(fd, 0x88, "\x03\xe8", 2);
	close_expect(fd, 1000);
}

static void test_life_cycle(void)
{
	serve(life_cycle_client);
}

static const struct {
	const char *request, *status;
} handshakes[] = {
	{"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", " 426 "},
	{"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	 " 426 "},
	{"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	 " 426 "},
	{"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
	 " 400 "},
	{"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 13\r\n\r\n",
	 " 400 "},
	{"HEAD /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	 " 400 "},
	{"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	 " 200 "},
};

static void handshake_client(void)
{
	char head[1024];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(handshakes); i++) {
		int fd = client_dial(path);
		client_put(fd, handshakes[i].request, strlen(handshakes[i].request));
		head[0] = '\0';
		head_read(fd, head, sizeof(head));
		CU_ASSERT_PTR_NOT_NULL(strstr(head, handshakes[i].status));
		close(fd);
	}
}

static void test_handshakes(void)
{
	serve(handshake_client);
	CU_ASSERT_EQUAL(opened, 0);
}

static const struct {
	const char *bytes;
	size_t len;
	unsigned code;
} wrongs[] = {
	{"\x81\x01x", 3, 1002},                              /* no mask */
	{"\xc1\x80\0\0\0\0", 6, 1002},                       /* reserved bit */
	{"\x83\x80\0\0\0\0", 6, 1002},                       /* unknown kind of frame */
	{"\x80\x80\0\0\0\0", 6, 1002},                       /* continues nothing */
	{"\x81\x82\0\0\0\0\xc3\x28", 8, 1007},               /* no UTF-8 */
	{"\x81\x81\0\0\0\0\xc3", 7, 1007},                   /* cut UTF-8 */
	{"\x82\x81\0\0\0\0x", 7, 1003},                      /* binary */
	{"\x81\xff\0\0\0\0\0\x40\0\x01\0\0\0\0x", 15, 1009}, /* one byte above the limit */
	{"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, 1009},
	{"\x89\xfe\0\x7e\0\0\0\0", 8, 0},      /* a ping that is too long */
	{"\x88\x82\0\0\0\0\x03\xed", 8, 1002}, /* a close with a code that is never sent */
};

static void wrong_client(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(wrongs); i++) {
		int fd = upgraded();
		client_put(fd, wrongs[i].bytes, wrongs[i].len);
		close_expect(fd, wrongs[i].code);
	}
	int fd = upgraded();
	frame_put(fd, 0x81, "bye", 3);
	close_expect(fd, 1008);
	fd = upgraded(); /* gone without a word */
	close(fd);
	fd = upgraded();
	frame_put(fd, 0x81, "still served", 12);
	text_expect(fd, "still served");
	close(fd);
}

static void test_wrong_frames(void)
{
	serve(wrong_client);
}

/* Frames that came in one piece with the request. */
static void early_client(void)
{
	char head[1024] = "";
	static const char together[] = UPGRADE "\x81\x82\0\0\0\0ab\x81\x81\0\0\0\0c";
	int fd = client_dial(path);

	client_put(fd, together, sizeof(together) - 1);
	head_read(fd, head, sizeof(head));
	text_expect(fd, "hello");
	text_expect(fd, "ab");
	text_expect(fd, "c");
	close(fd);
}

static void test_early_frames(void)
{
	serve(early_client);
}

static void limits_client(void)
{
	char *big = calloc(1, FOG_WEBSOCKET_MESSAGE_MAX);
	int slow = upgraded(), other = upgraded(), tiny = upgraded();

	/* Who does not read loses messages; others do not notice. */
	frame_put(slow, 0x81, "flood", 5);
	frame_put(other, 0x81, "quick", 5);
	text_expect(other, "quick");
	for (u64 end = fog_monotonic_ms() + CLIENT_WAIT_S * 1000;
	     dropped == 0 && fog_monotonic_ms() < end;)
		usleep(1000);
	CU_ASSERT(dropped > 0);
	close(slow);
	/* An endless message of tiny fragments. */
	frame_put(tiny, 0x01, "", 0);
	for (int i = 0; i <= FOG_WEBSOCKET_FRAGMENTS_MAX; i++)
		frame_put(tiny, 0x00, "x", 1);
	close_expect(tiny, 0);
	/* The largest message there can be is taken; its echo is too large to send. */
	memset(big, 'x', FOG_WEBSOCKET_MESSAGE_MAX);
	memcpy(big, "bye", 4);
	frame_put(other, 0x81, big, FOG_WEBSOCKET_MESSAGE_MAX);
	close_expect(other, 1008);
	free(big);
}

static void test_limits(void)
{
	memset(blob, 'b', sizeof(blob));
	serve(limits_client);
}

static void many_client(void)
{
	enum { COUNT = 400 };
	int fds[COUNT];

	for (int i = 0; i < COUNT; i++)
		fds[i] = upgraded();
	for (int i = 0; i < COUNT; i++)
		frame_put(fds[i], 0x81, "one of many", 11);
	for (int i = 0; i < COUNT; i++)
		text_expect(fds[i], "one of many");
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
}

static void test_many(void)
{
	serve(many_client);
}

/* Frames that come a byte at a time, and a message whose fragments are far apart: between two of
 * its pieces a client is not at rest. */
static void pieces_client(void)
{
	static const char two[] = "\x81\x82\0\0\0\0hi\x01\x82\0\0\0\0fr\x89\x80\0\0\0\0"
				  "\x80\x85\0\0\0\0agmen";
	char data[256];
	size_t len;
	int fd = upgraded(), other = upgraded();

	for (size_t i = 0; i < sizeof(two) - 1; i++) {
		client_put(fd, two + i, 1);
		/* Another one's echo: the loop has been round. */
		frame_put(other, 0x81, "round", 5);
		text_expect(other, "round");
	}
	text_expect(fd, "hi");
	CU_ASSERT_EQUAL(frame_take(fd, data, sizeof(data), &len), 0x8a);
	text_expect(fd, "fragmen");
	/* The end of one and the beginning of the next in one piece. */
	client_put(fd, "\x81\x83\0\0\0\0ab", 8);
	client_put(fd, "c\x81\x81\0", 4);
	text_expect(fd, "abc");
	client_put(fd, "\0\0\0d", 4);
	text_expect(fd, "d");
	close(fd);
	close(other);
}

static void test_pieces(void)
{
	serve(pieces_client);
}

static int left;

static void left_client(void)
{
	left = upgraded();
}

/* Those that are open when the gateway stops are told. */
static void test_stop_with_open(void)
{
	serve(left_client);
	CU_ASSERT_EQUAL(closed, 1);
	close_expect(left, 1001);
}

FOG_TEST_MAIN("controlplane/gateway/websocket", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_handshakes), FOG_TEST(test_wrong_frames), FOG_TEST(test_early_frames),
	      FOG_TEST(test_limits), FOG_TEST(test_many), FOG_TEST(test_pieces),
	      FOG_TEST(test_stop_with_open))
