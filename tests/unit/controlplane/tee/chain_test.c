/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/chain.h"

#include "tests/unit/controlplane/tee/recorded.h"

#define EXPIRED_AT 4102444800u /* 2100 */

static struct recorded file;

static enum fog_tee_fault check(const u8 *data, size_t size, enum fog_tee_kind kind, u64 now_s)
{
	struct fog_tee_certs certs = {data, size};
	struct fog_tee_chain chain;

	if (fog_tee_chain_parse(&certs, &chain) != 0)
		return FOG_TEE_CHAIN;
	enum fog_tee_fault fault = fog_tee_chain_verify(&chain, kind, now_s);
	fog_tee_chain_free(&chain);
	return fault;
}

static enum fog_tee_fault as_snp(const u8 *data, size_t size)
{
	return check(data, size, FOG_TEE_SNP, RECORDED_AT);
}

/* AMD's signing keys of each generation of processors, under their roots. */
static void test_life_cycle(void)
{
	static const char *const names[] = {"snp_genoa_chain.pem", "snp_turin_chain.pem"};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(names); i++) {
		recorded_read(&file, names[i]);
		CU_ASSERT_EQUAL(as_snp(file.data, file.size), FOG_TEE_VALID);
	}
}

static void test_bad_arguments(void)
{
	recorded_read(&file, "snp_turin_chain.pem");
	CU_ASSERT_EQUAL(check(file.data, file.size, FOG_TEE_SNP, EXPIRED_AT), FOG_TEE_EXPIRED);
	CU_ASSERT_EQUAL(check(file.data, file.size, FOG_TEE_TDX, RECORDED_AT), FOG_TEE_ROOT);
	CU_ASSERT_EQUAL(check(file.data, 0, FOG_TEE_SNP, RECORDED_AT), FOG_TEE_CHAIN);
	recorded_read(&file, "snp_vcek.der");
	CU_ASSERT_EQUAL(as_snp(file.data, file.size), FOG_TEE_CHAIN);
}

static void test_every_byte(void)
{
	recorded_read(&file, "snp_turin_chain.pem");
	recorded_mutate(&file, as_snp);
}

FOG_TEST_MAIN("controlplane/tee/chain", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_every_byte))
