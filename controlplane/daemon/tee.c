/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/tee.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/enclave.h"
#include "controlplane/daemon/trust.h"
#include "controlplane/executor/parts.h"
#include "controlplane/jobs/runtime.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define CHUNK (64 * 1024)
/* A result is asked for anew when this much of its life is over. */
#define RENEW_NUMBER 2
#define RENEW_OF     3

/* ---- our own programs ----------------------------------------------------------------------- */

static int file_hash(const char *path, u8 out[32])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	u8 *chunk = fd >= 0 ? malloc(CHUNK) : NULL;
	struct fog_sha256 s;
	ssize_t n = 0;

	if (chunk == NULL) {
		int rc = fd < 0 ? -errno : -ENOMEM;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	fog_sha256_init(&s);
	while ((n = read(fd, chunk, CHUNK)) > 0)
		fog_sha256_update(&s, chunk, (size_t)n);
	int rc = n < 0 ? -errno : 0;
	fog_sha256_final(&s, out);
	free(chunk);
	close(fd);
	return rc;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int fog_host_file_hash(const char *path, u8 out[32])
{
	static struct {
		char path[FOG_PART_SIZE];
		struct stat st;
		u8 digest[32];
	} seen[2 * FOG_PARTS_MAX]; /* a kernel may be followed by another */
	static u32 next;
	struct stat now;
	u32 i = 0;

	if (stat(path, &now) != 0)
		return -errno;
	while (i < FOG_ARRAY_COUNT(seen) && strcmp(seen[i].path, path) != 0)
		i++;
	if (i == FOG_ARRAY_COUNT(seen))
		i = next++ % FOG_ARRAY_COUNT(seen);
	else if (same_file(&seen[i].st, &now)) {
		memcpy(out, seen[i].digest, 32);
		return 0;
	}
	snprintf(seen[i].path, sizeof(seen[i].path), "%s", path);
	seen[i].st = now;
	int rc = file_hash(path, seen[i].digest);
	if (rc != 0)
		seen[i].path[0] = '\0';
	memcpy(out, seen[i].digest, 32);
	return rc;
}

static void component_add(struct fog_host_tee *t, const char *name, const char *path)
{
	struct fog_tee_component *c = &t->component[t->component_count];

	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(t->path[t->component_count], sizeof(t->path[0]), "%s", path);
	t->component_count++;
}

static void path_set(char *out, const char *dir, const char *name)
{
	snprintf(out, 512, "%.440s/%s", dir, name);
}

/* This process, fog-exec, and what fog-exec starts that lies beside it. */
static void components_find(struct fog_host *h)
{
	static const char *const helpers[] = {"fog-wasm", "fog-vm-init"};
	struct fog_host_tee *t = h->tee;
	char path[512], dir[512];

	snprintf(dir, sizeof(dir), "%s", h->config.worker_exec_path);
	if (dir[0] == '\0') {
		ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
		dir[n > 0 ? n : 0] = '\0';
	}
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	component_add(t, "fog-controlplane", "/proc/self/exe");
	path_set(path, dir, "fog-exec");
	component_add(t, "fog-exec",
		      h->config.worker_exec_path[0] != '\0' ? h->config.worker_exec_path : path);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(helpers); i++) {
		path_set(path, dir, helpers[i]);
		if (access(path, R_OK) == 0)
			component_add(t, helpers[i], path);
	}
}

/* A file that cannot be read counts as an empty one: nobody has that as a reference value. */
static void component_measure(struct fog_host_tee *t, u32 i)
{
	memset(&t->seen[i], 0, sizeof(t->seen[i]));
	(void)stat(t->path[i], &t->seen[i]);
	int rc = file_hash(t->path[i], t->component[i].sha256);

	if (rc == 0)
		return;
	memset(t->component[i].sha256, 0, 32);
	fog_log(FOG_LOG_WARNING, "tee", "cannot measure path=\"%s\" reason=\"%s\"", t->path[i],
		strerror(-rc));
}

