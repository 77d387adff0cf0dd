/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of tests/vectors/tee, and what every verifier must do with them when a byte changes. */
#ifndef FOG_TEST_TEE_RECORDED_H
#define FOG_TEST_TEE_RECORDED_H

#include "controlplane/tee/evidence.h"
#include "tests/unit/fog_test.h"

#define RECORDED_AT 1735689600u /* 2025-01-01, when all certificates of the files are valid */

struct recorded {
	u8 data[FOG_TEE_EVIDENCE_MAX];
	size_t size;
};

__attribute__((unused)) static void recorded_read(struct recorded *r, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", FOG_TEE_VECTORS, name);
	FILE *f = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	r->size = fread(r->data, 1, sizeof(r->data), f);
	fclose(f);
	CU_ASSERT_TRUE_FATAL(r->size > 0);
}

/* A TDX quote without what its service filled up with. */
__attribute__((unused)) static void recorded_quote(struct recorded *r, const char *name)
{
	recorded_read(r, name);
	r->size = fog_tee_tdx_size(r->data, r->size);
}

typedef enum fog_tee_fault recorded_check(const u8 *data, size_t size);

/* Every byte changed, one after the other, and every length cut: nothing passes. */
__attribute__((unused)) static void recorded_mutate(struct recorded *r, recorded_check *check)
{
	size_t passed = 0;

	for (size_t i = 0; i < r->size; i++) {
		r->data[i] ^= 0x01;
		if (check(r->data, r->size) == FOG_TEE_VALID) {
			printf("\n  byte %zu\n", i);
			passed++;
		}
		r->data[i] ^= 0x01;
	}
	for (size_t size = 0; size < r->size; size++)
		passed += check(r->data, size) == FOG_TEE_VALID;
	CU_ASSERT_EQUAL(passed, 0);
}

#endif
