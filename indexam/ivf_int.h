/*-------------------------------------------------------------------------
 *
 * ivf_int.h
 *	  What the files of the ivfflat access method share.
 *
 * Page layouts are in docs/ivfflat-format.md, protocols and invariants in
 * README-ivfflat.md. Only ivf_page.c and ivf_write_page.c touch buffers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef IVF_INT_H
#define IVF_INT_H

#include "access/amapi.h"
#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/itup.h"
#include "access/transam.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/relcache.h"

#include "engine/core/ivf/rve_ivf.h"
#include "engine/types/rv_types.h"
#include "indexam/am_int.h"

#define RV_IVF_MAGIC 0x49565652	/* "RVVI" */
#define RV_IVF_VERSION 1
#define RV_IVF_META_BLOCK 0
#define RV_IVF_EMPTY_SERIAL 1	/* of the one list of an index built without rows */
#define RV_IVF_MAX_LISTS 32768
#define RV_IVF_DEFAULT_LISTS 100

typedef enum RvIvfPageKind
{
	RV_IVF_PAGE_META = 1,
	RV_IVF_PAGE_DIRECTORY,		/* the lists and their centroids, one byte stream */
	RV_IVF_PAGE_CODE,			/* blocks of 32 codes of one list */
	RV_IVF_PAGE_VECTOR,			/* its exact vectors */
	RV_IVF_PAGE_RETIRED,		/* lists that no new scan reads */
	RV_IVF_PAGE_FREE
} RvIvfPageKind;

/* Special space of every page. */
typedef struct RvIvfOpaqueData
{
	uint32		magic;			/* of the index */
	uint16		kind;
	uint16		version;
	uint32		serial;			/* list or directory that the page belongs to; never reused */
	uint32		next;			/* in the page's chain */
	uint32		xid;			/* transaction that took the page; 0: build or maintenance */
	uint32		unused;
} RvIvfOpaqueData;

typedef RvIvfOpaqueData *RvIvfOpaque;

StaticAssertDecl(sizeof(RvIvfOpaqueData) == 24, "special space of ivfflat pages");

#define RV_IVF_PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - sizeof(RvIvfOpaqueData))

typedef struct RvIvfMetaPageData
{
	uint32		magic;
	uint32		version;
	uint32		index_magic;	/* random and odd */
	uint32		dim;
	uint8		metric;
	uint8		elements;
	uint16		unused;
	uint32		item_bytes;		/* of a stored vector; 0 = none was stored yet */
	uint64		seed;			/* of the rotation */
	uint32		lists;			/* the index's option when it was built */
	uint32		generation;		/* counts directories */
	uint32		directory;		/* first block */
	uint32		directory_serial;
	uint32		nlists;			/* lists in the directory */
	uint32		next_serial;
	uint32		free_head;
	uint32		free_count;
	uint32		retired_head;
	float		error;			/* rve_kmeans_error when the lists were formed */
} RvIvfMetaPageData;

typedef RvIvfMetaPageData *RvIvfMetaPage;

StaticAssertDecl(sizeof(RvIvfMetaPageData) == 72, "ivfflat meta page");

/* The directory's stream: this, float32 origin[dim], entries, float32 centroids[nlists][dim]. */
typedef struct RvIvfDirectoryData
{
	uint32		nlists;
	uint32		dim;
	uint32		serial;
	uint32		unused;
} RvIvfDirectoryData;

typedef struct RvIvfEntryData
{
	uint32		serial;
	uint32		first;			/* its first code page */
} RvIvfEntryData;

/* Starts a code page's contents; fields after `free` count on a list's first page only. */
typedef struct RvIvfCodeHeadData
{
	uint16		used;			/* entries handed out on this page */
	uint16		free;			/* of those, without a row */
	uint32		tail;			/* last code page */
	uint32		rows;
	uint32		pages;			/* code pages */
	uint32		vec_block;		/* vector page being filled; InvalidBlockNumber = none */
	uint32		vec_used;
	uint32		free_hint;		/* no page before this one has free entries */
	uint16		state;			/* RvIvfState */
	uint16		unused;
	uint32		unused2[2];
} RvIvfCodeHeadData;

typedef RvIvfCodeHeadData *RvIvfCodeHead;

StaticAssertDecl(sizeof(RvIvfCodeHeadData) == 40, "head of an ivfflat code page");

typedef enum RvIvfState
{
	RV_IVF_OPEN = 0,
	RV_IVF_BUSY = 1				/* being replaced: takes no rows */
} RvIvfState;

