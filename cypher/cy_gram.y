%code top {
/*-------------------------------------------------------------------------
 *
 * cy_gram.y
 *	  Grammar of openCypher 9 (M23), LALR(1), no conflicts.
 *
 * It covers the whole language; what the executor cannot do yet is refused by
 * the semantic pass. Where one token of look-ahead is not enough, cy_lex.c
 * has already decided: PATTERN_LPAREN and REL_DASH/REL_LT open a pattern and
 * a relationship inside an expression or a clause, LCOMP_LBRACK and
 * PCOMP_LBRACK open comprehensions, QUANTIFIER, REDUCE and SHORTEST_PATH are
 * names followed by the right parenthesis. Names that are not reserved never
 * arrive as keywords.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cypher/cy_int.h"
#include "cypher/cy_parse.h"
}

%code requires {
#include "cypher/cy_parse.h"
}

%code {
#define YYMALLOC palloc
#define YYFREE pfree

#define YYLLOC_DEFAULT(Current, Rhs, N) \
	do { \
		if (N) \
		{ \
			(Current).start = YYRHSLOC(Rhs, 1).start; \
			(Current).end = YYRHSLOC(Rhs, N).end; \
		} \
		else \
			(Current).start = (Current).end = YYRHSLOC(Rhs, 0).end; \
	} while (0)

static void rvi_cy_gram_error(CyLoc *loc, CyScanState *state, const char *message);

/* a new node with the location of the rule's text */
#define NEW(type, tag_, ...) \
	CY_NODE(memcpy(palloc(sizeof(type)), \
				   &(type) {.node = {(tag_), yyloc}, __VA_ARGS__}, sizeof(type)))
#define VAR(name, loc) rvi_cy_parse_variable(name, loc)
}

%define api.pure full
%define api.prefix {rvi_cy_gram_}
%define api.value.type {CyTokenValue}
%define api.location.type {CyLoc}
%define parse.error custom
%locations
%parse-param {CyScanState *state}
%lex-param {CyScanState *state}
%expect 0

%token <name> IDENT PARAM
%token <literal> INTEGER FLOAT STRING
%token NOT_EQUAL LESS_EQUAL GREATER_EQUAL PLUS_EQUAL REGEX_MATCH DOT_DOT

/* made by the look-ahead filter */
%token PATTERN_LPAREN REL_DASH REL_LT LCOMP_LBRACK PCOMP_LBRACK
%token <op> QUANTIFIER SHORTEST_PATH
%token REDUCE

/* reserved words; their text is their value, so that they can name labels, types and keys */
%token <name> ALL AND AS ASC ASCENDING BY CALL CASE CONTAINS CREATE DELETE DESC DESCENDING DETACH
%token <name> DISTINCT ELSE END ENDS EXISTS FALSE FOREACH IN IS LIMIT MATCH MERGE NOT NULL_ ON
%token <name> OPTIONAL OR ORDER REMOVE RETURN SET SKIP STARTS THEN TRUE UNION UNWIND WHEN WHERE
%token <name> WITH XOR YIELD

%type <node> query single_query clause
%type <node> match unwind with return projection create merge set remove delete call foreach
%type <node> item sort_item skip limit where yield_item merge_action set_item remove_item
%type <node> path anonymous_path node_pattern rel_pattern rel_detail node_body properties
%type <node> expr or_expr xor_expr and_expr not_expr comparison predicate sum product power
%type <node> unary postfix atom case_expr exists_expr literal
%type <node> pattern_expr
%type <list> clauses patterns items item_list order sort_items yield_items yield_item_list
%type <list> merge_actions set_items
%type <list> remove_items expr_list expr_list_opt path_chain expr_chain labels labels_opt
%type <list> types types_opt whens map_entries map_entry_list projection_entries
%type <name> symbolic_name schema_name reserved procedure_name
%type <flag> optional_all distinct detach
%type <op> compare_op

%%

start:
	query							{ state->result = (CyQuery *) $1; }
	| query ';'						{ state->result = (CyQuery *) $1; }
	;

