/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/policy.h"

#include <errno.h>

#include "crypto/mem.h"
#include "tests/unit/controlplane/tee/recorded.h"

#define POLICY(snp, debug)                                                                    \
	"{\"version\":1,\"accept\":[\"snp\",\"tdx\"],\"platform\":[\"any\"],\"code\":[],"     \
	"\"revoked\":[\"00ff\"],\"debug\":" debug ",\"result_seconds\":60,\"snp\":{" snp "}," \
	"\"tdx\":{\"measurements\":[\"any\"],\"tcb_min\":\"0000000000000000\"},"              \
	"\"tpm\":{\"endorsed\":false,\"pcrs\":{\"7\":[\"aa\"]}}}"

static struct fog_tee_policy p;
static struct fog_tee_claims claims;
static struct recorded report, certs;
static char why[FOG_TEE_WHY_SIZE];

static void test_life_cycle(void)
{
	u8 value[2] = {0, 0xff};

	CU_ASSERT_EQUAL(fog_tee_policy_load(&p, "", why), 0);
	CU_ASSERT_EQUAL(p.accept, 1u << FOG_TEE_SNP | 1u << FOG_TEE_TDX | 1u << FOG_TEE_TPM);
	CU_ASSERT_TRUE(p.endorsed && p.platform_same && !p.debug);
	CU_ASSERT_EQUAL(p.result_s, FOG_TEE_RESULT_S);
	CU_ASSERT_EQUAL(p.snp.count + p.tdx.count, 0);
	CU_ASSERT_EQUAL(fog_tee_policy_parse(&p,
					     POLICY("\"measurements\":[],"
						    "\"tcb_min\":\"0100000000000000\"",
						    "true"),
					     why),
			0);
	CU_ASSERT_TRUE(fog_tee_revoked(&p, value, 2) && !fog_tee_revoked(&p, value, 1));
	CU_ASSERT_TRUE(fog_tee_reference_holds(&p.platform, value, 2));
	CU_ASSERT_FALSE(fog_tee_reference_holds(&p.code, value, 2));
	CU_ASSERT_EQUAL(p.pcr[7].count, 1);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"version\":1}",
		POLICY("\"measurements\":[\"xy\"],\"tcb_min\":\"0000000000000000\"", "true"),
		POLICY("\"measurements\":[],\"tcb_min\":\"00\"", "true"),
		POLICY("\"measurements\":[],\"tcb_min\":\"0000000000000000\",\"more\":1", "true"),
		POLICY("\"measurements\":[],\"tcb_min\":\"0000000000000000\"", "1"),
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(fog_tee_policy_parse(&p, bad[i], why), -EINVAL);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
	}
	CU_ASSERT_EQUAL(fog_tee_policy_load(&p, "/nonexistent", why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent"));
}

/* A recorded guest under policies that want another firmware, another image, no debugging. */
static void test_guest(void)
{
	char text[1024], tcb[17], hex[97];
	u64 firmware;

	recorded_read(&report, "snp_azure_report.bin");
	recorded_read(&certs, "snp_azure_chain.pem");
	struct fog_tee_certs chain = {certs.data, certs.size};
	CU_ASSERT_EQUAL_FATAL(
		fog_tee_snp_verify(report.data, report.size, &chain, RECORDED_AT, &claims),
		FOG_TEE_VALID);
	fog_hex_encode(claims.measurement, 48, hex, sizeof(hex));
	for (int i = 0; i < 9; i++) {
		/* Its very TCB is enough; one more in any byte is not. */
		firmware = claims.firmware + (i < 8 ? 1ull << (8 * i) : 0);
		fog_hex_encode((const u8 *)&firmware, 8, tcb, sizeof(tcb));
		snprintf(text, sizeof(text),
			 POLICY("\"measurements\":[\"%s\"],\"tcb_min\":\"%s\"", "false"), hex, tcb);
		CU_ASSERT_EQUAL_FATAL(fog_tee_policy_parse(&p, text, why), 0);
		CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims),
				i < 8 ? FOG_TEE_OLD : FOG_TEE_VALID);
	}
	claims.measurement[0] ^= 1;
	CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims), FOG_TEE_REFERENCE);
	claims.measurement[0] ^= 1;
	claims.debug = true;
	CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims), FOG_TEE_DEBUG);
	p.debug = true;
	CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims), FOG_TEE_VALID);
	recorded_read(&report, "tdx_quote_4.dat");
	CU_ASSERT_EQUAL_FATAL(fog_tee_tdx_verify(report.data, report.size, RECORDED_AT, &claims),
			      FOG_TEE_VALID);
	claims.debug = false;
	CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(fog_tee_policy_load(&p, NULL, why), 0);
	CU_ASSERT_EQUAL(fog_tee_policy_guest(&p, &claims), FOG_TEE_REFERENCE);
}

FOG_TEST_MAIN("controlplane/tee/policy", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_guest))
