/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/quorum/validators.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define CAP_ROUNDS_MAX 4096 /* scaling one class at a time converges geometrically */
#define NO_CLASS       0xff

static const struct diversity {
	const char *name;
	u32 distinct[FOG_ATTRIBUTE_COUNT]; /* operator, AS, country, power region, TEE vendor */
	u32 members, per_as;
} profiles[] = {
	[FOG_PROFILE_NONE] = {"none", {0}, 0, 0},
	[FOG_PROFILE_BASIC] = {"basic", {0, 0, 2, 0, 0}, 0, 0},
	[FOG_PROFILE_ENHANCED] = {"enhanced", {0, 2, 2, 0, 0}, 3, 2},
	[FOG_PROFILE_GOLD] = {"gold", {0, 3, 2, 2, 2}, 3, 1},
};

const char *fog_attribute_name(enum fog_attribute a)
{
	static const char *const names[] = {"operator", "AS", "country", "power region",
					    "TEE vendor"};

	return names[a];
}

const char *fog_profile_name(enum fog_profile p)
{
	return profiles[p].name;
}

enum fog_profile fog_profile_parse(const char *name)
{
	for (unsigned i = FOG_PROFILE_NONE; i <= FOG_PROFILE_GOLD; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return i;
	return 0;
}

/* ---- masks ---------------------------------------------------------------------------------- */

int fog_validators_find(const struct fog_validators *s, const u8 node_id[32])
{
	for (u32 i = 0; i < s->count; i++)
		if (memcmp(s->v[i].node_id, node_id, 32) == 0)
			return (int)i;
	return -1;
}

u64 fog_validators_all(const struct fog_validators *s)
{
	return s->count == 64 ? ~0ull : (1ull << s->count) - 1;
}

u64 fog_validators_weight(const struct fog_validators *s, u64 mask)
{
	u64 sum = 0;

	for (mask &= fog_validators_all(s); mask != 0; mask &= mask - 1)
		sum += s->weight[__builtin_ctzll(mask)];
	return sum;
}

/* Values of attribute `a` in the mask; "unknown" is none. */
static u32 distinct(const struct fog_validators *s, enum fog_attribute a, u64 mask, u32 per,
		    u32 *members)
{
	u8 seen[FOG_VALIDATORS_MAX] = {0};
	u32 values = 0;

	*members = 0;
	for (; mask != 0; mask &= mask - 1) {
		u8 c = s->class_of[a][__builtin_ctzll(mask)];
		if (c == NO_CLASS || c == 0)
			continue;
		values += seen[c] == 0;
		*members += seen[c] < per;
		seen[c]++;
	}
	return values;
}

bool fog_validators_diverse(const struct fog_validators *s, u64 mask)
{
	const struct diversity *d = &profiles[s->rules.profile];
	u32 members;

	mask &= fog_validators_all(s);
	for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT; a++) {
		if (d->distinct[a] == 0)
			continue;
		if (distinct(s, a, mask, a == FOG_ATTRIBUTE_AS ? d->per_as : 0, &members) <
		    d->distinct[a])
			return false;
		if (a == FOG_ATTRIBUTE_AS && members < d->members)
			return false;
	}
	return true;
}

bool fog_validators_quorum(const struct fog_validators *s, u64 mask)
{
	return fog_validators_weight(s, mask) >= s->quorum && fog_validators_diverse(s, mask);
}

void fog_validators_explain(const struct fog_validators *s, u64 mask, char *out, size_t size)
{
	static const char *const plural[] = {"operators", "AS", "countries", "power regions",
					     "TEE vendors"};
	const struct diversity *d = &profiles[s->rules.profile];
	u64 weight = fog_validators_weight(s, mask);
	u32 members;
	size_t n = 0;

	out[0] = '\0';
	if (weight < s->quorum)
		n = (size_t)snprintf(out, size, "weight %llu of %llu", (unsigned long long)weight,
				     (unsigned long long)s->quorum);
	for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT && n < size; a++) {
		u32 have = distinct(s, a, mask & fog_validators_all(s), d->per_as, &members);
		if (have < d->distinct[a])
			n += (size_t)snprintf(out + n, size - n, "%s%u of %u %s", n ? "; " : "",
					      have, d->distinct[a], plural[a]);
		else if (a == FOG_ATTRIBUTE_AS && members < d->members)
			n += (size_t)snprintf(out + n, size - n,
					      "%s%u of %u members, counting %u of an AS",
					      n ? "; " : "", members, d->members, d->per_as);
	}
}