typedef struct RvIvfBlockData
{
	RveIvfBlockFactors factors;
	uint32		vec_block[RVE_IVF_BLOCK];
	uint16		vec_slot[RVE_IVF_BLOCK];
	ItemPointerData tid[RVE_IVF_BLOCK]; /* invalid = no row */
	uint8		codes[FLEXIBLE_ARRAY_MEMBER];
} RvIvfBlockData;

typedef RvIvfBlockData *RvIvfBlock;

StaticAssertDecl(offsetof(RvIvfBlockData, codes) == 768, "ivfflat block");

typedef struct RvIvfRetiredData
{
	uint64		fxid;			/* scans of older snapshots may read the lists; 0 = not known yet */
	uint32		count;
	uint32		unused;
	RvIvfEntryData entries[FLEXIBLE_ARRAY_MEMBER];
} RvIvfRetiredData;

typedef RvIvfRetiredData *RvIvfRetired;

#define RV_IVF_RETIRED_PER_PAGE \
	((RV_IVF_PAGE_ROOM - offsetof(RvIvfRetiredData, entries)) / sizeof(RvIvfEntryData))

/* What follows from dimensions and item size. */
typedef struct RvIvfGeometry
{
	int			dim;
	int			coded;
	Size		block_bytes;
	int			blocks_per_page;
	int			capacity;		/* entries a code page */
	uint32		item_bytes;		/* 0 = not known yet, then the following are 0 too */
	uint32		item_stride;
	int			items_per_page; /* 0: an item has pages of its own, in a chain */
} RvIvfGeometry;

/* An open index as of one generation; kept by the session, immutable but for geo.item_*. */
typedef struct RvIvfIndex
{
	RvAmCached	cached;			/* first; its version is magic and generation */
	uint32		magic;
	uint32		generation;
	const RvTypeDesc *type;
	RveMetric	metric;
	RvIvfGeometry geo;
	RveIvfCodec *codec;
	float	   *origin;
	RvIvfEntryData *lists;
	RveCentroids centroids;		/* with inverse_norms for inner product and cosine */
} RvIvfIndex;

/* ---- ivf_row.c ---- */

/* A row as the index takes it; memory of the context it was read in. */
typedef struct RvIvfRow
{
	float	   *x;				/* normalised for cosine; bits as 0 and 1 */
	const char *item;			/* the plain datum */
	uint32		item_bytes;
} RvIvfRow;

extern bool rvi_ivf_metric_supported(RveMetric metric, RveElements elements);
extern bool rvi_ivf_counts_direction(RveMetric metric);
extern void rvi_ivf_geometry_init(RvIvfGeometry *geo, int dim, uint32 item_bytes);

/* False: rows like it are not indexed (zero under cosine). Raises 22000 for other dimensions. */
extern bool rvi_ivf_read_row(const RvTypeDesc *type, RveMetric metric, int dim, Datum value,
							 RvIvfRow *row);

/* The floats of a stored item, as rvi_ivf_read_row gives them; x has room. */
extern void rvi_ivf_item_floats(const RvIvfIndex *index, const char *item, float *x);

/* The operator's distance, or something that orders as it does. */
extern double rvi_ivf_exact(RveMetric metric, const RveVectorView *a, const RveVectorView *b);

/* Encodes rows for one list. */
typedef struct RvIvfEncoder
{
	const RvIvfIndex *index;
	const float *centroid;
	float	   *rotated;
} RvIvfEncoder;

extern void rvi_ivf_encoder_init(RvIvfEncoder *encoder, const RvIvfIndex *index);
extern void rvi_ivf_encoder_use(RvIvfEncoder *encoder, const float *centroid);

/* ---- ivf_page.c: reading ---- */

extern RvIvfOpaque rvi_ivf_opaque(Page page);
extern const char *rvi_ivf_page_problem(uint32 magic, Page page, RvIvfPageKind kind);
extern void rvi_ivf_read_meta(Relation rel, RvIvfMetaPageData *meta);

/* Who reads; blocks saves asking for the file's size each time. */
typedef struct RvIvfReader
{
	Relation	rel;
	BlockNumber blocks;			/* at least */
} RvIvfReader;

/* Pins and share-locks a page; *buffer is released first if valid. NULL: there is no such block. */
extern Page rvi_ivf_lock_page(RvIvfReader *reader, BlockNumber block, Buffer *buffer);

/* Whether the page is of that kind and belongs to that list or directory. */
extern bool rvi_ivf_page_is(const RvIvfIndex *index, Page page, RvIvfPageKind kind, uint32 serial);

static inline RvIvfCodeHead
rvi_ivf_head(Page page)
{
	return (RvIvfCodeHead) PageGetContents(page);
}

