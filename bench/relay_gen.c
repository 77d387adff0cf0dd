/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/relay_gen.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "crypto/curve/x25519.h"
#include "crypto/random/random.h"
#include "dataplane/worker/worker.h"

#define QUIET_NS   100000000ull /* nothing came for so long: nothing will */
#define BURST      FOG_IO_BURST_MAX
#define LINK_ID    1
#define SILENCE_MS 600000 /* cells made ahead must not age */

u64 gen_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static inline void fog_pause(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FOG_ASSERT(p != MAP_FAILED);
	return p;
}

/* ---- one back end for two, that can keep what is sent ---------------------------------------- */

static struct gen_side *side_of(struct fog_io *io)
{
	return (struct gen_side *)io;
}

static int keep_open(struct fog_io **out, const struct fog_io_open *o)
{
	struct gen *g = o->arg;
	bool first = g->io == NULL;
	const struct fog_io_open real = {.arg = &g->settings, .workers = 1, .listen = o->listen};

	*out = (struct fog_io *)&g->side[first ? 0 : 1];
	return first ? g->real->open(&g->io, &real) : 0;
}

/* Whether a side has the session of a DATA datagram. Handshakes are for whoever can read them. */
static bool wants(const struct gen_side *s, const struct fog_frame *f)
{
	struct fog_worker *w = s->dp->worker[0];
	u32 index = fog_load_u32(f->data + 4);

	if (f->length != FOG_DGRAM_SIZE || f->data[0] != FOG_DGRAM_DATA)
		return true;
	return fog_map_find_hashed(&w->sessions, fog_map_hash(&w->sessions, index), index) !=
	       FOG_MAP_NONE;
}

static void sort_in(struct gen *g, u64 now)
{
	struct fog_frame f[FOG_IO_BURST_MAX];
	unsigned n = g->real->rx(g->io, now, f, FOG_IO_BURST_MAX);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 2; k++) {
			struct gen_side *s = &g->side[k];
			if (s->dp == NULL || s->inbox_count == FOG_IO_BURST_MAX || !wants(s, &f[i]))
				continue;
			s->inbox[s->inbox_count] = f[i];
			s->inbox[s->inbox_count].data = s->bytes[s->inbox_count];
			memcpy(s->bytes[s->inbox_count++], f[i].data, f[i].length);
		}
	g->real->release(g->io, f, n);
}

static unsigned keep_rx(struct fog_io *io, u64 now, struct fog_frame *f, unsigned max)
{
	struct gen_side *s = side_of(io);

	if (s->gen->capture || s->gen->side[1].dp == NULL)
		return 0;
	if (s == &s->gen->side[0])
		sort_in(s->gen, now);
	unsigned n = FOG_MIN(max, s->inbox_count);
	memcpy(f, s->inbox, n * sizeof(f[0]));
	s->inbox_count = 0;
	return n;
}

static void keep_release(struct fog_io *io, const struct fog_frame *f, unsigned count)
{
}

static unsigned keep_reserve(struct fog_io *io, struct fog_frame *f, unsigned want)
{
	struct gen *g = side_of(io)->gen;

	if (!g->capture)
		return g->real->tx_reserve(g->io, f, want);
	unsigned n = FOG_MIN(want, GEN_CELLS - g->kept_count);
	for (unsigned i = 0; i < n; i++)
		f[i] = (struct fog_frame){.data = g->kept +
						  (size_t)(g->kept_count + i) * FOG_DGRAM_SIZE};
	return n;
}

static void keep_submit(struct fog_io *io, u64 now, const struct fog_frame *f, unsigned count)
{
	struct gen *g = side_of(io)->gen;

	if (!g->capture) {
		g->real->tx_submit(g->io, now, f, count);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		u8 *to = g->kept + (size_t)g->kept_count * FOG_DGRAM_SIZE;
		if (f[i].length == 0)
			continue;
		if (f[i].data != to)
			memmove(to, f[i].data, FOG_DGRAM_SIZE);
		g->kept_count++;
	}
}

static void keep_close(struct fog_io *io)
{
}

