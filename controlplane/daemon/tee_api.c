/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation and enclaves over the API. */
#include "controlplane/daemon/enclave.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/tee_api.h"
#include "controlplane/jobs/json.h"

static int runtime_post(struct fog_exchange *x)
{
	static const struct {
		const char *name;
		int (*fn)(struct fog_exchange *x);
	} operations[] = {
		{"create", fog_enclave_create},       {"attest", fog_enclave_attest},
		{"deploy", fog_enclave_deploy},       {"execute", fog_enclave_execute},
		{"terminate", fog_enclave_terminate},
	};
	const char *name = json_string_value(json_object_get(fog_exchange_body(x), "operation"));

	for (u32 i = 0; name != NULL && i < FOG_ARRAY_COUNT(operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].fn(x);
	return fog_exchange_problem(x, 422,
				    "operation: create, attest, deploy, execute or terminate");
}

static json_t *components_json(const struct fog_host_tee *t)
{
	json_t *o = json_object();

	for (u32 i = 0; i < t->component_count; i++)
		json_object_set_new(o, t->component[i].name,
				    fog_json_hex_new(t->component[i].sha256, 32));
	return o;
}

/* What stands behind it, in a word that promises nothing it does not hold. */
static const char *security_level(enum fog_tee_kind kind)
{
	switch (kind) {
	case FOG_TEE_SNP:
	case FOG_TEE_TDX:
		return "hardware: memory is encrypted, the guest is measured";
	case FOG_TEE_TPM:
		return "tpm: programs are measured, memory is the host's";
	case FOG_TEE_SOFTWARE:
		return "software";
	default:
		return "none";
	}
}

static json_t *policy_json(const struct fog_host_tee *t)
{
	json_t *accept = json_array();

	for (u32 k = FOG_TEE_TDX; k >= FOG_TEE_SOFTWARE; k--)
		if ((t->policy.accept & 1u << k) != 0)
			json_array_append_new(accept,
					      json_string(fog_tee_kind_name((enum fog_tee_kind)k)));
	return json_pack("{s:o, s:o, s:b, s:b, s:I, s:s}", "digest",
			 fog_json_hex_new(t->policy.digest, 32), "accept", accept, "debug",
			 (int)t->policy.debug, "endorsed", (int)t->policy.endorsed,
			 "result_seconds", (json_int_t)t->policy.result_s, "refused",
			 t->policy_why);
}

static json_t *collateral_json(const struct fog_host_tee *t)
{
	json_t *o = fog_tee_collateral_json(t->collateral);

	if (o != NULL)
		json_object_set_new(o, "refused", json_string(t->collateral_why));
	return o;
}

static int status_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_host_tee *t = h->tee;
	enum fog_tee_kind kind = fog_tee_attester_kind(t->attester);
	struct fog_enclaves_load load;

	fog_enclaves_load(h, &load);
	json_t *o =
		json_pack("{s:b, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:o}", "healthy", (int)t->ready,
			  "provider", fog_tee_kind_name(kind), "vendor", fog_tee_vendor(kind),
			  "about", t->about, "security_level", security_level(kind), "platform",
			  fog_json_hex_new(t->platform, 32), "components", components_json(t),
			  "changes", (json_int_t)t->changes, "policy", policy_json(t));
	json_t *more = json_pack(
		"{s:i, s:i, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:o}", "active_enclaves",
		(int)load.active, "max_enclaves", (int)load.active_max, "memory_usage_mb",
		(json_int_t)load.memory_mb, "max_memory_mb", (json_int_t)load.memory_mb_max,
		"attestation_count", (json_int_t)(load.attestations + t->attested), "executions",
		(json_int_t)load.runs, "memory_store", load.store, "hosts_attested",
		(json_int_t)t->attested, "hosts_refused", (json_int_t)t->refused, "enclaves",
		fog_enclaves_json(x));
	json_object_set_new(more, "collateral", collateral_json(t));
	json_object_update_missing(o, more);
	json_decref(more);
	return fog_envelope(x, o, "TEE status");
}

static int enclaves_get(struct fog_exchange *x)
{
	return fog_exchange_list(x, json_pack("{s:o}", "enclaves", fog_enclaves_json(x)),
				 "enclaves");
}

