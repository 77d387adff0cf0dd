/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory: every valid descriptor this host knows, its own included. The table is pure (time
 * is a parameter); fog_directory_load() and the change callback tie it to the store. At most
 * FOG_DIRECTORY_HOSTS_MAX hosts: when full, unknown hosts are refused and known ones go on being
 * updated. The loop's thread only. */
#ifndef FOG_DIRECTORY_H
#define FOG_DIRECTORY_H

#include "controlplane/core/store.h"
#include "controlplane/directory/descriptor.h"

#define FOG_DIRECTORY_HOSTS_MAX 4096

struct fog_directory;

enum fog_directory_change {
	FOG_DIRECTORY_ADDED = 1,
	FOG_DIRECTORY_UPDATED,
	FOG_DIRECTORY_REMOVED, /* `s` is still readable during the call */
};

typedef void (*fog_directory_changed_fn)(void *ctx, enum fog_directory_change change,
					 const struct fog_signed_descriptor *s);

struct fog_directory_counts {
	u64 accepted, stale, refused, expired, full;
};

int fog_directory_new(struct fog_directory **out);
void fog_directory_free(struct fog_directory *dir);
void fog_directory_on_change(struct fog_directory *dir, fog_directory_changed_fn fn, void *ctx);

/* Offer a descriptor from anywhere. 0: taken; -EALREADY: not newer than the one known; -ENOSPC:
 * full; else as fog_descriptor_accept(). */
int fog_directory_offer(struct fog_directory *dir, const char *text, size_t len,
			const u8 signature[64], u64 now_ms, char why[FOG_DESCRIPTOR_WHY_SIZE]);
/* Drop what has expired; returns how many. */
u32 fog_directory_expire(struct fog_directory *dir, u64 now_ms);

u32 fog_directory_count(const struct fog_directory *dir);
/* i in [0, count); the order changes when hosts leave. Valid until the next offer or expire. */
const struct fog_signed_descriptor *fog_directory_at(const struct fog_directory *dir, u32 i);
/* NULL when unknown. */
const struct fog_signed_descriptor *fog_directory_find(const struct fog_directory *dir,
						       const u8 node_id[32]);
/* By 64 hex digits, by an unambiguous prefix of at least 4, or by exact name when one host has it.
 * 0, -ENOENT, or -EEXIST when several match. */
int fog_directory_lookup(const struct fog_directory *dir, const char *text,
			 const struct fog_signed_descriptor **out);
const struct fog_directory_counts *fog_directory_counts(const struct fog_directory *dir);

/* Tables, and the descriptors that are still valid. From then on every change is written through.
 */
int fog_directory_load(struct fog_directory *dir, struct fog_store *st, u64 now_ms,
		       char why[FOG_STORE_WHY_SIZE]);

#endif
