/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-dominated sorting, see sort.h. The methods see unique points in lexicographic order: a point
 * can then only be dominated by an earlier one, and "nowhere worse" already means "dominates". */
#include "controlplane/scheduler/sort.h"

#include <errno.h>
#include <math.h>

#include "controlplane/scheduler/carve.h"

#define WORD_BITS         64
#define SEARCH_POINTS_MAX 100 /* four and more objectives: above, rows of bits win (sort.h) */

struct key {
	u64 bits; /* ordered as the doubles are */
	u32 index;
	u32 pad;
};

struct step {
	double y, z;
};

/* One front's staircase: y ascending, z descending. */
struct stairs {
	u32 at; /* in steps[] */
	u32 count;
	u32 size;
	u32 pad;
};

/* The scratch, carved. */
struct room {
	struct key *key[2];
	double *point; /* unique points, [unique][objectives] */
	u32 *order;    /* feasible points in lexicographic order */
	u32 *unique;   /* [i] which unique point order[i] is */
	u32 *rank;     /* of unique points */
	u32 *next;
	u32 *last;
	struct stairs *stairs;
	struct step *steps; /* 4 per point: each staircase doubles, leaving the old half behind */
	u64 *row;
	u64 *set;
	u32 *before; /* fog_sort_prune(): neighbours by objective, [objectives][count] */
	u32 *after;
	double *gap;
	size_t used;
};

static struct room room_make(u8 *base, u32 count, u32 objectives)
{
	struct room r = {.used = 0};
	size_t words = (count + WORD_BITS - 1) / WORD_BITS;

	if (base != NULL)
		base = fog_carve_start(base);
	r.key[0] = fog_carve(base, &r.used, count * sizeof(*r.key[0]));
	r.key[1] = fog_carve(base, &r.used, count * sizeof(*r.key[1]));
	r.point = fog_carve(base, &r.used, (size_t)count * objectives * sizeof(*r.point));
	r.order = fog_carve(base, &r.used, count * sizeof(*r.order));
	r.unique = fog_carve(base, &r.used, count * sizeof(*r.unique));
	r.rank = fog_carve(base, &r.used, count * sizeof(*r.rank));
	r.next = fog_carve(base, &r.used, count * sizeof(*r.next));
	r.last = fog_carve(base, &r.used, count * sizeof(*r.last));
	r.stairs = fog_carve(base, &r.used, count * sizeof(*r.stairs));
	r.steps = fog_carve(base, &r.used, 4 * (size_t)count * sizeof(*r.steps));
	r.set = fog_carve(base, &r.used, words * sizeof(*r.set));
	r.before = fog_carve(base, &r.used, (size_t)count * objectives * sizeof(*r.before));
	r.after = fog_carve(base, &r.used, (size_t)count * objectives * sizeof(*r.after));
	r.gap = fog_carve(base, &r.used, count * sizeof(*r.gap));
	if (objectives > 2)
		r.row = fog_carve(base, &r.used, count * words * sizeof(*r.row));
	return r;
}

size_t fog_sort_scratch_size(u32 count, u32 objectives)
{
	FOG_ASSERT(count <= FOG_SORT_POINTS_MAX);
	FOG_ASSERT(objectives <= FOG_SORT_OBJECTIVES_MAX);
	return room_make(NULL, count, objectives).used + FOG_CACHELINE;
}

/* The bits of v, as an integer ordered like v; both zeroes are one. */
static u64 ordered_bits(double v)
{
	u64 bits;

	v += 0.0;
	memcpy(&bits, &v, sizeof(bits));
	return bits >> 63 ? ~bits : bits | 1ull << 63;
}

/* Sorts r->key[0] by bits, stable: bytes from the lowest, those that never change skipped. */
static struct key *key_sort(struct room *r, u32 count)
{
	u32 histogram[8][256] = {0};
	struct key *from = r->key[0];
	struct key *to = r->key[1];

	for (u32 i = 0; i < count; i++)
		for (u32 b = 0; b < 8; b++)
			histogram[b][from[i].bits >> (8 * b) & 255]++;
	for (u32 b = 0; b < 8; b++) {
		u32 sum = 0;
		if (count == 0 || histogram[b][from[0].bits >> (8 * b) & 255] == count)
			continue;
		for (u32 v = 0; v < 256; v++) {
			u32 here = histogram[b][v];
			histogram[b][v] = sum;
			sum += here;
		}
		for (u32 i = 0; i < count; i++)
			to[histogram[b][from[i].bits >> (8 * b) & 255]++] = from[i];
		struct key *swap = from;
		from = to;
		to = swap;
	}
	return from;
}

