/* SPDX-License-Identifier: BSD-3-Clause */
/* The verify service: one thread that takes signatures and proofs from the control plane's ring,
 * checks them in batches and answers on the verdict ring.
 *
 *	control region: verify_head, verify[] ---> copy, validate ---> class queues (256 jobs)
 *	                                                                    | batch <= 64
 *	data region:  verdict_head, verdicts[] <--- verdict <--- algorithm table
 *
 * Classes: the lowest priority number goes first, but while others wait, FOG_VERIFY_SHARE of each
 * batch are theirs, so that a flood of one class delays the rest and never starves it.
 *
 * Bounds: jobs held <= FOG_VERIFY_RING_COUNT, verdicts never overrun their ring: when the control
 * plane does not drain it, no further submission is taken. A ring that goes mad (impossible cursor)
 * is left alone until the next attachment. */
#ifndef FOG_CTL_VERIFY_H
#define FOG_CTL_VERIFY_H

#include "dataplane/abi/abi.h"

#define FOG_VERIFY_BATCH_MAX 64
#define FOG_VERIFY_SHARE     8 /* of a batch, for classes other than the first that waits */
#define FOG_VERIFY_CLASSES   3 /* greater numbers count as the last class */

/* One way to check. A batch verifier replaces `check` of its algorithm and nothing else: it gets
 * only jobs of its own algorithm, whose lengths are already validated, at most batch_max at once.
 */
struct fog_verify_method {
	const char *name;
	u16 algorithm; /* enum fog_verify_algorithm */
	u16 batch_max; /* <= FOG_VERIFY_BATCH_MAX */
	/* result[i] = 0 valid, -EBADMSG invalid, -EINVAL malformed */
	void (*check)(const struct fog_verify_submit *const job[], i32 result[], unsigned count);
};

/* The table; NULL past the end. */
const struct fog_verify_method *fog_verify_method_at(unsigned i);

struct fog_verify;

/* Start the thread ("fog-verify"). data: the data region, for the verdict ring. notify_fd: eventfd
 * written when verdicts appear and the control plane sleeps; -1 = none. Both outlive the service.
 * Not attached at first. 0 or -errno. */
int fog_verify_start(struct fog_verify **v, struct fog_data_region *data, int notify_fd);
void fog_verify_stop(struct fog_verify *v);

/* Serve `region` from now on, NULL = none. Zeroes the data plane's cursors of both rings, forgets
 * what was in flight, and returns when the thread no longer reads the former region (some ms, one
 * batch at most): the caller may unmap that then. Control thread only. */
void fog_verify_attach(struct fog_verify *v, const struct fog_control_region *region);

/* eventfd the control plane writes after a submission when verify_tail is waiting. */
int fog_verify_wake_fd(const struct fog_verify *v);

/* Totals since start: submissions taken and how they ended. Any thread. */
struct fog_verify_totals {
	u64 taken, valid, invalid, malformed, batches;
};
void fog_verify_totals(const struct fog_verify *v, struct fog_verify_totals *out);

#endif
