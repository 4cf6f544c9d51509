/*-------------------------------------------------------------------------
 *
 * cy_explain.c
 *	  A plan as text: one line per step, the last step first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_plan.h"

typedef struct CyExplain
{
	const char *text;
	List	   *lines;			/* char * */
} CyExplain;

/* The source of an expression, shortened; of one made from a pattern, what it tests. */
static void
cy_explain_expr(CyExplain *explain, StringInfo out, CyNode *expr)
{
	if (expr->tag == CY_HAS_LABELS)
	{
		CyHasLabels *test = (CyHasLabels *) expr;
		ListCell   *cell;

		if (test->object->tag == CY_VARIABLE)
		{
			appendStringInfoString(out, ((CyVariable *) test->object)->name);
			foreach(cell, test->labels)
				appendStringInfo(out, ":%s", (const char *) lfirst(cell));
			return;
		}
	}
	if (expr->tag == CY_COMPARE)
	{
		CyNode	   *left = linitial(((CyCompare *) expr)->operands);

		if (left->tag == CY_PROPERTY && left->loc.start == left->loc.end)
			appendStringInfo(out, "%s.%s = ",
							 ((CyVariable *) ((CyProperty *) left)->object)->name,
							 ((CyProperty *) left)->key);
	}
	appendBinaryStringInfo(out, explain->text + expr->loc.start,
						   expr->loc.end - expr->loc.start);
}

static void
cy_explain_exprs(CyExplain *explain, StringInfo out, List *exprs, const char *separator)
{
	ListCell   *cell;

	foreach(cell, exprs)
	{
		if (foreach_current_index(cell) > 0)
			appendStringInfoString(out, separator);
		cy_explain_expr(explain, out, lfirst(cell));
	}
}

static void
cy_explain_names(StringInfo out, List *names, const char *separator)
{
	ListCell   *cell;

	foreach(cell, names)
		appendStringInfo(out, "%s%s", foreach_current_index(cell) > 0 ? separator : ":",
						 (const char *) lfirst(cell));
}

static void
cy_explain_rel(const CyPlan *plan, StringInfo out, const char *verb)
{
	appendStringInfo(out, "%s %s[%s", verb, plan->direction == RV_DIR_IN ? "<-" : "-",
					 plan->name ? plan->name : "");
	cy_explain_names(out, plan->types, "|");
	appendStringInfo(out, "]%s", plan->direction == RV_DIR_OUT ? "->" : "-");
}

static void
cy_explain_match_step(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	const char *name = plan->name ? plan->name : "_";

	switch (plan->kind)
	{
		case CY_PLAN_NODE_SCAN:
			appendStringInfo(out, "%s %s", plan->labels == NIL ? "AllNodes" : "LabelScan", name);
			cy_explain_names(out, plan->labels, ":");
			break;
		case CY_PLAN_NODE_SEEK:
			appendStringInfo(out, "IdSeek %s: ", name);
			cy_explain_expr(explain, out, plan->expr);
			break;
		case CY_PLAN_NODE_CHECK:
			appendStringInfo(out, "BoundNode %s", name);
			break;
		case CY_PLAN_EXPAND:
			cy_explain_rel(plan, out, plan->into ? "ExpandInto" : "Expand");
			break;
		case CY_PLAN_REL_ENDS:
			cy_explain_rel(plan, out, "BoundRelationship");
			break;
		case CY_PLAN_PATH:
			appendStringInfo(out, "Path %s", name);
			break;
		default:
			appendStringInfoString(out, "Filter ");
			cy_explain_exprs(explain, out, plan->exprs, " AND ");
	}
}

static void
cy_explain_limit(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	if (plan->skip != NULL)
	{
		appendStringInfoString(out, "Skip ");
		cy_explain_expr(explain, out, plan->skip);
	}
	if (plan->limit != NULL)
	{
		appendStringInfoString(out, plan->skip != NULL ? ", Limit " : "Limit ");
		cy_explain_expr(explain, out, plan->limit);
	}
}

