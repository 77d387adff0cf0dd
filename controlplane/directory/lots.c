/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/lots.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/mem.h"

#define EPOCHS 2 /* kept: the one before, as it may be in force still */
#define KINDS  2

enum state {
	ABSENT = 0,
	WAITING,
	GOOD,
	FALSE,
};

struct lot {
	u64 epoch;
	enum state state;
	u32 tries; /* false proofs of this epoch that another one took the place of */
	u8 proof[FOG_VRF_BATCH_PROOF_SIZE];
	u8 beta[FOG_VRF_OUTPUT_SIZE];
};

struct host {
	u8 node_id[32];
	u64 came_epoch;
	struct lot lot[KINDS][EPOCHS]; /* of an epoch: at its number mod EPOCHS */
};

struct fog_lots {
	struct fog_beacon beacon[EPOCHS]; /* likewise; epoch 0: none */
	u32 count;
	u32 waiting;
	u32 next; /* place where checking goes on */
	u64 wrong;
	struct host *host[FOG_LOTS_HOSTS_MAX]; /* in the order of their ids */
};

static unsigned kind_index(enum fog_draw_kind kind)
{
	FOG_ASSERT(kind == FOG_DRAW_COMMITTEE || kind == FOG_DRAW_MIX);
	return kind == FOG_DRAW_MIX;
}

static enum fog_draw_kind kind_at(unsigned index)
{
	return index == 0 ? FOG_DRAW_COMMITTEE : FOG_DRAW_MIX;
}

