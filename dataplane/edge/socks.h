/* SPDX-License-Identifier: BSD-3-Clause */
/* The SOCKS5 handshake (RFC 1928) as a pure parser: bytes in, replies out. CONNECT only, to IPv4,
 * IPv6 and domain names, which are resolved at the exit; no authentication.
 *
 *	METHODS --05 00--> REQUEST --> READY (the caller connects, then fog_socks_reply())
 *	   \--no method we speak: 05 FF--> FAILED      \--bad request: reply 01, 07 or 08--> FAILED
 */
#ifndef FOG_EDGE_SOCKS_H
#define FOG_EDGE_SOCKS_H

#include "crypto/types.h"

#define FOG_SOCKS_HOST_MAX   255
#define FOG_SOCKS_INPUT_MAX  262 /* the longest message: a request with a name of 255 */
#define FOG_SOCKS_REPLY_SIZE 10

enum fog_socks_code {
	FOG_SOCKS_OK = 0,
	FOG_SOCKS_FAILURE = 1,
	FOG_SOCKS_FORBIDDEN = 2,
	FOG_SOCKS_NET_UNREACHABLE = 3,
	FOG_SOCKS_HOST_UNREACHABLE = 4,
	FOG_SOCKS_REFUSED = 5,
	FOG_SOCKS_TTL = 6,
	FOG_SOCKS_COMMAND = 7,
	FOG_SOCKS_ADDRESS_TYPE = 8,
};

enum fog_socks_state {
	FOG_SOCKS_METHODS = 0,
	FOG_SOCKS_REQUEST = 1,
	FOG_SOCKS_READY = 2,  /* host and port are set */
	FOG_SOCKS_FAILED = 3, /* send what is in out, then close */
};

struct fog_socks {
	u8 state;
	u16 used;
	u8 input[FOG_SOCKS_INPUT_MAX];
	char host[FOG_SOCKS_HOST_MAX + 1]; /* name, or the address as text */
	u16 port;
};

/* Take bytes; a zeroed struct starts. *taken: how many were used: fewer than size once READY or
 * FAILED, the rest belongs to the stream. out gets *out_size bytes to send, at most
 * FOG_SOCKS_REPLY_SIZE. Returns the state. */
enum fog_socks_state fog_socks_feed(struct fog_socks *s, const u8 *data, size_t size, size_t *taken,
				    u8 out[FOG_SOCKS_REPLY_SIZE], size_t *out_size);

/* The answer to a request; the bound address is not told (0.0.0.0:0). */
void fog_socks_reply(enum fog_socks_code code, u8 out[FOG_SOCKS_REPLY_SIZE]);

#endif
