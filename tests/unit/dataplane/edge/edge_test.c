/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-edge as a whole: real processes on loopback, see lab.h. FOG_LAB_MB sets the size of the big
 * transfers (20), FOG_LAB_LOG the log level of the edges. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/dataplane/edge/lab.h"
#include "tests/unit/fog_test.h"

static struct lab lab;

static u64 big(void)
{
	const char *text = getenv("FOG_LAB_MB");

	return (text != NULL ? strtoull(text, NULL, 10) : 20) << 20;
}

static int open_server(void)
{
	int fd = lab_socks(&lab, "127.0.0.1", lab.server_port);

	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

static void command(int fd, u8 what, u64 size)
{
	u8 line[9] = {what};

	fog_store_u64(line + 1, size);
	CU_ASSERT_EQUAL_FATAL(send(fd, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
}

/* Read the pattern from `from` to `to`. Number of wrong bytes; short counts as all the rest. */
static u64 pattern_read(int fd, u64 from, u64 to)
{
	static u8 data[1 << 18];
	u64 wrong = 0;

	while (from < to) {
		ssize_t n = recv(fd, data, FOG_MIN(sizeof(data), (size_t)(to - from)), 0);

		if (n <= 0)
			return wrong + to - from;
		for (ssize_t i = 0; i < n; i++)
			wrong += data[i] != lab_pattern(from + (u64)i);
		from += (u64)n;
	}
	return wrong;
}

static void test_life_cycle(void)
{
	u64 size = big();
	u8 byte;
	int fd = open_server();

	unsigned routes = lab.host[LAB_CLIENT].routes;
	double start = lab_seconds();
	command(fd, 'D', size);
	CU_ASSERT_EQUAL(pattern_read(fd, 0, size), 0);
	CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), 0);
	double seconds = lab_seconds() - start;
	printf("%.1f MB down in %.2f s, %.1f MB/s; ", (double)size / 1e6, seconds,
	       (double)size / 1e6 / seconds);
	close(fd);
	fd = open_server();
	CU_ASSERT_EQUAL(lab.host[LAB_CLIENT].routes, routes); /* the same tunnel */
	close(fd);
}

static void test_upload(void)
{
	static u8 data[1 << 16];
	u64 size = big(), hash = 0, answer[2] = {0};
	int fd = open_server();
	double start = lab_seconds();

	command(fd, 'U', 0);
	for (u64 done = 0; done < size; done += sizeof(data)) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = lab_pattern(done + i);
		hash = lab_hash(hash, data, sizeof(data));
		CU_ASSERT_EQUAL_FATAL(send(fd, data, sizeof(data), MSG_NOSIGNAL), sizeof(data));
	}
	shutdown(fd, SHUT_WR);
	CU_ASSERT_EQUAL(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	CU_ASSERT_EQUAL(answer[0], size);
	CU_ASSERT_EQUAL(answer[1], hash);
	double seconds = lab_seconds() - start;
	printf("%.1f MB up in %.2f s, %.1f MB/s; ", (double)size / 1e6, seconds,
	       (double)size / 1e6 / seconds);
	close(fd);
}

static void test_refusals(void)
{
	static const struct {
		const char *host;
		u16 port;
		int code;
	} table[] = {
		{"127.0.0.1", 1, -5},              /* nobody listens */
		{"192.0.2.1", 80, -2},             /* not allowed */
		{"127.0.0.9", 80, -2},             /* denied */
		{"169.254.169.254", 80, -2},       /* never allowed by default */
		{"no such name", 80, -1},          /* no host name at all */
		{"does-not-exist.invalid", 80, -4} /* does not resolve */
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		int rc = lab_socks(&lab, table[i].host, table[i].port);

		if (rc != table[i].code) {
			printf("%s: %d ", table[i].host, rc);
			CU_FAIL(table[i].host);
		}
	}
	int fd = open_server();
	u8 byte;
	command(fd, 'R', 0);
	CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), -1);
	CU_ASSERT_EQUAL(errno, ECONNRESET);
	close(fd);
	CU_ASSERT_EQUAL(lab_socks(&lab, "localhost", lab.server_port) > 0, 1);
}

