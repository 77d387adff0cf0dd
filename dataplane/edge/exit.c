/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/exit.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"

struct address {
	u8 ip[16];
};

struct fog_exit_request {
	struct fog_edge *edge;
	fog_exit_done done; /* NULL: cancelled or told */
	void *user;
	u16 port;
	bool resolving; /* c-ares holds a pointer to us */
	bool refused;   /* policy denied one of the addresses */
	bool starting;  /* inside fog_exit_open(): results wait for the loop */
	bool decided;   /* code, error, result_fd wait to be told */
	enum fog_open_code code;
	char error[FOG_ERROR_TEXT_MAX];
	int result_fd;
	unsigned count, next;
	struct address address[FOG_EXIT_ADDRESSES_MAX];
	enum fog_open_code last_code;
	int fd;
	struct ev_io io;
	struct ev_timer timer; /* of one address */
	struct ev_timer total;
};

static void connect_next(struct fog_exit_request *r);

/* ---- life --------------------------------------------------------------------------------- */

static void request_stop(struct fog_exit_request *r)
{
	struct ev_loop *loop = r->edge->loop;

	ev_io_stop(loop, &r->io);
	ev_timer_stop(loop, &r->timer);
	ev_timer_stop(loop, &r->total);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	if (r->result_fd >= 0)
		close(r->result_fd);
	r->result_fd = -1;
}

static void request_free(struct fog_exit_request *r)
{
	request_stop(r);
	if (r->resolving)
		return; /* the resolver's callback frees it */
	r->edge->exit.requests--;
	free(r);
}

static void tell(struct fog_exit_request *r, enum fog_open_code code, const char *error, int fd)
{
	fog_exit_done done = r->done;

	if (r->starting) {
		r->decided = true;
		r->code = code;
		r->result_fd = fd;
		snprintf(r->error, sizeof(r->error), "%s", error);
		return;
	}
	r->done = NULL;
	if (done != NULL)
		done(r->user, code, error, fd);
	request_free(r);
}

void fog_exit_cancel(struct fog_exit_request *r)
{
	r->done = NULL;
	request_free(r);
}

static void on_total(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_exit_request *r = w->data;
	int fd = r->result_fd;

	r->result_fd = -1;
	if (r->decided)
		tell(r, r->code, r->error, fd);
	else
		tell(r, FOG_OPEN_TIMEOUT, "timed out", -1);
}

/* ---- connecting --------------------------------------------------------------------------- */

static enum fog_open_code code_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return FOG_OPEN_REFUSED;
	case ETIMEDOUT:
		return FOG_OPEN_TIMEOUT;
	default:
		return FOG_OPEN_UNREACHABLE;
	}
}

static void address_failed(struct fog_exit_request *r, int error)
{
	ev_io_stop(r->edge->loop, &r->io);
	ev_timer_stop(r->edge->loop, &r->timer);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->last_code = code_of(error);
	connect_next(r);
}

static void connected(struct fog_exit_request *r)
{
	int one = 1;
	int fd = r->fd;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	ev_io_stop(r->edge->loop, &r->io);
	r->fd = -1;
	tell(r, FOG_OPEN_OK, "", fd);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_exit_request *r = w->data;
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error == 0)
		connected(r);
	else
		address_failed(r, error);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	address_failed(w->data, ETIMEDOUT);
}

static bool is_v4(const u8 ip[16])
{
	static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

/* 0: under way or done; else errno. */
static int connect_start(struct fog_exit_request *r, const u8 ip[16])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(r->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(r->port)};
	bool four = is_v4(ip);

	memcpy(&v4.sin_addr, ip + 12, 4);
	memcpy(&v6.sin6_addr, ip, 16);
	r->fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return errno;
	int rc = connect(r->fd, four ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			 four ? sizeof(v4) : sizeof(v6));
	if (rc != 0 && errno != EINPROGRESS)
		return errno;
	ev_io_set(&r->io, r->fd, EV_WRITE);
	ev_io_start(r->edge->loop, &r->io);
	ev_timer_set(&r->timer, FOG_EXIT_CONNECT_S, 0.);
	ev_timer_start(r->edge->loop, &r->timer);
	return 0;
}

static void connect_next(struct fog_exit_request *r)
{
	while (r->next < r->count) {
		int error = connect_start(r, r->address[r->next++].ip);

		if (error == 0)
			return;
		r->last_code = code_of(error);
		if (r->fd >= 0)
			close(r->fd);
		r->fd = -1;
	}
	if (r->count == 0)
		tell(r, r->refused ? FOG_OPEN_POLICY : FOG_OPEN_RESOLVE,
		     r->refused ? "the exit policy forbids this" : "no such host", -1);
	else
		tell(r, r->last_code, "could not connect", -1);
}

/* ---- resolving ---------------------------------------------------------------------------- */

static void address_add(struct fog_exit_request *r, const u8 ip[16])
{
	if (!fog_policy_permits(&r->edge->config.policy, ip, r->port)) {
		r->refused = true;
		return;
	}
	if (r->count < FOG_EXIT_ADDRESSES_MAX)
		memcpy(r->address[r->count++].ip, ip, 16);
}

static void addresses_add(struct fog_exit_request *r, const struct ares_addrinfo *result)
{
	for (const struct ares_addrinfo_node *n = result->nodes; n != NULL; n = n->ai_next) {
		u8 ip[16] = {[10] = 0xff, [11] = 0xff};

		if (n->ai_family == AF_INET)
			memcpy(ip + 12, &((struct sockaddr_in *)n->ai_addr)->sin_addr, 4);
		else if (n->ai_family == AF_INET6)
			memcpy(ip, &((struct sockaddr_in6 *)n->ai_addr)->sin6_addr, 16);
		else
			continue;
		address_add(r, ip);
	}
}

