/* SPDX-License-Identifier: BSD-3-Clause */
/* Any ethdev of DPDK: NICs by vfio, virtio, net_af_xdp, net_memif, net_tap, net_ring. The kernel's
 * network stack is out of the way, so this answers and asks ARP and neighbour discovery itself.
 * The only file that includes rte_*.h.
 *
 * One EAL and one pool of buffers a process; worker w uses queue w of its port. Receive lends the
 * device's buffers; transmit writes headers in front of the payload, which starts on a cache line.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "dataplane/io/path.h"

#define PORTS_MAX      4    /* at once in a process; the daemon has one */
#define DESCRIPTORS    1024 /* per queue and direction, where the device has no smaller limit */
#define BUFFERS_MIN    16384
#define BUFFERS_WORKER 4096 /* two queues full, what is lent, what sits in caches */
#define BUFFERS_CACHE  256
#define BURST          64
#define IDLE_MIN_NS    50000ull
#define IDLE_MAX_NS    1000000ull
#define PATH_NS        1000000000ull /* a path is looked up again after this */
#define FLOWS_MAX      1024          /* rules of a worker; more neighbours are left to RSS */
#define EAL_ARGS_MAX   (FOG_IO_ARGS_MAX + 8)
#define TX_OFFLOADS    (RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
#define RX_OFFLOADS    (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define RSS_FUNCTIONS  (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)

struct port {
	u16 id;
	u32 users; /* workers that have it open; 0 = free */
	u32 workers;
	u64 tx_offloads;
	char device[FOG_IO_DEVICE_MAX];
	char detail[40];
	bool flows; /* the device takes a rule per neighbour */
	struct fog_frame_self self;
	u8 gateway[16];
	u32 prefix_bits;
	pthread_mutex_t lock; /* of hops */
	struct fog_hops hops;
};

/* Brings one neighbour's datagrams to the queue of its link's worker. */
struct flow {
	struct fog_address peer;
	struct rte_flow *rule;
};

struct fog_io {
	struct port *port;
	u16 queue;
	bool busy_poll;
	u64 idle_ns;     /* how long the next wait may take */
	bool registered; /* the thread that uses it has buffers cached for it */
	u64 now_ns;
	u64 lost[FOG_DROP_COUNT];
	struct fog_paths paths;
	u32 flow_count;
	struct flow flow[FLOWS_MAX];
};

static struct {
	bool ready;
	struct rte_mempool *pool;
	struct rte_mbuf **buffer; /* by number, which every buffer carries beside it */
	u32 buffers;
	struct port port[PORTS_MAX];
} eal;

static int fail(struct fog_io_settings *s, int rc, const char *what, const char *name)
{
	snprintf(s->why, sizeof(s->why), "%.120s %.200s: %.100s", what, name, strerror(-rc));
	return rc;
}

/* ---- the process ------------------------------------------------------------------------- */

