/* SPDX-License-Identifier: BSD-3-Clause */
/* Enough of POSIX ustar for checkpoints and for a guest that has no tar: directories, regular
 * files, links. */
#ifndef FOG_EXECUTOR_VM_TAR_H
#define FOG_EXECUTOR_VM_TAR_H

#include "crypto/types.h"

#define FOG_TAR_DEPTH_MAX 32 /* directories below the one that is packed */

/* Unpack fd below dir_fd. Names that are absolute or hold ".." are refused. 0 or -errno; -EINVAL:
 * not a ustar archive; -ENODATA: it ends too early. */
int fog_tar_unpack(int fd, int dir_fd);

/* Where packing gives up. */
struct fog_tar_limits {
	u64 bytes;   /* of the archive: -EFBIG beyond */
	u32 entries; /* looked at, in the archive or not: -E2BIG beyond */
	u32 omitted; /* one more than these is the last that is looked at */
	u64 end_ns;  /* of CLOCK_MONOTONIC: -ETIME from then on */
};

/* Pack everything below dir_fd into fd, closing dir_fd. Returns how many entries were left out:
 * what is neither file, directory nor link or cannot be read, names that do not fit a header, what
 * lies too deep. -ENODATA: a file became shorter as it was read. Others may write below dir_fd
 * meanwhile: no link is followed, nothing is waited for, and the limits hold. */
int fog_tar_pack(int fd, int dir_fd, const struct fog_tar_limits *limits);

#endif
