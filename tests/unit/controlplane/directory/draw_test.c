/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/directory/draw_text.h"
#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

#define HOSTS 100

static struct fog_draw_candidate hosts[HOSTS];
static u8 pk[32], sk[64];
static char why[FOG_DRAW_WHY_SIZE];

/* Host i: two hosts a network, five an AS, three an operator. */
static void fill(void)
{
	u8 seed[32] = {7};

	fog_sign_keypair(pk, sk, seed);
	memset(hosts, 0, sizeof(hosts));
	for (u32 i = 0; i < HOSTS; i++) {
		hosts[i].node_id[0] = (u8)(i + 1);
		hosts[i].net[0] = (u8)(1 + i / 2);
		hosts[i].as = 1 + i / 5;
		hosts[i].operator[0] =(u8)(1 + i / 3);
		hosts[i].weight = fog_draw_weight(500000, 0);
	}
}

static struct fog_choice choice(u64 epoch)
{
	struct fog_choice c = {.kind = FOG_DRAW_NEIGHBOURS,
			       .wanted = FOG_DRAW_DEGREE,
			       .candidates = hosts,
			       .candidate_count = HOSTS};

	fog_beacon_derive(epoch, &c.beacon);
	memcpy(c.node_id, pk, 32);
	return c;
}

static u32 index_of(const u8 id[32])
{
	return id[0] - 1u;
}

static void test_life_cycle(void)
{
	fill();
	struct fog_choice c = choice(7);
	CU_ASSERT_EQUAL_FATAL(fog_choice_draw(&c, sk), 0);
	CU_ASSERT_EQUAL(c.chosen_count, FOG_DRAW_DEGREE);
	CU_ASSERT_EQUAL(c.relaxed, 0);
	CU_ASSERT_EQUAL(fog_choice_verify(&c), 0);
	for (u32 i = 0; i < c.chosen_count; i++)
		for (u32 k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(index_of(c.chosen[i]) / 2, index_of(c.chosen[k]) / 2);
	/* The same again; another epoch, another draw. */
	struct fog_choice again = choice(7), other = choice(8);
	CU_ASSERT_EQUAL(fog_choice_draw(&again, sk), 0);
	CU_ASSERT_EQUAL(memcmp(again.chosen, c.chosen, sizeof(c.chosen)), 0);
	CU_ASSERT_EQUAL(fog_choice_draw(&other, sk), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(other.chosen, c.chosen, sizeof(c.chosen)), 0);
}

static void test_bad_arguments(void)
{
	struct fog_draw_candidate two[2];

	fill();
	struct fog_choice c = choice(7);
	c.wanted = 0;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL);
	c = choice(7);
	c.wanted = FOG_DRAW_CHOSEN_MAX + 1;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL);
	c = choice(7);
	c.kind = FOG_DRAW_MIX;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL);
	c = choice(7);
	two[0] = hosts[1];
	two[1] = hosts[0];
	c.candidates = two;
	c.candidate_count = 2;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL); /* out of order */
	two[0] = two[1];
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL); /* twice */
	two[1] = hosts[1];
	two[1].weight = 1;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), -EINVAL);
	c.candidate_count = 0;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0); /* nobody there */
	CU_ASSERT_EQUAL(c.chosen_count, 0);
	CU_ASSERT_EQUAL(fog_choice_verify(&c), 0);
}

/* Whatever is changed afterwards shows. */
static void test_forgery(void)
{
	static struct fog_draw_candidate copy[HOSTS];

	fill();
	struct fog_choice c = choice(7), f;
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0);
	f = c;
	memcpy(f.chosen[0], hosts[99].node_id, 32);
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EPROTO);
	f = c;
	f.chosen_count--;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EPROTO);
	f = c;
	f.relaxed++;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EPROTO);
	f = c;
	f.proof[40] ^= 1;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EBADMSG);
	f = c;
	f.beacon.value[0] ^= 1;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EBADMSG);
	f = c;
	f.wanted = 7;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EBADMSG);
	memcpy(copy, hosts, sizeof(copy));
	copy[5].weight++;
	f = c;
	f.candidates = copy;
	CU_ASSERT_EQUAL(fog_choice_verify(&f), -EBADMSG);
}

