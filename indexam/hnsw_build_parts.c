/*-------------------------------------------------------------------------
 *
 * hnsw_build_parts.c
 *	  What a build in parts does to one cell (hnsw_build_cells.c has the plan).
 *
 * CELLS_NUMBER numbers the rows, finds equal vectors, writes the vectors to
 * their pages and sends each node's item to its other cells. CELLS_LINK builds
 * the cell's graph in memory, with a tree of kept edges over the cell's own
 * nodes, and sends the lists of the others to their first cells.
 * hnsw_build_merge.c goes on from there.
 *
 * A cell's data is allocated in work->context, which is reset after each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/progress.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_build_int.h"


void *
rvi_hnsw_cells_alloc(HnswCellsWork *work, Size count, Size size)
{
	return MemoryContextAllocExtended(work->context, mul_size(Max(count, 1), size),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
rvi_hnsw_cells_missing(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg_internal("temporary file of an hnsw build ends before its %s", what)));
}

/* ---- CELLS_NUMBER ---- */

/* A cell's rows, by their place in it. */
typedef struct PartsRows
{
	uint32		count;
	RveNode		first;			/* nid of place 0 */
	HnswCellsRow *rows;
	HnswCellsNode *nodes;
	uint8	   *items;
	uint64	   *hashes;
	uint32	   *table;			/* open addressing: place + 1 */
	uint32		mask;
	uint8	   *payload;		/* of the row at hand */
} PartsRows;

static void
parts_rows_init(HnswCellsWork *work, uint32 cell, PartsRows *rows)
{
	uint32		size = 16;

	memset(rows, 0, sizeof(*rows));
	rows->count = work->start[cell + 1] - work->start[cell];
	rows->first = work->start[cell];
	while (size < rows->count * 2)
		size *= 2;
	rows->mask = size - 1;
	rows->rows = rvi_hnsw_cells_alloc(work, rows->count, sizeof(HnswCellsRow));
	rows->nodes = rvi_hnsw_cells_alloc(work, rows->count, sizeof(HnswCellsNode));
	rows->items = rvi_hnsw_cells_alloc(work, rows->count, work->build->item_bytes);
	rows->hashes = rvi_hnsw_cells_alloc(work, rows->count, sizeof(uint64));
	rows->table = rvi_hnsw_cells_alloc(work, size, sizeof(uint32));
	rows->payload = rvi_hnsw_cells_alloc(work, work->build->index->geo.payload_bytes, 1);
}

/* Whether two rows of the cell with the same hash have the same vector. */
static bool
parts_same(HnswCellsWork *work, PartsRows *rows, uint32 first, uint32 at)
{
	HnswBuild  *build = work->build;
	Size		payload_bytes = build->index->geo.payload_bytes;
	uint8	   *item = rows->items + at * build->item_bytes;
	uint16		seq;

	if (memcmp(rows->items + first * build->item_bytes, item, build->item_bytes) != 0)
		return false;
	if (payload_bytes == 0)
		return rve_quant_code_complete(build->index->codec, item,
									   (RveCodeFactors *) (item + build->factors_at));
	return rvi_hnsw_read_vector(&build->reader, rows->first + first, &seq, build->other) &&
		memcmp(build->other, rows->payload, payload_bytes) == 0;
}

/* Puts the row at a place into the chain of the first with its vector, if there is one. */
static void
parts_chain(HnswCellsWork *work, PartsRows *rows, uint32 at)
{
	HnswBuild  *build = work->build;
	uint64		hash = hash_bytes_extended(rows->items + at * build->item_bytes,
										   (int) build->item_bytes, 0);
	uint32		slot;

	hash = hash_bytes_extended(rows->payload, (int) build->index->geo.payload_bytes, hash);
	rows->hashes[at] = hash;
	rows->nodes[at].tag = rows->rows[at].tag;
	rows->nodes[at].duplicate_of = rows->nodes[at].next_duplicate = RVE_NODE_NONE;
	for (slot = hash & rows->mask; rows->table[slot] != 0; slot = (slot + 1) & rows->mask)
	{
		uint32		first = rows->table[slot] - 1;

		if (rows->hashes[first] != hash || !parts_same(work, rows, first, at))
			continue;
		rows->nodes[at].duplicate_of = rows->first + first;
		rows->nodes[at].next_duplicate = rows->nodes[first].next_duplicate;
		rows->nodes[first].next_duplicate = rows->first + at;
		return;
	}
	rows->table[slot] = at + 1;
}

