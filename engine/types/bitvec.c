/*-------------------------------------------------------------------------
 *
 * bitvec.c
 *	  Distances of bits: of PostgreSQL's type bit, and type "binaryvec", packed
 *	  bits with a number of dimensions.
 *
 * Both keep the first bit in the top of the first byte and the unused bits of
 * the last byte zero, so the same kernels serve them. Results are palloc'd in
 * CurrentMemoryContext.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/types/types_int.h"

/* what is stored, dumped in binary and sent over the wire depends on these */
StaticAssertDecl(offsetof(RvBinaryvecData, dim) == 4, "binaryvec: dim follows the varlena header");
StaticAssertDecl(offsetof(RvBinaryvecData, bits) == 8, "binaryvec: bits begin at byte 8");

#define BINARYVEC_TYPE "binaryvec"
#define BINARYVEC_ARG(n) DatumGetRvBinaryvec(PG_GETARG_DATUM(n))

static double
bits_distance(RveMetric metric, const uint8 *a, const uint8 *b, int dim)
{
	RveVectorView x = {.elements = RVE_BITS, .dim = dim, .bits = a};
	RveVectorView y = {.elements = RVE_BITS, .dim = dim, .bits = b};

	return rve_dist_exact(metric, &x, &y);
}

/* ---- type bit ---- */

static double
bit_distance(FunctionCallInfo fcinfo, RveMetric metric)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);
	double		result;

	if (VARBITLEN(a) != VARBITLEN(b))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different bit lengths %d and %d", VARBITLEN(a), VARBITLEN(b))));
	result = bits_distance(metric, VARBITS(a), VARBITS(b), VARBITLEN(a));
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RV_FUNCTION_INFO_V1(hamming_distance);
Datum
hamming_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(bit_distance(fcinfo, RVE_METRIC_HAMMING));
}

RV_FUNCTION_INFO_V1(jaccard_distance);
Datum
jaccard_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(bit_distance(fcinfo, RVE_METRIC_JACCARD));
}

/* ---- type binaryvec: input and output ---- */

/* A new vector of zeros; raises 22000 or 54000 when dim is out of range. */
static RvBinaryvec
binaryvec_new(int dim)
{
	RvBinaryvec result;
	Size		size;

	rvi_types_check_dim(dim, BINARYVEC_TYPE, RV_BINARYVEC_MAX_DIM);
	size = offsetof(RvBinaryvecData, bits) + RV_BINARYVEC_BYTES(dim);
	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->dim = dim;
	return result;
}

/* The bits of the last byte that belong to no dimension. */
static inline uint8
binaryvec_unused_bits(int dim)
{
	return dim % 8 == 0 ? 0 : (uint8) (0xFF >> (dim % 8));
}

RV_FUNCTION_INFO_V1(binaryvec_in);
Datum
binaryvec_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	const char *start = rvi_types_skip_space(text);
	Size		dim = strspn(start, "01");
	const char *end = rvi_types_skip_space(start + dim);
	RvBinaryvec result;

	if (*end != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", BINARYVEC_TYPE, text),
				 errdetail("Unexpected character \"%.*s\".", pg_mblen(end), end)));
	rvi_types_check_dim((int) Min(dim, (Size) PG_INT32_MAX), BINARYVEC_TYPE, RV_BINARYVEC_MAX_DIM);
	rvi_types_check_expected_dim(typmod, (int) dim);
	result = binaryvec_new((int) dim);
	for (int i = 0; i < result->dim; i++)
	{
		if (start[i] == '1')
			result->bits[i / 8] |= (uint8) (0x80 >> (i % 8));
	}
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(binaryvec_out);
Datum
binaryvec_out(PG_FUNCTION_ARGS)
{
	RvBinaryvec a = BINARYVEC_ARG(0);
	char	   *text = palloc((Size) a->dim + 1);

	for (int i = 0; i < a->dim; i++)
		text[i] = a->bits[i / 8] & (0x80 >> (i % 8)) ? '1' : '0';
	text[a->dim] = '\0';
	PG_FREE_IF_COPY(a, 0);
	PG_RETURN_CSTRING(text);
}

