/*-------------------------------------------------------------------------
 *
 * cy_parse.h
 *	  What the scanner, the look-ahead filter and the grammar share.
 *
 * Only cy_scan.l, cy_gram.y and cy_parse.c include this. Everything is
 * palloc'd in the context the parser is called in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_PARSE_H
#define CY_PARSE_H

#include "cypher/cy_ast.h"

/* Semantic value of a token or of a grammar symbol. */
typedef union CyTokenValue
{
	const char *name;
	CyLiteral  *literal;
	CyNode	   *node;
	List	   *list;
	int64		integer;
	int			op;
	bool		flag;
} CyTokenValue;

typedef struct CyToken
{
	int			kind;
	CyLoc		loc;
	int			match;			/* index of the bracket that pairs with this one, or -1 */
	CyTokenValue value;
} CyToken;

/* State of one pass over a text: the scanner's position, then the grammar's. */
typedef struct CyScanState
{
	const char *text;
	int			length;
	CyLoc		loc;			/* of the token being scanned */
	int			next;			/* where the next token begins */
	CyToken    *tokens;
	int64		ntokens;
	int64		maxtokens;
	int64		pos;			/* next token the grammar reads */
	CyQuery    *result;
} CyScanState;

typedef void (*CyTokenSink) (CyScanState *state, int token, const CyTokenValue *value);

/* cy_scan.l */
extern void rvi_cy_scan_all(CyScanState *state, CyTokenSink add);

/* cy_lex.c: what the scanner's actions call */
extern int	rvi_cy_scan_keyword(const char *text, int length);
extern int	rvi_cy_scan_name_length(CyScanState *state, const char *text, int length);
extern bool rvi_cy_scan_is_space(const char *text, int length);
extern const char *rvi_cy_scan_quoted_name(const char *text, int length);
extern CyLiteral *rvi_cy_scan_integer(CyScanState *state, const char *text, int length, int base);
extern CyLiteral *rvi_cy_scan_real(CyScanState *state, const char *text, int length);
extern CyLiteral *rvi_cy_scan_string(CyScanState *state, const char *text, int length);
extern void rvi_cy_scan_error(CyScanState *state, const char *detail, const char *message)
			pg_attribute_noreturn();

extern void rvi_cy_lex(CyScanState *state);
extern bool rvi_cy_lex_in_relationship(const CyScanState *state);

/* cy_gram.y */
extern int	rvi_cy_gram_parse(CyScanState *state);
extern int	rvi_cy_gram_lex(CyTokenValue *value, CyLoc *loc, CyScanState *state);

/* cy_parse.c */
extern void rvi_cy_parse_syntax_error(CyScanState *state) pg_attribute_noreturn();

/* cy_build.c: what the grammar's actions call where a plain node is not enough */

/* An entry of a map literal or projection while it is being parsed. */
typedef struct CyMapItem
{
	const char *key;			/* NULL: .* */
	CyNode	   *value;			/* NULL: .key */
} CyMapItem;

extern CyVariable *rvi_cy_parse_variable(const char *name, CyLoc loc);
extern CyNode *rvi_cy_parse_boolean(bool value, CyLoc loc);
extern CyNode *rvi_cy_parse_unary(CyOp op, CyNode *arg, CyLoc loc);
extern CyNode *rvi_cy_parse_binary(CyOp op, CyNode *left, CyNode *right, CyLoc loc);
extern CyNode *rvi_cy_parse_compare(CyNode *left, CyOp op, CyNode *right, CyLoc loc);
extern CyNode *rvi_cy_parse_label(CyNode *object, const char *label, CyLoc object_loc, CyLoc loc);
extern CyNode *rvi_cy_parse_call(CyNode *name, bool distinct, List *args, CyLoc loc);
extern CyNode *rvi_cy_parse_case(CyNode *test, List *alternatives, CyNode *otherwise, CyLoc loc);
extern CyNode *rvi_cy_parse_map(List *entries, CyLoc loc);
extern CyNode *rvi_cy_parse_map_projection(CyVariable *variable, List *entries, CyLoc loc);
extern CyMapItem *rvi_cy_parse_map_item(const char *key, CyNode *value);
extern CyNode *rvi_cy_parse_pattern(List *elements, CyLoc loc);
extern CyNode *rvi_cy_parse_pattern_comp(CyVariable *variable, CyNode *pattern, CyNode *filter,
										 CyNode *result, CyLoc loc);
extern CyNode *rvi_cy_parse_direction(CyNode *rel, RvDirection direction, CyLoc loc);
extern int64 rvi_cy_parse_hops(CyLiteral *literal);
extern CyNode *rvi_cy_parse_set_item(CyNode *target, int op, CyNode *value, CyLoc loc);
extern CyNode *rvi_cy_parse_remove_item(CyNode *target);

#endif							/* CY_PARSE_H */