static void
cy_explain_items(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	ListCell   *cell;

	appendStringInfoString(out, "Project ");
	foreach(cell, plan->items)
		appendStringInfo(out, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 ((CyItem *) lfirst(cell))->name);
}

static void
cy_explain_order(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	ListCell   *cell;

	appendStringInfoString(out, plan->bound_hint >= 0 ? "TopN " : "Sort ");
	foreach(cell, plan->order)
	{
		CySortKey  *key = lfirst(cell);

		if (foreach_current_index(cell) > 0)
			appendStringInfoString(out, ", ");
		cy_explain_expr(explain, out, key->expr);
		if (key->descending)
			appendStringInfoString(out, " DESC");
	}
}

static void
cy_explain_aggregates(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	ListCell   *cell;

	appendStringInfo(out, plan->slots == NIL ? "Aggregate " : "Group by %d, aggregate ",
					 list_length(plan->slots));
	foreach(cell, plan->aggregates)
	{
		CyAggregate *aggregate = lfirst(cell);

		appendStringInfo(out, "%s%s(%s", foreach_current_index(cell) > 0 ? ", " : "",
						 aggregate->info->name, aggregate->distinct ? "DISTINCT " : "");
		if (aggregate->arg == NULL)
			appendStringInfoChar(out, '*');
		else
			cy_explain_expr(explain, out, aggregate->arg);
		appendStringInfoChar(out, ')');
	}
}

static void
cy_explain_step(CyExplain *explain, StringInfo out, const CyPlan *plan)
{
	switch (plan->kind)
	{
		case CY_PLAN_START:
			appendStringInfoString(out, "Start");
			break;
		case CY_PLAN_ARGUMENT:
			appendStringInfoString(out, "Argument");
			break;
		case CY_PLAN_OPTIONAL:
			appendStringInfoString(out, "Optional");
			break;
		case CY_PLAN_UNWIND:
			appendStringInfo(out, "Unwind %s: ", plan->name);
			cy_explain_expr(explain, out, plan->expr);
			break;
		case CY_PLAN_PROJECT:
			cy_explain_items(explain, out, plan);
			break;
		case CY_PLAN_AGGREGATE:
			cy_explain_aggregates(explain, out, plan);
			break;
		case CY_PLAN_DISTINCT:
			appendStringInfoString(out, "Distinct");
			break;
		case CY_PLAN_SORT:
			cy_explain_order(explain, out, plan);
			break;
		case CY_PLAN_LIMIT:
			cy_explain_limit(explain, out, plan);
			break;
		case CY_PLAN_CREATE:
			appendStringInfoString(out, "Create");
			break;
		case CY_PLAN_UNION:
			appendStringInfoString(out, "Union");
			break;
		default:
			cy_explain_match_step(explain, out, plan);
	}
}

/* Steps of a chain at one depth; what stands inside a step one deeper, before its input. */
static void
cy_explain_chain(CyExplain *explain, const CyPlan *plan, int depth)
{
	check_stack_depth();
	for (; plan != NULL; plan = plan->input)
	{
		StringInfoData line;
		ListCell   *cell;

		initStringInfo(&line);
		appendStringInfoSpaces(&line, 2 * depth);
		cy_explain_step(explain, &line, plan);
		appendStringInfo(&line, "  (rows=%.0f)", plan->rows);
		explain->lines = lappend(explain->lines, line.data);
		if (plan->inner != NULL)
			cy_explain_chain(explain, plan->inner, depth + 1);
		foreach(cell, plan->parts)
			cy_explain_chain(explain, ((CyUnionPart *) lfirst(cell))->plan, depth + 1);
	}
}

List *
rvi_cy_explain(const CyPlanned *planned, const char *text)
{
	CyExplain	explain = {text, NIL};
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, planned->names == NIL ? "Nothing is returned" : "Return ");
	for (int i = 0; i < list_length(planned->names); i++)
		appendStringInfo(&line, "%s%s", i > 0 ? ", " : "",
						 (const char *) list_nth(planned->names, i));
	explain.lines = list_make1(line.data);
	cy_explain_chain(&explain, planned->plan, 1);
	return explain.lines;
}
