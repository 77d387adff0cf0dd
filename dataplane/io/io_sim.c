/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/io_sim.h"

#include <errno.h>

#include "crypto/random/random.h"

#define PATHS_MAX (FOG_SIM_HOSTS_MAX * FOG_SIM_HOSTS_MAX)
#define TX_MAX    64
#define MILLION   1000000u

struct packet {
	u64 arrive_ns;
	u64 order; /* ties in order of sending */
	u32 buffer;
};

struct buffer {
	struct fog_address from;
	u32 length;
	u8 data[FOG_FRAME_MAX];
};

/* One worker of one host. */
struct fog_io {
	struct fog_sim *sim;
	struct fog_address address;
	u32 worker;
	struct packet heap[FOG_SIM_QUEUE_MAX];
	u32 heap_count;
	struct buffer *buffers;
	u32 free_buffers[FOG_SIM_QUEUE_MAX];
	u32 free_count;
	u8 tx[TX_MAX][FOG_FRAME_MAX];
	bool tx_taken[TX_MAX];
};

struct host {
	struct fog_address address;
	u32 workers;
	struct fog_io *io[FOG_WORKERS_MAX];
};

struct path {
	u16 from;
	u16 to;
	struct fog_sim_path path;
};

struct fog_sim {
	struct fog_rng rng;
	u64 order;
	struct host host[FOG_SIM_HOSTS_MAX];
	struct path path[PATHS_MAX];
	u32 path_count;
	struct fog_sim_path path_default;
	bool spray;
	fog_sim_tap tap;
	void *tap_arg;
	struct fog_sim_stats stats;
};

int fog_sim_create(struct fog_sim **out, u64 seed)
{
	struct fog_sim *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return -ENOMEM;
	fog_rng_init_u64(&s->rng, seed);
	return 0;
}

void fog_sim_free(struct fog_sim *sim)
{
	free(sim);
}

void fog_sim_set_default(struct fog_sim *sim, const struct fog_sim_path *path)
{
	sim->path_default = *path;
}

int fog_sim_set_path(struct fog_sim *sim, u16 from, u16 to, const struct fog_sim_path *path)
{
	u32 i = 0;

	while (i < sim->path_count && (sim->path[i].from != from || sim->path[i].to != to))
		i++;
	if (i == PATHS_MAX)
		return -ENOSPC;
	if (i == sim->path_count)
		sim->path_count++;
	sim->path[i] = (struct path){.from = from, .to = to, .path = *path};
	return 0;
}

void fog_sim_set_spray(struct fog_sim *sim, bool spray)
{
	sim->spray = spray;
}

void fog_sim_set_tap(struct fog_sim *sim, fog_sim_tap tap, void *arg)
{
	sim->tap = tap;
	sim->tap_arg = arg;
}

void fog_sim_stats(const struct fog_sim *sim, struct fog_sim_stats *stats)
{
	*stats = sim->stats;
}

static struct fog_sim_path *find_path(struct fog_sim *s, u16 from, u16 to)
{
	for (u32 i = 0; i < s->path_count; i++)
		if (s->path[i].from == from && s->path[i].to == to)
			return &s->path[i].path;
	return &s->path_default;
}

static struct host *find_host(struct fog_sim *s, const struct fog_address *a)
{
	for (u32 i = 0; i < FOG_SIM_HOSTS_MAX; i++)
		if (s->host[i].workers != 0 && fog_address_equal(&s->host[i].address, a))
			return &s->host[i];
	return NULL;
}

/* ---- heap by arrival ---------------------------------------------------------------------- */

static bool earlier(const struct packet *a, const struct packet *b)
{
	return a->arrive_ns != b->arrive_ns ? a->arrive_ns < b->arrive_ns : a->order < b->order;
}

