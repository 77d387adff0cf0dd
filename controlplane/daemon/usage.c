/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/usage.h"

#include <errno.h>
#include <unistd.h>

#include "controlplane/core/process.h"
#include "dataplane/abi/attach.h"

/* Control plane, data plane and edge together. */
static u32 processes(const struct fog_host *h, u64 *memory_bytes, u64 *cpu_ms)
{
	struct fog_dpclient_info info;
	int pids[3] = {(int)getpid(), 0, fog_edge_server_pid(h->edge)};
	struct fog_process_usage usage;
	u32 count = 0;

	if (fog_dpclient_info(h->dp, &info) == 0)
		pids[1] = (int)info.pid;
	*memory_bytes = *cpu_ms = 0;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(pids); i++) {
		if (pids[i] <= 0 || fog_process_usage(pids[i], &usage) != 0)
			continue;
		*memory_bytes += usage.resident_bytes;
		*cpu_ms += (u64)(1000 * usage.cpu_seconds);
		count++;
	}
	return count;
}

u64 fog_host_counter(const struct fog_host *h, const char *name)
{
	struct fog_dpclient_counters c;
	const char *known, *unit, *help;

	if (fog_dpclient_counters(h->dp, &c) != 0)
		return 0;
	for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS && fog_counter_info(i, &known, &unit, &help);
	     i++)
		if (strcmp(known, name) == 0)
			return c.counter_sum[i];
	return 0;
}

static void sample_take(const struct fog_host *h, struct fog_usage_sample *s)
{
	s->mono_ms = fog_monotonic_ms();
	s->requests = fog_gateway_counts(h->gateway)->requests;
	s->bytes = fog_host_counter(h, "bytes_rx") + fog_host_counter(h, "bytes_tx");
	s->processes = processes(h, &s->memory_bytes, &s->cpu_ms);
}

static void on_sample(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;

	sample_take(h, &h->usage->sample[h->usage->taken++ % FOG_USAGE_SAMPLES]);
}

/* A process that was started again counts from zero: then nothing is known for a minute. */
static double per_second(u64 before, u64 now, u64 ms)
{
	return now > before && ms != 0 ? (double)(now - before) * 1000.0 / (double)ms : 0.0;
}

void fog_host_usage(const struct fog_host *h, struct fog_usage *out)
{
	const struct fog_host_usage *u = h->usage;
	u64 first = u->taken > FOG_USAGE_SAMPLES ? u->taken - FOG_USAGE_SAMPLES : 0;
	const struct fog_usage_sample *then = &u->sample[first % FOG_USAGE_SAMPLES];
	struct fog_usage_sample now;

	sample_take(h, &now);
	u64 ms = now.mono_ms - then->mono_ms;
	*out = (struct fog_usage){
		.memory_bytes = now.memory_bytes,
		.processes = now.processes,
		.cpu_percent = per_second(then->cpu_ms, now.cpu_ms, ms) / 10.0,
		.requests_per_second = per_second(then->requests, now.requests, ms),
		.bits_per_second = 8.0 * per_second(then->bytes, now.bytes, ms),
	};
}

int fog_host_usage_start(struct fog_host *h)
{
	h->usage = calloc(1, sizeof(*h->usage));
	if (h->usage == NULL)
		return -ENOMEM;
	ev_timer_init(&h->usage->timer, on_sample, FOG_USAGE_SAMPLE_S, FOG_USAGE_SAMPLE_S);
	h->usage->timer.data = h;
	ev_timer_start(h->loop, &h->usage->timer);
	on_sample(h->loop, &h->usage->timer, 0);
	return 0;
}

void fog_host_usage_stop(struct fog_host *h)
{
	if (h->usage == NULL)
		return;
	ev_timer_stop(h->loop, &h->usage->timer);
	free(h->usage);
	h->usage = NULL;
}