/* Sends the rows, now that all chains are known, to where they are linked. */
static void
parts_send(HnswCellsWork *work, uint32 cell, const PartsRows *rows)
{
	Size		item_bytes = work->build->item_bytes;
	uint32		at;
	int			i;

	for (at = 0; at < rows->count; at++)
	{
		RveNode		nid = rows->first + at;
		const uint8 *item = rows->items + at * item_bytes;

		rvi_hnsw_cells_put(work, CELLS_NODES, cell, &rows->nodes[at], sizeof(HnswCellsNode));
		rvi_hnsw_cells_put(work, CELLS_NODES, cell, item, item_bytes);
		if (rows->nodes[at].duplicate_of != RVE_NODE_NONE)
			continue;
		for (i = 1; i < CELLS_OVERLAP && rows->rows[at].cells[i] != CELLS_NONE; i++)
		{
			rvi_hnsw_cells_put(work, CELLS_INBOX, rows->rows[at].cells[i], &nid, sizeof(nid));
			rvi_hnsw_cells_put(work, CELLS_INBOX, rows->rows[at].cells[i], item, item_bytes);
		}
		if (rvi_hnsw_cells_level(work, nid) > 0)
		{
			rvi_hnsw_cells_put(work, CELLS_TOP, 0, &nid, sizeof(nid));
			rvi_hnsw_cells_put(work, CELLS_TOP, 0, item, item_bytes);
		}
	}
}

static void
parts_rows_free(PartsRows *rows)
{
	pfree(rows->rows);
	pfree(rows->nodes);
	pfree(rows->items);
	pfree(rows->hashes);
	pfree(rows->table);
	pfree(rows->payload);
}

void
rvi_hnsw_cells_number(HnswCellsWork *work, uint32 cell)
{
	HnswBuild  *build = work->build;
	Size		filter_bytes = build->index->geo.filter_words * sizeof(uint32);
	uint32		filters[RV_HNSW_MAX_FILTERS];
	PartsRows	rows;
	uint32		at = 0;
	uint32		p;

	parts_rows_init(work, cell, &rows);
	for (p = 0; p < work->cells->processes; p++)
	{
		BufFile    *file = rvi_hnsw_cells_open(work, CELLS_ROWS, cell, p);

		while (file != NULL && rvi_hnsw_cells_get(file, &rows.rows[Min(at, rows.count - 1)],
												  sizeof(HnswCellsRow)))
		{
			CHECK_FOR_INTERRUPTS();
			if (at == rows.count ||
				!rvi_hnsw_cells_get(file, rows.items + at * build->item_bytes, build->item_bytes) ||
				(build->index->geo.payload_bytes > 0 &&
				 !rvi_hnsw_cells_get(file, rows.payload, build->index->geo.payload_bytes)) ||
				(filter_bytes > 0 && !rvi_hnsw_cells_get(file, filters, filter_bytes)))
				rvi_hnsw_cells_missing("rows");
			parts_chain(work, &rows, at);
			rvi_hnsw_write_vector(&build->writer, rows.first + at, BUILD_FIRST_SEQ, rows.payload);
			rvi_hnsw_write_filters(&build->writer, rows.first + at, filters);
			at++;
		}
		if (file != NULL)
			BufFileClose(file);
	}
	if (at != rows.count)
		rvi_hnsw_cells_missing("rows");
	parts_send(work, cell, &rows);
	parts_rows_free(&rows);
}

/* ---- CELLS_LINK ---- */

/* A graph in memory whose nodes have numbers of their own. */
typedef struct PartsGraph
{
	RveHnswMem *mem;
	RveNode    *nids;			/* of its nodes */
	uint32		count;
	uint32		room;
	uint8	   *item;
} PartsGraph;

/* Equal vectors have been found before: equal items are others'. */
static bool
parts_never_same(void *context, RveNode node)
{
	return false;
}

/* A node's level in the graph of upper levels, whose level 0 is the index's level 1. */
static int
parts_top_level(void *context, RveNode node)
{
	HnswBuild  *build = context;
	int			level = rve_hnsw_mem_level(build->meta.m, build->meta.seed, build->top_nids[node]);

	return level - build->level_shift - 1;
}

