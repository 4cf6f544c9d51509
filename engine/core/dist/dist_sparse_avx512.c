/*-------------------------------------------------------------------------
 *
 * dist_sparse_avx512.c
 *	  Distances of sparse vectors for AVX-512 F.
 *
 * Blocks of 16 positions are compared all against all: the second block is
 * rotated 16 times. Positions ascend in both, so the k-th position of one
 * block that the other has is the k-th of the other that the first has: both
 * sets of values are compressed and meet lane by lane. A block is replaced
 * when its last position is not beyond the other's, and what found no partner
 * until then is added by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* Up to 16 elements of a sparse vector. */
typedef struct SparseBlock
{
	__m512i		index;			/* unused lanes hold a value that is no position */
	__m512		x;				/* 0 in unused lanes */
	__mmask16	done;			/* lanes that found their partner */
	int32_t		last;			/* last position */
	int			next;			/* where the following block starts */
} SparseBlock;

/* The block that starts at block->next; false at the end. `filler` differs between the operands. */
static inline bool
sparse_load(SparseBlock *block, const RveVectorView *v, int32_t filler)
{
	int			at = block->next;
	int			n = v->count - at;
	__mmask16	mask;

	if (n <= 0)
		return false;
	if (n > 16)
		n = 16;
	mask = (__mmask16) (0xFFFFu >> (16 - n));
	block->index = _mm512_mask_loadu_epi32(_mm512_set1_epi32(filler), mask, v->index + at);
	block->x = _mm512_maskz_loadu_ps(mask, v->x + at);
	block->done = 0;
	block->last = v->index[at + n - 1];
	block->next = at + n;
	return true;
}

/* Compares under rotation R and notes who met whom. */
#define SPARSE_MATCH(R) \
	do { \
		__mmask16	equal = _mm512_cmpeq_epi32_mask(a->index, \
												   _mm512_alignr_epi32(b->index, b->index, R)); \
	\
		met_a |= equal; \
		met_b |= (uint32_t) equal << (R); \
	} while (0)

/* Lanes of a and b with equal positions, in *in_a and *in_b. */
static inline void
sparse_match(const SparseBlock *a, const SparseBlock *b, __mmask16 *in_a, __mmask16 *in_b)
{
	uint32_t	met_a = 0;
	uint32_t	met_b = 0;

	SPARSE_MATCH(0);
	SPARSE_MATCH(1);
	SPARSE_MATCH(2);
	SPARSE_MATCH(3);
	SPARSE_MATCH(4);
	SPARSE_MATCH(5);
	SPARSE_MATCH(6);
	SPARSE_MATCH(7);
	SPARSE_MATCH(8);
	SPARSE_MATCH(9);
	SPARSE_MATCH(10);
	SPARSE_MATCH(11);
	SPARSE_MATCH(12);
	SPARSE_MATCH(13);
	SPARSE_MATCH(14);
	SPARSE_MATCH(15);
	*in_a = (__mmask16) met_a;
	/* lane l met lane (l + R) % 16: what was shifted out comes back below */
	*in_b = (__mmask16) (met_b | met_b >> 16);
}

static inline __m512
sparse_step_l2(__m512 sum, __m512 x, __m512 y)
{
	__m512		d = _mm512_sub_ps(x, y);

	return _mm512_fmadd_ps(d, d, sum);
}

static inline __m512
sparse_step_l1(__m512 sum, __m512 x, __m512 y)
{
	return _mm512_add_ps(sum, _mm512_abs_ps(_mm512_sub_ps(x, y)));
}

static inline __m512
sparse_step_ip(__m512 sum, __m512 x, __m512 y)
{
	return _mm512_fmadd_ps(x, y, sum);
}

/* STEP adds a pair of values; what has no partner is paired with 0. */
#define SPARSE_LOOP(STEP) \
	SparseBlock p = {.next = 0}; \
	SparseBlock q = {.next = 0}; \
	__m512		zero = _mm512_setzero_ps(); \
	__m512		sum = zero; \
	bool		more_p = sparse_load(&p, a, -1); \
	bool		more_q = sparse_load(&q, b, -2); \
	\
	while (more_p && more_q) \
	{ \
		int32_t		last_p = p.last; \
		int32_t		last_q = q.last; \
		__mmask16	in_p; \
		__mmask16	in_q; \
	\
		sparse_match(&p, &q, &in_p, &in_q); \
		sum = STEP(sum, _mm512_maskz_compress_ps(in_p, p.x), _mm512_maskz_compress_ps(in_q, q.x)); \
		p.done |= in_p; \
		q.done |= in_q; \
		if (last_p <= last_q) \
		{ \
			sum = STEP(sum, _mm512_maskz_mov_ps((__mmask16) ~p.done, p.x), zero); \
			more_p = sparse_load(&p, a, -1); \
		} \
		if (last_q <= last_p) \
		{ \
			sum = STEP(sum, zero, _mm512_maskz_mov_ps((__mmask16) ~q.done, q.x)); \
			more_q = sparse_load(&q, b, -2); \
		} \
	} \
	while (more_p) \
	{ \
		sum = STEP(sum, _mm512_maskz_mov_ps((__mmask16) ~p.done, p.x), zero); \
		more_p = sparse_load(&p, a, -1); \
	} \
	while (more_q) \
	{ \
		sum = STEP(sum, zero, _mm512_maskz_mov_ps((__mmask16) ~q.done, q.x)); \
		more_q = sparse_load(&q, b, -2); \
	} \
	return _mm512_reduce_add_ps(sum)

float
rvi_dist_sparse_avx512_l2sq(const RveVectorView *a, const RveVectorView *b)
{
	SPARSE_LOOP(sparse_step_l2);
}

float
rvi_dist_sparse_avx512_l1(const RveVectorView *a, const RveVectorView *b)
{
	SPARSE_LOOP(sparse_step_l1);
}

float
rvi_dist_sparse_avx512_ip(const RveVectorView *a, const RveVectorView *b)
{
	SPARSE_LOOP(sparse_step_ip);
}

#else
/* Only x86-64 has these instructions; elsewhere this file is empty. */
typedef int dist_sparse_avx512_is_empty;
#endif
