/* SPDX-License-Identifier: BSD-3-Clause */
/* The initial RAM disk of a microVM: a cpio archive of the "newc" kind (Linux,
 * Documentation/driver-api/early-userspace/buffer-format.rst), which the kernel unpacks itself. */
#ifndef FOG_EXECUTOR_VM_INITRD_H
#define FOG_EXECUTOR_VM_INITRD_H

#include "crypto/types.h"

struct fog_initrd {
	int fd; /* written to at its position; borrowed */
	u32 inode;
	int error; /* -errno of the first failure; then nothing is written any more */
};

void fog_initrd_begin(struct fog_initrd *r, int fd);
void fog_initrd_dir(struct fog_initrd *r, const char *name);
void fog_initrd_data(struct fog_initrd *r, const char *name, u32 mode, const void *data,
		     size_t len);
/* The rest of an open file, of at most size_max bytes. */
void fog_initrd_file(struct fog_initrd *r, const char *name, u32 mode, int fd, u64 size_max);
/* 0 or -errno of the whole. */
int fog_initrd_end(struct fog_initrd *r);

#endif
