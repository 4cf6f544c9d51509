/*-------------------------------------------------------------------------
 *
 * rv_guc.c
 *	  Every setting of the extension, in the order of their names.
 *
 * A setting that the session already has (pgvector loaded first) is left to
 * its owner: the variable here then keeps its default.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "engine/runtime/rv_runtime.h"

int			rv_hnsw_ef_search = 40;

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

void
rvi_runtime_define_settings(void)
{
	guc_define_int("hnsw.ef_search",
				   "Sets the size of the dynamic candidate list of an hnsw search.",
				   &rv_hnsw_ef_search, 1, 1000);
}
