/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/sim/quorum_bed.h"

#include <errno.h>
#include <stdarg.h>

#include "crypto/hash/hash.h"

#define STATUS_MS  200
#define CHECKS_MAX 4096
#define OP_SIZE    8

void bed_fail(struct bed *b, const char *format, ...)
{
	va_list args;

	printf("\nseed %llu, time %llu ms: ", (unsigned long long)b->seed,
	       (unsigned long long)(b->now_ms - BED_START_MS));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n1 failed\n");
	exit(1);
}

u64 bed_below(struct bed *b, u64 bound)
{
	return fog_rng_below(&b->rng, bound);
}

/* ---- cheap keys: a signature is a hash with the public key ------------------------------------
 */

static void tag(const char *what, const u8 key[32], const void *message, u32 len, u8 out[64])
{
	fog_hash_blake2b(out, 64, key, 32, message, len);
	out[0] ^= (u8)what[0];
}

static void on_sign(void *context, const void *message, u32 len, u8 signature[64])
{
	struct bed_node *n = context;

	tag("s", n->node_id, message, len, signature);
}

static int on_verify(void *context, const u8 key[32], const void *message, u32 len,
		     const u8 signature[64])
{
	u8 want[64];

	tag("s", key, message, len, want);
	return memcmp(want, signature, 64) == 0 ? 0 : -EBADMSG;
}

static int on_vrf_prove(void *context, const u8 alpha[32], u8 proof[FOG_VRF_SIZE])
{
	struct bed_node *n = context;

	memset(proof, 0, FOG_VRF_SIZE);
	tag("v", n->node_id, alpha, 32, proof);
	return 0;
}

static int on_vrf_verify(void *context, const u8 key[32], const u8 alpha[32],
			 const u8 proof[FOG_VRF_SIZE], u8 beta[64])
{
	tag("v", key, alpha, 32, beta);
	return memcmp(beta, proof, 64) == 0 ? 0 : -EBADMSG;
}

static int on_past_set(void *context, u64 epoch, struct fog_validators *out)
{
	const struct bed *b = ((struct bed_node *)context)->bed;

	if (epoch >= BED_EPOCHS_MAX || b->sets[epoch] == NULL)
		return -ENOENT;
	*out = *b->sets[epoch];
	return 0;
}

static void set_keep(struct bed *b, const struct fog_validators *s)
{
	if (s->epoch >= BED_EPOCHS_MAX)
		bed_fail(b, "more epochs than a run should need");
	if (b->sets[s->epoch] != NULL)
		return;
	b->sets[s->epoch] = malloc(sizeof(*s));
	*b->sets[s->epoch] = *s;
}

static bool on_accept(void *context, const struct fog_block *b)
{
	for (u32 i = 0; i < b->header.tx_count; i++)
		if (b->tx[i].len != OP_SIZE)
			return false;
	return true;
}

static u32 on_payload(void *context, struct fog_block *const *up, u32 count, u64 time_ms,
		      const struct fog_app_bytes **tx)
{
	static struct fog_app_bytes out[BED_OPS_MAX];
	static u64 ids[BED_OPS_MAX];
	struct bed_node *n = context;
	bool used[BED_OPS_MAX] = {false};
	u32 k = 0;

	for (u32 i = 0; i < count; i++)
		for (u32 j = 0; j < up[i]->header.tx_count; j++)
			used[fog_load_u64(up[i]->tx[j].data) % BED_OPS_MAX] = true;
	for (u32 i = 0; i < n->pool_count && k < 64; i++) {
		if (used[n->pool[i]])
			continue;
		ids[k] = n->pool[i];
		out[k] = (struct fog_app_bytes){(u8 *)&ids[k], OP_SIZE};
		k++;
	}
	*tx = out;
	return k;
}

/* ---- disk ------------------------------------------------------------------------------------ */

static void record_free(struct bed_record *r)
{
	free(r->data);
	fog_block_unref(r->block);
}

static void disk_append(struct bed_node *n, struct bed_record r)
{
	if (n->disk_count == n->disk_cap) {
		n->disk_cap = FOG_MAX(256u, 2 * n->disk_cap);
		n->disk = realloc(n->disk, n->disk_cap * sizeof(r));
		FOG_ASSERT(n->disk != NULL);
	}
	n->disk[n->disk_count++] = r;
}

