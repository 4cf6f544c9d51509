// client.js
//     What an application written for pgvector does, with the unchanged npm packages `pgvector` and `pg`:
//     create the extension, register the types, write and read in text and in binary, index, search.
//
// Connects by PGHOST, PGPORT, PGUSER, PGDATABASE. Prints "passed <name>" for each check; the first that
// fails ends it with an exception and status 1.

import assert from 'node:assert/strict';
import pg from 'pg';
import pgvector from 'pgvector/pg';
import { SparseVector } from 'pgvector';

const client = new pg.Client();

async function check(name, body) {
  await body();
  console.log(`passed ${name}`);
}

async function rows(text, values) {
  return (await client.query({ text, values, rowMode: 'array' })).rows;
}

// The binary forms, big-endian, as a client that speaks them has to know them.
function vectorToBinary(values) {
  const buffer = Buffer.alloc(4 + 4 * values.length);
  buffer.writeInt16BE(values.length, 0);
  values.forEach((value, i) => buffer.writeFloatBE(value, 4 + 4 * i));
  return buffer;
}

function vectorFromBinary(buffer) {
  assert.equal(buffer.readInt16BE(2), 0);
  assert.equal(buffer.length, 4 + 4 * buffer.readInt16BE(0));
  return Array.from({ length: buffer.readInt16BE(0) }, (_, i) => buffer.readFloatBE(4 + 4 * i));
}

