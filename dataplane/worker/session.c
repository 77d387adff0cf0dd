/* SPDX-License-Identifier: BSD-3-Clause */
/* Links, worker's side: life and death of sessions, keepalive, retries. The handshakes themselves
 * are the slow path's. */
#include "crypto/mem.h"
#include "dataplane/worker/worker.h"

static u64 policy_ns(u32 ms, u32 ms_default)
{
	return (ms != 0 ? ms : ms_default) * FOG_NS_PER_MS;
}

/* v plus up to a quarter. */
static u64 jitter(struct fog_worker *w, u64 v)
{
	return v + fog_rng_below(&w->rng, v / 4 + 1);
}

struct fog_slow_msg *fog_slow_request(struct fog_worker *w, u32 reserve)
{
	if (fog_ring_room(&w->slow_request, reserve + 1) <= reserve)
		return NULL;
	struct fog_slow_msg *m = fog_ring_slot(&w->slow_request, 0);
	memset(m, 0, offsetof(struct fog_slow_msg, dgram));
	m->worker = (u8)w->index;
	return m;
}

void fog_slow_request_publish(struct fog_worker *w)
{
	fog_ring_publish(&w->slow_request, 1);
	w->slow_pushed = true;
}

static int check_link(const struct fog_worker *w, const struct fog_command *c)
{
	if (c->link_id == 0 || c->link_id % w->dp->workers != w->index)
		return -EINVAL;
	if (c->link_id > FOG_LINKS_MAX)
		return -ENOSPC;
	if (fog_is_zero(c->node_id, 32) || fog_is_zero(c->link_pk, 32) ||
	    fog_is_zero(c->address, 16) || c->port == 0)
		return -EINVAL;
	if (memcmp(c->link_pk, w->dp->link_pk, 32) == 0 ||
	    memcmp(c->node_id, w->policy.node_id, 32) == 0)
		return -EINVAL; /* a link to ourselves */
	if (c->generation != w->control.generation)
		return -ESTALE;
	u32 other = fog_neighbour_find(w, c->node_id);
	return other == 0 || other == c->link_id ? 0 : -EEXIST;
}

static void tell_device(struct fog_worker *w, const struct fog_address *peer, bool on)
{
	if (w->ops->neighbour != NULL && peer->port != 0)
		w->ops->neighbour(w->io, peer, on);
}

static void link_add(struct fog_worker *w, struct fog_link *l, const struct fog_command *c)
{
	struct fog_slow_msg *m = fog_slow_request(w, 0);
	FOG_ASSERT(m != NULL); /* fog_commands() saw room */
	m->type = FOG_SLOW_LINK_SET;
	m->link = c->link_id;
	memcpy(m->key, c->link_pk, 32);
	fog_slow_request_publish(w);

	u32 halves = l->halves;
	bool losing = l->losing;
	memset(l, 0, sizeof(*l));
	l->halves = halves;
	l->losing = losing;
	l->id = c->link_id;
	l->smaller = memcmp(w->dp->link_pk, c->link_pk, 32) < 0;
	memcpy(l->node_id, c->node_id, 32);
	memcpy(l->pk, c->link_pk, 32);
	l->backoff_ns = FOG_HANDSHAKE_RETRY_MIN_NS;
	l->handshake_ns = w->now + (l->smaller ? 0 : jitter(w, FOG_HANDSHAKE_PATIENCE_NS));
	l->active = w->active_count;
	w->active[w->active_count++] = (u16)l->id;
	fog_neighbour_set(w, l->id, l->node_id);
}

