/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a predicate, any bytes as an encoded statement. */
#include "controlplane/proofs/predicate.h"
#include "tests/fuzz/fuzz.h"

static void text_run(const u8 *data, size_t len)
{
	static struct fog_predicate p;
	static struct fog_statement again;
	static u8 encoded[FOG_STATEMENT_ENCODED_MAX];
	char text[FOG_PREDICATE_TEXT_MAX + 8], why[FOG_PREDICATE_WHY] = "";

	if (len >= sizeof(text))
		return;
	memcpy(text, data, len);
	text[len] = '\0';
	if (fog_predicate_compile(&p, text, why) != 0) {
		if (why[0] == '\0')
			abort();
		return;
	}
	int n = fog_statement_encode(&p.statement, encoded, sizeof(encoded));
	if (n < 0 || fog_statement_decode(&again, encoded, (size_t)n) != 0 ||
	    fog_statement_proof_len(&again) != fog_statement_proof_len(&p.statement))
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static struct fog_statement s;
	static u8 encoded[FOG_STATEMENT_ENCODED_MAX];

	text_run(data, len);
	if (fog_statement_decode(&s, data, len) != 0)
		return 0;
	int n = fog_statement_encode(&s, encoded, sizeof(encoded));
	if (n != (int)len || memcmp(encoded, data, len) != 0)
		abort();
	return 0;
}
