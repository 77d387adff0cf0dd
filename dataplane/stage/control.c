/* SPDX-License-Identifier: BSD-3-Clause */
/* Cells that are no onion cells: link keepalive, cover, circuit life. In: control[]. Out: nothing.
 * Thread: ingress owner. Not the fast path: at most a few per circuit. */
#include "dataplane/worker/worker.h"

void fog_stage_control(struct fog_worker *w, struct fog_batch *b)
{
	for (u32 k = 0; k < b->control_count; k++) {
		u32 i = b->control[k];
		struct fog_link *l = &w->links[b->link[i]];
		const struct fog_cell_head *h = &b->head[i];
		const u8 *body = b->cell[i] + FOG_CELL_HEADER_SIZE;
		switch (h->command) {
		case FOG_CELL_PADDING:
			fog_drop(w, FOG_DROP_PADDING);
			break;
		case FOG_CELL_KEEPALIVE:
			fog_link_keepalive(w, l, body);
			break;
		case FOG_CELL_CREATE:
			fog_relay_create(w, l, h->id, body);
			break;
		case FOG_CELL_CREATED:
			fog_relay_created(w, l, h->id, body);
			break;
		case FOG_CELL_DESTROY:
			fog_relay_destroyed(w, l->id, h->id, body[0]);
			break;
		case FOG_CELL_MIX:
			fog_mixport_packet(w, h->sequence, body);
			break;
		default:
			FOG_UNREACHABLE();
		}
	}
	if (b->control_count > 0)
		fog_lap(w, &w->counts.cycles_control);
}
