// SPDX-License-Identifier: Apache-2.0
/*
 * http_parser.c - bytes of a connection -> HTTP requests, one after the other
 *
 * Theory of operation: a state takes either whole lines or counted bytes. Lines
 * are collected in one buffer, checked for characters that no line may have, and
 * given to the state's function in line_parsers[], which sets the next state.
 *
 *	REQUEST_LINE -> HEADERS -> BODY ----------------------------> DONE
 *	                        -> CHUNK_SIZE -> CHUNK -> CHUNK_END   ^
 *	                           ^  |          <- - - - - -'        |
 *	                           '- | - - - - - - - - - - -'        |
 *	                              '-> TRAILERS -------------------'
 *
 * Headers that mean nothing to us are looked at and forgotten, so that a
 * request's memory is its target and its body, and both have limits.
 */
#include "http_parser.h"
#include "utf8.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = { "GET", "PUT", "PATCH", "DELETE" };

void http_parser_init(struct http_parser *p, size_t payload_max)
{
	*p = (struct http_parser){ .payload_max = payload_max };
}

bool http_parser_begun(const struct http_parser *p)
{
	return p->state != HTTP_REQUEST_LINE || p->line_len > 0;
}

void http_parser_next(struct http_parser *p)
{
	free(p->line);
	free(p->target);
	free(p->body);
	http_parser_init(p, p->payload_max);
}

/* --- text */

struct quoted {
	char text[65];
};

/* What a client sent, cut and without what would end a JSON string. */
static struct quoted quote(const char *text)
{
	struct quoted q = { "" };

	for (size_t i = 0; i < sizeof(q.text) - 1 && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		q.text[i] = c < ' ' || c > '~' || c == '"' || c == '\\'
				    ? '?'
				    : (char)c;
	}
	return q;
}

/* NUL, bare CR and the like; a tab may stand in a header. */
static bool has_control(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') ||
		    line[i] == 0x7f)
			return true;
	return false;
}

/* Cut spaces and tabs off both ends, in place. */
static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text + strspn(text, " \t");
}

/* --- the request line */

static const char *method_find(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(text, methods[i]) == 0)
			return methods[i];
	return NULL;
}

static int request_line(struct http_parser *p, char *line, struct err *err)
{
	char *target = line, *version;

	/* RFC 9112, 2.2: some clients send an end of line behind a body. */
	if (*line == '\0')
		return 0;
	strsep(&target, " ");
	version = target;
	if (version != NULL)
		strsep(&version, " ");
	if (version == NULL || strchr(target, '\t') != NULL)
		return err_set(err, EINVAL, "Invalid request.");
	p->method = method_find(line);
	if (p->method == NULL)
		return err_set(err, EINVAL,
			       "Invalid HTTP Method: "
			       "Unsupported HTTP method.");
	if (*target == '\0')
		return err_set(err, EINVAL,
			       "Invalid URI: Empty URI not allowed.");
	if (!utf8_is_valid(target))
		return err_set(err, EINVAL,
			       "Invalid URI: Cannot parse URI as UTF-8.");
	p->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
	if (!p->http_1_0 && strcmp(version, "HTTP/1.1") != 0)
		return err_set(err, EINVAL,
			       "Invalid HTTP Version: "
			       "Unsupported HTTP version.");
	p->target = strdup(target);
	if (p->target == NULL)
		return err_set(err, ENOMEM, "Out of memory.");
	p->state = HTTP_HEADERS;
	return 0;
}

/* --- headers */

static int bad_value(const char *key, const char *value, struct err *err)
{
	return err_set(
		err, EINVAL,
		"Invalid header. Reason: Invalid value. Key:%s; Value:%s",
		quote(key).text, quote(value).text);
}

/* RFC 9112, 6.3: two lengths that differ leave the end of the body open. */
static int content_length(struct http_parser *p, char *value, struct err *err)
{
	static const char key[] = "Content-Length";
	unsigned long long length;

	if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
		return bad_value(key, value, err);
	errno = 0;
	length = strtoull(value, NULL, 10);
	if (errno != 0 || length > UINT32_MAX ||
	    (p->has_length && length != p->left))
		return bad_value(key, value, err);
	p->has_length = true;
	p->left = (size_t)length;
	return 0;
}