/* Few networks: the rules bend, and the draw says so. */
static void test_relaxed(void)
{
	fill();
	struct fog_choice c = choice(7);
	c.candidate_count = 10; /* five networks, two ASes, four operators */
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0);
	CU_ASSERT_EQUAL(c.chosen_count, FOG_DRAW_DEGREE);
	CU_ASSERT_EQUAL(c.relaxed, 4); /* two an AS fit */
	CU_ASSERT_EQUAL(fog_choice_verify(&c), 0);
}

/* From epoch to epoch at most a quarter goes, even when everybody is new. */
static void test_former(void)
{
	fill();
	struct fog_choice c = choice(1);
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0);
	u32 changed = 0;
	for (u64 epoch = 2; epoch < 40; epoch++) {
		struct fog_choice next = choice(epoch);
		memcpy(next.former, c.chosen, sizeof(c.chosen));
		next.former_count = c.chosen_count;
		CU_ASSERT_EQUAL(fog_choice_draw(&next, sk), 0);
		CU_ASSERT_EQUAL(fog_choice_verify(&next), 0);
		u32 kept = 0;
		for (u32 i = 0; i < c.chosen_count; i++)
			for (u32 k = 0; k < next.chosen_count; k++)
				kept += memcmp(c.chosen[i], next.chosen[k], 32) == 0;
		CU_ASSERT_TRUE(kept >= FOG_DRAW_DEGREE - FOG_DRAW_DEGREE / FOG_DRAW_REPLACE_PART);
		changed += FOG_DRAW_DEGREE - kept;
		c = next;
	}
	CU_ASSERT_TRUE(changed > 38);
}

/* Drawn as often as its weight says: within five standard deviations over many epochs. */
static void test_weights(void)
{
	u32 rich = 0, rounds = 400;

	fill();
	for (u32 i = 0; i < HOSTS; i++)
		hosts[i].weight = fog_draw_weight(i < 10 ? 1000000 : 100000, i < 10 ? 10000 : 0);
	CU_ASSERT_EQUAL(hosts[0].weight, 1400000);
	CU_ASSERT_EQUAL(hosts[50].weight, 100000);
	for (u32 e = 1; e <= rounds; e++) {
		struct fog_choice c = choice(e);
		c.wanted = 1;
		CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0);
		rich += index_of(c.chosen[0]) < 10;
	}
	/* 10 x 1.4 of 14 + 9. */
	CU_ASSERT_TRUE(abs((int)rich - (int)(rounds * 14 / 23)) < 50);
	CU_ASSERT_EQUAL(fog_draw_weight(0, 0), FOG_DRAW_WEIGHT_MIN);
	CU_ASSERT_EQUAL(fog_draw_weight(2000000, UINT64_MAX), FOG_DRAW_WEIGHT_MAX);
}

static struct fog_lot lot(enum fog_draw_kind kind, u64 epoch)
{
	struct fog_lot l = {.kind = kind};

	fog_beacon_derive(epoch, &l.beacon);
	memcpy(l.node_id, pk, 32);
	CU_ASSERT_EQUAL(fog_lot_draw(&l, sk), 0);
	return l;
}

