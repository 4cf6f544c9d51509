/*-------------------------------------------------------------------------
 *
 * advice_class.c
 *	  Which operators vector indexes can order by, and which such indexes a
 *	  table has.
 *
 * Nothing is known by name: a class is one of ours when its distance
 * function is, whatever index method it belongs to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opclass.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "indexam/advice_int.h"
#include "indexam/hnsw_int.h"

#define ADVICE_DISTANCE_PROC 1
#define ADVICE_STRATEGY 1

static AdviceClass *
advice_class_make(const FormData_pg_opclass *form)
{
	Oid			type = form->opcintype;
	Oid			op = get_opfamily_member(form->opcfamily, type, type, ADVICE_STRATEGY);
	Oid			proc = get_opfamily_proc(form->opcfamily, type, type, ADVICE_DISTANCE_PROC);
	const RvTypeDesc *desc;
	RveMetric	metric;
	FmgrInfo	distance;
	AdviceClass *class;

	if (!OidIsValid(op) || !OidIsValid(proc) || get_func_rettype(proc) != FLOAT8OID)
		return NULL;
	fmgr_info(proc, &distance);
	if (!rv_types_lookup_distance(distance.fn_addr, false, &desc, &metric))
		return NULL;
	class = palloc0(sizeof(AdviceClass));
	class->opclass = form->oid;
	class->family = form->opcfamily;
	class->type = type;
	class->op = op;
	class->function = get_opcode(op);
	class->name = OpclassIsVisible(form->oid) ? quote_identifier(pstrdup(NameStr(form->opcname))) :
		quote_qualified_identifier(get_namespace_name(form->opcnamespace),
								   NameStr(form->opcname));
	class->method = get_am_name(form->opcmethod);
	class->desc = desc;
	return class;
}

List *
rvi_advice_classes(void)
{
	Relation	catalog = table_open(OperatorClassRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *classes = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		AdviceClass *class = advice_class_make((FormData_pg_opclass *) GETSTRUCT(tuple));

		if (class != NULL)
			classes = lappend(classes, class);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return classes;
}

const AdviceClass *
rvi_advice_class_for(List *classes, Oid op)
{
	const AdviceClass *found = NULL;
	ListCell   *cell;

	foreach(cell, classes)
	{
		const AdviceClass *class = lfirst(cell);

		if (class->op != op)
			continue;
		if (strcmp(class->method, "hnsw") == 0)
			return class;
		if (found == NULL)
			found = class;
	}
	return found;
}

/* The index's first column as an expression over the table as varno 1. */
static Node *
advice_class_key(Relation heap, Relation index)
{
	AttrNumber	attno = index->rd_index->indkey.values[0];
	Form_pg_attribute attribute;

	if (attno == 0)
		return linitial(RelationGetIndexExpressions(index));
	attribute = TupleDescAttr(RelationGetDescr(heap), attno - 1);
	return (Node *) makeVar(1, attno, attribute->atttypid, attribute->atttypmod,
							attribute->attcollation, 0);
}

static AdviceIndex *
advice_class_index(List *classes, Relation heap, Relation index)
{
	AdviceIndex *result;
	ListCell   *cell;

	foreach(cell, classes)
	{
		const AdviceClass *class = lfirst(cell);

		if (class->family != index->rd_opfamily[0] || class->type != index->rd_opcintype[0])
			continue;
		result = palloc0(sizeof(AdviceIndex));
		result->relid = RelationGetRelid(index);
		result->opclass = class;
		result->key = advice_class_key(heap, index);
		result->is_hnsw = index->rd_indam->ambuild == hnswbuild;
		result->ready = index->rd_index->indisready;
		result->valid = index->rd_index->indisvalid;
		result->too_new = index->rd_index->indcheckxmin &&
			!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
								   TransactionXmin);
		if (RelationGetIndexPredicate(index) != NIL)
			result->predicate = (Node *) make_ands_explicit(RelationGetIndexPredicate(index));
		return result;
	}
	return NULL;
}

List *
rvi_advice_indexes(List *classes, Oid relid)
{
	Relation	heap = table_open(relid, AccessShareLock);
	List	   *indexes = NIL;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(heap))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		AdviceIndex *found = advice_class_index(classes, heap, index);

		if (found != NULL)
			indexes = lappend(indexes, found);
		index_close(index, NoLock);
	}
	table_close(heap, NoLock);
	return indexes;
}
