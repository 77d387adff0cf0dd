/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a test opens its store: under tests/postgres.py a fresh schema of that server, else what
 * the test says itself. The same tests run on both. */
#ifndef FOG_STORE_WHERE_H
#define FOG_STORE_WHERE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The same URL until fresh is asked for again. otherwise: a path, or NULL for memory. */
static inline const char *store_where(bool fresh, const char *otherwise)
{
	static char url[512];
	static unsigned count;
	const char *server = getenv("FOG_TEST_STORE");

	if (server == NULL)
		return otherwise;
	count += fresh;
	snprintf(url, sizeof(url), "%s&options=-csearch_path%%3Dt%u_%u", server, (unsigned)getpid(),
		 count);
	return url;
}

#endif
