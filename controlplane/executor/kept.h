/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job left behind, as files of SPOOL/kept (of SPOOL/engine/inner/kept, where a cluster's
 *node ran it):
 *
 *	checkpoint.N   tar archives; the newest, and "sending.N" for as long as N is read
 *	manifest       what follows, as JSON
 *	artifact.N
 *	index.json     sizes and hashes of the newest checkpoint and of the manifest. What it does
 *		       not name is unfinished.
 *
 * The manifest, written by fog-exec, carried to the submitter and read there:
 *	{"files":[{"executable":false,"name":"out/a%FF","sha256":"..","size":12}],
 *	 "left_out":[{"name":"big","why":"over the limit"}],"left_out_count":1} */
#ifndef FOG_EXECUTOR_KEPT_H
#define FOG_EXECUTOR_KEPT_H

#include <jansson.h>

#include "controlplane/executor/executor.h"

#define FOG_KEPT_INDEX_MAX 4096 /* bytes of index.json */

/* Text is freed by the caller. -ENOMEM. */
int fog_kept_emit(const struct fog_executor_kept *kept, char **text);
/* -EBADMSG, -ENOMEM. */
int fog_kept_parse(const char *text, size_t len, struct fog_executor_kept *kept);

/* A path below /work as text: bytes that are not UTF-8, '%' and control characters become %XX.
 * False: it is too long. */
bool fog_kept_name_encode(const char *path, char out[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE]);
/* And back. False: that is no name of an artifact: absolute, too long, or leads out ("..", empty
 * components). */
bool fog_kept_name_decode(const char *text, char out[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1]);

/* A pattern of artifacts: relative, without "..", not too many stars. Takes away a leading
 * "/work/". NULL: it is none. */
const char *fog_kept_pattern(const char *text);

#endif
