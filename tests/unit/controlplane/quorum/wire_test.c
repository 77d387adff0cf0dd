/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of votes, certificates, headers, blocks and messages: round trips, limits, every cut. */
#include "controlplane/quorum/wire.h"
#include "controlplane/quorum/quorum.h"
#include "tests/unit/controlplane/quorum/samples.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static const u8 some[32] = {9};
static const u8 none[32];

static void test_vote(void)
{
	struct fog_validators s;
	struct fog_vote v, out;
	u8 data[FOG_VOTE_SIZE], message[FOG_VOTE_SIGNED_SIZE];

	sample_set(&s, 1);
	sample_ballot(&s, &v, FOG_VOTE_NOTARIZE, 2, 5, some);
	fog_vote_encode(&v, data);
	CU_ASSERT_EQUAL(fog_vote_decode(&out, data), 0);
	CU_ASSERT_EQUAL(out.voter, 2);
	CU_ASSERT_EQUAL(out.view, 5);
	fog_vote_signed(&out, sample_chain, message);
	CU_ASSERT_EQUAL(fog_sign_verify(out.signature, message, sizeof(message), s.v[2].node_id),
			0);
	data[1] = FOG_VALIDATORS_MAX;
	CU_ASSERT_EQUAL(fog_vote_decode(&out, data), -EBADMSG);
	data[1] = 2;
	for (u32 kind = 0; kind < 256; kind++) {
		data[0] = (u8)kind;
		bool good = kind == FOG_VOTE_NOTARIZE || kind == FOG_VOTE_FINALIZE;
		CU_ASSERT_EQUAL(fog_vote_decode(&out, data), good ? 0 : -EBADMSG);
	}
	/* Giving a view up names no block, and only that. */
	memset(data + 18, 0, 32);
	data[0] = FOG_VOTE_NULLIFY;
	CU_ASSERT_EQUAL(fog_vote_decode(&out, data), 0);
	data[0] = FOG_VOTE_FINALIZE;
	CU_ASSERT_EQUAL(fog_vote_decode(&out, data), -EBADMSG);
}

