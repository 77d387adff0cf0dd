/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/mix.h"

#include <errno.h>

#include "crypto/mem.h"
#include "dataplane/table/arena.h"

#define HOPS 5
/* Packets unwrapped in one go. What is due waits for it, half a millisecond; FOG_SPHINX_BATCH_MAX
 * would cost each packet 2 % less and what is due twice that wait. */
#define BATCH 32
_Static_assert(BATCH <= FOG_SPHINX_BATCH_MAX && BATCH >= FOG_WORKERS_MAX, "of a batch");
/* Messages released in one turn: new packets must get theirs. */
#define RELEASE_BURST 512
/* Pause between two questions for a link to the same host. */
#define WANTED_NS 1000000000ull
/* Jobs whose lines of the table of tags are fetched while the next ones are hashed. */
#define TAGS_AHEAD 16

void fog_mix_count(_Atomic u64 *counter, u64 n)
{
	/* Single writer: load and store, no locked instruction. */
	u64 v = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

void fog_mix_drop(struct fog_mixnet *m, enum fog_drop d)
{
	fog_mix_count(&m->counts.drops[d], 1);
}

static int tables_init(struct fog_mixnet *m, struct fog_arena *a, const struct fog_mix_config *c)
{
	u32 held = c->held != 0 ? c->held : FOG_MIX_HELD_DEFAULT;
	u32 tags = c->tags != 0 ? c->tags : FOG_MIX_TAGS_DEFAULT;

	if (held > FOG_MIX_HELD_LIMIT || tags > FOG_MIX_TAGS_LIMIT)
		return -EINVAL;
	void *slab = fog_arena_alloc(a, (size_t)held * sizeof(struct fog_mix_held));
	m->wheel = fog_arena_alloc(a, sizeof(*m->wheel));
	m->links = fog_arena_alloc(a, (FOG_LINKS_MAX + 1) * sizeof(m->links[0]));
	m->by_id = fog_arena_alloc(a, 4 * FOG_LINKS_MAX * sizeof(m->by_id[0]));
	m->pool = fog_arena_alloc(a, held * sizeof(m->pool[0]));
	if (slab == NULL || m->wheel == NULL || m->links == NULL || m->by_id == NULL ||
	    m->pool == NULL)
		return -ENOMEM;
	fog_mix_wheel_init(m->wheel, slab, held, 0);
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		void *lines = fog_arena_alloc(a, fog_mix_tags_size(tags));
		if (lines == NULL)
			return -ENOMEM;
		fog_mix_tags_init(&m->epoch[i].tags, lines, tags);
	}
	return 0;
}

int fog_mix_init(struct fog_mixnet *m, struct fog_arena *a, const struct fog_mix_config *config)
{
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++)
		m->log.fd[i] = -1;
	m->workers = config->workers;
	m->keys = config->keys;
	int rc = fog_sphinx_geometry_init(&m->geometry, FOG_SPHINX_NIKE, HOPS, FOG_BODY_SIZE);
	FOG_ASSERT(rc == 0);
	rc = tables_init(m, a, config);
	if (rc < 0)
		return rc;
	fog_rng_init(&m->rng, config->rng_seed);
	for (u32 w = 0; w < config->workers; w++) {
		struct fog_mix_lane *in = config->request[w], *out = config->result[w];
		fog_ring_consumer(&m->request[w], &in->head, &in->tail, in->slots,
				  FOG_MIX_RING_COUNT, sizeof(in->slots[0]));
		fog_ring_producer(&m->result[w], &out->head, &out->tail, out->slots,
				  FOG_MIX_RING_COUNT, sizeof(out->slots[0]));
	}
	rc = fog_mix_log_open(&m->log, config->dir);
	if (rc < 0)
		return rc;
	fog_mix_epochs_load(m);
	return 0;
}

void fog_mix_wipe(struct fog_mixnet *m)
{
	fog_mix_log_close(&m->log);
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++)
		fog_wipe(m->epoch[i].secret, sizeof(m->epoch[i].secret));
	fog_rng_wipe(&m->rng);
}

struct fog_mix_msg *fog_mix_result(struct fog_mixnet *m, u32 worker)
{
	if (fog_ring_free(&m->result[worker]) == 0)
		return NULL;
	struct fog_mix_msg *out = fog_ring_slot(&m->result[worker], 0);
	memset(out, 0, offsetof(struct fog_mix_msg, body));
	return out;
}

void fog_mix_publish(struct fog_mixnet *m, u32 worker)
{
	fog_ring_publish(&m->result[worker], 1);
}

