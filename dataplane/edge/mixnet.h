/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixnet on the edge's loop: packets to and from the ring, topology and questions from the
 * control plane, files under STATE/mail. The loop's thread only. */
#ifndef FOG_EDGE_MIXNET_H
#define FOG_EDGE_MIXNET_H

#include <ev.h>
#include <jansson.h>

#include "dataplane/edge/mix/mail.h"

#define FOG_MIXEDGE_LIST_MAX 200 /* messages of each kind in one answer */

struct fog_edge;
struct fog_edge_slot;

struct fog_mixedge {
	struct fog_edge *edge; /* NULL: could not be started, there is no mail */
	struct fog_mailstore store;
	struct fog_mail mail;
	struct ev_timer timer;
};

/* seed: of the mailbox. Without its folders there is no mail, and the log says so. */
void fog_mixedge_init(struct fog_mixedge *m, struct fog_edge *e, const u8 seed[32]);
void fog_mixedge_free(struct fog_mixedge *m);
/* NULL when there is no mail. */
const u8 *fog_mixedge_mailbox(const struct fog_mixedge *m);
void fog_mixedge_receive(struct fog_mixedge *m, struct fog_edge_slot *s);
/* A line of the control plane. False: not about the mixnet. *answer: what to send back, or NULL. */
bool fog_mixedge_line(struct fog_mixedge *m, const char *line, size_t size, json_t **answer);

#endif
