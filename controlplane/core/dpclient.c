/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane client: attachment, policy and lease, events, status. */
#include "controlplane/core/dpclient_private.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MS             1000000ull
#define RING_RETRY_NS  (2 * MS)   /* a full command ring: its consumer does not wake us */
#define READY_RETRY_NS (2 * MS)   /* workers take an attachment up within some ms */
#define TICK_NS        (100 * MS) /* while UP: events and hang-ups in case a wake-up got lost */

static const char *const state_names[] = {
	[FOG_DPCLIENT_DOWN] = "down",
	[FOG_DPCLIENT_HELLO] = "hello",
	[FOG_DPCLIENT_READYING] = "readying",
	[FOG_DPCLIENT_UP] = "up",
};

const char *fog_dpclient_state_name(enum fog_dpclient_state state)
{
	if (state < FOG_DPCLIENT_DOWN || state > FOG_DPCLIENT_UP)
		return "unknown";
	return state_names[state];
}

static void state_enter(struct fog_dpclient *c, enum fog_dpclient_state state, const char *why)
{
	if (state == c->state)
		return;
	c->state = state;
	if (c->config.state != NULL)
		c->config.state(c->config.arg, state, why);
}

static int watch(struct fog_dpclient *c, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

/* Explicit, because closing is not enough: the data plane holds the same eventfd open. */
static void unwatch(struct fog_dpclient *c, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Twice as long each time, and up to a quarter more, so that hosts do not march in step. */
static void backoff(struct fog_dpclient *c, u64 now_ns)
{
	c->jitter ^= c->jitter << 13;
	c->jitter ^= c->jitter >> 7;
	c->jitter ^= c->jitter << 17;
	u64 wait = c->backoff_ms * MS;
	c->retry_ns = now_ns + wait + c->jitter % (wait / 4 + 1);
	c->backoff_ms = FOG_MIN(c->backoff_ms * 2, (u32)FOG_DPCLIENT_BACKOFF_MAX_MS);
}

static void down(struct fog_dpclient *c, u64 now_ns, const char *why)
{
	bool attached = c->state == FOG_DPCLIENT_UP;

	unwatch(c, c->at.sock);
	unwatch(c, c->at.notify);
	c->control = NULL;
	c->data = NULL;
	fog_detach(&c->at);
	backoff(c, now_ns);
	/* Leave UP before callbacks of lost verifications run: they may submit again. */
	state_enter(c, FOG_DPCLIENT_DOWN, why);
	if (attached) {
		fog_dpclient_commands_detach(c);
		fog_dpclient_verify_detach(c);
	}
}

static void connect_try(struct fog_dpclient *c, u64 now_ns)
{
	char why[256];
	int rc = fog_attach_start(&c->at, c->path, FOG_HELLO_CONTROL, c->config.boot_id, why);

	if (rc == 0)
		rc = watch(c, c->at.sock);
	if (rc != 0) {
		fog_detach(&c->at);
		backoff(c, now_ns);
		return;
	}
	c->hello_deadline_ns = now_ns + FOG_DPCLIENT_HELLO_MS * MS;
	state_enter(c, FOG_DPCLIENT_HELLO, "");
}

static void hello_try(struct fog_dpclient *c, u64 now_ns)
{
	char why[256];
	int sock = c->at.sock;
	int rc = fog_attach_finish(&c->at, why);

	if (rc == -EAGAIN) {
		if (now_ns >= c->hello_deadline_ns)
			down(c, now_ns, "the data plane does not answer HELLO");
		return;
	}
	if (rc == 0)
		rc = watch(c, c->at.notify);
	if (rc != 0) {
		if (c->at.sock < 0)
			unwatch(c, sock);
		down(c, now_ns, why);
		return;
	}
	int flags = fcntl(c->at.notify, F_GETFL);
	if (flags >= 0)
		(void)fcntl(c->at.notify, F_SETFL, flags | O_NONBLOCK);
	c->control = c->at.own.base;
	c->data = c->at.peer.base;
	state_enter(c, FOG_DPCLIENT_READYING, "");
}

static void policy_publish(struct fog_dpclient *c, u64 now_ns)
{
	u64 lease_ns = c->config.lease_ms * MS;

	c->policy.lease_ns = now_ns + lease_ns;
	c->lease_renew_ns = now_ns + lease_ns / 3;
	if (c->state == FOG_DPCLIENT_UP && c->has_policy) {
		fog_snapshot_publish(&c->control->snapshot, &c->policy);
		c->policy_sequence++;
	}
}

/* After HELLO the data plane says nothing on the socket: whatever comes is the end. */
static bool hung_up(struct fog_dpclient *c)
{
	struct epoll_event e[2];
	int n = epoll_wait(c->epoll_fd, e, FOG_ARRAY_COUNT(e), 0);

	for (int i = 0; i < n; i++) {
		u64 count;

		if (e[i].data.fd == c->at.sock)
			return true;
		/* Somebody else may have emptied it: then there is nothing to do either. */
		if (read(c->at.notify, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return true;
	}
	return false;
}

static void ready_try(struct fog_dpclient *c, u64 now_ns)
{
	if (hung_up(c)) {
		down(c, now_ns, "the data plane hung up");
		return;
	}
	if (!fog_attachment_ready(&c->at)) {
		if (now_ns >= c->hello_deadline_ns)
			down(c, now_ns, "the workers do not take the region up");
		return;
	}
	c->data_boot_id = c->data->header.boot_id;
	c->backoff_ms = FOG_DPCLIENT_BACKOFF_MIN_MS;
	c->policy_sequence = 0;
	c->totals.attachments++;
	fog_dpclient_commands_attach(c, now_ns);
	fog_dpclient_verify_attach(c);
	state_enter(c, FOG_DPCLIENT_UP, "");
	fog_attachment_forget_steer(&c->at);
	/* Policy before links: a link that comes up may carry a CREATE at once. */
	policy_publish(c, now_ns);
	fog_dpclient_commands_pump(c);
}

static bool event_valid(const struct fog_event *e)
{
	return e->type > FOG_EVENT_INVALID && e->type <= FOG_EVENT_LINK_BANDWIDTH &&
	       e->link_id <= FOG_LINKS_MAX + 1;
}

/* Returns true when more waits. */
static bool events_take(struct fog_dpclient *c, u32 worker)
{
	struct fog_dpclient_port *p = &c->port[worker];
	struct fog_event e;

	for (unsigned n = 0; n < FOG_DPCLIENT_EVENTS_MAX; n++) {
		if (fog_ring_pop(&p->events, &e) != 0)
			return false;
		if (p->event_seq != 0 && e.seq > p->event_seq + 1)
			c->totals.events_lost += e.seq - p->event_seq - 1;
		p->event_seq = e.seq;
		if (!event_valid(&e)) {
			c->totals.events_invalid++;
			continue;
		}
		c->totals.events++;
		if (c->config.event != NULL)
			c->config.event(c->config.arg, worker, &e);
	}
	return true;
}

/* Returns true when there is more to do right away. */
static bool rings_serve(struct fog_dpclient *c)
{
	bool more = false;

	for (u32 w = 0; w < c->at.workers; w++) {
		fog_ring_wait_end(&c->port[w].events);
		more |= events_take(c, w);
	}
	fog_dpclient_verify_pump(c);
	fog_dpclient_commands_pump(c);
	for (u32 w = 0; w < c->at.workers; w++) {
		fog_ring_wait_begin(&c->port[w].events);
		more |= fog_ring_ready(&c->port[w].events) != 0;
	}
	return fog_dpclient_verify_sleep(c) || more;
}

static u64 up_step(struct fog_dpclient *c, u64 now_ns)
{
	if (hung_up(c)) {
		down(c, now_ns, "the data plane hung up");
		return c->retry_ns;
	}
	if (now_ns >= c->lease_renew_ns)
		policy_publish(c, now_ns);
	bool more = rings_serve(c);
	if (fog_dpclient_commands_broken(c) || fog_dpclient_verify_broken(c)) {
		down(c, now_ns, "the data plane published an impossible ring position");
		return c->retry_ns;
	}
	if (more)
		return now_ns;
	u64 next = FOG_MIN(c->lease_renew_ns, now_ns + TICK_NS);
	return fog_dpclient_commands_waiting(c) ? FOG_MIN(next, now_ns + RING_RETRY_NS) : next;
}

u64 fog_dpclient_step(struct fog_dpclient *c, u64 now_ns)
{
	u64 next;

	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	if (c->state == FOG_DPCLIENT_DOWN && now_ns >= c->retry_ns)
		connect_try(c, now_ns);
	if (c->state == FOG_DPCLIENT_HELLO)
		hello_try(c, now_ns);
	if (c->state == FOG_DPCLIENT_READYING)
		ready_try(c, now_ns);
	switch (c->state) {
	case FOG_DPCLIENT_UP:
		next = up_step(c, now_ns);
		break;
	case FOG_DPCLIENT_READYING:
		next = now_ns + READY_RETRY_NS;
		break;
	case FOG_DPCLIENT_HELLO:
		next = c->hello_deadline_ns;
		break;
	default:
		next = c->retry_ns;
	}
	return FOG_MIN(next, fog_dpclient_verify_expire(c, now_ns));
}

int fog_dpclient_open(struct fog_dpclient **out, const struct fog_dpclient_config *config)
{
	*out = NULL;
	if (config->socket_path == NULL || strlen(config->socket_path) >= sizeof((*out)->path))
		return -EINVAL;
	struct fog_dpclient *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0) {
		int rc = -errno;

		free(c);
		return rc;
	}
	c->magic = FOG_DPCLIENT_MAGIC;
	c->config = *config;
	if (c->config.lease_ms == 0)
		c->config.lease_ms = FOG_DPCLIENT_LEASE_MS;
	memcpy(c->path, config->socket_path, strlen(config->socket_path) + 1);
	c->config.socket_path = c->path;
	c->state = FOG_DPCLIENT_DOWN;
	c->backoff_ms = FOG_DPCLIENT_BACKOFF_MIN_MS;
	c->jitter = config->boot_id | 1;
	c->at.sock = c->at.notify = c->at.own.fd = c->at.peer.fd = -1;
	for (unsigned w = 0; w < FOG_WORKERS_MAX; w++)
		c->at.wake[w] = c->at.steer[w] = -1;
	for (unsigned w = 0; w < FOG_VERIFY_WORKERS_MAX; w++)
		c->at.wake_verify[w] = -1;
	fog_dpclient_verify_init(c);
	*out = c;
	return 0;
}

void fog_dpclient_close(struct fog_dpclient *c)
{
	if (c == NULL)
		return;
	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	c->state = FOG_DPCLIENT_DOWN;
	c->closing = true;
	fog_dpclient_verify_cancel(c);
	fog_detach(&c->at);
	close(c->epoll_fd);
	c->magic = 0;
	free(c);
}

int fog_dpclient_fd(const struct fog_dpclient *c)
{
	return c->epoll_fd;
}

enum fog_dpclient_state fog_dpclient_state(const struct fog_dpclient *c)
{
	return c->state;
}

void fog_dpclient_policy(struct fog_dpclient *c, const struct fog_snapshot *policy, u64 now_ns)
{
	FOG_ASSERT(c->magic == FOG_DPCLIENT_MAGIC);
	c->policy = *policy;
	c->has_policy = true;
	policy_publish(c, now_ns);
}

bool fog_dpclient_synced(const struct fog_dpclient *c)
{
	if (c->state != FOG_DPCLIENT_UP || fog_dpclient_commands_waiting(c))
		return false;
	for (u32 w = 0; w < c->at.workers; w++) {
		const struct fog_worker_status *s = &c->data->status[w];

		if (atomic_load_explicit(&c->data->command_tail[w].tail, memory_order_acquire) !=
			    c->port[w].commands.pos ||
		    atomic_load_explicit(&s->generation, memory_order_relaxed) != c->generation ||
		    atomic_load_explicit(&s->snapshot_seen, memory_order_relaxed) !=
			    c->policy_sequence)
			return false;
	}
	return true;
}

/* Text of the other side: ends where it says or where it must, and prints. */
static void text_copy(char *out, const char *in, size_t size)
{
	size_t i = 0;

	for (; i < size && in[i] != '\0'; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
	out[i] = '\0';
}

u32 fog_dpclient_steer(const struct fog_dpclient *c, const int **fds)
{
	*fds = c->at.steer;
	return c->at.steer[0] >= 0 ? c->at.workers : 0;
}

int fog_dpclient_info(const struct fog_dpclient *c, struct fog_dpclient_info *out)
{
	memset(out, 0, sizeof(*out));
	if (c->state != FOG_DPCLIENT_UP)
		return -ENOTCONN;
	const struct fog_data_region *data = c->data;
	out->boot_id = c->data_boot_id;
	out->attachment = c->at.number;
	out->workers = c->at.workers;
	out->pid = data->header.pid;
	memcpy(out->link_pk, data->link_pk, 32);
	memcpy(out->onion_pk, data->onion_pk, 32);
	text_copy(out->io_name, data->io_name, sizeof(data->io_name));
	text_copy(out->crypto_name, data->crypto_name, sizeof(data->crypto_name));
	text_copy(out->pin_reason, data->pin_reason, sizeof(data->pin_reason));
	if (!fog_mix_keys_read(&data->mix_keys, out->mix_epoch, out->mix_key))
		memset(out->mix_epoch, 0, sizeof(out->mix_epoch));
	for (u32 w = 0; w < out->workers; w++) {
		const struct fog_worker_status *s = &data->status[w];

		out->worker[w] = (struct fog_dpclient_worker){
			atomic_load_explicit(&s->heartbeat_ns, memory_order_relaxed),
			atomic_load_explicit(&s->applied_seq, memory_order_relaxed),
			atomic_load_explicit(&s->snapshot_seen, memory_order_relaxed),
			atomic_load_explicit(&s->generation, memory_order_relaxed),
			atomic_load_explicit(&s->cpu, memory_order_relaxed),
			atomic_load_explicit(&s->state, memory_order_relaxed),
		};
	}
	return 0;
}

int fog_dpclient_counters(const struct fog_dpclient *c, struct fog_dpclient_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (c->state != FOG_DPCLIENT_UP)
		return -ENOTCONN;
	out->workers = c->at.workers;
	for (u32 w = 0; w < out->workers; w++) {
		const struct fog_counters *from = &c->data->counters[w];

		for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS; i++) {
			out->counter[w][i] = fog_counter_read(from, i);
			out->counter_sum[i] += out->counter[w][i];
		}
		for (unsigned d = 0; d < FOG_DROP_COUNT; d++) {
			out->drop[w][d] = fog_counter_drop(from, (enum fog_drop)d);
			out->drop_sum[d] += out->drop[w][d];
		}
	}
	return 0;
}

void fog_dpclient_totals(const struct fog_dpclient *c, struct fog_dpclient_totals *out)
{
	*out = c->totals;
}
