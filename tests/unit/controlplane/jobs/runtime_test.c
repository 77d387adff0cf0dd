/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hosts in one process with real stores on disk, real fog-exec and real sockets. Where the fog
 * would be there is a thread that splices edge.sock of one to jobs.sock of the other. */
#include "controlplane/jobs/runtime.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define WAIT_MS 20000

struct host {
	u32 index;
	char dir[128];
	struct fog_identity identity;
	struct fog_store *store;
	struct fog_gateway *gateway;
	struct fog_jobs_runtime *rt;
};

static struct ev_loop *loop;
static char root[] = "/tmp/fog-jobs-runtime-XXXXXX";
static struct host hosts[2];
static _Atomic bool edge_down;
static bool directory_empty;
static int edge_listen = -1;
static pthread_t edge_thread;

/* ---- the fog between them ------------------------------------------------------------------- */

static int unix_socket(const char *path, bool serve)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	int rc = serve ? bind(fd, (struct sockaddr *)&sa, sizeof(sa))
		       : connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (rc == 0 && serve)
		rc = listen(fd, 16);
	if (rc != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void line_take(int fd)
{
	char c = 0;

	while (c != '\n' && read(fd, &c, 1) == 1)
		;
}

static bool move(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n <= 0)
		return false;
	for (ssize_t done = 0; done < n;) {
		ssize_t w = send(to, buf + done, (size_t)(n - done), MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		done += w;
	}
	return true;
}

static void *splice_run(void *arg)
{
	static const char accept_line[] = "{\"op\":\"accept\",\"service\":\"job\"}\n";
	static const char ok[] = "{\"ok\":true,\"path\":[\"aa\",\"bb\",\"cc\"],\"circuit\":1}\n";
	int near = (int)(intptr_t)arg;
	char path[160];

	snprintf(path, sizeof(path), "%s/1/jobs.sock", root);
	line_take(near);
	int far = edge_down ? -1 : unix_socket(path, false);
	if (far < 0) {
		static const char no[] = "{\"ok\":false,\"error\":\"no way there\"}\n";
		(void)!write(near, no, sizeof(no) - 1);
		close(near);
		return NULL;
	}
	(void)!write(far, accept_line, sizeof(accept_line) - 1);
	line_take(far);
	(void)!write(near, ok, sizeof(ok) - 1);
	bool open[2] = {true, true};
	while ((open[0] || open[1]) && !edge_down) {
		struct pollfd p[2] = {{open[0] ? near : -1, POLLIN, 0},
				      {open[1] ? far : -1, POLLIN, 0}};
		poll(p, 2, 50);
		for (u32 i = 0; i < 2; i++)
			if (p[i].revents != 0 && !move(i == 0 ? near : far, i == 0 ? far : near)) {
				shutdown(i == 0 ? far : near, SHUT_WR);
				open[i] = false;
			}
	}
	close(near);
	close(far);
	return NULL;
}

static void *edge_run(void *arg)
{
	for (;;) {
		pthread_t t;
		int fd = accept(edge_listen, NULL, NULL);
		if (fd < 0)
			return NULL;
		if (pthread_create(&t, NULL, splice_run, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	}
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static u32 hosts_list(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	for (u32 i = 0; i < 2 && !directory_empty; i++) {
		memset(&out[i], 0, sizeof(out[i]));
		memcpy(out[i].id, hosts[i].identity.node_id, 32);
		snprintf(out[i].name, sizeof(out[i].name), "host%u", i);
		out[i].roles = FOG_PLACEMENT_ROLE_WORKER;
		out[i].alive = true;
		out[i].cpu_milli = 4000;
		out[i].memory_bytes = 1ull << 30;
		out[i].price.cpu_hour = 36000;
	}
	return directory_empty ? 0 : 2;
}

static const char *host_name(void *context, const u8 node[32])
{
	return memcmp(node, hosts[0].identity.node_id, 32) == 0 ? "host0" : "host1";
}

static void host_start(struct host *h)
{
	char path[4][160], why[FOG_JOBS_RUNTIME_WHY];
	static const char *const names[] = {"edge.sock", "jobs.sock", "spool", "fog.db"};

	for (u32 i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%s", h->dir, names[i]);
	struct fog_jobs_runtime_config c = {
		.loop = loop,
		.identity = &h->identity,
		.edge_sock = path[0],
		.jobs_sock = path[1],
		.spool_dir = path[2],
		.exec_path = FOG_EXEC_PATH,
		.hosts = hosts_list,
		.host_name = host_name,
		.engine =
			{
				.attempts_max = 3,
				.queue_max = 100,
				.user_grant = 1000000,
				.worker = true,
				.cpu_milli = 4000,
				.memory_bytes = 1ull << 30,
				.works_max = 4,
				.price.cpu_hour = 36000,
			},
	};
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&h->store, path[3], why), 0);
	c.store = h->store;
	int rc = fog_jobs_runtime_start(&h->rt, &c, why);
	if (rc != 0)
		printf("\n%s\n", why);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_new(&h->gateway, loop), 0);
	fog_jobs_runtime_routes(h->rt, h->gateway);
	snprintf(path[0], sizeof(path[0]), "%s/api.sock", h->dir);
	int fd = fog_unix_listen(path[0], 8);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_listen(h->gateway, fd), 0);
}

/* As a crash: nothing is told to anybody. */
static void host_stop(struct host *h)
{
	fog_gateway_free(h->gateway);
	fog_jobs_runtime_stop(h->rt);
	fog_store_close(h->store);
	h->gateway = NULL;
	h->rt = NULL;
	h->store = NULL;
}

static void fog_start(void)
{
	char path[160];

	snprintf(root, sizeof(root), "/tmp/fog-jobs-runtime-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	fog_log_set_level(FOG_LOG_ERROR);
	edge_down = false;
	loop = ev_loop_new(EVFLAG_AUTO);
	for (u32 i = 0; i < 2; i++) {
		struct host *h = &hosts[i];
		u8 seed[FOG_SIGN_SEED_SIZE];
		memset(h, 0, sizeof(*h));
		h->index = i;
		snprintf(h->dir, sizeof(h->dir), "%s/%u", root, i);
		CU_ASSERT_EQUAL_FATAL(mkdir(h->dir, 0700), 0);
		fog_random_bytes(seed, sizeof(seed));
		fog_sign_keypair(h->identity.node_id, h->identity.sign_sk, seed);
		host_start(h);
	}
	snprintf(path, sizeof(path), "%s/0/edge.sock", root);
	edge_listen = unix_socket(path, true);
	CU_ASSERT_FATAL(edge_listen >= 0);
	pthread_create(&edge_thread, NULL, edge_run, NULL);
}

static void fog_stop(void)
{
	edge_down = true;
	shutdown(edge_listen, SHUT_RDWR);
	pthread_join(edge_thread, NULL);
	close(edge_listen);
	for (u32 i = 0; i < 2; i++)
		host_stop(&hosts[i]);
	ev_loop_destroy(loop);
	usleep(120000); /* splices see edge_down */
	fog_test_tree_remove(root);
}

static void loop_run(u32 ms)
{
	ev_now_update(loop);
	double end = ev_now(loop) + ms / 1000.0;

	while (ev_now(loop) < end) {
		ev_run(loop, EVRUN_NOWAIT);
		usleep(2000);
		ev_now_update(loop);
	}
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

/* The body of the answer, to free(). */
static char *http(struct host *h, const char *method, const char *path, const char *body,
		  unsigned *status)
{
	char socket_path[160], *answer = malloc(1 << 20);
	size_t used = 0;
	ssize_t n;

	snprintf(socket_path, sizeof(socket_path), "%s/api.sock", h->dir);
	int fd = unix_socket(socket_path, false);
	CU_ASSERT_FATAL(fd >= 0);
	dprintf(fd,
		"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
		"application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		method, path, strlen(body), body);
	while ((n = recv(fd, answer + used, (1 << 20) - 1 - used, MSG_DONTWAIT)) != 0) {
		if (n > 0)
			used += (size_t)n;
		else
			loop_run(3);
	}
	close(fd);
	answer[used] = '\0';
	*status = 0;
	sscanf(answer, "HTTP/1.1 %u", status);
	char *start = strstr(answer, "\r\n\r\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(start);
	memmove(answer, start + 4, strlen(start + 4) + 1);
	return answer;
}

static json_t *http_json(struct host *h, const char *method, const char *path, const char *body,
			 unsigned want)
{
	unsigned status;
	char *text = http(h, method, path, body, &status);
	json_t *v = json_loads(text, 0, NULL);

	if (status != want)
		printf("\n%s %s: %u %s\n", method, path, status, text);
	CU_ASSERT_EQUAL_FATAL(status, want);
	free(text);
	return v;
}

static const char *field(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "";
}

static json_t *job_wait(const char *id, const char *state)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	for (u32 ms = 0; ms < WAIT_MS; ms += 50) {
		json_t *job = http_json(&hosts[0], "GET", path, "", 200);
		if (strcmp(field(job, "state"), state) == 0)
			return job;
		json_decref(job);
		loop_run(50);
	}
	json_t *job = http_json(&hosts[0], "GET", path, "", 200);
	char *text = json_dumps(job, JSON_INDENT(1));
	printf("\nnot %s: %s\n", state, text);
	free(text);
	json_decref(job);
	CU_FAIL_FATAL("the job did not come to that");
	return NULL;
}

static i64 balance(struct host *h, const char *account)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "SELECT balance FROM ledger_account WHERE name = ?");
	i64 value = 0;

	fog_bind_text(q, account);
	if (fog_stmt_step(q) == 1) {
		value = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return value;
}

static void host_account(u32 index, char out[80])
{
	memcpy(out, "host:", 5);
	(void)fog_hex_encode(hosts[index].identity.node_id, 32, out + 5, 75);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void logs_check(const char *id, const char *want_out, const char *want_err)
{
	char path[160];
	unsigned status;

	snprintf(path, sizeof(path), "/v1/jobs/%s/logs?stream=stdout", id);
	char *out = http(&hosts[0], "GET", path, "", &status);
	CU_ASSERT_STRING_EQUAL(out, want_out);
	free(out);
	snprintf(path, sizeof(path), "/v1/jobs/%s/logs?stream=stderr&offset=1", id);
	out = http(&hosts[0], "GET", path, "", &status);
	CU_ASSERT_STRING_EQUAL(out, want_err + 1);
	free(out);
}

/* Over the "fog": to the other host, with input, both outputs, receipt, pay and reputation. */
static void test_life_cycle(void)
{
	char account[80];

	fog_start();
	json_t *job = http_json(&hosts[0], "POST", "/v1/jobs",
				"{\"id\":\"one\",\"argv\":[\"sh\",\"-c\",\"sort; echo done >&2\"],"
				"\"stdin_base64\":\"YgphCg==\",\"limits\":{\"wall_seconds\":10}}",
				201);
	CU_ASSERT_STRING_EQUAL(field(job, "id"), "one");
	json_decref(job);
	job = job_wait("one", "succeeded");
	json_t *attempt = json_array_get(json_object_get(job, "attempts"), 0);
	CU_ASSERT_STRING_EQUAL(field(attempt, "worker_name"), "host1");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(attempt, "path")), 3);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(attempt, "exit")), 0);
	CU_ASSERT_TRUE(
		json_is_true(json_object_get(json_object_get(attempt, "sandbox"), "seccomp")));
	i64 paid = json_integer_value(json_object_get(job, "paid"));
	CU_ASSERT(paid >= 1);
	CU_ASSERT(json_real_value(json_object_get(attempt, "reputation_after")) >
		  json_real_value(json_object_get(attempt, "reputation_before")));
	json_decref(job);
	logs_check("one", "a\nb\n", "done\n");
	loop_run(300); /* the settlement travels */
	host_account(1, account);
	CU_ASSERT_EQUAL(balance(&hosts[0], "user:local"), 1000000 - paid);
	CU_ASSERT_EQUAL(balance(&hosts[0], account), paid);
	CU_ASSERT_EQUAL(balance(&hosts[0], "escrow:one"), 0);
	CU_ASSERT_EQUAL(balance(&hosts[1], account), paid);
	/* The same again is the same job. */
	job = http_json(&hosts[0], "POST", "/v1/jobs",
			"{\"id\":\"one\",\"argv\":[\"sh\",\"-c\",\"sort; echo done >&2\"],"
			"\"stdin_base64\":\"YgphCg==\",\"limits\":{\"wall_seconds\":10}}",
			200);
	CU_ASSERT_STRING_EQUAL(field(job, "state"), "succeeded");
	json_decref(job);
	fog_stop();
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *method, *path, *body;
		unsigned status;
		const char *detail;
	} cases[] = {
		{"POST", "/v1/jobs", "{}", 400, "argv: missing"},
		{"POST", "/v1/jobs", "[]", 400, "body: Input should be a valid dictionary"},
		{"POST", "/v1/jobs", "{\"argv\":[\"x\"],\"limits\":{\"memory_mb\":-1}}", 400,
		 "limits.memory_mb: must be a whole number from 4 to 16777216"},
		{"GET", "/v1/jobs/none", "", 404, "no job \"none\""},
		{"GET", "/v1/jobs/none/logs", "", 404, "no job \"none\""},
		{"POST", "/v1/jobs/none/cancel", "", 404, "no job \"none\""},
		{"GET", "/v1/jobs?state=asleep", "", 400, "state: no state \"asleep\""},
		{"GET", "/v1/jobs/none/logs?stream=stdin", "", 400,
		 "query.stream: Input should be one of stdout|stderr"},
		{"GET", "/v1/accounts/user:nobody/entries", "", 404, "no account \"user:nobody\""},
		{"GET", "/v1/receipts/none", "", 404, "no receipt of a job \"none\""},
		{"GET", "/v1/reputation/xy/evidence", "", 400,
		 "path.node: String should have at least 64 characters"},
	};

	fog_start();
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		json_t *v = http_json(&hosts[0], cases[i].method, cases[i].path, cases[i].body,
				      cases[i].status);
		CU_ASSERT_STRING_EQUAL(field(v, "detail"), cases[i].detail);
		json_decref(v);
	}
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs",
			      "{\"id\":\"a\",\"argv\":[\"true\"],\"target\":\"nobody\"}", 201));
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs",
			      "{\"id\":\"a\",\"argv\":[\"false\"],\"target\":\"nobody\"}", 409));
	loop_run(200);
	json_t *job = http_json(&hosts[0], "GET", "/v1/jobs/a", "", 200);
	CU_ASSERT_STRING_EQUAL(field(job, "reason"), "of 2 hosts: 2 not the requested host");
	json_decref(job);
	fog_stop();
}

