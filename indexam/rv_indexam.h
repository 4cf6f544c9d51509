/*-------------------------------------------------------------------------
 *
 * rv_indexam.h
 *	  Public header of the index access methods.
 *
 * PostgreSQL reaches them through their handlers in pg_am; nothing of
 * another folder calls in here but the library's entry.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_INDEXAM_H
#define RV_INDEXAM_H

/* Registers the index options. From _PG_init. */
extern void rv_indexam_init(void);

#endif							/* RV_INDEXAM_H */