bool fog_validators_span(const struct fog_validators *s, u64 shown, char *why, size_t size)
{
	struct fog_validators *seen = malloc(sizeof(*seen));

	snprintf(why, size, "no memory");
	if (seen == NULL)
		return false;
	*seen = *s;
	for (u32 i = 0; i < s->count; i++)
		if ((shown >> i & 1) == 0)
			seen->class_of[FOG_ATTRIBUTE_TEE][i] = NO_CLASS;
	u64 all = fog_validators_all(s);
	bool spans = fog_validators_diverse(seen, all);
	fog_validators_explain(seen, all, why, size);
	free(seen);
	return spans;
}

/* ---- classes and weights -------------------------------------------------------------------- */

static const char *attribute_text(const struct fog_app_validator *v, enum fog_attribute a)
{
	switch (a) {
	case FOG_ATTRIBUTE_OPERATOR:
		return v->operator_name;
	case FOG_ATTRIBUTE_COUNTRY:
		return v->country;
	case FOG_ATTRIBUTE_POWER:
		return v->power_region;
	default:
		return v->tee_vendor;
	}
}

static bool attribute_same(const struct fog_app_validator *x, const struct fog_app_validator *y,
			   enum fog_attribute a)
{
	if (a == FOG_ATTRIBUTE_AS)
		return x->as == y->as;
	return strcmp(attribute_text(x, a), attribute_text(y, a)) == 0;
}

static bool attribute_known(const struct fog_app_validator *v, enum fog_attribute a)
{
	return a == FOG_ATTRIBUTE_AS ? v->as != 0 : attribute_text(v, a)[0] != '\0';
}

/* Class 0 is "unknown". */
static void classes_fill(struct fog_validators *s)
{
	for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT; a++) {
		u32 next = 1;
		for (u32 i = 0; i < s->count; i++) {
			u32 j = 0;
			if (!attribute_known(&s->v[i], a)) {
				s->class_of[a][i] = a == FOG_ATTRIBUTE_TEE ? NO_CLASS : 0;
				continue;
			}
			while (j < i && !attribute_same(&s->v[i], &s->v[j], a))
				j++;
			s->class_of[a][i] = j < i ? s->class_of[a][j] : (u8)next++;
		}
		s->class_count[a] = next;
	}
}

static u64 class_mask(const struct fog_validators *s, u32 a, u32 c)
{
	u64 mask = 0;

	for (u32 i = 0; i < s->count; i++)
		if (s->class_of[a][i] == c)
			mask |= 1ull << i;
	return mask;
}

/* Does this class leave its residual? */
static bool class_fits(const struct fog_validators *s, u64 weight, u64 total)
{
	u64 residual = total * s->rules.residual_ppm / 1000000;

	return 3 * (weight + residual) < total;
}

/* The heaviest class, single validators included. */
static u64 heaviest(const struct fog_validators *s, u64 *weight)
{
	u64 best = 0;

	*weight = 0;
	for (u32 i = 0; i < s->count; i++)
		if (s->weight[i] > *weight) {
			*weight = s->weight[i];
			best = 1ull << i;
		}
	for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT; a++)
		for (u32 c = 0; c < s->class_count[a]; c++) {
			u64 mask = class_mask(s, a, c), w = fog_validators_weight(s, mask);
			if (w > *weight) {
				*weight = w;
				best = mask;
			}
		}
	return best;
}

/* Make one class as heavy as it may be, given the others: the largest t with
 * 3 (t + r (rest + t)) < rest + t. */
