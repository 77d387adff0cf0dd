/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts: engines, stores, runs, and the steps of time. What carries the streams is fogbed_net.c. */
#include "tests/sim/fogbed_net.h"

#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cpu.h"
#include "crypto/hash/hash.h"
#include "crypto/sign/sign.h"

u64 fb_unix_ms(const struct fb *fb)
{
	return FB_UNIX_BASE_MS + fb->tb.now / TB_MS;
}

/* ---- ports of the engine -------------------------------------------------------------------- */

static u32 port_hosts(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	struct fb_host *self = context;
	struct fb *fb = self->fb;
	u32 count = 0;

	for (u32 i = 0; i < fb->tb.hosts && count < cap; i++) {
		struct fog_placement_host *h = &out[count++];
		*h = (struct fog_placement_host){
			.roles = FOG_PLACEMENT_ROLE_WORKER,
			.alive = true,
			.local = i == self->index,
			.cpu_milli = 4000,
			.memory_bytes = 1ull << 32,
			.price.cpu_hour = 100000 + 1000 * i,
			.price.memory_gb_hour = 50000,
		};
		memcpy(h->id, fb->host[i].node_id, 32);
		snprintf(h->name, sizeof(h->name), "host%u", i);
	}
	return count;
}

static void port_sign(void *context, const void *text, size_t len,
		      u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	struct fb_host *h = context;

	fog_sign(signature, text, len, h->sign_sk);
}

static struct fb_run *run_find(struct fb_host *h, const char *name)
{
	for (u32 i = 0; i < FB_RUNS_MAX; i++)
		if (h->run[i].used && strcmp(h->run[i].name, name) == 0)
			return &h->run[i];
	return NULL;
}

static int port_run_prepare(void *context, const char *name, const struct fog_job_spec *spec,
			    u64 accelerators, char error[FOG_JSON_ERROR_SIZE])
{
	struct fb_host *h = context;

	if (run_find(h, name) != NULL)
		return 0;
	for (u32 i = 0; i < FB_RUNS_MAX; i++) {
		struct fb_run *r = &h->run[i];
		if (r->used)
			continue;
		*r = (struct fb_run){.used = true, .state = FOG_RUN_PENDING};
		snprintf(r->name, sizeof(r->name), "%s", name);
		snprintf(r->output, sizeof(r->output), "ran %s\n", name);
		return 0;
	}
	snprintf(error, FOG_JSON_ERROR_SIZE, "no room for another run");
	return -ENOSPC;
}

static int port_run_input(void *context, const char *name, const char *input, u64 offset,
			  const void *data, size_t len)
{
	return run_find(context, name) != NULL ? 0 : -ENOENT;
}

static int port_run_poll(void *context, const char *name, struct fog_run_status *out)
{
	struct fb_host *h = context;
	struct fb_run *r = run_find(h, name);
	u64 now = fb_unix_ms(h->fb);

	memset(out, 0, sizeof(*out));
	if (r == NULL)
		return 0;
	if (r->state == FOG_RUN_RUNNING && (now >= r->due_ms || r->cancelled)) {
		r->state = FOG_RUN_FINISHED;
		h->executions += !r->cancelled;
	}
	out->state = r->state;
	out->started_ms = r->started_ms;
	if (r->state != FOG_RUN_FINISHED)
		return 0;
	out->outcome = r->cancelled ? FOG_OUTCOME_CANCELLED : FOG_OUTCOME_EXITED;
	out->ended_ms = FOG_MIN(now, r->due_ms);
	out->usage.wall_ms = out->ended_ms - FOG_MIN(out->ended_ms, r->started_ms);
	out->output_size[0] = r->cancelled ? 0 : strlen(r->output);
	fog_hash_sha256(out->output_sha256[0], r->output, out->output_size[0]);
	fog_hash_sha256(out->output_sha256[1], "", 0);
	snprintf(out->sandbox, sizeof(out->sandbox), "{\"engine\":\"model\"}");
	return 0;
}

static int port_run_output(void *context, const char *name, u32 stream, u64 offset, void *buf,
			   size_t cap, size_t *len)
{
	struct fb_run *r = run_find(context, name);

	if (r == NULL)
		return -ENOENT;
	size_t size = stream == 0 && r->state == FOG_RUN_FINISHED ? strlen(r->output) : 0;
	*len = offset < size ? FOG_MIN(cap, size - offset) : 0;
	memcpy(buf, r->output + FOG_MIN(offset, size), *len);
	return 0;
}

