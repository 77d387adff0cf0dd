/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/replay.h"

void fog_replay_init(struct fog_replay *r)
{
	memset(r, 0, sizeof(*r));
}

int fog_replay_commit(struct fog_replay *r, u64 counter)
{
	int rc = fog_replay_check(r, counter);

	if (rc < 0)
		return rc;
	if (counter >= r->next) {
		/* Clear the words entered. With nothing committed the words are all clear. */
		u64 from = r->next == 0 ? counter / 64 : (r->next - 1) / 64;
		u64 entered = FOG_MIN(counter / 64 - from, (u64)FOG_REPLAY_WORDS);
		for (u64 i = 1; i <= entered; i++)
			r->word[(from + i) % FOG_REPLAY_WORDS] = 0;
		r->next = counter + 1;
	}
	r->word[counter / 64 % FOG_REPLAY_WORDS] |= fog_replay_bit(counter);
	return 0;
}
