/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the simulation: ordered and reliable until they break, which they do. */
#include "tests/sim/jobs_sim.h"

static void frame_push(struct sim *s, struct sim_conn *c, u32 to, const u8 *data, u32 len,
		       bool json)
{
	struct sim_frame *f = malloc(sizeof(*f) + len);

	if (f == NULL)
		sim_fail(s, "no memory");
	f->next = NULL;
	f->json = json;
	f->len = len;
	memcpy(f->data, data, len);
	f->due_ms = s->now_ms + 5 + sim_below(s, 120);
	if (c->tail[to] != NULL && c->tail[to]->due_ms > f->due_ms)
		f->due_ms = c->tail[to]->due_ms;
	if (c->tail[to] != NULL)
		c->tail[to]->next = f;
	else
		c->head[to] = f;
	c->tail[to] = f;
	s->frames++;
}

static void conn_clear(struct sim_conn *c)
{
	for (u32 e = 0; e < 2; e++)
		while (c->head[e] != NULL) {
			struct sim_frame *f = c->head[e];
			c->head[e] = f->next;
			free(f);
		}
	memset(c, 0, sizeof(*c));
}

static struct sim_conn *conn_find(struct sim *s, u32 host, u32 stream, u32 *end)
{
	for (u32 i = 0; i < SIM_CONNS_MAX; i++)
		for (u32 e = 0; e < 2 && s->conn[i].state != SIM_CONN_FREE; e++)
			if (s->conn[i].host[e] == host && s->conn[i].stream[e] == stream) {
				*end = e;
				return &s->conn[i];
			}
	return NULL;
}

static void conn_open(struct sim *s, struct sim_host *h, const struct fog_action *a)
{
	u32 target = 0, i = 0;

	while (target < s->host_count && memcmp(s->host[target].id, a->node, sizeof(a->node)) != 0)
		target++;
	if (target == s->host_count)
		sim_fail(s, "a stream to nobody");
	while (i < SIM_CONNS_MAX && s->conn[i].state != SIM_CONN_FREE)
		i++;
	if (i == SIM_CONNS_MAX)
		sim_fail(s, "too many streams");
	struct sim_conn *c = &s->conn[i];
	c->state = SIM_CONN_OPENING;
	c->host[0] = h->index;
	c->host[1] = target;
	c->stream[0] = a->stream;
	c->due_ms = s->now_ms + 20 + sim_below(s, 500);
}

static void conn_send(struct sim *s, struct sim_host *h, const struct fog_action *a)
{
	bool json = a->kind == FOG_ACTION_SEND_JSON;
	u32 end;
	struct sim_conn *c = conn_find(s, h->index, a->stream, &end);

	if (c == NULL || c->state != SIM_CONN_OPEN)
		return;
	frame_push(s, c, 1 - end, a->data, a->len, json);
	/* Saying it twice must not matter; what announces data comes with its data only. */
	if (json && memmem(a->data, a->len, "\"length\"", 8) == NULL && sim_chance(s, 50)) {
		frame_push(s, c, 1 - end, a->data, a->len, true);
		s->duplicates++;
	}
}

static void conn_close(struct sim *s, struct sim_host *h, const struct fog_action *a)
{
	u32 end;
	struct sim_conn *c = conn_find(s, h->index, a->stream, &end);

	if (c == NULL)
		return;
	c->stream[end] = 0;
	if (c->state == SIM_CONN_OPENING || c->stream[1 - end] == 0)
		conn_clear(c);
	else
		c->closing[1 - end] = true;
}

static void verify_add(struct sim *s, struct sim_host *h, const struct fog_action *a)
{
	if (s->verify_count == SIM_VERIFY_MAX)
		sim_fail(s, "too many verifications");
	if (sim_chance(s, 5))
		return; /* a data plane that restarted */
	s->verify[s->verify_count++] = (struct sim_verify){
		.host = h->index,
		.tag = a->tag,
		.due_ms = s->now_ms + sim_below(s, 100),
		.valid = fog_sign_verify(a->signature, a->data, a->len, a->node) == 0,
	};
}

static void action_do(struct sim *s, struct sim_host *h, const struct fog_action *a)
{
	switch (a->kind) {
	case FOG_ACTION_OPEN:
		conn_open(s, h, a);
		break;
	case FOG_ACTION_SEND_JSON:
	case FOG_ACTION_SEND_DATA:
		conn_send(s, h, a);
		break;
	case FOG_ACTION_CLOSE:
		conn_close(s, h, a);
		break;
	case FOG_ACTION_VERIFY:
		verify_add(s, h, a);
		break;
	case FOG_ACTION_RUN_START:
		sim_run_start(h, a->run);
		break;
	case FOG_ACTION_RUN_CANCEL:
		sim_run_cancel(h, a->run);
		break;
	case FOG_ACTION_RUN_REMOVE:
		sim_run_remove(h, a->run);
		break;
	default:
		sim_fail(s, "unknown action");
	}
}

void sim_event_begin(struct sim_host *h)
{
	h->sim->current = h;
}

/* A crash may come after any of the actions. */
void sim_event_end(struct sim_host *h)
{
	struct sim *s = h->sim;
	struct fog_action a;

	while (!s->crash_pending && fog_jobs_action(h->jobs, s->now_ms, &a)) {
		if (!s->crash_pending)
			action_do(s, h, &a);
		fog_action_free(&a);
		if (sim_chance(s, 1))
			s->crash_pending = true;
	}
	s->current = NULL;
	if (!s->crash_pending)
		return;
	s->crash_pending = false;
	s->faults_crash++;
	sim_host_crash(h, sim_below(s, 3) == 0);
}

