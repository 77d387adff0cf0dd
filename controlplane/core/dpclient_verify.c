/* SPDX-License-Identifier: BSD-3-Clause */
/* Verifications of the data plane client. Per class a table of jobs; each is in one of three lists:
 *
 *	unused --check()--> waiting --room in a ring--> sent --verdict, deadline--> unused
 *	                       ^                          |
 *	                       +---- data plane lost -----+
 */
#include "controlplane/core/dpclient_private.h"

#define JOBS      FOG_DPCLIENT_VERIFY_MAX
#define TAG_SHIFT 16 /* tag = serial << 16 | index: a stale verdict never meets a new job */

_Static_assert(JOBS *FOG_VERIFY_CLASSES <= 1u << TAG_SHIFT, "the index must fit below the serial");

void fog_dpclient_verify_init(struct fog_dpclient *c)
{
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++) {
		struct fog_dpclient_verify_class *class = &c->verifier.class[k];

		TAILQ_INIT(&class->unused);
		TAILQ_INIT(&class->waiting);
		TAILQ_INIT(&class->sent);
		for (unsigned i = 0; i < JOBS; i++) {
			class->job[i].class = (u8)k;
			TAILQ_INSERT_TAIL(&class->unused, &class->job[i], link);
		}
	}
}

static u64 job_tag(const struct fog_dpclient_verifier *v, const struct fog_dpclient_job *job)
{
	u64 index = (u64)(job - v->class[job->class].job) + (u64)job->class * JOBS;

	return job->serial << TAG_SHIFT | index;
}

/* The job whose tag this is; NULL when nobody waits for it. */
static struct fog_dpclient_job *job_find(struct fog_dpclient_verifier *v, u64 tag, u32 worker)
{
	unsigned index = tag & ((1u << TAG_SHIFT) - 1);

	if (index >= JOBS * FOG_VERIFY_CLASSES)
		return NULL;
	struct fog_dpclient_job *job = &v->class[index / JOBS].job[index % JOBS];
	bool fits =
		job->used && job->sent && job->worker == worker && job->serial == tag >> TAG_SHIFT;
	return fits ? job : NULL;
}

/* The slot is free before the callback runs, so that it may submit again. */
static void job_end(struct fog_dpclient_verifier *v, struct fog_dpclient_job *job, int result)
{
	struct fog_dpclient_verify_class *class = &v->class[job->class];
	fog_dpclient_verdict_fn *fn = job->fn;
	void *arg = job->arg;

	TAILQ_REMOVE(job->sent ? &class->sent : &class->waiting, job, link);
	if (job->sent)
		v->sent_count[job->worker]--;
	free(job->payload);
	job->payload = NULL;
	job->used = job->sent = false;
	TAILQ_INSERT_HEAD(&class->unused, job, link);
	fn(arg, result);
}

void fog_dpclient_verify_attach(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	/* The consumer's lines lie in memory that is mapped read-only, and only read. */
	struct fog_data_region *data = (struct fog_data_region *)c->data;

	v->workers = c->at.verify_workers;
	for (u32 w = 0; w < v->workers; w++) {
		v->sent_count[w] = 0;
		for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
			fog_feed_producer(&v->feed[w][k], &c->control->verify_head[w][k],
					  &data->verify_tail[w][k], &c->control->verify[w][k]);
		fog_ring_consumer(&v->verdicts[w], &data->verdict_head[w],
				  &c->control->verdict_tail[w], data->verdicts[w],
				  FOG_VERDICT_RING_COUNT, sizeof(struct fog_verify_verdict));
	}
}

static u32 worker_choose(const struct fog_dpclient_verifier *v)
{
	u32 best = 0;

	for (u32 w = 1; w < v->workers; w++)
		if (v->sent_count[w] < v->sent_count[best])
			best = w;
	return best;
}

