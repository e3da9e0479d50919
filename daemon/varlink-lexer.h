/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a text in the Varlink interface language into tokens; blanks and comments vanish. */
#ifndef KP_VARLINK_LEXER_H
#define KP_VARLINK_LEXER_H

#include <stdbool.h>

enum varlink_token {
	TOKEN_END,
	TOKEN_WORD, /* letters, digits, and inside it _ - . */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COLON,
	TOKEN_COMMA,
	TOKEN_ARROW,
	TOKEN_NULLABLE,
	TOKEN_ARRAY, /* [] */
	TOKEN_DICT,  /* [string] */
	TOKEN_BAD,   /* a character that begins none of these */
};

struct varlink_lexer {
	const char *p; /* borrowed from the caller: behind the token */
	enum varlink_token token;
	const char *start;
	int len;
	unsigned int line; /* the token's, from 1 */
};

/* Stands before the first token. */
#define VARLINK_LEXER_INIT(text_) ((struct varlink_lexer){.p = (text_), .line = 1})

/* Goes to the next token; behind the last one stays at TOKEN_END. */
void varlink_lexer_next(struct varlink_lexer *lexer);

/* Whether the token is @word. */
bool varlink_lexer_is_word(const struct varlink_lexer *lexer, const char *word);

#endif
