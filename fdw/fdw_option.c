/*-------------------------------------------------------------------------
 *
 * fdw_option.c
 *	  Options of foreign tables, and the meaning of their columns.
 *
 * Table options: kind ('nodes' or 'edges', needed) and graph (fixes the
 * graph). Columns are recognised by name and must have the type that the
 * extension's own tables give them; any subset will do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "fdw/fdw_int.h"

RV_FUNCTION_INFO_V1(ruvector_graph_fdw_validator);

typedef struct OptionColumn
{
	const char *name;
	RviFdwField field;
	Oid			type;
	bool		nodes;
	bool		edges;
} OptionColumn;

static const OptionColumn option_columns[] = {
	{"graph", RVI_FIELD_GRAPH, TEXTOID, true, true},
	{"id", RVI_FIELD_ID, INT8OID, true, true},
	{"labels", RVI_FIELD_LABELS, TEXTARRAYOID, true, false},
	{"type", RVI_FIELD_TYPE, TEXTOID, false, true},
	{"start_id", RVI_FIELD_START, INT8OID, false, true},
	{"end_id", RVI_FIELD_END, INT8OID, false, true},
	{"properties", RVI_FIELD_PROPERTIES, JSONBOID, true, true},
};

static RviFdwKind
option_parse_kind(const char *value)
{
	if (strcmp(value, "nodes") == 0)
		return RVI_FDW_NODES;
	if (strcmp(value, "edges") == 0)
		return RVI_FDW_EDGES;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"kind\": \"%s\"", value),
			 errhint("Valid values are \"nodes\" and \"edges\".")));
	return RVI_FDW_NODES;
}

/* ruvector_graph_fdw_validator(options text[], catalog oid) */
Datum
ruvector_graph_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	bool		kind = false;
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);
		bool		of_table = catalog == ForeignTableRelationId;

		if (of_table && strcmp(option->defname, "kind") == 0)
		{
			(void) option_parse_kind(defGetString(option));
			kind = true;
		}
		else if (!of_table || strcmp(option->defname, "graph") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", option->defname),
					 of_table ? errhint("Valid options are \"graph\" and \"kind\".") :
					 errhint("Only foreign tables have options.")));
	}
	if (catalog == ForeignTableRelationId && !kind)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"kind\" is required"),
				 errhint("Valid values are \"nodes\" and \"edges\".")));
	PG_RETURN_VOID();
}

static RviFdwField
option_field(RviFdwKind kind, Form_pg_attribute att, Relation rel)
{
	for (int i = 0; i < lengthof(option_columns); i++)
	{
		const OptionColumn *column = &option_columns[i];

		if (!(kind == RVI_FDW_NODES ? column->nodes : column->edges) ||
			strcmp(column->name, NameStr(att->attname)) != 0)
			continue;
		if (att->atttypid != column->type)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
					 errmsg("column \"%s\" of foreign table \"%s\" must have type %s",
							column->name, RelationGetRelationName(rel),
							format_type_be(column->type))));
		return column->field;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_COLUMN_NAME),
			 errmsg("column \"%s\" of foreign table \"%s\" is not known",
					NameStr(att->attname), RelationGetRelationName(rel)),
			 kind == RVI_FDW_NODES ?
			 errhint("Columns are graph, id, labels and properties.") :
			 errhint("Columns are graph, id, type, start_id, end_id and properties.")));
	return RVI_FIELD_NONE;
}

/* Reads options and columns of a foreign table; palloc'd. */
RviFdwTable *
rvi_fdw_table(Oid relid)
{
	RviFdwTable *table = palloc0(sizeof(RviFdwTable));
	Relation	rel = table_open(relid, NoLock);
	TupleDesc	desc = RelationGetDescr(rel);
	ListCell   *cell;

	foreach(cell, GetForeignTable(relid)->options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "kind") == 0)
			table->kind = option_parse_kind(defGetString(option));
		else if (strcmp(option->defname, "graph") == 0)
			table->graph = pstrdup(defGetString(option));
	}
	table->natts = desc->natts;
	table->fields = palloc0(sizeof(RviFdwField) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			table->fields[i] = option_field(table->kind, TupleDescAttr(desc, i), rel);
	}
	table_close(rel, NoLock);
	return table;
}
