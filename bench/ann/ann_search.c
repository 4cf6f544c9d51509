/*-------------------------------------------------------------------------
 *
 * ann_search.c
 *	  Recall and time of a k-NN statement in PostgreSQL.
 *
 * The statement is given without the number after its LIMIT; $1 is the vector
 * and $2, where there is a condition, its value. It is prepared once and has
 * one generic plan. From the client: binary parameters, the time of a round
 * trip. In the server: a plpgsql loop over the queries reads the clock before
 * and after an execution of its own prepared copy. Both warm up with a round
 * that does not count.
 *
 *-------------------------------------------------------------------------
 */
#include "ann_pg.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_SQL 4096

/* How many parameters the statement has: the vector, and with --filter the value of that column. */
static int
search_parameters(void)
{
	return *ann_option("filter", "") ? 2 : 1;
}

/* The parameters of every query. */
AnnQuery *
ann_queries(const AnnJudge *judge)
{
	AnnQuery   *queries = ann_alloc(judge->truth.count, sizeof(AnnQuery));
	int			dim = judge->queries.dim;

	for (size_t q = 0; q < judge->truth.count; q++)
	{
		queries[q].vector = ann_alloc(4 + 4 * (size_t) dim, 1);
		queries[q].vector_bytes = (int) ann_vector_bytes(judge->queries.rows + q * dim, dim, queries[q].vector);
		if (judge->column != ANN_NOBODY)
			queries[q].value = htonl((uint32_t) ann_column(&judge->query_columns, judge->column)[q]);
	}
	return queries;
}

/* Executes the prepared statement knn. */
PGresult *
ann_run_query(PGconn *conn, const AnnQuery *query, int parameters)
{
	const char *values[2] = {query->vector, (const char *) &query->value};
	int			lengths[2] = {query->vector_bytes, 4},
				binary[2] = {1, 1};
	PGresult   *result = PQexecPrepared(conn, "knn", parameters, values, lengths, binary, 1);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		ann_fail("the k-NN statement: %s", PQerrorMessage(conn));
	return result;
}

/* Prints the plan's scan of the table, and makes sure it is the one that is to be measured. */
static void
search_check_plan(PGconn *conn, const AnnJudge *judge, const char *expected)
{
	const float *vector = judge->queries.rows;
	size_t		room = (size_t) judge->queries.dim * 20 + 128;
	char	   *command = ann_alloc(room, 1);
	size_t		length = sprintf(command, "EXPLAIN (COSTS OFF) EXECUTE knn ('[");
	PGresult   *result;
	const char *found = NULL;

	for (int i = 0; i < judge->queries.dim; i++)
		length += sprintf(command + length, "%s%.9g", i > 0 ? "," : "", vector[i]);
	strcpy(command + length, search_parameters() == 1 ? "]')" : "]', 0)");
	result = PQexec(conn, command);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		ann_fail("EXPLAIN: %s", PQerrorMessage(conn));
	for (int i = 0; found == NULL && i < PQntuples(result); i++)
	{
		found = strstr(PQgetvalue(result, i, 0), "->");
		if (found != NULL && strstr(found, "Scan") == NULL)
			found = NULL;
	}
	if (found == NULL)
		ann_fail("no scan in the plan of the k-NN statement");
	found += strspn(found, "-> ");
	ann_json_string("plan", found);
	if (*expected && strstr(found, expected) == NULL)
		ann_fail("the plan has \"%s\" where \"%s\" was to be measured", found, expected);
	PQclear(result);
	free(command);
}

/* Executes every query; ids of the answers, and the time of each round trip. */
static int32_t *
search_from_client(PGconn *conn, const AnnJudge *judge, const AnnQuery *queries, int k, double *times)
{
	size_t		count = judge->truth.count;
	int			parameters = search_parameters();
	int32_t    *ids = ann_alloc(count * k, sizeof(int32_t));

	for (size_t q = 0; q < count; q++)
	{
		double		start = ann_now();
		PGresult   *result = ann_run_query(conn, &queries[q], parameters);

		times[q] = ann_now() - start;
		if (PQntuples(result) > k)
			ann_fail("the k-NN statement returned more than %d rows", k);
		for (int i = 0; i < k; i++)
		{
			uint32_t	id = htonl(UINT32_MAX);

			if (i < PQntuples(result))
				memcpy(&id, PQgetvalue(result, i, 0), sizeof(id));
			ids[q * k + i] = (int32_t) ntohl(id);
		}
		PQclear(result);
	}
	return ids;
}

static void
search_print_recall(const AnnJudge *judge, const int32_t *ids, int k)
{
	for (int at = k == 10 ? 1 : k; at <= k; at *= 10)
	{
		AnnRecall	recall = ann_judge_answers(judge, ids, k, at);

		printf(", \"recall_%d\": %.5f, \"recall_%d_p5\": %.5f, \"returned_%d\": %.5f", at, recall.mean, at,
			   recall.low, at, recall.returned);
	}
}

static double
search_mean(const double *times, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += times[i];
	return sum / n;
}

