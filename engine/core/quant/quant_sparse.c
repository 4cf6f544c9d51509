/*-------------------------------------------------------------------------
 *
 * quant_sparse.c
 *	  Codes of sparse vectors: their elements of largest magnitude.
 *
 * A code is uint32 count, int32 index[capacity] (ascending), float
 * value[capacity]; what lies behind count is zero. factors.add is the whole
 * vector's squared length (L1: sum of magnitudes), factors.resc the same of
 * the elements kept, factors.sum the number of elements left out.
 *
 * Distances are |a|^2 + |b|^2 - 2 <a, b> or its like, in which the lengths are
 * those of whole vectors and only the products of elements left out are
 * missing. L1 is |a| + |b| less what common elements save, |x| + |y| - |x - y|
 * each: elements left out count as having no counterpart.
 *
 * A query keeps its elements in a hash table: a code's hundred elements are
 * looked up in less time than it takes to merge two lists.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <math.h>
#include <string.h>

#define SPARSE_MAX_DIM 1000000000
#define SPARSE_MAX_CAPACITY 1000
#define SPARSE_ROUNDING 0x1.0p-52	/* of a term of a sum in double, twice over */

typedef struct SparseCodec
{
	RveCodec	base;
	int			capacity;
	int32_t		heap[];			/* capacity; see sparse_worst */
} SparseCodec;

typedef struct SparseEntry
{
	int32_t		index;			/* -1: free, and then value is 0 */
	float		value;
} SparseEntry;

typedef struct SparseQuery
{
	RveCodecQuery base;
	double		g;				/* |q|^2; L1: |q| */
	double		norm;			/* |q| */
	int			count;
	int			shift;			/* of the hash: 32 - log2(size of table) */
	SparseEntry table[];		/* half or more of them free, as a rule three quarters */
} SparseQuery;

static size_t
sparse_code_bytes(const RveCodecParams *params)
{
	return sizeof(uint32_t) + (size_t) params->capacity * (sizeof(int32_t) + sizeof(float));
}

static bool
sparse_params_valid(const RveCodecParams *params)
{
	return params->dim >= 1 && params->dim <= SPARSE_MAX_DIM &&
		params->capacity >= 1 && params->capacity <= SPARSE_MAX_CAPACITY &&
		(params->metric == RVE_METRIC_L2 || params->metric == RVE_METRIC_IP ||
		 params->metric == RVE_METRIC_COSINE || params->metric == RVE_METRIC_L1);
}

static RveStatus
sparse_create(const RveCodecParams *params, RveCodec **codec)
{
	SparseCodec *c = rve_base_alloc0(sizeof(SparseCodec) +
									 (size_t) params->capacity * sizeof(int32_t));

	if (c == NULL)
		return RVE_NO_MEMORY;
	c->capacity = params->capacity;
	*codec = &c->base;
	return RVE_OK;
}

/* ---- a code's parts, at any alignment ---- */

static inline int
sparse_count(const SparseCodec *codec, const uint8_t *code)
{
	uint32_t	count;

	memcpy(&count, code, sizeof(count));
	return count < (uint32_t) codec->capacity ? (int) count : codec->capacity;
}

static inline int32_t
sparse_index(const uint8_t *code, int i)
{
	int32_t		index;

	memcpy(&index, code + sizeof(uint32_t) + sizeof(index) * (size_t) i, sizeof(index));
	return index;
}

static inline float
sparse_value(const SparseCodec *codec, const uint8_t *code, int i)
{
	float		value;

	memcpy(&value, code + sizeof(uint32_t) + sizeof(value) * (size_t) (codec->capacity + i),
		   sizeof(value));
	return value;
}

static inline void
sparse_put(const SparseCodec *codec, uint8_t *code, int i, int32_t index, float value)
{
	memcpy(code + sizeof(uint32_t) + sizeof(index) * (size_t) i, &index, sizeof(index));
	memcpy(code + sizeof(uint32_t) + sizeof(value) * (size_t) (codec->capacity + i), &value,
		   sizeof(value));
}

