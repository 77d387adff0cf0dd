/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservations, see reserve.h; what they keep on which host, for one pass. */
#include <errno.h>
#include <math.h>

#include "controlplane/jobs/place.h"
#include "controlplane/jobs/reserve.h"
#include "crypto/mem.h"

#define MIB           (1ull << 20)
#define HORIZON_MS    FOG_JOB_WALL_MS_MAX /* no job meets what comes later */
#define CORES_MAX     1e6
#define MEMORY_MB_MAX (1ull << 30)
#define TIMES_MAX     (FOG_JOBS_RESERVATIONS_MAX * FOG_KEEP_MAX + FOG_JOBS_CLOSED_MAX)
#define OWNER_OTHERS  UINT32_MAX /* of what other operators have closed */

/* ---- times ---------------------------------------------------------------------------------- */

bool fog_reservation_next(const struct fog_reservation *r, u64 now_ms, u64 *begin_ms)
{
	u64 begin = r->start_ms;

	if (now_ms >= begin + r->duration_ms) {
		if (r->every_ms == 0)
			return false;
		begin += (now_ms - r->duration_ms - begin) / r->every_ms * r->every_ms;
		while (now_ms >= begin + r->duration_ms)
			begin += r->every_ms;
	}
	*begin_ms = begin;
	return r->until_ms == 0 || begin <= r->until_ms;
}

/* Do they meet, in the next times of one of them? */
static bool overlap(const struct fog_reservation *a, const struct fog_reservation *b, u64 now_ms)
{
	u64 from = now_ms, begin, other;

	for (u32 i = 0; i < FOG_RESERVE_CHECKED; i++) {
		if (!fog_reservation_next(a, from, &begin))
			return false;
		if (fog_reservation_next(b, FOG_MAX(begin, now_ms), &other) &&
		    other < begin + a->duration_ms)
			return true;
		if (a->every_ms == 0)
			return false;
		from = begin + a->duration_ms;
	}
	return false;
}

/* ---- making them ---------------------------------------------------------------------------- */

static bool empty(const struct fog_amount *a)
{
	return fog_amount_within(a, &(struct fog_amount){0});
}

/* One that keeps a host whole suffers no other there. */
static const struct fog_reservation *conflict(const struct fog_jobs *j,
					      const struct fog_reservation *r, u32 *host)
{
	for (u32 i = 0; i < j->reservation_count; i++) {
		const struct fog_reservation *o = &j->reservations[i];
		bool whole = empty(&r->amount) || empty(&o->amount);
		for (u32 k = 0; whole && k < r->host_count * o->host_count; k++) {
			*host = k % r->host_count;
			if (memcmp(r->host[*host], o->host[k / r->host_count], FOG_JOB_NODE_SIZE) ==
				    0 &&
			    overlap(r, o, j->now_ms))
				return o;
		}
	}
	return NULL;
}

int fog_reserve_add(struct fog_jobs *j, struct fog_reservation *r, char error[FOG_JSON_ERROR_SIZE])
{
	const struct fog_reservation *other;
	u8 bytes[8];
	u32 host;

	error[0] = '\0';
	if ((other = conflict(j, r, &host)) != NULL) {
		snprintf(error, FOG_JSON_ERROR_SIZE,
			 "hosts: entry %u is reserved for namespace %s in that time", host,
			 other->space);
		return -EEXIST;
	}
	if (j->reservation_count == FOG_JOBS_RESERVATIONS_MAX)
		return -ENOSPC;
	fog_rng_bytes(&j->rng, bytes, sizeof(bytes));
	if (fog_hex_encode(bytes, sizeof(bytes), r->id, sizeof(r->id)) != 0)
		FOG_UNREACHABLE();
	r->created_ms = j->now_ms;
	j->reservations[j->reservation_count++] = *r;
	fog_db_reservation_add(j, r);
	return 0;
}

