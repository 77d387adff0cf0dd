/* SPDX-License-Identifier: BSD-3-Clause */
/* See dag.h. */
#include "controlplane/jobs/dag.h"

#include <errno.h>

#include "controlplane/scheduler/batch.h"

struct stage {
	char name[FOG_JOB_STAGE_SIZE];
	char after[FOG_JOB_AFTER_SIZE];
	enum fog_job_kind kind;
	u32 members;
	const json_t *job;
};

static const char *const counts[] = {"array", "gang"};

static bool class_s(const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "class"));

	return text != NULL && (text[0] == 'S' || text[0] == 's');
}

bool fog_job_batch_wanted(const json_t *body)
{
	return json_object_get(body, "stages") != NULL || json_object_get(body, "array") != NULL ||
	       json_object_get(body, "gang") != NULL || class_s(body);
}

bool fog_job_after_has(const char *after, const char *stage)
{
	size_t len = strlen(stage);

	for (const char *at = after; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && memcmp(at, stage, len) == 0)
			return true;
	return false;
}

/* What the batch says for all of its jobs. */
static bool inherited(const char *key)
{
	for (u32 i = 0; fog_job_terms_fields[i] != NULL; i++)
		if (strcmp(fog_job_terms_fields[i], key) == 0)
			return true;
	return strcmp(key, "constraints") == 0 || strcmp(key, "price_cap") == 0;
}

static json_t *body_make(const json_t *batch, const struct stage *s)
{
	json_t *body = json_deep_copy(s->job);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)batch, key, value)
	{
		if (inherited(key) && json_object_get(body, key) == NULL)
			json_object_set(body, key, value);
	}
	for (u32 i = 0; i < FOG_ARRAY_COUNT(counts); i++)
		json_object_del(body, counts[i]);
	return body;
}

static bool from_valid(const char *from, const char *after)
{
	char stage[FOG_JOB_STAGE_SIZE];
	size_t len = strcspn(from, ".");
	const char *rank = from + len + (from[len] == '.');

	if (len >= sizeof(stage) || rank[0] == '\0' || rank[strspn(rank, "0123456789")] != '\0')
		return false;
	snprintf(stage, sizeof(stage), "%.*s", (int)len, from);
	return fog_job_after_has(after, stage);
}

/* Inputs with "from": "stage.rank" become wishes, for when those are done. */
static bool from_take(json_t *body, const char *id, const struct stage *s,
		      char error[FOG_JSON_ERROR_SIZE])
{
	json_t *inputs = json_object_get(body, "inputs"), *list = json_array();

	json_object_del(body, "inputs_from");
	for (size_t i = 0; i < json_array_size(inputs);) {
		json_t *in = json_array_get(inputs, i);
		const char *from = json_string_value(json_object_get(in, "from"));
		if (from == NULL) {
			i++;
			continue;
		}
		if (!from_valid(from, s->after)) {
			snprintf(error, FOG_JSON_ERROR_SIZE,
				 "inputs: \"%.32s\" is no STAGE.RANK of a stage it comes after",
				 from);
			json_decref(list);
			return false;
		}
		json_array_append_new(list, json_pack("{s:O?,s:O*,s:o}", "name",
						      json_object_get(in, "name"), "artifact",
						      json_object_get(in, "artifact"), "job",
						      json_sprintf("%s.%s", id, from)));
		json_array_remove(inputs, i);
	}
	if (json_array_size(list) != 0)
		json_object_set(body, "inputs_from", list);
	json_decref(list);
	return true;
}

static void env_add(json_t *body, const struct fog_job_member *m)
{
	json_t *env = json_object_get(body, "env");

	if (!json_is_object(env)) {
		env = json_object();
		json_object_set_new(body, "env", env);
	}
	json_object_set_new(env, "FOG_BATCH", json_string(m->batch));
	json_object_set_new(env, "FOG_STAGE", json_string(m->stage));
	json_object_set_new(env, "FOG_RANK", json_sprintf("%u", m->rank));
	json_object_set_new(env, "FOG_SIZE", json_sprintf("%u", m->members));
}

