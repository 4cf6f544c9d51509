/*-------------------------------------------------------------------------
 *
 * dist_pick.c
 *	  Chooses the kernel table: the only code that asks what the CPU can do.
 *
 * Owns the process-wide choice. It is made at the first rve_dist_get and
 * changed by rve_dist_select alone; the engine has no threads.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#include <asm/hwcap.h>
#endif

typedef struct DistCandidate
{
	const RveDistTable *table;
	bool		(*supported) (void);
} DistCandidate;

static const RveDistTable *dist_current = NULL;

static bool
dist_pick_always(void)
{
	return true;
}

#if defined(__x86_64__)

/*
 * Older compilers' __builtin_cpu_supports does not know this name. Whether the
 * system saves the registers is the same question as for AVX2.
 */
static bool
dist_pick_has_f16c(void)
{
	unsigned	eax,
				ebx,
				ecx,
				edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}

/* __builtin_cpu_supports also asks whether the operating system saves the registers. */
static bool
dist_pick_has_avx2(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		__builtin_cpu_supports("popcnt") && dist_pick_has_f16c();
}

static bool
dist_pick_has_avx512(void)
{
	__builtin_cpu_init();
	return dist_pick_has_avx2() &&
		__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vnni");
}

static bool
dist_pick_has_vpopcnt(void)
{
	return dist_pick_has_avx512() && __builtin_cpu_supports("avx512vpopcntdq");
}

/* The AVX-512 table with dist_vpopcnt.c's kernels, filled by dist_pick_prepare. */
static RveDistTable dist_pick_avx512pop;

#elif defined(__aarch64__)

static bool
dist_pick_has_neon(void)
{
#if defined(__linux__)
	return (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
#else
	return true;
#endif
}

#endif

/* Best last. */
static const DistCandidate dist_candidates[] = {
	{&rvi_dist_scalar_table, dist_pick_always},
#if defined(__x86_64__)
	{&rvi_dist_avx2_table, dist_pick_has_avx2},
	{&rvi_dist_avx512_table, dist_pick_has_avx512},
	{&dist_pick_avx512pop, dist_pick_has_vpopcnt},
#elif defined(__aarch64__)
	{&rvi_dist_neon_table, dist_pick_has_neon},
#endif
};

#define DIST_NCANDIDATES ((int) (sizeof(dist_candidates) / sizeof(dist_candidates[0])))

/* A table made of others exists only from here on: every way to a table calls this. */
static void
dist_pick_prepare(void)
{
#if defined(__x86_64__)
	if (dist_pick_avx512pop.name == NULL)
	{
		dist_pick_avx512pop = rvi_dist_avx512_table;
		dist_pick_avx512pop.name = "avx512pop";
		dist_pick_avx512pop.hamming = rvi_dist_vpopcnt_hamming;
		dist_pick_avx512pop.bits_common = rvi_dist_vpopcnt_bits_common;
	}
#endif
}

const RveDistTable *
rve_dist_supported(int index)
{
	dist_pick_prepare();
	for (int i = 0; i < DIST_NCANDIDATES; i++)
	{
		if (dist_candidates[i].supported() && index-- == 0)
			return dist_candidates[i].table;
	}
	return NULL;
}

static const RveDistTable *
dist_pick_best(void)
{
	int			best = DIST_NCANDIDATES - 1;

	dist_pick_prepare();
	while (!dist_candidates[best].supported())
		best--;					/* ends at the scalar table */
	return dist_candidates[best].table;
}

const RveDistTable *
rve_dist_get(void)
{
	if (dist_current == NULL)
		dist_current = dist_pick_best();
	return dist_current;
}

RveStatus
rve_dist_select(const char *name)
{
	const RveDistTable *table;

	if (strcmp(name, "auto") == 0)
	{
		dist_current = dist_pick_best();
		return RVE_OK;
	}
	for (int i = 0; (table = rve_dist_supported(i)) != NULL; i++)
	{
		if (strcmp(name, table->name) == 0)
		{
			dist_current = table;
			return RVE_OK;
		}
	}
	return RVE_INVALID_ARGUMENT;
}
