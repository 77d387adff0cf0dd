/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/directory.h"

#include <ctype.h>
#include <errno.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

/* Open addressing over indices into the dense array; at most half full. */
#define SLOTS (2 * FOG_DIRECTORY_HOSTS_MAX)
#define EMPTY 0u /* slots hold index + 1 */

struct fog_directory {
	u64 hash_key; /* random, so that nobody can choose colliding ids */
	u32 count;
	u32 slots[SLOTS];
	struct fog_signed_descriptor *hosts[FOG_DIRECTORY_HOSTS_MAX];
	struct fog_directory_counts counts;
	struct fog_store *store; /* NULL until loaded */
	fog_directory_changed_fn changed;
	void *ctx;
};

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "");

static u32 slot_of(const struct fog_directory *dir, const u8 node_id[32])
{
	u64 h = dir->hash_key;

	for (int i = 0; i < 32; i += 8) {
		h ^= fog_load_u64(node_id + i);
		h *= 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return (u32)h & (SLOTS - 1);
}

/* The slot that holds the id, or the empty one where it would go. */
static u32 slot_find(const struct fog_directory *dir, const u8 node_id[32])
{
	u32 i = slot_of(dir, node_id);

	while (dir->slots[i] != EMPTY &&
	       memcmp(dir->hosts[dir->slots[i] - 1]->d.node_id, node_id, 32) != 0)
		i = (i + 1) & (SLOTS - 1);
	return i;
}

/* Empty one slot and move up what probed past it. */
static void slot_clear(struct fog_directory *dir, u32 hole)
{
	u32 i = hole;

	for (;;) {
		dir->slots[hole] = EMPTY;
		for (;;) {
			i = (i + 1) & (SLOTS - 1);
			if (dir->slots[i] == EMPTY)
				return;
			u32 home = slot_of(dir, dir->hosts[dir->slots[i] - 1]->d.node_id);
			if (((i - home) & (SLOTS - 1)) >= ((i - hole) & (SLOTS - 1)))
				break;
		}
		dir->slots[hole] = dir->slots[i];
		hole = i;
	}
}

static void store_put(struct fog_directory *dir, const struct fog_signed_descriptor *s)
{
	if (dir->store == NULL)
		return;
	struct fog_stmt *q =
		fog_stmt(dir->store, "INSERT INTO descriptor(node_id, expires_ms, text, signature)"
				     " VALUES(?, ?, ?, ?) ON CONFLICT(node_id) DO UPDATE SET"
				     " expires_ms = excluded.expires_ms, text = excluded.text,"
				     " signature = excluded.signature");
	fog_bind_blob(q, s->d.node_id, 32);
	fog_bind_u64(q, s->d.expires_ms);
	fog_bind_blob(q, s->text, s->text_len);
	fog_bind_blob(q, s->signature, 64);
	/* A descriptor can be fetched again: losing one is not worth an error upwards. */
	if (fog_stmt_run(q) != 0)
		fog_log(FOG_LOG_WARNING, "directory", "descriptor not stored");
}

static void store_delete(struct fog_directory *dir, const u8 node_id[32])
{
	if (dir->store == NULL)
		return;
	struct fog_stmt *q = fog_stmt(dir->store, "DELETE FROM descriptor WHERE node_id = ?");
	fog_bind_blob(q, node_id, 32);
	if (fog_stmt_run(q) != 0)
		fog_log(FOG_LOG_WARNING, "directory", "descriptor not removed from the store");
}

static void notify(struct fog_directory *dir, enum fog_directory_change change,
		   const struct fog_signed_descriptor *s)
{
	if (dir->changed != NULL)
		dir->changed(dir->ctx, change, s);
}

int fog_directory_new(struct fog_directory **out)
{
	struct fog_directory *dir = calloc(1, sizeof(*dir));

	if (dir == NULL)
		return -ENOMEM;
	fog_random_bytes(&dir->hash_key, sizeof(dir->hash_key));
	*out = dir;
	return 0;
}

static void host_free(struct fog_signed_descriptor *s)
{
	fog_signed_descriptor_free(s);
	free(s);
}

void fog_directory_free(struct fog_directory *dir)
{
	if (dir == NULL)
		return;
	for (u32 i = 0; i < dir->count; i++)
		host_free(dir->hosts[i]);
	free(dir);
}

void fog_directory_on_change(struct fog_directory *dir, fog_directory_changed_fn fn, void *ctx)
{
	dir->changed = fn;
	dir->ctx = ctx;
}

/* Put a checked descriptor in; takes `s`. */
static int put(struct fog_directory *dir, struct fog_signed_descriptor *s)
{
	u32 slot = slot_find(dir, s->d.node_id);

	if (dir->slots[slot] != EMPTY) {
		u32 i = dir->slots[slot] - 1;
		struct fog_signed_descriptor *old = dir->hosts[i];
		if (s->d.sequence <= old->d.sequence)
			return -EALREADY;
		dir->hosts[i] = s;
		host_free(old);
		store_put(dir, s);
		notify(dir, FOG_DIRECTORY_UPDATED, s);
		return 0;
	}
	if (dir->count == FOG_DIRECTORY_HOSTS_MAX)
		return -ENOSPC;
	dir->hosts[dir->count++] = s;
	dir->slots[slot] = dir->count;
	store_put(dir, s);
	notify(dir, FOG_DIRECTORY_ADDED, s);
	return 0;
}

static void count_result(struct fog_directory *dir, int rc)
{
	if (rc == 0)
		dir->counts.accepted++;
	else if (rc == -EALREADY)
		dir->counts.stale++;
	else if (rc == -ENOSPC)
		dir->counts.full++;
	else
		dir->counts.refused++;
}

int fog_directory_offer(struct fog_directory *dir, const char *text, size_t len,
			const u8 signature[64], u64 now_ms, char why[FOG_DESCRIPTOR_WHY_SIZE])
{
	struct fog_signed_descriptor *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	int rc = fog_descriptor_accept(s, text, len, signature, now_ms, why);
	if (rc == 0)
		rc = put(dir, s);
	if (rc == -EALREADY)
		snprintf(why, FOG_DESCRIPTOR_WHY_SIZE, "not newer than the one known");
	if (rc == -ENOSPC)
		snprintf(why, FOG_DESCRIPTOR_WHY_SIZE, "the directory is full");
	count_result(dir, rc);
	if (rc != 0)
		host_free(s);
	return rc;
}

static void remove_at(struct fog_directory *dir, u32 i)
{
	struct fog_signed_descriptor *s = dir->hosts[i];
	u32 last = dir->count - 1;

	slot_clear(dir, slot_find(dir, s->d.node_id));
	if (i != last) {
		dir->slots[slot_find(dir, dir->hosts[last]->d.node_id)] = i + 1;
		dir->hosts[i] = dir->hosts[last];
	}
	dir->count--;
	store_delete(dir, s->d.node_id);
	notify(dir, FOG_DIRECTORY_REMOVED, s);
	host_free(s);
}

u32 fog_directory_expire(struct fog_directory *dir, u64 now_ms)
{
	u32 gone = 0;

	for (u32 i = dir->count; i-- > 0;) {
		if (dir->hosts[i]->d.expires_ms > now_ms)
			continue;
		remove_at(dir, i);
		gone++;
	}
	dir->counts.expired += gone;
	return gone;
}

u32 fog_directory_count(const struct fog_directory *dir)
{
	return dir->count;
}

const struct fog_signed_descriptor *fog_directory_at(const struct fog_directory *dir, u32 i)
{
	FOG_ASSERT(i < dir->count);
	return dir->hosts[i];
}

const struct fog_signed_descriptor *fog_directory_find(const struct fog_directory *dir,
						       const u8 node_id[32])
{
	u32 slot = slot_find(dir, node_id);

	return dir->slots[slot] != EMPTY ? dir->hosts[dir->slots[slot] - 1] : NULL;
}

static bool is_hex(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isdigit((unsigned char)*text) && (*text < 'a' || *text > 'f'))
			return false;
	return true;
}

