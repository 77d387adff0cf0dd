/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a part of a host is away: every component of the control plane restarted in turn over
 * its API while jobs wait in the queue, the slowest counts; and the data plane killed, from there
 * to its being attached again, with the pause its service unit has. The other side is the 2 s that
 * are promised. Real processes, a state directory on disk. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

#define PROMISE_MS   2000.0
#define SAMPLES      5
#define JOBS         200
#define ANSWER_MAX   65536
#define START_MS     20000.0
#define POLL_NS      2000000
#define UNIT_PAUSE_S 0.5 /* RestartSec= of fog-dataplane.service */

static const char *const components[] = {
	"store",           "gateway",           "directory",   "mixnet",
	"proof_generator", "pricing_manager",   "scheduler",   "quorum_manager",
	"onion_router",    "reputation_engine", "vrf_selector"};

static char dir[64];
static pid_t dataplane, controlplane;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void pause_ns(long ns)
{
	const struct timespec ts = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	nanosleep(&ts, NULL);
}

static pid_t start(const char *program, const char *log)
{
	char conf[96], path[96];

	snprintf(conf, sizeof(conf), "%s/fog.conf", dir);
	snprintf(path, sizeof(path), "%s/%s", dir, log);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	FILE *out = freopen(path, "ae", stderr);
	execl(program, program, "--config", conf, (char *)NULL);
	_exit(out != NULL ? 127 : 126);
}

/* One request over api.sock; the answer's status, or 0. answer: [ANSWER_MAX]. */
static int http(const char *method, const char *path, const char *body, char *answer)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char request[1024];
	size_t used = 0;
	ssize_t n;
	int status = 0;

	answer[0] = '\0';
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/api.sock", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	int len = snprintf(request, sizeof(request),
			   "%s %s HTTP/1.1\r\nHost: fog\r\nConnection: close\r\n"
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   method, path, strlen(body), body);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    send(fd, request, (size_t)len, MSG_NOSIGNAL) == len) {
		while (used < ANSWER_MAX - 1 &&
		       (n = recv(fd, answer + used, ANSWER_MAX - 1 - used, 0)) > 0)
			used += (size_t)n;
		answer[used] = '\0';
		if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
			status = 0;
	}
	close(fd);
	return status;
}

static bool attached_within(double ms)
{
	static char answer[ANSWER_MAX];
	double end = now_ms() + ms;

	while (now_ms() < end) {
		if (http("GET", "/v1/status", "", answer) == 200 &&
		    strstr(answer, "\"attached\":true") != NULL)
			return true;
		pause_ns(POLL_NS);
	}
	return false;
}

static bool begin(void)
{
	static char answer[ANSWER_MAX];
	char path[96], body[160];

	snprintf(dir, sizeof(dir), "/tmp/fog-bench-gateway.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/fog.conf", dir);
	FILE *f = fopen(path, "we");
	if (f == NULL)
		return false;
	/* A port of its own: whoever runs a bench runs one at a time. */
	fprintf(f,
		"host = { name = \"bench\"; run_dir = \"%s\"; state_dir = \"%s/state\"; };\n"
		"dataplane = { listen = \"127.0.0.1:47001\"; workers = 1; pin = false; };\n"
		"control = { listen = \"127.0.0.1:47001\"; };\n"
		"roles = { enable = [\"relay\"]; };\nledger = { chain = \"solo\"; };\n",
		dir, dir);
	fclose(f);
	snprintf(path, sizeof(path), "%s/state", dir);
	if (mkdir(path, 0700) != 0)
		return false;
	dataplane = start(FOG_DATAPLANE_PATH, "dataplane.log");
	controlplane = start(FOG_CONTROLPLANE_PATH, "controlplane.log");
	if (dataplane < 0 || controlplane < 0 || !attached_within(START_MS))
		return false;
	for (int i = 0; i < JOBS; i++) {
		snprintf(body, sizeof(body), "{\"id\":\"bench-%d\",\"argv\":[\"true\"]}", i);
		int status = http("POST", "/v1/jobs", body, answer);
		if (status < 200 || status > 299)
			return false;
	}
	return true;
}

static void end(void)
{
	pid_t pids[] = {controlplane, dataplane};
	int status = 1;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(pids); i++) {
		if (pids[i] <= 0)
			continue;
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(stderr, "gateway: %s is left\n", dir);
}

/* The slowest of all components; 0 when one failed. */
static double components_restart(void)
{
	static char answer[ANSWER_MAX];
	double slowest = 0;
	char path[96];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(components); i++) {
		snprintf(path, sizeof(path), "/v1/health/%s/restart", components[i]);
		double from = now_ms();
		if (http("POST", path, "", answer) != 200) {
			fprintf(stderr, "gateway: %s is not restarted: %.300s\n", components[i],
				answer);
			return 0;
		}
		slowest = FOG_MAX(slowest, now_ms() - from);
	}
	return slowest;
}

static double dataplane_restart(void)
{
	double from = now_ms();

	kill(dataplane, SIGKILL);
	waitpid(dataplane, NULL, 0);
	pause_ns((long)(UNIT_PAUSE_S * 1e9));
	dataplane = start(FOG_DATAPLANE_PATH, "dataplane.log");
	return dataplane > 0 && attached_within(START_MS) ? now_ms() - from : 0;
}

static void row(struct bench *b, const struct bench_case *c, double (*measure)(void))
{
	double samples[SAMPLES];

	for (unsigned i = 0; i < SAMPLES; i++) {
		samples[i] = measure();
		if (samples[i] == 0)
			return;
	}
	bench_record(b, c, samples, SAMPLES, PROMISE_MS);
}

void bench_suite_gateway_restart(struct bench *b)
{
	static const struct bench_case component = {
		.name = "gateway.component_restart", .unit = "ms", .peer = "2 s"};
	static const struct bench_case process = {
		.name = "gateway.dataplane_restart", .unit = "ms", .peer = "2 s"};

	if (!bench_wanted(b, component.name) && !bench_wanted(b, process.name))
		return;
	dataplane = controlplane = 0;
	if (begin()) {
		row(b, &component, components_restart);
		row(b, &process, dataplane_restart);
	} else {
		fprintf(stderr, "gateway: no host for it: see the logs before they are removed\n");
	}
	end();
}
