/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/quorum/light.h"

#include <errno.h>

#include "crypto/sign/sign.h"

u32 fog_epoch_encode(const struct fog_epoch *e, u8 out[FOG_EPOCH_SIZE_MAX])
{
	u32 at = FOG_HEADER_SIZE + 32;

	fog_header_encode(&e->last, out);
	memcpy(out + FOG_HEADER_SIZE, e->root, 32);
	at += fog_certificate_encode(&e->cert, out + at);
	return at + fog_validators_encode(&e->set, out + at);
}

int fog_epoch_decode(struct fog_epoch *e, const u8 *data, u32 len)
{
	u32 at = FOG_HEADER_SIZE + 32;

	if (len < at || fog_header_decode(&e->last, data) != 0)
		return -EBADMSG;
	memcpy(e->root, data + FOG_HEADER_SIZE, 32);
	int n = fog_certificate_decode(&e->cert, data + at, len - at);
	if (n < 0)
		return -EBADMSG;
	at += (u32)n;
	return fog_validators_decode(&e->set, data + at, len - at) == 0 ? 0 : -EBADMSG;
}

static int certified(const struct fog_validators *set, const u8 chain[32],
		     const struct fog_certificate *cert, const struct fog_header *h)
{
	struct fog_vote_check checks[FOG_VALIDATORS_MAX];
	u8 hash[32];
	int count = fog_certificate_checks(set, chain, cert, checks, FOG_VALIDATORS_MAX);

	fog_header_hash(h, hash);
	if (count < 0 || cert->kind != FOG_VOTE_FINALIZE || memcmp(cert->hash, hash, 32) != 0 ||
	    h->epoch != set->epoch || memcmp(h->chain, chain, 32) != 0)
		return -EBADMSG;
	for (int i = 0; i < count; i++)
		if (fog_sign_verify(checks[i].signature, checks[i].message,
				    sizeof(checks[i].message), checks[i].key) != 0)
			return -EBADMSG;
	return 0;
}

int fog_epoch_follows(const struct fog_epoch *e, const struct fog_validators *set,
		      const u8 chain[32])
{
	if (e->last.last != 1 || memcmp(e->last.next, e->set.hash, 32) != 0 ||
	    e->set.epoch != set->epoch + 1)
		return -EBADMSG;
	return certified(set, chain, &e->cert, &e->last);
}

int fog_light_verify(const struct fog_validators *set, const u8 chain[32],
		     const struct fog_header *header, u32 count, const struct fog_certificate *cert)
{
	u8 hash[32];

	if (count == 0)
		return -EBADMSG;
	for (u32 i = 1; i < count; i++) {
		fog_header_hash(&header[i - 1], hash);
		if (memcmp(header[i].parent, hash, 32) != 0 ||
		    header[i].height != header[i - 1].height + 1 ||
		    header[i].epoch != header[i - 1].epoch)
			return -EBADMSG;
	}
	return certified(set, chain, cert, &header[count - 1]);
}
