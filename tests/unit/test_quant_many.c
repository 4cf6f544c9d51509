/*-------------------------------------------------------------------------
 *
 * test_quant_many.c
 *	  Symmetric distances by the batch are those one by one.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/quant/rve_quant.h"

#define ITEMS 9
#define MAX_DIM 5000

static float
gauss(uint64_t *state)
{
	double		u = rve_base_random_unit(state);
	double		v = rve_base_random_unit(state);

	return (float) (sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

/* Items of random vectors of one magnitude: codes with their factors behind them. */
static void
check_codec(RveMetric metric, int dim, int bits, float magnitude)
{
	RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = metric, .dim = dim, .bits = bits, .seed = 3};
	static float x[MAX_DIM];
	RveVectorView view = {.elements = RVE_DENSE, .dim = dim, .x = x};
	const void *others[ITEMS];
	uint8_t    *items[ITEMS];
	float		out[ITEMS];
	uint64_t	state = 11;
	RveCodec   *codec;
	size_t		at;

	ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
	at = rve_quant_code_bytes(codec);
	for (int i = 0; i < ITEMS; i++)
	{
		items[i] = aligned_alloc(64, (at + sizeof(RveCodeFactors) + 63) / 64 * 64);
		others[i] = items[i];
		for (int d = 0; d < dim; d++)
			x[d] = magnitude * gauss(&state);
		rve_quant_encode(codec, &view, items[i], (RveCodeFactors *) (items[i] + at), NULL);
	}

	/* a few go another way than many */
	for (int n = 1; n <= ITEMS; n++)
	{
		rve_quant_symmetric_many(codec, items[0], others, n, out);
		for (int i = 0; i < n; i++)
		{
			float		one = rve_quant_symmetric(codec, items[0], (RveCodeFactors *) (items[0] + at),
												  items[i], (RveCodeFactors *) (items[i] + at));
			double		size = (double) dim * magnitude * magnitude;

			ck_assert(isfinite(out[i]));
			if (isfinite(size) && size < 1e37)
				ck_assert_double_le(fabs((double) out[i] - one), 1e-5 * size);
		}
	}
	for (int i = 0; i < ITEMS; i++)
		free(items[i]);
	rve_quant_codec_free(codec);
}

START_TEST(many_are_as_one)
{
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE};
	static const int dims[] = {1, 8, 100, 768, MAX_DIM};	/* the last: longer than the short way takes */

	for (int m = 0; m < 3; m++)
		for (int d = 0; d < 5; d++)
			for (int bits = 4; bits <= 8; bits += 4)
				check_codec(metrics[m], dims[d], bits, 1.0f);
}
END_TEST

START_TEST(extremes_stay_finite)
{
	for (int bits = 4; bits <= 8; bits += 4)
	{
		check_codec(RVE_METRIC_L2, 100, bits, 1e18f);
		check_codec(RVE_METRIC_L2, 100, bits, 3e37f);
		check_codec(RVE_METRIC_IP, 100, bits, 3e37f);
		check_codec(RVE_METRIC_L2, 100, bits, 1e-30f);
		check_codec(RVE_METRIC_L2, 100, bits, 0.0f);
	}
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("quant_many");
	TCase	   *tcase = tcase_create("quant_many");
	SRunner    *runner;
	int			failed;

	tcase_add_test(tcase, many_are_as_one);
	tcase_add_test(tcase, extremes_stay_finite);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
