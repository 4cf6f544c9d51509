/*-------------------------------------------------------------------------
 *
 * hnsw_build_merge.c
 *	  The end of a build in parts: nodes and their merged lists to pages.
 *
 * CELLS_WRITE writes a cell's nodes with what is not in doubt: code, row,
 * duplicates, upper lists. CELLS_MERGE gives each node one list out of those it
 * got in its cells, by the codes of all they lead to: those of its own cell are
 * in memory, the others on the pages that CELLS_WRITE has written.
 *
 * The first nodes of successive cells keep edges to each other, which makes one
 * tree of the cells' trees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_build_int.h"

#define MERGE_MAILED (CELLS_OVERLAP - 1)	/* lists of a node out of other cells */

StaticAssertDecl(CELLS_OVERLAP <= RVE_HNSW_MERGE_LISTS, "lists of a node");

/* What was sent for a cell's nodes, by their place in the cell. */
typedef struct MergeMail
{
	uint32		count;
	uint32	  **lists;			/* MERGE_MAILED for each node, or NULL; or one, of upper levels */
	MemoryContext context;
} MergeMail;

static void
merge_mail_init(HnswCellsWork *work, uint32 cell, int lists, MergeMail *mail)
{
	mail->count = work->start[cell + 1] - work->start[cell];
	mail->lists = rvi_hnsw_cells_alloc(work, mul_size(mail->count, lists), sizeof(uint32 *));
	mail->context = AllocSetContextCreate(work->context, "hnsw build mail",
										  ALLOCSET_DEFAULT_SIZES);
}

static void
merge_mail_free(MergeMail *mail)
{
	MemoryContextDelete(mail->context);
	pfree(mail->lists);
}

static void
merge_read_mail(HnswCellsWork *work, uint32 cell, MergeMail *mail)
{
	uint32		p;
	RveNode		nid;

	for (p = 0; p < work->cells->processes; p++)
	{
		BufFile    *file = rvi_hnsw_cells_open(work, CELLS_MAIL, cell, p);

		while (file != NULL && rvi_hnsw_cells_get(file, &nid, sizeof(nid)))
		{
			uint32	   *list = MemoryContextAlloc(mail->context, work->list_bytes);
			uint32		place = nid - work->start[cell];
			int			i = 0;

			CHECK_FOR_INTERRUPTS();
			if (!rvi_hnsw_cells_get(file, list, work->list_bytes) || place >= mail->count)
				rvi_hnsw_cells_missing("lists");
			while (i < MERGE_MAILED && mail->lists[place * MERGE_MAILED + i] != NULL)
				i++;
			if (i < MERGE_MAILED)
				mail->lists[place * MERGE_MAILED + i] = list;
		}
		if (file != NULL)
			BufFileClose(file);
	}
}

static void
merge_read_upper(HnswCellsWork *work, uint32 cell, MergeMail *mail)
{
	BufFile    *file = rvi_hnsw_cells_open_only(work, CELLS_UPPER, cell);
	RveNode		nid;

	while (file != NULL && rvi_hnsw_cells_get(file, &nid, sizeof(nid)))
	{
		Size		bytes = rvi_hnsw_cells_level(work, nid) * (1 + work->build->meta.m) *
			sizeof(uint32);
		uint32	   *lists = MemoryContextAlloc(mail->context, bytes);

		if (!rvi_hnsw_cells_get(file, lists, bytes) || nid - work->start[cell] >= mail->count)
			rvi_hnsw_cells_missing("upper lists");
		mail->lists[nid - work->start[cell]] = lists;
	}
	if (file != NULL)
		BufFileClose(file);
}

