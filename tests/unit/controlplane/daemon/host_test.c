/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole control plane in this process, without data plane and with a hand-made edge. The lab
 * tests run it with the others. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/tee.h"
#include "crypto/mem.h"
#include "tests/unit/fog_loop.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

static struct ev_loop *loop;
static struct fog_host *host;
static char dir[64], conf[96], why[FOG_HOST_WHY_SIZE];
static u16 port;

static void conf_write(const char *name, const char *more)
{
	FILE *f = fopen(conf, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"host = { name = \"%s\"; run_dir = \"%s\"; state_dir = \"%s/state\"; };\n"
		"dataplane = { listen = \"127.0.0.1:9\"; };\n"
		"gateway = { listen = \"\"; };\n"
		"control = { listen = \"127.0.0.1:%u\"; };\n"
		"roles = { enable = (\"relay\", \"exit\"); };\n%s",
		name, dir, dir, port, more);
	fclose(f);
}

static int try_start(struct fog_host **out)
{
	struct fog_config config;

	CU_ASSERT_EQUAL_FATAL(fog_config_read(&config, conf, stdout), 0);
	int rc = fog_host_start(out, loop, &config, conf, why);
	fog_config_free(&config);
	return rc;
}

static void start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-host-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s/fog.conf", dir);
	port = fog_test_free_port();
	loop = ev_loop_new(EVFLAG_AUTO);
	fog_log_set_level(FOG_LOG_ERROR);
	conf_write("alpha", "");
	CU_ASSERT_EQUAL_FATAL(try_start(&host), 0);
}

static void stop(void)
{
	static const char *const files[] = {"fog.conf",
					    "state/identity.key",
					    "state/identity.new",
					    "state/fog.db",
					    "state/lock",
					    "state/gateway.secret",
					    "state/jobs",
					    "state",
					    ""};
	char path[128];

	fog_host_stop(host);
	host = NULL;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		/* The last removes the folder: nothing else may be left in it. */
		CU_ASSERT_EQUAL(remove(path), 0);
	}
	ev_loop_destroy(loop);
}

static char reply[65536];
static size_t reply_used;

/* More of the answer; true when the server closed. */
static bool reply_read(int fd)
{
	ssize_t n = recv(fd, reply + reply_used, sizeof(reply) - 1 - reply_used, MSG_DONTWAIT);

	if (n > 0)
		reply_used += (size_t)n;
	reply[reply_used] = '\0';
	return n == 0;
}

/* One request over api.sock; returns the status, the answer is in `reply`. */
static int http(const char *method, const char *target)
{
	char path[96], request[256];
	int status = 0;

	snprintf(path, sizeof(path), "%s/api.sock", dir);
	int fd = fog_unix_connect(path);
	CU_ASSERT_FATAL(fd >= 0);
	int n = snprintf(request, sizeof(request),
			 "%s %s HTTP/1.1\r\nHost: fog\r\nConnection: close\r\n\r\n", method,
			 target);
	CU_ASSERT_EQUAL(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	reply_used = 0;
	RUN_UNTIL(reply_read(fd));
	close(fd);
	CU_ASSERT_EQUAL(sscanf(reply, "HTTP/1.1 %d", &status), 1);
	return status;
}

static bool said(const char *text)
{
	return strstr(reply, text) != NULL;
}

static int edge_connect(void)
{
	char path[96];
	static const char hello[] =
		"{\"op\":\"hello\",\"version\":1,\"quic_pk\":"
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}\n";

	snprintf(path, sizeof(path), "%s/control.sock", dir);
	int fd = fog_unix_connect(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL), sizeof(hello) - 1);
	RUN_UNTIL(fog_edge_server_connected(host->edge));
	return fd;
}

/* The next line from the host, up to 4 KiB; the topology of the mixnet comes when it likes. */
static const char *line_from(int fd)
{
	static char line[4096];
	size_t used = 0;

	for (int i = 0; i < 2000 && used < sizeof(line) - 1; i++) {
		ssize_t n = recv(fd, line + used, 1, MSG_DONTWAIT);
		if (n == 1 && line[used++] == '\n') {
			line[used] = '\0';
			if (strstr(line, "\"op\":\"mixnet\"") == NULL)
				break;
			used = 0;
		}
		if (n < 0)
			ev_run(loop, EVRUN_NOWAIT);
	}
	line[used] = '\0';
	return line;
}

