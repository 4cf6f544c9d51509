/*-------------------------------------------------------------------------
 *
 * hnsw_vacuum.c
 *	  Removing dead rows: mark, repair locally, free, reconnect.
 *
 *	 1. All graph pages: dead TIDs are taken out. A node without a TID and
 *		without duplicates becomes DOOMED: searches still pass through it.
 *		Dead duplicates are unlinked from their chains.
 *	 2. If the entry is doomed, a live node takes its place.
 *	 3. All lists with an edge to a doomed node are chosen anew among the
 *		remaining edges and the edges of the doomed neighbours.
 *	 4. Doomed slots go to the free chain.
 *	 5. Nodes that no path from the entry reaches any more are linked anew.
 *
 * A crash between two records leaves a valid index: doomed slots are found
 * again by the next vacuum. Inserts and searches go on all the time; vacuum
 * holds one page lock at a time (two with the meta page), and PostgreSQL
 * runs one vacuum of a table at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_vacuum_int.h"

#define VACUUM_CHANGE_ATTEMPTS 4	/* of repairing one list under contention */
#define VACUUM_EXTRA_MAX 32		/* candidates for the places of gone nodes in a list */
#define VACUUM_HOLDS 4			/* gone nodes whose kept edges one list takes over */

static bool
vacuum_is_gone(void *arg, RveNode nid)
{
	HnswVacuum *vacuum = arg;

	return rvi_hnsw_bit(vacuum->gone, vacuum->bound, nid);
}

static void
vacuum_set_gone(HnswVacuum *vacuum, RveNode nid)
{
	if (nid >= vacuum->bound)
		return;
	vacuum->gone[nid / 8] |= 1 << (nid % 8);
	vacuum->any_gone = true;
}

static void
vacuum_set_chain(HnswVacuum *vacuum, RveNode primary)
{
	if (primary >= vacuum->bound)
		return;
	vacuum->chains[primary / 8] |= 1 << (primary % 8);
	vacuum->any_chains = true;
}

static bool
vacuum_row_is_dead(HnswVacuum *vacuum, RvHnswSlot slot)
{
	return ItemPointerIsValid(&slot->tid) &&
		vacuum->callback(&slot->tid, vacuum->callback_state);
}

/* An insert that reserved the slot and will never come back to it. */
static bool
vacuum_is_abandoned(RvHnswSlot slot)
{
	return slot->state == RV_HNSW_RESERVED && !TransactionIdIsInProgress(slot->dup_next);
}

/* ---- 1: marking ---- */

/* Whether vacuum_mark would change the slot. */
static bool
vacuum_would_mark(HnswVacuum *vacuum, RvHnswSlot slot)
{
	if (slot->state == RV_HNSW_LIVE && !ItemPointerIsValid(&slot->tid))
		return slot->dup_next == RVE_NODE_NONE;
	return (slot->state == RV_HNSW_LIVE || slot->state == RV_HNSW_DUPLICATE) &&
		vacuum_row_is_dead(vacuum, slot);
}

