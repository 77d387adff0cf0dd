/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine on the loop, see runtime.h. */
#include "controlplane/jobs/runtime.h"
#include "controlplane/jobs/reserve.h"

#include <errno.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/core/framed.h"
#include "controlplane/jobs/api.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/hooks.h"
#include "controlplane/jobs/runner.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define VERIFY_PRIORITY 1 /* receipts */
#define PATH_SIZE       1024

_Static_assert(FOG_PAPER_SIZE_MAX <= FOG_CHECK_PAYLOAD_MAX - 96, "papers fit the verify rings");
_Static_assert(FOG_JOB_MESSAGE_MAX <= FOG_FRAMED_JSON_MAX, "messages fit a frame");
_Static_assert(FOG_JOBS_CHUNK_MAX <= FOG_FRAMED_DATA_MAX, "chunks fit a frame");
/* Two logs and a file, or inputs, beside one message: less than what a stream queues. */
_Static_assert(2 * FOG_JOBS_WINDOW + FOG_JOBS_BRING_MAX + FOG_JOB_MESSAGE_MAX <
		       FOG_FRAMED_QUEUE_MAX,
	       "windows fit the queue");

struct rt_stream {
	TAILQ_ENTRY(rt_stream) link;
	struct fog_jobs_runtime *rt;
	u32 id;                      /* the engine's; 0 = it has closed it, the rest is sent */
	struct fog_opening *opening; /* until it is open */
	struct fog_framed *stream;
};
TAILQ_HEAD(rt_stream_list, rt_stream);

struct rt_verify {
	TAILQ_ENTRY(rt_verify) link;
	struct fog_jobs_runtime *rt; /* NULL when the runtime has gone */
	u64 tag;
	u8 node[FOG_JOB_NODE_SIZE];
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	u32 len;
	u8 message[FOG_PAPER_SIZE_MAX];
};
TAILQ_HEAD(rt_verify_list, rt_verify);

struct fog_jobs_runtime {
	struct fog_jobs_runtime_config config;
	char edge_sock[PATH_SIZE], jobs_sock[PATH_SIZE];
	struct fog_jobs *jobs;
	struct fog_acceptor *acceptor;
	struct ev_timer timer;
	u64 slow_ms; /* last slow tick */
	bool pumping;
	struct rt_stream_list streams;
	struct rt_verify_list verifies;
	struct fog_runner runner;
	struct fog_hooks *hooks;
};

struct fog_jobs *fog_jobs_runtime_engine(struct fog_jobs_runtime *rt)
{
	return rt->jobs;
}

u64 fog_jobs_runtime_now(const struct fog_jobs_runtime *rt)
{
	return fog_loop_now_ms(rt->config.loop);
}

const struct fog_jobs_runtime_config *fog_jobs_runtime_config(const struct fog_jobs_runtime *rt)
{
	return &rt->config;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static bool port_backed(void *context, const struct fog_attempt_key *key, const char *offer,
			i64 amount, char error[128])
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.backed(rt->config.context, key, offer, amount, error);
}

static bool port_funded(void *context, const struct fog_offer *offer, const char *text,
			char error[128])
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.funded(rt->config.context, offer, text, error);
}

static void port_receipted(void *context, const struct fog_receipt *receipt, const char *text,
			   const struct fog_job_spec *spec)
{
	struct fog_jobs_runtime *rt = context;

	rt->config.receipted(rt->config.context, receipt, text, spec);
}

static char *port_proof(void *context, const char *receipt_text)
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.proof(rt->config.context, receipt_text);
}

static bool port_proven(void *context, const struct fog_receipt *receipt, const char *text,
			const struct fog_job_spec *spec, const char *proof, bool attested,
			char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.proven(rt->config.context, receipt, text, spec, proof, attested, error);
}

static void port_told(void *context, const u8 node[FOG_JOB_NODE_SIZE], double *good, double *bad)
{
	struct fog_jobs_runtime *rt = context;

	rt->config.told(rt->config.context, node, good, bad);
}

static u32 port_hosts(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.hosts(rt->config.context, out, cap, now_ms);
}

static u32 port_closed(void *context, struct fog_closed *out, u32 cap)
{
	struct fog_jobs_runtime *rt = context;

	return rt->config.closed != NULL ? rt->config.closed(rt->config.context, out, cap) : 0;
}