/* False when its ring has no room now. */
static bool job_send(struct fog_dpclient_verifier *v, struct fog_dpclient_job *job, bool *pushed)
{
	struct fog_dpclient_verify_class *class = &v->class[job->class];
	u32 worker = worker_choose(v);
	struct fog_verify_submit submit = {
		.tag = job_tag(v, job), .deadline_ns = job->deadline_ns, .kind = job->kind};

	if (fog_feed_push(&v->feed[worker][job->class], submit, job->payload, job->length) != 0)
		return false;
	TAILQ_REMOVE(&class->waiting, job, link);
	TAILQ_INSERT_TAIL(&class->sent, job, link);
	job->sent = true;
	job->worker = (u8)worker;
	job->tries++;
	v->sent_count[worker]++;
	pushed[worker] = true;
	return true;
}

static void class_push(struct fog_dpclient *c, unsigned k)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	bool pushed[FOG_VERIFY_WORKERS_MAX] = {false};
	struct fog_dpclient_job *job;

	while ((job = TAILQ_FIRST(&v->class[k].waiting)) != NULL)
		if (!job_send(v, job, pushed))
			break;
	for (u32 w = 0; w < v->workers; w++)
		if (pushed[w] && fog_ring_wants_wake(&v->feed[w][k].ring))
			fog_attachment_wake_verify(&c->at, w);
}

static int result_check(i32 result)
{
	switch (result) {
	case 0:
	case -EBADMSG:
	case -EINVAL:
	case -EOPNOTSUPP:
	case -ETIMEDOUT:
		return result;
	default:
		return -EPROTO;
	}
}

static void verdicts_take(struct fog_dpclient *c, u32 worker)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	struct fog_verify_verdict verdict;

	/* Bounded by the ring: what arrives meanwhile waits for the next step. */
	for (u32 n = fog_ring_ready(&v->verdicts[worker]); n != 0; n--) {
		if (fog_ring_pop(&v->verdicts[worker], &verdict) != 0)
			return;
		struct fog_dpclient_job *job = job_find(v, verdict.tag, worker);

		if (job == NULL) {
			c->totals.verdicts_invalid++;
			continue;
		}
		c->totals.verdicts++;
		job_end(v, job, result_check(verdict.result));
	}
}

void fog_dpclient_verify_pump(struct fog_dpclient *c)
{
	if (c->state != FOG_DPCLIENT_UP)
		return;
	for (u32 w = 0; w < c->verifier.workers; w++) {
		fog_ring_wait_end(&c->verifier.verdicts[w]);
		verdicts_take(c, w);
	}
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
		class_push(c, k);
}

bool fog_dpclient_verify_sleep(struct fog_dpclient *c)
{
	bool ready = false;

	for (u32 w = 0; w < c->verifier.workers; w++) {
		fog_ring_wait_begin(&c->verifier.verdicts[w]);
		ready |= fog_ring_ready(&c->verifier.verdicts[w]) != 0;
	}
	return ready;
}

bool fog_dpclient_verify_broken(const struct fog_dpclient *c)
{
	const struct fog_dpclient_verifier *v = &c->verifier;
	bool broken = false;

	for (u32 w = 0; w < v->workers; w++) {
		broken |= v->verdicts[w].broken;
		for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
			broken |= v->feed[w][k].ring.broken;
	}
	return broken;
}

/* Ends what is past its time in one list; the next deadline of the rest. A callback may append to a
 * list, with a deadline to come. */
static u64 list_expire(struct fog_dpclient *c, struct fog_dpclient_jobs *list, int result,
		       u64 now_ns)
{
	struct fog_dpclient_job *job = TAILQ_FIRST(list), *next;
	u64 deadline_ns = UINT64_MAX;

	for (; job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->deadline_ns <= now_ns)
			job_end(&c->verifier, job, result);
		else if (job->deadline_ns < deadline_ns)
			deadline_ns = job->deadline_ns;
	}
	return deadline_ns;
}

u64 fog_dpclient_verify_expire(struct fog_dpclient *c, u64 now_ns)
{
	int result = c->state == FOG_DPCLIENT_UP ? -ETIMEDOUT : -ECONNRESET;
	u64 next = UINT64_MAX;

	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++) {
		u64 sent = list_expire(c, &c->verifier.class[k].sent, result, now_ns);
		u64 waiting = list_expire(c, &c->verifier.class[k].waiting, result, now_ns);

		next = FOG_MIN(next, FOG_MIN(sent, waiting));
	}
	return next;
}

