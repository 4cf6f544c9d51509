/*-------------------------------------------------------------------------
 *
 * sparsevec.c
 *	  Type "sparsevec": float32 elements at ascending positions, the same bytes
 *	  as pgvector's.
 *
 * Only elements other than zero are stored: TYPE-5 and TYPE-6 in README.md.
 * Arguments are detoasted copies or pointers into tuples: none is modified.
 * Results are palloc'd in CurrentMemoryContext.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/float.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/types/types_int.h"

/* what is stored, dumped in binary and sent over the wire depends on these */
StaticAssertDecl(offsetof(RvSparsevecData, dim) == 4, "sparsevec: dim follows the varlena header");
StaticAssertDecl(offsetof(RvSparsevecData, index) == 16, "sparsevec: positions begin at byte 16");

#define SPARSEVEC_TYPE "sparsevec"
#define SPARSEVEC_ARG(n) DatumGetRvSparsevec(PG_GETARG_DATUM(n))

/* An element while text is read. */
typedef struct SparsevecElement
{
	int32		index;			/* zero-based */
	float		value;
} SparsevecElement;

static void
sparsevec_check_nnz(int nnz, int dim)
{
	if (nnz < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec cannot have negative number of elements")));
	if (nnz > RV_SPARSEVEC_MAX_NNZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sparsevec cannot have more than %d non-zero elements",
						RV_SPARSEVEC_MAX_NNZ)));
	if (nnz > dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec cannot have more elements than dimensions")));
}

RvSparsevec
rvi_types_new_sparsevec(int dim, int nnz)
{
	RvSparsevec result;
	Size		size;

	rvi_types_check_dim(dim, SPARSEVEC_TYPE, RV_SPARSEVEC_MAX_DIM);
	sparsevec_check_nnz(nnz, PG_INT32_MAX); /* too many for dim: the indexes will tell */
	size = offsetof(RvSparsevecData, index) + (sizeof(int32) + sizeof(float)) * nnz;
	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->dim = dim;
	result->nnz = nnz;
	return result;
}

RvSparsevec
rvi_types_sparsevec_from_f32(const float *values, int dim)
{
	RvSparsevec result;
	int			nnz = 0;
	int			n = 0;

	for (int i = 0; i < dim; i++)
		nnz += values[i] != 0.0f;
	result = rvi_types_new_sparsevec(dim, nnz);
	for (int i = 0; i < dim; i++)
	{
		if (values[i] != 0.0f)
		{
			result->index[n] = i;
			RV_SPARSEVEC_VALUES(result)[n++] = values[i];
		}
	}
	return result;
}

/* Position i must lie inside the vector and after its predecessor. */
static void
sparsevec_check_index(const RvSparsevecData *v, int i)
{
	const char *problem;

	if (v->index[i] < 0 || v->index[i] >= v->dim)
		problem = "sparsevec index out of bounds";
	else if (i > 0 && v->index[i] < v->index[i - 1])
		problem = "sparsevec indices must be in ascending order";
	else if (i > 0 && v->index[i] == v->index[i - 1])
		problem = "sparsevec indices must not contain duplicates";
	else
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s", problem)));
}

/* ---- input and output ---- */

/* A whole number, brought into the range of int32: what is out of range is refused by its meaning. */
static const char *
sparsevec_parse_int(const char *pt, const char *text, int32 *value)
{
	char	   *end;
	long		number = strtol(pt, &end, 10);

	if (end == pt)
		rvi_types_syntax_error(text, SPARSEVEC_TYPE,
							   *pt == '\0' ? "Unexpected end of input." : "Expected a whole number.");
	*value = (int32) Max(Min(number, (long) PG_INT32_MAX), (long) PG_INT32_MIN + 1);
	return end;
}

/* "index:value" at pt; returns what follows it and white space. */
static const char *
sparsevec_parse_element(const char *pt, const char *text, SparsevecElement *element)
{
	pt = sparsevec_parse_int(rvi_types_skip_space(pt), text, &element->index);
	element->index--;			/* the text counts from 1 */
	pt = rvi_types_skip_space(pt);
	if (*pt == '\0')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Unexpected end of input.");
	if (*pt != ':')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Expected \":\" after an index.");
	pt = rvi_types_parse_element(rvi_types_skip_space(pt + 1), text, SPARSEVEC_TYPE,
								 get_float4_infinity(), &element->value);
	return rvi_types_skip_space(pt);
}

