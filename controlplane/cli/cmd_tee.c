/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl tee: attestation of hosts, and the life of an enclave. What is sealed here is sealed for a
 * key that was checked here: the result of the verifier, its signature, time and verdict, and that
 * the key is in it. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/tee/collateral.h"
#include "controlplane/tee/ear.h"
#include "controlplane/tee/seal.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)
#define RUNTIME    "/v1/fog/tee/runtime"
#define FILE_MAX   (4u << 20)
#define POLL_US    200000
#define POLLS_MAX  (3700 * (1000000 / POLL_US)) /* the longest run, and some */

static const struct fog_column status_sheet[] = {
	{"provider", "provider", FOG_FORMAT_TEXT, false},
	{"  which is", "about", FOG_FORMAT_TEXT, false},
	{"  vouches for", "security_level", FOG_FORMAT_TEXT, false},
	{"healthy", "healthy", FOG_FORMAT_STATE, false},
	{"platform", "platform", FOG_FORMAT_TEXT, false},
	{"  changes", "changes", FOG_FORMAT_TEXT, false},
	{"accepts of others", "policy.accept", FOG_FORMAT_LIST, false},
	{"  policy", "policy.digest", FOG_FORMAT_ID, false},
	{"  policy not taken", "policy.refused", FOG_FORMAT_TEXT, false},
	{"  collateral files", "collateral.files", FOG_FORMAT_COUNT, false},
	{"  collateral not taken", "collateral.refused", FOG_FORMAT_TEXT, false},
	{"hosts found good", "hosts_attested", FOG_FORMAT_TEXT, false},
	{"  refused", "hosts_refused", FOG_FORMAT_TEXT, false},
	{"enclaves", "active_enclaves", FOG_FORMAT_TEXT, false},
	{"  at most", "max_enclaves", FOG_FORMAT_TEXT, false},
	{"  MiB", "memory_usage_mb", FOG_FORMAT_TEXT, false},
	{"  files in", "memory_store", FOG_FORMAT_TEXT, false},
};

static const struct fog_column host_columns[] = {
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"ID", "node_id", FOG_FORMAT_ID, false},
	{"CLAIMS", "claims", FOG_FORMAT_TEXT, false},
	{"ATTESTED", "attested", FOG_FORMAT_STATE, false},
	{"CODE", "code", FOG_FORMAT_TEXT, false},
	{"REASON", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column collateral_columns[] = {
	{"FILE", "file", FOG_FORMAT_TEXT, false},
	{"HOLDS", "holds", FOG_FORMAT_STATE, false},
	{"UNTIL", "until", FOG_FORMAT_TEXT, false},
	{"ABOUT", "about", FOG_FORMAT_TEXT, false},
};

static const struct fog_column enclave_columns[] = {
	{"ENCLAVE", "enclave_id", FOG_FORMAT_TEXT, false},
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"PROVIDER", "provider", FOG_FORMAT_TEXT, false},
	{"ENGINE", "engine", FOG_FORMAT_TEXT, false},
	{"MIB", "memory_mb", FOG_FORMAT_TEXT, true},
	{"RUNS", "runs", FOG_FORMAT_TEXT, true},
	{"SECRETS", "secrets", FOG_FORMAT_COUNT, true},
	{"AGE", "created_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column enclave_sheet[] = {
	{"enclave", "enclave_id", FOG_FORMAT_TEXT, false},
	{"name", "name", FOG_FORMAT_TEXT, false},
	{"state", "state", FOG_FORMAT_STATE, false},
	{"  reason", "reason", FOG_FORMAT_TEXT, false},
	{"provider", "provider", FOG_FORMAT_TEXT, false},
	{"measurement", "measurement", FOG_FORMAT_TEXT, false},
	{"key", "key", FOG_FORMAT_TEXT, false},
	{"attested by", "attestation.verifier", FOG_FORMAT_TEXT, false},
	{"  chosen by", "attestation.chosen.by", FOG_FORMAT_TEXT, false},
	{"  status", "attestation.status", FOG_FORMAT_STATE, false},
	{"secrets", "secrets", FOG_FORMAT_LIST, false},
	{"runs", "runs", FOG_FORMAT_TEXT, false},
};

/* ---- looking -------------------------------------------------------------------------------- */

int fog_cmd_tee_status(struct fog_cli *cli)
{
	json_t *answer;
	int rc = fog_api_get(cli, "/v1/fog/tee/status", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *data = json_object_get(answer, "data");
	if (cli->json)
		fog_json_print(cli, data);
	else
		fog_sheet_print(cli, data, COLUMNS(status_sheet));
	json_decref(answer);
	return rc;
}

int fog_cmd_tee_hosts(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/tee/hosts", "hosts", COLUMNS(host_columns),
			    "no other host is known");
}

int fog_cmd_tee_list(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/enclaves", "enclaves", COLUMNS(enclave_columns),
			    "no enclaves; fogctl tee create makes one");
}

