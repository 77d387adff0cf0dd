/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/validator/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"

#define PEERS_MAX    (FOG_VALIDATORS_MAX + FOG_NET_FOLLOWERS_MAX)
#define QUEUED_LOW   (256 * 1024) /* bytes in the channel below which it gets more */
#define MORE         1
#define RETRY_TICK_S 0.1
#define KEEP_S       3.0 /* an empty fragment so often keeps the channel open */

struct peer {
	struct fog_net *net;
	struct fog_channel *channel;
	bool used, ready, outbound, validator;
	u8 node_id[32], control_pk[32];
	struct fog_address address;
	u64 retry_ms, retry_wait_ms, spoke_ms;

	struct fog_net_buffer **queue; /* ring of FOG_NET_MESSAGES_MAX */
	u32 head, count, done;         /* bytes of the first that were given to the channel */
	u64 queued;

	u8 *in;
	u32 in_used, in_cap;
};

struct fog_net {
	struct ev_loop *loop;
	const struct fog_identity *id;
	struct fog_net_events events;
	struct fog_listener listener;
	struct ev_timer retry;
	bool validator; /* we are one */
	struct peer peers[PEERS_MAX];
	struct fog_net_counts counts;
};

/* ---- queues --------------------------------------------------------------------------------- */

struct fog_net_buffer *fog_net_buffer_new(u8 type, const void *data, u32 len)
{
	struct fog_net_buffer *b = malloc(sizeof(*b) + 1 + (size_t)len);

	if (b == NULL)
		return NULL;
	b->references = 1;
	b->len = len + 1;
	b->data[0] = type;
	if (len != 0)
		memcpy(b->data + 1, data, len);
	return b;
}

void fog_net_buffer_unref(struct fog_net_buffer *b)
{
	if (b != NULL && --b->references == 0)
		free(b);
}

static void queue_clear(struct peer *p)
{
	for (; p->count > 0; p->count--, p->head = (p->head + 1) % FOG_NET_MESSAGES_MAX)
		fog_net_buffer_unref(p->queue[p->head]);
	p->done = 0;
	p->queued = 0;
}

static void pump(struct peer *p)
{
	u8 fragment[1 + FOG_NET_FRAGMENT];

	while (p->ready && p->count > 0 && fog_channel_queued(p->channel) < QUEUED_LOW) {
		struct fog_net_buffer *b = p->queue[p->head];
		u32 n = FOG_MIN(b->len - p->done, FOG_NET_FRAGMENT);
		fragment[0] = p->done + n < b->len ? MORE : 0;
		memcpy(fragment + 1, b->data + p->done, n);
		if (fog_channel_send(p->channel, fragment, 1 + n) != 0)
			return;
		p->spoke_ms = fog_monotonic_ms();
		p->done += n;
		p->queued -= n;
		if (p->done < b->len)
			continue;
		p->net->counts.messages_tx++;
		p->net->counts.bytes_tx += b->len;
		fog_net_buffer_unref(b);
		p->head = (p->head + 1) % FOG_NET_MESSAGES_MAX;
		p->count--;
		p->done = 0;
	}
}

static void enqueue(struct peer *p, struct fog_net_buffer *b)
{
	if (!p->ready)
		return;
	if (p->count == FOG_NET_MESSAGES_MAX || p->queued + b->len > FOG_NET_QUEUE_MAX) {
		p->net->counts.dropped_full++;
		return;
	}
	p->queue[(p->head + p->count++) % FOG_NET_MESSAGES_MAX] = b;
	b->references++;
	p->queued += b->len;
	pump(p);
}

void fog_net_send(struct fog_net *n, u32 peer, struct fog_net_buffer *b)
{
	if (peer < PEERS_MAX && n->peers[peer].used)
		enqueue(&n->peers[peer], b);
}

void fog_net_send_node(struct fog_net *n, const u8 node_id[32], struct fog_net_buffer *b)
{
	for (u32 i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &n->peers[i];
		if (p->used && p->validator && memcmp(p->node_id, node_id, 32) == 0)
			enqueue(p, b);
	}
}

void fog_net_broadcast(struct fog_net *n, struct fog_net_buffer *b, bool validators_only)
{
	for (u32 i = 0; i < PEERS_MAX; i++)
		if (n->peers[i].used && (n->peers[i].validator || !validators_only))
			enqueue(&n->peers[i], b);
}

/* ---- connections ---------------------------------------------------------------------------- */

