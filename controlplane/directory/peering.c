/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/peering.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define SESSIONS_MAX    (FOG_PEERING_INBOUND_MAX + FOG_PEERING_OUTBOUND_MAX + FOG_PEERING_TALKS_MAX)
#define ANNOUNCE_RANDOM 3 /* random hosts besides the bootstrap peers */

struct peer {
	struct fog_address address;
	u8 control_pk[32];
};

/* One meeting with another host. */
struct fog_talk {
	struct fog_peering *owner;
	struct fog_channel *channel; /* NULL = free */
	struct fog_gossip *gossip;
	struct ev_timer timer;
	bool outbound;
	bool heard;       /* a sealed message came: the other side is alive */
	u8 remote_pk[32]; /* outbound: whom we called; inbound: who proved to be it */
	/* A talk: no gossip. */
	bool talk;
	bool closing;  /* once what is queued has gone */
	json_t *first; /* ours, until the channel is ready */
	const struct fog_talk_events *events;
	void *ctx;
};

struct source {
	u8 net[8]; /* IPv6 /64, or the IPv4 address */
	u64 last_ms;
	u32 tokens;
};

struct fog_peering {
	struct ev_loop *loop;
	struct fog_directory *dir;
	const struct fog_identity *id;
	struct fog_talk_server server;
	struct fog_listener listener;
	struct ev_timer meeting;
	u32 interval_ms;
	struct fog_rng rng;
	u32 peer_count;
	struct peer peers[FOG_PEERING_BOOTSTRAP_MAX];
	struct fog_talk sessions[SESSIONS_MAX];
	struct source sources[FOG_PEERING_SOURCE_MAX];
	struct fog_peering_counts counts;
};

static void meeting_schedule(struct fog_peering *p, u32 ms)
{
	if (ev_is_active(&p->meeting) && ev_timer_remaining(p->loop, &p->meeting) * 1000.0 <= ms)
		return;
	ev_timer_stop(p->loop, &p->meeting);
	ev_timer_set(&p->meeting, ms / 1000.0, 0.0);
	ev_timer_start(p->loop, &p->meeting);
}

/* ---- sessions ------------------------------------------------------------------------------- */

static struct fog_talk *session_free(struct fog_peering *p, bool outbound, bool talk)
{
	u32 limit = !outbound ? FOG_PEERING_INBOUND_MAX
		    : talk    ? FOG_PEERING_TALKS_MAX
			      : FOG_PEERING_OUTBOUND_MAX;
	struct fog_talk *found = NULL;
	u32 used = 0;

	for (u32 i = 0; i < SESSIONS_MAX; i++) {
		struct fog_talk *s = &p->sessions[i];
		if (s->channel == NULL)
			found = s;
		else
			used += s->outbound == outbound && (!outbound || s->talk == talk);
	}
	return used < limit ? found : NULL;
}

static void session_close(struct fog_talk *s)
{
	ev_timer_stop(s->owner->loop, &s->timer);
	fog_channel_close(s->channel);
	fog_gossip_free(s->gossip);
	json_decref(s->first);
	s->channel = NULL;
	s->gossip = NULL;
	s->first = NULL;
	s->events = NULL;
}

/* The other side's or the network's doing; our own is fog_talk_close(). */
static void talk_end(struct fog_talk *s, const char *why)
{
	const struct fog_talk_events *events = s->closing ? NULL : s->events;
	void *ctx = s->ctx;

	session_close(s);
	if (events != NULL)
		events->end(ctx, why != NULL ? why : "closed by the other host");
}

/* `why` NULL: the exchange is complete. */
static void session_end(struct fog_talk *s, const char *why)
{
	struct fog_peering *p = s->owner;

	if (s->talk) {
		talk_end(s, why);
		return;
	}
	if (s->gossip != NULL) {
		const struct fog_gossip_result *r = fog_gossip_result(s->gossip);
		p->counts.descriptors_rx += r->accepted;
		p->counts.descriptors_tx += r->sent;
		if (r->accepted != 0)
			meeting_schedule(p, FOG_PEERING_NEWS_MS);
	}
	if (why == NULL)
		p->counts.finished++;
	else
		p->counts.failed++;
	fog_log(FOG_LOG_DEBUG, "directory", "exchange ended outbound=%d reason=\"%s\"", s->outbound,
		why != NULL ? why : "complete");
	session_close(s);
}

