/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/circuits_api.h"

#include <errno.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#include "controlplane/daemon/envelope.h"
#include "controlplane/gateway/gateway.h"
#include "crypto/mem.h"

/* A circuit that is being built. */
struct build {
	struct fog_exchange *x;
	struct fog_host *host;
	struct fog_opening *opening;
	const char *purpose;
	u64 start_ms;
	TAILQ_ENTRY(build) link;
};

struct fog_host_circuits {
	TAILQ_HEAD(, build) builds;
	u32 count;
};

/* ---- what there is: the edge knows ---------------------------------------------------------- */

static int edge_problem(struct fog_exchange *x, int rc)
{
	if (rc == -ENOTCONN || rc == -ECONNRESET)
		return fog_exchange_problem(x, 503, "no fog-edge is connected on this host");
	if (rc == -ETIMEDOUT)
		return fog_exchange_problem(x, 504, "fog-edge did not answer within %d ms",
					    FOG_EDGE_REQUEST_MS);
	return fog_exchange_problem(x, 503, "fog-edge cannot be asked: %s", strerror(-rc));
}

json_t *fog_host_path_names(const struct fog_host *h, const json_t *path)
{
	json_t *names = json_array(), *e;
	size_t i;
	u8 id[32];

	json_array_foreach((json_t *)path, i, e)
	{
		const struct fog_signed_descriptor *s = NULL;
		const char *hex = json_string_value(e);
		if (hex != NULL && fog_hex_decode(hex, id, 32) == 0)
			s = fog_directory_find(h->directory, id);
		json_array_append_new(names, json_string(s != NULL ? s->d.name : ""));
	}
	return names;
}

/* NULL: answered. */
static json_t *circuits_take(struct fog_exchange *x, int rc, const json_t *answer)
{
	json_t *circuits, *e;
	size_t i;

	if (rc != 0) {
		edge_problem(x, rc);
		return NULL;
	}
	circuits = json_deep_copy(json_object_get(answer, "circuits"));
	if (!json_is_array(circuits)) {
		json_decref(circuits);
		fog_exchange_problem(x, 502, "fog-edge answered without a list of circuits");
		return NULL;
	}
	/* Of an edge that is older than this, all are the host's. */
	for (i = json_array_size(circuits); i-- > 0;) {
		const char *owner =
			json_string_value(json_object_get(json_array_get(circuits, i), "owner"));
		if (!fog_exchange_owns(x, owner != NULL ? owner : ""))
			json_array_remove(circuits, i);
	}
	json_array_foreach(circuits, i, e)
	{
		const json_t *path = json_object_get(e, "path");
		json_object_set_new(e, "names", fog_host_path_names(fog_exchange_ctx(x), path));
		json_object_set_new(e, "hops", json_integer((json_int_t)json_array_size(path)));
	}
	return circuits;
}

static void on_circuits(void *ctx, int rc, const json_t *answer)
{
	json_t *circuits = circuits_take(ctx, rc, answer);
	json_t *terminus = fog_exchange_owns(ctx, "")
				   ? json_deep_copy(json_object_get(answer, "terminus"))
				   : json_array();

	if (circuits == NULL)
		json_decref(terminus);
	else
		fog_exchange_json(ctx, 200,
				  json_pack("{s:o, s:o}", "circuits", circuits, "terminus",
					    terminus != NULL ? terminus : json_array()));
}

/* As the published contract has it. */
static void on_onion_circuits(void *ctx, int rc, const json_t *answer)
{
	json_t *circuits = circuits_take(ctx, rc, answer);

	if (circuits != NULL)
		fog_envelope(ctx, json_pack("{s:o}", "circuits", circuits), "Onion circuits");
}

static int circuits_ask(struct fog_exchange *x, fog_edge_answer_fn fn)
{
	struct fog_host *h = fog_exchange_ctx(x);
	int rc = fog_edge_server_request(h->edge, "circuits", NULL, fn, x);

	return rc != 0 ? edge_problem(x, rc) : 0;
}

static int circuits_get(struct fog_exchange *x)
{
	return circuits_ask(x, on_circuits);
}

static int onion_circuits_get(struct fog_exchange *x)
{
	return circuits_ask(x, on_onion_circuits);
}

static void on_closed(void *ctx, int rc, const json_t *answer)
{
	struct fog_exchange *x = ctx;
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (rc != 0)
		edge_problem(x, rc);
	else if (!json_is_true(json_object_get(answer, "ok")))
		fog_exchange_problem(x, 404, "%s", error != NULL ? error : "no such circuit");
	else
		fog_exchange_json(x, 200, json_pack("{s:b}", "closed", 1));
}

