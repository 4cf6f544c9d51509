/*-------------------------------------------------------------------------
 *
 * gr_int.h
 *	  What the files of engine/graph share.
 *
 * An RviGraphEntry is the backend's cached knowledge of one graph: OIDs of its
 * relations, checked once, and the tokens seen so far. An RvGraph is one use
 * of it, with open relations. Entries are invalidated by relcache callbacks,
 * their tokens by every (sub)transaction abort; an invalid entry lives on to
 * the end of the transaction, for those that have it open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GR_INT_H
#define GR_INT_H

#include "access/genam.h"
#include "access/relscan.h"
#include "lib/ilist.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "engine/graph/rv_graph.h"
#include "engine/runtime/rv_runtime.h"

/* ---- relations of a graph ---- */

typedef enum RviGraphRel
{
	RVI_REL_LABEL,				/* the first four are the dictionaries, numbered as RvTokenKind */
	RVI_REL_RELTYPE,
	RVI_REL_PROPKEY,
	RVI_REL_LABELSET,
	RVI_REL_NODE,
	RVI_REL_EDGE,
	RVI_REL_COUNT
} RviGraphRel;

#define RVI_DICT_COUNT	(RVI_REL_LABELSET + 1)

/* all dictionaries are written under the lock of this one: no lock order to get wrong */
#define RVI_DICT_LOCK_REL	RVI_REL_LABEL

typedef enum RviGraphIndex
{
	RVI_IDX_DICT_ID,			/* + RviGraphRel: (id) of a dictionary */
	RVI_IDX_DICT_NAME = RVI_IDX_DICT_ID + RVI_DICT_COUNT,	/* + RviGraphRel: (name) */
	RVI_IDX_NODE_ID = RVI_IDX_DICT_NAME + RVI_DICT_COUNT,
	RVI_IDX_NODE_LSET,
	RVI_IDX_EDGE_ID,
	RVI_IDX_EDGE_OUT,
	RVI_IDX_EDGE_IN,
	RVI_IDX_COUNT
} RviGraphIndex;

typedef enum RviGraphSeq
{
	RVI_SEQ_NODE,
	RVI_SEQ_EDGE,
	RVI_SEQ_COUNT
} RviGraphSeq;

/* columns */
enum
{
	RVI_DICT_ATT_ID = 1,
	RVI_DICT_ATT_NAME,			/* labelset: labels */

	RVI_NODE_ATT_ID = 1,
	RVI_NODE_ATT_LSET,
	RVI_NODE_ATT_PROPS,
	RVI_NODE_NATTS = RVI_NODE_ATT_PROPS,

	RVI_EDGE_ATT_ID = 1,
	RVI_EDGE_ATT_SRC,
	RVI_EDGE_ATT_DST,
	RVI_EDGE_ATT_TYP,
	RVI_EDGE_ATT_PROPS,
	RVI_EDGE_NATTS = RVI_EDGE_ATT_PROPS
};

#define RVI_ID_MAX	((INT64CONST(1) << 48) - 1)

/* ---- cached knowledge ---- */

/* One dictionary's rows seen so far. Keys are bytes: a name, or the int4s of a label set. */
typedef struct RviTokenKey
{
	const char *data;
	Size		len;
} RviTokenKey;

typedef struct RviTokenCache
{
	HTAB	   *by_name;		/* RviTokenKey -> int32 */
	RviTokenKey *by_id;			/* [0 .. nids), data NULL where not seen */
	int32		nids;
} RviTokenCache;

typedef struct RviGraphEntry
{
	dlist_node	link;
	char		name[NAMEDATALEN];
	int32		n;
	bool		valid;
	bool		tokens_stale;	/* an abort may have undone cached tokens */
	bool		rowsecurity;	/* some table has row security switched on */
	MemoryContext mcxt;			/* owns the entry and the pool */
	MemoryContext token_mcxt;	/* hash tables and arrays of tokens */
	HTAB	   *pool;			/* RviTokenKey: bytes of all tokens ever seen; never shrinks */
	Oid			schema;
	Oid			rel[RVI_REL_COUNT];
	Oid			index[RVI_IDX_COUNT];
	Oid			seq[RVI_SEQ_COUNT];
	RviTokenCache tokens[RVI_DICT_COUNT];
} RviGraphEntry;

/* ---- one use of a graph ---- */

/* A point look-up kept between calls. */
typedef struct RviPointGet
{
	IndexScanDesc scan;			/* NULL until used */
	TupleTableSlot *slot;
} RviPointGet;

/* Open indexes of a table that rows are added to. */
typedef struct RviWriter
{
	Relation	rel;
	MemoryContext mcxt;
	TupleTableSlot *slot;
	int			nindexes;
	Relation   *indexes;
	IndexInfo **infos;
	EState	   *estate;			/* only where there is an expression to evaluate */
	ResultRelInfo *target;		/* only for check constraints */
} RviWriter;

struct RvGraphData
{
	RviGraphEntry *entry;
	RvGraphMode mode;
	MemoryContext mcxt;			/* what the handle allocates; child of the caller's context */
	Relation	node;
	Relation	edge;
	Relation	index[RVI_IDX_COUNT];	/* opened on first use */
	RviPointGet node_get;
	RviPointGet edge_get;
	RviWriter  *node_writer;
	RviWriter  *edge_writer;
};

/* gr_open.c */
extern Relation rvi_graph_index(RvGraph graph, RviGraphIndex which);

/* gr_layout.c */
extern bool rvi_graph_entry_fill(RviGraphEntry *entry);
extern bool rvi_graph_entry_uses(const RviGraphEntry *entry, Oid relid);

/* gr_dict.c */
extern void rvi_graph_tokens_reset(RviGraphEntry *entry);
extern bool rvi_graph_token_exists(RvGraph graph, RviGraphRel dict, int32 id);
extern int32 rvi_graph_labelset_intern(RvGraph graph, const int32 *labels, int nlabels);

/* Ids of the label sets that hold all of labels[]; palloc'd, *count of them. */
extern int32 *rvi_graph_labelsets_with(RvGraph graph, const int32 *labels, int nlabels,
									   int *count);

/* gr_write.c */
extern RviWriter *rvi_graph_writer_open(Relation rel);
extern void rvi_graph_writer_insert(RviWriter *writer);
extern void rvi_graph_writer_close(RviWriter *writer);

/* gr_rows.c */
extern void rvi_graph_fill_node(TupleTableSlot *slot, bool want_props, RvNode *node);
extern void rvi_graph_fill_edge(TupleTableSlot *slot, bool want_props, RvEdge *edge);
extern bool rvi_graph_point_find(RvGraph graph, RviPointGet *get, Relation heap,
								 RviGraphIndex index, Snapshot snapshot, int64 id);
extern bool rvi_graph_index_next(IndexScanDesc scan, TupleTableSlot *slot, Buffer *vmbuffer,
								 MemoryContext mcxt);

/* gr_stats.c: share (0 to 1) of all nodes that have one of these label sets; estimated rows */
extern double rvi_graph_lsets_fraction(RvGraph graph, const int32 *lsets, int nlsets);
extern int64 rvi_graph_rows(Relation rel, Snapshot snapshot);

/* gr_props.c */
extern RvProps *rvi_graph_props_copy(Datum datum, bool isnull);

/* gr_ddl.c */
extern void rvi_graph_create(const char *name);
extern void rvi_graph_delete(const char *name);
extern void rvi_graph_check_name(const char *name);

#endif							/* GR_INT_H */
