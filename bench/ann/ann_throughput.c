/*-------------------------------------------------------------------------
 *
 * ann_throughput.c
 *	  Searches a second with several clients at once.
 *
 * Each client is a thread of this process with a connection and a prepared
 * statement of its own; it goes round the queries from a place of its own and
 * has answered some before the clock starts.
 *
 *-------------------------------------------------------------------------
 */
#include "ann_pg.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THROUGHPUT_MAX_CLIENTS 64
#define THROUGHPUT_WARM 8		/* searches before the clock starts */

typedef struct ThroughputClient
{
	pthread_t	thread;
	const char *statement;
	const AnnQuery *queries;
	size_t		count;
	size_t		first;
	int			parameters;
	double		seconds;
	pthread_barrier_t *start;
	size_t		searches;
	double		ended;
} ThroughputClient;

static void *
throughput_client(void *argument)
{
	ThroughputClient *client = argument;
	PGconn	   *conn = ann_connect();
	size_t		q = client->first;
	double		until;

	ann_prepare(conn, "knn", client->statement);
	for (int i = 0; i < THROUGHPUT_WARM; i++)
		PQclear(ann_run_query(conn, &client->queries[q++ % client->count], client->parameters));
	pthread_barrier_wait(client->start);
	until = ann_now() + client->seconds;
	while (ann_now() < until)
	{
		PQclear(ann_run_query(conn, &client->queries[q++ % client->count], client->parameters));
		client->searches++;
	}
	client->ended = ann_now();
	PQfinish(conn);
	return NULL;
}

/* Runs n clients for the seconds; returns searches a second. */
static double
throughput_measure(ThroughputClient model, int n)
{
	ThroughputClient *clients = ann_alloc(n, sizeof(ThroughputClient));
	pthread_barrier_t barrier;
	size_t		searches = 0;
	double		start,
				ended = 0;

	pthread_barrier_init(&barrier, NULL, n + 1);
	for (int i = 0; i < n; i++)
	{
		clients[i] = model;
		clients[i].start = &barrier;
		clients[i].first = (size_t) i * model.count / n;
		if (pthread_create(&clients[i].thread, NULL, throughput_client, &clients[i]) != 0)
			ann_fail("no more threads");
	}
	pthread_barrier_wait(&barrier);
	start = ann_now();
	for (int i = 0; i < n; i++)
	{
		pthread_join(clients[i].thread, NULL);
		searches += clients[i].searches;
		if (clients[i].ended > ended)
			ended = clients[i].ended;
	}
	pthread_barrier_destroy(&barrier);
	free(clients);
	return searches / (ended - start);
}

/* With --clients and --qps-ms; prints , "qps": {"clients": searches a second}. */
void
ann_throughput(const char *statement, const AnnQuery *queries, size_t count, int parameters)
{
	ThroughputClient model = {
		.statement = statement, .queries = queries, .count = count, .parameters = parameters,
		.seconds = ann_option_number("qps-ms", 1000) / 1e3
	};
	int			numbers[8];
	int			n = ann_option_list("clients", "1,2,8,32", numbers, 8);

	printf(", \"qps\": {");
	for (int i = 0; i < n; i++)
	{
		if (numbers[i] < 1 || numbers[i] > THROUGHPUT_MAX_CLIENTS)
			ann_fail("1 to %d clients", THROUGHPUT_MAX_CLIENTS);
		printf("%s\"%d\": %.1f", i > 0 ? ", " : "", numbers[i], throughput_measure(model, numbers[i]));
	}
	printf("}");
}
