/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/jwt.h"

#include <errno.h>
#include <jwt.h>

#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#define NOW 1700000000u

static struct fog_jwt_keys keys;
static u8 pk[32], sk[64];

static void keys_make(void)
{
	u8 seed[32];

	memset(&keys, 0, sizeof(keys));
	memset(seed, 7, sizeof(seed));
	fog_sign_keypair(pk, sk, seed);
	memset(keys.secret, 's', 32);
	keys.secret_len = 32;
	memcpy(keys.issuer[0], pk, 32);
	keys.issuer_count = 1;
}

static const struct fog_claims claims = {
	.subject = "alice",
	.id = "0123456789abcdef",
	.issued_s = NOW,
	.expires_s = NOW + 60,
	.scope = FOG_SCOPE_WRITE,
	.tier = FOG_RATE_PREMIUM,
};

static int verify(const char *token, u64 now_s, const char **why)
{
	struct fog_claims c;

	return fog_jwt_verify(token, &keys, now_s, &c, why);
}

static void test_life_cycle(void)
{
	char token[FOG_JWT_SIZE];
	struct fog_claims c;
	const char *why;

	keys_make();
	for (int eddsa = 0; eddsa < 2; eddsa++) {
		CU_ASSERT_EQUAL(fog_jwt_sign(&claims, &keys, eddsa ? sk : NULL, token), 0);
		CU_ASSERT_EQUAL(fog_jwt_verify(token, &keys, NOW, &c, &why), 0);
		CU_ASSERT_STRING_EQUAL(c.subject, "alice");
		CU_ASSERT_STRING_EQUAL(c.id, claims.id);
		CU_ASSERT_EQUAL(c.expires_s, NOW + 60);
		CU_ASSERT_EQUAL(c.scope, FOG_SCOPE_WRITE);
		CU_ASSERT_EQUAL(c.tier, FOG_RATE_PREMIUM);
		CU_ASSERT_EQUAL(verify(token, NOW + 59, &why), 0);
		CU_ASSERT_EQUAL(verify(token, NOW + 60, &why), -EACCES);
		CU_ASSERT_STRING_EQUAL(why, "the token has expired");
	}
}

/* Every bit and every cut of a good token makes it a bad one. */
static void test_damage(void)
{
	char token[FOG_JWT_SIZE];
	const char *why;

	keys_make();
	for (int eddsa = 0; eddsa < 2; eddsa++) {
		CU_ASSERT_EQUAL(fog_jwt_sign(&claims, &keys, eddsa ? sk : NULL, token), 0);
		size_t len = strlen(token);
		for (size_t i = 0; i < len; i++) {
			char was = token[i];
			token[i] = was == 'A' ? 'B' : 'A';
			CU_ASSERT_EQUAL(verify(token, NOW, &why), -EACCES);
			CU_ASSERT_PTR_NOT_NULL(why);
			token[i] = '\0';
			CU_ASSERT_EQUAL(verify(token, NOW, &why), -EACCES);
			token[i] = was;
		}
		CU_ASSERT_EQUAL(verify(token, NOW, &why), 0);
	}
}

/* A token of any header and claims, signed with the secret, or not at all. */
static char *forged(const char *head, const char *body, const u8 *secret, size_t secret_len)
{
	static char token[4 * FOG_JWT_SIZE];
	jwt_t *jwt;

	CU_ASSERT_EQUAL_FATAL(jwt_new(&jwt), 0);
	CU_ASSERT_EQUAL(jwt_add_grants_json(jwt, body), 0);
	if (head != NULL)
		jwt_add_headers_json(jwt, head);
	CU_ASSERT_EQUAL(jwt_set_alg(jwt, secret != NULL ? JWT_ALG_HS256 : JWT_ALG_NONE, secret,
				    (int)secret_len),
			0);
	char *text = jwt_encode_str(jwt);
	snprintf(token, sizeof(token), "%s", text);
	free(text);
	jwt_free(jwt);
	return token;
}

#define GOOD "\"sub\":\"bob\",\"exp\":1700000060"

