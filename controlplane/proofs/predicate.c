/* SPDX-License-Identifier: BSD-3-Clause */
/* From text to alternatives of conditions: an operator-precedence parser with two stacks. Negation
 * is carried down to the conditions at once, so that none is left. */
#include "controlplane/proofs/alternatives.h"
#include "controlplane/proofs/lexer.h"
#include "controlplane/proofs/statement.h"
#include "crypto/hash/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define STACK_MAX 64 /* open parentheses and waiting operators */

struct parser {
	struct fog_lexer lexer;
	struct fog_token token; /* the one to look at */
	struct fog_predicate *p;
	struct fog_alternatives value[STACK_MAX];
	enum fog_token_kind op[STACK_MAX];
	unsigned values, ops;
	char *why;
};

struct operand {
	enum fog_token_kind kind; /* NAME, NUMBER or STRING */
	unsigned attribute;
	u64 number;
	char text[FOG_PREDICATE_STRING_MAX];
};

static int fail(struct parser *x, const char *what)
{
	if (x->token.kind == FOG_TOKEN_BAD)
		what = x->token.text;
	snprintf(x->why, FOG_PREDICATE_WHY, "%.200s (at byte %zu)", what, x->token.at);
	return -EINVAL;
}

static void next(struct parser *x)
{
	fog_lexer_next(&x->lexer, &x->token);
}

void fog_attribute_number(struct fog_scalar *out, u64 value)
{
	fog_scalar_from_u64(out, value);
}

void fog_attribute_text(struct fog_scalar *out, const char *value)
{
	static const char label[] = "fog attribute text v1";
	u8 wide[FOG_SHA512_SIZE], input[sizeof(label) + FOG_PREDICATE_STRING_MAX];
	size_t len = strnlen(value, FOG_PREDICATE_STRING_MAX);

	memcpy(input, label, sizeof(label));
	memcpy(input + sizeof(label), value, len);
	fog_hash_sha512(wide, input, sizeof(label) + len);
	fog_scalar_reduce(out, wide);
}

