/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/draw.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define LABEL        "fog draw 1"
#define BEACON_LABEL "fog beacon 1"
#define AGREED_LABEL "fog beacon 2"
#define ALPHA_SIZE   (sizeof(LABEL) + 1 + 8 + 32 + 32)
#define STAKE_UNIT   1000 /* mfog: a fog */
#define STAKE_STEPS  10
#define PPM          1000000u
#define ECLIPSE_LOOK 64

static const char *const kind_names[FOG_DRAW_KIND_COUNT] = {
	[FOG_DRAW_NEIGHBOURS] = "neighbours",
	[FOG_DRAW_RELAYS] = "relays",
	[FOG_DRAW_COMMITTEE] = "committee",
	[FOG_DRAW_MIX] = "mix",
};

const char *fog_draw_kind_name(enum fog_draw_kind kind)
{
	FOG_ASSERT(kind >= FOG_DRAW_NEIGHBOURS && kind < FOG_DRAW_KIND_COUNT);
	return kind_names[kind];
}

enum fog_draw_kind fog_draw_kind_parse(const char *name)
{
	for (u32 i = FOG_DRAW_NEIGHBOURS; i < FOG_DRAW_KIND_COUNT; i++)
		if (strcmp(name, kind_names[i]) == 0)
			return (enum fog_draw_kind)i;
	return 0;
}

u64 fog_epoch_of(u64 now_ms)
{
	return now_ms / FOG_EPOCH_MS + 1;
}

void fog_beacon_derive(u64 epoch, struct fog_beacon *out)
{
	u8 text[sizeof(BEACON_LABEL) + 8] = BEACON_LABEL;

	fog_store_u64(text + sizeof(BEACON_LABEL), epoch);
	*out = (struct fog_beacon){.epoch = epoch, .source = FOG_BEACON_DERIVED};
	fog_hash_sha256(out->value, text, sizeof(text));
}

void fog_beacon_agree(u64 epoch, const u8 randomness[32], struct fog_beacon *out)
{
	u8 text[sizeof(AGREED_LABEL) + 8 + 32] = AGREED_LABEL;

	fog_store_u64(text + sizeof(AGREED_LABEL), epoch);
	memcpy(text + sizeof(AGREED_LABEL) + 8, randomness, 32);
	*out = (struct fog_beacon){.epoch = epoch, .source = FOG_BEACON_QUORUM};
	fog_hash_sha256(out->value, text, sizeof(text));
}

u32 fog_draw_weight(u32 reputation_ppm, u64 stake)
{
	u64 weight = FOG_MIN(FOG_MAX(reputation_ppm, FOG_DRAW_WEIGHT_MIN), PPM), units;
	u32 steps = 0;

	for (units = stake / STAKE_UNIT; units > 0 && steps < STAKE_STEPS; units /= 2)
		steps++;
	return (u32)FOG_MIN(weight + weight * steps / STAKE_STEPS, FOG_DRAW_WEIGHT_MAX);
}

/* ---- alpha ---------------------------------------------------------------------------------- */

static void alpha_make(u8 alpha[ALPHA_SIZE], enum fog_draw_kind kind,
		       const struct fog_beacon *beacon, const u8 content[32])
{
	u8 *p = alpha;

	memcpy(p, LABEL, sizeof(LABEL));
	p += sizeof(LABEL);
	*p++ = (u8)kind;
	fog_store_u64(p, beacon->epoch);
	memcpy(p + 8, beacon->value, 32);
	memcpy(p + 40, content, 32);
}

static void u32_hash(struct fog_sha256 *s, u32 v)
{
	u8 bytes[4];

	fog_store_u32(bytes, v);
	fog_sha256_update(s, bytes, sizeof(bytes));
}

