/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's streams, acknowledgements and loops. */
#include "dataplane/edge/mix/mail.h"

#include <errno.h>
#include <math.h>

#include "crypto/mem.h"
#include "dataplane/abi/edge.h"

#define MS 1000000ull
/* A loop is late when it takes this much longer than the delays in it .. */
#define LATE_NS (500 * MS)
/* .. and lost after this. */
#define LOOP_LOST_NS (20000 * MS)
#define JUDGE_NS     (1000 * MS)
#define BACKOFF_MAX  4 /* doublings of the slack */

static u64 gap_ns(struct fog_mail *m, double rate)
{
	if (rate <= 0)
		return UINT64_MAX / 4;
	return (u64)(-log1p(-fog_rng_unit(&m->rng)) * 1e9 / rate) + 1;
}

bool fog_mail_provider_is_here(const struct fog_mail *m)
{
	return fog_is_zero(m->provider, 32) || memcmp(m->provider, m->topology.self, 32) == 0;
}

/* ---- messages of ours --------------------------------------------------------------------- */

/* In the outbox: provider 32 | mailbox 32 | message. */
static int out_begin(struct fog_mail *m, const u8 id[FOG_STORE_ID], const u8 *file, size_t len,
		     u64 now_ns)
{
	struct fog_mail_out *o = NULL;

	for (u32 i = 0; i < FOG_MAIL_OUT_MAX && o == NULL; i++)
		if (!m->out[i].used)
			o = &m->out[i];
	if (o == NULL)
		return -ENOSPC;
	memset(o, 0, sizeof(*o));
	o->size = (u32)len - 64;
	o->text = malloc(o->size);
	if (o->text == NULL)
		return -ENOMEM;
	memcpy(o->id, id, FOG_STORE_ID);
	memcpy(o->provider, file, 32);
	memcpy(o->mailbox, file + 32, 32);
	memcpy(o->text, file + 64, o->size);
	o->accepted_ms = fog_load_u64(o->text + 64);
	o->fragments = (u16)((o->size + FOG_MAIL_FRAGMENT - 1) / FOG_MAIL_FRAGMENT);
	o->state = FOG_MAIL_SENDING;
	o->used = true;
	for (u32 i = 0; i < o->fragments; i++)
		o->fragment[i].due_ns = now_ns;
	return 0;
}

int fog_mail_send(struct fog_mail *m, const u8 provider[32], const u8 mailbox[32], const void *text,
		  size_t len, u64 now_ns, u8 id[FOG_STORE_ID])
{
	if (len > FOG_MAIL_TEXT_MAX)
		return -EMSGSIZE;
	u8 *file = malloc(64 + FOG_MAIL_HEAD + len);
	if (file == NULL)
		return -ENOMEM;
	fog_rng_bytes(&m->rng, id, FOG_STORE_ID);
	memcpy(file, provider, 32);
	memcpy(file + 32, mailbox, 32);
	memcpy(file + 64, m->box.id, 32);
	memcpy(file + 96, fog_is_zero(m->provider, 32) ? m->topology.self : m->provider, 32);
	fog_store_u64(file + 128, now_ns / MS + (u64)m->wall_offset_ms);
	memcpy(file + 64 + FOG_MAIL_HEAD, text, len);
	size_t size = 64 + FOG_MAIL_HEAD + len;
	int rc = fog_mailstore_put(m->store, FOG_MAILSTORE_OUTBOX, id, file, size);
	if (rc == 0)
		rc = out_begin(m, id, file, size, now_ns);
	free(file);
	return rc;
}

static struct fog_mail_out *out_find(struct fog_mail *m, const u8 id[FOG_STORE_ID])
{
	for (u32 i = 0; i < FOG_MAIL_OUT_MAX; i++)
		if (m->out[i].used && memcmp(m->out[i].id, id, FOG_STORE_ID) == 0)
			return &m->out[i];
	return NULL;
}

int fog_mail_forget(struct fog_mail *m, const u8 id[FOG_STORE_ID])
{
	struct fog_mail_out *o = out_find(m, id);

	if (o == NULL)
		return -ENOENT;
	if (o->state == FOG_MAIL_SENDING)
		return -EBUSY;
	o->used = false;
	return 0;
}

