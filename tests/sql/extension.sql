-- The extension installs, and every SQL object it owns has a comment.
SELECT extname, extversion FROM pg_extension WHERE extname = 'ruvector';
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector')
  AND d.deptype = 'e'
  AND d.classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass,
                    'pg_am'::regclass, 'pg_opclass'::regclass, 'pg_class'::regclass,
                    'pg_foreign_data_wrapper'::regclass, 'pg_foreign_server'::regclass)
  AND NOT (d.classid = 'pg_type'::regclass AND
           (SELECT typtype = 'c' OR typelem <> 0 FROM pg_type WHERE oid = d.objid))
  AND NOT (d.classid = 'pg_class'::regclass AND
           (SELECT relkind NOT IN ('r', 'v', 'f') FROM pg_class WHERE oid = d.objid))
  AND obj_description(d.objid, d.classid::regclass::text) IS NULL
ORDER BY 1;