query:
	single_query
		{ $$ = NEW(CyQuery, CY_QUERY, .parts = list_make1($1)); }
	| query UNION optional_all single_query
		{
			CyQuery    *n = (CyQuery *) $1;

			n->parts = lappend(n->parts, $4);
			n->union_all = lappend_int(n->union_all, $3);
			n->node.loc.end = @4.end;
			$$ = $1;
		}
	;

optional_all:
	/* empty */						{ $$ = false; }
	| ALL							{ $$ = true; }
	;

single_query:
	clauses
		{ $$ = NEW(CySingleQuery, CY_SINGLE_QUERY, .clauses = $1); }
	;

clauses:
	clause							{ $$ = list_make1($1); }
	| clauses clause				{ $$ = lappend($1, $2); }
	;

clause:
	match | unwind | with | return | create | merge | set | remove | delete | call | foreach
	;

/* ---- reading clauses ---- */

match:
	MATCH patterns where
		{ $$ = NEW(CyMatch, CY_MATCH, .patterns = $2, .where = $3); }
	| OPTIONAL MATCH patterns where
		{ $$ = NEW(CyMatch, CY_MATCH, .optional = true, .patterns = $3, .where = $4); }
	;

where:
	/* empty */						{ $$ = NULL; }
	| WHERE expr					{ $$ = $2; }
	;

unwind:
	UNWIND expr AS symbolic_name
		{ $$ = NEW(CyUnwind, CY_UNWIND, .list = $2, .variable = VAR($4, @4)); }
	;

call:
	CALL procedure_name
		{ $$ = NEW(CyCall, CY_CALL, .procedure = $2, .implicit_args = true); }
	| CALL procedure_name YIELD yield_items where
		{
			$$ = NEW(CyCall, CY_CALL, .procedure = $2, .implicit_args = true, .yield = $4,
					 .yield_star = $4 == NIL, .where = $5);
		}
	| CALL procedure_name '(' expr_list_opt ')'
		{ $$ = NEW(CyCall, CY_CALL, .procedure = $2, .args = $4); }
	| CALL procedure_name '(' expr_list_opt ')' YIELD yield_items where
		{
			$$ = NEW(CyCall, CY_CALL, .procedure = $2, .args = $4, .yield = $7,
					 .yield_star = $7 == NIL, .where = $8);
		}
	| CALL '{' query '}'
		{ $$ = NEW(CySubquery, CY_SUBQUERY, .query = (CyQuery *) $3); }
	;

procedure_name:
	schema_name						{ $$ = $1; }
	| procedure_name '.' schema_name	{ $$ = psprintf("%s.%s", $1, $3); }
	;

yield_items:
	'*'								{ $$ = NIL; }
	| yield_item_list				{ $$ = $1; }
	;

yield_item_list:
	yield_item						{ $$ = list_make1($1); }
	| yield_item_list ',' yield_item	{ $$ = lappend($1, $3); }
	;

yield_item:
	symbolic_name
		{ $$ = NEW(CyItem, CY_ITEM, .expr = CY_NODE(VAR($1, @1)), .name = $1); }
	| symbolic_name AS symbolic_name
		{ $$ = NEW(CyItem, CY_ITEM, .expr = CY_NODE(VAR($1, @1)), .name = $3, .aliased = true); }
	;

/* ---- projections ---- */

with:
	WITH projection where
		{
			CyProjection *n = (CyProjection *) $2;

			n->where = $3;
			n->node.loc = @$;
			$$ = $2;
		}
	;

return:
	RETURN projection
		{
			CyProjection *n = (CyProjection *) $2;

			n->is_return = true;
			n->node.loc = @$;
			$$ = $2;
		}
	;

projection:
	distinct items order skip limit
		{
			bool		star = linitial($2) == NULL;

			$$ = NEW(CyProjection, CY_PROJECTION, .distinct = $1, .star = star,
					 .items = star ? list_delete_first($2) : $2, .order = $3, .skip = $4,
					 .limit = $5);
		}
	;

distinct:
	/* empty */						{ $$ = false; }
	| DISTINCT						{ $$ = true; }
	;