static void on_platform(void *ctx, int rc, const char *text, const char *why)
{
	struct fog_host *h = ctx;
	struct fog_host_tee *t = h->tee;

	t->ready = rc == 0;
	if (rc != 0) {
		snprintf(t->about, sizeof(t->about), "%.200s", why);
		fog_log(FOG_LOG_ERROR, "tee", "nothing attests this host reason=\"%s\"", why);
	}
	fog_host_publish_soon(h);
}

/* What is attested must be what runs: from the change on, the former measurement is nowhere told.
 */
static void platform_record(struct fog_host *h)
{
	struct fog_host_tee *t = h->tee;

	fog_tee_platform(t->component, t->component_count, t->platform);
	int rc = fog_tee_attester_platform(t->attester, t->component, t->component_count,
					   on_platform, h);
	if (rc != 0)
		on_platform(h, rc, NULL, strerror(-rc));
}

static void platform_check(struct fog_host *h, u32 i)
{
	struct fog_host_tee *t = h->tee;
	u8 before[32];

	memcpy(before, t->component[i].sha256, 32);
	component_measure(t, i);
	if (memcmp(before, t->component[i].sha256, 32) == 0)
		return;
	t->changes++;
	fog_log(FOG_LOG_WARNING, "tee", "a program has changed name=%s", t->component[i].name);
	if (t->ready)
		platform_record(h);
	fog_enclaves_tick(h);
}

static void on_file(struct ev_loop *loop, struct ev_stat *w, int revents)
{
	struct fog_host *h = w->data;

	platform_check(h, (u32)(w - h->tee->watch));
}

/* ---- collateral -------------------------------------------------------------------------------
 */

/* What was found before may not hold any more: everybody is asked at once, and who does not answer
 * soon has lost his class. */
static void peers_recheck(struct fog_host *h)
{
	u64 end_s = fog_loop_now_ms(h->loop) / 1000 + FOG_HOST_TEE_RECHECK_S;

	for (u32 i = 0; i < FOG_HOST_TEE_SLOTS; i++) {
		struct fog_tee_peer *p = &h->tee->peer[i];
		p->next_ms = 0;
		if (p->known && p->ear.fault == FOG_TEE_VALID)
			p->ear.expires_s = FOG_MIN(p->ear.expires_s, end_s);
	}
}

/* A directory that is wrong leaves what there was, and is tried again at each look. */
static void collateral_read(struct fog_host *h)
{
	struct fog_host_tee *t = h->tee;
	struct fog_tee_collateral *fresh = NULL;
	u64 stamp = fog_tee_collateral_stamp(h->config.tee_collateral);
	char why[FOG_TEE_WHY_SIZE];

	if (stamp == t->collateral_stamp && t->collateral_why[0] == '\0')
		return;
	t->collateral_stamp = stamp;
	if (fog_tee_collateral_load(&fresh, h->config.tee_collateral, why) != 0) {
		if (strcmp(why, t->collateral_why) != 0)
			fog_log(FOG_LOG_ERROR, "tee", "collateral is not taken reason=\"%s\"", why);
		snprintf(t->collateral_why, sizeof(t->collateral_why), "%s", why);
		return;
	}
	t->collateral_why[0] = '\0';
	fog_tee_collateral_free(t->collateral);
	t->collateral = fresh;
	fog_log(FOG_LOG_NOTICE, "tee", "collateral was read path=\"%s\"", h->config.tee_collateral);
	peers_recheck(h);
}

/* What inotify cannot see, such as files over the network. */
static void on_monitor(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_host_tee *t = h->tee;

	for (u32 i = 1; i < t->component_count; i++) {
		struct stat now = {0};
		(void)stat(t->path[i], &now);
		if (!same_file(&now, &t->seen[i]))
			platform_check(h, i);
	}
	collateral_read(h);
	fog_enclaves_tick(h);
}

