/*-------------------------------------------------------------------------
 *
 * rv_catalog.h
 *	  The extension's own catalog: today the registry of graphs.
 *
 * ruvector.graph(name, n) maps a graph's name to the number that its schema
 * rvg_<n> is named after. Everything else about a graph (owner, privileges,
 * relations) is read from PostgreSQL's catalogs. The registry holds no OIDs,
 * so a dump restores it as it is.
 *
 * Reads and writes go straight to the heap with the privileges of the
 * extension: callers check what the user may do. Lookups see the latest
 * committed state, as those of PostgreSQL's catalogs do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_CATALOG_H
#define RV_CATALOG_H

#include "nodes/pg_list.h"

#define RV_CAT_SCHEMA "ruvector"

typedef struct RvCatGraph
{
	char	   *name;
	int32		n;
} RvCatGraph;

/* Number of a graph, or 0 when the registry has no such name. */
extern int32 rv_cat_graph_find(const char *name);

/* All rows, as palloc'd RvCatGraph, in the order of their names. */
extern List *rv_cat_graph_list(void);

/*
 * Serialises those who create or delete a graph of this name, to the end of
 * the transaction. Taken before the registry is consulted by either.
 */
extern void rv_cat_graph_lock_name(const char *name);

/* Adds a row under a new number and returns the number; the caller holds the name's lock. */
extern int32 rv_cat_graph_add(const char *name);

/* Removes the row of a name; the caller holds the name's lock. */
extern void rv_cat_graph_remove(const char *name);

/* Name of the schema of graph number n, palloc'd. */
extern char *rv_cat_graph_schema(int32 n);

/*
 * Runs fixed data-definition statements as the current user. Every '@' in
 * them stands for the number n; nothing else is substituted.
 */
extern void rv_cat_run_ddl(const char *const *statements, int nstatements, int32 n);

#endif							/* RV_CATALOG_H */
