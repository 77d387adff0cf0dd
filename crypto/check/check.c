/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/check/check.h"

#include "crypto/check/bytes.h"
#include "crypto/curve/batch.h"
#include "crypto/merkle/merkle.h"
#include "crypto/random/random.h"
#include "crypto/vrf/vrf.h"
#include "crypto/zk/range.h"

#include <errno.h>

/* From this many range proofs on, one sum is faster than single checks. */
#define RANGE_LEAF 2

struct fog_checker {
	bool gens_ready;
	struct fog_range_gens gens;
	/* Its members serve the simpler kinds too. */
	struct fog_statement_verifier work;
	struct fog_statement statement;
	/* Of the kind under work: the items of it, and their places in the caller's list. */
	const struct fog_check *picked[FOG_CHECK_BATCH_MAX];
	i32 result[FOG_CHECK_BATCH_MAX];
	int answer[FOG_CHECK_BATCH_MAX];
	unsigned place[FOG_CHECK_BATCH_MAX];
	union {
		struct fog_sign_item sign[FOG_CHECK_BATCH_MAX];
		struct fog_vrf_item vrf[FOG_CHECK_BATCH_MAX];
	} item;
	_Alignas(64) u8 memory[]; /* of batch signatures and of batch VRF proofs, one at a time */
};

typedef void check_fn(struct fog_checker *c, unsigned count);

static void ed25519_run(struct fog_checker *c, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct fog_check *p = c->picked[i];

		c->result[i] = -EINVAL;
		if (p->len < FOG_SIGN_PUBLIC_SIZE + FOG_SIGN_SIZE)
			continue;
		c->item.sign[n] = (struct fog_sign_item){
			.pk = p->payload,
			.sig = p->payload + FOG_SIGN_PUBLIC_SIZE,
			.msg = p->payload + FOG_SIGN_PUBLIC_SIZE + FOG_SIGN_SIZE,
			.len = p->len - FOG_SIGN_PUBLIC_SIZE - FOG_SIGN_SIZE,
		};
		n++;
		c->result[i] = 0;
	}
	fog_sign_verify_in(c->memory, FOG_CHECK_BATCH_MAX, c->item.sign, n, c->answer);
	n = 0;
	for (unsigned i = 0; i < count; i++)
		if (c->result[i] == 0)
			c->result[i] = c->answer[n++];
}

/* 1 when the item waits for the batch, else 0 with its result written. */
static unsigned vrf_take(const struct fog_check *p, struct fog_vrf_item *item, i32 *result)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	u8 suite = fog_read_u8(&r), form = fog_read_u8(&r);
	const u8 *key = fog_read(&r, FOG_SIGN_PUBLIC_SIZE);
	size_t size = form == FOG_CHECK_VRF_BATCH ? FOG_VRF_BATCH_PROOF_SIZE : FOG_VRF_PROOF_SIZE;
	const u8 *proof = fog_read(&r, size);

	*result = -EINVAL;
	if (r.bad || (form != FOG_CHECK_VRF_BATCH && form != FOG_CHECK_VRF_PLAIN) ||
	    (suite != FOG_VRF_TAI && suite != FOG_VRF_ELL2))
		return 0;
	*item = (struct fog_vrf_item){
		.suite = suite, .pk = key, .alpha = r.at, .len = r.left, .proof = proof};
	if (form == FOG_CHECK_VRF_BATCH) {
		*result = 0;
		return 1;
	}
	int rc = fog_vrf_verify(suite, key, r.at, r.left, proof, NULL);
	*result = rc == 0 || rc == -EINVAL ? rc : -EBADMSG;
	return 0;
}

static void vrf_run(struct fog_checker *c, unsigned count)
{
	bool waits[FOG_CHECK_BATCH_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		waits[i] = vrf_take(c->picked[i], &c->item.vrf[n], &c->result[i]) != 0;
		n += waits[i];
	}
	fog_vrf_verify_in(c->memory, FOG_CHECK_BATCH_MAX, c->item.vrf, n, c->answer);
	n = 0;
	for (unsigned i = 0; i < count; i++)
		if (waits[i])
			c->result[i] = c->answer[n++];
}

