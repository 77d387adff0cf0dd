/* SPDX-License-Identifier: BSD-3-Clause */
/* Without libFuzzer: every file of a corpus, then mutations of them. standalone FOLDER RUNS */
#include <dirent.h>
#include <time.h>

#include "tests/fuzz/fuzz.h"

#define FILES_MAX   256
#define INPUT_MAX   65536
#define SECONDS_MAX 5

static struct {
	size_t len;
	u8 *data;
} file[FILES_MAX];

static u64 state = 88172645463325252ull;

static u64 draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static unsigned corpus_load(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned n = 0;
	char path[4096];
	struct dirent *e;

	while (d != NULL && n < FILES_MAX && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		FILE *f = fopen(path, "re");
		if (f == NULL)
			continue;
		file[n].data = malloc(INPUT_MAX);
		if (file[n].data == NULL)
			abort();
		file[n].len = fread(file[n].data, 1, INPUT_MAX, f);
		fclose(f);
		n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* Flips, overwrites, cuts and doublings of parts. */
static size_t mutate(u8 *out, const u8 *in, size_t len)
{
	memcpy(out, in, len);
	for (u64 n = 1 + draw() % 4; n != 0; n--) {
		size_t at = len == 0 ? 0 : draw() % len;

		switch (draw() % 4) {
		case 0:
			if (len != 0)
				out[at] ^= (u8)(1u << draw() % 8);
			break;
		case 1:
			if (len != 0)
				out[at] = (u8)draw();
			break;
		case 2:
			len = at;
			break;
		default:
			if (len + 16 < INPUT_MAX) {
				memmove(out + at + 16, out + at, len - at);
				len += 16;
			}
			break;
		}
	}
	return len;
}

int main(int argc, char **argv)
{
	static u8 input[INPUT_MAX + 16];
	unsigned files = argc > 1 ? corpus_load(argv[1]) : 0;
	unsigned long runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000, done = 0;
	time_t end = time(NULL) + SECONDS_MAX;

	for (unsigned i = 0; i < files; i++)
		(void)LLVMFuzzerTestOneInput(file[i].data, file[i].len);
	for (; files != 0 && done < runs && time(NULL) < end; done++) {
		unsigned i = (unsigned)(draw() % files);

		(void)LLVMFuzzerTestOneInput(input, mutate(input, file[i].data, file[i].len));
	}
	for (unsigned i = 0; i < files; i++)
		free(file[i].data);
	printf("%u files, %lu mutations\n%u passed, %u failed\n", files, done, files != 0,
	       files == 0);
	return files == 0;
}
