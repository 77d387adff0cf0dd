/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mixnet.h"

#include <errno.h>
#include <time.h>

#include "crypto/mem.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"

#define SLACK_NS 2000000000ull
#define FETCH_NS 2000000000ull
/* The next look, at most: the clock of the loop is not ours. */
#define LOOK_S 0.5

static bool send_packet(void *user, const u8 first_hop[32], u64 epoch, const u8 *packet)
{
	struct fog_mixedge *m = user;

	return fog_edge_ring_push_mix(&m->edge->ring, first_hop, epoch, packet) == 0;
}

static void received(void *user, const u8 id[FOG_STORE_ID])
{
	(void)user;
	(void)id;
	fog_dplog(FOG_DPLOG_INFO, FOG_EDGE_PART, "a message came");
}

static void over(void *user, const struct fog_mail_out *o)
{
	(void)user;
	fog_dplog(FOG_DPLOG_INFO, FOG_EDGE_PART, "a message was %s",
		  o->state == FOG_MAIL_LOST ? "lost: nobody acknowledged it" : "delivered");
}

static const char *const kinds[FOG_LOOP_OUTCOMES] = {"back", "lost", "late", "altered"};

static void suspect(void *user, const struct fog_suspicion *s)
{
	struct fog_mixedge *m = user;
	char id[65];

	fog_hex_encode(s->node_id, 32, id, sizeof(id));
	fog_control_send(&m->edge->control,
			 json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "op", "suspect",
				   "node_id", id, "kind", kinds[s->kind], "loops",
				   (json_int_t)s->loops, "bad", (json_int_t)s->bad, "others",
				   (json_int_t)s->others, "others_bad", (json_int_t)s->others_bad));
}

static const struct fog_mail_ops ops = {send_packet, over, received, suspect};

static void timer_set(struct fog_mixedge *m)
{
	u64 now = fog_edge_now(), next = fog_mail_next(&m->mail);
	double wait = next > now ? (double)(next - now) / 1e9 : 0.0;

	ev_timer_stop(m->edge->loop, &m->timer);
	ev_timer_set(&m->timer, FOG_MIN(wait, LOOK_S), 0.);
	ev_timer_start(m->edge->loop, &m->timer);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_mixedge *m = w->data;

	/* Without a data plane packets would only be lost. */
	if (m->edge->ring.up)
		fog_mail_poll(&m->mail, fog_edge_now());
	timer_set(m);
}

static u64 unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

void fog_mixedge_init(struct fog_mixedge *m, struct fog_edge *e, const u8 seed[32])
{
	char dir[sizeof(e->options.state_dir) + 8];
	u8 rng_seed[32];

	memset(m, 0, sizeof(*m));
	snprintf(dir, sizeof(dir), "%s/mail", e->options.state_dir);
	int rc = fog_mailstore_open(&m->store, dir);
	if (rc == 0) {
		fog_random_bytes(rng_seed, sizeof(rng_seed));
		rc = fog_mail_init(&m->mail, &ops, m, &m->store, seed, rng_seed, fog_edge_now(),
				   unix_ms());
		fog_wipe(rng_seed, sizeof(rng_seed));
		if (rc != 0)
			fog_mailstore_close(&m->store);
	}
	if (rc != 0) {
		fog_dplog(FOG_DPLOG_WARNING, FOG_EDGE_PART, "no mail: %s: %s", dir, strerror(-rc));
		return;
	}
	m->edge = e;
	ev_init(&m->timer, on_timer);
	m->timer.data = m;
	timer_set(m);
}

void fog_mixedge_free(struct fog_mixedge *m)
{
	if (m->edge == NULL)
		return;
	ev_timer_stop(m->edge->loop, &m->timer);
	fog_mail_free(&m->mail);
	fog_mailstore_close(&m->store);
	m->edge = NULL;
}

const u8 *fog_mixedge_mailbox(const struct fog_mixedge *m)
{
	return m->edge != NULL ? m->mail.box.id : NULL;
}

void fog_mixedge_receive(struct fog_mixedge *m, struct fog_edge_slot *s)
{
	if (m->edge == NULL || s->length > sizeof(s->data))
		return;
	fog_mail_receive(&m->mail, s->handle, s->node, s->surb, s->epoch, s->data, s->length,
			 fog_edge_now());
}

/* ---- topology ----------------------------------------------------------------------------- */

static bool key_get(const json_t *o, const char *name, u8 out[32])
{
	const char *hex = json_string_value(json_object_get(o, name));

	return hex != NULL && fog_hex_decode(hex, out, 32) == 0;
}

/* 64 digits of the id, 64 of the key, the layer. */
static bool host_parse(struct fog_mixnet_host *h, const char *text)
{
	char part[65];

	if (text == NULL || strlen(text) < 129 || strlen(text) > 131)
		return false;
	snprintf(part, sizeof(part), "%.64s", text);
	if (fog_hex_decode(part, h->node_id, 32) != 0)
		return false;
	snprintf(part, sizeof(part), "%.64s", text + 64);
	if (fog_hex_decode(part, h->key, 32) != 0)
		return false;
	unsigned long layer = strtoul(text + 128, NULL, 10);
	h->layer = layer < FOG_MIXNET_LAYERS ? (u8)layer : FOG_MIXNET_NO_LAYER;
	return true;
}

