/* SPDX-License-Identifier: BSD-3-Clause */
/* See hooks.h. */
#include "controlplane/jobs/hooks.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "configs/address.h"
#include "controlplane/core/log.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/trace.h"

#define BACKOFF_MS 1000u

struct transfer {
	CURL *easy; /* NULL: free */
	i64 id;
	u32 tries;
	bool ours;
	bool refused, permitted; /* addresses that a user's may not reach, and others */
	const struct fog_hooks *owner;
	char *body;
	struct fog_trace trace; /* of the request, in the job's */
	struct curl_slist *headers;
};

struct fog_hooks {
	struct fog_store *store;
	CURLM *multi;
	u32 active;
	u32 network_count;
	struct fog_exit_rule network[FOG_HOOKS_NETWORKS_MAX];
	struct transfer transfer[FOG_HOOKS_ACTIVE_MAX];
};

static size_t drop(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

int fog_hooks_new(struct fog_hooks **out, struct fog_store *store)
{
	struct fog_hooks *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return -ENOMEM;
	h->store = store;
	h->multi = curl_multi_init();
	if (h->multi == NULL) {
		fog_hooks_free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

static void transfer_end(struct fog_hooks *h, struct transfer *t)
{
	curl_multi_remove_handle(h->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t->body);
	memset(t, 0, sizeof(*t));
	h->active--;
}

void fog_hooks_free(struct fog_hooks *h)
{
	if (h == NULL)
		return;
	for (u32 i = 0; i < FOG_HOOKS_ACTIVE_MAX; i++)
		if (h->transfer[i].easy != NULL)
			transfer_end(h, &h->transfer[i]);
	curl_multi_cleanup(h->multi);
	free(h);
}

void fog_hooks_allow(struct fog_hooks *h, char *const *networks, u32 count)
{
	h->network_count = 0;
	for (u32 i = 0; i < FOG_MIN(count, (u32)FOG_HOOKS_NETWORKS_MAX); i++)
		if (fog_network_parse(networks[i], &h->network[h->network_count]) == 0)
			h->network_count++;
}

static bool may_reach(const struct fog_hooks *h, const struct sockaddr *to)
{
	u8 ip[16] = {[10] = 0xff, [11] = 0xff};

	if (to->sa_family == AF_INET)
		memcpy(ip + 12, &((const struct sockaddr_in *)(const void *)to)->sin_addr, 4);
	else if (to->sa_family == AF_INET6)
		memcpy(ip, &((const struct sockaddr_in6 *)(const void *)to)->sin6_addr, 16);
	else
		return false;
	for (u32 i = 0; i < h->network_count; i++)
		if (fog_exit_rule_match(&h->network[i], ip, 1))
			return true;
	return fog_ip_is_public(ip);
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = context;

	bool may = t->ours || may_reach(t->owner, &to->addr);
	t->permitted |= may;
	t->refused |= !may;
	return may ? socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol)
		   : CURL_SOCKET_BAD;
}

/* A store that fails is tried again at the next tick: the notice is still there. */
static void forget(struct fog_hooks *h, i64 id)
{
	struct fog_stmt *q = fog_stmt(h->store, "DELETE FROM hook WHERE id = ?");

	fog_bind_int(q, id);
	(void)fog_stmt_run(q);
}

static bool out_of_reach(const struct transfer *t)
{
	return t->refused && !t->permitted;
}

static void postpone(struct fog_hooks *h, const struct transfer *t, u64 now_ms, const char *why)
{
	u32 tries = t->tries + 1;

	if (tries >= FOG_JOBS_HOOK_TRIES || out_of_reach(t)) {
		const struct fog_trace *before = fog_trace_enter(&t->trace);
		fog_log(FOG_LOG_WARNING, "jobs", "a webhook is not told reason=\"%s\"", why);
		fog_trace_enter(before);
		forget(h, t->id);
		return;
	}
	struct fog_stmt *q =
		fog_stmt(h->store, "UPDATE hook SET tries = ?, next_ms = ? WHERE id = ?");
	fog_bind_u64(q, tries);
	fog_bind_u64(q, now_ms + (BACKOFF_MS << tries));
	fog_bind_int(q, t->id);
	(void)fog_stmt_run(q);
}

static void reap(struct fog_hooks *h, u64 now_ms)
{
	int left;

	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;) {
		u32 i = 0;
		if (m->msg != CURLMSG_DONE)
			continue;
		while (i < FOG_HOOKS_ACTIVE_MAX && h->transfer[i].easy != m->easy_handle)
			i++;
		FOG_ASSERT(i < FOG_HOOKS_ACTIVE_MAX);
		struct transfer *t = &h->transfer[i];
		CURLcode rc = m->data.result;
		long status = 0;
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		if (rc == CURLE_OK && status >= 200 && status < 300)
			forget(h, t->id);
		else
			postpone(h, t, now_ms,
				 t->refused ? "jobs.webhook_networks does not have its address"
				 : rc != CURLE_OK ? curl_easy_strerror(rc)
						  : "not a 2xx status");
		transfer_end(h, t);
	}
}

static bool busy_with(const struct fog_hooks *h, i64 id)
{
	for (u32 i = 0; i < FOG_HOOKS_ACTIVE_MAX; i++)
		if (h->transfer[i].easy != NULL && h->transfer[i].id == id)
			return true;
	return false;
}

/* The job's trace goes on at who is told: a span of its own each time. */
static struct curl_slist *headers_make(const char *trace_text, struct fog_trace *out)
{
	char parent[FOG_TRACEPARENT_SIZE], line[FOG_TRACESTATE_MAX + 32];
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	struct fog_job_trace trace;

	const char *state = fog_job_trace_read(trace_text, &trace);
	if (!fog_trace_is(&trace.span))
		return list;
	fog_span_id_make(trace.span.span_id);
	*out = trace.span;
	snprintf(line, sizeof(line), "traceparent: %s", fog_trace_format(&trace.span, parent));
	list = curl_slist_append(list, line);
	snprintf(line, sizeof(line), "tracestate: %s", state);
	return state[0] != '\0' ? curl_slist_append(list, line) : list;
}

static void start(struct fog_hooks *h, struct transfer *t, struct fog_stmt *q)
{
	t->easy = curl_easy_init();
	t->body = strdup(fog_column_text(q, 2));
	t->headers = headers_make(fog_column_text(q, 4), &t->trace);
	if (t->easy == NULL || t->body == NULL || t->headers == NULL) {
		curl_easy_cleanup(t->easy);
		curl_slist_free_all(t->headers);
		free(t->body);
		memset(t, 0, sizeof(*t));
		return;
	}
	t->id = fog_column_int(q, 0);
	t->tries = (u32)fog_column_u64(q, 3);
	t->ours = fog_column_int(q, 5) != 0;
	t->owner = h;
	curl_easy_setopt(t->easy, CURLOPT_URL, fog_column_text(q, 1));
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (!t->ours) { /* else a proxy, or a connection of the operator's, is not looked at */
		curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
		curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
	}
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)FOG_HOOKS_TIMEOUT_MS);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "fog/" FOG_VERSION);
	curl_multi_add_handle(h->multi, t->easy);
	h->active++;
}

static void fill(struct fog_hooks *h, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id, url, body, tries, trace, ours FROM hook"
						" WHERE next_ms <= ? ORDER BY id LIMIT ?");
	u32 at = 0;

	fog_bind_u64(q, now_ms);
	fog_bind_u64(q, 2 * FOG_HOOKS_ACTIVE_MAX);
	while (fog_stmt_step(q) == 1) {
		while (at < FOG_HOOKS_ACTIVE_MAX && h->transfer[at].easy != NULL)
			at++;
		if (at < FOG_HOOKS_ACTIVE_MAX && !busy_with(h, fog_column_int(q, 0)))
			start(h, &h->transfer[at], q);
	}
}

bool fog_hooks_tick(struct fog_hooks *h, u64 now_ms)
{
	int running;

	if (h->active < FOG_HOOKS_ACTIVE_MAX)
		fill(h, now_ms);
	if (h->active == 0)
		return false;
	curl_multi_perform(h->multi, &running);
	reap(h, now_ms);
	return h->active != 0;
}
