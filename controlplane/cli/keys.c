/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/output.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

static bool name_ok(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return len >= 1 && len <= 63 && name[len] == '\0' && strcmp(name, FOG_KEYS_HOST) != 0;
}

/* Makes the folders on the way. */
static int key_path(const char *name, char path[4096])
{
	const char *given = getenv("FOG_KEYS"), *home = getenv("HOME");
	char dir[4000];

	if (!name_ok(name))
		return -EINVAL;
	if (given != NULL)
		snprintf(dir, sizeof(dir), "%s", given);
	else if (home != NULL)
		snprintf(dir, sizeof(dir), "%s/.config/fog/keys", home);
	else
		return -ENOENT;
	for (char *p = dir + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(dir, 0700);
			*p = '/';
		}
	(void)mkdir(dir, 0700);
	return snprintf(path, 4096, "%s/%s", dir, name) < 4096 ? 0 : -ENAMETOOLONG;
}

static int fail(char why[FOG_KEYS_WHY_SIZE], const char *name, int rc)
{
	const char *text = rc == -ENOENT   ? "there is no such key; fogctl account create makes one"
			   : rc == -EEXIST ? "there is such a key already"
			   : rc == -EINVAL
				   ? "a name has letters, digits, - and _, at most 63, and is "
				     "not \"host\""
			   : rc == -EPERM ? "others may read the file: chmod 600"
					  : strerror(-rc);

	snprintf(why, FOG_KEYS_WHY_SIZE, "key \"%.64s\": %s", name, text);
	return rc;
}

int fog_keys_create(const char *name, u8 pk[32], char why[FOG_KEYS_WHY_SIZE])
{
	char path[4096], text[66];
	u8 seed[32], sk[64];
	int rc = key_path(name, path);

	if (rc != 0)
		return fail(why, name, rc);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(why, name, -errno);
	fog_random_bytes(seed, sizeof(seed));
	(void)fog_hex_encode(seed, sizeof(seed), text, sizeof(text));
	text[64] = '\n';
	rc = write(fd, text, 65) == 65 && fsync(fd) == 0 ? 0 : -EIO;
	close(fd);
	fog_sign_keypair(pk, sk, seed);
	fog_wipe(seed, sizeof(seed));
	fog_wipe(sk, sizeof(sk));
	fog_wipe(text, sizeof(text));
	if (rc != 0)
		unlink(path);
	return rc == 0 ? 0 : fail(why, name, rc);
}

int fog_keys_load(const char *name, u8 pk[32], u8 sk[64], char why[FOG_KEYS_WHY_SIZE])
{
	char path[4096], text[65] = "";
	struct stat st;
	u8 seed[32];
	int rc = key_path(name, path);

	if (rc != 0)
		return fail(why, name, rc);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail(why, name, -errno);
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0)
		rc = -EPERM;
	else if (read(fd, text, 64) != 64 || fog_hex_decode(text, seed, 32) != 0)
		rc = -EUCLEAN;
	close(fd);
	if (rc == 0)
		fog_sign_keypair(pk, sk, seed);
	fog_wipe(seed, sizeof(seed));
	fog_wipe(text, sizeof(text));
	return rc == 0 ? 0 : fail(why, name, rc);
}

int fog_keys_resolve(const char *text, u8 pk[32], char why[FOG_KEYS_WHY_SIZE])
{
	u8 sk[64];

	if (strlen(text) == 64 && fog_hex_decode(text, pk, 32) == 0)
		return 0;
	int rc = fog_keys_load(text, pk, sk, why);
	fog_wipe(sk, sizeof(sk));
	return rc;
}

const char *fog_ledger_account(const struct fog_cli *cli)
{
	u8 pk[32], sk[64];
	char why[FOG_KEYS_WHY_SIZE];

	if (cli->option[FOG_OPTION_ACCOUNT] != NULL)
		return cli->option[FOG_OPTION_ACCOUNT];
	int rc = fog_keys_load("default", pk, sk, why);
	fog_wipe(sk, sizeof(sk));
	return rc == 0 ? "default" : FOG_KEYS_HOST;
}

/* Body of the POST for a key of ours. */
static int body_signed(struct fog_cli *cli, struct fog_client *client, const char *name,
		       struct fog_tx *tx, json_t **body)
{
	char why[FOG_KEYS_WHY_SIZE], path[128], key[65], text[2 * FOG_TX_SIZE_MAX + 1];
	u8 sk[64], chain[32], out[FOG_TX_SIZE_MAX];
	json_t *account = NULL;

	if (fog_keys_load(name, tx->sender, sk, why) != 0)
		return fog_cli_fail(cli, "%s", why);
	(void)fog_hex_encode(tx->sender, 32, key, sizeof(key));
	snprintf(path, sizeof(path), "/v1/ledger/accounts/%s", key);
	int rc = fog_api_call(cli, client, "GET", path, NULL, &account);
	if (rc == FOG_CLI_OK && fog_hex_decode(fog_pick_text(account, "chain", ""), chain, 32) != 0)
		rc = fog_cli_fail(cli, "the control plane named no chain");
	if (rc == FOG_CLI_OK) {
		tx->nonce = (u64)fog_pick_number(account, "nonce", 0);
		/* Twice the price of now: it rises by an eighth a block at most. */
		tx->fee_max =
			(u64)fog_pick_number(account, "base_fee", 1) * 2 * FOG_TX_SIZE_MAX / 4;
		u32 len = fog_tx_encode(tx, chain, sk, out);
		(void)fog_hex_encode(out, len, text, sizeof(text));
		*body = json_pack("{s:s}", "transaction", text);
	}
	json_decref(account);
	fog_wipe(sk, sizeof(sk));
	return rc;
}

int fog_ledger_post(struct fog_cli *cli, const char *name, struct fog_tx *tx, json_t **answer)
{
	char text[2 * sizeof(tx->body) + 1];
	struct fog_client client;
	json_t *body = NULL;
	int rc = fog_api_open(cli, &client);

	*answer = NULL;
	if (rc != FOG_CLI_OK)
		return rc;
	if (strcmp(name, FOG_KEYS_HOST) == 0) {
		(void)fog_hex_encode(&tx->body, sizeof(tx->body), text, sizeof(text));
		body = json_pack("{s:i, s:s}", "kind", (int)tx->kind, "body", text);
	} else {
		rc = body_signed(cli, &client, name, tx, &body);
	}
	if (rc == FOG_CLI_OK)
		rc = fog_api_call(cli, &client, "POST", "/v1/transactions", body, answer);
	fog_client_close(&client);
	json_decref(body);
	return rc;
}

int fog_ledger_send(struct fog_cli *cli, struct fog_tx *tx, const char *done)
{
	json_t *answer;
	int rc = fog_ledger_post(cli, fog_ledger_account(cli), tx, &answer);

	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s, in block %lld\n", done,
			(long long)fog_pick_number(answer, "height", 0));
	json_decref(answer);
	return rc;
}
