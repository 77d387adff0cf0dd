/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hpke/hpke.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

#define DRAWS      1000
#define STREAM_MAX (DRAWS * 2 * 256)

static u8 stream[STREAM_MAX]; /* SHAKE128 of nothing: where the vectors take their inputs from */
static size_t stream_at;

static const u8 *draw(size_t *len)
{
	*len = stream[stream_at++];
	stream_at += *len;
	return stream + stream_at - *len;
}

static void hex(const json_t *o, const char *name, u8 *out, size_t len)
{
	CU_ASSERT_EQUAL_FATAL(fog_hex_decode(json_string_value(json_object_get(o, name)), out, len),
			      0);
}

static void test_life_cycle(void)
{
	struct fog_hpke_keys keys;
	u8 ikm[32] = {7}, sealed[5 + FOG_HPKE_OVERHEAD], opened[5];

	fog_hpke_derive(&keys, ikm, sizeof(ikm));
	CU_ASSERT_EQUAL(fog_hpke_seal(sealed, "hello", 5, keys.pk, "info", 4, "aad", 3), 0);
	CU_ASSERT_EQUAL(fog_hpke_open(opened, sealed, sizeof(sealed), &keys, "info", 4, "aad", 3),
			0);
	CU_ASSERT_EQUAL(memcmp(opened, "hello", 5), 0);
}

static void test_bad_arguments(void)
{
	struct fog_hpke_keys keys;
	u8 ikm[32] = {7}, low[32] = {0}, sealed[5 + FOG_HPKE_OVERHEAD], opened[5];

	fog_hpke_derive(&keys, ikm, sizeof(ikm));
	CU_ASSERT_EQUAL(fog_hpke_seal(sealed, "hello", 5, low, NULL, 0, NULL, 0), -EBADMSG);
	CU_ASSERT_EQUAL(fog_hpke_seal(sealed, "hello", 5, keys.pk, "info", 4, "aad", 3), 0);
	CU_ASSERT_EQUAL(fog_hpke_open(opened, sealed, sizeof(sealed), &keys, "infO", 4, "aad", 3),
			-EBADMSG);
	CU_ASSERT_EQUAL(fog_hpke_open(opened, sealed, sizeof(sealed), &keys, "info", 4, "aaD", 3),
			-EBADMSG);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		CU_ASSERT_EQUAL(
			fog_hpke_open(opened, sealed, sizeof(sealed), &keys, "info", 4, "aad", 3),
			-EBADMSG);
		sealed[i] ^= 1;
		CU_ASSERT_EQUAL(fog_hpke_open(opened, sealed, i, &keys, "info", 4, "aad", 3),
				-EBADMSG);
	}
	memset(sealed, 0, sizeof(sealed));
	CU_ASSERT_EQUAL(fog_hpke_open(opened, sealed, sizeof(sealed), &keys, NULL, 0, NULL, 0),
			-EBADMSG);
}

/* 1,000 messages from one stream; the digest is of all ciphertexts. */
static void vector_check(const json_t *v)
{
	struct fog_hpke_keys sender, receiver;
	struct fog_hpke seal, open;
	u8 ikm[32], sk[32], pk[32], enc[32], info[64], want[16], got[16];
	u8 sealed[256 + FOG_HPKE_TAG_SIZE], opened[256];
	size_t info_len = json_string_length(json_object_get(v, "info")) / 2, len, aad_len;
	EVP_MD_CTX *sink = EVP_MD_CTX_new();

	hex(v, "ikmE", ikm, 32);
	fog_hpke_derive(&sender, ikm, 32);
	hex(v, "enc", enc, 32);
	CU_ASSERT_EQUAL(memcmp(sender.pk, enc, 32), 0);
	hex(v, "ikmR", ikm, 32);
	fog_hpke_derive(&receiver, ikm, 32);
	hex(v, "skRm", sk, 32);
	hex(v, "pkRm", pk, 32);
	CU_ASSERT_EQUAL(memcmp(receiver.sk, sk, 32), 0);
	CU_ASSERT_EQUAL(memcmp(receiver.pk, pk, 32), 0);
	hex(v, "info", info, info_len);
	CU_ASSERT_EQUAL(fog_hpke_sender(&seal, pk, &sender, info, info_len), 0);
	CU_ASSERT_EQUAL(fog_hpke_receiver(&open, enc, &receiver, info, info_len), 0);
	CU_ASSERT_EQUAL(EVP_DigestInit_ex(sink, EVP_shake128(), NULL), 1);
	stream_at = 0;
	for (unsigned i = 0; i < DRAWS; i++) {
		const u8 *aad = draw(&aad_len), *data = draw(&len);
		fog_hpke_next_seal(&seal, sealed, data, len, aad, aad_len);
		EVP_DigestUpdate(sink, sealed, len + FOG_HPKE_TAG_SIZE);
		CU_ASSERT_EQUAL(fog_hpke_next_open(&open, opened, sealed, len + FOG_HPKE_TAG_SIZE,
						   aad, aad_len),
				0);
		CU_ASSERT_EQUAL(memcmp(opened, data, len), 0);
	}
	EVP_DigestFinalXOF(sink, got, sizeof(got));
	EVP_MD_CTX_free(sink);
	hex(v, "encryptions_accumulated", want, sizeof(want));
	CU_ASSERT_EQUAL(memcmp(got, want, sizeof(got)), 0);
}

static void test_vectors(void)
{
	json_t *list = json_load_file(FOG_VECTORS_DIR "/hpke/rfc9180.json", 0, NULL), *v;
	EVP_MD_CTX *source = EVP_MD_CTX_new();
	size_t i;

	CU_ASSERT_EQUAL_FATAL(EVP_DigestInit_ex(source, EVP_shake128(), NULL), 1);
	EVP_DigestFinalXOF(source, stream, sizeof(stream));
	EVP_MD_CTX_free(source);
	CU_ASSERT_NOT_EQUAL(json_array_size(list), 0);
	json_array_foreach(list, i, v) vector_check(v);
	json_decref(list);
}

FOG_TEST_MAIN("crypto/hpke/hpke", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_vectors))
