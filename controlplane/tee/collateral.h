/* SPDX-License-Identifier: BSD-3-Clause */
/* What makers and operators have said since a certificate was signed (RFC 9334: endorsements): a
 * directory of files that the operator keeps up to date, see docs/OPERATIONS.md. By the ends of
 * their names:
 *
 *	.crl		a certificate revocation list, DER or PEM, of AMD, Intel or a TPM's maker
 *	.pem		a chain that signs collateral: Intel's "TCB Signing" and its root
 *	.json		TCB info or the identity of the quoting enclave, see tcb.h
 *	.revoked	a line for each revoked id: 64 hex digits (a node id, or hardware as results
 *			tell it: AK, EK, chip), a space, why; empty lines and those with '#' do not
 *count
 *
 * Other names are not looked at. Signatures of .json are checked when they are read, those of .crl
 * when they are used: only then is the issuer known. Dates are checked in use: a list is good from
 * its issue to its next update. What says "revoked" counts also when it is older than that.
 *
 * A set is not changed once it is read; any thread may use it. A check costs a few signatures: with
 * firmware 1 to 2 ms. */
#ifndef FOG_TEE_COLLATERAL_H
#define FOG_TEE_COLLATERAL_H

#include <jansson.h>

#include "controlplane/tee/chain.h"
#include "controlplane/tee/tcb.h"

#define FOG_TEE_COLLATERAL_FILES_MAX 256 /* of a directory; more are an error */
#define FOG_TEE_COLLATERAL_FILE_MAX  (4 * 1024 * 1024)
#define FOG_TEE_LISTED_MAX           65536 /* revoked ids of a set */

struct fog_tee_collateral;

/* An empty set. NULL: no memory. */
struct fog_tee_collateral *fog_tee_collateral_new(void);
/* One file; .pem before what they sign. 0, or -EBADMSG, -ENOMEM, -E2BIG with why. */
int fog_tee_collateral_add(struct fog_tee_collateral *c, const char *name, const void *data,
			   size_t size, char why[FOG_TEE_WHY_SIZE]);
/* A directory; NULL or "": an empty set. One wrong file and none is taken: why names it. */
int fog_tee_collateral_load(struct fog_tee_collateral **out, const char *dir,
			    char why[FOG_TEE_WHY_SIZE]);
/* Of what is in a directory, by files, sizes and times: another one means another set. 0: no
 * directory is named; one that cannot be read has a stamp, too. */
u64 fog_tee_collateral_stamp(const char *dir);
void fog_tee_collateral_free(struct fog_tee_collateral *c);

/* Has anybody in a chain (leaf first, root last, verified before) been revoked by who signed it?
 * required: each but the root, or with `root_only` those the root signed, must have a list that
 * holds at now_s; 0: not checked. VALID, REVOKED or COLLATERAL with why. NULL: an empty set. */
struct fog_tee_collateral_rule {
	bool required, root_only;
	u64 now_s;
};
enum fog_tee_fault fog_tee_collateral_chain(const struct fog_tee_collateral *c, X509 *const *cert,
					    u32 count, const struct fog_tee_collateral_rule *rule,
					    char why[FOG_TEE_WHY_SIZE]);
/* Of a report that fog_tee_snp_verify() found valid. AMD's root lists the keys it signed; it
 * publishes none of chips, whose keys age with their firmware (policy: tcb_min). */
enum fog_tee_fault fog_tee_collateral_snp(const struct fog_tee_collateral *c,
					  const struct fog_tee_certs *certs, bool required,
					  u64 now_s, char why[FOG_TEE_WHY_SIZE]);
/* Of a quote that fog_tee_tdx_verify() found valid: lists, then firmware. OLD: below every level.
 * status NONE with VALID: nothing is known of this platform, and nothing was required. why holds
 * the level's particulars. */
enum fog_tee_fault fog_tee_collateral_tdx(const struct fog_tee_collateral *c, const u8 *quote,
					  size_t size, bool required, u64 now_s,
					  enum fog_tee_tcb_status *status,
					  char why[FOG_TEE_WHY_SIZE]);
/* Why an id is listed in a .revoked file; NULL: it is not. */
const char *fog_tee_collateral_revoked(const struct fog_tee_collateral *c, const u8 id[32]);

/* {"files": [{"file","about","issued_s","next_s"}, ..], "revoked": ids listed}; new reference. */
json_t *fog_tee_collateral_json(const struct fog_tee_collateral *c);

#endif
