/*-------------------------------------------------------------------------
 *
 * search_parallel.c
 *	  A batch of queries shared among parallel workers.
 *
 * A batch is run in rounds. For each, shared memory holds the round's
 * queries and room for k rows of every one; this process and the workers
 * take one query after the other from a counter and write its rows to its
 * place, so there is no queue to wait at and the result does not depend on
 * who did what. A round is as large as work_mem allows.
 *
 * Workers see this process's snapshot, settings (the raised hnsw.ef_search
 * included), user and security context through PostgreSQL's own parallel
 * machinery. They only read. Privileges were checked by the SQL function.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "port/atomics.h"
#include "storage/shm_toc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "indexam/search_int.h"

/*
 * Fewer queries than these per process do not pay for starting a worker,
 * which costs some milliseconds.
 */
#define PARALLEL_QUERIES 32

#define PARALLEL_KEY_SHARED UINT64CONST(0x5256534200000001)
#define PARALLEL_KEY_QUERIES UINT64CONST(0x5256534200000002)
#define PARALLEL_KEY_HITS UINT64CONST(0x5256534200000003)
#define PARALLEL_KEY_BUFFERS UINT64CONST(0x5256534200000004)
#define PARALLEL_KEY_WAL UINT64CONST(0x5256534200000005)

typedef struct ParallelSearch
{
	Oid			heap;
	Oid			index;
	int			count;
	int			k;
	pg_atomic_uint32 next;		/* query to take */
} ParallelSearch;

/* Where a query's value is, and its rows when it is done. */
typedef struct ParallelQuery
{
	Size		offset;			/* from the start of the queries' area */
	int			found;			/* -1: not done */
} ParallelQuery;

/* An attached round; the same for all processes. */
typedef struct ParallelRound
{
	ParallelSearch *shared;
	ParallelQuery *queries;
	RvSearchHit *hits;
} ParallelRound;

extern PGDLLEXPORT void rv_search_batch_worker(dsm_segment *segment, shm_toc *toc);

static Size
parallel_query_bytes(Datum query)
{
	return MAXALIGN(VARSIZE_ANY(DatumGetPointer(query)));
}

/* Bytes of shared memory that a query and its rows take. */
static Size
parallel_bytes(const RvSearchBatch *batch, int query)
{
	return add_size(add_size(sizeof(ParallelQuery), parallel_query_bytes(batch->queries[query])),
					mul_size(sizeof(RvSearchHit), batch->k));
}

/* Whether a worker may evaluate what the index is made of. */
static bool
parallel_expression_is_safe(Relation index)
{
	Query	   *query = makeNode(Query);
	ListCell   *cell;

	foreach(cell, RelationGetIndexExpressions(index))
		query->targetList = lappend(query->targetList,
									makeTargetEntry(lfirst(cell), 1, NULL, false));
	return max_parallel_hazard(query) == PROPARALLEL_SAFE;
}

int
rvi_search_workers(const RvSearchBatch *batch)
{
	int			workers = Min(max_parallel_workers_per_gather, batch->count / PARALLEL_QUERIES);

	workers = Min(workers, RelationGetParallelWorkers(batch->heap, workers));

	/* a worker starts none; temporary tables are in this process's own buffers */
	if (IsParallelWorker() || RelationUsesLocalBuffers(batch->heap) || workers <= 0)
		return 0;
	if (!parallel_expression_is_safe(batch->index))
		return 0;

	/* rounds too short to keep everybody busy */
	if (mul_size(parallel_bytes(batch, 0), 2 * (workers + 1)) > (Size) work_mem * 1024)
		return 0;
	return workers;
}

/* Number of queries from first on that fit into one round. */
static int
parallel_round_size(const RvSearchBatch *batch, int first)
{
	Size		bytes = 0;
	int			n = 0;

	while (first + n < batch->count)
	{
		bytes = add_size(bytes, parallel_bytes(batch, first + n));
		if (n > 0 && bytes > (Size) work_mem * 1024)
			break;
		n++;
	}
	return n;
}

/* ---- taking queries ---- */

static void
parallel_take_queries(const ParallelRound *round, RvSearch *search)
{
	for (;;)
	{
		uint32		query = pg_atomic_fetch_add_u32(&round->shared->next, 1);
		char	   *value;

		CHECK_FOR_INTERRUPTS();
		if (query >= (uint32) round->shared->count)
			return;
		value = (char *) round->queries + round->queries[query].offset;
		round->queries[query].found =
			rvi_search_run(search, PointerGetDatum(value), round->shared->k,
						   round->hits + (Size) query * round->shared->k);
	}
}

static void
parallel_attach(ParallelRound *round, shm_toc *toc)
{
	round->shared = shm_toc_lookup(toc, PARALLEL_KEY_SHARED, false);
	round->queries = shm_toc_lookup(toc, PARALLEL_KEY_QUERIES, false);
	round->hits = shm_toc_lookup(toc, PARALLEL_KEY_HITS, false);
}

