/*-------------------------------------------------------------------------
 *
 * gr_ddl.c
 *	  Creating and deleting graphs: the schema rvg_<n> and what is in it.
 *
 * Graphs are made of ordinary relations owned by their creator, so that
 * pg_dump, replication, VACUUM and privileges need nothing from us.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"

#include "catalog/rv_catalog.h"
#include "engine/graph/gr_int.h"

#define DDL_DICTIONARY(table, column) \
	"CREATE TABLE rvg_@." table " (" \
	"id pg_catalog.int4 PRIMARY KEY, " column " NOT NULL UNIQUE) USING heap"

#define DDL_GUARD(table) \
	"CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rvg_@." table \
	" FOR EACH STATEMENT EXECUTE FUNCTION ruvector.ruvector_graph_guard()"

/* '@' stands for the graph's number (rv_cat_run_ddl) */
static const char *const ddl_create[] = {
	"CREATE SCHEMA rvg_@",
	DDL_DICTIONARY("label", "name pg_catalog.text COLLATE pg_catalog.\"C\""),
	DDL_DICTIONARY("reltype", "name pg_catalog.text COLLATE pg_catalog.\"C\""),
	DDL_DICTIONARY("propkey", "name pg_catalog.text COLLATE pg_catalog.\"C\""),
	DDL_DICTIONARY("labelset", "labels pg_catalog.int4[]"),
	"CREATE TABLE rvg_@.node (id pg_catalog.int8 PRIMARY KEY, lset pg_catalog.int4 NOT NULL, "
	"props pg_catalog.bytea) USING heap WITH (fillfactor = 90)",
	"CREATE INDEX node_lset_id ON rvg_@.node (lset, id)",
	"CREATE TABLE rvg_@.edge (id pg_catalog.int8 PRIMARY KEY, src pg_catalog.int8 NOT NULL, "
	"dst pg_catalog.int8 NOT NULL, typ pg_catalog.int4 NOT NULL, props pg_catalog.bytea) "
	"USING heap WITH (fillfactor = 90)",
	"CREATE INDEX edge_out ON rvg_@.edge (src, typ, dst, id)",
	"CREATE INDEX edge_in ON rvg_@.edge (dst, typ, src, id)",
	"CREATE SEQUENCE rvg_@.node_id_seq AS pg_catalog.int8 MAXVALUE 281474976710655 CACHE 64 "
	"OWNED BY rvg_@.node.id",
	"CREATE SEQUENCE rvg_@.edge_id_seq AS pg_catalog.int8 MAXVALUE 281474976710655 CACHE 64 "
	"OWNED BY rvg_@.edge.id",
	DDL_GUARD("label"), DDL_GUARD("reltype"), DDL_GUARD("propkey"), DDL_GUARD("labelset"),
	DDL_GUARD("node"), DDL_GUARD("edge"),
};

/* Raises invalid_name unless the name can be a graph's: 1 to 63 bytes. */
void
rvi_graph_check_name(const char *name)
{
	size_t		len = strlen(name);

	if (len == 0 || len >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid graph name \"%s\"", name),
				 errdetail("A graph's name has 1 to %d bytes, not %zu.", NAMEDATALEN - 1, len)));
}

static void
ddl_refuse_readonly(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandDuringRecovery(command);
	PreventCommandIfParallelMode(command);
}

static void
ddl_check_create_privilege(void)
{
	AclResult	result = pg_database_aclcheck(MyDatabaseId, GetUserId(), ACL_CREATE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_DATABASE, get_database_name(MyDatabaseId));
}

void
rvi_graph_create(const char *name)
{
	int32		n;

	ddl_refuse_readonly("ruvector_graph_create()");
	rvi_graph_check_name(name);
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("graphs need a database with encoding UTF8"),
				 errdetail("The encoding of this database is %s.", GetDatabaseEncodingName())));
	ddl_check_create_privilege();

	rv_cat_graph_lock_name(name);
	n = rv_cat_graph_find(name);
	if (n != 0)
	{
		if (OidIsValid(get_namespace_oid(rv_cat_graph_schema(n), true)))
			ereport(ERROR,
					(errcode(ERRCODE_RV_GRAPH_EXISTS),
					 errmsg("graph \"%s\" already exists", name)));
		/* its owner has dropped the schema by hand */
		rv_cat_graph_remove(name);
		CommandCounterIncrement();
	}
	n = rv_cat_graph_add(name);
	rv_cat_run_ddl(ddl_create, lengthof(ddl_create), n);
}

void
rvi_graph_delete(const char *name)
{
	int32		n;
	ObjectAddress schema;

	ddl_refuse_readonly("ruvector_graph_delete()");
	rv_cat_graph_lock_name(name);
	n = rv_cat_graph_find(name);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RV_GRAPH_NOT_FOUND),
				 errmsg("graph \"%s\" does not exist", name),
				 errhint("ruvector_graph_list() shows the graphs that you may read.")));

	ObjectAddressSet(schema, NamespaceRelationId, get_namespace_oid(rv_cat_graph_schema(n), true));
	if (OidIsValid(schema.objectId))
	{
		if (!pg_namespace_ownercheck(schema.objectId, GetUserId()))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("must be owner of graph \"%s\"", name)));
		performDeletion(&schema, DROP_CASCADE, PERFORM_DELETION_QUIETLY);
	}
	else
		ddl_check_create_privilege();
	rv_cat_graph_remove(name);
	CommandCounterIncrement();
}
