/*-------------------------------------------------------------------------
 *
 * hnsw_insert.c
 *	  Adding one row: Algorithm 1 of Malkov and Yashunin over pages.
 *
 * The order of writes makes every prefix of them a valid index: reserve a
 * slot, write the vector, the upper lists, then the live slot with its own
 * edges; only then do other nodes get edges to it. Nothing is locked while
 * searching or choosing. A neighbour's list is replaced only if it still is
 * what the choice was based on; it is chosen anew once, and after that the
 * node takes a free place or the last one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define INSERT_MAX_ATTEMPTS 16	/* of linking a node that concurrent vacuums cut off */
#define INSERT_CHANGE_ATTEMPTS 3	/* of replacing one list under contention */
#define INSERT_PARENT_PROBES 64

/* One row on its way in. */
typedef struct HnswInsert
{
	RvHnswWriter *writer;
	RvHnswIndex *index;
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	RveHnswEffort effort;
	uint8	   *code;
	const RvHnswRow *row;
	RvHnswNodeImage image;
	bool		reserved;		/* image.nid is ours and its vector is written */
	bool		live;			/* its slot is a node of the graph */
	RveHnswLinks links;
	RveCandidate rescue[RVE_HNSW_MAX_M];	/* edges found by insert_find_live */
	RveNode		parent;			/* will hold the node by a kept edge */
	RveNode		failed_parent;	/* did not, in the attempt before */
	RvHnswGone	may;			/* whether a node may be the parent; NULL: any */
	void	   *may_arg;
	RveGraphOps no_duplicates;	/* the graph's ops without same */
} HnswInsert;

/* ---- the new node's own slots ---- */

/* Takes a slot and writes what does not depend on the neighbours. */
static void
insert_reserve(HnswInsert *insert)
{
	if (insert->reserved)
		return;
	insert->image.nid = rvi_hnsw_reserve(insert->writer, &insert->image.seq);
	rvi_hnsw_write_vector(insert->writer, insert->image.nid, insert->image.seq,
						  insert->row->payload);
	rvi_hnsw_write_filters(insert->writer, insert->image.nid, insert->row->filters);
	insert->reserved = true;
}

/* Lists of levels 1 .. level as chosen in links. */
static void
insert_write_upper(HnswInsert *insert)
{
	RvHnswEdgeChange lists[RVE_HNSW_MAX_LEVEL];
	int			level = insert->image.level;
	int			n;
	int			i;

	if (level == 0)
		return;
	memset(lists, 0, sizeof(lists));
	for (n = 0; n < level; n++)
	{
		lists[n].nid = insert->image.nid;
		lists[n].level = n + 1;
		lists[n].new_count = insert->links.count[n + 1];
		lists[n].new_edges = palloc(Max(lists[n].new_count, 1) * sizeof(RveNode));
		for (i = 0; i < lists[n].new_count; i++)
			lists[n].new_edges[i] = insert->links.edges[n + 1][i].node;
	}
	rvi_hnsw_write_upper(insert->writer, insert->image.link, lists, level);
}

/* The new node's edges on level 0: those chosen, and a kept one to the parent. */
static int
insert_own_edges(const HnswInsert *insert, RveNode *edges)
{
	int			n = insert->links.count[0];
	bool		has_parent = insert->parent == RVE_NODE_NONE;
	int			i;

	for (i = 0; i < n; i++)
	{
		edges[i] = insert->links.edges[0][i].node;
		if (edges[i] == insert->parent)
		{
			edges[i] |= RVE_HNSW_KEPT;
			has_parent = true;
		}
	}
	if (has_parent)
		return n;
	if (n == 2 * insert->index->geo.m)
		n--;
	edges[n] = insert->parent | RVE_HNSW_KEPT;
	return n + 1;
}

/* The live slot with its edges. From here on searches may come through it. */
static void
insert_write_node(HnswInsert *insert)
{
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	int			level = insert->links.level;

	insert_reserve(insert);

	/* this segment may have no room left for lists that high */
	insert->image.link = rvi_hnsw_reserve_upper(insert->writer, insert->image.nid,
												insert->image.seq, &level);
	insert->image.level = insert->links.level = level;
	insert_write_upper(insert);
	insert->image.state = RV_HNSW_LIVE;
	insert->image.dup_next = RVE_NODE_NONE;
	insert->image.degree = insert_own_edges(insert, edges);
	insert->image.edges = edges;
	rvi_hnsw_write_node(insert->writer, &insert->image);
	insert->image.edges = NULL;
	insert->live = true;
}

/* ---- edges ---- */

static void
insert_init_choose(HnswInsert *insert, RvHnswChoose *choose)
{
	memset(choose, 0, sizeof(*choose));
	choose->graph = insert->graph;
	choose->search = insert->search;
	choose->release = RVE_NODE_NONE;
}

