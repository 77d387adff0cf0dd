/* SPDX-License-Identifier: BSD-3-Clause */
/* The OpenAPI 3.1 document of the routes; private to gateway/. */
#ifndef FOG_GATEWAY_OPENAPI_H
#define FOG_GATEWAY_OPENAPI_H

#include "controlplane/gateway/routes.h"

/* New. Routes that say nothing are left out. */
json_t *fog_openapi(const struct fog_routes *r);

/* What the route asks for, never FOG_SCOPE_BY_METHOD; its name in tokens, "" when none. */
enum fog_scope fog_entry_scope(const struct fog_entry *e);
const char *fog_scope_name(enum fog_scope scope);

#endif
