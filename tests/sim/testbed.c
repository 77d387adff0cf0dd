/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/sim/testbed.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crypto/curve/x25519.h"

#define POLLS_MAX 100000 /* without time passing: something spins */

static void *region(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FOG_ASSERT(p != MAP_FAILED);
	return p;
}

static void address_of(struct fog_address *a, u32 i)
{
	memset(a, 0, sizeof(*a));
	a->ip[10] = a->ip[11] = 0xff;
	a->ip[12] = 10;
	a->ip[15] = (u8)(i + 1);
	a->port = (u16)(4000 + i);
}

void tb_host_start(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];
	struct fog_dp_config c = {
		.workers = tb->workers,
		.circuits_max = tb->circuits_max,
		.listen = h->address,
		.io = tb->io,
		.io_arg = tb->sim,
		.mix_cpu = -1,
		.mix_tags = tb->mix_tags,
	};

	FOG_ASSERT(!h->alive);
	c.mix_dir = h->mix_dir[0] != '\0' ? h->mix_dir : NULL;
	for (u32 w = 0; w < FOG_WORKERS_MAX; w++)
		c.cpu[w] = -1;
	memcpy(c.link_sk, h->link_sk, 32);
	memcpy(c.onion_sk, h->onion_sk, 32);
	fog_rng_bytes(&tb->rng, c.rng_seed, 32);
	h->boot_id = fog_rng_u64(&tb->rng) | 1;
	c.boot_id = h->boot_id;
	h->workers = tb->workers;
	h->data = region(sizeof(*h->data));
	h->data->header.boot_id = h->boot_id;
	int rc = fog_dp_init(&h->dp, &c, h->data);
	FOG_ASSERT(rc == 0);
	h->alive = true;
	h->address = fog_dp_address(h->dp);
	if (tb->threaded) {
		rc = fog_dp_start(h->dp);
		FOG_ASSERT(rc == 0);
	}
	tb_control_attach(tb, i);
	tb_edge_attach(tb, i);
}

void tb_host_kill(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];

	FOG_ASSERT(h->alive);
	fog_dp_free(h->dp);
	h->dp = NULL;
	munmap(h->data, sizeof(*h->data));
	if (h->control != NULL)
		munmap(h->control, sizeof(*h->control));
	if (h->tx != NULL) {
		munmap(h->tx, sizeof(*h->tx));
		munmap(h->rx, sizeof(*h->rx));
	}
	h->control = NULL;
	h->tx = NULL;
	h->rx = NULL;
	h->alive = false;
	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++)
		if (tb->circuit[k].used && tb->circuit[k].host == i)
			tb->circuit[k].closed = true;
}

void tb_control_attach(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];
	struct fog_control_region *c = region(sizeof(*c));

	int rc = fog_dp_attach_control(h->dp, c, ++h->attachment);
	FOG_ASSERT(rc == 0);
	if (h->control != NULL)
		munmap(h->control, sizeof(*h->control));
	h->control = c;
	for (u32 w = 0; w < h->workers; w++) {
		fog_ring_producer(&h->commands[w], &c->command_head[w], &h->data->command_tail[w],
				  c->commands[w], FOG_COMMAND_RING_COUNT,
				  sizeof(struct fog_command));
		fog_ring_consumer(&h->events[w], &h->data->event_head[w], &c->event_tail[w],
				  h->data->events[w], FOG_EVENT_RING_COUNT,
				  sizeof(struct fog_event));
		h->command_seq[w] = 0;
		h->event_seq[w] = 0;
	}
	memset(h->up, 0, sizeof(h->up));
	tb_policy(tb, i);
}

void tb_control_detach(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];

	int rc = fog_dp_attach_control(h->dp, NULL, ++h->attachment);
	FOG_ASSERT(rc == 0);
	munmap(h->control, sizeof(*h->control));
	h->control = NULL;
}

