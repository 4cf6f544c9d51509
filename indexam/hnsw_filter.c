/*-------------------------------------------------------------------------
 *
 * hnsw_filter.c
 *	  Values of filter columns as words, scan keys as tests of words.
 *
 * hnsw_filter_int.h says what a word is. Every condition on a column but
 * those on labels is a set of ranges of its words: an operator gives one
 * range, = ANY (array) one for each element, IS NULL and IS NOT NULL one each;
 * several conditions on a column are the ranges they have in common. No
 * pages here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_filter_int.h"

#define FILTER_LABEL_BITS 63	/* the bits labels are hashed to; the top bit says "not NULL" */
#define FILTER_LABEL_HASHES 3	/* bits of a label */
#define FILTER_NOT_NULL (UINT64CONST(1) << 63)

/* Ranges a column's value may be in. */
typedef struct FilterRanges
{
	int			count;
	RvHnswFilterRange *ranges;
} FilterRanges;

/* ---- columns ---- */

static RvHnswFilterKind
filter_kind_of_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return RV_HNSW_FILTER_INT2;
		case INT4OID:
			return RV_HNSW_FILTER_INT4;
		case INT8OID:
			return RV_HNSW_FILTER_INT8;
		case DATEOID:
			return RV_HNSW_FILTER_DATE;
		case BOOLOID:
			return RV_HNSW_FILTER_BOOL;
		case TEXTOID:
			return RV_HNSW_FILTER_TEXT;
		case UUIDOID:
			return RV_HNSW_FILTER_UUID;
		case INT2ARRAYOID:
			return RV_HNSW_FILTER_LABELS2;
		case INT4ARRAYOID:
			return RV_HNSW_FILTER_LABELS4;
		default:
			return RV_HNSW_FILTER_NONE;
	}
}

static inline bool
filter_kind_is_labels(uint8 kind)
{
	return kind == RV_HNSW_FILTER_LABELS2 || kind == RV_HNSW_FILTER_LABELS4;
}

static inline bool
filter_kind_is_hash(uint8 kind)
{
	return kind == RV_HNSW_FILTER_TEXT || kind == RV_HNSW_FILTER_UUID;
}

void
rvi_hnsw_filter_columns(Relation rel, RvHnswFilterColumns *columns)
{
	int			i;

	memset(columns, 0, sizeof(*columns));
	for (i = 1; i < IndexRelationGetNumberOfKeyAttributes(rel); i++)
	{
		RvHnswFilterKind kind = filter_kind_of_type(rel->rd_opcintype[i]);
		bool		wide = kind == RV_HNSW_FILTER_INT8 || filter_kind_is_labels(kind);
		RvHnswFilterColumn *column = &columns->column[columns->count];

		if (kind == RV_HNSW_FILTER_NONE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" cannot be a filter column of hnsw index \"%s\"",
							NameStr(TupleDescAttr(RelationGetDescr(rel), i)->attname),
							RelationGetRelationName(rel)),
					 errdetail("The first column of the index is the vector; all others are filter columns."),
					 errhint("Filter columns are of type smallint, integer, bigint, boolean, date, uuid, text, smallint[] or integer[].")));
		if (columns->words + 1 + wide > RV_HNSW_MAX_FILTERS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("hnsw index \"%s\" has too many filter columns",
							RelationGetRelationName(rel)),
					 errdetail("They may take %d words of four bytes; bigint and arrays take two, others one.",
							   RV_HNSW_MAX_FILTERS)));
		column->kind = kind;
		column->word = columns->words;
		column->wide = wide;
		column->collation = rel->rd_indcollation[i];
		columns->words += 1 + wide;
		columns->count++;
	}
}

void
rvi_hnsw_filter_kinds(const RvHnswFilterColumns *columns, uint8 *kinds)
{
	int			i;

	memset(kinds, 0, RV_HNSW_MAX_FILTERS);
	for (i = 0; i < columns->count; i++)
	{
		kinds[columns->column[i].word] = columns->column[i].kind;
		if (columns->column[i].wide)
			kinds[columns->column[i].word + 1] = RV_HNSW_FILTER_LOW;
	}
}

/* ---- values ---- */

/* The word of an integer in a column of that width; keeps the order, 0 is left to NULL. */
static uint64
filter_encode_integer(bool wide, int64 value)
{
	uint64		word = wide ? (uint64) value ^ (UINT64CONST(1) << 63) :
		(uint64) ((uint32) (int32) value ^ 0x80000000u);

	return Max(word, 1);
}

