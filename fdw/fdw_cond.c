/*-------------------------------------------------------------------------
 *
 * fdw_cond.c
 *	  Conditions with their values: sets of ids and names.
 *
 * Several conditions on one field are combined into one set, so the scan has
 * at most one per field. A null value, or an empty set, means no rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "fdw/fdw_int.h"

static int
cond_compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static int64
cond_integer(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static char *
cond_string(Datum value, Oid type)
{
	return type == NAMEOID ? pstrdup(NameStr(*DatumGetName(value))) : TextDatumGetCString(value);
}

/* The elements of an array that are not null; *nulls tells whether there are others. */
static int
cond_elements(Datum array, Oid type, Datum **elements, bool *nulls)
{
	int16		len;
	bool		byval;
	char		align;
	bool	   *isnull;
	int			n;
	int			kept = 0;

	get_typlenbyvalalign(type, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(array), type, len, byval, align, elements, &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (!isnull[i])
			(*elements)[kept++] = (*elements)[i];
	}
	*nulls = kept < n;
	return kept;
}

static void
cond_add_ids(RviFdwIdSet *set, int64 *ids, int n)
{
	int			kept = 0;

	qsort(ids, n, sizeof(int64), cond_compare_ids);
	for (int i = 0; i < n; i++)
	{
		if (kept > 0 && ids[kept - 1] == ids[i])
			continue;
		if (set->given && !rvi_fdw_id_allowed(set, ids[i]))
			continue;
		ids[kept++] = ids[i];
	}
	set->given = true;
	set->ids = ids;
	set->n = kept;
}

static bool
cond_has_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* Names out of which the field must be one: intersects with what is there. */
static void
cond_restrict_names(RviFdwNames *set, List *names)
{
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		if (!cond_has_name(kept, lfirst(cell)) &&
			(!set->given || cond_has_name(set->names, lfirst(cell))))
			kept = lappend(kept, lfirst(cell));
	}
	set->given = true;
	set->names = kept;
}

/* Names that must all be there: adds to them. */
static void
cond_require_names(RviFdwNames *set, List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (!cond_has_name(set->names, lfirst(cell)))
			set->names = lappend(set->names, lfirst(cell));
	}
	set->given = true;
}

static void
cond_bind_ids(RviFdwBound *bound, RviFdwCond *cond, Datum *values, int n, Oid type)
{
	int64	   *ids = palloc(sizeof(int64) * Max(n, 1));
	RviFdwIdSet *set = cond->field == RVI_FIELD_ID ? &bound->id :
		cond->field == RVI_FIELD_START ? &bound->start : &bound->end;

	for (int i = 0; i < n; i++)
		ids[i] = cond_integer(values[i], type);
	cond_add_ids(set, ids, n);
	bound->no_rows |= set->n == 0;
}

static void
cond_bind_names(RviFdwBound *bound, RviFdwCond *cond, Datum *values, int n, Oid type)
{
	List	   *names = NIL;

	for (int i = 0; i < n; i++)
		names = lappend(names, cond_string(values[i], type));
	if (cond->field == RVI_FIELD_LABELS)
		cond_require_names(&bound->labels, names);
	else
	{
		RviFdwNames *set = cond->field == RVI_FIELD_GRAPH ? &bound->graph : &bound->type;

		cond_restrict_names(set, names);
		bound->no_rows |= set->names == NIL;
	}
}

static void
cond_bind(RviFdwBound *bound, RviFdwCond *cond, ExprState *state, ExprContext *econtext)
{
	bool		isnull;
	Datum		value = ExecEvalExpr(state, econtext, &isnull);
	Oid			type = exprType((Node *) cond->value);
	Datum	   *values = &value;
	int			n = 1;

	if (isnull)
	{
		bound->no_rows = true;
		return;
	}
	if (cond->op == RVI_OP_ANY || cond->op == RVI_OP_CONTAINS)
	{
		bool		nulls;

		type = get_element_type(type);
		n = cond_elements(value, type, &values, &nulls);
		/* nothing contains a null */
		if (nulls && cond->op == RVI_OP_CONTAINS)
			bound->no_rows = true;
	}
	if (cond->field == RVI_FIELD_ID || cond->field == RVI_FIELD_START ||
		cond->field == RVI_FIELD_END)
		cond_bind_ids(bound, cond, values, n, type);
	else
		cond_bind_names(bound, cond, values, n, type);
}

/*
 * Evaluates all conditions (List of RviFdwCond and of their ExprStates) into
 * *bound; what it refers to is allocated in CurrentMemoryContext.
 */
void
rvi_fdw_bind(RviFdwBound *bound, List *conds, List *states, ExprContext *econtext)
{
	ListCell   *cond;
	ListCell   *state;

	memset(bound, 0, sizeof(*bound));
	forboth(cond, conds, state, states)
		cond_bind(bound, lfirst(cond), lfirst(state), econtext);
}

bool
rvi_fdw_id_allowed(const RviFdwIdSet *set, int64 id)
{
	return !set->given ||
		bsearch(&id, set->ids, set->n, sizeof(int64), cond_compare_ids) != NULL;
}
