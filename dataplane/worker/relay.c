/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of circuits at a host: creation, extension, destruction. docs/design/circuit-layer.md. */
#include "crypto/hash/blake2s.h"
#include "crypto/mem.h"
#include "dataplane/worker/worker.h"

void fog_cell_originate(struct fog_worker *w, u32 link, u32 id, u8 command, const void *body,
			size_t length)
{
	const struct fog_cell_head head = {.id = id, .command = command};

	FOG_ASSERT(length <= FOG_BODY_SIZE);
	struct fog_slot *s = fog_slot_take(w);
	if (s == NULL)
		return; /* counted; whoever waits for it asks again or times out */
	memcpy(fog_slot_cell(s), &head, sizeof(head));
	memcpy(fog_slot_body(s), body, length);
	memset(fog_slot_body(s) + length, 0, FOG_BODY_SIZE - length);
	s->link = link;
	s->id = id;
	if (link == FOG_LINK_EDGE) {
		fog_edge_give_cell(w, s);
		fog_slot_give(w, s);
		return;
	}
	fog_stage_mix_insert(w, s);
}

static u64 hash_of(const void *data, size_t length)
{
	u8 h[8];

	fog_hash_blake2s(h, sizeof(h), NULL, 0, data, length);
	return fog_load_u64(h);
}

static bool create_valid(const struct fog_create *c)
{
	return c->handshake == FOG_HANDSHAKE_NTOR3 && c->length != 0 &&
	       c->length <= FOG_ONIONSKIN_MAX;
}

static void refuse(struct fog_worker *w, u32 link, u32 id, enum fog_drop d, u8 reason)
{
	fog_drop(w, d);
	fog_cell_originate(w, link, id, FOG_CELL_DESTROY, &reason, 1);
}

/* May this host take part in a new circuit now? */
static enum fog_reason policy_refuses(const struct fog_worker *w)
{
	if (!w->policy_known || w->now > w->policy.lease_ns ||
	    (w->policy.features & FOG_FEATURE_DRAIN) != 0)
		return FOG_REASON_DRAINING;
	return FOG_REASON_NONE;
}

/* Room for `count` halves more. */
static bool room_for(const struct fog_worker *w, u32 count)
{
	u32 max = w->halves.count_max;

	if (w->policy.circuits_max != 0)
		max = FOG_MIN(max, w->policy.circuits_max);
	return w->halves.live + count <= max;
}

static struct fog_half *half_add(struct fog_worker *w, u32 link, u32 id, u8 state, u8 direction)
{
	struct fog_half *h = fog_half_add(&w->halves, link, id, &w->links[link].halves);

	if (h == NULL)
		return NULL;
	h->state = state;
	h->direction = direction;
	h->last_ns = w->now;
	w->counts.circuits_opened++;
	return h;
}

static void half_remove(struct fog_worker *w, struct fog_half *h)
{
	fog_pending_free(w, h);
	fog_half_remove(&w->halves, h);
	w->counts.circuits_closed++;
}

/* ---- answering a CREATE ------------------------------------------------------------------- */

/* The same CREATE again: a link lost it, or our answer. */
static void create_again(struct fog_worker *w, struct fog_half *h, const struct fog_create *c)
{
	struct fog_pending *r = fog_pending_of(w, h);

	if (r == NULL || r->hash != hash_of(c, sizeof(*c))) {
		fog_drop(w, FOG_DROP_CREATE_REFUSED);
		return;
	}
	if (h->state == FOG_HALF_OPEN)
		fog_cell_originate(w, h->link, h->id, FOG_CELL_CREATED, r->body,
				   sizeof(struct fog_created));
}

