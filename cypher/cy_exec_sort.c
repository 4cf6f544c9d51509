/*-------------------------------------------------------------------------
 *
 * cy_exec_sort.c
 *	  ORDER BY and DISTINCT.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cypher/cy_plan.h"

/* ---- ORDER BY ---- */

typedef struct CySortState
{
	CyRowSort  *sort;			/* NULL until the input has been read */
} CySortState;

static void
cy_sort_read_input(CyStep *step)
{
	CySortState *state = step->state;
	MemoryContext old = MemoryContextSwitchTo(step->exec->context);
	StringInfoData key;
	StringInfoData row;

	state->sort = rvi_cy_rowsort_make(step->plan->bound_hint);
	initStringInfo(&key);
	initStringInfo(&row);
	while (rvi_cy_step_next(step->input))
	{
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(step->context);
		MemoryContextSwitchTo(step->context);
		resetStringInfo(&key);
		foreach(cell, step->plan->order)
		{
			CySortKey  *sort_key = lfirst(cell);
			RvValue		value = rvi_cy_eval(step->exec, sort_key->expr);

			rvi_cy_order_key(&key, &value, sort_key->descending);
		}
		resetStringInfo(&row);
		rvi_cy_row_write(step->exec, step->plan->slots, &row);
		rvi_cy_rowsort_put(state->sort, key.data, key.len, row.data, row.len);
	}
	MemoryContextSwitchTo(step->exec->context);
	rvi_cy_rowsort_perform(state->sort);
	pfree(key.data);
	pfree(row.data);
	MemoryContextSwitchTo(old);
}

static bool
cy_step_sort(CyStep *step)
{
	CySortState *state = step->state;
	const char *key;
	const char *row;
	int			keylen;
	MemoryContext old;

	if (state->sort == NULL)
		cy_sort_read_input(step);
	if (!rvi_cy_rowsort_get(state->sort, &key, &keylen, &row))
		return false;
	MemoryContextReset(step->context);
	old = MemoryContextSwitchTo(step->context);
	rvi_cy_row_read(step->exec, step->plan->slots, row);
	MemoryContextSwitchTo(old);
	return true;
}

static void
cy_end_sort(CyStep *step)
{
	CySortState *state = step->state;

	if (state->sort != NULL)
		rvi_cy_rowsort_end(state->sort);
}

void
rvi_cy_init_sort(CyStep *step)
{
	step->next = cy_step_sort;
	step->end = cy_end_sort;
	step->state = palloc0(sizeof(CySortState));
}

/* ---- DISTINCT ---- */

/*
 * Rows pass as they come while their keys fit into memory. When the set is
 * full, rows whose key is not in it are put aside, sorted by key, and those
 * that are the first of their key follow at the end.
 */
typedef struct CyDistinctState
{
	CyKeySet   *seen;
	StringInfoData key;
	StringInfoData row;
	CyRowSort  *rest;			/* NULL while the set takes everything */
	bool		input_done;
	StringInfoData last;		/* key of the last row from rest */
	bool		have_last;
} CyDistinctState;

/* The next row of the input that is new, or false at its end. */
static bool
cy_distinct_from_input(CyStep *step)
{
	CyDistinctState *state = step->state;

	while (rvi_cy_step_next(step->input))
	{
		ListCell   *cell;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		resetStringInfo(&state->key);
		foreach(cell, step->plan->slots)
			rvi_cy_order_key(&state->key, &step->exec->row[lfirst_int(cell)], false);
		if (rvi_cy_keyset_enter(state->seen, state->key.data, state->key.len, &found) != NULL)
		{
			if (!found)
				return true;
			continue;
		}
		if (state->rest == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(step->exec->context);

			state->rest = rvi_cy_rowsort_make(-1);
			MemoryContextSwitchTo(old);
		}
		resetStringInfo(&state->row);
		rvi_cy_row_write(step->exec, step->plan->slots, &state->row);
		rvi_cy_rowsort_put(state->rest, state->key.data, state->key.len, state->row.data,
						   state->row.len);
	}
	return false;
}

static bool
cy_step_distinct(CyStep *step)
{
	CyDistinctState *state = step->state;
	const char *key;
	const char *row;
	int			keylen;

	if (!state->input_done)
	{
		if (cy_distinct_from_input(step))
			return true;
		state->input_done = true;
		if (state->rest != NULL)
			rvi_cy_rowsort_perform(state->rest);
	}
	while (state->rest != NULL && rvi_cy_rowsort_get(state->rest, &key, &keylen, &row))
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (state->have_last && state->last.len == keylen &&
			memcmp(state->last.data, key, keylen) == 0)
			continue;
		resetStringInfo(&state->last);
		appendBinaryStringInfo(&state->last, key, keylen);
		state->have_last = true;
		MemoryContextReset(step->context);
		old = MemoryContextSwitchTo(step->context);
		rvi_cy_row_read(step->exec, step->plan->slots, row);
		MemoryContextSwitchTo(old);
		return true;
	}
	return false;
}

static void
cy_end_distinct(CyStep *step)
{
	CyDistinctState *state = step->state;

	if (state->rest != NULL)
		rvi_cy_rowsort_end(state->rest);
	rvi_cy_keyset_end(state->seen);
}

void
rvi_cy_init_distinct(CyStep *step)
{
	CyDistinctState *state = palloc0(sizeof(CyDistinctState));

	state->seen = rvi_cy_keyset_make(0);
	initStringInfo(&state->key);
	initStringInfo(&state->row);
	initStringInfo(&state->last);
	step->next = cy_step_distinct;
	step->end = cy_end_distinct;
	step->state = state;
}
