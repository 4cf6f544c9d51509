/*-------------------------------------------------------------------------
 *
 * cy_value.c
 *	  Values: making, copying, their flat form, and jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_int.h"

RvValue
rvi_cy_null(void)
{
	return (RvValue) {.type = RV_VAL_NULL};
}

RvValue
rvi_cy_bool(bool value)
{
	return (RvValue) {.type = RV_VAL_BOOL, .u.boolean = value};
}

RvValue
rvi_cy_int(int64 value)
{
	return (RvValue) {.type = RV_VAL_INT, .u.integer = value};
}

RvValue
rvi_cy_float(double value)
{
	return (RvValue) {.type = RV_VAL_FLOAT, .u.real = value};
}

/* Does not copy the bytes. */
RvValue
rvi_cy_string(const char *bytes, int length)
{
	return (RvValue) {.type = RV_VAL_STRING, .len = length, .u.string = bytes};
}

const char *
rvi_cy_type_name(RvValueType type)
{
	static const char *const names[] = {
		[RV_VAL_NULL] = "null",
		[RV_VAL_BOOL] = "boolean",
		[RV_VAL_INT] = "integer",
		[RV_VAL_FLOAT] = "float",
		[RV_VAL_STRING] = "string",
		[RV_VAL_LIST] = "list",
		[RV_VAL_MAP] = "map",
		[RV_VAL_NODE] = "node",
		[RV_VAL_EDGE] = "relationship",
		[RV_VAL_PATH] = "path"
	};

	return names[type];
}

/* The type with its article, for messages. */
const char *
rvi_cy_type_noun(RvValueType type)
{
	if (type == RV_VAL_NULL)
		return "null";
	return psprintf("%s %s", type == RV_VAL_INT ? "an" : "a", rvi_cy_type_name(type));
}

/* Number of RvValues behind u.items. */
static uint32
cy_value_nitems(const RvValue *value)
{
	return value->type == RV_VAL_PATH ? 2 * value->len + 1 : value->len;
}

RvValue
rvi_cy_value_copy(const RvValue *value)
{
	RvValue		copy = *value;

	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_STRING:
			{
				char	   *bytes = palloc(Max(value->len, 1));

				memcpy(bytes, value->u.string, value->len);
				copy.u.string = bytes;
				break;
			}
		case RV_VAL_LIST:
		case RV_VAL_PATH:
			{
				uint32		n = cy_value_nitems(value);

				copy.u.items = palloc_extended(Max(n, 1) * sizeof(RvValue), MCXT_ALLOC_HUGE);
				for (uint32 i = 0; i < n; i++)
					copy.u.items[i] = rvi_cy_value_copy(&value->u.items[i]);
				break;
			}
		case RV_VAL_MAP:
			copy.u.entries = palloc_extended(Max(value->len, 1) * sizeof(RvMapEntry),
											 MCXT_ALLOC_HUGE);
			for (uint32 i = 0; i < value->len; i++)
			{
				copy.u.entries[i].key = rvi_cy_value_copy(&value->u.entries[i].key);
				copy.u.entries[i].value = rvi_cy_value_copy(&value->u.entries[i].value);
			}
			break;
		default:
			break;
	}
	return copy;
}

/* ---- flat form: type byte, then 8 bytes, or a length and what it counts ---- */

void
rvi_cy_value_write(StringInfo out, const RvValue *value)
{
	check_stack_depth();
	appendStringInfoCharMacro(out, (char) value->type);
	switch (value->type)
	{
		case RV_VAL_NULL:
			break;
		case RV_VAL_BOOL:
			appendStringInfoCharMacro(out, (char) value->u.boolean);
			break;
		case RV_VAL_INT:
		case RV_VAL_FLOAT:
		case RV_VAL_NODE:
		case RV_VAL_EDGE:
			appendBinaryStringInfo(out, (const char *) &value->u, sizeof(int64));
			break;
		case RV_VAL_STRING:
			appendBinaryStringInfo(out, (const char *) &value->len, sizeof(uint32));
			appendBinaryStringInfo(out, value->u.string, value->len);
			break;
		case RV_VAL_LIST:
		case RV_VAL_PATH:
			appendBinaryStringInfo(out, (const char *) &value->len, sizeof(uint32));
			for (uint32 i = 0; i < cy_value_nitems(value); i++)
				rvi_cy_value_write(out, &value->u.items[i]);
			break;
		case RV_VAL_MAP:
			appendBinaryStringInfo(out, (const char *) &value->len, sizeof(uint32));
			for (uint32 i = 0; i < value->len; i++)
			{
				rvi_cy_value_write(out, &value->u.entries[i].key);
				rvi_cy_value_write(out, &value->u.entries[i].value);
			}
			break;
	}
}

