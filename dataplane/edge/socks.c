/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/socks.h"

#include <arpa/inet.h>

#define VERSION     5
#define NO_AUTH     0
#define NO_METHOD   0xff
#define CMD_CONNECT 1
#define ATYP_IPV4   1
#define ATYP_NAME   3
#define ATYP_IPV6   4

void fog_socks_reply(enum fog_socks_code code, u8 out[FOG_SOCKS_REPLY_SIZE])
{
	memset(out, 0, FOG_SOCKS_REPLY_SIZE);
	out[0] = VERSION;
	out[1] = (u8)code;
	out[3] = ATYP_IPV4;
}

/* Length of the message that starts in input, as far as known: more bytes than used means wait. */
static size_t message_size(const struct fog_socks *s)
{
	if (s->used < 2)
		return 2;
	if (s->state == FOG_SOCKS_METHODS)
		return 2u + s->input[1];
	if (s->used < 5)
		return 5;
	switch (s->input[3]) {
	case ATYP_IPV4:
		return 4 + 4 + 2;
	case ATYP_IPV6:
		return 4 + 16 + 2;
	case ATYP_NAME:
		return 4 + 1 + (size_t)s->input[4] + 2;
	}
	return 5; /* unknown type: enough to refuse it */
}

static enum fog_socks_state refuse(struct fog_socks *s, enum fog_socks_code code, u8 *out,
				   size_t *out_size)
{
	fog_socks_reply(code, out);
	*out_size = FOG_SOCKS_REPLY_SIZE;
	s->state = FOG_SOCKS_FAILED;
	return FOG_SOCKS_FAILED;
}

static enum fog_socks_state methods_take(struct fog_socks *s, u8 *out, size_t *out_size)
{
	u8 method = NO_METHOD;

	for (unsigned i = 0; i < s->input[1]; i++) {
		if (s->input[2 + i] == NO_AUTH)
			method = NO_AUTH;
	}
	out[0] = VERSION;
	out[1] = method;
	*out_size = 2;
	s->used = 0;
	s->state = method == NO_AUTH ? FOG_SOCKS_REQUEST : FOG_SOCKS_FAILED;
	return s->state;
}

/* A host name goes to a resolver at the exit and into JSON: printable ASCII without blanks. */
static bool name_take(struct fog_socks *s, const u8 *name, size_t size)
{
	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	memcpy(s->host, name, size);
	s->host[size] = '\0';
	return true;
}

static enum fog_socks_state request_take(struct fog_socks *s, size_t size, u8 *out,
					 size_t *out_size)
{
	const u8 *in = s->input;

	if (in[1] != CMD_CONNECT)
		return refuse(s, FOG_SOCKS_COMMAND, out, out_size);
	switch (in[3]) {
	case ATYP_IPV4:
		inet_ntop(AF_INET, in + 4, s->host, sizeof(s->host));
		break;
	case ATYP_IPV6:
		inet_ntop(AF_INET6, in + 4, s->host, sizeof(s->host));
		break;
	case ATYP_NAME:
		if (!name_take(s, in + 5, in[4]))
			return refuse(s, FOG_SOCKS_FAILURE, out, out_size);
		break;
	default:
		return refuse(s, FOG_SOCKS_ADDRESS_TYPE, out, out_size);
	}
	s->port = (u16)(in[size - 2] << 8 | in[size - 1]);
	if (s->port == 0)
		return refuse(s, FOG_SOCKS_FAILURE, out, out_size);
	s->state = FOG_SOCKS_READY;
	return FOG_SOCKS_READY;
}

enum fog_socks_state fog_socks_feed(struct fog_socks *s, const u8 *data, size_t size, size_t *taken,
				    u8 out[FOG_SOCKS_REPLY_SIZE], size_t *out_size)
{
	*taken = 0;
	*out_size = 0;
	while (s->state < FOG_SOCKS_READY) {
		size_t want = message_size(s);

		while (s->used < want && *taken < size) {
			s->input[s->used++] = data[(*taken)++];
			if (s->used <= 2 && s->input[0] != VERSION) {
				s->state = FOG_SOCKS_FAILED; /* not SOCKS5: nothing to say */
				return FOG_SOCKS_FAILED;
			}
			want = message_size(s);
		}
		if (s->used < want)
			break;
		if (s->state == FOG_SOCKS_REQUEST) {
			request_take(s, want, out, out_size);
			break;
		}
		/* The answer to the methods must go out before the request is answered. */
		methods_take(s, out, out_size);
		break;
	}
	return s->state;
}
