/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int fog_dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		rc = -errno;
	close(fd);
	return rc;
}