static void session_check(struct fog_talk *s)
{
	if (s->gossip != NULL && fog_gossip_finished(s->gossip) &&
	    fog_channel_queued(s->channel) == 0)
		session_end(s, NULL);
}

static int on_gossip_send(void *ctx, const char *text, u32 len)
{
	struct fog_talk *s = ctx;

	return fog_channel_send(s->channel, text, len);
}

static void talk_ready(struct fog_talk *s)
{
	json_t *first = s->first;

	s->first = NULL;
	int rc = fog_talk_send(s, first);
	if (rc != 0)
		session_end(s, strerror(-rc));
}

static void on_ready(void *ctx, struct fog_channel *ch, const u8 remote_pk[32])
{
	struct fog_talk *s = ctx;

	memcpy(s->remote_pk, remote_pk, 32);
	if (s->talk) {
		talk_ready(s);
		return;
	}
	int rc = fog_gossip_new(&s->gossip, s->owner->dir, on_gossip_send, s);
	/* The accepting side keeps silent until its caller has proved to be alive. */
	if (rc == 0 && s->outbound)
		rc = fog_gossip_pump(s->gossip);
	if (rc != 0)
		session_end(s, strerror(-rc));
}

static bool begins_talk(const u8 *data, u32 len)
{
	static const char start[] = "{\"talk\":";

	return len > sizeof(start) && memcmp(data, start, sizeof(start) - 1) == 0;
}

/* NULL when the talk may go on. */
static const char *talk_message(struct fog_talk *s, const u8 *data, u32 len)
{
	const struct fog_talk_server *server = &s->owner->server;
	json_t *m = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);

	if (s->closing || !json_is_object(m)) {
		json_decref(m);
		return s->closing ? NULL : "a message is no JSON object";
	}
	bool known = s->events != NULL;
	if (known)
		s->events->message(s->ctx, s, m);
	else
		known = server->begin != NULL &&
			server->begin(server->server, s, m, &s->events, &s->ctx);
	json_decref(m);
	return known ? NULL : "nobody here answers such a talk";
}

static void on_message(void *ctx, struct fog_channel *ch, const u8 *data, u32 len)
{
	struct fog_talk *s = ctx;
	char text[FOG_GOSSIP_WHY_SIZE];
	const char *why = NULL;

	if (!s->heard && !s->outbound && begins_talk(data, len))
		s->talk = true;
	s->heard = true;
	if (s->talk) {
		why = talk_message(s, data, len);
	} else {
		int rc = fog_gossip_message(s->gossip, data, len, fog_loop_now_ms(s->owner->loop),
					    text);
		if (rc != 0)
			why = text[0] != '\0' ? text : strerror(-rc);
	}
	if (why != NULL)
		session_end(s, why);
	else if (!s->talk)
		session_check(s);
}

static void on_drained(void *ctx, struct fog_channel *ch)
{
	struct fog_talk *s = ctx;

	if (s->talk && s->closing)
		session_close(s);
	if (s->talk || s->gossip == NULL || (!s->outbound && !s->heard))
		return;
	int rc = fog_gossip_pump(s->gossip);
	if (rc != 0)
		session_end(s, strerror(-rc));
	else
		session_check(s);
}

static void on_end(void *ctx, struct fog_channel *ch, int error)
{
	struct fog_talk *s = ctx;
	bool complete = s->gossip != NULL && fog_gossip_finished(s->gossip);

	if (complete)
		session_end(s, NULL);
	else
		session_end(s, error != 0 ? strerror(-error) : "closed before the end");
}

static const struct fog_channel_events channel_events = {on_ready, on_message, on_drained, on_end};

static void on_session_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	session_end(w->data, "takes too long");
}

static void session_begin(struct fog_talk *s, struct fog_peering *p, bool outbound)
{
	s->owner = p;
	s->gossip = NULL;
	s->talk = s->closing = false;
	s->events = NULL;
	s->outbound = outbound;
	s->heard = false;
	ev_timer_init(&s->timer, on_session_timer, FOG_PEERING_SESSION_MS / 1000.0, 0.0);
	s->timer.data = s;
	ev_timer_start(p->loop, &s->timer);
}

/* ---- inbound -------------------------------------------------------------------------------- */

