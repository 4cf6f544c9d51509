/*-------------------------------------------------------------------------
 *
 * ivf_check.c
 *	  ruvector_index_check of ivfflat: verifies README-ivfflat.md's invariants.
 *
 * Takes a share lock on the table, so nothing moves; on a standby, where it
 * cannot, the answer holds when replay stands still. Reports each breach as a
 * row instead of stopping at the first. Pages are copied and every number on
 * them is taken as hostile; what makes the index unreadable altogether (meta
 * page, directory) is raised as an error by rvi_ivf_open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

typedef struct IvfCheck
{
	ReturnSetInfo *result;
	Relation	rel;
	RvIvfIndex *index;
	RvIvfMetaPageData meta;
	BlockNumber blocks;
	uint8	   *owned;			/* what each block was found to be; 0 = nothing yet */
	char	   *page;			/* copy of the current page */
	char	   *vector_page;
	BlockNumber vector_block;	/* that vector_page is a copy of */
	RvIvfEncoder encoder;
	float	   *x;
	uint8	   *code;
	uint8	   *stored_code;
	char	   *item;
	uint64	   *tids;			/* of all rows */
	Size		ntids;
	Size		tid_room;
} IvfCheck;

static void ivf_check_report(IvfCheck *check, const char *severity, int invariant,
							 BlockNumber block, const char *format,...) pg_attribute_printf(5, 6);

static void
ivf_check_report(IvfCheck *check, const char *severity, int invariant, BlockNumber block,
				 const char *format,...)
{
	va_list		args;

	va_start(args, format);
	rvi_am_report(check->result, severity, "IVF", invariant, block, format, args);
	va_end(args);
}

/* ---- IVF-1, IVF-9: pages, each of one owner ---- */

/* Copies a page of a kind; false: it is not one, or belongs to something else already. */
static bool
ivf_check_own(IvfCheck *check, BlockNumber block, RvIvfPageKind kind, char *page)
{
	const char *problem;

	if (block >= check->blocks)
	{
		ivf_check_report(check, "error", 1, block, "a page that is referred to does not exist.");
		return false;
	}
	if (check->owned[block] != 0)
	{
		ivf_check_report(check, "error", 9, block, "the page belongs to two things, or a chain is a circle.");
		return false;
	}
	check->owned[block] = kind;
	rvi_am_copy_page(check->rel, block, page);
	problem = rvi_ivf_page_problem(check->index->magic, page, kind);
	if (problem != NULL)
	{
		ivf_check_report(check, "error", 1, block, "%s", problem + strlen("IVF-1: "));
		return false;
	}
	if (((PageHeader) page)->pd_lower != ((PageHeader) page)->pd_special ||
		((PageHeader) page)->pd_upper != ((PageHeader) page)->pd_special)
		ivf_check_report(check, "error", 1, block, "pd_lower %u and pd_upper %u are not the page's end.",
						 ((PageHeader) page)->pd_lower, ((PageHeader) page)->pd_upper);
	return true;
}

/* Pages that nothing refers to. */
static void
ivf_check_lost(IvfCheck *check)
{
	BlockNumber block;

	for (block = 0; block < check->blocks; block++)
		if (check->owned[block] == 0)
			ivf_check_report(check, "warning", 9, block,
							 "the page belongs to nothing; maintenance will free it.");
}

/* ---- IVF-2, 7, 8: meta page, directory, free pages, retired lists ---- */

static void
ivf_check_directory(IvfCheck *check)
{
	Size		pages = (rvi_ivf_directory_size(check->meta.nlists, check->meta.dim) +
						 RV_IVF_PAGE_ROOM - 1) / RV_IVF_PAGE_ROOM;
	const RveCentroids *centroids = &check->index->centroids;
	BlockNumber block = check->meta.directory;
	Size		i;

	for (i = 0; i < pages; i++)
	{
		if (!ivf_check_own(check, block, RV_IVF_PAGE_DIRECTORY, check->page))
			break;
		block = rvi_ivf_opaque(check->page)->next;
	}
	for (i = 0; i < centroids->count; i++)
	{
		int			d;

		CHECK_FOR_INTERRUPTS();
		if (check->index->lists[i].serial == 0 ||
			check->index->lists[i].serial >= check->meta.next_serial)
			ivf_check_report(check, "error", 2, check->meta.directory,
							 "list %zu has serial %u, which was never given out.", i,
							 check->index->lists[i].serial);
		for (d = 0; d < centroids->dim; d++)
			if (!isfinite(centroids->x[i * centroids->dim + d]))
				break;
		if (d < centroids->dim)
			ivf_check_report(check, "error", 2, check->meta.directory,
							 "the centroid of list %zu is not finite.", i);
	}
}

