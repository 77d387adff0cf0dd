/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass through the pipeline, as columns. Stages keep lists of the rows still alive instead of
 * moving rows. */
#ifndef FOG_BATCH_H
#define FOG_BATCH_H

#include "dataplane/io/io.h"
#include "dataplane/table/half.h"
#include "dataplane/table/slab.h"

/* Header of a cell, read once. */
struct fog_cell_head {
	u32 id;
	u8 command;
	u8 flags;
	u16 zero;
	u64 sequence;
};

_Static_assert(sizeof(struct fog_cell_head) == FOG_CELL_HEADER_SIZE, "");

struct fog_batch {
	u32 count; /* rows */

	struct fog_frame frame[FOG_BATCH_MAX];    /* rx */
	u32 link[FOG_BATCH_MAX];                  /* open */
	u8 *cell[FOG_BATCH_MAX];                  /* open: in clear, in the frame or the slot */
	struct fog_cell_head head[FOG_BATCH_MAX]; /* parse */
	struct fog_half *half[FOG_BATCH_MAX];     /* lookup */
	struct fog_slot *slot[FOG_BATCH_MAX];     /* crypt; set before when the cell is in a slot */

	u8 sealed[FOG_BATCH_MAX]; /* rx -> open: DATA datagrams */
	u32 sealed_count;
	u8 data[FOG_BATCH_MAX]; /* parse -> lookup -> crypt -> deliver: onion cells */
	u32 data_count;
	u8 control[FOG_BATCH_MAX]; /* parse -> control: everything else */
	u32 control_count;
};

_Static_assert(FOG_BATCH_MAX <= UINT8_MAX, "rows are u8");

#endif
