/*-------------------------------------------------------------------------
 *
 * hnsw.c
 *	  The hnsw access method's handler, options and opclass validation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_am.h"
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
#include "indexam/hnsw_int.h"
#include "indexam/ivf_int.h"
#include "indexam/rv_indexam.h"

#define HNSW_SUPPORT_PROCS 3
#define HNSW_MIN_EF_CONSTRUCTION 4
#define HNSW_PHASE_LOADING 2	/* after PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE */

static relopt_kind hnsw_reloption_kind;

void
rv_indexam_init(void)
{
	rvi_hnsw_path_init();
	hnsw_reloption_kind = add_reloption_kind();
	add_int_reloption(hnsw_reloption_kind, "m", "Number of edges per node on upper levels",
					  RV_HNSW_DEFAULT_M, RVE_HNSW_MIN_M, RVE_HNSW_MAX_M, AccessExclusiveLock);
	add_int_reloption(hnsw_reloption_kind, "ef_construction",
					  "Size of the dynamic candidate list during construction",
					  RV_HNSW_DEFAULT_EF_CONSTRUCTION, HNSW_MIN_EF_CONSTRUCTION, RVE_HNSW_MAX_EF,
					  AccessExclusiveLock);
	rvi_ivf_init();
}

/* PostgreSQL callback */
static bytea *
hnswoptions(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"m", RELOPT_TYPE_INT, offsetof(RvHnswOptions, m)},
		{"ef_construction", RELOPT_TYPE_INT, offsetof(RvHnswOptions, ef_construction)},
	};

	return (bytea *) build_reloptions(reloptions, validate, hnsw_reloption_kind,
									  sizeof(RvHnswOptions), table, lengthof(table));
}

int
rvi_hnsw_option_m(Relation rel)
{
	RvHnswOptions *options = (RvHnswOptions *) rel->rd_options;

	return options != NULL ? options->m : RV_HNSW_DEFAULT_M;
}

int
rvi_hnsw_option_ef_construction(Relation rel)
{
	RvHnswOptions *options = (RvHnswOptions *) rel->rd_options;

	return options != NULL ? options->ef_construction : RV_HNSW_DEFAULT_EF_CONSTRUCTION;
}

/* PostgreSQL callback */
static char *
hnswbuildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case HNSW_PHASE_LOADING:
			return "loading tuples";
		default:
			return NULL;
	}
}

/* ---- opclass validation ---- */

static void
hnsw_validate_complain(bool *valid, const char *family, const char *object, const char *problem)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method %s contains %s %s",
					family, "hnsw", object, problem)));
	*valid = false;
}

static void
hnsw_validate_procs(CatCList *procs, const char *family, bool *valid)
{
	int			i;

	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);
		char	   *object = psprintf("function %s", format_procedure(proc->amproc));
		Oid			type = proc->amproclefttype;
		bool		ok = false;

		if (proc->amproclefttype != proc->amprocrighttype)
			hnsw_validate_complain(valid, family, object, "with different left and right types");
		if (proc->amprocnum == 1)
			ok = check_amproc_signature(proc->amproc, FLOAT8OID, true, 2, 2, type, type);
		else if (proc->amprocnum == 2)
			ok = check_amproc_signature(proc->amproc, FLOAT8OID, true, 1, 1, type);
		else if (proc->amprocnum == 3)
			ok = check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID);
		if (!ok)
			hnsw_validate_complain(valid, family, object, "with an invalid number or signature");
	}
}

/* Returns whether the family is one of filter columns: it has conditions and no order. */
static bool
hnsw_validate_operators(CatCList *operators, const char *family, bool *valid)
{
	int			conditions = 0;
	int			i;

	for (i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		char	   *object = psprintf("operator %s", format_operator(op->amopopr));

		if (op->amopstrategy > RV_HNSW_STRATEGY_DISTANCE &&
			op->amopstrategy <= RV_HNSW_STRATEGIES)
		{
			if (op->amoppurpose != AMOP_SEARCH ||
				!check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype))
				hnsw_validate_complain(valid, family, object, "that is no condition");
			conditions++;
			continue;
		}
		if (op->amopstrategy != RV_HNSW_STRATEGY_DISTANCE)
			hnsw_validate_complain(valid, family, object, "with an invalid strategy number");
		if (op->amoppurpose != AMOP_ORDER ||
			!opfamily_can_sort_type(op->amopsortfamily, get_op_rettype(op->amopopr)))
			hnsw_validate_complain(valid, family, object, "that is no ordering operator");
		if (!check_amop_signature(op->amopopr, FLOAT8OID, op->amoplefttype, op->amoprighttype))
			hnsw_validate_complain(valid, family, object, "with a wrong signature");
	}
	return conditions > 0 && conditions == operators->n_members;
}

/* PostgreSQL callback */
static bool
hnswvalidate(Oid opclassoid)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclassoid));
	HeapTuple	family_tuple;
	Form_pg_opclass opclass;
	CatCList   *operators;
	CatCList   *procs;
	char	   *family;
	bool		valid = true;
	bool		has_distance = false;
	bool		is_filter;
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
	hnsw_validate_procs(procs, family, &valid);
	is_filter = hnsw_validate_operators(operators, family, &valid);
	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);

		has_distance |= proc->amprocnum == 1 && proc->amproclefttype == opclass->opcintype;
	}
	if (is_filter ? procs->n_members > 0 : !has_distance || operators->n_members == 0)
	{
		ereport(INFO,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg(is_filter ?
						"operator class \"%s\" of access method %s has conditions and support functions" :
						"operator class \"%s\" of access method %s lacks its distance function or operator",
						NameStr(opclass->opcname), "hnsw")));
		valid = false;
	}
	ReleaseCatCacheList(procs);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(tuple);
	return valid;
}

/* ---- support function 3 ---- */

/*
 * In pgvector these return what the method must know of the type. Ours asks
 * rv_types_lookup_distance, so nothing calls them: they are there because
 * pgvector's operator classes list them.
 */
RV_FUNCTION_INFO_V1(hnsw_halfvec_support);
Datum
hnsw_halfvec_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

RV_FUNCTION_INFO_V1(hnsw_sparsevec_support);
Datum
hnsw_sparsevec_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

RV_FUNCTION_INFO_V1(hnsw_bit_support);
Datum
hnsw_bit_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/* ---- handler ---- */

RV_FUNCTION_INFO_V1(hnswhandler);

Datum
hnswhandler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = RV_HNSW_STRATEGIES;
	am->amsupport = HNSW_SUPPORT_PROCS;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = true;
	am->amoptionalkey = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = false;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	am->ambuild = hnswbuild;
	am->ambuildempty = hnswbuildempty;
	am->aminsert = hnswinsert;
	am->ambulkdelete = hnswbulkdelete;
	am->amvacuumcleanup = hnswvacuumcleanup;
	am->amcanreturn = NULL;
	am->amcostestimate = hnswcostestimate;
	am->amoptions = hnswoptions;
	am->amproperty = NULL;
	am->ambuildphasename = hnswbuildphasename;
	am->amvalidate = hnswvalidate;
	am->amadjustmembers = NULL;
	am->ambeginscan = hnswbeginscan;
	am->amrescan = hnswrescan;
	am->amgettuple = hnswgettuple;
	am->amgetbitmap = NULL;
	am->amendscan = hnswendscan;
	am->ammarkpos = NULL;
	am->amrestrpos = NULL;
	am->amestimateparallelscan = NULL;
	am->aminitparallelscan = NULL;
	am->amparallelrescan = NULL;
	PG_RETURN_POINTER(am);
}
