/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/tokens: making, listing and revoking tokens and API keys. */
#ifndef FOG_GATEWAY_TOKENS_H
#define FOG_GATEWAY_TOKENS_H

#include "controlplane/gateway/access.h"

/* `a` must outlive the gateway. */
void fog_tokens_routes(struct fog_access *a, struct fog_gateway *gw);

#endif