/* Close; a validator's place stays and is called again. */
static void peer_down(struct peer *p)
{
	struct fog_net *n = p->net;

	if (p->ready && n->events.down != NULL)
		n->events.down(n->events.context, (u32)(p - n->peers));
	fog_channel_close(p->channel);
	p->channel = NULL;
	p->ready = false;
	p->in_used = 0;
	queue_clear(p);
	p->retry_ms = fog_monotonic_ms() + p->retry_wait_ms;
	p->retry_wait_ms = FOG_MIN(2 * p->retry_wait_ms, (u64)FOG_NET_RETRY_MS_MAX);
	if (!p->validator) {
		free(p->queue);
		free(p->in);
		p->queue = NULL;
		p->in = NULL;
		p->in_cap = 0;
		p->used = false;
	}
}

static struct peer *peer_new(struct fog_net *n, bool validator)
{
	u32 followers = 0;
	struct peer *found = NULL;

	for (u32 i = 0; i < PEERS_MAX; i++) {
		if (!n->peers[i].used && found == NULL)
			found = &n->peers[i];
		followers += n->peers[i].used && !n->peers[i].validator;
	}
	if (found == NULL || (!validator && followers == FOG_NET_FOLLOWERS_MAX))
		return NULL;
	memset(found, 0, sizeof(*found));
	found->queue = calloc(FOG_NET_MESSAGES_MAX, sizeof(*found->queue));
	if (found->queue == NULL)
		return NULL;
	found->net = n;
	found->used = true;
	found->validator = validator;
	found->retry_wait_ms = FOG_NET_RETRY_MS;
	return found;
}

/* A caller turns out to be validator `v`: his connection becomes v's. */
static void peer_merge(struct peer *p, struct peer *v)
{
	if (v->channel != NULL)
		peer_down(v);
	free(v->queue);
	free(v->in);
	p->validator = true;
	memcpy(p->node_id, v->node_id, 32);
	p->address = v->address;
	p->outbound = v->outbound;
	memset(v, 0, sizeof(*v));
}

static void on_ready(void *context, struct fog_channel *ch, const u8 remote_pk[32])
{
	struct peer *p = context;
	struct fog_net *n = p->net;

	memcpy(p->control_pk, remote_pk, 32);
	for (u32 i = 0; i < PEERS_MAX && !p->validator; i++) {
		struct peer *v = &n->peers[i];
		if (v->used && v->validator && memcmp(v->control_pk, remote_pk, 32) == 0)
			peer_merge(p, v);
	}
	p->ready = true;
	p->retry_wait_ms = FOG_NET_RETRY_MS;
	n->counts.connects++;
	n->events.up(n->events.context, (u32)(p - n->peers));
}

static int in_append(struct peer *p, const u8 *data, u32 len)
{
	if (p->in_used + len > FOG_NET_MESSAGE_MAX)
		return -EMSGSIZE;
	if (p->in_used + len > p->in_cap) {
		u32 cap = FOG_MAX(2 * p->in_cap, p->in_used + len);
		u8 *fresh = realloc(p->in, cap);
		if (fresh == NULL)
			return -ENOMEM;
		p->in = fresh;
		p->in_cap = cap;
	}
	memcpy(p->in + p->in_used, data, len);
	p->in_used += len;
	return 0;
}

static void on_message(void *context, struct fog_channel *ch, const u8 *data, u32 len)
{
	struct peer *p = context;
	struct fog_net *n = p->net;

	if (len == 1 && data[0] == 0 && p->in_used == 0)
		return; /* keeps the channel open */
	if (len < 1 || data[0] > MORE) {
		n->counts.dropped_malformed++;
		peer_down(p);
		return;
	}
	n->counts.bytes_rx += len;
	bool whole = p->in_used == 0 && data[0] == 0;
	if (!whole && in_append(p, data + 1, len - 1) != 0) {
		n->counts.dropped_malformed++;
		peer_down(p);
		return;
	}
	if (data[0] == MORE)
		return;
	n->counts.messages_rx++;
	/* The callee may send and so fill queues, but never closes a peer. */
	n->events.message(n->events.context, (u32)(p - n->peers), p->node_id, p->validator,
			  whole ? data + 1 : p->in, whole ? len - 1 : p->in_used);
	p->in_used = 0;
}

static void on_drained(void *context, struct fog_channel *ch)
{
	pump(context);
}

static void on_end(void *context, struct fog_channel *ch, int error)
{
	struct peer *p = context;

	fog_log(FOG_LOG_DEBUG, "quorum", "connection ended reason=\"%s\"", strerror(-error));
	peer_down(p);
}