static const struct fog_io_ops keep_ops = {
	.name = "generator",
	.open = keep_open,
	.rx = keep_rx,
	.release = keep_release,
	.tx_reserve = keep_reserve,
	.tx_submit = keep_submit,
	.close = keep_close,
};

/* ---- the data planes ------------------------------------------------------------------------ */

static void attach(struct gen_side *s)
{
	struct fog_snapshot policy = {.lease_ns = UINT64_MAX,
				      .handshakes_per_second = 1000,
				      .keepalive_ms = SILENCE_MS / 4,
				      .link_dead_ms = SILENCE_MS,
				      .rekey_ms = SILENCE_MS};

	memcpy(policy.node_id, s->node_id, 32);
	s->control = map(sizeof(*s->control));
	s->tx = map(sizeof(*s->tx));
	s->rx = map(sizeof(*s->rx));
	FOG_ASSERT(fog_dp_attach_control(s->dp, s->control, 1) == 0);
	FOG_ASSERT(fog_dp_attach_edge(s->dp, s->tx, s->rx, -1, 1) == 0);
	fog_ring_producer(&s->commands, &s->control->command_head[0], &s->data->command_tail[0],
			  s->control->commands[0], FOG_COMMAND_RING_COUNT,
			  sizeof(struct fog_command));
	fog_ring_consumer(&s->events, &s->data->event_head[0], &s->control->event_tail[0],
			  s->data->events[0], FOG_EVENT_RING_COUNT, sizeof(struct fog_event));
	fog_ring_producer(&s->to_dp, &s->tx->tx_head, &s->rx->tx_tail, s->tx->slots,
			  FOG_EDGE_RING_COUNT, sizeof(struct fog_edge_slot));
	fog_ring_consumer(&s->from_dp, &s->rx->rx_head, &s->tx->rx_tail, s->rx->slots,
			  FOG_EDGE_RING_COUNT, sizeof(struct fog_edge_slot));
	fog_snapshot_publish(&s->control->snapshot, &policy);
}

static int side_open(struct gen *g, struct gen_side *s, const struct fog_address *listen)
{
	struct fog_dp_config c = {.workers = 1,
				  .cpu = {-1},
				  .mix_cpu = -1,
				  .boot_id = 1,
				  .circuits_max = 1024,
				  .listen = *listen,
				  .io = &keep_ops,
				  .io_arg = g};

	s->gen = g;
	fog_random_bytes(s->node_id, 32);
	fog_random_bytes(s->link_sk, 32);
	fog_random_bytes(s->onion_sk, 32);
	fog_random_bytes(c.rng_seed, 32);
	fog_x25519_base(s->link_pk, s->link_sk);
	fog_x25519_base(s->onion_pk, s->onion_sk);
	memcpy(c.link_sk, s->link_sk, 32);
	memcpy(c.onion_sk, s->onion_sk, 32);
	s->data = map(sizeof(*s->data));
	int rc = fog_dp_init(&s->dp, &c, s->data);
	if (rc != 0)
		return rc;
	g->address = fog_dp_address(s->dp);
	attach(s);
	return 0;
}

int gen_open(struct gen *g, const char *io, const struct fog_io_settings *settings,
	     const struct fog_address *listen)
{
	u8 seed[32];

	memset(g, 0, sizeof(*g));
	g->settings = *settings;
	g->real = fog_io_find(io);
	if (g->real == NULL)
		return -ENOTSUP;
	g->kept = map((size_t)GEN_CELLS * FOG_DGRAM_SIZE);
	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&g->rng, seed);
	int rc = side_open(g, &g->side[0], listen);
	return rc != 0 ? rc : side_open(g, &g->side[1], listen);
}

int gen_steer_fd(const struct gen *g)
{
	return g->real->steer_fd != NULL ? g->real->steer_fd(g->io) : -1;
}

