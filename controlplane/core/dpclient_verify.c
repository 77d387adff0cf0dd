/* SPDX-License-Identifier: BSD-3-Clause */
/* Verifications of the data plane client: a table of jobs, a queue of those not yet in the ring. */
#include "controlplane/core/dpclient_private.h"

#define JOBS      FOG_DPCLIENT_VERIFY_MAX
#define TAG_SHIFT 16 /* tag = serial << 16 | index: a stale verdict never meets a new job */

_Static_assert(JOBS <= 1u << TAG_SHIFT, "the index must fit below the serial");

static void wait_put(struct fog_dpclient_verifier *v, unsigned index)
{
	v->job[index].state = FOG_DPCLIENT_JOB_WAITING;
	v->waiting[(v->first + v->count++) % JOBS] = (u16)index;
}

/* The slot is free before the callback runs, so that it may submit again. */
static void job_end(struct fog_dpclient_verifier *v, unsigned index, int result)
{
	struct fog_dpclient_job *job = &v->job[index];
	fog_dpclient_verdict_fn *fn = job->fn;
	void *arg = job->arg;

	job->state = FOG_DPCLIENT_JOB_FREE;
	job->serial = 0;
	fn(arg, result);
}

void fog_dpclient_verify_attach(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	/* The consumer's line lies in memory that is mapped read-only, and only read. */
	struct fog_data_region *data = (struct fog_data_region *)c->data;

	fog_ring_producer(&v->submissions, &c->control->verify_head, &data->verify_tail,
			  c->control->verify, FOG_VERIFY_RING_COUNT,
			  sizeof(struct fog_verify_submit));
	fog_ring_consumer(&v->verdicts, &data->verdict_head, &c->control->verdict_tail,
			  data->verdicts, FOG_VERIFY_RING_COUNT, sizeof(struct fog_verify_verdict));
}

static void submissions_push(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	bool pushed = false;

	while (v->count != 0 && fog_ring_free(&v->submissions) != 0) {
		unsigned index = v->waiting[v->first];
		struct fog_dpclient_job *job = &v->job[index];

		v->first = (v->first + 1) % JOBS;
		v->count--;
		/* One that ended while it waited leaves its entry behind, or a younger job of the
		 * same index has a second entry: only the state counts. */
		if (job->state != FOG_DPCLIENT_JOB_WAITING)
			continue;
		job->state = FOG_DPCLIENT_JOB_SENT;
		job->tries++;
		(void)fog_ring_push(&v->submissions, &job->submit);
		pushed = true;
	}
	if (pushed && fog_ring_wants_wake(&v->submissions))
		fog_attachment_wake_verify(&c->at);
}

static int result_check(i32 result)
{
	switch (result) {
	case 0:
	case -EBADMSG:
	case -EINVAL:
	case -EOPNOTSUPP:
		return result;
	default:
		return -EPROTO;
	}
}

static void verdicts_take(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	struct fog_verify_verdict verdict;

	/* Bounded by the ring: what arrives meanwhile waits for the next step. */
	for (u32 n = fog_ring_ready(&v->verdicts); n != 0; n--) {
		if (fog_ring_pop(&v->verdicts, &verdict) != 0)
			return;
		unsigned index = verdict.tag & ((1u << TAG_SHIFT) - 1);

		if (index >= JOBS || v->job[index].state != FOG_DPCLIENT_JOB_SENT ||
		    v->job[index].serial != verdict.tag >> TAG_SHIFT) {
			c->totals.verdicts_invalid++;
			continue;
		}
		c->totals.verdicts++;
		job_end(v, index, result_check(verdict.result));
	}
}

void fog_dpclient_verify_pump(struct fog_dpclient *c)
{
	if (c->state != FOG_DPCLIENT_UP)
		return;
	verdicts_take(c);
	submissions_push(c);
}

/* Ask for a wake-up, then look once more: what came in between is taken in the next step. */
void fog_dpclient_verify_sleep(struct fog_dpclient *c)
{
	fog_ring_wait_begin(&c->verifier.verdicts);
}

