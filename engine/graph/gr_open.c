/*-------------------------------------------------------------------------
 *
 * gr_open.c
 *	  Opening graphs: the backend's cache of entries, privileges, locks.
 *
 * A name is resolved through a short list of entries. An entry is trusted only
 * after the locks on node and edge are held and it is still valid: acquiring
 * a lock processes the invalidations that a concurrent drop has sent. Relations
 * that an aborted (sub)transaction made or changed are invalidated by
 * PostgreSQL then, as all of its catalog changes are. Callbacks only set flags;
 * memory is freed at the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"

#include "catalog/rv_catalog.h"
#include "engine/graph/gr_int.h"

/* entries beyond this many are dropped at the end of a transaction, oldest first */
#define GRAPH_CACHE_MAX 64

static dlist_head graph_entries = DLIST_STATIC_INIT(graph_entries);
static int	graph_entry_count = 0;
static bool graph_sweep_needed = false;

static void
graph_entry_free(RviGraphEntry *entry)
{
	dlist_delete(&entry->link);
	graph_entry_count--;
	MemoryContextDelete(entry->mcxt);
}

/* Frees what is invalid or too much, at the end of a transaction: no graph is open. */
static void
graph_cache_sweep(void)
{
	dlist_mutable_iter iter;
	int			kept = 0;

	dlist_foreach_modify(iter, &graph_entries)
	{
		RviGraphEntry *entry = dlist_container(RviGraphEntry, link, iter.cur);

		if (!entry->valid || ++kept > GRAPH_CACHE_MAX)
			graph_entry_free(entry);
	}
	graph_sweep_needed = false;
}

/* Tokens that an aborted (sub)transaction added may be cached. */
static void
graph_forget_tokens(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &graph_entries)
		dlist_container(RviGraphEntry, link, iter.cur)->tokens_stale = true;
}

static void
graph_relcache_callback(Datum arg, Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &graph_entries)
	{
		RviGraphEntry *entry = dlist_container(RviGraphEntry, link, iter.cur);

		if (relid == InvalidOid || rvi_graph_entry_uses(entry, relid))
		{
			entry->valid = false;
			graph_sweep_needed = true;
		}
	}
}

static void
graph_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			/* a prepared transaction's tokens are neither there nor gone */
			graph_forget_tokens();
			graph_cache_sweep();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			if (graph_sweep_needed || graph_entry_count > GRAPH_CACHE_MAX)
				graph_cache_sweep();
			break;
		default:
			break;
	}
}

static void
graph_subxact_callback(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		graph_forget_tokens();
}

void
rv_graph_init(void)
{
	CacheRegisterRelcacheCallback(graph_relcache_callback, (Datum) 0);
	RegisterXactCallback(graph_xact_callback, NULL);
	RegisterSubXactCallback(graph_subxact_callback, NULL);
}

/* Makes an entry and adds it to the list; NULL when there is no graph of this name. */
static RviGraphEntry *
graph_entry_build(const char *name)
{
	MemoryContext mcxt = AllocSetContextCreate(CacheMemoryContext, "ruvector graph",
											   ALLOCSET_SMALL_SIZES);
	RviGraphEntry *entry = MemoryContextAllocZero(mcxt, sizeof(RviGraphEntry));
	volatile bool found = false;

	entry->mcxt = mcxt;
	strlcpy(entry->name, name, NAMEDATALEN);
	MemoryContextSetIdentifier(mcxt, entry->name);
	dlist_push_head(&graph_entries, &entry->link);
	graph_entry_count++;

	PG_TRY();
	{
		found = rvi_graph_entry_fill(entry);
	}
	PG_FINALLY();
	{
		if (!found)
			graph_entry_free(entry);
	}
	PG_END_TRY();
	return found ? entry : NULL;
}

/* The valid entry of a name, most recently used first; built when there is none. */
static RviGraphEntry *
graph_entry_get(const char *name)
{
	dlist_iter	iter;
	RviGraphEntry *entry;

	dlist_foreach(iter, &graph_entries)
	{
		entry = dlist_container(RviGraphEntry, link, iter.cur);
		if (entry->valid && strcmp(entry->name, name) == 0)
		{
			dlist_move_head(&graph_entries, &entry->link);
			return entry;
		}
	}
	return graph_entry_build(name);
}

/* Resolves a name and locks node and edge; NULL when there is no such graph. */
static RviGraphEntry *
graph_lock(const char *name, LOCKMODE lockmode)
{
	/* longer names are never in the registry */
	if (strlen(name) >= NAMEDATALEN)
		return NULL;

	for (;;)
	{
		RviGraphEntry *entry = graph_entry_get(name);

		if (entry == NULL)
			return NULL;
		LockRelationOid(entry->rel[RVI_REL_NODE], lockmode);
		LockRelationOid(entry->rel[RVI_REL_EDGE], lockmode);
		if (entry->valid)
			return entry;
		UnlockRelationOid(entry->rel[RVI_REL_NODE], lockmode);
		UnlockRelationOid(entry->rel[RVI_REL_EDGE], lockmode);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * May the user do this with every table of the graph? With complain, raises
 * insufficient_privilege where not.
 */
static bool
graph_check_acl(RviGraphEntry *entry, RvGraphMode mode, Oid userid, bool complain)
{
	AclMode		needed = mode == RV_GRAPH_WRITE ? ACL_SELECT | ACL_INSERT : ACL_SELECT;
	bool		allowed;

	if (superuser_arg(userid))
		return true;
	allowed = pg_namespace_aclcheck(entry->schema, userid, ACL_USAGE) == ACLCHECK_OK;
	for (int i = 0; allowed && i < RVI_REL_COUNT; i++)
		allowed = pg_class_aclmask(entry->rel[i], userid, needed, ACLMASK_ALL) == needed;
	if (!allowed && complain)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for graph \"%s\"", entry->name),
				 errhint("Its owner can grant USAGE on schema \"%s\" and %s on all tables in it.",
						 rv_cat_graph_schema(entry->n),
						 mode == RV_GRAPH_WRITE ? "SELECT and INSERT" : "SELECT")));
	return allowed;
}

