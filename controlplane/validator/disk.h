/* SPDX-License-Identifier: BSD-3-Clause */
/* What a validator must not forget, in one append-only log: votes, certificates, blocks and what
 * became final, in files of about FOG_QLOG_SEGMENT bytes; an epoch begins a file of its own. Beside
 * it the file `epochs`, never shortened: how each epoch followed from the one before, for whoever
 * wants to check that from genesis.
 *
 *	record	length u32 | kind u8 | first 8 bytes of BLAKE2b-256 of kind and payload | payload
 *
 * A torn tail is cut off at the start; damage anywhere else is refused. One sync makes all durable
 * that was appended before it (group commit). The loop's thread only. */
#ifndef FOG_VALIDATOR_DISK_H
#define FOG_VALIDATOR_DISK_H

#include "controlplane/quorum/light.h"

#define FOG_QLOG_SEGMENT    (64u * 1024 * 1024)
#define FOG_QLOG_KEEP       (1024ull * 1024 * 1024) /* of whole epochs, for peers */
#define FOG_QLOG_RECORD_MAX (4u * 1024 * 1024)
#define FOG_QLOG_WHY_SIZE   256

enum fog_qlog_kind {
	FOG_QLOG_VOTE = 1,
	FOG_QLOG_CERT,
	FOG_QLOG_BLOCK,
	FOG_QLOG_FINAL, /* height u64 | hash 32 | certificate or nothing */
	FOG_QLOG_EPOCH, /* epoch u64: begins here */
	FOG_QLOG_KINDS,
};

struct fog_qlog;

/* Opens or creates the log in `dir`, which exists. 0; -EUCLEAN: damaged; -errno. `why` in words. */
int fog_qlog_open(struct fog_qlog **out, const char *dir, char why[FOG_QLOG_WHY_SIZE]);
void fog_qlog_close(struct fog_qlog *l);
/* Is there anything of a log in `dir`? 1, 0 or -errno. */
int fog_qlog_exists(const char *dir);

/* Give back, in order, every record since the begin of `epoch` (1: since genesis). fn returning
 * not 0 ends it with that. -ENOENT: that epoch is not in the log any more. */
int fog_qlog_replay(struct fog_qlog *l, u64 epoch,
		    int (*fn)(void *context, u8 kind, const u8 *data, u32 len), void *context);

/* Append; kept in memory until fog_qlog_sync(). 0 or -ENOMEM. */
int fog_qlog_append(struct fog_qlog *l, u8 kind, const void *data, u32 len);
int fog_qlog_block(struct fog_qlog *l, const struct fog_block *b);
int fog_qlog_final(struct fog_qlog *l, const struct fog_block *b, const u8 *cert, u32 cert_len);
bool fog_qlog_dirty(const struct fog_qlog *l);
/* 0 or -errno: then nothing more can be promised, and the owner must stop voting. */
int fog_qlog_sync(struct fog_qlog *l);

/* A final block and its own certificate (kind 0: none). NULL when it is not here. */
struct fog_block *fog_qlog_read(struct fog_qlog *l, u64 height, struct fog_certificate *cert);
/* First and last final height that can be read; 0 = none. */
void fog_qlog_heights(const struct fog_qlog *l, u64 *first, u64 *last);

/* A new epoch: durable when it returns; begins a new file. 0 or -errno. */
int fog_qlog_epoch_begin(struct fog_qlog *l, const struct fog_epoch *e);
/* Only the facts, when the log does not begin there: state sync. Nothing when they are known. */
int fog_qlog_epoch_note(struct fog_qlog *l, const struct fog_epoch *e);
/* Facts about an epoch: from 2 to fog_qlog_epoch_last(). 0, -ENOENT, -EUCLEAN. */
int fog_qlog_epoch_read(struct fog_qlog *l, u64 epoch, struct fog_epoch *out);
u64 fog_qlog_epoch_last(const struct fog_qlog *l);
/* A snapshot at the begin of `epoch` is safe: of older files those go that are beyond `keep` bytes.
 */
void fog_qlog_prune(struct fog_qlog *l, u64 epoch, u64 keep);
/* Syncs since the start, and bytes written. */
void fog_qlog_counts(const struct fog_qlog *l, u64 *syncs, u64 *bytes);

#endif
