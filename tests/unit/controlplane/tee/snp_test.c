/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/tee/recorded.h"

static struct recorded report, certs, other;
static struct fog_tee_claims claims;

static enum fog_tee_fault by(const u8 *data, size_t size)
{
	const struct fog_tee_certs leaf = {certs.data, certs.size};

	return fog_tee_snp_verify_by(data, size, &leaf, &claims);
}

static enum fog_tee_fault with_chain(const u8 *data, size_t size)
{
	const struct fog_tee_certs chain = {certs.data, certs.size};

	return fog_tee_snp_verify(data, size, &chain, RECORDED_AT, &claims);
}

static void test_life_cycle(void)
{
	recorded_read(&report, "snp_azure_report.bin");
	recorded_read(&certs, "snp_azure_chain.pem");
	CU_ASSERT_EQUAL(with_chain(report.data, report.size), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(claims.kind, FOG_TEE_SNP);
	CU_ASSERT_EQUAL(claims.measurement_size, 48);
	CU_ASSERT_FALSE(claims.debug);
	CU_ASSERT_EQUAL(memcmp(claims.measurement, report.data + 0x90, 48), 0);
	CU_ASSERT_EQUAL(memcmp(claims.data, report.data + 0x50, 64), 0);
}

static void test_recorded(void)
{
	static const struct {
		int number;
		const char *report;
		const char *leaf;
		enum fog_tee_fault fault;
	} cases[] = {
		{1, "snp_report.bin", "snp_vcek.der", FOG_TEE_VALID},
		{2, "snp_vlek_report.bin", "snp_vlek.der", FOG_TEE_VALID},
		{3, "snp_report.bin", "snp_vcek_other.der", FOG_TEE_SIGNATURE},
		{4, "snp_report.bin", "snp_vlek.der", FOG_TEE_SIGNATURE},
		{5, "snp_azure_report.bin", "snp_vcek.der", FOG_TEE_SIGNATURE},
		{6, "snp_report.bin", "tdx_quote_4.dat", FOG_TEE_CHAIN},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		recorded_read(&report, cases[i].report);
		recorded_read(&certs, cases[i].leaf);
		enum fog_tee_fault fault = by(report.data, report.size);
		if (fault != cases[i].fault)
			printf("\n  case %d: %s\n", cases[i].number, fog_tee_fault_name(fault));
		CU_ASSERT_EQUAL(fault, cases[i].fault);
	}
}

static void test_bad_arguments(void)
{
	struct fog_tee_certs chain;

	recorded_read(&report, "snp_azure_report.bin");
	recorded_read(&certs, "snp_azure_chain.pem");
	recorded_mutate(&report, with_chain);
	chain = (struct fog_tee_certs){certs.data, certs.size};
	// Long before and long after.
	CU_ASSERT_EQUAL(fog_tee_snp_verify(report.data, report.size, &chain, 1000000000, &claims),
			FOG_TEE_EXPIRED);
	CU_ASSERT_EQUAL(fog_tee_snp_verify(report.data, report.size, &chain, 4000000000, &claims),
			FOG_TEE_EXPIRED);
	CU_ASSERT_EQUAL(fog_tee_snp_verify(report.data, report.size, &chain, 0, &claims),
			FOG_TEE_VALID);
	// Without the root, and with a root that is nobody's.
	chain.size = 0;
	CU_ASSERT_EQUAL(fog_tee_snp_verify(report.data, report.size, &chain, 0, &claims),
			FOG_TEE_CHAIN);
	recorded_read(&other, "snp_vcek.der");
	chain = (struct fog_tee_certs){other.data, other.size};
	CU_ASSERT_EQUAL(fog_tee_snp_verify(report.data, report.size, &chain, 0, &claims),
			FOG_TEE_CHAIN);
	CU_ASSERT_STRING_EQUAL(fog_tee_fault_name((enum fog_tee_fault)99), "unknown");
}

FOG_TEST_MAIN("controlplane/tee/snp", FOG_TEST(test_life_cycle), FOG_TEST(test_recorded),
	      FOG_TEST(test_bad_arguments))
