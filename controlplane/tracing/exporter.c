/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tracing/exporter.h"

#include <curl/curl.h>
#include <errno.h>

#include "controlplane/core/log.h"

#define POLL_S     0.05 /* of a request under way */
#define BACKOFF_MS 1000u
#define NAME_SIZE  128

struct fog_exporter {
	struct ev_loop *loop;
	struct ev_timer timer;
	char *url;
	char name[NAME_SIZE], instance[NAME_SIZE];
	json_t *queue;
	json_t *batch; /* the spans of `body`; NULL: none is under way */
	char *body;
	u32 tries;
	CURLM *multi;
	CURL *easy; /* NULL: waits to be tried again */
	struct curl_slist *headers;
	struct fog_exporter_counts counts;
	bool complained;
};

static void timer_set(struct fog_exporter *e, double seconds)
{
	ev_timer_stop(e->loop, &e->timer);
	ev_timer_set(&e->timer, seconds, 0.0);
	ev_timer_start(e->loop, &e->timer);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void on_span(void *ctx, const struct fog_span *span)
{
	struct fog_exporter *e = ctx;
	json_t *o = json_array_size(e->queue) < FOG_EXPORTER_QUEUE_MAX ? fog_otlp_span(span) : NULL;

	if (o == NULL || json_array_append_new(e->queue, o) != 0) {
		e->counts.dropped++;
		return;
	}
	if (e->batch != NULL)
		return;
	if (json_array_size(e->queue) >= FOG_EXPORTER_BATCH_MAX)
		ev_feed_event(e->loop, &e->timer, EV_TIMER);
	else if (!ev_is_active(&e->timer))
		timer_set(e, FOG_EXPORTER_DELAY_MS / 1000.0);
}

/* ---- out ------------------------------------------------------------------------------------ */

static size_t drop(char *data, size_t size, size_t count, void *context)
{
	return size * count;
}

static void batch_end(struct fog_exporter *e, bool taken)
{
	*(taken ? &e->counts.spans : &e->counts.dropped) += json_array_size(e->batch);
	json_decref(e->batch);
	free(e->body);
	e->batch = NULL;
	e->body = NULL;
	e->tries = 0;
}

static void batch_make(struct fog_exporter *e)
{
	const struct fog_otlp_resource resource = {e->name, e->instance};
	json_t *spans = json_array();

	while (json_array_size(spans) < FOG_EXPORTER_BATCH_MAX && json_array_size(e->queue) != 0) {
		json_array_append(spans, json_array_get(e->queue, 0));
		json_array_remove(e->queue, 0);
	}
	e->batch = spans;
	json_t *request = fog_otlp_request(&resource, json_incref(spans));
	e->body = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (e->body == NULL)
		batch_end(e, false);
}

static void transfer_start(struct fog_exporter *e)
{
	e->easy = curl_easy_init();
	if (e->easy == NULL)
		return;
	curl_easy_setopt(e->easy, CURLOPT_URL, e->url);
	curl_easy_setopt(e->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e->easy, CURLOPT_POSTFIELDS, e->body);
	curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, e->headers);
	curl_easy_setopt(e->easy, CURLOPT_TIMEOUT_MS, (long)FOG_EXPORTER_TIMEOUT_MS);
	curl_easy_setopt(e->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(e->easy, CURLOPT_USERAGENT, "fog/" FOG_VERSION);
	curl_multi_add_handle(e->multi, e->easy);
}

static void transfer_end(struct fog_exporter *e)
{
	if (e->easy == NULL)
		return;
	curl_multi_remove_handle(e->multi, e->easy);
	curl_easy_cleanup(e->easy);
	e->easy = NULL;
}

/* Said once until it works again: it is the collector's trouble more than the host's. */
static void complain(struct fog_exporter *e, const char *why, long status)
{
	if (!e->complained)
		fog_log(FOG_LOG_WARNING, "tracing", "spans are not taken reason=\"%s\" status=%ld",
			why, status);
	e->complained = true;
}

static void transfer_judge(struct fog_exporter *e, CURLcode rc)
{
	long status = 0;

	curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status >= 200 && status < 300) {
		e->complained = false;
		batch_end(e, true);
		return;
	}
	e->counts.failed++;
	complain(e, rc != CURLE_OK ? curl_easy_strerror(rc) : "not a 2xx status", status);
	bool later = rc != CURLE_OK || status == 429 || (status >= 502 && status <= 504);
	if (!later || ++e->tries == FOG_EXPORTER_TRIES_MAX)
		batch_end(e, false);
}

