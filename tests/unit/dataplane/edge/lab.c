/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/dataplane/edge/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "dataplane/abi/ring.h"

#define CHECK(cond)                                                                         \
	do {                                                                                \
		if (!(cond)) {                                                              \
			fprintf(stderr, "lab: %s failed at line %d: %s\n", #cond, __LINE__, \
				strerror(errno));                                           \
			exit(3);                                                            \
		}                                                                           \
	} while (0)

static const char *dataplane_path, *edge_path;

double lab_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

u8 lab_pattern(u64 offset)
{
	u64 x = (offset / 8 + 1) * 0x9e3779b97f4a7c15ull;

	return (u8)((x ^ x >> 31) >> (offset % 8 * 8));
}

u64 lab_hash(u64 hash, const void *data, size_t size)
{
	const u8 *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull + 1;
	return hash;
}

/* ---- the control plane's end of a data plane ---------------------------------------------- */

static void command_push(struct lab_host *h, struct fog_command *c)
{
	c->seq = ++h->command_seq;
	CHECK(fog_ring_push(&h->command, c) == 0);
	fog_attachment_wake(&h->control, 0);
}

static void links_set(struct lab *l, unsigned host)
{
	struct lab_host *h = &l->host[host];
	struct fog_command c = {.type = FOG_COMMAND_GENERATION_BEGIN, .generation = 1};

	command_push(h, &c);
	for (unsigned i = 0; i < LAB_HOSTS; i++) {
		/* Client and terminus are no neighbours, or circuits could skip the relays. */
		if (i == host || (i + host == LAB_TERMINUS && i * host == 0))
			continue;
		c = (struct fog_command){.type = FOG_COMMAND_LINK_SET,
					 .generation = 1,
					 .link_id = i + 1,
					 .port = l->host[i].port};
		memcpy(c.node_id, l->host[i].node_id, 32);
		memcpy(c.link_pk, l->host[i].link_pk, 32);
		c.address[10] = c.address[11] = 0xff;
		c.address[12] = 127;
		c.address[15] = 1;
		command_push(h, &c);
	}
	c = (struct fog_command){.type = FOG_COMMAND_GENERATION_END, .generation = 1};
	command_push(h, &c);
}

void lab_snapshot(struct lab *l, unsigned host, u32 link_dead_ms)
{
	struct lab_host *h = &l->host[host];
	struct fog_control_region *own = h->control.own.base;
	struct fog_snapshot s = {.lease_ns = UINT64_MAX,
				 .epoch = 1,
				 .circuit_idle_ms = 60000,
				 .keepalive_ms = 100,
				 .link_dead_ms = link_dead_ms};

	memcpy(s.node_id, h->node_id, 32);
	fog_snapshot_publish(&own->snapshot, &s);
}

static void dataplane_attach(struct lab *l, unsigned host)
{
	struct lab_host *h = &l->host[host];
	struct fog_control_region *own;
	struct fog_data_region *data;
	char path[128], why[256] = "";
	int rc = -1;

	snprintf(path, sizeof(path), "%s/dataplane.sock", h->run);
	(void)LAB_WAIT(10,
		       (rc = fog_attach(&h->control, path, FOG_HELLO_CONTROL, 7, 2000, why)) == 0);
	if (rc != 0)
		fprintf(stderr, "attach: %s\n", why);
	CHECK(rc == 0);
	CHECK(LAB_WAIT(5, fog_attachment_ready(&h->control)));
	own = h->control.own.base;
	data = h->control.peer.base;
	memcpy(h->link_pk, data->link_pk, 32);
	memcpy(h->onion_pk, data->onion_pk, 32);
	lab_snapshot(l, host, LAB_LINK_DEAD_MS);
	fog_ring_producer(&h->command, &own->command_head[0], &data->command_tail[0],
			  own->commands[0], FOG_COMMAND_RING_COUNT, sizeof(struct fog_command));
	h->command_seq = 0;
}

static pid_t spawn(const char *const argv[])
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves nothing */
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static void dataplane_spawn(struct lab_host *h)
{
	char listen[32];
	const char *argv[] = {dataplane_path, "--listen", listen,      "--run-dir", h->run,
			      "--state-dir",  h->run,     "--workers", "1",         "--no-pin",
			      "--log-level",  "error",    NULL};

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", h->port);
	h->dataplane = spawn(argv);
}

