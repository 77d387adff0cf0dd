/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/noise/noise.h"

#include "crypto/curve/x25519.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define TEXT_MAX 512

/* Everything of one handshake; the functions below are its four steps. */
struct pair {
	u8 is[32], ie[32], rs[32], re[32], is_pk[32], rs_pk[32], prologue[TEXT_MAX];
	size_t prologue_len;
	struct fog_noise initiator, responder;
	struct fog_noise_result ir, rr;
	u8 one[FOG_NOISE_MSG1_OVERHEAD + FOG_NOISE_PAYLOAD_MAX + 1];
	u8 two[FOG_NOISE_MSG2_OVERHEAD + FOG_NOISE_PAYLOAD_MAX + 1];
	u8 who[32], payload[FOG_NOISE_PAYLOAD_MAX];
	size_t one_len, two_len, payload_len;
};

static void pair_init(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	memset(p->is, 11, 32);
	memset(p->ie, 12, 32);
	memset(p->rs, 13, 32);
	memset(p->re, 14, 32);
	fog_x25519_base(p->is_pk, p->is);
	fog_x25519_base(p->rs_pk, p->rs);
	memcpy(p->prologue, "prologue", 8);
	p->prologue_len = 8;
}

static int pair_start(struct pair *p, const u8 *payload, size_t len)
{
	return fog_noise_initiator_start(&p->initiator, p->is, p->rs_pk, p->ie, p->prologue,
					 p->prologue_len, payload, len, p->one, sizeof(p->one),
					 &p->one_len);
}

static int pair_read(struct pair *p)
{
	return fog_noise_responder_read(&p->responder, p->rs, p->prologue, p->prologue_len, p->one,
					p->one_len, p->who, p->payload, sizeof(p->payload),
					&p->payload_len);
}

static int pair_write(struct pair *p, const u8 *payload, size_t len)
{
	return fog_noise_responder_write(&p->responder, p->re, payload, len, p->two, sizeof(p->two),
					 &p->two_len, &p->rr);
}

static int pair_finish(struct pair *p)
{
	return fog_noise_initiator_finish(&p->initiator, p->two, p->two_len, p->payload,
					  sizeof(p->payload), &p->payload_len, &p->ir);
}

static struct pair p;

static void test_life_cycle(void)
{
	static const size_t sizes[] = {0, 1, 700, FOG_NOISE_PAYLOAD_MAX};
	static u8 text[FOG_NOISE_PAYLOAD_MAX] = "hello";
	u8 sealed[64], opened[64];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(sizes); i++) {
		pair_init(&p);
		CU_ASSERT_EQUAL_FATAL(pair_start(&p, text, sizes[i]), 0);
		CU_ASSERT_EQUAL(p.one_len, sizes[i] + FOG_NOISE_MSG1_OVERHEAD);
		CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
		CU_ASSERT(memcmp(p.who, p.is_pk, 32) == 0);
		CU_ASSERT_EQUAL(p.payload_len, sizes[i]);
		CU_ASSERT(memcmp(p.payload, text, sizes[i]) == 0);
		CU_ASSERT_EQUAL_FATAL(pair_write(&p, text, sizes[3 - i]), 0);
		CU_ASSERT_EQUAL_FATAL(pair_finish(&p), 0);
		CU_ASSERT_EQUAL(p.payload_len, sizes[3 - i]);
		CU_ASSERT(memcmp(p.ir.send, p.rr.recv, 32) == 0);
		CU_ASSERT(memcmp(p.ir.recv, p.rr.send, 32) == 0);
		CU_ASSERT(memcmp(p.ir.hash, p.rr.hash, 32) == 0);
		CU_ASSERT(memcmp(p.ir.send, p.ir.recv, 32) != 0);
		CU_ASSERT(fog_is_zero(&p.initiator, sizeof(p.initiator)));
		CU_ASSERT(fog_is_zero(&p.responder, sizeof(p.responder)));
	}
	CU_ASSERT_EQUAL(fog_noise_seal(p.ir.send, 5, "ad", 2, text, 40, sealed), 0);
	CU_ASSERT_EQUAL(fog_noise_open(p.rr.recv, 5, "ad", 2, sealed, 56, opened), 0);
	CU_ASSERT(memcmp(opened, text, 40) == 0);
	fog_noise_result_wipe(&p.ir);
	CU_ASSERT(fog_is_zero(&p.ir, sizeof(p.ir)));
}