function halfToNumber(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function halfvecFromBinary(buffer) {
  assert.equal(buffer.length, 4 + 2 * buffer.readInt16BE(0));
  return Array.from({ length: buffer.readInt16BE(0) }, (_, i) => halfToNumber(buffer.readUInt16BE(4 + 2 * i)));
}

function sparsevecToBinary(dim, elements) {
  const entries = Object.entries(elements);
  const buffer = Buffer.alloc(12 + 8 * entries.length);
  buffer.writeInt32BE(dim, 0);
  buffer.writeInt32BE(entries.length, 4);
  entries.forEach(([index, value], i) => {
    buffer.writeInt32BE(Number(index), 12 + 4 * i);
    buffer.writeFloatBE(value, 12 + 4 * (entries.length + i));
  });
  return buffer;
}

function sparsevecFromBinary(buffer) {
  const count = buffer.readInt32BE(4);
  const result = { dim: buffer.readInt32BE(0), elements: {} };
  for (let i = 0; i < count; i++)
    result.elements[buffer.readInt32BE(12 + 4 * i)] = buffer.readFloatBE(12 + 4 * (count + i));
  return result;
}

const vectors = [[1, 1, 1], [2, 2, 2], [1, 1, 2], [0.1, -0.5, 3e38], [0, 0, 0]];

async function main() {
  await client.connect();

  await check('extension', async () => {
    await client.query('CREATE EXTENSION IF NOT EXISTS vector');
    await client.query('CREATE EXTENSION IF NOT EXISTS vector');
    assert.deepEqual(await rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'"), [['0.8.6']]);
  });

  await check('registerTypes', () => pgvector.registerTypes(client));

  await check('table', () => client.query(
    'CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3), half_embedding halfvec(3), ' +
    'binary_embedding bit(3), sparse_embedding sparsevec(3))'));

  await check('insert as text', async () => {
    for (const v of vectors) {
      const half = v.map((x) => Math.min(x, 65504));
      await client.query(
        'INSERT INTO items (embedding, half_embedding, binary_embedding, sparse_embedding) VALUES ($1, $2, $3, $4)',
        [pgvector.toSql(v), pgvector.toSql(half), v.map((x) => (x > 0 ? '1' : '0')).join(''), new SparseVector(v)]);
    }
    await client.query('INSERT INTO items (embedding) VALUES (NULL)');
  });

  await check('read as text', async () => {
    const result = await rows('SELECT embedding, half_embedding, binary_embedding, sparse_embedding FROM items ORDER BY id');
    vectors.forEach((v, i) => {
      assert.deepEqual(result[i][0], v);
      assert.equal(result[i][2], v.map((x) => (x > 0 ? '1' : '0')).join(''));
      // slice: the client makes a stray entry of "{}"
      assert.deepEqual(result[i][3].toArray().slice(0, 3), v);
    });
    assert.deepEqual(result[0][1], [1, 1, 1]);
    assert.deepEqual(result[3][1], [0.099975586, -0.5, 65504]);
    assert.deepEqual(result[5], [null, null, null, null]);
  });

  await check('distances', async () => {
    const query = pgvector.toSql([1, 1, 1]);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id <> 4 ORDER BY embedding <-> $1, id LIMIT 3', [query])).flat(), ['1', '3', '2']);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id < 4 ORDER BY embedding <#> $1', [query])).flat(), ['2', '3', '1']);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id < 4 ORDER BY embedding <=> $1, id', [query])).flat(), ['1', '2', '3']);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id < 4 ORDER BY embedding <+> $1', [query])).flat(), ['1', '3', '2']);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id < 4 ORDER BY half_embedding <-> $1', [query])).flat(), ['1', '3', '2']);
    assert.deepEqual((await rows('SELECT id FROM items ORDER BY binary_embedding <~> $1, id LIMIT 2', ['101'])).flat(), ['4', '1']);
    assert.deepEqual((await rows('SELECT id FROM items ORDER BY binary_embedding <%> $1, id LIMIT 2', ['101'])).flat(), ['4', '1']);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id < 4 ORDER BY sparse_embedding <-> $1',
      [new SparseVector([1, 1, 1])])).flat(), ['1', '3', '2']);
    assert.deepEqual(await rows('SELECT avg(embedding), sum(half_embedding) FROM items WHERE id < 3'), [[[1.5, 1.5, 1.5], [3, 3, 3]]]);
  });

  await check('array parameters', async () => {
    assert.deepEqual(await rows('SELECT $1::real[]::vector, $2::vector[]', [[1, 2.5], '{"[1,2]","[3,4]"}']),
      [[[1, 2.5], '{"[1,2]","[3,4]"}']]);
  });

  // node-postgres sends a Buffer in binary
  await check('insert in binary', async () => {
    await client.query('INSERT INTO items (id, embedding, sparse_embedding) VALUES (100, $1, $2)',
      [vectorToBinary([1.5, -2, 0.1]), sparsevecToBinary(3, { 0: 1.5, 2: -4 })]);
    assert.deepEqual(await rows('SELECT embedding, sparse_embedding::text FROM items WHERE id = 100'),
      [[[1.5, -2, 0.1], '{1:1.5,3:-4}/3']]);
    assert.deepEqual((await rows('SELECT id FROM items WHERE id <> 4 ORDER BY embedding <-> $1 LIMIT 1',
      [vectorToBinary([1.5, -2, 0])])).flat(), ['100']);
    await assert.rejects(client.query('INSERT INTO items (embedding) VALUES ($1)', [vectorToBinary([1, NaN, 1])]),
      { code: '22000', message: 'NaN not allowed in vector' });
    await assert.rejects(client.query('INSERT INTO items (embedding) VALUES ($1)', [vectorToBinary([1, 2])]),
      { code: '22000', message: 'expected 3 dimensions, not 2' });
  });

  // node-postgres decodes every result as text, so the binary form comes back as bytea
  await check('read in binary', async () => {
    const result = await rows(
      'SELECT vector_send(embedding), halfvec_send(half_embedding), sparsevec_send(sparse_embedding) FROM items ' +
      'WHERE id IN (1, 4) ORDER BY id');
    const parsed = result.map(([v, h, s]) => [vectorFromBinary(v), halfvecFromBinary(h), sparsevecFromBinary(s)]);
    assert.deepEqual(parsed[0], [[1, 1, 1], [1, 1, 1], { dim: 3, elements: { 0: 1, 1: 1, 2: 1 } }]);
    assert.deepEqual(parsed[1], [vectors[3].map(Math.fround), [0.0999755859375, -0.5, 65504],
      { dim: 3, elements: { 0: Math.fround(0.1), 1: -0.5, 2: Math.fround(3e38) } }]);
  });

  await check('hnsw and ivfflat', async () => {
    const numbers = (i) => Array.from({ length: 16 }, (_, j) => Math.sin(i * (j + 1)));
    const bits = (i) => numbers(i).map((x) => (x > 0 ? '1' : '0')).join('');
    const sparse = (i) => new SparseVector(numbers(i).map((x) => (Math.abs(x) > 0.6 ? x : 0))).toString();
    const query = 500.001;
    await client.query('CREATE TABLE many (v vector(16), h halfvec(16), s sparsevec(16), b bit(16))');
    const values = [];
    for (let i = 1; i <= 1000; i++)
      values.push(`('${pgvector.toSql(numbers(i))}', '${pgvector.toSql(numbers(i))}', '${sparse(i)}', '${bits(i)}')`);
    await client.query(`INSERT INTO many VALUES ${values.join(', ')}`);
    await client.query('SET enable_seqscan = off');
    await client.query('SET hnsw.ef_search = 100');

    const parameter = { v: pgvector.toSql(numbers(query)), h: pgvector.toSql(numbers(query)), s: sparse(query), b: bits(query) };
    const hnsw = 'hnsw WITH (m = 16, ef_construction = 64)';
    const ivfflat = 'ivfflat WITH (lists = 20)';
    await client.query('SET ivfflat.probes = 10');
    for (const [method, column, opclass, operator] of [
      [hnsw, 'v', 'vector_l2_ops', '<->'], [hnsw, 'v', 'vector_ip_ops', '<#>'], [hnsw, 'v', 'vector_cosine_ops', '<=>'],
      [hnsw, 'v', 'vector_l1_ops', '<+>'], [hnsw, 'h', 'halfvec_l2_ops', '<->'], [hnsw, 'h', 'halfvec_cosine_ops', '<=>'],
      [hnsw, 's', 'sparsevec_l2_ops', '<->'], [hnsw, 's', 'sparsevec_cosine_ops', '<=>'],
      [hnsw, 'b', 'bit_hamming_ops', '<~>'], [hnsw, 'b', 'bit_jaccard_ops', '<%>'],
      [ivfflat, 'v', 'vector_l2_ops', '<->'], [ivfflat, 'v', 'vector_cosine_ops', '<=>'],
      [ivfflat, 'h', 'halfvec_ip_ops', '<#>'], [ivfflat, 'b', 'bit_hamming_ops', '<~>']]) {
      const [name, options] = method.split(' WITH ');
      const distance = `${column} ${operator} $1`;
      const exact = (await rows(`SELECT ${distance} FROM many ORDER BY (${distance}) + 0 LIMIT 10`, [parameter[column]])).flat();
      await client.query(`CREATE INDEX many_index ON many USING ${name} (${column} ${opclass}) WITH ${options}`);
      const text = `SELECT ${distance} FROM many ORDER BY ${distance} LIMIT 10`;
      const plan = (await rows(`EXPLAIN ${text.replaceAll('$1', `'${parameter[column]}'`)}`)).flat().join('\n');
      assert.match(plan, /Index Scan using many_index/);
      const found = (await rows(text, [parameter[column]])).flat();
      const limit = exact[9] + 1e-6 * Math.abs(exact[9]);
      assert.ok(found.filter((d) => d <= limit).length >= 9, `${name} ${opclass}: ${found} for ${exact}`);
      await client.query('DROP INDEX many_index');
    }
  });

  await client.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
