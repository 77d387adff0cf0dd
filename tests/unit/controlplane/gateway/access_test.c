/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/access.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#define NOW 1700000000u

static struct fog_store *st;
static struct fog_identity id;
static struct fog_access *a;
static char dir[64], secret[96];

static int reopen(char *const *issuers, u32 count)
{
	char why[FOG_ACCESS_WHY_SIZE];
	int rc;

	fog_access_free(a);
	a = NULL;
	rc = fog_access_new(&a, st, &id, dir, "", issuers, count, why);
	CU_ASSERT((rc == 0) == (why[0] == '\0'));
	return rc;
}

static void start(void)
{
	char why[FOG_STORE_WHY_SIZE];
	u8 seed[32] = {9};

	snprintf(dir, sizeof(dir), "/tmp/fog-access-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(secret, sizeof(secret), "%s/gateway.secret", dir);
	fog_sign_keypair(id.node_id, id.sign_sk, seed);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(reopen(NULL, 0), 0);
}

static void stop(void)
{
	fog_access_free(a);
	a = NULL;
	fog_store_close(st);
	unlink(secret);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static struct fog_claims claims(const char *subject)
{
	struct fog_claims c = {
		.scope = FOG_SCOPE_WRITE, .tier = FOG_RATE_PREMIUM, .expires_s = NOW + 100};

	snprintf(c.subject, sizeof(c.subject), "%s", subject);
	return c;
}

struct seen {
	u32 count, revoked;
	char first[FOG_JWT_ID_SIZE];
};

static void see(void *ctx, const struct fog_issued *i)
{
	struct seen *s = ctx;

	if (s->count++ == 0)
		snprintf(s->first, sizeof(s->first), "%s", i->claims.id);
	s->revoked += i->revoked_s != 0;
}

static void test_life_cycle(void)
{
	char text[3][FOG_JWT_SIZE];
	struct fog_claims c[3], out;
	struct seen seen = {0};
	const char *why;

	start();
	for (int i = 0; i < 3; i++) {
		c[i] = claims("alice");
		CU_ASSERT_EQUAL(fog_access_issue(a,
						 i == 2 ? FOG_CREDENTIAL_KEY : FOG_CREDENTIAL_TOKEN,
						 i == 1, NOW + (u64)i, &c[i], text[i]),
				0);
		CU_ASSERT_EQUAL(strlen(c[i].id), 16);
	}
	for (int round = 0; round < 2; round++) { /* the second time from memory */
		CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW, &out, &why), 0);
		CU_ASSERT_EQUAL(fog_access_token(a, text[1], NOW, &out, &why), 0);
		CU_ASSERT_EQUAL(fog_access_key(a, text[2], NOW, &out, &why), 0);
		CU_ASSERT_STRING_EQUAL(out.subject, "alice");
		CU_ASSERT(out.scope == FOG_SCOPE_WRITE && out.tier == FOG_RATE_PREMIUM);
	}
	CU_ASSERT_EQUAL(fog_access_key(a, text[0], NOW, &out, &why), -EACCES);
	CU_ASSERT_EQUAL(fog_access_token(a, text[2], NOW, &out, &why), -EACCES);
	CU_ASSERT_EQUAL(fog_access_list(a, NOW, see, &seen), 0);
	CU_ASSERT(seen.count == 3 && seen.revoked == 0);
	CU_ASSERT_STRING_EQUAL(seen.first, c[2].id);
	/* All survive a restart; the secret is the same. */
	CU_ASSERT_EQUAL_FATAL(reopen(NULL, 0), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW, &out, &why), 0);
	CU_ASSERT_EQUAL(fog_access_key(a, text[2], NOW, &out, &why), 0);
	/* They end, remembered or not. */
	CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW + 100, &out, &why), -EACCES);
	CU_ASSERT_EQUAL(fog_access_key(a, text[2], NOW + 100, &out, &why), -EACCES);
	CU_ASSERT_EQUAL(fog_access_list(a, NOW + 100, see, &seen), 0);
	CU_ASSERT_EQUAL(seen.count, 3);
	stop();
}