static void on_provider(void *ctx, int rc, const char *text, const char *why)
{
	struct fog_host *h = ctx;
	struct fog_host_tee *t = h->tee;

	snprintf(t->about, sizeof(t->about), "%.250s", rc == 0 ? text : why);
	if (rc != 0) {
		t->ready = false;
		fog_log(FOG_LOG_ERROR, "tee", "nothing attests this host reason=\"%s\"", why);
		return;
	}
	fog_log(FOG_LOG_NOTICE, "tee", "attested by provider=%s about=\"%s\"",
		fog_tee_kind_name(fog_tee_attester_kind(t->attester)), text);
	if (why[0] != '\0')
		fog_log(FOG_LOG_INFO, "tee", "not used: %s", why);
	platform_record(h);
}

void fog_host_tee_descriptor(const struct fog_host *h, struct fog_descriptor *d)
{
	const struct fog_host_tee *t = h->tee;

	if (t == NULL || !t->ready)
		return;
	enum fog_tee_kind kind = fog_tee_attester_kind(t->attester);
	snprintf(d->tee_vendor, sizeof(d->tee_vendor), "%s", fog_tee_vendor(kind));
	snprintf(d->tee_kind, sizeof(d->tee_kind), "%s", fog_tee_kind_name(kind));
	memcpy(d->tee_platform, t->platform, 32);
}

/* ---- others --------------------------------------------------------------------------------- */

/* The slot of a node; or the first that is free for it, NULL when none is. */
static struct fog_tee_peer *slot_find(const struct fog_host_tee *t, const u8 node[32])
{
	struct fog_tee_peer *freed = NULL;
	u32 at = fog_load_u32(node);

	_Static_assert((FOG_HOST_TEE_SLOTS & (FOG_HOST_TEE_SLOTS - 1)) == 0, "masked");
	for (u32 i = 0; i < FOG_HOST_TEE_SLOTS; i++) {
		struct fog_tee_peer *p = &t->peer[(at + i) & (FOG_HOST_TEE_SLOTS - 1)];
		if (p->slot == FOG_TEE_SLOT_LIVE && memcmp(p->node, node, 32) == 0)
			return p;
		if (p->slot != FOG_TEE_SLOT_LIVE && freed == NULL)
			freed = p;
		if (p->slot == FOG_TEE_SLOT_EMPTY)
			break;
	}
	return freed;
}

static struct fog_tee_peer *peer_find(const struct fog_host_tee *t, const u8 node[32])
{
	struct fog_tee_peer *p = t != NULL ? slot_find(t, node) : NULL;

	return p != NULL && p->slot == FOG_TEE_SLOT_LIVE ? p : NULL;
}

static struct fog_tee_peer *peer_make(struct fog_host *h, const u8 node[32])
{
	struct fog_host_tee *t = h->tee;
	struct fog_tee_peer *p = slot_find(t, node);

	if (p == NULL || p->slot == FOG_TEE_SLOT_LIVE)
		return p;
	if (t->peer_count == FOG_HOST_TEE_PEERS_MAX)
		return NULL;
	t->peer_count++;
	memset(p, 0, sizeof(*p));
	p->slot = FOG_TEE_SLOT_LIVE;
	p->host = h;
	memcpy(p->node, node, 32);
	return p;
}

/* ---- what outlives a restart ----------------------------------------------------------------- */

/* Under "tee:NODE": our platform then 32 | kind of what we gave it 4 | its digest 32 | token of
 * what we found, or nothing. */
#define KEPT_AT_KIND  32
#define KEPT_AT_GIVEN 36
#define KEPT_AT_TOKEN 68
#define KEPT_SIZE     (KEPT_AT_TOKEN + FOG_TEE_EAR_MAX)

static void kept_name(const u8 node[32], char name[72])
{
	char hex[65];

	fog_hex_encode(node, 32, hex, sizeof(hex));
	snprintf(name, 72, "tee:%s", hex);
}

