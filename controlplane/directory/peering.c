/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/peering.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define SESSIONS_MAX    (FOG_PEERING_INBOUND_MAX + FOG_PEERING_OUTBOUND_MAX)
#define ANNOUNCE_RANDOM 3 /* random hosts besides the bootstrap peers */

struct peer {
	struct fog_address address;
	u8 control_pk[32];
};

struct session {
	struct fog_peering *owner;
	struct fog_channel *channel; /* NULL = free */
	struct fog_gossip *gossip;
	struct ev_timer timer;
	bool outbound;
	bool heard;       /* a sealed message came: the other side is alive */
	u8 remote_pk[32]; /* outbound: whom we called */
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
	struct fog_listener listener;
	struct ev_timer meeting;
	u32 interval_ms;
	struct fog_rng rng;
	u32 peer_count;
	struct peer peers[FOG_PEERING_BOOTSTRAP_MAX];
	struct session sessions[SESSIONS_MAX];
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

static struct session *session_free(struct fog_peering *p, bool outbound)
{
	u32 limit = outbound ? FOG_PEERING_OUTBOUND_MAX : FOG_PEERING_INBOUND_MAX, used = 0;
	struct session *found = NULL;

	for (u32 i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &p->sessions[i];
		if (s->channel == NULL)
			found = s;
		else
			used += s->outbound == outbound;
	}
	return used < limit ? found : NULL;
}

static void session_close(struct session *s)
{
	ev_timer_stop(s->owner->loop, &s->timer);
	fog_channel_close(s->channel);
	fog_gossip_free(s->gossip);
	s->channel = NULL;
	s->gossip = NULL;
}

/* `why` NULL: the exchange is complete. */
static void session_end(struct session *s, const char *why)
{
	struct fog_peering *p = s->owner;

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

static void session_check(struct session *s)
{
	if (s->gossip != NULL && fog_gossip_finished(s->gossip) &&
	    fog_channel_queued(s->channel) == 0)
		session_end(s, NULL);
}

static int on_gossip_send(void *ctx, const char *text, u32 len)
{
	struct session *s = ctx;

	return fog_channel_send(s->channel, text, len);
}

static void on_ready(void *ctx, struct fog_channel *ch, const u8 remote_pk[32])
{
	struct session *s = ctx;
	int rc = fog_gossip_new(&s->gossip, s->owner->dir, on_gossip_send, s);

	/* The accepting side keeps silent until its caller has proved to be alive. */
	if (rc == 0 && s->outbound)
		rc = fog_gossip_pump(s->gossip);
	if (rc != 0)
		session_end(s, strerror(-rc));
}

static void on_message(void *ctx, struct fog_channel *ch, const u8 *data, u32 len)
{
	struct session *s = ctx;
	char why[FOG_GOSSIP_WHY_SIZE];

	s->heard = true;
	int rc = fog_gossip_message(s->gossip, data, len, fog_loop_now_ms(s->owner->loop), why);

	if (rc != 0)
		session_end(s, why[0] != '\0' ? why : strerror(-rc));
	else
		session_check(s);
}

static void on_drained(void *ctx, struct fog_channel *ch)
{
	struct session *s = ctx;

	if (s->gossip == NULL || (!s->outbound && !s->heard))
		return;
	int rc = fog_gossip_pump(s->gossip);
	if (rc != 0)
		session_end(s, strerror(-rc));
	else
		session_check(s);
}

static void on_end(void *ctx, struct fog_channel *ch, int error)
{
	struct session *s = ctx;
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

static void session_begin(struct session *s, struct fog_peering *p, bool outbound)
{
	s->owner = p;
	s->gossip = NULL;
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
	struct session *s = session_free(p, false);

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
		const struct session *s = &p->sessions[i];
		if (s->channel != NULL && s->outbound && memcmp(s->remote_pk, pk, 32) == 0)
			return true;
	}
	return false;
}

static void meet(struct fog_peering *p, const struct fog_address *address, const u8 pk[32])
{
	struct session *s = session_free(p, true);

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
		if (p->sessions[i].channel != NULL)
			session_close(&p->sessions[i]);
	ev_timer_stop(p->loop, &p->meeting);
	fog_listener_stop(&p->listener);
	fog_rng_wipe(&p->rng);
	free(p);
}
