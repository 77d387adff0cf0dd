/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/socks.h"
#include "tests/unit/fog_test.h"

struct result {
	enum fog_socks_state state;
	size_t taken;
	u8 out[64];
	size_t out_size;
	struct fog_socks socks;
};

/* Feed in pieces of `step` bytes until the state is final or the input is used up. */
static struct result feed(const void *data, size_t size, size_t step)
{
	const u8 *in = data;
	struct result r = {0};

	while (r.taken < size && r.state < FOG_SOCKS_READY) {
		u8 out[FOG_SOCKS_REPLY_SIZE];
		size_t taken, out_size;
		size_t n = FOG_MIN(step, size - r.taken);

		r.state = fog_socks_feed(&r.socks, in + r.taken, n, &taken, out, &out_size);
		CU_ASSERT_FATAL(taken <= n);
		CU_ASSERT_FATAL(r.out_size + out_size <= sizeof(r.out));
		memcpy(r.out + r.out_size, out, out_size);
		r.out_size += out_size;
		r.taken += taken;
	}
	return r;
}

static void test_life_cycle(void)
{
	static const u8 in[] = "\x05\x01\x00"
			       "\x05\x01\x00\x03\x0b"
			       "example.lab"
			       "\x00\x50"
			       "GET /";
	u8 reply[FOG_SOCKS_REPLY_SIZE];

	for (size_t step = 1; step < sizeof(in); step++) {
		struct result r = feed(in, sizeof(in) - 1, step);

		CU_ASSERT_EQUAL(r.state, FOG_SOCKS_READY);
		CU_ASSERT_STRING_EQUAL(r.socks.host, "example.lab");
		CU_ASSERT_EQUAL(r.socks.port, 80);
		CU_ASSERT_EQUAL(r.out_size, 2);
		CU_ASSERT_EQUAL(memcmp(r.out, "\x05\x00", 2), 0);
		CU_ASSERT_EQUAL(r.taken, sizeof(in) - 1 - 5); /* "GET /" is left */
	}
	fog_socks_reply(FOG_SOCKS_REFUSED, reply);
	CU_ASSERT_EQUAL(memcmp(reply, "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", 10), 0);
}

#define HELLO "\x05\x01\x00"

static void test_table(void)
{
	static const struct {
		const char *what;
		const char *in;
		size_t size;
		enum fog_socks_state state;
		int reply; /* second byte of the last answer, -1 none */
		const char *host;
		u16 port;
	} table[] = {
#define T(what, text, state, reply, host, port) \
	{what, text, sizeof(text) - 1, state, reply, host, port}
		T("IPv4", HELLO "\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb", FOG_SOCKS_READY, 0,
		  "192.0.2.1", 443),
		T("IPv6",
		  HELLO "\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x16",
		  FOG_SOCKS_READY, 0, "2001:db8::1", 22),
		T("one-letter name", HELLO "\x05\x01\x00\x03\x01x\xff\xff", FOG_SOCKS_READY, 0, "x",
		  65535),
		T("several methods", "\x05\x03\x02\x80\x00\x05\x01\x00\x03\x01x\x00\x01",
		  FOG_SOCKS_READY, 0, "x", 1),
		T("SOCKS4", "\x04\x01\x00\x50", FOG_SOCKS_FAILED, -1, "", 0),
		T("HTTP", "GET / HTTP/1.1", FOG_SOCKS_FAILED, -1, "", 0),
		T("no methods", "\x05\x00", FOG_SOCKS_FAILED, 0xff, "", 0),
		T("only password", "\x05\x01\x02", FOG_SOCKS_FAILED, 0xff, "", 0),
		T("request of SOCKS4", HELLO "\x04\x01\x00\x01", FOG_SOCKS_FAILED, 0, "", 0),
		T("BIND", HELLO "\x05\x02\x00\x01\x7f\0\0\x01\x00\x50", FOG_SOCKS_FAILED, 7, "", 0),
		T("UDP ASSOCIATE", HELLO "\x05\x03\x00\x01\0\0\0\0\0\0", FOG_SOCKS_FAILED, 7, "",
		  0),
		T("unknown command", HELLO "\x05\x63\x00\x01\0\0\0\0\0\0", FOG_SOCKS_FAILED, 7, "",
		  0),
		T("unknown address type", HELLO "\x05\x01\x00\x02\x00", FOG_SOCKS_FAILED, 8, "", 0),
		T("port 0", HELLO "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x00", FOG_SOCKS_FAILED, 1,
		  "", 0),
		T("empty name", HELLO "\x05\x01\x00\x03\x00\x00\x50", FOG_SOCKS_FAILED, 1, "", 0),
		T("zero in a name",
		  HELLO "\x05\x01\x00\x03\x03"
			"a\0b\x00\x50",
		  FOG_SOCKS_FAILED, 1, "", 0),
		T("newline in a name",
		  HELLO "\x05\x01\x00\x03\x03"
			"a\nb\x00\x50",
		  FOG_SOCKS_FAILED, 1, "", 0),
		T("high byte in a name",
		  HELLO "\x05\x01\x00\x03\x03"
			"a\xc3z\x00\x50",
		  FOG_SOCKS_FAILED, 1, "", 0),
		T("unfinished methods", "\x05\x02\x00", FOG_SOCKS_METHODS, -1, "", 0),
		T("unfinished request",
		  HELLO "\x05\x01\x00\x03\x05"
			"ab",
		  FOG_SOCKS_REQUEST, 0, "", 0),
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		for (size_t step = 1; step <= table[i].size; step++) {
			struct result r = feed(table[i].in, table[i].size, step);
			int reply = -1;

			if (r.out_size >= 10)
				reply = r.out[r.out_size - 9];
			else if (r.out_size == 2)
				reply = r.out[1];
			if (r.state != table[i].state || reply != table[i].reply)
				CU_FAIL(table[i].what);
			if (r.state == FOG_SOCKS_READY) {
				CU_ASSERT_STRING_EQUAL(r.socks.host, table[i].host);
				CU_ASSERT_EQUAL(r.socks.port, table[i].port);
			}
		}
	}
}

static void test_bad_arguments(void)
{
	u8 long_name[3 + 5 + 255 + 2] = "\x05\x01\x00\x05\x01\x00\x03\xff";

	memset(long_name + 8, 'a', 255);
	long_name[8 + 255] = 1;
	struct result r = feed(long_name, sizeof(long_name), sizeof(long_name));
	CU_ASSERT_EQUAL(r.state, FOG_SOCKS_READY);
	CU_ASSERT_EQUAL(strlen(r.socks.host), 255);
	CU_ASSERT_EQUAL(r.socks.port, 256);
	/* Random input: never past the buffer, always an end. */
	srandom(4);
	for (unsigned i = 0; i < 20000; i++) {
		u8 in[600];

		for (unsigned k = 0; k < sizeof(in); k++)
			in[k] = (u8)random();
		if (i % 2 == 0)
			memcpy(in, "\x05\x01\x00\x05\x01\x00", 6);
		r = feed(in, sizeof(in), 1 + (size_t)random() % 600);
		CU_ASSERT(r.state >= FOG_SOCKS_READY || r.socks.used <= FOG_SOCKS_INPUT_MAX);
	}
}

FOG_TEST_MAIN("dataplane/edge/socks", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_table))
