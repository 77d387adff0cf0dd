/* SPDX-License-Identifier: BSD-3-Clause */
/* The log of the control plane: one record a line on stderr,
 *
 *	2025-01-31T12:00:00Z notice directory: descriptor refused reason="expired"
 *
 * or with a syslog priority "<5>" instead of the time when systemd reads it (JOURNAL_STREAM is
 *set). Levels say who must act: error = operator now, warning = operator soon, notice = worth
 *knowing, info = what happened, debug = for developers. Nothing about a single circuit or peer
 *above debug; never keys, payload or times finer than a second. While a trace is entered (trace.h)
 * a record ends with its trace_id and span_id. The loop's thread only. */
#ifndef FOG_CORE_LOG_H
#define FOG_CORE_LOG_H

#include "crypto/types.h"

#define FOG_LOG_LINE_MAX 1024 /* longer records are cut */
/* Records up to warning are always written; of the others at most this many a second, then one
 * record tells how many were left out. */
#define FOG_LOG_RATE_MAX 200

enum fog_log_level {
	FOG_LOG_ERROR = 1,
	FOG_LOG_WARNING,
	FOG_LOG_NOTICE,
	FOG_LOG_INFO,
	FOG_LOG_DEBUG,
};

/* "error" .. "debug"; 0 when it is none of them. */
enum fog_log_level fog_log_level_parse(const char *name);
const char *fog_log_level_name(enum fog_log_level level);

/* Starts at info. */
void fog_log_set_level(enum fog_log_level level);
bool fog_log_enabled(enum fog_log_level level);
/* Records as lines of JSON (configs/record.h), the priority before them when systemd reads. */
void fog_log_set_json(bool on);
/* Where records go; NULL = stderr. The file stays the caller's. */
void fog_log_set_file(FILE *out);

/* A second reader of each record that is written, until the next call; NULL: none. What it logs
 * itself is read, too. */
typedef void fog_log_tap(void *ctx, enum fog_log_level level, const char *part, const char *text);
void fog_log_set_tap(fog_log_tap *tap, void *ctx);

/* `part` is the folder that speaks. Control characters become '?', so that a peer's text cannot
 * forge a record. Put such text in quotes: reason=\"%s\". */
__attribute__((format(printf, 3, 4))) void fog_log(enum fog_log_level level, const char *part,
						   const char *fmt, ...);

#endif
