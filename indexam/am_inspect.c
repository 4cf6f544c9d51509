/*-------------------------------------------------------------------------
 *
 * am_inspect.c
 *	  What the functions that inspect, check and maintain indexes share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "indexam/am_int.h"

Relation
rvi_am_open_index(Oid relid, int lockmode, ambuild_function build, const char *am)
{
	Relation	rel;

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with OID %u", relid)));
	if (get_rel_relkind(relid) != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", get_rel_name(relid))));

	/* the table first, as everybody else locks them */
	LockRelationOid(IndexGetRelation(relid, false), lockmode);
	rel = index_open(relid, lockmode);
	if (rel->rd_indam->ambuild != build)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an %s index", RelationGetRelationName(rel), am)));
	return rel;
}

void
rvi_am_check_select(Relation rel)
{
	Oid			heap = rel->rd_index->indrelid;

	if (pg_class_aclcheck(heap, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap));
}

void
rvi_am_check_usable(Relation rel)
{
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	if (!rel->rd_index->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not ready", RelationGetRelationName(rel))));
}

void
rvi_am_report(ReturnSetInfo *result, const char *severity, const char *prefix, int invariant,
			  BlockNumber block, const char *format, va_list args)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	char		detail[256];
	char		name[16];

	vsnprintf(detail, sizeof(detail), format, args);
	snprintf(name, sizeof(name), "%s-%d", prefix, invariant);
	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(name);
	values[2] = Int64GetDatum(block);
	values[3] = CStringGetTextDatum(detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
