/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>

static const u8 mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const u8 ip[16])
{
	return memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/* Decimal digits only, without sign, space or leading zero; advances *p. */
static int number_parse(const char **p, u32 max, u32 *out)
{
	u32 v = 0;
	const char *s = *p;

	if (!isdigit((unsigned char)*s) || (*s == '0' && isdigit((unsigned char)s[1])))
		return -EINVAL;
	while (isdigit((unsigned char)*s)) {
		v = v * 10 + (u32)(*s++ - '0');
		if (v > max)
			return -EINVAL;
	}
	*p = s;
	*out = v;
	return 0;
}

int fog_ip_parse(const char *text, u8 ip[16])
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		memcpy(ip, mapped_prefix, sizeof(mapped_prefix));
		memcpy(ip + 12, &v4, 4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(ip, &v6, 16);
		return 0;
	}
	return -EINVAL;
}

/* The part before `end`: a.b.c.d or [v6]; an unbracketed v6 is ambiguous before a port. */
static int host_parse(const char *text, const char *end, u8 ip[16], bool *v6)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = (size_t)(end - text);

	*v6 = len >= 2 && text[0] == '[' && end[-1] == ']';
	if (*v6) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if ((strchr(host, ':') != NULL) != *v6)
		return -EINVAL;
	return fog_ip_parse(host, ip);
}

int fog_address_parse(const char *text, struct fog_address *out)
{
	struct fog_address a;
	bool v6;
	u32 port;
	const char *colon = strrchr(text, ':');

	if (colon == NULL || host_parse(text, colon, a.ip, &v6) != 0)
		return -EINVAL;
	const char *p = colon + 1;
	if (number_parse(&p, 65535, &port) != 0 || port == 0 || *p != '\0')
		return -EINVAL;
	a.port = (u16)port;
	*out = a;
	return 0;
}

char *fog_address_format(const struct fog_address *a, char out[FOG_ADDRESS_TEXT_SIZE])
{
	char ip[INET6_ADDRSTRLEN];

	if (is_mapped(a->ip)) {
		inet_ntop(AF_INET, a->ip + 12, ip, sizeof(ip));
		snprintf(out, FOG_ADDRESS_TEXT_SIZE, "%s:%u", ip, a->port);
	} else {
		inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));
		snprintf(out, FOG_ADDRESS_TEXT_SIZE, "[%s]:%u", ip, a->port);
	}
	return out;
}

bool fog_address_is_any(const struct fog_address *a)
{
	static const u8 zero[16];

	return memcmp(a->ip + 12, zero, 4) == 0 &&
	       (is_mapped(a->ip) || memcmp(a->ip, zero, 12) == 0);
}

static bool host_bits_zero(const u8 ip[16], u32 bits)
{
	for (u32 i = bits; i < 128; i++)
		if (ip[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

int fog_exit_rule_parse(const char *text, struct fog_exit_rule *out)
{
	struct fog_exit_rule r = {0};
	bool v6;
	u32 bits, low, high;
	const char *slash = strchr(text, '/');

	if (slash == NULL || host_parse(text, slash, r.ip, &v6) != 0)
		return -EINVAL;
	const char *p = slash + 1;
	if (number_parse(&p, v6 ? 128 : 32, &bits) != 0 || *p++ != ':')
		return -EINVAL;
	if (number_parse(&p, 65535, &low) != 0 || low == 0)
		return -EINVAL;
	high = low;
	if (*p == '-') {
		p++;
		if (number_parse(&p, 65535, &high) != 0 || high < low)
			return -EINVAL;
	}
	if (*p != '\0')
		return -EINVAL;
	r.prefix_bits = (u8)(v6 ? bits : 96 + bits);
	if (!host_bits_zero(r.ip, r.prefix_bits))
		return -EINVAL;
	r.port_low = (u16)low;
	r.port_high = (u16)high;
	*out = r;
	return 0;
}

int fog_network_parse(const char *text, struct fog_exit_rule *out)
{
	struct fog_exit_rule r = {.port_low = 1, .port_high = 65535};
	size_t len = strcspn(text, "/");
	char host[INET6_ADDRSTRLEN];
	const char *p = text + len;
	u32 bits, bits_max;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (fog_ip_parse(host, r.ip) != 0)
		return -EINVAL;
	bits = bits_max = strchr(host, ':') != NULL ? 128 : 32;
	if (*p == '/' && (p++, number_parse(&p, bits_max, &bits) != 0 || *p != '\0'))
		return -EINVAL;
	r.prefix_bits = (u8)(128 - bits_max + bits);
	if (!host_bits_zero(r.ip, r.prefix_bits))
		return -EINVAL;
	*out = r;
	return 0;
}

bool fog_exit_rule_match_port(const struct fog_exit_rule *r, u16 port)
{
	return port >= r->port_low && port <= r->port_high;
}

bool fog_exit_rule_match(const struct fog_exit_rule *r, const u8 ip[16], u16 port)
{
	u32 bytes = r->prefix_bits / 8, rest = r->prefix_bits % 8;

	/* "[::]/0" speaks of IPv6 only, though IPv4 is mapped into it. */
	if (!fog_exit_rule_match_port(r, port) || is_mapped(r->ip) != is_mapped(ip) ||
	    memcmp(r->ip, ip, bytes) != 0)
		return false;
	return rest == 0 || ((r->ip[bytes] ^ ip[bytes]) & (0xff00u >> rest) & 0xff) == 0;
}

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

static const struct fog_exit_rule private_networks[] = {
	NET4(8, 10, 0, 0, 0),    NET4(12, 172, 16, 0, 0), NET4(16, 192, 168, 0, 0),
	NET4(10, 100, 64, 0, 0), /* of a provider */
	NET6(7, 0xfc),
};

static const struct fog_exit_rule *network_find(const struct fog_exit_rule *list, u32 count,
						const u8 ip[16])
{
	for (u32 i = 0; i < count; i++)
		if (fog_exit_rule_match(&list[i], ip, 1))
			return &list[i];
	return NULL;
}

const struct fog_exit_rule *fog_ip_local(const u8 ip[16])
{
	return network_find(local_networks, FOG_ARRAY_COUNT(local_networks), ip);
}

bool fog_ip_is_public(const u8 ip[16])
{
	return fog_ip_local(ip) == NULL &&
	       network_find(private_networks, FOG_ARRAY_COUNT(private_networks), ip) == NULL;
}