static void on_resolved(void *user, int status, int timeouts, struct ares_addrinfo *result)
{
	struct fog_exit_request *r = user;

	r->resolving = false;
	if (status == ARES_SUCCESS && r->done != NULL)
		addresses_add(r, result);
	if (result != NULL)
		ares_freeaddrinfo(result);
	if (r->done == NULL)
		request_free(r);
	else if (status == ARES_SUCCESS)
		connect_next(r);
	else
		tell(r, status == ARES_ETIMEOUT ? FOG_OPEN_TIMEOUT : FOG_OPEN_RESOLVE,
		     ares_strerror(status), -1);
}

static void resolver_timer(struct fog_edge *e)
{
	struct timeval max = {.tv_sec = 1}, now;

	ev_timer_stop(e->loop, &e->exit.timer);
	if (e->exit.requests == 0)
		return;
	struct timeval *t = ares_timeout(e->exit.channel, &max, &now);
	ev_timer_set(&e->exit.timer, (double)t->tv_sec + (double)t->tv_usec / 1e6, 0.);
	ev_timer_start(e->loop, &e->exit.timer);
}

static void resolve(struct fog_exit_request *r, const char *host)
{
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct fog_edge *e = r->edge;

	r->resolving = true;
	/* It may call back at once, from the hosts file. */
	ares_getaddrinfo(e->exit.channel, host, NULL, &hints, on_resolved, r);
	resolver_timer(e);
}

static void on_resolver_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_edge *e = w->data;

	ares_process_fd(e->exit.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolver_timer(e);
}

static void on_resolver_io(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_exit_socket *s = w->data;
	struct fog_edge *e = s->edge;

	ares_process_fd(e->exit.channel, (events & EV_READ) != 0 ? w->fd : ARES_SOCKET_BAD,
			(events & EV_WRITE) != 0 ? w->fd : ARES_SOCKET_BAD);
	resolver_timer(e);
}

/* The resolver opens, closes or changes its interest in a socket. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
	struct fog_edge *e = user;
	struct fog_exit_socket *free_slot = NULL;
	struct fog_exit_socket *s = NULL;
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

	for (unsigned i = 0; i < FOG_EXIT_SOCKETS_MAX; i++) {
		if (!ev_is_active(&e->exit.socket[i].io))
			free_slot = &e->exit.socket[i];
		else if (e->exit.socket[i].io.fd == fd)
			s = &e->exit.socket[i];
	}
	if (s == NULL)
		s = free_slot;
	if (s == NULL)
		return; /* its query times out */
	ev_io_stop(e->loop, &s->io);
	if (events == 0)
		return;
	ev_io_set(&s->io, fd, events);
	ev_io_start(e->loop, &s->io);
}

/* ---- entry -------------------------------------------------------------------------------- */

int fog_exit_open(struct fog_edge *e, const char *host, u16 port, fog_exit_done done, void *user,
		  struct fog_exit_request **out)
{
	u8 ip[16];

	if (e->exit.requests == FOG_EXIT_REQUESTS_MAX)
		return -EMFILE;
	struct fog_exit_request *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->edge = e;
	r->done = done;
	r->user = user;
	r->port = port;
	r->fd = -1;
	r->result_fd = -1;
	ev_init(&r->io, on_writable);
	ev_init(&r->timer, on_timer);
	ev_init(&r->total, on_total);
	r->io.data = r->timer.data = r->total.data = r;
	e->exit.requests++;
	r->starting = true;
	if (!fog_policy_permits_port(&e->config.policy, port)) {
		tell(r, FOG_OPEN_POLICY, "the exit policy forbids this", -1);
	} else if (fog_ip_parse(host, ip) == 0) {
		address_add(r, ip);
		connect_next(r);
	} else {
		resolve(r, host);
	}
	r->starting = false;
	ev_timer_set(&r->total, r->decided ? 0. : FOG_EXIT_TIMEOUT_S, 0.);
	ev_timer_start(e->loop, &r->total);
	*out = r;
	return 0;
}

int fog_exit_init(struct fog_edge *e)
{
	struct ares_options options = {.timeout = FOG_EXIT_RESOLVE_MS,
				       .tries = 2,
				       .sock_state_cb = on_socket_state,
				       .sock_state_cb_data = e};
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	for (unsigned i = 0; i < FOG_EXIT_SOCKETS_MAX; i++) {
		ev_init(&e->exit.socket[i].io, on_resolver_io);
		e->exit.socket[i].io.data = &e->exit.socket[i];
		e->exit.socket[i].edge = e;
	}
	ev_init(&e->exit.timer, on_resolver_timer);
	e->exit.timer.data = e;
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&e->exit.channel, &options,
				       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_SOCK_STATE_CB);
	if (rc != ARES_SUCCESS) {
		fog_dplog(FOG_DPLOG_ERROR, FOG_EDGE_PART, "resolver: %s", ares_strerror(rc));
		return -EIO;
	}
	e->exit.channel_ready = true;
	return 0;
}

void fog_exit_free(struct fog_edge *e)
{
	if (!e->exit.channel_ready)
		return;
	ares_destroy(e->exit.channel); /* calls back every query */
	ares_library_cleanup();
	ev_timer_stop(e->loop, &e->exit.timer);
	for (unsigned i = 0; i < FOG_EXIT_SOCKETS_MAX; i++)
		ev_io_stop(e->loop, &e->exit.socket[i].io);
	e->exit.channel_ready = false;
}
