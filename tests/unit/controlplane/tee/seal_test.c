/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/seal.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static struct fog_hpke_keys keys, other;
static u8 sealed[6 + FOG_HPKE_OVERHEAD], opened[6];

static void fill(void)
{
	u8 ikm[32] = {1};

	fog_hpke_derive(&keys, ikm, sizeof(ikm));
	ikm[0] = 2;
	fog_hpke_derive(&other, ikm, sizeof(ikm));
	CU_ASSERT_EQUAL(fog_tee_seal(sealed, (const u8 *)"secret", 6, keys.pk, "enclave_1", "key"),
			0);
}

static int open_as(const struct fog_hpke_keys *k, const char *enclave, const char *name)
{
	return fog_tee_unseal(opened, sealed, sizeof(sealed), k, enclave, name);
}

static void test_life_cycle(void)
{
	fill();
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_1", "key"), 0);
	CU_ASSERT_EQUAL(memcmp(opened, "secret", 6), 0);
}

static void test_bad_arguments(void)
{
	static const char long_name[] =
		"0123456789012345678901234567890123456789012345678901234567890123";

	fill();
	CU_ASSERT_EQUAL(open_as(&other, "enclave_1", "key"), -EBADMSG);
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_2", "key"), -EBADMSG);
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_1", "Key"), -EBADMSG);
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_1", ""), -EINVAL);
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_1", long_name), -EINVAL);
	CU_ASSERT_EQUAL(open_as(&keys, "enclave_01234567890123456789", "key"), -EINVAL);
	/* The border between id and name is no matter of taste. */
	CU_ASSERT_EQUAL(fog_tee_seal(sealed, opened, 6, keys.pk, "a", "bc"), 0);
	CU_ASSERT_EQUAL(open_as(&keys, "ab", "c"), -EBADMSG);
}

FOG_TEST_MAIN("controlplane/tee/seal", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
