/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/link.h"

#include <errno.h>

#include "crypto/mem.h"

void fog_session_set_keys(struct fog_session *s, const u8 send[FOG_NOISE_KEY_SIZE],
			  const u8 recv[FOG_NOISE_KEY_SIZE])
{
	_Static_assert(FOG_GCM_KEY_SIZE + FOG_GCM_IV_SIZE <= FOG_NOISE_KEY_SIZE, "");
	fog_gcm_key_init(&s->send, send, send + FOG_GCM_KEY_SIZE);
	fog_gcm_key_init(&s->recv, recv, recv + FOG_GCM_KEY_SIZE);
}

void fog_session_drop(struct fog_link *l, enum fog_session_slot slot, struct fog_map *index)
{
	struct fog_session *s = &l->session[slot];

	if (!s->live)
		return;
	int rc = fog_map_remove(index, s->local);
	FOG_ASSERT(rc == 0);
	fog_wipe(s, sizeof(*s));
}

int fog_session_install(struct fog_link *l, enum fog_session_slot slot, struct fog_map *index,
			const struct fog_session *s)
{
	FOG_ASSERT(s->local != 0);
	FOG_ASSERT(s->live);

	int rc = fog_map_insert(index, s->local, l->id);
	if (rc < 0)
		return rc;
	fog_session_drop(l, slot, index);
	l->session[slot] = *s;
	return 0;
}

void fog_session_promote(struct fog_link *l, enum fog_session_slot from, struct fog_map *index)
{
	FOG_ASSERT(from != FOG_SESSION_CURRENT);
	FOG_ASSERT(l->session[from].live);

	struct fog_session s = l->session[from];
	fog_wipe(&l->session[from], sizeof(s));
	if (l->session[FOG_SESSION_CURRENT].live) {
		fog_session_drop(l, FOG_SESSION_PREVIOUS, index);
		l->session[FOG_SESSION_PREVIOUS] = l->session[FOG_SESSION_CURRENT];
	}
	l->session[FOG_SESSION_CURRENT] = s;
	fog_wipe(&s, sizeof(s));
}

bool fog_link_take_create(struct fog_link *l, u64 now_ns, u32 per_second, u32 burst)
{
	if (per_second == 0)
		return true;
	const u64 full = (u64)FOG_MAX(burst, 1u) * 1000;
	u64 elapsed_us = (now_ns - l->create_ns) / 1000;
	u64 gained = elapsed_us > 1000 * FOG_NS_PER_MS ? full : elapsed_us * per_second / 1000;

	if (l->create_ns == 0)
		gained = full;
	if (gained > 0) {
		l->create_tokens = FOG_MIN(l->create_tokens + gained, full);
		l->create_ns = now_ns;
	}
	if (l->create_tokens < 1000)
		return false;
	l->create_tokens -= 1000;
	return true;
}
