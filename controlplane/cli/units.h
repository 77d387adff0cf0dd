/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes, times and processor shares as people type and read them. Pure; no locale. */
#ifndef FOG_CLI_UNITS_H
#define FOG_CLI_UNITS_H

#include "crypto/types.h"

#define FOG_UNITS_TEXT_SIZE 24 /* enough for every format below, zero included */

/* "256M" -> bytes. Whole number, then nothing (bytes) or one of K M G T, powers of 1024. All
 * parsers: 0, -EINVAL (not of this form), -ERANGE (does not fit); *out is set on success only. */
int fog_size_parse(const char *text, u64 *bytes);

/* "60s" -> milliseconds. Whole number, then one of ms s m h d; the unit is not optional. */
int fog_duration_parse(const char *text, u64 *ms);

/* "1", "0.25" or "250m" -> 1/1000 cores. At most three digits after the point; 0 is -ERANGE. */
int fog_cpu_parse(const char *text, u32 *millicores);

/* "1.5" fog -> ufog, at most six digits after the point. */
int fog_amount_parse(const char *text, u64 *ufog);

/* Whole decimal number from min to max. */
int fog_count_parse(const char *text, u64 min, u64 max, u64 *out);

/* Write into text[FOG_UNITS_TEXT_SIZE] and return it. Size: "512", "1.5K", "256M". Duration:
 * "35ms", "1.2s", "2m05s", "3h20m", "4d06h". */
char *fog_size_format(u64 bytes, char *text);
char *fog_duration_format(u64 ms, char *text);
/* ufog as fog: "1.5", "-0.000001", "250". What fog_amount_parse() reads. */
char *fog_amount_format(i64 ufog, char *text);

#endif
