/* SPDX-License-Identifier: BSD-3-Clause */
/* The log of the data plane: one record a line on stderr, in the form of the control plane's,
 *
 *	2025-01-31T12:00:00Z notice ctl: control plane attached
 *
 * or with a syslog priority "<5>" instead of the time when systemd reads it (JOURNAL_STREAM is
 *set). Nothing about a circuit or a peer, never keys, payload or times finer than a second. Workers
 *do not log; the control and verify threads may (one write per record, so lines stay whole). */
#ifndef FOG_CTL_LOG_H
#define FOG_CTL_LOG_H

#include "crypto/types.h"

#define FOG_DPLOG_LINE_MAX 512 /* longer records are cut */

enum fog_dplog_level {
	FOG_DPLOG_ERROR = 1, /* the operator must act now */
	FOG_DPLOG_WARNING,   /* soon */
	FOG_DPLOG_NOTICE,    /* worth knowing */
	FOG_DPLOG_INFO,      /* what happened */
	FOG_DPLOG_DEBUG,     /* for developers */
};

/* "error" .. "debug"; 0 when it is none of them. */
enum fog_dplog_level fog_dplog_level_parse(const char *name);
/* Starts at info. Set before threads start. */
void fog_dplog_set_level(enum fog_dplog_level level);
/* Records as lines of JSON (configs/record.h). */
void fog_dplog_set_json(bool on);

/* Control characters become '?', so that a peer's text cannot forge a record. */
__attribute__((format(printf, 3, 4))) void fog_dplog(enum fog_dplog_level level, const char *part,
						     const char *format, ...);

#endif