static int compare(const double *a, const double *b, u32 objectives)
{
	for (u32 k = 0; k < objectives; k++)
		if (a[k] != b[k])
			return a[k] < b[k] ? -1 : 1;
	return 0;
}

/* Points that agree in the first objective, by the others: a bottom-up merge, stable. */
static void sort_run(const double *values, u32 objectives, u32 *order, u32 *spare, u32 count)
{
	u32 *from = order;
	u32 *to = spare;

	for (u32 width = 1; width < count; width *= 2) {
		for (u32 low = 0; low < count; low += 2 * width) {
			u32 middle = FOG_MIN(low + width, count);
			u32 high = FOG_MIN(low + 2 * width, count);
			u32 a = low, b = middle;
			for (u32 i = low; i < high; i++) {
				bool second = a == middle;
				if (!second && b < high)
					second = compare(values + (size_t)from[b] * objectives,
							 values + (size_t)from[a] * objectives,
							 objectives) < 0;
				to[i] = second ? from[b++] : from[a++];
			}
		}
		u32 *swap = from;
		from = to;
		to = swap;
	}
	if (from != order)
		memcpy(order, from, count * sizeof(*order));
}

/* Fills order[], point[] and unique[] from order[count] = the feasible points. Returns how many
 * points are unique. */
static u32 lexicographic(struct room *r, const double *values, u32 count, u32 objectives)
{
	u32 unique = 0;

	for (u32 i = 0; i < count; i++)
		r->key[0][i] = (struct key){ordered_bits(values[(size_t)r->order[i] * objectives]),
					    r->order[i], 0};
	const struct key *key = key_sort(r, count);
	for (u32 i = 0; i < count; i++)
		r->order[i] = key[i].index;
	for (u32 low = 0, high; low < count; low = high) {
		for (high = low + 1; high < count && key[high].bits == key[low].bits; high++)
			continue;
		if (high - low > 1)
			sort_run(values, objectives, r->order + low, r->next, high - low);
	}
	for (u32 i = 0; i < count; i++) {
		const double *p = values + (size_t)r->order[i] * objectives;
		double *last = r->point + (size_t)unique * objectives;
		if (unique == 0 || compare(last - objectives, p, objectives) != 0) {
			memcpy(last, p, objectives * sizeof(*p));
			unique++;
		}
		r->unique[i] = unique - 1;
	}
	return unique;
}

/* Two objectives: the newest member of a front has its smallest second value, and those grow from
 * front to front. */
static u32 sort_sweep(struct room *r, u32 count)
{
	double *tail = (double *)r->steps;
	u32 fronts = 0;

	for (u32 i = 0; i < count; i++) {
		double y = r->point[2 * i + 1];
		u32 low = 0;
		for (u32 left = fronts; left > 0;) {
			u32 half = (left + 1) / 2;
			low = tail[low + half - 1] <= y ? low + half : low;
			left -= half;
		}
		tail[low] = y;
		r->rank[i] = low;
		fronts += low == fronts;
	}
	return fronts;
}

/* How many steps have y at most `y`. */
static u32 steps_until(const struct step *step, u32 count, double y)
{
	u32 low = 0;

	for (u32 left = count; left > 0;) {
		u32 half = (left + 1) / 2;
		low = step[low + half - 1].y <= y ? low + half : low;
		left -= half;
	}
	return low;
}

/* Adds a step that none of the stairs dominates; those it dominates go. `at`: as steps_until(). */
static void stairs_add(struct room *r, struct stairs *s, u32 at, double y, double z,
		       u32 *steps_used)
{
	struct step *step = r->steps + s->at;
	u32 from = at;
	u32 to = at;

	if (at > 0 && step[at - 1].y == y)
		from--;
	while (to < s->count && step[to].z >= z)
		to++;
	if (to == from && s->count == s->size) {
		s->size = s->size == 0 ? 1 : 2 * s->size;
		memcpy(r->steps + *steps_used, step, s->count * sizeof(*step));
		s->at = *steps_used;
		*steps_used += s->size;
		step = r->steps + s->at;
	}
	memmove(step + from + 1, step + to, (s->count - to) * sizeof(*step));
	step[from] = (struct step){y, z};
	s->count = s->count - (to - from) + 1;
}

