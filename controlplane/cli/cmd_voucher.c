/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl voucher: a wallet in one file, {"mint", "proofs": [..], "pending": request or absent}.
 * Before anything is asked of the mint that would cost money if the answer were lost, the request
 * and the secrets it needs are in the file; the next command asks again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/keys.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/voucher/mint.h"
#include "controlplane/voucher/wallet.h"
#include "crypto/mem.h"

struct wallet {
	struct fog_cli *cli;
	char path[4096];
	int lock;
	bool refused; /* the last call was answered with a refusal: it never happened */
	json_t *root;
	json_t *keys; /* the mint's answer */
	struct fog_voucher_keyset keyset;
	char id[FOG_VOUCHER_ID_SIZE]; /* of the active one */
};

/* ---- the file ------------------------------------------------------------------------------- */

static int wallet_path(char path[4096])
{
	const char *given = getenv("FOG_WALLET"), *home = getenv("HOME");

	if (given != NULL)
		return snprintf(path, 4096, "%s", given) < 4096 ? 0 : -ENAMETOOLONG;
	if (home == NULL)
		return -ENOENT;
	snprintf(path, 4096, "%.4000s/.config", home);
	(void)mkdir(path, 0700);
	snprintf(path, 4096, "%.4000s/.config/fog", home);
	(void)mkdir(path, 0700);
	snprintf(path, 4096, "%.4000s/.config/fog/wallet.json", home);
	return 0;
}

/* Whole or not at all, and on disk. */
static int wallet_save(struct wallet *w)
{
	char part[4200];

	snprintf(part, sizeof(part), "%s.part", w->path);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : json_dumpfd(w->root, fd, JSON_INDENT(1));
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 && rename(part, w->path) != 0)
		rc = -errno;
	return rc == 0 ? FOG_CLI_OK
		       : fog_cli_fail(w->cli, "%s cannot be written, nothing was done", w->path);
}

static void wallet_close(struct wallet *w)
{
	json_decref(w->keys);
	json_decref(w->root);
	if (w->lock >= 0)
		close(w->lock);
}

static int wallet_load(struct wallet *w, struct fog_cli *cli)
{
	char lock[4200];
	json_error_t error;
	struct stat st;

	memset(w, 0, sizeof(*w));
	w->cli = cli;
	w->lock = -1;
	if (wallet_path(w->path) != 0)
		return fog_cli_fail(cli, "set FOG_WALLET or HOME");
	snprintf(lock, sizeof(lock), "%s.lock", w->path);
	w->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (w->lock < 0 || flock(w->lock, LOCK_EX) != 0)
		return fog_cli_fail(cli, "%s: %s", lock, strerror(errno));
	if (stat(w->path, &st) != 0) {
		w->root = json_pack("{s:[]}", "proofs");
		return w->root != NULL ? FOG_CLI_OK : fog_cli_fail(cli, "no memory");
	}
	w->root = json_load_file(w->path, JSON_REJECT_DUPLICATES, &error);
	if (w->root == NULL || !json_is_array(json_object_get(w->root, "proofs")))
		return fog_cli_fail(cli, "%s is no wallet: %s", w->path, error.text);
	return FOG_CLI_OK;
}

/* ---- the mint ------------------------------------------------------------------------------- */

static int mint_call(struct wallet *w, const char *host, json_t *request, json_t **answer)
{
	struct fog_client client;
	int rc = fog_api_open(w->cli, &client);

	if (rc == FOG_CLI_OK) {
		if (host != NULL)
			json_object_set_new(request, "host", json_string(host));
		rc = fog_api_call(w->cli, &client, "POST", "/v1/vouchers", request, answer);
		w->refused = client.status >= 400 && client.status < 500;
		fog_client_close(&client);
	}
	json_decref(request);
	return rc;
}

static const char *mint_of(const struct wallet *w)
{
	return json_string_value(json_object_get(w->root, "mint"));
}

