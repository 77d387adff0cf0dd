/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/tcb.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/random/random.h"
#include "tests/unit/controlplane/tee/recorded.h"

static struct recorded file, quote;
static struct fog_tee_tcb_info info;
static struct fog_tee_qe_identity qe;
static struct fog_tee_tdx_platform platform;
static char why[FOG_TEE_WHY_SIZE];

static int info_read(const char *name)
{
	const char *inner;
	size_t len;
	u8 signature[64];

	recorded_read(&file, name);
	CU_ASSERT_TRUE_FATAL(fog_tee_tcb_split((const char *)file.data, file.size, "tcbInfo",
					       &inner, &len, signature));
	return fog_tee_tcb_info_parse(&info, inner, len, why);
}

static int qe_read(const char *name)
{
	const char *inner;
	size_t len;
	u8 signature[64];

	recorded_read(&file, name);
	CU_ASSERT_TRUE_FATAL(fog_tee_tcb_split((const char *)file.data, file.size,
					       "enclaveIdentity", &inner, &len, signature));
	return fog_tee_qe_identity_parse(&qe, inner, len, why);
}

static enum fog_tee_tcb_status status_of(void)
{
	enum fog_tee_tcb_status status;

	CU_ASSERT_EQUAL(fog_tee_tcb_judge(&platform, &info, &qe, &status, why), FOG_TEE_VALID);
	return status;
}

static void platform_read(const char *name)
{
	struct fog_tee_certs certs;

	recorded_quote(&quote, name);
	CU_ASSERT_EQUAL_FATAL(fog_tee_tdx_platform(quote.data, quote.size, &platform, &certs),
			      FOG_TEE_VALID);
	CU_ASSERT_TRUE(certs.size > 0);
}

static void test_life_cycle(void)
{
	static const u8 fmspc[6] = {0xb0, 0xc0, 0x6f};

	CU_ASSERT_EQUAL(info_read("collateral/tcb.json"), 0);
	CU_ASSERT_EQUAL(qe_read("collateral/qe.json"), 0);
	platform_read("tdx_quote_current.dat");
	CU_ASSERT_EQUAL(memcmp(info.fmspc, fmspc, 6), 0);
	CU_ASSERT_EQUAL(memcmp(platform.fmspc, fmspc, 6), 0);
	CU_ASSERT_EQUAL(info.levels.count, 2);
	CU_ASSERT_EQUAL(info.module_count, 2);
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_UP_TO_DATE);
	CU_ASSERT_STRING_EQUAL(why, "");
}

/* What Intel said of machines that were behind; the second has microcode below every level. */
static void test_recorded(void)
{
	static const struct {
		const char *quote, *dir;
		enum fog_tee_tcb_status status;
	} cases[] = {
		{"tdx_quote_current.dat", "collateral", FOG_TEE_TCB_UP_TO_DATE},
		{"tdx_quote_old.dat", "collateral_new", FOG_TEE_TCB_NONE},
		{"tdx_quote_6.dat", "collateral_trustee", FOG_TEE_TCB_OUT_OF_DATE},
	};
	char path[128];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		snprintf(path, sizeof(path), "%s/tcb.json", cases[i].dir);
		CU_ASSERT_EQUAL(info_read(path), 0);
		snprintf(path, sizeof(path), "%s/qe.json", cases[i].dir);
		CU_ASSERT_EQUAL(qe_read(path), 0);
		platform_read(cases[i].quote);
		enum fog_tee_tcb_status status = status_of();
		if (status != cases[i].status)
			printf("\n  %s: %s (%s)\n", cases[i].quote, fog_tee_tcb_name(status), why);
		CU_ASSERT_EQUAL(status, cases[i].status);
	}
}

/* One part lower, one after the other. */
static void test_levels(void)
{
	test_life_cycle();
	struct fog_tee_tdx_platform good = platform;

	for (u32 i = 0; i < FOG_TEE_TCB_PARTS; i++) {
		platform = good;
		platform.cpu[i] = 0;
		bool counts = info.levels.one[0].sgx[i] > 0;
		CU_ASSERT_EQUAL(status_of(), counts ? FOG_TEE_TCB_NONE : FOG_TEE_TCB_UP_TO_DATE);
	}
	platform = good;
	platform.pce = info.levels.one[0].svn - 1;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_OUT_OF_DATE);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(why, "the platform is OutOfDate of 2018-01-04 INTEL-SA-00106"));
	platform.pce = 0;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_NONE);
	platform = good;
	platform.tdx[0] = 3;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_OUT_OF_DATE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "the TDX module is OutOfDate"));
	platform = good;
	platform.qe_svn = 3;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_NONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "the quoting enclave is unknown"));
	/* A module of version 0 is judged with the platform's parts. */
	platform = good;
	platform.tdx[1] = 0;
	platform.tdx[0] = 4;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_NONE);
	platform.tdx[0] = 5;
	CU_ASSERT_EQUAL(status_of(), FOG_TEE_TCB_UP_TO_DATE);
}

