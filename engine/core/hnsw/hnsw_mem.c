/*-------------------------------------------------------------------------
 *
 * hnsw_mem.c
 *	  The graph in memory, for index builds: memory, numbering, reading.
 *
 * The first chunk of an array has room for the nodes that are expected, later
 * ones grow by powers of two, so that growth moves nothing. Who first needs a
 * chunk allocates it; where two do so at once, the second gives his back.
 *
 * A large graph is read at random places, and on 4 KB pages most of these
 * reads miss the TLB too: large chunks ask for huge pages.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_mem_int.h"

#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define HMEM_HUGE_PAGE ((size_t) 2 << 20)
#define HMEM_MIN_SHIFT 10
#define HMEM_MAX_SHIFT 24

/* ---- memory ---- */

/* Without a host's memory, references are addresses. */
static uint64_t
hmem_private_alloc(void *host, size_t size)
{
	uint8_t    *raw = rve_base_alloc_array(1, size + HMEM_LINE);
	uintptr_t	aligned;

	if (raw == NULL)
		return 0;

	/* what lies before the aligned address says how far back the start is */
	aligned = ((uintptr_t) raw + HMEM_LINE) & ~(uintptr_t) (HMEM_LINE - 1);
	((uint8_t *) aligned)[-1] = (uint8_t) (aligned - (uintptr_t) raw);
	return (uint64_t) aligned;
}

static void *
hmem_private_address(void *host, uint64_t reference)
{
	return (void *) (uintptr_t) reference;
}

static void
hmem_private_free(void *host, uint64_t reference)
{
	uint8_t    *aligned = (uint8_t *) (uintptr_t) reference;

	rve_base_free(aligned - aligned[-1]);
}

static const RveHnswMemory hmem_private_memory = {
	.alloc = hmem_private_alloc,
	.address = hmem_private_address,
	.free = hmem_private_free
};

/* Advice is all that huge pages are: nothing depends on it. */
static void
hmem_advise(uint8_t *ptr, size_t size)
{
#ifdef MADV_HUGEPAGE
	if (size >= 2 * HMEM_HUGE_PAGE)
	{
		uintptr_t	from = ((uintptr_t) ptr + HMEM_HUGE_PAGE - 1) & ~(HMEM_HUGE_PAGE - 1);
		uintptr_t	to = ((uintptr_t) ptr + size) & ~(HMEM_HUGE_PAGE - 1);

		(void) madvise((void *) from, to - from, MADV_HUGEPAGE);
	}
#endif
}

/* The chunk that holds a record of an array. */
static int
hmem_chunk_of(const HmemArray *array, uint32_t number)
{
	uint32_t	block;

	if (number < array->first)
		return 0;
	block = (number - array->first) >> array->shift;
	return block == 0 ? 1 : 33 - __builtin_clz(block);
}

static size_t
hmem_chunk_bytes(const HmemArray *array, int chunk)
{
	size_t		records = array->first;

	if (chunk > 0)
		records = (size_t) 1 << (array->shift + (chunk == 1 ? 0 : chunk - 2));
	return records * array->stride;
}

uint8_t *
rvei_hmem_map(RveHnswMem *mem, HmemArray *array, int chunk)
{
	uint64_t	reference = atomic_load_explicit(&array->shares->chunks[chunk],
												 memory_order_acquire);

	array->base[chunk] = mem->memory.address(mem->memory.host, reference);
	hmem_advise(array->base[chunk], hmem_chunk_bytes(array, chunk));
	return array->base[chunk];
}

bool
rvei_hmem_mapped(const RveHnswMem *mem, RveNode node)
{
	return mem->nodes.base[hmem_chunk_of(&mem->nodes, node)] != NULL;
}

/* Makes sure that there is memory for a record. */
static RveStatus
hmem_reserve_record(RveHnswMem *mem, HmemArray *array, uint32_t number)
{
	int			chunk = hmem_chunk_of(array, number);
	uint64_t	reference;
	uint64_t	none = 0;

	if (array->base[chunk] != NULL)
		return RVE_OK;
	if (atomic_load_explicit(&array->shares->chunks[chunk], memory_order_acquire) == 0)
	{
		reference = mem->memory.alloc(mem->memory.host, hmem_chunk_bytes(array, chunk));
		if (reference == 0)
			return RVE_NO_MEMORY;
		if (!atomic_compare_exchange_strong(&array->shares->chunks[chunk], &none, reference))
			mem->memory.free(mem->memory.host, reference);
	}
	(void) rvei_hmem_map(mem, array, chunk);
	return RVE_OK;
}

