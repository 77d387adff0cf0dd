/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>
#include <openssl/evp.h>

#include "crypto/mem.h"
#include "tests/unit/controlplane/tee/recorded.h"

static u8 message[512], signature[512], ak[1024], pcr[FOG_TEE_PCRS][32];
static struct fog_tee_tpm_quote quote;
static struct fog_tee_claims claims;

static size_t base64(const json_t *value, u8 *out)
{
	const char *text = json_string_value(value);
	size_t len = strlen(text);

	int n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	while (len > 0 && text[len - 1] == '=') {
		len--;
		n--;
	}
	return (size_t)n;
}

static void load(void)
{
	json_t *root = json_load_file(FOG_TEE_VECTORS "/tpm_evidence.json", 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	json_t *q = json_object_get(root, "tpm_quote");
	quote = (struct fog_tee_tpm_quote){
		.message = message, .signature = signature, .ak = ak, .pcr = pcr};
	quote.message_size = base64(json_object_get(q, "message"), message);
	quote.signature_size = base64(json_object_get(q, "signature"), signature);
	quote.ak_size = base64(json_object_get(root, "ak_public"), ak);
	quote.pcr_count = (u32)json_array_size(json_object_get(q, "pcrs"));
	for (u32 i = 0; i < quote.pcr_count; i++)
		CU_ASSERT_EQUAL(fog_hex_decode(json_string_value(json_array_get(
						       json_object_get(q, "pcrs"), i)),
					       pcr[i], 32),
				0);
	json_decref(root);
}

static void test_life_cycle(void)
{
	load();
	enum fog_tee_fault fault = fog_tee_tpm_verify(&quote, &claims);
	if (fault != FOG_TEE_VALID)
		printf("\n  %s\n", fog_tee_fault_name(fault));
	CU_ASSERT_EQUAL(fault, FOG_TEE_VALID);
	CU_ASSERT_EQUAL(claims.kind, FOG_TEE_TPM);
	quote.pcr = NULL;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_VALID);
}

static void test_bad_arguments(void)
{
	load();
	pcr[10][0] ^= 1;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_PCR);
	pcr[10][0] ^= 1;
	quote.pcr_count--;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_PCR);
	quote.pcr_count++;
	message[0] ^= 1;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_FORMAT);
	message[0] ^= 1;
	signature[7] ^= 1;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_SIGNATURE);
	signature[7] ^= 1;
	quote.ak_size--;
	CU_ASSERT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_SIGNATURE);
}

static void test_every_byte(void)
{
	load();
	for (size_t i = 0; i < quote.message_size; i++) {
		message[i] ^= 1;
		CU_ASSERT_NOT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_VALID);
		message[i] ^= 1;
	}
	size_t size = quote.message_size;
	for (quote.message_size = 0; quote.message_size < size; quote.message_size++)
		CU_ASSERT_NOT_EQUAL(fog_tee_tpm_verify(&quote, &claims), FOG_TEE_VALID);
}

FOG_TEST_MAIN("controlplane/tee/tpm", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_every_byte))
