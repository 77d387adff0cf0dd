/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sphinx/sphinx.h"

#include "crypto/curve/x25519.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define PACKET_MAX 9000

struct node {
	u8 id[32];
	struct fog_sphinx_x25519 own; /* its first bytes are the secret of the NIKE profile */
};

static const struct fog_sphinx_kem *const profiles[] = {FOG_SPHINX_NIKE, &fog_sphinx_kem_x25519};

static struct node nodes[8];

static unsigned read_nodes(const json_t *list)
{
	unsigned count = (unsigned)json_array_size(list);

	for (unsigned i = 0; i < count; i++) {
		const json_t *n = json_array_get(list, i);
		vectors_member(n, "ID", nodes[i].id, 32);
		vectors_member(n, "PrivateKey", nodes[i].own.secret, 32);
		fog_x25519_base(nodes[i].own.public_key, nodes[i].own.secret);
	}
	return count;
}

static void check_commands(const struct fog_sphinx_commands *c, const json_t *list)
{
	u8 text[64];
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		vectors_hex(v, text, sizeof(text));
		if (text[0] == 0x80)
			CU_ASSERT(c->has_delay &&
				  c->delay == __builtin_bswap32(fog_load_u32(text + 1)));
		if (text[0] == 0x02)
			CU_ASSERT(c->has_recipient && memcmp(c->recipient, text + 1, 32) == 0);
		if (text[0] == 0x03)
			CU_ASSERT(c->has_surb && memcmp(c->surb, text + 1, 16) == 0);
	}
}

/* Katzenpost's reply carries its length before the text. */
static void check_surb(const json_t *v, u8 *data, size_t len, const u8 *payload, size_t payload_len)
{
	static u8 blob[8 * FOG_SPHINX_LAYER_SIZE];
	struct fog_sphinx_surb_keys keys = {0};
	size_t blob_len = vectors_member(v, "SurbKeys", blob, sizeof(blob));

	keys.count = (unsigned)(blob_len / FOG_SPHINX_LAYER_SIZE);
	memcpy(keys.layer, blob, blob_len);
	CU_ASSERT_EQUAL(fog_sphinx_surb_open(&keys, data, len), 0);
	CU_ASSERT_EQUAL(memcmp(data + FOG_SPHINX_TAG_SIZE, payload, payload_len), 0);
	CU_ASSERT(fog_is_zero(&keys, sizeof(keys)));
}

static void published_one_path(void)
{
	static u8 packet[PACKET_MAX], next[PACKET_MAX], payload[PACKET_MAX];
	json_t *root = vectors_load("katzenpost/sphinx_vectors.json"), *v;
	struct fog_sphinx_geometry g;
	unsigned hops_seen = 0;
	size_t i;

	json_array_foreach(root, i, v)
	{
		const json_t *packets = json_object_get(v, "Packets");
		unsigned hops = read_nodes(json_object_get(v, "Nodes"));
		size_t len = vectors_hex(json_array_get(packets, 0), packet, PACKET_MAX);
		size_t payload_len = vectors_member(v, "Payload", payload, PACKET_MAX);
		CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, FOG_SPHINX_NIKE, 5, len), 0);
		CU_ASSERT_EQUAL(g.header, 476);
		CU_ASSERT_EQUAL(g.surb, 572);
		for (unsigned h = 0; h < hops; h++, hops_seen++) {
			struct fog_sphinx_job job = {.packet = packet, .secret = &nodes[h].own};
			const json_t *path = json_array_get(json_object_get(v, "Path"), h);
			fog_sphinx_tags(&g, &job, 1);
			CU_ASSERT_EQUAL(job.result, 0);
			fog_sphinx_unwrap_many(&g, &job, 1);
			CU_ASSERT_EQUAL(job.result, 0);
			check_commands(&job.commands, json_object_get(path, "Commands"));
			CU_ASSERT_EQUAL(job.commands.has_next, h + 1 < hops);
			if (!job.commands.has_next)
				break;
			CU_ASSERT_EQUAL(memcmp(job.commands.next, nodes[h + 1].id, 32), 0);
			vectors_hex(json_array_get(packets, h + 1), next, PACKET_MAX);
			CU_ASSERT_EQUAL(memcmp(packet, next, len), 0);
		}
		hops_seen++;
		if (json_string_length(json_object_get(v, "Surb")) > 0)
			check_surb(v, packet + g.header, len - g.header, payload, payload_len);
		else
			CU_ASSERT_EQUAL(memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, payload,
					       payload_len),
					0);
	}
	CU_ASSERT_EQUAL(hops_seen, 30);
	json_decref(root);
}