static void *echo_run(void *arg)
{
	static const size_t size = 300000;
	u8 *out = malloc(size), *in = malloc(size);
	int fd = lab_socks(&lab, "127.0.0.1", lab.server_port);
	u64 errors = 1;
	u8 line[9] = {'E'};

	if (fd < 0)
		goto out;
	errors = 0;
	for (size_t i = 0; i < size; i++)
		out[i] = lab_pattern(i + (size_t)(intptr_t)arg * 7);
	errors += send(fd, line, sizeof(line), MSG_NOSIGNAL) != sizeof(line);
	for (size_t done = 0; done < size; done += 30000) {
		errors += send(fd, out + done, 30000, MSG_NOSIGNAL) != 30000;
		errors += recv(fd, in + done, 30000, MSG_WAITALL) != 30000;
	}
	shutdown(fd, SHUT_WR);
	errors += recv(fd, in, 1, 0) != 0;
	errors += memcmp(in + 1, out + 1, size - 1) != 0;
	close(fd);
out:
	free(in);
	free(out);
	return (void *)(intptr_t)errors;
}

static void test_many_streams(void)
{
	enum { COUNT = 150 }; /* more than a peer allows at once */
	pthread_t thread[COUNT];
	void *errors;

	for (intptr_t i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, echo_run, (void *)i), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		pthread_join(thread[i], &errors);
		CU_ASSERT_PTR_NULL(errors);
	}
}

/* Each relay of the circuit dies in the middle of a transfer. */
static void test_relay_killed(void)
{
	for (unsigned hop = 0; hop < 2; hop++) {
		u64 size = 4 * big();
		int fd = open_server();

		command(fd, 'D', size);
		CU_ASSERT_EQUAL(pattern_read(fd, 0, size / 8), 0);
		unsigned routes = lab.host[LAB_CLIENT].routes;
		unsigned host = lab_hop(&lab, hop);
		CU_ASSERT_FATAL(host < LAB_HOSTS);
		lab_dataplane_kill(&lab, host);
		double start = lab_seconds();
		CU_ASSERT_EQUAL(pattern_read(fd, size / 8, size), 0);
		printf("%.2f s with a new route; ", lab_seconds() - start);
		CU_ASSERT(lab.host[LAB_CLIENT].routes > routes);
		close(fd);
		lab_dataplane_start(&lab, host);
	}
}

/* The same, but for an upload. */
static void test_relay_killed_upload(void)
{
	static u8 data[1 << 16];
	u64 size = 2 * big(), hash = 0, answer[2] = {0};
	unsigned host = LAB_HOSTS;
	int fd = open_server();

	command(fd, 'U', 0);
	for (u64 done = 0; done < size; done += sizeof(data)) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = lab_pattern(done + i);
		hash = lab_hash(hash, data, sizeof(data));
		if (done == size / 4) {
			host = lab_hop(&lab, 1);
			CU_ASSERT_FATAL(host < LAB_HOSTS);
			lab_dataplane_kill(&lab, host);
		}
		CU_ASSERT_EQUAL_FATAL(send(fd, data, sizeof(data), MSG_NOSIGNAL), sizeof(data));
	}
	shutdown(fd, SHUT_WR);
	CU_ASSERT_EQUAL(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	CU_ASSERT_EQUAL(answer[0], size);
	CU_ASSERT_EQUAL(answer[1], hash);
	close(fd);
	lab_dataplane_start(&lab, host);
}

/* A relay says nothing any more, and nobody says that it is dead: only the edge can notice. */
static void test_circuit_silent(void)
{
	u64 size = 4 * big();
	int fd = open_server();

	command(fd, 'D', size);
	CU_ASSERT_EQUAL(pattern_read(fd, 0, size / 8), 0);
	for (unsigned i = 0; i < LAB_HOSTS; i++)
		lab_snapshot(&lab, i, 60000);
	usleep(100000);
	unsigned host = lab_hop(&lab, 1);
	CU_ASSERT_FATAL(host < LAB_HOSTS);
	kill(lab.host[host].dataplane, SIGSTOP);
	double start = lab_seconds();
	CU_ASSERT_EQUAL(pattern_read(fd, size / 8, size), 0);
	double seconds = lab_seconds() - start;
	printf("%.2f s with a new route; ", seconds);
	CU_ASSERT(seconds < 15);
	kill(lab.host[host].dataplane, SIGCONT);
	for (unsigned i = 0; i < LAB_HOSTS; i++)
		lab_snapshot(&lab, i, LAB_LINK_DEAD_MS);
	close(fd);
}

