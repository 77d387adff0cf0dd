/* SPDX-License-Identifier: BSD-3-Clause */
/* Text forms of addresses and exit rules, used by every process that reads fog.conf or a
 * descriptor. Pure; no name resolution: a host name is an error here. */
#ifndef FOG_CONFIGS_ADDRESS_H
#define FOG_CONFIGS_ADDRESS_H

#include "crypto/types.h"

#define FOG_ADDRESS_TEXT_SIZE 56 /* "[full IPv6]:65535" and its zero */
#define FOG_RULE_TEXT_SIZE    80 /* "[full IPv6]/128:65535-65535" and its zero */

struct fog_address {
	u8 ip[16]; /* IPv6, or IPv4 mapped into ::ffff:0:0/96; network order */
	u16 port;  /* host order, never 0 after a successful parse */
};

/* "192.0.2.1:9000" or "[2001:db8::1]:9000". Returns 0, or -EINVAL (out untouched). */
int fog_address_parse(const char *text, struct fog_address *out);
/* The same forms back. Returns out. */
char *fog_address_format(const struct fog_address *a, char out[FOG_ADDRESS_TEXT_SIZE]);

/* A bare IPv4 or IPv6 address, without brackets. Returns 0, or -EINVAL when it is anything else,
 * such as a host name. */
int fog_ip_parse(const char *text, u8 ip[16]);

/* True for 0.0.0.0 and ::, which name no host that a neighbour could reach. */
bool fog_address_is_any(const struct fog_address *a);

/* One exit rule: a network and a range of ports. */
struct fog_exit_rule {
	u8 ip[16];
	u8 prefix_bits; /* of the 128; an IPv4 /8 is 104 */
	u8 pad;         /* 0: rules are compared byte by byte */
	u16 port_low;   /* 1 .. 65535 */
	u16 port_high;  /* >= port_low */
};

/* "10.0.0.0/8:80", "10.0.0.0/8:1-1024" or "[fd00::]/8:443". Host bits must be zero, so that a rule
 * says what it means. Returns 0, or -EINVAL (out untouched). */
int fog_exit_rule_parse(const char *text, struct fog_exit_rule *out);
/* A network and every port: "10.0.0.0/8", "fd00::/8" (brackets are fine), or one address. The same
 * errors. */
int fog_network_parse(const char *text, struct fog_exit_rule *out);
/* An IPv6 rule never matches an IPv4 address, nor the other way round. */
bool fog_exit_rule_match(const struct fog_exit_rule *r, const u8 ip[16], u16 port);
/* Does the rule allow this port for any address at all? For a destination that is a name. */
bool fog_exit_rule_match_port(const struct fog_exit_rule *r, u16 port);

/* The network of this machine or this link that ip lies in: loopback, unspecified, link-local,
 * multicast, broadcast, and those that hide an IPv4 address; NULL when there is none (RFC 6890, RFC
 * 4291). */
const struct fog_exit_rule *fog_ip_local(const u8 ip[16]);
/* True when everybody means the same machine by it: neither local nor private (RFC 1918, RFC 4193)
 * nor a provider's own (RFC 6598). */
bool fog_ip_is_public(const u8 ip[16]);

#endif
