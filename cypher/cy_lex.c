/*-------------------------------------------------------------------------
 *
 * cy_lex.c
 *	  Literals and names for the scanner, and the token stream of the grammar.
 *
 * The scanner's tokens are collected into an array, brackets are paired in
 * one pass, and the filter (cy_lex_filter) rewrites those tokens on which
 * LALR(1) needs more than one token of look-ahead. With the brackets paired
 * every decision looks at a bounded neighbourhood, so that the whole is
 * linear in the query's length.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cypher/cy_int.h"
#include "cypher/cy_gram.h"
#include "cypher/cy_parse.h"

/* Reserved words in the order of their text. */
static const struct
{
	const char *text;
	int			token;
}			cy_lex_keywords[] = {
	{"all", ALL}, {"and", AND}, {"as", AS}, {"asc", ASC}, {"ascending", ASCENDING}, {"by", BY},
	{"call", CALL}, {"case", CASE}, {"contains", CONTAINS}, {"create", CREATE},
	{"delete", DELETE}, {"desc", DESC}, {"descending", DESCENDING}, {"detach", DETACH},
	{"distinct", DISTINCT}, {"else", ELSE}, {"end", END}, {"ends", ENDS}, {"exists", EXISTS},
	{"false", FALSE}, {"foreach", FOREACH}, {"in", IN}, {"is", IS}, {"limit", LIMIT},
	{"match", MATCH}, {"merge", MERGE}, {"not", NOT}, {"null", NULL_}, {"on", ON},
	{"optional", OPTIONAL}, {"or", OR}, {"order", ORDER}, {"remove", REMOVE},
	{"return", RETURN}, {"set", SET}, {"skip", SKIP}, {"starts", STARTS}, {"then", THEN},
	{"true", TRUE}, {"union", UNION}, {"unwind", UNWIND}, {"when", WHEN}, {"where", WHERE},
	{"with", WITH}, {"xor", XOR}, {"yield", YIELD}
};

#define CY_MAX_KEYWORD_LENGTH 10

