/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/edge.h"

#include <errno.h>
#include <time.h>

#include "crypto/mem.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/key.h"

/* Turns of the ring in one turn of the loop: sockets must get theirs. */
#define DRAINS_MAX 8

u64 fog_edge_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* ---- carriers ----------------------------------------------------------------------------- */

static void carrier_queue(struct fog_carrier *c)
{
	struct fog_edge *e = c->edge;

	if (c->queued)
		return;
	c->queued = true;
	c->next = NULL;
	if (e->dirty == NULL)
		e->dirty = c;
	else
		e->dirty_last->next = c;
	e->dirty_last = c;
}

static void carrier_unqueue(struct fog_carrier *c)
{
	struct fog_edge *e = c->edge;
	struct fog_carrier **at = &e->dirty;
	struct fog_carrier *before = NULL;

	if (!c->queued)
		return;
	while (*at != c) {
		before = *at;
		at = &before->next;
	}
	*at = c->next;
	if (e->dirty_last == c)
		e->dirty_last = before;
	c->queued = false;
}

static void on_carrier_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	carrier_queue(w->data);
}

void fog_carrier_init(struct fog_carrier *c, struct fog_edge *e,
		      void (*closed)(struct fog_carrier *c))
{
	memset(c, 0, sizeof(*c));
	c->edge = e;
	c->closed = closed;
	ev_init(&c->timer, on_carrier_timer);
	c->timer.data = c;
}

void fog_carrier_clear(struct fog_carrier *c)
{
	ev_timer_stop(c->edge->loop, &c->timer);
	carrier_unqueue(c);
	if (c->conn != NULL)
		fog_conn_free(c->conn);
	c->conn = NULL;
}

void fog_carrier_dirty(struct fog_conn *conn)
{
	carrier_queue(conn->user);
}

unsigned fog_carrier_room(struct fog_conn *conn)
{
	struct fog_carrier *c = conn->user;
	u32 room = fog_edge_ring_room(&c->edge->ring);

	/* Without a data plane nothing moves, and nothing needs to be looked at again soon. */
	if (room == 0 && c->edge->ring.up && !ev_is_active(&c->edge->held)) {
		ev_timer_set(&c->edge->held, FOG_EDGE_HELD_S, 0.);
		ev_timer_start(c->edge->loop, &c->edge->held);
	}
	return room;
}

static void carrier_pump(struct fog_carrier *c)
{
	struct fog_edge *e = c->edge;

	if (c->conn == NULL)
		return;
	u64 now = fog_edge_now();
	fog_conn_pump(c->conn, now);
	fog_circuits_flush(e);
	ev_timer_stop(e->loop, &c->timer);
	if (c->conn->state == FOG_CONN_CLOSED) {
		c->closed(c);
		return;
	}
	u64 deadline = fog_conn_deadline(c->conn);
	if (deadline == UINT64_MAX)
		return;
	/* Overdue means held back by a full ring, or by its absence: not to be tried at full speed.
	 */
	double after = deadline > now ? (double)(deadline - now) / 1e9 : FOG_EDGE_HELD_S;
	ev_timer_set(&c->timer, e->ring.up ? after : FOG_MAX(after, FOG_EDGE_DETACHED_S), 0.);
	ev_timer_start(e->loop, &c->timer);
}

/* Every carrier that is dirty now, once; what gets dirty meanwhile waits for the next turn. */
static void carriers_pump(struct fog_edge *e)
{
	u32 count = 0;

	for (const struct fog_carrier *c = e->dirty; c != NULL; c = c->next)
		count++;
	for (; count != 0 && e->dirty != NULL; count--) {
		struct fog_carrier *c = e->dirty;

		carrier_unqueue(c);
		carrier_pump(c);
	}
}

static void carriers_wake(struct fog_edge *e)
{
	for (struct fog_tunnel *t = e->tunnels.list; t != NULL; t = t->next) {
		if (t->carrier.conn != NULL)
			carrier_queue(&t->carrier);
	}
	fog_terminus_wake(e);
}