static void test_published(void)
{
	each_path(published_one_path);
}

/* Reply packets made from the published SURBs are the published packets. */
static void test_published_surb_use(void)
{
	static u8 surb[FOG_SPHINX_SURB_MAX], packet[PACKET_MAX], want[PACKET_MAX];
	static u8 payload[PACKET_MAX];
	json_t *root = vectors_load("katzenpost/sphinx_vectors.json"), *v;
	struct fog_sphinx_geometry g;
	unsigned used = 0;
	size_t i;

	json_array_foreach(root, i, v)
	{
		u8 next[32];
		if (vectors_member(v, "Surb", surb, sizeof(surb)) == 0)
			continue;
		size_t len = vectors_hex(json_array_get(json_object_get(v, "Packets"), 0), want,
					 PACKET_MAX);
		vectors_member(v, "Payload", payload, PACKET_MAX);
		read_nodes(json_object_get(v, "Nodes"));
		CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, FOG_SPHINX_NIKE, 5, len), 0);
		fog_sphinx_surb_use(&g, surb, payload, packet, next);
		CU_ASSERT_EQUAL(memcmp(packet, want, len), 0);
		CU_ASSERT_EQUAL(memcmp(next, nodes[0].id, 32), 0);
		used++;
	}
	CU_ASSERT_EQUAL(used, 5);
	json_decref(root);
}

static void generated_one_path(void)
{
	static u8 packet[PACKET_MAX], want[PACKET_MAX], tag[32];
	json_t *root = vectors_load("katzenpost/generated_x25519_vectors.json"), *v;
	struct fog_sphinx_geometry g;
	size_t i;

	json_array_foreach(root, i, v)
	{
		const json_t *packets = json_object_get(v, "Packets");
		const json_t *tags = json_object_get(v, "ReplayTags");
		bool kem = strcmp(json_string_value(json_object_get(v, "Kind")), "KEM") == 0;
		unsigned hops = read_nodes(json_object_get(v, "Nodes"));
		unsigned most = (unsigned)json_integer_value(json_object_get(v, "NrHops"));
		size_t len = vectors_hex(json_array_get(packets, 0), packet, PACKET_MAX);
		CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, profiles[kem], most, len), 0);
		CU_ASSERT_EQUAL((json_int_t)g.header,
				json_integer_value(json_object_get(v, "HeaderLength")));
		for (unsigned h = 0; h < hops; h++) {
			struct fog_sphinx_job job = {.packet = packet, .secret = &nodes[h].own};
			fog_sphinx_tags(&g, &job, 1);
			vectors_hex(json_array_get(tags, h), tag, sizeof(tag));
			CU_ASSERT_EQUAL(memcmp(tag, job.replay, 32), 0);
			fog_sphinx_unwrap_many(&g, &job, 1);
			CU_ASSERT_EQUAL(job.result, 0);
			if (h + 1 == hops)
				break;
			vectors_hex(json_array_get(packets, h + 1), want, PACKET_MAX);
			CU_ASSERT_EQUAL(memcmp(packet, want, len), 0);
		}
		vectors_member(v, "Payload", want, PACKET_MAX);
		CU_ASSERT_EQUAL(memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, want, g.payload),
				0);
	}
	CU_ASSERT_EQUAL(json_array_size(root), 6);
	json_decref(root);
}

static void test_generated(void)
{
	each_path(generated_one_path);
}

