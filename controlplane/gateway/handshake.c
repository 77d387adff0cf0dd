/* SPDX-License-Identifier: BSD-3-Clause */
/* From a GET to a WebSocket. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <strings.h>
#include <unistd.h>

#include "controlplane/gateway/gateway_private.h"

#define KEY_SIZE    24 /* 16 bytes in base64 */
#define ACCEPT_SIZE 32
#define MAGIC       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* Is `word` in a list like "keep-alive, Upgrade"? */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,");
		if (n == len && strncasecmp(list, word, n) == 0)
			return true;
		list += n;
	}
	return false;
}

static bool key_good(const char *key)
{
	const gnutls_datum_t text = {(u8 *)key, (unsigned)strlen(key)};
	gnutls_datum_t bytes;

	if (text.size != KEY_SIZE || gnutls_base64_decode2(&text, &bytes) != 0)
		return false;
	bool good = bytes.size == 16;
	gnutls_free(bytes.data);
	return good;
}

static void accept_make(const char *key, char accept[ACCEPT_SIZE])
{
	char text[KEY_SIZE + sizeof(MAGIC)];
	u8 hash[20];
	const gnutls_datum_t bytes = {hash, sizeof(hash)};
	gnutls_datum_t base64 = {0};

	snprintf(text, sizeof(text), "%.24s%s", key, MAGIC);
	gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), hash);
	accept[0] = '\0';
	if (gnutls_base64_encode2(&bytes, &base64) == 0)
		snprintf(accept, ACCEPT_SIZE, "%.*s", (int)base64.size, base64.data);
	gnutls_free(base64.data);
}

/* Without TLS the socket becomes ours alone, and MHD forgets the connection with its buffers: ten
 * thousand of them would be most of our memory. */
static void on_upgrade(void *cls, struct MHD_Connection *connection, void *request_ctx,
		       const char *early, size_t early_len, MHD_socket fd,
		       struct MHD_UpgradeResponseHandle *urh)
{
	struct fog_exchange *x = request_ctx;
	struct fog_gateway *gw = cls;
	bool tls = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL;
	int own = tls ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0 || gw->stopping || (!tls && fog_fd_prepare(own) != 0)) {
		if (own >= 0 && !tls)
			close(own);
		MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
		gw->work = true;
		return;
	}
	int rc = fog_websocket_start(x, own, tls ? urh : NULL, early, early_len);
	if (!tls || rc != 0)
		MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
	gw->work = true;
}

int fog_exchange_websocket(struct fog_exchange *x, const struct fog_websocket_handlers *handlers,
			   void *ctx)
{
	char accept[ACCEPT_SIZE];
	const char *key = fog_exchange_header_in(x, "Sec-WebSocket-Key");

	if (!list_has(fog_exchange_header_in(x, "Upgrade"), "websocket") ||
	    !list_has(fog_exchange_header_in(x, "Connection"), "upgrade") ||
	    strcmp(fog_exchange_header_in(x, "Sec-WebSocket-Version"), "13") != 0) {
		fog_exchange_header(x, "Upgrade", "websocket");
		fog_exchange_header(x, "Sec-WebSocket-Version", "13");
		return fog_exchange_problem(x, 426, "here is a WebSocket of version 13");
	}
	if (x->is_head || !key_good(key))
		return fog_exchange_problem(x, 400, "Sec-WebSocket-Key wants 16 bytes in base64");
	if (x->gateway->counts.websockets >= FOG_GATEWAY_WEBSOCKETS_MAX)
		return fog_exchange_problem(x, 503, "%d WebSockets are open, the most there can be",
					    FOG_GATEWAY_WEBSOCKETS_MAX);
	struct MHD_Response *r = MHD_create_response_for_upgrade(on_upgrade, x->gateway);
	if (r == NULL)
		return fog_exchange_problem(x, 503, "no memory");
	accept_make(key, accept);
	x->websocket = handlers;
	x->websocket_ctx = ctx;
	MHD_add_response_header(r, MHD_HTTP_HEADER_UPGRADE, "websocket");
	MHD_add_response_header(r, "Sec-WebSocket-Accept", accept);
	return fog_exchange_respond(x, MHD_HTTP_SWITCHING_PROTOCOLS, r);
}