static void run_act(struct fb_host *h, const struct fog_action *a)
{
	struct fb_run *r = run_find(h, a->run);

	if (r == NULL)
		return;
	if (a->kind == FOG_ACTION_RUN_START && r->state == FOG_RUN_PENDING) {
		r->state = FOG_RUN_RUNNING;
		r->started_ms = fb_unix_ms(h->fb);
		r->due_ms = r->started_ms + 50 + fog_rng_below(&h->fb->rng, 3000);
	} else if (a->kind == FOG_ACTION_RUN_CANCEL) {
		r->cancelled = r->state == FOG_RUN_RUNNING;
	} else if (a->kind == FOG_ACTION_RUN_REMOVE) {
		r->used = false;
	}
}

/* ---- control planes ------------------------------------------------------------------------- */

static u32 host_by_node(const struct fb *fb, const u8 node[32])
{
	for (u32 i = 0; i < fb->tb.hosts; i++)
		if (memcmp(fb->host[i].node_id, node, 32) == 0)
			return i;
	FOG_UNREACHABLE();
}

static void act(struct fb_host *h, const struct fog_action *a)
{
	struct fb *fb = h->fb;
	u64 now = fb_unix_ms(fb);

	switch (a->kind) {
	case FOG_ACTION_OPEN:
		fb_net_open(fb, h->index, host_by_node(fb, a->node), a->stream);
		break;
	case FOG_ACTION_SEND_JSON:
		fb_net_send(fb, h->index, a->stream, 1, a->data, a->len);
		break;
	case FOG_ACTION_SEND_DATA:
		fb_net_send(fb, h->index, a->stream, 2, a->data, a->len);
		break;
	case FOG_ACTION_CLOSE:
		fb_net_close(fb, h->index, a->stream);
		break;
	case FOG_ACTION_VERIFY:
		fog_jobs_verified(h->jobs, a->tag,
				  fog_sign_verify(a->signature, a->data, a->len, a->node) == 0,
				  now);
		break;
	default:
		run_act(h, a);
	}
}

void fb_act(struct fb_host *h)
{
	struct fog_action a;

	while (h->control_alive && fog_jobs_action(h->jobs, fb_unix_ms(h->fb), &a)) {
		act(h, &a);
		fog_action_free(&a);
	}
}

void fb_control_start(struct fb *fb, u32 i)
{
	struct fb_host *h = &fb->host[i];
	char why[FOG_STORE_WHY_SIZE];
	struct fog_jobs_config config = {.attempts_max = 16,
					 .queue_max = 1000,
					 .user_grant = 100000000,
					 .worker = true,
					 .cpu_milli = 4000,
					 .memory_bytes = 1ull << 32,
					 .works_max = 16,
					 .price.cpu_hour = 100000 + 1000 * i,
					 .price.memory_gb_hour = 50000,
					 .seed = fb->seed + i};
	struct fog_jobs_ports ports = {.context = h,
				       .hosts = port_hosts,
				       .sign = port_sign,
				       .run_prepare = port_run_prepare,
				       .run_input = port_run_input,
				       .run_poll = port_run_poll,
				       .run_output = port_run_output};

	FOG_ASSERT(!h->control_alive);
	memcpy(config.node_id, h->node_id, 32);
	int rc = fog_store_open(&h->store, h->store_path, why);
	FOG_ASSERT(rc == 0);
	rc = fog_jobs_new(&h->jobs, &config, &ports, h->store, fb_unix_ms(fb), why);
	FOG_ASSERT(rc == 0);
	h->control_alive = true;
	if (fb->tb.host[i].alive && fb->tb.host[i].control == NULL)
		fb_links(fb, i);
}

void fb_control_kill(struct fb *fb, u32 i)
{
	struct fb_host *h = &fb->host[i];

	FOG_ASSERT(h->control_alive);
	h->control_alive = false;
	fog_jobs_free(h->jobs);
	fog_store_close(h->store);
	h->jobs = NULL;
	h->store = NULL;
	fb_net_drop_host(fb, i);
	if (fb->tb.host[i].alive)
		tb_control_detach(&fb->tb, i);
}

/* ---- data planes ---------------------------------------------------------------------------- */

void fb_links(struct fb *fb, u32 i)
{
	if (fb->tb.host[i].control == NULL)
		tb_control_attach(&fb->tb, i);
	tb_generation_begin(&fb->tb, i);
	for (u32 k = 0; k < fb->tb.hosts; k++)
		if (k != i)
			tb_link(&fb->tb, i, k);
	tb_generation_end(&fb->tb, i);
}