/* ---- encoding ---- */

/* Whether element i of x goes before element j: by magnitude, the first of equals. */
static inline bool
sparse_before(const float *x, int32_t i, int32_t j)
{
	float		a = fabsf(x[i]);
	float		b = fabsf(x[j]);

	return a > b || (a == b && i < j);
}

/* Puts element `position` in the heap's root, which is free, and restores the heap. */
static void
sparse_sift(int32_t *heap, int n, const float *x, int32_t position, int slot)
{
	int			child;

	while ((child = 2 * slot + 1) < n)
	{
		if (child + 1 < n && sparse_before(x, heap[child], heap[child + 1]))
			child++;			/* the worse of the two */
		if (!sparse_before(x, position, heap[child]))
			break;
		heap[slot] = heap[child];
		slot = child;
	}
	heap[slot] = position;
}

/* The last one kept of count > capacity elements: a heap of the best, the worst of them on top. */
static int32_t
sparse_worst(SparseCodec *codec, const float *x, int count)
{
	int			n = codec->capacity;

	for (int i = 0; i < n; i++)
		codec->heap[i] = i;
	for (int i = n / 2 - 1; i >= 0; i--)
		sparse_sift(codec->heap, n, x, codec->heap[i], i);
	for (int i = n; i < count; i++)
	{
		if (sparse_before(x, i, codec->heap[0]))
			sparse_sift(codec->heap, n, x, i, 0);
	}
	return codec->heap[0];
}

static void
sparse_encode(RveCodec *base, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
			  uint8_t *residual)
{
	SparseCodec *codec = (SparseCodec *) base;
	bool		all = v->count <= codec->capacity;
	int32_t		worst = all ? -1 : sparse_worst(codec, v->x, v->count);
	uint32_t	kept = 0;
	double		whole_norm = 0.0;
	double		kept_norm = 0.0;

	(void) residual;
	memset(code, 0, base->code_bytes);
	for (int32_t i = 0; i < v->count; i++)
	{
		double		x = v->x[i];
		double		term = base->metric == RVE_METRIC_L1 ? fabs(x) : x * x;

		whole_norm += term;
		if (all || i == worst || sparse_before(v->x, i, worst))
		{
			kept_norm += term;
			sparse_put(codec, code, (int) kept++, v->index[i], v->x[i]);
		}
	}
	memcpy(code, &kept, sizeof(kept));
	factors->add = quant_to_float(whole_norm);
	factors->resc = quant_to_float(kept_norm);
	factors->sum = v->count - (int32_t) kept;
}

/* ---- queries ---- */

static inline uint32_t
sparse_slot(const SparseQuery *query, int32_t index)
{
	uint32_t	mask = UINT32_MAX >> query->shift;
	uint32_t	slot = (uint32_t) index * UINT32_C(0x9E3779B1) >> query->shift;

	while (query->table[slot].index != index && query->table[slot].index != -1)
		slot = (slot + 1) & mask;
	return slot;
}

/* What the term of a pair of values is worth: their product, or what they save in L1. */
static inline double
sparse_term(RveMetric metric, double x, double y)
{
	return metric == RVE_METRIC_L1 ? fabs(x) + fabs(y) - fabs(x - y) : x * y;
}

/* The distance of vectors of norms (as in factors) a and b from the sum of terms in common. */
static inline double
sparse_combine(RveMetric metric, double a, double b, double common)
{
	switch (metric)
	{
		case RVE_METRIC_IP:
			return -common;
		case RVE_METRIC_L1:
			return a + b - common;
		default:
			return a + b - 2.0 * common;
	}
}

static float
sparse_distance(const RveCodec *base, const RveCodecQuery *base_query, const uint8_t *code,
				const RveCodeFactors *factors)
{
	const SparseCodec *codec = (const SparseCodec *) base;
	const SparseQuery *query = (const SparseQuery *) base_query;
	int			count = sparse_count(codec, code);
	double		common = 0.0;

	for (int i = 0; i < count; i++)
	{
		float		value = query->table[sparse_slot(query, sparse_index(code, i))].value;

		if (value != 0.0f)
			common += sparse_term(base->metric, sparse_value(codec, code, i), value);
	}
	return quant_to_float(sparse_combine(base->metric, factors->add, query->g, common));
}

