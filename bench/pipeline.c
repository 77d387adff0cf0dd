/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/pipeline.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "crypto/curve/x25519.h"

#define LINKS      2
#define START_NS   (1000 * FOG_NS_PER_MS)
#define TURN_NS    10000 /* what a turn is taken to last: housekeeping comes as often as live */
#define CHAIN      20000
#define SECRET_IN  0x10 /* first byte of the keys a link's cells come in under; no secret here */
#define SECRET_OUT 0x20

static void *big_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

/* ---- the back end ------------------------------------------------------------------------- */

struct fog_io {
	struct pipeline *p;
	u32 ready; /* frames of the burst not taken yet */
};

static struct fog_io generator;

static int gen_open(struct fog_io **io, const struct fog_io_open *open)
{
	generator = (struct fog_io){.p = open->arg};
	*io = &generator;
	return 0;
}

static unsigned gen_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	unsigned n = FOG_MIN(io->ready, max);

	(void)now_ns;
	for (unsigned i = 0; i < n; i++)
		frames[i] =
			(struct fog_frame){.data = io->p->burst->in[i], .length = FOG_DGRAM_SIZE};
	io->ready -= n;
	return n;
}

static void gen_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	(void)io;
	(void)frames;
	(void)count;
}

static unsigned gen_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	unsigned n = FOG_MIN(want, (unsigned)PIPELINE_BURST);

	for (unsigned i = 0; i < n; i++)
		frames[i].data = io->p->burst->out[i];
	return n;
}

static void gen_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			  unsigned count)
{
	(void)now_ns;
	for (unsigned i = 0; i < count; i++)
		io->p->sent += frames[i].length != 0;
}

static void gen_close(struct fog_io *io)
{
	(void)io;
}

static const struct fog_io_ops gen_ops = {
	.name = "generator",
	.open = gen_open,
	.rx = gen_rx,
	.release = gen_release,
	.tx_reserve = gen_tx_reserve,
	.tx_submit = gen_tx_submit,
	.close = gen_close,
};

/* ---- links and circuits ------------------------------------------------------------------- */

/* The neighbour's side of a link, as far as a generator needs it. */
static struct {
	struct fog_gcm_key send;
	u32 index;
	u64 counter;
} neighbour[LINKS + 1];

static int link_up(struct pipeline *p, u32 id)
{
	struct fog_worker *w = p->worker;
	struct fog_link *l = &w->links[id];
	static struct fog_session s;
	u8 in[FOG_NOISE_KEY_SIZE] = {(u8)(SECRET_IN + id)};
	u8 out[FOG_NOISE_KEY_SIZE] = {(u8)(SECRET_OUT + id)};

	s = (struct fog_session){
		.live = true,
		.local = fog_session_index(p->dp->index_key, id, 0),
		.remote = id,
		.rekey_ns = UINT64_MAX,
		.expire_ns = UINT64_MAX,
	};
	fog_session_set_keys(&s, out, in);
	neighbour[id].send = s.recv;
	neighbour[id].index = s.local;
	neighbour[id].counter = 0;
	l->id = id;
	l->up = true;
	l->rx_ns = p->now_ns;
	l->ping_ns = UINT64_MAX;
	l->address.port = (u16)id;
	l->active = w->active_count;
	w->active[w->active_count++] = (u16)id;
	return fog_session_install(l, FOG_SESSION_CURRENT, &w->sessions, &s);
}

static int half_open(struct pipeline *p, u32 link, u32 id, u32 twin_link, u32 twin_id)
{
	u8 seed[FOG_CELL_SEED_SIZE];
	struct fog_half *h =
		fog_half_add(&p->worker->halves, link, id, &p->worker->links[link].halves);

	if (h == NULL)
		return -EEXIST;
	fog_rng_bytes(&p->rng, seed, sizeof(seed));
	h->state = FOG_HALF_OPEN;
	h->direction = link == 1 ? FOG_CELL_FORWARD : FOG_CELL_BACKWARD;
	h->twin_link = twin_link;
	h->twin_id = twin_id;
	h->last_ns = p->now_ns;
	h->data_seen = true;
	fog_half_set_key(h, seed, 0);
	return 0;
}