static void out_over(struct fog_mail *m, struct fog_mail_out *o, enum fog_mail_state state)
{
	o->state = state;
	free(o->text);
	o->text = NULL;
	if (state == FOG_MAIL_LOST)
		m->counts.lost++;
	else
		m->counts.delivered++;
	(void)fog_mailstore_delete(m->store, FOG_MAILSTORE_OUTBOX, o->id);
	if (m->ops->over != NULL)
		m->ops->over(m->user, o);
}

/* ---- packets ------------------------------------------------------------------------------ */

static struct fog_mail_reply *reply_new(struct fog_mail *m, u8 kind)
{
	for (u32 i = 0; i < FOG_MAIL_REPLIES_MAX; i++) {
		struct fog_mail_reply *r = &m->reply[i];
		if (r->kind != 0)
			continue;
		memset(r, 0, sizeof(*r));
		r->kind = kind;
		fog_rng_bytes(&m->rng, r->id, sizeof(r->id));
		return r;
	}
	return NULL;
}

static int wrap_send(struct fog_mail *m, const struct fog_mixnet_path *p, const u8 *payload)
{
	u8 packet[FOG_BODY_SIZE];

	int rc = fog_sphinx_wrap(&m->geometry, &m->rng, p->hop, p->hops, payload, packet);
	if (rc == 0)
		(void)m->ops->send(m->user, p->hop[0].id, m->topology.epoch, packet);
	return rc;
}

/* A packet to a mailbox at its provider, with a reply block at `surb` in the payload, by which the
 * answer comes back to us. Both paths go through X25519 together. */
static int question_send(struct fog_mail *m, const u8 provider[32], const u8 mailbox[32],
			 u8 *payload, u8 *surb, struct fog_mail_reply *r, u64 *delay_us)
{
	struct fog_mixnet_path out, back;
	u8 packet[FOG_BODY_SIZE];

	int rc = fog_topology_path(&m->topology, &m->rng, provider, &out);
	if (rc == 0)
		rc = fog_topology_path(&m->topology, &m->rng, m->topology.self, &back);
	if (rc < 0)
		return rc;
	struct fog_sphinx_commands *last = &out.hop[out.hops - 1].commands;
	last->has_recipient = true;
	memcpy(last->recipient, mailbox, 32);
	last = &back.hop[back.hops - 1].commands;
	last->has_surb = true;
	memcpy(last->surb, r->id, sizeof(r->id));
	struct fog_sphinx_route route[2] = {{.path = out.hop, .hops = out.hops},
					    {.path = back.hop, .hops = back.hops}};
	fog_sphinx_routes(&m->geometry, &m->rng, route, 2);
	rc = route[0].result != 0 ? route[0].result : route[1].result;
	if (rc == 0) {
		fog_sphinx_route_surb(&m->geometry, &m->rng, &route[1], surb, &r->keys);
		fog_sphinx_route_packet(&m->geometry, &route[0], payload, packet);
		(void)m->ops->send(m->user, out.hop[0].id, m->topology.epoch, packet);
	}
	*delay_us = out.delay_us + back.delay_us;
	fog_wipe(route, sizeof(route));
	return rc;
}

/* To a random host, which throws it away. */
static bool drop_send(struct fog_mail *m)
{
	u8 payload[FOG_BODY_SIZE] = {FOG_MAIL_DROP};
	struct fog_mixnet_path p;

	if (m->topology.count == 0)
		return false;
	u32 to = (u32)fog_rng_below(&m->rng, m->topology.count);
	if (fog_topology_path(&m->topology, &m->rng, m->topology.host[to].node_id, &p) < 0)
		return false;
	struct fog_sphinx_commands *last = &p.hop[p.hops - 1].commands;
	last->has_recipient = true;
	fog_rng_bytes(&m->rng, last->recipient, sizeof(last->recipient));
	return wrap_send(m, &p, payload) == 0;
}

