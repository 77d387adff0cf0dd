/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/state.h"

#include <errno.h>

#include "crypto/hash/hash.h"

static const struct {
	u32 size, id_size;
	const char *name;
} kinds[FOG_RECORD_COUNT] = {
#define X(name, type, id) [FOG_RECORD_##name] = {sizeof(type), id, #name},
	FOG_RECORDS(X)
#undef X
};

#define VALUE_MAX (FOG_RECORD_HEAD_SIZE + FOG_RECORD_ID_MAX + sizeof(struct fog_rec_validators))
_Static_assert(VALUE_MAX <= FOG_TREE_VALUE_MAX, "values fit the tree");

/* Of the journal: the key, whether there was a value, its length, then the value and at the end its
 * whole size again, so that it can be read backwards. */
struct entry {
	u8 key[FOG_TREE_KEY_SIZE];
	u32 had, len;
};

int fog_state_init(struct fog_state *s)
{
	memset(s, 0, sizeof(*s));
	s->tree = fog_tree_new();
	return s->tree != NULL ? 0 : -ENOMEM;
}

void fog_state_free(struct fog_state *s)
{
	fog_tree_free(s->tree);
	free(s->journal);
	memset(s, 0, sizeof(*s));
}

u32 fog_record_size(enum fog_record kind)
{
	return kind < FOG_RECORD_COUNT ? kinds[kind].size : 0;
}

u32 fog_record_id_size(enum fog_record kind)
{
	return kind < FOG_RECORD_COUNT ? kinds[kind].id_size : 0;
}

const char *fog_record_name(enum fog_record kind)
{
	return kind < FOG_RECORD_COUNT && kinds[kind].name != NULL ? kinds[kind].name : "?";
}

fog_u128 fog_record_money(enum fog_record kind, const void *body)
{
	const struct fog_rec_global *g = body;
	const struct fog_rec_validator *v = body;

	switch (kind) {
	case FOG_RECORD_GLOBAL:
		return (fog_u128)g->treasury + g->rewards;
	case FOG_RECORD_ACCOUNT:
		return ((const struct fog_rec_account *)body)->balance;
	case FOG_RECORD_VALIDATOR:
		return (fog_u128)v->tokens + v->rewards;
	case FOG_RECORD_UNBONDING:
		return ((const struct fog_rec_unbonding *)body)->amount;
	case FOG_RECORD_ESCROW:
		return ((const struct fog_rec_escrow *)body)->held;
	case FOG_RECORD_ORDER:
		return ((const struct fog_rec_order *)body)->locked;
	case FOG_RECORD_MINT:
		return ((const struct fog_rec_mint *)body)->backing;
	case FOG_RECORD_VOTER:
		return ((const struct fog_rec_voter *)body)->locked;
	default:
		return 0;
	}
}

void fog_record_key(enum fog_record kind, const void *id, u8 key[FOG_TREE_KEY_SIZE])
{
	u8 text[1 + FOG_RECORD_ID_MAX] = {(u8)kind};

	if (kinds[kind].id_size != 0)
		memcpy(text + 1, id, kinds[kind].id_size);
	fog_hash_blake2b(key, FOG_TREE_KEY_SIZE, NULL, 0, text, 1 + kinds[kind].id_size);
}

static u32 value_write(enum fog_record kind, const void *id, const void *body, u8 *out)
{
	u32 id_size = kinds[kind].id_size, size = kinds[kind].size;

	memset(out, 0, FOG_RECORD_HEAD_SIZE);
	out[0] = (u8)kind;
	out[1] = (u8)id_size;
	fog_store_u32(out + 4, size);
	if (id_size != 0)
		memcpy(out + FOG_RECORD_HEAD_SIZE, id, id_size);
	memcpy(out + FOG_RECORD_HEAD_SIZE + id_size, body, size);
	return FOG_RECORD_HEAD_SIZE + id_size + size;
}

int fog_record_read(const void *value, u32 len, enum fog_record *kind, const void **id,
		    const void **body)
{
	const u8 *p = value;

	if (len < FOG_RECORD_HEAD_SIZE || p[0] == 0 || p[0] >= FOG_RECORD_COUNT)
		return -EINVAL;
	u32 id_size = kinds[p[0]].id_size, size = kinds[p[0]].size;
	if (p[1] != id_size || fog_load_u16(p + 2) != 0 || fog_load_u32(p + 4) != size ||
	    len != FOG_RECORD_HEAD_SIZE + id_size + size)
		return -EINVAL;
	*kind = p[0];
	*id = p + FOG_RECORD_HEAD_SIZE;
	*body = p + FOG_RECORD_HEAD_SIZE + id_size;
	return 0;
}

static const void *body_find(const struct fog_state *s, enum fog_record kind, const void *id)
{
	u8 key[FOG_TREE_KEY_SIZE];
	u32 len;

	fog_record_key(kind, id, key);
	const u8 *value = fog_tree_get(s->tree, key, &len);
	return value != NULL ? value + FOG_RECORD_HEAD_SIZE + kinds[kind].id_size : NULL;
}

