/*-------------------------------------------------------------------------
 *
 * cy_order.c
 *	  Equality, comparability, orderability and equivalence (graph.md 5.3).
 *
 * Equality and comparison are three-valued. Orderability (ORDER BY, min, max)
 * and equivalence (DISTINCT, grouping) go through one encoding: a byte string
 * per value whose memcmp order is the order of values, so that tuplesort, a
 * hash table and a comparison all agree, 1 and 1.0 being the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bswap.h"

#include "cypher/cy_int.h"

#define CY_IS_NUMBER(v)	((v)->type == RV_VAL_INT || (v)->type == RV_VAL_FLOAT)
#define CY_IS_NAN(v)	((v)->type == RV_VAL_FLOAT && isnan((v)->u.real))

/* The highest double that is not above an integer. */
static double
cy_order_floor(int64 x)
{
	double		d = (double) x;

	/* 2^63 itself is no int64, so it is above whatever was rounded to it */
	if (d >= 9223372036854775808.0 || (int64) d > x)
		d = nextafter(d, -INFINITY);
	return d;
}

/* What makes two numbers' order: the double below, then how far above it. */
static double
cy_order_split(const RvValue *value, uint16 *rest)
{
	double		d;

	*rest = 0;
	if (value->type == RV_VAL_FLOAT)
		return value->u.real == 0 ? 0.0 : value->u.real;	/* -0.0 too */
	d = cy_order_floor(value->u.integer);
	*rest = (uint16) (value->u.integer - (int64) d);
	return d;
}

/* Neither is NaN. */
int
rvi_cy_compare_numbers(const RvValue *a, const RvValue *b)
{
	uint16		rest_a;
	uint16		rest_b;
	double		x;
	double		y;

	if (a->type == RV_VAL_INT && b->type == RV_VAL_INT)
		return a->u.integer < b->u.integer ? -1 : a->u.integer > b->u.integer;
	x = cy_order_split(a, &rest_a);
	y = cy_order_split(b, &rest_b);
	if (x != y)
		return x < y ? -1 : 1;
	return rest_a < rest_b ? -1 : rest_a > rest_b;
}

static int
cy_order_strings(const RvValue *a, const RvValue *b)
{
	int			order = memcmp(a->u.string, b->u.string, Min(a->len, b->len));

	if (order != 0)
		return order;
	return a->len < b->len ? -1 : a->len > b->len;
}

/* All elements equal, or one different, or it cannot be told. */
static CyTruth
cy_order_items_equal(const RvValue *a, const RvValue *b, uint32 n)
{
	CyTruth		result = CY_TRUE;

	for (uint32 i = 0; i < n; i++)
	{
		CyTruth		equal = rvi_cy_value_equals(&a[i], &b[i]);

		if (equal == CY_FALSE)
			return CY_FALSE;
		if (equal == CY_UNKNOWN)
			result = CY_UNKNOWN;
	}
	return result;
}

static CyTruth
cy_order_maps_equal(const RvValue *a, const RvValue *b)
{
	CyTruth		result = CY_TRUE;

	if (a->len != b->len)
		return CY_FALSE;
	for (uint32 i = 0; i < a->len; i++)
	{
		const RvMapEntry *entry = &a->u.entries[i];
		CyTruth		equal = CY_FALSE;

		for (uint32 j = 0; j < b->len; j++)
		{
			if (cy_order_strings(&entry->key, &b->u.entries[j].key) == 0)
			{
				equal = rvi_cy_value_equals(&entry->value, &b->u.entries[j].value);
				break;
			}
		}
		if (equal == CY_FALSE)
			return CY_FALSE;
		if (equal == CY_UNKNOWN)
			result = CY_UNKNOWN;
	}
	return result;
}

CyTruth
rvi_cy_value_equals(const RvValue *a, const RvValue *b)
{
	check_stack_depth();
	if (a->type == RV_VAL_NULL || b->type == RV_VAL_NULL)
		return CY_UNKNOWN;
	if (CY_IS_NUMBER(a) && CY_IS_NUMBER(b))
		return !CY_IS_NAN(a) && !CY_IS_NAN(b) && rvi_cy_compare_numbers(a, b) == 0;
	if (a->type != b->type)
		return CY_FALSE;
	switch (a->type)
	{
		case RV_VAL_BOOL:
			return a->u.boolean == b->u.boolean;
		case RV_VAL_STRING:
			return cy_order_strings(a, b) == 0;
		case RV_VAL_LIST:
			return a->len != b->len ? CY_FALSE :
				cy_order_items_equal(a->u.items, b->u.items, a->len);
		case RV_VAL_MAP:
			return cy_order_maps_equal(a, b);
		case RV_VAL_PATH:
			return a->len != b->len ? CY_FALSE :
				cy_order_items_equal(a->u.items, b->u.items, 2 * a->len + 1);
		default:
			return a->u.id == b->u.id;
	}
}

static CyTruth
cy_order_holds(CyOp op, int order)
{
	switch (op)
	{
		case CY_OP_LT:
			return order < 0;
		case CY_OP_LE:
			return order <= 0;
		case CY_OP_GT:
			return order > 0;
		default:
			return order >= 0;
	}
}

/* The first pair that is not equal decides, or else the lengths do. */
static CyTruth
cy_order_compare_lists(CyOp op, const RvValue *a, const RvValue *b)
{
	for (uint32 i = 0; i < Min(a->len, b->len); i++)
	{
		CyTruth		equal = rvi_cy_value_equals(&a->u.items[i], &b->u.items[i]);

		if (equal == CY_UNKNOWN)
			return CY_UNKNOWN;
		if (equal == CY_FALSE)
			return rvi_cy_value_compare(op, &a->u.items[i], &b->u.items[i]);
	}
	return cy_order_holds(op, a->len < b->len ? -1 : a->len > b->len);
}