/* ---- requests ----------------------------------------------------------------------------- */

static void job_add(struct fog_mixnet *m, const struct fog_mix_msg *r)
{
	struct fog_mix_epoch *e = fog_mix_epoch_find(m, r->epoch);

	if (e == NULL) {
		fog_mix_drop(m, FOG_DROP_MIX_EPOCH);
		return;
	}
	u32 held = fog_mix_held_take(m->wheel);
	if (held == FOG_MIX_HELD_NONE) {
		fog_mix_drop(m, FOG_DROP_MIX_SHED);
		return;
	}
	u32 n = m->jobs++;
	memcpy(m->wheel->held[held].body, r->body, FOG_BODY_SIZE);
	m->held[n] = held;
	m->arrived[n] = r->at_ns;
	m->job_epoch[n] = r->epoch;
	m->job[n] = (struct fog_sphinx_job){
		.packet = m->wheel->held[held].body,
		.secret = e->secret,
	};
}

static void wanted(struct fog_mixnet *m, const u8 node_id[32], u64 now_ns)
{
	if (memcmp(m->wanted, node_id, 32) == 0 && now_ns < m->wanted_ns + WANTED_NS)
		return;
	struct fog_mix_msg *out = fog_mix_result(m, 0);
	if (out == NULL)
		return;
	out->type = FOG_MIX_WANTED;
	memcpy(out->id, node_id, 32);
	fog_mix_publish(m, 0);
	memcpy(m->wanted, node_id, 32);
	m->wanted_ns = now_ns;
}

/* A packet our own edge made: on its way, or, when we are its first hop, into the batch. */
static void submit(struct fog_mixnet *m, const struct fog_mix_msg *r, u64 now_ns)
{
	fog_mix_count(&m->counts.submitted, 1);
	if (memcmp(r->id, m->policy.node_id, 32) == 0) {
		job_add(m, r);
		return;
	}
	u32 link = fog_mix_link_of(m, r->id);
	if (link == 0) {
		fog_mix_drop(m, FOG_DROP_MIX_NO_LINK);
		wanted(m, r->id, now_ns);
		return;
	}
	u32 held = fog_mix_held_take(m->wheel);
	if (held == FOG_MIX_HELD_NONE) {
		fog_mix_drop(m, FOG_DROP_MIX_SHED);
		return;
	}
	struct fog_mix_held *h = &m->wheel->held[held];
	memcpy(h->body, r->body, FOG_BODY_SIZE);
	h->epoch = r->epoch;
	h->link = link;
	fog_mix_release(m, held, now_ns);
}

static void request(struct fog_mixnet *m, const struct fog_mix_msg *r, u64 now_ns)
{
	switch (r->type) {
	case FOG_MIX_PACKET:
		fog_mix_count(&m->counts.received, 1);
		job_add(m, r);
		break;
	case FOG_MIX_SUBMIT:
		submit(m, r, now_ns);
		break;
	case FOG_MIX_NEIGHBOUR:
		fog_mix_neighbour(m, r, now_ns);
		break;
	case FOG_MIX_POLICY:
		m->policy = r->policy;
		fog_mix_epochs_turn(m);
		break;
	default:
		FOG_UNREACHABLE();
	}
}

static unsigned requests_take(struct fog_mixnet *m, u64 now_ns)
{
	unsigned done = 0, share = FOG_MAX(BATCH / m->workers, 1u);

	m->jobs = 0;
	for (u32 w = 0; w < m->workers; w++) {
		struct fog_ring *r = &m->request[w];
		for (unsigned i = 0; i < share && m->jobs < BATCH; i++, done++) {
			if (fog_ring_ready(r) == 0)
				break;
			request(m, fog_ring_peek(r, 0), now_ns);
			fog_ring_release(r, 1);
		}
	}
	return done;
}

/* ---- the batch ---------------------------------------------------------------------------- */

static const struct {
	int result;
	enum fog_drop drop;
} reasons[] = {
	{-EPROTO, FOG_DROP_MIX_FORMAT}, {-EKEYREJECTED, FOG_DROP_MIX_POINT},
	{-EBADMSG, FOG_DROP_MIX_AUTH},  {-EILSEQ, FOG_DROP_MIX_TAG},
	{-EEXIST, FOG_DROP_MIX_REPLAY}, {-ENOSPC, FOG_DROP_MIX_TAGS_FULL},
	{-EIO, FOG_DROP_MIX_LOG},
};

