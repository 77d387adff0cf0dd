/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/xdp/xdp.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#define CPUS_MAX 1024

struct fog_xdp {
	struct bpf_object *object;
	int program, link;
	int switch_fd, config_fd, rules_fd, links_fd, sockets_fd, counters_fd;
	struct fog_xdp_switch now;
	struct fog_xdp_settings settings;
	char interface[16];
	bool native;
	u32 rules, links, sockets;
};

#if FOG_HAVE_XDP
#include "ebpf/fog_xdp_object.h"

static struct bpf_object *object_open(void)
{
	return bpf_object__open_mem(fog_xdp_object, sizeof(fog_xdp_object), NULL);
}
#else
static struct bpf_object *object_open(void)
{
	errno = ENOTSUP;
	return NULL;
}
#endif

static const char *const names[] = {
#define X(name, text) #name,
	FOG_XDP_COUNTERS_LIST(X)
#undef X
};

static const char *const texts[] = {
#define X(name, text) text,
	FOG_XDP_COUNTERS_LIST(X)
#undef X
};

const char *fog_xdp_counter_name(u32 counter)
{
	static char lower[FOG_XDP_COUNTERS][16];

	if (counter >= FOG_XDP_COUNTERS)
		return "unknown";
	for (u32 i = 0; names[counter][i] != '\0' && i < sizeof(lower[0]) - 1; i++)
		lower[counter][i] = (char)tolower((unsigned char)names[counter][i]);
	return lower[counter];
}

const char *fog_xdp_counter_text(u32 counter)
{
	return counter < FOG_XDP_COUNTERS ? texts[counter] : "unknown";
}

int fog_xdp_prefix_parse(const char *text, struct fog_xdp_prefix *out)
{
	struct fog_exit_rule rule;

	if (fog_network_parse(text, &rule) != 0)
		return -EINVAL;
	*out = (struct fog_xdp_prefix){.length = rule.prefix_bits};
	memcpy(out->address, rule.ip, 16);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int maps_find(struct fog_xdp *x)
{
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
		{"fog_xdp_switch", &x->switch_fd},   {"fog_xdp_config", &x->config_fd},
		{"fog_xdp_rules", &x->rules_fd},     {"fog_xdp_links", &x->links_fd},
		{"fog_xdp_sockets", &x->sockets_fd}, {"fog_xdp_counters", &x->counters_fd},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(maps); i++) {
		*maps[i].fd = bpf_object__find_map_fd_by_name(x->object, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	return 0;
}

static int attach(struct fog_xdp *x, u32 ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);
	const char *mode = x->settings.mode;
	int fd = -EOPNOTSUPP;

	if (strcmp(mode, "generic") != 0)
		fd = bpf_link_create(x->program, (int)ifindex, BPF_XDP, &native);
	x->native = fd >= 0;
	if (fd < 0 && fd != -EBUSY && strcmp(mode, "native") != 0)
		fd = bpf_link_create(x->program, (int)ifindex, BPF_XDP, &generic);
	x->link = fd;
	return fd < 0 ? fd : 0;
}

static int load(struct fog_xdp *x, char why[FOG_XDP_WHY_SIZE])
{
	u32 ifindex = if_nametoindex(x->settings.interface);

	if (ifindex == 0) {
		snprintf(why, FOG_XDP_WHY_SIZE, "no interface \"%s\"", x->settings.interface);
		return -ENODEV;
	}
	libbpf_set_print(quiet);
	x->object = object_open();
	int rc = x->object != NULL ? bpf_object__load(x->object) : -errno;
	if (rc == 0)
		rc = maps_find(x);
	if (rc != 0) {
		snprintf(why, FOG_XDP_WHY_SIZE, "the program cannot be loaded: %s",
			 rc == -EPERM ? "this needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
				      : strerror(-rc));
		return rc;
	}
	x->program = bpf_program__fd(bpf_object__find_program_by_name(x->object, "fog_xdp"));
	rc = attach(x, ifindex);
	if (rc != 0)
		snprintf(why, FOG_XDP_WHY_SIZE, "cannot attach to %s: %s", x->settings.interface,
			 rc == -EBUSY ? "another XDP program is there" : strerror(-rc));
	return rc;
}

int fog_xdp_open(struct fog_xdp **out, const struct fog_xdp_settings *settings,
		 char why[FOG_XDP_WHY_SIZE])
{
	*out = NULL;
	why[0] = '\0';
	struct fog_xdp *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->link = -1;
	x->settings = *settings;
	snprintf(x->interface, sizeof(x->interface), "%s", settings->interface);
	int rc = load(x, why);
	x->settings.interface = x->interface;
	x->settings.mode = "";
	if (rc != 0) {
		fog_xdp_close(x);
		return rc;
	}
	*out = x;
	return 0;
}

void fog_xdp_close(struct fog_xdp *x)
{
	if (x == NULL)
		return;
	if (x->link >= 0)
		close(x->link);
	bpf_object__close(x->object);
	free(x);
}

/* ---- programming ---------------------------------------------------------------------------- */

static int rules_make(const struct fog_xdp_rule_entry *rules, u32 count)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "rules", sizeof(struct fog_xdp_prefix),
				sizeof(u32), FOG_XDP_RULES_MAX, &opts);

	for (u32 i = 0; fd >= 0 && i < count; i++) {
		u32 rule = rules[i].rule;
		int rc = bpf_map_update_elem(fd, &rules[i].prefix, &rule, BPF_ANY);
		if (rc < 0) {
			close(fd);
			return rc;
		}
	}
	return fd;
}