static void test_commands(void)
{
	json_t *v = vectors_load("katzenpost/sphinx_commands_vectors.json");
	struct fog_sphinx_commands c = {0}, parsed;
	u8 want[FOG_SPHINX_COMMANDS], block[FOG_SPHINX_COMMANDS];

	vectors_member(v, "NextHopID", c.next, 32);
	vectors_member(v, "NextHopMAC", c.next_mac, 32);
	vectors_member(v, "SURBReplyID", c.surb, 16);
	vectors_member(v, "RecipientID", c.recipient, 32);
	c.delay = (u32)json_integer_value(json_object_get(v, "NodeDelay"));
	static const struct {
		const char *name;
		bool next, recipient, surb, delay;
	} cases[] = {
		{"NextHopCmdWant", true, false, false, false},
		{"RecipientCmdWant", false, true, false, false},
		{"SURBReplyCmdWant", false, false, true, false},
		{"NodeDelayCmdWant", false, false, false, true},
	};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		c.has_next = cases[i].next;
		c.has_recipient = cases[i].recipient;
		c.has_surb = cases[i].surb;
		c.has_delay = cases[i].delay;
		memset(want, 0, sizeof(want));
		size_t len = vectors_member(v, cases[i].name, want, sizeof(want));
		CU_ASSERT_EQUAL(fog_sphinx_commands_write(&c, block, sizeof(block)), 0);
		CU_ASSERT_EQUAL(memcmp(block, want, sizeof(want)), 0);
		CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, sizeof(want)), 0);
		CU_ASSERT_EQUAL(parsed.has_next, c.has_next);
		CU_ASSERT_EQUAL(parsed.has_surb, c.has_surb);
		CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, len), 0);
		CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, len - 1), -EPROTO);
		CU_ASSERT_EQUAL(fog_sphinx_commands_write(&c, block, len - 1), -ENOSPC);
	}
	memset(want, 0, sizeof(want));
	CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, sizeof(want)), 0);
	want[70] = 1;
	CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, sizeof(want)), -EPROTO);
	memcpy(want, (u8[]){0x80, 0, 0, 0, 1, 0x80, 0, 0, 0, 1}, 10);
	want[70] = 0;
	CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, sizeof(want)), -EPROTO);
	want[0] = 0x7f;
	CU_ASSERT_EQUAL(fog_sphinx_commands_parse(&parsed, want, sizeof(want)), -EPROTO);
	json_decref(v);
}

static void make_path(struct fog_rng *rng, struct fog_sphinx_hop *path, unsigned hops)
{
	memset(path, 0, hops * sizeof(*path));
	for (unsigned i = 0; i < hops; i++) {
		fog_rng_bytes(rng, &nodes[i], 64);
		fog_x25519_base(nodes[i].own.public_key, nodes[i].own.secret);
		memcpy(path[i].id, nodes[i].id, 32);
		path[i].key = nodes[i].own.public_key;
		path[i].commands.has_delay = i + 1 < hops;
		path[i].commands.delay = 1000 * i;
		path[i].commands.has_recipient = i + 1 == hops;
		path[i].commands.recipient[0] = 42;
	}
}

static void walk(const struct fog_sphinx_geometry *g, u8 *packet, unsigned hops)
{
	for (unsigned h = 0; h < hops; h++) {
		struct fog_sphinx_job job = {.packet = packet, .secret = &nodes[h].own};
		fog_sphinx_tags(g, &job, 1);
		fog_sphinx_unwrap_many(g, &job, 1);
		CU_ASSERT_EQUAL(job.result, 0);
		CU_ASSERT_EQUAL(job.commands.has_next, h + 1 < hops);
		CU_ASSERT_EQUAL(job.commands.has_delay, h + 1 < hops);
	}
}

/* Our own packets and reply blocks of every length of path, both profiles. */
static void test_client(void)
{
	static u8 packet[1392], payload[1392], surb[FOG_SPHINX_SURB_MAX], next[32];
	struct fog_sphinx_hop path[FOG_SPHINX_HOPS_MAX + 1];
	struct fog_sphinx_surb_keys keys;
	struct fog_sphinx_geometry g;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned profile = 0; profile < FOG_ARRAY_COUNT(profiles); profile++) {
		CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, profiles[profile], 5, 1392), 0);
		for (unsigned hops = 1; hops <= 5; hops++) {
			make_path(&rng, path, hops);
			fog_rng_bytes(&rng, payload, g.payload);
			CU_ASSERT_EQUAL(fog_sphinx_wrap(&g, &rng, path, hops, payload, packet), 0);
			walk(&g, packet, hops);
			CU_ASSERT_EQUAL(
				memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, payload, g.payload),
				0);
			path[hops - 1].commands.has_surb = true;
			CU_ASSERT_EQUAL(fog_sphinx_surb_create(&g, &rng, path, hops, surb, &keys),
					0);
			fog_sphinx_surb_use(&g, surb, payload, packet, next);
			CU_ASSERT_EQUAL(memcmp(next, nodes[0].id, 32), 0);
			walk(&g, packet, hops);
			CU_ASSERT_EQUAL(
				fog_sphinx_surb_open(&keys, packet + g.header, g.packet - g.header),
				0);
			CU_ASSERT_EQUAL(
				memcmp(packet + g.header + FOG_SPHINX_TAG_SIZE, payload, g.payload),
				0);
		}
	}
	CU_ASSERT_EQUAL(fog_sphinx_wrap(&g, &rng, path, 6, payload, packet), -EINVAL);
	CU_ASSERT_EQUAL(fog_sphinx_wrap(&g, &rng, path, 0, payload, packet), -EINVAL);
	memset(nodes[1].own.public_key, 0, 32);
	CU_ASSERT_EQUAL(fog_sphinx_wrap(&g, &rng, path, 3, payload, packet), -EKEYREJECTED);
	memset(path[0].commands.surb, 1, 16);
	CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, FOG_SPHINX_NIKE, 6, 1392), -EINVAL);
	CU_ASSERT_EQUAL(fog_sphinx_geometry_init(&g, FOG_SPHINX_NIKE, 5, 508), -EINVAL);
}

