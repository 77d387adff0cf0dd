/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that two readers could understand in two ways (RFC 9112, sections 3.2, 5.1, 6.3, 11.2):
 * a proxy in front of us must not see one request where we see two. MHD is more lenient. */
#include <strings.h>

#include "controlplane/gateway/gateway_private.h"

struct framing {
	u32 hosts, lengths, encodings;
	const char *wrong;
};

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
			    const char *value, size_t value_size)
{
	struct framing *f = cls;

	f->hosts += strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0;
	f->lengths += strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	if (strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		f->encodings++;
		if (value == NULL || strcasecmp(value, "chunked") != 0)
			f->wrong = "a Transfer-Encoding other than chunked";
	}
	if (key_size == 0 || strlen(key) != key_size || strcspn(key, " \t\r\n") != key_size)
		f->wrong = "a header has no name, or one with spaces";
	else if (value != NULL && (strlen(value) != value_size || strpbrk(value, "\r\n") != NULL))
		f->wrong = "a header holds a control character";
	return f->wrong == NULL ? MHD_YES : MHD_NO;
}

bool fog_framing_refuse(struct fog_exchange *x)
{
	struct framing f = {0};

	MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, look, &f);
	if (f.wrong == NULL && f.hosts > 1)
		f.wrong = "more than one Host";
	if (f.wrong == NULL && f.lengths + f.encodings > 1)
		f.wrong = "more than one Content-Length or Transfer-Encoding";
	if (f.wrong == NULL)
		return false;
	fog_exchange_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
	fog_exchange_problem(x, 400, "the request is ambiguous: %s", f.wrong);
	return true;
}