static void test_life_cycle(void)
{
	struct fog_host *other;
	struct stat st;
	char path[96];

	start();
	CU_ASSERT_EQUAL(http("GET", "/v1/status"), 200);
	CU_ASSERT(said("\"name\":\"alpha\""));
	CU_ASSERT(said("\"attached\":false"));
	CU_ASSERT(said("\"connected\":false"));
	CU_ASSERT_EQUAL(http("GET", "/v1/hosts"), 200);
	CU_ASSERT(said("{\"hosts\":[],\"next\":null}"));
	CU_ASSERT_EQUAL(http("GET", "/v1/hosts/alpha"), 404);
	CU_ASSERT_EQUAL(http("GET", "/v1/links"), 200);
	CU_ASSERT(said("{\"links\":[],\"next\":null}"));
	CU_ASSERT_EQUAL(http("GET", "/v1/circuits"), 503);
	CU_ASSERT(said("no fog-edge is connected"));
	CU_ASSERT_EQUAL(http("POST", "/v1/circuits/1/close"), 503);
	CU_ASSERT_EQUAL(http("DELETE", "/v1/circuits/x"), 400);
	CU_ASSERT_EQUAL(http("GET", "/metrics"), 200);
	CU_ASSERT(said("\nfog_dataplane_up 0\n"));
	CU_ASSERT(said("text/plain; version=0.0.4"));
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(try_start(&other), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "another control plane"));
	stop();
	fog_host_stop(NULL);
}

static void test_edge(void)
{
	start();
	int fd = edge_connect();
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"op\":\"config\""));
	static const struct {
		const char *ask, *says;
	} cases[] = {
		{"\"purpose\":\"exit\",\"host\":\"a\",\"port\":80", "no exit reaches"},
		{"\"purpose\":\"exit\",\"host\":\"a\"", "port wants"},
		{"\"purpose\":\"exit\",\"port\":0", "port wants"},
		{"\"purpose\":\"party\"", "purpose wants"},
		{"\"hops\":3", "purpose wants"},
		{"\"purpose\":\"node\",\"target\":\"x\"", "target wants"},
		{"\"purpose\":\"node\"", "wants a target"},
		{"\"purpose\":\"job\",\"hops\":9", "hops wants"},
		{"\"purpose\":\"job\",\"hops\":\"3\"", "hops wants"},
		{"\"purpose\":\"job\",\"exclude\":7", "exclude wants"},
		{"\"purpose\":\"job\",\"exclude\":[7]", "exclude holds"},
		{"\"purpose\":\"job\",\"exclude\":null,\"target\":null",
		 "no worker can be reached"},
	};
	char text[256], hex[65];
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int n = snprintf(text, sizeof(text), "{\"op\":\"route\",\"id\":%u,%s}\n", i,
				 cases[i].ask);
		CU_ASSERT_EQUAL(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
		const char *answer = line_from(fd);
		if (strstr(answer, cases[i].says) == NULL)
			printf("case %u: %s", i, answer);
		CU_ASSERT_PTR_NOT_NULL(strstr(answer, cases[i].says));
		CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\"ok\":false"));
	}
	int n = snprintf(text, sizeof(text),
			 "{\"op\":\"route\",\"id\":1,\"purpose\":\"node\",\"target\":\"%s\"}\n",
			 fog_node_id_hex(host->id.node_id, hex));
	CU_ASSERT_EQUAL(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "the target is this host"));
	close(fd);
	RUN_UNTIL(!fog_edge_server_connected(host->edge));
	stop();
}

#define BAD_MIX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static bool evidence_told(const char *text)
{
	return http("GET", "/v1/reputation/" BAD_MIX "/evidence") == 200 && said(text);
}

static double score(void)
{
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/reputation/score/" BAD_MIX), 200);
	const char *at = strstr(reply, "\"mean\":");
	return at != NULL ? strtod(at + strlen("\"mean\":"), NULL) : -1;
}