static void port_sign(void *context, const void *message, size_t len,
		      u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	struct fog_jobs_runtime *rt = context;

	fog_sign(signature, message, len, rt->config.identity->sign_sk);
}

static int port_prepare(void *context, const char *run, const struct fog_job_spec *spec,
			u64 accelerators, char error[FOG_JSON_ERROR_SIZE])
{
	return fog_runner_prepare(&((struct fog_jobs_runtime *)context)->runner, run, spec,
				  accelerators, error);
}

static int port_input(void *context, const char *run, const char *name, u64 offset,
		      const void *data, size_t len)
{
	return fog_runner_input(&((struct fog_jobs_runtime *)context)->runner, run, name, offset,
				data, len);
}

static int port_poll(void *context, const char *run, struct fog_run_status *out)
{
	return fog_runner_poll(&((struct fog_jobs_runtime *)context)->runner, run, out);
}

static int port_output(void *context, const char *run, u32 stream, u64 offset, void *buf,
		       size_t cap, size_t *len)
{
	return fog_runner_output(&((struct fog_jobs_runtime *)context)->runner, run, stream, offset,
				 buf, cap, len);
}

/* In the log, and a span where one has a length. */
static void port_step(void *context, const struct fog_job_step *s)
{
	struct fog_trace own = *s->trace;
	struct fog_span span = {
		.trace = &own,
		.parent = s->parent != NULL ? s->parent : s->trace->span_id,
		.name = s->name,
		.kind = FOG_SPAN_INTERNAL,
		.start_ns = s->start_ms * 1000000,
		.end_ns = s->end_ms * 1000000,
		.error = s->error,
		.attribute_count = 2,
		.attribute = {{.key = "fog.job", .text = s->job},
			      {.key = "fog.attempt", .number = s->attempt}},
	};

	if (s->parent == NULL && fog_trace_is(&own))
		fog_span_id_make(own.span_id);
	const struct fog_trace *before = fog_trace_enter(&own);
	fog_log(FOG_LOG_INFO, "jobs", "step=%s job=%s attempt=%u took_ms=%llu error=\"%s\"",
		s->name, s->job, s->attempt,
		(unsigned long long)(s->start_ms != 0 && s->end_ms > s->start_ms
					     ? s->end_ms - s->start_ms
					     : 0),
		s->error != NULL ? s->error : "");
	fog_trace_enter(before);
	if (s->start_ms != 0)
		fog_span_end(&span);
}

static int port_kept(void *context, const char *run, const char *name, u64 offset, void *buf,
		     size_t cap, size_t *len)
{
	return fog_runner_kept(&((struct fog_jobs_runtime *)context)->runner, run, name, offset,
			       buf, cap, len);
}

/* ---- streams -------------------------------------------------------------------------------- */

static struct rt_stream *stream_find(struct fog_jobs_runtime *rt, u32 id)
{
	struct rt_stream *s;

	TAILQ_FOREACH(s, &rt->streams, link)
	if (s->id == id)
		return s;
	return NULL;
}

static void stream_free(struct rt_stream *s)
{
	if (s->opening != NULL)
		fog_opening_cancel(s->opening);
	fog_framed_close(s->stream);
	TAILQ_REMOVE(&s->rt->streams, s, link);
	free(s);
}

static void on_frame(void *ctx, struct fog_framed *stream, enum fog_framed_type type,
		     const u8 *payload, u32 len)
{
	struct rt_stream *s = ctx;
	struct fog_jobs_runtime *rt = s->rt;

	if (s->id == 0)
		return;
	if (type == FOG_FRAMED_JSON)
		fog_jobs_stream_json(rt->jobs, s->id, payload, len, fog_jobs_runtime_now(rt));
	else
		fog_jobs_stream_data(rt->jobs, s->id, payload, len, fog_jobs_runtime_now(rt));
	fog_jobs_runtime_pump(rt);
}

static void on_end(void *ctx, struct fog_framed *stream, int error)
{
	struct rt_stream *s = ctx;
	struct fog_jobs_runtime *rt = s->rt;
	u32 id = s->id;

	stream_free(s);
	if (id != 0)
		fog_jobs_stream_closed(rt->jobs, id, fog_jobs_runtime_now(rt));
	fog_jobs_runtime_pump(rt);
}