void gen_link(struct gen *g, const struct gen_relay *relay)
{
	g->target = relay->address;
	for (unsigned k = 0; k < 2; k++) {
		struct gen_side *s = &g->side[k];
		struct fog_command c = {.seq = ++s->command_seq,
					.type = FOG_COMMAND_LINK_SET,
					.link_id = LINK_ID,
					.port = relay->address.port};
		memcpy(c.node_id, relay->node_id, 32);
		memcpy(c.link_pk, relay->link_pk, 32);
		memcpy(c.address, relay->address.ip, 16);
		FOG_ASSERT(fog_ring_push(&s->commands, &c) == 0);
	}
}

bool gen_links_up(const struct gen *g)
{
	return g->side[0].link_up && g->side[1].link_up;
}

static void push_cell(struct gen *g, u32 handle, const u8 *cell)
{
	struct fog_edge_slot s = {.handle = handle, .kind = FOG_EDGE_CELL, .length = FOG_CELL_SIZE};

	memcpy(s.data, cell, FOG_CELL_SIZE);
	FOG_ASSERT(fog_ring_push(&g->side[0].to_dp, &s) == 0);
}

/* Payloads count up in their first word and are filled from it. */
static void payload_make(u8 *p, u32 number)
{
	for (u32 i = 0; i < GEN_PAYLOAD; i += 8)
		fog_store_u64(p + i, number * 0x9e3779b97f4a7c15ull + i);
	fog_store_u32(p, number);
}

static void payload_check(struct gen *g, const u8 *data, u32 length)
{
	u8 want[GEN_PAYLOAD];

	payload_make(want, fog_load_u32(data));
	if (length == GEN_PAYLOAD && memcmp(want, data, GEN_PAYLOAD) == 0)
		g->good++;
	else
		g->wrong++;
}

static void take_client(struct gen *g)
{
	struct fog_edge_slot s;
	struct fog_circuit_event e;
	u8 reply[FOG_CELL_SIZE];

	while (fog_ring_pop(&g->side[0].from_dp, &s) == 0) {
		if (s.kind != FOG_EDGE_CELL || s.handle == 0 || s.handle > GEN_CIRCUITS)
			continue;
		struct fog_circuit *c = &g->circuit[s.handle - 1];
		if (fog_circuit_receive(c, gen_now(), s.data, &e, reply) == 1)
			push_cell(g, s.handle, reply);
		g->built[s.handle - 1] |= e.type == FOG_CIRCUIT_BUILT;
	}
}

static void take_terminus(struct gen *g)
{
	struct fog_edge_slot s;

	while (fog_ring_pop(&g->side[1].from_dp, &s) == 0)
		if (s.kind == FOG_EDGE_DATAGRAM)
			payload_check(g, s.data, s.length);
}

void gen_poll(struct gen *g)
{
	struct fog_event e;

	for (unsigned k = 0; k < 2; k++) {
		struct gen_side *s = &g->side[k];
		(void)fog_dp_poll(s->dp, gen_now());
		while (fog_ring_pop(&s->events, &e) == 0)
			if (e.type == FOG_EVENT_LINK_UP || e.type == FOG_EVENT_LINK_DOWN)
				s->link_up = e.type == FOG_EVENT_LINK_UP;
	}
	take_client(g);
	take_terminus(g);
}

bool gen_circuits(struct gen *g, const struct gen_relay *relay, void (*turn)(void *), void *arg)
{
	struct fog_circuit_hop path[2];
	u8 cell[FOG_CELL_SIZE];
	u64 end = gen_now() + 10000000000ull;
	u32 built = 0;

	memcpy(path[0].node_id, relay->node_id, 32);
	memcpy(path[0].onion_pk, relay->onion_pk, 32);
	memcpy(path[1].node_id, g->side[1].node_id, 32);
	memcpy(path[1].onion_pk, g->side[1].onion_pk, 32);
	for (u32 i = 0; i < GEN_CIRCUITS; i++) {
		FOG_ASSERT(fog_circuit_init(&g->circuit[i], i + 1, path, 2, &g->rng) == 0);
		FOG_ASSERT(fog_circuit_start(&g->circuit[i], gen_now(), cell) == 0);
		push_cell(g, i + 1, cell);
	}
	while (built < GEN_CIRCUITS && gen_now() < end) {
		turn(arg);
		gen_poll(g);
		built = 0;
		for (u32 i = 0; i < GEN_CIRCUITS; i++)
			built += g->built[i];
	}
	return built == GEN_CIRCUITS;
}