static bool has_arg(const struct fog_io_settings *s, const char *prefix)
{
	for (u32 i = 0; i < s->arg_count; i++)
		if (strncmp(s->args[i], prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static int eal_args(struct fog_io_settings *s, char *argv[EAL_ARGS_MAX], char cpu[16])
{
	static char name[] = "fog-dataplane", quiet[] = "--log-level=error",
		    in_memory[] = "--in-memory", unshared[] = "--no-shconf",
		    silent[] = "--no-telemetry", l[] = "-l";
	int argc = 0;
	cpu_set_t set;
	int first = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &set))
			first++;
	snprintf(cpu, 16, "%d", first);
	argv[argc++] = name;
	for (u32 i = 0; i < s->arg_count; i++)
		argv[argc++] = s->args[i];
	argv[argc++] = silent;
	if (!has_arg(s, "--log-level"))
		argv[argc++] = quiet;
	/* Nothing of ours is shared with other processes. The EAL knows two ways of saying so. */
	if (!has_arg(s, "--file-prefix") && !has_arg(s, "--proc-type"))
		argv[argc++] = has_arg(s, "--no-huge") || has_arg(s, "--legacy-mem") ? unshared
										     : in_memory;
	if (!has_arg(s, "-l") && !has_arg(s, "-c") && !has_arg(s, "--lcores")) {
		argv[argc++] = l;
		argv[argc++] = cpu;
	}
	argv[argc] = NULL;
	return argc;
}

static void number(struct rte_mempool *pool, void *arg, void *object, unsigned i)
{
	struct rte_mbuf *m = object;

	(void)pool;
	(void)arg;
	memcpy(rte_mbuf_to_priv(m), &i, sizeof(i));
	eal.buffer[i] = m;
}

static int pool_make(u32 workers)
{
	eal.buffers = FOG_MAX((u32)BUFFERS_MIN, workers * BUFFERS_WORKER);
	eal.buffer = calloc(eal.buffers, sizeof(eal.buffer[0]));
	if (eal.buffer == NULL)
		return -ENOMEM;
	eal.pool = rte_pktmbuf_pool_create("fog", eal.buffers, BUFFERS_CACHE, RTE_MBUF_PRIV_ALIGN,
					   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (eal.pool == NULL)
		return -rte_errno;
	rte_mempool_obj_iter(eal.pool, number, NULL);
	return 0;
}

/* The EAL pins whoever starts it: give the thread its CPUs back. */
static int eal_start(struct fog_io_settings *s, u32 workers)
{
	char *argv[EAL_ARGS_MAX], cpu[16];
	cpu_set_t set;

	if (eal.ready)
		return 0;
	bool known = sched_getaffinity(0, sizeof(set), &set) == 0;
	int rc = rte_eal_init(eal_args(s, argv, cpu), argv);
	if (known)
		(void)sched_setaffinity(0, sizeof(set), &set);
	if (rc < 0)
		return fail(s, -rte_errno,
			    "the EAL does not start (no hugepages: try --no-huge; its words are on "
			    "standard error)",
			    "");
	rc = pool_make(workers);
	if (rc < 0)
		return fail(s, rc, "buffers: memory of the EAL is too small (-m, hugepages)", "");
	eal.ready = true;
	return 0;
}

/* ---- the port ---------------------------------------------------------------------------- */

/* An existing port by name, the first when there is no name, or a device made from arguments. */
static int port_id(struct fog_io_settings *s, u16 *id)
{
	char name[64];

	if (s->device[0] == '\0') {
		if (rte_eth_dev_count_avail() == 0)
			return fail(s, -ENODEV, "no port: name one in dataplane.device", "");
		*id = (u16)rte_eth_find_next(0);
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(s->device, ","), s->device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	int rc = rte_dev_probe(s->device);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, id);
	return rc < 0 ? fail(s, rc, "no such device:", s->device) : 0;
}

static int queues_start(struct port *p, const struct rte_eth_dev_info *info,
			struct fog_io_settings *s)
{
	u16 rx = DESCRIPTORS, tx = DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(p->id);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);

	for (u16 q = 0; rc == 0 && q < p->workers; q++) {
		struct rte_eth_txconf conf = info->default_txconf;
		conf.offloads = p->tx_offloads;
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned)socket, NULL, eal.pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(p->id, q, tx, (unsigned)socket, &conf);
	}
	if (rc == 0)
		rc = rte_eth_dev_start(p->id);
	return rc < 0 ? fail(s, rc, "cannot start queues of", s->device) : 0;
}