/* A persistence point: the node may die before, in the middle of, or after the sync. */
static bool disk_sync(struct bed_node *n)
{
	if (n->disk_synced == n->disk_count)
		return true;
	n->points++;
	if (n->crash_at != 0 && n->points >= n->crash_at) {
		u32 left = n->disk_count - n->disk_synced;
		n->crash_at = 0;
		/* Some prefix of what was written arrived. */
		n->disk_synced += (u32)bed_below(n->bed, left + 1);
		if (n->loses) {
			n->loses = false;
			n->disk_synced = 0;
			n->observes = !n->byzantine;
			n->bed->losses++;
		}
		bed_node_crash(n, 50 + bed_below(n->bed, 3000));
		return false;
	}
	n->disk_synced = n->disk_count;
	return true;
}

/* ---- network --------------------------------------------------------------------------------- */

static bool packet_before(const struct bed_packet *a, const struct bed_packet *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_push(struct bed *b, struct bed_packet p)
{
	if (b->heap_count == b->heap_cap) {
		b->heap_cap = FOG_MAX(1024u, 2 * b->heap_cap);
		b->heap = realloc(b->heap, b->heap_cap * sizeof(p));
		FOG_ASSERT(b->heap != NULL);
	}
	u32 i = b->heap_count++;
	for (; i > 0 && packet_before(&p, &b->heap[(i - 1) / 2]); i = (i - 1) / 2)
		b->heap[i] = b->heap[(i - 1) / 2];
	b->heap[i] = p;
}

static struct bed_packet heap_pop(struct bed *b)
{
	struct bed_packet top = b->heap[0], p = b->heap[--b->heap_count];
	u32 i = 0;

	for (;;) {
		u32 c = 2 * i + 1;
		if (c >= b->heap_count)
			break;
		if (c + 1 < b->heap_count && packet_before(&b->heap[c + 1], &b->heap[c]))
			c++;
		if (!packet_before(&b->heap[c], &p))
			break;
		b->heap[i] = b->heap[c];
		i = c;
	}
	b->heap[i] = p;
	return top;
}

static bool connected(const struct bed_node *x, const struct bed_node *y)
{
	u64 sx = x->groups_see != 0 ? x->groups_see : 1ull << x->group;
	u64 sy = y->groups_see != 0 ? y->groups_see : 1ull << y->group;

	return (sx & sy) != 0;
}

static void net_send(struct bed_node *n, u32 to, u8 type, const void *data, u32 len)
{
	struct bed *b = n->bed;
	bool calm = b->now_ms >= b->calm_ms;

	if (to == n->index ||
	    (!calm && (!connected(n, &b->node[to]) || bed_below(b, 1000) < b->drop_per_mille)))
		return;
	u64 delay = 1 + bed_below(b, calm ? 5 : b->delay_ms_max);
	struct bed_packet p = {b->now_ms + delay, b->order++, n->index, to,
			       malloc(len + 1),   len + 1};
	p.data[0] = type;
	memcpy(p.data + 1, data, len);
	heap_push(b, p);
}

/* To every copy of these validators of the node's present epoch. */
static void net_multicast(struct bed_node *n, u64 mask, u8 type, const void *data, u32 len)
{
	const struct fog_validators *set = fog_quorum_set(n->q);

	for (u32 i = 0; i < n->bed->node_count; i++) {
		int at = fog_validators_find(set, n->bed->node[i].node_id);
		if (at >= 0 && (mask >> at & 1) != 0)
			net_send(n, i, type, data, len);
	}
}

/* ---- the application --------------------------------------------------------------------------
 */

/* Operations whose number is a multiple of 64 change a weight. */
static u32 op_change(const struct bed_node *n, u64 id, struct fog_app_validator *out)
{
	const struct fog_validators *g = &n->bed->genesis;

	if (id % 64 != 63)
		return 0;
	*out = g->v[(id / 64) % g->count];
	out->weight += out->weight * ((id / 64) % 3) / 8;
	return 1;
}

/* Others switch between a profile and none, and make epochs shorter or longer by a half. */
static void op_rules(struct bed_node *n, u64 id)
{
	const struct fog_validator_rules *r = &n->bed->genesis.rules;

	if (id % 64 != 31)
		return;
	n->rules.profile = id % 128 == 31 ? FOG_PROFILE_NONE : r->profile;
	n->rules.epoch_ms = r->epoch_ms + r->epoch_ms / 2 * (id / 64 % 3) - r->epoch_ms / 4;
}

static void op_applied(struct bed_node *n, u64 id)
{
	struct bed *b = n->bed;
	struct bed_op *op = &b->op[id];

	n->seen[id] = true;
	n->ops[n->op_count++] = (u32)id;
	for (u32 i = 0; i < n->pool_count; i++)
		if (n->pool[i] == id)
			n->pool[i--] = n->pool[--n->pool_count];
	if (n->byzantine)
		return;
	op->height = n->height;
	op->position = n->op_count;
	if (op->node == n->index && op->acked_ms == 0)
		op->acked_ms = b->now_ms;
}

static void canon_check(struct bed_node *n, const struct fog_block *block)
{
	struct bed *b = n->bed;
	u64 h = block->header.height;

	if (n->byzantine)
		return;
	if (h > b->height) {
		if (h >= BED_HEIGHT_MAX)
			bed_fail(b, "more blocks than a run should need");
		memcpy(b->canon[h], block->hash, 32);
		b->height = h;
	} else if (memcmp(b->canon[h], block->hash, 32) != 0) {
		bed_fail(b, "SAFETY: node %u has another block %llu than others", n->index,
			 (unsigned long long)h);
	}
}

static u32 block_apply(struct bed_node *n, struct fog_block *block,
		       struct fog_app_validator *change)
{
	u8 bytes[64];
	u32 changes = 0;

	n->height = block->header.height;
	for (u32 i = 0; i < block->header.tx_count; i++) {
		u64 id = fog_load_u64(block->tx[i].data);
		if (id >= BED_OPS_MAX || n->seen[id])
			continue;
		op_applied(n, id);
		if (changes < FOG_APP_CHANGES_MAX)
			changes += op_change(n, id, &change[changes]);
		op_rules(n, id);
	}
	memcpy(bytes, n->root, 32);
	memcpy(bytes + 32, block->hash, 32);
	fog_hash_sha256(n->root, bytes, 64);
	return changes;
}

/* As controlplane/validator/observe.c. */
static void rejoin_check(struct bed_node *n)
{
	struct fog_quorum_status s;

	fog_quorum_status(n->q, n->bed->now_ms, &s);
	if (!n->observes ||
	    s.epoch_began_ms <= n->started_ms + FOG_QUORUM_REJOIN_SKEWS * BED_SKEW_MS)
		return;
	n->observes = false;
	n->bed->rejoins++;
	fog_quorum_rejoin(n->q);
}

static void execute(struct bed_node *n, struct fog_block *block, const u8 *cert, u32 len)
{
	struct fog_app_validator change[FOG_APP_CHANGES_MAX];
	u64 h = block->header.height, epoch = fog_quorum_set(n->q)->epoch;

	FOG_ASSERT(h == n->height + 1);
	canon_check(n, block);
	if (!fog_quorum_agrees(n->q, &block->header))
		bed_fail(n->bed, "node %u has another state than block %llu says", n->index,
			 (unsigned long long)h);
	n->chain[h] = fog_block_ref(block);
	if (len != 0) {
		n->certs[h] = malloc(sizeof(*n->certs[h]));
		fog_certificate_decode(n->certs[h], cert, len);
	}
	for (u32 i = 0; i < block->header.evidence_count && !n->byzantine; i++) {
		n->bed->evidence++;
		n->bed->evidence_late += block->evidence[i].vote[0].epoch != epoch;
	}
	u32 changes = block_apply(n, block, change);
	fog_quorum_step(n->q,
			&(struct fog_quorum_event){.kind = FOG_QUORUM_EXECUTED,
						   .height = h,
						   .root = n->root,
						   .change = change,
						   .count = changes,
						   .rules = &n->rules,
						   .from = FOG_VALIDATORS_MAX},
			n->bed->now_ms + n->skew_ms);
	if (fog_quorum_set(n->q)->epoch != epoch)
		n->bed->epochs++;
	if (!n->byzantine)
		set_keep(n->bed, fog_quorum_set(n->q));
	rejoin_check(n);
}

/* ---- a node -----------------------------------------------------------------------------------
 */

static void message_take(struct bed_node *n, u32 from, const u8 *data, u32 len);

static void act(struct bed_node *n, struct fog_quorum_action *a)
{
	switch (a->kind) {
	case FOG_QUORUM_LOG_VOTE:
	case FOG_QUORUM_LOG_CERT:
	case FOG_QUORUM_LOG_BLOCK:
		disk_append(n, (struct bed_record){a->kind, 0, a->data, a->len, a->block});
		a->data = NULL;
		a->block = NULL;
		break;
	case FOG_QUORUM_SEND:
		if (disk_sync(n))
			net_multicast(n, a->to, a->data[0], a->data + 1, a->len - 1);
		break;
	case FOG_QUORUM_FINAL:
		disk_append(n, (struct bed_record){a->kind, a->block->header.height, a->data,
						   a->len, fog_block_ref(a->block)});
		if (disk_sync(n))
			execute(n, a->block, a->data, a->len);
		a->data = NULL; /* the disk's */
	}
}

static void actions_run(struct bed_node *n)
{
	struct fog_quorum_action a;
	u64 epoch = fog_quorum_set(n->q)->epoch;

	while (n->up && fog_quorum_take(n->q, &a)) {
		act(n, &a);
		fog_quorum_action_free(&a);
	}
	if (!n->up || fog_quorum_set(n->q)->epoch == epoch)
		return;
	u32 count = n->stash_count;
	n->stash_count = 0;
	for (u32 i = 0; i < count; i++) {
		if (n->up)
			message_take(n, n->stash[i].from, n->stash[i].data, n->stash[i].len);
		free(n->stash[i].data);
	}
}

static void step(struct bed_node *n, struct fog_quorum_event e)
{
	fog_quorum_step(n->q, &e, n->bed->now_ms + n->skew_ms);
	actions_run(n);
}

static void pool_add(struct bed_node *n, u32 id)
{
	if (n->seen[id])
		return;
	for (u32 i = 0; i < n->pool_count; i++)
		if (n->pool[i] == id)
			return;
	n->pool[n->pool_count++] = id;
	step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_WORK,
					  .count = n->pool_count,
					  .from = FOG_VALIDATORS_MAX});
}

