/* SPDX-License-Identifier: BSD-3-Clause */
/* Alerts and silences in the store, and the words in which others are told. Nothing here looks at a
 * clock: now_ms is Unix time. */
#ifndef FOG_DAEMON_ALERT_BOOK_H
#define FOG_DAEMON_ALERT_BOOK_H

#include <jansson.h>

#include "controlplane/core/store.h"
#include "controlplane/health/alarm.h"

#define FOG_ALERTS_KEPT  1000 /* the newest; firing ones besides */
#define FOG_SILENCES_MAX 256  /* more are refused */

/* Makes or brings up its tables. 0 or -errno with why. */
int fog_alert_book_open(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);
/* What fired when the process ended fires on in `a`, under its number; what no rule watches any
 * more is over. *firing: how many. 0 or -errno. */
int fog_alert_book_load(struct fog_store *st, struct fog_alarms *a, u64 now_ms, u32 *firing);
/* The alarm of this rule began to fire, and gets its number, or is over. 0 or -errno. */
int fog_alert_book_write(struct fog_store *st, const struct fog_rule *r, struct fog_alarm *alarm,
			 u64 now_ms);
/* One as the API has it: new; NULL: none. */
json_t *fog_alert_book_alert(struct fog_store *st, u64 id, u64 now_ms);
/* {"alerts":[..], "next"}: newest first, below number `before` (0: all): new. */
json_t *fog_alert_book_alerts(struct fog_store *st, bool firing_only, u64 before, u32 limit,
			      u64 now_ms);
/* Somebody looks after it. 0, -ENOENT or -errno. */
int fog_alert_book_acknowledge(struct fog_store *st, u64 id, const char *by, u64 now_ms);

/* Those that hold: new. */
json_t *fog_alert_book_silences(struct fog_store *st, u64 now_ms);
/* Empty rule or key: any. 0, -ENOSPC (FOG_SILENCES_MAX hold) or -errno. */
int fog_alert_book_silence(struct fog_store *st, const char *rule, const char *key, u64 seconds,
			   const char *comment, u64 now_ms);
int fog_alert_book_silence_end(struct fog_store *st, u64 id); /* 0, -ENOENT or -errno */

/* What Alertmanager (version 4) posts to a webhook: new. `alert` as the API has it. */
json_t *fog_alert_notice(const char *host, const struct fog_rule *r, const json_t *alert);

#endif