/* a leading NULL stands for the star */
items:
	'*'								{ $$ = list_make1(NULL); }
	| '*' ',' item_list				{ $$ = lcons(NULL, $3); }
	| item_list						{ $$ = $1; }
	;

item_list:
	item							{ $$ = list_make1($1); }
	| item_list ',' item			{ $$ = lappend($1, $3); }
	;

item:
	expr
		{
			$$ = NEW(CyItem, CY_ITEM, .expr = $1, .name = $1->tag == CY_VARIABLE ?
					 ((CyVariable *) $1)->name :
					 pnstrdup(state->text + @1.start, @1.end - @1.start));
		}
	| expr AS symbolic_name
		{ $$ = NEW(CyItem, CY_ITEM, .expr = $1, .name = $3, .aliased = true); }
	;

order:
	/* empty */						{ $$ = NIL; }
	| ORDER BY sort_items			{ $$ = $3; }
	;

sort_items:
	sort_item						{ $$ = list_make1($1); }
	| sort_items ',' sort_item		{ $$ = lappend($1, $3); }
	;

sort_item:
	expr
		{ $$ = NEW(CySortKey, CY_SORT_KEY, .expr = $1); }
	| expr ascending
		{ $$ = NEW(CySortKey, CY_SORT_KEY, .expr = $1); }
	| expr descending
		{ $$ = NEW(CySortKey, CY_SORT_KEY, .expr = $1, .descending = true); }
	;

ascending: ASC | ASCENDING ;
descending: DESC | DESCENDING ;

skip:
	/* empty */						{ $$ = NULL; }
	| SKIP expr						{ $$ = $2; }
	;

limit:
	/* empty */						{ $$ = NULL; }
	| LIMIT expr					{ $$ = $2; }
	;

/* ---- writing clauses ---- */

create:
	CREATE patterns
		{ $$ = NEW(CyCreate, CY_CREATE, .patterns = $2); }
	;

merge:
	MERGE path merge_actions
		{ $$ = NEW(CyMerge, CY_MERGE, .pattern = (CyPathPattern *) $2, .actions = $3); }
	;

merge_actions:
	/* empty */						{ $$ = NIL; }
	| merge_actions merge_action	{ $$ = lappend($1, $2); }
	;

merge_action:
	ON CREATE SET set_items
		{ $$ = NEW(CyMergeAction, CY_MERGE_ACTION, .on_create = true, .items = $4); }
	| ON MATCH SET set_items
		{ $$ = NEW(CyMergeAction, CY_MERGE_ACTION, .items = $4); }
	;

set:
	SET set_items
		{ $$ = NEW(CySet, CY_SET, .items = $2); }
	;

set_items:
	set_item						{ $$ = list_make1($1); }
	| set_items ',' set_item		{ $$ = lappend($1, $3); }
	;

set_item:
	postfix '=' expr				{ $$ = rvi_cy_parse_set_item($1, '=', $3, @$); }
	| postfix PLUS_EQUAL expr		{ $$ = rvi_cy_parse_set_item($1, PLUS_EQUAL, $3, @$); }
	| postfix						{ $$ = rvi_cy_parse_set_item($1, 0, NULL, @$); }
	;

remove:
	REMOVE remove_items
		{ $$ = NEW(CyRemove, CY_REMOVE, .items = $2); }
	;

remove_items:
	remove_item						{ $$ = list_make1($1); }
	| remove_items ',' remove_item	{ $$ = lappend($1, $3); }
	;

remove_item:
	postfix							{ $$ = rvi_cy_parse_remove_item($1); }
	;

delete:
	detach DELETE expr_list
		{ $$ = NEW(CyDelete, CY_DELETE, .detach = $1, .exprs = $3); }
	;

detach:
	/* empty */						{ $$ = false; }
	| DETACH						{ $$ = true; }
	;

foreach:
	FOREACH '(' symbolic_name IN expr '|' clauses ')'
		{ $$ = NEW(CyForeach, CY_FOREACH, .variable = VAR($3, @3), .list = $5, .clauses = $7); }
	;

/* ---- patterns ---- */

patterns:
	path							{ $$ = list_make1($1); }
	| patterns ',' path				{ $$ = lappend($1, $3); }
	;

