/*-------------------------------------------------------------------------
 *
 * fdw_shippable.c
 *	  Which clauses the store can answer.
 *
 * Operators are recognised by their operator family, not by name, so every
 * integer width is welcome and a user's own "=" is not. The other side must
 * not read this table, must not be volatile and must not hold a subplan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"

#include "fdw/fdw_int.h"

/*
 * Is the expression a plain column of the table? Tells which. A relabelling to
 * another collation is looked through: what counts is the operator's.
 */
bool
rvi_fdw_match_column(const RviFdwTable *table, Index relid, Expr *expr, RviFdwField *field)
{
	Var		   *var;

	while (IsA(expr, RelabelType) &&
		   exprType((Node *) ((RelabelType *) expr)->arg) == ((RelabelType *) expr)->resulttype)
		expr = ((RelabelType *) expr)->arg;
	var = (Var *) expr;
	if (!IsA(var, Var) || var->varno != relid || var->varlevelsup != 0 ||
		var->varattno <= 0 || var->varattno > table->natts)
		return false;
	*field = table->fields[var->varattno - 1];
	return *field != RVI_FIELD_NONE;
}

static bool
shippable_value(PlannerInfo *root, Index relid, Expr *expr)
{
	return !bms_is_member(relid, pull_varnos(root, (Node *) expr)) &&
		!contain_volatile_functions((Node *) expr) && !contain_subplans((Node *) expr);
}

static bool
shippable_is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
shippable_is_string(Oid type)
{
	return type == TEXTOID || type == NAMEOID;
}

/* Equality by bytes: any collation that does not call different strings equal. */
static bool
shippable_collation(Oid collation)
{
	return OidIsValid(collation) && get_collation_isdeterministic(collation);
}

/* Is the operator the equality that the field is stored and looked up by? */
static bool
shippable_equality(RviFdwField field, Oid operator, Oid collation, Oid valuetype)
{
	switch (field)
	{
		case RVI_FIELD_ID:
		case RVI_FIELD_START:
		case RVI_FIELD_END:
			return shippable_is_integer(valuetype) &&
				get_op_opfamily_strategy(operator, INTEGER_BTREE_FAM_OID) == BTEqualStrategyNumber;
		case RVI_FIELD_GRAPH:
		case RVI_FIELD_TYPE:
		case RVI_FIELD_LABELS:	/* its elements */
			return shippable_is_string(valuetype) && shippable_collation(collation) &&
				get_op_opfamily_strategy(operator, TEXT_BTREE_FAM_OID) == BTEqualStrategyNumber;
		default:
			return false;
	}
}

static bool
shippable_op(PlannerInfo *root, const RviFdwTable *table, Index relid, OpExpr *op,
			 RviFdwCond *cond)
{
	Expr	   *left;
	Expr	   *right;

	if (list_length(op->args) != 2)
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);

	/* value <@ labels, labels @> value */
	if (op->opno == OID_ARRAY_CONTAINED_OP || op->opno == OID_ARRAY_CONTAINS_OP)
	{
		Expr	   *column = op->opno == OID_ARRAY_CONTAINS_OP ? left : right;

		cond->op = RVI_OP_CONTAINS;
		cond->value = op->opno == OID_ARRAY_CONTAINS_OP ? right : left;
		return rvi_fdw_match_column(table, relid, column, &cond->field) &&
			cond->field == RVI_FIELD_LABELS && shippable_collation(op->inputcollid) &&
			exprType((Node *) cond->value) == TEXTARRAYOID && shippable_value(root, relid, cond->value);
	}

	cond->op = RVI_OP_EQ;
	if (rvi_fdw_match_column(table, relid, left, &cond->field))
		cond->value = right;
	else if (rvi_fdw_match_column(table, relid, right, &cond->field))
		cond->value = left;
	else
		return false;
	return cond->field != RVI_FIELD_LABELS &&
		shippable_equality(cond->field, op->opno, op->inputcollid,
						   exprType((Node *) cond->value)) &&
		shippable_value(root, relid, cond->value);
}

static bool
shippable_array_op(PlannerInfo *root, const RviFdwTable *table, Index relid,
				   ScalarArrayOpExpr *op, RviFdwCond *cond)
{
	Expr	   *left = linitial(op->args);
	Expr	   *right = lsecond(op->args);

	if (!op->useOr)
		return false;

	/* value = ANY (labels) */
	if (rvi_fdw_match_column(table, relid, right, &cond->field))
	{
		cond->op = RVI_OP_HAS;
		cond->value = left;
		return cond->field == RVI_FIELD_LABELS &&
			shippable_equality(cond->field, op->opno, op->inputcollid, exprType((Node *) left)) &&
			shippable_value(root, relid, left);
	}

	/* column = ANY (array) */
	cond->op = RVI_OP_ANY;
	cond->value = right;
	return rvi_fdw_match_column(table, relid, left, &cond->field) &&
		cond->field != RVI_FIELD_LABELS && cond->field != RVI_FIELD_GRAPH &&
		shippable_equality(cond->field, op->opno, op->inputcollid,
						   get_element_type(exprType((Node *) right))) &&
		shippable_value(root, relid, right);
}

/* Can the store answer this clause? Fills in *cond when it can. */
bool
rvi_fdw_match_clause(PlannerInfo *root, const RviFdwTable *table, Index relid, Expr *clause,
					 RviFdwCond *cond)
{
	cond->clause = clause;
	if (IsA(clause, OpExpr))
		return shippable_op(root, table, relid, (OpExpr *) clause, cond);
	if (IsA(clause, ScalarArrayOpExpr))
		return shippable_array_op(root, table, relid, (ScalarArrayOpExpr *) clause, cond);
	return false;
}

/* The way to the rows, by the fields that conditions are given for. */
RviFdwAccess
rvi_fdw_choose_access(RviFdwKind kind, const bool *given)
{
	if (given[RVI_FIELD_ID])
		return RVI_ACCESS_ID;
	if (kind == RVI_FDW_NODES)
		return given[RVI_FIELD_LABELS] ? RVI_ACCESS_LABEL : RVI_ACCESS_ALL;
	if (given[RVI_FIELD_START] && given[RVI_FIELD_END])
		return RVI_ACCESS_BOTH;
	if (given[RVI_FIELD_START])
		return RVI_ACCESS_START;
	if (given[RVI_FIELD_END])
		return RVI_ACCESS_END;
	return given[RVI_FIELD_TYPE] ? RVI_ACCESS_TYPE : RVI_ACCESS_ALL;
}
