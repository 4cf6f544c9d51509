/*-------------------------------------------------------------------------
 *
 * oracle.c
 *	  Recall of an index in PostgreSQL, judged by FAISS.
 *
 * Reads base and query vectors from the server, finds the exact neighbours
 * with an IndexFlat through FAISS's C API, runs the k-NN statement for every
 * query at each value of hnsw.ef_search and prints what share of the rows due
 * it returned. Everything runs in one REPEATABLE READ transaction, so both
 * sides see the same rows.
 *
 * A returned row counts when its distance is at most the k-th smallest
 * distance times 1 + 1e-6: rows at equal distance are worth the same. All
 * distances that decide are computed here, in double precision, from the
 * vectors that were read; FAISS says which rows are the candidates. Cosine
 * distance is inner product over normalised vectors; rows without a direction
 * (norm 0) have none and are left out.
 *
 * Exit status: 0 recall was measured, 1 a --min threshold was missed,
 * 2 anything else.
 *
 *-------------------------------------------------------------------------
 */
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>

#include "copy_binary.h"

/* FAISS ranks in float32: this many extra candidates make room for its rounding */
#define ORACLE_SPARE 16
#define ORACLE_MAX_SETTINGS 16
#define ORACLE_TOLERANCE 1e-6

typedef enum OracleMetric
{
	ORACLE_L2,
	ORACLE_IP,
	ORACLE_COSINE
} OracleMetric;

typedef struct OracleOptions
{
	const char *conninfo;
	const char *base;
	const char *queries;
	const char *knn;
	const char *setup;
	const char *metric_name;
	OracleMetric metric;
	int			k;
	int			nef;
	int			ef[ORACLE_MAX_SETTINGS];
	int			nmin;
	double		min[ORACLE_MAX_SETTINGS];
} OracleOptions;

/* Open-addressing table from id to row of the base set. */
typedef struct IdTable
{
	const VectorSet *set;
	size_t		mask;
	size_t	   *rows;			/* row + 1; 0 = free */
} IdTable;

