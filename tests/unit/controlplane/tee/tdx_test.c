/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/tee/recorded.h"

static struct recorded quote;
static struct fog_tee_claims claims;

static enum fog_tee_fault verify(const u8 *data, size_t size)
{
	return fog_tee_tdx_verify(data, size, RECORDED_AT, &claims);
}

static void test_life_cycle(void)
{
	static const struct {
		const char *name;
		size_t body;
		u64 at_s;
	} quotes[] = {{"tdx_quote_4.dat", 48, RECORDED_AT},
		      {"tdx_quote_5.dat", 54, RECORDED_AT},
		      {"tdx_quote_6.dat", 48, 1762000000},
		      {"tdx_quote_old.dat", 54, 1772323200}};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(quotes); i++) {
		recorded_quote(&quote, quotes[i].name);
		enum fog_tee_fault fault =
			fog_tee_tdx_verify(quote.data, quote.size, quotes[i].at_s, &claims);
		if (fault != FOG_TEE_VALID)
			printf("\n  %s: %s\n", quotes[i].name, fog_tee_fault_name(fault));
		CU_ASSERT_EQUAL(fault, FOG_TEE_VALID);
		CU_ASSERT_EQUAL(claims.kind, FOG_TEE_TDX);
		CU_ASSERT_EQUAL(memcmp(claims.measurement, quote.data + quotes[i].body + 136, 48),
				0);
		CU_ASSERT_EQUAL(memcmp(claims.data, quote.data + quotes[i].body + 520, 64), 0);
	}
}

static void test_bad_arguments(void)
{
	recorded_read(&quote, "tdx_quote_4.dat");
	CU_ASSERT_EQUAL(fog_tee_tdx_verify(quote.data, quote.size, 4000000000, &claims),
			FOG_TEE_EXPIRED);
	quote.data[0] = 3;
	CU_ASSERT_EQUAL(verify(quote.data, quote.size), FOG_TEE_FORMAT);
	quote.data[0] = 4;
	CU_ASSERT_EQUAL(verify(quote.data, quote.size - 1), FOG_TEE_TRUNCATED);
	CU_ASSERT_EQUAL(verify(quote.data, 10), FOG_TEE_TRUNCATED);
	quote.data[12] ^= 1;
	CU_ASSERT_EQUAL(verify(quote.data, quote.size), FOG_TEE_QE);
	/* As its service gave it, with zeros behind it; and lengths that lie. */
	recorded_read(&quote, "tdx_quote_6.dat");
	CU_ASSERT_EQUAL(verify(quote.data, quote.size), FOG_TEE_TRUNCATED);
	CU_ASSERT_EQUAL(fog_tee_tdx_size(quote.data, quote.size), quote.size - 70);
	CU_ASSERT_EQUAL(fog_tee_tdx_size(quote.data, 10), 10);
	quote.data[48 + 584 + 3] = 0xff;
	CU_ASSERT_EQUAL(fog_tee_tdx_size(quote.data, quote.size), quote.size);
}

static void test_every_byte(void)
{
	recorded_read(&quote, "tdx_quote_4.dat");
	recorded_mutate(&quote, verify);
	recorded_read(&quote, "tdx_quote_5.dat");
	recorded_mutate(&quote, verify);
}

FOG_TEST_MAIN("controlplane/tee/tdx", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_every_byte))