/* Makes sure that a list keeps an edge to target. */
static void
merge_join(const HnswCellsWork *work, uint32 *list, RveNode target)
{
	uint32		max = 2 * work->build->meta.m;
	float	   *dist = (float *) (list + 1 + max);
	uint32		at = list[0];
	uint32		i;

	for (i = 0; i < list[0]; i++)
	{
		if (RVE_HNSW_NODE(list[1 + i]) == target)
			break;
		if (list[0] == max && (list[1 + i] & RVE_HNSW_KEPT) == 0)
			at = i;
	}
	if (i < list[0])
		at = i;
	else if (at == list[0])
		list[0]++;
	list[1 + at] = target | RVE_HNSW_KEPT;
	dist[at] = 0;
}

/* The first nodes of the cells that have any are a path. */
static void
merge_join_cells(const HnswCellsWork *work, uint32 cell, uint32 *list)
{
	uint32		other;

	if (work->start[cell] > 0)
	{
		other = rvi_hnsw_cells_of(work, work->start[cell] - 1);
		merge_join(work, list, work->start[other]);
	}
	if (work->start[cell + 1] < work->start[work->cells->count])
		merge_join(work, list, work->start[cell + 1]);
}

static RveHnswList
merge_list(const HnswCellsWork *work, const uint32 *list)
{
	RveHnswList result = {NULL, NULL, 0};

	if (list != NULL)
	{
		result.edges = list + 1;
		result.dist = (const float *) (list + 1 + 2 * work->build->meta.m);
		result.count = Min(list[0], 2 * work->build->meta.m);
	}
	return result;
}

/* ---- CELLS_WRITE ---- */

/* The next of a cell's rows. */
static void
merge_next_node(HnswCellsWork *work, BufFile *file, RveHnswMemNode *node, uint8 *item)
{
	HnswCellsNode stored;

	if (file == NULL || !rvi_hnsw_cells_get(file, &stored, sizeof(stored)) ||
		!rvi_hnsw_cells_get(file, item, work->build->item_bytes))
		rvi_hnsw_cells_missing("nodes");
	memset(node, 0, sizeof(*node));
	node->tag = stored.tag;
	node->item = item;
	node->duplicate_of = stored.duplicate_of;
	node->next_duplicate = stored.next_duplicate;
}

void
rvi_hnsw_cells_write(HnswCellsWork *work, uint32 cell)
{
	uint8	   *item = rvi_hnsw_cells_alloc(work, work->build->item_bytes, 1);
	BufFile    *file = rvi_hnsw_cells_open_only(work, CELLS_NODES, cell);
	Size		stride = 1 + work->build->meta.m;
	MergeMail	upper;
	RveHnswMemNode node;
	uint32		at;
	int			level;

	merge_mail_init(work, cell, 1, &upper);
	merge_read_upper(work, cell, &upper);
	for (at = 0; at < upper.count; at++)
	{
		HnswBuildLists lists = {{NULL}, {0}};

		CHECK_FOR_INTERRUPTS();
		merge_next_node(work, file, &node, item);
		if (upper.lists[at] != NULL)
			node.level = rvi_hnsw_cells_level(work, work->start[cell] + at);
		for (level = 1; level <= node.level; level++)
		{
			const uint32 *list = upper.lists[at] + (level - 1) * stride;

			lists.count[level] = Min(list[0], work->build->meta.m);
			lists.edges[level] = list + 1;
		}
		rvi_hnsw_build_write_node(work->build, work->start[cell] + at, &node, &lists);
	}
	if (file != NULL)
		BufFileClose(file);
	merge_mail_free(&upper);
	pfree(item);
}

/* ---- CELLS_MERGE ---- */

/* The items that lists of a cell's nodes lead to. */
typedef struct MergeItems
{
	HnswCellsWork *work;
	RveNode		first;			/* of the cell's own */
	uint32		count;
	uint8	   *own;			/* their items */
	uint8	   *others;			/* RVE_HNSW_MERGE_EDGES items, read from pages */
	const void *loaded[RVE_HNSW_MERGE_EDGES];
} MergeItems;

