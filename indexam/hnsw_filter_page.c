/*-------------------------------------------------------------------------
 *
 * hnsw_filter_page.c
 *	  Filter pages: the filter words of all nodes, close together.
 *
 * A segment's filter pages hold what its graph slots hold: word by word, the
 * nodes in order. They are for looking at all nodes at once; a slot's own
 * words decide. What must hold is that no row is missed (HNSW-12): an insert
 * writes a node's words here before its slot becomes live, and again when the
 * slot is reused; nobody changes them in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define FILTER_GROUP 16			/* nodes that are passed over together when none passes */

static inline uint32 *
filter_page_words(const RvHnswGeometry *geo, Page page, int word, uint32 slot)
{
	return (uint32 *) PageGetContents(page) + (Size) word * geo->filters_per_page + slot;
}

void
rvi_hnsw_write_filters(RvHnswWriter *writer, RveNode nid, const uint32 *words)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RvHnswPlace place;
	uint32		run;
	Page		page;
	int			w;

	if (geo->filter_words == 0)
		return;
	place = rvi_hnsw_filter_place(geo, nid, &run);
	rvi_hnsw_extend(writer->rel, place.block);
	rvi_hnsw_write_start(writer);
	page = rvi_hnsw_write_page(writer, place.block, RV_HNSW_PAGE_FILTER);
	for (w = 0; w < geo->filter_words; w++)
		*filter_page_words(geo, page, w, place.slot) = words[w];
	rvi_hnsw_write_finish(writer);
}

/* Reads a node's words with pin and lock. */
static bool
filter_read_remember(RvHnswReader *reader, RveNode nid, uint32 *words)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	Buffer		buffer = InvalidBuffer;
	RvHnswPlace place;
	uint32		run;
	Page		page;
	bool		found;
	int			w;

	place = rvi_hnsw_filter_place(geo, nid, &run);
	found = rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_FILTER, &buffer, &page);
	if (found)
	{
		for (w = 0; w < geo->filter_words; w++)
			words[w] = *filter_page_words(geo, page, w, place.slot);
		rvi_am_unlock_page(buffer);
		if (reader->peek)
			rvi_hnsw_peek_remember(reader, place.block, buffer);
	}
	rvi_am_release(buffer);
	return found;
}

bool
rvi_hnsw_read_filters(RvHnswReader *reader, RveNode nid, uint32 *words)
{
	return reader->index->geo.filter_words == 0 || filter_read_remember(reader, nid, words);
}

/* Clears match[i] where the i-th of n words fails a test of one range. */
static void
filter_match_range(const RvHnswFilterRange *range, const uint32 *restrict words, int n,
				   uint32 *restrict match)
{
	uint32		low = (uint32) range->low;
	uint32		width = (uint32) range->high - low;
	int			i;

	for (i = 0; i < n; i++)
		match[i] &= words[i] - low <= width;
}

/* Sets match[i] for each of n nodes from a slot on to whether it passes. */
static void
filter_match(const RvHnswGeometry *geo, const RvHnswFilter *filter, Page page, uint32 slot, int n,
			 uint32 *match)
{
	int			t;
	int			i;

	for (i = 0; i < n; i++)
		match[i] = 1;
	for (t = 0; t < filter->count; t++)
	{
		const RvHnswFilterTest *test = &filter->tests[t];
		const uint32 *words = filter_page_words(geo, page, test->word, slot);
		const uint32 *lows = words + geo->filters_per_page;

		if (!test->wide && test->ranges != NULL && test->count == 1)
			filter_match_range(&test->ranges[0], words, n, match);
		else if (test->wide)
		{
			for (i = 0; i < n; i++)
				match[i] &= rvi_hnsw_filter_test(test, (uint64) words[i] << 32 | lows[i]);
		}
		else
		{
			for (i = 0; i < n; i++)
				match[i] &= rvi_hnsw_filter_test(test, words[i]);
		}
	}
}

/* The nodes whose match is set, the first of which is nid. */
static int
filter_collect(const uint32 *match, RveNode nid, uint32 n, RveNode *out)
{
	uint32		any;
	uint32		from;
	uint32		i;
	int			found = 0;

	for (from = 0; from < n; from += FILTER_GROUP)
	{
		for (any = 0, i = from; i < from + FILTER_GROUP; i++)
			any |= match[i];
		if (any == 0)
			continue;
		for (i = from; i < Min(from + FILTER_GROUP, n); i++)
		{
			out[found] = nid + i;
			found += match[i];
		}
	}
	return found;
}

