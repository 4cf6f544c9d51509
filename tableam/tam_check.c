/*-------------------------------------------------------------------------
 *
 * tam_check.c
 *	  ruvector_check(): verifies the invariants of a ruvector_tam table.
 *
 * Reads every row visible to the caller's snapshot and follows each of its
 * out-of-line pointers to the chunk rows, without trusting either. A breach
 * is a row of the result, not an error, and the check goes on behind it.
 * README.md states the invariants.
 *
 * Takes AccessShareLock on the table and its TOAST relation, like a reader:
 * writers go on meanwhile. The snapshot keeps the chunks of visible rows from
 * being vacuumed away. Value ids are sorted within work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "engine/runtime/rv_runtime.h"
#include "tableam/tam_int.h"

RV_FUNCTION_INFO_V1(ruvector_check);

typedef struct TamCheck
{
	ReturnSetInfo *result;
	Relation	rel;
	Relation	toastrel;		/* NULL where the table has none */
	Relation   *indexes;		/* of toastrel, and what follows as well */
	int			nindexes;
	IndexScanDesc chunks;
	TupleTableSlot *chunk_slot;
	SnapshotData toast_snapshot;
	Tuplesortstate *value_ids;	/* as int8, which has a sort operator with a C name */
	/* where the check is */
	const ItemPointerData *tid; /* of the row, or NULL */
	const char *attname;		/* or NULL */
} TamCheck;

/* Adds a finding about the place where the check is. */
static void tam_check_report(TamCheck *check, const char *invariant, const char *format,...)
			pg_attribute_printf(3, 4);

static void
tam_check_report(TamCheck *check, const char *invariant, const char *format,...)
{
	StringInfoData detail;
	Datum		values[4];
	bool		isnull[4] = {false, false, false, false};
	NameData	attname;

	initStringInfo(&detail);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&detail, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}

	values[0] = CStringGetTextDatum(invariant);
	values[1] = PointerGetDatum(check->tid);
	isnull[1] = check->tid == NULL;
	namestrcpy(&attname, check->attname != NULL ? check->attname : "");
	values[2] = NameGetDatum(&attname);
	isnull[2] = check->attname == NULL;
	values[3] = CStringGetTextDatum(detail.data);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, isnull);
	pfree(DatumGetPointer(values[0]));
	pfree(DatumGetPointer(values[3]));
	pfree(detail.data);
}

/*
 * TAM-2, TAM-3: does the attribute's pointer lead into the table's own TOAST
 * relation, with sizes that agree? Only then are its chunks worth reading.
 */
static bool
tam_check_pointer(TamCheck *check, struct varlena *value, struct varatt_external *pointer)
{
	int32		size;
	int32		rawsize;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
	{
		tam_check_report(check, "TAM-2", "the out-of-line pointer has tag %d instead of %d",
						 (int) VARTAG_EXTERNAL(value), (int) VARTAG_ONDISK);
		return false;
	}
	VARATT_EXTERNAL_GET_POINTER(*pointer, value);
	if (check->toastrel == NULL || pointer->va_toastrelid != RelationGetRelid(check->toastrel))
	{
		tam_check_report(check, "TAM-2",
						 "value %u is said to be in relation %u, the TOAST relation is %u",
						 pointer->va_valueid, pointer->va_toastrelid,
						 check->rel->rd_rel->reltoastrelid);
		return false;
	}

	size = VARATT_EXTERNAL_GET_EXTSIZE(*pointer);
	rawsize = pointer->va_rawsize;
	if (size < 1 || rawsize < VARHDRSZ || !AllocSizeIsValid(rawsize) ||
		size > rawsize - VARHDRSZ)
	{
		tam_check_report(check, "TAM-3", "value %u takes %d bytes out of line and %d in memory",
						 pointer->va_valueid, size, rawsize);
		return false;
	}
	return true;
}

/* TAM-5: one chunk row's own form. */
static void
tam_check_chunk(TamCheck *check, const struct varatt_external *pointer, const TamChunk *chunk)
{
	int32		attrsize = VARATT_EXTERNAL_GET_EXTSIZE(*pointer);
	int32		expected;

	if (!chunk->readable)
	{
		tam_check_report(check, "TAM-5", "value %u has an unreadable chunk at (%u,%u)",
						 pointer->va_valueid, ItemPointerGetBlockNumberNoCheck(&chunk->tid),
						 ItemPointerGetOffsetNumberNoCheck(&chunk->tid));
		return;
	}
	if (chunk->seq < 0 || chunk->seq >= rvi_tam_count_chunks(attrsize))
		return;					/* TAM-4 reports it */
	expected = rvi_tam_chunk_size(attrsize, chunk->seq);
	if (chunk->size != expected)
		tam_check_report(check, "TAM-5", "chunk %d of value %u, at (%u,%u), has %d bytes instead of %d",
						 chunk->seq, pointer->va_valueid,
						 ItemPointerGetBlockNumberNoCheck(&chunk->tid),
						 ItemPointerGetOffsetNumberNoCheck(&chunk->tid), chunk->size, expected);
}

