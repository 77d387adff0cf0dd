/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/quorum_file.h"

#include <errno.h>
#include <stdarg.h>

struct pending {
	const json_t *set;
	u32 parent, depth; /* ~0: top */
};

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, FOG_QUORUM_FILE_WHY, format, args);
	va_end(args);
	return -EINVAL;
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* Index of a node; one named but not described has no quorum set. -1: the table is full. */
static int node_index(struct fog_quorum_file *q, const char *key)
{
	for (u32 i = 0; i < q->f.node_count; i++)
		if (strcmp(q->node[i].key, key) == 0)
			return (int)i;
	if (q->f.node_count == FOG_FBAS_NODES_MAX)
		return -1;
	u32 i = q->f.node_count++;
	q->node[i] = (struct fog_quorum_node){key, "", "", "", false};
	q->f.first[i] = 1;
	q->f.last[i] = 0;
	return (int)i;
}

static bool key_good(const char *key)
{
	if (strlen(key) != 56 || key[0] != 'G')
		return false;
	return strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 56;
}

/* Members and inner sets of one quorum set, in either notation. */
static int set_read(struct fog_quorum_file *q, const struct pending *p, struct pending *queue,
		    u32 *count, bool strict, char *why)
{
	static const char *const lists[] = {"validators", "innerQuorumSets", "v"};
	const json_t *t = json_object_get(p->set, "threshold");
	u32 at = q->f.set_count;
	json_t *e;
	size_t i;

	if (t == NULL)
		t = json_object_get(p->set, "t");
	if (!json_is_integer(t) || json_integer_value(t) < 0)
		return refuse(why, "a threshold is no number");
	if (at == FOG_FBAS_SETS_MAX)
		return refuse(why, "more than %u quorum sets", FOG_FBAS_SETS_MAX);
	q->f.set_count++;
	struct fog_fbas_set *s = &q->f.set[at];
	s->threshold = (u64)json_integer_value(t);
	s->parent = p->parent == ~0u ? at : p->parent;
	for (u32 l = 0; l < FOG_ARRAY_COUNT(lists); l++)
		json_array_foreach(json_object_get(p->set, lists[l]), i, e)
		{
			if (json_is_object(e)) {
				if (*count == FOG_FBAS_SETS_MAX ||
				    p->depth == FOG_QUORUM_FILE_DEPTH)
					return refuse(why, "quorum sets are nested too deep");
				queue[(*count)++] = (struct pending){e, at, p->depth + 1};
				continue;
			}
			const char *key = json_string_value(e);
			if (key == NULL || (strict && !key_good(key)))
				return refuse(why, "\"%.60s\" is no key", key != NULL ? key : "");
			int node = node_index(q, key);
			if (node < 0)
				return refuse(why, "more than %u nodes", FOG_FBAS_NODES_MAX);
			fog_fbas_bit(&s->members, (u32)node);
		}
	return 0;
}

static int sets_read(struct fog_quorum_file *q, u32 node, const json_t *set, bool strict, char *why)
{
	struct pending *queue = calloc(FOG_FBAS_SETS_MAX, sizeof(*queue));
	u32 count = 0, done = 0, first = q->f.set_count;
	int rc = queue != NULL ? 0 : -ENOMEM;

	if (rc == 0)
		queue[count++] = (struct pending){set, ~0u, 0};
	while (rc == 0 && done < count) {
		struct pending p = queue[done++];
		rc = set_read(q, &p, queue, &count, strict, why);
	}
	q->f.first[node] = first;
	q->f.last[node] = q->f.set_count - 1;
	free(queue);
	return rc;
}

static int node_read(struct fog_quorum_file *q, const json_t *o, bool strict, char *why)
{
	const char *key = text(o, strict ? "node" : "publicKey");
	const json_t *set = json_object_get(o, strict ? "qset" : "quorumSet"), *active;

	if (*key == '\0' || (strict && !key_good(key)))
		return refuse(why, "\"%.60s\" is no key", key);
	int i = node_index(q, key);
	if (i < 0)
		return refuse(why, "more than %u nodes", FOG_FBAS_NODES_MAX);
	struct fog_quorum_node *n = &q->node[i];
	const json_t *geo = json_object_get(o, "geoData");
	n->name = text(o, "name");
	n->country = geo != NULL ? text(geo, "countryName") : text(o, "country");
	n->isp = text(o, "isp");
	active = json_object_get(o, "active");
	n->active = active == NULL || json_is_true(active);
	return json_is_object(set) ? sets_read(q, (u32)i, set, strict, why) : 0;
}

int fog_quorum_file_read(struct fog_quorum_file *q, json_t *root, char why[FOG_QUORUM_FILE_WHY])
{
	const json_t *nodes = json_is_object(root) ? json_object_get(root, "nodes") : root;
	int rc = fog_fbas_new(&q->f);
	json_t *e;
	size_t i;

	q->root = root;
	if (rc != 0)
		return rc;
	if (json_array_size(nodes) == 0)
		rc = refuse(why, "no nodes: neither an array of them nor {\"nodes\":[..]}");
	json_array_foreach(nodes, i, e)
	{
		if (rc == 0)
			rc = node_read(q, e, json_is_object(root), why);
	}
	return rc;
}

void fog_quorum_file_free(struct fog_quorum_file *q)
{
	fog_fbas_free(&q->f);
	json_decref(q->root);
	q->root = NULL;
}