/* Moves the request on. True while it is under way. */
static bool transfer_step(struct fog_exporter *e)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(e->multi, &running);
	m = curl_multi_info_read(e->multi, &left);
	if (m == NULL || m->msg != CURLMSG_DONE)
		return running != 0;
	transfer_judge(e, m->data.result);
	transfer_end(e);
	return false;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_exporter *e = w->data;

	if (e->batch == NULL && json_array_size(e->queue) != 0)
		batch_make(e);
	if (e->batch != NULL && e->easy == NULL)
		transfer_start(e);
	if (e->easy != NULL && transfer_step(e))
		timer_set(e, POLL_S);
	else if (e->batch != NULL) /* to be tried again */
		timer_set(e, (BACKOFF_MS << e->tries) / 1000.0);
	else if (json_array_size(e->queue) != 0)
		timer_set(e, json_array_size(e->queue) >= FOG_EXPORTER_BATCH_MAX
				     ? 0.0
				     : FOG_EXPORTER_DELAY_MS / 1000.0);
}

/* ---- life ----------------------------------------------------------------------------------- */

int fog_exporter_new(struct fog_exporter **out, struct ev_loop *loop, const char *url,
		     const struct fog_otlp_resource *resource)
{
	struct fog_exporter *e = calloc(1, sizeof(*e));

	*out = NULL;
	if (e == NULL)
		return -ENOMEM;
	e->loop = loop;
	ev_init(&e->timer, on_timer);
	e->timer.data = e;
	snprintf(e->name, sizeof(e->name), "%s", resource->name);
	snprintf(e->instance, sizeof(e->instance), "%s", resource->instance);
	e->url = strdup(url);
	e->queue = json_array();
	e->multi = curl_multi_init();
	e->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (e->url == NULL || e->queue == NULL || e->multi == NULL || e->headers == NULL) {
		fog_exporter_free(e);
		return -ENOMEM;
	}
	fog_span_sink_set(on_span, e);
	*out = e;
	return 0;
}

void fog_exporter_counts(const struct fog_exporter *e, struct fog_exporter_counts *out)
{
	*out = e->counts;
	out->queued = (u32)(json_array_size(e->queue) + json_array_size(e->batch));
}

/* As much as a collector takes that is well. */
static void goodbye(struct fog_exporter *e)
{
	u64 end_ms = fog_monotonic_ms() + FOG_EXPORTER_GOODBYE_MS;

	while (fog_monotonic_ms() < end_ms) {
		if (e->batch == NULL && json_array_size(e->queue) != 0)
			batch_make(e);
		if (e->batch == NULL)
			return;
		if (e->easy == NULL)
			transfer_start(e);
		if (e->easy == NULL)
			return;
		if (transfer_step(e))
			curl_multi_poll(e->multi, NULL, 0, 50, NULL);
		else if (e->batch != NULL)
			return;
	}
}

void fog_exporter_free(struct fog_exporter *e)
{
	if (e == NULL)
		return;
	fog_span_sink_set(NULL, NULL);
	ev_timer_stop(e->loop, &e->timer);
	if (e->headers != NULL)
		goodbye(e);
	transfer_end(e);
	curl_multi_cleanup(e->multi);
	curl_slist_free_all(e->headers);
	json_decref(e->batch);
	json_decref(e->queue);
	free(e->body);
	free(e->url);
	free(e);
}
