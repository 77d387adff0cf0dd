/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP handlers of reservations. */
#include <errno.h>

#include "controlplane/jobs/api.h"
#include "controlplane/jobs/reserve.h"
#include "crypto/mem.h"

#define MIB (1ull << 20)

static struct fog_jobs *engine(struct fog_exchange *x)
{
	return fog_jobs_runtime_engine(fog_exchange_ctx(x));
}

static json_t *when_ms(u64 ms)
{
	return ms != 0 ? json_integer((json_int_t)ms) : json_null();
}

static json_t *amount_json(const struct fog_amount *a)
{
	return json_pack("{s:f,s:I,s:I}", "cpu_cores", (double)a->cpu_milli / 1000, "memory_mb",
			 (json_int_t)(a->memory_bytes / MIB), "accelerators",
			 (json_int_t)(a->gpu_milli / 1000));
}

static json_t *hosts_json(const struct fog_jobs_runtime_config *c, const struct fog_reservation *r)
{
	json_t *list = json_array();

	for (u32 i = 0; i < r->host_count; i++)
		json_array_append_new(list, json_pack("{s:o,s:s}", "node_id",
						      fog_json_hex_new(r->host[i], 32), "name",
						      c->host_name(c->context, r->host[i])));
	return list;
}

static json_t *reservation_json(const struct fog_jobs_runtime_config *c,
				const struct fog_reservation *r, u64 now_ms)
{
	u64 begin = 0;
	bool more = fog_reservation_next(r, now_ms, &begin);

	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:s,s:o,s:o,s:I}", "id",
			      r->id, "owner", r->owner, "namespace", r->space, "note", r->note,
			      "hosts", hosts_json(c, r), "asked",
			      r->host_count == 0 ? amount_json(&r->amount) : json_null(), "kept",
			      amount_json(&r->kept), "start_ms", when_ms(r->start_ms),
			      "duration_seconds", (json_int_t)(r->duration_ms / 1000),
			      "every_seconds", (json_int_t)(r->every_ms / 1000), "until_ms",
			      when_ms(r->until_ms), "state",
			      !more             ? "over"
			      : begin <= now_ms ? "active"
						: "waiting",
			      "next_ms", when_ms(more ? begin : 0), "end_ms",
			      when_ms(more ? begin + r->duration_ms : 0), "created_ms",
			      (json_int_t)r->created_ms);

	if (!fog_is_zero(r->submitter, sizeof(r->submitter)))
		json_object_set_new(o, "submitter", fog_json_hex_new(r->submitter, 32));
	return o;
}

static int list_answer(struct fog_exchange *x, unsigned status)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const struct fog_jobs_runtime_config *c = fog_jobs_runtime_config(rt);
	u64 now_ms = fog_jobs_runtime_now(rt);
	const struct fog_reservation *r;
	json_t *list = json_array();

	if (fog_jobs_reservations_look(engine(x), now_ms) != 0) {
		json_decref(list);
		return fog_exchange_problem(x, 503, "the store does not take it now");
	}
	for (u32 i = 0; (r = fog_jobs_reservation(engine(x), i)) != NULL; i++)
		if (fog_exchange_owns(x, r->owner))
			json_array_append_new(list, reservation_json(c, r, now_ms));
	return fog_exchange_json(x, status, json_pack("{s:o}", "reservations", list));
}

static int reservations_get(struct fog_exchange *x)
{
	return list_answer(x, 200);
}

static int reservations_post(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	u64 now_ms = fog_jobs_runtime_now(rt);
	struct fog_reservation *r = malloc(sizeof(*r));
	char error[FOG_JSON_ERROR_SIZE], location[64];

	if (r == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	int rc = fog_reservation_parse(engine(x), fog_exchange_body(x), now_ms, r, error);
	snprintf(r->owner, sizeof(r->owner), "%s", fog_exchange_subject(x));
	if (rc == 0)
		rc = fog_jobs_reserve(engine(x), r, now_ms, error);
	snprintf(location, sizeof(location), "/v1/reservations/%s", rc == 0 ? r->id : "");
	free(r);
	fog_jobs_runtime_kick(rt);
	if (rc == -ENOSPC)
		return fog_exchange_problem(x, 507, "there are %u reservations already",
					    FOG_JOBS_RESERVATIONS_MAX);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s",
					    error[0] != '\0' ? error : strerror(-rc));
	fog_exchange_header(x, "Location", location);
	return list_answer(x, 201);
}

static bool reservation_owned(struct fog_exchange *x, const char *id)
{
	const struct fog_reservation *r;

	for (u32 i = 0; (r = fog_jobs_reservation(engine(x), i)) != NULL; i++)
		if (strcmp(r->id, id) == 0)
			return fog_exchange_owns(x, r->owner);
	return false;
}

static int reservation_cancel(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const char *id = fog_exchange_param(x, "id");

	int rc = reservation_owned(x, id)
			 ? fog_jobs_unreserve(engine(x), id, fog_jobs_runtime_now(rt))
			 : -ENOENT;
	fog_jobs_runtime_kick(rt);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no reservation \"%s\"", id);
	if (rc != 0)
		return fog_exchange_problem(x, 503, "the store does not take it now");
	return list_answer(x, 200);
}

#define AMOUNTS                                       \
	"{cpu_cores: number, memory_mb: integer 0..," \
	" accelerators: integer 0..}"
#define LIST                                                                                  \
	"{reservations: [{id: string, owner: string, namespace: string, note: string,"        \
	" hosts: [{node_id: hex64, name: string}], asked: " AMOUNTS "|null (null: by hosts)," \
	" kept: " AMOUNTS " (for the time at hand or the next),"                              \
	" start_ms: ms, duration_seconds: integer, every_seconds: integer (0 = once),"        \
	" until_ms: ms|null, state: active|waiting|over, next_ms: ms|null,"                   \
	" end_ms: ms|null, created_ms: ms, submitter?: hex64 (whose jobs may use it, too)}]}"

static const struct fog_route routes[] = {
	{"GET", "/v1/reservations", reservations_get,
	 FOG_DESCRIBE("What people have reserved", .answer = LIST)},
	{"POST", "/v1/reservations", reservations_post,
	 FOG_DESCRIBE("Reserve hosts, or so much of all, for a namespace", .creates = true,
		      .status = 201,
		      .text = "Only jobs of the namespace get what is kept while it lasts; others "
			      "use it before as long as they must have ended when it begins.",
		      .request =
			      "{namespace: string 1..64, hosts?: [string 1..64] 1..32 (all of "
			      "these; or amounts, wherever they are), cpu_cores?: number >0..,"
			      " memory_mb?: integer 1.., accelerators?: integer 1..,"
			      " start_ms?: ms (now when absent), duration_seconds: integer 1..,"
			      " every_seconds?: integer 1.. (it comes again),"
			      " until_ms?: ms, note?: string ..64, submitter?: string 1..64 (with"
			      " this host alone in hosts: whose jobs may use it, too)}",
		      .answer = LIST)},
	{"DELETE", "/v1/reservations/{id}", reservation_cancel,
	 FOG_DESCRIBE("Give a reservation up", .answer = LIST)},
	{"POST", "/v1/reservations/{id}/cancel", reservation_cancel,
	 FOG_DESCRIBE("Give a reservation up", .answer = LIST)},
};

void fog_jobs_reserve_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway)
{
	fog_gateway_add(gateway, routes, FOG_ARRAY_COUNT(routes), rt);
}