static inline RvIvfBlock
rvi_ivf_block(const RvIvfGeometry *geo, Page page, int i)
{
	return (RvIvfBlock) (PageGetContents(page) + sizeof(RvIvfCodeHeadData) + i * geo->block_bytes);
}

/* Raises when a code page's counts are impossible. */
extern void rvi_ivf_check_code_page(Relation rel, const RvIvfIndex *index, BlockNumber block,
									Page page);

/*
 * Calls use on a stored item, under its page's lock when it is on one page.
 * False: the page is no longer this list's.
 */
typedef struct RvIvfPlace
{
	uint32		serial;
	BlockNumber block;
	uint16		slot;
} RvIvfPlace;

typedef void (*RvIvfUseItem) (void *arg, const char *item);

extern bool rvi_ivf_with_item(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place,
							  RvIvfUseItem use, void *arg);

/* Appends the blocks of an item's chain, or of the one page it is on, to blocks[room]; returns how many. */
extern int	rvi_ivf_item_blocks(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place,
								BlockNumber *blocks, int room);

/* A code page's entries, copied. Arrays have room for geo.capacity. */
typedef struct RvIvfPageRows
{
	int			n;
	uint16	   *positions;
	ItemPointerData *tids;
	RvIvfPlace *places;
	RvIvfCodeHeadData head;
	BlockNumber next;
} RvIvfPageRows;

extern void rvi_ivf_page_rows_init(RvIvfPageRows *rows, const RvIvfGeometry *geo);

/*
 * Copies the entries that have rows, or all that were handed out. False: it is no code page of
 * this list.
 */
extern bool rvi_ivf_read_rows(RvIvfReader *reader, const RvIvfIndex *index,
							  const RvIvfEntryData *list, BlockNumber block, bool all,
							  RvIvfPageRows *rows);

/*
 * The index at its present generation, held until CurrentMemoryContext goes;
 * *meta is what the meta page said.
 */
extern RvIvfIndex *rvi_ivf_open(Relation rel, RvIvfMetaPageData *meta);

/* ---- ivf_write_page.c: changing ---- */

typedef struct RvIvfWriter
{
	Relation	rel;
	uint32		magic;
	bool		unlogged;		/* a build: plain buffers, logged at its end */
	bool		maintenance;	/* pages carry no transaction */
	RvAmRecord	record;
	BlockNumber spare_code;		/* taken, not yet used */
	BlockNumber spare_vector;
	uint32		spare_serial;
} RvIvfWriter;

/* One row to add to a list. */
typedef struct RvIvfItem
{
	ItemPointerData tid;
	const char *item;
	const uint8 *code;
	RveIvfFactors factors;
} RvIvfItem;

extern void rvi_ivf_writer_init(RvIvfWriter *writer, Relation rel, uint32 magic, bool unlogged);

/* Gives unused pages back. */
extern void rvi_ivf_writer_done(RvIvfWriter *writer);

extern void rvi_ivf_write_start(RvIvfWriter *writer);
extern Page rvi_ivf_write_page(RvIvfWriter *writer, BlockNumber block);
extern void rvi_ivf_write_finish(RvIvfWriter *writer);
extern void rvi_ivf_write_abandon(RvIvfWriter *writer);

/* An empty page. All of it counts as used, so that generic WAL logs all of it. */
extern void rvi_ivf_init_page(Page page, uint32 magic, RvIvfPageKind kind, uint32 serial,
							  TransactionId xid);
extern RvIvfMetaPage rvi_ivf_write_meta(RvIvfWriter *writer);

/* A new or free page, initialised for its use. No buffer may be locked. */
extern BlockNumber rvi_ivf_take_page(RvIvfWriter *writer, RvIvfPageKind kind, uint32 serial);

/* Puts pages on the free list if they still belong to serial (0 = whatever they are). */
extern void rvi_ivf_free_pages(RvIvfWriter *writer, const BlockNumber *blocks, int n, uint32 serial);

/* The first page of an empty list. */
extern BlockNumber rvi_ivf_create_list(RvIvfWriter *writer, const RvIvfGeometry *geo, uint32 serial);

/*
 * Appends items to the list; returns how many (fewer than n: the list takes
 * no rows now). geo->item_bytes must be known.
 */
extern int	rvi_ivf_append(RvIvfWriter *writer, const RvIvfGeometry *geo, const RvIvfEntryData *list,
						   const RvIvfItem *items, int n);

/*
 * Takes rows out of one code page: the entries of positions[n], where they
 * still hold tids[i]. Returns how many. hint: the page from which inserts are to look
 * for free entries, InvalidBlockNumber = from where they do now.
 */
