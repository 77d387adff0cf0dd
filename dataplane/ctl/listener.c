/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 8 /* the holder before us removes the file while we wait for it */

/* An flock on a file that is still the one the path names: its last holder unlinks it. */
static int lock_take(const char *path)
{
	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		struct stat held, named;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			int rc = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;

			close(fd);
			return rc;
		}
		if (fstat(fd, &held) == 0 && lstat(path, &named) == 0 &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
	return -EADDRINUSE;
}

static int path_check(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISSOCK(st.st_mode) ? 0 : -EEXIST;
}

static int bind_private(int fd, const struct sockaddr_un *un)
{
	/* fchmod() on the socket before bind sets the mode of the file it makes: no moment at
	 * which others could connect, and no process-wide umask. */
	if (fchmod(fd, 0600) != 0)
		return -errno;
	return bind(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 ? 0 : -errno;
}

int fog_listener_open(struct fog_listener *l, const char *path, int backlog)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char lock[sizeof(l->path) + 8];
	int rc;

	*l = (struct fog_listener){.fd = -1, .lock_fd = -1};
	if ((size_t)snprintf(l->path, sizeof(l->path), "%s", path) >= sizeof(l->path) ||
	    (size_t)snprintf(un.sun_path, sizeof(un.sun_path), "%s.new", path) >=
		    sizeof(un.sun_path)) {
		l->path[0] = '\0';
		return -ENAMETOOLONG;
	}
	snprintf(lock, sizeof(lock), "%s.lock", path);
	l->lock_fd = lock_take(lock);
	if (l->lock_fd < 0) {
		rc = l->lock_fd;
		l->path[0] = '\0';
		return rc;
	}
	rc = path_check(path);
	if (rc == 0)
		rc = path_check(un.sun_path);
	if (rc != 0)
		goto err_close;
	unlink(un.sun_path);
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = l->fd < 0 ? -errno : bind_private(l->fd, &un);
	if (rc == 0 && (listen(l->fd, backlog) != 0 || rename(un.sun_path, path) != 0)) {
		rc = -errno;
		unlink(un.sun_path);
	}
	if (rc == 0)
		return 0;

err_close:
	l->path[0] = '\0'; /* whatever lies there is not ours to remove */
	if (l->fd >= 0)
		close(l->fd);
	unlink(lock);
	close(l->lock_fd);
	l->fd = l->lock_fd = -1;
	return rc;
}

void fog_listener_close(struct fog_listener *l)
{
	char lock[sizeof(l->path) + 8];

	if (l->fd < 0)
		return;
	snprintf(lock, sizeof(lock), "%s.lock", l->path);
	unlink(l->path);
	unlink(lock);
	close(l->fd);
	close(l->lock_fd);
	*l = (struct fog_listener){.fd = -1, .lock_fd = -1};
}

int fog_listener_accept(struct fog_listener *l)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    (cred.uid != 0 && cred.uid != geteuid())) {
		close(fd);
		return -EPERM;
	}
	return fd;
}
