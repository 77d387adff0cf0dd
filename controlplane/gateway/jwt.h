/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON Web Tokens (RFC 7519) of two kinds and no other: HS256 with this gateway's secret, EdDSA
 * (RFC 8037) by an Ed25519 key that is named in `kid` and known. The kind decides which key is
 * looked at, and neither key can serve as the other. Debian's libjwt 1.10 has no EdDSA, and two
 * readers of one format are one too many; its tokens are read in the unit test.
 *
 * Pure; any thread. */
#ifndef FOG_GATEWAY_JWT_H
#define FOG_GATEWAY_JWT_H

#include "controlplane/gateway/gateway.h"

#define FOG_JWT_SIZE         1024 /* bytes of a token with its zero; longer ones are refused */
#define FOG_JWT_SECRET_MIN   32   /* bytes of a secret; RFC 7518 3.2 */
#define FOG_JWT_SECRET_MAX   128
#define FOG_JWT_ISSUERS_MAX  16
#define FOG_JWT_SUBJECT_SIZE 64
#define FOG_JWT_ID_SIZE      48

enum fog_rate_tier {
	FOG_RATE_STANDARD = 0,
	FOG_RATE_PREMIUM,
	FOG_RATE_ENTERPRISE,
	FOG_RATE_COUNT,
};

/* NULL-terminated names in the order of the enums. */
extern const char *const fog_rate_names[];
/* -EINVAL: no such tier; "" and NULL are standard. */
int fog_rate_parse(const char *name, enum fog_rate_tier *out);

struct fog_claims {
	char subject[FOG_JWT_SUBJECT_SIZE]; /* sub */
	char id[FOG_JWT_ID_SIZE];           /* jti */
	u64 issued_s, expires_s;            /* iat, exp: Unix seconds */
	enum fog_scope scope;               /* the widest of the list: each includes those below */
	enum fog_rate_tier tier;            /* rate_limit_tier */
};

struct fog_jwt_keys {
	u8 secret[FOG_JWT_SECRET_MAX];
	size_t secret_len;                  /* 0: no HS256 */
	u8 issuer[FOG_JWT_ISSUERS_MAX][32]; /* Ed25519 keys that EdDSA tokens may be from */
	u32 issuer_count;
};

/* Scope of a list ["read", "write", "admin"] or of words with spaces; FOG_SCOPE_NONE: none known.
 */
enum fog_scope fog_scope_parse(const json_t *list);

/* Make one. sign_sk: 64 bytes, of the key `kid` is the public half of; NULL: HS256. 0, or -E2BIG.
 */
int fog_jwt_sign(const struct fog_claims *claims, const struct fog_jwt_keys *keys,
		 const u8 *sign_sk, char token[FOG_JWT_SIZE]);
/* Read and check one, signature before content. 0, or -EACCES and *why says what is wrong in words
 * that may be told to whoever sent it. Cost: about 5 us for HS256, 60 us for EdDSA. */
int fog_jwt_verify(const char *token, const struct fog_jwt_keys *keys, u64 now_s,
		   struct fog_claims *out, const char **why);

#endif
