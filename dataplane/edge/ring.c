/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/ring.h"

#include <errno.h>
#include <unistd.h>

#include "dataplane/ctl/log.h"

#define PART "edge"

static void attach_again(struct fog_edge_ring *r);

static void trouble(struct fog_edge_ring *r, const char *why)
{
	if (!r->said)
		fog_dplog(FOG_DPLOG_WARNING, PART, "no data plane: %s", why);
	r->said = true;
}

static void retry_later(struct fog_edge_ring *r)
{
	ev_timer_stop(r->loop, &r->timer);
	ev_timer_set(&r->timer, r->retry_s, 0.);
	ev_timer_start(r->loop, &r->timer);
	r->retry_s = FOG_MIN(r->retry_s * 2, FOG_EDGE_RETRY_MAX_S);
}

static void detach(struct fog_edge_ring *r)
{
	bool was_up = r->up;

	ev_io_stop(r->loop, &r->sock_io);
	ev_io_stop(r->loop, &r->notify_io);
	ev_timer_stop(r->loop, &r->timer);
	fog_detach(&r->attachment);
	r->up = false;
	r->pending = 0;
	if (was_up)
		r->ops->down(r->user);
}

static void lost(struct fog_edge_ring *r, const char *why)
{
	detach(r);
	trouble(r, why);
	retry_later(r);
}