/*
 * The elements between "{" and "}", pt behind the "{"; those of value 0 are
 * left out. *elements is palloc'd. Returns what follows the "}".
 */
static const char *
sparsevec_parse_elements(const char *pt, const char *text, SparsevecElement **elements, int *nnz)
{
	int			room = 1;

	/* elements of value 0 count here, as in pgvector */
	for (const char *p = pt; *p != '\0' && room <= RV_SPARSEVEC_MAX_NNZ; p++)
		room += *p == ',';
	sparsevec_check_nnz(room, PG_INT32_MAX);

	*elements = palloc(sizeof(SparsevecElement) * room);
	*nnz = 0;
	pt = rvi_types_skip_space(pt);
	if (*pt == '}')
		return pt + 1;
	for (;;)
	{
		pt = sparsevec_parse_element(pt, text, &(*elements)[*nnz]);
		if ((*elements)[*nnz].value != 0.0f)
			(*nnz)++;
		if (*pt == '}')
			return pt + 1;
		if (*pt == '\0')
			rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Unexpected end of input.");
		if (*pt != ',')
			rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Expected \",\" or \"}\" after a number.");
		pt++;
	}
}

static int
sparsevec_element_compare(const void *a, const void *b)
{
	int32		x = ((const SparsevecElement *) a)->index;
	int32		y = ((const SparsevecElement *) b)->index;

	return x < y ? -1 : x > y ? 1 : 0;
}

RV_FUNCTION_INFO_V1(sparsevec_in);
Datum
sparsevec_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	const char *pt = rvi_types_skip_space(text);
	SparsevecElement *elements;
	RvSparsevec result;
	int32		dim;
	int			nnz;

	if (*pt != '{')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Vector contents must start with \"{\".");
	pt = rvi_types_skip_space(sparsevec_parse_elements(pt + 1, text, &elements, &nnz));
	if (*pt == '\0')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Unexpected end of input.");
	if (*pt != '/')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Expected \"/\" after \"}\".");
	pt = sparsevec_parse_int(rvi_types_skip_space(pt + 1), text, &dim);
	if (*rvi_types_skip_space(pt) != '\0')
		rvi_types_syntax_error(text, SPARSEVEC_TYPE, "Junk after closing.");

	rvi_types_check_dim(dim, SPARSEVEC_TYPE, RV_SPARSEVEC_MAX_DIM);
	rvi_types_check_expected_dim(typmod, dim);
	qsort(elements, nnz, sizeof(SparsevecElement), sparsevec_element_compare);
	result = rvi_types_new_sparsevec(dim, nnz);
	for (int i = 0; i < nnz; i++)
	{
		result->index[i] = elements[i].index;
		RV_SPARSEVEC_VALUES(result)[i] = elements[i].value;
		sparsevec_check_index(result, i);
	}
	pfree(elements);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(sparsevec_out);
Datum
sparsevec_out(PG_FUNCTION_ARGS)
{
	RvSparsevec a = SPARSEVEC_ARG(0);

	/* each element with its index, ":" and ","; then "{}/", dim, the terminator */
	char	   *text = palloc((Size) (FLOAT_SHORTEST_DECIMAL_LEN + 13) * a->nnz + 16);
	char	   *pt = text;

	*pt++ = '{';
	for (int i = 0; i < a->nnz; i++)
	{
		if (i > 0)
			*pt++ = ',';
		pt += sprintf(pt, "%d:", a->index[i] + 1);
		pt += float_to_shortest_decimal_bufn(RV_SPARSEVEC_VALUES(a)[i], pt);
	}
	sprintf(pt, "}/%d", a->dim);
	PG_FREE_IF_COPY(a, 0);
	PG_RETURN_CSTRING(text);
}