bool fog_dpclient_verify_broken(const struct fog_dpclient *c)
{
	return c->verifier.submissions.broken || c->verifier.verdicts.broken;
}

u64 fog_dpclient_verify_expire(struct fog_dpclient *c, u64 now_ns)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	int result = c->state == FOG_DPCLIENT_UP ? -ETIMEDOUT : -ECONNRESET;
	u64 next = UINT64_MAX;

	for (unsigned i = 0; i < JOBS; i++) {
		struct fog_dpclient_job *job = &v->job[i];

		if (job->state == FOG_DPCLIENT_JOB_FREE)
			continue;
		if (job->deadline_ns <= now_ns)
			job_end(v, i, result);
		else if (job->deadline_ns < next)
			next = job->deadline_ns;
	}
	return next;
}

/* Oldest first, so that resubmission keeps the order. */
void fog_dpclient_verify_detach(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	u16 order[JOBS];
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS; i++) {
		if (v->job[i].state == FOG_DPCLIENT_JOB_FREE)
			continue;
		unsigned at = n++;

		for (; at > 0 && v->job[order[at - 1]].serial > v->job[i].serial; at--)
			order[at] = order[at - 1];
		order[at] = (u16)i;
	}
	v->first = v->count = 0;
	for (unsigned i = 0; i < n; i++)
		wait_put(v, order[i]);
	for (unsigned i = 0; i < n; i++)
		if (v->job[order[i]].tries >= FOG_DPCLIENT_VERIFY_TRIES)
			job_end(v, order[i], -ECONNRESET);
}

void fog_dpclient_verify_cancel(struct fog_dpclient *c)
{
	for (unsigned i = 0; i < JOBS; i++)
		if (c->verifier.job[i].state != FOG_DPCLIENT_JOB_FREE)
			job_end(&c->verifier, i, -ECANCELED);
}

/* Drop the entries of jobs that ended while they waited. */
static void queue_compact(struct fog_dpclient_verifier *v)
{
	bool seen[JOBS] = {false};
	u32 count = v->count;

	v->count = 0;
	for (u32 i = 0; i < count; i++) {
		u16 index = v->waiting[(v->first + i) % JOBS];

		if (v->job[index].state != FOG_DPCLIENT_JOB_WAITING || seen[index])
			continue;
		seen[index] = true;
		v->waiting[(v->first + v->count++) % JOBS] = index;
	}
}

int fog_dpclient_verify(struct fog_dpclient *c, const u8 key[32], const u8 signature[64],
			const void *message, size_t length, u8 priority,
			fog_dpclient_verdict_fn *fn, void *arg, u64 now_ns)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	unsigned i = 0;

	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	if (fn == NULL || priority > 2)
		return -EINVAL;
	if (length > FOG_VERIFY_MESSAGE_MAX)
		return -EMSGSIZE;
	if (c->closing)
		return -ECANCELED;
	while (i < JOBS && v->job[i].state != FOG_DPCLIENT_JOB_FREE)
		i++;
	if (i == JOBS)
		return -EAGAIN;
	if (v->count == JOBS)
		queue_compact(v);

	struct fog_dpclient_job *job = &v->job[i];
	*job = (struct fog_dpclient_job){
		.serial = ++v->serial & (UINT64_MAX >> TAG_SHIFT),
		.deadline_ns = now_ns + FOG_DPCLIENT_VERIFY_MS * 1000000ull,
		.fn = fn,
		.arg = arg,
		.submit.algorithm = FOG_VERIFY_ED25519,
		.submit.priority = priority,
		.submit.length = (u32)length,
	};
	job->submit.tag = job->serial << TAG_SHIFT | i;
	memcpy(job->submit.key, key, 32);
	memcpy(job->submit.signature, signature, 64);
	if (length != 0)
		memcpy(job->submit.message, message, length);
	wait_put(v, i);
	if (c->state == FOG_DPCLIENT_UP)
		submissions_push(c);
	return 0;
}