path:
	anonymous_path					{ $$ = $1; }
	| symbolic_name '=' anonymous_path
		{
			CyPathPattern *n = (CyPathPattern *) $3;

			n->variable = VAR($1, @1);
			n->node.loc.start = @1.start;
			$$ = $3;
		}
	;

anonymous_path:
	path_chain
		{ $$ = NEW(CyPathPattern, CY_PATH_PATTERN, .elements = $1); }
	| '(' anonymous_path ')'		{ $$ = $2; }
	| SHORTEST_PATH '(' anonymous_path ')'
		{
			CyPathPattern *n = (CyPathPattern *) $3;

			n->kind = $1;
			n->node.loc = @$;
			$$ = $3;
		}
	;

/* in clauses a path may be a single node; in expressions it has a relationship */
path_chain:
	node_pattern					{ $$ = list_make1($1); }
	| path_chain rel_pattern node_pattern	{ $$ = lappend(lappend($1, $2), $3); }
	;

expr_chain:
	PATTERN_LPAREN node_body ')' rel_pattern node_pattern
		{
			$2->loc.start = @1.start;
			$2->loc.end = @3.end;
			$$ = list_make3($2, $4, $5);
		}
	| expr_chain rel_pattern node_pattern	{ $$ = lappend(lappend($1, $2), $3); }
	;

node_pattern:
	'(' node_body ')'				{ $$ = $2; $$->loc = @$; }
	| PATTERN_LPAREN node_body ')'	{ $$ = $2; $$->loc = @$; }
	;

node_body:
	labels_opt properties
		{ $$ = NEW(CyNodePattern, CY_NODE_PATTERN, .labels = $1, .properties = $2); }
	| symbolic_name labels_opt properties
		{
			$$ = NEW(CyNodePattern, CY_NODE_PATTERN, .variable = VAR($1, @1), .labels = $2,
					 .properties = $3);
		}
	;

labels_opt:
	/* empty */						{ $$ = NIL; }
	| labels						{ $$ = $1; }
	;

labels:
	':' schema_name					{ $$ = list_make1((void *) $2); }
	| labels ':' schema_name		{ $$ = lappend($1, (void *) $3); }
	;

properties:
	/* empty */						{ $$ = NULL; }
	| '{' map_entries '}'			{ $$ = rvi_cy_parse_map($2, @$); }
	| PARAM
		{ $$ = NEW(CyParam, CY_PARAM, .name = $1); }
	;

rel_pattern:
	REL_LT '-' rel_detail '-'		{ $$ = rvi_cy_parse_direction($3, RV_DIR_IN, @$); }
	| REL_LT '-' rel_detail '-' '>'	{ $$ = rvi_cy_parse_direction($3, RV_DIR_BOTH, @$); }
	| REL_DASH rel_detail '-' '>'	{ $$ = rvi_cy_parse_direction($2, RV_DIR_OUT, @$); }
	| REL_DASH rel_detail '-'		{ $$ = rvi_cy_parse_direction($2, RV_DIR_BOTH, @$); }
	;

rel_detail:
	/* empty */
		{ $$ = NEW(CyRelPattern, CY_REL_PATTERN, .min_hops = -1, .max_hops = -1); }
	| '[' rel_name types_opt rel_range properties ']'
		{
			CyRelPattern *n = (CyRelPattern *) $<node>4;

			n->variable = (CyVariable *) $<node>2;
			n->types = $3;
			n->properties = $5;
			$$ = CY_NODE(n);
		}
	;

rel_name:
	/* empty */						{ $<node>$ = NULL; }
	| symbolic_name					{ $<node>$ = CY_NODE(VAR($1, @1)); }
	;

types_opt:
	/* empty */						{ $$ = NIL; }
	| types							{ $$ = $1; }
	;

types:
	':' schema_name					{ $$ = list_make1((void *) $2); }
	| types '|' schema_name			{ $$ = lappend($1, (void *) $3); }
	| types '|' ':' schema_name		{ $$ = lappend($1, (void *) $4); }
	;