static double per_second(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));

	return n > 0 && n <= 60000 ? (double)n / 60.0 : 0.0;
}

static void topology_take(struct fog_mixedge *m, const json_t *root)
{
	static struct fog_topology t; /* 33 KiB; the loop's thread only */
	const json_t *hosts = json_object_get(root, "hosts");
	json_int_t epoch = json_integer_value(json_object_get(root, "epoch"));
	json_int_t delay = json_integer_value(json_object_get(root, "delay_us"));
	struct fog_mail_rates rates = {.slack_ns = SLACK_NS, .fetch_ns = FETCH_NS};
	u8 provider[32];

	memset(&t, 0, sizeof(t));
	if (!key_get(root, "node_id", t.self) || !key_get(root, "provider", provider) ||
	    epoch <= 0 || delay < 0 || delay > FOG_MIXNET_DELAY_MAX_US || !json_is_array(hosts))
		return;
	t.epoch = (u64)epoch;
	t.delay_mean_us = (u32)delay;
	for (size_t i = 0; i < json_array_size(hosts) && t.count < FOG_MIXNET_HOSTS_MAX; i++)
		if (host_parse(&t.host[t.count], json_string_value(json_array_get(hosts, i))))
			t.count++;
	rates.real = per_second(root, "real_per_minute");
	rates.loop = per_second(root, "loop_per_minute");
	rates.drop = per_second(root, "drop_per_minute");
	fog_mail_provider_set(&m->mail, provider);
	fog_mail_topology(&m->mail, &t, fog_edge_now());
	if (memcmp(&rates, &m->mail.rates, sizeof(rates)) != 0)
		fog_mail_rates_set(&m->mail, &rates, fog_edge_now());
	timer_set(m);
}

/* ---- questions ---------------------------------------------------------------------------- */

static json_t *refuse(int status, const char *error)
{
	return json_pack("{s:b, s:i, s:s}", "ok", 0, "status", status, "error", error);
}

static json_t *hex_json(const u8 *bytes, size_t len)
{
	char hex[65];

	fog_hex_encode(bytes, len, hex, sizeof(hex));
	return json_string(hex);
}

static json_t *message_send(struct fog_mixedge *m, const json_t *q)
{
	const json_t *text = json_object_get(q, "text");
	u8 provider[32], mailbox[32], id[FOG_STORE_ID];

	if (!key_get(q, "provider", provider) || !key_get(q, "mailbox", mailbox) ||
	    !json_is_string(text))
		return refuse(400, "malformed");
	int rc = fog_mail_send(&m->mail, provider, mailbox, json_string_value(text),
			       json_string_length(text), fog_edge_now(), id);
	if (rc == -EMSGSIZE)
		return refuse(413, "the text is longer than 32768 bytes");
	if (rc == -ENOSPC)
		return refuse(503, "256 messages are under way already; wait, or delete some");
	if (rc != 0)
		return refuse(500, strerror(-rc));
	return json_pack("{s:b, s:o, s:s}", "ok", 1, "message", hex_json(id, sizeof(id)), "state",
			 "sending");
}

/* enum fog_mail_state */
static const char *const states[] = {"", "sending", "delivered", "lost"};

static json_t *outgoing(const struct fog_mixedge *m)
{
	json_t *list = json_array();
	unsigned count = 0;

	for (u32 i = 0; i < FOG_MAIL_OUT_MAX && count < FOG_MIXEDGE_LIST_MAX; i++) {
		const struct fog_mail_out *o = &m->mail.out[i];
		if (!o->used)
			continue;
		count++;
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:I, s:i, s:i}", "message",
						      hex_json(o->id, sizeof(o->id)), "state",
						      states[o->state], "mailbox",
						      hex_json(o->mailbox, 32), "accepted_ms",
						      (json_int_t)o->accepted_ms, "fragments",
						      o->fragments, "acknowledged", o->acked));
	}
	return list;
}

static json_t *incoming(struct fog_mixedge *m)
{
	static u8 id[FOG_MIXEDGE_LIST_MAX][FOG_STORE_ID], text[FOG_STORE_MESSAGE_MAX];
	json_t *list = json_array();
	size_t len;

	int count = fog_mailstore_list(&m->store, FOG_MAILSTORE_INBOX, id, FOG_MIXEDGE_LIST_MAX);
	for (int i = 0; i < count; i++) {
		if (fog_mailstore_get(&m->store, FOG_MAILSTORE_INBOX, id[i], text, sizeof(text),
				      &len) != 0 ||
		    len < FOG_MAIL_HEAD)
			continue;
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I, s:I}", "message",
						      hex_json(id[i], FOG_STORE_ID), "from",
						      hex_json(text, 32), "provider",
						      hex_json(text + 32, 32), "sent_ms",
						      (json_int_t)fog_load_u64(text + 64), "bytes",
						      (json_int_t)(len - FOG_MAIL_HEAD)));
	}
	return list;
}

