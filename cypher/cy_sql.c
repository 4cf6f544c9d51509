/* cy_sql.c */
#include "postgres.h"
#include "utils/builtins.h"
#include "cypher/cy_int.h"
RV_FUNCTION_INFO_V1(ruvector_cypher_explain);
Datum
ruvector_cypher_explain(PG_FUNCTION_ARGS)
{
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ErrorContextCallback cb = {.previous = error_context_stack, .callback = rvi_cy_error_callback, .arg = query};
	error_context_stack = &cb;
	rvi_cy_parse(query);
	error_context_stack = cb.previous;
	PG_RETURN_TEXT_P(cstring_to_text("ok"));
}
