/* SPDX-License-Identifier: BSD-3-Clause */
/* What is created, renamed or removed in a directory is durable only once the directory is. */
#ifndef FOG_CORE_DIR_H
#define FOG_CORE_DIR_H

/* 0 or -errno. */
int fog_dir_sync(const char *dir);

#endif
