/* SPDX-License-Identifier: BSD-3-Clause */
/* What the back ends over kernel UDP sockets share, . */
#ifndef FOG_IO_UDP_H
#define FOG_IO_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "dataplane/io/io.h"

/* Segments the kernel may join into one large datagram, both ways (UDP_SEGMENT, UDP_GRO): all our
 * datagrams have one size, so a batch to one neighbour is one pass through the network stack. */
#define FOG_UDP_SEGMENTS_MAX 40 /* 40 * 1440 < 65535 - headers */

/* A bound socket of a worker; its port goes to o->listen. IPv4-mapped addresses make an IPv4
 * socket, others an IPv6 one, [::] takes both. Several workers share the port by SO_REUSEPORT; a
 * port that another process holds gives -EADDRINUSE all the same. *family: AF_INET or AF_INET6. */
int fog_udp_open(const struct fog_io_open *o, int *fd, int *family);

/* Datagrams the socket's buffer had no room for since it was opened; with UDP_GRO a joined one
 * counts as one. */
u64 fog_udp_missed(int fd);

/* The socket of an fog_io_socket, to wait on it with others. */
int fog_socket_fd(const struct fog_io *io);

/* Offers of the kernel; true when accepted. */
bool fog_udp_enable_gro(int fd);
bool fog_udp_has_gso(int fd);

/* Length of the address written, 0 when the family cannot reach it. */
socklen_t fog_udp_to_sockaddr(const struct fog_address *a, int family, struct sockaddr_in6 *out);
void fog_udp_from_sockaddr(const void *name, size_t length, struct fog_address *a);

/* Read the segment size of a received datagram from its control messages; `length` without one. */
u32 fog_udp_segment(struct msghdr *m, u32 length);

/* Control buffer for one int option, and filling it with UDP_SEGMENT = 1440. */
#define FOG_UDP_CONTROL_SIZE CMSG_SPACE(sizeof(int))
size_t fog_udp_write_segment(u8 control[FOG_UDP_CONTROL_SIZE]);

#endif