static int circuits_open(struct pipeline *p)
{
	for (u32 i = 0; i < p->circuits; i++) {
		/* A bijection of 32 bits: random-looking and never twice. */
		p->id[0][i] = (i + 1) * 0x9e3779b1u;
		p->id[1][i] = (i + 1) * 0x85ebca77u;
		int rc = half_open(p, 1, p->id[0][i], 2, p->id[1][i]);
		if (rc == 0)
			rc = half_open(p, 2, p->id[1][i], 1, p->id[0][i]);
		if (rc < 0)
			return rc;
		u32 other = (u32)fog_rng_below(&p->rng, i + 1);
		p->order[i] = p->order[other];
		p->order[other] = i;
	}
	return 0;
}

static u32 halves_for(u32 circuits)
{
	u32 n = FOG_HALVES_MIN;

	while (n < 2 * circuits)
		n *= 2;
	return n;
}

int pipeline_init(struct pipeline *p, u32 circuits)
{
	*p = (struct pipeline){.circuits = circuits, .now_ns = START_NS, .sequence = 1};
	struct fog_dp_config c = {
		.workers = 1,
		.cpu = {-1},
		.mix_cpu = -1,
		.link_sk = {1},
		.onion_sk = {2},
		.boot_id = 1,
		.circuits_max = halves_for(circuits),
		.io = &gen_ops,
		.io_arg = p,
	};

	fog_rng_init_u64(&p->rng, 1);
	p->region = big_alloc(sizeof(*p->region));
	p->burst = big_alloc(sizeof(*p->burst));
	p->order = big_alloc(circuits * sizeof(p->order[0]));
	p->id[0] = big_alloc(circuits * sizeof(p->id[0][0]));
	p->id[1] = big_alloc(circuits * sizeof(p->id[1][0]));
	if (p->region == NULL || p->burst == NULL || p->order == NULL || p->id[0] == NULL ||
	    p->id[1] == NULL)
		return -ENOMEM;
	int rc = fog_dp_init(&p->dp, &c, p->region);
	if (rc < 0)
		return rc;
	p->worker = p->dp->worker[0];
	for (u32 id = 1; rc == 0 && id <= LINKS; id++)
		rc = link_up(p, id);
	return rc == 0 ? circuits_open(p) : rc;
}

void pipeline_free(struct pipeline *p)
{
	fog_dp_free(p->dp);
	munmap(p->region, sizeof(*p->region));
	munmap(p->burst, sizeof(*p->burst));
	munmap(p->order, p->circuits * sizeof(p->order[0]));
	munmap(p->id[0], p->circuits * sizeof(p->id[0][0]));
	munmap(p->id[1], p->circuits * sizeof(p->id[1][0]));
}

/* ---- traffic ------------------------------------------------------------------------------ */

/* A burst as two neighbours would send it; bodies are whatever lies there: random enough not to be
 * recognized. */
static void generate(struct pipeline *p)
{
	struct fog_gcm_job jobs[PIPELINE_BURST];

	for (unsigned i = 0; i < PIPELINE_BURST; i++) {
		u32 link = 1 + i % LINKS;
		u8 *dgram = p->burst->in[i], *cell = dgram + FOG_LINK_HEADER_SIZE;
		u32 circuit = p->order[p->at];
		p->at = p->at + 1 == p->circuits ? 0 : p->at + 1;
		/* Every circuit gets its turn before any gets another. */
		p->sequence += p->at == 0;
		const struct fog_cell_head head = {
			.id = p->id[link - 1][circuit],
			.command = FOG_CELL_DATA,
			.sequence = p->sequence,
		};
		fog_store_u32(dgram, FOG_DGRAM_DATA);
		fog_store_u32(dgram + 4, neighbour[link].index);
		fog_store_u64(dgram + 8, neighbour[link].counter++);
		memcpy(cell, &head, sizeof(head));
		cell[FOG_CELL_HEADER_SIZE] |= 1;
		fog_session_job(&jobs[i], &neighbour[link].send, dgram, fog_load_u64(dgram + 8),
				cell, cell);
	}
	fog_gcm_seal_many(jobs, PIPELINE_BURST);
}

