/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as what validators and light clients take from others: a message (vote, proposal,
 * certificate, block), a set of validators, a light client's epoch and its header with certificate.
 * The first byte says which. What decodes encodes to the same bytes, and nothing here has
 * signatures that a set of validators made. */
#include "controlplane/quorum/light.h"
#include "crypto/cpu.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/controlplane/quorum/samples.h"

static u8 again[FOG_MESSAGE_SIZE_MAX];

static void same(const void *data, u32 len, u32 again_len)
{
	if (again_len != len || memcmp(again, data, len) != 0)
		abort();
}

static u32 message_encode(const struct fog_message *m)
{
	u32 at = 1;

	again[0] = m->type;
	if (m->type == FOG_MESSAGE_VOTE || m->type == FOG_MESSAGE_PROPOSAL) {
		fog_vote_encode(&m->vote, again + at);
		at += FOG_VOTE_SIZE;
	}
	if (m->type == FOG_MESSAGE_PROPOSAL) {
		fog_store_u16(again + at, (u16)m->cert_count);
		at += 2;
	}
	for (u32 i = 0; i < m->cert_count; i++)
		at += fog_certificate_encode(&m->cert[i], again + at);
	if (m->type == FOG_MESSAGE_FETCH) {
		memcpy(again + at, m->hash, 32);
		at += 32;
	}
	if (m->block != NULL) {
		struct fog_header h = m->block->header;
		struct fog_block *b = fog_block_make(&h, m->block->tx, h.tx_count,
						     m->block->evidence, h.evidence_count);
		if (b == NULL)
			abort();
		memcpy(again + at, b->bytes, b->len);
		at += b->len;
		fog_block_unref(b);
	}
	return at;
}

static void message_run(struct fog_quorum *q, const u8 *data, u32 len)
{
	static struct fog_vote_check checks[FOG_VALIDATORS_MAX];
	struct fog_message m;

	if (fog_message_decode(&m, data, len) == 0) {
		same(data, len, message_encode(&m));
		int n = fog_message_checks(q, &m, checks, FOG_VALIDATORS_MAX);
		if (n > FOG_VALIDATORS_MAX)
			abort();
	}
	fog_message_free(&m);
}

static void set_run(const u8 *data, u32 len)
{
	static struct fog_validators s;

	if (fog_validators_decode(&s, data, len) == 0)
		same(data, len, fog_validators_encode(&s, again));
}

static void epoch_run(const struct fog_validators *set, const u8 *data, u32 len)
{
	static struct fog_epoch e;

	if (fog_epoch_decode(&e, data, len) != 0)
		return;
	same(data, len, fog_epoch_encode(&e, again));
	(void)fog_epoch_follows(&e, set, sample_chain);
}

static void light_run(const struct fog_validators *set, const u8 *data, u32 len)
{
	static struct fog_certificate cert;
	struct fog_header h;

	if (len < FOG_HEADER_SIZE || fog_header_decode(&h, data) != 0)
		return;
	fog_header_encode(&h, again);
	same(data, FOG_HEADER_SIZE, FOG_HEADER_SIZE);
	int n = fog_certificate_decode(&cert, data + FOG_HEADER_SIZE, len - FOG_HEADER_SIZE);
	if (n < 0)
		return;
	same(data + FOG_HEADER_SIZE, (u32)n, fog_certificate_encode(&cert, again));
	(void)fog_light_verify(set, sample_chain, &h, 1, &cert);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static struct fog_validators set;
	static struct fog_quorum *q;

	if (q == NULL) {
		struct fog_quorum_config c = {0};
		memcpy(c.chain, sample_chain, 32);
		if (fog_crypto_init() != 0)
			abort();
		sample_set(&set, 1);
		if (fog_quorum_new(&q, &c, &set) != 0)
			abort();
	}
	if (len < 1 || len > FOG_MESSAGE_SIZE_MAX)
		return 0;
	switch (data[0]) {
	case 'm':
		message_run(q, data + 1, (u32)len - 1);
		break;
	case 's':
		set_run(data + 1, (u32)len - 1);
		break;
	case 'e':
		epoch_run(&set, data + 1, (u32)len - 1);
		break;
	case 'l':
		light_run(&set, data + 1, (u32)len - 1);
		break;
	default:
		break;
	}
	return 0;
}