int fog_predicate_attribute(const struct fog_predicate *p, const char *name)
{
	for (unsigned i = 0; i < p->attributes; i++)
		if (strcmp(p->attribute[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

static int attribute_need(struct parser *x, const char *name, unsigned *out)
{
	struct fog_predicate *p = x->p;
	int i = fog_predicate_attribute(p, name);

	if (i < 0 && p->attributes == FOG_STATEMENT_ATTRIBUTES_MAX)
		return fail(x, "more than 16 attributes");
	if (i < 0) {
		i = (int)p->attributes++;
		snprintf(p->attribute[i].name, sizeof(p->attribute[i].name), "%.63s", name);
	}
	*out = (unsigned)i;
	return 0;
}

static int attribute_type(struct parser *x, unsigned i, enum fog_attribute_type type)
{
	u8 *have = &x->p->attribute[i].type;

	if (*have != FOG_ATTRIBUTE_ANY && *have != type)
		return fail(x, "an attribute is compared with a number and with a text");
	*have = (u8)type;
	return 0;
}

/* ---- conditions --------------------------------------------------------------------------- */

static bool condition_same(const struct fog_condition *a, const struct fog_condition *b)
{
	return a->kind == b->kind && a->a == b->a && a->b == b->b && a->low == b->low &&
	       a->high == b->high && a->set_first == b->set_first && a->set_count == b->set_count &&
	       fog_scalar_equal(&a->constant, &b->constant);
}

/* out = the one alternative that this condition holds. */
static int condition_add(struct parser *x, const struct fog_condition *c,
			 struct fog_alternatives *out)
{
	struct fog_predicate *p = x->p;
	unsigned i = 0;

	while (i < p->conditions && !condition_same(&p->condition[i], c))
		i++;
	if (i == FOG_PREDICATE_CONDITIONS_MAX)
		return fail(x, "more than 32 different conditions");
	if (i == p->conditions)
		p->condition[p->conditions++] = *c;
	*out = (struct fog_alternatives){.count = 1, .mask = {1u << i}};
	return 0;
}

static int between_not(struct parser *x, const struct fog_condition *c,
		       struct fog_alternatives *out)
{
	struct fog_alternatives below = {0}, above = {0};
	struct fog_condition n = *c;
	int rc = 0;

	if (c->low > 0) {
		n.low = 0;
		n.high = c->low - 1;
		rc = condition_add(x, &n, &below);
	}
	if (rc == 0 && c->high < UINT64_MAX) {
		n.low = c->high + 1;
		n.high = UINT64_MAX;
		rc = condition_add(x, &n, &above);
	}
	if (rc == 0 && fog_alternatives_or(out, &below, &above) != 0)
		rc = fail(x, "more than 16 alternatives");
	return rc;
}

static int condition_not(struct parser *x, const struct fog_condition *c,
			 struct fog_alternatives *out)
{
	static const u8 opposite[] = {
		[FOG_CONDITION_EQUAL] = FOG_CONDITION_DIFFERS,
		[FOG_CONDITION_DIFFERS] = FOG_CONDITION_EQUAL,
		[FOG_CONDITION_SAME] = FOG_CONDITION_NOT_SAME,
		[FOG_CONDITION_NOT_SAME] = FOG_CONDITION_SAME,
		[FOG_CONDITION_IN] = FOG_CONDITION_NOT_IN,
		[FOG_CONDITION_NOT_IN] = FOG_CONDITION_IN,
	};
	struct fog_condition n = *c;

	if (c->kind == FOG_CONDITION_BETWEEN)
		return between_not(x, c, out);
	if (c->kind == FOG_CONDITION_AT_LEAST) { /* not a >= b + k: b >= a + (1 - k) */
		n.a = c->b;
		n.b = c->a;
		n.low = 1 - c->low;
	} else {
		n.kind = opposite[c->kind];
	}
	return condition_add(x, &n, out);
}

static int operand_read(struct parser *x, struct operand *out)
{
	out->kind = x->token.kind;
	out->number = x->token.number;
	memcpy(out->text, x->token.text, sizeof(out->text));
	if (out->kind != FOG_TOKEN_NAME && out->kind != FOG_TOKEN_NUMBER &&
	    out->kind != FOG_TOKEN_STRING)
		return fail(x, "an attribute, a number or a text is missing");
	if (out->kind == FOG_TOKEN_NAME) {
		int rc = attribute_need(x, out->text, &out->attribute);

		if (rc != 0)
			return rc;
	}
	next(x);
	return 0;
}

static void constant_set(struct fog_condition *c, const struct operand *o)
{
	if (o->kind == FOG_TOKEN_NUMBER)
		fog_attribute_number(&c->constant, o->number);
	else
		fog_attribute_text(&c->constant, o->text);
}

/* attribute `op` constant */
static int with_constant(struct parser *x, unsigned a, enum fog_token_kind op,
			 const struct operand *o, struct fog_alternatives *out)
{
	struct fog_condition c = {.a = (u8)a, .b = FOG_STATEMENT_NONE, .high = UINT64_MAX};
	bool number = o->kind == FOG_TOKEN_NUMBER;
	int rc = attribute_type(x, a, number ? FOG_ATTRIBUTE_NUMBER : FOG_ATTRIBUTE_TEXT);

	if (rc != 0)
		return rc;
	if (op == FOG_TOKEN_EQ || op == FOG_TOKEN_NE) {
		c.kind = op == FOG_TOKEN_EQ ? FOG_CONDITION_EQUAL : FOG_CONDITION_DIFFERS;
		c.high = 0;
		constant_set(&c, o);
		return condition_add(x, &c, out);
	}
	if (!number)
		return fail(x, "texts are compared with == and != and in only");
	if ((op == FOG_TOKEN_LT && o->number == 0) ||
	    (op == FOG_TOKEN_GT && o->number == UINT64_MAX))
		return fail(x, "no number is below 0 or above 2^64 - 1");
	c.kind = FOG_CONDITION_BETWEEN;
	if (op == FOG_TOKEN_GE || op == FOG_TOKEN_GT)
		c.low = o->number + (op == FOG_TOKEN_GT);
	else
		c.high = o->number - (op == FOG_TOKEN_LT);
	return condition_add(x, &c, out);
}

static int with_attribute(struct parser *x, unsigned a, enum fog_token_kind op, unsigned b,
			  struct fog_alternatives *out)
{
	struct fog_condition c = {.a = (u8)a, .b = (u8)b};
	bool order = op != FOG_TOKEN_EQ && op != FOG_TOKEN_NE;
	int rc = 0;

	if (a == b)
		return fail(x, "an attribute is compared with itself");
	if (order)
		rc = attribute_type(x, a, FOG_ATTRIBUTE_NUMBER);
	if (rc == 0 && order)
		rc = attribute_type(x, b, FOG_ATTRIBUTE_NUMBER);
	if (rc != 0)
		return rc;
	c.kind = op == FOG_TOKEN_EQ   ? FOG_CONDITION_SAME
		 : op == FOG_TOKEN_NE ? FOG_CONDITION_NOT_SAME
				      : FOG_CONDITION_AT_LEAST;
	if (op == FOG_TOKEN_LE || op == FOG_TOKEN_LT) {
		c.a = (u8)b;
		c.b = (u8)a;
	}
	c.low = op == FOG_TOKEN_LT || op == FOG_TOKEN_GT;
	return condition_add(x, &c, out);
}

static bool element_known(const struct fog_statement *s, unsigned first, const struct fog_scalar *v)
{
	for (unsigned i = first; i < s->elements; i++)
		if (fog_scalar_equal(&s->element[i], v))
			return true;
	return false;
}

/* { 1, 2 } or { "a", "b" }, after the brace. */
static int set_read(struct parser *x, unsigned a, struct fog_condition *c)
{
	struct fog_statement *s = &x->p->statement;
	enum fog_token_kind kind = x->token.kind;

	c->set_first = s->elements;
	for (;;) {
		struct operand o;
		int rc = operand_read(x, &o);

		if (rc != 0)
			return rc;
		if (o.kind != kind || o.kind == FOG_TOKEN_NAME)
			return fail(x, "a set holds numbers only or texts only");
		constant_set(c, &o);
		if (s->elements == FOG_STATEMENT_ELEMENTS_MAX)
			return fail(x, "more than 512 elements in sets");
		if (!element_known(s, c->set_first, &c->constant))
			s->element[s->elements++] = c->constant;
		if (x->token.kind == FOG_TOKEN_BRACE_CLOSE)
			break;
		if (x->token.kind != FOG_TOKEN_COMMA)
			return fail(x, "a comma or } is missing");
		next(x);
	}
	next(x);
	c->set_count = s->elements - c->set_first;
	return attribute_type(x, a,
			      kind == FOG_TOKEN_NUMBER ? FOG_ATTRIBUTE_NUMBER : FOG_ATTRIBUTE_TEXT);
}

/* After "in": a set or a range. */
static int in_read(struct parser *x, unsigned a, bool not, struct fog_alternatives *out)
{
	struct fog_condition c = {.a = (u8)a, .b = FOG_STATEMENT_NONE};
	struct operand low, high;
	int rc;

	if (x->token.kind == FOG_TOKEN_BRACE_OPEN) {
		next(x);
		rc = set_read(x, a, &c);
		if (rc != 0)
			return rc;
		c.kind = not ? FOG_CONDITION_NOT_IN : FOG_CONDITION_IN;
		if (c.set_count == 1) { /* the constant is its element still */
			c.kind = not ? FOG_CONDITION_DIFFERS : FOG_CONDITION_EQUAL;
			x->p->statement.elements--;
			c.set_first = c.set_count = 0;
		} else {
			c.constant = fog_scalar_zero;
		}
		return condition_add(x, &c, out);
	}
	rc = operand_read(x, &low);
	if (rc != 0)
		return rc;
	if (x->token.kind != FOG_TOKEN_TO)
		return fail(x, "after \"in\" comes { a set } or low..high");
	next(x);
	rc = operand_read(x, &high);
	if (rc != 0)
		return rc;
	if (low.kind != FOG_TOKEN_NUMBER || high.kind != FOG_TOKEN_NUMBER ||
	    low.number > high.number)
		return fail(x, "a range is low..high, two numbers in order");
	c.kind = FOG_CONDITION_BETWEEN;
	c.low = low.number;
	c.high = high.number;
	rc = attribute_type(x, a, FOG_ATTRIBUTE_NUMBER);
	if (rc != 0)
		return rc;
	return not ? condition_not(x, &c, out) : condition_add(x, &c, out);
}

static enum fog_token_kind turned(enum fog_token_kind op)
{
	switch (op) {
	case FOG_TOKEN_LT:
		return FOG_TOKEN_GT;
	case FOG_TOKEN_LE:
		return FOG_TOKEN_GE;
	case FOG_TOKEN_GT:
		return FOG_TOKEN_LT;
	case FOG_TOKEN_GE:
		return FOG_TOKEN_LE;
	default:
		return op;
	}
}

static int comparison(struct parser *x, struct fog_alternatives *out)
{
	struct operand left, right;
	bool not = false;
	int rc = operand_read(x, &left);

	if (rc != 0)
		return rc;
	enum fog_token_kind op = x->token.kind;
	if (left.kind == FOG_TOKEN_NAME && op == FOG_TOKEN_NOT) {
		not = true;
		next(x);
		op = x->token.kind;
	}
	if (left.kind == FOG_TOKEN_NAME && op == FOG_TOKEN_IN) {
		next(x);
		return in_read(x, left.attribute, not, out);
	}
	if (not || op < FOG_TOKEN_EQ || op > FOG_TOKEN_GE)
		return fail(x, "a comparison (== != < <= > >= in, not in) is missing");
	next(x);
	rc = operand_read(x, &right);
	if (rc != 0)
		return rc;
	if (left.kind == FOG_TOKEN_NAME && right.kind == FOG_TOKEN_NAME)
		return with_attribute(x, left.attribute, op, right.attribute, out);
	if (left.kind == FOG_TOKEN_NAME)
		return with_constant(x, left.attribute, op, &right, out);
	if (right.kind == FOG_TOKEN_NAME)
		return with_constant(x, right.attribute, turned(op), &left, out);
	return fail(x, "a comparison without an attribute");
}

/* ---- and, or, not --------------------------------------------------------------------------- */

/* not (a or b ..) = not a and not b ..; not (c and d ..) = not c or not d .. */
static int alternatives_not(struct parser *x, struct fog_alternatives *value)
{
	struct fog_alternatives all = {.count = 1}, any, some, one;
	int rc;

	for (unsigned i = 0; i < value->count; i++) {
		any.count = 0;
		for (unsigned k = 0; k < FOG_PREDICATE_CONDITIONS_MAX; k++) {
			if ((value->mask[i] >> k & 1) == 0)
				continue;
			struct fog_condition c = x->p->condition[k];
			rc = condition_not(x, &c, &one);
			if (rc != 0)
				return rc;
			if (fog_alternatives_or(&some, &any, &one) != 0)
				return fail(x, "more than 16 alternatives");
			any = some;
		}
		if (fog_alternatives_and(&some, &all, &any) != 0)
			return fail(x, "more than 16 alternatives");
		all = some;
	}
	*value = all;
	return 0;
}

static int op_apply(struct parser *x)
{
	enum fog_token_kind op = x->op[--x->ops];
	struct fog_alternatives result;
	int rc;

	if (op == FOG_TOKEN_NOT)
		return alternatives_not(x, &x->value[x->values - 1]);
	const struct fog_alternatives *a = &x->value[x->values - 2], *b = a + 1;
	rc = op == FOG_TOKEN_AND ? fog_alternatives_and(&result, a, b)
				 : fog_alternatives_or(&result, a, b);
	if (rc != 0)
		return fail(x, "more than 16 alternatives");
	x->value[--x->values - 1] = result;
	return 0;
}

static unsigned binding(enum fog_token_kind op)
{
	return op == FOG_TOKEN_NOT ? 3 : op == FOG_TOKEN_AND ? 2 : op == FOG_TOKEN_OR ? 1 : 0;
}

static int op_push(struct parser *x, enum fog_token_kind op)
{
	if (x->ops == STACK_MAX)
		return fail(x, "more than 64 levels");
	x->op[x->ops++] = op;
	next(x);
	return 0;
}

/* Everything up to where an operator may come. */
static int operand_side(struct parser *x)
{
	int rc = 0;

	while (rc == 0 && (x->token.kind == FOG_TOKEN_NOT || x->token.kind == FOG_TOKEN_OPEN))
		rc = op_push(x, x->token.kind);
	if (rc != 0)
		return rc;
	if (x->values == STACK_MAX)
		return fail(x, "more than 64 conditions in a row");
	return comparison(x, &x->value[x->values++]);
}

static int apply_down_to(struct parser *x, unsigned level)
{
	int rc = 0;

	while (rc == 0 && x->ops != 0 && binding(x->op[x->ops - 1]) >= level)
		rc = op_apply(x);
	return rc;
}

/* Closing parentheses. */
static int close_side(struct parser *x)
{
	while (x->token.kind == FOG_TOKEN_CLOSE) {
		int rc = apply_down_to(x, 1);

		if (rc != 0)
			return rc;
		if (x->ops == 0)
			return fail(x, "a ) without its (");
		x->ops--;
		next(x);
	}
	return 0;
}

static int expression(struct parser *x)
{
	int rc;

	for (;;) {
		rc = operand_side(x);
		if (rc == 0)
			rc = close_side(x);
		if (rc != 0)
			return rc;
		unsigned level = binding(x->token.kind);
		if (level == 0 || level == 3)
			break;
		rc = apply_down_to(x, level);
		if (rc == 0)
			rc = op_push(x, x->token.kind);
		if (rc != 0)
			return rc;
	}
	if (x->token.kind != FOG_TOKEN_END)
		return fail(x, "\"and\", \"or\" or the end is missing");
	rc = apply_down_to(x, 1);
	if (rc == 0 && x->ops != 0)
		return fail(x, "a ( without its )");
	return rc;
}

/* A type that one side of a comparison of attributes has, the other one has too. */
static int types_settle(struct parser *x)
{
	struct fog_predicate *p = x->p;

	for (unsigned round = 0; round < p->attributes; round++)
		for (unsigned i = 0; i < p->conditions; i++) {
			const struct fog_condition *c = &p->condition[i];

			if (c->kind != FOG_CONDITION_SAME && c->kind != FOG_CONDITION_NOT_SAME)
				continue;
			u8 *a = &p->attribute[c->a].type, *b = &p->attribute[c->b].type;
			if (*a == FOG_ATTRIBUTE_ANY)
				*a = *b;
			if (*b == FOG_ATTRIBUTE_ANY)
				*b = *a;
			if (*a != *b)
				return fail(x, "a number is compared with a text");
		}
	return 0;
}

int fog_predicate_compile(struct fog_predicate *p, const char *text, char why[FOG_PREDICATE_WHY])
{
	char expanded[FOG_PREDICATE_EXPANDED_MAX];
	struct parser x = {.lexer.text = expanded, .p = p, .why = why};
	int rc = fog_predicate_expand(text, expanded, why);

	memset(p, 0, sizeof(*p));
	if (rc != 0)
		return rc;
	next(&x);
	rc = expression(&x);
	if (rc == 0)
		rc = types_settle(&x);
	if (rc != 0)
		return rc;
	p->alternatives = x.value[0].count;
	memcpy(p->alternative, x.value[0].mask, sizeof(p->alternative));
	if (p->alternatives == 0 || p->alternative[0] == 0)
		return fail(&x, p->alternatives == 0 ? "this can never be true"
						     : "this is always true");
	const char *fault = fog_predicate_to_statement(p);
	if (fault != NULL)
		snprintf(why, FOG_PREDICATE_WHY, "%s", fault);
	return fault != NULL ? -EINVAL : 0;
}
