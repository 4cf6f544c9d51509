/*-------------------------------------------------------------------------
 *
 * ivf_page.c
 *	  Reading ivfflat pages, and opening indexes.
 *
 * Readers hold one share lock at a time. A page carries the serial number of
 * the list or directory it belongs to; serials are never reused, so a reader
 * with an outdated directory notices a page that has changed hands. All
 * numbers read from a page are bounds-checked before use.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_CACHE_LIMIT 16
#define IVF_OPEN_ATTEMPTS 1000	/* when directories are replaced as fast as they are read */

/* ---- pages ---- */

/* The special space, if the page has one of ours; else NULL. */
RvIvfOpaque
rvi_ivf_opaque(Page page)
{
	if (PageIsNew(page) ||
		((PageHeader) page)->pd_special != BLCKSZ - sizeof(RvIvfOpaqueData))
		return NULL;
	return (RvIvfOpaque) PageGetSpecialPointer(page);
}

const char *
rvi_ivf_page_problem(uint32 magic, Page page, RvIvfPageKind kind)
{
	RvIvfOpaque opaque = rvi_ivf_opaque(page);

	if (opaque == NULL)
		return "IVF-1: the page has no special space of this access method.";
	if (opaque->magic != magic || opaque->kind != kind)
		return "IVF-1: the page is not of the kind its place demands.";
	return NULL;
}

bool
rvi_ivf_page_is(const RvIvfIndex *index, Page page, RvIvfPageKind kind, uint32 serial)
{
	RvIvfOpaque opaque = rvi_ivf_opaque(page);

	return opaque != NULL && opaque->magic == index->magic && opaque->kind == kind &&
		opaque->serial == serial;
}

Page
rvi_ivf_lock_page(RvIvfReader *reader, BlockNumber block, Buffer *buffer)
{
	if (unlikely(block >= reader->blocks))
	{
		if (block != InvalidBlockNumber)
			reader->blocks = RelationGetNumberOfBlocks(reader->rel);
		if (block >= reader->blocks)
		{
			rvi_am_release(*buffer);
			*buffer = InvalidBuffer;
			return NULL;
		}
	}
	*buffer = ReleaseAndReadBuffer(*buffer, reader->rel, block);
	LockBuffer(*buffer, BUFFER_LOCK_SHARE);
	return BufferGetPage(*buffer);
}

void
rvi_ivf_check_code_page(Relation rel, const RvIvfIndex *index, BlockNumber block, Page page)
{
	RvIvfCodeHead head = rvi_ivf_head(page);

	if (head->used > index->geo.capacity || head->free > head->used)
		rvi_am_corrupted(rel, block, "IVF-3: a code page counts more entries than it has room for.");
}

void
rvi_ivf_page_rows_init(RvIvfPageRows *rows, const RvIvfGeometry *geo)
{
	memset(rows, 0, sizeof(*rows));
	rows->positions = palloc(geo->capacity * sizeof(uint16));
	rows->tids = palloc(geo->capacity * sizeof(ItemPointerData));
	rows->places = palloc(geo->capacity * sizeof(RvIvfPlace));
}

bool
rvi_ivf_read_rows(RvIvfReader *reader, const RvIvfIndex *index, const RvIvfEntryData *list,
				  BlockNumber block, bool all, RvIvfPageRows *rows)
{
	Buffer		buffer = InvalidBuffer;
	Page		page = rvi_ivf_lock_page(reader, block, &buffer);
	bool		ours = page != NULL && rvi_ivf_page_is(index, page, RV_IVF_PAGE_CODE, list->serial);
	int			i;

	rows->n = 0;
	rows->next = InvalidBlockNumber;
	if (ours)
	{
		rvi_ivf_check_code_page(reader->rel, index, block, page);
		rows->head = *rvi_ivf_head(page);
		rows->next = rvi_ivf_opaque(page)->next;
	}
	for (i = 0; ours && i < rows->head.used; i++)
	{
		RvIvfBlock	codes = rvi_ivf_block(&index->geo, page, i / RVE_IVF_BLOCK);
		int			at = i % RVE_IVF_BLOCK;

		if (!all && !ItemPointerIsValid(&codes->tid[at]))
			continue;
		rows->positions[rows->n] = i;
		rows->tids[rows->n] = codes->tid[at];
		rows->places[rows->n].serial = list->serial;
		rows->places[rows->n].block = codes->vec_block[at];
		rows->places[rows->n++].slot = codes->vec_slot[at];
	}
	if (page != NULL)
		rvi_am_unlock_page(buffer);
	rvi_am_release(buffer);
	return ours;
}

/* ---- items ---- */

/* Raises unless the bytes are a plain datum of this index's type and dimensions. */
static void
page_check_item(Relation rel, const RvIvfIndex *index, BlockNumber block, const char *item)
{
	if (!VARATT_IS_4B_U(item) || VARSIZE(item) != index->geo.item_bytes ||
		index->type->dim(PointerGetDatum(item)) != index->geo.dim)
		rvi_am_corrupted(rel, block, "IVF-5: a stored vector is not of the index's dimensions.");
}