void lab_dataplane_start(struct lab *l, unsigned host)
{
	dataplane_spawn(&l->host[host]);
	dataplane_attach(l, host);
	links_set(l, host);
}

void lab_dataplane_kill(struct lab *l, unsigned host)
{
	struct lab_host *h = &l->host[host];

	if (h->dataplane == 0)
		return;
	kill(h->dataplane, SIGKILL);
	waitpid(h->dataplane, NULL, 0);
	h->dataplane = 0;
	fog_detach(&h->control);
}

/* ---- the control plane's end of an edge --------------------------------------------------- */

static int unix_listen(const char *folder, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", folder, name);
	unlink(un.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	CHECK(listen(fd, 16) == 0);
	return fd;
}

int lab_unix(const char *folder, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", folder, name);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void line_out(int fd, json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);

	CHECK(text != NULL);
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0 || errno == EPIPE);
	CHECK(send(fd, "\n", 1, MSG_NOSIGNAL) > 0 || errno == EPIPE);
	free(text);
	json_decref(root);
}

static json_t *hex_json(const u8 *key)
{
	char hex[65];

	fog_hex_encode(key, 32, hex, sizeof(hex));
	return json_string(hex);
}

static void config_send(struct lab *l, struct lab_host *h)
{
	line_out(h->control_conn,
		 json_pack("{s:s, s:o, s:n, s:{s:b, s:[s], s:[s]}, s:i}", "op", "config", "node_id",
			   hex_json(h->node_id), "socks", "exit", "enabled", 1, "allow", l->allow,
			   "deny", "127.0.0.9/32:1-65535", "hops", 3));
}

static bool excluded(const json_t *exclude, const u8 *node_id)
{
	char hex[65];
	size_t i;
	json_t *item;

	fog_hex_encode(node_id, 32, hex, sizeof(hex));
	json_array_foreach(exclude, i, item)
	{
		if (strcmp(json_string_value(item), hex) == 0)
			return true;
	}
	return false;
}

/* Two relays that are neither excluded nor down, then the terminus. */
static void route_answer(struct lab *l, struct lab_host *h, const json_t *request)
{
	const json_t *exclude = json_object_get(request, "exclude");
	json_int_t id = json_integer_value(json_object_get(request, "id"));
	json_t *path = json_array();

	h->routes++;
	for (unsigned k = 1; k < LAB_TERMINUS && json_array_size(path) < 2; k++) {
		struct lab_host *r = &l->host[k];

		if (r->dataplane != 0 && !excluded(exclude, r->node_id))
			json_array_append_new(path, json_pack("{s:o, s:o}", "node_id",
							      hex_json(r->node_id), "onion_pk",
							      hex_json(r->onion_pk)));
	}
	struct lab_host *t = &l->host[LAB_TERMINUS];
	if (json_array_size(path) < 2) {
		json_decref(path);
		h->refused++;
		line_out(h->control_conn, json_pack("{s:s, s:I, s:b, s:s}", "op", "route", "id", id,
						    "ok", 0, "error", "too few relays"));
		return;
	}
	json_array_append_new(path, json_pack("{s:o, s:o}", "node_id", hex_json(t->node_id),
					      "onion_pk", hex_json(t->onion_pk)));
	line_out(h->control_conn,
		 json_pack("{s:s, s:I, s:b, s:o, s:{s:o, s:o}}", "op", "route", "id", id, "ok", 1,
			   "path", path, "terminus", "node_id", hex_json(t->node_id), "quic_pk",
			   hex_json(l->wrong_key ? t->onion_pk : t->quic_pk)));
}

static void line_take(struct lab *l, struct lab_host *h, const char *line, size_t size)
{
	json_t *root = json_loadb(line, size, 0, NULL);
	const char *op = json_string_value(json_object_get(root, "op"));

	CHECK(op != NULL);
	if (strcmp(op, "hello") == 0) {
		const json_t *pk = json_object_get(root, "quic_pk");

		CHECK(fog_hex_decode(json_string_value(pk), h->quic_pk, 32) == 0);
		h->hellos++;
		config_send(l, h);
	} else if (strcmp(op, "route") == 0) {
		route_answer(l, h, root);
	} else if (strcmp(op, "circuit") == 0) {
		const char *event = json_string_value(json_object_get(root, "event"));

		h->built += strcmp(event, "built") == 0;
		h->closed += strcmp(event, "built") != 0;
	} else {
		snprintf(h->answer, sizeof(h->answer), "%.*s", (int)size, line);
	}
	json_decref(root);
}