rel_range:
	/* empty */
		{ $<node>$ = NEW(CyRelPattern, CY_REL_PATTERN, .min_hops = -1, .max_hops = -1); }
	| '*' range_bound
		{
			$<node>$ = NEW(CyRelPattern, CY_REL_PATTERN, .var_length = true,
					 .min_hops = $<integer>2, .max_hops = $<integer>2);
		}
	| '*' range_bound DOT_DOT range_bound
		{
			$<node>$ = NEW(CyRelPattern, CY_REL_PATTERN, .var_length = true,
					 .min_hops = $<integer>2, .max_hops = $<integer>4);
		}
	;

range_bound:
	/* empty */						{ $<integer>$ = -1; }
	| INTEGER						{ $<integer>$ = rvi_cy_parse_hops($1); }
	;

/* ---- expressions, loosest first ---- */

expr: or_expr ;

or_expr:
	xor_expr
	| or_expr OR xor_expr			{ $$ = rvi_cy_parse_binary(CY_OP_OR, $1, $3, @$); }
	;

xor_expr:
	and_expr
	| xor_expr XOR and_expr			{ $$ = rvi_cy_parse_binary(CY_OP_XOR, $1, $3, @$); }
	;

and_expr:
	not_expr
	| and_expr AND not_expr			{ $$ = rvi_cy_parse_binary(CY_OP_AND, $1, $3, @$); }
	;

not_expr:
	comparison
	| NOT not_expr					{ $$ = rvi_cy_parse_unary(CY_OP_NOT, $2, @$); }
	;

comparison:
	predicate
	| comparison compare_op predicate	{ $$ = rvi_cy_parse_compare($1, $2, $3, @$); }
	;

compare_op:
	'='								{ $$ = CY_OP_EQ; }
	| NOT_EQUAL						{ $$ = CY_OP_NE; }
	| '<'							{ $$ = CY_OP_LT; }
	| LESS_EQUAL					{ $$ = CY_OP_LE; }
	| '>'							{ $$ = CY_OP_GT; }
	| GREATER_EQUAL					{ $$ = CY_OP_GE; }
	;

predicate:
	sum
	| predicate STARTS WITH sum		{ $$ = rvi_cy_parse_binary(CY_OP_STARTS_WITH, $1, $4, @$); }
	| predicate ENDS WITH sum		{ $$ = rvi_cy_parse_binary(CY_OP_ENDS_WITH, $1, $4, @$); }
	| predicate CONTAINS sum		{ $$ = rvi_cy_parse_binary(CY_OP_CONTAINS, $1, $3, @$); }
	| predicate REGEX_MATCH sum		{ $$ = rvi_cy_parse_binary(CY_OP_REGEX, $1, $3, @$); }
	| predicate IN sum				{ $$ = rvi_cy_parse_binary(CY_OP_IN, $1, $3, @$); }
	| predicate IS NULL_			{ $$ = rvi_cy_parse_unary(CY_OP_IS_NULL, $1, @$); }
	| predicate IS NOT NULL_		{ $$ = rvi_cy_parse_unary(CY_OP_IS_NOT_NULL, $1, @$); }
	;

sum:
	product
	| sum '+' product				{ $$ = rvi_cy_parse_binary(CY_OP_ADD, $1, $3, @$); }
	| sum '-' product				{ $$ = rvi_cy_parse_binary(CY_OP_SUB, $1, $3, @$); }
	;

product:
	power
	| product '*' power				{ $$ = rvi_cy_parse_binary(CY_OP_MUL, $1, $3, @$); }
	| product '/' power				{ $$ = rvi_cy_parse_binary(CY_OP_DIV, $1, $3, @$); }
	| product '%' power				{ $$ = rvi_cy_parse_binary(CY_OP_MOD, $1, $3, @$); }
	;

power:
	unary
	| power '^' unary				{ $$ = rvi_cy_parse_binary(CY_OP_POW, $1, $3, @$); }
	;

unary:
	postfix
	| '+' unary						{ $$ = rvi_cy_parse_unary(CY_OP_PLUS, $2, @$); }
	| '-' unary						{ $$ = rvi_cy_parse_unary(CY_OP_MINUS, $2, @$); }
	;