static bool loop_send(struct fog_mail *m, u64 now_ns)
{
	u8 payload[FOG_BODY_SIZE] = {0};
	struct fog_mail_loop *l = NULL;
	struct fog_mixnet_path p;

	for (u32 i = 0; i < FOG_MAIL_LOOPS_MAX && l == NULL; i++)
		if (!m->loop[i].used)
			l = &m->loop[i];
	if (l == NULL)
		return drop_send(m);
	if (fog_topology_path(&m->topology, &m->rng, m->topology.self, &p) < 0)
		return false;
	fog_rng_bytes(&m->rng, l->id, sizeof(l->id));
	struct fog_sphinx_commands *last = &p.hop[p.hops - 1].commands;
	last->has_surb = true;
	memcpy(last->surb, l->id, sizeof(l->id));
	l->hops = (u8)(p.hops - 1);
	for (unsigned i = 0; i < l->hops; i++)
		memcpy(l->node_id[i], p.hop[i].id, 32);
	l->due_ns = now_ns + 1000 * p.delay_us;
	l->deadline_ns = l->due_ns + LOOP_LOST_NS;
	l->used = wrap_send(m, &p, payload) == 0;
	return l->used;
}

static void fragment_payload(struct fog_mail *m, const struct fog_mail_out *o, u32 index,
			     u8 *payload)
{
	u32 at = index * FOG_MAIL_FRAGMENT;
	u32 len = FOG_MIN(o->size - at, (u32)FOG_MAIL_FRAGMENT);
	u8 clear[FOG_MAIL_CLEAR] = {0};

	_Static_assert(FOG_MAIL_CLEAR + FOG_SEAL_OVERHEAD == FOG_MAIL_SEALED, "");
	memcpy(clear, o->id, FOG_STORE_ID);
	fog_store_u16(clear + 16, (u16)index);
	fog_store_u16(clear + 18, o->fragments);
	fog_store_u16(clear + 20, (u16)len);
	memcpy(clear + 22, o->text + at, len);
	payload[0] = FOG_MAIL_MESSAGE;
	/* A mailbox that is no point gets nonsense, and its provider keeps it. */
	if (fog_seal(payload + FOG_MAIL_SEAL_AT, clear, sizeof(clear), o->mailbox) != 0)
		fog_rng_bytes(&m->rng, payload + FOG_MAIL_SEAL_AT, FOG_MAIL_SEALED);
	fog_wipe(clear, sizeof(clear));
}

static void fragment_send(struct fog_mail *m, u32 out, u32 index, u64 now_ns)
{
	struct fog_mail_out *o = &m->out[out];
	struct fog_mail_reply *r = reply_new(m, 1);
	u8 payload[FOG_BODY_SIZE] = {0};
	u64 delay_us = 0;

	if (r == NULL)
		return;
	fragment_payload(m, o, index, payload);
	int rc = question_send(m, o->provider, o->mailbox, payload, payload + FOG_MAIL_SURB_AT, r,
			       &delay_us);
	u32 tries = o->fragment[index].tries++;
	u64 wait = 1000 * delay_us + (m->rates.slack_ns << FOG_MIN(tries, (u32)BACKOFF_MAX));
	if (rc < 0) {
		m->counts.no_path++;
		wait = m->rates.slack_ns << FOG_MIN(tries, (u32)BACKOFF_MAX);
		r->kind = 0;
	}
	r->out = out;
	memcpy(r->message, o->id, FOG_STORE_ID);
	r->fragment = index;
	/* A late answer still counts as long as the message is under way. */
	r->deadline_ns = now_ns + 4 * wait;
	o->fragment[index].due_ns = now_ns + wait;
	m->counts.resent += tries > 0;
}

/* The next fragment that is due, over all messages in turn. False: none. */
static bool fragment_next(struct fog_mail *m, u64 now_ns)
{
	for (u32 n = 0; n < FOG_MAIL_OUT_MAX; n++) {
		u32 i = (m->out_next + n) % FOG_MAIL_OUT_MAX;
		struct fog_mail_out *o = &m->out[i];
		if (!o->used || o->state != FOG_MAIL_SENDING)
			continue;
		for (u32 k = 0; k < o->fragments; k++) {
			u32 f = (o->next + k) % o->fragments;
			if (o->fragment[f].acked || now_ns < o->fragment[f].due_ns)
				continue;
			if (o->fragment[f].tries >= FOG_MAIL_TRIES) {
				out_over(m, o, FOG_MAIL_LOST);
				break;
			}
			fragment_send(m, i, f, now_ns);
			o->next = (u16)((f + 1) % o->fragments);
			m->out_next = i; /* one message after the other */
			return true;
		}
	}
	return false;
}

