/*-------------------------------------------------------------------------
 *
 * hnsw_peek_page.c
 *	  Reading graph slots in the buffer pool without pin and lock.
 *
 * A search asks for a few thousand slots at random; finding, pinning and
 * locking each page costs several times what scoring it does. The session
 * therefore remembers for each graph block the buffer it was last seen in,
 * and looks there. Nothing keeps that page there or still, so:
 *
 *	 1. Shared buffers are always mapped: no read can fault. Only fixed-size
 *		parts of a slot are read; a count read from it is bounded before use.
 *	 2. A slot names its nid and its index's random magic, and has a seq that
 *		grows when it is reused. What was read counts only if all three are
 *		what they should be before, and the same after (peek_holds). A buffer
 *		that was evicted or given to another page fails the first test.
 *	 3. A page image copied over the live one by GenericXLogFinish or replay
 *		can tear a read that passes 2. What comes of it is a distance or an
 *		edge of the same node's older or newer state: a hint that can only
 *		misrank. Nothing that leaves a scan comes from here: rows are measured
 *		and their TIDs taken under pin and lock (hnsw_scan.c).
 *
 * Filter pages have nothing in them that says whose they are: for them the
 * buffer's descriptor is asked before and after (peek_page). Only inserts
 * change them, word by word, each word of a node that is not live yet.
 *
 * Where any of it fails the caller takes the pinned way, which remembers the
 * buffer anew. One peek in PEEK_SAMPLE goes there by itself, so that pages in
 * use gain usage count and are not evicted. Local buffers are not peeked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

void
rvi_hnsw_peek_init(RvHnswReader *reader)
{
	RvHnswIndex *index = reader->index;
	BlockNumber blocks = reader->blocks;
	Buffer	   *grown;

	reader->peek = rv_optimistic_reads && !RelationUsesLocalBuffers(reader->rel);
	if (!reader->peek || blocks <= index->seen_blocks)
		return;

	/* some room to grow, so that a session that inserts does not copy it again and again */
	blocks += blocks / 8 + 64;
	grown = MemoryContextAllocExtended(index->cached.context, (Size) blocks * sizeof(Buffer),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (index->seen != NULL)
	{
		memcpy(grown, index->seen, (Size) index->seen_blocks * sizeof(Buffer));
		pfree(index->seen);
	}
	index->seen = grown;
	index->seen_blocks = blocks;
}

/* Whether a buffer holds a block of the index, as far as can be told without pin or lock. */
static inline bool
peek_buffer_holds(RvHnswReader *reader, Buffer buffer, BlockNumber block)
{
	BufferDesc *desc = GetBufferDescriptor(buffer - 1);
	bool		valid = (pg_atomic_read_u32(&desc->state) & BM_VALID) != 0;

	pg_read_barrier();
	return valid && desc->tag.blockNum == block && desc->tag.forkNum == MAIN_FORKNUM &&
		RelFileNodeEquals(desc->tag.rnode, reader->rel->rd_node);
}

Page
rvi_hnsw_peek_page(RvHnswReader *reader, BlockNumber block)
{
	const RvHnswIndex *index = reader->index;
	Buffer		buffer;

	if (!reader->peek || block >= index->seen_blocks ||
		++reader->page_peeks % RV_HNSW_PEEK_PAGE_SAMPLE == 0)
		return NULL;
	buffer = index->seen[block];
	if (buffer == InvalidBuffer || !peek_buffer_holds(reader, buffer, block))
		return NULL;
	pg_read_barrier();
	return BufferGetPage(buffer);
}

bool
rvi_hnsw_peek_page_holds(RvHnswReader *reader, BlockNumber block)
{
	pg_read_barrier();
	return peek_buffer_holds(reader, reader->index->seen[block], block);
}

void
rvi_hnsw_peek_remember(RvHnswReader *reader, BlockNumber block, Buffer buffer)
{
	if (block < reader->index->seen_blocks)
		reader->index->seen[block] = buffer;
}
