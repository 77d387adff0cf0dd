/* SPDX-License-Identifier: BSD-3-Clause */
/* X-Wing and ML-KEM against the draft's vectors, and as profiles of Sphinx against Katzenpost's.
 * Built only where libcrypto has ML-KEM. */
#include "crypto/pq/xwing.h"

#include <errno.h>

#include "tests/unit/crypto/vectors.h"

#define PACKET_MAX   8000
#define GENERATED    2
#define XWING_CASES  3
#define PAYLOAD_SIZE 2000

static void draft_one_path(void)
{
	static u8 text[FOG_XWING_PUBLIC];
	json_t *root = vectors_load("xwing/test-vectors.json"), *v;
	size_t i;

	json_array_foreach(root, i, v)
	{
		u8 seed[FOG_XWING_SEED], random[1][FOG_XWING_RANDOM], shared[1][32], want[32];
		u8 public_key[FOG_XWING_PUBLIC], ciphertext[FOG_XWING_CIPHERTEXT];
		struct fog_xwing_key k;
		int result;
		vectors_member(v, "seed", seed, sizeof(seed));
		vectors_member(v, "eseed", random[0], sizeof(random[0]));
		vectors_member(v, "ss", want, sizeof(want));
		CU_ASSERT_EQUAL_FATAL(fog_xwing_key_init(&k, seed), 0);
		fog_xwing_public(&k, public_key);
		CU_ASSERT_EQUAL(vectors_member(v, "pk", text, sizeof(text)), sizeof(public_key));
		CU_ASSERT(memcmp(public_key, text, sizeof(public_key)) == 0);
		const u8 *key = public_key, *in = ciphertext;
		u8 *out = ciphertext;
		fog_xwing_encapsulate_many(shared, &out, &result, &key,
					   (const u8(*)[FOG_XWING_RANDOM])random, 1);
		CU_ASSERT_EQUAL(result, 0);
		CU_ASSERT_EQUAL(vectors_member(v, "ct", text, sizeof(text)), sizeof(ciphertext));
		CU_ASSERT(memcmp(ciphertext, text, sizeof(ciphertext)) == 0);
		CU_ASSERT(memcmp(shared[0], want, 32) == 0);
		memset(shared, 0, sizeof(shared));
		const struct fog_xwing_key *own = &k;
		fog_xwing_decapsulate_many(shared, &result, &own, &in, 1);
		CU_ASSERT_EQUAL(result, 0);
		CU_ASSERT(memcmp(shared[0], want, 32) == 0);
		fog_xwing_key_free(&k);
	}
	CU_ASSERT_EQUAL(json_array_size(root), XWING_CASES);
	json_decref(root);
}

static void test_draft(void)
{
	each_path(draft_one_path);
}

/* Wrong keys and elements: refused, or a secret that nobody has; the other rows do not notice. */
static void test_bad(void)
{
	static u8 ciphertext[3][FOG_XWING_CIPHERTEXT], public_key[3][FOG_XWING_PUBLIC];
	static const u8 seed[FOG_XWING_SEED] = {1};
	u8 random[3][FOG_XWING_RANDOM] = {{1}, {2}, {3}}, shared[3][32], back[3][32];
	u8 *out[3] = {ciphertext[0], ciphertext[1], ciphertext[2]};
	const u8 *key[3] = {public_key[0], public_key[1], public_key[2]};
	struct fog_xwing_key k;
	int result[3];

	CU_ASSERT_EQUAL_FATAL(fog_xwing_key_init(&k, seed), 0);
	const struct fog_xwing_key *own[3] = {&k, &k, &k};
	for (unsigned i = 0; i < 3; i++)
		fog_xwing_public(&k, public_key[i]);
	memset(public_key[0], 0xff, 100);                /* coefficients beyond q */
	memset(public_key[1] + FOG_MLKEM_PUBLIC, 0, 32); /* low order */
	fog_xwing_encapsulate_many(shared, out, result, key, (const u8(*)[FOG_XWING_RANDOM])random,
				   3);
	CU_ASSERT_EQUAL(result[0], -EKEYREJECTED);
	CU_ASSERT_EQUAL(result[1], -EKEYREJECTED);
	CU_ASSERT_EQUAL(result[2], 0);
	memcpy(ciphertext[0], ciphertext[2], FOG_XWING_CIPHERTEXT);
	memcpy(ciphertext[1], ciphertext[2], FOG_XWING_CIPHERTEXT);
	ciphertext[0][7] ^= 1;
	memset(ciphertext[1] + FOG_MLKEM_CIPHERTEXT, 0, 32);
	fog_xwing_decapsulate_many(back, result, own, (const u8 *const *)out, 3);
	CU_ASSERT_EQUAL(result[0], 0);
	CU_ASSERT(memcmp(back[0], shared[2], 32) != 0);
	CU_ASSERT_EQUAL(result[1], -EKEYREJECTED);
	CU_ASSERT_EQUAL(result[2], 0);
	CU_ASSERT(memcmp(back[2], shared[2], 32) == 0);
	fog_xwing_key_free(&k);
	CU_ASSERT(fog_is_zero(&k, sizeof(k)));
}