static bool class_cap(struct fog_validators *s, u64 mask, u64 weight)
{
	u64 rest = s->total - weight, ppm3 = 3ull * s->rules.residual_ppm;
	u64 t = rest * (1000000 - ppm3) / (2000000 + ppm3);

	if (t == 0)
		return false;
	while (t > 0 && !class_fits(s, t, rest + t))
		t--;
	s->total = rest;
	for (u64 m = mask; m != 0; m &= m - 1) {
		u32 i = (u32)__builtin_ctzll(m);
		s->weight[i] = (u64)((unsigned __int128)s->weight[i] * t / weight);
		s->total += s->weight[i];
		if (s->weight[i] == 0)
			return false;
	}
	return true;
}

static void weights_scale(struct fog_validators *s)
{
	unsigned __int128 sum = 0;

	for (u32 i = 0; i < s->count; i++)
		sum += s->weight[i];
	s->total = 0;
	for (u32 i = 0; i < s->count; i++) {
		u64 w = (u64)((unsigned __int128)s->weight[i] * FOG_WEIGHT_SCALE / (u64)sum);
		s->weight[i] = FOG_MAX(w, 1ull);
		s->total += s->weight[i];
	}
}

static void weights_fill(struct fog_validators *s)
{
	u64 asked[FOG_VALIDATORS_MAX], mask, weight = 0;
	bool possible = true;

	for (u32 i = 0; i < s->count; i++)
		s->weight[i] = s->v[i].weight;
	weights_scale(s);
	memcpy(asked, s->weight, sizeof(asked));
	s->capped = false;
	for (u32 round = 0; possible && round < CAP_ROUNDS_MAX; round++) {
		mask = heaviest(s, &weight);
		if (class_fits(s, weight, s->total))
			break;
		s->capped = true;
		possible = class_cap(s, mask, weight);
		if (possible && s->total < FOG_WEIGHT_SCALE / 2)
			weights_scale(s);
	}
	heaviest(s, &weight);
	s->flagged = !possible || !class_fits(s, weight, s->total);
	if (s->flagged) { /* capping in vain would only move power about */
		s->capped = false;
		s->total = 0;
		for (u32 i = 0; i < s->count; i++)
			s->total += s->weight[i] = asked[i];
	}
	s->quorum = 2 * s->total / 3 + 1;
}

static void sort(struct fog_validators *s)
{
	for (u32 i = 1; i < s->count; i++)
		for (u32 j = i; j > 0 && memcmp(s->v[j].node_id, s->v[j - 1].node_id, 32) < 0;
		     j--) {
			struct fog_app_validator t = s->v[j];
			s->v[j] = s->v[j - 1];
			s->v[j - 1] = t;
		}
}

static int refuse(char *why, int rc, const char *text)
{
	if (why != NULL)
		snprintf(why, FOG_APP_WHY_SIZE, "%s", text);
	return rc;
}

int fog_validators_finish(struct fog_validators *s, char why[FOG_APP_WHY_SIZE])
{
	u8 bytes[FOG_VALIDATORS_SIZE_MAX];

	if (s->count == 0 || s->count > FOG_VALIDATORS_MAX)
		return refuse(why, -EINVAL, "a set has 1 to 64 validators");
	if (s->rules.profile < FOG_PROFILE_NONE || s->rules.profile > FOG_PROFILE_GOLD ||
	    s->rules.residual_ppm > FOG_RESIDUAL_PPM_MAX)
		return refuse(why, -EINVAL, "unknown profile or residual out of range");
	if (s->rules.epoch_ms == 0)
		s->rules.epoch_ms = FOG_QUORUM_EPOCH_MS;
	sort(s);
	for (u32 i = 0; i < s->count; i++) {
		if (s->v[i].weight == 0 || s->v[i].weight > FOG_WEIGHT_MAX)
			return refuse(why, -EINVAL, "a weight is 0 or too large");
		if (i > 0 && memcmp(s->v[i].node_id, s->v[i - 1].node_id, 32) == 0)
			return refuse(why, -EINVAL, "a validator is named twice");
	}
	classes_fill(s);
	weights_fill(s);
	fog_hash_sha256(s->hash, bytes, fog_validators_encode(s, bytes));
	if (!fog_validators_diverse(s, fog_validators_all(s)))
		return refuse(why, -ENOTSUP, "all together do not span the profile's diversity");
	if (s->rules.strict && s->flagged)
		return refuse(why, -ERANGE,
			      "some operator, AS, country, power region or TEE vendor holds a "
			      "third whatever the weights");
	return 0;
}

