/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/policy.h"

#include <errno.h>

#define NET4(bits, a, b, c, d)                                                            \
	{                                                                                 \
		.ip = {[10] = 0xff, [11] = 0xff, a, b, c, d}, .prefix_bits = 96 + (bits), \
		.port_low = 1, .port_high = 65535                                         \
	}
#define NET6(bits, ...)                                                                       \
	{                                                                                     \
		.ip = {__VA_ARGS__}, .prefix_bits = (bits), .port_low = 1, .port_high = 65535 \
	}

/* RFC 6890 and RFC 4291: networks of this machine or this link. */
static const struct fog_exit_rule local_networks[] = {
	NET4(8, 0, 0, 0, 0),                    /* this host on this network */
	NET4(8, 127, 0, 0, 0),                  /* loopback */
	NET4(16, 169, 254, 0, 0),               /* link-local */
	NET4(4, 224, 0, 0, 0),                  /* multicast */
	NET4(32, 255, 255, 255, 255),           /* broadcast */
	NET6(95, 0),                            /* unspecified, loopback, v4-compatible */
	NET6(10, 0xfe, 0x80),                   /* link-local */
	NET6(10, 0xfe, 0xc0),                   /* site-local, long deprecated */
	NET6(8, 0xff),                          /* multicast */
	NET6(96, 0x00, 0x64, 0xff, 0x9b),       /* NAT64: hides any IPv4 address */
	NET6(48, 0x00, 0x64, 0xff, 0x9b, 0, 1), /* NAT64, local use */
	NET6(16, 0x20, 0x02),                   /* 6to4: likewise */
};

static int rule_add(struct fog_exit_rule *list, u32 *count, const char *text)
{
	if (*count == FOG_POLICY_RULES_MAX)
		return -ENOSPC;
	int rc = fog_exit_rule_parse(text, &list[*count]);
	if (rc == 0)
		(*count)++;
	return rc;
}

int fog_policy_allow(struct fog_policy *p, const char *text)
{
	return rule_add(p->allow, &p->allow_count, text);
}

int fog_policy_deny(struct fog_policy *p, const char *text)
{
	return rule_add(p->deny, &p->deny_count, text);
}

static const struct fog_exit_rule *local_network(const u8 ip[16])
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(local_networks); i++) {
		if (fog_exit_rule_match(&local_networks[i], ip, 1))
			return &local_networks[i];
	}
	return NULL;
}

bool fog_policy_permits(const struct fog_policy *p, const u8 ip[16], u16 port)
{
	const struct fog_exit_rule *local = local_network(ip);

	if (!p->enabled || port == 0)
		return false;
	for (u32 i = 0; i < p->deny_count; i++) {
		if (fog_exit_rule_match(&p->deny[i], ip, port))
			return false;
	}
	for (u32 i = 0; i < p->allow_count; i++) {
		const struct fog_exit_rule *r = &p->allow[i];

		if (!fog_exit_rule_match(r, ip, port))
			continue;
		if (local == NULL || r->prefix_bits >= local->prefix_bits)
			return true;
	}
	return false;
}

bool fog_policy_permits_port(const struct fog_policy *p, u16 port)
{
	if (!p->enabled || port == 0)
		return false;
	for (u32 i = 0; i < p->allow_count; i++) {
		if (fog_exit_rule_match_port(&p->allow[i], port))
			return true;
	}
	return false;
}
