/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/notice.h"

#include <errno.h>

#include "controlplane/jobs/json.h"
#include "controlplane/jobs/limits.h"

int fog_notice_add(struct fog_store *store, const struct fog_notice *n, u64 now_ms)
{
	char *text = fog_json_text(n->body);

	if (text == NULL)
		return -ENOMEM;
	struct fog_stmt *q =
		fog_stmt(store, "INSERT INTO hook(url, body, tries, next_ms, trace, ours)"
				" VALUES(?, ?, 0, ?, ?, ?)");
	fog_bind_text(q, n->url);
	fog_bind_text(q, text);
	fog_bind_u64(q, now_ms);
	fog_bind_text(q, n->trace);
	fog_bind_int(q, n->ours);
	int rc = fog_stmt_run(q);
	free(text);
	if (rc != 0)
		return rc;
	q = fog_stmt(store, "DELETE FROM hook WHERE id <= (SELECT max(id) FROM hook) - ?");
	fog_bind_u64(q, FOG_JOBS_HOOKS_MAX);
	return fog_stmt_run(q);
}
