/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/vm/initrd.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/executor/file.h"

#define ALIGN      4
#define COPY_BYTES 65536

static void put(struct fog_initrd *r, const void *data, size_t len)
{
	if (r->error == 0)
		r->error = fog_file_write_all(r->fd, data, len);
}

static void pad(struct fog_initrd *r, u64 len)
{
	static const u8 zero[ALIGN];

	put(r, zero, (size_t)((ALIGN - len % ALIGN) % ALIGN));
}

static void head(struct fog_initrd *r, const char *name, u32 mode, u64 size)
{
	size_t name_size = strlen(name) + 1;
	char text[111];

	snprintf(text, sizeof(text), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 ++r->inode, mode, 0, 0, 1, 0, (u32)size, 0, 0, 0, 0, (u32)name_size, 0);
	put(r, text, 110);
	put(r, name, name_size);
	pad(r, 110 + name_size);
}

void fog_initrd_begin(struct fog_initrd *r, int fd)
{
	*r = (struct fog_initrd){.fd = fd};
}

void fog_initrd_dir(struct fog_initrd *r, const char *name)
{
	head(r, name, S_IFDIR | 0755, 0);
}

void fog_initrd_data(struct fog_initrd *r, const char *name, u32 mode, const void *data, size_t len)
{
	head(r, name, S_IFREG | mode, len);
	put(r, data, len);
	pad(r, len);
}

void fog_initrd_file(struct fog_initrd *r, const char *name, u32 mode, int fd, u64 size_max)
{
	u8 buf[COPY_BYTES];
	struct stat st;
	ssize_t n = 1;

	if (r->error == 0 && fstat(fd, &st) < 0)
		r->error = -errno;
	else if (r->error == 0 && ((u64)st.st_size > size_max || !S_ISREG(st.st_mode)))
		r->error = -EFBIG;
	if (r->error != 0)
		return;
	u64 left = (u64)st.st_size;
	head(r, name, S_IFREG | mode, left);
	while (r->error == 0 && left > 0 && n > 0) {
		n = read(fd, buf, (size_t)FOG_MIN(left, (u64)sizeof(buf)));
		if (n > 0) {
			put(r, buf, (size_t)n);
			left -= (u64)n;
		}
	}
	// Shorter than it said: the archive would be wrong.
	if (r->error == 0 && left > 0)
		r->error = n < 0 ? -errno : -EIO;
	pad(r, (u64)st.st_size);
}

int fog_initrd_end(struct fog_initrd *r)
{
	head(r, "TRAILER!!!", 0, 0);
	return r->error;
}
