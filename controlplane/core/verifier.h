/* SPDX-License-Identifier: BSD-3-Clause */
/* Somebody who checks signatures and proofs: the data plane (dpclient.h) or this process (below).
 * Code that needs checks takes a struct fog_verifier and does not ask which.
 *
 *	u8 payload[256];
 *	int len = fog_check_put_ed25519(payload, sizeof(payload), key, signature, vote, vote_len);
 *	struct fog_verifier_request r = {.kind = FOG_CHECK_ED25519, .class = FOG_VERIFY_VOTES,
 *					 .payload = payload, .length = (u32)len};
 *	rc = fog_verifier_submit(&verifier, &r, on_verdict, vote, fog_monotonic_ns());
 *
 * Each submission is answered exactly once, by the callback, and never from inside the submission.
 * Answers come in any order. One thread. */
#ifndef FOG_CORE_VERIFIER_H
#define FOG_CORE_VERIFIER_H

#include "crypto/check/check.h"

#define FOG_VERIFIER_CLASS_MAX  512   /* outstanding per class; more: -EAGAIN */
#define FOG_VERIFIER_DEFAULT_MS 10000 /* time limit of a request that names none */

struct fog_verifier_request {
	u16 kind; /* enum fog_check_kind */
	u8 class; /* enum fog_verify_class */
	u8 pad;
	u32 length;
	const void *payload; /* copied; see fog_check_put_*() */
	u64 deadline_ns;     /* CLOCK_MONOTONIC; 0 = FOG_VERIFIER_DEFAULT_MS from now */
};

/* result: 0 valid; -EBADMSG false; -EINVAL malformed; -EOPNOTSUPP unknown kind; -ETIMEDOUT not
 * checked before its deadline; -ECANCELED the verifier closes. */
typedef void fog_verifier_fn(void *arg, int result);

/* Who checks. `self` outlives it. */
struct fog_verifier {
	int (*submit)(void *self, const struct fog_verifier_request *r, fog_verifier_fn *fn,
		      void *arg, u64 now_ns);
	void *self;
};

/* 0; -EINVAL (class, fn), -EMSGSIZE (longer than FOG_CHECK_PAYLOAD_MAX), -ETIMEDOUT (the deadline
 * is past), -EAGAIN (FOG_VERIFIER_CLASS_MAX of this class are out: back-pressure, try again when an
 * answer has come), -ENOMEM, -ECANCELED (closing). */
static inline int fog_verifier_submit(const struct fog_verifier *v,
				      const struct fog_verifier_request *r, fog_verifier_fn *fn,
				      void *arg, u64 now_ns)
{
	return v->submit(v->self, r, fn, arg, now_ns);
}

/* The errors of a request by itself, for whoever implements submit. */
int fog_verifier_request_check(const struct fog_verifier_request *r, fog_verifier_fn *fn,
			       u64 now_ns);

/* ---- in this process ---------------------------------------------------------------------- */

struct fog_local_verifier;

/* -ENOMEM. fog_crypto_init() has been called. */
int fog_local_verifier_open(struct fog_local_verifier **v);
/* What is out ends with -ECANCELED. */
void fog_local_verifier_close(struct fog_local_verifier *v);

struct fog_verifier fog_local_verifier(struct fog_local_verifier *v);

/* Checks what was submitted before this call, class by class, and runs the callbacks, which may
 * submit more. Returns how many were answered. */
unsigned fog_local_verifier_step(struct fog_local_verifier *v, u64 now_ns);

/* One check at once, for tools. Results as above but the last two. */
int fog_local_verifier_check(struct fog_local_verifier *v, u16 kind, const void *payload,
			     u32 length);

#endif