CyTruth
rvi_cy_value_compare(CyOp op, const RvValue *a, const RvValue *b)
{
	check_stack_depth();
	if (CY_IS_NUMBER(a) && CY_IS_NUMBER(b))
	{
		if (CY_IS_NAN(a) || CY_IS_NAN(b))
			return CY_FALSE;
		return cy_order_holds(op, rvi_cy_compare_numbers(a, b));
	}
	if (a->type != b->type)
		return CY_UNKNOWN;
	switch (a->type)
	{
		case RV_VAL_BOOL:
			return cy_order_holds(op, (int) a->u.boolean - (int) b->u.boolean);
		case RV_VAL_STRING:
			return cy_order_holds(op, cy_order_strings(a, b));
		case RV_VAL_LIST:
			return cy_order_compare_lists(op, a, b);
		default:
			return CY_UNKNOWN;
	}
}

/* ---- sort keys ---- */

/* First byte of a key: the order of the types. Below all of them: the end of a container. */
#define CY_KEY_END		0x01
#define CY_KEY_MAP		0x10
#define CY_KEY_NODE		0x20
#define CY_KEY_EDGE		0x30
#define CY_KEY_LIST		0x40
#define CY_KEY_PATH		0x50
#define CY_KEY_STRING	0x80
#define CY_KEY_BOOL		0x90
#define CY_KEY_NUMBER	0xA0
#define CY_KEY_NAN		0xA1
#define CY_KEY_NULL		0xF0

static void
cy_order_key_uint64(StringInfo out, uint64 bits)
{
	bits = pg_hton64(bits);
	appendBinaryStringInfo(out, (const char *) &bits, sizeof(bits));
}

static void
cy_order_key_number(StringInfo out, const RvValue *value)
{
	uint16		rest;
	double		d;
	uint64		bits;

	if (CY_IS_NAN(value))
	{
		appendStringInfoCharMacro(out, (char) CY_KEY_NAN);
		return;
	}
	d = cy_order_split(value, &rest);
	memcpy(&bits, &d, sizeof(bits));
	/* IEEE 754: order of the bits, negative numbers turned round */
	bits = (bits >> 63) ? ~bits : bits | ((uint64) 1 << 63);
	appendStringInfoCharMacro(out, (char) CY_KEY_NUMBER);
	cy_order_key_uint64(out, bits);
	appendStringInfoCharMacro(out, (char) (rest >> 8));
	appendStringInfoCharMacro(out, (char) (rest & 0xFF));
}

static int
cy_order_entry_cmp(const void *a, const void *b)
{
	return cy_order_strings(&(*(const RvMapEntry *const *) a)->key,
							&(*(const RvMapEntry *const *) b)->key);
}

static void
cy_order_append(StringInfo out, const RvValue *value)
{
	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_NULL:
			appendStringInfoCharMacro(out, (char) CY_KEY_NULL);
			break;
		case RV_VAL_BOOL:
			appendStringInfoCharMacro(out, (char) CY_KEY_BOOL);
			appendStringInfoCharMacro(out, (char) value->u.boolean);
			break;
		case RV_VAL_INT:
		case RV_VAL_FLOAT:
			cy_order_key_number(out, value);
			break;
		case RV_VAL_STRING:
			/* text holds no zero byte, so one can end it */
			appendStringInfoCharMacro(out, (char) CY_KEY_STRING);
			appendBinaryStringInfo(out, value->u.string, value->len);
			appendStringInfoCharMacro(out, '\0');
			break;
		case RV_VAL_LIST:
		case RV_VAL_PATH:
			appendStringInfoCharMacro(out, (char) (value->type == RV_VAL_LIST ?
												   CY_KEY_LIST : CY_KEY_PATH));
			for (uint32 i = 0; i < (value->type == RV_VAL_LIST ?
									value->len : 2 * value->len + 1); i++)
				cy_order_append(out, &value->u.items[i]);
			appendStringInfoCharMacro(out, (char) CY_KEY_END);
			break;
		case RV_VAL_MAP:
			{
				const RvMapEntry **entries = palloc(sizeof(*entries) * Max(value->len, 1));

				for (uint32 i = 0; i < value->len; i++)
					entries[i] = &value->u.entries[i];
				qsort(entries, value->len, sizeof(*entries), cy_order_entry_cmp);
				appendStringInfoCharMacro(out, (char) CY_KEY_MAP);
				for (uint32 i = 0; i < value->len; i++)
				{
					cy_order_append(out, &entries[i]->key);
					cy_order_append(out, &entries[i]->value);
				}
				appendStringInfoCharMacro(out, (char) CY_KEY_END);
				pfree(entries);
				break;
			}
		case RV_VAL_NODE:
		case RV_VAL_EDGE:
			appendStringInfoCharMacro(out, (char) (value->type == RV_VAL_NODE ?
												   CY_KEY_NODE : CY_KEY_EDGE));
			cy_order_key_uint64(out, (uint64) value->u.id ^ ((uint64) 1 << 63));
			break;
	}
}

void
rvi_cy_order_key(StringInfo out, const RvValue *value, bool descending)
{
	int			start = out->len;

	cy_order_append(out, value);
	if (descending)
	{
		for (int i = start; i < out->len; i++)
			out->data[i] = ~out->data[i];
	}
}