static json_t *counts(const struct fog_mixedge *m)
{
	const struct fog_mail_counts *c = &m->mail.counts;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
		" s:I, s:I, s:I, s:I, s:I, s:I}",
		"sent_real", (json_int_t)c->sent_real, "sent_cover", (json_int_t)c->sent_cover,
		"sent_loops", (json_int_t)c->sent_loops, "sent_drops", (json_int_t)c->sent_drops,
		"sent_again", (json_int_t)c->resent, "delivered", (json_int_t)c->delivered, "lost",
		(json_int_t)c->lost, "received", (json_int_t)c->received, "held",
		(json_int_t)m->store.held_count, "loops_back", (json_int_t)c->loops_back,
		"loops_late", (json_int_t)c->loops_late, "loops_altered",
		(json_int_t)c->loops_altered, "loops_lost", (json_int_t)c->loops_lost, "no_path",
		(json_int_t)c->no_path, "duplicates", (json_int_t)c->duplicates, "malformed",
		(json_int_t)c->malformed, "kept", (json_int_t)c->held, "hold_failed",
		(json_int_t)c->hold_failed, "replies_altered", (json_int_t)c->replies_altered,
		"replies_unknown", (json_int_t)c->replies_unknown);
}

static json_t *message_list(struct fog_mixedge *m)
{
	const struct fog_topology *t = &m->mail.topology;

	return json_pack("{s:b, s:o, s:o, s:o, s:{s:I, s:I}, s:o}", "ok", 1, "outgoing",
			 outgoing(m), "incoming", incoming(m), "counts", counts(m), "mixnet",
			 "epoch", (json_int_t)t->epoch, "hosts", (json_int_t)t->count, "mailbox",
			 hex_json(m->mail.box.id, 32));
}

static json_t *message_read(struct fog_mixedge *m, const u8 id[FOG_STORE_ID])
{
	static u8 text[FOG_STORE_MESSAGE_MAX];
	size_t len;

	if (fog_mailstore_get(&m->store, FOG_MAILSTORE_INBOX, id, text, sizeof(text), &len) != 0 ||
	    len < FOG_MAIL_HEAD)
		return refuse(404, "no such message in the inbox");
	json_t *words = json_stringn((const char *)text + FOG_MAIL_HEAD, len - FOG_MAIL_HEAD);
	return json_pack("{s:b, s:o, s:o, s:o, s:I, s:o}", "ok", 1, "message",
			 hex_json(id, FOG_STORE_ID), "from", hex_json(text, 32), "provider",
			 hex_json(text + 32, 32), "sent_ms", (json_int_t)fog_load_u64(text + 64),
			 "text", words != NULL ? words : json_string("(not UTF-8)"));
}

static json_t *message_delete(struct fog_mixedge *m, const u8 id[FOG_STORE_ID])
{
	int rc = fog_mailstore_delete(&m->store, FOG_MAILSTORE_INBOX, id);

	if (rc == -ENOENT)
		rc = fog_mail_forget(&m->mail, id);
	if (rc == -EBUSY)
		return refuse(409, "the message is under way");
	return rc == 0 ? json_pack("{s:b}", "ok", 1) : refuse(404, "no such message");
}

static json_t *question(struct fog_mixedge *m, const json_t *q)
{
	const char *action = json_string_value(json_object_get(q, "action"));
	const char *hex = json_string_value(json_object_get(q, "message"));
	u8 id[FOG_STORE_ID];

	if (m->edge == NULL)
		return refuse(503, "fog-edge cannot use its mail folder");
	if (action == NULL)
		return refuse(400, "no action");
	if (strcmp(action, "send") == 0)
		return message_send(m, q);
	if (strcmp(action, "list") == 0)
		return message_list(m);
	if (hex == NULL || fog_hex_decode(hex, id, sizeof(id)) != 0)
		return refuse(400, "a message is named by 32 hex digits");
	return strcmp(action, "read") == 0 ? message_read(m, id) : message_delete(m, id);
}

bool fog_mixedge_line(struct fog_mixedge *m, const char *line, size_t size, json_t **answer)
{
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	const char *op = json_string_value(json_object_get(root, "op"));
	bool ours = true;

	*answer = NULL;
	if (op != NULL && strcmp(op, "mixnet") == 0) {
		if (m->edge != NULL)
			topology_take(m, root);
	} else if (op != NULL && strcmp(op, "message") == 0) {
		*answer = question(m, root);
		json_object_set_new(*answer, "op", json_string("message"));
		json_object_set(*answer, "id", json_object_get(root, "id"));
	} else {
		ours = false;
	}
	json_decref(root);
	return ours;
}
