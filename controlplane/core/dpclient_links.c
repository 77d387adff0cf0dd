/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of the data plane client: replay by generation, then changes. What is wanted lives in
 * the slots; the rings only carry it. */
#include "controlplane/core/dpclient_private.h"

/* Link 0, the local edge's circuits, is served by worker 0. */
static u32 worker_of(const struct fog_dpclient *c, u32 link_id)
{
	return link_id % c->at.workers;
}

static void changes_put(struct fog_dpclient_changes *q, u32 id)
{
	q->id[(q->first + q->count++) % FOG_LINKS_MAX] = (u16)id;
}

static u32 changes_take(struct fog_dpclient_changes *q)
{
	u32 id = q->id[q->first];

	q->first = (q->first + 1) % FOG_LINKS_MAX;
	q->count--;
	return id;
}

/* Fill and publish one command; the caller knows that there is room. */
static void command_push(struct fog_dpclient *c, u32 worker, struct fog_command *command)
{
	struct fog_dpclient_port *p = &c->port[worker];

	command->seq = ++p->seq;
	command->generation = c->generation;
	int rc = fog_ring_push(&p->commands, command);
	FOG_ASSERT(rc == 0);
	c->totals.commands++;
}

static void link_set_push(struct fog_dpclient *c, u32 worker, u32 id)
{
	struct fog_dpclient_slot *s = &c->slot[id];
	struct fog_command command = {
		.type = FOG_COMMAND_LINK_SET,
		.link_id = id,
		.port = s->link.port,
	};

	memcpy(command.node_id, s->link.node_id, 32);
	memcpy(command.link_pk, s->link.link_pk, 32);
	memcpy(command.address, s->link.address, 16);
	command_push(c, worker, &command);
	s->sent = true;
}

static void link_delete_push(struct fog_dpclient *c, u32 worker, u32 id)
{
	struct fog_dpclient_slot *s = &c->slot[id];
	struct fog_command command = {.type = FOG_COMMAND_LINK_DELETE, .link_id = id};

	memcpy(command.node_id, s->link.node_id, 32);
	command_push(c, worker, &command);
	*s = (struct fog_dpclient_slot){0};
}

/* One command of the replay, or none when the phase only moves on. */
static void replay_step(struct fog_dpclient *c, u32 worker)
{
	struct fog_dpclient_port *p = &c->port[worker];
	struct fog_command command = {0};

	switch (p->phase) {
	case FOG_DPCLIENT_BEGIN:
		command.type = FOG_COMMAND_GENERATION_BEGIN;
		command_push(c, worker, &command);
		p->phase = FOG_DPCLIENT_LINKS;
		p->next_id = worker != 0 ? worker : c->at.workers;
		break;
	case FOG_DPCLIENT_LINKS:
		while (p->next_id <= FOG_LINKS_MAX && !c->slot[p->next_id].used)
			p->next_id += c->at.workers;
		if (p->next_id > FOG_LINKS_MAX) {
			p->phase = FOG_DPCLIENT_END;
			break;
		}
		/* A change queued meanwhile goes out twice: LINK_SET is idempotent. */
		link_set_push(c, worker, p->next_id);
		p->next_id += c->at.workers;
		break;
	case FOG_DPCLIENT_END:
		command.type = FOG_COMMAND_GENERATION_END;
		command_push(c, worker, &command);
		p->phase = FOG_DPCLIENT_LIVE;
		break;
	case FOG_DPCLIENT_LIVE:
		FOG_UNREACHABLE();
	}
}

static void change_step(struct fog_dpclient *c, u32 worker)
{
	u32 id = changes_take(&c->port[worker].changes);
	struct fog_dpclient_slot *s = &c->slot[id];

	s->queued = false;
	if (s->deleting)
		link_delete_push(c, worker, id);
	else if (s->used)
		link_set_push(c, worker, id);
}

static bool port_pending(const struct fog_dpclient_port *p)
{
	return p->phase != FOG_DPCLIENT_LIVE || p->changes.count != 0;
}

