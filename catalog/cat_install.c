/*-------------------------------------------------------------------------
 *
 * cat_install.c
 *	  What the install scripts of ruvector and of the compatibility extension
 *	  "vector" share: the types and index methods that pgvector has.
 *
 * Both scripts hand the same statements to ruvector_install_shared. Whichever
 * extension is created first runs them and owns the objects; the second finds
 * them and only records that it depends on the first. So there is one type
 * "vector" in a database, DROP EXTENSION cannot take it from under the second,
 * and pg_dump creates the two in their order. A restore in the other order
 * (one of them was there before) does the same with the roles exchanged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "engine/runtime/rv_runtime.h"

#define CAT_INSTALL_RUVECTOR "ruvector"
#define CAT_INSTALL_VECTOR "vector"

/* The library file of a C function as the catalog names it, palloc'd. */
static char *
cat_install_library(HeapTuple function)
{
	bool		isnull;
	Datum		probin = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_probin, &isnull);

	return isnull ? NULL : TextDatumGetCString(probin);
}

/*
 * Raises an error when the types in the schema come from another library than
 * function's: pgvector itself is in this database.
 */
static void
cat_install_check_library(Oid schema, Oid function)
{
	Oid			argtypes[3] = {CSTRINGOID, OIDOID, INT4OID};
	oidvector  *args = buildoidvector(argtypes, lengthof(argtypes));
	HeapTuple	theirs = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum("vector_in"),
										 PointerGetDatum(args), ObjectIdGetDatum(schema));
	HeapTuple	ours = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *their_library = HeapTupleIsValid(theirs) ? cat_install_library(theirs) : NULL;
	char	   *our_library;

	if (!HeapTupleIsValid(ours))
		elog(ERROR, "cache lookup failed for function %u", function);
	our_library = cat_install_library(ours);
	if (their_library == NULL || strcmp(their_library, our_library) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("type vector of this database belongs to another library: \"%s\"",
						their_library != NULL ? their_library : ""),
				 errhint("See docs/from-pgvector.md for how to move a database over.")));
	if (HeapTupleIsValid(theirs))
		ReleaseSysCache(theirs);
	ReleaseSysCache(ours);
}

/* The schema of an extension; core's function for it is static before PostgreSQL 16. */
static Oid
cat_install_schema(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid			result = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Adds the schema of the shared objects to the search path of the rest of the script. */
static void
cat_install_add_to_path(Oid own_schema, Oid shared_schema)
{
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfo(&path, "%s, ", quote_identifier(get_namespace_name(own_schema)));
	appendStringInfo(&path, "%s, pg_temp", quote_identifier(get_namespace_name(shared_schema)));

	/* CREATE EXTENSION restores the setting at its end */
	(void) set_config_option("search_path", path.data, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* The shared objects are there, made by extension `other`: lean on it. */
static void
cat_install_depend(const char *name, const char *other, Oid other_oid, Oid function)
{
	Oid			own_schema = cat_install_schema(CurrentExtensionObject);
	Oid			shared_schema = cat_install_schema(other_oid);
	ObjectAddress myself;
	ObjectAddress referenced;

	cat_install_check_library(shared_schema, function);
	if (own_schema != shared_schema && strcmp(name, CAT_INSTALL_VECTOR) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("type vector exists in schema \"%s\" as part of extension %s",
						get_namespace_name(shared_schema), other),
				 errhint("Use CREATE EXTENSION %s SCHEMA %s.", name,
						 quote_identifier(get_namespace_name(shared_schema)))));
	ObjectAddressSet(myself, ExtensionRelationId, CurrentExtensionObject);
	ObjectAddressSet(referenced, ExtensionRelationId, other_oid);
	recordDependencyOn(&myself, &referenced, DEPENDENCY_NORMAL);
	if (own_schema != shared_schema)
		cat_install_add_to_path(own_schema, shared_schema);
}

/* Statement by statement, so that an error shows the one that failed and not the whole script. */
static void
cat_install_run(const char *script)
{
	List	   *statements = pg_parse_query(script);
	ListCell   *cell;

	SPI_connect();
	foreach(cell, statements)
	{
		RawStmt    *statement = lfirst_node(RawStmt, cell);
		const char *start = script + statement->stmt_location;
		int			length = statement->stmt_len > 0 ? statement->stmt_len : strlen(start);
		int			result = SPI_execute(pnstrdup(start, length), false, 0);

		if (result < 0)
			elog(ERROR, "install script: %s", SPI_result_code_string(result));
	}
	SPI_finish();
}

/*
 * Runs the statements that create the shared objects, unless the other
 * extension has them already. Only install scripts can call this.
 */
RV_FUNCTION_INFO_V1(ruvector_install_shared);
Datum
ruvector_install_shared(PG_FUNCTION_ARGS)
{
	char	   *script = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = creating_extension ? get_extension_name(CurrentExtensionObject) : NULL;
	const char *other;
	Oid			other_oid;

	if (name == NULL ||
		(strcmp(name, CAT_INSTALL_RUVECTOR) != 0 && strcmp(name, CAT_INSTALL_VECTOR) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("ruvector_install_shared can only be called by an install script")));

	other = strcmp(name, CAT_INSTALL_VECTOR) == 0 ? CAT_INSTALL_RUVECTOR : CAT_INSTALL_VECTOR;
	other_oid = get_extension_oid(other, true);
	if (OidIsValid(other_oid))
		cat_install_depend(name, other, other_oid, fcinfo->flinfo->fn_oid);
	else
		cat_install_run(script);
	PG_RETURN_VOID();
}