static void test_lots(void)
{
	u8 beta[FOG_LOTS_CHECK_MAX][FOG_VRF_OUTPUT_SIZE];
	struct fog_lot lots[FOG_LOTS_CHECK_MAX];
	int result[FOG_LOTS_CHECK_MAX];
	u32 selected = 0, count = FOG_LOTS_CHECK_MAX;

	for (u32 i = 0; i < count; i++)
		lots[i] = lot(i % 2 ? FOG_DRAW_MIX : FOG_DRAW_COMMITTEE, i / 2 + 1);
	fog_lots_verify(lots, count, beta, result);
	for (u32 i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(result[i], 0);
		selected += fog_lot_selects(beta[i], 20, 5, 300);
		CU_ASSERT_TRUE(fog_lot_selects(beta[i], 60, 5, 300));
		CU_ASSERT_FALSE(fog_lot_selects(beta[i], 0, 5, 300));
	}
	CU_ASSERT_TRUE(selected > 5 && selected < 40); /* a third of 64 */
	/* The kinds do not tell of each other, and one false proof harms no other. */
	CU_ASSERT_NOT_EQUAL(memcmp(beta[0], beta[1], sizeof(beta[0])), 0);
	lots[7].proof[40] ^= 1;
	lots[9].kind = FOG_DRAW_RELAYS;
	lots[11].beacon.value[0] ^= 1;
	fog_lots_verify(lots, count, beta, result);
	for (u32 i = 0; i < count; i++)
		CU_ASSERT_EQUAL(result[i], i == 7 || i == 11 ? -EBADMSG : i == 9 ? -EINVAL : 0);
	CU_ASSERT_TRUE(fog_is_zero(beta[7], sizeof(beta[7])));
	struct fog_lot bad = {.kind = FOG_DRAW_RELAYS, .beacon = lots[0].beacon};
	CU_ASSERT_EQUAL(fog_lot_draw(&bad, sk), -EINVAL);
}

static void test_layers(void)
{
	for (u32 count = 1; count < 50; count++) {
		u32 size[FOG_DRAW_LAYERS] = {0};
		for (u32 rank = 0; rank < count; rank++) {
			u32 layer = fog_mix_layer(rank, count);
			size[layer]++;
			CU_ASSERT_TRUE(rank == 0 || layer >= fog_mix_layer(rank - 1, count));
		}
		for (u32 i = 0; i < FOG_DRAW_LAYERS; i++)
			CU_ASSERT_TRUE(size[i] >= count / FOG_DRAW_LAYERS &&
				       size[i] <= count / FOG_DRAW_LAYERS + 1);
	}
}

static int by_beta(const void *a, const void *b)
{
	u8 x[1][FOG_VRF_OUTPUT_SIZE], y[1][FOG_VRF_OUTPUT_SIZE];
	int rc;

	fog_lots_verify(a, 1, x, &rc);
	fog_lots_verify(b, 1, y, &rc);
	return memcmp(x[0], y[0], sizeof(x[0]));
}

/* A mix's layer, from the lots of all: no other layer, no other order, nobody left out of it. */
static void test_mix_document(void)
{
	enum { MIXES = 70 };
	static struct fog_lot order[MIXES];
	struct fog_draw_verdict v;
	struct fog_beacon b;

	fog_beacon_agree(9, sk, &b);
	for (u32 i = 0; i < MIXES; i++) {
		u8 seed[32] = {(u8)i, 77}, key[FOG_SIGN_SECRET_SIZE];
		order[i] = (struct fog_lot){.kind = FOG_DRAW_MIX, .beacon = b};
		fog_sign_keypair(order[i].node_id, key, seed);
		CU_ASSERT_EQUAL(fog_lot_draw(&order[i], key), 0);
	}
	qsort(order, MIXES, sizeof(order[0]), by_beta);
	for (u32 rank = 0; rank < MIXES; rank += 30) {
		json_t *o = fog_mix_json(order, MIXES, rank);
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), 0);
		CU_ASSERT_EQUAL(v.source, FOG_BEACON_QUORUM);
		CU_ASSERT_EQUAL(v.layer, rank / 30);
		CU_ASSERT_EQUAL(v.mixes, MIXES);
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, &b, &v, why), 0);
		struct fog_beacon other = b;
		other.value[3] ^= 4;
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, &other, &v, why), -ESTALE);
		json_t *list = json_object_get(o, "order"), *first = json_array_get(list, 0);
		json_object_set_new(o, "layer", json_integer((rank / 30 + 1) % 3));
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EPROTO);
		json_object_set_new(o, "layer", json_integer(rank / 30));
		json_array_append(list, first);
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EPROTO);
		json_array_remove(list, MIXES);
		json_array_remove(list, rank);
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EPROTO);
		json_object_set_new(o, "order", json_array());
		CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EINVAL);
		json_decref(o);
	}
}

