/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the corpora: good inputs of every kind. corpus_make FOLDER; then git add what is new. */
#include "controlplane/ledger/tx.h"
#include "controlplane/proofs/claim.h"
#include "controlplane/voucher/token.h"
#include "crypto/cpu.h"
#include "tests/unit/controlplane/proofs/samples.h"
#include "tests/unit/crypto/check/proofs.h"

static void put(const char *folder, const char *name, const void *data, size_t len)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "we");
	if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
}

static void checks_write(const char *folder)
{
	static u8 input[1 + FOG_CHECK_PAYLOAD_MAX];
	struct proof_maker *m = proof_maker_open(1);
	char name[64];

	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		u32 len = proof_make(m, form, input + 1);

		input[0] = (u8)proof_kind[form];
		snprintf(name, sizeof(name), "check/form%u", form);
		put(folder, name, input, len + 1);
	}
	free(m);
}

static void proofs_write(const char *folder)
{
	u8 text[FOG_PROOF_ENCODED_MAX];
	struct fog_proof p;
	struct samples s;
	char name[64];

	samples_open(&s);
	for (u32 kind = FOG_PROOF_EXECUTION; kind <= FOG_PROOF_INCLUSION; kind++) {
		sample_make(&s, kind, &p);
		snprintf(name, sizeof(name), "proof/%s.bin", fog_proof_kind_name(kind));
		put(folder, name, text, (size_t)fog_proof_encode(&p, text, sizeof(text)));
		json_t *o = fog_proof_json(&p);
		char *json = json_dumps(o, JSON_COMPACT);
		snprintf(name, sizeof(name), "proof/%s.json", fog_proof_kind_name(kind));
		put(folder, name, json, strlen(json));
		free(json);
		json_decref(o);
	}
}

static void claims_write(const char *folder)
{
	static const char *const predicates[] = {
		"age >= 18",
		"age in 20..30 and country in {\"fr\", \"de\"} or age == 5",
		"not (country == \"us\") and age != 3 and country not in {\"a\", \"b\"}",
		"network_policy(ports = system) or model_hash(allowed = {\"a\", \"b\"}) or age == "
		"25",
		"compliance_check(max_findings = 3) || mime_type() || !(age < 4KiB) || age == 0x19",
	};
	json_t *values = json_pack("{s:i, s:s, s:i, s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:s}",
				   "age", 25, "country", "de", "port", 80, "protocol", "tcp",
				   "services", 3, "model_hash", "a", "model_bytes", 5,
				   "consent_percent", 95, "retention_days", 10, "security_percent",
				   85, "findings", 2, "mime_type", "text/csv");
	char why[FOG_PREDICATE_WHY], name[64];
	json_t *secrets, *claim;
	static struct fog_claim_payload payload;

	if (fog_claim_commit(values, &secrets, why) != 0)
		abort();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(predicates); i++) {
		const struct fog_claim_question q = {.predicate = predicates[i],
						     .domain = "fuzz",
						     .context = "1",
						     .expires_s = 1790000900};
		const struct fog_claim_expected e = {.now_s = 1790000000};

		if (fog_claim_prove(&q, secrets, &claim, why) != 0 ||
		    fog_claim_open(claim, &e, &payload, why) != 0)
			abort();
		char *json = json_dumps(claim, JSON_COMPACT);
		snprintf(name, sizeof(name), "proof/claim%u.json", i);
		put(folder, name, json, strlen(json));
		snprintf(name, sizeof(name), "predicate/text%u", i);
		put(folder, name, predicates[i], strlen(predicates[i]));
		u32 context = fog_load_u16(payload.bytes);
		u32 len = fog_load_u16(payload.bytes + 2 + context);
		snprintf(name, sizeof(name), "predicate/statement%u", i);
		put(folder, name, payload.bytes + 4 + context, len);
		memmove(payload.bytes + 1, payload.bytes, payload.length);
		payload.bytes[0] = FOG_CHECK_STATEMENT;
		snprintf(name, sizeof(name), "check/statement%u", i);
		put(folder, name, payload.bytes, payload.length + 1);
		free(json);
		json_decref(claim);
	}
	json_decref(secrets);
	json_decref(values);
}

static void transactions_write(const char *folder)
{
	static const enum fog_tx_kind kinds[] = {
#define X(name, number, text, type) FOG_TX_##name,
		FOG_TX_KINDS(X)
#undef X
	};
	static const u8 chain[32] = {1, 2, 3}, seed[FOG_SIGN_SEED_SIZE] = {9};
	u8 sk[FOG_SIGN_SECRET_SIZE], out[FOG_TX_SIZE_MAX];
	char name[64];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(kinds); i++) {
		struct fog_tx tx = {.kind = kinds[i], .nonce = 5, .fee_max = 100, .tip = 2};
		fog_sign_keypair(tx.sender, sk, seed);
		if (kinds[i] == FOG_TX_PROPOSE)
			snprintf(tx.body.propose.title, sizeof(tx.body.propose.title), "a title");
		if (kinds[i] == FOG_TX_ESCROW_CLAIM) {
			tx.text = "{\"kind\":\"receipt\"}";
			tx.text_len = (u32)strlen(tx.text);
		}
		u32 len = fog_tx_encode(&tx, chain, sk, out);
		snprintf(name, sizeof(name), "tx/%s", fog_tx_kind_name(kinds[i]));
		put(folder, name, out, len);
	}
}

/* One of ours; those of others are in tests/vectors/cashu. */
static void tokens_write(const char *folder)
{
	static struct fog_token t = {
		.mint = "fog:00", .unit = "ufog", .memo = "thanks", .count = 3};
	char name[64];

	for (u32 i = 0; i < t.count; i++) {
		struct fog_voucher *p = &t.proof[i];
		p->amount = 1u << i;
		snprintf(p->id, sizeof(p->id), "00ad268c4d1f582%u", i / 2);
		snprintf(p->secret, sizeof(p->secret), "%064u", i);
		memset(p->c, 2, sizeof(p->c));
	}
	for (; t.count != 0; t.count--) {
		char *text = fog_token_write(&t);
		snprintf(name, sizeof(name), "token/ours%u", t.count);
		put(folder, name, text, strlen(text));
		free(text);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2 || fog_crypto_init() != 0)
		return 2;
	checks_write(argv[1]);
	proofs_write(argv[1]);
	claims_write(argv[1]);
	transactions_write(argv[1]);
	tokens_write(argv[1]);
	return 0;
}
