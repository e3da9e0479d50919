/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See varlink-lexer.h. */
#include "varlink-lexer.h"

#include <ctype.h>
#include <string.h>

#include "cleanup.h"

static void skip_blanks(struct varlink_lexer *lexer)
{
	for (;; lexer->p++) {
		if (*lexer->p == '#')
			lexer->p += strcspn(lexer->p, "\n");
		if (*lexer->p == '\n')
			lexer->line++;
		else if (*lexer->p != ' ' && *lexer->p != '\t' && *lexer->p != '\r')
			return;
	}
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

void varlink_lexer_next(struct varlink_lexer *lexer)
{
	static const struct {
		const char *text;
		enum varlink_token token;
	} marks[] = {
		{"(", TOKEN_OPEN},   {")", TOKEN_CLOSE},       {":", TOKEN_COLON},
		{",", TOKEN_COMMA},  {"->", TOKEN_ARROW},      {"?", TOKEN_NULLABLE},
		{"[]", TOKEN_ARRAY}, {"[string]", TOKEN_DICT},
	};
	size_t i;

	skip_blanks(lexer);
	lexer->start = lexer->p;
	lexer->token = *lexer->p ? TOKEN_BAD : TOKEN_END;
	lexer->len = *lexer->p ? 1 : 0;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (strncmp(lexer->p, marks[i].text, strlen(marks[i].text)) == 0) {
			lexer->token = marks[i].token;
			lexer->len = (int)strlen(marks[i].text);
		}
	}
	if (isalnum((unsigned char)*lexer->p)) {
		lexer->token = TOKEN_WORD;
		while (is_word_char(lexer->p[lexer->len]))
			lexer->len++;
	}
	lexer->p += lexer->len;
}

bool varlink_lexer_is_word(const struct varlink_lexer *lexer, const char *word)
{
	return lexer->token == TOKEN_WORD && strlen(word) == (size_t)lexer->len &&
	       memcmp(lexer->start, word, (size_t)lexer->len) == 0;
}
