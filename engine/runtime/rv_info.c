/*-------------------------------------------------------------------------
 *
 * rv_info.c
 *	  SQL functions that say which library and which kernels are at work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/runtime/rv_runtime.h"

/* The version of the library, which can be ahead of pg_extension.extversion until ALTER EXTENSION. */
RV_FUNCTION_INFO_V1(ruvector_version);
Datum
ruvector_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(RV_VERSION));
}

RV_FUNCTION_INFO_V1(ruvector_simd_info);
Datum
ruvector_simd_info(PG_FUNCTION_ARGS)
{
	const RveDistTable *table;
	StringInfoData info;

	initStringInfo(&info);
	appendStringInfo(&info, "%s (supported:", rve_dist_get()->name);
	for (int i = 0; (table = rve_dist_supported(i)) != NULL; i++)
		appendStringInfo(&info, "%s %s", i > 0 ? "," : "", table->name);
	appendStringInfoChar(&info, ')');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(info.data, info.len));
}