/* Judges one slot: marks it, counts it, remembers it. RvHnswSlotVisit. */
static bool
vacuum_mark(void *arg, RvHnswSlot slot, RveNode nid)
{
	HnswVacuum *vacuum = arg;
	bool		changed = false;

	if (nid >= vacuum->bound)
	{
		/* newer than this vacuum */
		if (slot->state == RV_HNSW_LIVE || slot->state == RV_HNSW_DUPLICATE)
			vacuum->stats->num_index_tuples += ItemPointerIsValid(&slot->tid);
		return false;
	}
	switch (slot->state)
	{
		case RV_HNSW_LIVE:
			if (vacuum_row_is_dead(vacuum, slot))
			{
				ItemPointerSetInvalid(&slot->tid);
				vacuum->stats->tuples_removed++;
				changed = true;
			}
			if (ItemPointerIsValid(&slot->tid))
				vacuum->stats->num_index_tuples++;
			else if (slot->dup_next == RVE_NODE_NONE)
			{
				slot->state = RV_HNSW_DOOMED;
				vacuum_set_gone(vacuum, nid);
				changed = true;
			}
			break;
		case RV_HNSW_DUPLICATE:
			if (!vacuum_row_is_dead(vacuum, slot))
			{
				vacuum->stats->num_index_tuples++;
				break;
			}
			slot->state = RV_HNSW_DOOMED_DUPLICATE;
			vacuum->stats->tuples_removed++;
			changed = true;
			/* fall through */
		case RV_HNSW_DOOMED_DUPLICATE:
			vacuum_set_gone(vacuum, nid);
			vacuum_set_chain(vacuum, slot->link);
			break;
		case RV_HNSW_DOOMED:
			vacuum_set_gone(vacuum, nid);
			break;
		case RV_HNSW_RESERVED:
			if (vacuum_is_abandoned(slot))
				vacuum_set_gone(vacuum, nid);
			break;
		default:
			break;
	}
	return changed;
}

/* Reads one graph page under share lock; true: some slot has to be marked. Else counts. */
static bool
vacuum_examine_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	const RvHnswGeometry *geo = &vacuum->index->geo;
	Buffer		buffer = InvalidBuffer;
	bool		to_mark = false;
	Page		page;
	uint32		i;

	if (!rvi_hnsw_lock_page(&vacuum->graph->reader, block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		rvi_am_release(buffer);
		return false;
	}
	for (i = 0; i < geo->slots_per_page && !to_mark; i++)
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);

		if (slot->state == RV_HNSW_EMPTY || slot->nid != first + i)
			continue;
		rvi_hnsw_check_slot(&vacuum->graph->reader, slot, block);
		to_mark = slot->nid < vacuum->bound && vacuum_would_mark(vacuum, slot);
	}
	for (i = 0; i < geo->slots_per_page && !to_mark; i++)
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);

		if (slot->state != RV_HNSW_EMPTY && slot->nid == first + i)
			(void) vacuum_mark(vacuum, slot, first + i);
	}
	rvi_am_unlock_page(buffer);
	rvi_am_release(buffer);
	return to_mark;
}

static void
vacuum_mark_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	if (vacuum_examine_page(vacuum, block, first))
		rvi_hnsw_visit_page(&vacuum->writer, block, vacuum_mark, vacuum);
}

/* A node whose last duplicate went after its own row. RvHnswSlotVisit. */
static bool
vacuum_mark_empty(void *arg, RvHnswSlot slot, RveNode nid)
{
	HnswVacuum *vacuum = arg;

	if (nid >= vacuum->bound || slot->state != RV_HNSW_LIVE ||
		ItemPointerIsValid(&slot->tid) || slot->dup_next != RVE_NODE_NONE)
		return false;
	slot->state = RV_HNSW_DOOMED;
	vacuum_set_gone(vacuum, nid);
	return true;
}

