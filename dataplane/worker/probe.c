/* SPDX-License-Identifier: BSD-3-Clause */
/* What a link is like, measured by the workers that own its two ends. Inside KEEPALIVE cells:
 *
 *	0 ping    | echo u64				each keepalive interval
 *	1 pong    | echo u64				its answer: round trip time, loss
 *	2 train   | id u64 | index u16 | cells u16	cells sent back to back, every probe_ms
 *	3 arrived | id u64 | cells u16 | spread u64	its answer, when the last cell came
 *
 * A train's cells leave at once and arrive as fast as the narrowest point between lets them: cells
 * after the first arrival, divided by the time from the first arrival to the last, is the bandwidth
 * there (packet dispersion; Dovrolis, Ramanathan and Moore 2004). All that a neighbour can do with
 * these is to make itself look slower, or its own report of a train look better, which the control
 * plane believes only as far as others confirm it. Traffic is bounded: one train per worker and
 * FOG_TRAIN_GAP_NS, one per link and probe_ms, and one answer per train. */
#include "dataplane/worker/worker.h"

/* After LINK_UP and, on average, between two reports of a link. */
#define TELL_PONGS 8

#define TRAIN_SIZE   13
#define ARRIVED_SIZE 19

void fog_probe_ping(struct fog_link *l)
{
	l->probe.pings++;
}

void fog_probe_pong(struct fog_worker *w, struct fog_link *l, u64 rtt_ns)
{
	struct fog_link_probe *p = &l->probe;

	if (p->pongs == 0 || rtt_ns < p->rtt_min_ns)
		p->rtt_min_ns = rtt_ns;
	p->rtt_sum_ns += rtt_ns;
	p->pongs++;
	if (p->told && p->pongs < TELL_PONGS)
		return;
	u32 lost = p->pings > p->pongs ? p->pings - p->pongs : 0;
	u64 mean_us = p->rtt_sum_ns / p->pongs / 1000;
	fog_event(w, FOG_EVENT_LINK_RTT, (u16)FOG_MIN(lost, UINT16_MAX), l->id,
		  (u32)FOG_MIN(mean_us, UINT32_MAX), p->rtt_min_ns, l->node_id);
	p->told = true;
	p->pings = p->pongs = 0;
	p->rtt_sum_ns = 0;
}

void fog_probe_reset(struct fog_worker *w, struct fog_link *l)
{
	memset(&l->probe, 0, sizeof(l->probe));
	l->probe.train_ns = w->now + FOG_TRAIN_FIRST_NS + fog_rng_below(&w->rng, FOG_NS_PER_S);
}

void fog_probe_tick(struct fog_worker *w, struct fog_link *l)
{
	struct fog_link_probe *p = &l->probe;
	u8 body[TRAIN_SIZE] = {FOG_KEEPALIVE_TRAIN};

	if (w->policy.probe_ms == 0 || !l->up || w->now < p->train_ns || w->now < w->train_ns)
		return;
	u64 interval = w->policy.probe_ms * FOG_NS_PER_MS;
	p->train_ns = w->now + interval + fog_rng_below(&w->rng, interval / 4 + 1);
	w->train_ns = w->now + FOG_TRAIN_GAP_NS;
	p->train_id = fog_rng_u64(&w->rng) | 1;
	fog_store_u64(body + 1, p->train_id);
	fog_store_u16(body + 11, FOG_TRAIN_CELLS);
	for (u16 i = 0; i < FOG_TRAIN_CELLS; i++) {
		fog_store_u16(body + 9, i);
		fog_cell_originate(w, l->id, 0, FOG_CELL_KEEPALIVE, body, sizeof(body));
	}
	w->counts.probe_trains++;
}

/* One cell of a neighbour's train. */
static void train_take(struct fog_worker *w, struct fog_link *l, const u8 *body)
{
	struct fog_link_probe *p = &l->probe;
	u64 id = fog_load_u64(body + 1);
	u16 index = fog_load_u16(body + 9), cells = fog_load_u16(body + 11);

	if (id != p->rx_id) {
		p->rx_id = id;
		p->rx_first_ns = w->now;
		p->rx_cells = 0;
	}
	/* What came with the first says nothing about time. */
	p->rx_cells += w->now != p->rx_first_ns;
	if (index + 1 != cells)
		return;
	u8 answer[ARRIVED_SIZE] = {FOG_KEEPALIVE_ARRIVED};
	fog_store_u64(answer + 1, id);
	fog_store_u16(answer + 9, p->rx_cells);
	fog_store_u64(answer + 11, w->now - p->rx_first_ns);
	fog_cell_originate(w, l->id, 0, FOG_CELL_KEEPALIVE, answer, sizeof(answer));
	p->rx_id = 0;
}

static void arrived_take(struct fog_worker *w, struct fog_link *l, const u8 *body)
{
	struct fog_link_probe *p = &l->probe;
	u64 cells = fog_load_u16(body + 9), spread_ns = fog_load_u64(body + 11);

	if (p->train_id == 0 || fog_load_u64(body + 1) != p->train_id)
		return; /* of a train given up, or sent twice */
	p->train_id = 0;
	if (cells >= FOG_TRAIN_CELLS)
		return;
	/* All at one look: faster than can be told apart here. */
	u64 rate = 0;
	if (cells != 0 && spread_ns != 0)
		rate = (u64)((unsigned __int128)cells * FOG_DGRAM_SIZE * 8 * FOG_NS_PER_S /
			     spread_ns);
	fog_event(w, FOG_EVENT_LINK_BANDWIDTH, (u16)cells, l->id, 0, rate, l->node_id);
}

void fog_probe_take(struct fog_worker *w, struct fog_link *l, const u8 *body)
{
	if (body[0] == FOG_KEEPALIVE_TRAIN)
		train_take(w, l, body);
	else if (body[0] == FOG_KEEPALIVE_ARRIVED)
		arrived_take(w, l, body);
	else
		fog_drop(w, FOG_DROP_FORMAT);
}