/* Replaces the lists of a node that is live already: others may be changing them. */
static void
insert_rewrite_lists(HnswInsert *insert)
{
	RveNode		old_edges[RVE_HNSW_MAX_DEGREE];
	RveNode		new_edges[RVE_HNSW_MAX_DEGREE];
	RveNode		extra[RVE_HNSW_MAX_DEGREE];
	RvHnswEdgeChange change = {0};
	RvHnswChoose choose;
	int			level;
	int			attempt;
	int			i;

	insert_init_choose(insert, &choose);
	choose.extra = extra;
	change.old_edges = old_edges;
	change.new_edges = new_edges;
	change.nid = insert->image.nid;
	for (level = 0; level <= insert->links.level; level++)
	{
		change.level = level;
		choose.extra_count = insert->links.count[level];
		for (i = 0; i < choose.extra_count; i++)
			extra[i] = insert->links.edges[level][i].node;
		choose.holds = &insert->parent;
		choose.hold_count = level == 0 && insert->parent != RVE_NODE_NONE;
		choose.release = level == 0 ? insert->failed_parent : RVE_NODE_NONE;
		for (attempt = 0; attempt < INSERT_CHANGE_ATTEMPTS; attempt++)
		{
			if (!rvi_hnsw_link_read(&insert->graph->reader, &change) ||
				!rvi_hnsw_link_choose(&choose, &change))
				break;
			rvi_hnsw_change_edges(insert->writer, &change, 1);
			if (change.applied)
				break;
		}
	}
}

static int
insert_compare_changes(const void *a, const void *b)
{
	const RvHnswEdgeChange *left = a;
	const RvHnswEdgeChange *right = b;

	return (left->block > right->block) - (left->block < right->block);
}

/* Applies n changes, those of one block in one record. Sorts them. */
static void
insert_apply_changes(HnswInsert *insert, RvHnswEdgeChange *changes, int n)
{
	int			i;
	int			group;

	qsort(changes, n, sizeof(RvHnswEdgeChange), insert_compare_changes);
	for (i = 0; i < n; i += group)
	{
		for (group = 1; i + group < n && changes[i + group].block == changes[i].block;)
			group++;
		rvi_hnsw_change_edges(insert->writer, &changes[i], group);
	}
}

/* Reads and chooses one neighbour's list; false: it needs no change, or cannot have one. */
static bool
insert_prepare_change(HnswInsert *insert, RvHnswEdgeChange *change, bool *held)
{
	bool		hold = change->level == 0 && change->nid == insert->parent;
	RveNode		node = insert->image.nid;
	RvHnswChoose choose;

	insert_init_choose(insert, &choose);
	if (hold)
	{
		choose.holds = &node;
		choose.hold_count = 1;
	}
	else
	{
		choose.extra = &node;
		choose.extra_count = 1;
	}
	if (!rvi_hnsw_link_read(&insert->graph->reader, change))
		return false;
	if (rvi_hnsw_link_has(change->old_edges, change->old_count, node, hold))
	{
		*held |= hold;
		return false;
	}
	return rvi_hnsw_link_choose(&choose, change) &&
		rvi_hnsw_link_has(change->new_edges, change->new_count, node, hold);
}

/*
 * Reverse edges of one level: prepares all, writes them, and chooses again
 * what somebody changed in between. Returns whether the parent holds the node.
 */
static bool
insert_link_level(HnswInsert *insert, int level)
{
	int			total = insert->links.count[level];
	int			room = rve_hnsw_max_degree(insert->index->geo.m, level);
	RvHnswEdgeChange *changes = palloc0(sizeof(RvHnswEdgeChange) * (total + 1));
	RveNode    *pending = palloc(sizeof(RveNode) * (total + 1));
	RveNode    *edges = palloc(sizeof(RveNode) * 2 * room * (total + 1));
	bool		held = false;
	bool		has_parent = level > 0;
	int			attempt;
	int			i;

	for (i = 0; i < total; i++)
	{
		pending[i] = insert->links.edges[level][i].node;
		has_parent |= pending[i] == insert->parent;
	}
	if (!has_parent)
		pending[total++] = insert->parent;
	for (attempt = 0; attempt < INSERT_CHANGE_ATTEMPTS && total > 0; attempt++)
	{
		int			n = 0;
		int			left = 0;

		for (i = 0; i < total; i++)
		{
			RvHnswEdgeChange *change = &changes[n];

			change->nid = pending[i];
			change->level = level;
			change->old_edges = edges + 2 * room * n;
			change->new_edges = change->old_edges + room;
			n += insert_prepare_change(insert, change, &held);
		}
		insert_apply_changes(insert, changes, n);
		for (i = 0; i < n; i++)
		{
			if (!changes[i].applied)
				pending[left++] = changes[i].nid;
			else if (changes[i].nid == insert->parent)
				held = true;
		}
		total = left;
	}
	pfree(edges);
	pfree(pending);
	pfree(changes);
	return held;
}

