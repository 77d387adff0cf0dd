/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that every process keeps: written and read whole, there after a crash. Any thread. */
#ifndef FOG_FILE_H
#define FOG_FILE_H

#include <stddef.h>

/* Reads len bytes at the file position. 0, -ENODATA: the file ends before; -errno. */
int fog_file_read_all(int fd, void *buf, size_t len);

/* Writes all of buf at the file position. 0 or -errno. */
int fog_file_write_all(int fd, const void *buf, size_t len);

/* Makes a file of mode 0600: written beside it, synced, linked into place, its directory synced. So
 * it is there whole or not at all, and never in the place of one that somebody else made meanwhile.
 * 0, -EEXIST: it was there; -errno. Costs two fsync(). */
int fog_file_create(const char *path, const void *buf, size_t len);

/* What is created, renamed or removed in a directory is durable only once the directory is. 0 or
 * -errno. */
int fog_dir_sync(const char *dir);

/* The same for the directory in which path lies. */
int fog_dir_sync_of(const char *path);

#endif