static int checks_verify(const struct fog_vote_check *c, int count)
{
	for (int i = 0; i < count; i++)
		if (on_verify(NULL, c[i].key, c[i].message, sizeof(c[i].message), c[i].signature) !=
		    0)
			return -EBADMSG;
	return count < 0 ? count : 0;
}

static u32 voter_of(const struct bed_node *n, u32 from)
{
	int at = fog_validators_find(fog_quorum_set(n->q), n->bed->node[from].node_id);

	return at >= 0 ? (u32)at : FOG_VALIDATORS_MAX;
}

static void protocol_take(struct bed_node *n, u32 from, const u8 *data, u32 len)
{
	static struct fog_vote_check checks[CHECKS_MAX];
	struct fog_message m;
	int rc = fog_message_decode(&m, data, len);

	if (rc == 0)
		rc = checks_verify(checks, fog_message_checks(n->q, &m, checks, CHECKS_MAX));
	if (rc == -EBADMSG && n->bed->verbose)
		printf("node %u refuses a message of type %u\n", n->index, data[0]);
	if (rc == -EAGAIN && n->stash_count < BED_STASH_MAX) {
		u8 *copy = malloc(len);
		memcpy(copy, data, len);
		n->stash[n->stash_count].data = copy;
		n->stash[n->stash_count].len = len;
		n->stash[n->stash_count++].from = from;
	}
	if (rc == 0)
		step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_MESSAGE,
						  .from = voter_of(n, from),
						  .message = &m});
	fog_message_free(&m);
}