typedef struct RvIvfRemoval
{
	const RvIvfEntryData *list;
	BlockNumber block;
	int			n;
	const uint16 *positions;
	const ItemPointerData *tids;
	BlockNumber hint;
} RvIvfRemoval;

extern int	rvi_ivf_remove(RvIvfWriter *writer, const RvIvfIndex *index, const RvIvfRemoval *removal);

/* Changes a list's state; false: it is another list's page by now. */
extern bool rvi_ivf_set_state(RvIvfWriter *writer, const RvIvfEntryData *list, RvIvfState state);

/* Sets the item size if the meta page has none; returns what it is then. */
extern uint32 rvi_ivf_learn_item_bytes(RvIvfWriter *writer, uint32 item_bytes);

/*
 * Writes the lists to new RETIRED pages in front of the chain that starts at
 * head; returns the new head. They count once the meta page names it.
 */
extern BlockNumber rvi_ivf_write_retired(RvIvfWriter *writer, const RvIvfEntryData *lists,
										 uint32 n, BlockNumber head);

/* Sets a RETIRED page's fxid if it has none; takes one out of the chain, behind previous. */
extern void rvi_ivf_set_retired_fxid(RvIvfWriter *writer, BlockNumber block, uint64 fxid);
extern void rvi_ivf_unlink_retired(RvIvfWriter *writer, BlockNumber previous, BlockNumber block);

/* The relation's length, all pages of which are initialised or lost. */
extern BlockNumber rvi_ivf_settled_blocks(Relation rel);

/* What rows' distances from their centroids are compared with from now on. */
extern void rvi_ivf_set_error(RvIvfWriter *writer, float error);

/* Serial numbers first .. first + n - 1 are the caller's. */
extern uint32 rvi_ivf_take_serials(RvIvfWriter *writer, uint32 n);

/* Writes bytes to a new chain of pages; returns its first block. */
extern BlockNumber rvi_ivf_write_stream(RvIvfWriter *writer, RvIvfPageKind kind, uint32 serial,
										const char *data, Size size);

/*
 * Creates the meta page in the empty fork and, unless directory is NULL, one
 * empty list (block 1) and the directory (from block 2). Logged if it is an init fork's.
 */
extern void rvi_ivf_create_meta(Relation rel, int forknum, const RvIvfMetaPageData *meta,
								const char *directory, Size size);
extern void rvi_ivf_log_all(Relation rel);

/* ---- ivf_directory.c ---- */

/* Lists as they are written to a directory. */
typedef struct RvIvfDirectory
{
	int			dim;
	int			nlists;
	float	   *origin;
	RvIvfEntryData *lists;
	float	   *centroids;
	float		error;			/* for the meta page */
} RvIvfDirectory;

/* The stream, in memory of CurrentMemoryContext. */
extern char *rvi_ivf_directory_bytes(const RvIvfDirectory *directory, uint32 serial, Size *size);
extern Size rvi_ivf_directory_size(uint32 nlists, uint32 dim);

/* ---- ivf_meta_page.c ---- */

/* Makes the directory the index's, in one record. retired: first RETIRED page, or what it was. */
extern void rvi_ivf_switch(RvIvfWriter *writer, const RvIvfDirectory *directory, uint32 retired_head);

/* ivf_page.c: reads a directory's stream into memory of CurrentMemoryContext; NULL: it was replaced meanwhile. */
extern char *rvi_ivf_read_stream(Relation rel, uint32 magic, BlockNumber first, uint32 serial,
								 Size size);

/* ---- ivf_batch.c ---- */

/* Rows on their way into the lists of index, several at a time. */
typedef struct RvIvfBatch
{
	const RvIvfIndex *index;
	RvIvfWriter *writer;
	RvIvfEncoder encoder;
	MemoryContext context;		/* items */
	float	   *x;
	RvIvfItem  *items;
	uint32	   *nearest;
	uint32	   *order;
	int			count;
	int			room;
} RvIvfBatch;

extern void rvi_ivf_batch_init(RvIvfBatch *batch, const RvIvfIndex *index, RvIvfWriter *writer);
extern bool rvi_ivf_batch_is_full(const RvIvfBatch *batch);

/* Copies the row. The batch must not be full. */
extern void rvi_ivf_batch_add(RvIvfBatch *batch, const RvIvfRow *row, ItemPointer tid);

/* Finds each row's list; then appends all of them, empties the batch and returns how many they were. */
extern void rvi_ivf_batch_assign(RvIvfBatch *batch);
extern int	rvi_ivf_batch_load(RvIvfBatch *batch);

/* ---- ivf_insert.c ---- */

