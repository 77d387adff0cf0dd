/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/access.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define CACHE_SLOTS 1024 /* callers remembered; one that meets another in its slot takes it */
#define KEY_PREFIX  "fogk_"

struct cached {
	enum fog_credential kind; /* 0: empty */
	u8 digest[32];            /* of its text */
	struct fog_claims claims;
};

struct fog_access {
	struct fog_store *store;
	const struct fog_identity *id;
	struct fog_jwt_keys keys;
	struct cached cache[CACHE_SLOTS];
};

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE credential("
	    "id TEXT PRIMARY KEY, kind INTEGER NOT NULL, subject TEXT NOT NULL, "
	    "scope INTEGER NOT NULL, tier INTEGER NOT NULL, issued_s INTEGER NOT NULL, "
	    "expires_s INTEGER NOT NULL, revoked_s INTEGER NOT NULL, digest BLOB);"
	    "CREATE INDEX credential_digest ON credential(digest);"},
};

/* ---- the secret ----------------------------------------------------------------------------- */

static int secret_fail(char why[FOG_ACCESS_WHY_SIZE], const char *path, const char *what, int rc)
{
	snprintf(why, FOG_ACCESS_WHY_SIZE, "%.180s: %s", path, what);
	return rc;
}

static int secret_make(const char *path, char why[FOG_ACCESS_WHY_SIZE])
{
	char hex[65];
	u8 bytes[32];

	fog_random_bytes(bytes, sizeof(bytes));
	fog_hex_encode(bytes, sizeof(bytes), hex, sizeof(hex));
	int rc = fog_file_create(path, hex, 64);
	fog_wipe(bytes, sizeof(bytes));
	fog_wipe(hex, sizeof(hex));
	return rc == 0 || rc == -EEXIST ? 0 : secret_fail(why, path, strerror(-rc), rc);
}

/* The file's bytes as they are, but for white space at the end. */
static int secret_read(struct fog_jwt_keys *keys, int fd, const char *path,
		       char why[FOG_ACCESS_WHY_SIZE])
{
	u8 bytes[FOG_JWT_SECRET_MAX + 1];
	struct stat st;
	ssize_t n = read(fd, bytes, sizeof(bytes));
	int rc = 0;

	while (n > 0 && strchr(" \r\n\t", bytes[n - 1]) != NULL)
		n--;
	if (fstat(fd, &st) != 0 || n < 0)
		rc = secret_fail(why, path, strerror(errno), -errno);
	else if ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
		rc = secret_fail(why, path, "others may read it; wants mode 0600 and our user",
				 -EPERM);
	else if (n < FOG_JWT_SECRET_MIN || n > FOG_JWT_SECRET_MAX)
		rc = secret_fail(why, path, "wants 32 to 128 bytes", -EINVAL);
	if (rc == 0) {
		memcpy(keys->secret, bytes, (size_t)n);
		keys->secret_len = (size_t)n;
	}
	fog_wipe(bytes, sizeof(bytes));
	return rc;
}