static void test_committee_document(void)
{
	struct fog_lot l = lot(FOG_DRAW_COMMITTEE, 5);
	u8 beta[1][FOG_VRF_OUTPUT_SIZE];
	struct fog_draw_verdict v;
	int rc;

	fog_lots_verify(&l, 1, beta, &rc);
	json_t *o = fog_committee_json(&l, beta[0], 20, 50000, 50000);
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), 0);
	CU_ASSERT_TRUE(v.selected);
	json_object_set_new(o, "selected", json_false());
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EPROTO);
	json_object_set_new(o, "selected", json_true());
	json_object_set_new(o, "total", json_integer(49999));
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EINVAL);
	json_object_set_new(o, "total", json_integer(1ll << 60));
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -EPROTO);
	json_object_set_new(o, "epoch", json_integer(6));
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -ESTALE);
	json_decref(o);
}

/* As a document: there and back, and every byte of hex matters. */
static void test_document(void)
{
	struct fog_draw_verdict v;
	u8 digest[32];

	fill();
	struct fog_choice c = choice(7);
	CU_ASSERT_EQUAL(fog_choice_draw(&c, sk), 0);
	json_t *o = fog_choice_json(&c);
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), 0);
	CU_ASSERT_EQUAL(v.chosen, FOG_DRAW_DEGREE);
	CU_ASSERT_EQUAL(v.epoch, 7);
	fog_choice_digest(&c, digest);
	CU_ASSERT_EQUAL(memcmp(v.digest, digest, 32), 0);
	json_object_set_new(o, "epoch", json_integer(8));
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, NULL, &v, why), -ESTALE);
	json_object_set_new(o, "epoch", json_integer(7));
	struct fog_beacon b = c.beacon;
	b.value[0] ^= 1;
	CU_ASSERT_EQUAL(fog_draw_document_verify(o, &b, &v, why), -ESTALE);
	static const char *const members[] = {"version", "kind",   "epoch",      "beacon",
					      "proof",   "wanted", "candidates", "chosen",
					      "former",  "relaxed"};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(members); i++) {
		json_t *bad = json_deep_copy(o);
		json_object_set_new(bad, members[i], json_string("x"));
		CU_ASSERT_NOT_EQUAL(fog_draw_document_verify(bad, NULL, &v, why), 0);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
		json_decref(bad);
	}
	json_decref(o);
}

static void test_eclipse(void)
{
	struct fog_eclipse e;

	fill();
	fog_eclipse_look(hosts, 20, &e);
	CU_ASSERT_FALSE(e.suspected);
	CU_ASSERT_EQUAL(e.nets, 10);
	for (u32 i = 0; i < 17; i++)
		hosts[i].as = 9;
	fog_eclipse_look(hosts, 20, &e);
	CU_ASSERT_TRUE(e.suspected);
	CU_ASSERT_EQUAL(e.as_ppm, 850000);
	fill();
	for (u32 i = 0; i < 13; i++)
		hosts[i].bad = true;
	fog_eclipse_look(hosts, 20, &e);
	CU_ASSERT_TRUE(e.suspected);
	fog_eclipse_look(hosts, 3, &e); /* all low, but a lab */
	CU_ASSERT_FALSE(e.suspected);
	fog_eclipse_look(hosts, 0, &e);
	CU_ASSERT_FALSE(e.suspected);
}

FOG_TEST_MAIN("controlplane/directory/draw", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_forgery), FOG_TEST(test_relaxed),
	      FOG_TEST(test_former), FOG_TEST(test_weights), FOG_TEST(test_lots),
	      FOG_TEST(test_layers), FOG_TEST(test_mix_document), FOG_TEST(test_committee_document),
	      FOG_TEST(test_document), FOG_TEST(test_eclipse))