int fog_link_set(struct fog_worker *w, const struct fog_command *c)
{
	int rc = check_link(w, c);
	if (rc < 0)
		return rc;

	struct fog_link *l = &w->links[c->link_id];
	if (l->id != 0 && memcmp(l->node_id, c->node_id, 32) != 0)
		return -EEXIST;
	if (l->id != 0 && memcmp(l->pk, c->link_pk, 32) != 0)
		fog_link_delete(w, l); /* it changed its key */
	if (l->id == 0)
		link_add(w, l, c);
	struct fog_address address = {.port = c->port};
	memcpy(address.ip, c->address, sizeof(address.ip));
	if (!fog_address_equal(&address, &l->configured)) {
		tell_device(w, &l->configured, false);
		tell_device(w, &address, true);
		l->configured = address;
		l->address = address;
	}
	l->generation = c->generation;
	if (l->up)
		fog_event(w, FOG_EVENT_LINK_UP, 0, l->id, 0, 0, l->node_id);
	return 0;
}

void fog_link_lose_circuits(struct fog_worker *w, struct fog_link *l)
{
	if (l->losing || l->halves == FOG_HALF_NONE)
		return;
	l->losing = true;
	w->losing++;
}

static void link_down(struct fog_worker *w, struct fog_link *l, u16 reason)
{
	for (unsigned i = 0; i < FOG_SESSION_COUNT; i++)
		fog_session_drop(l, i, &w->sessions);
	fog_link_lose_circuits(w, l);
	if (l->up)
		fog_event(w, FOG_EVENT_LINK_DOWN, reason, l->id, 0, 0, l->node_id);
	l->up = false;
	l->address = l->configured;
	l->backoff_ns = FOG_HANDSHAKE_RETRY_MIN_NS;
	l->handshake_ns = w->now + (l->smaller ? jitter(w, FOG_NS_PER_MS)
					       : jitter(w, FOG_HANDSHAKE_PATIENCE_NS));
}

void fog_link_delete(struct fog_worker *w, struct fog_link *l)
{
	FOG_ASSERT(l->id != 0);

	link_down(w, l, FOG_REASON_REQUESTED);
	tell_device(w, &l->configured, false);
	struct fog_slow_msg *m = fog_slow_request(w, 0);
	FOG_ASSERT(m != NULL); /* the callers saw room */
	m->type = FOG_SLOW_LINK_DELETE;
	m->link = l->id;
	fog_slow_request_publish(w);
	fog_neighbour_set(w, l->id, NULL);
	u16 last = w->active[--w->active_count];
	w->active[l->active] = last;
	w->links[last].active = l->active;
	l->id = 0;
}

static void send_ping(struct fog_worker *w, struct fog_link *l)
{
	u8 body[9] = {FOG_KEEPALIVE_PING};

	l->ping_echo = fog_rng_u64(&w->rng);
	l->ping_sent_ns = w->now;
	fog_probe_ping(l);
	l->ping_ns =
		w->now + jitter(w, policy_ns(w->policy.keepalive_ms, FOG_KEEPALIVE_MS_DEFAULT));
	fog_store_u64(body + 1, l->ping_echo);
	fog_cell_originate(w, l->id, 0, FOG_CELL_KEEPALIVE, body, sizeof(body));
}

void fog_link_keepalive(struct fog_worker *w, struct fog_link *l, const u8 *body)
{
	if (body[0] == FOG_KEEPALIVE_PING) {
		u8 pong[9] = {FOG_KEEPALIVE_PONG};
		memcpy(pong + 1, body + 1, 8);
		fog_cell_originate(w, l->id, 0, FOG_CELL_KEEPALIVE, pong, sizeof(pong));
	} else if (body[0] == FOG_KEEPALIVE_PONG) {
		if (l->ping_echo != 0 && fog_load_u64(body + 1) == l->ping_echo) {
			l->rtt_ns = w->now - l->ping_sent_ns;
			fog_probe_pong(w, l, l->rtt_ns);
		}
		l->ping_echo = 0;
	} else {
		fog_probe_take(w, l, body);
	}
}

