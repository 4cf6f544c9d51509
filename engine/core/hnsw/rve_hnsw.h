/*-------------------------------------------------------------------------
 *
 * rve_hnsw.h
 *	  Hierarchical navigable small world graphs: search, neighbour selection
 *	  and in-memory construction.
 *
 * Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
 * search using hierarchical navigable small world graphs", TPAMI 2020.
 *
 * The algorithm sees nodes as numbers and a graph as a table of functions
 * (RveGraphOps): where nodes live, in memory or on pages, is the host's
 * affair. hnsw_mem*.c are the in-memory host that builds use.
 *
 * A host's functions may longjmp out (an ereport): this code holds nothing
 * but memory from rve_base, see rve_base.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_HNSW_H
#define RVE_HNSW_H

#include "engine/core/base/rve_base.h"

#define RVE_NODE_NONE		UINT32_MAX
#define RVE_HNSW_MIN_M		2
#define RVE_HNSW_MAX_M		100
#define RVE_HNSW_MAX_EF		1000
#define RVE_HNSW_MAX_LEVEL	15	/* levels are 0 .. 15 */
#define RVE_HNSW_MAX_DEGREE (2 * RVE_HNSW_MAX_M)

#define RVE_HNSW_MAX_NODES	0x7FFFFFFFu /* nodes are below: edges have a flag in the top bit */

/*
 * A kept edge. On level 0 kept edges, each with its counterpart, form a tree
 * over all nodes: neighbour selection may drop any edge but these, so pruning
 * never cuts a node off. A host stores the flag with the edge; the functions
 * of RveGraphOps pass edges without it.
 */
#define RVE_HNSW_KEPT		0x80000000u
#define RVE_HNSW_NODE(edge) ((edge) & ~RVE_HNSW_KEPT)

typedef uint32_t RveNode;

typedef struct RveCandidate
{
	float		dist;
	RveNode		node;
} RveCandidate;

/*
 * What the algorithm asks of a graph. "The query" is whatever the host was
 * given to search for before the call.
 */
typedef struct RveGraphOps
{
	/*
	 * Copies node's edges on that level to out, which has room for the
	 * level's maximal degree; returns their number, 0 if the node is gone.
	 */
	int			(*neighbors) (void *host, RveNode node, int level, RveNode *out);

	/*
	 * Distances of n nodes to the query. NaN says "there is no such node";
	 * a real distance is never NaN or infinite.
	 */
	void		(*score) (void *host, const RveNode *nodes, int n, float *dist);

	/*
	 * The same, and whether each node that exists passes the query's filter.
	 * NULL when the host knows of none.
	 */
	void		(*score_filtered) (void *host, const RveNode *nodes, int n, float *dist,
								   bool *pass);

	/*
	 * Whether each of n nodes is worth scoring at first sight: a guess at
	 * whether it passes that costs less than scoring it. May be NULL.
	 */
	void		(*guess) (void *host, const RveNode *nodes, int n, bool *worth);

	/*
	 * Makes n nodes ready for pair(): position i stands for nodes[i] until
	 * the next load. usable[i] = false for a node that must not be linked to.
	 */
	void		(*load) (void *host, const RveNode *nodes, int n, bool *usable);

	/* Says that node's edges on level 0 may be asked for next. May be NULL. */
	void		(*hint) (void *host, RveNode node);

	/* Distance between loaded positions i and j, in the units of score. */
	float		(*pair) (void *host, int i, int j);

	/*
	 * The node among n candidates, nearest first, whose vector equals the
	 * query's, or RVE_NODE_NONE. NULL when the host does not care.
	 */
	RveNode		(*same) (void *host, const RveCandidate *candidates, int n);
} RveGraphOps;

typedef struct RveGraph
{
	const RveGraphOps *ops;
	void	   *host;
	int			m;				/* degree: m on upper levels, 2m on level 0 */
	RveNode		entry;			/* RVE_NODE_NONE: the graph is empty */
	int			entry_level;
	RveNode		bound;			/* nodes are usually below; a hint for sizing */
} RveGraph;

static inline int
rve_hnsw_max_degree(int m, int level)
{
	return level == 0 ? 2 * m : m;
}

/* A node takes part in so many kept edges before another node is preferred. */
static inline int
rve_hnsw_max_kept(int m)
{
	return m < 3 ? 3 : m;
}