static void test_worst_counts(void)
{
	enum {
		GOOD = FOG_TEE_TCB_UP_TO_DATE,
		SW = FOG_TEE_TCB_SW_HARDENING,
		CONF = FOG_TEE_TCB_CONFIGURATION,
		BOTH = FOG_TEE_TCB_CONFIGURATION_AND_SW,
		OLD = FOG_TEE_TCB_OUT_OF_DATE,
		OLD_CONF = FOG_TEE_TCB_OUT_OF_DATE_CONFIGURATION,
		GONE = FOG_TEE_TCB_REVOKED,
	};
	static const struct {
		int platform, module, qe, all;
	} cases[] = {
		/* 1 */ {GOOD, GOOD, GOOD, GOOD},
		/* 2 */ {SW, GOOD, GOOD, SW},
		/* 3 */ {CONF, GOOD, GOOD, CONF},
		/* 4 */ {GOOD, OLD, GOOD, OLD},
		/* 5 */ {CONF, OLD, GOOD, OLD_CONF},
		/* 6 */ {BOTH, GOOD, OLD, OLD_CONF},
		/* 7 */ {SW, GOOD, OLD, OLD},
		/* 8 */ {GOOD, GONE, GOOD, GONE},
		/* 9 */ {GOOD, GOOD, GONE, GONE},
		/* 10 */ {GONE, GOOD, GOOD, GONE},
		/* 11 */ {OLD_CONF, OLD, OLD, OLD_CONF},
		/* 12 */ {GONE, OLD, OLD, GONE},
	};

	test_life_cycle();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		info.levels.one[0].status = (enum fog_tee_tcb_status)cases[i].platform;
		info.module[1].levels.one[0].status = (enum fog_tee_tcb_status)cases[i].module;
		qe.qe.levels.one[0].status = (enum fog_tee_tcb_status)cases[i].qe;
		enum fog_tee_tcb_status status = status_of();
		if ((int)status != cases[i].all)
			printf("\n  case %zu: %s\n", i + 1, fog_tee_tcb_name(status));
		CU_ASSERT_EQUAL(status, (enum fog_tee_tcb_status)cases[i].all);
	}
}

static void test_others_code(void)
{
	enum fog_tee_tcb_status status;
	u8 *const fields[] = {platform.module_signer, platform.module_attributes,
			      platform.qe_signer,     platform.qe_attributes,
			      platform.qe_misc,       (u8 *)&platform.qe_product,
			      &platform.tdx[1]};

	test_life_cycle();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(fields); i++) {
		*fields[i] ^= 0x40;
		CU_ASSERT_EQUAL(fog_tee_tcb_judge(&platform, &info, &qe, &status, why), FOG_TEE_QE);
		CU_ASSERT_EQUAL(status, FOG_TEE_TCB_NONE);
		*fields[i] ^= 0x40;
	}
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"tcbInfo\":{}}",
		"{\"tcbInfo\":{},\"signature\":\"00\"}",
		"{\"tcbInfo\":7,\"signature\":\"00\"}",
		"{\"tcbInfo\":{}} {}",
	};
	const char *inner;
	size_t len;
	u8 signature[64];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_FALSE(fog_tee_tcb_split(bad[i], strlen(bad[i]), "tcbInfo", &inner, &len,
						  signature));
		CU_ASSERT_EQUAL(fog_tee_tcb_info_parse(&info, bad[i], strlen(bad[i]), why),
				-EINVAL);
		CU_ASSERT_EQUAL(fog_tee_qe_identity_parse(&qe, bad[i], strlen(bad[i]), why),
				-EINVAL);
	}
	CU_ASSERT_EQUAL(fog_tee_tcb_parse("uptodate"), FOG_TEE_TCB_NONE);
	for (u32 i = 1; i < FOG_TEE_TCB_STATUS_COUNT; i++)
		CU_ASSERT_EQUAL(fog_tee_tcb_parse(fog_tee_tcb_name((enum fog_tee_tcb_status)i)), i);
	CU_ASSERT_STRING_EQUAL(fog_tee_tcb_name((enum fog_tee_tcb_status)77), "unknown");
	CU_ASSERT_EQUAL(fog_tee_tdx_platform(file.data, 0, &platform, &(struct fog_tee_certs){0}),
			FOG_TEE_TRUNCATED);
}

/* Texts that nobody signed, cut and changed at random: read or refused, never more. */
static void test_noise(void)
{
	static const char *const names[] = {"collateral/tcb.json", "collateral/qe.json"};
	const char *text = getenv("FOG_SEED"), *inner;
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 7;
	struct fog_tee_certs certs;
	struct fog_rng rng;
	u8 signature[64];
	size_t len;

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	for (u32 round = 0; round < 4000; round++) {
		recorded_read(&file, names[round % 2]);
		for (u64 i = fog_rng_below(&rng, 4) + 1; i > 0; i--)
			fog_rng_bytes(&rng, &file.data[fog_rng_below(&rng, file.size)], 1);
		if (round % 3 == 0)
			file.size = fog_rng_below(&rng, file.size);
		if (fog_tee_tcb_split((const char *)file.data, file.size,
				      round % 2 == 0 ? "tcbInfo" : "enclaveIdentity", &inner, &len,
				      signature)) {
			(void)fog_tee_tcb_info_parse(&info, inner, len, why);
			(void)fog_tee_qe_identity_parse(&qe, inner, len, why);
		}
	}
	recorded_quote(&quote, "tdx_quote_current.dat");
	for (u32 round = 0; round < 4000; round++) {
		size_t at = fog_rng_below(&rng, quote.size);
		u8 before = quote.data[at];
		fog_rng_bytes(&rng, &quote.data[at], 1);
		(void)fog_tee_tdx_platform(quote.data, quote.size, &platform, &certs);
		quote.data[at] = before;
	}
	CU_PASS("still here");
}

FOG_TEST_MAIN("controlplane/tee/tcb", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_recorded), FOG_TEST(test_levels), FOG_TEST(test_worst_counts),
	      FOG_TEST(test_others_code), FOG_TEST(test_noise))
