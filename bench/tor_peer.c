/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tor_peer.h"

#include <unistd.h>

static bool find(char *path, size_t cap)
{
	const char *set = getenv("FOG_TOR_BENCH"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (set != NULL && set[0] != '\0')
		n = snprintf(path, cap, "%s", set);
	else if (cache != NULL && cache[0] != '\0')
		n = snprintf(path, cap, "%s/fog/tor-bench/src/test/bench", cache);
	else
		n = snprintf(path, cap, "%s/.cache/fog/tor-bench/src/test/bench",
			     home != NULL ? home : "/root");
	return n < (int)cap && strchr(path, '\'') == NULL && access(path, X_OK) == 0;
}

double tor_cgo_measure(void)
{
	char path[1024], command[1100], line[256];
	double sum = 0, value;
	unsigned found = 0;

	if (!find(path, sizeof(path)))
		return -1;
	snprintf(command, sizeof(command), "'%s' cell_ops_cgo 2>/dev/null", path);
	FILE *f = popen(command, "r");
	if (f == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CGO outbound at relay: %lf", &value) == 1 ||
		    sscanf(line, "CGO inbound at relay: %lf", &value) == 1) {
			sum += value;
			found++;
		}
	return pclose(f) == 0 && found == 2 ? sum / 2 : -1;
}