static void push_payload(struct gen *g)
{
	u8 payload[GEN_PAYLOAD], cell[FOG_CELL_SIZE];
	u32 number = g->payload_next++;
	struct fog_circuit *c = &g->circuit[number % GEN_CIRCUITS];

	payload_make(payload, number);
	FOG_ASSERT(fog_circuit_send(c, payload, GEN_PAYLOAD, cell) == 0);
	push_cell(g, c->handle, cell);
}

bool gen_verify(struct gen *g, u32 cells, void (*turn)(void *), void *arg)
{
	u64 before = g->good, end = gen_now() + 5000000000ull;

	for (u32 sent = 0; g->good - before < cells && g->wrong == 0 && gen_now() < end;) {
		if (sent < cells && sent - (g->good - before) < 256) {
			push_payload(g);
			sent++;
		}
		turn(arg);
		gen_poll(g);
	}
	return g->good - before == cells && g->wrong == 0;
}

void gen_make(struct gen *g, u32 cells)
{
	g->kept_count = 0;
	g->capture = true;
	while (g->kept_count < cells) {
		for (u32 i = 0; i < BURST && g->kept_count + i < cells; i++)
			push_payload(g);
		while (fog_dp_poll(g->side[0].dp, gen_now()) > 0)
			;
	}
	g->capture = false;
}

void gen_blank(struct gen *g, u32 cells)
{
	memset(g->kept, 0, (size_t)cells * FOG_DGRAM_SIZE);
	for (u32 i = 0; i < cells; i++)
		fog_store_u32(g->kept + (size_t)i * FOG_DGRAM_SIZE, FOG_DGRAM_DATA);
	g->kept_count = cells;
}

/* ---- measuring ------------------------------------------------------------------------------ */

static u32 receive(struct gen *g, u64 now)
{
	struct fog_frame f[BURST];
	unsigned n = g->real->rx(g->io, now, f, BURST);
	u32 count = 0;

	for (unsigned i = 0; i < n; i++)
		count += f[i].length == FOG_DGRAM_SIZE && fog_load_u32(f[i].data) == FOG_DGRAM_DATA;
	g->real->release(g->io, f, n);
	return count;
}

static u32 send(struct gen *g, u64 now, const struct fog_address *to, u32 at, u32 count)
{
	struct fog_frame f[BURST];
	unsigned n = g->real->tx_reserve(g->io, f, count);

	for (unsigned i = 0; i < n; i++) {
		memcpy(f[i].data, g->kept + (size_t)(at + i) * FOG_DGRAM_SIZE, FOG_DGRAM_SIZE);
		f[i].length = FOG_DGRAM_SIZE;
		f[i].peer = *to;
	}
	g->real->tx_submit(g->io, now, f, n);
	return n;
}

void gen_run(struct gen *g, double rate, struct gen_run *out)
{
	u64 start = gen_now(), now = start, last = start, at = 0;

	*out = (struct gen_run){0};
	while (at < g->kept_count || now - last < QUIET_NS) {
		now = gen_now();
		u64 allowed = rate > 0 ? (u64)((double)(now - start) * rate / 1e9) : g->kept_count;
		u64 room = FOG_MIN(allowed, (u64)g->kept_count);
		if (at < room)
			at += send(g, now, &g->target, (u32)at,
				   (u32)FOG_MIN(room - at, (u64)BURST));
		u32 n = receive(g, now);
		out->delivered += n;
		if (n > 0 || at < g->kept_count)
			last = now;
		if (n == 0 && at >= room) /* leave a shared core's other half its resources */
			for (unsigned i = 0; i < 4; i++)
				fog_pause();
		if (n > 0)
			out->seconds = (double)(now - start) / 1e9;
	}
	out->sent = at;
}