/* Adds one row, waiting where a list is being replaced. */
extern void rvi_ivf_insert(RvIvfWriter *writer, const RvIvfRow *row, ItemPointer tid);

/* ---- ivf_space.c ---- */

/* Frees the pages of retired lists that no scan can be reading any more; returns how many. */
extern int64 rvi_ivf_free_retired(RvIvfWriter *writer, const RvIvfIndex *index);

/* Frees pages that belong to nothing, left over by crashes and errors; returns how many. */
extern int64 rvi_ivf_free_leaked(RvIvfWriter *writer, const RvIvfIndex *index);

/* Frees a directory's pages. */
extern void rvi_ivf_free_directory(RvIvfWriter *writer, const RvIvfMetaPageData *meta);

/* Blocks of all pages of a list, code pages last and its first page the very last; palloc'd. */
extern BlockNumber *rvi_ivf_list_blocks(RvIvfReader *reader, const RvIvfIndex *index,
										const RvIvfEntryData *list, Size *n);

/* ---- ivf_sample.c ---- */

/* Reads stored rows for clustering; memory of samples is the caller's. */
typedef struct RvIvfSampler
{
	RvIvfReader reader;
	const RvIvfIndex *index;
	RvIvfPageRows rows;
	MemoryContext row_context;
	uint64		random;
} RvIvfSampler;

extern void rvi_ivf_sampler_init(RvIvfSampler *sampler, Relation rel, const RvIvfIndex *index);

/* Reads a row's vector into memory of the current context; raises when it is not there. */
extern void rvi_ivf_read_stored(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place,
								RvIvfRow *row);

/* Memory for `wanted` samples, fewer if maintenance_work_mem is short, but at least `least`. */
extern float *rvi_ivf_alloc_samples(const RvIvfSampler *sampler, double wanted, int least,
									int *room);

/* Rows of one list, evenly spread over it; returns how many. list_rows: how many it has. */
extern int	rvi_ivf_sample_list(RvIvfSampler *sampler, const RvIvfEntryData *list,
								uint32 list_rows, float *samples, int room);

/*
 * Forms at most `lists` centroids of n samples, which it shuffles; returns how
 * many. by_density: lists of similar size rather than of similar extent.
 */
extern int	rvi_ivf_cluster(RvIvfSampler *sampler, int lists, bool by_density, float *samples,
							int n, float *centroids, double *error);

/* The largest share of n samples that one of the centroids gets. */
extern double rvi_ivf_largest_share(const RvIvfSampler *sampler, const float *centroids,
									int lists, const float *samples, int n);

/* ---- ivf_maintain.c ---- */

/* What maintenance did. */
typedef struct RvIvfMaintenance
{
	int64		lists_before;
	int64		lists_after;
	int64		split;
	int64		merged;
	int64		created;
	int64		moved;			/* rows that changed lists, those of split and merged lists included */
	int64		freed;			/* pages */
} RvIvfMaintenance;

/* Caller holds a self-conflicting lock on the table. */
extern void rvi_ivf_maintain(Relation rel, RvIvfMaintenance *done);

/* ---- ivf_inspect.c ---- */

/* Opens an ivfflat index for a function its caller may use; raises otherwise. */
extern Relation rvi_ivf_open_checked(Oid relid, int lockmode);
extern bool rvi_ivf_is_index(Oid relid);

/* ivf_check.c */
extern Datum rvi_ivf_check(FunctionCallInfo fcinfo);

/* ---- the access method's callbacks ---- */
extern IndexBuildResult *ivfbuild(Relation heap, Relation index, struct IndexInfo *info);
extern void ivfbuildempty(Relation index);
extern bool ivfinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
					  IndexUniqueCheck check_unique, bool index_unchanged, struct IndexInfo *info);
extern IndexBulkDeleteResult *ivfbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											IndexBulkDeleteCallback callback, void *callback_state);
extern IndexBulkDeleteResult *ivfvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void ivfcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
							Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
							double *correlation, double *pages);
extern IndexScanDesc ivfbeginscan(Relation index, int nkeys, int norderbys);
extern void ivfrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool ivfgettuple(IndexScanDesc scan, ScanDirection direction);
extern void ivfendscan(IndexScanDesc scan);

/* ivf.c */
typedef struct RvIvfOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			lists;
} RvIvfOptions;

extern int	rvi_ivf_option_lists(Relation rel);
extern void rvi_ivf_init(void);

#define RV_IVF_PHASE_KMEANS 2	/* after PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE */
#define RV_IVF_PHASE_ASSIGN 3
#define RV_IVF_PHASE_LOAD 4

#endif							/* IVF_INT_H */
