/*-------------------------------------------------------------------------
 *
 * tam_int.h
 *	  Shared inside tableam/: the routine's own callbacks and what more than
 *	  one file needs.
 *
 * Callbacks carry PostgreSQL's verbs; access/tableam.h says what each must do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TAM_INT_H
#define TAM_INT_H

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "nodes/execnodes.h"

/* tam_handler.c */
extern const TableAmRoutine *rvi_tam_routine(void);

/* tam_build.c */
extern void rvi_tam_register_swap_callback(void);
extern double tam_index_build_range_scan(Relation heaprel, Relation indexrel, IndexInfo *info,
										 bool allow_sync, bool anyvisible, bool progress,
										 BlockNumber start, BlockNumber nblocks,
										 IndexBuildCallback callback, void *state,
										 TableScanDesc scan);
extern void tam_index_validate_scan(Relation heaprel, Relation indexrel, IndexInfo *info,
									Snapshot snapshot, ValidateIndexState *state);

/* tam_insert.c */
extern void tam_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
							 BulkInsertState bistate);
extern void tam_tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid,
										 int options, BulkInsertState bistate, uint32 token);
extern void tam_multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid,
							 int options, BulkInsertState bistate);
extern TM_Result tam_tuple_update(Relation rel, ItemPointer otid, TupleTableSlot *slot,
								  CommandId cid, Snapshot snapshot, Snapshot crosscheck, bool wait,
								  TM_FailureData *tmfd, LockTupleMode *lockmode,
								  bool *update_indexes);

/* tam_fetch.c */

/* One row of a TOAST relation, seen in its page. */
typedef struct TamChunk
{
	ItemPointerData tid;
	bool		readable;		/* the three columns are there, uncompressed and inside the row */
	int32		seq;
	int32		size;
	const char *data;			/* into the page: only while its lock is held */
} TamChunk;

extern void rvi_tam_locate_chunk(Relation toastrel, TupleTableSlot *slot, TamChunk *chunk);
extern int32 rvi_tam_count_chunks(int32 attrsize);
extern int32 rvi_tam_chunk_size(int32 attrsize, int32 seq);
extern void tam_fetch_toast_slice(Relation toastrel, Oid valueid, int32 attrsize, int32 offset,
								  int32 length, struct varlena *result);

#endif							/* TAM_INT_H */