/* Edges from the neighbours to the node. False: the parent did not take it. */
static bool
insert_link(HnswInsert *insert)
{
	bool		held = false;
	int			level;

	for (level = insert->links.level; level >= 0; level--)
		held = insert_link_level(insert, level);
	return held;
}

static bool
insert_can_be_parent(HnswInsert *insert, RveNode node)
{
	return node != insert->links.self &&
		(insert->may == NULL || insert->may(insert->may_arg, node)) &&
		rvi_hnsw_link_can_keep(&insert->graph->reader, node);
}

/*
 * The node whose kept edge will hold this one: the nearest of the chosen
 * neighbours that can take it. Where all are hubs with no room left (inner
 * products), any node: half of all can.
 */
static RveNode
insert_find_parent(HnswInsert *insert)
{
	RveNode		bound = insert->graph->graph.bound;
	int			i;

	for (i = 0; i < insert->links.count[0]; i++)
		if (insert_can_be_parent(insert, insert->links.edges[0][i].node))
			return insert->links.edges[0][i].node;
	for (i = 0; i < INSERT_PARENT_PROBES && insert->links.count[0] > 0; i++)
	{
		RveNode		probe = pg_prng_uint64_range(&pg_global_prng_state, 0, bound - 1);

		if (insert_can_be_parent(insert, probe))
			return probe;
	}
	return RVE_NODE_NONE;
}

/* ---- one row ---- */

/*
 * When all the nearest nodes are being removed: goes on searching until it
 * finds live ones. They become the edges of level 0.
 */
static void
insert_find_live(HnswInsert *insert)
{
	RveHnswEffort effort = {.ef = insert->effort.ef, .resumable = true};
	const RveCandidate *found;
	RvHnswSlotData slot;
	MemoryContext old;
	RveStatus	status;
	int			count;
	int			n = 0;
	int			i;

	old = MemoryContextSwitchTo(insert->index->cached.context);
	status = rve_hnsw_search_start(insert->search, &insert->graph->graph, &effort);
	while (status == RVE_OK && n == 0)
	{
		found = rve_hnsw_search_results(insert->search, &count);
		if (count == 0)
			break;
		for (i = 0; i < count && n < insert->index->geo.m; i++)
			if (found[i].node != insert->links.self &&
				rvi_hnsw_read_slot(&insert->graph->reader, found[i].node, &slot) &&
				slot.state == RV_HNSW_LIVE)
				insert->rescue[n++] = found[i];
		if (n == 0)
			status = rve_hnsw_search_resume(insert->search, &insert->graph->graph);
	}
	MemoryContextSwitchTo(old);
	rv_runtime_check_status(status, "hnsw insert");
	insert->links.edges[0] = insert->rescue;
	insert->links.count[0] = n;
}

/* The vector is there already: joins its node's chain. False: that node has gone meanwhile. */
static bool
insert_as_duplicate(HnswInsert *insert)
{
	insert_reserve(insert);
	return rvi_hnsw_push_duplicate(insert->writer, insert->links.duplicate_of,
								   insert->graph->same_seq, &insert->image);
}

/* The search's memory outlives the insert. */
static void
insert_search(HnswInsert *insert)
{
	MemoryContext old = MemoryContextSwitchTo(insert->index->cached.context);
	RveStatus	status = rve_hnsw_insert_search(insert->search, &insert->graph->graph,
												&insert->effort, &insert->links);

	MemoryContextSwitchTo(old);
	rv_runtime_check_status(status, "hnsw insert");
}

/* One attempt with the graph as it is now; false: concurrent changes undid it. */
static bool
insert_attempt(HnswInsert *insert)
{
	RvHnswMetaPageData meta;

	rvi_hnsw_read_meta(insert->writer->rel, &meta);
	rvi_hnsw_graph_refresh(insert->graph, &meta);
	insert->links.self = insert->reserved ? insert->image.nid : RVE_NODE_NONE;
	if (insert->live)
		insert->graph->graph.ops = &insert->no_duplicates;
	insert_search(insert);
	if (insert->links.duplicate_of != RVE_NODE_NONE)
		return insert_as_duplicate(insert);
	if (insert->links.count[0] == 0 && meta.entry != RVE_NODE_NONE)
		insert_find_live(insert);
	insert->parent = insert_find_parent(insert);
	if (insert->links.count[0] > 0 && insert->parent == RVE_NODE_NONE)
		return false;
	if (insert->live)
		insert_rewrite_lists(insert);
	else
		insert_write_node(insert);
	if (insert->parent == RVE_NODE_NONE)
		return rvi_hnsw_replace_entry(insert->writer, meta.entry, insert->image.nid,
									  insert->image.level);
	if (!insert_link(insert))
	{
		insert->failed_parent = insert->parent;
		return false;
	}
	if (insert->image.level > meta.entry_level)
		rvi_hnsw_offer_entry(insert->writer, insert->image.nid, insert->image.level);
	return true;
}