static struct fog_block *on_block(void *context, u64 height, struct fog_certificate *cert)
{
	struct bed_node *n = context;

	if (height == 0 || height > n->height || n->chain[height] == NULL)
		return NULL;
	cert->kind = 0;
	if (n->certs[height] != NULL)
		*cert = *n->certs[height];
	return fog_block_ref(n->chain[height]);
}

static void range_take(struct bed_node *n, const u8 *data, u32 len)
{
	static struct fog_vote_check checks[FOG_VALIDATORS_MAX];
	struct fog_sync_range r;
	u8 hash[32];
	int rc = fog_sync_range_decode(&r, data, len);

	if (rc == 0)
		rc = checks_verify(checks, fog_certificate_checks(fog_quorum_set(n->q),
								  n->bed->genesis.hash, &r.cert,
								  checks, FOG_VALIDATORS_MAX));
	u64 height = fog_quorum_final(n->q, hash)->height;
	u32 skip = 0;
	while (rc == 0 && skip < r.count && r.block[skip]->header.height <= height)
		skip++;
	if (rc == 0 && skip < r.count && memcmp(r.block[skip]->header.parent, hash, 32) == 0) {
		n->bed->catchups++;
		step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_CATCHUP,
						  .block = r.block + skip,
						  .count = r.count - skip,
						  .cert = &r.cert,
						  .from = FOG_VALIDATORS_MAX});
	}
	fog_sync_range_free(&r);
}