int fog_lots_new(struct fog_lots **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void fog_lots_free(struct fog_lots *l)
{
	if (l == NULL)
		return;
	for (u32 i = 0; i < l->count; i++)
		free(l->host[i]);
	free(l);
}

/* Where the host is, or would be. */
static u32 place_of(const struct fog_lots *l, const u8 node_id[32])
{
	u32 low = 0, high = l->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		if (memcmp(l->host[middle]->node_id, node_id, 32) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct host *host_find(const struct fog_lots *l, const u8 node_id[32])
{
	u32 i = place_of(l, node_id);

	return i < l->count && memcmp(l->host[i]->node_id, node_id, 32) == 0 ? l->host[i] : NULL;
}

static struct host *host_add(struct fog_lots *l, const u8 node_id[32], u64 came_epoch)
{
	u32 i = place_of(l, node_id);
	struct host *h = l->count < FOG_LOTS_HOSTS_MAX ? calloc(1, sizeof(*h)) : NULL;

	if (h == NULL)
		return NULL;
	memcpy(h->node_id, node_id, 32);
	h->came_epoch = came_epoch;
	memmove(&l->host[i + 1], &l->host[i], (l->count - i) * sizeof(l->host[0]));
	l->host[i] = h;
	l->count++;
	l->next += i < l->next;
	return h;
}

void fog_lots_beacon(struct fog_lots *l, const struct fog_beacon *b)
{
	struct fog_beacon *kept = &l->beacon[b->epoch % EPOCHS];

	if (b->epoch > kept->epoch)
		*kept = *b;
}

u64 fog_lots_came(u64 now_ms)
{
	return fog_epoch_of(now_ms + FOG_LOTS_KNOWN_MS);
}

static void lot_take(struct fog_lots *l, struct lot *kept, u64 epoch, const u8 *proof)
{
	/* A key has one beta an epoch, so that a good one needs no other. */
	if (kept->epoch == epoch &&
	    (kept->state == GOOD || memcmp(kept->proof, proof, sizeof(kept->proof)) == 0))
		return;
	if (kept->epoch != epoch)
		kept->tries = 0;
	else if (kept->state == FALSE && kept->tries == FOG_LOTS_RETRIES_MAX)
		return;
	else
		kept->tries += kept->state == FALSE;
	l->waiting += kept->state != WAITING;
	kept->epoch = epoch;
	kept->state = WAITING;
	memcpy(kept->proof, proof, sizeof(kept->proof));
}

void fog_lots_offer(struct fog_lots *l, const u8 node_id[32], const struct fog_report *r,
		    u64 came_epoch)
{
	struct host *h = host_find(l, node_id);
	u64 epoch = r->draw_epoch;

	if (h == NULL)
		h = host_add(l, node_id, came_epoch);
	if (h == NULL || epoch == 0 || l->beacon[epoch % EPOCHS].epoch != epoch)
		return;
	if (r->has_committee_lot)
		lot_take(l, &h->lot[0][epoch % EPOCHS], epoch, r->committee_lot);
	if (r->has_mix_lot)
		lot_take(l, &h->lot[1][epoch % EPOCHS], epoch, r->mix_lot);
}

void fog_lots_forget(struct fog_lots *l, const u8 node_id[32])
{
	u32 i = place_of(l, node_id);

	if (host_find(l, node_id) == NULL)
		return;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned e = 0; e < EPOCHS; e++)
			l->waiting -= l->host[i]->lot[k][e].state == WAITING;
	free(l->host[i]);
	l->count--;
	l->next -= i < l->next;
	memmove(&l->host[i], &l->host[i + 1], (l->count - i) * sizeof(l->host[0]));
}

/* ---- checking ------------------------------------------------------------------------------- */

struct batch {
	u32 count;
	struct fog_lot lot[FOG_LOTS_CHECK_MAX];
	struct lot *from[FOG_LOTS_CHECK_MAX];
};

static void batch_add(struct fog_lots *l, struct batch *b, const struct host *h, unsigned kind,
		      struct lot *lot)
{
	const struct fog_beacon *beacon = &l->beacon[lot->epoch % EPOCHS];

	if (lot->state != WAITING || b->count == FOG_LOTS_CHECK_MAX)
		return;
	if (beacon->epoch != lot->epoch) { /* its time is over */
		lot->state = ABSENT;
		l->waiting--;
		return;
	}
	struct fog_lot *out = &b->lot[b->count];
	out->kind = kind_at(kind);
	out->beacon = *beacon;
	memcpy(out->node_id, h->node_id, 32);
	memcpy(out->proof, lot->proof, sizeof(out->proof));
	b->from[b->count++] = lot;
}

/* From where it ended, so that all have their turn. A full batch may have left some of a host. */
static void batch_fill(struct fog_lots *l, struct batch *b)
{
	b->count = 0;
	for (u32 n = 0; l->waiting > b->count && n < l->count; n++) {
		l->next = l->next < l->count ? l->next : 0;
		struct host *h = l->host[l->next];
		for (unsigned k = 0; k < KINDS; k++)
			for (unsigned e = 0; e < EPOCHS; e++)
				batch_add(l, b, h, k, &h->lot[k][e]);
		if (b->count == FOG_LOTS_CHECK_MAX)
			return;
		l->next++;
	}
}

u32 fog_lots_check(struct fog_lots *l)
{
	u8 beta[FOG_LOTS_CHECK_MAX][FOG_VRF_OUTPUT_SIZE];
	int result[FOG_LOTS_CHECK_MAX];
	struct batch b;

	batch_fill(l, &b);
	if (b.count == 0)
		return 0;
	fog_lots_verify(b.lot, b.count, beta, result);
	for (u32 i = 0; i < b.count; i++) {
		if (result[i] == -ENOMEM)
			continue; /* another time */
		l->waiting--;
		l->wrong += result[i] != 0;
		b.from[i]->state = result[i] == 0 ? GOOD : FALSE;
		memcpy(b.from[i]->beta, beta[i], sizeof(beta[i]));
	}
	return b.count;
}

u64 fog_lots_false(const struct fog_lots *l)
{
	return l->wrong;
}

/* ---- asking --------------------------------------------------------------------------------- */

static const struct lot *counting(const struct host *h, enum fog_draw_kind kind, u64 epoch)
{
	const struct lot *lot = &h->lot[kind_index(kind)][epoch % EPOCHS];

	return lot->epoch == epoch && lot->state == GOOD && h->came_epoch < epoch ? lot : NULL;
}

static bool enough(const struct fog_lots *l, enum fog_draw_kind kind, u32 least, u64 epoch)
{
	u32 n = 0;

	for (u32 i = 0; epoch != 0 && n < least && i < l->count; i++)
		n += counting(l->host[i], kind, epoch) != NULL;
	return epoch != 0 && n >= least;
}

u64 fog_lots_epoch(const struct fog_lots *l, enum fog_draw_kind kind, u32 least, u64 now_ms)
{
	u64 force = fog_epoch_of(now_ms > FOG_LOTS_LAG_MS ? now_ms - FOG_LOTS_LAG_MS : 0);
	u64 now = fog_epoch_of(now_ms);
	u64 other = force == now ? now - 1 : now;

	if (enough(l, kind, least, force))
		return force;
	return enough(l, kind, least, other) ? other : 0;
}

bool fog_lots_find(const struct fog_lots *l, enum fog_draw_kind kind, u64 epoch,
		   const u8 node_id[32], struct fog_lot *out, u8 beta[FOG_VRF_OUTPUT_SIZE])
{
	const struct host *h = host_find(l, node_id);
	const struct lot *lot = h != NULL && epoch != 0 ? counting(h, kind, epoch) : NULL;

	if (lot == NULL || l->beacon[epoch % EPOCHS].epoch != epoch)
		return false;
	memcpy(beta, lot->beta, FOG_VRF_OUTPUT_SIZE);
	if (out == NULL)
		return true;
	*out = (struct fog_lot){.kind = kind, .beacon = l->beacon[epoch % EPOCHS]};
	memcpy(out->node_id, node_id, 32);
	memcpy(out->proof, lot->proof, sizeof(out->proof));
	return true;
}