static void create_start(struct fog_worker *w, u32 link, u32 id, const struct fog_create *c)
{
	struct fog_half *h = half_add(w, link, id, FOG_HALF_CREATING, FOG_CELL_FORWARD);
	FOG_ASSERT(h != NULL);

	struct fog_pending *r = fog_pending_take(w, h, FOG_CREATE_TIMEOUT_NS);
	if (r == NULL) {
		half_remove(w, h);
		refuse(w, link, id, FOG_DROP_CREATE_REFUSED, FOG_REASON_RESOURCE);
		return;
	}
	struct fog_slow_msg *m = fog_slow_request(w, FOG_SLOW_RESERVE_CREATE);
	if (m == NULL) {
		half_remove(w, h);
		fog_drop(w, FOG_DROP_HANDSHAKE_FULL); /* it will be sent again */
		return;
	}
	r->hash = hash_of(c, sizeof(*c));
	m->type = FOG_SLOW_CREATE;
	m->link = link;
	m->circuit = id;
	m->serial = h->serial;
	m->length = c->length;
	memcpy(m->key, w->policy.node_id, 32);
	memcpy(m->skin, c->skin, c->length);
	fog_slow_request_publish(w);
}

void fog_relay_create(struct fog_worker *w, struct fog_link *l, u32 id, const u8 *body)
{
	struct fog_create c;

	memcpy(&c, body, sizeof(c));
	if ((id & FOG_CIRCUIT_ID_HIGH) == fog_link_side_bit(l)) {
		fog_drop(w, FOG_DROP_COMMAND); /* an id that is ours to choose */
		return;
	}
	struct fog_half *h = fog_half_find(&w->halves, l->id, id);
	if (h != NULL) {
		create_again(w, h, &c);
		return;
	}
	if (!create_valid(&c)) {
		refuse(w, l->id, id, FOG_DROP_CREATE_AUTH, FOG_REASON_HANDSHAKE);
		return;
	}
	u8 reason = policy_refuses(w);
	if (reason != FOG_REASON_NONE)
		refuse(w, l->id, id, FOG_DROP_CREATE_REFUSED, reason);
	else if (!room_for(w, 2))
		refuse(w, l->id, id, FOG_DROP_CIRCUIT_FULL, FOG_REASON_RESOURCE);
	else if (l->losing || !fog_link_take_create(l, w->now, w->policy.creates_per_second,
						    w->policy.creates_burst))
		refuse(w, l->id, id, FOG_DROP_CREATE_REFUSED, FOG_REASON_RESOURCE);
	else
		create_start(w, l->id, id, &c);
}

/* Our name for a circuit that ends here; tells other workers whose it is. */
static u32 draw_handle(struct fog_worker *w)
{
	for (;;) {
		u32 handle = (u32)fog_rng_u64(&w->rng) & ~(u32)(FOG_WORKERS_MAX - 1);
		handle |= w->index;
		if (handle != 0 && fog_half_find(&w->halves, FOG_LINK_TERMINUS, handle) == NULL)
			return handle;
	}
}

static void open_terminus(struct fog_worker *w, struct fog_half *h, struct fog_slow_created *c)
{
	u32 handle = draw_handle(w);
	struct fog_half *end =
		half_add(w, FOG_LINK_TERMINUS, handle, FOG_HALF_OPEN, FOG_CELL_BACKWARD);
	struct fog_pending *r = fog_pending_of(w, h);

	if (end == NULL) {
		fog_drop(w, FOG_DROP_CIRCUIT_FULL);
		fog_half_close(w, h, FOG_REASON_RESOURCE, true);
		return;
	}
	/* Backward first: once forward is open, an answer may be on its way. */
	end->twin_link = h->link;
	end->twin_id = h->id;
	end->sequence = c->backward_first;
	fog_half_set_key(end, c->keys + FOG_CELL_SEED_SIZE, 0);
	h->twin_link = FOG_LINK_TERMINUS;
	h->twin_id = handle;
	fog_half_set_key(h, c->keys, 0);
	h->state = FOG_HALF_OPEN;
	FOG_ASSERT(r != NULL);
	r->command = FOG_CELL_CREATED;
	r->deadline_ns = w->now + FOG_CREATED_KEEP_NS;
	memcpy(r->body, &c->body, sizeof(c->body));
	fog_cell_originate(w, h->link, h->id, FOG_CELL_CREATED, &c->body, sizeof(c->body));
	fog_event(w, FOG_EVENT_CIRCUIT_OPENED, 0, h->link, h->id, 0, NULL);
}