/* ---- hnsw_heap.c: candidates, the nearest first ---- */

typedef struct RveCandidateHeap
{
	RveCandidate *entries;		/* entries[0] is the nearest */
	size_t		count;
	size_t		room;
} RveCandidateHeap;

extern RveStatus rve_hnsw_heap_push(RveCandidateHeap *heap, RveCandidate entry);

/* Removes the nearest of a heap that is not empty. */
extern RveCandidate rve_hnsw_heap_pop(RveCandidateHeap *heap);
extern void rve_hnsw_heap_free(RveCandidateHeap *heap);

/* ---- hnsw_search.c ---- */

/* Scratch space of searches; reused by any number of them, one at a time. */
typedef struct RveHnswSearch RveHnswSearch;

extern RveStatus rve_hnsw_search_create(RveHnswSearch **search);
extern void rve_hnsw_search_free(RveHnswSearch *search);

/* How far a search goes. */
typedef struct RveHnswEffort
{
	int			ef;				/* 1 .. RVE_HNSW_MAX_EF: size of the candidate list */
	bool		resumable;		/* keep what falls out of the list for resume */
	int			stop_k;			/* 0, or stop early for the sake of so many nearest ... */
	float		stop_ratio;		/* ... when the rest is so many times farther than the last of them */

	/*
	 * Only nodes that pass the filter (score_filtered) count for ef and stop_k
	 * and are results; the others are ways through.
	 */
	bool		filtered;
	bool		reluctant;		/* score what guess says fails only when seen from a second node */
	uint64_t	budget;			/* filtered: 0, or end when so many distances were asked for */
} RveHnswEffort;

/*
 * Finds the ef nodes nearest to the host's query (Algorithms 5 and 2), or
 * stops early by effort's rule, which is for distances that are not negative.
 * Errors: RVE_NO_MEMORY, RVE_INTERRUPTED, RVE_INVALID_ARGUMENT (ef).
 */
extern RveStatus rve_hnsw_search_start(RveHnswSearch *search, const RveGraph *graph,
									   const RveHnswEffort *effort);

/*
 * Goes on with a search that stopped early, by another rule (stop_k 0: to the
 * end). The results are the nodes of the candidate list not given out before.
 */
extern RveStatus rve_hnsw_search_extend(RveHnswSearch *search, const RveGraph *graph, int stop_k,
										float stop_ratio);

/*
 * Filtered searches: the next end of budget, in distances since the start. A
 * search is spent when it ended by it; it may be given more and extended.
 */
extern void rve_hnsw_search_set_budget(RveHnswSearch *search, uint64_t budget);
extern bool rve_hnsw_search_spent(const RveHnswSearch *search);

/* Forgets all of a search, its marks too. */
extern RveStatus rve_hnsw_search_clear(RveHnswSearch *search, RveNode bound);

/* Whether the search has followed all of its candidate list. */
extern bool rve_hnsw_search_complete(const RveHnswSearch *search);

/*
 * The next ef nodes after those already returned, by continuing the same
 * search; none when every reachable node was returned. The search must be complete.
 */
extern RveStatus rve_hnsw_search_resume(RveHnswSearch *search, const RveGraph *graph);

/* The nodes the last start or resume found, nearest first; valid until the next call. */
extern const RveCandidate *rve_hnsw_search_results(const RveHnswSearch *search, int *count);

/* Number of distances the search has asked for since start. */
extern uint64_t rve_hnsw_search_scored(const RveHnswSearch *search);

/* Memory that grows with what the search has seen. */
extern size_t rve_hnsw_search_bytes(const RveHnswSearch *search);

/*
 * Marks a node as seen, as if the search had visited it; true if it was new.
 * Lets a host that finds nodes beside the graph (duplicates) return each once.
 */
extern RveStatus rve_hnsw_search_mark(RveHnswSearch *search, RveNode node, bool *is_new);

/* The edges a new node gets, per level. */
typedef struct RveHnswLinks
{
	int			level;			/* in: the node's level */
	RveNode		self;			/* in: never chosen (a node being linked anew), or NONE */
	RveNode		duplicate_of;	/* out: node with the same vector (ops->same); no edges then */
	int			count[RVE_HNSW_MAX_LEVEL + 1];
	RveCandidate *edges[RVE_HNSW_MAX_LEVEL + 1];	/* nearest first; search's memory */
} RveHnswLinks;