static void test_bad_arguments(void)
{
	struct fog_noise_result result;
	u8 zero[32] = {0};

	pair_init(&p);
	CU_ASSERT_EQUAL(pair_start(&p, NULL, 1), -EINVAL);
	CU_ASSERT_EQUAL(pair_start(&p, p.one, FOG_NOISE_PAYLOAD_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_noise_initiator_start(&p.initiator, p.is, p.rs_pk, p.ie, NULL, 1, NULL,
						  0, p.one, sizeof(p.one), &p.one_len),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_noise_initiator_start(&p.initiator, p.is, p.rs_pk, p.ie, NULL, 0, zero,
						  1, p.one, FOG_NOISE_MSG1_OVERHEAD, &p.one_len),
			-ENOSPC);
	CU_ASSERT_EQUAL(fog_noise_initiator_start(&p.initiator, p.is, zero, p.ie, NULL, 0, NULL, 0,
						  p.one, sizeof(p.one), &p.one_len),
			-EBADMSG);
	CU_ASSERT(fog_is_zero(&p.initiator, sizeof(p.initiator)));
	/* Steps out of order. */
	CU_ASSERT_EQUAL(pair_finish(&p), -EPROTO);
	CU_ASSERT_EQUAL(pair_write(&p, NULL, 0), -EPROTO);
	CU_ASSERT_EQUAL_FATAL(pair_start(&p, NULL, 0), 0);
	CU_ASSERT_EQUAL(fog_noise_responder_write(&p.initiator, p.re, NULL, 0, p.two, sizeof(p.two),
						  &p.two_len, &result),
			-EPROTO);
	/* Message 1 of every wrong length; too little room for its payload. */
	CU_ASSERT_EQUAL_FATAL(pair_start(&p, zero, 9), 0);
	for (p.one_len = 0; p.one_len < FOG_NOISE_MSG1_OVERHEAD; p.one_len++)
		CU_ASSERT_EQUAL(pair_read(&p), -EMSGSIZE);
	p.one_len = sizeof(p.one);
	CU_ASSERT_EQUAL(pair_read(&p), -EMSGSIZE);
	p.one_len = FOG_NOISE_MSG1_OVERHEAD + 9;
	CU_ASSERT_EQUAL(fog_noise_responder_read(&p.responder, p.rs, p.prologue, 8, p.one,
						 p.one_len, p.who, p.payload, 8, &p.payload_len),
			-ENOSPC);
	CU_ASSERT_EQUAL(fog_noise_responder_read(&p.responder, p.rs, NULL, 8, p.one, p.one_len,
						 p.who, p.payload, 9, &p.payload_len),
			-EINVAL);
	CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
	CU_ASSERT_EQUAL(pair_write(&p, NULL, 1), -EINVAL);
	CU_ASSERT(fog_is_zero(&p.responder, sizeof(p.responder)));
	CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
	CU_ASSERT_EQUAL(fog_noise_responder_write(&p.responder, p.re, zero, 1, p.two,
						  FOG_NOISE_MSG2_OVERHEAD, &p.two_len, &result),
			-ENOSPC);
}

/* A changed bit anywhere, another prologue and another responder fail; the initiator survives
 * forged answers and still takes the true one. */
static void test_tamper(void)
{
	pair_init(&p);
	CU_ASSERT_EQUAL_FATAL(pair_start(&p, (const u8 *)"payload", 7), 0);
	for (unsigned bit = 0; bit < p.one_len * 8; bit += 11) {
		p.one[bit / 8] ^= 1 << bit % 8;
		/* X25519 ignores the top bit of a point, but the hash does not. */
		CU_ASSERT_EQUAL(pair_read(&p), -EBADMSG);
		CU_ASSERT(fog_is_zero(&p.responder, sizeof(p.responder)));
		p.one[bit / 8] ^= 1 << bit % 8;
	}
	p.prologue[0] ^= 1;
	CU_ASSERT_EQUAL(pair_read(&p), -EBADMSG);
	p.prologue[0] ^= 1;
	p.rs[5] ^= 1;
	CU_ASSERT_EQUAL(pair_read(&p), -EBADMSG);
	p.rs[5] ^= 1;
	CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
	CU_ASSERT_EQUAL_FATAL(pair_write(&p, (const u8 *)"answer", 6), 0);
	for (unsigned bit = 0; bit < p.two_len * 8; bit += 11) {
		p.two[bit / 8] ^= 1 << bit % 8;
		CU_ASSERT_EQUAL(pair_finish(&p), -EBADMSG);
		p.two[bit / 8] ^= 1 << bit % 8;
	}
	p.two_len--;
	CU_ASSERT_EQUAL(pair_finish(&p), -EBADMSG);
	p.two_len = FOG_NOISE_MSG2_OVERHEAD - 1;
	CU_ASSERT_EQUAL(pair_finish(&p), -EMSGSIZE);
	p.two_len = FOG_NOISE_MSG2_OVERHEAD + 6;
	CU_ASSERT_EQUAL(pair_finish(&p), 0);
	CU_ASSERT_EQUAL(p.payload_len, 6);
	CU_ASSERT_EQUAL(pair_finish(&p), -EPROTO);
}

static void test_low_order(void)
{
	pair_init(&p);
	CU_ASSERT_EQUAL_FATAL(pair_start(&p, NULL, 0), 0);
	memset(p.one, 0, 32);
	CU_ASSERT_EQUAL(pair_read(&p), -EBADMSG);
	CU_ASSERT_EQUAL_FATAL(pair_start(&p, NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
	CU_ASSERT_EQUAL_FATAL(pair_write(&p, NULL, 0), 0);
	memset(p.two, 0, 32);
	CU_ASSERT_EQUAL(pair_finish(&p), -EBADMSG);
}

static void test_transport(void)
{
	u8 key[32] = {1}, text[50] = "text", sealed[66], out[66];

	CU_ASSERT_EQUAL(fog_noise_seal(key, UINT64_MAX, NULL, 0, text, 50, sealed), -EOVERFLOW);
	CU_ASSERT_EQUAL(fog_noise_open(key, UINT64_MAX, NULL, 0, text, 50, sealed), -EOVERFLOW);
	CU_ASSERT_EQUAL(fog_noise_open(key, 1, NULL, 0, text, 15, sealed), -EMSGSIZE);
	CU_ASSERT_EQUAL(fog_noise_seal(key, UINT64_MAX - 1, "a", 1, text, 50, sealed), 0);
	for (unsigned bit = 0; bit < sizeof(sealed) * 8; bit++) {
		sealed[bit / 8] ^= 1 << bit % 8;
		memset(out, 0xaa, sizeof(out));
		CU_ASSERT_EQUAL(fog_noise_open(key, UINT64_MAX - 1, "a", 1, sealed, 66, out),
				-EBADMSG);
		CU_ASSERT(fog_is_zero(out, 50));
		sealed[bit / 8] ^= 1 << bit % 8;
	}
	CU_ASSERT_EQUAL(fog_noise_open(key, 1, "a", 1, sealed, 66, out), -EBADMSG);
	CU_ASSERT_EQUAL(fog_noise_open(key, UINT64_MAX - 1, "b", 1, sealed, 66, out), -EBADMSG);
	CU_ASSERT_EQUAL(fog_noise_open(key, UINT64_MAX - 1, NULL, 0, sealed, 66, out), -EBADMSG);
	/* In place, both ways. */
	CU_ASSERT_EQUAL(fog_noise_open(key, UINT64_MAX - 1, "a", 1, sealed, 66, sealed), 0);
	CU_ASSERT(memcmp(sealed, text, 50) == 0);
	CU_ASSERT_EQUAL(fog_noise_seal(key, 2, NULL, 0, sealed, 50, sealed), 0);
	CU_ASSERT_EQUAL(fog_noise_open(key, 2, NULL, 0, sealed, 66, out), 0);
	CU_ASSERT(memcmp(out, text, 50) == 0);
}

/* Messages after the handshake: sealed by turns, each side with its own counter. */
static void vector_transport(json_t *messages)
{
	u8 text[TEXT_MAX], expect[TEXT_MAX], out[TEXT_MAX];

	for (size_t i = 2; i < json_array_size(messages); i++) {
		const struct fog_noise_result *from = i % 2 ? &p.rr : &p.ir;
		const struct fog_noise_result *to = i % 2 ? &p.ir : &p.rr;
		json_t *m = json_array_get(messages, i);
		size_t len = vectors_member(m, "payload", text, sizeof(text));
		CU_ASSERT_EQUAL_FATAL(vectors_member(m, "ciphertext", expect, sizeof(expect)),
				      len + 16);
		u64 counter = i / 2 - 1;
		CU_ASSERT_EQUAL(fog_noise_seal(from->send, counter, NULL, 0, text, len, out), 0);
		CU_ASSERT(memcmp(out, expect, len + 16) == 0);
		CU_ASSERT_EQUAL(fog_noise_open(to->recv, counter, NULL, 0, expect, len + 16, out),
				0);
		CU_ASSERT(memcmp(out, text, len) == 0);
	}
}

static void test_vectors(void)
{
	json_t *root = vectors_load("noise/ik_25519_chachapoly_blake2s.json"), *v;
	u8 text[TEXT_MAX], expect[TEXT_MAX];
	size_t i;

	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "vectors")), 2);
	json_array_foreach(json_object_get(root, "vectors"), i, v)
	{
		json_t *messages = json_object_get(v, "messages"), *m = json_array_get(messages, 0);
		memset(&p, 0, sizeof(p));
		vectors_member(v, "init_static", p.is, 32);
		vectors_member(v, "init_ephemeral", p.ie, 32);
		vectors_member(v, "init_remote_static", p.rs_pk, 32);
		vectors_member(v, "resp_static", p.rs, 32);
		vectors_member(v, "resp_ephemeral", p.re, 32);
		p.prologue_len = vectors_member(v, "init_prologue", p.prologue, TEXT_MAX);
		CU_ASSERT(json_array_size(messages) > 3);

		size_t len = vectors_member(m, "payload", text, sizeof(text));
		CU_ASSERT_EQUAL_FATAL(pair_start(&p, text, len), 0);
		CU_ASSERT_EQUAL(vectors_member(m, "ciphertext", expect, TEXT_MAX), p.one_len);
		CU_ASSERT(memcmp(p.one, expect, p.one_len) == 0);
		CU_ASSERT_EQUAL_FATAL(pair_read(&p), 0);
		CU_ASSERT(p.payload_len == len && memcmp(p.payload, text, len) == 0);
		m = json_array_get(messages, 1);
		len = vectors_member(m, "payload", text, sizeof(text));
		CU_ASSERT_EQUAL_FATAL(pair_write(&p, text, len), 0);
		CU_ASSERT_EQUAL(vectors_member(m, "ciphertext", expect, TEXT_MAX), p.two_len);
		CU_ASSERT(memcmp(p.two, expect, p.two_len) == 0);
		CU_ASSERT_EQUAL_FATAL(pair_finish(&p), 0);
		CU_ASSERT(p.payload_len == len && memcmp(p.payload, text, len) == 0);
		if (json_object_get(v, "handshake_hash") != NULL) {
			vectors_member(v, "handshake_hash", expect, 32);
			CU_ASSERT(memcmp(p.ir.hash, expect, 32) == 0);
		}
		vector_transport(messages);
	}
	json_decref(root);
}

