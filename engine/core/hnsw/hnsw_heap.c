/*-------------------------------------------------------------------------
 *
 * hnsw_heap.c
 *	  A binary heap of candidates, the nearest on top; ties by node.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/rve_hnsw.h"

#include <string.h>

#define HEAP_FIRST_ROOM 1024

static inline bool
heap_less(const RveCandidate *a, const RveCandidate *b)
{
	return a->dist < b->dist || (a->dist == b->dist && a->node < b->node);
}

static RveStatus
heap_grow(RveCandidateHeap *heap)
{
	size_t		room = heap->room == 0 ? HEAP_FIRST_ROOM : heap->room * 2;
	RveCandidate *grown = rve_base_alloc_array(room, sizeof(RveCandidate));

	if (grown == NULL)
		return RVE_NO_MEMORY;
	if (heap->count > 0)
		memcpy(grown, heap->entries, heap->count * sizeof(RveCandidate));
	rve_base_free(heap->entries);
	heap->entries = grown;
	heap->room = room;
	return RVE_OK;
}

RveStatus
rve_hnsw_heap_push(RveCandidateHeap *heap, RveCandidate entry)
{
	size_t		at = heap->count;

	if (heap->count == heap->room)
	{
		RveStatus	status = heap_grow(heap);

		if (status != RVE_OK)
			return status;
	}
	heap->count++;
	while (at > 0 && heap_less(&entry, &heap->entries[(at - 1) / 2]))
	{
		heap->entries[at] = heap->entries[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entries[at] = entry;
	return RVE_OK;
}

RveCandidate
rve_hnsw_heap_pop(RveCandidateHeap *heap)
{
	RveCandidate top = heap->entries[0];
	RveCandidate last = heap->entries[--heap->count];
	size_t		at = 0;
	size_t		child;

	while ((child = 2 * at + 1) < heap->count)
	{
		if (child + 1 < heap->count && heap_less(&heap->entries[child + 1], &heap->entries[child]))
			child++;
		if (!heap_less(&heap->entries[child], &last))
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	if (heap->count > 0)
		heap->entries[at] = last;
	return top;
}

void
rve_hnsw_heap_free(RveCandidateHeap *heap)
{
	rve_base_free(heap->entries);
	memset(heap, 0, sizeof(*heap));
}