static void peer_keep(struct fog_host *h, const struct fog_tee_peer *p)
{
	size_t len = p->token != NULL ? strlen(p->token) : 0;
	u8 data[KEPT_SIZE];
	char name[72];

	kept_name(p->node, name);
	memcpy(data, h->tee->platform, 32);
	fog_store_u32(data + KEPT_AT_KIND, p->given_kind);
	memcpy(data + KEPT_AT_GIVEN, p->given, 32);
	if (len != 0)
		memcpy(data + KEPT_AT_TOKEN, p->token, len);
	if (fog_store_set(h->store, name, data, KEPT_AT_TOKEN + len) != 0)
		fog_log(FOG_LOG_WARNING, "tee", "a result is not stored");
}

static void token_set(struct fog_tee_peer *p, const char *token)
{
	free(p->token);
	p->token = token != NULL ? strdup(token) : NULL;
}

/* A result of ours, by the policy and with the programs of now: else it is asked for anew. */
static void token_load(struct fog_host *h, struct fog_tee_peer *p, const char *token)
{
	u64 now_s = fog_loop_now_ms(h->loop) / 1000;
	char why[FOG_TEE_WHY_SIZE];
	struct fog_tee_ear ear;

	if (fog_tee_ear_verify(&ear, token, now_s, why) != 0 || ear.fault != FOG_TEE_VALID ||
	    memcmp(ear.verifier, h->id.node_id, 32) != 0 || memcmp(ear.node, p->node, 32) != 0 ||
	    memcmp(ear.policy, h->tee->policy.digest, 32) != 0)
		return;
	p->known = true;
	p->ear = ear;
	memcpy(p->platform, ear.platform, 32);
	memcpy(p->before, ear.evidence, 32);
	snprintf(p->why, sizeof(p->why), "%s", ear.why);
	token_set(p, token);
	p->next_ms = fog_monotonic_ms() + (ear.expires_s - now_s) * 1000 * RENEW_NUMBER / RENEW_OF;
	/* Something may have been revoked meanwhile. */
	if (h->config.tee_collateral[0] != '\0') {
		p->next_ms = 0;
		p->ear.expires_s = FOG_MIN(ear.expires_s, now_s + FOG_HOST_TEE_RECHECK_S);
	}
}

static void peer_load(struct fog_host *h, const u8 node[32])
{
	u8 data[KEPT_SIZE + 1];
	size_t len = 0;
	char name[72];

	kept_name(node, name);
	if (fog_store_get(h->store, name, data, KEPT_SIZE, &len) != 0 || len < KEPT_AT_TOKEN ||
	    memcmp(data, h->tee->platform, 32) != 0)
		return;
	struct fog_tee_peer *p = peer_make(h, node);
	if (p == NULL)
		return;
	p->given_kind = fog_load_u32(data + KEPT_AT_KIND);
	memcpy(p->given, data + KEPT_AT_GIVEN, 32);
	data[len] = '\0';
	token_load(h, p, (const char *)data + KEPT_AT_TOKEN);
}

static void peer_forget(struct fog_host_tee *t, const u8 node[32])
{
	struct fog_tee_peer *p = peer_find(t, node);

	/* A verdict on its way finds its place as it was. */
	if (p == NULL || p->asking)
		return;
	token_set(p, NULL);
	p->slot = FOG_TEE_SLOT_LEFT;
	t->peer_count--;
}

/* Good now: fresh, accepted, and of the programs that the host says it runs. */
static bool holds(const struct fog_host *h, const struct fog_tee_peer *p)
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, p->node);

	return p->known && p->ear.fault == FOG_TEE_VALID && s != NULL &&
	       fog_loop_now_ms(h->loop) / 1000 < p->ear.expires_s &&
	       memcmp(s->d.tee_platform, p->ear.platform, 32) == 0;
}

