/*-------------------------------------------------------------------------
 *
 * dist_int.h
 *	  The kernel tables that dist_pick.c chooses from.
 *
 * A table is declared only where its file compiles to something; whether the
 * CPU can run it is dist_pick.c's business.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DIST_INT_H
#define DIST_INT_H

#include "engine/core/dist/rve_dist.h"

extern const RveDistTable rvi_dist_scalar_table;

/* Eight bytes at any alignment. */
static inline uint64_t
dist_load_u64(const uint8_t *p)
{
	uint64_t	word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* dist_sparse.c: for every table without a better way */
extern float rvi_dist_sparse_l2sq(const RveVectorView *a, const RveVectorView *b);
extern float rvi_dist_sparse_ip(const RveVectorView *a, const RveVectorView *b);
extern float rvi_dist_sparse_l1(const RveVectorView *a, const RveVectorView *b);

#if defined(__x86_64__)
extern const RveDistTable rvi_dist_avx2_table;
extern const RveDistTable rvi_dist_avx512_table;

/* dist_sparse_avx512.c */
extern float rvi_dist_sparse_avx512_l2sq(const RveVectorView *a, const RveVectorView *b);
extern float rvi_dist_sparse_avx512_ip(const RveVectorView *a, const RveVectorView *b);
extern float rvi_dist_sparse_avx512_l1(const RveVectorView *a, const RveVectorView *b);

/* dist_vpopcnt.c: what the AVX-512 table does better where the CPU has VPOPCNTDQ */
extern uint64_t rvi_dist_vpopcnt_hamming(const uint8_t *a, const uint8_t *b, size_t n);
extern void rvi_dist_vpopcnt_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
										 uint64_t *both, uint64_t *either);
#elif defined(__aarch64__)
extern const RveDistTable rvi_dist_neon_table;
#endif

#endif							/* DIST_INT_H */
