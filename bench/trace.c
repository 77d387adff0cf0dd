/* SPDX-License-Identifier: BSD-3-Clause */
/* See trace.h. */
#include "bench/trace.h"

#include <errno.h>
#include <time.h>

#define JOBS_MAX   32768
#define HOSTS_MAX  4096
#define USERS_MAX  4096
#define PASS_MAX   512 /* jobs looked at in one pass, as the engine does */
#define TAU_S      10.0
#define USE_HALF_S (24 * 3600.0) /* what was used counts half after a day */
#define MIB        (1ull << 20)

const char *const trace_policy_name[TRACE_POLICIES] = {"fog", "fcfs", "easy", "best fit"};

struct trace_job {
	u64 submit_s, run_s, request_s;
	u32 user;
	u32 members;
	u64 cpu_milli, memory_bytes, gpu_milli;
	enum { CLASS_B, CLASS_A, CLASS_S } class;
	char place[FOG_PLACEMENT_VALUE_SIZE];
};

struct trace {
	u32 job_count, host_count;
	struct trace_job *job;
	struct fog_placement_host *host;
};

/* ---- reading -------------------------------------------------------------------------------- */

static int hosts_read(struct trace *t, const char *line)
{
	unsigned long long count, cpu, memory, gpu;
	char place[FOG_PLACEMENT_VALUE_SIZE] = "";

	if (sscanf(line, "h,%llu,%llu,%llu,%llu,%63[^,\n]", &count, &cpu, &memory, &gpu, place) < 4)
		return -EINVAL;
	for (; count != 0; count--) {
		if (t->host_count == HOSTS_MAX)
			return -EINVAL;
		struct fog_placement_host *h = &t->host[t->host_count];
		*h = (struct fog_placement_host){.roles = FOG_PLACEMENT_ROLE_WORKER,
						 .alive = true,
						 .cpu_milli = cpu,
						 .memory_bytes = memory * MIB,
						 .gpu_milli = gpu,
						 .latency_ms = 10,
						 .reputation_lower = 0.9};
		memcpy(h->id, &t->host_count, sizeof(t->host_count));
		memcpy(h->attribute[FOG_PLACEMENT_KEY_REGION], place, sizeof(place));
		t->host_count++;
	}
	return 0;
}

static int job_read(struct trace *t, const char *line)
{
	unsigned long long v[8];
	char class = 'B';
	struct trace_job *j = &t->job[t->job_count];

	if (t->job_count == JOBS_MAX)
		return -EINVAL;
	memset(j, 0, sizeof(*j));
	if (sscanf(line, "j,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%c,%63[^,\n]", &v[0], &v[1],
		   &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &class, j->place) < 9)
		return -EINVAL;
	if (v[3] >= USERS_MAX || v[4] < 1 || v[4] > FOG_BATCH_MEMBERS_MAX || v[2] < v[1])
		return -EINVAL;
	j->submit_s = v[0];
	j->run_s = v[1];
	j->request_s = v[2];
	j->user = (u32)v[3];
	j->members = (u32)v[4];
	j->cpu_milli = v[5];
	j->memory_bytes = v[6] * MIB;
	j->gpu_milli = v[7];
	j->class = class == 'S' ? CLASS_S : class == 'A' ? CLASS_A : CLASS_B;
	if (t->job_count != 0 && j->submit_s < t->job[t->job_count - 1].submit_s)
		return -EINVAL;
	t->job_count++;
	return 0;
}

int trace_load(struct trace **out, const char *path, char why[128])
{
	struct trace *t = calloc(1, sizeof(*t));
	FILE *in = fopen(path, "re");
	char line[256];
	int rc = -ENOMEM;

	*out = NULL;
	snprintf(why, 128, "no memory");
	if (t != NULL) {
		t->job = calloc(JOBS_MAX, sizeof(*t->job));
		t->host = calloc(HOSTS_MAX, sizeof(*t->host));
	}
	if (in == NULL) {
		rc = -errno;
		snprintf(why, 128, "%s", strerror(errno));
	} else if (t != NULL && t->job != NULL && t->host != NULL) {
		rc = 0;
	}
	for (u32 number = 1; rc == 0 && fgets(line, sizeof(line), in) != NULL; number++) {
		if (line[0] == 'h')
			rc = hosts_read(t, line);
		else if (line[0] == 'j')
			rc = job_read(t, line);
		if (rc != 0)
			snprintf(why, 128, "line %u is not as trace.h says", number);
	}
	if (in != NULL)
		fclose(in);
	if (rc == 0)
		*out = t;
	else
		trace_free(t);
	return rc;
}

