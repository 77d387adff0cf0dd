/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting messages together. A message is in the inbox before its fragments are released at the
 * provider; those of messages not whole yet stay there, so a restart asks for them again. */
#include <errno.h>

#include "crypto/mem.h"
#include "dataplane/edge/mix/mail.h"

static void partial_free(struct fog_mail_partial *p)
{
	free(p->text);
	memset(p, 0, sizeof(*p));
}

static struct fog_mail_partial *partial_of(struct fog_mail *m, const u8 id[FOG_STORE_ID], u16 count,
					   u64 now_ns)
{
	struct fog_mail_partial *place = NULL;

	for (u32 i = 0; i < m->partial_end; i++) {
		struct fog_mail_partial *p = &m->partial[i];
		/* What never becomes whole would fill the box for ever. */
		if (p->used && now_ns > p->used_at + FOG_MAIL_PARTIAL_NS)
			partial_free(p);
		if (p->used && memcmp(p->id, id, FOG_STORE_ID) == 0)
			return p->count == count ? p : NULL;
		if (!p->used && place == NULL)
			place = p;
	}
	if (place == NULL && m->partial_end < FOG_MAIL_PARTIAL_MAX)
		place = &m->partial[m->partial_end++];
	if (place == NULL)
		return NULL;
	place->text = malloc((size_t)count * FOG_MAIL_FRAGMENT);
	if (place->text == NULL)
		return NULL;
	place->used = true;
	place->count = count;
	place->first = UINT64_MAX;
	memcpy(place->id, id, FOG_STORE_ID);
	return place;
}

/* When it reached its provider, as far as that can be believed: what is known again by it must not
 * run out before its time. */
static u64 reached_ns(const struct fog_mail *m, const struct fog_mail_partial *p, u64 now_ns)
{
	u64 wall_ns = now_ns + (u64)m->wall_offset_ms * 1000000;

	return FOG_MIN(p->last, wall_ns + FOG_MAIL_AHEAD_NS);
}

static void complete(struct fog_mail *m, struct fog_mail_partial *p, u64 now_ns)
{
	int rc = fog_mailstore_put(m->store, FOG_MAILSTORE_INBOX, p->id, p->text, p->size);

	/* Without room it stays here and at the provider, until there is some. */
	if (rc != 0 && rc != -EEXIST)
		return;
	(void)fog_known_add(&m->store->known, p->id, reached_ns(m, p, now_ns));
	m->counts.received++;
	if (m->ops->received != NULL)
		m->ops->received(m->user, p->id);
	partial_free(p);
}

void fog_mail_fragment(struct fog_mail *m, const u8 sealed[FOG_MAIL_SEALED], u64 sequence,
		       u64 now_ns)
{
	u8 clear[FOG_MAIL_CLEAR];

	if (fog_seal_open(clear, sealed, FOG_MAIL_SEALED, &m->box) != 0) {
		m->counts.malformed++;
		return;
	}
	u16 index = fog_load_u16(clear + 16), count = fog_load_u16(clear + 18);
	u16 len = fog_load_u16(clear + 20);
	bool last = index + 1 == count;
	if (count == 0 || count > FOG_MAIL_FRAGMENTS || index >= count || len == 0 ||
	    len > FOG_MAIL_FRAGMENT || (!last && len != FOG_MAIL_FRAGMENT) ||
	    fog_is_zero(clear, FOG_STORE_ID)) {
		m->counts.malformed++;
		return;
	}
	if (fog_known_has(&m->store->known, clear)) {
		m->counts.duplicates++;
		return;
	}
	struct fog_mail_partial *p = partial_of(m, clear, count, now_ns);
	if (p == NULL || p->got[index]) {
		m->counts.duplicates++;
		return;
	}
	memcpy(p->text + (size_t)index * FOG_MAIL_FRAGMENT, clear + 22, len);
	p->got[index] = true;
	p->used_at = now_ns;
	p->size += len;
	p->first = FOG_MIN(p->first, sequence);
	p->last = FOG_MAX(p->last, sequence);
	if (++p->have == p->count)
		complete(m, p, now_ns);
	fog_wipe(clear, sizeof(clear));
}

void fog_mail_partials(struct fog_mail *m, u64 now_ns)
{
	for (u32 i = 0; i < m->partial_end; i++)
		if (m->partial[i].used && m->partial[i].have == m->partial[i].count)
			complete(m, &m->partial[i], now_ns);
	while (m->partial_end > 0 && !m->partial[m->partial_end - 1].used)
		m->partial_end--;
}

u64 fog_mail_release_upto(const struct fog_mail *m)
{
	u64 upto = m->fetch_after;

	for (u32 i = 0; i < m->partial_end; i++)
		if (m->partial[i].used)
			upto = FOG_MIN(upto, m->partial[i].first - 1);
	return upto;
}

#define LOCAL_BURST 256

void fog_mail_local(struct fog_mail *m, u64 now_ns)
{
	u8 sealed[FOG_MAIL_SEALED];
	struct fog_mailstore_fragment f = {.data = sealed, .room = sizeof(sealed)};

	if (!fog_mail_provider_is_here(m) || m->store->inbox_count >= FOG_STORE_INBOX_MAX)
		return;
	for (unsigned n = 0; n < LOCAL_BURST; n++) {
		if (fog_mailstore_held(m->store, m->box.id, m->fetch_after, 0, &f) != 0)
			break;
		if (f.len == sizeof(sealed))
			fog_mail_fragment(m, sealed, f.sequence, now_ns);
		m->fetch_after = f.sequence;
	}
	u64 upto = fog_mail_release_upto(m);
	if (upto > 0)
		(void)fog_mailstore_release(m->store, m->box.id, upto);
}
