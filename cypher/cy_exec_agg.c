/*-------------------------------------------------------------------------
 *
 * cy_exec_agg.c
 *	  Grouping and aggregates.
 *
 * Groups live in a key set. When that is full, rows of groups that are not in
 * it are put aside as grouping values and aggregate arguments, sorted by
 * group, and done one group after the other at the end. What DISTINCT
 * aggregates have seen is one more key set; when that is full, values that
 * are not in it are put aside under group and aggregate, sorted, and go into
 * their aggregates, each once, when the input has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "cypher/cy_fn.h"
#include "cypher/cy_plan.h"

/* One aggregate of one group. */
typedef struct CyAggState
{
	int64		count;
	RvValue		value;			/* SUM: so far; MIN, MAX: the best */
	double		real_sum;		/* AVG */
	char	   *key;			/* MIN, MAX: order key of value */
	int			keylen;
	RvValue    *items;			/* COLLECT */
	uint32		maxitems;
} CyAggState;

typedef struct CyGroup
{
	int64		number;
	RvValue    *keys;
	CyAggState	aggs[FLEXIBLE_ARRAY_MEMBER];
} CyGroup;

typedef struct CyAggregationState
{
	int			nkeys;
	int			naggs;
	RvValue    *keys;			/* of the row at hand, by grouping key */
	RvValue    *args;			/* of the row at hand, by aggregate */
	CyKeySet   *groups;
	int64		ngroups;
	CyGroup   **by_number;		/* groups in memory; kept only for DISTINCT */
	int64		maxgroups;
	CyKeySet   *seen;			/* NULL: no DISTINCT */
	CyRowSort  *unseen;			/* values put aside, or NULL */
	MemoryContext scratch;		/* of one value from unseen */
	StringInfoData key;
	StringInfoData row;
	StringInfoData probe;
	CyRowSort  *rest;
	enum
	{
		CY_AGG_READ, CY_AGG_EMIT, CY_AGG_REST, CY_AGG_DONE
	}			phase;
	bool		iterating;
	bool		rest_pending;	/* a row of the next group has been taken from rest */
	StringInfoData rest_key;
	StringInfoData last;		/* key of the last value from unseen */
} CyAggregationState;

/* ---- one value into one aggregate ---- */

/* Group and aggregate as the head of a key, in the order of their numbers. */
typedef struct CyDistinctKey
{
	uint64		group;
	uint32		agg;
} CyDistinctKey;

#define CY_DISTINCT_KEY_SIZE (sizeof(uint64) + sizeof(uint32))

/* Has this value not been seen? When that cannot be told now, it is put aside. */
static bool
cy_agg_is_new(CyStep *step, CyGroup *group, uint32 agg, const RvValue *value)
{
	CyAggregationState *state = step->state;
	CyDistinctKey head = {pg_hton64((uint64) group->number), pg_hton32(agg)};
	MemoryContext old;
	bool		found;

	resetStringInfo(&state->probe);
	appendBinaryStringInfo(&state->probe, (const char *) &head, CY_DISTINCT_KEY_SIZE);
	rvi_cy_order_key(&state->probe, value, false);
	if (rvi_cy_keyset_enter(state->seen, state->probe.data, state->probe.len, &found) != NULL)
		return !found;
	old = MemoryContextSwitchTo(step->exec->context);
	if (state->unseen == NULL)
		state->unseen = rvi_cy_rowsort_make(-1);
	resetStringInfo(&state->row);
	rvi_cy_value_write(&state->row, value);
	rvi_cy_rowsort_put(state->unseen, state->probe.data, state->probe.len, state->row.data,
					   state->row.len);
	MemoryContextSwitchTo(old);
	return false;
}

static void
cy_agg_require_number(const CyAggregate *aggregate, const RvValue *value)
{
	if (!CY_IS_NUMBER(value))
		rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", aggregate->arg->loc,
					 "%s() cannot be applied to %s", aggregate->info->name,
					 rvi_cy_type_noun(value->type));
}

/* Keeps the value if it comes before (MIN) or after (MAX) the one that is kept. */
static void
cy_agg_extreme(CyAggregationState *state, CyAggState *agg, const RvValue *value, bool largest)
{
	StringInfo	probe = &state->probe;
	int			order;

	resetStringInfo(probe);
	rvi_cy_order_key(probe, value, false);
	if (agg->key != NULL)
	{
		order = memcmp(probe->data, agg->key, Min(probe->len, agg->keylen));
		if (largest ? order <= 0 : order >= 0)
			return;
		pfree(agg->key);
	}
	agg->key = palloc(Max(probe->len, 1));
	memcpy(agg->key, probe->data, probe->len);
	agg->keylen = probe->len;
	agg->value = rvi_cy_value_copy(value);
}

