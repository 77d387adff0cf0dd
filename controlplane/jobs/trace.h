/* SPDX-License-Identifier: BSD-3-Clause */
/* The trace of a job: one span from submission to end, under the trace of the request that brought
 * it, and the id under which other hosts know it.
 *
 * A worker is a stranger. The id of a trace that this host made for this one job tells it nothing
 * new; one that the caller's tools also use elsewhere, or that several jobs share, would tell it
 * what belongs together. Then a fresh id leaves the host instead, unless the operator wishes
 * otherwise. Pure. */
#ifndef FOG_JOBS_TRACE_H
#define FOG_JOBS_TRACE_H

#include "controlplane/core/trace.h"
#include "crypto/random/random.h"

#define FOG_JOB_TRACE_SIZE (FOG_TRACEPARENT_SIZE + 50 + 1 + FOG_TRACESTATE_MAX + 1)

/* Where a job comes from. All zero: from nowhere, it has no trace. */
struct fog_job_origin {
	struct fog_trace trace; /* of the request */
	bool given;             /* the caller's own trace */
	const char *state;      /* its tracestate; NULL: none */
};

struct fog_job_trace {
	struct fog_trace span; /* the job's */
	u8 parent[8];          /* the request's */
	u8 wire[16];           /* id of the trace as others see it */
};

/* alone: its request made no other job; callers: the caller's id may leave the host. */
void fog_job_trace_begin(struct fog_job_trace *out, const struct fog_job_origin *origin, bool alone,
			 bool callers, struct fog_rng *rng);
/* What its workers are told: our span, under the id they may know. */
void fog_job_trace_wire(const struct fog_job_trace *t, struct fog_trace *out);

/* As the store keeps it: "TRACEPARENT PARENT WIRE[ TRACESTATE]", "" for none. state: NULL for none.
 * Returns out. */
char *fog_job_trace_text(const struct fog_job_trace *t, const char *state,
			 char out[FOG_JOB_TRACE_SIZE]);
/* None when it is damaged. Returns the tracestate, within text, perhaps "". */
const char *fog_job_trace_read(const char *text, struct fog_job_trace *out);

#endif