/* Token of a reserved word, whatever its case; 0 for any other name. */
int
rvi_cy_scan_keyword(const char *text, int length)
{
	char		lower[CY_MAX_KEYWORD_LENGTH + 1];
	int			low = 0;
	int			high = lengthof(cy_lex_keywords) - 1;

	if (length > CY_MAX_KEYWORD_LENGTH)
		return 0;
	for (int i = 0; i < length; i++)
		lower[i] = pg_ascii_tolower((unsigned char) text[i]);
	lower[length] = '\0';
	while (low <= high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(lower, cy_lex_keywords[middle].text);

		if (order == 0)
			return cy_lex_keywords[middle].token;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return 0;
}

typedef enum CyCharClass
{
	CY_CHAR_NAME,
	CY_CHAR_SPACE,
	CY_CHAR_INVALID
} CyCharClass;

/*
 * Class of the character beyond ASCII at text. Unicode has several dashes,
 * quotes and spaces that editors put in: space separates, the others are
 * refused rather than taken for letters.
 */
static CyCharClass
cy_lex_char_class(const char *text, int length)
{
	pg_wchar	c;

	if (GetDatabaseEncoding() != PG_UTF8 || pg_utf_mblen((const unsigned char *) text) > length)
		return CY_CHAR_NAME;
	c = utf8_to_unicode((const unsigned char *) text);
	if (c == 0x85 || c == 0xA0 || c == 0x1680 || c == 0x180E || (c >= 0x2000 && c <= 0x200A) ||
		c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF)
		return CY_CHAR_SPACE;
	if (c < 0xA9 || (c >= 0xAB && c <= 0xB4) || (c >= 0xB6 && c <= 0xB9) ||
		(c >= 0xBB && c <= 0xBF) || c == 0xD7 || c == 0xF7)
		return CY_CHAR_INVALID;
	if (c == 0x200C || c == 0x200D || c == 0x203F || c == 0x2040)
		return CY_CHAR_NAME;
	if ((c >= 0x200B && c <= 0x206F) || (c >= 0x2190 && c <= 0x23FF) ||
		(c >= 0x3001 && c <= 0x3003) || c == 0xFE58 || c == 0xFE63 || c == 0xFF0D || c == 0xFFFD)
		return CY_CHAR_INVALID;
	return CY_CHAR_NAME;
}

/*
 * Length of the name at the start of text, of which at most `length` bytes
 * belong to it; of the white space there when it starts with one.
 */
int
rvi_cy_scan_name_length(CyScanState *state, const char *text, int length)
{
	int			i = 0;

	while (i < length)
	{
		int			n;

		if (!IS_HIGHBIT_SET(text[i]))
		{
			i++;
			continue;
		}
		n = Min(pg_mblen(text + i), length - i);
		switch (cy_lex_char_class(text + i, length - i))
		{
			case CY_CHAR_NAME:
				i += n;
				break;
			case CY_CHAR_SPACE:
				return i > 0 ? i : n;
			case CY_CHAR_INVALID:
				if (i > 0)
					return i;
				state->loc.end = state->loc.start + n;
				rvi_cy_scan_error(state, "InvalidUnicodeCharacter", "invalid character");
		}
	}
	return length;
}

bool
rvi_cy_scan_is_space(const char *text, int length)
{
	return cy_lex_char_class(text, length) == CY_CHAR_SPACE;
}

/* Raises a syntax error at the token being scanned. */
void
rvi_cy_scan_error(CyScanState *state, const char *detail, const char *message)
{
	int			length = Min(state->loc.end - state->loc.start, 40);

	/* a number in the place of a map key is no number */
	if (strcmp(detail, "InvalidNumberLiteral") == 0 && state->ntokens > 0 &&
		state->tokens[state->ntokens - 1].kind == '{')
		detail = "UnexpectedSyntax";
	length = pg_mbcliplen(state->text + state->loc.start, length, length);
	rvi_cy_error(CY_ERR_SYNTAX, detail, state->loc, "%s at or near \"%s\"", message,
				 pnstrdup(state->text + state->loc.start, length));
}

/* `name` with doubled backticks inside; text includes the outer ones. */
const char *
rvi_cy_scan_quoted_name(const char *text, int length)
{
	char	   *name = palloc(length);
	int			n = 0;

	for (int i = 1; i < length - 1; i++)
	{
		name[n++] = text[i];
		if (text[i] == '`')
			i++;
	}
	name[n] = '\0';
	return name;
}

static CyLiteral *
cy_lex_literal(CyScanState *state, RvValueType type)
{
	CyLiteral  *literal = cy_make(CyLiteral, CY_LITERAL, state->loc);

	literal->value.type = type;
	return literal;
}

/* Magnitudes up to 2^63 pass: the highest one is for unary minus to take. */
CyLiteral *
rvi_cy_scan_integer(CyScanState *state, const char *text, int length, int base)
{
	CyLiteral  *literal = cy_lex_literal(state, RV_VAL_INT);
	uint64		value = 0;

	for (int i = base == 10 ? 0 : 2; i < length; i++)
	{
		int			digit = text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10;

		if (value > (((uint64) 1 << 63) - digit) / base)
			rvi_cy_scan_error(state, "IntegerOverflow", "integer out of range");
		value = value * base + digit;
	}
	literal->int_min = value == (uint64) 1 << 63;
	literal->value.u.integer = (int64) value;
	return literal;
}

CyLiteral *
rvi_cy_scan_real(CyScanState *state, const char *text, int length)
{
	CyLiteral  *literal = cy_lex_literal(state, RV_VAL_FLOAT);

	literal->value.u.real = strtod(pnstrdup(text, length), NULL);
	if (isinf(literal->value.u.real))
		rvi_cy_scan_error(state, "FloatingPointOverflow", "floating-point number out of range");
	return literal;
}

/*
 * Appends the character that \u or \U at text[*i] names, and moves *i to its
 * last digit. Surrogates come in pairs of \u.
 */
static void
cy_lex_unicode_escape(CyScanState *state, const char *text, int length, int *i, StringInfo out)
{
	unsigned char buffer[MAX_UNICODE_EQUIVALENT_STRING + 1];
	uint32		first = 0;

	for (;;)
	{
		int			digits = text[*i] == 'u' ? 4 : 8;
		uint32		c = 0;

		if (*i + digits >= length)
			rvi_cy_scan_error(state, "InvalidUnicodeLiteral", "invalid Unicode escape");
		for (int k = 1; k <= digits; k++)
		{
			char		d = text[*i + k];

			if (!isxdigit((unsigned char) d))
				rvi_cy_scan_error(state, "InvalidUnicodeLiteral", "invalid Unicode escape");
			c = c * 16 + (d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
		}
		*i += digits;
		if (first != 0 && is_utf16_surrogate_second(c))
			c = surrogate_pair_to_codepoint(first, c);
		else if (first == 0 && is_utf16_surrogate_first(c) && *i + 2 < length &&
				 text[*i + 1] == '\\' && (text[*i + 2] == 'u' || text[*i + 2] == 'U'))
		{
			first = c;
			*i += 2;
			continue;
		}
		if (!is_valid_unicode_codepoint(c) || is_utf16_surrogate_first(c) ||
			is_utf16_surrogate_second(c))
			rvi_cy_scan_error(state, "InvalidUnicodeLiteral", "invalid Unicode escape");
		pg_unicode_to_server(c, buffer);
		appendStringInfoString(out, (char *) buffer);
		return;
	}
}

/* A string literal; text includes its quotes. */
CyLiteral *
rvi_cy_scan_string(CyScanState *state, const char *text, int length)
{
	CyLiteral  *literal = cy_lex_literal(state, RV_VAL_STRING);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 1; i < length - 1; i++)
	{
		if (text[i] != '\\')
		{
			int			n = i;

			while (n < length - 1 && text[n] != '\\')
				n++;
			appendBinaryStringInfo(&out, text + i, n - i);
			i = n - 1;
			continue;
		}
		switch (text[++i])
		{
			case '\\':
			case '\'':
			case '"':
				appendStringInfoChar(&out, text[i]);
				break;
			case 'b':
				appendStringInfoChar(&out, '\b');
				break;
			case 'f':
				appendStringInfoChar(&out, '\f');
				break;
			case 'n':
				appendStringInfoChar(&out, '\n');
				break;
			case 'r':
				appendStringInfoChar(&out, '\r');
				break;
			case 't':
				appendStringInfoChar(&out, '\t');
				break;
			case 'u':
			case 'U':
				cy_lex_unicode_escape(state, text, length - 1, &i, &out);
				break;
			default:
				rvi_cy_scan_error(state, "UnexpectedSyntax", "invalid escape in string literal");
		}
	}
	literal->value.u.string = out.data;
	literal->value.len = out.len;
	return literal;
}

/* ---- the token array ---- */

/* CyTokenSink: appends a token. */
static void
cy_lex_add(CyScanState *state, int kind, const CyTokenValue *value)
{
	CyToken    *token;

	if (state->ntokens == state->maxtokens)
	{
		state->maxtokens *= 2;
		state->tokens = repalloc_huge(state->tokens, state->maxtokens * sizeof(CyToken));
	}
	token = &state->tokens[state->ntokens++];
	token->kind = kind;
	token->loc = state->loc;
	token->match = -1;
	token->value = *value;
}

/* Pairs brackets; those without a partner keep -1, and the grammar reports them. */
static void
cy_lex_pair_brackets(CyScanState *state)
{
	int		   *open = palloc_extended(Max(state->ntokens, 1) * sizeof(int), MCXT_ALLOC_HUGE);
	int64		depth = 0;

	for (int64 i = 0; i < state->ntokens; i++)
	{
		int			kind = state->tokens[i].kind;
		int			opener = kind == ')' ? '(' : kind == ']' ? '[' : kind == '}' ? '{' : 0;

		if (kind == '(' || kind == '[' || kind == '{')
			open[depth++] = i;
		else if (opener != 0)
		{
			if (depth == 0 || state->tokens[open[depth - 1]].kind != opener)
				break;
			depth--;
			state->tokens[i].match = open[depth];
			state->tokens[open[depth]].match = i;
		}
	}
	pfree(open);
}

#define KIND(i) ((i) < state->ntokens ? state->tokens[i].kind : 0)

static bool
cy_lex_is_name(int kind)
{
	return kind == IDENT || (kind >= ALL && kind <= YIELD);
}

/* Does a node pattern stand at `(` i: (name:Label:Label {map} or $param), all optional? */
static bool
cy_lex_is_node(CyScanState *state, int64 i)
{
	int64		end = state->tokens[i].match;

	if (end < 0)
		return false;
	i++;
	if (KIND(i) == IDENT)
		i++;
	while (KIND(i) == ':' && cy_lex_is_name(KIND(i + 1)))
		i += 2;
	if (KIND(i) == PARAM)
		i++;
	else if (KIND(i) == '{' && state->tokens[i].match > 0)
		i = state->tokens[i].match + 1;
	return i == end;
}

/* Does a relationship and the parenthesis of the next node follow at i? */
static bool
cy_lex_is_rel(CyScanState *state, int64 i)
{
	if (KIND(i) == '<')
		i++;
	if (KIND(i) != '-')
		return false;
	i++;
	if (KIND(i) == '[')
	{
		if (state->tokens[i].match < 0)
			return false;
		i = state->tokens[i].match + 1;
	}
	if (KIND(i) != '-')
		return false;
	i++;
	if (KIND(i) == '>')
		i++;
	return KIND(i) == '(';
}

/* Names that mean more than a name when the right thing follows. */
static void
cy_lex_filter_name(CyScanState *state, int64 i)
{
	static const struct
	{
		const char *name;
		int			kind;
		int			op;
	}			words[] = {
		{"all", QUANTIFIER, CY_ALL},
		{"any", QUANTIFIER, CY_ANY},
		{"none", QUANTIFIER, CY_NONE},
		{"single", QUANTIFIER, CY_SINGLE},
		{"reduce", REDUCE, 0},
		{"shortestpath", SHORTEST_PATH, CY_PATH_SHORTEST},
		{"allshortestpaths", SHORTEST_PATH, CY_PATH_ALL_SHORTEST}
	};
	CyToken    *token = &state->tokens[i];

	if (KIND(i + 1) != '(' || (i > 0 && KIND(i - 1) == '.'))
		return;
	for (int w = 0; w < lengthof(words); w++)
	{
		bool		fits;

		if (pg_strcasecmp(token->value.name, words[w].name) != 0)
			continue;
		if (words[w].kind == QUANTIFIER)
			fits = KIND(i + 2) == IDENT && KIND(i + 3) == IN;
		else if (words[w].kind == REDUCE)
			fits = KIND(i + 2) == IDENT && KIND(i + 3) == '=';
		else
			fits = KIND(i + 2) == '(' || KIND(i + 2) == PATTERN_LPAREN;
		if (fits)
		{
			token->kind = words[w].kind;
			token->value.op = words[w].op;
		}
		return;
	}
}

/*
 * Rewrites tokens, left to right (graph.md 5.1). A name after AS is a name
 * even when it is reserved.
 */
static void
cy_lex_filter(CyScanState *state)
{
	for (int64 i = 0; i < state->ntokens; i++)
	{
		CyToken    *token = &state->tokens[i];

		if (token->kind == '(' && cy_lex_is_node(state, i) &&
			cy_lex_is_rel(state, token->match + 1))
		{
			CyToken    *rel = &state->tokens[token->match + 1];

			token->kind = PATTERN_LPAREN;
			rel->kind = rel->kind == '<' ? REL_LT : REL_DASH;
		}
		else if (token->kind == '[' && KIND(i + 1) == IDENT && KIND(i + 2) == IN)
			token->kind = LCOMP_LBRACK;
		else if (cy_lex_is_name(token->kind))
		{
			if (i > 0 && KIND(i - 1) == AS)
				token->kind = IDENT;
			cy_lex_filter_name(state, i);
		}
	}
	/* needs the patterns marked */
	for (int64 i = 0; i < state->ntokens; i++)
	{
		CyToken    *token = &state->tokens[i];

		if (token->kind != '[' || token->match < 0)
			continue;
		if (KIND(i + 1) == IDENT && KIND(i + 2) == '=' && KIND(i + 3) == PATTERN_LPAREN)
			token->kind = PCOMP_LBRACK;
		else if (KIND(i + 1) == PATTERN_LPAREN)
		{
			/* [(a)-->(b) WHERE .. | ..]: what follows the chain of nodes decides */
			int64		k = state->tokens[i + 1].match + 1;

			while (KIND(k) == REL_LT || KIND(k) == REL_DASH)
			{
				while (KIND(k) != '(' && KIND(k) != PATTERN_LPAREN)
					k = KIND(k) == '[' ? state->tokens[k].match + 1 : k + 1;
				k = state->tokens[k].match + 1;
				if (k <= 0)
					break;
			}
			if (k > 0 && (KIND(k) == WHERE || KIND(k) == '|'))
				token->kind = PCOMP_LBRACK;
		}
	}
}

/* Scans the text of state and leaves its token array ready for the grammar. */
void
rvi_cy_lex(CyScanState *state)
{
	state->maxtokens = 64;
	state->tokens = palloc(state->maxtokens * sizeof(CyToken));
	rvi_cy_scan_all(state, cy_lex_add);
	cy_lex_pair_brackets(state);
	cy_lex_filter(state);
	state->pos = 0;
}

/* The grammar's next token. */
int
rvi_cy_gram_lex(CyTokenValue *value, CyLoc *loc, CyScanState *state)
{
	CyToken    *token = &state->tokens[Min(state->pos, state->ntokens - 1)];

	state->pos++;
	*value = token->value;
	*loc = token->loc;
	return token->kind;
}

/* Is the token that the grammar read last inside the brackets of a relationship? */
bool
rvi_cy_lex_in_relationship(const CyScanState *state)
{
	for (int64 i = Min(state->pos, state->ntokens) - 2; i > 0; i--)
	{
		const CyToken *token = &state->tokens[i];

		if (token->match >= 0 && token->match < i)
			i = token->match;
		else if (token->kind == '[')
			return state->tokens[i - 1].kind == REL_DASH || state->tokens[i - 1].kind == '-';
		else if (token->kind == '(' || token->kind == '{' || token->kind == PATTERN_LPAREN)
			return false;
	}
	return false;
}
