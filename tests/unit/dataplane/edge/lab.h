/* SPDX-License-Identifier: BSD-3-Clause */
/* A small fog on loopback for tests of fog-edge: real data planes and edges, one process each, and
 *in the test's own process a control plane that knows everything, a TCP server and the SOCKS
 *clients.
 *
 *	client: edge + data plane      relays: data plane      terminus: edge + data plane
 */
#ifndef FOG_TEST_LAB_H
#define FOG_TEST_LAB_H

#include <pthread.h>
#include <sys/types.h>

#include "dataplane/abi/attach.h"

#define LAB_HOSTS    6 /* 0 client, 1..4 relays, 5 terminus */
#define LAB_CLIENT   0
#define LAB_TERMINUS 5
/* Short, so that the tests are; a loaded machine may lose a link by it, which streams survive. */
#define LAB_LINK_DEAD_MS 600

struct lab_host {
	char run[64];
	u8 node_id[32], link_pk[32], onion_pk[32], quic_pk[32];
	u16 port;
	pid_t dataplane, edge;
	struct fog_attachment control;
	struct fog_ring command;
	u64 command_seq;
	bool has_edge;
	int control_listen, control_conn, jobs_listen; /* -1: none */
	char line[65536];
	size_t line_size;
	unsigned hellos, routes, refused, built, closed;
	char answer[65536]; /* last line that was no hello, route request or report */
};

struct lab {
	char folder[32];
	struct lab_host host[LAB_HOSTS];
	pthread_t thread, server;
	pthread_mutex_t lock;
	int wake[2];
	volatile bool stop;
	bool wrong_key; /* routes name a quic_pk that nobody has */
	int server_fd;
	u16 socks_port, server_port;
	const char *allow;
};

void lab_start(struct lab *l, const char *dataplane_path, const char *edge_path);
void lab_stop(struct lab *l);
void lab_dataplane_start(struct lab *l, unsigned host);
void lab_dataplane_kill(struct lab *l, unsigned host);
void lab_edge_start(struct lab *l, unsigned host);
void lab_edge_kill(struct lab *l, unsigned host);
/* How long a link may be silent before the data plane calls it down; LAB_LINK_DEAD_MS at the start.
 */
void lab_snapshot(struct lab *l, unsigned host, u32 link_dead_ms);
/* The exit status after SIGTERM, or -1 when it had to be killed. */
int lab_edge_stop(struct lab *l, unsigned host);
/* The control plane hangs up on all edges, and is away until told otherwise. */
void lab_control_away(struct lab *l, bool away);
/* Send a line to an edge; wait for the next answer line (5 s). */
bool lab_ask(struct lab *l, unsigned host, const char *line);

/* Which host is hop `hop` of the client's first circuit; LAB_HOSTS when there is none. */
unsigned lab_hop(struct lab *l, unsigned hop);

double lab_seconds(void);
/* Poll a condition for at most `seconds`. */
#define LAB_WAIT(seconds, condition)                                       \
	({                                                                 \
		double lab_end = lab_seconds() + (seconds);                \
		bool lab_ok;                                               \
		while (!(lab_ok = (condition)) && lab_seconds() < lab_end) \
			usleep(2000);                                      \
		lab_ok;                                                    \
	})

u8 lab_pattern(u64 offset);
u64 lab_hash(u64 hash, const void *data, size_t size); /* FNV-1a, start with 0 */

/* Through SOCKS5 to host:port. The fd; or minus the SOCKS reply code, -100 when it hung up. */
int lab_socks(const struct lab *l, const char *host, u16 port);
int lab_unix(const char *folder, const char *name);

#endif