void fog_relay_answered(struct fog_worker *w, struct fog_slow_msg *m)
{
	struct fog_half *h = fog_half_find(&w->halves, m->link, m->circuit);

	if (h != NULL && h->state == FOG_HALF_CREATING && h->serial == m->serial) {
		if (m->created.status == 0) {
			open_terminus(w, h, &m->created);
		} else {
			fog_drop(w, FOG_DROP_CREATE_AUTH);
			fog_half_close(w, h, FOG_REASON_HANDSHAKE, true);
		}
	}
	fog_wipe(&m->created, sizeof(m->created));
}

/* ---- opening a next hop ------------------------------------------------------------------- */

/* Layout of the data of a FOG_SLOT_OPEN: seed of the backward key 64 | struct fog_create. flag = 1
 * when there is a key, value = its generation. */
#define OPEN_CREATE FOG_CELL_SEED_SIZE

static void open_failed(struct fog_worker *w, u32 link, u32 id, u8 reason);

static bool ask_open(struct fog_worker *w, struct fog_half *h, u32 link, const struct fog_create *c,
		     const struct fog_half *backward)
{
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return false;
	s->kind = FOG_SLOT_OPEN;
	s->link = link;
	s->from_link = h->link;
	s->from_id = h->id;
	s->flag = backward != NULL;
	if (backward != NULL) {
		s->value = backward->generation;
		memcpy(s->data, backward->key.uiv.seed, FOG_CELL_SEED_SIZE);
	}
	memcpy(s->data + OPEN_CREATE, c, sizeof(*c));
	return fog_slot_send(w, fog_worker_of(w->dp, link, 0), s) == 0;
}

/* The client lost our EXTENDED, or is only impatient. */
static void extend_again(struct fog_worker *w, struct fog_half *h, const struct fog_extend *e)
{
	struct fog_pending *r = fog_pending_of(w, h);

	if (r == NULL || r->hash != hash_of(e, sizeof(*e))) {
		fog_drop(w, FOG_DROP_MESSAGE);
		return;
	}
	if (h->extending || r->tries == FOG_EXTEND_MAX)
		return;
	r->tries++;
	(void)fog_message_originate(w, h->end_handle, FOG_MSG_EXTENDED, r->body,
				    sizeof(struct fog_created));
}

static void extend_start(struct fog_worker *w, struct fog_half *h, u32 link,
			 const struct fog_extend *e)
{
	struct fog_half *end = fog_half_find(&w->halves, FOG_LINK_TERMINUS, h->twin_id);
	struct fog_pending *r;

	FOG_ASSERT(end != NULL);
	if (end->edge_told) {
		/* It served as a terminus already; the edge would lose its peer without a word. */
		fog_drop(w, FOG_DROP_MESSAGE);
		return;
	}
	/* Longer than the worker of the next link tries. */
	r = fog_pending_take(w, h, FOG_CREATE_TIMEOUT_NS + FOG_NS_PER_S);
	if (r == NULL || !ask_open(w, h, link, &e->create, end)) {
		fog_half_close(w, h, FOG_REASON_RESOURCE, true);
		return;
	}
	r->hash = hash_of(e, sizeof(*e));
	h->extending = true;
}

void fog_relay_extend(struct fog_worker *w, struct fog_half *h, const u8 *payload, u32 length)
{
	struct fog_extend e;

	if (length != sizeof(e)) {
		fog_drop(w, FOG_DROP_MESSAGE);
		return;
	}
	memcpy(&e, payload, sizeof(e));
	if (h->extending || h->end_handle != 0) {
		extend_again(w, h, &e);
		return;
	}
	if (h->twin_link != FOG_LINK_TERMINUS || !create_valid(&e.create)) {
		fog_drop(w, FOG_DROP_MESSAGE);
		return;
	}
	u32 link = fog_neighbour_find(w, e.next_hop);
	if (link == 0) {
		fog_event(w, FOG_EVENT_LINK_WANTED, 0, 0, 0, 0, e.next_hop);
		fog_half_close(w, h, FOG_REASON_NO_LINK, true);
	} else if (link == h->link) {
		fog_half_close(w, h, FOG_REASON_PROTOCOL, true);
	} else {
		extend_start(w, h, link, &e);
	}
}

