/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixnet as this host's control plane sees it: key epochs by the clock, our keys in our
 * descriptor, layers and keys of all mixes for the edge, messages for the API.
 *
 * Layers. The mixes are in the order of their lots (directory/lots.h), cut into three. Who shows no
 * lot mixes in no layer. Until three mixes have shown theirs, layers are dealt: the same, in the
 * order of SHA-256(label, epoch, node id). Where directories differ for a moment, senders draw
 * slightly different paths, all of which work: a mix takes whatever comes under a live key. */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/trust.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define LAYERS    FOG_DRAW_LAYERS
#define NO_LAYER  255
#define HOSTS_MAX 448 /* what fits a line of control.sock; more: those first in the order */
#define LABEL     "fog mix layer 1"
/* Keys of the last epoch go on for this share of an epoch, at most two minutes. */
#define GRACE_SHARE  4
#define GRACE_MS_MAX 120000u
#define TICK_S       1.0

static u64 epoch_ms(const struct fog_host *h)
{
	return 60000ull * (u64)h->config.mix_epoch_minutes;
}

void fog_host_mix_policy(const struct fog_host *h, struct fog_snapshot *p)
{
	const struct fog_config *c = &h->config;

	p->mix_epoch = h->mix.epoch;
	p->mix_oldest = h->mix.oldest;
	p->mix_mode = strcmp(c->mix_mode, "threshold") == 0 ? 1
		      : strcmp(c->mix_mode, "pool") == 0    ? 2
							    : 0;
	p->mix_threshold = (u32)c->mix_threshold;
	p->mix_pool_min = (u32)c->mix_pool_min;
	p->mix_interval_ms = (u32)c->mix_interval_ms;
	p->mix_link_interval_us = 1000 * (u32)c->mix_link_interval_ms;
	p->mix_link_poisson = c->mix_link_poisson;
}

static void provider_id(const struct fog_host *h, u8 out[32])
{
	if (fog_hex_decode(h->config.mix_provider, out, 32) != 0)
		memcpy(out, h->id.node_id, 32);
}

void fog_host_mix_descriptor(const struct fog_host *h, struct fog_descriptor *d)
{
	d->has_mix = h->config.mix_enable && h->mix.mailbox_known && h->mix.key_count > 0;
	if (!d->has_mix)
		return;
	memcpy(d->mailbox, h->mix.mailbox, 32);
	provider_id(h, d->mail_provider);
	d->mix_count = h->mix.key_count;
	for (u32 i = 0; i < d->mix_count; i++) {
		d->mix[i].epoch = h->mix.key[i].epoch;
		memcpy(d->mix[i].key, h->mix.key[i].key, 32);
	}
}

void fog_host_mix_mailbox(struct fog_host *h, const u8 *mailbox)
{
	bool known = mailbox != NULL;

	if (known == h->mix.mailbox_known && (!known || memcmp(mailbox, h->mix.mailbox, 32) == 0))
		return;
	h->mix.mailbox_known = known;
	if (known)
		memcpy(h->mix.mailbox, mailbox, 32);
	fog_host_publish_soon(h);
}

/* ---- topology ----------------------------------------------------------------------------- */

struct member {
	u8 order[32];
	const struct fog_descriptor *d;
	const u8 *key;
	bool mixes;
	u8 layer;
};

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct member *)a)->order, ((const struct member *)b)->order, 32);
}

static const u8 *key_of(const struct fog_descriptor *d, u64 epoch)
{
	for (u32 i = 0; d->has_mix && i < d->mix_count; i++)
		if (d->mix[i].epoch == epoch)
			return d->mix[i].key;
	return NULL;
}

static void dealt_order(const struct fog_host *h, const u8 node_id[32], u8 order[32])
{
	u8 text[sizeof(LABEL) + 8 + 32];

	memcpy(text, LABEL, sizeof(LABEL));
	fog_store_u64(text + sizeof(LABEL), h->mix.epoch);
	memcpy(text + sizeof(LABEL) + 8, node_id, 32);
	fog_hash_sha256(order, text, sizeof(text));
}