/* A signature holds for one chain, epoch, view, kind and block only. */
static void test_signed(void)
{
	static const u8 other_chain[32] = {8};
	struct fog_vote v = {.kind = FOG_VOTE_NOTARIZE, .epoch = 1, .view = 2}, w;
	u8 a[FOG_VOTE_SIGNED_SIZE], b[FOG_VOTE_SIGNED_SIZE];

	memcpy(v.hash, some, 32);
	fog_vote_signed(&v, sample_chain, a);
	fog_vote_signed(&v, other_chain, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	for (u32 i = 0; i < 4; i++) {
		w = v;
		w.epoch += i == 0;
		w.view += i == 1;
		w.kind = i == 2 ? FOG_VOTE_FINALIZE : w.kind;
		w.hash[31] ^= i == 3;
		fog_vote_signed(&w, sample_chain, b);
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	}
}

static void test_contradict(void)
{
	struct fog_validators s;
	struct fog_vote a, b;

	sample_set(&s, 1);
	sample_ballot(&s, &a, FOG_VOTE_NOTARIZE, 2, 5, some);
	sample_ballot(&s, &b, FOG_VOTE_NOTARIZE, 2, 5, sample_chain);
	CU_ASSERT_TRUE(fog_votes_contradict(&a, &b));
	CU_ASSERT_FALSE(fog_votes_contradict(&a, &a));
	b.view = 6;
	CU_ASSERT_FALSE(fog_votes_contradict(&a, &b));
	sample_ballot(&s, &b, FOG_VOTE_NULLIFY, 2, 5, none);
	CU_ASSERT_FALSE(fog_votes_contradict(&a, &b));
	sample_ballot(&s, &a, FOG_VOTE_FINALIZE, 2, 5, some);
	CU_ASSERT_TRUE(fog_votes_contradict(&a, &b));
	CU_ASSERT_TRUE(fog_votes_contradict(&b, &a));
	b.voter = 3;
	CU_ASSERT_FALSE(fog_votes_contradict(&a, &b));
}

static void test_certificate(void)
{
	static struct fog_certificate c, out;
	static u8 data[FOG_CERTIFICATE_SIZE_MAX + 1], again[FOG_CERTIFICATE_SIZE_MAX];
	struct fog_validators s;
	struct fog_vote v, w;

	sample_set(&s, 3);
	sample_certificate(&s, &c, FOG_VOTE_FINALIZE, 13, 5, some);
	u32 len = fog_certificate_encode(&c, data);
	CU_ASSERT_EQUAL(len, FOG_CERTIFICATE_SIZE_MIN + 3 * 64);
	for (u32 cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(fog_certificate_decode(&out, data, cut), -EBADMSG);
	CU_ASSERT_EQUAL(fog_certificate_decode(&out, data, len + 1), (int)len);
	CU_ASSERT_EQUAL(fog_certificate_encode(&out, again), len);
	CU_ASSERT_EQUAL(memcmp(data, again, len), 0);
	sample_ballot(&s, &v, FOG_VOTE_FINALIZE, 3, 5, some);
	fog_certificate_vote(&out, 3, &w);
	CU_ASSERT_EQUAL(memcmp(v.signature, w.signature, 64), 0);
	c.mask = ~0ull;
	CU_ASSERT_EQUAL(fog_certificate_encode(&c, data), FOG_CERTIFICATE_SIZE_MAX);
	CU_ASSERT_EQUAL(fog_certificate_decode(&out, data, FOG_CERTIFICATE_SIZE_MAX),
			FOG_CERTIFICATE_SIZE_MAX);
}

static void test_header_limits(void)
{
	struct fog_validators s;
	struct fog_header h, good, out;
	u8 data[FOG_HEADER_SIZE], again[FOG_HEADER_SIZE];

	sample_set(&s, 1);
	sample_header(&s, &good, 4);
	memset(good.vrf, 3, sizeof(good.vrf));
	fog_header_encode(&good, data);
	CU_ASSERT_EQUAL(fog_header_decode(&out, data), 0);
	fog_header_encode(&out, again);
	CU_ASSERT_EQUAL(memcmp(data, again, sizeof(data)), 0);
	for (u32 i = 0; i < 5; i++) {
		h = good;
		h.last = i == 0 ? 2 : 0;
		h.proposer = i == 1 ? FOG_VALIDATORS_MAX : 0;
		h.tx_count = i == 2 ? FOG_APP_BLOCK_TX_MAX + 1 : 0;
		h.evidence_count = i == 3 ? FOG_APP_EVIDENCE_MAX + 1 : 0;
		h.tx_bytes = i == 4 ? FOG_BLOCK_SIZE_MAX : 0;
		fog_header_encode(&h, data);
		CU_ASSERT_EQUAL(fog_header_decode(&out, data), -EBADMSG);
	}
}

static void test_block(void)
{
	struct fog_validators s;
	struct fog_block *b, *out = NULL;

	sample_set(&s, 1);
	b = sample_block(&s, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL_FATAL(fog_block_decode(&out, b->bytes, b->len), 0);
	CU_ASSERT_EQUAL(memcmp(out->hash, b->hash, 32), 0);
	CU_ASSERT_EQUAL(out->header.tx_count, 2);
	CU_ASSERT_EQUAL(out->tx[0].len, 5);
	CU_ASSERT_EQUAL(memcmp(out->tx[1].data, "two", 3), 0);
	CU_ASSERT_TRUE(fog_votes_contradict(&out->evidence[0].vote[0], &out->evidence[0].vote[1]));
	fog_block_unref(fog_block_ref(out));
	fog_block_unref(out);
	/* Contents are what the roots say: any byte behind the header matters. */
	u8 *data = malloc(b->len + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memcpy(data, b->bytes, b->len);
	for (u32 i = FOG_HEADER_SIZE; i < b->len; i++) {
		data[i] ^= 1;
		CU_ASSERT_EQUAL(fog_block_decode(&out, data, b->len), -EBADMSG);
		data[i] ^= 1;
	}
	for (u32 cut = 0; cut < b->len; cut++)
		CU_ASSERT_EQUAL(fog_block_decode(&out, data, cut), -EBADMSG);
	data[b->len] = 0;
	CU_ASSERT_EQUAL(fog_block_decode(&out, data, b->len + 1), -EBADMSG);
	free(data);
	fog_block_unref(b);
	fog_block_unref(NULL);
}

/* Appends a proposal: a leader's vote, two certificates, a block. Returns the size. */
static u32 proposal_make(const struct fog_validators *s, u8 *out)
{
	static struct fog_certificate c;
	struct fog_block *b = sample_block(s, 4);
	struct fog_vote v;
	u32 at = 1 + FOG_VOTE_SIZE + 2;

	out[0] = FOG_MESSAGE_PROPOSAL;
	sample_ballot(s, &v, FOG_VOTE_NOTARIZE, 0, 4, b->hash);
	fog_vote_encode(&v, out + 1);
	fog_store_u16(out + 1 + FOG_VOTE_SIZE, 2);
	sample_certificate(s, &c, FOG_VOTE_NOTARIZE, SAMPLE_QUORUM, 2, some);
	at += fog_certificate_encode(&c, out + at);
	sample_certificate(s, &c, FOG_VOTE_NULLIFY, SAMPLE_QUORUM, 3, none);
	at += fog_certificate_encode(&c, out + at);
	memcpy(out + at, b->bytes, b->len);
	at += b->len;
	fog_block_unref(b);
	return at;
}

static void test_messages(void)
{
	static u8 data[8192];
	struct fog_validators s;
	struct fog_message m;

	sample_set(&s, 1);
	u32 len = proposal_make(&s, data);
	CU_ASSERT_EQUAL(fog_message_decode(&m, data, len), 0);
	CU_ASSERT_EQUAL(m.cert_count, 2);
	CU_ASSERT_EQUAL(m.cert[1].kind, FOG_VOTE_NULLIFY);
	CU_ASSERT_EQUAL(memcmp(m.block->hash, m.vote.hash, 32), 0);
	fog_message_free(&m);
	for (u32 cut = 0; cut < len; cut++) {
		CU_ASSERT_EQUAL(fog_message_decode(&m, data, cut), -EBADMSG);
		fog_message_free(&m);
	}
	fog_store_u16(data + 1 + FOG_VOTE_SIZE, FOG_MESSAGE_CERTS_MAX + 1);
	CU_ASSERT_EQUAL(fog_message_decode(&m, data, len), -EBADMSG);
	fog_message_free(&m);
	memset(data, 0, 64);
	data[0] = FOG_MESSAGE_FETCH;
	CU_ASSERT_EQUAL(fog_message_decode(&m, data, 33), 0);
	CU_ASSERT_EQUAL(fog_message_decode(&m, data, 34), -EBADMSG);
	data[0] = FOG_MESSAGE_OWNERS;
	CU_ASSERT_EQUAL(fog_message_decode(&m, data, 33), -EBADMSG);
	fog_message_free(&m);
}

/* What has to be verified, and what is refused before that. */
static void test_checks(void)
{
	static struct fog_vote_check checks[FOG_VALIDATORS_MAX];
	static struct fog_certificate c;
	struct fog_validators s;

	sample_set(&s, 1);
	sample_certificate(&s, &c, FOG_VOTE_FINALIZE, SAMPLE_QUORUM, 2, some);
	CU_ASSERT_EQUAL(fog_certificate_checks(&s, sample_chain, &c, checks, 64), 3);
	for (u32 i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(fog_sign_verify(checks[i].signature, checks[i].message,
						sizeof(checks[i].message), checks[i].key),
				0);
	CU_ASSERT_EQUAL(fog_certificate_checks(&s, sample_chain, &c, checks, 2), -ENOSPC);
	c.mask = 3;
	CU_ASSERT_EQUAL(fog_certificate_checks(&s, sample_chain, &c, checks, 64), -EBADMSG);
	c.mask = SAMPLE_QUORUM | 1 << 4; /* a voter there is not */
	CU_ASSERT_EQUAL(fog_certificate_checks(&s, sample_chain, &c, checks, 64), -EBADMSG);
	c.mask = SAMPLE_QUORUM;
	c.epoch = 2;
	CU_ASSERT_EQUAL(fog_certificate_checks(&s, sample_chain, &c, checks, 64), -EBADMSG);
}

FOG_TEST_MAIN("controlplane/quorum/wire", FOG_TEST(test_vote), FOG_TEST(test_signed),
	      FOG_TEST(test_contradict), FOG_TEST(test_certificate), FOG_TEST(test_header_limits),
	      FOG_TEST(test_block), FOG_TEST(test_messages), FOG_TEST(test_checks))
