/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define SIZE sizeof(struct fog_edge_tx_region)

static void test_life_cycle(void)
{
	struct fog_region mine, theirs;

	CU_ASSERT_EQUAL_FATAL(fog_region_create(&mine, "t", SIZE, FOG_REGION_EDGE_TX, 42), 0);
	CU_ASSERT_EQUAL_FATAL(fog_region_map_peer(&theirs, dup(mine.fd), SIZE, FOG_REGION_EDGE_TX),
			      0);
	const struct fog_edge_tx_region *ro = theirs.base;
	struct fog_edge_tx_region *rw = mine.base;

	CU_ASSERT_EQUAL(ro->header.boot_id, 42);
	CU_ASSERT_EQUAL(ro->header.pid, (u32)getpid());
	CU_ASSERT_EQUAL(ro->slots[FOG_EDGE_RING_COUNT - 1].handle, 0);
	rw->slots[FOG_EDGE_RING_COUNT - 1].handle = 99;
	CU_ASSERT_EQUAL(ro->slots[FOG_EDGE_RING_COUNT - 1].handle, 99);

	fog_region_close(&theirs);
	fog_region_close(&mine);
	CU_ASSERT_PTR_NULL(mine.base);
	CU_ASSERT_EQUAL(mine.fd, -1);
	fog_region_close(&mine);
}

static void test_bad_arguments(void)
{
	struct fog_region r;
	static const struct {
		unsigned number;
		const char *name;
		size_t size;
		u32 kind;
	} cases[] = {
		{1, NULL, 4096, FOG_REGION_DATA},
		{2, "t", 0, FOG_REGION_DATA},
		{3, "t", sizeof(struct fog_region_header) - 1, FOG_REGION_DATA},
		{4, "t", FOG_REGION_SIZE_MAX + 1, FOG_REGION_DATA},
		{5, "t", 4096, 0},
		{6, "t", 4096, FOG_REGION_EDGE_RX + 1},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(
			fog_region_create(&r, cases[i].name, cases[i].size, cases[i].kind, 1),
			-EINVAL);
		CU_ASSERT_PTR_NULL(r.base);
	}
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, -1, SIZE, FOG_REGION_DATA), -EINVAL);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, 0, 1, FOG_REGION_DATA), -EINVAL);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, 0, SIZE, 77), -EINVAL);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, 0, FOG_REGION_SIZE_MAX + 1, FOG_REGION_DATA),
			-EINVAL);
	fog_region_close(&r);
}

/* Whoever has the fd may read; no call of any kind may write, grow, shrink or unseal. */
static void test_peer_cannot_write(void)
{
	struct fog_region mine, theirs;

	CU_ASSERT_EQUAL_FATAL(fog_region_create(&mine, "t", SIZE, FOG_REGION_EDGE_TX, 1), 0);
	CU_ASSERT_EQUAL_FATAL(fog_region_map_peer(&theirs, dup(mine.fd), SIZE, FOG_REGION_EDGE_TX),
			      0);
	CU_ASSERT_PTR_EQUAL(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, theirs.fd, 0),
			    MAP_FAILED);
	CU_ASSERT_EQUAL(mprotect(theirs.base, 4096, PROT_READ | PROT_WRITE), -1);
	CU_ASSERT_EQUAL(pwrite(theirs.fd, "x", 1, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(theirs.fd, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(theirs.fd, 1 << 30), -1);
	CU_ASSERT_EQUAL(fallocate(theirs.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
			-1);
	CU_ASSERT_EQUAL(fcntl(theirs.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);

	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", theirs.fd);
	int again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		CU_ASSERT_PTR_EQUAL(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
		CU_ASSERT_EQUAL(pwrite(again, "x", 1, 0), -1);
		close(again);
	}
	fog_region_close(&theirs);
	fog_region_close(&mine);
}

static int memfd_with(size_t size, int seals, const struct fog_region_header *header)
{
	int fd = memfd_create("bad", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 ||
	    pwrite(fd, header, sizeof(*header), 0) != sizeof(*header) ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0)
		abort();
	return fd;
}

static void test_peer_must_be_sealed_and_honest(void)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	const struct fog_region_header good = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.layout_hash = fog_abi_layout_hash(),
		.size = SIZE,
		.kind = FOG_REGION_EDGE_TX,
	};
	struct {
		unsigned number;
		int rc;
		size_t size;
		int seals;
		struct fog_region_header header;
	} cases[] = {
		{1, 0, SIZE, all, good},
		{2, -EPROTO, SIZE, all & ~F_SEAL_SHRINK, good},
		{3, -EPROTO, SIZE, all & ~F_SEAL_GROW, good},
		{4, -EPROTO, SIZE, all & ~F_SEAL_FUTURE_WRITE, good},
		{5, -EPROTO, SIZE, all & ~F_SEAL_SEAL, good},
		{6, -EPROTO, SIZE - 4096, all, good},
		{7, -EPROTO, SIZE + 4096, all, good},
		{8, -EPROTO, SIZE, all, good},
		{9, -EPROTO, SIZE, all, good},
		{10, -EPROTO, SIZE, all, good},
		{11, -EPROTO, SIZE, all, good},
		{12, -EPROTO, SIZE, all, good},
	};

	cases[7].header.magic++;
	cases[8].header.abi++;
	cases[9].header.layout_hash++;
	cases[10].header.size++;
	cases[11].header.kind = FOG_REGION_EDGE_RX;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_region r;
		int fd = memfd_with(cases[i].size, cases[i].seals, &cases[i].header);
		int rc = fog_region_map_peer(&r, fd, SIZE, FOG_REGION_EDGE_TX);

		if (rc != cases[i].rc)
			printf("case %u: %d\n", cases[i].number, rc);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		if (rc == 0)
			fog_region_close(&r);
		else
			close(fd);
	}
}

/* Things that are no memfd at all. */
static void test_peer_must_be_a_memfd(void)
{
	struct fog_region r;
	int pipes[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *file = tmpfile();

	CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(ftruncate(fileno(file), (off_t)SIZE), 0);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, pipes[0], SIZE, FOG_REGION_EDGE_TX), -EPROTO);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, null, SIZE, FOG_REGION_EDGE_TX), -EPROTO);
	CU_ASSERT_EQUAL(fog_region_map_peer(&r, fileno(file), SIZE, FOG_REGION_EDGE_TX), -EPROTO);
	close(pipes[0]);
	close(pipes[1]);
	close(null);
	fclose(file);
}

/* The pages do not reach a core file: VmFlags of the mapping has "dd". */
static void test_not_dumped(void)
{
	struct fog_region mine;
	char line[512], want[32];
	bool inside = false, found = false;

	CU_ASSERT_EQUAL_FATAL(fog_region_create(&mine, "t", SIZE, FOG_REGION_EDGE_TX, 1), 0);
	snprintf(want, sizeof(want), "%lx-", (unsigned long)mine.base);
	FILE *maps = fopen("/proc/self/smaps", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (strncmp(line, want, strlen(want)) == 0)
			inside = true;
		if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			found = strstr(line, " dd") != NULL;
			break;
		}
	}
	fclose(maps);
	CU_ASSERT(inside);
	CU_ASSERT(found);
	fog_region_close(&mine);
}

FOG_TEST_MAIN("dataplane/abi/region", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_peer_cannot_write), FOG_TEST(test_peer_must_be_sealed_and_honest),
	      FOG_TEST(test_peer_must_be_a_memfd), FOG_TEST(test_not_dumped))