static void rings_open(struct fog_edge_ring *r)
{
	struct fog_edge_tx_region *own = r->attachment.own.base;
	struct fog_edge_rx_region *peer = r->attachment.peer.base;

	fog_ring_producer(&r->tx, &own->tx_head, &peer->tx_tail, own->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
	fog_ring_consumer(&r->rx, &peer->rx_head, &own->rx_tail, peer->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
}

static void attached(struct fog_edge_ring *r)
{
	ev_timer_stop(r->loop, &r->timer);
	rings_open(r);
	r->up = true;
	r->said = false;
	r->retry_s = FOG_EDGE_RETRY_S;
	ev_io_set(&r->notify_io, r->attachment.notify, EV_READ);
	ev_io_start(r->loop, &r->notify_io);
	fog_dplog(FOG_DPLOG_INFO, PART, "attached to the data plane");
	r->ops->up(r->user);
}

/* HELLO was answered, or the attached data plane hung up. */
static void on_sock(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_edge_ring *r = w->data;
	char why[256] = "gone";

	if (r->up) {
		lost(r, why);
		return;
	}
	int rc = fog_attach_finish(&r->attachment, why);
	if (rc == -EAGAIN)
		return;
	if (rc == 0) {
		attached(r);
		return;
	}
	ev_io_stop(loop, w);
	trouble(r, why[0] != '\0' ? why : strerror(-rc));
	retry_later(r);
}

static void on_notify(struct ev_loop *loop, struct ev_io *w, int events)
{
	u64 count;

	/* Only clears it: the loop drains the ring at every turn. */
	ssize_t n = read(w->fd, &count, sizeof(count));
	(void)n;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_edge_ring *r = w->data;

	if (ev_is_active(&r->sock_io)) { /* HELLO without an answer */
		lost(r, "it does not answer");
		return;
	}
	attach_again(r);
}

static void attach_again(struct fog_edge_ring *r)
{
	char why[256] = "";
	int rc = fog_attach_start(&r->attachment, r->path, FOG_HELLO_EDGE, r->boot_id, why);

	if (rc != 0) {
		trouble(r, why[0] != '\0' ? why : strerror(-rc));
		retry_later(r);
		return;
	}
	ev_io_set(&r->sock_io, r->attachment.sock, EV_READ);
	ev_io_start(r->loop, &r->sock_io);
	ev_timer_stop(r->loop, &r->timer);
	ev_timer_set(&r->timer, FOG_EDGE_ATTACH_S, 0.);
	ev_timer_start(r->loop, &r->timer);
}

void fog_edge_ring_start(struct fog_edge_ring *r, struct ev_loop *loop, const char *path,
			 u64 boot_id, const struct fog_edge_ring_ops *ops, void *user)
{
	memset(r, 0, sizeof(*r));
	r->loop = loop;
	r->path = path;
	r->boot_id = boot_id;
	r->ops = ops;
	r->user = user;
	r->retry_s = FOG_EDGE_RETRY_S;
	r->attachment.sock = -1;
	ev_init(&r->sock_io, on_sock);
	ev_init(&r->notify_io, on_notify);
	ev_init(&r->timer, on_timer);
	r->sock_io.data = r;
	r->notify_io.data = r;
	r->timer.data = r;
	attach_again(r);
}

void fog_edge_ring_stop(struct fog_edge_ring *r)
{
	if (r->loop == NULL)
		return;
	bool attaching = ev_is_active(&r->sock_io);

	ev_io_stop(r->loop, &r->sock_io);
	ev_io_stop(r->loop, &r->notify_io);
	ev_timer_stop(r->loop, &r->timer);
	if (attaching || r->up)
		fog_detach(&r->attachment);
	r->up = false;
}

/* ---- slots -------------------------------------------------------------------------------- */

unsigned fog_edge_ring_drain(struct fog_edge_ring *r)
{
	if (!r->up)
		return 0;
	fog_ring_wait_end(&r->rx);
	unsigned n = FOG_MIN(fog_ring_ready(&r->rx), (u32)FOG_EDGE_RX_BATCH);
	for (unsigned i = 0; i < n; i++)
		memcpy(&r->batch[i], fog_ring_peek(&r->rx, i), offsetof(struct fog_edge_slot, pad));
	if (n != 0) {
		fog_ring_release(&r->rx, n);
		r->ops->slots(r->user, r->batch, n);
	}
	/* The callback may have lost the attachment. */
	if (r->up && (r->rx.broken || r->tx.broken))
		lost(r, "it published an impossible ring position");
	return n;
}

bool fog_edge_ring_wait(struct fog_edge_ring *r)
{
	if (!r->up)
		return false;
	fog_ring_wait_begin(&r->rx);
	if (fog_ring_ready(&r->rx) == 0)
		return false;
	fog_ring_wait_end(&r->rx);
	return true;
}

u32 fog_edge_ring_room(struct fog_edge_ring *r)
{
	u32 room = r->up ? fog_ring_room(&r->tx, FOG_EDGE_RING_COUNT / 2) : 0;

	room = room > r->pending ? room - r->pending : 0;
	return room > FOG_EDGE_RESERVE ? room - FOG_EDGE_RESERVE : 0;
}

int fog_edge_ring_push(struct fog_edge_ring *r, enum fog_edge_kind kind, bool control, u32 handle,
		       u8 reason, const u8 *data, size_t size)
{
	if (!r->up)
		return -ENOTCONN;
	if (size > FOG_CELL_SIZE)
		return -EMSGSIZE;
	/* The ring knows nothing of slots filled but not published. */
	if (fog_ring_room(&r->tx, FOG_EDGE_RING_COUNT / 2) <=
	    r->pending + (control ? 0 : FOG_EDGE_RESERVE)) {
		r->tx_full++;
		return -ENOBUFS;
	}
	struct fog_edge_slot *slot = fog_ring_slot(&r->tx, r->pending++);
	slot->handle = handle;
	slot->kind = (u8)kind;
	slot->reason = reason;
	slot->length = (u16)size;
	if (size != 0)
		memcpy(slot->data, data, size);
	return 0;
}

int fog_edge_ring_push_mix(struct fog_edge_ring *r, const u8 first_hop[32], u64 epoch,
			   const u8 *packet)
{
	int rc = fog_edge_ring_push(r, FOG_EDGE_MIX, false, 0, 0, packet, FOG_BODY_SIZE);

	if (rc == 0) {
		struct fog_edge_slot *slot = fog_ring_slot(&r->tx, r->pending - 1);
		memcpy(slot->node, first_hop, 32);
		slot->epoch = epoch;
	}
	return rc;
}

void fog_edge_ring_flush(struct fog_edge_ring *r)
{
	if (r->pending == 0)
		return;
	u32 n = r->pending;
	r->pending = 0;
	if (!r->up)
		return;
	fog_ring_publish(&r->tx, n);
	if (fog_ring_wants_wake(&r->tx))
		fog_attachment_wake(&r->attachment, 0);
}