/* Closes wait in one queue; a full ring of one worker holds the others up for some ms. */
static void closes_pump(struct fog_dpclient *c)
{
	while (c->close_count != 0) {
		const struct fog_dpclient_close_request *r = &c->close_request[c->close_first];
		u32 worker = worker_of(c, r->link_id);
		struct fog_command command = {
			.type = FOG_COMMAND_CIRCUIT_CLOSE,
			.link_id = r->link_id,
			.circuit_id = r->circuit_id,
		};

		if (fog_ring_free(&c->port[worker].commands) == 0)
			return;
		command_push(c, worker, &command);
		c->close_first = (c->close_first + 1) % FOG_DPCLIENT_CLOSES_MAX;
		c->close_count--;
	}
}

void fog_dpclient_commands_pump(struct fog_dpclient *c)
{
	u64 before[FOG_WORKERS_MAX];

	if (c->state != FOG_DPCLIENT_UP)
		return;
	for (u32 w = 0; w < c->at.workers; w++) {
		struct fog_dpclient_port *p = &c->port[w];

		before[w] = p->seq;
		while (port_pending(p) && fog_ring_free(&p->commands) != 0) {
			if (p->phase != FOG_DPCLIENT_LIVE)
				replay_step(c, w);
			else
				change_step(c, w);
		}
	}
	closes_pump(c);
	for (u32 w = 0; w < c->at.workers; w++)
		if (c->port[w].seq != before[w] && fog_ring_wants_wake(&c->port[w].commands))
			fog_attachment_wake(&c->at, w);
}

bool fog_dpclient_commands_waiting(const struct fog_dpclient *c)
{
	for (u32 w = 0; w < c->at.workers; w++)
		if (port_pending(&c->port[w]))
			return true;
	return c->close_count != 0;
}

bool fog_dpclient_commands_broken(const struct fog_dpclient *c)
{
	for (u32 w = 0; w < c->at.workers; w++)
		if (c->port[w].commands.broken || c->port[w].events.broken)
			return true;
	return false;
}

/* The sweep removes whatever this replay does not name, so deletions need no command. A generation
 * must be greater than any the data plane has seen, also from a control plane before us that died
 * in the middle of a replay: the clock both share is. */
void fog_dpclient_commands_attach(struct fog_dpclient *c, u64 now_ns)
{
	c->generation = FOG_MAX(c->generation + 1, now_ns);
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++) {
		struct fog_dpclient_slot *s = &c->slot[id];

		s->sent = s->queued = s->deleting = false;
	}
	for (u32 w = 0; w < c->at.workers; w++) {
		struct fog_dpclient_port *p = &c->port[w];
		/* The consumer's lines lie in memory that is mapped read-only, and only read. */
		struct fog_data_region *data = (struct fog_data_region *)c->data;

		p->phase = FOG_DPCLIENT_BEGIN;
		p->seq = p->event_seq = 0;
		p->changes.first = p->changes.count = 0;
		fog_ring_producer(&p->commands, &c->control->command_head[w],
				  &data->command_tail[w], c->control->commands[w],
				  FOG_COMMAND_RING_COUNT, sizeof(struct fog_command));
		fog_ring_consumer(&p->events, &data->event_head[w], &c->control->event_tail[w],
				  data->events[w], FOG_EVENT_RING_COUNT, sizeof(struct fog_event));
	}
}

void fog_dpclient_commands_detach(struct fog_dpclient *c)
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++) {
		struct fog_dpclient_slot *s = &c->slot[id];

		s->sent = s->queued = false;
		if (s->deleting)
			*s = (struct fog_dpclient_slot){0};
	}
	c->close_first = c->close_count = 0;
}

static u32 link_find(const struct fog_dpclient *c, const u8 node_id[32])
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++)
		if (c->slot[id].used && memcmp(c->slot[id].link.node_id, node_id, 32) == 0)
			return id;
	return 0;
}

/* A link whose LINK_DELETE has not gone out yet: setting it again just takes that back. */
static u32 deleted_find(const struct fog_dpclient *c, const u8 node_id[32])
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++)
		if (c->slot[id].deleting && memcmp(c->slot[id].link.node_id, node_id, 32) == 0)
			return id;
	return 0;
}

