/*-------------------------------------------------------------------------
 *
 * rv_tableam.h
 *	  Table access method ruvector_tam: what the rest of the library sees.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_TABLEAM_H
#define RV_TABLEAM_H

/* Called from _PG_init. */
extern void rv_tableam_init(void);

#endif							/* RV_TABLEAM_H */
