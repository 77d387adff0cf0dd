/* SPDX-License-Identifier: BSD-3-Clause */
/* sd_notify(3) without its library: one datagram to the socket systemd names. */
#ifndef FOG_CTL_NOTIFY_H
#define FOG_CTL_NOTIFY_H

/* Remember the socket of $NOTIFY_SOCKET and open ours: call before seccomp forbids it. Returns an
 * fd, -ENOENT when nobody wants to know, or -errno. */
int fog_notify_open(void);
/* "READY=1", "STOPPING=1". fd < 0: nothing happens. 0 or -errno. Never blocks. */
int fog_notify_send(int fd, const char *state);

#endif