static int enclave_get(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");
	json_t *o = fog_enclave_json(x, id);

	if (o == NULL)
		return fog_exchange_problem(x, 404, "there is no enclave \"%s\"", id);
	return fog_exchange_json(x, 200, o);
}

static json_t *host_json(const struct fog_host *h, const struct fog_descriptor *d)
{
	const struct fog_tee_ear *ear = fog_host_attested(h, d->node_id), *last;
	const char *why;
	char id[65];

	last = fog_host_tee_last(h, d->node_id, &why);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:o}", "node_id",
		fog_node_id_hex(d->node_id, id), "name", d->name, "claims", d->tee_kind, "vendor",
		d->tee_vendor, "attested", (int)(ear != NULL), "code",
		last == NULL                                  ? ""
		: ear != NULL || last->fault != FOG_TEE_VALID ? fog_tee_fault_code(last->fault)
							      : "changed",
		"reason", why, "result", last != NULL ? fog_tee_ear_json(last) : json_null());
}

/* What this host found of the others: what its jobs of class S are placed by. */
static int hosts_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *list = json_array();

	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (memcmp(d->node_id, h->id.node_id, 32) != 0)
			json_array_append_new(list, host_json(h, d));
	}
	return fog_exchange_list(x, json_pack("{s:o}", "hosts", list), "hosts");
}

#define ENCLAVE                                                                                   \
	"{enclave_id: string, name: string, state: "                                              \
	"initializing|created|measured|attested|running|"                                         \
	"terminated|error, reason: string, measurement: hex64 (of the launch), key: hex64 "       \
	"(X25519:"                                                                                \
	" secrets are sealed to it), provider: string, engine: string, attestation: object|null," \
	" secrets: [string], result: object|null, ...}"

static const struct fog_route routes[] = {
	{"POST", "/v1/fog/tee/runtime", runtime_post,
	 FOG_DESCRIBE(
		 "Create, attest, deploy to, execute and terminate an enclave",
		 .text = "create: code and config. attest: another host, inputs.verifier or any,"
			 " checks a fresh quote. deploy: inputs.name and inputs.sealed, a secret"
			 " sealed to the enclave's key. execute: inputs.args and inputs.stdin; the"
			 " answer comes when it has ended. All but create want enclave_id.",
		 .request =
			 "{operation: create|attest|deploy|execute|terminate,"
			 " enclave_id?: string 1..23, code?: string|null,"
			 " inputs?: {verifier?: node, name?: string 1..63, sealed?: hex,"
			 " args?: [string] ..64, stdin?: string ..1048576, ...},"
			 " config?: {name?: string ..63, engine?: native|wasm|oci|microvm, argv?: "
			 "[string] "
			 "1..64,"
			 " env?: [string] ..32, encoding?: text|'hex', memory_mb?: integer "
			 "64..16384 ="
			 " 512, cpu_cores?: integer 1..32 = 1, wall_seconds?: integer 1..3600 = 60,"
			 " attestation_timeout?: integer 30..3600 = 300, ...}, ...}",
		 .answer = ENCLAVE)},
	{"GET", "/v1/fog/tee/status", status_get,
	 FOG_DESCRIBE("What attests this host, its policy, its enclaves",
		      .answer = "{healthy: boolean, active_enclaves: integer,"
				" memory_usage_mb: integer, attestation_count: integer,"
				" security_level: string, provider: string, about: string,"
				" enclaves: [object], ...}")},
	{"GET", "/v1/enclaves", enclaves_get,
	 FOG_DESCRIBE("Enclaves of this host", .query = FOG_PAGE_QUERY,
		      .answer = "{enclaves: [" ENCLAVE "], next: integer|null}")},
	{"GET", "/v1/enclaves/{id}", enclave_get,
	 FOG_DESCRIBE("An enclave", .path = "id: string 1..23", .answer = ENCLAVE)},
	{"GET", "/v1/tee/hosts", hosts_get,
	 FOG_DESCRIBE("What this host found when it attested the others", .query = FOG_PAGE_QUERY,
		      .answer = "{hosts: [{node_id: hex64, name: string, claims: string,"
				" vendor: string, attested: boolean, code: string, reason: string,"
				" result: object|null}], next: integer|null}")},
};

void fog_host_tee_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
