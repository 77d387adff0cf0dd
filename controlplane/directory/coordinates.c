/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/coordinates.h"

#include <errno.h>
#include <math.h>

#define NS_PER_MS 1e6
/* Pings of one LINK_RTT, to weigh what was lost. */
#define PINGS_TOLD 8

void fog_coordinate_init(struct fog_coordinate *c)
{
	*c = (struct fog_coordinate){.height = FOG_COORDINATE_HEIGHT_MIN,
				     .error = FOG_COORDINATE_ERROR_MAX};
}

static double distance(const struct fog_coordinate *a, const struct fog_coordinate *b)
{
	double sum = 0;

	for (u32 i = 0; i < 3; i++)
		sum += (a->x[i] - b->x[i]) * (a->x[i] - b->x[i]);
	return sqrt(sum);
}

u64 fog_coordinate_rtt_ns(const struct fog_coordinate *a, const struct fog_coordinate *b)
{
	return (u64)((distance(a, b) + a->height + b->height) * NS_PER_MS);
}

static double clamp(double v, double low, double high)
{
	return fmin(fmax(v, low), high);
}

/* Unit vector from b to a; a random one when they coincide. */
static double direction(const struct fog_coordinate *a, const struct fog_coordinate *b,
			double unit[3], struct fog_rng *rng)
{
	double length = distance(a, b), sum = 0;

	if (length > 1e-6) {
		for (u32 i = 0; i < 3; i++)
			unit[i] = (a->x[i] - b->x[i]) / length;
		return length;
	}
	for (u32 i = 0; i < 3; i++) {
		unit[i] = fog_rng_unit(rng) - 0.5;
		sum += unit[i] * unit[i];
	}
	for (u32 i = 0; i < 3; i++)
		unit[i] = sum > 0 ? unit[i] / sqrt(sum) : i == 0;
	return 0;
}

static bool is_sane(const struct fog_coordinate *c)
{
	return isfinite(c->x[0]) && isfinite(c->x[1]) && isfinite(c->x[2]) && isfinite(c->height) &&
	       isfinite(c->error) && c->height >= 0 && c->error >= 0;
}

int fog_coordinate_update(struct fog_coordinate *c, const struct fog_coordinate *other, u64 rtt_ns,
			  struct fog_rng *rng)
{
	double rtt = (double)rtt_ns / NS_PER_MS, unit[3];

	if (rtt_ns == 0 || rtt > FOG_COORDINATE_RTT_MS_MAX || !is_sane(other))
		return -EINVAL;
	double error = clamp(other->error, FOG_COORDINATE_ERROR_MIN, FOG_COORDINATE_ERROR_MAX);
	double length = direction(c, other, unit, rng);
	double off = rtt - (length + c->height + other->height);
	double weight = c->error / (c->error + error);
	double step = clamp(FOG_COORDINATE_GAIN * weight * off, -FOG_COORDINATE_STEP_MS,
			    FOG_COORDINATE_STEP_MS);

	c->error = clamp(c->error * (1 - FOG_COORDINATE_GAIN * weight) +
				 fabs(off) / rtt * FOG_COORDINATE_GAIN * weight,
			 FOG_COORDINATE_ERROR_MIN, FOG_COORDINATE_ERROR_MAX);
	/* The height takes its share of the step, as it has of the distance. */
	double total = length + c->height + other->height;
	for (u32 i = 0; i < 3; i++)
		c->x[i] += unit[i] * step * (total > 0 ? length / total : 1);
	if (length == 0)
		for (u32 i = 0; i < 3; i++)
			c->x[i] += unit[i] * step / 2;
	if (total > 0)
		c->height += step * (c->height + other->height) / total;
	c->height = fmax(c->height, FOG_COORDINATE_HEIGHT_MIN);
	for (u32 i = 0; i < 3; i++) {
		double pull = c->x[i] / FOG_COORDINATE_GRAVITY_MS;
		c->x[i] -= pull * fabs(pull);
	}
	return 0;
}

static i32 to_us(double ms)
{
	return (i32)lround(clamp(ms * 1000, -FOG_REPORT_REACH_US, FOG_REPORT_REACH_US));
}

void fog_coordinate_publish(const struct fog_coordinate *c, struct fog_place *out)
{
	for (u32 i = 0; i < 3; i++)
		out->us[i] = to_us(c->x[i]);
	out->height_us = (u32)to_us(c->height);
	out->error_ppm = (u32)lround(clamp(c->error, 0, 1) * 1e6);
}

void fog_coordinate_of(const struct fog_place *p, struct fog_coordinate *out)
{
	for (u32 i = 0; i < 3; i++)
		out->x[i] = p->us[i] / 1000.0;
	out->height = p->height_us / 1000.0;
	out->error = p->error_ppm / 1e6;
}

/* ---- quality of one link -------------------------------------------------------------------- */

static u32 window_count(u32 at)
{
	return FOG_MIN(at, (u32)FOG_QUALITY_WINDOW);
}

void fog_quality_rtt(struct fog_quality *q, u64 min_ns, u32 mean_us, u32 lost, u64 now_ms)
{
	u64 mean_ns = (u64)mean_us * 1000, loss = (u64)lost * 1000000 / (lost + PINGS_TOLD);
	bool first = q->at_rtt == 0;

	q->window_rtt[q->at_rtt++ % FOG_QUALITY_WINDOW] = min_ns;
	q->rtt_ns = min_ns;
	for (u32 i = 0; i < window_count(q->at_rtt); i++)
		q->rtt_ns = FOG_MIN(q->rtt_ns, q->window_rtt[i]);
	q->mean_ns = first ? mean_ns : (7 * q->mean_ns + mean_ns) / 8;
	q->loss_ppm = first ? (u32)loss : (u32)((7 * (u64)q->loss_ppm + loss) / 8);
	q->updated_ms = now_ms;
}

void fog_quality_rate(struct fog_quality *q, u64 rate, u64 now_ms)
{
	u64 sorted[FOG_QUALITY_WINDOW];

	q->rates_told++;
	q->updated_ms = now_ms;
	if (rate == 0)
		return;
	q->window_rate[q->at_rate++ % FOG_QUALITY_WINDOW] = rate;
	u32 n = window_count(q->at_rate);
	for (u32 i = 0; i < n; i++) {
		u32 k = i;
		for (; k > 0 && sorted[k - 1] > q->window_rate[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = q->window_rate[i];
	}
	q->rate = sorted[n / 2];
}
