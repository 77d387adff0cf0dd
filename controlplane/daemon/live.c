/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/live.h"

#include <errno.h>
#include <sys/queue.h>

#include "controlplane/daemon/envelope.h"

struct fog_live_client {
	struct fog_live *live;
	void *peer;
	bool subscribed[FOG_LIVE_TOPICS];
	u64 missed[FOG_LIVE_TOPICS]; /* events lost, or states that are to be sent again */
	TAILQ_ENTRY(fog_live_client) link;
};

struct fog_live {
	struct fog_live_ports ports;
	TAILQ_HEAD(, fog_live_client) clients;
	u32 count;
	u32 wanted[FOG_LIVE_TOPICS]; /* subscribers */
};

static const struct {
	const char *name, *type;
	bool is_state;
} topics[FOG_LIVE_TOPICS] = {
	[FOG_LIVE_STATUS] = {"status", "fog_status_update", true},
	[FOG_LIVE_PRICING] = {"pricing", "pricing_update", true},
	[FOG_LIVE_JOBS] = {"jobs", "job_update", false},
	[FOG_LIVE_CIRCUITS] = {"circuits", "circuit_update", false},
	[FOG_LIVE_CONSENSUS] = {"consensus", "consensus_update", false},
	[FOG_LIVE_ALERTS] = {"alerts", "alert", false},
	[FOG_LIVE_LOG] = {"log", "log", false},
};

static const char *const allowed[] = {
	"ping",      "get_fog_status", "subscribe_pricing", "unsubscribe_pricing",
	"subscribe", "unsubscribe"};

const char *fog_live_topic_name(enum fog_live_topic t)
{
	return topics[t].name;
}

/* ---- out ------------------------------------------------------------------------------------ */

static json_t *stamped(json_t *message)
{
	char stamp[FOG_STAMP_SIZE];

	fog_stamp(stamp);
	if (message != NULL)
		json_object_set_new(message, "timestamp", json_string(stamp));
	return message;
}

/* Takes over the message. */
static int say(struct fog_live_client *c, json_t *message)
{
	char *text = json_dumps(stamped(message), JSON_COMPACT | JSON_REAL_PRECISION(15));
	int rc = -ENOMEM;

	json_decref(message);
	if (text != NULL)
		rc = c->live->ports.send(c->peer, text, strlen(text));
	free(text);
	return rc;
}

static void error_say(struct fog_live_client *c, const char *code, const char *text)
{
	say(c, json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", text));
}

static void type_refuse(struct fog_live_client *c)
{
	json_t *list = json_array();

	for (u32 i = 0; i < FOG_ARRAY_COUNT(allowed); i++)
		json_array_append_new(list, json_string(allowed[i]));
	say(c, json_pack("{s:s, s:s, s:s, s:o}", "type", "error", "code", "INVALID_MESSAGE_TYPE",
			 "message", "Invalid or unsupported message type", "allowed_types", list));
}

static json_t *update_json(enum fog_live_topic t, json_t *data)
{
	return data == NULL ? NULL
			    : json_pack("{s:s, s:s, s:o}", "type", topics[t].type, "topic",
					topics[t].name, "data", data);
}

static json_t *state_json(struct fog_live *l, enum fog_live_topic t)
{
	return update_json(t, l->ports.state(l->ports.ctx, t));
}

static void state_say(struct fog_live_client *c, enum fog_live_topic t)
{
	c->missed[t] = say(c, state_json(c->live, t)) == -ENOBUFS;
}

/* One more event, after what has to be said of those before. */
static void event_say(struct fog_live_client *c, enum fog_live_topic t, const char *text)
{
	if (c->missed[t] != 0 &&
	    say(c, json_pack("{s:s, s:s, s:I}", "type", "events_lost", "topic", topics[t].name,
			     "count", (json_int_t)c->missed[t])) == 0)
		c->missed[t] = 0;
	if (c->missed[t] != 0 || c->live->ports.send(c->peer, text, strlen(text)) == -ENOBUFS)
		c->missed[t]++;
}

static bool addressed(const struct fog_live_client *c, enum fog_live_topic t, const char *owner)
{
	const struct fog_live_ports *ports = &c->live->ports;

	return c->subscribed[t] &&
	       (owner == NULL || ports->owns == NULL || ports->owns(c->peer, owner));
}

void fog_live_publish(struct fog_live *l, enum fog_live_topic t, const char *owner, json_t *data)
{
	struct fog_live_client *c, *next;

	if (l->wanted[t] == 0) {
		json_decref(data);
		return;
	}
	json_t *message = stamped(data != NULL ? update_json(t, data) : state_json(l, t));
	char *text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(message);
	for (c = TAILQ_FIRST(&l->clients); text != NULL && c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!addressed(c, t, owner))
			continue;
		if (topics[t].is_state)
			c->missed[t] = l->ports.send(c->peer, text, strlen(text)) == -ENOBUFS;
		else
			event_say(c, t, text);
	}
	free(text);
}

/* ---- subscriptions -------------------------------------------------------------------------- */

static void topic_set(struct fog_live_client *c, enum fog_live_topic t, bool on)
{
	if (c->subscribed[t] == on)
		return;
	c->subscribed[t] = on;
	c->missed[t] = 0;
	c->live->wanted[t] += on ? 1 : -1;
}

static json_t *subscribed_json(const struct fog_live_client *c)
{
	json_t *list = json_array();

	for (u32 t = 0; t < FOG_LIVE_TOPICS; t++)
		if (c->subscribed[t])
			json_array_append_new(list, json_string(topics[t].name));
	return list;
}