static void
cy_agg_collect(CyAggState *agg, const RvValue *value)
{
	if (agg->items == NULL)
	{
		agg->maxitems = 8;
		agg->items = palloc(agg->maxitems * sizeof(RvValue));
	}
	else if (agg->count > agg->maxitems)
	{
		agg->maxitems *= 2;
		agg->items = repalloc(agg->items, (Size) agg->maxitems * sizeof(RvValue));
	}
	agg->items[agg->count - 1] = rvi_cy_value_copy(value);
}

/* In the groups' memory. NULL is no value to any aggregate. */
static void
cy_agg_advance(const CyAggregate *aggregate, CyAggregationState *state, CyAggState *agg,
			   const RvValue *value)
{
	agg->count++;
	switch (aggregate->info->aggregate)
	{
		case CY_AGG_SUM:
			cy_agg_require_number(aggregate, value);
			agg->value = agg->count == 1 ? *value :
				rvi_cy_arithmetic(CY_OP_ADD, &agg->value, value, aggregate->arg->loc);
			break;
		case CY_AGG_AVG:
			cy_agg_require_number(aggregate, value);
			agg->real_sum += rvi_cy_to_double(value);
			break;
		case CY_AGG_MIN:
			cy_agg_extreme(state, agg, value, false);
			break;
		case CY_AGG_MAX:
			cy_agg_extreme(state, agg, value, true);
			break;
		case CY_AGG_COLLECT:
			cy_agg_collect(agg, value);
			break;
		default:
			break;
	}
}

static RvValue
cy_agg_result(const CyAggregate *aggregate, const CyAggState *agg)
{
	switch (aggregate->info->aggregate)
	{
		case CY_AGG_COUNT:
			return rvi_cy_int(agg->count);
		case CY_AGG_SUM:
			return agg->count == 0 ? rvi_cy_int(0) : agg->value;
		case CY_AGG_AVG:
			return agg->count == 0 ? rvi_cy_null() : rvi_cy_float(agg->real_sum / agg->count);
		case CY_AGG_COLLECT:
			return (RvValue) {.type = RV_VAL_LIST, .len = agg->count, .u.items = agg->items};
		default:
			return agg->value;	/* NULL when there was none */
	}
}

/* ---- groups ---- */

/* state->args into a group. */
static void
cy_agg_row(CyStep *step, CyGroup *group)
{
	CyAggregationState *state = step->state;
	MemoryContext old = MemoryContextSwitchTo(rvi_cy_keyset_context(state->groups));
	ListCell   *cell;

	foreach(cell, step->plan->aggregates)
	{
		const CyAggregate *aggregate = lfirst(cell);
		int			i = foreach_current_index(cell);

		if (aggregate->arg != NULL && state->args[i].type == RV_VAL_NULL)
			continue;
		if (aggregate->distinct && !cy_agg_is_new(step, group, i, &state->args[i]))
			continue;
		cy_agg_advance(aggregate, state, &group->aggs[i], &state->args[i]);
	}
	MemoryContextSwitchTo(old);
}

/* Values that were put aside, once each, into the aggregates of their groups. */
static void
cy_agg_finish_distinct(CyStep *step)
{
	CyAggregationState *state = step->state;
	const char *key;
	const char *row;
	int			keylen;

	if (state->unseen == NULL)
		return;
	rvi_cy_rowsort_perform(state->unseen);
	resetStringInfo(&state->last);
	while (rvi_cy_rowsort_get(state->unseen, &key, &keylen, &row))
	{
		CyDistinctKey head;
		MemoryContext old;
		RvValue		value;
		uint32		agg;

		CHECK_FOR_INTERRUPTS();
		if (state->last.len == keylen && memcmp(state->last.data, key, keylen) == 0)
			continue;
		resetStringInfo(&state->last);
		appendBinaryStringInfo(&state->last, key, keylen);
		memcpy(&head, key, CY_DISTINCT_KEY_SIZE);
		agg = pg_ntoh32(head.agg);
		/* not in the step's context: a row taken from rest may be there */
		MemoryContextReset(state->scratch);
		old = MemoryContextSwitchTo(state->scratch);
		value = rvi_cy_value_read(&row);
		MemoryContextSwitchTo(rvi_cy_keyset_context(state->groups));
		cy_agg_advance(list_nth(step->plan->aggregates, agg), state,
					   &state->by_number[pg_ntoh64(head.group)]->aggs[agg], &value);
		MemoryContextSwitchTo(old);
	}
	rvi_cy_rowsort_end(state->unseen);
	state->unseen = NULL;
}