static void choice_alpha(const struct fog_choice *c, u8 alpha[ALPHA_SIZE])
{
	struct fog_sha256 s;
	u8 content[32];

	fog_sha256_init(&s);
	u32_hash(&s, c->wanted);
	u32_hash(&s, c->candidate_count);
	for (u32 i = 0; i < c->candidate_count; i++) {
		const struct fog_draw_candidate *k = &c->candidates[i];
		fog_sha256_update(&s, k->node_id, 32);
		fog_sha256_update(&s, k->net, 16);
		fog_sha256_update(&s, k->operator, 8);
		u32_hash(&s, k->as);
		u32_hash(&s, k->weight);
	}
	u32_hash(&s, c->former_count);
	for (u32 i = 0; i < c->former_count; i++)
		fog_sha256_update(&s, c->former[i], 32);
	fog_sha256_final(&s, content);
	alpha_make(alpha, c->kind, &c->beacon, content);
}

/* Of a lot nothing but kind, epoch and beacon: what else it depended on would be a choice. */
static void lot_alpha(const struct fog_lot *l, u8 alpha[ALPHA_SIZE])
{
	static const u8 nothing[32];

	alpha_make(alpha, l->kind, &l->beacon, nothing);
}

/* ---- choices -------------------------------------------------------------------------------- */

static int choice_check(const struct fog_choice *c)
{
	if ((c->kind != FOG_DRAW_NEIGHBOURS && c->kind != FOG_DRAW_RELAYS) || c->wanted == 0 ||
	    c->wanted > FOG_DRAW_CHOSEN_MAX || c->candidate_count > FOG_DRAW_CANDIDATES_MAX ||
	    c->former_count > FOG_DRAW_CHOSEN_MAX || c->beacon.epoch == 0 ||
	    (c->kind == FOG_DRAW_RELAYS && c->former_count != 0))
		return -EINVAL;
	for (u32 i = 0; i < c->candidate_count; i++) {
		const struct fog_draw_candidate *k = &c->candidates[i];
		if (k->weight < FOG_DRAW_WEIGHT_MIN || k->weight > FOG_DRAW_WEIGHT_MAX ||
		    memcmp(k->node_id, c->node_id, 32) == 0 ||
		    (i > 0 && memcmp(c->candidates[i - 1].node_id, k->node_id, 32) >= 0))
			return -EINVAL;
	}
	return 0;
}