/* Replicas get no place of their own: what they print is compared. */
static int member_make(const json_t *batch, const char *id, const struct stage *s, u32 rank,
		       struct fog_job_request *out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_member m = {.kind = s->kind, .rank = rank, .members = s->members};
	json_t *body = body_make(batch, s);
	char why[FOG_JSON_ERROR_SIZE];

	if (body == NULL)
		return -ENOMEM;
	snprintf(m.batch, sizeof(m.batch), "%s", id);
	memcpy(m.stage, s->name, sizeof(m.stage));
	memcpy(m.after, s->after, sizeof(m.after));
	if (s->kind != FOG_JOB_REPLICA)
		env_add(body, &m);
	json_object_set_new(body, "id", json_sprintf("%s.%s.%u", id, s->name, rank));
	if (json_object_get(body, "name") == NULL)
		json_object_set_new(body, "name", json_sprintf("%s/%u", s->name, rank));
	int rc = from_take(body, id, s, why) ? fog_job_request_parse(body, out, why) : -EINVAL;
	json_decref(body);
	if (rc != 0)
		snprintf(error, FOG_JSON_ERROR_SIZE, "stage %s: %.200s", s->name, why);
	out->member = m;
	return rc;
}

static u32 replicas_of(const json_t *batch, const json_t *job)
{
	const json_t *tier = json_object_get(job, "tier");
	const char *text;

	if (tier == NULL)
		tier = json_object_get(batch, "tier");
	text = json_string_value(tier);
	for (u32 i = 0; text != NULL && i < FOG_TIER_COUNT; i++)
		if (strcmp(fog_tiers[i].name, text) == 0)
			return FOG_MAX(fog_tiers[i].replicas, 2);
	return fog_tiers[FOG_TIER_SILVER].replicas;
}

static void after_read(struct fog_json_reader *r, const struct stage *above, u32 count,
		       struct stage *s)
{
	const json_t *list = fog_json_array(r, "after", 0, FOG_JOBS_STAGES_MAX);
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)list, i, v)
	{
		const char *name = json_string_value(v);
		u32 k = 0;
		while (k < count && (name == NULL || strcmp(above[k].name, name) != 0))
			k++;
		if (k == count) {
			fog_json_wrong(r, "after", "no stage \"%.32s\" above this one",
				       name != NULL ? name : "?");
			return;
		}
		if (fog_job_after_has(s->after, name))
			continue;
		size_t used = strlen(s->after);
		snprintf(s->after + used, sizeof(s->after) - used, "%s%s", used != 0 ? "," : "",
			 name);
	}
}

static void count_read(struct fog_json_reader *r, const json_t *batch, struct stage *s)
{
	const json_t *class = json_object_get(s->job, "class") != NULL ? s->job : batch;

	s->members = 1;
	if (fog_json_has(r, "array")) {
		s->kind = FOG_JOB_ARRAY;
		s->members = (u32)fog_json_u64(r, "array", 1, FOG_JOBS_BATCH_MAX);
	}
	if (fog_json_has(r, "gang")) {
		if (s->kind != FOG_JOB_SINGLE)
			fog_json_wrong(r, "gang", "a stage is an array or a gang");
		s->kind = FOG_JOB_GANG;
		s->members = (u32)fog_json_u64(r, "gang", 1, FOG_BATCH_MEMBERS_MAX);
	}
	if (!class_s(class))
		return;
	if (s->kind != FOG_JOB_SINGLE)
		fog_json_wrong(r, "job", "class S is replicated: no array and no gang");
	s->kind = FOG_JOB_REPLICA;
	s->members = replicas_of(batch, s->job);
}

static int stage_read(const json_t *batch, const json_t *object, struct stage *stages, u32 count,
		      char error[FOG_JSON_ERROR_SIZE])
{
	struct stage *s = &stages[count];
	struct fog_json_reader r;
	char prefix[32];

	memset(s, 0, sizeof(*s));
	snprintf(prefix, sizeof(prefix), "stages[%u].", count);
	if (!json_is_object(object)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "stages[%u]: must be an object", count);
		return -EINVAL;
	}
	fog_json_begin(&r, object, prefix);
	fog_json_copy(&r, "name", s->name, sizeof(s->name));
	if (fog_json_ok(&r) && (!fog_job_id_valid(s->name) || strchr(s->name, '.') != NULL))
		fog_json_wrong(&r, "name", "must be 1 to 20 of [A-Za-z0-9_-]");
	for (u32 i = 0; i < count; i++)
		if (fog_json_ok(&r) && strcmp(stages[i].name, s->name) == 0)
			fog_json_wrong(&r, "name", "two stages are named \"%s\"", s->name);
	s->job = fog_json_object(&r, "job");
	if (fog_json_has(&r, "after"))
		after_read(&r, stages, count, s);
	if (fog_json_ok(&r))
		count_read(&r, batch, s);
	fog_json_end(&r);
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
	return fog_json_ok(&r) ? 0 : -EINVAL;
}