/* The client has our EXTENDED: this hop will never originate again. */
void fog_relay_extend_done(struct fog_worker *w, struct fog_half *h)
{
	struct fog_half *end = fog_half_find(&w->halves, FOG_LINK_TERMINUS, h->end_handle);

	h->end_handle = 0;
	fog_pending_free(w, h);
	if (end != NULL)
		half_remove(w, end);
}

void fog_relay_via(struct fog_worker *w, u32 handle, const u8 *body)
{
	struct fog_create_via v;
	u64 epoch = atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed);

	memcpy(&v, body, sizeof(v));
	struct fog_half *h = fog_half_find(&w->halves, FOG_LINK_EDGE, handle);
	if (h != NULL && h->edge_epoch == epoch) {
		fog_drop(w, FOG_DROP_EDGE_FORMAT); /* handle in use */
		return;
	}
	if (h != NULL)
		fog_half_close(w, h, FOG_REASON_NO_EDGE, false); /* of an edge that is gone */
	if (!create_valid(&v.create)) {
		refuse(w, FOG_LINK_EDGE, handle, FOG_DROP_EDGE_FORMAT, FOG_REASON_PROTOCOL);
		return;
	}
	u8 reason = policy_refuses(w);
	if (reason != FOG_REASON_NONE) {
		refuse(w, FOG_LINK_EDGE, handle, FOG_DROP_CREATE_REFUSED, reason);
		return;
	}
	u32 link = fog_neighbour_find(w, v.first_hop);
	if (link == 0) {
		fog_event(w, FOG_EVENT_LINK_WANTED, 0, 0, 0, 0, v.first_hop);
		refuse(w, FOG_LINK_EDGE, handle, FOG_DROP_CREATE_REFUSED, FOG_REASON_NO_LINK);
		return;
	}
	h = room_for(w, 2) ? half_add(w, FOG_LINK_EDGE, handle, FOG_HALF_PENDING, FOG_CELL_FORWARD)
			   : NULL;
	if (h == NULL) {
		refuse(w, FOG_LINK_EDGE, handle, FOG_DROP_CIRCUIT_FULL, FOG_REASON_RESOURCE);
		return;
	}
	h->plain = true;
	h->edge_epoch = epoch;
	if (!ask_open(w, h, link, &v.create, NULL))
		fog_half_close(w, h, FOG_REASON_RESOURCE, true);
}

static u32 draw_id(struct fog_worker *w, const struct fog_link *l)
{
	for (;;) {
		u32 id = (u32)fog_rng_u64(&w->rng) & ~FOG_CIRCUIT_ID_HIGH;
		id |= fog_link_side_bit(l);
		if ((id & ~FOG_CIRCUIT_ID_HIGH) != 0 &&
		    fog_half_find(&w->halves, l->id, id) == NULL)
			return id;
	}
}

