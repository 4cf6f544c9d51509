/*-------------------------------------------------------------------------
 *
 * rv_graph.h
 *	  The property-graph store: what fdw/ and cypher/ share.
 *
 * A graph is a schema rvg_<n> of heap tables (graph.md 4.2): node, edge and
 * the dictionaries label, reltype, propkey, labelset. Heap rows are the
 * truth; adjacency is two btrees (src,typ,dst,id) and (dst,typ,src,id) behind
 * RvExpand, so that another method can take their place. Every read takes a
 * snapshot; nothing here goes through SPI on a read or write path.
 *
 * Ids are dense 48-bit integers from per-graph sequences, node and edge
 * spaces apart, never reused. Token ids (labels, types, keys, label sets)
 * are int4, append-only, 1-based; 0 never names a token.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_GRAPH_H
#define RV_GRAPH_H

#include "access/htup.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

/* ---- values: shared by stored properties and the Cypher executor ---- */

typedef enum RvValueType
{
	RV_VAL_NULL = 0,
	RV_VAL_BOOL = 1,
	RV_VAL_INT = 2,				/* int64 */
	RV_VAL_FLOAT = 3,			/* float64 */
	RV_VAL_STRING = 4,			/* UTF-8 text, not NUL-terminated */
	RV_VAL_LIST = 5,
	RV_VAL_MAP = 6,				/* never stored as a property */
	RV_VAL_NODE = 7,			/* id only; never stored */
	RV_VAL_EDGE = 8,			/* id only; never stored */
	RV_VAL_PATH = 9				/* never stored */
} RvValueType;

typedef struct RvValue
{
	RvValueType type;
	uint32		len;			/* STRING: bytes; LIST, MAP: elements; PATH: edges */
	union
	{
		bool		boolean;
		int64		integer;
		double		real;
		const char *string;
		struct RvValue *items;	/* LIST: len; PATH: node,edge,node,... 2 * len + 1 */
		struct RvMapEntry *entries; /* MAP: len, in order of insertion */
		int64		id;			/* NODE, EDGE */
	}			u;
} RvValue;

typedef struct RvMapEntry
{
	RvValue		key;			/* always STRING */
	RvValue		value;
} RvMapEntry;

/* ---- graphs ---- */

typedef struct RvGraphData *RvGraph;

typedef enum RvGraphMode
{
	RV_GRAPH_READ,				/* needs USAGE on the schema and SELECT on all tables in it */
	RV_GRAPH_WRITE				/* needs INSERT on them too; errors in a read-only transaction */
} RvGraphMode;

/*
 * Opens a graph by name: looks it up in the catalog, checks the privileges of
 * the current user on its tables (and refuses row security it cannot apply),
 * opens and locks relations. Errors: ERRCODE_RV_GRAPH_NOT_FOUND,
 * insufficient_privilege. Closed by rv_graph_close or at the end of the
 * resource owner; locks stay to the end of the transaction.
 */
extern RvGraph rv_graph_open(const char *name, RvGraphMode mode);
extern void rv_graph_close(RvGraph graph);

/*
 * The same for a given user (a view's owner, say). With the flags, returns
 * NULL instead of the respective error.
 */
#define RV_GRAPH_MISSING_OK	0x01
#define RV_GRAPH_DENIED_OK	0x02
extern RvGraph rv_graph_open_as(const char *name, RvGraphMode mode, Oid userid, int flags);

/* The name the graph was opened by; lives as long as the handle. */
extern const char *rv_graph_name(RvGraph graph);

/* All graph names in the catalog that the (current) user may read; palloc'd C strings. */
extern List *rv_graph_names(void);
extern List *rv_graph_names_as(Oid userid);

/* ---- dictionaries ---- */

typedef enum RvTokenKind
{
	RV_TOKEN_LABEL,
	RV_TOKEN_RELTYPE,
	RV_TOKEN_PROPKEY
} RvTokenKind;

#define RV_TOKEN_NONE 0

/* Id of a name, or RV_TOKEN_NONE when no row ever used it. */
extern int32 rv_graph_token_find(RvGraph graph, RvTokenKind kind, const char *name);

/* Id of a name, added in this transaction when new. Graph must be open for writing. */
extern int32 rv_graph_token_intern(RvGraph graph, RvTokenKind kind, const char *name);

/* Name of an id; storage of the graph's cache, valid until it is closed. */
extern const char *rv_graph_token_name(RvGraph graph, RvTokenKind kind, int32 id);

/* Label ids of a label set, ascending; *nlabels may be 0. Storage of the graph's cache. */
extern const int32 *rv_graph_labelset(RvGraph graph, int32 lset, int *nlabels);

/* ---- rows ---- */

/* Encoded properties: varlena rvprops, always untoasted where handed out here. */
typedef struct varlena RvProps;

typedef struct RvNode
{
	int64		id;
	int32		lset;
	RvProps    *props;			/* NULL unless asked for; in CurrentMemoryContext */
} RvNode;

typedef struct RvEdge
{
	int64		id;
	int64		src;
	int64		dst;
	int32		type;
	RvProps    *props;			/* NULL unless asked for; in CurrentMemoryContext */
} RvEdge;

extern bool rv_graph_node_get(RvGraph graph, Snapshot snapshot, int64 id, bool want_props,
							  RvNode *node);
extern bool rv_graph_edge_get(RvGraph graph, Snapshot snapshot, int64 id, bool want_props,
							  RvEdge *edge);

/* ---- scans: begin, next until false, end ---- */

typedef struct RvNodeScanData *RvNodeScan;
typedef struct RvEdgeScanData *RvEdgeScan;
typedef struct RvExpandData *RvExpand;

