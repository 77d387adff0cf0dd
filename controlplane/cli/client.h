/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP client of the control plane's API over its unix socket (docs/API.md). One connection, kept
 * between calls; used by one thread. Answers are hostile input: bounded and checked. */
#ifndef FOG_CLI_CLIENT_H
#define FOG_CLI_CLIENT_H

#include <jansson.h>

#include "controlplane/core/trace.h"
#include "crypto/types.h"

#define FOG_CLIENT_BODY_MAX   (64u << 20) /* of an answer; longer: -EMSGSIZE */
#define FOG_CLIENT_TIMEOUT_MS 30000       /* of one call that does not wait on purpose */
#define FOG_CLIENT_CONNECT_MS 5000
#define FOG_CLIENT_PATH_MAX   4096
#define FOG_CLIENT_SOCKET_MAX 108

struct fog_client {
	void *curl;
	char socket[FOG_CLIENT_SOCKET_MAX];
	struct fog_trace trace; /* that calls say they belong to; the caller may set it */
	long status;            /* HTTP status of the last answer; 0 = there was none */
	char error[512];        /* why the last call failed */
	char range[48];         /* of the call under way; "" = all */
};

/* Prepare; connects at the first call. -ENAMETOOLONG, -ENOMEM. */
int fog_client_open(struct fog_client *c, const char *socket_path);
void fog_client_close(struct fog_client *c);

/* One call. body: NULL or JSON to send (borrowed). *out: the answer's JSON, the caller's to free;
 * NULL when the answer has no body. 0 for status 2xx; -ECONNREFUSED (nobody listens), -ETIMEDOUT,
 * -EPROTO (not JSON), -EMSGSIZE, or by status: 404 -ENOENT, 409 -EEXIST, other 4xx -EINVAL, 503
 * -EAGAIN, other 5xx -EIO. On failure c->error says why, taken from the problem's "detail". */
int fog_client_call(struct fog_client *c, const char *method, const char *path, const json_t *body,
		    json_t **out);

/* GET of bytes that are not JSON, at most FOG_CLIENT_BODY_MAX. *data is the caller's to free, and
 * zero terminated beyond *size. Errors as above. */
int fog_client_bytes(struct fog_client *c, const char *path, char **data, size_t *size);
/* The same of len bytes from offset on; fewer at the end. -EPROTO: the answer is no such part. */
int fog_client_part(struct fog_client *c, const char *path, u64 offset, u64 len, char **data,
		    size_t *size);

#endif
