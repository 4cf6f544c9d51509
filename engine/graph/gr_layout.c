/*-------------------------------------------------------------------------
 *
 * gr_layout.c
 *	  The relations of a graph: looking them up and checking their shape.
 *
 * A graph's tables are ordinary tables of their owner, who can alter them. So
 * nothing is taken on trust: kind, access method, columns and the keys of each
 * index that we open by ourselves are compared with what the code relies on,
 * once for each cached entry.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "catalog/rv_catalog.h"
#include "engine/graph/gr_int.h"

#define LAYOUT_MAX_ATTS 5

/* opfamilies of pg_opfamily.dat that have no symbol in the headers */
#define LAYOUT_ARRAY_BTREE_FAM 397

typedef struct LayoutRel
{
	const char *name;
	int			natts;
	Oid			types[LAYOUT_MAX_ATTS];
} LayoutRel;

static const LayoutRel layout_rels[RVI_REL_COUNT] = {
	[RVI_REL_LABEL] = {"label", 2, {INT4OID, TEXTOID}},
	[RVI_REL_RELTYPE] = {"reltype", 2, {INT4OID, TEXTOID}},
	[RVI_REL_PROPKEY] = {"propkey", 2, {INT4OID, TEXTOID}},
	[RVI_REL_LABELSET] = {"labelset", 2, {INT4OID, INT4ARRAYOID}},
	[RVI_REL_NODE] = {"node", RVI_NODE_NATTS, {INT8OID, INT4OID, BYTEAOID}},
	[RVI_REL_EDGE] = {"edge", RVI_EDGE_NATTS, {INT8OID, INT8OID, INT8OID, INT4OID, BYTEAOID}},
};

typedef struct LayoutIndex
{
	RviGraphIndex index;
	RviGraphRel rel;
	bool		unique;
	int			nkeys;
	AttrNumber	keys[4];
	Oid			family;
} LayoutIndex;

static const LayoutIndex layout_indexes[RVI_IDX_COUNT] = {
	{RVI_IDX_DICT_ID + RVI_REL_LABEL, RVI_REL_LABEL, true, 1, {1}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_DICT_ID + RVI_REL_RELTYPE, RVI_REL_RELTYPE, true, 1, {1}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_DICT_ID + RVI_REL_PROPKEY, RVI_REL_PROPKEY, true, 1, {1}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_DICT_ID + RVI_REL_LABELSET, RVI_REL_LABELSET, true, 1, {1}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_DICT_NAME + RVI_REL_LABEL, RVI_REL_LABEL, true, 1, {2}, TEXT_BTREE_FAM_OID},
	{RVI_IDX_DICT_NAME + RVI_REL_RELTYPE, RVI_REL_RELTYPE, true, 1, {2}, TEXT_BTREE_FAM_OID},
	{RVI_IDX_DICT_NAME + RVI_REL_PROPKEY, RVI_REL_PROPKEY, true, 1, {2}, TEXT_BTREE_FAM_OID},
	{RVI_IDX_DICT_NAME + RVI_REL_LABELSET, RVI_REL_LABELSET, true, 1, {2}, LAYOUT_ARRAY_BTREE_FAM},
	{RVI_IDX_NODE_ID, RVI_REL_NODE, true, 1, {RVI_NODE_ATT_ID}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_NODE_LSET, RVI_REL_NODE, false, 2,
	{RVI_NODE_ATT_LSET, RVI_NODE_ATT_ID}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_EDGE_ID, RVI_REL_EDGE, true, 1, {RVI_EDGE_ATT_ID}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_EDGE_OUT, RVI_REL_EDGE, false, 4,
	{RVI_EDGE_ATT_SRC, RVI_EDGE_ATT_TYP, RVI_EDGE_ATT_DST, RVI_EDGE_ATT_ID}, INTEGER_BTREE_FAM_OID},
	{RVI_IDX_EDGE_IN, RVI_REL_EDGE, false, 4,
	{RVI_EDGE_ATT_DST, RVI_EDGE_ATT_TYP, RVI_EDGE_ATT_SRC, RVI_EDGE_ATT_ID}, INTEGER_BTREE_FAM_OID},
};

static const char *const layout_seqs[RVI_SEQ_COUNT] = {"node_id_seq", "edge_id_seq"};

static void
layout_error(const RviGraphEntry *entry, const char *relation, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("relation \"%s\" of graph \"%s\" %s", relation, entry->name, what),
			 errdetail("The tables in schema \"%s\" are not as ruvector_graph_create made them.",
					   rv_cat_graph_schema(entry->n)),
			 errhint("Undo the change to the relation, or restore the graph from a dump.")));
}

