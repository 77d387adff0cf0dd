/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of health.alert_rules:
 *
 *	{"rules": [{"name": "queue_long", "metric": "fog_jobs_open", "op": ">", "threshold": 100,
 *	            "for_seconds": 60, "severity": "warning", "summary": "many jobs wait"}],
 *	 "remove": ["links_down"]} */
#include <errno.h>
#include <sys/stat.h>

#include "controlplane/daemon/alerts.h"

static bool text_get(const json_t *o, const char *name, char *out, size_t size)
{
	const json_t *v = json_object_get(o, name);

	out[0] = '\0';
	if (v == NULL)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= size)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool is_known(const char *name)
{
	static const char *const names[] = {"name",     "metric", "labels",    "by",
					    "kind",     "op",     "threshold", "for_seconds",
					    "severity", "summary"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* NULL, or what is wrong. */
static const char *rule_parse(const json_t *o, struct fog_rule *r)
{
	const json_t *threshold = json_object_get(o, "threshold");
	const json_t *wait = json_object_get(o, "for_seconds");
	char kind[16], op[8], severity[16];
	const char *name;
	json_t *value;

	memset(r, 0, sizeof(*r));
	if (!json_is_object(o))
		return "is no object";
	json_object_foreach((json_t *)o, name, value) if (!is_known(name)) return "has a member "
										  "nobody knows";
	if (!text_get(o, "name", r->name, sizeof(r->name)) ||
	    !text_get(o, "metric", r->metric, sizeof(r->metric)) ||
	    !text_get(o, "labels", r->labels, sizeof(r->labels)) ||
	    !text_get(o, "by", r->by, sizeof(r->by)) ||
	    !text_get(o, "summary", r->summary, sizeof(r->summary)) ||
	    !text_get(o, "kind", kind, sizeof(kind)) || !text_get(o, "op", op, sizeof(op)) ||
	    !text_get(o, "severity", severity, sizeof(severity)))
		return "has a text that is none, or is too long";
	if (r->name[0] == '\0' || r->metric[0] == '\0')
		return "wants name and metric";
	r->kind = fog_rule_kind_parse(kind[0] != '\0' ? kind : "value");
	if (r->kind == 0)
		return "wants kind value, rate or anomaly";
	r->op = fog_rule_op_parse(op[0] != '\0' ? op : ">");
	if (r->op == 0)
		return "wants op >, >=, <, <= or ==";
	r->severity = fog_severity_parse(severity[0] != '\0' ? severity : "warning");
	if (r->severity == 0)
		return "wants severity info, warning or critical";
	if (!json_is_number(threshold))
		return "wants a number as threshold";
	r->threshold = json_number_value(threshold);
	if (wait != NULL && (!json_is_number(wait) || json_number_value(wait) < 0 ||
			     json_number_value(wait) > 86400 * 7))
		return "wants for_seconds from 0 to a week";
	r->for_ms = (u64)(1000 * json_number_value(wait));
	return NULL;
}

static int rules_take(struct fog_alarms *a, const json_t *root, char why[FOG_HOST_WHY_SIZE])
{
	const json_t *rules = json_object_get(root, "rules"),
		     *remove = json_object_get(root, "remove");
	struct fog_rule r;

	for (size_t i = 0; i < json_array_size(remove); i++) {
		const char *name = json_string_value(json_array_get(remove, i));
		if (name == NULL || fog_alarms_remove(a, name) != 0) {
			snprintf(why, FOG_HOST_WHY_SIZE, "remove: there is no rule \"%.100s\"",
				 name != NULL ? name : "");
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const char *wrong = rule_parse(json_array_get(rules, i), &r);
		int rc = wrong != NULL ? -EINVAL : fog_alarms_rule(a, &r);
		if (rc == 0)
			continue;
		snprintf(why, FOG_HOST_WHY_SIZE, "rule %zu %s", i + 1,
			 wrong != NULL ? wrong : "is one too many");
		return rc;
	}
	return 0;
}

int fog_alert_rules_read(struct fog_alarms *a, const char *path, char why[FOG_HOST_WHY_SIZE])
{
	json_error_t error;
	struct stat st;

	fog_alarms_init(a);
	if (path[0] == '\0')
		return 0;
	if (stat(path, &st) != 0) {
		int rc = -errno;
		snprintf(why, FOG_HOST_WHY_SIZE, "%.300s: %s", path, strerror(-rc));
		return rc;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FOG_ALERTS_FILE_SIZE_MAX) {
		snprintf(why, FOG_HOST_WHY_SIZE, "%.300s: no file of at most 1 MiB", path);
		return -EINVAL;
	}
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(root)) {
		snprintf(why, FOG_HOST_WHY_SIZE, "%.300s:%d: %.100s", path,
			 root == NULL ? error.line : 1, root == NULL ? error.text : "no object");
		json_decref(root);
		return -EINVAL;
	}
	char inner[FOG_HOST_WHY_SIZE] = "";
	int rc = rules_take(a, root, inner);
	if (rc != 0)
		snprintf(why, FOG_HOST_WHY_SIZE, "%.300s: %.200s", path, inner);
	json_decref(root);
	return rc;
}

json_t *fog_alert_rule_json(const struct fog_rule *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:s, s:s}", "name", r->name,
			 "metric", r->metric, "labels", r->labels, "by", r->by, "kind",
			 fog_rule_kind_name(r->kind), "op",
			 r->op != 0 ? fog_rule_op_name(r->op) : ">", "threshold", r->threshold,
			 "for_seconds", (double)r->for_ms / 1000.0, "severity",
			 fog_severity_name(r->severity), "summary", r->summary);
}