static int change_try(struct fog_validators *out, const struct fog_validators *s, u64 epoch,
		      const struct fog_app_rules *rules, const struct fog_app_validator *change,
		      u32 count, char why[FOG_APP_WHY_SIZE])
{
	int rc = 0;

	*out = *s;
	out->epoch = epoch;
	if (rules != NULL) {
		out->rules.profile = rules->profile;
		out->rules.epoch_ms = rules->epoch_ms;
	}
	for (u32 i = 0; i < count && rc == 0; i++) {
		int at = fog_validators_find(out, change[i].node_id);
		if (at >= 0)
			out->v[at] = out->v[--out->count];
		if (change[i].weight == 0)
			continue;
		if (out->count == FOG_VALIDATORS_MAX)
			rc = refuse(why, -ENOSPC, "more than 64 validators");
		else
			out->v[out->count++] = change[i];
	}
	return rc == 0 ? fog_validators_finish(out, why) : rc;
}

bool fog_validators_change(struct fog_validators *out, const struct fog_validators *s, u64 epoch,
			   const struct fog_app_rules *rules,
			   const struct fog_app_validator *change, u32 count,
			   char why[FOG_APP_WHY_SIZE])
{
	char again[FOG_APP_WHY_SIZE];

	if (rules != NULL && rules->profile == 0)
		rules = NULL;
	if (change_try(out, s, epoch, rules, change, count, why) == 0)
		return true;
	if (rules != NULL && change_try(out, s, epoch, NULL, change, count, again) == 0)
		return false;
	int rc = change_try(out, s, epoch, NULL, NULL, 0, again);
	FOG_ASSERT(rc == 0); /* it was lawful an epoch ago */
	return false;
}

void fog_validators_tolerance(const struct fog_validators *s, struct fog_tolerance *out)
{
	u64 all = fog_validators_all(s);

	memset(out, 0, sizeof(*out));
	out->weight = FOG_MIN(s->total - s->quorum, 2 * s->quorum - s->total - 1);
	for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT; a++)
		for (u32 c = 0; c < s->class_count[a]; c++) {
			u64 mask = class_mask(s, a, c);
			if (mask == 0)
				continue;
			struct fog_class_tolerance *t = &out->classes[out->class_count++];
			const struct fog_app_validator *v = &s->v[__builtin_ctzll(mask)];
			t->attribute = a;
			t->value = a == FOG_ATTRIBUTE_AS ? "" : attribute_text(v, a);
			t->as = a == FOG_ATTRIBUTE_AS ? v->as : 0;
			t->mask = mask;
			t->weight = fog_validators_weight(s, mask);
			t->residual = (i64)out->weight - (i64)t->weight;
			t->live = fog_validators_quorum(s, all & ~mask);
		}
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* version u32 | count u32 | epoch u64 | profile u8 | strict u8 | 0 u16 | residual u32 | epoch_ms
 * u64 | members */