static void net_of(const struct sockaddr_storage *sa, u8 net[8])
{
	memset(net, 0, 8);
	if (sa->ss_family == AF_INET)
		memcpy(net, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else
		memcpy(net, &((const struct sockaddr_in6 *)sa)->sin6_addr, 8);
}

/* Token bucket per source network; when the table is full the one unseen longest makes room. */
static bool rate_pass(struct fog_peering *p, const struct sockaddr_storage *sa, u64 now_ms)
{
	struct source *s = NULL, *oldest = &p->sources[0];
	u8 net[8];

	net_of(sa, net);
	for (u32 i = 0; i < FOG_PEERING_SOURCE_MAX && s == NULL; i++) {
		if (p->sources[i].last_ms != 0 && memcmp(p->sources[i].net, net, 8) == 0)
			s = &p->sources[i];
		if (p->sources[i].last_ms < oldest->last_ms)
			oldest = &p->sources[i];
	}
	if (s == NULL) {
		s = oldest;
		*s = (struct source){.last_ms = now_ms, .tokens = FOG_PEERING_SOURCE_BURST};
		memcpy(s->net, net, 8);
	}
	u64 earned = (now_ms - s->last_ms) * FOG_PEERING_SOURCE_RATE / 1000;
	if (earned != 0) {
		s->tokens = (u32)FOG_MIN(s->tokens + earned, (u64)FOG_PEERING_SOURCE_BURST);
		s->last_ms = now_ms;
	}
	if (s->tokens == 0)
		return false;
	s->tokens--;
	return true;
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *sa)
{
	struct fog_peering *p = ctx;
	struct fog_talk *s = session_free(p, false, false);

	if (!rate_pass(p, sa, fog_monotonic_ms() + 1)) {
		p->counts.refused_rate++;
		close(fd);
		return;
	}
	if (s == NULL) {
		p->counts.refused_full++;
		close(fd);
		return;
	}
	if (fog_channel_accept(&s->channel, p->loop, fd, p->id, &channel_events, s) != 0) {
		close(fd);
		return;
	}
	p->counts.inbound++;
	session_begin(s, p, false);
}

/* ---- outbound ------------------------------------------------------------------------------- */

static bool meeting_now(const struct fog_peering *p, const u8 pk[32])
{
	for (u32 i = 0; i < SESSIONS_MAX; i++) {
		const struct fog_talk *s = &p->sessions[i];
		if (s->channel != NULL && s->outbound && !s->talk &&
		    memcmp(s->remote_pk, pk, 32) == 0)
			return true;
	}
	return false;
}

static void meet(struct fog_peering *p, const struct fog_address *address, const u8 pk[32])
{
	struct fog_talk *s = session_free(p, true, false);

	if (s == NULL || meeting_now(p, pk) || memcmp(pk, p->id->control_pk, 32) == 0)
		return;
	int rc = fog_channel_connect(&s->channel, p->loop, address, pk, p->id, &channel_events, s);
	if (rc != 0) {
		p->counts.failed++;
		fog_log(FOG_LOG_DEBUG, "directory", "cannot connect reason=\"%s\"", strerror(-rc));
		return;
	}
	p->counts.outbound++;
	memcpy(s->remote_pk, pk, 32);
	session_begin(s, p, true);
}

/* A random host of the directory or of the bootstrap list. */
static void meet_random(struct fog_peering *p)
{
	u32 known = fog_directory_count(p->dir), total = known + p->peer_count;

	/* A few draws, because one may hit ourselves. */
	for (u32 tries = 0; total != 0 && tries < 8; tries++) {
		u32 i = (u32)fog_rng_below(&p->rng, total);
		if (i >= known) {
			meet(p, &p->peers[i - known].address, p->peers[i - known].control_pk);
			return;
		}
		const struct fog_descriptor *d = &fog_directory_at(p->dir, i)->d;
		if (memcmp(d->node_id, p->id->node_id, 32) == 0)
			continue;
		meet(p, &d->control, d->control_pk);
		return;
	}
}

static void meet_bootstrap(struct fog_peering *p)
{
	for (u32 i = 0; i < FOG_MIN(p->peer_count, (u32)FOG_PEERING_OUTBOUND_MAX / 2); i++) {
		u32 at = p->peer_count <= FOG_PEERING_OUTBOUND_MAX / 2
				 ? i
				 : (u32)fog_rng_below(&p->rng, p->peer_count);
		meet(p, &p->peers[at].address, p->peers[at].control_pk);
	}
}

/* Around the interval, so that hosts started together do not meet in step. */
static u32 jittered(struct fog_peering *p, u32 ms)
{
	return ms / 2 + (u32)fog_rng_below(&p->rng, ms + 1);
}

static void on_meeting(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_peering *p = w->data;
	bool lonely = fog_directory_count(p->dir) <= 1;

	if (lonely)
		meet_bootstrap(p);
	else
		meet_random(p);
	u32 interval =
		lonely ? FOG_MIN(p->interval_ms, (u32)FOG_PEERING_LONELY_MS) : p->interval_ms;
	meeting_schedule(p, jittered(p, interval));
}

void fog_peering_announce(struct fog_peering *p)
{
	meet_bootstrap(p);
	for (u32 i = 0; i < ANNOUNCE_RANDOM; i++)
		meet_random(p);
}

const struct fog_peering_counts *fog_peering_counts(const struct fog_peering *p)
{
	return &p->counts;
}

/* ---- talks ---------------------------------------------------------------------------------- */

int fog_peering_talk(struct fog_peering *p, const struct fog_address *address, const u8 pk[32],
		     json_t *first, const struct fog_talk_events *events, void *ctx,
		     struct fog_talk **out)
{
	struct fog_talk *s = session_free(p, true, true);
	int rc = first == NULL ? -ENOMEM : s == NULL ? -EAGAIN : 0;

	if (rc == 0)
		rc = fog_channel_connect(&s->channel, p->loop, address, pk, p->id, &channel_events,
					 s);
	if (rc != 0) {
		json_decref(first);
		return rc;
	}
	session_begin(s, p, true);
	s->talk = true;
	s->first = first;
	s->events = events;
	s->ctx = ctx;
	*out = s;
	return 0;
}

void fog_peering_serve(struct fog_peering *p, const struct fog_talk_server *server)
{
	p->server = *server;
}

int fog_talk_send(struct fog_talk *t, json_t *m)
{
	char *text = m != NULL ? json_dumps(m, JSON_COMPACT) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;

	json_decref(m);
	if (text == NULL)
		return -ENOMEM;
	int rc = len <= FOG_CHANNEL_MESSAGE_MAX ? fog_channel_send(t->channel, text, (u32)len)
						: -EMSGSIZE;
	free(text);
	return rc;
}

void fog_talk_close(struct fog_talk *t)
{
	t->closing = true;
	if (fog_channel_queued(t->channel) == 0)
		session_close(t);
}

const u8 *fog_talk_peer(const struct fog_talk *t)
{
	return t->remote_pk;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void peers_read(struct fog_peering *p, const struct fog_config_list *peers)
{
	char hex[65];

	for (u32 i = 0; i < peers->count && p->peer_count < FOG_PEERING_BOOTSTRAP_MAX; i++) {
		struct peer *e = &p->peers[p->peer_count];
		if (fog_config_peer_parse(peers->items[i], &e->address, hex) == 0 &&
		    fog_hex_decode(hex, e->control_pk, 32) == 0)
			p->peer_count++;
	}
}

int fog_peering_start(struct fog_peering **out, struct ev_loop *loop, struct fog_directory *dir,
		      const struct fog_identity *id, const struct fog_address *listen_at,
		      const struct fog_config_list *peers, u32 interval_ms)
{
	struct fog_peering *p = calloc(1, sizeof(*p));
	u8 seed[FOG_RNG_SEED_SIZE];

	if (p == NULL)
		return -ENOMEM;
	p->loop = loop;
	p->dir = dir;
	p->id = id;
	p->interval_ms = interval_ms;
	int fd = fog_tcp_listen(listen_at, 128);
	if (fd < 0) {
		free(p);
		return fd;
	}
	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&p->rng, seed);
	peers_read(p, peers);
	fog_listener_start(&p->listener, loop, fd, "control.listen", on_accepted, p);
	ev_init(&p->meeting, on_meeting);
	p->meeting.data = p;
	meeting_schedule(p, (u32)fog_rng_below(&p->rng, FOG_PEERING_NEWS_MS));
	*out = p;
	return 0;
}

void fog_peering_set_interval(struct fog_peering *p, u32 interval_ms)
{
	p->interval_ms = interval_ms;
}

void fog_peering_stop(struct fog_peering *p)
{
	if (p == NULL)
		return;
	for (u32 i = 0; i < SESSIONS_MAX; i++)
		if (p->sessions[i].channel != NULL && p->sessions[i].talk)
			talk_end(&p->sessions[i], "the directory stops here");
		else if (p->sessions[i].channel != NULL)
			session_close(&p->sessions[i]);
	ev_timer_stop(p->loop, &p->meeting);
	fog_listener_stop(&p->listener);
	fog_rng_wipe(&p->rng);
	free(p);
}
