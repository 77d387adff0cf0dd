/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealed memfd regions: one writer, everybody else read-only, by the kernel's word. */
#include "dataplane/abi/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define REGION_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static int region_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

static bool region_kind_known(u32 kind)
{
	return kind >= FOG_REGION_CONTROL && kind <= FOG_REGION_EDGE_RX;
}

int fog_region_create(struct fog_region *r, const char *name, size_t size, u32 kind, u64 boot_id)
{
	int rc;

	*r = (struct fog_region){.fd = -1};
	if (name == NULL || !region_kind_known(kind))
		return -EINVAL;
	if (size < sizeof(struct fog_region_header) || size > FOG_REGION_SIZE_MAX)
		return -EINVAL;

	int fd = region_memfd(name);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)size) != 0) {
		rc = -errno;
		goto err_close;
	}
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		rc = -errno;
		goto err_close;
	}
	/* After the mapping above: it is the last writable one there will ever be. */
	if (fcntl(fd, F_ADD_SEALS, REGION_SEALS) != 0 || madvise(base, size, MADV_DONTDUMP) != 0) {
		rc = -errno;
		goto err_unmap;
	}

	struct fog_region_header *h = base;
	h->magic = FOG_ABI_MAGIC;
	h->abi = FOG_ABI;
	h->layout_hash = fog_abi_layout_hash();
	h->size = size;
	h->boot_id = boot_id;
	h->pid = (u32)getpid();
	h->kind = kind;
	*r = (struct fog_region){.base = base, .size = size, .fd = fd};
	return 0;

err_unmap:
	munmap(base, size);
err_close:
	close(fd);
	return rc;
}

/* The peer may write its header at any time: judge one copy, never read it again. */
static bool header_good(const void *base, size_t size, u32 kind)
{
	struct fog_region_header h;

	memcpy(&h, base, sizeof(h));
	return h.magic == FOG_ABI_MAGIC && h.abi == FOG_ABI && h.kind == kind && h.size == size &&
	       h.layout_hash == fog_abi_layout_hash();
}

int fog_region_map_peer(struct fog_region *r, int fd, size_t size, u32 kind)
{
	struct stat st;

	*r = (struct fog_region){.fd = -1};
	if (fd < 0 || size < sizeof(struct fog_region_header) || size > FOG_REGION_SIZE_MAX ||
	    !region_kind_known(kind))
		return -EINVAL;

	/* SHRINK keeps a read from becoming SIGBUS, FUTURE_WRITE keeps third parties from writing,
	 * SEAL keeps the first two from being all there is. Only a memfd answers at all. */
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & REGION_SEALS) != REGION_SEALS)
		return -EPROTO;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)size)
		return -EPROTO;
	void *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	if (!header_good(base, size, kind)) {
		munmap(base, size);
		return -EPROTO;
	}
	/* Best effort: what the other side publishes is no secret of ours. */
	(void)madvise(base, size, MADV_DONTDUMP);
	*r = (struct fog_region){.base = base, .size = size, .fd = fd};
	return 0;
}

void fog_region_close(struct fog_region *r)
{
	if (r->base != NULL) {
		munmap(r->base, r->size);
		close(r->fd);
	}
	*r = (struct fog_region){.fd = -1};
}
