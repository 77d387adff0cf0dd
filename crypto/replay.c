/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/replay.h"

void fog_replay_init(struct fog_replay *r)
{
	memset(r, 0, sizeof(*r));
}

void fog_replay_enter(struct fog_replay *r, u64 counter)
{
	/* With nothing committed the words are all clear. */
	u64 from = r->next == 0 ? counter / 64 : (r->next - 1) / 64;
	u64 entered = FOG_MIN(counter / 64 - from, (u64)FOG_REPLAY_WORDS);

	for (u64 i = 1; i <= entered; i++)
		r->word[(from + i) % FOG_REPLAY_WORDS] = 0;
}