static void
cy_agg_remember(CyAggregationState *state, CyGroup *group)
{
	group->number = state->ngroups++;
	if (state->seen == NULL)
		return;
	if (group->number >= state->maxgroups)
	{
		state->maxgroups = Max(state->maxgroups * 2, 64);
		state->by_number = state->by_number == NULL ?
			palloc(state->maxgroups * sizeof(CyGroup *)) :
			repalloc_huge(state->by_number, state->maxgroups * sizeof(CyGroup *));
	}
	state->by_number[group->number] = group;
}

/* The group of state->key and state->keys; NULL when it must wait. */
static CyGroup *
cy_agg_find_group(CyStep *step)
{
	CyAggregationState *state = step->state;
	bool		found;
	CyGroup    *group = rvi_cy_keyset_enter(state->groups, state->key.data, state->key.len,
											&found);
	MemoryContext old;

	if (group == NULL || found)
		return group;
	old = MemoryContextSwitchTo(rvi_cy_keyset_context(state->groups));
	cy_agg_remember(state, group);
	group->keys = palloc(Max(state->nkeys, 1) * sizeof(RvValue));
	for (int i = 0; i < state->nkeys; i++)
		group->keys[i] = rvi_cy_value_copy(&state->keys[i]);
	MemoryContextSwitchTo(old);
	return group;
}

/* Grouping values, then arguments. */
static void
cy_agg_put_aside(CyStep *step)
{
	CyAggregationState *state = step->state;

	if (state->rest == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(step->exec->context);

		state->rest = rvi_cy_rowsort_make(-1);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&state->row);
	rvi_cy_row_write(step->exec, step->plan->slots, &state->row);
	for (int i = 0; i < state->naggs; i++)
		rvi_cy_value_write(&state->row, &state->args[i]);
	rvi_cy_rowsort_put(state->rest, state->key.data, state->key.len, state->row.data,
					   state->row.len);
}

static void
cy_agg_read_input(CyStep *step)
{
	CyAggregationState *state = step->state;

	while (rvi_cy_step_next(step->input))
	{
		MemoryContext old;
		ListCell   *cell;
		CyGroup    *group;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(step->context);
		old = MemoryContextSwitchTo(step->context);
		foreach(cell, step->plan->aggregates)
		{
			const CyAggregate *aggregate = lfirst(cell);

			state->args[foreach_current_index(cell)] = aggregate->arg == NULL ?
				rvi_cy_null() : rvi_cy_eval(step->exec, aggregate->arg);
		}
		resetStringInfo(&state->key);
		foreach(cell, step->plan->slots)
		{
			RvValue    *value = &state->keys[foreach_current_index(cell)];

			*value = step->exec->row[lfirst_int(cell)];
			rvi_cy_order_key(&state->key, value, false);
		}
		group = cy_agg_find_group(step);
		if (group != NULL)
			cy_agg_row(step, group);
		else
			cy_agg_put_aside(step);
		MemoryContextSwitchTo(old);
	}
	/* without grouping keys there is always one group */
	if (state->nkeys == 0 && state->ngroups == 0)
	{
		resetStringInfo(&state->key);
		cy_agg_find_group(step);
	}
	cy_agg_finish_distinct(step);
}

static void
cy_agg_emit(CyStep *step, CyGroup *group)
{
	ListCell   *cell;

	foreach(cell, step->plan->slots)
		step->exec->row[lfirst_int(cell)] = group->keys[foreach_current_index(cell)];
	foreach(cell, step->plan->aggregates)
	{
		const CyAggregate *aggregate = lfirst(cell);

		step->exec->row[aggregate->slot] =
			cy_agg_result(aggregate, &group->aggs[foreach_current_index(cell)]);
	}
}