static int secret_load(struct fog_jwt_keys *keys, const char *state_dir, const char *file,
		       char why[FOG_ACCESS_WHY_SIZE])
{
	char path[4096];

	if (file[0] != '\0')
		snprintf(path, sizeof(path), "%s", file);
	else
		snprintf(path, sizeof(path), "%s/gateway.secret", state_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && file[0] == '\0') {
		int rc = secret_make(path, why);
		if (rc != 0)
			return rc;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return secret_fail(why, path, strerror(errno), -errno);
	int rc = secret_read(keys, fd, path, why);
	close(fd);
	return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

int fog_access_new(struct fog_access **out, struct fog_store *store, const struct fog_identity *id,
		   const char *state_dir, const char *secret_file, char *const *issuers,
		   u32 issuer_count, char why[FOG_ACCESS_WHY_SIZE])
{
	struct fog_access *a = calloc(1, sizeof(*a));
	int rc;

	why[0] = '\0';
	if (a == NULL)
		return -ENOMEM;
	a->store = store;
	a->id = id;
	memcpy(a->keys.issuer[a->keys.issuer_count++], id->node_id, 32);
	rc = secret_load(&a->keys, state_dir, secret_file, why);
	for (u32 i = 0; rc == 0 && i < issuer_count; i++)
		if (a->keys.issuer_count == FOG_JWT_ISSUERS_MAX ||
		    fog_hex_decode(issuers[i], a->keys.issuer[a->keys.issuer_count++], 32) != 0)
			rc = secret_fail(why, issuers[i], "wants a node id, at most 15 of them",
					 -EINVAL);
	if (rc == 0)
		rc = fog_store_migrate(store, "gateway", migrations, FOG_ARRAY_COUNT(migrations),
				       why);
	if (rc != 0) {
		fog_access_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void fog_access_free(struct fog_access *a)
{
	if (a == NULL)
		return;
	fog_wipe(a, sizeof(*a));
	free(a);
}

/* ---- issuing -------------------------------------------------------------------------------- */

static int room_make(struct fog_access *a, u64 now_s)
{
	struct fog_stmt *q = fog_stmt(a->store, "DELETE FROM credential WHERE expires_s <= ?");

	fog_bind_u64(q, now_s);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(a->store, "SELECT COUNT(*) FROM credential");
	rc = fog_stmt_step(q);
	i64 count = rc == 1 ? fog_column_int(q, 0) : 0;
	fog_stmt_reset(q);
	return rc < 0 ? rc : count >= FOG_ACCESS_ISSUED_MAX ? -ENOSPC : 0;
}

static int insert(struct fog_access *a, enum fog_credential kind, const struct fog_claims *c,
		  u64 revoked_s, const u8 *digest)
{
	struct fog_stmt *q = fog_stmt(
		a->store, "INSERT INTO credential(id, kind, subject, scope, tier, issued_s, "
			  "expires_s, revoked_s, digest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");

	fog_bind_text(q, c->id);
	fog_bind_int(q, kind);
	fog_bind_text(q, c->subject);
	fog_bind_int(q, c->scope);
	fog_bind_int(q, c->tier);
	fog_bind_u64(q, c->issued_s);
	fog_bind_u64(q, c->expires_s);
	fog_bind_u64(q, revoked_s);
	if (digest != NULL)
		fog_bind_blob(q, digest, 32);
	else
		fog_bind_null(q);
	return fog_stmt_run(q);
}

/* 32 random bytes, 43 characters; nobody guesses one, so a plain hash keeps it. */
static void key_make(char text[FOG_JWT_SIZE], u8 digest[32])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	u8 bytes[43];

	fog_random_bytes(bytes, sizeof(bytes));
	size_t used = strlen(KEY_PREFIX);
	memcpy(text, KEY_PREFIX, used);
	for (size_t i = 0; i < sizeof(bytes); i++)
		text[used++] = letters[bytes[i] & 63];
	text[used] = '\0';
	fog_hash_blake2b(digest, 32, NULL, 0, text, used);
	fog_wipe(bytes, sizeof(bytes));
}

int fog_access_issue(struct fog_access *a, enum fog_credential kind, bool eddsa, u64 now_s,
		     struct fog_claims *c, char text[FOG_JWT_SIZE])
{
	u8 random[8], digest[32];
	int rc = 0;

	if (c->subject[0] == '\0' || c->scope < FOG_SCOPE_READ || c->expires_s <= now_s ||
	    c->expires_s - now_s > FOG_ACCESS_LIFE_S_MAX)
		return -EINVAL;
	fog_random_bytes(random, sizeof(random));
	fog_hex_encode(random, sizeof(random), c->id, sizeof(c->id));
	c->issued_s = now_s;
	if (kind == FOG_CREDENTIAL_KEY)
		key_make(text, digest);
	else
		rc = fog_jwt_sign(c, &a->keys, eddsa ? a->id->sign_sk : NULL, text);
	if (rc == 0)
		rc = room_make(a, now_s);
	if (rc == 0)
		rc = insert(a, kind, c, 0, kind == FOG_CREDENTIAL_KEY ? digest : NULL);
	if (rc != 0)
		fog_wipe(text, FOG_JWT_SIZE);
	return rc;
}

int fog_access_revoke(struct fog_access *a, const char *id, u64 now_s)
{
	struct fog_claims c = {.expires_s = now_s + FOG_ACCESS_LIFE_S_MAX, .issued_s = now_s};

	if (id[0] == '\0' || strlen(id) >= sizeof(c.id))
		return -EINVAL;
	memset(a->cache, 0, sizeof(a->cache));
	struct fog_stmt *q = fog_stmt(a->store, "UPDATE credential SET revoked_s = ? WHERE id = ? "
						"AND revoked_s = 0");
	fog_bind_u64(q, now_s);
	fog_bind_text(q, id);
	int rc = fog_stmt_run(q);
	if (rc != 0 || fog_store_changes(a->store) != 0)
		return rc;
	rc = room_make(a, now_s);
	if (rc != 0)
		return rc;
	snprintf(c.id, sizeof(c.id), "%s", id);
	c.scope = FOG_SCOPE_NONE;
	rc = insert(a, FOG_CREDENTIAL_TOKEN, &c, now_s, NULL);
	return rc == -EEXIST ? 0 : rc; /* it was revoked before */
}

static void row_read(struct fog_stmt *q, struct fog_issued *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->claims.id, sizeof(out->claims.id), "%s", fog_column_text(q, 0));
	out->kind = (enum fog_credential)fog_column_int(q, 1);
	snprintf(out->claims.subject, sizeof(out->claims.subject), "%s", fog_column_text(q, 2));
	out->claims.scope = (enum fog_scope)fog_column_int(q, 3);
	out->claims.tier = (enum fog_rate_tier)fog_column_int(q, 4);
	out->claims.issued_s = fog_column_u64(q, 5);
	out->claims.expires_s = fog_column_u64(q, 6);
	out->revoked_s = fog_column_u64(q, 7);
}

int fog_access_list(struct fog_access *a, u64 now_s,
		    void (*each)(void *ctx, const struct fog_issued *issued), void *ctx)
{
	struct fog_issued issued;
	int rc = room_make(a, now_s);

	if (rc != 0 && rc != -ENOSPC)
		return rc;
	struct fog_stmt *q = fog_stmt(
		a->store, "SELECT id, kind, subject, scope, tier, issued_s, expires_s, revoked_s "
			  "FROM credential ORDER BY issued_s DESC, id");
	while ((rc = fog_stmt_step(q)) == 1) {
		row_read(q, &issued);
		each(ctx, &issued);
	}
	return rc;
}

/* ---- looking -------------------------------------------------------------------------------- */

static struct cached *slot_of(struct fog_access *a, const char *text, u8 digest[32])
{
	fog_hash_blake2b(digest, 32, NULL, 0, text, strlen(text));
	return &a->cache[fog_load_u32(digest) % CACHE_SLOTS];
}

static bool known(const struct cached *slot, enum fog_credential kind, const u8 digest[32],
		  u64 now_s)
{
	return slot->kind == kind && memcmp(slot->digest, digest, 32) == 0 &&
	       slot->claims.expires_s > now_s;
}

static int remember(struct cached *slot, enum fog_credential kind, const u8 digest[32],
		    const struct fog_claims *out)
{
	slot->kind = kind;
	memcpy(slot->digest, digest, 32);
	slot->claims = *out;
	return 0;
}

static int refuse(const char **why, const char *words)
{
	*why = words;
	return -EACCES;
}

int fog_access_token(struct fog_access *a, const char *token, u64 now_s, struct fog_claims *out,
		     const char **why)
{
	u8 digest[32];
	struct cached *slot = slot_of(a, token, digest);

	if (known(slot, FOG_CREDENTIAL_TOKEN, digest, now_s)) {
		*out = slot->claims;
		return 0;
	}
	if (fog_jwt_verify(token, &a->keys, now_s, out, why) != 0)
		return -EACCES;
	struct fog_stmt *q =
		fog_stmt(a->store, "SELECT 1 FROM credential WHERE id = ? AND revoked_s != 0");
	fog_bind_text(q, out->id);
	int rc = fog_stmt_step(q);
	fog_stmt_reset(q);
	if (rc != 0)
		return refuse(why,
			      rc == 1 ? "the token was revoked" : "tokens cannot be checked now");
	return remember(slot, FOG_CREDENTIAL_TOKEN, digest, out);
}

int fog_access_key(struct fog_access *a, const char *key, u64 now_s, struct fog_claims *out,
		   const char **why)
{
	u8 digest[32];
	struct fog_issued issued;

	if (strlen(key) >= FOG_ACCESS_KEY_SIZE)
		return refuse(why, "this is no API key of ours");
	struct cached *slot = slot_of(a, key, digest);
	if (known(slot, FOG_CREDENTIAL_KEY, digest, now_s)) {
		*out = slot->claims;
		return 0;
	}
	struct fog_stmt *q = fog_stmt(
		a->store, "SELECT id, kind, subject, scope, tier, issued_s, expires_s, revoked_s "
			  "FROM credential WHERE digest = ?");
	fog_bind_blob(q, digest, 32);
	int rc = fog_stmt_step(q);
	if (rc == 1)
		row_read(q, &issued);
	fog_stmt_reset(q);
	if (rc != 1)
		return refuse(why, rc == 0 ? "this is no API key of ours"
					   : "API keys cannot be checked now");
	if (issued.revoked_s != 0)
		return refuse(why, "the API key was revoked");
	if (issued.claims.expires_s <= now_s)
		return refuse(why, "the API key has expired");
	*out = issued.claims;
	return remember(slot, FOG_CREDENTIAL_KEY, digest, out);
}
