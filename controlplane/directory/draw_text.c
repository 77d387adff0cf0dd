/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/draw_text.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

static const char *const source_names[] = {
	[FOG_BEACON_DERIVED] = "derived",
	[FOG_BEACON_QUORUM] = "quorum",
};

static json_t *hex_json(const u8 *data, size_t len)
{
	char hex[2 * FOG_VRF_BATCH_PROOF_SIZE + 1];

	FOG_ASSERT(2 * len < sizeof(hex));
	fog_hex_encode(data, len, hex, sizeof(hex));
	return json_string(hex);
}

static json_t *ids_json(const u8 (*ids)[32], u32 count)
{
	json_t *list = json_array();

	for (u32 i = 0; i < count; i++)
		json_array_append_new(list, hex_json(ids[i], 32));
	return list;
}

static json_t *head_json(enum fog_draw_kind kind, const struct fog_beacon *b, const u8 node_id[32],
			 const u8 *proof, size_t proof_size)
{
	return json_pack("{s:i, s:s, s:I, s:o, s:s, s:o, s:s, s:o}", "version", 1, "kind",
			 fog_draw_kind_name(kind), "epoch", (json_int_t)b->epoch, "beacon",
			 hex_json(b->value, 32), "beacon_source", source_names[b->source],
			 "node_id", hex_json(node_id, 32), "suite",
			 "ECVRF-EDWARDS25519-SHA512-ELL2", "proof", hex_json(proof, proof_size));
}

json_t *fog_choice_json(const struct fog_choice *c)
{
	json_t *o = head_json(c->kind, &c->beacon, c->node_id, c->proof, sizeof(c->proof));
	json_t *list = json_array();

	for (u32 i = 0; i < c->candidate_count; i++) {
		const struct fog_draw_candidate *k = &c->candidates[i];
		json_array_append_new(list, json_pack("[o, I, o, I, o]", hex_json(k->node_id, 32),
						      (json_int_t)k->weight, hex_json(k->net, 16),
						      (json_int_t)k->as, hex_json(k->operator, 8)));
	}
	json_object_set_new(o, "wanted", json_integer(c->wanted));
	json_object_set_new(o, "candidates", list);
	json_object_set_new(o, "former", ids_json(c->former, c->former_count));
	json_object_set_new(o, "chosen", ids_json(c->chosen, c->chosen_count));
	json_object_set_new(o, "relaxed", json_integer(c->relaxed));
	return o;
}

static json_t *lot_json(const struct fog_lot *l)
{
	return head_json(l->kind, &l->beacon, l->node_id, l->proof, sizeof(l->proof));
}

json_t *fog_committee_json(const struct fog_lot *l, const u8 beta[FOG_VRF_OUTPUT_SIZE], u32 size,
			   u32 weight, u64 total)
{
	json_t *o = lot_json(l);

	json_object_set_new(o, "size", json_integer(size));
	json_object_set_new(o, "weight", json_integer(weight));
	json_object_set_new(o, "total", json_integer((json_int_t)total));
	json_object_set_new(o, "selected",
			    json_boolean(fog_lot_selects(beta, size, weight, total)));
	return o;
}

json_t *fog_mix_json(const struct fog_lot *order, u32 count, u32 rank)
{
	json_t *o = lot_json(&order[rank]), *list = json_array();

	for (u32 i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("[o, o]", hex_json(order[i].node_id, 32),
						hex_json(order[i].proof, sizeof(order[i].proof))));
	json_object_set_new(o, "order", list);
	json_object_set_new(o, "layer", json_integer(fog_mix_layer(rank, count)));
	return o;
}

void fog_choice_digest(const struct fog_choice *c, u8 digest[32])
{
	struct fog_sha256 s;

	fog_sha256_init(&s);
	fog_sha256_update(&s, c->proof, sizeof(c->proof));
	fog_sha256_update(&s, c->chosen, 32 * (size_t)c->chosen_count);
	fog_sha256_final(&s, digest);
}

/* ---- reading: the first error sticks -------------------------------------------------------- */

struct reader {
	char *why;
	int rc;
};

static void fail(struct reader *r, int rc, const char *text)
{
	if (r->rc != 0)
		return;
	r->rc = rc;
	snprintf(r->why, FOG_DRAW_WHY_SIZE, "%s", text);
}

static void hex_read(struct reader *r, const json_t *v, u8 *out, size_t len)
{
	const char *hex = json_string_value(v);

	if (hex == NULL || json_string_length(v) != 2 * len || fog_hex_decode(hex, out, len) != 0)
		fail(r, -EINVAL, "a member wants hex digits");
}

