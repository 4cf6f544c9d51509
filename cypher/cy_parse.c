/*-------------------------------------------------------------------------
 *
 * cy_parse.c
 *	  From query text to syntax tree.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "cypher/cy_int.h"
#include "cypher/cy_parse.h"

/* The grammar's verdict on the token at state->loc. */
void
rvi_cy_parse_syntax_error(CyScanState *state)
{
	CyLoc		loc = state->loc;
	int			length = Min(loc.end - loc.start, 64);

	if (loc.start >= state->length)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", loc, "syntax error at end of query");
	length = pg_mbcliplen(state->text + loc.start, length, length);
	rvi_cy_error(CY_ERR_SYNTAX,
				 rvi_cy_lex_in_relationship(state) ?
				 "InvalidRelationshipPattern" : "UnexpectedSyntax", loc, "syntax error at or near \"%s\"",
				 pnstrdup(state->text + loc.start, length));
}

/* The tree of a query, in CurrentMemoryContext. Raises syntax errors. */
CyQuery *
rvi_cy_parse(const char *text)
{
	CyScanState state = {.text = text, .length = strlen(text)};

	rvi_cy_lex(&state);
	if (rvi_cy_gram_parse(&state) != 0 || state.result == NULL)
		elog(ERROR, "cypher parser failed without an error");
	return state.result;
}
