/*-------------------------------------------------------------------------
 *
 * gr_props.c
 *	  The encoding of property maps ("rvprops", README.md has the byte table).
 *
 * Encoded maps live in bytea columns, so a superuser can put any bytes there:
 * decoding checks every offset and length and raises data_corrupted. All
 * numbers are little-endian and read with memcpy; nothing has to be aligned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"

#include "engine/graph/gr_int.h"

#define PROPS_VERSION		1
#define PROPS_HEADER		4	/* u8 version, u8 zero, u16 number of entries */
#define PROPS_ENTRY			8	/* u32 key, u32 type << 24 | offset */
#define PROPS_OFFSET_MASK	0x00FFFFFF
#define PROPS_MAX_SIZE		(16 * 1024 * 1024)	/* of the payload */
#define PROPS_MAX_DEPTH		64	/* lists in lists */

#ifdef WORDS_BIGENDIAN
#define props_le16(x)	pg_bswap16(x)
#define props_le32(x)	pg_bswap32(x)
#define props_le64(x)	pg_bswap64(x)
#else
#define props_le16(x)	(x)
#define props_le32(x)	(x)
#define props_le64(x)	(x)
#endif

static void
props_corrupted(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("damaged property map: %s", what),
			 errdetail("Invariant GR-6 does not hold."),
			 errhint("ruvector_graph_check() lists all damage.")));
}

/* ---- encoding ---- */

static void
props_put_u32(StringInfo buf, uint32 x)
{
	x = props_le32(x);
	appendBinaryStringInfo(buf, (const char *) &x, sizeof(x));
}

static void
props_put_u64(StringInfo buf, uint64 x)
{
	x = props_le64(x);
	appendBinaryStringInfo(buf, (const char *) &x, sizeof(x));
}

static void
props_check_size(Size size)
{
	if (size > PROPS_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("properties of one node or relationship exceed %d MB",
						PROPS_MAX_SIZE / (1024 * 1024))));
}

static const char *
props_type_noun(RvValueType type)
{
	switch (type)
	{
		case RV_VAL_NULL:
			return "a null";
		case RV_VAL_MAP:
			return "a map";
		case RV_VAL_NODE:
			return "a node";
		case RV_VAL_EDGE:
			return "a relationship";
		case RV_VAL_PATH:
			return "a path";
		default:
			return "a value of this type";
	}
}

static void
props_refuse(RvValueType type, bool in_list)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s cannot be stored %s", props_type_noun(type),
					in_list ? "in a list property" : "as a property"),
			 errhint("Properties are booleans, integers, floats, strings and lists of these.")));
}

/* Appends the bytes of a value that has them; recursive for lists. */
static void
props_put_value(StringInfo buf, const RvValue *value, int depth)
{
	uint64		bits;

	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_BOOL:
			appendStringInfoCharMacro(buf, value->u.boolean ? 1 : 0);
			break;
		case RV_VAL_INT:
			props_put_u64(buf, (uint64) value->u.integer);
			break;
		case RV_VAL_FLOAT:
			memcpy(&bits, &value->u.real, sizeof(bits));
			props_put_u64(buf, bits);
			break;
		case RV_VAL_STRING:
			props_check_size((Size) buf->len + value->len);
			props_put_u32(buf, value->len);
			appendBinaryStringInfo(buf, value->u.string, value->len);
			break;
		case RV_VAL_LIST:
			if (depth >= PROPS_MAX_DEPTH)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("lists in a property are nested more than %d deep",
								PROPS_MAX_DEPTH)));
			props_put_u32(buf, value->len);
			for (uint32 i = 0; i < value->len; i++)
			{
				appendStringInfoCharMacro(buf, (char) value->u.items[i].type);
				if (value->u.items[i].type == RV_VAL_NULL ||
					value->u.items[i].type > RV_VAL_LIST)
					props_refuse(value->u.items[i].type, true);
				props_put_value(buf, &value->u.items[i], depth + 1);
				props_check_size(buf->len);
			}
			break;
		default:
			props_refuse(value->type, false);
	}
}