static u64 number_read(struct reader *r, const json_t *v, u64 max)
{
	json_int_t n = json_integer_value(v);

	if (json_is_integer(v) && n >= 0 && (u64)n <= max)
		return (u64)n;
	fail(r, -EINVAL, "a number is missing or out of range");
	return 0;
}

static u32 ids_read(struct reader *r, const json_t *list, u8 (*ids)[32])
{
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > FOG_DRAW_CHOSEN_MAX) {
		fail(r, -EINVAL, "a list of hosts is missing or too long");
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		hex_read(r, json_array_get(list, i), ids[i], 32);
	return (u32)count;
}

static void beacon_read(struct reader *r, const json_t *o, const struct fog_beacon *known,
			struct fog_beacon *b)
{
	const char *source = json_string_value(json_object_get(o, "beacon_source"));
	struct fog_beacon derived;

	b->epoch = number_read(r, json_object_get(o, "epoch"), INT64_MAX);
	hex_read(r, json_object_get(o, "beacon"), b->value, 32);
	if (source != NULL && strcmp(source, "quorum") == 0)
		b->source = FOG_BEACON_QUORUM;
	else if (source != NULL && strcmp(source, "derived") == 0)
		b->source = FOG_BEACON_DERIVED;
	else
		fail(r, -EINVAL, "beacon_source wants derived or quorum");
	if (known == NULL && b->source == FOG_BEACON_DERIVED) {
		fog_beacon_derive(b->epoch, &derived);
		known = &derived;
	}
	if (known != NULL && (known->epoch != b->epoch || memcmp(known->value, b->value, 32) != 0))
		fail(r, -ESTALE, "this is not the beacon of that epoch");
}

static void candidates_read(struct reader *r, const json_t *list, struct fog_draw_candidate *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		struct fog_draw_candidate *k = &out[i];
		memset(k, 0, sizeof(*k));
		hex_read(r, json_array_get(e, 0), k->node_id, 32);
		k->weight = (u32)number_read(r, json_array_get(e, 1), FOG_DRAW_WEIGHT_MAX);
		hex_read(r, json_array_get(e, 2), k->net, 16);
		k->as = (u32)number_read(r, json_array_get(e, 3), UINT32_MAX);
		hex_read(r, json_array_get(e, 4), k->operator, 8);
	}
}

static void choice_verify(struct reader *r, const json_t *o, const struct fog_beacon *beacon,
			  struct fog_draw_verdict *out)
{
	const json_t *list = json_object_get(o, "candidates");
	struct fog_choice c = {.kind = out->kind};
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > FOG_DRAW_CANDIDATES_MAX) {
		fail(r, -EINVAL, "candidates is missing or too long");
		return;
	}
	struct fog_draw_candidate *candidates = malloc((count + 1) * sizeof(*candidates));
	if (candidates == NULL) {
		fail(r, -ENOMEM, "no memory");
		return;
	}
	beacon_read(r, o, beacon, &c.beacon);
	hex_read(r, json_object_get(o, "node_id"), c.node_id, 32);
	hex_read(r, json_object_get(o, "proof"), c.proof, FOG_VRF_PROOF_SIZE);
	c.wanted = (u32)number_read(r, json_object_get(o, "wanted"), FOG_DRAW_CHOSEN_MAX);
	c.relaxed = (u32)number_read(r, json_object_get(o, "relaxed"), FOG_DRAW_CHOSEN_MAX);
	c.former_count = ids_read(r, json_object_get(o, "former"), c.former);
	c.chosen_count = ids_read(r, json_object_get(o, "chosen"), c.chosen);
	candidates_read(r, list, candidates);
	c.candidates = candidates;
	c.candidate_count = (u32)count;
	if (r->rc == 0)
		r->rc = fog_choice_verify(&c);
	fog_choice_digest(&c, out->digest);
	free(candidates);
	out->epoch = c.beacon.epoch;
	out->source = c.beacon.source;
	memcpy(out->node_id, c.node_id, 32);
	out->candidates = c.candidate_count;
	out->chosen = c.chosen_count;
	out->relaxed = c.relaxed;
}

static void lot_read(struct reader *r, const json_t *o, const struct fog_beacon *beacon,
		     struct fog_draw_verdict *out, struct fog_lot *l)
{
	l->kind = out->kind;
	beacon_read(r, o, beacon, &l->beacon);
	hex_read(r, json_object_get(o, "node_id"), l->node_id, 32);
	hex_read(r, json_object_get(o, "proof"), l->proof, sizeof(l->proof));
	out->epoch = l->beacon.epoch;
	out->source = l->beacon.source;
	memcpy(out->node_id, l->node_id, 32);
}

static void committee_verify(struct reader *r, const json_t *o, const struct fog_beacon *beacon,
			     struct fog_draw_verdict *out)
{
	struct fog_lot l = {0};
	u8 beta[1][FOG_VRF_OUTPUT_SIZE];
	int rc = 0;