static void
search_print_times(const char *prefix, double *times, size_t n, double unit)
{
	double		mean = search_mean(times, n);

	ann_sort(times, n);
	printf(", \"%sp50_us\": %.1f, \"%sp99_us\": %.1f, \"%smean_us\": %.1f", prefix,
		   ann_percentile(times, n, 0.5) * unit, prefix, ann_percentile(times, n, 0.99) * unit, prefix,
		   mean * unit);
}

/* The statement as the plpgsql function has it: $1 and $2 are fields of q. */
static void
search_inline_parameters(const char *knn, char *out, size_t room)
{
	size_t		n = 0;

	for (; *knn && n + 8 < room; knn++)
	{
		if (knn[0] == '$' && (knn[1] == '1' || knn[1] == '2'))
		{
			n += (size_t) sprintf(out + n, "%s", knn[1] == '1' ? "q.v" : "q.f");
			knn++;
		}
		else
			out[n++] = *knn;
	}
	out[n] = '\0';
}

/* Rounds of the loop in the server: the first does not count. */
static void
search_in_server(PGconn *conn, const AnnJudge *judge, const char *knn, int rounds)
{
	char		body[SEARCH_SQL],
				command[SEARCH_SQL + 1024];
	const char *field = ann_option("filter", "0");
	double	   *times = ann_alloc(judge->truth.count * rounds, sizeof(double)),
				cpu = 0;
	size_t		n = 0;

	search_inline_parameters(knn, body, sizeof(body));
	snprintf(command, sizeof(command),
			 "CREATE FUNCTION pg_temp.ann_times() RETURNS SETOF float8 LANGUAGE plpgsql AS $f$\n"
			 "DECLARE q record; start timestamptz;\n"
			 "BEGIN FOR q IN SELECT v, %s AS f FROM ann_query ORDER BY id LIMIT %zu LOOP\n"
			 "start := clock_timestamp();\n"
			 "PERFORM %s 10;\n"
			 "RETURN NEXT extract(epoch FROM clock_timestamp() - start) * 1e6;\n"
			 "END LOOP; END $f$", field, judge->truth.count, body + strspn(body, " ") + strlen("SELECT "));
	ann_command(conn, command);
	for (int round = -1; round < rounds; round++)
	{
		double		start = ann_process_cpu(PQbackendPID(conn));
		PGresult   *result = PQexec(conn, "SELECT * FROM pg_temp.ann_times()");

		if (PQresultStatus(result) != PGRES_TUPLES_OK || (size_t) PQntuples(result) != judge->truth.count)
			ann_fail("timing in the server: %s", PQerrorMessage(conn));
		for (int i = 0; round >= 0 && i < PQntuples(result); i++)
			times[n++] = atof(PQgetvalue(result, i, 0));
		if (round >= 0)
			cpu += ann_process_cpu(PQbackendPID(conn)) - start;
		PQclear(result);
	}
	search_print_times("", times, n, 1);
	printf(", \"cpu_us\": %.1f", cpu * 1e6 / n);
	free(times);
}

/*
 * search <judge> --conn --setup --knn --expect --filter --queries --rounds --recall-100 --qps-ms --clients
 */
void
ann_search(void)
{
	AnnJudge	judge = ann_judge();
	const char *knn = ann_option("knn", NULL);
	int			parameters = search_parameters();
	int			rounds = (int) ann_option_number("rounds", 3);
	size_t		limit = ann_option_number("queries", (long) judge.truth.count);
	char		statement[SEARCH_SQL];
	PGconn	   *conn = ann_connect();
	AnnQuery   *queries;
	double	   *times;
	int32_t    *ids;

	if (limit < judge.truth.count)
		judge.truth.count = limit;
	queries = ann_queries(&judge);
	times = ann_alloc(judge.truth.count, sizeof(double));
	printf("{\"kind\": \"search\", \"queries\": %zu, \"rounds\": %d", judge.truth.count, rounds);
	snprintf(statement, sizeof(statement), "%s 10", knn);
	ann_prepare(conn, "knn", statement);
	search_check_plan(conn, &judge, ann_option("expect", ""));
	ids = search_from_client(conn, &judge, queries, 10, times);
	search_print_recall(&judge, ids, 10);
	printf(", \"first_mean_us\": %.1f", search_mean(times, judge.truth.count) * 1e6);
	if (rounds > 0)
	{
		free(search_from_client(conn, &judge, queries, 10, times));
		search_print_times("client_", times, judge.truth.count, 1e6);
		search_in_server(conn, &judge, knn, rounds);
	}
	if (ann_option_number("qps-ms", 0) > 0)
		ann_throughput(statement, queries, judge.truth.count, parameters);
	if (ann_option_number("recall-100", 0))
	{
		ann_command(conn, "DEALLOCATE knn");
		snprintf(statement, sizeof(statement), "%s 100", knn);
		ann_prepare(conn, "knn", statement);
		ids = search_from_client(conn, &judge, queries, 100, times);
		search_print_recall(&judge, ids, 100);
	}
	printf("}\n");
	PQfinish(conn);
}
