/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks on reputation with 30 % attackers: what the sums of others' words are worth then. The
 * figures in docs/design/reputation.md come from here; FOG_ARENA_SVG=FILE plots them. */
#include <math.h>
#include <stdlib.h>

#include "bench/arena.h"
#include "tests/unit/fog_test.h"

#define SEEDS 5

static struct fog_arena_score mean[FOG_METHOD_COUNT];
static struct fog_arena_score table[FOG_ATTACK_COUNT][FOG_METHOD_COUNT];

static void play(enum fog_attack attack, u32 attackers_ppm)
{
	struct fog_arena_score one[FOG_METHOD_COUNT];

	memset(mean, 0, sizeof(mean));
	for (u32 seed = 1; seed <= SEEDS; seed++) {
		const struct fog_arena_config config = {seed, 60, attackers_ppm, 60, attack};
		fog_arena_run(&config, one);
		for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
			mean[m].error += one[m].error / SEEDS;
			mean[m].correlation += one[m].correlation / SEEDS;
			mean[m].auc += one[m].auc / SEEDS;
			mean[m].won += one[m].won / SEEDS;
		}
	}
	memcpy(table[attack], mean, sizeof(mean));
	printf("\n");
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++)
		printf("  | %s | %s | %.3f | %.3f | %.3f | %.3f |\n", fog_attack_name(attack),
		       fog_method_name(m), mean[m].error, mean[m].correlation, mean[m].auc,
		       mean[m].won);
}

/* Under every attack: closer to the truth than plain averages and EigenTrust, better ranked. */
static void test_attacks(void)
{
	for (u32 a = FOG_ATTACK_BADMOUTH; a < FOG_ATTACK_COUNT; a++) {
		play((enum fog_attack)a, 300000);
		const struct fog_arena_score *ours = &mean[FOG_METHOD_OURS];
		CU_ASSERT_TRUE(ours->error < mean[FOG_METHOD_AVERAGE].error);
		CU_ASSERT_TRUE(ours->error < mean[FOG_METHOD_EIGENTRUST].error);
		CU_ASSERT_TRUE(ours->error < mean[FOG_METHOD_OWN].error);
		/* Against a ring that says the truth about all others, an average ranks as well. */
		CU_ASSERT_TRUE(ours->correlation > mean[FOG_METHOD_AVERAGE].correlation -
							   (a == FOG_ATTACK_RING ? 0.02 : 0));
		CU_ASSERT_TRUE(ours->correlation > mean[FOG_METHOD_EIGENTRUST].correlation);
		CU_ASSERT_TRUE(ours->auc > 0.95);
		CU_ASSERT_TRUE(ours->won < 0.05);
	}
}

/* Nobody lies: what others say helps a lot. */
static void test_honest(void)
{
	play(FOG_ATTACK_NONE, 300000);
	CU_ASSERT_TRUE(mean[FOG_METHOD_OURS].error < 0.5 * mean[FOG_METHOD_OWN].error);
	CU_ASSERT_TRUE(mean[FOG_METHOD_OURS].auc > 0.99);
}

/* ---- the plot ------------------------------------------------------------------------------- */

/* Bars of one attack; of correlations only what is above none. */
static void group_plot(FILE *f, u32 x, enum fog_attack attack, bool rank)
{
	static const char *const colors[FOG_METHOD_COUNT] = {"#1b6ca8", "#9aa5ad", "#7a9e48",
							     "#c1440e"};

	fprintf(f, "<text x=\"%u\" y=\"%u\">%s</text>\n", x, rank ? 334 : 174,
		fog_attack_name(attack));
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
		const struct fog_arena_score *s = &table[attack][m];
		double height = 120 * FOG_MAX(rank ? s->correlation : s->error, 0);
		fprintf(f, "<rect x=\"%u\" y=\"%.1f\" width=\"18\" height=\"%.1f\" fill=\"%s\"/>\n",
			x + 22 * m, (rank ? 320 : 160) - height, height, colors[m]);
		if (attack == 0)
			fprintf(f, "<text x=\"%u\" y=\"18\" fill=\"%s\">%s</text>\n", 300 + 100 * m,
				colors[m], fog_method_name(m));
	}
}

static void test_plot(void)
{
	const char *path = getenv("FOG_ARENA_SVG");
	FILE *f = path != NULL ? fopen(path, "w") : NULL;

	if (path == NULL)
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 345\" "
		"font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"720\" height=\"345\" "
		"fill=\"white\"/>\n<text x=\"20\" y=\"18\">mean error of trust (0 to 1)</text>"
		"<text x=\"20\" y=\"194\">rank correlation with the truth (0 to 1)</text>\n");
	for (u32 a = 0; a < FOG_ATTACK_COUNT; a++) {
		group_plot(f, 20 + 115 * a, (enum fog_attack)a, false);
		group_plot(f, 20 + 115 * a, (enum fog_attack)a, true);
	}
	fprintf(f, "</svg>\n");
	CU_ASSERT_EQUAL(fclose(f), 0);
}

/* The same in the same way. */
static void test_deterministic(void)
{
	struct fog_arena_score a[FOG_METHOD_COUNT], b[FOG_METHOD_COUNT];
	const struct fog_arena_config config = {7, 40, 300000, 30, FOG_ATTACK_SYBIL};

	fog_arena_run(&config, a);
	fog_arena_run(&config, b);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
}

/* EigenTrust, our peer, is what it should be: the discount of the test of go-eigentrust (MIT), and
 * a ring that points at itself earns only what the pre-trusted give it. */
static void test_eigentrust(void)
{
	double t[5] = {0.25, 0, 0.5, 0.25, 0};
	const double discounts[25] = {
		0, 0,    0, 0, 0,   0, 0,   0.5, 0.5, 0, 0.25, 0, 0,
		0, 0.75, 0, 0, 0.5, 0, 0.5, 0,   0,   0, 0,    0,
	};
	const double want[5] = {0.25 - 0.25 * 0.5, 0, 0.5 - 0.5 * 0.25, 0.25,
				-0.75 * 0.5 - 0.5 * 0.25};

	fog_eigentrust_discount(t, discounts, 5);
	for (u32 i = 0; i < 5; i++)
		CU_ASSERT_DOUBLE_EQUAL(t[i], want[i], 1e-12);
	/* 0 trusts 1, 1 trusts 0; 2 and 3 trust each other; 0 is pre-trusted. */
	const double c[16] = {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0};
	const double p[4] = {1, 0, 0, 0};
	fog_eigentrust(c, 4, p, 0.15, t);
	CU_ASSERT_DOUBLE_EQUAL(t[0], 1 / 1.85, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[1], 0.85 / 1.85, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[2] + t[3], 0, 1e-12);
}

FOG_TEST_MAIN("sim/arena", FOG_TEST(test_attacks), FOG_TEST(test_honest), FOG_TEST(test_plot),
	      FOG_TEST(test_deterministic), FOG_TEST(test_eigentrust))