/* By the lots of that epoch, or dealt when it is 0. Returns how many there are. */
static u32 members_fill(const struct fog_host *h, struct member *m, u64 epoch, u32 *mixes)
{
	u8 beta[FOG_VRF_OUTPUT_SIZE];
	u32 count = 0;

	*mixes = 0;
	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		struct member *k = &m[count];
		*k = (struct member){.d = d, .key = key_of(d, h->mix.epoch), .layer = NO_LAYER};
		if (k->key == NULL)
			continue;
		k->mixes = (d->roles & FOG_ROLE_RELAY) != 0;
		if (k->mixes && epoch != 0)
			k->mixes = fog_lots_find(h->draws->lots, FOG_DRAW_MIX, epoch, d->node_id,
						 NULL, beta);
		if (k->mixes && epoch != 0)
			memcpy(k->order, beta, sizeof(k->order));
		else
			dealt_order(h, d->node_id, k->order);
		*mixes += k->mixes;
		count++;
	}
	qsort(m, count, sizeof(m[0]), compare);
	return count;
}

/* A mix that is worse than a newcomer goes, as long as its layer has another. */
static void bad_leave(const struct fog_host *h, struct member *m, u32 count)
{
	u32 left[LAYERS] = {0};

	for (u32 i = 0; i < count; i++)
		if (m[i].layer < LAYERS)
			left[m[i].layer]++;
	for (u32 i = 0; i < count; i++)
		if (m[i].layer < LAYERS && left[m[i].layer] > 1 &&
		    fog_host_weight(h, m[i].d->node_id) < FOG_NEWCOMER_TRUST) {
			left[m[i].layer]--;
			m[i].layer = NO_LAYER;
		}
}

/* *epoch: of the lots; 0: dealt. The mixes among those returned are in order. */
static u32 members_find(const struct fog_host *h, struct member *m, u64 *epoch)
{
	u64 now_ms = fog_loop_now_ms(h->loop);
	u32 mixes = 0, rank = 0, count = 0;

	*epoch = fog_lots_epoch(h->draws->lots, FOG_DRAW_MIX, LAYERS, now_ms);
	if (*epoch != 0)
		count = members_fill(h, m, *epoch, &mixes);
	if (mixes < LAYERS) {
		*epoch = 0;
		count = members_fill(h, m, 0, &mixes);
	}
	count = FOG_MIN(count, (u32)HOSTS_MAX);
	mixes = 0;
	for (u32 i = 0; i < count; i++)
		mixes += m[i].mixes;
	for (u32 i = 0; i < count; i++)
		if (m[i].mixes)
			m[i].layer = (u8)fog_mix_layer(rank++, mixes);
	return count;
}

u32 fog_host_mix_order(const struct fog_host *h, struct fog_lot **out)
{
	struct member *m = calloc(FOG_DIRECTORY_HOSTS_MAX, sizeof(*m));
	u8 beta[FOG_VRF_OUTPUT_SIZE];
	u64 epoch = 0;
	u32 n = 0;

	*out = calloc(HOSTS_MAX, sizeof(**out));
	u32 count = m != NULL && *out != NULL && h->mix.epoch != 0 ? members_find(h, m, &epoch) : 0;
	for (u32 i = 0; epoch != 0 && i < count; i++)
		if (m[i].mixes && fog_lots_find(h->draws->lots, FOG_DRAW_MIX, epoch,
						m[i].d->node_id, &(*out)[n], beta))
			n++;
	free(m);
	return n;
}

/* Said once when it changes: from what the layers come. */
static void lots_tell(struct fog_host *h, u64 epoch)
{
	bool drawn = epoch != 0;

	if (drawn == h->mix.drawn)
		return;
	h->mix.drawn = drawn;
	fog_log(drawn ? FOG_LOG_INFO : FOG_LOG_WARNING, "mix", "layers by=%s",
		drawn ? "lots" : "dealing, for want of lots");
}

json_t *fog_host_mix_topology(struct fog_host *h)
{
	struct member *m = calloc(FOG_DIRECTORY_HOSTS_MAX, sizeof(*m));
	json_t *hosts = json_array();
	char line[160], id[65], key[65];
	u8 provider[32];

	if (m == NULL || h->mix.epoch == 0) {
		free(m);
		json_decref(hosts);
		return NULL;
	}
	u64 lots_epoch;
	u32 count = members_find(h, m, &lots_epoch);
	bad_leave(h, m, count);
	lots_tell(h, lots_epoch);
	for (u32 i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s%s%u", fog_node_id_hex(m[i].d->node_id, id),
			 fog_node_id_hex(m[i].key, key), m[i].layer);
		json_array_append_new(hosts, json_string(line));
	}
	free(m);
	provider_id(h, provider);
	const struct fog_config *c = &h->config;
	return json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:o}", "node_id",
			 fog_node_id_hex(h->id.node_id, id), "epoch", (json_int_t)h->mix.epoch,
			 "delay_us", (json_int_t)(1000 * c->mix_delay_ms), "provider",
			 fog_node_id_hex(provider, key), "real_per_minute",
			 (json_int_t)c->mix_real_per_minute, "loop_per_minute",
			 (json_int_t)c->mix_loop_per_minute, "drop_per_minute",
			 (json_int_t)c->mix_drop_per_minute, "hosts", hosts);
}