/* The topic of that name; FOG_LIVE_TOPICS: none. */
static enum fog_live_topic topic_find(const json_t *name)
{
	const char *text = json_string_value(name);
	u32 t = 0;

	while (t < FOG_LIVE_TOPICS && (text == NULL || strcmp(text, topics[t].name) != 0))
		t++;
	return (enum fog_live_topic)t;
}

/* All of them are topics this client may have, or none is taken. */
static bool topics_check(struct fog_live_client *c, const json_t *list, bool on)
{
	const json_t *name;
	size_t i;

	if (json_array_size(list) == 0) {
		error_say(c, "INVALID_MESSAGE_FORMAT", "topics wants a list of topics");
		return false;
	}
	json_array_foreach((json_t *)list, i, name)
	{
		enum fog_live_topic t = topic_find(name);
		if (t == FOG_LIVE_TOPICS) {
			error_say(c, "INVALID_TOPIC",
				  "topics: status, pricing, jobs, circuits, "
				  "consensus, alerts, log");
			return false;
		}
		if (on && c->live->ports.may != NULL && !c->live->ports.may(c->peer, t)) {
			error_say(c, "FORBIDDEN", "the token's scopes do not include this topic");
			return false;
		}
	}
	return true;
}

static void topics_change(struct fog_live_client *c, const json_t *list, bool on)
{
	const json_t *name;
	size_t i;

	if (!topics_check(c, list, on))
		return;
	json_array_foreach((json_t *)list, i, name) topic_set(c, topic_find(name), on);
	say(c, json_pack("{s:s, s:o}", "type", on ? "subscribed" : "unsubscribed", "topics",
			 subscribed_json(c)));
	json_array_foreach((json_t *)list, i, name)
	{
		enum fog_live_topic t = topic_find(name);
		if (on && topics[t].is_state)
			state_say(c, t);
	}
}

/* ---- in ------------------------------------------------------------------------------------- */

static void handle(struct fog_live_client *c, const char *type, const json_t *message)
{
	if (strcmp(type, "ping") == 0) {
		say(c, json_pack("{s:s}", "type", "pong"));
	} else if (strcmp(type, "get_fog_status") == 0) {
		say(c, state_json(c->live, FOG_LIVE_STATUS));
	} else if (strcmp(type, "subscribe_pricing") == 0) {
		topic_set(c, FOG_LIVE_PRICING, true);
		state_say(c, FOG_LIVE_PRICING);
	} else if (strcmp(type, "unsubscribe_pricing") == 0) {
		topic_set(c, FOG_LIVE_PRICING, false);
	} else if (strcmp(type, "subscribe") == 0) {
		topics_change(c, json_object_get(message, "topics"), true);
	} else if (strcmp(type, "unsubscribe") == 0) {
		topics_change(c, json_object_get(message, "topics"), false);
	} else {
		type_refuse(c);
	}
}

/* The bytes of UTF-8 that begin a character. */
static size_t characters(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((u8)text[i] & 0xc0) != 0x80;
	return count;
}

void fog_live_message(struct fog_live_client *c, const char *text, size_t len)
{
	if (len > FOG_LIVE_TEXT_MAX && characters(text, len) > FOG_LIVE_TEXT_MAX) {
		error_say(c, "MESSAGE_TOO_LARGE", "Message exceeds 1048576 characters");
		return;
	}
	json_t *message = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(message, "type"));
	if (message == NULL)
		error_say(c, "JSON_DECODE_ERROR", "Invalid JSON format");
	else if (!json_is_object(message))
		error_say(c, "PROCESSING_ERROR", "Message processing failed");
	else if (type == NULL)
		type_refuse(c);
	else
		handle(c, type, message);
	json_decref(message);
}

void fog_live_writable(struct fog_live_client *c)
{
	for (u32 t = 0; t < FOG_LIVE_TOPICS; t++)
		if (topics[t].is_state && c->subscribed[t] && c->missed[t] != 0)
			state_say(c, (enum fog_live_topic)t);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void greet(struct fog_live_client *c)
{
	say(c, json_pack("{s:s, s:s, s:[s,s,s,s,s,s,s,s,s]}", "type", "fog_connection_established",
			 "message", "Connected to Enhanced Fog Computing Gateway", "capabilities",
			 "tee_runtime", "proof_system", "zk_predicates", "dynamic_pricing",
			 "job_scheduler", "byzantine_quorum", "onion_routing", "reputation_system",
			 "vrf_neighbor"));
}

struct fog_live_client *fog_live_join(struct fog_live *l, void *peer)
{
	struct fog_live_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->live = l;
	c->peer = peer;
	TAILQ_INSERT_TAIL(&l->clients, c, link);
	l->count++;
	greet(c);
	return c;
}

void fog_live_leave(struct fog_live_client *c)
{
	for (u32 t = 0; t < FOG_LIVE_TOPICS; t++)
		topic_set(c, (enum fog_live_topic)t, false);
	TAILQ_REMOVE(&c->live->clients, c, link);
	c->live->count--;
	free(c);
}

bool fog_live_wanted(const struct fog_live *l, enum fog_live_topic t)
{
	return l->wanted[t] != 0;
}

u32 fog_live_clients(const struct fog_live *l)
{
	return l->count;
}

int fog_live_new(struct fog_live **out, const struct fog_live_ports *ports)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	(*out)->ports = *ports;
	TAILQ_INIT(&(*out)->clients);
	return 0;
}

void fog_live_free(struct fog_live *l)
{
	FOG_ASSERT(l == NULL || TAILQ_EMPTY(&l->clients));
	free(l);
}
