/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host does for others: keeps mail for mailboxes, gives it to who can sign for them. */
#include <errno.h>

#include "crypto/mem.h"
#include "dataplane/edge/mix/mail.h"

#define SIGN_LABEL "fog mail fetch 1"
#define SIGNED     (sizeof(SIGN_LABEL) + 32 + 52)

/* label | provider | mailbox, after, release, skip */
static void signed_text(u8 text[SIGNED], const u8 provider[32], const u8 *payload)
{
	memcpy(text, SIGN_LABEL, sizeof(SIGN_LABEL));
	memcpy(text + sizeof(SIGN_LABEL), provider, 32);
	memcpy(text + sizeof(SIGN_LABEL) + 32, payload + 4, 52);
}

void fog_mail_fetch_sign(const struct fog_mail *m, u8 *payload, const u8 provider[32])
{
	u8 text[SIGNED];

	signed_text(text, provider, payload);
	fog_sign(payload + 56, text, sizeof(text), m->box.sign);
}

static void reply(struct fog_mail *m, const u8 *surb, u64 epoch, const u8 *payload)
{
	u8 packet[FOG_BODY_SIZE], next[32];

	fog_sphinx_surb_use(&m->geometry, surb, payload, packet, next);
	(void)m->ops->send(m->user, next, epoch, packet);
}

static void hold(struct fog_mail *m, const u8 mailbox[32], u64 epoch, const u8 *payload, u64 now_ns)
{
	u8 ack[FOG_BODY_SIZE] = {FOG_MAIL_ACK};

	int rc = fog_mailstore_hold(m->store, mailbox, payload + FOG_MAIL_SEAL_AT, FOG_MAIL_SEALED);
	if (rc != 0) {
		m->counts.hold_failed++;
		return;
	}
	m->counts.held++;
	reply(m, payload + FOG_MAIL_SURB_AT, epoch, ack);
	if (memcmp(mailbox, m->box.id, 32) == 0)
		fog_mail_local(m, now_ns);
}

static void fetch(struct fog_mail *m, u64 epoch, const u8 *payload)
{
	u8 answer[FOG_BODY_SIZE] = {FOG_MAIL_EMPTY}, text[SIGNED];
	const u8 *mailbox = payload + 4;
	u64 after = fog_load_u64(payload + 36), release = fog_load_u64(payload + 44);
	u32 skip = fog_load_u32(payload + 52);
	struct fog_mailstore_fragment f = {.data = answer + FOG_MAIL_REPLY_AT,
					   .room = FOG_MAIL_SEALED};

	signed_text(text, m->topology.self, payload);
	if (skip >= FOG_MAIL_FETCH_WINDOW ||
	    fog_sign_verify(payload + 56, text, sizeof(text), mailbox) != 0) {
		m->counts.malformed++;
		return;
	}
	if (release > 0)
		(void)fog_mailstore_release(m->store, mailbox, release);
	int rc = fog_mailstore_held(m->store, mailbox, after, skip, &f);
	if (rc == 0) {
		answer[0] = FOG_MAIL_MAIL;
		fog_store_u32(answer + 4, f.more);
		fog_store_u64(answer + 8, f.sequence);
		fog_store_u64(answer + 16, f.before);
	} else {
		memset(answer + FOG_MAIL_REPLY_AT, 0, FOG_MAIL_SEALED);
	}
	reply(m, payload + FOG_MAIL_FETCH_SURB_AT, epoch, answer);
}

void fog_mail_provide(struct fog_mail *m, const u8 recipient[32], u64 epoch, const u8 *payload,
		      u64 now_ns)
{
	switch (payload[0]) {
	case FOG_MAIL_DROP:
		break;
	case FOG_MAIL_MESSAGE:
		hold(m, recipient, epoch, payload, now_ns);
		break;
	case FOG_MAIL_FETCH:
		fetch(m, epoch, payload);
		break;
	default:
		m->counts.malformed++;
	}
}