void trace_free(struct trace *t)
{
	if (t == NULL)
		return;
	free(t->job);
	free(t->host);
	free(t);
}

u32 trace_jobs(const struct trace *t)
{
	return t->job_count;
}

/* ---- replay --------------------------------------------------------------------------------- */

/* A member that runs. */
struct run {
	u32 job, host;
	u64 end_s, limit_s;
};

struct replay {
	const struct trace *t;
	struct fog_batch_policy policy;
	u32 first, jobs_max; /* of the jobs that are replayed, and behind them */
	u64 now_s;
	struct fog_placement_host *host;
	struct fog_placement_request *request; /* [jobs] */
	u32 *pending;                          /* indices, in order of submission */
	u32 pending_count;
	struct run *run; /* sorted by limit: see runs_sort() */
	u32 run_count;
	struct fog_batch_job *batch; /* [PASS_MAX] */
	u32 order[PASS_MAX];
	struct fog_batch_run *held;
	struct fog_batch_free *free;
	double use[USERS_MAX]; /* core seconds, decaying */
	double use_sum;
	u64 use_s;
	u8 *state; /* [jobs] 0 waiting, 1 runs, 2 ended */
	u64 *start_s;
	struct trace_result *out;
};

static void use_decay(struct replay *r)
{
	u64 passed = r->now_s - r->use_s;
	double f = passed > 40 * USE_HALF_S ? 0 : 1;

	if (passed < 60)
		return;
	for (double left = (double)passed / USE_HALF_S; f != 0 && left > 0; left -= 1)
		f *= left >= 1 ? 0.5 : 1 - 0.5 * left;
	for (u32 i = 0; i < USERS_MAX; i++)
		r->use[i] *= f;
	r->use_sum *= f;
	r->use_s = r->now_s;
}

static void request_fill(struct replay *r, u32 index)
{
	const struct trace_job *j = &r->t->job[index];
	struct fog_placement_request *q = &r->request[index];

	*q = (struct fog_placement_request){.cpu_milli = j->cpu_milli,
					    .memory_bytes = j->memory_bytes,
					    .gpu_milli = j->gpu_milli,
					    .wall_ms = j->request_s * 1000,
					    .seed = index};
	q->wall_ms = FOG_MIN(q->wall_ms, FOG_PLACEMENT_WALL_MS_MAX);
	if (j->place[0] == '\0')
		return;
	q->equality_count = 1;
	q->equality[0].key = FOG_PLACEMENT_KEY_REGION;
	memcpy(q->equality[0].value, j->place, sizeof(j->place));
}

/* Could it run on empty hosts? */
static bool possible(struct replay *r, u32 index)
{
	u64 members = 0;

	for (u32 i = 0; i < r->t->host_count && members < r->t->job[index].members; i++) {
		const struct fog_placement_host *h = &r->host[i];
		const struct fog_placement_request *q = &r->request[index];
		u64 here = FOG_BATCH_MEMBERS_MAX;
		if (fog_placement_filter_empty(q, h) != FOG_PLACEMENT_FITS)
			continue;
		if (q->cpu_milli != 0)
			here = FOG_MIN(here, h->cpu_milli / q->cpu_milli);
		if (q->memory_bytes != 0)
			here = FOG_MIN(here, h->memory_bytes / q->memory_bytes);
		if (q->gpu_milli != 0)
			here = FOG_MIN(here, h->gpu_milli / q->gpu_milli);
		members += here;
	}
	return members >= r->t->job[index].members;
}

static void run_end(struct replay *r, u32 at)
{
	struct run *x = &r->run[at];
	struct fog_placement_host *h = &r->host[x->host];
	const struct fog_placement_request *q = &r->request[x->job];

	h->cpu_milli_committed -= q->cpu_milli;
	h->memory_bytes_committed -= q->memory_bytes;
	h->gpu_milli_committed -= q->gpu_milli;
	h->jobs_committed--;
	r->state[x->job] = 2;
	memmove(x, x + 1, (--r->run_count - at) * sizeof(*x));
}

static void run_add(struct replay *r, u32 job, u32 host)
{
	const struct trace_job *j = &r->t->job[job];
	struct run x = {job, host, r->now_s + FOG_MAX(j->run_s, 1), r->now_s + j->request_s};
	u32 at = r->run_count++;

	for (; at > 0 && r->run[at - 1].limit_s > x.limit_s; at--)
		r->run[at] = r->run[at - 1];
	r->run[at] = x;
}

