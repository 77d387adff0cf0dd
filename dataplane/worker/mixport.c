/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixnet as the workers see it. */
#include "crypto/mem.h"
#include "dataplane/worker/worker.h"

/* Results a worker takes in one turn. */
#define RESULTS_BURST 64

int fog_mixport_init(struct fog_dp *dp, struct fog_arena *a, struct fog_rng *rng)
{
	struct fog_mix_config c = {
		.workers = dp->workers,
		.held = dp->config.mix_held,
		.tags = dp->config.mix_tags,
		.dir = dp->config.mix_dir,
		.keys = &dp->region->mix_keys,
	};
	u8 seed[32];

	for (u32 i = 0; i < dp->workers; i++) {
		struct fog_worker *w = dp->worker[i];
		c.request[i] = fog_arena_alloc(a, sizeof(*c.request[i]));
		c.result[i] = fog_arena_alloc(a, sizeof(*c.result[i]));
		if (c.request[i] == NULL || c.result[i] == NULL)
			return -ENOMEM;
		fog_ring_producer(&w->mix_request, &c.request[i]->head, &c.request[i]->tail,
				  c.request[i]->slots, FOG_MIX_RING_COUNT,
				  sizeof(c.request[i]->slots[0]));
		fog_ring_consumer(&w->mix_result, &c.result[i]->head, &c.result[i]->tail,
				  c.result[i]->slots, FOG_MIX_RING_COUNT,
				  sizeof(c.result[i]->slots[0]));
	}
	fog_rng_bytes(rng, seed, sizeof(seed));
	c.rng_seed = seed;
	int rc = fog_mix_init(&dp->mixnet, a, &c);
	fog_wipe(seed, sizeof(seed));
	dp->config.mix_dir = NULL; /* the caller's */
	return rc;
}

static struct fog_mix_msg *request(struct fog_worker *w, u8 type)
{
	if (fog_ring_free(&w->mix_request) == 0)
		return NULL;
	struct fog_mix_msg *m = fog_ring_slot(&w->mix_request, 0);
	memset(m, 0, offsetof(struct fog_mix_msg, body));
	m->type = type;
	m->at_ns = w->now;
	return m;
}

static void publish(struct fog_worker *w)
{
	fog_ring_publish(&w->mix_request, 1);
	w->mix_pushed = true;
}

void fog_mixport_packet(struct fog_worker *w, u64 epoch, const u8 *body)
{
	struct fog_mix_msg *m = request(w, FOG_MIX_PACKET);

	if (m == NULL) {
		fog_drop(w, FOG_DROP_MIX_SHED);
		return;
	}
	m->epoch = epoch;
	memcpy(m->body, body, FOG_BODY_SIZE);
	publish(w);
}

void fog_mixport_submit(struct fog_worker *w, const u8 first_hop[32], u64 epoch, const u8 *body)
{
	struct fog_mix_msg *m = request(w, FOG_MIX_SUBMIT);

	if (m == NULL) {
		fog_drop(w, FOG_DROP_MIX_SHED);
		return;
	}
	m->epoch = epoch;
	memcpy(m->id, first_hop, sizeof(m->id));
	memcpy(m->body, body, FOG_BODY_SIZE);
	publish(w);
}

static void policy_tell(struct fog_worker *w)
{
	const struct fog_snapshot *s = &w->policy;

	if (w->index != 0 || w->policy_seq == 0 ||
	    (w->policy_seq == w->mix_policy_seq &&
	     w->control.attachment == w->mix_policy_attachment))
		return;
	struct fog_mix_msg *m = request(w, FOG_MIX_POLICY);
	if (m == NULL)
		return; /* next time */
	m->policy = (struct fog_mix_policy){
		.epoch = s->mix_epoch,
		/* Another process wrote it: what it may not say, it does not mean. */
		.oldest = s->mix_epoch != 0 && s->mix_oldest + 1 == s->mix_epoch ? s->mix_oldest
										 : s->mix_epoch,
		.mode = s->mix_mode <= FOG_MIX_POOL ? s->mix_mode : FOG_MIX_CONTINUOUS,
		.threshold = s->mix_threshold,
		.pool_min = s->mix_pool_min,
		.interval_ms = s->mix_interval_ms,
		.link_interval_us = s->mix_link_interval_us,
		.link_poisson = s->mix_link_poisson != 0,
	};
	memcpy(m->policy.node_id, s->node_id, 32);
	publish(w);
	w->mix_policy_seq = w->policy_seq;
	w->mix_policy_attachment = w->control.attachment;
}

void fog_mixport_tick(struct fog_worker *w)
{
	policy_tell(w);
	if (!w->mix_any_dirty)
		return;
	w->mix_any_dirty = false;
	for (u32 link = 1; link <= FOG_LINKS_MAX; link++) {
		if (!w->mix_dirty[link])
			continue;
		struct fog_mix_msg *m = request(w, FOG_MIX_NEIGHBOUR);
		if (m == NULL) {
			w->mix_any_dirty = true;
			return;
		}
		m->link = link;
		m->flag = w->neighbours[link].present;
		memcpy(m->id, w->neighbours[link].node_id, sizeof(m->id));
		publish(w);
		w->mix_dirty[link] = 0;
	}
}

/* A cell for a link. Cells of one tick leave in random order, so each is its own circuit to the
 * mix stage. */
static void send(struct fog_worker *w, const struct fog_mix_msg *m)
{
	const struct fog_cell_head head = {
		.command = m->type == FOG_MIX_SEND ? FOG_CELL_MIX : FOG_CELL_PADDING,
		.sequence = m->type == FOG_MIX_SEND ? m->epoch : 0,
	};
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return;
	s->kind = FOG_SLOT_CELL;
	s->link = m->link;
	s->id = (u32)fog_rng_u64(&w->rng);
	memcpy(fog_slot_cell(s), &head, sizeof(head));
	if (m->type == FOG_MIX_SEND)
		memcpy(fog_slot_body(s), m->body, FOG_BODY_SIZE);
	else
		memset(fog_slot_body(s), 0, FOG_BODY_SIZE);
	fog_stage_mix_insert(w, s);
}

unsigned fog_mixport_results(struct fog_worker *w)
{
	unsigned n = 0;

	for (; n < RESULTS_BURST && fog_ring_ready(&w->mix_result) > 0; n++) {
		const struct fog_mix_msg *m = fog_ring_peek(&w->mix_result, 0);
		switch (m->type) {
		case FOG_MIX_SEND:
		case FOG_MIX_COVER:
			send(w, m);
			break;
		case FOG_MIX_DELIVER:
			fog_edge_give_mix(w, m);
			break;
		case FOG_MIX_WANTED:
			fog_event(w, FOG_EVENT_LINK_WANTED, 0, 0, 0, 0, m->id);
			break;
		default:
			FOG_UNREACHABLE();
		}
		fog_ring_release(&w->mix_result, 1);
	}
	return n;
}

void fog_mixport_counts(struct fog_worker *w)
{
	struct fog_mix_counts *c = &w->dp->mixnet.counts;
#define COPY(to, from)                                                              \
	atomic_store_explicit(&w->counters->mixnet_##to,                            \
			      atomic_load_explicit(&c->from, memory_order_relaxed), \
			      memory_order_relaxed)

	COPY(rx, received);
	COPY(submitted, submitted);
	COPY(forwarded, forwarded);
	COPY(delivered, delivered);
	COPY(cover, cover);
	COPY(held, held);
	COPY(batches, batches);
	COPY(unwrapped, unwrapped);
#undef COPY
}
