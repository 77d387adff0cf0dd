/* SPDX-License-Identifier: BSD-3-Clause */
/* Which neighbours our data plane keeps links to, and how those links are. Relays keep a link to
 * every host, other hosts to every relay: so both ends of a link want it, and any relay can extend
 * a circuit to any host. The ids are given by the data plane's client. The loop's thread only. */
#ifndef FOG_DIRECTORY_LINKS_H
#define FOG_DIRECTORY_LINKS_H

#include "controlplane/directory/coordinates.h"
#include "controlplane/directory/directory.h"
#include "controlplane/directory/path.h"
#include "dataplane/abi/abi.h"

/* How long a measurement counts without being made again. */
#define FOG_LINKS_QUALITY_MS 120000

struct fog_links;

/* How links reach the data plane. */
struct fog_links_sink {
	/* Add or update; returns the link id (1 .. FOG_LINKS_MAX), the same for the same host, or
	 * -errno (-ENOSPC: no id is left, the host gets no link). */
	int (*set)(void *ctx, const struct fog_descriptor *d);
	void (*remove)(void *ctx, const u8 node_id[32]);
};

/* One neighbour, for people and metrics. */
struct fog_link_info {
	u32 link_id;
	u8 node_id[32];
	bool up;
	u64 changed_ms; /* monotonic; 0 = nothing heard since the attachment */
	struct fog_quality quality;
};

/* own_roles: this host's. 0 or -ENOMEM. */
int fog_links_new(struct fog_links **out, const u8 self[32], u32 own_roles,
		  const struct fog_links_sink *sink, void *ctx);
void fog_links_free(struct fog_links *l);

/* A host appeared, changed or left: its link is set, updated or removed. */
void fog_links_host(struct fog_links *l, enum fog_directory_change change,
		    const struct fog_descriptor *d);
/* These hosts, at most FOG_LINKS_PREFERRED_MAX (more are left out), get a link even when no id is
 * left: another host's goes. Those that are not linked yet are to be offered again. */
#define FOG_LINKS_PREFERRED_MAX 256
void fog_links_prefer(struct fog_links *l, const u8 (*node_ids)[32], u32 count);

/* From the data plane. Unknown ids are ignored. */
void fog_links_event(struct fog_links *l, u32 link_id, bool up, u64 now_mono_ms);
/* Measurements of the data plane. Returns the link's quality to add to, or NULL when the id is not
 * in use. It is kept while the host has a link. */
struct fog_quality *fog_links_quality(struct fog_links *l, u32 link_id, u8 node_id[32]);
/* Measured lately (FOG_LINKS_QUALITY_MS), or NULL. */
const struct fog_quality *fog_links_measured(const struct fog_links *l, const u8 node_id[32],
					     u64 now_ms);
/* The data plane is gone: nothing is known about any link. */
void fog_links_forget(struct fog_links *l);

enum fog_link_state fog_links_state(const struct fog_links *l, const u8 node_id[32],
				    u64 now_mono_ms);
u32 fog_links_count(const struct fog_links *l, u32 *up);
/* i from 0; false past the end. */
bool fog_links_at(const struct fog_links *l, u32 i, struct fog_link_info *out);

#endif
