/* SPDX-License-Identifier: BSD-3-Clause */
/* A log record as one line of JSON, for host.log_format = "json":
 *
 *	{"time":"2025-01-31T12:00:00Z","level":"notice","part":"health","message":"restarted",
 *	 "component":"edge","took_ms":"3"}
 *
 * What stands in a text as key=value or key="value" becomes a member of its own, a string; the
 * words before the first are the message. Pure. */
#ifndef FOG_RECORD_H
#define FOG_RECORD_H

#include "crypto/types.h"

/* Writes the line, line feed and zero included, into out; whole members are left out when `size`
 * (at least 256) does not do. Bytes that are not printable ASCII become '?'. Returns its length
 * without the zero. */
size_t fog_record_json(char *out, size_t size, const char *time, const char *level,
		       const char *part, const char *text);

#endif