static void status_take(struct bed_node *n, u32 from, const u8 *data, u32 len)
{
	struct fog_sync_status s;
	u8 hash[32], ask[8];
	u64 height = fog_quorum_final(n->q, hash)->height;

	if (fog_sync_status_decode(&s, data, len) != 0)
		return;
	step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_HEARD, .from = voter_of(n, from)});
	if (n->up && s.epoch == fog_quorum_set(n->q)->epoch)
		step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_BEHIND,
						  .from = voter_of(n, from),
						  .view = s.view});
	if (s.height > height && n->bed->now_ms >= n->asked_ms + 50) {
		n->asked_ms = n->bed->now_ms;
		fog_store_u64(ask, height + 1);
		net_send(n, from, BED_SYNC_ASK, ask, 8);
	}
}

static void message_take(struct bed_node *n, u32 from, const u8 *data, u32 len)
{
	struct fog_sync_source source = {n, on_block};
	u8 *range;
	u32 range_len;

	switch (data[0]) {
	case BED_TX:
		pool_add(n, fog_load_u32(data + 1));
		break;
	case BED_STATUS:
		status_take(n, from, data + 1, len - 1);
		break;
	case BED_SYNC_ASK:
		if (fog_sync_range_make(&source, fog_load_u64(data + 1), &range, &range_len) == 0) {
			net_send(n, from, BED_SYNC, range, range_len);
			free(range);
		}
		break;
	case BED_SYNC:
		range_take(n, data + 1, len - 1);
		break;
	default:
		protocol_take(n, from, data, len);
	}
}

static void node_tick(struct bed_node *n)
{
	u8 bytes[FOG_STATUS_SIZE], hash[32];
	struct fog_quorum_status s;

	step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_TICK, .from = FOG_VALIDATORS_MAX});
	if (!n->up || n->bed->now_ms < n->status_ms)
		return;
	n->status_ms = n->bed->now_ms + STATUS_MS;
	fog_quorum_status(n->q, n->bed->now_ms + n->skew_ms, &s);
	struct fog_sync_status out = {s.epoch, s.view, fog_quorum_final(n->q, hash)->height,
				      1,       0,      0};
	fog_sync_status_encode(&out, bytes);
	for (u32 i = 0; i < n->bed->node_count; i++)
		net_send(n, i, BED_STATUS, bytes, sizeof(bytes));
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void recover(struct bed_node *n)
{
	struct fog_vote v;
	struct fog_certificate c;
	u32 count = n->disk_count;

	for (u32 i = 0; i < count; i++) {
		struct bed_record *r = &n->disk[i];
		switch (r->kind) {
		case FOG_QUORUM_LOG_VOTE:
			fog_vote_decode(&v, r->data);
			fog_quorum_recover_vote(n->q, &v);
			break;
		case FOG_QUORUM_LOG_CERT:
			fog_certificate_decode(&c, r->data, r->len);
			fog_quorum_recover_cert(n->q, &c);
			break;
		case FOG_QUORUM_LOG_BLOCK:
			fog_quorum_recover_block(n->q, r->block);
			break;
		default:
			if (r->len != 0)
				fog_certificate_decode(&c, r->data, r->len);
			fog_quorum_recover_final(n->q, r->block, r->len != 0 ? &c : NULL);
			execute(n, r->block, r->data, r->len);
		}
	}
}

void bed_node_start(struct bed_node *n)
{
	struct bed *b = n->bed;
	struct fog_quorum_config c = {
		.genesis_ms = BED_START_MS,
		.skew_ms = BED_SKEW_MS,
		.observe = n->observes,
		.host = {n, on_sign, on_verify, on_vrf_prove, on_vrf_verify, on_accept, on_past_set,
			 on_payload},
	};

	memcpy(c.chain, b->genesis.hash, 32);
	memcpy(c.node_id, n->node_id, 32);
	n->height = 0;
	n->op_count = n->pool_count = 0;
	n->rules = (struct fog_app_rules){b->genesis.rules.profile, b->genesis.rules.epoch_ms};
	memset(n->root, 0, 32);
	memset(n->seen, 0, sizeof(n->seen));
	FOG_ASSERT(fog_quorum_new(&n->q, &c, &b->genesis) == 0);
	n->up = true;
	n->started_ms = b->now_ms + n->skew_ms;
	recover(n);
	step(n, (struct fog_quorum_event){.kind = FOG_QUORUM_START, .from = FOG_VALIDATORS_MAX});
}

