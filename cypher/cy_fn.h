/*-------------------------------------------------------------------------
 *
 * cy_fn.h
 *	  Helpers shared by arithmetic and the function files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_FN_H
#define CY_FN_H

#include "cypher/cy_int.h"

#define CY_IS_NUMBER(v)	((v)->type == RV_VAL_INT || (v)->type == RV_VAL_FLOAT)

/* A list with room for n items; raises 54000 above what a list can hold. */
extern RvValue rvi_cy_list_make(uint64 n);

/* A number or string as a string; numbers in their shortest form, floats with a fraction. */
extern RvValue rvi_cy_to_string(const RvValue *value);

extern double rvi_cy_to_double(const RvValue *number);

/* A new string value from a C string, not copied. */
extern RvValue rvi_cy_cstring(const char *text);

/* Wrong type of the i-th argument at run time. */
extern void rvi_cy_argument_error(const CyFunction *call, int i, const RvValue *value)
			pg_attribute_noreturn();

/* cy_fn_string.c, cy_fn_number.c, cy_fn_graph.c, cy_fn_list.c: ends with a NULL name */
extern const CyFunctionInfo rvi_cy_string_functions[];
extern const CyFunctionInfo rvi_cy_number_functions[];
extern const CyFunctionInfo rvi_cy_graph_functions[];
extern const CyFunctionInfo rvi_cy_list_functions[];

#endif							/* CY_FN_H */
