-- The catalog of the types and index methods, as a server with pgvector 0.8.6 lists it: names, signatures,
-- volatility, operators, casts, classes. What only ruvector has (ruvector_*, binaryvec, ru* methods, classes
-- of filter columns) is left out.
CREATE TEMP VIEW members AS
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'ruvector';

SELECT typname, typlen, typstorage, typalign, typbyval, typcategory, typmodin, typmodout, typsend, typreceive
FROM pg_type JOIN members ON classid = 'pg_type'::regclass AND objid = pg_type.oid
WHERE typtype = 'b' AND typelem = 0 AND typname <> 'binaryvec' ORDER BY typname COLLATE "C";

SELECT format('%s(%s)', proname, pg_get_function_identity_arguments(p.oid)) AS function,
       pg_get_function_result(p.oid) AS result, prokind AS kind, provolatile AS volatile, proisstrict AS strict,
       proparallel AS parallel, procost AS cost
FROM pg_proc p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid
WHERE proname !~ '^ruvector' AND p.oid::regprocedure::text !~ 'binaryvec'
ORDER BY proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C";

SELECT aggfnoid::regprocedure AS aggregate, aggtransfn AS transition, aggfinalfn AS final, aggcombinefn AS combine,
       aggtranstype::regtype AS state, agginitval AS initial
FROM pg_aggregate JOIN members ON classid = 'pg_proc'::regclass AND objid = aggfnoid::oid
ORDER BY aggfnoid::regprocedure::text COLLATE "C";

SELECT format('%s %s %s', oprleft::regtype, oprname, oprright::regtype) AS operator, oprcode::text AS function,
       (SELECT c.oprname FROM pg_operator c WHERE c.oid = o.oprcom) AS commutator,
       (SELECT c.oprname FROM pg_operator c WHERE c.oid = o.oprnegate) AS negator, oprrest, oprjoin,
       oprcanmerge, oprcanhash
FROM pg_operator o JOIN members ON classid = 'pg_operator'::regclass AND objid = o.oid
WHERE oprleft <> 'binaryvec'::regtype ORDER BY oprleft::regtype::text COLLATE "C", oprname COLLATE "C";

SELECT castsource::regtype AS source, casttarget::regtype AS target, castfunc::regproc::text AS function,
       castcontext AS context
FROM pg_cast c JOIN members ON classid = 'pg_cast'::regclass AND objid = c.oid
WHERE 'binaryvec'::regtype NOT IN (castsource, casttarget)
ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

SELECT am.amname AS method, opcname AS class, opcintype::regtype AS type, opcdefault AS "default",
       (SELECT string_agg(format('%s:%s%s', amopstrategy, amopopr::regoperator,
                                 CASE amoppurpose WHEN 'o' THEN ' (order by)' ELSE '' END), ', ' ORDER BY amopstrategy)
        FROM pg_amop WHERE amopfamily = opcfamily) AS operators,
       (SELECT string_agg(format('%s:%s', amprocnum, amproc), ', ' ORDER BY amprocnum)
        FROM pg_amproc WHERE amprocfamily = opcfamily) AS functions
FROM pg_opclass c JOIN pg_am am ON am.oid = opcmethod JOIN members ON classid = 'pg_opclass'::regclass AND objid = c.oid
WHERE am.amname IN ('btree', 'hnsw', 'ivfflat') AND opcname !~ '^binaryvec|_(filter|label)_ops$'
ORDER BY am.amname, opcname COLLATE "C";

-- every class is valid, and the methods of both names have the same classes
SELECT count(*) AS invalid FROM pg_opclass c JOIN members ON classid = 'pg_opclass'::regclass AND objid = c.oid
WHERE NOT amvalidate(c.oid);
SELECT replace(amname, 'ru', '') AS method, opcname, opcintype::regtype, opcdefault, count(*)
FROM pg_opclass c JOIN pg_am ON pg_am.oid = opcmethod WHERE amname ~ '^(ru)?(hnsw|ivfflat)$'
GROUP BY 1, 2, 3, 4 HAVING count(*) <> 2;
DROP VIEW members;
