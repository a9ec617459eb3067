// SPDX-License-Identifier: Apache-2.0
/*
 * cmdline.c - the kernel command line, one parameter at a time
 *
 * Documentation/admin-guide/kernel-parameters.rst: what follows "--" goes to
 * init, and double quotes protect spaces; so a parameter for the kernel belongs
 * in front of a "--" that is a word of its own outside quotes.
 */
#include "cmdline.h"

#include <errno.h>
#include <string.h>

static int check_length(const struct cmdline *line, size_t len, struct err *err)
{
	if (len <= line->max)
		return 0;
	return err_set(err, EINVAL,
		       "the command line needs %zu characters, the limit of "
		       "this kernel is %zu",
		       len, line->max);
}

/* The end of the kernel's own parameters, trailing spaces left out. */
static size_t kernel_part(const char *text)
{
	bool quoted = false, word_start = true;
	size_t end = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (!quoted && word_start && strncmp(text + i, "--", 2) == 0 &&
		    (text[i + 2] == ' ' || text[i + 2] == '\0'))
			return end;
		if (text[i] == '"')
			quoted = !quoted;
		word_start = text[i] == ' ';
		if (!word_start)
			end = i + 1;
	}
	return end;
}

int cmdline_init(struct cmdline *line, char *buf, size_t max, const char *user,
		 struct err *err)
{
	size_t len = strlen(user);
	int ret;

	*line = (struct cmdline){ .text = buf, .max = max };
	ret = check_length(line, len, err);
	if (ret < 0)
		return ret;
	memcpy(buf, user, len + 1);
	line->len = len;
	line->insert_at = kernel_part(buf);
	return 0;
}

int cmdline_add(struct cmdline *line, const char *parameter, struct err *err)
{
	size_t at = line->insert_at, n = strlen(parameter);
	bool space_before = at > 0;
	bool space_after = line->text[at] != '\0' && line->text[at] != ' ';
	size_t grow = n + space_before + space_after;
	int ret;

	ret = check_length(line, line->len + grow, err);
	if (ret < 0)
		return ret;
	memmove(line->text + at + grow, line->text + at, line->len - at + 1);
	if (space_before)
		line->text[at++] = ' ';
	memcpy(line->text + at, parameter, n);
	if (space_after)
		line->text[at + n] = ' ';
	line->insert_at = at + n;
	line->len += grow;
	return 0;
}

/* Where word begins, or NULL; *len is that of all of it, value included. */
static char *find_word(const struct cmdline *line, const char *word,
		       size_t *len)
{
	size_t n = strlen(word);
	bool quoted = false, word_start = true;

	for (size_t i = 0; i + n <= line->insert_at; i++) {
		char *at = line->text + i;

		if (!quoted && word_start && strncmp(at, word, n) == 0 &&
		    (at[n] == '\0' || at[n] == ' ' || at[n] == ',')) {
			*len = strcspn(at, " ");
			return at;
		}
		if (*at == '"')
			quoted = !quoted;
		word_start = *at == ' ';
	}
	return NULL;
}

bool cmdline_has(const struct cmdline *line, const char *word)
{
	size_t len;

	return find_word(line, word, &len) != NULL;
}

void cmdline_remove(struct cmdline *line, const char *word)
{
	char *at;
	size_t len;

	while ((at = find_word(line, word, &len)) != NULL) {
		len += at[len] == ' ';
		memmove(at, at + len, strlen(at + len) + 1);
		line->len -= len;
		line->insert_at = kernel_part(line->text);
	}
}
