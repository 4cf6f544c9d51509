-- hnsw: what CREATE INDEX accepts and refuses.
SELECT amname, amtype, amhandler FROM pg_am WHERE amhandler = 'hnswhandler'::regproc ORDER BY 1;
SELECT am.amname, opc.opcname, opc.opcdefault, amvalidate(opc.oid)
FROM pg_opclass opc JOIN pg_am am ON am.oid = opc.opcmethod
WHERE am.amhandler = 'hnswhandler'::regproc ORDER BY 1, 2;
SELECT p AS property, pg_indexam_has_property(oid, p)
FROM pg_am, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p
WHERE amname = 'hnsw';

CREATE TABLE hnsw_o (id int, v vector(3), free vector, n int);
INSERT INTO hnsw_o VALUES (1, '[1,2,3]', '[1,2,3]', 1), (2, '[4,5,6]', '[1,2]', 2);

-- there is no default class, and none for other types
CREATE INDEX ON hnsw_o USING hnsw (v);
CREATE INDEX ON hnsw_o USING hnsw (n);
CREATE INDEX ON hnsw_o USING hnsw (n vector_l2_ops);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops, v vector_l2_ops);
CREATE UNIQUE INDEX ON hnsw_o USING hnsw (v vector_l2_ops);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) INCLUDE (n);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops DESC);

-- options
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (m = 1);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (m = 101);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (ef_construction = 3);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (ef_construction = 1001);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31);
CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (lists = 100);
CREATE INDEX hnsw_o_small ON hnsw_o USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
CREATE INDEX hnsw_o_large ON hnsw_o USING ruhnsw (v vector_ip_ops) WITH (m = 100, ef_construction = 1000);
SELECT i, m, ef_construction, dims, code_bits, rows
FROM unnest(ARRAY['hnsw_o_small', 'hnsw_o_large']) i, ruvector_hnsw_stats(i::regclass);

-- dimensions
CREATE INDEX ON hnsw_o USING hnsw (free vector_l2_ops);
CREATE INDEX ON hnsw_o USING hnsw ((free::vector(3)) vector_l2_ops);
CREATE INDEX ON hnsw_o USING hnsw ((free::vector(2)) vector_l2_ops) WHERE id = 2;
INSERT INTO hnsw_o VALUES (3, '[1,2]', NULL, 3);
CREATE TABLE hnsw_wide (v vector(16000));
INSERT INTO hnsw_wide SELECT array_agg(sin(i * j)) FROM generate_series(1, 20) i, generate_series(1, 16000) j GROUP BY i;
CREATE INDEX ON hnsw_wide USING hnsw (v vector_l2_ops) WITH (m = 100, ef_construction = 200);
INSERT INTO hnsw_wide SELECT array_agg(cos(j)) FROM generate_series(1, 16000) j;
SET enable_seqscan = off;
SELECT round((v <-> (SELECT array_agg(cos(j))::vector FROM generate_series(1, 16000) j))::numeric, 3) FROM hnsw_wide
ORDER BY v <-> (SELECT array_agg(cos(j))::vector FROM generate_series(1, 16000) j) LIMIT 2;
RESET enable_seqscan;
SELECT * FROM ruvector_index_check('hnsw_wide_v_idx');
SELECT code_bits, dims FROM ruvector_hnsw_stats('hnsw_wide_v_idx');

-- SQLSTATEs
DO $$
DECLARE
	command text;
BEGIN
	FOREACH command IN ARRAY ARRAY[
		'CREATE INDEX ON hnsw_o USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31)',
		'CREATE INDEX ON hnsw_o USING hnsw (free vector_l2_ops)',
		'SELECT * FROM hnsw_o ORDER BY v <-> ''[1,2]'' LIMIT 1']
	LOOP
		BEGIN
			SET LOCAL enable_seqscan = off;
			EXECUTE command;
			RAISE NOTICE 'accepted: %', command;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE '%: %', SQLSTATE, SQLERRM;
		END;
	END LOOP;
END
$$;

-- settings
SHOW hnsw.ef_search;
SHOW hnsw.iterative_scan;
SHOW hnsw.max_scan_tuples;
SET hnsw.ef_search = 0;
SET hnsw.ef_search = 1001;
SET hnsw.iterative_scan = sometimes;
SET hnsw.max_scan_tuples = 0;

-- inspection is for hnsw indexes and for those who may read the table
SELECT * FROM ruvector_hnsw_stats('hnsw_o');
CREATE INDEX hnsw_o_btree ON hnsw_o (id);
SELECT * FROM ruvector_hnsw_stats('hnsw_o_btree');
SELECT * FROM ruvector_index_check('hnsw_o_btree');
SELECT * FROM ruvector_index_check('hnsw_o_small');
CREATE ROLE hnsw_reader;
SET ROLE hnsw_reader;
SELECT * FROM ruvector_hnsw_stats('hnsw_o_small');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ruvector_hnsw_stats(regclass), ruvector_index_check(regclass) TO hnsw_reader;
SET ROLE hnsw_reader;
SELECT * FROM ruvector_hnsw_stats('hnsw_o_small');
SELECT * FROM ruvector_index_check('hnsw_o_small');
RESET ROLE;
GRANT SELECT ON hnsw_o TO hnsw_reader;
SET ROLE hnsw_reader;
SELECT rows FROM ruvector_hnsw_stats('hnsw_o_small');
SELECT * FROM ruvector_index_check('hnsw_o_small');
RESET ROLE;
DROP TABLE hnsw_o, hnsw_wide;
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_stats(regclass), ruvector_index_check(regclass) FROM hnsw_reader;
DROP ROLE hnsw_reader;