const struct fog_tee_ear *fog_host_attested(const struct fog_host *h, const u8 node[32])
{
	const struct fog_tee_peer *p = peer_find(h->tee, node);

	return p != NULL && holds(h, p) ? &p->ear : NULL;
}

bool fog_host_tee_shown(void *host, const u8 node[32], const char *vendor)
{
	const struct fog_host *h = host;
	const struct fog_tee_ear *ear = fog_host_attested(h, node);

	if (memcmp(node, h->id.node_id, 32) == 0)
		return strcmp(vendor, h->published.tee_vendor) == 0;
	return ear != NULL && strcmp(vendor, fog_tee_vendor(ear->kind)) == 0;
}

const struct fog_tee_ear *fog_host_tee_last(const struct fog_host *h, const u8 node[32],
					    const char **why)
{
	const struct fog_tee_peer *p = peer_find(h->tee, node);

	*why = p != NULL ? p->why : "";
	return p != NULL && p->known ? &p->ear : NULL;
}

bool fog_host_attested_by(const struct fog_host *h, const u8 node[32], const u8 evidence[32])
{
	const struct fog_tee_ear *ear = fog_host_attested(h, node);

	return ear != NULL && (memcmp(ear->evidence, evidence, 32) == 0 ||
			       memcmp(peer_find(h->tee, node)->before, evidence, 32) == 0);
}

bool fog_host_evidence_for(const struct fog_host *h, const u8 verifier[32], u8 digest[32],
			   u32 *kind)
{
	const struct fog_tee_peer *p = peer_find(h->tee, verifier);

	if (p == NULL || p->given_kind == FOG_TEE_NONE)
		return false;
	memcpy(digest, p->given, 32);
	*kind = p->given_kind;
	return true;
}

void fog_host_tee_given(struct fog_host *h, const u8 verifier[32], const u8 evidence[32], u32 kind)
{
	struct fog_tee_peer *p = peer_make(h, verifier);

	if (p == NULL)
		return;
	memcpy(p->given, evidence, 32);
	p->given_kind = kind;
	peer_keep(h, p);
}

/* A refusal of what could be checked is evidence against the host; silence is not. */
static void reputation_tell(struct fog_host *h, const struct fog_tee_ear *ear)
{
	if (ear->fault == FOG_TEE_KIND || ear->fault == FOG_TEE_CREDENTIAL ||
	    ear->fault == FOG_TEE_REFERENCE || ear->fault == FOG_TEE_COLLATERAL)
		return; /* honest, and not what we want; or we have no lists */
	(void)fog_host_observed_attestation(h, ear->node, ear->evidence,
					    ear->fault == FOG_TEE_VALID, ear->why);
}

void fog_host_tee_verdict(struct fog_host *h, const u8 node[32], const struct fog_tee_ear *ear,
			  const char *why)
{
	struct fog_host_tee *t = h->tee;
	struct fog_tee_peer *p = peer_make(h, node);
	u64 now_ms = fog_monotonic_ms();

	if (p == NULL)
		return;
	bool before = holds(h, p), good = ear != NULL && ear->fault == FOG_TEE_VALID;
	snprintf(p->why, sizeof(p->why), "%s", why);
	if (ear != NULL) {
		bool same = before && memcmp(p->ear.platform, ear->platform, 32) == 0;
		memcpy(p->before, same ? p->ear.evidence : ear->evidence, 32);
		p->known = true;
		p->ear = *ear;
		reputation_tell(h, ear);
		t->attested += good;
		t->refused += !good;
	}
	p->wait_ms = good ? 0
			  : FOG_MIN(FOG_MAX(2 * p->wait_ms, (u64)FOG_HOST_TEE_RETRY_MIN_MS),
				    (u64)FOG_HOST_TEE_RETRY_MAX_MS);
	p->next_ms =
		now_ms + (good ? (ear->expires_s - ear->issued_s) * 1000 * RENEW_NUMBER / RENEW_OF
			       : p->wait_ms);
	if (good != before)
		fog_log(FOG_LOG_NOTICE, "tee", "host=%02x%02x%02x%02x %s reason=\"%s\"", node[0],
			node[1], node[2], node[3],
			good ? "is attested" : "is not attested any more", why);
}