static void
ivf_check_free(IvfCheck *check)
{
	BlockNumber block = check->meta.free_head;
	uint32		n = 0;

	while (block != InvalidBlockNumber)
	{
		if (!ivf_check_own(check, block, RV_IVF_PAGE_FREE, check->page))
			break;
		n++;
		block = rvi_ivf_opaque(check->page)->next;
	}
	if (n != check->meta.free_count)
		ivf_check_report(check, "error", 7, RV_IVF_META_BLOCK,
						 "the chain of free pages has %u pages, the meta page counts %u.", n,
						 check->meta.free_count);
}

/* Pages of a retired list belong to it; what they hold no longer matters. */
static void
ivf_check_retired_list(IvfCheck *check, const RvIvfEntryData *list)
{
	RvIvfReader reader = {check->rel, 0};
	Size		n;
	Size		i;
	BlockNumber *blocks = rvi_ivf_list_blocks(&reader, check->index, list, &n);

	for (i = 0; i < n; i++)
		if (blocks[i] < check->blocks && check->owned[blocks[i]] == 0)
			check->owned[blocks[i]] = RV_IVF_PAGE_RETIRED;
	if (blocks != NULL)
		pfree(blocks);
}

static void
ivf_check_retired(IvfCheck *check)
{
	BlockNumber block = check->meta.retired_head;

	while (block != InvalidBlockNumber)
	{
		RvIvfRetired retired = (RvIvfRetired) PageGetContents(check->page);
		uint32		i;

		if (!ivf_check_own(check, block, RV_IVF_PAGE_RETIRED, check->page))
			break;
		if (retired->count == 0 || retired->count > RV_IVF_RETIRED_PER_PAGE)
		{
			ivf_check_report(check, "error", 8, block, "the page counts %u retired lists.",
							 retired->count);
			break;
		}
		for (i = 0; i < retired->count; i++)
			ivf_check_retired_list(check, &retired->entries[i]);
		block = rvi_ivf_opaque(check->page)->next;
	}
}

/* ---- IVF-3 .. 6, 10: lists ---- */

