/* SPDX-License-Identifier: BSD-3-Clause */
/* The API's view of this host: status, hosts, links. */
#include <errno.h>
#include <unistd.h>

#include "configs/service.h"
#include "controlplane/daemon/host.h"
#include "controlplane/daemon/measure.h"
#include "controlplane/daemon/metrics.h"
#include "dataplane/abi/attach.h"
#include "crypto/mem.h"

/* Unix time of something known by the monotonic clock. */
static u64 unix_of_mono(const struct fog_host *h, u64 mono_ms)
{
	return fog_loop_now_ms(h->loop) - (fog_monotonic_ms() - mono_ms);
}

static json_t *when(u64 unix_ms)
{
	return unix_ms != 0 ? json_integer((json_int_t)unix_ms) : json_null();
}

/* ---- status --------------------------------------------------------------------------------- */

static json_t *workers_json(const struct fog_dpclient_info *info)
{
	json_t *a = json_array();
	u64 now_ns = fog_monotonic_ns();

	for (u32 i = 0; i < info->workers && i < FOG_WORKERS_MAX; i++) {
		const struct fog_dpclient_worker *w = &info->worker[i];
		u64 age_ns = now_ns > w->heartbeat_ns ? now_ns - w->heartbeat_ns : 0;
		json_array_append_new(a,
				      json_pack("{s:I, s:o, s:I, s:I}", "heartbeat_age_ms",
						(json_int_t)(age_ns / 1000000), "cpu",
						w->cpu != ~0u ? json_integer(w->cpu) : json_null(),
						"commands_applied", (json_int_t)w->applied_seq,
						"generation", (json_int_t)w->generation));
	}
	return a;
}

static json_t *dataplane_json(const struct fog_host *h)
{
	struct fog_dpclient_info info;
	enum fog_dpclient_state state = fog_dpclient_state(h->dp);
	json_t *o = json_pack("{s:s, s:b, s:o, s:s}", "state", fog_dpclient_state_name(state),
			      "attached", state == FOG_DPCLIENT_UP, "attached_ms",
			      when(h->dp_since_ms), "reason", h->dp_why);

	if (o == NULL || fog_dpclient_info(h->dp, &info) != 0)
		return o;
	json_object_set_new(o, "pid", json_integer(info.pid));
	json_object_set_new(o, "io", json_string(info.io_name));
	json_object_set_new(o, "crypto", json_string(info.crypto_name));
	json_object_set_new(o, "pinning", json_string(info.pin_reason));
	json_object_set_new(o, "synced", json_boolean(fog_dpclient_synced(h->dp)));
	json_object_set_new(o, "workers", workers_json(&info));
	return o;
}

static json_t *edge_json(const struct fog_host *h)
{
	bool up = fog_edge_server_connected(h->edge);

	return json_pack("{s:s, s:b, s:o}", "state", up ? "up" : "down", "connected", up,
			 "connected_ms", when(fog_edge_server_since_ms(h->edge)));
}

/* One worker's counters, or the sums. Drops that never happened are left out. */
static json_t *rows_json(const u64 *counter, const u64 *drop)
{
	const char *name, *unit, *help;
	json_t *counters = json_object(), *drops = json_object();

	for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS; i++)
		if (fog_counter_info(i, &name, &unit, &help))
			json_object_set_new(counters, name, json_integer((json_int_t)counter[i]));
	for (unsigned i = 0; i < FOG_DROP_COUNT; i++)
		if (drop[i] != 0)
			json_object_set_new(drops, fog_drop_name(i),
					    json_integer((json_int_t)drop[i]));
	return json_pack("{s:o, s:o}", "counters", counters, "drops", drops);
}

static json_t *counters_json(const struct fog_host *h)
{
	struct fog_dpclient_counters c;

	if (fog_dpclient_counters(h->dp, &c) != 0)
		return json_pack("{s:{}, s:{}}", "counters", "drops");
	return rows_json(c.counter_sum, c.drop_sum);
}

static json_t *circuits_json(const struct fog_host *h)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "built",
			 (json_int_t)h->counts.circuits_built, "failed",
			 (json_int_t)h->counts.circuits_failed, "closed",
			 (json_int_t)h->counts.circuits_closed, "tagged",
			 (json_int_t)h->counts.circuits_tagged, "routes_given",
			 (json_int_t)h->counts.routes_given, "routes_refused",
			 (json_int_t)h->counts.routes_refused);
}