/*
 * Algorithm 1 up to the choice of neighbours: searches every level from
 * min(links->level, entry level) down and selects edges by Algorithm 4: m, on
 * level 0 3m/2, where the rest of the room for 2m is left to reverse edges.
 * effort's stop rule counts on level 0. The result stays valid until the search is used again.
 */
extern RveStatus rve_hnsw_insert_search(RveHnswSearch *search, const RveGraph *graph,
										const RveHnswEffort *effort, RveHnswLinks *links);

/*
 * Algorithm 4 with keepPrunedConnections: at most max of the n candidates,
 * which are sorted nearest first. *selected gets their number; out, room for
 * max, is sorted nearest first again.
 */
extern RveStatus rve_hnsw_select(RveHnswSearch *search, const RveGraph *graph,
								 const RveCandidate *candidates, int n, int max,
								 RveCandidate *out, int *selected);

/* A node whose edge list is chosen anew from its present edges and others. */
typedef struct RveHnswRelink
{
	RveNode		node;
	const RveNode *candidates;	/* distinct, without node itself */
	int			n;
	int			kept;			/* the first so many candidates are chosen in any case */
	int			max;			/* at most this many edges */
	RveNode	   *out;			/* room for max; not sorted: kept, diverse, then pruned ones */
	int			count;			/* out */
	int			diverse;		/* out: how many of these come before the pruned ones */
} RveHnswRelink;

/* Selects relink->out among relink->candidates by distance to relink->node. */
extern RveStatus rve_hnsw_relink(RveHnswSearch *search, const RveGraph *graph,
								 RveHnswRelink *relink);

/*
 * Random level of a new node: P(level >= l) = m^-l (the paper's mL = 1/ln m),
 * cut at RVE_HNSW_MAX_LEVEL. unit is uniform in (0, 1].
 */
extern int	rve_hnsw_random_level(int m, double unit);

/* ---- hnsw_mem*.c: the graph in memory ---- */

typedef struct RveHnswMem RveHnswMem;

/*
 * Memory that several processes map, each at its own address. alloc returns
 * a reference, 0 when memory is short; all may raise errors of the host.
 */
typedef struct RveHnswMemory
{
	void	   *host;
	uint64_t	(*alloc) (void *host, size_t size);
	void	   *(*address) (void *host, uint64_t reference);
	void		(*free) (void *host, uint64_t reference);
} RveHnswMemory;

typedef struct RveHnswMemParams
{
	int			m;
	int			ef_construction;
	uint64_t	seed;			/* of the levels: a node's level depends on it and its number */
	size_t		item_bytes;		/* what a node holds: opaque, copied, at 64-byte aligned places */
	uint32_t	expected;		/* nodes: memory for so many is taken in one piece; 0: unknown */

	/* distance of two items, finite; context is passed through */
	float		(*distance) (void *context, const void *item_a, const void *item_b);

	/* the same from one item to n others; NULL: distance does it */
	void		(*distances) (void *context, const void *item, const void *const *others, int n,
							  float *out);

	/*
	 * Whether node's vector equals the one being added, asked only for nodes
	 * whose item is byte for byte the same; NULL: equal items are equal.
	 */
	bool		(*same) (void *context, RveNode node);

	/* a node's level, 0 .. RVE_HNSW_MAX_LEVEL; NULL: random, by seed and number */
	int			(*level) (void *context, RveNode node);
	void	   *context;
	int			base_degree;	/* most edges on level 0: m .. 2m; 0: 2m */

	/* NULL: memory of rve_base, for one process (threads may share it) */
	const RveHnswMemory *memory;
} RveHnswMemParams;

extern RveStatus rve_hnsw_mem_create(const RveHnswMemParams *params, RveHnswMem **mem);

/*
 * Another process's (or thread's) view of a graph that exists: root is what
 * rve_hnsw_mem_root returned to its creator, params have the same m,
 * item_bytes and seed. Everybody may add at the same time; all else wants the
 * adding to be over.
 */
extern RveStatus rve_hnsw_mem_attach(const RveHnswMemParams *params, uint64_t root,
									 RveHnswMem **mem);
extern uint64_t rve_hnsw_mem_root(const RveHnswMem *mem);

/* Frees the view, and the graph with its creator's. */
extern void rve_hnsw_mem_free(RveHnswMem *mem);

