/* SPDX-License-Identifier: BSD-3-Clause */
/* Notices to webhooks, as hooks.h takes them from the store. */
#ifndef FOG_JOBS_NOTICE_H
#define FOG_JOBS_NOTICE_H

#include <jansson.h>

#include "controlplane/core/store.h"

struct fog_notice {
	const char *url;
	bool ours; /* the operator chose the URL, who may reach what he likes; else a user */
	const json_t *body;
	const char *trace;
};

/* Puts one into the store, in the caller's transaction; beyond FOG_JOBS_HOOKS_MAX the oldest go.
 * Needs the tables of the job engine. 0, -ENOMEM or the store's error. */
int fog_notice_add(struct fog_store *store, const struct fog_notice *n, u64 now_ms);

#endif
