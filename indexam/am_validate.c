/*-------------------------------------------------------------------------
 *
 * am_validate.c
 *	  Validation of operator classes, by the rules of an access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "indexam/am_int.h"

/* A validation under way. */
typedef struct AmValidation
{
	const RvAmOpclassRules *rules;
	char	   *family;
	bool		valid;
} AmValidation;

static void
am_validate_complain(AmValidation *validation, const char *object, const char *problem)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method %s contains %s %s",
					validation->family, validation->rules->am, object, problem)));
	validation->valid = false;
}

static bool
am_validate_signature(const RvAmOpclassRules *rules, Form_pg_amproc proc)
{
	Oid			type = proc->amproclefttype;

	if (proc->amprocnum < 1 || proc->amprocnum > rules->nprocs)
		return false;
	switch (rules->procs[proc->amprocnum - 1])
	{
		case RV_AM_PROC_DISTANCE:
			return check_amproc_signature(proc->amproc, FLOAT8OID, true, 2, 2, type, type);
		case RV_AM_PROC_NORM:
			return check_amproc_signature(proc->amproc, FLOAT8OID, true, 1, 1, type);
		case RV_AM_PROC_TYPE:
			return check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID);
	}
	return false;
}

/* Returns whether there is a distance function for the type. */
static bool
am_validate_procs(AmValidation *validation, CatCList *procs, Oid opcintype)
{
	bool		has_distance = false;
	int			i;

	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);
		char	   *object = psprintf("function %s", format_procedure(proc->amproc));

		if (proc->amproclefttype != proc->amprocrighttype)
			am_validate_complain(validation, object, "with different left and right types");
		if (!am_validate_signature(validation->rules, proc))
			am_validate_complain(validation, object, "with an invalid number or signature");
		has_distance |= proc->amprocnum == RV_AM_DISTANCE_PROC &&
			proc->amproclefttype == opcintype;
	}
	return has_distance;
}

/* Returns whether the family is one of filter columns: it has conditions and no order. */
static bool
am_validate_operators(AmValidation *validation, CatCList *operators)
{
	int			conditions = 0;
	int			i;

	for (i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		char	   *object = psprintf("operator %s", format_operator(op->amopopr));

		if (op->amopstrategy > RV_AM_DISTANCE_STRATEGY &&
			op->amopstrategy <= validation->rules->strategies)
		{
			if (op->amoppurpose != AMOP_SEARCH ||
				!check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype))
				am_validate_complain(validation, object, "that is no condition");
			conditions++;
			continue;
		}
		if (op->amopstrategy != RV_AM_DISTANCE_STRATEGY)
			am_validate_complain(validation, object, "with an invalid strategy number");
		if (op->amoppurpose != AMOP_ORDER ||
			!opfamily_can_sort_type(op->amopsortfamily, get_op_rettype(op->amopopr)))
			am_validate_complain(validation, object, "that is no ordering operator");
		if (!check_amop_signature(op->amopopr, FLOAT8OID, op->amoplefttype, op->amoprighttype))
			am_validate_complain(validation, object, "with a wrong signature");
	}
	return conditions > 0 && conditions == operators->n_members;
}

bool
rvi_am_validate(const RvAmOpclassRules *rules, Oid opclassoid)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclassoid));
	HeapTuple	family_tuple;
	Form_pg_opclass opclass;
	AmValidation validation = {rules, NULL, true};
	CatCList   *operators;
	CatCList   *procs;
	bool		has_distance;
	bool		is_filter;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclassoid);
	opclass = (Form_pg_opclass) GETSTRUCT(tuple);
	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opclass->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opclass->opcfamily);
	validation.family = pstrdup(NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname));
	ReleaseSysCache(family_tuple);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opclass->opcfamily));
	procs = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opclass->opcfamily));
	has_distance = am_validate_procs(&validation, procs, opclass->opcintype);
	is_filter = am_validate_operators(&validation, operators);
	if (is_filter ? procs->n_members > 0 : !has_distance || operators->n_members == 0)
	{
		ereport(INFO,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg(is_filter ?
						"operator class \"%s\" of access method %s has conditions and support functions" :
						"operator class \"%s\" of access method %s lacks its distance function or operator",
						NameStr(opclass->opcname), rules->am)));
		validation.valid = false;
	}
	ReleaseCatCacheList(procs);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(tuple);
	return validation.valid;
}