/* What was sent goes in front of what waits, so that resubmission keeps the order. */
void fog_dpclient_verify_detach(struct fog_dpclient *c)
{
	struct fog_dpclient_verifier *v = &c->verifier;
	struct fog_dpclient_job *job, *next;

	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++) {
		struct fog_dpclient_verify_class *class = &v->class[k];

		TAILQ_FOREACH(job, &class->sent, link)
		job->sent = false;
		TAILQ_CONCAT(&class->sent, &class->waiting, link);
		TAILQ_CONCAT(&class->waiting, &class->sent, link);
	}
	memset(v->sent_count, 0, sizeof(v->sent_count));
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
		for (job = TAILQ_FIRST(&v->class[k].waiting); job != NULL; job = next) {
			next = TAILQ_NEXT(job, link);
			if (job->tries >= FOG_DPCLIENT_VERIFY_TRIES)
				job_end(v, job, -ECONNRESET);
		}
}

void fog_dpclient_verify_cancel(struct fog_dpclient *c)
{
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++) {
		struct fog_dpclient_verify_class *class = &c->verifier.class[k];
		struct fog_dpclient_job *job;

		while ((job = TAILQ_FIRST(&class->sent)) != NULL ||
		       (job = TAILQ_FIRST(&class->waiting)) != NULL)
			job_end(&c->verifier, job, -ECANCELED);
	}
}

int fog_dpclient_check(struct fog_dpclient *c, const struct fog_verifier_request *r,
		       fog_dpclient_verdict_fn *fn, void *arg, u64 now_ns)
{
	struct fog_dpclient_verifier *v = &c->verifier;

	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	int rc = fog_verifier_request_check(r, fn, now_ns);
	if (rc != 0)
		return rc;
	if (c->closing)
		return -ECANCELED;
	struct fog_dpclient_verify_class *class = &v->class[r->class];
	struct fog_dpclient_job *job = TAILQ_FIRST(&class->unused);
	if (job == NULL)
		return -EAGAIN;
	u8 *payload = malloc(r->length != 0 ? r->length : 1);
	if (payload == NULL)
		return -ENOMEM;
	if (r->length != 0)
		memcpy(payload, r->payload, r->length);
	TAILQ_REMOVE(&class->unused, job, link);
	job->used = true;
	job->payload = payload;
	job->length = r->length;
	job->kind = r->kind;
	job->tries = 0;
	job->serial = ++v->serial & (UINT64_MAX >> TAG_SHIFT);
	job->deadline_ns =
		r->deadline_ns != 0 ? r->deadline_ns : now_ns + FOG_DPCLIENT_VERIFY_MS * 1000000ull;
	job->fn = fn;
	job->arg = arg;
	TAILQ_INSERT_TAIL(&class->waiting, job, link);
	if (c->state == FOG_DPCLIENT_UP)
		class_push(c, r->class);
	return 0;
}

int fog_dpclient_verify(struct fog_dpclient *c, const u8 key[32], const u8 signature[64],
			const void *message, size_t length, u8 class, fog_dpclient_verdict_fn *fn,
			void *arg, u64 now_ns)
{
	u8 payload[FOG_CHECK_PAYLOAD_MAX];
	int len = fog_check_put_ed25519(payload, sizeof(payload), key, signature, message, length);
	struct fog_verifier_request r = {
		.kind = FOG_CHECK_ED25519,
		.class = class,
		.length = (u32)FOG_MAX(len, 0),
		.payload = payload,
	};

	return len < 0 ? -EMSGSIZE : fog_dpclient_check(c, &r, fn, arg, now_ns);
}

static int dpclient_submit(void *self, const struct fog_verifier_request *r, fog_verifier_fn *fn,
			   void *arg, u64 now_ns)
{
	return fog_dpclient_check(self, r, fn, arg, now_ns);
}

struct fog_verifier fog_dpclient_verifier(struct fog_dpclient *c)
{
	return (struct fog_verifier){.submit = dpclient_submit, .self = c};
}