static int unwrap_one(const struct fog_sphinx_geometry *g, u8 *packet, unsigned node)
{
	struct fog_sphinx_job job = {.packet = packet, .secret = &nodes[node].own};

	fog_sphinx_tags(g, &job, 1);
	fog_sphinx_unwrap_many(g, &job, 1);
	return job.result;
}

/* Every bit of a header is refused by the next hop; a bit of the payload by the last one. */
static void flips(const struct fog_sphinx_kem *kem)
{
	static u8 packet[1392], copy[1392], payload[1392];
	struct fog_sphinx_hop path[2];
	struct fog_sphinx_geometry g;
	struct fog_rng rng;

	rng_start(&rng);
	fog_sphinx_geometry_init(&g, kem, 5, sizeof(packet));
	make_path(&rng, path, 2);
	fog_sphinx_wrap(&g, &rng, path, 2, payload, packet);
	for (size_t bit = 0; bit < 8 * g.packet; bit += bit < 8 * g.header ? 7 : 499) {
		memcpy(copy, packet, sizeof(copy));
		copy[bit / 8] ^= (u8)(1 << bit % 8);
		int rc = unwrap_one(&g, copy, 0);
		if (bit < 16)
			CU_ASSERT_EQUAL(rc, -EPROTO);
		if (bit >= 16 && bit < 8 * g.header)
			CU_ASSERT_EQUAL(rc, -EBADMSG);
		if (bit >= 8 * g.header) {
			CU_ASSERT_EQUAL(rc, 0);
			CU_ASSERT_EQUAL(unwrap_one(&g, copy, 1), -EILSEQ);
		}
	}
	memset(packet + 2, 0, 32);
	CU_ASSERT_EQUAL(unwrap_one(&g, packet, 0), -EKEYREJECTED);
}

static void test_tampering(void)
{
	flips(FOG_SPHINX_NIKE);
	flips(&fog_sphinx_kem_x25519);
}

/* Batches of every size give what single packets give, good and bad ones mixed. */
static void batches_one_path(void)
{
	static u8 packet[FOG_SPHINX_BATCH_MAX][1392], single[FOG_SPHINX_BATCH_MAX][1392];
	static u8 payload[1392];
	struct fog_sphinx_job job[FOG_SPHINX_BATCH_MAX];
	struct fog_sphinx_hop path[3];
	struct fog_sphinx_geometry g;
	struct fog_rng rng;

	fog_rng_init_u64(&rng, 5);
	for (unsigned count = 1; count <= FOG_SPHINX_BATCH_MAX; count += 1 + count / 3) {
		fog_sphinx_geometry_init(&g, profiles[count % 2], 5, 1392);
		make_path(&rng, path, 3);
		for (unsigned i = 0; i < count; i++) {
			fog_sphinx_wrap(&g, &rng, path + i % 3, 3 - i % 3, payload, packet[i]);
			if (i % 5 == 4)
				packet[i][40] ^= 1;
			if (i % 11 == 10)
				packet[i][0] = 1;
			memcpy(single[i], packet[i], sizeof(single[i]));
			job[i] = (struct fog_sphinx_job){.packet = packet[i],
							 .secret = &nodes[i % 3].own};
		}
		fog_sphinx_tags(&g, job, count);
		fog_sphinx_unwrap_many(&g, job, count);
		for (unsigned i = 0; i < count; i++) {
			CU_ASSERT_EQUAL(unwrap_one(&g, single[i], i % 3), job[i].result);
			CU_ASSERT_EQUAL(memcmp(single[i], packet[i], sizeof(single[i])), 0);
		}
	}
}

static void test_batches(void)
{
	each_path(batches_one_path);
}

FOG_TEST_MAIN("crypto/sphinx/sphinx", FOG_TEST(test_published), FOG_TEST(test_published_surb_use),
	      FOG_TEST(test_generated), FOG_TEST(test_commands), FOG_TEST(test_client),
	      FOG_TEST(test_tampering), FOG_TEST(test_batches))
