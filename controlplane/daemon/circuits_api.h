/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits over the API: those there are, building and closing them, and sending data over one of
 * its own to a host of the fog or, through an exit, to anywhere. The edge does it. Private to
 * daemon/. The loop's thread. */
#ifndef FOG_DAEMON_CIRCUITS_API_H
#define FOG_DAEMON_CIRCUITS_API_H

#include "controlplane/daemon/host.h"

#define FOG_CIRCUIT_ASKS_MAX 64    /* circuits being built for the API; more: 503 */
#define FOG_CIRCUIT_BUILD_MS 20000 /* for an answer of the edge */
#define FOG_ONION_DATA_MAX   65536 /* bytes of data, either way */
#define FOG_ONION_INBOX_MAX  64    /* received data kept; then the oldest goes */
#define FOG_ONION_ANSWER_S   10    /* for what comes back, unless the request says otherwise */

struct fog_host_onion;

/* circuits_api.c: needs gateway and edge server. */
int fog_host_circuits_start(struct fog_host *h);
void fog_host_circuits_stop(struct fog_host *h);
/* Names of the hosts of a path of node ids, for people: new. */
json_t *fog_host_path_names(const struct fog_host *h, const json_t *path);
/* Where to: a host of the directory, or "name:port" through an exit. Adds to `request` of the edge
 * what it wants. false: the exchange was answered. */
bool fog_host_destination(struct fog_exchange *x, const char *destination, json_t *request);
/* Ask the edge, through its edge.sock; takes over `request`. 0 or -ENOMEM. */
int fog_host_edge_ask(struct fog_host *h, json_t *request, fog_opened_fn fn, void *ctx,
		      struct fog_opening **out);
/* What an opening that failed with rc answers. */
int fog_host_opening_problem(struct fog_exchange *x, int rc, const char *error);

/* onion_api.c: the service "data" at data.sock, and its routes. */
int fog_host_onion_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_onion_stop(struct fog_host *h);
/* Streams under way end, their callers get 503; what was received stays. 0 or -errno with why. */
int fog_host_onion_restart(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);

#endif
