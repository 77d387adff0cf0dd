/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <time.h>

#include "configs/record.h"
#include "controlplane/core/trace.h"
#include "crypto/mem.h"

#define TRACE_TEXT_MAX 72 /* " trace_id=<32> span_id=<16>" */

static const char *const names[] = {"", "error", "warning", "notice", "info", "debug"};
static const char syslog_priority[] = {0, '3', '4', '5', '6', '7'};

static enum fog_log_level max_level = FOG_LOG_INFO;
static FILE *target;
static bool json;
static fog_log_tap *tap;
static void *tap_ctx;
static time_t rate_second;
static u32 rate_used, suppressed;

enum fog_log_level fog_log_level_parse(const char *name)
{
	for (unsigned i = 1; i < FOG_ARRAY_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return 0;
}

const char *fog_log_level_name(enum fog_log_level level)
{
	FOG_ASSERT(level >= FOG_LOG_ERROR);
	FOG_ASSERT(level <= FOG_LOG_DEBUG);
	return names[level];
}

void fog_log_set_level(enum fog_log_level level)
{
	FOG_ASSERT(level >= FOG_LOG_ERROR);
	FOG_ASSERT(level <= FOG_LOG_DEBUG);
	max_level = level;
}

bool fog_log_enabled(enum fog_log_level level)
{
	return level <= max_level;
}

void fog_log_set_file(FILE *out)
{
	target = out;
}

void fog_log_set_json(bool on)
{
	json = on;
}

void fog_log_set_tap(fog_log_tap *fn, void *ctx)
{
	tap = fn;
	tap_ctx = ctx;
}

static void record_write(enum fog_log_level level, time_t now, const char *part, const char *text)
{
	FILE *out = target != NULL ? target : stderr;
	char stamp[32] = "", line[2 * FOG_LOG_LINE_MAX];
	bool journal = getenv("JOURNAL_STREAM") != NULL;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (journal)
		fprintf(out, "<%c>", syslog_priority[level]);
	if (json) {
		fog_record_json(line, sizeof(line), stamp, names[level], part, text);
		fputs(line, out);
	} else if (journal) {
		fprintf(out, "%s: %s\n", part, text);
	} else {
		fprintf(out, "%s %s %s: %s\n", stamp, names[level], part, text);
	}
	fflush(out);
}

/* False when the record is over the rate. */
static bool rate_pass(enum fog_log_level level, time_t now)
{
	char text[64];

	if (now != rate_second) {
		if (suppressed != 0) {
			snprintf(text, sizeof(text), "records left out count=%u", suppressed);
			record_write(FOG_LOG_NOTICE, now, "log", text);
		}
		rate_second = now;
		rate_used = suppressed = 0;
	}
	if (level <= FOG_LOG_WARNING)
		return true;
	if (rate_used >= FOG_LOG_RATE_MAX) {
		suppressed++;
		return false;
	}
	rate_used++;
	return true;
}

static void trace_append(char text[FOG_LOG_LINE_MAX])
{
	const struct fog_trace *t = fog_trace_current();
	char trace[FOG_TRACE_ID_SIZE], span[FOG_SPAN_ID_SIZE];
	size_t used = strlen(text);

	if (t == NULL)
		return;
	fog_hex_encode(t->span_id, sizeof(t->span_id), span, sizeof(span));
	snprintf(text + used, FOG_LOG_LINE_MAX - used, " trace_id=%s span_id=%s",
		 fog_trace_id_hex(t, trace), span);
}

void fog_log(enum fog_log_level level, const char *part, const char *fmt, ...)
{
	char text[FOG_LOG_LINE_MAX];
	time_t now;
	va_list ap;

	if (!fog_log_enabled(level))
		return;
	now = time(NULL);
	if (!rate_pass(level, now))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text) - TRACE_TEXT_MAX, fmt, ap);
	va_end(ap);
	trace_append(text);
	for (char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	record_write(level, now, part, text);
	if (tap != NULL)
		tap(tap_ctx, level, part, text);
}
