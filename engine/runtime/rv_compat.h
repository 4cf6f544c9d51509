/*-------------------------------------------------------------------------
 *
 * rv_compat.h
 *	  The only place that looks at PG_VERSION_NUM.
 *
 * PostgreSQL 15 is built and tested; what 16 to 18 changed is bridged here
 * when they are added.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_COMPAT_H
#define RV_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 160000
#error "ruvector is built for PostgreSQL 15"
#endif

#endif							/* RV_COMPAT_H */
