/* SPDX-License-Identifier: BSD-3-Clause */
/* Places for tests: ports of the loopback, directories that go again. */
#ifndef FOG_TEST_PLACE_H
#define FOG_TEST_PLACE_H

#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/types.h"

/* A TCP port of 127.0.0.1 that nobody has just now; 0 if there is none. */
static inline u16 fog_test_free_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));

	if (rc == 0)
		rc = getsockname(fd, (struct sockaddr *)&sa, &len);
	close(fd);
	return rc == 0 ? ntohs(sa.sin_port) : 0;
}

static inline int fog_test_entry_remove(const char *path, const struct stat *st, int kind,
					struct FTW *at)
{
	return remove(path);
}

/* Removes a directory and all below it. 0, or -1 with errno. */
static inline int fog_test_tree_remove(const char *path)
{
	return nftw(path, fog_test_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
