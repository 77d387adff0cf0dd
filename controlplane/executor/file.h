/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files that appear whole or not at all, and trees that a hostile job has left behind. All
 * names are single components below an open directory, symbolic links are never followed. */
#ifndef FOG_EXECUTOR_FILE_H
#define FOG_EXECUTOR_FILE_H

#include <sys/types.h>

#include "configs/file.h"
#include "crypto/types.h"

/* A job that nests deeper or makes more files than this in /work breaks its disk limit. The depth
 * bounds open directories of a walk, the count its time. */
#define FOG_TREE_DEPTH_MAX   64
#define FOG_TREE_ENTRIES_MAX 100000

/* Read a regular file of at most size_max bytes; *text is NUL-terminated, freed by the caller.
 * -ENOENT, -EFBIG, -EINVAL (not a regular file). */
int fog_file_read(int dir_fd, const char *name, size_t size_max, char **text, size_t *len);

/* Replace name by text: temporary file, fsync, rename, fsync of the directory. One writer per name.
 */
int fog_file_replace(int dir_fd, const char *name, const char *text, size_t len);

/* Read up to cap bytes from offset, *len (0 before) of them; fewer at the end of the file. */
int fog_file_read_at(int fd, u64 offset, void *buf, size_t cap, size_t *len);

/* Sum of the blocks of everything below dir_fd. -E2BIG: deeper or more than the limits above;
 * -EACCES: a directory that we cannot read. Safe against a job that renames as we walk. */
int fog_tree_measure(int dir_fd, u64 *bytes);

/* Give everything below dir_fd, and itself, to uid:gid. Same limits. */
int fog_tree_chown(int dir_fd, uid_t uid, gid_t gid);

/* Remove everything below dir_fd, as fog_tree_remove() does. */
int fog_tree_clear(int dir_fd);

/* Remove parent_fd/name whatever it is, of any depth and with any modes. Nobody else may write in
 * it meanwhile. Costs one unlink or rename per entry and level, three open descriptors, no
 * recursion: deep directories are lifted to the top before they are removed. */
int fog_tree_remove(int parent_fd, const char *name);

#endif