/* A new CURRENT session proved itself. */
static void established(struct fog_worker *w, struct fog_link *l)
{
	const struct fog_session *s = &l->session[FOG_SESSION_CURRENT];

	l->rx_ns = w->now;
	l->address = s->from;
	l->backoff_ns = FOG_HANDSHAKE_RETRY_MIN_NS;
	l->handshake_ns = 0;
	if (l->peer_boot_id != 0 && l->peer_boot_id != s->peer_boot_id) {
		/* It restarted: whatever circuits it had are gone. */
		fog_session_drop(l, FOG_SESSION_PREVIOUS, &w->sessions);
		fog_link_lose_circuits(w, l);
		if (l->up)
			fog_event(w, FOG_EVENT_LINK_DOWN, FOG_REASON_LINK_LOST, l->id, 0, 0,
				  l->node_id);
		l->up = false;
	}
	l->peer_boot_id = s->peer_boot_id;
	if (!l->up) {
		l->up = true;
		fog_probe_reset(w, l);
		w->counts.links_up++;
		fog_event(w, FOG_EVENT_LINK_UP, 0, l->id, 0, 0, l->node_id);
	}
	send_ping(w, l);
}

void fog_link_confirm(struct fog_worker *w, struct fog_link *l)
{
	fog_session_promote(l, FOG_SESSION_NEXT, &w->sessions);
	established(w, l);
}

static void take_session(struct fog_worker *w, struct fog_slow_msg *m)
{
	struct fog_link *l = &w->links[m->link];
	u64 rekey = policy_ns(w->policy.rekey_ms, FOG_REKEY_MS_DEFAULT);
	struct fog_session s = {
		.local = m->session.local,
		.remote = m->session.remote,
		.live = true,
		.initiator = m->session.initiator,
		.peer_boot_id = m->session.peer_boot_id,
		.from = m->address,
		.expire_ns = w->now + rekey * FOG_SESSION_LIFE_NUM / FOG_SESSION_LIFE_DEN,
	};

	if (l->id == 0 || memcmp(l->pk, m->key, 32) != 0)
		goto out; /* deleted or changed meanwhile */
	/* The initiator renews; the other side only when that did not happen. */
	s.rekey_ns = w->now + rekey - fog_rng_below(&w->rng, rekey / 8 + 1);
	if (!s.initiator)
		s.rekey_ns += rekey / 4;
	fog_session_set_keys(&s, m->session.send, m->session.recv);
	/* The peer draws its index; ours collides once in 2^32 / sessions: the next try will do. */
	if (fog_session_install(l, FOG_SESSION_NEXT, &w->sessions, &s) < 0)
		goto out;
	if (s.initiator)
		fog_link_confirm(w, l);
out:
	fog_wipe(&s, sizeof(s));
	fog_wipe(&m->session, sizeof(m->session));
}

static void start(struct fog_worker *w, struct fog_link *l)
{
	struct fog_slow_msg *m = fog_slow_request(w, 0);

	if (m == NULL)
		return; /* the next tick will */
	m->type = FOG_SLOW_START;
	m->link = l->id;
	m->address = l->address;
	fog_slow_request_publish(w);
	l->started_ns = w->now;
	l->handshake_ns = w->now + jitter(w, l->backoff_ns);
	l->backoff_ns = FOG_MIN(2 * l->backoff_ns, FOG_HANDSHAKE_RETRY_MAX_NS);
}

void fog_link_tick(struct fog_worker *w, struct fog_link *l)
{
	const u64 dead = policy_ns(w->policy.link_dead_ms, FOG_LINK_DEAD_MS_DEFAULT);

	for (unsigned i = 0; i < FOG_SESSION_COUNT; i++)
		if (l->session[i].live && w->now >= l->session[i].expire_ns)
			fog_session_drop(l, i, &w->sessions);
	const struct fog_session *s = &l->session[FOG_SESSION_CURRENT];
	if (l->up && (!s->live || w->now - l->rx_ns > dead)) {
		link_down(w, l, FOG_REASON_LINK_LOST);
		return;
	}
	if (l->up && w->now >= l->ping_ns)
		send_ping(w, l);
	fog_probe_tick(w, l);
	bool renew = !l->up || w->now >= s->rekey_ns || s->counter >= FOG_SESSION_REKEY_CELLS ||
		     s->received >= FOG_SESSION_REKEY_CELLS;
	if (renew && w->now >= l->handshake_ns)
		start(w, l);
}

