-- pgvector's settings: names, ranges, defaults, what a session may set.
LOAD 'ruvector';
SELECT name, vartype, boot_val, min_val, max_val, enumvals, context FROM pg_settings
WHERE name ~ '^(hnsw|ivfflat)\.' ORDER BY name COLLATE "C";
SET hnsw.iterative_scan = strict_order;
SET ivfflat.iterative_scan = relaxed_order;
SET hnsw.scan_mem_multiplier = 2.5;
SET ivfflat.probes = 10;
SHOW hnsw.iterative_scan;
SHOW ivfflat.iterative_scan;
SHOW hnsw.scan_mem_multiplier;
SHOW ivfflat.probes;
SET hnsw.scan_mem_multiplier = 0.5;
SET hnsw.scan_mem_multiplier = 1001;
SET ivfflat.iterative_scan = strict_order;
SET ivfflat.max_probes = 0;
SET ivfflat.probes = 32769;
SET hnsw.misspelt = 1;
SET ivfflat.misspelt = 1;

-- values given before the library is loaded count, bad ones give way to the default
\c -
SET hnsw.ef_search = 123;
SET ivfflat.probes = 0;
SET hnsw.misspelt = 1;
LOAD 'ruvector';
SHOW hnsw.ef_search;
SHOW ivfflat.probes;
SHOW hnsw.misspelt;
