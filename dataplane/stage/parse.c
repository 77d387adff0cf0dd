/* SPDX-License-Identifier: BSD-3-Clause */
/* Cell headers. In: link[], cell[] of the sealed rows. Out: head[], rows split into data[] (onion
 * cells) and control[] (the rest), each in order of arrival.
 * Thread: ingress owner. */
#include "dataplane/worker/worker.h"

/* Where a command may appear. */
enum place { NOWHERE = 0, ON_LINK = 1, ON_CIRCUIT = 2 };

static const u8 place_of[256] = {
	[FOG_CELL_PADDING] = ON_LINK,   [FOG_CELL_KEEPALIVE] = ON_LINK,
	[FOG_CELL_CREATE] = ON_CIRCUIT, [FOG_CELL_CREATED] = ON_CIRCUIT,
	[FOG_CELL_DATA] = ON_CIRCUIT,   [FOG_CELL_DESTROY] = ON_CIRCUIT,
	[FOG_CELL_MIX] = ON_LINK,
};

static enum fog_drop check(const struct fog_cell_head *h)
{
	if (h->flags != 0 || h->zero != 0 ||
	    (h->command != FOG_CELL_DATA && h->command != FOG_CELL_MIX && h->sequence != 0))
		return FOG_DROP_FORMAT;
	if (place_of[h->command] != (h->id == 0 ? ON_LINK : ON_CIRCUIT))
		return FOG_DROP_COMMAND;
	return FOG_DROP_COUNT;
}

void fog_stage_parse(struct fog_worker *w, struct fog_batch *b)
{
	b->data_count = 0;
	b->control_count = 0;
	for (u32 k = 0; k < b->sealed_count; k++) {
		u32 i = b->sealed[k];
		struct fog_cell_head *h = &b->head[i];
		memcpy(h, b->cell[i], sizeof(*h));
		enum fog_drop d = check(h);
		if (d != FOG_DROP_COUNT)
			fog_drop(w, d);
		else if (h->command == FOG_CELL_DATA)
			b->data[b->data_count++] = (u8)i;
		else
			b->control[b->control_count++] = (u8)i;
	}
	fog_lap(w, &w->counts.cycles_parse);
}
