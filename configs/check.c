/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/check.h"

#include <ctype.h>
#include <errno.h>

#include "configs/address.h"

#define HOST_NAME_MAX_LEN 63
/* sun_path is 108 bytes; "/dataplane.sock" and a zero follow the directory. */
#define ACCELERATORS_MAX 64 /* of a host */
#define RUN_DIR_MAX      90

/* Words a key accepts, as one text so that the error can show it. */
static int check_word(const char *v, const char *words, char why[160])
{
	size_t len = strlen(v);

	for (const char *p = words; *p != '\0';) {
		size_t n = strcspn(p, " ");
		if (n == len && memcmp(p, v, n) == 0)
			return 0;
		p += n + strspn(p + n, " ");
	}
	snprintf(why, 160, "wants one of: %s", words);
	return -EINVAL;
}

static int check_name(const char *v, char why[160])
{
	size_t len = strlen(v);

	snprintf(why, 160, "wants 1 to %d letters, digits, '-' or '.', first a letter or digit",
		 HOST_NAME_MAX_LEN);
	if (len == 0 || len > HOST_NAME_MAX_LEN || !isalnum((unsigned char)v[0]))
		return -EINVAL;
	for (const char *p = v; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			return -EINVAL;
	return 0;
}

static int check_run_dir(const char *v, char why[160])
{
	snprintf(why, 160, "wants an absolute path of at most %d bytes (it holds unix sockets)",
		 RUN_DIR_MAX);
	return v[0] == '/' && strlen(v) <= RUN_DIR_MAX ? 0 : -EINVAL;
}

static int check_path(const char *v, char why[160])
{
	snprintf(why, 160, "wants an absolute path");
	return v[0] == '/' ? 0 : -EINVAL;
}

static int check_path_or_empty(const char *v, char why[160])
{
	return v[0] == '\0' ? 0 : check_path(v, why);
}

static int check_log_level(const char *v, char why[160])
{
	return check_word(v, "error warning notice info debug", why);
}

static int check_log_format(const char *v, char why[160])
{
	return check_word(v, "text json", why);
}

static int check_io(const char *v, char why[160])
{
	return check_word(v, "auto uring socket af_xdp dpdk", why);
}

static int check_ip_or_empty(const char *v, char why[160])
{
	u8 ip[16];

	snprintf(why, 160, "wants a bare IPv4 or IPv6 address, or empty");
	return v[0] == '\0' ? 0 : fog_ip_parse(v, ip);
}

static int check_xdp_mode(const char *v, char why[160])
{
	return check_word(v, "auto native generic", why);
}

static int check_prefix(const char *v, char why[160])
{
	struct fog_exit_rule r;

	snprintf(why, 160,
		 "wants an address, or network/bits with zero host bits, such as 10.0.0.0/8 or "
		 "fd00::/8");
	return fog_network_parse(v, &r);
}

static int check_forwarded(const char *v, char why[160])
{
	return check_word(v, "x-forwarded-for forwarded", why);
}

static int check_role(const char *v, char why[160])
{
	return check_word(v, "relay worker exit", why);
}

static int check_accelerators(const char *v, char why[160])
{
	unsigned count, memory_mb;
	int used = 0;

	snprintf(why, 160, "wants auto, none or TYPE:COUNT[:MEMORY_MB], such as tesla-t4:2:16384");
	if (v[0] == '\0' || strcmp(v, "auto") == 0 || strcmp(v, "none") == 0)
		return 0;
	if (sscanf(v, "%*31[a-z0-9._-]:%3u%n:%8u%n", &count, &used, &memory_mb, &used) < 1)
		return -EINVAL;
	return v[used] == '\0' && count >= 1 && count <= ACCELERATORS_MAX ? 0 : -EINVAL;
}

static int check_listen(const char *v, char why[160])
{
	struct fog_address a;

	if (fog_address_parse(v, &a) != 0) {
		snprintf(why, 160,
			 "wants address:port, such as 192.0.2.1:9000 or [2001:db8::1]:9000");
		return -EINVAL;
	}
	if (fog_address_is_any(&a)) {
		snprintf(why, 160, "neighbours cannot reach this address: name the host's own");
		return -EINVAL;
	}
	return 0;
}

static int check_socks(const char *v, char why[160])
{
	struct fog_address a;

	snprintf(why, 160, "wants address:port, or empty for no proxy");
	return v[0] == '\0' || fog_address_parse(v, &a) == 0 ? 0 : -EINVAL;
}

static int check_api_listen(const char *v, char why[160])
{
	struct fog_address a;

	snprintf(why, 160, "wants address:port, or empty for the unix socket only");
	return v[0] == '\0' || fog_address_parse(v, &a) == 0 ? 0 : -EINVAL;
}

static int check_origin(const char *v, char why[160])
{
	const char *host = strncmp(v, "https://", 8) == 0  ? v + 8
			   : strncmp(v, "http://", 7) == 0 ? v + 7
							   : "";

	snprintf(why, 160, "wants scheme://host[:port] without a path, as a browser sends it");
	return host[0] != '\0' && strchr(host, '/') == NULL ? 0 : -EINVAL;
}

static int check_peer(const char *v, char why[160])
{
	struct fog_address a;
	char hex[65];

	snprintf(why, 160, "wants address:port/key, the key as 64 hex digits");
	return fog_config_peer_parse(v, &a, hex);
}

static int check_exit_rule(const char *v, char why[160])
{
	struct fog_exit_rule r;

	snprintf(why, 160,
		 "wants network/bits:port or network/bits:low-high with zero host bits, "
		 "such as 10.0.0.0/8:80 or [fd00::]/8:1-1024");
	return fog_exit_rule_parse(v, &r);
}

static int check_country(const char *v, char why[160])
{
	snprintf(why, 160, "wants two capital letters (ISO 3166) or empty");
	if (v[0] == '\0')
		return 0;
	for (int i = 0; i < 2; i++)
		if (v[i] < 'A' || v[i] > 'Z')
			return -EINVAL;
	return v[2] == '\0' ? 0 : -EINVAL;
}

static int check_engine(const char *v, char why[160])
{
	return check_word(v, "native wasm oci microvm slurm", why);
}

static int check_key(const char *v, char why[160])
{
	snprintf(why, 160, "wants 64 hex digits");
	return strlen(v) == 64 && strspn(v, "0123456789abcdefABCDEF") == 64 ? 0 : -EINVAL;
}

static int check_ratio(const char *v, char why[160])
{
	char *end;
	double ratio = strtod(v, &end);

	snprintf(why, 160, "wants a number from 0 to 1, such as \"0.1\"");
	return v[0] >= '0' && v[0] <= '1' && *end == '\0' && ratio <= 1 ? 0 : -EINVAL;
}

static int check_propagate(const char *v, char why[160])
{
	return check_word(v, "job caller", why);
}

static int check_strategy(const char *v, char why[160])
{
	return check_word(v, "dynamic stable aggressive conservative", why);
}

static int check_chain(const char *v, char why[160])
{
	return v[0] == '\0' ? 0 : check_word(v, "solo quorum", why);
}

static int check_listen_or_empty(const char *v, char why[160])
{
	return v[0] == '\0' ? 0 : check_listen(v, why);
}

static int check_free_text(const char *v, char why[160])
{
	snprintf(why, 160, "longer than 64 bytes");
	return strlen(v) <= 64 ? 0 : -EINVAL;
}

static int check_url_or_empty(const char *v, char why[160])
{
	snprintf(why, 160, "wants a URL that begins with http:// or https://, or empty");
	return v[0] == '\0' || strncmp(v, "http://", 7) == 0 || strncmp(v, "https://", 8) == 0
		       ? 0
		       : -EINVAL;
}

static const struct {
	const char *group;
	const char *key;
	int (*fn)(const char *value, char why[160]);
} checks[] = {
	{"host", "name", check_name},
	{"host", "run_dir", check_run_dir},
	{"host", "state_dir", check_path},
	{"host", "log_level", check_log_level},
	{"host", "log_format", check_log_format},
	{"dataplane", "listen", check_listen},
	{"dataplane", "io", check_io},
	{"dataplane", "gateway", check_ip_or_empty},
	{"xdp", "mode", check_xdp_mode},
	{"xdp", "allow", check_prefix},
	{"xdp", "deny", check_prefix},
	{"control", "listen", check_listen},
	{"control", "peers", check_peer},
	{"roles", "enable", check_role},
	{"exit", "allow", check_exit_rule},
	{"exit", "deny", check_exit_rule},
	{"edge", "socks", check_socks},
	{"gateway", "listen", check_api_listen},
	{"gateway", "tls_cert", check_path_or_empty},
	{"gateway", "tls_key", check_path_or_empty},
	{"gateway", "token_secret", check_path_or_empty},
	{"gateway", "token_issuers", check_key},
	{"gateway", "cors_origins", check_origin},
	{"gateway", "trusted_proxies", check_prefix},
	{"gateway", "proxy_header", check_forwarded},
	{"jobs", "webhook_networks", check_prefix},
	{"tracing", "otlp_url", check_url_or_empty},
	{"tracing", "sample_ratio", check_ratio},
	{"tracing", "propagate", check_propagate},
	{"worker", "exec_path", check_path_or_empty},
	{"worker", "engines", check_engine},
	{"worker", "accelerators", check_accelerators},
	{"worker", "wasm_builders", check_key},
	{"ledger", "chain", check_chain},
	{"ledger", "genesis", check_path_or_empty},
	{"market", "strategy", check_strategy},
	{"quorum", "listen", check_listen_or_empty},
	{"health", "alert_rules", check_path_or_empty},
	{"health", "alert_webhook", check_url_or_empty},
	{"attributes", "operator", check_free_text},
	{"attributes", "country", check_country},
	{"attributes", "region", check_free_text},
	{"attributes", "power_region", check_free_text},
};

int fog_config_check_value(const struct fog_config_key *k, const char *value, char why[160])
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(checks); i++)
		if (strcmp(checks[i].group, k->group) == 0 && strcmp(checks[i].key, k->key) == 0)
			return checks[i].fn(value, why);
	return 0;
}

int fog_config_peer_parse(const char *text, struct fog_address *address, char hex[65])
{
	char host[FOG_ADDRESS_TEXT_SIZE];
	const char *slash = strchr(text, '/');

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host) || strlen(slash + 1) != 64)
		return -EINVAL;
	for (const char *p = slash + 1; *p != '\0'; p++)
		if (!isxdigit((unsigned char)*p))
			return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (fog_address_parse(host, address) != 0)
		return -EINVAL;
	memcpy(hex, slash + 1, 65);
	return 0;
}