static void on_verdict(void *ctx, const struct fog_tee_ear *ear, const char *token, const char *why)
{
	struct fog_tee_peer *p = ctx;
	struct fog_host *h = p->host;

	h->tee->asks--;
	p->asking = false;
	fog_host_tee_verdict(h, p->node, ear, why);
	if (ear == NULL)
		return;
	token_set(p, ear->fault == FOG_TEE_VALID ? token : NULL);
	peer_keep(h, p);
}

static bool is_due(const struct fog_host *h, const struct fog_descriptor *d, struct fog_tee_peer *p)
{
	u64 now_ms = fog_monotonic_ms();

	if (p->asking)
		return false;
	/* What it tells has changed since it was asked: at once. */
	if (p->known && memcmp(d->tee_platform, p->platform, 32) != 0)
		return true;
	return now_ms >= p->next_ms;
}

static void ask(struct fog_host *h, const struct fog_descriptor *d)
{
	struct fog_host_tee *t = h->tee;
	enum fog_tee_kind kind = fog_tee_kind_parse(d->tee_kind);
	struct fog_tee_peer *p;

	if (t->asks >= FOG_HOST_TEE_ASKS_MAX || (t->policy.accept & 1u << kind) == 0 ||
	    kind == FOG_TEE_NONE || memcmp(d->node_id, h->id.node_id, 32) == 0)
		return;
	p = peer_make(h, d->node_id);
	if (p == NULL || !is_due(h, d, p))
		return;
	memcpy(p->platform, d->tee_platform, 32);
	int rc = fog_tee_ask(h, d, "", on_verdict, p);
	if (rc == 0) {
		p->asking = true;
		t->asks++;
	} else {
		fog_host_tee_verdict(h, d->node_id, NULL, strerror(-rc));
	}
}

static void on_look(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;

	for (u32 i = 0; i < fog_directory_count(h->directory); i++)
		ask(h, &fog_directory_at(h->directory, i)->d);
}