/* What another maker of tokens makes with our secret. */
static const struct {
	const char *body, *why; /* NULL: good */
	enum fog_scope scope;
} bodies[] = {
	{"{" GOOD ",\"scope\":[\"read\"]}", NULL, FOG_SCOPE_READ},
	{"{" GOOD ",\"scope\":[\"admin\",\"x\"],\"iat\":1,\"nbf\":1.5}", NULL, FOG_SCOPE_ADMIN},
	{"{" GOOD ",\"scope\":\"read write\"}", NULL, FOG_SCOPE_WRITE},
	{"{" GOOD "}", NULL, FOG_SCOPE_NONE},
	{"{" GOOD ",\"scope\":[7]}", NULL, FOG_SCOPE_NONE},
	{"{" GOOD ",\"scope\":[\"Admin\",\"administrator\"]}", NULL, FOG_SCOPE_NONE},
	{"{" GOOD ",\"rate_limit_tier\":\"enterprise\"}", NULL, FOG_SCOPE_NONE},
	{"{" GOOD ",\"rate_limit_tier\":\"gold\"}", "cannot be read", 0},
	{"{" GOOD ",\"nbf\":1700000001}", "not valid yet", 0},
	{"{\"sub\":\"bob\"}", "no end", 0},
	{"{\"exp\":1700000060}", "no subject", 0},
	{"{\"sub\":7,\"exp\":1700000060}", "cannot be read", 0},
	{"{\"sub\":\"bob\",\"exp\":\"1700000060\"}", "cannot be read", 0},
	{"{\"sub\":\"bob\",\"exp\":-1}", "cannot be read", 0},
	{"{\"sub\":\"a\\nb\",\"exp\":1700000060}", "cannot be read", 0},
	{"{\"sub\":\"bob\",\"exp\":1700000000}", "expired", 0},
};

static void test_other_makers(void)
{
	struct fog_claims c;
	const char *why;

	keys_make();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bodies); i++) {
		int rc = fog_jwt_verify(forged(NULL, bodies[i].body, keys.secret, 32), &keys, NOW,
					&c, &why);
		bool good = bodies[i].why == NULL
				    ? rc == 0 && c.scope == bodies[i].scope
				    : rc == -EACCES && strstr(why, bodies[i].why) != NULL;
		if (!good)
			printf("case %u: %d %s\n", i, rc, why != NULL ? why : "");
		CU_ASSERT(good);
	}
	/* And the other way round: libjwt reads ours. */
	char token[FOG_JWT_SIZE];
	jwt_t *jwt;
	CU_ASSERT_EQUAL(fog_jwt_sign(&claims, &keys, NULL, token), 0);
	CU_ASSERT_EQUAL_FATAL(jwt_decode(&jwt, token, keys.secret, 32), 0);
	CU_ASSERT_STRING_EQUAL(jwt_get_grant(jwt, "sub"), "alice");
	CU_ASSERT_STRING_EQUAL(jwt_get_grant(jwt, "rate_limit_tier"), "premium");
	CU_ASSERT_EQUAL(jwt_get_alg(jwt), JWT_ALG_HS256);
	jwt_free(jwt);
}

/* One kind of key must never do the other's work. */
static void test_confusion(void)
{
	char token[FOG_JWT_SIZE], kid[65], head[128], longer[FOG_JWT_SIZE + 8];
	const char *why;
	u8 other_pk[32], other_sk[64], seed[32] = {1};

	keys_make();
	fog_hex_encode(pk, 32, kid, sizeof(kid));
	CU_ASSERT_EQUAL(verify(forged(NULL, "{" GOOD "}", NULL, 0), NOW, &why), -EACCES);
	/* HMAC with the public key as its secret. */
	CU_ASSERT_EQUAL(verify(forged(NULL, "{" GOOD "}", pk, 32), NOW, &why), -EACCES);
	snprintf(head, sizeof(head), "{\"kid\":\"%s\"}", kid);
	CU_ASSERT_EQUAL(verify(forged(head, "{" GOOD "}", pk, 32), NOW, &why), -EACCES);
	CU_ASSERT_EQUAL(
		verify(forged("{\"crit\":[\"x\"]}", "{" GOOD "}", keys.secret, 32), NOW, &why),
		-EACCES);
	/* Good, but of a key that nobody knows. */
	fog_sign_keypair(other_pk, other_sk, seed);
	CU_ASSERT_EQUAL(fog_jwt_sign(&claims, &keys, other_sk, token), 0);
	CU_ASSERT_EQUAL(verify(token, NOW, &why), -EACCES);
	/* HS256 where there is no secret. */
	CU_ASSERT_EQUAL(fog_jwt_sign(&claims, &keys, NULL, token), 0);
	keys.secret_len = 0;
	CU_ASSERT_EQUAL(verify(token, NOW, &why), -EACCES);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(verify(longer, NOW, &why), -EACCES);
	static const char *const texts[] = {
		"", ".", "..", "...", "a.b.c", "eyJ9.e30.", "\xff.\xff.\xff"};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(texts); i++)
		CU_ASSERT_EQUAL(verify(texts[i], NOW, &why), -EACCES);
}

static void test_tiers(void)
{
	enum fog_rate_tier t;

	CU_ASSERT(fog_rate_parse("Premium", &t) == 0 && t == FOG_RATE_PREMIUM);
	CU_ASSERT(fog_rate_parse(NULL, &t) == 0 && t == FOG_RATE_STANDARD);
	CU_ASSERT_EQUAL(fog_rate_parse("gold", &t), -EINVAL);
}

FOG_TEST_MAIN("controlplane/gateway/jwt", FOG_TEST(test_life_cycle), FOG_TEST(test_damage),
	      FOG_TEST(test_other_makers), FOG_TEST(test_confusion), FOG_TEST(test_tiers))