void tb_edge_attach(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];
	struct fog_edge_tx_region *tx = region(sizeof(*tx));
	struct fog_edge_rx_region *rx = region(sizeof(*rx));

	int rc = fog_dp_attach_edge(h->dp, tx, rx, -1, 1);
	FOG_ASSERT(rc == 0);
	if (h->tx != NULL) {
		munmap(h->tx, sizeof(*h->tx));
		munmap(h->rx, sizeof(*h->rx));
	}
	h->tx = tx;
	h->rx = rx;
	fog_ring_producer(&h->to_dp, &tx->tx_head, &rx->tx_tail, tx->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
	fog_ring_consumer(&h->from_dp, &rx->rx_head, &tx->rx_tail, rx->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
}

void tb_edge_detach(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];

	int rc = fog_dp_attach_edge(h->dp, NULL, NULL, -1, 2);
	FOG_ASSERT(rc == 0);
	munmap(h->tx, sizeof(*h->tx));
	munmap(h->rx, sizeof(*h->rx));
	h->tx = NULL;
	h->rx = NULL;
	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++)
		if (tb->circuit[k].used && tb->circuit[k].host == i)
			tb->circuit[k].closed = true;
}

void tb_policy(struct tb *tb, u32 i)
{
	struct tb_host *h = &tb->host[i];

	fog_snapshot_publish(&h->control->snapshot, &h->policy);
}

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * TB_S + (u64)t.tv_nsec;
}

static void init_hosts(struct tb *tb, u64 seed, u32 hosts, u32 workers, u32 circuits_max)
{
	FOG_ASSERT(hosts <= TB_HOSTS_MAX);
	fog_rng_init_u64(&tb->rng, seed ^ 0x7465737462656400ull);
	tb->hosts = hosts;
	tb->workers = workers;
	tb->circuits_max = circuits_max;
	for (u32 i = 0; i < hosts; i++) {
		struct tb_host *h = &tb->host[i];
		h->index = i;
		fog_rng_bytes(&tb->rng, h->node_id, 32);
		fog_rng_bytes(&tb->rng, h->link_sk, 32);
		fog_rng_bytes(&tb->rng, h->onion_sk, 32);
		fog_x25519_base(h->link_pk, h->link_sk);
		fog_x25519_base(h->onion_pk, h->onion_sk);
		address_of(&h->address, i);
		if (tb->threaded) {
			const u8 loopback[4] = {127, 0, 0, 1};
			memcpy(h->address.ip + 12, loopback, 4);
			h->address.port = 0;
		}
		memcpy(h->policy.node_id, h->node_id, 32);
		h->policy.lease_ns = UINT64_MAX;
		h->policy.handshakes_per_second = 1000;
		tb_host_start(tb, i);
	}
}

void tb_init(struct tb *tb, u64 seed, u32 hosts, u32 workers, u32 circuits_max)
{
	const struct fog_sim_path path = {.delay_ns = TB_MS};

	memset(tb, 0, sizeof(*tb));
	int rc = fog_sim_create(&tb->sim, seed);
	FOG_ASSERT(rc == 0);
	fog_sim_set_default(tb->sim, &path);
	tb->io = &fog_io_sim;
	tb->now = TB_S;
	init_hosts(tb, seed, hosts, workers, circuits_max);
}

void tb_init_threaded(struct tb *tb, const struct fog_io_ops *io, u64 seed, u32 hosts, u32 workers,
		      u32 circuits_max)
{
	memset(tb, 0, sizeof(*tb));
	tb->io = io;
	tb->threaded = true;
	tb->now = clock_now();
	init_hosts(tb, seed, hosts, workers, circuits_max);
}

static void wake(struct tb *tb, u32 host, u32 worker, struct fog_ring *r)
{
	const u64 one = 1;

	if (tb->threaded && fog_ring_wants_wake(r)) {
		ssize_t n = write(fog_dp_wake_fd(tb->host[host].dp, worker), &one, sizeof(one));
		FOG_ASSERT(n == sizeof(one));
	}
}