void fb_dataplane_kill(struct fb *fb, u32 i)
{
	tb_host_kill(&fb->tb, i);
}

void fb_dataplane_start(struct fb *fb, u32 i)
{
	tb_host_start(&fb->tb, i);
	fb->host[i].restarts++;
	if (fb->host[i].control_alive)
		fb_links(fb, i);
	else
		tb_control_detach(&fb->tb, i);
}

/* ---- the fog -------------------------------------------------------------------------------- */

void fb_init(struct fb *fb, u64 seed, u32 hosts)
{
	memset(fb, 0, sizeof(*fb));
	fb->seed = seed;
	fog_rng_init_u64(&fb->rng, seed ^ 0x666f67u);
	fb->budget.size_max = 1ull << 30;
	/* Memory-backed where there is such a place: the store syncs at every commit. */
	snprintf(fb->dir, sizeof(fb->dir), "%s/fogbed.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FOG_ASSERT(mkdtemp(fb->dir) != NULL);
	tb_init(&fb->tb, seed, hosts, 1, 1024);
	fb->tb.arg = fb;
	fb->tb.on_datagram = fb_net_datagram;
	for (u32 i = 0; i < hosts; i++) {
		struct fb_host *h = &fb->host[i];
		u8 key[32];
		h->fb = fb;
		h->index = i;
		snprintf(h->store_path, sizeof(h->store_path), "%s/%u.db", fb->dir, i);
		fog_rng_bytes(&fb->rng, key, sizeof(key));
		fog_sign_keypair(h->node_id, h->sign_sk, key);
		fog_rng_bytes(&fb->rng, key, sizeof(key));
		int rc = fog_tls_init(&h->tls, key);
		FOG_ASSERT(rc == 0);
		fb_control_start(fb, i);
	}
	bool up = tb_mesh(&fb->tb);
	FOG_ASSERT(up);
}

void fb_free(struct fb *fb)
{
	char path[300];

	fb_net_free(fb);
	for (u32 i = 0; i < fb->tb.hosts; i++) {
		struct fb_host *h = &fb->host[i];
		if (h->control_alive) {
			fog_jobs_free(h->jobs);
			fog_store_close(h->store);
		}
		fog_tls_free(&h->tls);
		unlink(h->store_path);
		snprintf(path, sizeof(path), "%s-wal", h->store_path);
		unlink(path);
		snprintf(path, sizeof(path), "%s-shm", h->store_path);
		unlink(path);
	}
	rmdir(fb->dir);
	tb_free(&fb->tb);
}

void fb_run(struct fb *fb, u64 ns)
{
	u64 end = fb->tb.now + ns;

	while (fb->tb.now < end) {
		tb_run(&fb->tb, FB_STEP_NS);
		fb_net_step(fb);
		for (u32 i = 0; i < fb->tb.hosts; i++) {
			struct fb_host *h = &fb->host[i];
			if (!h->control_alive)
				continue;
			if ((fb->tb.now / FB_STEP_NS + i) % 25 == 0)
				fog_jobs_tick(h->jobs, fb_unix_ms(fb));
			fb_act(h);
		}
	}
}

int fb_submit(struct fb *fb, u32 host, const char *id)
{
	char error[FOG_JSON_ERROR_SIZE] = "";
	char got[FOG_JOB_ID_SIZE];
	struct fog_job_request request;
	json_t *body = json_pack("{s:[s,s,s], s:s, s:{s:i}}", "argv", "sh", "-c", "echo hello",
				 "id", id, "limits", "wall_seconds", 20);

	FOG_ASSERT(body != NULL);
	int rc = fog_job_request_parse(body, &request, error);
	json_decref(body);
	if (rc == 0) {
		rc = fog_jobs_submit(fb->host[host].jobs, "sim", &request, fb_unix_ms(fb), got,
				     error);
		fog_job_request_free(&request);
	}
	if (rc < 0)
		fprintf(stderr, "submit %s: %s\n", id, error);
	fb_act(&fb->host[host]);
	return rc;
}

i64 fb_query(struct fb *fb, u32 host, const char *sql, const char *text, const void *blob,
	     size_t blob_len)
{
	struct fog_stmt *q = fog_stmt(fb->host[host].store, sql);
	i64 value = -1;

	if (text != NULL)
		fog_bind_text(q, text);
	if (blob != NULL)
		fog_bind_blob(q, blob, blob_len);
	if (fog_stmt_step(q) == 1)
		value = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return value;
}
