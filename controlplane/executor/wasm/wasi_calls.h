/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls as modules see them: names and types are wasm2c's, which declares them again in the
 * header of each module. Semantics: WASI preview1; see wasi.h. Return WASI error numbers. */
#ifndef FOG_EXECUTOR_WASM_WASI_CALLS_H
#define FOG_EXECUTOR_WASM_WASI_CALLS_H

#include "controlplane/executor/wasm/wasi.h"

u32 Z_wasi_snapshot_preview1Z_args_sizes_get(FOG_WASI *w, u32 count_ptr, u32 size_ptr);
u32 Z_wasi_snapshot_preview1Z_args_get(FOG_WASI *w, u32 pointers, u32 buf);
u32 Z_wasi_snapshot_preview1Z_environ_sizes_get(FOG_WASI *w, u32 count_ptr, u32 size_ptr);
u32 Z_wasi_snapshot_preview1Z_environ_get(FOG_WASI *w, u32 pointers, u32 buf);
u32 Z_wasi_snapshot_preview1Z_clock_res_get(FOG_WASI *w, u32 id, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_clock_time_get(FOG_WASI *w, u32 id, u64 precision, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_random_get(FOG_WASI *w, u32 ptr, u32 len);
u32 Z_wasi_snapshot_preview1Z_sched_yield(FOG_WASI *w);
void Z_wasi_snapshot_preview1Z_proc_exit(FOG_WASI *w, u32 code);
u32 Z_wasi_snapshot_preview1Z_fd_read(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u32 done);
u32 Z_wasi_snapshot_preview1Z_fd_write(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u32 done);
u32 Z_wasi_snapshot_preview1Z_fd_pread(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u64 offset,
				       u32 done);
u32 Z_wasi_snapshot_preview1Z_fd_pwrite(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u64 offset,
					u32 done);
u32 Z_wasi_snapshot_preview1Z_fd_seek(FOG_WASI *w, u32 fd, u64 offset, u32 whence, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_fd_tell(FOG_WASI *w, u32 fd, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_fd_close(FOG_WASI *w, u32 fd);
u32 Z_wasi_snapshot_preview1Z_fd_renumber(FOG_WASI *w, u32 from, u32 to);
u32 Z_wasi_snapshot_preview1Z_fd_sync(FOG_WASI *w, u32 fd);
u32 Z_wasi_snapshot_preview1Z_fd_datasync(FOG_WASI *w, u32 fd);
u32 Z_wasi_snapshot_preview1Z_fd_filestat_get(FOG_WASI *w, u32 fd, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_fd_filestat_set_size(FOG_WASI *w, u32 fd, u64 size);
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(FOG_WASI *w, u32 fd, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_set_flags(FOG_WASI *w, u32 fd, u32 flags);
u32 Z_wasi_snapshot_preview1Z_fd_advise(FOG_WASI *w, u32 fd, u64 offset, u64 len, u32 advice);
u32 Z_wasi_snapshot_preview1Z_fd_prestat_get(FOG_WASI *w, u32 fd, u32 ptr);
u32 Z_wasi_snapshot_preview1Z_fd_prestat_dir_name(FOG_WASI *w, u32 fd, u32 ptr, u32 len);
u32 Z_wasi_snapshot_preview1Z_fd_readdir(FOG_WASI *w, u32 fd, u32 ptr, u32 len, u64 cookie,
					 u32 used_ptr);
u32 Z_wasi_snapshot_preview1Z_poll_oneoff(FOG_WASI *w, u32 in_ptr, u32 out_ptr, u32 count,
					  u32 events_ptr);
u32 Z_wasi_snapshot_preview1Z_path_open(FOG_WASI *w, u32 dir, u32 lookup, u32 ptr, u32 len,
					u32 open, u64 rights, u64 inheriting, u32 fdflags,
					u32 fd_ptr);
u32 Z_wasi_snapshot_preview1Z_path_filestat_get(FOG_WASI *w, u32 dir, u32 lookup, u32 ptr, u32 len,
						u32 stat_ptr);
u32 Z_wasi_snapshot_preview1Z_path_create_directory(FOG_WASI *w, u32 dir, u32 ptr, u32 len);
u32 Z_wasi_snapshot_preview1Z_path_remove_directory(FOG_WASI *w, u32 dir, u32 ptr, u32 len);
u32 Z_wasi_snapshot_preview1Z_path_unlink_file(FOG_WASI *w, u32 dir, u32 ptr, u32 len);
u32 Z_wasi_snapshot_preview1Z_path_rename(FOG_WASI *w, u32 from_dir, u32 from, u32 from_len,
					  u32 to_dir, u32 to, u32 to_len);
u32 Z_wasi_snapshot_preview1Z_path_readlink(FOG_WASI *w, u32 dir, u32 ptr, u32 len, u32 buf,
					    u32 buf_len, u32 used_ptr);

#endif