void fog_relay_open_next(struct fog_worker *w, struct fog_slot *s)
{
	struct fog_link *l = &w->links[s->link];
	u8 reason = FOG_REASON_NONE;
	struct fog_half *h = NULL;

	if (l->id == 0 || !l->up || l->losing) {
		reason = FOG_REASON_NO_LINK;
	} else if (!room_for(w, 1)) {
		reason = FOG_REASON_RESOURCE;
	} else {
		h = half_add(w, l->id, draw_id(w, l), FOG_HALF_PENDING, FOG_CELL_BACKWARD);
		FOG_ASSERT(h != NULL);
		struct fog_pending *r = fog_pending_take(w, h, FOG_CREATE_TIMEOUT_NS);
		if (r == NULL) {
			half_remove(w, h);
			reason = FOG_REASON_RESOURCE;
		} else {
			r->command = FOG_CELL_CREATE;
			r->retry_ns = w->now + FOG_CREATE_RETRY_NS;
			memcpy(r->body, s->data + OPEN_CREATE, sizeof(r->body));
		}
	}
	if (reason != FOG_REASON_NONE) {
		open_failed(w, s->from_link, s->from_id, reason);
	} else {
		h->twin_link = s->from_link;
		h->twin_id = s->from_id;
		h->plain = s->flag == 0;
		if (!h->plain)
			fog_half_set_key(h, s->data, s->value);
		fog_cell_originate(w, h->link, h->id, FOG_CELL_CREATE, s->data + OPEN_CREATE,
				   sizeof(struct fog_create));
	}
	fog_wipe(s->data, FOG_CELL_SEED_SIZE);
}

void fog_relay_created(struct fog_worker *w, struct fog_link *l, u32 id, const u8 *body)
{
	struct fog_half *h = fog_half_find(&w->halves, l->id, id);
	struct fog_created c;

	memcpy(&c, body, sizeof(c));
	if (h == NULL) {
		fog_drop(w, FOG_DROP_CIRCUIT);
		return;
	}
	if (h->state != FOG_HALF_PENDING) {
		fog_drop(w, FOG_DROP_COMMAND); /* the answer to a CREATE sent twice */
		return;
	}
	if (c.length == 0 || c.length > FOG_ONIONSKIN_MAX) {
		fog_drop(w, FOG_DROP_CREATE_AUTH);
		fog_half_close(w, h, FOG_REASON_PROTOCOL, true);
		return;
	}
	struct fog_slot *s = fog_slot_take(w);
	if (s == NULL)
		return; /* our CREATE goes out again, and so will the answer */
	s->kind = FOG_SLOT_OPENED;
	s->link = h->twin_link;
	s->id = h->twin_id;
	s->from_link = h->link;
	s->from_id = h->id;
	memcpy(s->data, &c, sizeof(c));
	if (fog_slot_send(w, fog_worker_of(w->dp, h->twin_link, h->twin_id), s) < 0)
		return;
	h->state = FOG_HALF_OPEN;
	h->last_ns = w->now;
	fog_pending_free(w, h);
}

/* Tell the worker of a half that its new twin is not wanted any more. */
static void close_orphan(struct fog_worker *w, const struct fog_slot *from)
{
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return; /* it finds out when it goes idle */
	s->kind = FOG_SLOT_CLOSE;
	s->link = from->from_link;
	s->id = from->from_id;
	s->from_link = from->link;
	s->from_id = from->id;
	s->reason = FOG_REASON_TIMEOUT;
	(void)fog_slot_send(w, fog_worker_of(w->dp, s->link, s->id), s);
}

void fog_relay_opened(struct fog_worker *w, struct fog_slot *s)
{
	struct fog_half *h = fog_half_find(&w->halves, s->link, s->id);

	if (h != NULL && h->plain && h->state == FOG_HALF_PENDING) {
		h->state = FOG_HALF_OPEN;
		h->twin_link = s->from_link;
		h->twin_id = s->from_id;
		h->last_ns = w->now;
		fog_cell_originate(w, h->link, h->id, FOG_CELL_CREATED, s->data,
				   sizeof(struct fog_created));
		fog_event(w, FOG_EVENT_CIRCUIT_OPENED, 0, h->link, h->id, 0, NULL);
		return;
	}
	if (h == NULL || h->state != FOG_HALF_OPEN || !h->extending) {
		close_orphan(w, s);
		return;
	}
	/* From now on it only passes on, except for EXTENDED again until the client has it. */
	struct fog_pending *r = fog_pending_of(w, h);
	FOG_ASSERT(r != NULL);
	h->extending = false;
	h->end_handle = h->twin_id;
	h->twin_link = s->from_link;
	h->twin_id = s->from_id;
	r->tries = 1;
	r->deadline_ns = w->now + FOG_CREATED_KEEP_NS;
	memcpy(r->body, s->data, sizeof(struct fog_created));
	(void)fog_message_originate(w, h->end_handle, FOG_MSG_EXTENDED, r->body,
				    sizeof(struct fog_created));
}