void tb_free(struct tb *tb)
{
	for (u32 i = 0; i < tb->hosts; i++)
		if (tb->host[i].alive)
			tb_host_kill(tb, i);
	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++)
		fog_circuit_wipe(&tb->circuit[k].state);
	fog_sim_free(tb->sim);
}

/* ---- control ------------------------------------------------------------------------------ */

void tb_command(struct tb *tb, u32 i, u32 worker, struct fog_command *c)
{
	struct tb_host *h = &tb->host[i];

	c->seq = ++h->command_seq[worker];
	int rc = fog_ring_push(&h->commands[worker], c);
	FOG_ASSERT(rc == 0);
	wake(tb, i, worker, &h->commands[worker]);
}

void tb_link(struct tb *tb, u32 a, u32 b)
{
	struct tb_host *h = &tb->host[a], *n = &tb->host[b];
	struct fog_command c = {
		.type = FOG_COMMAND_LINK_SET,
		.link_id = b + 1,
		.generation = h->generation,
		.port = n->address.port,
	};

	memcpy(c.node_id, n->node_id, 32);
	memcpy(c.link_pk, n->link_pk, 32);
	memcpy(c.address, n->address.ip, 16);
	tb_command(tb, a, c.link_id % h->workers, &c);
}

void tb_link_delete(struct tb *tb, u32 a, u32 b)
{
	struct fog_command c = {.type = FOG_COMMAND_LINK_DELETE, .link_id = b + 1};

	tb_command(tb, a, c.link_id % tb->host[a].workers, &c);
}

static void to_all_workers(struct tb *tb, u32 i, u16 type)
{
	for (u32 w = 0; w < tb->host[i].workers; w++) {
		struct fog_command c = {.type = type, .generation = tb->host[i].generation};
		tb_command(tb, i, w, &c);
	}
}

void tb_generation_begin(struct tb *tb, u32 i)
{
	tb->host[i].generation++;
	to_all_workers(tb, i, FOG_COMMAND_GENERATION_BEGIN);
}

void tb_generation_end(struct tb *tb, u32 i)
{
	to_all_workers(tb, i, FOG_COMMAND_GENERATION_END);
}

bool tb_link_up(struct tb *tb, u32 a, u32 b)
{
	return tb->host[a].alive && tb->host[a].up[b + 1];
}

static bool all_up(struct tb *tb)
{
	for (u32 a = 0; a < tb->hosts; a++)
		for (u32 b = 0; b < tb->hosts; b++)
			if (a != b && !tb_link_up(tb, a, b))
				return false;
	return true;
}

bool tb_mesh(struct tb *tb)
{
	for (u32 a = 0; a < tb->hosts; a++) {
		tb_generation_begin(tb, a);
		for (u32 b = 0; b < tb->hosts; b++)
			if (a != b)
				tb_link(tb, a, b);
		tb_generation_end(tb, a);
	}
	return tb_run_until(tb, all_up, 10 * TB_S);
}

static void drain_events(struct tb_host *h)
{
	struct fog_event e;

	for (u32 w = 0; h->control != NULL && w < h->workers; w++)
		while (fog_ring_pop(&h->events[w], &e) == 0) {
			FOG_ASSERT(e.seq == ++h->event_seq[w]);
			FOG_ASSERT(e.type < FOG_ARRAY_COUNT(h->event_count));
			h->event_count[e.type]++;
			if (e.type == FOG_EVENT_LINK_UP || e.type == FOG_EVENT_LINK_DOWN)
				h->up[e.link_id] = e.type == FOG_EVENT_LINK_UP;
			h->event[h->event_total++ % TB_EVENTS_MAX] = e;
		}
}

/* ---- edge --------------------------------------------------------------------------------- */

int tb_edge_slot(struct tb *tb, u32 host, const struct fog_edge_slot *s)
{
	int rc = fog_ring_push(&tb->host[host].to_dp, s);

	if (rc == 0)
		wake(tb, host, fog_dp_edge_worker(tb->host[host].dp), &tb->host[host].to_dp);
	return rc;
}