static void
ivf_check_note_tid(IvfCheck *check, ItemPointer tid)
{
	if (check->ntids == check->tid_room)
	{
		check->tid_room = Max(2 * check->tid_room, 1024);
		check->tids = check->tids == NULL ? palloc(check->tid_room * sizeof(uint64)) :
			repalloc_huge(check->tids, check->tid_room * sizeof(uint64));
	}
	check->tids[check->ntids++] = ((uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16) |
		ItemPointerGetOffsetNumberNoCheck(tid);
}

/* Copies an item that has its own pages to check->item. */
static bool
ivf_check_copy_chain(IvfCheck *check, RvIvfPlace place)
{
	Size		done = 0;
	BlockNumber block = place.block;

	while (done < check->index->geo.item_bytes)
	{
		Size		part = Min(check->index->geo.item_bytes - done, RV_IVF_PAGE_ROOM);

		if (!ivf_check_own(check, block, RV_IVF_PAGE_VECTOR, check->vector_page) ||
			rvi_ivf_opaque(check->vector_page)->serial != place.serial)
			return false;
		memcpy(check->item + done, PageGetContents(check->vector_page), part);
		block = rvi_ivf_opaque(check->vector_page)->next;
		done += part;
	}
	return true;
}

/* Copies the item at place to check->item; false: there is none. */
static bool
ivf_check_copy_item(IvfCheck *check, RvIvfPlace place)
{
	const RvIvfGeometry *geo = &check->index->geo;

	if (geo->items_per_page == 0)
		return geo->item_bytes > 0 && ivf_check_copy_chain(check, place);
	if (check->vector_block != place.block)
	{
		check->vector_block = InvalidBlockNumber;
		if (place.block >= check->blocks)
			return false;
		if (check->owned[place.block] == 0)
		{
			if (!ivf_check_own(check, place.block, RV_IVF_PAGE_VECTOR, check->vector_page))
				return false;
		}
		else
			rvi_am_copy_page(check->rel, place.block, check->vector_page);
		check->vector_block = place.block;
	}
	if (!rvi_ivf_page_is(check->index, check->vector_page, RV_IVF_PAGE_VECTOR, place.serial) ||
		place.slot >= geo->items_per_page)
		return false;
	memcpy(check->item, PageGetContents(check->vector_page) + place.slot * geo->item_stride,
		   geo->item_bytes);
	return true;
}

/* A row's vector is there and its code is the code of that vector. */
static void
ivf_check_row(IvfCheck *check, BlockNumber block, RvIvfBlock codes, int at, uint32 serial)
{
	const RvIvfIndex *index = check->index;
	Size		code_bytes = rve_ivf_code_bytes(index->geo.dim);
	RvIvfPlace	place;
	RveIvfFactors factors;

	place.serial = serial;
	place.block = codes->vec_block[at];
	place.slot = codes->vec_slot[at];
	if (!ivf_check_copy_item(check, place))
	{
		ivf_check_report(check, "error", 5, block, "a row's vector, block %u place %u, is not there.",
						 place.block, place.slot);
		return;
	}
	if (!VARATT_IS_4B_U(check->item) || VARSIZE(check->item) != index->geo.item_bytes ||
		index->type->dim(PointerGetDatum(check->item)) != index->geo.dim)
	{
		ivf_check_report(check, "error", 5, place.block, "the vector at place %u is none of this index.",
						 place.slot);
		return;
	}
	rvi_ivf_item_floats(index, check->item, check->x);
	rve_ivf_encode(index->codec, check->x, check->encoder.centroid, check->encoder.rotated,
				   check->code, &factors);
	rve_ivf_block_get(codes->codes, index->geo.coded, at, check->stored_code);
	if (memcmp(check->code, check->stored_code, code_bytes) != 0 ||
		factors.add != codes->factors.add[at] || factors.resc != codes->factors.resc[at] ||
		factors.err != codes->factors.err[at])
		ivf_check_report(check, "error", 10, block, "a row's code is not that of its vector.");
}

/* Entries of the code page in check->page; returns how many have rows. */
static uint32
ivf_check_entries(IvfCheck *check, BlockNumber block, uint32 serial)
{
	RvIvfCodeHead head = rvi_ivf_head(check->page);
	uint32		rows = 0;
	int			i;

	for (i = 0; i < head->used; i++)
	{
		RvIvfBlock	codes = rvi_ivf_block(&check->index->geo, check->page, i / RVE_IVF_BLOCK);
		int			at = i % RVE_IVF_BLOCK;

		CHECK_FOR_INTERRUPTS();
		if (!ItemPointerIsValid(&codes->tid[at]))
		{
			/* a free entry keeps the page of its vector */
			if (check->index->geo.items_per_page > 0 && codes->vec_block[at] < check->blocks &&
				check->owned[codes->vec_block[at]] == 0)
				(void) ivf_check_own(check, codes->vec_block[at], RV_IVF_PAGE_VECTOR,
									 check->vector_page);
			check->vector_block = InvalidBlockNumber;
			continue;
		}
		rows++;
		ivf_check_note_tid(check, &codes->tid[at]);
		ivf_check_row(check, block, codes, at, serial);
	}
	if (head->free != head->used - rows)
		ivf_check_report(check, "error", 3, block, "the page counts %u free entries and has %u.",
						 head->free, head->used - rows);
	return rows;
}

/* What the first page says of the list, once its chain was walked. */
static void
ivf_check_totals(IvfCheck *check, const RvIvfEntryData *list, const RvIvfCodeHeadData *head,
				 const RvIvfCodeHeadData *found)
{
	if (head->tail != found->tail || head->pages != found->pages)
		ivf_check_report(check, "error", 4, list->first,
						 "the chain has %u pages and ends at block %u, the list says %u and %u.",
						 found->pages, found->tail, head->pages, head->tail);
	if (head->rows != found->rows)
		ivf_check_report(check, "error", 6, list->first, "the list counts %u rows and has %u.",
						 head->rows, found->rows);
	if (found->free_hint != InvalidBlockNumber)
		ivf_check_report(check, "error", 6, list->first,
						 "block %u has free entries that inserts will not look for.",
						 found->free_hint);
	if (head->state > RV_IVF_BUSY)
		ivf_check_report(check, "error", 6, list->first, "the list is in state %u.", head->state);
	if (head->vec_block != InvalidBlockNumber && check->index->geo.items_per_page > 0 &&
		((head->vec_block < check->blocks && check->owned[head->vec_block] == 0 &&
		  !ivf_check_own(check, head->vec_block, RV_IVF_PAGE_VECTOR, check->vector_page)) ||
		 head->vec_block >= check->blocks ||
		 head->vec_used > (uint32) check->index->geo.items_per_page))
		ivf_check_report(check, "error", 5, list->first,
						 "the list fills vector page %u up to place %u.", head->vec_block,
						 head->vec_used);
	check->vector_block = InvalidBlockNumber;
}

static void
ivf_check_list(IvfCheck *check, Size number)
{
	const RvIvfEntryData *list = &check->index->lists[number];
	RvIvfCodeHeadData head = {0};
	RvIvfCodeHeadData found = {0};
	BlockNumber block = list->first;
	bool		hint_seen = false;

	rvi_ivf_encoder_use(&check->encoder,
						check->index->centroids.x + number * check->index->geo.dim);
	found.tail = found.free_hint = InvalidBlockNumber;
	while (block != InvalidBlockNumber)
	{
		RvIvfCodeHead here = rvi_ivf_head(check->page);

		if (!ivf_check_own(check, block, RV_IVF_PAGE_CODE, check->page))
			break;
		if (rvi_ivf_opaque(check->page)->serial != list->serial)
		{
			ivf_check_report(check, "error", 4, block, "the page is list %u's, not list %u's.",
							 rvi_ivf_opaque(check->page)->serial, list->serial);
			break;
		}
		if (block == list->first)
			head = *here;
		if (here->used > check->index->geo.capacity || here->free > here->used)
		{
			ivf_check_report(check, "error", 3, block, "the page counts %u entries, %u of them free.",
							 here->used, here->free);
			break;
		}
		hint_seen |= block == head.free_hint;
		if (!hint_seen && here->free > 0)
			found.free_hint = block;
		found.rows += ivf_check_entries(check, block, list->serial);
		found.pages++;
		found.tail = block;
		block = rvi_ivf_opaque(check->page)->next;
		if (block != InvalidBlockNumber && here->used < check->index->geo.capacity)
			ivf_check_report(check, "error", 3, found.tail, "the page is not full but not the last.");
	}
	ivf_check_totals(check, list, &head, &found);
}

/* ---- IVF-11: rows are in one list ---- */

static int
ivf_check_compare_tids(const void *a, const void *b)
{
	uint64		left = *(const uint64 *) a;
	uint64		right = *(const uint64 *) b;

	return (left > right) - (left < right);
}

static void
ivf_check_twice(IvfCheck *check)
{
	Size		i;

	if (check->ntids == 0)
		return;
	qsort(check->tids, check->ntids, sizeof(uint64), ivf_check_compare_tids);
	for (i = 1; i < check->ntids; i++)
		if (check->tids[i] == check->tids[i - 1])
			ivf_check_report(check, "warning", 11, RV_IVF_META_BLOCK,
							 "row (%u,%u) is in two lists; scans return it once.",
							 (uint32) (check->tids[i] >> 16), (uint32) (check->tids[i] & 0xFFFF));
}

/* PostgreSQL callback: ruvector_index_check for an ivfflat index */
Datum
rvi_ivf_check(FunctionCallInfo fcinfo)
{
	IvfCheck	check = {0};
	Size		i;

	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;

	/* a standby grants no share lock; its only writer is replay, which the caller lets catch up */
	check.rel = rvi_ivf_open_checked(PG_GETARG_OID(0),
									 RecoveryInProgress() ? AccessShareLock : ShareLock);
	check.index = rvi_ivf_open(check.rel, &check.meta);
	check.blocks = RelationGetNumberOfBlocks(check.rel);
	check.owned = MemoryContextAllocExtended(CurrentMemoryContext, check.blocks,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check.page = palloc(BLCKSZ);
	check.vector_page = palloc(BLCKSZ);
	check.vector_block = InvalidBlockNumber;
	rvi_ivf_encoder_init(&check.encoder, check.index);
	check.x = palloc(check.index->geo.dim * sizeof(float));
	check.code = palloc(rve_ivf_code_bytes(check.index->geo.dim));
	check.stored_code = palloc(rve_ivf_code_bytes(check.index->geo.dim));
	check.item = palloc(Max(check.index->geo.item_bytes, VARHDRSZ));
	(void) ivf_check_own(&check, RV_IVF_META_BLOCK, RV_IVF_PAGE_META, check.page);
	ivf_check_directory(&check);
	for (i = 0; i < check.index->centroids.count; i++)
		ivf_check_list(&check, i);
	ivf_check_free(&check);
	ivf_check_retired(&check);
	ivf_check_lost(&check);
	ivf_check_twice(&check);
	index_close(check.rel, NoLock);
	return (Datum) 0;
}
