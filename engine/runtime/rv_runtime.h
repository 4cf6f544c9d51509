/*-------------------------------------------------------------------------
 *
 * rv_runtime.h
 *	  PostgreSQL glue shared by all folders above: errors, settings, engine
 *	  status, exported functions.
 *
 * Include postgres.h first. This is the folder's public header: it brings
 * rv_compat.h and rv_error.h along.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_RUNTIME_H
#define RV_RUNTIME_H

#include "fmgr.h"

#include "engine/core/base/rve_base.h"
#include "engine/runtime/rv_compat.h"
#include "engine/runtime/rv_error.h"

/*
 * Declares and registers a SQL-callable function. The library is compiled
 * with hidden visibility, so the prototype must say it is exported.
 */
#define RV_FUNCTION_INFO_V1(fn) \
	PGDLLEXPORT Datum fn(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(fn)

/* Installs the engine's handlers, picks the kernels and defines all settings. From _PG_init. */
extern void rv_runtime_init(void);

/*
 * Turns a failed engine status into an ereport(ERROR); returns on RVE_OK.
 * `what` names the work in the message, e.g. "hnsw build". An interrupt is
 * reported by CHECK_FOR_INTERRUPTS' own message.
 */
extern void rv_runtime_check_status(RveStatus status, const char *what);

/* rv_engine_glue.c, called by rv_runtime_init */
extern void rvi_runtime_install_handlers(void);

/* rv_guc.c: settings, in the order of their names */
extern void rvi_runtime_define_settings(void);
extern int	rv_hnsw_ef_search;
extern int	rv_hnsw_iterative_scan; /* RvHnswIterative */
extern int	rv_hnsw_max_scan_tuples;
extern double rv_hnsw_scan_mem_multiplier;
extern int	rv_ivfflat_iterative_scan;	/* RvIvfflatIterative */
extern int	rv_ivfflat_max_probes;
extern int	rv_ivfflat_probes;

#define RV_IVFFLAT_MAX_LISTS 32768
extern bool rv_exact_order;
extern bool rv_optimistic_reads;

/* What an hnsw scan does when more rows are wanted than its first search found. */
typedef enum RvHnswIterative
{
	RV_HNSW_ITERATIVE_OFF,
	RV_HNSW_ITERATIVE_RELAXED,
	RV_HNSW_ITERATIVE_STRICT
} RvHnswIterative;

/* The same for an ivfflat scan: lists are measured as they come, so there is no strict order. */
typedef enum RvIvfflatIterative
{
	RV_IVFFLAT_ITERATIVE_OFF,
	RV_IVFFLAT_ITERATIVE_RELAXED
} RvIvfflatIterative;

#endif							/* RV_RUNTIME_H */