static const struct fog_draw_candidate *candidate_find(const struct fog_choice *c, const u8 id[32])
{
	u32 low = 0, high = c->candidate_count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		int order = memcmp(c->candidates[middle].node_id, id, 32);
		if (order == 0)
			return &c->candidates[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_chosen(const struct fog_choice *c, const u8 id[32])
{
	for (u32 i = 0; i < c->chosen_count; i++)
		if (memcmp(c->chosen[i], id, 32) == 0)
			return true;
	return false;
}

/* Would it fit beside those already chosen? */
static bool is_diverse(const struct fog_choice *c, const struct fog_draw_candidate *k)
{
	u32 net = 0, as = 0, operators = 0;

	for (u32 i = 0; i < c->chosen_count; i++) {
		const struct fog_draw_candidate *o = candidate_find(c, c->chosen[i]);
		net += memcmp(o->net, k->net, 16) == 0;
		as += k->as != 0 && o->as == k->as;
		operators +=
			!fog_is_zero(k->operator, 8) && memcmp(o->operator, k->operator, 8) == 0;
	}
	return net < FOG_DRAW_NET_MAX && as < FOG_DRAW_AS_MAX && operators < FOG_DRAW_OPERATOR_MAX;
}

static void choose(struct fog_choice *c, const u8 id[32])
{
	memcpy(c->chosen[c->chosen_count++], id, 32);
}

/* One more; false when all are chosen. */
static bool choose_one(struct fog_choice *c, struct fog_rng *rng, bool diverse)
{
	u64 total = 0;

	for (u32 i = 0; i < c->candidate_count; i++) {
		const struct fog_draw_candidate *k = &c->candidates[i];
		if (!is_chosen(c, k->node_id) && (!diverse || is_diverse(c, k)))
			total += k->weight;
	}
	if (total == 0)
		return false;
	u64 at = fog_rng_below(rng, total);
	for (u32 i = 0; i < c->candidate_count; i++) {
		const struct fog_draw_candidate *k = &c->candidates[i];
		if (is_chosen(c, k->node_id) || (diverse && !is_diverse(c, k)))
			continue;
		if (at < k->weight) {
			choose(c, k->node_id);
			return true;
		}
		at -= k->weight;
	}
	FOG_UNREACHABLE();
}

/* Former neighbours that are still there stay, but for a quarter, drawn. */
static void former_keep(struct fog_choice *c, struct fog_rng *rng)
{
	u8 stay[FOG_DRAW_CHOSEN_MAX][32];
	u32 count = 0, leave;

	for (u32 i = 0; i < c->former_count; i++)
		if (candidate_find(c, c->former[i]) != NULL)
			memcpy(stay[count++], c->former[i], 32);
	leave = c->wanted / FOG_DRAW_REPLACE_PART;
	u32 gone = c->former_count - count; /* those that left count as well */
	leave = gone < leave ? leave - gone : 0;
	for (u32 i = 0; i < leave && count > 0; i++) {
		u32 k = (u32)fog_rng_below(rng, count);
		memmove(stay[k], stay[k + 1], (count - k - 1) * 32);
		count--;
	}
	for (u32 i = 0; i < count && c->chosen_count < c->wanted; i++)
		if (!is_chosen(c, stay[i]))
			choose(c, stay[i]);
}

static void choice_follow(struct fog_choice *c, const u8 beta[FOG_VRF_OUTPUT_SIZE])
{
	struct fog_rng rng;
	u8 seed[32];

	fog_hash_sha256(seed, beta, FOG_VRF_OUTPUT_SIZE);
	fog_rng_init(&rng, seed);
	c->chosen_count = c->relaxed = 0;
	former_keep(c, &rng);
	while (c->chosen_count < c->wanted) {
		if (choose_one(c, &rng, true))
			continue;
		if (!choose_one(c, &rng, false))
			break;
		c->relaxed++;
	}
	fog_rng_wipe(&rng);
}

int fog_choice_draw(struct fog_choice *c, const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 alpha[ALPHA_SIZE], beta[FOG_VRF_OUTPUT_SIZE];
	int rc = choice_check(c);

	if (rc != 0)
		return rc;
	choice_alpha(c, alpha);
	rc = fog_vrf_prove(FOG_VRF_ELL2, sk, alpha, sizeof(alpha), c->proof);
	if (rc == 0)
		rc = fog_vrf_proof_to_hash(FOG_VRF_ELL2, c->proof, FOG_VRF_PROOF_SIZE, beta);
	if (rc == 0)
		choice_follow(c, beta);
	return rc;
}

int fog_choice_verify(const struct fog_choice *c)
{
	u8 alpha[ALPHA_SIZE], beta[FOG_VRF_OUTPUT_SIZE];
	struct fog_choice again;
	int rc = choice_check(c);

	if (rc != 0)
		return rc;
	choice_alpha(c, alpha);
	rc = fog_vrf_verify(FOG_VRF_ELL2, c->node_id, alpha, sizeof(alpha), c->proof, beta);
	if (rc != 0)
		return rc;
	again = *c;
	choice_follow(&again, beta);
	if (again.chosen_count != c->chosen_count || again.relaxed != c->relaxed ||
	    memcmp(again.chosen, c->chosen, 32 * (size_t)c->chosen_count) != 0)
		return -EPROTO;
	return 0;
}

/* ---- lots ----------------------------------------------------------------------------------- */

static bool lot_valid(const struct fog_lot *l)
{
	return (l->kind == FOG_DRAW_COMMITTEE || l->kind == FOG_DRAW_MIX) && l->beacon.epoch != 0;
}

int fog_lot_draw(struct fog_lot *l, const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 alpha[ALPHA_SIZE];

	if (!lot_valid(l))
		return -EINVAL;
	lot_alpha(l, alpha);
	return fog_vrf_prove_batch(FOG_VRF_ELL2, sk, alpha, sizeof(alpha), l->proof);
}

void fog_lots_verify(const struct fog_lot *lots, u32 count, u8 (*beta)[FOG_VRF_OUTPUT_SIZE],
		     int *result)
{
	struct fog_vrf_item item[FOG_LOTS_CHECK_MAX];
	u8 alpha[FOG_LOTS_CHECK_MAX][ALPHA_SIZE];
	size_t size = (fog_vrf_memory_size(FOG_LOTS_CHECK_MAX) + 63) / 64 * 64;

	FOG_ASSERT(count > 0 && count <= FOG_LOTS_CHECK_MAX);
	void *memory = aligned_alloc(64, size);
	for (u32 i = 0; i < count; i++) {
		lot_alpha(&lots[i], alpha[i]);
		item[i] = (struct fog_vrf_item){.suite = FOG_VRF_ELL2,
						.pk = lots[i].node_id,
						.alpha = alpha[i],
						.len = ALPHA_SIZE,
						.proof = lots[i].proof,
						.beta = beta[i]};
		memset(beta[i], 0, FOG_VRF_OUTPUT_SIZE);
		result[i] = -ENOMEM;
	}
	if (memory != NULL)
		fog_vrf_verify_in(memory, FOG_LOTS_CHECK_MAX, item, count, result);
	free(memory);
	for (u32 i = 0; i < count; i++)
		if (!lot_valid(&lots[i])) {
			memset(beta[i], 0, FOG_VRF_OUTPUT_SIZE);
			result[i] = -EINVAL;
		}
}

bool fog_lot_selects(const u8 beta[FOG_VRF_OUTPUT_SIZE], u32 size, u32 weight, u64 total)
{
	FOG_ASSERT(total > 0 && weight <= total);
	/* ticket / 2^64 < size x weight / total */
	return fog_load_u64(beta) < ((unsigned __int128)size * weight << 64) / total;
}

u32 fog_mix_layer(u32 rank, u32 count)
{
	FOG_ASSERT(rank < count);
	return (u32)((u64)rank * FOG_DRAW_LAYERS / count);
}

/* ---- eclipse -------------------------------------------------------------------------------- */

void fog_eclipse_look(const struct fog_draw_candidate *n, u32 count, struct fog_eclipse *out)
{
	u32 most_net = 0, most_as = 0, most_operator = 0, low = 0;

	count = FOG_MIN(count, (u32)ECLIPSE_LOOK);
	*out = (struct fog_eclipse){.neighbours = count};
	if (count == 0)
		return;
	for (u32 i = 0; i < count; i++) {
		u32 net = 0, as = 0, operators = 0;
		bool first = true;
		for (u32 k = 0; k < count; k++) {
			bool same = memcmp(n[i].net, n[k].net, 16) == 0;
			net += same;
			first = first && !(same && k < i);
			as += n[i].as != 0 && n[i].as == n[k].as;
			operators += !fog_is_zero(n[i].operator, 8) &&
				     memcmp(n[i].operator, n[k].operator, 8) == 0;
		}
		most_net = FOG_MAX(most_net, net);
		most_as = FOG_MAX(most_as, as);
		most_operator = FOG_MAX(most_operator, operators);
		low += n[i].bad;
		out->nets += first;
	}
	out->net_ppm = (u32)((u64)most_net * PPM / count);
	out->as_ppm = (u32)((u64)most_as * PPM / count);
	out->operator_ppm = (u32)((u64)most_operator * PPM / count);
	out->low_ppm = (u32)((u64)low * PPM / count);
	out->suspected =
		count >= FOG_ECLIPSE_MIN &&
		(out->net_ppm >= FOG_ECLIPSE_GROUP_PPM || out->as_ppm >= FOG_ECLIPSE_GROUP_PPM ||
		 out->operator_ppm >= FOG_ECLIPSE_GROUP_PPM || out->low_ppm > FOG_ECLIPSE_LOW_PPM);
}
