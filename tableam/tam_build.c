/*-------------------------------------------------------------------------
 *
 * tam_build.c
 *	  Index builds: heap's own scan loops, run over a ruvector_tam table.
 *
 * heap's index_build_range_scan and index_validate_scan read the table with
 * heap_getnext, which refuses a relation whose rd_tableam is not heap's. For
 * the time of the scan the relcache entry therefore shows heap's routine,
 * which is right for every byte such a scan touches: main-fork tuples are
 * plain heap tuples (README.md, "Index builds").
 *
 * The scan may run user code (index expressions and predicates), process
 * invalidations and fail at any point. So the swap is undone in PG_FINALLY,
 * and the swaps in force are kept in a list, from which a relcache callback
 * renews them: a rebuild of the entry puts ruvector_tam's routine back in the
 * middle of the scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "storage/ipc.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "tableam/tam_int.h"

/* A relation that shows heap's routine just now; lives on the stack of the callback that scans. */
typedef struct TamSwap
{
	Relation	rel;
	const TableAmRoutine *saved;
	struct TamSwap *outer;
} TamSwap;

static TamSwap *tam_active_swaps = NULL;

static void
tam_swap_begin(TamSwap *swap, Relation rel)
{
	swap->rel = rel;
	swap->saved = rel->rd_tableam;
	swap->outer = tam_active_swaps;
	tam_active_swaps = swap;
	rel->rd_tableam = GetHeapamTableAmRoutine();
}

/*
 * Ends the innermost swap. Where builds of one relation nest, the inner one
 * saved heap's routine, so the outermost end restores ours.
 */
static void
tam_swap_end(TamSwap *swap)
{
	Assert(tam_active_swaps == swap);
	tam_active_swaps = swap->outer;
	swap->rel->rd_tableam = swap->saved;
}

/*
 * Relcache callback: called after the entry was rebuilt in place (it is, as
 * the scan holds a reference to it). relid is InvalidOid for "all of them".
 *
 * A session that dies of a FATAL error runs no PG_FINALLY: the list stays,
 * while its relations are released by the abort, so it must not be followed.
 */
static void
tam_swap_renew(Datum arg, Oid relid)
{
	TamSwap    *swap;

	if (proc_exit_inprogress)
		return;
	for (swap = tam_active_swaps; swap != NULL; swap = swap->outer)
	{
		if (relid == InvalidOid || relid == RelationGetRelid(swap->rel))
			swap->rel->rd_tableam = GetHeapamTableAmRoutine();
	}
}

void
rvi_tam_register_swap_callback(void)
{
	CacheRegisterRelcacheCallback(tam_swap_renew, (Datum) 0);
}

/*
 * PostgreSQL callback. `scan` is the caller's for parallel builds (leader and
 * workers come here alike) and for amcheck; heap's loop ends it.
 */
double
tam_index_build_range_scan(Relation heaprel, Relation indexrel, IndexInfo *info, bool allow_sync,
						   bool anyvisible, bool progress, BlockNumber start, BlockNumber nblocks,
						   IndexBuildCallback callback, void *state, TableScanDesc scan)
{
	volatile double reltuples = 0;	/* set between PG_TRY and PG_END_TRY */
	TamSwap		swap;

	tam_swap_begin(&swap, heaprel);
	PG_TRY();
	{
		reltuples = heaprel->rd_tableam->index_build_range_scan(heaprel, indexrel, info,
																allow_sync, anyvisible, progress,
																start, nblocks, callback, state,
																scan);
	}
	PG_FINALLY();
	{
		tam_swap_end(&swap);
	}
	PG_END_TRY();
	return reltuples;
}

/* PostgreSQL callback: second pass of CREATE INDEX CONCURRENTLY. */
void
tam_index_validate_scan(Relation heaprel, Relation indexrel, IndexInfo *info, Snapshot snapshot,
						ValidateIndexState *state)
{
	TamSwap		swap;

	tam_swap_begin(&swap, heaprel);
	PG_TRY();
	{
		heaprel->rd_tableam->index_validate_scan(heaprel, indexrel, info, snapshot, state);
	}
	PG_FINALLY();
	{
		tam_swap_end(&swap);
	}
	PG_END_TRY();
}
