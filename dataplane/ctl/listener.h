/* SPDX-License-Identifier: BSD-3-Clause */
/* A unix seqpacket listener that two processes can not hold at once and that survives what a killed
 * one left behind. */
#ifndef FOG_CTL_LISTENER_H
#define FOG_CTL_LISTENER_H

#include "crypto/types.h"

#include <sys/un.h>

struct fog_listener {
	int fd;      /* listening, non-blocking, mode 0600 */
	int lock_fd; /* flock()ed PATH.lock: whoever holds it owns the path */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* The socket is bound under a temporary name and renamed over `path`, so a client finds the old
 * one, or the new one listening, never something in between. -EADDRINUSE (the lock is held),
 * -EEXIST (path is no socket), -ENAMETOOLONG, or -errno. */
int fog_listener_open(struct fog_listener *l, const char *path, int backlog);
/* Remove the socket and the lock file, close both. Safe when never opened with fds of -1. */
void fog_listener_close(struct fog_listener *l);
/* Accept one client of root or our own uid: fd (non-blocking), -EAGAIN (none waits), -EPERM (a
 * stranger, closed), or -errno. */
int fog_listener_accept(struct fog_listener *l);

#endif