/*
 * Row security policies are written for SQL's executor; the store cannot apply
 * them. False, or an error, where the user is subject to one.
 */
static bool
graph_check_rowsecurity(RviGraphEntry *entry, Oid userid, bool complain)
{
	if (!entry->rowsecurity)
		return true;
	for (int i = 0; i < RVI_REL_COUNT; i++)
	{
		if (check_enable_rls(entry->rel[i], userid, true) != RLS_ENABLED)
			continue;
		if (complain)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("row security on graph \"%s\" is not supported", entry->name),
					 errdetail("Table \"%s.%s\" has row security enabled.",
							   rv_cat_graph_schema(entry->n), get_rel_name(entry->rel[i])),
					 errhint("Disable row security on the table, or use a role that it does not apply to.")));
		return false;
	}
	return true;
}

/* All that the user needs to read or write the graph. */
static bool
graph_check_user(RviGraphEntry *entry, RvGraphMode mode, Oid userid, bool complain)
{
	return graph_check_acl(entry, mode, userid, complain) &&
		graph_check_rowsecurity(entry, userid, complain);
}

static void
graph_refuse_readonly(void)
{
	PreventCommandIfReadOnly("a change to a graph");
	PreventCommandDuringRecovery("a change to a graph");
	PreventCommandIfParallelMode("a change to a graph");
}

RvGraph
rv_graph_open_as(const char *name, RvGraphMode mode, Oid userid, int flags)
{
	LOCKMODE	lockmode = mode == RV_GRAPH_WRITE ? RowExclusiveLock : AccessShareLock;
	RviGraphEntry *entry;
	MemoryContext mcxt;
	RvGraph		graph;

	if (mode == RV_GRAPH_WRITE)
		graph_refuse_readonly();

	entry = graph_lock(name, lockmode);
	if (entry == NULL)
	{
		if (flags & RV_GRAPH_MISSING_OK)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_RV_GRAPH_NOT_FOUND),
				 errmsg("graph \"%s\" does not exist", name),
				 errhint("ruvector_graph_list() shows the graphs that you may read, "
						 "ruvector_graph_create() makes a new one.")));
	}
	if (!graph_check_user(entry, mode, userid, (flags & RV_GRAPH_DENIED_OK) == 0))
		return NULL;

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "ruvector graph handle",
								 ALLOCSET_SMALL_SIZES);
	graph = MemoryContextAllocZero(mcxt, sizeof(struct RvGraphData));
	graph->entry = entry;
	graph->mode = mode;
	graph->mcxt = mcxt;
	graph->node = table_open(entry->rel[RVI_REL_NODE], NoLock);
	graph->edge = table_open(entry->rel[RVI_REL_EDGE], NoLock);
	return graph;
}

RvGraph
rv_graph_open(const char *name, RvGraphMode mode)
{
	return rv_graph_open_as(name, mode, GetUserId(), 0);
}

static void
graph_point_get_end(RviPointGet *get)
{
	if (get->scan != NULL)
	{
		index_endscan(get->scan);
		ExecDropSingleTupleTableSlot(get->slot);
	}
}

void
rv_graph_close(RvGraph graph)
{
	graph_point_get_end(&graph->node_get);
	graph_point_get_end(&graph->edge_get);
	if (graph->node_writer != NULL)
		rvi_graph_writer_close(graph->node_writer);
	if (graph->edge_writer != NULL)
		rvi_graph_writer_close(graph->edge_writer);
	for (int i = 0; i < RVI_IDX_COUNT; i++)
	{
		if (graph->index[i] != NULL)
			index_close(graph->index[i], NoLock);
	}
	table_close(graph->edge, NoLock);
	table_close(graph->node, NoLock);
	MemoryContextDelete(graph->mcxt);
}

/* An index of the graph, open while the handle is. */
Relation
rvi_graph_index(RvGraph graph, RviGraphIndex which)
{
	if (graph->index[which] == NULL)
		graph->index[which] = index_open(graph->entry->index[which], AccessShareLock);
	return graph->index[which];
}

const char *
rv_graph_name(RvGraph graph)
{
	return graph->entry->name;
}

List *
rv_graph_names_as(Oid userid)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, rv_cat_graph_list())
	{
		RvCatGraph *row = lfirst(cell);
		Oid			schema = get_namespace_oid(rv_cat_graph_schema(row->n), true);
		RviGraphEntry *entry;

		/* do not even wait for locks on the graphs of strangers */
		if (!OidIsValid(schema) ||
			pg_namespace_aclcheck(schema, userid, ACL_USAGE) != ACLCHECK_OK)
			continue;
		entry = graph_lock(row->name, AccessShareLock);
		if (entry != NULL && graph_check_user(entry, RV_GRAPH_READ, userid, false))
			result = lappend(result, row->name);
	}
	return result;
}

List *
rv_graph_names(void)
{
	return rv_graph_names_as(GetUserId());
}
