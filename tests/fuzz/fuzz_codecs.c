/*-------------------------------------------------------------------------
 *
 * fuzz_codecs.c
 *	  Codecs with random parameters, on codes, factors and residuals that were
 *	  encoded and then damaged a little.
 *
 * The unit tests give them nothing but noise (tests/unit/test_quant*.c); here
 * most of a code is plausible, which leads farther into the code. Whatever the
 * bytes, distances are finite, error bounds are not negative, and nothing is
 * read beyond a code's end. Undamaged, the bound holds.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/rve_quant.h"
#include "tests/fuzz/fuzz.h"

#define CODEC_MAX_DIM 700

static float codec_mean[CODEC_MAX_DIM];
static float codec_x[2][CODEC_MAX_DIM];
static int32_t codec_index[2][CODEC_MAX_DIM];
static uint8_t codec_bits[2][CODEC_MAX_DIM];

/* Parameters that are mostly right: what is wrong has to be refused. */
static RveCodecParams
codec_params(void)
{
	static const int odd[] = {-1, 0, 1, 3, 2147483647};
	RveCodecParams params = {.kind = (RveCodeKind) (1 + fuzz_below(4)),
		.metric = (RveMetric) (1 + fuzz_below(6)), .dim = 1 + (int) fuzz_below(CODEC_MAX_DIM),
	.bits = fuzz_below(2) == 0 ? 4 : 8, .capacity = 1 + (int) fuzz_below(60), .seed = fuzz_next()};

	params.mean = fuzz_below(2) == 0 ? codec_mean : NULL;
	params.low = -1.0f - (float) fuzz_below(3);
	params.high = 1.0f + (float) fuzz_below(3);
	if (fuzz_below(3) == 0 && params.dim > 1)
		params.coded_dim = 1 + (int) fuzz_below((size_t) params.dim);
	switch (fuzz_below(40))
	{
		case 0:
			params.dim = odd[fuzz_below(5)];
			break;
		case 1:
			params.bits = odd[fuzz_below(5)];
			break;
		case 2:
			params.coded_dim = odd[fuzz_below(5)];
			break;
		case 3:
			params.capacity = odd[fuzz_below(5)];
			break;
		case 4:
			params.low = fuzz_below(2) == 0 ? NAN : INFINITY;
			break;
		case 5:
			params.kind = (RveCodeKind) odd[fuzz_below(3)];
			break;
		default:
			break;
	}
	return params;
}

/* A vector of the codec's kind in the which-th buffers. */
static RveVectorView
codec_vector(const RveCodecParams *params, int which, bool wild)
{
	RveVectorView v = {.elements = RVE_DENSE, .dim = params->dim, .x = codec_x[which]};

	for (int i = 0; i < params->dim; i++)
		codec_x[which][i] = fuzz_float(wild);
	if (params->kind == RVE_CODE_SPARSE)
	{
		v.elements = RVE_SPARSE;
		v.index = codec_index[which];
		for (int i = 0; i < params->dim; i++)
		{
			if (fuzz_below(4) != 0)
				continue;
			codec_index[which][v.count] = i;
			if (codec_x[which][v.count] == 0.0f)
				codec_x[which][v.count] = 1.0f;
			v.count++;
		}
	}
	else if (params->kind == RVE_CODE_BITS)
	{
		v.elements = RVE_BITS;
		v.bits = codec_bits[which];
		memset(codec_bits[which], 0, sizeof(codec_bits[which]));
		for (int i = 0; i < params->dim; i++)
			codec_bits[which][i / 8] |= (uint8_t) (fuzz_below(2) << (7 - i % 8));
	}
	return v;
}

/* A coordinate of a vector, whatever its elements. */
static double
codec_at(const RveVectorView *v, int i)
{
	if (v->elements == RVE_DENSE)
		return v->x[i];
	if (v->elements == RVE_BITS)
		return v->bits[i / 8] >> (7 - i % 8) & 1;
	for (int k = 0; k < v->count; k++)
		if (v->index[k] == i)
			return v->x[k];
	return 0;
}

/* The distance in double; *mass = the magnitudes it is a sum of. */
static double
codec_exact(RveMetric metric, const RveVectorView *v, const RveVectorView *q, double *mass)
{
	double		sum = 0;
	double		both = 0;
	double		either = 0;

	*mass = 0;
	for (int i = 0; i < v->dim; i++)
	{
		double		x = codec_at(v, i);
		double		y = codec_at(q, i);

		both += x != 0 && y != 0;
		either += x != 0 || y != 0;
		*mass += x * x + y * y + fabs(x) + fabs(y);
		if (metric == RVE_METRIC_IP)
			sum -= x * y;
		else if (metric == RVE_METRIC_L1 || metric == RVE_METRIC_HAMMING)
			sum += fabs(x - y);
		else
			sum += (x - y) * (x - y);
	}
	return metric == RVE_METRIC_JACCARD ? (both == 0 ? 1 : 1 - both / either) : sum;
}