static u32 sort_stairs(struct room *r, u32 count)
{
	u32 fronts = 0;
	u32 steps_used = 0;

	for (u32 i = 0; i < count; i++) {
		double y = r->point[3 * i + 1];
		double z = r->point[3 * i + 2];
		u32 low = 0, high = fronts, at = 0;
		while (low < high) {
			u32 middle = low + (high - low) / 2;
			const struct stairs *s = &r->stairs[middle];
			u32 n = steps_until(r->steps + s->at, s->count, y);
			if (n > 0 && r->steps[s->at + n - 1].z <= z) {
				low = middle + 1;
			} else {
				high = middle;
				at = n;
			}
		}
		if (low == fronts) {
			r->stairs[fronts++] = (struct stairs){.at = steps_used};
			at = 0;
		}
		r->rank[i] = low;
		stairs_add(r, &r->stairs[low], at, y, z, &steps_used);
		FOG_CHECK(steps_used <= 4 * count);
	}
	return fronts;
}

/* Rows by one objective: ands (or copies, the first time) the set of points no worse into each. */
static void bitset_objective(struct room *r, u32 count, u32 objectives, u32 k)
{
	size_t words = (count + WORD_BITS - 1) / WORD_BITS;

	for (u32 i = 0; i < count; i++)
		r->key[0][i] =
			(struct key){ordered_bits(r->point[(size_t)i * objectives + k]), i, 0};
	const struct key *key = key_sort(r, count);
	memset(r->set, 0, words * sizeof(*r->set));
	for (u32 low = 0, high; low < count; low = high) {
		for (high = low; high < count && key[high].bits == key[low].bits; high++)
			r->set[key[high].index / WORD_BITS] |= 1ull << key[high].index % WORD_BITS;
		for (u32 i = low; i < high; i++) {
			u64 *row = r->row + key[i].index * words;
			u32 used = key[i].index / WORD_BITS + 1;
			if (k == 1) {
				memcpy(row, r->set, used * sizeof(*row));
				continue;
			}
			for (u32 w = 0; w < used; w++)
				row[w] &= r->set[w];
		}
	}
}

static bool rows_meet(const u64 *a, const u64 *b, u32 words)
{
	for (u32 w = words; w > 0; w--)
		if ((a[w - 1] & b[w - 1]) != 0)
			return true;
	return false;
}

/* Front f's members are kept in row f: rows up to the point at hand have been used, and there are
 * never more fronts than points. */
static u32 sort_bitset(struct room *r, u32 count, u32 objectives)
{
	size_t words = (count + WORD_BITS - 1) / WORD_BITS;
	u32 fronts = 0;

	for (u32 k = 1; k < objectives; k++)
		bitset_objective(r, count, objectives, k);
	for (u32 i = 0; i < count; i++) {
		u64 *row = r->row + i * words;
		u32 used = i / WORD_BITS + 1;
		u32 low = 0, high = fronts;
		row[i / WORD_BITS] &= (1ull << i % WORD_BITS) - 1;
		while (low < high) {
			u32 middle = low + (high - low) / 2;
			if (rows_meet(row, r->row + middle * words, used))
				low = middle + 1;
			else
				high = middle;
		}
		u64 *front = r->row + low * words;
		if (low == fronts) {
			memset(front, 0, words * sizeof(*front));
			fronts++;
		}
		front[i / WORD_BITS] |= 1ull << i % WORD_BITS;
		r->rank[i] = low;
	}
	return fronts;
}

static bool no_worse(const double *a, const double *b, u32 objectives)
{
	for (u32 k = objectives; k > 1; k--)
		if (a[k - 1] > b[k - 1])
			return false;
	return true;
}

static u32 sort_search(struct room *r, u32 count, u32 objectives)
{
	u32 fronts = 0;

	for (u32 i = 0; i < count; i++) {
		const double *p = r->point + (size_t)i * objectives;
		u32 low = 0, high = fronts;
		while (low < high) {
			u32 middle = low + (high - low) / 2;
			u32 q = r->last[middle];
			while (q != UINT32_MAX &&
			       !no_worse(r->point + (size_t)q * objectives, p, objectives))
				q = r->next[q];
			if (q != UINT32_MAX)
				low = middle + 1;
			else
				high = middle;
		}
		r->next[i] = low == fronts ? UINT32_MAX : r->last[low];
		r->last[low] = i;
		r->rank[i] = low;
		fronts += low == fronts;
	}
	return fronts;
}