RV_FUNCTION_INFO_V1(binaryvec_recv);
Datum
binaryvec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int32		dim = pq_getmsgint(buf, sizeof(int32));
	RvBinaryvec result;
	int			bytes;

	rvi_types_check_dim(dim, BINARYVEC_TYPE, RV_BINARYVEC_MAX_DIM);
	rvi_types_check_expected_dim(typmod, dim);
	result = binaryvec_new(dim);
	bytes = RV_BINARYVEC_BYTES(dim);
	pq_copymsgbytes(buf, (char *) result->bits, bytes);
	if ((result->bits[bytes - 1] & binaryvec_unused_bits(dim)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unused bits of a %s must be 0", BINARYVEC_TYPE)));
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(binaryvec_send);
Datum
binaryvec_send(PG_FUNCTION_ARGS)
{
	RvBinaryvec a = BINARYVEC_ARG(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, a->dim);
	pq_sendbytes(&buf, (const char *) a->bits, RV_BINARYVEC_BYTES(a->dim));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

RV_FUNCTION_INFO_V1(binaryvec_typmod_in);
Datum
binaryvec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rvi_types_typmod_in(PG_GETARG_ARRAYTYPE_P(0), BINARYVEC_TYPE,
										RV_BINARYVEC_MAX_DIM));
}

/* ---- casts ---- */

/* The cast of the type to itself: only checks the modifier. */
RV_FUNCTION_INFO_V1(binaryvec_apply_typmod);
Datum
binaryvec_apply_typmod(PG_FUNCTION_ARGS)
{
	RvBinaryvec a = BINARYVEC_ARG(0);

	rvi_types_check_expected_dim(PG_GETARG_INT32(1), a->dim);
	PG_RETURN_POINTER(a);
}

RV_FUNCTION_INFO_V1(bit_to_binaryvec);
Datum
bit_to_binaryvec(PG_FUNCTION_ARGS)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	RvBinaryvec result;

	rvi_types_check_dim(VARBITLEN(a), BINARYVEC_TYPE, RV_BINARYVEC_MAX_DIM);
	rvi_types_check_expected_dim(PG_GETARG_INT32(1), VARBITLEN(a));
	result = binaryvec_new(VARBITLEN(a));
	memcpy(result->bits, VARBITS(a), VARBITBYTES(a));
	PG_RETURN_POINTER(result);
}

/* Without a type modifier: PostgreSQL's own cast of bit to bit(n) follows where one is wanted. */
RV_FUNCTION_INFO_V1(binaryvec_to_bit);
Datum
binaryvec_to_bit(PG_FUNCTION_ARGS)
{
	RvBinaryvec a = BINARYVEC_ARG(0);
	VarBit	   *result = rvi_types_new_bits(a->dim);

	memcpy(VARBITS(result), a->bits, RV_BINARYVEC_BYTES(a->dim));
	PG_RETURN_VARBIT_P(result);
}

/* ---- dimensions, distances ---- */

RV_FUNCTION_INFO_V1(binaryvec_dims);
Datum
binaryvec_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(BINARYVEC_ARG(0)->dim);
}

static double
binaryvec_distance(FunctionCallInfo fcinfo, RveMetric metric)
{
	RvBinaryvec a = BINARYVEC_ARG(0);
	RvBinaryvec b = BINARYVEC_ARG(1);
	double		result;

	rvi_types_check_same_dim(a->dim, b->dim, BINARYVEC_TYPE);
	result = bits_distance(metric, a->bits, b->bits, a->dim);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RV_FUNCTION_INFO_V1(binaryvec_hamming_distance);
Datum
binaryvec_hamming_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(binaryvec_distance(fcinfo, RVE_METRIC_HAMMING));
}

RV_FUNCTION_INFO_V1(binaryvec_jaccard_distance);
Datum
binaryvec_jaccard_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(binaryvec_distance(fcinfo, RVE_METRIC_JACCARD));
}

/* ---- order: by bits from the first, then by dimension, as of type bit ---- */

static int
binaryvec_compare_args(FunctionCallInfo fcinfo)
{
	RvBinaryvec a = BINARYVEC_ARG(0);
	RvBinaryvec b = BINARYVEC_ARG(1);
	int			result = memcmp(a->bits, b->bits, RV_BINARYVEC_BYTES(Min(a->dim, b->dim)));

	if (result == 0)
		result = a->dim - b->dim;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result < 0 ? -1 : result > 0 ? 1 : 0;
}

RV_FUNCTION_INFO_V1(binaryvec_cmp);
Datum
binaryvec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(binaryvec_compare_args(fcinfo));
}

RV_FUNCTION_INFO_V1(binaryvec_lt);
Datum
binaryvec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) < 0);
}

RV_FUNCTION_INFO_V1(binaryvec_le);
Datum
binaryvec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) <= 0);
}

RV_FUNCTION_INFO_V1(binaryvec_eq);
Datum
binaryvec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) == 0);
}

RV_FUNCTION_INFO_V1(binaryvec_ne);
Datum
binaryvec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) != 0);
}

RV_FUNCTION_INFO_V1(binaryvec_ge);
Datum
binaryvec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) >= 0);
}

RV_FUNCTION_INFO_V1(binaryvec_gt);
Datum
binaryvec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(binaryvec_compare_args(fcinfo) > 0);
}
