/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/ctl.h"

#include "dataplane/ctl/listener.h"
#include "dataplane/ctl/log.h"
#include "dataplane/ctl/verify.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ACCEPT_MAX 8 /* per step, so that a storm of connects cannot hold the loop */

_Static_assert(2 + 2 * FOG_WORKERS_MAX + FOG_VERIFY_WORKERS_MAX <= FOG_REPLY_FDS_MAX, "");

struct pending {
	int sock; /* -1 = free */
	u64 deadline_ns;
};

/* One attached client. The edge has a region of ours and an eventfd per attachment. */
struct client {
	int sock;               /* -1: hung up or never there */
	struct fog_region peer; /* what the client writes */
	struct fog_region own;  /* edge: what we write for it */
	int notify_fd;          /* edge: towards it; -1 = none */
	u64 number;             /* attachments of this role so far */
};

struct fog_ctl {
	struct fog_ctl_config config;
	struct fog_listener listener;
	struct pending pending[FOG_CTL_PENDING_MAX];
	struct client control, edge;
	struct fog_region limbo[2 * FOG_CTL_LIMBO_MAX];
	unsigned limbo_count;
	u64 refused;
};

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static void sock_close(int *sock)
{
	if (*sock >= 0)
		close(*sock);
	*sock = -1;
}

static void client_clear(struct client *c)
{
	c->sock = -1;
	c->peer = c->own = (struct fog_region){.fd = -1};
	c->notify_fd = -1;
}

/* Unmap a client's memory: nobody reads it any more. */
static void client_release(struct client *c)
{
	sock_close(&c->sock);
	sock_close(&c->notify_fd);
	fog_region_close(&c->peer);
	fog_region_close(&c->own);
}

/* A worker did not answer: it may read this memory at any later time, so it stays mapped for good.
 */
static void client_abandon(struct fog_ctl *ctl, struct client *c)
{
	struct fog_region *const regions[] = {&c->peer, &c->own};

	sock_close(&c->sock);
	sock_close(&c->notify_fd);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(regions); i++) {
		if (regions[i]->base == NULL)
			continue;
		FOG_ASSERT(ctl->limbo_count < FOG_ARRAY_COUNT(ctl->limbo));
		ctl->limbo[ctl->limbo_count++] = *regions[i];
	}
	client_clear(c);
}

static bool limbo_full(const struct fog_ctl *ctl)
{
	/* One attach can abandon the old and the new client, two regions each. */
	return ctl->limbo_count + 4 > FOG_ARRAY_COUNT(ctl->limbo);
}

static void reply_init(const struct fog_ctl *ctl, struct fog_hello_reply *r, int status)
{
	*r = (struct fog_hello_reply){
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.status = status,
		.layout_hash = fog_abi_layout_hash(),
		.boot_id = ctl->config.boot_id,
		.workers = ctl->config.workers,
	};
}

static void refuse(struct fog_ctl *ctl, int sock, int rc, const char *why)
{
	struct fog_hello_reply reply;

	reply_init(ctl, &reply, rc);
	snprintf(reply.text, sizeof(reply.text), "%s", why[0] != '\0' ? why : strerror(-rc));
	ctl->refused++;
	fog_dplog(FOG_DPLOG_WARNING, "ctl", "HELLO refused: %s", reply.text);
	/* The client may be gone already; then nobody needs the answer. */
	(void)fog_hello_reply(sock, &reply, NULL, 0);
	close(sock);
}

/* Replace the control plane's region. On success *c is taken over. */
static int attach_control(struct fog_ctl *ctl, struct client *c)
{
	const struct fog_ctl_config *g = &ctl->config;

	c->number = ctl->control.number + 1;
	fog_verify_attach(g->verify, c->peer.base);
	int rc = fog_dp_attach_control(g->dp, c->peer.base, c->number);
	if (rc != 0) {
		/* Unknown which of the two each worker reads now: neither may go. */
		fog_verify_attach(g->verify, NULL);
		ctl->control.number = c->number;
		client_abandon(ctl, &ctl->control);
		return rc;
	}
	client_release(&ctl->control);
	ctl->control = *c;
	return 0;
}

static int attach_edge(struct fog_ctl *ctl, struct client *c)
{
	const struct fog_ctl_config *g = &ctl->config;
	int rc = fog_region_create(&c->own, "fog-edge-rx", sizeof(struct fog_edge_rx_region),
				   FOG_REGION_EDGE_RX, g->boot_id);

	if (rc != 0)
		return rc;
	((struct fog_region_header *)c->own.base)->workers = g->workers;
	c->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->notify_fd < 0)
		return -errno;
	c->number = ctl->edge.number + 1;
	rc = fog_dp_attach_edge(g->dp, c->peer.base, c->own.base, c->notify_fd, c->number);
	if (rc != 0) {
		ctl->edge.number = c->number;
		client_abandon(ctl, &ctl->edge);
		return rc;
	}
	client_release(&ctl->edge);
	ctl->edge = *c;
	return 0;
}