static int enclave_get(const struct fog_cli *cli, const char *id, json_t **out)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/enclaves/";

	if (fog_path_append(path, sizeof(path), id) != 0)
		return fog_cli_usage(cli, "the id is too long");
	return fog_api_get(cli, path, out);
}

static int enclave_print(const struct fog_cli *cli, const json_t *enclave)
{
	if (cli->json)
		fog_json_print(cli, enclave);
	else
		fog_sheet_print(cli, enclave, COLUMNS(enclave_sheet));
	return FOG_CLI_OK;
}

int fog_cmd_tee_show(struct fog_cli *cli)
{
	json_t *answer = NULL;
	int rc = enclave_get(cli, cli->args[0], &answer);

	if (rc == FOG_CLI_OK)
		rc = enclave_print(cli, answer);
	json_decref(answer);
	return rc;
}

/* ---- operations ----------------------------------------------------------------------------- */

/* One call; takes over body. *out: what is in `data`. */
static int operate(const struct fog_cli *cli, json_t *body, json_t **out)
{
	struct fog_client client;
	json_t *answer = NULL;
	int rc = fog_api_open(cli, &client);

	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, "POST", RUNTIME, body, &answer);
		fog_client_close(&client);
	}
	json_decref(body);
	*out = rc == FOG_CLI_OK ? json_incref(json_object_get(answer, "data")) : NULL;
	json_decref(answer);
	return rc;
}

static int operate_print(struct fog_cli *cli, json_t *body)
{
	json_t *data;
	int rc = operate(cli, body, &data);

	if (rc == FOG_CLI_OK)
		rc = enclave_print(cli, data);
	json_decref(data);
	return rc;
}

/* All of a file, "-" is standard input; the caller wipes and frees. */
static int file_take(const struct fog_cli *cli, const char *path, size_t max, u8 **out,
		     size_t *size)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int rc = FOG_CLI_OK;

	*out = NULL;
	if (in == NULL)
		return fog_cli_fail(cli, "%s: %s", path, strerror(errno));
	*out = malloc(max + 1);
	*size = *out != NULL ? fread(*out, 1, max + 1, in) : 0;
	if (*out == NULL || *size > max || ferror(in))
		rc = fog_cli_fail(cli, "%s: cannot be read, or more than %zu bytes", path, max);
	if (in != stdin)
		fclose(in);
	return rc;
}

static json_t *words_json(const struct fog_cli *cli, u32 from)
{
	json_t *list = json_array();

	for (u32 i = from; i < cli->args_count; i++)
		json_array_append_new(list, json_string(cli->args[i]));
	return list;
}

