/*-------------------------------------------------------------------------
 *
 * ruvector.c
 *	  Library entry: initialises every folder in order. No logic here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/graph/rv_graph.h"
#include "engine/runtime/rv_runtime.h"
#include "fdw/rv_fdw.h"
#include "indexam/rv_indexam.h"
#include "tableam/rv_tableam.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	rv_runtime_init();
	rv_graph_init();
	rv_indexam_init();
	rv_tableam_init();
	rv_fdw_init();
}