static uint64
filter_label_mask(int32 label)
{
	uint32		hash = murmurhash32((uint32) label);
	uint64		mask = FILTER_NOT_NULL;
	int			i;

	for (i = 0; i < FILTER_LABEL_HASHES; i++)
	{
		mask |= UINT64CONST(1) << hash % FILTER_LABEL_BITS;
		hash = murmurhash32(hash + 1);
	}
	return mask;
}

/* The labels of an array, without NULLs; *has_nulls says that there were some. */
static int32 *
filter_read_labels(uint8 kind, Datum value, int *count, bool *has_nulls)
{
	bool		small = kind == RV_HNSW_FILTER_LABELS2;
	Datum	   *elements;
	bool	   *nulls;
	int32	   *labels;
	int			total;
	int			i;

	deconstruct_array(DatumGetArrayTypeP(value), small ? INT2OID : INT4OID,
					  small ? sizeof(int16) : sizeof(int32), true,
					  small ? TYPALIGN_SHORT : TYPALIGN_INT, &elements, &nulls, &total);
	labels = palloc(Max(total, 1) * sizeof(int32));
	*count = 0;
	*has_nulls = false;
	for (i = 0; i < total; i++)
	{
		if (nulls[i])
			*has_nulls = true;
		else
			labels[(*count)++] = small ? DatumGetInt16(elements[i]) : DatumGetInt32(elements[i]);
	}
	return labels;
}

static uint64
filter_encode_labels(uint8 kind, Datum value)
{
	uint64		signature = FILTER_NOT_NULL;
	bool		has_nulls;
	int			count;
	int32	   *labels = filter_read_labels(kind, value, &count, &has_nulls);
	int			i;

	for (i = 0; i < count; i++)
		signature |= filter_label_mask(labels[i]);
	return signature;
}

static uint64
filter_encode_hash(const RvHnswFilterColumn *column, Datum value)
{
	uint32		hash;

	if (column->kind == RV_HNSW_FILTER_UUID)
		hash = DatumGetUInt32(DirectFunctionCall1(uuid_hash, value));
	else
		hash = DatumGetUInt32(DirectFunctionCall1Coll(hashtext, column->collation, value));
	return Max(hash, 1);
}

/* An integer of the given type. */
static int64
filter_read_integer(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		case DATEOID:
			return DatumGetDateADT(value);
		case BOOLOID:
			return DatumGetBool(value);
		default:
			elog(ERROR, "type %u has no order in an hnsw index", type);
			return 0;
	}
}

static Oid
filter_type_of_kind(uint8 kind)
{
	switch (kind)
	{
		case RV_HNSW_FILTER_INT2:
			return INT2OID;
		case RV_HNSW_FILTER_INT4:
			return INT4OID;
		case RV_HNSW_FILTER_DATE:
			return DATEOID;
		case RV_HNSW_FILTER_BOOL:
			return BOOLOID;
		case RV_HNSW_FILTER_INT8:
			return INT8OID;
		default:
			return InvalidOid;
	}
}

void
rvi_hnsw_filter_encode(const RvHnswFilterColumns *columns, const Datum *values,
					   const bool *isnull, uint32 *words)
{
	int			i;

	for (i = 0; i < columns->count; i++)
	{
		const RvHnswFilterColumn *column = &columns->column[i];
		Datum		value = values[i + 1];
		uint64		word = 0;

		if (isnull[i + 1])
			word = 0;
		else if (filter_kind_is_labels(column->kind))
			word = filter_encode_labels(column->kind, value);
		else if (filter_kind_is_hash(column->kind))
			word = filter_encode_hash(column, value);
		else
			word = filter_encode_integer(column->wide,
										 filter_read_integer(filter_type_of_kind(column->kind),
															 value));
		words[column->word] = column->wide ? (uint32) (word >> 32) : (uint32) word;
		if (column->wide)
			words[column->word + 1] = (uint32) word;
	}
}

/* ---- sets of ranges ---- */

static int
filter_compare_ranges(const void *a, const void *b)
{
	const RvHnswFilterRange *left = a;
	const RvHnswFilterRange *right = b;

	return (left->low > right->low) - (left->low < right->low);
}

/* Sorts ranges and joins those that meet. */
static void
filter_normalize(FilterRanges *set)
{
	int			n = 0;
	int			i;

	qsort(set->ranges, set->count, sizeof(RvHnswFilterRange), filter_compare_ranges);
	for (i = 0; i < set->count; i++)
	{
		if (n > 0 && set->ranges[i].low <= set->ranges[n - 1].high)
			set->ranges[n - 1].high = Max(set->ranges[n - 1].high, set->ranges[i].high);
		else
			set->ranges[n++] = set->ranges[i];
	}
	set->count = n;
}