/* An insert without its row's data; image.code has room for a code. */
static HnswInsert *
insert_create(RvHnswWriter *writer, RvHnswIndex *index)
{
	HnswInsert *insert = palloc0(sizeof(HnswInsert));
	RvHnswMetaPageData meta;

	rvi_hnsw_read_meta(writer->rel, &meta);
	insert->writer = writer;
	insert->index = index;
	insert->effort.ef = meta.ef_construction;
	insert->effort.stop_k = rve_hnsw_max_degree(meta.m, 0);
	insert->effort.stop_ratio = rvi_hnsw_stop_ratio(index, insert->effort.stop_k, meta.ef_construction);
	if (insert->effort.stop_ratio == 0)
		insert->effort.stop_k = 0;
	insert->code = palloc(index->geo.code_bytes);
	insert->image.code = insert->code;
	insert->graph = rvi_hnsw_graph_create(writer->rel, index, &meta);
	insert->graph->code = insert->code;
	insert->no_duplicates = *insert->graph->graph.ops;
	insert->no_duplicates.same = NULL;
	insert->parent = insert->failed_parent = RVE_NODE_NONE;
	if (index->insert_search == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(index->cached.context);

		rv_runtime_check_status(rve_hnsw_search_create(&index->insert_search), "hnsw insert");
		MemoryContextSwitchTo(old);
	}
	insert->search = index->insert_search;
	return insert;
}

void
rvi_hnsw_insert(RvHnswWriter *writer, RvHnswIndex *index, const RvHnswRow *row, ItemPointer tid)
{
	HnswInsert *insert = insert_create(writer, index);
	int			attempt;

	insert->row = row;
	memcpy(insert->code, row->code, index->geo.code_bytes);
	insert->image.factors = insert->graph->factors = row->factors;
	insert->image.tid = *tid;
	insert->image.filters = row->filters;
	insert->graph->payload = row->payload;
	insert->links.level = rve_hnsw_random_level(index->geo.m,
												1.0 - pg_prng_double(&pg_global_prng_state));
	for (attempt = 0; attempt < INSERT_MAX_ATTEMPTS; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		if (insert_attempt(insert))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not insert into index \"%s\" because of concurrent changes",
					RelationGetRelationName(writer->rel)),
			 errhint("The transaction might succeed if retried.")));
}

bool
rvi_hnsw_relink_node(RvHnswWriter *writer, RvHnswIndex *index, RveNode nid, RvHnswGone may,
					 void *may_arg)
{
	HnswInsert *insert = insert_create(writer, index);
	RvHnswSlotData slot;
	int			attempt;

	if (!rvi_hnsw_read_code(&insert->graph->reader, nid, &slot, insert->code) ||
		slot.state != RV_HNSW_LIVE)
		return false;
	insert->may = may;
	insert->may_arg = may_arg;
	insert->image.nid = nid;
	insert->image.seq = slot.seq;
	insert->image.level = slot.level;
	insert->graph->factors = slot.factors;
	insert->reserved = insert->live = true;
	insert->links.level = slot.level;
	for (attempt = 0; attempt < INSERT_MAX_ATTEMPTS; attempt++)
		if (insert_attempt(insert))
			return true;
	return false;
}

/* PostgreSQL callback */
bool
hnswinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		   IndexUniqueCheck check_unique, bool index_unchanged, struct IndexInfo *info)
{
	MemoryContext context;
	MemoryContext old;
	RvHnswMetaPageData meta;
	RvHnswIndex *open;
	RvHnswWriter writer;
	RveVectorView view;
	RvHnswRow	row;

	if (isnull[0])
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "hnsw insert", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	open = rvi_hnsw_open(index, &meta);
	rvi_hnsw_writer_init(&writer, index, open, false);
	if (rvi_hnsw_read_value(open->type, open->metric, open->geo.dim, values[0], &view))
	{
		rvi_hnsw_row_init(&row, &open->geo);
		rvi_hnsw_encode_row(open, &view, &row);
		rvi_hnsw_filter_encode(&open->filters, values, isnull, row.filters);
		rvi_hnsw_insert(&writer, open, &row, tid);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return false;
}