/* ---- fetching ----------------------------------------------------------------------------- */

/* Fragments are numbered as they lie at the provider, from fetch_base, the first one not here. One
 * is asked for by how many lie between it and the last one before fetch_base, whose sequence is
 * known: what comes later lies behind. So each can be asked for again by itself.
 *
 * A question that comes so late that what it counts from was released meanwhile gets one further
 * on. Every answer says what lies before it, and is taken into the order only if that is so. */
static struct fog_mail_fetch *fetch_slot(struct fog_mail *m, u64 number)
{
	return &m->fetch[number % FOG_MAIL_FETCH_WINDOW];
}

/* The next one to ask for. With nothing known to be there it is the first, from time to time. */
static bool fetch_choose(struct fog_mail *m, u64 now_ns, u64 *number)
{
	u64 end = FOG_MIN(m->fetch_end, m->fetch_base + FOG_MAIL_FETCH_WINDOW);

	if (fog_mail_provider_is_here(m) || m->topology.epoch == 0 ||
	    m->store->inbox_count >= FOG_STORE_INBOX_MAX)
		return false;
	if (end == m->fetch_base)
		end += now_ns >= m->fetch_ns;
	for (*number = m->fetch_base; *number < end; ++*number) {
		const struct fog_mail_fetch *f = fetch_slot(m, *number);
		if (f->sequence == 0 && now_ns >= f->due_ns)
			return true;
	}
	return false;
}

static bool fetch_send(struct fog_mail *m, u64 now_ns)
{
	u8 payload[FOG_BODY_SIZE] = {0}, nobody[32] = {0};
	u64 delay_us = 0, number;

	struct fog_mail_reply *r = fetch_choose(m, now_ns, &number) ? reply_new(m, 2) : NULL;
	if (r == NULL)
		return false;
	r->number = number;
	payload[0] = FOG_MAIL_FETCH;
	memcpy(payload + 4, m->box.id, 32);
	fog_store_u64(payload + 36, m->fetch_after);
	fog_store_u64(payload + 44, fog_mail_release_upto(m));
	fog_store_u32(payload + 52, (u32)(number - m->fetch_base));
	fog_mail_fetch_sign(m, payload, m->provider);
	int rc = question_send(m, m->provider, nobody, payload, payload + FOG_MAIL_FETCH_SURB_AT, r,
			       &delay_us);
	if (rc < 0) {
		r->kind = 0;
		m->counts.no_path++;
		m->fetch_ns = now_ns + m->rates.fetch_ns;
		fetch_slot(m, number)->due_ns = m->fetch_ns;
		return false;
	}
	u64 wait = 1000 * delay_us + m->rates.slack_ns;
	/* A late answer is as good as one in time. */
	r->deadline_ns = now_ns + 4 * wait;
	fetch_slot(m, number)->due_ns = now_ns + wait;
	m->counts.fetched++;
	return true;
}

static void fetch_answer(struct fog_mail *m, const struct fog_mail_reply *r, const u8 *payload,
			 u64 now_ns)
{
	struct fog_mail_fetch *f = fetch_slot(m, r->number);
	bool open = r->number >= m->fetch_base && f->sequence == 0;

	if (payload[0] == FOG_MAIL_EMPTY) {
		if (open)
			f->due_ns = 0;
		m->fetch_end = FOG_MIN(m->fetch_end, FOG_MAX(r->number, m->fetch_base));
		m->fetch_ns = now_ns + m->rates.fetch_ns;
		return;
	}
	u64 sequence = fog_load_u64(payload + 8);
	if (payload[0] != FOG_MAIL_MAIL || sequence == 0) {
		m->counts.malformed++;
		return;
	}
	m->fetch_end = FOG_MAX(m->fetch_end, r->number + 1 + fog_load_u32(payload + 4));
	if (!open)
		return;
	f->sequence = sequence;
	f->before = fog_load_u64(payload + 16);
	fog_mail_fragment(m, payload + FOG_MAIL_REPLY_AT, sequence, now_ns);
	for (f = fetch_slot(m, m->fetch_base); f->sequence != 0; f = fetch_slot(m, m->fetch_base)) {
		if (f->before == 0 || f->before == m->fetch_after) {
			m->fetch_after = f->sequence;
			m->fetch_base++;
		}
		*f = (struct fog_mail_fetch){0};
	}
}

