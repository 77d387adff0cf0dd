/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/forwarded.h"

#include <strings.h>

#define NODE_SIZE 64 /* bytes of an address with port and brackets, and its zero */

bool fog_proxies_hold(const struct fog_proxies *p, const u8 ip[16])
{
	for (u32 i = 0; i < p->count; i++)
		if (fog_exit_rule_match(&p->network[i], ip, 1))
			return true;
	return false;
}

/* Where the last element of text[0..len) begins; commas in quotes part nothing. */
static size_t last_begins(const char *text, size_t len)
{
	bool quoted = false;

	for (; len > 0; len--) {
		quoted ^= text[len - 1] == '"';
		if (text[len - 1] == ',' && !quoted)
			break;
	}
	return len;
}

static void trim(const char **text, size_t *len, const char *what)
{
	while (*len > 0 && strchr(what, **text) != NULL) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && strchr(what, (*text)[*len - 1]) != NULL)
		(*len)--;
}

/* The value of for= in an element of Forwarded; false when there is none. */
static bool for_find(const char **text, size_t *len)
{
	const char *p = *text, *end = p + *len;

	while (p < end) {
		size_t n = 0;
		bool quoted = false;
		while (p + n < end && (p[n] != ';' || quoted))
			quoted ^= p[n++] == '"';
		const char *pair = p;
		size_t pair_len = n;
		trim(&pair, &pair_len, " \t");
		if (pair_len > 4 && strncasecmp(pair, "for=", 4) == 0) {
			*text = pair + 4;
			*len = pair_len - 4;
			return true;
		}
		p += n + 1;
	}
	return false;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". */
static bool node_parse(const char *text, size_t len, u8 ip[16])
{
	char node[NODE_SIZE];

	trim(&text, &len, " \t\"");
	if (len == 0 || len >= sizeof(node))
		return false;
	memcpy(node, text, len);
	node[len] = '\0';
	char *host = node, *colon = strchr(node, ':');
	if (node[0] == '[') {
		host++;
		char *end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		*end = '\0';
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
	}
	return fog_ip_parse(host, ip) == 0;
}

bool fog_forwarded_step(const struct fog_proxies *p, const char *line, u8 ip[16])
{
	size_t len = strlen(line);

	while (len > 0) {
		size_t begin = last_begins(line, len), n = len - begin;
		const char *element = line + begin;
		len = begin > 0 ? begin - 1 : 0;
		trim(&element, &n, " \t");
		if (n == 0)
			continue; /* an empty element says nothing (RFC 9110 5.6.1) */
		if (p->forwarded && !for_find(&element, &n))
			return false;
		if (!node_parse(element, n, ip) || !fog_proxies_hold(p, ip))
			return false;
	}
	return true;
}