/* TAM-4: the value's chunks are numbered 0 .. k-1, each there once. */
static void
tam_check_value(TamCheck *check, const struct varatt_external *pointer)
{
	int32		count = rvi_tam_count_chunks(VARATT_EXTERNAL_GET_EXTSIZE(*pointer));
	int32		expected = 0;
	bool		reported = false;
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(pointer->va_valueid));
	index_rescan(check->chunks, &key, 1, NULL, 0);
	while (index_getnext_slot(check->chunks, ForwardScanDirection, check->chunk_slot))
	{
		Buffer		buffer = ((BufferHeapTupleTableSlot *) check->chunk_slot)->buffer;
		TamChunk	chunk;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		rvi_tam_locate_chunk(check->toastrel, check->chunk_slot, &chunk);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

		tam_check_chunk(check, pointer, &chunk);
		if (chunk.readable && (chunk.seq != expected || expected >= count) && !reported)
		{
			tam_check_report(check, "TAM-4",
							 "value %u has chunk %d where %d of %d is expected",
							 pointer->va_valueid, chunk.seq, expected, count);
			reported = true;	/* what follows is out of step for the same reason */
		}
		expected++;
	}
	if (expected < count && !reported)
		tam_check_report(check, "TAM-4", "value %u has %d of %d chunks", pointer->va_valueid,
						 expected, count);
}

/* TAM-2 .. TAM-5 for each out-of-line attribute of one row. */
static void
tam_check_row(TamCheck *check, TupleTableSlot *slot)
{
	TupleDesc	desc = RelationGetDescr(check->rel);
	int			i;

	check->tid = &slot->tts_tid;
	slot_getallattrs(slot);
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		struct varatt_external pointer;
		struct varlena *value;

		if (slot->tts_isnull[i] || att->attlen != -1)
			continue;
		value = (struct varlena *) DatumGetPointer(slot->tts_values[i]);
		if (!VARATT_IS_EXTERNAL(value))
			continue;
		check->attname = NameStr(att->attname);
		if (tam_check_pointer(check, value, &pointer))
		{
			tam_check_value(check, &pointer);
			tuplesort_putdatum(check->value_ids, Int64GetDatum(pointer.va_valueid), false);
		}
	}
	check->tid = NULL;
	check->attname = NULL;
}

/* TAM-6: no value belongs to two visible rows, or twice to one. */
static void
tam_check_sharing(TamCheck *check)
{
	Datum		value;
	bool		isnull;
	int64		previous = -1;
	int64		references = 0;

	tuplesort_performsort(check->value_ids);
	while (tuplesort_getdatum(check->value_ids, true, &value, &isnull, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		references = DatumGetInt64(value) == previous ? references + 1 : 1;
		previous = DatumGetInt64(value);
		if (references == 2)
			tam_check_report(check, "TAM-6", "value %u is referred to more than once",
							 (Oid) previous);
	}
}

/* Reads the whole table under the caller's snapshot. */
static void
tam_check_rows(TamCheck *check)
{
	TupleTableSlot *slot = table_slot_create(check->rel, NULL);
	TableScanDesc scan = table_beginscan(check->rel, GetActiveSnapshot(), 0, NULL);

	check->value_ids = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
											 work_mem, NULL, TUPLESORT_NONE);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		tam_check_row(check, slot);
	}
	tam_check_sharing(check);
	tuplesort_end(check->value_ids);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* Opens what reading chunks takes; TAM-1 is checked on the way. */
static void
tam_check_open_toast(TamCheck *check)
{
	Oid			toastrelid = check->rel->rd_rel->reltoastrelid;
	int			valid;

	if (!OidIsValid(toastrelid))
		return;
	check->toastrel = table_open(toastrelid, AccessShareLock);
	if (check->toastrel->rd_tableam != rvi_tam_routine())
		tam_check_report(check, "TAM-1", "TOAST relation %u has access method %u instead of %u",
						 toastrelid, check->toastrel->rd_rel->relam, check->rel->rd_rel->relam);
	valid = toast_open_indexes(check->toastrel, AccessShareLock, &check->indexes,
							   &check->nindexes);
	init_toast_snapshot(&check->toast_snapshot);
	check->chunk_slot = table_slot_create(check->toastrel, NULL);
	check->chunks = index_beginscan(check->toastrel, check->indexes[valid],
									&check->toast_snapshot, 1, 0);
}

static void
tam_check_close_toast(TamCheck *check)
{
	if (check->toastrel == NULL)
		return;
	index_endscan(check->chunks);
	ExecDropSingleTupleTableSlot(check->chunk_slot);
	toast_close_indexes(check->indexes, check->nindexes, AccessShareLock);
	table_close(check->toastrel, AccessShareLock);
}

/* Opens the table, or raises why it is not one to check, or not the caller's. */
static Relation
tam_check_open(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);

	if (!pg_class_ownercheck(relid, GetUserId()) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_DATA))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if ((rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_MATVIEW) ||
		rel->rd_tableam != rvi_tam_routine())
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table of access method ruvector_tam",
						RelationGetRelationName(rel)),
				 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
				 errhint("Check its partitions one by one.") : 0));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot check temporary tables of other sessions")));
	return rel;
}

/* ruvector_check(regclass): the findings, none for a sound table. */
Datum
ruvector_check(PG_FUNCTION_ARGS)
{
	TamCheck	check;

	memset(&check, 0, sizeof(check));
	check.rel = tam_check_open(PG_GETARG_OID(0));
	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;

	tam_check_open_toast(&check);
	tam_check_rows(&check);
	tam_check_close_toast(&check);
	relation_close(check.rel, AccessShareLock);
	return (Datum) 0;
}