static void gens_need(struct fog_checker *c)
{
	if (!c->gens_ready)
		fog_range_gens_init(&c->gens);
	c->gens_ready = true;
}

/* Adds one proof to the sum. 0, -EINVAL or -EBADMSG by its form. */
static int range_add(struct fog_checker *c, const struct fog_check *p)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	unsigned bits = fog_read_u8(&r), count = fog_read_u8(&r);
	size_t context_len = fog_read_u16(&r);
	const u8 *context = fog_read(&r, context_len);
	struct fog_merlin t;

	if (fog_range_proof_len(bits, count) == 0)
		return -EINVAL;
	const u8 *commitment = fog_read(&r, (size_t)count * FOG_RISTRETTO_SIZE);
	if (r.bad || context_len > FOG_CHECK_CONTEXT_MAX ||
	    r.left != fog_range_proof_len(bits, count))
		return -EINVAL;
	fog_check_transcript(&t, FOG_CHECK_RANGE, context, context_len);
	return fog_range_batch_add(&c->work.range, &t, r.at, r.left,
				   (const u8(*)[FOG_RISTRETTO_SIZE])commitment, bits, count);
}

static void range_begin(struct fog_checker *c)
{
	u8 random[FOG_MERLIN_RANDOM_SIZE];

	fog_random_bytes(random, sizeof(random));
	fog_range_batch_init(&c->work.range, &c->gens, random);
}

static bool range_holds(void *batch, unsigned first, unsigned count)
{
	struct fog_checker *c = batch;

	range_begin(c);
	for (unsigned i = first; i < first + count; i++)
		c->result[i] = range_add(c, c->picked[i]);
	return fog_range_batch_verify(&c->work.range) == 0;
}

/* The results are those of the adds: zero but for what was malformed. */
static void range_good(void *batch, unsigned first, unsigned count)
{
	(void)batch;
	(void)first;
	(void)count;
}

static void range_check(void *batch, unsigned first, unsigned count)
{
	struct fog_checker *c = batch;

	for (unsigned i = first; i < first + count; i++)
		if (!range_holds(c, i, 1))
			c->result[i] = -EBADMSG;
}

static void range_run(struct fog_checker *c, unsigned count)
{
	const struct fog_batch_solver solver = {
		.batch = c,
		.leaf = RANGE_LEAF,
		.holds = range_holds,
		.all_good = range_good,
		.check = range_check,
	};

	gens_need(c);
	fog_batch_solve(&solver, count);
}

static int sigma_statement(struct fog_reader *r, struct fog_sigma *s)
{
	unsigned secrets = fog_read_u8(r), equations = fog_read_u8(r);
	unsigned points = fog_read_u8(r), terms = fog_read_u8(r);

	if (r->bad || secrets > FOG_SIGMA_SECRETS_MAX || equations > FOG_SIGMA_EQUATIONS_MAX ||
	    points > FOG_SIGMA_POINTS_MAX || terms > FOG_SIGMA_TERMS_MAX)
		return -EINVAL;
	const u8 *target = fog_read(r, equations);
	const u8 *term = fog_read(r, 3 * (size_t)terms);
	const u8 *point = fog_read(r, (size_t)points * FOG_RISTRETTO_SIZE);
	if (r->bad)
		return -EINVAL;
	fog_sigma_init(s);
	s->secrets = (u8)secrets;
	for (unsigned i = 0; i < points; i++) {
		struct fog_ristretto p;

		if (fog_ristretto_decode(&p, point + (size_t)i * FOG_RISTRETTO_SIZE) != 0)
			return -EBADMSG;
		fog_sigma_point(s, &p);
	}
	for (unsigned i = 0; i < equations; i++) {
		if (target[i] >= points)
			return -EINVAL;
		fog_sigma_equation(s, target[i]);
	}
	for (unsigned i = 0; i < terms; i++, term += 3) {
		if (term[0] >= equations || term[1] >= secrets || term[2] >= points)
			return -EINVAL;
		fog_sigma_term(s, term[0], term[1], term[2]);
	}
	return 0;
}

