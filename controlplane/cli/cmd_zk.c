/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl zk: predicates over committed attributes. Works without a control plane. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/proofs/claim.h"
#include "crypto/cpu.h"

#define EXPIRES_MS_DEFAULT (3600ull * 1000)

static json_t *json_load_from(const struct fog_cli *cli, const char *path)
{
	json_error_t error;
	json_t *o = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &error)
					   : json_load_file(path, 0, &error);

	if (o == NULL)
		fog_cli_fail(cli, "%s: %s", path, error.text);
	return o;
}

/* NAME=VALUE; digits, true and false are numbers, "..." is always a text. */
static int value_add(const struct fog_cli *cli, json_t *values, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char name[FOG_PREDICATE_NAME_MAX];

	if (equals == NULL || equals == argument ||
	    (size_t)(equals - argument) >= FOG_PREDICATE_NAME_MAX)
		return fog_cli_usage(cli, "\"%s\" is not NAME=VALUE", argument);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - argument), argument);
	json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
	if (value == NULL || json_is_object(value) || json_is_array(value) || json_is_null(value)) {
		json_decref(value);
		value = json_string(equals + 1);
	}
	json_object_set_new(values, name, value);
	return FOG_CLI_OK;
}

int fog_cmd_zk_commit(struct fog_cli *cli)
{
	json_t *values = json_object(), *secrets;
	char why[FOG_PREDICATE_WHY];
	int rc = FOG_CLI_OK;

	if (fog_crypto_init() != 0)
		return fog_cli_fail(cli, "no random numbers");
	for (u32 i = 0; i < cli->args_count && rc == FOG_CLI_OK; i++)
		rc = value_add(cli, values, cli->args[i]);
	if (rc == FOG_CLI_OK) {
		if (fog_claim_commit(values, &secrets, why) == 0) {
			fog_json_print(cli, secrets);
			json_decref(secrets);
		} else {
			rc = fog_cli_fail(cli, "%s", why);
		}
	}
	json_decref(values);
	return rc;
}

static const char *option_or(const struct fog_cli *cli, enum fog_option id, const char *def)
{
	return cli->option[id] != NULL ? cli->option[id] : def;
}

int fog_cmd_zk_prove(struct fog_cli *cli)
{
	u64 life_ms = EXPIRES_MS_DEFAULT;
	const char *life = cli->option[FOG_OPTION_EXPIRES];
	char why[FOG_PREDICATE_WHY];
	json_t *claim;

	if (cli->option[FOG_OPTION_SECRETS] == NULL)
		return fog_cli_usage(cli, "--secrets FILE is missing");
	if (life != NULL && fog_duration_parse(life, &life_ms) != 0)
		return fog_cli_usage(cli, "--expires \"%s\": want a time such as 10m", life);
	if (fog_crypto_init() != 0)
		return fog_cli_fail(cli, "no random numbers");
	json_t *secrets = json_load_from(cli, cli->option[FOG_OPTION_SECRETS]);
	if (secrets == NULL)
		return FOG_CLI_FAILED;
	const struct fog_claim_question q = {
		.predicate = cli->args[0],
		.domain = option_or(cli, FOG_OPTION_DOMAIN, "fog"),
		.context = option_or(cli, FOG_OPTION_CONTEXT, ""),
		.expires_s = (u64)time(NULL) + life_ms / 1000,
	};
	int rc = fog_claim_prove(&q, secrets, &claim, why);
	json_decref(secrets);
	if (rc != 0)
		return fog_cli_fail(cli, "%s", why);
	fog_json_print(cli, claim);
	json_decref(claim);
	return FOG_CLI_OK;
}

int fog_cmd_zk_verify(struct fog_cli *cli)
{
	struct fog_claim_expected e = {
		.domain = option_or(cli, FOG_OPTION_DOMAIN, "fog"),
		.context = cli->option[FOG_OPTION_CONTEXT],
		.now_s = (u64)time(NULL),
	};
	struct fog_local_verifier *v;
	char why[FOG_PREDICATE_WHY];
	json_t *known = NULL;

	if (fog_crypto_init() != 0 || fog_local_verifier_open(&v) != 0)
		return fog_cli_fail(cli, "no memory");
	json_t *claim = json_load_from(cli, cli->args[0]);
	if (claim != NULL && cli->option[FOG_OPTION_COMMITMENTS] != NULL) {
		known = json_load_from(cli, cli->option[FOG_OPTION_COMMITMENTS]);
		e.commitments = known;
	}
	int rc = FOG_CLI_FAILED;
	if (claim != NULL && (known != NULL || cli->option[FOG_OPTION_COMMITMENTS] == NULL)) {
		rc = fog_claim_verify(v, claim, &e, why);
		if (rc != 0)
			rc = fog_cli_fail(cli, "not proved: %s", why);
		else if (cli->json)
			fprintf(cli->out, "{\"valid\": true}\n");
		else
			fprintf(cli->out, "proved: %s\n",
				json_string_value(json_object_get(claim, "predicate")));
	}
	json_decref(known);
	json_decref(claim);
	fog_local_verifier_close(v);
	return rc;
}

int fog_cmd_zk_explain(struct fog_cli *cli)
{
	struct fog_predicate *p = malloc(sizeof(*p));
	char why[FOG_PREDICATE_WHY];
	int rc = FOG_CLI_OK;

	if (p == NULL)
		return fog_cli_fail(cli, "no memory");
	if (cli->args_count == 0) {
		for (unsigned i = 0; fog_predicate_library(i) != NULL; i++)
			fprintf(cli->out, "%s\n", fog_predicate_library(i));
	} else if (fog_predicate_compile(p, cli->args[0], why) != 0) {
		rc = fog_cli_fail(cli, "%s", why);
	} else {
		fog_predicate_explain(p, cli->out);
	}
	free(p);
	return rc;
}
