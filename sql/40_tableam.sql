-- Table access method ruvector_tam (tableam/README.md).

CREATE FUNCTION ruvector_tam_handler(internal) RETURNS table_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector_tam_handler(internal) IS 'handler of table access method ruvector_tam';

CREATE ACCESS METHOD ruvector_tam TYPE TABLE HANDLER ruvector_tam_handler;
COMMENT ON ACCESS METHOD ruvector_tam IS 'heap tables whose vectors are kept out of line';

CREATE FUNCTION ruvector_check(rel regclass,
                               OUT invariant text, OUT tid tid, OUT attribute name, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_check(regclass) IS
    'breaches of the invariants of a ruvector_tam table: no row for a sound table';
REVOKE ALL ON FUNCTION ruvector_check(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ruvector_check(regclass) TO pg_read_all_data;
