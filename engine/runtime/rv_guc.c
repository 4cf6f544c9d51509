/*-------------------------------------------------------------------------
 *
 * rv_guc.c
 *	  Every setting of the extension, in the order of their names.
 *
 * A setting that another library of the session already has (pgvector, loaded
 * first) is left to its owner: the variable here then keeps its default.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/runtime/rv_runtime.h"

int			rv_hnsw_ef_search = 40;
int			rv_hnsw_iterative_scan = RV_HNSW_ITERATIVE_OFF;
int			rv_hnsw_max_scan_tuples = 20000;
double		rv_hnsw_scan_mem_multiplier = 1;
int			rv_ivfflat_iterative_scan = RV_IVFFLAT_ITERATIVE_OFF;
int			rv_ivfflat_max_probes = RV_IVFFLAT_MAX_LISTS;
int			rv_ivfflat_probes = 1;
bool		rv_exact_order = true;
bool		rv_optimistic_reads = true;

static const struct config_enum_entry guc_hnsw_iterative[] = {
	{"off", RV_HNSW_ITERATIVE_OFF, false},
	{"relaxed_order", RV_HNSW_ITERATIVE_RELAXED, false},
	{"strict_order", RV_HNSW_ITERATIVE_STRICT, false},
	{NULL, 0, false}
};

static const struct config_enum_entry guc_ivfflat_iterative[] = {
	{"off", RV_IVFFLAT_ITERATIVE_OFF, false},
	{"relaxed_order", RV_IVFFLAT_ITERATIVE_RELAXED, false},
	{NULL, 0, false}
};

/* the engine holds what is in effect; nothing reads the string */
static char *guc_simd = "auto";

/* True when another library has really defined the name; placeholders do not count. */
static bool
guc_is_taken(const char *name)
{
	return (GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) == 0 &&
		GetConfigOption(name, true, false) != NULL;
}

static void
guc_define_int(const char *name, const char *description, int *variable, int min, int max)
{
	if (!guc_is_taken(name))
		DefineCustomIntVariable(name, description, NULL, variable, *variable, min, max,
								PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
guc_define_bool(const char *name, const char *description, const char *detail, bool *variable)
{
	DefineCustomBoolVariable(name, description, detail, variable, *variable, PGC_USERSET, 0,
							 NULL, NULL, NULL);
}

/* A check hook may not change anything, so it only looks the name up. */
static bool
guc_check_simd(char **newval, void **extra, GucSource source)
{
	const RveDistTable *table;
	char		supported[100] = "auto";

	if (strcmp(*newval, "auto") == 0)
		return true;
	for (int i = 0; (table = rve_dist_supported(i)) != NULL; i++)
	{
		if (strcmp(*newval, table->name) == 0)
			return true;
		strlcat(supported, ", ", sizeof(supported));
		strlcat(supported, table->name, sizeof(supported));
	}
	GUC_check_errdetail("This build and CPU support: %s.", supported);
	return false;
}

static void
guc_assign_simd(const char *newval, void *extra)
{
	(void) rve_dist_select(newval);
}

static void
guc_define_enum(const char *name, const char *description, int *variable,
				const struct config_enum_entry *options)
{
	if (!guc_is_taken(name))
		DefineCustomEnumVariable(name, description, NULL, variable, *variable, options,
								 PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
guc_define_real(const char *name, const char *description, double *variable,
				double min, double max)
{
	if (!guc_is_taken(name))
		DefineCustomRealVariable(name, description, NULL, variable, *variable, min, max,
								 PGC_USERSET, 0, NULL, NULL, NULL);
}

void
rvi_runtime_define_settings(void)
{
	guc_define_int("hnsw.ef_search",
				   "Sets the size of the dynamic candidate list of an hnsw search.",
				   &rv_hnsw_ef_search, 1, 1000);
	guc_define_enum("hnsw.iterative_scan",
					"Sets how an hnsw scan goes on after its first search.",
					&rv_hnsw_iterative_scan, guc_hnsw_iterative);
	guc_define_int("hnsw.max_scan_tuples",
				   "Sets the number of rows after which an iterative scan stops searching for more.",
				   &rv_hnsw_max_scan_tuples, 1, PG_INT32_MAX);
	guc_define_real("hnsw.scan_mem_multiplier",
					"Sets the memory of an iterative hnsw scan as a multiple of work_mem.",
					&rv_hnsw_scan_mem_multiplier, 1, 1000);
	guc_define_enum("ivfflat.iterative_scan",
					"Sets how an ivfflat scan goes on after its first lists.",
					&rv_ivfflat_iterative_scan, guc_ivfflat_iterative);
	guc_define_int("ivfflat.max_probes",
				   "Sets the number of lists after which an iterative scan stops searching for more.",
				   &rv_ivfflat_max_probes, 1, RV_IVFFLAT_MAX_LISTS);
	guc_define_int("ivfflat.probes",
				   "Sets the number of lists an ivfflat scan searches.",
				   &rv_ivfflat_probes, 1, RV_IVFFLAT_MAX_LISTS);
	guc_define_bool("ruvector.exact_order",
					"Returns the rows of an hnsw scan in the operator's exact order.",
					"Off: in the order of distances measured in the index, which can differ "
					"from it in the fourth digit. The table's vectors are not read then.",
					&rv_exact_order);
	guc_define_bool("ruvector.optimistic_reads",
					"Lets hnsw searches read index pages in shared buffers without pinning them.",
					"What is found is the same; off is slower.",
					&rv_optimistic_reads);
	DefineCustomStringVariable("ruvector.simd",
							   "Chooses the instruction set of the distance kernels.",
							   "\"auto\" takes the best this CPU offers.",
							   &guc_simd, guc_simd, PGC_USERSET, 0,
							   guc_check_simd, guc_assign_simd, NULL);

	/* as in pgvector, a misspelt name is an error from here on */
	MarkGUCPrefixReserved("hnsw");
	MarkGUCPrefixReserved("ivfflat");
}