static void topology_tell(struct fog_host *h)
{
	json_t *t = fog_host_mix_topology(h);
	char *text = t != NULL ? json_dumps(t, JSON_COMPACT) : NULL;

	json_decref(t);
	if (text == NULL)
		return;
	if (h->mix.told != NULL && strcmp(h->mix.told, text) == 0) {
		free(text);
		return;
	}
	free(h->mix.told);
	h->mix.told = text;
	fog_edge_server_mixnet(h->edge);
}

/* ---- epochs ------------------------------------------------------------------------------- */

static void epoch_turn(struct fog_host *h)
{
	u64 now_ms = fog_loop_now_ms(h->loop), length = epoch_ms(h);
	u64 epoch = h->config.mix_enable ? now_ms / length : 0;
	u64 grace = FOG_MIN(length / GRACE_SHARE, (u64)GRACE_MS_MAX);
	u64 oldest = epoch != 0 && now_ms % length < grace ? epoch - 1 : epoch;

	if (epoch == h->mix.epoch && oldest == h->mix.oldest)
		return;
	h->mix.epoch = epoch;
	h->mix.oldest = oldest;
	fog_host_policy_set(h);
}

static void keys_read(struct fog_host *h)
{
	struct fog_dpclient_info info;
	struct fog_host_mix fresh = h->mix;

	if (fog_dpclient_info(h->dp, &info) != 0)
		return; /* what we said of the data plane holds until it is back */
	memset(fresh.key, 0, sizeof(fresh.key));
	fresh.key_count = 0;
	/* In the order of epochs, that of the places turns. */
	for (u64 e = h->mix.oldest; h->mix.epoch != 0 && e <= h->mix.epoch + 1; e++)
		for (unsigned i = 0; i < FOG_MIX_KEYS; i++)
			if (e != 0 && info.mix_epoch[i] == e) {
				fresh.key[fresh.key_count].epoch = e;
				memcpy(fresh.key[fresh.key_count++].key, info.mix_key[i], 32);
			}
	if (fresh.key_count == h->mix.key_count &&
	    memcmp(fresh.key, h->mix.key, sizeof(fresh.key)) == 0)
		return;
	memcpy(h->mix.key, fresh.key, sizeof(fresh.key));
	h->mix.key_count = fresh.key_count;
	fog_host_publish_soon(h);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;

	epoch_turn(h);
	keys_read(h);
	topology_tell(h);
}

void fog_host_mix_start(struct fog_host *h)
{
	ev_timer_init(&h->mix.timer, on_tick, 0.0, TICK_S);
	h->mix.timer.data = h;
	ev_timer_start(h->loop, &h->mix.timer);
}

void fog_host_mix_stop(struct fog_host *h)
{
	ev_timer_stop(h->loop, &h->mix.timer);
	free(h->mix.told);
	h->mix.told = NULL;
}

/* {"op":"suspect","node_id","kind","loops","bad","others","others_bad"} */
void fog_host_mix_suspect(struct fog_host *h, const json_t *m)
{
	const char *id = json_string_value(json_object_get(m, "node_id"));
	const char *kind = json_string_value(json_object_get(m, "kind"));
	json_int_t loops = json_integer_value(json_object_get(m, "loops"));
	json_int_t bad = json_integer_value(json_object_get(m, "bad"));
	char proof[160];
	u8 node[32];

	if (id == NULL || kind == NULL || fog_hex_decode(id, node, 32) != 0 || loops <= 0 ||
	    bad < 0 || bad > loops || loops > UINT32_MAX)
		return;
	snprintf(proof, sizeof(proof),
		 "%s: %lld of %lld loop messages through it, %lld of %lld of the others", kind,
		 (long long)bad, (long long)loops,
		 (long long)json_integer_value(json_object_get(m, "others_bad")),
		 (long long)json_integer_value(json_object_get(m, "others")));
	h->mix.suspicions++;
	fog_log(FOG_LOG_WARNING, "mix", "a mix is suspected host=\"%.8s\" what=\"%s\"", id, proof);
	int rc =
		fog_host_observed_mix(h, node, h->mix.epoch, (u32)loops, (u32)(loops - bad), proof);
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "mix", "evidence not taken: %s", strerror(-rc));
}