/* Tells one end that the stream is gone. */
static void end_notify(struct sim *s, u32 host, u32 stream)
{
	struct sim_host *h = &s->host[host];

	if (stream == 0 || h->jobs == NULL)
		return;
	sim_event_begin(h);
	fog_jobs_stream_closed(h->jobs, stream, s->now_ms);
	sim_event_end(h);
}

static void conn_break(struct sim *s, struct sim_conn *c)
{
	struct sim_conn old = *c;

	conn_clear(c);
	end_notify(s, old.host[0], old.stream[0]);
	end_notify(s, old.host[1], old.stream[1]);
}

/* The crashed end must not be told, its streams are gone. */
void sim_net_break_host(struct sim *s, u32 host)
{
	for (u32 i = 0; i < SIM_CONNS_MAX; i++) {
		struct sim_conn *c = &s->conn[i];
		if (c->state == SIM_CONN_FREE)
			continue;
		for (u32 e = 0; e < 2; e++)
			if (c->host[e] == host)
				c->stream[e] = 0;
		if (c->stream[0] == 0 && c->stream[1] == 0)
			conn_clear(c);
		else if (c->host[0] == host || c->host[1] == host)
			c->break_ms = s->now_ms + 1 + sim_below(s, 3000);
	}
}

static void conn_establish(struct sim *s, struct sim_conn *c)
{
	struct sim_host *opener = &s->host[c->host[0]], *target = &s->host[c->host[1]];
	u32 stream = c->stream[0];
	bool fails = target->jobs == NULL || sim_chance(s, 100);

	if (!fails) {
		sim_event_begin(target);
		u32 inbound = fog_jobs_stream_accepted(target->jobs, s->now_ms);
		c->state = SIM_CONN_OPEN;
		c->stream[1] = inbound;
		sim_event_end(target);
		fails = inbound == 0 || c->state != SIM_CONN_OPEN || target->jobs == NULL;
	}
	if (opener->jobs == NULL)
		return;
	sim_event_begin(opener);
	if (fails) {
		conn_clear(c);
		fog_jobs_stream_failed(opener->jobs, stream, "unreachable", s->now_ms);
	} else {
		if (sim_chance(s, 150))
			c->break_ms = s->now_ms + sim_below(s, 20000);
		fog_jobs_stream_opened(opener->jobs, stream, "[]", s->now_ms);
	}
	sim_event_end(opener);
}

static void frame_deliver(struct sim *s, struct sim_conn *c, u32 end)
{
	struct sim_frame *f = c->head[end];
	struct sim_host *h = &s->host[c->host[end]];
	u32 stream = c->stream[end];

	c->head[end] = f->next;
	if (f->next == NULL)
		c->tail[end] = NULL;
	if (stream != 0 && h->jobs != NULL) {
		sim_event_begin(h);
		if (f->json)
			fog_jobs_stream_json(h->jobs, stream, f->data, f->len, s->now_ms);
		else
			fog_jobs_stream_data(h->jobs, stream, f->data, f->len, s->now_ms);
		sim_event_end(h);
	}
	free(f);
}

static void conn_step(struct sim *s, struct sim_conn *c)
{
	if (c->state == SIM_CONN_OPENING && s->now_ms >= c->due_ms) {
		conn_establish(s, c);
		return;
	}
	if (c->state != SIM_CONN_FREE && c->break_ms != 0 && s->now_ms >= c->break_ms) {
		s->faults_net++;
		conn_break(s, c);
		return;
	}
	for (u32 e = 0; e < 2; e++) {
		while (c->state == SIM_CONN_OPEN && c->head[e] != NULL &&
		       c->head[e]->due_ms <= s->now_ms)
			frame_deliver(s, c, e);
		if (c->state == SIM_CONN_OPEN && c->closing[e] && c->head[e] == NULL) {
			conn_break(s, c);
			return;
		}
	}
}

static void verify_step(struct sim *s)
{
	u32 kept = 0;

	for (u32 i = 0; i < s->verify_count; i++) {
		struct sim_verify v = s->verify[i];
		struct sim_host *h = &s->host[v.host];
		if (v.tag == 0 || h->jobs == NULL)
			continue;
		if (v.due_ms > s->now_ms) {
			s->verify[kept++] = v;
			continue;
		}
		s->verify[i].tag = 0;
		sim_event_begin(h);
		fog_jobs_verified(h->jobs, v.tag, v.valid, s->now_ms);
		sim_event_end(h);
	}
	s->verify_count = kept;
}

void sim_net_step(struct sim *s)
{
	for (u32 i = 0; i < SIM_CONNS_MAX; i++)
		if (s->conn[i].state != SIM_CONN_FREE)
			conn_step(s, &s->conn[i]);
	verify_step(s);
}

bool sim_net_idle(const struct sim *s)
{
	for (u32 i = 0; i < SIM_CONNS_MAX; i++)
		if (s->conn[i].state == SIM_CONN_OPENING || s->conn[i].head[0] != NULL ||
		    s->conn[i].head[1] != NULL || s->conn[i].break_ms != 0)
			return false;
	return s->verify_count == 0;
}

void sim_net_free(struct sim *s)
{
	for (u32 i = 0; i < SIM_CONNS_MAX; i++)
		conn_clear(&s->conn[i]);
}