static void edge_read(struct lab *l, struct lab_host *h)
{
	ssize_t n = recv(h->control_conn, h->line + h->line_size, sizeof(h->line) - h->line_size,
			 MSG_DONTWAIT);
	char *end;

	if (n <= 0) {
		close(h->control_conn);
		h->control_conn = -1;
		h->line_size = 0;
		return;
	}
	h->line_size += (size_t)n;
	while ((end = memchr(h->line, '\n', h->line_size)) != NULL) {
		size_t size = (size_t)(end - h->line) + 1;

		line_take(l, h, h->line, size - 1);
		h->line_size -= size;
		memmove(h->line, h->line + size, h->line_size);
	}
}

/* A job channel at this host's control plane: agrees, then echoes until the end. */
static void *job_serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char data[4096];
	size_t size = 0;
	ssize_t n;

	while (size < sizeof(data) - 1 && memchr(data, '\n', size) == NULL &&
	       (n = recv(fd, data + size, 1, 0)) > 0)
		size += (size_t)n;
	data[size] = '\0';
	if (strcmp(data, "{\"op\":\"accept\",\"service\":\"job\"}\n") == 0) {
		CHECK(send(fd, "{\"ok\":true}\n", 12, MSG_NOSIGNAL) == 12);
		while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
			if (send(fd, data, (size_t)n, MSG_NOSIGNAL) != n)
				break;
		}
	}
	close(fd);
	return NULL;
}

static void detached(void *(*fn)(void *), int fd)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, (void *)(intptr_t)fd) == 0);
	pthread_detach(t);
}

static void control_turn(struct lab *l, const struct pollfd *p)
{
	for (unsigned i = 0; i < LAB_HOSTS; i++) {
		struct lab_host *h = &l->host[i];

		if (p[3 * i].revents != 0 && h->control_listen >= 0) {
			int fd = accept(h->control_listen, NULL, NULL);

			if (fd < 0)
				continue; /* the event was of a former listener */
			if (h->control_conn >= 0)
				close(h->control_conn);
			h->control_conn = fd;
			h->line_size = 0;
		} else if (p[3 * i + 1].revents != 0 && h->control_conn == p[3 * i + 1].fd) {
			edge_read(l, h);
		}
		if (p[3 * i + 2].revents != 0)
			detached(job_serve, accept(h->jobs_listen, NULL, NULL));
	}
}

static void *control_run(void *arg)
{
	struct lab *l = arg;
	struct pollfd p[3 * LAB_HOSTS + 1];
	char byte;

	while (!l->stop) {
		pthread_mutex_lock(&l->lock);
		for (unsigned i = 0; i < LAB_HOSTS; i++) {
			p[3 * i] = (struct pollfd){l->host[i].control_listen, POLLIN, 0};
			p[3 * i + 1] = (struct pollfd){l->host[i].control_conn, POLLIN, 0};
			p[3 * i + 2] = (struct pollfd){l->host[i].jobs_listen, POLLIN, 0};
		}
		pthread_mutex_unlock(&l->lock);
		p[3 * LAB_HOSTS] = (struct pollfd){l->wake[0], POLLIN, 0};
		poll(p, 3 * LAB_HOSTS + 1, -1);
		if (p[3 * LAB_HOSTS].revents != 0)
			CHECK(read(l->wake[0], &byte, 1) == 1);
		pthread_mutex_lock(&l->lock);
		control_turn(l, p);
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

static void wake(struct lab *l)
{
	CHECK(write(l->wake[1], "x", 1) == 1);
}

void lab_control_away(struct lab *l, bool away)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < LAB_HOSTS; i++) {
		struct lab_host *h = &l->host[i];

		if (!h->has_edge)
			continue;
		if (away) {
			shutdown(h->control_conn, SHUT_RDWR);
			close(h->control_listen);
			close(h->control_conn);
			h->control_listen = h->control_conn = -1;
		} else {
			h->control_listen = unix_listen(h->run, "control.sock");
		}
	}
	pthread_mutex_unlock(&l->lock);
	wake(l);
}

