/* SPDX-License-Identifier: BSD-3-Clause */
/* kind u8 | payload: what the verify workers run on anything a peer may send. Good payloads are in
 * the corpus, with 0x80 in the kind: they may pass. Anything else must give one of four answers,
 * and the same alone as beside others. */
#include <errno.h>

#include "crypto/check/check.h"
#include "crypto/cpu.h"
#include "tests/fuzz/fuzz.h"

static struct fog_checker *checker(void)
{
	static struct fog_checker *c;

	if (c == NULL) {
		void *memory = NULL;

		if (fog_crypto_init() == 0)
			memory = aligned_alloc(64, (fog_checker_size() + 63) & ~(size_t)63);
		if (memory == NULL)
			abort();
		c = fog_checker_init(memory);
	}
	return c;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	if (len == 0 || len > FOG_CHECK_PAYLOAD_MAX)
		return 0;
	const struct fog_check one = {
		.kind = data[0] & 0x7f, .payload = data + 1, .len = (u32)len - 1};
	const struct fog_check three[3] = {one, {.kind = FOG_CHECK_ED25519}, one};
	i32 alone, beside[3];

	(void)fog_check_cost_ns(one.kind, one.payload, one.len);
	fog_check_many(checker(), &one, 1, &alone);
	fog_check_many(checker(), three, 3, beside);
	if (alone != 0 && alone != -EBADMSG && alone != -EINVAL && alone != -EOPNOTSUPP)
		abort();
	if (beside[0] != alone || beside[2] != alone || beside[1] != -EINVAL)
		abort();
	return 0;
}