static const struct fog_channel_events channel_events = {on_ready, on_message, on_drained, on_end};

static void on_accepted(void *context, int fd, const struct sockaddr_storage *address)
{
	struct fog_net *n = context;
	struct peer *p = peer_new(n, false);

	if (p == NULL ||
	    fog_channel_accept(&p->channel, n->loop, fd, n->id, &channel_events, p) != 0) {
		n->counts.refused++;
		close(fd);
		if (p != NULL)
			peer_down(p);
	}
}

static void on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_net *n = w->data;
	u64 now_ms = fog_monotonic_ms();
	u8 keep = 0;

	for (u32 i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &n->peers[i];
		if (p->used && p->ready && p->count == 0 && now_ms >= p->spoke_ms + KEEP_S * 1000) {
			p->spoke_ms = now_ms;
			(void)fog_channel_send(p->channel, &keep, 1); /* full: it is open */
		}
		if (!p->used || !p->outbound || p->channel != NULL || now_ms < p->retry_ms)
			continue;
		if (fog_channel_connect(&p->channel, loop, &p->address, p->control_pk, n->id,
					&channel_events, p) != 0)
			peer_down(p);
	}
}

/* ---- validators ----------------------------------------------------------------------------- */

static struct peer *validator_find(struct fog_net *n, const u8 node_id[32])
{
	for (u32 i = 0; i < PEERS_MAX; i++)
		if (n->peers[i].used && n->peers[i].validator &&
		    memcmp(n->peers[i].node_id, node_id, 32) == 0)
			return &n->peers[i];
	return NULL;
}

static void validator_add(struct fog_net *n, const struct fog_app_validator *v)
{
	struct peer *p = validator_find(n, v->node_id);

	if (p == NULL) {
		p = peer_new(n, true);
		if (p == NULL)
			return;
		memcpy(p->node_id, v->node_id, 32);
		memcpy(p->control_pk, v->control_pk, 32);
	} else if (memcmp(p->control_pk, v->control_pk, 32) != 0) {
		memcpy(p->control_pk, v->control_pk, 32);
		if (p->channel != NULL)
			peer_down(p);
	}
	memcpy(p->address.ip, v->address, 16);
	p->address.port = v->port;
	p->outbound = !n->validator || memcmp(n->id->control_pk, v->control_pk, 32) < 0;
}

void fog_net_set(struct fog_net *n, const struct fog_validators *set)
{
	n->validator = fog_validators_find(set, n->id->node_id) >= 0;
	for (u32 i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &n->peers[i];
		if (p->used && p->validator && fog_validators_find(set, p->node_id) < 0) {
			p->validator = false; /* its place goes with the connection */
			peer_down(p);
		}
	}
	for (u32 i = 0; i < set->count; i++)
		if (memcmp(set->v[i].node_id, n->id->node_id, 32) != 0)
			validator_add(n, &set->v[i]);
}

/* ---- life ----------------------------------------------------------------------------------- */

int fog_net_start(struct fog_net **out, struct ev_loop *loop, const struct fog_identity *id,
		  const struct fog_address *listen_at, const struct fog_net_events *events)
{
	struct fog_net *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	n->loop = loop;
	n->id = id;
	n->events = *events;
	if (listen_at != NULL) {
		int fd = fog_tcp_listen(listen_at, 128);
		if (fd < 0) {
			free(n);
			return fd;
		}
		fog_listener_start(&n->listener, loop, fd, "quorum.listen", on_accepted, n);
	}
	ev_timer_init(&n->retry, on_retry, 0.0, RETRY_TICK_S);
	n->retry.data = n;
	ev_timer_start(loop, &n->retry);
	*out = n;
	return 0;
}

void fog_net_stop(struct fog_net *n)
{
	if (n == NULL)
		return;
	n->events.down = NULL; /* the owner is on its way out, too */
	for (u32 i = 0; i < PEERS_MAX; i++)
		if (n->peers[i].used) {
			n->peers[i].validator = false;
			peer_down(&n->peers[i]);
		}
	ev_timer_stop(n->loop, &n->retry);
	fog_listener_stop(&n->listener);
	free(n);
}

void fog_net_counts(const struct fog_net *n, struct fog_net_counts *out)
{
	*out = n->counts;
	for (u32 i = 0; i < PEERS_MAX; i++)
		if (n->peers[i].used && n->peers[i].ready) {
			out->connected_validators += n->peers[i].validator;
			out->connected_followers += !n->peers[i].validator;
		}
}