/* Our own data plane dies and comes back. */
static void test_dataplane_restarted(void)
{
	u64 size = 6 * big();
	int fd = open_server();

	command(fd, 'D', size);
	CU_ASSERT_EQUAL(pattern_read(fd, 0, size / 8), 0);
	lab_dataplane_kill(&lab, LAB_CLIENT);
	lab_dataplane_start(&lab, LAB_CLIENT);
	CU_ASSERT_EQUAL(pattern_read(fd, size / 8, size / 2), 0);
	lab_dataplane_kill(&lab, LAB_TERMINUS);
	lab_dataplane_start(&lab, LAB_TERMINUS);
	CU_ASSERT_EQUAL(pattern_read(fd, size / 2, size), 0);
	close(fd);
}

/* Streams go on without a control plane; new ones wait for it. */
static void test_control_away(void)
{
	u64 size = big();
	int fd = open_server();
	unsigned hellos = lab.host[LAB_CLIENT].hellos;

	command(fd, 'D', size);
	lab_control_away(&lab, true);
	CU_ASSERT_EQUAL(pattern_read(fd, 0, size), 0);
	close(fd);
	fd = open_server();
	close(fd);
	lab_control_away(&lab, false);
	CU_ASSERT(LAB_WAIT(8, *(volatile unsigned *)&lab.host[LAB_CLIENT].hellos > hellos &&
				      *(volatile unsigned *)&lab.host[LAB_TERMINUS].hellos > 1));
}