static struct rte_flow *flow_make(const struct port *p, const struct fog_address *peer, u16 queue)
{
	const bool v4 = fog_ip_is_v4(peer->ip);
	const struct rte_flow_attr attr = {.ingress = 1};
	const struct rte_flow_action_queue to = {.index = queue};
	const struct rte_flow_item_udp udp = {
		.hdr = {.src_port = rte_cpu_to_be_16(peer->port),
			.dst_port = rte_cpu_to_be_16(p->self.address.port)}};
	struct rte_flow_item_ipv4 ip4 = {0}, mask4 = {.hdr.src_addr = RTE_BE32(UINT32_MAX)};
	struct rte_flow_item_ipv6 ip6 = {0}, mask6 = {0};
	const struct rte_flow_action actions[] = {{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to},
						  {.type = RTE_FLOW_ACTION_TYPE_END}};
	struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &ip4, .mask = &mask4},
		{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &rte_flow_item_udp_mask},
		{.type = RTE_FLOW_ITEM_TYPE_END}};
	struct rte_flow_error error;

	memcpy(&ip4.hdr.src_addr, peer->ip + 12, 4);
	memcpy(ip6.hdr.src_addr, peer->ip, 16);
	memset(mask6.hdr.src_addr, 0xff, 16);
	if (!v4)
		pattern[1] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &ip6, .mask = &mask6};
	return rte_flow_create(p->id, &attr, pattern, actions, &error);
}

/* Some drivers say yes to rte_flow_validate() and then fail: make one. */
static bool flows_work(const struct port *p)
{
	struct rte_flow_error error;
	struct rte_flow *rule = flow_make(p, &p->self.address, 1);

	return rule != NULL && rte_flow_destroy(p->id, rule, &error) == 0;
}

static int port_start(struct port *p, struct fog_io_settings *s)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc < 0)
		return fail(s, rc, "device", s->device);
	if (p->workers > info.max_rx_queues || p->workers > info.max_tx_queues) {
		snprintf(s->why, sizeof(s->why), "%s has %u queues for %u workers",
			 info.driver_name, FOG_MIN(info.max_rx_queues, info.max_tx_queues),
			 p->workers);
		return -EINVAL;
	}
	if (p->workers > 1) { /* a link is one flow: spread by addresses and ports */
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RSS_FUNCTIONS & info.flow_type_rss_offloads;
	}
	p->tx_offloads = TX_OFFLOADS & info.tx_offload_capa;
	conf.txmode.offloads = p->tx_offloads;
	conf.rxmode.offloads = RX_OFFLOADS & info.rx_offload_capa;
	rc = rte_eth_dev_configure(p->id, (u16)p->workers, (u16)p->workers, &conf);
	if (rc < 0)
		return fail(s, rc, "cannot configure", s->device);
	rc = queues_start(p, &info, s);
	if (rc < 0)
		return rc;
	rc = rte_eth_macaddr_get(p->id, &mac);
	if (rc < 0)
		return fail(s, rc, "MAC address of", s->device);
	memcpy(p->self.mac, mac.addr_bytes, FOG_MAC_SIZE);
	(void)rte_eth_allmulticast_enable(p->id); /* solicitations; not all devices filter */
	p->flows = p->workers > 1 && flows_work(p);
	const char *spread = p->flows ? "flows " : p->workers > 1 ? "rss " : "";
	snprintf(p->detail, sizeof(p->detail), "%s%.20s", spread, info.driver_name);
	return 0;
}

static int port_open(struct port **out, const struct fog_io_open *o, struct fog_io_settings *s)
{
	struct port *p = NULL;

	for (u32 i = 0; i < PORTS_MAX; i++) {
		struct port *e = &eal.port[i];
		if (o->worker != 0 && e->users == o->worker && strcmp(e->device, s->device) == 0) {
			e->users++;
			*out = e;
			return 0;
		}
		if (o->worker == 0 && e->users == 0 && p == NULL)
			p = e;
	}
	if (p == NULL)
		return fail(s, -EBUSY, "no room for one more port:", s->device);
	memset(p, 0, sizeof(*p));
	p->workers = o->workers;
	p->self.address = *o->listen;
	p->prefix_bits = s->prefix_bits;
	memcpy(p->gateway, s->gateway, sizeof(p->gateway));
	memcpy(p->device, s->device, sizeof(p->device));
	pthread_mutex_init(&p->lock, NULL);
	int rc = port_id(s, &p->id);
	for (u32 i = 0; rc == 0 && i < PORTS_MAX; i++)
		if (eal.port[i].users != 0 && eal.port[i].id == p->id)
			rc = fail(s, -EBUSY, "already in use:", s->device);
	if (rc == 0)
		rc = port_start(p, s);
	if (rc == 0) {
		p->users = 1;
		*out = p;
	}
	return rc;
}