static json_t *peering_json(const struct fog_host *h)
{
	const struct fog_peering_counts *c = fog_peering_counts(h->peering);
	const struct fog_directory_counts *d = fog_directory_counts(h->directory);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "inbound",
			 (json_int_t)c->inbound, "outbound", (json_int_t)c->outbound, "finished",
			 (json_int_t)c->finished, "failed", (json_int_t)c->failed, "refused",
			 (json_int_t)(c->refused_rate + c->refused_full), "descriptors_accepted",
			 (json_int_t)d->accepted, "descriptors_refused", (json_int_t)d->refused,
			 "descriptors_expired", (json_int_t)d->expired);
}

/* What `fogctl top` reads twice: everything a worker counts, and when it was read. */
static int dataplane_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_dpclient_counters c;
	u32 up, links = fog_links_count(h->links, &up);
	json_t *o = dataplane_json(h), *rows = json_array();

	if (o == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	if (fog_dpclient_counters(h->dp, &c) == 0)
		for (u32 w = 0; w < c.workers && w < FOG_WORKERS_MAX; w++)
			json_array_append_new(rows, rows_json(c.counter[w], c.drop[w]));
	json_object_set_new(o, "name", json_string(h->config.host_name));
	json_object_set_new(o, "monotonic_ns", json_integer((json_int_t)fog_monotonic_ns()));
	json_object_set_new(o, "uptime_ms",
			    json_integer((json_int_t)(fog_monotonic_ms() - h->started_mono_ms)));
	json_object_set_new(o, "links", json_integer(links));
	json_object_set_new(o, "links_up", json_integer(up));
	json_object_set_new(o, "traffic", rows);
	return fog_exchange_json(x, 200, o);
}

static int status_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	char id[65], pk[65];
	u32 up, links = fog_links_count(h->links, &up);
	u64 now_ms = fog_loop_now_ms(h->loop);

	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:i, s:i, s:i, s:i}", "name",
		h->config.host_name, "node_id", fog_node_id_hex(h->id.node_id, id), "control_pk",
		fog_node_id_hex(h->id.control_pk, pk), "version", FOG_VERSION, "pid", (int)getpid(),
		"now_ms", (json_int_t)now_ms, "started_ms", (json_int_t)h->started_ms, "uptime_ms",
		(json_int_t)(fog_monotonic_ms() - h->started_mono_ms), "hosts",
		(int)fog_directory_count(h->directory), "links", (int)links, "links_up", (int)up,
		"jobs", (int)fog_host_jobs_open(h));
	if (o == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	json_object_set_new(o, "dataplane", dataplane_json(h));
	json_object_set_new(o, "edge", edge_json(h));
	json_object_set_new(o, "circuits", circuits_json(h));
	json_object_set_new(o, "directory", peering_json(h));
	json_object_set_new(o, "traffic", counters_json(h));
	json_object_set_new(o, "descriptor",
			    json_pack("{s:o, s:o}", "published_ms", when(h->published.published_ms),
				      "expires_ms", when(h->published.expires_ms)));
	return fog_exchange_json(x, 200, o);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static const char *link_state_name(enum fog_link_state state)
{
	static const char *const names[] = {"none", "down", "recent", "up"};

	return names[state];
}

static json_t *host_json(struct fog_host *h, const struct fog_signed_descriptor *s)
{
	json_t *o = fog_descriptor_to_json(&s->d);
	bool self = memcmp(s->d.node_id, h->id.node_id, 32) == 0;

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "self", json_boolean(self));
	json_object_set_new(
		o, "link_state",
		json_string(self ? "self"
				 : link_state_name(fog_links_state(h->links, s->d.node_id,
								   fog_monotonic_ms()))));
	json_object_set_new(json_object_get(o, "capacity"), "cpu_cores",
			    json_real(s->d.cpu_millicores / 1000.0));
	json_object_set_new(o, "reputation", json_real(fog_host_weight(h, s->d.node_id)));
	struct fog_estimate estimate;
	fog_host_estimate(h, s->d.node_id, &estimate);
	json_object_set_new(o, "network", fog_estimate_json(&estimate));
	return o;
}