/* Nodes that carry all of labels[0..nlabels); nlabels = 0 means every node. */
extern RvNodeScan rv_graph_node_scan_begin(RvGraph graph, Snapshot snapshot,
										   const int32 *labels, int nlabels, bool want_props);
extern bool rv_graph_node_scan_next(RvNodeScan scan, RvNode *node);
extern void rv_graph_node_scan_end(RvNodeScan scan);

/* Edges whose type is one of types[0..ntypes); ntypes = 0 means every edge. */
extern RvEdgeScan rv_graph_edge_scan_begin(RvGraph graph, Snapshot snapshot,
										   const int32 *types, int ntypes, bool want_props);
extern bool rv_graph_edge_scan_next(RvEdgeScan scan, RvEdge *edge);
extern void rv_graph_edge_scan_end(RvEdgeScan scan);

typedef enum RvDirection
{
	RV_DIR_OUT = 1,
	RV_DIR_IN = 2,
	RV_DIR_BOTH = 3				/* a self loop is returned once */
} RvDirection;

/*
 * Edges at a node. A scan is begun once and restarted per node. types as
 * above. other >= 0 asks only for edges to that neighbour. Edges come without
 * properties; neighbour = the end that is not `node`.
 */
extern RvExpand rv_graph_expand_begin(RvGraph graph, Snapshot snapshot, RvDirection direction,
									  const int32 *types, int ntypes);
extern void rv_graph_expand_start(RvExpand expand, int64 node, int64 other);
extern bool rv_graph_expand_next(RvExpand expand, RvEdge *edge, int64 *neighbour);
extern void rv_graph_expand_end(RvExpand expand);

/* To be called after begin where edges shall come with their properties (costs a heap visit each). */
extern void rv_graph_expand_want_props(RvExpand expand);

/* ---- properties ---- */

/* Value of a key; false when the node or edge has none. Strings point into props. */
extern bool rv_graph_props_get(const RvProps *props, int32 key, RvValue *value);

/*
 * Number of entries, and the i-th one in key order. Lists are palloc'd,
 * strings point into props.
 */
extern int	rv_graph_props_count(const RvProps *props);
extern void rv_graph_props_entry(const RvProps *props, int i, int32 *key, RvValue *value);

/*
 * Encodes n (key, value) pairs, any order, keys distinct; NULL values are
 * dropped. Storable: bool, int, float, string and lists of those. Anything
 * else raises 22023. Palloc'd.
 */
extern RvProps *rv_graph_props_build(int n, const int32 *keys, const RvValue *values);

/* Whole property map as jsonb object (NaN and infinities become strings, graph.md 5.4). */
extern Jsonb *rv_graph_props_to_jsonb(RvGraph graph, const RvProps *props);

/* Interns the keys of a jsonb object and encodes it; errors 22023 on what cannot be stored. */
extern RvProps *rv_graph_props_from_jsonb(RvGraph graph, const Jsonb *json);

/* Pushes a property map as an object; returns what the last push did. */
extern JsonbValue *rv_graph_props_push_jsonb(JsonbParseState **state, RvGraph graph,
											 const RvProps *props);

/*
 * One value to and from jsonb; NODE, EDGE and PATH are the caller's business
 * (error). Returns what the last push did: the whole document at the end of a
 * top-level container. From jsonb, strings point into it.
 */
extern JsonbValue *rv_graph_value_to_jsonb(JsonbParseState **state, JsonbIteratorToken kind,
										   const RvValue *value);
extern void rv_graph_value_from_jsonb(const JsonbValue *json, RvValue *value);

/* ---- writes: visible to this transaction's later snapshots after CommandCounterIncrement ---- */

/* Creates a node with the given labels (any order, duplicates ignored); returns its id. */
extern int64 rv_graph_node_create(RvGraph graph, const int32 *labels, int nlabels,
								  const RvProps *props);

/*
 * Creates an edge; both ends must exist and are locked against deletion
 * (FOR KEY SHARE). Error 23503 when one does not.
 */
extern int64 rv_graph_edge_create(RvGraph graph, int64 src, int64 dst, int32 type,
								  const RvProps *props);

/* ---- planning ---- */

/* Row estimates for costing, from reltuples and the dictionaries; at least 1. */
extern double rv_graph_estimate_nodes(RvGraph graph, const int32 *labels, int nlabels);
extern double rv_graph_estimate_edges(RvGraph graph, const int32 *types, int ntypes);

/* Edges that one node has on average in a direction, of these types. */
extern double rv_graph_estimate_degree(RvGraph graph, RvDirection direction, const int32 *types,
									   int ntypes);

/* Pages of the node and edge tables. */
extern double rv_graph_estimate_node_pages(RvGraph graph);
extern double rv_graph_estimate_edge_pages(RvGraph graph);

/*
 * The tables of an open graph and the statistics row (pg_statistic) of one of
 * their columns, or NULL; to be given back with ReleaseSysCache. The user's
 * right to read the graph is the right to its statistics.
 */
typedef enum RvGraphColumn
{
	RV_COLUMN_NODE_ID,
	RV_COLUMN_EDGE_ID,
	RV_COLUMN_EDGE_START,
	RV_COLUMN_EDGE_END
} RvGraphColumn;

extern Oid	rv_graph_node_relid(RvGraph graph);
extern Oid	rv_graph_edge_relid(RvGraph graph);
extern HeapTuple rv_graph_column_stats(Oid relid, RvGraphColumn column);

/* Called from _PG_init. */
extern void rv_graph_init(void);

#endif							/* RV_GRAPH_H */
