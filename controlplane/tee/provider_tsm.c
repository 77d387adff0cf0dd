/* SPDX-License-Identifier: BSD-3-Clause */
/* Linux's common interface to confidential guests (Documentation/ABI/testing/configfs-tsm): a
 * directory is a request.
 *
 *	mkdir DIR/fog-PID-N; write inblob (64 bytes); read provider, outblob, auxblob; read
 *generation
 *
 * generation counts writes: had somebody else written in between, the blob is not ours and is asked
 * for again. There is no register that outlives the launch: the event log is in the statement,
 *whose digest is in the report. */
#include "controlplane/tee/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/tee/appraise.h"
#include "controlplane/tee/chain.h"

#define TRIES         3
#define BLOB_MAX      32768 /* of outblob and auxblob, by the kernel's documentation */
#define PATH_SIZE     512
#define TABLE_ENTRY   24 /* GUID 16, offset 4, length 4 (AMD 56421, section 4.1.8.1) */
#define TABLE_ENTRIES 16

struct tsm {
	char dir[PATH_SIZE / 2];
	char *pem; /* of the configured file; NULL */
	u32 requests;
};

/* Certificates of the table a hypervisor hands over, in the order of a chain: VCEK or VLEK, ASK,
 * ARK; GUIDs as their bytes lie there (AMD 56421, table 16). */
static const u8 guids[][16] = {
	{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
	 0xcd},
	{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
	 0xa1},
	{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
	 0x82},
	{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
	 0xae},
};

static long read_at(int dir, const char *name, u8 *out, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (used < cap && (n = read(fd, out + used, cap - used)) > 0)
		used += (size_t)n;
	long rc = n < 0 ? -errno : (long)used;
	close(fd);
	return rc;
}

static int write_at(int dir, const char *name, const u8 *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, data, len);
	int rc = n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
	close(fd);
	return rc;
}

static long number_at(int dir, const char *name)
{
	u8 text[24] = {0};
	long n = read_at(dir, name, text, sizeof(text) - 1);

	return n <= 0 ? -EIO : strtol((const char *)text, NULL, 10);
}

static enum fog_tee_kind kind_at(int dir)
{
	char text[32] = "";

	if (read_at(dir, "provider", (u8 *)text, sizeof(text) - 1) <= 0)
		return FOG_TEE_NONE;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, "sev_guest") == 0   ? FOG_TEE_SNP
	       : strcmp(text, "tdx_guest") == 0 ? FOG_TEE_TDX
						: FOG_TEE_NONE;
}

/* ---- certificates of SEV-SNP ---------------------------------------------------------------- */

static const u8 *table_find(const u8 *aux, size_t size, const u8 guid[16], u32 *len)
{
	for (u32 i = 0; i < TABLE_ENTRIES && (i + 1) * TABLE_ENTRY <= size; i++) {
		const u8 *e = aux + i * TABLE_ENTRY;
		u32 offset = fog_load_u32(e + 16);
		*len = fog_load_u32(e + 20);
		if (memcmp(e, guid, 16) == 0)
			return offset <= size && *len <= size - offset ? aux + offset : NULL;
	}
	return NULL;
}

/* As PEM, what is there of the chain. "": nothing. */
static char *table_pem(const u8 *aux, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	u32 len;

	for (size_t i = 0; out != NULL && i < FOG_ARRAY_COUNT(guids); i++) {
		const unsigned char *at = table_find(aux, size, guids[i], &len);
		X509 *cert = at != NULL ? d2i_X509(NULL, &at, (long)len) : NULL;
		if (cert != NULL)
			PEM_write_bio_X509(out, cert);
		X509_free(cert);
	}
	long used = out != NULL ? BIO_get_mem_data(out, &data) : -1;
	if (used >= 0 && (text = malloc((size_t)used + 1)) != NULL) {
		memcpy(text, data, (size_t)used);
		text[used] = '\0';
	}
	BIO_free(out);
	ERR_clear_error();
	return text;
}

static json_t *snp_json(const struct tsm *t, const u8 *report, size_t size, const u8 *aux,
			size_t aux_size)
{
	char *pem = table_pem(aux, aux_size);
	bool given = pem != NULL && pem[0] != '\0';
	json_t *o = json_pack("{s:o, s:s}", "report", fog_tee_hex_json(report, size), "certs",
			      given            ? pem
			      : t->pem != NULL ? t->pem
					       : "");

	free(pem);
	return o;
}

/* ---- a request ------------------------------------------------------------------------------ */

