/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of the epochs: made ahead, published, erased when their time is over. */
#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "dataplane/mix/mix.h"

#define MARKS_AT_ONCE 256

struct fog_mix_epoch *fog_mix_epoch_find(struct fog_mixnet *m, u64 epoch)
{
	struct fog_mix_epoch *e = &m->epoch[epoch % FOG_MIX_LOGS];

	return epoch != 0 && e->epoch == epoch ? e : NULL;
}

/* Odd while it is written. A reader that sees a new word sees that, too: each release pairs with an
 * acquire in fog_mix_keys_read(). */
static void publish(struct fog_mixnet *m)
{
	struct fog_mix_keys *k = m->keys;
	u64 sequence = atomic_load_explicit(&k->sequence, memory_order_relaxed);
	u64 word[4];

	atomic_store_explicit(&k->sequence, sequence + 1, memory_order_relaxed);
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		memcpy(word, m->epoch[i].public_key, sizeof(word));
		atomic_store_explicit(&k->key[i].epoch, m->epoch[i].epoch, memory_order_release);
		for (unsigned j = 0; j < 4; j++)
			atomic_store_explicit(&k->key[i].word[j], word[j], memory_order_release);
	}
	/* pairs with the acquire in fog_mix_keys_read() */
	atomic_store_explicit(&k->sequence, sequence + 2, memory_order_release);
}

static void install(struct fog_mix_epoch *e, const struct fog_mix_log_epoch *from)
{
	e->epoch = from->epoch;
	memcpy(e->secret, from->secret, 32);
	fog_x25519_base(e->public_key, e->secret);
	fog_mix_tags_reset(&e->tags, from->tag_key);
}

void fog_mix_epochs_load(struct fog_mixnet *m)
{
	struct fog_mix_log_epoch on_file;
	u8 mark[MARKS_AT_ONCE][FOG_MIX_MARK_SIZE];

	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		if (fog_mix_log_read(&m->log, i, &on_file) < 0 || on_file.epoch == 0 ||
		    on_file.epoch % FOG_MIX_LOGS != i)
			continue;
		struct fog_mix_epoch *e = &m->epoch[i];
		install(e, &on_file);
		for (u64 done = 0; done < on_file.marks;) {
			int n = fog_mix_log_marks(&m->log, i, done, mark, MARKS_AT_ONCE);
			if (n <= 0) {
				/* What cannot be read cannot be refused: the epoch is over. */
				memset(&on_file, 0, sizeof(on_file));
				fog_wipe(e->secret, sizeof(e->secret));
				e->epoch = 0;
				break;
			}
			for (int k = 0; k < n; k++)
				(void)fog_mix_tags_add(&e->tags, mark[k]);
			done += (u64)n;
		}
		fog_wipe(&on_file, sizeof(on_file));
	}
	publish(m);
}

/* Erases the epoch in place `i` and, unless `epoch` is 0, begins that one. */
static void begin(struct fog_mixnet *m, unsigned i, u64 epoch)
{
	struct fog_mix_log_epoch fresh = {.epoch = epoch};
	struct fog_mix_epoch *e = &m->epoch[i];

	if (epoch != 0) {
		fog_rng_bytes(&m->rng, fresh.secret, sizeof(fresh.secret));
		fog_rng_bytes(&m->rng, fresh.tag_key, sizeof(fresh.tag_key));
	}
	fog_wipe(e->secret, sizeof(e->secret));
	e->epoch = 0;
	/* An epoch that cannot be put on file would open its window at a restart: it is not begun.
	 */
	if (fog_mix_log_start(&m->log, i, &fresh) < 0)
		fog_mix_drop(m, FOG_DROP_MIX_LOG);
	else if (epoch != 0)
		install(e, &fresh);
	fog_wipe(&fresh, sizeof(fresh));
}

void fog_mix_epochs_turn(struct fog_mixnet *m)
{
	const struct fog_mix_policy *p = &m->policy;
	bool changed = false;

	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		u64 want = 0;
		for (u64 e = p->oldest; p->epoch != 0 && e <= p->epoch + 1; e++)
			if (e != 0 && e % FOG_MIX_LOGS == i)
				want = e;
		if (m->epoch[i].epoch == want)
			continue;
		begin(m, i, want);
		changed = true;
	}
	if (changed)
		publish(m);
}
