/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/policy.h"

#include <errno.h>

#define V4(a, b, c, d)                                               \
	{                                                            \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d \
	}

/* RFC 6890 and RFC 4291: networks of this machine or this link. */
static const struct fog_exit_rule local_networks[] = {
	{V4(0, 0, 0, 0), 104, 1, 65535},                /* this host on this network */
	{V4(127, 0, 0, 0), 104, 1, 65535},              /* loopback */
	{V4(169, 254, 0, 0), 112, 1, 65535},            /* link-local */
	{V4(224, 0, 0, 0), 100, 1, 65535},              /* multicast */
	{V4(255, 255, 255, 255), 128, 1, 65535},        /* broadcast */
	{{0}, 95, 1, 65535},                            /* unspecified, loopback, v4-compatible */
	{{0xfe, 0x80}, 10, 1, 65535},                   /* link-local */
	{{0xfe, 0xc0}, 10, 1, 65535},                   /* site-local, long deprecated */
	{{0xff}, 8, 1, 65535},                          /* multicast */
	{{0x00, 0x64, 0xff, 0x9b}, 96, 1, 65535},       /* NAT64: hides any IPv4 address */
	{{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, 1, 65535}, /* NAT64, local use */
	{{0x20, 0x02}, 16, 1, 65535},                   /* 6to4: likewise */
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