static void test_revocation(void)
{
	char text[2][FOG_JWT_SIZE];
	struct fog_claims c = claims("bob"), key = claims("bob"), out;
	struct seen seen = {0};
	const char *why;

	start();
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_TOKEN, false, NOW, &c, text[0]), 0);
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_KEY, false, NOW, &key, text[1]), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW, &out, &why), 0);
	CU_ASSERT_EQUAL(fog_access_key(a, text[1], NOW, &out, &why), 0);
	CU_ASSERT_EQUAL(fog_access_revoke(a, c.id, NOW), 0);
	CU_ASSERT_EQUAL(fog_access_revoke(a, c.id, NOW), 0);
	CU_ASSERT_EQUAL(fog_access_revoke(a, key.id, NOW), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW, &out, &why), -EACCES);
	CU_ASSERT_STRING_EQUAL(why, "the token was revoked");
	CU_ASSERT_EQUAL(fog_access_key(a, text[1], NOW, &out, &why), -EACCES);
	CU_ASSERT_STRING_EQUAL(why, "the API key was revoked");
	/* One that was not made here. */
	CU_ASSERT_EQUAL(fog_access_revoke(a, "of-another-maker", NOW), 0);
	CU_ASSERT_EQUAL(fog_access_list(a, NOW, see, &seen), 0);
	CU_ASSERT(seen.count == 3 && seen.revoked == 3);
	CU_ASSERT_EQUAL_FATAL(reopen(NULL, 0), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text[0], NOW, &out, &why), -EACCES);
	stop();
}

static void test_bad_arguments(void)
{
	static char word[] = "xyz", *const bad[] = {word};
	char text[FOG_JWT_SIZE], why[FOG_ACCESS_WHY_SIZE], longer[100];
	struct fog_claims c = claims(""), out;
	struct fog_access *other;
	const char *words;

	start();
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_TOKEN, false, NOW, &c, text), -EINVAL);
	c = claims("a");
	c.expires_s = NOW;
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_TOKEN, false, NOW, &c, text), -EINVAL);
	c = claims("a");
	c.scope = FOG_SCOPE_NONE;
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_TOKEN, false, NOW, &c, text), -EINVAL);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_access_revoke(a, "", NOW), -EINVAL);
	CU_ASSERT_EQUAL(fog_access_revoke(a, longer, NOW), -EINVAL);
	CU_ASSERT_EQUAL(fog_access_key(a, longer, NOW, &out, &words), -EACCES);
	CU_ASSERT_EQUAL(fog_access_key(a, "fogk_x", NOW, &out, &words), -EACCES);
	CU_ASSERT_EQUAL(fog_access_token(a, "", NOW, &out, &words), -EACCES);
	CU_ASSERT_EQUAL(reopen(bad, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_access_new(&other, st, &id, dir, "/nonexistent/x", NULL, 0, why),
			-ENOENT);
	stop();
}

/* A token of another host is good where that host is an issuer. */
static void test_issuers(void)
{
	char text[FOG_JWT_SIZE], hex[65];
	char *list[] = {hex};
	struct fog_claims c = claims("carol"), out;
	const char *why;
	u8 seed[32] = {9};

	start();
	CU_ASSERT_EQUAL(fog_access_issue(a, FOG_CREDENTIAL_TOKEN, true, NOW, &c, text), 0);
	fog_hex_encode(id.node_id, 32, hex, sizeof(hex));
	seed[0] = 10;
	fog_sign_keypair(id.node_id, id.sign_sk, seed);
	CU_ASSERT_EQUAL_FATAL(reopen(NULL, 0), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text, NOW, &out, &why), -EACCES);
	CU_ASSERT_EQUAL_FATAL(reopen(list, 1), 0);
	CU_ASSERT_EQUAL(fog_access_token(a, text, NOW, &out, &why), 0);
	CU_ASSERT_STRING_EQUAL(out.subject, "carol");
	stop();
}

static void test_secret_file(void)
{
	struct stat s;

	start();
	CU_ASSERT_EQUAL(stat(secret, &s), 0);
	CU_ASSERT_EQUAL(s.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(chmod(secret, 0644), 0);
	CU_ASSERT_EQUAL(reopen(NULL, 0), -EPERM);
	CU_ASSERT_EQUAL(chmod(secret, 0600), 0);
	CU_ASSERT_EQUAL(truncate(secret, 31), 0);
	CU_ASSERT_EQUAL(reopen(NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(truncate(secret, 4096), 0);
	CU_ASSERT_EQUAL(reopen(NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(unlink(secret), 0);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", secret), 0);
	CU_ASSERT_EQUAL(reopen(NULL, 0), -ELOOP);
	stop();
}

FOG_TEST_MAIN("controlplane/gateway/access", FOG_TEST(test_life_cycle), FOG_TEST(test_revocation),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_issuers), FOG_TEST(test_secret_file))