static void test_wycheproof(void)
{
	json_t *root = vectors_load("wycheproof/chacha20_poly1305_subset.json"), *group, *t;
	u8 key[32], iv[12], aad[512], msg[512], tag[16], expect[528], out[528];
	size_t i, j;
	unsigned done = 0;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, t)
		{
			vectors_member(t, "key", key, 32);
			vectors_member(t, "iv", iv, 12);
			size_t aad_len = vectors_member(t, "aad", aad, sizeof(aad));
			size_t len = vectors_member(t, "msg", msg, sizeof(msg));
			vectors_member(t, "ct", expect, sizeof(expect));
			vectors_member(t, "tag", tag, 16);
			memcpy(expect + len, tag, 16);
			bool valid = strcmp(json_string_value(json_object_get(t, "result")),
					    "valid") == 0;
			u64 counter = fog_load_u64(iv + 4);
			/* Noise keeps the last counter for itself. */
			int rc = counter == UINT64_MAX ? -EOVERFLOW : valid ? 0 : -EBADMSG;
			CU_ASSERT_EQUAL(
				fog_noise_open(key, counter, aad, aad_len, expect, len + 16, out),
				rc);
			CU_ASSERT(rc != 0 || memcmp(out, msg, len) == 0);
			done++;
		}
	}
	CU_ASSERT_EQUAL(done, 10);
	json_decref(root);
}

FOG_TEST_MAIN("crypto/noise/noise", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_tamper), FOG_TEST(test_low_order), FOG_TEST(test_transport),
	      FOG_TEST(test_vectors), FOG_TEST(test_wycheproof))
