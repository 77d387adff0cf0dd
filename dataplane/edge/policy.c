/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/policy.h"

#include <errno.h>

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

bool fog_policy_permits(const struct fog_policy *p, const u8 ip[16], u16 port)
{
	const struct fog_exit_rule *local = fog_ip_local(ip);

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