/*
 * Tests the nodes of nid's filter page from nid on, below bound; those that
 * pass go to out, which has room for a page's. *run = nodes looked at.
 */
static int
filter_scan_run(RvHnswReader *reader, const RvHnswFilter *filter, RveNode nid, RveNode bound,
				RveNode *out, uint32 *run)
{
	static uint32 match[RV_HNSW_FILTER_RUN + FILTER_GROUP];
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswPlace place = rvi_hnsw_filter_place(geo, nid, run);
	Buffer		buffer = InvalidBuffer;
	Page		page;
	int			found = 0;

	*run = Min(*run, bound - nid);
	page = rvi_hnsw_peek_page(reader, place.block);
	if (page != NULL)
	{
		filter_match(geo, filter, page, place.slot, *run, match);
		if (rvi_hnsw_peek_page_holds(reader, place.block))
			return filter_collect(match, nid, *run, out);
	}
	if (rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_FILTER, &buffer, &page))
	{
		filter_match(geo, filter, page, place.slot, *run, match);
		rvi_am_unlock_page(buffer);
		if (reader->peek)
			rvi_hnsw_peek_remember(reader, place.block, buffer);
		found = filter_collect(match, nid, *run, out);
	}
	rvi_am_release(buffer);
	return found;
}

/* Whether a node passes whose first word is at words, the others behind it on a filter page. */
static inline bool
filter_passes_at(const RvHnswGeometry *geo, const RvHnswFilter *filter, const uint32 *words)
{
	int			t;

	for (t = 0; t < filter->count; t++)
	{
		const RvHnswFilterTest *test = &filter->tests[t];
		const uint32 *word = words + test->word * geo->filters_per_page;
		uint64		value = test->wide ? (uint64) word[0] << 32 | word[geo->filters_per_page] :
			word[0];

		if (!rvi_hnsw_filter_test(test, value))
			return false;
	}
	return true;
}

void
rvi_hnsw_filter_guess(RvHnswReader *reader, const RvHnswFilter *filter, const RveNode *nodes,
					  int n, bool *passes)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	const uint32 *at[RVE_HNSW_MAX_DEGREE];
	uint32		words[RV_HNSW_MAX_FILTERS];
	int			i;
	int			w;

	Assert(n <= RVE_HNSW_MAX_DEGREE);
	for (i = 0; i < n; i++)
	{
		uint32		run;
		RvHnswPlace place = rvi_hnsw_filter_place(geo, nodes[i], &run);
		Page		page = rvi_hnsw_peek_page(reader, place.block);

		at[i] = page == NULL ? NULL : filter_page_words(geo, page, 0, place.slot);
		for (w = 0; w < filter->count && at[i] != NULL; w++)
			__builtin_prefetch(at[i] + filter->tests[w].word * geo->filters_per_page);
	}
	for (i = 0; i < n; i++)
	{
		/* evicted meanwhile or not: a wrong guess does no harm */
		if (at[i] != NULL)
			passes[i] = filter_passes_at(geo, filter, at[i]);
		else
			passes[i] = !filter_read_remember(reader, nodes[i], words) ||
				rvi_hnsw_filter_passes(filter, words);
	}
}

double
rvi_hnsw_filter_sample(RvHnswReader *reader, const RvHnswFilter *filter, RveNode bound, int pages)
{
	RveNode    *found = palloc(RV_HNSW_FILTER_RUN * sizeof(RveNode));
	double		tested = 0;
	double		passed = 0;
	RveNode		next = 0;
	int			i;

	for (i = 0; i < pages && next < bound; i++)
	{
		RveNode		nid = Max(next, (RveNode) ((uint64) bound * i / pages));
		uint32		run;

		CHECK_FOR_INTERRUPTS();
		passed += filter_scan_run(reader, filter, nid, bound, found, &run);
		tested += run;
		next = nid + run;
	}
	pfree(found);
	return tested > 0 ? passed / tested : 0;
}

void
rvi_hnsw_filter_scan(RvHnswReader *reader, const RvHnswFilter *filter, RveNode bound,
					 RvHnswFilterVisit visit, void *arg)
{
	RveNode    *found = palloc(RV_HNSW_FILTER_RUN * sizeof(RveNode));
	uint64		nid = 0;

	while (nid < bound)
	{
		uint32		run;
		int			n = filter_scan_run(reader, filter, (RveNode) nid, bound, found, &run);

		CHECK_FOR_INTERRUPTS();
		if (n > 0)
			visit(arg, found, n);
		nid += run;
	}
	pfree(found);
}
