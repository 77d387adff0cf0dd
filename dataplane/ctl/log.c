/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/log.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "configs/record.h"

static const char *const level_names[] = {
	[FOG_DPLOG_ERROR] = "error", [FOG_DPLOG_WARNING] = "warning", [FOG_DPLOG_NOTICE] = "notice",
	[FOG_DPLOG_INFO] = "info",   [FOG_DPLOG_DEBUG] = "debug",
};

/* syslog(3): err, warning, notice, info, debug */
static const char level_priority[] = "?34567";

static enum fog_dplog_level log_level = FOG_DPLOG_INFO;
static bool log_json;

enum fog_dplog_level fog_dplog_level_parse(const char *name)
{
	for (unsigned i = FOG_DPLOG_ERROR; i <= FOG_DPLOG_DEBUG; i++)
		if (strcmp(name, level_names[i]) == 0)
			return (enum fog_dplog_level)i;
	return 0;
}

void fog_dplog_set_level(enum fog_dplog_level level)
{
	if (level >= FOG_DPLOG_ERROR && level <= FOG_DPLOG_DEBUG)
		log_level = level;
}

void fog_dplog_set_json(bool on)
{
	log_json = on;
}

/* The record as it would stand in text, without prefix, in JSON. */
static size_t json_line(char *out, size_t size, enum fog_dplog_level level, const char *part,
			const char *text)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	size_t used = 0;
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (getenv("JOURNAL_STREAM") != NULL)
		used = (size_t)snprintf(out, size, "<%c>", level_priority[level]);
	return used +
	       fog_record_json(out + used, size - used, stamp, level_names[level], part, text);
}

static size_t prefix(char *line, size_t size, enum fog_dplog_level level, const char *part)
{
	int n;

	if (getenv("JOURNAL_STREAM") != NULL) {
		n = snprintf(line, size, "<%c>%s %s: ", level_priority[level], level_names[level],
			     part);
	} else {
		time_t now = time(NULL);
		struct tm tm;
		char stamp[32] = "";

		if (gmtime_r(&now, &tm) != NULL)
			strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
		n = snprintf(line, size, "%s %s %s: ", stamp, level_names[level], part);
	}
	return n < 0 ? 0 : FOG_MIN((size_t)n, size - 1);
}

void fog_dplog(enum fog_dplog_level level, const char *part, const char *format, ...)
{
	char line[FOG_DPLOG_LINE_MAX];
	va_list ap;

	if (level < FOG_DPLOG_ERROR || level > log_level)
		return;
	size_t used = log_json ? 0 : prefix(line, sizeof(line), level, part);
	va_start(ap, format);
	int n = vsnprintf(line + used, sizeof(line) - used, format, ap);
	va_end(ap);
	if (log_json) {
		char record[2 * FOG_DPLOG_LINE_MAX];
		size_t len = json_line(record, sizeof(record), level, part, line);
		(void)!write(STDERR_FILENO, record, len);
		return;
	}
	size_t end = n < 0 ? used : FOG_MIN(used + (size_t)n, sizeof(line) - 1);
	for (size_t i = 0; i < end; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[end] = '\n';
	/* Nothing sensible is left to do when stderr fails. */
	if (write(STDERR_FILENO, line, end + 1) < 0)
		return;
}
