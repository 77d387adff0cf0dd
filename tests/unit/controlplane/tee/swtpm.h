/* SPDX-License-Identifier: BSD-3-Clause */
/* A TPM of a test's own, emulated by swtpm, whose maker is a certificate authority of the test's.
 */
#ifndef FOG_TEST_TEE_SWTPM_H
#define FOG_TEST_TEE_SWTPM_H

#include <unistd.h>

#include "controlplane/tee/provider.h"
#include "tests/unit/fog_test.h"

struct swtpm {
	char dir[32];
	char tcti[64];
	char maker[64]; /* PEM of who certifies it */
};

static void swtpm_up(struct swtpm *s)
{
	char command[512];

	snprintf(s->dir, sizeof(s->dir), "/tmp/fog-swtpm.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
	snprintf(s->tcti, sizeof(s->tcti), "swtpm:path=%s/sock", s->dir);
	snprintf(s->maker, sizeof(s->maker), "%s/ca/issuercert.pem", s->dir);
	snprintf(command, sizeof(command), "%s up %s %s/ca", FOG_SWTPM, s->dir, s->dir);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static void swtpm_down(struct swtpm *s)
{
	char command[512];

	snprintf(command, sizeof(command), "%s down %s; rm -rf %s", FOG_SWTPM, s->dir, s->dir);
	CU_ASSERT_EQUAL(system(command), 0);
}

#endif