static void on_held(struct ev_loop *loop, struct ev_timer *w, int events)
{
	carriers_wake(w->data);
}

/* ---- ring --------------------------------------------------------------------------------- */

static void ring_up(void *user)
{
	struct fog_edge *e = user;

	carriers_wake(e);
}

static void ring_down(void *user)
{
	struct fog_edge *e = user;

	fog_terminus_lost(e);
	fog_circuits_lost(e);
}

static void ring_slots(void *user, struct fog_edge_slot *slots, unsigned count)
{
	struct fog_edge *e = user;

	for (unsigned i = 0; i < count;) {
		unsigned n = 1;

		if (slots[i].kind == FOG_EDGE_MIX) {
			fog_mixedge_receive(&e->mixnet, &slots[i++]);
			continue;
		}
		if (slots[i].kind != FOG_EDGE_CELL) {
			fog_terminus_receive(e, &slots[i++]);
			continue;
		}
		while (i + n < count && n < FOG_CIRCUIT_BATCH &&
		       slots[i + n].kind == FOG_EDGE_CELL && slots[i + n].handle == slots[i].handle)
			n++;
		fog_circuits_receive(e, &slots[i], n);
		i += n;
	}
}

static const struct fog_edge_ring_ops ring_ops = {ring_up, ring_down, ring_slots};

/* ---- loop --------------------------------------------------------------------------------- */

static void on_check(struct ev_loop *loop, struct ev_check *w, int events)
{
	struct fog_edge *e = w->data;

	for (unsigned i = 0; i < DRAINS_MAX; i++) {
		if (fog_edge_ring_drain(&e->ring) < FOG_EDGE_RX_BATCH)
			break;
	}
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *w, int events)
{
	struct fog_edge *e = w->data;

	carriers_pump(e);
	fog_circuits_flush(e);
	fog_edge_ring_flush(&e->ring);
	if (e->dirty != NULL || fog_edge_ring_wait(&e->ring))
		ev_idle_start(loop, &e->idle);
	else
		ev_idle_stop(loop, &e->idle);
}

static void on_idle(struct ev_loop *loop, struct ev_idle *w, int events)
{
	/* Its being active keeps the loop from blocking. */
}

static void on_stop_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_edge *e = w->data;

	if (e->tunnels.count != 0 || e->terminus.conns_count != 0) {
		if (ev_now(loop) < e->stop_at)
			return;
	}
	ev_break(loop, EVBREAK_ALL);
}

void fog_edge_stop(struct fog_edge *e)
{
	if (e->stopping)
		return;
	e->stopping = true;
	e->stop_at = ev_now(e->loop) + FOG_EDGE_STOP_S;
	fog_socksd_stop(&e->socksd);
	fog_jobdoor_stop(&e->jobs);
	fog_tunnels_stop(e);
	fog_terminus_stop(e);
	ev_timer_set(&e->stop_timer, 0.05, 0.05);
	ev_timer_start(e->loop, &e->stop_timer);
}

static void on_signal(struct ev_loop *loop, struct ev_signal *w, int events)
{
	fog_dplog(FOG_DPLOG_INFO, FOG_EDGE_PART, "stopping");
	fog_edge_stop(w->data);
}

static void watchers_start(struct fog_edge *e)
{
	ev_check_init(&e->check, on_check);
	ev_prepare_init(&e->prepare, on_prepare);
	ev_idle_init(&e->idle, on_idle);
	ev_init(&e->held, on_held);
	ev_init(&e->stop_timer, on_stop_timer);
	ev_signal_init(&e->sigterm, on_signal, SIGTERM);
	ev_signal_init(&e->sigint, on_signal, SIGINT);
	e->check.data = e->prepare.data = e->idle.data = e;
	e->held.data = e->stop_timer.data = e->sigterm.data = e->sigint.data = e;
	ev_check_start(e->loop, &e->check);
	ev_prepare_start(e->loop, &e->prepare);
	ev_signal_start(e->loop, &e->sigterm);
	ev_signal_start(e->loop, &e->sigint);
}