/* Empty; what it allocates, graph_context holds, but for nids and item. */
static void
parts_graph_init(HnswCellsWork *work, PartsGraph *graph, uint32 room, bool top)
{
	RveHnswMemParams params;
	MemoryContext old = MemoryContextSwitchTo(work->build->graph_context);

	graph->count = 0;
	graph->room = room;
	graph->nids = rvi_hnsw_cells_alloc(work, room, sizeof(RveNode));
	graph->item = rvi_hnsw_cells_alloc(work, work->build->item_bytes, 1);
	rvi_hnsw_build_params(work->build, &params);
	params.expected = room;
	params.same = parts_never_same;
	if (top)
	{
		work->build->top_nids = graph->nids;
		params.level = parts_top_level;
		params.base_degree = params.m;
	}
	rv_runtime_check_status(rve_hnsw_mem_create(&params, &graph->mem), "hnsw build");
	MemoryContextSwitchTo(old);
}

static void
parts_graph_add(HnswCellsWork *work, PartsGraph *graph, RveNode nid)
{
	MemoryContext old = MemoryContextSwitchTo(work->build->graph_context);

	CHECK_FOR_INTERRUPTS();
	if (graph->count == graph->room)
		rvi_hnsw_cells_missing("end");
	graph->nids[graph->count++] = nid;
	rv_runtime_check_status(rve_hnsw_mem_add(graph->mem, graph->item, nid), "hnsw build");
	MemoryContextSwitchTo(old);
}

static void
parts_graph_free(HnswCellsWork *work, PartsGraph *graph)
{
	MemoryContextReset(work->build->graph_context);
	pfree(graph->nids);
	pfree(graph->item);
}

/* Nodes that participants have sent: to a cell's inbox, or of upper levels. */
static void
parts_graph_add_sent(HnswCellsWork *work, PartsGraph *graph, HnswCellsFile kind, uint32 cell)
{
	uint32		p;
	RveNode		nid;

	for (p = 0; p < work->cells->processes; p++)
	{
		BufFile    *file = rvi_hnsw_cells_open(work, kind, cell, p);

		while (file != NULL && rvi_hnsw_cells_get(file, &nid, sizeof(nid)))
		{
			if (!rvi_hnsw_cells_get(file, graph->item, work->build->item_bytes))
				rvi_hnsw_cells_missing("items");
			parts_graph_add(work, graph, nid);
		}
		if (file != NULL)
			BufFileClose(file);
	}
}

BufFile *
rvi_hnsw_cells_open_only(HnswCellsWork *work, HnswCellsFile kind, uint32 cell)
{
	BufFile    *file = NULL;
	uint32		p;

	for (p = 0; p < work->cells->processes && file == NULL; p++)
		file = rvi_hnsw_cells_open(work, kind, cell, p);
	return file;
}

/* The nodes of the cell itself; rows that are duplicates count, but are no nodes. */
static void
parts_graph_add_own(HnswCellsWork *work, PartsGraph *graph, uint32 cell)
{
	BufFile    *file = rvi_hnsw_cells_open_only(work, CELLS_NODES, cell);
	HnswCellsNode node;
	RveNode		nid;

	for (nid = work->start[cell]; nid < work->start[cell + 1]; nid++)
	{
		uint64		indexed = pg_atomic_add_fetch_u64(&work->build->counts->indexed, 1);

		if (file == NULL || !rvi_hnsw_cells_get(file, &node, sizeof(node)) ||
			!rvi_hnsw_cells_get(file, graph->item, work->build->item_bytes))
			rvi_hnsw_cells_missing("nodes");
		if (node.duplicate_of == RVE_NODE_NONE)
			parts_graph_add(work, graph, nid);
		if (work->build->reports)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) indexed);
	}
	if (file != NULL)
		BufFileClose(file);
}

/* A list with the index's numbers in it, as files have it: count, edges, distances. */
static void
parts_pack_list(HnswCellsWork *work, PartsGraph *graph, RveNode node, uint32 *out)
{
	int			count;
	const RveNode *edges = rve_hnsw_mem_edges(graph->mem, node, 0, &count);
	int			max = 2 * work->build->meta.m;
	int			i;

	memset(out, 0, work->list_bytes);
	out[0] = count;
	for (i = 0; i < count; i++)
		out[1 + i] = graph->nids[RVE_HNSW_NODE(edges[i])] | (edges[i] & RVE_HNSW_KEPT);
	memcpy(out + 1 + max, rve_hnsw_mem_distances(graph->mem, node, 0), count * sizeof(float));
}