static void
merge_load(void *context, const RveNode *nodes, int n, bool *usable)
{
	MergeItems *items = context;
	HnswBuild  *build = items->work->build;
	Size		stride = rvi_hnsw_cells_stride(build);
	RvHnswSlotData slot;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint8	   *item = items->others + i * stride;

		usable[i] = true;
		items->loaded[i] = item;
		if (nodes[i] - items->first < items->count)
			items->loaded[i] = items->own + (nodes[i] - items->first) * stride;
		else if (rvi_hnsw_read_code(&build->reader, nodes[i], &slot, item))
			memcpy(item + build->factors_at, &slot.factors, sizeof(RveCodeFactors));
		else
			usable[i] = false;
	}
}

static float
merge_pair(void *context, int i, int j)
{
	MergeItems *items = context;
	float		dist;

	rve_quant_symmetric_many(items->work->build->index->codec, items->loaded[i],
							 &items->loaded[j], 1, &dist);
	return dist;
}

/* Gives a written node its edges. */
static void
merge_write_edges(HnswCellsWork *work, RveNode nid, RveNode *edges, int count)
{
	RvHnswEdgeChange change = {0};

	change.block = rvi_hnsw_slot_place(&work->build->index->geo, nid).block;
	change.nid = nid;
	change.seq = BUILD_FIRST_SEQ;
	change.new_edges = edges;
	change.new_count = count;
	rvi_hnsw_change_edges(&work->build->writer, &change, 1);
	if (!change.applied)
		rvi_am_corrupted(work->build->rel, change.block, "a node just written is gone.");
}

/* Reads the cell's items and says which rows are nodes. */
static bool *
merge_read_items(HnswCellsWork *work, uint32 cell, MergeItems *items)
{
	BufFile    *file = rvi_hnsw_cells_open_only(work, CELLS_NODES, cell);
	Size		stride = rvi_hnsw_cells_stride(work->build);
	bool	   *is_node;
	RveHnswMemNode node;
	uint32		at;

	items->work = work;
	items->first = work->start[cell];
	items->count = work->start[cell + 1] - work->start[cell];
	items->own = rvi_hnsw_cells_alloc(work, items->count, stride);
	items->others = rvi_hnsw_cells_alloc(work, RVE_HNSW_MERGE_EDGES, stride);
	is_node = rvi_hnsw_cells_alloc(work, items->count, sizeof(bool));
	for (at = 0; at < items->count; at++)
	{
		merge_next_node(work, file, &node, items->own + at * stride);
		is_node[at] = node.duplicate_of == RVE_NODE_NONE;
	}
	if (file != NULL)
		BufFileClose(file);
	return is_node;
}

void
rvi_hnsw_cells_merge(HnswCellsWork *work, uint32 cell)
{
	uint32	   *own = rvi_hnsw_cells_alloc(work, work->list_bytes, 1);
	BufFile    *file = rvi_hnsw_cells_open_only(work, CELLS_LISTS, cell);
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	MergeItems	items;
	RveHnswMerge merge = {.load = merge_load, .pair = merge_pair, .context = &items};
	bool	   *is_node = merge_read_items(work, cell, &items);
	MergeMail	mail;
	uint32		at;
	int			i;

	merge.max = 2 * work->build->meta.m;
	merge.out = edges;
	merge_mail_init(work, cell, MERGE_MAILED, &mail);
	merge_read_mail(work, cell, &mail);
	for (at = 0; at < mail.count; at++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_node[at])
			continue;
		if (file == NULL || !rvi_hnsw_cells_get(file, own, work->list_bytes))
			rvi_hnsw_cells_missing("lists");
		if (at == 0)
			merge_join_cells(work, cell, own);
		merge.lists[0] = merge_list(work, own);
		for (i = 0; i < MERGE_MAILED; i++)
			merge.lists[1 + i] = merge_list(work, mail.lists[at * MERGE_MAILED + i]);
		merge_write_edges(work, items.first + at, edges, rve_hnsw_merge_lists(&merge));
	}
	if (file != NULL)
		BufFileClose(file);
	merge_mail_free(&mail);
	pfree(own);
	pfree(items.own);
	pfree(items.others);
	pfree(is_node);
}
