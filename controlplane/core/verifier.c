/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/verifier.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

struct request {
	STAILQ_ENTRY(request) link;
	fog_verifier_fn *fn;
	void *arg;
	u64 deadline_ns;
	u32 length;
	u16 kind;
	u8 payload[];
};

STAILQ_HEAD(requests, request);

struct fog_local_verifier {
	struct requests queue[FOG_VERIFY_CLASSES];
	unsigned count[FOG_VERIFY_CLASSES];
	bool closing;
	struct fog_checker *checker;
};

int fog_verifier_request_check(const struct fog_verifier_request *r, fog_verifier_fn *fn,
			       u64 now_ns)
{
	if (fn == NULL || r->class >= FOG_VERIFY_CLASSES || (r->payload == NULL && r->length != 0))
		return -EINVAL;
	if (r->length > FOG_CHECK_PAYLOAD_MAX)
		return -EMSGSIZE;
	return r->deadline_ns != 0 && r->deadline_ns <= now_ns ? -ETIMEDOUT : 0;
}

int fog_local_verifier_open(struct fog_local_verifier **out)
{
	size_t size = (fog_checker_size() + 63) & ~(size_t)63;
	struct fog_local_verifier *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (v == NULL)
		return -ENOMEM;
	void *memory = aligned_alloc(64, size);
	if (memory == NULL) {
		free(v);
		return -ENOMEM;
	}
	v->checker = fog_checker_init(memory);
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		STAILQ_INIT(&v->queue[c]);
	*out = v;
	return 0;
}

static void request_end(struct request *r, int result)
{
	r->fn(r->arg, result);
	free(r);
}

static struct request *request_take(struct fog_local_verifier *v, unsigned class)
{
	struct request *r = STAILQ_FIRST(&v->queue[class]);

	STAILQ_REMOVE_HEAD(&v->queue[class], link);
	v->count[class]--;
	return r;
}

void fog_local_verifier_close(struct fog_local_verifier *v)
{
	if (v == NULL)
		return;
	v->closing = true;
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		while (!STAILQ_EMPTY(&v->queue[c]))
			request_end(request_take(v, c), -ECANCELED);
	free(v->checker);
	free(v);
}

static int local_submit(void *self, const struct fog_verifier_request *q, fog_verifier_fn *fn,
			void *arg, u64 now_ns)
{
	struct fog_local_verifier *v = self;
	int rc = fog_verifier_request_check(q, fn, now_ns);

	if (rc != 0)
		return rc;
	if (v->closing)
		return -ECANCELED;
	if (v->count[q->class] == FOG_VERIFIER_CLASS_MAX)
		return -EAGAIN;
	struct request *r = malloc(sizeof(*r) + q->length);
	if (r == NULL)
		return -ENOMEM;
	*r = (struct request){
		.fn = fn,
		.arg = arg,
		.deadline_ns = q->deadline_ns != 0 ? q->deadline_ns
						   : now_ns + FOG_VERIFIER_DEFAULT_MS * 1000000ull,
		.length = q->length,
		.kind = q->kind,
	};
	if (q->length != 0)
		memcpy(r->payload, q->payload, q->length);
	STAILQ_INSERT_TAIL(&v->queue[q->class], r, link);
	v->count[q->class]++;
	return 0;
}

struct fog_verifier fog_local_verifier(struct fog_local_verifier *v)
{
	return (struct fog_verifier){.submit = local_submit, .self = v};
}

static void batch_run(struct fog_local_verifier *v, unsigned class, unsigned count, u64 now_ns)
{
	struct request *r[FOG_CHECK_BATCH_MAX];
	struct fog_check check[FOG_CHECK_BATCH_MAX];
	i32 result[FOG_CHECK_BATCH_MAX];

	for (unsigned i = 0; i < count; i++) {
		r[i] = request_take(v, class);
		check[i] = (struct fog_check){
			.payload = r[i]->payload, .len = r[i]->length, .kind = r[i]->kind};
	}
	fog_check_many(v->checker, check, count, result);
	for (unsigned i = 0; i < count; i++)
		request_end(r[i], r[i]->deadline_ns <= now_ns ? -ETIMEDOUT : result[i]);
}

unsigned fog_local_verifier_step(struct fog_local_verifier *v, u64 now_ns)
{
	unsigned due[FOG_VERIFY_CLASSES], total = 0;

	memcpy(due, v->count, sizeof(due));
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		for (unsigned n; due[c] != 0; due[c] -= n, total += n) {
			n = FOG_MIN(due[c], (unsigned)FOG_CHECK_BATCH_MAX);
			batch_run(v, c, n, now_ns);
		}
	return total;
}

int fog_local_verifier_check(struct fog_local_verifier *v, u16 kind, const void *payload,
			     u32 length)
{
	const struct fog_check check = {.payload = payload, .len = length, .kind = kind};
	i32 result;

	if (length > FOG_CHECK_PAYLOAD_MAX)
		return -EMSGSIZE;
	fog_check_many(v->checker, &check, 1, &result);
	return result;
}