static int reply_send(struct fog_ctl *ctl, const struct client *c, bool control)
{
	const struct fog_ctl_config *g = &ctl->config;
	struct fog_hello_reply reply;
	int fds[FOG_REPLY_FDS_MAX];
	unsigned count = 0;

	reply_init(ctl, &reply, 0);
	reply.attachment = c->number;
	if (control) {
		reply.region_size = g->data->size;
		fds[count++] = g->data->fd;
		fds[count++] = g->notify_fd;
		for (u32 w = 0; w < g->workers; w++)
			fds[count++] = fog_dp_wake_fd(g->dp, w);
		reply.verify_workers = (u16)fog_verify_workers(g->verify);
		for (u32 w = 0; w < reply.verify_workers; w++)
			fds[count++] = fog_verify_wake_fd(g->verify, w);
		reply.steer = fog_dp_steer_fd(g->dp, 0) >= 0;
		for (u32 w = 0; reply.steer != 0 && w < g->workers; w++)
			fds[count++] = fog_dp_steer_fd(g->dp, w);
	} else {
		reply.region_size = c->own.size;
		fds[count++] = c->own.fd;
		fds[count++] = c->notify_fd;
		fds[count++] = fog_dp_wake_fd(g->dp, fog_dp_edge_worker(g->dp));
	}
	return fog_hello_reply(c->sock, &reply, fds, count);
}

static void control_hangup(struct fog_ctl *ctl)
{
	fog_dplog(FOG_DPLOG_NOTICE, "ctl",
		  "control plane is gone; traffic goes on, new circuits while its lease lasts");
	sock_close(&ctl->control.sock);
	fog_verify_attach(ctl->config.verify, NULL);
}

static void edge_hangup(struct fog_ctl *ctl)
{
	int rc = fog_dp_attach_edge(ctl->config.dp, NULL, NULL, -1, ctl->edge.number);

	fog_dplog(FOG_DPLOG_NOTICE, "ctl", "edge is gone");
	if (rc == 0) {
		client_release(&ctl->edge);
		return;
	}
	fog_dplog(FOG_DPLOG_ERROR, "ctl", "a worker does not let go of the edge: %s",
		  strerror(-rc));
	client_abandon(ctl, &ctl->edge);
}

/* A HELLO that was received whole: sock and region_fd are ours now. */
static void hello_handle(struct fog_ctl *ctl, int sock, const struct fog_hello *hello,
			 int region_fd)
{
	bool control = hello->role == FOG_HELLO_CONTROL;
	size_t size =
		control ? sizeof(struct fog_control_region) : sizeof(struct fog_edge_tx_region);
	struct client c;

	client_clear(&c);
	if (limbo_full(ctl)) {
		close(region_fd);
		refuse(ctl, sock, -EBUSY, "a worker is stuck; restart the data plane");
		return;
	}
	int rc = hello->region_size != size
			 ? -EPROTO
			 : fog_region_map_peer(&c.peer, region_fd, size,
					       control ? FOG_REGION_CONTROL : FOG_REGION_EDGE_TX);
	if (rc != 0) {
		close(region_fd);
		refuse(ctl, sock, rc, "region is not sealed or not of the announced kind");
		return;
	}
	rc = control ? attach_control(ctl, &c) : attach_edge(ctl, &c);
	if (rc != 0) {
		/* Before adoption (c.number unset) nobody has seen the region. */
		if (c.number == 0)
			client_release(&c);
		else
			client_abandon(ctl, &c);
		refuse(ctl, sock, rc, "the workers did not take the region up");
		return;
	}
	struct client *now = control ? &ctl->control : &ctl->edge;
	now->sock = sock;
	rc = reply_send(ctl, now, control);
	fog_dplog(FOG_DPLOG_NOTICE, "ctl", "%s attached, number %llu%s%s",
		  control ? "control plane" : "edge", (unsigned long long)now->number,
		  rc != 0 ? ", but left: " : "", rc != 0 ? strerror(-rc) : "");
	if (rc != 0 && control)
		control_hangup(ctl);
	else if (rc != 0)
		edge_hangup(ctl);
}

static void pending_read(struct fog_ctl *ctl, struct pending *p)
{
	struct fog_hello hello;
	char why[72];
	int fd;
	int rc = fog_hello_receive(p->sock, &hello, &fd, why);
	int sock = p->sock;

	if (rc == -EAGAIN)
		return;
	p->sock = -1;
	if (rc == 0)
		hello_handle(ctl, sock, &hello, fd);
	else if (why[0] != '\0')
		refuse(ctl, sock, rc, why);
	else
		close(sock);
}

static struct pending *pending_slot(struct fog_ctl *ctl)
{
	struct pending *oldest = &ctl->pending[0];

	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++) {
		struct pending *p = &ctl->pending[i];

		if (p->sock < 0)
			return p;
		if (p->deadline_ns < oldest->deadline_ns)
			oldest = p;
	}
	sock_close(&oldest->sock);
	return oldest;
}