/* ---- Sphinx ------------------------------------------------------------------------------- */

static struct node {
	u8 id[32], public_key[FOG_XWING_PUBLIC];
	struct fog_mlkem_key mlkem;
	struct fog_xwing_key xwing;
} nodes[FOG_SPHINX_HOPS_MAX];

static const void *secret_of(const struct fog_sphinx_kem *kem, unsigned i)
{
	return kem == &fog_sphinx_kem_xwing ? (const void *)&nodes[i].xwing : &nodes[i].mlkem;
}

static void nodes_free(void)
{
	for (unsigned i = 0; i < FOG_SPHINX_HOPS_MAX; i++) {
		fog_xwing_key_free(&nodes[i].xwing);
		fog_mlkem_key_free(&nodes[i].mlkem);
	}
}

/* Katzenpost keeps the public key, then the seed. */
static unsigned read_nodes(const json_t *list, const struct fog_sphinx_kem *kem)
{
	static u8 text[FOG_XWING_PUBLIC + FOG_MLKEM_SEED];
	unsigned count = (unsigned)json_array_size(list);

	for (unsigned i = 0; i < count; i++) {
		const json_t *v = json_array_get(list, i);
		vectors_member(v, "ID", nodes[i].id, 32);
		vectors_member(v, "PrivateKey", text, sizeof(text));
		const u8 *seed = text + kem->public_key;
		if (kem == &fog_sphinx_kem_xwing) {
			CU_ASSERT_EQUAL(fog_xwing_key_init(&nodes[i].xwing, seed), 0);
			fog_xwing_public(&nodes[i].xwing, nodes[i].public_key);
		} else {
			CU_ASSERT_EQUAL(fog_mlkem_key_init(&nodes[i].mlkem, seed), 0);
			memcpy(nodes[i].public_key, nodes[i].mlkem.public_key, FOG_MLKEM_PUBLIC);
		}
		CU_ASSERT(memcmp(nodes[i].public_key, text, kem->public_key) == 0);
	}
	return count;
}

static void generated(const json_t *v, const struct fog_sphinx_kem *kem)
{
	static u8 packet[PACKET_MAX], want[PACKET_MAX], tag[32];
	const json_t *packets = json_object_get(v, "Packets");
	const json_t *tags = json_object_get(v, "ReplayTags");
	unsigned hops = read_nodes(json_object_get(v, "Nodes"), kem);
	struct fog_sphinx_geometry g;

	size_t len = vectors_hex(json_array_get(packets, 0), packet, PACKET_MAX);
	CU_ASSERT_EQUAL(
		fog_sphinx_geometry_init(
			&g, kem, (unsigned)json_integer_value(json_object_get(v, "NrHops")), len),
		0);
	CU_ASSERT_EQUAL((json_int_t)g.header,
			json_integer_value(json_object_get(v, "HeaderLength")));
	for (unsigned h = 0; h < hops; h++) {
		struct fog_sphinx_job job = {.packet = packet, .secret = secret_of(kem, h)};
		fog_sphinx_tags(&g, &job, 1);
		vectors_hex(json_array_get(tags, h), tag, sizeof(tag));
		CU_ASSERT_EQUAL(memcmp(tag, job.replay, 32), 0);
		fog_sphinx_unwrap_many(&g, &job, 1);
		CU_ASSERT_EQUAL(job.result, 0);
		if (h + 1 == hops)
			break;
		CU_ASSERT_EQUAL(memcmp(job.commands.next, nodes[h + 1].id, 32), 0);
		vectors_hex(json_array_get(packets, h + 1), want, PACKET_MAX);
		CU_ASSERT_EQUAL(memcmp(packet, want, len), 0);
	}
	vectors_member(v, "Payload", want, PACKET_MAX);
	CU_ASSERT_EQUAL(memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, want, g.payload), 0);
	nodes_free();
}