static int circuit_close(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u64 handle = strtoull(fog_exchange_param(x, "handle"), NULL, 10); /* by its schema */
	json_t *request = json_pack("{s:I, s:s*}", "handle", (json_int_t)handle, "owner",
				    fog_exchange_owner(x));
	int rc = fog_edge_server_request(h->edge, "close", request, on_closed, x);
	return rc != 0 ? edge_problem(x, rc) : 0;
}

/* ---- asking for one ------------------------------------------------------------------------- */

/* "name:port", "192.0.2.1:80", "[2001:db8::1]:80". */
static bool address_split(const char *text, char host[256], int *port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;

	if (len == 0 || len >= 256)
		return false;
	long n = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || n < 1 || n > 65535)
		return false;
	*port = (int)n;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return false; /* which colon is the last of the address? */
	}
	memcpy(host, text, len);
	host[len] = '\0';
	for (const char *p = host; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return len != 0;
}

bool fog_host_destination(struct fog_exchange *x, const char *destination, json_t *request)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_signed_descriptor *s;
	char host[256], id[65];
	int port;

	if (strchr(destination, ':') != NULL) {
		if (address_split(destination, host, &port)) {
			json_object_set_new(request, "host", json_string(host));
			json_object_set_new(request, "port", json_integer(port));
			return true;
		}
		fog_exchange_problem(x, 400, "an address is \"name:port\" or \"[address]:port\"");
		return false;
	}
	int rc = fog_directory_lookup(h->directory, destination, &s);
	if (rc != 0)
		fog_exchange_problem(x, rc == -EEXIST ? 409 : 404,
				     rc == -EEXIST ? "\"%s\" fits several hosts"
						   : "no host \"%s\" is known",
				     destination);
	else if (memcmp(s->d.node_id, h->id.node_id, 32) == 0)
		fog_exchange_problem(x, 409, "no circuit leads to where it begins");
	else if (json_object_set_new(request, "target",
				     json_string(fog_node_id_hex(s->d.node_id, id))) == 0)
		return true;
	else
		fog_exchange_problem(x, 500, "no memory");
	return false;
}

int fog_host_edge_ask(struct fog_host *h, json_t *request, fog_opened_fn fn, void *ctx,
		      struct fog_opening **out)
{
	char edge_sock[128];

	snprintf(edge_sock, sizeof(edge_sock), "%s/edge.sock", h->config.host_run_dir);
	return fog_opening_ask(out, h->loop, edge_sock, request, FOG_CIRCUIT_BUILD_MS, fn, ctx);
}

int fog_host_opening_problem(struct fog_exchange *x, int rc, const char *error)
{
	if (rc == -ETIMEDOUT)
		return fog_exchange_problem(x, 504, "no circuit within %d ms",
					    FOG_CIRCUIT_BUILD_MS);
	if (rc == -EHOSTUNREACH)
		return fog_exchange_problem(x, 409, "no circuit: %s", error);
	if (rc == -ECONNREFUSED && strcmp(error, "no fog-edge is running on this host") != 0)
		return fog_exchange_problem(x, 502, "no circuit: %s", error);
	return fog_exchange_problem(x, 503, "no circuit: %s",
				    error[0] != '\0' ? error : strerror(-rc));
}

/* ---- building ------------------------------------------------------------------------------- */

static void build_free(struct build *b)
{
	TAILQ_REMOVE(&b->host->circuits->builds, b, link);
	b->host->circuits->count--;
	free(b);
}

static void on_built(void *ctx, int rc, int fd, const char *error, const json_t *answer)
{
	struct build *b = ctx;
	json_t *path = json_object_get(answer, "path"),
	       *handle = json_object_get(answer, "circuit");

	if (rc != 0) {
		fog_host_opening_problem(b->x, rc, error);
	} else {
		close(fd); /* it tells nothing more: the circuit is kept without it */
		char location[64];
		snprintf(location, sizeof(location), "/v1/circuits/%lld",
			 (long long)json_integer_value(handle));
		fog_exchange_header(b->x, "Location", location);
		fog_exchange_json(
			b->x, 201,
			json_pack("{s:O, s:O, s:o, s:s, s:I, s:I}", "handle", handle, "path", path,
				  "names", fog_host_path_names(b->host, path), "purpose",
				  b->purpose, "hops", (json_int_t)json_array_size(path), "build_ms",
				  (json_int_t)(fog_monotonic_ms() - b->start_ms)));
	}
	build_free(b);
}