int fog_jobs_reserve(struct fog_jobs *j, struct fog_reservation *r, u64 now_ms,
		     char error[FOG_JSON_ERROR_SIZE])
{
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	int rc = fog_reserve_add(j, r, error);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

static void drop(struct fog_jobs *j, u32 index)
{
	fog_db_reservation_delete(j, j->reservations[index].id);
	j->reservations[index] = j->reservations[--j->reservation_count];
}

int fog_jobs_unreserve(struct fog_jobs *j, const char *id, u64 now_ms)
{
	u32 i = 0;

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	while (i < j->reservation_count && strcmp(j->reservations[i].id, id) != 0)
		i++;
	bool found = i < j->reservation_count;
	if (found)
		drop(j, i);
	return fog_jobs_end(j) != 0 ? -EAGAIN : found ? 0 : -ENOENT;
}

void fog_reserve_tick(struct fog_jobs *j)
{
	u64 begin;

	for (u32 i = j->reservation_count; i > 0; i--)
		if (!fog_reservation_next(&j->reservations[i - 1], j->now_ms, &begin))
			drop(j, i - 1);
}

const struct fog_reservation *fog_jobs_reservation(const struct fog_jobs *j, u32 index)
{
	return index < j->reservation_count ? &j->reservations[index] : NULL;
}

/* ---- the body ------------------------------------------------------------------------------- */

static void hosts_read(struct fog_jobs *j, struct fog_json_reader *r, u64 now_ms,
		       struct fog_reservation *out)
{
	const json_t *list = fog_json_array(r, "hosts", 1, FOG_RESERVE_HOSTS_MAX);
	size_t i;
	json_t *v;

	j->now_ms = now_ms;
	u32 count = list != NULL ? fog_pass_hosts(j) : 0;
	json_array_foreach((json_t *)list, i, v)
	{
		const char *text = json_string_value(v);
		u32 h = 0;
		while (h < count && (text == NULL || !fog_job_host_matches(text, &j->hosts[h])))
			h++;
		if (h == count) {
			fog_json_wrong(r, "hosts", "no host \"%.64s\" is known",
				       text != NULL ? text : "");
			return;
		}
		for (u32 k = 0; k < out->host_count; k++)
			if (memcmp(out->host[k], j->hosts[h].id, FOG_JOB_NODE_SIZE) == 0)
				fog_json_wrong(r, "hosts", "%.64s is named twice", text);
		memcpy(out->host[out->host_count++], j->hosts[h].id, FOG_JOB_NODE_SIZE);
	}
}

/* Only of this host can we promise that it takes another's jobs. */
static void submitter_read(struct fog_jobs *j, struct fog_json_reader *r,
			   struct fog_reservation *out)
{
	const char *text = fog_json_text_of(r, "submitter", FOG_JOB_HOST_SIZE);
	u32 count = fog_json_ok(r) ? fog_pass_hosts(j) : 0, h = 0;

	while (h < count && !fog_job_host_matches(text, &j->hosts[h]))
		h++;
	if (!fog_json_ok(r))
		return;
	if (h == count)
		fog_json_wrong(r, "submitter", "no host \"%.64s\" is known", text);
	else if (out->host_count != 1 ||
		 memcmp(out->host[0], j->config.node_id, FOG_JOB_NODE_SIZE) != 0)
		fog_json_wrong(r, "submitter", "goes with this host alone in hosts");
	else
		memcpy(out->submitter, j->hosts[h].id, FOG_JOB_NODE_SIZE);
}

static void amounts_read(struct fog_json_reader *r, struct fog_amount *out)
{
	if (fog_json_has(r, "cpu_cores"))
		out->cpu_milli = (u64)lround(1000 * fog_json_real(r, "cpu_cores", 0.01, CORES_MAX));
	if (fog_json_has(r, "memory_mb"))
		out->memory_bytes = MIB * fog_json_u64(r, "memory_mb", 1, MEMORY_MB_MAX);
	if (fog_json_has(r, "accelerators"))
		out->gpu_milli = 1000 * fog_json_u64(r, "accelerators", 1, 65536);
}

static void times_read(struct fog_json_reader *r, u64 now_ms, struct fog_reservation *out)
{
	u64 begin;

	out->start_ms = now_ms;
	if (fog_json_has(r, "start_ms"))
		out->start_ms = fog_json_u64(r, "start_ms", 1, INT64_MAX / 2);
	out->duration_ms =
		1000 * fog_json_u64(r, "duration_seconds", 1, FOG_RESERVE_DURATION_MS / 1000);
	if (fog_json_has(r, "every_seconds"))
		out->every_ms =
			1000 * fog_json_u64(r, "every_seconds", 1, FOG_RESERVE_DURATION_MS / 1000);
	if (fog_json_has(r, "until_ms"))
		out->until_ms = fog_json_u64(r, "until_ms", 1, INT64_MAX / 2);
	if (!fog_json_ok(r))
		return;
	if (out->every_ms != 0 && out->every_ms < out->duration_ms)
		fog_json_wrong(r, "every_seconds", "is shorter than duration_seconds");
	else if (out->every_ms == 0 && out->until_ms != 0)
		fog_json_wrong(r, "until_ms", "needs every_seconds");
	else if (!fog_reservation_next(out, now_ms, &begin))
		fog_json_wrong(r, "start_ms", "lies so far back that it is over");
}

int fog_reservation_parse(struct fog_jobs *j, const json_t *body, u64 now_ms,
			  struct fog_reservation *out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;

	memset(out, 0, sizeof(*out));
	fog_json_begin(&r, body, "");
	fog_json_copy(&r, "namespace", out->space, sizeof(out->space));
	if (fog_json_ok(&r) && !fog_job_id_valid(out->space))
		fog_json_wrong(&r, "namespace", "must be 1 to 64 of [A-Za-z0-9._-]");
	if (fog_json_has(&r, "note"))
		fog_json_copy(&r, "note", out->note, sizeof(out->note));
	if (fog_json_has(&r, "hosts"))
		hosts_read(j, &r, now_ms, out);
	if (fog_json_has(&r, "submitter"))
		submitter_read(j, &r, out);
	amounts_read(&r, &out->amount);
	times_read(&r, now_ms, out);
	fog_json_end(&r);
	if (fog_json_ok(&r) && out->host_count == 0 && empty(&out->amount))
		fog_json_wrong(&r, "hosts",
			       "give hosts, or amounts: cpu_cores, memory_mb, accelerators");
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
	return fog_json_ok(&r) ? 0 : -EINVAL;
}

/* ---- one pass ------------------------------------------------------------------------------- */

u32 fog_reserve_owner(const struct fog_jobs *j, const char *space)
{
	for (u32 i = 0; i < j->reservation_count; i++)
		if (strcmp(j->reservations[i].space, space) == 0)
			return i + 1;
	return 0;
}

/* One time of a reservation, from now. */
struct moment {
	struct fog_reservation *r; /* NULL: another operator's */
	const u8 *node;            /* then, its host */
	u32 owner;
	u64 start_ms, end_ms;
	bool first;
};

static int moment_compare(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	if (x->r == NULL || y->r == NULL)
		return (x->r != NULL) - (y->r != NULL);
	return strcmp(x->r->id, y->r->id);
}

static u32 moments_read(struct fog_jobs *j, struct moment out[TIMES_MAX])
{
	u32 count = 0;

	for (u32 i = 0; i < j->reservation_count; i++) {
		struct fog_reservation *r = &j->reservations[i];
		u64 from = j->now_ms, begin;
		r->kept = (struct fog_amount){0};
		for (u32 k = 0; k < FOG_KEEP_MAX; k++) {
			if (!fog_reservation_next(r, from, &begin) ||
			    begin > j->now_ms + HORIZON_MS)
				break;
			from = begin + r->duration_ms;
			out[count++] = (struct moment){
				.r = r,
				.owner = fog_reserve_owner(j, r->space),
				.start_ms = begin > j->now_ms ? begin - j->now_ms : 0,
				.end_ms = from - j->now_ms,
				.first = k == 0,
			};
			if (r->every_ms == 0)
				break;
		}
	}
	return count;
}

/* Hosts that others have closed to us. */
static u32 closed_read(const struct fog_jobs *j, const struct fog_closed *closed, u32 closed_count,
		       struct moment *out)
{
	u32 count = 0;

	for (u32 i = 0; i < closed_count; i++) {
		const struct fog_closed *c = &closed[i];
		if (c->end_ms <= j->now_ms || c->begin_ms > j->now_ms + HORIZON_MS ||
		    memcmp(c->submitter, j->config.node_id, FOG_JOB_NODE_SIZE) == 0 ||
		    memcmp(c->node, j->config.node_id, FOG_JOB_NODE_SIZE) == 0)
			continue;
		out[count++] = (struct moment){
			.node = c->node,
			.owner = OWNER_OTHERS,
			.start_ms = c->begin_ms > j->now_ms ? c->begin_ms - j->now_ms : 0,
			.end_ms = c->end_ms - j->now_ms,
		};
	}
	return count;
}

static struct fog_amount offered(const struct fog_placement_host *h)
{
	return (struct fog_amount){h->cpu_milli, h->memory_bytes, h->gpu_milli};
}

static void keep_on(struct fog_pass *p, const struct moment *m, u32 index,
		    const struct fog_amount *amount)
{
	struct fog_placement_host *h = &p->j->hosts[index];

	h->keep = &p->keeps[index];
	if (fog_keep_add(h->keep, m->owner, m->start_ms, m->end_ms, amount) && m->r != NULL &&
	    m->first)
		m->r->kept = fog_amount_plus(&m->r->kept, amount);
}

/* What this host can keep for it: less what others may still use then, and keep already. */
struct vacancy {
	u32 index;
	struct fog_amount amount;
};

static void vacancy_find(const struct fog_pass *p, const struct moment *m, u32 index,
			 struct vacancy *out)
{
	const struct fog_placement_host *h = &p->j->hosts[index];
	const struct fog_keep *keep = &p->keeps[index];

	*out = (struct vacancy){.index = index, .amount = offered(h)};
	for (u32 k = 0; k < keep->count; k++)
		if (keep->period[k].end_ms > m->start_ms)
			out->amount = fog_amount_minus(&out->amount, &keep->period[k].amount);
}

static int vacancy_compare(const void *a, const void *b)
{
	const struct fog_amount *x = &((const struct vacancy *)a)->amount;
	const struct fog_amount *y = &((const struct vacancy *)b)->amount;

	if (x->gpu_milli != y->gpu_milli)
		return x->gpu_milli > y->gpu_milli ? -1 : 1;
	if (x->cpu_milli != y->cpu_milli)
		return x->cpu_milli > y->cpu_milli ? -1 : 1;
	return x->memory_bytes > y->memory_bytes ? -1 : x->memory_bytes < y->memory_bytes;
}

static bool usable(const struct fog_placement_host *h)
{
	return h->alive && !h->local && !h->cordoned && h->roles != 0;
}

static void keep_amount(struct fog_pass *p, const struct moment *m, struct vacancy *list)
{
	struct fog_amount left = m->r->amount;
	u32 count = 0;

	for (u32 i = 0; i < p->host_count; i++)
		if (usable(&p->j->hosts[i]))
			vacancy_find(p, m, i, &list[count++]);
	/* Runs of others that last into it; more than one host can have many. */
	for (u32 i = 0; i < p->run_count && count != 0; i++) {
		const struct fog_batch_run *run = &p->runs[i];
		struct fog_amount use = {run->cpu_milli, run->memory_bytes, run->gpu_milli};
		u32 k = 0;
		if (run->left_ms <= m->start_ms || run->owner == m->owner)
			continue;
		while (k < count && list[k].index != run->host)
			k++;
		if (k < count)
			list[k].amount = fog_amount_minus(&list[k].amount, &use);
	}
	qsort(list, count, sizeof(*list), vacancy_compare);
	for (u32 i = 0; i < count; i++) {
		struct fog_amount here = fog_amount_least(&left, &list[i].amount);
		if (empty(&here))
			continue;
		keep_on(p, m, list[i].index, &here);
		left = fog_amount_minus(&left, &here);
	}
}

static void keep_hosts(struct fog_pass *p, const struct moment *m)
{
	for (u32 i = 0; i < m->r->host_count; i++) {
		struct fog_placement_host *h = fog_pass_host(p->j, p->host_count, m->r->host[i]);
		if (h == NULL)
			continue;
		struct fog_amount all = offered(h);
		if (!empty(&m->r->amount))
			all = fog_amount_least(&all, &m->r->amount);
		keep_on(p, m, (u32)(h - p->j->hosts), &all);
	}
}

static void keep_closed(struct fog_pass *p, const struct moment *m)
{
	struct fog_placement_host *h = fog_pass_host(p->j, p->host_count, m->node);
	struct fog_amount all;

	if (h == NULL)
		return;
	all = offered(h);
	keep_on(p, m, (u32)(h - p->j->hosts), &all);
}

static void keep_all(struct fog_pass *p, struct moment *moment, u32 count, struct vacancy *list)
{
	qsort(moment, count, sizeof(*moment), moment_compare);
	for (u32 i = 0; i < count; i++) {
		if (moment[i].r == NULL)
			keep_closed(p, &moment[i]);
		else if (moment[i].r->host_count != 0)
			keep_hosts(p, &moment[i]);
		else
			keep_amount(p, &moment[i], list);
	}
}

bool fog_pass_keep(struct fog_pass *p)
{
	const struct fog_jobs_ports *ports = &p->j->ports;
	struct fog_closed *closed = calloc(FOG_JOBS_CLOSED_MAX, sizeof(*closed));
	struct moment *moment = NULL;
	struct vacancy *list = NULL;
	u32 closed_count = 0, count;
	bool ok = closed != NULL;

	if (ok && ports->closed != NULL)
		closed_count = ports->closed(ports->context, closed, FOG_JOBS_CLOSED_MAX);
	if (p->j->reservation_count == 0 && closed_count == 0)
		goto out;
	p->keeps = calloc(p->host_count + 1, sizeof(*p->keeps));
	moment = calloc(TIMES_MAX, sizeof(*moment));
	list = calloc(p->host_count + 1, sizeof(*list));
	ok = ok && p->keeps != NULL && moment != NULL && list != NULL;
	if (!ok)
		goto out;
	count = moments_read(p->j, moment);
	count += closed_read(p->j, closed, closed_count, &moment[count]);
	keep_all(p, moment, count, list);
	for (u32 i = 0; i < p->run_count; i++) {
		const struct fog_batch_run *run = &p->runs[i];
		struct fog_amount use = {run->cpu_milli, run->memory_bytes, run->gpu_milli};
		fog_keep_use(&p->keeps[run->host], run->owner, run->left_ms, &use);
	}
out:
	free(closed);
	free(moment);
	free(list);
	return ok;
}

int fog_jobs_reservations_look(struct fog_jobs *j, u64 now_ms)
{
	struct fog_pass p = {.j = j, .dry = true};

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	p.host_count = fog_pass_hosts(j);
	bool ok = fog_pass_runs(&p) && fog_pass_keep(&p);
	fog_pass_free(&p);
	return fog_jobs_end(j) != 0 || !ok ? -EAGAIN : 0;
}

/* ---- the worker ----------------------------------------------------------------------------- */

/* Does it keep this host whole? */
static bool closes(const struct fog_jobs *j, const struct fog_reservation *r)
{
	for (u32 h = 0; empty(&r->amount) && h < r->host_count; h++)
		if (memcmp(r->host[h], j->config.node_id, FOG_JOB_NODE_SIZE) == 0)
			return true;
	return false;
}

const struct fog_reservation *fog_reserve_meets(const struct fog_jobs *j, u64 wall_ms,
						const u8 submitter[FOG_JOB_NODE_SIZE])
{
	u64 begin;

	for (u32 i = 0; i < j->reservation_count; i++) {
		const struct fog_reservation *r = &j->reservations[i];
		if (closes(j, r) && memcmp(r->submitter, submitter, FOG_JOB_NODE_SIZE) != 0 &&
		    fog_reservation_next(r, j->now_ms, &begin) && begin < j->now_ms + wall_ms)
			return r;
	}
	return NULL;
}

u32 fog_jobs_closed(const struct fog_jobs *j, struct fog_closed out[FOG_CLOSED_MAX], u64 now_ms)
{
	u32 count = 0;
	u64 begin;

	for (u32 i = 0; i < j->reservation_count; i++) {
		const struct fog_reservation *r = &j->reservations[i];
		struct fog_closed c = {0};
		u32 at = 0;
		if (!closes(j, r) || !fog_reservation_next(r, now_ms, &begin))
			continue;
		memcpy(c.node, j->config.node_id, sizeof(c.node));
		memcpy(c.submitter, r->submitter, sizeof(c.submitter));
		c.begin_ms = begin;
		c.end_ms = begin + r->duration_ms;
		while (at < count && out[at].begin_ms <= begin)
			at++;
		if (at == FOG_CLOSED_MAX)
			continue;
		u32 moved = FOG_MIN(count, FOG_CLOSED_MAX - 1u) - at;
		memmove(&out[at + 1], &out[at], moved * sizeof(*out));
		out[at] = c;
		count = FOG_MIN(count + 1, (u32)FOG_CLOSED_MAX);
	}
	return count;
}
