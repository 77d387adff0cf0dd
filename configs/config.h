/* SPDX-License-Identifier: BSD-3-Clause */
/* fog.conf: one file a host, read by fog-dataplane, fog-edge and fog-controlplane. The keys are the
 * list in configs/config.def; a key `k` of group `g` is the member g_k below. Syntax: libconfig,
 * one group a topic. Unknown groups and keys, wrong types and values out of range are errors. */
#ifndef FOG_CONFIGS_CONFIG_H
#define FOG_CONFIGS_CONFIG_H

#include <stdio.h>

#include "crypto/types.h"

#define FOG_CONFIG_FILE_SIZE_MAX (1024 * 1024) /* larger files are refused */
#define FOG_CONFIG_STRING_MAX    1024          /* bytes of one string */
#define FOG_CONFIG_LIST_MAX      256           /* strings of one list */
#define FOG_CONFIG_ERRORS_MAX    20            /* reported a file; the rest is only counted */

struct fog_config_list {
	char **items;
	u32 count;
};

struct fog_config {
#define STR(group, key, def, help)           char *group##_##key;
#define INT(group, key, def, min, max, help) i64 group##_##key;
#define BOOL(group, key, def, help)          bool group##_##key;
#define LIST(group, key, help)               struct fog_config_list group##_##key;
#include "configs/config.def"
#undef STR
#undef INT
#undef BOOL
#undef LIST
};

enum fog_config_type {
	FOG_CONFIG_STR = 1,
	FOG_CONFIG_INT,
	FOG_CONFIG_BOOL,
	FOG_CONFIG_LIST,
};

/* One row of the table made from config.def, in its order. */
struct fog_config_key {
	const char *group;
	const char *key;
	enum fog_config_type type;
	size_t offset;       /* of the member in struct fog_config */
	const char *def_str; /* STR; NULL = required */
	i64 def;             /* INT and BOOL */
	i64 min, max;        /* INT */
	const char *help;
};

extern const struct fog_config_key fog_config_keys[];
extern const unsigned fog_config_key_count;

/* Read and check a file. On success *c owns its strings until fog_config_free(). Each error is one
 * line "FILE:LINE: text" on `errors` (NULL: none). Returns 0, -EINVAL when the content is wrong, or
 * -errno when the file cannot be read; on failure *c is empty. */
int fog_config_read(struct fog_config *c, const char *path, FILE *errors);
void fog_config_free(struct fog_config *c);

/* True when the value of key k is the same in both. */
bool fog_config_equal(const struct fog_config *a, const struct fog_config *b,
		      const struct fog_config_key *k);

/* Exchange the value of key k. */
void fog_config_swap(struct fog_config *a, struct fog_config *b, const struct fog_config_key *k);

bool fog_config_list_has(const struct fog_config_list *l, const char *item);

/* Write the annotated example file, or the man page fog.conf(5). 0, or -EIO. */
int fog_config_write_example(FILE *out);
int fog_config_write_man(FILE *out);

/* Split "address:port/hex of control key" of control.peers. hex gets 64 digits and a zero. Returns
 * 0 or -EINVAL. */
struct fog_address;
int fog_config_peer_parse(const char *text, struct fog_address *address, char hex[65]);

#endif
