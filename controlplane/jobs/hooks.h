/* SPDX-License-Identifier: BSD-3-Clause */
/* Notices to webhooks: the engine writes them with the change they tell of, in one transaction;
 * this takes them from the store to their URLs, and from the store when they were taken (any 2xx).
 * At least once; after FOG_JOBS_HOOK_TRIES failures, 1 s apart and doubling, a notice is dropped.
 *
 * A user chose the URL, and this host can reach what the user cannot: a user's notice goes to
 * public addresses and allowed networks only, looked at when the name has been resolved.
 *
 * Nothing blocks: transfers move on at each tick. The loop's thread only. */
#ifndef FOG_JOBS_HOOKS_H
#define FOG_JOBS_HOOKS_H

#include "controlplane/core/store.h"

#define FOG_HOOKS_ACTIVE_MAX   8     /* transfers at once; the others wait */
#define FOG_HOOKS_TIMEOUT_MS   10000 /* of one */
#define FOG_HOOKS_NETWORKS_MAX 256   /* = FOG_CONFIG_LIST_MAX */

struct fog_hooks;

/* 0 or -ENOMEM. The store outlives it. */
int fog_hooks_new(struct fog_hooks **out, struct fog_store *store);
void fog_hooks_free(struct fog_hooks *h);
/* Networks that users' notices may reach, too (fog_network_parse(); others are left out), instead
 * of those before. Beyond FOG_HOOKS_NETWORKS_MAX none are. */
void fog_hooks_allow(struct fog_hooks *h, char *const *networks, u32 count);
/* True while something is on its way: tick again soon. */
bool fog_hooks_tick(struct fog_hooks *h, u64 now_ms);

#endif