int fog_directory_lookup(const struct fog_directory *dir, const char *text,
			 const struct fog_signed_descriptor **out)
{
	size_t len = strlen(text);
	bool prefix = len >= 4 && len <= 64 && is_hex(text);
	u32 matches = 0;
	char hex[65];

	for (u32 i = 0; i < dir->count; i++) {
		const struct fog_descriptor *d = &dir->hosts[i]->d;
		if (strcmp(d->name, text) != 0 &&
		    (!prefix || memcmp(fog_node_id_hex(d->node_id, hex), text, len) != 0))
			continue;
		*out = dir->hosts[i];
		matches++;
	}
	if (matches == 1)
		return 0;
	return matches == 0 ? -ENOENT : -EEXIST;
}

const struct fog_directory_counts *fog_directory_counts(const struct fog_directory *dir)
{
	return &dir->counts;
}

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE descriptor("
	    " node_id BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL,"
	    " text BLOB NOT NULL, signature BLOB NOT NULL) STRICT"},
};

int fog_directory_load(struct fog_directory *dir, struct fog_store *st, u64 now_ms,
		       char why[FOG_STORE_WHY_SIZE])
{
	char reason[FOG_DESCRIPTOR_WHY_SIZE];
	int rc = fog_store_migrate(st, "directory", migrations, FOG_ARRAY_COUNT(migrations), why);

	if (rc != 0)
		return rc;
	struct fog_stmt *q = fog_stmt(st, "DELETE FROM descriptor WHERE expires_ms <= ?");
	fog_bind_u64(q, now_ms);
	rc = fog_stmt_run(q);
	q = fog_stmt(st, "SELECT text, signature FROM descriptor");
	while (rc == 0 && (rc = fog_stmt_step(q)) == 1) {
		size_t len;
		u8 signature[64] = {0};
		const char *text = fog_column_blob(q, 0, &len);
		fog_column_copy(q, 1, signature, 64);
		rc = fog_directory_offer(dir, text, len, signature, now_ms, reason);
		if (rc != 0)
			fog_log(FOG_LOG_NOTICE, "directory",
				"stored descriptor refused reason=\"%s\"", reason);
		rc = 0;
	}
	if (rc != 0) {
		snprintf(why, FOG_STORE_WHY_SIZE, "reading the directory: %s", strerror(-rc));
		return rc;
	}
	dir->store = st;
	return 0;
}
