/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"
#include "tests/unit/fog_test.h"

static void id_make(char id[5])
{
	snprintf(id, 5, "%04x", (unsigned)getpid() & 0xffff);
}

static bool namespace_exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	return access(path, F_OK) == 0;
}

static bool refused(const char *from, const char *to)
{
	char script[512], output[4096];

	snprintf(script, sizeof(script),
		 "import socket\n"
		 "s = socket.create_connection(('%s', 9), 5)\n",
		 to);
	/* Nobody listens: a refusal is the other host's answer, and no answer is a timeout. */
	fog_proc_run((const char *const[]){"ip", "netns", "exec", from, "python3", "-", NULL},
		     script, output, sizeof(output), 10000);
	return strstr(output, "ConnectionRefusedError") != NULL;
}

/* Needs root and a kernel that lets us: where it does not, the reason is what is checked. */
static void test_life_cycle(void)
{
	char id[5], why[FOG_LAB_NOTE_MAX] = "", www[32];

	id_make(id);
	snprintf(www, sizeof(www), "fog-%s-www", id);
	json_t *lab = fog_lab_plan("/tmp/x", id, FOG_LAB_NETNS, 3);
	int rc = fog_lab_net_up(lab, why);
	if (rc != 0) {
		printf("no network namespaces here: %s\n", why);
		CU_ASSERT(why[0] != '\0');
		CU_ASSERT(!namespace_exists(www));
		json_decref(lab);
		return;
	}
	CU_ASSERT(namespace_exists(www));
	const char *ash = fog_pick_text(fog_lab_host(lab, "ash"), "netns", "");
	CU_ASSERT(namespace_exists(ash));
	CU_ASSERT(refused(ash, "10.77.0.12"));
	/* A second lab with the same name does not fit, and does not harm: all of it is gone. */
	CU_ASSERT_EQUAL(fog_lab_net_up(lab, why), -EIO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "exists"));
	CU_ASSERT(!namespace_exists(ash));
	CU_ASSERT_EQUAL(fog_lab_net_down(id), 0);
	CU_ASSERT_EQUAL(fog_lab_net_up(lab, why), 0);
	CU_ASSERT_EQUAL(fog_lab_net_down(id), 5);
	CU_ASSERT(!namespace_exists(ash));
	json_decref(lab);
}

static int port_take(u16 port, int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void test_ports(void)
{
	u16 next = 21000;
	u16 first = fog_lab_port_probe(&next);

	CU_ASSERT(first >= 21000);
	CU_ASSERT_EQUAL(next, first + 1);
	int udp = port_take(first, SOCK_DGRAM);
	next = first;
	u16 second = fog_lab_port_probe(&next);
	CU_ASSERT(second > first);
	int tcp = port_take(second, SOCK_STREAM);
	next = first;
	CU_ASSERT(fog_lab_port_probe(&next) > second);
	close(udp);
	close(tcp);
	next = 32000; /* wraps to the start of its range */
	CU_ASSERT(fog_lab_port_probe(&next) >= 20000);
	CU_ASSERT(next <= 32000);
}

FOG_TEST_MAIN("controlplane/cli/lab_net", FOG_TEST(test_life_cycle), FOG_TEST(test_ports))