	lot_read(r, o, beacon, out, &l);
	u32 size = (u32)number_read(r, json_object_get(o, "size"), UINT32_MAX);
	u32 weight = (u32)number_read(r, json_object_get(o, "weight"), FOG_DRAW_WEIGHT_MAX);
	u64 total = number_read(r, json_object_get(o, "total"), INT64_MAX);
	out->selected = json_is_true(json_object_get(o, "selected"));
	if (total == 0 || weight > total)
		fail(r, -EINVAL, "weight and total make no sense");
	if (r->rc != 0)
		return;
	fog_lots_verify(&l, 1, beta, &rc);
	if (rc == 0 && fog_lot_selects(beta[0], size, weight, total) != out->selected)
		rc = -EPROTO;
	r->rc = rc;
}

/* One part of the order: every proof, and every beta above the one before. */
static void order_verify(struct reader *r, const struct fog_lot *lots, u32 count,
			 u8 last[FOG_VRF_OUTPUT_SIZE])
{
	u8 beta[FOG_LOTS_CHECK_MAX][FOG_VRF_OUTPUT_SIZE];
	int result[FOG_LOTS_CHECK_MAX];

	if (r->rc != 0 || count == 0)
		return;
	fog_lots_verify(lots, count, beta, result);
	for (u32 i = 0; i < count && r->rc == 0; i++) {
		if (result[i] != 0)
			fail(r, result[i], "the proof of a mix in the order is false");
		else if (memcmp(beta[i], last, sizeof(beta[i])) <= 0)
			fail(r, -EPROTO, "the mixes are not in the order of their lots");
		memcpy(last, beta[i], sizeof(beta[i]));
	}
}

static void mix_verify(struct reader *r, const json_t *o, const struct fog_beacon *beacon,
		       struct fog_draw_verdict *out)
{
	struct fog_lot own = {0}, part[FOG_LOTS_CHECK_MAX];
	u8 last[FOG_VRF_OUTPUT_SIZE] = {0};
	const json_t *list = json_object_get(o, "order");
	size_t count = json_array_size(list);
	u32 rank = UINT32_MAX, n = 0;

	lot_read(r, o, beacon, out, &own);
	out->layer = (u32)number_read(r, json_object_get(o, "layer"), FOG_DRAW_LAYERS - 1);
	if (count == 0 || count > FOG_DRAW_CANDIDATES_MAX)
		fail(r, -EINVAL, "order is missing or too long");
	for (size_t i = 0; r->rc == 0 && i < count; i++) {
		const json_t *e = json_array_get(list, i);
		part[n] = own;
		hex_read(r, json_array_get(e, 0), part[n].node_id, 32);
		hex_read(r, json_array_get(e, 1), part[n].proof, sizeof(own.proof));
		if (memcmp(part[n].node_id, own.node_id, 32) == 0 &&
		    memcmp(part[n].proof, own.proof, sizeof(own.proof)) == 0)
			rank = (u32)i;
		if (++n == FOG_LOTS_CHECK_MAX || i + 1 == count) {
			order_verify(r, part, n, last);
			n = 0;
		}
	}
	if (rank == UINT32_MAX)
		fail(r, -EPROTO, "the host is not in the order");
	else if (r->rc == 0 && fog_mix_layer(rank, (u32)count) != out->layer)
		r->rc = -EPROTO;
	out->mixes = (u32)count;
}

int fog_draw_document_verify(const json_t *o, const struct fog_beacon *beacon,
			     struct fog_draw_verdict *out, char why[FOG_DRAW_WHY_SIZE])
{
	struct reader r = {.why = why};
	const char *kind = json_string_value(json_object_get(o, "kind"));

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	if (json_integer_value(json_object_get(o, "version")) != 1)
		fail(&r, -EINVAL, "this is no draw of version 1");
	out->kind = kind != NULL ? fog_draw_kind_parse(kind) : 0;
	if (out->kind == 0)
		fail(&r, -EINVAL, "unknown kind of draw");
	if (r.rc != 0)
		return r.rc;
	if (out->kind == FOG_DRAW_NEIGHBOURS || out->kind == FOG_DRAW_RELAYS)
		choice_verify(&r, o, beacon, out);
	else if (out->kind == FOG_DRAW_COMMITTEE)
		committee_verify(&r, o, beacon, out);
	else
		mix_verify(&r, o, beacon, out);
	if (r.rc != 0 && why[0] == '\0')
		snprintf(why, FOG_DRAW_WHY_SIZE, "%s",
			 r.rc == -EBADMSG  ? "the proof is false"
			 : r.rc == -EPROTO ? "the proof is good, but another result follows from it"
					   : "the draw makes no sense");
	return r.rc;
}
