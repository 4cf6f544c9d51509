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

#if defined(__x86_64__)
extern const RveDistTable rvi_dist_avx2_table;
extern const RveDistTable rvi_dist_avx512_table;
#elif defined(__aarch64__)
extern const RveDistTable rvi_dist_neon_table;
#endif

#endif							/* DIST_INT_H */
