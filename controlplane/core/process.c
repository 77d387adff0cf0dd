/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/process.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static u64 fds_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	u64 count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and the one that reads */
}

/* Fields behind the name, which may hold anything, are counted from its last parenthesis. */
static int stat_read(int pid, struct fog_process_usage *out, u64 *start_ticks)
{
	char path[48], text[1024];
	unsigned long long user, system, virtual;
	long resident;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	unsigned long long start;
	if (p == NULL ||
	    sscanf(p + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %u "
		   "%*d %llu %llu %ld",
		   &user, &system, &out->threads, &start, &virtual, &resident) != 6)
		return -EPROTO;
	out->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	out->virtual_bytes = virtual;
	out->resident_bytes = (u64)resident * (u64)sysconf(_SC_PAGESIZE);
	*start_ticks = start;
	return 0;
}

int fog_process_usage(int pid, struct fog_process_usage *out)
{
	struct timespec now, boot;
	u64 ticks = 0;

	memset(out, 0, sizeof(*out));
	int rc = stat_read(pid, out, &ticks);
	if (rc != 0)
		return rc;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	double booted =
		(double)(now.tv_sec - boot.tv_sec) + (double)(now.tv_nsec - boot.tv_nsec) / 1e9;
	out->start_time_seconds = booted + (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

void fog_process_fds(u64 *open, u64 *max)
{
	struct rlimit limit;

	*open = fds_count();
	*max = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

int fog_process_free_ratio(const char *path, double *out)
{
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return -errno;
	*out = fs.f_blocks != 0 ? (double)fs.f_bavail / (double)fs.f_blocks : 1.0;
	return 0;
}