static int push_cell(struct tb *tb, struct tb_circuit *c, const u8 *cell)
{
	struct fog_edge_slot s = {
		.handle = c->state.handle, .kind = FOG_EDGE_CELL, .length = FOG_CELL_SIZE};

	memcpy(s.data, cell, FOG_CELL_SIZE);
	return tb_edge_slot(tb, c->host, &s);
}

static struct tb_circuit *by_handle(struct tb *tb, u32 host, u32 handle)
{
	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++) {
		struct tb_circuit *c = &tb->circuit[k];
		if (c->used && !c->closed && c->host == host && c->state.handle == handle)
			return c;
	}
	return NULL;
}

static void note(struct tb *tb, struct tb_circuit *c, const struct fog_circuit_event *e)
{
	switch (e->type) {
	case FOG_CIRCUIT_BUILT:
		c->built = true;
		break;
	case FOG_CIRCUIT_DATAGRAM:
		c->received++;
		if (tb->on_datagram != NULL)
			tb->on_datagram(tb, &tb->host[c->host], c, c->state.handle, e->payload,
					e->length);
		break;
	case FOG_CIRCUIT_FAILED:
	case FOG_CIRCUIT_ENDED:
		c->closed = true;
		c->reason = e->reason;
		break;
	}
}

static void drain_edge(struct tb *tb, struct tb_host *h)
{
	struct fog_edge_slot s;
	struct fog_circuit_event e;
	u8 reply[FOG_CELL_SIZE];

	while (h->tx != NULL && fog_ring_pop(&h->from_dp, &s) == 0) {
		if (s.kind == FOG_EDGE_DATAGRAM) {
			h->last_handle = s.handle;
			if (tb->on_datagram != NULL)
				tb->on_datagram(tb, h, NULL, s.handle, s.data, s.length);
			continue;
		}
		if (s.kind == FOG_EDGE_CLOSE) {
			h->closes++;
			h->last_reason = s.reason;
			continue;
		}
		if (s.kind == FOG_EDGE_MIX) {
			if (tb->on_mix != NULL)
				tb->on_mix(tb, h, &s);
			continue;
		}
		FOG_ASSERT(s.kind == FOG_EDGE_CELL);
		struct tb_circuit *c = by_handle(tb, h->index, s.handle);
		if (c == NULL)
			continue;
		int rc = fog_circuit_receive(&c->state, tb->now, s.data, &e, reply);
		if (rc == 1)
			(void)push_cell(tb, c, reply);
		note(tb, c, &e);
	}
}

static void expire_circuits(struct tb *tb)
{
	struct fog_circuit_event e;
	u8 cell[FOG_CELL_SIZE];

	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++) {
		struct tb_circuit *c = &tb->circuit[k];
		if (!c->used || c->closed || fog_circuit_deadline(&c->state) > tb->now)
			continue;
		if (fog_circuit_expire(&c->state, tb->now, &e, cell) == 1) {
			(void)push_cell(tb, c, cell);
			note(tb, c, &e);
		}
	}
}

struct tb_circuit *tb_open(struct tb *tb, u32 host, const u32 *path, u32 hops)
{
	struct fog_circuit_hop hop[FOG_HOPS_MAX];
	u8 cell[FOG_CELL_SIZE];
	struct tb_circuit *c = NULL;