/* NULL: answered. */
static json_t *build_request(struct fog_exchange *x, const char **purpose)
{
	const json_t *body = fog_exchange_body(x), *hops = json_object_get(body, "hops");
	const char *target = json_string_value(json_object_get(body, "target"));
	const char *wish = json_string_value(json_object_get(body, "purpose"));
	json_t *request =
		json_pack("{s:s, s:s}", "service", "circuit", "owner", fog_exchange_subject(x));

	if (!fog_host_destination(x, target, request)) {
		json_decref(request);
		return NULL;
	}
	bool exits = json_object_get(request, "port") != NULL;
	*purpose = exits ? "exit" : wish != NULL && strcasecmp(wish, "node") == 0 ? "node" : "job";
	if (wish != NULL && strcasecmp(wish, *purpose) != 0) {
		json_decref(request);
		fog_exchange_problem(x, 400, "purpose: job or node to a host, exit to an address");
		return NULL;
	}
	json_object_set_new(request, "purpose", json_string(*purpose));
	if (hops != NULL)
		json_object_set(request, "hops", (json_t *)hops);
	return request;
}

static int circuits_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *purpose;

	if (h->circuits->count == FOG_CIRCUIT_ASKS_MAX)
		return fog_exchange_problem(x, 503, "%d circuits are being built",
					    FOG_CIRCUIT_ASKS_MAX);
	json_t *request = build_request(x, &purpose);
	if (request == NULL)
		return 0;
	struct build *b = calloc(1, sizeof(*b));
	if (b == NULL) {
		json_decref(request);
		return fog_exchange_problem(x, 500, "no memory");
	}
	*b = (struct build){.x = x, .host = h, .purpose = purpose, .start_ms = fog_monotonic_ms()};
	TAILQ_INSERT_TAIL(&h->circuits->builds, b, link);
	h->circuits->count++;
	if (fog_host_edge_ask(h, request, on_built, b, &b->opening) == 0)
		return 0;
	build_free(b);
	return fog_exchange_problem(x, 500, "no memory");
}

#define CIRCUIT                                                                               \
	"{handle: integer, owner?: string (\"\": the host), path: [hex64], names: [string], " \
	"hops: integer, purpose: string,"                                                     \
	" state: open|building, age_ms: integer, build_ms: integer, bytes_tx: integer,"       \
	" bytes_rx: integer, streams: integer}"

static const struct fog_route routes[] = {
	{"GET", "/v1/circuits", circuits_get,
	 FOG_DESCRIBE("Circuits that begin or end here",
		      .answer = "{circuits: [" CIRCUIT "], terminus: [{handle: integer,"
				" streams: integer, bytes_tx: integer, bytes_rx: integer}]}")},
	{"POST", "/v1/circuits", circuits_post,
	 FOG_DESCRIBE("Build a circuit and keep it", .creates = true, .status = 201,
		      .request = "{target: string 1..300 (a host, or name:port for an exit),"
				 " hops?: integer 1..8, purpose?: job|'node'|exit}",
		      .answer = "{handle: integer, path: [hex64], names: [string], purpose: string,"
				" hops: integer, build_ms: integer}")},
	{"DELETE", "/v1/circuits/{handle}", circuit_close,
	 FOG_DESCRIBE("Close a circuit", .path = "handle: integer 1..4294967295",
		      .answer = "{closed: boolean}")},
	{"POST", "/v1/circuits/{handle}/close", circuit_close,
	 FOG_DESCRIBE("Close a circuit", .path = "handle: integer 1..4294967295",
		      .answer = "{closed: boolean}")},
	{"GET", "/v1/fog/onion/circuits", onion_circuits_get,
	 FOG_DESCRIBE("Circuits that begin here", .answer = "{circuits: [" CIRCUIT "]}")},
};

int fog_host_circuits_start(struct fog_host *h)
{
	h->circuits = calloc(1, sizeof(*h->circuits));
	if (h->circuits == NULL)
		return -ENOMEM;
	TAILQ_INIT(&h->circuits->builds);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return 0;
}

void fog_host_circuits_stop(struct fog_host *h)
{
	struct build *b;

	if (h->circuits == NULL)
		return;
	while ((b = TAILQ_FIRST(&h->circuits->builds)) != NULL) {
		fog_opening_cancel(b->opening); /* the gateway answers who waits */
		build_free(b);
	}
	free(h->circuits);
	h->circuits = NULL;
}
