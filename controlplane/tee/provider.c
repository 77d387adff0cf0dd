/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/provider.h"

#include <errno.h>
#include <stdio.h>

static const struct fog_tee_provider_ops *const all[] = {
	&fog_tee_provider_tsm,
	&fog_tee_provider_tpm,
	&fog_tee_provider_software,
};

int fog_tee_provider_open(struct fog_tee_provider *out, const struct fog_tee_provider_config *c,
			  char why[FOG_TEE_WHY_SIZE])
{
	bool any = strcmp(c->provider, "auto") == 0;
	char one[FOG_TEE_WHY_SIZE] = "";
	int rc = -EINVAL;
	size_t used = 0;

	snprintf(why, FOG_TEE_WHY_SIZE, "no provider \"%.100s\": auto, tpm, tsm or software",
		 c->provider);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(all); i++) {
		if (!any && strcmp(c->provider, all[i]->name) != 0)
			continue;
		memset(out, 0, sizeof(*out));
		out->ops = all[i];
		if (used == 0)
			why[0] = '\0';
		rc = all[i]->open(out, c, one);
		if (rc == 0)
			return 0;
		memset(out, 0, sizeof(*out));
		used += (size_t)snprintf(why + used, FOG_TEE_WHY_SIZE - used, "%s%s: %.100s",
					 used != 0 ? "; " : "", all[i]->name, one);
		used = FOG_MIN(used, (size_t)FOG_TEE_WHY_SIZE - 1);
	}
	return rc;
}

void fog_tee_provider_close(struct fog_tee_provider *p)
{
	if (p->ops != NULL && p->ops->close != NULL)
		p->ops->close(p);
	memset(p, 0, sizeof(*p));
}

/* ---- software ------------------------------------------------------------------------------- */

static int software_open(struct fog_tee_provider *p, const struct fog_tee_provider_config *c,
			 char why[FOG_TEE_WHY_SIZE])
{
	p->kind = FOG_TEE_SOFTWARE;
	snprintf(p->about, sizeof(p->about), "software isolation: no hardware vouches for it");
	return 0;
}

static int software_quote(struct fog_tee_provider *p, const u8 binding[32], json_t **out,
			  char why[FOG_TEE_WHY_SIZE])
{
	*out = json_object();
	return *out != NULL ? 0 : -ENOMEM;
}

const struct fog_tee_provider_ops fog_tee_provider_software = {
	.name = "software",
	.open = software_open,
	.quote = software_quote,
};
