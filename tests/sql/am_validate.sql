-- amvalidate of hnsw and ivfflat: what it says about operator classes that are wrong.
CREATE OPERATOR CLASS av_signatures FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_norm(vector), FUNCTION 2 l2_distance(vector, vector),
	FUNCTION 3 vector_dims(vector), FUNCTION 1 (vector, halfvec) l2_distance(vector, vector);
CREATE OPERATOR CLASS av_operators FOR TYPE vector USING hnsw AS
	OPERATOR 1 = (vector, vector), OPERATOR 2 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 l2_distance(vector, vector);
CREATE OPERATOR CLASS av_empty FOR TYPE vector USING hnsw AS STORAGE vector;
CREATE OPERATOR CLASS av_filter FOR TYPE int USING hnsw AS
	OPERATOR 2 < (int, int), FUNCTION 2 int4abs(int);
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcname ~ '^av_' ORDER BY opcname COLLATE "C";
DROP OPERATOR FAMILY av_signatures USING hnsw;
DROP OPERATOR FAMILY av_operators USING hnsw;
DROP OPERATOR FAMILY av_empty USING hnsw;
DROP OPERATOR FAMILY av_filter USING hnsw;

CREATE OPERATOR CLASS av_signatures FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_norm(vector), FUNCTION 2 l2_distance(vector, vector),
	FUNCTION 3 vector_norm(vector), FUNCTION 4 l2_distance(vector, vector),
	FUNCTION 5 vector_dims(vector), FUNCTION 1 (vector, halfvec) l2_distance(vector, vector);
CREATE OPERATOR CLASS av_operators FOR TYPE vector USING ivfflat AS
	OPERATOR 1 = (vector, vector), FUNCTION 1 l2_distance(vector, vector),
	FUNCTION 3 l2_distance(vector, vector), FUNCTION 4 vector_norm(vector);
CREATE OPERATOR CLASS av_empty FOR TYPE vector USING ivfflat AS STORAGE vector;
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcname ~ '^av_' ORDER BY opcname COLLATE "C";
DROP OPERATOR FAMILY av_signatures USING ivfflat;
DROP OPERATOR FAMILY av_operators USING ivfflat;
DROP OPERATOR FAMILY av_empty USING ivfflat;