/* Here, without any network; the other endings of a program. */
static void test_local(void)
{
	static const struct {
		const char *id, *argv, *state, *reason;
	} cases[] = {
		{"ok", "[\"true\"]", "succeeded", "done"},
		{"bad", "[\"sh\",\"-c\",\"exit 7\"]", "failed", "exit code 7"},
		{"slow", "[\"sleep\",\"30\"]", "failed", "time limit: "},
		{"none", "[\"no-such-program\"]", "failed", "exec no-such-program"},
	};
	char body[256];

	fog_start();
	edge_down = true;
	directory_empty = true;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		snprintf(body, sizeof(body),
			 "{\"id\":\"%s\",\"argv\":%s,\"target\":\"self\","
			 "\"limits\":{\"wall_seconds\":1}}",
			 cases[i].id, cases[i].argv);
		json_decref(http_json(&hosts[0], "POST", "/v1/jobs", body, 201));
		json_t *job = job_wait(cases[i].id, cases[i].state);
		CU_ASSERT_EQUAL(
			strncmp(field(job, "reason"), cases[i].reason, strlen(cases[i].reason)), 0);
		CU_ASSERT_STRING_EQUAL(field(job, "worker_name"), "self");
		json_decref(job);
	}
	char why[FOG_STORE_WHY_SIZE];
	CU_ASSERT_EQUAL(fog_jobs_audit(hosts[0].store, why), 0);
	directory_empty = false;
	fog_stop();
}