void fog_host_tee_directory(struct fog_host *h, const struct fog_descriptor *d, bool gone)
{
	struct fog_host_tee *t = h->tee;

	if (t == NULL)
		return;
	const struct fog_tee_peer *p = peer_find(t, d->node_id);
	if (gone)
		peer_forget(t, d->node_id);
	else if (p == NULL || !p->known || memcmp(d->tee_platform, p->ear.platform, 32) != 0)
		ask(h, d);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void policy_read(struct fog_host *h)
{
	struct fog_host_tee *t = h->tee;
	struct fog_tee_policy *fresh = malloc(sizeof(*fresh));
	char why[FOG_TEE_WHY_SIZE];

	if (fresh != NULL && fog_tee_policy_load(fresh, h->config.tee_policy, why) == 0) {
		t->policy = *fresh;
		t->policy_why[0] = '\0';
	} else {
		snprintf(t->policy_why, sizeof(t->policy_why), "%s",
			 fresh != NULL ? why : "no memory");
		fog_log(FOG_LOG_ERROR, "tee", "the policy is not taken reason=\"%s\"",
			t->policy_why);
	}
	free(fresh);
}

static int makers_read(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	const struct fog_config_list *l = &h->config.tee_tpm_makers;

	return fog_tee_makers_load(&h->tee->makers, (const char *const *)l->items, l->count, why);
}

static int attester_start(struct fog_host *h)
{
	struct fog_tee_provider_config c = {
		.provider = h->config.tee_provider,
		.tpm = h->config.tee_tpm,
		.pcr = (u32)h->config.tee_pcr,
		.tsm_dir = h->config.tee_tsm_dir,
		.certs = h->config.tee_certs,
	};

	return fog_tee_attester_start(&h->tee->attester, h->loop, &c, &h->id, on_provider, h);
}

static void timer_start(struct fog_host *h, struct ev_timer *w,
			void (*fn)(struct ev_loop *, struct ev_timer *, int), double seconds)
{
	ev_timer_init(w, fn, seconds, seconds);
	w->data = h;
	ev_timer_start(h->loop, w);
}

int fog_host_tee_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_host_tee *t = h->tee = calloc(1, sizeof(*t));

	_Static_assert(FOG_TEE_WHY_SIZE <= FOG_HOST_WHY_SIZE, "one buffer for both");
	snprintf(why, FOG_HOST_WHY_SIZE, "no memory");
	if (t == NULL || (t->peer = calloc(FOG_HOST_TEE_SLOTS, sizeof(*t->peer))) == NULL)
		return -ENOMEM;
	(void)fog_tee_policy_load(&t->policy, NULL, why); /* a bad file leaves the shipped one */
	policy_read(h);
	int rc = makers_read(h, why);
	if (rc != 0)
		return rc;
	t->enclave_store = "none";
	snprintf(t->about, sizeof(t->about), "what attests this host is being looked for");
	components_find(h);
	for (u32 i = 0; i < t->component_count; i++)
		component_measure(t, i);
	fog_tee_platform(t->component, t->component_count, t->platform);
	collateral_read(h);
	for (u32 i = 0; i < fog_directory_count(h->directory); i++)
		peer_load(h, fog_directory_at(h->directory, i)->d.node_id);
	/* The first is this process, whose program stays. */
	for (u32 i = 1; i < t->component_count; i++) {
		ev_stat_init(&t->watch[i], on_file, t->path[i], 0.0);
		t->watch[i].data = h;
		ev_stat_start(h->loop, &t->watch[i]);
	}
	timer_start(h, &t->look, on_look, FOG_HOST_TEE_LOOK_S);
	timer_start(h, &t->monitor, on_monitor, FOG_HOST_TEE_MONITOR_S);
	rc = fog_enclaves_start(h);
	if (rc == 0)
		rc = attester_start(h);
	if (rc == 0)
		fog_tee_talks_serve(h);
	return rc;
}

int fog_host_tee_restart(struct fog_host *h)
{
	return fog_tee_attester_reopen(h->tee->attester, on_provider, h);
}

void fog_host_tee_stop(struct fog_host *h)
{
	struct fog_host_tee *t = h->tee;

	if (t == NULL)
		return;
	fog_tee_attester_stop(t->attester);
	fog_tee_talks_stop(h);
	fog_enclaves_stop(h);
	for (u32 i = 1; i < t->component_count; i++)
		ev_stat_stop(h->loop, &t->watch[i]);
	ev_timer_stop(h->loop, &t->look);
	ev_timer_stop(h->loop, &t->monitor);
	fog_tee_makers_free(t->makers);
	fog_tee_collateral_free(t->collateral);
	for (u32 i = 0; i < FOG_HOST_TEE_SLOTS; i++)
		free(t->peer[i].token);
	free(t->peer);
	free(t);
	h->tee = NULL;
}

/* Another policy: what was found under the former one is found anew. */
void fog_host_tee_reload(struct fog_host *h)
{
	struct fog_host_tee *t = h->tee;
	u8 before[32];

	if (t == NULL)
		return;
	collateral_read(h);
	memcpy(before, t->policy.digest, 32);
	policy_read(h);
	if (memcmp(before, t->policy.digest, 32) == 0)
		return;
	for (u32 i = 0; i < FOG_HOST_TEE_SLOTS; i++) {
		t->peer[i].known = false;
		t->peer[i].next_ms = 0;
		token_set(&t->peer[i], NULL);
	}
}
