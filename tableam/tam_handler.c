/*-------------------------------------------------------------------------
 *
 * tam_handler.c
 *	  The handler of access method ruvector_tam, and the folder's start-up.
 *
 * The routine is heap's with a handful of callbacks replaced; nothing else is
 * decided here. It lives in static storage because relcache entries keep
 * pointing at it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/runtime/rv_runtime.h"
#include "tableam/rv_tableam.h"
#include "tableam/tam_int.h"

RV_FUNCTION_INFO_V1(ruvector_tam_handler);

static TableAmRoutine tam_routine;

/* ruvector_tam's callbacks; filled at the first call, the same pointer ever after. */
const TableAmRoutine *
rvi_tam_routine(void)
{
	if (tam_routine.type != T_TableAmRoutine)
	{
		tam_routine = *GetHeapamTableAmRoutine();
		tam_routine.tuple_insert = tam_tuple_insert;
		tam_routine.tuple_insert_speculative = tam_tuple_insert_speculative;
		tam_routine.multi_insert = tam_multi_insert;
		tam_routine.tuple_update = tam_tuple_update;
		tam_routine.index_build_range_scan = tam_index_build_range_scan;
		tam_routine.index_validate_scan = tam_index_validate_scan;
		tam_routine.relation_fetch_toast_slice = tam_fetch_toast_slice;
	}
	return &tam_routine;
}

Datum
ruvector_tam_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(rvi_tam_routine());
}

void
rv_tableam_init(void)
{
	rvi_tam_register_swap_callback();
}
