/* SPDX-License-Identifier: BSD-3-Clause */
/* Route requests of the edge: JSON in, a choice of hosts, JSON out. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/host.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define GUARDS_NAME "guards.1" /* named value of the store; the number is the layout's */

static json_t *refusal(struct fog_host *h, const char *error)
{
	h->counts.routes_refused++;
	fog_log(FOG_LOG_DEBUG, "route", "refused reason=\"%s\"", error);
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

static bool id_read(const json_t *v, u8 id[32])
{
	const char *hex = json_string_value(v);

	return hex != NULL && fog_hex_decode(hex, id, 32) == 0;
}

static const char *purpose_read(struct fog_path_request *r, const json_t *m)
{
	static const struct {
		const char *name;
		enum fog_path_purpose purpose;
	} names[] = {{"exit", FOG_PATH_EXIT}, {"job", FOG_PATH_JOB}, {"node", FOG_PATH_NODE}};
	const char *purpose = json_string_value(json_object_get(m, "purpose"));

	for (unsigned i = 0; purpose != NULL && i < FOG_ARRAY_COUNT(names); i++) {
		if (strcmp(purpose, names[i].name) != 0)
			continue;
		r->purpose = names[i].purpose;
		return NULL;
	}
	return "purpose wants \"exit\", \"job\" or \"node\"";
}

static const char *exclude_read(struct fog_path_request *r, const json_t *list)
{
	const json_t *e;
	size_t i;

	if (list == NULL || json_is_null(list))
		return NULL;
	if (!json_is_array(list) || json_array_size(list) > FOG_PATH_EXCLUDE_MAX)
		return "exclude wants a list of at most 64 node ids";
	json_array_foreach((json_t *)list, i, e)
	{
		if (!id_read(e, r->exclude[r->exclude_count++]))
			return "exclude holds something else than a node id";
	}
	return NULL;
}

/* NULL, or what is wrong. */
static const char *request_read(struct fog_path_request *r, const json_t *m, u32 default_hops)
{
	const json_t *target = json_object_get(m, "target"), *hops = json_object_get(m, "hops"),
		     *port = json_object_get(m, "port");
	const char *host = json_string_value(json_object_get(m, "host"));
	const char *error = purpose_read(r, m);

	if (error != NULL)
		return error;
	r->has_target = target != NULL && !json_is_null(target);
	if (r->has_target && !id_read(target, r->target))
		return "target wants a node id";
	r->hops = default_hops;
	if (hops != NULL && !json_is_null(hops)) {
		if (!json_is_integer(hops) || json_integer_value(hops) < 1 ||
		    json_integer_value(hops) > FOG_PATH_HOPS_MAX)
			return "hops wants a number from 1 to 8";
		r->hops = (u32)json_integer_value(hops);
	}
	if (r->purpose == FOG_PATH_EXIT) {
		json_int_t n = json_integer_value(port);
		if (!json_is_integer(port) || n < 1 || n > 65535)
			return "port wants a number from 1 to 65535";
		r->port = (u16)n;
		r->has_ip = host != NULL && fog_ip_parse(host, r->ip) == 0;
	}
	return exclude_read(r, json_object_get(m, "exclude"));
}

static u32 hosts_gather(struct fog_host *h)
{
	u32 count = fog_directory_count(h->directory);
	u64 now = fog_monotonic_ms();

	FOG_ASSERT(count <= FOG_PATH_HOSTS_MAX);
	for (u32 i = 0; i < count; i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		h->path_hosts[i] = (struct fog_path_host){
			.d = d,
			.link = fog_links_state(h->links, d->node_id, now),
			.weight = fog_host_weight(h, d->node_id),
			.drawn = fog_host_drawn(h, d->node_id),
		};
	}
	return count;
}

static json_t *path_json(const struct fog_path *path)
{
	const struct fog_descriptor *last = path->hops[path->count - 1];
	json_t *hops = json_array();
	char id[65], pk[65];

	for (u32 i = 0; i < path->count; i++)
		json_array_append_new(
			hops, json_pack("{s:s, s:s}", "node_id",
					fog_node_id_hex(path->hops[i]->node_id, id), "onion_pk",
					fog_node_id_hex(path->hops[i]->onion_pk, pk)));
	return json_pack("{s:b, s:o, s:{s:s, s:s}}", "ok", 1, "path", hops, "terminus", "node_id",
			 fog_node_id_hex(last->node_id, id), "quic_pk",
			 fog_node_id_hex(last->quic_pk, pk));
}

static void guards_store(struct fog_host *h)
{
	if (fog_store_set(h->store, GUARDS_NAME, &h->guards, sizeof(h->guards)) != 0)
		fog_log(FOG_LOG_WARNING, "route", "first hops not stored");
}

json_t *fog_host_route(struct fog_host *h, const json_t *m)
{
	struct fog_path_request request = {0};
	struct fog_path path;
	char why[FOG_PATH_WHY_SIZE];
	bool changed;
	const char *error = request_read(&request, m, (u32)h->config.edge_hops);

	if (error != NULL)
		return refusal(h, error);
	int rc = fog_path_choose(&path, &request, h->id.node_id, h->path_hosts, hosts_gather(h),
				 &h->guards, &changed, fog_loop_now_ms(h->loop), &h->rng, why);
	if (changed)
		guards_store(h);
	if (rc != 0)
		return refusal(h, why);
	h->counts.routes_given++;
	return path_json(&path);
}

void fog_host_route_init(struct fog_host *h)
{
	u8 seed[FOG_RNG_SEED_SIZE];
	size_t len = 0;

	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&h->rng, seed);
	int rc = fog_store_get(h->store, GUARDS_NAME, &h->guards, sizeof(h->guards), &len);
	if (rc != 0 || len != sizeof(h->guards) || h->guards.count > FOG_GUARDS_MAX)
		memset(&h->guards, 0, sizeof(h->guards));
}
