/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/jwt.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"

const char *const fog_rate_names[] = {"standard", "premium", "enterprise", NULL};

int fog_rate_parse(const char *name, enum fog_rate_tier *out)
{
	*out = FOG_RATE_STANDARD;
	if (name == NULL || name[0] == '\0')
		return 0;
	for (int i = 0; i < FOG_RATE_COUNT; i++)
		if (strcasecmp(name, fog_rate_names[i]) == 0) {
			*out = (enum fog_rate_tier)i;
			return 0;
		}
	return -EINVAL;
}

static enum fog_scope scope_of_word(const char *word, size_t len)
{
	if (len == 5 && memcmp(word, "admin", 5) == 0)
		return FOG_SCOPE_ADMIN;
	if (len == 5 && memcmp(word, "write", 5) == 0)
		return FOG_SCOPE_WRITE;
	if (len == 4 && memcmp(word, "read", 4) == 0)
		return FOG_SCOPE_READ;
	return FOG_SCOPE_NONE;
}

enum fog_scope fog_scope_parse(const json_t *list)
{
	enum fog_scope best = FOG_SCOPE_NONE;
	const char *text = json_string_value(list);
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		enum fog_scope one = scope_of_word(json_is_string(e) ? json_string_value(e) : "",
						   json_string_length(e));
		best = FOG_MAX(best, one);
	}
	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, " ");
		enum fog_scope one = scope_of_word(text, n);
		best = FOG_MAX(best, one);
		text += n + (text[n] == ' ');
	}
	return best;
}

/* ---- base64url without padding (RFC 7515 2) ------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const void *data, size_t len, char *out)
{
	const u8 *p = data;
	size_t used = 0;

	for (size_t i = 0; i < len; i += 3) {
		u32 v = (u32)p[i] << 16 | (i + 1 < len ? (u32)p[i + 1] << 8 : 0) |
			(i + 2 < len ? p[i + 2] : 0);
		for (size_t k = 0; k < FOG_MIN(len - i, 3u) + 1; k++)
			out[used++] = digits[v >> (18 - 6 * k) & 63];
	}
	out[used] = '\0';
	return used;
}

/* Length, or -EINVAL: not base64url, not canonical, or more than cap. */
static long decode(const char *text, size_t len, u8 *out, size_t cap)
{
	u32 v = 0, bits = 0;
	size_t used = 0;

	if (len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		const char *d = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
		if (d == NULL)
			return -EINVAL;
		v = v << 6 | (u32)(d - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (used == cap)
			return -EINVAL;
		out[used++] = (u8)(v >> bits);
		v &= (1u << bits) - 1;
	}
	return v == 0 ? (long)used : -EINVAL;
}

/* ---- making --------------------------------------------------------------------------------- */

/* Appends base64url of the JSON; takes over `value`. */
static int part_put(char token[FOG_JWT_SIZE], json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	size_t used = strlen(token), len = text != NULL ? strlen(text) : 0;
	int rc = text == NULL ? -ENOMEM : used + len * 4 / 3 + 4 > FOG_JWT_SIZE ? -E2BIG : 0;

	if (rc == 0)
		encode(text, len, token + used);
	free(text);
	json_decref(value);
	return rc;
}

static json_t *scope_json(enum fog_scope scope)
{
	json_t *list = json_pack("[s]", "read");

	if (scope >= FOG_SCOPE_WRITE)
		json_array_append_new(list, json_string("write"));
	if (scope >= FOG_SCOPE_ADMIN)
		json_array_append_new(list, json_string("admin"));
	return list;
}

int fog_jwt_sign(const struct fog_claims *c, const struct fog_jwt_keys *keys, const u8 *sign_sk,
		 char token[FOG_JWT_SIZE])
{
	char kid[65];
	u8 signature[FOG_SIGN_SIZE];
	json_t *head =
		json_pack("{s:s, s:s}", "alg", sign_sk != NULL ? "EdDSA" : "HS256", "typ", "JWT");

	if (sign_sk != NULL) {
		fog_hex_encode(sign_sk + 32, 32, kid, sizeof(kid));
		json_object_set_new(head, "kid", json_string(kid));
	}
	token[0] = '\0';
	int rc = part_put(token, head);
	size_t used = strlen(token);
	if (rc == 0) {
		token[used++] = '.';
		token[used] = '\0';
		rc = part_put(token,
			      json_pack("{s:s, s:I, s:I, s:o, s:s, s:s}", "sub", c->subject, "iat",
					(json_int_t)c->issued_s, "exp", (json_int_t)c->expires_s,
					"scope", scope_json(c->scope), "rate_limit_tier",
					fog_rate_names[c->tier], "jti", c->id));
	}
	used = strlen(token);
	if (rc != 0 || used + 1 + 86 + 1 > FOG_JWT_SIZE)
		return rc != 0 ? rc : -E2BIG;
	if (sign_sk != NULL)
		fog_sign(signature, token, used, sign_sk);
	else
		fog_hmac_sha256(signature, keys->secret, keys->secret_len, token, used);
	token[used++] = '.';
	encode(signature, sign_sk != NULL ? 64 : 32, token + used);
	return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int refuse(const char **why, const char *words)
{
	*why = words;
	return -EACCES;
}

static json_t *part_take(const char *text, size_t len)
{
	u8 bytes[FOG_JWT_SIZE];
	long n = decode(text, len, bytes, sizeof(bytes));

	return n > 0 ? json_loadb((const char *)bytes, (size_t)n, JSON_REJECT_DUPLICATES, NULL)
		     : NULL;
}

/* 0 when one of the known keys signed `signed_len` bytes. */
static int eddsa_check(const char *kid, const struct fog_jwt_keys *keys, const char *token,
		       size_t signed_len, const u8 *signature, long len)
{
	u8 pk[32];

	if (kid == NULL || fog_hex_decode(kid, pk, sizeof(pk)) != 0 || len != FOG_SIGN_SIZE)
		return -EACCES;
	for (u32 i = 0; i < keys->issuer_count; i++)
		if (memcmp(keys->issuer[i], pk, 32) == 0)
			return fog_sign_verify(signature, token, signed_len, pk);
	return -EACCES;
}

static int hmac_check(const struct fog_jwt_keys *keys, const char *token, size_t signed_len,
		      const u8 *signature, long len)
{
	u8 wants[FOG_SHA256_SIZE];

	if (keys->secret_len == 0 || len != FOG_SHA256_SIZE)
		return -EACCES;
	fog_hmac_sha256(wants, keys->secret, keys->secret_len, token, signed_len);
	bool good = fog_equal(wants, signature, sizeof(wants));
	fog_wipe(wants, sizeof(wants));
	return good ? 0 : -EACCES;
}

static int signature_check(const char *token, size_t head_len, size_t signed_len,
			   const struct fog_jwt_keys *keys, const char **why)
{
	u8 signature[FOG_SIGN_SIZE];
	const char *text = token + signed_len + 1;
	long len = decode(text, strlen(text), signature, sizeof(signature));
	json_t *head = part_take(token, head_len);
	const char *alg = json_string_value(json_object_get(head, "alg"));
	const char *kid = json_string_value(json_object_get(head, "kid"));
	int rc = -EACCES;

	if (alg == NULL || json_object_get(head, "crit") != NULL)
		(void)refuse(why, "this is no token of ours");
	else if (strcmp(alg, "HS256") == 0)
		rc = hmac_check(keys, token, signed_len, signature, len);
	else if (strcmp(alg, "EdDSA") == 0)
		rc = eddsa_check(kid, keys, token, signed_len, signature, len);
	else
		(void)refuse(why, "tokens are signed with HS256 or EdDSA");
	json_decref(head);
	if (rc != 0 && *why == NULL)
		(void)refuse(why, "the token's signature is not good");
	return rc != 0 ? -EACCES : 0;
}

static bool seconds_take(const json_t *o, const char *name, u64 *out)
{
	const json_t *v = json_object_get(o, name);
	double d = json_number_value(v);

	*out = 0;
	if (v == NULL)
		return true;
	if (!json_is_number(v) || !(d >= 0 && d < 1e15))
		return false;
	*out = (u64)d;
	return true;
}

static bool text_take(const json_t *o, const char *name, char *out, size_t size)
{
	const json_t *v = json_object_get(o, name);
	size_t len = json_string_length(v);

	out[0] = '\0';
	if (v == NULL)
		return true;
	if (!json_is_string(v) || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)json_string_value(v)[i]))
			return false; /* it goes into logs and names of accounts */
	memcpy(out, json_string_value(v), len + 1);
	return true;
}