/* Takes the dead duplicates out of one chain. Only vacuum changes links behind the first. */
static void
vacuum_clean_chain(HnswVacuum *vacuum, RveNode primary)
{
	RvHnswReader *reader = &vacuum->graph->reader;
	RveNode		previous = primary;
	RvHnswSlotData slot;
	RvHnswSlotData next;
	uint64		steps = 0;

	if (!rvi_hnsw_read_slot(reader, primary, &slot) || slot.state != RV_HNSW_LIVE)
		return;
	while (slot.dup_next != RVE_NODE_NONE)
	{
		RveNode		nid = slot.dup_next;

		vacuum_delay_point();
		if (!rvi_hnsw_read_slot(reader, nid, &next) || next.link != primary ||
			(next.state != RV_HNSW_DUPLICATE && next.state != RV_HNSW_DOOMED_DUPLICATE))
			rvi_am_corrupted(vacuum->writer.rel,
							 rvi_hnsw_slot_place(&vacuum->index->geo, previous).block,
							 "HNSW-7: a chain of duplicates leads to a slot that is not one.");

		/* an insert may make it start anew, but not this often */
		if (steps++ > 4 * ((uint64) vacuum->blocks + 1) * vacuum->index->geo.slots_per_page)
			rvi_am_corrupted(vacuum->writer.rel,
							 rvi_hnsw_slot_place(&vacuum->index->geo, nid).block,
							 "HNSW-7: a chain of duplicates is a circle.");
		if (next.state != RV_HNSW_DOOMED_DUPLICATE)
		{
			previous = nid;
			slot = next;
		}
		else if (rvi_hnsw_unlink_duplicate(&vacuum->writer, previous, nid, next.dup_next))
			slot.dup_next = next.dup_next;
		else
		{
			/* an insert put a new first one before it */
			previous = primary;
			if (!rvi_hnsw_read_slot(reader, primary, &slot))
				return;
		}
	}
	if (previous == primary)
		rvi_hnsw_visit_page(&vacuum->writer,
							rvi_hnsw_slot_place(&vacuum->index->geo, primary).block,
							vacuum_mark_empty, vacuum);
}

static void
vacuum_clean_chains(HnswVacuum *vacuum)
{
	RveNode		nid;

	for (nid = 0; nid < vacuum->bound && vacuum->any_chains; nid++)
		if (rvi_hnsw_bit(vacuum->chains, vacuum->bound, nid))
			vacuum_clean_chain(vacuum, nid);
}

/* Calls work for each graph (or upper) page. */
static void
vacuum_each_page(HnswVacuum *vacuum, RvHnswPageKind kind,
				 void (*work) (HnswVacuum *vacuum, BlockNumber block, RveNode first))
{
	BlockNumber block;
	RveNode		first;

	for (block = RV_HNSW_MEAN_BLOCK; block < vacuum->blocks; block++)
	{
		MemoryContext old;

		if (rvi_hnsw_block_kind(&vacuum->index->geo, block, &first) != kind)
			continue;
		vacuum_delay_point();
		old = MemoryContextSwitchTo(vacuum->page_context);
		work(vacuum, block, first);
		MemoryContextSwitchTo(old);
		MemoryContextReset(vacuum->page_context);
	}
}

/* ---- 2: the entry ---- */

