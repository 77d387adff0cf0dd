/* SPDX-License-Identifier: BSD-3-Clause */
/* The layout of the shared memory equals tests/abi/golden.txt, the golden file lists every byte of
 * every struct, and any change to a line changes the hash. After an intended change: raise FOG_ABI,
 * describe it in docs/ABI.md, and write the new golden file with `abi_layout_test --print`. */
#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

#include <inttypes.h>

#define ITEMS_MAX 512

struct item {
	char name[80];
	u64 offset;
	u64 size;
};

static char *layout_text(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		abort();
	fog_abi_layout_print(f);
	fclose(f);
	return text;
}

static char *golden_text(void)
{
	const char *path = getenv("FOG_GOLDEN");
	FILE *f = fopen(path != NULL ? path : "tests/abi/golden.txt", "r");
	char *text = calloc(1, 1 << 16);

	if (f == NULL || text == NULL) {
		free(text);
		return NULL;
	}
	size_t n = fread(text, 1, (1 << 16) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static unsigned items_parse(const char *text, struct item items[ITEMS_MAX], u64 *hash)
{
	unsigned n = 0;

	*hash = 0;
	while (*text != '\0' && n < ITEMS_MAX) {
		struct item *i = &items[n];

		if (sscanf(text, "layout_hash %" SCNx64, hash) == 1)
			break;
		if (sscanf(text, "%79s %" SCNu64 " %" SCNu64, i->name, &i->offset, &i->size) != 3)
			return 0;
		n++;
		text = strchr(text, '\n');
		if (text == NULL)
			return 0;
		text++;
	}
	return n;
}

static u64 fnv(u64 h, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const u8 *)data)[i]) * 0x100000001b3ull;
	return h;
}

static u64 items_hash(const struct item *items, unsigned n)
{
	u64 h = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < n; i++) {
		h = fnv(h, items[i].name, strlen(items[i].name) + 1);
		h = fnv(h, &items[i].offset, 8);
		h = fnv(h, &items[i].size, 8);
	}
	return h;
}

static void test_golden(void)
{
	char *now = layout_text();
	char *golden = golden_text();

	CU_ASSERT_PTR_NOT_NULL_FATAL(golden);
	CU_ASSERT_STRING_EQUAL(now, golden);
	free(now);
	free(golden);
}

/* Every struct of the list is covered byte by byte: no field was forgotten. */
static void test_complete(void)
{
	static struct item items[ITEMS_MAX];
	char *text = layout_text();
	u64 hash;
	unsigned n = items_parse(text, items, &hash);
	unsigned structs = 0;

	CU_ASSERT_FATAL(n > 100);
	for (unsigned i = 0; i < n; i++) {
		if (items[i].size == 0 || strchr(items[i].name, '.') != NULL)
			continue;
		size_t len = strlen(items[i].name);
		u64 end = 0;
		u64 gap_max = strstr(items[i].name, "_region") != NULL ? 4095 : 0;
		if (strcmp(items[i].name, "fog_region_header") == 0)
			gap_max = 0;
		for (unsigned f = i + 1; f < n; f++) {
			/* The constants of the drop list stand among the fields of the counters. */
			if (items[f].size == 0)
				continue;
			if (strncmp(items[f].name, items[i].name, len) != 0 ||
			    items[f].name[len] != '.')
				break;
			CU_ASSERT(items[f].offset >= end);
			CU_ASSERT(items[f].offset - end <= gap_max);
			end = items[f].offset + items[f].size;
		}
		if (items[i].size < end || items[i].size - end > gap_max + FOG_CACHELINE - 1)
			printf("%s: fields end at %" PRIu64 " of %" PRIu64 "\n", items[i].name, end,
			       items[i].size);
		CU_ASSERT(items[i].size >= end);
		CU_ASSERT(items[i].size - end <= gap_max);
		structs++;
	}
	CU_ASSERT_EQUAL(structs, 21);
	free(text);
}

/* A hash over the printed items equals the library's; touching any one item changes it. */
static void test_change_is_noticed(void)
{
	static struct item items[ITEMS_MAX];
	char *text = layout_text();
	u64 pinned;
	unsigned n = items_parse(text, items, &pinned);

	CU_ASSERT_FATAL(n > 100);
	CU_ASSERT_EQUAL(pinned, fog_abi_layout_hash());
	CU_ASSERT_EQUAL(items_hash(items, n), pinned);
	for (unsigned i = 0; i < n; i++) {
		items[i].offset += 8;
		CU_ASSERT_NOT_EQUAL(items_hash(items, n), pinned);
		items[i].offset -= 8;
		items[i].size ^= 4;
		CU_ASSERT_NOT_EQUAL(items_hash(items, n), pinned);
		items[i].size ^= 4;
		items[i].name[0] ^= 1;
		CU_ASSERT_NOT_EQUAL(items_hash(items, n), pinned);
		items[i].name[0] ^= 1;
	}
	CU_ASSERT_NOT_EQUAL(items_hash(items, n - 1), pinned);
	free(text);
}

int main(int argc, char **argv)
{
	static const struct fog_test tests[] = {
		FOG_TEST(test_golden),
		FOG_TEST(test_complete),
		FOG_TEST(test_change_is_noticed),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		fog_abi_layout_print(stdout);
		return 0;
	}
	return fog_test_run("abi/layout", tests, FOG_ARRAY_COUNT(tests));
}
