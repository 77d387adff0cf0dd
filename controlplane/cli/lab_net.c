/* SPDX-License-Identifier: BSD-3-Clause */
/* The network of a lab: a bridge in a namespace of its own, one namespace a host, each with a veth
 * to the bridge. Nothing of it touches the machine's own network. Made with iproute2. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"

#define IP_TIMEOUT_MS  20000
#define NAMESPACES_DIR "/run/netns"
#define PORT_TRIES_MAX 4096
#define PORT_LAST      32000

/* Run `ip -n NETNS -batch -` (netns NULL: our own namespace) on script. 0 or -EIO with why. */
static int ip_batch(const char *netns, const char *script, char why[FOG_LAB_NOTE_MAX])
{
	const char *own[] = {"ip", "-batch", "-", NULL};
	const char *inside[] = {"ip", "-n", netns, "-batch", "-", NULL};
	char output[FOG_LAB_NOTE_MAX / 2];
	int rc = fog_proc_run(netns ? inside : own, script, output, sizeof(output), IP_TIMEOUT_MS);

	if (rc == 0)
		return 0;
	output[strcspn(output, "\n")] = '\0';
	snprintf(why, FOG_LAB_NOTE_MAX, "ip%s%s: %s", netns ? " -n " : "", netns ? netns : "",
		 rc < 0 ? strerror(-rc) : output);
	return -EIO;
}

static int bridge_up(const char *id, char why[FOG_LAB_NOTE_MAX])
{
	char net[32], script[256];

	snprintf(net, sizeof(net), "fog-%s-net", id);
	snprintf(script, sizeof(script), "netns add %s\n", net);
	int rc = ip_batch(NULL, script, why);
	if (rc != 0)
		return rc;
	return ip_batch(net,
			"link set lo up\n"
			"link add br0 type bridge stp_state 0 mcast_snooping 0\n"
			"link set br0 up\n",
			why);
}

/* One namespace with eth0 on the bridge; index gives the last part of both addresses. */
static int namespace_up(const char *id, const char *netns, const char *address, u32 index,
			char why[FOG_LAB_NOTE_MAX])
{
	char net[32], script[512];

	snprintf(net, sizeof(net), "fog-%s-net", id);
	snprintf(script, sizeof(script),
		 "netns add %s\nlink add eth0 netns %s type veth peer name v%u netns %s\n", netns,
		 netns, index, net);
	int rc = ip_batch(NULL, script, why);
	if (rc != 0)
		return rc;
	snprintf(script, sizeof(script), "link set v%u master br0 up\n", index);
	rc = ip_batch(net, script, why);
	if (rc != 0)
		return rc;
	snprintf(script, sizeof(script),
		 "link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\n", address);
	rc = ip_batch(netns, script, why);
	if (rc != 0)
		return rc;
	/* IPv6 is for tests that ask for it; kernels without it still make a good lab. */
	char ignored[FOG_LAB_NOTE_MAX];
	snprintf(script, sizeof(script), "-6 addr add fd77::%u/64 dev eth0 nodad\n", index);
	ip_batch(netns, script, ignored);
	return 0;
}

/* eth1 on the same bridge, without an address: the data plane's own. */
static int second_interface(const char *id, const char *netns, u32 index,
			    char why[FOG_LAB_NOTE_MAX])
{
	char net[32], script[256];

	snprintf(net, sizeof(net), "fog-%s-net", id);
	snprintf(script, sizeof(script),
		 "link add eth1 netns %s type veth peer name d%u netns %s\n", netns, index, net);
	int rc = ip_batch(NULL, script, why);
	if (rc != 0)
		return rc;
	snprintf(script, sizeof(script), "link set d%u master br0 up\n", index);
	rc = ip_batch(net, script, why);
	return rc != 0 ? rc : ip_batch(netns, "link set eth1 up\n", why);
}

int fog_lab_net_up(const json_t *lab, char why[FOG_LAB_NOTE_MAX])
{
	const char *id = fog_pick_text(lab, "id", "");
	size_t index;
	const json_t *host;

	int rc = bridge_up(id, why);
	json_array_foreach(json_object_get(lab, "hosts"), index, host)
	{
		if (rc == 0)
			rc = namespace_up(id, fog_pick_text(host, "netns", ""),
					  fog_pick_text(host, "address", ""),
					  FOG_LAB_ADDRESS_FIRST + (u32)index, why);
		if (rc == 0 && strcmp(fog_pick_text(lab, "io", ""), "dpdk") == 0)
			rc = second_interface(id, fog_pick_text(host, "netns", ""),
					      FOG_LAB_ADDRESS_FIRST + (u32)index, why);
	}
	if (rc == 0)
		rc = namespace_up(id, fog_pick_text(lab, "www.netns", ""), FOG_LAB_WWW_ADDRESS, 250,
				  why);
	if (rc != 0)
		fog_lab_net_down(id);
	return rc;
}

u32 fog_lab_net_down(const char *id)
{
	char prefix[16], why[FOG_LAB_NOTE_MAX];
	struct dirent *entry;
	u32 count = 0;
	int length = snprintf(prefix, sizeof(prefix), "fog-%s-", id);
	DIR *dir = opendir(NAMESPACES_DIR);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char script[sizeof(entry->d_name) + 32];
		if (strncmp(entry->d_name, prefix, (size_t)length) != 0)
			continue;
		snprintf(script, sizeof(script), "netns del %s\n", entry->d_name);
		if (ip_batch(NULL, script, why) == 0)
			count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static bool port_free(u16 port, int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	bool free_port = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return free_port;
}

u16 fog_lab_port_probe(u16 *next)
{
	for (u32 i = 0; i < PORT_TRIES_MAX; i++) {
		u16 port = *next;
		*next = port < PORT_LAST ? port + 1 : 20000;
		if (port_free(port, SOCK_DGRAM) && port_free(port, SOCK_STREAM))
			return port;
	}
	return 0;
}
