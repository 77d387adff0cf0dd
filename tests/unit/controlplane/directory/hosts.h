/* SPDX-License-Identifier: BSD-3-Clause */
/* Made-up hosts for tests: identity number n is the same in every run. */
#ifndef FOG_TESTS_DIRECTORY_HOSTS_H
#define FOG_TESTS_DIRECTORY_HOSTS_H

#include "controlplane/directory/directory.h"
#include "crypto/curve/x25519.h"
#include "crypto/sign/sign.h"

#define TEST_NOW_MS 1700000000000ull

__attribute__((unused)) static void test_identity(struct fog_identity *id, u32 n)
{
	u8 seed[32] = {1};

	fog_store_u32(seed + 4, n);
	fog_sign_keypair(id->node_id, id->sign_sk, seed);
	seed[0] = 2;
	memcpy(id->control_sk, seed, 32);
	fog_x25519_base(id->control_pk, id->control_sk);
}

/* A relay and worker with an edge, valid for an hour from TEST_NOW_MS. */
__attribute__((unused)) static void test_descriptor(struct fog_descriptor *d,
						    const struct fog_identity *id, u32 n)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->node_id, id->node_id, 32);
	snprintf(d->name, sizeof(d->name), "host-%u", n);
	d->sequence = 1;
	d->published_ms = TEST_NOW_MS;
	d->expires_ms = TEST_NOW_MS + 3600000;
	(void)fog_address_parse("127.0.0.1:1000", &d->control);
	memcpy(d->control_pk, id->control_pk, 32);
	(void)fog_address_parse("127.0.0.1:1001", &d->link);
	memset(d->link_pk, 3, 32);
	memset(d->onion_pk, 4, 32);
	d->has_quic = true;
	memset(d->quic_pk, 5, 32);
	d->roles = FOG_ROLE_RELAY | FOG_ROLE_WORKER;
	d->cpu_millicores = 1500;
	d->memory_bytes = 1ull << 30;
	d->price.cpu_hour = 150;
}

/* Sign and offer host n; returns what the directory said. */
__attribute__((unused)) static int test_offer(struct fog_directory *dir, u32 n, u64 sequence,
					      u64 now_ms)
{
	struct fog_identity id;
	struct fog_descriptor d;
	struct fog_signed_descriptor s;
	char why[FOG_DESCRIPTOR_WHY_SIZE];

	test_identity(&id, n);
	test_descriptor(&d, &id, n);
	d.sequence = sequence;
	int rc = fog_descriptor_build(&s, &d, NULL, NULL, &id);
	if (rc != 0)
		return rc;
	rc = fog_directory_offer(dir, s.text, s.text_len, s.signature, now_ms, why);
	fog_signed_descriptor_free(&s);
	return rc;
}

#endif
