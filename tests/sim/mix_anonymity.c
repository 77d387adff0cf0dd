/* SPDX-License-Identifier: BSD-3-Clause */
/* How well a mix hides, measured on its own timing wheel in virtual time, beside the closed forms.
 *
 * Messages, cover among them, come as a Poisson stream of rate l and wait exponentially with mean
 *d: an M/M/inf queue, so the number inside is Poisson with mean a = l d. The delay has no memory,
 *so to somebody who sees all times each message inside is equally likely to be the next to leave:
 *the sender's entropy at a departure is log2 of the number inside, whose mean is
 *
 *	E[log2(N + 1)], N Poisson(a)		(a departure finds the others as a Poisson number)
 *
 * The attack guesses, at each departure, one of those inside by any rule; no rule wins more often
 * than E[1 / (N + 1)] = (1 - exp(-a)) / a. We play the first in, the last in, and a random one. The
 * recipient's entropy, of where a message that came goes, is measured the same way by counting how
 * many leave while it could: it is at least the sender's.
 *
 * Exit status 1 when a measure is off its closed form by more than the tolerance. --svg FILE plots
 * entropy against load for three delays. */
#include <math.h>
#include <string.h>

#include "crypto/random/random.h"
#include "dataplane/mix/wheel.h"

#define HELD  (1u << 16)
#define COUNT 60000
#define WARM  2000

static struct fog_mix_wheel wheel;
static struct fog_mix_held *held;
static struct fog_rng rng;
static u32 inside[HELD]; /* in order of arrival */
static u32 inside_count;
static bool real_one[HELD];

struct result {
	double entropy, entropy_model; /* of the sender, over all messages inside */
	double guess[3], bound;        /* first in, last in, random */
	double real_share;             /* departures that are no cover */
};

static double exponential(double mean)
{
	return -log1p(-fog_rng_unit(&rng)) * mean;
}

static double model_entropy(double a)
{
	double sum = 0, p = exp(-a);

	for (unsigned n = 0; n < 20 * (unsigned)(a + 10); n++) {
		sum += p * log2(n + 1.0);
		p *= a / (n + 1.0);
	}
	return sum;
}

static void depart(struct result *r, u32 who, u64 *count)
{
	u32 at = 0;

	while (inside[at] != who)
		at++;
	if (++*count > WARM) {
		r->entropy += log2(inside_count);
		r->guess[0] += at == 0;
		r->guess[1] += at == inside_count - 1;
		r->guess[2] += fog_rng_below(&rng, inside_count) == at;
		r->real_share += real_one[who];
	}
	memmove(inside + at, inside + at + 1, (inside_count - at - 1) * sizeof(inside[0]));
	inside_count--;
	fog_mix_held_give(&wheel, who);
}

/* rate: messages a second of users; cover: of cover; delay: seconds, mean. */
static struct result measure(double rate, double cover, double delay)
{
	struct result r = {0};
	double a = (rate + cover) * delay, now = 1.0;
	u64 count = 0;
	u32 i;

	inside_count = 0;
	fog_mix_wheel_init(&wheel, held, HELD, (u64)(now * 1e9));
	while (count < COUNT + WARM) {
		double next = now + exponential(1.0 / (rate + cover));
		/* Look at every tick, as the mix's thread would wake. */
		for (u64 due = fog_mix_wheel_next(&wheel); due <= (u64)(next * 1e9);
		     due = fog_mix_wheel_next(&wheel))
			while ((i = fog_mix_wheel_due(&wheel, due)) != FOG_MIX_HELD_NONE)
				depart(&r, i, &count);
		now = next;
		i = fog_mix_held_take(&wheel);
		double wait = exponential(delay);
		real_one[i] = fog_rng_unit(&rng) * (rate + cover) < rate;
		inside[inside_count++] = i;
		fog_mix_wheel_put(&wheel, i, (u64)((now + (wait < 12.0 ? wait : 12.0)) * 1e9));
	}
	double n = (double)(count - WARM);
	r.entropy /= n;
	for (unsigned k = 0; k < 3; k++)
		r.guess[k] /= n;
	r.real_share /= n;
	r.entropy_model = model_entropy(a);
	r.bound = (1 - exp(-a)) / a;
	return r;
}

static int check(double rate, double cover, double delay)
{
	struct result r = measure(rate, cover, delay);
	double error = fabs(r.entropy - r.entropy_model);
	/* Four standard deviations of a share of COUNT tries, doubled for their dependence. */
	double slack = 8 * sqrt(r.bound / COUNT);
	int bad = error > 0.03 * fmax(r.entropy_model, 1);

	for (unsigned k = 0; k < 3; k++)
		bad |= r.guess[k] > r.bound + slack;
	printf("%7.0f /s + %5.0f cover, %4.0f ms: %6.3f bit (model %6.3f); guesses %.4f %.4f %.4f, "
	       "bound %.4f%s\n",
	       rate, cover, 1000 * delay, r.entropy, r.entropy_model, r.guess[0], r.guess[1],
	       r.guess[2], r.bound, bad ? "  WRONG" : "");
	return bad;
}

/* Load on a log axis from 1 to 10,000 a second; 0 to 12 bit. */
static int svg(const char *path)
{
	static const double delays[] = {0.02, 0.1, 0.5};
	static const char *const colors[] = {"#1b6ca8", "#d9822b", "#3d9970"};
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return 1;
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 340\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"640\" height=\"340\" fill=\"white\"/>\n"
		"<text x=\"60\" y=\"20\">sender's entropy in bit at one mix: lines M/M/inf, dots "
		"measured</text>\n");
	for (unsigned b = 0; b <= 12; b += 2)
		fprintf(f,
			"<path d=\"M60 %u H600\" stroke=\"#ddd\"/><text x=\"38\" "
			"y=\"%u\">%u</text>\n",
			300 - 20 * b, 304 - 20 * b, b);
	for (unsigned k = 0; k < 3; k++) {
		fprintf(f, "<path fill=\"none\" stroke=\"%s\" d=\"M", colors[k]);
		for (unsigned x = 0; x <= 40; x++)
			fprintf(f, "%.1f %.1f ", 60 + 13.5 * x,
				300 - 20 * model_entropy(pow(10, x / 10.0) * delays[k]));
		fprintf(f, "\"/><text x=\"500\" y=\"%u\" fill=\"%s\">%.0f ms</text>\n",
			240 + 16 * k, colors[k], 1000 * delays[k]);
		for (unsigned x = 0; x <= 40; x += 5) {
			struct result r = measure(pow(10, x / 10.0), 0, delays[k]);
			fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
				60 + 13.5 * x, 300 - 20 * r.entropy, colors[k]);
		}
	}
	for (unsigned x = 0; x <= 4; x++)
		fprintf(f, "<text x=\"%.0f\" y=\"318\">%.0f</text>\n", 55 + 135.0 * x, pow(10, x));
	fprintf(f, "<text x=\"220\" y=\"334\">messages and cover a second</text>\n</svg>\n");
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	held = calloc(HELD, sizeof(*held));
	FOG_ASSERT(held != NULL);
	fog_rng_init_u64(&rng, 1);
	if (argc == 3 && strcmp(argv[1], "--svg") == 0)
		return svg(argv[2]);
	/* Load, delay, and what cover does for a quiet mix. */
	failed += check(10, 0, 0.05);
	failed += check(100, 0, 0.05);
	failed += check(1000, 0, 0.05);
	failed += check(100, 0, 0.5);
	failed += check(10, 90, 0.05);
	failed += check(10, 990, 0.05);
	printf("%d passed, %d failed\n", 6 - failed, failed);
	return failed != 0;
}