bool lab_ask(struct lab *l, unsigned host, const char *line)
{
	struct lab_host *h = &l->host[host];

	pthread_mutex_lock(&l->lock);
	h->answer[0] = '\0';
	CHECK(send(h->control_conn, line, strlen(line), MSG_NOSIGNAL) > 0);
	pthread_mutex_unlock(&l->lock);
	return LAB_WAIT(5, ((volatile char *)h->answer)[0] != '\0');
}

/* ---- the server at the end ---------------------------------------------------------------- */

static void download_serve(int fd, u64 size)
{
	const size_t chunk = 65536;
	u8 *own = malloc(chunk);

	for (u64 done = 0; done < size;) {
		size_t n = FOG_MIN(chunk, (size_t)(size - done));

		for (size_t i = 0; i < n; i++)
			own[i] = lab_pattern(done + i);
		if (send(fd, own, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		done += n;
	}
	free(own);
}

/* 'D' size: the pattern. 'U': read to the end, answer count and hash. 'E': echo. 'R': reset. */
static void *server_serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct linger now = {.l_onoff = 1};
	u8 command, data[65536];
	u64 size, answer[2] = {0};
	ssize_t n;

	if (recv(fd, &command, 1, MSG_WAITALL) != 1 ||
	    recv(fd, &size, sizeof(size), MSG_WAITALL) != sizeof(size))
		command = 0;
	switch (command) {
	case 'D':
		download_serve(fd, size);
		break;
	case 'U':
		while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
			answer[0] += (u64)n;
			answer[1] = lab_hash(answer[1], data, (size_t)n);
		}
		send(fd, answer, sizeof(answer), MSG_NOSIGNAL);
		break;
	case 'E':
		while ((n = recv(fd, data, sizeof(data), 0)) > 0)
			send(fd, data, (size_t)n, MSG_NOSIGNAL);
		break;
	case 'R':
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		break;
	}
	close(fd);
	return NULL;
}

static void *server_run(void *arg)
{
	struct lab *l = arg;

	for (;;) {
		int fd = accept(l->server_fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		detached(server_serve, fd);
	}
}

static int tcp_listen(u16 *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(listen(fd, 64) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
	*port = ntohs(in.sin_port);
	return fd;
}

/* A port that was free a moment ago. */
static u16 port_pick(int type)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
	close(fd);
	return ntohs(in.sin_port);
}

unsigned lab_hop(struct lab *l, unsigned hop)
{
	json_t *root, *circuit;
	unsigned host = LAB_HOSTS;
	u8 id[32];

	CHECK(lab_ask(l, LAB_CLIENT, "{\"op\":\"circuits\",\"id\":1}\n"));
	root = json_loads(l->host[LAB_CLIENT].answer, 0, NULL);
	circuit = json_array_get(json_object_get(root, "circuits"), 0);
	const json_t *hex = json_array_get(json_object_get(circuit, "path"), hop);
	if (json_is_string(hex) && fog_hex_decode(json_string_value(hex), id, 32) == 0) {
		for (unsigned i = 0; i < LAB_HOSTS; i++) {
			if (memcmp(l->host[i].node_id, id, 32) == 0)
				host = i;
		}
	}
	json_decref(root);
	return host;
}

int lab_socks(const struct lab *l, const char *host, u16 port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(l->socks_port)};
	struct timeval limit = {.tv_sec = 60};
	u8 request[300] = {5, 1, 0, 5, 1, 0, 3, (u8)strlen(host)}, reply[12];
	size_t n = 8 + strlen(host);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	memcpy(request + 8, host, strlen(host));
	request[n++] = (u8)(port >> 8);
	request[n++] = (u8)port;
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    send(fd, request, n, MSG_NOSIGNAL) != (ssize_t)n ||
	    recv(fd, reply, sizeof(reply), MSG_WAITALL) != sizeof(reply)) {
		close(fd);
		return -100;
	}
	if (reply[0] == 5 && reply[1] == 0 && reply[2] == 5 && reply[3] == 0)
		return fd;
	close(fd);
	return -(int)reply[3];
}

/* ---- all of it ---------------------------------------------------------------------------- */