/* Asks for the keys; a wallet stays with one mint. */
static int mint_meet(struct wallet *w, const char *host)
{
	const char *known = mint_of(w);
	json_t *answer = NULL;
	int rc = mint_call(w, known != NULL ? known : host, json_pack("{s:s}", "op", "keys"),
			   &answer);

	if (rc == FOG_CLI_OK && fog_wallet_keyset_read(&w->keyset, w->id, answer, NULL) != 0)
		rc = fog_cli_fail(w->cli, "the mint's keys are not those of its keyset");
	if (rc == FOG_CLI_OK && known == NULL)
		json_object_set(w->root, "mint", json_object_get(answer, "mint"));
	w->keys = answer;
	return rc;
}

/* Asks what is pending and puts what comes of it into the wallet. */
static int pending_finish(struct wallet *w)
{
	json_t *pending = json_object_get(w->root, "pending"), *answer = NULL, *o;
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	struct fog_voucher proof[FOG_WALLET_OUTPUTS_MAX];
	struct fog_voucher_keyset keyset;
	const char *named = json_string_value(json_object_get(pending, "id"));
	char id[FOG_VOUCHER_ID_SIZE];
	u32 count = 0;
	size_t i;

	if (pending == NULL)
		return FOG_CLI_OK;
	json_array_foreach(json_object_get(pending, "outputs"), i, o)
	{
		if (count == FOG_WALLET_OUTPUTS_MAX ||
		    fog_wallet_output_load(&out[count++], o) != 0)
			return fog_cli_fail(w->cli, "%s is damaged", w->path);
	}
	json_t *request = json_deep_copy(json_object_get(pending, "request"));
	json_object_set_new(request, "outputs", fog_wallet_outputs_json(out, count, named));
	int rc = mint_call(w, mint_of(w), request, &answer);
	if (rc != FOG_CLI_OK && w->refused) { /* what was ours to give is ours again */
		if (json_is_true(json_object_get(pending, "own")))
			json_array_extend(
				json_object_get(w->root, "proofs"),
				json_object_get(json_object_get(pending, "request"), "inputs"));
		json_object_del(w->root, "pending");
		(void)wallet_save(w);
	}
	/* It may have been begun with a keyset that is not the active one any more. */
	if (rc == FOG_CLI_OK &&
	    (fog_wallet_keyset_read(&keyset, id, w->keys, named) != 0 ||
	     fog_wallet_finish(out, count, &keyset, id, json_object_get(answer, "signatures"),
			       proof) != 0))
		rc = fog_cli_fail(w->cli, "the mint did not sign with the keys it published");
	json_decref(answer);
	if (rc != FOG_CLI_OK)
		return rc;
	for (u32 n = 0; n < count; n++)
		json_array_append_new(json_object_get(w->root, "proofs"),
				      fog_voucher_json(&proof[n]));
	json_object_del(w->root, "pending");
	return wallet_save(w);
}

/* own: the inputs come out of this wallet. */
static void pending_set(struct wallet *w, json_t *request, const struct fog_output *out, u32 count,
			bool own)
{
	json_t *list = json_array();

	for (u32 i = 0; i < count; i++)
		json_array_append_new(list, fog_wallet_output_save(&out[i]));
	json_object_set_new(w->root, "pending",
			    json_pack("{s:o, s:o, s:b, s:s}", "request", request, "outputs", list,
				      "own", own, "id", w->id));
}

/* Vouchers of a keyset that will expire become ones of the active keyset. */
static int refresh(struct wallet *w)
{
	json_t *proofs = json_object_get(w->root, "proofs"), *old = json_array(), *p;
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	struct fog_voucher_keyset keyset;
	char id[FOG_VOUCHER_ID_SIZE];
	u64 sum = 0;

	for (size_t i = 0;
	     i < json_array_size(proofs) && json_array_size(old) < FOG_VOUCHERS_MAX;) {
		p = json_array_get(proofs, i);
		const char *own = json_string_value(json_object_get(p, "id"));
		/* What has expired is worth nothing; it stays, so that one sees why. */
		if (own == NULL || strcmp(own, w->id) == 0 ||
		    fog_wallet_keyset_read(&keyset, id, w->keys, own) != 0) {
			i++;
			continue;
		}
		sum += (u64)json_integer_value(json_object_get(p, "amount"));
		json_array_append(old, p);
		json_array_remove(proofs, i);
	}
	if (sum == 0) {
		json_decref(old);
		return FOG_CLI_OK;
	}
	u32 count = fog_wallet_outputs(sum, out);
	pending_set(w, json_pack("{s:s, s:o}", "op", "swap", "inputs", old), out, count, true);
	int rc = wallet_save(w);
	return rc == FOG_CLI_OK ? pending_finish(w) : rc;
}