static void job_drop(struct fog_mixnet *m, u32 n)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(reasons); i++)
		if (reasons[i].result == m->job[n].result)
			fog_mix_drop(m, reasons[i].drop);
	fog_mix_held_give(m->wheel, m->held[n]);
}

/* Marks of the jobs first .. end, each by the key of its epoch. */
static void marks_make(struct fog_mixnet *m, u32 first, u32 end, u8 (*mark)[FOG_MIX_MARK_SIZE])
{
	for (unsigned k = 0; k < FOG_MIX_LOGS; k++) {
		u8 some[TAGS_AHEAD][FOG_MIX_MARK_SIZE];
		const u8 *tag[TAGS_AHEAD];
		u32 row[TAGS_AHEAD], count = 0;
		for (u32 n = first; n < end; n++) {
			if (m->job_epoch[n] % FOG_MIX_LOGS != k)
				continue;
			row[count] = n;
			tag[count++] = m->job[n].replay;
		}
		fog_mix_tags_marks(&m->epoch[k].tags, some, tag, count);
		for (u32 i = 0; i < count; i++) {
			memcpy(mark[row[i]], some[i], FOG_MIX_MARK_SIZE);
			fog_mix_tags_prefetch(&m->epoch[k].tags, some[i]);
		}
	}
}

/* Before any public-key work: what was seen already goes. */
static void refuse_seen(struct fog_mixnet *m, u8 (*mark)[FOG_MIX_MARK_SIZE])
{
	for (u32 n = 0; n < m->jobs; n++)
		if (m->job[n].result == 0 &&
		    fog_mix_tags_has(&m->epoch[m->job_epoch[n] % FOG_MIX_LOGS].tags, mark[n]))
			m->job[n].result = -EEXIST;
}

/* After the MAC: test and set, then on file, then on. */
static void take_tags(struct fog_mixnet *m, u8 (*mark)[FOG_MIX_MARK_SIZE])
{
	for (unsigned k = 0; k < FOG_MIX_LOGS; k++) {
		u8 taken[FOG_SPHINX_BATCH_MAX][FOG_MIX_MARK_SIZE];
		u32 row[FOG_SPHINX_BATCH_MAX], count = 0;
		for (u32 n = 0; n < m->jobs; n++) {
			struct fog_sphinx_job *j = &m->job[n];
			if (m->job_epoch[n] % FOG_MIX_LOGS != k ||
			    (j->result != 0 && j->result != -EILSEQ))
				continue;
			int rc = fog_mix_tags_add(&m->epoch[k].tags, mark[n]);
			if (rc < 0) {
				j->result = rc;
				continue;
			}
			row[count] = n;
			memcpy(taken[count++], mark[n], FOG_MIX_MARK_SIZE);
		}
		if (fog_mix_log_append(&m->log, k, (const u8(*)[FOG_MIX_MARK_SIZE])taken, count) ==
		    0)
			continue;
		for (u32 i = 0; i < count; i++)
			m->job[row[i]].result = -EIO;
	}
}

/* To the local edge: tag and payload, which start after the header. */
static void deliver(struct fog_mixnet *m, u32 n)
{
	const struct fog_sphinx_job *j = &m->job[n];
	struct fog_mix_msg *out = fog_mix_result(m, 0);

	if (out == NULL) {
		fog_mix_drop(m, FOG_DROP_MIX_SHED);
	} else {
		out->type = FOG_MIX_DELIVER;
		out->flag = (u8)((j->commands.has_recipient ? FOG_MIX_FLAG_RECIPIENT : 0) |
				 (j->commands.has_surb ? FOG_MIX_FLAG_SURB : 0));
		out->epoch = m->job_epoch[n];
		memcpy(out->id, j->commands.recipient, 32);
		memcpy(out->surb, j->commands.surb, sizeof(out->surb));
		memcpy(out->body, j->packet + m->geometry.header,
		       m->geometry.packet - m->geometry.header);
		fog_mix_publish(m, 0);
		fog_mix_count(&m->counts.delivered, 1);
	}
	fog_mix_held_give(m->wheel, m->held[n]);
}