/* What two sets have in common. */
static FilterRanges
filter_intersect(const FilterRanges *a, const FilterRanges *b)
{
	FilterRanges common = {0};
	int			i = 0;
	int			j = 0;

	common.ranges = palloc((a->count + b->count + 1) * sizeof(RvHnswFilterRange));
	while (i < a->count && j < b->count)
	{
		uint64		low = Max(a->ranges[i].low, b->ranges[j].low);
		uint64		high = Min(a->ranges[i].high, b->ranges[j].high);

		if (low <= high)
		{
			common.ranges[common.count].low = low;
			common.ranges[common.count++].high = high;
		}
		if (a->ranges[i].high < b->ranges[j].high)
			i++;
		else
			j++;
	}
	return common;
}

static void
filter_add_range(FilterRanges *set, uint64 low, uint64 high)
{
	set->ranges[set->count].low = low;
	set->ranges[set->count++].high = high;
}

/* ---- scan keys ---- */

/* The range of words for which "column <operator> bound" may be true; none: nothing is added. */
static void
filter_add_integers(const RvHnswFilterColumn *column, int strategy, int64 bound, FilterRanges *set)
{
	int64		low = column->wide ? PG_INT64_MIN : PG_INT32_MIN;
	int64		high = column->wide ? PG_INT64_MAX : PG_INT32_MAX;

	switch (strategy)
	{
		case RV_HNSW_STRATEGY_LESS:
			if (bound == PG_INT64_MIN)
				return;
			high = Min(high, bound - 1);
			break;
		case RV_HNSW_STRATEGY_LESS_EQUAL:
			high = Min(high, bound);
			break;
		case RV_HNSW_STRATEGY_EQUAL:
			low = Max(low, bound);
			high = Min(high, bound);
			break;
		case RV_HNSW_STRATEGY_GREATER_EQUAL:
			low = Max(low, bound);
			break;
		case RV_HNSW_STRATEGY_GREATER:
			if (bound == PG_INT64_MAX)
				return;
			low = Max(low, bound + 1);
			break;
		default:
			elog(ERROR, "hnsw strategy %d is not one of integers", strategy);
	}
	if (low <= high)
		filter_add_range(set, filter_encode_integer(column->wide, low),
						 filter_encode_integer(column->wide, high));
}

static void
filter_add_value(const RvHnswFilterColumn *column, ScanKey key, Datum value, FilterRanges *set)
{
	Oid			type = key->sk_subtype;
	uint64		hash;

	if (!filter_kind_is_hash(column->kind))
	{
		if (!OidIsValid(type))
			type = filter_type_of_kind(column->kind);
		filter_add_integers(column, key->sk_strategy, filter_read_integer(type, value), set);
		return;
	}
	hash = filter_encode_hash(column, value);
	filter_add_range(set, hash, hash);
}

/* The ranges that a key on an ordered or hashed column asks for. */
static FilterRanges
filter_key_ranges(const RvHnswFilterColumn *column, ScanKey key)
{
	FilterRanges set = {0};
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			i;
	int16		length;
	bool		by_value;
	char		align;

	if ((key->sk_flags & SK_SEARCHARRAY) == 0)
	{
		set.ranges = palloc(sizeof(RvHnswFilterRange));
		filter_add_value(column, key, key->sk_argument, &set);
		return set;
	}
	array = DatumGetArrayTypeP(key->sk_argument);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, &nulls,
					  &count);
	set.ranges = palloc(Max(count, 1) * sizeof(RvHnswFilterRange));
	for (i = 0; i < count; i++)
		if (!nulls[i])
			filter_add_value(column, key, elements[i], &set);
	filter_normalize(&set);
	return set;
}

/* IS NULL or IS NOT NULL. */
static FilterRanges
filter_null_ranges(const RvHnswFilterColumn *column, ScanKey key)
{
	FilterRanges set = {0};

	set.ranges = palloc(sizeof(RvHnswFilterRange));
	if (key->sk_flags & SK_SEARCHNULL)
		filter_add_range(&set, 0, 0);
	else
		filter_add_range(&set, 1, column->wide ? PG_UINT64_MAX : PG_UINT32_MAX);
	return set;
}