void lab_edge_start(struct lab *l, unsigned host)
{
	struct lab_host *h = &l->host[host];
	unsigned hellos = h->hellos;
	char socks[32];
	const char *argv[] = {edge_path,
			      "--run-dir",
			      h->run,
			      "--state-dir",
			      h->run,
			      "--log-level",
			      getenv("FOG_LAB_LOG") != NULL ? getenv("FOG_LAB_LOG") : "error",
			      "--socks",
			      socks,
			      NULL};

	snprintf(socks, sizeof(socks), "127.0.0.1:%u", l->socks_port);
	if (host != LAB_CLIENT)
		argv[7] = NULL;
	h->edge = spawn(argv);
	CHECK(LAB_WAIT(10, *(volatile unsigned *)&h->hellos != hellos));
}

void lab_edge_kill(struct lab *l, unsigned host)
{
	kill(l->host[host].edge, SIGKILL);
	waitpid(l->host[host].edge, NULL, 0);
	l->host[host].edge = 0;
}

int lab_edge_stop(struct lab *l, unsigned host)
{
	struct lab_host *h = &l->host[host];
	int status = -1;

	if (h->edge == 0)
		return -1;
	kill(h->edge, SIGTERM);
	bool ended = LAB_WAIT(6, waitpid(h->edge, &status, WNOHANG) == h->edge);
	if (!ended) {
		kill(h->edge, SIGKILL);
		waitpid(h->edge, NULL, 0);
	}
	h->edge = 0;
	return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void host_make(struct lab *l, unsigned i)
{
	struct lab_host *h = &l->host[i];

	snprintf(h->run, sizeof(h->run), "%s/%u", l->folder, i);
	CHECK(mkdir(h->run, 0700) == 0);
	fog_random_bytes(h->node_id, sizeof(h->node_id));
	h->port = port_pick(SOCK_DGRAM);
	h->has_edge = i == LAB_CLIENT || i == LAB_TERMINUS;
	h->control_listen = h->has_edge ? unix_listen(h->run, "control.sock") : -1;
	h->jobs_listen = i == LAB_TERMINUS ? unix_listen(h->run, "jobs.sock") : -1;
	h->control_conn = -1;
	dataplane_spawn(h);
}

void lab_start(struct lab *l, const char *dataplane, const char *edge)
{
	dataplane_path = dataplane;
	edge_path = edge;
	memset(l, 0, sizeof(*l));
	signal(SIGPIPE, SIG_IGN);
	snprintf(l->folder, sizeof(l->folder), "/tmp/fog-edge-lab-XXXXXX");
	CHECK(mkdtemp(l->folder) != NULL);
	pthread_mutex_init(&l->lock, NULL);
	CHECK(pipe(l->wake) == 0);
	l->allow = "127.0.0.0/8:1-65535";
	l->socks_port = port_pick(SOCK_STREAM);
	l->server_fd = tcp_listen(&l->server_port);
	for (unsigned i = 0; i < LAB_HOSTS; i++)
		host_make(l, i);
	for (unsigned i = 0; i < LAB_HOSTS; i++)
		dataplane_attach(l, i);
	for (unsigned i = 0; i < LAB_HOSTS; i++)
		links_set(l, i);
	CHECK(pthread_create(&l->thread, NULL, control_run, l) == 0);
	CHECK(pthread_create(&l->server, NULL, server_run, l) == 0);
	lab_edge_start(l, LAB_TERMINUS);
	lab_edge_start(l, LAB_CLIENT);
}

void lab_stop(struct lab *l)
{

	lab_edge_stop(l, LAB_CLIENT);
	lab_edge_stop(l, LAB_TERMINUS);
	l->stop = true;
	wake(l);
	pthread_join(l->thread, NULL);
	shutdown(l->server_fd, SHUT_RDWR);
	pthread_join(l->server, NULL);
	close(l->server_fd);
	for (unsigned i = 0; i < LAB_HOSTS; i++) {
		struct lab_host *h = &l->host[i];

		lab_dataplane_kill(l, i);
		if (h->control_listen >= 0)
			close(h->control_listen);
		if (h->control_conn >= 0)
			close(h->control_conn);
		if (h->jobs_listen >= 0)
			close(h->jobs_listen);
	}
	const char *argv[] = {"/bin/rm", "-rf", l->folder, NULL};
	waitpid(spawn(argv), NULL, 0);
	close(l->wake[0]);
	close(l->wake[1]);
}
