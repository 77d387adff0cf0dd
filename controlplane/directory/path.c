/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/path.h"

#include <errno.h>

#include "controlplane/directory/place.h"

/* Reputation moves the odds by at most this: a newcomer is chosen sometimes, a star not always. */
#define WEIGHT_MIN 0.05
#define WEIGHT_MAX 1.0

struct chooser {
	const struct fog_path_request *request;
	const u8 *self;
	const struct fog_path_host *hosts;
	u32 host_count;
	struct fog_guards *guards;
	u64 now_ms;
	struct fog_rng *rng;
	const struct fog_path_host *chosen[FOG_PATH_HOPS_MAX]; /* by place; NULL = not yet */
	char *why;
};

static bool same(const u8 a[32], const u8 b[32])
{
	return memcmp(a, b, 32) == 0;
}

static bool excluded(const struct chooser *c, const struct fog_descriptor *d)
{
	if (same(d->node_id, c->self))
		return true;
	for (u32 i = 0; i < c->request->exclude_count; i++)
		if (same(d->node_id, c->request->exclude[i]))
			return true;
	return false;
}

static bool taken(const struct chooser *c, const struct fog_descriptor *d)
{
	for (u32 i = 0; i < c->request->hops; i++)
		if (c->chosen[i] != NULL && same(c->chosen[i]->d->node_id, d->node_id))
			return true;
	return false;
}

/* Is somebody of its operator or network on the path? */
static bool kin_taken(const struct chooser *c, const struct fog_descriptor *d)
{
	for (u32 i = 0; i < c->request->hops; i++)
		if (c->chosen[i] != NULL && fog_place_together(c->chosen[i]->d, d))
			return true;
	return false;
}

/* The first hop needs a link that works now; a later one must not be known dead. We keep no link to
 * every host, so NONE says nothing about it. */
static bool reachable(const struct fog_path_host *h, bool first)
{
	if (first)
		return h->link == FOG_LINK_UP || h->link == FOG_LINK_RECENT;
	return h->link != FOG_LINK_DOWN;
}

static bool can_relay(const struct chooser *c, const struct fog_path_host *h, bool first)
{
	return (h->d->roles & FOG_ROLE_RELAY) != 0 && reachable(h, first) && !excluded(c, h->d) &&
	       !taken(c, h->d);
}

static bool can_end(const struct chooser *c, const struct fog_path_host *h)
{
	const struct fog_path_request *r = c->request;

	if (!h->d->has_quic || excluded(c, h->d) || !reachable(h, r->hops == 1))
		return false;
	if (r->has_target && !same(h->d->node_id, r->target))
		return false;
	if (r->purpose == FOG_PATH_EXIT)
		return fog_descriptor_exit_allows(h->d, r->has_ip ? r->ip : NULL, r->port);
	if (r->purpose == FOG_PATH_JOB)
		return (h->d->roles & FOG_ROLE_WORKER) != 0;
	return true;
}

enum pool {
	POOL_END = 1,
	POOL_FIRST,
	POOL_MIDDLE,
	POOL_NEW_GUARD, /* a first hop that is no guard yet */
};

static bool is_guard(const struct fog_guards *g, const u8 node_id[32])
{
	for (u32 i = 0; i < g->count; i++)
		if (same(g->list[i].node_id, node_id))
			return true;
	return false;
}

static bool in_pool(const struct chooser *c, const struct fog_path_host *h, enum pool pool)
{
	switch (pool) {
	case POOL_END:
		return can_end(c, h);
	case POOL_FIRST:
		return can_relay(c, h, true);
	case POOL_MIDDLE:
		return can_relay(c, h, false);
	case POOL_NEW_GUARD:
		return can_relay(c, h, true) && !is_guard(c->guards, h->d->node_id);
	}
	FOG_UNREACHABLE();
}

static double weight_of(const struct fog_path_host *h)
{
	return FOG_MIN(FOG_MAX(h->weight, WEIGHT_MIN), WEIGHT_MAX);
}

/* One random host of the pool, weighted; `distinct` leaves out operators and networks already on
 * the path. NULL when the pool is empty. */
static const struct fog_path_host *draw(struct chooser *c, enum pool pool, bool distinct)
{
	const struct fog_path_host *pick = NULL;
	double total = 0;

	/* Weighted reservoir of one: a single pass, no array. */
	for (u32 i = 0; i < c->host_count; i++) {
		const struct fog_path_host *h = &c->hosts[i];
		if (!in_pool(c, h, pool) || (distinct && kin_taken(c, h->d)))
			continue;
		double w = weight_of(h);
		total += w;
		if (fog_rng_unit(c->rng) * total < w)
			pick = h;
	}
	return pick;
}

