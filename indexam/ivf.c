/*-------------------------------------------------------------------------
 *
 * ivf.c
 *	  The ivfflat access method's handler and options.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "nodes/nodes.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_STRATEGIES 1
#define IVF_SUPPORT_PROCS 5

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

/* PostgreSQL callback */
static bool
ivfvalidate(Oid opclassoid)
{
	static const RvAmProcKind procs[IVF_SUPPORT_PROCS] = {
		RV_AM_PROC_DISTANCE,	/* what rows are ranked by */
		RV_AM_PROC_NORM,		/* there: rows are normalised */
		RV_AM_PROC_DISTANCE,	/* of k-means */
		RV_AM_PROC_NORM,		/* of k-means */
		RV_AM_PROC_TYPE
	};
	static const RvAmOpclassRules rules = {
		"ivfflat", procs, IVF_SUPPORT_PROCS, IVF_STRATEGIES
	};

	return rvi_am_validate(&rules, opclassoid);
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
