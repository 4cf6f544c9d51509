/*-------------------------------------------------------------------------
 *
 * am_int.h
 *	  What the index access methods share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AM_INT_H
#define AM_INT_H

#include "access/amapi.h"
#include "access/genam.h"
#include "access/generic_xlog.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/relfilenode.h"
#include "utils/hsearch.h"
#include "utils/relcache.h"

#include "engine/types/rv_types.h"

/* ---- am_common.c: the opclass's meaning ---- */

/* Support procedures and the operator that all opclasses have in common. */
#define RV_AM_DISTANCE_PROC 1
#define RV_AM_NORM_PROC 2
#define RV_AM_DISTANCE_STRATEGY 1

extern void rvi_am_lookup(Relation rel, const RvTypeDesc **type, RveMetric *metric);

/* Dimensions of the indexed column, which must declare them and at most max; am is the method. */
extern int	rvi_am_column_dim(Relation rel, const RvTypeDesc *type, int max, const char *am);
extern bool rvi_am_normalize(float *x, int dim);

/* Keeps a rescan's keys and queries; NULL: as before. */
extern void rvi_am_take_keys(IndexScanDesc scan, ScanKey keys, ScanKey orderbys);

/* ---- am_page.c ---- */

/* Raises INDEX_CORRUPTED; detail names the invariant. */
extern void rvi_am_corrupted(Relation rel, BlockNumber block, const char *detail)
			pg_attribute_noreturn();

/* Copies a page as it is, without any check, to BLCKSZ aligned bytes. */
extern void rvi_am_copy_page(Relation rel, BlockNumber block, char *out);

static inline void
rvi_am_unlock_page(Buffer buffer)
{
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

static inline void
rvi_am_release(Buffer buffer)
{
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
}

/* Pages changed together: one generic WAL record, or none in a build. */
typedef struct RvAmRecord
{
	GenericXLogState *xlog;		/* NULL: a build, whose index is logged at its end */
	int			count;
	Buffer		buffers[MAX_GENERIC_XLOG_PAGES];
	Page		pages[MAX_GENERIC_XLOG_PAGES];	/* to change */
} RvAmRecord;

extern void rvi_am_record_start(RvAmRecord *record, Relation rel, bool unlogged);

/* Adds a buffer locked by the caller; returns the page to change. whole: log all of it. */
extern Page rvi_am_record_page(RvAmRecord *record, Buffer buffer, bool whole);

/* Unlock and unpin. After rvi_am_record_abandon nothing has happened; a build's must be unchanged. */
extern void rvi_am_record_finish(RvAmRecord *record);
extern void rvi_am_record_abandon(RvAmRecord *record);

/* ---- am_inspect.c: for SQL functions that are given an index ---- */

/* Locks the table and opens its index, which must be the method's; am is its name. */
extern Relation rvi_am_open_index(Oid relid, int lockmode, ambuild_function build,
								  const char *am);

/* Raises unless this user may read the table. */
extern void rvi_am_check_select(Relation rel);

/* Raises unless this session can read the index. */
extern void rvi_am_check_usable(Relation rel);

/* Adds a row to ruvector_index_check's result; prefix names the method's invariants. */
extern void rvi_am_report(ReturnSetInfo *result, const char *severity, const char *prefix,
						  int invariant, BlockNumber block, const char *format, va_list args)
			pg_attribute_printf(6, 0);

/* ---- am_validate.c ---- */

/* The signatures of support procedures. */
typedef enum RvAmProcKind
{
	RV_AM_PROC_DISTANCE,		/* float8 (type, type) */
	RV_AM_PROC_NORM,			/* float8 (type) */
	RV_AM_PROC_TYPE				/* internal (internal) */
} RvAmProcKind;

typedef struct RvAmOpclassRules
{
	const char *am;
	const RvAmProcKind *procs;	/* by number - 1 */
	int			nprocs;
	int			strategies;		/* those after RV_AM_DISTANCE_STRATEGY are filters' conditions */
} RvAmOpclassRules;

/* An access method's amvalidate: complaints are INFO messages. */
extern bool rvi_am_validate(const RvAmOpclassRules *rules, Oid opclassoid);

/* ---- am_cache.c: the session's open indexes ---- */

/* Starts a method's struct of an open index. All but version is the cache's. */
typedef struct RvAmCached
{
	Oid			relid;			/* invalid: no longer in the session's cache */
	RelFileNode locator;
	MemoryContext context;		/* holds the index and whatever is kept with it */
	uint32		refs;
	uint64		last_use;
	uint64		version;		/* of the index when it was loaded */
} RvAmCached;

/*
 * Allocates and reads an index in CurrentMemoryContext, the index's own, and
 * sets its version. meta is what rvi_am_cache_open was given.
 */
typedef RvAmCached *(*RvAmLoad) (Relation rel, void *meta);

/* A method's cache; a static variable with its first four fields set. */
typedef struct RvAmCache
{
	const char *table_name;
	const char *context_name;
	int			limit;			/* indexes that a session keeps */
	RvAmLoad	load;
	HTAB	   *table;
	uint64		clock;
} RvAmCache;

/* The index at this version, loaded if need be; held until CurrentMemoryContext is reset. */
extern RvAmCached *rvi_am_cache_open(RvAmCache *cache, Relation rel, uint64 version, void *meta);

#endif							/* AM_INT_H */