void fog_edge_configure(struct fog_edge *e, const struct fog_edge_config *c)
{
	e->config = *c;
	e->configured = true;
	if (e->options.socks[0] == '\0' && !e->stopping)
		fog_socksd_listen(&e->socksd, c->socks);
}

static int keys_load(struct fog_edge *e, u8 mailbox[32])
{
	char path[sizeof(e->options.state_dir) + 16];
	char why[256] = "";
	u8 seed[32];

	snprintf(path, sizeof(path), "%s/edge.key", e->options.state_dir);
	int rc = fog_edge_key_load(seed, path, why);
	if (rc != 0) {
		fog_dplog(FOG_DPLOG_ERROR, FOG_EDGE_PART, "%s", why);
		return rc;
	}
	fog_edge_key_derive(e->reset_key, seed, "fog edge stateless reset");
	fog_edge_key_derive(mailbox, seed, "fog mailbox");
	rc = fog_tls_init(&e->tls, seed);
	fog_wipe(seed, sizeof(seed));
	if (rc != 0)
		fog_dplog(FOG_DPLOG_ERROR, FOG_EDGE_PART, "TLS: %s", strerror(-rc));
	return rc;
}

int fog_edge_init(struct fog_edge *e, const struct fog_edge_options *options)
{
	u8 random[FOG_RNG_SEED_SIZE], mailbox[32];
	u64 boot_id;

	memset(e, 0, sizeof(*e));
	e->options = *options;
	e->budget.size_max = FOG_EDGE_BUFFER_MAX;
	int rc = keys_load(e, mailbox);
	if (rc != 0)
		return rc;
	e->loop = ev_loop_new(EVFLAG_AUTO);
	if (e->loop == NULL)
		return -ENOMEM;
	fog_random_bytes(random, sizeof(random));
	fog_rng_init(&e->rng, random);
	fog_wipe(random, sizeof(random));
	fog_random_bytes(&boot_id, sizeof(boot_id));
	e->circuits.serial = fog_rng_below(&e->rng, 1u << 30);
	fog_terminus_init(e);
	rc = fog_exit_init(e);
	if (rc != 0)
		goto err;
	fog_socksd_init(&e->socksd, e);
	rc = fog_jobdoor_init(&e->jobs, e);
	if (rc != 0)
		goto err;
	if (e->options.socks[0] != '\0') {
		rc = fog_socksd_listen(&e->socksd, e->options.socks);
		if (rc != 0)
			goto err;
	}
	watchers_start(e);
	fog_mixedge_init(&e->mixnet, e, mailbox);
	fog_wipe(mailbox, sizeof(mailbox));
	fog_control_init(&e->control, e);
	snprintf(e->ring_path, sizeof(e->ring_path), "%s/dataplane.sock", e->options.run_dir);
	fog_edge_ring_start(&e->ring, e->loop, e->ring_path, boot_id, &ring_ops, e);
	return 0;
err:
	fog_edge_free(e);
	return rc;
}

void fog_edge_run(struct fog_edge *e)
{
	ev_run(e->loop, 0);
}

void fog_edge_free(struct fog_edge *e)
{
	if (e->loop == NULL)
		return;
	e->stopping = true;
	fog_socksd_free(&e->socksd);
	fog_jobdoor_free(&e->jobs);
	fog_tunnels_free(e);
	fog_terminus_free(e);
	fog_circuits_flush(e);
	fog_edge_ring_flush(&e->ring);
	fog_exit_free(e);
	fog_mixedge_free(&e->mixnet);
	fog_control_free(&e->control);
	fog_edge_ring_stop(&e->ring);
	ev_loop_destroy(e->loop);
	fog_tls_free(&e->tls);
	fog_wipe(&e->rng, sizeof(e->rng));
	fog_wipe(e->reset_key, sizeof(e->reset_key));
	e->loop = NULL;
}
