/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a proof in its binary form, as one in JSON, and as a claim. What decodes encodes to
 * the same bytes; what is refused has a reason; nothing changed passes. */
#include "controlplane/proofs/claim.h"
#include "controlplane/proofs/proof.h"
#include "crypto/cpu.h"
#include "tests/fuzz/fuzz.h"

static void binary_run(const u8 *data, size_t len)
{
	static struct fog_proof p;
	static struct fog_proof_checks checks;
	u8 again[FOG_PROOF_ENCODED_MAX];
	char why[FOG_PROOF_WHY] = "";
	const struct fog_proof_policy policy = {.now_s = 1790000000};

	if (fog_proof_decode(&p, data, len, why) != 0) {
		if (why[0] == '\0')
			abort();
		return;
	}
	int n = fog_proof_encode(&p, again, sizeof(again));
	if (n != (int)len || memcmp(again, data, len) != 0)
		abort();
	if (fog_proof_judge(&p, &policy, why) != 0 && why[0] == '\0')
		abort();
	(void)fog_proof_checks(&p, &checks);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static struct fog_claim_payload payload;
	static struct fog_proof p;
	const struct fog_claim_expected expected = {.now_s = 1790000000};
	char why[FOG_PREDICATE_WHY] = "";

	if (fog_crypto_init() != 0)
		abort();
	binary_run(data, len);
	json_t *o = json_loadb((const char *)data, len, 0, NULL);
	if (o == NULL)
		return 0;
	if (fog_proof_from_json(&p, o, why) != 0 && why[0] == '\0')
		abort();
	if (fog_claim_open(o, &expected, &payload, why) != 0 && why[0] == '\0')
		abort();
	json_decref(o);
	return 0;
}
