/*-------------------------------------------------------------------------
 *
 * other_settings.c
 *	  Stands for another library that has settings of ruvector's names, with
 *	  defaults and types of its own; tests/t/settings_taken.pl loads it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static int	other_ef_search = 77;
static char *other_iterative_scan = "perhaps";
static bool other_probes = true;

void
_PG_init(void)
{
	DefineCustomIntVariable("hnsw.ef_search", "The other library's.", NULL, &other_ef_search,
							77, 70, 80, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("hnsw.iterative_scan", "The other library's.", NULL,
							   &other_iterative_scan, "perhaps", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ivfflat.probes", "The other library's.", NULL, &other_probes,
							 true, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("hnsw");
	MarkGUCPrefixReserved("ivfflat");
}
