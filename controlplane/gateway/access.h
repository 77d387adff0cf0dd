/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may call: tokens (jwt.h) and API keys, made, listed and revoked. What was issued is in the
 * store; of an API key only its hash is. Answers of the last callers are remembered, so that a
 * signature is not checked at every request. The loop's thread only. */
#ifndef FOG_GATEWAY_ACCESS_H
#define FOG_GATEWAY_ACCESS_H

#include "controlplane/core/identity.h"
#include "controlplane/core/store.h"
#include "controlplane/gateway/jwt.h"

#define FOG_ACCESS_KEY_SIZE   64    /* of an API key with its zero: "fogk_" and 43 characters */
#define FOG_ACCESS_ISSUED_MAX 10000 /* live and revoked ones in the store; more: -ENOSPC */
#define FOG_ACCESS_LIFE_S_MAX (3650u * 86400)
#define FOG_ACCESS_WHY_SIZE   256

struct fog_access;

enum fog_credential {
	FOG_CREDENTIAL_TOKEN = 1,
	FOG_CREDENTIAL_KEY,
};

struct fog_issued {
	enum fog_credential kind;
	struct fog_claims claims;
	u64 revoked_s; /* 0: not */
};

/* Reads or makes the secret of HS256: `secret_file`, or state_dir/gateway.secret when that is
 * empty; mode 0600. issuers: node ids (64 hex digits) whose EdDSA tokens are believed besides our
 * own. Everything must outlive it. 0, or -errno with `why`. */
int fog_access_new(struct fog_access **out, struct fog_store *store, const struct fog_identity *id,
		   const char *state_dir, const char *secret_file, char *const *issuers,
		   u32 issuer_count, char why[FOG_ACCESS_WHY_SIZE]);
void fog_access_free(struct fog_access *a); /* NULL is fine */

/* Issue one for claims->subject; id and issued_s are filled in. EdDSA tokens are signed by this
 * host. `text` gets what the caller must keep, it is not to be had again. 0, -EINVAL (the claims),
 * -ENOSPC, or an error of the store. */
int fog_access_issue(struct fog_access *a, enum fog_credential kind, bool eddsa, u64 now_s,
		     struct fog_claims *claims, char text[FOG_JWT_SIZE]);
/* Never again good. A token's id need not be one that was issued here: others may hold the secret.
 * 0, -EINVAL (the id), -ENOSPC, or an error of the store. */
int fog_access_revoke(struct fog_access *a, const char *id, u64 now_s);
/* Call `each` for those in the store, newest first. What has expired is deleted first. 0 or an
 * error of the store. */
int fog_access_list(struct fog_access *a, u64 now_s,
		    void (*each)(void *ctx, const struct fog_issued *issued), void *ctx);

/* Look at what a request brought: a token (without "Bearer "), or an API key. 0 and *out; -EACCES
 * and *why, in words for the caller. */
int fog_access_token(struct fog_access *a, const char *token, u64 now_s, struct fog_claims *out,
		     const char **why);
int fog_access_key(struct fog_access *a, const char *key, u64 now_s, struct fog_claims *out,
		   const char **why);

#endif
