/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/identity.h"
#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

static char dir[64], path[128], note[128], why[FOG_IDENTITY_WHY_SIZE];

static void start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-identity-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/identity.key", dir);
	snprintf(note, sizeof(note), "%s/%s", dir, FOG_IDENTITY_NEW);
}

static void stop(void)
{
	unlink(path);
	unlink(note);
	CU_ASSERT_EQUAL(rmdir(dir), 0); /* no temporary file was left */
}

static void test_life_cycle(void)
{
	struct fog_identity a, b;
	struct stat st;
	u8 signature[64];

	start();
	CU_ASSERT_EQUAL_FATAL(fog_identity_load(&a, dir, why), 0);
	CU_ASSERT_EQUAL(access(note, F_OK), 0);
	CU_ASSERT_EQUAL(unlink(note), 0); /* it has voted; it is not new again */
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL_FATAL(fog_identity_load(&b, dir, why), 0);
	CU_ASSERT_NOT_EQUAL(access(note, F_OK), 0);
	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	CU_ASSERT_EQUAL(fog_identity_sign(&a, "fog test 1", "abc", 3, signature), 0);
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "fog test 1", "abc", 3, signature), 0);
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "fog test 2", "abc", 3, signature),
			-EBADMSG);
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "fog test 1", "abd", 3, signature),
			-EBADMSG);
	CU_ASSERT_EQUAL(fog_signature_verify(a.control_pk, "fog test 1", "abc", 3, signature),
			-EBADMSG);
	/* The label ends where it says: moving its last byte to the message is another thing. */
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "fog test ", "1\0abc", 5, signature),
			-EBADMSG);
	fog_identity_wipe(&a);
	CU_ASSERT(fog_is_zero(&a, sizeof(a)));
	fog_identity_wipe(&b);
	stop();
}

static void test_bad_files(void)
{
	struct fog_identity a;

	start();
	CU_ASSERT_EQUAL_FATAL(fog_identity_load(&a, dir, why), 0);
	chmod(path, 0640);
	CU_ASSERT_EQUAL(fog_identity_load(&a, dir, why), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "mode 640"));
	CU_ASSERT(fog_is_zero(&a, sizeof(a)));
	chmod(path, 0600);
	CU_ASSERT_EQUAL(truncate(path, 71), 0);
	CU_ASSERT_EQUAL(fog_identity_load(&a, dir, why), -EUCLEAN);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	CU_ASSERT_EQUAL(fog_identity_load(&a, dir, why), -EUCLEAN);
	CU_ASSERT_EQUAL(truncate(path, 72), 0);
	CU_ASSERT_EQUAL(fog_identity_load(&a, dir, why), -EUCLEAN); /* zeros, no magic */
	unlink(path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT(fog_identity_load(&a, dir, why) < 0);
	rmdir(path);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	CU_ASSERT_EQUAL(fog_identity_load(&a, dir, why), -ELOOP);
	unlink(path);
	CU_ASSERT_EQUAL(fog_identity_load(&a, "/nonexistent", why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent/identity.key"));
	stop();
}

static void test_limits(void)
{
	struct fog_identity a;
	u8 signature[64] = {0};
	static char big[FOG_SIGN_MESSAGE_MAX + 1];

	start();
	CU_ASSERT_EQUAL_FATAL(fog_identity_load(&a, dir, why), 0);
	CU_ASSERT_EQUAL(fog_identity_sign(&a, "x", big, sizeof(big), signature), -EMSGSIZE);
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "x", big, sizeof(big), signature),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(fog_identity_sign(&a, "x", "", 0, signature), 0);
	CU_ASSERT_EQUAL(fog_signature_verify(a.node_id, "x", "", 0, signature), 0);
	stop();
}

FOG_TEST_MAIN("controlplane/core/identity", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_files),
	      FOG_TEST(test_limits))