uint32
rvi_hnsw_cells_of(const HnswCellsWork *work, RveNode nid)
{
	uint32		low = 0;
	uint32		high = work->cells->count;

	while (high - low > 1)
	{
		uint32		middle = (low + high) / 2;

		if (work->start[middle] <= nid)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void
rvi_hnsw_cells_link(HnswCellsWork *work, uint32 cell)
{
	MemoryContext old;
	PartsGraph	graph;
	uint32	   *list;
	uint32		unreachable;
	uint32		own;
	uint32		i;

	if (work->start[cell] == work->start[cell + 1])
		return;
	parts_graph_init(work, &graph, pg_atomic_read_u32(&work->cells->cells[cell].load), false);
	parts_graph_add_own(work, &graph, cell);
	own = graph.count;

	/* these have a list of their first cell already: less will do */
	rve_hnsw_mem_set_effort(graph.mem, Max(work->build->meta.ef_construction / 2,
										   2 * work->build->meta.m));
	parts_graph_add_sent(work, &graph, CELLS_INBOX, cell);
	old = MemoryContextSwitchTo(work->build->graph_context);
	rv_runtime_check_status(rve_hnsw_mem_connect_part(graph.mem, own, CELLS_JOINS, &unreachable),
							"hnsw build");
	MemoryContextSwitchTo(old);
	pg_atomic_fetch_add_u32(&work->cells->unreachable, (int32) unreachable);
	list = rvi_hnsw_cells_alloc(work, work->list_bytes, 1);
	for (i = 0; i < graph.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		parts_pack_list(work, &graph, i, list);
		if (i < own)
			rvi_hnsw_cells_put(work, CELLS_LISTS, cell, list, work->list_bytes);
		else
		{
			uint32		home = rvi_hnsw_cells_of(work, graph.nids[i]);

			rvi_hnsw_cells_put(work, CELLS_MAIL, home, &graph.nids[i], sizeof(RveNode));
			rvi_hnsw_cells_put(work, CELLS_MAIL, home, list, work->list_bytes);
		}
	}
	pfree(list);
	parts_graph_free(work, &graph);
}

/* Lists of one node of upper levels: its nid, then for each level count and m edges. */
static void
parts_send_upper(HnswCellsWork *work, PartsGraph *graph, RveNode node, uint32 *list)
{
	uint32		home = rvi_hnsw_cells_of(work, graph->nids[node]);
	int			m = work->build->meta.m;
	int			levels = rvi_hnsw_cells_level(work, graph->nids[node]);
	int			level;
	int			i;

	rvi_hnsw_cells_put(work, CELLS_UPPER, home, &graph->nids[node], sizeof(RveNode));
	for (level = 0; level < levels; level++)
	{
		int			count;
		const RveNode *edges = rve_hnsw_mem_edges(graph->mem, node, level, &count);

		memset(list, 0, (1 + m) * sizeof(uint32));
		list[0] = count;
		for (i = 0; i < count; i++)
			list[1 + i] = graph->nids[RVE_HNSW_NODE(edges[i])];
		rvi_hnsw_cells_put(work, CELLS_UPPER, home, list, (1 + m) * sizeof(uint32));
	}
}

/* The graph of upper levels; one process does it. */
void
rvi_hnsw_cells_link_top(HnswCellsWork *work)
{
	MemoryContext old;
	PartsGraph	graph;
	RveGraph	shape;
	uint32	   *list;
	uint32		unreachable;
	uint32		room = 0;
	RveNode		nid;
	uint32		i;

	for (nid = 0; nid < work->start[work->cells->count]; nid++)
		room += rvi_hnsw_cells_level(work, nid) > 0;
	if (room == 0)
		return;
	parts_graph_init(work, &graph, room, true);
	parts_graph_add_sent(work, &graph, CELLS_TOP, 0);
	old = MemoryContextSwitchTo(work->build->graph_context);
	rv_runtime_check_status(rve_hnsw_mem_connect_part(graph.mem, 0, 0, &unreachable),
							"hnsw build");
	MemoryContextSwitchTo(old);
	list = rvi_hnsw_cells_alloc(work, 1 + work->build->meta.m, sizeof(uint32));
	for (i = 0; i < graph.count; i++)
		parts_send_upper(work, &graph, i, list);
	rve_hnsw_mem_graph(graph.mem, &shape);
	if (shape.entry != RVE_NODE_NONE)
	{
		work->cells->entry = graph.nids[shape.entry];
		work->cells->entry_level = shape.entry_level + 1;
	}
	pfree(list);
	parts_graph_free(work, &graph);
}
