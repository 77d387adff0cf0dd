/* SPDX-License-Identifier: BSD-3-Clause */
/* The attester of a host: one provider and its event log, on a thread of their own, because
 *hardware takes its time. Requests go in order; their answers come on the loop.
 *
 *	fog_tee_attester_start(&a, loop, &config, &id, on_started, ctx)
 *	    -> register reset, first event: the platform
 *	fog_tee_attester_record(a, LAUNCH, "enclave_..", digest, done, ctx)
 *	fog_tee_attester_quote(a, &request, done, ctx)
 *
 * The log and the register go together: what is in one and not in the other would make every later
 * quote worthless, so an event is recorded only once the register has it. When the log is full it
 * begins anew, with the platform and what still runs. */
#ifndef FOG_TEE_ATTESTER_H
#define FOG_TEE_ATTESTER_H

#include "controlplane/core/identity.h"
#include "controlplane/core/loop.h"
#include "controlplane/tee/provider.h"
#include "controlplane/tee/statement.h"

#define FOG_TEE_QUEUE_MAX 128 /* requests that wait; more: -EAGAIN */

struct fog_tee_attester;

/* On the loop's thread. why: of a failure. text is the answer's, valid during the call; NULL when
 * there is none. Not called after stop. */
typedef void fog_tee_done_fn(void *ctx, int rc, const char *text, const char *why);

/* Starts the thread, which opens the provider; started() tells the outcome, about as text. The
 * configuration's texts are copied. Until then, and after a failure, requests are answered with
 * -ENODEV. 0 or -errno. */
int fog_tee_attester_start(struct fog_tee_attester **out, struct ev_loop *loop,
			   const struct fog_tee_provider_config *config,
			   const struct fog_identity *id, fog_tee_done_fn *started, void *ctx);
/* Gives the provider up and opens it anew, behind what was asked before; the platform and what runs
 * are recorded again. Answers as the start does. */
int fog_tee_attester_reopen(struct fog_tee_attester *a, fog_tee_done_fn *done, void *ctx);
/* Waits for the request at hand. NULL is fine. */
void fog_tee_attester_stop(struct fog_tee_attester *a);

/* NONE until it started. */
enum fog_tee_kind fog_tee_attester_kind(const struct fog_tee_attester *a);

/* The platform measurement is of these from now on. */
int fog_tee_attester_platform(struct fog_tee_attester *a, const struct fog_tee_component *c,
			      u32 count, fog_tee_done_fn *done, void *ctx);
int fog_tee_attester_record(struct fog_tee_attester *a, enum fog_tee_event_kind kind,
			    const char *name, const u8 digest[32], fog_tee_done_fn *done,
			    void *ctx);
/* text: what the provider's identity() says. */
int fog_tee_attester_identity(struct fog_tee_attester *a, fog_tee_done_fn *done, void *ctx);

struct fog_tee_request {
	u8 verifier[32];
	bool sealed; /* the nonce is in the credential */
	u8 nonce[32];
	struct fog_tee_credential credential;
	bool has_enclave;
	struct fog_tee_launch enclave;
};
/* text: evidence. */
int fog_tee_attester_quote(struct fog_tee_attester *a, const struct fog_tee_request *request,
			   fog_tee_done_fn *done, void *ctx);

#endif