static const struct fog_framed_events stream_events = {on_frame, NULL, on_end};

static struct rt_stream *stream_new(struct fog_jobs_runtime *rt, u32 id)
{
	struct rt_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->rt = rt;
	s->id = id;
	TAILQ_INSERT_TAIL(&rt->streams, s, link);
	return s;
}

static void open_failed(struct rt_stream *s, const char *error)
{
	struct fog_jobs_runtime *rt = s->rt;
	u32 id = s->id;

	stream_free(s);
	fog_jobs_stream_failed(rt->jobs, id, error, fog_jobs_runtime_now(rt));
}

static void on_opened(void *ctx, int rc, int fd, const char *error, const json_t *answer)
{
	struct rt_stream *s = ctx;
	struct fog_jobs_runtime *rt = s->rt;
	u32 id = s->id;

	s->opening = NULL;
	if (rc == 0) {
		rc = fog_framed_new(&s->stream, rt->config.loop, fd, &stream_events, s);
		if (rc != 0)
			close(fd);
	}
	if (rc != 0) {
		open_failed(s, error != NULL ? error : strerror(-rc));
	} else {
		char *route = fog_json_text(json_object_get(answer, "path"));
		fog_jobs_stream_opened(rt->jobs, id, route, fog_jobs_runtime_now(rt));
		free(route);
	}
	fog_jobs_runtime_pump(rt);
}

static void stream_open(struct fog_jobs_runtime *rt, const struct fog_action *a)
{
	char target[2 * FOG_JOB_NODE_SIZE + 1];
	struct rt_stream *s = stream_new(rt, a->stream);

	if (s == NULL) {
		fog_jobs_stream_failed(rt->jobs, a->stream, "no memory", fog_jobs_runtime_now(rt));
		return;
	}
	if (fog_hex_encode(a->node, sizeof(a->node), target, sizeof(target)) != 0)
		FOG_UNREACHABLE();
	int rc = fog_opening_start(&s->opening, rt->config.loop, rt->edge_sock, "job", target,
				   FOG_JOBS_OPEN_MS - 1000, on_opened, s);
	if (rc != 0) {
		s->opening = NULL;
		open_failed(s, strerror(-rc));
	}
}

static void stream_send(struct fog_jobs_runtime *rt, const struct fog_action *a)
{
	struct rt_stream *s = stream_find(rt, a->stream);
	enum fog_framed_type type =
		a->kind == FOG_ACTION_SEND_JSON ? FOG_FRAMED_JSON : FOG_FRAMED_DATA;

	if (s == NULL || s->stream == NULL)
		return;
	/* The windows keep the queue from filling: when it does, the other end has stopped. */
	if (fog_framed_send(s->stream, type, a->data, a->len) != 0) {
		u32 id = s->id;
		stream_free(s);
		fog_jobs_stream_closed(rt->jobs, id, fog_jobs_runtime_now(rt));
	}
}

static void stream_close(struct fog_jobs_runtime *rt, u32 id)
{
	struct rt_stream *s = stream_find(rt, id);

	if (s == NULL)
		return;
	if (s->stream == NULL) {
		stream_free(s);
		return;
	}
	s->id = 0;
	fog_framed_set_idle(s->stream, FOG_JOBS_LINGER_MS);
	fog_framed_finish(s->stream);
}

static int on_admit(void *ctx, char error[128])
{
	struct fog_jobs_runtime *rt = ctx;
	struct fog_jobs_load load;

	fog_jobs_load(rt->jobs, &load);
	if (load.sessions < FOG_JOBS_SESSIONS_MAX)
		return 0;
	snprintf(error, 128, "too many job streams");
	return -EBUSY;
}

static void on_accepted(void *ctx, int fd)
{
	struct fog_jobs_runtime *rt = ctx;
	struct rt_stream *s = stream_new(rt, 0);

	if (s == NULL || fog_framed_new(&s->stream, rt->config.loop, fd, &stream_events, s) != 0) {
		close(fd);
		if (s != NULL)
			stream_free(s);
		return;
	}
	s->id = fog_jobs_stream_accepted(rt->jobs, fog_jobs_runtime_now(rt));
	if (s->id == 0)
		stream_free(s);
	fog_jobs_runtime_pump(rt);
}

static const struct fog_acceptor_events acceptor_events = {on_admit, on_accepted};

