/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading public vectors, going through the CPU paths, and a seed for random tests. */
#ifndef FOG_TEST_VECTORS_H
#define FOG_TEST_VECTORS_H

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#include <jansson.h>

/* The parsed file, or the program ends: a test without its vectors must not pass. */
__attribute__((unused)) static json_t *vectors_load(const char *name)
{
	char path[1024];
	json_error_t error;

	snprintf(path, sizeof(path), "%s/%s", FOG_VECTORS_DIR, name);
	json_t *root = json_load_file(path, 0, &error);
	if (root == NULL) {
		fprintf(stderr, "%s: %s\n", path, error.text);
		exit(2);
	}
	return root;
}

/* Decodes hexadecimal text of any length up to cap and returns the bytes' count. */
__attribute__((unused)) static size_t vectors_hex(const json_t *text, u8 *out, size_t cap)
{
	const char *hex = json_string_value(text);
	size_t len = hex != NULL ? strlen(hex) / 2 : 0;

	if (hex == NULL || len > cap || fog_hex_decode(hex, out, len) < 0) {
		fprintf(stderr, "bad hexadecimal text in a vector\n");
		exit(2);
	}
	return len;
}

__attribute__((unused)) static size_t vectors_member(const json_t *object, const char *name,
						     u8 *out, size_t cap)
{
	return vectors_hex(json_object_get(object, name), out, cap);
}

/* Runs body on every CPU path this machine has; says which it lacks. Leaves the default path. */
__attribute__((unused)) static void each_path(void (*body)(void))
{
	for (unsigned i = 0; fog_crypto_path(i) != NULL; i++) {
		if (fog_crypto_select(fog_crypto_path(i)) < 0) {
			printf("(no %s here) ", fog_crypto_path(i));
			continue;
		}
		body();
	}
	(void)fog_crypto_select(fog_crypto_path(0));
}

/* Seed of a random test: FOG_SEED or a fresh one, printed. */
__attribute__((unused)) static void rng_start(struct fog_rng *rng)
{
	const char *text = getenv("FOG_SEED");
	u64 seed;

	fog_random_bytes(&seed, sizeof(seed));
	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	printf("(FOG_SEED=%llu) ", (unsigned long long)seed);
	fog_rng_init_u64(rng, seed);
}

#endif
