/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <unistd.h>

#include "controlplane/cli/client.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"

#define POLL_MS 200

static u32 links_up_count(const json_t *links)
{
	u32 count = 0;
	size_t index;
	const json_t *link;

	json_array_foreach((json_t *)links, index,
			   link) if (strcmp(fog_pick_text(link, "state", ""), "up") == 0) count++;
	return count;
}

void fog_lab_facts_read(const json_t *host, struct fog_lab_facts *facts)
{
	struct fog_client client;
	json_t *status = NULL, *hosts = NULL, *links = NULL;

	*facts = (struct fog_lab_facts){0};
	if (fog_client_open(&client, fog_pick_text(host, "api", "")) != 0)
		return;
	if (fog_client_call(&client, "GET", "/v1/status", NULL, &status) == 0 &&
	    fog_client_call(&client, "GET", "/v1/hosts", NULL, &hosts) == 0 &&
	    fog_client_call(&client, "GET", "/v1/links", NULL, &links) == 0) {
		facts->answers = true;
		facts->attached = json_is_true(fog_pick(status, "dataplane.attached"));
		facts->attached_ms = fog_pick_number(status, "dataplane.attached_ms", 0);
		facts->edge = json_is_true(fog_pick(status, "edge.connected"));
		facts->hosts_known = (u32)json_array_size(json_object_get(hosts, "hosts"));
		facts->links_up = links_up_count(json_object_get(links, "links"));
	} else {
		snprintf(facts->error, sizeof(facts->error), "%.120s", client.error);
	}
	json_decref(links);
	json_decref(hosts);
	json_decref(status);
	fog_client_close(&client);
}

/* What this host still lacks, and the log that should tell more; "" = nothing. */
static void lack_describe(const json_t *host, const struct fog_lab_facts *f, u32 count,
			  char why[FOG_LAB_NOTE_MAX])
{
	const char *process = "controlplane";
	char what[192] = "";

	if (!f->answers)
		snprintf(what, sizeof(what), "its control plane does not answer (%s)", f->error);
	else if (!f->attached) {
		snprintf(what, sizeof(what), "its control plane is not attached to a data plane");
		process = "dataplane";
	} else if (!f->edge) {
		snprintf(what, sizeof(what), "its fog-edge is not connected");
		process = "edge";
	} else if (f->hosts_known < count)
		snprintf(what, sizeof(what), "it knows %u of %u hosts", f->hosts_known, count);
	else if (f->links_up + 1 < count) {
		snprintf(what, sizeof(what), "%u of its %u links are up", f->links_up, count - 1);
		process = "dataplane";
	}
	why[0] = '\0';
	if (what[0] != '\0')
		snprintf(why, FOG_LAB_NOTE_MAX, "host %s: %s; see %s/%s.log",
			 fog_pick_text(host, "name", ""), what, fog_pick_text(host, "run_dir", ""),
			 process);
}

static void progress_draw(const struct fog_cli *cli, u32 ready, u32 links, u32 count, u64 ms)
{
	if (!cli->terminal || cli->json)
		return;
	fprintf(cli->err, "\r\033[Kwaiting for the hosts: %u of %u ready, %u of %u links, %.1f s",
		ready, count, links / 2, count * (count - 1) / 2, (double)ms / 1000);
	fflush(cli->err);
}

/* One look at all hosts. Returns how many are ready; why is about the last that is not. */
static u32 hosts_look(const json_t *hosts, u32 *links, char why[FOG_LAB_NOTE_MAX])
{
	u32 count = (u32)json_array_size(hosts);
	u32 ready = 0;
	size_t index;
	const json_t *host;

	*links = 0;
	json_array_foreach((json_t *)hosts, index, host)
	{
		struct fog_lab_facts facts;
		char lack[FOG_LAB_NOTE_MAX];

		fog_lab_facts_read(host, &facts);
		lack_describe(host, &facts, count, lack);
		*links += facts.links_up;
		if (lack[0] == '\0')
			ready++;
		else
			memcpy(why, lack, sizeof(lack));
	}
	return ready;
}

int fog_lab_wait(const struct fog_cli *cli, const json_t *lab, u64 timeout_ms,
		 char why[FOG_LAB_NOTE_MAX])
{
	const json_t *hosts = json_object_get(lab, "hosts");
	u32 count = (u32)json_array_size(hosts);
	u64 start = fog_now_ms();
	int rc = -ETIMEDOUT;
	char lack[FOG_LAB_NOTE_MAX] = "";

	for (u64 ms = 0; ms < timeout_ms; ms = fog_now_ms() - start) {
		u32 links;
		u32 ready = hosts_look(hosts, &links, lack);

		progress_draw(cli, ready, links, count, ms);
		if (ready == count) {
			rc = 0;
			break;
		}
		if (fog_lab_interrupted()) {
			rc = -EINTR;
			break;
		}
		usleep(POLL_MS * 1000);
	}
	if (cli->terminal && !cli->json)
		fputs("\r\033[K", cli->err);
	if (rc == -ETIMEDOUT)
		snprintf(why, FOG_LAB_NOTE_MAX, "the lab is not up after %u s: %.440s",
			 (u32)(timeout_ms / 1000), lack);
	else if (rc == -EINTR)
		snprintf(why, FOG_LAB_NOTE_MAX, "interrupted");
	return rc;
}