/* Copies an item that has pages of its own; false: they are not this list's any more. */
static bool
page_copy_chain(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place, char *out)
{
	Buffer		buffer = InvalidBuffer;
	BlockNumber block = place.block;
	Size		done = 0;

	while (done < index->geo.item_bytes)
	{
		Size		part = Min(index->geo.item_bytes - done, RV_IVF_PAGE_ROOM);
		Page		page = rvi_ivf_lock_page(reader, block, &buffer);
		bool		ours = page != NULL &&
			rvi_ivf_page_is(index, page, RV_IVF_PAGE_VECTOR, place.serial);

		if (ours)
		{
			memcpy(out + done, PageGetContents(page), part);
			block = rvi_ivf_opaque(page)->next;
			done += part;
		}
		if (page != NULL)
			rvi_am_unlock_page(buffer);
		if (!ours)
			break;
	}
	rvi_am_release(buffer);
	return done == index->geo.item_bytes;
}

bool
rvi_ivf_with_item(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place,
				  RvIvfUseItem use, void *arg)
{
	Buffer		buffer = InvalidBuffer;
	Page		page;
	bool		ours;

	/* no item was stored yet when this scan began: its snapshot does not see the row */
	if (index->geo.item_bytes == 0)
		return false;
	if (index->geo.items_per_page == 0)
	{
		char	   *copy = palloc(Max(index->geo.item_bytes, 1));

		ours = page_copy_chain(reader, index, place, copy);
		if (ours)
		{
			page_check_item(reader->rel, index, place.block, copy);
			use(arg, copy);
		}
		pfree(copy);
		return ours;
	}
	page = rvi_ivf_lock_page(reader, place.block, &buffer);
	if (page == NULL)
		return false;
	ours = rvi_ivf_page_is(index, page, RV_IVF_PAGE_VECTOR, place.serial);
	if (ours)
	{
		const char *item;

		if (place.slot >= index->geo.items_per_page)
			rvi_am_corrupted(reader->rel, place.block,
							 "IVF-5: an entry names a place its vector page lacks.");
		item = PageGetContents(page) + place.slot * index->geo.item_stride;
		page_check_item(reader->rel, index, place.block, item);
		use(arg, item);
	}
	rvi_am_unlock_page(buffer);
	rvi_am_release(buffer);
	return ours;
}

int
rvi_ivf_item_blocks(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place,
					BlockNumber *blocks, int room)
{
	Buffer		buffer = InvalidBuffer;
	BlockNumber block = place.block;
	int			n = 0;

	if (index->geo.items_per_page > 0)
	{
		if (room > 0)
			blocks[n++] = place.block;
		return n;
	}
	while (n < room)
	{
		Page		page = rvi_ivf_lock_page(reader, block, &buffer);
		bool		ours = page != NULL &&
			rvi_ivf_page_is(index, page, RV_IVF_PAGE_VECTOR, place.serial);

		if (ours)
		{
			blocks[n++] = block;
			block = rvi_ivf_opaque(page)->next;
		}
		if (page != NULL)
			rvi_am_unlock_page(buffer);
		if (!ours)
			break;
	}
	rvi_am_release(buffer);
	return n;
}

/* ---- meta page and directory ---- */

void
rvi_ivf_read_meta(Relation rel, RvIvfMetaPageData *meta)
{
	Buffer		buffer = ReadBuffer(rel, RV_IVF_META_BLOCK);
	Page		page = BufferGetPage(buffer);
	RvIvfOpaque opaque;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	opaque = rvi_ivf_opaque(page);
	memcpy(meta, PageGetContents(page), sizeof(*meta));
	if (opaque == NULL || meta->magic != RV_IVF_MAGIC || opaque->kind != RV_IVF_PAGE_META ||
		opaque->magic != meta->index_magic)
		rvi_am_corrupted(rel, RV_IVF_META_BLOCK, "IVF-1: this is not an ivfflat meta page.");
	UnlockReleaseBuffer(buffer);
	if (meta->version != RV_IVF_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has ivfflat format version %u, this library reads version %d",
						RelationGetRelationName(rel), meta->version, RV_IVF_VERSION),
				 errhint("REINDEX the index.")));
	if (meta->dim < 1 || meta->dim > RVE_IVF_MAX_DIM || meta->nlists < 1 ||
		meta->nlists > 2 * RV_IVF_MAX_LISTS || meta->lists < 1 || meta->lists > RV_IVF_MAX_LISTS ||
		meta->item_bytes > meta->dim * sizeof(float) + 64)
		rvi_am_corrupted(rel, RV_IVF_META_BLOCK, "IVF-2: the meta page holds values out of range.");
}

