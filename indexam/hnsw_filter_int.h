/*-------------------------------------------------------------------------
 *
 * hnsw_filter_int.h
 *	  Filter columns of an hnsw index: how values become words, and how the
 *	  conditions of a scan are tested on words.
 *
 * A column's word (two words for int8 and labels: the high half first) is an
 * unsigned number, 0 for NULL. Integers and dates keep their order; the lowest
 * value of four and eight bytes shares its word with the next one, as 0 is
 * taken. Text and uuid are hashes; arrays of labels a Bloom filter of 63 bits
 * and a bit that says "not NULL". Where a word does not decide, the executor
 * rechecks the row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_FILTER_INT_H
#define HNSW_FILTER_INT_H

#include "access/skey.h"
#include "utils/relcache.h"

#define RV_HNSW_MAX_FILTERS		16	/* filter words of a slot */

/* What a word holds; on disk (RvHnswMetaPageData.filters). */
typedef enum RvHnswFilterKind
{
	RV_HNSW_FILTER_NONE = 0,
	RV_HNSW_FILTER_INT2 = 1,
	RV_HNSW_FILTER_INT4 = 2,
	RV_HNSW_FILTER_DATE = 3,
	RV_HNSW_FILTER_BOOL = 4,
	RV_HNSW_FILTER_INT8 = 5,	/* the high half */
	RV_HNSW_FILTER_TEXT = 6,
	RV_HNSW_FILTER_UUID = 7,
	RV_HNSW_FILTER_LABELS2 = 8, /* the high half */
	RV_HNSW_FILTER_LABELS4 = 9, /* the high half */
	RV_HNSW_FILTER_LOW = 10		/* the low half of the word before */
} RvHnswFilterKind;

typedef struct RvHnswFilterColumn
{
	uint8		kind;			/* RvHnswFilterKind */
	uint8		word;			/* its first */
	bool		wide;			/* it has two */
	Oid			collation;
} RvHnswFilterColumn;

typedef struct RvHnswFilterColumns
{
	int			count;
	int			words;
	RvHnswFilterColumn column[RV_HNSW_MAX_FILTERS];
} RvHnswFilterColumns;

/* Strategies of the operator classes; 1 is a vector's distance. */
#define RV_HNSW_STRATEGY_DISTANCE		1
#define RV_HNSW_STRATEGY_LESS			2
#define RV_HNSW_STRATEGY_LESS_EQUAL		3
#define RV_HNSW_STRATEGY_EQUAL			4
#define RV_HNSW_STRATEGY_GREATER_EQUAL	5
#define RV_HNSW_STRATEGY_GREATER		6
#define RV_HNSW_STRATEGY_OVERLAP		7
#define RV_HNSW_STRATEGY_CONTAINS		8
#define RV_HNSW_STRATEGIES				8

typedef struct RvHnswFilterRange
{
	uint64		low;
	uint64		high;
} RvHnswFilterRange;

/* One condition: the value lies in one of the ranges, or has all bits of one of the masks. */
typedef struct RvHnswFilterTest
{
	uint8		word;
	bool		wide;
	bool		lowest;			/* the lowest value does not decide: recheck */
	int			count;
	RvHnswFilterRange *ranges;	/* ascending, disjoint; or NULL */
	uint64	   *masks;
} RvHnswFilterTest;

/* The conditions of a scan: a row passes when it passes all tests. */
typedef struct RvHnswFilter
{
	bool		never;			/* nothing passes */
	bool		recheck;		/* what passes is to be rechecked */
	int			words;			/* of a slot */
	int			count;
	RvHnswFilterTest *tests;
} RvHnswFilter;

/*
 * The filter columns that the index's definition asks for: all but the first.
 * Raises 0A000 for a type that cannot be one, 54000 for too many.
 */
extern void rvi_hnsw_filter_columns(Relation rel, RvHnswFilterColumns *columns);

/* The kinds of a row's words, as the meta page says them. */
extern void rvi_hnsw_filter_kinds(const RvHnswFilterColumns *columns, uint8 *kinds);

/* A row's words; values and isnull are the index's columns. */
extern void rvi_hnsw_filter_encode(const RvHnswFilterColumns *columns, const Datum *values,
								   const bool *isnull, uint32 *words);

/* Scan keys as a filter, in CurrentMemoryContext; NULL when there is nothing to test. */
extern RvHnswFilter *rvi_hnsw_filter_create(const RvHnswFilterColumns *columns, ScanKey keys,
											int nkeys);
/* hnsw_path.c: installs the planner hooks; from _PG_init */
extern void rvi_hnsw_path_init(void);

extern bool rvi_hnsw_filter_test_many(const RvHnswFilterTest *test, uint64 value);

static inline bool
rvi_hnsw_filter_test(const RvHnswFilterTest *test, uint64 value)
{
	if (likely(test->ranges != NULL && test->count == 1))
		return value - test->ranges[0].low <= test->ranges[0].high - test->ranges[0].low;
	return rvi_hnsw_filter_test_many(test, value);
}

static inline uint64
rvi_hnsw_filter_value(const RvHnswFilterTest *test, const uint32 *words)
{
	uint64		value = words[test->word];

	return test->wide ? value << 32 | words[test->word + 1] : value;
}

static inline bool
rvi_hnsw_filter_passes(const RvHnswFilter *filter, const uint32 *words)
{
	int			i;

	for (i = 0; i < filter->count; i++)
		if (!rvi_hnsw_filter_test(&filter->tests[i],
								  rvi_hnsw_filter_value(&filter->tests[i], words)))
			return false;
	return !filter->never;
}

/* Whether words that pass leave it to the executor to decide. */
static inline bool
rvi_hnsw_filter_rechecks(const RvHnswFilter *filter, const uint32 *words)
{
	int			i;

	for (i = 0; i < filter->count; i++)
		if (filter->tests[i].lowest && rvi_hnsw_filter_value(&filter->tests[i], words) == 1)
			return true;
	return filter->recheck;
}

#endif							/* HNSW_FILTER_INT_H */
