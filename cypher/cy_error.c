/*-------------------------------------------------------------------------
 *
 * cy_error.c
 *	  Errors of the language: type, detail, SQLSTATE and position.
 *
 * openCypher names errors TYPE raised at PHASE: DETAIL. TYPE and DETAIL go
 * into the DETAIL line as [TYPE:DETAIL], and for programs into the fields
 * datatype_name and constraint_name (graph.md 1.2). The SQLSTATE follows from
 * the two.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "cypher/cy_int.h"

static const struct
{
	const char *name;
	int			sqlstate;
}			cy_error_types[] = {
	[CY_ERR_SYNTAX] = {"SyntaxError", ERRCODE_SYNTAX_ERROR},
	[CY_ERR_TYPE] = {"TypeError", ERRCODE_DATATYPE_MISMATCH},
	[CY_ERR_ARGUMENT] = {"ArgumentError", ERRCODE_INVALID_PARAMETER_VALUE},
	[CY_ERR_ARITHMETIC] = {"ArithmeticError", ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE},
	[CY_ERR_PARAMETER_MISSING] = {"ParameterMissing", ERRCODE_UNDEFINED_PARAMETER},
	[CY_ERR_PROCEDURE] = {"ProcedureError", ERRCODE_UNDEFINED_FUNCTION},
	[CY_ERR_ENTITY_NOT_FOUND] = {"EntityNotFound", ERRCODE_NO_DATA}
};

/* Details with an SQLSTATE of their own. */
static const struct
{
	const char *detail;
	int			sqlstate;
}			cy_error_details[] = {
	{"UndefinedVariable", ERRCODE_UNDEFINED_COLUMN},
	{"VariableTypeConflict", ERRCODE_DATATYPE_MISMATCH},
	{"VariableAlreadyBound", ERRCODE_DUPLICATE_ALIAS},
	{"UnknownFunction", ERRCODE_UNDEFINED_FUNCTION},
	{"DivisionByZero", ERRCODE_DIVISION_BY_ZERO}
};

int
rvi_cy_errposition(int byte)
{
	return internalerrposition(byte + 1);
}

void
rvi_cy_error_callback(void *arg)
{
	const char *text = arg;
	int			position = getinternalerrposition();

	if (position > 0)
	{
		int			bytes = Min(position - 1, (int) strlen(text));

		internalerrposition(pg_mbstrlen_with_len(text, bytes) + 1);
		internalerrquery(text);
	}
}

void
rvi_cy_error(CyErrorType type, const char *detail, CyLoc loc, const char *format,...)
{
	int			sqlstate = cy_error_types[type].sqlstate;
	StringInfoData message;

	for (int i = 0; i < lengthof(cy_error_details); i++)
		if (strcmp(detail, cy_error_details[i].detail) == 0)
			sqlstate = cy_error_details[i].sqlstate;
	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg_internal("%s", message.data),
			 errdetail_internal("[%s:%s]", cy_error_types[type].name, detail),
			 err_generic_string(PG_DIAG_DATATYPE_NAME, cy_error_types[type].name),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, detail),
			 rvi_cy_errposition(loc.start)));
	pg_unreachable();
}

void
rvi_cy_unsupported(CyLoc loc, const char *construct)
{
	ereport(ERROR,
			(errcode(ERRCODE_RV_CYPHER_UNSUPPORTED),
			 errmsg("%s is not supported yet", construct),
			 rvi_cy_errposition(loc.start)));
	pg_unreachable();
}
