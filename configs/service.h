/* SPDX-License-Identifier: BSD-3-Clause */
/* Our end of the protocols of a service manager (sd_notify(3), sd_watchdog_enabled(3),
 * sd_listen_fds(3)), without its library: systemd, or the supervisor of a lab. */
#ifndef FOG_SERVICE_H
#define FOG_SERVICE_H

#include "crypto/types.h"

/* Exit status of a service whose configuration is wrong, EX_CONFIG of sysexits(3): the units name
 * it in RestartPreventExitStatus, since starting again would change nothing. */
#define FOG_SERVICE_EXIT_CONFIG 78

/* Remember the socket of $NOTIFY_SOCKET and open ours: call before seccomp forbids it. Returns an
 * fd, -ENOENT when nobody wants to know, or -errno. */
int fog_service_open(void);
/* "READY=1", "STOPPING=1", "STATUS=words", lines of them. fd < 0: nothing happens. 0 or -errno.
 * Never blocks. */
int fog_service_tell(int fd, const char *state);
/* How often the manager wants to hear "WATCHDOG=1", in ms: half the time after which it ends us. 0:
 * it does not. */
u32 fog_service_watchdog_ms(void);
/* The listening socket of this name that the manager made for us: non-blocking, close-on-exec, the
 * caller's. -ENOENT: there is none. */
int fog_service_socket(const char *name);

#endif
