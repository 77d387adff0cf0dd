/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of quorum sets: what stellarbeat.io publishes (an array of nodes with "publicKey" and
 * "quorumSet") and what stellar-core writes ({"nodes":[{"node","qset":{"t","v"}}]}). */
#ifndef FOG_CLI_QUORUM_FILE_H
#define FOG_CLI_QUORUM_FILE_H

#include <jansson.h>

#include "controlplane/quorum/intersect.h"

#define FOG_QUORUM_FILE_WHY   200
#define FOG_QUORUM_FILE_DEPTH 8 /* of inner quorum sets */

struct fog_quorum_node {
	const char *key, *name, *country, *isp; /* "" = unknown; of the JSON */
	bool active;
};

struct fog_quorum_file {
	json_t *root;
	struct fog_fbas f;
	struct fog_quorum_node node[FOG_FBAS_NODES_MAX];
};

/* Takes the value over. 0, -ENOMEM, or -EINVAL with why: a key that is none (56 letters and digits,
 * beginning with G, for the files of stellar-core), a threshold that is no number, too many nodes.
 */
int fog_quorum_file_read(struct fog_quorum_file *q, json_t *root, char why[FOG_QUORUM_FILE_WHY]);
void fog_quorum_file_free(struct fog_quorum_file *q);

#endif