static void
layout_check_table(RviGraphEntry *entry, Relation rel, const LayoutRel *expected)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		layout_error(entry, expected->name, "is not a heap table");
	if (desc->natts != expected->natts)
		layout_error(entry, expected->name, "has unexpected columns");
	for (int i = 0; i < expected->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped ||
			TupleDescAttr(desc, i)->atttypid != expected->types[i])
			layout_error(entry, expected->name, "has unexpected columns");
	}
	if (rel->rd_rel->relrowsecurity)
		entry->rowsecurity = true;
}

static bool
layout_index_matches(Relation index, const LayoutIndex *expected)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid || !form->indisready ||
		form->indisunique < expected->unique || !form->indimmediate ||
		form->indnkeyatts != expected->nkeys || form->indnatts != expected->nkeys ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (int i = 0; i < expected->nkeys; i++)
	{
		if (form->indkey.values[i] != expected->keys[i] ||
			index->rd_opfamily[i] != expected->family || index->rd_indoption[i] != 0)
			return false;
	}
	return expected->family != TEXT_BTREE_FAM_OID || index->rd_indcollation[0] == C_COLLATION_OID;
}

/* Finds the indexes of one table by their keys, whatever their names are. */
static void
layout_find_indexes(RviGraphEntry *entry, Relation rel, RviGraphRel which)
{
	List	   *oids = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, oids)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		for (int i = 0; i < RVI_IDX_COUNT; i++)
		{
			const LayoutIndex *expected = &layout_indexes[i];

			if (expected->rel == which && layout_index_matches(index, expected))
				entry->index[expected->index] = RelationGetRelid(index);
		}
		index_close(index, NoLock);
	}
	list_free(oids);
	for (int i = 0; i < RVI_IDX_COUNT; i++)
	{
		if (layout_indexes[i].rel == which && !OidIsValid(entry->index[layout_indexes[i].index]))
			layout_error(entry, layout_rels[which].name, "lacks an index");
	}
}

/* Looks up the names of relations and sequences; false where a table is missing. */
static bool
layout_resolve(RviGraphEntry *entry)
{
	for (int i = 0; i < RVI_REL_COUNT; i++)
	{
		entry->rel[i] = get_relname_relid(layout_rels[i].name, entry->schema);
		if (!OidIsValid(entry->rel[i]))
			return false;
	}
	for (int i = 0; i < RVI_SEQ_COUNT; i++)
	{
		entry->seq[i] = get_relname_relid(layout_seqs[i], entry->schema);
		if (get_rel_relkind(entry->seq[i]) != RELKIND_SEQUENCE)
			layout_error(entry, layout_seqs[i], "is not a sequence");
	}
	return true;
}

/* Locks and checks the tables, and finds the indexes; false when a table was dropped meanwhile. */
static bool
layout_check(RviGraphEntry *entry)
{
	entry->rowsecurity = false;
	memset(entry->index, 0, sizeof(entry->index));
	for (int i = 0; i < RVI_REL_COUNT; i++)
	{
		Relation	rel = try_relation_open(entry->rel[i], AccessShareLock);

		if (rel == NULL)
			return false;
		layout_check_table(entry, rel, &layout_rels[i]);
		layout_find_indexes(entry, rel, i);
		relation_close(rel, NoLock);
	}
	return true;
}

/*
 * Fills an entry by its name, or returns false when there is no such graph (or
 * its schema is gone). Takes AccessShareLock on all tables of the graph, which
 * stays to the end of the transaction.
 *
 * The entry is in the backend's list already, so that an invalidation that
 * arrives on the way (whoever drops or alters the graph held a lock that we
 * waited for) clears entry->valid and has us look again.
 */
bool
rvi_graph_entry_fill(RviGraphEntry *entry)
{
	for (int attempt = 0; attempt < 100; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		AcceptInvalidationMessages();
		entry->n = rv_cat_graph_find(entry->name);
		if (entry->n == 0)
			return false;
		entry->schema = get_namespace_oid(rv_cat_graph_schema(entry->n), true);
		if (!OidIsValid(entry->schema))
			return false;
		if (!layout_resolve(entry))
			continue;
		entry->valid = true;
		if (layout_check(entry) && entry->valid)
			return true;
		entry->valid = false;
	}
	layout_error(entry, "node", "or another one is missing");
	return false;
}

/* Does the entry depend on this relation? Called from the relcache callback. */
bool
rvi_graph_entry_uses(const RviGraphEntry *entry, Oid relid)
{
	for (int i = 0; i < RVI_REL_COUNT; i++)
	{
		if (entry->rel[i] == relid)
			return true;
	}
	for (int i = 0; i < RVI_IDX_COUNT; i++)
	{
		if (entry->index[i] == relid)
			return true;
	}
	for (int i = 0; i < RVI_SEQ_COUNT; i++)
	{
		if (entry->seq[i] == relid)
			return true;
	}
	return false;
}