/* A mix that the edge's loops found wanting loses reputation; nonsense changes nothing. */
static void test_suspect(void)
{
	static const char *const nonsense[] = {
		"\"kind\":\"lost\",\"loops\":10,\"bad\":5",
		"\"node_id\":\"zz\",\"kind\":\"lost\",\"loops\":10,\"bad\":5",
		"\"node_id\":\"" BAD_MIX "\",\"loops\":10,\"bad\":5",
		"\"node_id\":\"" BAD_MIX "\",\"kind\":\"lost\",\"loops\":0,\"bad\":0",
		"\"node_id\":\"" BAD_MIX "\",\"kind\":\"lost\",\"loops\":10,\"bad\":11",
		"\"node_id\":\"" BAD_MIX "\",\"kind\":\"lost\",\"loops\":10,\"bad\":-1",
	};
	static const char suspect[] =
		"{\"op\":\"suspect\",\"node_id\":\"" BAD_MIX "\",\"kind\":\"altered\","
		"\"loops\":78,\"bad\":15,\"others\":78,\"others_bad\":0}\n";
	char text[256];

	start();
	int fd = edge_connect();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(nonsense); i++) {
		int n = snprintf(text, sizeof(text), "{\"op\":\"suspect\",%s}\n", nonsense[i]);
		CU_ASSERT_EQUAL(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
	}
	double before = score();
	CU_ASSERT_EQUAL(send(fd, suspect, sizeof(suspect) - 1, MSG_NOSIGNAL), sizeof(suspect) - 1);
	RUN_UNTIL(host->mix.suspicions == 1);
	CU_ASSERT(
		evidence_told("altered: 15 of 78 loop messages through it, 0 of 78 of the others"));
	CU_ASSERT(said("\"kind\":\"unavailability\""));
	CU_ASSERT(said("\"job\":\"mix:"));
	CU_ASSERT(score() < before);
	close(fd);
	stop();
}

/* The data plane's keys as if it were attached. */
static void keys_known(void)
{
	memset(host->link_pk, 7, 32);
	memset(host->onion_pk, 8, 32);
	host->dp_keys_known = true;
	fog_host_publish_soon(host);
}

static void test_own_descriptor(void)
{
	start();
	keys_known();
	RUN_UNTIL(fog_directory_count(host->directory) == 1);
	const struct fog_signed_descriptor *s = fog_directory_at(host->directory, 0);
	CU_ASSERT_STRING_EQUAL(s->d.name, "alpha");
	CU_ASSERT(!s->d.has_quic);
	CU_ASSERT_EQUAL(s->d.roles, FOG_ROLE_RELAY | FOG_ROLE_EXIT);
	u64 first = s->d.sequence;
	/* Nothing changed: nothing is published. */
	fog_host_publish_soon(host);
	ev_sleep(0.25);
	ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(fog_directory_at(host->directory, 0)->d.sequence, first);
	/* The edge comes: its key is published. */
	int fd = edge_connect();
	RUN_UNTIL(fog_directory_at(host->directory, 0)->d.has_quic);
	CU_ASSERT(fog_directory_at(host->directory, 0)->d.sequence > first);
	CU_ASSERT_EQUAL(http("GET", "/v1/hosts/alpha"), 200);
	CU_ASSERT(said("\"self\":true"));
	CU_ASSERT(said("\"signature\":"));
	/* A restart keeps what still holds. */
	u64 second = fog_directory_at(host->directory, 0)->d.sequence;
	close(fd);
	fog_host_stop(host);
	CU_ASSERT_EQUAL_FATAL(try_start(&host), 0);
	CU_ASSERT_EQUAL(fog_directory_count(host->directory), 1);
	keys_known();
	ev_sleep(0.25);
	ev_run(loop, EVRUN_ONCE);
	ev_run(loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(fog_directory_at(host->directory, 0)->d.sequence, second);
	stop();
}

static void test_reload(void)
{
	start();
	int fd = edge_connect();
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"allow\":[]"));
	conf_write("beta", "exit = { allow = (\"10.0.0.0/8:80\"); };\n");
	fog_host_reload(host);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"allow\":[\"10.0.0.0/8:80\"]"));
	CU_ASSERT_STRING_EQUAL(host->config.host_name, "alpha");
	CU_ASSERT_EQUAL(host->config.exit_allow.count, 1);
	/* A broken file changes nothing. */
	FILE *f = fopen(conf, "w");
	fputs("host = {", f);
	fclose(f);
	fog_host_reload(host);
	CU_ASSERT_EQUAL(host->config.exit_allow.count, 1);
	close(fd);
	stop();
}

