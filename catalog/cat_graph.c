/*-------------------------------------------------------------------------
 *
 * cat_graph.c
 *	  The registry of graphs, and the statements that define a graph's schema.
 *
 * Rows are read and written natively (no SPI): opening a graph looks its name
 * up, and a plain user has no privileges on the registry. A name is guarded
 * by a heavyweight lock on (registry, hash of the name); two names with one
 * hash only wait for each other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/rv_catalog.h"
#include "engine/runtime/rv_runtime.h"

#define CAT_GRAPH_TABLE		"graph"
#define CAT_GRAPH_SEQUENCE	"graph_n_seq"

enum
{
	CAT_GRAPH_NAME = 1,
	CAT_GRAPH_N,
	CAT_GRAPH_NATTS = CAT_GRAPH_N
};

/* OID of a relation of the extension's schema; raises when the installation is damaged. */
static Oid
cat_relation_oid(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid(RV_CAT_SCHEMA, false));

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" of extension ruvector does not exist",
						RV_CAT_SCHEMA, name),
				 errhint("Drop the extension and create it again.")));
	return relid;
}

/* Begins a scan of the registry by name, or in the order of names when name is NULL. */
static SysScanDesc
cat_graph_scan(Relation rel, const char *name, ScanKeyData *key)
{
	Oid			index = RelationGetPrimaryKeyIndex(rel);

	if (!OidIsValid(index))
	{
		list_free(RelationGetIndexList(rel));
		index = RelationGetPrimaryKeyIndex(rel);
	}
	RV_ENSURE(OidIsValid(index), "the graph registry has no primary key");

	if (name != NULL)
		ScanKeyInit(key, CAT_GRAPH_NAME, BTEqualStrategyNumber, F_TEXTEQ,
					CStringGetTextDatum(name));
	return systable_beginscan(rel, index, true, NULL, name != NULL ? 1 : 0, key);
}

static int32
cat_graph_number(Relation rel, HeapTuple tuple)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, CAT_GRAPH_N, RelationGetDescr(rel), &isnull);

	RV_ENSURE(!isnull, "null number in the graph registry");
	return DatumGetInt32(value);
}

int32
rv_cat_graph_find(const char *name)
{
	Relation	rel = table_open(cat_relation_oid(CAT_GRAPH_TABLE), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan = cat_graph_scan(rel, name, &key);
	HeapTuple	tuple = systable_getnext(scan);
	int32		n = 0;

	if (HeapTupleIsValid(tuple))
		n = cat_graph_number(rel, tuple);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return n;
}

/* text datums compare as strings under the "C" collation, the registry's */
static int
cat_graph_compare(const ListCell *a, const ListCell *b)
{
	return strcmp(((RvCatGraph *) lfirst(a))->name, ((RvCatGraph *) lfirst(b))->name);
}

List *
rv_cat_graph_list(void)
{
	Relation	rel = table_open(cat_relation_oid(CAT_GRAPH_TABLE), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		RvCatGraph *graph = palloc(sizeof(RvCatGraph));
		bool		isnull;
		Datum		name = heap_getattr(tuple, CAT_GRAPH_NAME, RelationGetDescr(rel), &isnull);

		RV_ENSURE(!isnull, "null name in the graph registry");
		graph->name = TextDatumGetCString(name);
		graph->n = cat_graph_number(rel, tuple);
		result = lappend(result, graph);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, cat_graph_compare);
	return result;
}

void
rv_cat_graph_lock_name(const char *name)
{
	LockDatabaseObject(cat_relation_oid(CAT_GRAPH_TABLE),
					   hash_bytes((const unsigned char *) name, strlen(name)), 0,
					   ExclusiveLock);
}

char *
rv_cat_graph_schema(int32 n)
{
	return psprintf("rvg_%d", n);
}

int32
rv_cat_graph_add(const char *name)
{
	Oid			sequence = cat_relation_oid(CAT_GRAPH_SEQUENCE);
	Relation	rel;
	Datum		values[CAT_GRAPH_NATTS];
	bool		nulls[CAT_GRAPH_NATTS] = {false, false};
	HeapTuple	tuple;
	int64		n;

	/* a schema of that name can be left over from an extension dropped with CASCADE */
	do
	{
		n = nextval_internal(sequence, false);
		RV_ENSURE(n > 0 && n <= PG_INT32_MAX, "graph number out of range");
	} while (OidIsValid(get_namespace_oid(rv_cat_graph_schema((int32) n), true)));

	rel = table_open(cat_relation_oid(CAT_GRAPH_TABLE), RowExclusiveLock);
	values[CAT_GRAPH_NAME - 1] = CStringGetTextDatum(name);
	values[CAT_GRAPH_N - 1] = Int32GetDatum((int32) n);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	table_close(rel, RowExclusiveLock);
	return (int32) n;
}

void
rv_cat_graph_remove(const char *name)
{
	Relation	rel = table_open(cat_relation_oid(CAT_GRAPH_TABLE), RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan = cat_graph_scan(rel, name, &key);
	HeapTuple	tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}

void
rv_cat_run_ddl(const char *const *statements, int nstatements, int32 n)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < nstatements; i++)
	{
		StringInfoData text;
		int			rc;

		initStringInfo(&text);
		for (const char *c = statements[i]; *c != '\0'; c++)
		{
			if (*c == '@')
				appendStringInfo(&text, "%d", n);
			else
				appendStringInfoChar(&text, *c);
		}
		rc = SPI_execute(text.data, false, 0);
		if (rc != SPI_OK_UTILITY)
			elog(ERROR, "could not define graph %d: %s", n, SPI_result_code_string(rc));
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}
