-- Table access method ruvector_tam (tableam/README.md).

CREATE FUNCTION ruvector_tam_handler(internal) RETURNS table_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector_tam_handler(internal) IS 'handler of table access method ruvector_tam';

CREATE ACCESS METHOD ruvector_tam TYPE TABLE HANDLER ruvector_tam_handler;
COMMENT ON ACCESS METHOD ruvector_tam IS 'heap tables whose vectors are kept out of line';
