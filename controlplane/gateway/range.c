/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/range.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "controlplane/gateway/gateway_private.h"

#define TAG_SIZE   80
#define RANGE_SIZE 80

/* Digits of at most 18 places, so that sums stay in range. */
static const char *number_take(const char *at, u64 *out, bool *there)
{
	const char *start = at;

	*out = 0;
	while (isdigit((unsigned char)*at) && at - start < 18)
		*out = 10 * *out + (u64)(*at++ - '0');
	*there = at != start;
	return at;
}

int fog_http_range(const char *text, u64 size, u64 *offset, u64 *len)
{
	bool has_first, has_last;
	u64 first, last;

	if (strncasecmp(text, "bytes=", 6) != 0)
		return 0;
	text = number_take(text + 6, &first, &has_first);
	if (*text != '-')
		return 0;
	text = number_take(text + 1, &last, &has_last);
	if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
		return 0;
	if (!has_first) { /* the last so many */
		first = size - FOG_MIN(last, size);
		last = last == 0 ? 0 : size;
	} else if (!has_last) {
		last = size;
	} else {
		last++;
	}
	last = FOG_MIN(last, size);
	if (first >= last)
		return -ERANGE;
	*offset = first;
	*len = last - first;
	return 1;
}

bool fog_exchange_part(struct fog_exchange *x, const char *tag, u64 size, u64 max,
		       struct fog_exchange_part *part)
{
	const char *range = fog_exchange_header_in(x, MHD_HTTP_HEADER_RANGE);
	const char *only_if = fog_exchange_header_in(x, MHD_HTTP_HEADER_IF_RANGE);
	const char *known = fog_exchange_header_in(x, MHD_HTTP_HEADER_IF_NONE_MATCH);
	char quoted[TAG_SIZE], text[RANGE_SIZE];

	*part = (struct fog_exchange_part){.len = size, .status = MHD_HTTP_OK};
	snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	fog_exchange_header(x, MHD_HTTP_HEADER_ETAG, quoted);
	fog_exchange_header(x, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	if (strcmp(known, "*") == 0 || strstr(known, quoted) != NULL) {
		fog_exchange_bytes(x, MHD_HTTP_NOT_MODIFIED, "application/octet-stream", "", 0);
		return false;
	}
	int rc = only_if[0] != '\0' && strcmp(only_if, quoted) != 0
			 ? 0
			 : fog_http_range(range, size, &part->offset, &part->len);
	if (rc < 0) {
		snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
		fog_exchange_header(x, MHD_HTTP_HEADER_CONTENT_RANGE, text);
		fog_exchange_problem(x, MHD_HTTP_RANGE_NOT_SATISFIABLE, "it has %llu bytes",
				     (unsigned long long)size);
		return false;
	}
	if (part->len > max) {
		fog_exchange_problem(x, MHD_HTTP_BAD_REQUEST,
				     "it has %llu bytes: ask for a range of at most %llu",
				     (unsigned long long)size, (unsigned long long)max);
		return false;
	}
	if (!fog_exchange_room(x, part->len))
		return false;
	if (rc > 0) {
		part->status = MHD_HTTP_PARTIAL_CONTENT;
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
			 (unsigned long long)part->offset,
			 (unsigned long long)(part->offset + part->len - 1),
			 (unsigned long long)size);
		fog_exchange_header(x, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	}
	return true;
}