static void test_circuits(void)
{
	char path[96];
	static const char answer[] =
		"{\"op\":\"circuits\",\"id\":1,\"circuits\":[{\"handle\":5,\"path\":[\"zz\"],"
		"\"purpose\":\"exit\"}]}\n{\"op\":\"close\",\"id\":2,\"ok\":false,\"error\":"
		"\"gone\"}\n";

	start();
	int fd = edge_connect();
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "config"));
	/* The answers are written before they are asked for: the ids are known. */
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	int api = fog_unix_connect(path);
	static const char get[] =
		"GET /v1/circuits HTTP/1.1\r\nHost: fog\r\nConnection: close\r\n\r\n";
	CU_ASSERT_EQUAL(send(api, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"op\":\"circuits\""));
	CU_ASSERT_EQUAL(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
	reply_used = 0;
	RUN_UNTIL(reply_read(api));
	CU_ASSERT(said("\"handle\":5"));
	CU_ASSERT(said("\"names\":[\"\"]"));
	CU_ASSERT(said("\"terminus\":[]"));
	close(api);
	/* The edge dies while it is asked. */
	api = fog_unix_connect(path);
	CU_ASSERT_EQUAL(send(api, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"op\":\"circuits\""));
	close(fd);
	reply_used = 0;
	RUN_UNTIL(reply_read(api));
	CU_ASSERT(said(" 503 "));
	close(api);
	/* We stop while an edge is asked. */
	fd = edge_connect();
	api = fog_unix_connect(path);
	CU_ASSERT_EQUAL(send(api, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "config"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line_from(fd), "\"op\":\"circuits\""));
	stop();
	close(fd);
	close(api);
}

/* The first block of an epoch gives the beacon of its draws, and one epoch has one beacon. */
static void test_beacon(void)
{
	static const u8 first[32] = {1}, second[32] = {2};
	struct fog_beacon expected;
	struct fog_report r = {0};

	start();
	u64 now_ms = fog_loop_now_ms(loop), begin_ms = now_ms - now_ms % FOG_EPOCH_MS;
	fog_host_draws_block(host, 9, begin_ms, first); /* perhaps not the first: who knows */
	CU_ASSERT_EQUAL(host->draws->agreed.epoch, 0);
	fog_host_draws_block(host, 10, begin_ms - 1, first);
	fog_host_draws_block(host, 12, begin_ms, first); /* one is missing */
	CU_ASSERT_EQUAL(host->draws->agreed.epoch, 0);
	fog_host_draws_block(host, 20, begin_ms - 1, first);
	fog_host_draws_block(host, 21, begin_ms, second);
	fog_host_draws_block(host, 22, begin_ms + 1, first);
	fog_beacon_agree(fog_epoch_of(begin_ms), second, &expected);
	CU_ASSERT_EQUAL(memcmp(&host->draws->agreed, &expected, sizeof(expected)), 0);
	/* Kept over a restart. */
	fog_host_stop(host);
	CU_ASSERT_EQUAL_FATAL(try_start(&host), 0);
	CU_ASSERT_EQUAL(memcmp(&host->draws->agreed, &expected, sizeof(expected)), 0);
	fog_host_draws_update(host, &r);
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/vrf/status"), 200);
	CU_ASSERT(said("\"beacon_source\":\"quorum\""));
	fog_host_draws_block(host, 1, begin_ms + FOG_EPOCH_MS, first); /* the next one, early */
	fog_host_draws_update(host, &r);
	CU_ASSERT_EQUAL(r.draw_epoch, expected.epoch);
	CU_ASSERT_EQUAL(memcmp(&host->draws->committee.beacon, &expected, sizeof(expected)), 0);
	stop();
}

static void list_write(const char *path, const char *text)
{
	const struct timespec when[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, when, 0), 0);
}