/* Changes up to three bytes or words of n. */
static void
codec_damage(void *at, size_t n)
{
	static const uint32_t words[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7F800000,
	0xFF800000, 0x7FC00000, 0x7F7FFFFF, 0xFF7FFFFF};
	uint8_t    *bytes = at;

	for (size_t k = fuzz_below(4); k > 0 && n > 0; k--)
	{
		size_t		place = fuzz_below(n);

		if (fuzz_below(2) == 0)
			bytes[place] = (uint8_t) fuzz_next();
		else if (n >= 4)
			memcpy(bytes + (place / 4 * 4 + 4 <= n ? place / 4 * 4 : 0),
				   &words[fuzz_below(sizeof(words) / sizeof(words[0]))], 4);
	}
}

typedef struct CodecItem
{
	uint8_t    *code;			/* at the end of a block of its own */
	uint8_t    *residual;
	void	   *block[2];
	RveCodeFactors factors;
} CodecItem;

static void
codec_encode(RveCodec *codec, const RveVectorView *v, CodecItem *item)
{
	size_t		bytes = rve_quant_residual_bytes(codec);

	item->code = fuzz_block(rve_quant_code_bytes(codec), 1, &item->block[0]);
	item->residual = fuzz_block(bytes, 1, &item->block[1]);
	rve_quant_encode(codec, v, item->code, &item->factors, bytes > 0 ? item->residual : NULL);
	fuzz_require(isfinite(item->factors.add) && isfinite(item->factors.resc), "factors are not finite");
}

static void
codec_measure(RveCodec *codec, const RveCodecParams *params, const RveCodecQuery *query,
			  const CodecItem *a, const CodecItem *b)
{
	bool		residual = rve_quant_residual_bytes(codec) > 0 && fuzz_below(8) != 0;
	double		error = -1;

	fuzz_require(isfinite(rve_quant_distance(codec, query, a->code, &a->factors)), "distance");
	fuzz_require(isfinite(rve_quant_symmetric(codec, a->code, &a->factors, b->code, &b->factors)),
				 "symmetric distance");
	fuzz_require(isfinite(rve_quant_symmetric(codec, b->code, &b->factors, a->code, &a->factors)),
				 "symmetric distance, turned");
	fuzz_require(isfinite(rve_quant_refine(codec, query, a->code, &a->factors,
										   residual ? a->residual : NULL, &error)),
				 "refined distance");
	fuzz_require(isfinite(error) && error >= 0,
				 "kind %d metric %d dim %d bits %d coded %d: error bound %g",
				 params->kind, params->metric, params->dim, params->bits, params->coded_dim, error);
	(void) rve_quant_code_complete(codec, a->code, &a->factors);
}

static void
codec_round(void)
{
	RveCodecParams params = codec_params();
	RveCodec   *codec = NULL;
	RveCodecQuery *query = NULL;
	RveVectorView v;
	RveVectorView q;
	CodecItem	item[2];
	bool		wild = fuzz_below(4) == 0;
	double		error;
	double		dist;

	for (int i = 0; i < CODEC_MAX_DIM; i++)
		codec_mean[i] = fuzz_float(false);
	if (rve_quant_codec_create(&params, &codec) != RVE_OK)
		return;

	/* what was let through, of a size that this driver can fill */
	if (params.dim > CODEC_MAX_DIM)
	{
		rve_quant_codec_free(codec);
		return;
	}
	v = codec_vector(&params, 0, wild);
	q = codec_vector(&params, 1, wild);
	fuzz_require(rve_quant_query_prepare(codec, &q, &query) == RVE_OK, "the query is refused");
	codec_encode(codec, &v, &item[0]);
	codec_encode(codec, &q, &item[1]);
	codec_measure(codec, &params, query, &item[0], &item[1]);
	dist = rve_quant_refine(codec, query, item[0].code, &item[0].factors,
							rve_quant_residual_bytes(codec) > 0 ? item[0].residual : NULL, &error);
	if (error < DBL_MAX)
	{
		double		mass;
		double		exact = codec_exact(params.metric, &v, &q, &mass);

		fuzz_require(fabs(dist - exact) <= error + 1e-13 * mass,
					 "kind %d metric %d dim %d coded %d: %.12g, exact %.12g, said to be off by %.3g",
					 params.kind, params.metric, params.dim, params.coded_dim, dist, exact, error);
	}
	for (int k = 0; k < 20; k++)
	{
		codec_damage(item[k % 2].code, rve_quant_code_bytes(codec));
		codec_damage(item[k % 2].residual, rve_quant_residual_bytes(codec));
		if (fuzz_below(3) == 0)
			codec_damage(&item[k % 2].factors, sizeof(item[0].factors));
		codec_measure(codec, &params, query, &item[k % 2], &item[(k + 1) % 2]);
		codec_measure(codec, &params, query, &item[k % 2], &item[k % 2]);
	}
	for (int i = 0; i < 2; i++)
	{
		free(item[i].block[0]);
		free(item[i].block[1]);
	}
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
}

int
main(int argc, char **argv)
{
	return fuzz_main(argc, argv, 1500, codec_round);
}