/* ---- signatures ----------------------------------------------------------------------------- */

static void verify_done(struct rt_verify *v, bool valid)
{
	struct fog_jobs_runtime *rt = v->rt;
	u64 tag = v->tag;

	TAILQ_REMOVE(&rt->verifies, v, link);
	free(v);
	fog_jobs_verified(rt->jobs, tag, valid, fog_jobs_runtime_now(rt));
	fog_jobs_runtime_pump(rt);
}

/* Without a data plane jobs of this host must still end. */
static bool verify_here(const struct rt_verify *v)
{
	return fog_sign_verify(v->signature, v->message, v->len, v->node) == 0;
}

static void on_verdict(void *arg, int result)
{
	struct rt_verify *v = arg;

	if (v->rt == NULL) {
		free(v);
		return;
	}
	if (result == 0 || result == -EBADMSG)
		verify_done(v, result == 0);
	else
		verify_done(v, verify_here(v));
}

static void verify(struct fog_jobs_runtime *rt, const struct fog_action *a)
{
	struct fog_dpclient *dp = rt->config.dataplane;
	struct rt_verify *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return; /* the engine gives the stream up in time and tries again */
	v->rt = rt;
	v->tag = a->tag;
	v->len = a->len;
	memcpy(v->node, a->node, sizeof(v->node));
	memcpy(v->signature, a->signature, sizeof(v->signature));
	memcpy(v->message, a->data, a->len);
	TAILQ_INSERT_TAIL(&rt->verifies, v, link);
	if (dp != NULL && fog_dpclient_state(dp) == FOG_DPCLIENT_UP &&
	    fog_dpclient_verify(dp, v->node, v->signature, v->message, v->len, VERIFY_PRIORITY,
				on_verdict, v, fog_monotonic_ns()) == 0)
		return;
	verify_done(v, verify_here(v));
}

/* ---- actions -------------------------------------------------------------------------------- */

static void run_do(struct fog_jobs_runtime *rt, const struct fog_action *a)
{
	struct fog_trace trace;

	fog_jobs_run_trace(rt->jobs, a->run, &trace);
	const struct fog_trace *before = fog_trace_enter(&trace);
	if (a->kind == FOG_ACTION_RUN_START)
		fog_runner_start(&rt->runner, a->run);
	else if (a->kind == FOG_ACTION_RUN_CANCEL)
		fog_runner_cancel(&rt->runner, a->run);
	else if (a->kind == FOG_ACTION_RUN_REMOVE)
		fog_runner_remove(&rt->runner, a->run);
	else
		FOG_UNREACHABLE();
	fog_trace_enter(before);
}

static void action_do(struct fog_jobs_runtime *rt, const struct fog_action *a)
{
	switch (a->kind) {
	case FOG_ACTION_OPEN:
		stream_open(rt, a);
		break;
	case FOG_ACTION_SEND_JSON:
	case FOG_ACTION_SEND_DATA:
		stream_send(rt, a);
		break;
	case FOG_ACTION_CLOSE:
		stream_close(rt, a->stream);
		break;
	case FOG_ACTION_VERIFY:
		verify(rt, a);
		break;
	default:
		run_do(rt, a);
	}
}

/* Actions may report back at once, which makes more actions: the outermost call takes them all. */
void fog_jobs_runtime_pump(struct fog_jobs_runtime *rt)
{
	struct fog_action a;

	if (rt->pumping)
		return;
	rt->pumping = true;
	while (fog_jobs_action(rt->jobs, fog_jobs_runtime_now(rt), &a)) {
		action_do(rt, &a);
		fog_action_free(&a);
	}
	rt->pumping = false;
	/* Something to watch: do not wait for the slow tick. */
	if (fog_jobs_busy(rt->jobs) &&
	    ev_timer_remaining(rt->config.loop, &rt->timer) > FOG_JOBS_POLL_MS / 1000.0) {
		rt->timer.repeat = FOG_JOBS_POLL_MS / 1000.0;
		ev_timer_again(rt->config.loop, &rt->timer);
	}
}