static double
oracle_dot(const float *a, const float *b, int dim)
{
	double		sum = 0;

	for (int i = 0; i < dim; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

/* The distance that decides; smaller is nearer for every metric. */
static double
oracle_distance(OracleMetric metric, const float *a, const float *b, int dim)
{
	double		sum = 0;

	switch (metric)
	{
		case ORACLE_IP:
			return -oracle_dot(a, b, dim);
		case ORACLE_COSINE:
			return 1.0 - oracle_dot(a, b, dim) /
				sqrt(oracle_dot(a, a, dim) * oracle_dot(b, b, dim));
		case ORACLE_L2:
			for (int i = 0; i < dim; i++)
			{
				double		d = (double) a[i] - b[i];

				sum += d * d;
			}
			return sqrt(sum);
	}
	return 0;
}

/* Drops the rows of norm 0, which have no cosine distance to anything. */
static void
oracle_drop_zero_norm(VectorSet *set)
{
	size_t		kept = 0;

	for (size_t i = 0; i < set->count; i++)
	{
		float	   *row = set->vectors + i * set->dim;

		if (oracle_dot(row, row, set->dim) == 0)
			continue;
		memmove(set->vectors + kept * set->dim, row, sizeof(float) * set->dim);
		set->ids[kept++] = set->ids[i];
	}
	set->count = kept;
}

/* A copy of the vectors as FAISS is to see them: normalised for cosine. */
static float *
oracle_faiss_input(OracleMetric metric, const VectorSet *set)
{
	float	   *out = allocate(NULL, set->count * set->dim, sizeof(float));

	memcpy(out, set->vectors, set->count * set->dim * sizeof(float));
	for (size_t i = 0; metric == ORACLE_COSINE && i < set->count; i++)
	{
		float	   *row = out + i * set->dim;
		double		norm = sqrt(oracle_dot(row, row, set->dim));

		for (int d = 0; d < set->dim; d++)
			row[d] = (float) (row[d] / norm);
	}
	return out;
}

static void
oracle_check_faiss(int code)
{
	if (code != 0)
		fail("FAISS: %s", faiss_get_last_error() ? faiss_get_last_error() : "error without a message");
}

static int
oracle_compare(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return (x > y) - (x < y);
}

/* For each query the k-th smallest exact distance (the largest, if there are fewer rows). */
static double *
oracle_exact(const OracleOptions *options, const VectorSet *base, const VectorSet *queries)
{
	FaissIndexFlat *index = NULL;
	FaissMetricType metric = options->metric == ORACLE_L2 ? METRIC_L2 : METRIC_INNER_PRODUCT;
	size_t		wanted = (size_t) options->k + ORACLE_SPARE;
	float	   *input = oracle_faiss_input(options->metric, base);
	float	   *distances = allocate(NULL, queries->count * wanted, sizeof(float));
	idx_t	   *labels = allocate(NULL, queries->count * wanted, sizeof(idx_t));
	double	   *exact = allocate(NULL, wanted, sizeof(double));
	double	   *kth = allocate(NULL, queries->count, sizeof(double));

	oracle_check_faiss(faiss_IndexFlat_new_with(&index, base->dim, metric));
	oracle_check_faiss(faiss_Index_add(index, base->count, input));
	free(input);
	input = oracle_faiss_input(options->metric, queries);
	oracle_check_faiss(faiss_Index_search(index, queries->count, input, wanted, distances, labels));
	free(input);
	faiss_Index_free(index);

	for (size_t q = 0; q < queries->count; q++)
	{
		size_t		n = 0;

		for (size_t i = 0; i < wanted; i++)
		{
			idx_t		label = labels[q * wanted + i];

			if (label >= 0)
				exact[n++] = oracle_distance(options->metric, queries->vectors + q * base->dim,
											 base->vectors + label * base->dim, base->dim);
		}
		qsort(exact, n, sizeof(double), oracle_compare);
		kth[q] = exact[(n < (size_t) options->k ? n : (size_t) options->k) - 1];
	}
	free(distances);
	free(labels);
	free(exact);
	return kth;
}

/* FNV-1a */
static size_t
oracle_hash(const char *id)
{
	uint64_t	hash = UINT64_C(14695981039346656037);

	for (; *id; id++)
		hash = (hash ^ (unsigned char) *id) * UINT64_C(1099511628211);
	return (size_t) (hash ^ (hash >> 32));
}

/* The slot of an id: the one that holds it, or the free one where it belongs. */
static size_t *
oracle_id_slot(const IdTable *table, const char *id)
{
	size_t		at = oracle_hash(id) & table->mask;

	while (table->rows[at] != 0 && strcmp(table->set->ids[table->rows[at] - 1], id) != 0)
		at = (at + 1) & table->mask;
	return &table->rows[at];
}

static void
oracle_id_table(const VectorSet *set, IdTable *table)
{
	size_t		slots = 16;

	while (slots < set->count * 2)
		slots *= 2;
	table->set = set;
	table->mask = slots - 1;
	table->rows = allocate(NULL, slots, sizeof(size_t));
	memset(table->rows, 0, slots * sizeof(size_t));
	for (size_t i = 0; i < set->count; i++)
	{
		size_t	   *slot = oracle_id_slot(table, set->ids[i]);

		if (*slot != 0)
			fail("id \"%s\" occurs twice", set->ids[i]);
		*slot = i + 1;
	}
}

static void
oracle_command(PGconn *conn, const char *command)
{
	PGresult   *result = PQexec(conn, command);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail("%s: %s", command, PQerrorMessage(conn));
	PQclear(result);
}

/* A vector in its binary form, for the statement's parameter. */
static int
oracle_vector_bytes(const float *vector, int dim, char *out)
{
	out[0] = (char) (dim >> 8);
	out[1] = (char) dim;
	out[2] = out[3] = 0;
	for (int i = 0; i < dim; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &vector[i], sizeof(bits));
		for (int b = 0; b < 4; b++)
			out[4 + i * 4 + b] = (char) (bits >> (24 - 8 * b));
	}
	return 4 + 4 * dim;
}

/* The statement must be answered by an index: the recall of a sort would say nothing. */
static void
oracle_require_index(PGconn *conn, const VectorSet *queries)
{
	char	   *command = allocate(NULL, queries->dim * 20 + 64, 1);
	size_t		length = sprintf(command, "EXPLAIN (COSTS OFF) EXECUTE knn ('[");
	PGresult   *result;
	int			found = 0;

	for (int i = 0; i < queries->dim; i++)
		length += sprintf(command + length, "%s%.9g", i > 0 ? "," : "", queries->vectors[i]);
	strcpy(command + length, "]')");
	result = PQexec(conn, command);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("EXPLAIN of the k-NN statement: %s", PQerrorMessage(conn));
	for (int i = 0; i < PQntuples(result); i++)
	{
		const char *name = strstr(PQgetvalue(result, i, 0), "Index Scan using ");

		if (name != NULL)
		{
			name += strlen("Index Scan using ");
			printf("plan index=%.*s\n", (int) strcspn(name, " "), name);
			found = 1;
		}
	}
	if (!found)
		fail("the k-NN statement does not use an index:\n%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	free(command);
}

/* How many rows of a result are due; a row twice or from nowhere is an error of the index. */
static int
oracle_count_hits(const OracleOptions *options, const IdTable *ids, const float *query, double kth,
				  const PGresult *result)
{
	const VectorSet *base = ids->set;
	int			hits = 0;

	for (int i = 0; i < PQntuples(result); i++)
	{
		const char *id = PQgetvalue(result, i, 0);
		size_t		row = *oracle_id_slot(ids, id);

		if (row == 0)
			fail("the index returned \"%s\", which is not a base row", id);
		for (int j = 0; j < i; j++)
			if (strcmp(id, PQgetvalue(result, j, 0)) == 0)
				fail("the index returned \"%s\" twice", id);
		if (oracle_distance(options->metric, query, base->vectors + (row - 1) * base->dim, base->dim)
			<= kth + fabs(kth) * ORACLE_TOLERANCE)
			hits++;
	}
	return hits;
}

/* Runs every query at one ef_search, prints the line and returns the recall. */
static double
oracle_measure(PGconn *conn, const OracleOptions *options, int ef, const IdTable *ids,
			   const VectorSet *queries, const double *kth)
{
	const VectorSet *base = ids->set;
	size_t		due = base->count < (size_t) options->k ? base->count : (size_t) options->k;
	size_t		hits = 0,
				returned = 0;
	char	   *bytes = allocate(NULL, 4 + 4 * queries->dim, 1);
	char		setting[64];
	double		recall;

	snprintf(setting, sizeof(setting), "SET LOCAL hnsw.ef_search = %d", ef);
	oracle_command(conn, setting);
	for (size_t q = 0; q < queries->count; q++)
	{
		const float *query = queries->vectors + q * queries->dim;
		const char *value = bytes;
		int			length = oracle_vector_bytes(query, queries->dim, bytes);
		int			binary = 1;
		PGresult   *result = PQexecPrepared(conn, "knn", 1, &value, &length, &binary, 0);

		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			fail("the k-NN statement: %s", PQerrorMessage(conn));
		if (PQntuples(result) > options->k)
			fail("the k-NN statement returned more than %d rows", options->k);
		hits += oracle_count_hits(options, ids, query, kth[q], result);
		returned += PQntuples(result);
		PQclear(result);
	}
	recall = (double) hits / ((double) due * queries->count);
	printf("recall metric=%s k=%d ef=%d base=%zu queries=%zu due=%zu returned=%zu hits=%zu recall=%.5f\n",
		   options->metric_name, options->k, ef, base->count, queries->count,
		   due * queries->count, returned, hits, recall);
	fflush(stdout);
	free(bytes);
	return recall;
}

static int
oracle_run(const OracleOptions *options)
{
	PGconn	   *conn = PQconnectdb(options->conninfo);
	PGresult   *prepared;
	VectorSet	base,
				queries;
	IdTable		ids;
	double	   *kth;
	int			missed = 0;

	if (PQstatus(conn) != CONNECTION_OK)
		fail("%s", PQerrorMessage(conn));
	oracle_command(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	read_vectors(conn, options->base, &base);
	read_vectors(conn, options->queries, &queries);
	if (base.dim != queries.dim)
		fail("base vectors have %d dimensions, queries %d", base.dim, queries.dim);
	if (options->metric == ORACLE_COSINE)
	{
		oracle_drop_zero_norm(&base);
		oracle_drop_zero_norm(&queries);
	}
	if (base.count == 0 || queries.count == 0)
		fail("no vector has a direction");
	oracle_id_table(&base, &ids);
	kth = oracle_exact(options, &base, &queries);

	if (options->setup != NULL)
		oracle_command(conn, options->setup);
	prepared = PQprepare(conn, "knn", options->knn, 0, NULL);
	if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
		fail("%s: %s", options->knn, PQerrorMessage(conn));
	PQclear(prepared);
	oracle_require_index(conn, &queries);
	for (int i = 0; i < options->nef; i++)
	{
		double		recall = oracle_measure(conn, options, options->ef[i], &ids, &queries, kth);

		if (i < options->nmin && recall < options->min[i])
		{
			printf("missed ef=%d recall=%.5f minimum=%.5f\n", options->ef[i], recall, options->min[i]);
			missed = 1;
		}
	}
	oracle_command(conn, "COMMIT");
	PQfinish(conn);
	return missed;
}

static void
oracle_usage(void)
{
	fputs("usage: oracle --base SQL --queries SQL --knn SQL [options]\n"
		  "  --conn CONNINFO     libpq connection string (default: the environment)\n"
		  "  --base SQL          query for (id text, vector): the rows that are searched\n"
		  "  --queries SQL       query for (id text, vector): the query vectors\n"
		  "  --knn SQL           statement that returns at most k ids (text) for vector $1\n"
		  "  --metric NAME       l2 (default), ip or cosine\n"
		  "  --k N               neighbours wanted (default 10)\n"
		  "  --ef LIST           values of hnsw.ef_search (default 40)\n"
		  "  --min LIST          recall wanted at each of them; exit status 1 when one is missed\n"
		  "  --setup SQL         run first, e.g. SET LOCAL enable_seqscan = off\n", stderr);
	exit(2);
}

/* Parses "a,b,c" into out; returns how many there are. */
static int
oracle_number_list(const char *text, double *out)
{
	int			n = 0;

	while (n < ORACLE_MAX_SETTINGS)
	{
		char	   *end;

		out[n++] = strtod(text, &end);
		if (end == text || (*end != ',' && *end != '\0'))
			oracle_usage();
		if (*end == '\0')
			return n;
		text = end + 1;
	}
	fail("more than %d values in a list", ORACLE_MAX_SETTINGS);
}

static void
oracle_set_metric(OracleOptions *options, const char *name)
{
	static const char *const names[] = {"l2", "ip", "cosine"};

	for (int i = 0; i < 3; i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			options->metric = (OracleMetric) i;
			options->metric_name = names[i];
			return;
		}
	}
	oracle_usage();
}

int
main(int argc, char **argv)
{
	static const struct option known[] = {
		{"conn", required_argument, NULL, 'c'}, {"base", required_argument, NULL, 'b'},
		{"queries", required_argument, NULL, 'q'}, {"knn", required_argument, NULL, 's'},
		{"metric", required_argument, NULL, 'm'}, {"k", required_argument, NULL, 'k'},
		{"ef", required_argument, NULL, 'e'}, {"min", required_argument, NULL, 'r'},
		{"setup", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0}
	};
	OracleOptions options = {.conninfo = "", .metric_name = "l2", .k = 10, .nef = 1, .ef = {40}};
	double		list[ORACLE_MAX_SETTINGS];
	int			option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		switch (option)
		{
			case 'c': options.conninfo = optarg; break;
			case 'b': options.base = optarg; break;
			case 'q': options.queries = optarg; break;
			case 's': options.knn = optarg; break;
			case 'u': options.setup = optarg; break;
			case 'm': oracle_set_metric(&options, optarg); break;
			case 'k': options.k = atoi(optarg); break;
			case 'r': options.nmin = oracle_number_list(optarg, options.min); break;
			case 'e':
				options.nef = oracle_number_list(optarg, list);
				for (int i = 0; i < options.nef; i++)
					options.ef[i] = (int) list[i];
				break;
			default: oracle_usage();
		}
	}
	if (optind != argc || !options.base || !options.queries || !options.knn || options.k < 1 ||
		options.k > 10000)
		oracle_usage();
	return oracle_run(&options);
}