/* ---- what comes back ---------------------------------------------------------------------- */

static void loop_over(struct fog_mail *m, struct fog_mail_loop *l, enum fog_loop_outcome outcome)
{
	u64 *count[] = {&m->counts.loops_back, &m->counts.loops_lost, &m->counts.loops_late,
			&m->counts.loops_altered};

	++*count[outcome];
	fog_monitor_add(&m->monitor, (const u8(*)[32])l->node_id, l->hops, outcome);
	l->used = false;
}

static bool loop_back(struct fog_mail *m, const u8 id[FOG_SPHINX_SURB_ID], const u8 *data,
		      u64 now_ns)
{
	for (u32 i = 0; i < FOG_MAIL_LOOPS_MAX; i++) {
		struct fog_mail_loop *l = &m->loop[i];
		if (!l->used || memcmp(l->id, id, sizeof(l->id)) != 0)
			continue;
		if (!fog_is_zero(data, FOG_SPHINX_TAG_SIZE))
			loop_over(m, l, FOG_LOOP_ALTERED);
		else
			loop_over(m, l,
				  now_ns > l->due_ns + LATE_NS ? FOG_LOOP_LATE : FOG_LOOP_BACK);
		return true;
	}
	return false;
}

static void acknowledged(struct fog_mail *m, const struct fog_mail_reply *r, u64 now_ns)
{
	struct fog_mail_out *o = &m->out[r->out];

	(void)now_ns;
	if (!o->used || o->state != FOG_MAIL_SENDING ||
	    memcmp(o->id, r->message, FOG_STORE_ID) != 0 || o->fragment[r->fragment].acked)
		return;
	o->fragment[r->fragment].acked = true;
	m->counts.acked++;
	if (++o->acked == o->fragments)
		out_over(m, o, FOG_MAIL_DELIVERED);
}

static void reply_back(struct fog_mail *m, const u8 id[FOG_SPHINX_SURB_ID], u8 *data, size_t len,
		       u64 now_ns)
{
	for (u32 i = 0; i < FOG_MAIL_REPLIES_MAX; i++) {
		struct fog_mail_reply *r = &m->reply[i];
		if (r->kind == 0 || memcmp(r->id, id, sizeof(r->id)) != 0)
			continue;
		struct fog_mail_reply copy = *r;
		r->kind = 0;
		if (fog_sphinx_surb_open(&r->keys, data, len) != 0) {
			m->counts.replies_altered++;
			return;
		}
		if (copy.kind == 2)
			fetch_answer(m, &copy, data + FOG_SPHINX_TAG_SIZE, now_ns);
		else if (data[FOG_SPHINX_TAG_SIZE] == FOG_MAIL_ACK)
			acknowledged(m, &copy, now_ns);
		return;
	}
	m->counts.replies_unknown++;
}

void fog_mail_receive(struct fog_mail *m, u32 flags, const u8 recipient[32],
		      const u8 surb[FOG_SPHINX_SURB_ID], u64 epoch, u8 *data, size_t len,
		      u64 now_ns)
{
	if (len != m->geometry.packet - m->geometry.header) {
		m->counts.malformed++;
	} else if (flags & FOG_EDGE_MIX_SURB) {
		if (!loop_back(m, surb, data, now_ns))
			reply_back(m, surb, data, len, now_ns);
	} else if (flags & FOG_EDGE_MIX_RECIPIENT) {
		fog_mail_provide(m, recipient, epoch, data + FOG_SPHINX_TAG_SIZE, now_ns);
	} else {
		m->counts.malformed++;
	}
}

