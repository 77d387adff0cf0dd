/* SPDX-License-Identifier: BSD-3-Clause */
/* The API for callers that are not on the unix socket: who they are, TCP, TLS. */
#include <errno.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/host.h"
#include "controlplane/gateway/access.h"
#include "controlplane/gateway/idempotency.h"
#include "controlplane/gateway/tls.h"
#include "controlplane/gateway/tokens.h"

#define BACKLOG 1024

static void policy_set(struct fog_host *h)
{
	const struct fog_config *c = &h->config;
	const struct fog_gateway_policy policy = {
		.access = h->access,
		.store = h->store,
		.per_minute = {(u32)c->gateway_standard_per_minute,
			       (u32)c->gateway_premium_per_minute,
			       (u32)c->gateway_enterprise_per_minute},
		.per_hour = {(u32)c->gateway_standard_per_hour, (u32)c->gateway_premium_per_hour,
			     (u32)c->gateway_enterprise_per_hour},
		.origins = c->gateway_cors_origins.items,
		.origin_count = c->gateway_cors_origins.count,
		.proxies = c->gateway_trusted_proxies.items,
		.proxy_count = c->gateway_trusted_proxies.count,
		.forwarded = strcmp(c->gateway_proxy_header, "forwarded") == 0,
	};

	fog_gateway_policy_set(h->gateway, &policy);
}

int fog_host_access_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	const struct fog_config *c = &h->config;
	char words[FOG_ACCESS_WHY_SIZE], store_words[FOG_STORE_WHY_SIZE];

	int rc = fog_access_new(&h->access, h->store, &h->id, c->host_state_dir,
				c->gateway_token_secret, c->gateway_token_issuers.items,
				c->gateway_token_issuers.count, words);
	if (rc != 0) {
		snprintf(why, FOG_HOST_WHY_SIZE, "tokens: %s", words);
		return rc;
	}
	rc = fog_idempotency_migrate(h->store, store_words);
	if (rc != 0) {
		snprintf(why, FOG_HOST_WHY_SIZE, "idempotency keys: %s", store_words);
		return rc;
	}
	fog_tokens_routes(h->access, h->gateway);
	policy_set(h);
	return 0;
}

static int tls_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	const struct fog_config *c = &h->config;

	if (c->gateway_tls_cert[0] == '\0' && c->gateway_tls_key[0] == '\0')
		return 0;
	h->tls = calloc(1, sizeof(*h->tls));
	return h->tls == NULL ? -ENOMEM
			      : fog_tls_load(h->tls, c->gateway_tls_cert, c->gateway_tls_key, why);
}

int fog_host_tcp_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_address address;
	int rc = tls_start(h, why);

	if (rc != 0 || h->config.gateway_listen[0] == '\0')
		return rc;
	(void)fog_address_parse(h->config.gateway_listen, &address);
	int fd = fog_tcp_listen(&address, BACKLOG);
	rc = fd < 0 ? fd : fog_gateway_listen_tcp(h->gateway, fd, h->tls);
	if (rc != 0) {
		snprintf(why, FOG_HOST_WHY_SIZE, "gateway.listen %s: %s", h->config.gateway_listen,
			 strerror(-rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	fog_log(FOG_LOG_NOTICE, "gateway", "serving address=%s tls=%s", h->config.gateway_listen,
		h->tls != NULL ? "yes" : "no");
	return 0;
}

void fog_host_tcp_reload(struct fog_host *h)
{
	char why[FOG_TLS_WHY_SIZE];

	policy_set(h);
	if (h->tls == NULL)
		return;
	if (fog_tls_load(h->tls, h->config.gateway_tls_cert, h->config.gateway_tls_key, why) != 0)
		fog_log(FOG_LOG_ERROR, "gateway", "the old certificate stays reason=\"%s\"", why);
	else
		fog_log(FOG_LOG_NOTICE, "gateway", "certificate read again");
}

void fog_host_access_stop(struct fog_host *h)
{
	fog_access_free(h->access);
	if (h->tls != NULL)
		fog_tls_clear(h->tls);
	free(h->tls);
}
