/*-------------------------------------------------------------------------
 *
 * cy_fn_graph.c
 *	  Functions of nodes, relationships, paths and maps.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cypher/cy_fn.h"

/* The entity that the first argument is, kept with its variable if it is one. */
static const CyEntity *
cy_fn_entity(CyExec *exec, const CyFunction *call, const RvValue *arg, bool want_props)
{
	return rvi_cy_entity(exec, linitial(call->args), arg, want_props);
}

static bool
cy_fn_is_entity(const RvValue *value)
{
	return value->type == RV_VAL_NODE || value->type == RV_VAL_EDGE;
}

static RvValue
cy_fn_id(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (!cy_fn_is_entity(args))
		rvi_cy_argument_error(call, 0, args);
	return rvi_cy_int(args->u.id);
}

static RvValue
cy_fn_labels(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	const int32 *labels;
	int			nlabels;
	RvValue		list;

	if (args->type != RV_VAL_NODE)
		rvi_cy_argument_error(call, 0, args);
	labels = rv_graph_labelset(exec->graph, cy_fn_entity(exec, call, args, false)->node.lset,
							   &nlabels);
	list = rvi_cy_list_make(nlabels);
	for (int i = 0; i < nlabels; i++)
		list.u.items[i] = rvi_cy_cstring(rv_graph_token_name(exec->graph, RV_TOKEN_LABEL,
															 labels[i]));
	return list;
}

static RvValue
cy_fn_type(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (args->type != RV_VAL_EDGE)
		rvi_cy_argument_error(call, 0, args);
	return rvi_cy_cstring(rv_graph_token_name(exec->graph, RV_TOKEN_RELTYPE,
											  cy_fn_entity(exec, call, args, false)->edge.type));
}

static RvValue
cy_fn_properties(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	const CyEntity *entity;

	if (args->type == RV_VAL_MAP)
		return *args;
	if (!cy_fn_is_entity(args))
		rvi_cy_argument_error(call, 0, args);
	entity = cy_fn_entity(exec, call, args, true);
	return rvi_cy_properties(exec, args->type == RV_VAL_NODE ?
							 entity->node.props : entity->edge.props);
}

static RvValue
cy_fn_keys(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	RvValue		map = cy_fn_properties(exec, call, args);
	RvValue		list = rvi_cy_list_make(map.len);

	for (uint32 i = 0; i < map.len; i++)
		list.u.items[i] = map.u.entries[i].key;
	return list;
}

static RvValue
cy_fn_start_node(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (args->type != RV_VAL_EDGE)
		rvi_cy_argument_error(call, 0, args);
	return (RvValue) {.type = RV_VAL_NODE,
		.u.id = cy_fn_entity(exec, call, args, false)->edge.src};
}

static RvValue
cy_fn_end_node(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (args->type != RV_VAL_EDGE)
		rvi_cy_argument_error(call, 0, args);
	return (RvValue) {.type = RV_VAL_NODE,
		.u.id = cy_fn_entity(exec, call, args, false)->edge.dst};
}

/* Nodes of a path are its items 0, 2, ..; relationships 1, 3, .. */
static RvValue
cy_fn_path_items(const CyFunction *call, const RvValue *path, int first, uint32 n)
{
	RvValue		list;

	if (path->type != RV_VAL_PATH)
		rvi_cy_argument_error(call, 0, path);
	list = rvi_cy_list_make(n);
	for (uint32 i = 0; i < n; i++)
		list.u.items[i] = path->u.items[2 * i + first];
	return list;
}

static RvValue
cy_fn_nodes(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return cy_fn_path_items(call, args, 0, args->len + 1);
}

static RvValue
cy_fn_relationships(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return cy_fn_path_items(call, args, 1, args->len);
}

static RvValue
cy_fn_length(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (args->type != RV_VAL_PATH)
		rvi_cy_argument_error(call, 0, args);
	return rvi_cy_int(args->len);
}

const CyFunctionInfo rvi_cy_graph_functions[] = {
	{"id", 1, 1, CY_T_ENTITY, CY_T_INT, true, cy_fn_id},
	{"labels", 1, 1, CY_T_NODE, CY_T_LIST, true, cy_fn_labels},
	{"type", 1, 1, CY_T_EDGE, CY_T_STRING, true, cy_fn_type},
	{"properties", 1, 1, CY_T_ENTITY | CY_T_MAP, CY_T_MAP, true, cy_fn_properties},
	{"keys", 1, 1, CY_T_ENTITY | CY_T_MAP, CY_T_LIST, true, cy_fn_keys},
	{"startnode", 1, 1, CY_T_EDGE, CY_T_NODE, true, cy_fn_start_node},
	{"endnode", 1, 1, CY_T_EDGE, CY_T_NODE, true, cy_fn_end_node},
	{"nodes", 1, 1, CY_T_PATH, CY_T_LIST, true, cy_fn_nodes},
	{"relationships", 1, 1, CY_T_PATH, CY_T_LIST, true, cy_fn_relationships},
	{"rels", 1, 1, CY_T_PATH, CY_T_LIST, true, cy_fn_relationships},
	{"length", 1, 1, CY_T_PATH, CY_T_INT, true, cy_fn_length},
	{NULL}
};