/* A neighbour sends under a session we do not have: we restarted. Do not wait for it to notice. The
 * address proves nothing, so this only brings forward a handshake that is due anyway. */
void fog_link_hunt(struct fog_worker *w, const struct fog_address *from)
{
	if (w->address_hunts == 0)
		return;
	w->address_hunts--;
	for (u32 i = 0; i < w->active_count; i++) {
		struct fog_link *l = &w->links[w->active[i]];
		if (l->up || !fog_address_equal(&l->address, from))
			continue;
		if (l->started_ns == 0 || w->now - l->started_ns > FOG_HANDSHAKE_RETRY_MIN_NS)
			l->handshake_ns = w->now;
		return;
	}
}

unsigned fog_slow_results(struct fog_worker *w)
{
	unsigned n = 0;

	for (; n < FOG_SLOW_RESULTS && fog_ring_ready(&w->slow_result) > 0; n++) {
		/* Ours until released; secrets in it are wiped here. */
		struct fog_slow_msg *m = (void *)(uintptr_t)fog_ring_peek(&w->slow_result, 0);
		switch (m->type) {
		case FOG_SLOW_SESSION:
			take_session(w, m);
			break;
		case FOG_SLOW_SEND:
			fog_send_dgram(w, m->dgram, &m->address);
			break;
		case FOG_SLOW_RETRY:
			w->links[m->link].handshake_ns = w->now;
			break;
		case FOG_SLOW_CREATED:
			fog_relay_answered(w, m);
			break;
		default:
			FOG_UNREACHABLE();
		}
		fog_ring_release(&w->slow_result, 1);
	}
	return n;
}

void fog_neighbour_set(struct fog_worker *w, u32 link, const u8 *node_id)
{
	struct fog_neighbour *n = &w->neighbours[link];

	n->present = node_id != NULL;
	if (node_id != NULL)
		memcpy(n->node_id, node_id, FOG_NODE_ID_SIZE);
	w->mix_dirty[link] = 1;
	w->mix_any_dirty = true;
	for (u32 i = 0; i < w->dp->workers; i++) {
		w->neighbour_dirty[i][link] = i != w->index;
		w->neighbour_any_dirty |= i != w->index;
	}
}

static bool tell(struct fog_worker *w, u32 to, u32 link)
{
	struct fog_slot *s = fog_slot_take(w);
	if (s == NULL)
		return false;
	s->kind = FOG_SLOT_NEIGHBOUR;
	s->link = link;
	s->flag = w->neighbours[link].present;
	memcpy(s->data, w->neighbours[link].node_id, FOG_NODE_ID_SIZE);
	return fog_slot_send(w, to, s) == 0;
}

void fog_neighbours_tell(struct fog_worker *w)
{
	if (!w->neighbour_any_dirty)
		return;
	w->neighbour_any_dirty = false;
	for (u32 i = 0; i < w->dp->workers; i++)
		for (u32 link = 1; link <= FOG_LINKS_MAX; link++) {
			if (!w->neighbour_dirty[i][link])
				continue;
			if (tell(w, i, link))
				w->neighbour_dirty[i][link] = 0;
			else
				w->neighbour_any_dirty = true;
		}
}

void fog_neighbour_learn(struct fog_worker *w, const struct fog_slot *s)
{
	struct fog_neighbour *n = &w->neighbours[s->link];

	n->present = s->flag;
	memcpy(n->node_id, s->data, FOG_NODE_ID_SIZE);
}

u32 fog_neighbour_find(const struct fog_worker *w, const u8 *node_id)
{
	for (u32 link = 1; link <= FOG_LINKS_MAX; link++)
		if (w->neighbours[link].present &&
		    memcmp(w->neighbours[link].node_id, node_id, FOG_NODE_ID_SIZE) == 0)
			return link;
	return 0;
}