static void test_cancel(void)
{
	fog_start();
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs",
			      "{\"id\":\"c\",\"argv\":[\"sleep\",\"60\"]}", 201));
	json_decref(job_wait("c", "running"));
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs/c/cancel", "", 200));
	json_t *job = job_wait("c", "cancelled");
	CU_ASSERT(json_integer_value(json_object_get(job, "paid")) >= 1);
	json_decref(job);
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs/c/cancel", "", 200));
	CU_ASSERT_EQUAL(balance(&hosts[0], "escrow:c"), 0);
	fog_stop();
}

/* Both control planes go away while the job runs, and the network too. It runs on. */
static void test_restart(void)
{
	fog_start();
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs",
			      "{\"id\":\"r\",\"argv\":[\"sh\",\"-c\","
			      "\"echo first; sleep 2; echo last\"]}",
			      201));
	json_decref(job_wait("r", "running"));
	edge_down = true;
	host_stop(&hosts[1]);
	host_stop(&hosts[0]);
	usleep(200000);
	host_start(&hosts[0]);
	loop_run(300);
	host_start(&hosts[1]);
	edge_down = false;
	json_t *job = job_wait("r", "succeeded");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(job, "attempt_count")), 1);
	json_decref(job);
	unsigned status;
	char *out = http(&hosts[0], "GET", "/v1/jobs/r/logs", "", &status);
	CU_ASSERT_STRING_EQUAL(out, "first\nlast\n");
	free(out);
	fog_stop();
}