/* Entry of a worker, called by PostgreSQL. */
void
rv_search_batch_worker(dsm_segment *segment, shm_toc *toc)
{
	BufferUsage *buffers = shm_toc_lookup(toc, PARALLEL_KEY_BUFFERS, false);
	WalUsage   *wal = shm_toc_lookup(toc, PARALLEL_KEY_WAL, false);
	ParallelRound round;
	RvSearch	search;
	Relation	heap;
	Relation	index;

	parallel_attach(&round, toc);
	InstrStartParallelQuery();
	heap = table_open(round.shared->heap, AccessShareLock);
	index = index_open(round.shared->index, AccessShareLock);
	rvi_search_begin(&search, heap, index, GetActiveSnapshot());
	parallel_take_queries(&round, &search);
	rvi_search_end(&search);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	InstrEndParallelQuery(&buffers[ParallelWorkerNumber], &wal[ParallelWorkerNumber]);
}

/* ---- a round ---- */

static Size
parallel_queries_bytes(const RvSearchBatch *batch, int first, int n)
{
	Size		bytes = mul_size(sizeof(ParallelQuery), n);
	int			i;

	for (i = 0; i < n; i++)
		bytes = add_size(bytes, parallel_query_bytes(batch->queries[first + i]));
	return bytes;
}

static void
parallel_estimate(ParallelContext *context, const RvSearchBatch *batch, int first, int n)
{
	shm_toc_estimate_chunk(&context->estimator, sizeof(ParallelSearch));
	shm_toc_estimate_chunk(&context->estimator, parallel_queries_bytes(batch, first, n));
	shm_toc_estimate_chunk(&context->estimator,
						   mul_size(sizeof(RvSearchHit), mul_size(batch->k, n)));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_estimate_keys(&context->estimator, 5);
}

static void
parallel_fill(ParallelContext *context, const RvSearchBatch *batch, int first, int n)
{
	ParallelSearch *shared = shm_toc_allocate(context->toc, sizeof(ParallelSearch));
	ParallelQuery *queries = shm_toc_allocate(context->toc,
											  parallel_queries_bytes(batch, first, n));
	Size		offset = MAXALIGN(mul_size(sizeof(ParallelQuery), n));
	int			i;

	shared->heap = RelationGetRelid(batch->heap);
	shared->index = RelationGetRelid(batch->index);
	shared->count = n;
	shared->k = batch->k;
	pg_atomic_init_u32(&shared->next, 0);
	shm_toc_insert(context->toc, PARALLEL_KEY_SHARED, shared);
	for (i = 0; i < n; i++)
	{
		Pointer		value = DatumGetPointer(batch->queries[first + i]);

		queries[i].offset = offset;
		queries[i].found = -1;
		memcpy((char *) queries + offset, value, VARSIZE_ANY(value));
		offset += parallel_query_bytes(PointerGetDatum(value));
	}
	shm_toc_insert(context->toc, PARALLEL_KEY_QUERIES, queries);
	shm_toc_insert(context->toc, PARALLEL_KEY_HITS,
				   shm_toc_allocate(context->toc,
									mul_size(sizeof(RvSearchHit), mul_size(batch->k, n))));
	shm_toc_insert(context->toc, PARALLEL_KEY_BUFFERS,
				   shm_toc_allocate(context->toc,
									mul_size(sizeof(BufferUsage), context->nworkers)));
	shm_toc_insert(context->toc, PARALLEL_KEY_WAL,
				   shm_toc_allocate(context->toc,
									mul_size(sizeof(WalUsage), context->nworkers)));
}

/* Lets workers and this process answer the context's queries; returns when all are done. */
static void
parallel_run(ParallelContext *context, ParallelRound *round, RvSearch *search)
{
	BufferUsage *buffers = shm_toc_lookup(context->toc, PARALLEL_KEY_BUFFERS, false);
	WalUsage   *wal = shm_toc_lookup(context->toc, PARALLEL_KEY_WAL, false);
	int			i;

	LaunchParallelWorkers(context);
	parallel_take_queries(round, search);
	WaitForParallelWorkersToFinish(context);
	for (i = 0; i < context->nworkers_launched; i++)
		InstrAccumParallelQuery(&buffers[i], &wal[i]);
}

void
rvi_search_parallel(const RvSearchBatch *batch, int workers, RvSearch *search,
					RvSearchReceive receive, void *arg)
{
	int			first = 0;

	EnterParallelMode();
	while (first < batch->count)
	{
		int			n = parallel_round_size(batch, first);
		ParallelContext *context = CreateParallelContext("$libdir/ruvector",
														 "rv_search_batch_worker", workers);
		ParallelRound round;
		int			i;

		parallel_estimate(context, batch, first, n);

		/* without shared memory the context has no workers, and we do it all */
		InitializeParallelDSM(context);
		parallel_fill(context, batch, first, n);
		parallel_attach(&round, context->toc);
		parallel_run(context, &round, search);
		for (i = 0; i < n; i++)
		{
			if (round.queries[i].found < 0)
				elog(ERROR, "a worker left query %d unanswered", first + i + 1);
			receive(arg, first + i, round.hits + (Size) i * batch->k, round.queries[i].found);
		}
		DestroyParallelContext(context);
		first += n;
	}
	ExitParallelMode();
}
