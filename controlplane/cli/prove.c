/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/prove.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/keys.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/quorum/light.h"
#include "controlplane/validator/genesis.h"
#include "crypto/mem.h"

#define PROOF_TRIES   40 /* the state must be in a final header: a block or two later */
#define PROOF_WAIT_NS 250000000

/* Bytes of a string of hex digits; at most cap. -1 when it is none. */
static int bytes_take(const json_t *v, u8 *out, size_t cap)
{
	const char *text = json_string_value(v);
	size_t len = text != NULL ? strlen(text) : 1;

	if (len % 2 != 0 || len / 2 > cap || fog_hex_decode(text, out, len / 2) != 0)
		return -1;
	return (int)(len / 2);
}

/* The set of the epoch the proof ends in, each following from the one before. */
static int epochs_follow(const json_t *proof, const u8 chain[32], struct fog_validators *set)
{
	struct fog_epoch *e = malloc(sizeof(*e));
	u8 bytes[FOG_EPOCH_SIZE_MAX];
	int rc = e != NULL ? 0 : -ENOMEM;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(proof, "epochs"), i, one)
	{
		int len = bytes_take(one, bytes, sizeof(bytes));
		if (rc == 0 && (len < 0 || fog_epoch_decode(e, bytes, (u32)len) != 0 ||
				fog_epoch_follows(e, set, chain) != 0))
			rc = -EBADMSG;
		if (rc == 0)
			*set = e->set;
	}
	free(e);
	return rc;
}

static int headers_check(const json_t *proof, const u8 chain[32], const struct fog_validators *set,
			 struct fog_header *first)
{
	const json_t *list = json_object_get(proof, "headers");
	size_t count = json_array_size(list);
	struct fog_header *h = calloc(count + 1, sizeof(*h));
	struct fog_certificate cert;
	u8 bytes[FOG_CERTIFICATE_SIZE_MAX];
	int rc = h != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && rc == 0; i++)
		if (bytes_take(json_array_get(list, i), bytes, sizeof(bytes)) != FOG_HEADER_SIZE ||
		    fog_header_decode(&h[i], bytes) != 0)
			rc = -EBADMSG;
	int len = bytes_take(json_object_get(proof, "certificate"), bytes, sizeof(bytes));
	if (rc == 0 && (len < 0 || fog_certificate_decode(&cert, bytes, (u32)len) != len))
		rc = -EBADMSG;
	if (rc == 0)
		rc = fog_light_verify(set, chain, h, (u32)count, &cert);
	if (rc == 0)
		*first = h[0];
	free(h);
	return rc;
}

/* From the genesis file alone: is `root` the state after `height`? */
static int root_prove(const struct fog_genesis_file *g, const json_t *proof, const u8 root[32],
		      u64 height, u64 *epoch)
{
	static const struct fog_chain_ports ports = {NULL, ""};
	struct fog_validators *set = malloc(sizeof(*set));
	struct fog_ledger_app *app = NULL;
	struct fog_application i;
	struct fog_header first;
	u8 chain[32], genesis_root[32];
	const char *why;
	u64 zero;
	int rc = set != NULL ? fog_ledger_app_new(&app, &ports, &g->ledger, &why) : -ENOMEM;

	if (rc == 0) {
		fog_ledger_app_interface(app, &i);
		i.info(i.context, &zero, genesis_root);
		*set = g->set;
		fog_genesis_chain(set, g->ledger.time_ms, genesis_root, chain);
		rc = epochs_follow(proof, chain, set);
	}
	if (rc == 0)
		rc = headers_check(proof, chain, set, &first);
	if (rc == 0 && (first.state_height != height || memcmp(first.state_root, root, 32) != 0))
		rc = -EBADMSG;
	if (rc == 0)
		*epoch = set->epoch;
	fog_ledger_app_free(app);
	free(set);
	return rc;
}

/* The account with its proof, and the headers for the same state. A busy chain goes on between the
 * two questions: then both again. */