/* Takes a row from rest into keys, args and rest_key; false at the end. */
static bool
cy_agg_fetch_rest(CyStep *step)
{
	CyAggregationState *state = step->state;
	const char *key;
	const char *row;
	const char *end;
	int			keylen;

	if (!rvi_cy_rowsort_get(state->rest, &key, &keylen, &row))
		return false;
	MemoryContextReset(step->context);
	end = row;
	for (int i = 0; i < state->nkeys + state->naggs; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(step->context);
		RvValue		value = rvi_cy_value_read(&end);

		MemoryContextSwitchTo(old);
		if (i < state->nkeys)
			state->keys[i] = value;
		else
			state->args[i - state->nkeys] = value;
	}
	resetStringInfo(&state->rest_key);
	appendBinaryStringInfo(&state->rest_key, key, keylen);
	return true;
}

/* The next group of rest, which comes sorted. */
static bool
cy_agg_next_rest(CyStep *step)
{
	CyAggregationState *state = step->state;
	CyGroup    *group;

	rvi_cy_keyset_reset(state->groups);
	state->ngroups = state->maxgroups = 0;
	state->by_number = NULL;
	if (state->seen != NULL)
		rvi_cy_keyset_reset(state->seen);
	if (!state->rest_pending && !cy_agg_fetch_rest(step))
		return false;
	resetStringInfo(&state->key);
	appendBinaryStringInfo(&state->key, state->rest_key.data, state->rest_key.len);
	group = cy_agg_find_group(step);
	do
	{
		CHECK_FOR_INTERRUPTS();
		cy_agg_row(step, group);
		state->rest_pending = cy_agg_fetch_rest(step);
	} while (state->rest_pending && state->rest_key.len == state->key.len &&
			 memcmp(state->rest_key.data, state->key.data, state->key.len) == 0);
	cy_agg_finish_distinct(step);
	cy_agg_emit(step, group);
	return true;
}

static bool
cy_step_aggregate(CyStep *step)
{
	CyAggregationState *state = step->state;
	CyGroup    *group;

	if (state->phase == CY_AGG_READ)
	{
		cy_agg_read_input(step);
		state->phase = CY_AGG_EMIT;
	}
	if (state->phase == CY_AGG_EMIT)
	{
		group = state->iterating ? rvi_cy_keyset_next(state->groups) :
			rvi_cy_keyset_first(state->groups);
		state->iterating = true;
		if (group != NULL)
		{
			cy_agg_emit(step, group);
			return true;
		}
		if (state->rest != NULL)
			rvi_cy_rowsort_perform(state->rest);
		state->phase = state->rest != NULL ? CY_AGG_REST : CY_AGG_DONE;
	}
	if (state->phase == CY_AGG_REST)
	{
		if (cy_agg_next_rest(step))
			return true;
		state->phase = CY_AGG_DONE;
	}
	return false;
}

static void
cy_end_aggregate(CyStep *step)
{
	CyAggregationState *state = step->state;

	if (state->rest != NULL)
		rvi_cy_rowsort_end(state->rest);
	if (state->unseen != NULL)
		rvi_cy_rowsort_end(state->unseen);
	if (state->seen != NULL)
		rvi_cy_keyset_end(state->seen);
	rvi_cy_keyset_end(state->groups);
}

void
rvi_cy_init_aggregate(CyStep *step)
{
	CyAggregationState *state = palloc0(sizeof(CyAggregationState));
	ListCell   *cell;

	state->nkeys = list_length(step->plan->slots);
	state->naggs = list_length(step->plan->aggregates);
	state->keys = palloc0(Max(state->nkeys, 1) * sizeof(RvValue));
	state->args = palloc0(Max(state->naggs, 1) * sizeof(RvValue));
	state->groups = rvi_cy_keyset_make(offsetof(CyGroup, aggs) +
									   state->naggs * sizeof(CyAggState));
	foreach(cell, step->plan->aggregates)
	{
		if (((CyAggregate *) lfirst(cell))->distinct && state->seen == NULL)
			state->seen = rvi_cy_keyset_make(0);
	}
	state->scratch = AllocSetContextCreate(step->exec->context, "cypher distinct value",
										   ALLOCSET_SMALL_SIZES);
	initStringInfo(&state->key);
	initStringInfo(&state->row);
	initStringInfo(&state->probe);
	initStringInfo(&state->rest_key);
	initStringInfo(&state->last);
	step->next = cy_step_aggregate;
	step->end = cy_end_aggregate;
	step->state = state;
}