u32 fog_validators_encode(const struct fog_validators *s, u8 out[FOG_VALIDATORS_SIZE_MAX])
{
	u8 *p = out + FOG_VALIDATORS_HEAD;

	memset(out, 0, FOG_VALIDATORS_HEAD);
	fog_store_u32(out, 2);
	fog_store_u32(out + 4, s->count);
	fog_store_u64(out + 8, s->epoch);
	out[16] = (u8)s->rules.profile;
	out[17] = s->rules.strict;
	fog_store_u32(out + 20, s->rules.residual_ppm);
	fog_store_u64(out + 24, s->rules.epoch_ms);
	for (u32 i = 0; i < s->count; i++) {
		const struct fog_app_validator *v = &s->v[i];
		memcpy(p, v->node_id, 32);
		memcpy(p + 32, v->control_pk, 32);
		memcpy(p + 64, v->address, 16);
		fog_store_u16(p + 80, v->port);
		fog_store_u64(p + 82, v->weight);
		fog_store_u32(p + 90, v->as);
		p += 94;
		for (u32 a = 0; a < FOG_ATTRIBUTE_COUNT; a++) {
			if (a == FOG_ATTRIBUTE_AS)
				continue;
			memset(p, 0, FOG_APP_ATTRIBUTE_SIZE);
			memcpy(p, attribute_text(v, a), strlen(attribute_text(v, a)));
			p += FOG_APP_ATTRIBUTE_SIZE;
		}
	}
	return (u32)(p - out);
}

static int text_take(const u8 *p, char *out)
{
	size_t len = strnlen((const char *)p, FOG_APP_ATTRIBUTE_SIZE);

	if (len == FOG_APP_ATTRIBUTE_SIZE)
		return -EBADMSG;
	for (size_t i = len; i < FOG_APP_ATTRIBUTE_SIZE; i++)
		if (p[i] != 0)
			return -EBADMSG;
	memcpy(out, p, FOG_APP_ATTRIBUTE_SIZE);
	return 0;
}

int fog_validators_decode(struct fog_validators *s, const u8 *data, u32 len)
{
	memset(s, 0, sizeof(*s));
	if (len < FOG_VALIDATORS_HEAD || fog_load_u32(data) != 2 || fog_load_u16(data + 18) != 0 ||
	    data[17] > 1)
		return -EBADMSG;
	s->count = fog_load_u32(data + 4);
	if (s->count > FOG_VALIDATORS_MAX ||
	    len != FOG_VALIDATORS_HEAD + s->count * FOG_VALIDATOR_SIZE)
		return -EBADMSG;
	s->epoch = fog_load_u64(data + 8);
	s->rules = (struct fog_validator_rules){data[16], fog_load_u32(data + 20), data[17],
						fog_load_u64(data + 24)};
	for (u32 i = 0; i < s->count; i++) {
		struct fog_app_validator *v = &s->v[i];
		const u8 *p = data + FOG_VALIDATORS_HEAD + i * FOG_VALIDATOR_SIZE;
		memcpy(v->node_id, p, 32);
		memcpy(v->control_pk, p + 32, 32);
		memcpy(v->address, p + 64, 16);
		v->port = fog_load_u16(p + 80);
		v->weight = fog_load_u64(p + 82);
		v->as = fog_load_u32(p + 90);
		p += 94;
		if (text_take(p, v->operator_name) != 0 ||
		    text_take(p + FOG_APP_ATTRIBUTE_SIZE, v->country) != 0 ||
		    text_take(p + 2 * FOG_APP_ATTRIBUTE_SIZE, v->power_region) != 0 ||
		    text_take(p + 3 * FOG_APP_ATTRIBUTE_SIZE, v->tee_vendor) != 0)
			return -EBADMSG;
		/* Canonical: sorted, or the hash would not be that of what was sent. */
		if (i > 0 && memcmp(s->v[i - 1].node_id, v->node_id, 32) >= 0)
			return -EBADMSG;
	}
	return fog_validators_finish(s, NULL);
}

void fog_validators_order(const struct fog_validators *s, const u8 seed[32],
			  u8 order[FOG_VALIDATORS_MAX])
{
	u8 block[40], hash[32];

	for (u32 i = 0; i < s->count; i++)
		order[i] = (u8)i;
	memcpy(block, seed, 32);
	for (u32 i = s->count; i > 1; i--) {
		fog_store_u64(block + 32, i);
		fog_hash_sha256(hash, block, sizeof(block));
		/* 64 bits for at most 64 values: the bias is below 2^-57. */
		u32 j = (u32)(fog_load_u64(hash) % i);
		u8 t = order[i - 1];
		order[i - 1] = order[j];
		order[j] = t;
	}
}
