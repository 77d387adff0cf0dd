/* SPDX-License-Identifier: BSD-3-Clause */
/* Alerts of this host: rules over its figures, looked at every metrics_collection_interval and when
 * the health of a component changes; what fires is stored, logged and told to a webhook, in the
 * form of Prometheus' Alertmanager (version 4), at least once. docs/design/health.md. The loop's
 * thread only. */
#ifndef FOG_DAEMON_ALERTS_H
#define FOG_DAEMON_ALERTS_H

#include "controlplane/daemon/host.h"
#include "controlplane/health/alarm.h"

#define FOG_SILENCE_SECONDS_MAX  (366 * 86400)
#define FOG_ALERTS_FILE_SIZE_MAX (1024 * 1024)
#define FOG_ALERT_COMMENT_MAX    500

struct fog_host_alerts {
	struct fog_alarms alarms;
	struct ev_timer timer;
	u32 firing;
	u64 fired; /* since the start */
};

/* Needs health. 0 or -errno with why: the store, or the rules' file. */
int fog_host_alerts_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_alerts_stop(struct fog_host *h);
/* Reads the rules again; a bad file leaves the old ones. */
void fog_host_alerts_reload(struct fog_host *h);
/* The health of a component changed: look at the rules about it now. */
void fog_host_alerts_components(struct fog_host *h);
void fog_host_alerts_metrics(const struct fog_host *h, struct fog_metrics *m);

/* alert_rules.c: the built-in rules and those of a file. 0, -EINVAL or -errno with why. */
int fog_alert_rules_read(struct fog_alarms *a, const char *path, char why[FOG_HOST_WHY_SIZE]);
json_t *fog_alert_rule_json(const struct fog_rule *r); /* new */

#endif