	for (u32 k = 0; c == NULL && k < TB_CIRCUITS_MAX; k++)
		if (!tb->circuit[k].used)
			c = &tb->circuit[k];
	if (c == NULL || tb->host[host].tx == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->used = true;
	c->host = host;
	for (u32 i = 0; i < hops; i++) {
		memcpy(hop[i].node_id, tb->host[path[i]].node_id, 32);
		memcpy(hop[i].onion_pk, tb->host[path[i]].onion_pk, 32);
	}
	int rc = fog_circuit_init(&c->state, ++tb->host[host].handle_next, hop, hops, &tb->rng);
	FOG_ASSERT(rc == 0);
	rc = fog_circuit_start(&c->state, tb->now, cell);
	FOG_ASSERT(rc == 0);
	rc = push_cell(tb, c, cell);
	FOG_ASSERT(rc == 0);
	return c;
}

static struct tb_circuit *waited;

static bool settled(struct tb *tb)
{
	(void)tb;
	return waited->built || waited->closed;
}

bool tb_open_wait(struct tb *tb, struct tb_circuit **out, u32 host, const u32 *path, u32 hops)
{
	*out = tb_open(tb, host, path, hops);
	FOG_ASSERT(*out != NULL);
	waited = *out;
	tb_run_until(tb, settled, 20 * TB_S);
	return (*out)->built && !(*out)->closed;
}

int tb_send(struct tb *tb, struct tb_circuit *c, const void *data, u32 length)
{
	u8 cell[FOG_CELL_SIZE];

	if (tb->host[c->host].tx == NULL || fog_ring_free(&tb->host[c->host].to_dp) == 0)
		return -EAGAIN;
	int rc = fog_circuit_send(&c->state, data, length, cell);
	return rc < 0 ? rc : push_cell(tb, c, cell);
}

int tb_reply(struct tb *tb, u32 host, u32 handle, const void *data, u32 length)
{
	struct fog_edge_slot s = {
		.handle = handle, .kind = FOG_EDGE_DATAGRAM, .length = (u16)length};

	memcpy(s.data, data, FOG_MIN(length, (u32)sizeof(s.data)));
	return tb_edge_slot(tb, host, &s);
}

void tb_close(struct tb *tb, struct tb_circuit *c)
{
	u8 cell[FOG_CELL_SIZE];

	if (!c->closed && fog_circuit_close(&c->state, FOG_REASON_REQUESTED, cell) == 1)
		(void)push_cell(tb, c, cell);
	c->closed = true;
}

void tb_terminus_close(struct tb *tb, u32 host, u32 handle)
{
	struct fog_edge_slot s = {
		.handle = handle, .kind = FOG_EDGE_CLOSE, .reason = FOG_REASON_REQUESTED};

	int rc = tb_edge_slot(tb, host, &s);
	FOG_ASSERT(rc == 0);
}

void tb_forget(struct tb_circuit *c)
{
	FOG_ASSERT(c->closed);
	fog_circuit_wipe(&c->state);
	c->used = false;
}

/* ---- time --------------------------------------------------------------------------------- */

static void poll_now(struct tb *tb)
{
	unsigned work;
	u64 spins = 0;

	if (tb->threaded)
		tb->now = clock_now();

	do {
		work = 0;
		for (u32 i = 0; i < tb->hosts; i++) {
			if (!tb->host[i].alive)
				continue;
			if (!tb->threaded)
				work += fog_dp_poll(tb->host[i].dp, tb->now);
			drain_events(&tb->host[i]);
			drain_edge(tb, &tb->host[i]);
		}
		expire_circuits(tb);
		tb->polls++;
		FOG_ASSERT(++spins < POLLS_MAX);
	} while (work > 0);
}

static u64 next_time(const struct tb *tb)
{
	u64 next = fog_sim_next(tb->sim);

	for (u32 i = 0; i < tb->hosts; i++)
		if (tb->host[i].alive)
			next = FOG_MIN(next, fog_dp_next_deadline(tb->host[i].dp));
	return next;
}

bool tb_run_until(struct tb *tb, bool (*done)(struct tb *tb), u64 limit_ns)
{
	u64 end = tb->now + limit_ns;

	for (;;) {
		poll_now(tb);
		if (done != NULL && done(tb))
			return true;
		if (tb->threaded) {
			const struct timespec pause = {.tv_nsec = 50000};
			if (tb->now >= end)
				return false;
			nanosleep(&pause, NULL);
			continue;
		}
		u64 next = FOG_MAX(next_time(tb), tb->now + 1);
		if (tb->grain_ns != 0)
			next = (next + tb->grain_ns - 1) / tb->grain_ns * tb->grain_ns;
		if (next > end)
			break;
		tb->now = next;
	}
	tb->now = end;
	poll_now(tb);
	return done != NULL && done(tb);
}

void tb_run(struct tb *tb, u64 ns)
{
	(void)tb_run_until(tb, NULL, ns);
}

/* ---- looking in --------------------------------------------------------------------------- */

u64 tb_drops(const struct tb *tb, u32 host, enum fog_drop d)
{
	u64 sum = 0;

	for (u32 w = 0; w < tb->host[host].workers; w++)
		sum += atomic_load(&tb->host[host].data->counters[w].drops[d]);
	return sum;
}

u64 tb_drops_all(const struct tb *tb, u32 host)
{
	u64 sum = 0;

	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		sum += tb_drops(tb, host, d);
	return sum;
}

u64 tb_halves(const struct tb *tb, u32 host)
{
	return tb_counter(tb, host, circuits_live);
}

u64 tb_slots_out(const struct tb *tb, u32 host)
{
	u64 sum = 0;

	for (u32 w = 0; w < tb->host[host].workers; w++) {
		const struct fog_worker *k = tb->host[host].dp->worker[w];
		sum += k->slab.count - k->slab.free_count;
	}
	return sum;
}

u64 tb_pending(const struct tb *tb, u32 host)
{
	u64 sum = 0;

	for (u32 w = 0; w < tb->host[host].workers; w++)
		sum += tb->host[host].dp->worker[w]->pending.active_count;
	return sum;
}

/* ---- misbehaviour ------------------------------------------------------------------------- */

struct fog_worker *tb_worker(struct tb *tb, u32 a, u32 b)
{
	return tb->host[a].dp->worker[(b + 1) % tb->host[a].workers];
}

struct fog_link *tb_peer(struct tb *tb, u32 a, u32 b)
{
	return &tb_worker(tb, a, b)->links[b + 1];
}

void tb_forge_counter(struct tb *tb, u32 a, u32 b, u64 counter, const u8 *cell,
		      u8 dgram[FOG_DGRAM_SIZE])
{
	const struct fog_session *s = &tb_peer(tb, a, b)->session[FOG_SESSION_CURRENT];

	FOG_ASSERT(s->live);
	fog_store_u32(dgram, FOG_DGRAM_DATA);
	fog_store_u32(dgram + 4, s->remote);
	fog_store_u64(dgram + 8, counter);
	struct fog_gcm_job job;
	fog_session_job(&job, &s->send, dgram, counter, cell, dgram + FOG_LINK_HEADER_SIZE);
	fog_gcm_seal_many(&job, 1);
}

void tb_forge(struct tb *tb, u32 a, u32 b, const u8 *cell, u8 dgram[FOG_DGRAM_SIZE])
{
	tb_forge_counter(tb, a, b, tb_peer(tb, a, b)->session[FOG_SESSION_CURRENT].counter++, cell,
			 dgram);
}

void tb_inject(struct tb *tb, u32 a, u32 b, const u8 *data, u32 length)
{
	fog_sim_inject(tb->sim, tb->now, &tb->host[a].address, &tb->host[b].address, data, length);
}

void tb_send_body(struct tb *tb, struct tb_circuit *c, const u8 *body, u32 hops)
{
	u8 cell[FOG_CELL_SIZE] = {0};
	const struct fog_cell_head head = {.id = c->state.handle,
					   .command = FOG_CELL_DATA,
					   .sequence = ++c->state.forward_sequence};

	memcpy(cell, &head, sizeof(head));
	memcpy(cell + sizeof(head), body, FOG_BODY_SIZE);
	for (u32 i = hops; i-- > 0;) {
		const struct fog_cell_job job = {.key = &c->state.keys[i].forward,
						 .in = cell + sizeof(head),
						 .out = cell + sizeof(head),
						 .sequence = head.sequence,
						 .direction = FOG_CELL_FORWARD,
						 .command = FOG_CELL_DATA};
		fog_cell_decrypt_many(&job, 1);
	}
	int rc = push_cell(tb, c, cell);
	FOG_ASSERT(rc == 0);
}