bool fog_state_get(const struct fog_state *s, enum fog_record kind, const void *id, void *out)
{
	const void *body = body_find(s, kind, id);

	if (body == NULL)
		memset(out, 0, kinds[kind].size);
	else
		memcpy(out, body, kinds[kind].size);
	return body != NULL;
}

bool fog_state_has(const struct fog_state *s, enum fog_record kind, const void *id)
{
	return body_find(s, kind, id) != NULL;
}

/* Notes what is there now. */
static bool journal_add(struct fog_state *s, const u8 *key, const void *value, u32 len)
{
	struct entry e = {.had = value != NULL, .len = len};
	size_t size = sizeof(e) + len + sizeof(u32);

	if (s->journal_len + size > s->journal_cap) {
		size_t cap = FOG_MAX(2 * s->journal_cap, s->journal_len + size + 65536);
		u8 *grown = realloc(s->journal, cap);
		if (grown == NULL) {
			s->error = -ENOMEM;
			return false;
		}
		s->journal = grown;
		s->journal_cap = cap;
	}
	u8 *at = s->journal + s->journal_len;
	memcpy(e.key, key, sizeof(e.key));
	memcpy(at, &e, sizeof(e));
	if (len != 0)
		memcpy(at + sizeof(e), value, len);
	fog_store_u32(at + sizeof(e) + len, (u32)size);
	s->journal_len += size;
	return true;
}

void fog_state_put(struct fog_state *s, enum fog_record kind, const void *id, const void *body)
{
	u8 key[FOG_TREE_KEY_SIZE], value[VALUE_MAX];
	u32 old_len = 0, len = value_write(kind, id, body, value);
	fog_u128 before = 0;

	if (s->error != 0)
		return;
	fog_record_key(kind, id, key);
	const u8 *old = fog_tree_get(s->tree, key, &old_len);
	if (old != NULL)
		before = fog_record_money(kind, old + FOG_RECORD_HEAD_SIZE + kinds[kind].id_size);
	if (!journal_add(s, key, old, old != NULL ? old_len : 0))
		return;
	s->error = fog_tree_put(s->tree, key, value, len);
	if (s->error == 0 && kind != FOG_RECORD_GLOBAL)
		s->held += fog_record_money(kind, body) - before;
}

void fog_state_delete(struct fog_state *s, enum fog_record kind, const void *id)
{
	u8 key[FOG_TREE_KEY_SIZE];
	u32 len;

	fog_record_key(kind, id, key);
	const u8 *old = fog_tree_get(s->tree, key, &len);
	if (s->error != 0 || old == NULL || !journal_add(s, key, old, len))
		return;
	s->held -= fog_record_money(kind, old + FOG_RECORD_HEAD_SIZE + kinds[kind].id_size);
	(void)fog_tree_delete(s->tree, key); /* it is there */
}

void fog_state_mark(const struct fog_state *s, struct fog_state_mark *out)
{
	out->journal_len = s->journal_len;
	out->global = s->global;
	out->held = s->held;
}

void fog_state_undo(struct fog_state *s, const struct fog_state_mark *mark)
{
	while (s->journal_len > mark->journal_len) {
		struct entry e;
		size_t size = fog_load_u32(s->journal + s->journal_len - sizeof(u32));
		const u8 *at = s->journal + s->journal_len - size;
		memcpy(&e, at, sizeof(e));
		/* Memory was there for it a moment ago, but a leaf of another size needs new. */
		if (!e.had)
			(void)fog_tree_delete(s->tree, e.key);
		else if (fog_tree_put(s->tree, e.key, at + sizeof(e), e.len) != 0)
			FOG_UNREACHABLE();
		s->journal_len -= size;
	}
	s->global = mark->global;
	s->held = mark->held;
	s->error = 0;
}

void fog_state_flush(struct fog_state *s)
{
	fog_state_put(s, FOG_RECORD_GLOBAL, NULL, &s->global);
}

void fog_state_commit(struct fog_state *s)
{
	s->journal_len = 0;
}

bool fog_state_conserved(const struct fog_state *s)
{
	return s->held + fog_record_money(FOG_RECORD_GLOBAL, &s->global) == s->global.issued;
}

bool fog_state_credit(struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 amount)
{
	struct fog_rec_account a;

	if (amount == 0)
		return true;
	fog_state_get(s, FOG_RECORD_ACCOUNT, account, &a);
	if (__builtin_add_overflow(a.balance, amount, &a.balance))
		return false;
	fog_state_put(s, FOG_RECORD_ACCOUNT, account, &a);
	return true;
}

bool fog_state_debit(struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 amount)
{
	struct fog_rec_account a;

	if (amount == 0)
		return true;
	if (!fog_state_get(s, FOG_RECORD_ACCOUNT, account, &a) || a.balance < amount)
		return false;
	a.balance -= amount;
	fog_state_put(s, FOG_RECORD_ACCOUNT, account, &a);
	return true;
}