/* Open, meet the mint, and finish what was begun before, or give it up when the mint refuses it: a
 * withdrawal that was never paid for, say. */
static int wallet_open(struct wallet *w, struct fog_cli *cli, const char *host)
{
	int rc = wallet_load(w, cli);

	if (rc == FOG_CLI_OK)
		rc = mint_meet(w, host);
	if (rc == FOG_CLI_OK && json_object_get(w->root, "pending") != NULL) {
		rc = pending_finish(w);
		rc = rc != FOG_CLI_OK && w->refused ? FOG_CLI_OK : rc;
	}
	return rc == FOG_CLI_OK ? refresh(w) : rc;
}

static u64 balance(const struct wallet *w)
{
	u64 sum = 0;
	json_t *p;
	size_t i;

	json_array_foreach(json_object_get(w->root, "proofs"), i, p) sum +=
		(u64)json_integer_value(json_object_get(p, "amount"));
	return sum;
}

/* Takes vouchers of at least `amount` out, largest that fit first; what they are worth in *sum. */
static json_t *take(struct wallet *w, u64 amount, u64 *sum)
{
	json_t *proofs = json_object_get(w->root, "proofs"), *taken = json_array();

	*sum = 0;
	while (*sum < amount && json_array_size(proofs) != 0 &&
	       json_array_size(taken) < FOG_VOUCHERS_MAX) {
		size_t best = 0, i;
		json_t *p;
		u64 best_amount = 0, left = amount - *sum;
		json_array_foreach(proofs, i, p)
		{
			u64 a = (u64)json_integer_value(json_object_get(p, "amount"));
			bool fits = a <= left, best_fits = best_amount <= left && best_amount != 0;
			if (best_amount == 0 || (fits && (!best_fits || a > best_amount)) ||
			    (!fits && !best_fits && a < best_amount)) {
				best = i;
				best_amount = a;
			}
		}
		json_array_append(taken, json_array_get(proofs, best));
		json_array_remove(proofs, best);
		*sum += best_amount;
	}
	return taken;
}

static void give_back(struct wallet *w, json_t *taken)
{
	json_array_extend(json_object_get(w->root, "proofs"), taken);
	json_decref(taken);
}

/* Vouchers worth exactly `amount`, out of the wallet: change is made at the mint if need be. */
static int take_exact(struct wallet *w, u64 amount, json_t **out)
{
	struct fog_output change[FOG_WALLET_OUTPUTS_MAX];
	char text[FOG_UNITS_TEXT_SIZE];
	u64 sum;

	if (balance(w) < amount)
		return fog_cli_fail(w->cli, "the wallet holds %s fog",
				    fog_amount_format((i64)balance(w), text));
	json_t *taken = take(w, amount, &sum);
	if (sum != amount) { /* swap for the amount and the rest; then it can be taken */
		u32 count = fog_wallet_outputs(amount, change);
		if (count + (u32)__builtin_popcountll(sum - amount) > FOG_WALLET_OUTPUTS_MAX) {
			give_back(w, taken);
			return fog_cli_fail(w->cli, "the amount has too many digits");
		}
		count += fog_wallet_outputs(sum - amount, change + count);
		pending_set(w, json_pack("{s:s, s:o}", "op", "swap", "inputs", taken), change,
			    count, true);
		int rc = wallet_save(w);
		if (rc == FOG_CLI_OK)
			rc = pending_finish(w);
		if (rc != FOG_CLI_OK)
			return rc;
		taken = take(w, amount, &sum);
		if (sum != amount) {
			give_back(w, taken);
			return fog_cli_fail(w->cli, "the wallet is damaged");
		}
	}
	*out = taken;
	return FOG_CLI_OK;
}

static char *token_text(const struct wallet *w, const json_t *proofs)
{
	struct fog_token *t = calloc(1, sizeof(*t));
	char *text = NULL;
	json_t *p;
	size_t i;

	if (t == NULL)
		return NULL;
	snprintf(t->mint, sizeof(t->mint), "fog:%.64s", mint_of(w));
	snprintf(t->unit, sizeof(t->unit), "%s", FOG_MINT_UNIT);
	json_array_foreach(proofs, i, p)
	{
		if (t->count < FOG_VOUCHERS_MAX)
			(void)fog_voucher_read(&t->proof[t->count++], p);
	}
	text = fog_token_write(t);
	free(t);
	return text;
}