static int sigma_check(struct fog_checker *c, const struct fog_check *p)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	unsigned branches = fog_read_u8(&r), zero = fog_read_u8(&r);
	size_t context_len = fog_read_u16(&r);
	const u8 *context = fog_read(&r, context_len);
	struct fog_merlin t;

	if (r.bad || zero != 0 || branches == 0 || branches > FOG_SIGMA_BRANCHES_MAX ||
	    context_len > FOG_CHECK_CONTEXT_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < branches; i++) {
		int rc = sigma_statement(&r, &c->work.branch[i]);

		if (rc != 0)
			return rc;
	}
	fog_check_transcript(&t, FOG_CHECK_SIGMA, context, context_len);
	return fog_sigma_verify(&t, c->work.branch, branches, r.at, r.left);
}

static void sigma_run(struct fog_checker *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		c->result[i] = sigma_check(c, c->picked[i]);
}

static int statement_check(struct fog_checker *c, const struct fog_check *p)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	size_t context_len = fog_read_u16(&r);
	const u8 *context = fog_read(&r, context_len);
	size_t statement_len = fog_read_u16(&r);
	const u8 *statement = fog_read(&r, statement_len);
	u8 random[FOG_MERLIN_RANDOM_SIZE];
	struct fog_merlin t;

	if (r.bad || context_len > FOG_CHECK_CONTEXT_MAX ||
	    fog_statement_decode(&c->statement, statement, statement_len) != 0)
		return -EINVAL;
	const u8 *commitment = fog_read(&r, (size_t)c->statement.attributes * FOG_RISTRETTO_SIZE);
	if (r.bad)
		return -EINVAL;
	gens_need(c);
	fog_random_bytes(random, sizeof(random));
	fog_check_transcript(&t, FOG_CHECK_STATEMENT, context, context_len);
	return fog_statement_verify(&c->work, &c->gens, &t, &c->statement,
				    (const u8(*)[FOG_RISTRETTO_SIZE])commitment, r.at, r.left,
				    random);
}

static void statement_run(struct fog_checker *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		c->result[i] = statement_check(c, c->picked[i]);
}

static int inclusion_check(const struct fog_check *p)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	const u8 *root = fog_read(&r, FOG_MERKLE_HASH_SIZE);
	u64 size = fog_read_u64(&r), index = fog_read_u64(&r);
	const u8 *leaf = fog_read(&r, FOG_MERKLE_HASH_SIZE);
	size_t count = r.left / FOG_MERKLE_HASH_SIZE;

	if (r.bad || r.left % FOG_MERKLE_HASH_SIZE != 0)
		return -EINVAL;
	return fog_merkle_inclusion_verify(
		root, size, index, leaf, (const u8(*)[FOG_MERKLE_HASH_SIZE])r.at, (unsigned)count);
}

static void inclusion_run(struct fog_checker *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		c->result[i] = inclusion_check(c->picked[i]);
}

static int consistency_check(const struct fog_check *p)
{
	struct fog_reader r = {.at = p->payload, .left = p->len};
	const u8 *old_root = fog_read(&r, FOG_MERKLE_HASH_SIZE);
	u64 old_size = fog_read_u64(&r);
	const u8 *new_root = fog_read(&r, FOG_MERKLE_HASH_SIZE);
	u64 new_size = fog_read_u64(&r);
	size_t count = r.left / FOG_MERKLE_HASH_SIZE;

	if (r.bad || r.left % FOG_MERKLE_HASH_SIZE != 0)
		return -EINVAL;
	return fog_merkle_consistency_verify(old_root, old_size, new_root, new_size,
					     (const u8(*)[FOG_MERKLE_HASH_SIZE])r.at,
					     (unsigned)count);
}

