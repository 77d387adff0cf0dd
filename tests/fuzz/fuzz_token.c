/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a voucher token: what is read can be written, and is read as the same again. */
#include "controlplane/voucher/token.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[FOG_TOKEN_TEXT_MAX + 2];
	static struct fog_token t, again;
	const char *why = NULL;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (fog_token_read(&t, text, &why) != 0) {
		if (why == NULL || why[0] == '\0')
			abort();
		return 0;
	}
	(void)fog_token_amount(&t);
	char *written = fog_token_write(&t);
	if (written == NULL)
		abort();
	if (fog_token_read(&again, written, &why) != 0 || again.count != t.count ||
	    strcmp(again.mint, t.mint) != 0 || fog_token_amount(&again) != fog_token_amount(&t))
		abort();
	free(written);
	return 0;
}
