/* SPDX-License-Identifier: BSD-3-Clause */
/* What leaves, and when: one author per link. */
#include <math.h>

#include "crypto/mem.h"
#include "dataplane/mix/mix.h"

#define BY_ID_SIZE (4 * FOG_LINKS_MAX)
_Static_assert((BY_ID_SIZE & (BY_ID_SIZE - 1)) == 0, "hash");

/* Node ids are public keys that their owners choose; links are few and admitted, so aiming at one
 * place gains little. */
static u32 place_of(const u8 node_id[32])
{
	return (u32)(fog_load_u64(node_id + 8) * 0x9e3779b97f4a7c15ull >> 40) & (BY_ID_SIZE - 1);
}

u32 fog_mix_link_of(const struct fog_mixnet *m, const u8 node_id[32])
{
	for (u32 at = place_of(node_id); m->by_id[at] != 0; at = (at + 1) & (BY_ID_SIZE - 1))
		if (memcmp(m->links[m->by_id[at]].node_id, node_id, 32) == 0)
			return m->by_id[at];
	return 0;
}

static void index_build(struct fog_mixnet *m)
{
	memset(m->by_id, 0, BY_ID_SIZE * sizeof(m->by_id[0]));
	for (u32 i = 0; i < m->author_count; i++) {
		u32 at = place_of(m->links[m->authors[i]].node_id);
		while (m->by_id[at] != 0)
			at = (at + 1) & (BY_ID_SIZE - 1);
		m->by_id[at] = m->authors[i];
	}
}

static void queue_drop(struct fog_mixnet *m, struct fog_mix_link *l)
{
	while (l->count > 0) {
		u32 i = l->first;
		l->first = m->wheel->held[i].next;
		l->count--;
		fog_mix_held_give(m->wheel, i);
		fog_mix_drop(m, FOG_DROP_MIX_NO_LINK);
	}
}

static u64 gap_ns(struct fog_mixnet *m)
{
	double mean = 1000.0 * m->policy.link_interval_us;

	if (!m->policy.link_poisson)
		return (u64)mean;
	return (u64)(-log1p(-fog_rng_unit(&m->rng)) * mean);
}

void fog_mix_neighbour(struct fog_mixnet *m, const struct fog_mix_msg *r, u64 now_ns)
{
	struct fog_mix_link *l;

	if (r->link == 0 || r->link > FOG_LINKS_MAX)
		return;
	l = &m->links[r->link];
	if (l->present && (!r->flag || memcmp(l->node_id, r->id, 32) != 0)) {
		queue_drop(m, l);
		l->present = false;
		for (u32 i = 0; i < m->author_count; i++)
			if (m->authors[i] == r->link)
				m->authors[i--] = m->authors[--m->author_count];
	}
	if (r->flag && !l->present) {
		memset(l, 0, sizeof(*l));
		l->present = true;
		memcpy(l->node_id, r->id, 32);
		l->next_ns = now_ns + gap_ns(m);
		m->authors[m->author_count++] = (u16)r->link;
	}
	index_build(m);
}

static bool emit(struct fog_mixnet *m, u32 link, u32 held, u64 now_ns)
{
	u32 worker = link % m->workers;
	struct fog_mix_msg *out = fog_mix_result(m, worker);

	if (out == NULL)
		return false;
	out->link = link;
	out->at_ns = now_ns;
	out->type = FOG_MIX_COVER;
	if (held != FOG_MIX_HELD_NONE) {
		const struct fog_mix_held *h = &m->wheel->held[held];
		out->type = FOG_MIX_SEND;
		out->epoch = h->epoch;
		memcpy(out->body, h->body, sizeof(out->body));
		fog_mix_held_give(m->wheel, held);
		fog_mix_count(&m->counts.forwarded, 1);
	} else {
		fog_mix_count(&m->counts.cover, 1);
	}
	fog_mix_publish(m, worker);
	return true;
}

void fog_mix_release(struct fog_mixnet *m, u32 held, u64 now_ns)
{
	struct fog_mix_held *h = &m->wheel->held[held];
	struct fog_mix_link *l = &m->links[h->link];

	if (!l->present) {
		fog_mix_drop(m, FOG_DROP_MIX_NO_LINK);
	} else if (m->policy.link_interval_us == 0) {
		if (emit(m, h->link, held, now_ns))
			return;
		fog_mix_drop(m, FOG_DROP_MIX_SHED);
	} else if (l->count >= FOG_MIX_QUEUE_MAX) {
		fog_mix_drop(m, FOG_DROP_MIX_SHED);
	} else {
		h->next = FOG_MIX_HELD_NONE;
		if (l->count++ == 0)
			l->first = held;
		else
			m->wheel->held[l->last].next = held;
		l->last = held;
		return;
	}
	fog_mix_held_give(m->wheel, held);
}

static unsigned author(struct fog_mixnet *m, u32 link, u64 now_ns)
{
	struct fog_mix_link *l = &m->links[link];
	unsigned done = 0;

	if (now_ns > l->next_ns + FOG_MIX_BEHIND_NS)
		l->next_ns = now_ns;
	for (; now_ns >= l->next_ns && done < 64; done++) {
		u32 held = FOG_MIX_HELD_NONE;
		if (l->count > 0) {
			held = l->first;
			l->first = m->wheel->held[held].next;
			l->count--;
		}
		if (!emit(m, link, held, now_ns) && held != FOG_MIX_HELD_NONE) {
			fog_mix_held_give(m->wheel, held);
			fog_mix_drop(m, FOG_DROP_MIX_SHED);
		}
		l->next_ns += gap_ns(m);
	}
	return done;
}

unsigned fog_mix_authors(struct fog_mixnet *m, u64 now_ns)
{
	unsigned done = 0;

	if (m->policy.link_interval_us == 0) {
		/* The padding was switched off: what waited for it goes. */
		for (u32 i = 0; i < m->author_count; i++) {
			struct fog_mix_link *l = &m->links[m->authors[i]];
			for (; l->count > 0; l->count--, done++) {
				u32 held = l->first;
				l->first = m->wheel->held[held].next;
				fog_mix_release(m, held, now_ns);
			}
			l->next_ns = now_ns;
		}
		return done;
	}
	for (u32 i = 0; i < m->author_count; i++)
		done += author(m, m->authors[i], now_ns);
	return done;
}

u64 fog_mix_authors_next(const struct fog_mixnet *m)
{
	u64 next = UINT64_MAX;

	if (m->policy.link_interval_us == 0)
		return next;
	for (u32 i = 0; i < m->author_count; i++)
		next = FOG_MIN(next, m->links[m->authors[i]].next_ns);
	return next;
}