char *
rvi_ivf_read_stream(Relation rel, uint32 magic, BlockNumber first, uint32 serial, Size size)
{
	char	   *out = MemoryContextAllocHuge(CurrentMemoryContext, size);
	RvIvfReader reader = {rel, 0};
	Buffer		buffer = InvalidBuffer;
	BlockNumber block = first;
	Size		done = 0;

	while (done < size)
	{
		Size		part = Min(size - done, RV_IVF_PAGE_ROOM);
		Page		page;
		RvIvfOpaque opaque;
		bool		ours;

		CHECK_FOR_INTERRUPTS();
		page = rvi_ivf_lock_page(&reader, block, &buffer);
		opaque = page != NULL ? rvi_ivf_opaque(page) : NULL;
		ours = opaque != NULL && opaque->magic == magic &&
			opaque->kind == RV_IVF_PAGE_DIRECTORY && opaque->serial == serial;
		if (ours)
		{
			memcpy(out + done, PageGetContents(page), part);
			block = opaque->next;
			done += part;
		}
		if (page != NULL)
			rvi_am_unlock_page(buffer);
		if (!ours)
			break;
	}
	rvi_am_release(buffer);
	if (done == size)
		return out;
	pfree(out);
	return NULL;
}

/* What an open index depends on. */
static uint64
page_version(const RvIvfMetaPageData *meta)
{
	return (uint64) meta->index_magic << 32 | meta->generation;
}

/* Reads what the index is at this generation; NULL: its directory was replaced meanwhile. */
static RvIvfIndex *
page_load_index(Relation rel, const RvIvfMetaPageData *meta)
{
	RvIvfIndex *index = palloc0(sizeof(RvIvfIndex));
	RvIvfDirectoryData *directory;
	char	   *bytes;

	index->cached.version = page_version(meta);
	index->magic = meta->index_magic;
	index->generation = meta->generation;
	rvi_am_lookup(rel, &index->type, &index->metric);
	if (index->metric != (RveMetric) meta->metric ||
		index->type->elements != (RveElements) meta->elements)
		rvi_am_corrupted(rel, RV_IVF_META_BLOCK, "IVF-2: the index was built for another distance.");
	rvi_ivf_geometry_init(&index->geo, meta->dim, meta->item_bytes);
	if (rvi_ivf_directory_size(meta->nlists, meta->dim) / BLCKSZ > RelationGetNumberOfBlocks(rel))
		rvi_am_corrupted(rel, RV_IVF_META_BLOCK,
						 "IVF-2: the meta page counts more lists than the index has room for.");
	bytes = rvi_ivf_read_stream(rel, meta->index_magic, meta->directory, meta->directory_serial,
								rvi_ivf_directory_size(meta->nlists, meta->dim));
	if (bytes == NULL)
		return NULL;
	directory = (RvIvfDirectoryData *) bytes;
	if (directory->nlists != meta->nlists || directory->dim != meta->dim ||
		directory->serial != meta->directory_serial)
		rvi_am_corrupted(rel, meta->directory, "IVF-2: the directory is not the meta page's.");
	index->origin = (float *) (bytes + sizeof(RvIvfDirectoryData));
	index->lists = (RvIvfEntryData *) (index->origin + meta->dim);
	index->centroids.x = (float *) (index->lists + meta->nlists);
	index->centroids.count = meta->nlists;
	index->centroids.dim = meta->dim;
	if (rvi_ivf_counts_direction(index->metric))
	{
		float	   *norms = palloc(meta->nlists * sizeof(float));

		rve_kmeans_inverse_norms(index->centroids.x, meta->nlists, meta->dim, norms);
		index->centroids.inverse_norms = norms;
	}
	rv_runtime_check_status(rve_ivf_codec_create(meta->dim, index->metric, meta->seed,
												 &index->codec), "ivfflat codec");
	return index;
}

/* Loads the index; reads the meta page again when it has changed. */
static RvAmCached *
ivf_load(Relation rel, void *arg)
{
	RvIvfMetaPageData *meta = arg;
	RvIvfIndex *index;
	int			attempt;

	for (attempt = 0;; attempt++)
	{
		uint32		generation = meta->generation;

		CHECK_FOR_INTERRUPTS();
		index = page_load_index(rel, meta);
		if (index != NULL)
			return &index->cached;
		MemoryContextReset(CurrentMemoryContext);
		rvi_ivf_read_meta(rel, meta);
		if (meta->generation == generation || attempt > IVF_OPEN_ATTEMPTS)
			rvi_am_corrupted(rel, meta->directory,
							 "IVF-2: a page of the directory is missing.");
	}
}

RvIvfIndex *
rvi_ivf_open(Relation rel, RvIvfMetaPageData *meta)
{
	static RvAmCache cache = {"ivfflat indexes", "ivfflat index", IVF_CACHE_LIMIT, ivf_load};
	RvIvfIndex *index;

	rvi_ivf_read_meta(rel, meta);
	index = (RvIvfIndex *) rvi_am_cache_open(&cache, rel, page_version(meta), meta);
	if (index->geo.item_bytes != meta->item_bytes)
		rvi_ivf_geometry_init(&index->geo, meta->dim, meta->item_bytes);
	return index;
}