/* A directory that is wrong when we begin is read again, also when it looks the same. */
static void test_collateral(void)
{
	char lists[80], path[96], more[128];

	start();
	fog_host_stop(host);
	snprintf(lists, sizeof(lists), "%s/lists", dir);
	snprintf(path, sizeof(path), "%s/a.revoked", lists);
	CU_ASSERT_EQUAL(mkdir(lists, 0700), 0);
	list_write(path, "none\n");
	snprintf(more, sizeof(more), "tee = { collateral = \"%s\"; };\n", lists);
	conf_write("alpha", more);
	CU_ASSERT_EQUAL_FATAL(try_start(&host), 0);
	CU_ASSERT_PTR_NULL(host->tee->collateral);
	CU_ASSERT_PTR_NOT_NULL(strstr(host->tee->collateral_why, "a.revoked"));
	list_write(path, "#one\n");
	fog_host_tee_reload(host);
	CU_ASSERT_PTR_NOT_NULL(host->tee->collateral);
	CU_ASSERT_STRING_EQUAL(host->tee->collateral_why, "");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(lists), 0);
	stop();
}

/* Who was here before stays so when the component starts again, and the beacon stays. */
static void test_draws_restart(void)
{
	u8 beta[FOG_VRF_OUTPUT_SIZE];
	struct fog_report r = {0};

	start();
	fog_host_draws_update(host, &r);
	u64 epoch = host->draws->beacon.epoch;
	const struct fog_beacon before = host->draws->beacon;
	fog_lots_offer(host->draws->lots, host->id.node_id, &r, 0);
	while (fog_lots_check(host->draws->lots) != 0)
		;
	CU_ASSERT_TRUE(fog_lots_find(host->draws->lots, FOG_DRAW_MIX, epoch, host->id.node_id, NULL,
				     beta));
	fog_host_draws_restart(host);
	CU_ASSERT_TRUE(fog_lots_find(host->draws->lots, FOG_DRAW_MIX, epoch, host->id.node_id, NULL,
				     beta));
	CU_ASSERT_EQUAL(memcmp(&host->draws->beacon, &before, sizeof(before)), 0);
	CU_ASSERT_EQUAL(host->draws->neighbours.beacon.epoch, 0);
	stop();
}

/* What a host has bonded on the chain counts in the draws. */
static void test_stake(void)
{
	u8 nobody[32] = {7};

	start();
	CU_ASSERT_EQUAL(fog_host_stake(host, host->id.node_id), 0);
	fog_host_stop(host);
	conf_write("alpha", "ledger = { chain = \"solo\"; };\n");
	CU_ASSERT_EQUAL_FATAL(try_start(&host), 0);
	CU_ASSERT_EQUAL(fog_host_stake(host, host->id.node_id), FOG_CHAIN_SUPPLY / 10 / 1000);
	CU_ASSERT_EQUAL(fog_host_stake(host, nobody), 0);
	fog_host_draws_update(host, &host->report);
	keys_known();
	RUN_UNTIL(fog_directory_count(host->directory) == 1);
	CU_ASSERT_EQUAL(fog_host_committee_weight(host, nobody), 0);
	CU_ASSERT_EQUAL(fog_host_committee_weight(host, host->id.node_id),
			fog_draw_weight(0, FOG_CHAIN_SUPPLY / 10 / 1000));
	CU_ASSERT(fog_host_committee_weight(host, host->id.node_id) > FOG_DRAW_WEIGHT_MIN);
	/* Our lot travels in our descriptor and is checked like any other. */
	RUN_UNTIL(fog_lots_epoch(host->draws->lots, FOG_DRAW_COMMITTEE, 1, fog_loop_now_ms(loop)) !=
		  0);
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/vrf/draws/committee"), 200);
	CU_ASSERT(said("\"selected\":true"));
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/vrf/draws/committee?node_id=alpha"), 200);
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/vrf/draws/committee?node_id=beta"), 404);
	CU_ASSERT_EQUAL(http("GET", "/v1/fog/vrf/draws/mix"), 503); /* fewer than three mixes */
	/* A chain of one host alone can be foretold by that host. */
	CU_ASSERT_EQUAL(host->draws->committee.beacon.source, FOG_BEACON_DERIVED);
	stop();
}

FOG_TEST_MAIN("controlplane/daemon/host", FOG_TEST(test_life_cycle), FOG_TEST(test_edge),
	      FOG_TEST(test_suspect), FOG_TEST(test_own_descriptor), FOG_TEST(test_reload),
	      FOG_TEST(test_circuits), FOG_TEST(test_beacon), FOG_TEST(test_draws_restart),
	      FOG_TEST(test_collateral), FOG_TEST(test_stake))