static u32 sort_points(struct room *r, u32 count, u32 objectives, enum fog_sort_method method)
{
	if (objectives == 1) {
		for (u32 i = 0; i < count; i++)
			r->rank[i] = i;
		return count;
	}
	switch (method) {
	case FOG_SORT_SWEEP:
		return sort_sweep(r, count);
	case FOG_SORT_STAIRS:
		return sort_stairs(r, count);
	case FOG_SORT_BITSET:
		return sort_bitset(r, count, objectives);
	default:
		return sort_search(r, count, objectives);
	}
}

static bool method_ok(enum fog_sort_method method, u32 objectives)
{
	switch (method) {
	case FOG_SORT_AUTO:
	case FOG_SORT_SEARCH:
		return true;
	case FOG_SORT_SWEEP:
		return objectives == 2;
	case FOG_SORT_STAIRS:
		return objectives == 3;
	case FOG_SORT_BITSET:
		return objectives >= 3;
	}
	return false;
}

static enum fog_sort_method method_choose(u32 count, u32 objectives)
{
	if (objectives <= 2)
		return FOG_SORT_SWEEP;
	if (objectives == 3)
		return FOG_SORT_STAIRS;
	return count <= SEARCH_POINTS_MAX ? FOG_SORT_SEARCH : FOG_SORT_BITSET;
}

static bool values_ok(const double *values, const double *violation, u32 count, u32 objectives)
{
	bool ok = true;

	for (size_t i = 0; i < (size_t)count * objectives; i++)
		ok &= !isnan(values[i]);
	for (u32 i = 0; i < count && violation != NULL; i++)
		ok &= violation[i] >= 0;
	return ok;
}

/* Ranks of the infeasible: one front per violation. */
static u32 rank_infeasible(struct room *r, const double *violation, u32 count, u32 fronts,
			   u32 *rank)
{
	u32 n = 0;

	for (u32 i = 0; i < count; i++)
		if (violation[i] > 0)
			r->key[0][n++] = (struct key){ordered_bits(violation[i]), i, 0};
	const struct key *key = key_sort(r, n);
	for (u32 i = 0; i < n; i++) {
		fronts += i == 0 || key[i].bits != key[i - 1].bits;
		rank[key[i].index] = fronts - 1;
	}
	return fronts;
}

static void order_by_rank(struct fog_sort *out, u32 count)
{
	memset(out->start, 0, (out->fronts + 1) * sizeof(*out->start));
	for (u32 i = 0; i < count; i++)
		out->start[out->rank[i] + 1]++;
	for (u32 f = 0; f < out->fronts; f++)
		out->start[f + 1] += out->start[f];
	for (u32 i = 0; i < count; i++)
		out->order[out->start[out->rank[i]]++] = i;
	for (u32 f = out->fronts; f > 0; f--)
		out->start[f] = out->start[f - 1];
	out->start[0] = 0;
}

int fog_sort_fronts(const double *values, const double *violation, u32 count, u32 objectives,
		    enum fog_sort_method method, void *scratch, size_t scratch_size,
		    struct fog_sort *out)
{
	if (count > FOG_SORT_POINTS_MAX || objectives == 0 ||
	    objectives > FOG_SORT_OBJECTIVES_MAX || !method_ok(method, objectives) ||
	    scratch_size < fog_sort_scratch_size(count, objectives) ||
	    !values_ok(values, violation, count, objectives))
		return -EINVAL;
	struct room r = room_make(scratch, count, objectives);
	out->allowed = 0;
	for (u32 i = 0; i < count; i++)
		if (violation == NULL || violation[i] == 0)
			r.order[out->allowed++] = i;
	u32 unique = lexicographic(&r, values, out->allowed, objectives);
	if (method == FOG_SORT_AUTO)
		method = method_choose(unique, objectives);
	out->fronts = sort_points(&r, unique, objectives, method);
	for (u32 i = 0; i < out->allowed; i++)
		out->rank[r.order[i]] = r.rank[r.unique[i]];
	if (out->allowed < count)
		out->fronts = rank_infeasible(&r, violation, count, out->fronts, out->rank);
	order_by_rank(out, count);
	return 0;
}

/* Members 0..count-1 by objective k, equal ones in their order. */
static const struct key *members_by(struct room *r, const double *values, u32 objectives,
				    const u32 *member, u32 count, u32 k)
{
	for (u32 i = 0; i < count; i++)
		r->key[0][i] = (struct key){
			ordered_bits(values[(size_t)member[i] * objectives + k]), i, 0};
	return key_sort(r, count);
}

