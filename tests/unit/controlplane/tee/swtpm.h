/* SPDX-License-Identifier: BSD-3-Clause */
/* A TPM of a test's own, emulated by swtpm, whose maker is a certificate authority of the test's.
 */
#ifndef FOG_TEST_TEE_SWTPM_H
#define FOG_TEST_TEE_SWTPM_H

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/tee/provider.h"
#include "tests/unit/fog_test.h"

struct swtpm {
	char dir[32];
	char tcti[64];
	char maker[96]; /* PEM of who certifies it */
};

extern char **environ;

static void swtpm_call(const char *verb, const char *dir, const char *ca)
{
	const char *const argv[] = {FOG_SWTPM, verb, dir, ca, NULL};
	int status = -1;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(
		posix_spawn(&pid, FOG_SWTPM, NULL, NULL, (char *const *)argv, environ), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL_FATAL(status, 0);
}

static void swtpm_up(struct swtpm *s)
{
	char ca[64];

	snprintf(s->dir, sizeof(s->dir), "/tmp/fog-swtpm.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
	snprintf(ca, sizeof(ca), "%s/ca", s->dir);
	snprintf(s->tcti, sizeof(s->tcti), "swtpm:path=%s/sock", s->dir);
	snprintf(s->maker, sizeof(s->maker), "%s/issuercert.pem", ca);
	swtpm_call("up", s->dir, ca);
}

static void swtpm_down(struct swtpm *s)
{
	swtpm_call("down", s->dir, NULL);
	CU_ASSERT_EQUAL(fog_tree_remove(AT_FDCWD, s->dir), 0);
}

#endif
