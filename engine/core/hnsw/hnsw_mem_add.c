/*-------------------------------------------------------------------------
 *
 * hnsw_mem_add.c
 *	  Adding a node to the graph in memory: Algorithms 1 and 4 of Malkov and
 *	  Yashunin, by several processes at once.
 *
 * A new node's own lists are complete before anything leads to it. Then each
 * chosen neighbour gets the reverse edge under its spin lock. Lists are sorted
 * and carry their distances, so that a reverse edge costs no distances but
 * those between neighbours, and most of these are cut short.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_mem_int.h"

#include <sched.h>
#include <string.h>

#define HMEM_SPINS 200			/* before giving up the CPU */

/* ---- the spin lock of a node ---- */

/*
 * A holder that lost the CPU is waited for with yields; one that died with an
 * error never unlocks, but then somebody interrupts us.
 */
static RveStatus
hmem_lock(HmemNode *slot)
{
	unsigned	tries = 0;

	while (atomic_exchange_explicit(&slot->lock, 1, memory_order_acquire) != 0)
	{
		while (atomic_load_explicit(&slot->lock, memory_order_relaxed) != 0)
		{
			if (++tries % HMEM_SPINS != 0)
				continue;
			if (rve_base_interrupted())
				return RVE_INTERRUPTED;
			sched_yield();
		}
	}
	return RVE_OK;
}

static void
hmem_unlock(HmemNode *slot)
{
	atomic_store_explicit(&slot->lock, 0, memory_order_release);
}

/* ---- the new node's own lists ---- */

/*
 * Edges a new node chooses itself: as many as its list takes. Reverse edges
 * replace them, one by one, where they are better.
 */
static int
hmem_own_degree(const RveHnswMem *mem, int level)
{
	return level == 0 ? mem->params.base_degree : mem->params.m;
}

/* Algorithm 4 over the pool, which is sorted: mem->chosen, sorted again, pruned ones marked. */
static void
hmem_select(RveHnswMem *mem, int max)
{
	int			spared = 0;
	int			diverse = 0;
	int			n = mem->pool_count;
	int			i;
	int			j;

	for (i = 0; i < n && diverse < max; i++)
	{
		const uint8_t *item = hmem_item(mem, mem->pool[i].node);

		for (j = 0; j < diverse; j++)
		{
			if (hmem_distance(mem, mem->items[j], item) < mem->pool[i].dist)
				break;
		}
		if (j < diverse)
		{
			mem->spared[spared++] = i;
			continue;
		}
		mem->items[diverse] = item;
		mem->chosen[diverse++] = mem->pool[i];
	}
	mem->chosen_count = diverse;
	for (i = 0; i < spared && mem->chosen_count < max; i++)
		mem->chosen[mem->chosen_count++] = mem->pool[mem->spared[i]];
	if (mem->chosen_count > diverse)
		rvei_hnsw_sort(mem->chosen, mem->chosen_count);
}

static void
hmem_write_own(RveHnswMem *mem, RveNode node, int level)
{
	HmemList	list = hmem_list(mem, node, level);
	int			i;

	for (i = 0; i < mem->chosen_count; i++)
	{
		hmem_set_edge(&list, i, mem->chosen[i].node);
		list.dist[i] = mem->chosen[i].dist;
	}
	hmem_list_set_count(mem, node, level, mem->chosen_count);
}

/* The node among the candidates whose vector equals the new node's, or NONE. */
static RveNode
hmem_find_same(RveHnswMem *mem)
{
	int			i;

	for (i = 0; i < mem->pool_count; i++)
	{
		RveNode		other = mem->pool[i].node;

		if (memcmp(hmem_item(mem, other), mem->query, mem->params.item_bytes) == 0 &&
			(mem->params.same == NULL || mem->params.same(mem->params.context, other)))
			return other;
	}
	return RVE_NODE_NONE;
}

/* Called for each level from the highest down to 0. */
static RveStatus
hmem_found(RveHnswMem *mem, RveNode node, int level)
{
	if (level == 0)
	{
		hmem_node(mem, node)->duplicate_of = hmem_find_same(mem);
		if (hmem_node(mem, node)->duplicate_of != RVE_NODE_NONE)
			return RVE_OK;
	}
	hmem_select(mem, hmem_own_degree(mem, level));
	hmem_write_own(mem, node, level);
	return RVE_OK;
}

/* ---- reverse edges; all under the node's lock ---- */

/* Puts an edge in its place in a list that is sorted and has n edges, fewer than there is room for. */
static void
hmem_list_insert(const HmemList *list, int n, uint32_t edge, float dist)
{
	int			at = n;

	while (at > 0 && list->dist[at - 1] > dist)
	{
		hmem_set_edge(list, at, hmem_edge(list, at - 1));
		list->dist[at] = list->dist[at - 1];
		at--;
	}
	hmem_set_edge(list, at, edge);
	list->dist[at] = dist;
}

