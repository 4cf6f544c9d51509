/*-------------------------------------------------------------------------
 *
 * hnsw.c
 *	  The hnsw access method's handler and options.
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

/* PostgreSQL callback */
static bool
hnswvalidate(Oid opclassoid)
{
	static const RvAmProcKind procs[HNSW_SUPPORT_PROCS] = {
		RV_AM_PROC_DISTANCE, RV_AM_PROC_NORM, RV_AM_PROC_TYPE
	};
	static const RvAmOpclassRules rules = {
		"hnsw", procs, HNSW_SUPPORT_PROCS, RV_HNSW_STRATEGIES
	};

	return rvi_am_validate(&rules, opclassoid);
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