/* What the lists and the books show after one job. */
static void test_views(void)
{
	fog_start();
	json_decref(http_json(&hosts[0], "POST", "/v1/jobs",
			      "{\"id\":\"v\",\"argv\":[\"true\"],\"name\":\"viewed\"}", 201));
	json_decref(job_wait("v", "succeeded"));
	json_t *v = http_json(&hosts[0], "GET", "/v1/jobs?state=succeeded&limit=1", "", 200);
	json_t *row = json_array_get(json_object_get(v, "jobs"), 0);
	CU_ASSERT_STRING_EQUAL(field(row, "name"), "viewed");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(row, "attempts")), 1);
	json_decref(v);
	v = http_json(&hosts[0], "GET", "/v1/accounts", "", 200);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(v, "accounts")), 4);
	json_decref(v);
	v = http_json(&hosts[0], "GET", "/v1/accounts/user:local/entries", "", 200);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(v, "entries")), 3);
	json_decref(v);
	v = http_json(&hosts[0], "GET", "/v1/ledger/entries?limit=2", "", 200);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(v, "entries")), 2);
	row = json_array_get(json_object_get(v, "entries"), 0);
	CU_ASSERT_STRING_EQUAL(field(row, "kind"), "settle");
	CU_ASSERT_STRING_EQUAL(field(row, "job"), "v");
	json_decref(v);
	v = http_json(&hosts[0], "GET", "/v1/reputation", "", 200);
	row = json_array_get(json_object_get(v, "reputation"), 0);
	CU_ASSERT_STRING_EQUAL(field(row, "name"), "host1");
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(row, "alpha")), 2, 1e-6);
	json_decref(v);
	v = http_json(&hosts[0], "GET", "/v1/receipts/v", "", 200);
	row = json_array_get(json_object_get(v, "receipts"), 0);
	u8 signature[64], message[FOG_PAPER_SIZE_MAX];
	CU_ASSERT_EQUAL(fog_hex_decode(field(row, "signature"), signature, 64), 0);
	u32 len = fog_paper_message(field(row, "label"), field(row, "text"), message);
	CU_ASSERT_EQUAL(fog_sign_verify(signature, message, len, hosts[1].identity.node_id), 0);
	CU_ASSERT_TRUE(json_is_object(json_object_get(row, "settlement")));
	json_decref(v);
	fog_stop();
}

FOG_TEST_MAIN("controlplane/jobs/runtime", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_local), FOG_TEST(test_cancel), FOG_TEST(test_restart),
	      FOG_TEST(test_views))
