/*-------------------------------------------------------------------------
 *
 * ann_pg.h
 *	  What the benchmark's libpq files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ANN_PG_H
#define ANN_PG_H

#include "ann.h"

#include <libpq-fe.h>

/* A prepared k-NN statement's parameters: the vector, and the filter's value if it has one. */
typedef struct AnnQuery
{
	char	   *vector;			/* binary form */
	int			vector_bytes;
	uint32_t	value;			/* network order */
} AnnQuery;

/* ann_pg.c */
extern PGconn *ann_connect(void);
extern void ann_command(PGconn *conn, const char *command);
extern double ann_ask(PGconn *conn, const char *query);
extern void ann_prepare(PGconn *conn, const char *name, const char *statement);
extern size_t ann_vector_bytes(const float *vector, int dim, char *out);

/* ann_search.c */
extern AnnQuery *ann_queries(const AnnJudge *judge);
extern PGresult *ann_run_query(PGconn *conn, const AnnQuery *query, int parameters);

/* ann_throughput.c: prints , "qps": {...} */
extern void ann_throughput(const char *statement, const AnnQuery *queries, size_t count, int parameters);

#endif							/* ANN_PG_H */