RV_FUNCTION_INFO_V1(sparsevec_recv);
Datum
sparsevec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int32		dim = pq_getmsgint(buf, sizeof(int32));
	int32		nnz = pq_getmsgint(buf, sizeof(int32));
	int32		unused = pq_getmsgint(buf, sizeof(int32));
	RvSparsevec result;
	float	   *values;

	rvi_types_check_dim(dim, SPARSEVEC_TYPE, RV_SPARSEVEC_MAX_DIM);
	sparsevec_check_nnz(nnz, dim);
	rvi_types_check_expected_dim(typmod, dim);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	result = rvi_types_new_sparsevec(dim, nnz);
	values = RV_SPARSEVEC_VALUES(result);
	for (int i = 0; i < nnz; i++)
	{
		result->index[i] = pq_getmsgint(buf, sizeof(int32));
		sparsevec_check_index(result, i);
	}
	for (int i = 0; i < nnz; i++)
	{
		values[i] = pq_getmsgfloat4(buf);
		rvi_types_check_element(values[i], SPARSEVEC_TYPE);
		if (values[i] == 0.0f)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("binary representation of sparsevec cannot contain zero values")));
	}
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(sparsevec_send);
Datum
sparsevec_send(PG_FUNCTION_ARGS)
{
	RvSparsevec a = SPARSEVEC_ARG(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, a->dim);
	pq_sendint32(&buf, a->nnz);
	pq_sendint32(&buf, a->unused);
	for (int i = 0; i < a->nnz; i++)
		pq_sendint32(&buf, a->index[i]);
	for (int i = 0; i < a->nnz; i++)
		pq_sendfloat4(&buf, RV_SPARSEVEC_VALUES(a)[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

RV_FUNCTION_INFO_V1(sparsevec_typmod_in);
Datum
sparsevec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rvi_types_typmod_in(PG_GETARG_ARRAYTYPE_P(0), SPARSEVEC_TYPE,
										RV_SPARSEVEC_MAX_DIM));
}

/* The cast of the type to itself: only checks the modifier. */
RV_FUNCTION_INFO_V1(sparsevec_apply_typmod);
Datum
sparsevec_apply_typmod(PG_FUNCTION_ARGS)
{
	RvSparsevec a = SPARSEVEC_ARG(0);

	rvi_types_check_expected_dim(PG_GETARG_INT32(1), a->dim);
	PG_RETURN_POINTER(a);
}

RV_FUNCTION_INFO_V1(sparsevec_from_array);
Datum
sparsevec_from_array(PG_FUNCTION_ARGS)
{
	int			dim;
	float	   *values = rvi_types_array_to_f32(PG_GETARG_ARRAYTYPE_P(0), SPARSEVEC_TYPE,
												RV_SPARSEVEC_MAX_DIM, &dim);
	RvSparsevec result;

	rvi_types_check_expected_dim(PG_GETARG_INT32(1), dim);
	result = rvi_types_sparsevec_from_f32(values, dim);
	for (int i = 0; i < result->nnz; i++)
		rvi_types_check_element(RV_SPARSEVEC_VALUES(result)[i], SPARSEVEC_TYPE);
	pfree(values);
	PG_RETURN_POINTER(result);
}

/* ---- length ---- */

/* Euclidean length, accumulated in double so that squares cannot overflow. */
static double
sparsevec_length(const RvSparsevecData *a)
{
	double		sum = 0.0;

	for (int i = 0; i < a->nnz; i++)
		sum += (double) RV_SPARSEVEC_VALUES(a)[i] * RV_SPARSEVEC_VALUES(a)[i];
	return sqrt(sum);
}

RV_FUNCTION_INFO_V1(sparsevec_norm);
Datum
sparsevec_norm(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sparsevec_length(SPARSEVEC_ARG(0)));
}

/* The zero vector stays what it is; an element that becomes zero is no longer stored. */
RV_FUNCTION_INFO_V1(sparsevec_l2_normalize);
Datum
sparsevec_l2_normalize(PG_FUNCTION_ARGS)
{
	RvSparsevec a = SPARSEVEC_ARG(0);
	double		length = sparsevec_length(a);
	float	   *values = palloc(sizeof(float) * Max(a->nnz, 1));
	RvSparsevec result;
	int			nnz = 0;
	int			n = 0;

	for (int i = 0; i < a->nnz; i++)
	{
		values[i] = (float) (RV_SPARSEVEC_VALUES(a)[i] / length);
		if (unlikely(isinf(values[i])))
			float_overflow_error();
		nnz += values[i] != 0.0f;
	}
	result = rvi_types_new_sparsevec(a->dim, nnz);
	for (int i = 0; i < a->nnz; i++)
	{
		if (values[i] != 0.0f)
		{
			result->index[n] = a->index[i];
			RV_SPARSEVEC_VALUES(result)[n++] = values[i];
		}
	}
	pfree(values);
	PG_RETURN_POINTER(result);
}

/* ---- order: that of the vectors written out, then by dimension ---- */

