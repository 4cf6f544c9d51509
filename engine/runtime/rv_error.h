/*-------------------------------------------------------------------------
 *
 * rv_error.h
 *	  SQLSTATEs of our own and the shared forms of reporting.
 *
 * PostgreSQL's own SQLSTATEs come first; class RV is for conditions that no
 * standard code describes. docs/errors.md lists them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_ERROR_H
#define RV_ERROR_H

#define ERRCODE_RV_GRAPH_NOT_FOUND		MAKE_SQLSTATE('R','V','0','0','1')
#define ERRCODE_RV_GRAPH_EXISTS			MAKE_SQLSTATE('R','V','0','0','2')
#define ERRCODE_RV_CYPHER_UNSUPPORTED	MAKE_SQLSTATE('R','V','0','0','3')

/* A condition the code relies on: an assertion in debug builds, an error in release builds. */
#define RV_ENSURE(cond, msg) \
	do { \
		Assert(cond); \
		if (unlikely(!(cond))) \
			ereport(ERROR, \
					(errcode(ERRCODE_INTERNAL_ERROR), \
					 errmsg_internal("%s: %s", msg, #cond))); \
	} while (0)

#endif							/* RV_ERROR_H */