static void dpdk_close(struct fog_io *io)
{
	struct rte_flow_error error;

	if (io->port != NULL && --io->port->users == 0) {
		if (io->port->flows)
			(void)rte_flow_flush(io->port->id, &error);
		(void)rte_eth_dev_stop(io->port->id);
		(void)rte_eth_dev_close(io->port->id);
	}
	free(io);
}

static int dpdk_open(struct fog_io **out, const struct fog_io_open *o)
{
	static struct fog_io_settings none; /* the first port, if the EAL has any */
	struct fog_io_settings *s = o->arg != NULL ? o->arg : &none;

	*out = NULL;
	if (o->listen->port == 0) {
		snprintf(s->why, sizeof(s->why), "dataplane.listen must name a port");
		return -EINVAL;
	}
	int rc = eal_start(s, o->workers);
	if (rc < 0)
		return rc;
	struct fog_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	io->queue = (u16)o->worker;
	io->busy_poll = s->busy_poll;
	io->idle_ns = IDLE_MIN_NS;
	rc = port_open(&io->port, o, s);
	if (rc < 0) {
		dpdk_close(io);
		return rc;
	}
	*out = io;
	return 0;
}

/* ---- neighbours -------------------------------------------------------------------------- */

static void frame_send(struct fog_io *io, const u8 *bytes, u32 size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(eal.pool);

	if (m == NULL)
		return; /* asked again later */
	memcpy(rte_pktmbuf_mtod(m, u8 *), bytes, size);
	m->data_len = (u16)size;
	m->pkt_len = size;
	if (rte_eth_tx_burst(io->port->id, io->queue, &m, 1) == 0)
		rte_pktmbuf_free(m);
}

static void neighbour_heard(struct fog_io *io, const struct fog_frame *f, const u8 *mac, bool asks)
{
	struct port *p = io->port;
	u8 frame[FOG_ND_SIZE];

	pthread_mutex_lock(&p->lock);
	fog_hop_learn(&p->hops, f->peer.ip, mac, io->now_ns, asks);
	pthread_mutex_unlock(&p->lock);
	if (asks)
		frame_send(io, frame, fog_frame_answer(&p->self, f->peer.ip, mac, frame));
}

/* Next hop to a peer; NULL when none is configured. */
static const u8 *next_hop(const struct port *p, const u8 ip[16])
{
	const u8 *own = p->self.address.ip;
	u32 bits = p->prefix_bits != 0 ? p->prefix_bits : fog_ip_is_v4(own) ? 96 : 0;
	u8 mask = (u8)(0xff00 >> bits % 8);
	static const u8 nowhere[16];

	if (memcmp(own, ip, bits / 8) == 0 &&
	    (bits % 8 == 0 || ((own[bits / 8] ^ ip[bits / 8]) & mask) == 0))
		return ip;
	return memcmp(p->gateway, nowhere, 16) != 0 ? p->gateway : NULL;
}

static bool resolve(struct fog_io *io, struct fog_path *path)
{
	struct port *p = io->port;
	u8 mac[FOG_MAC_SIZE], frame[FOG_ND_SIZE];
	const u8 *hop = next_hop(p, path->peer.ip);
	bool ask = false, known = false;

	if (hop != NULL && memcmp(hop, p->self.address.ip, 16) == 0) { /* a looped port */
		memcpy(mac, p->self.mac, FOG_MAC_SIZE);
		known = true;
	} else if (hop != NULL) {
		pthread_mutex_lock(&p->lock);
		known = fog_hop_find(&p->hops, hop, io->now_ns, mac, &ask);
		pthread_mutex_unlock(&p->lock);
		if (ask)
			frame_send(io, frame, fog_frame_ask(&p->self, hop, frame));
	}
	path->header_size = 0;
	if (known)
		path->header_size = (u8)fog_frame_header(&p->self, mac, &path->peer, path->header);
	path->until_ns = known ? io->now_ns + PATH_NS : io->now_ns;
	return known;
}