static void started(struct replay *r, const struct fog_batch_job *b, u32 index)
{
	const struct trace_job *j = &r->t->job[index];

	r->out->violations += r->state[index] != 0;
	r->state[index] = 1;
	r->start_s[index] = r->now_s;
	r->use[j->user] += (double)j->cpu_milli * j->members * (double)j->run_s;
	r->use_sum += (double)j->cpu_milli * j->members * (double)j->run_s;
	for (u32 m = 0; m < j->members; m++) {
		const struct fog_placement_host *h = &r->host[b->host[m]];
		r->out->violations += h->cpu_milli_committed > h->cpu_milli ||
				      h->memory_bytes_committed > h->memory_bytes ||
				      h->gpu_milli_committed > h->gpu_milli;
		run_add(r, index, b->host[m]);
	}
}

static void batch_fill(struct replay *r, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u32 index = r->pending[i];
		const struct trace_job *j = &r->t->job[index];
		double use = r->use_sum > 0 ? r->use[j->user] / r->use_sum : 0;
		r->batch[i].request = &r->request[index];
		r->batch[i].members = j->members;
		r->batch[i].priority = 50 + 10 * (u32)j->class;
		if (r->policy.order == FOG_BATCH_FIFO)
			r->batch[i].priority = 50;
		r->batch[i].use = use;
		r->batch[i].sequence = index;
		r->batch[i].wait_ms = (r->now_s - j->submit_s) * 1000;
		r->batch[i].deadline_ms = 0;
		r->batch[i].placed = false;
	}
	for (u32 i = 0; i < r->run_count; i++) {
		const struct run *x = &r->run[i];
		const struct fog_placement_request *q = &r->request[x->job];
		u64 left = x->limit_s > r->now_s ? (x->limit_s - r->now_s) * 1000 : 1000;
		r->held[i] = (struct fog_batch_run){.host = x->host,
						    .left_ms = left,
						    .cpu_milli = q->cpu_milli,
						    .memory_bytes = q->memory_bytes,
						    .gpu_milli = q->gpu_milli};
	}
}

static void pass(struct replay *r)
{
	u32 count = FOG_MIN(r->pending_count, PASS_MAX), kept = 0;

	if (count == 0)
		return;
	use_decay(r);
	batch_fill(r, count);
	for (u32 i = 0; i < r->t->host_count; i++)
		r->host[i].reserved_ms = 0;
	fog_batch_sort(&r->policy, r->batch, r->order, count);
	r->out->passes++;
	if (fog_batch_pass(&r->policy, r->batch, r->order, count, r->host, r->t->host_count,
			   r->held, r->run_count, r->free) == 0)
		return;
	for (u32 i = 0; i < r->pending_count; i++) {
		if (i < count && r->batch[i].placed)
			started(r, &r->batch[i], r->pending[i]);
		else
			r->pending[kept++] = r->pending[i];
	}
	r->pending_count = kept;
}

static u64 next_end(const struct replay *r)
{
	u64 next = UINT64_MAX;

	for (u32 i = 0; i < r->run_count; i++)
		next = FOG_MIN(next, r->run[i].end_s);
	return next;
}

static void replay_events(struct replay *r)
{
	const struct trace *t = r->t;
	u32 at = r->first;

	while (at < r->jobs_max || r->run_count != 0 || r->pending_count != 0) {
		u64 submit = at < r->jobs_max ? t->job[at].submit_s : UINT64_MAX;
		u64 next = FOG_MIN(submit, next_end(r));
		if (next == UINT64_MAX)
			break; /* something waits that nothing will ever let start */
		r->now_s = FOG_MAX(r->now_s, next);
		for (u32 i = 0; i < r->run_count;)
			if (r->run[i].end_s <= r->now_s)
				run_end(r, i);
			else
				i++;
		for (; at < r->jobs_max && t->job[at].submit_s <= r->now_s; at++) {
			request_fill(r, at);
			if (possible(r, at))
				r->pending[r->pending_count++] = at;
			else
				r->out->impossible++, r->state[at] = 3;
		}
		pass(r);
	}
}