/* Takes the edge at a place out of a full list and puts another in; the count stays. */
static void
hmem_list_replace(const HmemList *list, int n, int at, uint32_t edge, float dist)
{
	for (; at + 1 < n; at++)
	{
		hmem_set_edge(list, at, hmem_edge(list, at + 1));
		list->dist[at] = list->dist[at + 1];
	}
	hmem_list_insert(list, n - 1, edge, dist);
}

/* Marks what Algorithm 4 would prune of a full list. */
static void
hmem_list_choose(RveHnswMem *mem, const HmemList *list, int n)
{
	int			diverse = 0;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		uint32_t	edge = hmem_edge(list, i);
		const uint8_t *item = hmem_item(mem, edge);

		for (j = 0; j < diverse; j++)
		{
			if (hmem_distance(mem, mem->items[j], item) < list->dist[i])
				break;
		}
		if (j < diverse)
			hmem_set_edge(list, i, edge | HMEM_PRUNED);
		else
			mem->items[diverse++] = item;
	}
}

/* The farthest edge of a list that is pruned or, when none is, the farthest. */
static int
hmem_list_worst(const HmemList *list, int n)
{
	int			i;

	for (i = n - 1; i >= 0; i--)
	{
		if ((hmem_edge(list, i) & HMEM_PRUNED) != 0)
			return i;
	}
	return n - 1;
}

/*
 * A full list is chosen by Algorithm 4 the first time. Afterwards it is kept
 * up to date: the added node prunes and is pruned as Algorithm 4 would have
 * it, and the farthest of the pruned ones goes. A fraction of the distances of
 * choosing anew, and as good. Returns whether added is in.
 */
static bool
hmem_list_offer(RveHnswMem *mem, const HmemList *list, int n, RveNode added, float dist)
{
	const uint8_t *item = hmem_item(mem, added);
	bool		pruned = false;
	bool		any_pruned;
	int			worst = hmem_list_worst(list, n);
	int			i;

	any_pruned = (hmem_edge(list, worst) & HMEM_PRUNED) != 0;
	if (dist >= list->dist[n - 1] && !any_pruned)
		return false;
	for (i = 0; i < n && list->dist[i] <= dist && !pruned; i++)
	{
		uint32_t	edge = hmem_edge(list, i);

		if ((edge & HMEM_PRUNED) == 0)
			pruned = hmem_distance(mem, hmem_item(mem, edge), item) < dist;
	}
	if (pruned && (!any_pruned || dist >= list->dist[worst]))
		return false;
	for (i = 0; i < n && !pruned; i++)
	{
		uint32_t	edge = hmem_edge(list, i);

		if (list->dist[i] <= dist || (edge & HMEM_PRUNED) != 0)
			continue;
		if (hmem_distance(mem, hmem_item(mem, edge), item) < list->dist[i])
			hmem_set_edge(list, i, edge | HMEM_PRUNED);
	}
	worst = hmem_list_worst(list, n);
	hmem_list_replace(list, n, worst, pruned ? added | HMEM_PRUNED : added, dist);
	return true;
}

/*
 * Whether this process has mapped all that a list leads to. Mapping may fail
 * with an error of the host, and nobody must leave while holding a lock.
 */
static bool
hmem_list_mapped(const RveHnswMem *mem, const HmemList *list, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (!rvei_hmem_mapped(mem, RVE_HNSW_NODE(hmem_edge(list, i))))
			return false;
	}
	return true;
}

/* Locks a node whose list can be worked on; *n = its edges. */
static RveStatus
hmem_lock_list(RveHnswMem *mem, RveNode node, int level, const HmemList *list, int *n)
{
	HmemNode   *slot = hmem_node(mem, node);
	RveStatus	status;
	int			i;

	for (;;)
	{
		status = hmem_lock(slot);
		if (status != RVE_OK)
			return status;
		*n = hmem_list_count(mem, node, level);
		if (*n < list->max || hmem_list_mapped(mem, list, *n))
			return RVE_OK;
		hmem_unlock(slot);
		for (i = 0; i < *n; i++)
			(void) hmem_item(mem, RVE_HNSW_NODE(hmem_edge(list, i)));
	}
}

/* Whether the list of a level was full before; says that it is from now on. */
static bool
hmem_was_chosen(RveHnswMem *mem, HmemNode *slot, int level)
{
	bool		was;

	if (level == 0)
	{
		was = slot->chosen != 0;
		slot->chosen = 1;
	}
	else
	{
		HmemUpper  *upper = hmem_upper(mem, slot, level);

		was = upper->chosen != 0;
		upper->chosen = 1;
	}
	return was;
}

/*
 * The reverse edge from node to added. force: it takes the farthest edge's
 * place if it must. *accepted = it is in.
 */
