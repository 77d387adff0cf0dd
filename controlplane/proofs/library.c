/* SPDX-License-Identifier: BSD-3-Clause */
/* Library predicates: name(argument = value, ..) is written out as text before it is parsed, so
 * they can do nothing the language cannot. */
#include "controlplane/proofs/lexer.h"

#include <errno.h>
#include <string.h>

#define PARAMETERS_MAX 4
#define VALUE_MAX      2048

/* $0 .. $3 in `body` are the parameters. A NULL default: it must be given. */
static const struct library_predicate {
	const char *name;
	const char *body;
	const char *usage;
	struct {
		const char *name, *value;
	} parameter[PARAMETERS_MAX];
} library[] = {
	{"network_policy",
	 "(protocol in $0 and port in $1 and services <= $2)",
	 "network_policy(protocols = {\"tcp\", \"udp\", \"https\"}, ports = 1..65535, "
	 "max_services = 10)\n"
	 "    of protocol, port, services; ports may be system, registered or dynamic",
	 {{"protocols", "{\"tcp\", \"udp\", \"https\"}"},
	  {"ports", "1..65535"},
	  {"max_services", "10"}}},
	{"mime_type",
	 "(mime_type in $0)",
	 "mime_type(allowed = {\"text/plain\", \"text/csv\", \"application/json\", "
	 "\"application/octet-stream\"})\n"
	 "    of mime_type",
	 {{"allowed", "{\"text/plain\", \"text/csv\", \"application/json\", "
		      "\"application/octet-stream\"}"}}},
	{"model_hash",
	 "(model_hash in $0 and model_bytes <= $1)",
	 "model_hash(allowed = {..}, max_bytes = 1GiB)\n"
	 "    of model_hash, model_bytes; the hashes must be given",
	 {{"allowed", NULL}, {"max_bytes", "1GiB"}}},
	{"compliance_check",
	 "(consent_percent in $0..100 and retention_days <= $1 and security_percent in $2..100 "
	 "and findings <= $3)",
	 "compliance_check(min_consent = 90, max_retention = 1095, min_security = 80, "
	 "max_findings = 5)\n"
	 "    of consent_percent, retention_days, security_percent, findings",
	 {{"min_consent", "90"},
	  {"max_retention", "1095"},
	  {"min_security", "80"},
	  {"max_findings", "5"}}},
};

/* Port classes by name. */
static const struct {
	const char *name, *range;
} ports[] = {{"system", "1..1023"}, {"registered", "1024..49151"}, {"dynamic", "49152..65535"}};

struct expansion {
	struct fog_lexer lexer;
	struct fog_token token;
	char *out;
	size_t len;
	char *why;
};

const char *fog_predicate_library(unsigned i)
{
	return i < FOG_ARRAY_COUNT(library) ? library[i].usage : NULL;
}

static int fail(struct expansion *x, const char *what)
{
	snprintf(x->why, FOG_PREDICATE_WHY, "%.200s (at byte %zu)", what, x->token.at);
	return -EINVAL;
}

static int append(struct expansion *x, const char *text, size_t len)
{
	if (len >= FOG_PREDICATE_EXPANDED_MAX - x->len)
		return fail(x, "more than 8192 bytes with library predicates written out");
	memcpy(x->out + x->len, text, len);
	x->len += len;
	x->out[x->len] = '\0';
	return 0;
}

static void next(struct expansion *x)
{
	fog_lexer_next(&x->lexer, &x->token);
}

