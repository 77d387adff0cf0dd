/* SPDX-License-Identifier: BSD-3-Clause */
/* Which provider is taken; configfs played by a thread: its attributes are FIFOs that answer what
 * was written with recorded evidence. */
#include "controlplane/tee/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/tee/appraise.h"
#include "tests/unit/controlplane/tee/recorded.h"

#define REQUESTS 4

static char dir[32];
static char why[FOG_TEE_WHY_SIZE];
static struct fog_tee_provider p;
static struct fog_tee_provider_config config = {
	.provider = "tsm", .tpm = "device:/nonexistent", .pcr = 23, .certs = ""};

struct fake {
	const char *kind;
	struct recorded blob;
	u8 aux[4096];
	size_t aux_size;
	unsigned steps; /* generation goes up by this much at a write */
	unsigned requests;
	unsigned rounds; /* of one request; 0: one */
	u8 asked[REQUESTS][FOG_TEE_DATA_SIZE];
};
static struct fake fake;

static void path_of(char path[128], unsigned request, const char *name)
{
	snprintf(path, 128, "%s/fog-%d-%u/%s", dir, (int)getpid(), request, name);
}

static void put(unsigned request, const char *name, const void *data, size_t len)
{
	char path[128];

	path_of(path, request, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void play_once(unsigned request, unsigned round)
{
	char path[128], number[16];

	path_of(path, request, "inblob");
	int fd = open(path, O_RDONLY);
	CU_ASSERT_EQUAL(read(fd, fake.asked[request], FOG_TEE_DATA_SIZE), FOG_TEE_DATA_SIZE);
	close(fd);
	snprintf(number, sizeof(number), "%u", 5 + fake.steps * (round + 1));
	put(request, "generation", number, strlen(number));
	put(request, "outblob", fake.blob.data, fake.blob.size);
}

static void *play(void *arg)
{
	for (unsigned i = 0; i < fake.requests; i++)
		for (unsigned k = 0; k == 0 || k < fake.rounds; k++)
			play_once(i, k);
	return NULL;
}

static pthread_t play_begin(unsigned requests)
{
	char path[128];
	pthread_t thread;

	snprintf(dir, sizeof(dir), "/tmp/fog-tsm.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	config.tsm_dir = dir;
	fake.requests = requests;
	for (unsigned i = 0; i < requests; i++) {
		path_of(path, i, "");
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
		put(i, "generation", "5", 1);
		put(i, "provider", fake.kind, strlen(fake.kind));
		if (fake.aux_size != 0)
			put(i, "auxblob", fake.aux, fake.aux_size);
		path_of(path, i, "inblob");
		CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
		path_of(path, i, "outblob");
		CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	}
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, play, NULL), 0);
	return thread;
}

static void play_end(pthread_t thread)
{
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(fog_tree_remove(AT_FDCWD, dir), 0);
}

static void quote_check(const char *member, const char *kind)
{
	u8 binding[32], got[FOG_TEE_EVIDENCE_MAX];
	json_t *quote = NULL;

	memset(binding, 0xab, sizeof(binding));
	CU_ASSERT_EQUAL_FATAL(p.ops->quote(&p, binding, &quote, why), 0);
	long len = fog_tee_hex_bytes(json_object_get(quote, member), got, sizeof(got));
	CU_ASSERT_EQUAL(len, (long)fake.blob.size);
	CU_ASSERT_EQUAL(memcmp(got, fake.blob.data, fake.blob.size), 0);
	json_decref(quote);
	CU_ASSERT_EQUAL(memcmp(fake.asked[1], binding, 32), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(p.about, kind));
}

static void test_life_cycle(void)
{
	fake = (struct fake){.kind = "tdx_guest\n", .steps = 1};
	recorded_read(&fake.blob, "tdx_quote_4.dat");
	pthread_t thread = play_begin(2);
	CU_ASSERT_EQUAL_FATAL(fog_tee_provider_open(&p, &config, why), 0);
	CU_ASSERT_EQUAL(p.kind, FOG_TEE_TDX);
	quote_check("quote", "Intel TDX");
	fog_tee_provider_close(&p);
	play_end(thread);
}

static void test_bad_arguments(void)
{
	config.tsm_dir = "/nonexistent";
	CU_ASSERT_EQUAL(fog_tee_provider_open(&p, &config, why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent"));
	config.provider = "tpm";
	CU_ASSERT_EQUAL(fog_tee_provider_open(&p, &config, why), -EIO);
	config.provider = "sgx";
	CU_ASSERT_EQUAL(fog_tee_provider_open(&p, &config, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "sgx"));
	/* Where there is nothing else, software, which says what it is. */
	config.provider = "auto";
	CU_ASSERT_EQUAL(fog_tee_provider_open(&p, &config, why), 0);
	CU_ASSERT_EQUAL(p.kind, FOG_TEE_SOFTWARE);
	CU_ASSERT_STRING_EQUAL(fog_tee_vendor(p.kind), "");
	fog_tee_provider_close(&p);
	fog_tee_provider_close(&p);
	config.provider = "tsm";
}

/* The report with the table of certificates that the hypervisor hands over. */
static void test_snp(void)
{
	static const u8 vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
				    0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
	struct fog_tee_claims claims;
	struct recorded cert;
	u8 binding[32] = {0};
	json_t *quote = NULL;

	fake = (struct fake){.kind = "sev_guest\n", .steps = 1};
	recorded_read(&fake.blob, "snp_report.bin");
	recorded_read(&cert, "snp_vcek.der");
	memcpy(fake.aux, vcek, 16);
	fog_store_u32(fake.aux + 16, 48);
	fog_store_u32(fake.aux + 20, (u32)cert.size);
	memcpy(fake.aux + 48, cert.data, cert.size);
	fake.aux_size = 48 + cert.size;
	pthread_t thread = play_begin(2);
	CU_ASSERT_EQUAL_FATAL(fog_tee_provider_open(&p, &config, why), 0);
	CU_ASSERT_EQUAL(p.kind, FOG_TEE_SNP);
	CU_ASSERT_EQUAL_FATAL(p.ops->quote(&p, binding, &quote, why), 0);
	const json_t *pem = json_object_get(quote, "certs");
	struct fog_tee_certs leaf = {json_string_value(pem), json_string_length(pem)};
	CU_ASSERT_EQUAL(fog_tee_snp_verify_by(fake.blob.data, fake.blob.size, &leaf, &claims),
			FOG_TEE_VALID);
	json_decref(quote);
	fog_tee_provider_close(&p);
	play_end(thread);
}

/* Somebody else writes each time between our write and our read. */
static void test_generation(void)
{
	fake = (struct fake){.kind = "tdx_guest\n", .steps = 2, .rounds = 3};
	recorded_read(&fake.blob, "tdx_quote_4.dat");
	fake.blob.size = 100;
	pthread_t thread = play_begin(1);
	CU_ASSERT_EQUAL(fog_tee_provider_open(&p, &config, why), -EAGAIN);
	play_end(thread);
}

FOG_TEST_MAIN("controlplane/tee/provider", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_snp), FOG_TEST(test_generation))