static RveStatus
hmem_link_back(RveHnswMem *mem, RveNode node, RveCandidate added, int level, bool force,
			   bool *accepted)
{
	HmemNode   *slot = hmem_node(mem, node);
	HmemList	list = hmem_list(mem, node, level);
	int			n;
	RveStatus	status = hmem_lock_list(mem, node, level, &list, &n);

	if (status != RVE_OK)
		return status;
	if (n < list.max)
	{
		hmem_list_insert(&list, n, added.node, added.dist);
		hmem_list_set_count(mem, node, level, n + 1);
		*accepted = true;
	}
	else if (force)
	{
		hmem_list_replace(&list, n, n - 1, added.node, added.dist);
		*accepted = true;
	}
	else
	{
		if (!hmem_was_chosen(mem, slot, level))
			hmem_list_choose(mem, &list, n);
		*accepted = hmem_list_offer(mem, &list, n, added.node, added.dist);
	}
	hmem_unlock(slot);
	return RVE_OK;
}

/* Reverse edges of a node's list on one level. */
static RveStatus
hmem_link_level(RveHnswMem *mem, RveNode node, int level)
{
	HmemList	list = hmem_list(mem, node, level);
	int			n = hmem_list_count(mem, node, level);
	RveCandidate targets[RVE_HNSW_MAX_DEGREE];
	RveCandidate added = {0, node};
	bool		any = false;
	bool		accepted;
	RveStatus	status;
	int			i;

	/* the first reverse edge makes the node public: others may change its list from then on */
	for (i = 0; i < n; i++)
	{
		targets[i].node = RVE_HNSW_NODE(hmem_edge(&list, i));
		targets[i].dist = list.dist[i];
	}
	for (i = 0; i < n; i++)
	{
		added.dist = targets[i].dist;
		status = hmem_link_back(mem, targets[i].node, added, level, false, &accepted);
		if (status != RVE_OK)
			return status;
		any |= accepted;
	}
	if (any || n == 0)
		return RVE_OK;

	/* nobody wants it: its nearest neighbour gives up the farthest edge */
	added.dist = targets[0].dist;
	return hmem_link_back(mem, targets[0].node, added, level, true, &accepted);
}

/* The node's row has the vector of another node: it goes into that one's chain. */
static RveStatus
hmem_push_duplicate(RveHnswMem *mem, RveNode node)
{
	HmemNode   *slot = hmem_node(mem, node);
	HmemNode   *first = hmem_node(mem, slot->duplicate_of);
	RveStatus	status = hmem_lock(first);

	if (status != RVE_OK)
		return status;
	slot->level = 0;
	slot->next_duplicate = first->next_duplicate;
	first->next_duplicate = node;
	hmem_unlock(first);
	return RVE_OK;
}

/* ---- adding ---- */

/* Makes node the entry if it is of a higher level than the one there is. */
static void
hmem_offer_entry(RveHnswMem *mem, RveNode node, int level)
{
	uint64_t	entry = atomic_load_explicit(&mem->shared->entry, memory_order_acquire);
	uint64_t	own = (uint64_t) level << 32 | node;

	while (entry == HMEM_NO_ENTRY || (int) (entry >> 32) < level)
	{
		if (atomic_compare_exchange_weak(&mem->shared->entry, &entry, own))
			break;
	}
}

RveStatus
rve_hnsw_mem_insert(RveHnswMem *mem, RveNode node, const void *item, uint64_t tag)
{
	RveStatus	status = rvei_hmem_prepare(mem, node, item, tag);
	HmemNode   *slot;
	uint64_t	entry = HMEM_NO_ENTRY;
	int			level;

	if (status != RVE_OK)
		return status;
	slot = hmem_node(mem, node);
	if (atomic_compare_exchange_strong(&mem->shared->entry, &entry,
									   (uint64_t) slot->level << 32 | node))
		return RVE_OK;
	mem->query = item;
	status = rvei_hmem_search(mem, entry, slot->level, hmem_found, node);
	if (status != RVE_OK)
		return status;
	if (slot->duplicate_of != RVE_NODE_NONE)
		return hmem_push_duplicate(mem, node);

	/*
	 * Upwards: whoever finds the node on one level may add to its list there,
	 * and a list must be linked before that.
	 */
	for (level = 0; level <= slot->level; level++)
	{
		status = hmem_link_level(mem, node, level);
		if (status != RVE_OK)
			return status;
	}
	hmem_offer_entry(mem, node, slot->level);
	return RVE_OK;
}

RveStatus
rve_hnsw_mem_add(RveHnswMem *mem, const void *item, uint64_t tag)
{
	RveNode		node;
	RveStatus	status = rve_hnsw_mem_reserve(mem, &node);

	return status == RVE_OK ? rve_hnsw_mem_insert(mem, node, item, tag) : status;
}
