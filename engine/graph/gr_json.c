/*-------------------------------------------------------------------------
 *
 * gr_json.c
 *	  Values and property maps to and from jsonb.
 *
 * A jsonb number without fraction is an integer, one with a fraction (1.0 too)
 * a float; floats are written with a fraction, so that both survive the way
 * there and back. NaN and infinities become strings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "engine/graph/gr_int.h"

/* ---- to jsonb ---- */

static Numeric
json_numeric_from_float(double x)
{
	Numeric		number;
	char	   *text = float8out_internal(x);

	number = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	if (strpbrk(text, ".") == NULL || strpbrk(text, "eE") != NULL)
	{
		/* keep a fraction, if only ".0": it tells floats from integers */
		char	   *written = DatumGetCString(DirectFunctionCall1(numeric_out,
																  NumericGetDatum(number)));

		if (strchr(written, '.') == NULL)
			number = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(number),
														 Int32GetDatum(1)));
	}
	return number;
}

static void
json_scalar(const RvValue *value, JsonbValue *out)
{
	switch (value->type)
	{
		case RV_VAL_NULL:
			out->type = jbvNull;
			break;
		case RV_VAL_BOOL:
			out->type = jbvBool;
			out->val.boolean = value->u.boolean;
			break;
		case RV_VAL_INT:
			out->type = jbvNumeric;
			out->val.numeric = int64_to_numeric(value->u.integer);
			break;
		case RV_VAL_FLOAT:
			if (isnan(value->u.real) || isinf(value->u.real))
			{
				out->type = jbvString;
				out->val.string.val = float8out_internal(value->u.real);
				out->val.string.len = strlen(out->val.string.val);
				break;
			}
			out->type = jbvNumeric;
			out->val.numeric = json_numeric_from_float(value->u.real);
			break;
		case RV_VAL_STRING:
			out->type = jbvString;
			out->val.string.val = unconstify(char *, value->u.string);
			out->val.string.len = value->len;
			break;
		default:
			elog(ERROR, "graph value of type %d has no jsonb form here", (int) value->type);
	}
}

JsonbValue *
rv_graph_value_to_jsonb(JsonbParseState **state, JsonbIteratorToken kind, const RvValue *value)
{
	JsonbValue	scalar;

	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_LIST:
			pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
			for (uint32 i = 0; i < value->len; i++)
				rv_graph_value_to_jsonb(state, WJB_ELEM, &value->u.items[i]);
			return pushJsonbValue(state, WJB_END_ARRAY, NULL);
		case RV_VAL_MAP:
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			for (uint32 i = 0; i < value->len; i++)
			{
				json_scalar(&value->u.entries[i].key, &scalar);
				pushJsonbValue(state, WJB_KEY, &scalar);
				rv_graph_value_to_jsonb(state, WJB_VALUE, &value->u.entries[i].value);
			}
			return pushJsonbValue(state, WJB_END_OBJECT, NULL);
		default:
			json_scalar(value, &scalar);
			return pushJsonbValue(state, kind, &scalar);
	}
}

