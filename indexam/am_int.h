/*-------------------------------------------------------------------------
 *
 * am_int.h
 *	  What the index access methods share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AM_INT_H
#define AM_INT_H

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
extern bool rvi_am_normalize(float *x, int dim);

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