static int hosts_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *hosts = json_array();

	for (u32 i = 0; i < fog_directory_count(h->directory); i++)
		json_array_append_new(hosts, host_json(h, fog_directory_at(h->directory, i)));
	return fog_exchange_list(x, json_pack("{s:o}", "hosts", hosts), "hosts");
}

static int host_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *id = fog_exchange_param(x, "id");
	const struct fog_signed_descriptor *s;
	char signature[129];
	int rc = fog_directory_lookup(h->directory, id, &s);

	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no host \"%s\" is known", id);
	if (rc != 0)
		return fog_exchange_problem(x, 409,
					    "several hosts are called \"%s\", use the node id", id);
	json_t *o = host_json(h, s);
	fog_hex_encode(s->signature, 64, signature, sizeof(signature));
	if (o != NULL)
		json_object_set_new(
			o, "descriptor",
			json_pack("{s:s, s:s}", "text", s->text, "signature", signature));
	return fog_exchange_json(x, 200, o);
}

/* ---- links ---------------------------------------------------------------------------------- */

static json_t *link_json(struct fog_host *h, const struct fog_link_info *l)
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, l->node_id);
	const char *reason = "";
	char id[65], address[FOG_ADDRESS_TEXT_SIZE] = "";

	if (s != NULL)
		fog_address_format(&s->d.link, address);
	if (!l->up && h->dp_since_ms == 0)
		reason = "no data plane is attached";
	else if (!l->up && l->changed_ms == 0)
		reason = "the neighbour has not answered yet";
	else if (!l->up)
		reason = "the neighbour went silent";
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:o, s:s}", "link_id", (int)l->link_id, "node_id",
		fog_node_id_hex(l->node_id, id), "name", s != NULL ? s->d.name : "", "address",
		address, "state", l->up ? "up" : "down", "since_ms",
		when(l->changed_ms != 0 ? unix_of_mono(h, l->changed_ms) : 0), "reason", reason);
}

static int links_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_link_info info;
	json_t *links = json_array();

	for (u32 i = 0; fog_links_at(h->links, i, &info); i++)
		json_array_append_new(links, link_json(h, &info));
	return fog_exchange_list(x, json_pack("{s:o}", "links", links), "links");
}

/* ---- store ---------------------------------------------------------------------------------- */

static int store_check(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	char why[FOG_STORE_WHY_SIZE];

	if (fog_store_check(h->store, why) != 0)
		return fog_exchange_problem(x, 500, "%s", why);
	return fog_exchange_json(
		x, 200, json_pack("{s:b, s:s}", "good", 1, "kind", fog_store_kind(h->store)));
}

static int store_backup(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *path = json_string_value(json_object_get(fog_exchange_body(x), "path"));
	char why[FOG_STORE_WHY_SIZE];

	if (path == NULL || path[0] != '/')
		return fog_exchange_problem(x, 400, "path must be an absolute path");
	int rc = fog_store_backup(h->store, path, why);
	if (rc != 0)
		return fog_exchange_problem(x, 500, "%s", why[0] != '\0' ? why : strerror(-rc));
	return fog_exchange_json(
		x, 200, json_pack("{s:s, s:s}", "path", path, "kind", fog_store_kind(h->store)));
}

#define DATAPLANE                                                                       \
	"state: string, attached: boolean, attached_ms: ms|null, reason: string, pid?:" \
	" integer, io?: string, crypto?: string, pinning?: string, synced?: boolean,"   \
	" workers?: [{heartbeat_age_ms: integer, cpu: integer|null, commands_applied:"  \
	" integer, generation: integer}]"
#define ROWS "{counters: {*: integer}, drops: {*: integer} (by reason; none: left out)}"
#define STATUS                                                                             \
	"{name: string, node_id: hex64, control_pk: hex64, version: string, pid: integer," \
	" now_ms: ms, started_ms: ms, uptime_ms: integer, hosts: integer, links: integer," \
	" links_up: integer, jobs: integer (open ones), dataplane: {" DATAPLANE "},"       \
	" edge: {state: up|down, connected: boolean, connected_ms: ms|null}, circuits:"    \
	" {built: integer, failed: integer, closed: integer, tagged: integer,"             \
	" routes_given: integer, routes_refused: integer}, directory: {inbound: integer,"  \
	" outbound: integer, finished: integer, failed: integer, refused: integer,"        \
	" descriptors_accepted: integer, descriptors_refused: integer,"                    \
	" descriptors_expired: integer}, traffic: " ROWS ", descriptor: {published_ms:"    \
	" ms|null, expires_ms: ms|null}}"