/* ---- life ---- */

static size_t
hmem_align(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static size_t
hmem_node_at(size_t item_bytes)
{
	return hmem_align(item_bytes, sizeof(uint64_t));
}

static size_t
hmem_node_stride(int m, size_t item_bytes)
{
	return hmem_align(hmem_node_at(item_bytes) + sizeof(HmemNode) +
					  2 * (size_t) m * (sizeof(uint32_t) + sizeof(float)), HMEM_LINE);
}

static size_t
hmem_upper_stride(int m)
{
	return sizeof(HmemUpper) + (size_t) m * (sizeof(uint32_t) + sizeof(float));
}

double
rve_hnsw_mem_estimate(int m, size_t item_bytes, double nodes)
{
	return nodes * ((double) hmem_node_stride(m, item_bytes) +
					(double) hmem_upper_stride(m) / (m - 1));
}

static void
hmem_init_array(HmemArray *array, HmemShares *shares, size_t stride, uint32_t first)
{
	array->shares = shares;
	array->stride = stride;
	array->first = first;
	array->shift = HMEM_MIN_SHIFT;
	while (array->shift < HMEM_MAX_SHIFT && (UINT32_C(8) << array->shift) < first)
		array->shift++;
}

static bool
hmem_params_valid(const RveHnswMemParams *params)
{
	return params->m >= RVE_HNSW_MIN_M && params->m <= RVE_HNSW_MAX_M &&
		params->ef_construction >= 1 && params->ef_construction <= RVE_HNSW_MAX_EF &&
		params->item_bytes > 0 && params->item_bytes <= (1u << 20) &&
		params->expected <= RVE_HNSW_MAX_NODES &&
		(params->base_degree == 0 ||
		 (params->base_degree >= params->m && params->base_degree <= 2 * params->m));
}

/* A view without its shared part. */
static RveHnswMem *
hmem_create_view(const RveHnswMemParams *params)
{
	RveHnswMem *mem = rve_base_alloc0(sizeof(RveHnswMem));

	if (mem == NULL)
		return NULL;
	mem->params = *params;
	if (params->base_degree == 0)
		mem->params.base_degree = 2 * params->m;
	mem->memory = params->memory != NULL ? *params->memory : hmem_private_memory;
	mem->params.memory = NULL;
	mem->node_at = hmem_node_at(params->item_bytes);
	mem->edges_at = mem->node_at + sizeof(HmemNode);
	mem->dist_at = mem->edges_at + 2 * (size_t) params->m * sizeof(uint32_t);
	return mem;
}

static void
hmem_attach_shared(RveHnswMem *mem)
{
	const RveHnswMemParams *params = &mem->params;

	mem->shared = mem->memory.address(mem->memory.host, mem->root);
	hmem_init_array(&mem->nodes, &mem->shared->nodes,
					hmem_node_stride(params->m, params->item_bytes), mem->shared->first_nodes);
	hmem_init_array(&mem->uppers, &mem->shared->uppers, hmem_upper_stride(params->m),
					mem->shared->first_uppers);
}

RveStatus
rve_hnsw_mem_create(const RveHnswMemParams *params, RveHnswMem **result)
{
	uint32_t	expected = params->expected;
	HmemShared *shared;
	RveHnswMem *mem;

	*result = NULL;
	if (!hmem_params_valid(params))
		return RVE_INVALID_ARGUMENT;
	mem = hmem_create_view(params);
	if (mem == NULL)
		return RVE_NO_MEMORY;
	mem->owner = true;
	mem->root = mem->memory.alloc(mem->memory.host, sizeof(HmemShared));
	if (mem->root == 0)
	{
		rve_hnsw_mem_free(mem);
		return RVE_NO_MEMORY;
	}
	shared = mem->memory.address(mem->memory.host, mem->root);
	memset(shared, 0, sizeof(*shared));
	if (expected < 1u << HMEM_MIN_SHIFT)
		expected = 1u << HMEM_MIN_SHIFT;
	shared->first_nodes = expected;
	shared->first_uppers = expected / (uint32_t) (params->m - 1) / 8 * 9 + 64;
	atomic_init(&shared->entry, HMEM_NO_ENTRY);
	hmem_attach_shared(mem);

	/* at once, so that the first two who add do not both allocate a large chunk */
	if (hmem_reserve_record(mem, &mem->nodes, 0) != RVE_OK ||
		hmem_reserve_record(mem, &mem->uppers, 0) != RVE_OK)
	{
		rve_hnsw_mem_free(mem);
		return RVE_NO_MEMORY;
	}
	*result = mem;
	return RVE_OK;
}

RveStatus
rve_hnsw_mem_attach(const RveHnswMemParams *params, uint64_t root, RveHnswMem **result)
{
	RveHnswMem *mem;

	*result = NULL;
	if (!hmem_params_valid(params) || root == 0)
		return RVE_INVALID_ARGUMENT;
	mem = hmem_create_view(params);
	if (mem == NULL)
		return RVE_NO_MEMORY;
	mem->root = root;
	hmem_attach_shared(mem);
	*result = mem;
	return RVE_OK;
}

uint64_t
rve_hnsw_mem_root(const RveHnswMem *mem)
{
	return mem->root;
}

static void
hmem_free_array(RveHnswMem *mem, const HmemShares *shares)
{
	int			i;

	for (i = 0; i < HMEM_CHUNKS; i++)
	{
		uint64_t	reference = atomic_load_explicit(&shares->chunks[i], memory_order_acquire);

		if (reference != 0)
			mem->memory.free(mem->memory.host, reference);
	}
}

void
rve_hnsw_mem_free(RveHnswMem *mem)
{
	if (mem == NULL)
		return;
	if (mem->owner && mem->root != 0)
	{
		hmem_free_array(mem, &mem->shared->nodes);
		hmem_free_array(mem, &mem->shared->uppers);
		mem->memory.free(mem->memory.host, mem->root);
	}
	rve_base_free(mem->visited);
	rve_base_free(mem->dirty);
	rve_base_free(mem);
}

/* ---- numbering ---- */

RveStatus
rve_hnsw_mem_reserve(RveHnswMem *mem, RveNode *node)
{
	*node = atomic_fetch_add_explicit(&mem->shared->node_count, 1, memory_order_relaxed);
	if (*node >= RVE_HNSW_MAX_NODES)
	{
		atomic_fetch_sub_explicit(&mem->shared->node_count, 1, memory_order_relaxed);
		return RVE_TOO_LARGE;
	}
	return hmem_reserve_record(mem, &mem->nodes, *node);
}

/* A node's level is a function of its number: a serial build is the same each time. */
int
rve_hnsw_mem_level(int m, uint64_t seed, RveNode node)
{
	uint64_t	state = seed + UINT64_C(0xD1B54A32D192ED03) * ((uint64_t) node + 1);

	return rve_hnsw_random_level(m, rve_base_random_unit(&state));
}

RveStatus
rvei_hmem_prepare(RveHnswMem *mem, RveNode node, const void *item, uint64_t tag)
{
	HmemNode   *slot = hmem_node(mem, node);
	RveStatus	status;
	int			level;

	memcpy((void *) hmem_item(mem, node), item, mem->params.item_bytes);
	memset(slot, 0, sizeof(*slot));
	slot->tag = tag;
	slot->upper = HMEM_NO_UPPER;
	slot->duplicate_of = slot->next_duplicate = RVE_NODE_NONE;
	level = mem->params.level != NULL ? mem->params.level(mem->params.context, node) :
		rve_hnsw_mem_level(mem->params.m, mem->params.seed, node);
	slot->level = (uint8_t) level;
	if (slot->level == 0)
		return RVE_OK;
	slot->upper = atomic_fetch_add_explicit(&mem->shared->upper_count, slot->level,
											memory_order_relaxed);
	for (level = 1; level <= slot->level; level++)
	{
		status = hmem_reserve_record(mem, &mem->uppers, slot->upper + (uint32_t) level - 1);
		if (status != RVE_OK)
			return status;
		memset(hmem_upper(mem, slot, level), 0, sizeof(HmemUpper));
	}
	return RVE_OK;
}

void
rve_hnsw_mem_set_effort(RveHnswMem *mem, int ef_construction)
{
	if (ef_construction >= 1 && ef_construction <= RVE_HNSW_MAX_EF)
		mem->params.ef_construction = ef_construction;
}

/* ---- reading ---- */

size_t
rve_hnsw_mem_bytes(const RveHnswMem *mem)
{
	return atomic_load_explicit(&mem->shared->node_count, memory_order_relaxed) *
		mem->nodes.stride +
		atomic_load_explicit(&mem->shared->upper_count, memory_order_relaxed) *
		mem->uppers.stride;
}

uint32_t
rve_hnsw_mem_count(const RveHnswMem *mem)
{
	return atomic_load_explicit(&mem->shared->node_count, memory_order_relaxed);
}

void
rve_hnsw_mem_node(RveHnswMem *mem, RveNode node, RveHnswMemNode *out)
{
	const HmemNode *slot = hmem_node(mem, node);

	out->tag = slot->tag;
	out->item = hmem_item(mem, node);
	out->level = slot->level;
	out->duplicate_of = slot->duplicate_of;
	out->next_duplicate = slot->next_duplicate;
}

const RveNode *
rve_hnsw_mem_edges(RveHnswMem *mem, RveNode node, int level, int *count)
{
	HmemList	list = hmem_list(mem, node, level);

	/* nobody adds any more: an atomic word is like any other */
	*count = hmem_list_count(mem, node, level);
	return (const RveNode *) list.edges;
}

const float *
rve_hnsw_mem_distances(RveHnswMem *mem, RveNode node, int level)
{
	return hmem_list(mem, node, level).dist;
}

int
rvei_hmem_copy_edges(RveHnswMem *mem, RveNode node, int level, RveNode *out)
{
	int			n;
	int			i;
	HmemList	list;

	if (level > hmem_node(mem, node)->level)
		return 0;
	n = hmem_list_count(mem, node, level);
	list = hmem_list(mem, node, level);
	for (i = 0; i < n; i++)
		out[i] = RVE_HNSW_NODE(hmem_edge(&list, i));
	return n;
}

/* ---- the graph as hnsw_search.c sees it ---- */

static int
hmem_neighbors(void *host, RveNode node, int level, RveNode *out)
{
	return rvei_hmem_copy_edges(host, node, level, out);
}

static void
hmem_score(void *host, const RveNode *nodes, int n, float *dist)
{
	RveHnswMem *mem = host;
	int			i;

	for (i = 0; i < n; i++)
		dist[i] = hmem_distance(mem, mem->query, hmem_item(mem, nodes[i]));
}

static void
hmem_load(void *host, const RveNode *nodes, int n, bool *usable)
{
	RveHnswMem *mem = host;
	int			i;

	for (i = 0; i < n; i++)
	{
		mem->loaded[i] = hmem_item(mem, nodes[i]);
		usable[i] = true;
	}
}

static float
hmem_pair(void *host, int i, int j)
{
	RveHnswMem *mem = host;

	return hmem_distance(mem, mem->loaded[i], mem->loaded[j]);
}

static const RveGraphOps hmem_ops = {
	.neighbors = hmem_neighbors,
	.score = hmem_score,
	.load = hmem_load,
	.pair = hmem_pair
};

void
rve_hnsw_mem_graph(RveHnswMem *mem, RveGraph *graph)
{
	uint64_t	entry = atomic_load_explicit(&mem->shared->entry, memory_order_acquire);

	graph->ops = &hmem_ops;
	graph->host = mem;
	graph->m = mem->params.m;
	graph->entry = entry == HMEM_NO_ENTRY ? RVE_NODE_NONE : (RveNode) entry;
	graph->entry_level = entry == HMEM_NO_ENTRY ? 0 : (int) (entry >> 32);
	graph->bound = rve_hnsw_mem_count(mem);
}

void
rve_hnsw_mem_set_query(RveHnswMem *mem, const void *item)
{
	mem->query = item;
}