static int config_make(const struct fog_cli *cli, json_t *config)
{
	const char *const *option = cli->option;
	u64 bytes, ms;
	u32 millicores;

	if (option[FOG_OPTION_NAME] != NULL)
		json_object_set_new(config, "name", json_string(option[FOG_OPTION_NAME]));
	if (option[FOG_OPTION_ENGINE] != NULL)
		json_object_set_new(config, "engine", json_string(option[FOG_OPTION_ENGINE]));
	if (option[FOG_OPTION_MEMORY] != NULL) {
		if (fog_size_parse(option[FOG_OPTION_MEMORY], &bytes) != 0)
			return fog_cli_usage(cli, "--memory wants a size: 512M");
		json_object_set_new(config, "memory_mb", json_integer((json_int_t)(bytes >> 20)));
	}
	if (option[FOG_OPTION_CPU] != NULL) {
		if (fog_cpu_parse(option[FOG_OPTION_CPU], &millicores) != 0 ||
		    millicores % 1000 != 0)
			return fog_cli_usage(cli, "--cpu wants whole cores");
		json_object_set_new(config, "cpu_cores", json_integer(millicores / 1000));
	}
	if (option[FOG_OPTION_WALL] != NULL) {
		if (fog_duration_parse(option[FOG_OPTION_WALL], &ms) != 0)
			return fog_cli_usage(cli, "--wall wants a time: 60s");
		json_object_set_new(config, "wall_seconds", json_integer((json_int_t)(ms / 1000)));
	}
	if (cli->args_count > 1)
		json_object_set_new(config, "argv", words_json(cli, 1));
	json_object_set_new(config, "encoding", json_string("hex"));
	return FOG_CLI_OK;
}

int fog_cmd_tee_create(struct fog_cli *cli)
{
	json_t *config = json_object();
	size_t size = 0;
	u8 *code = NULL;
	int rc = config_make(cli, config);

	if (rc == FOG_CLI_OK)
		rc = file_take(cli, cli->args[0], FILE_MAX, &code, &size);
	if (rc == FOG_CLI_OK)
		rc = operate_print(cli, json_pack("{s:s, s:o, s:O}", "operation", "create", "code",
						  fog_tee_hex_json(code, size), "config", config));
	json_decref(config);
	free(code);
	return rc;
}

static json_t *order(const struct fog_cli *cli, const char *operation, json_t *inputs)
{
	return json_pack("{s:s, s:s, s:o}", "operation", operation, "enclave_id", cli->args[0],
			 "inputs", inputs);
}

int fog_cmd_tee_attest(struct fog_cli *cli)
{
	const char *verifier = cli->args[1];

	return operate_print(cli, order(cli, "attest",
					verifier != NULL ? json_pack("{s:s}", "verifier", verifier)
							 : json_object()));
}

int fog_cmd_tee_terminate(struct fog_cli *cli)
{
	return operate_print(cli, order(cli, "terminate", json_object()));
}

/* ---- sealing -------------------------------------------------------------------------------- */

/* The key in the verifier's result, if that is one to be relied on. */
static int key_check(const struct fog_cli *cli, const json_t *enclave, struct fog_tee_ear *ear)
{
	const char *token = fog_pick_text(enclave, "attestation.result", "");
	const char *want = cli->option[FOG_OPTION_MEASUREMENT];
	const char *verifier = cli->args[2];
	char why[FOG_TEE_WHY_SIZE];
	u8 bytes[32];

	if (token[0] == '\0')
		return fog_cli_fail(cli, "%s is not attested: fogctl tee attest", cli->args[0]);
	if (fog_tee_ear_verify(ear, token, (u64)time(NULL), why) != 0)
		return fog_cli_fail(cli, "the attestation: %s", why);
	if (!ear->has_enclave || strcmp(ear->enclave, cli->args[0]) != 0 ||
	    ear->fault != FOG_TEE_VALID)
		return fog_cli_fail(cli, "the attestation is not of %s", cli->args[0]);
	if (ear->status != FOG_TEE_STATUS_AFFIRMING && cli->option[FOG_OPTION_SOFTWARE] == NULL)
		return fog_cli_fail(cli,
				    "only the host's word stands behind %s (%s); --software "
				    "accepts that",
				    cli->args[0], fog_tee_kind_name(ear->kind));
	if (verifier != NULL &&
	    (fog_hex_decode(verifier, bytes, 32) != 0 || memcmp(bytes, ear->verifier, 32) != 0))
		return fog_cli_fail(cli, "another host than VERIFIER attested it");
	if (want != NULL &&
	    (fog_hex_decode(want, bytes, 32) != 0 || memcmp(bytes, ear->launch, 32) != 0))
		return fog_cli_fail(cli, "its measurement is not --measurement");
	return FOG_CLI_OK;
}