/*
 * Adds a node: reserve numbers it (0, 1, 2, ...), insert links it; add is
 * both. tag is kept for the host. After an error the graph may only be freed.
 */
extern RveStatus rve_hnsw_mem_reserve(RveHnswMem *mem, RveNode *node);
extern RveStatus rve_hnsw_mem_insert(RveHnswMem *mem, RveNode node, const void *item, uint64_t tag);
extern RveStatus rve_hnsw_mem_add(RveHnswMem *mem, const void *item, uint64_t tag);

/*
 * Chooses the tree of kept edges and adds the edges it lacks: afterwards every
 * node is reachable from every other on level 0. To be called once, when all
 * nodes are there. *unreachable = nodes that nowhere was room for (none, short
 * of a defect).
 */
extern RveStatus rve_hnsw_mem_connect(RveHnswMem *mem, uint32_t *unreachable);

/*
 * The same with a tree over the first `nodes` nodes only, from node 0, which
 * keeps room for `spare` kept edges more. With no nodes, edges only get their
 * public form.
 */
extern RveStatus rve_hnsw_mem_connect_part(RveHnswMem *mem, uint32_t nodes, int spare,
										   uint32_t *unreachable);

/* Changes ef_construction for the nodes that this view adds from now on. */
extern void rve_hnsw_mem_set_effort(RveHnswMem *mem, int ef_construction);

/* Memory in use by the nodes there are, and what a number of nodes will need. */
extern size_t rve_hnsw_mem_bytes(const RveHnswMem *mem);
extern double rve_hnsw_mem_estimate(int m, size_t item_bytes, double nodes);

extern uint32_t rve_hnsw_mem_count(const RveHnswMem *mem);
extern void rve_hnsw_mem_graph(RveHnswMem *mem, RveGraph *graph);

/* A node as the host writes it out. Pointers into the graph's memory. */
typedef struct RveHnswMemNode
{
	uint64_t	tag;
	const void *item;
	int			level;
	RveNode		duplicate_of;	/* NONE unless the node is a duplicate, which has no edges */
	RveNode		next_duplicate; /* chain from the first node through its duplicates */
} RveHnswMemNode;

extern void rve_hnsw_mem_node(RveHnswMem *mem, RveNode node, RveHnswMemNode *out);

/*
 * A node's edges, with RVE_HNSW_KEPT where it applies. Before
 * rve_hnsw_mem_connect the top bit means nothing to others.
 */
extern const RveNode *rve_hnsw_mem_edges(RveHnswMem *mem, RveNode node, int level, int *count);

/* The distances of these edges; 0 for one that connect has put in. */
extern const float *rve_hnsw_mem_distances(RveHnswMem *mem, RveNode node, int level);

/* A list of level 0, as the two functions above give it. */
typedef struct RveHnswList
{
	const RveNode *edges;
	const float *dist;
	int			count;
} RveHnswList;

/*
 * One list out of several of the same node, from graphs that share some nodes:
 * kept edges first, the others by Algorithm 4. Numbers of nodes mean the same
 * in all lists.
 */
#define RVE_HNSW_MERGE_LISTS 4
#define RVE_HNSW_MERGE_EDGES (RVE_HNSW_MERGE_LISTS * RVE_HNSW_MAX_DEGREE)

typedef struct RveHnswMerge
{
	RveHnswList lists[RVE_HNSW_MERGE_LISTS];	/* unused ones have no edges */
	int			max;			/* most edges of the result, at least its kept ones */

	/* as in RveGraphOps; usable[i] = false: nothing is known of nodes[i] */
	void		(*load) (void *context, const RveNode *nodes, int n, bool *usable);
	float		(*pair) (void *context, int i, int j);
	void	   *context;
	RveNode	   *out;			/* room for max */
} RveHnswMerge;

/* Returns the number of edges. */
extern int	rve_hnsw_merge_lists(const RveHnswMerge *merge);

/* The level that a graph of the same m and seed without a level function gives a node. */
extern int	rve_hnsw_mem_level(int m, uint64_t seed, RveNode node);

/* Sets what the graph's ops search for: item_bytes at item, which must stay valid. */
extern void rve_hnsw_mem_set_query(RveHnswMem *mem, const void *item);

#endif							/* RVE_HNSW_H */