static int
sparsevec_compare(const RvSparsevecData *a, const RvSparsevecData *b)
{
	int32		dim = Min(a->dim, b->dim);
	int			i = 0;
	int			j = 0;

	for (;;)
	{
		int32		at_a = i < a->nnz ? a->index[i] : PG_INT32_MAX;
		int32		at_b = j < b->nnz ? b->index[j] : PG_INT32_MAX;
		int32		at = Min(at_a, at_b);
		float		x;
		float		y;

		if (at >= dim)
			break;
		x = at == at_a ? RV_SPARSEVEC_VALUES(a)[i++] : 0.0f;
		y = at == at_b ? RV_SPARSEVEC_VALUES(b)[j++] : 0.0f;
		if (x < y)
			return -1;
		if (x > y)
			return 1;
	}
	return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

/* Index support functions must free detoasted arguments: a sort calls them in one context. */
static int
sparsevec_compare_args(FunctionCallInfo fcinfo)
{
	RvSparsevec a = SPARSEVEC_ARG(0);
	RvSparsevec b = SPARSEVEC_ARG(1);
	int			result = sparsevec_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RV_FUNCTION_INFO_V1(sparsevec_cmp);
Datum
sparsevec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(sparsevec_compare_args(fcinfo));
}

RV_FUNCTION_INFO_V1(sparsevec_lt);
Datum
sparsevec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) < 0);
}

RV_FUNCTION_INFO_V1(sparsevec_le);
Datum
sparsevec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) <= 0);
}

RV_FUNCTION_INFO_V1(sparsevec_eq);
Datum
sparsevec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) == 0);
}

RV_FUNCTION_INFO_V1(sparsevec_ne);
Datum
sparsevec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) != 0);
}

RV_FUNCTION_INFO_V1(sparsevec_ge);
Datum
sparsevec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) >= 0);
}

RV_FUNCTION_INFO_V1(sparsevec_gt);
Datum
sparsevec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sparsevec_compare_args(fcinfo) > 0);
}

/* ---- distances ---- */

static void
sparsevec_to_view(const RvSparsevecData *a, RveVectorView *view)
{
	memset(view, 0, sizeof(*view));
	view->elements = RVE_SPARSE;
	view->dim = a->dim;
	view->count = a->nnz;
	view->index = a->index;
	view->x = RV_SPARSEVEC_VALUES(a);
}

static double
sparsevec_distance(FunctionCallInfo fcinfo, RveMetric metric)
{
	RvSparsevec a = SPARSEVEC_ARG(0);
	RvSparsevec b = SPARSEVEC_ARG(1);
	RveVectorView x;
	RveVectorView y;
	double		result;

	rvi_types_check_same_dim(a->dim, b->dim, SPARSEVEC_TYPE);
	sparsevec_to_view(a, &x);
	sparsevec_to_view(b, &y);
	if (metric == RVE_METRIC_COSINE)
	{
		const RveDistTable *kernels = rve_dist_get();
		double		aa = kernels->ip_f32(x.x, x.x, x.count);
		double		bb = kernels->ip_f32(y.x, y.x, y.count);
		double		ip = -rve_dist_exact(RVE_METRIC_IP, &x, &y);

		/* NaN when a vector is zero: it has no direction */
		result = 1.0 - rvi_types_clamp_cosine(ip / sqrt(aa * bb));
	}
	else
		result = rve_dist_exact(metric, &x, &y);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RV_FUNCTION_INFO_V1(sparsevec_l2_distance);
Datum
sparsevec_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(sparsevec_distance(fcinfo, RVE_METRIC_L2)));
}

RV_FUNCTION_INFO_V1(sparsevec_l2_squared_distance);
Datum
sparsevec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sparsevec_distance(fcinfo, RVE_METRIC_L2));
}

RV_FUNCTION_INFO_V1(sparsevec_inner_product);
Datum
sparsevec_inner_product(PG_FUNCTION_ARGS)
{
	/* 0 - d, not -d: without a common element the product is 0, not -0 */
	PG_RETURN_FLOAT8(0.0 - sparsevec_distance(fcinfo, RVE_METRIC_IP));
}

RV_FUNCTION_INFO_V1(sparsevec_negative_inner_product);
Datum
sparsevec_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sparsevec_distance(fcinfo, RVE_METRIC_IP));
}

RV_FUNCTION_INFO_V1(sparsevec_cosine_distance);
Datum
sparsevec_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sparsevec_distance(fcinfo, RVE_METRIC_COSINE));
}

RV_FUNCTION_INFO_V1(sparsevec_l1_distance);
Datum
sparsevec_l1_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sparsevec_distance(fcinfo, RVE_METRIC_L1));
}
