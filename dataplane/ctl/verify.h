/* SPDX-License-Identifier: BSD-3-Clause */
/* The verify service: workers that take signatures and proofs from the control plane's rings, check
 * them by kind in full lanes and answer on the verdict rings.
 *
 *	control region: a ring and an arena per class ---> copy, validate ---> batch (<= 256)
 *	                                                                    | by kind (crypto/check)
 *	data region:  verdict_head[w], verdicts[w][] <--- verdicts <--------+
 *
 * A batch is a slice of time, FOG_VERIFY_BATCH_NS of estimated cost, not a number of items: a flood
 * of 32 KiB proofs holds a vote up no longer than one of signatures. While classes compete, each
 * gets its share of the slice, votes 8, receipts 4, market 2, bulk 1 of 15, and at least one item;
 * what a class leaves the earlier ones take, then the later. Within a class order is kept. A batch
 * ends before the nearest deadline it holds, as far as estimates go (they follow the measured
 * speed); what is past its deadline is answered -ETIMEDOUT unseen.
 *
 * Bounds: nothing is held beyond one batch; a verdict ring that is not drained stops the intake,
 *and so the submitter. A ring with an impossible cursor stops its worker until the next attachment.
 */
#ifndef FOG_CTL_VERIFY_H
#define FOG_CTL_VERIFY_H

#include "dataplane/abi/abi.h"

#define FOG_VERIFY_BATCH_MAX   256
#define FOG_VERIFY_BATCH_BYTES (256 * 1024)
#define FOG_VERIFY_BATCH_NS    2000000

struct fog_verify;

/* Start `workers` threads ("fog-verify"), 1 .. FOG_VERIFY_WORKERS_MAX. cpu: the CPU to pin each to,
 * -1 or no array = wherever the caller may run; a CPU that is not allowed is one warning. data: the
 * data region, for the verdict rings. notify_fd: eventfd written when verdicts appear and the
 * control plane sleeps; -1 = none. Both outlive the service. Not attached at first. 0 or -errno. */
int fog_verify_start(struct fog_verify **v, struct fog_data_region *data, u32 workers,
		     const int *cpu, int notify_fd);
void fog_verify_stop(struct fog_verify *v);

/* Serve `region` from now on, NULL = none. Zeroes the data plane's cursors of all verify rings,
 * forgets what was in flight, and returns when no worker reads the former region any more (some ms,
 * one batch at most): the caller may unmap that then. Control thread only. */
void fog_verify_attach(struct fog_verify *v, const struct fog_control_region *region);

u32 fog_verify_workers(const struct fog_verify *v);
/* eventfd the control plane writes after a submission when the tail of its ring is waiting. */
int fog_verify_wake_fd(const struct fog_verify *v, u32 worker);

/* Totals of all workers since start: submissions taken and how they ended; cpu_ns is the time that
 * went into batches. Any thread. */
struct fog_verify_totals {
	u64 taken, valid, invalid, malformed, late, batches, cpu_ns;
};
void fog_verify_totals(const struct fog_verify *v, struct fog_verify_totals *out);

#endif