static void consistency_run(struct fog_checker *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		c->result[i] = consistency_check(c->picked[i]);
}

static u32 ed25519_cost(const u8 *payload, u32 len)
{
	(void)payload;
	return 4000 + 3 * len;
}

static u32 vrf_cost(const u8 *payload, u32 len)
{
	return len >= 2 && payload[1] == FOG_CHECK_VRF_BATCH ? 8000 : 70000;
}

static u32 range_cost(const u8 *payload, u32 len)
{
	return len < 2 ? 1 : 25000 + 800 * FOG_MIN((u32)payload[0] * payload[1], 1024u);
}

static u32 sigma_cost(const u8 *payload, u32 len)
{
	(void)payload;
	return 20000 + 400 * len;
}

static u32 statement_cost(const u8 *payload, u32 len)
{
	(void)payload;
	return 250000 + 300 * len;
}

static u32 merkle_cost(const u8 *payload, u32 len)
{
	(void)payload;
	return 200 + 8 * len;
}

static const struct method {
	const char *name;
	enum fog_check_kind kind;
	check_fn *run;
	u32 (*cost_ns)(const u8 *payload, u32 len);
} methods[] = {
	{"ed25519", FOG_CHECK_ED25519, ed25519_run, ed25519_cost},
	{"vrf", FOG_CHECK_VRF, vrf_run, vrf_cost},
	{"range", FOG_CHECK_RANGE, range_run, range_cost},
	{"sigma", FOG_CHECK_SIGMA, sigma_run, sigma_cost},
	{"statement", FOG_CHECK_STATEMENT, statement_run, statement_cost},
	{"merkle_inclusion", FOG_CHECK_MERKLE_INCLUSION, inclusion_run, merkle_cost},
	{"merkle_consistency", FOG_CHECK_MERKLE_CONSISTENCY, consistency_run, merkle_cost},
};

static const struct method *method_find(u16 kind)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(methods); i++)
		if (methods[i].kind == kind)
			return &methods[i];
	return NULL;
}

size_t fog_checker_size(void)
{
	return sizeof(struct fog_checker) + FOG_MAX(fog_sign_memory_size(FOG_CHECK_BATCH_MAX),
						    fog_vrf_memory_size(FOG_CHECK_BATCH_MAX));
}

struct fog_checker *fog_checker_init(void *memory)
{
	struct fog_checker *c = memory;

	FOG_ASSERT((uintptr_t)memory % 64 == 0);
	c->gens_ready = false;
	return c;
}

/* Gathers the items of one kind from at most FOG_CHECK_BATCH_MAX, runs them, puts results back. */
static void kind_run(struct fog_checker *c, const struct method *m, const struct fog_check *item,
		     unsigned count, i32 *result)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (item[i].kind != m->kind)
			continue;
		c->picked[n] = &item[i];
		c->place[n++] = i;
	}
	if (n == 0)
		return;
	m->run(c, n);
	for (unsigned i = 0; i < n; i++)
		result[c->place[i]] = c->result[i];
}

void fog_check_many(struct fog_checker *c, const struct fog_check *item, unsigned count,
		    i32 *result)
{
	for (unsigned done = 0; done < count; done += FOG_CHECK_BATCH_MAX) {
		unsigned n = FOG_MIN(count - done, (unsigned)FOG_CHECK_BATCH_MAX);

		for (unsigned i = done; i < done + n; i++)
			result[i] = -EOPNOTSUPP;
		for (unsigned m = 0; m < FOG_ARRAY_COUNT(methods); m++)
			kind_run(c, &methods[m], item + done, n, result + done);
	}
}

const char *fog_check_kind_name(u16 kind)
{
	const struct method *m = method_find(kind);

	return m == NULL ? NULL : m->name;
}

u32 fog_check_cost_ns(u16 kind, const u8 *payload, u32 len)
{
	const struct method *m = method_find(kind);

	return m == NULL ? 1 : m->cost_ns(payload, len);
}
