/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement policy, see scheduler.h. */
#include "controlplane/scheduler/scheduler.h"

#include <errno.h>

#define HOUR_MS         3600000ull
#define GIB             (1ull << 30)
#define LATENCY_HALF_MS 100.0

const struct fog_placement_weights fog_placement_weights_default = {
	.cost = 1.0,
	.latency = 0.5,
	.reputation = 1.0,
	.load = 0.6,
	.spread = 0.4,
	.waste = 0.3,
	.jitter = 0.05,
};

const struct fog_placement_weights fog_placement_weights_pack = {
	.cost = 0.1,
	.reputation = 0.1,
	.load = -1.0,
	.waste = 2.0,
};

static const char *const reason_text[FOG_PLACEMENT_REASON_COUNT] = {[FOG_PLACEMENT_FITS] = "fit",
#define X(name, text) [FOG_PLACEMENT_##name] = text,
								    FOG_PLACEMENT_REASONS(X)
#undef X
};

static const char *const key_name[FOG_PLACEMENT_KEY_COUNT] = {
	[FOG_PLACEMENT_KEY_OPERATOR] = "operator",
	[FOG_PLACEMENT_KEY_COUNTRY] = "country",
	[FOG_PLACEMENT_KEY_REGION] = "region",
	[FOG_PLACEMENT_KEY_AS] = "as",
	[FOG_PLACEMENT_KEY_POWER_REGION] = "power_region",
	[FOG_PLACEMENT_KEY_TEE_VENDOR] = "tee_vendor",
};

const char *fog_placement_reason_text(enum fog_placement_reason reason)
{
	FOG_ASSERT(reason < FOG_PLACEMENT_REASON_COUNT);
	return reason_text[reason];
}

enum fog_placement_key fog_placement_key_parse(const char *name)
{
	for (u32 i = 1; i < FOG_PLACEMENT_KEY_COUNT; i++)
		if (strcmp(key_name[i], name) == 0)
			return (enum fog_placement_key)i;
	return FOG_PLACEMENT_KEY_INVALID;
}

const char *fog_placement_key_name(enum fog_placement_key key)
{
	FOG_ASSERT(key > FOG_PLACEMENT_KEY_INVALID && key < FOG_PLACEMENT_KEY_COUNT);
	return key_name[key];
}

/* ceil(amount * wall_ms * price / (unit * hour)), or -1. 128 bits hold it: the callers' ranges are
 * 2^64, 2^32 and 2^40 at most, and larger ones are refused here. */
static i64 price_part(u64 amount, u64 wall_ms, u64 price, u64 unit)
{
	if (wall_ms > FOG_PLACEMENT_WALL_MS_MAX || price > FOG_PLACEMENT_PRICE_MAX ||
	    amount > (1ull << 50))
		return -1;
	unsigned __int128 product = (unsigned __int128)amount * wall_ms * price;
	unsigned __int128 divisor = (unsigned __int128)unit * HOUR_MS;
	unsigned __int128 mfog = (product + divisor - 1) / divisor;
	return mfog > INT64_MAX ? -1 : (i64)mfog;
}

i64 fog_price(u64 cpu_milli, u64 memory_bytes, u64 gpu_milli, u64 wall_ms,
	      const struct fog_tariff *t)
{
	i64 cpu = price_part(cpu_milli, wall_ms, t->cpu_hour, 1000);
	i64 memory = price_part(memory_bytes, wall_ms, t->memory_gb_hour, GIB);
	i64 gpu = price_part(gpu_milli, wall_ms, t->accelerator_hour, 1000);
	i64 sum;

	if (cpu < 0 || memory < 0 || gpu < 0 || __builtin_add_overflow(cpu, memory, &sum) ||
	    __builtin_add_overflow(sum, gpu, &sum))
		return -1;
	return sum;
}

static i64 host_price(const struct fog_placement_request *r, const struct fog_placement_host *h)
{
	return fog_price(r->cpu_milli, r->memory_bytes, r->gpu_milli, r->wall_ms, &h->price);
}

static bool excluded(const struct fog_placement_request *r, const u8 id[FOG_NODE_ID_SIZE])
{
	for (u32 i = 0; i < r->exclude_count; i++)
		if (memcmp(r->exclude[i], id, FOG_NODE_ID_SIZE) == 0)
			return true;
	return false;
}

