/* SPDX-License-Identifier: BSD-3-Clause */
/* A host's signed self-description. Pure. What travels and is stored is the text, byte for byte as
 * it was signed under the label FOG_DESCRIPTOR_LABEL, and the signature; the struct is what was
 * read from it. Members unknown to this version are kept in the text and ignored, known ones are
 * checked strictly. docs/design/directory.md lists them. */
#ifndef FOG_DIRECTORY_DESCRIPTOR_H
#define FOG_DIRECTORY_DESCRIPTOR_H

#include <jansson.h>

#include "configs/address.h"
#include "controlplane/core/identity.h"
#include "controlplane/directory/report.h"
#include "controlplane/scheduler/tariff.h"
#include "crypto/types.h"

#define FOG_DESCRIPTOR_LABEL       "fog descriptor 1"
#define FOG_DESCRIPTOR_TEXT_MAX    (16 * 1024)
#define FOG_DESCRIPTOR_LIFE_MS_MAX (25ull * 3600 * 1000)
#define FOG_DESCRIPTOR_SKEW_MS     (5ull * 60 * 1000) /* accepted from our future */
#define FOG_DESCRIPTOR_RULES_MAX   64                 /* each of allow and deny */
#define FOG_DESCRIPTOR_MIX_MAX     3
#define FOG_DESCRIPTOR_WHY_SIZE    160

enum fog_role {
	FOG_ROLE_RELAY = 1,
	FOG_ROLE_WORKER = 2,
	FOG_ROLE_EXIT = 4,
};

struct fog_descriptor {
	u8 node_id[32];
	char name[64];
	u64 sequence; /* grows with each descriptor of the host */
	u64 published_ms, expires_ms;
	struct fog_address control; /* TCP */
	u8 control_pk[32];
	struct fog_address link; /* UDP */
	u8 link_pk[32];
	u8 onion_pk[32];
	bool has_quic; /* false: no fog-edge runs there, it cannot be a terminus */
	u8 quic_pk[32];
	u32 roles; /* enum fog_role, or-ed */
	u32 allow_count, deny_count;
	struct fog_exit_rule allow[FOG_DESCRIPTOR_RULES_MAX];
	struct fog_exit_rule deny[FOG_DESCRIPTOR_RULES_MAX];
	u32 cpu_millicores;
	u64 memory_bytes, disk_bytes;
	u32 accelerator_count;
	u64 accelerator_memory_bytes; /* of each; 0 = not known */
	char accelerator_type[32];    /* of all */
	struct fog_tariff price;      /* accelerator_hour 0 without any */
	bool has_mix;                 /* the host takes part in the mixnet */
	u8 mailbox[32];               /* of its fog-edge */
	u8 mail_provider[32];         /* host that holds its mail; may be itself */
	u32 mix_count;
	struct {
		u64 epoch;
		u8 key[32];
	} mix[FOG_DESCRIPTOR_MIX_MAX]; /* keys of its mix; none: only a provider of others */
	char operator_name[65], country[3], region[65], power_region[65], tee_vendor[33];
	u32 as;
	/* What attests it and which programs it says to run; "" and zeros: it does not say. Nothing
	 * here is proven: who wants to rely on it has it attested (daemon/tee.h). */
	char tee_kind[16];
	u8 tee_platform[32];
	struct fog_report report;
};

/* A descriptor together with its proof. */
struct fog_signed_descriptor {
	struct fog_descriptor d;
	char *text; /* owned; zero-terminated */
	u32 text_len;
	u8 signature[64];
};

/* Write and sign. On success *out is filled from the text just made (so that both always agree) and
 * owned by the caller. exit rules come as their texts. 0, -EMSGSIZE (text limit) or -EINVAL. */
struct fog_config_list;
int fog_descriptor_build(struct fog_signed_descriptor *out, const struct fog_descriptor *d,
			 const struct fog_config_list *allow, const struct fog_config_list *deny,
			 const struct fog_identity *id);

/* Read and check a text; `why` tells what is wrong with it. Does not look at signature or time. 0
 * or -EINVAL. */
int fog_descriptor_parse(struct fog_descriptor *d, const char *text, size_t len,
			 char why[FOG_DESCRIPTOR_WHY_SIZE]);
/* Parse, then times against now, then the signature. On success *out owns a copy. 0; -EINVAL;
 * -ETIME: expired or from the future; -EBADMSG: signature; -ENOMEM. */
int fog_descriptor_accept(struct fog_signed_descriptor *out, const char *text, size_t len,
			  const u8 signature[64], u64 now_ms, char why[FOG_DESCRIPTOR_WHY_SIZE]);
void fog_signed_descriptor_free(struct fog_signed_descriptor *s);

/* The exit policy: deny first, then allow, else no. ip NULL = a name that the exit resolves: then
 * the port alone decides, and only allow rules are asked. */
bool fog_descriptor_exit_allows(const struct fog_descriptor *d, const u8 ip[16], u16 port);

/* As the API shows it; a new reference. */
json_t *fog_descriptor_to_json(const struct fog_descriptor *d);
/* 64 hex digits and a zero. Returns out. */
char *fog_node_id_hex(const u8 node_id[32], char out[65]);

#endif