/* ---- time --------------------------------------------------------------------------------- */

static void real_tick(struct fog_mail *m, u64 now_ns)
{
	if (fragment_next(m, now_ns) || fetch_send(m, now_ns)) {
		m->counts.sent_real++;
		return;
	}
	m->counts.sent_cover += drop_send(m);
}

static void timeouts(struct fog_mail *m, u64 now_ns)
{
	/* Under way for ten longest delays: what was sent in its life is at the provider in time.
	 */
	_Static_assert(FOG_KNOWN_NS > FOG_MAIL_LIFE_MS * MS + FOG_MAIL_AHEAD_NS +
					      10000ull * FOG_MIXNET_DELAY_MAX_US,
		       "");
	u64 now_ms = now_ns / MS + (u64)m->wall_offset_ms;

	for (u32 i = 0; i < FOG_MAIL_REPLIES_MAX; i++)
		if (m->reply[i].kind != 0 && now_ns >= m->reply[i].deadline_ns)
			fog_wipe(&m->reply[i], sizeof(m->reply[i]));
	for (u32 i = 0; i < FOG_MAIL_LOOPS_MAX; i++)
		if (m->loop[i].used && now_ns >= m->loop[i].deadline_ns)
			loop_over(m, &m->loop[i], FOG_LOOP_LOST);
	for (u32 i = 0; i < FOG_MAIL_OUT_MAX; i++)
		if (m->out[i].used && m->out[i].state == FOG_MAIL_SENDING &&
		    now_ms > m->out[i].accepted_ms + FOG_MAIL_LIFE_MS)
			out_over(m, &m->out[i], FOG_MAIL_LOST);
}

static void judge(struct fog_mail *m)
{
	struct fog_suspicion s;

	for (int kind = FOG_LOOP_LOST; kind < FOG_LOOP_OUTCOMES; kind++) {
		if (!fog_monitor_judge(&m->monitor, kind, &s))
			continue;
		fog_monitor_clear(&m->monitor, s.node_id);
		if (m->ops->suspect != NULL)
			m->ops->suspect(m->user, &s);
	}
}

void fog_mail_poll(struct fog_mail *m, u64 now_ns)
{
	if (now_ns >= m->judge_ns) {
		m->judge_ns = now_ns + JUDGE_NS;
		timeouts(m, now_ns);
		judge(m);
		fog_mail_partials(m, now_ns);
		fog_mail_local(m, now_ns);
	}
	if (m->topology.epoch == 0)
		return;
	for (; now_ns >= m->real_ns; m->real_ns += gap_ns(m, m->rates.real))
		real_tick(m, now_ns);
	for (; now_ns >= m->loop_ns; m->loop_ns += gap_ns(m, m->rates.loop))
		m->counts.sent_loops += loop_send(m, now_ns);
	for (; now_ns >= m->drop_ns; m->drop_ns += gap_ns(m, m->rates.drop))
		m->counts.sent_drops += drop_send(m);
}

u64 fog_mail_next(const struct fog_mail *m)
{
	if (m->topology.epoch == 0)
		return m->judge_ns;
	return FOG_MIN(FOG_MIN(m->real_ns, m->loop_ns), FOG_MIN(m->drop_ns, m->judge_ns));
}

void fog_mail_rates_set(struct fog_mail *m, const struct fog_mail_rates *r, u64 now_ns)
{
	m->rates = *r;
	m->real_ns = now_ns + gap_ns(m, r->real);
	m->loop_ns = now_ns + gap_ns(m, r->loop);
	m->drop_ns = now_ns + gap_ns(m, r->drop);
}

void fog_mail_provider_set(struct fog_mail *m, const u8 provider[32])
{
	if (memcmp(m->provider, provider, 32) == 0)
		return;
	memcpy(m->provider, provider, 32);
	/* Numbers and sequences are those of a provider. */
	memset(m->fetch, 0, sizeof(m->fetch));
	m->fetch_base = m->fetch_end = 0;
	m->fetch_after = 0;
	for (u32 i = 0; i < FOG_MAIL_REPLIES_MAX; i++)
		if (m->reply[i].kind == 2)
			fog_wipe(&m->reply[i], sizeof(m->reply[i]));
}

