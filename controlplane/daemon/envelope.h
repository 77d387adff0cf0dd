/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of /v1/fog/..: the published envelope around the data. */
#ifndef FOG_DAEMON_ENVELOPE_H
#define FOG_DAEMON_ENVELOPE_H

#include <time.h>

#include "controlplane/gateway/gateway.h"

#define FOG_STAMP_SIZE 64

/* The time now as in 2026-11-28T20:32:07.123456Z. */
static inline void fog_stamp(char out[FOG_STAMP_SIZE])
{
	char part[32];
	struct timespec now;
	struct tm tm;

	out[0] = '\0';
	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) != NULL && strftime(part, sizeof(part), "%FT%T", &tm) != 0)
		snprintf(out, FOG_STAMP_SIZE, "%s.%06ldZ", part, now.tv_nsec / 1000);
}

/* {"success":true,"data":..,"message":..,"error_code":null,"timestamp":..,"request_id":..}; takes
 * over `data`, NULL of which answers 500. */
static inline int fog_envelope(struct fog_exchange *x, json_t *data, const char *message)
{
	char stamp[FOG_STAMP_SIZE];

	if (data == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	fog_stamp(stamp);
	return fog_exchange_json(x, 200,
				 json_pack("{s:b, s:o, s:s, s:n, s:s, s:s}", "success", 1, "data",
					   data, "message", message, "error_code", "timestamp",
					   stamp, "request_id", fog_exchange_request_id(x)));
}

/* The same of data that is JSON text already, and a message without quotes. */
static inline int fog_envelope_text(struct fog_exchange *x, const char *data, const char *message)
{
	char stamp[FOG_STAMP_SIZE], *text;

	fog_stamp(stamp);
	int len = asprintf(&text,
			   "{\"success\":true,\"data\":%s,\"message\":\"%s\",\"error_code\":null,"
			   "\"timestamp\":\"%s\",\"request_id\":\"%s\"}\n",
			   data, message, stamp, fog_exchange_request_id(x));
	if (len < 0)
		return fog_exchange_problem(x, 500, "no memory");
	return fog_exchange_json_text(x, 200, text, (size_t)len);
}

#endif