/* Pushes a property map as an object; the result is that of the last push. */
JsonbValue *
rv_graph_props_push_jsonb(JsonbParseState **state, RvGraph graph, const RvProps *props)
{
	int			n = rv_graph_props_count(props);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue	name;
		RvValue		value;
		int32		key;

		rv_graph_props_entry(props, i, &key, &value);
		name.type = jbvString;
		name.val.string.val = unconstify(char *, rv_graph_token_name(graph, RV_TOKEN_PROPKEY, key));
		name.val.string.len = strlen(name.val.string.val);
		pushJsonbValue(state, WJB_KEY, &name);
		rv_graph_value_to_jsonb(state, WJB_VALUE, &value);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
rv_graph_props_to_jsonb(RvGraph graph, const RvProps *props)
{
	JsonbParseState *state = NULL;

	return JsonbValueToJsonb(rv_graph_props_push_jsonb(&state, graph, props));
}

/* ---- from jsonb ---- */

/* Parses decimal digits with an optional sign; false where they are no int64. */
static bool
json_parse_int64(const char *text, int64 *result)
{
	const char *c = text;
	bool		negative = *c == '-';
	int64		x = 0;

	if (negative)
		c++;
	for (; *c != '\0'; c++)
	{
		if (pg_mul_s64_overflow(x, 10, &x) || pg_sub_s64_overflow(x, *c - '0', &x))
			return false;
	}
	if (!negative)
	{
		if (x == PG_INT64_MIN)
			return false;
		x = -x;
	}
	*result = x;
	return true;
}

static void
json_number(Numeric number, RvValue *value)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	bool		whole = strchr(text, '.') == NULL;
	bool		overflow = false;
	double		real;

	if (whole && json_parse_int64(text, &value->u.integer))
	{
		value->type = RV_VAL_INT;
		pfree(text);
		return;
	}
	real = float8in_internal_opt_error(text, NULL, "double precision", text, &overflow);
	if (overflow)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a number of %zu characters is out of range for a float", strlen(text))));
	if (whole)
	{
		/* 1e20 is a float that says what it means; 9223372036854775808 would be rounded */
		Numeric		back = json_numeric_from_float(real);

		if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(back),
											  NumericGetDatum(number))))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("number %s is out of range for an integer", text),
					 errhint("Write it with a fraction to have it rounded to a float, "
							 "or as a string.")));
	}
	value->type = RV_VAL_FLOAT;
	value->u.real = real;
	pfree(text);
}

static void
json_container(JsonbContainer *container, RvValue *value)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	element;
	JsonbIteratorToken token = JsonbIteratorNext(&it, &element, true);
	uint32		n = 0;

	if (token == WJB_BEGIN_ARRAY)
	{
		value->type = RV_VAL_LIST;
		value->len = element.val.array.nElems;
		value->u.items = palloc(sizeof(RvValue) * Max(value->len, 1));
	}
	else
	{
		value->type = RV_VAL_MAP;
		value->len = element.val.object.nPairs;
		value->u.entries = palloc(sizeof(RvMapEntry) * Max(value->len, 1));
	}
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			rv_graph_value_from_jsonb(&element, &value->u.items[n++]);
		else if (token == WJB_KEY)
			rv_graph_value_from_jsonb(&element, &value->u.entries[n].key);
		else if (token == WJB_VALUE)
			rv_graph_value_from_jsonb(&element, &value->u.entries[n++].value);
	}
}

void
rv_graph_value_from_jsonb(const JsonbValue *json, RvValue *value)
{
	check_stack_depth();
	value->len = 0;
	switch (json->type)
	{
		case jbvNull:
			value->type = RV_VAL_NULL;
			break;
		case jbvBool:
			value->type = RV_VAL_BOOL;
			value->u.boolean = json->val.boolean;
			break;
		case jbvNumeric:
			json_number(json->val.numeric, value);
			break;
		case jbvString:
			value->type = RV_VAL_STRING;
			value->len = json->val.string.len;
			value->u.string = json->val.string.val;
			break;
		case jbvBinary:
			json_container(json->val.binary.data, value);
			break;
		default:
			elog(ERROR, "unexpected kind of jsonb value: %d", (int) json->type);
	}
}

/* A C string of a jsonb key, which is not NUL-terminated. */
static char *
json_key_cstring(const JsonbValue *key)
{
	return pnstrdup(key->val.string.val, key->val.string.len);
}

RvProps *
rv_graph_props_from_jsonb(RvGraph graph, const Jsonb *json)
{
	JsonbIterator *it;
	JsonbValue	element;
	JsonbIteratorToken token;
	int			n = JB_ROOT_COUNT(json);
	int			i = 0;
	int32	   *keys = palloc(sizeof(int32) * Max(n, 1));
	RvValue    *values = palloc(sizeof(RvValue) * Max(n, 1));
	RvProps    *props;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("properties must be a JSON object")));

	it = JsonbIteratorInit(unconstify(JsonbContainer *, &json->root));
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *name = json_key_cstring(&element);

			token = JsonbIteratorNext(&it, &element, true);
			/* a null is not stored, so it does not need a key either */
			if (element.type == jbvNull)
				continue;
			keys[i] = rv_graph_token_intern(graph, RV_TOKEN_PROPKEY, name);
			rv_graph_value_from_jsonb(&element, &values[i]);
			i++;
		}
	}
	props = rv_graph_props_build(i, keys, values);
	pfree(values);
	pfree(keys);
	return props;
}