void fog_mail_topology(struct fog_mail *m, const struct fog_topology *t, u64 now_ns)
{
	bool was_off = m->topology.epoch == 0;

	m->topology = *t;
	/* What the streams missed while they were off is not made up for. */
	if (was_off)
		fog_mail_rates_set(m, &m->rates, now_ns);
}

static int outbox_load(struct fog_mail *m, u64 now_ns)
{
	u8(*id)[FOG_STORE_ID] = calloc(FOG_STORE_OUTBOX_MAX, FOG_STORE_ID);
	u8 *file = malloc(FOG_STORE_MESSAGE_MAX);
	int count = -ENOMEM;
	size_t len;

	if (id != NULL && file != NULL)
		count = fog_mailstore_list(m->store, FOG_MAILSTORE_OUTBOX, id,
					   FOG_STORE_OUTBOX_MAX);
	for (int i = 0; i < count; i++) {
		if (fog_mailstore_get(m->store, FOG_MAILSTORE_OUTBOX, id[i], file,
				      FOG_STORE_MESSAGE_MAX, &len) == 0 &&
		    len >= 64 + FOG_MAIL_HEAD && len <= 64 + FOG_MAIL_HEAD + FOG_MAIL_TEXT_MAX)
			(void)out_begin(m, id[i], file, len, now_ns);
	}
	free(file);
	free(id);
	return count < 0 ? count : 0;
}

int fog_mail_init(struct fog_mail *m, const struct fog_mail_ops *ops, void *user,
		  struct fog_mailstore *store, const u8 seed[32], const u8 rng_seed[32], u64 now_ns,
		  u64 now_ms)
{
	memset(m, 0, sizeof(*m));
	m->ops = ops;
	m->user = user;
	m->store = store;
	m->wall_offset_ms = (i64)(now_ms - now_ns / MS);
	m->judge_ns = now_ns;
	int rc = fog_sphinx_geometry_init(&m->geometry, FOG_SPHINX_NIKE, 5, FOG_BODY_SIZE);
	FOG_ASSERT(rc == 0);
	FOG_ASSERT(FOG_MAIL_SEAL_AT + FOG_MAIL_SEALED == m->geometry.payload);
	FOG_ASSERT(FOG_MAIL_SURB_AT + m->geometry.surb == FOG_MAIL_SEAL_AT);
	fog_seal_keys(&m->box, seed);
	fog_rng_init(&m->rng, rng_seed);
	m->out = calloc(FOG_MAIL_OUT_MAX, sizeof(*m->out));
	m->reply = calloc(FOG_MAIL_REPLIES_MAX, sizeof(*m->reply));
	m->loop = calloc(FOG_MAIL_LOOPS_MAX, sizeof(*m->loop));
	m->partial = calloc(FOG_MAIL_PARTIAL_MAX, sizeof(*m->partial));
	if (m->out == NULL || m->reply == NULL || m->loop == NULL || m->partial == NULL) {
		fog_mail_free(m);
		return -ENOMEM;
	}
	rc = outbox_load(m, now_ns);
	if (rc < 0)
		fog_mail_free(m);
	return rc;
}

void fog_mail_free(struct fog_mail *m)
{
	for (u32 i = 0; m->out != NULL && i < FOG_MAIL_OUT_MAX; i++)
		free(m->out[i].text);
	for (u32 i = 0; m->partial != NULL && i < FOG_MAIL_PARTIAL_MAX; i++)
		free(m->partial[i].text);
	if (m->reply != NULL)
		fog_wipe(m->reply, FOG_MAIL_REPLIES_MAX * sizeof(*m->reply));
	free(m->out);
	free(m->reply);
	free(m->loop);
	free(m->partial);
	m->out = NULL;
	m->reply = NULL;
	m->loop = NULL;
	m->partial = NULL;
	fog_wipe(&m->box, sizeof(m->box));
	fog_rng_wipe(&m->rng);
}