/* ---- API ---------------------------------------------------------------------------------- */

static void on_answer(void *ctx, int rc, const json_t *answer)
{
	struct fog_exchange *x = ctx;
	const char *error = json_string_value(json_object_get(answer, "error"));
	json_int_t status = json_integer_value(json_object_get(answer, "status"));

	if (rc == -ETIMEDOUT) {
		fog_exchange_problem(x, 504, "fog-edge did not answer in time");
	} else if (rc != 0) {
		fog_exchange_problem(x, 503, "no fog-edge is connected on this host");
	} else if (!json_is_true(json_object_get(answer, "ok"))) {
		fog_exchange_problem(x, status >= 400 && status < 600 ? (unsigned)status : 500,
				     "%s", error != NULL ? error : "fog-edge failed");
	} else {
		json_t *copy = json_deep_copy(answer);
		json_object_del(copy, "op");
		json_object_del(copy, "id");
		json_object_del(copy, "ok");
		fog_exchange_json(x, 200, copy);
	}
}

static int ask(struct fog_exchange *x, json_t *arguments)
{
	struct fog_host *h = fog_exchange_ctx(x);

	int rc = fog_edge_server_request(h->edge, "message", arguments, on_answer, x);
	return rc == 0 ? 0 : fog_exchange_problem(x, 503, "no fog-edge is connected on this host");
}

static int message_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x);
	const char *to = json_string_value(json_object_get(body, "to"));
	const char *text = json_string_value(json_object_get(body, "text"));
	const struct fog_signed_descriptor *s;
	char provider[65], mailbox[65];

	if (to == NULL || text == NULL)
		return fog_exchange_problem(x, 400, "wants \"to\" (a host) and \"text\"");
	int rc = fog_directory_lookup(h->directory, to, &s);
	if (rc != 0)
		return fog_exchange_problem(
			x, rc == -EEXIST ? 409 : 404,
			rc == -EEXIST ? "\"%s\" fits several hosts" : "no host \"%s\"", to);
	if (!s->d.has_mix)
		return fog_exchange_problem(x, 409, "%s takes no messages", s->d.name);
	return ask(x, json_pack("{s:s, s:s, s:s, s:s}", "action", "send", "provider",
				fog_node_id_hex(s->d.mail_provider, provider), "mailbox",
				fog_node_id_hex(s->d.mailbox, mailbox), "text", text));
}

static int messages_get(struct fog_exchange *x)
{
	return ask(x, json_pack("{s:s}", "action", "list"));
}

static int message_get(struct fog_exchange *x)
{
	return ask(x, json_pack("{s:s, s:s}", "action", "read", "message",
				fog_exchange_param(x, "id")));
}

static int message_delete(struct fog_exchange *x)
{
	return ask(x, json_pack("{s:s, s:s}", "action", "delete", "message",
				fog_exchange_param(x, "id")));
}

static const struct fog_route routes[] = {
	{"POST", "/v1/messages", message_post,
	 FOG_DESCRIBE("Send a message through the mixnet", .creates = true,
		      .request = "{to: node, text: string ..32768}",
		      .answer = "{message: hex32, state: string, ...}")},
	{"GET", "/v1/messages", messages_get,
	 FOG_DESCRIBE("Messages sent and received", .scope = FOG_SCOPE_ADMIN,
		      .answer = "{outgoing: [object], incoming: [object], ...}")},
	{"GET", "/v1/messages/{id}", message_get,
	 FOG_DESCRIBE("Read a message", .scope = FOG_SCOPE_ADMIN,
		      .answer = "{message: hex32, text: string, ...}")},
	{"DELETE", "/v1/messages/{id}", message_delete,
	 FOG_DESCRIBE("Forget a message", .scope = FOG_SCOPE_ADMIN, .answer = "object")},
};

void fog_host_mix_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