static void accept_some(struct fog_ctl *ctl)
{
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		int sock = fog_listener_accept(&ctl->listener);

		if (sock == -EPERM) {
			ctl->refused++;
			fog_dplog(FOG_DPLOG_WARNING, "ctl", "a client of another user was closed");
			continue;
		}
		if (sock < 0) {
			if (sock != -EAGAIN)
				fog_dplog(FOG_DPLOG_WARNING, "ctl", "accept: %s", strerror(-sock));
			return;
		}
		struct pending *p = pending_slot(ctl);
		*p = (struct pending){sock, clock_ns() + FOG_CTL_HELLO_MS * 1000000ull};
	}
}

/* After HELLO a client has nothing more to say: whatever comes is the end. */
static bool client_left(int sock)
{
	u8 byte;

	return recv(sock, &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

static int pending_expire(struct fog_ctl *ctl, int timeout_ms)
{
	u64 now = clock_ns();

	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++) {
		struct pending *p = &ctl->pending[i];

		if (p->sock < 0)
			continue;
		if (p->deadline_ns <= now) {
			sock_close(&p->sock);
			continue;
		}
		int left = (int)((p->deadline_ns - now) / 1000000) + 1;
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = left;
	}
	return timeout_ms;
}

enum { POLL_LISTENER, POLL_STOP, POLL_CONTROL, POLL_EDGE, POLL_PENDING };

int fog_ctl_step(struct fog_ctl *ctl, int stop_fd, int timeout_ms)
{
	struct pollfd p[POLL_PENDING + FOG_CTL_PENDING_MAX];

	timeout_ms = pending_expire(ctl, timeout_ms);
	/* poll() passes over negative fds. */
	p[POLL_LISTENER] = (struct pollfd){ctl->listener.fd, POLLIN, 0};
	p[POLL_STOP] = (struct pollfd){stop_fd, POLLIN, 0};
	p[POLL_CONTROL] = (struct pollfd){ctl->control.sock, POLLIN, 0};
	p[POLL_EDGE] = (struct pollfd){ctl->edge.sock, POLLIN, 0};
	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++)
		p[POLL_PENDING + i] = (struct pollfd){ctl->pending[i].sock, POLLIN, 0};
	if (poll(p, FOG_ARRAY_COUNT(p), timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[POLL_STOP].revents != 0)
		return 1;
	/* Hang-ups before HELLOs: these replace the sockets polled above. */
	if (p[POLL_CONTROL].revents != 0 && client_left(ctl->control.sock))
		control_hangup(ctl);
	if (p[POLL_EDGE].revents != 0 && client_left(ctl->edge.sock))
		edge_hangup(ctl);
	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++)
		if (p[POLL_PENDING + i].revents != 0)
			pending_read(ctl, &ctl->pending[i]);
	if (p[POLL_LISTENER].revents != 0)
		accept_some(ctl);
	return 0;
}

int fog_ctl_open(struct fog_ctl **out, const struct fog_ctl_config *config)
{
	*out = NULL;
	if (config->socket_path == NULL || config->dp == NULL || config->verify == NULL ||
	    config->data == NULL || config->workers == 0 || config->workers > FOG_WORKERS_MAX)
		return -EINVAL;
	struct fog_ctl *ctl = calloc(1, sizeof(*ctl));
	if (ctl == NULL)
		return -ENOMEM;
	ctl->config = *config;
	client_clear(&ctl->control);
	client_clear(&ctl->edge);
	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++)
		ctl->pending[i].sock = -1;
	int rc = fog_listener_open(&ctl->listener, config->socket_path, FOG_CTL_PENDING_MAX);
	if (rc != 0) {
		free(ctl);
		return rc;
	}
	*out = ctl;
	return 0;
}

void fog_ctl_close(struct fog_ctl *ctl)
{
	if (ctl == NULL)
		return;
	fog_verify_attach(ctl->config.verify, NULL);
	fog_listener_close(&ctl->listener);
	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++)
		sock_close(&ctl->pending[i].sock);
	client_release(&ctl->control);
	client_release(&ctl->edge);
	for (unsigned i = 0; i < ctl->limbo_count; i++)
		fog_region_close(&ctl->limbo[i]);
	free(ctl);
}

void fog_ctl_status(const struct fog_ctl *ctl, struct fog_ctl_status *out)
{
	*out = (struct fog_ctl_status){
		.control = ctl->control.sock >= 0,
		.edge = ctl->edge.sock >= 0,
		.limbo = ctl->limbo_count,
		.control_number = ctl->control.number,
		.edge_number = ctl->edge.number,
		.refused = ctl->refused,
	};
	for (unsigned i = 0; i < FOG_CTL_PENDING_MAX; i++)
		out->pending += ctl->pending[i].sock >= 0;
}