/* The first of the epoch's draw that can be a guard now; NULL when none of it can. */
static const struct fog_path_host *drawn_guard(const struct chooser *c, bool distinct)
{
	const struct fog_path_host *pick = NULL;

	for (u32 i = 0; i < c->host_count; i++) {
		const struct fog_path_host *h = &c->hosts[i];
		if (h->drawn == 0 || (pick != NULL && h->drawn > pick->drawn) ||
		    !in_pool(c, h, POOL_NEW_GUARD) || (distinct && kin_taken(c, h->d)))
			continue;
		pick = h;
	}
	return pick;
}

static const struct fog_path_host *draw_spread(struct chooser *c, enum pool pool)
{
	const struct fog_path_host *h = draw(c, pool, true);

	return h != NULL ? h : draw(c, pool, false);
}

static u32 pool_count(const struct chooser *c, enum pool pool)
{
	u32 n = 0;

	for (u32 i = 0; i < c->host_count; i++)
		n += in_pool(c, &c->hosts[i], pool);
	return n;
}

/* ---- guards --------------------------------------------------------------------------------- */

static const struct fog_path_host *host_find(const struct chooser *c, const u8 node_id[32])
{
	for (u32 i = 0; i < c->host_count; i++)
		if (same(c->hosts[i].d->node_id, node_id))
			return &c->hosts[i];
	return NULL;
}

static void guard_remove(struct fog_guards *g, u32 i)
{
	memmove(&g->list[i], &g->list[i + 1], (g->count - i - 1) * sizeof(g->list[0]));
	g->count--;
}

bool fog_guards_expire(struct fog_guards *g, u64 now_ms)
{
	u32 before = g->count;

	for (u32 i = g->count; i-- > 0;)
		if (now_ms - FOG_MIN(g->list[i].added_ms, now_ms) > FOG_GUARD_LIFE_MS)
			guard_remove(g, i);
	return g->count != before;
}

static void guard_add(struct chooser *c, const struct fog_path_host *h)
{
	struct fog_guards *g = c->guards;

	/* Full of guards that cannot be used: the oldest goes. */
	if (g->count == FOG_GUARDS_MAX)
		guard_remove(g, 0);
	memcpy(g->list[g->count].node_id, h->d->node_id, 32);
	g->list[g->count].added_ms = c->now_ms;
	g->count++;
}

/* Usable guards in order, at most FOG_GUARDS_PRIMARY. */
static u32 guards_usable(const struct chooser *c, const struct fog_path_host **out)
{
	u32 n = 0;

	for (u32 i = 0; i < c->guards->count && n < FOG_GUARDS_PRIMARY; i++) {
		const struct fog_path_host *h = host_find(c, c->guards->list[i].node_id);
		if (h != NULL && can_relay(c, h, true))
			out[n++] = h;
	}
	return n;
}

/* New guards only while there are fewer than FOG_GUARDS_PRIMARY, or when none can be used: an
 * attacker who makes guards fail must not get new ones drawn at will. */
static const struct fog_path_host *guard_choose(struct chooser *c, bool *changed)
{
	const struct fog_path_host *usable[FOG_GUARDS_PRIMARY];
	u32 n = guards_usable(c, usable);

	while (c->guards->count < FOG_GUARDS_PRIMARY || n == 0) {
		const struct fog_path_host *h = drawn_guard(c, true);
		if (h == NULL)
			h = drawn_guard(c, false);
		if (h == NULL)
			h = draw_spread(c, POOL_NEW_GUARD);
		if (h == NULL)
			break;
		guard_add(c, h);
		*changed = true;
		n = guards_usable(c, usable);
	}
	if (n == 0)
		return NULL;
	/* Another operator and network than the terminus's, when one of them has it. */
	u32 start = (u32)fog_rng_below(c->rng, n);
	for (u32 i = 0; i < n; i++) {
		const struct fog_path_host *h = usable[(start + i) % n];
		if (!kin_taken(c, h->d))
			return h;
	}
	return usable[start];
}

/* ---- errors in words ------------------------------------------------------------------------ */

