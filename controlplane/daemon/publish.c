/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own descriptor: made when its content changes and at its half life. */
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/host.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/tee.h"

#define GIB (1ull << 30)

static void text_set(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

void fog_host_offer(const struct fog_host *h, struct fog_host_offer *out)
{
	u64 cores = (u64)h->config.worker_cpu_millicores, mib = (u64)h->config.worker_memory_mb;

	*out = (struct fog_host_offer){0};
	if ((h->roles & FOG_ROLE_WORKER) == 0)
		return;
	out->cpu_millicores = cores != 0 ? (u32)cores : 1000 * (u32)sysconf(_SC_NPROCESSORS_ONLN);
	out->memory_bytes = mib != 0
				    ? mib << 20
				    : (u64)sysconf(_SC_PHYS_PAGES) / 2 * (u64)sysconf(_SC_PAGESIZE);
	out->disk_bytes = h->disk_bytes;
	if (fog_accelerators_configure(h->config.worker_accelerators, &h->accelerators,
				       &out->accelerators) != 0)
		fog_log(FOG_LOG_WARNING, "core",
			"worker.accelerators is not TYPE:COUNT[:MEMORY_MB]; none offered");
}

/* All but sequence and times. Zeroed first, so that two of them compare byte by byte. */
static void content_fill(const struct fog_host *h, struct fog_descriptor *d)
{
	const struct fog_config *c = &h->config;
	struct fog_host_offer offer;

	memset(d, 0, sizeof(*d));
	memcpy(d->node_id, h->id.node_id, 32);
	text_set(d->name, sizeof(d->name), c->host_name);
	(void)fog_address_parse(c->control_listen, &d->control);
	memcpy(d->control_pk, h->id.control_pk, 32);
	(void)fog_address_parse(c->dataplane_listen, &d->link);
	memcpy(d->link_pk, h->link_pk, 32);
	memcpy(d->onion_pk, h->onion_pk, 32);
	d->has_quic = h->quic_known;
	if (d->has_quic)
		memcpy(d->quic_pk, h->quic_pk, 32);
	d->roles = h->roles;
	fog_host_offer(h, &offer);
	d->cpu_millicores = offer.cpu_millicores;
	d->memory_bytes = offer.memory_bytes;
	d->disk_bytes = offer.disk_bytes;
	d->accelerator_count = offer.accelerators.count;
	d->accelerator_memory_bytes = offer.accelerators.memory_bytes;
	memcpy(d->accelerator_type, offer.accelerators.type, sizeof(d->accelerator_type));
	if (h->roles & FOG_ROLE_WORKER)
		fog_host_price(h, &d->price);
	if (d->accelerator_count == 0)
		d->price.accelerator_hour = 0;
	for (u32 i = 0; i < c->exit_allow.count && i < FOG_DESCRIPTOR_RULES_MAX; i++)
		(void)fog_exit_rule_parse(c->exit_allow.items[i], &d->allow[d->allow_count++]);
	for (u32 i = 0; i < c->exit_deny.count && i < FOG_DESCRIPTOR_RULES_MAX; i++)
		(void)fog_exit_rule_parse(c->exit_deny.items[i], &d->deny[d->deny_count++]);
	fog_host_mix_descriptor(h, d);
	text_set(d->operator_name, sizeof(d->operator_name), c->attributes_operator);
	text_set(d->country, sizeof(d->country), c->attributes_country);
	text_set(d->region, sizeof(d->region), c->attributes_region);
	text_set(d->power_region, sizeof(d->power_region), c->attributes_power_region);
	d->as = (u32)c->attributes_as;
	fog_host_tee_descriptor(h, d);
	memcpy(&d->report, &h->report, sizeof(d->report));
}

static void publish(struct fog_host *h, struct fog_descriptor *d, u64 now_ms)
{
	struct fog_signed_descriptor s;
	char why[FOG_DESCRIPTOR_WHY_SIZE] = "";
	const struct fog_signed_descriptor *known = fog_directory_find(h->directory, h->id.node_id);
	struct fog_descriptor content;

	memcpy(&content, d, sizeof(content)); /* padding too: it is compared byte by byte */
	/* The clock makes it grow even when the store was lost; what others hold of us counts too.
	 */
	d->sequence = now_ms;
	if (known != NULL && known->d.sequence >= d->sequence)
		d->sequence = known->d.sequence + 1;
	d->published_ms = now_ms;
	d->expires_ms = now_ms + (u64)h->config.control_descriptor_minutes * 60000;
	int rc = fog_descriptor_build(&s, d, &h->config.exit_allow, &h->config.exit_deny, &h->id);
	if (rc == 0) {
		rc = fog_directory_offer(h->directory, s.text, s.text_len, s.signature, now_ms,
					 why);
		fog_signed_descriptor_free(&s);
	}
	if (rc != 0) {
		fog_log(FOG_LOG_ERROR, "directory", "own descriptor refused reason=\"%s\"",
			why[0] != '\0' ? why : strerror(-rc));
		return;
	}
	content.sequence = d->sequence;
	content.published_ms = d->published_ms;
	content.expires_ms = d->expires_ms;
	memcpy(&h->published, &content, sizeof(content));
	fog_log(FOG_LOG_INFO, "directory", "own descriptor published edge=%d", d->has_quic);
	if (h->peering != NULL)
		fog_peering_announce(h->peering);
}

static u64 half_life(const struct fog_descriptor *d)
{
	return d->published_ms + (d->expires_ms - d->published_ms) / 2;
}

static bool is_current(const struct fog_host *h, const struct fog_descriptor *content, u64 now_ms)
{
	struct fog_descriptor last;
	const struct fog_signed_descriptor *known = fog_directory_find(h->directory, h->id.node_id);

	memcpy(&last, &h->published, sizeof(last));
	if (last.sequence == 0 || known == NULL || known->d.sequence != last.sequence)
		return false;
	if (now_ms >= half_life(&last))
		return false;
	last.sequence = last.published_ms = last.expires_ms = 0;
	return memcmp(&last, content, sizeof(last)) == 0;
}

static void schedule(struct fog_host *h, double seconds)
{
	ev_timer_stop(h->loop, &h->publish_timer);
	ev_timer_set(&h->publish_timer, seconds, 0.0);
	ev_timer_start(h->loop, &h->publish_timer);
}

static void on_publish(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	u64 now_ms = fog_loop_now_ms(loop);
	struct fog_descriptor d;

	/* Without a data plane nobody could reach us; its attachment comes back here. */
	if (!h->dp_keys_known)
		return;
	if (now_ms - h->published.published_ms < FOG_HOST_PUBLISH_GAP_MS) {
		schedule(h, FOG_HOST_PUBLISH_GAP_MS / 1000.0);
		return;
	}
	content_fill(h, &d);
	if (!is_current(h, &d, now_ms))
		publish(h, &d, now_ms);
	u64 due_ms = half_life(&h->published);
	schedule(h, due_ms > now_ms ? (double)(due_ms - now_ms) / 1000.0 + 1.0 : 1.0);
}

void fog_host_publish_soon(struct fog_host *h)
{
	schedule(h, FOG_HOST_PUBLISH_MS / 1000.0);
}

void fog_host_publish_prepare(struct fog_host *h)
{
	ev_init(&h->publish_timer, on_publish);
	h->publish_timer.data = h;
	fog_accelerators_find("", &h->accelerators);
}

void fog_host_publish_start(struct fog_host *h)
{
	struct statvfs vfs;

	/* Whole GiB, or every job would change the descriptor. */
	if (statvfs(h->config.host_state_dir, &vfs) == 0)
		h->disk_bytes = (u64)vfs.f_bavail * vfs.f_frsize / GIB * GIB;
	/* What we said before a restart still holds, unless something changed. */
	const struct fog_signed_descriptor *own = fog_directory_find(h->directory, h->id.node_id);
	if (own != NULL)
		memcpy(&h->published, &own->d, sizeof(own->d));
}