static u64 open_ticks(struct pipeline *p)
{
	struct fog_gcm_job jobs[PIPELINE_BURST];

	for (unsigned i = 0; i < PIPELINE_BURST; i++) {
		u8 *cell = p->burst->in[i] + FOG_LINK_HEADER_SIZE;
		fog_session_job(&jobs[i], &neighbour[1 + i % LINKS].send, p->burst->in[i],
				fog_load_u64(p->burst->in[i] + 8), cell, cell);
	}
	u64 start = fog_ticks();
	fog_gcm_open_many(jobs, PIPELINE_BURST);
	u64 ticks = fog_ticks() - start;
	FOG_ASSERT(jobs[0].authentic);
	return ticks;
}

/* The halves of the burst that was generated last. */
static u64 layer_ticks(struct pipeline *p)
{
	struct fog_cell_job jobs[PIPELINE_BURST];

	for (unsigned i = 0; i < PIPELINE_BURST; i++) {
		struct fog_cell_head head;
		u8 *cell = p->burst->in[i] + FOG_LINK_HEADER_SIZE;
		memcpy(&head, cell, sizeof(head));
		struct fog_half *h = fog_half_find(&p->worker->halves, 1 + i % LINKS, head.id);
		jobs[i] = (struct fog_cell_job){
			.key = &h->key,
			.in = cell + FOG_CELL_HEADER_SIZE,
			.out = p->burst->slab[i] + FOG_LINK_HEADER_SIZE + FOG_CELL_HEADER_SIZE,
			.sequence = head.sequence,
			.direction = h->direction,
			.command = FOG_CELL_DATA,
		};
	}
	u64 start = fog_ticks();
	fog_cell_encrypt_many(jobs, PIPELINE_BURST);
	return fog_ticks() - start;
}

static u64 seal_ticks(struct pipeline *p)
{
	struct fog_gcm_job jobs[PIPELINE_BURST];

	for (unsigned i = 0; i < PIPELINE_BURST; i++) {
		struct fog_session *s = &p->worker->links[2 - i % LINKS].session[0];
		fog_session_job(&jobs[i], &s->send, p->burst->out[i], p->sequence,
				p->burst->slab[i] + FOG_LINK_HEADER_SIZE,
				p->burst->out[i] + FOG_LINK_HEADER_SIZE);
	}
	u64 start = fog_ticks();
	fog_gcm_seal_many(jobs, PIPELINE_BURST);
	return fog_ticks() - start;
}

void pipeline_run(struct pipeline *p, struct pipeline_ticks *t)
{
	struct fog_counts before = p->worker->counts;
	const struct fog_counts *after = &p->worker->counts;
	u64 sent = p->sent;

	generate(p);
	p->now_ns += TURN_NS;
	generator.ready = PIPELINE_BURST;
	u64 start = fog_ticks();
	(void)fog_worker_turn(p->worker, p->now_ns);
	t->of[PIPELINE_HOP] = fog_ticks() - start;
	FOG_ASSERT(p->sent - sent == PIPELINE_BURST);
#define X(name, text) t->of[PIPELINE_##name] = after->cycles_##name - before.cycles_##name;
#include "bench/stages.def"
#undef X
	t->of[PIPELINE_OVERHEAD] = t->of[PIPELINE_HOP] - t->of[PIPELINE_open_cipher] -
				   t->of[PIPELINE_crypt_cipher] - t->of[PIPELINE_seal_cipher];
	generate(p);
	t->of[PIPELINE_PRIMITIVES] = open_ticks(p);
	t->of[PIPELINE_PRIMITIVES] += layer_ticks(p);
	t->of[PIPELINE_PRIMITIVES] += seal_ticks(p);
}

/* ---- clocks ------------------------------------------------------------------------------- */

double pipeline_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double pipeline_ns_per_tick(void)
{
	double start = pipeline_seconds(), end = start;
	u64 ticks = fog_ticks();

	while (end - start < 0.02)
		end = pipeline_seconds();
	return 1e9 * (end - start) / (double)(fog_ticks() - ticks);
}

double pipeline_cycles_per_tick(void)
{
	u64 best = UINT64_MAX;

	for (unsigned round = 0; round < 50; round++) {
		u64 x = round, start = fog_ticks();
		for (unsigned i = 0; i < CHAIN; i++) {
			x += x; /* each waits for the one before */
			__asm__ volatile("" : "+r"(x));
			x += round;
			__asm__ volatile("" : "+r"(x));
		}
		best = FOG_MIN(best, fog_ticks() - start);
	}
	return best == 0 ? 1 : 2.0 * CHAIN / (double)best;
}
