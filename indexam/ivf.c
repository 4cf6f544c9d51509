/*-------------------------------------------------------------------------
 *
 * ivf.c
 *	  The ivfflat access method's handler, options and opclass validation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_STRATEGIES 1
#define IVF_SUPPORT_PROCS 5
#define IVF_PROC_DISTANCE 1		/* what rows are ranked by */
#define IVF_PROC_NORM 2			/* there: rows are normalised */
#define IVF_PROC_KMEANS_DISTANCE 3
#define IVF_PROC_KMEANS_NORM 4
#define IVF_PROC_TYPE 5

static relopt_kind ivf_reloption_kind;

void
rvi_ivf_init(void)
{
	ivf_reloption_kind = add_reloption_kind();
	add_int_reloption(ivf_reloption_kind, "lists", "Number of inverted lists",
					  RV_IVF_DEFAULT_LISTS, 1, RV_IVF_MAX_LISTS, AccessExclusiveLock);
}

/* PostgreSQL callback */
static bytea *
ivfoptions(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"lists", RELOPT_TYPE_INT, offsetof(RvIvfOptions, lists)},
	};

	return (bytea *) build_reloptions(reloptions, validate, ivf_reloption_kind,
									  sizeof(RvIvfOptions), table, lengthof(table));
}

int
rvi_ivf_option_lists(Relation rel)
{
	RvIvfOptions *options = (RvIvfOptions *) rel->rd_options;

	return options != NULL ? options->lists : RV_IVF_DEFAULT_LISTS;
}

/* PostgreSQL callback */
static char *
ivfbuildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case RV_IVF_PHASE_KMEANS:
			return "performing k-means";
		case RV_IVF_PHASE_ASSIGN:
			return "assigning tuples";
		case RV_IVF_PHASE_LOAD:
			return "loading tuples";
		default:
			return NULL;
	}
}

/* ---- opclass validation ---- */

static void
ivf_validate_complain(bool *valid, const char *family, const char *object, const char *problem)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method %s contains %s %s",
					family, "ivfflat", object, problem)));
	*valid = false;
}

static bool
ivf_validate_signature(Form_pg_amproc proc)
{
	Oid			type = proc->amproclefttype;

	switch (proc->amprocnum)
	{
		case IVF_PROC_DISTANCE:
		case IVF_PROC_KMEANS_DISTANCE:
			return check_amproc_signature(proc->amproc, FLOAT8OID, true, 2, 2, type, type);
		case IVF_PROC_NORM:
		case IVF_PROC_KMEANS_NORM:
			return check_amproc_signature(proc->amproc, FLOAT8OID, true, 1, 1, type);
		case IVF_PROC_TYPE:
			return check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID);
		default:
			return false;
	}
}

static void
ivf_validate_procs(CatCList *procs, const char *family, bool *valid)
{
	int			i;

	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);
		char	   *object = psprintf("function %s", format_procedure(proc->amproc));

		if (proc->amproclefttype != proc->amprocrighttype)
			ivf_validate_complain(valid, family, object, "with different left and right types");
		if (!ivf_validate_signature(proc))
			ivf_validate_complain(valid, family, object, "with an invalid number or signature");
	}
}

static void
ivf_validate_operators(CatCList *operators, const char *family, bool *valid)
{
	int			i;

	for (i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		char	   *object = psprintf("operator %s", format_operator(op->amopopr));

		if (op->amopstrategy < 1 || op->amopstrategy > IVF_STRATEGIES)
			ivf_validate_complain(valid, family, object, "with an invalid strategy number");
		if (op->amoppurpose != AMOP_ORDER ||
			!opfamily_can_sort_type(op->amopsortfamily, get_op_rettype(op->amopopr)))
			ivf_validate_complain(valid, family, object, "that is no ordering operator");
		if (!check_amop_signature(op->amopopr, FLOAT8OID, op->amoplefttype, op->amoprighttype))
			ivf_validate_complain(valid, family, object, "with a wrong signature");
	}
}

/* PostgreSQL callback */
static bool
ivfvalidate(Oid opclassoid)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclassoid));
	HeapTuple	family_tuple;
	Form_pg_opclass opclass;
	CatCList   *operators;
	CatCList   *procs;
	char	   *family;
	bool		valid = true;
	bool		has_distance = false;
	int			i;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclassoid);
	opclass = (Form_pg_opclass) GETSTRUCT(tuple);
	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opclass->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opclass->opcfamily);
	family = pstrdup(NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname));
	ReleaseSysCache(family_tuple);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opclass->opcfamily));
	procs = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opclass->opcfamily));
	ivf_validate_procs(procs, family, &valid);
	ivf_validate_operators(operators, family, &valid);
	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);

		has_distance |= proc->amprocnum == IVF_PROC_DISTANCE &&
			proc->amproclefttype == opclass->opcintype;
	}
	if (!has_distance || operators->n_members == 0)
	{
		ereport(INFO,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("operator class \"%s\" of access method %s lacks its distance function or operator",
						NameStr(opclass->opcname), "ivfflat")));
		valid = false;
	}
	ReleaseCatCacheList(procs);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(tuple);
	return valid;
}

/* ---- support procedures 5 ---- */

/*
 * Opclasses of pgvector name a function that describes their type. Here the
 * distance function says all of it, so these exist for their names alone.
 */
RV_FUNCTION_INFO_V1(ivfflat_halfvec_support);
Datum
ivfflat_halfvec_support(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("function %s is part of operator classes and is not called",
					"ivfflat_halfvec_support")));
	PG_RETURN_NULL();
}

RV_FUNCTION_INFO_V1(ivfflat_bit_support);
Datum
ivfflat_bit_support(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("function %s is part of operator classes and is not called",
					"ivfflat_bit_support")));
	PG_RETURN_NULL();
}

/* ---- handler ---- */

RV_FUNCTION_INFO_V1(ivfflathandler);

Datum
ivfflathandler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = IVF_STRATEGIES;
	am->amsupport = IVF_SUPPORT_PROCS;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = false;
	am->amoptionalkey = true;
	am->amsearcharray = false;
	am->amsearchnulls = false;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = false;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	am->ambuild = ivfbuild;
	am->ambuildempty = ivfbuildempty;
	am->aminsert = ivfinsert;
	am->ambulkdelete = ivfbulkdelete;
	am->amvacuumcleanup = ivfvacuumcleanup;
	am->amcanreturn = NULL;
	am->amcostestimate = ivfcostestimate;
	am->amoptions = ivfoptions;
	am->amproperty = NULL;
	am->ambuildphasename = ivfbuildphasename;
	am->amvalidate = ivfvalidate;
	am->amadjustmembers = NULL;
	am->ambeginscan = ivfbeginscan;
	am->amrescan = ivfrescan;
	am->amgettuple = ivfgettuple;
	am->amgetbitmap = NULL;
	am->amendscan = ivfendscan;
	am->ammarkpos = NULL;
	am->amrestrpos = NULL;
	am->amestimateparallelscan = NULL;
	am->aminitparallelscan = NULL;
	am->amparallelrescan = NULL;
	PG_RETURN_POINTER(am);
}