static const struct fog_route routes[] = {
	{"POST", "/v1/store/check", store_check,
	 FOG_DESCRIBE("Check the store", .scope = FOG_SCOPE_ADMIN,
		      .answer = "{good: boolean, kind: sqlite|postgresql}")},
	{"POST", "/v1/store/backup", store_backup,
	 FOG_DESCRIBE("Copy the store into a file of the host", .scope = FOG_SCOPE_ADMIN,
		      .request = "{path: string 1..4096 (absolute)}",
		      .answer = "{path: string, kind: sqlite|postgresql}")},
	{"GET", "/v1/status", status_get,
	 FOG_DESCRIBE("This host and its processes", .answer = STATUS)},
	{"GET", "/v1/dataplane", dataplane_get,
	 FOG_DESCRIBE("Counters of every worker of the data plane",
		      .answer = "{" DATAPLANE
				", name: string, monotonic_ns: integer, uptime_ms: integer,"
				" links: integer, links_up: integer, traffic: [" ROWS "]}")},
	{"GET", "/v1/hosts", hosts_get,
	 FOG_DESCRIBE("Hosts that are known", .query = FOG_PAGE_QUERY,
		      .answer = "{hosts: [@Host], next: integer|null}")},
	{"GET", "/v1/hosts/{id}", host_get,
	 FOG_DESCRIBE("A host", .path = "id: node", .answer = "@Host")},
	{"GET", "/v1/links", links_get,
	 FOG_DESCRIBE("Links to neighbours", .query = FOG_PAGE_QUERY,
		      .answer = "{links: [{link_id: integer, node_id: hex64, name: string,"
				" address: string, state: up|down, since_ms: ms|null, reason:"
				" string}], next: integer|null}")},
	{"GET", "/v1/xdp", fog_host_xdp_get,
	 FOG_DESCRIBE("The XDP filter",
		      .answer = "{attached: boolean, interface: string, mode: string, reason:"
				" string, generation: integer, rules: integer, links: integer,"
				" sockets: integer, program_id: integer, verified_instructions:"
				" integer, jited_bytes: integer, frames: {*: integer}}")},
	{"GET", "/metrics", fog_host_metrics_get,
	 FOG_DESCRIBE("Metrics for Prometheus", .text = "Prometheus text format 0.0.4.",
		      .type = "text/plain; version=0.0.4")},
};

static void socket_path(const struct fog_host *h, char path[128])
{
	snprintf(path, 128, "%s/api.sock", h->config.host_run_dir);
}

int fog_host_api_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	char path[128];
	int fd = -1, rc = fog_gateway_new(&h->gateway, h->loop);

	socket_path(h, path);
	if (rc == 0) {
		fog_gateway_define(h->gateway, "Host",
				   "{node_id: hex64, name: string, self: boolean, link_state:"
				   " self|none|down|recent|up, capacity: object, reputation:"
				   " number, network: object, ...}");
		fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
		fog_host_mix_routes(h);
		fd = fog_service_socket("api");
		h->api_socket_given = fd >= 0;
		if (fd < 0)
			fd = fog_unix_listen(path, 128);
		rc = fd < 0 ? fd : fog_gateway_listen(h->gateway, fd);
	}
	if (rc == 0)
		return 0;
	if (fd >= 0)
		close(fd);
	snprintf(why, FOG_HOST_WHY_SIZE, "%s: %s", path, strerror(-rc));
	return rc;
}

int fog_host_api_restart(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	char path[128];
	int fd = -1;

	socket_path(h, path);
	if (access(path, F_OK) != 0) {
		fd = fog_unix_listen(path, 128);
		if (fd < 0) {
			snprintf(why, FOG_HOST_WHY_SIZE, "%s: %s", path, strerror(-fd));
			return fd;
		}
		h->api_socket_given = false;
	}
	fog_gateway_restart(h->gateway, fd);
	return 0;
}

void fog_host_api_stop(struct fog_host *h)
{
	char path[128];

	if (h->gateway == NULL)
		return;
	fog_gateway_free(h->gateway);
	h->gateway = NULL;
	if (h->api_socket_given)
		return; /* the service manager goes on listening */
	socket_path(h, path);
	unlink(path);
}
