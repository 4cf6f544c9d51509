/*-------------------------------------------------------------------------
 *
 * copy_binary.h
 *	  Reading rows of (id text, vector) with COPY ... (FORMAT binary).
 *
 *-------------------------------------------------------------------------
 */
#ifndef COPY_BINARY_H
#define COPY_BINARY_H

#include <stddef.h>

#include <libpq-fe.h>

/* Rows in the order they came; rows with a NULL vector are left out. */
typedef struct VectorSet
{
	size_t		count;
	size_t		space;			/* rows there is room for */
	int			dim;
	char	  **ids;
	float	   *vectors;		/* count * dim */
} VectorSet;

/* Runs COPY (query) TO STDOUT and collects its rows; ends the program on any error. */
extern void read_vectors(PGconn *conn, const char *query, VectorSet *set);

/* Ends the program with a message. */
extern void fail(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));

/* malloc and realloc that end the program rather than return NULL. */
extern void *allocate(void *old, size_t count, size_t size);

#endif							/* COPY_BINARY_H */