postfix:
	atom
	| postfix '.' schema_name
		{ $$ = NEW(CyProperty, CY_PROPERTY, .object = $1, .key = $3); }
	| postfix '.' schema_name '(' distinct expr_list_opt ')'
		{
			$$ = rvi_cy_parse_call(NEW(CyProperty, CY_PROPERTY, .object = $1, .key = $3),
								   $5, $6, @$);
		}
	| postfix '[' expr ']'
		{ $$ = NEW(CyIndex, CY_INDEX, .object = $1, .index = $3); }
	| postfix '[' slice_bound DOT_DOT slice_bound ']'
		{ $$ = NEW(CySlice, CY_SLICE, .object = $1, .from = $<node>3, .to = $<node>5); }
	| postfix ':' schema_name		{ $$ = rvi_cy_parse_label($1, $3, @1, @$); }
	;

slice_bound:
	/* empty */						{ $<node>$ = NULL; }
	| expr							{ $<node>$ = $1; }
	;

atom:
	literal
	| PARAM
		{ $$ = NEW(CyParam, CY_PARAM, .name = $1); }
	| symbolic_name					{ $$ = CY_NODE(VAR($1, @1)); }
	| symbolic_name '(' distinct expr_list_opt ')'
		{ $$ = rvi_cy_parse_call(CY_NODE(VAR($1, @1)), $3, $4, @$); }
	| symbolic_name '(' '*' ')'
		{
			$$ = rvi_cy_parse_call(CY_NODE(VAR($1, @1)), false, NIL, @$);
			((CyFunction *) $$)->star = true;
		}
	| symbolic_name '{' projection_entries '}'
		{ $$ = rvi_cy_parse_map_projection(VAR($1, @1), $3, @$); }
	| '(' expr ')'					{ $$ = $2; }
	| case_expr
	| exists_expr
	| pattern_expr
	| QUANTIFIER '(' symbolic_name IN expr where ')'
		{
			$$ = NEW(CyQuantifier, CY_QUANTIFIER, .kind = $1, .variable = VAR($3, @3),
					 .list = $5, .filter = $6);
		}
	| REDUCE '(' symbolic_name '=' expr ',' symbolic_name IN expr '|' expr ')'
		{
			$$ = NEW(CyReduce, CY_REDUCE, .accumulator = VAR($3, @3), .initial = $5,
					 .variable = VAR($7, @7), .list = $9, .result = $11);
		}
	| LCOMP_LBRACK symbolic_name IN expr where ']'
		{ $$ = NEW(CyListComp, CY_LIST_COMP, .variable = VAR($2, @2), .list = $4, .filter = $5); }
	| LCOMP_LBRACK symbolic_name IN expr where '|' expr ']'
		{
			$$ = NEW(CyListComp, CY_LIST_COMP, .variable = VAR($2, @2), .list = $4,
					 .filter = $5, .result = $7);
		}
	| PCOMP_LBRACK symbolic_name '=' pattern_expr where '|' expr ']'
		{ $$ = rvi_cy_parse_pattern_comp(VAR($2, @2), $4, $5, $7, @$); }
	| PCOMP_LBRACK pattern_expr where '|' expr ']'
		{ $$ = rvi_cy_parse_pattern_comp(NULL, $2, $3, $5, @$); }
	;

literal:
	INTEGER							{ $$ = CY_NODE($1); }
	| FLOAT							{ $$ = CY_NODE($1); }
	| STRING						{ $$ = CY_NODE($1); }
	| TRUE							{ $$ = rvi_cy_parse_boolean(true, @$); }
	| FALSE							{ $$ = rvi_cy_parse_boolean(false, @$); }
	| NULL_							{ $$ = NEW(CyLiteral, CY_LITERAL, .value = {0}); }
	| '[' expr_list_opt ']'
		{ $$ = NEW(CyListExpr, CY_LIST, .items = $2); }
	| '{' map_entries '}'			{ $$ = rvi_cy_parse_map($2, @$); }
	;