void fog_sort_crowding(const double *values, u32 objectives, const u32 *member, u32 count,
		       void *scratch, double *distance)
{
	struct room r = room_make(scratch, count, objectives);

	FOG_ASSERT(count <= FOG_SORT_POINTS_MAX);
	memset(distance, 0, count * sizeof(*distance));
	for (u32 k = 0; k < objectives && count > 0; k++) {
		const double *v = values + k;
		const struct key *key = members_by(&r, values, objectives, member, count, k);
		double low = v[(size_t)member[key[0].index] * objectives];
		double high = v[(size_t)member[key[count - 1].index] * objectives];
		distance[key[0].index] = INFINITY;
		distance[key[count - 1].index] = INFINITY;
		if (!(high - low > 0) || isinf(high - low))
			continue;
		for (u32 i = 1; i + 1 < count; i++)
			distance[key[i].index] +=
				(v[(size_t)member[key[i + 1].index] * objectives] -
				 v[(size_t)member[key[i - 1].index] * objectives]) /
				(high - low);
	}
}

/* The crowding distance of member i from its present neighbours. */
static double gap_of(const struct room *r, const double *values, u32 objectives, const u32 *member,
		     u32 count, const double *range, u32 i)
{
	double sum = 0;

	for (u32 k = 0; k < objectives; k++) {
		u32 a = r->before[(size_t)k * count + i];
		u32 b = r->after[(size_t)k * count + i];
		if (a == UINT32_MAX || b == UINT32_MAX)
			return INFINITY;
		if (range[k] > 0)
			sum += (values[(size_t)member[b] * objectives + k] -
				values[(size_t)member[a] * objectives + k]) /
			       range[k];
	}
	return sum;
}

static void link_members(struct room *r, const double *values, u32 objectives, const u32 *member,
			 u32 count, double *range)
{
	for (u32 k = 0; k < objectives; k++) {
		u32 *before = r->before + (size_t)k * count;
		u32 *after = r->after + (size_t)k * count;
		const struct key *key = members_by(r, values, objectives, member, count, k);
		for (u32 i = 0; i < count; i++) {
			before[key[i].index] = i == 0 ? UINT32_MAX : key[i - 1].index;
			after[key[i].index] = i + 1 == count ? UINT32_MAX : key[i + 1].index;
		}
		range[k] = values[(size_t)member[key[count - 1].index] * objectives + k] -
			   values[(size_t)member[key[0].index] * objectives + k];
		if (isinf(range[k]))
			range[k] = 0;
	}
	for (u32 i = 0; i < count; i++)
		r->gap[i] = gap_of(r, values, objectives, member, count, range, i);
}

void fog_sort_prune(const double *values, u32 objectives, u32 *member, u32 count, u32 keep,
		    void *scratch)
{
	struct room r = room_make(scratch, count, objectives);
	double range[FOG_SORT_OBJECTIVES_MAX];
	u32 kept = 0;

	FOG_ASSERT(count <= FOG_SORT_POINTS_MAX);
	FOG_ASSERT(keep >= 1 && keep <= count);
	if (keep == count)
		return;
	link_members(&r, values, objectives, member, count, range);
	for (u32 left = count; left > keep; left--) {
		u32 worst = UINT32_MAX;
		for (u32 i = 0; i < count; i++)
			if (r.gap[i] >= 0 && (worst == UINT32_MAX || r.gap[i] <= r.gap[worst]))
				worst = i;
		for (u32 k = 0; k < objectives; k++) {
			u32 *before = r.before + (size_t)k * count;
			u32 *after = r.after + (size_t)k * count;
			if (before[worst] != UINT32_MAX)
				after[before[worst]] = after[worst];
			if (after[worst] != UINT32_MAX)
				before[after[worst]] = before[worst];
		}
		for (u32 k = 0; k < objectives; k++) {
			u32 a = r.before[(size_t)k * count + worst];
			u32 b = r.after[(size_t)k * count + worst];
			if (a != UINT32_MAX)
				r.gap[a] = gap_of(&r, values, objectives, member, count, range, a);
			if (b != UINT32_MAX)
				r.gap[b] = gap_of(&r, values, objectives, member, count, range, b);
		}
		r.gap[worst] = -1; /* gone */
	}
	for (u32 i = 0; i < count; i++)
		if (r.gap[i] >= 0)
			member[kept++] = member[i];
}