static void hold(struct fog_mixnet *m, u32 n, u64 now_ns)
{
	const struct fog_sphinx_job *j = &m->job[n];
	struct fog_mix_held *h = &m->wheel->held[m->held[n]];
	u64 delay_ns = j->commands.has_delay ? 1000ull * j->commands.delay : 0;

	h->link = fog_mix_link_of(m, j->commands.next);
	h->epoch = m->job_epoch[n];
	if (h->link == 0) {
		fog_mix_drop(m, FOG_DROP_MIX_NO_LINK);
		wanted(m, j->commands.next, now_ns);
		fog_mix_held_give(m->wheel, m->held[n]);
		return;
	}
	if (delay_ns > FOG_MIX_DELAY_MAX_NS) {
		fog_mix_drop(m, FOG_DROP_MIX_FORMAT);
		fog_mix_held_give(m->wheel, m->held[n]);
		return;
	}
	if (m->policy.mode == FOG_MIX_CONTINUOUS)
		fog_mix_wheel_put(m->wheel, m->held[n], FOG_MAX(m->arrived[n] + delay_ns, now_ns));
	else
		m->pool[m->pool_count++] = m->held[n];
}

static void batch_run(struct fog_mixnet *m, u64 now_ns)
{
	u8 mark[FOG_SPHINX_BATCH_MAX][FOG_MIX_MARK_SIZE];

	if (m->jobs == 0)
		return;
	for (u32 first = 0; first < m->jobs; first += TAGS_AHEAD) {
		u32 end = FOG_MIN(first + TAGS_AHEAD, m->jobs);
		fog_sphinx_tags(&m->geometry, m->job + first, end - first);
		marks_make(m, first, end, mark);
	}
	refuse_seen(m, mark);
	fog_sphinx_unwrap_many(&m->geometry, m->job, m->jobs);
	take_tags(m, mark);
	for (u32 n = 0; n < m->jobs; n++) {
		if (m->job[n].result != 0)
			job_drop(m, n);
		else if (m->job[n].commands.has_next)
			hold(m, n, now_ns);
		else
			deliver(m, n);
	}
	fog_mix_count(&m->counts.batches, 1);
	fog_mix_count(&m->counts.unwrapped, m->jobs);
	m->jobs = 0;
}

/* ---- release ------------------------------------------------------------------------------ */

static unsigned pool_release(struct fog_mixnet *m, u32 keep, u64 now_ns)
{
	unsigned done = 0;

	for (; m->pool_count > keep; done++) {
		u32 at = (u32)fog_rng_below(&m->rng, m->pool_count);
		u32 held = m->pool[at];
		m->pool[at] = m->pool[--m->pool_count];
		fog_mix_release(m, held, now_ns);
	}
	return done;
}

static unsigned pool_turn(struct fog_mixnet *m, u64 now_ns)
{
	const struct fog_mix_policy *p = &m->policy;
	bool over = p->interval_ms != 0 && now_ns >= m->pool_ns;

	if (over)
		m->pool_ns = now_ns + 1000000ull * p->interval_ms;
	switch (p->mode) {
	case FOG_MIX_THRESHOLD:
		return over || m->pool_count >= FOG_MAX(p->threshold, 1u)
			       ? pool_release(m, 0, now_ns)
			       : 0;
	case FOG_MIX_POOL:
		return over ? pool_release(m, p->pool_min, now_ns) : 0;
	}
	/* The mode changed: what a pool held goes at once. */
	return pool_release(m, 0, now_ns);
}

/* Is there room for what is released, whichever worker it goes to? */
static bool results_have_room(struct fog_mixnet *m)
{
	for (u32 w = 0; w < m->workers; w++)
		if (fog_ring_room(&m->result[w], FOG_SPHINX_BATCH_MAX) < FOG_SPHINX_BATCH_MAX)
			return false;
	return true;
}

static unsigned release_due(struct fog_mixnet *m, u64 now_ns)
{
	unsigned done = 0;

	while (done < RELEASE_BURST && results_have_room(m)) {
		u32 held = fog_mix_wheel_due(m->wheel, now_ns);
		if (held == FOG_MIX_HELD_NONE)
			break;
		fog_mix_release(m, held, now_ns);
		done++;
	}
	return done;
}

unsigned fog_mix_poll(struct fog_mixnet *m, u64 now_ns)
{
	unsigned work = release_due(m, now_ns);

	work += fog_mix_authors(m, now_ns);
	if (results_have_room(m)) {
		work += requests_take(m, now_ns);
		batch_run(m, now_ns);
	}
	work += pool_turn(m, now_ns);
	atomic_store_explicit(&m->counts.held, m->wheel->used, memory_order_relaxed);
	return work;
}

u64 fog_mix_next(const struct fog_mixnet *m)
{
	u64 next = FOG_MIN(fog_mix_wheel_next(m->wheel), fog_mix_authors_next(m));

	if (m->policy.mode != FOG_MIX_CONTINUOUS && m->policy.interval_ms != 0 && m->pool_count > 0)
		next = FOG_MIN(next, m->pool_ns);
	return next;
}
