/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/client.h"

#include <errno.h>

#include <curl/curl.h>

struct body {
	char *data;
	size_t size;
	size_t room;
	bool too_long;
};

static size_t body_append(char *data, size_t one, size_t count, void *user)
{
	struct body *b = user;
	size_t size = one * count;

	if (size > FOG_CLIENT_BODY_MAX - b->size) {
		b->too_long = true;
		return 0;
	}
	if (b->size + size + 1 > b->room) {
		size_t room = FOG_MAX(b->size + size + 1, FOG_MAX(b->room * 2, (size_t)4096));
		char *grown = realloc(b->data, room);
		if (grown == NULL)
			return 0;
		b->data = grown;
		b->room = room;
	}
	memcpy(b->data + b->size, data, size);
	b->size += size;
	b->data[b->size] = '\0';
	return size;
}

int fog_client_open(struct fog_client *c, const char *socket_path)
{
	*c = (struct fog_client){0};
	if (strlen(socket_path) >= sizeof(c->socket))
		return -ENAMETOOLONG;
	memcpy(c->socket, socket_path, strlen(socket_path) + 1);
	c->curl = curl_easy_init();
	return c->curl != NULL ? 0 : -ENOMEM;
}

void fog_client_close(struct fog_client *c)
{
	curl_easy_cleanup(c->curl);
	c->curl = NULL;
}

static int transport_error(struct fog_client *c, CURLcode code, const struct body *answer)
{
	long os_errno = 0;

	if (answer->too_long) {
		snprintf(c->error, sizeof(c->error), "answer of more than %u bytes",
			 FOG_CLIENT_BODY_MAX);
		return -EMSGSIZE;
	}
	curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT) {
		snprintf(c->error, sizeof(c->error), "no control plane answers on %s (%s)",
			 c->socket, strerror(os_errno != 0 ? (int)os_errno : ECONNREFUSED));
		return -ECONNREFUSED;
	}
	snprintf(c->error, sizeof(c->error), "control plane on %s: %s", c->socket,
		 curl_easy_strerror(code));
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static int status_error(struct fog_client *c, const struct body *answer)
{
	json_t *problem = json_loadb(answer->data ? answer->data : "", answer->size, 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));

	if (detail == NULL)
		detail = json_string_value(json_object_get(problem, "title"));
	if (detail != NULL)
		snprintf(c->error, sizeof(c->error), "%s", detail);
	else
		snprintf(c->error, sizeof(c->error), "control plane answered HTTP %ld", c->status);
	json_decref(problem);
	switch (c->status) {
	case 404:
		return -ENOENT;
	case 409:
		return -EEXIST;
	case 503:
		return -EAGAIN;
	default:
		return c->status >= 400 && c->status < 500 ? -EINVAL : -EIO;
	}
}

static int curl_prepare(struct fog_client *c, const char *method, const char *path,
			struct body *answer)
{
	char url[FOG_CLIENT_PATH_MAX + 32];

	if (strlen(path) >= FOG_CLIENT_PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_reset(c->curl);
	if (curl_easy_setopt(c->curl, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket) != CURLE_OK ||
	    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method) != CURLE_OK)
		return -ENOMEM;
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)FOG_CLIENT_TIMEOUT_MS);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)FOG_CLIENT_CONNECT_MS);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, body_append);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
	return 0;
}

/* Each call is a span of its own. */
static struct curl_slist *trace_append(struct curl_slist *headers, const struct fog_client *c)
{
	char parent[FOG_TRACEPARENT_SIZE], line[FOG_TRACEPARENT_SIZE + 16];
	struct fog_trace trace = c->trace;

	if (!fog_trace_is(&trace))
		return headers;
	fog_span_id_make(trace.span_id);
	snprintf(line, sizeof(line), "traceparent: %s", fog_trace_format(&trace, parent));
	return curl_slist_append(headers, line);
}

/* One exchange; the answer's bytes in *answer, the caller's to free. */
static int exchange(struct fog_client *c, const char *method, const char *path, const char *body,
		    struct body *answer)
{
	struct curl_slist *headers = trace_append(NULL, c);

	c->status = 0;
	c->error[0] = '\0';
	int rc = curl_prepare(c, method, path, answer);
	if (rc != 0) {
		snprintf(c->error, sizeof(c->error), "%s", strerror(-rc));
		curl_slist_free_all(headers);
		return rc;
	}
	if (body != NULL) {
		headers = curl_slist_append(headers, "Content-Type: application/json");
		headers =
			curl_slist_append(headers, "Expect:"); /* no round trip for large bodies */
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	if (c->range[0] != '\0')
		curl_easy_setopt(c->curl, CURLOPT_RANGE, c->range);
	CURLcode code = curl_easy_perform(c->curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
		rc = c->status >= 200 && c->status < 300 ? 0 : status_error(c, answer);
	} else {
		rc = transport_error(c, code, answer);
	}
	curl_slist_free_all(headers);
	return rc;
}

int fog_client_call(struct fog_client *c, const char *method, const char *path, const json_t *body,
		    json_t **out)
{
	struct body answer = {0};
	json_error_t error;
	char *text = NULL;

	*out = NULL;
	if (body != NULL) {
		text = json_dumps(body, JSON_COMPACT);
		if (text == NULL)
			return -ENOMEM;
	}
	int rc = exchange(c, method, path, text, &answer);
	if (rc == 0 && answer.size > 0) {
		*out = json_loadb(answer.data, answer.size, JSON_DECODE_ANY, &error);
		if (*out == NULL) {
			snprintf(c->error, sizeof(c->error), "answer of %s is not JSON: %s", path,
				 error.text);
			rc = -EPROTO;
		}
	}
	free(answer.data);
	free(text);
	return rc;
}

int fog_client_bytes(struct fog_client *c, const char *path, char **data, size_t *size)
{
	struct body answer = {0};
	int rc = exchange(c, "GET", path, NULL, &answer);

	if (rc == 0 && answer.data == NULL) {
		answer.data = calloc(1, 1);
		if (answer.data == NULL)
			rc = -ENOMEM;
	}
	if (rc != 0) {
		free(answer.data);
		return rc;
	}
	*data = answer.data;
	*size = answer.size;
	return 0;
}

int fog_client_part(struct fog_client *c, const char *path, u64 offset, u64 len, char **data,
		    size_t *size)
{
	snprintf(c->range, sizeof(c->range), "%llu-%llu", (unsigned long long)offset,
		 (unsigned long long)(offset + len - 1));
	int rc = fog_client_bytes(c, path, data, size);
	c->range[0] = '\0';
	if (rc != 0 || (c->status == 206 && *size <= len))
		return rc;
	free(*data);
	snprintf(c->error, sizeof(c->error), "%.200s: the answer is not the part asked for", path);
	return -EPROTO;
}