static void heap_push(struct fog_io *io, struct packet p)
{
	u32 i = io->heap_count++;

	while (i > 0 && earlier(&p, &io->heap[(i - 1) / 2])) {
		io->heap[i] = io->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	io->heap[i] = p;
}

static struct packet heap_pop(struct fog_io *io)
{
	struct packet top = io->heap[0], last = io->heap[--io->heap_count];
	u32 i = 0;

	for (;;) {
		u32 child = 2 * i + 1;
		if (child >= io->heap_count)
			break;
		if (child + 1 < io->heap_count && earlier(&io->heap[child + 1], &io->heap[child]))
			child++;
		if (!earlier(&io->heap[child], &last))
			break;
		io->heap[i] = io->heap[child];
		i = child;
	}
	io->heap[i] = last;
	return top;
}

/* ---- sending ------------------------------------------------------------------------------ */

static bool chance(struct fog_sim *s, u32 millionths)
{
	return millionths != 0 && fog_rng_below(&s->rng, MILLION) < millionths;
}

static void corrupt(struct fog_sim *s, struct buffer *b)
{
	s->stats.corrupted++;
	if (fog_rng_below(&s->rng, 8) == 0) {
		u32 old = b->length;
		do
			b->length = (u32)fog_rng_below(&s->rng, FOG_FRAME_MAX + 1);
		while (b->length == old);
		if (b->length > old)
			memset(b->data + old, 0, b->length - old);
		return;
	}
	u64 bit = fog_rng_below(&s->rng, (u64)b->length * 8);
	b->data[bit / 8] ^= (u8)(1u << bit % 8);
}

static void queue(struct fog_sim *s, struct host *h, u64 now, struct fog_sim_path *p,
		  const struct fog_address *from, const u8 *data, u32 length)
{
	u32 worker = (from->port * 2654435761u >> 16) % h->workers;

	if (s->spray)
		worker = (u32)fog_rng_below(&s->rng, h->workers);
	struct fog_io *io = h->io[worker];
	if (io == NULL) {
		s->stats.unreachable++;
		return;
	}
	if (io->free_count == 0) {
		s->stats.overflow++;
		return;
	}
	u32 i = io->free_buffers[--io->free_count];
	struct buffer *b = &io->buffers[i];
	b->from = *from;
	b->length = length;
	memcpy(b->data, data, length);
	if (length > 0 && chance(s, p->corrupt))
		corrupt(s, b);
	u64 jitter = p->jitter_ns != 0 ? fog_rng_below(&s->rng, p->jitter_ns) : 0;
	if (p->rate != 0) {
		p->busy_ns = FOG_MAX(p->busy_ns, now) + length * 8 * 1000000000ull / p->rate;
		now = p->busy_ns;
	}
	heap_push(io, (struct packet){.arrive_ns = now + p->delay_ns + jitter,
				      .order = s->order++,
				      .buffer = i});
}

void fog_sim_inject(struct fog_sim *s, u64 now_ns, const struct fog_address *from,
		    const struct fog_address *to, const u8 *data, u32 length)
{
	struct fog_sim_path *p = find_path(s, from->port, to->port);
	struct host *h = find_host(s, to);

	FOG_ASSERT(length <= FOG_FRAME_MAX);
	s->stats.sent++;
	if (p->cut) {
		s->stats.cut++;
		return;
	}
	if (chance(s, p->loss)) {
		s->stats.lost++;
		return;
	}
	if (h == NULL) {
		s->stats.unreachable++;
		return;
	}
	queue(s, h, now_ns, p, from, data, length);
	if (chance(s, p->duplicate)) {
		s->stats.duplicated++;
		queue(s, h, now_ns, p, from, data, length);
	}
}

u64 fog_sim_next(const struct fog_sim *s)
{
	u64 next = UINT64_MAX;

	for (u32 i = 0; i < FOG_SIM_HOSTS_MAX; i++)
		for (u32 w = 0; w < s->host[i].workers; w++) {
			const struct fog_io *io = s->host[i].io[w];
			if (io != NULL && io->heap_count > 0)
				next = FOG_MIN(next, io->heap[0].arrive_ns);
		}
	return next;
}

/* ---- back end ----------------------------------------------------------------------------- */

static int sim_open(struct fog_io **out, const struct fog_io_open *o)
{
	struct fog_sim *s = o->arg;
	struct host *h = find_host(s, o->listen);

	*out = NULL;
	if (h != NULL && h->io[o->worker] != NULL)
		return -EADDRINUSE;
	for (u32 i = 0; h == NULL && i < FOG_SIM_HOSTS_MAX; i++)
		if (s->host[i].workers == 0)
			h = &s->host[i];
	if (h == NULL)
		return -ENOSPC;
	struct fog_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	io->buffers = calloc(FOG_SIM_QUEUE_MAX, sizeof(io->buffers[0]));
	if (io->buffers == NULL) {
		free(io);
		return -ENOMEM;
	}
	io->sim = s;
	io->address = *o->listen;
	io->worker = o->worker;
	io->free_count = FOG_SIM_QUEUE_MAX;
	for (u32 i = 0; i < FOG_SIM_QUEUE_MAX; i++)
		io->free_buffers[i] = i;
	h->address = *o->listen;
	h->workers = o->workers;
	h->io[o->worker] = io;
	*out = io;
	return 0;
}

static void sim_close(struct fog_io *io)
{
	struct host *h = find_host(io->sim, &io->address);
	bool empty = true;

	FOG_ASSERT(h != NULL);
	FOG_ASSERT(h->io[io->worker] == io);
	h->io[io->worker] = NULL;
	io->sim->stats.unreachable += io->heap_count; /* what was on its way */
	for (u32 w = 0; w < h->workers; w++)
		empty &= h->io[w] == NULL;
	if (empty)
		h->workers = 0;
	free(io->buffers);
	free(io);
}

static unsigned sim_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	unsigned n = 0;

	while (n < max && io->heap_count > 0 && io->heap[0].arrive_ns <= now_ns) {
		struct packet p = heap_pop(io);
		struct buffer *b = &io->buffers[p.buffer];
		frames[n++] = (struct fog_frame){
			.data = b->data, .handle = p.buffer, .length = b->length, .peer = b->from};
	}
	io->sim->stats.delivered += n;
	return n;
}

static void sim_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		io->free_buffers[io->free_count++] = frames[i].handle;
	FOG_ASSERT(io->free_count + io->heap_count <= FOG_SIM_QUEUE_MAX);
}

static unsigned sim_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	unsigned n = 0;

	for (u32 i = 0; i < TX_MAX && n < want; i++) {
		if (io->tx_taken[i])
			continue;
		io->tx_taken[i] = true;
		frames[n++] = (struct fog_frame){.data = io->tx[i], .handle = i};
	}
	return n;
}

static void sim_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			  unsigned count)
{
	struct fog_sim *s = io->sim;

	for (unsigned i = 0; i < count; i++) {
		u32 length = frames[i].length;
		FOG_ASSERT(io->tx_taken[frames[i].handle]);
		io->tx_taken[frames[i].handle] = false;
		if (length == 0)
			continue;
		if (s->tap != NULL &&
		    !s->tap(s->tap_arg, &io->address, &frames[i].peer, frames[i].data, &length))
			continue;
		fog_sim_inject(s, now_ns, &io->address, &frames[i].peer, frames[i].data, length);
	}
}

const struct fog_io_ops fog_io_sim = {
	.name = "sim",
	.open = sim_open,
	.rx = sim_rx,
	.release = sim_release,
	.tx_reserve = sim_tx_reserve,
	.tx_submit = sim_tx_submit,
	.wait = NULL,
	.close = sim_close,
};