typedef struct PropsPair
{
	int32		key;
	int			index;
} PropsPair;

static int
props_compare_pairs(const void *a, const void *b)
{
	int32		x = ((const PropsPair *) a)->key;
	int32		y = ((const PropsPair *) b)->key;

	return (x > y) - (x < y);
}

/* The entries that are not null, in the order of their keys; palloc'd. */
static PropsPair *
props_sort(int n, const int32 *keys, const RvValue *values, int *count)
{
	PropsPair  *pairs = palloc(sizeof(PropsPair) * Max(n, 1));

	*count = 0;
	for (int i = 0; i < n; i++)
	{
		if (values[i].type == RV_VAL_NULL)
			continue;
		pairs[*count].key = keys[i];
		pairs[(*count)++].index = i;
	}
	qsort(pairs, *count, sizeof(PropsPair), props_compare_pairs);
	for (int i = 1; i < *count; i++)
		RV_ENSURE(pairs[i].key != pairs[i - 1].key, "property key given twice");
	if (*count > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a node or relationship cannot have more than %d properties",
						PG_UINT16_MAX)));
	return pairs;
}

RvProps *
rv_graph_props_build(int n, const int32 *keys, const RvValue *values)
{
	StringInfoData buf;
	int			count;
	PropsPair  *pairs = props_sort(n, keys, values, &count);
	uint16		stored = props_le16((uint16) count);
	Size		entry = VARHDRSZ + PROPS_HEADER;

	initStringInfo(&buf);
	enlargeStringInfo(&buf, entry + PROPS_ENTRY * count);
	memset(buf.data, 0, entry + PROPS_ENTRY * count);
	buf.len = entry + PROPS_ENTRY * count;
	buf.data[VARHDRSZ] = PROPS_VERSION;
	memcpy(buf.data + VARHDRSZ + 2, &stored, sizeof(stored));

	for (int i = 0; i < count; i++, entry += PROPS_ENTRY)
	{
		const RvValue *value = &values[pairs[i].index];
		uint32		words[2];
		uint32		offset = buf.len - VARHDRSZ;

		if (value->type == RV_VAL_BOOL)
			offset = value->u.boolean ? 1 : 0;
		else
			props_put_value(&buf, value, 0);
		props_check_size(buf.len - VARHDRSZ);
		words[0] = props_le32((uint32) pairs[i].key);
		words[1] = props_le32(((uint32) value->type << 24) | offset);
		memcpy(buf.data + entry, words, sizeof(words));
	}
	pfree(pairs);
	SET_VARSIZE(buf.data, buf.len);
	return (RvProps *) buf.data;
}

/* ---- decoding ---- */

/* What is left to read. */
typedef struct PropsReader
{
	const char *data;
	Size		len;
	Size		pos;
} PropsReader;

static const char *
props_take(PropsReader *reader, Size n)
{
	const char *result = reader->data + reader->pos;

	if (n > reader->len - reader->pos)
		props_corrupted("a value ends after the map");
	reader->pos += n;
	return result;
}

static uint32
props_take_u32(PropsReader *reader)
{
	uint32		x;

	memcpy(&x, props_take(reader, sizeof(x)), sizeof(x));
	return props_le32(x);
}

static uint64
props_take_u64(PropsReader *reader)
{
	uint64		x;

	memcpy(&x, props_take(reader, sizeof(x)), sizeof(x));
	return props_le64(x);
}

static void props_take_list(PropsReader *reader, RvValue *value, int depth);

static void
props_take_value(PropsReader *reader, uint8 type, RvValue *value, int depth)
{
	uint64		bits;

	value->type = (RvValueType) type;
	value->len = 0;
	switch (type)
	{
		case RV_VAL_BOOL:
			value->u.boolean = *props_take(reader, 1) != 0;
			break;
		case RV_VAL_INT:
			value->u.integer = (int64) props_take_u64(reader);
			break;
		case RV_VAL_FLOAT:
			bits = props_take_u64(reader);
			memcpy(&value->u.real, &bits, sizeof(bits));
			break;
		case RV_VAL_STRING:
			value->len = props_take_u32(reader);
			value->u.string = props_take(reader, value->len);
			break;
		case RV_VAL_LIST:
			props_take_list(reader, value, depth);
			break;
		default:
			props_corrupted("unknown type of value");
	}
}