/* A coding that we do not know would make bytes of the body the next request. */
static int transfer_encoding(struct http_parser *p, char *value,
			     struct err *err)
{
	if (strcasecmp(value, "chunked") == 0 && !p->chunked)
		p->chunked = true;
	else if (strcasecmp(value, "identity") != 0)
		return bad_value("Transfer-Encoding", value, err);
	return 0;
}

static int expect(struct http_parser *p, char *value, struct err *err)
{
	(void)err;
	if (strcmp(value, "100-continue") == 0)
		p->expects = true;
	return 0;
}

static int connection(struct http_parser *p, char *value, struct err *err)
{
	char *option;

	(void)err;
	while ((option = strsep(&value, ",")) != NULL) {
		option = trim(option);
		if (strcasecmp(option, "close") == 0)
			p->close = true;
		else if (strcasecmp(option, "keep-alive") == 0)
			p->keep_alive = true;
	}
	return 0;
}

/* Answers are never encoded: who does not take that cannot be answered. */
static int accept_encoding(struct http_parser *p, char *value, struct err *err)
{
	bool names_identity = strstr(value, "identity") != NULL;
	char *coding;

	(void)p;
	while ((coding = strsep(&value, ",")) != NULL) {
		coding = trim(coding);
		if (strcmp(coding, "identity;q=0") == 0 ||
		    (strcmp(coding, "*;q=0") == 0 && !names_identity))
			return bad_value("Accept-Encoding", coding, err);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(struct http_parser *p, char *value, struct err *err);
} headers[] = {
	{ "Content-Length", content_length },
	{ "Transfer-Encoding", transfer_encoding },
	{ "Expect", expect },
	{ "Connection", connection },
	{ "Accept-Encoding", accept_encoding },
};

static int too_large(const struct http_parser *p, size_t size, struct err *err)
{
	return err_set(err, E2BIG,
		       "Request payload with size %zu is larger than the limit "
		       "of %zu allowed by server.",
		       size, p->payload_max);
}

static int done(struct http_parser *p)
{
	if (p->http_1_0 && !p->keep_alive)
		p->close = true;
	p->state = HTTP_DONE;
	return HTTP_REQUEST;
}

/* The empty line: is there a body, and how does it come? */
static int headers_end(struct http_parser *p, struct err *err)
{
	if (p->chunked && p->has_length)
		return err_set(err, EINVAL,
			       "Invalid header. Reason: Transfer-Encoding and "
			       "Content-Length exclude each other.");
	if (p->left > p->payload_max)
		return too_large(p, p->left, err);
	if (!p->chunked && p->left == 0)
		return done(p);
	p->state = p->chunked ? HTTP_CHUNK_SIZE : HTTP_BODY;
	return p->expects ? HTTP_CONTINUE : 0;
}

static int header_line(struct http_parser *p, char *line, struct err *err)
{
	char *value = line, *key;

	if (*line == '\0')
		return headers_end(p, err);
	if (!utf8_is_valid(line))
		return err_set(err, EINVAL,
			       "Invalid header. Reason: Header "
			       "contains invalid characters.");
	key = strsep(&value, ":");
	/* RFC 9112, 5.2: a line that begins with a space continues another. */
	if (value == NULL || *line == ' ' || *line == '\t')
		return err_set(err, EINVAL,
			       "Invalid header. Reason: Header is incorrectly "
			       "formatted. Key: %s",
			       quote(key).text);
	key = trim(key);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		if (strcasecmp(key, headers[i].name) == 0)
			return headers[i].parse(p, trim(value), err);
	return 0;
}

/* --- bodies */

/* Room for len more bytes and the NUL. */
static int body_reserve(struct http_parser *p, size_t len, struct err *err)
{
	size_t need = p->body_len + len + 1, room;
	char *body;

	if (need <= p->body_room)
		return 0;
	room = MAX(need, 2 * p->body_room);
	body = realloc(p->body, room);
	if (body == NULL)
		return err_set(err, ENOMEM, "Out of memory.");
	p->body = body;
	p->body_room = room;
	return 0;
}

/* RFC 9112, 7.1: hexadecimal digits, then perhaps extensions, ignored. */
static int chunk_size(struct http_parser *p, char *line, struct err *err)
{
	size_t digits = strspn(line, "0123456789abcdefABCDEF");
	char *rest = trim(line + digits);

	/* Eight digits cannot overflow, however many chunks there were. */
	if (digits == 0 || digits > 8 || (*rest != '\0' && *rest != ';'))
		return err_set(err, EINVAL, "Invalid request. Chunk size: %s",
			       quote(line).text);
	p->left = (size_t)strtoul(line, NULL, 16);
	if (p->left > p->payload_max - p->body_len)
		return too_large(p, p->body_len + p->left, err);
	p->state = p->left == 0 ? HTTP_TRAILERS : HTTP_CHUNK;
	return 0;
}

static int chunk_end(struct http_parser *p, char *line, struct err *err)
{
	if (*line != '\0')
		return err_set(err, EINVAL,
			       "Invalid request. A chunk is "
			       "longer than its size says.");
	p->state = HTTP_CHUNK_SIZE;
	return 0;
}

static int trailer_line(struct http_parser *p, char *line, struct err *err)
{
	(void)err;
	return *line == '\0' ? done(p) : 0;
}

static int take_bytes(struct http_parser *p, const char *bytes, size_t len,
		      size_t *used, struct err *err)
{
	size_t n = MIN(len, p->left);
	int ret = body_reserve(p, n, err);

	if (ret < 0)
		return ret;
	memcpy(p->body + p->body_len, bytes, n);
	p->body_len += n;
	p->body[p->body_len] = '\0';
	p->left -= n;
	*used += n;
	if (p->left > 0)
		return 0;
	if (p->state == HTTP_BODY)
		return done(p);
	p->state = HTTP_CHUNK_END;
	return 0;
}

/* --- lines */

static const struct {
	int (*parse)(struct http_parser *p, char *line, struct err *err);
	const char *bad_character, *too_long;
} line_parsers[] = {
	[HTTP_REQUEST_LINE] = { request_line, "Invalid request.",
				"Invalid request." },
	[HTTP_HEADERS] = { header_line,
			   "Invalid header. Reason: Header contains invalid "
			   "characters.",
			   "Invalid header. Reason: Header line longer than "
			   "1024 bytes." },
	[HTTP_CHUNK_SIZE] = { chunk_size, "Invalid request. Chunk size.",
			      "Invalid request. Chunk size." },
	[HTTP_CHUNK_END] = { chunk_end, "Invalid request. Chunk end.",
			     "Invalid request. Chunk end." },
	[HTTP_TRAILERS] = { trailer_line, "Invalid request. Trailer.",
			    "Invalid request. Trailer." },
};
static_assert(ARRAY_LEN(line_parsers) == HTTP_LINE_STATES,
	      "every state that takes lines has a row");

/* p->line holds a line and its LF, perhaps with a CR before it. */
static int whole_line(struct http_parser *p, struct err *err)
{
	size_t len = p->line_len - 1;

	p->line_len = 0;
	if (len > 0 && p->line[len - 1] == '\r')
		len--;
	p->line[len] = '\0';
	if (has_control(p->line, len))
		return err_set(err, EINVAL, "%s",
			       line_parsers[p->state].bad_character);
	return line_parsers[p->state].parse(p, p->line, err);
}

static int take_line(struct http_parser *p, const char *bytes, size_t len,
		     size_t *used, struct err *err)
{
	const char *end = memchr(bytes, '\n', len);
	size_t n = end == NULL ? len : (size_t)(end - bytes) + 1;

	if (p->line == NULL)
		p->line = malloc(HTTP_LINE_MAX);
	if (p->line == NULL)
		return err_set(err, ENOMEM, "Out of memory.");
	n = MIN(n, HTTP_LINE_MAX - p->line_len);
	memcpy(p->line + p->line_len, bytes, n);
	p->line_len += n;
	*used += n;
	if (p->line[p->line_len - 1] == '\n')
		return whole_line(p, err);
	if (p->line_len == HTTP_LINE_MAX)
		return err_set(err, EINVAL, "%s",
			       line_parsers[p->state].too_long);
	return 0;
}

int http_parser_feed(struct http_parser *p, const char *bytes, size_t len,
		     size_t *used, struct err *err)
{
	int ret = 0;

	*used = 0;
	while (ret == 0 && *used < len) {
		if (p->state < HTTP_LINE_STATES)
			ret = take_line(p, bytes + *used, len - *used, used,
					err);
		else
			ret = take_bytes(p, bytes + *used, len - *used, used,
					 err);
	}
	/* Nothing but empty lines: as idle as before. */
	if (ret == 0 && !http_parser_begun(p))
		http_parser_next(p);
	return ret;
}
