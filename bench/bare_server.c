/* SPDX-License-Identifier: BSD-3-Clause */
/* A constant answer from bare libmicrohttpd, driven as the gateway drives it: the limit that the
 * gateway's figures stand beside. fog-bench-bare PORT SIZE serves SIZE bytes until it is killed. */
#include <microhttpd.h>
#include <poll.h>

#include "controlplane/core/loop.h"

static struct MHD_Response *response;
static struct MHD_Daemon *server;

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **con_cls)
{
	if (*con_cls == NULL) {
		*con_cls = &response;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

static void on_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	MHD_run(server);
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct ev_io io;

	if (argc != 3)
		return 2;
	size_t size = strtoul(argv[2], NULL, 10);
	char *body = malloc(size + 1);
	if (body == NULL)
		return 1;
	memset(body, 'x', size);
	response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
	server = MHD_start_daemon(MHD_USE_EPOLL, (u16)strtoul(argv[1], NULL, 10), NULL, NULL,
				  handle, NULL, MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_END);
	if (server == NULL || response == NULL)
		return 1;
	ev_io_init(&io, on_io, MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		   EV_READ);
	ev_io_start(loop, &io);
	ev_run(loop, 0);
	return 0;
}
