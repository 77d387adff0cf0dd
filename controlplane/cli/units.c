/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/units.h"

#include <errno.h>
#include <inttypes.h>

#define UFOG           1000000 /* of a fog */
#define MILLICORES_MAX (1024u * 1000u)

struct unit {
	const char *suffix;
	u64 factor;
};

static const struct unit size_units[] = {
	{"", 1}, {"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {"T", 1ull << 40},
};

static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

/* Digits at the start of text; *end is what follows them. */
static int digits_parse(const char *text, const char **end, u64 *out)
{
	u64 value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, (u64)10, &value) ||
		    __builtin_add_overflow(value, (u64)(*p - '0'), &value))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*end = p;
	*out = value;
	return 0;
}

static int suffixed_parse(const char *text, const struct unit *units, size_t count, u64 *out)
{
	const char *suffix;
	u64 value;
	int rc = digits_parse(text, &suffix, &value);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(suffix, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value))
			return -ERANGE;
		*out = value;
		return 0;
	}
	return -EINVAL;
}

int fog_size_parse(const char *text, u64 *bytes)
{
	return suffixed_parse(text, size_units, FOG_ARRAY_COUNT(size_units), bytes);
}

int fog_duration_parse(const char *text, u64 *ms)
{
	return suffixed_parse(text, duration_units, FOG_ARRAY_COUNT(duration_units), ms);
}

int fog_cpu_parse(const char *text, u32 *millicores)
{
	const char *p;
	u64 value;
	u64 scale = 1000;
	int rc = digits_parse(text, &p, &value);

	if (rc != 0)
		return rc;
	if (value > MILLICORES_MAX)
		return -ERANGE;
	if (strcmp(p, "m") == 0)
		scale = 1;
	value *= scale;
	if (scale == 1) {
		p++;
	} else if (*p == '.') {
		const char *fraction = ++p;
		for (scale = 100; *p >= '0' && *p <= '9' && scale > 0; p++, scale /= 10)
			value += (u64)(*p - '0') * scale;
		if (p == fraction)
			return -EINVAL;
	}
	if (*p != '\0')
		return -EINVAL;
	if (value == 0 || value > MILLICORES_MAX)
		return -ERANGE;
	*millicores = (u32)value;
	return 0;
}

int fog_count_parse(const char *text, u64 min, u64 max, u64 *out)
{
	const char *end;
	u64 value;
	int rc = digits_parse(text, &end, &value);

	if (rc != 0)
		return rc;
	if (*end != '\0')
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

char *fog_size_format(u64 bytes, char *text)
{
	size_t unit = 0;

	while (unit + 1 < FOG_ARRAY_COUNT(size_units) && bytes >= size_units[unit + 1].factor)
		unit++;
	u64 factor = size_units[unit].factor;
	u64 whole = bytes / factor;
	u64 tenth = bytes % factor * 10 / factor;
	if (unit == 0 || whole >= 100 || tenth == 0)
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 "%s", whole,
			 size_units[unit].suffix);
	else
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 ".%" PRIu64 "%s", whole, tenth,
			 size_units[unit].suffix);
	return text;
}

char *fog_duration_format(u64 ms, char *text)
{
	u64 s = ms / 1000;

	if (ms < 1000)
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 "ms", ms);
	else if (s < 60)
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
	else if (s < 3600)
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(text, FOG_UNITS_TEXT_SIZE, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return text;
}

int fog_amount_parse(const char *text, u64 *ufog)
{
	u64 whole = 0, part = 0, unit = UFOG;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (u64)(*p - '0');
		if (whole > INT64_MAX / UFOG)
			return -ERANGE;
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++) {
			unit /= 10;
			part += (u64)(*p - '0') * unit;
		}
		if (unit == UFOG)
			return -EINVAL;
	}
	if (*p != '\0')
		return -EINVAL;
	*ufog = whole * UFOG + part;
	return 0;
}

char *fog_amount_format(i64 ufog, char *text)
{
	u64 all = ufog < 0 ? -(u64)ufog : (u64)ufog;
	int len = snprintf(text, FOG_UNITS_TEXT_SIZE, "%s%llu.%06llu", ufog < 0 ? "-" : "",
			   (unsigned long long)(all / UFOG), (unsigned long long)(all % UFOG));

	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[len - 1] = '\0';
	return text;
}