/* ---- commands ------------------------------------------------------------------------------- */

static int amount_of(struct fog_cli *cli, u32 index, u64 *amount)
{
	if (fog_amount_parse(cli->args[index], amount) == 0 && *amount != 0)
		return FOG_CLI_OK;
	return fog_cli_usage(cli,
			     "\"%s\" is no amount: fog with at most six digits after the point",
			     cli->args[index]);
}

/* The deposit names the blinded messages, so nobody but this wallet can have it. */
static int deposit(struct wallet *w, const struct fog_output *out, u32 count)
{
	struct fog_tx tx = {.kind = FOG_TX_VOUCHER_DEPOSIT};
	json_t *outputs = fog_wallet_outputs_json(out, count, w->id);
	int rc = fog_mint_quote(outputs, tx.body.deposit.quote, &tx.body.deposit.amount);

	json_decref(outputs);
	if (rc != 0 || fog_hex_decode(mint_of(w), tx.body.deposit.mint, 32) != 0)
		return fog_cli_fail(w->cli, "the mint has no name");
	return fog_ledger_send(w->cli, &tx, "deposited");
}

int fog_cmd_voucher_withdraw(struct fog_cli *cli)
{
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	char text[FOG_UNITS_TEXT_SIZE];
	struct wallet w;
	u64 amount;
	int rc = amount_of(cli, 0, &amount);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = wallet_open(&w, cli, cli->option[FOG_OPTION_TARGET]);
	if (rc == FOG_CLI_OK) {
		u32 count = fog_wallet_outputs(amount, out);
		pending_set(&w, json_pack("{s:s}", "op", "issue"), out, count, false);
		rc = wallet_save(&w);
		if (rc == FOG_CLI_OK)
			rc = deposit(&w, out, count);
	}
	if (rc == FOG_CLI_OK)
		rc = pending_finish(&w);
	if (rc == FOG_CLI_OK && !cli->json)
		fprintf(cli->out, "the wallet holds %s fog\n",
			fog_amount_format((i64)balance(&w), text));
	wallet_close(&w);
	return rc;
}

int fog_cmd_voucher_balance(struct fog_cli *cli)
{
	char text[FOG_UNITS_TEXT_SIZE];
	struct wallet w;
	int rc = wallet_load(&w, cli);

	if (rc == FOG_CLI_OK) {
		json_t *out = json_pack(
			"{s:I, s:I, s:s, s:b}", "ufog", (json_int_t)balance(&w), "vouchers",
			(json_int_t)json_array_size(json_object_get(w.root, "proofs")), "mint",
			mint_of(&w) != NULL ? mint_of(&w) : "", "pending",
			json_object_get(w.root, "pending") != NULL);
		if (cli->json)
			fog_json_print(cli, out);
		else
			fprintf(cli->out, "%s fog in %zu vouchers%s\n",
				fog_amount_format((i64)balance(&w), text),
				json_array_size(json_object_get(w.root, "proofs")),
				json_object_get(w.root, "pending") != NULL
					? "; the last exchange is not finished"
					: "");
		json_decref(out);
	}
	wallet_close(&w);
	return rc;
}

int fog_cmd_voucher_send(struct fog_cli *cli)
{
	struct wallet w;
	json_t *taken;
	u64 amount;
	int rc = amount_of(cli, 0, &amount);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = wallet_open(&w, cli, cli->option[FOG_OPTION_TARGET]);
	if (rc == FOG_CLI_OK)
		rc = take_exact(&w, amount, &taken);
	if (rc == FOG_CLI_OK) {
		char *text = token_text(&w, taken);
		rc = text != NULL ? wallet_save(&w) : fog_cli_fail(cli, "no memory");
		if (rc == FOG_CLI_OK)
			fprintf(cli->out, cli->json ? "{\"token\": \"%s\"}\n" : "%s\n", text);
		free(text);
		json_decref(taken);
	}
	wallet_close(&w);
	return rc;
}

