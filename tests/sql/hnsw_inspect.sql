-- What is on an hnsw index's pages, seen by the inspection functions.
CREATE FUNCTION hi_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, 8) d $$;
CREATE TABLE hi (id int, v vector(8));
CREATE INDEX hi_v ON hi USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);

-- an empty index
SELECT version >= 2 AS version, dims, m, ef_construction, metric, entry, next_nid, free_head, free_count, reconnect FROM ruvector_hnsw_meta('hi_v');
SELECT kind, initialised, first_nid, slots, used, problem FROM ruvector_hnsw_page_stats('hi_v', 0);
SELECT * FROM ruvector_hnsw_page_items('hi_v', 0);

INSERT INTO hi SELECT i, hi_vector(i) FROM generate_series(1, 300) i;
INSERT INTO hi SELECT i + 1000, hi_vector(i) FROM generate_series(1, 5) i;
DELETE FROM hi WHERE id BETWEEN 100 AND 119;
VACUUM hi;

-- every page is of a kind, and without a problem
CREATE VIEW hi_pages AS SELECT b AS block, s.* FROM generate_series(0, pg_relation_size('hi_v') / 8192 - 1) b,
	ruvector_hnsw_page_stats('hi_v', b) s;
CREATE VIEW hi_items AS SELECT p.block, p.kind, p.first_nid, i.* FROM hi_pages p, ruvector_hnsw_page_items('hi_v', p.block) i;
SELECT count(*) FILTER (WHERE kind = 'meta') AS meta, count(*) FILTER (WHERE kind = 'mean') AS mean,
	count(*) FILTER (WHERE kind = 'graph' AND initialised) >= 2 AS graph, count(*) FILTER (WHERE kind = 'upper' AND initialised) >= 2 AS upper,
	count(*) FILTER (WHERE kind = 'vector' AND initialised) >= 2 AS vector, count(problem) AS problems,
	bool_and(used <= slots AND (NOT initialised OR lsn > '0/0' AND lower <= upper)) AS sane FROM hi_pages;

-- the graph slots are what the statistics count
SELECT (SELECT count(*) FROM hi_items WHERE state = 'live') = nodes AS nodes,
	(SELECT count(*) FROM hi_items WHERE state = 'duplicate') = duplicates AS duplicates,
	(SELECT count(*) FROM hi_items WHERE state = 'free') = free AS free,
	(SELECT max(degree) FROM hi_items WHERE state = 'live') = max_degree AS max_degree,
	nodes, duplicates, free FROM ruvector_hnsw_stats('hi_v');
SELECT count(*) FILTER (WHERE nid <> first_nid + slot) AS misplaced, count(*) FILTER (WHERE degree <> cardinality(edges)) AS miscounted,
	count(*) FILTER (WHERE NOT edges @> kept) AS kept_of_others, count(*) FILTER (WHERE filters IS NOT NULL) AS filters
FROM hi_items WHERE kind = 'graph' AND state <> 'empty';
-- rows are found by their TIDs
SELECT count(*), count(DISTINCT t.id) FROM hi_items i JOIN hi t ON t.ctid = i.tid WHERE i.state IN ('live', 'duplicate');
-- kept edges are mutual, and lead to nodes
SELECT count(*) > 250 AS kept, count(*) FILTER (WHERE b.nid IS NULL OR NOT a.nid = ANY (b.kept)) AS one_way
FROM (SELECT nid, unnest(kept) AS other FROM hi_items WHERE state = 'live') a
	LEFT JOIN (SELECT nid, kept FROM hi_items WHERE state = 'live') b ON b.nid = a.other;
-- duplicates hang on the node of their vector; free slots form the chain of the meta page
SELECT count(*), count(*) FILTER (WHERE p.state IS DISTINCT FROM 'live') AS astray
FROM hi_items d LEFT JOIN hi_items p ON p.kind = 'graph' AND p.nid = d.link WHERE d.state = 'duplicate';
WITH RECURSIVE chain AS (SELECT free_head AS nid, 1 AS length FROM ruvector_hnsw_meta('hi_v')
	UNION ALL SELECT i.link, length + 1 FROM chain c JOIN hi_items i ON i.kind = 'graph' AND i.nid = c.nid AND i.state = 'free' WHERE length < 1000 AND i.link IS NOT NULL)
SELECT max(length) = (SELECT free_count FROM ruvector_hnsw_meta('hi_v')) AS whole FROM chain;
-- upper lists: as many as the nodes have levels, on the block that the node names
SELECT (SELECT sum(level) FROM hi_items WHERE state = 'live') = count(*) AS all_there, count(*) > 50 AS many,
	count(*) FILTER (WHERE g.link IS DISTINCT FROM u.block OR g.seq <> u.seq OR u.level > g.level) AS astray
FROM hi_items u LEFT JOIN hi_items g ON g.kind = 'graph' AND g.nid = u.nid AND g.state = 'live' WHERE u.kind = 'upper' AND u.level > 0;
SELECT level = entry_level AS entry_level FROM ruvector_hnsw_meta('hi_v') m JOIN hi_items i ON i.kind = 'graph' AND i.nid = m.entry;
-- every node's payload is under its seq
SELECT count(*) = (SELECT nodes FROM ruvector_hnsw_stats('hi_v')) AS payloads, min(v.part), max(v.part)
FROM hi_items v JOIN hi_items g ON g.kind = 'graph' AND g.nid = v.nid AND g.seq = v.seq AND g.state = 'live' WHERE v.kind = 'vector';

-- errors and privileges
\set VERBOSITY terse
SELECT * FROM ruvector_hnsw_page_items('hi_v', -1);
SELECT * FROM ruvector_hnsw_page_stats('hi_v', 4294967296);
\set VERBOSITY default
SELECT * FROM ruvector_hnsw_meta('hi');
CREATE INDEX hi_id ON hi (id);
SELECT * FROM ruvector_hnsw_page_items('hi_id', 1);
CREATE ROLE hi_reader;
GRANT SELECT ON hi TO hi_reader;
SET ROLE hi_reader;
SELECT * FROM ruvector_hnsw_page_items('hi_v', 1);
SELECT * FROM ruvector_hnsw_page_stats('hi_v', 1);
SELECT * FROM ruvector_hnsw_meta('hi_v');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ruvector_hnsw_meta(regclass) TO hi_reader;
REVOKE SELECT ON hi FROM hi_reader;
SET ROLE hi_reader;
SELECT * FROM ruvector_hnsw_meta('hi_v');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_meta(regclass) FROM hi_reader;
DROP VIEW hi_items, hi_pages;
DROP TABLE hi;
DROP FUNCTION hi_vector;
DROP ROLE hi_reader;
