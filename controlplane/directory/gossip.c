/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/gossip.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"

struct fog_gossip {
	struct fog_directory *dir;
	fog_gossip_send_fn send;
	void *ctx;
	u32 messages; /* received */

	u32 digest_next; /* our digest: next index of the directory */
	bool digest_sent;

	u32 seen;         /* entries of the other's digest */
	bool digest_seen; /* its last page came */
	u8 (*wanted)[32]; /* to ask for, [wanted_next, wanted_count) */
	u32 wanted_next, wanted_count;
	u32 asked; /* of the want now unanswered; 0 = none */

	u8 (*answers)[32]; /* the other's want, [answer_next, answer_count) */
	u32 answer_next, answer_count;
	bool answering;

	bool done_sent, done_seen;
	struct fog_gossip_result result;
};

int fog_gossip_new(struct fog_gossip **out, struct fog_directory *dir, fog_gossip_send_fn send,
		   void *ctx)
{
	struct fog_gossip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->dir = dir;
	g->send = send;
	g->ctx = ctx;
	g->wanted = calloc(FOG_DIRECTORY_HOSTS_MAX, sizeof(*g->wanted));
	g->answers = calloc(FOG_GOSSIP_PAGE, sizeof(*g->answers));
	if (g->wanted == NULL || g->answers == NULL) {
		fog_gossip_free(g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void fog_gossip_free(struct fog_gossip *g)
{
	if (g == NULL)
		return;
	free(g->wanted);
	free(g->answers);
	free(g);
}

bool fog_gossip_finished(const struct fog_gossip *g)
{
	return g->done_sent && g->done_seen;
}

const struct fog_gossip_result *fog_gossip_result(const struct fog_gossip *g)
{
	return &g->result;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Takes over `value`. */
static int send_json(struct fog_gossip *g, json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	if (text == NULL)
		return -ENOMEM;
	size_t len = strlen(text);
	FOG_ASSERT(len <= FOG_GOSSIP_MESSAGE_MAX);
	int rc = g->send(g->ctx, text, (u32)len);
	free(text);
	return rc;
}

static int digest_send(struct fog_gossip *g)
{
	u32 count = fog_directory_count(g->dir);
	u32 next = g->digest_next;
	json_t *hosts = json_array();
	char hex[65];

	for (; next < count && next < g->digest_next + FOG_GOSSIP_PAGE; next++) {
		const struct fog_descriptor *d = &fog_directory_at(g->dir, next)->d;
		json_array_append_new(hosts, json_pack("[s, I]", fog_node_id_hex(d->node_id, hex),
						       (json_int_t)d->sequence));
	}
	bool last = next >= count;
	int rc = send_json(
		g, json_pack("{s:s, s:o, s:b}", "op", "digest", "hosts", hosts, "last", (int)last));
	if (rc != 0)
		return rc;
	g->digest_next = next;
	g->digest_sent = last;
	return 0;
}

static int want_send(struct fog_gossip *g)
{
	u32 count = FOG_MIN(g->wanted_count - g->wanted_next, (u32)FOG_GOSSIP_PAGE);
	json_t *hosts = json_array();
	char hex[65];

	for (u32 i = 0; i < count; i++)
		json_array_append_new(
			hosts, json_string(fog_node_id_hex(g->wanted[g->wanted_next + i], hex)));
	int rc = send_json(g, json_pack("{s:s, s:o}", "op", "want", "hosts", hosts));
	if (rc != 0)
		return rc;
	g->wanted_next += count;
	g->asked = count;
	return 0;
}

static json_t *descriptor_json(const struct fog_signed_descriptor *s)
{
	char signature[129];

	fog_hex_encode(s->signature, 64, signature, sizeof(signature));
	return json_pack("{s:s, s:s}", "text", s->text, "signature", signature);
}

/* One batch of the answer. In JSON a text at most doubles, so the batch always fits a message. */
static int answer_send(struct fog_gossip *g)
{
	json_t *list = json_array();
	u32 next = g->answer_next, bytes = 0, sent = 0;

	while (next < g->answer_count) {
		const struct fog_signed_descriptor *s =
			fog_directory_find(g->dir, g->answers[next]);
		u32 cost = s != NULL ? 2 * s->text_len + 200 : 0;
		if (sent != 0 && bytes + cost > FOG_GOSSIP_BATCH_BYTES)
			break;
		if (s != NULL) {
			json_array_append_new(list, descriptor_json(s));
			bytes += cost;
			sent++;
		}
		next++;
	}
	bool last = next == g->answer_count;
	int rc = send_json(g, json_pack("{s:s, s:o, s:b}", "op", "descriptors", "descriptors", list,
					"last", (int)last));
	if (rc != 0)
		return rc;
	g->answer_next = next;
	g->result.sent += sent;
	g->answering = !last;
	return 0;
}

_Static_assert(2 * FOG_DESCRIPTOR_TEXT_MAX + 400 < FOG_GOSSIP_MESSAGE_MAX, "");
_Static_assert(FOG_GOSSIP_BATCH_BYTES + 400 < FOG_GOSSIP_MESSAGE_MAX, "");
_Static_assert(FOG_GOSSIP_PAGE *(64 + 20 + 8) + 100 < FOG_GOSSIP_MESSAGE_MAX, "");

/* One message if there is one to send. 1: sent; 0: nothing to do; -errno. */
static int pump_one(struct fog_gossip *g)
{
	int rc;

	if (!g->digest_sent)
		rc = digest_send(g);
	else if (g->answering)
		rc = answer_send(g);
	else if (g->asked == 0 && g->wanted_next < g->wanted_count)
		rc = want_send(g);
	else if (!g->done_sent && g->digest_seen && g->asked == 0) {
		rc = send_json(g, json_pack("{s:s}", "op", "done"));
		g->done_sent = rc == 0;
	} else
		return 0;
	return rc == 0 ? 1 : rc;
}

int fog_gossip_pump(struct fog_gossip *g)
{
	int rc;

	do {
		rc = pump_one(g);
	} while (rc == 1);
	return rc == -EAGAIN ? 0 : rc;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int refuse(char why[FOG_GOSSIP_WHY_SIZE], const char *text)
{
	snprintf(why, FOG_GOSSIP_WHY_SIZE, "%s", text);
	return -EPROTO;
}

static bool id_read(const json_t *v, u8 id[32])
{
	const char *hex = json_string_value(v);

	return hex != NULL && fog_hex_decode(hex, id, 32) == 0;
}

/* Do we lack what the other side has? */
static bool is_news(const struct fog_gossip *g, const u8 id[32], u64 sequence)
{
	const struct fog_signed_descriptor *have = fog_directory_find(g->dir, id);

	if (have != NULL)
		return sequence > have->d.sequence;
	return fog_directory_count(g->dir) + (g->wanted_count - g->wanted_next) <
	       FOG_DIRECTORY_HOSTS_MAX;
}

static int digest_take(struct fog_gossip *g, const json_t *m, char why[FOG_GOSSIP_WHY_SIZE])
{
	const json_t *hosts = json_object_get(m, "hosts"), *last = json_object_get(m, "last");
	json_t *e;
	size_t i;
	u8 id[32];

	if (g->digest_seen)
		return refuse(why, "digest after the last page");
	if (!json_is_array(hosts) || json_array_size(hosts) > FOG_GOSSIP_PAGE ||
	    !json_is_boolean(last))
		return refuse(why, "malformed digest");
	g->seen += (u32)json_array_size(hosts);
	if (g->seen > FOG_DIRECTORY_HOSTS_MAX)
		return refuse(why, "digest of too many hosts");
	json_array_foreach(hosts, i, e)
	{
		json_int_t sequence = json_integer_value(json_array_get(e, 1));
		if (json_array_size(e) != 2 || !id_read(json_array_get(e, 0), id) || sequence <= 0)
			return refuse(why, "malformed digest entry");
		if (is_news(g, id, (u64)sequence))
			memcpy(g->wanted[g->wanted_count++], id, 32);
	}
	/* wanted_count <= seen <= FOG_DIRECTORY_HOSTS_MAX */
	g->digest_seen = json_is_true(last);
	return 0;
}

static int want_take(struct fog_gossip *g, const json_t *m, char why[FOG_GOSSIP_WHY_SIZE])
{
	const json_t *hosts = json_object_get(m, "hosts");
	json_t *e;
	size_t i;

	if (g->answering)
		return refuse(why, "want before the last one was answered");
	if (!json_is_array(hosts) || json_array_size(hosts) == 0 ||
	    json_array_size(hosts) > FOG_GOSSIP_PAGE)
		return refuse(why, "malformed want");
	json_array_foreach(hosts, i, e)
	{
		if (!id_read(e, g->answers[i]))
			return refuse(why, "malformed node id in want");
	}
	g->answer_next = 0;
	g->answer_count = (u32)json_array_size(hosts);
	g->answering = true;
	return 0;
}

static int descriptor_take(struct fog_gossip *g, const json_t *e, u64 now_ms,
			   char why[FOG_GOSSIP_WHY_SIZE])
{
	char reason[FOG_DESCRIPTOR_WHY_SIZE];
	u8 signature[64];
	const char *hex = json_string_value(json_object_get(e, "signature"));
	const json_t *text = json_object_get(e, "text");

	if (hex == NULL || !json_is_string(text) || fog_hex_decode(hex, signature, 64) != 0)
		return refuse(why, "malformed descriptor entry");
	g->result.offered++;
	int rc = fog_directory_offer(g->dir, json_string_value(text), json_string_length(text),
				     signature, now_ms, reason);
	if (rc == 0)
		g->result.accepted++;
	else
		fog_log(FOG_LOG_DEBUG, "directory", "descriptor refused reason=\"%s\"", reason);
	/* What a neighbour only passes on is no reason to leave it. */
	return 0;
}

static int descriptors_take(struct fog_gossip *g, const json_t *m, u64 now_ms,
			    char why[FOG_GOSSIP_WHY_SIZE])
{
	const json_t *list = json_object_get(m, "descriptors"), *last = json_object_get(m, "last");
	json_t *e;
	size_t i;

	if (!json_is_array(list) || !json_is_boolean(last))
		return refuse(why, "malformed descriptors");
	if (g->asked == 0 || json_array_size(list) > g->asked)
		return refuse(why, "descriptors nobody asked for");
	json_array_foreach(list, i, e)
	{
		int rc = descriptor_take(g, e, now_ms, why);
		if (rc != 0)
			return rc;
	}
	g->asked -= (u32)json_array_size(list);
	if (json_is_true(last))
		g->asked = 0;
	else if (g->asked == 0)
		return refuse(why, "more descriptors announced than asked for");
	return 0;
}

static int message_take(struct fog_gossip *g, const json_t *m, u64 now_ms,
			char why[FOG_GOSSIP_WHY_SIZE])
{
	const char *op = json_string_value(json_object_get(m, "op"));

	if (op == NULL)
		return refuse(why, "message without op");
	if (g->done_seen && strcmp(op, "descriptors") != 0)
		return refuse(why, "message after done");
	if (strcmp(op, "digest") == 0)
		return digest_take(g, m, why);
	if (strcmp(op, "want") == 0)
		return want_take(g, m, why);
	if (strcmp(op, "descriptors") == 0)
		return descriptors_take(g, m, now_ms, why);
	if (strcmp(op, "done") != 0)
		return refuse(why, "unknown op");
	if (!g->digest_sent || g->answering)
		return refuse(why, "done too early");
	g->done_seen = true;
	return 0;
}

int fog_gossip_message(struct fog_gossip *g, const u8 *data, u32 len, u64 now_ms,
		       char why[FOG_GOSSIP_WHY_SIZE])
{
	why[0] = '\0';
	if (++g->messages > FOG_GOSSIP_MESSAGES_MAX) {
		snprintf(why, FOG_GOSSIP_WHY_SIZE, "too many messages");
		return -EOVERFLOW;
	}
	json_t *m = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(m)) {
		json_decref(m);
		return refuse(why, "message is no JSON object");
	}
	int rc = message_take(g, m, now_ms, why);
	json_decref(m);
	return rc != 0 ? rc : fog_gossip_pump(g);
}
