/* SPDX-License-Identifier: BSD-3-Clause */
/* A light client: epochs and headers it must believe, and every lie it must not. */
#include "controlplane/quorum/light.h"
#include "tests/unit/controlplane/quorum/samples.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static struct fog_validators set;
static struct fog_epoch epoch, out;
static struct fog_certificate cert;
static u8 data[FOG_EPOCH_SIZE_MAX], again[FOG_EPOCH_SIZE_MAX];

static void test_epoch_bytes(void)
{
	sample_set(&set, 1);
	sample_epoch(&set, &epoch);
	u32 len = fog_epoch_encode(&epoch, data);
	CU_ASSERT_EQUAL_FATAL(fog_epoch_decode(&out, data, len), 0);
	CU_ASSERT_EQUAL(fog_epoch_encode(&out, again), len);
	CU_ASSERT_EQUAL(memcmp(data, again, len), 0);
	CU_ASSERT_EQUAL(memcmp(out.set.hash, epoch.set.hash, 32), 0);
	for (u32 cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(fog_epoch_decode(&out, data, cut), -EBADMSG);
}

static void test_epoch_follows(void)
{
	static const u8 other_chain[32] = {8};
	struct fog_validators later;

	sample_set(&set, 1);
	sample_epoch(&set, &epoch);
	CU_ASSERT_EQUAL(fog_epoch_follows(&epoch, &set, sample_chain), 0);
	CU_ASSERT_EQUAL(fog_epoch_follows(&epoch, &set, other_chain), -EBADMSG);
	sample_set(&later, 2);
	CU_ASSERT_EQUAL(fog_epoch_follows(&epoch, &later, sample_chain), -EBADMSG);
	out = epoch;
	out.last.last = 0;
	CU_ASSERT_EQUAL(fog_epoch_follows(&out, &set, sample_chain), -EBADMSG);
	out = epoch;
	out.last.height++; /* not what was certified */
	CU_ASSERT_EQUAL(fog_epoch_follows(&out, &set, sample_chain), -EBADMSG);
	/* Another set than the one the old one named. */
	out = epoch;
	out.set.v[0].weight = 11;
	CU_ASSERT_EQUAL(fog_validators_finish(&out.set, NULL), 0);
	CU_ASSERT_EQUAL(fog_epoch_follows(&out, &set, sample_chain), -EBADMSG);
	/* Each signature counts. */
	for (u32 i = 0; i < 3; i++) {
		out = epoch;
		out.cert.signature[i][63 - i] ^= 1;
		CU_ASSERT_EQUAL(fog_epoch_follows(&out, &set, sample_chain), -EBADMSG);
	}
}

/* Three headers, the last one certified. */
static void chain_make(struct fog_header h[3], u8 hash[32])
{
	sample_set(&set, 1);
	for (u32 i = 0; i < 3; i++) {
		sample_header(&set, &h[i], 4 + i);
		if (i != 0)
			fog_header_hash(&h[i - 1], h[i].parent);
	}
	fog_header_hash(&h[2], hash);
	sample_certificate(&set, &cert, FOG_VOTE_FINALIZE, SAMPLE_QUORUM, 6, hash);
}

static void test_headers(void)
{
	struct fog_header h[3], bad[3];
	u8 hash[32];

	chain_make(h, hash);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 3, &cert), 0);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h + 2, 1, &cert), 0);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 0, &cert), -EBADMSG);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 2, &cert), -EBADMSG);
	memcpy(bad, h, sizeof(bad));
	bad[0].state_root[5] ^= 1; /* the lie that matters */
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, bad, 3, &cert), -EBADMSG);
	/* A minority, or a quorum that only notarized, proves nothing. */
	sample_certificate(&set, &cert, FOG_VOTE_FINALIZE, 3, 6, hash);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 3, &cert), -EBADMSG);
	sample_certificate(&set, &cert, FOG_VOTE_NOTARIZE, SAMPLE_QUORUM, 6, hash);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 3, &cert), -EBADMSG);
	sample_certificate(&set, &cert, FOG_VOTE_FINALIZE, 15, 6, hash);
	CU_ASSERT_EQUAL(fog_light_verify(&set, sample_chain, h, 3, &cert), 0);
}

FOG_TEST_MAIN("controlplane/quorum/light", FOG_TEST(test_epoch_bytes), FOG_TEST(test_epoch_follows),
	      FOG_TEST(test_headers))