static RveStatus
sparse_prepare(RveCodec *codec, const RveVectorView *q, RveCodecQuery **base_query)
{
	size_t		size = 16;
	int			shift = 28;
	SparseQuery *query;
	RveStatus	status;

	if (q->count < 0 || q->count > SPARSE_MAX_DIM)
		return RVE_INVALID_ARGUMENT;
	for (; size < 4 * (size_t) q->count && shift > 1; size *= 2)
		shift--;
	status = rvi_quant_query_reserve(codec, sizeof(SparseQuery) + size * sizeof(SparseEntry),
									 base_query);
	if (status != RVE_OK)
		return status;
	query = (SparseQuery *) *base_query;
	query->base.distance = sparse_distance;
	query->count = q->count;
	query->shift = shift;
	query->g = 0.0;
	query->norm = 0.0;
	for (size_t i = 0; i < size; i++)
		query->table[i] = (SparseEntry) {-1, 0.0f};
	for (int i = 0; i < q->count; i++)
	{
		double		x = q->x[i];

		query->table[sparse_slot(query, q->index[i])] = (SparseEntry) {q->index[i], q->x[i]};
		query->norm += x * x;
		query->g += codec->metric == RVE_METRIC_L1 ? fabs(x) : x * x;
	}
	query->norm = sqrt(query->norm);
	return RVE_OK;
}

/* Four indexes, and whether any of them is among four others. */
typedef int32_t SparseFour __attribute__((vector_size(16)));

static inline SparseFour
sparse_four(const uint8_t *code, int i)
{
	SparseFour	four;

	memcpy(&four, code + sizeof(uint32_t) + sizeof(int32_t) * (size_t) i, sizeof(four));
	return four;
}

static inline bool
sparse_any_equal(SparseFour a, SparseFour b)
{
	SparseFour	b0 = {b[0], b[0], b[0], b[0]};
	SparseFour	b1 = {b[1], b[1], b[1], b[1]};
	SparseFour	b2 = {b[2], b[2], b[2], b[2]};
	SparseFour	b3 = {b[3], b[3], b[3], b[3]};
	SparseFour	equal = (a == b0) | (a == b1) | (a == b2) | (a == b3);
	uint64_t	words[2];

	memcpy(words, &equal, sizeof(words));
	return (words[0] | words[1]) != 0;
}

/* The terms of elements in common among `run` from i and from j on; run 0: all of them. */
static double
sparse_merge(const SparseCodec *codec, const uint8_t *code_a, const uint8_t *code_b,
			 int i, int j, int run)
{
	int			end_a = run > 0 ? i + run : sparse_count(codec, code_a);
	int			end_b = run > 0 ? j + run : sparse_count(codec, code_b);
	double		common = 0.0;

	while (i < end_a && j < end_b)
	{
		int32_t		a = sparse_index(code_a, i);
		int32_t		b = sparse_index(code_b, j);

		if (a == b)
			common += sparse_term(codec->base.metric, sparse_value(codec, code_a, i),
								  sparse_value(codec, code_b, j));
		i += a <= b;
		j += b <= a;
	}
	return common;
}

/*
 * Most groups of four have nothing in common, which a few instructions find
 * out; then the group that ends first is done with.
 */
