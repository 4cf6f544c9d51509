/*-------------------------------------------------------------------------
 *
 * rv_fdw.h
 *	  The folder's public header. Nothing but SQL reaches the foreign tables,
 *	  so there is nothing to declare.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_FDW_H
#define RV_FDW_H

#endif							/* RV_FDW_H */