static void test_job_channel(void)
{
	static const char hex[] = "0123456789abcdef";
	char line[256], answer[1024], id[65] = "";
	u8 *out = malloc(1000000), *in = malloc(1000000);
	size_t n = 0;

	for (unsigned i = 0; i < 64; i++)
		id[i] = hex[lab.host[LAB_TERMINUS].node_id[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	int fd = lab_unix(lab.host[LAB_CLIENT].run, "edge.sock");
	CU_ASSERT_FATAL(fd >= 0);
	snprintf(line, sizeof(line), "{\"op\":\"open\",\"service\":\"job\",\"target\":\"%s\"}\n",
		 id);
	send(fd, line, strlen(line), 0);
	while (n < sizeof(answer) - 1 && recv(fd, answer + n, 1, 0) == 1 && answer[n] != '\n')
		n++;
	answer[n] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(answer, "{\"ok\":true,\"path\":[\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(answer, id));
	for (unsigned i = 0; i < 1000000; i++)
		out[i] = lab_pattern(i);
	for (unsigned i = 0; i < 1000000; i += 100000) {
		CU_ASSERT_EQUAL(send(fd, out + i, 100000, MSG_NOSIGNAL), 100000);
		CU_ASSERT_EQUAL(recv(fd, in + i, 100000, MSG_WAITALL), 100000);
	}
	shutdown(fd, SHUT_WR);
	CU_ASSERT_EQUAL(recv(fd, answer, 1, 0), 0);
	CU_ASSERT_EQUAL(memcmp(in, out, 1000000), 0);
	close(fd);
	static const char *const bad[] = {"{}\n", "nonsense\n",
					  "{\"op\":\"open\",\"service\":\"job\"}\n"};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		fd = lab_unix(lab.host[LAB_CLIENT].run, "edge.sock");
		send(fd, bad[i], strlen(bad[i]), 0);
		ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
		CU_ASSERT(got > 0 && strncmp(answer, "{\"ok\":false", 11) == 0);
		close(fd);
	}
	free(in);
	free(out);
}

static void test_questions(void)
{
	struct lab_host *h = &lab.host[LAB_CLIENT];
	int fd = open_server();
	char close_line[128];

	command(fd, 'E', 0);
	CU_ASSERT_TRUE_FATAL(lab_ask(&lab, LAB_CLIENT, "{\"op\":\"circuits\",\"id\":42}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h->answer, "\"id\":42"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h->answer, "\"purpose\":\"exit\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(h->answer, "\"state\":\"open\""));
	const char *at = strstr(h->answer, "\"handle\":");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	unsigned long handle = strtoul(at + 9, NULL, 10);
	CU_ASSERT_TRUE(lab_ask(&lab, LAB_TERMINUS, "{\"op\":\"circuits\",\"id\":1}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(lab.host[LAB_TERMINUS].answer, "\"terminus\":[{\"handle\""));
	/* Closing the circuit does not close the stream. */
	unsigned built = h->built;
	snprintf(close_line, sizeof(close_line), "{\"op\":\"close\",\"id\":3,\"handle\":%lu}\n",
		 handle);
	CU_ASSERT_TRUE(lab_ask(&lab, LAB_CLIENT, close_line));
	CU_ASSERT_STRING_EQUAL(h->answer, "{\"op\":\"close\",\"id\":3,\"ok\":true}");
	CU_ASSERT(LAB_WAIT(5, *(volatile unsigned *)&h->built > built));
	CU_ASSERT_EQUAL(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
	CU_ASSERT_EQUAL(recv(fd, close_line, 4, MSG_WAITALL), 4);
	close(fd);
	CU_ASSERT_TRUE(
		lab_ask(&lab, LAB_CLIENT, "{\"op\":\"close\",\"id\":4,\"handle\":4000000000}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h->answer, "\"ok\":false"));
	/* Nonsense from the control plane is survived. */
	CU_ASSERT_TRUE(lab_ask(&lab, LAB_CLIENT,
			       "nonsense\n{\"op\":\"route\",\"id\":77,\"ok\":true}\n"
			       "{\"op\":\"circuits\",\"id\":5}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h->answer, "\"id\":5"));
}

/* A terminus that does not hold the key of its descriptor is refused. */
static void test_wrong_key(void)
{
	CU_ASSERT_EQUAL(lab_edge_stop(&lab, LAB_CLIENT), 0);
	lab.wrong_key = true;
	lab_edge_start(&lab, LAB_CLIENT);
	double start = lab_seconds();
	CU_ASSERT_EQUAL(lab_socks(&lab, "127.0.0.1", lab.server_port), -3);
	CU_ASSERT(lab_seconds() - start < 5);
	lab.wrong_key = false;
	int fd = open_server();
	close(fd);
}

/* The edge of the terminus dies: its connections are gone, and the client learns it soon. */
static void test_terminus_killed(void)
{
	int fd = open_server();
	u8 byte;

	command(fd, 'E', 0);
	CU_ASSERT_EQUAL(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), 1);
	lab_edge_kill(&lab, LAB_TERMINUS);
	lab_edge_start(&lab, LAB_TERMINUS);
	double start = lab_seconds();
	send(fd, "x", 1, MSG_NOSIGNAL);
	CU_ASSERT(recv(fd, &byte, 1, 0) <= 0);
	printf("%.2f s to learn it; ", lab_seconds() - start);
	CU_ASSERT(lab_seconds() - start < 10);
	close(fd);
	fd = open_server();
	close(fd);
}

static void test_stop(void)
{
	int fd = open_server();
	u8 byte;

	command(fd, 'E', 0);
	double start = lab_seconds();
	CU_ASSERT_EQUAL(lab_edge_stop(&lab, LAB_CLIENT), 0);
	CU_ASSERT(lab_seconds() - start < 4);
	CU_ASSERT(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	/* A restarted terminus does not know its former connections, and says so. */
	lab_edge_start(&lab, LAB_CLIENT);
	fd = open_server();
	command(fd, 'E', 0);
	CU_ASSERT_EQUAL(lab_edge_stop(&lab, LAB_TERMINUS), 0);
	CU_ASSERT(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	lab_edge_start(&lab, LAB_TERMINUS);
	fd = open_server();
	close(fd);
}

static const struct fog_test tests[] = {
	FOG_TEST(test_life_cycle),      FOG_TEST(test_upload),
	FOG_TEST(test_refusals),        FOG_TEST(test_many_streams),
	FOG_TEST(test_relay_killed),    FOG_TEST(test_relay_killed_upload),
	FOG_TEST(test_circuit_silent),  FOG_TEST(test_dataplane_restarted),
	FOG_TEST(test_control_away),    FOG_TEST(test_job_channel),
	FOG_TEST(test_questions),       FOG_TEST(test_wrong_key),
	FOG_TEST(test_terminus_killed), FOG_TEST(test_stop),
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FOG-DATAPLANE FOG-EDGE\n", argv[0]);
		return 2;
	}
	lab_start(&lab, argv[1], argv[2]);
	int status = fog_test_run("dataplane/edge/edge", tests, FOG_ARRAY_COUNT(tests));
	lab_stop(&lab);
	return status;
}