static void generated_one_path(void)
{
	json_t *root = vectors_load("katzenpost/generated_pq_vectors.json"), *v;
	size_t i;

	json_array_foreach(root, i, v)
	{
		bool xwing = strcmp(json_string_value(json_object_get(v, "Scheme")), "Xwing") == 0;
		generated(v, xwing ? &fog_sphinx_kem_xwing : &fog_sphinx_kem_mlkem768);
	}
	CU_ASSERT_EQUAL(json_array_size(root), GENERATED);
	json_decref(root);
}

static void test_generated(void)
{
	each_path(generated_one_path);
}

static int unwrap(const struct fog_sphinx_geometry *g, u8 *packet, unsigned node)
{
	struct fog_sphinx_job job = {.packet = packet, .secret = secret_of(g->kem, node)};

	fog_sphinx_tags(g, &job, 1);
	fog_sphinx_unwrap_many(g, &job, 1);
	return job.result;
}

/* Our own packets and reply blocks; what was altered is refused. */
static void client(const struct fog_sphinx_kem *kem, struct fog_rng *rng)
{
	static u8 packet[FOG_SPHINX_HEADER_MAX + PAYLOAD_SIZE], copy[sizeof(packet)];
	static u8 payload[sizeof(packet)], surb[FOG_SPHINX_SURB_MAX], next[32];
	struct fog_sphinx_hop path[FOG_SPHINX_HOPS_MAX] = {0};
	struct fog_sphinx_surb_keys keys;
	struct fog_sphinx_geometry g;

	for (unsigned i = 0; i < FOG_SPHINX_HOPS_MAX; i++) {
		u8 seed[FOG_MLKEM_SEED];
		fog_rng_bytes(rng, seed, sizeof(seed));
		CU_ASSERT_EQUAL(fog_mlkem_key_init(&nodes[i].mlkem, seed), 0);
		CU_ASSERT_EQUAL(fog_xwing_key_init(&nodes[i].xwing, seed), 0);
		fog_xwing_public(&nodes[i].xwing, nodes[i].public_key);
		path[i].key = kem == &fog_sphinx_kem_xwing ? nodes[i].public_key
							   : nodes[i].mlkem.public_key;
	}
	CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, kem, 5, sizeof(packet)), 0);
	fog_rng_bytes(rng, payload, sizeof(payload));
	for (unsigned hops = 1; hops <= 5; hops += 2) {
		CU_ASSERT_EQUAL(fog_sphinx_wrap(&g, rng, path, hops, payload, packet), 0);
		memcpy(copy, packet, sizeof(copy));
		copy[2] ^= 1;
		CU_ASSERT_EQUAL(unwrap(&g, copy, 0), -EBADMSG);
		for (unsigned h = 0; h < hops; h++)
			CU_ASSERT_EQUAL(unwrap(&g, packet, h), 0);
		CU_ASSERT_EQUAL(memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, payload, g.payload),
				0);
		path[hops - 1].commands.has_surb = true;
		CU_ASSERT_EQUAL(fog_sphinx_surb_create(&g, rng, path, hops, surb, &keys), 0);
		fog_sphinx_surb_use(&g, surb, payload, packet, next);
		for (unsigned h = 0; h < hops; h++)
			CU_ASSERT_EQUAL(unwrap(&g, packet, h), 0);
		CU_ASSERT_EQUAL(fog_sphinx_surb_open(&keys, packet + g.header, g.packet - g.header),
				0);
		path[hops - 1].commands.has_surb = false;
	}
	nodes_free();
}

static void test_client(void)
{
	struct fog_rng rng;

	rng_start(&rng);
	client(&fog_sphinx_kem_mlkem768, &rng);
	client(&fog_sphinx_kem_xwing, &rng);
}

FOG_TEST_MAIN("crypto/pq/xwing", FOG_TEST(test_draft), FOG_TEST(test_bad), FOG_TEST(test_generated),
	      FOG_TEST(test_client))