static int proof_get(const struct fog_cli *cli, const char *key, json_t **account, json_t **proof)
{
	struct fog_client client;
	char path[160];
	int rc = fog_api_open(cli, &client);

	for (u32 i = 0; rc == FOG_CLI_OK && i < PROOF_TRIES; i++) {
		snprintf(path, sizeof(path), "/v1/ledger/accounts/%s", key);
		rc = fog_api_call(cli, &client, "GET", path, NULL, account);
		if (rc != FOG_CLI_OK)
			break;
		snprintf(path, sizeof(path), "/v1/quorum/proof?height=%lld",
			 (long long)fog_pick_number(*account, "proof.height", 0));
		for (u32 k = 0; k < 6; k++) {
			if (fog_client_call(&client, "GET", path, NULL, proof) == 0) {
				fog_client_close(&client);
				return FOG_CLI_OK;
			}
			nanosleep(&(struct timespec){0, PROOF_WAIT_NS}, NULL);
		}
		json_decref(*account);
	}
	if (rc == FOG_CLI_OK) {
		rc = fog_cli_fail(cli, "no proof: %s", client.error);
		fog_client_close(&client);
	}
	return rc;
}

/* Is that the account after that state, and is it what the answer says? */
static int account_prove(struct fog_cli *cli, const struct fog_genesis_file *g, json_t *account,
			 const json_t *proof)
{
	u8 root[32], pk[32], record[4096], path[8192];
	u64 height = (u64)fog_pick_number(account, "proof.height", 0), epoch = 0;
	int record_len = bytes_take(fog_pick(account, "proof.record"), record, sizeof(record));
	int path_len = bytes_take(fog_pick(account, "proof.proof"), path, sizeof(path));

	if (bytes_take(fog_pick(account, "proof.root"), root, 32) != 32 ||
	    bytes_take(fog_pick(account, "account"), pk, 32) != 32 || record_len < 0 ||
	    path_len < 0)
		return fog_cli_fail(cli, "the answer holds no proof");
	if (root_prove(g, proof, root, height, &epoch) != 0)
		return fog_cli_fail(cli, "FALSE: no quorum of this genesis agreed on that state");
	if (fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, pk, record_len > 0 ? record : NULL,
				   (u32)record_len, path, (u32)path_len) != 0)
		return fog_cli_fail(cli, "FALSE: the account is not like that in that state");
	struct fog_rec_account a = {0};
	enum fog_record kind;
	const void *id, *body;
	if (record_len != 0 && fog_record_read(record, (u32)record_len, &kind, &id, &body) != 0)
		return fog_cli_fail(cli, "the record is malformed");
	if (record_len != 0)
		memcpy(&a, body, sizeof(a));
	if (fog_pick_number(account, "balance", -1) != (i64)a.balance ||
	    fog_pick_number(account, "nonce", -1) != (i64)a.nonce)
		return fog_cli_fail(cli, "FALSE: the answer says something else than its proof");
	json_object_set_new(account, "verified",
			    json_pack("{s:I, s:I, s:I, s:I}", "balance", (json_int_t)a.balance,
				      "nonce", (json_int_t)a.nonce, "height", (json_int_t)height,
				      "epoch", (json_int_t)epoch));
	return FOG_CLI_OK;
}

bool fog_prove_genesis(const struct fog_cli *cli, char path[FOG_PROVE_PATH_SIZE])
{
	const char *given = cli->option[FOG_OPTION_GENESIS];
	char dir[FOG_LAB_DIR_MAX];

	if (given == NULL)
		given = getenv("FOG_GENESIS");
	if (given != NULL) {
		snprintf(path, FOG_PROVE_PATH_SIZE, "%s", given);
		return true;
	}
	if (fog_lab_dir(cli, dir) != 0)
		return false;
	snprintf(path, FOG_PROVE_PATH_SIZE, "%s/genesis.json", dir);
	return access(path, R_OK) == 0;
}

int fog_prove_account(struct fog_cli *cli, const char *name, const char *genesis, json_t **account)
{
	char why[FOG_GENESIS_WHY_SIZE], key[65] = "host";
	struct fog_genesis_file g;
	json_t *proof = NULL;
	u8 pk[32];

	*account = NULL;
	if (strcmp(name, FOG_KEYS_HOST) != 0) {
		if (fog_keys_resolve(name, pk, why) != 0)
			return fog_cli_fail(cli, "%s", why);
		(void)fog_hex_encode(pk, 32, key, sizeof(key));
	}
	if (fog_genesis_read(&g, genesis, true, why) != 0)
		return fog_cli_fail(cli, "%s", why);
	int rc = proof_get(cli, key, account, &proof);
	if (rc == FOG_CLI_OK)
		rc = account_prove(cli, &g, *account, proof);
	json_decref(proof);
	fog_genesis_free(&g);
	return rc;
}
