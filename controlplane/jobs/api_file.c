/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP handlers of artifacts; see docs/API.md. */
#include <errno.h>

#include "controlplane/gateway/range.h"
#include "controlplane/jobs/api.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/view.h"
#include "crypto/mem.h"

#define ANSWER_MAX (8u << 20) /* of a file in one answer; more is asked for in ranges */

static struct fog_jobs *engine(struct fog_exchange *x)
{
	return fog_jobs_runtime_engine(fog_exchange_ctx(x));
}

static int artifacts_get(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");

	if (!fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	json_t *list = fog_view_artifacts(engine(x), id);
	if (list == NULL)
		return fog_exchange_problem(x, 500, "the store cannot be read");
	return fog_exchange_json(x, 200, list);
}

static int file_answer(struct fog_exchange *x, const struct fog_view_file *f)
{
	struct fog_exchange_part part;
	char tag[65];
	u8 *data;

	if (fog_hex_encode(f->sha256, sizeof(f->sha256), tag, sizeof(tag)) != 0)
		FOG_UNREACHABLE();
	if (!fog_exchange_part(x, tag, f->size, ANSWER_MAX, &part))
		return 0;
	if (fog_view_file_read(engine(x), f, part.offset, (u32)part.len, &data) != 0)
		return fog_exchange_problem(x, 500, "the file cannot be read");
	int rc = fog_exchange_bytes(x, part.status, "application/octet-stream", data,
				    (size_t)part.len);
	free(data);
	return rc;
}

static int artifact_get(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id"), *name = fog_exchange_param(x, "path");
	struct fog_view_file f;

	if (!fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	if (!fog_view_file_named(engine(x), id, name, &f))
		return fog_exchange_problem(x, 404, "job \"%s\" left no artifact \"%s\"", id, name);
	return file_answer(x, &f);
}

static int hash_get(struct fog_exchange *x)
{
	struct fog_view_file f;
	u8 sha256[32];

	if (fog_hex_decode(fog_exchange_param(x, "sha256"), sha256, sizeof(sha256)) != 0)
		return fog_exchange_problem(x, 400, "sha256: must be 64 hex digits");
	if (!fog_view_file_hashed(engine(x), fog_exchange_owner(x), sha256, &f))
		return fog_exchange_problem(x, 404, "no output or artifact has that hash");
	return file_answer(x, &f);
}

#define PARTS                                                                                \
	"Range, If-Range and If-None-Match are honoured; the ETag is the SHA-256. More than" \
	" 8 MiB only in ranges."

static const struct fog_route routes[] = {
	{"GET", "/v1/jobs/{id}/artifacts", artifacts_get,
	 FOG_DESCRIBE("Files a job left behind",
		      .answer = "{id: string, artifacts: [{name: string, size: integer, sha256:"
				" hex64, executable: boolean, attempt: integer, at_ms: ms}],"
				" left_out: [{name: string, why: string}], left_out_count:"
				" integer}")},
	{"GET", "/v1/jobs/{id}/artifacts/{path}", artifact_get,
	 FOG_DESCRIBE("An artifact by its name", .text = PARTS,
		      .type = "application/octet-stream")},
	{"GET", "/v1/artifacts/{sha256}", hash_get,
	 FOG_DESCRIBE("An output or artifact by its hash", .text = PARTS, .path = "sha256: hex64",
		      .type = "application/octet-stream")},
};

void fog_jobs_file_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway)
{
	fog_gateway_add(gateway, routes, FOG_ARRAY_COUNT(routes), rt);
}