static bool attributes_match(const struct fog_placement_request *r,
			     const struct fog_placement_host *h)
{
	for (u32 i = 0; i < r->equality_count; i++)
		if (strcmp(h->attribute[r->equality[i].key], r->equality[i].value) != 0)
			return false;
	return true;
}

/* need fits into what is offered and not yet committed, without overflow. */
static bool fits(u64 need, u64 offered, u64 committed)
{
	return committed <= offered && need <= offered - committed;
}

/* Has it any, and are they such as are asked for? */
static bool gpu_suits(const struct fog_placement_request *r, const struct fog_placement_host *h)
{
	if (r->gpu_milli == 0)
		return true;
	return h->gpu_milli != 0 && h->gpu_memory_bytes >= r->gpu_memory_bytes &&
	       (r->gpu_type[0] == '\0' || strcmp(r->gpu_type, h->gpu_type) == 0);
}

/* Why the host may not have the job whatever runs there, up to its resources. */
static enum fog_placement_reason filter_kind(const struct fog_placement_request *r,
					     const struct fog_placement_host *h)
{
	if (r->target_set && memcmp(r->target, h->id, FOG_NODE_ID_SIZE) != 0)
		return FOG_PLACEMENT_TARGET;
	if (h->local && !r->target_set)
		return FOG_PLACEMENT_LOCAL;
	if ((h->roles & FOG_PLACEMENT_ROLE_WORKER) == 0)
		return FOG_PLACEMENT_ROLE;
	if (!h->alive)
		return FOG_PLACEMENT_DEAD;
	if (h->cordoned)
		return FOG_PLACEMENT_CORDONED;
	if (excluded(r, h->id))
		return FOG_PLACEMENT_EXCLUDED;
	if (!attributes_match(r, h))
		return FOG_PLACEMENT_ATTRIBUTE;
	if (r->attested && !h->attested)
		return FOG_PLACEMENT_ATTESTED;
	if (h->mark != FOG_PLACEMENT_MARK_NONE)
		return h->mark == FOG_PLACEMENT_MARK_AWAY ? FOG_PLACEMENT_AWAY
							  : FOG_PLACEMENT_APART;
	if (!gpu_suits(r, h))
		return FOG_PLACEMENT_KIND;
	return FOG_PLACEMENT_FITS;
}

#define AMOUNT(r) ((struct fog_amount){(r)->cpu_milli, (r)->memory_bytes, (r)->gpu_milli})

static enum fog_placement_reason filter_terms(const struct fog_placement_request *r,
					      const struct fog_placement_host *h)
{
	if (!(h->reputation_lower >= r->reputation_min))
		return FOG_PLACEMENT_REPUTATION;
	i64 price = host_price(r, h);
	if (price < 0 || (r->price_cap > 0 && price > r->price_cap))
		return FOG_PLACEMENT_PRICE;
	return FOG_PLACEMENT_FITS;
}

static bool outlasts(const struct fog_placement_request *r, const struct fog_placement_host *h)
{
	return h->reserved_ms != 0 && r->wall_ms > h->reserved_ms;
}

bool fog_placement_kept(const struct fog_placement_request *r, const struct fog_placement_host *h)
{
	struct fog_amount offered = AMOUNT(h);

	return h->keep != NULL &&
	       !fog_keep_allows(h->keep, r->owner, r->wall_ms, &AMOUNT(r), &offered);
}

enum fog_placement_reason fog_placement_filter(const struct fog_placement_request *r,
					       const struct fog_placement_host *h)
{
	enum fog_placement_reason reason = filter_kind(r, h);

	if (reason != FOG_PLACEMENT_FITS)
		return reason;
	if (!fits(r->cpu_milli, h->cpu_milli, h->cpu_milli_committed))
		return FOG_PLACEMENT_CPU;
	if (!fits(r->memory_bytes, h->memory_bytes, h->memory_bytes_committed))
		return FOG_PLACEMENT_MEMORY;
	if (!fits(r->gpu_milli, h->gpu_milli, h->gpu_milli_committed))
		return FOG_PLACEMENT_GPU;
	if (outlasts(r, h) &&
	    (r->cpu_milli > h->cpu_milli_spare || r->memory_bytes > h->memory_bytes_spare ||
	     r->gpu_milli > h->gpu_milli_spare))
		return FOG_PLACEMENT_RESERVED;
	if (fog_placement_kept(r, h))
		return FOG_PLACEMENT_KEPT;
	return filter_terms(r, h);
}