static json_t *seal(const struct fog_tee_ear *ear, const char *name, const u8 *secret, size_t size)
{
	u8 *sealed = malloc(size + FOG_HPKE_OVERHEAD);
	json_t *hex = NULL;

	if (sealed != NULL && fog_tee_seal(sealed, secret, size, ear->key, ear->enclave, name) == 0)
		hex = fog_tee_hex_json(sealed, size + FOG_HPKE_OVERHEAD);
	free(sealed);
	return hex;
}

int fog_cmd_tee_deploy(struct fog_cli *cli)
{
	const char *path = cli->args[1], *slash = strrchr(path, '/');
	const char *name = cli->option[FOG_OPTION_NAME];
	json_t *enclave = NULL, *sealed = NULL;
	struct fog_tee_ear ear;
	u8 *secret = NULL;
	size_t size = 0;

	if (name == NULL)
		name = strcmp(path, "-") == 0 ? "secret" : slash != NULL ? slash + 1 : path;
	if (name[0] == '\0' || strlen(name) > FOG_TEE_SECRET_NAME_MAX)
		return fog_cli_usage(cli, "the name of a secret has 1 to %d bytes",
				     FOG_TEE_SECRET_NAME_MAX);
	if (fog_crypto_init() != 0)
		return fog_cli_fail(cli, "the cryptographic library does not start");
	int rc = enclave_get(cli, cli->args[0], &enclave);
	if (rc == FOG_CLI_OK)
		rc = key_check(cli, enclave, &ear);
	if (rc == FOG_CLI_OK)
		rc = file_take(cli, path, FOG_TEE_SECRET_MAX, &secret, &size);
	if (rc == FOG_CLI_OK) {
		sealed = seal(&ear, name, secret, size);
		rc = operate_print(cli,
				   order(cli, "deploy",
					 json_pack("{s:s, s:o}", "name", name, "sealed", sealed)));
	}
	if (secret != NULL)
		fog_wipe(secret, size);
	free(secret);
	json_decref(enclave);
	return rc;
}

/* ---- running -------------------------------------------------------------------------------- */

static int result_print(const struct fog_cli *cli, const json_t *enclave)
{
	const json_t *result = json_object_get(enclave, "result");

	if (cli->json) {
		fog_json_print(cli, result);
	} else {
		fputs(fog_pick_text(result, "stdout", ""), cli->out);
		fputs(fog_pick_text(result, "stderr", ""), cli->err);
	}
	if (strcmp(fog_pick_text(result, "outcome", ""), "exited") == 0 &&
	    fog_pick_number(result, "exit_code", -1) == 0)
		return FOG_CLI_OK;
	return fog_cli_fail(cli, "%s: %s, exit code %d %s", cli->args[0],
			    fog_pick_text(result, "outcome", "it was lost"),
			    (int)fog_pick_number(result, "exit_code", -1),
			    fog_pick_text(result, "error", ""));
}

