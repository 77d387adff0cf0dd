/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-wasm: see docs/man/fog-wasm.1. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/executor/wasm/artifact.h"
#include "controlplane/executor/wasm/build.h"
#include "controlplane/executor/wasm/run.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

static const char usage_text[] =
	"usage: fog-wasm key FILE                        make a builder's key, print its public "
	"key\n"
	"       fog-wasm build --key FILE IN.wasm OUT    compile a WASI program and sign it\n"
	"       fog-wasm show FILE                       who built it, from what, for what\n"
	"       fog-wasm run OBJECT [ARGUMENT..]         run compiled code; fog-exec does that\n"
	"       fog-wasm --version | --help\n";

static void print_hex(const char *name, const u8 *data, size_t len)
{
	char text[2 * 32 + 1];

	(void)fog_hex_encode(data, len, text, sizeof(text));
	printf("%-10s %s\n", name, text);
}

static int key_make(const char *path)
{
	u8 seed[FOG_SIGN_SEED_SIZE], pk[FOG_SIGN_PUBLIC_SIZE], sk[FOG_SIGN_SECRET_SIZE];
	char text[2 * FOG_SIGN_SEED_SIZE + 2];

	fog_random_bytes(seed, sizeof(seed));
	fog_sign_keypair(pk, sk, seed);
	(void)fog_hex_encode(seed, sizeof(seed), text, sizeof(text));
	text[2 * FOG_SIGN_SEED_SIZE] = '\n';
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret = fd < 0 ? -errno : fog_file_write_all(fd, text, 2 * FOG_SIGN_SEED_SIZE + 1);
	if (fd >= 0 && (fsync(fd) < 0 || close(fd) < 0) && ret == 0)
		ret = -errno;
	fog_wipe(seed, sizeof(seed));
	fog_wipe(sk, sizeof(sk));
	fog_wipe(text, sizeof(text));
	if (ret < 0) {
		fprintf(stderr, "fog-wasm: %s: %s\n", path, strerror(-ret));
		return EXIT_FAILED;
	}
	print_hex("builder", pk, sizeof(pk));
	return EXIT_OK;
}

static int key_read(const char *path, u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 seed[FOG_SIGN_SEED_SIZE], pk[FOG_SIGN_PUBLIC_SIZE];
	char *text;
	size_t len;

	int ret = fog_file_read(AT_FDCWD, path, 2 * FOG_SIGN_SEED_SIZE + 1, &text, &len);
	if (ret < 0)
		return ret;
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	ret = len == 2 * FOG_SIGN_SEED_SIZE ? fog_hex_decode(text, seed, sizeof(seed)) : -EINVAL;
	if (ret == 0)
		fog_sign_keypair(pk, sk, seed);
	fog_wipe(seed, sizeof(seed));
	fog_wipe(text, len);
	free(text);
	return ret;
}

static int build(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
						{"compiler", required_argument, NULL, 'c'},
						{NULL, 0, NULL, 0}};
	struct fog_wasm_build b = {0};
	const char *key = NULL;
	char why[512];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k')
			key = optarg;
		else if (c == 'c')
			b.compiler = optarg;
		else
			return EXIT_USAGE;
	}
	if (key == NULL || argc - optind != 2)
		return EXIT_USAGE;
	b.input = argv[optind];
	b.output = argv[optind + 1];
	int ret = key_read(key, b.sk);
	if (ret < 0)
		snprintf(why, sizeof(why), "%s: %s", key, strerror(-ret));
	else
		ret = fog_wasm_build(&b, why, sizeof(why));
	fog_wipe(b.sk, sizeof(b.sk));
	if (ret < 0)
		fprintf(stderr, "fog-wasm: %s\n", why);
	return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

static int show(const char *path)
{
	struct fog_wasm_artifact a;
	const char *why = NULL;
	char *text = NULL;
	size_t len;

	int ret = fog_file_read(AT_FDCWD, path, FOG_WASM_CODE_MAX + FOG_WASM_HEADER_SIZE, &text,
				&len);
	if (ret == 0)
		ret = fog_wasm_artifact_parse((const u8 *)text, len, &a, &why);
	if (ret < 0) {
		fprintf(stderr, "fog-wasm: %s: %s\n", path, why != NULL ? why : strerror(-ret));
	} else {
		print_hex("builder", a.builder, sizeof(a.builder));
		print_hex("module", a.module_sha256, sizeof(a.module_sha256));
		printf("%-10s %s\n%-10s %zu\n", "target", a.target, "code", a.code_size);
	}
	free(text);
	return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	int status = EXIT_USAGE;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("fog-wasm %s, %s\n", FOG_VERSION, fog_wasm_target);
		return EXIT_OK;
	}
	if (argc >= 3 && strcmp(argv[1], "run") == 0)
		return fog_wasm_run(argv[2], argv + 2);
	if (argc == 3 && strcmp(argv[1], "key") == 0)
		status = key_make(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "show") == 0)
		status = show(argv[2]);
	else if (argc >= 2 && strcmp(argv[1], "build") == 0)
		status = build(argc - 1, argv + 1);
	if (status == EXIT_USAGE)
		fputs(usage_text, stderr);
	return status;
}