pattern_expr:
	expr_chain						{ $$ = rvi_cy_parse_pattern($1, @$); }
	| SHORTEST_PATH '(' anonymous_path ')'
		{
			((CyPathPattern *) $3)->kind = $1;
			$$ = NEW(CyPatternExpr, CY_PATTERN_EXPR, .pattern = (CyPathPattern *) $3);
		}
	;

exists_expr:
	EXISTS '{' query '}'
		{ $$ = NEW(CyExists, CY_EXISTS, .query = (CyQuery *) $3); }
	| EXISTS '{' patterns where '}'
		{ $$ = NEW(CyExists, CY_EXISTS, .patterns = $3, .filter = $4); }
	| EXISTS '(' expr ')'
		{ $$ = rvi_cy_parse_call(CY_NODE(VAR($1, @1)), false, list_make1($3), @$); }
	;

case_expr:
	CASE case_test whens case_else END
		{ $$ = rvi_cy_parse_case($<node>2, $3, $<node>4, @$); }
	;

case_test:
	/* empty */						{ $<node>$ = NULL; }
	| expr							{ $<node>$ = $1; }
	;

case_else:
	/* empty */						{ $<node>$ = NULL; }
	| ELSE expr						{ $<node>$ = $2; }
	;

/* condition and result alternate */
whens:
	WHEN expr THEN expr				{ $$ = list_make2($2, $4); }
	| whens WHEN expr THEN expr		{ $$ = lappend(lappend($1, $3), $5); }
	;

expr_list_opt:
	/* empty */						{ $$ = NIL; }
	| expr_list						{ $$ = $1; }
	;

expr_list:
	expr							{ $$ = list_make1($1); }
	| expr_list ',' expr			{ $$ = lappend($1, $3); }
	;

map_entries:
	/* empty */						{ $$ = NIL; }
	| map_entry_list				{ $$ = $1; }
	;

map_entry_list:
	schema_name ':' expr			{ $$ = list_make1(rvi_cy_parse_map_item($1, $3)); }
	| map_entry_list ',' schema_name ':' expr
		{ $$ = lappend($1, rvi_cy_parse_map_item($3, $5)); }
	;

projection_entries:
	/* empty */						{ $$ = NIL; }
	| projection_entry				{ $$ = list_make1($<node>1); }
	| projection_entries ',' projection_entry	{ $$ = lappend($1, $<node>3); }
	;

projection_entry:
	schema_name ':' expr			{ $<node>$ = (CyNode *) rvi_cy_parse_map_item($1, $3); }
	| '.' schema_name				{ $<node>$ = (CyNode *) rvi_cy_parse_map_item($2, NULL); }
	| '.' '*'						{ $<node>$ = (CyNode *) rvi_cy_parse_map_item(NULL, NULL); }
	| symbolic_name
		{
			$<node>$ = (CyNode *) rvi_cy_parse_map_item($1, CY_NODE(VAR($1, @1)));
		}
	;

/* ---- names ---- */

symbolic_name: IDENT ;

schema_name: symbolic_name | reserved ;

reserved:
	ALL | AND | AS | ASC | ASCENDING | BY | CALL | CASE | CONTAINS | CREATE | DELETE | DESC
	| DESCENDING | DETACH | DISTINCT | ELSE | END | ENDS | EXISTS | FALSE | FOREACH | IN | IS
	| LIMIT | MATCH | MERGE | NOT | NULL_ | ON | OPTIONAL | OR | ORDER | REMOVE | RETURN | SET
	| SKIP | STARTS | THEN | TRUE | UNION | UNWIND | WHEN | WHERE | WITH | XOR | YIELD
	;

%%

/* Called for any syntax error with the look-ahead token already read. */
static int
yyreport_syntax_error(const yypcontext_t *context, CyScanState *state)
{
	CyLoc	   *loc = yypcontext_location(context);

	state->loc = *loc;
	rvi_cy_parse_syntax_error(state);
}

/* Called when the parser's stack is exhausted. */
static void
rvi_cy_gram_error(CyLoc *loc, CyScanState *state, const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("the query is nested too deeply"),
			 rvi_cy_errposition(loc->start)));
}