/* Node ids are public keys, so their first bytes spread evenly; whoever grinds one to collide only
 * makes the next free id be taken. */
static u32 link_id_choose(const struct fog_dpclient *c, const u8 node_id[32])
{
	u32 start = fog_load_u32(node_id) % FOG_LINKS_MAX;

	for (u32 i = 0; i < FOG_LINKS_MAX; i++) {
		u32 id = 1 + (start + i) % FOG_LINKS_MAX;

		if (!c->slot[id].used && !c->slot[id].deleting)
			return id;
	}
	return 0;
}

/* Has the replay passed this id already? Before that the replay itself tells the worker. */
static bool replayed(const struct fog_dpclient *c, u32 id)
{
	const struct fog_dpclient_port *p = &c->port[worker_of(c, id)];

	return p->phase == FOG_DPCLIENT_LIVE || p->phase == FOG_DPCLIENT_END ||
	       (p->phase == FOG_DPCLIENT_LINKS && id < p->next_id);
}

static void change_announce(struct fog_dpclient *c, u32 id)
{
	struct fog_dpclient_slot *s = &c->slot[id];

	if (c->state == FOG_DPCLIENT_UP && replayed(c, id) && !s->queued) {
		s->queued = true;
		changes_put(&c->port[worker_of(c, id)].changes, id);
	}
	fog_dpclient_commands_pump(c);
}

static bool link_equal(const struct fog_dpclient_link *a, const struct fog_dpclient_link *b)
{
	return memcmp(a->node_id, b->node_id, 32) == 0 && memcmp(a->link_pk, b->link_pk, 32) == 0 &&
	       memcmp(a->address, b->address, 16) == 0 && a->port == b->port;
}

int fog_dpclient_link_set(struct fog_dpclient *c, const struct fog_dpclient_link *link)
{
	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	if (link->port == 0)
		return -EINVAL;
	u32 id = link_find(c, link->node_id);
	if (id != 0 && link_equal(&c->slot[id].link, link))
		return (int)id;
	if (id == 0) {
		id = deleted_find(c, link->node_id);
		if (id == 0)
			id = link_id_choose(c, link->node_id);
		if (id == 0)
			return -ENOSPC;
		c->slot[id].used = true;
		c->slot[id].deleting = false;
		c->link_count++;
	}
	c->slot[id].link = *link;
	change_announce(c, id);
	return (int)id;
}

int fog_dpclient_link_delete(struct fog_dpclient *c, const u8 node_id[32])
{
	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	u32 id = link_find(c, node_id);
	if (id == 0)
		return -ENOENT;
	struct fog_dpclient_slot *s = &c->slot[id];
	s->used = false;
	c->link_count--;
	if (s->sent) {
		s->deleting = true;
		change_announce(c, id);
	} else if (!s->queued) {
		*s = (struct fog_dpclient_slot){0};
	}
	return 0;
}

const struct fog_dpclient_link *fog_dpclient_link_get(const struct fog_dpclient *c, u32 link_id)
{
	if (link_id == 0 || link_id > FOG_LINKS_MAX || !c->slot[link_id].used)
		return NULL;
	return &c->slot[link_id].link;
}

u32 fog_dpclient_link_count(const struct fog_dpclient *c)
{
	return c->link_count;
}

int fog_dpclient_circuit_close(struct fog_dpclient *c, u32 link_id, u32 circuit_id)
{
	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	if (link_id > FOG_LINKS_MAX || circuit_id == 0)
		return -EINVAL;
	if (c->state != FOG_DPCLIENT_UP)
		return -ENOTCONN;
	if (c->close_count == FOG_DPCLIENT_CLOSES_MAX)
		return -EAGAIN;
	u32 at = (c->close_first + c->close_count++) % FOG_DPCLIENT_CLOSES_MAX;
	c->close_request[at] = (struct fog_dpclient_close_request){link_id, circuit_id};
	fog_dpclient_commands_pump(c);
	return 0;
}
