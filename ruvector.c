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

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	rv_runtime_init();
	rv_graph_init();
}