/* Strings are copied, so that the flat form may go away. */
RvValue
rvi_cy_value_read(const char **cursor)
{
	RvValue		value = {.type = (RvValueType) *(*cursor)++};

	check_stack_depth();
	switch (value.type)
	{
		case RV_VAL_NULL:
			return value;
		case RV_VAL_BOOL:
			value.u.boolean = *(*cursor)++ != 0;
			return value;
		case RV_VAL_INT:
		case RV_VAL_FLOAT:
		case RV_VAL_NODE:
		case RV_VAL_EDGE:
			memcpy(&value.u, *cursor, sizeof(int64));
			*cursor += sizeof(int64);
			return value;
		default:
			break;
	}
	memcpy(&value.len, *cursor, sizeof(uint32));
	*cursor += sizeof(uint32);
	if (value.type == RV_VAL_STRING)
	{
		char	   *bytes = palloc(Max(value.len, 1));

		memcpy(bytes, *cursor, value.len);
		value.u.string = bytes;
		*cursor += value.len;
	}
	else if (value.type == RV_VAL_MAP)
	{
		value.u.entries = palloc_extended(Max(value.len, 1) * sizeof(RvMapEntry),
										  MCXT_ALLOC_HUGE);
		for (uint32 i = 0; i < value.len; i++)
		{
			value.u.entries[i].key = rvi_cy_value_read(cursor);
			value.u.entries[i].value = rvi_cy_value_read(cursor);
		}
	}
	else
	{
		uint32		n = cy_value_nitems(&value);

		value.u.items = palloc_extended(Max(n, 1) * sizeof(RvValue), MCXT_ALLOC_HUGE);
		for (uint32 i = 0; i < n; i++)
			value.u.items[i] = rvi_cy_value_read(cursor);
	}
	return value;
}

/* ---- jsonb ---- */

static void
cy_json_key(JsonbParseState **state, const char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

static void
cy_json_int(JsonbParseState **state, const char *name, int64 integer)
{
	RvValue		value = rvi_cy_int(integer);

	cy_json_key(state, name);
	rv_graph_value_to_jsonb(state, WJB_VALUE, &value);
}

static void
cy_json_node(CyExec *exec, JsonbParseState **state, const CyEntity *entity)
{
	int			nlabels;
	const int32 *labels = rv_graph_labelset(exec->graph, entity->node.lset, &nlabels);

	cy_json_int(state, "id", entity->id);
	cy_json_key(state, "labels");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < nlabels; i++)
	{
		const char *name = rv_graph_token_name(exec->graph, RV_TOKEN_LABEL, labels[i]);
		RvValue		label = rvi_cy_string(name, strlen(name));

		rv_graph_value_to_jsonb(state, WJB_ELEM, &label);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	cy_json_key(state, "properties");
	rv_graph_props_push_jsonb(state, exec->graph, entity->node.props);
}

static void
cy_json_edge(CyExec *exec, JsonbParseState **state, const CyEntity *entity)
{
	const char *name = rv_graph_token_name(exec->graph, RV_TOKEN_RELTYPE, entity->edge.type);
	RvValue		type = rvi_cy_string(name, strlen(name));

	cy_json_int(state, "id", entity->id);
	cy_json_key(state, "type");
	rv_graph_value_to_jsonb(state, WJB_VALUE, &type);
	cy_json_int(state, "start", entity->edge.src);
	cy_json_int(state, "end", entity->edge.dst);
	cy_json_key(state, "properties");
	rv_graph_props_push_jsonb(state, exec->graph, entity->edge.props);
}

/* {"id", "labels", "properties"} or {"id", "type", "start", "end", "properties"} */
static void
cy_json_entity(CyExec *exec, JsonbParseState **state, const CyEntity *entity)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (entity->type == RV_VAL_NODE)
		cy_json_node(exec, state, entity);
	else
		cy_json_edge(exec, state, entity);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Lists and paths become arrays; a path's nodes and relationships alternate. */
void
rvi_cy_value_to_jsonb(CyExec *exec, JsonbParseState **state, JsonbIteratorToken kind,
					  const RvValue *value)
{
	CyEntity	entity = {0};

	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_LIST:
		case RV_VAL_PATH:
			pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
			for (uint32 i = 0; i < cy_value_nitems(value); i++)
				rvi_cy_value_to_jsonb(exec, state, WJB_ELEM, &value->u.items[i]);
			pushJsonbValue(state, WJB_END_ARRAY, NULL);
			break;
		case RV_VAL_MAP:
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			for (uint32 i = 0; i < value->len; i++)
			{
				const RvMapEntry *entry = &value->u.entries[i];

				cy_json_key(state, pnstrdup(entry->key.u.string, entry->key.len));
				rvi_cy_value_to_jsonb(exec, state, WJB_VALUE, &entry->value);
			}
			pushJsonbValue(state, WJB_END_OBJECT, NULL);
			break;
		case RV_VAL_NODE:
		case RV_VAL_EDGE:
			rvi_cy_entity_read(exec, value, true, &entity);
			cy_json_entity(exec, state, &entity);
			break;
		default:
			rv_graph_value_to_jsonb(state, kind, value);
	}
}

/* A column: what is kept of its node or relationship need not be read again. */
void
rvi_cy_slot_to_jsonb(CyExec *exec, JsonbParseState **state, int slot)
{
	const RvValue *value = &exec->row[slot];

	if (value->type == RV_VAL_NODE || value->type == RV_VAL_EDGE)
		cy_json_entity(exec, state, rvi_cy_entity_at(exec, slot, true));
	else
		rvi_cy_value_to_jsonb(exec, state, WJB_VALUE, value);
}