/* ---- closing ------------------------------------------------------------------------------ */

static bool closes(const struct fog_half *h, u32 from_link, u32 from_id, bool opening)
{
	if (h->state == FOG_HALF_CLOSING)
		return false;
	if (h->twin_link == from_link && h->twin_id == from_id)
		return true;
	/* The next hop it asked for did not come to be. */
	return opening && (h->extending || (h->plain && h->state == FOG_HALF_PENDING));
}

static void close_from_twin(struct fog_worker *w, u32 link, u32 id, u32 from_link, u32 from_id,
			    bool opening, u8 reason)
{
	struct fog_half *h = fog_half_find(&w->halves, link, id);

	if (h != NULL && closes(h, from_link, from_id, opening))
		fog_half_close(w, h, reason, true);
}

void fog_relay_close(struct fog_worker *w, const struct fog_slot *s)
{
	if (s->value != 0) {
		/* The edge closes a circuit that ends here, by its handle. */
		struct fog_half *h = fog_half_find(&w->halves, s->link, s->id);
		if (h != NULL && h->state == FOG_HALF_OPEN && h->edge_told)
			fog_half_close(w, h, s->reason, false);
		return;
	}
	close_from_twin(w, s->link, s->id, s->from_link, s->from_id, s->flag != 0, s->reason);
}

static void open_failed(struct fog_worker *w, u32 link, u32 id, u8 reason)
{
	u32 owner = fog_worker_of(w->dp, link, id);

	if (owner == w->index) {
		close_from_twin(w, link, id, 0, 0, true, reason);
		return;
	}
	struct fog_slot *s = fog_slot_take(w);
	if (s == NULL)
		return; /* the client's own timeout */
	s->kind = FOG_SLOT_CLOSE;
	s->link = link;
	s->id = id;
	s->flag = 1;
	s->reason = reason;
	(void)fog_slot_send(w, owner, s);
}

/* Tell this half's own side. */
static void close_outward(struct fog_worker *w, const struct fog_half *h, u8 reason)
{
	if (h->link == FOG_LINK_EDGE) {
		fog_edge_give_gone(w, h->id, FOG_EDGE_CELL, reason);
	} else if (h->link != FOG_LINK_TERMINUS) {
		fog_cell_originate(w, h->link, h->id, FOG_CELL_DESTROY, &reason, 1);
	} else if (h->edge_told) {
		struct fog_slot *s = fog_slot_take(w);
		if (s == NULL)
			return; /* the edge has its own idle timer */
		s->kind = FOG_SLOT_GONE;
		s->id = h->id;
		s->reason = reason;
		(void)fog_slot_send(w, FOG_EDGE_WORKER, s);
	}
}

static bool tell_twin(struct fog_worker *w, const struct fog_half *h, u32 owner)
{
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return false;
	s->kind = FOG_SLOT_CLOSE;
	s->link = h->twin_link;
	s->id = h->twin_id;
	s->from_link = h->link;
	s->from_id = h->id;
	s->flag = h->extending; /* here: this half was still being opened */
	s->reason = h->reason;
	return fog_slot_send(w, owner, s) == 0;
}