static void
props_take_list(PropsReader *reader, RvValue *value, int depth)
{
	if (depth >= PROPS_MAX_DEPTH)
		props_corrupted("lists are nested too deep");
	check_stack_depth();
	value->len = props_take_u32(reader);
	/* an element has two bytes at least, which bounds what is allocated */
	if (value->len > (reader->len - reader->pos) / 2)
		props_corrupted("a list ends after the map");
	value->u.items = palloc(sizeof(RvValue) * Max(value->len, 1));
	for (uint32 i = 0; i < value->len; i++)
	{
		uint8		type = (uint8) *props_take(reader, 1);

		props_take_value(reader, type, &value->u.items[i], depth + 1);
	}
}

/* Number of entries after checking the header; *data and *len are the payload. */
static int
props_open(const RvProps *props, const char **data, Size *len)
{
	uint16		n;

	*data = VARDATA_ANY(props);
	*len = VARSIZE_ANY_EXHDR(props);
	if (*len < PROPS_HEADER || (*data)[0] != PROPS_VERSION || (*data)[1] != 0)
		props_corrupted("unknown version");
	memcpy(&n, *data + 2, sizeof(n));
	n = props_le16(n);
	if (*len < PROPS_HEADER + (Size) n * PROPS_ENTRY)
		props_corrupted("it ends inside its entries");
	return n;
}

static int32
props_key(const char *data, int i)
{
	uint32		key;

	memcpy(&key, data + PROPS_HEADER + (Size) i * PROPS_ENTRY, sizeof(key));
	return (int32) props_le32(key);
}

static void
props_read_entry(const char *data, Size len, int n, int i, RvValue *value)
{
	PropsReader reader = {data, len, 0};
	uint32		word;
	uint32		offset;

	memcpy(&word, data + PROPS_HEADER + (Size) i * PROPS_ENTRY + 4, sizeof(word));
	word = props_le32(word);
	offset = word & PROPS_OFFSET_MASK;
	if (word >> 24 == RV_VAL_BOOL)
	{
		if (offset > 1)
			props_corrupted("a boolean that is neither true nor false");
		value->type = RV_VAL_BOOL;
		value->len = 0;
		value->u.boolean = offset == 1;
		return;
	}
	if (offset < PROPS_HEADER + (Size) n * PROPS_ENTRY || offset > len)
		props_corrupted("a value lies outside of the map");
	reader.pos = offset;
	props_take_value(&reader, word >> 24, value, 0);
}

bool
rv_graph_props_get(const RvProps *props, int32 key, RvValue *value)
{
	const char *data;
	Size		len;
	int			n = props_open(props, &data, &len);
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int32		found = props_key(data, middle);

		if (found == key)
		{
			props_read_entry(data, len, n, middle, value);
			return true;
		}
		if (found < key)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int
rv_graph_props_count(const RvProps *props)
{
	const char *data;
	Size		len;

	return props_open(props, &data, &len);
}

void
rv_graph_props_entry(const RvProps *props, int i, int32 *key, RvValue *value)
{
	const char *data;
	Size		len;
	int			n = props_open(props, &data, &len);

	RV_ENSURE(i >= 0 && i < n, "property index out of range");
	*key = props_key(data, i);
	/* a disordered map would answer look-ups by chance */
	if (*key <= 0 || (i > 0 && props_key(data, i - 1) >= *key))
		props_corrupted("its keys are not in ascending order");
	props_read_entry(data, len, n, i, value);
}

/* Detoasted copy of a props column in CurrentMemoryContext; a null column is the empty map. */
RvProps *
rvi_graph_props_copy(Datum datum, bool isnull)
{
	if (isnull)
		return rv_graph_props_build(0, NULL, NULL);
	return (RvProps *) PG_DETOAST_DATUM_COPY(datum);
}
