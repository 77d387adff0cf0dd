/* SPDX-License-Identifier: BSD-3-Clause */
/* Where requests come in: libmicrohttpd on each socket, run by the loop; and how it is replaced
 * while others go on. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"

#define TLS_PRIORITIES "SECURE192:SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define RETIRED_MAX    16 /* that still answer; then a restart waits for the next one */

/* ---- libmicrohttpd ----------------------------------------------------------------------------
 */

/* MHD's connection is the session's pointer. gnutls asks at each handshake, so that a new
 * certificate is used from the next one on. */
static int on_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
			  int authority_count, const gnutls_pk_algorithm_t *algorithms,
			  int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_len,
			  gnutls_privkey_t *key)
{
	struct fog_gateway_listener *l = fog_patience_listener(gnutls_session_get_ptr(session));
	struct fog_tls *tls = l != NULL ? l->tls : NULL;

	if (tls == NULL)
		return -1;
	*chain = tls->now.chain;
	*chain_len = tls->now.count;
	*key = tls->now.key;
	return 0;
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	fog_log(FOG_LOG_DEBUG, "gateway", "http reason=\"%s\"", text);
}

static struct MHD_Daemon *daemon_start(struct fog_gateway_listener *l, int fd)
{
	unsigned flags =
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)on_certificate},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	if (l->tls != NULL)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, fog_gateway_handle, l, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log,
		l, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)FOG_GATEWAY_MEMORY_MAX, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)FOG_GATEWAY_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		l->trusted ? 0u : (unsigned)FOG_GATEWAY_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)FOG_GATEWAY_IDLE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED,
		fog_gateway_completed, l, MHD_OPTION_NOTIFY_CONNECTION, fog_patience_connection, l,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, l->tls != NULL ? tls : none,
		MHD_OPTION_END);
}

static void listener_run(struct fog_gateway_listener *l)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	MHD_run(l->daemon);
	if (MHD_get_timeout(l->daemon, &timeout_ms) != MHD_YES) {
		ev_timer_stop(l->gateway->loop, &l->timer);
		return;
	}
	/* 0 means "again at once"; the timer lets other events through in between. */
	l->timer.repeat = timeout_ms == 0 ? 0.0001 : timeout_ms / 1000.0;
	ev_timer_again(l->gateway->loop, &l->timer);
}

static void on_listener_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	listener_run(w->data);
}

static void on_listener_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	listener_run(w->data);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Takes fd where it returns 0. */
static int listener_start(struct fog_gateway *gw, int fd, bool trusted, struct fog_tls *tls)
{
	struct fog_gateway_listener *l = calloc(1, sizeof(*l));
	const union MHD_DaemonInfo *info;

	if (l == NULL)
		return -ENOMEM;
	*l = (struct fog_gateway_listener){.gateway = gw, .fd = fd, .trusted = trusted, .tls = tls};
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the daemon closes what it has */
	if (own >= 0)
		l->daemon = daemon_start(l, own);
	if (l->daemon == NULL) {
		if (own >= 0)
			close(own);
		free(l);
		return -EIO;
	}
	info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	FOG_ASSERT(info != NULL); /* it was started with epoll */
	ev_io_init(&l->io, on_listener_io, info->epoll_fd, EV_READ);
	ev_init(&l->timer, on_listener_timer);
	l->io.data = l->timer.data = l;
	ev_io_start(gw->loop, &l->io);
	fog_patience_start(l);
	l->next = gw->listeners;
	gw->listeners = l;
	return 0;
}

static void listener_free(struct fog_gateway_listener *l)
{
	struct fog_gateway *gw = l->gateway;
	struct fog_gateway_listener **at = &gw->listeners;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	ev_io_stop(gw->loop, &l->io);
	ev_timer_stop(gw->loop, &l->timer);
	fog_patience_stop(l);
	MHD_stop_daemon(l->daemon);
	if (!l->retired)
		close(l->fd);
	free(l);
}

static u32 listeners_count(const struct fog_gateway *gw, bool retired)
{
	u32 count = 0;

	for (const struct fog_gateway_listener *l = gw->listeners; l != NULL; l = l->next)
		count += l->retired == retired;
	return count;
}

static int listen_on(struct fog_gateway *gw, int fd, bool trusted, struct fog_tls *tls)
{
	return listeners_count(gw, false) == FOG_GATEWAY_LISTENERS_MAX
		       ? -ENOSPC
		       : listener_start(gw, fd, trusted, tls);
}

int fog_gateway_listen(struct fog_gateway *gw, int fd)
{
	return listen_on(gw, fd, true, NULL);
}

int fog_gateway_listen_tcp(struct fog_gateway *gw, int fd, struct fog_tls *tls)
{
	return listen_on(gw, fd, false, tls);
}

/* ---- restart -------------------------------------------------------------------------------- */

/* Another takes its place; it answers what it has been asked, and goes. */
static void listener_replace(struct fog_gateway_listener *l)
{
	struct fog_gateway *gw = l->gateway;
	int fd = l->fd;

	if (l->trusted && gw->restart_fd >= 0)
		fd = gw->restart_fd;
	if (listener_start(gw, fd, l->trusted, l->tls) != 0) {
		fog_log(FOG_LOG_ERROR, "gateway", "a listener is not replaced, it goes on");
		if (fd != l->fd)
			close(fd);
	} else {
		int copy = MHD_quiesce_daemon(l->daemon);
		if (copy >= 0)
			close(copy);
		if (fd != l->fd)
			close(l->fd);
		l->retired = true;
	}
}

static void restart(struct fog_gateway *gw)
{
	gw->restart = false;
	if (gw->restart_fd < 0 && listeners_count(gw, true) >= RETIRED_MAX) {
		fog_log(FOG_LOG_NOTICE, "gateway", "not restarted: former lives still answer");
		return;
	}
	for (struct fog_gateway_listener *l = gw->listeners, *next; l != NULL; l = next) {
		next = l->next;
		if (!l->retired)
			listener_replace(l);
	}
	gw->restart_fd = -1;
	fog_websockets_release(gw);
}

void fog_gateway_restart(struct fog_gateway *gw, int fd)
{
	gw->restart = true;
	if (fd < 0)
		return;
	if (gw->restart_fd >= 0)
		close(gw->restart_fd); /* asked twice in one turn of the loop */
	gw->restart_fd = fd;
}

/* Not from inside MHD. */
static void on_prepare(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct fog_gateway *gw = w->data;

	if (gw->restart)
		restart(gw);
	if (gw->work) {
		gw->work = false;
		for (struct fog_gateway_listener *l = gw->listeners; l != NULL; l = l->next)
			listener_run(l);
	}
	for (struct fog_gateway_listener *l = gw->listeners, *next; l != NULL; l = next) {
		next = l->next;
		if (l->retired && l->open == 0)
			listener_free(l);
	}
}

void fog_listeners_init(struct fog_gateway *gw)
{
	gw->restart_fd = -1;
	ev_prepare_init(&gw->prepare, on_prepare);
	gw->prepare.data = gw;
	ev_prepare_start(gw->loop, &gw->prepare);
}

void fog_listeners_stop(struct fog_gateway *gw)
{
	ev_prepare_stop(gw->loop, &gw->prepare);
	if (gw->restart_fd >= 0)
		close(gw->restart_fd);
	while (gw->listeners != NULL) {
		MHD_run(gw->listeners->daemon); /* sends what was just answered */
		listener_free(gw->listeners);
	}
}
