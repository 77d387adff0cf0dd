/* SPDX-License-Identifier: BSD-3-Clause */
/* Idempotency-Key: what was answered to a POST that makes something is kept, and given again to the
 * same request under the same key, also after a restart. The row is written before the request is
 * carried out, so that a crash in between is noticed and nothing is made twice. */
#ifndef FOG_GATEWAY_IDEMPOTENCY_H
#define FOG_GATEWAY_IDEMPOTENCY_H

#include "controlplane/core/store.h"
#include "crypto/types.h"

#define FOG_IDEMPOTENCY_KEYS_MAX   10000 /* kept; the oldest make way */
#define FOG_IDEMPOTENCY_LIFE_S     86400
#define FOG_IDEMPOTENCY_KEY_MAX    255        /* bytes of a key */
#define FOG_IDEMPOTENCY_ANSWER_MAX (1u << 20) /* of a larger answer only the status is kept */

enum fog_idempotency {
	FOG_IDEMPOTENCY_NEW = 0,  /* go on, then fog_idempotency_end() */
	FOG_IDEMPOTENCY_AGAIN,    /* here is the answer */
	FOG_IDEMPOTENCY_OTHER,    /* the key was used for another request */
	FOG_IDEMPOTENCY_UNDERWAY, /* the first one is not answered yet */
	FOG_IDEMPOTENCY_LOST,     /* a crash came before the answer */
};

struct fog_idempotency_answer {
	unsigned status;
	char type[64], location[160];
	char *body; /* malloc, the caller's */
	size_t len;
};

int fog_idempotency_migrate(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);
/* owner: who calls; a key means something only within one. digest: of the whole request. run: this
 * life of the process, so that rows of an earlier one are told apart. *out is filled with AGAIN.
 * One of enum fog_idempotency, or -errno of the store. */
int fog_idempotency_begin(struct fog_store *st, const char *owner, const char *key,
			  const u8 digest[32], u64 run, u64 now_s,
			  struct fog_idempotency_answer *out);
/* Keep the answer, or forget the key when it may be tried again (keep false). 0 or -errno. */
int fog_idempotency_end(struct fog_store *st, const char *owner, const char *key,
			const struct fog_idempotency_answer *answer, bool keep);

#endif