void fog_jobs_runtime_kick(struct fog_jobs_runtime *rt)
{
	ev_feed_event(rt->config.loop, &rt->timer, EV_TIMER);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_jobs_runtime *rt = w->data;
	u64 now = fog_jobs_runtime_now(rt);

	fog_jobs_tick(rt->jobs, now);
	fog_jobs_runtime_pump(rt);
	if (now >= rt->slow_ms + FOG_JOBS_TICK_IDLE_MS || now < rt->slow_ms) {
		rt->slow_ms = now;
		fog_runner_tick(&rt->runner);
	}
	bool busy = fog_jobs_busy(rt->jobs);
	busy = fog_hooks_tick(rt->hooks, now) || busy;
	w->repeat = (busy ? FOG_JOBS_POLL_MS : FOG_JOBS_TICK_IDLE_MS) / 1000.0;
	ev_timer_again(loop, w);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void engine_config(const struct fog_jobs_runtime *rt, struct fog_jobs_config *c)
{
	memcpy(c->node_id, rt->config.identity->node_id, sizeof(c->node_id));
	fog_random_bytes(&c->seed, sizeof(c->seed));
}

static u64 port_cpu_ns(void *context)
{
	struct timespec ts;

	(void)context;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static int engine_start(struct fog_jobs_runtime *rt, char why[FOG_JOBS_RUNTIME_WHY])
{
	const struct fog_jobs_ports ports = {
		.context = rt,
		.hosts = port_hosts,
		.closed = port_closed,
		.told = rt->config.told != NULL ? port_told : NULL,
		.backed = rt->config.backed != NULL ? port_backed : NULL,
		.funded = rt->config.funded != NULL ? port_funded : NULL,
		.receipted = rt->config.receipted != NULL ? port_receipted : NULL,
		.proof = rt->config.proof != NULL ? port_proof : NULL,
		.proven = rt->config.proven != NULL ? port_proven : NULL,
		.sign = port_sign,
		.run_prepare = port_prepare,
		.run_input = port_input,
		.run_poll = port_poll,
		.run_output = port_output,
		.run_kept = port_kept,
		.cpu_ns = port_cpu_ns,
		.step = port_step,
	};
	char text[FOG_STORE_WHY_SIZE];

	engine_config(rt, &rt->config.engine);
	int rc = fog_jobs_new(&rt->jobs, &rt->config.engine, &ports, rt->config.store,
			      fog_jobs_runtime_now(rt), text);
	if (rc != 0) {
		snprintf(why, FOG_JOBS_RUNTIME_WHY, "%s", text);
		return rc;
	}
	fog_runner_reconcile(&rt->runner, rt->jobs);
	rc = fog_acceptor_start(&rt->acceptor, rt->config.loop, rt->jobs_sock, "job",
				&acceptor_events, rt);
	if (rc != 0)
		snprintf(why, FOG_JOBS_RUNTIME_WHY, "%.400s: %s", rt->jobs_sock, strerror(-rc));
	return rc;
}

static int engines_set(struct fog_jobs_runtime *rt, char why[FOG_JOBS_RUNTIME_WHY])
{
	const struct fog_jobs_runtime_config *c = &rt->config;
	struct fog_runner *r = &rt->runner;

	if (c->engine_count > FOG_RUNNER_ENGINES_MAX ||
	    c->builder_count > FOG_EXECUTOR_BUILDERS_MAX) {
		snprintf(why, FOG_JOBS_RUNTIME_WHY, "more than %d engines or %d builders",
			 FOG_RUNNER_ENGINES_MAX, FOG_EXECUTOR_BUILDERS_MAX);
		return -EINVAL;
	}
	for (u32 i = 0; i < c->engine_count; i++)
		snprintf(r->engine[i], sizeof(r->engine[i]), "%s", c->engines[i]);
	for (u32 i = 0; i < c->builder_count; i++)
		memcpy(r->builder[i], c->builders[i], sizeof(r->builder[i]));
	r->engine_count = c->engine_count;
	r->builder_count = c->builder_count;
	r->disk_bytes = c->disk_bytes;
	r->accelerators = c->engine.accelerators;
	rt->config.engines = NULL;
	rt->config.builders = NULL;
	return 0;
}

int fog_jobs_runtime_start(struct fog_jobs_runtime **out,
			   const struct fog_jobs_runtime_config *config,
			   char why[FOG_JOBS_RUNTIME_WHY])
{
	struct fog_jobs_runtime *rt = calloc(1, sizeof(*rt));
	char text[FOG_JSON_ERROR_SIZE];

	why[0] = '\0';
	if (rt == NULL)
		return -ENOMEM;
	rt->config = *config;
	TAILQ_INIT(&rt->streams);
	TAILQ_INIT(&rt->verifies);
	snprintf(rt->edge_sock, sizeof(rt->edge_sock), "%s", config->edge_sock);
	snprintf(rt->jobs_sock, sizeof(rt->jobs_sock), "%s", config->jobs_sock);
	ev_timer_init(&rt->timer, on_tick, FOG_JOBS_POLL_MS / 1000.0, FOG_JOBS_POLL_MS / 1000.0);
	rt->timer.data = rt;
	int rc = fog_runner_init(&rt->runner, config->spool_dir, config->exec_path, text);
	if (rc != 0)
		snprintf(why, FOG_JOBS_RUNTIME_WHY, "%s", text);
	else
		rc = engines_set(rt, why);
	if (rc == 0)
		rc = fog_hooks_new(&rt->hooks, config->store);
	if (rc == 0)
		rc = engine_start(rt, why);
	if (rc != 0) {
		fog_jobs_runtime_stop(rt);
		return rc;
	}
	ev_timer_start(config->loop, &rt->timer);
	*out = rt;
	return 0;
}

void fog_jobs_runtime_stop(struct fog_jobs_runtime *rt)
{
	struct rt_verify *v;

	if (rt == NULL)
		return;
	ev_timer_stop(rt->config.loop, &rt->timer);
	fog_acceptor_stop(rt->acceptor);
	while (!TAILQ_EMPTY(&rt->streams))
		stream_free(TAILQ_FIRST(&rt->streams));
	/* Their verdicts come when the data plane client closes, or never matter. */
	while ((v = TAILQ_FIRST(&rt->verifies)) != NULL) {
		TAILQ_REMOVE(&rt->verifies, v, link);
		v->rt = NULL;
	}
	fog_hooks_free(rt->hooks);
	fog_jobs_free(rt->jobs);
	free(rt);
}

void fog_jobs_runtime_routes(struct fog_jobs_runtime *rt, struct fog_gateway *gateway)
{
	fog_jobs_api_add(rt, gateway);
}

void fog_jobs_runtime_reconfigure(struct fog_jobs_runtime *rt, const struct fog_jobs_config *engine)
{
	rt->config.engine = *engine;
	engine_config(rt, &rt->config.engine);
	rt->runner.accelerators = engine->accelerators;
	fog_jobs_reconfigure(rt->jobs, &rt->config.engine);
}

void fog_jobs_runtime_hooks_allow(struct fog_jobs_runtime *rt, char *const *networks, u32 count)
{
	fog_hooks_allow(rt->hooks, networks, count);
}

double fog_jobs_runtime_weight(void *ctx, const u8 node[32])
{
	struct fog_jobs_runtime *rt = ctx;

	return fog_jobs_weight(rt->jobs, node, fog_jobs_runtime_now(rt));
}

int fog_jobs_runtime_evidence(void *ctx, const u8 node[32], enum fog_evidence_source source,
			      enum fog_evidence_kind kind, double quality, const char *reference,
			      const char *detail)
{
	struct fog_jobs_runtime *rt = ctx;

	return fog_jobs_evidence(rt->jobs, node, source, kind, quality, reference, detail,
				 fog_jobs_runtime_now(rt));
}

void fog_jobs_runtime_told_changed(void *ctx)
{
	struct fog_jobs_runtime *rt = ctx;

	fog_jobs_told_changed(rt->jobs);
}

const struct fog_jobs_totals *fog_jobs_runtime_totals(const struct fog_jobs_runtime *rt)
{
	return fog_jobs_totals(rt->jobs);
}

void fog_jobs_runtime_demand(void *ctx, struct fog_jobs_demand *out)
{
	struct fog_jobs_runtime *rt = ctx;

	fog_jobs_demand(rt->jobs, out);
}

u32 fog_jobs_runtime_closed(struct fog_jobs_runtime *rt, struct fog_closed out[FOG_CLOSED_MAX])
{
	return fog_jobs_closed(rt->jobs, out, fog_jobs_runtime_now(rt));
}

u32 fog_jobs_runtime_open(void *ctx)
{
	struct fog_jobs_runtime *rt = ctx;
	struct fog_jobs_load load;

	fog_jobs_load(rt->jobs, &load);
	return load.jobs;
}
