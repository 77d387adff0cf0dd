/* SPDX-License-Identifier: BSD-3-Clause */
/* Back ends by name. */
#include <liburing.h>

#include "dataplane/io/io.h"

static bool uring_allowed(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(4, &ring, 0) < 0)
		return false; /* an old kernel, a sysctl or a seccomp filter says no */
	io_uring_queue_exit(&ring);
	return true;
}

const struct fog_io_ops *fog_io_find(const char *name)
{
	static const struct fog_io_ops *const all[] = {
		&fog_io_uring,
		&fog_io_socket,
		&fog_io_afxdp,
#if FOG_HAVE_DPDK
		&fog_io_dpdk,
#endif
	};

	if (strcmp(name, "auto") == 0)
		return uring_allowed() ? &fog_io_uring : &fog_io_socket;
	if (strcmp(name, "uring") == 0)
		return &fog_io_uring;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(all); i++)
		if (strcmp(name, all[i]->name) == 0)
			return all[i];
	return NULL;
}
