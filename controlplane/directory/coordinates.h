/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a host lies in the network: Vivaldi coordinates (Dabek, Cox, Kaashoek and Morris, SIGCOMM
 * 2004) in three dimensions and a height, so that the round trip between two hosts that never met
 * can be estimated from their coordinates. Each measured round trip is a spring that moves us.
 *
 *	estimate = |x_a - x_b| + height_a + height_b
 *
 * The height is what no plane holds: the access link. Errors: each host keeps the relative error of
 * its estimates, weighted by how sure both are; springs to sure hosts pull harder. Against drift of
 * the whole cloud a weak pull to the origin (as in Ledlie, Gardner and Seltzer, NSDI 2007); against
 * liars a step is never longer than FOG_COORDINATE_STEP_MS, whatever they claim.
 *
 * Pure; milliseconds as doubles; any thread that owns the struct. */
#ifndef FOG_DIRECTORY_COORDINATES_H
#define FOG_DIRECTORY_COORDINATES_H

#include "controlplane/directory/report.h"
#include "crypto/random/random.h"

#define FOG_COORDINATE_GAIN       0.25 /* c_c and c_e of the paper */
#define FOG_COORDINATE_ERROR_MAX  1.0
#define FOG_COORDINATE_ERROR_MIN  0.01
#define FOG_COORDINATE_HEIGHT_MIN 0.01   /* ms */
#define FOG_COORDINATE_STEP_MS    50.0   /* longest step of one measurement */
#define FOG_COORDINATE_GRAVITY_MS 5000.0 /* distance from the origin where the pull is 1 ms */
#define FOG_COORDINATE_RTT_MS_MAX 10000.0

struct fog_coordinate {
	double x[3];
	double height;
	double error; /* relative; 1 = nothing known */
};

void fog_coordinate_init(struct fog_coordinate *c);
/* A round trip of `rtt_ns` to a host that says it is at `other`. -EINVAL: rtt 0 or above
 * FOG_COORDINATE_RTT_MS_MAX, or a coordinate that is no number (c unchanged). rng: the direction
 * when both are at one point. */
int fog_coordinate_update(struct fog_coordinate *c, const struct fog_coordinate *other, u64 rtt_ns,
			  struct fog_rng *rng);
u64 fog_coordinate_rtt_ns(const struct fog_coordinate *a, const struct fog_coordinate *b);

/* As published, and back. */
void fog_coordinate_publish(const struct fog_coordinate *c, struct fog_place *out);
void fog_coordinate_of(const struct fog_place *p, struct fog_coordinate *out);

/* What one link showed lately, from the data plane's events. */
#define FOG_QUALITY_WINDOW 8

struct fog_quality {
	u64 updated_ms; /* 0 = nothing yet */
	u64 rtt_ns;     /* least of the window: the path without queues */
	u64 mean_ns;    /* smoothed: what a cell finds */
	u32 loss_ppm;   /* smoothed */
	u64 rate;       /* bit/s, median of the window; 0 = faster than probes can tell, or none */
	u32 rates_told; /* trains that came through, those without a figure too */
	u32 at_rtt, at_rate;
	u64 window_rtt[FOG_QUALITY_WINDOW];
	u64 window_rate[FOG_QUALITY_WINDOW];
};

/* min_ns and mean_us of `answered` pings, of which `lost` more were not answered. */
void fog_quality_rtt(struct fog_quality *q, u64 min_ns, u32 mean_us, u32 lost, u64 now_ms);
void fog_quality_rate(struct fog_quality *q, u64 rate, u64 now_ms);

#endif