static float
sparse_symmetric(const RveCodec *base,
				 const uint8_t *code_a, const RveCodeFactors *factors_a,
				 const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	const SparseCodec *codec = (const SparseCodec *) base;
	int			count_a = sparse_count(codec, code_a);
	int			count_b = sparse_count(codec, code_b);
	int			i = 0;
	int			j = 0;
	double		common = 0.0;

	while (i + 4 <= count_a && j + 4 <= count_b)
	{
		int32_t		last_a = sparse_index(code_a, i + 3);
		int32_t		last_b = sparse_index(code_b, j + 3);

		if (sparse_any_equal(sparse_four(code_a, i), sparse_four(code_b, j)))
			common += sparse_merge(codec, code_a, code_b, i, j, 4);
		i += last_a <= last_b ? 4 : 0;
		j += last_b <= last_a ? 4 : 0;
	}
	common += sparse_merge(codec, code_a, code_b, i, j, 0);
	return quant_to_float(sparse_combine(base->metric, factors_a->add, factors_b->add, common));
}

static bool
sparse_complete(const RveCodec *codec, const uint8_t *code, const RveCodeFactors *factors)
{
	(void) codec;
	(void) code;
	return factors->sum == 0;
}

/*
 * Of an element in the code and of one that is in the query alone nothing is
 * lost: *sum is their exact distance. *size bounds the terms of its sums.
 */
static void
sparse_exact_part(const SparseCodec *codec, const SparseQuery *query, const uint8_t *code,
				  double *sum, double *size)
{
	RveMetric	metric = codec->base.metric;
	int			count = sparse_count(codec, code);
	double		met = 0.0;		/* norm of the query's elements that are in the code */
	double		kept = 0.0;

	*sum = 0.0;
	for (int i = 0; i < count; i++)
	{
		double		x = sparse_value(codec, code, i);
		double		y = query->table[sparse_slot(query, sparse_index(code, i))].value;

		if (metric == RVE_METRIC_IP)
			*sum -= x * y;
		else if (metric == RVE_METRIC_L1)
			*sum += fabs(x - y);
		else
			*sum += (x - y) * (x - y);
		met += metric == RVE_METRIC_L1 ? fabs(y) : y * y;
		kept += metric == RVE_METRIC_L1 ? fabs(x) : x * x;
	}
	if (metric != RVE_METRIC_IP)
		*sum += query->g - met;
	*size = 2.0 * (kept + query->g);
}

/* What was left out of the code can meet any of the query, or none. */
static double
sparse_refine(const RveCodec *base, const RveCodecQuery *base_query, const uint8_t *code,
			  const RveCodeFactors *factors, const uint8_t *residual, double *error)
{
	const SparseCodec *codec = (const SparseCodec *) base;
	const SparseQuery *query = (const SparseQuery *) base_query;
	double		value;
	double		size;
	double		dropped = 0.0;

	sparse_exact_part(codec, query, code, &value, &size);
	*error = SPARSE_ROUNDING * (codec->capacity + query->count + 8.0) * size;
	if (!sparse_complete(base, code, factors))
	{
		double		rounding = (double) FLT_EPSILON * fabs((double) factors->add) +
			(double) FLT_TRUE_MIN;

		dropped = (double) factors->add - (double) factors->resc;
		dropped = dropped > 0.0 ? dropped : 0.0;
		if (base->metric != RVE_METRIC_IP)
			value += dropped;
		*error += rounding;
		dropped += rounding;
		if (base->metric == RVE_METRIC_L1)
			*error += 2.0 * dropped;
		else
			*error += (base->metric == RVE_METRIC_IP ? 1.0 : 2.0) * sqrt(dropped) * query->norm *
				(1.0 + (double) FLT_EPSILON);
	}
	if (fabs(value) <= DBL_MAX && *error <= DBL_MAX && (dropped == 0.0 || factors->add < FLT_MAX))
		return value;
	return rvi_quant_refine_unknown(base, base_query, code, factors, residual, error);
}

const QuantOps rvi_quant_sparse_ops = {
	.elements = RVE_SPARSE,
	.params_valid = sparse_params_valid,
	.code_bytes = sparse_code_bytes,
	.residual_bytes = rvi_quant_no_residual,
	.create = sparse_create,
	.encode = sparse_encode,
	.prepare = sparse_prepare,
	.symmetric = sparse_symmetric,
	.refine = sparse_refine,
	.complete = sparse_complete,
};
