/* SPDX-License-Identifier: BSD-3-Clause */
/* Audit of all records, and their way to other hosts and back. */
#include <errno.h>

#include "controlplane/ledger/engine.h"

/* What is said twice in the state, counted from the records. */
struct tally {
	fog_u128 money, vote_locked;
	u64 unbondings;
	bool global;
};

static const char *record_audit(const u8 *key, const void *value, u32 len, struct tally *t)
{
	u8 expected[FOG_TREE_KEY_SIZE];
	enum fog_record kind;
	const void *id, *body;

	if (fog_record_read(value, len, &kind, &id, &body) != 0)
		return "a record is malformed";
	fog_record_key(kind, id, expected);
	if (memcmp(expected, key, sizeof(expected)) != 0)
		return "a record is not where it belongs";
	t->money += fog_record_money(kind, body);
	t->global = t->global || kind == FOG_RECORD_GLOBAL;
	t->unbondings += kind == FOG_RECORD_UNBONDING;
	if (kind == FOG_RECORD_VOTER)
		t->vote_locked += fog_record_money(kind, body);
	return NULL;
}

int fog_chain_audit(const struct fog_chain *c, const char **why)
{
	const struct fog_rec_global *g = &c->s.global;
	u8 key[FOG_TREE_KEY_SIZE];
	struct tally t = {0};
	const void *value;
	u32 len;

	*why = NULL;
	for (bool first = true;
	     *why == NULL && fog_tree_next(c->s.tree, first ? NULL : key, key, &value, &len);
	     first = false)
		*why = record_audit(key, value, len, &t);
	if (*why == NULL && !t.global)
		*why = "the state has no global record";
	if (*why == NULL && t.money != g->issued)
		*why = "the money in all records is not what was issued";
	if (*why == NULL && !fog_state_conserved(&c->s))
		*why = "the running sum of money is not what was issued";
	if (*why == NULL && t.unbondings != g->unbonding_next - g->unbonding_head)
		*why = "the queue of unbondings has gaps";
	if (*why == NULL && t.vote_locked != g->vote_locked)
		*why = "the votes locked are not what voters locked";
	return *why == NULL ? 0 : -EUCLEAN;
}

int fog_chain_snapshot(const struct fog_chain *c, const u8 *after, u8 last[32], u8 *out, size_t cap,
		       size_t *len)
{
	u8 key[FOG_TREE_KEY_SIZE];
	const void *value;
	u32 size;

	*len = 0;
	if (cap < FOG_CHAIN_CHUNK_MIN)
		return -ENOSPC;
	while (fog_tree_next(c->s.tree, after, key, &value, &size)) {
		if (*len + 4 + size > cap)
			return 1;
		fog_store_u32(out + *len, size);
		memcpy(out + *len + 4, value, size);
		*len += 4 + size;
		memcpy(last, key, FOG_TREE_KEY_SIZE);
		after = last;
	}
	return 0;
}

int fog_chain_restore(struct fog_chain *c, const u8 *data, size_t len)
{
	size_t at = 0;

	while (at != len) {
		enum fog_record kind;
		const void *id, *body;
		_Alignas(8) u8 aligned[sizeof(struct fog_rec_validators)];
		if (len - at < 4 || fog_load_u32(data + at) > len - at - 4)
			return -EINVAL;
		u32 size = fog_load_u32(data + at);
		if (fog_record_read(data + at + 4, size, &kind, &id, &body) != 0 ||
		    fog_state_has(&c->s, kind, id))
			return -EINVAL;
		memcpy(aligned, body, fog_record_size(kind));
		fog_state_put(&c->s, kind, id, aligned);
		if (kind == FOG_RECORD_GLOBAL)
			memcpy(&c->s.global, aligned, sizeof(c->s.global));
		fog_state_commit(&c->s);
		if (c->s.error != 0)
			return c->s.error;
		at += 4 + size;
	}
	return 0;
}

int fog_chain_restored(struct fog_chain *c, const u8 root[32])
{
	u8 mine[32];
	const char *why;

	fog_tree_root(c->s.tree, mine);
	if (memcmp(mine, root, sizeof(mine)) != 0)
		return -EBADMSG;
	return fog_chain_audit(c, &why);
}