static int fail_end(const struct chooser *c)
{
	const struct fog_path_request *r = c->request;
	char hex[65];

	if (r->has_target) {
		const struct fog_path_host *h = host_find(c, r->target);
		fog_node_id_hex(r->target, hex);
		if (h == NULL) {
			snprintf(c->why, FOG_PATH_WHY_SIZE, "host %.8s is not in the directory",
				 hex);
			return -ENOENT;
		}
		const char *text = "does not play the role this needs";
		if (excluded(c, h->d))
			text = "is excluded by the request";
		else if (!h->d->has_quic)
			text = "runs no fog-edge, it cannot end a circuit";
		else if (!reachable(h, r->hops == 1))
			text = "has no live link";
		else if (r->purpose == FOG_PATH_EXIT)
			text = "does not exit to this destination";
		snprintf(c->why, FOG_PATH_WHY_SIZE, "host %s (%.8s) %s", h->d->name, hex, text);
		return -EHOSTUNREACH;
	}
	u32 role = r->purpose == FOG_PATH_EXIT ? FOG_ROLE_EXIT : FOG_ROLE_WORKER, with_role = 0;
	for (u32 i = 0; i < c->host_count; i++)
		with_role += (c->hosts[i].d->roles & role) != 0 &&
			     !same(c->hosts[i].d->node_id, c->self);
	if (r->purpose == FOG_PATH_EXIT)
		snprintf(c->why, FOG_PATH_WHY_SIZE,
			 "no exit reaches this destination (port %u); exits besides this host: %u",
			 r->port, with_role);
	else
		snprintf(c->why, FOG_PATH_WHY_SIZE,
			 "no worker can be reached; workers besides this host: %u", with_role);
	return -EHOSTUNREACH;
}

static int fail_relays(const struct chooser *c)
{
	u32 relays = 0, dead = 0, no = 0, usable = 0;

	for (u32 i = 0; i < c->host_count; i++) {
		const struct fog_path_host *h = &c->hosts[i];
		if ((h->d->roles & FOG_ROLE_RELAY) == 0 || same(h->d->node_id, c->self))
			continue;
		relays++;
		if (excluded(c, h->d))
			no++;
		else if (!reachable(h, false))
			dead++;
		else if (c->chosen[c->request->hops - 1] != h)
			usable++;
	}
	snprintf(c->why, FOG_PATH_WHY_SIZE,
		 "need %u relays besides this host and the last hop, have %u: %u known, %u with a "
		 "dead link, %u excluded%s",
		 c->request->hops - 1, usable, relays, dead, no,
		 usable >= c->request->hops - 1 ? ", none with a live link for the first hop" : "");
	return -EHOSTUNREACH;
}

/* ---- the choice ----------------------------------------------------------------------------- */

static int request_check(const struct chooser *c)
{
	const struct fog_path_request *r = c->request;
	const char *text = NULL;

	if (r->hops < 1 || r->hops > FOG_PATH_HOPS_MAX)
		text = "a circuit has 1 to 8 hops";
	else if (r->exclude_count > FOG_PATH_EXCLUDE_MAX)
		text = "too many hosts are excluded";
	else if (r->purpose != FOG_PATH_EXIT && r->purpose != FOG_PATH_JOB &&
		 r->purpose != FOG_PATH_NODE)
		text = "unknown purpose";
	else if (r->purpose == FOG_PATH_NODE && !r->has_target)
		text = "this purpose wants a target";
	else if (r->purpose == FOG_PATH_EXIT && r->port == 0)
		text = "an exit wants a port";
	else if (r->has_target && same(r->target, c->self))
		text = "the target is this host: no circuit leads to itself";
	if (text == NULL)
		return 0;
	snprintf(c->why, FOG_PATH_WHY_SIZE, "%s", text);
	return -EINVAL;
}

int fog_path_choose(struct fog_path *out, const struct fog_path_request *request, const u8 self[32],
		    const struct fog_path_host *hosts, u32 host_count, struct fog_guards *guards,
		    bool *guards_changed, u64 now_ms, struct fog_rng *rng,
		    char why[FOG_PATH_WHY_SIZE])
{
	struct chooser c = {.request = request,
			    .self = self,
			    .hosts = hosts,
			    .host_count = host_count,
			    .guards = guards,
			    .now_ms = now_ms,
			    .rng = rng,
			    .why = why};

	why[0] = '\0';
	*guards_changed = false;
	int rc = request_check(&c);
	if (rc != 0)
		return rc;
	u32 last = request->hops - 1;
	/* The last hop is bound most tightly, the first to the guards; the middle takes what is
	 * left. */
	c.chosen[last] = draw(&c, POOL_END, false);
	if (c.chosen[last] == NULL)
		return fail_end(&c);
	if (last > 0 && pool_count(&c, POOL_MIDDLE) < last)
		return fail_relays(&c);
	*guards_changed = fog_guards_expire(guards, now_ms);
	for (u32 i = 0; i < last; i++) {
		c.chosen[i] =
			i == 0 ? guard_choose(&c, guards_changed) : draw_spread(&c, POOL_MIDDLE);
		if (c.chosen[i] == NULL)
			return fail_relays(&c);
	}
	out->count = request->hops;
	for (u32 i = 0; i < request->hops; i++)
		out->hops[i] = c.chosen[i]->d;
	return 0;
}
