/*-------------------------------------------------------------------------
 *
 * rv_engine_glue.c
 *	  Gives the PostgreSQL-free engine its memory and its interrupts.
 *
 * Engine memory comes from CurrentMemoryContext and is returned as NULL, not
 * as an error, when it is short. Only cancel and terminate stop the engine;
 * other interrupts wait for the caller's next CHECK_FOR_INTERRUPTS.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine/runtime/rv_runtime.h"

static void *
glue_alloc(size_t size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
glue_free(void *ptr)
{
	pfree(ptr);
}

static bool
glue_interrupted(void)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending) &&
		InterruptHoldoffCount == 0 && CritSectionCount == 0;
}

void
rvi_runtime_install_handlers(void)
{
	static const RveHandlers handlers = {glue_alloc, glue_free, glue_interrupted};

	rve_base_set_handlers(&handlers);
}

void
rv_runtime_check_status(RveStatus status, const char *what)
{
	switch (status)
	{
		case RVE_OK:
			return;
		case RVE_NO_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("Failed during %s.", what)));
			break;
		case RVE_INTERRUPTED:
			CHECK_FOR_INTERRUPTS();

			/* the flag was withdrawn meanwhile; the work is gone all the same */
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceling statement due to user request")));
			break;
		case RVE_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("size limit exceeded during %s", what)));
			break;
		case RVE_CORRUPT:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("corrupt data found during %s", what)));
			break;
		case RVE_INVALID_ARGUMENT:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg_internal("engine status \"%s\" during %s",
							 rve_base_status_name(status), what)));
}

void
rv_runtime_init(void)
{
	rvi_runtime_install_handlers();
	rvi_runtime_define_settings();
}
