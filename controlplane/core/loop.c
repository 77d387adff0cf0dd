/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/core/log.h"

u64 fog_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

int fog_fd_prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int fog_tcp_listen(const struct fog_address *at, int backlog)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	int one = 1, rc = 0;

	memcpy(&v6.sin6_addr, at->ip, 16);
	memcpy(&v4.sin_addr, at->ip + 12, 4);
	bool four = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
	int fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, four ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 four ? sizeof(v4) : sizeof(v6)) != 0 ||
	    listen(fd, backlog) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int address_fill(struct sockaddr_un *sa, const char *path)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	int n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path);
	return n < (int)sizeof(sa->sun_path) ? 0 : -ENAMETOOLONG;
}

int fog_unix_connect(const char *path)
{
	struct sockaddr_un sa;
	int rc = address_fill(&sa, path);

	if (rc != 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* The process at the other end of a connected socket. The socket hangs up when it ends: while it
 * has not, the pid cannot be another's. */
static int peer_kill(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct pollfd poll_fd = {.fd = fd};
	int rc = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -errno;
	if (cred.pid <= 0)
		return -ESRCH; /* of another pid namespace */
	int process = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	if (process < 0)
		return -errno;
	if (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0)
		rc = -ESRCH;
	else if (syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) != 0)
		rc = -errno;
	close(process);
	return rc;
}

int fog_unix_kill(const char *path, int type)
{
	struct sockaddr_un sa;
	int rc = address_fill(&sa, path);

	if (rc != 0)
		return rc;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 ? peer_kill(fd) : -errno;
	close(fd);
	return rc;
}

int fog_unix_listen(const char *path, int backlog)
{
	struct sockaddr_un sa;
	int rc = address_fill(&sa, path);

	if (rc != 0)
		return rc;
	int other = fog_unix_connect(path);
	if (other >= 0) {
		close(other);
		return -EADDRINUSE;
	}
	if (other == -EAGAIN)
		return -EADDRINUSE;
	if (other != -ENOENT && unlink(path) != 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The mode is set before bind(), or the socket would be open to all for a moment. */
	if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    chmod(path, 0600) != 0 || listen(fd, backlog) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_listener *l = w->data;
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	int fd = accept4(w->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		l->accepted(l->ctx, fd, &address);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	fog_log(FOG_LOG_WARNING, "core", "accepting pauses on=%s reason=\"%s\"", l->name,
		strerror(errno));
	ev_io_stop(loop, &l->io);
	ev_timer_set(&l->pause, FOG_ACCEPT_PAUSE_MS / 1000.0, 0.0);
	ev_timer_start(loop, &l->pause);
}

static void on_pause_over(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_listener *l = w->data;

	ev_io_start(loop, &l->io);
}

void fog_listener_start(struct fog_listener *l, struct ev_loop *loop, int fd, const char *name,
			void (*accepted)(void *ctx, int fd, const struct sockaddr_storage *address),
			void *ctx)
{
	*l = (struct fog_listener){.loop = loop, .name = name, .accepted = accepted, .ctx = ctx};
	ev_io_init(&l->io, on_acceptable, fd, EV_READ);
	ev_init(&l->pause, on_pause_over);
	l->io.data = l->pause.data = l;
	ev_io_start(loop, &l->io);
}

void fog_listener_stop(struct fog_listener *l)
{
	if (l->loop == NULL)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->pause);
	close(l->io.fd);
	l->loop = NULL;
}