/* A body without stages: the job is the body itself, less what belongs to the batch. */
static int lone_stage(const json_t *body, json_t **wrapped, struct stage *stage,
		      char error[FOG_JSON_ERROR_SIZE])
{
	json_t *job = json_copy((json_t *)body), *s = json_object();

	json_object_del(job, "id");
	for (u32 i = 0; i < FOG_ARRAY_COUNT(counts); i++) {
		json_object_set(s, counts[i], json_object_get(body, counts[i]));
		json_object_del(job, counts[i]);
	}
	json_object_set_new(s, "name", json_string("job"));
	json_object_set_new(s, "job", job);
	*wrapped = s;
	return stage_read(body, s, stage, 0, error);
}

static int envelope_check(const json_t *body, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_terms terms;
	struct fog_json_reader r;

	fog_json_begin(&r, body, "");
	fog_job_terms_read(&r, &terms);
	(void)fog_json_get(&r, "id");
	(void)fog_json_get(&r, "stages");
	(void)fog_json_get(&r, "constraints");
	(void)fog_json_get(&r, "price_cap");
	if (fog_json_has(&r, "name"))
		(void)fog_json_text_of(&r, "name", FOG_JOB_NAME_SIZE);
	fog_json_end(&r);
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
	return fog_json_ok(&r) ? 0 : -EINVAL;
}

static int stages_read(const json_t *body, json_t **wrapped, struct stage *stages, u32 *count,
		       char error[FOG_JSON_ERROR_SIZE])
{
	const json_t *list = json_object_get(body, "stages");
	size_t size = json_array_size(list);
	int rc = 0;

	if (list == NULL) {
		*count = 1;
		return lone_stage(body, wrapped, stages, error);
	}
	rc = envelope_check(body, error);
	if (rc != 0)
		return rc;
	if (size == 0 || size > FOG_JOBS_STAGES_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "stages: must be a list of 1 to %u",
			 FOG_JOBS_STAGES_MAX);
		return -EINVAL;
	}
	for (*count = 0; rc == 0 && *count < size; (*count)++)
		rc = stage_read(body, json_array_get(list, *count), stages, *count, error);
	return rc;
}

static int expand(const json_t *body, const struct stage *stages, u32 count,
		  struct fog_job_batch *out, char error[FOG_JSON_ERROR_SIZE])
{
	u32 total = 0;
	int rc = 0;

	for (u32 i = 0; i < count; i++)
		total += stages[i].members;
	if (total > FOG_JOBS_BATCH_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "stages: %u jobs, more than %u", total,
			 FOG_JOBS_BATCH_MAX);
		return -EINVAL;
	}
	out->request = calloc(total, sizeof(*out->request));
	if (out->request == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++)
		for (u32 rank = 0; rc == 0 && rank < stages[i].members; rank++) {
			rc = member_make(body, out->id, &stages[i], rank, &out->request[out->count],
					 error);
			out->count += rc == 0;
		}
	return rc;
}

int fog_job_batch_parse(const json_t *body, const char *id_default, struct fog_job_batch *out,
			char error[FOG_JSON_ERROR_SIZE])
{
	struct stage *stages = calloc(FOG_JOBS_STAGES_MAX, sizeof(*stages));
	const json_t *id = json_object_get(body, "id");
	const char *text = id == NULL ? id_default : json_string_value(id);
	json_t *wrapped = NULL;
	u32 count = 0;
	int rc = -EINVAL;

	memset(out, 0, sizeof(*out));
	error[0] = '\0';
	if (stages == NULL)
		return -ENOMEM;
	if (text == NULL || strlen(text) >= FOG_JOB_BATCH_SIZE || !fog_job_id_valid(text)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "id: must be 1 to %u of [A-Za-z0-9._-]",
			 FOG_JOB_BATCH_SIZE - 1);
	} else {
		snprintf(out->id, sizeof(out->id), "%s", text);
		rc = stages_read(body, &wrapped, stages, &count, error);
	}
	if (rc == 0)
		rc = expand(body, stages, count, out, error);
	json_decref(wrapped);
	free(stages);
	if (rc != 0)
		fog_job_batch_free(out);
	return rc;
}

void fog_job_batch_free(struct fog_job_batch *batch)
{
	for (u32 i = 0; i < batch->count; i++)
		fog_job_request_free(&batch->request[i]);
	free(batch->request);
	memset(batch, 0, sizeof(*batch));
}