struct answer {
	enum fog_tee_kind kind;
	u8 out[BLOB_MAX], aux[BLOB_MAX];
	size_t out_size, aux_size;
};

static int ask_once(int dir, const u8 data[FOG_TEE_DATA_SIZE], struct answer *a)
{
	long before = number_at(dir, "generation");
	int rc = before < 0 ? (int)before : write_at(dir, "inblob", data, FOG_TEE_DATA_SIZE);

	if (rc != 0)
		return rc;
	long n = read_at(dir, "outblob", a->out, sizeof(a->out));
	if (n <= 0)
		return n < 0 ? (int)n : -EIO;
	a->out_size = (size_t)n;
	n = read_at(dir, "auxblob", a->aux, sizeof(a->aux));
	a->aux_size = n > 0 ? (size_t)n : 0; /* TDX has none */
	a->kind = kind_at(dir);
	if (a->kind == FOG_TEE_NONE)
		return -ENODEV;
	return number_at(dir, "generation") == before + 1 ? 0 : -EAGAIN;
}

static int ask(struct tsm *t, const u8 data[FOG_TEE_DATA_SIZE], struct answer *a,
	       char why[FOG_TEE_WHY_SIZE])
{
	char path[PATH_SIZE];
	int rc = -EAGAIN;

	snprintf(path, sizeof(path), "%s/fog-%d-%u", t->dir, (int)getpid(), t->requests++);
	/* One that a process of our number left is as good. */
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		rc = -errno;
		snprintf(why, FOG_TEE_WHY_SIZE, "%.200s: %s", t->dir, strerror(-rc));
		return rc;
	}
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (u32 i = 0; dir >= 0 && rc == -EAGAIN && i < TRIES; i++)
		rc = ask_once(dir, data, a);
	if (rc != 0)
		snprintf(why, FOG_TEE_WHY_SIZE, "%.200s gives no report: %s", t->dir,
			 strerror(-rc));
	if (dir >= 0)
		close(dir);
	rmdir(path);
	return rc;
}

static int tsm_quote(struct fog_tee_provider *p, const u8 binding[32], json_t **out,
		     char why[FOG_TEE_WHY_SIZE])
{
	struct answer *a = malloc(sizeof(*a));
	u8 data[FOG_TEE_DATA_SIZE] = {0};

	if (a == NULL)
		return -ENOMEM;
	memcpy(data, binding, 32);
	int rc = ask(p->state, data, a, why);
	if (rc == 0) {
		p->kind = a->kind;
		*out = a->kind == FOG_TEE_SNP
			       ? snp_json(p->state, a->out, a->out_size, a->aux, a->aux_size)
			       : json_pack("{s:o}", "quote",
					   fog_tee_hex_json(a->out,
							    fog_tee_tdx_size(a->out, a->out_size)));
		rc = *out != NULL ? 0 : -ENOMEM;
	}
	free(a);
	return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

static char *pem_read(const char *path)
{
	FILE *in = path[0] != '\0' ? fopen(path, "re") : NULL;
	char *text = in != NULL ? malloc(FOG_TEE_EVIDENCE_MAX + 1) : NULL;

	if (text != NULL)
		text[fread(text, 1, FOG_TEE_EVIDENCE_MAX, in)] = '\0';
	if (in != NULL)
		fclose(in);
	return text;
}

static void tsm_close(struct fog_tee_provider *p)
{
	struct tsm *t = p->state;

	free(t->pem);
	free(t);
}

/* One request at the start: which it is, and that it works. */
static int tsm_open(struct fog_tee_provider *p, const struct fog_tee_provider_config *c,
		    char why[FOG_TEE_WHY_SIZE])
{
	static const u8 nothing[32];
	struct tsm *t = calloc(1, sizeof(*t));
	json_t *first = NULL;

	if (t == NULL)
		return -ENOMEM;
	snprintf(t->dir, sizeof(t->dir), "%s",
		 c->tsm_dir[0] != '\0' ? c->tsm_dir : FOG_TEE_TSM_DIR);
	t->pem = pem_read(c->certs);
	p->state = t;
	int rc = tsm_quote(p, nothing, &first, why);
	json_decref(first);
	if (rc != 0) {
		tsm_close(p);
		return rc;
	}
	snprintf(p->about, sizeof(p->about), "%s guest, by %.80s",
		 p->kind == FOG_TEE_SNP ? "AMD SEV-SNP" : "Intel TDX", t->dir);
	return 0;
}

const struct fog_tee_provider_ops fog_tee_provider_tsm = {
	.name = "tsm",
	.open = tsm_open,
	.quote = tsm_quote,
	.close = tsm_close,
};