/* ---- figures -------------------------------------------------------------------------------- */

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void figures(struct replay *r)
{
	static const u64 in_time_s[] = {3600, 600, 60};
	struct trace_result *out = r->out;
	u64 first = UINT64_MAX, last = 0, end = 0, last_start = 0;
	double cores = 0, busy = 0;
	double *slowdown = calloc(r->jobs_max, sizeof(*slowdown));
	double *wait = calloc(r->jobs_max, sizeof(*wait));

	FOG_ASSERT(slowdown != NULL && wait != NULL);
	for (u32 i = 0; i < r->t->host_count; i++)
		cores += (double)r->t->host[i].cpu_milli;
	for (u32 i = r->first; i < r->jobs_max; i++) {
		const struct trace_job *j = &r->t->job[i];
		if (r->state[i] == 3)
			continue;
		out->violations += r->state[i] != 2; /* lost */
		double w = (double)(r->start_s[i] - j->submit_s), run = (double)j->run_s;
		wait[out->jobs] = w;
		slowdown[out->jobs] = FOG_MAX((w + run) / FOG_MAX(run, TAU_S), 1);
		out->wait_s += w;
		out->slowdown += slowdown[out->jobs++];
		out->sla_jobs[j->class]++;
		out->sla_hits[j->class] += w <= (double)in_time_s[j->class];
		first = FOG_MIN(first, j->submit_s);
		last = FOG_MAX(last, j->submit_s);
		last_start = FOG_MAX(last_start, r->start_s[i]);
		end = FOG_MAX(end, r->start_s[i] + j->run_s);
	}
	for (u32 i = r->first; i < r->jobs_max && out->jobs != 0; i++) {
		const struct trace_job *j = &r->t->job[i];
		double a = (double)(r->start_s[i] - first), b = a + (double)j->run_s;
		double step = (double)(end - first) / TRACE_BUCKETS;
		double share = (double)j->cpu_milli * j->members / cores;
		if (r->state[i] == 3 || step <= 0)
			continue;
		busy += share *
			(FOG_MIN(b, (double)(last - first)) - FOG_MIN(a, (double)(last - first)));
		for (u32 k = (u32)(a / step); k < TRACE_BUCKETS && k * step < b; k++)
			out->used[k] +=
				share * (FOG_MIN(b, (k + 1) * step) - FOG_MAX(a, k * step)) / step;
	}
	if (out->jobs != 0) {
		qsort(slowdown, out->jobs, sizeof(*slowdown), compare_double);
		qsort(wait, out->jobs, sizeof(*wait), compare_double);
		out->wait_s /= out->jobs;
		out->slowdown /= out->jobs;
		out->slowdown_median = slowdown[out->jobs / 2];
		out->wait_p95_s = wait[(u64)out->jobs * 95 / 100];
		out->utilisation = last > first ? busy / (double)(last - first) : 0;
	}
	free(slowdown);
	free(wait);
}

static u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

struct fog_batch_policy trace_policy_make(enum trace_policy policy)
{
	static const struct fog_placement_weights tight = {.load = -1};
	struct fog_batch_policy p = {.order = FOG_BATCH_FIFO,
				     .blocking = policy == TRACE_FCFS,
				     .reservations = policy == TRACE_EASY,
				     .weights = &tight};

	if (policy != TRACE_FOG)
		return p;
	p = fog_batch_policy_default;
	p.weights = &fog_placement_weights_pack;
	return p;
}

void trace_replay(const struct trace *t, const struct fog_batch_policy *policy,
		  struct trace_part part, struct trace_result *out)
{
	struct replay *r = calloc(1, sizeof(*r));
	u64 begin = cpu_ns();
	u32 members = 0;

	FOG_ASSERT(r != NULL && part.first <= t->job_count);
	memset(out, 0, sizeof(*out));
	r->t = t;
	r->out = out;
	r->first = part.first;
	r->jobs_max =
		part.count == 0 ? t->job_count : FOG_MIN(part.first + part.count, t->job_count);
	for (u32 i = r->first; i < r->jobs_max; i++)
		members += t->job[i].members;
	r->policy = *policy;
	r->host = malloc(FOG_MAX(t->host_count, 1) * sizeof(*r->host));
	r->request = calloc(r->jobs_max + 1, sizeof(*r->request));
	r->pending = calloc(r->jobs_max + 1, sizeof(*r->pending));
	r->run = calloc(members + 1, sizeof(*r->run));
	r->held = calloc(members + 1, sizeof(*r->held));
	r->batch = calloc(PASS_MAX, sizeof(*r->batch));
	r->free = calloc(t->host_count + 1, sizeof(*r->free));
	r->state = calloc(r->jobs_max + 1, 1);
	r->start_s = calloc(r->jobs_max + 1, sizeof(*r->start_s));
	FOG_ASSERT(r->host != NULL && r->request != NULL && r->pending != NULL && r->run != NULL &&
		   r->held != NULL && r->batch != NULL && r->free != NULL && r->state != NULL &&
		   r->start_s != NULL);
	memcpy(r->host, t->host, t->host_count * sizeof(*r->host));
	replay_events(r);
	figures(r);
	out->cpu_s = (double)(cpu_ns() - begin) * 1e-9;
	free(r->host);
	free(r->request);
	free(r->pending);
	free(r->run);
	free(r->held);
	free(r->batch);
	free(r->free);
	free(r->state);
	free(r->start_s);
	free(r);
}