void fog_half_close(struct fog_worker *w, struct fog_half *h, u8 reason, bool outward)
{
	u32 link = h->link, id = h->id, twin_link = h->twin_link, twin_id = h->twin_id;
	bool opening = h->state == FOG_HALF_PENDING;

	FOG_ASSERT(h->state != FOG_HALF_FREE);
	FOG_ASSERT(h->state != FOG_HALF_CLOSING);
	if (outward)
		close_outward(w, h, reason);
	if (h->direction == FOG_CELL_FORWARD && h->state == FOG_HALF_OPEN)
		fog_event(w, FOG_EVENT_CIRCUIT_CLOSED, reason, link, id, h->cells, NULL);
	if (twin_id == 0) {
		half_remove(w, h);
		return;
	}
	if (h->end_handle != 0)
		fog_relay_extend_done(w, h);
	u32 owner = fog_worker_of(w->dp, twin_link, twin_id);
	if (owner == w->index) {
		half_remove(w, h);
		close_from_twin(w, twin_link, twin_id, link, id, opening, reason);
		return;
	}
	h->reason = reason;
	h->extending = opening;
	if (tell_twin(w, h, owner)) {
		half_remove(w, h);
		return;
	}
	fog_pending_free(w, h);
	h->state = FOG_HALF_CLOSING;
	fog_half_move(&w->halves, h, &w->closing);
}

void fog_closing_tick(struct fog_worker *w)
{
	while (w->closing != FOG_HALF_NONE) {
		struct fog_half *h = &w->halves.halves[w->closing];
		if (!tell_twin(w, h, fog_worker_of(w->dp, h->twin_link, h->twin_id)))
			return;
		half_remove(w, h);
	}
}

static enum fog_reason known_reason(u8 reason)
{
	return reason <= FOG_REASON_TIMEOUT ? reason : FOG_REASON_NONE;
}

void fog_relay_destroyed(struct fog_worker *w, u32 link, u32 id, u8 reason)
{
	struct fog_half *h = fog_half_find(&w->halves, link, id);

	if (h == NULL || h->state == FOG_HALF_CLOSING) {
		fog_drop(w, FOG_DROP_CIRCUIT);
		return;
	}
	fog_half_close(w, h, known_reason(reason), false);
}

void fog_losing_tick(struct fog_worker *w)
{
	u32 left = FOG_DOOMED_BURST;

	if (w->losing == 0)
		return;
	for (u32 i = 1; i <= FOG_LINKS_MAX && left > 0; i++) {
		struct fog_link *l = &w->links[i];
		if (!l->losing)
			continue;
		for (; left > 0 && l->halves != FOG_HALF_NONE; left--)
			fog_half_close(w, &w->halves.halves[l->halves], FOG_REASON_LINK_LOST,
				       false);
		if (l->halves == FOG_HALF_NONE) {
			l->losing = false;
			w->losing--;
		}
	}
}

/* ---- idle --------------------------------------------------------------------------------- */

static u64 idle_limit(const struct fog_worker *w)
{
	u32 ms = w->policy.circuit_idle_ms;

	return (ms != 0 ? ms : FOG_CIRCUIT_IDLE_MS_DEFAULT) * FOG_NS_PER_MS;
}

/* Traffic may go one way only, so one half alone decides nothing: it asks its twin. */
static void ask_twin(struct fog_worker *w, struct fog_half *h)
{
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return;
	s->kind = FOG_SLOT_IDLE;
	s->link = h->twin_link;
	s->id = h->twin_id;
	s->from_link = h->link;
	s->from_id = h->id;
	(void)fog_slot_send(w, fog_worker_of(w->dp, s->link, s->id), s);
}

void fog_relay_idle(struct fog_worker *w, const struct fog_slot *s)
{
	struct fog_half *h = fog_half_find(&w->halves, s->link, s->id);

	if (h == NULL || h->twin_link != s->from_link || h->twin_id != s->from_id) {
		close_orphan(w, s);
		return;
	}
	if (h->state == FOG_HALF_OPEN && w->now - h->last_ns > idle_limit(w))
		fog_half_close(w, h, FOG_REASON_IDLE, true);
}

void fog_idle_scan(struct fog_worker *w)
{
	struct fog_half_table *t = &w->halves;
	const u64 limit = idle_limit(w);

	for (u32 n = 0; n < FOG_SCAN_BURST && n < t->fresh; n++) {
		if (w->scan_next >= t->fresh)
			w->scan_next = 0;
		struct fog_half *h = &t->halves[w->scan_next++];
		if (h->state == FOG_HALF_OPEN && w->now - h->last_ns > limit)
			ask_twin(w, h);
	}
}