static void dpdk_neighbour(struct fog_io *io, const struct fog_address *peer, bool on)
{
	struct rte_flow_error error;
	struct flow *f = io->flow, *end = io->flow + io->flow_count;

	if (!io->port->flows)
		return;
	while (f < end && !fog_address_equal(&f->peer, peer))
		f++;
	if (on && f == end && io->flow_count < FLOWS_MAX) {
		f->peer = *peer;
		f->rule = flow_make(io->port, peer, io->queue);
		io->flow_count += f->rule != NULL;
	} else if (!on && f < end) {
		(void)rte_flow_destroy(io->port->id, f->rule, &error);
		*f = io->flow[--io->flow_count];
	}
}

/* ---- receive ----------------------------------------------------------------------------- */

/* "None" has the bits of both good and bad. */
static bool damaged(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD ||
	       (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

/* True: a datagram for us is in *f and keeps the buffer. */
static bool take(struct fog_io *io, struct rte_mbuf *m, struct fog_frame *f)
{
	u8 mac[FOG_MAC_SIZE];
	u32 index;

	if (m->nb_segs != 1 || damaged(m)) {
		io->lost[FOG_DROP_RX_FRAME]++;
		return false;
	}
	switch (fog_frame_parse(&io->port->self, rte_pktmbuf_mtod(m, u8 *), m->data_len, f, mac)) {
	case FOG_FRAME_DGRAM:
		memcpy(&index, rte_mbuf_to_priv(m), sizeof(index));
		f->handle = index;
		return true;
	case FOG_FRAME_ASKS:
		neighbour_heard(io, f, mac, true);
		return false;
	case FOG_FRAME_ANSWERS:
		neighbour_heard(io, f, mac, false);
		return false;
	default:
		io->lost[FOG_DROP_RX_FRAME]++;
		return false;
	}
}

static unsigned dpdk_rx(struct fog_io *io, u64 now_ns, struct fog_frame *frames, unsigned max)
{
	struct rte_mbuf *m[BURST];
	unsigned count = 0;

	io->now_ns = now_ns;
	if (!io->registered) { /* gives this thread a cache of buffers */
		if (rte_lcore_id() == LCORE_ID_ANY)
			(void)rte_thread_register();
		io->registered = true;
	}
	u16 n = rte_eth_rx_burst(io->port->id, io->queue, m, (u16)FOG_MIN(max, (unsigned)BURST));
	for (u16 i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (u16 i = 0; i < n; i++) {
		if (take(io, m[i], &frames[count]))
			count++;
		else
			rte_pktmbuf_free(m[i]);
	}
	if (n > 0)
		io->idle_ns = IDLE_MIN_NS;
	return count;
}

static void dpdk_release(struct fog_io *io, const struct fog_frame *frames, unsigned count)
{
	struct rte_mbuf *m[BURST];

	(void)io;
	for (unsigned i = 0; i < count;) {
		unsigned n = FOG_MIN(count - i, (unsigned)BURST);
		for (unsigned k = 0; k < n; k++)
			m[k] = eal.buffer[frames[i + k].handle];
		rte_pktmbuf_free_bulk(m, n);
		i += n;
	}
}

/* ---- send -------------------------------------------------------------------------------- */

static unsigned dpdk_tx_reserve(struct fog_io *io, struct fog_frame *frames, unsigned want)
{
	struct rte_mbuf *m[BURST];
	unsigned n = FOG_MIN(want, (unsigned)BURST);

	(void)io;
	if (n == 0 || rte_pktmbuf_alloc_bulk(eal.pool, m, n) != 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		u32 index;
		memcpy(&index, rte_mbuf_to_priv(m[i]), sizeof(index));
		frames[i] =
			(struct fog_frame){.data = rte_pktmbuf_mtod(m[i], u8 *), .handle = index};
	}
	return n;
}

/* Headers in front of the payload. False: nobody knows yet where the peer is. */
static bool wrap(struct fog_io *io, struct rte_mbuf *m, const struct fog_frame *f)
{
	struct fog_path *path = fog_path_find(&io->paths, &f->peer);

	if (io->now_ns >= path->until_ns && !resolve(io, path))
		return false;
	u8 *frame = f->data - path->header_size;
	memcpy(frame, path->header, path->header_size);
	m->data_off = (u16)(m->data_off - path->header_size);
	m->data_len = (u16)(path->header_size + f->length);
	m->pkt_len = m->data_len;
	if (path->header_size == FOG_FRAME_HEADER4)
		return true;
	if ((io->port->tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) == 0) {
		fog_frame_udp6_checksum(frame);
		return true;
	}
	fog_frame_udp6_pseudo(frame);
	m->l2_len = 14;
	m->l3_len = 40;
	m->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
	return true;
}

static void dpdk_tx_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *frames,
			   unsigned count)
{
	struct rte_mbuf *m[BURST];
	u16 n = 0;

	FOG_ASSERT(count <= BURST);
	io->now_ns = now_ns;
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *one = eal.buffer[frames[i].handle];
		if (frames[i].length != 0 && wrap(io, one, &frames[i])) {
			m[n++] = one;
			continue;
		}
		io->lost[FOG_DROP_TX_UNRESOLVED] += frames[i].length != 0;
		rte_pktmbuf_free(one);
	}
	u16 sent = rte_eth_tx_burst(io->port->id, io->queue, m, n);
	if (sent < n) {
		io->lost[FOG_DROP_TX_DEVICE] += (u64)(n - sent);
		rte_pktmbuf_free_bulk(m + sent, (unsigned)(n - sent));
	}
}

/* ---- idle -------------------------------------------------------------------------------- */

/* No interrupt tells of frames, so sleep little: at first for IDLE_MIN_NS, then, as long as nothing
 * comes, twice as long each time. */
static int dpdk_wait(struct fog_io *io, u64 timeout_ns, int wake_fd)
{
	struct pollfd p = {.fd = wake_fd, .events = POLLIN};
	const struct timespec ts = {
		.tv_nsec = io->busy_poll ? 0 : (long)FOG_MIN(timeout_ns, io->idle_ns)};

	io->idle_ns = FOG_MIN(2 * io->idle_ns, IDLE_MAX_NS);
	return ppoll(&p, 1, &ts, NULL) < 0 && errno != EINTR ? -errno : 0;
}

static void dpdk_drops(struct fog_io *io, u64 *drops)
{
	struct rte_eth_stats stats;

	drops[FOG_DROP_RX_FRAME] = io->lost[FOG_DROP_RX_FRAME];
	drops[FOG_DROP_TX_UNRESOLVED] = io->lost[FOG_DROP_TX_UNRESOLVED];
	drops[FOG_DROP_TX_DEVICE] = io->lost[FOG_DROP_TX_DEVICE];
	/* What the device missed is the port's; worker 0 reports it. */
	if (io->queue == 0 && rte_eth_stats_get(io->port->id, &stats) == 0)
		drops[FOG_DROP_RX_FULL] = stats.imissed + stats.rx_nombuf;
}

static const char *dpdk_detail(const struct fog_io *io)
{
	return io->port->detail;
}

const struct fog_io_ops fog_io_dpdk = {
	.name = "dpdk",
	.open = dpdk_open,
	.rx = dpdk_rx,
	.release = dpdk_release,
	.tx_reserve = dpdk_tx_reserve,
	.tx_submit = dpdk_tx_submit,
	.wait = dpdk_wait,
	.drops = dpdk_drops,
	.neighbour = dpdk_neighbour,
	.detail = dpdk_detail,
	.close = dpdk_close,
};