/* One value up to the next comma or parenthesis outside of braces, as it is written. */
static int value_read(struct expansion *x, char value[VALUE_MAX])
{
	size_t from = x->token.at, to = from;
	unsigned depth = 0;

	while (depth > 0 ||
	       (x->token.kind != FOG_TOKEN_COMMA && x->token.kind != FOG_TOKEN_CLOSE)) {
		if (x->token.kind == FOG_TOKEN_END)
			return fail(x, "a library predicate without its )");
		if (x->token.kind == FOG_TOKEN_BAD)
			return fail(x, x->token.text);
		if (x->token.kind == FOG_TOKEN_OPEN)
			return fail(x, "a value is a number, a text, a range or a set");
		depth += x->token.kind == FOG_TOKEN_BRACE_OPEN;
		depth -= x->token.kind == FOG_TOKEN_BRACE_CLOSE && depth > 0;
		next(x);
		to = x->token.at;
	}
	if (to == from || to - from >= VALUE_MAX)
		return fail(x, "a value is missing or longer than 2047 bytes");
	while (strchr(" \t\r\n", x->lexer.text[to - 1]) != NULL)
		to--;
	memcpy(value, x->lexer.text + from, to - from);
	value[to - from] = '\0';
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(ports); i++)
		if (strcmp(value, ports[i].name) == 0)
			snprintf(value, VALUE_MAX, "%s", ports[i].range);
	return 0;
}

static int arguments_read(struct expansion *x, const struct library_predicate *lib,
			  char value[PARAMETERS_MAX][VALUE_MAX])
{
	while (x->token.kind != FOG_TOKEN_CLOSE) {
		unsigned i = 0;

		if (x->token.kind != FOG_TOKEN_NAME)
			return fail(x, "the name of a parameter is missing");
		while (i < PARAMETERS_MAX && (lib->parameter[i].name == NULL ||
					      strcmp(lib->parameter[i].name, x->token.text) != 0))
			i++;
		if (i == PARAMETERS_MAX)
			return fail(x, "no such parameter");
		next(x);
		if (x->token.kind != FOG_TOKEN_EQ)
			return fail(x, "= is missing");
		next(x);
		int rc = value_read(x, value[i]);
		if (rc != 0)
			return rc;
		if (x->token.kind == FOG_TOKEN_COMMA)
			next(x);
	}
	return 0;
}

static int body_write(struct expansion *x, const struct library_predicate *lib,
		      char value[PARAMETERS_MAX][VALUE_MAX])
{
	int rc = 0;

	for (const char *p = lib->body; *p != '\0' && rc == 0; p++) {
		if (*p != '$') {
			rc = append(x, p, 1);
			continue;
		}
		unsigned i = (unsigned)(*++p - '0');
		const char *text = value[i][0] != '\0' ? value[i] : lib->parameter[i].value;
		rc = text == NULL ? fail(x, "a parameter that must be given is missing")
				  : append(x, text, strlen(text));
	}
	return rc;
}

static int call_expand(struct expansion *x, const char *name)
{
	char value[PARAMETERS_MAX][VALUE_MAX] = {{0}};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(library); i++) {
		if (strcmp(library[i].name, name) != 0)
			continue;
		next(x);
		int rc = arguments_read(x, &library[i], value);
		return rc != 0 ? rc : body_write(x, &library[i], value);
	}
	return fail(x, "no such library predicate");
}

int fog_predicate_expand(const char *text, char out[FOG_PREDICATE_EXPANDED_MAX],
			 char why[FOG_PREDICATE_WHY])
{
	struct expansion x = {.lexer.text = text, .out = out, .why = why};
	size_t copied = 0;
	int rc = 0;

	out[0] = why[0] = '\0';
	if (strnlen(text, FOG_PREDICATE_TEXT_MAX) == FOG_PREDICATE_TEXT_MAX) {
		snprintf(why, FOG_PREDICATE_WHY, "a predicate of more than 4095 bytes");
		return -EINVAL;
	}
	for (next(&x); x.token.kind != FOG_TOKEN_END && rc == 0;) {
		struct fog_token name = x.token;

		// The lexer does not pass what it cannot read.
		if (name.kind == FOG_TOKEN_BAD)
			return fail(&x, name.text);
		next(&x);
		if (name.kind != FOG_TOKEN_NAME || x.token.kind != FOG_TOKEN_OPEN)
			continue;
		rc = append(&x, text + copied, name.at - copied);
		if (rc == 0)
			rc = call_expand(&x, name.text);
		copied = x.lexer.at;
		next(&x);
	}
	return rc != 0 ? rc : append(&x, text + copied, strlen(text) - copied);
}