static int claims_take(const json_t *o, u64 now_s, struct fog_claims *c, const char **why)
{
	u64 not_before_s;

	if (!json_is_object(o) || !seconds_take(o, "exp", &c->expires_s) ||
	    !seconds_take(o, "iat", &c->issued_s) || !seconds_take(o, "nbf", &not_before_s) ||
	    !text_take(o, "sub", c->subject, sizeof(c->subject)) ||
	    !text_take(o, "jti", c->id, sizeof(c->id)) ||
	    fog_rate_parse(json_string_value(json_object_get(o, "rate_limit_tier")), &c->tier) != 0)
		return refuse(why, "the token's claims cannot be read");
	if (c->subject[0] == '\0' || c->expires_s == 0)
		return refuse(why, "the token names no subject or no end");
	if (c->expires_s <= now_s)
		return refuse(why, "the token has expired");
	if (not_before_s > now_s)
		return refuse(why, "the token is not valid yet");
	c->scope = fog_scope_parse(json_object_get(o, "scope"));
	return 0;
}

int fog_jwt_verify(const char *token, const struct fog_jwt_keys *keys, u64 now_s,
		   struct fog_claims *out, const char **why)
{
	*why = NULL;
	if (strlen(token) >= FOG_JWT_SIZE)
		return refuse(why, "the token is too long");
	size_t head_len = strcspn(token, ".");
	size_t claims_len = token[head_len] == '.' ? strcspn(token + head_len + 1, ".") : 0;
	size_t signed_len = head_len + 1 + claims_len;
	if (claims_len == 0 || token[signed_len] != '.')
		return refuse(why, "this is no token of ours");
	if (signature_check(token, head_len, signed_len, keys, why) != 0)
		return -EACCES;
	json_t *claims = part_take(token + head_len + 1, claims_len);
	int rc = claims_take(claims, now_s, out, why);
	json_decref(claims);
	return rc;
}