enum fog_placement_reason fog_placement_filter_empty(const struct fog_placement_request *r,
						     const struct fog_placement_host *h)
{
	enum fog_placement_reason reason = filter_kind(r, h);

	if (reason != FOG_PLACEMENT_FITS)
		return reason;
	if (r->cpu_milli > h->cpu_milli)
		return FOG_PLACEMENT_CPU;
	if (r->memory_bytes > h->memory_bytes)
		return FOG_PLACEMENT_MEMORY;
	if (r->gpu_milli > h->gpu_milli)
		return FOG_PLACEMENT_GPU;
	return filter_terms(r, h);
}

void fog_placement_commit(struct fog_placement_host *h, const struct fog_placement_request *r)
{
	h->cpu_milli_committed += r->cpu_milli;
	h->memory_bytes_committed += r->memory_bytes;
	h->gpu_milli_committed += r->gpu_milli;
	h->jobs_committed++;
	h->crowd++;
	if (h->keep != NULL)
		fog_keep_use(h->keep, r->owner, r->wall_ms, &AMOUNT(r));
	if (!outlasts(r, h))
		return;
	h->cpu_milli_spare -= FOG_MIN(r->cpu_milli, h->cpu_milli_spare);
	h->memory_bytes_spare -= FOG_MIN(r->memory_bytes, h->memory_bytes_spare);
	h->gpu_milli_spare -= FOG_MIN(r->gpu_milli, h->gpu_milli_spare);
}

void fog_placement_uncommit(struct fog_placement_host *h, const struct fog_placement_request *r)
{
	FOG_ASSERT(h->jobs_committed > 0);
	h->cpu_milli_committed -= r->cpu_milli;
	h->memory_bytes_committed -= r->memory_bytes;
	h->gpu_milli_committed -= r->gpu_milli;
	h->jobs_committed--;
	if (h->keep != NULL)
		fog_keep_unuse(h->keep, r->owner, r->wall_ms, &AMOUNT(r));
}

bool fog_placement_near(const struct fog_placement_host *a, const struct fog_placement_host *b,
			enum fog_placement_key key)
{
	if (memcmp(a->id, b->id, FOG_NODE_ID_SIZE) == 0)
		return true;
	return key != FOG_PLACEMENT_KEY_COUNT && a->attribute[key][0] != '\0' &&
	       strcmp(a->attribute[key], b->attribute[key]) == 0;
}

/* splitmix64 over the id: spreads ties, is no secret. */
static double jitter(u64 seed, const u8 id[FOG_NODE_ID_SIZE])
{
	u64 v = seed;

	for (u32 i = 0; i < FOG_NODE_ID_SIZE; i += 8) {
		v += 0x9e3779b97f4a7c15ull + fog_load_u64(id + i);
		v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
		v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
		v ^= v >> 31;
	}
	return (double)(v >> 11) / 9007199254740992.0;
}

static double share(u64 need, u64 committed, u64 offered)
{
	return offered == 0 ? 0 : (double)(need + committed) / (double)offered;
}

static double score(const struct fog_placement_request *r, const struct fog_placement_host *h,
		    const struct fog_placement_weights *w, i64 price_max)
{
	double latency = h->latency_ms != 0 ? h->latency_ms : FOG_PLACEMENT_LATENCY_UNKNOWN_MS;
	double cpu = share(r->cpu_milli, h->cpu_milli_committed, h->cpu_milli);
	double memory = share(r->memory_bytes, h->memory_bytes_committed, h->memory_bytes);
	double gpu = share(r->gpu_milli, h->gpu_milli_committed, h->gpu_milli);
	double cost = price_max > 0 ? (double)host_price(r, h) / (double)price_max : 0;
	u32 around = h->jobs_committed + 4 * h->crowd; /* the group is to be spread above all */

	return w->cost * cost + w->latency * latency / (latency + LATENCY_HALF_MS) +
	       w->reputation * (1 - h->reputation_lower) +
	       w->load * FOG_MAX(FOG_MAX(cpu, memory), gpu) + w->spread * around / (around + 1.0) +
	       w->waste * (r->gpu_milli == 0 && h->gpu_milli != 0) +
	       w->jitter * jitter(r->seed, h->id);
}

