/*-------------------------------------------------------------------------
 *
 * rv_fdw.h
 *	  Foreign tables over graphs. SQL reaches them through the handler function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_FDW_H
#define RV_FDW_H

/* Called from _PG_init. */
extern void rv_fdw_init(void);

#endif							/* RV_FDW_H */