static void amount_print(const struct fog_cli *cli, const char *what, u64 ufog)
{
	char text[FOG_UNITS_TEXT_SIZE];

	if (cli->json)
		fprintf(cli->out, "{\"%s\": %llu}\n", what, (unsigned long long)ufog);
	else
		fprintf(cli->out, "%s %s fog\n", what, fog_amount_format((i64)ufog, text));
}

int fog_cmd_voucher_receive(struct fog_cli *cli)
{
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	struct fog_token *t = malloc(sizeof(*t));
	struct wallet w;
	const char *why;

	if (t == NULL || fog_token_read(t, cli->args[0], &why) != 0 ||
	    strncmp(t->mint, "fog:", 4) != 0) {
		free(t);
		return fog_cli_fail(cli, "this is no token of a fog, or it is damaged");
	}
	u64 amount = fog_token_amount(t);
	int rc = wallet_open(&w, cli, t->mint + 4);
	if (rc == FOG_CLI_OK && strcmp(mint_of(&w), t->mint + 4) != 0)
		rc = fog_cli_fail(cli,
				  "the token is of another mint than this wallet's: use another "
				  "FOG_WALLET");
	if (rc == FOG_CLI_OK) {
		json_t *inputs = json_array();
		for (u32 i = 0; i < t->count; i++)
			json_array_append_new(inputs, fog_voucher_json(&t->proof[i]));
		u32 count = fog_wallet_outputs(amount, out);
		pending_set(&w, json_pack("{s:s, s:o}", "op", "swap", "inputs", inputs), out, count,
			    false);
		rc = wallet_save(&w);
		if (rc == FOG_CLI_OK)
			rc = pending_finish(&w);
	}
	if (rc == FOG_CLI_OK)
		amount_print(cli, "received", amount);
	free(t);
	wallet_close(&w);
	return rc;
}

/* Out of the wallet, to somebody who answers; back into it if he refuses. */
static int spend(struct fog_cli *cli, u64 amount,
		 json_t *(*make)(struct wallet *, json_t *, void *), void *ctx, const char *host,
		 const char *done)
{
	struct wallet w;
	json_t *taken = NULL, *answer = NULL;
	int rc = wallet_open(&w, cli, NULL);

	if (rc == FOG_CLI_OK)
		rc = take_exact(&w, amount, &taken);
	if (rc == FOG_CLI_OK) {
		rc = mint_call(&w, host != NULL ? host : mint_of(&w), make(&w, taken, ctx),
			       &answer);
		if (rc == FOG_CLI_OK)
			json_decref(taken);
		else
			give_back(&w, taken);
		int saved = wallet_save(&w);
		rc = rc == FOG_CLI_OK ? saved : rc;
	}
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s\n", done);
	json_decref(answer);
	wallet_close(&w);
	return rc;
}

static json_t *pay_make(struct wallet *w, json_t *taken, void *ctx)
{
	char *text = token_text(w, taken);
	json_t *out = json_pack("{s:s, s:s}", "op", "pay", "token", text != NULL ? text : "");

	free(text);
	return out;
}

int fog_cmd_voucher_pay(struct fog_cli *cli)
{
	u64 amount;
	int rc = amount_of(cli, 1, &amount);

	return rc == FOG_CLI_OK ? spend(cli, amount, pay_make, NULL, cli->args[0], "paid") : rc;
}

static json_t *redeem_make(struct wallet *w, json_t *taken, void *ctx)
{
	return json_pack("{s:s, s:O, s:s}", "op", "redeem", "inputs", taken, "account",
			 (const char *)ctx);
}

int fog_cmd_voucher_redeem(struct fog_cli *cli)
{
	char why[FOG_KEYS_WHY_SIZE], account[65];
	u8 pk[32];
	u64 amount;
	int rc = amount_of(cli, 0, &amount);

	if (rc != FOG_CLI_OK)
		return rc;
	if (fog_keys_resolve(cli->args_count > 1 ? cli->args[1] : "default", pk, why) != 0)
		return fog_cli_usage(cli, "%s", why);
	(void)fog_hex_encode(pk, 32, account, sizeof(account));
	return spend(cli, amount, redeem_make, account, NULL,
		     "redeemed; the money follows with the mint's next payment");
}