bool fog_placement_request_ok(const struct fog_placement_request *r)
{
	if (r->exclude_count > FOG_PLACEMENT_EXCLUDE_MAX ||
	    r->equality_count > FOG_PLACEMENT_ATTRIBUTES_MAX || r->price_cap < 0 ||
	    r->wall_ms > FOG_PLACEMENT_WALL_MS_MAX)
		return false;
	if (!(r->reputation_min >= 0 && r->reputation_min <= 1))
		return false;
	for (u32 i = 0; i < r->equality_count; i++)
		if (r->equality[i].key <= FOG_PLACEMENT_KEY_INVALID ||
		    r->equality[i].key >= FOG_PLACEMENT_KEY_COUNT)
			return false;
	return true;
}

int fog_placement_choose(const struct fog_placement_request *request,
			 const struct fog_placement_host *hosts, u32 host_count,
			 const struct fog_placement_weights *weights, struct fog_placement *out)
{
	bool feasible[FOG_PLACEMENT_HOSTS_MAX];
	i64 price_max = 0;

	memset(out, 0, sizeof(*out));
	if (host_count > FOG_PLACEMENT_HOSTS_MAX || !fog_placement_request_ok(request))
		return -EINVAL;
	if (weights == NULL)
		weights = &fog_placement_weights_default;
	out->hosts = host_count;
	for (u32 i = 0; i < host_count; i++) {
		enum fog_placement_reason reason = fog_placement_filter(request, &hosts[i]);
		feasible[i] = reason == FOG_PLACEMENT_FITS;
		if (!feasible[i]) {
			out->rejected[reason]++;
			continue;
		}
		out->feasible++;
		price_max = FOG_MAX(price_max, host_price(request, &hosts[i]));
	}
	for (u32 i = 0; i < host_count; i++) {
		if (!feasible[i])
			continue;
		double s = score(request, &hosts[i], weights, price_max);
		if (out->found && s >= out->score)
			continue;
		out->found = true;
		out->index = i;
		out->score = s;
		out->price = host_price(request, &hosts[i]);
	}
	return 0;
}

void fog_placement_explain(const struct fog_placement_request *request,
			   const struct fog_placement *placement,
			   char out[FOG_PLACEMENT_EXPLAIN_SIZE])
{
	size_t used;
	const char *separator = ": ";

	if (placement->hosts == 0) {
		snprintf(out, FOG_PLACEMENT_EXPLAIN_SIZE, "no host is known");
		return;
	}
	snprintf(out, FOG_PLACEMENT_EXPLAIN_SIZE, "of %u host%s", placement->hosts,
		 placement->hosts == 1 ? "" : "s");
	for (u32 i = 1; i < FOG_PLACEMENT_REASON_COUNT; i++) {
		if (placement->rejected[i] == 0)
			continue;
		used = strlen(out);
		snprintf(out + used, FOG_PLACEMENT_EXPLAIN_SIZE - used, "%s%u %s", separator,
			 placement->rejected[i], reason_text[i]);
		used = strlen(out);
		if (i == FOG_PLACEMENT_REPUTATION)
			snprintf(out + used, FOG_PLACEMENT_EXPLAIN_SIZE - used, " %.2f",
				 request->reputation_min);
		else if (i == FOG_PLACEMENT_PRICE && request->price_cap > 0)
			snprintf(out + used, FOG_PLACEMENT_EXPLAIN_SIZE - used, " of %lld mfog",
				 (long long)request->price_cap);
		separator = ", ";
	}
	used = strlen(out);
	if (placement->feasible != 0)
		snprintf(out + used, FOG_PLACEMENT_EXPLAIN_SIZE - used, "%s%u fit", separator,
			 placement->feasible);
}
