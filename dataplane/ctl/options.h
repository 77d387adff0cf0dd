/* SPDX-License-Identifier: BSD-3-Clause */
/* What fog-dataplane is told: its command line over fog.conf over the defaults. */
#ifndef FOG_CTL_OPTIONS_H
#define FOG_CTL_OPTIONS_H

#include "configs/address.h"
#include "dataplane/ctl/log.h"
#include "dataplane/io/io.h"

#define FOG_OPTIONS_PATH_MAX 256 /* run and state folder; unix sockets allow less than half */

enum fog_options_mode {
	FOG_OPTIONS_RUN = 1,
	FOG_OPTIONS_CHECK,
	FOG_OPTIONS_HELP,
	FOG_OPTIONS_VERSION,
};

#define FOG_OPTIONS_CIRCUITS_MAX 1048576u /* halves: FOG_HALVES_LIMIT */

struct fog_options {
	enum fog_options_mode mode;
	struct fog_address listen;
	char run_dir[FOG_OPTIONS_PATH_MAX];
	char state_dir[FOG_OPTIONS_PATH_MAX];
	char io[16];
	struct fog_io_settings settings;
	u32 workers;     /* 0 = choose */
	u32 circuits;    /* a worker; 0 = the data plane's default */
	u32 mix_held;    /* messages in the mix; 0 = the data plane's default */
	u32 mix_packets; /* packets of a key epoch; likewise */
	u32 verify_workers;
	bool pin;
	enum fog_dplog_level level;
	bool log_json;
};

/* Read argv and, if named there, the configuration. 0; -EINVAL: the command line is wrong (usage);
 * -EBADMSG: the configuration is, or the two together say too little; or -errno of the file. Every
 * error is told in lines on `errors`. Uses getopt's globals: not for threads. */
int fog_options_read(struct fog_options *o, int argc, char **argv, FILE *errors);

void fog_options_usage(FILE *out);

#endif
