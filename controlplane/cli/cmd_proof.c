/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl proof: proofs of execution, audits, SLAs and logs. Works without a control plane. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/proofs/hex.h"
#include "controlplane/proofs/proof.h"
#include "crypto/cpu.h"

/* JSON when it begins like that, else the binary form. */
static int proof_load(const struct fog_cli *cli, const char *path, struct fog_proof *p)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	static u8 bytes[4 * FOG_PROOF_ENCODED_MAX];
	char why[FOG_PROOF_WHY];

	if (in == NULL)
		return fog_cli_fail(cli, "%s: %s", path, strerror(errno));
	size_t len = fread(bytes, 1, sizeof(bytes), in);
	if (in != stdin)
		fclose(in);
	json_t *o = json_loadb((const char *)bytes, len, 0, NULL);
	int rc = o != NULL ? fog_proof_from_json(p, o, why) : fog_proof_decode(p, bytes, len, why);
	json_decref(o);
	return rc != 0 ? fog_cli_fail(cli, "%s: %s", path, why) : FOG_CLI_OK;
}

int fog_cmd_proof_show(struct fog_cli *cli)
{
	struct fog_proof p;

	if (proof_load(cli, cli->args[0], &p) != FOG_CLI_OK)
		return FOG_CLI_FAILED;
	json_t *o = fog_proof_json(&p);
	if (o == NULL)
		return fog_cli_fail(cli, "no memory");
	fog_json_print(cli, o);
	json_decref(o);
	return FOG_CLI_OK;
}

/* {"KEY": weight, ..}: in order of the file, as the auditors hashed it. */
static int roster_load(const struct fog_cli *cli, const char *path,
		       struct fog_roster_member roster[FOG_PROOF_VOTES_MAX], u32 *count)
{
	json_error_t error;
	json_t *o = json_load_file(path, 0, &error), *weight;
	const char *key;

	*count = 0;
	if (!json_is_object(o) || json_object_size(o) > FOG_PROOF_VOTES_MAX) {
		json_decref(o);
		return fog_cli_fail(cli, "%s: want at most 64 auditors: {\"KEY\": WEIGHT, ..}",
				    path);
	}
	json_object_foreach(o, key, weight)
	{
		struct fog_roster_member *m = &roster[*count];
		json_t *text = json_string(key);
		bool good = fog_hex_bytes(text, m->key, sizeof(m->key)) == 0 &&
			    json_integer_value(weight) > 0 &&
			    json_integer_value(weight) <= UINT32_MAX;

		json_decref(text);
		m->weight = (u32)json_integer_value(weight);
		if (!good) {
			json_decref(o);
			return fog_cli_fail(cli, "%s: \"%s\" is no key with a weight", path, key);
		}
		(*count)++;
	}
	json_decref(o);
	return FOG_CLI_OK;
}

int fog_cmd_proof_verify(struct fog_cli *cli)
{
	struct fog_roster_member roster[FOG_PROOF_VOTES_MAX];
	struct fog_proof_policy policy = {.now_s = (u64)time(NULL), .roster = roster};
	struct fog_local_verifier *v;
	char why[FOG_PROOF_WHY];
	struct fog_proof p;

	if (cli->option[FOG_OPTION_ROSTER] != NULL &&
	    roster_load(cli, cli->option[FOG_OPTION_ROSTER], roster, &policy.roster_count) !=
		    FOG_CLI_OK)
		return FOG_CLI_FAILED;
	if (proof_load(cli, cli->args[0], &p) != FOG_CLI_OK)
		return FOG_CLI_FAILED;
	if (fog_crypto_init() != 0 || fog_local_verifier_open(&v) != 0)
		return fog_cli_fail(cli, "no memory");
	int rc = fog_proof_verify(v, &p, &policy, why);
	fog_local_verifier_close(v);
	if (rc != 0)
		return fog_cli_fail(cli, "not proved: %s", why);
	if (cli->json)
		fprintf(cli->out, "{\"valid\": true, \"kind\": \"%s\"}\n",
			fog_proof_kind_name(p.kind));
	else
		fprintf(cli->out, "valid: a proof of kind %s\n", fog_proof_kind_name(p.kind));
	return FOG_CLI_OK;
}