void bed_node_crash(struct bed_node *n, u64 for_ms)
{
	n->bed->crashes++;
	n->up = false;
	n->restart_ms = n->bed->now_ms + for_ms;
}

/* What was in memory is gone; so is what was not synced. */
static void node_bury(struct bed_node *n)
{
	while (n->disk_count > n->disk_synced)
		record_free(&n->disk[--n->disk_count]);
	for (u64 h = 0; h <= n->height; h++) {
		fog_block_unref(n->chain[h]);
		free(n->certs[h]);
		n->chain[h] = NULL;
		n->certs[h] = NULL;
	}
	while (n->stash_count > 0)
		free(n->stash[--n->stash_count].data);
	fog_quorum_free(n->q);
	n->q = NULL;
}

u32 bed_submit(struct bed *b, struct bed_node *n)
{
	u8 bytes[4];
	u32 id = b->op_count++;

	FOG_ASSERT(id < BED_OPS_MAX);
	b->op[id] = (struct bed_op){.submitted_ms = b->now_ms, .node = n->index};
	fog_store_u32(bytes, id);
	for (u32 i = 0; i < b->node_count; i++)
		net_send(n, i, BED_TX, bytes, 4);
	pool_add(n, id);
	return id;
}

static void nodes_wake(struct bed *b)
{
	for (u32 i = 0; i < b->node_count; i++) {
		struct bed_node *n = &b->node[i];
		if (!n->up && n->q != NULL)
			node_bury(n);
		if (!n->up && b->now_ms >= n->restart_ms)
			bed_node_start(n);
		if (n->up && (b->now_ms >= n->status_ms ||
			      b->now_ms + n->skew_ms >= fog_quorum_deadline(n->q)))
			node_tick(n);
	}
}

void bed_run(struct bed *b, u64 until_ms)
{
	for (; b->now_ms < until_ms; b->now_ms++) {
		nodes_wake(b);
		while (b->heap_count > 0 && b->heap[0].at_ms <= b->now_ms) {
			struct bed_packet p = heap_pop(b);
			if (b->node[p.to].up)
				message_take(&b->node[p.to], p.from, p.data, p.len);
			free(p.data);
		}
	}
}

void bed_init(struct bed *b, u64 seed, const struct fog_validators *genesis, const u8 *twins)
{
	memset(b, 0, sizeof(*b));
	b->seed = seed;
	fog_rng_init_u64(&b->rng, seed);
	b->now_ms = BED_START_MS;
	b->genesis = *genesis;
	set_keep(b, genesis);
	b->canon = calloc(BED_HEIGHT_MAX, 32);
	for (u32 i = 0; i < genesis->count; i++)
		for (u32 k = 0; k <= twins[i]; k++) {
			struct bed_node *n = &b->node[b->node_count];
			FOG_ASSERT(b->node_count < BED_NODES_MAX);
			n->bed = b;
			n->index = b->node_count++;
			n->validator = i;
			n->byzantine = twins[i] != 0;
			memcpy(n->node_id, genesis->v[i].node_id, 32);
			n->ops = calloc(BED_OPS_MAX, sizeof(*n->ops));
			n->chain = calloc(BED_HEIGHT_MAX, sizeof(void *));
			n->certs = calloc(BED_HEIGHT_MAX, sizeof(void *));
		}
}

void bed_free(struct bed *b)
{
	for (u32 i = 0; i < b->node_count; i++) {
		struct bed_node *n = &b->node[i];
		if (n->q != NULL)
			node_bury(n);
		for (u32 k = 0; k < n->disk_count; k++)
			record_free(&n->disk[k]);
		free(n->disk);
		free(n->ops);
		free(n->chain);
		free(n->certs);
	}
	for (u32 i = 0; i < b->heap_count; i++)
		free(b->heap[i].data);
	for (u32 i = 0; i < BED_EPOCHS_MAX; i++)
		free(b->sets[i]);
	free(b->heap);
	free(b->canon);
}