static void
vacuum_find_best(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	const RvHnswGeometry *geo = &vacuum->index->geo;
	Buffer		buffer = InvalidBuffer;
	Page		page;
	uint32		i;

	if (rvi_hnsw_lock_page(&vacuum->graph->reader, block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		for (i = 0; i < geo->slots_per_page; i++)
		{
			RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);

			if (slot->state == RV_HNSW_LIVE && slot->nid == first + i &&
				(vacuum->best == RVE_NODE_NONE || slot->level > vacuum->best_level))
			{
				vacuum->best = slot->nid;
				vacuum->best_level = slot->level;
			}
		}
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
}

static void
vacuum_replace_entry(HnswVacuum *vacuum)
{
	RvHnswMetaPageData meta;

	for (;;)
	{
		rvi_hnsw_read_meta(vacuum->writer.rel, &meta);
		if (meta.entry == RVE_NODE_NONE || !vacuum_is_gone(vacuum, meta.entry))
			break;
		vacuum->best = RVE_NODE_NONE;
		vacuum->best_level = 0;
		vacuum_each_page(vacuum, RV_HNSW_PAGE_GRAPH, vacuum_find_best);
		if (rvi_hnsw_replace_entry(&vacuum->writer, meta.entry, vacuum->best, vacuum->best_level))
			break;
	}
	rvi_hnsw_read_meta(vacuum->writer.rel, &meta);
	rvi_hnsw_graph_refresh(vacuum->graph, &meta);
}

/* ---- 3: repair ---- */

/* What takes the place of a list's edges to gone nodes. */
typedef struct VacuumRepair
{
	RveNode		extra[VACUUM_EXTRA_MAX];
	int			extra_count;
	RveNode		holds[2 * VACUUM_HOLDS];
	int			hold_count;
} VacuumRepair;

/*
 * The kept edges of a gone node are replaced by a path through those it led
 * to, in the order of their nids: each of them, repairing its own list, gives
 * one to the next before and the next after. What other gone nodes leave out
 * of such paths is found when reconnecting.
 */
static void
vacuum_hold_path(HnswVacuum *vacuum, RveNode node, const RveNode *edges, int n, VacuumRepair *repair)
{
	RveNode		before = RVE_NODE_NONE;
	RveNode		after = RVE_NODE_NONE;
	int			i;

	for (i = 0; i < n; i++)
	{
		RveNode		other = RVE_HNSW_NODE(edges[i]);

		if ((edges[i] & RVE_HNSW_KEPT) == 0 || other == node || vacuum_is_gone(vacuum, other))
			continue;
		if (other < node && (before == RVE_NODE_NONE || other > before))
			before = other;
		if (other > node && (after == RVE_NODE_NONE || other < after))
			after = other;
	}
	if (before != RVE_NODE_NONE)
		repair->holds[repair->hold_count++] = before;
	if (after != RVE_NODE_NONE)
		repair->holds[repair->hold_count++] = after;
}

/* Adds what a gone node's own edges offer in its place; its nearest come first. */
static void
vacuum_take_edges(HnswVacuum *vacuum, const RvHnswEdgeChange *change, RveNode edge, int share,
				  VacuumRepair *repair)
{
	RveGraph   *graph = &vacuum->graph->graph;
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	RveNode		gone = RVE_HNSW_NODE(edge);
	int			n;
	int			i;

	if (change->level > 0)
		n = graph->ops->neighbors(graph->host, gone, change->level, edges);
	else
		n = rvi_hnsw_graph_edges(vacuum->graph, gone, edges);
	if (change->level == 0 && (edge & RVE_HNSW_KEPT) != 0 &&
		repair->hold_count < 2 * VACUUM_HOLDS - 1)
		vacuum_hold_path(vacuum, change->nid, edges, n, repair);
	for (i = 0; i < n && share > 0 && repair->extra_count < VACUUM_EXTRA_MAX; i++)
	{
		if (vacuum_is_gone(vacuum, RVE_HNSW_NODE(edges[i])))
			continue;
		repair->extra[repair->extra_count++] = RVE_HNSW_NODE(edges[i]);
		share--;
	}
}

/* Chooses change->new_edges for a list that leads to gone nodes; false: it does not. */
static bool
vacuum_choose_list(HnswVacuum *vacuum, RvHnswEdgeChange *change)
{
	RvHnswChoose choose = {0};
	VacuumRepair repair;
	int			gone = 0;
	int			kept;
	int			i;

	for (i = 0; i < change->old_count; i++)
		gone += vacuum_is_gone(vacuum, RVE_HNSW_NODE(change->old_edges[i]));
	if (gone == 0)
		return false;
	repair.extra_count = repair.hold_count = 0;
	for (i = 0; i < change->old_count; i++)
		if (vacuum_is_gone(vacuum, RVE_HNSW_NODE(change->old_edges[i])))
			vacuum_take_edges(vacuum, change, change->old_edges[i],
							  Max(VACUUM_EXTRA_MAX / gone, 1), &repair);
	kept = rvi_hnsw_link_kept(change->old_edges, change->old_count);

	/* the nodes on a path must agree, so hubs take more than others would give them */
	if (kept + repair.hold_count > rve_hnsw_max_degree(vacuum->index->geo.m, change->level))
		repair.hold_count = 0;
	choose.graph = vacuum->graph;
	choose.search = vacuum->search;
	choose.gone = vacuum_is_gone;
	choose.gone_arg = vacuum;
	choose.preserve = true;
	choose.extra = repair.extra;
	choose.extra_count = repair.extra_count;
	choose.holds = repair.holds;
	choose.hold_count = repair.hold_count;
	choose.release = RVE_NODE_NONE;
	(void) rvi_hnsw_link_choose(&choose, change);
	return true;
}

/* Chooses again what an insert changed between reading and writing. */
static void
vacuum_retry_changes(HnswVacuum *vacuum, RvHnswEdgeChange *changes, int n)
{
	int			i;
	int			attempt;

	for (i = 0; i < n; i++)
	{
		RvHnswEdgeChange *change = &changes[i];

		for (attempt = 0; attempt < VACUUM_CHANGE_ATTEMPTS && !change->applied; attempt++)
		{
			change->old_count = rvi_hnsw_read_list(&vacuum->graph->reader, change->block,
												   change->nid, change->level, change->old_edges);
			if (change->old_count < 0 || !vacuum_choose_list(vacuum, change))
				break;
			rvi_hnsw_change_edges(&vacuum->writer, change, 1);
		}
	}
}

static RvHnswEdgeChange *
vacuum_new_change(RvHnswEdgeChange *change, BlockNumber block, RveNode nid, uint16 seq, int level)
{
	memset(change, 0, sizeof(*change));
	change->block = block;
	change->nid = nid;
	change->seq = seq;
	change->level = level;
	change->old_edges = palloc(sizeof(RveNode) * 2 * RVE_HNSW_MAX_DEGREE);
	change->new_edges = change->old_edges + RVE_HNSW_MAX_DEGREE;
	return change;
}

/* Copies the lists of a page's live nodes. */
static int
vacuum_read_lists(HnswVacuum *vacuum, BlockNumber block, RvHnswPageKind kind,
				  RvHnswEdgeChange *changes)
{
	const RvHnswGeometry *geo = &vacuum->index->geo;
	uint32		slots = kind == RV_HNSW_PAGE_GRAPH ? geo->slots_per_page : geo->uppers_per_page;
	Buffer		buffer = InvalidBuffer;
	RvHnswEdgeChange *change;
	Page		page;
	RveNode		first;
	uint32		i;
	int			n = 0;

	rvi_hnsw_block_kind(geo, block, &first);
	if (rvi_hnsw_lock_page(&vacuum->graph->reader, block, kind, &buffer, &page))
	{
		for (i = 0; i < slots; i++)
		{
			RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);
			RvHnswUpper upper = rvi_hnsw_page_upper(geo, page, i);

			if (kind == RV_HNSW_PAGE_GRAPH && slot->state == RV_HNSW_LIVE &&
				slot->nid == first + i)
			{
				change = vacuum_new_change(&changes[n++], block, slot->nid, slot->seq, 0);
				change->old_count = Min(slot->degree, 2 * geo->m);
				memcpy(change->old_edges, rvi_hnsw_slot_edges(geo, slot),
					   change->old_count * sizeof(RveNode));
			}
			else if (kind == RV_HNSW_PAGE_UPPER && upper->level != 0 &&
					 !vacuum_is_gone(vacuum, upper->nid))
			{
				change = vacuum_new_change(&changes[n++], block, upper->nid, upper->seq,
										   upper->level);
				change->old_count = Min(upper->count, geo->m);
				memcpy(change->old_edges, upper->edges, change->old_count * sizeof(RveNode));
			}
		}
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
	return n;
}

static void
vacuum_repair_page(HnswVacuum *vacuum, BlockNumber block, RvHnswPageKind kind)
{
	const RvHnswGeometry *geo = &vacuum->index->geo;
	uint32		slots = Max(geo->slots_per_page, geo->uppers_per_page);
	RvHnswEdgeChange *changes = palloc(sizeof(RvHnswEdgeChange) * slots);
	int			total = vacuum_read_lists(vacuum, block, kind, changes);
	int			n = 0;
	int			i;

	for (i = 0; i < total; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (vacuum_choose_list(vacuum, &changes[i]))
			changes[n++] = changes[i];
	}
	if (n == 0)
		return;
	rvi_hnsw_change_edges(&vacuum->writer, changes, n);
	vacuum_retry_changes(vacuum, changes, n);
}

static void
vacuum_repair_graph_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	vacuum_repair_page(vacuum, block, RV_HNSW_PAGE_GRAPH);
}