static int links_make(const struct fog_xdp_link_entry *links, u32 count)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "links", sizeof(struct fog_xdp_peer),
				sizeof(struct fog_xdp_link), FOG_XDP_LINKS_MAX, NULL);

	for (u32 i = 0; fd >= 0 && i < count; i++) {
		struct fog_xdp_peer peer = {.port = htons(links[i].address.port)};
		memcpy(peer.address, links[i].address.ip, 16);
		int rc = bpf_map_update_elem(fd, &peer, &links[i].link, BPF_ANY);
		if (rc < 0) {
			close(fd);
			return rc;
		}
	}
	return fd;
}

int fog_xdp_apply(struct fog_xdp *x, const struct fog_xdp_rule_entry *rules, u32 rule_count,
		  const struct fog_xdp_link_entry *links, u32 link_count)
{
	struct fog_xdp_switch next = {x->now.generation + 1, x->now.lease_ns};
	u32 slot = next.generation & 1, zero = 0;
	struct fog_xdp_config config = {
		.port = htons(x->settings.listen.port),
		.steer = x->settings.steer,
		.handshake_interval_ns = x->settings.handshake_interval_ns,
		.handshake_burst_ns = x->settings.handshake_burst_ns,
	};

	if (rule_count > FOG_XDP_RULES_MAX || link_count > FOG_XDP_LINKS_MAX)
		return -E2BIG;
	if (!fog_address_is_any(&x->settings.listen))
		memcpy(config.address, x->settings.listen.ip, 16);
	int rules_fd = rules_make(rules, rule_count);
	int links_fd = links_make(links, link_count);
	int rc = rules_fd < 0 ? rules_fd : links_fd < 0 ? links_fd : 0;
	if (rc == 0)
		rc = bpf_map_update_elem(x->config_fd, &slot, &config, BPF_ANY);
	if (rc == 0)
		rc = bpf_map_update_elem(x->rules_fd, &slot, &rules_fd, BPF_ANY);
	if (rc == 0)
		rc = bpf_map_update_elem(x->links_fd, &slot, &links_fd, BPF_ANY);
	if (rc == 0)
		rc = bpf_map_update_elem(x->switch_fd, &zero, &next, BPF_ANY);
	if (rc == 0) {
		x->now = next;
		x->rules = rule_count;
		x->links = link_count;
	}
	/* The outer maps hold what is in force. */
	if (rules_fd >= 0)
		close(rules_fd);
	if (links_fd >= 0)
		close(links_fd);
	return rc;
}

int fog_xdp_steer(struct fog_xdp *x, const int *fds, u32 count)
{
	if (count > FOG_XDP_SOCKETS_MAX)
		return -E2BIG;
	x->sockets = 0;
	for (u32 i = 0; i < count; i++) {
		int rc = bpf_map_update_elem(x->sockets_fd, &i, &fds[i], BPF_ANY);
		if (rc < 0)
			return rc;
		x->sockets++;
	}
	return 0;
}

int fog_xdp_renew(struct fog_xdp *x, u64 now_ns)
{
	u32 zero = 0;

	x->now.lease_ns = now_ns + FOG_XDP_LEASE_MS * 1000000ull;
	return bpf_map_update_elem(x->switch_fd, &zero, &x->now, BPF_ANY);
}

/* ---- looking -------------------------------------------------------------------------------- */

void fog_xdp_status(const struct fog_xdp *x, struct fog_xdp_status *out)
{
	struct bpf_prog_info info = {0};
	u32 size = sizeof(info);
	int cpus = libbpf_num_possible_cpus();

	*out = (struct fog_xdp_status){.native = x->native,
				       .generation = x->now.generation,
				       .rules = x->rules,
				       .links = x->links,
				       .sockets = x->sockets};
	memcpy(out->interface, x->interface, sizeof(out->interface));
	for (u32 i = 0; cpus > 0 && cpus <= CPUS_MAX && i < FOG_XDP_COUNTERS; i++) {
		u64 values[CPUS_MAX] = {0};
		if (bpf_map_lookup_elem(x->counters_fd, &i, values) != 0)
			continue;
		for (int k = 0; k < cpus; k++)
			out->counters[i] += values[k];
	}
	if (bpf_obj_get_info_by_fd(x->program, &info, &size) == 0) {
		out->program_id = info.id;
		out->verified_instructions = info.verified_insns;
		out->jited_bytes = info.jited_prog_len;
	}
}
