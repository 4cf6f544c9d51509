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

#if defined(__aarch64__) && defined(__linux__)
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

/* __builtin_cpu_supports also asks whether the operating system saves the registers. */
static bool
dist_pick_has_avx2(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
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
#elif defined(__aarch64__)
	{&rvi_dist_neon_table, dist_pick_has_neon},
#endif
};

#define DIST_NCANDIDATES ((int) (sizeof(dist_candidates) / sizeof(dist_candidates[0])))

const RveDistTable *
rve_dist_supported(int index)
{
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

double
rve_dist_exact(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	const RveDistTable *t = rve_dist_get();

	if (metric == RVE_METRIC_IP)
		return -t->ip_f32(a->x, b->x, (size_t) a->dim);
	if (metric == RVE_METRIC_L1)
		return t->l1_f32(a->x, b->x, (size_t) a->dim);
	return t->l2sq_f32(a->x, b->x, (size_t) a->dim);
}