int fog_cmd_tee_execute(struct fog_cli *cli)
{
	json_t *inputs = json_pack("{s:o}", "args", words_json(cli, 1)), *enclave = NULL;
	size_t size = 0;
	u8 *data = NULL;
	int rc = FOG_CLI_OK;

	if (cli->option[FOG_OPTION_STDIN] != NULL) {
		rc = file_take(cli, cli->option[FOG_OPTION_STDIN], 1u << 20, &data, &size);
		json_t *text = data != NULL ? json_stringn((const char *)data, size) : NULL;
		if (rc == FOG_CLI_OK && text == NULL)
			rc = fog_cli_fail(cli, "standard input must be text");
		json_object_set_new(inputs, "stdin", text);
	}
	free(data);
	if (rc == FOG_CLI_OK)
		rc = operate(cli, order(cli, "execute", json_incref(inputs)), &enclave);
	json_decref(inputs);
	for (u32 i = 0; rc == FOG_CLI_OK && i < POLLS_MAX &&
			strcmp(fog_pick_text(enclave, "state", ""), "running") == 0;
	     i++) {
		json_decref(enclave);
		enclave = NULL;
		usleep(POLL_US);
		rc = enclave_get(cli, cli->args[0], &enclave);
	}
	if (rc == FOG_CLI_OK)
		rc = result_print(cli, enclave);
	json_decref(enclave);
	return rc;
}

/* ---- collateral ------------------------------------------------------------------------------ */

/* Adds "holds" and "until" to each file. Do all hold now? */
static bool collateral_judge(json_t *files, u64 now_s)
{
	bool all = true;
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		time_t until = (time_t)fog_pick_number(file, "next_s", 0);
		bool holds =
			(u64)fog_pick_number(file, "issued_s", 0) <= now_s && now_s <= (u64)until;
		char text[32] = "";
		struct tm tm;
		if (gmtime_r(&until, &tm) != NULL)
			strftime(text, sizeof(text), "%FT%TZ", &tm);
		json_object_set_new(file, "holds", json_boolean(holds));
		json_object_set_new(file, "until", json_string(text));
		all = all && holds;
	}
	return all;
}

int fog_cmd_tee_collateral(struct fog_cli *cli)
{
	struct fog_tee_collateral *set = NULL;
	char why[FOG_TEE_WHY_SIZE];

	if (fog_tee_collateral_load(&set, cli->args[0], why) != 0)
		return fog_cli_fail(cli, "%s", why);
	json_t *o = fog_tee_collateral_json(set), *files = json_object_get(o, "files");
	bool all = collateral_judge(files, (u64)time(NULL));
	if (cli->json)
		fog_json_print(cli, o);
	else
		fog_table_print(cli, files, COLUMNS(collateral_columns), "nothing is in it");
	json_decref(o);
	fog_tee_collateral_free(set);
	return all ? FOG_CLI_OK : FOG_CLI_FAILED;
}

/* ---- results -------------------------------------------------------------------------------- */

/* Works without a control plane: whoever holds a result can check it. */
int fog_cmd_tee_verify(struct fog_cli *cli)
{
	char why[FOG_TEE_WHY_SIZE];
	struct fog_tee_ear ear;
	size_t size = 0;
	u8 *text = NULL;
	int rc = file_take(cli, cli->args[0], FOG_TEE_EAR_MAX, &text, &size);

	if (rc == FOG_CLI_OK && fog_crypto_init() != 0)
		rc = fog_cli_fail(cli, "the cryptographic library does not start");
	if (rc == FOG_CLI_OK) {
		text[size] = '\0';
		text[strcspn((char *)text, "\r\n")] = '\0';
		if (fog_tee_ear_verify(&ear, (char *)text, (u64)time(NULL), why) != 0)
			rc = fog_cli_fail(cli, "%s", why);
	}
	if (rc == FOG_CLI_OK) {
		json_t *o = fog_tee_ear_json(&ear);
		fog_json_print(cli, o);
		json_decref(o);
		if (ear.fault != FOG_TEE_VALID)
			rc = FOG_CLI_FAILED;
	}
	free(text);
	return rc;
}