static void
vacuum_repair_upper_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	vacuum_repair_page(vacuum, block, RV_HNSW_PAGE_UPPER);
}

/* ---- 4: freeing ---- */

static void
vacuum_free_upper_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	rvi_hnsw_clear_uppers(&vacuum->writer, block, vacuum_is_gone, vacuum);
}

static void
vacuum_free_graph_page(HnswVacuum *vacuum, BlockNumber block, RveNode first)
{
	uint32		i;

	for (i = 0; i < vacuum->index->geo.slots_per_page; i++)
	{
		if (vacuum_is_gone(vacuum, first + i))
		{
			(void) rvi_hnsw_free_slots(&vacuum->writer, block, vacuum_is_gone, vacuum);
			return;
		}
	}
}

/* ---- callbacks of the access method ---- */

static void
vacuum_init(HnswVacuum *vacuum, Relation rel)
{
	RvHnswMetaPageData meta;

	vacuum->index = rvi_hnsw_open(rel, &meta);
	rvi_hnsw_writer_init(&vacuum->writer, rel, vacuum->index, false);
	vacuum->graph = rvi_hnsw_graph_create(rel, vacuum->index, &meta);
	rv_runtime_check_status(rve_hnsw_search_create(&vacuum->search), "hnsw vacuum");
	vacuum->page_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw vacuum page",
												 ALLOCSET_DEFAULT_SIZES);
	vacuum->blocks = RelationGetNumberOfBlocks(rel);
	vacuum->bound = vacuum->graph->graph.bound;
	vacuum->reconnect = meta.reconnect != 0;
	vacuum->gone = MemoryContextAllocExtended(CurrentMemoryContext, vacuum->bound / 8 + 1,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	vacuum->chains = MemoryContextAllocExtended(CurrentMemoryContext, vacuum->bound / 8 + 1,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* PostgreSQL callback */
IndexBulkDeleteResult *
hnswbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			   IndexBulkDeleteCallback callback, void *callback_state)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw vacuum",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	HnswVacuum	vacuum = {0};

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	stats->num_index_tuples = 0;
	old = MemoryContextSwitchTo(context);
	vacuum.stats = stats;
	vacuum.callback = callback;
	vacuum.callback_state = callback_state;
	vacuum_init(&vacuum, info->index);
	vacuum_each_page(&vacuum, RV_HNSW_PAGE_GRAPH, vacuum_mark_page);
	vacuum_clean_chains(&vacuum);
	if (vacuum.any_gone)
	{
		rvi_hnsw_set_reconnect(&vacuum.writer, true);
		vacuum_replace_entry(&vacuum);
		vacuum_each_page(&vacuum, RV_HNSW_PAGE_GRAPH, vacuum_repair_graph_page);
		vacuum_each_page(&vacuum, RV_HNSW_PAGE_UPPER, vacuum_repair_upper_page);
		vacuum_each_page(&vacuum, RV_HNSW_PAGE_UPPER, vacuum_free_upper_page);
		vacuum_each_page(&vacuum, RV_HNSW_PAGE_GRAPH, vacuum_free_graph_page);
	}
	if (vacuum.any_gone || vacuum.reconnect)
		rvi_hnsw_reconnect(&vacuum);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stats;
}

/* PostgreSQL callback */
IndexBulkDeleteResult *
hnswvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	/* without a bulk delete nothing was counted: leave pg_class as it is */
	if (info->analyze_only || stats == NULL)
		return stats;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