static RvHnswFilterTest *
filter_add_test(RvHnswFilter *filter, const RvHnswFilterColumn *column)
{
	RvHnswFilterTest *test = &filter->tests[filter->count++];

	memset(test, 0, sizeof(*test));
	test->word = column->word;
	test->wide = column->wide;
	return test;
}

/* A condition on labels. && is true for a label in common, @> when none is missing. */
static void
filter_add_labels(RvHnswFilter *filter, const RvHnswFilterColumn *column, ScanKey key)
{
	bool		has_nulls;
	int			count;
	int32	   *labels = filter_read_labels(column->kind, key->sk_argument, &count, &has_nulls);
	bool		all = key->sk_strategy == RV_HNSW_STRATEGY_CONTAINS;
	RvHnswFilterTest *test = filter_add_test(filter, column);
	int			i;

	filter->recheck = true;
	test->masks = palloc0(Max(count, 1) * sizeof(uint64));
	test->count = all ? 1 : count;
	if (all)
		test->masks[0] = FILTER_NOT_NULL;
	for (i = 0; i < count; i++)
		test->masks[all ? 0 : i] |= filter_label_mask(labels[i]);

	/* no array contains a NULL, and nothing overlaps what has no elements */
	if ((all && has_nulls) || test->count == 0)
		filter->never = true;
}

/* Takes over one key; sets has an entry for each column. */
static void
filter_add_key(RvHnswFilter *filter, const RvHnswFilterColumns *columns, ScanKey key,
			   FilterRanges **sets, bool *lowest)
{
	int			at = key->sk_attno - 2;
	const RvHnswFilterColumn *column;
	FilterRanges ranges;

	if (key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL))
	{
		if (at < 0)
		{
			/* rows without a vector are not in the index */
			filter->never |= (key->sk_flags & SK_SEARCHNULL) != 0;
			return;
		}
		ranges = filter_null_ranges(&columns->column[at], key);
	}
	else if (key->sk_flags & SK_ISNULL)
	{
		filter->never = true;
		return;
	}
	else
	{
		if (at < 0 || at >= columns->count)
			elog(ERROR, "hnsw index has no filter column %d", key->sk_attno);
		column = &columns->column[at];
		if (filter_kind_is_labels(column->kind) && (key->sk_flags & SK_SEARCHARRAY) == 0)
		{
			filter_add_labels(filter, column, key);
			return;
		}
		if (filter_kind_is_labels(column->kind))
			elog(ERROR, "hnsw label columns do not support conditions on arrays of arrays");
		ranges = filter_key_ranges(column, key);
		filter->recheck |= filter_kind_is_hash(column->kind);
		lowest[at] = true;
	}
	if (sets[at] == NULL)
	{
		sets[at] = palloc(sizeof(FilterRanges));
		*sets[at] = ranges;
	}
	else
		*sets[at] = filter_intersect(sets[at], &ranges);
}

RvHnswFilter *
rvi_hnsw_filter_create(const RvHnswFilterColumns *columns, ScanKey keys, int nkeys)
{
	FilterRanges *sets[RV_HNSW_MAX_FILTERS] = {NULL};
	bool		lowest[RV_HNSW_MAX_FILTERS] = {false};
	RvHnswFilter *filter;
	int			i;

	if (nkeys == 0)
		return NULL;
	filter = palloc0(sizeof(RvHnswFilter));
	filter->words = columns->words;
	filter->tests = palloc((nkeys + columns->count) * sizeof(RvHnswFilterTest));
	for (i = 0; i < nkeys; i++)
		filter_add_key(filter, columns, &keys[i], sets, lowest);
	for (i = 0; i < columns->count; i++)
	{
		RvHnswFilterTest *test;

		if (sets[i] == NULL)
			continue;
		filter->never |= sets[i]->count == 0;
		test = filter_add_test(filter, &columns->column[i]);
		test->ranges = sets[i]->ranges;
		test->count = sets[i]->count;
		test->lowest = lowest[i];
	}
	return filter->never || filter->count > 0 ? filter : NULL;
}

/* More than one range, or labels. */
bool
rvi_hnsw_filter_test_many(const RvHnswFilterTest *test, uint64 value)
{
	int			low = 0;
	int			high = test->count;
	int			i;

	if (test->ranges == NULL)
	{
		for (i = 0; i < test->count; i++)
			if ((value & test->masks[i]) == test->masks[i])
				return true;
		return false;
	}

	/* the last range that does not begin behind the value */
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (test->ranges[middle].low <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && value <= test->ranges[low - 1].high;
}
