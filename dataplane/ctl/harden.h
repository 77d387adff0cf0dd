/* SPDX-License-Identifier: BSD-3-Clause */
/* What a data plane gives up before it talks to strangers. Each step reports by itself, so that the
 * log can say which are in force; none is fatal. */
#ifndef FOG_CTL_HARDEN_H
#define FOG_CTL_HARDEN_H

#include "crypto/types.h"

/* Before threads start: no new privileges through exec, no core dumps, no tracing by our own user.
 * 0 or -errno. */
int fog_harden_process(void);

/* After init: keep what we use of the memory we have now in RAM, so that keys do not reach swap.
 * -EPERM or -ENOMEM where RLIMIT_MEMLOCK forbids it. */
int fog_harden_memory(void);

/* After all threads and fds exist: from now on every thread may only do what moving cells,
 * answering HELLO and stopping needs. No open, socket, exec, fork, ptrace, no executable memory;
 * such a call fails with EPERM and is logged by the kernel. 0, -ENOTSUP (built with a sanitizer,
 * which needs more) or -errno. device_library: DPDK drives the device; its control thread also
 * makes unix sockets (memif), sets timers and asks the device by ioctl. */
int fog_harden_seccomp(bool device_library);

#endif
