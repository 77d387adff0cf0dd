/* SPDX-License-Identifier: BSD-3-Clause */
/* The secret and the replay tags of each live key epoch on disk, so that a restart neither loses
 * what is under way nor takes anything twice. One file an epoch: a header with the secret, then the
 * marks in the order they were taken (append only). A mark is on file before its packet moves on.
 *
 *	header 128 = magic 16 | epoch u64 | zero 8 | secret 32 | tag key 32 | boot id 16 | zero 16
 *
 * Marks survive the end of the process, not that of the machine: there is no fsync per batch. So an
 * epoch of another boot of the machine is erased instead of used (its senders retransmit). Erasing
 * overwrites before it truncates; what the disk itself keeps of old blocks is beyond us, which is
 * why the run of an epoch is short. The mix's thread only. */
#ifndef FOG_MIX_LOG_H
#define FOG_MIX_LOG_H

#include "dataplane/mix/tags.h"

#define FOG_MIX_LOGS       3 /* previous, current and next epoch */
#define FOG_MIX_LOG_HEADER 128
#define FOG_MIX_LOG_BURST  (FOG_MIX_TAGS_BURST * FOG_MIX_MARK_SIZE)

struct fog_mix_log {
	int fd[FOG_MIX_LOGS]; /* -1: nothing is kept, a restart begins new epochs */
	u8 boot_id[16];
};

struct fog_mix_log_epoch {
	u64 epoch; /* 0 = none */
	u8 secret[32];
	u8 tag_key[32];
	u64 marks; /* in the file */
};

/* Open or create mix-0.epoch .. in `dir`, mode 0600; dir NULL keeps nothing. 0 or -errno. */
int fog_mix_log_open(struct fog_mix_log *l, const char *dir);
void fog_mix_log_close(struct fog_mix_log *l);
/* What file `i` holds; epoch 0 when empty, damaged or of another boot. */
int fog_mix_log_read(const struct fog_mix_log *l, unsigned i, struct fog_mix_log_epoch *e);
/* Up to `count` marks from number `first` on. Returns how many, or -errno. */
int fog_mix_log_marks(const struct fog_mix_log *l, unsigned i, u64 first,
		      u8 (*mark)[FOG_MIX_MARK_SIZE], unsigned count);
/* Erase file `i` and start it for an epoch; e->epoch 0 leaves it empty. Durable on return. */
int fog_mix_log_start(struct fog_mix_log *l, unsigned i, const struct fog_mix_log_epoch *e);
/* 0 or -errno: then the packets must not move on. */
int fog_mix_log_append(struct fog_mix_log *l, unsigned i, const u8 (*mark)[FOG_MIX_MARK_SIZE],
		       unsigned count);

#endif
