/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/executor/file.h"

#define COPY_BYTES 65536
#define PATH_SIZE  4096

void fog_job_fail(struct fog_job *job, int err, const char *fmt, ...)
{
	va_list ap;

	if (job->error[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(job->error, sizeof(job->error), fmt, ap);
	va_end(ap);
	size_t len = strlen(job->error);
	if (err != 0)
		snprintf(job->error + len, sizeof(job->error) - len, ": %s", strerror(err));
}

static int native_prepare(struct fog_job *job)
{
	for (size_t i = 0; i < job->spec->argv_count; i++)
		job->launch.argv[i] = job->spec->argv[i];
	snprintf(job->sandbox.machine, sizeof(job->sandbox.machine), "process");
	return 0;
}

const struct fog_engine fog_engine_native = {
	.name = "native",
	.ops = &fog_sandbox_ops,
	.prepare = native_prepare,
};

static const struct fog_engine *const engines[] = {&fog_engine_native, &fog_engine_wasm,
						   &fog_engine_oci, &fog_engine_microvm,
						   &fog_engine_slurm};

const struct fog_engine *fog_engine_find(const char *name)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(engines); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

/* SPOOL/engine, made at need; another user must be able to walk into it. */
static int engine_dir_open(struct fog_job *job)
{
	if (mkdirat(job->spool_fd, "engine", 0755) < 0 && errno != EEXIST)
		return -errno;
	job->launch.engine_dir = true;
	int fd = openat(job->spool_fd, "engine", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fchmod(fd, 0755) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	return fd < 0 ? -errno : fd;
}

static int file_create(struct fog_job *job, const char *name, unsigned mode)
{
	int dir = engine_dir_open(job);
	if (dir < 0)
		return dir;
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int ret = fd < 0 ? -errno : fchmod(fd, mode) < 0 ? -errno : fd;
	if (ret < 0 && fd >= 0)
		close(fd);
	close(dir);
	return ret;
}

int fog_engine_data_add(struct fog_job *job, const void *data, size_t size, const char *name,
			unsigned mode)
{
	int fd = file_create(job, name, mode);
	int ret = fd < 0 ? fd : fog_file_write_all(fd, data, size);

	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret < 0)
		fog_job_fail(job, -ret, "engine: %s", name);
	return ret;
}

int fog_engine_file_add(struct fog_job *job, const char *path, const char *name, unsigned mode)
{
	u8 buf[COPY_BYTES];
	ssize_t n = 0;

	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = from < 0 ? -1 : file_create(job, name, mode);
	int ret = from < 0 ? -errno : FOG_MIN(to, 0);
	while (ret == 0 && (n = read(from, buf, sizeof(buf))) > 0)
		ret = fog_file_write_all(to, buf, (size_t)n);
	if (ret == 0 && n < 0)
		ret = -errno;
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) < 0 && ret == 0)
		ret = -errno;
	if (ret < 0)
		fog_job_fail(job, -ret, "engine: %s", path);
	return ret;
}

const char *fog_engine_sibling(const char *name)
{
	static char path[PATH_SIZE];

	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash - path) + strlen(name) + 2 > sizeof(path))
		return NULL;
	memcpy(slash + 1, name, strlen(name) + 1);
	return access(path, X_OK) == 0 ? path : NULL;
}
