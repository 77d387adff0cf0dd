/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes of a gateway with what they say compiled; private to gateway/. */
#ifndef FOG_GATEWAY_ROUTES_H
#define FOG_GATEWAY_ROUTES_H

#include "controlplane/gateway/gateway.h"
#include "controlplane/gateway/schema.h"

#define FOG_ROUTES_ALLOW_SIZE 96 /* fits every method there is; a longer list would be cut */

struct fog_routes;

struct fog_entry {
	struct fog_routes *routes;
	const struct fog_route *route;
	void *ctx;
	u32 literal;   /* bytes of the pattern before its first {name} */
	bool contract; /* under /v1/fog/: envelope and lists of errors as published */
	struct fog_schema *path, *query, *request, *answer; /* NULL where nothing is said */
	u64 answered[6];                                    /* by the first digit of the status */
};

struct fog_define {
	const char *name;
	struct fog_schema *schema;
};

struct fog_routes {
	struct fog_entry entries[FOG_GATEWAY_ROUTES_MAX];
	u32 entry_count;
	struct fog_define defines[FOG_GATEWAY_DEFINES_MAX];
	u32 define_count;
};

void fog_routes_add(struct fog_routes *r, const struct fog_route *routes, u32 count, void *ctx);
void fog_routes_define(struct fog_routes *r, const char *name, const char *text);
/* The schema of that name, NULL: none. Fits fog_schema_find_fn with the routes as ctx. */
const struct fog_schema *fog_routes_schema(void *routes, struct fog_slice name);
void fog_routes_clear(struct fog_routes *r);

#endif
